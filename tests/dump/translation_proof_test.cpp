// Which form of translation a dump of Alpha or Itanium proves, and which it must not.
#include <gtest/gtest.h>

#include <span>

#include "dump/kernel_samples.h"
#include "dump/kernel_translation_proof.h"
#include "dump/paper_samples.h"

namespace dumptriage::dump {
namespace {

using memory::Paging;
using synth::Bytes;
using tests::has_note;
using tests::open_bytes;

using tests::Paper;
Paper alpha(const synth::AlphaPaging& paging = {}) { return tests::alpha_paper(paging); }
Paper ia64(const synth::Ia64Paging& paging = {}) { return tests::ia64_paper(paging); }

TEST(TranslationProof, AlphaByLists) {
  for (bool entry : {false, true}) {
    const Paper paper = alpha({.root_is_entry = entry});
    auto dump = open_bytes(paper.bytes);
    ASSERT_TRUE(dump);
    EXPECT_EQ(dump->machine, arch::Machine::alpha);
    EXPECT_EQ(dump->tables.paging, Paging::alpha_tables) << entry;
    EXPECT_EQ(dump->tables.root, paper.places.root);
    EXPECT_TRUE(has_note(dump->notes, "this dump proves that")) << entry;
    EXPECT_EQ(dump->memory->u64(tests::kAlphaSp), 0x5AC0000000000F00u);
    EXPECT_EQ(dump->memory->u32(0x80080000), 0x00005A4Du & 0xFFFF);
    EXPECT_EQ(dump->memory->u32(0xC8000000), std::nullopt);
    EXPECT_TRUE(dump->complete);
  }
}

TEST(TranslationProof, AlphaTablesAreUndecidedWithoutFactsOfTheirOwn) {
  // The driver's image, the second one, and the self-map are what the tables have.
  Paper paper = alpha({.self_map = false});
  paper.poke(0xF1010000, 0x4141);
  auto dump = open_bytes(paper.bytes);
  EXPECT_EQ(dump->tables.paging, Paging::alpha);
  EXPECT_TRUE(has_note(dump->notes, "undecided"));
  EXPECT_EQ(dump->memory->u32(0x80080000).value_or(0) & 0xFFFF, 0x5A4Du);
  std::byte byte{};
  EXPECT_EQ(dump->memory->read(tests::kAlphaSp, {&byte, 1}).presence, memory::Presence::absent);
}

struct Breaking {
  const char* name;
  void (*how)(Paper&);
};
// A dump broken in one way proves `left` at most, and nothing is read at `probe`.
void expect_refused(std::span<const Breaking> ways, Paper (*make)(), Paging left,
                    std::uint64_t probe) {
  for (const Breaking& way : ways) {
    Paper paper = make();
    way.how(paper);
    auto dump = open_bytes(paper.bytes);
    ASSERT_TRUE(dump) << way.name;
    EXPECT_EQ(dump->tables.paging, left) << way.name;
    EXPECT_TRUE(has_note(dump->notes, "undecided")) << way.name;
    EXPECT_EQ(dump->memory->u32(probe), std::nullopt) << way.name;
  }
}

// Nothing of 80000000 ... BFFFFFFF is read when the lists or the images do not fit.
TEST(TranslationProof, AlphaIsRefused) {
  const Breaking ways[] = {
      {"no module list", [](Paper& p) { synth::put32(p.bytes, 0x18, 0); }},
      {"lists elsewhere",
       [](Paper& p) {
         synth::put32(p.bytes, 0x18, 0x80080100);
         synth::put32(p.bytes, 0x1C, 0x80080200);
       }},
      {"the first entry does not point back", [](Paper& p) { p.poke(p.places.entries[0] + 4, 0); }},
      {"the last entry does not point to the head",
       [](Paper& p) { p.poke(p.places.entries.back(), 0x80700104); }},
      {"half of the other list", [](Paper& p) { p.poke(p.places.process_list, 0x80700204); }},
      {"no image at the kernel's base", [](Paper& p) { p.poke(0x80080000, 0); }},
      {"an image of another CPU", [](Paper& p) { p.poke(0x80400084, 0x14C, 2); }},
      {"an image of another size", [](Paper& p) { p.poke(p.places.entries[1] + 0x20, 0x8000); }},
      {"an image that is not at a page",
       [](Paper& p) { p.poke(p.places.entries[1] + 0x18, 0x80400004); }},
  };
  expect_refused(ways, [] { return alpha(); }, Paging::none, 0x80080000);
}

// The same frames in another order: a shifted file proves nothing.
TEST(TranslationProof, AlphaShiftedPagesAreRefused) {
  Paper paper = alpha();
  paper.bytes.erase(paper.bytes.begin() + 0x2000, paper.bytes.begin() + 0x4000);
  EXPECT_EQ(open_bytes(paper.bytes)->tables.paging, Paging::none);
}

TEST(TranslationProof, RandomMemoryIsRefused) {
  std::uint64_t state = 1;
  auto next = [&] { return state = state * 6364136223846793005 + 1442695040888963407; };
  for (Paper paper : {alpha(), ia64()})
    for (int round = 0; round < 20; ++round) {
      for (std::size_t i = 0x2000; i < paper.bytes.size(); i += 8)
        synth::put64(paper.bytes, i, next() ^ state >> 29);
      auto dump = open_bytes(paper.bytes);
      const Paging paging = dump->tables.paging;
      EXPECT_TRUE(paging == Paging::none || paging == Paging::ia64);
    }
}

TEST(TranslationProof, ItaniumRegion7) {
  const Paper paper = ia64();
  auto dump = open_bytes(paper.bytes);
  ASSERT_TRUE(dump);
  EXPECT_EQ(dump->machine, arch::Machine::ia64);
  EXPECT_EQ(dump->tables.paging, Paging::ia64_tables);
  EXPECT_EQ(dump->tables.root, paper.places.root);
  EXPECT_TRUE(has_note(dump->notes, "this dump proves that"));
  EXPECT_EQ(dump->memory->u64(tests::kIa64Sp), 0x5AC0000000001E00u);
  EXPECT_EQ(dump->memory->u64(tests::kIa64Store + 8), 0xB500000000000008u);
  // Kseg3 reads physical memory: the root's entry of itself.
  EXPECT_EQ(dump->memory->u64(0x8000000000000000 + paper.places.root + 8 * 1023),
            paper.places.root | 0x61);
  EXPECT_EQ(dump->memory->u64(0xE000010700000000), std::nullopt);
}

TEST(TranslationProof, ItaniumWithoutASelfMapIsProvedByItsListsAndImages) {
  const Paper paper = ia64({.self_map = false});
  auto dump = open_bytes(paper.bytes);
  EXPECT_EQ(dump->tables.paging, Paging::ia64_tables);
}

TEST(TranslationProof, ItaniumRootThatTheHeaderDoesNotName) {
  const Paper paper = ia64({.root_in_header = false});
  auto dump = open_bytes(paper.bytes);
  EXPECT_EQ(dump->tables.paging, Paging::ia64_tables);
  EXPECT_EQ(dump->tables.root, paper.places.root);
  EXPECT_TRUE(has_note(dump->notes, "which DirectoryTableBase does not name"));
  // Without the self-map nothing tells which page is a root.
  const Paper without = ia64({.self_map = false, .root_in_header = false});
  dump = open_bytes(without.bytes);
  EXPECT_EQ(dump->tables.paging, Paging::ia64);
  EXPECT_TRUE(has_note(dump->notes, "undecided"));
}

TEST(TranslationProof, ItaniumIsRefused) {
  const Breaking ways[] = {
      {"no module list", [](Paper& p) { synth::put64(p.bytes, 0x20, 0); }},
      {"the first entry does not point back",
       [](Paper& p) { p.poke(p.places.entries[0] + 8, 0, 8); }},
      {"half of the other list",
       [](Paper& p) { p.poke(p.places.process_list, p.places.process_list + 0x10, 8); }},
      {"no image", [](Paper& p) { p.poke(0xE000000083000000, 0); }},
      {"an image of another CPU", [](Paper& p) { p.poke(0xE000000084000084, 0x8664, 2); }},
      {"images of another size", [](Paper& p) { p.poke(p.places.entries[2] + 0x40, 0x7000); }},
      {"no tables at the root",
       [](Paper& p) {
         const std::size_t at = p.at_physical(p.places.root);
         std::fill_n(p.bytes.begin() + static_cast<std::ptrdiff_t>(at), 0x2000, std::uint8_t{0});
       }},
  };
  expect_refused(ways, [] { return ia64(); }, Paging::ia64, tests::kIa64Sp);
}

// Cut anywhere: never a crash, never a translation that the whole dump would not prove.
TEST(TranslationProof, TruncatedAnywhere) {
  for (const Paper& paper : {alpha(), ia64()})
    for (std::size_t size = 0; size < paper.bytes.size(); size += size < 0x2000 ? 13 : 0x2FF) {
      auto dump = open_bytes(ByteView(paper.bytes.data(), size));
      if (!dump) continue;
      EXPECT_FALSE(dump->complete) << size;
      if (dump->memory) dump->memory->u64(paper.places.module_list);
    }
}

} // namespace
} // namespace dumptriage::dump
