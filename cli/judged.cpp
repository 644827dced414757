#include "cli/judged.h"

#include <fmt/format.h>

#include "base/mapped_file.h"
#include "base/text.h"
#include "pipeline/judge.h"

namespace dumptriage::cli {
namespace {

// Facts are JSON, and no dump begins with a brace.
bool is_facts(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

} // namespace

std::optional<Judged> Judged::open(const Common& common) {
  Judged judged;
  judged.analyzer_ = common.make_analyzer();
  if (!judged.analyzer_) return std::nullopt;
  judged.options_ = common.options();
  judged.options_.judge = false; // by judge_frozen(), for dumps as well
  return judged;
}

bool Judged::each(const std::string& path, const Take& take) const {
  auto file = MappedFile::open(path);
  if (file && is_facts((*file)->bytes().chars()))
    return each_frozen(path, (*file)->bytes().chars(), take);
  bool good = true;
  analyzer_->analyze_each(path, options_, [&](report::Document document) {
    if (!document.error) return judge(pipeline::frozen_facts(document), take);
    good = false;
    complain_of(document.dump.path, *document.error);
    return true;
  });
  return good;
}

bool Judged::judge(const evidence::FrozenFacts& frozen, const Take& take) const {
  return take(pipeline::judge_frozen(catalogue(), frozen, options_.all_rules), frozen.facts);
}

bool Judged::each_frozen(const std::string& path, std::string_view text, const Take& take) const {
  const std::string shown = utf8_from_ansi(path);
  // Documents stand one a line; a file whose first line is none may be one spread over lines.
  auto first = evidence::thaw(shown, text.substr(0, text.find('\n')));
  if (!first) {
    auto whole = evidence::thaw(shown, text);
    if (whole) return judge(*whole, take), true;
    if (text.find('\n') == std::string_view::npos || whole.error().code != first.error().code) {
      complain(whole.error().message());
      return false;
    }
  }
  bool good = true;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto frozen = number == 1 && first
                      ? std::move(first)
                      : evidence::thaw(fmt::format("{} line {}", shown, number), line);
    if (!frozen) {
      good = false;
      complain(frozen.error().message());
    } else if (!judge(*frozen, take)) {
      break;
    }
  }
  return good;
}

} // namespace dumptriage::cli
