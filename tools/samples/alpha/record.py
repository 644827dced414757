#!/usr/bin/env python3
"""record.py BUILD_FOLDER SCENARIO OUT.json - runs the sample kernel for Alpha, one instruction at a time,
in qemu-alpha over its gdb stub, until it stands still, and writes down memory, registers and true frames.

  * Addresses.  A process cannot have addresses like FFFFFFFF80080000.  The code is linked and runs with
    bit 32 in place of the upper 32 ones (0x180080000), and afterwards every 64-bit value that is such an
    address is written as the sign-extended 32-bit address that it stands for.
  * Truth.  The calls themselves are watched (a shadow stack); no unwinder and no unwind data takes part.
  * What the PALcode does is played here: call_pal 6 (swpirql), 0 (halt), and the way from a memory fault
    to KiMemoryManagementException.  No public source gives the layout of the trap frame: the one below
    (TRAP_FRAME) is ours, and only our KiMemoryManagementException knows it."""
import json, os, re, socket, struct, subprocess, sys, tempfile, time

HIGH = 1 << 32
# Scenario 1 lies in KSEG0 (physical memory itself); in scenario 2 page tables map drivers and stack.
KERNEL = ("ntoskrnl.exe", "ntoskrnl", 0x80080000)
DRIVERS = {1: [("fsfilt.sys", "fsfilt", 0x80400000), ("sfmsrv.sys", "sfmsrv", 0x80420000)],
           2: [("fsfilt.sys", "fsfilt-mapped", 0xF1400000), ("sfmsrv.sys", "sfmsrv-mapped", 0xF1420000)]}
STACKS = {1: (0x80610000, 0x4000), 2: (0xF8610000, 0x4000)}
POOL, LOADER = (0x80600000, 0x2000), (0x80620000, 0x2000)
TRAP_FRAME = 0x140
SP, RA, T12, GP, PC = 30, 26, 27, 29, 64
PRESERVED = range(9, 16)


class Image:
    def __init__(self, folder, name, stem, base):
        self.name, self.base = name, base
        path = "%s/%s.elf" % (folder, stem)
        data = open(path, "rb").read()
        shoff, = struct.unpack_from("<Q", data, 40)
        entry, count, names = struct.unpack_from("<HHH", data, 58)
        headers = [struct.unpack_from("<IIQQQQIIQQ", data, shoff + i * entry) for i in range(count)]
        text = lambda at, table: data[table + at:data.index(b"\0", table + at)].decode()
        self.sections, self.symbols, self.functions = {}, {}, []
        for h in headers:
            name = text(h[0], headers[names][4])
            if h[3] and name != ".eh_frame":
                body = bytes(h[5]) if h[1] == 8 else data[h[4]:h[4] + h[5]]
                self.sections[name] = (h[3] - HIGH - base, body)
            if h[1] == 2:
                strings = headers[h[6]][4]
                for at in range(h[4], h[4] + h[5], 24):
                    n, info, _, section, value, size = struct.unpack_from("<IBBHQQ", data, at)
                    if section and section < 0xFF00:
                        self.symbols[text(n, strings)] = value
                        if info & 15 == 2 and size:
                            self.functions.append([value, value + size, text(n, strings), value])
        self.functions.sort()
        ends = prologue_ends(path)
        for f in self.functions:
            f[3] = self.symbols.get(f[2] + "$prolog_end", ends.get(f[0], f[0]))
        self.size = (max(at + len(body) for at, body in self.sections.values()) + 0x1FFF) & ~0x1FFF

    def memory(self):
        out = bytearray(self.size)
        for at, body in self.sections.values():
            out[at:at + len(body)] = body
        return bytes(out)


def prologue_ends(path):
    """Where the compiler's call-frame rules stop building the frame: the first byte behind the prologue."""
    rows = subprocess.run(["alpha-linux-gnu-readelf", "--debug-dump=frames-interp", path], check=True,
                          capture_output=True, text=True).stdout
    ends, begin, last = {}, None, None
    for line in rows.splitlines():
        fde = re.search(r"FDE cie=\S+ pc=([0-9a-f]+)\.\.", line)
        if fde:
            begin, last = int(fde[1], 16), None
            ends[begin] = begin
        row = re.match(r"^([0-9a-f]{16}) (r\d+)\+(\d+)\s*(.*)$", line)
        if not row or begin is None:
            continue
        size, saved = int(row[3]), row[4].count("c-")
        if last and (size < last[0] or saved < last[1]) and row[2] != "r15":
            begin = None
            continue
        ends[begin], last = int(row[1], 16), (size, saved)
    return ends


