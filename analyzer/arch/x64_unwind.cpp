// One frame of x64 by RUNTIME_FUNCTION and UNWIND_INFO.
//
// The codes stand in the reverse order of the prologue; undoing those already done gives
//   push:  register = [rsp], rsp += 8        alloc: rsp += size
//   save:  register = [base + offset]        set frame: rsp = frame register - offset
//   machine frame: (error code: rsp += 8), rip = [rsp], rsp = [rsp + 24]
// where base is rsp in the body of the function, or frame register - offset once that is set.  At
// the end, unless there was a machine frame, rip = [rsp], rsp += 8. Source: "x64 exception
// handling", learn.microsoft.com.
#include "arch/x64_frame.h"
#include "base/text.h"
#include "formats/unwind_x64.h"

namespace dumptriage::arch {
namespace x64 {
namespace {

using formats::UnwindInfoX64;

// Chains met in images have one or two links.
constexpr int kMostChained = 32;

struct Info {
  std::uint64_t address = 0;
  UnwindInfoX64 header;
  std::vector<formats::UnwindCodeX64> codes;
};

std::expected<Info, UnwindFailure> read_info(Reader& reader, std::uint64_t address) {
  auto header = reader.get<UnwindInfoX64>(address, "UNWIND_INFO");
  if (!header) return std::unexpected(header.error());
  if (header->version() != 1 && header->version() != 2)
    return method_failed(Code::unsupported, "UNWIND_INFO",
                         "version " + std::to_string(header->version()), address);
  Info info{address, *header, {}};
  info.codes.reserve(header->CountOfCodes);
  for (int i = 0; i < header->CountOfCodes; ++i) {
    auto code = reader.get<formats::UnwindCodeX64>(address + 4 + 2 * i, "unwind codes");
    if (!code) return std::unexpected(code.error());
    info.codes.push_back(*code);
  }
  return info;
}

// Slots that one operation takes; 0 for an operation that this version does not have.
int slots_of(int version, int operation, int argument) {
  switch (operation) {
  case formats::kUwopAllocLarge: return argument == 0 ? 2 : argument == 1 ? 3 : 0;
  case formats::kUwopSaveNonvol:
  case formats::kUwopSaveXmm128: return 2;
  case formats::kUwopSaveNonvolFar:
  case formats::kUwopSaveXmm128Far: return 3;
  case formats::kUwopEpilog: return version == 2 ? 1 : 0;
  case formats::kUwopPushNonvol:
  case formats::kUwopAllocSmall:
  case formats::kUwopSetFpreg: return 1;
  case formats::kUwopPushMachframe: return argument <= 1 ? 1 : 0;
  default: return 0;
  }
}

std::uint32_t slot(const Info& info, std::size_t index) {
  return info.codes[index].CodeOffset | info.codes[index].OpInfo << 8;
}
std::uint32_t two_slots(const Info& info, std::size_t index) {
  return slot(info, index) | slot(info, index + 1) << 16;
}

Step machine_frame(Frame& frame, bool error_code) {
  auto rsp = frame.rsp();
  if (!rsp) return std::unexpected(rsp.error());
  const std::uint64_t at = *rsp + (error_code ? 8 : 0);
  constexpr int kPushed[] = {kRip, kCs, kRflags, kRsp, kSs};
  for (int i = 0; i < 5; ++i) {
    auto value = frame.reader.get<le64>(at + 8 * i, "machine frame");
    if (!value) return std::unexpected(value.error());
    frame.registers.set(kPushed[i], *value);
  }
  frame.machine_frame = true;
  return {};
}

Step undo(Frame& frame, const Info& info, std::size_t index, std::optional<std::uint64_t> base) {
  const int operation = info.codes[index].OpInfo & 15, argument = info.codes[index].OpInfo >> 4;
  auto rsp = frame.rsp();
  if (!rsp) return std::unexpected(rsp.error());
  switch (operation) {
  case formats::kUwopPushNonvol: return frame.pop(argument, "saved register");
  case formats::kUwopAllocLarge:
    frame.registers.set(kRsp, *rsp + (argument ? two_slots(info, index + 1)
                                               : std::uint64_t{slot(info, index + 1)} * 8));
    return {};
  case formats::kUwopAllocSmall: frame.registers.set(kRsp, *rsp + argument * 8 + 8); return {};
  case formats::kUwopSetFpreg:
    if (!base) return method_failed(Code::absent, "frame register", "not known", info.address);
    frame.registers.set(kRsp, *base);
    return {};
  case formats::kUwopSaveNonvol:
  case formats::kUwopSaveNonvolFar: {
    const std::uint64_t offset = operation == formats::kUwopSaveNonvol
                                     ? std::uint64_t{slot(info, index + 1)} * 8
                                     : two_slots(info, index + 1);
    if (!base) return method_failed(Code::absent, "frame register", "not known", info.address);
    // A register that cannot be read does not end the walk unless it is needed later.
    auto value = frame.reader.get<le64>(*base + offset, "saved register");
    if (!value)
      frame.registers.forget(argument);
    else if (argument != kRsp)
      frame.registers.set(argument, *value);
    return {};
  }
  case formats::kUwopPushMachframe: return machine_frame(frame, argument == 1);
  default: return {}; // xmm registers are not followed; EPILOG describes no prologue operation
  }
}

// The base of saved registers: rsp in the body, or the frame register less its offset once set.
std::optional<std::uint64_t> base_of(const Frame& frame, const Info& info, std::uint64_t done) {
  const int reg = info.header.frame_register();
  if (reg == 0) return frame.registers.get(kRsp);
  bool is_set =
      done >= info.header.SizeOfProlog || (info.header.flags() & formats::kUnwindFlagChained);
  for (std::size_t i = 0; i < info.codes.size() && !is_set;) {
    const int operation = info.codes[i].OpInfo & 15;
    is_set = operation == formats::kUwopSetFpreg && info.codes[i].CodeOffset <= done;
    const int slots = slots_of(info.header.version(), operation, info.codes[i].OpInfo >> 4);
    if (slots == 0) break;
    i += slots;
  }
  if (!is_set) return frame.registers.get(kRsp);
  const auto value = frame.registers.get(reg);
  if (!value) return std::nullopt;
  return *value - info.header.frame_offset();
}

// Undoes the operations of one UNWIND_INFO; `done` is the offset of pc behind the function's begin.
Step undo_all(Frame& frame, const Info& info, std::uint64_t done,
              std::optional<std::uint64_t> base) {
  for (std::size_t i = 0; i < info.codes.size();) {
    const int operation = info.codes[i].OpInfo & 15, argument = info.codes[i].OpInfo >> 4;
    const int slots = slots_of(info.header.version(), operation, argument);
    if (slots == 0)
      return method_failed(Code::unsupported, "unwind code",
                           "operation " + std::to_string(operation), info.address);
    if (i + slots > info.codes.size())
      return method_failed(Code::bad_value, "unwind code", "its slots go beyond the end",
                           info.address);
    if (info.codes[i].CodeOffset <= done || operation == formats::kUwopEpilog)
      if (auto step = undo(frame, info, i, base); !step) return step;
    if (frame.machine_frame) return {};
    i += slots;
  }
  return {};
}

// The info behind an entry whose data may name another RUNTIME_FUNCTION instead.
std::expected<Info, UnwindFailure> info_of(Reader& reader, std::uint64_t image_base,
                                           std::uint32_t unwind) {
  for (int i = 0; i < kMostChained && (unwind & formats::kRuntimeFunctionIndirect); ++i) {
    auto other = reader.get<formats::RuntimeFunctionX64>(
        image_base + (unwind & ~formats::kRuntimeFunctionIndirect), "RUNTIME_FUNCTION");
    if (!other) return std::unexpected(other.error());
    unwind = other->UnwindData;
  }
  if (unwind & formats::kRuntimeFunctionIndirect)
    return method_failed(Code::limit, "RUNTIME_FUNCTION", "too many indirections",
                         image_base + unwind);
  return read_info(reader, image_base + unwind);
}

Step by_codes(Frame& frame, const FunctionEntry& function, std::uint64_t pc, Info info) {
  std::uint64_t done = pc - function.image_base - function.begin;
  auto base = base_of(frame, info, done);
  for (int link = 0; link < kMostChained; ++link) {
    if (auto step = undo_all(frame, info, done, base); !step) return step;
    if (frame.machine_frame) return {};
    if (!(info.header.flags() & formats::kUnwindFlagChained))
      return frame.pop(kRip, "return address");
    const std::uint64_t after = info.address + 4 + 2 * ((info.codes.size() + 1) & ~std::size_t{1});
    auto parent = frame.reader.get<formats::RuntimeFunctionX64>(after, "chained RUNTIME_FUNCTION");
    if (!parent) return std::unexpected(parent.error());
    auto next = info_of(frame.reader, function.image_base, parent->UnwindData);
    if (!next) return std::unexpected(next.error());
    info = std::move(*next);
    done = UINT64_MAX; // the parent's prologue has run to its end
    if (info.header.frame_register() != 0) base = base_of(frame, info, done);
  }
  return method_failed(Code::limit, "UNWIND_INFO", "too many chained infos", info.address);
}

// Is pc, `offset` behind the function's begin, inside an epilogue that the info of version 2 lists?
// Nothing when it lists none.  The first EPILOG code has the length that all of them share, from
// the first pop up to the `ret` or jump, and whether one of them ends with the function; every
// other has the 12 bits of a distance from the function's end, 0 for none.
std::optional<bool> in_listed_epilogue(const Info& info, const FunctionEntry& function,
                                       std::uint64_t offset) {
  if (info.header.version() != 2 || info.codes.empty() ||
      (info.codes[0].OpInfo & 15) != formats::kUwopEpilog)
    return std::nullopt;
  const std::uint32_t length = info.codes[0].CodeOffset, size = function.end - function.begin;
  auto inside = [&](std::uint32_t from_end) {
    const std::uint64_t start = std::uint64_t{size} - from_end;
    return from_end != 0 && from_end <= size && offset >= start && offset - start < length;
  };
  if ((info.codes[0].OpInfo >> 4 & 1) != 0 && inside(length)) return true;
  for (std::size_t i = 1; i < info.codes.size(); ++i) {
    if ((info.codes[i].OpInfo & 15) != formats::kUwopEpilog) break;
    if (inside(info.codes[i].CodeOffset | (info.codes[i].OpInfo >> 4) << 8)) return true;
  }
  return false;
}

// rax, rcx, rdx, r8 ... r11 and the flags do not survive a call.
void forget_volatile(Frame& frame) {
  for (int index : {0, 1, 2, 8, 9, 10, 11}) frame.registers.forget(index);
  if (!frame.machine_frame) frame.registers.forget(kRflags);
}

Step step(Frame& frame, const UnwindInput& input, std::uint64_t pc) {
  FunctionEntry function;
  switch (input.functions.find(input.first ? pc : pc - 1, function)) {
  case FunctionLookup::unknown:
    if (input.first && runs_straight_to_ret(frame, pc)) {
      frame.by_code = true;
      return frame.pop(kRip, "return address");
    }
    return method_failed(Code::absent, "unwind data", "no function table at hand", pc);
  case FunctionLookup::leaf:
    if (!input.first)
      return method_failed(Code::bad_value, "unwind data",
                           "a function that calls has no entry in its image's table", pc);
    return frame.pop(kRip, "return address");
  case FunctionLookup::found: break;
  }
  frame.reader.use(function.origin);
  auto info = info_of(frame.reader, function.image_base, function.unwind);
  if (!info) return std::unexpected(info.error());
  const std::uint64_t offset = pc - function.image_base - function.begin;
  if (input.first && offset >= info->header.SizeOfProlog) {
    const auto listed = in_listed_epilogue(*info, function, offset);
    auto ended = listed == false ? false : run_epilogue(frame, input, function, pc, listed == true);
    if (!ended) return std::unexpected(ended.error());
    if (*ended) return {};
  }
  return by_codes(frame, function, pc, std::move(*info));
}

} // namespace
} // namespace x64

UnwindResult unwind_x64(const UnwindInput& input) {
  const auto pc = input.registers.get(x64::kRip);
  if (!pc) return method_failed(Code::absent, "rip", "not known", 0);
  x64::Frame frame{input.registers, Reader(input.memory)};
  if (auto ok = x64::step(frame, input, *pc); !ok) return std::unexpected(ok.error());
  x64::forget_volatile(frame);
  Caller caller;
  caller.registers = frame.registers;
  caller.trust = frame.by_code ? Trust::prologue : Trust::unwind_data;
  caller.machine_frame = frame.machine_frame;
  caller.origin = frame.reader.worst();
  return caller;
}

} // namespace dumptriage::arch
