#include "matrix/matrix.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "report/document.h"
#include "samples/samples.h"

namespace dumptriage::matrix {
namespace {

bool allows(const std::string& expected, const std::string& verdict) {
  return ("|" + expected + "|").find("|" + verdict + "|") != std::string::npos;
}

struct Score {
  int cells = 0, wrong = 0, gaps = 0, wrong_confirmed = 0, wrong_refuted = 0;
};

std::string cell(const Row& row, const std::string& kb, const Expected& expected, std::size_t level,
                 Score& score) {
  const std::string allowed = expected.verdict[level];
  const std::string verdict = judged(kb, row.make(expected.state, kLevels[level]));
  ++score.cells;
  if (allows(allowed, verdict)) return verdict;
  for (const Gap& gap : row.gaps)
    if (gap.state == expected.state && gap.verdict[level] && verdict == gap.verdict[level] &&
        verdict != "confirmed" && verdict != "refuted") {
      ++score.gaps;
      return verdict + " (gap)";
    }
  ++score.wrong;
  score.wrong_confirmed += verdict == "confirmed";
  score.wrong_refuted += verdict == "refuted";
  ADD_FAILURE() << kb << ", " << row.system << ", " << row.kind << ", " << name_of(expected.state)
                << ", symbols " << level << ": " << verdict << ", and the article allows "
                << allowed << " (" << expected.why << ")";
  return verdict + " (!)";
}

} // namespace

const char* name_of(State state) {
  switch (state) {
  case State::affected: return "affected";
  case State::fixed: return "already fixed";
  case State::edition: return "wrong edition";
  case State::os: return "wrong OS";
  case State::other: return "another function";
  case State::paged_out: return "data paged out";
  }
  return "";
}

std::string judged(const std::string& kb, const Made& made) {
  samples::TemporaryFolder folder;
  for (const auto& [name, bytes] : made.symbols) folder.add(name, bytes);
  pipeline::Analyzer analyzer(rules::builtin_catalogue(), {{folder.path(), memory::Origin::image}});
  pipeline::Options options;
  options.all_rules = true;
  options.threads = pipeline::Threads::all;
  const report::Document document = analyzer.analyze(
      MappedFile::borrow(ByteView(made.dump.data(), made.dump.size()), "matrix.dmp"), options);
  // A cut copy may be no more than described; it is judged all the same.
  if (const char* folder_of_dumps = std::getenv("DUMPTRIAGE_MATRIX_OUT")) {
    static int number = 0; // for people who want to look into a cell
    samples::write(fmt::format("{}/{}-{:04}.dmp", folder_of_dumps, kb, number++), made.dump);
  }
  const std::string verdict = samples::verdict(document, kb);
  return verdict == "none" || verdict == "not_applicable" || verdict == "no_match"
             ? "not applicable"
             : verdict;
}

void run(const std::string& kb, const std::vector<Row>& rows) {
  Score score;
  std::string text =
      fmt::format("\n{:<10} {:<22} {:<9} {:<17} {:<16} {:<16} {:<16} {:<16}\n", kb, "system",
                  "dump", "state", "full", "publics", "exports only", "none");
  for (const Row& row : rows)
    for (State state : kStates) {
      text += fmt::format("{:<10} {:<22} {:<9} {:<17}", "", row.system, row.kind, name_of(state));
      const auto expected = std::ranges::find(row.expected, state, &Expected::state);
      for (std::size_t level = 0; level < kLevels.size(); ++level)
        text += fmt::format(" {:<16}", expected == row.expected.end()
                                           ? "n/a"
                                           : cell(row, kb, *expected, level, score));
      while (text.back() == ' ') text.pop_back();
      text += '\n';
    }
  text += fmt::format("{:<10} {} cells, {} as the article allows, {} known gaps; wrong confirmed "
                      "{}, wrong refuted {}\n",
                      "", score.cells, score.cells - score.wrong - score.gaps, score.gaps,
                      score.wrong_confirmed, score.wrong_refuted);
  for (const Row& row : rows)
    for (const Gap& gap : row.gaps)
      text += fmt::format("{:<10} gap: {}, {}, {}: {}\n", "", row.system, row.kind,
                          name_of(gap.state), gap.why);
  std::fputs(text.c_str(), stdout);
  EXPECT_EQ(score.wrong_confirmed, 0);
  EXPECT_EQ(score.wrong_refuted, 0);
}

} // namespace dumptriage::matrix
