// Kernel dumps that hold pages: where each container has its pages (S: a public source, I:
// inferred), and which page tables are used.
#include <gtest/gtest.h>

#include "dump/kernel_samples.h"
#include "synth/kernel_headers.h"

namespace dumptriage::dump {
namespace {

using namespace tests;
using memory::Paging;
using synth::Bytes;
using synth::FrameList;
using synth::put32;
using synth::put64;
using synth::Tables;

constexpr std::uint64_t kBits = 0x40;

// Frames that tell their number.
FrameList frames_of(std::initializer_list<std::uint64_t> numbers, std::size_t page = 0x1000) {
  FrameList frames;
  for (std::uint64_t number : numbers) {
    Bytes bytes(page);
    put64(bytes, 0, 0xF000 + number);
    put64(bytes, page - 8, 0xE000 + number);
    frames.push_back({number, bytes});
  }
  return frames;
}

// A dump and the bytes that it looks into.
struct Opened {
  explicit Opened(Bytes b) : bytes(std::move(b)), dump(open_bytes(bytes)) {}
  explicit operator bool() const { return dump.has_value(); }
  Dump* operator->() { return &*dump; }
  Dump& operator*() { return *dump; }
  Bytes bytes;
  Result<Dump> dump;
};

struct Container {
  const char* name;
  Kind kind;
  bool wide;
  char mark;
  std::size_t page_size;
  Bytes (*make)(const FrameList& frames);
};
Bytes w2k() { return synth::header32(2195); }
Bytes win7() { return synth::header64(7601); }
Bytes win10() { return synth::header64(19041); }
const Container kContainers[] = {
    {"full 32", Kind::full, false, 'S', 0x1000,
     [](const FrameList& f) { return as_full(w2k(), f); }},
    {"full 64", Kind::full, true, 'S', 0x1000,
     [](const FrameList& f) { return as_full(win7(), f); }},
    {"full, NT 4", Kind::full, false, 'S', 0x1000,
     [](const FrameList& f) {
       Bytes bytes = as_full(synth::header32(1381), f);
       synth::put_text(bytes, 0xF88, "PAGE");
       return bytes;
     }},
    {"full, Alpha", Kind::full, false, 'I', 0x2000,
     [](const FrameList& f) { return as_full(synth::header32(1381, synth::kMachineAlpha), f); }},
    {"full, Itanium", Kind::full, true, 'I', 0x2000,
     [](const FrameList& f) { return as_full(synth::header64(3790, synth::kMachineIa64), f); }},
    {"summary 32", Kind::summary, false, 'S', 0x1000,
     [](const FrameList& f) { return as_summary(w2k(), f, kBits); }},
    {"summary 64", Kind::summary, true, 'S', 0x1000,
     [](const FrameList& f) { return as_summary(win7(), f, kBits); }},
    {"summary, Itanium", Kind::summary, true, 'I', 0x2000,
     [](const FrameList& f) {
       return as_summary(synth::header64(3790, synth::kMachineIa64), f, kBits);
     }},
    {"summary, Alpha of a 2000 beta", Kind::summary, false, 'I', 0x2000,
     [](const FrameList& f) {
       return as_summary(synth::header32(2031, synth::kMachineAlpha), f, kBits);
     }},
    {"bitmap 32", Kind::bitmap, false, 'S', 0x1000,
     [](const FrameList& f) { return as_bitmap(synth::header32(9200), f, kBits); }},
    {"bitmap 64, kernel", Kind::bitmap, true, 'S', 0x1000,
     [](const FrameList& f) { return as_bitmap(win10(), f, kBits, 6); }},
    {"bitmap 64, full", Kind::bitmap, true, 'S', 0x1000,
     [](const FrameList& f) { return as_bitmap(win10(), f, kBits, 5); }},
    {"bitmap 64, automatic", Kind::bitmap, true, 'I', 0x1000,
     [](const FrameList& f) { return as_bitmap(win10(), f, kBits, 7); }},
    {"RDMP, kernel", Kind::rdmp, true, 'S', 0x1000,
     [](const FrameList& f) { return as_rdmp(win10(), f, 8); }},
    {"RDMP, kernel and user", Kind::rdmp, true, 'S', 0x1000,
     [](const FrameList& f) { return as_rdmp(win10(), f, 9); }},
    {"RDMP, complete", Kind::rdmp, true, 'S', 0x1000,
     [](const FrameList& f) { return as_rdmp(win10(), f, 0xA); }},
};

TEST(KernelPages, EveryContainerHasItsFramesWhereItSays) {
  for (const Container& container : kContainers) {
    FrameList frames = frames_of({2, 3, 7, 0x20, 0x3F}, container.page_size);
    Bytes bytes = container.make(frames);
    auto dump = open_bytes(bytes);
    ASSERT_TRUE(dump) << container.name;
    EXPECT_EQ(dump->kind, container.kind) << container.name;
    EXPECT_TRUE(dump->complete) << container.name;
    ASSERT_TRUE(dump->physical) << container.name;
    EXPECT_EQ(dump->physical->page_count(), 5u) << container.name;
    EXPECT_EQ(dump->physical->page_size(), container.page_size) << container.name;
    for (std::uint64_t pfn = 0; pfn < 0x42; ++pfn) {
      bool held = std::ranges::any_of(frames, [&](auto& frame) { return frame.number == pfn; });
      EXPECT_EQ(dump->physical->has_page(pfn), held) << container.name << " " << pfn;
      if (!held) continue;
      std::uint64_t at = pfn * container.page_size;
      EXPECT_EQ(dump->physical->u64(at), 0xF000 + pfn) << container.name;
      EXPECT_EQ(dump->physical->u64(at + container.page_size - 8), 0xE000 + pfn) << container.name;
    }
    EXPECT_EQ(dump->description.find("cut short"), std::string::npos) << dump->description;
    EXPECT_EQ(dump->description.find("not read"), std::string::npos) << dump->description;
  }
}

// A file cut anywhere: what is there is used, and what is not is said.  Headers are cut at every
// byte once for each width.
TEST(KernelPages, CutAnywhere) {
  bool header_done[2] = {false, false};
  for (const Container& container : kContainers) {
    const Bytes bytes = container.make(frames_of({2, 3, 7}, container.page_size));
    const std::size_t least = container.wide ? 0x60 : 0x3C;
    const std::size_t header = container.wide || container.page_size != 0x1000 ? 0x2000 : 0x1000;
    std::size_t length = std::exchange(header_done[container.wide], true) ? header : 0;
    for (; length < bytes.size(); length += length < header + 0x80 ? 1 : 97) {
      auto dump = open_bytes(ByteView(bytes.data(), length));
      ASSERT_EQ(dump.has_value(), length >= least) << container.name << " " << length;
      if (!dump) continue;
      ASSERT_FALSE(dump->complete) << container.name << " " << length;
      ASSERT_FALSE(dump->notes.empty()) << container.name << " " << length;
      if (dump->physical && length >= bytes.size() - container.page_size)
        ASSERT_EQ(dump->physical->u64(2 * container.page_size), 0xF002u) << container.name;
    }
  }
}

TEST(KernelPages, FirstPageNeedNotBeAligned) { // [S]: a published dump has it at 0xA038
  Bytes bytes = as_bitmap(win10(), frames_of({1, 9}), kBits, 5);
  EXPECT_EQ(ByteView(bytes.data(), bytes.size()).u64(0x2020), 0x2040u);
  EXPECT_EQ(open_bytes(bytes)->physical->u64(0x9000), 0xF009u);
  bytes = as_bitmap(win10(), frames_of({1, 9}), kBits, 5, 0xA038);
  EXPECT_EQ(open_bytes(bytes)->physical->u64(0x9000), 0xF009u);
}

// "SDMP" begins two layouts; the one whose numbers fit is meant, whatever DumpType says.
TEST(KernelPages, TheLayoutThatFitsDecides) {
  Bytes bytes = as_summary(win10(), frames_of({2, 5}), kBits);
  synth::set_dump_type(bytes, 6);
  auto dump = open_bytes(bytes);
  EXPECT_EQ(dump->kind, Kind::summary);
  EXPECT_EQ(dump->physical->u64(0x5000), 0xF005u);
  bytes = as_bitmap(win7(), frames_of({2, 5}), kBits, 6);
  synth::set_dump_type(bytes, 2);
  dump = open_bytes(bytes);
  EXPECT_EQ(dump->kind, Kind::bitmap);
  EXPECT_EQ(dump->physical->u64(0x5000), 0xF005u);
}

TEST(KernelPages, AlphaWithAShortHeaderIsKnownByItsSize) { // [I]
  Bytes bytes = synth::header32(1381, synth::kMachineAlpha);
  bytes.resize(0x1000);
  bytes = as_full(bytes, frames_of({2, 5}, 0x2000));
  auto dump = open_bytes(bytes);
  EXPECT_EQ(dump->physical->u64(5 * 0x2000), 0xF005u);
  EXPECT_TRUE(dump->complete);
}

TEST(KernelPages, LyingCountsAreNotes) {
  struct Lie {
    const char* note;
    Bytes bytes;
  };
  auto patched = [](Bytes bytes, std::size_t at, std::uint64_t value, std::size_t size) {
    synth::put(bytes, at, value, size);
    return bytes;
  };
  const FrameList frames = frames_of({2, 5});
  const Bytes summary = as_summary(win7(), frames, kBits),
              bitmap = as_bitmap(win10(), frames, kBits);
  const Bytes rdmp = as_rdmp(win10(), frames, 0xA), partial = as_rdmp(win10(), frames, 8);
  const Bytes full = as_full(win7(), frames);
  for (const Lie& lie : {
           Lie{"2 bits are set, the header says 3 pages", patched(summary, 0x2014, 3, 4)},
           Lie{"its bitmap says 99", patched(summary, 0x2018, 99, 4)},
           Lie{"536870911 bytes are in the file", patched(summary, 0x2010, 0xFFFFFFF8, 4)},
           Lie{"the first page lies inside it", patched(summary, 0x200C, 0x2020, 4)},
           Lie{"2 bits are set, the header says 1 pages", patched(bitmap, 0x2028, 1, 8)},
           Lie{"bytes are in the file", patched(bitmap, 0x2030, UINT64_MAX, 8)},
           Lie{"cut short, 0 of 2 pages", patched(bitmap, 0x2020, UINT64_MAX - 8, 8)},
           Lie{"they hold 2 pages, the header says 7", patched(rdmp, 0x2028, 7, 8)},
           Lie{"they leave 64 bits", patched(partial, 0x2048, UINT64_MAX, 8)},
           Lie{"do not end where its pages begin", patched(rdmp, 0x2010, 7, 8)},
           Lie{"cut short, 0 of 2 pages", patched(rdmp, 0x2018, UINT64_MAX, 8)},
           Lie{"run 0 leaves 64 bits", patched(full, 0xA0, UINT64_MAX, 8)},
           Lie{"44 runs, there is room for 43", patched(full, 0x88, 44, 4)},
       }) {
    auto dump = open_bytes(lie.bytes);
    ASSERT_TRUE(dump) << lie.note;
    bool said = has_note(dump->notes, lie.note);
    EXPECT_TRUE(said) << lie.note;
    if (!said)
      for (const Note& note : dump->notes) ADD_FAILURE() << note.message;
    if (!dump->physical) continue;
    for (std::uint64_t pfn : {std::uint64_t{0}, std::uint64_t{5}, UINT64_MAX >> 12})
      dump->physical->u64(pfn << 12); // must not reach beyond the file
  }
}

TEST(KernelPages, EveryFieldBehindTheHeaderMayHoldAnything) {
  for (const Container& container : kContainers) {
    const Bytes good = container.make(frames_of({2, 3, 7}, container.page_size));
    const std::size_t at = good.size() - 3 * container.page_size;
    const std::size_t header = container.wide || container.page_size != 0x1000 ? 0x2000 : 0x1000;
    for (std::size_t field = header; field < std::min(at, header + 0x60); field += 4)
      for (std::uint32_t lie : {0u, 1u, 0x7FFFFFFFu, 0xFFFFFFFFu, 0x1000u}) {
        Bytes bytes = good;
        put32(bytes, field, lie);
        auto dump = open_bytes(bytes);
        ASSERT_TRUE(dump) << container.name;
        if (dump->physical) dump->physical->u64(3 * container.page_size);
      }
  }
}

TEST(KernelPages, EncryptedPagesAreNotRead) {
  Bytes bytes = as_bitmap(win10(), frames_of({2}), kBits);
  put32(bytes, 0x1050, 1u << 8);
  auto dump = open_bytes(bytes);
  EXPECT_FALSE(dump->physical);
  EXPECT_FALSE(dump->complete);
  EXPECT_TRUE(has_note(dump->notes, "its pages are encrypted"));
  put32(bytes, 0x1050, 1u << 8 | 1u << 9); // decrypted since
  EXPECT_TRUE(open_bytes(bytes)->physical);
}

TEST(KernelPages, BlobsBehindTheLastPage) { // [I]
  for (std::size_t gap : {0, 8, 0x1000}) {
    Bytes bytes = as_full(win7(), frames_of({2}));
    bytes.resize(bytes.size() + gap);
    std::size_t at = bytes.size();
    synth::put_text(bytes, at, "DumpBlob");
    put32(bytes, at + 8, 0x10);
    put32(bytes, at + 16, 0x20);
    synth::put_text(bytes, at + 20, "ABCDEFGHIJKLMNOP");
    put32(bytes, at + 36, 5); // DataSize
    put32(bytes, at + 40, 3); // PrePad
    put32(bytes, at + 44, 0);
    synth::put_text(bytes, at + 48, "...hello");
    auto dump = open_bytes(bytes);
    ASSERT_EQ(dump->kernel->blobs.size(), 1u) << gap;
    EXPECT_EQ(dump->kernel->blobs[0].offset, at + 51);
    EXPECT_EQ(dump->kernel->blobs[0].size, 5u);
    EXPECT_TRUE(dump->complete);
  }
}

struct TableCase {
  const char* name;
  Tables tables;
  Paging paging;
  std::uint32_t build;
};
const TableCase kTables[] = {
    {"x86", Tables::x86, Paging::x86, 2195},        {"PAE", Tables::pae, Paging::x86_pae, 2195},
    {"x64", Tables::x64, Paging::x64, 7601},        {"LA57", Tables::la57, Paging::x64_la57, 20348},
    {"arm64", Tables::arm64, Paging::arm64, 22000},
};

// No field says which tables: PaeEnabled is filler, and none exists for five levels.
TEST(KernelPages, TablesAreFoundByTheListsTheyLeadTo) {
  for (const TableCase& one : kTables)
    for (bool self_map : {true, false}) {
      synth::TinyKernel kernel = tiny_kernel(one.tables, {.self_map = self_map});
      Opened dump(as_full(header_for(kernel, one.tables, one.build), kernel.frames));
      ASSERT_TRUE(dump) << one.name;
      EXPECT_EQ(dump->tables.paging, one.paging) << one.name;
      EXPECT_EQ(dump->tables.root, kernel.root) << one.name;
      EXPECT_EQ(dump->memory->u32(kernel.page_address + 0x800), 0xDEC0ADDEu) << one.name;
      EXPECT_EQ(dump->memory->u32(kernel.page_address + 0x1000), std::nullopt) << one.name;
      EXPECT_TRUE(dump->complete) << one.name;
      for (const Note& note : dump->notes)
        EXPECT_NE(note.severity, Severity::error) << note.message;
      auto again = address_space(*dump, kernel.root);
      ASSERT_TRUE(again) << one.name;
      EXPECT_EQ(again->u32(kernel.page_address + 0x800), 0xDEC0ADDEu) << one.name;
      EXPECT_EQ(address_space(*dump, 0x30000)->u32(kernel.page_address + 0x800), std::nullopt);
    }
}

TEST(KernelPages, ASelfMapSettlesTheKindWhereNoListDoes) {
  for (Tables tables : {Tables::x86, Tables::pae}) {
    synth::TinyKernel kernel = tiny_kernel(tables);
    kernel.module_list = kernel.process_list = 0x90000000; // not mapped
    Opened dump(as_full(header_for(kernel, tables, 2600), kernel.frames));
    EXPECT_EQ(dump->tables.paging, tables == Tables::x86 ? Paging::x86 : Paging::x86_pae);
    EXPECT_EQ(dump->memory->u32(kernel.page_address + 0x800), 0xDEC0ADDEu);
    EXPECT_TRUE(has_note(dump->notes, "PsLoadedModuleList has no translation"));
  }
}

TEST(KernelPages, WithoutAnyProofAnX86DumpHasNoVirtualMemory) {
  synth::TinyKernel kernel = tiny_kernel(Tables::x86, {.self_map = false});
  kernel.module_list = kernel.process_list = 0x90000000;
  Bytes header = header_for(kernel, Tables::x86, 2600);
  Opened dump(as_full(header, kernel.frames));
  EXPECT_EQ(dump->tables.paging, Paging::none);
  EXPECT_EQ(dump->memory->u32(kernel.page_address + 0x800), std::nullopt);
  EXPECT_EQ(address_space(*dump, kernel.root), nullptr);
  EXPECT_TRUE(has_note(dump->notes, "PAE kind is not known"));
  EXPECT_TRUE(dump->physical);
  // The header's word is one, and NT 4 knew no other kind.
  synth::put8(header, 0x5C, 0);
  EXPECT_EQ(open_bytes(as_full(header, kernel.frames))->tables.paging, Paging::x86);
  put32(header, 0x0C, 1381);
  EXPECT_EQ(open_bytes(as_full(header, kernel.frames))->tables.paging, Paging::x86);
}

TEST(KernelPages, APdptThatIsNotPageAlignedIsOfThePaeKind) {
  synth::TinyKernel kernel = tiny_kernel(Tables::pae, {.root_offset = 0x5A0});
  Opened dump(as_full(header_for(kernel, Tables::pae, 2195), kernel.frames));
  EXPECT_EQ(dump->tables.paging, Paging::x86_pae);
  kernel.module_list = kernel.process_list = 0x90000000;
  dump = Opened(as_full(header_for(kernel, Tables::pae, 2195), kernel.frames));
  EXPECT_EQ(dump->tables.paging, Paging::x86_pae);
}

TEST(KernelPages, AHeaderThatLiesAboutPaeIsOverruled) {
  synth::TinyKernel kernel = tiny_kernel(Tables::pae);
  Bytes header = header_for(kernel, Tables::pae, 2600);
  synth::put8(header, 0x5C, 0);
  Opened dump(as_full(header, kernel.frames));
  EXPECT_EQ(dump->tables.paging, Paging::x86_pae);
  EXPECT_TRUE(has_note(dump->notes, "PAE tables are used"));
}

TEST(KernelPages, FlagsInDirectoryTableBaseAreNoAddress) { // PCID [S]
  synth::TinyKernel kernel = tiny_kernel(Tables::x64);
  kernel.root |= 2;
  Opened dump(as_full(header_for(kernel, Tables::x64, 19041), kernel.frames));
  EXPECT_EQ(dump->memory->u32(kernel.page_address + 0x800), 0xDEC0ADDEu);
}

// KPTI: the header names tables of a process that map no kernel data; the system's own lie low.
TEST(KernelPages, AUserShadowIsToldAndTheSystemsTablesAreFound) {
  synth::TinyKernel kernel = tiny_kernel(Tables::x64);
  const std::uint64_t right = kernel.root;
  kernel.frames.push_back({0x40, Bytes(0x1000)});
  kernel.root = 0x40000;
  Opened dump(as_full(header_for(kernel, Tables::x64, 17763), kernel.frames));
  EXPECT_EQ(dump->tables.root, right);
  EXPECT_EQ(dump->memory->u32(kernel.page_address + 0x800), 0xDEC0ADDEu);
  EXPECT_TRUE(has_note(dump->notes, "cannot be read through DirectoryTableBase"));
  // Where no other tables are, the header's stay, and that is said.
  kernel = tiny_kernel(Tables::x64, {.self_map = false});
  kernel.frames.push_back({0x40, Bytes(0x1000)});
  kernel.root = 0x40000;
  dump = Opened(as_full(header_for(kernel, Tables::x64, 17763), kernel.frames));
  EXPECT_EQ(dump->tables.root, 0x40000u);
  EXPECT_TRUE(has_note(dump->notes, "PsLoadedModuleList has no translation"));
}

TEST(KernelPages, ADirectoryThatIsNotInTheDump) {
  synth::TinyKernel kernel = tiny_kernel(Tables::x64);
  kernel.root = 0x7777000;
  kernel.frames.erase(kernel.frames.begin());
  Opened dump(as_full(header_for(kernel, Tables::x64, 7601), kernel.frames));
  EXPECT_TRUE(has_note(dump->notes, "the page that DirectoryTableBase names is not in the dump"));
  EXPECT_EQ(dump->memory->u32(kernel.page_address), std::nullopt);
}

TEST(KernelPages, ListsThatDoNotPointBackProveNothing) {
  synth::TinyKernel kernel = tiny_kernel(Tables::arm64);
  put64(kernel.frames.back().bytes, 0x200, 0x1234); // Flink of the entry
  put64(kernel.frames.back().bytes, 0x208, 0x1234);
  Opened half(as_full(header_for(kernel, Tables::arm64, 22000), kernel.frames));
  EXPECT_FALSE(has_note(half->notes, "page tables")); // the other list is whole
  kernel.process_list = kernel.module_list;
  Opened dump(as_full(header_for(kernel, Tables::arm64, 22000), kernel.frames));
  EXPECT_TRUE(has_note(dump->notes, "do not point back"));
}

TEST(KernelPages, OfAlphaOnlyPhysicalMemoryIsReadWithoutProof) {
  Opened dump(as_full(synth::header32(1381, synth::kMachineAlpha), frames_of({2}, 0x2000)));
  ASSERT_TRUE(dump->physical);
  EXPECT_TRUE(has_note(dump->notes, "undecided"));
  EXPECT_TRUE(has_note(dump->notes, "only physical memory is read"));
  EXPECT_EQ(address_space(*dump, 0), nullptr);
}

} // namespace
} // namespace dumptriage::dump
