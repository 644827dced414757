#include <gtest/gtest.h>

#include "report/document.h"
#include "report/html_parts.h"

namespace dumptriage::report {
namespace {

constexpr const char* kHostile = "<img src=x onerror=\"alert('1')\">&";

TEST(Html, TextOfADumpIsNeverMarkup) {
  Document document;
  document.dump.path = kHostile;
  document.crash.name = kHostile;
  document.blame.module = kHostile;
  document.bucket.title = kHostile;
  ModuleRow module;
  module.name = kHostile;
  document.modules.push_back(module);
  ThreadRow thread;
  thread.id = kHostile;
  FrameRow frame;
  frame.module = frame.function = kHostile;
  thread.frames.push_back(frame);
  document.threads.push_back(thread);
  MatchRow match;
  match.rule = match.kb = match.title = match.verdict = kHostile;
  match.explanation.children.push_back({"yes", false, kHostile, kHostile, {}, {}});
  document.matches.push_back(match);
  PeerRow peer;
  peer.address = peer.why = kHostile;
  document.network_peers.push_back(peer);
  document.notes.push_back({Severity::warning, Code::io, kHostile, {}});
  const std::string page = to_html(document);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_NE(page.find("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;"),
            std::string::npos);
}

TEST(Html, GuessedFramesLookOtherThanSureOnes) {
  Document document;
  ThreadRow thread;
  thread.id = "1";
  thread.sure_frames = 1;
  for (const char* function : {"Sure", "Guessed"}) {
    FrameRow frame;
    frame.module = "a.sys";
    frame.function = function;
    thread.frames.push_back(frame);
  }
  document.threads.push_back(thread);
  const std::string page = to_html(document);
  const std::size_t guess = page.find("<tr class=guess>");
  ASSERT_NE(guess, std::string::npos);
  EXPECT_LT(page.find("Sure"), guess);
  EXPECT_GT(page.find("Guessed"), guess);
}

TEST(Html, TheRecommendationStandsBeforeTheMatches) {
  Document document;
  document.recommendation = {"KB1", {"a"}, {"Install KB1."}};
  MatchRow match;
  match.kb = "KB2";
  match.verdict = "confirmed";
  document.matches.push_back(match);
  const std::string page = to_html(document);
  EXPECT_LT(page.find("Install KB1."), page.find("<h2>KB2 confirmed"));
}

} // namespace
} // namespace dumptriage::report
