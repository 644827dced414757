#!/bin/sh
# Formats the C++ sources; with --check only says which files differ.
set -eu
cd "$(dirname "$0")/.."
files=$(git ls-files --cached --others --exclude-standard '*.cpp' '*.h')
if [ "${1:-}" = --check ]; then
  # shellcheck disable=SC2086
  clang-format-19 --dry-run -Werror $files
else
  # shellcheck disable=SC2086
  clang-format-19 -i $files
fi
