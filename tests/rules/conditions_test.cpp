#include <gtest/gtest.h>

#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

TEST(Bugcheck, ThreeAnswers) {
  EXPECT_EQ(answer("bugcheck: [0xA, 0xD1]", with({stop(0xD1)})), "yes");
  EXPECT_EQ(answer("bugcheck: 209", with({stop(0xD1)})), "yes");
  EXPECT_EQ(answer("bugcheck: 0xD1", with({stop(0x50)})), "no");
  EXPECT_EQ(answer("bugcheck: 0xD1", with({stop_kind("exception")})), "no");
  EXPECT_EQ(answer("bugcheck: 0xD1", seen_in_part({stop_kind("none")})), "cannot tell");
  EXPECT_EQ(answer("bugcheck: 0xD1", seen_in_part({})), "cannot tell");
  EXPECT_EQ(answer("bugcheck: 0xD1", FactSet{}), "cannot tell");
}

TEST(Bugcheck, FoldsMVariantsOnBothSidesButNothingElse) {
  EXPECT_EQ(answer("bugcheck: 0x7E", with({stop(0x1000007E)})), "yes");
  EXPECT_EQ(answer("bugcheck: 0x1000007E", with({stop(0x7E)})), "yes");
  EXPECT_EQ(answer("bugcheck: 0x1E", with({stop(0x8E)})), "no");
  EXPECT_EQ(answer("bugcheck: 0x8E", with({stop(0x1E)})), "no");
  EXPECT_EQ(answer("bugcheck: 0xA", with({stop(0xD1)})), "no");
  EXPECT_EQ(answer("bugcheck: 0xD1", with({stop(0xA)})), "no");
  EXPECT_EQ(answer("bugcheck: 0xC000021A", with({stop(0xC000021A)})), "yes");
  EXPECT_EQ(answer("bugcheck: 0x21A", with({stop(0xC000021A)})), "no");
  EXPECT_EQ(answer("bugcheck: 0xEADDEAD", with({stop(0xDEADDEAD)})), "no");
}

TEST(KernelCrashAndHangDump, ForcedStopsAreHangs) {
  EXPECT_EQ(answer("kernel_crash: true", with({stop(0x1E)})), "yes");
  EXPECT_EQ(answer("kernel_crash: true", with({stop(0xE2)})), "no");
  EXPECT_EQ(answer("kernel_crash: true", with({stop_kind("exception")})), "no");
  EXPECT_EQ(answer("kernel_crash: true", seen_in_part({stop_kind("none")})), "cannot tell");
  EXPECT_EQ(answer("hang_dump: true", with({stop(0xE2)})), "yes");
  EXPECT_EQ(answer("hang_dump: true", with({stop_kind("hang")})), "yes");
  EXPECT_EQ(answer("hang_dump: true", with({stop(0x1E)})), "no");
  EXPECT_EQ(answer("hang_dump: true", with({stop_kind("none")})), "cannot tell");
  EXPECT_EQ(answer("hang_dump: true", FactSet{}), "cannot tell");
}

TEST(Os, ServicePackThatIsNotProved) {
  const char* sp2 = "os: {family: ws2003, service_pack: 2}";
  EXPECT_EQ(answer(sp2, with({os("ws2003", 2, "x64")})), "yes");
  EXPECT_EQ(answer(sp2, with({os("ws2003", 1, "x64")})), "no");
  EXPECT_EQ(answer(sp2, with({os("ws2003", 2, "x64", false)})), "weak yes");
  EXPECT_EQ(answer(sp2, with({os("ws2003", 1, "x64", false)})), "cannot tell");
  EXPECT_EQ(answer(sp2, with({os("xp", 2, "x86", false)})), "no");
  Fact unknown = os("ws2003", 2, "x64");
  unknown.fields.erase("service_pack");
  EXPECT_EQ(answer(sp2, with({unknown})), "cannot tell");
  EXPECT_EQ(answer("os: {service_pack: none}", with({os("xp", 0, "x86")})), "yes");
  EXPECT_EQ(answer("os: {service_pack: SP6a}", with({os("nt4", 6, "x86")})), "yes");
}

