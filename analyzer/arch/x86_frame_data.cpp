// Frames of 32-bit x86 by what the symbol file says about them.
//
// The record of the code around pc says how to find the return address: by a program, or by sizes.
// `.raSearch` of a program, and the sizes of FPO, count from the stack pointer as the function's
// body keeps it.  While a call is under way the callee's parameters lie below that, so their size
// must be known (callee_parameters); where it is not, or where no return address lies at the place
// that comes out, the words above are searched and the frame is a guess.
//
// What a compiler does not count (arguments that it pushes) moves that place, and a word that looks
// like a return address may lie there.  So a record is believed where following the code comes to
// the same frame (x86_by_code.cpp), or where there is no code at pc and the record names the
// function that the call in front of the return address goes to.
//
// A record describes the body of a function.  At an exact pc inside an epilogue the frame is partly
// gone.
//
// Sources: Microsoft's DIA documentation (IDiaFrameData), winnt.h of the public SDK (FPO_DATA), and
// for `.raSearch` and FPO with a saved ebp Breakpad's stackwalker_x86.cc.
#include <array>

#include "arch/frame_data.h"
#include "arch/reading.h"
#include "arch/x86_by_code.h"
#include "arch/x86_trap_frame.h"

namespace dumptriage::arch {
namespace x86 {
namespace {

constexpr std::uint32_t kSearchWords = 32; // for a return address that is not where it should be

struct Named {
  std::string_view name;
  int index;
};
constexpr Named kRegisters[] = {{"$eip", kEip}, {"$esp", kEsp}, {"$ebp", kEbp},
                                {"$ebx", kEbx}, {"$esi", kEsi}, {"$edi", kEdi}};

bool is_epilogue(std::span<const std::uint8_t> code) {
  for (std::size_t at = 0; at < code.size();) {
    const std::uint8_t op = code[at];
    if (op == 0xC3 || op == 0xC2) return true;
    if ((op & 0xF8) == 0x58 || op == 0xC9)
      at += 1; // pop, leave
    else if (op == 0x83 && at + 1 < code.size() && code[at + 1] == 0xC4)
      at += 3; // add esp, imm8
    else if (op == 0x81 && at + 1 < code.size() && code[at + 1] == 0xC4)
      at += 6; // add esp, imm32
    else if (op == 0x8B && at + 1 < code.size() && code[at + 1] == 0xE5)
      at += 2; // mov esp, ebp
    else if (op == 0x8D && at + 1 < code.size() && code[at + 1] == 0x65)
      at += 3; // lea esp, [ebp+disp8]
    else
      return false;
  }
  return false;
}

class Frame {
public:
  Frame(const UnwindInput& input, const FrameData& data)
      : input_(input), data_(data), reader_(input.memory), code_(input) {
    reader_.use(data.origin);
  }

  UnwindResult unwind() {
    if (input_.first)
      if (auto failure = refuse_edges()) return std::unexpected(std::move(*failure));
    for (const Named& r : kRegisters)
      if (const auto value = input_.registers.get(r.index))
        variables_[std::string(r.name)] = static_cast<std::uint32_t>(*value);
    variables_[".cbLocals"] = data_.locals;
    variables_[".cbParams"] = data_.parameters;
    variables_[".cbSavedRegs"] = data_.saved_registers;
    const bool counted = program().find(".raSearch") != std::string_view::npos;
    if (counted && !place_return_address())
      return method_failed(Code::absent, "return address", "none where the frame data say", esp());
    if (!run_frame_program(program(), variables_, [this](std::uint32_t at) { return word(at); }))
      return method_failed(Code::absent, "frame data", "the program for this code does not run",
                           data_.start);
    return caller();
  }

private:
  std::uint32_t esp() const {
    return static_cast<std::uint32_t>(input_.registers.get(kEsp).value_or(0));
  }
  std::optional<std::uint32_t> word(std::uint32_t address) {
    const auto value = reader_.get<le32>(address, "stack");
    return value ? std::optional<std::uint32_t>(*value) : std::nullopt;
  }

  static UnwindFailure failure(const char* why, std::uint64_t at) {
    return method_failed(Code::unsupported, "frame data", why, at).error();
  }
  // Pcs at which a record does not hold.
  std::optional<UnwindFailure> refuse_edges() {
    const std::uint64_t pc = *input_.registers.get(kEip);
    const bool by_sizes = data_.kind != FrameData::Kind::program;
    if (by_sizes && pc - data_.start < data_.prologue && pc != data_.start)
      return failure("pc is inside the prologue", pc);
    std::array<std::uint8_t, 24> buffer{};
    const auto code = reader_.some(pc, buffer);
    if (is_epilogue(code)) return failure("pc is inside the epilogue", pc);
    if (code.empty()) unproved_ = "no code bytes at pc, which may be inside the epilogue";
    return std::nullopt;
  }

  // Is the call before `address` one of the function around pc?  Nothing when it is indirect, or
  // its target or the function is not known.
  std::optional<bool> calls_this(std::uint32_t address) {
    const auto target = data_.function == 0 ? std::nullopt : code_.direct_target(address);
    if (!target) return std::nullopt;
    const std::uint32_t begin = code_.through_jumps(*target);
    if (*target == data_.function || begin == data_.function) return true;
    const auto first = code_.decode(begin);
    if (!first || first->flow == Flow::elsewhere) return std::nullopt; // an import
    return false;
  }

