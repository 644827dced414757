// The first four rules on hand-made facts.  Every expected verdict was written from the article.
#include <functional>

#include <gtest/gtest.h>

#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

const Catalogue& builtin() {
  static const Catalogue catalogue = builtin_catalogue();
  return catalogue;
}

Match judged(const char* id, const FactSet& facts) {
  for (auto& match : judge(builtin(), facts, true))
    if (match.rule->id == id) return match;
  return {};
}

const char* kTop = "frame:cpu 1:2";

// Server 2003 SP2, two CPUs, DRIVER_IRQL_NOT_LESS_OR_EQUAL raised on CPU 0, the function on top of
// CPU 1 below the freeze machinery.
FactSet machine() {
  FactSet set;
  set.facts = {stop(0xD1),
               os("ws2003", 2, "x64"),
               module("ntoskrnl.exe"),
               module("netbt.sys"),
               module("tdi.sys"),
               frame(0, 0, "ntoskrnl.exe", "KeBugCheckEx", false, true),
               frame(0, 1, "tdi.sys", "TdiSomething", true, true),
               frame(1, 0, "ntoskrnl.exe", "KiFreezeTargetExecution"),
               frame(1, 1, "ntoskrnl.exe", "KiIpiInterrupt"),
               frame(1, 2, "netbt.sys", "NbtCopyToStartOfIndicate", true),
               frame(1, 3, "netbt.sys", "NbtIndicate")};
  cover_all(set);
  cover(set, "thread", Extent::partial, "only the threads running on CPUs are read");
  return set;
}

struct Kb961799Case {
  const char* what;
  std::function<void(FactSet&)> change;
  Verdict expected;
};

TEST(Kb961799, Matrix) {
  using V = Verdict;
  auto set_os = [](const char* family, std::uint64_t pack, const char* arch, bool proved = true) {
    return [=](FactSet& f) { find(f, "os") = os(family, pack, arch, proved); };
  };
  auto set_top = [](const char* field, evidence::Value value) {
    return [=](FactSet& f) { find(f, kTop).fields[field] = value; };
  };
  auto without_function = [](FactSet& f) {
    find(f, kTop).fields["function"] = text("NbtSomethingElse");
  };
  const Kb961799Case cases[] = {
      {"as in the article", [](FactSet&) {}, V::confirmed},
      {"x86", set_os("ws2003", 2, "x86"), V::confirmed},
      {"Itanium", set_os("ws2003", 2, "ia64"), V::confirmed},
      {"XP x64 SP2", set_os("xp64", 2, "x64"), V::confirmed},
      {"XP x64 SP1", set_os("xp64", 1, "x64"), V::not_applicable},
      {"XP 32-bit SP2", set_os("xp", 2, "x86"), V::not_applicable},
      {"Server 2008 SP2", set_os("ws2008", 2, "x64"), V::not_applicable},
      {"Server 2003 SP1", set_os("ws2003", 1, "x64"), V::not_applicable},
      {"Server 2003 without SP", set_os("ws2003", 0, "x86"), V::not_applicable},
      {"SP2 not proved", set_os("ws2003", 2, "x64", false), V::likely},
      {"SP1 not proved", set_os("ws2003", 1, "x64", false), V::likely},
      {"service pack unknown", [](FactSet& f) { find(f, "os").fields.erase("service_pack"); },
       V::likely},
      {"system unknown", [](FactSet& f) { find(f, "os").fields.clear(); }, V::likely},
      {"function nowhere on complete stacks", without_function, V::possible},
      {"function nowhere, stacks seen in part",
       [&](FactSet& f) {
         without_function(f);
         for (const char* kind : {"frame", "frame_crashed", "top"})
           cover(f, kind, Extent::partial, "CPU 1's stack");
       },
       V::possible},
      {"stacks seen in part, function on top all the same",
       [](FactSet& f) {
         for (const char* kind : {"frame", "top"}) cover(f, kind, Extent::partial, "CPU 0's stack");
       },
       V::confirmed},
      {"function in a scan frame", set_top("trust", text("scan")), V::possible},
      {"function in the guessed part", set_top("sure", false), V::possible},
      {"PDB of another build", set_top("name_exact", false), V::possible},
      {"PDB merely beside the dump", set_top("name_origin", text("sibling")), V::possible},
      {"image merely beside the dump", set_top("origin", text("sibling")), V::possible},
      {"nearest public, far away", set_top("name_far", true), V::possible},
      // On a CPU's stack below another function: strong support, no proof.
      {"function below the top",
       [](FactSet& f) {
         find(f, kTop).fields["top"] = false;
         find(f, "frame:cpu 1:1").fields["top"] = true;
       },
       V::likely},
      {"function on top of CPU 0",
       [&](FactSet& f) {
         without_function(f);
         Fact& top = find(f, "frame:cpu 0:1");
         top.fields["module"] = text("netbt.sys");
         top.fields["function"] = text("NbtCopyToStartOfIndicate");
       },
       V::confirmed},
      {"same name in another module", set_top("module", text("othernbt.sys")), V::possible},
      {"longer name", set_top("function", text("NbtCopyToStartOfIndicateEx")), V::possible},
      {"stop not of the seven", [](FactSet& f) { find(f, "stop") = stop(0x3B); }, V::no_match},
      {"0x8E is not 0x1E", [](FactSet& f) { find(f, "stop") = stop(0x8E); }, V::no_match},
      {"M variant of 0x7E", [](FactSet& f) { find(f, "stop") = stop(0x1000007E); }, V::confirmed},
      {"stop unknown",
       [](FactSet& f) {
         find(f, "stop") = stop_kind("none");
         cover(f, "stop", Extent::none, "the header carries no STOP code");
       },
       V::undecided},
      {"netbt.sys not loaded",
       [](FactSet& f) { find(f, "module:netbt.sys@1000").fields["name"] = text("other.sys"); },
       V::refuted},
      {"netbt.sys not in a list seen in part",
       [](FactSet& f) {
         find(f, "module:netbt.sys@1000").fields["name"] = text("other.sys");
         cover(f, "module", Extent::partial, "half of the module list");
       },
       V::undecided},
      {"nothing known at all", [](FactSet& f) { f = {}; }, V::undecided},
  };
  for (const auto& c : cases) {
    FactSet facts = machine();
    c.change(facts);
    EXPECT_EQ(name_of(judged("kb961799", facts).verdict), name_of(c.expected)) << c.what;
  }
  for (std::uint64_t code : {0xA, 0x1E, 0x24, 0x50, 0x7E, 0xC5, 0xD1}) {
    FactSet facts = machine();
    find(facts, "stop") = stop(code);
    EXPECT_EQ(judged("kb961799", facts).verdict, Verdict::confirmed) << code;
  }
}

