// Alpha under Windows NT 3.x and 4.0 (32-bit addresses).
//
// Registers.  r0 ... r31 are numbered 0 ... 31 under their names of the calling standard (v0,
// t0-t7, s0-s5, fp, a0-a5, t8-t11, ra, t12, at, gp, sp, zero); fir, the address of the next
// instruction, is 32, psr 33.
//
// Addresses.  Registers are 64 bits wide and hold 32-bit addresses sign-extended; comparing one
// with anything from a dump means cutting it to 32 bits first, which is what `strip` does.  Pages
// have 8 KiB.
//
// Calls leave the return address in a register (ra by convention), and every instruction has four
// bytes.  Unwinding on this CPU means executing the prologue of the .pdata entry backwards: the
// slots for it are empty here.
//
// Sources: Alpha Architecture Handbook; "Windows NT for Alpha Systems Calling Standard" (MSDN
// Library, April 2000); CONTEXT for Alpha of old public headers, kept in Wine's winnt.h.
#include "arch/tables.h"
#include "base/text.h"
#include "formats/context_alpha.h"

namespace dumptriage::arch {
namespace {

constexpr std::string_view kNames[] = {"v0",  "t0", "t1", "t2", "t3",   "t4",  "t5",  "t6",  "t7",
                                       "s0",  "s1", "s2", "s3", "s4",   "s5",  "fp",  "a0",  "a1",
                                       "a2",  "a3", "a4", "a5", "t8",   "t9",  "t10", "t11", "ra",
                                       "t12", "at", "gp", "sp", "zero", "fir", "psr"};
enum { kFp = 15, kRa = 26, kGp = 29, kSp = 30, kZero = 31, kFir = 32, kPsr = 33 };

Result<Registers> decode(ByteView bytes) {
  auto context = bytes.get<formats::ContextAlpha>(0);
  if (!context)
    return fail(Code::truncated, "Alpha CONTEXT",
                "0x230 bytes are needed, " + hex(bytes.size()) + " are there");
  const std::uint32_t flags = context->ContextFlags;
  if (auto ok = check_context("Alpha", flags, formats::kContextAlpha); !ok)
    return std::unexpected(ok.error());
  Registers r;
  r.set(kZero, 0);
  for (int i = 0; i < kZero; ++i) {
    const bool control = i == kFp || i == kRa || i == kGp || i == kSp;
    if (flags & (control ? formats::kContextAlphaControl : formats::kContextAlphaInteger))
      r.set(i, context->Int[i]);
  }
  if (flags & formats::kContextAlphaControl) {
    r.set(kFir, context->Fir);
    r.set(kPsr, context->Psr);
  }
  return r;
}

std::uint64_t strip(std::uint64_t address) { return address & 0xFFFFFFFF; }

} // namespace

const Arch kAlpha = {
    .machine = Machine::alpha,
    .name = "alpha",
    .pointer_size = 4,
    .pc = kFir,
    .sp = kSp,
    .fp = kFp,
    .register_names = kNames,
    .context_size = sizeof(formats::ContextAlpha),
    .decode_context = decode,
    .unwind_by_data = nullptr,
    .unwind_by_frame_pointer = nullptr,
    .call_before = nullptr,
    .call_reaches = nullptr,
    // The tables are not sourced, and no public source says that NT maps 80000000 one to one.
    .translate = nullptr,
    .page_size = 0x2000,
    .strip = strip,
};

} // namespace dumptriage::arch
