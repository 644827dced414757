// A module against the fixed file.  Dates are those of published file tables; link times in seconds
// since 1970 were worked out by `date -u -d ... +%s`.
#include "rules/fix_state.h"

#include <gtest/gtest.h>

#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

TEST(FileTime, Parses) {
  EXPECT_EQ(parse_file_time("1970-01-02"), std::nullopt); // no such product
  EXPECT_EQ(parse_file_time("1999-09-29 19:49"), 938634540);
  EXPECT_EQ(parse_file_time("1999-09-29"), 938563200);
  for (const char* bad : {"", "1999", "1999-9-29", "1999-02-30", "1999-13-01", "1999-09-29T19:49",
                          "1999-09-29 24:00", "1999-09-29 19:60", "19990929xx"})
    EXPECT_EQ(parse_file_time(bad), std::nullopt) << bad;
}

const char* kSfm = "{file: sfmsrv.sys, family: nt4, arch: x86, built: 1999-09-29 19:49, previous: "
                   "1999-09-28 11:49, bytes: 134416}";
const char* kMup = "{file: mup.sys, family: nt4, terminal_server: true, arch: x86, built: "
                   "1999-06-12 22:42, bytes: 69168}";

// State of the fix of these rows.
std::string state(const std::string& rows, Fact system, Fact file, bool with_system = true) {
  std::string yaml = rule_with("kernel_crash: true");
  yaml.replace(yaml.find("  unpublished: true\n"), 20, "  files: [" + rows + "]\n");
  Catalogue catalogue = load({{"r.yaml", yaml}});
  if (catalogue.size() != 1) return catalogue.errors.at(0).message();
  FactSet set;
  set.facts = {stop(0xA), std::move(file)};
  if (with_system) set.facts.push_back(std::move(system));
  cover_all(set);
  auto matches = judge(catalogue, set, true);
  return std::string(name_of(matches.at(0).fix_state));
}

Fact nt4(const char* arch, std::optional<bool> terminal_server) {
  Fact system = os("nt4", 6, arch);
  if (terminal_server) system.fields["terminal_server"] = *terminal_server;
  return system;
}

Fact linked(const char* name, std::uint64_t time) {
  return module(name, {{"timestamp", number(time)}});
}

TEST(FixState, LinkTimeWithMargins) {
  // built 1999-06-12 22:42 = 929227320: older before 3 days, fixed from 1 day before it.
  EXPECT_EQ(state(kMup, nt4("x86", true), linked("mup.sys", 929227320 - 3 * 86400 - 1)), "missing");
  EXPECT_EQ(state(kMup, nt4("x86", true), linked("mup.sys", 929227320 - 3 * 86400)), "cannot_tell");
  EXPECT_EQ(state(kMup, nt4("x86", true), linked("mup.sys", 929227320 - 86400 - 1)), "cannot_tell");
  EXPECT_EQ(state(kMup, nt4("x86", true), linked("mup.sys", 929227320 - 86400)), "installed");
  EXPECT_EQ(state(kMup, nt4("x86", true), linked("mup.sys", 929227320 + 100 * 86400)), "installed");
  EXPECT_EQ(state(kMup, nt4("x86", true), module("mup.sys")), "cannot_tell");
  EXPECT_EQ(state(kMup, nt4("x86", true), module("other.sys")), "cannot_tell");
}

TEST(FixState, SizeDecidesOnlyInTheWindowAndOnlyWhenItDiffers) {
  auto sized = [](std::uint64_t bytes) {
    Fact file = linked("mup.sys", 929227320 - 2 * 86400);
    file.fields["raw_size"] = number(bytes);
    return file;
  };
  EXPECT_EQ(state(kMup, nt4("x86", true), sized(68816)), "missing");
  EXPECT_EQ(state(kMup, nt4("x86", true), sized(69168)), "cannot_tell");
}

