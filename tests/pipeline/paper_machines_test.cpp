// Dumps of Alpha and Itanium through the whole pipeline: what is not settled is said in the JSON.
#include <gtest/gtest.h>

#include "dump/paper_samples.h"
#include "pipeline/analyze.h"

namespace dumptriage::pipeline {
namespace {

std::string json_of(const synth::Bytes& bytes) {
  static Analyzer analyzer(rules::load(rules::builtin_rule_texts()), {});
  const report::Document document = analyzer.analyze(
      MappedFile::borrow(ByteView(bytes.data(), bytes.size()), "paper.dmp"), Options{});
  return report::to_json(document);
}

bool says(const std::string& json, std::string_view part) {
  return json.find(part) != std::string::npos;
}

TEST(PaperMachines, WhatProvesTheTranslationIsTold) {
  const std::string alpha = json_of(write_alpha_pagedump(tests::alpha_machine()));
  EXPECT_TRUE(says(alpha, "\"nt4\""));
  EXPECT_TRUE(says(alpha, "first.sys"));
  EXPECT_TRUE(says(alpha, "virtual memory of alpha: 80000000 ... BFFFFFFF is the first gigabyte"));
  EXPECT_TRUE(says(alpha, "this dump proves that"));
  const std::string itanium = json_of(write_ia64_pagedu64(tests::ia64_machine()));
  EXPECT_TRUE(says(itanium, "netbt.sys"));
  EXPECT_TRUE(says(itanium, "this dump proves that"));
}

TEST(PaperMachines, WhatIsUndecidedIsTold) {
  synth::Bytes bytes = write_alpha_pagedump(tests::alpha_machine());
  synth::put32(bytes, 0x18, 0);
  EXPECT_TRUE(says(json_of(bytes), "only physical memory is read"));
  EXPECT_TRUE(says(json_of(write_ia64_pagedu64(tests::ia64_machine(), {.tables = false})),
                   "what else is mapped is undecided"));
  synth::Ia64TriageStore store;
  store.limit = synth::Ia64TriageStore::Limit::none;
  store.thread = false;
  EXPECT_TRUE(says(json_of(write_ia64_triage(tests::ia64_machine(), store)),
                   "register backing store: undecided"));
}

} // namespace
} // namespace dumptriage::pipeline
