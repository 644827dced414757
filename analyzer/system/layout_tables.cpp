#include "system/layout_tables.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "formats/kdbg64.h"

namespace dumptriage::system::layouts {
namespace {

#include "system/layouts/arm64.inc"
#include "system/layouts/x64.inc"
#include "system/layouts/x86.inc"

using formats::KdDebuggerData64;
#define AT(name) offsetof(KdDebuggerData64, name)
constexpr KdbgField kKdbgFields[] = {
    {"_KTHREAD", "NextProcessor", AT(OffsetKThreadNextProcessor), 2, 0},
    {"_KTHREAD", "Teb", AT(OffsetKThreadTeb), 2, 0},
    {"_KTHREAD", "KernelStack", AT(OffsetKThreadKernelStack), 2, 0},
    {"_KTHREAD", "InitialStack", AT(OffsetKThreadInitialStack), 2, 0},
    {"_KTHREAD", "ApcState.Process", AT(OffsetKThreadApcProcess), 2, 0},
    {"_KTHREAD", "BStore", AT(OffsetKThreadBStore), 2, 0},
    {"_KTHREAD", "BStoreLimit", AT(OffsetKThreadBStoreLimit), 2, 0},
    {"_KTHREAD", "State", AT(OffsetKThreadState), 2, 1},
    {"_KTHREAD", "StackLimit", AT(OffsetKThreadStackLimit), 4, 0},
    {"_KTHREAD", "StackBase", AT(OffsetKThreadStackBase), 4, 0},
    {"_KTHREAD", "QueueListEntry", AT(OffsetKThreadQueueListEntry), 4, 0},
    {"_KTHREAD", "WaitReason", AT(OffsetKThreadWaitReason), 2, 1},
    {"_ETHREAD", "(sizeof)", AT(SizeEThread), 2, 0},
    {"_ETHREAD", "IrpList", AT(OffsetEThreadIrpList), 4, 0},
    {"_EPROCESS", "(sizeof)", AT(SizeEProcess), 2, 0},
    {"_EPROCESS", "Peb", AT(OffsetEprocessPeb), 2, 0},
    {"_EPROCESS", "InheritedFromUniqueProcessId", AT(OffsetEprocessParentCID), 2, 0},
    {"_KPROCESS", "DirectoryTableBase", AT(OffsetEprocessDirectoryTableBase), 2, 0},
    {"_KPRCB", "(sizeof)", AT(SizePrcb), 2, 0},
    {"_KPRCB", "CurrentThread", AT(OffsetPrcbCurrentThread), 2, 0},
    {"_KPRCB", "IdleThread", AT(OffsetPrcbIdleThread), 2, 0},
    {"_KPRCB", "Number", AT(OffsetPrcbNumber), 2, 0},
    {"_KPRCB", "Context", AT(OffsetPrcbContext), 2, 0},
    {"_KPRCB", "MHz", AT(OffsetPrcbMhz), 2, 4},
    {"_KPRCB", "CpuType", AT(OffsetPrcbCpuType), 2, 1},
    {"_KPRCB", "VendorString", AT(OffsetPrcbVendorString), 2, 13},
    {"_KPRCB", "DpcStack", AT(OffsetPrcbDpcStack), 2, 0},
    {"_KPRCB", "IsrStack", AT(OffsetPrcbIsrStack), 2, 0},
    {"_KPRCB", "ProcessorState.ContextFrame", AT(OffsetPrcbProcStateContext), 2, 0},
    {"_KPRCB", "ProcessorState.SpecialRegisters", AT(OffsetPrcbProcStateSpecialReg), 2, 0},
    {"_KPCR", "(sizeof)", AT(SizePcr), 2, 0},
    {"_KPCR", "SelfPcr", AT(OffsetPcrSelfPcr), 2, 0, KdbgField::x86},
    {"_KPCR", "Prcb", AT(OffsetPcrCurrentPrcb), 2, 0, KdbgField::x86},
    {"_KPCR", "PrcbData", AT(OffsetPcrContainedPrcb), 2, 0, KdbgField::x86},
    {"_KPCR", "Self", AT(OffsetPcrSelfPcr), 2, 0, KdbgField::not_x86},
    {"_KPCR", "CurrentPrcb", AT(OffsetPcrCurrentPrcb), 2, 0, KdbgField::not_x86},
    {"_KPCR", "Prcb", AT(OffsetPcrContainedPrcb), 2, 0, KdbgField::not_x86},
};
#undef AT

} // namespace

Table table_of(arch::Machine machine) {
  switch (machine) {
  case arch::Machine::x86: return {kVariantsX86, kRowsX86};
  case arch::Machine::x64: return {kVariantsX64, kRowsX64};
  case arch::Machine::arm64: return {kVariantsArm64, kRowsArm64};
  default: return {};
  }
}

const Row* find_row(const Table& table, std::string_view structure, std::string_view field,
                    std::uint32_t variants) {
  if (variants == 0) return nullptr;
  auto key = [](const Row& row) { return std::pair(row.structure, row.field); };
  auto rows = std::ranges::equal_range(table.rows, std::pair(structure, field), {}, key);
  for (const Row& row : rows)
    if ((row.variants & variants) == variants) return &row;
  return nullptr;
}

std::span<const KdbgField> kdbg_fields() { return kKdbgFields; }

} // namespace dumptriage::system::layouts
