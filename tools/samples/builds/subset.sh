#!/bin/sh
# subset.sh OUTDIR - writes tests/data/builds again from what make.sh made in OUTDIR: some dumps of the
# matrix, made neutral (neutral.py), with their images and symbols, packed with xz.  Afterwards
# DUMPTRIAGE_UPDATE_EXPECTED=1 test_samples --gtest_filter='Builds.*' writes SURE.tsv again; whoever
# commits it reads the difference first.
set -e
here=$(cd "$(dirname "$0")" && pwd)
data=$here/../../../tests/data/builds
out=$1

pack() { xz --format=xz --check=crc32 -9e -T1 -c "$1" > "$2"; }

while read -r build scenarios; do
  rm -rf "${data:?}/$build"
  mkdir -p "$data/$build"
  for file in crash.exe crashlib.dll crash.pdb crashlib.pdb; do
    [ ! -e "$out/$build/$file" ] || pack "$out/$build/$file" "$data/$build/$file.xz"
  done
  for scenario in $scenarios; do
    "$here/neutral.py" "$out/$build/$scenario.dmp" "$data/$build/$scenario.dmp"
    pack "$data/$build/$scenario.dmp" "$data/$build/$scenario.dmp.xz"
    rm "$data/$build/$scenario.dmp"
    cp "$out/$build/$scenario.truth.json" "$data/$build"
  done
done << END
x86_64-clang-O0-nofp av deadlock
x86_64-clang-O2-nofp av callnull overflow
x86_64-gcc-O0-fp divide
x86_64-gcc-O2-nofp av raise callnull
i686-clang-O0-nofp av callnull raise
i686-clang-O2-fp av deadlock
i686-clang-O2-nofp av callnull doublefree
i686-clang-Os-nofp-plain overflow
i686-gcc-O0-fp av
i686-gcc-O0-nofp av callnull
i686-gcc-O2-fp callnull
i686-gcc-O2-nofp av divide overflow
i686-gcc-Os-nofp callnull raise
i686-gcc-O2-nofp-bare av
END
