#include "system/kernel_view.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"

namespace dumptriage::system {
namespace {

constexpr std::uint8_t kProcessObject = 3, kThreadObject = 6;
constexpr std::uint64_t kMostStack = 0x100000; // far more than any kernel stack

std::uint64_t number_in(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value |= static_cast<std::uint64_t>(std::to_integer<std::uint8_t>(bytes[i])) << (8 * i);
  return value;
}

std::optional<std::uint64_t> number_at(const memory::AddressSpace& memory, std::uint64_t address,
                                       std::size_t size) {
  std::array<std::byte, 8> bytes{};
  if (size == 0 || size > bytes.size() || !memory.copy(address, std::span(bytes).first(size)))
    return std::nullopt;
  return number_in(std::span(bytes).first(size));
}

} // namespace

KernelView::KernelView(const dump::Dump& dump_, const memory::AddressSpace& memory_,
                       dump::DebuggerData kdbg_, Layout layout_, Notes& notes_)
    : dump(dump_), memory(memory_), kdbg(std::move(kdbg_)), layout(std::move(layout_)),
      notes(notes_), pointer_size(arch::pointer_size_of(dump_.machine)) {}

std::optional<std::uint64_t> KernelView::pointer(std::uint64_t address) const {
  return number_at(memory, address, pointer_size);
}
std::optional<std::uint8_t> KernelView::u8(std::uint64_t address) const {
  return number_at(memory, address, 1);
}
std::optional<std::uint16_t> KernelView::u16(std::uint64_t address) const {
  return number_at(memory, address, 2);
}
std::optional<std::uint32_t> KernelView::u32(std::uint64_t address) const {
  return number_at(memory, address, 4);
}
std::optional<std::uint64_t> KernelView::u64(std::uint64_t address) const {
  return number_at(memory, address, 8);
}

std::optional<std::uint64_t> KernelView::value(std::uint64_t object, std::string_view structure,
                                               std::string_view field) const {
  auto found = layout.field(structure, field);
  if (!found) return std::nullopt;
  auto at = checked_add(object, found->offset);
  std::size_t size = found->size == 0 ? pointer_size : found->size;
  auto value = at ? number_at(memory, cut(*at), std::min<std::size_t>(size, 8)) : std::nullopt;
  if (!value || found->bits == 0) return value;
  std::uint64_t mask = found->bits >= 64 ? UINT64_MAX : (1ull << found->bits) - 1;
  return found->first_bit >= 64 ? 0 : *value >> found->first_bit & mask;
}

std::optional<std::uint64_t> KernelView::address_of(std::uint64_t object,
                                                    std::string_view structure,
                                                    std::string_view field) const {
  auto offset = layout.offset(structure, field);
  auto at = offset ? checked_add(object, *offset) : std::nullopt;
  return at ? std::optional(cut(*at)) : std::nullopt;
}

std::optional<std::string> KernelView::unicode_string(std::uint64_t address) const {
  constexpr std::size_t kMost = 512; // characters
  auto length = u16(address), maximum = u16(address + 2);
  auto buffer = pointer(address + pointer_size); // behind both lengths, aligned
  if (!length || !maximum || !buffer || *length % 2 != 0 || *length > *maximum) return std::nullopt;
  if (*length == 0) return std::string();
  if (*buffer == 0) return std::nullopt;
  std::vector<std::byte> text(std::min<std::size_t>(*length, 2 * kMost));
  std::size_t got = memory.read(*buffer, text).got;
  if (got < text.size()) return std::nullopt;
  return utf8_from_utf16(ByteView(text.data(), got), kMost);
}

bool KernelView::is_kernel_address(std::uint64_t address) const {
  constexpr std::uint64_t kKernel32 = 0x80000000, kEnd32 = 0x100000000;
  if (pointer_size == 4) return address >= kKernel32 && address < kEnd32;
  // Itanium's kernel lives in the upper regions, and what belongs to a session in region 1 (Windows
  // Internals); elsewhere it is the upper canonical half, which begins at bit 56 with five levels
  // of tables.
  if (dump.machine == arch::Machine::ia64) return address >> 61 >= 4 || address >> 61 == 1;
  return address >> 56 == 0xFF;
}

std::optional<std::uint8_t> KernelView::dispatcher_type(std::uint64_t object) const {
  auto type = u8(object);
  return type ? std::optional<std::uint8_t>(*type & 0x7F) : std::nullopt;
}

bool KernelView::has_published_layouts() const {
  using arch::Machine;
  return dump.machine == Machine::x86 || dump.machine == Machine::x64 ||
         dump.machine == Machine::arm64;
}

// StackLimit < KernelStack <= InitialStack <= StackBase, as far as the layout has them and the dump
// holds them.  A terminated thread may have lost its stack.
bool KernelView::is_thread(std::uint64_t object) const {
  if (!is_kernel_address(object) || object % pointer_size != 0 ||
      dispatcher_type(object) != kThreadObject)
    return false;
  constexpr std::uint64_t kTerminated = 4;
  if (value(object, "_KTHREAD", "State") == kTerminated) return true;
  auto limit = value(object, "_KTHREAD", "StackLimit");
  auto kernel = value(object, "_KTHREAD", "KernelStack");
  auto initial = value(object, "_KTHREAD", "InitialStack");
  auto base = value(object, "_KTHREAD", "StackBase");
  for (auto field : {limit, initial, base})
    if (field && !is_kernel_address(*field)) return false;
  auto ordered = [](std::optional<std::uint64_t> low, std::optional<std::uint64_t> high) {
    return !low || !high || *low <= *high;
  };
  if (limit && base && (*limit >= *base || *base - *limit > kMostStack)) return false;
  if (limit && kernel && *limit >= *kernel) return false;
  return ordered(kernel, initial) && ordered(kernel, base) && ordered(limit, initial) &&
         ordered(initial, base);
}

std::optional<std::string> KernelView::image_name(std::uint64_t process) const {
  auto field = layout.field("_EPROCESS", "ImageFileName");
  if (!field) return std::nullopt;
  // One byte of the sixteen went to another field with Windows 8.
  std::size_t length = field->size == 15 || field->size == 16 ? field->size : 15;
  std::array<char, 16> bytes{};
  if (!memory.copy(cut(process + field->offset),
                   std::as_writable_bytes(std::span(bytes).first(length))))
    return std::nullopt;
  std::string_view all(bytes.data(), length);
  std::string_view name = all.substr(0, all.find('\0'));
  bool printable =
      std::ranges::all_of(name, [](unsigned char c) { return c >= 0x20 && c != 0x7F; });
  bool padded = std::ranges::all_of(all.substr(name.size()), [](char c) { return c == '\0'; });
  if (name.empty() || !printable || !padded) return std::nullopt;
  return utf8_from_ansi(name);
}

bool KernelView::is_process(std::uint64_t object) const {
  if (!is_kernel_address(object) || object % pointer_size != 0 ||
      dispatcher_type(object) != kProcessObject)
    return false;
  return !layout.offset("_EPROCESS", "ImageFileName") || image_name(object).has_value();
}

KernelView view_of(const dump::Dump& dump, const Snapshot& snapshot, Notes& notes) {
  return KernelView(dump, *snapshot.memory, snapshot.basis->kdbg, snapshot.basis->layout, notes);
}

void detail::note_list_end(const KernelView& view, const char* name, ListEnd end,
                           std::uint64_t at) {
  struct Words {
    Code code;
    const char* text;
  };
  Words words = {Code::bad_value, ""};
  switch (end) {
  case ListEnd::unreadable: {
    std::array<std::byte, 8> link;
    auto outcome = view.memory.read(at, std::span(link).first(view.pointer_size));
    words = outcome.presence == memory::Presence::paged_out
                ? Words{Code::paged_out, "the next link was paged out"}
            : outcome.presence == memory::Presence::unmapped
                ? Words{Code::unmapped, "the next link leads to memory that has no translation"}
                : Words{Code::absent, "the next link is not captured in this dump"};
    break;
  }
  case ListEnd::cycle: words = {Code::bad_value, "the links run in a circle"}; break;
  case ListEnd::budget: words = {Code::limit, "it is longer than this program follows"}; break;
  case ListEnd::torn: words = {Code::mismatch, "a link's Blink does not point back"}; break;
  case ListEnd::head:
  case ListEnd::stopped: return;
  }
  add_note(view.notes, Severity::warning, words.code, fmt::format("{}: {}", name, words.text),
           Where::virtual_address(at));
}

ListEntries list_entries(const KernelView& view, std::uint64_t head, std::size_t budget,
                         const char* name) {
  ListEntries list;
  list.complete = walk_list(view, head, budget, name, [&](std::uint64_t entry) {
    list.entries.push_back(entry);
    return true;
  });
  if (list.complete) return list;
  std::unordered_set<std::uint64_t> seen(list.entries.begin(), list.entries.end());
  std::vector<std::uint64_t> behind;
  std::uint64_t after = head;
  while (seen.size() < budget) {
    auto before = view.pointer(after + view.pointer_size);
    if (!before || *before == head || !seen.insert(*before).second) break;
    if (view.pointer(*before) != after) break;
    behind.push_back(*before);
    after = *before;
  }
  list.entries.insert(list.entries.end(), behind.rbegin(), behind.rend());
  return list;
}

} // namespace dumptriage::system
