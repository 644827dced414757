// Itanium (IA64) under Windows.
//
// Registers.  r0 ... r31 are numbered 0 ... 31 (r0 is always zero, r1 gp, r12 sp, r13 the TEB);
// rp (b0) is 32, b1 ... b5 are 33 ... 37, then pfs, bsp, bspstore, rnat, ipsr, iip, ifs, preds,
// unat, lc.  r32 and up rotate on the register stack engine and live in the backing store, a second
// stack that grows upward; a stack walk needs both stacks.
//
// Code is bundles of 16 bytes with three slots; iip names the bundle, bits 42:41 of ipsr the slot.
// A return address (b0) names a bundle.  A function pointer is the address of a pair {entry, gp}.
//
// Unwinding is by .pdata/.xdata in the form of the Itanium Software Conventions (chapter 11 and
// appendix B): not read here yet, so the unwind slots are empty.
//
// Sources: Intel Itanium Architecture Software Developer's Manual; "Itanium Software Conventions
// and Runtime Architecture Guide" (Intel 245358); CONTEXT of the public SDK's winnt.h.
#include "arch/tables.h"
#include "base/text.h"
#include "formats/context_ia64.h"

namespace dumptriage::arch {
namespace {

constexpr std::string_view kNames[] = {
    "r0",  "gp",  "r2",  "r3",  "r4",       "r5",   "r6",   "r7",  "r8",  "r9",    "r10",  "r11",
    "sp",  "r13", "r14", "r15", "r16",      "r17",  "r18",  "r19", "r20", "r21",   "r22",  "r23",
    "r24", "r25", "r26", "r27", "r28",      "r29",  "r30",  "r31", "rp",  "b1",    "b2",   "b3",
    "b4",  "b5",  "pfs", "bsp", "bspstore", "rnat", "ipsr", "iip", "ifs", "preds", "unat", "lc"};
enum {
  kSp = 12,
  kRp = 32,
  kPfs = 38,
  kBsp,
  kBspStore,
  kRnat,
  kIpsr,
  kIip,
  kIfs,
  kPreds,
  kUnat,
  kLc
};

Result<Registers> decode(ByteView bytes) {
  auto context = bytes.get<formats::ContextIa64>(0);
  if (!context)
    return fail(Code::truncated, "IA64 CONTEXT",
                "0xA70 bytes are needed, " + hex(bytes.size()) + " are there");
  const std::uint32_t flags = context->ContextFlags;
  if (auto ok = check_context("IA64", flags, formats::kContextIa64); !ok)
    return std::unexpected(ok.error());
  Registers r;
  r.set(0, 0);
  if (flags & formats::kContextIa64Integer)
    for (int i = 1; i < 32; ++i)
      if (i != kSp) r.set(i, context->Int[i - 1]);
  if (flags & formats::kContextIa64Control) {
    r.set(kSp, context->Int[kSp - 1]);
    for (int i = 0; i < 6; ++i) r.set(kRp + i, context->Br[i]);
    r.set(kPfs, context->RsPFS);
    r.set(kBsp, context->RsBSP);
    r.set(kBspStore, context->RsBSPSTORE);
    r.set(kRnat, context->RsRNAT);
    r.set(kIpsr, context->StIPSR);
    r.set(kIip, context->StIIP);
    r.set(kIfs, context->StIFS);
    r.set(kPreds, context->Preds);
    r.set(kUnat, context->ApUNAT);
    r.set(kLc, context->ApLC);
  }
  return r;
}

} // namespace

const Arch kIa64 = {
    .machine = Machine::ia64,
    .name = "ia64",
    .pointer_size = 8,
    .pc = kIip,
    .sp = kSp,
    .fp = -1,
    .register_names = kNames,
    .context_size = sizeof(formats::ContextIa64),
    .decode_context = decode,
    .unwind_by_data = nullptr,
    .unwind_by_frame_pointer = nullptr,
    .call_before = nullptr,
    .call_reaches = nullptr,
    .translate = translate_ia64,
    .page_size = 0x2000,
    .strip = nullptr,
};

} // namespace dumptriage::arch
