#include "system/damage.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "base/text.h"
#include "formats/bugchecks.h"
#include "system/lookasides.h"
#include "system/pool_lists.h"

namespace dumptriage::system {
namespace {

constexpr std::size_t kMostDamage = 64, kMostFreeIrps = 10'000, kMostEvidence = 64;
constexpr std::uint32_t kXp = 2600;

std::string place(const KernelView& view, std::uint64_t address) {
  return hex_address(address, view.pointer_size);
}

// A freed block that was freed again next to itself.  In a circle of several any may be the one.
bool leads_to_itself(const KernelView& view, const Irp& irp) {
  return irp.overwritten && view.pointer(irp.address) == irp.address;
}
bool both_lead_back(const KernelView& view, std::uint64_t block) {
  return view.pointer(block) == block && view.pointer(block + view.pointer_size) == block;
}

// The header of the pool block whose data begin at `address`, when it has one of a size that holds
// an IRP and a tag of letters.
std::optional<PoolHeader> block_at(const KernelView& view, std::uint64_t address) {
  for (PoolForm form : pool_forms(view)) {
    auto header = read_pool_header(view, address - header_size(form), form);
    if (header && header->tag.find('.') == std::string::npos && header->size > 0x70) return header;
  }
  return std::nullopt;
}

// As one 32-bit word: 6, and a size of some stack locations.
bool is_type_and_size_of_irp(const KernelView& view, std::uint64_t word) {
  constexpr std::uint64_t kType = 6, kLeast = 0x94, kMost = 0x1400;
  return view.pointer_size == 4 && (word & 0xFFFF) == kType && word >> 16 >= kLeast &&
         word >> 16 <= kMost;
}

class Collector {
public:
  Collector(const KernelView& view, const Snapshot& snapshot) : view_(view), snapshot_(snapshot) {}

  FreeLists collect() {
    const KernelImage image = kernel_image(view_, snapshot_);
    const Lookasides lookasides = read_lookasides(view_, image);
    const PoolLists pool = read_pool_lists(view_, image);
    from_lookasides(lookasides);
    from_pool(pool);
    from_evidence();
    settle(lookasides, pool);
    return std::move(lists_);
  }

private:
  void add(Damage damage) {
    if (lists_.damage.size() >= kMostDamage) return;
    bool irp = damage.tag.starts_with("Irp") || read_proved_irp(view_, damage.entry, "");
    if (irp) damage.block_type = "IRP";
    lists_.damage.push_back(std::move(damage));
  }

  void from_lookasides(const Lookasides& lookasides) {
    for (const Lookaside& list : lookasides.lists) {
      const bool ended = list.end == Lookaside::End::null;
      lists_.seen += ended;
      fault_of(list);
      for (std::uint64_t entry : list.entries) {
        if (lists_.free_irps.size() < kMostFreeIrps && is_irp(list, entry))
          lists_.free_irps.push_back(entry);
        // Behind a damaged link blocks of other lists may follow.
        if (!ended) continue;
        auto [other, fresh] = on_.emplace(entry, &list);
        if (!fresh)
          say(list, "doubled", entry,
              fmt::format("it is on the list at {} as well", place(view_, other->second->address)));
      }
    }
  }
  bool is_irp(const Lookaside& list, std::uint64_t entry) const {
    return (list.of_irps() && list.end == Lookaside::End::null) || read_freed_irp(view_, entry, "");
  }

  void fault_of(const Lookaside& list) {
    using End = Lookaside::End;
    if (list.end == End::cycle) {
      const bool alone = !list.entries.empty() && list.entries.back() == list.at;
      say(list, "looped", list.at,
          alone ? "its link leads to itself"
                : fmt::format("the links run in a circle and come back to it from {}",
                              place(view_, list.entries.back())));
    } else if (list.end == End::bad_link && list.at != 0) {
      // In use again while the list still holds it, or written to after it was freed.
      auto irp = read_proved_irp(view_, list.at, "");
      if (irp && !irp->overwritten)
        say(list, "allocated_entry", list.at, "an IRP in use stands there");
      else
        say(list, "broken_link", list.at, fmt::format("its link is {}", hex_of(list.link)));
    } else if (list.end == End::bad_link) {
      // The last block taken off was in use: its first word became the head's link.
      const bool irp = list.of_irps() && is_type_and_size_of_irp(view_, list.link);
      say(list, irp ? "allocated_entry" : "broken_link", 0,
          fmt::format("its head leads to {}{}", hex_of(list.link),
                      irp ? ", the type and size of an IRP in use" : ""));
    }
  }
  std::string hex_of(std::uint64_t link) const { return hex_address(link, view_.pointer_size); }

