/* Code of two object files, in every form that a COFF symbol table of GNU's linker has. */
static __attribute__((noinline)) int hidden(int value) { return value * 3 + 1; }
__attribute__((noinline)) int plain(int value) { return hidden(value) - 7; }
#ifdef __i386__
__attribute__((noinline, stdcall)) int by_stdcall(int a, int b) { return plain(a) + b; }
__attribute__((noinline, fastcall)) int by_fastcall(int a, int b) { return plain(a) ^ b; }
#else
__attribute__((noinline)) int by_stdcall(int a, int b) { return plain(a) + b; }
__attribute__((noinline)) int by_fastcall(int a, int b) { return plain(a) ^ b; }
#endif
int a_long_name_of_some_data = 5;
