#!/bin/sh
# Installs what is missing, builds the program, and runs it:
#   tools/run.sh scan dumps-samples
#   tools/run.sh analyze some.dmp
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/tools/setup.sh"
"$root/tools/build.sh" release dumptriage

# Files that merely lie beside a dump are not trusted by a scan, so the samples' symbols are named.
if [ "${1:-}" = scan ] && [ "${2:-}" = dumps-samples ] && [ $# = 2 ]; then
  cd "$root"
  set -- "$@" --images dumps-samples/symbols --symbols dumps-samples/symbols
  echo "+ build/release/dumptriage $*" >&2
fi
exec "$root/build/release/dumptriage" "$@"
