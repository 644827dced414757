#!/usr/bin/env bash
# Remakes tests/data/arm64: an image of functions built for ARM64 Windows in many ways, and what a
# CPU did while it ran them.  Needs Debian's clang-19, lld-19 and qemu-user.
# Usage: make.sh [folder]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../../tests/data/arm64}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

clang-19 --target=aarch64-linux-gnu -O1 -ffreestanding -fno-stack-protector -nostdlib -static \
  -fuse-ld=lld-19 "$here/loader.c" -o loader

windows=(clang-19 --target=aarch64-windows-msvc -c -ffreestanding -fasynchronous-unwind-tables -fno-builtin -fms-extensions
         -fno-stack-protector -fno-vectorize -fno-slp-vectorize)
builds=()
build() { # name, options
  local name=$1
  shift
  "${windows[@]}" "$@" -DBUILD="$name" "$here/functions.c" -o "$name.o"
  builds+=("$name")
}
build o0 -O0
build o1 -O1
build o2 -O2
build os -Os
build o0nofp -O0 -fomit-frame-pointer
build o2fp -O2 -fno-omit-frame-pointer
build osfp -Os -fno-omit-frame-pointer
build pac -O1 -mbranch-protection=pac-ret
build pacleaf -O2 -fno-omit-frame-pointer -mbranch-protection=pac-ret+leaf

python3 "$here/canonical.py" > canonical.s
clang-19 --target=aarch64-windows-msvc -c canonical.s -o functions.o
clang-19 --target=aarch64-windows-msvc -c "$here/extra.s" -o extra.o

image() { # name, functions to call, objects
  local name=$1 calls=$2
  shift 2
  {
    for f in $calls; do echo "unsigned long long $f(unsigned long long);"; done
    echo 'int _fltused; unsigned long long start(void) { unsigned long long s = 1;'
    for f in $calls; do echo "s += $f(s);"; done
    echo 'return s; }'
  } > "$name.c"
  "${windows[@]}" -O1 "$name.c" -o "$name.o"
  lld-link-19 -nodefaultlib -entry:start -subsystem:console -base:0x140000000 \
    -timestamp:0x45D6970F -out:"$name.exe" "$name.o" "$@"
  python3 "$here/trace.py" ./loader "$name.exe" "$out/$name.trace"
  install -m 644 "$name.exe" "$out/$name.exe"
}
image compiled "${builds[*]/%/_all}" extra.o "${builds[@]/%/.o}"
image canonical "canonical_all extra_all" functions.o extra.o
