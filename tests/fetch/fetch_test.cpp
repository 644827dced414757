// Fetching from a symbol server on loopback that fails in every way servers fail.
#include "symbols/fetch/fetch.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "dump/archives.h"
#include "fetch/server.h"
#include "image/sample_image.h"
#include "symbols/store.h"
#include "symbols/tiny_pdb.h"
#include "synth/archives.h"

namespace dumptriage::symbols::fetch {
namespace {

namespace fs = std::filesystem;
using image::sample_image;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kImageKey[] = "45D6970F8000";
constexpr char kImagePath[] = "/sample.dll/45D6970F8000/sample.dll";

std::string text_of(const synth::Bytes& bytes) { return {bytes.begin(), bytes.end()}; }
const std::string& image_text() {
  static const std::string text = text_of(sample_image().file());
  return text;
}
std::string pdb_text(std::uint32_t age = 2) {
  TinyPdb pdb;
  pdb.guid = image::kGuid;
  pdb.info_age = pdb.dbi_age = age;
  return text_of(pdb.bytes());
}

Wanted wanted_image() { return {Wanted::Kind::image, {"sample.dll", "sample.dll"}, kImageKey}; }
Wanted wanted_pdb() { return {Wanted::Kind::pdb, {"sample.pdb", "sample.pdb"}, image::kKey}; }
const std::string kPdbPath = std::string("/sample.pdb/") + image::kKey + "/sample.pdb";

Options quick() {
  Options options;
  options.tries = 3;
  options.first_pause = std::chrono::milliseconds(2);
  options.longest_pause = std::chrono::milliseconds(20);
  options.connect = std::chrono::milliseconds(3000);
  options.slow_seconds = 1;
  options.user_agent = "dumptriage/test";
  return options;
}

class Fetch : public testing::Test {
protected:
  void SetUp() override {
    // A proxy of the machine that runs the tests must not see them.
    for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"})
      ::unsetenv(name);
  }
  std::string cache(const std::string& name = "cache") const {
    return (fs::path(folder_.folder()) / name).string();
  }
  std::vector<Outcome> run(const std::vector<SymbolServer>& servers,
                           const std::vector<Wanted>& wanted, const Options& options = quick()) {
    auto outcomes = fetch(servers, wanted, options);
    EXPECT_TRUE(outcomes) << (outcomes ? "" : outcomes.error().message());
    return outcomes ? *outcomes : std::vector<Outcome>(wanted.size());
  }
  Outcome one(const Server& server, const Wanted& wanted, const Options& options = quick()) {
    return run({{server.url(), {cache()}}}, {wanted}, options).front();
  }
  // Every file below a folder but the notes on what is missing.
  std::vector<std::string> files(const std::string& folder) const {
    std::vector<std::string> found;
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(folder, error))
      if (entry.is_regular_file() && entry.path().string().find("/.missing/") == std::string::npos)
        found.push_back(fs::relative(entry.path(), folder).string());
    std::sort(found.begin(), found.end());
    return found;
  }
  static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

private:
  image::TempFile folder_{{}, "empty"};
};

// Answers of a server that has `there`, by path.
Server::Answer having(std::map<std::string, std::string> there) {
  return [there](const Asked& asked) {
    auto file = there.find(asked.path);
    return file == there.end() ? not_found() : ok(file->second);
  };
}

TEST_F(Fetch, PutsFilesIntoEveryCacheAndTheStoreFindsThem) {
  Server server(having({{kImagePath, image_text()}, {kPdbPath, pdb_text()}}));
  auto outcomes =
      run({{server.url(), {cache("near"), cache("far")}}}, {wanted_image(), wanted_pdb()});
  ASSERT_EQ(outcomes.size(), 2u);
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.result, Outcome::Result::fetched) << outcome.why;
    EXPECT_EQ(outcome.why, "");
  }
  EXPECT_EQ(outcomes[0].path, cache("near") + kImagePath);
  for (const char* name : {"near", "far"}) {
    EXPECT_THAT(files(cache(name)),
                ElementsAre(std::string(kImagePath).substr(1), kPdbPath.substr(1)));
    EXPECT_EQ(read(cache(name) + kImagePath), image_text());
    Store store({{cache(name), memory::Origin::image, /*store=*/true}});
    dump::Module module;
    module.path = "sample.dll";
    module.timestamp = 0x45D6970F;
    module.size = 0x8000;
    ImageFind image = store.find_image(module);
    ASSERT_EQ(image.result, SearchResult::found) << image.why;
    EXPECT_EQ(store.find_symbols(module, image.image.get()).result, SearchResult::found);
  }
}

