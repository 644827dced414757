// KDDEBUGGER_DATA64, the fields that are read here.  A field exists when it lies inside Size, and
// an Offset... or Size... field says "not applicable" by 0 or 0xFFFF. Sources: wdbgexts.h of the
// public debugger SDK; checked on bytes of real dumps (Size 0x380). Sizes: 0x208 Windows 2000,
// 0x290 XP, 0x318 Server 2003, 0x330 Vista SP1, 0x340 7, 0x360 8, 0x380 10.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

inline constexpr std::uint32_t kKdbgTag = 0x4742444B; // "KDBG"

struct KdDebuggerData64 {
  /* 000 */ le64 ListFlink, ListBlink;
  /* 010 */ le32 OwnerTag, Size;
  /* 018 */ le64 KernBase;
  /* 020 */ le64 BreakpointWithStatus, SavedContext;
  /* 030 */ le16 ThCallbackStack, NextCallback, FramePointer, PaeEnabled; // bit 0
  /* 038 */ le64 KiCallUserMode, KeUserCallbackDispatcher;
  /* 048 */ le64 PsLoadedModuleList, PsActiveProcessHead, PspCidTable, ExpSystemResourcesList;
  /* 068 */ le64 ExpPagedPoolDescriptor, ExpNumberOfPagedPools, KeTimeIncrement;
  /* 080 */ le64 KeBugCheckCallbackListHead, KiBugcheckData;
  /* 090 */ std::uint8_t Unread090[0x128];
  /* 1B8 */ le64 PoolTrackTable, NonPagedPoolDescriptor;
  /* 1C8 */ std::uint8_t Unread1C8[0x40];
  /* 208 */ le64 NtBuildLab;
  /* 210 */ le64 KiNormalSystemCall, KiProcessorBlock;
  /* 220 */ le64 MmUnloadedDrivers, MmLastUnloadedDriver;
  /* 230 */ std::uint8_t Unread230[0x38];
  /* 268 */ le64 CmNtCSDVersion;
  /* 270 */ std::uint8_t Unread270[0x28];
  /* 298 */ le16 OffsetKThreadNextProcessor, OffsetKThreadTeb;
  /* 29C */ le16 OffsetKThreadKernelStack, OffsetKThreadInitialStack, OffsetKThreadApcProcess;
  /* 2A2 */ le16 OffsetKThreadState, OffsetKThreadBStore, OffsetKThreadBStoreLimit;
  /* 2A8 */ le16 SizeEProcess, OffsetEprocessPeb, OffsetEprocessParentCID;
  /* 2AE */ le16 OffsetEprocessDirectoryTableBase;
  /* 2B0 */ le16 SizePrcb, OffsetPrcbDpcRoutine, OffsetPrcbCurrentThread, OffsetPrcbMhz;
  /* 2B8 */ le16 OffsetPrcbCpuType, OffsetPrcbVendorString, OffsetPrcbProcStateContext;
  /* 2BE */ le16 OffsetPrcbNumber, SizeEThread;
  /* 2C2 */ std::uint8_t Unread2C2[0x1E];
  /* 2E0 */ le16 SizePcr, OffsetPcrSelfPcr, OffsetPcrCurrentPrcb, OffsetPcrContainedPrcb;
  /* 2E8 */ le16 OffsetPcrInitialBStore, OffsetPcrBStoreLimit, OffsetPcrInitialStack;
  /* 2EE */ le16 OffsetPcrStackLimit, OffsetPrcbPcrPage, OffsetPrcbProcStateSpecialReg;
  /* 2F4 */ std::uint8_t Unread2F4[0x44];
  /* 338 */ le16 OffsetPrcbContext, OffsetPrcbMaxBreakpoints, OffsetPrcbMaxWatchpoints, Pad33E;
  /* 340 */ le32 OffsetKThreadStackLimit, OffsetKThreadStackBase;
  /* 348 */ le32 OffsetKThreadQueueListEntry, OffsetEThreadIrpList;
  /* 350 */ le16 OffsetPrcbIdleThread, OffsetPrcbNormalDpcState, OffsetPrcbDpcStack;
  /* 356 */ le16 OffsetPrcbIsrStack, SizeKdpcStackFrame, OffsetKPriQueueThreadListHead;
  /* 35C */ le16 OffsetKThreadWaitReason, Pad35E;
  /* 360 */ le64 PteBase; // since 14393
};
static_assert(offsetof(KdDebuggerData64, KeTimeIncrement) == 0x78);
static_assert(offsetof(KdDebuggerData64, KiBugcheckData) == 0x88);
static_assert(offsetof(KdDebuggerData64, ExpSystemResourcesList) == 0x60);
static_assert(offsetof(KdDebuggerData64, MmUnloadedDrivers) == 0x220);
static_assert(offsetof(KdDebuggerData64, SizePcr) == 0x2E0);
static_assert(offsetof(KdDebuggerData64, OffsetPrcbProcStateSpecialReg) == 0x2F2);
static_assert(offsetof(KdDebuggerData64, OffsetKThreadWaitReason) == 0x35C);
static_assert(offsetof(KdDebuggerData64, PteBase) == 0x360);
static_assert(offsetof(KdDebuggerData64, PsLoadedModuleList) == 0x48);
static_assert(offsetof(KdDebuggerData64, PoolTrackTable) == 0x1B8);
static_assert(offsetof(KdDebuggerData64, NtBuildLab) == 0x208);
static_assert(offsetof(KdDebuggerData64, KiProcessorBlock) == 0x218);
static_assert(offsetof(KdDebuggerData64, CmNtCSDVersion) == 0x268);
static_assert(offsetof(KdDebuggerData64, OffsetKThreadApcProcess) == 0x2A0);
static_assert(offsetof(KdDebuggerData64, SizeEProcess) == 0x2A8);
static_assert(offsetof(KdDebuggerData64, OffsetEprocessParentCID) == 0x2AC);
static_assert(offsetof(KdDebuggerData64, SizePrcb) == 0x2B0);
static_assert(offsetof(KdDebuggerData64, OffsetPrcbProcStateContext) == 0x2BC);
static_assert(offsetof(KdDebuggerData64, SizeEThread) == 0x2C0);
static_assert(offsetof(KdDebuggerData64, OffsetPrcbContext) == 0x338);
static_assert(offsetof(KdDebuggerData64, OffsetKThreadStackLimit) == 0x340);
static_assert(offsetof(KdDebuggerData64, OffsetEThreadIrpList) == 0x34C);
static_assert(offsetof(KdDebuggerData64, OffsetPrcbIdleThread) == 0x350);

} // namespace dumptriage::formats
