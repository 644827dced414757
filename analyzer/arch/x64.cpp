// x64 (AMD64, Intel 64) under Windows.
//
// Registers.  16 integer registers; the number of a register here is its number in an instruction
// and in UNWIND_CODE.OpInfo: rax 0, rcx 1, rdx 2, rbx 3, rsp 4, rbp 5, rsi 6, rdi 7, r8 ... r15.
// rip is 16, rflags 17, the segment selectors follow.
//
// Calling convention.  rbx, rbp, rsi, rdi, r12 ... r15 and xmm6 ... xmm15 survive a call, the
// others do not, so an unwound caller does not know them.  The caller leaves 32 bytes of home space
// above the return address.  The stack is 16-byte aligned at every call.
//
// Unwinding.  A function that moves rsp or saves a register has an entry in .pdata: begin, end and
// the rva of its UNWIND_INFO, which lists what the prologue does; undoing the list from the last
// operation back restores the caller.  A function without an entry is a leaf: rsp is as it was
// after the call, and the return address is at [rsp].  A leaf calls nobody, so when a *return
// address* has no entry, either the value is no return address or the table is not that of the
// code. Inside a prologue only the operations already done are undone; inside an epilogue the rest
// of the epilogue is executed instead, for the list no longer tells the truth.
//
// Trap frames.  The CPU pushes ss, rsp, rflags, cs, rip (and for some vectors an error code) on a
// stack of its choice; the handler's UNWIND_INFO says so with UWOP_PUSH_MACHFRAME.  The frame below
// was interrupted at exactly rip, and its rsp may lie on another stack (DPC, IST).
//
// Addresses are canonical: bits 63 to 47 are equal.  Page tables have four levels of 512 entries
// of 8 bytes (five with LA57); a page is 4 KiB, 2 MiB or 1 GiB.
//
// Sources: "x64 calling convention", "x64 exception handling", "x64 prolog and epilog" on
// learn.microsoft.com; AMD64 Architecture Programmer's Manual volumes 2 and 3; CONTEXT of winnt.h.
#include "arch/tables.h"
#include "base/text.h"
#include "formats/context_x64.h"

namespace dumptriage::arch {
namespace {

constexpr std::string_view kNames[] = {"rax", "rcx",    "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                       "r8",  "r9",     "r10", "r11", "r12", "r13", "r14", "r15",
                                       "rip", "rflags", "cs",  "ss",  "ds",  "es",  "fs",  "gs"};
enum { kRsp = 4, kR8 = 8, kRip = 16, kFlags, kCs, kSs, kDs, kEs, kFs, kGs };

Result<Registers> decode(ByteView bytes) {
  auto context = bytes.get<formats::ContextX64>(0);
  if (!context)
    return fail(Code::truncated, "x64 CONTEXT",
                "0x100 bytes are needed, " + hex(bytes.size()) + " are there");
  const std::uint32_t flags = context->ContextFlags;
  if (auto ok = check_context("x64", flags, formats::kContextX64); !ok)
    return std::unexpected(ok.error());
  Registers r;
  if (flags & formats::kContextX64Integer) {
    const le64* low[] = {&context->Rax, &context->Rcx, &context->Rdx, &context->Rbx,
                         nullptr,       &context->Rbp, &context->Rsi, &context->Rdi,
                         &context->R8,  &context->R9,  &context->R10, &context->R11,
                         &context->R12, &context->R13, &context->R14, &context->R15};
    for (int i = 0; i < 16; ++i)
      if (low[i]) r.set(i, *low[i]);
  }
  if (flags & formats::kContextX64Control) {
    r.set(kRsp, context->Rsp);
    r.set(kRip, context->Rip);
    r.set(kFlags, context->EFlags);
    r.set(kCs, context->SegCs);
    r.set(kSs, context->SegSs);
  }
  if (flags & formats::kContextX64Segments) {
    r.set(kDs, context->SegDs);
    r.set(kEs, context->SegEs);
    r.set(kFs, context->SegFs);
    r.set(kGs, context->SegGs);
  }
  return r;
}

} // namespace

const Arch kX64 = {
    .machine = Machine::x64,
    .name = "x64",
    .pointer_size = 8,
    .pc = kRip,
    .sp = kRsp,
    .fp = 5,
    .register_names = kNames,
    .context_size = sizeof(formats::ContextX64),
    .decode_context = decode,
    .unwind_by_data = unwind_x64,
    .unwind_by_cfi = unwind_x64_cfi,
    .unwind_by_frame_pointer = nullptr, // rbp is a general register here: no chain to follow
    .call_before = call_before_x64,
    .call_reaches = call_reaches_x64,
    .translate = translate_x64,
    .read_trap_frame = trap_frame_x64,
    .strip = nullptr,
};

} // namespace dumptriage::arch
