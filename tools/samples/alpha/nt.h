/* What the sample kernel and the sample drivers for Alpha share.  The names are published names of
 * the parts that matter; the code is ours and does only what the samples need.  Pointers are 64
 * bits wide here, as GCC for Alpha has them; the registers and saved registers that an unwinder
 * reads have that width on Windows too. */
#pragma once
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
#define NOINLINE __attribute__((noinline, noclone))
#define NORETURN __attribute__((noreturn))

enum { SCENARIO_SESSION_GONE = 1, SCENARIO_IRP_FREED_TWICE = 2 };
enum { IRQL_PASSIVE = 0, IRQL_DISPATCH = 2, IRQL_HIGH = 7 };

/* Made by record.py and handed to KiSystemStartup. */
typedef struct {
  u64 scenario;
  u64 pool, pool_size;
  u64 sfmsrv_entry, filter_entry; /* DriverEntry */
  u64 stop;                       /* set when the machine stands still: 1 */
} LOADER_BLOCK;

struct DEVICE_OBJECT;
typedef struct IRP {
  u32 type, status;
  u64 information;
  struct DEVICE_OBJECT* device;
  u32 (*completion)(struct DEVICE_OBJECT* device, struct IRP* irp, void* context);
  void* context;
} IRP;
typedef struct DRIVER_OBJECT {
  u32 (*dispatch)(struct DEVICE_OBJECT* device, IRP* irp);
  u32 (*fast_io_unlock_single)(u64 offset, u64 length, u32 key, struct DEVICE_OBJECT* device);
} DRIVER_OBJECT;
typedef struct DEVICE_OBJECT {
  DRIVER_OBJECT* driver;
} DEVICE_OBJECT;
typedef struct WORK_ITEM {
  struct WORK_ITEM* next;
  void (*routine)(void* context);
  void* context;
} WORK_ITEM;
#define STATUS_SUCCESS 0u
#define STATUS_MORE_PROCESSING_REQUIRED 0xC0000016u

/* ntoskrnl.exe */
void KeBugCheckEx(u32 code, u64 p1, u64 p2, u64 p3, u64 p4) NORETURN;
u32 KeRaiseIrql(u32 irql);
void KeLowerIrql(u32 irql);
void* ExAllocatePoolWithTag(u32 type, u64 size, u32 tag);
void ExFreePool(void* block);
void ExQueueWorkItem(WORK_ITEM* item);
IRP* IoAllocateIrp(void);
void IoFreeIrp(IRP* irp);
u32 IoCallDriver(DEVICE_OBJECT* device, IRP* irp);
void IoCompleteRequest(IRP* irp);
extern DEVICE_OBJECT* IoFilterDevice;
extern LOADER_BLOCK* KeLoaderBlock;
