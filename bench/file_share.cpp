// How much of a large file a program reads.  The file is first dropped from the page cache; after
// the program has ended, mincore() tells which of its pages are there again: those that the program
// touched, and those that the kernel read ahead around them.
//
//   bench_file_share FILE COMMAND...
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fcntl.h>

#include <fmt/format.h>

#include "../tests/synth/page_cache.h"

namespace {

double milliseconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
}

} // namespace

int main(int argc, char** argv) {
  using namespace dumptriage;
  int file = argc > 2 ? open(argv[1], O_RDWR) : -1;
  struct stat info{};
  if (file < 0 || fstat(file, &info) != 0) {
    fmt::print(stderr, "usage: {} FILE COMMAND...\n", argv[0]);
    return 2;
  }
  const auto size = static_cast<std::uint64_t>(info.st_size);
  synth::drop_from_page_cache(file);
  const std::uint64_t before = synth::pages_in_cache(file, size);
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
  const std::uint64_t after = synth::pages_in_cache(file, size);
  const std::uint64_t pages = after > before ? after - before : 0;
  fmt::print("{:>8.1f} GiB   pages read {:>6} = {:>6.2f} MiB = {:.5f} %   cpu {:>7.1f} ms   wall "
             "{:>7.1f} ms   peak {:>6.1f} MiB   minor faults {:>6}   exit {}\n",
             static_cast<double>(size) / (1ull << 30), pages,
             static_cast<double>(pages * synth::kCachePage) / (1 << 20),
             100.0 * static_cast<double>(pages * synth::kCachePage) / static_cast<double>(size),
             milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime),
             std::chrono::duration<double, std::milli>(end - begin).count(),
             static_cast<double>(usage.ru_maxrss) / 1024, usage.ru_minflt,
             WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
  if (before != 0) fmt::print("  ({} pages could not be dropped before)\n", before);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}
