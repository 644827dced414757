#!/bin/sh
# torture.sh NAME [--percent P] [--seed N] [--jobs N] [--save DIR] - large runs over damaged input.
#   samples        every sample dump cut at every byte, and 100,000 copies changed at random
#   kernel-dumps   every kind of kernel dump cut at every byte of its headers and every 4 KB after,
#                  and 100,000 copies of each changed at random
#   symbols        100,000 mutations of every kind of image, symbol file and unwind data under ASan
#                  and UBSan (needs what tools/setup.sh --checks installs)
#   cpus           the same with 1,000,000 of what Itanium and Alpha are walked by
# Prints a table; exit code 1 when anything crashed, hung or took too much memory.  docs/torture.md
# keeps the table of a full run; CI runs 1 percent.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || { sed -n '2,10s/^# //p' "$0" >&2; exit 2; }
case $1 in
  symbols | cpus) exec "$root/tools/torture_fuzz.sh" "$@" ;;
esac
build=${DUMPTRIAGE_BUILD:-$root/build/release}
if [ ! -f "$build/CMakeCache.txt" ]; then
  "$root/tools/build.sh" release dumptriage_torture >&2
else
  cmake --build "$build" --target dumptriage_torture >&2
fi
exec "$build/tests/dumptriage_torture" "$@"
