// The built program from outside: exit codes, what goes to which stream, and the same bytes twice.
#include "cli/program.h"

#include <nlohmann/json.hpp>

namespace dumptriage {
namespace {

// A minidump with a SystemInfo stream alone (MINIDUMP_HEADER, one directory entry, 56 bytes):
// Windows XP on x86.
std::string small_dump() {
  std::string bytes(32 + 12 + 56, '\0');
  auto put = [&](std::size_t at, std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
  };
  put(0, 0x504D444D, 4); // 'MDMP'
  put(4, 0xA793, 4);
  put(8, 1, 4);
  put(12, 32, 4);
  put(20, 1000000000, 4);
  put(32, 7, 4); // SystemInfoStream
  put(36, 56, 4);
  put(40, 44, 4);
  put(44 + 8, 5, 4); // MajorVersion
  put(44 + 12, 1, 4);
  put(44 + 16, 2600, 4);
  put(44 + 20, 2, 4); // VER_PLATFORM_WIN32_NT
  return bytes;
}

TEST_F(Program, HelpAndVersionSucceedOnStdout) {
  Ran help = run("--help");
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.out.find("analyze"), std::string::npos);
  EXPECT_EQ(help.err, "");
  for (const char* command : {"analyze", "scan", "symbols", "rules", "rules check"}) {
    Ran one = run(std::string(command) + " --help");
    EXPECT_EQ(one.code, 0) << command;
    EXPECT_NE(one.out.find("Usage"), std::string::npos) << command;
  }
  Ran version = run("--version");
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.out.find("dumptriage "), 0u);
}

TEST_F(Program, WrongUsageIsTwoAndSilentOnStdout) {
  write("a.dmp", small_dump());
  for (const char* arguments :
       {"", "nonsense", "analyze", "scan", "rules", "symbols", "analyze a.dmp --format yaml",
        "analyze a.dmp --threads some", "analyze --bogus a.dmp", "scan . --format json",
        "analyze a.dmp --images missing-folder", "analyze a.dmp --symbols missing-folder",
        "analyze a.dmp --rules missing-folder", "rules check missing-folder",
        "rules list missing-folder", "analyze a.dmp --output missing-folder/x"}) {
    Ran ran = run(arguments);
    EXPECT_EQ(ran.code, 2) << arguments;
    EXPECT_EQ(ran.out, "") << arguments;
    EXPECT_NE(ran.err, "") << arguments;
  }
}

TEST_F(Program, GoodDumpIsZero) {
  write("a.dmp", small_dump());
  Ran text = run("analyze a.dmp");
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_EQ(text.out.find("No known issue"), 0u);
  EXPECT_EQ(text.out.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.err, "");
  Ran json = run("analyze a.dmp --format json");
  EXPECT_EQ(json.code, 0);
  expect_valid(json.out);
  auto document = nlohmann::json::parse(json.out);
  EXPECT_EQ(document["dump"]["path"], "a.dmp");
  EXPECT_EQ(document["dump"]["size"], 100);
  EXPECT_EQ(document["os"]["build"], 2600);
  EXPECT_EQ(document["dump"]["arch"], "x86");
}

TEST_F(Program, FilesThatAreNoDumpsAreOneWithADocument) {
  write("empty.dmp", "");
  write("text.dmp", "Dear sir or madam, this is not a dump but a letter.\n");
  write("cut.dmp", small_dump().substr(0, 40));
  fs::create_directory(folder_ / "folder");
  for (const char* name :
       {"missing.dmp", "empty.dmp", "text.dmp", "cut.dmp", "folder", "/dev/null"}) {
    Ran json = run(std::string("analyze --format json ") + name);
    EXPECT_EQ(json.code, 1) << name;
    expect_valid(json.out);
    auto document = nlohmann::json::parse(json.out, nullptr, false);
    ASSERT_TRUE(document.is_object()) << name;
    EXPECT_TRUE(document.contains("error")) << name;
    EXPECT_NE(json.err.find(name), std::string::npos) << name;
    Ran text = run(std::string("analyze ") + name);
    EXPECT_EQ(text.code, 1) << name;
    EXPECT_EQ(text.out.find("Cannot be analysed: "), 0u) << name;
    EXPECT_EQ(run(std::string("symbols ") + name).code, 1) << name;
  }
}

