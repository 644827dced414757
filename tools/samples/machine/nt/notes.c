/* notes.c - the notes of notes.h and their output: one JSON object a line on the debug port of the
 * emulator, once the machine stands still.  Nothing here reads the structures that the dump shows.
 */
#include "ke.h"

typedef struct {
  u8 *thread, *process;
  u32 id, cpu, wait_count, wait_reason;
  const char *name, *state, *wanted_mode;
  void *objects[4], *wanted;
  SHADOW shadow;
} THREAD_NOTE;
typedef struct {
  void *lock, *owner[4];
  const char *kind, *name, *mode[4];
} LOCK_NOTE;
typedef struct {
  u32 kind;
  const char *text, *text2;
  uptr a, b, c, d;
} FACT;
enum {
  FACT_PROCESS,
  FACT_CPU,
  FACT_PAGE,
  FACT_UNLOADED,
  FACT_IRP,
  FACT_STACK,
  FACT_BLOCK,
  FACT_LOCATION
};
typedef struct {
  u32 threads, locks, facts;
  THREAD_NOTE thread[24];
  LOCK_NOTE lock[16];
  FACT fact[64];
} NOTES;
static NOTES* notes; /* its own pages, left out of the dumps */
static uptr capture_context[MAX_CPUS], capture_thread[MAX_CPUS];

void NoteInitialize(void) {
  notes = (NOTES*)(uptr)KeLoaderBlock->notes_area;
  if (sizeof(NOTES) > KeLoaderBlock->notes_size) KeBugCheckEx(0xE9, sizeof(NOTES), 0, 0, 0);
}
static THREAD_NOTE* note_of(u8* thread) {
  for (u32 i = 0; i < notes->threads; i++)
    if (notes->thread[i].thread == thread) return &notes->thread[i];
  return 0;
}
void note_thread(u8* thread, u8* process, u32 id, const char* name, u32 cpu) {
  THREAD_NOTE* n = &notes->thread[notes->threads++];
  n->thread = thread;
  n->process = process;
  n->id = id;
  n->name = name;
  n->cpu = cpu;
  PTR(thread, KTHREAD_LegoData) = (uptr)&n->shadow;
}
void note_thread_state(u8* thread, const char* state) { note_of(thread)->state = state; }
void note_wait(u8* thread, u32 count, void** objects, u32 reason) {
  THREAD_NOTE* n = note_of(thread);
  n->wait_count = count;
  n->wait_reason = reason;
  for (u32 i = 0; i < count; i++) n->objects[i] = objects[i];
}
void note_capture(u32 number, void* context, u32 on) {
  note_shadow()->captured = on;
  capture_context[number] = (uptr)context;
  capture_thread[number] = (uptr)note_shadow();
}
/* Entries on the current stack up to and with the newest trap. */
u32 note_trap_index(void) {
  SHADOW* s = note_shadow();
  u32 n = (u32)s->total;
  while (n && s->e[n - 1].kind != NOTE_TRAP) n--;
  return n;
}
static void fact(u32 kind, const char* text, const char* text2, uptr a, uptr b, uptr c, uptr d) {
  notes->fact[notes->facts++] = (FACT){kind, text, text2, a, b, c, d};
}
void note_process(u8* p, u32 id, const char* name, uptr cr3) {
  fact(FACT_PROCESS, name, 0, (uptr)p, id, cr3, 0);
}
void note_cpu(u32 number, u8* pcr, u8* prcb, u8* idle) {
  fact(FACT_CPU, 0, 0, number, (uptr)pcr, (uptr)prcb, (uptr)idle);
}
void note_page(u8* process, uptr va, uptr frame, const char* kind, uptr pte) {
  fact(FACT_PAGE, kind, 0, (uptr)process, va, frame, pte);
}
void note_unloaded(const char* name, uptr start, uptr end) {
  fact(FACT_UNLOADED, name, 0, start, end, 0, 0);
}
void note_irp(u8* irp, u8* thread) { fact(FACT_IRP, 0, 0, (uptr)irp, (uptr)thread, 0, 0); }
void note_irp_location(u8* irp, u8* device, uptr completion) {
  fact(FACT_LOCATION, 0, 0, (uptr)irp, (uptr)device, completion, 0);
}
void note_stack_area(const char* what, uptr low, uptr high) {
  fact(FACT_STACK, what, 0, low, high, 0, 0);
}
void NTAPI NoteBlock(void* block, const char* tag, const char* state) {
  fact(FACT_BLOCK, tag, state, (uptr)block, 0, 0, 0);
}
void NTAPI NoteLock(void* lock, const char* kind, const char* name) {
  LOCK_NOTE* n = &notes->lock[notes->locks++];
  n->lock = lock;
  n->kind = kind;
  n->name = name;
}
/* The calling thread got the lock (it no longer wants it), or gave it back: mode 0. */
void NTAPI NoteOwner(void* lock, const char* mode) {
  u8* thread = current_thread();
  note_of(thread)->wanted = 0;
  for (u32 i = 0; i < notes->locks; i++) {
    LOCK_NOTE* n = &notes->lock[i];
    if (n->lock != lock) continue;
    for (u32 k = 0; k < 4; k++)
      if (n->owner[k] == (mode ? 0 : thread)) {
        n->owner[k] = mode ? thread : 0;
        n->mode[k] = mode;
        return;
      }
  }
}
void NTAPI NoteWanted(void* lock, const char* mode) {
  THREAD_NOTE* n = note_of(current_thread());
  n->wanted = lock;
  n->wanted_mode = mode;
}

