// CONTEXT decoding.  The bytes are laid down by offset, as winnt.h publishes them.
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "arch/arch.h"

namespace dumptriage::arch {
namespace {

struct Layout {
  Machine machine;
  std::uint32_t size, flags_at, type, control, integer;
  std::map<std::string, std::pair<std::uint32_t, int>> control_fields,
      integer_fields; // offset, bytes
};

const Layout kLayouts[] = {
    {Machine::x86,
     0xCC,
     0,
     0x10000,
     1,
     2,
     {{"ebp", {0xB4, 4}},
      {"eip", {0xB8, 4}},
      {"cs", {0xBC, 4}},
      {"eflags", {0xC0, 4}},
      {"esp", {0xC4, 4}},
      {"ss", {0xC8, 4}}},
     {{"edi", {0x9C, 4}},
      {"esi", {0xA0, 4}},
      {"ebx", {0xA4, 4}},
      {"edx", {0xA8, 4}},
      {"ecx", {0xAC, 4}},
      {"eax", {0xB0, 4}}}},
    {Machine::x64,
     0x100,
     0x30,
     0x100000,
     1,
     2,
     {{"cs", {0x38, 2}},
      {"ss", {0x42, 2}},
      {"rflags", {0x44, 4}},
      {"rsp", {0x98, 8}},
      {"rip", {0xF8, 8}}},
     {{"rax", {0x78, 8}},
      {"rcx", {0x80, 8}},
      {"rdx", {0x88, 8}},
      {"rbx", {0x90, 8}},
      {"rbp", {0xA0, 8}},
      {"rsi", {0xA8, 8}},
      {"rdi", {0xB0, 8}},
      {"r8", {0xB8, 8}},
      {"r12", {0xD8, 8}},
      {"r15", {0xF0, 8}}}},
    {Machine::arm64,
     0x110,
     0,
     0x400000,
     1,
     2,
     {{"cpsr", {0x4, 4}},
      {"fp", {0xF0, 8}},
      {"lr", {0xF8, 8}},
      {"sp", {0x100, 8}},
      {"pc", {0x108, 8}}},
     {{"x0", {0x8, 8}}, {"x19", {0xA0, 8}}, {"x28", {0xE8, 8}}}},
    {Machine::ia64,
     0xA70,
     0,
     0x80000,
     1,
     8,
     {{"sp", {0x8D0, 8}},
      {"rp", {0x980, 8}},
      {"pfs", {0x9E8, 8}},
      {"bsp", {0x9F0, 8}},
      {"b7", {0x9B8, 8}},
      {"bspstore", {0x9F8, 8}},
      {"rnat", {0xA08, 8}},
      {"preds", {0x978, 8}},
      {"unat", {0x9C0, 8}},
      {"lc", {0x9C8, 8}},
      {"ec", {0x9D0, 8}},
      {"fpsr", {0x870, 8}},
      {"ipsr", {0xA10, 8}}},
     {{"gp", {0x878, 8}},
      {"r4", {0x890, 8}},
      {"r8", {0x8B0, 8}},
      {"r13", {0x8D8, 8}},
      {"r31", {0x968, 8}}}},
    {Machine::alpha,
     0x230,
     0x21C,
     0x20000,
     1,
     4,
     {{"fp", {0x178, 8}},
      {"ra", {0x1D0, 8}},
      {"gp", {0x1E8, 8}},
      {"sp", {0x1F0, 8}},
      {"fir", {0x210, 8}},
      {"psr", {0x218, 4}}},
     {{"v0", {0x100, 8}}, {"s0", {0x148, 8}}, {"a0", {0x180, 8}}, {"t12", {0x1D8, 8}}}},
};

std::vector<std::byte> make(const Layout& layout, std::uint32_t flags) {
  std::vector<std::byte> bytes(layout.size);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 + 3);
  for (int i = 0; i < 4; ++i) bytes[layout.flags_at + i] = static_cast<std::byte>(flags >> (8 * i));
  return bytes;
}
std::uint64_t expected(const std::vector<std::byte>& bytes, std::pair<std::uint32_t, int> field) {
  std::uint64_t value = 0;
  for (int i = field.second; i-- > 0;)
    value = value << 8 | static_cast<std::uint8_t>(bytes[field.first + i]);
  return value;
}
int index_of(const Arch& arch, std::string_view name) {
  for (std::size_t i = 0; i < arch.register_names.size(); ++i)
    if (arch.register_names[i] == name) return static_cast<int>(i);
  return -1;
}
void expect_fields(const Arch& arch, const Registers& registers,
                   const std::vector<std::byte>& bytes,
                   const std::map<std::string, std::pair<std::uint32_t, int>>& fields, bool known) {
  for (const auto& [name, field] : fields) {
    const auto value = registers.get(index_of(arch, name));
    ASSERT_EQ(value.has_value(), known) << arch.name << ' ' << name;
    if (!known) continue;
    EXPECT_EQ(*value, expected(bytes, field)) << arch.name << ' ' << name;
  }
}

TEST(Context, ReadsEveryGroupThatIsClaimed) {
  for (const Layout& layout : kLayouts) {
    const Arch& arch = *find(layout.machine);
    for (unsigned groups = 0; groups < 4; ++groups) {
      const bool control = groups & 1, integer = groups & 2;
      const auto bytes = make(layout, layout.type | (control ? layout.control : 0) |
                                          (integer ? layout.integer : 0));
      auto registers = arch.decode_context(ByteView(bytes));
      ASSERT_TRUE(registers) << registers.error().message();
      expect_fields(arch, *registers, bytes, layout.control_fields, control);
      expect_fields(arch, *registers, bytes, layout.integer_fields, integer);
      EXPECT_EQ(registers->get(arch.pc).has_value(), control);
      EXPECT_EQ(registers->get(arch.sp).has_value(), control);
    }
  }
}

TEST(Context, RefusesAnotherCpusFlags) {
  for (const Layout& layout : kLayouts) {
    const auto bytes = make(layout, 0x00000007);
    auto registers = find(layout.machine)->decode_context(ByteView(bytes));
    ASSERT_FALSE(registers);
    EXPECT_EQ(registers.error().code, Code::bad_value);
  }
}

TEST(Context, RefusesEveryTruncation) {
  for (const Layout& layout : kLayouts) {
    const auto bytes = make(layout, layout.type | 0xF);
    const Arch& arch = *find(layout.machine);
    EXPECT_TRUE(arch.decode_context(ByteView(bytes)));
    EXPECT_LE(arch.context_size, layout.size);
    for (std::size_t size = 0; size < arch.context_size; ++size) {
      auto registers = arch.decode_context(ByteView(bytes.data(), size));
      ASSERT_FALSE(registers) << arch.name << ' ' << size;
      EXPECT_EQ(registers.error().code, Code::truncated);
    }
  }
}

TEST(Context, SaysThatBreakpadsOldArm64LayoutIsNotRead) {
  const auto bytes = make(kLayouts[2], 0x80000007);
  auto registers = find(Machine::arm64)->decode_context(ByteView(bytes));
  ASSERT_FALSE(registers);
  EXPECT_EQ(registers.error().code, Code::unsupported);
}

void put64(std::vector<std::byte>& bytes, std::size_t at, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
}

// As debuggers write an instruction's address: 4 for each slot before it.
TEST(Context, ItaniumNamesTheSlotInTheAddress) {
  auto bytes = make(kLayouts[3], 0x80001);
  const Arch& arch = *find(Machine::ia64);
  const int ifs = index_of(arch, "ifs");
  put64(bytes, 0xA18, 0xE000000083001230);
  put64(bytes, 0xA20, 0x8000000000000A15); // valid, 10 locals of 21
  const std::uint64_t slots[] = {0, 4, 8, 0};
  for (std::uint64_t ri = 0; ri < 4; ++ri) {
    put64(bytes, 0xA10, 0x0000101008026018 | ri << 41);
    auto registers = arch.decode_context(ByteView(bytes));
    ASSERT_TRUE(registers);
    EXPECT_EQ(registers->get(arch.pc), 0xE000000083001230 + slots[ri]);
    EXPECT_EQ(registers->get(ifs), 0xA15u);
  }
}

TEST(Context, FloatingRegistersOfTheRiscCpusBelongToTheirGroup) {
  auto bytes = make(kLayouts[3], 0x80002);
  const Arch& ia64 = *find(Machine::ia64);
  auto registers = ia64.decode_context(ByteView(bytes));
  ASSERT_TRUE(registers);
  EXPECT_FALSE(registers->get(ia64.sp));
  const std::pair<std::string, std::uint32_t> places[] = {
      {"f2", 0x90}, {"f2h", 0x98}, {"f5", 0xC0}, {"f16", 0x170}, {"f31h", 0x268}};
  for (const auto& [name, at] : places)
    EXPECT_EQ(registers->get(index_of(ia64, name)), expected(bytes, {at, 8})) << name;
  bytes = make(kLayouts[4], 0x20002);
  const Arch& alpha = *find(Machine::alpha);
  registers = alpha.decode_context(ByteView(bytes));
  ASSERT_TRUE(registers);
  EXPECT_EQ(registers->get(index_of(alpha, "f2")), expected(bytes, {0x10, 8}));
  EXPECT_EQ(registers->get(index_of(alpha, "f9")), expected(bytes, {0x48, 8}));
  EXPECT_FALSE(registers->get(alpha.sp));
}

TEST(Context, RegisterNumbersAreThoseOfInstructions) {
  EXPECT_EQ(index_of(*find(Machine::x64), "rsp"), 4);
  EXPECT_EQ(index_of(*find(Machine::x64), "r15"), 15);
  EXPECT_EQ(index_of(*find(Machine::x86), "ebp"), 5);
  EXPECT_EQ(index_of(*find(Machine::arm64), "lr"), 30);
  EXPECT_EQ(index_of(*find(Machine::alpha), "sp"), 30);
}

TEST(Strip, RestoresAddresses) {
  const Arch& arm64 = *find(Machine::arm64);
  EXPECT_EQ(arm64.strip(0x00007FF612345678), 0x00007FF612345678u);
  EXPECT_EQ(arm64.strip(0x3A217FF612345678), 0x00007FF612345678u);
  EXPECT_EQ(arm64.strip(0x55A0F80012345678), 0xFFFFF80012345678u);
  EXPECT_EQ(find(Machine::alpha)->strip(0xFFFFFFFF80012345), 0x80012345u);
}

} // namespace
} // namespace dumptriage::arch
