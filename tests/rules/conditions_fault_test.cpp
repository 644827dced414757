// Conditions on the fault and the crashing thread.
#include <gtest/gtest.h>

#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

Fact fault(std::map<std::string, evidence::Value> more) {
  Fact made = fact("fault", "fault", {{"ip", Address{0xF86D1234}}});
  made.fields.merge(more);
  return made;
}

TEST(FaultIn, AtAPlace) {
  const FactSet set = with({fault({{"module", text("sfmsrv.sys")}, {"rva", number(0x1234)}})});
  EXPECT_EQ(answer("fault_in: {module: sfmsrv.sys, rva: 0x1234}", set), "yes");
  EXPECT_EQ(answer("fault_in: {module: sfmsrv.sys, rva: [1, 0x1234]}", set), "yes");
  EXPECT_EQ(answer("fault_in: {module: sfmsrv.sys, rva: 0x1235}", set), "no");
  EXPECT_EQ(answer("fault_in: {module: netbt.sys, rva: 0x1234}", set), "no");
  EXPECT_EQ(answer("fault_in: [netbt.sys, sfmsrv]", set), "yes");
  const FactSet blind = with({fault({{"module", text("sfmsrv.sys")}})});
  EXPECT_EQ(answer("fault_in: {module: sfmsrv.sys, rva: 0x1234}", blind), "cannot tell");
}

TEST(FaultAddress, EveryKind) {
  struct Case {
    const char* is;
    std::map<std::string, evidence::Value> fields;
    const char* expected;
  };
  const Case cases[] = {
      {"null", {{"address", Address{0x10}}}, "yes"},
      {"null", {{"address", Address{0xFFFF}}}, "yes"},
      {"null", {{"address", Address{0x10000}}}, "no"},
      {"null", {{"address_class", text("null+offset")}}, "yes"},
      {"null", {}, "cannot tell"},
      {"freed", {{"address_class", text("freed-fill")}}, "yes"},
      {"freed", {{"address", Address{0x10}}}, "no"},
      {"text", {{"address", Address{0x6C7A7543}}}, "yes"},
      {"text", {{"address", Address{0x8A017543}}}, "no"},
      {"text", {}, "cannot tell"},
      {"user", {{"address", Address{0x401000}}}, "yes"},
      {"user", {{"address", Address{0x10}}}, "no"},
      {"user", {{"address", Address{0x8A000000}}}, "cannot tell"}, // /3GB?
      {"user", {{"address", Address{0xF86D0000}}}, "no"},
      {"wild", {{"address", Address{0x12345678}}, {"address_class", text("wild")}}, "yes"},
      {"wild", {{"address_class", text("non-canonical")}}, "yes"},
      {"wild", {{"address", Address{0x8A000000}}}, "no"},
      {"execute", {{"access", text("execute")}, {"address_class", text("wild")}}, "yes"},
      {"execute", {{"address_class", text("execute of non-code")}}, "yes"},
      {"execute", {{"access", text("execute")}, {"address_class", text("guard page")}}, "no"},
      {"execute", {{"access", text("execute")}, {"address", Address{0xF86D0000}}}, "no"},
      {"execute", {{"access", text("read")}, {"address_class", text("wild")}}, "no"},
      {"[null, text]", {{"address", Address{0x6C7A7543}}}, "yes"},
  };
  for (const auto& test : cases) {
    const std::string condition = std::string("fault_address: {is: ") + test.is + "}";
    EXPECT_EQ(answer(condition, with({os("nt4", 6, "x86"), fault(test.fields)})), test.expected)
        << condition << " " << (&test - cases);
  }
  EXPECT_EQ(answer("fault_address: wild", seen_in_part({fault({})})), "cannot tell");
  EXPECT_EQ(answer("fault_address: null", with({})), "no");
  EXPECT_EQ(answer("fault_address: null", seen_in_part({})), "cannot tell");
}

