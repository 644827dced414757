// The catalogue: ready, loaded from files, and judging.  Files and facts are made on the fly.
//   bench_rules [FACTS.json...]     frozen facts are thawed and judged as well
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <unistd.h>

#include <fmt/format.h>

#include "evidence/freeze.h"
#include "rules/rules.h"

using namespace dumptriage;

namespace {

constexpr int kRules = 10000, kDumps = 10000;

// CPU time of this process, of all its threads: other work on the machine does not count.
double cpu_us() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}
double us_since(double start) { return cpu_us() - start; }
double wall_us() {
  return std::chrono::duration<double, std::micro>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// The fastest of several: the machine has other work to do.
double best_us(int times, auto&& work) {
  double best = 1e18;
  for (int i = 0; i < times; ++i) {
    const auto start = cpu_us();
    work();
    best = std::min(best, us_since(start));
  }
  return best;
}

constexpr unsigned kCodes[] = {0xA,  0x19, 0x1E, 0x20, 0x23, 0x24, 0x27, 0x35, 0x3F, 0x44,
                               0x4E, 0x50, 0x51, 0x58, 0x76, 0x77, 0x7A, 0x7E, 0x7F, 0x8E,
                               0x93, 0x96, 0x9F, 0xAB, 0xBE, 0xC1, 0xC2, 0xC4, 0xC5, 0xC9,
                               0xCA, 0xCB, 0xCE, 0xD0, 0xD1, 0xD5, 0xD6, 0xE1, 0xEA, 0xF4};

std::string module_name(unsigned number) { return fmt::format("drv{:04}.sys", number % 4000); }

// A rule as articles make them: systems, files of several branches, codes, a module, a proof.
std::string rule_text(unsigned number, std::mt19937& random) {
  constexpr const char* kFamilies[] = {"nt4", "2000", "xp", "ws2003", "vista", "win7"};
  const std::string family = kFamilies[random() % 6], module = module_name(random());
  const std::string stem = module.substr(0, module.size() - 4);
  std::string text = fmt::format(
      "schema: dumptriage.rule/1\nid: bench{0:05}\nkb: KB{1}\n"
      "title: Stop error in {2} when a request is cancelled while another one completes\n"
      "about: >\n  The driver {2} keeps a pointer to a request that it has completed already. When "
      "the\n"
      "  request is cancelled afterwards, memory that is free or of somebody else is changed, and "
      "the\n"
      "  machine stops with one of several codes, often long after.\n\n"
      "applies:\n  - os:\n      - {{family: {3}, service_pack: [{4}, {5}], arch: [x86, x64]}}\n\n"
      "fix:\n  hotfix: true\n  files:\n",
      number, 100000 + number, module, family, random() % 3, 3 + random() % 3);
  for (const char* arch : {"x86", "x64"})
    text += fmt::format("    - file: {}\n      family: {}\n      arch: {}\n"
                        "      built: {}-0{}-1{} 12:3{}\n      bytes: {}\n",
                        module, family, arch, 1999 + random() % 10, 1 + random() % 9, random() % 9,
                        random() % 9, 50000 + random() % 100000);
  text += fmt::format("  replaces: [KB{}, KB{}]\n\n"
                      "refute:\n  - module_not_loaded: {}\n\n"
                      "require:\n  - bugcheck: [0x{:X}, 0x{:X}]\n  - module_loaded: {}\n\n",
                      100000 + random() % kRules, 100000 + random() % kRules, module,
                      kCodes[random() % std::size(kCodes)], kCodes[random() % std::size(kCodes)],
                      module);
  text += fmt::format("confirm:\n  - all:\n      - frame_function: {{function: {0}!Cancel{1}, on: "
                      "crashing_thread}}\n      - module_fix: older\n\n"
                      "support:\n  strong:\n    - top_of_stack: {0}!Complete{1}\n"
                      "  weak:\n    - frame_module: {{module: {2}, within: 8}}\n\n"
                      "caveats: [Apply it only to systems that show this very problem.]\n"
                      "workaround: Stop the service that uses {2}.\n",
                      stem, random() % 100, module);
  return text;
}

evidence::Fact fact(std::string kind, std::string id,
                    std::map<std::string, evidence::Value> fields) {
  evidence::Fact made;
  made.kind = std::move(kind);
  made.id = std::move(id);
  made.fields = std::move(fields);
  made.trust = "dump";
  return made;
}

// What a kernel dump shows: 150 modules, the stacks of two CPUs and 20 threads.
evidence::FactSet machine(std::mt19937& random) {
  using evidence::Address;
  constexpr const char* kFamilies[] = {"nt4", "2000", "xp", "ws2003", "vista", "win7"};
  const std::uint64_t code = kCodes[random() % std::size(kCodes)];
  evidence::FactSet set;
  set.facts.push_back(fact(
      "stop", "stop", {{"kind", std::string("bugcheck")}, {"code", code}, {"normalized", code}}));
  set.facts.push_back(fact("os", "os",
                           {{"family", std::string(kFamilies[random() % 6])},
                            {"service_pack", std::uint64_t{random() % 5}},
                            {"service_pack_proved", true},
                            {"arch", std::string("x86")}}));
  std::vector<std::string> modules = {"ntoskrnl.exe", "hal.dll"};
  while (modules.size() < 150) modules.push_back(module_name(random()));
  for (std::size_t i = 0; i < modules.size(); ++i)
    set.facts.push_back(fact("module", fmt::format("module:{}@{}", modules[i], i),
                             {{"name", modules[i]},
                              {"base", Address{0x80000000 + i * 0x10000}},
                              {"timestamp", std::uint64_t{900000000 + random() % 300000000}}}));
  for (unsigned thread = 0; thread < 22; ++thread)
    for (std::uint64_t i = 0; i < 12; ++i) {
      auto frame = fact("frame", fmt::format("frame:{}:{}", thread, i),
                        {{"thread", fmt::format("{}", thread)},
                         {"index", i},
                         {"module", modules[random() % (i % 2 ? 2 : modules.size())]},
                         {"function", fmt::format("Cancel{}", random() % 100)},
                         {"crashed_thread", thread == 0},
                         {"sure", true},
                         {"name_exact", true},
                         {"top", i == 0 && thread < 2}});
      if (thread < 2) frame.fields["cpu"] = std::uint64_t{thread};
      set.facts.push_back(std::move(frame));
    }
  for (const char* kind : {"stop", "os", "module", "cpu", "fault", "top", "frame_crashed"})
    set.coverage.push_back({kind, evidence::Coverage::Extent::complete, 0, 0, ""});
  set.coverage.push_back({"frame", evidence::Coverage::Extent::partial, 22, 60, "threads"});
  return set;
}

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("dumptriage_bench_rules_{}", ::getpid());
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

void bench_loading(const std::vector<std::string>& texts) {
  const Folder folder;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::ofstream(folder.path / fmt::format("bench{:05}.yaml", i)) << texts[i];
    bytes += texts[i].size();
  }
  double read = 0, all = 1e18, wall = 1e18;
  std::size_t loaded = 0, errors = 0;
  for (int i = 0; i < 5; ++i) {
    const double start = cpu_us(), wall_start = wall_us();
    auto files = rules::read_rule_files(folder.path.string());
    if (!files) return (void)std::printf("%s\n", files.error().message().c_str());
    const double reading = us_since(start);
    const rules::Catalogue catalogue = rules::builtin_catalogue(*files);
    const double total = us_since(start);
    if (total < all) all = total, read = reading;
    wall = std::min(wall, wall_us() - wall_start);
    loaded = catalogue.size() - rules::builtin_catalogue().size();
    errors = catalogue.errors.size();
  }
  std::printf("%zu files of %zu bytes: %zu rules, %zu errors\n", texts.size(), bytes / texts.size(),
              loaded, errors);
  std::printf("  CPU: files read %.1f ms, loaded, reading included, %.1f ms; wall %.1f ms\n",
              read / 1e3, all / 1e3, wall / 1e3);
}

