// The facts of whole dumps: what is frozen thaws to the same and is judged the same, nothing is in
// them that the table of fields does not know, and their coverage never claims more than it has.
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "evidence/fact_fields.h"
#include "pipeline/analyze.h"
#include "pipeline/judge.h"
#include "pipeline/parts.h"

namespace dumptriage::pipeline {
namespace {

namespace fs = std::filesystem;
using evidence::Coverage;
using evidence::FieldType;
const fs::path kSamples = DUMPTRIAGE_SOURCE_DIR "/dumps-samples";
const fs::path kCorpus = DUMPTRIAGE_SHARED_DIR "/corpus";

const std::set<std::string> kKinds = {
#define FACT_FIELDS(kind, type, fields) kind,
#include "evidence/fact_fields.def"
#undef FACT_FIELDS
};

FieldType type_of(const evidence::Value& value) {
  if (std::holds_alternative<bool>(value)) return FieldType::boolean;
  if (std::holds_alternative<std::uint64_t>(value)) return FieldType::number;
  if (std::holds_alternative<evidence::Address>(value)) return FieldType::address;
  return FieldType::text;
}

void expect_known_fields(const report::Document& document) {
  std::set<std::string> ids;
  for (const evidence::Fact& fact : document.facts) {
    EXPECT_TRUE(kKinds.contains(fact.kind)) << fact.id;
    EXPECT_TRUE(ids.insert(fact.id).second) << fact.id;
    EXPECT_FALSE(fact.trust.empty()) << fact.id;
    for (const auto& [name, value] : fact.fields)
      EXPECT_EQ(evidence::field_type(fact.kind, name), type_of(value)) << fact.id << "." << name;
  }
  std::size_t dangling = 0, refs = 0;
  for (const evidence::Fact& fact : document.facts)
    for (const std::string& ref : fact.refs) {
      ++refs;
      dangling += !ids.contains(ref);
    }
  // Threads on CPUs that are not stored, and owners that no list has, have no facts.
  EXPECT_LE(dangling, refs / 10);
}

void expect_honest_coverage(const report::Document& document) {
  std::map<std::string, std::uint64_t> count;
  for (const evidence::Fact& fact : document.facts) ++count[fact.kind];
  std::set<std::string> covered;
  for (const Coverage& row : document.coverage) {
    EXPECT_TRUE(covered.insert(row.kind).second) << row.kind;
    EXPECT_EQ(row.extent == Coverage::Extent::complete, row.missing.empty()) << row.kind;
    if (row.of != 0) {
      EXPECT_LE(row.seen, row.of) << row.kind;
    }
    if (row.extent == Coverage::Extent::none && row.kind != "os" && row.kind != "frame" &&
        row.kind != "stop") {
      EXPECT_EQ(count[row.kind], 0u) << row.kind;
    }
  }
  for (const std::string& kind : kKinds) EXPECT_TRUE(covered.contains(kind)) << kind;
}

nlohmann::json verdicts(const report::Document& document) {
  const nlohmann::json all = nlohmann::json::parse(report::to_json(document));
  nlohmann::json chosen;
  for (const char* name : {"matches", "recommendation"})
    if (all.contains(name)) chosen[name] = all[name];
  return chosen;
}

void expect_same_when_thawed(const rules::Catalogue& catalogue, const report::Document& document,
                             bool all_rules) {
  const std::string text = evidence::freeze(frozen_facts(document));
  const auto thawed = evidence::thaw("facts", text);
  ASSERT_TRUE(thawed) << thawed.error().message();
  EXPECT_EQ(thawed->unknown, 0u);
  EXPECT_EQ(evidence::freeze(*thawed), text);
  const report::Document later = judge_frozen(catalogue, *thawed, all_rules);
  EXPECT_EQ(verdicts(later).dump(), verdicts(document).dump());
}

std::vector<fs::path> sample_dumps() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kSamples))
    if (entry.path().extension() == ".dmp") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(Facts, OfTheSamples) {
  Analyzer bare(rules::builtin_catalogue(), {});
  Analyzer named(rules::builtin_catalogue(),
                 {{(kSamples / "symbols").string(), memory::Origin::image}});
  std::size_t analysed = 0;
  for (const fs::path& path : sample_dumps())
    for (Analyzer* analyzer : {&bare, &named})
      for (const bool all_rules : {false, true}) {
        SCOPED_TRACE(path.filename().string());
        Options options;
        options.all_rules = all_rules;
        const report::Document document = analyzer->analyze(path.string(), options);
        if (document.error) continue;
        ++analysed;
        expect_known_fields(document);
        expect_honest_coverage(document);
        expect_same_when_thawed(analyzer->catalogue(), document, all_rules);
      }
  EXPECT_GE(analysed, 28u);
}

