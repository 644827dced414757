/* notes.h - the truth, noted by the code that ran.  Every function notes as it is entered its own
 * return address and the stack slot that holds it; the CPU made both, and no unwinder or debug data
 * took part. One shadow stack per thread; KPCR.HalReserved[0] (free for a HAL's use) holds the
 * current one, and KTHREAD.LegoData that of a thread.  The notes live in pages that are left out of
 * the dumps. */
#pragma once
enum { NOTE_CALL = 0, NOTE_TRAP = 1, NOTE_SWITCH = 2 };
#define SHADOW_MAX 72
typedef struct {
  uptr total, captured; /* captured: entries when the CPU's context was saved, 0 = never */
  struct {
    uptr pc, slot, name, kind;
  } e[SHADOW_MAX];
} SHADOW;

void* _AddressOfReturnAddress(void);
#pragma intrinsic(_AddressOfReturnAddress)

static inline __attribute__((always_inline)) SHADOW* note_shadow(void) {
  SHADOW* s;
#ifdef _WIN64
  __asm__ volatile("movq %%gs:%c1, %0" : "=r"(s) : "i"(KPCR_HalReserved));
#else
  __asm__ volatile("movl %%fs:%c1, %0" : "=r"(s) : "i"(KPCR_HalReserved));
#endif
  return s;
}
static inline __attribute__((always_inline)) void note_entry(uptr pc, uptr slot, const char* name,
                                                             uptr kind) {
  volatile SHADOW* s = note_shadow();
  uptr n = s->total < SHADOW_MAX ? s->total : SHADOW_MAX - 1;
  s->e[n].pc = pc;
  s->e[n].slot = slot;
  s->e[n].name = (uptr)name;
  s->e[n].kind = kind;
  s->total = n + 1;
}
#define ENTER()                                                                                    \
  do {                                                                                             \
    uptr* slot_ = _AddressOfReturnAddress();                                                       \
    note_entry(*slot_, (uptr)slot_, __func__, NOTE_CALL);                                          \
  } while (0)
#define LEAVE()                                                                                    \
  do {                                                                                             \
    volatile SHADOW* s_ = note_shadow();                                                           \
    s_->total--;                                                                                   \
  } while (0)