TEST(Os, EveryKeyAndEveryUnknown) {
  Fact nt4 = os("nt4", 6, "alpha");
  nt4.fields["product_type"] = number(3);
  nt4.fields["suite_mask"] = number(0x2);
  nt4.fields["terminal_server"] = false;
  nt4.fields["build"] = number(1381);
  FactSet set = with({nt4});
  EXPECT_EQ(answer("os: {family: [2000, nt4], arch: [x86, alpha]}", set), "yes");
  EXPECT_EQ(answer("os: {arch: x86}", set), "no");
  EXPECT_EQ(answer("os: {build: 1381}", set), "yes");
  EXPECT_EQ(answer("os: {build: 2195}", set), "no");
  EXPECT_EQ(answer("os: {edition: server}", set), "yes");
  EXPECT_EQ(answer("os: {edition: workstation}", set), "no");
  EXPECT_EQ(answer("os: {edition: enterprise}", set), "yes");
  EXPECT_EQ(answer("os: {edition: datacenter}", set), "no");
  EXPECT_EQ(answer("os: {terminal_server: false}", set), "yes");
  EXPECT_EQ(answer("os: {terminal_server: true}", set), "no");
  FactSet blank = with({fact("os", "os", {})});
  for (const char* key :
       {"family: nt4", "arch: x86", "build: 1381", "edition: server", "edition: enterprise",
        "terminal_server: true", "terminal_server: false", "service_pack: 2"})
    EXPECT_EQ(answer(std::string("os: {") + key + "}", blank), "cannot tell") << key;
  EXPECT_EQ(answer("os: {family: nt4}", FactSet{}), "cannot tell");
}

TEST(Os, AlternativesAreAnyOf) {
  const char* two = "os: [{family: ws2003, service_pack: 2}, {family: xp64, service_pack: 2}]";
  EXPECT_EQ(answer(two, with({os("xp64", 2, "x64")})), "yes");
  EXPECT_EQ(answer(two, with({os("xp64", 1, "x64")})), "no");
  EXPECT_EQ(answer(two, with({os("xp", 2, "x86")})), "no");
}

TEST(Cpus, CountsTheMachine) {
  EXPECT_EQ(answer("cpus: {at_least: 2}", with({os("xp", 2, "x86")})), "yes");
  EXPECT_EQ(answer("cpus: {at_least: 3}", with({os("xp", 2, "x86")})), "no");
  EXPECT_EQ(answer("cpus: {at_most: 1}", with({os("xp", 2, "x86")})), "no");
  EXPECT_EQ(answer("cpus: {at_least: 2}", with({fact("os", "os", {})})), "cannot tell");
}

TEST(ModuleLoaded, NoOnlyOverACompleteList) {
  EXPECT_EQ(answer("module_loaded: netbt.sys", with({module("netbt.sys")})), "yes");
  EXPECT_EQ(answer("module_loaded: NetBT", with({module("netbt.sys")})), "yes");
  EXPECT_EQ(answer("module_loaded: nt", with({module("ntkrpamp.exe")})), "yes");
  EXPECT_EQ(answer("module_loaded: ntoskrnl.exe", with({module("ntkrnlmp.exe")})), "yes");
  EXPECT_EQ(answer("module_loaded: netbt.sys", with({module("tcpip.sys")})), "no");
  EXPECT_EQ(answer("module_loaded: netbt.dll", with({module("netbt.sys")})), "no");
  EXPECT_EQ(answer("module_loaded: netbt.sys", seen_in_part({module("tcpip.sys")})), "cannot tell");
  EXPECT_EQ(answer("module_loaded: netbt.sys", seen_in_part({module("netbt.sys")})), "yes");
  EXPECT_EQ(answer("module_loaded: [a.sys, b.sys]", with({module("a.sys")})), "no");
  EXPECT_EQ(answer("module_loaded: [a.sys, b.sys]", with({module("a.sys"), module("b.sys")})),
            "yes");
  EXPECT_EQ(answer("module_not_loaded: netbt.sys", with({module("netbt.sys")})), "no");
  EXPECT_EQ(answer("module_not_loaded: netbt.sys", with({})), "yes");
  EXPECT_EQ(answer("module_not_loaded: netbt.sys", seen_in_part({})), "cannot tell");
  EXPECT_EQ(answer("module_not_loaded: [a.sys, b.sys]", with({module("a.sys")})), "no");
}