  // A caller that takes other than the callee's own parameters off the stack behind the call had
  // pushed more: variable arguments, or those of several calls.
  bool pushed_more() {
    if (input_.first || !input_.callee_parameters) return false;
    std::array<std::uint8_t, 6> buffer{};
    const auto code = reader_.some(*input_.registers.get(kEip), buffer);
    if (code.size() >= 3 && code[0] == 0x83 && code[1] == 0xC4) // add esp, imm8
      return code[2] != *input_.callee_parameters;
    if (code.size() >= 6 && code[0] == 0x81 && code[1] == 0xC4) // add esp, imm32
      return (code[2] | code[3] << 8 | code[4] << 16 | static_cast<std::uint32_t>(code[5]) << 24) !=
             *input_.callee_parameters;
    return false;
  }

  // Sets .raSearch: where the return address lies.  The first that follows a call, but one that
  // follows a call of this very function goes before it: the stack may hold what the record does
  // not count.
  bool place_return_address() {
    std::uint32_t at = esp() + input_.callee_parameters.value_or(0);
    const bool entered = input_.first && input_.registers.get(kEip) == data_.start &&
                         data_.kind == FrameData::Kind::fpo;
    if (!entered) at += data_.locals + data_.saved_registers;
    const std::uint32_t expected = at;
    std::optional<std::uint32_t> found;
    std::optional<bool> reaches;
    for (std::uint32_t i = 0; i < kSearchWords && reaches != true; ++i, at += 4) {
      const auto value = word(at);
      if (!value) break;
      if (i == 0 && *value == 0) found = at; // the outermost frame
      if (call_before_x86(input_.memory, *value) != true) continue;
      const auto reaches_now = calls_this(*value);
      if (found && reaches_now != true) continue;
      found = at;
      reaches = reaches_now;
    }
    if (!found) return false;
    if (*found != expected)
      unproved_ = "the return address was searched for";
    else if (!input_.callee_parameters)
      unproved_ = "the size of the callee's parameters is not known";
    else if (pushed_more())
      unproved_ = "the caller takes more off the stack than the callee's parameters";
    else if (reaches == false)
      unproved_ = "the call before the return address goes to another function";
    else if (!reaches)
      unproved_ = "no direct call of this function";
    variables_[".raSearch"] = variables_[".raSearchStart"] = *found;
    return true;
  }

  std::string_view program() const {
    switch (data_.kind) {
    case FrameData::Kind::program: return data_.program;
    case FrameData::Kind::frame_pointer:
      return "$T0 $ebp = $eip $T0 4 + ^ = $ebp $T0 ^ = $esp $T0 8 + =";
    default:
      return data_.saves_ebp
                 ? "$ebp .raSearch .cbLocals - 8 - ^ = $eip .raSearch ^ = $esp .raSearch 4 + ="
                 : "$eip .raSearch ^ = $esp .raSearch 4 + =";
    }
  }

  UnwindResult caller() {
    Caller caller;
    for (const Named& r : kRegisters) {
      // FPO does not say which registers it saved, but for ebp.
      const bool lost = data_.kind == FrameData::Kind::fpo && data_.saved_registers != 0 &&
                        (r.index == kEbx || r.index == kEsi || r.index == kEdi);
      const auto value = variables_.find(r.name);
      if (value != variables_.end() && !lost) caller.registers.set(r.index, value->second);
    }
    caller.trust = Trust::frame_data;
    caller.origin = reader_.worst();
    caller.proved = unproved_.empty();
    if (!caller.proved) caller.unproved = "frame data, not proved: " + unproved_;
    return caller;
  }

  const UnwindInput& input_;
  const FrameData& data_;
  Reader reader_;
  CodeReader code_;
  FrameVariables variables_;
  std::string unproved_;
};

// The interrupted frame is found by its trap frame, not by the code of the handler.
bool at_trap_frame(const UnwindInput& input) {
  const auto ebp = input.registers.get(kEbp);
  if (!ebp || *ebp % 4 != 0) return false;
  const auto caller = by_trap_frame_x86(
      input, static_cast<std::uint32_t>(*input.registers.get(kEip)),
      static_cast<std::uint32_t>(*input.registers.get(kEsp)), static_cast<std::uint32_t>(*ebp));
  return caller && caller->proved;
}

} // namespace
} // namespace x86

UnwindResult unwind_x86_frame_data(const UnwindInput& input) {
  const auto pc = input.registers.get(x86::kEip), esp = input.registers.get(x86::kEsp);
  if (!pc || !esp) return method_failed(Code::absent, "eip and esp", "not known", 0);
  const auto data = input.functions.frame_data(input.first || *pc == 0 ? *pc : *pc - 1);
  if (!data) return method_failed(Code::absent, "frame data", "none for this code", *pc);
  if (data->kind == FrameData::Kind::trap || data->kind == FrameData::Kind::tss)
    return method_failed(Code::unsupported, "frame data", "a trap frame or a task switch", *pc);
  auto result = x86::Frame(input, *data).unwind();
  if (x86::at_trap_frame(input)) return result;
  std::string why;
  auto proof = x86::by_code(input, why);
  if (!proof) {
    // Between pushes the stack is lower than the record says; the code would show that.
    if (result && result->proved && why != x86::kNoCode) {
      result->proved = false;
      result->unproved =
          "frame data, not proved: " + (why.empty() ? "the code does not show it" : why);
    }
    return result;
  }
  if (result && result->registers.get(x86::kEip) == proof->registers.get(x86::kEip) &&
      result->registers.get(x86::kEsp) == proof->registers.get(x86::kEsp))
    proof->trust = Trust::frame_data;
  return *proof;
}

} // namespace dumptriage::arch
