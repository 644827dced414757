// All walks of one dump share one budget: a dump may list thousands of threads that share one deep
// stack of return addresses.
#include <algorithm>

#include <gtest/gtest.h>

#include "pipeline/analyze.h"
#include "synth/minidump_writer.h"

namespace dumptriage::pipeline {
namespace {

constexpr std::uint64_t kModule = 0x140000000, kStack = 0x10000;
constexpr std::size_t kThreads = 1000;

// Every word of the stack is an address in the module, whose code is not in the dump: all of them
// may be return addresses.
synth::Bytes many_threads_on_one_stack() {
  synth::MinidumpWriter writer;
  writer.system({});
  synth::MdModule module;
  module.base = kModule;
  module.name = "app.exe";
  writer.modules({module});
  synth::Bytes stack;
  for (std::uint64_t i = 0; i < 512; ++i)
    for (int byte = 0; byte < 8; ++byte)
      stack.push_back(static_cast<std::uint8_t>((kModule + 0x1000 + 16 * i) >> (8 * byte)));
  writer.memory({{kStack, stack}});
  std::array<std::uint64_t, 16> registers{};
  registers[4] = kStack; // rsp
  std::vector<synth::MdThread> threads(kThreads);
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads[i].id = static_cast<std::uint32_t>(100 + i);
    threads[i].context = synth::context_x64(kModule + 0x1000, registers);
  }
  writer.threads(threads);
  return writer.finish();
}

TEST(Budget, AllWalksOfADumpShareOne) {
  const synth::Bytes bytes = many_threads_on_one_stack();
  Analyzer analyzer(rules::load({}), {});
  Options options;
  options.threads = Threads::all;
  report::Document document =
      analyzer.analyze(MappedFile::borrow(ByteView(bytes.data(), bytes.size()), "many"), options);
  ASSERT_EQ(document.threads.size(), kThreads);
  std::size_t frames = 0, walked = 0, refused = 0;
  for (const report::ThreadRow& row : document.threads) {
    frames += row.frames.size();
    walked += row.walked;
    refused += row.ended == "not walked: the limit for all threads";
  }
  // One frame from the context and 64 guesses a thread, 20,000 frames in all.
  EXPECT_EQ(document.threads.front().frames.size(), 65u);
  EXPECT_GT(walked, 300u);
  EXPECT_EQ(walked + refused, kThreads);
  EXPECT_GT(refused, 600u);
  EXPECT_LE(frames, 20000u + 65u);
}

} // namespace
} // namespace dumptriage::pipeline
