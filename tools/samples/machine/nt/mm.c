/* mm.c - frames, page tables through their self map, kernel stacks, process address spaces, and the
 * planted pages: valid, transition, prototype, paged out, demand zero. */
#include "ke.h"

uptr MmPagedPoolStart, MmPagedPoolEnd, MmNonPagedPoolStart, MmNonPagedPoolEnd;
static u32 frames_used;
static uptr next_stack, window;
void MiInitializePool(u32 type, uptr start, uptr size);

#ifdef _WIN64
typedef u64 PTE;
/* The slot of the top table that points to itself: fixed until 1607, chosen at boot later. */
enum { SELF_MAP = NT_BUILD < 14393 ? 0x1ED : 0x1FB };
const uptr PTE_BASE = 0xFFFF000000000000ull | (uptr)SELF_MAP << 39;
static inline int pae(void) { return 1; }
#else
typedef u64 PTE;
const uptr PTE_BASE = 0xC0000000u;
static inline int pae(void) {
  uptr cr4;
  READ_CR(4, cr4);
  return cr4 >> 5 & 1;
}
#endif
static inline uptr entry_size(void) { return pae() ? 8 : 4; }

/* The entry of the page table that maps `va`, through the self map; applied to its own result it
 * gives the entry one level up. */
static uptr entry_of(uptr va) {
#ifdef _WIN64
  return PTE_BASE + (va >> 9 & 0x7FFFFFFFF8ull);
#else
  return PTE_BASE + (va >> 12) * entry_size();
#endif
}
/* Virtual address of the top table's first entry. */
static uptr top_table(void) {
  uptr at = 0;
  for (int i = sizeof(uptr) == 8 ? 4 : 2; i > 0; i--) at = entry_of(at);
  return at;
}
static PTE read_entry(uptr e) { return entry_size() == 8 ? Q64(e, 0) : D32(e, 0); }
static void write_entry(uptr e, PTE v) {
  if (entry_size() == 4) D32(e, 0) = (u32)v;
#ifndef _WIN64
  else { /* the half that holds the valid bit last */
    D32(e, 4) = (u32)(v >> 32);
    D32(e, 0) = (u32)v;
  }
#else
  else
    Q64(e, 0) = v;
#endif
}
static void zero_page(uptr va) {
  for (uptr i = 0; i < 0x1000; i += sizeof(uptr)) PTR(va, i) = 0;
}

uptr MiAllocateFrame(void) {
  if (frames_used >= KeLoaderBlock->frame_count) KeBugCheckEx(0x41, frames_used, 0, 0, 0);
  return (uptr)KeLoaderBlock->frames[frames_used++];
}
static void need_table(uptr e, int up) {
  uptr above = entry_of(e);
  if (up > 0) need_table(above, up - 1);
  if (read_entry(above) & PTE_VALID) return;
  write_entry(above, (PTE)MiAllocateFrame() << 12 | PTE_VALID | PTE_WRITE | PTE_USER | 0x20);
  flush_page(e);
  zero_page(e & ~(uptr)0xFFF);
}
static void set_pte(uptr va, PTE pte) {
#ifdef _WIN64
  need_table(entry_of(va), 2);
#else
  need_table(entry_of(va), 0);
#endif
  write_entry(entry_of(va), pte);
  flush_page(va);
}
void MiMapPage(uptr va, uptr pfn, uptr flags) {
  set_pte(va, (PTE)pfn << 12 | flags | 0x60); /* accessed, dirty */
  zero_page(va & ~(uptr)0xFFF);
}

/* Stacks are separated by an unmapped page, so that an overflow faults. */
uptr MmCreateKernelStack(void) {
  next_stack += 0x1000;
  for (u32 i = 0; i < STACK_PAGES; i++, next_stack += 0x1000)
    MiMapPage(next_stack, MiAllocateFrame(), PTE_VALID | PTE_WRITE);
  return next_stack;
}

static uptr map_window(uptr pfn) {
  set_pte(window, (PTE)pfn << 12 | PTE_VALID | PTE_WRITE);
  return window;
}
/* A process has the kernel half of the current one; the self map is its own. */
#ifdef _WIN64
uptr MmCreateAddressSpace(void) {
  uptr pfn = MiAllocateFrame(), current = top_table(), table = map_window(pfn);
  for (u32 i = 0; i < 512; i++) Q64(table, 8 * i) = i < 256 ? 0 : Q64(current, 8 * i);
  Q64(table, 8 * SELF_MAP) = pfn << 12 | PTE_VALID | PTE_WRITE | 0x60;
  return pfn << 12;
}
#else
static uptr two_level_space(void) {
  uptr pfn = MiAllocateFrame(), table = map_window(pfn);
  for (u32 i = 0; i < 1024; i++) D32(table, 4 * i) = i < 512 ? 0 : D32(0xC0300000u, 4 * i);
  D32(table, 4 * 0x300) = pfn << 12 | PTE_VALID | PTE_WRITE | 0x60;
  return pfn << 12;
}
/* PAE: the four-entry tables of several processes share a page; CR3 is only 32-byte aligned. */
static uptr pae_space(void) {
  static uptr tables = 0x20;
  uptr pfn[4], page, root;
  for (u32 n = 0; n < 4; n++) {
    pfn[n] = MiAllocateFrame();
    page = map_window(pfn[n]);
    for (u32 i = 0; i < 512; i++)
      Q64(page, 8 * i) = n < 2 ? 0 : Q64(0xC0600000u + n * 0x1000, 8 * i);
  }
  for (u32 n = 0; n < 4; n++) Q64(page, 8 * n) = (u64)pfn[n] << 12 | PTE_VALID | PTE_WRITE | 0x60;
  root = (uptr)KeLoaderBlock->cr3 + tables;
  page = map_window(root >> 12);
  for (u32 n = 0; n < 4; n++) Q64(page, (root & 0xFFF) + 8 * n) = (u64)pfn[n] << 12 | PTE_VALID;
  tables += 0x20;
  return root;
}
uptr MmCreateAddressSpace(void) { return pae() ? pae_space() : two_level_space(); }
#endif

