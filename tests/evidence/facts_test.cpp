#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scene.h"

namespace {

using namespace dumptriage;
using evidence::Address;
using evidence::Coverage;
using evidence::Fact;
using evidence::FactSet;
using scene::Scene;
using Extent = evidence::Coverage::Extent;
using testing::HasSubstr;

constexpr std::uint64_t kNt = 0xFFFFF80001000000, kNetbt = 0xFFFFF80003000000;

struct Kernel : Scene {
  Kernel() : Scene(arch::Machine::x64, true) {
    module("\\SystemRoot\\system32\\ntoskrnl.exe", kNt, 0x800000);
    module("\\SystemRoot\\System32\\DRIVERS\\NetBT.sys", kNetbt, 0x40000);
    snapshot.cpus.push_back(
        {.number = 0, .current_thread = 0, .context_from = "KPRCB.Context", .crashed = true});
    crashed("4", 0);
    bugcheck(0x1000007E, {0xFFFFFFFFC0000005, kNetbt + 0x1234, 1, 2});
    context(registers(kNetbt + 0x1234));
  }
  FactSet facts() { return evidence::extract(input()); }
};

Extent extent(const FactSet& set, const char* kind) {
  const Coverage* coverage = set.coverage_of(kind);
  EXPECT_TRUE(coverage) << kind;
  return coverage ? coverage->extent : Extent::none;
}

TEST(Fact, AccessorsKnowTheirTypes) {
  Fact fact;
  fact.fields = {{"t", std::string("x")}, {"n", std::uint64_t{7}}, {"a", Address{9}}, {"f", true}};
  ASSERT_TRUE(fact.text("t"));
  EXPECT_EQ(*fact.text("t"), "x");
  EXPECT_FALSE(fact.text("n"));
  EXPECT_EQ(fact.number("n"), 7u);
  EXPECT_EQ(fact.number("a"), 9u);
  EXPECT_FALSE(fact.number("f"));
  EXPECT_TRUE(fact.flag("f"));
  EXPECT_FALSE(fact.flag("missing"));
  EXPECT_FALSE(fact.flag("t"));
}

TEST(Facts, StopOsModule) {
  Kernel k;
  k.snapshot.os.service_pack = 2;
  k.snapshot.os.service_pack_proved = true;
  k.snapshot.modules[1].version = dump::FileVersion{{5, 2, 3790, 3959}};
  k.stack({{kNetbt + 0x1234, "NbtCopy"}});
  FactSet set = k.facts();
  const Fact* stop = set.first("stop");
  ASSERT_TRUE(stop);
  EXPECT_EQ(*stop->text("kind"), "bugcheck");
  EXPECT_EQ(stop->number("code"), 0x1000007Eu);
  EXPECT_EQ(stop->number("normalized"), 0x7Eu);
  EXPECT_EQ(stop->number("p2"), kNetbt + 0x1234);
  EXPECT_EQ(stop->number("exception_code"), 0xC0000005u);
  const Fact* os = set.first("os");
  EXPECT_EQ(*os->text("family"), "ws2003");
  EXPECT_EQ(*os->text("arch"), "x64");
  EXPECT_EQ(os->number("service_pack"), 2u);
  EXPECT_FALSE(os->number("product_type")); // not known: left out
  auto modules = set.of_kind("module");
  ASSERT_EQ(modules.size(), 2u);
  EXPECT_EQ(*modules[1]->text("name"), "netbt.sys");
  EXPECT_EQ(modules[1]->id, "module:netbt.sys@FFFFF80003000000");
  EXPECT_EQ(*modules[1]->text("version"), "5.2.3790.3959");
  EXPECT_EQ(*modules[1]->text("version_from"), "dump");
  EXPECT_FALSE(modules[0]->text("version"));
}

TEST(Facts, FrameRefersToThreadAndModule) {
  Kernel k;
  k.stack({{kNetbt + 0x1234, "NbtCopy"}, {kNt + 0x1000}}, 1);
  FactSet set = k.facts();
  auto frames = set.of_kind("frame");
  ASSERT_EQ(frames.size(), 2u);
  const Fact& first = *frames[0];
  EXPECT_EQ(first.id, "frame:4:0");
  EXPECT_THAT(first.refs, testing::ElementsAre("thread:4", "module:netbt.sys@FFFFF80003000000"));
  EXPECT_EQ(*first.text("function"), "NbtCopy");
  EXPECT_EQ(first.number("offset"), 0x34u); // of the address itself
  EXPECT_EQ(first.number("rva"), 0x1234u);
  EXPECT_EQ(*first.text("trust"), "context");
  EXPECT_EQ(*first.text("name_source"), "pdb");
  EXPECT_TRUE(first.flag("sure"));
  EXPECT_TRUE(first.flag("top"));
  EXPECT_TRUE(first.flag("crashed_thread"));
  EXPECT_FALSE(frames[1]->flag("sure"));
  EXPECT_FALSE(frames[1]->flag("top"));
  EXPECT_FALSE(frames[1]->text("function"));
  const Fact* fault = set.first("fault");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->number("ip"), kNetbt + 0x1234);
  EXPECT_THAT(fault->refs, testing::Contains("frame:4:0"));
}

