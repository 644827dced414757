// Where EPROCESS and ETHREAD keep what a report needs.
//
// The kernel's own debugger data give OffsetEprocessParentCID (2003 and later) and
// OffsetEThreadIrpList (Windows 8 and later); the fields below keep their distance from those over
// many builds, whereas absolute offsets move with every servicing update.  The distances were
// computed from the layouts in Microsoft's public symbols as published by volatility (x64
// 3790-19041) and ntdiff (26100); the last row also holds on bytes of an ARM64 22000 dump.  Older
// ETHREADs are told apart by SizeEThread.
#include <cstddef>

#include "formats/kdbg64.h"
#include "system/kernel_snapshot.h"

namespace dumptriage::system {
namespace {

using formats::KdDebuggerData64;

struct ProcessRow {
  std::uint32_t first, last;           // builds
  std::int32_t process_id, image_name; // from InheritedFromUniqueProcessId
};
constexpr ProcessRow kProcessRows[] = {
    {3790, 3790, -0x140, 0x50},   {6000, 6003, -0x110, 0x48},   {7600, 7601, -0x110, 0x50},
    {9200, 9600, -0xF0, 0x68},    {10240, 10240, -0xF8, 0x68},  {10586, 14393, -0xF8, 0x70},
    {15063, 17763, -0x100, 0x70}, {18362, 99999, -0x100, 0x68},
};
constexpr std::uint32_t kFirstArm64Build = 18362; // no layout of an earlier one is published

struct ThreadRow {                 // x64
  std::uint32_t first, last, size; // builds, SizeEThread
  std::uint32_t client_id, stack_base;
};
constexpr ThreadRow kThreadRows[] = {
    {3790, 3790, 0x428, 0x370, 0x258}, {3790, 3790, 0x410, 0x358, 0x240},
    {6000, 6003, 0x450, 0x380, 0x250}, {7600, 7601, 0x498, 0x3B0, 0x278},
    {7601, 7601, 0x4A8, 0x3B8, 0x278},
};
constexpr std::uint32_t kStackLimit = 0x30;
constexpr std::uint32_t kClientIdBelowIrpList = 0x38;

} // namespace

KernelOffsets kernel_offsets(std::uint32_t build, arch::Machine machine,
                             const dump::DebuggerData& kdbg) {
  KernelOffsets offsets;
  bool x64 = machine == arch::Machine::x64;
  bool arm64 = machine == arch::Machine::arm64 && build >= kFirstArm64Build;
  if (!x64 && !arm64) return offsets;

  if (auto parent = kdbg.offset16(offsetof(KdDebuggerData64, OffsetEprocessParentCID)))
    for (const ProcessRow& row : kProcessRows)
      if (build >= row.first && build <= row.last && *parent >= 0x140) {
        offsets.process_id = *parent + row.process_id;
        offsets.image_name = *parent + row.image_name;
      }
  offsets.stack_limit = kdbg.offset32(offsetof(KdDebuggerData64, OffsetKThreadStackLimit));
  offsets.stack_base = kdbg.offset32(offsetof(KdDebuggerData64, OffsetKThreadStackBase));
  auto irps = kdbg.offset32(offsetof(KdDebuggerData64, OffsetEThreadIrpList));
  if (irps && *irps > kClientIdBelowIrpList) offsets.client_id = *irps - kClientIdBelowIrpList;

  auto size = kdbg.offset16(offsetof(KdDebuggerData64, SizeEThread));
  for (const ThreadRow& row : kThreadRows)
    if (x64 && build >= row.first && build <= row.last && size == row.size) {
      offsets.client_id = row.client_id;
      offsets.stack_limit = kStackLimit;
      offsets.stack_base = row.stack_base;
    }
  return offsets;
}

} // namespace dumptriage::system
