// How much of a large file a program reads.  The file is first dropped from the page cache; after
// the program has ended, mincore() tells which of its pages are there again: those that the program
// touched, and those that the kernel read ahead around them.
//
//   bench_file_share FILE COMMAND...
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <vector>

#include <fmt/format.h>

namespace {

constexpr std::uint64_t kPage = 4096;

// Pages of the file that are in the page cache, counted a stretch at a time.
std::uint64_t cached_pages(int file, std::uint64_t size) {
  constexpr std::uint64_t kStretch = 1ull << 30;
  std::uint64_t count = 0;
  std::vector<unsigned char> there(kStretch / kPage);
  for (std::uint64_t at = 0; at < size; at += kStretch) {
    std::uint64_t length = std::min(kStretch, size - at);
    void* view = mmap(nullptr, length, PROT_READ, MAP_SHARED, file, static_cast<off_t>(at));
    if (view == MAP_FAILED) continue;
    if (mincore(view, length, there.data()) == 0)
      count += static_cast<std::uint64_t>(std::count_if(
          there.begin(), there.begin() + static_cast<std::ptrdiff_t>((length + kPage - 1) / kPage),
          [](unsigned char c) { return c & 1; }));
    munmap(view, length);
  }
  return count;
}

double milliseconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
}

} // namespace

int main(int argc, char** argv) {
  int file = argc > 2 ? open(argv[1], O_RDWR) : -1;
  struct stat info{};
  if (file < 0 || fstat(file, &info) != 0) {
    fmt::print(stderr, "usage: {} FILE COMMAND...\n", argv[0]);
    return 2;
  }
  const auto size = static_cast<std::uint64_t>(info.st_size);
  fsync(file);
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  const std::uint64_t before = cached_pages(file, size);
  const auto begin = std::chrono::steady_clock::now();
  pid_t child = fork();
  if (child == 0) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  const auto end = std::chrono::steady_clock::now();
  const std::uint64_t after = cached_pages(file, size);
  const std::uint64_t pages = after > before ? after - before : 0;
  fmt::print("{:>8.1f} GiB   pages read {:>6} = {:>6.2f} MiB = {:.5f} %   cpu {:>7.1f} ms   wall "
             "{:>7.1f} ms   peak {:>6.1f} MiB   minor faults {:>6}   exit {}\n",
             static_cast<double>(size) / (1ull << 30), pages,
             static_cast<double>(pages * kPage) / (1 << 20),
             100.0 * static_cast<double>(pages * kPage) / static_cast<double>(size),
             milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime),
             std::chrono::duration<double, std::milli>(end - begin).count(),
             static_cast<double>(usage.ru_maxrss) / 1024, usage.ru_minflt,
             WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
  if (before != 0) fmt::print("  ({} pages could not be dropped before)\n", before);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}
