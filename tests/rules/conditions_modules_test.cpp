// Conditions on modules: unloaded_module, module_older, module_linked, driver_class.
#include <gtest/gtest.h>

#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

TEST(UnloadedModule, YesOrOpen) {
  auto unloaded = [](const char* name) {
    return fact("unloaded_module", "unloaded_module:1", {{"name", text(name)}});
  };
  FactSet set = with({unloaded("kmixer.sys")});
  cover(set, "unloaded_module", Extent::partial, "only the last ones are remembered");
  EXPECT_EQ(answer("unloaded_module: kmixer.sys", set), "yes");
  EXPECT_EQ(answer("unloaded_module: [a.sys, kmixer]", set), "yes");
  EXPECT_EQ(answer("unloaded_module: splitter.sys", set), "cannot tell");
  // Twelve characters are all that a triage dump keeps.
  EXPECT_EQ(answer("unloaded_module: averylongname.sys", with({unloaded("averylongnam")})),
            "weak yes");
  EXPECT_EQ(answer("unloaded_module: averylong.sys", with({unloaded("averylongnam")})), "no");
}

Fact linked(const char* name, std::uint64_t timestamp) {
  return module(name, {{"timestamp", number(timestamp)}});
}

constexpr std::uint64_t kDay = 86400, k1999Dec14 = 945129600; // 1999-12-14 00:00 UTC

TEST(ModuleLinked, DaysAround) {
  const char* within3 = "module_linked: {module: elxsli2.sys, on: 1999-12-14, within_days: 3}";
  const char* plain = "module_linked: {module: elxsli2.sys, on: 1999-12-14}";
  auto machine = [](std::uint64_t timestamp, const char* family = "nt4") {
    return with({os(family, 6, "x86"), linked("elxsli2.sys", timestamp)});
  };
  EXPECT_EQ(answer(within3, machine(k1999Dec14)), "yes");
  EXPECT_EQ(answer(within3, machine(k1999Dec14 - 3 * kDay)), "yes");
  EXPECT_EQ(answer(within3, machine(k1999Dec14 - 3 * kDay - 1)), "no");
  EXPECT_EQ(answer(within3, machine(k1999Dec14 + 4 * kDay - 1)), "yes");
  EXPECT_EQ(answer(within3, machine(k1999Dec14 + 4 * kDay)), "no");
  EXPECT_EQ(answer(plain, machine(k1999Dec14 + 2 * kDay - 1)), "yes");
  EXPECT_EQ(answer(plain, machine(k1999Dec14 + 2 * kDay)), "no");
  EXPECT_EQ(answer(within3, machine(0)), "cannot tell");
  // A hash, not a time.
  EXPECT_EQ(answer(within3, machine(k1999Dec14, "win10")), "cannot tell");
  EXPECT_EQ(answer(within3, machine(k1999Dec14, "ws2016+")), "cannot tell");
  EXPECT_EQ(answer(within3, with({linked("elxsli2.sys", k1999Dec14)})), "cannot tell");
  EXPECT_EQ(answer(within3, with({os("nt4", 6, "x86")})), "no");
  EXPECT_EQ(answer(within3, seen_in_part({os("nt4", 6, "x86")})), "cannot tell");
}

TEST(ModuleOlder, ThanAVersionOrADate) {
  auto machine = [](std::map<std::string, evidence::Value> fields) {
    return with({os("ws2003", 1, "x86"), module("mup.sys", std::move(fields))});
  };
  const char* version = "module_older: {module: mup.sys, than: 5.2.3790.2000}";
  EXPECT_EQ(answer(version, machine({{"version", text("5.2.3790.1830")}})), "yes");
  EXPECT_EQ(answer(version, machine({{"version", text("5.2.3790.2000")}})), "no");
  EXPECT_EQ(answer(version, machine({})), "cannot tell");
  // Another service pack's line of versions.
  EXPECT_EQ(answer(version, machine({{"version", text("5.2.3790.4000")}})), "cannot tell");
  EXPECT_EQ(answer(version, with({os("ws2003", 1, "x86")})), "no");
  EXPECT_EQ(answer(version, seen_in_part({os("ws2003", 1, "x86")})), "cannot tell");
  const char* date = "module_older: {module: mup.sys, than: 1999-12-14}";
  auto nt4 = [](std::uint64_t timestamp) {
    Fact system = os("nt4", 6, "x86");
    system.fields["terminal_server"] = false;
    return with({system, linked("mup.sys", timestamp)});
  };
  EXPECT_EQ(answer(date, nt4(k1999Dec14 - 30 * kDay)), "yes");
  EXPECT_EQ(answer(date, nt4(k1999Dec14 + 30 * kDay)), "no");
}

TEST(ModuleOlder, ThanAServicePack) {
  Fact system = os("nt4", 6, "x86");
  system.fields["terminal_server"] = false;
  auto built = [&](const char* day_in_1996_or_2001) {
    return with({system, linked("netbt.sys", day_in_1996_or_2001 == std::string("1996")
                                                 ? 838512000     // 1996-07-28
                                                 : 994982400)}); // 2001-07-13
  };
  const char* sp4 = "module_older: {module: netbt.sys, than: nt4 SP4}";
  EXPECT_EQ(answer(sp4, built("1996")), "yes");
  EXPECT_EQ(answer(sp4, built("2001")), "no");
}

TEST(DriverClass, NoOnlyWhereEveryModuleIsKnown) {
  const Fact scanner = module("savrt.sys", {{"class", text("antivirus")}});
  const Fact unknown = module("mystery.sys");
  const Fact disk = module("atapi.sys", {{"class", text("storage")}});
  EXPECT_EQ(answer("driver_class: antivirus", with({disk, unknown, scanner})), "yes");
  EXPECT_EQ(answer("driver_class: [backup, antivirus]", with({scanner})), "yes");
  EXPECT_EQ(answer("driver_class: antivirus", with({disk})), "no");
  EXPECT_EQ(answer("driver_class: antivirus", with({disk, unknown})), "cannot tell");
  EXPECT_EQ(answer("driver_class: antivirus", seen_in_part({disk})), "cannot tell");
}

} // namespace
} // namespace dumptriage::rules::test
