// Dumps of Alpha and Itanium through the whole pipeline: what is not settled is said in the JSON.
#include <gtest/gtest.h>

#include "dump/paper_samples.h"
#include "pipeline/analyze.h"

namespace dumptriage::pipeline {
namespace {

report::Document document_of(const synth::Bytes& bytes) {
  static Analyzer analyzer(rules::builtin_catalogue(), {});
  return analyzer.analyze(MappedFile::borrow(ByteView(bytes.data(), bytes.size()), "paper.dmp"),
                          Options{});
}
std::string json_of(const synth::Bytes& bytes) { return report::to_json(document_of(bytes)); }

bool says(const std::string& json, std::string_view part) {
  return json.find(part) != std::string::npos;
}

TEST(PaperMachines, WhatProvesTheTranslationIsTold) {
  const std::string alpha = json_of(write_alpha_pagedump(tests::alpha_machine()));
  EXPECT_TRUE(says(alpha, "\"nt4\""));
  EXPECT_TRUE(says(alpha, "first.sys"));
  EXPECT_TRUE(says(alpha, "virtual memory of alpha: 80000000 ... BFFFFFFF is the first gigabyte"));
  EXPECT_TRUE(says(alpha, "this dump proves that"));
  const std::string itanium = json_of(write_ia64_pagedu64(tests::ia64_machine()));
  EXPECT_TRUE(says(itanium, "netbt.sys"));
  EXPECT_TRUE(says(itanium, "this dump proves that"));
}

TEST(PaperMachines, WhatIsUndecidedIsTold) {
  synth::Bytes bytes = write_alpha_pagedump(tests::alpha_machine());
  synth::put32(bytes, 0x18, 0);
  EXPECT_TRUE(says(json_of(bytes), "only physical memory is read"));
  EXPECT_TRUE(says(json_of(write_ia64_pagedu64(tests::ia64_machine(), {.tables = false})),
                   "what else is mapped is undecided"));
  synth::Ia64TriageStore store;
  store.limit = synth::Ia64TriageStore::Limit::none;
  store.thread = false;
  EXPECT_TRUE(says(json_of(write_ia64_triage(tests::ia64_machine(), store)),
                   "register backing store: undecided"));
}

// A function of 32 bytes of stack that keeps ra at the lowest of them; the instruction in its
// middle is a call.
synth::PaperModule alpha_code(std::string path, std::uint64_t base, std::uint32_t stamp) {
  synth::PeWriter pe(false);
  pe.machine = 0x184;
  pe.base = base;
  pe.timestamp = stamp;
  pe.section_alignment = 0x2000;
  constexpr std::uint32_t kCode[] = {0x23DEFFE0,             // lda sp,-32(sp)
                                     0xB75E0000,             // stq ra,0(sp)
                                     0x47FF041F,             // nop
                                     0x47FF041F, 0x6B5B4000, // jsr ra,(t12)
                                     0x47FF041F, 0xA75E0000, // ldq ra,0(sp)
                                     0x23DE0020,             // lda sp,32(sp)
                                     0x6BFA8001};            // ret
  synth::Bytes code, pdata;
  for (std::uint32_t word : kCode) synth::put32(code, code.size(), word);
  for (std::uint64_t word : {base + 0x2000, base + 0x2000 + code.size(), std::uint64_t{0},
                             std::uint64_t{0}, base + 0x2008})
    synth::put32(pdata, pdata.size(), word);
  pe.section(".text", 0x2000, code, synth::kCodeSection);
  pe.section(".pdata", 0x4000, pdata, synth::kConstSection);
  pe.directory(3, 0x4000, static_cast<std::uint32_t>(pdata.size()));
  pe.size_of_image = 0x6000;
  return {std::move(path), base, pe.memory(), stamp, pe.checksum};
}

// The same two frames through every kind of dump that Alpha has.
TEST(PaperMachines, AlphaIsWalkedInEveryKindOfDump) {
  synth::PaperMachine machine = tests::alpha_machine();
  machine.modules = {alpha_code("\\WINNT\\System32\\ntoskrnl.exe", 0x80080000, 1),
                     alpha_code("\\SystemRoot\\System32\\Drivers\\first.sys", 0xF1000000, 2),
                     alpha_code("\\SystemRoot\\System32\\Drivers\\other.sys", 0xF1010000, 3)};
  synth::Bytes& stack = machine.memory[0].second;
  synth::put64(stack, 0xF00, synth::alpha32(0x80082014));
  synth::put64(stack, 0xF20, 0);
  for (const synth::Bytes& bytes : {write_alpha_pagedump(machine), write_paper_minidump(machine),
                                    write_alpha_userdump(machine)}) {
    const report::Document document = document_of(bytes);
    ASSERT_FALSE(document.threads.empty()) << document.dump.format;
    const auto& frames = document.threads[0].frames;
    ASSERT_GE(frames.size(), 2u) << document.dump.format;
    EXPECT_EQ(frames[0].pc, tests::kAlphaPc);
    EXPECT_EQ(frames[0].module, "first.sys");
    EXPECT_EQ(frames[1].pc, 0x80082014u);
    EXPECT_EQ(frames[1].sp, tests::kAlphaSp + 0x20);
    EXPECT_EQ(frames[1].module, "ntoskrnl.exe");
    EXPECT_GE(document.threads[0].sure_frames, 2u) << document.dump.format;
  }
}

} // namespace
} // namespace dumptriage::pipeline
