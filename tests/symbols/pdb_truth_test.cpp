// PDB lookups against what other programs wrote about the same files: the maps of lld and the .sym
// files of Breakpad's dump_syms (whose PDBs include images that were rearranged after linking).
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

namespace fs = std::filesystem;

const fs::path kShared = DUMPTRIAGE_SHARED_DIR;

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

struct Row {
  std::string name;
  std::uint32_t section = 0, rva = 0;
};

// "0001:00002a20  start  0000000140003a20  crash.obj" of both tables of a map.
std::vector<Row> rows_of_map(const fs::path& path, std::uint64_t base) {
  std::vector<Row> rows;
  for (const std::string& line : lines_of(path)) {
    std::istringstream in(line);
    std::string place, name, address, object;
    if (!(in >> place >> name >> address >> object) || place.size() != 13 || place[4] != ':')
      continue;
    if (address.size() != 16) continue;
    rows.push_back({name, static_cast<std::uint32_t>(std::stoul(place.substr(0, 4), nullptr, 16)),
                    static_cast<std::uint32_t>(std::stoull(address, nullptr, 16) - base)});
  }
  return rows;
}

class Map : public testing::TestWithParam<std::tuple<const char*, std::uint64_t>> {};

TEST_P(Map, EveryCodeSymbolIsFoundAtItsAddress) {
  auto [name, base] = GetParam();
  fs::path stem = kShared / "oracles/user" / name;
  if (!fs::exists(stem.string() + ".pdb")) GTEST_SKIP() << "skipped: no " << name;
  auto pdb = open_pdb(stem.string() + ".pdb", {});
  ASSERT_TRUE(pdb) << pdb.error().message();
  std::map<std::uint32_t, std::set<std::string>> names; // aliases at one address
  for (const Row& row : rows_of_map(stem.string() + ".map", base))
    if (row.section == 1) names[row.rva].insert(row.name);
  ASSERT_GT(names.size(), 2u);
  for (const auto& [rva, spellings] : names) {
    auto symbol = (*pdb)->lookup(rva);
    ASSERT_TRUE(symbol) << hex(rva);
    EXPECT_EQ(symbol->rva, rva);
    EXPECT_EQ(symbol->offset, 0u);
    EXPECT_FALSE(symbol->far) << symbol->decorated;
    bool same = false;
    for (const std::string& spelling : spellings)
      same |= symbol->decorated == spelling || symbol->function == spelling ||
              undecorate(spelling, arch::Machine::x86) == symbol->function;
    EXPECT_TRUE(same) << hex(rva) << " " << symbol->decorated << " " << *spellings.begin();
  }
}

INSTANTIATE_TEST_SUITE_P(Lld, Map,
                         testing::Values(std::tuple("clang-x86_64/crash", 0x140000000ull),
                                         std::tuple("clang-x86_64/crashlib", 0x10000000ull),
                                         std::tuple("clang-i686/crash", 0x400000ull),
                                         std::tuple("clang-i686/crashlib", 0x10000000ull)));

class DumpSyms : public testing::TestWithParam<const char*> {};

// dump_syms asked DIA, Microsoft's own reader.
TEST_P(DumpSyms, NamesAndLinesAgree) {
  fs::path stem = kShared /
                  "corpus/pdb-pairs/google+breakpad/src/tools/windows/dump_syms/testdata" /
                  GetParam();
  if (!fs::exists(stem.string() + ".pdb")) GTEST_SKIP() << "skipped: no " << GetParam();
  auto pdb = open_pdb(stem.string() + ".pdb", {});
  auto sym = open_breakpad(stem.string() + ".sym", {});
  ASSERT_TRUE(pdb && sym);
  int functions = 0, publics = 0, lines = 0;
  for (const std::string& line : lines_of(stem.string() + ".sym")) {
    std::istringstream in(line);
    std::string kind, number;
    in >> kind >> number;
    if (kind == "MODULE" || kind == "FILE" || kind == "STACK" || kind == "INFO") continue;
    bool function = kind == "FUNC", is_public = kind == "PUBLIC";
    if (number == "m") in >> number;
    if (!function && !is_public) number = kind; // a line
    auto rva = static_cast<std::uint32_t>(std::stoul(number, nullptr, 16));
    auto ours = (*pdb)->lookup(rva), theirs = (*sym)->lookup(rva);
    ASSERT_TRUE(ours && theirs) << line;
    functions += function;
    publics += is_public;
    if (!is_public) {
      EXPECT_EQ(ours->source, NameSource::pdb) << line;
    }
    EXPECT_EQ(ours->function, theirs->function) << line;
    if (function || is_public || theirs->line == 0) continue;
    ++lines;
    EXPECT_EQ(ours->line, theirs->line) << line;
    EXPECT_TRUE(equals_no_case(ours->file, theirs->file)) << ours->file << " " << theirs->file;
  }
  EXPECT_GT(functions, 100);
  EXPECT_GT(publics, 2);
  EXPECT_GT(lines, 1000);
}

INSTANTIATE_TEST_SUITE_P(Breakpad, DumpSyms,
                         testing::Values("dump_syms_regtest", "omap_reorder_bbs",
                                         "omap_reorder_funcs", "omap_stretched",
                                         "omap_stretched_filled"));

} // namespace
} // namespace dumptriage::symbols
