"""image.py - the physical memory a machine starts with: page tables, PE images at kernel addresses, the
boot stack and the loader block.  Frames are handed out in a scattered, fixed order."""
import os, random, struct

LOW, LOW_END = 0x200000, 0x400000        # scattered 4 KB frames; the first is the boot page
LARGE, LARGE_END = 0x400000, 0x800000    # the large page that holds kernel and HAL
NX, GLOBAL = 1 << 63, 0x100


class Pe:
    """A PE image as a loader sees it: laid out, relocated, imports bound."""
    def __init__(self, path, base):
        self.name, self.base = os.path.basename(path), base
        d = open(path, 'rb').read()
        pe = struct.unpack_from('<I', d, 0x3C)[0]
        assert d[pe:pe + 4] == b'PE\0\0', path
        _, count, self.stamp, _, _, optional, _ = struct.unpack_from('<HHIIIHH', d, pe + 4)
        o = pe + 24
        self.wide = struct.unpack_from('<H', d, o)[0] == 0x20B
        self.entry, = struct.unpack_from('<I', d, o + 16)
        self.size, headers, self.checksum = struct.unpack_from('<III', d, o + 56)
        directories = o + (112 if self.wide else 96)
        self.dirs = [struct.unpack_from('<II', d, directories + 8 * i) for i in range(16)]
        self.img = bytearray(self.size)
        self.img[:headers] = d[:headers]
        self.sections = [(0, headers, 0, 'hdr')]
        for i in range(count):
            at = o + optional + 40 * i
            vsize, va, rsize, raw = struct.unpack_from('<IIII', d, at + 8)
            flags, = struct.unpack_from('<I', d, at + 36)
            n = min(rsize, vsize)
            self.img[va:va + n] = d[raw:raw + n]
            self.sections.append((va, vsize, flags, d[at:at + 8].rstrip(b'\0').decode()))
        self.relocate(o)
        self.exports = self.read_exports()
        self.debug_id = self.read_debug_id()

    def relocate(self, o):
        where, fmt = (o + 24, '<Q') if self.wide else (o + 28, '<I')
        delta = self.base - struct.unpack_from(fmt, self.img, where)[0]
        struct.pack_into(fmt, self.img, where, self.base)
        rva, size = self.dirs[5]
        end = rva + size
        while rva and rva < end:
            page, block = struct.unpack_from('<II', self.img, rva)
            for i in range(8, block, 2):
                e, = struct.unpack_from('<H', self.img, rva + i)
                f, mask = {10: ('<Q', (1 << 64) - 1), 3: ('<I', (1 << 32) - 1)}.get(e >> 12, (None, 0))
                if f:
                    a = page + (e & 4095)
                    struct.pack_into(f, self.img, a, struct.unpack_from(f, self.img, a)[0] + delta & mask)
            rva += block

    def string(self, at):
        return bytes(self.img[at:self.img.index(0, at)]).decode()

    def read_exports(self):
        at, exports = self.dirs[0][0], {}
        if at:
            n, functions, names, ordinals = struct.unpack_from('<IIII', self.img, at + 24)
            for i in range(n):
                name, = struct.unpack_from('<I', self.img, names + 4 * i)
                ordinal, = struct.unpack_from('<H', self.img, ordinals + 2 * i)
                exports[self.string(name)] = struct.unpack_from('<I', self.img, functions + 4 * ordinal)[0]
        return exports

    def read_debug_id(self):
        """RSDS record: GUID and age as symbol servers spell them."""
        rva, size = self.dirs[6]
        for at in range(rva, rva + size, 28):
            kind, length, data = struct.unpack_from('<III', self.img, at + 12)
            if kind == 2 and self.img[data:data + 4] == b'RSDS':
                a, b, c = struct.unpack_from('<IHH', self.img, data + 4)
                age, = struct.unpack_from('<I', self.img, data + 20)
                return '%08X%04X%04X%s%x' % (a, b, c, self.img[data + 12:data + 20].hex().upper(), age)
        return ''

    def bind(self, modules):
        at, (f, w) = self.dirs[1][0], ('<Q', 8) if self.wide else ('<I', 4)
        while at and (t := struct.unpack_from('<5I', self.img, at))[3]:
            source, k = modules[self.string(t[3]).lower()], 0
            while hint := struct.unpack_from(f, self.img, (t[0] or t[4]) + w * k)[0]:
                struct.pack_into(f, self.img, t[4] + w * k, source.base + source.exports[self.string(hint + 2)])
                k += 1
            at += 20


