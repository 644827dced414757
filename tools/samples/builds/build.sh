#!/bin/sh
# build.sh ARCH COMPILER OPT FRAMES OUTDIR - the crashing program of tools/samples/user in one form:
#   ARCH x86_64|i686, COMPILER clang|gcc, OPT O0|O1|O2|Os, FRAMES fp|nofp (-f[no-]omit-frame-pointer),
#   with -bare behind it for a build without debug information, -plain for one with SHADOW_PLAIN (shadow.h).
# clang: msvc target, PDB 7 (bare: publics only, so no static function has a name).
# gcc: mingw, COFF symbols and DWARF in the image, no PDB (bare: stripped).  No C library in either.
# The same sources give the same bytes; every build has time stamps of its own.
set -e
here=$(cd "$(dirname "$0")" && pwd)
arch=$1 compiler=$2 opt=$3 frames=$4
mkdir -p "$5"
out=$(cd "$5" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/../user/*.c "$here"/../user/*.h "$here/nocrt.c" "$work"
cd "$work"
debug=-g codeview="-g -gcodeview -gno-codeview-command-line"
case $frames in *-bare) debug=-s codeview= ;; esac
case ${frames%-*} in
  fp) fp="-fno-omit-frame-pointer -mno-omit-leaf-frame-pointer" ;;
  nofp) fp="-fomit-frame-pointer -momit-leaf-frame-pointer" ;;
esac
flags="-$opt $fp -fno-builtin -fno-stack-protector -Wall"
case $frames in *-plain) flags="$flags -DSHADOW_PLAIN" ;; esac

with_clang() {
  case $arch in
    x86_64) import=x64 machine=x64 entry=DllMain unwind=-funwind-tables safeseh= ;;
    i686) import=i386 machine=x86 entry=DllMain@12 unwind= safeseh=/safeseh:no ;;
  esac
  "$here/../user/imports.sh" $import .
  for source in crash crashlib dumper nocrt; do
    clang-19 -target $arch-pc-windows-msvc $flags $unwind $codeview -ffreestanding \
      -mno-stack-arg-probe -DFREESTANDING -Wno-incompatible-library-redeclaration \
      -ffile-prefix-map="$work"=. -fdebug-compilation-dir=. -c $source.c -o $source.obj
  done
  link="/nologo $safeseh /machine:$machine /nodefaultlib /Brepro /pdbaltpath:%_PDB% /pdbsourcepath:c:\\sample"
  lld-link-19 $link /dll /entry:$entry /debug:full /base:0x10000000 /out:crashlib.dll /implib:crashlib.lib \
    crashlib.obj nocrt.obj kernel32.lib
  lld-link-19 $link /entry:start /subsystem:console /debug:full /out:crash.exe crash.obj nocrt.obj crashlib.lib kernel32.lib
  lld-link-19 $link /entry:start /subsystem:console /out:dumper.exe dumper.obj nocrt.obj kernel32.lib
  cp crash.pdb crashlib.pdb "$out"
}

# GNU ld takes the time stamp from the environment; it would be the same in every build else.
stamp() {
  SOURCE_DATE_EPOCH=$((1171702800 + $(printf '%s %s' "$1" "$arch $opt $frames" | cksum | cut -d ' ' -f 1) % 100000000))
  export SOURCE_DATE_EPOCH
}

with_gcc() {
  case $arch in x86_64) start=start entry=DllMain ;; i686) start=_start entry=_DllMain@12 ;; esac
  gcc="$arch-w64-mingw32-gcc $flags $debug -Wno-unused -ffile-prefix-map=$work=. -ffreestanding
    -mno-stack-arg-probe -DFREESTANDING -nostdlib"
  stamp crashlib
  $gcc -shared crashlib.c nocrt.c -o crashlib.dll -Wl,-e,$entry -Wl,--out-implib,libcrashlib.a -lkernel32
  stamp crash
  $gcc crash.c nocrt.c -o crash.exe -Wl,-e,$start -L. -lcrashlib -lkernel32
  $gcc -s dumper.c nocrt.c -o dumper.exe -Wl,-e,$start -lkernel32
}

with_$compiler
cp crash.exe crashlib.dll dumper.exe "$out"