/* ---- planted pages ---- */
static void fill(uptr va, const char* text, uptr seed) {
  zero_page(va);
  for (u32 i = 0; text[i]; i++) B8(va, i) = (u8)text[i];
  for (u32 i = 64; i < 0x1000; i += 64) PTR(va, i) = seed + i;
}
/* Late builds may store what is in an invalid entry inverted; SwizzleBit says that it is not. */
enum { AS_IT_IS = NT_BUILD >= 17763 ? 1 << 4 : 0, FILE_SHIFT = NT_BUILD >= 17763 ? 12 : 1 };
static PTE transition_pte(uptr pfn) { return (PTE)pfn << 12 | 1u << 11 | 4u << 5 | AS_IT_IS; }
static PTE pagefile_pte(u32 file, u32 offset) {
  return (pae() ? (PTE)offset << 32 : (PTE)offset << 12) | file << FILE_SHIFT | 4u << 5 | AS_IT_IS;
}
static PTE prototype_pte(uptr proto) {
#ifdef _WIN64
  return proto << 16 | 0x400 | AS_IT_IS;
#else
  if (pae()) return (PTE)proto << 32 | 0x400;
  u32 from =
      proto - MmPagedPoolStart; /* bits 2-8 and 9-29 of the distance from the paged pool's start */
  return (from >> 9) << 11 | (from >> 2 & 0x7F) << 1 | 0x400;
#endif
}
static void plant(u8* process, uptr va, PTE pte, uptr pfn, const char* kind) {
  set_pte(va, pte);
  note_page(process, va, pfn, kind, (uptr)pte);
}
static uptr filled_frame(const char* text, uptr seed) {
  uptr pfn = MiAllocateFrame();
  map_window(pfn);
  fill(window, text, seed);
  return pfn;
}
static void* prototype_entry(PTE value) {
  void* proto = ExAllocatePoolWithTag(PagedPool, 32, TAG('M', 'm', 'S', 't'));
  write_entry((uptr)proto, value);
  return proto;
}
void MmPlantPages(u8* process) {
  uptr cr3, seed = (uptr)process & 0xFFFF000, pfn;
  READ_CR(3, cr3);
  __asm__ volatile("mov %0, %%cr3" ::"r"(PTR(process, KPROCESS_DirectoryTableBase)) : "memory");
  pfn = filled_frame("valid page", seed);
  plant(process, 0x10000, (PTE)pfn << 12 | PTE_VALID | PTE_WRITE | PTE_USER | 0x60, pfn, "valid");
  pfn = filled_frame("transition page", seed);
  plant(process, 0x11000, transition_pte(pfn), pfn, "transition");
  pfn = filled_frame("page behind a valid prototype", seed);
  plant(process, 0x12000, prototype_pte((uptr)prototype_entry((PTE)pfn << 12 | PTE_VALID | 0x60)),
        pfn, "prototype-valid");
  pfn = filled_frame("page behind a transition prototype", seed);
  plant(process, 0x13000, prototype_pte((uptr)prototype_entry(transition_pte(pfn))), pfn,
        "prototype-transition");
  plant(process, 0x14000, pagefile_pte(1, 0x1234), 0, "paged-out");
  plant(process, 0x15000, 4u << 5, 0, "demand-zero");
  __asm__ volatile("mov %0, %%cr3" ::"r"(cr3) : "memory");
}
/* Pages of paged pool that were trimmed: one still in memory, one in the page file. */
static void plant_kernel_pages(void) {
  uptr va = MmPagedPoolEnd - 0x4000, pfn = filled_frame("trimmed paged pool", va);
  plant(0, va, transition_pte(pfn), pfn, "transition");
  plant(0, va + 0x1000, pagefile_pte(0, 0x77), 0, "paged-out");
}

void MmInitSystem(void) {
  LOADER_BLOCK* lb = KeLoaderBlock;
  window = (uptr)lb->stack_area;
  next_stack = window + 0x1000;
  MmNonPagedPoolStart = (uptr)lb->nonpaged_area;
  MmNonPagedPoolEnd = MmNonPagedPoolStart + (uptr)lb->nonpaged_size;
  MmPagedPoolStart = (uptr)lb->paged_area;
  MmPagedPoolEnd = MmPagedPoolStart + (uptr)lb->paged_size;
  MiInitializePool(NonPagedPool, MmNonPagedPoolStart, (uptr)lb->nonpaged_size);
  MiInitializePool(PagedPool, MmPagedPoolStart, (uptr)lb->paged_size);
  plant_kernel_pages();
}
/* The machine started with low memory mapped one to one; nothing needs that any more. */
void MiDropLowMapping(void) {
  uptr top = top_table();
#ifdef _WIN64
  write_entry(top, 0);
#else
  for (uptr i = 0; i < (pae() ? 8u : 2u); i++) write_entry(top + i * entry_size(), 0);
#endif
  flush_all();
}
