// An Alpha that runs a few instructions, and a function under test on it: wherever it stands, what
// the unwinder gives must be what the registers held when the function was called.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include "alpha_words.h"
#include "arch/alpha.h"
#include "fake.h"

namespace dumptriage::arch {

class AlphaUnwind : public ::testing::TestWithParam<Machine> {
protected:
  using Words = std::vector<std::uint32_t>;
  static constexpr std::uint64_t kTop = 0x7FFF0000; // sp at the call
  static constexpr std::uint32_t kFunction = 0x1000, kRows = 0x8000;

  bool wide = true;
  std::uint64_t base = 0;
  FakeFunctions functions;
  std::vector<std::pair<std::uint32_t, Words>> code; // by rva
  std::vector<std::array<std::uint64_t, 5>> rows;
  std::uint64_t moved = 0; // what the rows are higher than the image lies
  std::uint64_t r[32] = {}, f[32] = {}, first_r[32] = {}, first_f[32] = {};
  std::map<std::uint64_t, std::uint64_t> stack;
  bool stack_absent = false, rows_absent = false;

  void SetUp() override { use(GetParam()); }
  void use(Machine machine) {
    wide = machine == Machine::alpha64;
    base = wide ? 0x140000000 : 0x80400000;
    functions.base = base;
    for (int i = 0; i < 31; ++i) r[i] = 0xAAAA0000u + 0x100 * i;
    for (int i = 0; i < 31; ++i) f[i] = 0xF100000000u + i;
    r[alpha::sp] = kTop;
    r[alpha::ra] = extended(base + 0x5678);
    std::ranges::copy(r, first_r);
    std::ranges::copy(f, first_f);
  }
  // As the registers hold it.
  std::uint64_t extended(std::uint64_t address) const {
    return wide ? address : static_cast<std::uint64_t>(static_cast<std::int32_t>(address));
  }
  // A function at `rva` whose prologue has `prologue` instructions.
  void add(std::uint32_t rva, Words words, std::uint32_t prologue) {
    const auto end = rva + 4 * static_cast<std::uint32_t>(words.size());
    code.emplace_back(rva, std::move(words));
    row(rva, end, {base + rva, base + end, 0, 0, base + rva + 4 * prologue});
  }
  void row(std::uint32_t begin, std::uint32_t end, std::array<std::uint64_t, 5> words) {
    functions.add(begin, end, row_rva(rows.size()));
    rows.push_back(words);
  }
  std::uint32_t row_rva(std::size_t index) const {
    return kRows + static_cast<std::uint32_t>(index) * (wide ? 40 : 20);
  }
  std::uint64_t row_address(std::size_t index) const { return base + row_rva(index); }

