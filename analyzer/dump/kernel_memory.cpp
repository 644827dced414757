// Memory of kernel dumps that hold pages: physical, and the kernel's virtual memory.
//
// Which page tables a CPU used is not always in the header: Windows 2000 and NT 4 leave PaeEnabled
// unset, no field tells five levels from four, and DirectoryTableBase may be a user shadow.  So
// modes are tried, and the dump itself decides: the lists that the header names must be whole where
// they begin, and Windows' tables map themselves.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"
#include "dump/kernel_reading.h"
#include "dump/kernel_translation_proof.h"

namespace dumptriage::dump {
namespace {

using arch::Machine;
using memory::Paging;

constexpr std::uint64_t kFrame64 = 0x000FFFFFFFFFF000; // of a 64-bit table entry

Where physical_place(std::uint64_t address) { return {Space::physical, address, 0}; }

bool is_present(std::optional<std::uint64_t> entry) { return entry && (*entry & 1); }

// Links of the header's lists that point back, and links that do not.  A list may be torn, but
// tables of the wrong kind do not lead to words that happen to be a list head's address.
struct Evidence {
  int good = 0, bad = 0;
  bool self_map = false;
  int score() const { return 2 * good + self_map; }
};

// Both neighbours of a list head point back at it.
void look_at_list(const memory::AddressSpace& space, std::uint64_t head, int pointer_size,
                  Evidence& evidence) {
  if (head == 0) return;
  auto flink = space.pointer(head, pointer_size);
  auto blink = space.pointer(head + pointer_size, pointer_size);
  auto back = flink ? space.pointer(*flink + pointer_size, pointer_size) : std::nullopt;
  auto forth = blink ? space.pointer(*blink, pointer_size) : std::nullopt;
  for (auto link : {back, forth})
    if (link) ++(*link == head ? evidence.good : evidence.bad);
}

// Windows maps its tables by an entry of the root that names the root: on x86 at the slot of
// 0xC0000000, elsewhere at any slot of the kernel's half.
bool maps_itself(const memory::AddressSpace& physical, Paging paging, std::uint64_t root) {
  if (paging == Paging::x86) {
    auto entry = physical.u32((root & 0xFFFFF000) + 4 * 0x300);
    return entry && (*entry & 1) && ((*entry ^ root) & 0xFFFFF000) == 0;
  }
  if (paging == Paging::x86_pae) {
    auto top = physical.u64((root & 0xFFFFFFE0) + 8 * 3);
    if (!is_present(top)) return false;
    auto entry = physical.u64((*top & kFrame64) + 8 * 3);
    return is_present(entry) && ((*entry ^ *top) & kFrame64) == 0;
  }
  if (paging != Paging::x64 && paging != Paging::x64_la57 && paging != Paging::arm64) return false;
  std::array<std::byte, 0x1000> page;
  if (!physical.copy(root & kFrame64, page)) return false;
  ByteView entries(page.data(), page.size());
  for (std::uint64_t at = page.size() / 2; at < page.size(); at += 8) {
    auto entry = entries.u64(at);
    if (is_present(entry) && ((*entry ^ root) & kFrame64) == 0) return true;
  }
  return false;
}

class Reading {
public:
  Reading(const KernelHeader& header, Machine machine,
          std::shared_ptr<const memory::PhysicalMemory> physical)
      : header_(header), machine_(machine), arch_(arch::find(machine)),
        physical_(std::move(physical)) {}

