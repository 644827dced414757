// dumptriage_torture NAME - analyses many damaged copies of the sample dumps and demands that none
// crashes, none takes a second of CPU time and none allocates more than 256 MiB.
//   dumptriage_torture samples [--percent P] [--seed N] [--jobs N] [--dir DIR] [--save DIR]
// Each sample is cut at every byte, and 100,000 copies in all get bytes changed at random;
// --percent takes that share of both.  Mutants are analysed in forked workers; one that dies costs
// its mutant only.  --save keeps what failed.  The same seed makes the same mutants.
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

namespace dumptriage::torture {
namespace {

constexpr std::uint64_t kFlips = 100'000;
constexpr std::uint64_t kHeapLimit = 256ull << 20;
constexpr int kCpuSeconds = 1, kWallSeconds = 20;
constexpr std::uint64_t kMutantsPerWorker = 4096;
constexpr int kOverMemory = 77; // exit code of a worker

using Bytes = std::vector<std::uint8_t>;

struct Settings {
  std::string dir = DUMPTRIAGE_SOURCE_DIR "/dumps-samples", save;
  double percent = 100;
  std::uint64_t seed = 1;
  int jobs = 1;
};

struct Sample {
  std::string name;
  Bytes bytes;
  std::uint64_t flips = 0;
  // Mutants are numbered: [0, size) cuts, then flips.
  std::uint64_t mutants() const { return bytes.size() + flips; }
};

// Shared with the workers.
struct Counts {
  std::uint64_t current, done, documents, errors, crashes, hangs, over_memory, slowest_us,
      peak_bytes;
};

// SplitMix64: small, and the same everywhere.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

bool chosen(const Settings& settings, std::uint64_t sample, std::uint64_t mutant) {
  if (settings.percent >= 100) return true;
  std::uint64_t draw = mix(settings.seed ^ mix(sample << 40 ^ mutant)) % 1'000'000;
  return static_cast<double>(draw) < settings.percent * 10'000;
}

// Where a change goes: half anywhere, half where headers, directories and tables begin.
std::uint64_t place(std::uint64_t draw, std::uint64_t size) {
  static constexpr struct {
    std::uint64_t start, length;
  } kHot[] = {{0, 0x100}, {0, 0x1100}, {0x2000, 0x80}, {0x2000, 0x200}};
  std::uint64_t start = 0, length = size;
  if (draw & 1) {
    start = kHot[(draw >> 1) % 4].start;
    length = kHot[(draw >> 1) % 4].length;
  }
  if (start >= size) start = 0;
  return start + (draw >> 8) % std::min(length, size - start);
}

Bytes mutate(const Sample& sample, std::uint64_t index, std::uint64_t seed) {
  if (index < sample.bytes.size())
    return Bytes(sample.bytes.begin(), sample.bytes.begin() + static_cast<std::ptrdiff_t>(index));
  Bytes bytes = sample.bytes;
  std::uint64_t state = mix(seed ^ mix(index)) ^ bytes.size();
  std::uint64_t count = 1 + mix(state) % 8;
  for (std::uint64_t i = 0; i < count; ++i) {
    state = mix(state + i);
    std::uint64_t at = place(state, bytes.size()), draw = mix(state);
    if (draw % 4 == 0) { // a whole number of four bytes at the edge of something
      const std::uint32_t edges[] = {
          0,          1,          0x7FFFFFFF, 0x80000000,
          0xFFFFFFFF, 0xFFFFFFF0, 0x00010000, static_cast<std::uint32_t>(bytes.size())};
      at &= ~std::uint64_t{3};
      std::uint32_t value = edges[(draw >> 8) % std::size(edges)];
      std::memcpy(bytes.data() + at, &value, std::min<std::uint64_t>(4, bytes.size() - at));
    } else {
      bytes[at] ^= static_cast<std::uint8_t>(1 + (draw >> 8) % 255);
    }
  }
  return bytes;
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
      rules::load(rules::builtin_rule_texts()),
      std::vector<symbols::SearchRoot>{{settings.dir + "/symbols", memory::Origin::image}});
}

void analyze_one(pipeline::Analyzer& analyzer, const Bytes& bytes, Counts& counts) {
  set_limits(true);
  std::uint64_t begin = cpu_us();
  heap_limit(kHeapLimit, kOverMemory);
  {
    auto file = MappedFile::borrow(ByteView(bytes.data(), bytes.size()), "mutant.dmp");
    pipeline::Options options;
    options.threads = pipeline::Threads::all;
    report::Document document = analyzer.analyze(std::move(file), options);
    std::string json = report::to_json(document), text = report::to_text(document, {});
    if (!json.empty() && !text.empty()) ++counts.documents;
    if (document.error) ++counts.errors;
  }
  counts.peak_bytes = std::max(counts.peak_bytes, heap_peak());
  heap_limit(UINT64_MAX, 0);
  set_limits(false);
  counts.slowest_us = std::max(counts.slowest_us, cpu_us() - begin);
}

// One worker: mutants [first, last) of one sample that belong to job `job`.
void work(const Settings& settings, const Sample& sample, std::uint64_t number, int job,
          std::uint64_t first, std::uint64_t last, Counts& counts) {
  auto analyzer = make_analyzer(settings);
  { // what is read once per run is not the mutant's
    Counts unused{};
    analyze_one(*analyzer, sample.bytes, unused);
  }
  for (std::uint64_t i = first; i < last; ++i) {
    if (i % static_cast<std::uint64_t>(settings.jobs) != static_cast<std::uint64_t>(job)) continue;
    if (!chosen(settings, number, i)) continue;
    counts.current = i;
    analyze_one(*analyzer, mutate(sample, i, settings.seed), counts);
    ++counts.done;
  }
  counts.current = last;
}

void keep(const Settings& settings, const Sample& sample, std::uint64_t index, const char* what) {
  std::string where = index < sample.bytes.size()
                          ? fmt::format("cut at {}", index)
                          : fmt::format("flip {}", index - sample.bytes.size());
  std::fprintf(stderr, "%s: %s: %s\n", sample.name.c_str(), where.c_str(), what);
  if (settings.save.empty()) return;
  Bytes bytes = mutate(sample, index, settings.seed);
  std::ofstream(fmt::format("{}/{}-{}.dmp", settings.save, sample.name, index), std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

// Runs one range in a child until it is done; returns where to go on.
std::uint64_t run_child(const Settings& settings, const Sample& sample, std::uint64_t number,
                        int job, std::uint64_t first, std::uint64_t last, Counts& counts) {
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

void torture_job(const Settings& settings, const std::vector<Sample>& samples, int job,
                 Counts* counts) {
  for (std::size_t s = 0; s < samples.size(); ++s)
    for (std::uint64_t at = 0; at < samples[s].mutants();) {
      std::uint64_t share = static_cast<std::uint64_t>(static_cast<double>(kMutantsPerWorker) *
                                                       settings.jobs * 100 / settings.percent);
      std::uint64_t last = std::min(samples[s].mutants(), at + share);
      at = run_child(settings, samples[s], s, job, at, last, counts[s]);
    }
}

std::vector<Sample> read_samples(const std::string& dir) {
  std::vector<Sample> samples;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    if (entry.path().extension() != ".dmp") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
    samples.push_back({entry.path().filename().string(), Bytes(text.begin(), text.end()), 0});
  }
  std::sort(samples.begin(), samples.end(),
            [](const Sample& a, const Sample& b) { return a.name < b.name; });
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i].flips = kFlips / samples.size() + (i < kFlips % samples.size() ? 1 : 0);
  return samples;
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
  std::vector<Sample> samples = read_samples(settings.dir);
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
  std::fputs("usage: dumptriage_torture samples [--percent P] [--seed N] [--jobs N] [--dir DIR] "
             "[--save DIR]\n",
             stderr);
  return 2;
}

} // namespace
} // namespace dumptriage::torture

int main(int argc, char** argv) {
  using namespace dumptriage::torture;
  if (argc < 2 || std::strcmp(argv[1], "samples") != 0 || argc % 2 != 0) return usage();
  Settings settings;
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
  if (!(settings.percent > 0) || settings.percent > 100 || settings.jobs < 1 || settings.jobs > 64)
    return usage();
  return torture(settings);
}
