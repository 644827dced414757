#!/usr/bin/env python3
"""gen_layout.py KERNEL_LAYOUTS.json OUTDIR - headers with the published field offsets of the builds that
our kernels imitate, so that one source serves them all: #define KTHREAD_InitialStack 0x28.

KERNEL_LAYOUTS.json is the table of PDB-derived offsets {arch, builds[], struct, field, offset, size}.
Only the fields the sources use are written; a structure that a build does not have in the table is
taken from the build named as its fallback (NT 4: dispatcher, IRP and pool as in XP, our assumption)."""
import json, os, sys

BUILDS = {  # name: (arch, build of the table, fallback build)
    'x64_7601': ('x64', '7601', None),
    'x64_19041': ('x64', '19041', None),
    'x86_3790': ('x86', '3790.3959', None),
    'x86_1381': ('x86', '1381', '2600.2180'),
}
# NT 4's CONTEXT ends before the extended registers, so its KPROCESSOR_STATE is shorter.
INSTEAD = {('x86_1381', 'KPROCESSOR_STATE'): {'(sizeof)': 0x120, 'ContextFrame': 0, 'SpecialRegisters': 0xCC},
           ('x86_1381', 'CONTEXT'): {'(sizeof)': 0xCC}}
WANTED = {
    'KPCR': 'Prcb PrcbData KdVersionBlock Irql Self SelfPcr CurrentPrcb HalReserved TssBase TSS GdtBase GDT IdtBase IDT Number '
            'MajorVersion MinorVersion SetMember NtTib',
    'KPRCB': 'MajorVersion MinorVersion CurrentThread NextThread IdleThread Number LegacyNumber ProcessorState Context ContextFlags DpcStack '
             'DpcRoutineActive DpcData DpcListHead MHz VendorString RspBase IpiFrozen DispatcherReadyListHead KeContextSwitches '
             'SetMember InterruptCount IsrStack BuildType KernelDirectoryTableBase',
    'KPROCESSOR_STATE': 'ContextFrame SpecialRegisters',
    'KSPECIAL_REGISTERS': 'Cr0 Cr2 Cr3 Cr4 Gdtr Idtr Tr Cr8 MsrGsBase',
    'KTHREAD': 'MutantListHead InitialStack StackLimit StackBase KernelStack ApcState SavedApcState State WaitReason WaitIrql WaitMode '
               'WaitBlockList WaitBlock WaitBlockCount WaitTime WaitStatus WaitListEntry Teb Priority BasePriority Process ThreadListEntry '
               'NextProcessor IdealProcessor Timer KernelStackResident LegoData KernelTime ContextSwitches GateObject Affinity '
               'Running TrapFrame Queue QueueListEntry UserAffinity',
    'ETHREAD': 'CreateTime Cid IrpList ThreadsProcess StartAddress Win32StartAddress ThreadListEntry CrossThreadFlags ExitStatus',
    'KPROCESS': 'DirectoryTableBase ThreadListHead BasePriority ActiveProcessors StackCount ProfileListHead ReadyListHead State Affinity',
    'EPROCESS': 'UniqueProcessId ActiveProcessLinks InheritedFromUniqueProcessId ImageFileName ThreadListHead Peb CreateTime ActiveThreads '
                'ObjectTable Token ExitStatus',
    'KAPC_STATE': 'ApcListHead Process',
    'KWAIT_BLOCK': 'WaitListEntry Thread Object NextWaitBlock WaitKey WaitType BlockState',
    'KMUTANT': 'MutantListEntry OwnerThread Abandoned ApcDisable',
    'KSEMAPHORE': 'Limit', 'KEVENT': 'Header',
    'KTIMER': 'DueTime TimerListEntry Dpc Period',
    'FAST_MUTEX': 'Count Owner Contention Event Gate OldIrql',
    'KGUARDED_MUTEX': 'Count Owner Contention Gate',
    'ERESOURCE': 'SystemResourcesList OwnerTable ActiveCount Flag SharedWaiters ExclusiveWaiters OwnerThreads OwnerEntry ActiveEntries '
                 'ContentionCount NumberOfSharedWaiters NumberOfExclusiveWaiters SpinLock',
    'OWNER_ENTRY': 'OwnerThread OwnerCount TableSize',
    'KDPC': 'Type Importance Number DpcListEntry DeferredRoutine DeferredContext SystemArgument1 SystemArgument2 DpcData',
    'KDPC_DATA': 'DpcListHead DpcLock DpcQueueDepth DpcCount',
    'IRP': 'Type Size MdlAddress Flags AssociatedIrp ThreadListEntry IoStatus RequestorMode PendingReturned StackCount CurrentLocation '
           'UserIosb UserEvent CancelRoutine UserBuffer Tail.Overlay.Thread Tail.Overlay.CurrentStackLocation '
           'Tail.Overlay.OriginalFileObject Tail.Overlay.ListEntry',
    'IO_STACK_LOCATION': 'MajorFunction MinorFunction Flags Control Parameters DeviceObject FileObject CompletionRoutine Context',
    'DEVICE_OBJECT': 'Type Size ReferenceCount DriverObject NextDevice AttachedDevice CurrentIrp Flags DeviceExtension DeviceType StackSize',
    'DRIVER_OBJECT': 'Type Size DeviceObject Flags DriverStart DriverSize DriverSection DriverName DriverInit DriverUnload MajorFunction',
    'FILE_OBJECT': 'Type Size DeviceObject FileName Event Lock Flags',
    'LDR_DATA_TABLE_ENTRY': 'InLoadOrderLinks DllBase EntryPoint SizeOfImage FullDllName BaseDllName Flags LoadCount CheckSum TimeDateStamp',
    'KLDR_DATA_TABLE_ENTRY': 'InLoadOrderLinks DllBase EntryPoint SizeOfImage FullDllName BaseDllName Flags LoadCount CheckSum TimeDateStamp',
    'OBJECT_HEADER': 'PointerCount HandleCount Type TypeIndex InfoMask Body',
    'KTRAP_FRAME': 'P1Home PreviousMode PreviousIrql Rax Rcx Rdx R8 R9 R10 R11 FaultAddress Rbp ErrorCode Rip SegCs EFlags Rsp SegSs Rbx Rdi Rsi '
                   'DbgEbp DbgEip DbgArgMark DbgArgPointer TempSegCs TempEsp SegGs SegEs SegDs Edx Ecx Eax PreviousPreviousMode '
                   'ExceptionList SegFs Edi Esi Ebx Ebp ErrCode Eip HardwareEsp HardwareSegSs',
    'CONTEXT': '', 'POOL_HEADER': '',
}


def main():
    entries = json.load(open(sys.argv[1]))['entries']
    for name, (arch, build, fallback) in BUILDS.items():
        lines = [f'/* {name}.h - made by gen_layout.py from public, PDB-derived offsets; do not edit. */', '#pragma once']
        for struct, fields in WANTED.items():
            rows = [dict(field=f, size=v, offset=v, type='') for f, v in INSTEAD.get((name, struct), {}).items()]
            used = build
            for b in (build, fallback):
                if not rows and b:
                    rows = [e for e in entries if e['arch'] == arch and b in e['builds'] and e['struct'] == '_' + struct]
                    used = b
            if not rows:
                continue
            by = {e['field']: e for e in rows}
            if used != build:
                lines.append(f'/* {struct}: as in {used} */')
            if '(sizeof)' in by:
                lines.append(f'#define {struct}_size {by["(sizeof)"]["size"]:#x}')
            for f in fields.split():
                if f in by and ':' not in (by[f]['type'] or ''):
                    lines.append(f'#define {struct}_{f.replace(".", "_")} {by[f]["offset"]:#x}')
        open(os.path.join(sys.argv[2], name + '.h'), 'w').write('\n'.join(lines) + '\n')


main()
