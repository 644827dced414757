// The longest stack of a dump: walked and named in this process, from nothing and again.
//   bench_walk DUMP PATH...       PATHs hold images and symbols
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "dump/dump.h"
#include "stack/stack.h"
#include "symbols/module_set.h"
#include "system/snapshot.h"

using namespace dumptriage;

namespace {

using Clock = std::chrono::steady_clock;

double us_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

stack::Stack walk(const system::ThreadState& thread, const arch::Arch& arch,
                  symbols::ModuleSet& modules) {
  return stack::walk(*thread.context, arch, modules, thread.stack_low, thread.stack_high);
}

void row(const char* what, double us, std::size_t frames) {
  std::printf("%-40s %10.0f us %8.2f us a frame\n", what, us, us / static_cast<double>(frames));
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("bench_walk DUMP PATH...\n", stderr), 2;
  auto dump = dump::open(argv[1]);
  if (!dump) return std::fprintf(stderr, "%s\n", dump.error().message().c_str()), 1;
  const system::Snapshot snapshot = system::take_snapshot(*dump);
  std::vector<symbols::SearchRoot> roots;
  for (int i = 2; i < argc; ++i) roots.push_back({argv[i], memory::Origin::image});
  symbols::Store store(std::move(roots));
  const arch::Arch* arch = arch::find(snapshot.machine);
  if (arch == nullptr) return 1;

  const system::ThreadState* longest = nullptr;
  std::size_t frames = 0, sure = 0;
  for (const system::ThreadState& thread : snapshot.threads) {
    if (!thread.context) continue;
    symbols::ModuleSet modules(snapshot.modules, snapshot.memory, snapshot.machine, &store);
    const stack::Stack stack = walk(thread, *arch, modules);
    if (stack.frames.size() <= frames) continue;
    longest = &thread;
    frames = stack.frames.size();
    sure = stack.sure_frames;
  }
  if (longest == nullptr) return std::puts("no thread has registers"), 1;
  std::printf("thread %s: %zu frames, %zu of them sure\n", longest->id.c_str(), frames, sure);

  double first = 1e12, again = 1e12, named = 1e12;
  for (int i = 0; i < 9; ++i) {
    symbols::ModuleSet modules(snapshot.modules, snapshot.memory, snapshot.machine, &store);
    auto start = Clock::now();
    walk(*longest, *arch, modules);
    first = std::min(first, us_since(start));
    start = Clock::now();
    stack::Stack stack = walk(*longest, *arch, modules);
    again = std::min(again, us_since(start));
    start = Clock::now();
    stack::name_frames(stack, modules);
    named = std::min(named, us_since(start));
  }
  row("walk, files just opened", first, frames);
  row("walk again", again, frames);
  row("names, lines, inlined calls", named, frames);
  return 0;
}
