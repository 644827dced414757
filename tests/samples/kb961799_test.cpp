// The KB961799 sample ends confirmed; the same stack under any condition that takes a proof away
// does not.
#include "samples/samples.h"

namespace dumptriage::samples {
namespace {

const char* const kKb = "KB961799";

synth::Bytes kernel_dump() { return read(folder() + "/" + kKernel); }

std::size_t u32(const synth::Bytes& bytes, std::size_t at) {
  return bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 |
         static_cast<std::size_t>(bytes[at + 3]) << 24;
}

// File offset of a kernel address in the data blocks of a triage dump.
std::size_t block_offset(const synth::Bytes& dump, std::uint64_t address) {
  std::size_t table = u32(dump, 0x2078), count = u32(dump, 0x207c);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t entry = table + 16 * i;
    std::uint64_t start = u32(dump, entry) | static_cast<std::uint64_t>(u32(dump, entry + 4)) << 32;
    if (address >= start && address - start < u32(dump, entry + 12))
      return u32(dump, entry + 8) + static_cast<std::size_t>(address - start);
  }
  ADD_FAILURE() << "no data block at " << std::hex << address;
  return 0;
}

std::uint64_t u64(const synth::Bytes& bytes, std::size_t at) {
  return u32(bytes, at) | static_cast<std::uint64_t>(u32(bytes, at + 4)) << 32;
}

TEST(Kb961799, IsConfirmedWithTheFixUnpublished) {
  report::Document document = analyze(kernel_dump(), symbols_folder());
  ASSERT_FALSE(document.error) << document.error->message();
  const report::MatchRow* row = match(document, kKb);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->verdict, "confirmed");
  EXPECT_EQ(row->fix_state, "unpublished");
  EXPECT_FALSE(row->explanation.children.empty());
  EXPECT_FALSE(row->advice.empty());
  EXPECT_EQ(document.os.family, "ws2003");
  EXPECT_EQ(document.os.build, 3790u);
  EXPECT_EQ(document.crash.code, 0xD1u);
  EXPECT_EQ(document.blame.module, "netbt.sys");
  EXPECT_EQ(document.blame.function, "NbtCopyToStartOfIndicate");
}

TEST(Kb961799, OtherOperatingSystem) {
  synth::Bytes dump = kernel_dump();
  synth::put32(dump, 0x00c, 6002); // MinorVersion: Windows Server 2008 SP2
  std::string answer = verdict(analyze(dump, symbols_folder()), kKb);
  EXPECT_TRUE(answer == "none" || answer == "refuted") << answer;
}

TEST(Kb961799, OtherStopCode) {
  synth::Bytes dump = kernel_dump();
  synth::put32(dump, 0x038, 0x19); // BAD_POOL_HEADER is not among the article's codes
  std::string answer = verdict(analyze(dump, symbols_folder()), kKb);
  EXPECT_TRUE(answer == "none" || answer == "refuted") << answer;
}

TEST(Kb961799, ServicePack1) {
  synth::Bytes dump = kernel_dump();
  synth::put32(dump, 0x2000, 0x100); // ServicePackBuild
  std::uint64_t csd = u64(dump, u32(dump, 0x2070) + 0x268);
  std::size_t at = block_offset(dump, csd);
  ASSERT_EQ(u32(dump, at), 0x200u);
  synth::put32(dump, at, 0x100);
  TemporaryFolder symbols;
  for (const char* name : {"ntoskrnl.exe", "netbt.sys"}) {
    synth::Bytes image = read(symbols_folder() + "/" + name);
    // 5.2.3790.3959 -> 5.2.3790.1830 in VS_FIXEDFILEINFO.
    EXPECT_GE(replace(image, {0x77, 0x0F, 0xCE, 0x0E}, {0x26, 0x07, 0xCE, 0x0E}), 1);
    symbols.add(name, image);
  }
  symbols.copy("ntoskrnl.pdb");
  symbols.copy("netbt.pdb");
  report::Document document = analyze(dump, symbols.path());
  std::string answer = verdict(document, kKb);
  EXPECT_TRUE(answer == "none" || answer == "refuted") << answer << " " << document.os.name;
}

