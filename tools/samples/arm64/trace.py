#!/usr/bin/env python3
"""Runs an image under qemu-aarch64, one instruction after the other, and writes what the CPU did:
registers and stack at every instruction, and the true frames.  A frame is what a call left behind:
its return address, and sp, fp and x19 ... x28 as they were at the call; the return must find them
unchanged, which is checked here.  No unwinder is involved.

The file, all numbers LEB128 but the first: "A64T", lowest address and size of the stack, pc,
x0 ... x30 and sp at the first instruction.  Then records, one for each instruction that is worth a
look, with all that happened since the one before:
  pc; count of changed registers, each {number, value}; count of stack words written, each
  {offset / 8, value}; frames gone; count of new frames, each {return address, sp, fp, x19 ... x28}
An instruction that was met a few times already is not worth one."""
import socket, struct, subprocess, sys, tempfile, time, os

ENOUGH = 2        # records for one address
MOST_STEPS = 200000
SAVED = [31, 29] + list(range(19, 29))  # sp, fp, x19 ... x28


class Gdb:
    """The remote protocol of GDB, as far as qemu's stub needs it."""

    def __init__(self, path):
        for _ in range(200):
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(path)
                break
            except OSError:
                time.sleep(0.05)
        self.buffer = b""

    def ask(self, text):
        data = text.encode()
        self.socket.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))
        while True:
            start, end = self.buffer.find(b"$"), self.buffer.find(b"#")
            if start >= 0 and end >= 0 and len(self.buffer) >= end + 3:
                answer = self.buffer[start + 1:end]
                self.buffer = self.buffer[end + 3:]
                self.socket.sendall(b"+")
                return answer.decode()
            got = self.socket.recv(65536)
            if not got:
                raise SystemExit("qemu is gone")
            self.buffer += got

    def registers(self):
        return list(struct.unpack("<33Q", bytes.fromhex(self.ask("g")[:33 * 16])))  # sp 31, pc 32

    def memory(self, address, size):
        parts = [self.ask(f"m{at:x},{min(0x400, address + size - at):x}")
                 for at in range(address, address + size, 0x400)]
        return bytes.fromhex("".join(parts))


def signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) else value


def place_of_store(word, regs):
    """Address of what a load or store may write, None for other instructions."""
    if (word >> 25 & 5) != 4:
        return None
    base = regs[word >> 5 & 31]
    if (word >> 27 & 7) == 5:  # pairs
        vector, kind = word >> 26 & 1, word >> 30
        scale = 2 + kind if vector else 2 + (kind >> 1)
        offset = signed(word >> 15 & 127, 7) << scale
        return base if (word >> 23 & 3) == 1 else base + offset
    if (word >> 27 & 7) != 7:
        raise SystemExit(f"store {word:08x} is not known")
    scale = (word >> 30) | (word >> 26 & 1) << 2 & (word >> 21 & 4)
    if word >> 24 & 1:
        return base + ((word >> 10 & 4095) << scale)
    if word >> 21 & 1:  # register offset
        index = regs[word >> 16 & 31] if (word >> 16 & 31) != 31 else 0
        option = word >> 13 & 7
        if option in (2, 6):
            index = index & 0xFFFFFFFF if option == 2 else signed(index & 0xFFFFFFFF, 32)
        return (base + (index << (scale if word >> 12 & 1 else 0))) & (1 << 64) - 1
    offset = signed(word >> 12 & 511, 9)
    return base if (word >> 10 & 3) == 1 else base + offset  # post-indexed


