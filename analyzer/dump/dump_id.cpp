// The id of a dump: which file this is, whatever its name.
//
// Up to 64 MiB: BLAKE3 of all bytes.  Above, of this sequence:
//   the size, 8 bytes little endian
//   the head: of a kernel dump that holds pages everything in front of the first page, which is the
//     header and the run table, bitmap or ranges, but no more than 16 MiB of it; of other files the
//     first 64 KiB
//   256 pages (of the dump's own page size; 4096 bytes in other files): what lies behind the head
//   is cut into 256 stretches of floor(pages / 256) whole pages; of stretch i the page with the
//   index `seed_i mod pages in it` is taken, seed_i being the first 16 hex digits of BLAKE3(head
//   digest in hex, i as 4 bytes little endian), and the head digest BLAKE3 of size and head.
// So the same bytes always give the same pages, and a change in the head changes all of them.  Of a
// dump of 32 GB at most 18 MB are read.
#include <algorithm>
#include <string>
#include <vector>

#include "base/digest.h"
#include "dump/dump.h"
#include "dump/kernel_reading.h"

namespace dumptriage::dump {
namespace {

constexpr std::uint64_t kFullUpTo = 64ull << 20;
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

// Where the pages begin, and how long one is.
struct Sampling {
  std::uint64_t head = 64ull << 10, page = 4096;
};

Sampling sampling_of(ByteView file) {
  constexpr std::uint64_t kMostHead = 16ull << 20;
  Sampling plain;
  if (!is_kernel_dump(file)) return plain;
  Notes notes; // said when the dump is opened
  bool complete = true;
  KernelHeader header = read_kernel_header(file);
  auto layout = read_page_layout(file, header, kernel_shape(file, header), notes, complete);
  if (!layout) return plain;
  Sampling pages{std::min(layout->first_page, kMostHead), layout->page_size};
  // A torn header may put the first page anywhere.
  return file.left(pages.head) / pages.page >= kSamples ? pages : plain;
}

} // namespace

DumpId dump_id(ByteView file, bool force_full) {
  if (force_full || file.size() <= kFullUpTo) return {blake3_hex(file), "full"};
  const Sampling sampling = sampling_of(file);
  std::vector<std::byte> sample;
  sample.reserve(8 + sampling.head + kSamples * sampling.page);
  append_number(sample, file.size());
  append(sample, file.clamp(0, sampling.head));
  std::string head_digest = blake3_hex(view_of(sample));
  std::uint64_t pages = file.left(sampling.head) / sampling.page / kSamples; // of a stretch
  for (std::uint32_t i = 0; i < kSamples; ++i) {
    std::uint64_t page = i * pages + page_index(head_digest, i, pages);
    append(sample, file.clamp(sampling.head + page * sampling.page, sampling.page));
  }
  return {blake3_hex(view_of(sample)), "sampled"};
}

} // namespace dumptriage::dump
