#!/usr/bin/env python3
"""Writes analyzer/system/layouts/<cpu>.inc from tables of published structure layouts.

usage: tools/gen_layouts.py FOLDER [OUT]
FOLDER holds kernel_layouts.json: entries {arch, struct, field, offset, size, type, builds, source}
and `tested_builds`, the order of the builds, per CPU.  A bit field's type ends in ":first-last".
"""
import json
import re
import sys

OUT = "analyzer/system/layouts"

# Structures that readers of this program use.  None = every field; else the fields.
STRUCTURES = {
    "_CLIENT_ID": None, "_DEVICE_OBJECT": None, "_DRIVER_OBJECT": None, "_ERESOURCE": None,
    "_EX_PUSH_LOCK": None, "_FAST_MUTEX": None, "_FILE_OBJECT": None, "_HANDLE_TABLE": None,
    "_HANDLE_TABLE_ENTRY": None, "_IRP": None, "_KAPC_STATE": None, "_KEVENT": None,
    "_KEXCEPTION_FRAME": None, "_KGATE": None, "_KGUARDED_MUTEX": None,
    "_KLDR_DATA_TABLE_ENTRY": None, "_KMUTANT": None, "_KPCR": None, "_KPROCESSOR_STATE": None,
    "_KQUEUE": None, "_KSEMAPHORE": None, "_KSPECIAL_REGISTERS": None, "_KSTACK_CONTROL": None,
    "_KERNEL_STACK_CONTROL": None, "_KERNEL_STACK_SEGMENT": None, "_KTIMER": None,
    "_KTRAP_FRAME": None, "_KWAIT_BLOCK": None, "_KWAIT_STATUS_REGISTER": None, "_MDL": None,
    "_OBJECT_HEADER": None, "_OBJECT_TYPE": None, "_OWNER_ENTRY": None, "_POOL_HEADER": None,
    "_POOL_TRACKER_BIG_PAGES": None, "_POOL_TRACKER_TABLE": None, "_UNLOADED_DRIVERS": None,
    "_POOL_DESCRIPTOR": "(sizeof) PoolType PoolIndex ListHeads",
    "_DISPATCHER_HEADER": "(sizeof) Type Absolute Signalling Abandoned Size Inserted Hand Lock "
                          "SignalState WaitListHead",
    "_LDR_DATA_TABLE_ENTRY": "(sizeof) InLoadOrderLinks DllBase EntryPoint SizeOfImage FullDllName "
                             "BaseDllName Flags LoadCount SectionPointer CheckSum TimeDateStamp",
    "_IO_STACK_LOCATION": "(sizeof) MajorFunction MinorFunction Flags Control Parameters "
                          "DeviceObject FileObject CompletionRoutine Context "
                          "Parameters.Others.* Parameters.DeviceIoControl.* "
                          "Parameters.FileSystemControl.* Parameters.Read.* Parameters.Write.*",
    "_KPROCESS": "(sizeof) Header ProfileListHead DirectoryTableBase UserDirectoryTableBase "
                 "AddressPolicy ThreadListHead State StackCount BasePriority ProcessListEntry "
                 "KernelTime UserTime",
    "_EPROCESS": "(sizeof) Pcb UniqueProcessId ActiveProcessLinks InheritedFromUniqueProcessId "
                 "ImageFileName ThreadListHead Peb ObjectTable VadRoot CreateTime ExitTime "
                 "ExitStatus Session SessionId ActiveThreads Flags Flags2 ExitProcessCalled Token "
                 "DebugPort Wow64Process WoW64Process Job PriorityClass SectionBaseAddress "
                 "SessionProcessLinks RundownProtect ProcessLock",
    "_KPRCB": "(sizeof) CurrentThread NextThread IdleThread Number ProcessorState Context DpcStack "
              "IsrStack ExceptionStack DpcRoutineActive MHz VendorString CpuType MajorVersion "
              "MinorVersion RspBase KernelDirectoryTableBase InterruptCount LockQueue DpcData "
              "DpcListHead DpcQueueDepth DpcThreadActive WaitListHead ReadySummary "
              "DispatcherReadyListHead DeferredReadyListHead IpiFrozen NestingLevel BuildType "
              "Group GroupIndex ShadowFlags ProcessorState.SpecialRegisters "
              "ProcessorState.ContextFrame",
    "_KTHREAD": "(sizeof) Header MutantListHead InitialStack StackLimit StackBase KernelStack "
                "TrapFrame ApcState ApcState.Process State WaitReason WaitIrql WaitMode WaitNext "
                "WaitStatus WaitRegister WaitBlockList WaitBlock WaitBlockCount WaitListEntry "
                "WaitTime WaitPrcb Teb Priority BasePriority Process ThreadListEntry NextProcessor "
                "IdealProcessor Queue QueueListEntry Timer KernelStackResident ContextSwitches "
                "CallbackStack SavedApcState ApcStateIndex SuspendCount FreezeCount "
                "SuspendSemaphore SuspendEvent PreviousMode Alertable LargeStack Win32Thread "
                "KernelApcDisable SpecialApcDisable CombinedApcDisable KernelTime UserTime "
                "GateObject LockEntries AbWaitObject Running SwitchFrame StateSaveArea",
    "_ETHREAD": "(sizeof) Tcb CreateTime ExitTime ExitStatus Cid IrpList ThreadsProcess "
                "StartAddress Win32StartAddress ThreadListEntry CrossThreadFlags LpcReplyMessage "
                "LpcReplyMessageId LpcReplyChain LpcWaitingOnPort LpcReceivedMessageId "
                "LpcReplySemaphore AlpcMessage AlpcMessageId AlpcWaitSemaphore AlpcWaitListEntry "
                "KeyedWaitValue TopLevelIrp DeviceToVerify ActiveFaultCount TerminationPortList "
                "RundownProtect ThreadLock HasTerminated DeadThread ThreadName",
}

