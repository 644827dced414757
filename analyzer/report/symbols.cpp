#include "report/json_parts.h"
#include "report/paper.h"
#include "symbols/store_key.h"

#include <fmt/format.h>

namespace dumptriage::report {
namespace {

std::string dash(const std::string& text) { return text.empty() ? "-" : flat(text); }

void detail(Paper& paper, const char* what, const std::string& state, const std::string& origin,
            const std::string& path, const std::string& why) {
  if (state.empty() || state == "not found" || state == "memory" || (path.empty() && why.empty()))
    return;
  std::string text = fmt::format("{} {}: {}", what, state == "file" ? "found" : state, path);
  if (!why.empty()) text += (path.empty() ? "" : ", ") + why;
  if (origin == "sibling") text += " (sibling: beside the dump, proves nothing)";
  paper.paragraph(text, 6, 2, Ink::dim);
}

} // namespace

std::string symbols_table(const Document& d, bool colour) {
  Paper paper(colour);
  if (d.error) {
    paper.line("Cannot be analysed: " + flat(d.error->message()), Ink::bad);
    return paper.text();
  }
  std::vector<Paper::Row> rows;
  std::size_t images = 0, symbols = 0;
  for (const ModuleRow& row : d.modules) {
    images += row.image == "file";
    symbols += row.symbols == "pdb" || row.symbols == "dbg" || row.symbols == "breakpad";
    rows.push_back({dash(row.name), dash(row.image_id), dash(row.image), dash(row.debug_id),
                    dash(row.symbols)});
  }
  paper.line(fmt::format("{} modules: {} images and {} symbol files found", d.modules.size(),
                         images, symbols),
             Ink::bold);
  if (rows.empty()) return paper.text();
  paper.blank();
  paper.table(
      {{"module", 32}, {"image id", 18}, {"image", 10}, {"symbols id", 42}, {"symbols", 10}}, rows);
  bool headed = false;
  for (const ModuleRow& row : d.modules) {
    Paper details(colour);
    detail(details, "image", row.image, row.image_origin, row.image_path, row.image_why);
    detail(details, "symbols", row.symbols, row.symbols_origin, row.symbols_path, row.symbols_why);
    if (details.text().empty()) continue;
    if (!headed) paper.heading("Files at hand");
    headed = true;
    paper.paragraph(row.name, 2);
    paper.raw(details.text());
  }
  return paper.text();
}

std::string symbols_json(const Document& d) {
  using namespace json;
  Json j;
  j["schema"] = "dumptriage.symbols/1";
  j["dump"] = {{"path", d.dump.path}};
  Json modules = Json::array();
  for (const ModuleRow& row : d.modules) {
    Json image, symbols;
    put(image, "id", row.image_id);
    image["result"] = row.image.empty() ? "not found" : row.image;
    put(image, "origin", row.image_origin);
    put(image, "path", row.image_path);
    put(image, "why", row.image_why);
    put(symbols, "file", row.debug_file);
    put(symbols, "id", row.debug_id);
    symbols["result"] = row.symbols.empty() ? "not found" : row.symbols;
    put(symbols, "origin", row.symbols_origin);
    put(symbols, "path", row.symbols_path);
    put(symbols, "why", row.symbols_why);
    Json module;
    module["name"] = row.name;
    module["image"] = std::move(image);
    module["symbols"] = std::move(symbols);
    modules.push_back(std::move(module));
  }
  j["modules"] = std::move(modules);
  Json wanted = Json::array();
  for (const Wanted& row : d.wanted) {
    symbols::StorePlace place = symbols::place_of(row.kind, row.name, row.id);
    wanted.push_back({{"kind", row.kind},
                      {"name", row.name},
                      {"id", row.id},
                      {"path", symbols::slot_path(place.slot, place.key)},
                      {"why", row.why}});
  }
  j["wanted"] = std::move(wanted);
  if (d.error) j["error"] = {{"code", name_of(d.error->code)}, {"message", d.error->message()}};
  return j.dump(2, ' ', false, Json::error_handler_t::replace);
}

} // namespace dumptriage::report
