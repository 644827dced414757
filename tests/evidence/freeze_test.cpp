// Frozen facts: a text laid down by hand, what it thaws to, and what is refused.
#include <fstream>
#include <regex>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "evidence/fact_fields.h"
#include "evidence/freeze.h"

namespace {

using namespace dumptriage;
using evidence::Address;
using evidence::Coverage;
using evidence::Fact;
using evidence::freeze;
using evidence::FrozenFacts;
using evidence::thaw;
using testing::HasSubstr;

FrozenFacts sample() {
  FrozenFacts frozen;
  frozen.path = "D:\\dumps\\\"one\".dmp";
  frozen.dump_id = "blake3:00ff";
  frozen.tool_version = "1.2";
  frozen.pointer_size = 4;
  Fact module;
  module.kind = "module";
  module.id = "module:netbt.sys@F8A00000";
  module.fields = {{"name", std::string("netbt.sys")},
                   {"base", Address{0xF8A00000}},
                   {"size", std::uint64_t{0x26000}},
                   {"third_party", false}};
  module.refs = {"os", "cpu:0"};
  module.where = Where::virtual_address(0xF8A00000);
  module.trust = "dump";
  Fact queue;
  queue.kind = "work_queue";
  queue.id = "work_queue:critical";
  queue.fields = {{"pending", UINT64_MAX}, {"queue", std::string("caf\xC3\xA9")}};
  queue.where = Where::text(3, 7);
  frozen.facts.facts = {module, queue};
  frozen.facts.coverage = {{"module", Coverage::Extent::complete, 1, 1, ""},
                           {"frame", Coverage::Extent::partial, 3, 0, "no image of nt"},
                           {"irp", Coverage::Extent::none, 0, 0, "none"}};
  return frozen;
}

constexpr const char* kText =
    R"({"schema":"dumptriage.facts/1","tool":{"name":"dumptriage","version":"1.2"},)"
    R"("dump":{"path":"D:\\dumps\\\"one\".dmp","id":"blake3:00ff","pointer_size":4},"facts":[)"
    R"({"kind":"module","id":"module:netbt.sys@F8A00000","fields":{"base":"0xF8A00000",)"
    R"("name":"netbt.sys","size":155648,"third_party":false},"refs":["os","cpu:0"],)"
    R"("where":{"space":"virtual","at":"0xF8A00000"},"trust":"dump"},)"
    R"({"kind":"work_queue","id":"work_queue:critical","fields":{"pending":"0xFFFFFFFFFFFFFFFF",)"
    "\"queue\":\"caf\xC3\xA9\"},"
    R"("where":{"space":"text","at":"0x00000003","column":7}}],)"
    R"("coverage":[{"kind":"module","extent":"complete","seen":1,"of":1},)"
    R"({"kind":"frame","extent":"partial","seen":3,"of":0,"missing":"no image of nt"},)"
    R"({"kind":"irp","extent":"none","seen":0,"of":0,"missing":"none"}]})";

TEST(Freeze, WritesWhatIsDocumented) { EXPECT_EQ(freeze(sample()), kText); }

TEST(Freeze, WhatItWritesIsJson) {
  const auto json = nlohmann::json::parse(freeze(sample()));
  EXPECT_EQ(json["dump"]["path"], "D:\\dumps\\\"one\".dmp");
  EXPECT_EQ(json["facts"][1]["fields"]["queue"], "caf\xC3\xA9");
}

TEST(Thaw, GivesTypesAndPlacesBack) {
  const auto thawed = thaw("facts.json", kText);
  ASSERT_TRUE(thawed) << thawed.error().message();
  EXPECT_EQ(thawed->path, "D:\\dumps\\\"one\".dmp");
  EXPECT_EQ(thawed->dump_id, "blake3:00ff");
  EXPECT_EQ(thawed->tool_version, "1.2");
  EXPECT_EQ(thawed->pointer_size, 4);
  EXPECT_EQ(thawed->unknown, 0u);
  const FrozenFacts expected = sample();
  ASSERT_EQ(thawed->facts.facts.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const Fact &fact = thawed->facts.facts[i], &wanted = expected.facts.facts[i];
    EXPECT_EQ(fact.kind, wanted.kind);
    EXPECT_EQ(fact.id, wanted.id);
    EXPECT_EQ(fact.fields, wanted.fields) << i;
    EXPECT_EQ(fact.refs, wanted.refs);
    EXPECT_EQ(fact.where, wanted.where);
    EXPECT_EQ(fact.trust, wanted.trust);
  }
  ASSERT_EQ(thawed->facts.coverage.size(), 3u);
  EXPECT_EQ(thawed->facts.coverage[1].extent, Coverage::Extent::partial);
  EXPECT_EQ(thawed->facts.coverage[1].missing, "no image of nt");
  EXPECT_EQ(thawed->facts.coverage[2].extent, Coverage::Extent::none);
  EXPECT_EQ(freeze(*thawed), kText);
}

