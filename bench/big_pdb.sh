#!/bin/sh
# big_pdb.sh FOLDER [FILES [FUNCTIONS]]: makes FOLDER/big.exe and big.pdb, the size of a kernel's
# full PDB: FILES compilands (280) of FUNCTIONS functions (100) each, with types and inlined calls.
set -eu
folder=$1 files=${2:-280} functions=${3:-100}
mkdir -p "$folder/obj"
i=0
while [ $i -lt "$files" ]; do
  awk -v file=$i -v functions="$functions" 'BEGIN {
    printf "extern volatile int sink;\n"
    printf "static inline int mix_%d(int a, int b) { sink = a; return a * 31 + b; }\n", file
    for (i = 0; i < functions; ++i) {
      printf "struct Record_%d_%d { struct Record_%d_%d* next; int first, second_of_%d; char name[%d]; };\n",
             file, i, file, i, i, 8 + i
      printf "int Routine_%d_Number_%d(struct Record_%d_%d* list, int count) {\n", file, i, file, i
      printf "  int sum = 0;\n  for (; list; list = list->next) {\n    if (list->first > count)\n"
      printf "      sum += mix_%d(list->first, %d);\n    else\n      sum -= list->second_of_%d;\n", file, i, i
      printf "    list->name[sum & 7] = (char)sum;\n  }\n  sink = sum;\n  return mix_%d(sum, count);\n}\n", file
    }
    if (file == 0) printf "volatile int sink;\nint entry(void) { return Routine_0_Number_0(0, 1); }\n"
  }' > "$folder/obj/$i.c"
  i=$((i + 1))
done
ls "$folder/obj/"*.c | xargs -P "$(nproc)" -n 8 sh -c 'for c in "$@"; do
  clang-19 --target=x86_64-pc-windows-msvc -O1 -g -gcodeview -ffreestanding -ffunction-sections \
    -c "$c" -o "${c%.c}.obj"; done' sh
ls "$folder/obj/"*.obj > "$folder/objects"
lld-link-19 /debug /nodefaultlib /entry:entry /subsystem:console /opt:noref /opt:noicf \
  "@$folder/objects" "/out:$folder/big.exe"
rm -r "$folder/obj" "$folder/objects"
