// Walks of a tiny kernel that ran on an emulated PC: real page tables, a real trap frame behind
// UWOP_PUSH_MACHFRAME.  Every function of it noted its own return address and the slot that holds
// it.  The dumps are full dumps in xz; they are read through their page tables here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include <nlohmann/json.hpp>

#include "dump/dump.h"
#include "image/image.h"
#include "stack/stack.h"

namespace dumptriage::stack {
namespace {

namespace fs = std::filesystem;
const fs::path kFolder = fs::path(DUMPTRIAGE_SHARED_DIR) / "oracles/kernel";

std::vector<std::byte> unpack(const fs::path& path) {
  std::vector<std::byte> bytes;
  FILE* pipe = popen(("xz -dc '" + path.string() + "' 2>/dev/null").c_str(), "r");
  if (!pipe) return bytes;
  std::vector<std::byte> part(1 << 20);
  for (std::size_t got; (got = fread(part.data(), 1, part.size(), pipe)) != 0;)
    bytes.insert(bytes.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(got));
  if (pclose(pipe) != 0) bytes.clear();
  return bytes;
}

// Virtual memory of a full x64 dump: four levels of tables (Intel SDM 3A, "4-level paging").
class Paged final : public memory::AddressSpace {
public:
  Paged(ByteView file, const dump::KernelHeader& header)
      : file_(file), root_(header.directory_table_base & kFrame) {
    std::uint64_t at = 0x2000; // the pages of all runs follow the header
    for (const dump::PhysicalRun& run : header.physical_runs)
      for (std::uint64_t i = 0; i < run.page_count; ++i, at += 0x1000)
        pages_[(run.base_page + i) << 12] = at;
  }
  memory::ReadOutcome read(std::uint64_t address, std::span<std::byte> out) const override {
    memory::ReadOutcome outcome;
    while (outcome.got < out.size()) {
      const std::uint64_t at = address + outcome.got;
      const auto physical = translate(at);
      const std::uint64_t size =
          std::min<std::uint64_t>(out.size() - outcome.got, 0x1000 - (at & 0xFFF));
      const auto place = physical ? in_file(*physical) : std::nullopt;
      if (!place || *place + size > file_.size()) {
        outcome.presence = memory::Presence::unmapped;
        return outcome;
      }
      std::memcpy(out.data() + outcome.got, file_.data() + *place, size);
      outcome.got += size;
    }
    return outcome;
  }
  std::optional<Range> range_around(std::uint64_t address) const override {
    if (!translate(address)) return std::nullopt;
    Range range{address & ~0xFFFull, (address & ~0xFFFull) + 0x1000};
    while (translate(range.start - 1)) range.start -= 0x1000;
    while (translate(range.end)) range.end += 0x1000;
    return range;
  }

private:
  static constexpr std::uint64_t kFrame = 0x000FFFFFFFFFF000;
  std::optional<std::uint64_t> in_file(std::uint64_t physical) const {
    const auto page = pages_.find(physical & ~0xFFFull);
    if (page == pages_.end()) return std::nullopt;
    return page->second + (physical & 0xFFF);
  }
  std::optional<std::uint64_t> translate(std::uint64_t address) const {
    std::uint64_t table = root_;
    for (int shift = 39; shift >= 12; shift -= 9) {
      const auto at = in_file(table + (address >> shift & 511) * 8);
      const auto entry = at ? file_.u64(*at) : std::nullopt;
      if (!entry || !(*entry & 1)) return std::nullopt;
      const std::uint64_t in_page = (std::uint64_t{1} << shift) - 1;
      const bool large = shift > 12 && shift < 39 && (*entry & 0x80);
      if (shift == 12 || large) return (*entry & kFrame & ~in_page) | (address & in_page);
      table = *entry & kFrame;
    }
    return std::nullopt;
  }

