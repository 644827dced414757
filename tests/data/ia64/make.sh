#!/bin/sh
# Assembles code.s and writes code.txt: address, bytes, and what objdump prints, by tabs.
# Needs binutils for ia64-linux-gnu.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ia64-linux-gnu-as -o "$work/code.o" code.s
ia64-linux-gnu-objcopy -O binary -j .text "$work/code.o" "$work/code.bin"
ia64-linux-gnu-objdump -z -D -b binary -m ia64-elf64 "$work/code.bin" |
  sed -n 's/^ *\([0-9a-f]*\):\t\([0-9a-f ]*[0-9a-f]\) *\t*\(.*\)$/\1\t\2\t\3/p' |
  sed 's/\[[A-Z]*\]//; s/\t *\([^\t]*\)$/\t\1/; s/(p0/(p/' >code.txt
