#include "synth/giant.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dumptriage::synth {
namespace {

constexpr std::uint64_t kPage = FullDump::kPage;
constexpr std::uint64_t kWritten = 256 << 20; // more than this on disk is no sparse file

class SparseFile {
public:
  explicit SparseFile(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644)) {
    if (descriptor_ < 0) fail();
  }
  ~SparseFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  SparseFile(const SparseFile&) = delete;
  SparseFile& operator=(const SparseFile&) = delete;
  void put(std::uint64_t offset, const void* data, std::size_t size) {
    if (!error_.empty()) return;
    if (pwrite(descriptor_, data, size, static_cast<off_t>(offset)) != static_cast<ssize_t>(size))
      fail();
  }
  void resize(std::uint64_t size) {
    if (error_.empty() && ftruncate(descriptor_, static_cast<off_t>(size)) != 0) fail();
  }
  std::string finish() {
    struct stat info{};
    if (error_.empty() && (fsync(descriptor_) != 0 || fstat(descriptor_, &info) != 0)) fail();
    if (error_.empty() && static_cast<std::uint64_t>(info.st_blocks) * 512 > kWritten)
      error_ = "the file system has no sparse files";
    return error_;
  }

private:
  void fail() { error_ = std::strerror(errno); }
  int descriptor_;
  std::string error_;
};

// The small machine's runs, the last one up to `frames`.
std::vector<FrameRun> stretched(const FullDump& dump, std::uint64_t frames) {
  std::vector<FrameRun> runs = dump.runs();
  if (!runs.empty() && runs.back().base < frames) runs.back().count = frames - runs.back().base;
  return runs;
}

// The pages, at the place that their frame has among all of `runs`.
std::uint64_t put_pages(const FullDump& dump, const std::vector<FrameRun>& runs,
                        std::uint64_t first_page, SparseFile& out) {
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    for (std::uint64_t f = 0; f < dump.runs()[i].count; ++f)
      if (!dump.is_zero(runs[i].base + f))
        out.put(first_page + (before + f) * kPage, dump.page(runs[i].base + f), kPage);
    before += runs[i].count;
  }
  out.resize(first_page + before * kPage);
  return before;
}

void giant_full(const FullDump& dump, std::uint64_t frames, SparseFile& out) {
  const std::vector<FrameRun> runs = stretched(dump, frames);
  const std::uint64_t pages = put_pages(dump, runs, dump.header_size(), out);
  Bytes header = dump.header_bytes();
  const std::size_t block = dump.is64() ? 0x88 : 0x64, width = dump.pointer_size();
  put(header, block + width, pages, width);
  for (std::size_t i = 0; i < runs.size(); ++i)
    put(header, block + 2 * width * (i + 1) + width, runs[i].count, width);
  put64(header, 0xfa0, dump.header_size() + pages * kPage); // RequiredDumpSpace
  out.put(0, header.data(), header.size());
}

void giant_bitmap(const FullDump& dump, std::uint64_t frames, SparseFile& out) {
  const std::vector<FrameRun> runs = stretched(dump, frames);
  Bytes bitmap(frames / 8);
  for (const FrameRun& run : runs)
    for (std::uint64_t f = run.base; f < run.base + run.count; ++f)
      bitmap[f / 8] = static_cast<std::uint8_t>(bitmap[f / 8] | 1u << (f % 8));
  Bytes head = dump.header_bytes();
  put32(head, dump.is64() ? 0xf98 : 0xf88, 5);
  const std::size_t at = head.size();
  const std::uint64_t first_page = at + 0x38 + bitmap.size();
  const std::uint64_t pages = put_pages(dump, runs, first_page, out);
  put64(head, 0xfa0, first_page + pages * kPage);
  put_text(head, at, "FDMPDUMP");
  put64(head, at + 0x20, first_page);
  put64(head, at + 0x28, pages);
  put64(head, at + 0x30, frames);
  put_bytes(head, at + 0x38, bitmap);
  out.put(0, head.data(), head.size());
}

} // namespace

std::string write_giant(const FullDump& dump, const std::string& kind, std::uint64_t gigabytes,
                        const std::string& path) {
  SparseFile out(path);
  const std::uint64_t frames = gigabytes << 18;
  if (dump.runs().empty() || dump.runs().back().base >= frames) return "too small";
  if (kind == "full")
    giant_full(dump, frames, out);
  else if (kind == "bitmap")
    giant_bitmap(dump, frames, out);
  else
    return "no such kind: " + kind;
  return out.finish();
}

} // namespace dumptriage::synth
