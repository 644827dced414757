#!/bin/sh
# make.sh [--check] [KERNEL...] - compiles the kernels, boots every machine of machines.txt in QEMU and
# writes tests/data/kernels again: dumps, truth files, images with PDBs, MANIFEST.tsv.  --check writes to
# a temporary folder and compares.  Needs clang-19, lld-19, llvm-19, qemu-system-x86, python3, xz.
set -e
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=$root/tests/data/kernels
check=no
[ "$1" != --check ] || { check=yes; shift; out=$(mktemp -d); }
kernels=${*:-$(grep -v '^#' "$here/machines.txt" | awk 'NF { print $2 }' | sort -u)}
mkdir -p "$out"
for kernel in $kernels; do
  work=$(mktemp -d)
  "$here/build.sh" "$kernel" "$work"
  mkdir -p "$out/$kernel"
  for file in "$work"/*.exe "$work"/*.dll "$work"/*.sys "$work"/*.pdb; do
    cp "$file" "$out/$kernel/"
    chmod 644 "$out/$kernel/$(basename "$file")"
  done
  for name in $(awk -v k="$kernel" '!/^#/ && $2 == k { print $1 }' "$here/machines.txt"); do
    python3 "$here/machine.py" "$name" "$work" "$out"
    xz -9e -T1 -f "$out/$name.dmp"
  done
  rm -rf "$work"
done

# file, size, SHA-256 of it, SHA-256 of what is packed in it
manifest() {
  cd "$1"
  printf 'file\tsize\tsha256\tsha256 unpacked\n'
  find . -type f ! -name MANIFEST.tsv | sed 's|^\./||' | LC_ALL=C sort | while read -r file; do
    inside=-
    case $file in *.xz) inside=$(xz -dc "$file" | sha256sum | cut -d ' ' -f 1) ;; esac
    printf '%s\t%s\t%s\t%s\n' "$file" "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d ' ' -f 1)" "$inside"
  done
}
(manifest "$out") > "$out/MANIFEST.tsv"
if [ $check = yes ]; then
  diff "$out/MANIFEST.tsv" "$root/tests/data/kernels/MANIFEST.tsv" && echo 'all files are made again as they are'
  rm -rf "$out"
fi
