/* io.c - driver and device objects, IRPs with stack locations, module list, unloaded drivers. */
#include "ke.h"

uptr PsLoadedModuleList[2];
/* Entries of the kernel's list have a type of their own in later symbols. */
#ifdef KLDR_DATA_TABLE_ENTRY_size
#define LDR(field) KLDR_DATA_TABLE_ENTRY_##field
#else
#define LDR(field) LDR_DATA_TABLE_ENTRY_##field
#endif
static u8* drivers[8];
static u32 driver_count;

static void unicode(u8* at, const char* text,
                    const char* more) { /* UNICODE_STRING with its buffer */
  u32 n = 0;
  u16* buffer = ExAllocatePoolWithTag(NonPagedPool, 128, TAG('I', 'o', 'N', 'm'));
  for (; text[n]; n++) buffer[n] = (u8)text[n];
  for (u32 i = 0; more[i]; i++) buffer[n++] = (u8)more[i];
  W16(at, 0) = (u16)(2 * n);
  W16(at, 2) = 128;
  PTR(at, POINTER) = (uptr)buffer;
}

static u8* load_entry(BOOT_MODULE* m) {
  u8* e = ExAllocatePoolWithTag(NonPagedPool, LDR(size) + 0xC0, TAG('M', 'm', 'L', 'd'));
  u16 *name = (u16*)(e + LDR(size)), *path = name + 32;
  u32 n = 0, p = 0;
  for (; m->name[n]; n++) name[n] = m->name[n];
  for (; m->path[p]; p++) path[p] = m->path[p];
  PTR(e, LDR(DllBase)) = (uptr)m->base;
  PTR(e, LDR(EntryPoint)) = (uptr)m->entry;
  D32(e, LDR(SizeOfImage)) = (u32)m->size;
  W16(e, LDR(FullDllName)) = (u16)(2 * p);
  W16(e, LDR(FullDllName) + 2) = (u16)(2 * p + 2);
  PTR(e, LDR(FullDllName) + POINTER) = (uptr)path;
  W16(e, LDR(BaseDllName)) = (u16)(2 * n);
  W16(e, LDR(BaseDllName) + 2) = (u16)(2 * n + 2);
  PTR(e, LDR(BaseDllName) + POINTER) = (uptr)name;
  D32(e, LDR(Flags)) = 0x4000;
  W16(e, LDR(LoadCount)) = 1;
  D32(e, LDR(CheckSum)) = (u32)m->checksum;
#if NT_BUILD < 2600 || WIN10 /* in between the slot holds something else */
  D32(e, LDR(TimeDateStamp)) = (u32)m->stamp;
#endif
  list_add(PsLoadedModuleList, e);
  return e;
}

static void load_driver(BOOT_MODULE* m, u8* section) {
  u8* d = ObCreate(DRIVER_OBJECT_size, TAG('D', 'r', 'i', 'v'), 26);
  char name[16];
  u32 n = 0;
  for (; m->name[n] && m->name[n] != '.'; n++) name[n] = (char)m->name[n];
  name[n] = 0;
  W16(d, DRIVER_OBJECT_Type) = 4;
  W16(d, DRIVER_OBJECT_Size) = DRIVER_OBJECT_size;
  D32(d, DRIVER_OBJECT_Flags) = 0x12;
  PTR(d, DRIVER_OBJECT_DriverStart) = (uptr)m->base;
  D32(d, DRIVER_OBJECT_DriverSize) = (u32)m->size;
  PTR(d, DRIVER_OBJECT_DriverSection) = (uptr)section;
  unicode(AT(d, DRIVER_OBJECT_DriverName), "\\Driver\\", name);
  PTR(d, DRIVER_OBJECT_DriverInit) = (uptr)m->entry;
  drivers[driver_count++] = d;
  ((DRIVER_INIT)(uptr)m->entry)(d, 0);
}
/* The boot order: kernel and HAL, then each driver's entry point. */
NOINLINE void IoInitialize(void) {
  ENTER();
  u8* entries[8];
  list_init(PsLoadedModuleList);
  for (u32 i = 0; i < KeLoaderBlock->module_count; i++)
    entries[i] = load_entry(&KeLoaderBlock->modules[i]);
  for (u32 i = 2; i < KeLoaderBlock->module_count; i++)
    load_driver(&KeLoaderBlock->modules[i], entries[i]);
  LEAVE();
}

/* ---- devices ---- */
u8* NTAPI IoCreateDevice(u8* driver, uptr extension, u32 type) {
  u8* d = ObCreate(DEVICE_OBJECT_size + extension, TAG('D', 'e', 'v', 'i'), 25);
  W16(d, DEVICE_OBJECT_Type) = 3;
  W16(d, DEVICE_OBJECT_Size) = (u16)(DEVICE_OBJECT_size + extension);
  D32(d, DEVICE_OBJECT_ReferenceCount) = 1;
  PTR(d, DEVICE_OBJECT_DriverObject) = (uptr)driver;
  PTR(d, DEVICE_OBJECT_NextDevice) = PTR(driver, DRIVER_OBJECT_DeviceObject);
  PTR(d, DEVICE_OBJECT_DeviceExtension) = (uptr)AT(d, DEVICE_OBJECT_size);
  D32(d, DEVICE_OBJECT_DeviceType) = type;
  B8(d, DEVICE_OBJECT_StackSize) = 1;
  PTR(driver, DRIVER_OBJECT_DeviceObject) = (uptr)d;
  return d;
}
void NTAPI IoAttachDeviceToDeviceStack(u8* source, u8* target) {
  PTR(target, DEVICE_OBJECT_AttachedDevice) = (uptr)source;
  B8(source, DEVICE_OBJECT_StackSize) = (u8)(B8(target, DEVICE_OBJECT_StackSize) + 1);
  PTR(PTR(source, DEVICE_OBJECT_DeviceExtension), 0) = (uptr)target;
}
u8* NTAPI IoGetDeviceByDriver(const char* driver_name) {
  for (u32 i = 0; i < driver_count; i++) {
    u16* name = (u16*)PTR(drivers[i], DRIVER_OBJECT_DriverName + POINTER) + 8;
    u32 n = 0;
    while (driver_name[n] && name[n] == (u8)driver_name[n]) n++;
    if (!driver_name[n] && !name[n]) return (u8*)PTR(drivers[i], DRIVER_OBJECT_DeviceObject);
  }
  return 0;
}

