// One frame of ARM64 by its function table entry.
//
// Every unwind code stands for one instruction of the prologue, the last one first, and undoes it:
//   alloc: sp += size        set_fp: sp = fp        add_fp: sp = fp - offset
//   save: registers = [sp + offset]                 pre-indexed save: registers = [sp], sp += size
// Then pc = lr.  Codes of instructions that were not executed yet are skipped: in the prologue
// those between pc and its end; in an epilogue, which does the same in the same order, those that
// it has done already.  A return address is looked up at the call before it, which did not change
// the frame.  Trap, machine and context frames hold the registers of the interrupted code.
//
// Source: "ARM64 exception handling", learn.microsoft.com; frames of the system's own stubs:
// dotnet/runtime, unwinder/arm64 (MIT).
#include "arch/arm64_frame.h"
#include "base/text.h"
#include "formats/context_arm64.h"

namespace dumptriage::arch {
namespace arm64 {
namespace {

using namespace formats;
using Step = std::expected<void, UnwindFailure>;

constexpr std::uint32_t kContextUnwoundToCall = 0x20000000; // winnt.h

class Frame {
public:
  Frame(const Registers& registers, const memory::AddressSpace& memory)
      : registers(registers), reader(memory) {
    for (int i = 0; i < 18; ++i) this->registers.forget(i);
    this->registers.forget(kCpsr);
  }
  Registers registers; // volatile ones only where a code restores them
  Reader reader;
  bool interrupted = false; // pc is exact: that of a trap, machine or context frame
  bool has_lr = false;      // lr is that of the caller, too
  bool by_code = false;     // the code itself told, no unwind data

  Step run(const UnwindData& data, std::size_t index, std::uint32_t skip);
  // pc is what lr holds.
  Step return_to_lr() {
    const auto lr = registers.get(kLr);
    if (!lr) return method_failed(Code::absent, "return address", "not known", sp_or_zero());
    registers.set(kPc, strip(*lr));
    return {};
  }

private:
  struct Save {
    int first = 0, count = 1;
    std::uint64_t offset = 0; // of the first, or with `makes_room` the size of the room
    bool makes_room = false;
    bool whole_vectors = false, floats = false;
  };
  std::uint64_t sp_or_zero() const { return registers.get(kSp).value_or(0); }
  std::expected<std::uint64_t, UnwindFailure> sp() const {
    if (auto value = registers.get(kSp)) return *value;
    return method_failed(Code::absent, "sp", "not known", 0);
  }
  Step undo(const UnwindData& data, std::size_t index);
  Step undo_two(std::uint8_t first, std::uint8_t second);
  Step undo_any_reg(const UnwindData& data, std::size_t index);
  Step add_to_sp(std::uint64_t size);
  Step from_fp(std::uint64_t offset);
  Step restore(Save save);
  void restore_one(int index, std::uint64_t address);
  Step trap_frame();
  Step machine_frame();
  Step context_frame();
  static std::unexpected<UnwindFailure> bad(const UnwindData& data, std::string why) {
    return method_failed(Code::bad_value, "unwind codes", std::move(why), data.address);
  }

