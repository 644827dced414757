#include "torture/heap.h"

#include <cerrno>
#include <cstddef>
#include <malloc.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define DUMPTRIAGE_COUNT_HEAP 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DUMPTRIAGE_COUNT_HEAP 0
#endif
#endif
#ifndef DUMPTRIAGE_COUNT_HEAP
#define DUMPTRIAGE_COUNT_HEAP 1
#endif

namespace {

// Plain variables: the program under test has one thread.
std::uint64_t g_used, g_base, g_peak, g_limit = UINT64_MAX;
int g_exit_code;

// Before the allocation: a refused one must not be tried first.
[[maybe_unused]] void expect(std::size_t size) {
  if (g_limit == UINT64_MAX) return;
  std::uint64_t beyond = g_used > g_base ? g_used - g_base : 0;
  if (size > g_limit || beyond > g_limit - size) _exit(g_exit_code);
}
[[maybe_unused]] void* taken(void* block) {
  if (block) g_used += malloc_usable_size(block);
  if (g_used > g_base && g_used - g_base > g_peak) g_peak = g_used - g_base;
  return block;
}
[[maybe_unused]] void given_back(void* block) {
  if (block) g_used -= malloc_usable_size(block);
}

} // namespace

namespace dumptriage::torture {

void heap_limit(std::uint64_t bytes, int exit_code) {
  g_base = g_used;
  g_peak = 0;
  g_limit = bytes;
  g_exit_code = exit_code;
}
std::uint64_t heap_peak() { return g_peak; }

} // namespace dumptriage::torture

#if DUMPTRIAGE_COUNT_HEAP
// glibc lets a program bring its own malloc family; its own stays reachable under these names.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t size) {
  expect(size);
  return taken(__libc_malloc(size));
}
void* calloc(std::size_t count, std::size_t size) {
  std::size_t bytes = 0;
  expect(__builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes);
  return taken(__libc_calloc(count, size));
}
void* realloc(void* old, std::size_t size) {
  expect(size);
  given_back(old);
  void* block = __libc_realloc(old, size);
  if (!block && size != 0) {
    taken(old); // still there
    return nullptr;
  }
  return taken(block);
}
void free(void* block) {
  given_back(block);
  __libc_free(block);
}
void* memalign(std::size_t alignment, std::size_t size) {
  expect(size);
  return taken(__libc_memalign(alignment, size));
}
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  *out = memalign(alignment, size);
  return *out ? 0 : ENOMEM;
}
} // extern "C"
#endif