TEST(FaultIn, TheModuleOfTheInstruction) {
  Fact fault =
      fact("fault", "fault",
           {{"ip", Address{0x1234}}, {"module", text("sfmsrv.sys")}, {"rva", number(0x34)}});
  EXPECT_EQ(answer("fault_in: sfmsrv.sys", with({fault})), "yes");
  EXPECT_EQ(answer("fault_in: netbt.sys", with({fault})), "no");
  Fact nowhere = fact("fault", "fault", {{"ip", Address{0x1234}}});
  EXPECT_EQ(answer("fault_in: netbt.sys", with({nowhere})), "no");
  EXPECT_EQ(answer("fault_in: netbt.sys", seen_in_part({nowhere})), "cannot tell");
  EXPECT_EQ(answer("fault_in: netbt.sys", seen_in_part({})), "cannot tell");
}

// Each way in which a frame or its name is not proved.
struct Doubt {
  const char* what;
  const char* field;
  evidence::Value value;
  bool about_name; // the place of the frame is still proved
};
const Doubt kDoubts[] = {
    {"scan frame", "trust", text("scan"), false},
    {"guessed part", "sure", false, false},
    {"unwound with a file beside the dump", "origin", text("sibling"), false},
    {"PDB of another build", "name_exact", false, true},
    {"far public", "name_far", true, true},
    {"PDB beside the dump", "name_origin", text("sibling"), true},
    {"nearest export, its end unknown", "name_source", text("exports"), true},
};

TEST(Frames, AnExportWhoseExtentIsKnownIsAName) {
  Fact named = frame(1, 0, "netbt.sys", "Copy", true);
  named.fields["name_source"] = text("exports");
  named.fields["name_bounded"] = true;
  EXPECT_EQ(answer("top_of_stack: netbt!Copy", with({named})), "yes");
}

TEST(Frames, DoubtMakesWeak) {
  const char* function = "frame_function: {function: netbt!Copy, on: any_cpu}";
  const char* top = "top_of_stack: {function: netbt!Copy, on: any_cpu}";
  const char* in_module = "frame_module: {module: netbt, on: any_cpu}";
  EXPECT_EQ(answer(function, with({frame(1, 0, "netbt.sys", "Copy", true)})), "yes");
  EXPECT_EQ(answer(top, with({frame(1, 0, "netbt.sys", "Copy", true)})), "yes");
  EXPECT_EQ(answer(in_module, with({frame(1, 0, "netbt.sys", "Copy", true)})), "yes");
  for (const auto& doubt : kDoubts) {
    Fact doubted = frame(1, 0, "netbt.sys", "Copy", true);
    doubted.fields[doubt.field] = doubt.value;
    FactSet set = with({doubted});
    EXPECT_EQ(answer(function, set), "weak yes") << doubt.what;
    EXPECT_EQ(answer(top, set), "weak yes") << doubt.what;
    EXPECT_EQ(answer(in_module, set), doubt.about_name ? "yes" : "weak yes") << doubt.what;
    // One sure frame is enough, whichever comes first.
    set.facts.push_back(frame(0, 0, "netbt.sys", "Copy", true));
    EXPECT_EQ(answer(top, set), "yes") << doubt.what;
  }
}

TEST(Frames, NoOnlyOverCompleteCoverage) {
  std::vector<Fact> other = {frame(0, 0, "tcpip.sys", "Send", true, true)};
  for (const char* condition :
       {"frame_function: {function: netbt!Copy, on: any_cpu}",
        "frame_function: {function: netbt!Copy, on: crashing_thread}", "frame_function: netbt!Copy",
        "top_of_stack: netbt!Copy", "frame_module: {module: netbt.sys, on: any_thread}",
        "frame_module: netbt.sys"}) {
    EXPECT_EQ(answer(condition, with(other)), "no") << condition;
    EXPECT_EQ(answer(condition, seen_in_part(other)), "cannot tell") << condition;
    EXPECT_EQ(answer(condition, FactSet{}), "cannot tell") << condition;
  }
  // A kernel dump: CPUs' stacks complete, but the other threads were not walked.
  FactSet cpus_only = with(other);
  cover(cpus_only, "thread", Extent::partial, "only the threads running on CPUs are read");
  EXPECT_EQ(answer("frame_function: {function: netbt!Copy, on: any_cpu}", cpus_only), "no");
  EXPECT_EQ(answer("frame_function: {function: netbt!Copy, on: any_thread}", cpus_only),
            "cannot tell");
  Finding finding = judge_condition("frame_function: netbt!Copy", cpus_only);
  EXPECT_EQ(finding.because, "only the threads running on CPUs are read");
}

