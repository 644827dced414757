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

} // namespace
} // namespace dumptriage::rules::test
