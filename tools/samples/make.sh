#!/bin/sh
# make.sh [KIND...] - makes the files of dumps-samples again, byte for byte the same.
#   kernel   the KB961799 sample with its images and PDBs, and the cut copy of it (needs an x64 Linux,
#            g++, clang-19, lld-19 and llvm-19)
#   alpha    the two dumps of NT 4 for Alpha (needs gcc-alpha-linux-gnu 12, qemu-user, python3, g++)
#   itanium  the two dumps of Server 2003 for Itanium, from the recorded states beside make_itanium.cpp (g++)
#   paper    the x86 dumps of the first four articles, machines on paper (g++)
#   manifest dumps-samples/MANIFEST.tsv: checks sizes and digests, writes them again with --update
# The user dumps need Wine; tools/samples/user says how.
set -e
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
samples=$root/dumps-samples
tab=$(printf '\t')
update=no
[ $# -gt 0 ] || set -- kernel alpha itanium paper manifest
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

# maker CPU OUT: what lays the machines of tools/samples/CPU down.
maker() {
  synth=$root/tests/synth
  g++ -std=c++23 -O1 -Wall -Wextra -I"$root/tests" "$here/$1/make_$1.cpp" "$synth"/paper_*.cpp "$synth/cpu_contexts.cpp" \
    "$synth/kernel_headers.cpp" "$synth/triage_writer.cpp" "$synth/minidump_writer.cpp" "$synth/userdump_writer.cpp" \
    "$synth/pe_writer.cpp" "$synth/coff_writer.cpp" "$synth/codeview_writer.cpp" "$synth/dbg_writer.cpp" \
    "$synth/pdb20_writer.cpp" -o "$2"
}

alpha() {
  work=$(mktemp -d)
  "$here/alpha/build.sh" "$work"
  maker alpha "$work/maker"
  mkdir -p "$work/q188315" "$work/q242896" "$samples/symbols/alpha/sp5"
  for scenario in 1:q188315 2:q242896; do
    name=${scenario#*:}
    python3 "$here/alpha/record.py" "$work" "${scenario%:*}" "$work/$name.json"
    "$work/maker" "$work/$name.json" "$work/$name" "$samples/kernel-alpha-nt4-$name.dmp" \
      "$samples/truth/kernel-alpha-nt4-$name.json"
  done
  cp "$work/q188315/ntoskrnl.dbg" "$work/q188315/sfmsrv.dbg" "$samples/symbols/alpha"
  cp "$work/q242896/sfmsrv.dbg" "$samples/symbols/alpha/sp5"
  rm -rf "$work"
}

itanium() {
  work=$(mktemp -d)
  maker itanium "$work/maker"
  mkdir -p "$samples/symbols/ia64"
  "$work/maker" "$here/itanium/states.json" "$samples/symbols/ia64" "$samples" "$work/moved.tsv"
  # A second opinion on the moved code, where binutils for ia64 is at hand.
  ! command -v ia64-linux-gnu-objdump > /dev/null ||
    python3 "$here/itanium/check_moved.py" "$here/itanium/states.json" "$work/moved.tsv" "$samples/symbols/ia64"
  rm -rf "$work"
}

paper() {
  work=$(mktemp -d)
  synth=$root/tests/synth
  matrix=$root/tests/matrix
  g++ -std=c++23 -O1 -Wall -I"$root/tests" -I"$here" "$here/make_paper.cpp" "$matrix/scenario.cpp" "$matrix"/kb961799.cpp \
    "$matrix"/q188315.cpp "$matrix"/q242896.cpp "$matrix"/q260752.cpp "$synth"/nt_*.cpp "$synth/kernel_objects.cpp" \
    "$synth/kernel_bytes.cpp" "$synth/full_dump.cpp" "$synth/convert.cpp" "$synth/page_dumps.cpp" "$synth/triage_from_full.cpp" \
    "$synth"/triage_writer*.cpp "$synth/pe_writer.cpp" "$synth/coff_writer.cpp" "$synth/codeview_writer.cpp" \
    "$synth/dbg_writer.cpp" "$synth/pdb20_writer.cpp" -o "$work/maker"
  for folder in nt4/q188315 nt4/q242896 nt4/q260752 ws2003; do mkdir -p "$samples/symbols/$folder"; done
  "$work/maker" "$samples"
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
    alpha) alpha ;;
    itanium) itanium ;;
    paper) paper ;;
    manifest) manifest ;;
    --update) ;;
    *) echo "make.sh: what is '$kind'?" >&2; exit 2 ;;
  esac
done
