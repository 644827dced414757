// The dumps of dumps-samples/, analysed in this process as `dumptriage analyze` does it.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "pipeline/analyze.h"
#include "synth/bytes_out.h"

namespace dumptriage::samples {

inline const char* const kKernel = "kernel-x64-ws2003sp2-kb961799.dmp";
inline const char* const kDamaged = "damaged-kernel-x64-truncated.dmp";
inline const char* const kItaniumFull = "kernel-ia64-ws2003sp2-kb961799-full.dmp";
inline const char* const kItaniumTriage = "kernel-ia64-ws2003sp2-kb961799-triage.dmp";
inline const char* const kAlphaSession = "kernel-alpha-nt4-q188315.dmp";
inline const char* const kAlphaIrp = "kernel-alpha-nt4-q242896.dmp";
inline const char* const kPaperSession = "kernel-x86-nt4-q188315.dmp";
inline const char* const kPaperIrp = "kernel-x86-nt4-q242896.dmp";
inline const char* const kPaperDfs = "kernel-x86-nt4tse-q260752.dmp";
inline const char* const kPaperNetbt = "kernel-x86-ws2003sp2-kb961799.dmp";
inline const char* const kUserX64 = "user-x64-access-violation.dmp";
inline const char* const kUserX86 = "user-x86-access-violation.dmp";

inline std::string folder() { return DUMPTRIAGE_SOURCE_DIR "/dumps-samples"; }
inline std::string symbols_folder() { return folder() + "/symbols"; }

inline synth::Bytes read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_FALSE(text.empty()) << path;
  return {text.begin(), text.end()};
}
inline nlohmann::json read_json(const std::string& path) {
  synth::Bytes bytes = read(path);
  return nlohmann::json::parse(bytes.begin(), bytes.end());
}
inline void write(const std::string& path, const synth::Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

// `symbols`: the folder for images and symbols; empty = none.
inline report::Document analyze(const synth::Bytes& dump, const std::string& symbols,
                                pipeline::Threads threads = pipeline::Threads::cpus) {
  std::vector<symbols::SearchRoot> roots;
  if (!symbols.empty()) roots.push_back({symbols, memory::Origin::image});
  pipeline::Analyzer analyzer(rules::builtin_catalogue(), std::move(roots));
  pipeline::Options options;
  options.threads = threads;
  return analyzer.analyze(MappedFile::borrow(ByteView(dump.data(), dump.size()), "sample.dmp"),
                          options);
}

inline const report::MatchRow* match(const report::Document& document, const std::string& kb) {
  for (const report::MatchRow& row : document.matches)
    if (row.kb == kb) return &row;
  return nullptr;
}
// The verdict, or "none" when the rule is not in the report at all.
inline std::string verdict(const report::Document& document, const std::string& kb) {
  const report::MatchRow* row = match(document, kb);
  return row ? row->verdict : "none";
}

// A folder of its own, gone at the end.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "dumptriage-XXXXXX").string();
    if (char* made = mkdtemp(name.data())) path_ = made;
    EXPECT_FALSE(path_.empty());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }
  void add(const std::string& name, const synth::Bytes& bytes) { write(path_ + "/" + name, bytes); }
  void copy(const std::string& name) { add(name, read(symbols_folder() + "/" + name)); }

private:
  std::string path_;
};

// Replaces every occurrence; returns how many there were.
inline int replace(synth::Bytes& bytes, const synth::Bytes& from, const synth::Bytes& to) {
  int count = 0;
  auto at = bytes.begin();
  while ((at = std::search(at, bytes.end(), from.begin(), from.end())) != bytes.end()) {
    std::copy(to.begin(), to.end(), at);
    at += static_cast<std::ptrdiff_t>(from.size());
    ++count;
  }
  return count;
}
inline synth::Bytes text_bytes(const std::string& text) { return {text.begin(), text.end()}; }

} // namespace dumptriage::samples