TEST_F(Fetch, SaysWhoItIsAndEscapesNames) {
  std::string agent;
  Server server([&](const Asked& asked) {
    if (asked.headers.contains("user-agent")) agent = asked.headers.at("user-agent");
    return asked.path == "/a%20b%23%2B.dll/45D6970F8000/a%20b%23%2B.dll" ? ok(image_text())
                                                                         : not_found();
  });
  Wanted wanted{Wanted::Kind::image, {"a b#+.dll", "a b#+.dll"}, kImageKey};
  EXPECT_EQ(one(server, wanted).result, Outcome::Result::fetched);
  EXPECT_EQ(agent, "dumptriage/test");
  EXPECT_THAT(files(cache()), ElementsAre("a b#+.dll/45D6970F8000/a b#+.dll"));
}

TEST_F(Fetch, UnpacksWhatIsPacked) {
  std::string szdd = text_of(tests::write_szdd(sample_image().file(), 'l'));
  std::string pdb = pdb_text();
  std::string gz = text_of(synth::packed("gz", "sample.pdb", synth::Bytes(pdb.begin(), pdb.end())));
  Server server(having({{"/sample.dll/45D6970F8000/sample.dl_", szdd}, {kPdbPath, gz}}));
  auto outcomes = run({{server.url(), {cache()}}}, {wanted_image(), wanted_pdb()});
  EXPECT_EQ(outcomes[0].result, Outcome::Result::fetched) << outcomes[0].why;
  EXPECT_EQ(outcomes[1].result, Outcome::Result::fetched) << outcomes[1].why;
  EXPECT_EQ(read(cache() + kImagePath), image_text());
  EXPECT_EQ(read(cache() + kPdbPath), pdb);
  // Damaged on the way in: what came out is not the file.
  Server torn(having({{"/sample.dll/45D6970F8000/sample.dl_", szdd.substr(0, szdd.size() / 2)}}));
  Outcome outcome = run({{torn.url(), {cache("torn")}}}, {wanted_image()}).front();
  EXPECT_EQ(outcome.result, Outcome::Result::failed);
  EXPECT_THAT(files(cache("torn")), IsEmpty());
}

TEST_F(Fetch, KnowsStoresOfTwoTiersAndOtherSpellings) {
  Server tiers(
      having({{"/index2.txt", ""}, {"/sa/sample.dll/45D6970F8000/sample.dll", image_text()}}));
  EXPECT_EQ(one(tiers, wanted_image()).result, Outcome::Result::fetched);
  Server small(having({{kImagePath, image_text()}}));
  Wanted wanted = wanted_image();
  wanted.slot = {"SAMPLE.DLL", "SAMPLE.DLL"};
  Outcome outcome = run({{small.url(), {cache("other")}}}, {wanted}).front();
  EXPECT_EQ(outcome.result, Outcome::Result::fetched);
  EXPECT_EQ(outcome.path, cache("other") + "/SAMPLE.DLL/45D6970F8000/SAMPLE.DLL");
}

TEST_F(Fetch, AsksForTheKernelsOtherNames) {
  Server server(having({{"/ntkrnlmp.exe/45D6970F8000/ntkrnlmp.exe", image_text()}}));
  Wanted wanted{Wanted::Kind::image, {"ntoskrnl.exe", "ntoskrnl.exe"}, kImageKey};
  Outcome outcome = one(server, wanted);
  EXPECT_EQ(outcome.result, Outcome::Result::fetched) << outcome.why;
  EXPECT_EQ(outcome.path, cache() + "/ntkrnlmp.exe/45D6970F8000/ntkrnlmp.exe");
}