TEST(FaultAddress, FreedBlocks) {
  const Fact at = fault({{"address", Address{0x8A000010}}});
  Fact block = fact("touched_block", "touched_block:ecx",
                    {{"of", text("ecx")}, {"block", Address{0x8A000000}}, {"state", text("free")}});
  EXPECT_EQ(answer("fault_address: freed", with({at, block})), "yes");
  EXPECT_EQ(answer("fault_address: freed", seen_in_part({at, block})), "yes");
  block.fields["state"] = text("allocated");
  EXPECT_EQ(answer("fault_address: freed", with({at, block})), "no");
  EXPECT_EQ(answer("fault_address: freed", seen_in_part({at, block})), "cannot tell");
  block.fields.erase("state");
  EXPECT_EQ(answer("fault_address: freed", with({at, block})), "cannot tell");
  block.fields["state"] = text("free");
  block.trust = "inferred";
  EXPECT_EQ(answer("fault_address: freed", with({at, block})), "weak yes");
}

TEST(FaultAddress, AnInstructionFromAFileBesideTheDumpIsAGuess) {
  Fact guessed = fault({{"address", Address{0x10}}});
  guessed.trust = "sibling";
  EXPECT_EQ(answer("fault_address: null", with({guessed})), "weak yes");
}

TEST(Process, OfTheCrashingThread) {
  auto process = [](const char* name, bool crashed) {
    return fact("process", std::string("process:") + name,
                {{"name", text(name)}, {"crashed", crashed}});
  };
  const FactSet set = with({process("system", false), process("lsass.exe", true)});
  EXPECT_EQ(answer("process: lsass.exe", set), "yes");
  EXPECT_EQ(answer("process: LSASS", set), "yes");
  EXPECT_EQ(answer("process: system", set), "no");
  EXPECT_EQ(answer("process: system", with({process("system", false)})), "cannot tell");
  EXPECT_EQ(answer("process: lsass.exe",
                   with({thread("4", {{"crashed", true}, {"process_name", text("lsass.exe")}})})),
            "yes");
  // EPROCESS keeps 15 characters.
  const FactSet cut = with({process("verylongservice", true)});
  EXPECT_EQ(answer("process: verylongservice.exe", cut), "weak yes");
  EXPECT_EQ(answer("process: verylongservant.exe", cut), "no");
}

TEST(Irql, OfTheCrashedCpu) {
  auto cpu = [](std::uint64_t number_of, bool crashed, std::uint64_t level) {
    return fact("cpu", "cpu:" + std::to_string(number_of),
                {{"number", number(number_of)}, {"crashed", crashed}, {"irql", number(level)}});
  };
  const FactSet set = with({cpu(0, false, 0), cpu(1, true, 2)});
  EXPECT_EQ(answer("irql: 2", set), "yes");
  EXPECT_EQ(answer("irql: {at_least: 2}", set), "yes");
  EXPECT_EQ(answer("irql: {at_least: 3}", set), "no");
  EXPECT_EQ(answer("irql: {at_most: 1}", set), "no");
  EXPECT_EQ(answer("irql: {equals: 2}", set), "yes");
  EXPECT_EQ(answer("irql: 0", set), "no");
  EXPECT_EQ(answer("irql: 2", with({cpu(0, false, 2)})), "cannot tell");
}

TEST(ThreadState, OfTheCrashingThread) {
  const FactSet set = with({thread("4", {{"state", text("running")}}),
                            thread("8", {{"crashed", true}, {"state", text("terminated")}})});
  EXPECT_EQ(answer("thread_state: terminated", set), "yes");
  EXPECT_EQ(answer("thread_state: [running, standby]", set), "no");
  EXPECT_EQ(answer("thread_state: terminated", with({thread("8", {{"crashed", true}})})),
            "cannot tell");
  EXPECT_EQ(answer("thread_state: terminated", with({})), "cannot tell");
}

TEST(StackExhausted, ByLimitOrByFault) {
  auto limit = [](std::map<std::string, evidence::Value> fields) {
    return fact("stack_limit", "stack_limit", std::move(fields));
  };
  EXPECT_EQ(answer("stack_exhausted: true", with({limit({{"exhausted", true}})})), "yes");
  EXPECT_EQ(answer("stack_exhausted: true", with({limit({{"exhausted", false}})})), "no");
  EXPECT_EQ(answer("stack_exhausted: true", with({limit({{"left", number(40)}})})), "cannot tell");
  EXPECT_EQ(answer("stack_exhausted: true",
                   seen_in_part({fault({{"address_class", text("stack exhausted")}})})),
            "yes");
  EXPECT_EQ(answer("stack_exhausted: true", with({})), "no");
  EXPECT_EQ(answer("stack_exhausted: true", seen_in_part({})), "cannot tell");
}

} // namespace
} // namespace dumptriage::rules::test