TEST(FixState, OlderBuildOfTheSameSizeIsToldByLinkTime) {
  Fact before = linked("sfmsrv.sys", 938519340 - 3600); // an hour before Q241024's 1999-09-28 11:49
  before.fields["raw_size"] = number(134416);
  EXPECT_EQ(state(kSfm, nt4("x86", false), before), "missing");
  // The same in Redmond's clock, seven hours behind UTC.
  EXPECT_EQ(state(kSfm, nt4("x86", false), linked("sfmsrv.sys", 938519340 + 6 * 3600)), "missing");
  EXPECT_EQ(state(kSfm, nt4("x86", false), linked("sfmsrv.sys", 938634540 - 3600)), "installed");
  EXPECT_EQ(state(kSfm, nt4("x86", false), linked("sfmsrv.sys", 938634540 + 6 * 3600)),
            "installed");
}

TEST(FixState, OnlyInsideOneBranch) {
  const std::uint64_t old = 900000000; // 1998-07-09
  EXPECT_EQ(state(kMup, nt4("x86", true), linked("mup.sys", old)), "missing");
  EXPECT_EQ(state(kMup, nt4("x86", false), linked("mup.sys", old)), "cannot_tell");
  EXPECT_EQ(state(kMup, nt4("x86", std::nullopt), linked("mup.sys", old)), "cannot_tell");
  EXPECT_EQ(state(kMup, nt4("alpha", true), linked("mup.sys", old)), "cannot_tell");
  EXPECT_EQ(state(kMup, os("2000", 4, "x86"), linked("mup.sys", old)), "cannot_tell");
  EXPECT_EQ(state(kMup, os("2000", 4, "x86"), linked("mup.sys", old), false), "cannot_tell");
  // A plain NT 4 row is not for Terminal Server Edition.
  EXPECT_EQ(state(kSfm, nt4("x86", true), linked("sfmsrv.sys", old)), "cannot_tell");
  // Bit 15 of the module's own version says so even where the dump of the system does not.
  Fact tse = module("mup.sys", {{"timestamp", number(old)}, {"version", text("4.0.1381.33478")}});
  EXPECT_EQ(state(kMup, nt4("x86", std::nullopt), tse), "missing");
  EXPECT_EQ(state(kSfm, nt4("x86", false),
                  module("sfmsrv.sys",
                         {{"timestamp", number(old)}, {"version", text("4.0.1381.33478")}})),
            "cannot_tell");
}

TEST(FixState, VersionInsideTheServicePackBranch) {
  // KB940307's thresholds: 2979 on the SP1 branch, 4121 on the SP2 branch.
  const std::string pair =
      "{file: a.sys, family: ws2003, service_pack: 1, version: 5.2.3790.2979}, "
      "{file: a.sys, family: ws2003, service_pack: 2, version: 5.2.3790.4121}";
  auto version = [&](const char* v, std::uint64_t pack = 2) {
    return state(pair, os("ws2003", pack, "x86"), module("a.sys", {{"version", text(v)}}));
  };
  EXPECT_EQ(version("5.2.3790.4120"), "missing");
  EXPECT_EQ(version("5.2.3790.4121"), "installed");
  EXPECT_EQ(version("5.2.3790.3000"), "installed");
  EXPECT_EQ(version("5.2.3790.2978"), "missing");
  EXPECT_EQ(version("5.2.3790.600"), "cannot_tell"); // RTM branch: no threshold
  EXPECT_EQ(version("5.2.3790.3959"),
            "missing"); // SP2's own file is not the SP1 hotfix's successor
  // The service pack of the machine is not the level of the module.
  EXPECT_EQ(version("5.2.3790.4121", 1), "installed");
  EXPECT_EQ(version("5.1.2600.5512"), "cannot_tell");
  EXPECT_EQ(version("not a version"), "cannot_tell");
}

TEST(FixState, Windows10TimeStampsAreNoLinkTimes) {
  EXPECT_EQ(state("{file: a.sys, family: win10, built: 2018-05-01}", os("win10", 0, "x64"),
                  linked("a.sys", 900000000)),
            "cannot_tell");
}

