// 32-bit x86 under Windows.
//
// Registers are numbered as in instructions: eax 0, ecx 1, edx 2, ebx 3, esp 4, ebp 5, esi 6, edi
// 7; then eip 8, eflags 9, the segment selectors.  ebx, ebp, esi and edi survive a call.
//
// Calls push the return address; nothing on the stack says where the caller's frame begins.  Three
// things can tell: the frame-pointer chain (`push ebp; mov ebp, esp` leaves the caller's ebp at
// [ebp] and the return address at [ebp+4]), FPO records and FrameData in symbols, and decoding the
// code.  Only the first is used here; see x86_frame_pointer.cpp for when it counts as proved.
//
// Trap frames of the kernel are chained into the ebp chain (KTRAP_FRAME begins with DbgEbp,
// DbgEip), but their own fields give the interrupted registers; see x86_trap_frame.cpp.
//
// Page tables: two levels of 1024 entries of 4 bytes, or with PAE three levels of 8-byte entries.
//
// Sources: Intel 64 and IA-32 Architectures Software Developer's Manual, volumes 1 to 3; "Calling
// conventions" on learn.microsoft.com; CONTEXT of winnt.h.
#include "arch/tables.h"
#include "base/text.h"
#include "formats/context_x86.h"

namespace dumptriage::arch {
namespace {

constexpr std::string_view kNames[] = {"eax", "ecx",    "edx", "ebx", "esp", "ebp", "esi", "edi",
                                       "eip", "eflags", "cs",  "ss",  "ds",  "es",  "fs",  "gs"};
enum { kEsp = 4, kEbp = 5, kEip = 8, kFlags, kCs, kSs, kDs, kEs, kFs, kGs };

Result<Registers> decode(ByteView bytes) {
  auto context = bytes.get<formats::ContextX86>(0);
  if (!context)
    return fail(Code::truncated, "x86 CONTEXT",
                "0xCC bytes are needed, " + hex(bytes.size()) + " are there");
  const std::uint32_t flags = context->ContextFlags;
  if (auto ok = check_context("x86", flags, formats::kContextX86); !ok)
    return std::unexpected(ok.error());
  Registers r;
  if (flags & formats::kContextX86Integer) {
    r.set(0, context->Eax);
    r.set(1, context->Ecx);
    r.set(2, context->Edx);
    r.set(3, context->Ebx);
    r.set(6, context->Esi);
    r.set(7, context->Edi);
  }
  if (flags & formats::kContextX86Control) {
    r.set(kEsp, context->Esp);
    r.set(kEbp, context->Ebp);
    r.set(kEip, context->Eip);
    r.set(kFlags, context->EFlags);
    r.set(kCs, context->SegCs);
    r.set(kSs, context->SegSs);
  }
  if (flags & formats::kContextX86Segments) {
    r.set(kDs, context->SegDs);
    r.set(kEs, context->SegEs);
    r.set(kFs, context->SegFs);
    r.set(kGs, context->SegGs);
  }
  return r;
}

} // namespace

const Arch kX86 = {
    .machine = Machine::x86,
    .name = "x86",
    .pointer_size = 4,
    .pc = kEip,
    .sp = kEsp,
    .fp = kEbp,
    .register_names = kNames,
    .context_size = sizeof(formats::ContextX86),
    .decode_context = decode,
    .unwind_by_data = nullptr,
    .unwind_by_frame_data = unwind_x86_frame_data,
    .unwind_by_cfi = unwind_x86_cfi,
    .unwind_by_frame_pointer = unwind_x86_frame_pointer,
    .call_before = call_before_x86,
    .call_reaches = call_reaches_x86,
    .reached_code = reached_code_x86,
    .translate = translate_x86,
    .read_trap_frame = trap_frame_x86,
    .strip = nullptr,
};

} // namespace dumptriage::arch
