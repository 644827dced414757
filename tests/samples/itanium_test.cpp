// The samples of Windows Server 2003 SP2 for Itanium: executed code, its true stacks on both CPUs,
// and KB961799.
#include "samples/true_stacks.h"

namespace dumptriage::samples {
namespace {

const char* const kKb = "KB961799";

nlohmann::json truth() {
  return read_json(folder() + "/truth/kernel-ia64-ws2003sp2-kb961799.json");
}
std::string ia64_symbols() { return symbols_folder() + "/ia64"; }

class Itanium : public testing::TestWithParam<const char*> {
protected:
  report::Document of(const std::string& symbols) const {
    return analyze(read(folder() + "/" + GetParam()), symbols);
  }
};

TEST_P(Itanium, TheSystemAndTheStop) {
  const report::Document document = of(symbols_folder());
  ASSERT_FALSE(document.error) << document.error->message();
  EXPECT_EQ(document.os.family, "ws2003");
  EXPECT_EQ(document.os.build, 3790u);
  EXPECT_EQ(document.dump.arch, "ia64");
  EXPECT_EQ(document.os.name.rfind("Windows Server 2003 Service Pack 2", 0), 0u)
      << document.os.name;
  EXPECT_EQ(document.crash.code, 0x7Eu);
  EXPECT_EQ(document.crash.ip, number(truth()["cpus"][1]["frames"][0]["pc"]));
  EXPECT_EQ(document.crash.address, 0xE000010605C42000u);
  EXPECT_EQ(document.crash.instruction.rfind("st1.rel [r32]=r16", 0), 0u)
      << document.crash.instruction;
  EXPECT_EQ(document.crash.cpu, 1u);
  EXPECT_EQ(document.blame.module, "netbt.sys");
  EXPECT_EQ(document.blame.function, "NbtCopyToStartOfIndicate");
}

TEST_P(Itanium, EveryFrameOfBothCpus) {
  const report::Document document = of(symbols_folder());
  ASSERT_EQ(truth()["cpus"].size(), 2u);
  for (const auto& cpu : truth()["cpus"]) {
    SCOPED_TRACE("CPU " + cpu["number"].dump());
    const report::ThreadRow* row = of_cpu(document, cpu["number"]);
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(row->crashed, cpu["number"] == 1);
    ASSERT_EQ(cpu["frames"].size(), 5u);
    expect_frames(*row, cpu["frames"]);
  }
}

TEST_P(Itanium, Kb961799IsConfirmedByTheTopOfOneCpu) {
  const report::Document document = of(symbols_folder());
  const report::MatchRow* row = match(document, kKb);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->verdict, "confirmed");
  EXPECT_EQ(row->fix_state, "unpublished");
}

TEST_P(Itanium, AnotherFunctionOnTop) {
  TemporaryFolder symbols;
  for (const char* name : {"ntoskrnl.exe", "ntoskrnl.pdb", "tcpip.sys", "tcpip.pdb", "netbt.sys"})
    symbols.add(name, read(ia64_symbols() + "/" + name));
  synth::Bytes pdb = read(ia64_symbols() + "/netbt.pdb");
  ASSERT_GE(
      replace(pdb, text_bytes("NbtCopyToStartOfIndicate"), text_bytes("NbtCopyToCenterOfSegment")),
      2);
  symbols.add("netbt.pdb", pdb);
  const report::Document document = of(symbols.path());
  EXPECT_EQ(document.blame.function, "NbtCopyToCenterOfSegment");
  EXPECT_NE(verdict(document, kKb), "confirmed");
  EXPECT_NE(verdict(document, kKb), "likely");
}

bool wants_image(const report::Document& document, std::string_view name) {
  return std::ranges::any_of(document.wanted, [&](const report::Wanted& wanted) {
    return wanted.kind == "image" && wanted.name == name;
  });
}

TEST_P(Itanium, WithoutSymbolsNothingIsConfirmed) {
  const report::Document document = of("");
  // A triage dump holds no unwind data: the report asks for the images that have it.
  if (document.dump.kind == "triage") {
    EXPECT_TRUE(wants_image(document, "netbt.sys"));
    EXPECT_EQ(of_cpu(document, 1)->sure_ended.find("no image of netbt.sys"), 0u);
  }
  EXPECT_NE(verdict(document, kKb), "confirmed");
  EXPECT_NE(verdict(document, kKb), "likely");
  for (const auto& cpu : truth()["cpus"]) {
    const report::ThreadRow* row = of_cpu(document, cpu["number"]);
    ASSERT_NE(row, nullptr);
    expect_no_wrong_frame(*row, cpu["frames"]);
  }
}

// A reader who never saw an Itanium is told once what its second stack is.
TEST_P(Itanium, TheTextTellsWhatTheBackingStoreIs) {
  const std::string text = report::to_text(of(symbols_folder()), {});
  const std::size_t at = text.find("backing store");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(text.find("backing store", at + 1), std::string::npos);
  EXPECT_NE(text.find("  Where         CPU 1\n"), std::string::npos);
}

// A saved return address changed in the backing store: whatever is still called sure is true.
TEST_P(Itanium, ADamagedBackingStoreGivesNoWrongFrame) {
  const synth::Bytes dump = read(folder() + "/" + GetParam());
  const auto frames = truth()["cpus"][1]["frames"];
  for (std::size_t i = 2; i < frames.size(); ++i) {
    synth::Bytes changed = dump, from, to;
    synth::put64(from, 0, number(frames[i]["pc"]));
    synth::put64(to, 0, 0xE000010600A19000); // the stack
    ASSERT_GE(replace(changed, from, to), 1) << i;
    const report::Document document = analyze(changed, symbols_folder());
    const report::ThreadRow* row = of_cpu(document, 1);
    ASSERT_NE(row, nullptr);
    ASSERT_LE(row->sure_frames, i + 1);
    for (std::size_t k = 0; k < std::min<std::size_t>(row->sure_frames, i); ++k)
      EXPECT_EQ(row->frames[k].pc, number(frames[k]["pc"])) << k;
  }
}

INSTANTIATE_TEST_SUITE_P(Samples, Itanium, testing::Values(kItaniumFull, kItaniumTriage),
                         [](const auto& info) {
                           return std::string(info.param).find("full") != std::string::npos
                                      ? "full"
                                      : "triage";
                         });

} // namespace
} // namespace dumptriage::samples
