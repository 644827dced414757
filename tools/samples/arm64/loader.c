// Runs an ARM64 PE image under Linux (qemu-aarch64): maps it where it wants to lie, gives it a
// stack at a fixed address, calls its entry point.  No C library.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

enum { kOpenAt = 56, kRead = 63, kSeek = 62, kExit = 93, kMap = 222 };
enum { kReadWriteExecute = 7, kFixedPrivateAnonymous = 0x32 };
#define STACK 0x70000000ul
#define STACK_SIZE 0x20000ul

static long call(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc 0"
               : "+r"(x0)
               : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
               : "memory");
  return x0;
}
static void leave(int code) {
  for (;;) call(kExit, code, 0, 0, 0, 0, 0);
}
static void read_at(long file, u64 at, u64 to, u64 size) {
  call(kSeek, file, (long)at, 0, 0, 0, 0);
  while (size != 0) {
    long got = call(kRead, file, (long)to, (long)size, 0, 0, 0);
    if (got <= 0) leave(101);
    to += (u64)got;
    size -= (u64)got;
  }
}
static void map(u64 at, u64 size) {
  if (call(kMap, (long)at, (long)((size + 0xFFFF) & ~0xFFFFul), kReadWriteExecute,
           kFixedPrivateAnonymous, -1, 0) != (long)at)
    leave(102);
}

// Calls `entry` with sp at `stack` and ends with what it returns.  Every register has a value that
// depends on nothing, so that a trace comes out the same everywhere.
asm(".globl run_image\n"
    "run_image:\n"
    "  mov sp, x1\n"
    "  mov x30, x0\n"
    "  .irp r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29\n"
    "  mov x\\r, #\\r\n"
    "  .endr\n"
    "  mov x29, xzr\n"
    "  blr x30\n"
    "  and x0, x0, #63\n"
    "  mov x8, #93\n"
    "  svc 0\n");
void run_image(u64 entry, u64 stack);

__attribute__((used)) static void load(u64* arguments) {
  if (arguments[0] != 2) leave(100);
  long file = call(kOpenAt, -100, (long)arguments[2], 0, 0, 0, 0);
  if (file < 0) leave(103);
  u8 header[0x400];
  read_at(file, 0, (u64)header, sizeof header);
  u8* nt = header + *(u32*)(header + 0x3C);
  u8* optional = nt + 24;
  u64 base = *(u64*)(optional + 24);
  map(base, *(u32*)(optional + 56));
  for (int i = 0; i < *(u16*)(nt + 6); ++i) {
    u8* section = optional + *(u16*)(nt + 20) + 40 * i;
    u32 size = *(u32*)(section + 16), memory = *(u32*)(section + 8);
    read_at(file, *(u32*)(section + 20), base + *(u32*)(section + 12),
            memory != 0 && memory < size ? memory : size);
  }
  map(STACK, STACK_SIZE);
  run_image(base + *(u32*)(optional + 16), STACK + STACK_SIZE);
}

asm(".globl _start\n_start:\n  mov x0, sp\n  b load\n");
