// Where the store looks: the layouts of symbol servers and of people.
#include "symbols/store.h"

#include <filesystem>

#include <gmock/gmock.h>

#include "base/text.h"
#include "dump/archives.h"
#include "image/sample_image.h"
#include "symbols/folder.h"
#include "symbols/store_key.h"
#include "symbols/tiny_pdb.h"
#include "synth/archives.h"

namespace dumptriage::symbols {
namespace {

namespace fs = std::filesystem;
using image::kGuid;
using image::kKey;
using image::sample_image;
using memory::Origin;
using testing::HasSubstr;

class Layouts : public testing::Test {
protected:
  std::string root(const std::string& name = "root") const {
    return (fs::path(folder_.path()) / name).string();
  }
  template <class Content> void put(const std::string& name, const Content& content) const {
    folder_.put("root/" + name, content);
  }
  void clear() const { fs::remove_all(root()); }
  ImageFind image(bool store) const {
    return Store({{root(), Origin::image, store}}).find_image(module());
  }
  SymbolFind symbols(bool store, const dump::Module& wanted) const {
    return Store({{root(), Origin::image, store}}).find_symbols(wanted, nullptr);
  }
  SymbolFind symbols(bool store) const { return symbols(store, module()); }

  static dump::Module module() {
    dump::Module module;
    module.path = "C:\\Windows\\Sample.DLL";
    module.size = 0x8000;
    module.timestamp = 0x45D6970F;
    module.debug.kind = dump::DebugId::Kind::rsds;
    module.debug.file = "d:\\build\\Sample.pdb";
    module.debug.guid = kGuid;
    module.debug.age = 2;
    return module;
  }
  static synth::Bytes pdb(std::uint32_t age = 2) {
    TinyPdb pdb;
    pdb.guid = kGuid;
    pdb.info_age = pdb.dbi_age = age;
    return pdb.bytes();
  }
  static std::string slot(const std::string& name, const std::string& file,
                          const std::string& key = kKey) {
    return name + "/" + key + "/" + file;
  }

private:
  Folder folder_;
};

TEST(StoreKey, NamesAsSymstoreDoes) {
  EXPECT_EQ(image_key(0x45D6970F, 0x1A8000), "45D6970F1a8000");
  EXPECT_EQ(image_key(0x5D6970F, 0xABC000), "05D6970Fabc000");
  std::uint32_t stamp = 0;
  std::uint64_t size = 0;
  ASSERT_TRUE(read_image_key("45d6970f1A8000", stamp, size));
  EXPECT_EQ(stamp, 0x45D6970Fu);
  EXPECT_EQ(size, 0x1A8000u);
  for (const char* bad : {"", "45D6970F", "45D6970G1", "45D6970F1x", "45D6970F11111111111111111"})
    EXPECT_FALSE(read_image_key(bad, stamp, size)) << bad;
  dump::DebugId id;
  id.kind = dump::DebugId::Kind::rsds;
  id.guid = kGuid;
  id.age = 0x2A;
  EXPECT_EQ(id_of_key(id.key()), id);
  EXPECT_EQ(id_of_key(lower(id.key())), id);
  EXPECT_EQ(id_of_key("3C5E6F701").key(), "3C5E6F701"); // NB10
  EXPECT_EQ(id_of_key("3C5E6F701").kind, dump::DebugId::Kind::nb10);
  for (const char* bad :
       {"", "x", "33221100554477668899AABBCCDDEEFF", "3322110055447766zz99AABBCCDDEEFF2"})
    EXPECT_EQ(id_of_key(bad).key(), "") << bad;
  EXPECT_EQ(packed_name("sample.pdb"), "sample.pd_");
  EXPECT_EQ(packed_name(""), "");
  EXPECT_EQ(slot_path({"a.pdb", "a.sym"}, "K"), "a.pdb/K/a.sym");
  EXPECT_EQ(place_of("image", "a.dll", "45D6970F1A8000").key, "45D6970F1a8000");
  EXPECT_EQ(place_of("sym", "liba.so.sym", "K").slot, (Slot{"liba.so", "liba.so.sym"}));
}

TEST_F(Layouts, APlainFolderAndAStoreHoldTheSameSlots) {
  const std::string image_slot = "sample.dll/45D6970F8000/sample.dll";
  for (bool store : {false, true})
    for (const std::string& prefix : {"", "sa/"}) {
      put(prefix + image_slot, sample_image().file());
      put(prefix + slot("sample.pdb", "sample.pdb"), pdb());
      EXPECT_EQ(image(store).result, SearchResult::found) << store << prefix;
      SymbolFind find = symbols(store);
      EXPECT_EQ(find.result, SearchResult::found) << store << prefix << find.why;
      EXPECT_EQ(find.kind, "pdb");
      EXPECT_EQ(find.file->bytes().size(), pdb().size());
      clear();
    }
}

// Stores are written by Windows, which does not care about case.
TEST_F(Layouts, CaseDoesNotMatter) {
  for (bool store : {false, true})
    for (const char* tier : {"", "SA/"}) {
      put(tier + slot("SAMPLE.PDB", "SaMpLe.PdB", "33221100554477668899aabbccddeeff2"), pdb());
      put(std::string(tier) + "SAMPLE.dll/45d6970f8000/SAMPLE.DL_",
          tests::write_szdd(sample_image().file(), 'L'));
      EXPECT_EQ(symbols(store).result, SearchResult::found) << store << tier;
      EXPECT_EQ(image(store).result, SearchResult::found) << store << tier;
      clear();
    }
}

// A store element is never listed, so that only slots count.
TEST_F(Layouts, AStoreIsOnlyItsSlots) {
  put("sample.dll", sample_image().file());
  put("deep/sample.pdb", pdb());
  EXPECT_EQ(image(true).result, SearchResult::not_found);
  EXPECT_EQ(symbols(true).result, SearchResult::not_found);
  EXPECT_EQ(image(false).result, SearchResult::found);
  EXPECT_EQ(symbols(false).result, SearchResult::found);
  EXPECT_EQ(Store({{root("absent"), Origin::image, true, true}}).find_image(module()).result,
            SearchResult::not_found);
}

TEST_F(Layouts, PackedFilesAreUnpacked) {
  const synth::Bytes image_bytes = sample_image().file(), pdb_bytes = pdb();
  auto cabinet = [](const std::string& name, const synth::Bytes& bytes) {
    return tests::write_cabinet({{name, bytes}});
  };
  for (const char* place : {"", "deep/"}) {
    put(place + std::string("sample.dl_"), cabinet("sample.dll", image_bytes));
    put(place + std::string("sample.pd_"), tests::write_szdd(pdb_bytes, 'b'));
    EXPECT_EQ(image(false).result, SearchResult::found) << image(false).why;
    SymbolFind find = symbols(false);
    ASSERT_EQ(find.result, SearchResult::found) << find.why;
    EXPECT_EQ(find.path, root() + "/" + place + "sample.pd_");
    EXPECT_EQ(find.file->bytes().size(), pdb_bytes.size());
    EXPECT_NE(find.source, nullptr);
    clear();
  }
  put(slot("sample.pdb", "sample.pd_"), cabinet("sample.pdb", pdb_bytes));
  EXPECT_EQ(symbols(true).result, SearchResult::found);
  clear();
  // Called as it is, and packed all the same.
  put("sample.pdb", synth::packed("gz", "sample.pdb", pdb_bytes));
  EXPECT_EQ(symbols(false).result, SearchResult::found);
  clear();
  put("sample.sym.gz", synth::packed("gz", "sample.sym", [] {
        std::string sym =
            std::string("MODULE windows x86_64 ") + kKey + " sample.pdb\nPUBLIC 1000 0 f\n";
        return synth::Bytes(sym.begin(), sym.end());
      }()));
  SymbolFind find = symbols(false);
  EXPECT_EQ(find.result, SearchResult::found) << find.why;
  EXPECT_EQ(find.kind, "breakpad");
}

TEST_F(Layouts, WhatIsPackedBadlySaysSo) {
  synth::Bytes whole = tests::write_szdd(pdb(), 'b');
  for (std::size_t size :
       {std::size_t{12}, std::size_t{14}, std::size_t{40}, whole.size() / 2, whole.size() - 1}) {
    put("sample.pd_",
        synth::Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    SymbolFind find = symbols(false);
    EXPECT_EQ(find.result, SearchResult::unreadable) << size;
    EXPECT_EQ(find.source, nullptr);
    EXPECT_NE(find.why, "") << size;
  }
}

TEST_F(Layouts, FilePointers) {
  const std::string pointer = slot("sample.pdb", "file.ptr");
  put("elsewhere/other-name", pdb());
  for (bool store : {true, false}) {
    put(pointer, "PATH:" + root() + "/elsewhere/other-name\r\n");
    EXPECT_EQ(symbols(store).result, SearchResult::found) << store;
    put(pointer, "PATH:../../elsewhere/other-name");
    EXPECT_EQ(symbols(store).result, SearchResult::found) << store;
    const std::pair<const char*, const char*> refused[] = {
        {"PATH:\\\\server\\share\\sample.pdb",
         "\\\\server\\share\\sample.pdb, which cannot be opened here"},
        {"PATH:C:\\build\\sample.pdb", "cannot be opened here"},
        {"PATH:http://127.0.0.1:9/x", "cannot be opened here"},
        {"PATH:/absent/sample.pdb", "not there"},
        {"MSG: Removed by policy", "Removed by policy"},
        {"", "neither PATH: nor MSG:"},
        {"rubbish", "neither PATH: nor MSG:"}};
    for (const auto& [text, why] : refused) {
      put(pointer, std::string(text));
      SymbolFind find = symbols(store);
      EXPECT_EQ(find.result, SearchResult::unreadable) << text;
      EXPECT_THAT(find.why, HasSubstr(why));
    }
  }
}

TEST_F(Layouts, OtherKeysAreNearMisses) {
  const std::string other = "33221100554477668899AABBCCDDEEFF7";
  for (bool store : {false, true}) {
    put(slot("Sample.pdb", "sample.pdb", other), pdb(7));
    SymbolFind find = symbols(store);
    EXPECT_EQ(find.result, SearchResult::mismatched);
    EXPECT_EQ(find.why, "debug id " + other + ", wanted " + kKey);
    // The slot lies: its file is checked like any other.
    put(slot("sample.pdb", "sample.pdb"), pdb(9));
    find = symbols(store);
    EXPECT_EQ(find.result, SearchResult::mismatched) << find.why;
    EXPECT_EQ(find.source, nullptr);
    clear();
  }
}

TEST_F(Layouts, FoldersThatOnlyLookLikeSlotsAreSearched) {
  put("builds/0123456789abcdef/bin/sample.dll", sample_image().file());
  put("by-commit/0123456789abcdef/sample.pdb", pdb());
  EXPECT_EQ(image(false).result, SearchResult::found);
  EXPECT_EQ(symbols(false).result, SearchResult::found);
}

// Setup copies ntkrnlmp.exe as ntoskrnl.exe; a dump says one name, the store has the other.
TEST_F(Layouts, TheKernelHasSeveralNames) {
  dump::Module kernel = module();
  kernel.path = "\\SystemRoot\\system32\\NTOSKRNL.EXE";
  put("ntkrnlmp.exe/45D6970F8000/ntkrnlmp.exe", sample_image().file());
  for (bool store : {false, true})
    EXPECT_EQ(Store({{root(), Origin::image, store}}).find_image(kernel).result,
              SearchResult::found);
  EXPECT_EQ(image_names("Ntkrpamp.exe").size(), 5u);
  EXPECT_EQ(image_names("Ntkrpamp.exe")[0], "Ntkrpamp.exe");
  EXPECT_EQ(image_names("sample.dll"), std::vector<std::string>{"sample.dll"});
}

TEST_F(Layouts, OneFileIsARootToo) {
  put("sample.pdb", pdb());
  put("other.pdb", pdb());
  Store store({{root() + "/sample.pdb", Origin::image}});
  EXPECT_EQ(store.find_symbols(module(), nullptr).result, SearchResult::found);
  Store other({{root() + "/other.pdb", Origin::image}});
  EXPECT_EQ(other.find_symbols(module(), nullptr).result, SearchResult::not_found);
}

TEST_F(Layouts, LinksThatGoRoundAndDeepFoldersEnd) {
  put("a/sample.pdb", pdb());
  fs::create_directory_symlink("..", root() + "/a/loop");
  fs::create_symlink("nowhere", root() + "/broken");
  EXPECT_EQ(symbols(false).result, SearchResult::found);
  clear();
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "d/";
  put(deep + "sample.pdb", pdb());
  EXPECT_EQ(symbols(false).result, SearchResult::not_found);
}

TEST_F(Layouts, NamesFromADumpStayNames) {
  put("secret.pdb", pdb());
  dump::Module wanted = module();
  for (const char* name : {"..", "", ".", "..\\..\\x"}) {
    wanted.path = name;
    wanted.debug.file = name;
    SymbolFind find = symbols(false, wanted);
    EXPECT_EQ(find.result, SearchResult::not_found) << name;
  }
}

TEST_F(Layouts, CheckedByKeyAlone) {
  put("image", sample_image().file());
  put("pdb", pdb());
  auto file = [&](const char* name) { return *open_stored(root() + "/" + name); };
  EXPECT_TRUE(check_image(file("image"), "45D6970F8000"));
  EXPECT_TRUE(check_symbols(file("pdb"), kKey));
  auto wrong = check_image(file("image"), "45D697108000");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::mismatch);
  wrong = check_symbols(file("pdb"), "33221100554477668899AABBCCDDEEFF3");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::mismatch);
  EXPECT_FALSE(check_symbols(file("image"), kKey));
  EXPECT_FALSE(check_image(file("pdb"), "45D6970F8000"));
  EXPECT_FALSE(check_symbols(file("pdb"), "nonsense"));
  synth::Bytes cut = sample_image().file();
  cut.resize(cut.size() - 1);
  put("cut", cut);
  wrong = check_image(file("cut"), "45D6970F8000");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::truncated);
}

} // namespace
} // namespace dumptriage::symbols