/* ---- output ---- */
static void put(const char* s) {
  for (; *s; s++) out8(0xE9, (u8)*s);
}
static void put_hex(const char* key, uptr v) {
  put(",\"");
  put(key);
  put("\":\"0x");
  for (int i = 2 * sizeof v - 1, on = 0; i >= 0; i--) {
    u32 d = v >> 4 * i & 15;
    if (d || on || i == 0) out8(0xE9, (u8) "0123456789abcdef"[d]), on = 1;
  }
  put("\"");
}
static void put_text(const char* key, const char* text) {
  put(",\"");
  put(key);
  put("\":\"");
  put(text ? text : "");
  put("\"");
}
static void write_frames(const SHADOW* s) {
  put(",\"frames\":[");
  for (uptr i = 0; i < s->total; i++) {
    put(i ? ",{\"n\":0" : "{\"n\":0");
    put_hex("pc", s->e[i].pc);
    put_hex("slot", s->e[i].slot);
    put_hex("kind", s->e[i].kind);
    put_text("callee", (const char*)s->e[i].name);
    put("}");
  }
  put("]");
}
static void write_thread(const THREAD_NOTE* n) {
  put("{\"is\":\"thread\"");
  put_hex("object", (uptr)n->thread);
  put_hex("id", n->id);
  put_hex("process", (uptr)n->process);
  put_hex("cpu", n->cpu);
  put_text("name", n->name);
  put_text("state", n->state);
  put_hex("wait_reason", n->wait_reason);
  put_hex("wanted", (uptr)n->wanted);
  put_text("wanted_mode", n->wanted ? n->wanted_mode : "");
  put_hex("captured", n->shadow.captured);
  put(",\"waits_on\":[");
  for (u32 i = 0; i < n->wait_count; i++) {
    put(i ? ",{\"n\":0" : "{\"n\":0");
    put_hex("object", (uptr)n->objects[i]);
    put("}");
  }
  put("]");
  write_frames(&n->shadow);
  put("}\n");
}
static void write_lock(const LOCK_NOTE* n) {
  put("{\"is\":\"lock\"");
  put_hex("address", (uptr)n->lock);
  put_text("kind", n->kind);
  put_text("name", n->name);
  put(",\"owners\":[");
  for (u32 k = 0, on = 0; k < 4; k++) {
    if (!n->owner[k]) continue;
    put(on++ ? ",{\"n\":0" : "{\"n\":0");
    put_hex("thread", (uptr)n->owner[k]);
    put_text("mode", n->mode[k]);
    put("}");
  }
  put("]}\n");
}
static void write_fact(const FACT* f) {
  static const char* const names[] = {"process", "cpu",   "page",  "unloaded",
                                      "irp",     "stack", "block", "location"};
  put("{\"is\":\"");
  put(names[f->kind]);
  put("\"");
  put_text("text", f->text);
  put_text("text2", f->text2);
  put_hex("a", f->a);
  put_hex("b", f->b);
  put_hex("c", f->c);
  put_hex("d", f->d);
  put("}\n");
}
void NoteWriteAll(u32 cpu, u32 code, uptr* p) {
  put("{\"is\":\"stop\"");
  put_hex("cpu", cpu);
  put_hex("code", code);
  put_hex("p1", p[0]);
  put_hex("p2", p[1]);
  put_hex("p3", p[2]);
  put_hex("p4", p[3]);
  put_hex("tick_count", KeTickCount);
  for (u32 i = 0; i < KeNumberProcessors; i++) {
    put_hex(i ? "context1" : "context0", capture_context[i]);
    for (u32 k = 0; k < notes->threads; k++)
      if ((uptr)&notes->thread[k].shadow == capture_thread[i])
        put_hex(i ? "thread1" : "thread0", (uptr)notes->thread[k].thread);
  }
#ifdef NT_KDBG_SIZE
  put_hex("kdbg", (uptr)KdDebuggerDataBlock);
#endif
  put_hex("module_list", (uptr)PsLoadedModuleList);
  put_hex("process_list", (uptr)PsActiveProcessHead);
  put_hex("resource_list", (uptr)ExpSystemResourcesList);
  put("}\n");
  for (u32 i = 0; i < notes->threads; i++) write_thread(&notes->thread[i]);
  for (u32 i = 0; i < notes->locks; i++) write_lock(&notes->lock[i]);
  for (u32 i = 0; i < notes->facts; i++) write_fact(&notes->fact[i]);
  put("{\"is\":\"end\"}\n");
}
