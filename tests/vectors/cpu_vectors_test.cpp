// The unwinders alone, over recorded states of executed code: registers, memory and a function
// table in, callers out.
#include <algorithm>
#include <cstdio>
#include <set>

#include <gtest/gtest.h>

#include "vectors/moved.h"
#include "vectors/walk_alone.h"

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

struct Outcome {
  Score all, shaped;
};
Outcome run(const Program& program, Machine machine) {
  const LaidOut image = lay_out(program, machine);
  Outcome out;
  out.all.name = program.name + ", " + std::string(arch::name_of(machine));
  out.shaped.name = out.all.name + ", NT's";
  for (const Snapshot& snapshot : program.snapshots) {
    Score one;
    walk_alone(image, snapshot, one);
    out.all.add(one);
    if (is_shaped(snapshot)) out.shaped.add(one);
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

void expect_alpha(const Program& program, Machine machine, const std::set<int>& gdb) {
  const bool by_the_rules = program.name.find("nt") != std::string::npos;
  const Outcome outcome = run(program, machine);
  EXPECT_EQ(outcome.all.wrong, 0u) << program.name;
  EXPECT_EQ(outcome.all.registers_missing, 0u) << program.name;
  if (by_the_rules) {
    EXPECT_TRUE(outcome.shaped.perfect()) << program.name;
  }
  if (gdb.empty()) return;
  std::size_t shaped = 0;
  for (const Snapshot& snapshot : program.snapshots)
    shaped += is_shaped(snapshot) && gdb.contains(snapshot.step);
  std::printf("    gdb: %zu snapshots, %zu of them NT's\n", gdb.size(), shaped);
  EXPECT_GE(outcome.all.whole, gdb.size()) << program.name;
  EXPECT_GE(outcome.shaped.whole, shaped) << program.name;
}

void expect_alpha(const Program& program) {
  const std::set<int> gdb = found_by_gdb(program);
  expect_alpha(program, Machine::alpha64, gdb);
  if (!fits_32_bits(program)) return;
  expect_alpha(program, Machine::alpha, gdb);
  expect_alpha(in_upper_half(program), Machine::alpha, gdb);
}

TEST(CpuVectors, EveryFrameAndRegister) {
  const std::vector<std::string> names = programs();
  if (names.empty()) GTEST_SKIP() << "skipped: no recorded states in " << folder();
  for (const std::string& name : names) {
    const auto program = read(name);
    if (!program) {
      ADD_FAILURE() << program.error();
      continue;
    }
    ASSERT_FALSE(program->snapshots.empty()) << name;
    program->itanium ? expect_itanium(*program) : expect_alpha(*program);
  }
}

} // namespace
} // namespace dumptriage::vectors