TEST(FixState, SeveralFilesMustAllBeIn) {
  const std::string two =
      "{file: a.sys, version: 5.0.2195.100}, {file: b.sys, version: 5.0.2195.100}";
  auto both = [&](const char* a, const char* b) {
    std::string yaml = rule_with("kernel_crash: true");
    yaml.replace(yaml.find("  unpublished: true\n"), 20, "  files: [" + two + "]\n");
    Catalogue catalogue = load({{"r.yaml", yaml}});
    FactSet set;
    set.facts = {stop(0xA), os("2000", 4, "x86"), module("a.sys", {{"version", text(a)}}),
                 module("b.sys", {{"version", text(b)}})};
    cover_all(set);
    return std::string(name_of(judge(catalogue, set, true).at(0).fix_state));
  };
  EXPECT_EQ(both("5.0.2195.100", "5.0.2195.200"), "installed");
  EXPECT_EQ(both("5.0.2195.100", "5.0.2195.99"), "missing");
  EXPECT_EQ(both("5.0.2195.100", ""), "cannot_tell");
}

// A fix that came with a service pack: release dates are general knowledge (Wikipedia's articles on
// Windows NT 4.0, XP, Server 2003); link times by `date -u -d ... +%s`.
TEST(FixState, FixedInAServicePackByLinkTime) {
  const std::string row = "{file: a.sys, family: nt4, fixed_in: nt4 SP4}";
  auto at = [&](std::uint64_t time, std::optional<bool> terminal_server = false) {
    return state(row, nt4("x86", terminal_server), linked("a.sys", time));
  };
  EXPECT_EQ(at(863308800), "missing");     // 1997-05-11, the kernel of Service Pack 3
  EXPECT_EQ(at(894000000), "cannot_tell"); // 1998-05-01
  EXPECT_EQ(at(908236800), "cannot_tell"); // 1998-10-13: before the pack came out
  EXPECT_EQ(at(910000000), "installed");   // 1998-11-02
  EXPECT_EQ(at(863308800, true), "cannot_tell");
  EXPECT_EQ(at(863308800, std::nullopt), "cannot_tell");
  const std::string terminal = "{file: a.sys, terminal_server: true, fixed_in: nt4 SP4}";
  EXPECT_EQ(state(terminal, nt4("x86", true), linked("a.sys", 894000000)), "missing");
  EXPECT_EQ(state(terminal, nt4("x86", true), linked("a.sys", 910000000)), "cannot_tell");
  EXPECT_EQ(state(terminal, nt4("x86", false), linked("a.sys", 894000000)), "cannot_tell");
}

TEST(FixState, FixedInAServicePackByVersion) {
  auto version = [](const char* fix, const char* row, Fact system, const char* v) {
    std::string yaml = rule_with("kernel_crash: true");
    yaml.replace(yaml.find("  unpublished: true\n"), 20,
                 std::string(fix) + "  files: [" + row + "]\n");
    Catalogue catalogue = load({{"r.yaml", yaml}});
    if (catalogue.size() != 1) return catalogue.errors.at(0).message();
    FactSet set;
    set.facts = {stop(0xA), std::move(system), module("a.sys", {{"version", text(v)}})};
    cover_all(set);
    return std::string(name_of(judge(catalogue, set, true).at(0).fix_state));
  };
  const char* sp2 = "{file: a.sys, fixed_in: xp SP2}";
  for (auto [v, expected] : {std::pair("5.1.2600.0", "missing"),
                             {"5.1.2600.1106", "missing"},
                             {"5.1.2600.1500", "missing"},
                             {"5.1.2600.2180", "installed"},
                             {"5.1.2600.3300", "installed"},
                             {"5.1.2600.5512", "installed"},
                             {"5.2.3790.3959", "cannot_tell"}})
    EXPECT_EQ(version("", sp2, os("xp", 1, "x86"), v), expected) << v;
  // Where there was a hotfix before the pack, a hotfix of the older branch may be it.
  const char* hotfix = "  hotfix: true\n";
  EXPECT_EQ(version(hotfix, sp2, os("xp", 1, "x86"), "5.1.2600.1500"), "cannot_tell");
  EXPECT_EQ(version(hotfix, sp2, os("xp", 1, "x86"), "5.1.2600.1106"), "missing");
  EXPECT_EQ(version(hotfix, sp2, os("xp", 2, "x86"), "5.1.2600.2180"), "installed");
  const char* ws = "{file: a.sys, fixed_in: ws2003 SP1}";
  EXPECT_EQ(version("", ws, os("ws2003", 0, "x86"), "5.2.3790.0"), "missing");
  EXPECT_EQ(version("", ws, os("ws2003", 2, "x86"), "5.2.3790.1830"), "installed");
  // The numbers of Windows 2000 are not published: the version alone does not tell.
  EXPECT_EQ(version("", "{file: a.sys, fixed_in: 2000 SP3}", os("2000", 4, "x86"), "5.0.2195.6700"),
            "cannot_tell");
  EXPECT_EQ(
      version("", "{file: a.sys, fixed_in: win7 SP1}", os("win7", 1, "x64"), "6.1.7601.17514"),
      "installed");
  EXPECT_EQ(
      version("", "{file: a.sys, fixed_in: win7 SP1}", os("win7", 0, "x64"), "6.1.7600.16385"),
      "missing");
}

