#!/bin/sh
# update_expected.sh - writes dumps-samples/expected/*.json again from what the program says today.
# Read the difference, against dumps-samples/truth, before you commit it.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${DUMPTRIAGE_BUILD:-$root/build/release}
cmake --build "$build" --target test_samples >&2
DUMPTRIAGE_UPDATE_EXPECTED=1 "$build/tests/test_samples" --gtest_brief=1 --gtest_filter='*Expected*ReportIsTheCommittedOne*'
git -C "$root" --no-pager diff --stat -- dumps-samples/expected
