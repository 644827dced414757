#include <gtest/gtest.h>

#include "report/documents.h"
#include "report/paper.h"

namespace dumptriage::report {
namespace {

TEST(Text, WholeReportInItsOrder) {
  const std::string expected = R"report(KB1 confirmed: Frame overruns a buffer
  Fix           hotfix KB1; netbt.sys x64 SP2, built 2009-01-01, 1234 bytes; the article gives no
                file version, so this dump cannot tell whether the fix is already in
  Fix state     unpublished
  Mind          Only when affected.
  Do            Install the hotfix of KB1.
  Why
    yes: require - all hold
  Not seen      the other CPU

What stopped
  Bugcheck 0x000000D1 DRIVER_IRQL_NOT_LESS_OR_EQUAL
  A driver touched memory it must not touch.
    1           0x0000000000000010 address touched
    2           0x0000000000000002 IRQL
    3           0x0000000000000000
    4           0xFFFFF80001001234 code
  Exception     0xC0000005 STATUS_ACCESS_VIOLATION at 0xFFFFF80001001234 (bugcheck parameter 3)
  Instruction   0xFFFFF80001001234 netbt.sys+0x1234: mov eax, dword ptr [rcx + 16]
  Address       0x0000000000000010, read, null+offset
  Blamed        netbt!NbtCopy (netbt.sys+0x1234) - it is on top [unwind_data]
  Where         process System, thread 36, CPU 1, IRQL 2
  Bucket        0xD1 in netbt.sys+0x1234 [D1:netbt.sys@45D6C53C6000+1234]
  System        Windows Server 2003 Service Pack 2 (build 3790), x64
  Time          2009-02-10T10:11:12Z, up 1 d 1 h 1 min 1 s
  Dump          share/one.dmp: 64-bit kernel triage dump

Stack of the crashed thread 36 on CPU 1 of System (registers: KPRCB.Context)
     0  0xFFFFF80001001234  netbt!NbtCopy+0x2B                                      context
                            c:\src\netbt.c:18
     1  0xFFFFF80002000100  tcpip.sys+0x100                                         unwind_data, image
  ---- sure part ends here: no image of tcpip.sys; below are guesses ----
     2? 0xFFFFF80002000100  tcpip.sys+0x100                                         scan, image

Who waits for whom

  Deadlock: a thread waits for itself; one of the waits ends by itself after some time; one of the waits is inferred
             thread 36 of System waits for ERESOURCE 0xFFFFFADF00005000, exclusive
  -> held by thread 36 of System, where it began

  ERESOURCE 0xFFFFFADF00005000: owned exclusive
      held by thread 36 of System (exclusive, 2 times)
      wanted by the thread on cpu 0 (shared, or something else); thread 36 of System (exclusive,
                inferred)

I/O requests
  IRP 0xFFFFFADF00002000 (bugcheck parameter 1) of thread 36: completed already

Pool around 0xFFFFFADF00004050 (asked for)
  Undecided: a remark
  page 0xFFFFFADF00004000, units of 16 bytes
     0xFFFFFADF00004000   0x40  Irp   allocated, nonpaged
  -> 0xFFFFFADF00004040   0x60  NbtL  allocated, nonpaged
  INCONSISTENT at 0xFFFFFADF000040A0: a block size of 0
     41 41  AA
  the block's data hold nothing but 0x00000000

1 other thread not shown (--threads all).

Modules that matter (1 of 1 loaded)
  module     version        base                stamp     image       symbols
  netbt.sys  5.2.3790.3959  0xFFFFF80001000000  45D6C53C  file        pdb

What could not be read
  - stack of CPU 0: not captured (virtual 0xFFFFF80003000000)

To know more, supply
  image  tcpip.sys  45D6C10062000                      the sure part of a stack ends in it
  pdb    tcpip.pdb  00112233445566778899AABBCCDDEE001  names of its functions
  then: dumptriage analyze share/one.dmp --images FOLDER --symbols FOLDER
  (any folder that holds the files, or a symbol store: FOLDER/tcpip.sys/45D6C10062000/tcpip.sys)
)report";
  EXPECT_EQ(to_text(full_document(), {}), expected);
}

TEST(Text, FileThatCannotBeAnalysed) {
  Document d;
  d.dump.path = "missing.dmp";
  d.error = Error{Code::io, "missing.dmp", "No such file or directory", {}};
  EXPECT_EQ(to_text(d, {}), "Cannot be analysed: missing.dmp: No such file or directory\n\n");
}

TEST(Text, FilesBesideTheDumpAreMarked) {
  Document d = full_document();
  EXPECT_EQ(to_text(d, {}).find("sibling"), std::string::npos);
  d.threads[0].frames[0].name_origin = "sibling";
  d.modules[0].image = "file";
  d.modules[0].image_origin = "sibling";
  std::string text = to_text(d, {});
  EXPECT_NE(text.find(", name sibling"), std::string::npos);
  EXPECT_NE(text.find("file *"), std::string::npos);
  EXPECT_NE(text.find("* found beside the dump"), std::string::npos);
}

TEST(Text, ModuleWithoutAName) {
  Document d = full_document();
  d.threads[0].frames[0].module = d.threads[0].frames[0].function = "";
  d.threads[0].frames[0].offset = 0x158A;
  d.crash.ip = d.threads[0].frames[0].pc;
  std::string text = to_text(d, {});
  std::size_t at = text.find("  Instruction");
  ASSERT_NE(at, std::string::npos);
  EXPECT_NE(text.substr(at, 80).find("module without a name+0x158A"), std::string::npos);
}

TEST(Text, NothingKnownSaysWhatToCollect) {
  Document d;
  d.dump.format = "minidump";
  d.dump.path = "a.dmp";
  d.dump.description = "user minidump";
  EXPECT_EQ(to_text(d, {}),
            R"report(No known issue matches. The dump does not say why it was written.

What stopped
  The dump records no crash
  Dump          a.dmp: user minidump

What to collect next
  This dump gives no stack. Let Windows Error Reporting keep full dumps of the program (registry key
  LocalDumps, DumpType 2), or take one at the moment of the crash.
)report");
}

TEST(Text, FirstLineIsTheAnswer) {
  Document d = full_document();
  auto first = [&] {
    std::string text = to_text(d, {});
    return text.substr(0, text.find('\n'));
  };
  EXPECT_EQ(first(), "KB1 confirmed: Frame overruns a buffer");
  d.matches[0].verdict = "likely";
  EXPECT_EQ(first(), "KB1 is likely: Frame overruns a buffer");
  d.matches[0].verdict = "possible";
  EXPECT_EQ(first(),
            "No known issue is proved; one lead is listed below. 0xD1 in netbt.sys+0x1234");
  d.matches.clear();
  EXPECT_EQ(first(), "No known issue matches. 0xD1 in netbt.sys+0x1234");
}

// A lead is never advice to install: the fix itself is not even printed.
TEST(Text, LeadsShowWhatIsMissingNotTheFix) {
  Document d = full_document();
  d.matches[0].verdict = "undecided";
  std::string text = to_text(d, {});
  EXPECT_NE(text.find("not seen: the other CPU"), std::string::npos);
  EXPECT_EQ(text.find("Fix state"), std::string::npos);
}

TEST(Text, RefutedRulesSayWhy) {
  Document d = full_document();
  d.matches[0].verdict = "refuted";
  d.matches[0].explanation.children = {{"yes",
                                        false,
                                        "refute",
                                        "1 of 1 hold",
                                        {},
                                        {{"yes", false, "fixed", "netbt.sys is newer", {}, {}}}}};
  EXPECT_NE(to_text(d, {}).find("KB1 refuted: Frame overruns a buffer - netbt.sys is newer"),
            std::string::npos);
}

TEST(Text, ColourOnlyWhenAsked) {
  TextOptions colour;
  colour.colour = true;
  EXPECT_EQ(to_text(full_document(), {}).find('\x1b'), std::string::npos);
  EXPECT_NE(to_text(full_document(), colour).find("\x1b[1m"), std::string::npos);
}

TEST(Text, TheSurePartEndsVisibly) {
  Document d = full_document();
  d.threads[0].frames.pop_back();
  EXPECT_NE(to_text(d, {}).find("---- the stack is known up to here: no image of tcpip.sys ----"),
            std::string::npos);
  d.threads[0].whole = true;
  EXPECT_NE(to_text(d, {}).find("---- end of the stack ----"), std::string::npos);
}

TEST(Text, LongSureStacksAreCutInTheMiddle) {
  Document d = full_document();
  ThreadRow& thread = d.threads[0];
  FrameRow frame = thread.frames[0];
  thread.frames.assign(1000, frame);
  for (std::size_t i = 0; i < 1000; ++i) thread.frames[i].index = i;
  thread.sure_frames = 1000;
  std::string text = to_text(d, {});
  EXPECT_NE(text.find("... 952 more sure frames"), std::string::npos);
  EXPECT_NE(text.find("   999  "), std::string::npos);
  EXPECT_EQ(text.find("   500  "), std::string::npos);
}

TEST(Text, InlinedCallsHaveRowsAboveTheirFrame) {
  Document d = full_document();
  ThreadRow& thread = d.threads[0];
  FrameRow inlined = thread.frames[0];
  inlined.is_inline = true;
  inlined.function = "NbtCopyOne";
  inlined.file = "copy.h";
  inlined.line = 7;
  inlined.offset.reset();
  thread.frames.insert(thread.frames.begin(), inlined);
  thread.sure_frames += 1;
  const std::string text = to_text(d, {});
  const std::size_t at = text.find("  netbt!NbtCopyOne  "); // without an offset
  ASSERT_NE(at, std::string::npos) << text;
  EXPECT_LT(text.find("inlined, context", at), text.find("copy.h:7", at));
  EXPECT_LT(text.find("copy.h:7", at), text.find("netbt!NbtCopy+", at));
  // A thread of one frame is known by its registers alone, whatever was inlined there.
  d.threads[1].walked = true;
  d.threads[1].frames = {thread.frames[0], thread.frames[1]};
  d.threads[1].sure_frames = 2;
  EXPECT_NE(to_text(d, {}).find("Known by their registers alone"), std::string::npos);
}

TEST(Text, The32BitStackComesFirst) {
  Document d = full_document();
  StackRows narrow = d.threads[0];
  narrow.frames.resize(1);
  narrow.frames[0].pc = 0x401026;
  narrow.sure_frames = 1;
  narrow.context_from = "WoW64 CPU area";
  d.threads[0].wow64 = narrow;
  const std::string text = to_text(d, {});
  const std::size_t at = text.find("32-bit stack of the crashed thread 36 (WoW64; registers: ");
  ASSERT_NE(at, std::string::npos) << text;
  EXPECT_LT(text.find(" 0x00401026 ", at), text.find("64-bit stack of the crashed thread 36", at));
  EXPECT_NE(text.find(" 0xFFFFF80001001234 ", at), std::string::npos);
  // Other threads of one stack, and those whose 32-bit stacks differ.
  ThreadRow other = d.threads[0];
  other.crashed = false;
  other.id = "40";
  d.threads = {d.threads[0], other, other};
  d.threads[2].id = "41";
  TextOptions all;
  all.threads = TextOptions::Threads::all;
  EXPECT_NE(to_text(d, all).find("32-bit stack of thread 40 and 1 more (WoW64"), std::string::npos);
  d.threads[2].wow64->frames[0].pc += 1;
  EXPECT_NE(to_text(d, all).find("32-bit stack of thread 41 (WoW64"), std::string::npos);
  EXPECT_NE(to_text(d, all).find("64-bit stack of thread 41"), std::string::npos);
}

TEST(Text, OtherThreadsByOption) {
  Document d = full_document();
  ThreadRow& other = d.threads[1];
  other.walked = true;
  other.frames = d.threads[0].frames;
  other.sure_frames = 2;
  TextOptions crashed;
  crashed.threads = TextOptions::Threads::crashed;
  EXPECT_EQ(to_text(d, crashed).find("CPU 0\n"), std::string::npos);
  EXPECT_NE(to_text(d, {}).find("CPU 0\n"), std::string::npos);
  EXPECT_NE(to_text(d, {}).find("1 guessed frame not shown"), std::string::npos);
  other.sure_frames = 1; // no more than its registers
  EXPECT_NE(to_text(d, {}).find("Known by their registers alone\n  CPU 0 "), std::string::npos);
}

// Line breaks in a name must not draw lines of their own.
TEST(Text, NamesCannotBreakLines) {
  Document d = full_document();
  d.threads[0].frames[0].module = "evil\nKB9 confirmed: install me";
  d.threads[0].process = "p\n\nq";
  std::string text = to_text(d, {});
  EXPECT_EQ(text.find("\nKB9"), std::string::npos);
  EXPECT_NE(text.find("of p q"), std::string::npos);
}

TEST(Text, SymbolsTable) {
  Document d = full_document();
  d.modules[0].symbols = "mismatched";
  d.modules[0].symbols_path = "pdb/netbt.pdb";
  d.modules[0].symbols_why = "id 1, wanted 2";
  EXPECT_EQ(symbols_table(d, false), R"report(1 modules: 1 images and 0 symbol files found

module     image id      image  symbols id                         symbols
netbt.sys  45D6C53C6000  file   00112233445566778899AABBCCDDEEFF1  mismatched

Files at hand
  netbt.sys
      symbols mismatched: pdb/netbt.pdb, id 1, wanted 2
)report");
}

TEST(Paper, WidthsCountCodePoints) {
  EXPECT_EQ(width_of("\xC3\xA9t\xC3\xA9"), 3u);
  EXPECT_EQ(padded("\xC3\xA9", 3), "\xC3\xA9  ");
  EXPECT_EQ(clipped("abcdefgh", 6), "abc...");
  EXPECT_EQ(clipped("abcdef", 6), "abcdef");
  EXPECT_EQ(flat(" a\n\tb  c "), "a b c");
}

TEST(Paper, LinesEndAtTheMargin) {
  Paper paper(false);
  std::string words;
  for (int i = 0; i < 60; ++i) words += "word ";
  paper.item("Label", words);
  std::size_t start = 0;
  while (start < paper.text().size()) {
    std::size_t end = paper.text().find('\n', start);
    EXPECT_LE(end - start, 100u);
    EXPECT_TRUE(start == 0 || paper.text().substr(start, 16) == std::string(16, ' '));
    start = end + 1;
  }
}

ShareDocument share() {
  ShareDocument share;
  ShareRow row;
  row.path = "share/a.dmp";
  row.stop = "0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL";
  row.blame = "netbt!NbtCopy";
  row.verdict = "confirmed";
  row.kb = "KB1";
  share.rows.push_back(row);
  ShareRow failed;
  failed.path = "share/" + std::string(80, 'x') + "/end.dmp";
  failed.failed = true;
  failed.error = "user minidump: the file ends";
  share.rows.push_back(failed);
  share.buckets = {
      {"D1:netbt.sys@1+2", "0xD1 in netbt.sys+0x2", "KB1", "confirmed", 1, "share/a.dmp"}};
  share.kbs = {{"KB1", "Frame overruns a buffer", "confirmed", 1}};
  share.analysed = share.failed = 1;
  share.other_files = 2;
  return share;
}

TEST(Share, Table) {
  std::string text = share_table(share(), false, false);
  EXPECT_NE(text.find("share/a.dmp "), std::string::npos);
  EXPECT_NE(text.find("KB1 confirmed"), std::string::npos);
  EXPECT_NE(text.find("/end.dmp  cannot be analysed: user minidump: the file ends"),
            std::string::npos);
  EXPECT_EQ(share_table({}, false, false), "");
}

// Into a file or a pipe nothing is cut, or a search would miss it.
TEST(Share, WholeTableCutsNothing) {
  ShareDocument long_one = share();
  long_one.rows[0].blame = std::string(90, 'm') + "!end_of_blame";
  long_one.buckets[0].title = std::string(90, 't') + "end_of_title";
  long_one.buckets[0].first_path = "a_start/" + std::string(90, 'p');
  std::string cut = share_table(long_one, false, false) + share_summary(long_one, false, false);
  std::string whole = share_table(long_one, false, true) + share_summary(long_one, false, true);
  for (std::string text :
       {std::string("share/" + std::string(80, 'x') + "/end.dmp"), std::string("!end_of_blame"),
        std::string("end_of_title"), std::string("a_start/ppp")}) {
    EXPECT_EQ(cut.find(text), std::string::npos) << text;
    EXPECT_NE(whole.find(text), std::string::npos) << text;
  }
}

TEST(Share, Summary) {
  EXPECT_EQ(share_summary(share(), false, false),
            R"report(1 dump analysed, 1 could not be, 2 other files

dumps  known issue  best verdict  title
1      KB1          confirmed     Frame overruns a buffer

dumps  bucket                 verdict        first of them  key
1      0xD1 in netbt.sys+0x2  KB1 confirmed  share/a.dmp    D1:netbt.sys@1+2
)report");
  EXPECT_EQ(share_summary({}, false, false),
            "0 dumps analysed, 0 could not be, 0 other files\n\nNo known "
            "issue was confirmed or likely.\n");
}

} // namespace
} // namespace dumptriage::report
