// `symbols --fetch` from outside, against a symbol server on loopback.
#include "cli/program.h"

#include <nlohmann/json.hpp>

#include "fetch/server.h"
#include "image/sample_image.h"
#include "synth/minidump_writer.h"

namespace dumptriage {
namespace {

using symbols::fetch::Asked;
using symbols::fetch::not_found;
using symbols::fetch::ok;
using symbols::fetch::Server;

constexpr char kImagePath[] = "sample.dll/45D6970F8000/sample.dll";
const std::string kSymPath = std::string("sample.pdb/") + image::kKey + "/sample.sym";
const std::string kPdbPath = std::string("sample.pdb/") + image::kKey + "/sample.pdb";

std::string text_of(const synth::Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

// A dump whose only thread stands in sample.dll; other.dll is loaded and on no stack.
std::string dump_text() {
  constexpr std::uint64_t kBase = 0x140000000, kStack = 0x10000;
  synth::MinidumpWriter writer;
  writer.system({});
  std::array<std::uint64_t, 16> registers{};
  registers[4] = kStack;
  synth::MdModule sample{kBase, 0x8000, 0x45D6970F, 0, "C:\\app\\sample.dll", {}, {}, {}};
  sample.codeview = synth::rsds(image::kGuid, 2, "C:\\out\\sample.pdb");
  synth::MdModule other{kBase + 0x100000, 0x9000, 0x11223344, 0, "C:\\app\\other.dll", {}, {}, {}};
  writer.modules({sample, other});
  synth::MdThread thread;
  thread.id = 7;
  thread.stack_address = kStack;
  thread.stack = synth::Bytes(0x100);
  thread.context = synth::context_x64(kBase + 0x1110, registers);
  writer.threads({thread});
  synth::MdException exception;
  exception.thread_id = 7;
  exception.address = kBase + 0x1110;
  exception.context = thread.context;
  writer.exception(exception);
  return text_of(writer.finish());
}

class FetchingProgram : public Program {
protected:
  void SetUp() override {
    Program::SetUp();
    write("a.dmp", dump_text());
  }
  // The image and a Breakpad file.
  static std::string serve(const Asked& asked) {
    if (asked.path == std::string("/") + kImagePath)
      return ok(text_of(image::sample_image().file()));
    if (asked.path == "/" + kSymPath)
      return ok(std::string("MODULE windows x86_64 ") + image::kKey +
                " sample.pdb\nFUNC 1100 50 0 Foo::bar(int)\n");
    return not_found();
  }
};

TEST_F(FetchingProgram, FetchesWhatTheStackNeedsThenWorksWithoutTheServer) {
  std::string path;
  {
    Server server(serve);
    path = "--symbols 'srv*cache*" + server.url() + "'";
    Ran ran = run("symbols a.dmp --fetch --format json " + path);
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    auto json = nlohmann::json::parse(ran.out);
    std::map<std::string, std::string> fetched;
    for (const auto& row : json["fetched"]) fetched[row["path"]] = row["result"];
    EXPECT_EQ(fetched,
              (std::map<std::string, std::string>{{kImagePath, "fetched"}, {kPdbPath, "fetched"}}));
    EXPECT_EQ(json["modules"][0]["image"]["result"], "file");
    EXPECT_EQ(json["modules"][0]["symbols"]["result"], "breakpad");
    EXPECT_EQ(server.count("/other.dll/112233449000/other.dll"), 0u);
  }
  EXPECT_TRUE(fs::exists(folder_ / "cache" / kImagePath));
  Ran after = run("analyze a.dmp --format json " + path);
  EXPECT_EQ(after.code, 0) << after.err;
  EXPECT_NE(after.out.find("Foo::bar"), std::string::npos);
}

TEST_F(FetchingProgram, WithoutFetchNoServerIsAsked) {
  Server server(serve);
  ::setenv("_NT_SYMBOL_PATH", ("srv*cache*" + server.url()).c_str(), 1);
  for (const std::string& command :
       {std::string("analyze a.dmp"), std::string("symbols a.dmp"), std::string("scan ."),
        "analyze a.dmp --symbols 'srv*cache*" + server.url() + "'"})
    EXPECT_EQ(run(command).code, 0) << command;
  EXPECT_TRUE(server.paths().empty());
  Ran ran = run("symbols a.dmp --fetch"); // and with it the variable's URL counts
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_FALSE(server.paths().empty());
  ::setenv("_NT_SYMBOL_PATH", "C:\\symbols;cache", 1);
  ran = run("symbols a.dmp --format json");
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.err.find("C:\\symbols"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(ran.out)["modules"][0]["image"]["result"], "file");
  ::unsetenv("_NT_SYMBOL_PATH");
}

TEST_F(FetchingProgram, WrongUsage) {
  for (const char* arguments :
       {"symbols a.dmp --fetch", "symbols a.dmp --fetch --symbols .",
        "symbols a.dmp --fetch --list-paths --symbols http://127.0.0.1:1",
        "symbols a.dmp --ask-again", "symbols a.dmp --symbols 'srv*absent'",
        "symbols a.dmp --symbols 'C:\\symbols'", "symbols a.dmp --symbols 'bad*x'",
        "symbols a.dmp --symbols ftp://127.0.0.1"}) {
    Ran ran = run(arguments);
    EXPECT_EQ(ran.code, 2) << arguments;
    EXPECT_EQ(ran.out, "") << arguments;
    EXPECT_NE(ran.err, "") << arguments;
  }
}

TEST_F(FetchingProgram, MissingIsNoFailureAndAServerThatFailsIs) {
  Server nothing([](const Asked&) { return not_found(); });
  Ran ran = run("symbols a.dmp --fetch --symbols 'srv*cache*" + nothing.url() + "'");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("missing"), std::string::npos);
  std::size_t asked = nothing.paths().size();
  run("symbols a.dmp --fetch --symbols 'srv*cache*" + nothing.url() + "'");
  EXPECT_EQ(nothing.paths().size(), asked + 1); // index2.txt
  run("symbols a.dmp --fetch --ask-again --symbols 'srv*cache*" + nothing.url() + "'");
  EXPECT_EQ(nothing.paths().size(), 2 * asked + 1);
  Server lying([](const Asked&) { return ok("<html>Welcome</html>"); });
  ran = run("symbols a.dmp --fetch --symbols 'srv*cache*" + lying.url() + "'");
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("web page"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "cache/sample.pdb"));
}

TEST_F(FetchingProgram, ListsPathsForHand) {
  Ran ran = run("symbols a.dmp --list-paths");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, std::string(kImagePath) + "\n" + kPdbPath + "\n");
  ran = run("symbols a.dmp --list-paths --all-modules");
  EXPECT_EQ(ran.out,
            std::string(kImagePath) + "\n" + kPdbPath + "\nother.dll/112233449000/other.dll\n");
}

