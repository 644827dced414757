#!/bin/sh
# build.sh OUTDIR - the sample kernel and driver as PE images with PDBs: clang-19, lld-19 and llvm-19
# only, no SDK or WDK.  The same sources give the same bytes.
set -e
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/*.c "$here"/*.h "$here"/*.S "$here"/*.rc "$work"
cd "$work"
cflags="-target x86_64-pc-windows-msvc -O2 -g -gcodeview -gno-codeview-command-line -ffreestanding -fno-builtin
  -fno-stack-protector -mno-stack-arg-probe -mno-sse -mno-mmx -mno-red-zone -funwind-tables -Wall -Wextra
  -Werror -Wno-pointer-sign -ffile-prefix-map=$work=. -fdebug-compilation-dir=."
clang-19 $cflags -c ntoskrnl.c -o ntoskrnl.obj
clang-19 -target x86_64-pc-windows-msvc -fdebug-compilation-dir=. -c ntasm.S -o ntasm.obj
clang-19 $cflags -c netbt.c -o netbt.obj
llvm-rc-19 /no-preprocess /fo version.res version.rc
printf 'LIBRARY ntoskrnl.exe\nEXPORTS\n KeBugCheckEx\n KeRaiseIrqlToDpcLevel\n KeLowerIrql\n ExQueueWorkItem\n ExAllocatePoolWithTag\n KeLoaderBlock DATA\n' > nt.def
llvm-dlltool-19 -m i386:x86-64 -d nt.def -l nt.lib
# 2007-02-17 09:00:00 and 09:05:00 UTC
link="/nologo /machine:x64 /driver /subsystem:native,5.2 /nodefaultlib /debug:full /pdbaltpath:%_PDB%
  /pdbsourcepath:c:\\sample /release /dynamicbase /align:4096 /filealign:512"
lld-link-19 $link /entry:KiSystemStartup /timestamp:1171702800 /base:0xFFFFF80001000000 \
  /export:KeLoaderBlock,DATA /map:ntoskrnl.map /out:ntoskrnl.exe ntoskrnl.obj ntasm.obj version.res
lld-link-19 $link /entry:DriverEntry /timestamp:1171703100 /base:0xFFFFFADF29A40000 \
  /map:netbt.map /out:netbt.sys netbt.obj nt.lib version.res
cp ntoskrnl.exe ntoskrnl.pdb ntoskrnl.map netbt.sys netbt.pdb netbt.map "$out"
