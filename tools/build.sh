#!/bin/sh
# Builds a preset (default: release) into build/<preset>.
#   tools/build.sh [PRESET] [TARGET...]
set -eu
cd "$(dirname "$0")/.."
preset=${1:-release}
[ $# -gt 0 ] && shift
[ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >&2
cmake --build "build/$preset" --target "${@:-all}" >&2
