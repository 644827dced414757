#!/bin/sh
# One large PDB: times inside this program, then whole processes side by side with llvm-symbolizer-19
# and lldb-19, where they are installed, over the same addresses.  Then the stacks of two overflows,
# whose 1,024 innermost frames are walked and named.
#   bench/symbols.sh [FOLDER]      where big.exe and big.pdb lie or are made (some minutes)
set -eu
cd "$(dirname "$0")/.."
folder=${1:-build/release/big}
[ -e "$folder/big.pdb" ] || bench/big_pdb.sh "$folder"
tools/build.sh release dumptriage bench_symbols bench_walk bench_whole_process
ours=build/release/bench/bench_symbols
pdb=$folder/big.pdb first=0x1000 last=0x2d0000 base=0x140000000
ls -l "$pdb"
"$ours" "$pdb" $first $last

for count in 1 100 10000; do
  "$ours" "$pdb" $first $last list $count | while read -r rva; do
    printf '0x%x\n' $((base + rva))
  done > "$folder/$count.addresses"
  sed 's/^/image lookup -a /' "$folder/$count.addresses" > "$folder/$count.lldb"
done
set -- "/bin/true" "/bin/true"
for count in 1 100 10000; do
  set -- "$@" "ours, $count" "$ours $pdb $first $last $count"
  if command -v llvm-symbolizer-19 >/dev/null 2>&1; then
    set -- "$@" "llvm-symbolizer-19, $count" \
      "llvm-symbolizer-19 --inlines --obj=$folder/big.exe @$folder/$count.addresses"
  fi
  if command -v lldb-19 >/dev/null 2>&1 && [ $count -le 100 ]; then
    set -- "$@" "lldb-19, $count" "lldb-19 -b $folder/big.exe -s $folder/$count.lldb"
  fi
done
build/release/bench/bench_whole_process 5 "$@"

set --
for build in x86_64-clang-O2-nofp i686-clang-Os-nofp-plain; do
  mkdir -p "$folder/$build"
  for file in tests/data/builds/$build/*.xz; do
    xz -dc "$file" > "$folder/$build/$(basename "$file" .xz)"
  done
  dump=$folder/$build/overflow.dmp
  echo "== $build"
  build/release/bench/bench_walk "$dump" "$folder/$build"
  set -- "$@" "ours, ${build%%-*}" \
    "build/release/dumptriage analyze $dump --no-siblings --threads crashed --images $folder/$build"
  if command -v lldb-19 >/dev/null 2>&1; then
    printf 'settings set target.exec-search-paths %s\ntarget create --core "%s"\nbt 1024\n' \
      "$folder/$build" "$dump" > "$folder/$build/lldb"
    set -- "$@" "lldb-19, ${build%%-*}" "lldb-19 -b -s $folder/$build/lldb"
  fi
done
build/release/bench/bench_whole_process 5 "$@"
