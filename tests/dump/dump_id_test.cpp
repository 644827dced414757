#include <vector>

#include <gtest/gtest.h>

#include "dump/dump.h"

namespace dumptriage::dump {
namespace {

constexpr std::size_t kFull = 64u << 20;

TEST(DumpId, SmallFilesAreHashedWhole) {
  // Test vectors of the BLAKE3 specification: the empty input, and bytes 0, 1, 2.
  EXPECT_EQ(dump_id(ByteView()).id,
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
  const unsigned char three[] = {0, 1, 2};
  DumpId id = dump_id(ByteView(three, 3));
  EXPECT_EQ(id.id, "e1be4d7a8ab5560aa4199eea339849ba8e293d55ca0a81006726d184519e647f");
  EXPECT_EQ(id.kind, "full");
}

TEST(DumpId, LargeFilesAreSampledTheSameWayEveryTime) {
  std::vector<unsigned char> bytes(kFull + 1);
  for (std::size_t i = 0; i < bytes.size(); i += 4096)
    bytes[i] = static_cast<unsigned char>(i >> 12);
  EXPECT_EQ(dump_id(ByteView(bytes.data(), kFull)).kind, "full");
  ByteView view(bytes.data(), bytes.size());
  DumpId id = dump_id(view);
  EXPECT_EQ(id.kind, "sampled");
  EXPECT_EQ(dump_id(view).id, id.id);
  EXPECT_EQ(dump_id(view, true).kind, "full");
  // Size and head always count.
  EXPECT_NE(dump_id(ByteView(bytes.data(), bytes.size() - 1), false).id, id.id);
  bytes[100] ^= 1;
  EXPECT_NE(dump_id(view).id, id.id);
}

} // namespace
} // namespace dumptriage::dump
