// Where threads begin: the names that count, and what they do to a walk.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "../arch/fake.h"
#include "stack/walk_loop.h"

namespace dumptriage::stack {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBase = 0x140000000;
constexpr std::uint64_t kStack = 0x10000, kHigh = kStack + 0x1000;

// One module whose Breakpad file names functions at 0x1000, 0x2000 and a public at 0x3000.
class ThreadStarts : public testing::Test {
protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("dumptriage-starts-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::optional<ThreadStart> ask(const std::string& module_name, const std::string& function,
                                 std::uint32_t rva = 0x1010, const char* id_in_file = kKey) {
    const std::string stem = module_name.substr(0, module_name.find('.'));
    const fs::path folder = folder_ / std::to_string(asked_++); // files are found without case
    fs::create_directories(folder);
    std::ofstream(folder / (stem + ".sym"))
        << "MODULE windows x86_64 " << id_in_file << " " << stem << ".pdb\n"
        << "FUNC 1000 40 0 " << function << "\nPUBLIC 3000 0 " << function << "\n";
    dump::Module module;
    module.path = "C:\\Windows\\System32\\" + module_name;
    module.base = kBase;
    module.size = 0x10000;
    module.debug.kind = dump::DebugId::Kind::rsds;
    module.debug.guid = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                         0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};
    module.debug.age = 2;
    symbols::Store store({{folder.string(), memory::Origin::image}});
    symbols::ModuleSet modules({module}, std::make_shared<arch::FakeMemory>(), arch::Machine::x64,
                               &store);
    Frame frame;
    frame.pc = kBase + rva;
    frame.module = 0;
    frame.module_name = module_name;
    return thread_start(frame, modules);
  }
  static constexpr const char* kKey = "33221100554477668899AABBCCDDEEFF2";
  fs::path folder_;
  int asked_ = 0;
};

TEST_F(ThreadStarts, ExactNamesInTheirModules) {
  auto start = ask("ntdll.dll", "RtlUserThreadStart");
  ASSERT_TRUE(start);
  EXPECT_TRUE(start->outermost);
  EXPECT_EQ(start->name, "ntdll.dll!RtlUserThreadStart");
  EXPECT_FALSE(ask("kernel32.dll", "BaseThreadInitThunk")->outermost);
  EXPECT_TRUE(ask("KERNEL32.DLL", "BaseProcessStart")->outermost);
  EXPECT_TRUE(ask("ntoskrnl.exe", "KiStartSystemThread")->outermost);
  EXPECT_FALSE(ask("ntdll.dll", "RtlUserThreadStart2"));
  EXPECT_FALSE(ask("kernel32.dll", "RtlUserThreadStart"));
  EXPECT_FALSE(ask("app.exe", "BaseThreadStart"));
  EXPECT_FALSE(ask("netbt.sys", "KiThreadStartup"));
}

TEST_F(ThreadStarts, NotByANameThatIsMerelyNear) {
  EXPECT_FALSE(ask("ntdll.dll", "RtlUserThreadStart", 0x1050)); // behind the function
  EXPECT_FALSE(ask("ntdll.dll", "RtlUserThreadStart", 0x3010)); // a public without an end
  EXPECT_FALSE(ask("ntdll.dll", "RtlUserThreadStart", 0x1010,
                   "33221100554477668899AABBCCDDEEFF3")); // of another build
}

// A function with a frame of 0x20 at 0x1000, nothing known about the one at 0x2000.
class WalkToTheStart : public testing::Test {
protected:
  Stack go(std::uint64_t start_slot, std::optional<ThreadStart> start, std::uint64_t above = 0) {
    arch::FakeMemory memory;
    arch::FakeFunctions functions;
    functions.add(0x1000, 0x1100, 0x8000);
    functions.add(0x2000, 0x2100, 0x9000); // unwind data that is not there
    memory.put(kBase + 0x8000, {1, 4, 1, 0, 4, 0x32, 0, 0});
    std::vector<std::uint8_t> code(0x3000, 0x90);
    for (std::size_t i = 0; i + 5 < code.size(); i += 16) code[i] = 0xE8;
    memory.put(kBase + 0x1000, code);
    std::vector<std::uint8_t> stack(kHigh - kStack);
    auto put = [&](std::uint64_t at, std::uint64_t value) {
      for (int i = 0; i < 8; ++i)
        stack[at - kStack + i] = static_cast<std::uint8_t>(value >> (8 * i));
    };
    put(start_slot, kBase + 0x2025);
    if (above != 0) put(above, kBase + 0x1035);
    memory.put(kStack, stack);
    arch::Registers registers;
    registers.set(16, kBase + 0x1051);
    registers.set(4, start_slot - 0x20);
    const Ground ground{
        *arch::find(arch::Machine::x64),
        functions,
        memory,
        [](std::uint64_t a) -> std::optional<std::size_t> {
          return a - kBase < 0x100000 ? std::optional<std::size_t>(0) : std::nullopt;
        },
        [](std::size_t) { return std::string("ntdll.dll"); },
        {},
        {},
        [&](const Frame& frame) { return frame.pc == kBase + 0x2025 ? start : std::nullopt; }};
    return walk_on(ground, registers, kStack, kHigh, {});
  }
};

TEST_F(WalkToTheStart, TheStackIsWhole) {
  for (bool outermost : {true, false}) {
    const Stack stack = go(kHigh - 0x40, ThreadStart{outermost, "ntdll.dll!RtlUserThreadStart"},
                           kHigh - 0x10); // what lies above is not looked at
    ASSERT_EQ(stack.frames.size(), 2u);
    EXPECT_EQ(stack.sure_frames, 2u);
    EXPECT_TRUE(stack.whole);
    EXPECT_EQ(stack.ended, "the thread begins in ntdll.dll!RtlUserThreadStart");
    EXPECT_EQ(stack.sure_ended, "");
  }
}

TEST_F(WalkToTheStart, NotWithoutTheName) {
  const Stack stack = go(kHigh - 0x40, std::nullopt, kHigh - 0x10);
  EXPECT_EQ(stack.sure_frames, 2u);
  EXPECT_EQ(stack.frames.size(), 3u); // scanned
  EXPECT_FALSE(stack.whole);
}

} // namespace
} // namespace dumptriage::stack