  // The instruction that stands at `rva`.
  std::uint32_t word_at(std::uint32_t rva) const {
    for (const auto& [at, words] : code)
      if (rva >= at && rva < at + 4 * words.size()) return words[(rva - at) / 4];
    ADD_FAILURE() << "no code at " << std::hex << rva;
    return 0;
  }
  // Runs one instruction; the rva of the next one, 0 after `ret`.  A call spoils what calls may.
  std::uint32_t run(std::uint32_t rva) {
    const std::uint32_t w = word_at(rva);
    const unsigned op = w >> 26, a = w >> 21 & 31, b = w >> 16 & 31, c = w & 31, fn = w >> 5 & 127;
    const auto d =
        static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int16_t>(w)));
    const std::uint64_t second = w >> 12 & 1 ? w >> 13 & 255 : r[b];
    const auto to =
        static_cast<std::uint32_t>(rva + 4 + 4 * (static_cast<std::int32_t>(w << 11) >> 11));
    switch (op) {
    case 0x08: r[a] = r[b] + d; break;
    case 0x09: r[a] = r[b] + (d << 16); break;
    case 0x29: r[a] = stack[r[b] + d]; break;
    case 0x2D: stack[r[b] + d] = r[a]; break;
    case 0x23: f[a] = stack[r[b] + d]; break;
    case 0x27: stack[r[b] + d] = f[a]; break;
    case 0x10: r[c] = fn == 0x29 ? r[a] - second : r[a] + second; break;
    case 0x11: r[c] = fn == 0x08 ? r[a] & ~second : r[a] | second; break;
    case 0x30: return to;
    case 0x34: call(a, rva + 4); break;
    case 0x3D: return r[a] != 0 ? to : rva + 4;
    case 0x39: return r[a] == 0 ? to : rva + 4;
    case 0x1A: return 0;
    default: ADD_FAILURE() << "not in this machine: " << std::hex << w;
    }
    r[alpha::zero] = 0;
    return rva + 4;
  }
  void call(unsigned link, std::uint32_t back) {
    for (const int i : {22, 23, 24}) r[i] = 0xDEAD0000u + i;
    if (link == alpha::ra)
      for (const int i : {0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 18, 19, 20, 21, 25, 27, 28})
        r[i] = 0xDEAD0000u + i;
    r[link] = extended(base + back);
  }

  FakeMemory memory() const {
    FakeMemory out;
    for (const auto& [rva, words] : code) {
      std::vector<std::uint8_t> bytes;
      for (const std::uint32_t w : words)
        for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(w >> 8 * i));
      out.put(base + rva, std::move(bytes));
    }
    for (std::size_t i = 0; i < rows.size() && !rows_absent; ++i) {
      std::vector<std::uint8_t> bytes;
      for (const std::uint64_t word : rows[i])
        for (int k = 0; k < (wide ? 8 : 4); ++k)
          bytes.push_back(static_cast<std::uint8_t>((word ? word + moved : 0) >> 8 * k));
      out.put(row_address(i), std::move(bytes));
    }
    if (!stack_absent)
      for (const auto& [address, value] : stack) out.words(address, {value});
    return out;
  }
  // `checked`: what was called is the check of the stack, which leaves nearly all registers alone.
  UnwindResult unwind(std::uint32_t rva, bool first = true, std::size_t* effort = nullptr,
                      std::shared_ptr<void>* kept = nullptr, bool checked = false) const {
    Registers registers;
    const bool call_spoils = !first && !checked;
    for (int i = 0; i < 32; ++i)
      if (!call_spoils || (i >= 9 && i <= 15) || i >= 30) registers.set(i, r[i]);
    for (int i = 2; i < 10; ++i) registers.set(kAlphaF2 + i - 2, f[i]);
    registers.set(kAlphaFir, extended(base + rva));
    const FakeMemory there = memory();
    return find(wide ? Machine::alpha64 : Machine::alpha)
        ->unwind_by_data({registers, there, functions, first, std::nullopt, effort, kept});
  }
  // Are these the registers that the function was called with?
  void expect_caller(const UnwindResult& caller, std::string_view where) const {
    ASSERT_TRUE(caller) << where << ": " << caller.error().error.message();
    const Registers& got = caller->registers;
    EXPECT_EQ(got.get(kAlphaSp), kTop) << where;
    EXPECT_EQ(got.get(kAlphaFir), first_r[alpha::ra]) << where;
    for (int i = 9; i <= 15; ++i) EXPECT_EQ(got.get(i), first_r[i]) << where << " r" << i;
    for (int i = 2; i < 10; ++i)
      EXPECT_EQ(got.get(kAlphaF2 + i - 2), first_f[i]) << where << " f" << i;
    EXPECT_EQ(caller->trust, Trust::unwind_data);
    EXPECT_TRUE(caller->proved);
  }
  // Runs from `from` to the end and unwinds in front of every instruction, and as a caller behind
  // every call.
  // `checked`: the calls are of the check of the stack.
  void expect_everywhere(std::uint32_t from = kFunction, bool checked = false) {
    int steps = 0;
    for (std::uint32_t at = from; at != 0 && steps < 1000; ++steps) {
      const std::string where = "at " + std::to_string(at - kFunction);
      expect_caller(unwind(at), where);
      const bool calls = word_at(at) >> 26 == 0x34 && (word_at(at) >> 21 & 31) == alpha::ra;
      const std::uint64_t kept[] = {r[0], r[27], r[28]};
      at = run(at);
      if (calls && checked) r[0] = kept[0], r[27] = kept[1], r[28] = kept[2];
      if (calls) expect_caller(unwind(at, false, nullptr, nullptr, checked), where + ", called");
      if (HasFatalFailure()) return;
    }
    EXPECT_LT(steps, 1000);
  }
  // There is no frame, for a reason that has `part` in it.
  void expect_none(const UnwindResult& caller, std::string_view part, bool stop = false) const {
    ASSERT_FALSE(caller);
    EXPECT_NE(caller.error().error.message().find(part), std::string::npos)
        << caller.error().error.message();
    EXPECT_EQ(caller.error().stop, stop);
  }
};

} // namespace dumptriage::arch
