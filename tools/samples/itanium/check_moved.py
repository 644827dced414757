#!/usr/bin/env python3
"""check_moved.py STATES.json MOVED.tsv SYMBOLS_FOLDER - are the functions of the images the recorded ones?

binutils disassembles both; instructions must be the same but for one address each (a branch's target, a
movl's value), and that address must have moved as its function or the data did."""
import json, re, struct, subprocess, sys, tempfile

states, moved, folder = sys.argv[1:4]
recorded = json.load(open(states))
code = b"".join(bytes.fromhex(bundle) for bundle in recorded["code"]["bundles"])
code_at = int(recorded["code"]["address"], 16)
rows = [line.split() for line in open(moved)]  # image, its base, begin, end, new begin; the last: data
rows = [(image, *(int(value, 16) for value in values)) for image, *values in rows]


def disassembled(data, address):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        text = subprocess.run(["ia64-linux-gnu-objdump", "-D", "-b", "binary", "-m", "ia64",
                               "--adjust-vma=%#x" % address, file.name], check=True, capture_output=True, text=True)
    lines = re.findall(r"^[ \t]*[0-9a-f]+:[ \t]+(?:[0-9a-f]{2} )+[ \t]*(?:\[\w+\][ \t]*)?(.*)$", text.stdout, re.M)
    return [line.strip() for line in lines]


def new_place(address):
    for _, _, begin, end, to in rows:
        if begin <= address < end:
            return address - begin + to


instructions, aimed = 0, 0
for image, base, begin, end, to in rows[:-1]:
    data = open("%s/%s" % (folder, image), "rb").read()
    raw, = struct.unpack_from("<I", data, 0x80 + 0x18 + 0xF0 + 20)  # of .text, whose rva is 0x2000
    at = raw + to - base - 0x2000
    old = disassembled(code[begin - code_at:end - code_at], begin)
    new = disassembled(data[at:at + end - begin], to)
    if len(old) != len(new) or not old:
        sys.exit("%x: %d instructions, now %d" % (begin, len(old), len(new)))
    for before, after in zip(old, new):
        instructions += 1
        if before == after:
            continue
        aimed += 1
        a, b = (re.split(r"(0x[0-9a-f]{16})", line) for line in (before, after))
        if len(a) != 3 or len(b) != 3 or a[::2] != b[::2] or new_place(int(a[1], 16)) != int(b[1], 16):
            sys.exit("%x: '%s' is now '%s'" % (begin, before, after))
print("%d instructions are the recorded ones, %d of them aimed anew" % (instructions, aimed))