double judge_us(const rules::Catalogue& catalogue, const std::vector<evidence::FactSet>& dumps,
                std::size_t& matches) {
  matches = 0;
  return best_us(3,
                 [&] {
                   matches = 0;
                   for (const auto& facts : dumps) matches += rules::judge(catalogue, facts).size();
                 }) /
         static_cast<double>(dumps.size());
}

void bench_index(const std::vector<std::string>& texts,
                 const std::vector<evidence::FactSet>& dumps) {
  double of_500 = 0;
  for (std::size_t count : {std::size_t{500}, texts.size()}) {
    std::vector<rules::RuleText> some;
    for (std::size_t i = 0; i < count; ++i)
      some.push_back({fmt::format("{}.yaml", i), texts[i], {}});
    const rules::Catalogue catalogue = rules::load(some);
    std::size_t matches = 0, candidates = 0;
    const double us = judge_us(catalogue, dumps, matches);
    for (const auto& facts : dumps)
      candidates += catalogue.candidates(rules::FactView(facts)).size();
    if (of_500 == 0) of_500 = us;
    const auto each = static_cast<double>(dumps.size());
    std::printf("judging by %5zu rules: %8.1f us a dump, x %.2f; %.1f candidates, %.1f listed\n",
                count, us, us / of_500, static_cast<double>(candidates) / each,
                static_cast<double>(matches) / each);
  }
}