  bool can_translate() const { return arch_ && arch_->translate; }
  std::shared_ptr<const memory::VirtualMemory> space(Paging paging, std::uint64_t root) const {
    return std::make_shared<memory::VirtualMemory>(physical_,
                                                   memory::PageTables{paging, root, header_.build},
                                                   arch_->translate, arch_->page_size);
  }
  Evidence evidence(Paging paging, std::uint64_t root) const {
    Evidence evidence;
    auto memory = space(paging, root);
    look_at_list(*memory, header_.ps_loaded_module_list, arch_->pointer_size, evidence);
    look_at_list(*memory, header_.ps_active_process_head, arch_->pointer_size, evidence);
    evidence.self_map = maps_itself(*physical_, paging, root);
    return evidence;
  }
  // The likeliest first.
  std::vector<Paging> modes() const {
    // Bits that only the address of a PAE table has: the others are flags or part of both.
    constexpr std::uint64_t kPaeAddress = 0xFE0;
    constexpr std::uint32_t kNt4 = 1381;
    switch (machine_) {
    case Machine::x64: return {Paging::x64, Paging::x64_la57};
    case Machine::arm64: return {Paging::arm64};
    case Machine::x86: break;
    default: return {};
    }
    if (header_.build != 0 && header_.build <= kNt4) return {Paging::x86};
    bool pae = header_.pae_enabled.value_or((header_.directory_table_base & kPaeAddress) != 0);
    return pae ? std::vector{Paging::x86_pae, Paging::x86}
               : std::vector{Paging::x86, Paging::x86_pae};
  }
  // Another root in low memory, where the system process has its own: tables that map themselves
  // and through which the header's lists are whole.
  std::optional<std::uint64_t> find_root(Paging paging) const {
    constexpr std::uint64_t kLow = 16 << 20;
    const bool checkable =
        header_.ps_loaded_module_list != 0 || header_.ps_active_process_head != 0;
    if (!checkable || physical_->page_count() == 0) return std::nullopt;
    if (paging != Paging::x64 && paging != Paging::arm64) return std::nullopt;
    for (std::uint64_t root = 0x1000; root < kLow; root += 0x1000) {
      if (!physical_->has_page(root / physical_->page_size())) continue;
      if (!maps_itself(*physical_, paging, root)) continue;
      Evidence found = evidence(paging, root);
      if (found.good >= 2) return root;
    }
    return std::nullopt;
  }

private:
  const KernelHeader& header_;
  Machine machine_;
  const arch::Arch* arch_;
  std::shared_ptr<const memory::PhysicalMemory> physical_;
};

std::string_view words_of(Paging paging) {
  switch (paging) {
  case Paging::x86: return "two-level tables";
  case Paging::x86_pae: return "PAE tables";
  case Paging::x64: return "four-level tables";
  case Paging::x64_la57: return "five-level tables";
  default: return "its CPU's tables";
  }
}

// What keeps the module list from being read through the header's own tables.
std::string why_unproved(const KernelHeader& header, const memory::PhysicalMemory& physical,
                         const memory::VirtualMemory& space, const Evidence& evidence) {
  if (!physical.has_page((header.directory_table_base & kFrame64) / physical.page_size()))
    return "the page that DirectoryTableBase names is not in the dump";
  if (evidence.bad > 0) return "the lists that the header names do not point back";
  switch (space.translate(header.ps_loaded_module_list).presence) {
  case memory::Presence::unmapped: return "PsLoadedModuleList has no translation";
  case memory::Presence::paged_out: return "PsLoadedModuleList is not resident";
  case memory::Presence::absent: return "a table on the way to PsLoadedModuleList is not known";
  case memory::Presence::present: break;
  }
  return "the page of PsLoadedModuleList is not in the dump";
}

// The kernel's tables, and what has to be said about them.  Paging::none: nothing settles them.
memory::PageTables choose_tables(const Reading& reading, const KernelHeader& header,
                                 const memory::PhysicalMemory& physical, Notes& notes) {
  const std::uint64_t root = header.directory_table_base;
  const std::vector<Paging> modes = reading.modes();
  Paging best = modes.front();
  Evidence proof = reading.evidence(best, root);
  for (std::size_t i = 1; i < modes.size(); ++i)
    if (Evidence other = reading.evidence(modes[i], root); other.score() > proof.score()) {
      best = modes[i];
      proof = other;
    }
  auto say = [&](Severity severity, Code code, std::string text) {
    add_note(notes, severity, code, std::move(text), physical_place(root & kFrame64));
  };
  const bool told = header.pae_enabled.has_value();
  if (best != modes.front() && (told || best == Paging::x64_la57))
    say(Severity::info, Code::mismatch,
        fmt::format("page tables: {} are used, because the dump's lists are whole through them",
                    words_of(best)));
  if (proof.score() > 1) return {best, root, header.build};
  if (auto other = reading.find_root(best)) {
    say(Severity::warning, Code::mismatch,
        fmt::format("page tables: kernel data cannot be read through DirectoryTableBase (it may be "
                    "a process's user tables); those at physical {} are used, which map them",
                    hex(*other)));
    return {best, *other, header.build};
  }
  std::string why = header.ps_loaded_module_list == 0
                        ? "the header names no list to check them with"
                        : why_unproved(header, physical, *reading.space(best, root), proof);
  // The tables of x86 come in two kinds, and the wrong one would translate to the wrong bytes.
  const bool aligned = (root & 0xFE0) == 0;
  if (modes.size() > 1 && modes.front() != Paging::x64 && !told && aligned && !proof.self_map) {
    say(Severity::error, Code::unsupported,
        fmt::format("page tables: whether they are of the PAE kind is not known, so virtual memory "
                    "is not read: {}",
                    why));
    return {Paging::none, root, header.build};
  }
  say(Severity::error, Code::unmapped,
      fmt::format("page tables: kernel data cannot be proved to be mapped: {}", why));
  return {best, root, header.build};
}

// Of CPUs whose tables are not published: what the dump itself proves, or nothing.
memory::PageTables prove_tables(const KernelHeader& header, Machine machine,
                                const std::shared_ptr<const memory::PhysicalMemory>& physical,
                                Notes& notes) {
  TranslationProof proof = prove_translation(header, machine, physical);
  const bool nothing = proof.tables.paging == Paging::none;
  add_note(notes,
           proof.whole ? Severity::info
           : nothing   ? Severity::error
                       : Severity::warning,
           Code::unsupported,
           fmt::format("virtual memory of {}: {}{}", arch::name_of(machine), proof.told,
                       nothing ? "; only physical memory is read" : ""));
  return proof.tables;
}

// Windows appends what drivers add at a bugcheck; only triage dumps tell exactly where.
void find_blobs(ByteView file, std::uint64_t end, KernelParts& parts, Notes& notes) {
  constexpr std::uint64_t kWindow = 64 << 10;
  constexpr std::string_view kSignature = "DumpBlob";
  std::size_t found = file.clamp(end, kWindow).chars().find(kSignature);
  if (found != std::string_view::npos)
    parts.kernel->blobs = read_secondary_blobs(file, end + found, notes, parts.complete);
}

// What the headers promise against what is there.
void check_pages(ByteView file, const PageLayout& layout, std::uint64_t indexed, KernelParts& parts,
                 Notes& notes) {
  if (!layout.bitmap.empty() && layout.pages && indexed != *layout.pages)
    add_note(notes, Severity::warning, Code::mismatch,
             fmt::format("page bitmap: {} bits are set, the header says {} pages", indexed,
                         *layout.pages),
             Where::file(layout.first_page));
  std::uint64_t pages = std::max(indexed, layout.pages.value_or(0));
  auto bytes = checked_mul(pages, layout.page_size);
  auto end = bytes ? checked_add(layout.first_page, *bytes) : std::nullopt;
  if (end && *end <= file.size()) return find_blobs(file, *end, parts, notes);
  parts.complete = false;
  std::uint64_t there = file.left(layout.first_page) / layout.page_size;
  add_note(
      notes, Severity::warning, Code::truncated,
      fmt::format(
          "kernel dump: cut short, {} of {} pages are there{}", std::min(there, pages), pages,
          end ? fmt::format(" ({} of {})", readable_size(file.size()), readable_size(*end)) : ""),
      Where::file(file.size()));
}

} // namespace

void read_pages(ByteView file, const KernelShape& shape, KernelParts& parts, Notes& notes) {
  const KernelHeader& header = parts.kernel->header;
  auto layout = read_page_layout(file, header, shape, notes, parts.complete);
  if (!layout) return;
  auto index = layout->bitmap.empty()
                   ? memory::index_of_runs(layout->runs, layout->first_page, layout->page_size)
                   : memory::index_of_bitmap(layout->bitmap, layout->bits, layout->first_page,
                                             layout->page_size);
  check_pages(file, *layout, index->page_count(), parts, notes);
  if (shape.encrypted) {
    parts.complete = false;
    add_note(notes, Severity::error, Code::unsupported,
             "kernel dump: its pages are encrypted, so nothing but the header can be read",
             Where::file(layout->first_page));
    return;
  }
  parts.physical =
      std::make_shared<memory::PhysicalMemory>(file, std::move(index), layout->page_size);
  Reading reading(header, parts.machine, parts.physical);
  if (needs_translation_proof(parts.machine)) {
    parts.tables = prove_tables(header, parts.machine, parts.physical, notes);
    if (parts.tables.paging != Paging::none)
      parts.memory = reading.space(parts.tables.paging, parts.tables.root);
    return;
  }
  if (!reading.can_translate() || reading.modes().empty()) {
    add_note(notes, Severity::error, Code::unsupported,
             fmt::format("virtual memory: how {} tables are laid out is not settled by a public "
                         "source, so only physical memory is read",
                         parts.machine == Machine::unknown
                             ? "an unknown CPU's"
                             : fmt::format("{} page", arch::name_of(parts.machine))));
    return;
  }
  parts.tables = choose_tables(reading, header, *parts.physical, notes);
  if (parts.tables.paging != Paging::none)
    parts.memory = reading.space(parts.tables.paging, parts.tables.root);
}

std::shared_ptr<const memory::AddressSpace> address_space(const Dump& dump,
                                                          std::uint64_t directory_table_base) {
  const arch::Arch* arch = arch::find(dump.machine);
  if (!dump.physical || dump.tables.paging == Paging::none || !arch || !arch->translate)
    return nullptr;
  // Where the tables' form had to be proved, it is proved for this root only.
  if (needs_translation_proof(dump.machine) && directory_table_base != dump.tables.root)
    return nullptr;
  memory::PageTables tables = dump.tables;
  tables.root = directory_table_base;
  return std::make_shared<memory::VirtualMemory>(dump.physical, tables, arch->translate,
                                                 arch->page_size);
}

} // namespace dumptriage::dump