TEST_F(FetchingProgram, ManyProcessesFillOneCache) {
  Server server(serve);
  std::string one = "'" DUMPTRIAGE_PROGRAM "' symbols a.dmp --fetch --format json --symbols "
                    "'srv*cache*" +
                    server.url() + "'";
  std::string all;
  for (int i = 0; i < 6; ++i)
    all += "(" + one + " >out" + std::to_string(i) + " && touch done" + std::to_string(i) + ") & ";
  shell(all + "wait");
  for (int i = 0; i < 6; ++i) {
    EXPECT_TRUE(fs::exists(folder_ / ("done" + std::to_string(i)))) << i;
    auto json = nlohmann::json::parse(read("out" + std::to_string(i)), nullptr, false);
    ASSERT_TRUE(json.is_object()) << i;
    EXPECT_EQ(json["modules"][0]["image"]["result"], "file") << i;
  }
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "cache"))
    files += entry.is_regular_file();
  EXPECT_EQ(files, 2u); // nothing half done is left
  EXPECT_EQ(read(std::string("cache/") + kImagePath), text_of(image::sample_image().file()));
}

// The library is loaded when something is fetched, never linked: every start would pay for it, and
// code that cannot reach a network cannot leak.
TEST_F(FetchingProgram, DoesNotLinkTheNetwork) {
  std::ifstream in(DUMPTRIAGE_PROGRAM, std::ios::binary);
  std::stringstream all;
  all << in.rdbuf();
  EXPECT_NE(all.str().find("libcurl.so.4"), std::string::npos); // the name that dlopen is given
  Ran ran = shell("LD_TRACE_LOADED_OBJECTS=1 '" DUMPTRIAGE_PROGRAM "'");
  EXPECT_NE(ran.out.find("libc.so"), std::string::npos);
  for (const char* library : {"libcurl", "libssl", "libgnutls"})
    EXPECT_EQ(ran.out.find(library), std::string::npos) << library;
}

} // namespace
} // namespace dumptriage