void bench_frozen(const std::vector<evidence::FactSet>& dumps, const rules::Catalogue& catalogue) {
  std::vector<std::string> frozen;
  for (const auto& facts : dumps) {
    evidence::FrozenFacts one;
    one.facts = facts;
    frozen.push_back(evidence::freeze(one));
  }
  double thawing = 0, judging = 0;
  std::size_t matches = 0;
  for (int i = 0; i < kDumps; ++i) {
    auto start = cpu_us();
    auto thawed = evidence::thaw("bench", frozen[static_cast<std::size_t>(i) % frozen.size()]);
    thawing += us_since(start);
    if (!thawed) return (void)std::printf("%s\n", thawed.error().message().c_str());
    start = cpu_us();
    matches += rules::judge(catalogue, thawed->facts).size();
    judging += us_since(start);
  }
  std::printf(
      "%d frozen dumps of %zu bytes: thaw %.1f us, judge by %zu built-in rules %.1f us each\n",
      kDumps, frozen[0].size(), thawing / kDumps, catalogue.size(), judging / kDumps);
}

void bench_file(const char* path, const rules::Catalogue& catalogue) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  const std::string json = text.str();
  auto thawed = evidence::thaw(path, json);
  if (!thawed) return (void)std::printf("%s\n", thawed.error().message().c_str());
  const double thawing = best_us(20, [&] { (void)evidence::thaw(path, json); });
  const double judging = best_us(20, [&] { rules::judge(catalogue, thawed->facts); });
  std::printf("%s, %zu facts: thaw %.1f us, judge %.1f us\n", path, thawed->facts.facts.size(),
              thawing, judging);
}

} // namespace

int main(int argc, char** argv) {
  auto start = cpu_us();
  const rules::Catalogue builtin = rules::builtin_catalogue();
  const double first = us_since(start);
  std::printf("built-in catalogue, %zu rules: ready in %.1f us (again %.1f us)\n", builtin.size(),
              first, best_us(100, [] { (void)rules::builtin_catalogue(); }));
  start = cpu_us();
  const std::size_t made = builtin.all().size();
  std::printf("all %zu of them put together: %.1f us\n", made, us_since(start));
  std::mt19937 random(1);
  std::vector<std::string> texts;
  for (unsigned i = 0; i < kRules; ++i) texts.push_back(rule_text(i, random));
  bench_loading(texts);
  std::vector<evidence::FactSet> dumps;
  for (int i = 0; i < 100; ++i) dumps.push_back(machine(random));
  bench_index(texts, dumps);
  bench_frozen(dumps, builtin);
  for (int i = 1; i < argc; ++i) bench_file(argv[i], builtin);
  return 0;
}