  ByteView file_;
  std::uint64_t root_;
  std::map<std::uint64_t, std::uint64_t> pages_;
};

struct Noted {
  std::uint64_t pc = 0, slot = 0;
};
// "#0 ret 0x... slot 0x... name_va 0x..." in two lists, one per image; in stack order.
std::vector<Noted> read_notes(const fs::path& path) {
  std::ifstream in(path);
  std::vector<Noted> notes;
  for (std::string line; std::getline(in, line);) {
    Noted note;
    if (std::sscanf(line.c_str(), " #%*d ret %lx slot %lx", &note.pc, &note.slot) == 2)
      notes.push_back(note);
  }
  std::sort(notes.begin(), notes.end(),
            [](const Noted& a, const Noted& b) { return a.slot < b.slot; });
  return notes;
}

std::vector<dump::Module> read_modules(const fs::path& folder) {
  std::ifstream in(folder / "layout.json");
  std::vector<dump::Module> modules;
  const nlohmann::json layout = nlohmann::json::parse(in);
  for (const auto& entry : layout["modules"]) {
    dump::Module module;
    module.path = entry["name"];
    module.base = std::stoull(entry["base"].get<std::string>(), nullptr, 16);
    module.size = std::stoull(entry["size"].get<std::string>(), nullptr, 16);
    auto image = image::open_file((folder / module.path).string(), memory::Origin::image);
    EXPECT_TRUE(image);
    if (image) {
      module.timestamp = (*image)->timestamp;
      module.size = (*image)->size_of_image;
    }
    modules.push_back(std::move(module));
  }
  return modules;
}

std::string print(const Stack& stack) {
  std::string text;
  char line[256];
  for (const Frame& f : stack.frames) {
    std::snprintf(line, sizeof line, "pc %lx sp %lx %s %s!%s%s\n", f.pc, f.sp,
                  std::string(arch::name_of(f.trust)).c_str(), f.module_name.c_str(),
                  f.symbol ? f.symbol->symbol.function.c_str() : "?", f.exact_pc ? " exact" : "");
    text += line;
  }
  return text + "sure " + std::to_string(stack.sure_frames) + ", ended: " + stack.ended + "\n";
}

void check_case(int number) {
  const std::string n = std::to_string(number);
  const fs::path folder = kFolder / ("x64-case" + n);
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no folder of real dumps";
  if (std::system("xz --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "skipped: no xz";
  const auto bytes = unpack(folder / ("MEMORY-" + n + ".DMP.xz"));
  ASSERT_FALSE(bytes.empty());
  auto dump = dump::open(MappedFile::borrow(ByteView(bytes.data(), bytes.size()), "MEMORY.DMP"));
  ASSERT_TRUE(dump) << dump.error().message();
  ASSERT_TRUE(dump->kernel);
  const dump::KernelHeader& header = dump->kernel->header;
  EXPECT_EQ(header.bugcheck_code, 0xD1u);
  const arch::Arch* arch = arch::find(arch::Machine::x64);
  const auto start = arch->decode_context(header.context);
  ASSERT_TRUE(start) << start.error().message();

  symbols::Store store({{folder.string(), memory::Origin::image}});
  symbols::ModuleSet modules(read_modules(folder),
                             std::make_shared<Paged>(ByteView(bytes.data(), bytes.size()), header),
                             arch::Machine::x64, &store);
  std::ifstream in(folder / "layout.json");
  const auto bounds = nlohmann::json::parse(in)["stack"];
  Stack stack = walk(*start, *arch, modules, std::stoull(bounds[0].get<std::string>(), nullptr, 16),
                     std::stoull(bounds[1].get<std::string>(), nullptr, 16));
  name_frames(stack, modules);

  const auto notes = read_notes(folder / ("truth-" + n + ".txt"));
  ASSERT_GE(notes.size(), 10u);
  std::size_t next = 0;
  for (const Noted& note : notes) {
    if (note.pc == 0 || note.slot < stack.frames[0].sp) continue;
    while (next < stack.sure_frames &&
           (stack.frames[next].pc != note.pc || stack.frames[next].sp != note.slot + 8))
      ++next;
    EXPECT_LT(next, stack.sure_frames) << std::hex << note.pc << '\n' << print(stack);
  }
  EXPECT_TRUE(stack.whole) << print(stack);
  // Between two noted frames only entries from assembly (trap, start) may stand, and they are few.
  EXPECT_LE(stack.sure_frames, notes.size() + 4) << print(stack);
  for (std::size_t i = 0; i < stack.sure_frames; ++i) {
    ASSERT_TRUE(stack.frames[i].symbol) << i << '\n' << print(stack);
    EXPECT_TRUE(stack.frames[i].symbol->exact);
    EXPECT_FALSE(stack.frames[i].symbol->symbol.far);
  }
  if (std::getenv("DUMPTRIAGE_PRINT")) std::fputs(print(stack).c_str(), stdout);
}

TEST(KernelOracle, StopByFaultThroughTheTrapFrame) { check_case(1); }
TEST(KernelOracle, StopByCall) { check_case(2); }

} // namespace
} // namespace dumptriage::stack