TEST(Kb961799, AnotherFunctionOnTop) {
  TemporaryFolder symbols;
  for (const char* name : {"ntoskrnl.exe", "ntoskrnl.pdb", "netbt.sys"}) symbols.copy(name);
  synth::Bytes pdb = read(symbols_folder() + "/netbt.pdb");
  ASSERT_GE(
      replace(pdb, text_bytes("NbtCopyToStartOfIndicate"), text_bytes("NbtCopyToCenterOfSegment")),
      2);
  symbols.add("netbt.pdb", pdb);
  report::Document document = analyze(kernel_dump(), symbols.path());
  EXPECT_EQ(document.blame.function,
            "NbtCopyToCenterOfSegment"); // the name was read and is another
  std::string answer = verdict(document, kKb);
  EXPECT_NE(answer, "confirmed");
  EXPECT_NE(answer, "likely");
}

TEST(Kb961799, FunctionOnlyInAScannedFrame) {
  // Without the kernel's image nothing says how to go on from KeBugCheckEx: the frames of netbt.sys
  // are guesses, named by a PDB that matches.  In this PDB the names of the copying function and of
  // its caller are exchanged, because a scan finds return addresses only.
  const std::string copy = "NbtCopyToStartOfIndicate", caller = "NbtProcessSessionMessage";
  synth::Bytes pdb = read(symbols_folder() + "/netbt.pdb");
  ASSERT_GE(replace(pdb, text_bytes(copy), text_bytes("NbtCopyToCenterOfSegment")), 2);
  ASSERT_GE(replace(pdb, text_bytes(caller), text_bytes(copy)), 1);
  TemporaryFolder symbols;
  symbols.copy("netbt.sys");
  symbols.add("netbt.pdb", pdb);
  report::Document document = analyze(kernel_dump(), symbols.path());
  bool guessed = false;
  for (const report::ThreadRow& thread : document.threads)
    for (std::size_t i = 0; i < thread.frames.size(); ++i)
      if (thread.frames[i].function == copy) {
        EXPECT_GE(i, thread.sure_frames);
        guessed = true;
      }
  EXPECT_TRUE(guessed);
  std::string answer = verdict(document, kKb);
  EXPECT_NE(answer, "confirmed");
  EXPECT_NE(answer, "likely");
}

TEST(Kb961799, NoImagesAtAll) {
  report::Document document = analyze(kernel_dump(), "");
  ASSERT_FALSE(document.error);
  std::string answer = verdict(document, kKb);
  EXPECT_NE(answer, "confirmed");
  EXPECT_NE(answer, "likely");
  for (const report::ThreadRow& thread : document.threads) EXPECT_LE(thread.sure_frames, 1u);
}

TEST(Kb961799, PdbWithAnotherId) {
  synth::Bytes image = read(symbols_folder() + "/netbt.sys");
  synth::Bytes rsds = text_bytes("RSDS");
  auto at = std::search(image.begin(), image.end(), rsds.begin(), rsds.end());
  ASSERT_NE(at, image.end());
  synth::Bytes guid(at + 4, at + 20), other = guid;
  other[15] ^= 0x5A;
  synth::Bytes pdb = read(symbols_folder() + "/netbt.pdb");
  ASSERT_EQ(replace(pdb, guid, other), 1);
  TemporaryFolder symbols;
  for (const char* name : {"ntoskrnl.exe", "ntoskrnl.pdb", "netbt.sys"}) symbols.copy(name);
  symbols.add("netbt.pdb", pdb);
  report::Document document = analyze(kernel_dump(), symbols.path());
  EXPECT_EQ(document.blame.module, "netbt.sys");
  EXPECT_NE(document.blame.function, "NbtCopyToStartOfIndicate");
  std::string answer = verdict(document, kKb);
  EXPECT_NE(answer, "confirmed");
  EXPECT_NE(answer, "likely");
}

TEST(Kb961799, ImageOfAnotherBuild) {
  // Time stamp changed in the file: it is not the module's image, so neither is its PDB.
  synth::Bytes image = read(symbols_folder() + "/netbt.sys");
  std::size_t pe = u32(image, 0x3c);
  synth::put32(image, pe + 8, u32(image, pe + 8) + 60);
  TemporaryFolder symbols;
  for (const char* name : {"ntoskrnl.exe", "ntoskrnl.pdb", "netbt.pdb"}) symbols.copy(name);
  symbols.add("netbt.sys", image);
  std::string answer = verdict(analyze(kernel_dump(), symbols.path()), kKb);
  EXPECT_NE(answer, "confirmed");
  EXPECT_NE(answer, "likely");
}

} // namespace
} // namespace dumptriage::samples
