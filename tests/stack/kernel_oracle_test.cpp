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
#include "memory/physical_memory.h"
#include "memory/virtual_memory.h"
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

// Every page that the tables of a full x64 dump map, found from the tables down by the test's own
// reading (Intel SDM 3A, "4-level paging"): virtual page -> offset of its bytes in the file.
class Tables {
public:
  Tables(ByteView file, const dump::KernelHeader& header) : file_(file) {
    std::uint64_t at = 0x2000; // the pages of all runs follow the header
    for (const dump::PhysicalRun& run : header.physical_runs)
      for (std::uint64_t i = 0; i < run.page_count; ++i, at += 0x1000)
        place_[(run.base_page + i) << 12] = at;
    descend(header.directory_table_base & kFrame, 39, 0);
  }
  std::map<std::uint64_t, std::uint64_t> pages;

private:
  static constexpr std::uint64_t kFrame = 0x000FFFFFFFFFF000;
  void descend(std::uint64_t table, int shift, std::uint64_t address) {
    for (std::uint64_t i = 0; i < 512 && place_.contains(table); ++i) {
      const std::uint64_t entry = *file_.u64(place_[table] + 8 * i);
      if (!(entry & 1)) continue;
      const std::uint64_t here = address | i << shift;
      const std::uint64_t sign = shift == 39 && i >= 256 ? 0xFFFF000000000000 : 0;
      if (shift == 12 || (shift <= 30 && entry & 0x80))
        page(here, entry & kFrame, std::uint64_t{1} << shift);
      else
        descend(entry & kFrame, shift - 9, here | sign);
    }
  }
  void page(std::uint64_t address, std::uint64_t frame, std::uint64_t size) {
    for (std::uint64_t i = 0; i < size; i += 0x1000)
      if (const auto at = place_.find((frame & ~(size - 1)) + i); at != place_.end())
        pages[address + i] = at->second;
  }
  ByteView file_;
  std::map<std::uint64_t, std::uint64_t> place_;
};

// Ours, made from the header alone.
std::shared_ptr<const memory::VirtualMemory> virtual_memory(ByteView file,
                                                            const dump::KernelHeader& header) {
  std::vector<memory::PageRun> runs;
  for (const dump::PhysicalRun& run : header.physical_runs)
    runs.push_back({run.base_page, run.page_count});
  auto physical = std::make_shared<const memory::PhysicalMemory>(
      file, memory::index_of_runs(runs, 0x2000, 0x1000), 0x1000);
  const memory::PageTables tables{memory::Paging::x64, header.directory_table_base, header.build};
  return std::make_shared<const memory::VirtualMemory>(
      physical, tables, arch::find(arch::Machine::x64)->translate, 0x1000);
}

// Byte for byte, and nothing beside it.
void compare(const memory::VirtualMemory& memory, const Tables& tables, ByteView file) {
  ASSERT_GT(tables.pages.size(), 20u);
  std::vector<std::byte> page(0x1000);
  std::byte byte{};
  for (const auto& [address, at] : tables.pages) {
    ASSERT_TRUE(memory.copy(address, page)) << std::hex << address;
    ASSERT_EQ(std::memcmp(page.data(), file.data() + at, page.size()), 0) << std::hex << address;
    for (std::uint64_t next : {address - 1, address + 0x1000})
      ASSERT_EQ(memory.copy(next, std::span(&byte, 1)), tables.pages.contains(next & ~0xFFFull))
          << std::hex << next;
  }
}

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

  const ByteView file(bytes.data(), bytes.size());
  const auto memory = virtual_memory(file, header);
  compare(*memory, Tables(file, header), file);

  symbols::Store store({{folder.string(), memory::Origin::image}});
  symbols::ModuleSet modules(read_modules(folder), memory, arch::Machine::x64, &store);
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