TEST(Facts, OfRealDumps) {
  if (!fs::exists(kCorpus / "MANIFEST.tsv")) GTEST_SKIP() << "skipped: no folder of real dumps";
  Analyzer analyzer(rules::builtin_catalogue(), {});
  std::ifstream manifest(kCorpus / "MANIFEST.tsv");
  std::size_t analysed = 0;
  for (std::string line; std::getline(manifest, line);) {
    const std::string path = line.substr(0, line.find('\t'));
    if (line.find("\tMDMP\t") == std::string::npos && line.find("\tPAGEDU") == std::string::npos)
      continue;
    SCOPED_TRACE(path);
    const report::Document document = analyzer.analyze((kCorpus / path).string(), {});
    if (document.error) continue;
    ++analysed;
    expect_known_fields(document);
    expect_honest_coverage(document);
    expect_same_when_thawed(analyzer.catalogue(), document, false);
  }
  EXPECT_GT(analysed, 100u);
}

system::ThreadState waiting_thread(std::uint64_t object) {
  system::ThreadState thread;
  thread.id = std::to_string(object);
  thread.object = object;
  return thread;
}

// Threads 1 and 2 in a cycle, 3 waits for a lock that 4 holds, 5 for an event, 6 for nothing.
system::Snapshot waiting_machine() {
  system::Snapshot snapshot;
  snapshot.kernel = true;
  snapshot.stop.kind = system::StopKind::bugcheck;
  snapshot.stop.code = 0xA;
  for (std::uint64_t object = 6; object > 0; --object)
    snapshot.threads.push_back(waiting_thread(object));
  auto& waits = snapshot.waits;
  for (std::uint64_t object = 1; object <= 5; ++object)
    waits.add({"thread:" + std::to_string(object), system::WaitKind::thread, object, "", ""});
  for (const char* name : {"a", "b", "c"}) waits.add({name, system::WaitKind::resource, 0, "", ""});
  waits.add({"e", system::WaitKind::event, 0, "", ""});
  constexpr auto kHeld = system::WaitRelation::held_by;
  waits.connect({.from = 2, .to = 7});
  waits.connect({.from = 7, .to = 3, .relation = kHeld});
  waits.connect({.from = 4, .to = 8});
  waits.connect({.from = 0, .to = 5});
  waits.connect({.from = 5, .to = 1, .relation = kHeld});
  waits.connect({.from = 1, .to = 6});
  waits.connect({.from = 6, .to = 0, .relation = kHeld});
  waits.cycles = {{{0, 5, 1, 6}, system::WaitTrust::read, false}};
  return snapshot;
}
std::vector<std::uint64_t> objects(const system::Snapshot& snapshot) {
  std::vector<std::uint64_t> found;
  for (const std::size_t i : waiting_threads(snapshot)) found.push_back(snapshot.threads[i].object);
  return found;
}

TEST(WaitingThreads, CyclesFirstThenLocksAndInAHangAll) {
  system::Snapshot snapshot = waiting_machine();
  EXPECT_EQ(objects(snapshot), (std::vector<std::uint64_t>{1, 2, 3, 4}));
  snapshot.stop.code = 0xE2;
  EXPECT_EQ(objects(snapshot), (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
}

TEST(WaitingThreads, AreCutInHostileGraphs) {
  system::Snapshot snapshot = waiting_machine();
  for (std::uint64_t object = 10; object < 2000; ++object) {
    snapshot.threads.push_back(waiting_thread(object));
    snapshot.waits.add({"t" + std::to_string(object), system::WaitKind::thread, object, "", ""});
    snapshot.waits.connect({.from = snapshot.waits.nodes.size() - 1, .to = 7});
  }
  snapshot.waits.edges.push_back({.from = 1u << 30, .to = 1u << 30});
  snapshot.waits.cycles.push_back({{1u << 30}, system::WaitTrust::read, false});
  EXPECT_EQ(waiting_threads(snapshot).size(), 512u);
}

} // namespace
} // namespace dumptriage::pipeline