// The order of members says nothing, blanks neither; other writers escape other characters.
TEST(Thaw, OtherWritersAndOrders) {
  const char* text = R"(
    { "coverage": [], "facts": [ { "fields": { "number": "0x7", "crashed": true },
        "id": "cpu:\u0037", "kind": "cpu" } ], "schema": "dumptriage\u002efacts\/1" } )";
  const auto thawed = thaw("x", text);
  ASSERT_TRUE(thawed) << thawed.error().message();
  EXPECT_EQ(thawed->facts.facts[0].id, "cpu:7");
  EXPECT_EQ(thawed->facts.facts[0].number("number"), 7u);
  EXPECT_TRUE(thawed->facts.facts[0].flag("crashed"));
}

TEST(Thaw, WhatThisVersionDoesNotKnowIsLeftOutAndCounted) {
  const auto thawed = thaw("x", R"({"schema":"dumptriage.facts/1","later":{"a":[1,-2.5e3,null]},
    "facts":[{"kind":"ghost","id":"g","fields":{"x":[{}]}},
             {"kind":"cpu","id":"cpu:0","fields":{"number":0,"colour":"red"},"mood":[]}],
    "coverage":[{"kind":"ghost","extent":"complete","seen":1,"of":1}]})");
  ASSERT_TRUE(thawed) << thawed.error().message();
  ASSERT_EQ(thawed->facts.facts.size(), 1u);
  EXPECT_EQ(thawed->facts.facts[0].fields.size(), 1u);
  EXPECT_EQ(thawed->unknown, 2u);
}