TEST_F(Program, SeveralDumpsGiveAnArray) {
  write("a.dmp", small_dump());
  Ran ran = run("analyze --format json a.dmp missing.dmp a.dmp");
  EXPECT_EQ(ran.code, 1);
  auto array = nlohmann::json::parse(ran.out);
  ASSERT_EQ(array.size(), 3u);
  EXPECT_TRUE(array[1].contains("error"));
  EXPECT_EQ(array[0], array[2]);
  for (const auto& document : array) expect_valid(document.dump());
}

TEST_F(Program, SameInputSameBytes) {
  write("a.dmp", small_dump());
  for (const char* arguments :
       {"analyze a.dmp --format json", "analyze a.dmp", "scan . --format ndjson",
        "scan . --format table", "symbols a.dmp --format json", "rules list --format json"}) {
    Ran first = run(arguments), second = run(arguments);
    EXPECT_EQ(first.out, second.out) << arguments;
    EXPECT_NE(first.out, "") << arguments;
  }
}

TEST_F(Program, OutputGoesToAFile) {
  write("a.dmp", small_dump());
  Ran ran = run("analyze a.dmp --format json --output result.json");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "");
  expect_valid(read("result.json"));
}

TEST_F(Program, ScanCountsAndSorts) {
  write("share/b/two.dmp", small_dump());
  write("share/a/one.dmp", small_dump());
  write("share/readme.txt", "hello");
  fs::create_directory_symlink("..", folder_ / "share/loop");
  Ran ran = run("scan share --format ndjson");
  EXPECT_EQ(ran.code, 0) << ran.err;
  std::istringstream lines(ran.out);
  std::string line;
  std::vector<std::string> paths;
  while (std::getline(lines, line)) {
    expect_valid(line);
    paths.push_back(nlohmann::json::parse(line)["dump"]["path"]);
  }
  EXPECT_EQ(paths, (std::vector<std::string>{"share/a/one.dmp", "share/b/two.dmp"}));
  EXPECT_EQ(ran.err.find("2 dumps analysed, 0 could not be, 1 other file\n"), 0u) << ran.err;
  // Not a terminal: one document a line is the default.
  EXPECT_EQ(run("scan share").out, ran.out);
  Ran table = run("scan share --format table");
  EXPECT_NE(table.out.find("2 dumps analysed"), std::string::npos);
  EXPECT_EQ(table.err, "");
}

TEST_F(Program, ScanSaysWhichDumpsFailed) {
  write("share/cut.dmp", small_dump().substr(0, 40));
  Ran ran = run("scan share missing.dmp --format ndjson");
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err.find("0 dumps analysed, 2 could not be"), 0u) << ran.err;
}

TEST_F(Program, BrokenRulesAreSaidAndLeftOut) {
  write("a.dmp", small_dump());
  write("rules/bad.yaml", "id: broken\nno_such_key: 1\n");
  Ran check = run("rules check rules");
  EXPECT_EQ(check.code, 1);
  EXPECT_NE(check.out.find("bad.yaml:2:"), std::string::npos) << check.out;
  Ran analyze = run("analyze a.dmp --rules rules --format json");
  EXPECT_EQ(analyze.code, 0);
  EXPECT_NE(analyze.err.find("bad.yaml:2:"), std::string::npos) << analyze.err;
  expect_valid(analyze.out);
  EXPECT_NE(analyze.out.find("rule file left out"), std::string::npos);
  EXPECT_EQ(run("rules check").code, 0);
  EXPECT_EQ(run("rules list").code, 0);
}

TEST_F(Program, ClosedPipeAndFullDisk) {
  write("a.dmp", small_dump());
  // The program's own exit code, past a reader that leaves at once.
  Ran closed = shell("('" DUMPTRIAGE_PROGRAM "' analyze $(yes a.dmp | head -400) --format json; "
                     "echo $? >code.txt) | true");
  EXPECT_EQ(read("code.txt"), "1\n");
  EXPECT_EQ(closed.err, "");
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "skipped: no /dev/full";
  Ran full = run("analyze a.dmp --output /dev/full");
  EXPECT_EQ(full.code, 1);
  EXPECT_NE(full.err.find("No space left"), std::string::npos) << full.err;
}

TEST_F(Program, HostileFileNamesAreText) {
  std::string name = "a\x1b[31m\xFF\n.dmp";
  write(name, small_dump());
  Ran json = shell("'" DUMPTRIAGE_PROGRAM "' scan . --format ndjson");
  EXPECT_EQ(json.code, 0);
  EXPECT_EQ(json.out.find('\x1b'), std::string::npos);
  expect_valid(json.out);
  Ran table = run("scan . --format table");
  EXPECT_EQ(table.out.find('\x1b'), std::string::npos);
}

} // namespace
} // namespace dumptriage
