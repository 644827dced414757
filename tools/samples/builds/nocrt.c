/* nocrt.c - what clang calls on its own at -O0 and -Os, in programs without a C library. */
typedef __SIZE_TYPE__ size;
void* memset(void* to, int value, size count) {
  for (volatile char* p = to; count; --count) *p++ = (char)value;
  return to;
}
void* memcpy(void* to, const void* from, size count) {
  const char* q = from;
  for (volatile char* p = to; count; --count) *p++ = *q++;
  return to;
}
