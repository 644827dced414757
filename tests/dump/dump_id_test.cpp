#include <vector>

#include <gtest/gtest.h>

#include "dump/dump.h"
#include "synth/kernel_headers.h"

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

// A kernel dump of pages, above the size that is hashed whole; pages told apart by their number.
synth::Bytes large_dump(synth::Bytes (*header)()) {
  synth::Bytes bytes = header();
  const std::size_t first = bytes.size();
  bytes.resize(first + kFull + (8 << 20));
  for (std::size_t at = first; at + 8 <= bytes.size(); at += 0x1000) synth::put64(bytes, at, at);
  return bytes;
}
constexpr std::uint64_t kPages = (kFull + (8 << 20)) / 0x1000;

synth::Bytes full64() {
  synth::Bytes header = synth::header64(7601);
  synth::set_dump_type(header, 1);
  synth::set_runs(header, {{1, 0x9E}, {0x100, kPages - 0x9E}});
  return header;
}
synth::Bytes bitmap64() { // of a machine of 64 GB: 2 MB of bits
  synth::Bytes bytes = synth::as_bitmap(synth::header64(19041), {}, std::uint64_t{1} << 24);
  for (std::uint64_t byte = 0; byte < kPages / 8; ++byte) bytes[0x2038 + byte] = 0xFF;
  synth::put64(bytes, 0x2028, kPages);
  return bytes;
}

std::string id_of(const synth::Bytes& bytes) {
  DumpId id = dump_id(ByteView(bytes.data(), bytes.size()));
  EXPECT_EQ(id.kind, "sampled");
  return id.id;
}

TEST(DumpId, OfPageDumpsHeaderAndRunTableOrBitmapAlwaysCount) {
  struct Case {
    synth::Bytes (*header)();
    std::size_t changed; // a byte of the run table or of the bitmap, far behind the first 64 KiB
  };
  for (Case one : {Case{full64, 0xA0}, Case{bitmap64, 0x2038 + 0x1FFFFF}, Case{bitmap64, 0x38}}) {
    synth::Bytes bytes = large_dump(one.header);
    std::string id = id_of(bytes);
    EXPECT_EQ(id_of(bytes), id);
    bytes[one.changed] ^= 1;
    EXPECT_NE(id_of(bytes), id) << one.changed;
    bytes[one.changed] ^= 1;
    EXPECT_EQ(id_of(bytes), id);
    // Every stretch gives one page: a change of all pages of one stretch is always seen.
    const std::size_t first = one.header().size(), stretch = kPages / 256 * 0x1000;
    for (std::size_t at = 0; at < stretch; at += 0x1000) bytes[first + 100 * stretch + at] ^= 1;
    EXPECT_NE(id_of(bytes), id);
  }
}

// A first page that lies behind the file tells nothing about pages; the plain rule is used.
TEST(DumpId, ATornHeaderGivesAnIdAsWell) {
  synth::Bytes bytes = large_dump(bitmap64);
  synth::put64(bytes, 0x2020, UINT64_MAX - 5);
  std::string id = id_of(bytes);
  EXPECT_EQ(id_of(bytes), id);
  bytes[70] ^= 1;
  EXPECT_NE(id_of(bytes), id);
}

} // namespace
} // namespace dumptriage::dump
