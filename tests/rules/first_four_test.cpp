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

void cover_objects(FactSet& set) {
  for (const char* kind : {"parameter", "process", "touched_block", "irp", "irp_location",
                           "corruption", "wait", "hold", "wait_cycle", "network_peer"})
    cover(set, kind, Extent::complete);
}

// NT 4 Server SP3 with services for Macintosh; the fault lies in sfmsrv.sys, which reads a pool
// block.
FactSet macintosh(std::uint64_t link_time, const char* block_state = "free") {
  Fact system = os("nt4", 3, "x86");
  system.fields["product_type"] = number(3);
  system.fields["terminal_server"] = false;
  FactSet set;
  set.facts = {stop(0xA),
               system,
               module("sfmsrv.sys", {{"timestamp", number(link_time)}}),
               fact("fault", "fault",
                    {{"ip", Address{0x80100000}},
                     {"module", text("sfmsrv.sys")},
                     {"address", Address{0x81A40028}}}),
               frame(0, 0, "sfmsrv.sys", "AfpSomething", true, true),
               fact("touched_block", "touched_block:address",
                    {{"of", text("address")},
                     {"pointer", Address{0x81A40028}},
                     {"block", Address{0x81A40008}},
                     {"state", text(block_state)}})};
  cover_all(set);
  cover_objects(set);
  return set;
}

// date -u -d ... +%s
constexpr std::uint64_t kOf1996 = 838857600, kOf1998May = 894000000, kOf1999 = 920000000;

TEST(Q188315, OnlyFreedMemoryProvesIt) {
  EXPECT_EQ(judged("q188315", macintosh(kOf1996)).verdict, Verdict::confirmed);
  EXPECT_EQ(judged("q188315", macintosh(kOf1996)).fix_state, FixState::missing);
  // Memory in use, or nobody knows: a stop code and a module, which prove nothing.
  EXPECT_EQ(judged("q188315", macintosh(kOf1996, "allocated")).verdict, Verdict::possible);
  FactSet unknown = macintosh(kOf1996);
  unknown.facts.pop_back();
  cover(unknown, "touched_block", Extent::none, "the pool page is not in the dump");
  EXPECT_EQ(judged("q188315", unknown).verdict, Verdict::possible);
  // A null pointer stands in the other articles on sfmsrv.sys as well.
  FactSet null = macintosh(kOf1996);
  null.facts.pop_back();
  find(null, "fault").fields["address"] = Address{0x14};
  find(null, "fault").fields["address_class"] = text("null+offset");
  EXPECT_EQ(judged("q188315", null).verdict, Verdict::likely);
  // Whoever passes the freed pointer on: the fault is not sfmsrv.sys's own.
  FactSet passed = macintosh(kOf1996);
  find(passed, "fault").fields["module"] = text("ntoskrnl.exe");
  EXPECT_EQ(judged("q188315", passed).verdict, Verdict::possible);
}

TEST(Q188315, OnTheSystemsOfTheArticleAndInFilesBeforeTheServicePack) {
  EXPECT_EQ(judged("q188315", macintosh(kOf1998May)).fix_state, FixState::cannot_tell);
  EXPECT_EQ(judged("q188315", macintosh(kOf1998May)).verdict, Verdict::likely);
  EXPECT_EQ(judged("q188315", macintosh(kOf1999)).verdict, Verdict::refuted);
  // The service pack of the machine is not the level of the file.
  FactSet later_machine = macintosh(kOf1996);
  find(later_machine, "os").fields["service_pack"] = number(6);
  EXPECT_EQ(judged("q188315", later_machine).verdict, Verdict::confirmed);
  FactSet alpha = macintosh(kOf1996);
  find(alpha, "os").fields["arch"] = text("alpha");
  EXPECT_EQ(judged("q188315", alpha).verdict, Verdict::confirmed);
  FactSet terminal = macintosh(kOf1998May);
  find(terminal, "os").fields["terminal_server"] = true;
  EXPECT_EQ(judged("q188315", terminal).verdict, Verdict::confirmed); // before it came out
  FactSet elsewhere = macintosh(kOf1996);
  find(elsewhere, "fault").fields["module"] = text("tcpip.sys");
  find(elsewhere, "frame:cpu 0:0").fields["module"] = text("tcpip.sys");
  EXPECT_EQ(judged("q188315", elsewhere).verdict, Verdict::no_match);
  for (auto [field, value] : {std::pair<const char*, evidence::Value>{"product_type", number(1)},
                              {"family", text("2000")},
                              {"family", text("nt3.51")}}) {
    FactSet other = macintosh(kOf1996);
    find(other, "os").fields[field] = value;
    EXPECT_EQ(judged("q188315", other).verdict, Verdict::not_applicable) << field;
  }
}

