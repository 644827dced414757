// Facts from files: dumps, which are analysed, and frozen facts, one document or one a line.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/cli.h"
#include "evidence/freeze.h"

namespace dumptriage::cli {

class Judged {
public:
  // Nothing after a message on stderr when a folder or rule path is missing.
  static std::optional<Judged> open(const Common& common);

  // A document with verdicts and the facts that they rest on; false: no more are wanted.
  using Take = std::function<bool(report::Document document, const evidence::FactSet& facts)>;
  // False after a message on stderr when the file, or part of it, could not be read.
  bool each(const std::string& path, const Take& take) const;
  const rules::Catalogue& catalogue() const { return analyzer_->catalogue(); }

private:
  bool judge(const evidence::FrozenFacts& frozen, const Take& take) const;
  bool each_frozen(const std::string& path, std::string_view text, const Take& take) const;

  std::unique_ptr<pipeline::Analyzer> analyzer_;
  pipeline::Options options_;
};

} // namespace dumptriage::cli
