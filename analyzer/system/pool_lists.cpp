// How a second free shows on a doubly linked list, for each way to link a block in:
//   next to itself           both links lead back to the block
//   elsewhere on its list    the list never comes back to its head, or two blocks lead to this one
// A list that was being changed on another CPU when the machine stopped is half linked at one
// place: the block in between links to both its neighbours, and only one of them to it.
#include "system/pool_lists.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <unordered_map>

#include <fmt/format.h>

#include "base/text.h"
#include "formats/kdbg64.h"

namespace dumptriage::system {
namespace {

constexpr std::size_t kMostEntries = 50'000, kMostFaults = 64;

struct Heads {
  std::uint64_t first = 0;
  std::uint32_t count = 0;
};

class HeadFinder {
public:
  HeadFinder(const KernelView& view, const KernelImage& image) : view_(view), image_(image) {}

  // Arrays of as many heads as a page has block sizes.  A damaged list's head is allowed to be one
  // whose neighbours do not point back.
  std::vector<Heads> find() {
    const std::uint64_t step = 2ull * view_.pointer_size;
    auto visit = [&](std::uint64_t at, ByteView bytes, std::uint64_t own) {
      if (at != expected_) run_ = {};
      for (std::uint64_t i = 0; i < own && i + step <= bytes.size(); i += view_.pointer_size)
        look(at + i, bytes.slice(i, step).value_or(ByteView()));
      expected_ = at + own;
    };
    for_each_piece(view_, image_, view_.pointer_size, visit); // a head may lie across two pages
    return std::move(found_);
  }

private:
  // Heads of both parities of an 8-byte grid are followed at once: an array begins at any pointer.
  void look(std::uint64_t at, ByteView bytes) {
    const int size = view_.pointer_size;
    Run& run = run_[at / size % 2];
    std::uint64_t next = size == 4 ? bytes.u32(0).value_or(0) : bytes.u64(0).value_or(0);
    std::uint64_t back = size == 4 ? bytes.u32(4).value_or(0) : bytes.u64(8).value_or(0);
    const bool links = next % size == 0 && back % size == 0 && view_.is_kernel_address(next) &&
                       view_.is_kernel_address(back);
    const bool empty = next == at && back == at;
    // A pool's list never leads into the kernel's own image.
    const bool good = empty || (links && !image_.contains(next) && !image_.contains(back));
    if (!good) {
      run = {};
      return;
    }
    if (run.count == 0) run.first = at;
    ++run.count;
    run.used += !empty;
    const std::uint32_t wanted = heads_of_array();
    if (run.count == wanted && run.used != 0) found_.push_back({run.first, wanted});
    if (run.count > wanted && run.used != 0) // one of several arrays of one length
      found_.push_back({run.first + (run.count - wanted) * 2ull * size, wanted});
    if (found_.size() > kMostArrays) found_.resize(kMostArrays);
  }

  std::uint32_t heads_of_array() const {
    constexpr std::uint32_t kXp = 2600;
    const std::uint32_t page = view_.dump.machine == arch::Machine::alpha ? 0x2000 : 0x1000;
    return page / (view_.layout.build() < kXp ? 32 : 2 * view_.pointer_size);
  }

  struct Run {
    std::uint64_t first = 0;
    std::uint32_t count = 0, used = 0;
  };
  static constexpr std::size_t kMostArrays = 64;
  const KernelView& view_;
  const KernelImage& image_;
  std::array<Run, 2> run_{};
  std::uint64_t expected_ = 0;
  std::vector<Heads> found_;
};

class ListReader {
public:
  ListReader(const KernelView& view, Heads heads, PoolForm form)
      : view_(view), heads_(heads), form_(form) {
    lists_.heads = heads.first;
    lists_.count = heads.count;
    lists_.form = form;
  }

  PoolLists read() {
    for (std::uint32_t i = 0; i < heads_.count; ++i) read_list(i);
    find_shift();
    find_allocated();
    lists_.complete = lists_.read == heads_.count;
    return std::move(lists_);
  }

  // Free blocks whose size fits the number of their list, which is that of their units or one less:
  // at least three blocks of two lists, and three quarters of all.
  bool proved() const {
    return fitting_ >= 3 && fitting_lists_ >= 2 && fitting_ * 4 >= sized_ * 3 &&
           (shift_ == 0 || shift_ == 1);
  }

private:
  struct Seen {
    std::uint32_t list;
    std::optional<PoolHeader> header;
  };
  std::uint64_t head_of(std::uint32_t list) const {
    return heads_.first + list * 2ull * view_.pointer_size;
  }
  std::optional<PoolHeader> header_of(std::uint64_t entry) const {
    return read_pool_header(view_, entry - header_size(form_), form_);
  }

  void fault(std::string_view how, std::uint32_t list, std::uint64_t entry, std::string why) {
    if (lists_.faults.size() >= kMostFaults) return;
    auto header = header_of(entry);
    lists_.faults.push_back({how, head_of(list), entry, header ? header->tag : "",
                             fmt::format("free list of the nonpaged pool, block {}: {}",
                                         hex_address(entry, view_.pointer_size), why)});
  }

