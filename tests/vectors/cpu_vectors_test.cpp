// The unwinders alone, over recorded states of executed code: registers, memory and a function
// table in, callers out.
#include <algorithm>
#include <cstdio>
#include <set>

#include <gtest/gtest.h>

#include "vectors/layout.h"
#include "vectors/truth.h"

namespace dumptriage::vectors {
namespace {

using arch::Machine;

// Where GCC computes the stack pointer in a loop, and a tail that leaves by a long jump: none of it
// is a prologue of NT's calling standard.
const std::set<std::string> kNotShaped = {"frame40k", "frame300k", "dynbig", "jumper"};
bool is_shaped(const Snapshot& snapshot) {
  return std::ranges::none_of(
      snapshot.frames, [](const Frame& frame) { return kNotShaped.contains(frame.function); });
}

memory::FlatRanges memory_of(const LaidOut& image, const Snapshot& snapshot) {
  memory::FlatRanges memory;
  const auto add = [&](std::uint64_t address, const Bytes& bytes) {
    memory.add(address, ByteView(bytes.data(), bytes.size()));
  };
  // What the snapshot recorded holds; a segment may hold the stack as the file had it.
  for (const Piece& piece : snapshot.memory) add(piece.address, piece.bytes);
  add(snapshot.backing.address, snapshot.backing.bytes);
  for (const auto* pieces : {&image.segments, &image.elsewhere})
    for (const Piece& piece : *pieces) add(piece.address, piece.bytes);
  add(image.base + LaidOut::kPdata, image.pdata_bytes);
  add(image.base + image.xdata, image.xdata_bytes);
  memory.seal();
  return memory;
}

void walk(const LaidOut& image, const Snapshot& snapshot, Score& score) {
  const arch::Arch& cpu = *arch::find(image.machine);
  const memory::FlatRanges memory = memory_of(image, snapshot);
  const LaidOutTable table(image);
  arch::Registers registers = start_of(snapshot, image.machine);
  std::size_t effort = std::size_t{1} << 20;
  std::shared_ptr<void> kept;
  Judge judge(score, snapshot, image.machine);
  for (bool first = true; !judge.done(); first = false) {
    auto caller =
        cpu.unwind_by_data({registers, memory, table, first, std::nullopt, &effort, &kept});
    if (!caller) {
      const Error& error = caller.error().error;
      judge.unsupported(error.what + ": " + error.why, ", " + error.where.to_string());
    } else if (!caller->proved) {
      judge.unsupported("not proved: " + caller->unproved);
    } else {
      registers = caller->registers;
      judge.caller(registers, memory);
    }
  }
}

struct Outcome {
  Score all, shaped;
};
Outcome run(const Program& program, Machine machine) {
  const LaidOut image = lay_out(program, machine);
  Outcome out;
  out.all.name = program.name + ", " + std::string(arch::name_of(machine));
  out.shaped.name = out.all.name + ", NT's";
  for (const Snapshot& snapshot : program.snapshots) {
    walk(image, snapshot, out.all);
    if (is_shaped(snapshot)) walk(image, snapshot, out.shaped);
  }
  std::fputs(print(out.all).c_str(), stdout);
  if (machine != Machine::ia64) std::fputs(print(out.shaped).c_str(), stdout);
  return out;
}

// Where gdb found all frames.
std::set<int> found_by_gdb(const Program& program) {
  std::set<int> out;
  const auto opinions = read_gdb(program.name);
  for (const Snapshot& snapshot : program.snapshots) {
    const auto found = opinions.find(snapshot.step);
    if (found == opinions.end()) continue;
    const std::size_t count = frames_of(snapshot);
    bool same = found->second.size() >= count;
    for (std::size_t i = 0; same && i < count; ++i)
      same = found->second[i].pc == snapshot.frames[i].pc &&
             found->second[i].sp == snapshot.frames[i].sp;
    if (same) out.insert(snapshot.step);
  }
  return out;
}

void expect_itanium(const Program& program) {
  const Outcome outcome = run(program, Machine::ia64);
  EXPECT_TRUE(outcome.all.perfect()) << program.name;
  EXPECT_EQ(outcome.all.whole, program.snapshots.size());
}

void expect_alpha(const Program& program) {
  const bool by_the_rules = program.name.ends_with("nt") || program.name.ends_with("ntasm");
  const std::set<int> gdb = found_by_gdb(program);
  for (Machine machine : {Machine::alpha64, Machine::alpha}) {
    const Outcome outcome = run(program, machine);
    EXPECT_EQ(outcome.all.wrong, 0u) << program.name;
    EXPECT_EQ(outcome.all.registers_missing, 0u) << program.name;
    if (by_the_rules) EXPECT_TRUE(outcome.shaped.perfect()) << program.name;
    if (gdb.empty()) continue;
    std::size_t shaped = 0;
    for (const Snapshot& snapshot : program.snapshots)
      shaped += is_shaped(snapshot) && gdb.contains(snapshot.step);
    std::printf("    gdb: %zu snapshots, %zu of them NT's\n", gdb.size(), shaped);
    EXPECT_GE(outcome.shaped.whole, shaped) << program.name;
  }
}

TEST(CpuVectors, EveryFrameAndRegister) {
  const std::vector<std::string> names = programs();
  if (names.empty()) GTEST_SKIP() << "skipped: no recorded states in " << folder();
  for (const std::string& name : names) {
    const auto program = read(name);
    ASSERT_TRUE(program.has_value()) << program.error();
    ASSERT_FALSE(program->snapshots.empty()) << name;
    program->itanium ? expect_itanium(*program) : expect_alpha(*program);
  }
}

} // namespace
} // namespace dumptriage::vectors
