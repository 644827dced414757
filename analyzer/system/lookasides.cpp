// Sources: wdm.h and winnt.h, public: GENERAL_LOOKASIDE, SLIST_HEADER.  That NT 4 had the same
// fields in the same order is inferred, so each list proves itself (is_list()).
//   32 bits                 Next, Depth, Sequence
//   x64 up to Windows 7     bit 0 of the second word tells: 16-byte form as below, or 8-byte form,
//                           Depth:16 Sequence:9 NextEntry:39, whose link counts units of 16 bytes
//                           inside the 8 TiB that the header lies in
//   64 bits                 Depth:16 Sequence:48, and NextEntry:60 in units of 16 bytes
#include "system/lookasides.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "system/few_notes.h"

namespace dumptriage::system {
namespace {

constexpr std::size_t kMostLists = 4096, kMostEntries = 50'000, kMostOfList = 20'000;
constexpr std::uint32_t kWindows8 = 9200;

struct Places {
  std::uint32_t type, tag, size, allocate, free, list_entry, bytes, alignment;
};
constexpr Places kNarrow = {0x1C, 0x20, 0x24, 0x28, 0x2C, 0x30, 0x38, 8};
constexpr Places kWide = {0x24, 0x28, 0x2C, 0x30, 0x38, 0x40, 0x50, 16};
const Places& places(const KernelView& view) { return view.pointer_size == 4 ? kNarrow : kWide; }

std::uint64_t pointer_in(ByteView bytes, std::uint32_t at, int size) {
  return size == 4 ? bytes.u32(at).value_or(0) : bytes.u64(at).value_or(0);
}

// The high bit of the last character marks protected pool.
std::optional<std::string> tag_in(ByteView bytes, std::uint32_t at) {
  std::string tag;
  for (std::uint32_t i = 0; i < 4; ++i) {
    std::uint8_t c = bytes.u8(at + i).value_or(0);
    if (i == 3) c &= 0x7F;
    if (c < 0x20 || c >= 0x7F) return std::nullopt;
    tag += static_cast<char>(c);
  }
  return tag;
}

class Finder {
public:
  Finder(const KernelView& view, const KernelImage& image) : view_(view), image_(image) {}

  Lookasides find() {
    const Places& p = places(view_);
    bool whole = for_each_piece(
        view_, image_, p.bytes, [&](std::uint64_t at, ByteView bytes, std::uint64_t own) {
          for (std::uint64_t i = 0; i < own && i + p.bytes <= bytes.size(); i += p.alignment)
            if (found_.size() < kMostLists && looks_like(bytes.clamp(i, p.bytes), true) &&
                !found_.contains(at + i) && is_linked_list(at + i))
              ring_of(at + i);
        });
    Lookasides all;
    all.complete = whole && rings_closed_ && found_.size() < kMostLists && !found_.empty();
    for (auto& [address, list] : found_) all.lists.push_back(std::move(list));
    return all;
  }

private:
  bool looks_like(ByteView bytes, bool in_kernel) const {
    const Places& p = places(view_);
    const int pointer = view_.pointer_size;
    constexpr std::uint32_t kMostSize = 0x10000, kMostType = 0x800;
    std::uint32_t size = bytes.u32(p.size).value_or(0);
    if (bytes.u32(p.type).value_or(kMostType) >= kMostType || size < 8 || size > kMostSize ||
        !tag_in(bytes, p.tag))
      return false;
    for (std::uint32_t at : {p.allocate, p.free}) {
      std::uint64_t function = pointer_in(bytes, at, pointer);
      if (in_kernel ? !image_.contains(function) : !view_.is_kernel_address(function)) return false;
    }
    if (pointer_in(bytes, p.allocate, pointer) == pointer_in(bytes, p.free, pointer)) return false;
    for (std::uint32_t at : {p.list_entry, p.list_entry + pointer}) {
      std::uint64_t link = pointer_in(bytes, at, pointer);
      if (link % pointer != 0 || !view_.is_kernel_address(link)) return false;
    }
    return true;
  }

