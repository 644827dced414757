// The three objects that a triage dump copies raw: KPRCB, EPROCESS and ETHREAD of the CPU that
// stopped, and where they lay.
#include <algorithm>
#include <cstddef>
#include <initializer_list>

#include "dump/kernel_reading.h"
#include "formats/kdbg64.h"

namespace dumptriage::dump {
namespace {

using formats::KdDebuggerData64;

// DISPATCHER_HEADER.WaitListHead, the first list of every dispatcher object of both widths.
constexpr std::uint64_t kWaitListHead = 8;
constexpr std::uint64_t kNoList = UINT64_MAX / 2; // beyond any object

// Where an object lay.  A list head that is empty points at itself and so tells it; but a list of
// one entry looks the same, so two lists must agree, or one with what another structure says.
std::uint64_t address_by_lists(const TriageReading& reading, ByteView object, std::uint8_t type,
                               std::initializer_list<std::uint64_t> list_heads,
                               std::uint64_t expected) {
  // Bit 7 of the dispatcher header's Type is a lock bit on newer kernels.
  auto first = object.u8(0);
  if (!first || (*first & 0x7F) != type) return 0;
  std::vector<std::uint64_t> seen;
  for (std::uint64_t head : list_heads) {
    auto flink = reading.pointer(object, head);
    auto blink = reading.pointer(object, head + reading.pointer_size());
    if (!flink || !blink || *flink != *blink || *flink < head) continue;
    std::uint64_t address = *flink - head;
    if (address == 0 || address % 8 != 0) continue;
    if (address == expected || std::ranges::find(seen, address) != seen.end()) return address;
    seen.push_back(address);
  }
  return 0;
}

// KPRCB.CurrentThread never moved on x86 (public symbols of NT 4 to Windows 10), where the debugger
// data before Server 2003 do not tell it.
std::uint64_t current_thread_of(const TriageReading& reading, const DebuggerData& kdbg,
                                ByteView prcb) {
  constexpr std::uint32_t kX86 = 0x14C, kX86CurrentThread = 4;
  auto at = kdbg.offset16(offsetof(KdDebuggerData64, OffsetPrcbCurrentThread));
  if (!at && reading.header.machine_image_type == kX86) at = kX86CurrentThread;
  return at ? reading.pointer(prcb, *at).value_or(0) : 0;
}

void find_addresses(const TriageReading& reading, const DebuggerData& kdbg, Triage& triage) {
  constexpr std::uint8_t kProcessObject = 3, kThreadObject = 6;
  // KPROCESS.ProfileListHead; before Vista KTHREAD.MutantListHead stands at the same place.
  const std::uint64_t second = reading.header.is64 ? 0x18 : 0x10;
  auto apc_process = kdbg.offset16(offsetof(KdDebuggerData64, OffsetKThreadApcProcess));
  std::uint64_t process =
      apc_process ? reading.pointer(triage.thread, *apc_process).value_or(0) : 0;
  triage.process_address =
      address_by_lists(reading, triage.process, kProcessObject, {kWaitListHead, second}, process);
  // KTHREAD.ApcState begins with the two APC lists, and its Process follows them.
  const std::uint64_t lists_size = 4 * reading.pointer_size();
  std::uint64_t lists = apc_process.value_or(0) >= lists_size ? *apc_process - lists_size : kNoList;
  triage.thread_address = address_by_lists(reading, triage.thread, kThreadObject,
                                           {kWaitListHead, second, lists, lists + lists_size / 2},
                                           current_thread_of(reading, kdbg, triage.prcb));
}

// On real dumps the slice ends at KTHREAD.StackBase; old ones hold 16 KB at most, and a stack that
// is not the thread's (of a DPC, of a double fault) ends elsewhere.
void compare_stack(const TriageReading& reading, const DebuggerData& kdbg, Triage& triage) {
  auto at = kdbg.offset32(offsetof(KdDebuggerData64, OffsetKThreadStackBase));
  if (!at || triage.stack.empty()) return;
  auto base = reading.pointer(triage.thread, *at);
  if (base && *base != 0)
    triage.stack_reaches_base = triage.stack_start + triage.stack.size() == *base;
}

} // namespace

// Their sizes stand in the debugger data, and without those a copy ends at the next part.
void read_triage_objects(const TriageReading& reading, Triage& triage) {
  const TriageBody& body = reading.body;
  DebuggerData kdbg(triage.debugger_data);
  auto object = [&](const char* name, std::uint64_t offset, std::size_t size_field) -> ByteView {
    if (offset == 0) return {};
    auto size = kdbg.offset16(size_field);
    return reading.part(name, offset, size ? *size : reading.room_behind(offset));
  };
  triage.prcb = object("KPRCB", body.prcb, offsetof(KdDebuggerData64, SizePrcb));
  triage.process = object("EPROCESS", body.process, offsetof(KdDebuggerData64, SizeEProcess));
  triage.thread = object("ETHREAD", body.thread, offsetof(KdDebuggerData64, SizeEThread));
  find_addresses(reading, kdbg, triage);
  compare_stack(reading, kdbg, triage);
}

} // namespace dumptriage::dump
