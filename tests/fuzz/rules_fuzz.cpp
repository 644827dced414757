// A rule file of a stranger: it loads or it gives errors with a place, and what loads can be
// judged.  The input is tried as it is, and as conditions inside a rule that is sound around them.
// What the quick reader of YAML accepts, LLVM's parser must read the same way.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "rules/examples.h"
#include "rules/rules.h"
#include "rules/yaml_limits.h"
#include "rules/yaml_tree.h"

namespace {

using namespace dumptriage;

void compare_readers(const std::string& text) {
  if (rules::refuse_text("fuzz.yaml", text)) return;
  const auto quick = rules::read_plain_yaml(text);
  if (!quick || rules::refuse_nesting("fuzz.yaml", text)) return;
  std::vector<Error> errors;
  const auto thorough = rules::read_llvm_yaml("fuzz.yaml", text, errors);
  if (!thorough || quick->nodes.size() != thorough->nodes.size()) std::abort();
  if (quick->places != thorough->places) std::abort();
  for (std::uint32_t i = 0; i < quick->nodes.size(); ++i) {
    const rules::YamlNode &a = quick->nodes[i], &b = thorough->nodes[i];
    if (a.kind != b.kind || a.end != b.end) std::abort();
    if (quick->view().text(i) != thorough->view().text(i)) std::abort();
  }
}

// Examples of a stranger: they load, or give errors.
void run_as_examples(const rules::Catalogue& catalogue, const std::string& text) {
  const rules::ExampleFile file = rules::load_examples("fuzz.examples.yaml", text);
  if (file.examples.empty() && file.errors.empty()) std::abort();
  rules::run_examples(catalogue, {file});
}

void run(const std::string& text) {
  compare_readers(text);
  rules::Catalogue catalogue = rules::load({{"fuzz.yaml", text}});
  if ((catalogue.size() == 0) == catalogue.errors.empty()) std::abort();
  for (const Error& error : catalogue.errors)
    if (error.where.space != Space::text || error.where.at == 0 || error.why.empty()) std::abort();
  rules::lint(catalogue);
  evidence::FactSet facts;
  evidence::Fact module;
  module.kind = "module";
  module.fields["name"] = std::string("netbt.sys");
  module.fields["timestamp"] = std::uint64_t{938634540};
  facts.facts.push_back(module);
  for (const auto& match : rules::judge(catalogue, facts, true))
    if (match.verdict == rules::Verdict::confirmed) std::abort(); // nothing was shown
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  run(text);
  static const rules::Catalogue none = rules::load({});
  run_as_examples(none, text);
  run_as_examples(none,
                  "schema: dumptriage.examples/1\nrule: a\nexamples:\n  - name: n\n    expect: "
                  "possible\n    facts:\n      - " +
                      text);
  run("schema: dumptriage.rule/1\nid: a\ntitle: t\nfix:\n  files: [{file: netbt.sys, built: "
      "1999-09-29}]\n"
      "require:\n  - " +
      text);
  return 0;
}