// Characters that would move a terminal's cursor are made harmless.
TEST(Thaw, TextIsSafe) {
  const auto thawed =
      thaw("x", R"({"schema":"dumptriage.facts/1","dump":{"path":"a\u001b[2Jb\ud83d"}})");
  ASSERT_TRUE(thawed) << thawed.error().message();
  EXPECT_EQ(thawed->path, "a\xEF\xBF\xBD[2Jb\xEF\xBF\xBD");
}

std::string with_fact(const std::string& fact) {
  return R"({"schema":"dumptriage.facts/1","facts":[)" + fact + "]}";
}
std::string error_of(const std::string& text) {
  const auto thawed = thaw("f.json", text);
  return thawed ? "accepted" : thawed.error().message();
}

TEST(Thaw, ErrorsNameFieldFactAndByte) {
  const std::string text =
      with_fact(R"({"kind":"module","id":"module:a.sys@1000","fields":{"base":4096}})");
  const auto thawed = thaw("f.json", text);
  ASSERT_FALSE(thawed);
  EXPECT_EQ(thawed.error().what, "f.json");
  EXPECT_EQ(thawed.error().why, "facts: fields.base of module:a.sys@1000: expected an address");
  EXPECT_EQ(thawed.error().where, Where::file(text.find("4096")));
}

TEST(Thaw, WrongTypes) {
  const auto field = [](const std::string& value, const char* kind = "module") {
    return error_of(
        with_fact(std::string(R"({"kind":")") + kind + R"(","id":"m","fields":{)" + value + "}}"));
  };
  EXPECT_THAT(field(R"("name":7)"), HasSubstr("fields.name of m: expected a text"));
  EXPECT_THAT(field(R"("size":true)"), HasSubstr("expected a whole number"));
  EXPECT_THAT(field(R"("size":"12")"), HasSubstr("expected a number"));
  EXPECT_THAT(field(R"("size":-1)"), HasSubstr("expected a whole number"));
  EXPECT_THAT(field(R"("size":1.5)"), HasSubstr("expected a whole number"));
  EXPECT_THAT(field(R"("size":1e3)"), HasSubstr("expected a whole number"));
  EXPECT_THAT(field(R"("size":007)"), HasSubstr("expected a whole number"));
  EXPECT_THAT(field(R"("size":18446744073709551616)"), HasSubstr("too large"));
  EXPECT_EQ(field(R"("size":18446744073709551615)"), "accepted");
  EXPECT_THAT(field(R"("third_party":"true")"), HasSubstr("expected true or false"));
  EXPECT_THAT(field(R"("third_party":null)"), HasSubstr("expected true or false"));
  EXPECT_THAT(field(R"("base":"0x")"), HasSubstr("expected an address"));
  EXPECT_THAT(field(R"("base":"0x11112222333344445")"), HasSubstr("expected an address"));
  EXPECT_THAT(field(R"("base":"0xG")"), HasSubstr("expected an address"));
  EXPECT_THAT(field(R"("base":"-0x1")"), HasSubstr("expected an address"));
  EXPECT_THAT(field(R"("base":"0x1","base":"0x1")"),
              HasSubstr("fields.base of m: it stands there"));
}

TEST(Thaw, WrongShapes) {
  EXPECT_THAT(error_of(""), HasSubstr("expected an object (file offset 0x0)"));
  EXPECT_THAT(error_of("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(error_of("{}"), HasSubstr("expected the schema dumptriage.facts/1"));
  EXPECT_THAT(error_of(R"({"schema":"dumptriage.report/1"})"), HasSubstr("this is no dumptriage"));
  EXPECT_THAT(error_of(R"({"schema":"dumptriage.facts/1"} x)"), HasSubstr("nothing more"));
  EXPECT_THAT(error_of(R"({"schema":"dumptriage.facts/1","facts":{}})"), HasSubstr("a list"));
  EXPECT_THAT(error_of(R"({"schema":"dumptriage.facts/1","facts":[],"facts":[]})"),
              HasSubstr("'facts' stands there twice"));
  EXPECT_THAT(error_of(with_fact(R"({"kind":"cpu","kind":"cpu"})")), HasSubstr("twice"));
  EXPECT_THAT(error_of(with_fact(R"({"kind":"cpu"})")), HasSubstr("without its kind or id"));
  EXPECT_THAT(error_of(with_fact(R"({"kind":"cpu","id":"c"},)")), HasSubstr("expected an object"));
  EXPECT_THAT(error_of(with_fact(R"({"kind":"cpu","id":"c","refs":[1]})")),
              HasSubstr("c: expected"));
  EXPECT_THAT(error_of(with_fact(R"({"kind":"cpu","id":"c","where":{"space":"moon"}})")),
              HasSubstr("no such space"));
  EXPECT_THAT(error_of(R"({"schema":"dumptriage.facts/1","dump":{"pointer_size":16}})"),
              HasSubstr("pointer size of 4 or 8"));
  EXPECT_THAT(
      error_of(R"({"schema":"dumptriage.facts/1","coverage":[{"kind":"x","extent":"all"}]})"),
      HasSubstr("coverage of x: no such extent"));
  EXPECT_THAT(error_of("{\"schema\":\"dumptriage.facts/1\nx\"}"), HasSubstr("control character"));
  EXPECT_THAT(error_of(R"({"schema":"\q"})"), HasSubstr("no such escape"));
}

TEST(Thaw, DepthAndSizesAreBounded) {
  std::string deep = R"({"schema":"dumptriage.facts/1","x":)";
  for (int i = 0; i < 100000; ++i) deep += '[';
  EXPECT_THAT(error_of(deep), HasSubstr("nested too deep"));
  EXPECT_THAT(error_of(R"({"schema":")" + std::string(1 << 20, 'a') + "\"}"),
              HasSubstr("too long"));
  std::string coverage = R"({"schema":"dumptriage.facts/1","coverage":[)";
  for (int i = 0; i < 2000; ++i) coverage += R"({"kind":"a","extent":"none"},)";
  EXPECT_THAT(error_of(coverage), HasSubstr("too many"));
}

TEST(Thaw, CutAtEveryByteIsAnErrorWithItsPlace) {
  const std::string_view whole = kText;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto thawed = thaw("cut", whole.substr(0, size));
    ASSERT_FALSE(thawed) << size;
    EXPECT_EQ(thawed.error().code, Code::truncated) << size << ": " << thawed.error().message();
    EXPECT_LE(thawed.error().where.at, size);
  }
}

TEST(Thaw, AnyByteChangedNeverMakesAnythingButFactsOrAnError) {
  const std::string whole = kText;
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const char c : {'"', '{', ']', ',', '\\', '0', '\xFF', '\0'}) {
      std::string changed = whole;
      changed[i] = c;
      const auto thawed = thaw("changed", changed);
      if (!thawed) {
        EXPECT_FALSE(thawed.error().why.empty());
        continue;
      }
      ++accepted;
      const std::string once = freeze(*thawed);
      const auto again = thaw("again", once);
      ASSERT_TRUE(again) << again.error().message();
      EXPECT_EQ(freeze(*again), once);
    }
  EXPECT_GT(accepted, 100u); // letters inside of texts
}

// Every field of the table is named by docs/facts.md in the row or sentence of its kind.
TEST(FactFields, AreDocumented) {
  std::ifstream in(DUMPTRIAGE_SOURCE_DIR "/docs/facts.md");
  std::stringstream all;
  all << in.rdbuf();
  const std::string docs = all.str();
  std::map<std::string, std::string> rows; // by kind: its row, and the sentence of what was added
  std::istringstream lines(docs);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_search(line, match, std::regex("^\\| `([a-z_]+)` \\|")))
      rows[match[1].str()] += line;
  }
  const std::size_t added = docs.find("Added to older kinds:");
  ASSERT_NE(added, std::string::npos);
  const std::string more = docs.substr(added, docs.find("\n\n", added) - added);
  std::size_t fields = 0;
#define FACT_FIELDS(kind, type, names)                                                             \
  {                                                                                                \
    std::istringstream words(names);                                                               \
    for (std::string word; words >> word; ++fields) {                                              \
      const bool numbered = word.size() == 2 && word[0] == 'p';                                    \
      EXPECT_TRUE(numbered || (rows[kind] + more).find("`" + word + "`") != std::string::npos)     \
          << kind << "." << word;                                                                  \
      EXPECT_EQ(evidence::field_type(kind, word), evidence::FieldType::type);                      \
    }                                                                                              \
  }
#include "evidence/fact_fields.def"
#undef FACT_FIELDS
  EXPECT_GT(fields, 150u);
}

} // namespace
