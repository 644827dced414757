// A small x64 image with every directory, and ways to open it from a file and from memory.
#pragma once

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "image/image.h"
#include "synth/pe_writer.h"

namespace dumptriage::image {

inline constexpr std::array<std::uint8_t, 16> kGuid = {
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};
inline constexpr char kKey[] = "33221100554477668899AABBCCDDEEFF2";

inline synth::PeWriter sample_image() {
  synth::PeWriter pe;
  synth::Bytes code(0x600, 0xCC);
  pe.section(".text", 0x1000, code, synth::kCodeSection);
  synth::Bytes exports = synth::export_directory(0x2000, 5,
                                                 {{"Beta", 0x1100, {}},
                                                  {"Alpha", 0x1000, {}},
                                                  {"", 0x1200, {}},
                                                  {"Passed", 0, "other.There"},
                                                  {"", 0, {}}});
  pe.section(".edata", 0x2000, exports, synth::kConstSection);
  pe.directory(0, 0x2000, static_cast<std::uint32_t>(exports.size()));
  synth::Bytes debug = synth::debug_directory(0x3000, kGuid, 2, "C:\\out\\sample.pdb");
  pe.section(".rdata", 0x3000, debug, synth::kConstSection);
  pe.directory(6, 0x3000, 28);
  // Functions [1000,1080), [1080,10C0) indirect to the first, [1100,1150), [1150,1180) chained to
  // it.
  synth::Bytes functions = synth::runtime_functions({{0x1000, 0x1080, 0x4100},
                                                     {0x1080, 0x10C0, 0x4001},
                                                     {0x1100, 0x1150, 0x4100},
                                                     {0x1150, 0x1180, 0x4110}});
  synth::put8(functions, 0x100, 1);          // UNWIND_INFO version 1, no flags
  synth::put8(functions, 0x110, 1 | 4 << 3); // chained, one code (padded to two)
  synth::put8(functions, 0x112, 1);
  synth::put_bytes(functions, 0x118, synth::runtime_functions({{0x1100, 0x1150, 0x4100}}));
  pe.section(".pdata", 0x4000, functions, synth::kConstSection);
  pe.directory(3, 0x4000, 48);
  synth::Bytes version = synth::version_resource(0x5000, {5, 2, 3790, 3959});
  pe.section(".rsrc", 0x5000, version, synth::kConstSection);
  pe.directory(2, 0x5000, static_cast<std::uint32_t>(version.size()));
  synth::Bytes data(0x200, 0xAB);
  pe.section(".data", 0x6000, data, synth::kDataSection, 0x1800);
  return pe;
}

// A file that is gone when the test is.
class TempFile {
public:
  explicit TempFile(const synth::Bytes& bytes, const std::string& name = "sample.dll") {
    static int number = 0;
    folder_ = std::filesystem::path(testing::TempDir()) /
              fmt::format("dumptriage-{}-{}", ::getpid(), number++);
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / name).string();
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  ~TempFile() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string folder() const { return folder_.string(); }

private:
  std::filesystem::path folder_;
  std::string path_;
};

inline Result<std::unique_ptr<Image>> open_bytes(const synth::Bytes& bytes) {
  TempFile file(bytes);
  return open_file(file.path(), memory::Origin::image);
}

// `bytes` must outlive the memory.
inline std::shared_ptr<memory::FlatRanges> memory_at(std::uint64_t base,
                                                     const synth::Bytes& bytes) {
  auto memory = std::make_shared<memory::FlatRanges>();
  memory->add(base, ByteView(bytes.data(), bytes.size()));
  memory->seal();
  return memory;
}

} // namespace dumptriage::image
