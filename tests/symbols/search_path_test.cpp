// The symbol-path grammar, case by case.
#include "symbols/search_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dumptriage::symbols {
namespace {

constexpr char kDefault[] = "/home/me/.cache/sym";

// "folder" for a plain root, "folder [store]", "folder [store cache]"; then "URL > cache cache".
std::vector<std::string> meaning(const SearchPath& path) {
  std::vector<std::string> lines;
  for (const SearchRoot& root : path.roots) {
    std::string flags = std::string(root.store ? " store" : "") + (root.cache ? " cache" : "");
    lines.push_back(root.path + (flags.empty() ? "" : " [" + flags.substr(1) + "]"));
  }
  for (const SymbolServer& server : path.servers) {
    std::string line = server.url + " >";
    for (const std::string& cache : server.caches) line += " " + cache;
    lines.push_back(line);
  }
  for (const Error& error : path.refused) lines.push_back("refused: " + error.message());
  return lines;
}

struct Case {
  const char* text;
  std::vector<std::string> means;
};

TEST(SearchPath, Grammar) {
  const std::string d = kDefault;
  const Case cases[] = {
      {"", {}},
      {" ; ;;", {}},
      {"/a", {"/a"}},
      {"/a;/b", {"/a", "/b"}},
      {" /a b ;\t/c ", {"/a b", "/c"}},
      {"/a;/b;/a", {"/a", "/b"}},
      {"relative/x.pdb", {"relative/x.pdb"}},
      {"\"/a;b\";/c", {"/a;b", "/c"}},
      {"\"/a", {"/a"}},
      {"~/s;~me/s", {"/home/me/s", "~me/s"}},
      {"srv*/c", {"/c [store]"}},
      {"SRV*/c", {"/c [store]"}},
      {"Srv* /c * /d ", {"/c [store]", "/d [store]"}},
      {"srv*~/c", {"/home/me/c [store]"}},
      {"srv*/c*https://h/s", {"/c [store cache]", "https://h/s > /c"}},
      {"srv*/c*https://h/s/", {"/c [store cache]", "https://h/s > /c"}},
      {"srv*/c1*/c2*HTTP://h", {"/c1 [store cache]", "/c2 [store cache]", "HTTP://h > /c1 /c2"}},
      {"\"srv*/a;b*http://h\"", {"/a;b [store cache]", "http://h > /a;b"}},
      {"symsrv*symsrv.dll*/c*http://h", {"/c [store cache]", "http://h > /c"}},
      {"SymSrv*SYMSRV.DLL*/c", {"/c [store]"}},
      {"srv*http://h", {d + " [store cache]", "http://h > " + d}},
      {"srv**http://h", {d + " [store cache]", "http://h > " + d}},
      {"srv*/c**http://h", {"/c [store cache]", d + " [store cache]", "http://h > /c " + d}},
      {"srv*", {d + " [store cache]"}},
      {"srv", {"srv"}},
      {"http://h/s", {d + " [store cache]", "http://h/s > " + d}},
      {"cache*/k", {"/k [store cache]"}},
      {"CACHE*", {d + " [store cache]"}},
      {"cache*/k;srv*/c*http://h", {"/k [store cache]", "/c [store cache]", "http://h > /k /c"}},
      {"cache*/k;http://h", {"/k [store cache]", "http://h > /k"}},
      {"cache*/k;srv*http://h", {"/k [store cache]", "http://h > /k"}},
      {"http://h;cache*/k", {d + " [store cache]", "/k [store cache]", "http://h > " + d}},
      {"cache*/k;srv*/k*http://h", {"/k [store cache]", "http://h > /k"}},
      // Named plainly as well: it must be there, and is searched like a folder.
      {"srv*/c*http://h;/c", {"/c", "http://h > /c"}},
      {"srv*/a*http://h;srv*/b*http://h",
       {"/a [store cache]", "/b [store cache]", "http://h > /a /b"}},
      {"http://h:8080/a?b=c", {d + " [store cache]", "http://h:8080/a?b=c > " + d}},
  };
  for (const Case& c : cases)
    EXPECT_EQ(meaning(parse_search_path(c.text, memory::Origin::image, kDefault, "/home/me")),
              c.means)
        << c.text;
}

TEST(SearchPath, WhatSaysNothingIsNamedWithTheReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"C:\\Symbols", "path of Windows"},
      {"c:/symbols", "path of Windows"},
      {"\\\\server\\share", "path of Windows"},
      {"srv*C:\\Symbols*https://h", "path of Windows"},
      {"srv*\\\\server\\share", "path of Windows"},
      {"cache*D:\\x", "path of Windows"},
      {"ftp://h/s", "only http:// and https://"},
      {"file:///c", "only http:// and https://"},
      {"srv*/c*ftp://h", "only http:// and https://"},
      {"srv*http://h*/c", "only be the last"},
      {"srv*/c*http://a*http://b", "only be the last"},
      {"cache*/a*/b", "one folder"},
      {"cache*http://h", "not a URL"},
      {"symsrv*other.dll*/c*http://h", "another DLL"},
      {"symsrv*", "another DLL"},
      {"debuginfod*https://h", "begin with srv*"},
      {"*", "begin with srv*"},
  };
  for (const auto& [text, why] : cases) {
    SearchPath path = parse_search_path(std::string("/a;") + text + ";/b", memory::Origin::image,
                                        kDefault, "/home/me");
    ASSERT_EQ(path.refused.size(), 1u) << text;
    EXPECT_EQ(path.refused[0].what, std::string("symbol path element ") + text);
    EXPECT_THAT(path.refused[0].why, testing::HasSubstr(why)) << text;
    EXPECT_EQ(path.roots.size(), 2u) << text; // the others count
    EXPECT_TRUE(path.servers.empty()) << text;
  }
}

TEST(SearchPath, WithoutAHomeFolderThereIsNoDefaultCache) {
  for (const char* text : {"cache*", "srv*", "srv**http://h", "http://h"}) {
    SearchPath path = parse_search_path(text, memory::Origin::image);
    EXPECT_TRUE(path.roots.empty() && path.servers.empty()) << text;
    EXPECT_EQ(path.refused.size(), 1u) << text;
  }
  EXPECT_EQ(parse_search_path("~/x", memory::Origin::image).roots.at(0).path, "~/x");
}

TEST(SearchPath, PathsAreAppended) {
  SearchPath path = parse_search_path("/a;srv*/c*http://h;D:\\x", memory::Origin::image);
  path.append(parse_search_path("/c;/d;http:", memory::Origin::image));
  EXPECT_EQ(meaning(path), (std::vector<std::string>{
                               "/a", "/c", "/d", "http:", "http://h > /c",
                               "refused: symbol path element D:\\x: a path of Windows cannot be "
                               "opened here; name the folder where it is mounted"}));
}

TEST(SearchPath, PasswordsAreNotForPeople) {
  EXPECT_EQ(url_for_people("https://me:secret@h/s"), "https://h/s");
  EXPECT_EQ(url_for_people("srv*/c*https://me:s@cret@h"), "srv*/c*https://h");
  EXPECT_EQ(url_for_people("https://h/a@b"), "https://h/a@b");
  EXPECT_EQ(url_for_people("/a@b"), "/a@b");
  SearchPath path = parse_search_path("bad*https://me:secret@h/s", memory::Origin::image);
  ASSERT_EQ(path.refused.size(), 1u);
  EXPECT_THAT(path.refused[0].message(), testing::Not(testing::HasSubstr("secret")));
}

} // namespace
} // namespace dumptriage::symbols
