/* nt.h - what the kernel of ours and its drivers share: types, fields by published offset (the
 * layout header comes with -include), the exported functions.  Names are the published names; code
 * is ours. */
#pragma once
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
#ifdef _WIN64
typedef u64 uptr;
#define NTAPI
#define POINTER 8
#else
typedef u32 uptr;
#define NTAPI __stdcall
#define POINTER 4
#endif

#define NOINLINE __attribute__((noinline))
#define NORETURN __attribute__((noreturn))
#define AT(p, off) ((u8*)(p) + (off))
#define PTR(p, off) (*(volatile uptr*)AT(p, off))
#define B8(p, off) (*(volatile u8*)AT(p, off))
#define W16(p, off) (*(volatile u16*)AT(p, off))
#define D32(p, off) (*(volatile u32*)AT(p, off))
#define Q64(p, off) (*(volatile u64*)AT(p, off))
#define TAG(a, b, c, d) ((u32)(a) | (u32)(b) << 8 | (u32)(c) << 16 | (u32)(d) << 24)

#define VISTA (NT_BUILD >= 6000)
#define WIN8 (NT_BUILD >= 9200)
#define WIN10 (NT_BUILD >= 10240)

#if WIN8 && !defined KTHREAD_WaitBlockCount
#define KTHREAD_WaitBlockCount 0x24B /* behind ApcStateIndex, as in the table of build 26100 */
#endif

/* Status codes. */
#define STATUS_SUCCESS 0u
#define STATUS_TIMEOUT 0x102u
#define STATUS_PENDING 0x103u
#define STATUS_MORE_PROCESSING_REQUIRED 0xC0000016u

enum {
  PASSIVE_LEVEL = 0,
  APC_LEVEL = 1,
  DISPATCH_LEVEL = 2,
  HIGH_LEVEL = sizeof(uptr) == 8 ? 15 : 31
};
enum {
  NotificationEvent = 0,
  SynchronizationEvent = 1,
  MutantObject = 2,
  ProcessObject = 3,
  QueueObject = 4,
  SemaphoreObject = 5,
  ThreadObject = 6,
  TimerObject = 8
};
enum { StateReady = 1, StateRunning = 2, StateTerminated = 4, StateWaiting = 5 };
enum {
  Executive = 0,
  DelayExecution = 4,
  UserRequest = 6,
  WrQueue = 15,
  WrResource = VISTA ? 27 : 0,
  WrFastMutex = VISTA ? 34 : 0
};
enum { NonPagedPool = 0, PagedPool = 1 };

/* DISPATCHER_HEADER: the same places in every version. */
#define HEADER_Type 0
#define HEADER_Size 2
#define HEADER_SignalState 4
#define HEADER_WaitListHead 8
#define HEADER_size (8 + 2 * POINTER)

typedef struct LIST {
  struct LIST *flink, *blink;
} LIST;
static inline void list_init(volatile void* head) {
  ((LIST*)head)->flink = ((LIST*)head)->blink = (LIST*)head;
}
static inline void list_add(volatile void* head, volatile void* entry) {
  LIST *h = (LIST*)head, *e = (LIST*)entry;
  e->flink = h;
  e->blink = h->blink;
  h->blink->flink = e;
  h->blink = e;
}
static inline void list_remove(volatile void* entry) {
  LIST* e = (LIST*)entry;
  e->flink->blink = e->blink;
  e->blink->flink = e->flink;
}

typedef void(NTAPI* THREAD_START)(void* context);
typedef void(NTAPI* DPC_ROUTINE)(void* dpc, void* context, void* a1, void* a2);
typedef u32(NTAPI* DISPATCH)(u8* device, u8* irp);
typedef u32(NTAPI* COMPLETION)(u8* device, u8* irp, void* context);
typedef u32(NTAPI* DRIVER_INIT)(u8* driver, void* registry_path);

#include "notes.h"

/* What a driver may do in this boot; the host chose it. */
typedef struct {
  u32 stop;      /* STOP_... */
  u32 deadlocks; /* 1: the locks of the test threads form cycles */
  u32 damage;    /* 1: a pool header is overwritten */
  u32 idle;      /* 1: the second CPU idles, 0: it runs a thread */
} SCENARIO;
enum {
  STOP_FAULT = 1,
  STOP_CALL,
  STOP_SECOND_CPU,
  STOP_DPC,
  STOP_STACK,
  STOP_EXCEPTION,
  STOP_POOL,
  STOP_TRAP_FRAME
};

