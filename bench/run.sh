#!/bin/sh
# One small dump from start to end, whole processes side by side:
#   bench/run.sh [DUMP]          default: the x64 user sample (about 100 KB)
# Peers are optional: lldb-19 from Debian, and Breakpad's minidump_stackwalk where
# MINIDUMP_STACKWALK names one.
set -eu
cd "$(dirname "$0")/.."
dump=${1:-dumps-samples/user-x64-access-violation.dmp}
tools/build.sh release dumptriage bench_whole_process
symbols=dumps-samples/symbols

set -- true "/bin/true" \
  "dumptriage --version" "build/release/dumptriage --version" \
  "dumptriage text" "build/release/dumptriage analyze $dump --no-siblings" \
  "dumptriage json" "build/release/dumptriage analyze $dump --no-siblings --format json" \
  "dumptriage with symbols" "build/release/dumptriage analyze $dump --images $symbols --symbols $symbols" \
  "full kernel dump in .xz" "build/release/dumptriage analyze tests/data/kernels/w7-x64-deadlock.dmp.xz \
    --no-siblings --images tests/data/kernels/x64_7601 --threads all"
if command -v lldb-19 >/dev/null 2>&1; then
  printf 'target create --core "%s"\nbt all\nimage list\n' "$dump" > build/release/lldb.commands
  set -- "$@" "lldb-19 -b" "lldb-19 -b -s build/release/lldb.commands"
else
  echo "lldb-19 is not installed: left out" >&2
fi
if [ -n "${MINIDUMP_STACKWALK:-}" ]; then
  set -- "$@" "breakpad stackwalk" "$MINIDUMP_STACKWALK $dump"
else
  echo "MINIDUMP_STACKWALK is not set: Breakpad left out" >&2
fi
build/release/bench/bench_whole_process 15 "$@"

# The same stack of 100 frames on every CPU, and walks over garbage.
tools/build.sh release bench_walk_cpus
build/release/bench/bench_walk_cpus

# A 64 GB bitmap dump and a 32 GB full dump, sparse files made from a small machine: what of them is
# read, and how much memory that takes.  GIANTS names a folder for them, on a file system with holes.
tools/build.sh release giant_dump bench_file_share
machine=tests/data/kernels/w7-x64-fault.dmp.xz
kernels=tests/data/kernels
folder=$(mktemp -d "${GIANTS:-${TMPDIR:-/tmp}}/dumptriage-giants.XXXXXX")
trap 'rm -rf "$folder"' EXIT
for giant in "bitmap 64" "full 32"; do
  kind=${giant% *} gigabytes=${giant#* }
  build/release/tests/giant_dump "$kind" "$gigabytes" "$machine" "$folder/$kind.dmp" || continue
  printf '%-7s' "$kind"
  build/release/bench/bench_file_share "$folder/$kind.dmp" build/release/dumptriage analyze "$folder/$kind.dmp" \
    --images "$kernels" --symbols "$kernels" --threads all --no-siblings
done