  int next_pairs_ = 0; // save_next codes met; they come before the code of the pair they follow
  bool pc_is_set_ = false;
};

Step Frame::add_to_sp(std::uint64_t size) {
  auto stack = sp();
  if (!stack) return std::unexpected(stack.error());
  registers.set(kSp, *stack + size);
  return {};
}

Step Frame::from_fp(std::uint64_t offset) {
  const auto fp = registers.get(kFp);
  if (!fp) return method_failed(Code::absent, "frame pointer", "not known", sp_or_zero());
  registers.set(kSp, *fp - offset);
  return {};
}

// A register that cannot be read does not end the walk unless it is needed later.
void Frame::restore_one(int index, std::uint64_t address) {
  if (auto value = reader.get<le64>(address, "saved register"))
    registers.set(index, *value);
  else
    registers.forget(index);
}

Step Frame::restore(Save save) {
  auto stack = sp();
  if (!stack) return std::unexpected(stack.error());
  const std::uint64_t from = *stack + (save.makes_room ? 0 : save.offset);
  const int count = save.count + 2 * next_pairs_;
  next_pairs_ = 0;
  // Floating-point registers are not followed; behind x27 and x28 save_next goes on with d8.
  const bool pairs_on = count > 2;
  for (int i = 0; i < count && !save.floats; ++i) {
    const int index = save.first + i;
    if (index > kLr || (pairs_on && index >= kFp)) break;
    restore_one(index, from + 8 * static_cast<std::uint64_t>(i));
  }
  if (save.makes_room) registers.set(kSp, *stack + save.offset);
  return {};
}

// The codes of two bytes below alloc_l: operation, register (above `bits`), offset.
Step Frame::undo_two(std::uint8_t first, std::uint8_t second) {
  const unsigned value = first << 8 | second;
  const std::uint64_t slot6 = 8 * (value & 63), slot5 = 8 * (value & 31);
  const int reg6 = static_cast<int>(value >> 6 & 15), reg5 = static_cast<int>(value >> 5 & 15);
  if (first < kArm64SaveRegP) return add_to_sp(16 * (value & 0x7FF));
  if (first < kArm64SaveRegPX) return restore({19 + reg6, 2, slot6});
  if (first < kArm64SaveReg) return restore({19 + reg6, 2, slot6 + 8, true});
  if (first < kArm64SaveRegX) return restore({19 + reg6, 1, slot6});
  if (first < kArm64SaveLrPair) return restore({19 + reg5, 1, slot5 + 8, true});
  if (first < kArm64SaveFRegP) {
    if (auto step = restore({19 + 2 * (reg6 & 7), 1, slot6}); !step) return step;
    return restore({kLr, 1, slot6 + 8});
  }
  const Save floats{.floats = true};
  if (first < kArm64SaveFRegPX) return restore(floats);
  if (first < kArm64SaveFReg)
    return restore({.offset = slot6 + 8, .makes_room = true, .floats = true});
  if (first < kArm64SaveFRegX) return restore(floats);
  if (first == kArm64SaveFRegX)
    return restore({.offset = slot5 + 8, .makes_room = true, .floats = true});
  return method_failed(Code::unsupported, "unwind codes",
                       "the size of scalable vectors is not known", sp_or_zero());
}

// 0pxrrrrr ffoooooo: a pair, pre-indexed, register; x, d or q, and the offset in the size of the
// access.
Step Frame::undo_any_reg(const UnwindData& data, std::size_t index) {
  const std::uint8_t how = data.codes[index + 1], where = data.codes[index + 2];
  const unsigned kind = where >> 6;
  if ((how & 0x80) || kind == 3) return bad(data, "a reserved form of save_any_reg");
  const bool pair = how & 0x40, pre_indexed = how & 0x20;
  Save save{.first = how & 31, .count = pair ? 2 : 1};
  if (kind == 0 && save.first + save.count > kSp) return bad(data, "save_any_reg of no register");
  const std::uint64_t unit = pair || pre_indexed || kind == 2 ? 16 : 8;
  save.offset = unit * ((where & 63) + (pre_indexed ? 1 : 0));
  save.makes_room = pre_indexed;
  save.floats = kind != 0;
  return restore(save);
}

Step Frame::trap_frame() {
  auto frame = reader.get<KTrapFrameArm64>(sp_or_zero(), "trap frame");
  if (!frame) return std::unexpected(frame.error());
  take(*frame, registers);
  interrupted = has_lr = pc_is_set_ = true;
  return {};
}

Step Frame::machine_frame() {
  auto frame = reader.get<MachineFrameArm64>(sp_or_zero(), "machine frame");
  if (!frame) return std::unexpected(frame.error());
  registers.set(kSp, frame->Sp);
  registers.set(kPc, frame->Pc);
  interrupted = pc_is_set_ = true;
  return {};
}

Step Frame::context_frame() {
  const std::uint64_t at = sp_or_zero();
  auto bytes = reader.array<std::byte>(at, sizeof(ContextArm64), "CONTEXT on the stack");
  if (!bytes) return std::unexpected(bytes.error());
  auto decoded = decode_context(ByteView(*bytes));
  if (!decoded || !decoded->get(kPc))
    return method_failed(Code::bad_value, "CONTEXT on the stack", "its flags claim no registers",
                         at);
  registers = *decoded;
  interrupted = !(ByteView(*bytes).u32(0).value_or(0) & kContextUnwoundToCall);
  has_lr = pc_is_set_ = true;
  return {};
}

Step Frame::undo(const UnwindData& data, std::size_t index) {
  const std::uint8_t first = data.codes[index];
  const auto second = [&](std::size_t n) -> std::uint64_t { return data.codes[index + n]; };
  const bool takes_pairs = (first >= kArm64SaveR19R20X && first < kArm64SaveFpLr) ||
                           (first >= kArm64SaveRegP && first < kArm64SaveReg) ||
                           (first >= kArm64SaveFRegP && first < kArm64SaveFReg) ||
                           first == kArm64SaveAnyReg || first == kArm64SaveNext;
  if (next_pairs_ != 0 && !takes_pairs) return bad(data, "save_next without a pair before it");
  if (first < kArm64SaveR19R20X) return add_to_sp(16 * first);
  if (first < kArm64SaveFpLr) return restore({19, 2, 8 * (first & 31u), true});
  if (first < kArm64SaveFpLrX) return restore({kFp, 2, 8 * (first & 63u)});
  if (first < kArm64AllocM) return restore({kFp, 2, 8 * (first & 63u) + 8, true});
  if (first < kArm64AllocL) return undo_two(first, data.codes[index + 1]);
  switch (first) {
  case kArm64AllocL: return add_to_sp(16 * (second(1) << 16 | second(2) << 8 | second(3)));
  case kArm64SetFp: return from_fp(0);
  case kArm64AddFp: return from_fp(8 * second(1));
  case kArm64SaveNext: ++next_pairs_; return {};
  case kArm64SaveAnyReg: return undo_any_reg(data, index);
  case kArm64TrapFrame: return trap_frame();
  case kArm64MachineFrame: return machine_frame();
  case kArm64Context: return context_frame();
  case kArm64ClearUnwoundToCall: interrupted = true; return {};
  case kArm64EndC: // the codes of the region around this one follow
  case kArm64Nop:
  case kArm64PacSignLr: return {}; // every return address is stripped
  default: break;
  }
  return method_failed(Code::unsupported, "unwind codes", "code " + hex(first, 2), data.address);
}

// Undoes what the codes from `index` on say, without the first `skip` instructions of them.
Step Frame::run(const UnwindData& data, std::size_t index, std::uint32_t skip) {
  while (index < data.codes.size()) {
    const std::uint8_t first = data.codes[index];
    const std::size_t size = size_of_code(first);
    if (size > data.codes.size() - index) return bad(data, "the last code is cut off");
    if (first == kArm64End) return pc_is_set_ ? Step{} : return_to_lr();
    if (skip == 0 || first == kArm64EndC) {
      skip = 0;
      if (auto step = undo(data, index); !step) return step;
    } else if (instructions_of_code(first) != 0) {
      --skip;
    }
    index += size;
  }
  return bad(data, "no end");
}

// Where in the codes to begin for the instruction at `offset`, all before it having been executed.
struct Start {
  std::size_t index = 0;
  std::uint32_t skip = 0;
};
Start start_of(const UnwindData& data, std::uint32_t offset) {
  const std::uint32_t prologue = instructions_of(data, 0), done = offset / 4;
  if (done < prologue) return {0, prologue - done};
  const UnwindData::Epilogue* last = nullptr; // that begins at `offset` or before
  for (const UnwindData::Epilogue& epilogue : data.epilogues) {
    if (epilogue.start > offset) break;
    last = &epilogue;
  }
  if (last == nullptr) return {};
  const std::uint32_t inside = (offset - last->start) / 4;
  if (inside > instructions_of(data, last->index)) return {}; // behind its return
  return {last->index, inside};
}

// Does the call that lr belongs to go to pc?  Then nothing of this function was executed.
bool was_just_called(Frame& frame, const Registers& registers, std::uint64_t pc) {
  const auto lr = registers.get(kLr);
  if (!lr || strip(*lr) < 4) return false;
  const std::uint64_t call = strip(*lr) - 4;
  auto word = frame.reader.get<le32>(call, "code");
  if (!word) return false;
  if ((*word & 0xFC000000) == 0x94000000) // bl
    return call + static_cast<std::uint64_t>(static_cast<std::int32_t>(*word << 6) >> 4) == pc;
  const int target = static_cast<int>(*word >> 5 & 31);
  if ((*word & 0xFFFFFC1F) != 0xD63F0000 || target >= kLr) return false; // blr
  const auto value = registers.get(target);
  return value && strip(*value) == pc;
}

Step step(Frame& frame, const UnwindInput& input, std::uint64_t pc) {
  FunctionEntry function;
  const std::uint64_t at = input.first ? pc : pc - 4;
  switch (input.functions.find(at, function)) {
  case FunctionLookup::unknown:
    if (input.first && was_just_called(frame, input.registers, pc)) {
      frame.by_code = true;
      return frame.return_to_lr();
    }
    return method_failed(Code::absent, "unwind data", "no function table at hand", pc);
  case FunctionLookup::leaf:
    if (!input.first)
      return method_failed(Code::bad_value, "unwind data",
                           "a function that calls has no entry in its image's table", pc);
    return frame.return_to_lr();
  case FunctionLookup::found: break;
  }
  if (pc % 4 != 0) return method_failed(Code::bad_value, "pc", "inside an instruction", pc);
  frame.reader.use(function.origin);
  const bool packed = (function.unwind & 3) != kArm64FlagXdata;
  const std::uint64_t where = function.image_base + function.unwind;
  auto data = packed ? expand_packed(function.unwind, function.image_base + function.begin)
                     : read_xdata(frame.reader, where);
  if (!data) return std::unexpected(data.error());
  const std::uint64_t offset = at - function.image_base - function.begin;
  if (offset >= data->length)
    return method_failed(Code::mismatch, "unwind data", "pc lies behind the code it covers", pc);
  const Start start = start_of(*data, static_cast<std::uint32_t>(offset));
  return frame.run(*data, start.index, start.skip);
}

} // namespace
} // namespace arm64

UnwindResult unwind_arm64(const UnwindInput& input) {
  const auto pc = input.registers.get(arm64::kPc);
  if (!pc) return method_failed(Code::absent, "pc", "not known", 0);
  arm64::Frame frame(input.registers, input.memory);
  if (auto ok = arm64::step(frame, input, arm64::strip(*pc)); !ok)
    return std::unexpected(ok.error());
  Caller caller;
  caller.registers = frame.registers;
  if (!frame.has_lr) // a call has put its own return address there
    caller.registers.forget(arm64::kLr);
  caller.trust = frame.by_code ? Trust::prologue : Trust::unwind_data;
  caller.machine_frame = frame.interrupted;
  caller.origin = frame.reader.worst();
  return caller;
}

} // namespace dumptriage::arch
