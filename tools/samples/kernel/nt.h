/* What the sample kernel and the sample driver share.  Structures are used by published offsets of
 * Windows Server 2003 SP2 x64 (build 3790), the names are the published names; the code is ours. */
#pragma once
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define PUT(p, off, type, v) (*(volatile type*)((u8*)(p) + (off)) = (type)(v))
#define GET(p, off, type) (*(volatile type*)((u8*)(p) + (off)))
#define NOINLINE __attribute__((noinline))
#define NORETURN __attribute__((noreturn))

typedef struct WORK_ITEM {
  struct WORK_ITEM* next;
  void (*routine)(void*);
  void* parameter;
} WORK_ITEM;

/* What the loader hands to KiSystemStartup. */
typedef struct {
  u64 kernel_base;
  u64 pool, pool_size; /* backed memory; the page behind it is not mapped */
  u64 idle_stack[2];   /* stack bases (highest address) */
  u64 worker_stack;
  u64 stack_size;
  u64 pcr1; /* KPCR of the second CPU */
  long (*driver_entry)(void* driver, void* registry_path);
  u64 received, received_size; /* a network buffer at the very end of its pool page */
} LOADER_BLOCK;

#ifdef BUILDING_NT
#define NTAPI_ __declspec(dllexport)
#else
#define NTAPI_ __declspec(dllimport)
#endif
NTAPI_ void KeBugCheckEx(u32 code, u64 p1, u64 p2, u64 p3, u64 p4) NORETURN;
NTAPI_ u8 KeRaiseIrqlToDpcLevel(void);
NTAPI_ void KeLowerIrql(u8 irql);
NTAPI_ void ExQueueWorkItem(WORK_ITEM* item, u32 queue);
NTAPI_ void* ExAllocatePoolWithTag(u32 type, u64 size, u32 tag);
NTAPI_ LOADER_BLOCK* KeLoaderBlock;
