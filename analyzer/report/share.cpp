#include "report/document.h"
#include "report/paper.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace dumptriage::report {
namespace {

constexpr std::size_t kUncut = std::numeric_limits<std::size_t>::max();

std::string verdict_of(const std::string& kb, const std::string& verdict) {
  if (verdict.empty()) return "-";
  return kb.empty() ? verdict : kb + " " + verdict;
}

std::string dash(const std::string& text) { return text.empty() ? "-" : flat(text); }

// The end of a path says more than its start.
std::string path_cell(const std::string& path, std::size_t most) {
  std::string text = flat(path);
  std::size_t width = width_of(text);
  if (width <= most) return text;
  std::size_t at = 0;
  for (std::size_t skip = width - most + 3; skip > 0 && at < text.size(); --skip) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return fmt::format("...{}", std::string_view(text).substr(at));
}

} // namespace

std::string share_table(const ShareDocument& share, bool colour, bool whole) {
  Paper paper(colour);
  auto most = [whole](std::size_t width) { return whole ? kUncut : width; };
  const std::size_t kPath = most(48);
  std::vector<std::vector<std::string>> rows;
  for (const ShareRow& row : share.rows) {
    if (row.failed)
      rows.push_back(
          {path_cell(row.path, kPath),
           (row.stop.empty() ? "" : row.stop + "; ") + "cannot be analysed: " + flat(row.error),
           "-", "-"});
    else
      rows.push_back({path_cell(row.path, kPath), dash(row.stop), dash(row.blame),
                      verdict_of(row.kb, row.verdict)});
  }
  if (!rows.empty())
    paper.table(
        {{"dump", kPath}, {"stopped by", most(56)}, {"blamed", most(32)}, {"verdict", most(32)}},
        rows);
  return paper.text();
}

std::string share_summary(const ShareDocument& share, bool colour, bool whole) {
  Paper paper(colour);
  auto most = [whole](std::size_t width) { return whole ? kUncut : width; };
  paper.line(fmt::format("{} dump{} analysed, {} could not be, {} other file{}", share.analysed,
                         share.analysed == 1 ? "" : "s", share.failed, share.other_files,
                         share.other_files == 1 ? "" : "s"),
             Ink::bold);
  std::vector<std::vector<std::string>> rows;
  for (const KbRow& row : share.kbs)
    rows.push_back({std::to_string(row.count), dash(row.kb), dash(row.verdict), dash(row.title)});
  paper.blank();
  if (rows.empty())
    paper.line("No known issue was confirmed or likely.");
  else
    paper.table(
        {{"dumps"}, {"known issue", most(24)}, {"best verdict", most(16)}, {"title", most(60)}},
        rows);
  rows.clear();
  for (const BucketRow& row : share.buckets)
    rows.push_back({std::to_string(row.count), dash(row.title), verdict_of(row.kb, row.verdict),
                    path_cell(row.first_path, most(40)), flat(row.key)});
  if (rows.empty()) return paper.text();
  paper.blank();
  paper.table({{"dumps"},
               {"bucket", most(60)},
               {"verdict", most(24)},
               {"first of them", most(40)},
               {"key", most(64)}},
              rows);
  return paper.text();
}

} // namespace dumptriage::report