// From XP on, two service packs got fixes at one time: a late file may be one for the older pack.
TEST(FixState, LateLinkTimesDoNotTellTheBranchOfParallelOnes) {
  const std::string row = "{file: a.sys, fixed_in: xp SP2}";
  const std::uint64_t kOf2006 = 1150000000, kOf2002 = 1020000000;
  EXPECT_EQ(state(row, os("xp", 2, "x86"), linked("a.sys", kOf2006)), "installed");
  EXPECT_EQ(state(row, os("xp", 1, "x86"), linked("a.sys", kOf2006)), "cannot_tell");
  EXPECT_EQ(state(row, os("xp", 2, "x86", false), linked("a.sys", kOf2006)), "cannot_tell");
  EXPECT_EQ(state(row, os("xp", 2, "x86"), linked("a.sys", kOf2002)), "missing");
  EXPECT_EQ(state(
                "{file: a.sys, fixed_in: nt4 SP4}",
                [] {
                  Fact system = os("nt4", 3, "x86");
                  system.fields["terminal_server"] = false;
                  return system;
                }(),
                linked("a.sys", 920000000)),
            "installed");
}

TEST(FixState, FilesThatAreNotLoadedDoNotCount) {
  const std::string two =
      "{file: a.sys, version: 5.0.2195.100}, {file: b.dll, version: 5.0.2195.100}";
  auto with = [&](const char* version, bool whole_list) {
    std::string yaml = rule_with("kernel_crash: true");
    yaml.replace(yaml.find("  unpublished: true\n"), 20, "  files: [" + two + "]\n");
    Catalogue catalogue = load({{"r.yaml", yaml}});
    FactSet set;
    set.facts = {stop(0xA), os("2000", 4, "x86"), module("a.sys", {{"version", text(version)}})};
    cover_all(set);
    if (!whole_list) cover(set, "module", Extent::partial, "half of the list");
    return std::string(name_of(judge(catalogue, set, true).at(0).fix_state));
  };
  EXPECT_EQ(with("5.0.2195.100", true), "installed");
  EXPECT_EQ(with("5.0.2195.99", true), "missing");
  EXPECT_EQ(with("5.0.2195.100", false), "cannot_tell");
  EXPECT_EQ(with("5.0.2195.99", false), "missing");
}

// The loader names every kernel image ntoskrnl.exe; sizes differ from image to image.
TEST(FixState, TheKernelIsOneFileUnderSeveralNames) {
  const std::string rows = "{file: ntoskrnl.exe, family: 2000, built: 2001-05-01, bytes: 100}, "
                           "{file: ntkrnlmp.exe, family: 2000, built: 2001-05-01, bytes: 200}";
  const std::uint64_t kClose = 988675200 - 2 * 86400; // 2001-05-01, inside the window
  auto sized = [&](std::uint64_t bytes, const char* image) {
    Fact kernel = linked("ntoskrnl.exe", kClose);
    kernel.fields["raw_size"] = number(bytes);
    Fact system = os("2000", 2, "x86");
    if (image) system.fields["kernel_file"] = text(image);
    return state(rows, system, kernel);
  };
  EXPECT_EQ(sized(150, nullptr), "cannot_tell");
  EXPECT_EQ(sized(150, "ntkrnlmp.exe"), "missing");
  EXPECT_EQ(sized(200, "ntkrnlmp.exe"), "cannot_tell"); // equal sizes prove nothing
  EXPECT_EQ(state(rows, os("2000", 2, "x86"), linked("ntkrnlpa.exe", 988675200)), "installed");
}

