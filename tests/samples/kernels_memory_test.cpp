// Address spaces of the machines of tests/data/kernels: the large page of the kernel and other
// addresses as the emulator itself translated them; pages the kernel planted in processes: valid,
// in transition, behind prototype PTEs, in the page file, never touched.
#include <cstring>

#include "dump/dump.h"
#include "samples/kernel_truth.h"

namespace dumptriage::samples {
namespace {

class KernelMemory : public testing::TestWithParam<MachineFile> {
protected:
  void SetUp() override {
    truth_ = truth_of(GetParam());
    file_ = load(GetParam()).file;
    auto dump = dump::open(MappedFile::borrow(ByteView(file_.data(), file_.size()), "MEMORY.DMP"));
    ASSERT_TRUE(dump) << dump.error().message();
    dump_ = std::move(*dump);
    ASSERT_TRUE(dump_.physical);
  }
  // Bytes at an address of a process ("0x0": any, the kernel's half).
  memory::ReadOutcome read(const nlohmann::json& process, std::uint64_t address,
                           std::span<std::byte> out) const {
    for (const auto& row : truth_["processes"])
      if (row["object"] == process)
        return dump::address_space(dump_, number(row["directory"]))->read(address, out);
    return dump_.memory->read(address, out);
  }
  nlohmann::json truth_;
  synth::Bytes file_;
  dump::Dump dump_;
};
INSTANTIATE_TEST_SUITE_P(Machines, KernelMemory, testing::ValuesIn(machine_files()),
                         [](const auto& info) { return info.param.name; });

TEST_P(KernelMemory, AsTheEmulatorTranslates) {
  ASSERT_GE(truth_["translations"].size(), 10u);
  for (const auto& row : truth_["translations"]) {
    std::array<std::byte, 8> virtual_bytes{}, physical_bytes{};
    const auto got = dump_.memory->read(number(row["address"]), virtual_bytes);
    EXPECT_EQ(got.got, 8u) << row.dump();
    EXPECT_EQ(dump_.physical->read(number(row["physical"]), physical_bytes).got, 8u) << row.dump();
    EXPECT_EQ(virtual_bytes, physical_bytes) << row.dump();
  }
}

// The text each page begins with, by the kind it was planted as.
const std::map<std::string, std::string> kTexts = {
    {"valid", "valid page"},
    {"transition", "transition page"},
    {"prototype-valid", "page behind a valid prototype"},
    {"prototype-transition", "page behind a transition prototype"}};

TEST_P(KernelMemory, PlantedPages) {
  std::map<std::string, int> seen;
  for (const auto& page : truth_["pages_planted"]) {
    SCOPED_TRACE(page.dump());
    std::array<std::byte, 0x100> bytes{}, frame{};
    const auto got = read(page["process"], number(page["address"]), bytes);
    const std::string kind = page["kind"];
    ++seen[kind];
    if (kind == "paged-out" || kind == "demand-zero") {
      EXPECT_EQ(got.got, 0u);
      EXPECT_NE(got.presence, memory::Presence::present);
      EXPECT_TRUE(kind != "paged-out" || got.presence == memory::Presence::paged_out);
      continue;
    }
    // Without PAE such an entry counts from an address that only the kernel's variables tell.
    if (truth_["address_space"] == "x86" && kind.starts_with("prototype") && got.got == 0) continue;
    ASSERT_EQ(got.got, bytes.size());
    ASSERT_EQ(dump_.physical->read(number(page["frame"]) << 12, frame).got, frame.size());
    EXPECT_EQ(bytes, frame);
    const std::string text = page["process"] == "0x0" ? "trimmed paged pool" : kTexts.at(kind);
    EXPECT_EQ(std::memcmp(bytes.data(), text.data(), text.size()), 0);
  }
  EXPECT_EQ(seen["valid"], 2);
  EXPECT_EQ(seen["transition"], 3);
  EXPECT_EQ(seen["prototype-valid"], 2);
  EXPECT_EQ(seen["paged-out"], 3);
}

} // namespace
} // namespace dumptriage::samples
