// RTL_CRITICAL_SECTION of winnt.h:
//
//   DebugInfo 0, LockCount i32 4/8, RecursionCount i32 8/0xC, OwningThread 0xC/0x10 (a thread id),
//   LockSemaphore 0x10/0x18, SpinCount
//
// and RTL_CRITICAL_SECTION_DEBUG, which DebugInfo points to: Type u16 (0), CriticalSection 4/8,
// ProcessLocksList 8/0x10.  Newer sections have no debug record: DebugInfo is -1.
//
// LockCount of a locked section has two readings, told apart by its sign: up to Server 2003 (and in
// Wine) it is the owner's recursions and the waiters together, less one; from Server 2003 SP1 on
// bit 0 is clear, bit 1 tells whether a waiter was woken, and the other bits are the number of
// waiters, inverted ("Displaying a Critical Section", Debugging Tools for Windows).
//
// No field says who waits.  A waiter sleeps inside ntdll, and the address of what it waits for lies
// on its stack; when as many threads other than the owner answer that as the section counts, they
// are the waiters.
#include "system/critical_sections.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <span>
#include <unordered_set>

#include <fmt/format.h>

#include "arch/address.h"
#include "base/text.h"
#include "system/wait_graph.h"

namespace dumptriage::system {
namespace {

constexpr std::uint64_t kMostStack = 64 << 10; // looked at of one thread's stack
constexpr std::uint64_t kMostWords = 1 << 20;  // of all together
constexpr std::size_t kMostSections = 4096;

struct Section {
  std::uint32_t owner = 0, recursion = 0;
  std::uint64_t waiting = 0;          // as it counts them
  bool debug_record = false;          // proved by its debug record, too
  std::vector<std::size_t> waiters;   // indexes of threads that may wait for it
  std::vector<std::string> waiter_at; // where each points to it
  WaitTrust trust() const { return debug_record ? WaitTrust::read : WaitTrust::self_checked; }
};

class Reader {
public:
  Reader(const memory::AddressSpace& memory, int pointer_size, std::span<const ThreadState> threads)
      : memory_(memory), size_(pointer_size), threads_(threads) {
    for (const ThreadState& thread : threads)
      if (auto id = id_of(thread)) ids_.insert(*id);
  }

  static std::optional<std::uint32_t> id_of(const ThreadState& thread) {
    std::uint32_t id = 0;
    const char* end = thread.id.data() + thread.id.size();
    auto [rest, error] = std::from_chars(thread.id.data(), end, id);
    return error == std::errc() && rest == end && id != 0 ? std::optional(id) : std::nullopt;
  }
  bool in_dump(std::uint32_t id) const { return ids_.contains(id); }

  // A locked section with waiters, by its own fields and what they point to.
  std::optional<Section> section_at(std::uint64_t address) const;

private:
  std::optional<std::uint64_t> pointer(std::uint64_t address) const {
    return memory_.pointer(address, size_);
  }
  bool debug_record_points_back(std::uint64_t record, std::uint64_t section) const;

  const memory::AddressSpace& memory_;
  std::uint64_t size_;
  std::span<const ThreadState> threads_;
  std::set<std::uint32_t> ids_;
};

// The record names the section, and stands whole in the list of all records.
bool Reader::debug_record_points_back(std::uint64_t record, std::uint64_t section) const {
  std::array<std::byte, 2> type{};
  if (!memory_.copy(record, type) || type != std::array<std::byte, 2>{}) return false;
  if (pointer(record + size_) != section) return false;
  std::uint64_t entry = record + 2 * size_;
  auto next = pointer(entry), previous = pointer(entry + size_);
  if (!next || !previous) return false;
  auto back = pointer(*next + size_), forth = pointer(*previous);
  // Neighbours that the dump does not hold say nothing.
  return (!back || *back == entry) && (!forth || *forth == entry) && (back || forth);
}

std::optional<Section> Reader::section_at(std::uint64_t address) const {
  std::uint64_t counts = address + size_;
  auto debug = pointer(address), owner = pointer(counts + 8), event = pointer(counts + 8 + size_);
  auto lock = memory_.u32(counts), recursion = memory_.u32(counts + 4);
  if (!debug || !owner || !event || !lock || !recursion) return std::nullopt;
  constexpr std::uint32_t kMostRecursions = 0x10000;
  if (*owner == 0 || *owner > UINT32_MAX || *recursion == 0 || *recursion > kMostRecursions)
    return std::nullopt;
  Section section;
  section.owner = static_cast<std::uint32_t>(*owner);
  section.recursion = *recursion;
  auto count = static_cast<std::int32_t>(*lock);
  if (count >= 0) {
    if (*lock + 1 < *recursion) return std::nullopt;
    section.waiting = *lock + 1 - *recursion;
  } else {
    if ((count & 1) != 0) return std::nullopt;
    section.waiting = ~*lock >> 2;
  }
  if (section.waiting == 0 || section.waiting >= std::max<std::size_t>(threads_.size(), 2))
    return std::nullopt;
  // A handle, none, or no event at all (-1: the thread waits on the address).
  std::uint64_t none = size_ == 4 ? UINT32_MAX : UINT64_MAX;
  constexpr std::uint64_t kMostHandle = 1 << 24;
  if (*event != none && (*event % 4 != 0 || *event > kMostHandle)) return std::nullopt;
  section.debug_record = *debug != none && debug_record_points_back(*debug, address);
  if (*debug != none && !section.debug_record) return std::nullopt;
  // Without the record an owner that is a thread here is the third proof.
  if (!section.debug_record && !in_dump(section.owner)) return std::nullopt;
  return section;
}

// Asleep in the system: its pc lies in ntdll, or in the page that old systems keep the call in.
bool waits_in_system(std::uint64_t pc, std::span<const dump::Module> modules) {
  constexpr std::uint64_t kSharedPage = 0x7FFE0000;
  if (pc >= kSharedPage && pc < kSharedPage + 0x1000) return true;
  return std::ranges::any_of(modules, [&](const dump::Module& module) {
    return module.contains(pc) && equals_no_case(module.name(), "ntdll.dll");
  });
}

// Every section that a thread points at, by address.
class Finder {
public:
  Finder(const memory::AddressSpace& memory, const arch::Arch& arch, const Reader& reader)
      : memory_(memory), arch_(arch), reader_(reader) {}

