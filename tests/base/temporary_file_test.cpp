#include "base/temporary_file.h"

#include <cstdlib>
#include <vector>

#include <gtest/gtest.h>

#include "base/mapped_file.h"

namespace dumptriage {
namespace {

std::vector<std::byte> filled(std::size_t size, int value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}
ByteView view(const std::vector<std::byte>& bytes) { return {bytes.data(), bytes.size()}; }

TEST(TemporaryFile, HoldsWhatWasAppended) {
  auto file = TemporaryFile::create();
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->append(view(filled(5000, 1))));
  ASSERT_TRUE(file->append(view(filled(10000, 0))));
  file->append_zeros(1 << 20);
  ASSERT_TRUE(file->append(view(filled(3, 2))));
  std::uint64_t size = 5000 + 10000 + (1 << 20) + 3;
  EXPECT_EQ(file->size(), size);
  EXPECT_EQ(file->bytes_written(), 5003u); // zeros are holes
  auto mapped = MappedFile::adopt(std::move(*file), {"a.zip!b", "a.zip", {}});
  ASSERT_TRUE(mapped);
  ByteView bytes = (*mapped)->bytes();
  ASSERT_EQ(bytes.size(), size);
  EXPECT_EQ(bytes.u8(4999), 1);
  EXPECT_EQ(bytes.u8(5000), 0);
  EXPECT_EQ(bytes.u8(size - 4), 0);
  EXPECT_EQ(bytes.u8(size - 3), 2);
  EXPECT_EQ((*mapped)->path(), "a.zip!b");
  EXPECT_EQ((*mapped)->file_path(), "a.zip");
}

TEST(TemporaryFile, MayBeEmpty) {
  auto file = TemporaryFile::create();
  ASSERT_TRUE(file);
  auto mapped = MappedFile::adopt(std::move(*file), {"empty", "x", {}});
  ASSERT_TRUE(mapped);
  EXPECT_TRUE((*mapped)->bytes().empty());
}

TEST(TemporaryFile, WantsAFolder) {
  const char* before = std::getenv("TMPDIR");
  std::string kept = before ? before : "";
  setenv("TMPDIR", "/no/such/folder", 1);
  auto file = TemporaryFile::create();
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::io);
  if (before)
    setenv("TMPDIR", kept.c_str(), 1);
  else
    unsetenv("TMPDIR");
}

} // namespace
} // namespace dumptriage
