#include "dump/kernel_translation_proof.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"

namespace dumptriage::dump {
namespace {

using arch::Machine;
using memory::Paging;

constexpr std::uint64_t kPage = 0x2000; // of both CPUs
constexpr std::size_t kMostEntries = 128;

// Where the loader's entry keeps DllBase and SizeOfImage: as on x86 and x64 of the same Windows.
// Inferred; that images stand there is what proves it.
struct EntryPlaces {
  std::uint64_t base, size;
};

// Facts by what they rest on: a fact whose reading went through the tables is one of theirs.
struct Facts {
  TranslationFacts direct, tables;
};

// Alpha: the directory is its own table for C0000000, where x86 has it as well.  Itanium: some
// entry of the root names the root.
bool maps_itself(const memory::AddressSpace& physical, Paging paging, std::uint64_t root) {
  if (paging == Paging::alpha_tables) {
    const auto entry = physical.u32(root + 4 * 0xC0);
    return entry && (*entry & 1) != 0 && (*entry >> 9) * kPage == root;
  }
  if (paging != Paging::ia64_tables) return false;
  constexpr std::uint64_t kFrame = 0x0003FFFFFFFFE000, kReserved = 0x000C000000000002;
  std::array<std::byte, kPage> page;
  if (!physical.copy(root, page)) return false;
  const ByteView entries(page.data(), page.size());
  for (std::uint64_t at = 0; at < page.size(); at += 8) {
    const std::uint64_t entry = *entries.u64(at);
    if ((entry & 1) != 0 && (entry & kReserved) == 0 && ((entry ^ root) & kFrame) == 0) return true;
  }
  return false;
}

class Looking {
public:
  Looking(const KernelHeader& header, const arch::Arch& arch,
          const std::shared_ptr<const memory::PhysicalMemory>& physical,
          const memory::PageTables& tables)
      : header_(header), arch_(arch), space_(physical, tables, arch.translate, arch.page_size),
        width_(arch.pointer_size) {}

