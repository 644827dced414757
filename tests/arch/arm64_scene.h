// One function, a stack whose slots tell their number, and registers, for the tests of the ARM64
// unwinder.
#pragma once

#include <gtest/gtest.h>

#include "fake.h"

namespace dumptriage::arch {

enum { kX9 = 9, kX10 = 10, kX18 = 18, kX19 = 19, kX20 = 20, kX21 = 21, kX22 = 22, kX23 = 23 };
enum { kX27 = 27, kX28 = 28, kFp = 29, kLr = 30, kSp = 31, kPc = 32 };
inline constexpr std::uint64_t kBase = 0x140000000;
inline constexpr std::uint64_t kCode = kBase + 0x1000; // the function under test: 0x1000 ... 0x1100
inline constexpr std::uint64_t kInfo = kBase + 0x8000;
inline constexpr std::uint64_t kStack = 0x10000;
inline constexpr std::uint64_t kCaller = kBase + 0x5678;

using Bytes = std::vector<std::uint8_t>;

inline void put32(Bytes& bytes, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

class Arm64Unwind : public ::testing::Test {
protected:
  FakeMemory memory;
  FakeFunctions functions;
  Registers registers;
  const Arch& arch = *find(Machine::arm64);

  void SetUp() override {
    Bytes stack(0x2000);
    for (std::size_t i = 0; i < stack.size(); i += 8) {
      stack[i] = static_cast<std::uint8_t>(i / 8);
      stack[i + 1] = static_cast<std::uint8_t>(i / 8 >> 8);
      stack[i + 3] = 0x77; // slot n holds 0x77000000 + n
    }
    memory.put(kStack, stack);
    for (int i = 0; i < 29; ++i) registers.set(i, 0xA00u + i);
    registers.set(kFp, kStack + 0x80);
    registers.set(kLr, kCaller);
    registers.set(kSp, kStack);
  }
  // .xdata of a function of 0x100 bytes; `epilogues`: offset and index of each scope.
  void xdata(Bytes codes, std::vector<std::pair<unsigned, unsigned>> epilogues = {}) {
    while (codes.size() % 4) codes.push_back(0xE4);
    Bytes bytes;
    put32(bytes, 0x40 | static_cast<std::uint32_t>(epilogues.size()) << 22 |
                     static_cast<std::uint32_t>(codes.size() / 4) << 27);
    for (auto [offset, index] : epilogues) put32(bytes, offset / 4 | index << 22);
    bytes.insert(bytes.end(), codes.begin(), codes.end());
    raw(std::move(bytes));
  }
  void raw(Bytes bytes) {
    functions.add(0x1000, 0x1100, 0x8000);
    memory.put(kInfo, std::move(bytes));
  }
  // Flag, function length 0x100, RegF, RegI, H, CR, frame size in bytes.
  void packed(unsigned flag, unsigned f, unsigned i, unsigned h, unsigned cr, unsigned frame) {
    functions.add(0x1000, 0x1100,
                  flag | 0x40 << 2 | f << 13 | i << 16 | h << 20 | cr << 21 | frame / 16 << 23);
  }
  UnwindResult unwind(std::uint64_t pc, bool first) {
    registers.set(kPc, pc);
    return arch.unwind_by_data({registers, memory, functions, first});
  }
  Registers body() {
    auto caller = unwind(kCode + 0x80, true);
    EXPECT_TRUE(caller) << caller.error().error.message();
    return caller ? caller->registers : Registers{};
  }
  static std::uint64_t slot(int n) { return 0x77000000u + n; }
};

} // namespace dumptriage::arch
