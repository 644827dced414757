#include "catalogue/folder.h"

#include <cstdlib>

namespace dumptriage::rules::test {

RuleFolder read_rule_folder(const std::string& path) {
  RuleFolder folder;
  if (auto texts = read_rule_files(path))
    folder.catalogue = load(*texts);
  else
    folder.errors.push_back(texts.error());
  if (auto texts = read_example_files(path)) {
    for (const RuleText& text : *texts)
      folder.examples.push_back(load_examples(text.name, text.text));
  } else {
    folder.errors.push_back(texts.error());
  }
  return folder;
}

const RuleFolder& signatures() {
  static const RuleFolder folder = [] {
    const char* other = std::getenv("DUMPTRIAGE_RULES_DIR");
    return read_rule_folder(other ? other : DUMPTRIAGE_SOURCE_DIR "/signatures");
  }();
  return folder;
}

std::string first_lines(const std::vector<std::string>& lines, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < lines.size() && i < most; ++i) text += lines[i] + "\n";
  if (lines.size() > most) text += "... and " + std::to_string(lines.size() - most) + " more\n";
  return text;
}

} // namespace dumptriage::rules::test
