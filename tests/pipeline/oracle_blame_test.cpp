// Dumps of executed code whose culprit is known and does not stand on top: a call through null (pc
// is 0), and an exception that the system raises for its caller.  Skipped without the folder of
// real dumps; the second kind also needs the system's images, named by DUMPTRIAGE_WINE_DIR and
// DUMPTRIAGE_WINE32_DIR.
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "pipeline/analyze.h"

namespace dumptriage::pipeline {
namespace {

namespace fs = std::filesystem;

struct Case {
  const char* set;
  const char* dump;
  const char* culprit;
  bool needs_system = false;
};
constexpr Case kCases[] = {
    {"clang-x86_64", "callnull-0", "CallNull"},
    {"clang-i686", "callnull-0", "CallNull"},
    {"clang-x86_64", "raise-0", "Raise", true},
    {"clang-i686", "raise-0", "Raise", true},
};

std::string system_images(bool is64) {
  if (const char* named = std::getenv(is64 ? "DUMPTRIAGE_WINE_DIR" : "DUMPTRIAGE_WINE32_DIR"))
    return named;
  return is64 ? "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows"
              : "/usr/lib/i386-linux-gnu/wine/i386-windows";
}

class OracleBlame : public testing::TestWithParam<Case> {};

TEST_P(OracleBlame, TheCallerIsBlamedNotTheTop) {
  const Case& c = GetParam();
  fs::path folder = fs::path(DUMPTRIAGE_SHARED_DIR) / "oracles/user" / c.set;
  fs::path dump = folder / "dumps" / (std::string(c.dump) + ".dmp");
  if (!fs::exists(dump)) GTEST_SKIP() << "skipped: no " << c.dump;
  std::vector<symbols::SearchRoot> roots = {{folder.string(), memory::Origin::image}};
  if (c.needs_system) {
    const std::string images = system_images(std::string(c.set) == "clang-x86_64");
    if (!fs::exists(images)) GTEST_SKIP() << "skipped: no system images in " << images;
    roots.push_back({images, memory::Origin::image});
  }
  Analyzer analyzer(rules::load({}), std::move(roots));
  report::Document document = analyzer.analyze(dump.string(), {});
  ASSERT_FALSE(document.threads.empty());
  ASSERT_FALSE(document.threads[0].frames.empty());
  EXPECT_NE(document.threads[0].frames[0].module, "crash.exe");
  EXPECT_EQ(document.blame.module, "crash.exe") << document.blame.why;
  EXPECT_EQ(document.blame.function, c.culprit) << document.blame.why;
}

INSTANTIATE_TEST_SUITE_P(User, OracleBlame, testing::ValuesIn(kCases));

} // namespace
} // namespace dumptriage::pipeline
