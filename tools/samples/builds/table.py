#!/usr/bin/env python3
"""table.py DUMPTRIAGE OUTDIR [--wine64 FOLDER] [--wine32 FOLDER] [--failures] - the table of right frames per build.
OUTDIR is what make.sh made.  Every dump is analysed with its own images and symbols, and once more with
Wine's system images (FOLDER: libwine's x86_64-windows or i386-windows of the same version)."""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys

import truth as t


def analyse(program, dumps, folders):
    """The reports of several dumps, in order."""
    command = [program, "analyze", "--format", "json", "--threads", "all", "--no-siblings"]
    for folder in folders:
        command += ["--images", str(folder)]
    done = subprocess.run(command + [str(d) for d in dumps], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"table.py: {' '.join(command)}: {done.stderr}")
    reports = json.loads(done.stdout)
    return reports if isinstance(reports, list) else [reports]


def stack_of(thread):
    return [
        t.Frame(int(f["pc"], 16), int(f["sp"], 16), f["sure"], f.get("function", ""), f.get("file", ""), f.get("line", 0))
        for f in thread["frames"]
        if not f.get("inline")
    ]


def describe(report, tid, stack, frames):
    text = [f"{report['dump']['path']} thread {tid}"]
    known = {(pc, sp): function for function, pc, sp in frames}
    for i, f in enumerate(stack[:80]):
        mark = "true" if (f.pc, f.sp) in known else ""
        text.append(f"  {i:2} {'sure ' if f.sure else 'guess'} pc {f.pc:X} sp {f.sp:X} {f.function} {mark}")
    text.append("  truth:")
    text += [f"     {function} returns to pc {pc:X} sp {sp:X}" for function, pc, sp in frames[:12]]
    return "\n".join(text)


def judge_build(program, build, folders, lines, failures):
    total = t.Score()
    dumps = sorted(build.glob("*.dmp"))
    for dump, report in zip(dumps, analyse(program, dumps, [build] + folders)):
        noted = t.Truth(dump.with_suffix(".truth.json"), build)
        threads = {int(thread["id"]): thread for thread in report["threads"]}
        for tid, frames in noted.threads.items():
            stack = stack_of(threads[tid])
            score = t.judge(stack, frames, noted, lines)
            total.add(score)
            bad = score.wrong or score.misnamed or score.mislined or not score.whole
            if failures and bad:
                ended = threads[tid].get("ended", "")
                print(describe(report, tid, stack, frames), "\n  ended:", ended, file=sys.stderr)
    return total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("builds", type=pathlib.Path)
    parser.add_argument("--wine64", default=os.environ.get("DUMPTRIAGE_WINE_DIR"))
    parser.add_argument("--wine32", default=os.environ.get("DUMPTRIAGE_WINE32_DIR"))
    parser.add_argument("--failures", action="store_true", help="describe every stack that is not right, on stderr")
    parser.add_argument("--only", default="*", help="pattern of builds")
    arguments = parser.parse_args()
    here = pathlib.Path(__file__).resolve().parent
    lines = t.call_lines([here / "../user/crash.c", here / "../user/crashlib.c"])
    print("| build | true frames | own images: sure + guessed | wrong | names | lines "
          "| system images too: sure + guessed | wrong | names | lines |")
    print("|---|" + "--:|" * 9)
    sums = collections.defaultdict(lambda: [t.Score(), t.Score()])
    for build in sorted(p for p in arguments.builds.glob(arguments.only) if p.name.startswith(("x86_64-", "i686-"))):
        wine = arguments.wine64 if build.name.startswith("x86_64") else arguments.wine32
        scores = [judge_build(arguments.program, build, folders, lines, arguments.failures)
                  for folders in [[]] + ([[wine]] if wine else [])]
        for key in ("-".join(build.name.split("-")[:2]), "all"):
            for total, score in zip(sums[key], scores):
                total.add(score)
        print(row(build.name, scores))
    for key, scores in sums.items():
        if key != "all":
            print(row(f"**{key}**", scores))
    print(row("**all**", sums["all"]))


def part(right, wrong):
    return f"{right}/{right + wrong}" if right + wrong else "-"


def row(name, scores):
    cells = [name, str(scores[0].true)]
    for s in scores:
        found = f"{s.sure} + {s.guess}" if s.guess else str(s.sure)
        cells += [found, str(s.wrong), part(s.named, s.misnamed), part(s.lined, s.mislined)]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
