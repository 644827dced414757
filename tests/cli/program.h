// The built program, run by a shell in a folder of its own.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "synth/schema.h"

namespace dumptriage {

namespace fs = std::filesystem;

struct Ran {
  int code = -1;
  std::string out, err;
};

class Program : public testing::Test {
protected:
  void SetUp() override {
    // What whoever runs the tests has set must not count.
    for (const char* name : {"_NT_SYMBOL_PATH", "_NT_ALT_SYMBOL_PATH", "_NT_EXECUTABLE_IMAGE_PATH",
                             "http_proxy", "all_proxy", "ALL_PROXY"})
      ::unsetenv(name);
    std::string name = fs::temp_directory_path() / "dumptriage-cli-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  // `command` is the shell's: quotes, pipes and all.
  Ran shell(const std::string& command) {
    std::string line =
        "cd '" + folder_.string() + "' && (" + command + ") >out.txt 2>err.txt </dev/null";
    int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("out.txt"), read("err.txt")};
  }
  Ran run(const std::string& arguments) { return shell("'" DUMPTRIAGE_PROGRAM "' " + arguments); }
  std::string read(const std::string& name) {
    std::ifstream file(folder_ / name, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void write(const std::string& name, const std::string& bytes) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  void expect_valid(const std::string& json) {
    for (const std::string& error :
         synth::schema_errors(json, DUMPTRIAGE_SOURCE_DIR "/docs/report.schema.json"))
      ADD_FAILURE() << error;
  }

  fs::path folder_;
};

} // namespace dumptriage
