#!/usr/bin/env bash
# Makes tests/data/coff/*.exe: images whose only symbols are the COFF table of GNU's linker.
# Needs mingw-w64's g++ for both machines; the same compilers make the same bytes.
set -euo pipefail
cd "$(dirname "$0")"
out=$(cd ../../../tests/data && mkdir -p coff && cd coff && pwd)
for machine in i686 x86_64; do
  work=$(mktemp -d)
  flags="-O1 -fno-asynchronous-unwind-tables -fno-exceptions -ffreestanding -ffile-prefix-map=$PWD=."
  $machine-w64-mingw32-gcc $flags -c one.c -o "$work/one.o"
  $machine-w64-mingw32-g++ $flags -c two.cpp -o "$work/two.o"
  entry=start
  [ $machine = i686 ] && entry=_start
  $machine-w64-mingw32-gcc -nostdlib -Wl,--no-insert-timestamp -Wl,-e,$entry \
    "$work/one.o" "$work/two.o" -o "$out/$machine.exe"
  rm -r "$work"
done