class Memory:
    """Physical memory from LOW, and the boot address space in it."""
    def __init__(self, kind, self_map):
        self.kind = kind                             # x64, pae or x86
        self.mem = bytearray(LARGE_END - LOW)
        self.free = list(range((LOW >> 12) + 1, LOW_END >> 12))
        random.Random(7).shuffle(self.free)
        self.used = {LOW >> 12}
        self.where = {}
        if kind == 'pae':                            # 32-byte table at the start of a shared page
            self.root = self.frame() << 12
            self.pds = [self.frame() for _ in range(4)]
            for i, p in enumerate(self.pds):
                self.put(self.root + 8 * i, '<Q', p << 12 | 1)
            for i, p in enumerate(self.pds):         # self map at C0600000
                self.put((self.pds[3] << 12) + 8 * i, '<Q', p << 12 | 0x63)
        else:
            self.root = self.frame() << 12
            slot = (8 * self_map, '<Q') if kind == 'x64' else (4 * 0x300, '<I')
            self.put(self.root + slot[0], slot[1], self.root | 0x63)

    def frame(self):
        f = self.free.pop()
        self.used.add(f)
        return f

    def put(self, pa, f, *v):
        struct.pack_into(f, self.mem, pa - LOW, *v)

    def get(self, pa, f):
        return struct.unpack_from(f, self.mem, pa - LOW)[0]

    def table(self, entry, f):
        """The table an entry points to, made when there is none."""
        e = self.get(entry, f)
        if not e & 1:
            e = self.frame() << 12 | 0x63
            self.put(entry, f, e)
        return e & 0xFFFFFFFFFF000

    def entry(self, va, level):
        """Physical place of the entry for `va`: level 0 = page, 1 = large page."""
        if self.kind == 'x64':
            t = self.root
            for shift in (39, 30, 21, 12):
                at = t + (va >> shift & 511) * 8
                if shift == 12 + 9 * level:
                    return at, '<Q'
                t = self.table(at, '<Q')
        if self.kind == 'pae':
            at = (self.pds[va >> 30] << 12) + (va >> 21 & 511) * 8
            return (at, '<Q') if level else (self.table(at, '<Q') + (va >> 12 & 511) * 8, '<Q')
        at = self.root + (va >> 22) * 4
        return (at, '<I') if level else (self.table(at, '<I') + (va >> 12 & 1023) * 4, '<I')

    def map(self, va, pfn, flags):
        at, f = self.entry(va, 0)
        self.put(at, f, (pfn << 12 | flags) & ((1 << 64) - 1 if f == '<Q' else 0xFFFFFFFF))

    def map_large(self, va, pa):
        at, f = self.entry(va, 1)
        self.put(at, f, pa | 0x1E3)                  # present, writable, accessed, dirty, large, global

    def alloc(self, va, pages, flags=2):
        for i in range(pages):
            p = self.frame()
            self.where[va + 4096 * i] = p
            self.map(va + 4096 * i, p, flags | 0x61)

    def write(self, va, data):
        while data:
            n = min(len(data), 4096 - (va & 4095))
            o = (self.where[va & ~4095] << 12) + (va & 4095) - LOW
            self.mem[o:o + n] = data[:n]
            va, data = va + n, data[n:]

    def place(self, pe, nx):
        for va, size, flags, _ in pe.sections:
            bits = (2 if flags >> 31 else 0) | (0 if not nx or flags & 0x20000000 else NX)
            self.alloc(pe.base + va, (size + 4095) >> 12, bits)
            self.write(pe.base + va, bytes(pe.img[va:va + (size + 4095 & ~4095)]))

    def place_large(self, pe, va_of_large):
        pa = LARGE + pe.base - va_of_large
        self.mem[pa - LOW:pa - LOW + len(pe.img)] = pe.img
        for p in range(pa >> 12, pa + len(pe.img) + 4095 >> 12):
            self.used.add(p)


