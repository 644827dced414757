// A rule file of a stranger: it loads or it gives errors with a place, and what loads can be
// judged. The input is tried as it is, and as conditions inside a rule that is sound around them.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "rules/rules.h"

namespace {

void run(const std::string& text) {
  using namespace dumptriage;
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
  run("schema: dumptriage.rule/1\nid: a\ntitle: t\nfix:\n  files: [{file: netbt.sys, built: "
      "1999-09-29}]\n"
      "require:\n  - " +
      text);
  return 0;
}
