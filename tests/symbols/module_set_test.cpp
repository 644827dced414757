// The store and the module set over images and .sym files that the test writes into folders.
#include "symbols/module_set.h"

#include <filesystem>

#include "image/sample_image.h"
#include "symbols/folder.h"

namespace dumptriage::symbols {
namespace {

namespace fs = std::filesystem;
using image::kGuid;
using image::sample_image;
using memory::Origin;

constexpr std::uint64_t kBase = 0x7FF600000000;
constexpr char kSym[] = "MODULE windows x86_64 33221100554477668899AABBCCDDEEFF2 sample.pdb\n"
                        "FUNC 1100 50 0 Foo::bar(int)\n"
                        "PUBLIC 1000 0 first\n"
                        "PUBLIC 10d0 0 other\n";

dump::Module sample_module() {
  dump::Module module;
  module.path = "C:\\Windows\\System32\\Sample.DLL";
  module.base = kBase;
  module.size = 0x8000;
  module.timestamp = 0x45D6970F;
  module.debug.kind = dump::DebugId::Kind::rsds;
  module.debug.file = "d:\\build\\sample.pdb";
  module.debug.guid = kGuid;
  module.debug.age = 2;
  return module;
}

dump::Module without_id(dump::Module module) {
  module.debug = {};
  return module;
}

std::shared_ptr<memory::FlatRanges> nothing() { return std::make_shared<memory::FlatRanges>(); }

TEST(Store, FindsImagesInEveryLayout) {
  for (const char* place :
       {"sample.dll", "SAMPLE.dll", "deep/er/sample.dll", "sample.dll/45D6970F8000/sample.dll",
        "Sample.dll/45d6970f8000/Sample.dll", "sa/sample.dll/45D6970F8000/sample.dll"}) {
    Folder folder;
    folder.put(place, sample_image().file());
    Store store({{folder.path(), Origin::image}});
    ImageFind find = store.find_image(sample_module());
    EXPECT_EQ(find.result, SearchResult::found) << place;
    EXPECT_EQ(find.path, (fs::path(folder.path()) / place).string());
    EXPECT_TRUE(find.why.empty());
  }
}

// The folder of a dump may be a share: folders below it are none of its business.
TEST(Store, BesideADumpMeansInItsFolder) {
  for (bool below : {false, true}) {
    Folder folder;
    folder.put(below ? "deep/sample.dll" : "SAMPLE.dll", sample_image().file());
    Store store({{folder.path(), Origin::sibling}});
    EXPECT_EQ(store.find_image(sample_module()).result,
              below ? SearchResult::not_found : SearchResult::found);
  }
}

TEST(Store, ANearMissSaysBothIds) {
  Folder folder;
  folder.put("sample.dll", sample_image().file());
  Store store({{folder.path(), Origin::image}});
  dump::Module module = sample_module();
  module.timestamp = 0x45D69710;
  ImageFind find = store.find_image(module);
  EXPECT_EQ(find.result, SearchResult::mismatched);
  EXPECT_EQ(find.why,
            "time stamp 45D6970F and size 8000, wanted time stamp 45D69710 and size 8000");
  EXPECT_FALSE(find.image);
  module = sample_module();
  module.size = 0x9000;
  EXPECT_EQ(store.find_image(module).result, SearchResult::mismatched);
  module = sample_module();
  module.debug.age = 7; // same stamp and size, another build
  EXPECT_EQ(store.find_image(module).why,
            "debug id 33221100554477668899AABBCCDDEEFF2, wanted debug id "
            "33221100554477668899AABBCCDDEEFF7");
}

TEST(Store, WithoutIdsTheCheckSumMustAgree) {
  Folder folder;
  synth::PeWriter pe = sample_image();
  pe.checksum = 0x1234;
  folder.put("sample.dll", pe.file());
  Store store({{folder.path(), Origin::image}});
  dump::Module module = without_id(sample_module());
  module.checksum = 0x1234;
  EXPECT_EQ(store.find_image(module).result, SearchResult::found);
  module.checksum = 0x1235; // same stamp and size, other content
  ImageFind find = store.find_image(module);
  EXPECT_EQ(find.result, SearchResult::mismatched);
  EXPECT_EQ(find.why, "check sum 00001234, wanted 00001235");
  module.checksum = 0; // not recorded
  EXPECT_EQ(store.find_image(module).result, SearchResult::found);
  // Signing changes the sum; an id that agrees outweighs it.
  module = sample_module();
  module.checksum = 0x1235;
  EXPECT_EQ(store.find_image(module).result, SearchResult::found);
}

TEST(Store, WithoutATimeStampTheDebugIdDecides) {
  Folder folder;
  folder.put("sample.dll", sample_image().file());
  Store store({{folder.path(), Origin::image}});
  dump::Module module = sample_module();
  module.timestamp = 0;
  EXPECT_EQ(store.find_image(module).result, SearchResult::found);
  EXPECT_EQ(store.find_image(without_id(module)).result, SearchResult::mismatched);
}

TEST(Store, OtherSlotsAndUnreadableFiles) {
  Folder folder;
  Store store({{folder.path(), Origin::image}});
  folder.put("sample.dll/45D697108000/sample.dll", sample_image().file());
  ImageFind find = store.find_image(sample_module());
  EXPECT_EQ(find.result, SearchResult::mismatched);
  EXPECT_EQ(find.why, "store key 45D697108000, wanted 45D6970F8000");
  Folder second;
  second.put("sample.dll", std::string("not an image"));
  Store other({{second.path(), Origin::image}});
  EXPECT_EQ(other.find_image(sample_module()).result, SearchResult::unreadable);
  Store none({{second.path() + "/absent", Origin::image}});
  EXPECT_EQ(none.find_image(sample_module()).result, SearchResult::not_found);
}

TEST(Store, FindsBreakpadTreesAndReportsOtherIds) {
  for (const char* place :
       {"sample.sym", "sample.pdb/33221100554477668899AABBCCDDEEFF2/sample.sym"}) {
    Folder folder;
    folder.put(place, std::string(kSym));
    Store store({{folder.path(), Origin::image}});
    SymbolFind find = store.find_symbols(sample_module(), nullptr);
    EXPECT_EQ(find.result, SearchResult::found) << place;
    EXPECT_TRUE(find.exact);
    dump::Module other = sample_module();
    other.debug.age = 1;
    find = store.find_symbols(other, nullptr);
    EXPECT_EQ(find.result, SearchResult::mismatched) << place;
    EXPECT_EQ(find.why, "debug id 33221100554477668899AABBCCDDEEFF2, wanted "
                        "33221100554477668899AABBCCDDEEFF1");
  }
}

TEST(Store, WithoutAnIdInTheDumpTheImageGivesIt) {
  Folder folder;
  folder.put("sample.sym", std::string(kSym));
  folder.put("sample.dll", sample_image().file());
  Store store({{folder.path(), Origin::image}});
  dump::Module module = without_id(sample_module());
  EXPECT_EQ(store.find_symbols(module, nullptr).result, SearchResult::not_found);
  ImageFind image = store.find_image(module);
  ASSERT_EQ(image.result, SearchResult::found);
  SymbolFind find = store.find_symbols(module, image.image.get());
  EXPECT_EQ(find.result, SearchResult::found);
  EXPECT_FALSE(find.exact);
}

TEST(ModuleSet, ModuleAtWithOverlaps) {
  auto make = [](std::uint64_t base, std::uint64_t size) {
    dump::Module module;
    module.base = base;
    module.size = size;
    return module;
  };
  ModuleSet set({make(0x5000, 0x100), make(0x1000, 0x9000), make(0x2000, 0x100), make(0x3000, 0),
                 make(UINT64_MAX - 0xFFF, UINT64_MAX)},
                nothing(), arch::Machine::x64, nullptr);
  EXPECT_EQ(set.module_at(0x1000), 1u);
  EXPECT_EQ(set.module_at(0x2000), 2u);
  EXPECT_EQ(set.module_at(0x2100), 1u);
  EXPECT_EQ(set.module_at(0x3000), 1u);
  EXPECT_EQ(set.module_at(0x50FF), 0u);
  EXPECT_EQ(set.module_at(0x9FFF), 1u);
  EXPECT_EQ(set.module_at(0xA000), std::nullopt);
  EXPECT_EQ(set.module_at(0xFFF), std::nullopt);
  EXPECT_EQ(set.module_at(UINT64_MAX), 4u);
}

// One giant under thousands of tiny ones: with a walk back from the nearest base this does not end
// in anybody's patience.
TEST(ModuleSet, LookupUnderManyOverlaps) {
  std::vector<dump::Module> modules(16000);
  modules[0].base = 0x10000;
  modules[0].size = 0x10000000;
  for (std::size_t i = 1; i < modules.size(); ++i) {
    modules[i].base = 0x20000 + i;
    modules[i].size = 1;
  }
  ModuleSet set(modules, nothing(), arch::Machine::x64, nullptr);
  for (std::uint64_t i = 0; i < 300000; ++i) ASSERT_EQ(set.module_at(0x100000 + i), 0u);
  EXPECT_EQ(set.module_at(0x20005), 5u);
  EXPECT_EQ(set.module_at(0x1FFFF), 0u);
  EXPECT_EQ(set.module_at(0xFFFF), std::nullopt);
}

TEST(ModuleSet, TheOverlayFillsOnlyWhatIsReadOnly) {
  Folder folder;
  folder.put("sample.dll", sample_image().file());
  Store store({{folder.path(), Origin::sibling}});
  std::array<std::uint8_t, 2> patched = {0x90, 0x90};
  auto memory = nothing();
  memory->add(kBase + 0x1010, ByteView(patched.data(), patched.size()));
  memory->seal();
  ModuleSet set({sample_module()}, memory, arch::Machine::x64, &store);
  std::array<std::byte, 4> out{};
  auto outcome = set.overlay().read(kBase + 0x100F, out);
  EXPECT_EQ(outcome.got, 4u); // file, dump, dump, file
  EXPECT_EQ(out, (std::array{std::byte{0xCC}, std::byte{0x90}, std::byte{0x90}, std::byte{0xCC}}));
  EXPECT_EQ(outcome.origin, Origin::sibling);
  outcome = set.overlay().read(kBase + 0x1010, std::span(out).first(2));
  EXPECT_EQ(outcome.got, 2u);
  EXPECT_EQ(outcome.origin, Origin::dump);
  outcome = set.overlay().read(kBase + 0x6000, out); // .data
  EXPECT_EQ(outcome.got, 0u);
  EXPECT_EQ(outcome.presence, memory::Presence::absent);
  EXPECT_EQ(set.overlay().read(kBase - 4, out).got, 0u);
  EXPECT_EQ(set.overlay().read(kBase, out).got, 4u);
  EXPECT_FALSE(set.overlay().range_around(kBase)); // what was captured, not what was filled in
}

TEST(ModuleSet, ImportAddressesAreNotTakenFromTheFile) {
  synth::PeWriter pe = sample_image();
  pe.directory(12, 0x3010, 8);
  Folder folder;
  folder.put("sample.dll", pe.file());
  Store store({{folder.path(), Origin::image}});
  ModuleSet set({sample_module()}, nothing(), arch::Machine::x64, &store);
  std::array<std::byte, 8> out{};
  EXPECT_EQ(set.overlay().read(kBase + 0x300C, out).got, 4u);
  EXPECT_EQ(set.overlay().read(kBase + 0x3010, out).got, 0u);
  EXPECT_EQ(set.overlay().read(kBase + 0x3018, out).got, 8u);
}

TEST(ModuleSet, FunctionsComeWithTheirOrigin) {
  Folder folder;
  folder.put("sample.dll", sample_image().file());
  Store store({{folder.path(), Origin::sibling}});
  ModuleSet set({sample_module()}, nothing(), arch::Machine::x64, &store);
  arch::FunctionEntry entry;
  EXPECT_EQ(set.find(kBase + 0x1010, entry), arch::FunctionLookup::found);
  EXPECT_EQ(entry.image_base, kBase);
  EXPECT_EQ(entry.begin, 0x1000u);
  EXPECT_EQ(entry.origin, Origin::sibling);
  EXPECT_EQ(set.find(kBase + 0x10C8, entry), arch::FunctionLookup::leaf);
  EXPECT_EQ(set.find(kBase + 0x10000, entry), arch::FunctionLookup::unknown);
  ModuleSet bare({sample_module()}, nothing(), arch::Machine::x64, nullptr);
  EXPECT_EQ(bare.find(kBase + 0x1010, entry), arch::FunctionLookup::unknown);
}

TEST(ModuleSet, TheImageInMemoryServesWithoutAFile) {
  synth::Bytes bytes = sample_image().memory();
  ModuleSet set({sample_module()}, image::memory_at(kBase, bytes), arch::Machine::x64, nullptr);
  ASSERT_NE(set.image_of(0), nullptr);
  EXPECT_EQ(set.image_of(0)->where(), "memory");
  EXPECT_TRUE(set.status(0).image_in_memory);
  arch::FunctionEntry entry;
  EXPECT_EQ(set.find(kBase + 0x1010, entry), arch::FunctionLookup::found);
  EXPECT_EQ(entry.origin, Origin::dump);
  auto name = set.name(kBase + 0x1110);
  ASSERT_TRUE(name);
  EXPECT_EQ(name->symbol.function, "Beta");
  EXPECT_EQ(name->symbol.source, NameSource::exports);
  EXPECT_EQ(name->origin, Origin::dump);
  EXPECT_TRUE(name->exact);
}

TEST(ModuleSet, AnExportNamesOnlyTheFunctionItBegins) {
  synth::Bytes bytes = sample_image().memory();
  ModuleSet set({sample_module()}, image::memory_at(kBase, bytes), arch::Machine::x64, nullptr);
  struct Case {
    std::uint32_t rva;
    const char* name;
    bool far;
  };
  for (const Case& c : {Case{0x1000, "Alpha", false}, Case{0x107F, "Alpha", false},
                        Case{0x10D0, "Alpha", true}, // a leaf behind the end of Alpha
                        Case{0x1100, "Beta", false}, Case{0x1160, "Beta", false}, // chained part
                        Case{0x1190, "Beta", true}, Case{0x1200, "Ordinal7", false}}) {
    auto name = set.name(kBase + c.rva);
    ASSERT_TRUE(name) << std::hex << c.rva;
    EXPECT_EQ(name->symbol.function, c.name) << std::hex << c.rva;
    EXPECT_EQ(name->symbol.far, c.far) << std::hex << c.rva;
  }
  EXPECT_FALSE(set.name(kBase + 0x3000)); // data
}

TEST(ModuleSet, OnItaniumAnExportNamesAPairOfEntryAndGp) {
  synth::PeWriter pe;
  pe.machine = 0x200;
  pe.section(".text", 0x1000, synth::Bytes(0x400), synth::kCodeSection);
  const synth::Bytes exports = synth::export_directory(
      0x2000, 1, {{"Later", 0x3000, {}}, {"NoCode", 0x3020, {}}, {"Sooner", 0x3010, {}}});
  pe.section(".edata", 0x2000, exports, synth::kConstSection);
  pe.directory(0, 0x2000, static_cast<std::uint32_t>(exports.size()));
  synth::Bytes pairs;
  for (std::uint64_t word : {kBase + 0x1200, kBase + 0x8000, kBase + 0x1100, kBase + 0x8000,
                             kBase + 0x1308, kBase + 0x8000}) // no bundle begins at 1308
    synth::put64(pairs, pairs.size(), word);
  pe.section(".sdata", 0x3000, pairs, synth::kDataSection);
  const synth::Bytes memory = pe.memory();
  ModuleSet set({without_id(sample_module())}, image::memory_at(kBase, memory), arch::Machine::ia64,
                nullptr);
  for (auto [rva, name] : {std::pair{0x1100u, "Sooner"},
                           {0x11F0u, "Sooner"},
                           {0x1204u, "Later"},
                           {0x1310u, "Later"},
                           {0x3020u, "NoCode"}}) {
    auto found = set.name(kBase + rva);
    ASSERT_TRUE(found) << std::hex << rva;
    EXPECT_EQ(found->symbol.function, name) << std::hex << rva;
  }
}

TEST(ModuleSet, OnX86AnExportNamesNothingBehindAnotherPrologue) {
  synth::PeWriter pe(false);
  synth::Bytes code(0x400, 0x90);
  const auto at = [&](std::size_t offset, std::initializer_list<std::uint8_t> bytes) {
    std::copy(bytes.begin(), bytes.end(), code.begin() + static_cast<std::ptrdiff_t>(offset));
  };
  at(0x000, {0x8B, 0xFF, 0x55, 0x8B, 0xEC});       // Alpha
  at(0x040, {0x5D, 0xC3, 0x90, 0x55, 0x89, 0xE5}); // a function that is not exported, at 43
  at(0x100, {0x55, 0x8B, 0xEC});                   // Beta
  at(0x13B, {0x81, 0xF9, 0x55, 0x8B, 0xEC, 0x00}); // cmp ecx, imm32: no prologue
  pe.section(".text", 0x1000, code, synth::kCodeSection);
  const synth::Bytes exports =
      synth::export_directory(0x2000, 1, {{"Alpha", 0x1000, {}}, {"Beta", 0x1100, {}}});
  pe.section(".edata", 0x2000, exports, synth::kConstSection);
  pe.directory(0, 0x2000, static_cast<std::uint32_t>(exports.size()));
  dump::Module module = without_id(sample_module());
  module.base = pe.base;
  module.size = 0x3000;
  const synth::Bytes bytes = pe.memory();
  ModuleSet set({module}, image::memory_at(pe.base, bytes), arch::Machine::x86, nullptr);
  struct Case {
    std::uint32_t rva;
    const char* name;
    bool far;
  };
  for (const Case& c :
       {Case{0x1000, "Alpha", false}, Case{0x1041, "Alpha", false}, Case{0x1080, "Alpha", true},
        Case{0x1105, "Beta", false}, Case{0x1180, "Beta", false}}) {
    auto name = set.name(pe.base + c.rva);
    ASSERT_TRUE(name) << std::hex << c.rva;
    EXPECT_EQ(name->symbol.function, c.name) << std::hex << c.rva;
    EXPECT_EQ(name->symbol.far, c.far) << std::hex << c.rva;
  }
}

TEST(ModuleSet, SymbolsGoBeforeExportsAndPublicsAskTheFunctionTable) {
  Folder folder;
  folder.put("sample.sym", std::string(kSym));
  folder.put("sample.dll", sample_image().file());
  Store store({{folder.path(), Origin::image}});
  ModuleSet set({sample_module()}, nothing(), arch::Machine::x64, &store);
  auto name = set.name(kBase + 0x1110);
  ASSERT_TRUE(name);
  EXPECT_EQ(name->symbol.function, "Foo::bar");
  EXPECT_EQ(name->symbol.source, NameSource::breakpad);
  EXPECT_TRUE(name->exact);
  EXPECT_EQ(name->origin, Origin::image);
  EXPECT_FALSE(set.name(kBase + 0x1010)->symbol.far); // the function begins at the public
  EXPECT_TRUE(set.name(kBase + 0x10C8)->symbol.far);  // another function ended in between
  EXPECT_FALSE(set.name(kBase + 0x10D8)->symbol.far); // a leaf
}

TEST(ModuleSet, AnImageThatDoesNotMatchGivesNothing) {
  Folder folder;
  folder.put("sample.dll", sample_image().file());
  folder.put("sample.sym", std::string(kSym));
  Store store({{folder.path(), Origin::image}});
  dump::Module module = sample_module();
  module.debug.age = 9;
  ModuleSet set({module}, nothing(), arch::Machine::x64, &store);
  EXPECT_EQ(set.image_of(0), nullptr);
  EXPECT_FALSE(set.name(kBase + 0x1010));
  std::array<std::byte, 1> out;
  EXPECT_EQ(set.overlay().read(kBase + 0x1010, out).got, 0u);
  set.search_all();
  EXPECT_TRUE(set.status(0).asked);
  EXPECT_EQ(set.status(0).image.result, SearchResult::mismatched);
  EXPECT_EQ(set.status(0).symbols.result, SearchResult::mismatched);
}

} // namespace
} // namespace dumptriage::symbols
