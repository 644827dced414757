// Alpha under Windows NT 3.x and 4.0 (32-bit addresses).
//
// Registers.  r0 ... r31 are numbered 0 ... 31 under their names of the calling standard (v0,
// t0-t7, s0-s5, fp, a0-a5, t8-t11, ra, t12, at, gp, sp, zero); fir, the address of the next
// instruction, and the rest follow as arch/alpha.h says.
//
// Addresses.  Registers are 64 bits wide and hold 32-bit addresses sign-extended; comparing one
// with anything from a dump means cutting it to 32 bits first, which is what `strip` does.  Pages
// have 8 KiB.
//
// Calls leave the return address in a register (ra by convention), and every instruction has four
// bytes.  Unwinding on this CPU means following the code of the .pdata entry up to pc:
// alpha_unwind.cpp.
//
// Sources: Alpha Architecture Handbook; "Windows NT for Alpha Systems Calling Standard" (MSDN
// Library, April 2000); CONTEXT for Alpha of old public headers, kept in Wine's winnt.h.
#include "arch/alpha.h"
#include "arch/tables.h"
#include "base/text.h"
#include "formats/context_alpha.h"

namespace dumptriage::arch {
namespace {

constexpr std::string_view kNames[kAlphaRegisters] = {
    "v0", "t0", "t1", "t2",   "t3",  "t4",  "t5", "t6", "t7", "s0", "s1",  "s2",  "s3", "s4",
    "s5", "fp", "a0", "a1",   "a2",  "a3",  "a4", "a5", "t8", "t9", "t10", "t11", "ra", "t12",
    "at", "gp", "sp", "zero", "fir", "psr", "f2", "f3", "f4", "f5", "f6",  "f7",  "f8", "f9"};

Result<Registers> decode(ByteView bytes) {
  auto context = bytes.get<formats::ContextAlpha>(0);
  if (!context)
    return fail(Code::truncated, "Alpha CONTEXT",
                "0x230 bytes are needed, " + hex(bytes.size()) + " are there");
  const std::uint32_t flags = context->ContextFlags;
  if (auto ok = check_context("Alpha", flags, formats::kContextAlpha); !ok)
    return std::unexpected(ok.error());
  Registers r;
  r.set(kAlphaZero, 0);
  for (int i = 0; i < kAlphaZero; ++i) {
    const bool control = i == kAlphaFp || i == kAlphaRa || i == kAlphaGp || i == kAlphaSp;
    if (flags & (control ? formats::kContextAlphaControl : formats::kContextAlphaInteger))
      r.set(i, context->Int[i]);
  }
  if (flags & formats::kContextAlphaControl) {
    r.set(kAlphaFir, context->Fir);
    r.set(kAlphaPsr, context->Psr);
  }
  if (flags & formats::kContextAlphaFloat)
    for (int i = 2; i <= 9; ++i) r.set(kAlphaF2 + i - 2, context->FltF[i]);
  return r;
}

std::uint64_t strip(std::uint64_t address) { return address & 0xFFFFFFFF; }

} // namespace

const Arch kAlpha = {
    .machine = Machine::alpha,
    .name = "alpha",
    .pointer_size = 4,
    .pc = kAlphaFir,
    .sp = kAlphaSp,
    .fp = kAlphaFp,
    .link = kAlphaRa,
    .register_names = kNames,
    .context_size = sizeof(formats::ContextAlpha),
    .decode_context = decode,
    .code_line = code_line_alpha,
    .unwind_by_data = unwind_alpha,
    .call_before = call_before_alpha,
    .translate = translate_alpha,
    .page_size = 0x2000,
    .strip = strip,
};

// Alpha64 (AXP64), which never shipped: the same CPU with 64-bit addresses.
const Arch kAlpha64 = {
    .machine = Machine::alpha64,
    .name = "alpha64",
    .pointer_size = 8,
    .pc = kAlphaFir,
    .sp = kAlphaSp,
    .fp = kAlphaFp,
    .link = kAlphaRa,
    .register_names = kNames,
    .context_size = sizeof(formats::ContextAlpha),
    .decode_context = decode,
    .code_line = code_line_alpha,
    .unwind_by_data = unwind_alpha64,
    .call_before = call_before_alpha,
    .translate = nullptr,
    .page_size = 0x2000,
};

} // namespace dumptriage::arch
