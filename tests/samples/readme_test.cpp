// The README's sample is what the program prints: each of its lines, in that order, but for the
// marks of what is left out.
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "samples/samples.h"

namespace dumptriage::samples {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> sample_of_readme() {
  std::ifstream in(std::string(DUMPTRIAGE_SOURCE_DIR) + "/README.md");
  std::vector<std::string> sample;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("$ dumptriage analyze "))
      inside = true;
    else if (inside && line == "```")
      break;
    else if (inside && !line.empty() && line.find("[...]") == std::string::npos)
      sample.push_back(line);
  }
  return sample;
}

TEST(Readme, SampleIsWhatTheProgramPrints) {
  report::Document document = analyze(read(folder() + "/" + kKernel), symbols_folder());
  document.dump.path = std::string("dumps-samples/") + kKernel;
  std::vector<std::string> printed = lines_of(report::to_text(document, {}));
  std::vector<std::string> sample = sample_of_readme();
  ASSERT_GT(sample.size(), 30u);
  std::size_t at = 0;
  for (const std::string& line : sample) {
    while (at < printed.size() && printed[at] != line) ++at;
    ASSERT_LT(at, printed.size()) << "not printed (any more): " << line;
    ++at;
  }
}

} // namespace
} // namespace dumptriage::samples
