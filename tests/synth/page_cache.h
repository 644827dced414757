// synth: which pages of a file the system has in memory.  With the file dropped before, they tell
// what a program read of it: the pages that it touched, and those read ahead around them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace dumptriage::synth {

inline constexpr std::uint64_t kCachePage = 4096;

inline void drop_from_page_cache(int file) {
  fsync(file);
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
}

// Counted a stretch at a time.  Nothing of the file is read by this.
inline std::uint64_t pages_in_cache(int file, std::uint64_t size) {
  constexpr std::uint64_t kStretch = 1ull << 30;
  std::uint64_t count = 0;
  std::vector<unsigned char> there(kStretch / kCachePage);
  for (std::uint64_t at = 0; at < size; at += kStretch) {
    const std::uint64_t length = std::min(kStretch, size - at);
    const auto pages = static_cast<std::ptrdiff_t>((length + kCachePage - 1) / kCachePage);
    void* view = mmap(nullptr, length, PROT_READ, MAP_SHARED, file, static_cast<off_t>(at));
    if (view == MAP_FAILED) continue;
    if (mincore(view, length, there.data()) == 0)
      count += static_cast<std::uint64_t>(std::count_if(
          there.begin(), there.begin() + pages, [](unsigned char c) { return (c & 1) != 0; }));
    munmap(view, length);
  }
  return count;
}

} // namespace dumptriage::synth
