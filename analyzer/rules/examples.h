// Examples of rules, in `<rule file>.examples.yaml` beside the rule: the facts of whole machines
// and the verdict that the rule must give.  `rules test` runs them.
//
//   schema: dumptriage.examples/1
//   rule: q243478
//   examples:
//     - name: affected
//       expect: confirmed
//       facts:
//         - {kind: stop, stop_kind: bugcheck, code: 0xA, normalized: 0xA, p1: 0xFC, p2: 0x2, p3:
//         0x0, p4: 0xF86D147A}
//         - {kind: module, name: netbt.sys, base: 0xF86D1000, size: 0x1E000, timestamp: 0x37F0A000}
//       partial: {frame: the stack beyond frame 3}   # coverage; every other kind is complete
//     - name: near miss
//       like: affected
//       replace: {kind: parameter, number: 1}        # exactly one fact of `affected`
//       with: {value: 0xFD}                          # fields that change; `remove: true` drops it
//       expect: likely
//
// `kind` is the kind of the fact; the field `kind` of the fact `stop` is written `stop_kind`, and
// may be left out beside a code (then it is "bugcheck").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "evidence/facts.h"
#include "rules/rules.h"

namespace dumptriage::rules {

struct Example {
  std::string name;
  Verdict expect = Verdict::no_match;
  evidence::FactSet facts;
  bool near_miss = false; // made of another one by changing one fact
  Where where;            // in the file
};
struct ExampleFile {
  std::string file, rule;
  std::vector<Example> examples;
  std::vector<Error> errors;
};
ExampleFile load_examples(const std::string& file, std::string_view text);
// Every *.examples.yaml of a folder, or beside one rule file.
Result<std::vector<RuleText>> read_example_files(const std::string& path);

struct ExampleResult {
  std::string rule, example, file;
  Verdict expected{}, got{};
  bool passed = false;
  std::string why; // when not passed: what the explanation says
};
std::vector<ExampleResult> run_examples(const Catalogue& catalogue,
                                        const std::vector<ExampleFile>& files);

} // namespace dumptriage::rules