# What stands in the last column.
SOURCES = [
    ("volatility", "V", "volatility's *_vtypes.py, made from Microsoft's public PDBs"),
    ("ntdiff", "D", "ntdiff's headers, made from Microsoft's public PDBs"),
    ("geoffchappell", "C", "Geoff Chappell, Windows kernel studies"),
    ("forensikblog", "F", "A. Schuster, computer.forensikblog.de, 2006"),
    ("", "B", "bytes of a real dump (and its KDDEBUGGER_DATA64)"),
]


def wanted(struct, field):
    if struct not in STRUCTURES:
        return False
    fields = STRUCTURES[struct]
    if fields is None:
        return True
    for name in fields.split():
        if name == field or name.endswith(".*") and field.startswith(name[:-1]):
            return True
    return False


def source_mark(source):
    for word, mark, _ in SOURCES:
        if word in source:
            return mark


def variants_of(labels):
    """("7601.24000(7 SP1 KPTI era)", ...) -> (build, revision, name)"""
    variants = []
    for label in labels:
        name = label[:label.index("(")]
        build, _, revision = name.partition(".")
        variants.append((int(build), int(revision or 0), name))
    return variants


def rows_of(tables, cpu, variants):
    bit = {name: 1 << i for i, (_, _, name) in enumerate(variants)}
    bit.update({str(b): 1 << i for i, (b, r, _) in enumerate(variants) if r == 0})
    rows = {}
    for entry in tables["entries"]:
        if entry["arch"] != cpu or not wanted(entry["struct"], entry["field"]):
            continue
        bits = re.search(r":(\d+)-(\d+)$", entry["type"])
        first, last = (int(bits[1]), int(bits[2])) if bits else (0, -1)
        key = (entry["struct"], entry["field"], entry["offset"], entry["size"] or 0, first,
               last - first + 1, source_mark(entry["source"]))
        rows[key] = rows.get(key, 0) | sum(bit[b] for b in set(entry["builds"]))
    return sorted((key + (mask,) for key, mask in rows.items()),
                  key=lambda row: (row[0], row[1], row[7] & -row[7]))


def write(path, cpu, variants, rows):
    with open(path, "w") as out:
        out.write("// Made by tools/gen_layouts.py; do not edit.\n")
        out.write(f"// Layouts of {cpu} kernels: structure, field, offset, size, first bit, bits, "
                  "the builds (bit n = variant n), source.\n// Sources: ")
        used = {row[6] for row in rows}
        out.write("; ".join(f"{mark} {text}" for _, mark, text in SOURCES if mark in used) + ".\n")
        name = "kVariants" + cpu.capitalize()
        out.write(f"constexpr Variant {name}[] = {{\n")
        for build, revision, text in variants:
            out.write(f'    {{{build}, {revision}, "{text}"}},\n')
        out.write("};\n")
        out.write(f"constexpr Row kRows{cpu.capitalize()}[] = {{\n")
        for struct, field, offset, size, first, bits, mark, mask in rows:
            out.write(f'    {{"{struct}", "{field}", 0x{offset:X}, {size}, {first}, {bits}, '
                      f"0x{mask:X}, '{mark}'}},\n")
        out.write("};\n")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    with open(sys.argv[1] + "/kernel_layouts.json") as file:
        tables = json.load(file)
    for cpu, labels in tables["tested_builds"].items():
        variants = variants_of(labels)
        rows = rows_of(tables, cpu, variants)
        write(f"{sys.argv[2] if len(sys.argv) == 3 else OUT}/{cpu}.inc", cpu, variants, rows)


main()