TEST_F(Fetch, TakesBreakpadSymbolsInPlaceOfAPdb) {
  std::string sym =
      std::string("MODULE windows x86_64 ") + image::kKey + " sample.pdb\nPUBLIC 1000 0 f\n";
  std::string path = std::string("/sample.pdb/") + image::kKey + "/sample.sym";
  Server server(having({{path, sym}}));
  Outcome outcome = one(server, wanted_pdb());
  EXPECT_EQ(outcome.result, Outcome::Result::fetched) << outcome.why;
  EXPECT_EQ(outcome.path, cache() + path);
  EXPECT_EQ(read(outcome.path), sym);
}

TEST_F(Fetch, FollowsFilePointersToUrlsOnly) {
  std::string pointer;
  Server server([&](const Asked& asked) {
    if (asked.path == "/elsewhere") return ok(image_text());
    if (asked.path == "/sample.dll/45D6970F8000/file.ptr") return ok(pointer);
    return not_found();
  });
  pointer = "PATH:" + server.url("/elsewhere");
  EXPECT_EQ(one(server, wanted_image()).result, Outcome::Result::fetched);
  fs::remove_all(cache());
  for (const char* text :
       {"PATH:\\\\server\\share\\sample.dll", "PATH:/etc/passwd", "MSG: gone away"}) {
    pointer = text;
    Outcome outcome = one(server, wanted_image());
    EXPECT_EQ(outcome.result, Outcome::Result::failed) << text;
    EXPECT_THAT(outcome.why, HasSubstr(std::string(text).substr(5))) << text;
  }
  EXPECT_THAT(files(cache()), IsEmpty());
}

TEST_F(Fetch, RemembersForAWhileWhatIsMissing) {
  bool there = false;
  Server server([&](const Asked& asked) {
    return there && asked.path == kImagePath ? ok(image_text()) : not_found();
  });
  Outcome outcome = one(server, wanted_image());
  EXPECT_EQ(outcome.result, Outcome::Result::missing);
  EXPECT_THAT(outcome.why, HasSubstr("does not have it"));
  EXPECT_EQ(server.count(kImagePath), 1u);
  there = true;
  outcome = one(server, wanted_image());
  EXPECT_EQ(outcome.result, Outcome::Result::missing);
  EXPECT_THAT(outcome.why, HasSubstr("when last asked"));
  EXPECT_EQ(server.count(kImagePath), 1u);
  Options again = quick();
  again.missing_for = std::chrono::seconds(0);
  EXPECT_EQ(one(server, wanted_image(), again).result, Outcome::Result::fetched);
  EXPECT_TRUE(fs::is_empty(cache() + "/.missing"));
}

// 403 may mean that, or that the server wants to know who asks.
TEST_F(Fetch, OnlyAClearNoIsRemembered) {
  Server server([](const Asked&) { return reply("403 Forbidden", ""); });
  EXPECT_EQ(one(server, wanted_image()).result, Outcome::Result::missing);
  EXPECT_EQ(one(server, wanted_image()).result, Outcome::Result::missing);
  EXPECT_EQ(server.count(kImagePath), 2u);
}

TEST_F(Fetch, TriesAgainWhatMayPass) {
  int asked_for = 0;
  Server server([&](const Asked& asked) {
    if (asked.path != kImagePath) return not_found();
    if (++asked_for == 1) return reply("503 Service Unavailable", "busy", "Retry-After: 3600\r\n");
    return asked_for == 2 ? std::string() : ok(image_text()); // nothing at all, then the file
  });
  EXPECT_EQ(one(server, wanted_image()).result, Outcome::Result::fetched);
  EXPECT_EQ(asked_for, 3);
}

TEST_F(Fetch, GivesUpAfterSomeTriesAndRemembersNothing) {
  Server server([](const Asked&) { return reply("500 Internal Server Error", "oops"); });
  Outcome outcome = one(server, wanted_image());
  EXPECT_EQ(outcome.result, Outcome::Result::failed);
  EXPECT_EQ(outcome.why, server.url() + ": HTTP status 500, 3 times");
  EXPECT_EQ(server.count(kImagePath), 3u);
  EXPECT_FALSE(fs::exists(cache() + "/.missing"));
}