  void look(const ThreadState& thread, std::size_t index) {
    for (std::size_t i = 0; i < arch_.register_names.size(); ++i)
      if (auto value = thread.context->get(static_cast<int>(i)))
        take(*value, index, fmt::format("register {}", arch_.register_names[i]));
    auto size = static_cast<std::uint64_t>(arch_.pointer_size);
    std::uint64_t sp = *thread.context->get(arch_.sp);
    std::uint64_t end = sp <= UINT64_MAX - kMostStack ? sp + kMostStack : UINT64_MAX;
    if (thread.stack_high > sp) end = std::min(end, thread.stack_high);
    for (std::uint64_t at = sp; end - at >= size && words_left_ != 0; at += size) {
      auto value = memory_.pointer(at, arch_.pointer_size);
      if (!value) break;
      --words_left_;
      take(*value, index, fmt::format("stack at sp+{}", hex(at - sp)));
    }
  }

  std::map<std::uint64_t, Section> sections;
  bool out_of_words() const { return words_left_ == 0; }

private:
  void take(std::uint64_t address, std::size_t thread, std::string where) {
    if (address % 4 != 0 || refused_.contains(address)) return;
    auto known = sections.find(address);
    if (known == sections.end()) {
      auto section = reader_.section_at(address);
      if (!section || sections.size() == kMostSections) {
        refused_.insert(address);
        return;
      }
      known = sections.emplace(address, std::move(*section)).first;
    }
    auto& waiters = known->second.waiters;
    if (!waiters.empty() && waiters.back() == thread) return; // the innermost place is enough
    waiters.push_back(thread);
    known->second.waiter_at.push_back(std::move(where));
  }

