// Functions of every shape that x64 unwinding must get right, for tests/stack/x64_steps_test.cpp,
// which runs them one instruction at a time.  No imports, no relocations needed: the test maps the
// image at its own base and calls `run`.
typedef unsigned long long u64;
typedef unsigned u32;

#define NOINLINE __attribute__((noinline))

// The compilers call these before they allocate more than a page; the test's stack is all there.
#ifdef __MINGW32__
__asm__(".globl ___chkstk_ms\n___chkstk_ms:\n\tret\n");
#else
__asm__(".globl __chkstk\n__chkstk:\n\tret\n");
#endif
int _fltused = 0;

static volatile u64 sink;

NOINLINE u64 leaf(u64 a) { return a * 3 + 1; }

NOINLINE u64 small(u64 a) { return leaf(a) + leaf(a + 1); }

// Many values live across calls: every register that survives is saved.
NOINLINE u64 many(u64 a, u64 b, u64 c, u64 d) {
  u64 e = small(a), f = small(b), g = small(c), h = small(d);
  u64 i = small(e ^ a), j = small(f ^ b), k = small(g ^ c);
  return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k +
         leaf(a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ i ^ j ^ k);
}

// More than a page of locals.
NOINLINE u64 big(u64 a) {
  volatile unsigned char buffer[20000];
  buffer[a] = (unsigned char)a;
  buffer[a + 19000] = (unsigned char)small(a);
  return buffer[a] + buffer[a + 19000] + leaf(a);
}

// More than 512 KiB: the longest form of the allocation.
NOINLINE u64 huge(u64 a) {
  volatile unsigned char buffer[600000];
  buffer[a] = (unsigned char)a;
  buffer[a + 590000] = (unsigned char)small(a);
  return buffer[a] + buffer[a + 590000] + leaf(a);
}

// A frame register, because the stack pointer moves.
NOINLINE u64 dynamic(u64 n, u64 a) {
  volatile u64* block = (volatile u64*)__builtin_alloca(n * 8 + 64);
  for (u64 i = 0; i < n; ++i) block[i] = small(a + i);
  u64 sum = 0;
  for (u64 i = 0; i < n; ++i) sum += block[i];
  return sum + many(n, a, sum, 1);
}

// Twice, in the middle of the body, with values that live across.
NOINLINE u64 dynamic_twice(u64 n, u64 a, u64 b, u64 c) {
  volatile u64* first = (volatile u64*)__builtin_alloca(n * 16);
  first[0] = leaf(a);
  volatile u64* second = (volatile u64*)__builtin_alloca(n * 48);
  second[0] = small(b);
  return first[0] + second[0] + many(a, b, c, n);
}

// xmm registers that survive are saved.
NOINLINE double floats(double a, double b, double c, double d) {
  double e = a * b + (double)(long long)leaf((u64)(long long)a);
  double f = b * c + (double)(long long)leaf((u64)(long long)b);
  double g = c * d + (double)(long long)leaf((u64)(long long)c);
  double h = d * a + (double)(long long)leaf((u64)(long long)d);
  double i = e * f + (double)(long long)small((u64)(long long)e);
  return a + b * c + d * e + f * g + h * i + (double)(long long)leaf(3);
}

// Ends in a jump to another function.
NOINLINE u64 tail_target(u64 a, u64 b) { return small(a) * b; }
NOINLINE u64 tail(u64 a, u64 b) {
  u64 x = small(a) + small(b);
  return tail_target(x, a ^ b);
}
NOINLINE u64 tail_through(u64 (*volatile* f)(u64, u64), u64 a) {
  u64 x = small(a);
  return (*f)(x, a);
}
static u64 (*volatile target)(u64, u64) = tail_target;

// Several ends.
NOINLINE u64 ends(u64 a) {
  if (a == 0) return leaf(7);
  u64 b = small(a);
  if (b & 1) return b + many(a, b, 1, 2);
  if (b & 2) {
    u64 c = small(b);
    if (c & 4) return c;
    return c + big(a & 63);
  }
  return small(b) + small(a);
}

// Arguments on the stack.
NOINLINE u64 arguments(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h) {
  return many(a, b, c, d) + small(e) + small(f) + small(g) + leaf(h);
}

NOINLINE u64 recursive(u64 n, u64 a) {
  if (n == 0) return leaf(a);
  return recursive(n - 1, a + 1) + small(n) * recursive(0, n);
}

// A switch, by a table or by branches.
NOINLINE u64 choose(u64 a) {
  switch (a) {
  case 0: return small(5);
  case 1: return leaf(9) + leaf(1);
  case 2: return many(1, 2, 3, 4);
  case 3: return tail(2, 3);
  case 4: return small(1) + small(2) + small(3);
  case 5: return dynamic(2, 3);
  default: return a;
  }
}

__declspec(dllexport) u64 run(u64 seed) {
  u64 sum = 0;
  sum += many(seed, 2, 3, 4);
  sum += big(seed);
  sum += huge(seed);
  sum += dynamic(3, seed);
  sum += dynamic_twice(2, seed, 5, 6);
  sum += (u64)(long long)floats((double)(long long)seed, 2, 3, 4);
  sum += tail(seed, 3);
  sum += tail_through(&target, seed);
  for (u64 i = 0; i < 4; ++i) sum += ends(i);
  sum += arguments(seed, 2, 3, 4, 5, 6, 7, 8);
  sum += recursive(3, seed);
  for (u64 i = 0; i < 7; ++i) sum += choose(i);
  sink = sum;
  return sum;
}