TEST(Q188315, OutOfMemoryIsAnotherArticle) {
  FactSet facts = macintosh(kOf1996);
  find(facts, "stop") = stop(0x1E);
  find(facts, "stop").fields["p1"] = Address{0xC000009A};
  facts.facts.push_back(
      fact("parameter", "parameter:1", {{"number", number(1)}, {"value", Address{0xC000009A}}}));
  EXPECT_EQ(judged("q188315", facts).verdict, Verdict::refuted);
  find(facts, "stop").fields["p1"] = Address{0xC0000005};
  find(facts, "parameter:1").fields["value"] = Address{0xC0000005};
  EXPECT_EQ(judged("q188315", facts).verdict, Verdict::confirmed);
}

// A hang; the IRP stands on a free list twice and its completion routine lies in sfmsrv.sys.
FactSet unlocked(std::uint64_t link_time, std::uint64_t code = 0xE2) {
  FactSet set = macintosh(link_time, "allocated");
  find(set, "stop") = stop(code);
  find(set, "os").fields["service_pack"] = number(5);
  find(set, "fault").fields["module"] = text("ntoskrnl.exe");
  set.facts.push_back(
      fact("irp", "irp:1", {{"address", Address{0x81B25E48}}, {"freed", true}, {"twice", true}}));
  set.facts.push_back(fact("irp_location", "irp_location:1",
                           {{"irp", Address{0x81B25E48}},
                            {"number", number(1)},
                            {"completion_module", text("sfmsrv.sys")}}));
  return set;
}

TEST(Q242896, AnIrpFreedTwiceWithTheCompletionRoutineProvesIt) {
  const std::uint64_t kBefore = 930000000; // 1999-06-21
  for (std::uint64_t code : {0xE2, 0xA, 0x19, 0x1E, 0x50, 0xC2})
    EXPECT_EQ(judged("q242896", unlocked(kBefore, code)).verdict, Verdict::confirmed) << code;
  FactSet once = unlocked(kBefore);
  find(once, "irp:1").fields["twice"] = false;
  EXPECT_EQ(judged("q242896", once).verdict, Verdict::possible);
  FactSet other = unlocked(kBefore);
  find(other, "irp_location:1").fields["completion_module"] = text("srv.sys");
  EXPECT_EQ(judged("q242896", other).verdict, Verdict::possible);
  FactSet terminal = unlocked(kBefore);
  find(terminal, "os").fields["terminal_server"] = true;
  EXPECT_EQ(judged("q242896", terminal).verdict, Verdict::not_applicable);
}

TEST(Q242896, TheSecondFreeAndTheDamagedListProveItTogether) {
  FactSet facts = unlocked(930000000, 0xA);
  std::erase_if(facts.facts, [](const Fact& f) { return f.kind.starts_with("irp"); });
  find(facts, "frame:cpu 0:0") = frame(0, 0, "ntoskrnl.exe", "ExFreePoolWithTag", true, true);
  facts.facts.push_back(frame(0, 1, "ntoskrnl.exe", "IoFreeIrp", false, true));
  facts.facts.push_back(frame(0, 2, "sfmsrv.sys", "AfpIoUnlock", false, true));
  EXPECT_EQ(judged("q242896", facts).verdict, Verdict::likely);
  facts.facts.push_back(fact(
      "corruption", "corruption:1",
      {{"what", text("irp_lookaside")}, {"how", text("looped")}, {"block_type", text("IRP")}}));
  EXPECT_EQ(judged("q242896", facts).verdict, Verdict::confirmed);
  // The order of the calls matters, and so does whose list it is.
  FactSet swapped = facts;
  find(swapped, "frame:cpu 0:0").fields["module"] = text("sfmsrv.sys");
  find(swapped, "frame:cpu 0:2").fields["module"] = text("ntfs.sys");
  EXPECT_EQ(judged("q242896", swapped).verdict, Verdict::likely);
  FactSet no_irp = facts;
  find(no_irp, "corruption:1").fields.erase("block_type");
  EXPECT_EQ(judged("q242896", no_irp).verdict, Verdict::likely);
  FactSet scanned = facts;
  find(scanned, "frame:cpu 0:2").fields["trust"] = text("scan");
  EXPECT_LT(judged("q242896", scanned).verdict, Verdict::confirmed);
}