TEST_F(Fetch, AServerThatFailsIsNotAskedForEverything) {
  Server server([](const Asked&) { return reply("500 Internal Server Error", "oops"); });
  std::vector<Wanted> many;
  for (int i = 0; i < 20; ++i) {
    std::string name = "m" + std::to_string(i) + ".dll";
    many.push_back({Wanted::Kind::image, {name, name}, kImageKey});
  }
  Options options = quick();
  options.at_once = 1;
  auto outcomes = run({{server.url(), {cache()}}}, many, options);
  EXPECT_EQ(server.paths().size(), 1 + 3u * 3); // index2.txt, three files three times
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.result, Outcome::Result::failed);
  EXPECT_THAT(outcomes.back().why, HasSubstr("not asked again"));
}

TEST_F(Fetch, AnotherServerIsAskedWhenOneCannotBeReached) {
  std::string dead;
  {
    Server gone([](const Asked&) { return not_found(); });
    dead = gone.url();
  }
  Server server(having({{kImagePath, image_text()}}));
  auto outcomes = run({{dead, {cache()}}, {server.url(), {cache()}}}, {wanted_image()});
  EXPECT_EQ(outcomes[0].result, Outcome::Result::fetched);
  outcomes = run({{dead, {cache()}}}, {wanted_image(), wanted_pdb()});
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.result, Outcome::Result::failed);
}

// A connection that is cut in the middle of the file, then a whole answer or the rest.
struct CutOff {
  std::string etag;
  std::function<std::string(const std::string& range)> second;
  std::vector<std::string> ranges, conditions;
  std::string operator()(const Asked& asked) {
    if (asked.path != kImagePath) return not_found();
    auto header = [&](const char* name) {
      return asked.headers.contains(name) ? asked.headers.at(name) : std::string();
    };
    ranges.push_back(header("range"));
    conditions.push_back(header("if-range"));
    if (ranges.size() > 1) return second(ranges.back());
    std::string whole = ok(image_text(), etag.empty() ? "" : "ETag: " + etag + "\r\n");
    return whole.substr(0, whole.size() - 1000);
  }
  static std::size_t start_of(const std::string& range) {
    return range.starts_with("bytes=") ? std::stoul(range.substr(6)) : 0;
  }
};
std::string rest_from(std::size_t start, const std::string& etag) {
  std::string range = "Content-Range: bytes " + std::to_string(start) + "-" +
                      std::to_string(image_text().size() - 1) + "/" +
                      std::to_string(image_text().size()) + "\r\nETag: " + etag + "\r\n";
  return reply("206 Partial Content", image_text().substr(start), range);
}

TEST_F(Fetch, GoesOnWhereItWasCutOff) {
  CutOff cut{"\"v1\"", {}, {}, {}};
  cut.second = [](const std::string& range) {
    return rest_from(CutOff::start_of(range), "\"v1\"");
  };
  Server server(std::ref(cut));
  Outcome outcome = one(server, wanted_image());
  EXPECT_EQ(outcome.result, Outcome::Result::fetched) << outcome.why;
  EXPECT_THAT(cut.ranges,
              ElementsAre("", "bytes=" + std::to_string(image_text().size() - 1000) + "-"));
  EXPECT_THAT(cut.conditions, ElementsAre("", "\"v1\""));
  EXPECT_EQ(read(outcome.path), image_text());
}