TEST(Kb961799, ConfirmedSaysWhyAndWhatItCannotTell) {
  Match match = judged("kb961799", machine());
  EXPECT_EQ(match.fix_state, FixState::unpublished);
  std::string advice;
  for (const auto& line : match.advice) advice += line + "\n";
  for (const char* part : {"Install the hotfix of KB961799", "KB955860 and KB948354",
                           "cannot tell whether the fix is already in",
                           "only to systems that show this very problem", "2.0.28", "KB831129"})
    EXPECT_NE(advice.find(part), std::string::npos) << part;
  std::string proof;
  for (const auto& part : match.explanation.children)
    if (part.condition == "confirm") proof = part.children.at(0).because;
  EXPECT_EQ(proof,
            "netbt!NbtCopyToStartOfIndicate+0x1C is on top of CPU 1 (unwind_data, pdb_public)");
}

// NT 4 Server SP3 with services for Macintosh; the fault lies in sfmsrv.sys.
FactSet macintosh(std::uint64_t link_time) {
  Fact system = os("nt4", 3, "x86");
  system.fields["product_type"] = number(3);
  system.fields["terminal_server"] = false;
  FactSet set;
  set.facts = {
      stop(0xA), system, module("sfmsrv.sys", {{"timestamp", number(link_time)}}),
      fact("fault", "fault", {{"ip", Address{0x80100000}}, {"module", text("sfmsrv.sys")}}),
      frame(0, 0, "sfmsrv.sys", "AfpSomething", true, true)};
  cover_all(set);
  return set;
}

