// Every real dump of the shared folder through the whole pipeline, against the folder's manifest
// (written by another program).  Prints the table.  Skipped where the folder is missing.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pipeline/analyze.h"
#include "synth/schema.h"

namespace dumptriage::pipeline {
namespace {

const std::string kCorpus = std::string(DUMPTRIAGE_SHARED_DIR) + "/corpus/";

struct Row {
  std::string path, kind, arch, os, event;
  bool malformed() const {
    return path.starts_with("malformed/") || event.find("BAD:") != std::string::npos;
  }
  bool minidump() const { return kind == "MDMP"; }
};

std::vector<Row> manifest() {
  std::vector<Row> rows;
  std::ifstream in(kCorpus + "MANIFEST.tsv");
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> column;
    std::stringstream stream(line);
    for (std::string part; std::getline(stream, part, '\t');) column.push_back(part);
    if (column.size() < 7) continue;
    bool kernel = column[3].starts_with("PAGEDU"); // PAGEDUMP, PAGEDU64
    if (column[3] == "MDMP" || kernel)
      rows.push_back({column[0], column[3], column[4], column[5], column[6]});
  }
  return rows;
}

std::optional<std::string> field(const std::string& event, const char* pattern) {
  std::smatch match;
  if (!std::regex_search(event, match, std::regex(pattern))) return std::nullopt;
  return match[1].str();
}

std::optional<std::uint64_t> number(const std::string& event, const char* pattern) {
  auto text = field(event, pattern);
  if (!text) return std::nullopt;
  return std::stoull(*text, nullptr, text->starts_with("0x") ? 16 : 10);
}

void expect_user_answers(const Row& row, const nlohmann::json& json) {
  if (auto code = number(row.event, "exception (0x[0-9a-f]+)"))
    EXPECT_EQ(json["crash"].value("code", ""), fmt::format("0x{:08X}", *code)) << row.path;
  if (auto address = number(row.event, " at (0x[0-9a-f]+)")) {
    ASSERT_TRUE(json["crash"].contains("exception")) << row.path;
    EXPECT_EQ(std::stoull(json["crash"]["exception"]["address"].get<std::string>(), nullptr, 16),
              *address)
        << row.path;
  }
  if (auto modules = number(row.event, "modules=([0-9]+)"))
    EXPECT_EQ(json["modules"].size(), *modules) << row.path;
  if (auto threads = number(row.event, "threads=([0-9]+)"))
    EXPECT_EQ(json["threads"].size(), *threads) << row.path;
}

void expect_kernel_answers(const Row& row, const nlohmann::json& json) {
  auto code = number(row.event, "bugcheck (0x[0-9A-Fa-f]+)");
  // 'MATT' instead of a code marks a dump of a running machine: nothing stopped.
  if (code == 0x5454414D)
    EXPECT_EQ(json["crash"]["kind"], "none") << row.path;
  else if (code)
    EXPECT_EQ(json["crash"].value("code", ""), fmt::format("0x{:08X}", *code)) << row.path;
  if (auto build = number(row.os, "build ([0-9]+)"))
    EXPECT_EQ(json["os"].value("build", 0u), *build) << row.path;
}

void print(const Row& row, const report::Document& d) {
  std::size_t sure = 0, frames = 0;
  for (const report::ThreadRow& thread : d.threads) {
    if (!thread.crashed) continue;
    sure = thread.sure_frames;
    frames = thread.frames.size();
  }
  std::string end = d.error ? fmt::format("{}: {}", name_of(d.error->code), d.error->why)
                            : fmt::format("{} modules, {} threads, {} of {} frames sure",
                                          d.modules.size(), d.threads.size(), sure, frames);
  std::string name = row.path.substr(row.path.rfind('/') + 1);
  fmt::print("{:<48.48} {:<7} {:08X} {:<28.28} {}\n", name, d.dump.arch, d.crash.code, d.crash.name,
             end.substr(0, 90));
}

TEST(Corpus, EveryDumpEndsInARightReportOrAClearError) {
  std::vector<Row> rows = manifest();
  if (rows.empty()) GTEST_SKIP() << "skipped: no folder of real dumps at " << kCorpus;
  Analyzer analyzer(rules::builtin_catalogue(), {});
  std::size_t minidumps = 0, kernel = 0;
  for (const Row& row : rows) {
    ++(row.minidump() ? minidumps : kernel);
    report::Document document = analyzer.analyze(kCorpus + row.path, {});
    print(row, document);
    std::string text = report::to_json(document);
    for (const std::string& error :
         synth::schema_errors(text, DUMPTRIAGE_SOURCE_DIR "/docs/report.schema.json"))
      ADD_FAILURE() << row.path << ": " << error;
    EXPECT_EQ(text, report::to_json(analyzer.analyze(kCorpus + row.path, {}))) << row.path;
    EXPECT_NE(report::to_text(document, {}), "");
    if (document.error) {
      EXPECT_FALSE(document.error->why.empty()) << row.path;
      // A good dump is never refused; those without anything to tell may be.
      EXPECT_TRUE(row.malformed() || row.path.find("/hist/") != std::string::npos ||
                  !row.minidump() ||
                  row.event.find("threads=None modules=None") != std::string::npos || row.os == "?")
          << row.path << ": " << document.error->message();
    }
    nlohmann::json json = nlohmann::json::parse(text);
    if (row.minidump() && !row.malformed() && row.os.starts_with("winnt")) {
      EXPECT_FALSE(document.error.has_value()) << row.path;
      expect_user_answers(row, json);
    }
    if (!row.minidump()) expect_kernel_answers(row, json);
    const std::string& family = document.os.family;
    const bool modern = family == "win10" || family == "win11" || family == "ws2016+";
    for (const report::MatchRow& match : document.matches) {
      EXPECT_TRUE(match.verdict != "confirmed" && match.verdict != "likely") << row.path;
      // Articles with a Q are those of NT and 2000.
      EXPECT_FALSE(modern && match.kb.starts_with("Q")) << row.path << ": " << match.kb;
    }
  }
  EXPECT_EQ(minidumps, 116u);
  EXPECT_EQ(kernel, 9u);
}

TEST(Corpus, TriageDumpOfWindows10) {
  std::string path = kCorpus + "kernel/rizinorg+rizin-testbins/dmp/triage_x64.dmp";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "skipped: no folder of real dumps";
  Analyzer analyzer(rules::builtin_catalogue(), {});
  report::Document d = analyzer.analyze(path, {});
  EXPECT_FALSE(d.error);
  EXPECT_EQ(d.crash.code, 0x1000007Eu);
  EXPECT_EQ(d.crash.exception.code, 0xC0000005u);
  EXPECT_EQ(d.crash.exception.address, 0xFFFFF8048B58334Cu);
  EXPECT_EQ(d.crash.ip, 0xFFFFF8048B58334Cu);
  EXPECT_EQ(d.cpus.size(), 16u);
  EXPECT_EQ(d.dump.accuracy, "real bytes");
  ASSERT_FALSE(d.threads.empty());
  ASSERT_TRUE(d.threads[0].crashed);
  // The stack starts where the exception was, not in the stop machinery that saved the dump.
  ASSERT_FALSE(d.threads[0].frames.empty());
  EXPECT_EQ(d.threads[0].frames[0].pc, 0xFFFFF8048B58334Cu);
  EXPECT_EQ(d.threads[0].frames[0].module, "amdppm.sys");
  EXPECT_EQ(d.threads[0].sure_frames, 1u);
  ASSERT_FALSE(d.wanted.empty());
  EXPECT_EQ(d.wanted[0].kind, "image");
  EXPECT_EQ(d.wanted[0].name, "amdppm.sys");
}

} // namespace
} // namespace dumptriage::pipeline
