// Unwind descriptors, record by record, against `readelf -u` of binutils: over what gas writes for
// every directive (tests/data/ia64/unwind.s), over the recorded programs, and over bytes at random.
//
// readelf writes some records otherwise than they are, which ia64_readelf.h imitates: the target of
// spill_reg has seven bits, of which it shows five (r40 is printed as r8).
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "arch/ia64_readelf.h"

namespace dumptriage::arch {
namespace {

Bytes bytes_of_hex(std::string hex) {
  std::erase_if(hex, [](char c) { return !std::isxdigit(static_cast<unsigned char>(c)); });
  Bytes bytes;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(at, 2), nullptr, 16)));
  return bytes;
}
std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Ia64Descriptors, EveryDirectiveOfGasIsReadelfs) {
  const std::filesystem::path folder = DUMPTRIAGE_SOURCE_DIR "/tests/data/ia64";
  const Bytes info = bytes_of_hex(content_of(folder / "unwind_info.hex"));
  std::istringstream text(content_of(folder / "unwind.txt"));
  const auto functions = read_readelf(text);
  EXPECT_GE(functions.size(), 15u);
  std::set<std::string> formats;
  for (const auto& [place, lines] : functions) {
    const ByteView view(info.data(), info.size());
    const auto length = view.u32(place); // ELF's head: length, flags, version
    ASSERT_TRUE(length);
    const auto descriptors = view.slice(place + 8, *length * 8);
    ASSERT_TRUE(descriptors);
    const Printed ours = print_records(*descriptors);
    EXPECT_EQ(ours.error, "") << place;
    EXPECT_EQ(ours.lines, lines) << place;
    for (const std::string& line : lines) {
      const auto start = line.find_first_not_of(" \t");
      formats.insert(line.substr(start, line.find(':') - start));
    }
  }
  EXPECT_THAT(formats, testing::ElementsAre("B1", "B2", "B3", "B4", "P1", "P10", "P2", "P3", "P4",
                                            "P5", "P6", "P7", "P8", "P9", "R1", "R2", "R3", "X1",
                                            "X2", "X3", "X4"));
}

// The image files keep readelf's answer for the program that was recorded.
TEST(Ia64Descriptors, RecordedProgramsAreReadelfs) {
  const std::filesystem::path folder = DUMPTRIAGE_SHARED_DIR "/oracles/cpu";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "skipped: no " << folder;
  for (const char* name : {"ia64_o2", "ia64_o1fp", "ia64_ntasm"}) {
    const auto image = nlohmann::json::parse(
        content_of(folder / (std::string(name) + ".image.json")), nullptr, false);
    ASSERT_TRUE(image.is_object()) << name;
    std::istringstream text(image.at("readelf_u").get<std::string>());
    const auto theirs = read_readelf(text);
    const auto base = std::stoull(image.at("seg_base").get<std::string>(), nullptr, 16);
    std::vector<Bytes> functions;
    std::size_t records = 0;
    for (const auto& entry : image.at("unwind")) {
      const auto at = std::stoull(entry.at("info_addr").get<std::string>(), nullptr, 16) - base;
      functions.push_back(bytes_of_hex(entry.at("descriptors").get<std::string>()));
      const Printed ours = print_records({functions.back().data(), functions.back().size()});
      EXPECT_EQ(ours.error, "");
      ASSERT_TRUE(theirs.contains(at)) << at;
      EXPECT_EQ(ours.lines, theirs.at(at)) << name << " " << entry.at("name");
      records += ours.lines.size();
    }
    EXPECT_EQ(functions.size(), theirs.size());
    std::cout << name << ": " << functions.size() << " functions, " << records << " records\n";
    if (!ia64_readelf_is_here()) continue;
    // The readelf installed says the same.
    const auto now = UnwindElf(functions).ask(testing::TempDir() + "dumptriage_recorded.elf");
    for (std::size_t i = 0; i < functions.size(); ++i)
      EXPECT_EQ(print_records({functions[i].data(), functions[i].size()}).lines, now[i]);
  }
}

// Bytes at random that begin with a region: as far as ours reads them, readelf reads the same.
TEST(Ia64Descriptors, BytesAtRandomAreReadelfs) {
  if (!ia64_readelf_is_here()) GTEST_SKIP() << "skipped: no ia64-linux-gnu-readelf";
  std::mt19937 random(5);
  std::vector<Bytes> functions;
  for (int i = 0; i < 20000; ++i) {
    Bytes bytes(24);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    bytes[0] = static_cast<std::uint8_t>(random() % 0x40); // R1
    functions.push_back(bytes);
  }
  const auto theirs = UnwindElf(functions).ask(testing::TempDir() + "dumptriage_random.elf");
  std::size_t records = 0, whole = 0;
  for (std::size_t i = 0; i < functions.size(); ++i) {
    const Printed ours = print_records({functions[i].data(), functions[i].size()});
    Lines said = theirs[i];
    whole += ours.error.empty();
    if (!ours.error.empty() && said.size() > ours.lines.size()) said.resize(ours.lines.size());
    EXPECT_EQ(ours.lines, said) << i << " " << ours.error;
    records += ours.lines.size();
  }
  EXPECT_GT(records, 20000u);
  std::cout << records << " records, " << whole << " of " << functions.size() << " whole\n";
}

} // namespace
} // namespace dumptriage::arch