TEST(Q188315, NeverBetterThanLikely) {
  const std::uint64_t kOf1996 = 838857600, kOf1998May = 894000000, kOf1999 = 920000000;
  EXPECT_EQ(judged("q188315", macintosh(kOf1996)).verdict, Verdict::likely);
  EXPECT_EQ(judged("q188315", macintosh(kOf1996)).fix_state, FixState::missing);
  EXPECT_EQ(judged("q188315", macintosh(kOf1998May)).fix_state, FixState::cannot_tell);
  EXPECT_EQ(judged("q188315", macintosh(kOf1999)).verdict, Verdict::refuted);
  FactSet elsewhere = macintosh(kOf1996);
  find(elsewhere, "fault").fields["module"] = text("tcpip.sys");
  find(elsewhere, "frame:cpu 0:0").fields["module"] = text("tcpip.sys");
  EXPECT_EQ(judged("q188315", elsewhere).verdict, Verdict::no_match);
  FactSet workstation = macintosh(kOf1996);
  find(workstation, "os").fields["product_type"] = number(1);
  EXPECT_EQ(judged("q188315", workstation).verdict, Verdict::not_applicable);
  FactSet w2k = macintosh(kOf1996);
  find(w2k, "os").fields["family"] = text("2000");
  EXPECT_EQ(judged("q188315", w2k).verdict, Verdict::not_applicable);
}

TEST(Q242896, LikelyAtMostAndOnlyWithTheOlderModule) {
  FactSet facts = macintosh(930000000); // 1999-06-21
  find(facts, "os").fields["service_pack"] = number(5);
  EXPECT_EQ(judged("q242896", facts).verdict, Verdict::possible);
  facts.facts.push_back(frame(0, 1, "ntoskrnl.exe", "IoFreeIrp", false, true));
  EXPECT_EQ(judged("q242896", facts).verdict, Verdict::likely);
  EXPECT_EQ(judged("q242896", facts).fix_state, FixState::missing);
  find(facts, "module:sfmsrv.sys@1000").fields["timestamp"] = number(938634540);
  EXPECT_EQ(judged("q242896", facts).verdict, Verdict::no_match);
  find(facts, "module:sfmsrv.sys@1000").fields.erase("timestamp");
  EXPECT_EQ(judged("q242896", facts).verdict, Verdict::undecided);
}

FactSet terminal_server(std::uint64_t link_time) {
  Fact system = os("nt4", 4, "x86");
  system.fields["terminal_server"] = true;
  FactSet set;
  set.facts = {stop(0xE2),
               system,
               module("mup.sys", {{"timestamp", number(link_time)}}),
               module("rdr.sys"),
               frame(0, 0, "mup.sys", "MupA", true, true),
               frame(1, 0, "rdr.sys", "RdrB", true)};
  cover_all(set);
  return set;
}

TEST(Q260752, LikelyAtMostOnATerminalServer) {
  const std::uint64_t kBefore = 923000000 /* 1999-04-01 */, kAfter = 930000000 /* 1999-06-21 */;
  EXPECT_EQ(judged("q260752", terminal_server(kBefore)).verdict, Verdict::likely);
  EXPECT_EQ(judged("q260752", terminal_server(kAfter)).verdict, Verdict::refuted);
  FactSet plain = terminal_server(kBefore);
  find(plain, "os").fields["terminal_server"] = false;
  EXPECT_EQ(judged("q260752", plain).verdict, Verdict::not_applicable);
  FactSet alpha = terminal_server(kBefore);
  find(alpha, "os").fields["arch"] = text("alpha");
  EXPECT_EQ(judged("q260752", alpha).verdict, Verdict::likely); // no Alpha file is published
  EXPECT_EQ(judged("q260752", alpha).fix_state, FixState::cannot_tell);
  FactSet crash = terminal_server(kBefore);
  find(crash, "stop") = stop(0x1E);
  EXPECT_EQ(judged("q260752", crash).verdict, Verdict::no_match);
}

TEST(FirstFour, ModernDumpsGetNoneOfThem) {
  FactSet set;
  set.facts = {stop(0xD1), os("win10", 0, "x64"), module("netbt.sys"), module("mup.sys"),
               frame(0, 0, "netbt.sys", "NbtCopyToStartOfIndicate", true, true)};
  cover_all(set);
  EXPECT_TRUE(judge(builtin(), set).empty());
}

} // namespace
} // namespace dumptriage::rules::test