  void say(const Lookaside& list, std::string_view how, std::uint64_t entry, std::string why) {
    Damage damage;
    damage.what = list.of_irps() ? "irp_lookaside" : "lookaside";
    damage.how = how;
    damage.list = list.address;
    damage.entry = entry;
    damage.tag = list.tag;
    damage.trust = view_.layout.build() < kXp ? "self_checked" : "read";
    damage.why =
        fmt::format("lookaside list '{}' at {}{}: {}", list.tag, place(view_, list.address),
                    entry == 0 ? "" : ", block " + place(view_, entry), why);
    add(std::move(damage));
  }

  void from_pool(const PoolLists& pool) {
    lists_.seen += pool.read;
    for (std::uint64_t entry : pool.entries) {
      if (lists_.free_irps.size() < kMostFreeIrps && read_freed_irp(view_, entry, ""))
        lists_.free_irps.push_back(entry);
      if (auto other = on_.find(entry); other != on_.end())
        say(*other->second, "doubled", entry, "it is on a list of the pool's free blocks as well");
    }
    for (const ListFault& fault : pool.faults) {
      Damage damage;
      damage.what = "pool_freelist";
      damage.how = fault.how;
      damage.list = fault.list;
      damage.entry = fault.entry;
      damage.tag = fault.tag;
      damage.trust = pool.proved_here ? "self_checked" : "read";
      damage.why = fault.why;
      add(std::move(damage));
    }
  }

  // Freed IRPs that lie on lists nobody could find the heads of.
  void from_evidence() {
    std::unordered_set<std::uint64_t> known;
    for (const Damage& damage : lists_.damage) known.insert(damage.entry);
    for (const Irp& irp : irps_by_evidence(view_, snapshot_, lists_)) {
      if (known.contains(irp.address) || !leads_to_itself(view_, irp)) continue;
      Damage damage;
      auto block = block_at(view_, irp.address);
      damage.what = both_lead_back(view_, irp.address) ? "pool_freelist" : "irp_lookaside";
      damage.how = "looped";
      damage.entry = irp.address;
      damage.tag = block ? block->tag : "";
      damage.trust = "self_checked";
      damage.why = fmt::format("freed IRP {} ({}): its link leads to itself",
                               place(view_, irp.address), irp.from);
      add(std::move(damage));
    }
  }

  void settle(const Lookasides& lookasides, const PoolLists& pool) {
    std::ranges::sort(lists_.free_irps);
    auto repeated = std::ranges::unique(lists_.free_irps);
    lists_.free_irps.erase(repeated.begin(), repeated.end());
    const bool irps = std::ranges::any_of(lookasides.lists, &Lookaside::of_irps);
    const bool read = std::ranges::all_of(lookasides.lists, [](const Lookaside& list) {
      return list.end != Lookaside::End::unreadable && list.end != Lookaside::End::budget;
    });
    // What other lists NT 4 and 2000 keep is not published.
    const bool published = view_.layout.build() >= kXp;
    lists_.complete = published && lookasides.complete && irps && read && pool.complete;
    if (lists_.complete) return;
    lists_.missing = lookasides.lists.empty() ? "no lookaside lists were found in the kernel's data"
                     : !lookasides.complete || !read
                         ? "not all lookaside lists were read to their end"
                     : !irps          ? "no lookaside list of IRPs was found"
                     : !pool.complete ? pool.missing
                                      : "which lists this kernel keeps is not published";
  }

