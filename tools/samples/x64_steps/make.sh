#!/bin/sh
# Builds tests/data/x64_steps/*.dll from steps.c: one function set by two compilers at several
# levels.  Needs clang-19, lld-19 and mingw-w64.  Usage: make.sh [FOLDER]
set -eu
here=$(dirname "$0")
out=${1:-$here/../../../tests/data/x64_steps}
base=0x20000000
mkdir -p "$out"
clang_dll() {
  name=$1
  shift
  clang-19 --target=x86_64-pc-windows-msvc -ffreestanding -fno-builtin -fasynchronous-unwind-tables -c "$@" \
    "$here/steps.c" -o "$out/$name.obj"
  lld-link-19 /dll /noentry /nodefaultlib /base:$base /fixed /Brepro /opt:ref \
    "/out:$out/$name.dll" "$out/$name.obj"
  rm -f "$out/$name.obj" "$out/$name.lib"
}
gcc_dll() {
  name=$1
  shift
  x86_64-w64-mingw32-gcc -ffreestanding -fno-builtin -nostdlib -shared -s "$@" \
    -Wl,--image-base,$base -Wl,--disable-dynamicbase -Wl,--no-insert-timestamp -Wl,-e,0 \
    "$here/steps.c" -o "$out/$name.dll"
}
clang_dll clang_O0 -O0
clang_dll clang_O1 -O1
clang_dll clang_O2 -O2
clang_dll clang_Os -Os
clang_dll clang_O2_fp -O2 -fno-omit-frame-pointer
gcc_dll gcc_O0 -O0
gcc_dll gcc_O2 -O2
gcc_dll gcc_Os -Os
gcc_dll gcc_O2_fp -O2 -fno-omit-frame-pointer
