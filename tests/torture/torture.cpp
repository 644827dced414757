// dumptriage_torture NAME - analyses many damaged copies of dumps and demands that none crashes,
// none takes a second of CPU time and none allocates more than 256 MiB.
//   dumptriage_torture samples|kernel-dumps [--percent P] [--seed N] [--jobs N] [--dir DIR]
//                      [--save DIR]
// torture/samples.h says which dumps, torture/mutate.h how they are damaged; --percent takes that
// share of all mutants.  Mutants are analysed in forked workers; one that dies costs its mutant
// only.  --save keeps what failed.  The same seed makes the same mutants.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "pipeline/analyze.h"
#include "report/document.h"
#include "torture/heap.h"
#include "torture/mutate.h"
#include "torture/samples.h"

namespace dumptriage::torture {
namespace {

constexpr std::uint64_t kHeapLimit = 256ull << 20;
constexpr int kCpuSeconds = 1, kWallSeconds = 20;
constexpr std::uint64_t kMutantsPerWorker = 4096;
constexpr int kOverMemory = 77; // exit code of a worker

struct Settings {
  bool kernel_dumps = false;
  std::string dir, save; // where the dumps are; where failures are kept
  std::string symbols;   // images and symbols
  double percent = 100;
  std::uint64_t seed = 1;
  int jobs = 1;
  // One in so many mutants is printed, as JSON and as text: of kernel dumps with all their threads
  // that would be half of the work.
  int print_every() const { return kernel_dumps ? 8 : 1; }
};

// Shared with the workers.
struct Counts {
  std::uint64_t current, done, documents, errors, crashes, hangs, over_memory, slowest_us,
      peak_bytes;
};

bool chosen(const Settings& settings, std::uint64_t sample, std::uint64_t mutant) {
  if (settings.percent >= 100) return true;
  std::uint64_t draw = mix(settings.seed ^ mix(sample << 40 ^ mutant)) % 1'000'000;
  return static_cast<double>(draw) < settings.percent * 10'000;
}

std::uint64_t cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

void set_limits(bool on) {
  itimerval cpu{}, wall{};
  cpu.it_value.tv_sec = on ? kCpuSeconds : 0;
  wall.it_value.tv_sec = on ? kWallSeconds : 0;
  setitimer(ITIMER_PROF, &cpu, nullptr);  // SIGPROF ends the worker
  setitimer(ITIMER_REAL, &wall, nullptr); // SIGALRM as well
}

std::unique_ptr<pipeline::Analyzer> make_analyzer(const Settings& settings) {
  return std::make_unique<pipeline::Analyzer>(
      rules::builtin_catalogue(),
      std::vector<symbols::SearchRoot>{{settings.symbols, memory::Origin::image}});
}

void analyze_one(pipeline::Analyzer& analyzer, ByteView bytes,
                 const std::vector<std::uint64_t>& addresses, bool print, Counts& counts) {
  set_limits(true);
  std::uint64_t begin = cpu_us();
  heap_limit(kHeapLimit, kOverMemory);
  {
    auto file = MappedFile::borrow(bytes, "mutant.dmp");
    pipeline::Options options;
    options.threads = pipeline::Threads::all;
    options.locks = true;
    options.pool = addresses;
    report::Document document = analyzer.analyze(std::move(file), options);
    std::string json, text;
    if (print) {
      json = report::to_json(document);
      text = report::to_text(document, {});
    }
    if (!print || (!json.empty() && !text.empty())) ++counts.documents;
    if (document.error) ++counts.errors;
  }
  counts.peak_bytes = std::max(counts.peak_bytes, heap_peak());
  heap_limit(UINT64_MAX, 0);
  set_limits(false);
  counts.slowest_us = std::max(counts.slowest_us, cpu_us() - begin);
}

// One worker: mutants [first, last) of one sample that belong to job `job`.
void work(const Settings& settings, Sample& sample, std::uint64_t number, int job,
          std::uint64_t first, std::uint64_t last, Counts& counts) {
  auto analyzer = make_analyzer(settings);
  { // what is read once per run is not the mutant's
    Counts unused{};
    analyze_one(*analyzer, ByteView(sample.bytes.data(), sample.bytes.size()), sample.addresses,
                true, unused);
  }
  for (std::uint64_t i = first; i < last; ++i) {
    if (i % static_cast<std::uint64_t>(settings.jobs) != static_cast<std::uint64_t>(job)) continue;
    if (!chosen(settings, number, i)) continue;
    counts.current = i;
    Mutant mutant(sample, i, settings.seed);
    bool print = i % static_cast<std::uint64_t>(settings.print_every()) == 0;
    analyze_one(*analyzer, ByteView(mutant.data(), mutant.size()), sample.addresses, print, counts);
    ++counts.done;
  }
  counts.current = last;
}

void keep(const Settings& settings, Sample& sample, std::uint64_t index, const char* what) {
  std::fprintf(stderr, "%s: %s: %s\n", sample.name.c_str(), describe(sample, index).c_str(), what);
  if (settings.save.empty()) return;
  Mutant mutant(sample, index, settings.seed);
  std::ofstream(fmt::format("{}/{}-{}.dmp", settings.save, sample.name, index), std::ios::binary)
      .write(reinterpret_cast<const char*>(mutant.data()),
             static_cast<std::streamsize>(mutant.size()));
}

// Runs one range in a child until it is done; returns where to go on.
std::uint64_t run_child(const Settings& settings, Sample& sample, std::uint64_t number, int job,
                        std::uint64_t first, std::uint64_t last, Counts& counts) {
  counts.current = UINT64_MAX;
  std::fflush(nullptr);
  pid_t child = fork();
  if (child == 0) {
    work(settings, sample, number, job, first, last, counts);
    std::_Exit(0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) std::exit(2);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return last;
  if (counts.current == UINT64_MAX) {
    std::fprintf(stderr, "%s: the undamaged sample fails\n", sample.name.c_str());
    ++counts.crashes;
    return last;
  }
  bool memory = WIFEXITED(status) && WEXITSTATUS(status) == kOverMemory;
  bool hang = WIFSIGNALED(status) && (WTERMSIG(status) == SIGPROF || WTERMSIG(status) == SIGALRM);
  ++(memory ? counts.over_memory : hang ? counts.hangs : counts.crashes);
  ++counts.done;
  std::string what = memory                ? "more than 256 MiB"
                     : hang                ? "more than a second"
                     : WIFSIGNALED(status) ? fmt::format("ended by {}", strsignal(WTERMSIG(status)))
                                           : fmt::format("exit code {}", WEXITSTATUS(status));
  keep(settings, sample, counts.current, what.c_str());
  return counts.current + 1;
}

void torture_job(const Settings& settings, std::vector<Sample>& samples, int job, Counts* counts) {
  for (std::size_t s = 0; s < samples.size(); ++s)
    for (std::uint64_t at = 0; at < samples[s].mutants();) {
      std::uint64_t share = static_cast<std::uint64_t>(static_cast<double>(kMutantsPerWorker) *
                                                       settings.jobs * 100 / settings.percent);
      std::uint64_t last = std::min(samples[s].mutants(), at + share);
      at = run_child(settings, samples[s], s, job, at, last, counts[s]);
    }
}

int print_table(const Settings& settings, const std::vector<Sample>& samples,
                const std::vector<Counts>& totals) {
  fmt::print("seed {}, {} % of the mutants\n\n", settings.seed, settings.percent);
  fmt::print(
      "| sample | bytes | mutants | documents | of these with error | crashes | hangs over 1 s | "
      "over 256 MiB | slowest, ms of CPU | largest heap, MiB |\n"
      "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
  std::uint64_t bad = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Counts& c = totals[i];
    fmt::print("| {} | {} | {} | {} | {} | {} | {} | {} | {:.1f} | {:.1f} |\n", samples[i].name,
               samples[i].bytes.size(), c.done, c.documents, c.errors, c.crashes, c.hangs,
               c.over_memory, static_cast<double>(c.slowest_us) / 1000,
               static_cast<double>(c.peak_bytes) / (1 << 20));
    bad += c.crashes + c.hangs + c.over_memory + (c.done - c.documents);
    if (c.done == 0) ++bad;
  }
  return bad == 0 ? 0 : 1;
}

int torture(const Settings& settings) {
  std::vector<Sample> samples =
      settings.kernel_dumps ? kernel_dump_samples(settings.dir) : dump_samples(settings.dir);
  if (samples.empty()) {
    std::fprintf(stderr, "no samples in %s\n", settings.dir.c_str());
    return 2;
  }
  std::size_t cells = samples.size() * static_cast<std::size_t>(settings.jobs);
  auto* counts = static_cast<Counts*>(mmap(nullptr, cells * sizeof(Counts), PROT_READ | PROT_WRITE,
                                           MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (counts == MAP_FAILED) return 2;
  for (int job = 0; job < settings.jobs; ++job)
    if (fork() == 0) {
      torture_job(settings, samples, job, counts + static_cast<std::size_t>(job) * samples.size());
      std::_Exit(0);
    }
  bool whole = true;
  for (int status = 0; wait(&status) > 0;) whole &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
  std::vector<Counts> totals(samples.size());
  for (std::size_t i = 0; i < cells; ++i) {
    Counts& t = totals[i % samples.size()];
    const Counts& c = counts[i];
    t.done += c.done, t.documents += c.documents, t.errors += c.errors, t.crashes += c.crashes;
    t.hangs += c.hangs, t.over_memory += c.over_memory;
    t.slowest_us = std::max(t.slowest_us, c.slowest_us);
    t.peak_bytes = std::max(t.peak_bytes, c.peak_bytes);
  }
  int result = print_table(settings, samples, totals);
  return whole ? result : 2;
}

int usage() {
  std::fputs("usage: dumptriage_torture samples|kernel-dumps [--percent P] [--seed N] [--jobs N] "
             "[--dir DIR] [--save DIR]\n",
             stderr);
  return 2;
}

} // namespace
} // namespace dumptriage::torture

int main(int argc, char** argv) {
  using namespace dumptriage::torture;
  if (argc < 2 || argc % 2 != 0) return usage();
  Settings settings;
  settings.kernel_dumps = std::strcmp(argv[1], "kernel-dumps") == 0;
  if (!settings.kernel_dumps && std::strcmp(argv[1], "samples") != 0) return usage();
  settings.dir = settings.kernel_dumps ? DUMPTRIAGE_SOURCE_DIR "/tests/data/kernels"
                                       : DUMPTRIAGE_SOURCE_DIR "/dumps-samples";
  for (int i = 2; i + 1 < argc; i += 2) {
    std::string name = argv[i], value = argv[i + 1];
    if (name == "--percent")
      settings.percent = std::atof(value.c_str());
    else if (name == "--seed")
      settings.seed = std::strtoull(value.c_str(), nullptr, 0);
    else if (name == "--jobs")
      settings.jobs = std::atoi(value.c_str());
    else if (name == "--dir")
      settings.dir = value;
    else if (name == "--save")
      settings.save = value;
    else
      return usage();
  }
  settings.symbols = settings.kernel_dumps ? settings.dir : settings.dir + "/symbols";
  if (!(settings.percent > 0) || settings.percent > 100 || settings.jobs < 1 || settings.jobs > 64)
    return usage();
  return torture(settings);
}
