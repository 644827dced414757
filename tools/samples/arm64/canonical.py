#!/usr/bin/env python3
"""Writes functions with the canonical prologues and epilogues of "ARM64 exception handling"
(learn.microsoft.com), each with the packed word that stands for it, as assembler text."""
import itertools


def saves(ints, floats, homes, cr):
    """The instructions that save registers, with the size of their area."""
    lr = cr == 1
    int_size, float_size = 8 * ints + 8 * lr, 8 * floats
    homes = homes and int_size + float_size > 0
    area = (int_size + float_size + 64 * homes + 15) & ~15
    out, slot = [], 0

    def place():
        return f"[sp, #-{area}]!" if not out else f"[sp, #{8 * slot}]"

    names = [f"x{19 + i}" for i in range(ints)] + (["x30"] if lr else [])
    if names == ["x19", "x30"]:
        out.append(f"sub sp, sp, #{area}")
    for pair in (names[i:i + 2] for i in range(0, len(names), 2)):
        out.append(f"{'stp' if len(pair) == 2 else 'str'} {', '.join(pair)}, {place()}")
        slot += len(pair)
    names = [f"d{8 + i}" for i in range(floats)]
    for pair in (names[i:i + 2] for i in range(0, len(names), 2)):
        out.append(f"{'stp' if len(pair) == 2 else 'str'} {', '.join(pair)}, {place()}")
        slot += len(pair)
    for i in range(4 if homes else 0):
        out.append(f"stp x{2 * i}, x{2 * i + 1}, [sp, #{8 * slot + 16 * i}]")
    return out, area


def locals_of(size, cr):
    chained = cr >= 2
    if chained and size <= 512:
        return [f"stp x29, x30, [sp, #-{size}]!", "mov x29, sp"]
    out = [f"sub sp, sp, #{min(size, 4080)}"] if size else []
    if size > 4080:
        out.append(f"sub sp, sp, #{size - 4080}")
    return out + (["stp x29, x30, [sp]", "mov x29, sp"] if chained else [])


def undo(instruction):
    """The instruction of the epilogue that mirrors one of the prologue."""
    if instruction == "pacibsp":
        return "autibsp"
    if instruction == "mov x29, sp" or instruction.startswith("stp x0") or \
            instruction[:6] in ("stp x2", "stp x4", "stp x6") and instruction[6] == ",":
        return None
    if instruction.startswith("sub"):
        return instruction.replace("sub", "add")
    text = instruction.replace("stp", "ldp").replace("str", "ldr")
    if text.endswith("]!"):
        text = text.replace("[sp, #-", "[sp], #").replace("]!", "")
    return text


def function(name, ints, floats, homes, cr, size):
    saved, area = saves(ints, floats, homes, cr)
    prologue = (["pacibsp"] if cr == 2 else []) + saved + locals_of(size, cr)
    body = []
    if homes and area == 0:
        body += [f"stp x{i}, x{i + 1}, [sp, #{16 + 8 * i}]" for i in range(0, 8, 2)]
    body += [f"mov x{19 + i}, #{i + 1}" for i in range(ints)]
    body += ["fmov d%d, #1.0" % (8 + i) for i in range(floats)]
    body += ["bl canonical_leaf"] if cr else ["mov x0, #1"]
    epilogue = [u for u in map(undo, reversed(prologue)) if u] + ["ret"]
    lines = [f"{name}:"] + ["  " + i for i in prologue + body + epilogue] + [f"{name}_end:"]
    packed = (f"1 | ({name}_end - {name}) / 4 << 2 | {max(floats - 1, 0)} << 13 | {ints} << 16 | "
              f"{int(homes)} << 20 | {cr} << 21 | {(area + size) // 16} << 23")
    return lines, [f"  .rva {name}", f"  .word {packed}"]


def main():
    text, pdata, names = [], [], []
    sizes = itertools.cycle([16, 496, 64, 528, 4096, 96])
    for ints, floats, homes, cr in itertools.product([0, 1, 2, 3, 10], [0, 2, 3, 8], [0, 1],
                                                     [0, 1, 2, 3]):
        if ints == 10 and floats == 3:
            continue
        size = next(sizes)
        if homes and ints + floats == 0 and cr != 1:
            size += 80
        if cr == 1 and ints == 2 and floats == 2:
            size = 0
        names.append(f"canonical_{ints}_{floats}_{homes}_{cr}")
        lines, entry = function(names[-1], ints, floats, homes, cr, size)
        text += lines
        pdata += entry
    print("  .text\n  .p2align 2\ncanonical_leaf:\n  add x0, x0, #1\n  ret")
    print("\n".join(text))
    print("  .section .pdata, \"dr\"\n  .p2align 2")
    print("\n".join(pdata))
    print("  .text\n  .globl canonical_all\n  .seh_proc canonical_all\ncanonical_all:")
    print("  stp x29, x30, [sp, #-16]!\n  .seh_save_fplr_x 16\n  .seh_endprologue")
    print("\n".join(f"  bl {name}" for name in names))
    print("  .seh_startepilogue\n  ldp x29, x30, [sp], #16\n  .seh_save_fplr_x 16")
    print("  .seh_endepilogue\n  ret\n  .seh_endproc")


main()
