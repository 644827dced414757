// A PDB as vendors publish it, publics only, against the full one of the same image: every address
// of every function gets the right name or none, never that of another function.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "base/text.h"
#include "symbols/module_set.h"
#include "symbols/sources.h"
#include "synth/strip_pdb.h"

namespace dumptriage::symbols {
namespace {

namespace fs = std::filesystem;

struct Subject {
  std::string folder, name;
  bool frames = true; // the stripped PDB keeps frame records
};
void PrintTo(const Subject& subject, std::ostream* out) {
  *out << subject.folder << "/" << subject.name << (subject.frames ? "" : ", no frames");
}

class PublicsOnly : public testing::TestWithParam<Subject> {
protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("dumptriage-publics-" + std::to_string(::getpid()) + "-" + GetParam().name);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static fs::path find(const fs::path& stem) {
    for (const char* end : {".sys", ".exe", ".dll"})
      if (fs::exists(stem.string() + end)) return stem.string() + end;
    return {};
  }
  fs::path folder_;
};

std::vector<std::uint8_t> bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_P(PublicsOnly, NeverNamesAnotherFunction) {
  const fs::path stem = fs::path(GetParam().folder) / GetParam().name;
  const fs::path image_path = find(stem);
  if (image_path.empty()) GTEST_SKIP() << "skipped: no " << stem;
  auto image = image::open_file(image_path, memory::Origin::image);
  ASSERT_TRUE(image);
  auto full = open_pdb(stem.string() + ".pdb", (*image)->debug_id());
  ASSERT_TRUE(full) << full.error().message();

  std::vector<std::uint8_t> pdb = bytes_of(stem.string() + ".pdb");
  ASSERT_TRUE(synth::strip_pdb(pdb, GetParam().frames));
  std::ofstream(folder_ / (GetParam().name + ".pdb"), std::ios::binary)
      .write(reinterpret_cast<const char*>(pdb.data()), static_cast<std::streamsize>(pdb.size()));
  fs::copy_file(image_path, folder_ / image_path.filename());

  dump::Module module;
  module.path = image_path.filename();
  module.base = 0x10000000;
  module.size = (*image)->size_of_image;
  module.timestamp = (*image)->timestamp;
  module.debug = (*image)->debug_id();
  Store store({{folder_, memory::Origin::image}});
  auto memory = std::make_shared<memory::FlatRanges>();
  memory->seal();
  ModuleSet modules({module}, memory, (*image)->machine, &store);

  std::size_t named = 0, asked = 0, functions = 0;
  for (const image::Section& section : (*image)->sections) {
    if (!(section.characteristics & 0x20000000)) continue;
    for (std::uint32_t rva = section.rva; rva < section.rva + section.virtual_size; ++rva) {
      const auto truth = (*full)->lookup(rva);
      if (!truth || truth->size == 0) continue;
      ++asked;
      functions += truth->offset == 0;
      const auto found = modules.name(module.base + rva);
      if (!found || found->symbol.far) continue;
      ++named;
      ASSERT_EQ(found->symbol.rva, truth->rva)
          << hex(rva) << " is " << truth->function << ", got " << found->symbol.function;
    }
  }
  EXPECT_GT(functions, 2u);
  EXPECT_GT(named, 0u);
  std::printf("  %s: %zu functions, %zu of %zu addresses named\n", GetParam().name.c_str(),
              functions, named, asked);
}

const std::string kUsers = std::string(DUMPTRIAGE_SHARED_DIR) + "/oracles/user/";
const std::string kKernels = std::string(DUMPTRIAGE_SOURCE_DIR) + "/tests/data/kernels/";
INSTANTIATE_TEST_SUITE_P(Images, PublicsOnly,
                         testing::Values(Subject{kUsers + "clang-x86_64", "crash"},
                                         Subject{kUsers + "clang-x86_64", "crashlib"},
                                         Subject{kUsers + "clang-i686", "crash"},
                                         Subject{kUsers + "clang-i686", "crashlib"},
                                         Subject{kUsers + "clang-i686", "crash", false},
                                         Subject{kUsers + "clang-i686", "crashlib", false},
                                         Subject{kKernels + "x64_7601", "ntoskrnl"},
                                         Subject{kKernels + "x64_7601", "netbt"},
                                         Subject{kKernels + "x86_3790", "ntoskrnl"},
                                         Subject{kKernels + "x86_3790", "netbt"},
                                         Subject{kKernels + "x86_3790", "ntoskrnl", false},
                                         Subject{kKernels + "x86_3790", "netbt", false},
                                         Subject{kKernels + "x86_1381", "ntoskrnl", false}));

} // namespace
} // namespace dumptriage::symbols
