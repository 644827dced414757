// status_text: {image: winlogon.exe, status: 0xC0000005}.  What a stop C000021A, C0000221 or
// C0000143 names.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "rules/conditions/arguments.h"
#include "rules/conditions/condition.h"
#include "rules/conditions/facts_in_words.h"
#include "rules/conditions/function_names.h"

namespace dumptriage::rules {
namespace {

class StatusText : public Condition {
public:
  StatusText(ModuleNames images, std::vector<std::uint32_t> statuses)
      : images_(std::move(images)), statuses_(std::move(statuses)) {
    std::vector<std::string> words;
    if (!images_.empty()) words.push_back(images_.written());
    if (!statuses_.empty()) words.push_back(statuses_in_words(statuses_));
    condition_ = "the stop names " + join(words, "and");
  }

  Finding judge(const FactView& facts) const override {
    Search search;
    for (const evidence::Fact* fact : facts.of_kind("status_text")) {
      const std::string_view image = text_of(*fact, "image");
      const auto status = fact->number("status");
      Keys keys;
      if (!images_.empty()) keys.add(!image.empty(), names(image));
      if (!statuses_.empty())
        keys.add(status.has_value(),
                 std::ranges::find(statuses_, static_cast<std::uint32_t>(status.value_or(0))) !=
                     statuses_.end());
      keys.doubt(doubt_about_fact(*fact));
      if (search.add(*fact, keys, [&] {
            return fmt::format("the stop names {} and {}", image.empty() ? "no image" : image,
                               status ? status_in_words(static_cast<std::uint32_t>(*status))
                                      : "no status");
          }))
        break;
    }
    return std::move(search).result(condition_, facts, {"status_text"},
                                    "the stop names nothing of this",
                                    "what the stop names is known in part only");
  }

  void needs(Needs& needs) const override { needs.push_back({NeedKind::fact, {"status_text"}}); }
  unsigned weight() const override { return 4; }

private:
  // With or without its folder.
  bool names(std::string_view image) const { return images_.match(base_name(image)); }

  ModuleNames images_;
  std::vector<std::uint32_t> statuses_;
  std::string condition_;
};

} // namespace

ConditionPtr read_status_text(YamlReader& yaml, const RuleContext&) {
  ModuleNames images;
  std::vector<std::uint32_t> statuses;
  yaml.fields("status_text", {{"image", false, [&] { images.read(yaml); }},
                              {"status", false, [&] { read_statuses(yaml, statuses); }}});
  if (images.empty() && statuses.empty()) {
    if (yaml.kind() == YamlReader::Kind::map)
      yaml.error("status_text: expected 'image' or 'status'");
    return nullptr;
  }
  return std::make_shared<StatusText>(std::move(images), std::move(statuses));
}

} // namespace dumptriage::rules
