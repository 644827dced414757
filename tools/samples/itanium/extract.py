#!/usr/bin/env python3
"""extract.py PROGRAM.image.json PROGRAM.jsonl.xz LINE... > states.json

Takes what the sample needs out of a recording of executed Itanium code (our own scenarios, compiled by
GCC for ia64, run in a simulator that kept a shadow stack of calls): the code, its unwind descriptors,
and for each LINE of the recording the registers, the stack, the backing store and the true frames.
Everything is text, so that a reader can look at it and a change shows.  The simulated stack is almost
all zeros: only the words that are not stand here."""
import base64, json, lzma, struct, sys, zlib


def unpack(piece):
    return zlib.decompress(base64.b64decode(piece["zb64"]))


def words(base, data, end):
    rows = {}
    for at in range(0, len(data) - 7, 8):
        value = struct.unpack_from("<Q", data, at)[0]
        if value and base + at < end:
            rows["%x" % (base + at)] = "%x" % value
    return rows


def state(line, stack_top):
    store, memory = line["bstore"], line["mem"][0]
    stack = words(int(memory["addr"], 16), unpack(memory), stack_top)
    sp = line["r"][12]
    frames = [{k: f[k] for k in ("ip", "func", "sp", "bsp", "cfm")} for f in line["frames"]]
    for frame, recorded in zip(frames, line["frames"]):
        if "stacked" in recorded:
            frame["stacked"] = recorded["stacked"]
    out = {k: line[k] for k in ("step", "ip", "cfm", "pfs", "bsp", "pr", "rnat", "unat", "lc", "ec", "fpsr",
                                "r", "b", "stacked")}
    out.update(f={str(i): v for i, v in enumerate(line["f"]) if i > 1 and int(v, 16)},
               stack={k: v for k, v in stack.items() if int(k, 16) >= int(sp, 16)},
               store=words(int(store["addr"], 16), unpack(store), 1 << 64), frames=frames)
    return out


image = json.load(open(sys.argv[1]))
lines = lzma.open(sys.argv[2], "rt").read().splitlines()
text = image["text"]
data = image["segments"][1]
json.dump({
    "code": {"address": text["addr"],
             "bundles": [text["hex"][i:i + 32] for i in range(0, len(text["hex"]), 32)]},
    "data": {"address": data["addr"], "hex": unpack(data).hex()},
    "gp": image["gp"], "stack_top": image["stack_top"], "store_base": image["bstore_base"],
    "functions": image["functions"],
    "unwind": [{k: e[k] for k in ("begin", "end", "header", "descriptors")} for e in image["unwind"]],
    "states": [state(json.loads(lines[int(n)]), int(image["stack_top"], 16)) for n in sys.argv[3:]],
}, sys.stdout, indent=1)
print()
