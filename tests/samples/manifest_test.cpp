// dumps-samples/MANIFEST.tsv lists every file there is, with its true size.
#include <map>
#include <sstream>

#include "samples/samples.h"

namespace dumptriage::samples {
namespace {

std::map<std::string, std::uintmax_t> listed() {
  std::map<std::string, std::uintmax_t> files;
  std::ifstream in(folder() + "/MANIFEST.tsv");
  std::string line;
  std::getline(in, line);
  EXPECT_EQ(line, "file\tsize\tsha256\twhat\thow made\tmark");
  while (std::getline(in, line)) {
    std::istringstream row(line);
    std::string file, size, field;
    std::getline(row, file, '\t');
    std::getline(row, size, '\t');
    int fields = 2;
    while (std::getline(row, field, '\t')) {
      EXPECT_FALSE(field.empty()) << file;
      ++fields;
    }
    EXPECT_EQ(fields, 6) << file;
    files[file] = std::stoull(size);
  }
  return files;
}

TEST(Manifest, ListsEveryFileWithItsSize) {
  std::map<std::string, std::uintmax_t> rows = listed();
  std::uintmax_t total = 0;
  std::size_t seen = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder())) {
    if (!entry.is_regular_file()) continue;
    std::string name = entry.path().lexically_relative(folder()).generic_string();
    if (name == "README.md" || name == "MANIFEST.tsv" || name.starts_with("expected/")) continue;
    ASSERT_TRUE(rows.contains(name)) << name;
    EXPECT_EQ(rows[name], entry.file_size()) << name;
    total += entry.file_size();
    ++seen;
  }
  EXPECT_EQ(seen, rows.size());
  EXPECT_LT(total, 2u << 20) << "the samples are to stay small";
}

} // namespace
} // namespace dumptriage::samples
