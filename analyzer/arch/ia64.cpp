// Itanium (IA64) under Windows.
//
// Registers are numbered as arch/ia64.h says.  r32 and up rotate on the register stack engine and
// live in the backing store, a second stack that grows upward; a stack walk needs both stacks.
//
// Code is bundles of 16 bytes with three slots.  A return address (b0) names a bundle.  A function
// pointer is the address of a pair {entry, gp}.
//
// Unwinding is by .pdata/.xdata in the form of the Itanium Software Conventions (chapter 11 and
// appendix B): ia64_unwind.cpp.
//
// Sources: Intel Itanium Architecture Software Developer's Manual; "Itanium Software Conventions
// and Runtime Architecture Guide" (Intel 245358); CONTEXT of the public SDK's winnt.h.
#include "arch/ia64.h"
#include "arch/tables.h"
#include "base/text.h"
#include "formats/context_ia64.h"

namespace dumptriage::arch {
namespace {

constexpr std::string_view kNames[kIa64Registers] = {
    "r0",   "gp",   "r2",   "r3",    "r4",   "r5",   "r6",   "r7",   "r8",   "r9",       "r10",
    "r11",  "sp",   "r13",  "r14",   "r15",  "r16",  "r17",  "r18",  "r19",  "r20",      "r21",
    "r22",  "r23",  "r24",  "r25",   "r26",  "r27",  "r28",  "r29",  "r30",  "r31",      "rp",
    "b1",   "b2",   "b3",   "b4",    "b5",   "b6",   "b7",   "pfs",  "bsp",  "bspstore", "rnat",
    "ipsr", "iip",  "ifs",  "preds", "unat", "lc",   "ec",   "fpsr", "nats", "",         "",
    "",     "",     "",     "",      "",     "",     "",     "",     "",     "f2",       "f2h",
    "f3",   "f3h",  "f4",   "f4h",   "f5",   "f5h",  "f16",  "f16h", "f17",  "f17h",     "f18",
    "f18h", "f19",  "f19h", "f20",   "f20h", "f21",  "f21h", "f22",  "f22h", "f23",      "f23h",
    "f24",  "f24h", "f25",  "f25h",  "f26",  "f26h", "f27",  "f27h", "f28",  "f28h",     "f29",
    "f29h", "f30",  "f30h", "f31",   "f31h"};
static_assert(kNames[kIa64Nats] == "nats" && kNames[kIa64F2] == "f2" &&
              kNames[kIa64Registers - 1] == "f31h");

void set_floats(Registers& r, const formats::ContextIa64& context, int first, int last) {
  for (int n = first; n <= last; ++n) {
    const ByteView value(context.Flt + 16 * (n - 2), 16);
    r.set(ia64_float(n), *value.u64(0));
    r.set(ia64_float(n) + 1, *value.u64(8));
  }
}

void set_control(Registers& r, const formats::ContextIa64& context) {
  constexpr std::uint64_t kFrameMarker = (std::uint64_t{1} << 38) - 1;
  r.set(kIa64Sp, context.Int[kIa64Sp - 1]);
  for (int i = 0; i < 8; ++i) r.set(kIa64Rp + i, context.Br[i]);
  r.set(kIa64Pfs, context.RsPFS);
  r.set(kIa64Bsp, context.RsBSP);
  r.set(kIa64BspStore, context.RsBSPSTORE);
  r.set(kIa64Rnat, context.RsRNAT);
  const std::uint64_t slot = context.StIPSR >> 41 & 3; // psr.ri; 3 is reserved
  r.set(kIa64Ipsr, context.StIPSR);
  r.set(kIa64Iip, ia64_bundle(context.StIIP) + 4 * (slot == 3 ? 0 : slot));
  r.set(kIa64Ifs, context.StIFS & kFrameMarker);
  r.set(kIa64Preds, context.Preds);
  r.set(kIa64Unat, context.ApUNAT);
  r.set(kIa64Lc, context.ApLC);
  r.set(kIa64Ec, context.ApEC);
  r.set(kIa64Fpsr, context.StFPSR);
  r.set(kIa64Nats, context.IntNats);
}

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
      if (i != kIa64Sp) r.set(i, context->Int[i - 1]);
  if (flags & formats::kContextIa64LowerFloat) {
    set_floats(r, *context, 2, 5);
    set_floats(r, *context, 16, 31);
  }
  if (flags & formats::kContextIa64Control) set_control(r, *context);
  return r;
}

} // namespace

const Arch kIa64 = {
    .machine = Machine::ia64,
    .name = "ia64",
    .pointer_size = 8,
    .pc = kIa64Iip,
    .sp = kIa64Sp,
    .fp = -1,
    .link = kIa64Rp,
    .backing = kIa64Bsp,
    .register_names = kNames,
    .context_size = sizeof(formats::ContextIa64),
    .decode_context = decode,
    .settle = settle_ia64,
    .code_line = code_line_ia64,
    .code_unit = 16,
    .unwind_by_data = unwind_ia64,
    .unwind_by_frame_pointer = nullptr,
    .call_before = call_before_ia64,
    .call_reaches = nullptr,
    .translate = translate_ia64,
    .page_size = 0x2000,
    .strip = nullptr,
};

} // namespace dumptriage::arch