# Where things lie in kernel space; the sizes of the areas are what a page table maps or less.
PLACES = {
    'x64': dict(large=0xFFFFF80002800000, large_size=0x200000, nt=0xFFFFF8000284B000, hal=0xFFFFF80002803000,
                drivers=0xFFFFF88001057000, boot_stack=0xFFFFF80000BA2000, loader=0xFFFFF80000812000,
                stacks=0xFFFFF88002C00000, nonpaged=0xFFFFFA8000C00000, paged=0xFFFFF8A000000000,
                notes=0xFFFFF80000C00000, pcr=0xFFFFF880009E8000, apic=0xFFFFFFFFFFFE0000, self_map=0x1ED),
    'w10': dict(large=0xFFFFF8055C600000, large_size=0x200000, nt=0xFFFFF8055C60F000, hal=0xFFFFF8055C600000,
                drivers=0xFFFFF8055F2A0000, boot_stack=0xFFFFF80562A92000, loader=0xFFFFF80562A12000,
                stacks=0xFFFFF98C2D600000, nonpaged=0xFFFFA7054CC00000, paged=0xFFFFBE8A10200000, self_map=0x1FB,
                notes=0xFFFFF80562C00000, pcr=0xFFFFC18031E40000, apic=0xFFFFF7A1C0002000),
    'x86': dict(large=0x80800000, large_size=0x400000, nt=0x80800000, hal=0x80A83000,
                drivers=0xF7256000, boot_stack=0x80559000, loader=0x80087000,
                stacks=0xF7800000, nonpaged=0x89800000, paged=0xE1000000,
                notes=0xF7400000, pcr=0xF7727000, apic=0xFFFE0000),
    'nt4': dict(large=0x80000000, large_size=0x400000, nt=0x80100000, hal=0x80010000,
                drivers=0xF7256000, boot_stack=0xF7000000, loader=0xF7100000,
                stacks=0xF7800000, nonpaged=0xFD800000, paged=0xE1000000,
                notes=0xF7400000, pcr=0xF7727000, apic=0xFFFE0000),
}
AREA, NOTES_PAGES = 0x100000, 24
IMAGES = ['ntoskrnl.exe', 'hal.dll', 'sfmsrv.sys', 'rdr.sys', 'mup.sys', 'netbt.sys']


def build(folder, kind, places, scenario):
    """(Memory, modules, facts) of a machine that boots the images of `folder`."""
    at = PLACES[places]
    m = Memory(kind, at.get('self_map'))
    modules, base = [], at['drivers']
    for name in IMAGES:
        here = {'ntoskrnl.exe': at['nt'], 'hal.dll': at['hal']}.get(name, base)
        modules.append(Pe(os.path.join(folder, name), here))
        if here == base:
            base += (modules[-1].size + 0xFFF & ~0xFFF) + 0x8000
    for pe in modules:
        pe.bind({x.name.lower(): x for x in modules})
    large = 0x400000 if kind == 'x86' else 0x200000
    for offset in range(0, at['large_size'], large):
        m.map_large(at['large'] + offset, LARGE + offset)
    for pe in modules[:2]:
        m.place_large(pe, at['large'])
    for pe in modules[2:]:
        m.place(pe, kind == 'x64')
    stack_pages = 6 if kind == 'x64' else 3
    m.alloc(at['boot_stack'] - stack_pages * 4096, stack_pages)
    m.alloc(at['loader'], 4)
    m.alloc(at['notes'], NOTES_PAGES)
    hidden = {m.where[at['notes'] + 4096 * i] for i in range(NOTES_PAGES)}
    for area in ('stacks', 'nonpaged', 'paged', 'pcr'):
        for va in range(at[area], at[area] + AREA, large if area != 'pcr' else AREA):
            m.entry(va, 0)                           # page tables exist before the first process is made
    if kind != 'x64':                                # the boot CPU's KPCR has a fixed address
        m.alloc(0xFFDFF000, 1)
    m.map(at['apic'], 0xFEE00, 0x7B)
    for pa in (0x8000, 0x100000, 0x101000, LOW):     # one to one: the boot code
        m.map(pa, pa >> 12, 3)
    frames = [m.frame() for _ in range(min(330, len(m.free)))]
    m.used -= set(frames)
    write_loader_block(m, at, modules, frames, scenario)
    return m, modules, dict(hidden=hidden, frames=set(frames), places=at, large=large)


def write_loader_block(m, at, modules, frames, scenario):
    text = lambda t, n: t.encode('utf-16le').ljust(n, b'\0')
    b = struct.pack('<4Q', m.root, modules[0].base + modules[0].entry, at['boot_stack'], at['loader'])
    b += struct.pack('<5Q', len(modules), *scenario)
    b += struct.pack('<8Q', at['stacks'], AREA, at['nonpaged'], AREA, at['paged'], AREA, at['notes'], NOTES_PAGES * 4096)
    b += struct.pack('<4Q', at['pcr'], at['apic'], 0x8000, 0)
    b += struct.pack('<513Q', len(frames), *(frames + [0] * (512 - len(frames))))
    for pe in modules:
        folder = '' if pe in modules[:2] else 'DRIVERS\\'
        b += struct.pack('<5Q', pe.base, pe.base + pe.entry if pe.entry else 0, pe.size, pe.checksum, pe.stamp)
        b += text(pe.name, 64) + text('\\SystemRoot\\system32\\' + folder + pe.name, 128)
    m.write(at['loader'], b)
    m.mem[0:32] = b[:32]                             # the boot page
    m.put(LOW + 32, '<Q', 0x630 if m.kind == 'pae' else 0x610)   # CR4: PSE, PAE, OSFXSR, OSXMMEXCPT
