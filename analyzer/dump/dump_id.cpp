// The id of a dump: which file this is, whatever its name.
//
// Up to 64 MiB: BLAKE3 of all bytes.  Above, of this sequence:
//   the size, 8 bytes little endian
//   the first 64 KiB
//   256 pages of 4096 bytes: what lies behind the first 64 KiB is cut into 256 stretches of
//   floor(pages / 256) whole pages; of stretch i the page with the index `seed_i mod pages in it`
//   is taken, seed_i being the first 16 hex digits of BLAKE3(head digest in hex, i as 4 bytes
//   little endian), and the head digest BLAKE3 of size and first 64 KiB.
// So the same bytes always give the same pages, and a change in the header changes all of them.
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "base/digest.h"
#include "dump/dump.h"

namespace dumptriage::dump {
namespace {

constexpr std::uint64_t kFullUpTo = 64ull << 20;
constexpr std::uint64_t kHead = 64ull << 10;
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kSamples = 256;

void append(std::vector<std::byte>& out, ByteView bytes) {
  out.insert(out.end(), bytes.span().begin(), bytes.span().end());
}

template <class T> void append_number(std::vector<std::byte>& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

ByteView view_of(const std::vector<std::byte>& bytes) { return {bytes.data(), bytes.size()}; }

std::uint64_t page_index(const std::string& head_digest, std::uint32_t sample,
                         std::uint64_t pages) {
  std::vector<std::byte> bytes;
  append(bytes, ByteView(head_digest.data(), head_digest.size()));
  append_number(bytes, sample);
  std::string digest = blake3_hex(view_of(bytes));
  return std::stoull(digest.substr(0, 16), nullptr, 16) % pages;
}

} // namespace

DumpId dump_id(ByteView file, bool force_full) {
  if (force_full || file.size() <= kFullUpTo) return {blake3_hex(file), "full"};
  std::vector<std::byte> sample;
  sample.reserve(8 + kHead + kSamples * kPage);
  append_number(sample, file.size());
  append(sample, file.clamp(0, kHead));
  std::string head_digest = blake3_hex(view_of(sample));
  std::uint64_t pages = (file.size() - kHead) / kPage / kSamples; // of a stretch; at least 63
  for (std::uint32_t i = 0; i < kSamples; ++i) {
    std::uint64_t page = i * pages + page_index(head_digest, i, pages);
    append(sample, file.clamp(kHead + page * kPage, kPage));
  }
  return {blake3_hex(view_of(sample)), "sampled"};
}

} // namespace dumptriage::dump
