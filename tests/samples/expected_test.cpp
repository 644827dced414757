// The whole report of each sample against dumps-samples/expected.  tools/samples/update_expected.sh
// writes those files again (DUMPTRIAGE_UPDATE_EXPECTED); whoever commits the change reads it first.
#include <sstream>

#include "report/document.h"
#include "samples/samples.h"

namespace dumptriage::samples {
namespace {

// The same on every machine: paths without folders, and nothing that changes with the rules or the
// version alone.
std::string report_of(const std::string& name) {
  std::filesystem::current_path(folder());
  pipeline::Analyzer analyzer(rules::builtin_catalogue(), {{"symbols", memory::Origin::image}});
  report::Document document = analyzer.analyze(name, pipeline::Options{});
  document.tool.version = "any";
  document.tool.rules_count = 0;
  document.tool.rules_digest = "any";
  return report::to_json(document) + "\n";
}

std::string as_text(const synth::Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

// The first line that differs, for a message that fits a screen.
std::string difference(const std::string& expected, const std::string& actual) {
  std::istringstream a(expected), b(actual);
  std::string left, right;
  for (int line = 1;; ++line) {
    bool more_a = static_cast<bool>(std::getline(a, left));
    bool more_b = static_cast<bool>(std::getline(b, right));
    if (!more_a && !more_b) return "no difference";
    if (!more_a) left = "(end)";
    if (!more_b) right = "(end)";
    if (left != right)
      return "line " + std::to_string(line) + "\n  expected " + left + "\n  is       " + right;
  }
}

class Expected : public testing::TestWithParam<const char*> {};

TEST_P(Expected, ReportIsTheCommittedOne) {
  std::string name = GetParam();
  std::string path = folder() + "/expected/" + name.substr(0, name.rfind('.')) + ".json";
  std::string actual = report_of(name);
  if (std::getenv("DUMPTRIAGE_UPDATE_EXPECTED")) {
    write(path, {actual.begin(), actual.end()});
    GTEST_SKIP() << "written: " << path;
  }
  std::string expected = as_text(read(path));
  EXPECT_TRUE(expected == actual) << name << ", " << difference(expected, actual);
}

TEST_P(Expected, TwoRunsGiveTheSameBytes) {
  EXPECT_EQ(report_of(GetParam()), report_of(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Samples, Expected,
                         testing::Values(kKernel, kDamaged, kItaniumFull, kItaniumTriage,
                                         kAlphaSession, kAlphaIrp, kPaperSession, kPaperIrp,
                                         kPaperDfs, kPaperNetbt, kUserX64, kUserX86),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

} // namespace
} // namespace dumptriage::samples
