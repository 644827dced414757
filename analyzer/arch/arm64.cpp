// ARM64 (AArch64) under Windows.
//
// Registers.  x0 ... x28 are numbered 0 ... 28, fp (x29) 29, lr (x30) 30, sp 31, pc 32, cpsr 33.
// x19 ... x28, fp, lr and the low halves of v8 ... v15 survive a call.  x18 holds the TEB in user
// mode and the KPCR in the kernel.
//
// Calls.  `bl` and `blr` put the return address into lr; a function that calls others stores fp and
// lr as a pair and points fp at it, so that [fp] is the caller's fp and [fp+8] the return address.
// Compilers keep this chain in nearly all Windows code, but a leaf has no pair, and inside
// prologues and epilogues fp is still, or again, that of the caller.
//
// Unwinding proper is by .pdata/.xdata (arm64_unwind.cpp).  The chain walk below reads only the
// pair; callers treat it as unproved.
//
// Pointer authentication puts a code into the unused top bits of a return address.  The address
// itself is 48 bits wide; bit 55 says which half of the address space it belongs to (Arm ARM, D8
// "Pointer authentication"), so clearing or setting the bits above 47 by it restores the address.
// (The CPU can do with 52 bits, Windows does not.)
//
// Page tables: 4 KiB pages, four levels of 512 entries; TTBR0 for the low half, TTBR1 for the high.
//
// Sources: Arm Architecture Reference Manual; "Overview of ARM64 ABI conventions" on
// learn.microsoft.com; CONTEXT of winnt.h.
#include "arch/arm64_frame.h"
#include "base/text.h"
#include "formats/context_arm64.h"

namespace dumptriage::arch {
namespace {

constexpr std::string_view kNames[] = {
    "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10", "x11",
    "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23",
    "x24", "x25", "x26", "x27", "x28", "fp",  "lr",  "sp",  "pc",  "cpsr"};
// Breakpad wrote ARM64 contexts of its own layout before Windows had one; their flags say so.
constexpr std::uint32_t kOldBreakpadArm64 = 0x80000000;

} // namespace

Result<Registers> arm64::decode_context(ByteView bytes) {
  auto context = bytes.get<formats::ContextArm64>(0);
  if (!context)
    return fail(Code::truncated, "ARM64 CONTEXT",
                "0x110 bytes are needed, " + hex(bytes.size()) + " are there");
  const std::uint32_t flags = context->ContextFlags;
  if ((flags & formats::kContextArm64) == 0 && (flags & kOldBreakpadArm64) != 0)
    return fail(Code::unsupported, "ARM64 CONTEXT", "the old layout of Breakpad is not read");
  if (auto ok = check_context("ARM64", flags, formats::kContextArm64); !ok)
    return std::unexpected(ok.error());
  Registers r;
  if (flags & formats::kContextArm64Integer)
    for (int i = 0; i < 29; ++i) r.set(i, context->X[i]);
  if (flags & formats::kContextArm64Control) {
    r.set(kFp, context->Fp);
    r.set(kLr, context->Lr);
    r.set(kSp, context->Sp);
    r.set(kPc, context->Pc);
    r.set(kCpsr, context->Cpsr);
  }
  return r;
}

std::uint64_t arm64::strip(std::uint64_t address) {
  constexpr std::uint64_t high = 0xFFFF000000000000;
  return (address >> 55 & 1) ? address | high : address & ~high;
}

namespace {

using namespace arm64;

// bl imm26; blr Xn and its authenticated forms blraaz, blrabz, blraa, blrab.
std::optional<bool> call_before(const memory::AddressSpace& memory, std::uint64_t address) {
  address = strip(address);
  if (address < 4 || (address & 3) != 0) return false;
  auto word = memory.u32(address - 4);
  if (!word) return std::nullopt;
  if ((*word & 0xFC000000) == 0x94000000) return true;
  if ((*word & 0xFFFFFC1F) == 0xD63F0000) return true; // blr
  if ((*word & 0xFFFFF81F) == 0xD63F081F) return true; // blraaz, blrabz
  return (*word & 0xFFFFF800) == 0xD73F0800;           // blraa, blrab
}

UnwindResult by_frame_pointer(const UnwindInput& input) {
  const auto fp = input.registers.get(kFp), sp = input.registers.get(kSp);
  if (!fp || !sp) return method_failed(Code::absent, "frame pointer", "not known", 0);
  if (*fp == 0) return stop_here(Code::bad_value, "frame-pointer chain", "its end", 0);
  if ((*fp & 7) != 0 || *fp < *sp)
    return method_failed(Code::bad_value, "frame pointer", "not above the stack pointer", *fp);
  le64 pair[2];
  const auto outcome = input.memory.read(*fp, std::as_writable_bytes(std::span(pair)));
  if (!outcome.complete(sizeof(pair)))
    return method_failed(Code::absent, "frame record", "not captured in this dump", *fp);
  Caller caller;
  // x19 ... x28 may have been saved and changed by this function: not known without its unwind
  // data.
  caller.registers.set(kFp, pair[0]);
  caller.registers.set(kPc, strip(pair[1]));
  caller.registers.set(kSp, *fp + 16);
  caller.trust = Trust::frame_pointer;
  // A function without a frame of its own, or one that is still in its prologue, is skipped by the
  // chain, and only its unwind data would show that.
  caller.proved = false;
  caller.unproved = "frame-pointer chain, not proved: no unwind data at hand";
  caller.origin = outcome.origin;
  return caller;
}

} // namespace

const Arch kArm64 = {
    .machine = Machine::arm64,
    .name = "arm64",
    .pointer_size = 8,
    .pc = kPc,
    .sp = kSp,
    .fp = kFp,
    .link = kLr,
    .register_names = kNames,
    .context_size = sizeof(formats::ContextArm64),
    .decode_context = decode_context,
    .unwind_by_data = unwind_arm64,
    .unwind_by_cfi = unwind_arm64_cfi,
    .unwind_by_frame_pointer = by_frame_pointer,
    .call_before = call_before,
    .call_reaches = nullptr,
    .translate = translate_arm64,
    .read_trap_frame = trap_frame,
    .strip = strip,
};

} // namespace dumptriage::arch
