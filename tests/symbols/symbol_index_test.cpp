#include "symbols/symbol_index.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "symbols/sources.h"

namespace dumptriage::symbols {
namespace {

namespace fs = std::filesystem;

ByteView view(const std::string& text) { return ByteView(text.data(), text.size()); }

class SymbolIndex : public testing::Test {
protected:
  SymbolIndex() {
    std::string name = (fs::temp_directory_path() / "dumptriage-index-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~SymbolIndex() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
    unsetenv("DUMPTRIAGE_CACHE");
  }
  std::vector<fs::path> kept() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_)) files.push_back(entry.path());
    return files;
  }
  std::string read(const fs::path& path) const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const fs::path& path, const std::string& text) const {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }
  fs::path folder_;
};

TEST_F(SymbolIndex, NumbersGoInAndOut) {
  IndexWriter out;
  out.number64(2);
  out.number32(0x89ABCDEF);
  out.number64(0x0123456789ABCDEF);
  IndexReader in(out.bytes());
  EXPECT_EQ(in.count(6), 2u);
  EXPECT_EQ(in.number32(), 0x89ABCDEFu);
  EXPECT_FALSE(in.good()); // something is left
  EXPECT_EQ(in.number64(), 0x0123456789ABCDEFu);
  EXPECT_TRUE(in.good());
  EXPECT_EQ(in.number32(), 0u);
  EXPECT_FALSE(in.good());
  IndexReader liar(out.bytes());
  EXPECT_EQ(liar.count(7), 0u); // two of seven bytes do not fit in twelve
  EXPECT_FALSE(liar.good());
}

TEST_F(SymbolIndex, WhatIsDamagedIsNotThere) {
  const IndexCache cache((folder_ / "new").string());
  const std::string payload = "what was found out";
  EXPECT_FALSE(cache.load("key"));
  cache.save("key", view(payload));
  folder_ /= "new";
  ASSERT_EQ(kept().size(), 1u);
  auto back = cache.load("key");
  ASSERT_TRUE(back);
  EXPECT_EQ(ByteView(*back).chars(), payload);
  EXPECT_FALSE(cache.load("other"));
  const fs::path path = kept()[0];
  const std::string whole = read(path);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] ^= 1;
    write(path, bytes);
    EXPECT_FALSE(cache.load("key")) << at;
    write(path, whole.substr(0, at));
    EXPECT_FALSE(cache.load("key")) << at;
  }
  fs::copy_file(path, folder_ / "other.index");
  write(folder_ / "other.index", whole);
  EXPECT_FALSE(cache.load("other")); // the index of another file under its name
  folder_ = folder_.parent_path();
}

TEST_F(SymbolIndex, NoFolderNoHarm) {
  write(folder_ / "a file", "");
  for (const std::string& folder : {std::string(), (folder_ / "a file").string()}) {
    const IndexCache cache(folder);
    cache.save("key", view("text"));
    EXPECT_FALSE(cache.load("key")) << folder;
  }
  EXPECT_EQ(kept().size(), 1u);
}

TEST_F(SymbolIndex, TheOldestGoesFirst) {
  const IndexCache cache(folder_.string(), 700);
  const std::string payload(200, 'x');
  for (const char* key : {"a", "b"}) cache.save(key, view(payload));
  const auto now = fs::file_time_type::clock::now();
  fs::last_write_time(folder_ / "b.index", now - std::chrono::hours(2));
  fs::last_write_time(folder_ / "a.index", now - std::chrono::hours(3));
  EXPECT_TRUE(cache.load("a")); // and so b is the oldest
  cache.save("c", view(payload));
  EXPECT_FALSE(cache.load("b"));
  EXPECT_TRUE(cache.load("a"));
  EXPECT_TRUE(cache.load("c"));
}

TEST_F(SymbolIndex, AKeySaysWhatAFileHolds) {
  const std::string text(300000, 'a');
  std::string other = text, longer = text + "a";
  other[0] = 'b';
  EXPECT_EQ(content_key(view(text)), content_key(view(text)));
  EXPECT_NE(content_key(view(text)), content_key(view(other)));
  EXPECT_NE(content_key(view(text)), content_key(view(longer)));
  other = text;
  other.back() = 'b';
  EXPECT_NE(content_key(view(text)), content_key(view(other)));
  EXPECT_EQ(content_key({}).size(), 64u);
}

