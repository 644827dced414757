#!/bin/sh
# make.sh [KIND...] - makes the files of dumps-samples again, byte for byte the same.
#   kernel   the KB961799 sample with its images and PDBs, and the cut copy of it (needs an x64 Linux,
#            g++, clang-19, lld-19 and llvm-19)
#   manifest dumps-samples/MANIFEST.tsv: checks sizes and digests, writes them again with --update
# The user dumps need Wine; tools/samples/user says how.
set -e
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
samples=$root/dumps-samples
tab=$(printf '\t')
update=no
[ $# -gt 0 ] || set -- kernel manifest
for kind; do [ "$kind" != --update ] || update=yes; done

kernel() {
  work=$(mktemp -d)
  "$here/kernel/build.sh" "$work"
  g++ -std=c++23 -O1 -I"$root/tests" "$here/machine.cpp" "$here/run_machine.cpp" \
    "$root/tests/synth/triage_writer.cpp" "$root/tests/synth/kernel_bytes.cpp" -o "$work/run_machine"
  "$work/run_machine" "$work" "$samples/kernel-x64-ws2003sp2-kb961799.dmp" \
    "$samples/truth/kernel-x64-ws2003sp2-kb961799.json"
  for file in ntoskrnl.exe ntoskrnl.pdb netbt.sys netbt.pdb; do
    cp "$work/$file" "$samples/symbols/$file"
    chmod 644 "$samples/symbols/$file"
  done
  # Cut inside the data block that holds CPU 0's KPRCB: the header, the drivers and the crashed stack
  # are whole, CPU 0 and the end mark are missing.
  head -c 35000 "$samples/kernel-x64-ws2003sp2-kb961799.dmp" > "$samples/damaged-kernel-x64-truncated.dmp"
  rm -rf "$work"
}

# Columns: file, size, SHA-256, what, how made, mark.  The first three are made here, the others kept.
manifest() {
  status=0
  new=$(mktemp)
  head -n 1 "$samples/MANIFEST.tsv" > "$new"
  tail -n +2 "$samples/MANIFEST.tsv" | while IFS="$tab" read -r file size digest rest; do
    now_size=$(stat -c %s "$samples/$file")
    now_digest=$(sha256sum "$samples/$file" | cut -d ' ' -f 1)
    [ "$size $digest" = "$now_size $now_digest" ] || echo "changed: $file" >&2
    printf '%s\t%s\t%s\t%s\n' "$file" "$now_size" "$now_digest" "$rest"
  done >> "$new"
  if [ "$update" = yes ]; then
    cat "$new" > "$samples/MANIFEST.tsv"
  elif ! cmp -s "$new" "$samples/MANIFEST.tsv"; then
    echo "make.sh: the files are not those of MANIFEST.tsv" >&2
    status=1
  fi
  rm -f "$new"
  return $status
}

for kind; do
  case $kind in
    kernel) kernel ;;
    manifest) manifest ;;
    --update) ;;
    *) echo "make.sh: what is '$kind'?" >&2; exit 2 ;;
  esac
done
