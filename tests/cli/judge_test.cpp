// Freezing facts and judging them, and the tools of rule writers, from outside.
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace dumptriage {
namespace {

using Json = nlohmann::ordered_json;

const std::string kSamples = DUMPTRIAGE_SOURCE_DIR "/dumps-samples";
const std::string kDump = "'" + kSamples + "/kernel-x64-ws2003sp2-kb961799.dmp'";
const std::string kSymbols = " --symbols '" + kSamples + "/symbols'";

std::string sample(const std::string& name) { return "'" + kSamples + "/" + name + "'"; }

TEST_F(Program, FrozenFactsAreJudgedToTheSameBytes) {
  for (const std::string name :
       {"kernel-x64-ws2003sp2-kb961799.dmp", "kernel-ia64-ws2003sp2-kb961799-full.dmp",
        "kernel-alpha-nt4-q242896.dmp", "user-x64-access-violation.dmp"}) {
    Ran facts = run("facts " + sample(name) + kSymbols + " -o frozen.json");
    ASSERT_EQ(facts.code, 0) << facts.err;
    for (const std::string format : {"text", "json", "ndjson"}) {
      Ran frozen = run("judge frozen.json --all-rules --format " + format);
      Ran direct = run("judge " + sample(name) + kSymbols + " --all-rules --format " + format);
      EXPECT_EQ(frozen.code, 0) << frozen.err;
      EXPECT_NE(frozen.out, "");
      EXPECT_EQ(frozen.out, direct.out) << name << " " << format;
    }
    // And to those of the dump's report.
    Json report =
        Json::parse(run("analyze " + sample(name) + kSymbols + " --no-siblings --format json").out);
    Json verdicts = Json::parse(run("judge frozen.json --format json").out);
    EXPECT_EQ(verdicts["schema"], "dumptriage.verdicts/1");
    run("facts " + sample(name) + kSymbols + " --no-siblings -o alone.json");
    verdicts = Json::parse(run("judge alone.json --format json").out);
    EXPECT_EQ(report["matches"].dump(), verdicts["matches"].dump()) << name;
  }
}

TEST_F(Program, ManyFactsAreJudgedLineByLineAndABrokenLineCostsItself) {
  Ran facts = run("facts " + kDump + " " + sample("user-x64-access-violation.dmp") + kSymbols);
  ASSERT_EQ(facts.code, 0) << facts.err;
  const std::size_t end = facts.out.find('\n');
  write("all.facts", facts.out.substr(0, end + 1) + "{\"schema\":\n" + facts.out.substr(end + 1));
  Ran judged = run("judge all.facts --format ndjson");
  EXPECT_EQ(judged.code, 1);
  EXPECT_NE(judged.err.find("line 2"), std::string::npos) << judged.err;
  std::size_t lines = 0;
  std::istringstream rows(judged.out);
  for (std::string line; std::getline(rows, line); ++lines)
    EXPECT_EQ(Json::parse(line)["schema"], "dumptriage.verdicts/1");
  EXPECT_EQ(lines, 2u);
  Ran list = run("judge all.facts --format json");
  EXPECT_EQ(Json::parse(list.out).size(), 2u);
}

TEST_F(Program, FactsThatAreNoneAreErrorsWithTheirPlace) {
  write("empty.json", "{}");
  write(
      "lies.json",
      R"({"schema":"dumptriage.facts/1","facts":[{"kind":"stop","id":"stop","fields":{"code":"x"}}]})");
  for (const std::string name : {"empty.json", "lies.json"}) {
    Ran ran = run("judge " + name);
    EXPECT_EQ(ran.code, 1) << name;
    EXPECT_EQ(ran.out, "") << name;
    EXPECT_NE(ran.err.find(name), std::string::npos) << ran.err;
  }
}

TEST_F(Program, ExplainShowsEveryRuleThatIsAskedFor) {
  Ran why = run("rules explain kb961799 " + kDump + kSymbols);
  EXPECT_EQ(why.code, 0) << why.err;
  EXPECT_NE(why.out.find("kb961799 confirmed"), std::string::npos) << why.out;
  EXPECT_NE(why.out.find("netbt!NbtCopyToStartOfIndicate"), std::string::npos);
  Ran other = run("rules explain q242896 " + kDump + kSymbols);
  EXPECT_EQ(other.code, 0);
  EXPECT_NE(other.out.find("q242896 not_applicable"), std::string::npos) << other.out;
  EXPECT_EQ(run("rules explain no-such-rule " + kDump).code, 2);
}

TEST_F(Program, ARuleBegunFromADumpLoadsPassesItsExampleAndFindsTheDump) {
  Ran made = run("rules new --from " + kDump + kSymbols + " --id site-001 --out mine");
  ASSERT_EQ(made.code, 0) << made.err;
  Ran test = run("rules test mine");
  EXPECT_EQ(test.code, 0) << test.out << read("mine/site-001.yaml");
  Ran judged = run("judge " + kDump + kSymbols + " --rules mine --format json");
  bool found = false;
  const Json verdicts = Json::parse(judged.out);
  for (const Json& match : verdicts["matches"])
    if (match["rule"] == "site-001") found = match["verdict"] == "confirmed";
  EXPECT_TRUE(found) << judged.out;
  EXPECT_EQ(run("rules new --from " + kDump + " --id site-001 --out mine").code, 1);
  EXPECT_EQ(run("rules new --from " + kDump + " --id 'No Id'").code, 2);
}

TEST_F(Program, AWrongExampleFailsItsTest) {
  run("rules new --from " + kDump + kSymbols + " --id site-001 --out mine");
  std::string examples = read("mine/site-001.examples.yaml");
  const std::size_t at = examples.find("expect: confirmed");
  ASSERT_NE(at, std::string::npos) << examples.substr(0, 200);
  write("mine/site-001.examples.yaml", examples.replace(at, 17, "expect: refuted"));
  Ran test = run("rules test mine");
  EXPECT_EQ(test.code, 1);
  EXPECT_NE(test.out.find("expected refuted, found confirmed"), std::string::npos) << test.out;
}

TEST_F(Program, APageShowsHostileNamesAsText) {
  Ran page = run("analyze " + kDump + kSymbols + " --format html");
  EXPECT_EQ(page.code, 0);
  EXPECT_EQ(page.out.find("<!doctype html>"), 0u);
  EXPECT_NE(page.out.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(page.out.find("<script"), std::string::npos);
  EXPECT_NE(page.out.find("KB961799 confirmed"), std::string::npos);
  EXPECT_EQ(run("analyze " + kDump + " " + kDump + " --format html").code, 2);
}

} // namespace
} // namespace dumptriage
