#include "symbols/open_files.h"

#include <chrono>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "symbols/sources.h"
#include "symbols/store.h"
#include "symbols/tiny_pdb.h"

namespace dumptriage::symbols {
namespace {

namespace fs = std::filesystem;

class OpenFilesTest : public testing::Test {
protected:
  OpenFilesTest() {
    std::string name = (fs::temp_directory_path() / "dumptriage-open-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~OpenFilesTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  std::string write(const std::string& name, const std::string& text) {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  Result<OpenFiles::Opened> get(OpenFiles& files, const std::string& path,
                                const std::string& purpose = "sym") {
    return files.get(path, purpose, [&]() -> Result<OpenFiles::Opened> {
      ++opened_;
      auto file = MappedFile::open(path);
      if (!file) return std::unexpected(file.error());
      return OpenFiles::Opened{*file, nullptr};
    });
  }
  fs::path folder_;
  int opened_ = 0;
};

TEST_F(OpenFilesTest, TheSameFileIsReadOnce) {
  OpenFiles files;
  const std::string path = write("a.sym", "one");
  auto first = get(files, path), second = get(files, path);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->file, second->file);
  EXPECT_EQ(opened_, 1);
  get(files, path, "another id");
  EXPECT_EQ(opened_, 2);
}

TEST_F(OpenFilesTest, AChangedFileIsReadAnew) {
  OpenFiles files;
  const std::string path = write("a.sym", "one");
  get(files, path);
  write("a.sym", "other");
  EXPECT_EQ(get(files, path)->file->bytes().chars(), "other");
  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(5));
  get(files, path);
  EXPECT_EQ(opened_, 3);
  EXPECT_EQ(files.count(), 1u);
}

TEST_F(OpenFilesTest, FailuresAreNotKept) {
  OpenFiles files;
  const std::string path = (folder_ / "missing.sym").string();
  EXPECT_FALSE(get(files, path));
  write("missing.sym", "there now");
  EXPECT_TRUE(get(files, path));
}

TEST_F(OpenFilesTest, WhatWasNotAskedForLongestIsLetGo) {
  OpenFiles files(10);
  const std::string a = write("a", "12345"), b = write("b", "12345"), c = write("c", "12345");
  get(files, a);
  get(files, b);
  get(files, a);
  get(files, c); // b has to go
  EXPECT_EQ(files.count(), 2u);
  EXPECT_EQ(opened_, 3);
  get(files, a);
  EXPECT_EQ(opened_, 3);
  get(files, b);
  EXPECT_EQ(opened_, 4);
  get(files, write("large", "more than ten bytes")); // stays until the next
  EXPECT_EQ(files.count(), 1u);
}

TEST_F(OpenFilesTest, StoresShareThem) {
  TinyPdb tiny;
  tiny.guid = {1, 2, 3};
  tiny.publics = {{"go", 1, 0x100, 2}};
  const Bytes bytes = tiny.bytes();
  write("tiny.pdb", std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  dump::Module module;
  module.path = "tiny.dll";
  module.debug.kind = dump::DebugId::Kind::rsds;
  module.debug.guid = tiny.guid;
  module.debug.age = tiny.dbi_age;
  module.debug.file = "tiny.pdb";
  const SearchRoot root{folder_.string(), memory::Origin::image};
  auto open = std::make_shared<OpenFiles>();
  Store first({root}, open), second({root}, open), other({root});
  auto found = first.find_symbols(module, nullptr);
  ASSERT_EQ(found.result, SearchResult::found) << found.why;
  EXPECT_EQ(found.source, second.find_symbols(module, nullptr).source);
  EXPECT_NE(found.source, other.find_symbols(module, nullptr).source);
  // The id is part of the question.
  module.debug.age += 40;
  EXPECT_EQ(second.find_symbols(module, nullptr).result, SearchResult::mismatched);
}

} // namespace
} // namespace dumptriage::symbols