TEST(Frames, WhichStackIsLookedAt) {
  FactSet set =
      with({frame(0, 0, "nt", "KeBugCheckEx", true, true), frame(1, 0, "netbt.sys", "Copy", true)});
  EXPECT_EQ(answer("top_of_stack: {function: netbt!Copy, on: any_cpu}", set), "yes");
  EXPECT_EQ(answer("top_of_stack: {function: netbt!Copy, on: crashing_cpu}", set), "no");
  EXPECT_EQ(answer("frame_function: {function: netbt!Copy, on: crashing_thread}", set), "no");
  EXPECT_EQ(answer("frame_module: {module: netbt, on: crashing_thread}", set), "no");
  EXPECT_EQ(answer("frame_module: {module: netbt, on: any_cpu}", set), "yes");
  // On a stack, but not on top of it.
  FactSet below = with({frame(0, 0, "tcpip.sys", "Send", true, true),
                        frame(0, 1, "netbt.sys", "Copy", false, true)});
  EXPECT_EQ(answer("top_of_stack: netbt!Copy", below), "no");
  EXPECT_EQ(answer("frame_function: netbt!Copy", below), "yes");
}

TEST(FrameModule, WithinCountsFromTheTop) {
  // Frames 0 and 1 are stop machinery, 2 is the top.
  std::vector<Fact> stack = {
      frame(0, 0, "nt", "KeBugCheckEx", false, true), frame(0, 1, "nt", "KiTrap0E", false, true),
      frame(0, 2, "tcpip.sys", "Send", true, true), frame(0, 3, "netbt.sys", "Copy", false, true)};
  EXPECT_EQ(answer("frame_module: {module: netbt, within: 2}", with(stack)), "yes");
  EXPECT_EQ(answer("frame_module: {module: netbt, within: 1}", with(stack)), "no");
  EXPECT_EQ(answer("frame_module: {module: nt, within: 4}", with(stack)), "no");
  stack[2].fields["top"] = false; // where the machinery ends is not known
  EXPECT_EQ(answer("frame_module: {module: netbt, within: 4}", with(stack)), "yes");
  EXPECT_EQ(answer("frame_module: {module: netbt, within: 2}", with(stack)), "cannot tell");
}

TEST(Combinators, ThreeValuedTables) {
  // Y yes, N no, C cannot tell, W weak yes.
  Fact weak = frame(0, 0, "w.sys", "Weak", true);
  weak.fields["trust"] = text("scan");
  FactSet set = with({stop(0xA), module("y.sys"), weak});
  cover(set, "fault", Extent::none);
  std::map<char, std::string> leaf = {{'Y', "{module_loaded: y.sys}"},
                                      {'N', "{module_loaded: n.sys}"},
                                      {'C', "{fault_in: c.sys}"},
                                      {'W', "{top_of_stack: w!Weak}"}};
  auto list = [&](const std::string& letters) {
    std::string all;
    for (char c : letters) all += (all.empty() ? "" : ", ") + leaf[c];
    return "[" + all + "]";
  };
  const std::pair<const char*, const char*> all[] = {
      {"Y", "yes"}, {"YY", "yes"},      {"YN", "no"},          {"YC", "cannot tell"},
      {"NC", "no"}, {"YW", "weak yes"}, {"WC", "cannot tell"}, {"WN", "no"}};
  for (auto [letters, expected] : all)
    EXPECT_EQ(answer("all: " + list(letters), set), expected) << letters;
  const std::pair<const char*, const char*> any[] = {
      {"N", "no"},        {"YN", "yes"}, {"YC", "yes"},     {"NC", "cannot tell"},
      {"NW", "weak yes"}, {"YW", "yes"}, {"WC", "weak yes"}};
  for (auto [letters, expected] : any)
    EXPECT_EQ(answer("any: " + list(letters), set), expected) << letters;
  const std::pair<const char*, const char*> two[] = {
      {"YYN", "yes"}, {"YNN", "no"}, {"YCN", "cannot tell"}, {"YWN", "weak yes"}, {"YWY", "yes"}};
  for (auto [letters, expected] : two)
    EXPECT_EQ(answer("count: {at_least: 2, of: " + list(letters) + "}", set), expected) << letters;
  const std::pair<char, const char*> negation[] = {
      {'Y', "no"}, {'N', "yes"}, {'C', "cannot tell"}, {'W', "cannot tell"}};
  for (auto [letter, expected] : negation)
    EXPECT_EQ(answer("not: " + leaf[letter], set), expected) << letter;
}

} // namespace
} // namespace dumptriage::rules::test
