// The structures of the kernel's exact PDB go before every table: here the PDB tells, of all
// things, that a process's name begins one character later, and it is believed.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "pipeline/analyze.h"
#include "symbols/tiny_pdb.h"
#include "symbols/tiny_types.h"
#include "synth/archives.h"
#include "system/snapshot.h"

namespace dumptriage::pipeline {
namespace {

namespace fs = std::filesystem;
using symbols::Types;
using synth::Bytes;

constexpr std::uint32_t kImageFileName = 0x2E0; // of _EPROCESS, Windows 7 x64

Bytes members_of(std::uint32_t at, const char* name, std::uint32_t type) {
  Bytes list;
  synth::put16(list, 0, 0x1203);
  symbols::member(list, name, type, at);
  return list;
}

Bytes types_of_kernel() {
  Types types;
  Bytes name; // char[15]
  synth::put16(name, 0, 0x1503);
  synth::put32(name, 2, 0x0070);
  synth::put32(name, 6, 0x0023);
  synth::put16(name, 10, 15);
  name.push_back(0);
  std::uint32_t text = types.add(name);
  std::uint32_t process = types.add(members_of(kImageFileName + 1, "ImageFileName", text));
  types.add(symbols::structure(process, 0x4D0, "_EPROCESS", false));
  std::uint32_t thread = types.add(members_of(0, "Header", 0x0603));
  types.add(symbols::structure(thread, 0x360, "_KTHREAD", false));
  return types.stream();
}

class KernelTypes : public ::testing::Test {
protected:
  void SetUp() override {
    const fs::path dump = DUMPTRIAGE_SOURCE_DIR "/tests/data/kernels/w7-x64-deadlock.dmp.xz";
    auto unpacked = synth::unpacked_file(dump.string());
    if (!unpacked) GTEST_SKIP() << "skipped: no xz in this libarchive";
    bytes_ = std::move(*unpacked);
    folder_ = fs::path(::testing::TempDir()) / ("kernel_types_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override {
    std::error_code error;
    fs::remove_all(folder_, error);
  }
  std::shared_ptr<const MappedFile> file() const {
    return MappedFile::borrow(ByteView(bytes_.data(), bytes_.size()), "MEMORY.DMP");
  }
  void put_pdb(std::uint8_t first_byte_differs_by) {
    auto dump = dump::open(file());
    ASSERT_TRUE(dump);
    system::Snapshot snapshot = system::take_snapshot(*dump);
    ASSERT_FALSE(snapshot.modules.empty());
    const dump::DebugId& id = snapshot.modules[0].debug;
    symbols::TinyPdb pdb;
    pdb.guid = id.guid;
    pdb.guid[0] += first_byte_differs_by;
    pdb.dbi_age = pdb.info_age = id.age;
    pdb.types = types_of_kernel();
    Bytes out = pdb.bytes();
    std::ofstream(folder_ / "ntoskrnl.pdb", std::ios::binary)
        .write(reinterpret_cast<const char*>(out.data()), static_cast<std::streamsize>(out.size()));
  }
  std::string first_process() {
    Analyzer analyzer({}, {{folder_.string(), memory::Origin::image}});
    report::Document document = analyzer.analyze(file(), {});
    return document.processes.empty() ? "" : document.processes[0].name;
  }

  synth::Bytes bytes_;
  fs::path folder_;
};

TEST_F(KernelTypes, TheExactPdbGoesBeforeTables) {
  EXPECT_EQ(first_process(), "System");
  put_pdb(0);
  EXPECT_EQ(first_process(), "ystem");
}

TEST_F(KernelTypes, AnotherBuildsPdbTellsNothing) {
  put_pdb(1);
  EXPECT_EQ(first_process(), "System");
}

} // namespace
} // namespace dumptriage::pipeline