def leb(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


class Trace:
    def __init__(self, gdb, low, size, image):
        self.gdb, self.low, self.size, self.image = gdb, low, size, image
        self.stack = bytearray(size)
        self.frames, self.kept = [], 0  # `kept` of those the last record had are still there
        self.seen = {}
        self.regs = gdb.registers()
        self.last_regs, self.words = list(self.regs), {}
        self.new_frame(self.regs[30])
        self.out = b"A64T" + b"".join(leb(v) for v in [low, size, self.regs[32]] + self.regs[:32])
        self.records = self.steps = 0
        self.record()

    def new_frame(self, back):
        self.frames.append([back] + [self.regs[i] for i in SAVED])

    def record(self):
        pc = self.regs[32]
        self.seen[pc] = self.seen.get(pc, 0) + 1
        changed = [i for i in range(32) if self.regs[i] != self.last_regs[i]]
        out = leb(pc) + leb(len(changed))
        for i in changed:
            out += leb(i) + leb(self.regs[i])
        out += leb(len(self.words))
        for offset in sorted(self.words):
            out += leb(offset) + leb(self.words[offset])
        out += leb(self.recorded_frames - self.kept if self.records else 0)
        new = self.frames[self.kept:]
        out += leb(len(new))
        for frame in new:
            out += b"".join(leb(v) for v in frame)
        self.out += out
        self.last_regs, self.words = list(self.regs), {}
        self.kept = self.recorded_frames = len(self.frames)
        self.records += 1

    def note_writes(self, place):
        start = max(place & ~7, self.low)
        end = min(place + 39 & ~7, self.low + self.size)
        if start >= end:
            return
        data = self.gdb.memory(start, end - start)
        for i in range(0, end - start, 8):
            at = start - self.low + i
            if self.stack[at:at + 8] != data[i:i + 8]:
                self.stack[at:at + 8] = data[i:i + 8]
                self.words[at // 8] = int.from_bytes(data[i:i + 8], "little")

    def step(self):
        pc, regs = self.regs[32], self.regs
        word = int.from_bytes(self.image(pc), "little")
        call = (word & 0xFC000000) == 0x94000000 or (word & 0xFFFFFC1F) == 0xD63F0000
        back = (word & 0xFFFFFC1F) == 0xD65F0000
        place = place_of_store(word, regs)
        if call:
            self.new_frame(pc + 4)
        self.gdb.ask("s")
        self.regs = self.gdb.registers()
        if place is not None:
            self.note_writes(place)
        if back:
            frame = self.frames.pop()
            self.kept = min(self.kept, len(self.frames))
            now = [self.regs[32]] + [self.regs[i] for i in SAVED]
            if frame != now:
                raise SystemExit(f"the return at {pc:x} finds {now}, the call left {frame}")
        self.steps += 1
        return bool(self.frames)


def main():
    loader, image_path, out_path = sys.argv[1:4]
    data = open(image_path, "rb").read()
    nt = struct.unpack_from("<I", data, 0x3C)[0]
    entry, = struct.unpack_from("<I", data, nt + 24 + 16)
    base, = struct.unpack_from("<Q", data, nt + 24 + 24)
    socket_path = os.path.join(tempfile.mkdtemp(), "gdb")
    qemu = subprocess.Popen(["qemu-aarch64", "-cpu", "max", "-seed", "1", "-g", socket_path, loader,
                             image_path])
    gdb = Gdb(socket_path)
    gdb.ask(f"Z0,{base + entry:x},4")
    gdb.ask("c")
    gdb.ask(f"z0,{base + entry:x},4")
    size, = struct.unpack_from("<I", data, nt + 24 + 56)
    code = gdb.memory(base, size)
    trace = Trace(gdb, 0x70000000, 0x20000, lambda pc: code[pc - base:pc - base + 4])
    while trace.step():
        if trace.seen.get(trace.regs[32], 0) < ENOUGH:
            trace.record()
        if trace.steps > MOST_STEPS:
            raise SystemExit("too many instructions")
    if gdb.memory(trace.low, trace.size) != bytes(trace.stack):
        raise SystemExit("a store was missed")
    gdb.ask("c")
    open(out_path, "wb").write(trace.out)
    print(f"{out_path}: {trace.steps} instructions, {trace.records} records, exit {qemu.wait()}")


main()