TEST(Facts, IdsAreUniqueAlsoInHostileLists) {
  Kernel k;
  k.module("\\SystemRoot\\System32\\DRIVERS\\NetBT.sys", kNetbt, 0x40000);
  k.stack({{kNetbt + 0x1234}});
  k.crashed("4", 0);
  k.stack({{kNetbt + 0x1234}});
  FactSet set = k.facts();
  std::set<std::string> ids;
  for (const Fact& fact : set.facts) EXPECT_TRUE(ids.insert(fact.id).second) << fact.id;
}

// Everything that must keep a "no" from being possible, one at a time.
TEST(Coverage, FramesNeedWholeStacksAndSureNames) {
  {
    Kernel k;
    k.stack({{kNetbt + 0x1234, "NbtCopy"}, {kNt + 0x1000, "KiStart"}}, SIZE_MAX, true);
    FactSet set = k.facts();
    EXPECT_EQ(extent(set, "frame"), Extent::complete);
    EXPECT_EQ(extent(set, "frame_crashed"), Extent::complete);
    EXPECT_EQ(extent(set, "top"), Extent::complete);
  }
  {
    Kernel k; // not to the end
    k.stack({{kNetbt + 0x1234, "NbtCopy"}}, SIZE_MAX, false);
    FactSet set = k.facts();
    EXPECT_EQ(extent(set, "frame"), Extent::partial);
    EXPECT_EQ(extent(set, "frame_crashed"), Extent::partial);
    EXPECT_EQ(extent(set, "top"), Extent::complete); // the top alone is known
    EXPECT_THAT(set.coverage_of("frame_crashed")->missing,
                HasSubstr("thread 4's stack beyond frame 0: no image"));
  }
  {
    Kernel k; // a frame without a name
    k.stack({{kNetbt + 0x1234}, {kNt + 0x1000, "KiStart"}}, SIZE_MAX, true);
    FactSet set = k.facts();
    EXPECT_EQ(extent(set, "frame_crashed"), Extent::partial);
    EXPECT_EQ(extent(set, "top"), Extent::partial);
  }
  {
    Kernel k; // not walked
    FactSet set = k.facts();
    EXPECT_EQ(extent(set, "frame_crashed"), Extent::none);
    EXPECT_EQ(extent(set, "top"), Extent::partial);
  }
}

TEST(Coverage, WhatNamesDoNotProve) {
  auto with = [](auto change) {
    Kernel k;
    k.stack({{kNetbt + 0x1234, "NbtCopy"}}, SIZE_MAX, true);
    change(*k.stacks[0].frames[0].symbol);
    return extent(k.facts(), "frame_crashed");
  };
  EXPECT_EQ(with([](symbols::NamedSymbol&) {}), Extent::complete);
  EXPECT_EQ(with([](symbols::NamedSymbol& n) { n.exact = false; }), Extent::partial);
  EXPECT_EQ(with([](symbols::NamedSymbol& n) { n.symbol.far = true; }), Extent::partial);
  EXPECT_EQ(with([](symbols::NamedSymbol& n) { n.origin = memory::Origin::sibling; }),
            Extent::partial);
  EXPECT_EQ(with([](symbols::NamedSymbol& n) { n.symbol.source = symbols::NameSource::exports; }),
            Extent::partial);
}

TEST(Coverage, SecondCpuWithoutStack) {
  Kernel k;
  k.snapshot.os.processors = 2;
  k.stack({{kNetbt + 0x1234, "NbtCopy"}}, SIZE_MAX, true);
  FactSet set = k.facts();
  EXPECT_EQ(extent(set, "frame"), Extent::partial);
  EXPECT_EQ(extent(set, "frame_crashed"), Extent::complete);
  EXPECT_EQ(extent(set, "top"), Extent::partial);
  EXPECT_EQ(extent(set, "cpu"), Extent::partial);
}

TEST(Coverage, Modules) {
  Kernel k;
  k.stack({{kNetbt + 0x1234}});
  EXPECT_EQ(extent(k.facts(), "module"), Extent::complete);
  k.snapshot.modules_complete = false;
  EXPECT_EQ(extent(k.facts(), "module"), Extent::partial);
  Scene empty(arch::Machine::x64, true);
  EXPECT_EQ(extent(evidence::extract(empty.input()), "module"), Extent::none);
}

TEST(Coverage, StopAndOs) {
  Scene process(arch::Machine::x64, false);
  EXPECT_EQ(extent(evidence::extract(process.input()), "stop"), Extent::complete); // it says: none
  add_note(process.snapshot.notes, Severity::warning, Code::truncated,
           "Exception stream: cut short");
  EXPECT_EQ(extent(evidence::extract(process.input()), "stop"), Extent::partial);
  Scene kernel(arch::Machine::x64, true);
  EXPECT_EQ(extent(evidence::extract(kernel.input()), "stop"), Extent::none);
  kernel.snapshot.os.family.clear();
  EXPECT_EQ(extent(evidence::extract(kernel.input()), "os"), Extent::partial);
}

TEST(Facts, EmptySnapshotGivesFactsAndNoMore) {
  Scene empty(arch::Machine::unknown, false);
  FactSet set = evidence::extract(empty.input());
  EXPECT_TRUE(set.first("stop"));
  EXPECT_TRUE(set.of_kind("frame").empty());
  EXPECT_EQ(extent(set, "frame"), Extent::none);
  EXPECT_EQ(extent(set, "fault"), Extent::none);
}

} // namespace