  Facts facts() {
    look_at_list(header_.ps_active_process_head);
    look_at_list(header_.ps_loaded_module_list);
    look_at_modules();
    const memory::PageTables& tables = space_.tables();
    facts_.tables.self_map = maps_itself(*space_.physical(), tables.paging, tables.root);
    return facts_;
  }

private:
  bool is_direct(std::uint64_t address) const {
    if (arch_.machine == Machine::alpha) return (address & 0xFFFFFFFF) >> 30 == 2;
    return address >> 61 == 4 || address >> 61 == 5;
  }
  std::optional<std::uint64_t> pointer(std::uint64_t address) const {
    return space_.pointer(address, width_);
  }
  TranslationFacts& facts_of(std::initializer_list<std::uint64_t> addresses) {
    return std::ranges::all_of(addresses, [&](auto a) { return is_direct(a); }) ? facts_.direct
                                                                                : facts_.tables;
  }
  // An empty list is one fact: its head's two words name it.
  void look_at_list(std::uint64_t head) {
    if (head == 0) return;
    const auto flink = pointer(head), blink = pointer(head + width_);
    if (const auto back = flink ? pointer(*flink + width_) : std::nullopt) {
      TranslationFacts& facts = facts_of({head, *flink});
      ++(*back == head ? facts.links : facts.against);
    }
    if (flink == head) return;
    if (const auto forth = blink ? pointer(*blink) : std::nullopt) {
      TranslationFacts& facts = facts_of({head, *blink});
      ++(*forth == head ? facts.links : facts.against);
    }
  }
  void look_at_modules() {
    const std::uint64_t head = header_.ps_loaded_module_list;
    auto entry = head != 0 ? pointer(head) : std::nullopt;
    std::uint64_t before = head;
    for (std::size_t i = 0; entry && *entry != head && i < kMostEntries; ++i) {
      if (pointer(*entry + width_) != before) return; // torn, or no list at all
      if (i > 0) ++facts_of({before, *entry}).links;  // the first one is the list's own
      look_at_image(*entry);
      before = *entry;
      entry = pointer(*entry);
    }
  }
  void look_at_image(std::uint64_t entry) {
    const EntryPlaces places = width_ == 4 ? EntryPlaces{0x18, 0x20} : EntryPlaces{0x30, 0x40};
    const auto base = pointer(entry + places.base);
    const auto size = space_.u32(entry + places.size);
    if (!base || !size || *base == 0) return;
    TranslationFacts& facts = facts_of({entry, *base});
    const memory::Translation page = space_.translate(*base);
    if (page.presence != memory::Presence::present) return;
    std::array<std::byte, kPage> bytes;
    const std::size_t got = space_.read(*base, bytes).got;
    if (got == 0) return; // mapped, but the frame is not in the dump
    const ByteView view(bytes.data(), got);
    // Nothing at all says nothing: a header may have been given back.
    if (std::ranges::all_of(view.clamp(0, 0x40).span(),
                            [](std::byte b) { return b == std::byte{}; }))
      return;
    const bool good = *base % kPage == 0 && is_image(view, *size);
    if (!good)
      ++facts.against;
    else if (frames_.insert(page.physical).second)
      ++facts.images;
  }
  // PE format: "MZ", e_lfanew, "PE\0\0", Machine, SizeOfImage.
  bool is_image(ByteView page, std::uint32_t size) const {
    const std::uint16_t machine = arch_.machine == Machine::alpha ? 0x184 : 0x200;
    const auto header = page.u32(0x3C);
    if (page.u16(0) != 0x5A4D || !header) return false;
    constexpr std::uint32_t kMachine = 4, kSizeOfImage = 0x18 + 56;
    const auto own_size = page.u32(*header + std::uint64_t{kSizeOfImage});
    auto pages = [](std::uint64_t bytes) { return (bytes + kPage - 1) / kPage; };
    return page.u32(*header) == 0x4550u && page.u16(*header + std::uint64_t{kMachine}) == machine &&
           own_size && pages(*own_size) == pages(size);
  }

  const KernelHeader& header_;
  const arch::Arch& arch_;
  memory::VirtualMemory space_;
  const std::uint64_t width_;
  Facts facts_;
  std::set<std::uint64_t> frames_; // of images seen
};

std::string words_of(const TranslationFacts& facts) {
  std::vector<std::string> parts;
  auto count = [&](std::size_t n, const char* one, const char* many) {
    if (n != 0) parts.push_back(fmt::format("{} {}", n, n == 1 ? one : many));
  };
  count(facts.links, "link of the header's lists points back",
        "links of the header's lists point back");
  count(facts.images, "image stands where the module list says",
        "images stand where the module list says");
  if (facts.self_map) parts.push_back("the root maps itself");
  count(facts.against, "thing is not so", "things are not so");
  return parts.empty() ? "nothing" : fmt::format("{}", fmt::join(parts, ", "));
}

class Proving {
public:
  Proving(const KernelHeader& header, Machine machine,
          const std::shared_ptr<const memory::PhysicalMemory>& physical)
      : header_(header), machine_(machine), arch_(*arch::find(machine)), physical_(physical) {}

  Facts facts(Paging paging, std::uint64_t root) const {
    return Looking(header_, arch_, physical_, {paging, root, header_.build}).facts();
  }

  TranslationProof alpha() const {
    const Facts direct = facts(Paging::alpha, 0);
    if (!direct.direct.prove())
      return {
          {},
          false,
          "undecided; no public source says that Windows maps 80000000 ... BFFFFFFF one to one, "
          "and this dump does not prove it; all that speaks for it: " +
              words_of(direct.direct)};
    return with_tables({{Paging::alpha, 0, header_.build},
                        false,
                        "80000000 ... BFFFFFFF is the first gigabyte of physical memory; "
                        "this dump proves it: " +
                            words_of(direct.direct)},
                       Paging::alpha_tables);
  }