TEST(FixState, AFileOfAnotherWindowsIsNotCompared) {
  EXPECT_EQ(state("{file: a.sys, family: nt4, fixed_in: nt4 SP4}", nt4("x86", false),
                  module("a.sys",
                         {{"timestamp", number(966000000)}, {"version", text("5.0.2195.2103")}})),
            "cannot_tell");
  // Numbers of third parties say nothing about Windows.
  EXPECT_EQ(
      state("{file: a.sys, family: nt4, fixed_in: nt4 SP4}", nt4("x86", false),
            module("a.sys", {{"timestamp", number(966000000)}, {"version", text("3.1.4.1")}})),
      "installed");
}

TEST(ServicePacks, NamesAreReadAndUnknownOnesRefused) {
  for (const char* good : {"nt4 SP4", "nt4 SP6a", "NT4 sp1", "nt4 Terminal Server SP4",
                           "nt4 TSE SP6", "ws2003 SP2", "xp64 SP2", "nt3.51 SP5", "vista SP2"}) {
    FixFile file;
    file.fixed_in = good;
    EXPECT_TRUE(apply_fixed_in(file)) << good;
    EXPECT_LT(file.older_before.value_or(0), file.fixed_from.value_or(0)) << good;
    EXPECT_GT(file.older_before.value_or(0), 700000000) << good; // 1992
  }
  for (const char* bad : {"", "nt4", "SP4", "nt4 SP7", "nt4 SP0", "nt4 Home SP4", "xp SP9",
                          "win10 SP1", "nt4 Terminal Server SP1", "nt4 SP44"}) {
    FixFile file;
    file.fixed_in = bad;
    EXPECT_FALSE(apply_fixed_in(file)) << bad;
  }
  FixFile other;
  other.fixed_in = "nt4 SP4";
  other.family = "2000";
  EXPECT_FALSE(apply_fixed_in(other));
}

TEST(FixPoint, ServicePackVersionOrDate) {
  auto at = [](const char* point, Fact system, Fact file) {
    auto parsed = parse_fix_point(point);
    if (!parsed) return std::string("not read");
    FactSet set;
    set.facts = {std::move(system), file};
    cover_all(set);
    return std::string(name_of(judge_fix_point(*parsed, file, FactView(set)).answer));
  };
  auto of_version = [](const char* v) { return module("mup.sys", {{"version", text(v)}}); };
  EXPECT_EQ(at("ws2003 SP1", os("ws2003", 0, "x86"), of_version("5.2.3790.90")), "no");
  EXPECT_EQ(at("ws2003 SP1", os("ws2003", 0, "x86"), of_version("5.2.3790.1830")), "yes");
  EXPECT_EQ(at("ws2003 SP1", os("xp", 0, "x86"), of_version("5.1.2600.0")), "cannot tell");
  EXPECT_EQ(at("5.2.3790.4121", os("ws2003", 2, "x86"), of_version("5.2.3790.4120")), "no");
  EXPECT_EQ(at("5.2.3790.4121", os("ws2003", 2, "x86"), of_version("5.2.3790.2979")),
            "cannot tell");
  EXPECT_EQ(at("1999-06-12", os("nt4", 6, "x86"), linked("mup.sys", 923000000)), "no");
  EXPECT_EQ(at("1999-06-12", os("nt4", 6, "x86"), linked("mup.sys", 930000000)), "yes");
  EXPECT_EQ(at("1999-06-12", os("nt4", 6, "x86"), module("mup.sys")), "cannot tell");
  EXPECT_EQ(at("yesterday", os("nt4", 6, "x86"), module("mup.sys")), "not read");
}

} // namespace
} // namespace dumptriage::rules::test
