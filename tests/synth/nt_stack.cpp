#include "synth/nt_stack.h"

#include <stdexcept>

namespace dumptriage::synth {
namespace {

constexpr unsigned kSp = 4, kBp = 5;

// CONTEXT of x86 (winnt.h); NT 4 ends it before ExtendedRegisters.
Bytes context_x86(const std::array<std::uint64_t, 16>& r, std::uint64_t pc, std::uint32_t eflags,
                  bool nt4) {
  Bytes out(nt4 ? 0xCC : 0x2CC);
  put32(out, 0x00, 0x10007);
  put32(out, 0x90, 0x30); // SegFs
  put32(out, 0x94, 0x23);
  put32(out, 0x98, 0x23);
  constexpr unsigned kOrder[] = {7, 6, 3, 2, 1, 0, 5}; // edi esi ebx edx ecx eax ebp
  for (unsigned i = 0; i < 7; ++i) put32(out, 0x9C + 4 * i, r[kOrder[i]]);
  put32(out, 0xB8, pc);
  put32(out, 0xBC, 8);
  put32(out, 0xC0, eflags);
  put32(out, 0xC4, r[kSp]);
  put32(out, 0xC8, 0x10);
  return out;
}

Bytes context_x64(const std::array<std::uint64_t, 16>& r, std::uint64_t pc, std::uint32_t eflags) {
  Bytes out(0x4D0);
  put32(out, 0x30, 0x10000F);
  put32(out, 0x34, 0x1F80);
  put16(out, 0x38, 0x10);
  put16(out, 0x42, 0x18);
  put32(out, 0x44, eflags);
  for (unsigned i = 0; i < 16; ++i) put64(out, 0x78 + 8 * i, r[i]);
  put64(out, 0xF8, pc);
  return out;
}

} // namespace

NtStack::NtStack(const NtCode& code, std::uint64_t limit, std::uint64_t base)
    : code_(code), limit_(limit), base_(base), sp_(base - 0x20), bytes_(base - limit) {}

void NtStack::put_word(std::uint64_t address, std::uint64_t value, unsigned size) {
  if (address < limit_ || address + word() > base_) throw std::out_of_range("the stack ran out");
  put(bytes_, address - limit_, value, size != 0 ? size : word());
}
void NtStack::push(std::uint64_t value) {
  sp_ -= word();
  put_word(sp_, value);
}

void NtStack::enter(const NtFunction& f) {
  top_ = f.name;
  if (code_.wide()) {
    sp_ -= ((f.locals + 0x27) & ~0xFull) + 8;
    return;
  }
  push(bp_);
  bp_ = sp_;
  sp_ -= f.locals;
}

void NtStack::begin(const std::string& function) {
  for (unsigned i = 0; i < 4; ++i) push(0); // parameters, and home places of x64
  if (code_.wide()) sp_ &= ~0xFull;
  push(0);
  enter(code_.function(function));
}

void NtStack::call(const std::string& function, const std::vector<std::uint32_t>& arguments) {
  const NtFunction& f = code_.function(function);
  if (!code_.wide())
    for (unsigned i = f.parameters; i-- > 0;) push(i < arguments.size() ? arguments[i] : 0);
  callers_.push_back({top_, code_.return_address(top_, function), sp_});
  push(code_.return_address(top_, function));
  enter(f);
}

void NtStack::local(unsigned index, std::uint64_t value) {
  put_word(sp_ + (code_.wide() ? 0x20 : 0) + index * word(), value);
}

std::uint64_t NtStack::fault(const std::string& handler, std::uint32_t error_code) {
  const std::uint64_t pc = code_.body(top_), interrupted = sp_;
  callers_.push_back({top_, pc, interrupted, true});
  if (code_.wide()) {
    sp_ &= ~0xFull; // the CPU aligns it
    for (std::uint64_t value : {std::uint64_t{0x18}, interrupted, std::uint64_t{eflags},
                                std::uint64_t{0x10}, pc, std::uint64_t{error_code}})
      push(value);
    push(bp_);
    sp_ -= 0x158;
    const std::pair<unsigned, unsigned> kPlaces[] = {{0x30, 0},  {0x38, 1},  {0x40, 2},  {0x48, 8},
                                                     {0x50, 9},  {0x58, 10}, {0x60, 11}, {0x140, 3},
                                                     {0x148, 7}, {0x150, 6}};
    for (const auto& [at, number] : kPlaces) put_word(sp_ + at, registers[number]);
    bp_ = sp_ + 0x80;
  } else {
    for (std::uint64_t value :
         {std::uint64_t{eflags}, std::uint64_t{8}, pc, std::uint64_t{error_code}, bp_, registers[3],
          registers[6], registers[7]})
      push(value);
    sp_ -= 0x54;
    put_word(sp_ + 0x00, bp_);
    put_word(sp_ + 0x04, pc);
    put_word(sp_ + 0x08, 0xBADB0D00);
    put_word(sp_ + 0x34, 0x23);
    put_word(sp_ + 0x38, 0x23);
    put_word(sp_ + 0x3C, registers[2]);
    put_word(sp_ + 0x40, registers[1]);
    put_word(sp_ + 0x44, registers[0]);
    put_word(sp_ + 0x4C, 0xFFFFFFFF);
    put_word(sp_ + 0x50, 0x30);
    bp_ = sp_;
  }
  top_ = handler;
  return sp_;
}

void NtStack::swap(const std::string& caller, const std::string& callee) {
  callers_.push_back({top_, code_.return_address(top_, caller), sp_});
  push(code_.return_address(top_, caller));
  for (std::uint64_t value : {registers[3], registers[6], registers[7], bp_}) push(value);
  callers_.push_back({caller, code_.return_address(caller, callee), sp_});
  push(code_.return_address(caller, callee));
  push(0);
  push(0xFFFFFFFF); // ExceptionList
  top_ = callee;
}

std::vector<NtFrame> NtStack::frames() const {
  std::vector<NtFrame> out(callers_.rbegin(), callers_.rend());
  out.insert(out.begin(), {top_, code_.body(top_), sp_});
  return out;
}

Bytes NtStack::context(bool nt4) const {
  std::array<std::uint64_t, 16> all = registers;
  all[kSp] = sp_;
  all[kBp] = bp_;
  const std::uint64_t pc = code_.body(top_);
  return code_.wide() ? context_x64(all, pc, eflags) : context_x86(all, pc, eflags, nt4);
}

} // namespace dumptriage::synth