/* ---- IRPs ---- */
NOINLINE u32 NTAPI IoCallDriver(u8* device, u8* irp) {
  ENTER();
  B8(irp, IRP_CurrentLocation)--;
  u8* here = irp_next(irp);
  PTR(irp, IRP_Tail_Overlay_CurrentStackLocation) = (uptr)here;
  PTR(here, IO_STACK_LOCATION_DeviceObject) = (uptr)device;
  note_irp_location(irp, device, PTR(here, IO_STACK_LOCATION_CompletionRoutine));
  u8* driver = (u8*)PTR(device, DEVICE_OBJECT_DriverObject);
  DISPATCH routine = (DISPATCH)PTR(driver, DRIVER_OBJECT_MajorFunction +
                                               B8(here, IO_STACK_LOCATION_MajorFunction) * POINTER);
  u32 status = routine(device, irp);
  LEAVE();
  return status;
}
void NTAPI IoCompleteRequest(u8* irp, u32 boost) {
  (void)boost;
  list_remove(AT(irp, IRP_ThreadListEntry));
  KeSetEvent((void*)PTR(irp, IRP_UserEvent), 0, 0);
}
static u8* allocate_irp(u8 stack_count, u8* thread) {
  u16 size = (u16)(IRP_size + stack_count * IO_STACK_LOCATION_size);
  u8* irp = ExAllocatePoolWithTag(NonPagedPool, size, TAG('I', 'r', 'p', ' '));
  W16(irp, IRP_Type) = 6;
  W16(irp, IRP_Size) = size;
  B8(irp, IRP_StackCount) = stack_count;
  B8(irp, IRP_CurrentLocation) = (u8)(stack_count + 1);
  PTR(irp, IRP_Tail_Overlay_CurrentStackLocation) = (uptr)irp + size;
  PTR(irp, IRP_Tail_Overlay_Thread) = (uptr)thread;
  return irp;
}
static NOINLINE u32 IopSynchronousServiceTail(u8* device, u8* irp, u8* file) {
  ENTER();
  list_add(AT(current_thread(), ETHREAD_IrpList), AT(irp, IRP_ThreadListEntry));
  note_irp(irp, current_thread());
  u32 status = IoCallDriver(device, irp);
  if (status == STATUS_PENDING)
    KeWaitForSingleObject(AT(file, FILE_OBJECT_Event), Executive, 0, 0, 0);
  LEAVE();
  return status;
}
u32 NTAPI NtFsControlFile(u8* device, const char* file_name, u32 code) {
  ENTER();
  u8 *file = ObCreate(FILE_OBJECT_size, TAG('F', 'i', 'l', 'e'), 28), *irp;
  W16(file, FILE_OBJECT_Type) = 5;
  W16(file, FILE_OBJECT_Size) = FILE_OBJECT_size;
  PTR(file, FILE_OBJECT_DeviceObject) = (uptr)device;
  unicode(AT(file, FILE_OBJECT_FileName), file_name, "");
  KeInitializeEvent(AT(file, FILE_OBJECT_Event), NotificationEvent, 0);
  irp = allocate_irp(B8(device, DEVICE_OBJECT_StackSize), current_thread());
  PTR(irp, IRP_UserEvent) = (uptr)AT(file, FILE_OBJECT_Event);
  PTR(irp, IRP_Tail_Overlay_OriginalFileObject) = (uptr)file;
  u8* next = irp_next(irp);
  B8(next, IO_STACK_LOCATION_MajorFunction) = 0x0D; /* IRP_MJ_FILE_SYSTEM_CONTROL */
  D32(next, IO_STACK_LOCATION_Parameters + 2 * POINTER) = code;
  PTR(next, IO_STACK_LOCATION_FileObject) = (uptr)file;
  u32 status = IopSynchronousServiceTail(device, irp, file);
  LEAVE();
  return status;
}

/* ---- unloaded drivers: Name, StartAddress, EndAddress, CurrentTime; 50 entries, a ring ---- */
u8* MmUnloadedDrivers;
u32 MmLastUnloadedDriver;
void MiRememberUnloadedDriver(const char* name, uptr start, uptr end) {
  enum { ENTRY = POINTER == 8 ? 0x28 : 0x18 };
  if (!MmUnloadedDrivers)
    MmUnloadedDrivers = ExAllocatePoolWithTag(NonPagedPool, 50 * ENTRY, TAG('T', 'e', 'm', 'p'));
  u8* e = AT(MmUnloadedDrivers, MmLastUnloadedDriver++ * ENTRY);
  unicode(e, name, "");
  PTR(e, 2 * POINTER) = start;
  PTR(e, 3 * POINTER) = end;
  Q64(e, 4 * POINTER) = 0x01D0000000000000ull;
  note_unloaded(name, start, end);
}