  TranslationProof ia64() const {
    return with_tables(
        {{Paging::ia64, 0, header_.build}, false, "Kseg3 and Kseg4 map physical memory one to one"},
        Paging::ia64_tables);
  }

private:
  // What DirectoryTableBase may say, by its number: the root's physical address, an entry that
  // names its frame (of Itanium that is the same, flags aside), or the frame.
  std::vector<std::uint64_t> roots_of_header() const {
    constexpr std::uint64_t kFrame = 0x0003FFFFFFFFE000;
    const std::uint64_t base = header_.directory_table_base;
    std::vector<std::uint64_t> roots = {base & kFrame, (base << 13) & kFrame};
    if (machine_ == Machine::alpha) roots.push_back((base >> 9) * kPage);
    return roots;
  }
  // Pages that map themselves.
  std::vector<std::uint64_t> roots_in_memory(Paging form) const {
    constexpr std::uint64_t kMostPages = 1 << 15; // 256 MB of the lowest
    constexpr std::size_t kMostRoots = 64;
    std::vector<std::uint64_t> roots;
    std::uint64_t looked = 0;
    for (const PhysicalRun& run : header_.physical_runs)
      for (std::uint64_t i = 0; i < run.page_count && looked < kMostPages; ++i, ++looked) {
        const std::uint64_t root = (run.base_page + i) * kPage;
        if (roots.size() < kMostRoots && maps_itself(*physical_, form, root)) roots.push_back(root);
      }
    return roots;
  }
  struct Root {
    std::uint64_t at;
    TranslationFacts facts;
  };
  std::vector<Root> proved(Paging form, std::vector<std::uint64_t> roots) const {
    std::ranges::sort(roots);
    roots.erase(std::ranges::unique(roots).begin(), roots.end());
    std::vector<Root> found;
    for (const std::uint64_t root : roots)
      if (const Facts facts = this->facts(form, root);
          facts.tables.prove() && facts.direct.against == 0)
        found.push_back({root, facts.tables});
    return found;
  }

  // Of what DirectoryTableBase may say, what most speaks for.
  TranslationFacts likeliest(Paging form) const {
    TranslationFacts best;
    for (const std::uint64_t root : roots_of_header())
      if (const TranslationFacts found = facts(form, root).tables; found.count() > best.count())
        best = found;
    return best;
  }

  // Adds the tables of the one root that is proved; of two, neither is sure.
  TranslationProof with_tables(TranslationProof proof, Paging form) const {
    const bool checkable = header_.ps_loaded_module_list != 0;
    std::vector<Root> found;
    if (checkable) found = proved(form, roots_of_header());
    const bool named = !found.empty();
    if (checkable && !named) found = proved(form, roots_in_memory(form));
    if (found.size() == 1) {
      proof.tables = {form, found[0].at, header_.build};
      proof.whole = true;
      proof.told += fmt::format(
          "; {} goes through the page tables at physical {}{}, and this dump proves that: {}",
          form == Paging::ia64_tables ? "region 7" : "the rest", hex(found[0].at),
          named ? "" : ", which DirectoryTableBase does not name", words_of(found[0].facts));
      return proof;
    }
    proof.told +=
        "; what else is mapped is undecided, because the page tables are not published and "
        "this dump does not prove their form; all that speaks for it: ";
    proof.told += found.size() > 1 ? "more than one root fits" : words_of(likeliest(form));
    return proof;
  }

  const KernelHeader& header_;
  Machine machine_;
  const arch::Arch& arch_;
  const std::shared_ptr<const memory::PhysicalMemory>& physical_;
};

} // namespace

bool needs_translation_proof(Machine machine) {
  return machine == Machine::alpha || machine == Machine::ia64;
}

TranslationProof prove_translation(const KernelHeader& header, Machine machine,
                                   const std::shared_ptr<const memory::PhysicalMemory>& physical) {
  const Proving proving(header, machine, physical);
  return machine == Machine::alpha ? proving.alpha() : proving.ia64();
}

} // namespace dumptriage::dump
