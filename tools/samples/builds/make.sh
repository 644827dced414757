#!/bin/sh
# make.sh OUTDIR [FILTER] - the matrix of builds, each run and dumped by Wine:
#   {x86_64, i686} x {clang, gcc} x {O0, O1, O2, Os} x {fp, nofp} x seven ways to fail,
# and of O2 forms without debug information and one with stale return addresses (see build.sh).
# OUTDIR/BUILD holds the images and PDBs, one dump per scenario and beside it the truth the program
# noted itself.  FILTER: a shell pattern of builds, as 'i686-gcc-*'.
# Needs clang-19, lld-19, llvm-19, mingw-w64 and Wine 8.  32-bit programs need a 32-bit Wine: the one
# installed, or WINE32_ROOT=FOLDER, a Debian i386 system (debootstrap --arch=i386, then wine and
# wine32 in it, /proc mounted), entered with chroot.
set -e
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
filter=${2:-*}
scenarios="av raise overflow doublefree divide callnull deadlock"

# The same names on every machine: they lie on the dumped stacks.
home=/tmp/sample
root=
wine() {
  env -i PATH="$PATH" HOME=$home USER=sample LOGNAME=sample WINEPREFIX=$home/prefix WINEDEBUG=-all \
    WINEARCH=$winearch WINEDLLOVERRIDES=mscoree,mshtml= LC_ALL=C ${root:+chroot "$root"} \
    sh -c 'cd "$0" 2> /dev/null; exec timeout 120 "$@"' $home/prefix/drive_c/sample "$@"
}
wine_begin() {
  case $1 in x86_64) root= winearch=win64 ;; i686) root=$WINE32_ROOT winearch=win32 ;; esac
  rm -rf "$root$home"
  mkdir -p "$root$home"
  wine wineboot -i > /dev/null
  mkdir -p "$root$home/prefix/drive_c/sample"
}
wine_end() {
  wine wineserver -k > /dev/null 2>&1 || true
  rm -rf "$root$home"
}

# MiniDumpNormal (type 0): threads with their stacks, modules, exception.
run() {
  sample=$root$home/prefix/drive_c/sample
  rm -rf "$sample"
  mkdir "$sample"
  cp "$1"/*.exe "$1"/*.dll "$sample"
  for scenario in $scenarios; do
    wine wine ./crash.exe $scenario d 0 > /dev/null 2>&1 || true
    if [ -s "$sample/d.truth.json" ] && [ -s "$sample/d.dmp" ]; then
      mv "$sample/d.dmp" "$1/$scenario.dmp"
      mv "$sample/d.truth.json" "$1/$scenario.truth.json"
    else
      echo "make.sh: no dump: $1 $scenario" >&2
    fi
    rm -f "$sample/d.dmp" "$sample/d.truth.json"
  done
}

for arch in x86_64 i686; do
  begun=
  for compiler in clang gcc; do for opt in O0 O1 O2 Os; do for frames in fp nofp fp-bare nofp-bare nofp-plain; do
    build=$arch-$compiler-$opt-$frames
    case $build in *-O[01s]-*-bare) continue ;; i686-clang-Os-nofp-plain) ;; *-plain) continue ;; esac
    case $build in $filter) ;; *) continue ;; esac
    "$here/build.sh" $arch $compiler $opt $frames "$out/$build"
    [ -n "$begun" ] || wine_begin $arch
    begun=yes
    run "$out/$build"
    echo "$build"
  done; done; done
  [ -z "$begun" ] || wine_end
done
