#!/bin/sh
# build.sh KERNEL OUTDIR - compiles ntoskrnl.exe, hal.dll and the four drivers for one of
#   x64_7601  x64_19041  x86_3790  x86_1381
# with clang-19 and lld-19; no SDK or WDK.  The same sources give the same bytes.
set -e
here=$(cd "$(dirname "$0")" && pwd)
kernel=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$here/nt" "$here/drivers" "$here/layouts" "$work"
cp "$here"/boot*.S "$work"
cd "$work"
case $kernel in
  x64_7601) version=6.1; stamp=1290258000; base=0xFFFFF80000000000
    define='-DNT_BUILD=7601 -DNT_CSD=0x100 -DNT_KDBG_SIZE=0x340 -DNT_BUILD_LAB="7601.win7sp1_sample.101120-1300"' ;;
  x64_19041) version=10.0; stamp=1575642360; base=0xFFFFF80000000000
    define='-DNT_BUILD=19041 -DNT_CSD=0 -DNT_KDBG_SIZE=0x380 -DNT_BUILD_LAB="19041.1.amd64fre.sample.191206-1406"' ;;
  x86_3790) version=5.2; stamp=1171702800; base=0x80800000
    define='-DNT_BUILD=3790 -DNT_CSD=0x200 -DNT_KDBG_SIZE=0x318 -DNT_BUILD_LAB="3790.srv03_sp2_sample.070217-0900"' ;;
  x86_1381) version=4.0; stamp=862000000; base=0x80100000
    define='-DNT_BUILD=1381 -DNT_CSD=0x600 -DNT_BUILD_LAB="1381"' ;;
  *) echo "build.sh: which kernel is '$kernel'?" >&2; exit 2 ;;
esac
common="-O2 -g -gcodeview -gno-codeview-command-line -ffreestanding -fno-builtin -fno-stack-protector
  -mno-stack-arg-probe -mno-sse -mno-mmx -Wall -Wextra -Werror -Wno-pointer-sign -Wno-missing-field-initializers
  -ffile-prefix-map=$work=. -fdebug-compilation-dir=. -include layouts/$kernel.h $define"
case $kernel in
  x64_*) target=x86_64-pc-windows-msvc; machine=x64; dll=i386:x86-64; cpu=amd64; elf=x86_64
    flags="-target $target -mno-red-zone -funwind-tables $common"; frames=; no_frames= ;;
  x86_*) target=i686-pc-windows-msvc; machine=x86; dll=i386; cpu=i386; elf=i386
    flags="-target $target -march=i686 $common"
    frames="-fno-omit-frame-pointer -mno-omit-leaf-frame-pointer"; no_frames="-fomit-frame-pointer" ;;
esac

# Import libraries, and the /export: options of ntoskrnl.exe.  x86 exports are stdcall, undecorated.
exports=
{ echo LIBRARY ntoskrnl.exe; echo EXPORTS; } > nt.def
while read -r name count; do
  if [ $machine = x86 ]; then
    echo " $name@$((4 * count))" >> nt.def
    exports="$exports /export:$name=_$name@$((4 * count))"
  else
    echo " $name" >> nt.def
    exports="$exports /export:$name"
  fi
done < "$here/exports.txt"
{ echo LIBRARY hal.dll; echo EXPORTS; [ $machine = x86 ] && printf ' HalProcessorIdle@0\n HalRequestIpi@12\n' || printf ' HalProcessorIdle\n HalRequestIpi\n'; } > hal.def
[ $machine = x86 ] && kill=-k || kill=
for dll_name in nt hal; do llvm-dlltool-19 $kill -m $dll -d $dll_name.def -l $dll_name.lib; done

safeseh=; [ $machine = x64 ] || safeseh=/safeseh:no
link="/nologo $safeseh /machine:$machine /driver /subsystem:native,$version /nodefaultlib /debug:full /pdbaltpath:%_PDB%
  /pdbsourcepath:c:\\sample /release /dynamicbase /align:4096 /filealign:512"
objects=
for source in nt/*.c; do
  name=$(basename "$source" .c)
  case $name in cpu_amd64) [ $cpu = amd64 ] || continue ;; cpu_i386) [ $cpu = i386 ] || continue ;; hal) continue ;; esac
  clang-19 $flags $frames -c "$source" -o "$name.obj"
  objects="$objects $name.obj"
done
clang-19 -target $target -fdebug-compilation-dir=. -include layouts/$kernel.h -c nt/$cpu.S -o cpu_asm.obj
clang-19 $flags $frames -c nt/hal.c -o hal.obj
prefix=; entry=DriverEntry; hal_entry=HalEntry
[ $machine = x64 ] || { entry=DriverEntry@8; hal_entry=HalEntry@8; }
lld-link-19 $link /entry:KiSystemStartup /timestamp:$stamp /base:$base $exports /map:ntoskrnl.map /out:ntoskrnl.exe $objects cpu_asm.obj hal.lib
hal_exports=
[ $machine = x64 ] || hal_exports='/export:HalProcessorIdle=_HalProcessorIdle@0 /export:HalRequestIpi=_HalRequestIpi@12'
lld-link-19 $link /entry:$hal_entry $hal_exports /timestamp:$((stamp + 60)) /base:0x10000 /map:hal.map /out:hal.dll /dll hal.obj
n=2
for driver in sfmsrv rdr mup netbt; do
  case $driver in sfmsrv) style=$no_frames ;; *) style=$frames ;; esac
  clang-19 $flags $style -c drivers/$driver.c -o $driver.obj
  extra=
  [ ! -f drivers/${driver}_fpo.c ] || { clang-19 $flags $no_frames -c drivers/${driver}_fpo.c -o ${driver}_fpo.obj; extra=${driver}_fpo.obj; }
  lld-link-19 $link /entry:$entry /timestamp:$((stamp + 60 * n)) /base:0x10000 /map:$driver.map /out:$driver.sys $driver.obj $extra nt.lib
  n=$((n + 1))
done
case $cpu in amd64) boot=boot64 ;; i386) boot=boot32 ;; esac
clang-19 -target i386-elf -c $boot.S -o boot.o
ld.lld-19 -m elf_i386 --image-base=0xff000 -Ttext=0x101000 --section-start=.mb=0x100000 -e _start -o boot.elf boot.o
cp ntoskrnl.exe ntoskrnl.pdb ntoskrnl.map hal.dll hal.pdb hal.map boot.elf "$out"
for driver in sfmsrv rdr mup netbt; do cp $driver.sys $driver.pdb $driver.map "$out"; done