TEST_F(Fetch, StartsOverWhenTheRestMayBeOfAnotherFile) {
  struct Case {
    const char* what;
    const char* etag;
    std::function<std::string(const std::string&)> second;
    std::size_t asked;
  };
  auto whole = [](const std::string&) { return ok(image_text()); };
  auto wrong_place = [](const std::string& range) {
    return range.empty() ? ok(image_text()) : rest_from(CutOff::start_of(range) - 7, "\"v1\"");
  };
  auto other_tag = [](const std::string& range) {
    return range.empty() ? ok(image_text()) : rest_from(CutOff::start_of(range), "\"v2\"");
  };
  auto not_satisfiable = [](const std::string& range) {
    return range.empty() ? ok(image_text()) : reply("416 Range Not Satisfiable", "");
  };
  for (const Case& c :
       {Case{"no tag", "", whole, 2}, Case{"weak tag", "W/\"v1\"", whole, 2},
        Case{"changed", "\"v1\"", whole, 2}, Case{"wrong place", "\"v1\"", wrong_place, 3},
        Case{"other tag", "\"v1\"", other_tag, 3}, Case{"416", "\"v1\"", not_satisfiable, 3}}) {
    fs::remove_all(cache());
    CutOff cut{c.etag, c.second, {}, {}};
    Server server(std::ref(cut));
    Outcome outcome = one(server, wanted_image());
    EXPECT_EQ(outcome.result, Outcome::Result::fetched) << c.what << ": " << outcome.why;
    EXPECT_EQ(read(outcome.path), image_text()) << c.what;
    EXPECT_EQ(cut.ranges.size(), c.asked) << c.what;
    EXPECT_EQ(cut.ranges.back(), c.asked == 2 && std::string(c.what) == "changed"
                                     ? "bytes=" + std::to_string(image_text().size() - 1000) + "-"
                                     : "")
        << c.what;
  }
}

TEST_F(Fetch, ALyingContentLengthGivesNoFile) {
  const std::string head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
  for (std::size_t said : {image_text().size() + 10, image_text().size() - 600}) {
    Server server([&](const Asked& asked) {
      if (asked.path != kImagePath) return not_found();
      return head + "Content-Length: " + std::to_string(said) + "\r\n\r\n" + image_text();
    });
    Outcome outcome = one(server, wanted_image());
    EXPECT_EQ(outcome.result, Outcome::Result::failed) << said;
    EXPECT_THAT(files(cache()), IsEmpty());
  }
  // No length, and the end of the connection in the middle of the file.
  for (bool pdb : {false, true}) {
    Server server([&](const Asked& asked) {
      if (asked.path == kImagePath) return head + "\r\n" + image_text().substr(0, 0x1000);
      if (asked.path == kPdbPath)
        return head + "\r\n" + pdb_text().substr(0, pdb_text().size() - 1);
      return not_found();
    });
    EXPECT_EQ(one(server, pdb ? wanted_pdb() : wanted_image()).result, Outcome::Result::failed)
        << pdb;
    EXPECT_THAT(files(cache()), IsEmpty());
  }
}

TEST_F(Fetch, WhatIsNotTheFileIsReportedAndNotKept) {
  auto fails_with = [&](const Wanted& wanted, const std::string& body, const std::string& why) {
    Server server([&](const Asked&) { return ok(body); });
    Outcome outcome = one(server, wanted);
    EXPECT_EQ(outcome.result, Outcome::Result::failed) << why;
    EXPECT_THAT(outcome.why, HasSubstr(why));
    EXPECT_THAT(files(cache()), IsEmpty());
    EXPECT_FALSE(fs::exists(cache() + "/.missing"));
  };
  fails_with(wanted_pdb(), "<!DOCTYPE html><html>Please log in</html>", "web page");
  fails_with(wanted_pdb(), "", "");
  fails_with(wanted_pdb(), image_text(), "");
  fails_with(wanted_pdb(), pdb_text(3), "33221100554477668899AABBCCDDEEFF3");
  synth::PeWriter other = sample_image();
  other.timestamp = 0x11111111;
  fails_with(wanted_image(), text_of(other.file()), "time stamp 11111111");
}

TEST_F(Fetch, RedirectsEndSomewhereAndNeverInFiles) {
  Server server([](const Asked& asked) {
    if (asked.path == "/there") return ok(image_text());
    if (asked.path == kImagePath) return reply("302 Found", "", "Location: /there\r\n");
    return not_found();
  });
  EXPECT_EQ(one(server, wanted_image()).result, Outcome::Result::fetched);
  fs::remove_all(cache());
  Server loop([](const Asked&) { return reply("302 Found", "", "Location: /again\r\n"); });
  Outcome outcome = one(loop, wanted_image());
  EXPECT_EQ(outcome.result, Outcome::Result::failed);
  EXPECT_LE(loop.paths().size(), 2u * (1 + static_cast<std::size_t>(quick().most_redirects)));
  fs::create_directories(cache());
  std::ofstream(cache("secret")) << image_text();
  Server to_file([&](const Asked&) {
    return reply("302 Found", "", "Location: file://" + cache("secret") + "\r\n");
  });
  outcome = one(to_file, wanted_image());
  EXPECT_EQ(outcome.result, Outcome::Result::failed);
  EXPECT_THAT(outcome.why, HasSubstr("protocol"));
  EXPECT_THAT(files(cache()), IsEmpty());
}

