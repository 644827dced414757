#!/bin/sh
# Renews what binutils for ia64-linux-gnu says about the sources here.
# code.txt: address, bytes, and what objdump prints, by tabs.
# unwind_info.hex: the section .IA_64.unwind_info; unwind.txt: readelf -u.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ia64-linux-gnu-as -o "$work/code.o" code.s
ia64-linux-gnu-objcopy -O binary -j .text "$work/code.o" "$work/code.bin"
ia64-linux-gnu-objdump -z -D -b binary -m ia64-elf64 "$work/code.bin" |
  sed -n 's/^ *\([0-9a-f]*\):\t\([0-9a-f ]*[0-9a-f]\) *\t*\(.*\)$/\1\t\2\t\3/p' |
  sed 's/\[[A-Z]*\]//; s/\t *\([^\t]*\)$/\t\1/; s/(p0/(p/' >code.txt
ia64-linux-gnu-as -o "$work/unwind.o" unwind.s
ia64-linux-gnu-objcopy -O binary -j .IA_64.unwind_info "$work/unwind.o" "$work/info.bin"
od -A n -v -t x1 "$work/info.bin" >unwind_info.hex
ia64-linux-gnu-readelf -u "$work/unwind.o" >unwind.txt