  void read_list(std::uint32_t list) {
    const int size = view_.pointer_size;
    const std::uint64_t head = head_of(list);
    for (std::uint64_t before = head;;) {
      auto next = view_.pointer(before);
      if (!next) return;
      if (*next == head) {
        ++lists_.read;
        return;
      }
      if (auto known = seen_.find(*next); known != seen_.end())
        return repeated(list, known->second.list, *next, before);
      if (seen_.size() >= kMostEntries) return;
      auto forward = view_.pointer(*next), back = view_.pointer(*next + size);
      if (!forward || !back) return;
      if (*forward == *next && *back == *next)
        return fault("looped", list, *next, "both its links lead back to itself");
      if (*back != before) return torn(list, *next, before, *back);
      seen_.emplace(*next, Seen{list, header_of(*next)});
      lists_.entries.push_back(*next);
      before = *next;
    }
  }

  void repeated(std::uint32_t list, std::uint32_t known, std::uint64_t entry,
                std::uint64_t before) {
    if (known == list)
      return fault("looped", list, entry,
                   fmt::format("the list comes back to it from {} and never to its head",
                               hex_address(before, view_.pointer_size)));
    fault("doubled", list, entry, "two lists lead to it");
  }

  void torn(std::uint32_t list, std::uint64_t entry, std::uint64_t before, std::uint64_t back) {
    const int size = view_.pointer_size;
    auto forward = view_.pointer(back), backward = view_.pointer(back + size);
    // Being linked in or out just now: the block between, or the one before, is half linked.
    if ((!forward && view_.is_kernel_address(back)) || (forward == entry && backward == before) ||
        (forward == before && view_.pointer(before + size) == back))
      return;
    if (forward == entry)
      return fault("doubled", list, entry,
                   fmt::format("{} and {} both lead to it", hex_address(before, size),
                               hex_address(back, size)));
    // One of both links was overwritten: that of the block whose neighbour behind does point back
    // is not the forward one.
    auto behind = view_.pointer(entry);
    auto back_of_behind = behind ? view_.pointer(*behind + size) : std::nullopt;
    if (before == head_of(list) || back_of_behind == entry)
      return fault("broken_link", list, entry,
                   fmt::format("it is linked behind {}, but its back link is {}",
                               hex_address(before, size), hex_address(back, size)));
    fault("broken_link", list, before,
          fmt::format("its link leads to {}, which is on no such list", hex_address(entry, size)));
  }

  std::int64_t shift_of(const Seen& seen) const {
    return static_cast<std::int64_t>(seen.header->size / unit_of(form_)) - seen.list;
  }

  // By how much a block's size in units exceeds its list's number: the same for all lists but the
  // last, which may take what is too large for others.
  void find_shift() {
    std::map<std::int64_t, std::size_t> shifts;
    for (const auto& [entry, seen] : seen_)
      if (seen.header && seen.header->size != 0) ++shifts[shift_of(seen)];
    std::size_t most = 0;
    for (const auto& [shift, blocks] : shifts) {
      sized_ += blocks;
      if (blocks > most) {
        most = blocks;
        shift_ = shift;
      }
    }
    std::map<std::uint32_t, bool> lists;
    for (const auto& [entry, seen] : seen_)
      if (fits(seen) && seen.header->free()) {
        ++fitting_;
        lists[seen.list] = true;
      }
    fitting_lists_ = lists.size();
  }
  bool fits(const Seen& seen) const {
    return seen.header && seen.header->size != 0 && shift_of(seen) == shift_;
  }

  void find_allocated() {
    for (std::uint64_t entry : lists_.entries) {
      const Seen& seen = seen_.at(entry);
      if (fits(seen) && pool_in_use(view_, seen.header->type))
        fault("allocated_entry", seen.list, entry,
              fmt::format("its header says that it is in use (tag '{}')", seen.header->tag));
    }
  }

  const KernelView& view_;
  Heads heads_;
  PoolForm form_;
  PoolLists lists_;
  std::unordered_map<std::uint64_t, Seen> seen_;
  std::int64_t shift_ = 0;
  std::size_t sized_ = 0, fitting_ = 0, fitting_lists_ = 0;
};

PoolLists missing(std::string why) {
  PoolLists lists;
  lists.missing = std::move(why);
  return lists;
}

std::optional<Heads> published_heads(const KernelView& view) {
  auto descriptor = view.kdbg.address(offsetof(formats::KdDebuggerData64, NonPagedPoolDescriptor));
  auto field = view.layout.field("_POOL_DESCRIPTOR", "ListHeads");
  if (!descriptor || !field || field->size == 0 || field->from == "inferred") return std::nullopt;
  return Heads{view.cut(*descriptor) + field->offset, field->size / (2u * view.pointer_size)};
}

} // namespace

PoolLists read_pool_lists(const KernelView& view, const KernelImage& image) {
  const std::vector<PoolForm> forms = pool_forms(view);
  if (forms.empty()) return missing("the pool of this system keeps no lists that are published");
  if (auto heads = published_heads(view)) {
    if (!view.pointer(heads->first)) return missing("the pool's descriptor is not in the dump");
    ListReader reader(view, *heads, forms.front());
    PoolLists lists = reader.read();
    if (!lists.complete) lists.missing = "not all lists of the pool were read to their end";
    return lists;
  }
  if (image.data.empty()) return missing("the kernel's data are not known");
  for (const Heads& heads : HeadFinder(view, image).find())
    for (PoolForm form : forms) {
      ListReader reader(view, heads, form);
      PoolLists lists = reader.read();
      if (!reader.proved()) continue;
      lists.proved_here = true;
      if (!lists.complete) lists.missing = "not all lists of the pool were read to their end";
      return lists;
    }
  return missing(
      "the pool's lists were not found: nothing names them, and no array in the kernel's "
      "data proves to be they");
}

} // namespace dumptriage::system
