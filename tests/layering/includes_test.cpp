// The one-way order of the rooms, read from every #include: a room includes itself and rooms on its
// left.  Link order alone would not see a header-only upward edge.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

// Room -> what it may include besides itself; transitive on purpose.
const std::vector<std::string> kOrder = {"base",  "formats", "memory",   "arch",  "dump",
                                         "image", "symbols", "system",   "stack", "evidence",
                                         "rules", "report",  "pipeline", "batch", "cli"};

int rank(const std::string& room) {
  auto at = std::find(kOrder.begin(), kOrder.end(), room);
  return at == kOrder.end() ? -1 : static_cast<int>(at - kOrder.begin());
}

struct Edge {
  std::string file, from, to;
};

std::vector<Edge> edges_below(const fs::path& root, const std::string& room) {
  static const std::regex include(R"rx(^\s*#\s*include\s*"([a-z0-9_]+)/([^"]+)")rx");
  std::vector<Edge> edges;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    std::string extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp" && extension != ".def") continue;
    std::ifstream in(entry.path());
    std::string line;
    std::smatch match;
    while (std::getline(in, line))
      if (std::regex_search(line, match, include) && rank(match[1]) >= 0)
        edges.push_back({fs::relative(entry.path(), root.parent_path()), room,
                         match[1].str() + "/" + match[2].str()});
  }
  return edges;
}

std::string room_of(const std::string& include) { return include.substr(0, include.find('/')); }

bool allowed(const Edge& edge) {
  std::string to = room_of(edge.to);
  if (to == edge.from) return true;
  // dump and image do not know each other; only the shape of what dumps record is shared.
  if (edge.from == "image" && to == "dump") return edge.to == "dump/records.h";
  return rank(to) < rank(edge.from);
}

TEST(Layering, EveryIncludePointsLeft) {
  fs::path source = DUMPTRIAGE_SOURCE_DIR;
  std::size_t seen = 0;
  for (const std::string& room : kOrder) {
    fs::path folder = room == "cli" ? source / "cli" : source / "analyzer" / room;
    ASSERT_TRUE(fs::is_directory(folder)) << folder;
    for (const Edge& edge : edges_below(folder, room)) {
      ++seen;
      EXPECT_TRUE(allowed(edge)) << edge.file << " includes " << edge.to;
    }
  }
  EXPECT_GT(seen, 50u) << "the pattern no longer finds includes";
}

// Whatever else goes wrong, nothing but the command line can reach a network.
TEST(Layering, OnlyTheCommandLineFetches) {
  fs::path source = DUMPTRIAGE_SOURCE_DIR;
  std::size_t fetching = 0;
  for (const std::string& room : kOrder) {
    fs::path folder = room == "cli" ? source / "cli" : source / "analyzer" / room;
    for (const Edge& edge : edges_below(folder, room)) {
      if (edge.to.find("symbols/fetch/") == std::string::npos) continue;
      ++fetching;
      EXPECT_TRUE(room == "cli" || edge.file.starts_with("symbols/fetch/"))
          << edge.file << " includes " << edge.to;
    }
  }
  EXPECT_GT(fetching, 1u);
}

TEST(Layering, SaysNoToUpwardEdges) {
  EXPECT_FALSE(allowed({"x.cpp", "memory", "arch/arch.h"}));
  EXPECT_FALSE(allowed({"x.cpp", "image", "dump/dump.h"}));
  EXPECT_FALSE(allowed({"x.cpp", "rules", "pipeline/analyze.h"}));
  EXPECT_TRUE(allowed({"x.cpp", "image", "dump/records.h"}));
  EXPECT_TRUE(allowed({"x.cpp", "stack", "arch/arch.h"}));
}

// The writers of tests/synth must not share a mistake with the readers.
TEST(Layering, SynthWritersDoNotUseTheReadersLayouts) {
  fs::path synth = fs::path(DUMPTRIAGE_SOURCE_DIR) / "tests" / "synth";
  if (!fs::is_directory(synth)) return;
  for (const Edge& edge : edges_below(synth, "synth"))
    EXPECT_NE(room_of(edge.to), "formats") << edge.file;
}

} // namespace
