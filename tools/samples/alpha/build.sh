#!/bin/sh
# build.sh OUTDIR - the sample kernel and drivers for Alpha as ELF files, each linked where it runs (its
# kernel address with bit 32 in place of the upper 32 ones).  Needs gcc-alpha-linux-gnu 12.  Without the
# second scheduling pass and shrink-wrapping, prologues keep Windows NT's rules.
set -e
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$here"
cflags="-std=gnu11 -O2 -fno-schedule-insns2 -fno-shrink-wrap -fno-reorder-blocks-and-partition
  -ffreestanding -fno-builtin -fno-pic -fno-stack-protector -fno-optimize-sibling-calls -fno-ipa-ra
  -fno-ipa-cp -fno-ipa-sra -fasynchronous-unwind-tables -Wall -Wextra -Werror -ffile-prefix-map=$here=."
for source in ntoskrnl.c sfmsrv.c fsfilt.c ntasm.S; do
  alpha-linux-gnu-gcc $cflags -c "$source" -o "$out/${source%.*}.o"
done
cd "$out"
link() { # IMAGE BASE ENTRY FILE...
  image=$1 base=$2 entry=$3
  shift 3
  alpha-linux-gnu-ld --no-relax --no-warn-rwx-segments -nostdlib -static -z noexecstack --defsym BASE="$base" -T "$here/image.ld" -e "$entry" \
    -o "$image.elf" "$@"
}
link ntoskrnl 0x180080000 KiSystemStartup ntoskrnl.o ntasm.o
link fsfilt 0x180400000 DriverEntry fsfilt.o -R ntoskrnl.elf
link sfmsrv 0x180420000 DriverEntry sfmsrv.o -R ntoskrnl.elf
link fsfilt-mapped 0x1f1400000 DriverEntry fsfilt.o -R ntoskrnl.elf
link sfmsrv-mapped 0x1f1420000 DriverEntry sfmsrv.o -R ntoskrnl.elf
