#!/usr/bin/env python3
"""compare.py DUMPTRIAGE [--lldb PROGRAM] [--stackwalk PROGRAM] [--wine64 FOLDER] [--wine32 FOLDER] NAME=IMAGES=DUMPS...
The true frames that dumptriage, lldb and Breakpad's minidump_stackwalk show on the same dumps, in one table.
IMAGES: the folder of the program's images and PDBs; DUMPS: the folder of *.dmp with *.truth.json beside.
Neither of the others marks guesses: each frame they show counts as meant."""
import argparse
import os
import pathlib
import pickle
import re
import struct
import subprocess

import table
import truth as t


def thread_ids(dump):
    """Ids of the thread list (stream 3) of a minidump, in order."""
    data = dump.read_bytes()
    count, directory = struct.unpack_from("<II", data, 8)
    for i in range(count):
        kind, _, at = struct.unpack_from("<III", data, directory + 12 * i)
        if kind == 3:
            threads = struct.unpack_from("<I", data, at)[0]
            return [struct.unpack_from("<I", data, at + 4 + 48 * k)[0] for k in range(threads)]
    return []


def by_lldb(program, dump, folders):
    commands = ["settings set target.exec-search-paths " + " ".join(f"'{f}'" for f in folders),
                f"target create -c '{dump}'", "thread list", "bt all"]
    arguments = [program, "--no-lldbinit", "--batch"]
    for command in commands:
        arguments += ["-o", command]
    text = subprocess.run(arguments, capture_output=True, text=True, errors="replace", timeout=300).stdout
    ids, stacks, stack = {}, {}, []
    for line in text.splitlines():
        if m := re.search(r"thread #(\d+): tid = (0x[0-9a-f]+|\d+)", line):
            ids[m[1]] = int(m[2], 0)
        elif m := re.match(r"[ *]*thread #(\d+)", line):
            stack = stacks.setdefault(ids.get(m[1]), [])
        elif (m := re.search(r"frame #\d+: 0x([0-9a-f]+)(.*)", line)) and "[inlined]" not in line:
            name = re.search(r"`([^(]+?)(?:\(| \+ | at |$)", m[2])
            at = re.search(r" at ([^ :]+):(\d+)", m[2])
            stack.append(t.Frame(int(m[1], 16), function=name[1] if name else "",
                                 file=at[1] if at else "", line=int(at[2]) if at else 0))
    return stacks


def by_stackwalk(program, dump, folders):
    text = subprocess.run([program, str(dump)], capture_output=True, text=True, errors="replace", timeout=300).stdout
    ids = thread_ids(dump)
    stacks, stack = {}, []
    for line in text.splitlines():
        if m := re.match(r"Thread (\d+)", line):
            stack = stacks.setdefault(ids[int(m[1])], [])
        elif m := re.search(r"\b[er]ip = 0x([0-9a-f]+)", line):
            stack.append(t.Frame(int(m[1], 16)))
    return stacks


def by_dumptriage(program, dump, folders):
    report = table.analyse(program, [dump], folders)[0]
    return {int(thread["id"]): table.stack_of(thread) for thread in report["threads"]}


def shown(walker, program, dump, folders, kept):
    """The stacks; those of the other debuggers, which take their time, are kept."""
    if walker is by_dumptriage or kept is None:
        return walker(program, dump, folders)
    key = (walker.__name__, str(dump), dump.stat().st_mtime_ns, *map(str, folders))
    if key not in kept:
        kept[key] = walker(program, dump, folders)
    return kept[key]


def compare(walker, program, images, dumps, wine, lines, kept):
    total = t.Score()
    for dump in dumps:
        noted = t.Truth(dump.with_suffix(".truth.json"), images)
        stacks = shown(walker, program, dump, [images] + ([wine] if wine else []), kept)
        for tid, frames in noted.threads.items():
            total.add(t.judge(stacks.get(tid, []), frames, noted, lines, gaps=walker is not by_dumptriage))
    return total


def cell(score):
    right = f"{score.sure}+{score.guess}" if score.guess else str(score.sure)
    return f"{right} / {score.wrong} / {score.whole}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("sets", nargs="+", metavar="NAME=IMAGES=DUMPS")
    parser.add_argument("--lldb", default="lldb-19")
    parser.add_argument("--stackwalk")
    parser.add_argument("--keep", type=pathlib.Path, help="file that keeps what the others showed, for the next run")
    parser.add_argument("--wine64", default=os.environ.get("DUMPTRIAGE_WINE_DIR"))
    parser.add_argument("--wine32", default=os.environ.get("DUMPTRIAGE_WINE32_DIR"))
    arguments = parser.parse_args()
    here = pathlib.Path(__file__).resolve().parent
    lines = t.call_lines([here / "../user/crash.c", here / "../user/crashlib.c"])
    kept = None
    if arguments.keep:
        kept = pickle.loads(arguments.keep.read_bytes()) if arguments.keep.exists() else {}
    walkers = [("dumptriage", by_dumptriage, arguments.program), ("lldb", by_lldb, arguments.lldb)]
    heads = ["set", "true frames / threads"]
    heads += [f"{name}{more}" for more in ("", ", system images") for name, _, _ in walkers]
    if arguments.stackwalk:
        heads.append("minidump_stackwalk, no .sym")
    print("| " + " | ".join(heads) + " |\n|---|" + "--:|" * (len(heads) - 1))
    for entry in arguments.sets:
        name, images, folder = entry.split("=")
        images = pathlib.Path(images).resolve()
        wine = arguments.wine64 if t.is_64(images) else arguments.wine32
        dumps = sorted(pathlib.Path(folder).resolve().glob("*.dmp"))
        scores = [compare(walker, program, images, dumps, with_wine, lines, kept)
                  for with_wine in (None, wine) for _, walker, program in walkers]
        if arguments.stackwalk:
            scores.append(compare(by_stackwalk, arguments.stackwalk, images, dumps, None, None, kept))
        print(f"| {name} | {scores[0].true} / {scores[0].threads} | " + " | ".join(cell(s) for s in scores) + " |", flush=True)
        if kept is not None:
            arguments.keep.write_bytes(pickle.dumps(kept))


if __name__ == "__main__":
    main()
