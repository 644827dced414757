// What LLVM's tools say about a PDB, for tests that compare: every address is asked of
// llvm-symbolizer (through an image made here that names the PDB), and the records themselves are
// taken from llvm-pdbutil's listing.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "synth/pe_writer.h"

namespace dumptriage::llvm_tools {

namespace fs = std::filesystem;

// A folder of this test that is gone afterwards.
class Folder {
public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "dumptriage-llvm-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

inline std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return text;
  char buffer[1 << 16];
  while (std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, got);
  pclose(pipe);
  return text;
}

inline bool has(const char* tool) { return !output_of(std::string("command -v ") + tool).empty(); }

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

struct Row {
  std::string function, place; // "c:\a.c:12"; empty when not given
  bool operator==(const Row&) const = default;
};
using Rows = std::vector<Row>; // innermost first

// "??" and ":0" become empty.
inline std::vector<Rows> symbolize(const fs::path& image, std::uint64_t base,
                                   const std::vector<std::uint32_t>& rvas, const Folder& folder) {
  const fs::path list = folder.path / "addresses";
  std::ofstream out(list);
  for (std::uint32_t rva : rvas) out << fmt::format("{:#x}\n", base + rva);
  out.close();
  std::vector<Rows> all;
  const auto lines = lines_of(output_of(
      fmt::format("llvm-symbolizer-19 --addresses --inlines --no-demangle --functions=short "
                  "'--obj={}' < '{}'",
                  image.string(), list.string())));
  // An address, then a name and a place for each call, then an empty line.
  for (std::size_t i = 0; i < lines.size() && all.size() < rvas.size(); ++i) {
    if (lines[i] != fmt::format("{:#x}", base + rvas[all.size()])) break;
    Rows rows;
    for (++i; i + 1 < lines.size() && !lines[i + 1].starts_with("0x"); i += 2) {
      Row row{lines[i] == "??" ? "" : lines[i], lines[i + 1]};
      row.place.resize(std::min(row.place.size(), row.place.rfind(':'))); // the column
      if (row.place.starts_with("??:") || row.place.ends_with(":0")) row.place.clear();
      rows.push_back(std::move(row));
    }
    all.push_back(std::move(rows));
  }
  return all;
}

inline void write(const fs::path& path, const synth::Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
}

// An image that has nothing but the name of a PDB.
inline void write_image_naming(const fs::path& pdb, const fs::path& image, bool x64) {
  synth::PeWriter pe(x64);
  pe.section(".rdata", 0x1000, synth::debug_directory(0x1000, {}, 1, pdb.string()),
             synth::kConstSection);
  pe.directory(6, 0x1000, 28);
  write(image, pe.file());
}

// The listing of llvm-pdbutil.
struct Listing {
  struct Section {
    std::uint32_t rva = 0, size = 0;
    bool code = false;
  };
  struct Procedure {
    std::string name;
    std::uint32_t section = 0, offset = 0, size = 0;
  };
  struct Table {
    std::string file;
    std::uint32_t section = 0, begin = 0, end = 0;
    std::vector<std::array<std::uint32_t, 2>> rows; // offset, line
  };
  struct Stretch { // of an inline site
    std::string inlinee;
    std::uint32_t section = 0, begin = 0, end = 0;
    std::string place;
  };
  bool x64 = true;
  std::vector<Section> sections;
  std::vector<Procedure> procedures;
  std::vector<Table> tables;
  std::vector<Stretch> stretches;

  std::uint32_t rva_of(std::uint32_t section, std::uint32_t offset) const {
    return sections.at(section - 1).rva + offset;
  }
};

inline std::string between(const std::string& line, std::string_view before,
                           std::string_view after) {
  auto at = line.find(before);
  if (at == std::string::npos) return {};
  at += before.size();
  auto end = line.find(after, at);
  return line.substr(at, end == std::string::npos ? end : end - at);
}

inline std::uint32_t number(const std::string& text, int base) {
  return static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, base));
}

Listing read_listing(const fs::path& pdb);

} // namespace dumptriage::llvm_tools
