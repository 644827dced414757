// Functions, a stack and a register backing store whose words tell where they are, and registers,
// for the tests of the Itanium unwinder.
#pragma once

#include <gtest/gtest.h>

#include "arch/ia64.h"
#include "arch/tables.h"
#include "fake.h"

namespace dumptriage::arch {

class Ia64Scene : public ::testing::Test {
protected:
  using Bytes = std::vector<std::uint8_t>;
  static constexpr std::uint64_t kBase = 0x140000000;
  static constexpr std::uint64_t kF = kBase + 0x1000; // the functions: 16 bundles each
  static constexpr std::uint64_t kG = kBase + 0x2000;
  static constexpr std::uint64_t kStack = 0x60000, kStackSize = 0x4000;
  static constexpr std::uint64_t kStore = 0x90000, kStoreSize = 0x2000;
  static constexpr std::uint64_t marker(unsigned sof, unsigned sol, unsigned sor = 0,
                                        unsigned rrb = 0) {
    return sof | sol << 7 | sor / 8 << 14 | std::uint64_t{rrb} << 18;
  }

  FakeMemory memory;
  FakeFunctions functions;
  Registers registers;
  bool code_at_hand = true;
  std::vector<std::uint64_t> stack = std::vector<std::uint64_t>(kStackSize / 8);
  std::vector<std::uint64_t> store = std::vector<std::uint64_t>(kStoreSize / 8);

  void SetUp() override {
    for (std::size_t i = 0; i < stack.size(); ++i) stack[i] = 0x5A000000 + 8 * i;
    for (std::size_t i = 0; i < store.size(); ++i)
      store[i] = i % 64 == 63 ? 0 : 0x57000000 + 8 * i; // no NaTs
    for (int i = 0; i < kIa64Registers; ++i) registers.set(i, 0xA000u + i);
    registers.set(0, 0);
    registers.set(kIa64Nats, 0);
    registers.set(kIa64Unat, 0);
    registers.set(kIa64Rnat, 0);
    registers.set(kIa64Sp, kStack);
    registers.set(kIa64Bsp, kStore + 0x1000);
    registers.set(kIa64BspStore, kStore + kStoreSize);
    registers.set(kIa64Ifs, marker(12, 8));
    registers.set(kIa64Rp, kG + 0x20);
    registers.set(kIa64Pfs, marker(9, 5));
    registers.set(kIa64Iip, kF + 0x80);
  }
  static std::uint64_t stack_word(std::uint64_t offset) { return 0x5A000000 + offset; }
  std::uint64_t& at(std::uint64_t address) {
    return address >= kStore ? store.at((address - kStore) / 8) : stack.at((address - kStack) / 8);
  }
  std::uint64_t& gr(unsigned n) { return at(kStore + 0x1000 + 8 * (n - 32)); } // before slot 63

  // A function of 48 slots at `begin` with these descriptors.
  void function(std::uint64_t begin, Bytes descriptors, std::uint32_t words = 0,
                std::uint16_t version = 3) {
    const auto rva = static_cast<std::uint32_t>(begin - kBase), info = rva + 0x8000;
    functions.add(rva, rva + 0x100, info);
    while (descriptors.size() % 8) descriptors.push_back(0);
    if (words == 0) words = static_cast<std::uint32_t>(descriptors.size() / 8);
    Bytes bytes{static_cast<std::uint8_t>(version), 0, 0, 0};
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(words >> (8 * i)));
    bytes.insert(bytes.end(), descriptors.begin(), descriptors.end());
    memory.put(kBase + info, bytes);
    // prologue_gr with rp and ar.pfs: the code tells which is first.  Here rp is.
    if (descriptors[0] == 0x46 && code_at_hand) allocate(begin, descriptors[1] + 1u);
  }
  // A bundle { alloc r = ar.pfs, ...; nop.m; nop.i } where a function begins.
  void allocate(std::uint64_t begin, std::uint64_t reg) {
    constexpr std::uint64_t nop = std::uint64_t{1} << 27;
    const std::uint64_t alloc =
        std::uint64_t{1} << 37 | std::uint64_t{6} << 33 | 8 << 20 | 12 << 13 | reg << 6;
    memory.words(begin, {0x08 | alloc << 5 | nop << 46, nop >> 18 | nop << 23});
  }
  // A bundle { nop.m; nop.m; br.call b0 = target }, as the GNU assembler writes it.
  void call(std::uint64_t address, std::uint64_t target) {
    const std::uint64_t imm = (target - address) >> 4;
    std::uint64_t slot = 0x58FFFF6800000200 >> 23; // of a call 10 bundles back
    slot &= ~(std::uint64_t{0xFFFFF} << 13 | std::uint64_t{1} << 36);
    slot |= (imm & 0xFFFFF) << 13 | (imm >> 59 & 1) << 36;
    memory.words(address, {0x0000000100000019, slot << 23 | 0x200});
  }
  void indirect_call(std::uint64_t address) { // { nop.m; nop.i; br.call b0 = b6 }
    memory.words(address, {0x0000000100000011, 0x1080006800000200});
  }
  void lay() {
    for (const auto& [address, words] : {std::pair{kStack, &stack}, {kStore, &store}}) {
      Bytes bytes;
      for (std::uint64_t word : *words)
        for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
      memory.put(address, std::move(bytes));
    }
  }
  UnwindResult unwind(bool first = true) {
    lay();
    return unwind_ia64({registers, memory, functions, first});
  }
  Registers caller(bool first = true) {
    auto result = unwind(first);
    if (!result) {
      ADD_FAILURE() << result.error().error.message();
      return {};
    }
    EXPECT_TRUE(result->proved);
    EXPECT_FALSE(result->machine_frame);
    EXPECT_EQ(result->trust, Trust::unwind_data);
    return result->registers;
  }
  Error refused(bool first = true, bool stop = false) {
    auto result = unwind(first);
    if (result) {
      ADD_FAILURE() << "nothing was refused";
      return {};
    }
    EXPECT_EQ(result.error().stop, stop);
    return result.error().error;
  }
};

} // namespace dumptriage::arch
