// IRP and IO_STACK_LOCATION are public structures (wdm.h), the same from XP SP2 to Windows 10 2004
// by Microsoft's PDBs, and from Server 2003 on x64; their order on NT 4 and 2000 is inferred, so
// that there the pointer to the current location must agree as well.
//
// The stack locations stand behind the IRP, number 1 first.  A request starts at the highest one,
// with CurrentLocation = StackCount + 1, and counts down; completion counts up again, and leaves
// StackCount + 2.
#include "system/irps.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "base/text.h"
#include "system/few_notes.h"
#include "system/kernel_view.h"
#include "system/snapshot.h"

namespace dumptriage::system {
namespace {

constexpr std::uint16_t kTypeIrp = 6;
constexpr std::uint16_t kTypeDevice = 3, kTypeDriver = 4;
constexpr std::uint32_t kMostLocations = 127; // StackCount is a signed character
constexpr std::uint32_t kXp = 2600;
constexpr std::size_t kMostLocationsOfAll = 20'000, kMostOfThread = 1'000;

struct Places {
  std::uint32_t irp_size, mdl, thread_list, status, pending, stack_count, current, cancel,
      cancel_routine, thread, current_pointer, file_object;
  std::uint32_t location_size, device, location_file, completion, context;
  std::uint32_t driver_object, driver_start, driver_name; // in DEVICE_OBJECT, DRIVER_OBJECT
};
constexpr Places kNarrow = {0x70, 4,    0x10, 0x18, 0x21, 0x22, 0x23, 0x24, 0x38, 0x50,
                            0x60, 0x64, 0x24, 0x14, 0x18, 0x1C, 0x20, 8,    0xC,  0x1C};
constexpr Places kWide = {0xD0, 8,    0x20, 0x30, 0x41, 0x42, 0x43, 0x44, 0x68, 0x98,
                          0xB8, 0xC0, 0x48, 0x28, 0x30, 0x38, 0x40, 8,    0x18, 0x38};
const Places& places(const KernelView& view) { return view.pointer_size == 4 ? kNarrow : kWide; }

std::uint64_t pointer_in(ByteView bytes, std::uint32_t at, int size) {
  return size == 4 ? bytes.u32(at).value_or(0) : bytes.u64(at).value_or(0);
}

bool points_to_current(const KernelView& view, std::uint64_t address, ByteView irp) {
  const Places& p = places(view);
  const std::uint64_t current = irp.u8(p.current).value_or(0);
  return pointer_in(irp, p.current_pointer, view.pointer_size) ==
         view.cut(address + p.irp_size + (current - 1) * p.location_size);
}

// Why the bytes are no IRP; empty when they are one.
std::string refuse(const KernelView& view, std::uint64_t address, ByteView irp) {
  const Places& p = places(view);
  std::uint16_t type = irp.u16(0).value_or(0), size = irp.u16(2).value_or(0);
  std::uint32_t count = irp.u8(p.stack_count).value_or(0);
  std::uint32_t current = irp.u8(p.current).value_or(0);
  if (type != kTypeIrp)
    return fmt::format("its type is {}, not 6{}", type, type == 0 ? ": freed" : "");
  if (count == 0 || count > kMostLocations) return fmt::format("it has {} stack locations", count);
  if (size < p.irp_size + count * p.location_size)
    return fmt::format("its size {} does not hold {} stack locations", hex(size), count);
  if (current > count + 2) return fmt::format("its current location is {} of {}", current, count);
  if (view.layout.build() < kXp && !points_to_current(view, address, irp))
    return "its current location and the pointer to it do not agree";
  return "";
}

// What makes the rest of an IRP one, when a link stands over its type and size.
bool is_freed_irp(const KernelView& view, std::uint64_t address, ByteView irp) {
  const Places& p = places(view);
  const int size = view.pointer_size;
  std::uint32_t count = irp.u8(p.stack_count).value_or(0);
  std::uint32_t current = irp.u8(p.current).value_or(0);
  if (count == 0 || count > kMostLocations || current == 0 || current > count + 2) return false;
  auto link = [&](std::uint32_t at) {
    std::uint64_t value = pointer_in(irp, at, size);
    return value == 0 || (view.is_kernel_address(value) && value % 4 == 0);
  };
  return points_to_current(view, address, irp) && link(0) && link(p.thread_list) &&
         link(p.thread_list + size) && link(p.thread);
}

std::string driver_name(const KernelView& view, std::uint64_t driver) {
  auto name = view.unicode_string(driver + places(view).driver_name);
  return name ? *name : "";
}

IrpLocation read_location(const KernelView& view, ByteView bytes, unsigned number) {
  const Places& p = places(view);
  const int size = view.pointer_size;
  IrpLocation location;
  location.number = number;
  location.major = bytes.u8(0).value_or(0);
  location.minor = bytes.u8(1).value_or(0);
  location.control = bytes.u8(3).value_or(0);
  location.device = pointer_in(bytes, p.device, size);
  location.file_object = pointer_in(bytes, p.location_file, size);
  location.completion_routine = pointer_in(bytes, p.completion, size);
  location.context = pointer_in(bytes, p.context, size);
  if (location.device == 0 || view.u16(location.device) != kTypeDevice) return location;
  auto driver = view.pointer(location.device + p.driver_object);
  if (!driver || view.u16(*driver) != kTypeDriver) return location;
  location.driver_object = *driver;
  location.driver = driver_name(view, *driver);
  location.driver_start = view.pointer(*driver + places(view).driver_start).value_or(0);
  return location;
}

void read_locations(const KernelView& view, Irp& irp) {
  const Places& p = places(view);
  std::vector<std::byte> bytes(static_cast<std::size_t>(irp.stack_count) * p.location_size);
  std::size_t got = view.memory.read(irp.address + p.irp_size, bytes).got;
  ByteView all(bytes.data(), got);
  for (unsigned number = irp.stack_count; number > 0; --number) {
    auto slot =
        all.slice(static_cast<std::uint64_t>(number - 1) * p.location_size, p.location_size);
    if (!slot) continue;
    IrpLocation location = read_location(view, *slot, number);
    location.current = number == irp.current_location;
    // Not yet reached by the request: nothing was put there.
    bool empty = location.major == 0 && location.device == 0 && location.completion_routine == 0;
    if (!empty || location.current) irp.locations.push_back(std::move(location));
  }
}

Irp fill_irp(const KernelView& view, std::uint64_t address, ByteView data, std::string from) {
  const Places& p = places(view);
  const int size = view.pointer_size;
  Irp irp;
  irp.address = address;
  irp.from = std::move(from);
  irp.trust = view.layout.build() < kXp ? "self_checked" : "read";
  irp.stack_count = data.u8(p.stack_count).value_or(0);
  irp.current_location = data.u8(p.current).value_or(0);
  irp.completed = irp.current_location > irp.stack_count + 1;
  irp.pending = data.u8(p.pending).value_or(0) != 0;
  irp.cancelled = data.u8(p.cancel).value_or(0) != 0;
  irp.status = data.u32(p.status).value_or(0);
  irp.mdl = pointer_in(data, p.mdl, size);
  irp.cancel_routine = pointer_in(data, p.cancel_routine, size);
  irp.thread = pointer_in(data, p.thread, size);
  irp.file_object = pointer_in(data, p.file_object, size);
  read_locations(view, irp);
  return irp;
}

// The fixed part of an IRP.
struct IrpBytes {
  std::array<std::byte, 0xD0> buffer{};
  ByteView data;
  bool captured = false;
  IrpBytes(const KernelView& view, std::uint64_t address) {
    auto bytes = std::span(buffer).first(places(view).irp_size);
    captured = view.memory.copy(address, bytes);
    data = ByteView(bytes);
  }
  IrpBytes(const IrpBytes&) = delete;
  IrpBytes& operator=(const IrpBytes&) = delete;
};

} // namespace

std::optional<Irp> read_irp(const KernelView& view, std::uint64_t address, std::string from,
                            bool note) {
  IrpBytes irp(view, address);
  std::string refused =
      irp.captured ? refuse(view, address, irp.data) : "its memory is not in the dump";
  if (refused.empty()) return fill_irp(view, address, irp.data, std::move(from));
  if (note)
    add_note(view.notes, Severity::warning, irp.captured ? Code::bad_value : Code::absent,
             fmt::format("IRP ({}): {}", from, refused), Where::virtual_address(address));
  return std::nullopt;
}

std::optional<Irp> read_freed_irp(const KernelView& view, std::uint64_t address, std::string from) {
  IrpBytes irp(view, address);
  if (!irp.captured || !is_freed_irp(view, address, irp.data)) return std::nullopt;
  Irp freed = fill_irp(view, address, irp.data, std::move(from));
  freed.overwritten = true;
  freed.trust = "self_checked";
  return freed;
}

std::optional<Irp> read_proved_irp(const KernelView& view, std::uint64_t address,
                                   std::string from) {
  IrpBytes irp(view, address);
  if (!irp.captured || !points_to_current(view, address, irp.data)) return std::nullopt;
  if (refuse(view, address, irp.data).empty())
    return fill_irp(view, address, irp.data, std::move(from));
  return read_freed_irp(view, address, std::move(from));
}

std::vector<Irp> irps_on_stack(const KernelView& view, std::uint64_t low, std::uint64_t high,
                               const std::string& from) {
  constexpr std::uint64_t kMostStack = 0x20000;
  constexpr std::size_t kMostIrps = 32;
  std::vector<Irp> irps;
  if (high <= low) return irps;
  std::vector<std::byte> bytes(std::min(high - low, kMostStack));
  ByteView stack(bytes.data(), view.memory.read(low, bytes).got);
  std::unordered_set<std::uint64_t> seen;
  for (std::uint64_t at = 0; at + view.pointer_size <= stack.size(); at += view.pointer_size) {
    std::uint64_t word = pointer_in(stack, static_cast<std::uint32_t>(at), view.pointer_size);
    // Pool blocks begin at multiples of 8; what lies on the stack itself is no packet.
    if (word % 8 != 0 || !view.is_kernel_address(word) || (word >= low && word < high) ||
        !seen.insert(word).second)
      continue;
    auto irp = read_proved_irp(view, word, from);
    if (irp) irps.push_back(std::move(*irp));
    if (irps.size() >= kMostIrps) break;
  }
  return irps;
}

std::vector<Irp> irps_of_threads(const KernelView& from, const std::vector<ThreadState>& threads) {
  std::vector<Irp> irps;
  auto list = from.layout.offset("_ETHREAD", "IrpList");
  if (!list) return irps;
  FewNotes few(from);
  const KernelView& view = few.view;
  std::unordered_set<std::uint64_t> seen;
  std::size_t locations = 0;
  for (const ThreadState& thread : threads) {
    std::uint64_t head = thread.object + *list;
    // Threads not captured have none, nor those whose list was never made.
    if (thread.object == 0 || view.pointer(head).value_or(0) == 0) continue;
    std::string name = fmt::format("IrpList of thread {}", thread.id);
    walk_list(view, head, kMostOfThread, name.c_str(), [&](std::uint64_t entry) {
      std::uint64_t address = entry - places(view).thread_list;
      if (!seen.insert(address).second) return true;
      auto irp = read_proved_irp(view, address, name); // one that was freed is still one
      if (!irp) irp = read_irp(view, address, name, true);
      if (!irp) return true;
      irp->thread_id = thread.id;
      if (irp->thread == 0) irp->thread = thread.object;
      locations += 1 + irp->locations.size();
      irps.push_back(std::move(*irp));
      return locations < kMostLocationsOfAll;
    });
    if (locations >= kMostLocationsOfAll) {
      add_note(view.notes, Severity::warning, Code::limit,
               fmt::format("IRPs of threads: only the first {} are read", irps.size()));
      break;
    }
  }
  return irps;
}

} // namespace dumptriage::system
