// Times whole processes side by side in one run: CPU seconds (user + system) and peak memory from
// the kernel's own accounting (wait4), wall clock for orientation.  The programs take turns, so
// that a busy machine disturbs all of them alike.
//
//   bench_whole_process ROUNDS NAME COMMAND [NAME COMMAND]...     (COMMAND: words split at blanks)
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace {

struct Sample {
  double cpu_ms = 0, wall_ms = 0, peak_mib = 0;
};

struct Contender {
  std::string name;
  std::vector<std::string> words;
  std::vector<Sample> samples;
  int exit_code = 0;
};

double milliseconds(const timeval& t) { return t.tv_sec * 1e3 + t.tv_usec / 1e3; }

Sample run_once(Contender& contender) {
  auto begin = std::chrono::steady_clock::now();
  pid_t child = fork();
  if (child == 0) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    std::vector<char*> arguments;
    for (std::string& word : contender.words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  auto end = std::chrono::steady_clock::now();
  contender.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return {milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime),
          std::chrono::duration<double, std::milli>(end - begin).count(), usage.ru_maxrss / 1024.0};
}

double median(std::vector<Sample> samples, double Sample::* field) {
  std::sort(samples.begin(), samples.end(),
            [&](const Sample& a, const Sample& b) { return a.*field < b.*field; });
  return samples[samples.size() / 2].*field;
}

} // namespace

int main(int argc, char** argv) {
  int rounds = argc > 1 ? std::atoi(argv[1]) : 0;
  if (rounds < 1 || argc < 4 || argc % 2 != 0) {
    fmt::print(stderr, "usage: {} ROUNDS NAME COMMAND [NAME COMMAND]...\n", argv[0]);
    return 2;
  }
  std::vector<Contender> contenders;
  for (int i = 2; i + 1 < argc; i += 2) {
    std::istringstream words(argv[i + 1]);
    Contender contender{argv[i], {}, {}, 0};
    for (std::string word; words >> word;) contender.words.push_back(word);
    contenders.push_back(std::move(contender));
  }
  for (int round = 0; round < rounds; ++round)
    for (Contender& contender : contenders) contender.samples.push_back(run_once(contender));

  fmt::print("{:<28} {:>9} {:>9} {:>9} {:>5}   median of {}\n", "", "cpu ms", "wall ms", "peak MiB",
             "exit", rounds);
  for (const Contender& contender : contenders)
    fmt::print("{:<28} {:>9.2f} {:>9.2f} {:>9.1f} {:>5}\n", contender.name,
               median(contender.samples, &Sample::cpu_ms),
               median(contender.samples, &Sample::wall_ms),
               median(contender.samples, &Sample::peak_mib), contender.exit_code);
}