// A .sym that is large enough for an index.
std::string large_sym() {
  std::string text = "MODULE windows x86 000102030405060708090A0B0C0D0E0F1 big.pdb\n"
                     "FILE 7 c:\\big.c\nINLINE_ORIGIN 3 inner(int)\n";
  for (std::uint32_t i = 0; i < 60000; ++i) {
    const std::uint32_t rva = 0x100000 + i * 0x20;
    text += fmt::format("FUNC {:x} 10 0 namespace_of_number::function_number_{:05}(int)\n"
                        "INLINE 0 5 7 3 {:x} 4\n{:x} 10 {} 7\n",
                        rva, i, rva, rva, i + 1);
    text += fmt::format("PUBLIC {:x} 0 public_number_{:05}_with_a_long_name_of_its_own\n",
                        rva + 0x10, i);
  }
  return text + "STACK CFI INIT 100000 10 .cfa: $esp 4 + .ra: .cfa 4 - ^\n";
}

std::string answers(const std::string& text) {
  auto source = read_breakpad(view(text), {});
  std::string all;
  for (std::uint32_t i = 0; i < 60000; i += 977)
    for (std::uint32_t offset : {0u, 8u, 0x18u}) {
      const std::uint32_t rva = 0x100000 + i * 0x20 + offset;
      auto symbol = (*source)->lookup(rva);
      all += symbol ? fmt::format("{} {:x} {:x} {}:{} {}\n", symbol->function, symbol->rva,
                                  symbol->size, symbol->file, symbol->line, symbol->far)
                    : "-\n";
      for (const InlineCall& call : (*source)->inlines(rva))
        all += fmt::format(" {} {}:{}\n", call.function, call.file, call.line);
    }
  auto rules = (*source)->cfi(0x100004);
  return all + (rules ? rules->rules : "-");
}

TEST_F(SymbolIndex, AnswersAreTheSameWithAndWithout) {
  const std::string text = large_sym();
  setenv("DUMPTRIAGE_CACHE", "off", 1);
  const std::string without = answers(text);
  EXPECT_NE(without.find("function_number_00977"), std::string::npos);
  EXPECT_NE(without.find("inner"), std::string::npos);
  EXPECT_TRUE(kept().empty());
  setenv("DUMPTRIAGE_CACHE", folder_.c_str(), 1);
  EXPECT_EQ(answers(text), without); // writes it
  ASSERT_EQ(kept().size(), 1u);
  EXPECT_EQ(answers(text), without); // reads it
  write(kept()[0], read(kept()[0]).substr(0, 5000));
  EXPECT_EQ(answers(text), without); // makes it again
  EXPECT_GT(fs::file_size(kept()[0]), 100000u);
}

// A file that was changed where the key does not look.
TEST_F(SymbolIndex, AnIndexThatDoesNotFitIsNotBelieved) {
  setenv("DUMPTRIAGE_CACHE", folder_.c_str(), 1);
  std::string text = large_sym();
  answers(text);
  const std::string key = content_key(view(text));
  // Function 977 is given other addresses, 0x1000 before; try places until the key stays.
  std::size_t changed = 0;
  for (std::uint32_t i = 977; i < 60000; i += 977) {
    std::string other = text;
    const std::string before = fmt::format("FUNC {:x} 10", 0x100000 + i * 0x20);
    const auto at = other.find(before);
    ASSERT_NE(at, std::string::npos);
    other.replace(at, before.size(), fmt::format("FUNC {:x} 18", 0x100000 + i * 0x20));
    if (content_key(view(other)) != key) continue;
    text = other;
    ++changed;
  }
  ASSERT_GT(changed, 10u);
  const std::string with = answers(text);
  setenv("DUMPTRIAGE_CACHE", "off", 1);
  EXPECT_EQ(with, answers(text));
}

} // namespace
} // namespace dumptriage::symbols