def elf_file(regions):
    """A program of nothing but memory; regions: (address, bytes)."""
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 0x9026, 1, regions[0][0] + 0x2000, 64, 0,
                                                       0, 64, 56, len(regions), 64, 0, 0)
    at, table, body = 0x2000, b"", b""
    for address, data in regions:
        table += struct.pack("<IIQQQQQQ", 1, 7, at, address, address, len(data), len(data), 0x2000)
        body += data
        at += len(data)
    return (head + table).ljust(0x2000, b"\0") + body


class Machine:
    def __init__(self, program):
        self.folder = tempfile.mkdtemp()
        path, gate = self.folder + "/program", self.folder + "/gdb"
        open(path, "wb").write(program)
        os.chmod(path, 0o755)
        self.process = subprocess.Popen(["qemu-alpha", "-g", gate, path])
        self.socket, self.buffer = socket.socket(socket.AF_UNIX), b""
        for _ in range(100):
            try:
                self.socket.connect(gate)
                break
            except OSError:
                time.sleep(0.1)
        self.command("?")

    def command(self, text):
        data = text.encode()
        self.socket.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))
        while True:
            start = self.buffer.find(b"$")
            end = self.buffer.find(b"#", start)
            if 0 <= start < end and len(self.buffer) >= end + 3:
                answer, self.buffer = self.buffer[start + 1:end], self.buffer[end + 3:]
                self.socket.sendall(b"+")
                return answer.decode()
            data = self.socket.recv(65536)
            if not data:
                raise RuntimeError("the machine is gone")
            self.buffer += data

    def registers(self):
        raw = bytes.fromhex(self.command("g").replace("x", "0"))
        return list(struct.unpack("<%dQ" % (len(raw) // 8), raw))

    def set(self, values):
        registers = self.registers()
        for number, value in values.items():
            registers[number] = value
        if self.command("G" + struct.pack("<%dQ" % len(registers), *registers).hex()) != "OK":
            raise RuntimeError("registers")

    def read(self, address, size):
        out = b""
        while size > len(out):
            out += bytes.fromhex(self.command("m%x,%x" % (address + len(out), min(2000, size - len(out)))))
        return out

    def write(self, address, data):
        if self.command("M%x,%x:%s" % (address, len(data), data.hex())) != "OK":
            raise RuntimeError("memory %x" % address)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.socket.close()
        for name in os.listdir(self.folder):
            os.remove(self.folder + "/" + name)
        os.rmdir(self.folder)


class Run:
    """One CPU: steps, plays the PALcode, keeps the shadow stack."""

    def __init__(self, machine, images):
        self.m, self.images, self.irql = machine, images, 0
        self.shadow, self.frames = [], None
        self.symbols = {k: v for image in images for k, v in image.symbols.items() if k != "DriverEntry"}
        self.code = {}
        for image in images:
            at, text = image.sections[".text"]
            for i in range(0, len(text), 4):
                self.code[HIGH + image.base + at + i] = struct.unpack_from("<I", text, i)[0]

    def start(self, pc, sp, registers):
        self.m.set({**{n: 0 for n in range(63)}, **registers, SP: sp, T12: pc, PC: pc})

    def memory_fault(self, g, word):
        """PALcode: a trap frame on the kernel stack, then the system's entry."""
        op, rb, d = word >> 26, word >> 16 & 31, word & 0xFFFF
        address = (g[rb] + (d ^ 0x8000) - 0x8000) & (1 << 64) - 1
        frame = g[SP] - TRAP_FRAME
        saved = bytearray(TRAP_FRAME)
        for i, value in enumerate((g[SP], g[15], g[GP], g[RA], g[16], g[17], g[18], g[19])):
            struct.pack_into("<Q", saved, 8 * i, value)
        struct.pack_into("<QQ", saved, 0x100, g[PC], self.irql)
        self.m.write(frame, bytes(saved))
        self.shadow.append(dict(kind="interrupted", pc=g[PC], sp=g[SP]))
        self.m.set({16: int(op in (0x2C, 0x2D)), 17: address, 18: g[PC], 19: frame, SP: frame,
                    PC: self.symbols["KiMemoryManagementException"]})

    def call_pal(self, g, code):
        if code == 6:
            self.m.set({0: self.irql, PC: g[PC] + 4})
            self.irql = g[16]
        elif code:
            raise RuntimeError("call_pal %x at %x" % (code, g[PC]))
        return code != 0

    def go(self):
        """Until the code returns to address 0 or stands still."""
        g = self.m.registers()
        while g[PC]:
            pc, word = g[PC], self.code[g[PC]]
            if pc == self.symbols["RtlCaptureContext"]:
                self.frames = [dict(self.shadow[-1], kind="start")] + self.shadow[-2::-1]
            if word >> 26 == 0:
                if not self.call_pal(g, word & 0xFF):
                    return
                g = self.m.registers()
                continue
            before, answer = g, self.m.command("s")
            g = self.m.registers()
            if not answer.startswith("T05"):
                self.memory_fault(before, word)
                g = self.m.registers()
                continue
            op, ra, kind = word >> 26, word >> 21 & 31, word >> 14 & 3
            if ra == RA and (op == 0x34 or (op == 0x1A and kind == 1)):
                self.shadow.append(dict(kind="call", pc=pc + 4, sp=before[SP],
                                        preserved=[before[n] for n in PRESERVED]))
            elif op == 0x1A and kind == 2 and g[PC]:
                call = self.shadow.pop()
                if (g[PC], g[SP], [g[n] for n in PRESERVED]) != (call["pc"], call["sp"], call["preserved"]):
                    raise RuntimeError("a return to %x breaks the convention" % g[PC])


def lift_value(value):
    return value | 0xFFFFFFFF00000000 if value >> 31 == 3 else value


def lift(data):
    return b"".join(struct.pack("<Q", lift_value(v)) for v, in struct.iter_unpack("<Q", data))


def where(images, pc, kind):
    look = pc - 4 if kind == "call" else pc
    for image in images:
        for begin, end, name, _ in image.functions:
            if begin <= look < end:
                return dict(module=image.name, function=name, offset=pc - begin)
    return {}


def main():
    folder, scenario, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    images, stack = [Image(folder, *row) for row in [KERNEL] + DRIVERS[scenario]], STACKS[scenario]
    places = dict(pool=POOL, stack=stack, loader=LOADER)
    regions = [(HIGH + i.base, i.memory()) for i in images] + [
        (HIGH + base, bytes(size)) for base, size in places.values()]
    m = Machine(elf_file(sorted(regions)))
    try:
        drivers = [i.symbols["DriverEntry"] for i in images[1:]]
        m.write(HIGH + LOADER[0], struct.pack("<5Q", scenario, HIGH + POOL[0], POOL[1], drivers[1], drivers[0]))
        run, top = Run(m, images), HIGH + stack[0] + stack[1]
        run.start(run.symbols["KiSystemStartup"], top - 0x40, {16: HIGH + LOADER[0]})
        run.go()
        run.shadow, run.frames = [], None
        first = struct.unpack("<2Q", m.read(run.symbols["KiFirstThread"], 16))
        run.start(run.symbols["KiThreadStartup"], top - 0x40,
                  {9: first[0], 10: first[1], 11: run.symbols["ExWorkItemsDone"]})
        run.go()
        memory = {name: lift(m.read(HIGH + base, size)).hex() for name, (base, size) in
                  places.items()}
        stop = struct.unpack("<5Q", m.read(run.symbols["KiBugCheckData"], 40))
        context = lift(m.read(run.symbols["KiBugCheckContext"], 0x230))
        after = [m.read(HIGH + i.base, i.size) for i in images]
    finally:
        m.end()
    low = lambda address: "%08x" % (address & 0xFFFFFFFF)
    document = dict(
        scenario=scenario, bugcheck=["%x" % lift_value(v) for v in stop], context=context.hex(),
        memory=[dict(name=name, address=low(base), hex=memory[name]) for name, (base, _) in
                places.items()],
        stack=[low(stack[0]), low(stack[0] + stack[1])],
        frames=[dict(kind=f["kind"], pc="%x" % lift_value(f["pc"]), sp="%x" % lift_value(f["sp"]),
                     **where(images, f["pc"], f["kind"])) for f in run.frames],
        images=[dict(name=i.name, base=low(i.base),
                     sections=[dict(name=n, rva=at, initial=(body if n == ".text" else
                                                             lift(body.ljust((len(body) + 7) & ~7, b"\0"))).hex(),
                                    hex=(body if n == ".text" else
                                         lift(data[at:at + ((len(body) + 7) & ~7)])).hex())
                               for n, (at, body) in sorted(i.sections.items(), key=lambda s: s[1][0])],
                     functions=[dict(begin=low(b), end=low(e), name=n, prologue_end=low(p))
                                for b, e, n, p in i.functions]) for i, data in zip(images, after)])
    json.dump(document, open(out, "w"), indent=1)


main()
