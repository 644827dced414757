/* ex.c - pool, fast mutexes, ERESOURCEs. */
#include "ke.h"

/* ---- pool: pages tiled by blocks, each with its POOL_HEADER ----
 * Type in the header: up to 2003 pool type + 1, later pool type | 2; 0 = free. */
#if POINTER == 8
enum { UNIT = 16, POOL_HEADER_BYTES = 16 };
#elif NT_BUILD < 2600
enum { UNIT = 32, POOL_HEADER_BYTES = 8 };
#else
enum { UNIT = 8, POOL_HEADER_BYTES = 8 };
#endif
static struct {
  uptr next, end, page, offset, previous;
} MmPool[2];

static void put_header(uptr at, uptr previous, uptr size, u32 type, u32 tag) {
  u32 prev = (u32)(previous / UNIT), block = (u32)(size / UNIT);
#if POINTER == 8
  D32(at, 0) = prev | block << 16 | type << 24;
  Q64(at, 8) = 0;
#elif NT_BUILD < 2600
  D32(at, 0) = prev | type << 16 | block << 24;
#else
  D32(at, 0) = prev | block << 16 | type << 25;
#endif
  D32(at, 4) = tag;
}
static u32 type_in_header(u32 type) { return VISTA ? type | 2 : type + 1; }
static uptr block_size(uptr at) {
#if POINTER == 8
  return (uptr)B8(at, 2) * UNIT;
#elif NT_BUILD < 2600
  return (uptr)B8(at, 3) * UNIT;
#else
  return (uptr)(W16(at, 2) & 0x1FF) * UNIT;
#endif
}
static uptr previous_size(uptr at) {
#if POINTER == 8 || NT_BUILD < 2600
  return (uptr)B8(at, 0) * UNIT;
#else
  return (uptr)(W16(at, 0) & 0x1FF) * UNIT;
#endif
}
static void close_page(u32 type) { /* what is left of the page is one free block */
  uptr rest = 0x1000 - MmPool[type].offset;
  if (!MmPool[type].page || !rest) return;
  uptr at = MmPool[type].page + MmPool[type].offset;
  put_header(at, MmPool[type].previous, rest, 0, TAG('F', 'r', 'e', 'e'));
}
void MiInitializePool(u32 type, uptr start, uptr size) {
  MmPool[type].next = start;
  MmPool[type].end = start + size;
  MmPool[type].offset = 0x1000;
}
static uptr new_page(u32 type) {
  uptr page = MmPool[type].next;
  if (page >= MmPool[type].end) KeBugCheckEx(0x41, page, 0, 0, 0);
  MmPool[type].next += 0x1000;
  MiMapPage(page, MiAllocateFrame(), PTE_VALID | PTE_WRITE);
  return page;
}
void* NTAPI ExAllocatePoolWithTag(u32 type, uptr size, u32 tag) {
  uptr need = (size + POOL_HEADER_BYTES + UNIT - 1) / UNIT * UNIT;
  type &= 1;
  if (size > 0x1000 - POOL_HEADER_BYTES) { /* whole pages, no header */
    close_page(type);
    MmPool[type].page = 0;
    uptr first = new_page(type);
    for (uptr n = 0x1000; n < size; n += 0x1000) new_page(type);
    MmPool[type].offset = 0x1000;
    return (void*)first;
  }
  if (MmPool[type].offset + need > 0x1000) {
    close_page(type);
    MmPool[type].page = new_page(type);
    MmPool[type].offset = MmPool[type].previous = 0;
  }
  uptr at = MmPool[type].page + MmPool[type].offset;
  put_header(at, MmPool[type].previous, need, type_in_header(type), tag);
  MmPool[type].offset += need;
  MmPool[type].previous = need;
  close_page(type);
  for (uptr i = POOL_HEADER_BYTES; i < need; i++) B8(at, i) = 0;
  return (void*)(at + POOL_HEADER_BYTES);
}
/* The check that finds an overrun: the next block must know this one's size. */
NOINLINE void NTAPI ExFreePoolWithTag(void* block, u32 tag) {
  ENTER();
  uptr at = (uptr)block - POOL_HEADER_BYTES, size = block_size(at), next = at + size;
  if (size == 0 || ((next & 0xFFF) && previous_size(next) != size))
    KeBugCheckEx(0x19, 0x20, at, next, D32(at, 0));
  if (tag && (D32(at, 4) & 0x7FFFFFFF) != (tag & 0x7FFFFFFF))
    KeBugCheckEx(0xC2, 0xA, (uptr)block, D32(at, 4), tag);
  put_header(at, previous_size(at), size, 0, D32(at, 4));
  list_init(block);
  LEAVE();
}