TEST(Q242896, TheFileOfTheDayBeforeHasTheSameSize) {
  // 1999-09-28 10:49, an hour before the date of Q241024's file, and 1999-09-29 18:31.
  FactSet day_before = unlocked(938515740);
  find(day_before, "module:sfmsrv.sys@1000").fields["raw_size"] = number(134416);
  EXPECT_EQ(judged("q242896", day_before).fix_state, FixState::missing);
  EXPECT_EQ(judged("q242896", day_before).verdict, Verdict::confirmed);
  EXPECT_EQ(judged("q242896", unlocked(938629860)).verdict, Verdict::refuted);
  FactSet unknown = unlocked(938515740);
  find(unknown, "module:sfmsrv.sys@1000").fields.erase("timestamp");
  EXPECT_EQ(judged("q242896", unknown).verdict, Verdict::likely);
  FactSet alpha = unlocked(938515740);
  find(alpha, "os").fields["arch"] = text("alpha");
  EXPECT_EQ(judged("q242896", alpha).verdict, Verdict::confirmed);
}

Fact waiting(const char* name, std::uint64_t session) {
  return fact("thread", std::string("thread:") + name,
              {{"thread", text(name)},
               {"session", number(session)},
               {"whole", true},
               {"sure_frames", number(1)}});
}

Fact frame_of(const char* thread, const char* module_name) {
  Fact made = frame(0, 0, module_name, "F");
  made.id = std::string("frame:") + thread + ":0";
  made.fields["thread"] = text(thread);
  made.fields.erase("cpu");
  return made;
}

// Two sessions of a Terminal Server that hangs; `circle` says whether they wait for each other.
FactSet terminal_server(std::uint64_t link_time, bool circle = true, std::uint64_t other = 5) {
  Fact system = os("nt4", 4, "x86");
  system.fields["terminal_server"] = true;
  FactSet set;
  set.facts = {stop(0xE2),
               system,
               module("mup.sys", {{"timestamp", number(link_time)}}),
               module("rdr.sys"),
               waiting("1A4", 3),
               waiting("2C8", other),
               frame_of("1A4", "mup.sys"),
               frame_of("2C8", "rdr.sys")};
  for (auto [thread, object] : {std::pair("1A4", 0x81C01A20), std::pair("2C8", 0x81C01B20)})
    set.facts.push_back(fact("wait", std::string("wait:") + thread,
                             {{"thread", text(thread)},
                              {"object", Address{static_cast<std::uint64_t>(object)}},
                              {"object_kind", text("resource")}}));
  if (circle) {
    set.facts.push_back(
        fact("wait_cycle", "wait_cycle:1", {{"threads", number(2)}, {"timeout", false}}));
    set.facts.back().refs = {"thread:1A4", "thread:2C8", "wait:1A4", "wait:2C8"};
  }
  cover_all(set);
  cover_objects(set);
  return set;
}

TEST(Q260752, ACircleOfTwoSessionsProvesIt) {
  const std::uint64_t kBefore = 923000000 /* 1999-04-01 */, kAfter = 930000000 /* 1999-06-21 */;
  EXPECT_EQ(judged("q260752", terminal_server(kBefore)).verdict, Verdict::confirmed);
  EXPECT_EQ(judged("q260752", terminal_server(kBefore)).fix_state, FixState::missing);
  EXPECT_EQ(judged("q260752", terminal_server(kBefore, true, 3)).verdict, Verdict::likely);
  EXPECT_EQ(judged("q260752", terminal_server(kBefore, false)).verdict, Verdict::likely);
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
  // Too close to tell by link time; 69,168 bytes is the fixed file, 80,848 another product's.
  FactSet close = terminal_server(929227320 - 2 * 86400);
  EXPECT_EQ(judged("q260752", close).verdict, Verdict::likely);
  find(close, "module:mup.sys@1000").fields["raw_size"] = number(69168);
  EXPECT_EQ(judged("q260752", close).verdict, Verdict::likely);
}

TEST(Q260752, AGuessedFrameProvesNoCircleThroughItsModule) {
  FactSet guessed = terminal_server(923000000);
  find(guessed, "frame:1A4:0").fields["trust"] = text("scan");
  EXPECT_LT(judged("q260752", guessed).verdict, Verdict::confirmed);
}

TEST(FirstFour, CaveatsOfTheArticlesStandInTheAdvice) {
  auto advice = [](const char* id, const FactSet& facts) {
    std::string all;
    for (const auto& line : judged(id, facts).advice) all += line + "\n";
    return all;
  };
  for (const auto& text :
       {advice("q242896", unlocked(930000000)), advice("q260752", terminal_server(923000000))}) {
    EXPECT_NE(text.find("Install the hotfix"), std::string::npos) << text;
    EXPECT_NE(text.find("only to systems that show this very problem"), std::string::npos) << text;
    EXPECT_NE(text.find("not severely affected waits for the next service pack"),
              std::string::npos);
  }
  EXPECT_NE(
      advice("q188315", macintosh(kOf1996)).find("Service Pack 4 for Windows NT 4.0 or later"),
      std::string::npos);
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