  const KernelView& view_;
  const Snapshot& snapshot_;
  FreeLists lists_;
  std::unordered_map<std::uint64_t, const Lookaside*> on_; // blocks on lists read to their end
};

// BAD_POOL_CALLER, a block freed that is free already (Microsoft's bug check reference): its data.
std::optional<std::uint64_t> freed_again(const KernelView& view) {
  const dump::KernelHeader& header = view.dump.kernel->header;
  constexpr std::uint32_t kBadPoolCaller = 0xC2;
  if (formats::normalized_bugcheck(header.bugcheck_code) != kBadPoolCaller) return std::nullopt;
  const auto& p = header.bugcheck_parameters;
  if (p[0] == 7) return view.cut(p[3]);
  auto forms = pool_forms(view);
  if (p[0] == 6 && !forms.empty()) return view.cut(p[2] + header_size(forms.front()));
  return std::nullopt;
}

bool completed_again(const KernelView& view, const Irp& irp) {
  const dump::KernelHeader& header = view.dump.kernel->header;
  constexpr std::uint32_t kMultipleIrpComplete = 0x44;
  return irp.completed &&
         formats::normalized_bugcheck(header.bugcheck_code) == kMultipleIrpComplete &&
         view.cut(header.bugcheck_parameters[0]) == irp.address;
}

// Free by its pool block: the one whose data it is, or a larger one that took it in.
bool in_free_block(const KernelView& view, const Irp& irp) {
  PoolFinding finding = read_pool(view, irp.address, "");
  return std::ranges::any_of(
      finding.blocks, [](const PoolBlock& block) { return block.asked && block.state == "free"; });
}

} // namespace

FreeLists read_free_lists(const KernelView& view, const Snapshot& snapshot) {
  return Collector(view, snapshot).collect();
}

std::vector<Irp> irps_by_evidence(const KernelView& view, const Snapshot& snapshot,
                                  const FreeLists& lists) {
  std::vector<Irp> irps;
  std::unordered_set<std::uint64_t> known;
  auto add = [&](std::optional<Irp> irp) {
    if (irp && irps.size() < kMostEvidence && known.insert(irp->address).second)
      irps.push_back(std::move(*irp));
  };
  for (const Damage& damage : lists.damage)
    add(read_proved_irp(view, damage.entry, "damaged list of free memory"));
  if (snapshot.stop.kind == StopKind::bugcheck)
    for (std::size_t i = 0; i < snapshot.stop.parameters.size(); ++i) {
      const std::uint64_t value = view.cut(snapshot.stop.parameters[i]);
      if (!view.is_kernel_address(value) || value % 8 != 0) continue;
      const std::string from = fmt::format("bugcheck parameter {}", i + 1);
      add(read_proved_irp(view, value, from));
      for (PoolForm form : pool_forms(view)) // the parameter may be the block's header
        add(read_proved_irp(view, value + header_size(form), from));
    }
  for (const ThreadState& thread : snapshot.threads) {
    if (!thread.cpu && !thread.crashed) continue;
    const std::string from = fmt::format("stack of thread {}", thread.id);
    for (Irp& irp : irps_on_stack(view, thread.stack_low, thread.stack_high, from))
      add(std::move(irp));
  }
  return irps;
}

IrpState state_of(const KernelView& view, const Irp& irp, const FreeLists& lists) {
  IrpState state;
  auto mark = [&](bool twice, std::string where) {
    state.freed = true;
    state.twice |= twice;
    if (state.where.empty()) state.where = std::move(where);
  };
  for (const Damage& damage : lists.damage)
    if (damage.entry == irp.address)
      mark(damage.how == "looped" || damage.how == "doubled", damage.why);
  if (leads_to_itself(view, irp)) mark(true, "its link leads to itself");
  if (freed_again(view) == irp.address)
    mark(true, "the stop says that its block was freed when it was free already");
  if (std::ranges::binary_search(lists.free_irps, irp.address))
    mark(false, "on a list of free memory");
  if (in_free_block(view, irp)) mark(false, "its pool block is free");
  if (irp.overwritten) mark(false, "a link of a list of free memory stands over its type and size");
  if (completed_again(view, irp)) {
    state.twice = true;
    if (state.where.empty()) state.where = "completed already when it was completed again";
  }
  return state;
}

} // namespace dumptriage::system
