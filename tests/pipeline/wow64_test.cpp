// The 32-bit stack of a WoW64 thread from the dump to the report.
#include <gtest/gtest.h>

#include "pipeline/analyze.h"
#include "synth/wow64_dump.h"

namespace dumptriage::pipeline {
namespace {

using synth::Wow64Dump;

report::Document analyzed(const Wow64Dump& recipe) {
  const synth::Bytes bytes = recipe.finish();
  Analyzer analyzer(rules::load({}), {});
  Options options;
  options.threads = Threads::all;
  return analyzer.analyze(MappedFile::borrow(ByteView(bytes.data(), bytes.size()), "wow"), options);
}

void expect_true_frames(const report::StackRows& stack) {
  ASSERT_EQ(stack.frames.size(), 2u);
  EXPECT_EQ(stack.sure_frames, 2u);
  EXPECT_EQ(stack.ended, "the end of the stack: the return address is 0");
  EXPECT_EQ(stack.frames[0].pc, Wow64Dump::kFault);
  EXPECT_EQ(stack.frames[1].pc, Wow64Dump::kReturn);
  EXPECT_EQ(stack.frames[1].sp, 0x19FFA8u);
  for (const report::FrameRow& row : stack.frames) EXPECT_EQ(row.module, "app.exe");
}

TEST(Wow64Walk, The32BitStackIsBesideThe64BitOne) {
  const report::Document d = analyzed({});
  ASSERT_EQ(d.threads.size(), 1u);
  const report::ThreadRow& thread = d.threads[0];
  ASSERT_TRUE(thread.wow64);
  expect_true_frames(*thread.wow64);
  EXPECT_EQ(thread.wow64->context_from, "WoW64 CPU area");
  ASSERT_FALSE(thread.frames.empty());
  EXPECT_EQ(thread.frames[0].module, "WOW64CPU.dll");
  for (const report::ModuleRow& module : d.modules)
    if (module.name == "app.exe") {
      EXPECT_TRUE(module.matters);
      EXPECT_EQ(module.image, "memory");
    }
}

TEST(Wow64Walk, AFaultIn32BitCodeIsDecodedAsSuch) {
  for (bool running : {false, true}) {
    const report::Document d = analyzed({.running = running, .exception = true});
    EXPECT_EQ(d.crash.ip, Wow64Dump::kFault);
    EXPECT_EQ(d.crash.instruction, "mov eax, dword ptr [0x0]") << running;
    EXPECT_EQ(d.crash.address_class, "null");
    ASSERT_EQ(d.threads.size(), 1u);
    ASSERT_TRUE(d.threads[0].wow64);
    expect_true_frames(*d.threads[0].wow64);
    if (!running) continue;
    EXPECT_EQ(d.threads[0].frames.size(), 1u) << "64-bit code has no part in it";
    EXPECT_EQ(d.threads[0].ended, "it ran 32-bit code: see its 32-bit stack");
  }
}

// Before Windows 8 both modules that are called ntdll.dll lie below 4 GB.
TEST(Wow64Walk, CodeOfThe64BitNamesakeIsNoPartOfIt) {
  Wow64Dump recipe{.caller = Wow64Dump::kNamesake + 0x10,
                   .program_path = "C:\\Windows\\SysWOW64\\ntdll.dll",
                   .namesake = "C:\\Windows\\System32\\ntdll.dll"};
  auto sure_frames = [&recipe] {
    const report::Document d = analyzed(recipe);
    EXPECT_TRUE(d.threads.size() == 1 && d.threads[0].wow64);
    return d.threads.at(0).wow64->sure_frames;
  };
  EXPECT_EQ(sure_frames(), 1u);
  recipe.namesake = "C:\\Windows\\SysWOW64\\other.dll"; // 32-bit code as far as one can tell
  EXPECT_EQ(sure_frames(), 2u);
}

TEST(Wow64Walk, WithoutProofThereIsOnlyThe64BitStack) {
  const report::Document d = analyzed({.machine = 0x8664});
  ASSERT_EQ(d.threads.size(), 1u);
  EXPECT_FALSE(d.threads[0].wow64);
}

} // namespace
} // namespace dumptriage::pipeline
