// Names, lines and inlined calls of real PDBs against LLVM's tools, and of PDBs made here against
// the DWARF that the same compiler writes about the same code.
//
// Where LLVM's symbolizer and its listing of the records disagree, the listing is right: of two
// lines at one offset the symbolizer takes the first, whose stretch is empty; it mixes the lines of
// functions that were made one; and it takes the end of one stretch of an inline site for the
// start of the next, which is wrong across gaps.
#include "symbols/llvm_tools.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

namespace fs = std::filesystem;
using llvm_tools::Listing;

const fs::path kShared = DUMPTRIAGE_SHARED_DIR;

std::vector<fs::path> real_pdbs() {
  std::vector<fs::path> found;
  for (const char* folder : {"corpus", "oracles"}) {
    std::error_code missing;
    for (auto at = fs::recursive_directory_iterator(kShared / folder, missing);
         !missing && at != fs::recursive_directory_iterator(); at.increment(missing))
      if (at->is_regular_file() && at->path().extension() == ".pdb") found.push_back(at->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

TEST(RealPdbs, EachOpensOrSaysWhyNot) {
  const auto files = real_pdbs();
  if (files.empty()) GTEST_SKIP() << "skipped: no folder of real files";
  int opened = 0, portable = 0;
  for (const fs::path& file : files) {
    auto pdb = open_pdb(file.string(), {});
    if (pdb) {
      ++opened;
      continue;
    }
    EXPECT_FALSE(pdb.error().why.empty()) << file;
    portable += pdb.error().why.find(".NET") != std::string::npos;
  }
  EXPECT_GT(opened, 25);
  EXPECT_EQ(portable, 3);
}

// A thousand places over the code, and the borders of every procedure.
std::vector<std::uint32_t> places_in(const Listing& listing) {
  std::vector<std::uint32_t> rvas;
  std::mt19937 random(20240229);
  std::vector<Listing::Section> code;
  for (const auto& section : listing.sections)
    if (section.code && section.size != 0) code.push_back(section);
  for (int i = 0; i < 1000 && !code.empty(); ++i) {
    const auto& section = code[i % code.size()];
    rvas.push_back(section.rva + random() % section.size);
  }
  for (const auto& p : listing.procedures) {
    if (p.section == 0 || p.section > listing.sections.size() || p.size == 0) continue;
    const std::uint32_t start = listing.rva_of(p.section, p.offset);
    rvas.insert(rvas.end(), {start, start + p.size - 1, start + p.size});
  }
  std::sort(rvas.begin(), rvas.end());
  rvas.erase(std::unique(rvas.begin(), rvas.end()), rvas.end());
  return rvas;
}

std::string place_of(const std::string& file, std::uint32_t line) {
  return line == 0 ? "" : fmt::format("{}:{}", file, line);
}

// What the records say of an rva.
struct Expected {
  std::set<std::string> names;        // of procedures around it
  std::set<std::string> places;       // the last line at or before it, of each table around it
  std::set<std::string> empty_places; // lines at the same offset whose stretch is empty
};

Expected expected_at(const Listing& listing, std::uint32_t rva) {
  Expected expected;
  for (const auto& p : listing.procedures)
    if (p.section != 0 && rva - listing.rva_of(p.section, p.offset) < p.size)
      expected.names.insert(p.name);
  for (const auto& table : listing.tables) {
    const std::uint32_t begin = listing.rva_of(table.section, table.begin);
    if (rva - begin >= table.end - table.begin) continue;
    const std::uint32_t offset = table.begin + (rva - begin);
    std::uint32_t best = 0, line = 0;
    for (const auto& [at, number] : table.rows)
      if (at <= offset && at >= best) best = at, line = number;
    if (line != 0 && line < 0xF00F00) expected.places.insert(place_of(table.file, line));
    for (const auto& [at, number] : table.rows)
      if (at == best && number != line) expected.empty_places.insert(place_of(table.file, number));
  }
  return expected;
}

class RealPdb : public testing::TestWithParam<fs::path> {};

// How often LLVM's symbolizer had something to compare with.
struct Compared {
  std::size_t names = 0, lines = 0;
};

void compare(const std::optional<Symbol>& symbol, const Expected& expected,
             const llvm_tools::Row& their, const std::string& where, Compared& compared) {
  if (!expected.names.empty()) {
    ASSERT_TRUE(symbol) << where;
    // lld says of its import thunks nowhere that they lie there.
    EXPECT_TRUE(symbol->source == NameSource::pdb || symbol->size == 0) << where;
    bool same = false;
    for (const std::string& name : expected.names)
      same |= symbol->function == undecorate(name) ||
              symbol->function == undecorate(name, arch::Machine::x86);
    EXPECT_TRUE(same) << where << " " << symbol->function << " " << *expected.names.begin();
  } else if (symbol) {
    EXPECT_EQ(symbol->source, NameSource::pdb_public) << where;
  }
  if (!their.function.empty() && symbol && !symbol->far) {
    ++compared.names;
    EXPECT_TRUE(their.function == symbol->function || their.function == symbol->decorated ||
                undecorate(their.function, arch::Machine::x86) == symbol->function)
        << where << " " << symbol->function << " " << their.function;
  }
  const std::string place = symbol ? place_of(symbol->file, symbol->line) : "";
  if (!expected.names.empty()) {
    EXPECT_EQ(place.empty(), expected.places.empty()) << where << " " << place;
    EXPECT_TRUE(place.empty() || expected.places.contains(place)) << where << " " << place;
  }
  if (their.place.empty() || place.empty()) return;
  ++compared.lines;
  EXPECT_TRUE(place == their.place || expected.empty_places.contains(their.place) ||
              (expected.places.size() > 1 && expected.places.contains(their.place)))
      << where << " " << place << " " << their.place;
}

TEST_P(RealPdb, NamesAndLinesAreThoseOfTheRecordsAndOfTheSymbolizer) {
  if (!llvm_tools::has("llvm-symbolizer-19") || !llvm_tools::has("llvm-pdbutil-19"))
    GTEST_SKIP() << "skipped: LLVM's tools are not installed";
  // The symbolizer knows no OMAP; DIA's answers to those files are compared elsewhere.
  if (GetParam().filename().string().starts_with("omap_")) GTEST_SKIP() << "skipped: OMAP";
  auto pdb = open_pdb(GetParam().string(), {});
  if (!pdb) GTEST_SKIP() << "skipped: " << pdb.error().message();
  const Listing listing = llvm_tools::read_listing(GetParam());
  const auto rvas = places_in(listing);
  ASSERT_GT(rvas.size(), 0u);
  llvm_tools::Folder folder;
  const fs::path image = folder.path / "image.exe";
  llvm_tools::write_image_naming(GetParam(), image, listing.x64);
  const auto theirs =
      llvm_tools::symbolize(image, listing.x64 ? 0x140000000 : 0x400000, rvas, folder);
  ASSERT_EQ(theirs.size(), rvas.size());
  Compared compared;
  for (std::size_t i = 0; i < rvas.size(); ++i)
    compare((*pdb)->lookup(rvas[i]), expected_at(listing, rvas[i]),
            theirs[i].empty() ? llvm_tools::Row{} : theirs[i].back(),
            fmt::format("{} {:#x}", GetParam().filename().string(), rvas[i]), compared);
  if (!listing.procedures.empty()) {
    EXPECT_GT(compared.names, 8u);
  }
  if (!listing.tables.empty()) {
    EXPECT_GT(compared.lines, 8u);
  }
}

// Microsoft's compilers; what clang writes is compared with DWARF below.
TEST_P(RealPdb, InlineSitesCoverWhatTheirAnnotationsSay) {
  if (!llvm_tools::has("llvm-pdbutil-19"))
    GTEST_SKIP() << "skipped: LLVM's tools are not installed";
  if (GetParam().string().find("oracles") != std::string::npos) GTEST_SKIP() << "skipped: by clang";
  auto pdb = open_pdb(GetParam().string(), {});
  const Listing listing = llvm_tools::read_listing(GetParam());
  if (!pdb || listing.stretches.empty()) GTEST_SKIP() << "skipped: no inline sites";
  for (const auto& stretch : listing.stretches)
    for (std::uint32_t offset : {stretch.begin, stretch.end - 1}) {
      const std::uint32_t rva = listing.rva_of(stretch.section, offset);
      bool found = false;
      std::string chain;
      for (const InlineCall& call : (*pdb)->inlines(rva)) {
        found |= call.function.find(stretch.inlinee) != std::string::npos &&
                 place_of(call.file, call.line) == stretch.place;
        chain += call.function + " " + place_of(call.file, call.line) + "; ";
      }
      EXPECT_TRUE(found) << fmt::format("{:#x} {} {}, have {}", rva, stretch.inlinee, stretch.place,
                                        chain);
    }
  EXPECT_GT(listing.stretches.size(), 20u);
}

std::string name_of_file(const testing::TestParamInfo<fs::path>& info) {
  std::string name =
      info.param.parent_path().filename().string() + "_" + info.param.stem().string();
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name + "_" + std::to_string(info.index);
}

INSTANTIATE_TEST_SUITE_P(Llvm, RealPdb, testing::ValuesIn(real_pdbs()), name_of_file);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RealPdb);

// Own code with calls inlined into each other, in loops and with gaps.
constexpr char kSource[] = R"(volatile int sink;
namespace math {
namespace detail {
template <class T> inline T twice(T v) { sink = v; return v + v; }
}
struct Acc {
  int sum = 0;
  __attribute__((always_inline)) void add(int v) {
    if (v & 1) {
      sink = v;
      sum += detail::twice(v);
    } else
      sum -= v;
  }
  template <int N> __attribute__((always_inline)) int mul() {
    int r = 1;
    for (int i = 0; i < sum; ++i) r *= N + sink;
    return r;
  }
};
}
#define APART __attribute__((noinline))
APART int cold(int x) { sink = x; return x * 3; }
static inline int helper(int a, int b) {
  math::Acc acc;
  acc.add(a);
  acc.add(b);
  int r = acc.mul<3>();
  return r + acc.mul<7>();
}
APART int work(int n) {
  int r = 0;
  for (int i = 0; i < n; ++i) {
    r += helper(i, n);
    if (r > 1000)
      r -= cold(r);
    r ^= math::detail::twice(r);
  }
  return r;
}
extern "C" int entry() {
  int r = work(sink);
  return r + helper(sink, 3);
}
)";

// "math::Acc::mul<3>" -> "mul": DWARF's short names have no scope and may lack the arguments.
std::string short_name(std::string name) {
  name = name.substr(0, name.find('<'));
  auto scope = name.rfind("::");
  return scope == std::string::npos ? name : name.substr(scope + 2);
}

class Built : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(Built, InlinedCallsAreThoseOfDwarf) {
  for (const char* tool : {"clang++-19", "lld-link-19", "llvm-symbolizer-19", "llvm-pdbutil-19"})
    if (!llvm_tools::has(tool)) GTEST_SKIP() << "skipped: no " << tool;
  auto [target, level] = GetParam();
  // Padding between blocks is no code of a function, and the two formats differ about it.
  llvm_tools::Folder folder;
  const std::string at = folder.path.string() + "/";
  std::ofstream(at + "own.cpp") << kSource;
  const struct {
    const char *name, *compile, *link;
  } kinds[] = {{"own", "-gcodeview", ""}, {"dwarf", "-gdwarf", ":dwarf"}};
  for (const auto& kind : kinds)
    llvm_tools::output_of(fmt::format(
        "cd {0} && clang++-19 --target={1}-pc-windows-msvc {2} -g {3} -ffreestanding "
        "-falign-loops=1 "
        "-fno-exceptions -fno-rtti -c own.cpp -o {4}.obj && lld-link-19 /debug{5} /nodefaultlib "
        "/entry:entry /subsystem:console {4}.obj /out:{4}.exe",
        at, target, level, kind.compile, kind.name, kind.link));
  auto pdb = open_pdb(at + "own.pdb", {});
  ASSERT_TRUE(pdb) << pdb.error().message();
  const Listing listing = llvm_tools::read_listing(at + "own.pdb");
  std::vector<std::uint32_t> rvas;
  for (const auto& p : listing.procedures)
    for (std::uint32_t i = 0; i < p.size; ++i)
      rvas.push_back(listing.rva_of(p.section, p.offset + i));
  const auto dwarf =
      llvm_tools::symbolize(at + "dwarf.exe", listing.x64 ? 0x140000000 : 0x400000, rvas, folder);
  ASSERT_EQ(dwarf.size(), rvas.size());
  std::size_t inlined = 0;
  for (std::size_t i = 0; i < rvas.size(); ++i) {
    // CodeView has no line 0 ("of no line") to compare with.
    bool complete = !dwarf[i].empty();
    for (const auto& row : dwarf[i]) complete &= !row.place.empty();
    if (!complete) continue;
    std::string ours, theirs;
    for (const InlineCall& call : (*pdb)->inlines(rvas[i]))
      ours += fmt::format("{} {}; ", short_name(call.function), place_of(call.file, call.line));
    auto symbol = (*pdb)->lookup(rvas[i]);
    ASSERT_TRUE(symbol);
    inlined += !ours.empty();
    ours +=
        fmt::format("{} {}; ", short_name(symbol->function), place_of(symbol->file, symbol->line));
    for (const auto& row : dwarf[i])
      theirs += fmt::format("{} {}; ", short_name(row.function), row.place);
    EXPECT_EQ(ours, theirs) << fmt::format("{:#x}", rvas[i]);
  }
  EXPECT_GT(inlined, 50u);
}

INSTANTIATE_TEST_SUITE_P(Clang, Built,
                         testing::Combine(testing::Values("x86_64", "i686", "aarch64"),
                                          testing::Values("-O1", "-O2", "-Os")));

} // namespace
} // namespace dumptriage::symbols