TEST_F(Fetch, LargeAndSlowFilesAreCut) {
  Server large(having({{kImagePath, image_text()}}));
  Options options = quick();
  options.most_bytes = 1000;
  Outcome outcome = one(large, wanted_image(), options);
  EXPECT_EQ(outcome.result, Outcome::Result::failed);
  EXPECT_THAT(outcome.why, HasSubstr("larger than 1000 bytes"));
  EXPECT_EQ(large.count(kImagePath), 1u);

  std::atomic<bool> end = false;
  Server slow([&](const Asked& asked) {
    if (asked.path != kImagePath) return not_found();
    for (int i = 0; i < 100 && !end; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return std::string();
  });
  options = quick();
  options.tries = 1;
  outcome = one(slow, wanted_image(), options);
  end = true;
  EXPECT_EQ(outcome.result, Outcome::Result::failed);
  EXPECT_THAT(outcome.why, HasSubstr("time"));
}

TEST_F(Fetch, ManyMayFetchTheSameFileAtOnce) {
  Server server(having({{kImagePath, image_text()}, {kPdbPath, pdb_text()}}));
  std::vector<std::thread> threads;
  std::atomic<int> fetched = 0;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (const Outcome& outcome :
           run({{server.url(), {cache()}}}, {wanted_image(), wanted_pdb(), wanted_image()}))
        fetched += outcome.result == Outcome::Result::fetched;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fetched, 24);
  EXPECT_THAT(files(cache()), ElementsAre(std::string(kImagePath).substr(1), kPdbPath.substr(1)));
  EXPECT_EQ(read(cache() + kImagePath), image_text());
}

TEST_F(Fetch, NamesAndCachesThatCannotBeUsed) {
  Server server([](const Asked&) { return ok(image_text()); });
  for (const char* name : {"..", "../x.dll", "a\\b.dll", ""}) {
    Outcome outcome = one(server, {Wanted::Kind::image, {name, name}, kImageKey});
    EXPECT_EQ(outcome.result, Outcome::Result::failed) << name;
  }
  std::ofstream(cache("file")) << "x";
  Outcome outcome = run({{server.url(), {cache("file")}}}, {wanted_image()}).front();
  EXPECT_EQ(outcome.result, Outcome::Result::failed);
  EXPECT_THAT(outcome.why, HasSubstr("file"));
  outcome = run({{server.url(), {cache("file"), cache()}}}, {wanted_image()}).front();
  EXPECT_EQ(outcome.result, Outcome::Result::fetched);
}

TEST_F(Fetch, PasswordsAreNotShown) {
  Server server([](const Asked&) { return not_found(); });
  std::string url = "http://user:secret@" + server.url().substr(7);
  Outcome outcome = run({{url, {cache()}}}, {wanted_image()}).front();
  EXPECT_THAT(outcome.why, Not(HasSubstr("secret")));
  EXPECT_THAT(outcome.why, HasSubstr(server.url()));
  for (const auto& entry : fs::directory_iterator(cache() + "/.missing"))
    EXPECT_THAT(read(entry.path().string()), Not(HasSubstr("secret")));
}

TEST_F(Fetch, ProgressCountsEveryFile) {
  Server server(having({{kImagePath, image_text()}}));
  Options options = quick();
  Progress last;
  options.progress = [&](const Progress& progress) { last = progress; };
  run({{server.url(), {cache()}}}, {wanted_image(), wanted_pdb()}, options);
  EXPECT_EQ(last.done, 2u);
  EXPECT_EQ(last.all, 2u);
  EXPECT_EQ(last.bytes, image_text().size());
}

} // namespace
} // namespace dumptriage::symbols::fetch
