#!/bin/sh
# Installs what is missing, builds everything, and runs all tests.
# Tests on the shared folder of real dumps say "skipped" where that folder is missing.
set -eu
cd "$(dirname "$0")/.."
tools/setup.sh
tools/build.sh release
ctest --test-dir build/release --output-on-failure -j "$(nproc)"
tools/torture.sh samples --percent 1
tools/torture.sh kernel-dumps --percent 1 --jobs "$(nproc)"