  const memory::AddressSpace& memory_;
  const arch::Arch& arch_;
  const Reader& reader_;
  std::unordered_set<std::uint64_t> refused_;
  std::uint64_t words_left_ = kMostWords;
};

void drop_waiter(Section& section, std::size_t at) {
  section.waiters.erase(section.waiters.begin() + static_cast<std::ptrdiff_t>(at));
  section.waiter_at.erase(section.waiter_at.begin() + static_cast<std::ptrdiff_t>(at));
}

// The owner does not wait for its own section, and no thread waits for two: one that must be a
// waiter of this section is none of another.
void settle(std::map<std::uint64_t, Section>& sections, std::span<const ThreadState> threads) {
  for (auto& [address, section] : sections)
    for (std::size_t i = section.waiters.size(); i-- > 0;)
      if (Reader::id_of(threads[section.waiters[i]]) == section.owner) drop_waiter(section, i);
  std::map<std::size_t, std::uint64_t> waits_for;
  for (bool changed = true; changed;) {
    changed = false;
    for (auto& [address, section] : sections) {
      for (std::size_t i = section.waiters.size(); i-- > 0;) {
        auto other = waits_for.find(section.waiters[i]);
        if (other == waits_for.end() || other->second == address) continue;
        drop_waiter(section, i);
        changed = true;
      }
      if (section.waiters.size() != section.waiting) continue;
      for (std::size_t waiter : section.waiters)
        changed |= waits_for.emplace(waiter, address).second;
    }
  }
}

std::string place_of(std::uint64_t address, std::span<const dump::Module> modules, int size) {
  std::string text = "critical section " + hex_address(address, size);
  for (const dump::Module& module : modules)
    if (module.contains(address))
      return text + fmt::format(" ({}+{})", module.name(), hex(address - module.base));
  return text;
}

std::size_t thread_node(Snapshot& snapshot, std::string_view id) {
  WaitNode node;
  node.id = fmt::format("thread:{}", id);
  node.kind = WaitKind::thread;
  node.label = fmt::format("thread {}", id);
  for (const ThreadState& thread : snapshot.threads)
    if (thread.id == id && !thread.process.empty())
      node.label += fmt::format(" of {}", thread.process);
  return snapshot.waits.add(std::move(node));
}

// Which of too many or too few threads wait is not guessed.
void add_waiters(Snapshot& snapshot, const Section& section, std::size_t lock) {
  if (section.waiters.size() != section.waiting) {
    add_note(snapshot.notes, Severity::warning, Code::absent,
             fmt::format("{}: it counts {} waiting, and {} sleeping threads have its address on "
                         "their stacks; which of them wait is not known",
                         snapshot.waits.nodes[lock].label, section.waiting, section.waiters.size()),
             Where::virtual_address(snapshot.waits.nodes[lock].address));
    return;
  }
  for (std::size_t i = 0; i < section.waiters.size(); ++i) {
    WaitEdge edge;
    edge.from = thread_node(snapshot, snapshot.threads[section.waiters[i]].id);
    edge.to = lock;
    edge.mode = WaitMode::exclusive;
    edge.trust = section.trust();
    edge.why = fmt::format("sleeps in the system with the section's address in {}, as many threads "
                           "do as the section counts waiting ({})",
                           section.waiter_at[i], section.waiting);
    snapshot.waits.connect(std::move(edge));
  }
}

void add_owner(Snapshot& snapshot, const Section& section, std::size_t lock, bool in_dump) {
  if (!in_dump)
    add_note(snapshot.notes, Severity::warning, Code::absent,
             fmt::format("{}: its owner, thread {}, is not in the dump; it may have ended",
                         snapshot.waits.nodes[lock].label, section.owner),
             Where::virtual_address(snapshot.waits.nodes[lock].address));
  WaitEdge edge;
  edge.from = lock;
  edge.to = thread_node(snapshot, std::to_string(section.owner));
  edge.relation = WaitRelation::held_by;
  edge.mode = WaitMode::exclusive;
  edge.count = section.recursion;
  edge.trust = section.trust();
  edge.why = section.debug_record ? "OwningThread; the section's debug record points back at it, "
                                    "and its counts agree"
                                  : "OwningThread is a thread of this dump, and the section's "
                                    "counts agree";
  snapshot.waits.connect(std::move(edge));
}

} // namespace

void read_critical_sections(Snapshot& snapshot) {
  const arch::Arch* arch = arch::find(snapshot.machine);
  if (arch == nullptr || !snapshot.memory) return;
  Reader reader(*snapshot.memory, arch->pointer_size, snapshot.threads);
  Finder finder(*snapshot.memory, *arch, reader);
  bool fault = snapshot.stop.kind == StopKind::exception;
  for (std::size_t i = 0; i < snapshot.threads.size(); ++i) {
    const ThreadState& thread = snapshot.threads[i];
    if (!thread.context || (thread.crashed && fault)) continue;
    auto pc = pc_of(*arch, *thread.context), sp = sp_of(*arch, *thread.context);
    if (pc && sp && waits_in_system(*pc, snapshot.modules)) finder.look(thread, i);
  }
  if (finder.out_of_words())
    add_note(snapshot.notes, Severity::warning, Code::limit,
             "critical sections: not all of the waiting threads' stacks were looked at");
  settle(finder.sections, snapshot.threads);
  for (const auto& [address, section] : finder.sections) {
    if (section.waiters.empty()) continue;
    WaitNode node;
    node.id = "critical_section@" + hex_address(address, arch->pointer_size).substr(2);
    node.kind = WaitKind::critical_section;
    node.address = address;
    node.label = place_of(address, snapshot.modules, arch->pointer_size);
    node.state = fmt::format("owned, {} waiting", section.waiting);
    std::size_t lock = snapshot.waits.add(std::move(node));
    add_waiters(snapshot, section, lock);
    add_owner(snapshot, section, lock, reader.in_dump(section.owner));
  }
  if (!snapshot.waits.empty()) find_cycles(snapshot.waits);
}

} // namespace dumptriage::system
