// Functions whose prologues and epilogues differ as much as a compiler makes them; compiled several
// times with different options into one image.  No library; deterministic.
#include <stdarg.h>

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAME(x) JOIN(BUILD, x)
#define NOINLINE __attribute__((noinline))

typedef unsigned long long u64;
static volatile u64 sink;

NOINLINE static u64 NAME(leaf)(u64 a, u64 b) { return a * 31 + b; }

// Ten values live across calls.
NOINLINE static u64 NAME(many)(u64 a) {
  u64 v[10];
  for (int i = 0; i < 10; ++i) v[i] = a + i * a;
  u64 b = v[0], c = v[1], d = v[2], e = v[3], f = v[4], g = v[5], h = v[6], i = v[7], j = v[8];
  u64 s = NAME(leaf)(b, c);
  s += NAME(leaf)(d, s) + NAME(leaf)(e, f);
  s += NAME(leaf)(g, h) * b + NAME(leaf)(i, j) * c;
  return s + b + c + d + e + f + g + h + i + j + v[9];
}

// Eight doubles live across calls.
NOINLINE static double NAME(floats)(double a, u64 n) {
  double b = a * 2, c = a * 3, d = a * 5, e = a * 7, f = a * 11, g = a * 13, h = a * 17;
  double s = (double)(long long)NAME(leaf)(n, 1);
  s += b * (double)(long long)NAME(leaf)(n, 2);
  return s + a + b * c + d * e + f * g + h;
}

NOINLINE static u64 NAME(small_frame)(u64 a) {
  volatile u64 local[20];
  for (int i = 0; i < 20; ++i) local[i] = a;
  return NAME(leaf)(local[3], local[19]);
}

NOINLINE static u64 NAME(middle_frame)(u64 a, u64 b) {
  volatile u64 local[120];
  local[0] = a;
  local[119] = b;
  return NAME(leaf)(local[0], local[119]) + NAME(many)(b);
}

NOINLINE static u64 NAME(big_frame)(u64 a) { // more than a page: __chkstk
  volatile u64 local[900];
  local[0] = a;
  local[899] = a + 1;
  return NAME(leaf)(local[0], local[899]) + NAME(small_frame)(a);
}

NOINLINE static u64 NAME(huge_frame)(u64 a) { // more than alloc_m can say
  volatile u64 local[5000];
  local[0] = a;
  local[4999] = a + 1;
  return NAME(leaf)(local[0], local[4999]);
}

NOINLINE static u64 NAME(dynamic)(u64 n, u64 a) { // alloca: sp is restored from the frame pointer
  volatile u64* p = __builtin_alloca(n * 8);
  for (u64 i = 0; i < n; ++i) p[i] = a;
  u64 s = NAME(leaf)(p[0], p[n - 1]);
  return s + NAME(many)(s);
}

NOINLINE static u64 NAME(variadic)(u64 count, ...) { // stores its register arguments
  va_list list;
  va_start(list, count);
  u64 s = 0;
  for (u64 i = 0; i < count; ++i) s = NAME(leaf)(s, va_arg(list, u64));
  va_end(list);
  return s;
}

NOINLINE static u64 NAME(recursive)(u64 n) {
  if (n < 2) return NAME(leaf)(n, n);
  return NAME(recursive)(n - 1) + NAME(recursive)(n - 2) * n;
}

// Returns early, before anything needs to be saved, and in several places.
NOINLINE static u64 NAME(returns)(u64 a, u64 b) {
  if (a == 0) return b;
  u64 s = NAME(leaf)(a, b);
  if (s & 1) return NAME(leaf)(s, a) + b;
  for (u64 i = 0; i < 2; ++i) {
    s += NAME(small_frame)(s);
    if (s % 3 == 0) return s ^ a;
  }
  return s + a;
}

NOINLINE static u64 NAME(tail)(u64 a, u64 b) {
  sink = NAME(leaf)(a, b);
  return NAME(middle_frame)(b, a);
}

typedef u64 (*Function)(u64, u64);
NOINLINE static u64 NAME(indirect)(Function f, u64 a) { return f(a, 5) + f(7, a); }

typedef struct {
  u64 word[6];
} Six;
NOINLINE static Six NAME(six)(u64 a) {
  Six s;
  for (int i = 0; i < 6; ++i) s.word[i] = NAME(leaf)(a, i);
  return s;
}

NOINLINE static u64 NAME(switched)(u64 a) {
  switch (a) {
  case 0: return NAME(leaf)(1, 2);
  case 1: return NAME(small_frame)(a);
  case 2: return NAME(recursive)(3);
  case 3: return a;
  default: return NAME(leaf)(a, a) + NAME(leaf)(a, 0);
  }
}

// Its handler is a function of its own with a prologue that takes the frame of its parent.
NOINLINE static u64 NAME(guarded)(u64 a) {
  u64 s = a;
  __try {
    s += NAME(leaf)(a, 4);
    sink = s;
  } __finally {
    s += NAME(small_frame)(s);
  }
  return s;
}

u64 NAME(all)(u64 a) {
  u64 s = NAME(many)(a);
  s += (u64)(long long)NAME(floats)((double)(a + 1), a);
  s += NAME(middle_frame)(s, a) + NAME(big_frame)(s) + NAME(huge_frame)(a);
  s += NAME(dynamic)(9, s) + NAME(variadic)(9, s, a, s, a, 5ull, 6ull, 7ull, 8ull, 9ull);
  s += NAME(recursive)(4) + NAME(returns)(0, s) + NAME(returns)(3, s) + NAME(returns)(6, s);
  s += NAME(tail)(s, a) + NAME(indirect)(NAME(leaf), s) + NAME(six)(s).word[5];
  for (u64 i = 0; i < 5; ++i) s += NAME(switched)(i);
  return s + NAME(guarded)(s);
}