#ifdef BUILDING_NT
#define NTSYS
#else
#define NTSYS __declspec(dllimport)
#endif
NTSYS void NTAPI KeBugCheckEx(u32 code, uptr p1, uptr p2, uptr p3, uptr p4) NORETURN;
NTSYS u32 NTAPI KeWaitForSingleObject(void* object, u32 reason, u32 mode, u32 alertable,
                                      u64* timeout);
NTSYS u32 NTAPI KeWaitForMultipleObjects(u32 count, void** objects, u32 type, u32 reason, u32 mode,
                                         u32 alertable, u64* timeout, void* blocks);
NTSYS u32 NTAPI KeDelayExecutionThread(u32 mode, u32 alertable, u64* interval);
NTSYS u32 NTAPI ZwYieldExecution(void);
NTSYS void NTAPI KeInitializeEvent(void* event, u32 type, u32 state);
NTSYS u32 NTAPI KeSetEvent(void* event, u32 increment, u32 wait);
NTSYS void NTAPI KeInitializeSemaphore(void* semaphore, s32 count, s32 limit);
NTSYS u32 NTAPI KeReleaseSemaphore(void* semaphore, u32 increment, s32 adjustment, u32 wait);
NTSYS void NTAPI KeInitializeMutant(void* mutant, u32 owned);
NTSYS u32 NTAPI KeReleaseMutant(void* mutant, u32 increment, u32 abandoned, u32 wait);
NTSYS void NTAPI KeInitializeDpc(void* dpc, DPC_ROUTINE routine, void* context);
NTSYS u32 NTAPI KeInsertQueueDpc(void* dpc, void* a1, void* a2);
NTSYS u32 NTAPI KeRaiseIrql(u32 irql);
NTSYS void NTAPI KeLowerIrql(u32 irql);
NTSYS void* NTAPI ExAllocatePoolWithTag(u32 type, uptr size, u32 tag);
NTSYS void NTAPI ExFreePoolWithTag(void* block, u32 tag);
NTSYS void NTAPI ExInitializeFastMutex(void* mutex);
NTSYS void NTAPI ExAcquireFastMutex(void* mutex);
NTSYS void NTAPI ExReleaseFastMutex(void* mutex);
NTSYS u32 NTAPI ExInitializeResourceLite(void* resource);
NTSYS u32 NTAPI ExAcquireResourceExclusiveLite(void* resource, u32 wait);
NTSYS u32 NTAPI ExAcquireResourceSharedLite(void* resource, u32 wait);
NTSYS void NTAPI ExReleaseResourceLite(void* resource);
NTSYS u8* NTAPI PsCreateThread(u8* process, THREAD_START start, void* context, u32 cpu,
                               const char* name);
NTSYS u8* NTAPI PsLookupProcess(const char* image_name);
NTSYS u8* NTAPI IoCreateDevice(u8* driver, uptr extension, u32 type);
NTSYS void NTAPI IoAttachDeviceToDeviceStack(u8* source, u8* target);
NTSYS u8* NTAPI IoGetDeviceByDriver(const char* driver_name);
NTSYS u32 NTAPI IoCallDriver(u8* device, u8* irp);
NTSYS void NTAPI IoCompleteRequest(u8* irp, u32 boost);
NTSYS u32 NTAPI NtFsControlFile(u8* device, const char* file_name, u32 code);
NTSYS const SCENARIO* NTAPI HalpScenario(void);
NTSYS void NTAPI NoteLock(void* lock, const char* kind, const char* name);
NTSYS void NTAPI NoteOwner(void* lock, const char* mode);
NTSYS void NTAPI NoteWanted(void* lock, const char* mode);
NTSYS void NTAPI NoteBlock(void* block, const char* tag, const char* state);

/* Stack locations. */
static inline u8* irp_next(u8* irp) {
  return (u8*)PTR(irp, IRP_Tail_Overlay_CurrentStackLocation) - IO_STACK_LOCATION_size;
}
static inline u8* irp_current(u8* irp) {
  return (u8*)PTR(irp, IRP_Tail_Overlay_CurrentStackLocation);
}
static inline void irp_pass(u8* irp, COMPLETION routine, void* context) {
  u8 *here = irp_current(irp), *next = irp_next(irp);
  for (u32 i = 0; i < IO_STACK_LOCATION_CompletionRoutine; i++) B8(next, i) = B8(here, i);
  B8(next, IO_STACK_LOCATION_Control) = 0xE0; /* on success, error and cancel */
  PTR(next, IO_STACK_LOCATION_CompletionRoutine) = (uptr)routine;
  PTR(next, IO_STACK_LOCATION_Context) = (uptr)context;
}
