#include "rules/conditions/pool_tags.h"

#include <algorithm>

#include <fmt/format.h>

namespace dumptriage::rules {

void read_tags(YamlReader& yaml, std::vector<std::string>& to) {
  constexpr std::string_view kExpected = "a pool tag of one to four characters such as TMRL";
  yaml.each(kExpected, [&] {
    auto tag = yaml.text(kExpected);
    if (!tag) return;
    if (tag->size() > 4) return yaml.error(fmt::format("expected {}, found '{}'", kExpected, *tag));
    to.push_back(std::move(*tag));
  });
}

bool matches_tag(const std::vector<std::string>& tags, std::string_view found) {
  while (!found.empty() && (found.back() == ' ' || found.back() == '\0')) found.remove_suffix(1);
  return std::ranges::find(tags, found) != tags.end();
}

} // namespace dumptriage::rules
