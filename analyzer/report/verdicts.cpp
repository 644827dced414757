#include "report/verdicts.h"

#include <fmt/format.h>

#include "report/json_parts.h"
#include "report/text_parts.h"

namespace dumptriage::report {

std::string verdicts_json(const Document& document, int indent) {
  using json::Json;
  Json all;
  all["schema"] = "dumptriage.verdicts/1";
  Json tool;
  tool["name"] = document.tool.name;
  tool["version"] = document.tool.version;
  tool["rules"] = {{"count", document.tool.rules_count}, {"digest", document.tool.rules_digest}};
  all["tool"] = std::move(tool);
  Json dump;
  dump["path"] = document.dump.path;
  json::put(dump, "id", document.dump.id);
  all["dump"] = std::move(dump);
  json::put_object(all, "recommendation", json::recommendation_of(document));
  all["matches"] = json::matches_of(document);
  all["notes"] = json::notes_of(document);
  return all.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string verdicts_text(const Document& document, bool colour) {
  Paper paper(colour);
  text::verdict(paper, document);
  return paper.text();
}

std::string explained(const MatchRow& match, bool colour) {
  Paper paper(colour);
  text::explain(paper, match);
  return paper.text();
}

} // namespace dumptriage::report
