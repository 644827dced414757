#!/bin/sh
# Installs what dumptriage needs to build and to run its tests on Debian 12.  Says what it does;
# does nothing when everything is there.
#   tools/setup.sh          compiler and libraries of the program and its tests
#   tools/setup.sh --checks also clang-19 with sanitizers and libFuzzer, and the formatter (.ci/run)
set -eu

packages="g++ cmake ninja-build git ca-certificates llvm-19-dev libzstd-dev zlib1g-dev
  libfmt-dev libcli11-dev nlohmann-json3-dev libarchive-dev libmspack-dev libcurl4-openssl-dev
  libgtest-dev libgmock-dev libvalijson-dev dpkg-dev python3"
checks="clang-19 libclang-rt-19-dev clang-format-19"

wanted=$packages
case "${1:-}" in
  "") ;;
  --checks) wanted="$packages $checks" ;;
  *) echo "usage: tools/setup.sh [--checks]" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
  echo "setup: this is not a Debian system. Please install what Debian 12 calls:" >&2
  echo "  "$wanted >&2
  exit 1
fi

missing=
for package in $wanted; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
  exit 0
fi

if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null 2>&1; then
  as_root=sudo
else
  echo "setup: these packages are missing, and neither root nor sudo is at hand to install them:" >&2
  echo " $missing" >&2
  echo "Ask an administrator to run:  apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

echo "setup: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q >&2
# shellcheck disable=SC2086  # a list of words on purpose
$as_root apt-get install -q -y --no-install-recommends $missing >&2
