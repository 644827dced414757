#include "report/text_parts.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::report::text {
namespace {

constexpr std::size_t kMostNotes = 20;

std::string state_of(const std::string& state, const std::string& origin) {
  if (state.empty()) return "-";
  return origin == "sibling" ? state + " *" : state;
}

// What lies beside a dump is used, but a stranger may have put it there.
void siblings(Paper& paper, const Document& d) {
  for (const ModuleRow& row : d.modules) {
    if (row.image_origin != "sibling" && row.symbols_origin != "sibling") continue;
    paper.paragraph("* found beside the dump, marked sibling: such files prove nothing. If you "
                    "trust them, name their folder with --images or --symbols.",
                    2, 2);
    return;
  }
}

void wanted(Paper& paper, const Document& d) {
  if (d.wanted.empty()) return;
  paper.heading("To know more, supply");
  std::size_t name_width = 0, id_width = 0;
  for (const Wanted& row : d.wanted) {
    name_width = std::min<std::size_t>(std::max(name_width, width_of(flat(row.name))), 32);
    id_width = std::min<std::size_t>(std::max(id_width, width_of(flat(row.id))), 41);
  }
  bool image = false, symbols = false;
  for (const Wanted& row : d.wanted) {
    (row.kind == "image" ? image : symbols) = true;
    paper.line(fmt::format("  {:<5}  {}  {}  {}", row.kind, padded(flat(row.name), name_width),
                           padded(flat(row.id), id_width), flat(row.why)));
  }
  const Wanted& first = d.wanted.front();
  paper.line(fmt::format("  then: dumptriage analyze {}{}{}", flat(d.dump.path),
                         image ? " --images FOLDER" : "", symbols ? " --symbols FOLDER" : ""));
  if (!first.id.empty())
    paper.paragraph(fmt::format("(any folder that holds the files, or a symbol store: "
                                "FOLDER/{0}/{1}/{0})",
                                flat(first.name), flat(first.id)),
                    2, 2, Ink::dim);
}

void notes(Paper& paper, const Document& d) {
  std::size_t count = 0;
  for (const Note& note : d.notes) {
    if (note.severity == Severity::info) continue;
    if (count == 0) paper.heading("What could not be read");
    if (++count > kMostNotes) continue;
    std::string text = note.message;
    if (note.where.space != Space::none) text += " (" + note.where.to_string() + ")";
    paper.paragraph("- " + text, 2, 2);
  }
  if (count > kMostNotes)
    paper.line(fmt::format("  ... {} more in the JSON report", count - kMostNotes), Ink::dim);
}

// When a dump says next to nothing, the next one should say more.
void collect_next(Paper& paper, const Document& d) {
  bool kernel = d.dump.format == "kernel";
  bool walked = std::any_of(d.threads.begin(), d.threads.end(),
                            [](const ThreadRow& row) { return row.sure_frames > 0; });
  if (walked || d.dump.format.empty()) return;
  paper.heading("What to collect next");
  if (kernel)
    paper.paragraph(
        "This dump gives no stack. Set the machine to write a kernel memory dump (System "
        "Properties, Startup and Recovery), and keep the next MEMORY.DMP and the newest "
        "file of %SystemRoot%\\Minidump.",
        2);
  else
    paper.paragraph(
        "This dump gives no stack. Let Windows Error Reporting keep full dumps of the "
        "program (registry key LocalDumps, DumpType 2), or take one at the moment of the "
        "crash.",
        2);
}

} // namespace

void modules(Paper& paper, const Document& d, const TextOptions& options) {
  std::vector<const ModuleRow*> rows;
  std::size_t name_width = 6, version_width = 7;
  for (const ModuleRow& row : d.modules) {
    if (!row.matters && !options.all_modules) continue;
    rows.push_back(&row);
    name_width = std::min<std::size_t>(std::max(name_width, width_of(flat(row.name))), 32);
    version_width = std::min<std::size_t>(std::max(version_width, width_of(row.version)), 20);
  }
  if (rows.empty()) return;
  paper.heading(options.all_modules ? fmt::format("Modules ({})", rows.size())
                                    : fmt::format("Modules that matter ({} of {} loaded)",
                                                  rows.size(), d.modules.size()));
  paper.line(fmt::format("  {}  {}  {}  {:<8}  {:<10}  {}", padded("module", name_width),
                         padded("version", version_width),
                         padded("base", d.pointer_size == 4 ? 10 : 18), "stamp", "image",
                         "symbols"),
             Ink::dim);
  for (const ModuleRow* row : rows)
    paper.line(fmt::format("  {}  {}  {}  {:<8}  {:<10}  {}",
                           padded(row->name.empty() ? "-" : flat(row->name), name_width),
                           padded(row->version.empty() ? "-" : flat(row->version), version_width),
                           hex_address(row->base, d.pointer_size),
                           row->timestamp == 0 ? "-" : fmt::format("{:08X}", row->timestamp),
                           state_of(row->image, row->image_origin),
                           state_of(row->symbols, row->symbols_origin)));
  siblings(paper, d);
}

void missing(Paper& paper, const Document& d) {
  notes(paper, d);
  wanted(paper, d);
  if (!d.error) collect_next(paper, d);
}

} // namespace dumptriage::report::text