/* ---- fast mutex ---- */
#ifdef FAST_MUTEX_Event
#define MUTEX_EVENT FAST_MUTEX_Event
#else
#define MUTEX_EVENT FAST_MUTEX_Gate /* declared as an event in the 2003 SP2 symbols */
#endif
void NTAPI ExInitializeFastMutex(void* mutex) {
  D32(mutex, FAST_MUTEX_Count) = 1;
  PTR(mutex, FAST_MUTEX_Owner) = 0;
  D32(mutex, FAST_MUTEX_Contention) = 0;
  KeInitializeEvent(AT(mutex, MUTEX_EVENT), SynchronizationEvent, 0);
}
NOINLINE void NTAPI ExAcquireFastMutex(void* mutex) {
  ENTER();
  u32 irql = KeRaiseIrql(APC_LEVEL);
#if VISTA /* bit 0: free; each waiter adds 4 */
  if (__atomic_fetch_and((u32*)AT(mutex, FAST_MUTEX_Count), ~1u, __ATOMIC_ACQUIRE) != 1) {
    D32(mutex, FAST_MUTEX_Contention)++;
    D32(mutex, FAST_MUTEX_Count) += 4;
#else
  if (__atomic_sub_fetch((u32*)AT(mutex, FAST_MUTEX_Count), 1, __ATOMIC_ACQUIRE) != 0) {
    D32(mutex, FAST_MUTEX_Contention)++;
#endif
    KeWaitForSingleObject(AT(mutex, MUTEX_EVENT), WrFastMutex, 0, 0, 0);
#if VISTA
    D32(mutex, FAST_MUTEX_Count) = (D32(mutex, FAST_MUTEX_Count) - 4) & ~3u;
#endif
  }
  PTR(mutex, FAST_MUTEX_Owner) = (uptr)current_thread();
  B8(mutex, FAST_MUTEX_OldIrql) = (u8)irql;
  LEAVE();
}
NOINLINE void NTAPI ExReleaseFastMutex(void* mutex) {
  ENTER();
  u32 irql = B8(mutex, FAST_MUTEX_OldIrql);
  PTR(mutex, FAST_MUTEX_Owner) = 0;
#if VISTA
  D32(mutex, FAST_MUTEX_Count) |= 1;
  if (D32(mutex, FAST_MUTEX_Count) != 1) KeSetEvent(AT(mutex, MUTEX_EVENT), 0, 0);
#else
  if ((s32)__atomic_add_fetch((u32*)AT(mutex, FAST_MUTEX_Count), 1, __ATOMIC_RELEASE) <= 0)
    KeSetEvent(AT(mutex, MUTEX_EVENT), 0, 0);
#endif
  KeLowerIrql(irql);
  LEAVE();
}

/* ---- ERESOURCE ---- */
enum { ResourceOwnedExclusive = 0x80 };
#ifdef ERESOURCE_OwnerEntry
#define FIRST_OWNER ERESOURCE_OwnerEntry
#else
#define FIRST_OWNER ERESOURCE_OwnerThreads
#endif
/* OwnerCount shares its word with flag bits: none before Windows 7, two to 10586, three later. */
enum { COUNT_SHIFT = NT_BUILD < 7600 ? 0 : NT_BUILD < 14393 ? 2 : 3 };
#if VISTA
#define WAITERS(r, f) D32(r, f)
#else
#define WAITERS(r, f) W16(r, f)
#endif

u32 NTAPI ExInitializeResourceLite(void* resource) {
  for (u32 i = 0; i < ERESOURCE_size; i++) B8(resource, i) = 0;
  u32 irql = lock_dispatcher();
  list_add(ExpSystemResourcesList, resource);
  unlock_dispatcher(irql);
  return 0;
}
static void set_owner(u8* entry, u8* thread, u32 count) {
  PTR(entry, OWNER_ENTRY_OwnerThread) = (uptr)thread;
  D32(entry, OWNER_ENTRY_OwnerCount) = count << COUNT_SHIFT;
}
/* Slot of a further shared owner: the table's first entry holds its size and no owner. */
static u8* shared_slot(u8* r, u8* thread) {
#ifndef ERESOURCE_OwnerEntry
  u8* second = AT(r, ERESOURCE_OwnerThreads + OWNER_ENTRY_size);
  if (!PTR(second, 0) || PTR(second, 0) == (uptr)thread) return second;
#else
  if (!PTR(r, FIRST_OWNER) || PTR(r, FIRST_OWNER) == (uptr)thread) return AT(r, FIRST_OWNER);
#endif
  u8* table = (u8*)PTR(r, ERESOURCE_OwnerTable);
  if (!table) {
    table = ExAllocatePoolWithTag(NonPagedPool, 4 * OWNER_ENTRY_size, TAG('R', 'e', 'T', 'a'));
    D32(table, OWNER_ENTRY_TableSize) = 4;
    PTR(r, ERESOURCE_OwnerTable) = (uptr)table;
  }
  for (u32 i = 1; i < 4; i++) {
    u8* slot = AT(table, i * OWNER_ENTRY_size);
    if (!PTR(slot, 0) || PTR(slot, 0) == (uptr)thread) return slot;
  }
  KeBugCheckEx(0xE3, (uptr)r, (uptr)thread, (uptr)table, 4);
}
#if WIN10
/* Each waiter has a node on its stack with an event of its own, chained at the resource.  How
 * Windows lays the node out is not published; this form is ours. */
typedef struct {
  LIST link;
  void* resource;
  u8 event[HEADER_size];
} WAITER;
NOINLINE void ExpWaitForResource(u8* resource, u32 chain) {
  volatile WAITER node;
  ENTER();
  node.resource = resource;
  KeInitializeEvent((void*)node.event, SynchronizationEvent, 0);
  PTR(&node, 0) = PTR(&node, POINTER) = PTR(resource, chain) ? PTR(resource, chain) : (uptr)&node;
  PTR(resource, chain) = (uptr)&node;
  D32(resource, ERESOURCE_ContentionCount)++;
  KeWaitForSingleObject((void*)node.event, WrResource, 0, 0, 0);
  LEAVE();
}
#define WAIT_FOR(r, field, semaphore) ExpWaitForResource(r, field)
#else
NOINLINE void ExpWaitForResource(u8* resource, void* object) {
  ENTER();
  D32(resource, ERESOURCE_ContentionCount)++;
  KeWaitForSingleObject(object, WrResource, 0, 0, 0);
  LEAVE();
}
static u8* wait_object(u8* r, u32 field, int semaphore) {
  u8* o = (u8*)PTR(r, field);
  if (o) return o;
  o = ExAllocatePoolWithTag(NonPagedPool, HEADER_size + POINTER,
                            semaphore ? TAG('R', 'e', 'S', 'e') : TAG('R', 'e', 'E', 'v'));
  if (semaphore)
    KeInitializeSemaphore(o, 0, 0x7FFFFFFF);
  else
    KeInitializeEvent(o, SynchronizationEvent, 0);
  PTR(r, field) = (uptr)o;
  return o;
}
#define WAIT_FOR(r, field, semaphore) ExpWaitForResource(r, wait_object(r, field, semaphore))
#endif
u32 NTAPI ExAcquireResourceExclusiveLite(void* resource, u32 wait) {
  ENTER();
  u8 *r = resource, *thread = current_thread();
  if (W16(r, ERESOURCE_ActiveCount) && PTR(r, FIRST_OWNER) == (uptr)thread &&
      W16(r, ERESOURCE_Flag) & ResourceOwnedExclusive) {
    D32(r, FIRST_OWNER + OWNER_ENTRY_OwnerCount) += 1u << COUNT_SHIFT;
    LEAVE();
    return 1;
  }
  if (W16(r, ERESOURCE_ActiveCount)) {
    if (!wait) {
      LEAVE();
      return 0;
    }
    WAITERS(r, ERESOURCE_NumberOfExclusiveWaiters)++;
    WAIT_FOR(r, ERESOURCE_ExclusiveWaiters, 0);
    WAITERS(r, ERESOURCE_NumberOfExclusiveWaiters)--;
  }
  W16(r, ERESOURCE_ActiveCount) = 1;
#ifdef ERESOURCE_ActiveEntries
  D32(r, ERESOURCE_ActiveEntries) = 1;
#endif
  W16(r, ERESOURCE_Flag) |= ResourceOwnedExclusive;
  set_owner(AT(r, FIRST_OWNER), thread, 1);
  LEAVE();
  return 1;
}
u32 NTAPI ExAcquireResourceSharedLite(void* resource, u32 wait) {
  ENTER();
  u8 *r = resource, *thread = current_thread();
  if (W16(r, ERESOURCE_ActiveCount) && (W16(r, ERESOURCE_Flag) & ResourceOwnedExclusive ||
                                        WAITERS(r, ERESOURCE_NumberOfExclusiveWaiters))) {
    if (!wait) {
      LEAVE();
      return 0;
    }
    WAITERS(r, ERESOURCE_NumberOfSharedWaiters)++;
    WAIT_FOR(r, ERESOURCE_SharedWaiters, 1);
    WAITERS(r, ERESOURCE_NumberOfSharedWaiters)--;
  }
  set_owner(shared_slot(r, thread), thread, 1);
#ifdef ERESOURCE_ActiveEntries
  W16(r, ERESOURCE_ActiveCount) = 1;
  D32(r, ERESOURCE_ActiveEntries)++;
#else
  W16(r, ERESOURCE_ActiveCount)++;
#endif
  LEAVE();
  return 1;
}
/* Enough for locks that nobody waits for; the test threads never hand one over. */
void NTAPI ExReleaseResourceLite(void* resource) {
  ENTER();
  u8* r = resource;
  W16(r, ERESOURCE_Flag) &= (u16)~ResourceOwnedExclusive;
  W16(r, ERESOURCE_ActiveCount) = 0;
#ifdef ERESOURCE_ActiveEntries
  D32(r, ERESOURCE_ActiveEntries) = 0;
#endif
  set_owner(AT(r, FIRST_OWNER), 0, 0);
  LEAVE();
}
