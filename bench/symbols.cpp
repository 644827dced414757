// Times of one symbol file, in this process: opening it, the first lookup, 10,000 lookups spread
// over the code, and the names of a stack of 100 frames; each from a fresh start, best of several.
//   bench_symbols FILE FIRST_RVA LAST_RVA            a table
//   bench_symbols FILE FIRST_RVA LAST_RVA COUNT      only COUNT lookups, for whole-process times
//   bench_symbols FILE FIRST_RVA LAST_RVA list COUNT the addresses of those lookups
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "symbols/pdb_types.h"
#include "symbols/sources.h"

using namespace dumptriage;

namespace {

using Clock = std::chrono::steady_clock;

struct Range {
  std::uint32_t first = 0, last = 0;
  // A walk over the code that comes by everywhere, in no order.
  std::uint32_t at(std::uint32_t i) const { return first + (i * 2654435761u) % (last - first); }
};

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::shared_ptr<symbols::SymbolSource> open(const std::string& path) {
  auto source =
      path.ends_with(".sym") ? symbols::open_breakpad(path, {}) : symbols::open_pdb(path, {});
  if (source) return *source;
  std::fprintf(stderr, "%s\n", source.error().message().c_str());
  std::exit(1);
}

std::size_t name(symbols::SymbolSource& source, std::uint32_t rva) {
  auto symbol = source.lookup(rva);
  return source.inlines(rva).size() + (symbol ? symbol->function.size() : 0);
}

template <class Work> void row(const char* what, int times, Work work) {
  double best = 1e9;
  for (int i = 0; i < times; ++i) best = std::min(best, work());
  std::printf("%-32s %10.3f ms\n", what, best);
}

void table(const std::string& path, Range range) {
  std::size_t found = 0;
  row("open", 21, [&] {
    auto start = Clock::now();
    auto source = open(path);
    return ms_since(start);
  });
  row("open and first lookup", 21, [&] {
    auto start = Clock::now();
    auto source = open(path);
    found += name(*source, range.at(1));
    return ms_since(start);
  });
  row("open and a stack of 100 frames", 11, [&] {
    auto start = Clock::now();
    auto source = open(path);
    for (std::uint32_t i = 0; i < 100; ++i) found += name(*source, range.at(i));
    return ms_since(start);
  });
  row("the next 10,000 lookups", 5, [&] {
    auto source = open(path);
    for (std::uint32_t i = 0; i < 10000; ++i) found += name(*source, range.at(i));
    auto start = Clock::now();
    for (std::uint32_t i = 0; i < 10000; ++i) found += name(*source, range.at(i + 10000));
    return ms_since(start);
  });
  row("open and one structure's layout", 5, [&] {
    auto start = Clock::now();
    auto source = open(path);
    if (const auto* types = source->types()) found += types->size("_KTHREAD").value_or(0);
    return ms_since(start);
  });
  if (found == 0) std::puts("nothing was found");
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 4)
    return std::fputs("bench_symbols FILE FIRST_RVA LAST_RVA [[list] COUNT]\n", stderr), 2;
  auto number = [](const char* text) {
    return static_cast<std::uint32_t>(std::strtoul(text, nullptr, 0));
  };
  const Range range{number(argv[2]), number(argv[3])};
  if (range.last <= range.first) return 2;
  if (argc == 4) return table(argv[1], range), 0;
  const std::uint32_t count = number(argv[argc - 1]);
  if (argc > 5) {
    for (std::uint32_t i = 0; i < count; ++i) std::printf("0x%x\n", range.at(i));
    return 0;
  }
  auto source = open(argv[1]);
  std::size_t found = 0;
  for (std::uint32_t i = 0; i < count; ++i) found += name(*source, range.at(i));
  return found == 0;
}
