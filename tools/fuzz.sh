#!/usr/bin/env bash
# Runs every fuzz target of build/fuzz for a while, from the samples as seeds.
#   tools/fuzz.sh [--seconds N] [TARGET...]
# A finding is left in build/fuzz/findings/ and the exit code is 1.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=60
if [ "${1:-}" = --seconds ]; then seconds=$2; shift 2; fi
[ $# -gt 0 ] || set -- $(cd build/fuzz/tests && ls ./*_fuzz | sed 's|^\./||' | sort)

mkdir -p build/fuzz/findings
build/fuzz/tests/fuzz_seeds build/fuzz/seeds
run() {
  local target=$1 corpus=build/fuzz/corpus/$1
  mkdir -p "$corpus"
  local seeds=() longest=200000
  [ -d "build/fuzz/seeds/$target" ] && seeds+=("build/fuzz/seeds/$target")
  case $target in
    minidump_fuzz|kernel_dump_fuzz|open_fuzz|analyze_fuzz|system_snapshot_fuzz) seeds+=(dumps-samples) ;;
    unpack_fuzz) seeds+=(tests/data/kernels) ;;
    rules_fuzz) seeds+=(signatures) ;;
    x86_code_fuzz) longest=768 ;; # every byte of code is gone through many times
  esac
  if "build/fuzz/tests/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len="$longest" \
       -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$target-" "$corpus" "${seeds[@]}" \
       > "build/fuzz/findings/$target.log" 2>&1; then
    printf 'ok    %-28s %s runs\n' "$target" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/findings/$target.log")"
  else
    printf 'FAIL  %s\n' "$target"
    tail -40 "build/fuzz/findings/$target.log"
    return 1
  fi
}
export -f run
export seconds
# Two at a time: the machines that run this have two cores.
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'run {}'