  // Both neighbours point back, and it is not alone: a list is linked to its head at least.
  bool is_linked_list(std::uint64_t address) const {
    std::uint64_t entry = address + places(view_).list_entry;
    auto next = view_.pointer(entry), before = view_.pointer(entry + view_.pointer_size);
    return next && before && *next != entry && view_.pointer(*next + view_.pointer_size) == entry &&
           view_.pointer(*before) == entry;
  }

  // All lists that this one is linked to.  One link is the head, and no list.
  void ring_of(std::uint64_t first) {
    const Places& p = places(view_);
    add(first);
    std::size_t others = 0;
    bool closed = walk_list(view_, first + p.list_entry, kMostLists, "lookaside lists",
                            [&](std::uint64_t entry) {
                              std::uint64_t address = view_.cut(entry - p.list_entry);
                              others += !add(address);
                              return found_.size() < kMostLists;
                            });
    rings_closed_ &= closed && others <= 1;
  }

  bool add(std::uint64_t address) {
    const Places& p = places(view_);
    std::array<std::byte, kWide.bytes> buffer;
    auto part = std::span(buffer).first(p.bytes);
    if (address % p.alignment != 0 || !view_.memory.copy(address, part)) return false;
    ByteView bytes(part);
    if (!looks_like(bytes, false)) return false;
    auto [at, fresh] = found_.try_emplace(address);
    if (!fresh) return true;
    Lookaside& list = at->second;
    list.address = address;
    list.tag = *tag_in(bytes, p.tag);
    list.size = bytes.u32(p.size).value_or(0);
    walk(bytes, list);
    return true;
  }

  std::uint64_t first_of(ByteView bytes, Lookaside& list) const {
    std::uint64_t low = bytes.u64(0).value_or(0), high = bytes.u64(8).value_or(0);
    if (view_.pointer_size == 4) {
      list.depth = static_cast<std::uint32_t>(low >> 32 & 0xFFFF);
      return low & 0xFFFFFFFF;
    }
    list.depth = static_cast<std::uint32_t>(low & 0xFFFF);
    if (view_.layout.build() >= kWindows8 || (high & 1) != 0) return high & ~std::uint64_t{15};
    constexpr std::uint64_t kWindow = (std::uint64_t{1} << 43) - 1;
    std::uint64_t link = low >> 25 << 4;
    return link == 0 ? 0 : (list.address & ~kWindow) | link;
  }

  void walk(ByteView bytes, Lookaside& list) {
    std::unordered_set<std::uint64_t> seen;
    std::uint64_t before = 0, next = first_of(bytes, list);
    auto stop = [&](Lookaside::End why, std::uint64_t at) {
      list.end = why;
      list.at = at;
      list.link = next;
    };
    for (; next != 0; ++read_) {
      if (next % view_.pointer_size != 0 || !view_.is_kernel_address(next))
        return stop(Lookaside::End::bad_link, before);
      if (seen.contains(next)) return stop(Lookaside::End::cycle, next);
      if (read_ >= kMostEntries || list.entries.size() >= kMostOfList)
        return stop(Lookaside::End::budget, next);
      auto link = view_.pointer(next);
      if (!link) return stop(Lookaside::End::unreadable, next);
      seen.insert(next);
      list.entries.push_back(next);
      before = next;
      next = *link;
    }
  }

  const KernelView& view_;
  const KernelImage& image_;
  std::map<std::uint64_t, Lookaside> found_;
  std::size_t read_ = 0;
  bool rings_closed_ = true;
};

bool knows_lists(arch::Machine machine) {
  using arch::Machine;
  return machine == Machine::x86 || machine == Machine::alpha || machine == Machine::x64 ||
         machine == Machine::arm64;
}

} // namespace

Lookasides read_lookasides(const KernelView& view, const KernelImage& image) {
  if (!knows_lists(view.dump.machine) || image.data.empty()) return {};
  FewNotes few(view);
  return Finder(few.view, image).find();
}

} // namespace dumptriage::system
