#!/usr/bin/env bash
# torture.sh symbols: 100,000 mutations of every kind of image, symbol file and unwind data under
# ASan and UBSan, by the fuzz targets of build/fuzz from seeds that our own writers make; torture.sh
# cpus: 1,000,000 of what Itanium and Alpha are walked by.  The same seed makes the same run.  A unit
# over one second or 1 GiB fails.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1 percent=100 seed=1 jobs=1 save=build/fuzz/findings
shift
while [ $# -gt 0 ]; do
  case $1 in
    --percent) percent=$2; shift 2 ;;
    --seed) seed=$2; shift 2 ;;
    --jobs) jobs=$2; shift 2 ;;
    --save) save=$2; shift 2 ;;
    *) echo "torture $name: unknown option $1" >&2; exit 2 ;;
  esac
done

# What is read, the fuzz target that reads it, and how long its input may get where that is less:
# every byte of code is gone through many times.
symbols="PE|image_fuzz
PDB 7|pdb_fuzz
PDB 2.00|pdb20_fuzz
DBG|dbg_fuzz
CodeView NB09, NB11|codeview_fuzz
COFF symbols|coff_fuzz
Breakpad .sym|breakpad_sym_fuzz
FPO, FrameData programs|frame_data_fuzz
STACK CFI|cfi_fuzz
x86 code|x86_code_fuzz|768
x64 UNWIND_INFO|unwind_x64_fuzz
ARM64 .xdata|unwind_arm64_fuzz"
cpus="Itanium unwind data and backing store|unwind_ia64_fuzz|8192
Itanium bundles|ia64_code_fuzz|256
Alpha prologues, epilogues, .pdata|alpha_unwind_fuzz|8192
Alpha code|alpha_code_fuzz|256
CONTEXT of every CPU|context_fuzz|4096
whole walks on every CPU|stack_walk_fuzz|8192"
case $name in
  symbols) readers=$symbols thousands=100 ;;
  cpus) readers=$cpus thousands=1000 ;;
  *) echo "torture: no set $name" >&2; exit 2 ;;
esac

[ -f build/fuzz/CMakeCache.txt ] || cmake --preset fuzz >&2
cmake --build build/fuzz --target fuzz_seeds $(cut -d'|' -f2 <<<"$readers") >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build/fuzz/tests/fuzz_seeds "$work/seeds" >&2
mkdir -p "$save"

run() {
  local name target longest log runs status=ok
  IFS='|' read -r name target longest <<<"$1"
  log=$work/$target.log
  runs=$(awk -v p="$percent" -v t="$thousands" 'BEGIN { print int(10 * t * p) }')
  mkdir -p "$work/new/$target" "$work/seeds/$target"
  "build/fuzz/tests/$target" -runs="$runs" -seed="$seed" -timeout=1 -rss_limit_mb=1024 -max_len="${longest:-200000}" \
    -print_final_stats=1 -artifact_prefix="$save/$target-" "$work/new/$target" "$work/seeds/$target" \
    >"$log" 2>&1 || status=FAILED
  stat() { sed -n "s/^stat::$1: *//p" "$log"; }
  printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$name" "$target" "$(stat number_of_executed_units)" \
    "$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)" "$(stat slowest_unit_time_sec)" \
    "$(stat peak_rss_mb)" "$status"
  [ $status = ok ] || { tail -25 "$log" >&2; return 1; }
}
export -f run
export percent thousands seed save work

printf '| what | target | mutations | edges covered | slowest, s | peak, MiB | |\n|---|---|---:|---:|---:|---:|---|\n'
printf '%s\n' "$readers" | xargs -d '\n' -P "$jobs" -I{} bash -c 'run "{}"'
