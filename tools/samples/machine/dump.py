"""dump.py - puts a full-dump header before physical memory.  Places of the fields: the public
descriptions of DUMP_HEADER32 and DUMP_HEADER64.  Untouched pages are left out of the memory runs, and
so are the pages of the notes."""
import struct

FILETIME = 128161620000000000            # 2007-02-17 09:00:00 UTC
UPTIME = 4432 * 10_000_000
BUILDS = {'x64_7601': 7601, 'x64_19041': 19041, 'x86_3790': 3790, 'x86_1381': 1381}


def present_pages(raw, memory, facts):
    pages = set(memory.used) | facts['frames']
    pages = {p for p in pages if p in memory.used or any(raw[p << 12:(p + 1) << 12])}
    return pages - facts['hidden']


def make_runs(pages, limit):
    """Runs of the pages; gaps are filled from the smallest on until there are few enough."""
    runs = []
    for p in sorted(pages):
        if runs and runs[-1][0] + runs[-1][1] == p:
            runs[-1][1] += 1
        else:
            runs.append([p, 1])
    return runs if len(runs) <= limit else None


def fit(pages, hidden, limit):
    pages = set(pages)
    while make_runs(pages, limit) is None:
        runs = []
        for p in sorted(pages):
            if runs and runs[-1][1] == p:
                runs[-1][1] += 1
            else:
                runs.append([p, p + 1])
        gaps = sorted((b[0] - a[1], a[1], b[0]) for a, b in zip(runs, runs[1:]) if not any(h in hidden for h in range(a[1], b[0])))
        if not gaps:
            raise SystemExit('too many memory runs')
        pages.update(range(gaps[0][1], gaps[0][2]))
    return make_runs(pages, limit)


def write(path, raw, memory, notes, facts):
    wide = facts['kind'] == 'x64'
    runs = fit(present_pages(raw, memory, facts), facts['hidden'], 0x2B if wide else 0x56)
    stop = {k: int(v, 16) for k, v in notes['stop'][0].items() if k != 'is'}
    at = stop['context%d' % stop['cpu']]
    if facts['kernel'] == 'x64_19041' and stop['code'] == 0x7E:
        at = stop['p4']                              # as in a published dump of that build
    context = read_virtual(raw, memory, at, 0x4D0 if wide else 0xCC if facts['kernel'] == 'x86_1381' else 0x2CC)
    header = (header64 if wide else header32)(facts, memory, stop, context, runs)
    with open(path, 'wb') as f:
        f.write(header)
        for base, count in runs:
            f.write(raw[base << 12:(base + count) << 12])
    return dict(runs=runs, pages=sum(n for _, n in runs), build=BUILDS[facts['kernel']], directory=memory.root, stop=stop)


def translate(raw, memory, va):
    if memory.kind == 'x64':
        t = memory.root
        for shift in (39, 30, 21, 12):
            e, = struct.unpack_from('<Q', raw, t + (va >> shift & 511) * 8)
            t = e & 0xFFFFFFFFFF000
            if shift == 21 and e & 0x80:
                return (t & ~0x1FFFFF) | va & 0x1FFFFF
        return t | va & 0xFFF
    if memory.kind == 'pae':
        t, = struct.unpack_from('<Q', raw, memory.root + (va >> 30) * 8)
        e, = struct.unpack_from('<Q', raw, (t & ~0xFFF) + (va >> 21 & 511) * 8)
        if e & 0x80:
            return (e & 0xFFFE00000) | va & 0x1FFFFF
        e, = struct.unpack_from('<Q', raw, (e & 0xFFFFFF000) + (va >> 12 & 511) * 8)
        return (e & 0xFFFFFF000) | va & 0xFFF
    e, = struct.unpack_from('<I', raw, memory.root + (va >> 22) * 4)
    if e & 0x80:
        return (e & 0xFFC00000) | va & 0x3FFFFF
    e, = struct.unpack_from('<I', raw, (e & ~0xFFF) + (va >> 12 & 1023) * 4)
    return (e & ~0xFFF) | va & 0xFFF


def read_virtual(raw, memory, va, size):
    out = b''
    while len(out) < size:
        pa, n = translate(raw, memory, va + len(out)), min(size - len(out), 4096 - (va + len(out) & 4095))
        out += raw[pa:pa + n]
    return out


def header64(facts, memory, stop, context, runs):
    h, pages = bytearray(b'PAGE' * 2048), sum(n for _, n in runs)
    struct.pack_into('<8sII4QII', h, 0, b'PAGEDU64', 15, BUILDS[facts['kernel']], memory.root, 0xFFFFFA8000000000,
                     stop['module_list'], stop['process_list'], 0x8664, 2)
    struct.pack_into('<I4x4Q', h, 0x38, stop['code'], *(stop[f'p{i}'] for i in (1, 2, 3, 4)))
    h[0x60:0x80] = bytes(32)
    struct.pack_into('<Q', h, 0x80, stop['kdbg'])
    struct.pack_into('<I4xQ', h, 0x88, len(runs), pages)
    for i, r in enumerate(runs):
        struct.pack_into('<QQ', h, 0x98 + 16 * i, *r)
    h[0x348:0x348 + 3000] = context.ljust(3000, b'\0')
    h[0xF00:0xF98] = struct.pack('<IIQQ', 0x80000003, 1, 0, struct.unpack_from('<Q', context, 0xF8)[0]).ljust(152, b'\0')
    struct.pack_into('<I', h, 0xF98, 1)
    struct.pack_into('<QQ', h, 0xFA0, 0x2000 + (pages << 12), FILETIME)
    h[0xFB0:0x1030] = bytes(128)
    struct.pack_into('<QIIII', h, 0x1030, UPTIME, 0, 0, 3, 0x110)
    struct.pack_into('<I', h, 0x1048, 0)
    return h


def header32(facts, memory, stop, context, runs):
    build = BUILDS[facts['kernel']]
    h, pages = bytearray(b'PAGE' * 1024), sum(n for _, n in runs)
    struct.pack_into('<8sII6I', h, 0, b'PAGEDUMP', 15, build, memory.root, 0x81000000, stop['module_list'], stop['process_list'], 0x14C, 2)
    struct.pack_into('<5I', h, 0x28, stop['code'], *(stop[f'p{i}'] for i in (1, 2, 3, 4)))
    h[0x3C:0x5C] = bytes(32)
    struct.pack_into('<II', h, 0x64, len(runs), pages)
    for i, r in enumerate(runs):
        struct.pack_into('<II', h, 0x6C + 8 * i, *r)
    h[0x320:0x320 + 1200] = context.ljust(1200, b'\0')
    h[0x7D0:0x820] = struct.pack('<IIII', 0x80000003, 1, 0, struct.unpack_from('<I', context, 0xB8)[0]).ljust(80, b'\0')
    if build == 1381:                                # later fields do not exist yet
        return h
    h[0x5C] = 1 if facts['kind'] == 'pae' else 0
    struct.pack_into('<I', h, 0x60, stop['kdbg'])
    h[0x820:0x8A0] = bytes(128)
    struct.pack_into('<I', h, 0xF88, 1)
    struct.pack_into('<II', h, 0xF94, 3, 0x110)
    struct.pack_into('<Q', h, 0xFA0, 0x1000 + (pages << 12))
    struct.pack_into('<Q', h, 0xFB8, UPTIME)
    struct.pack_into('<Q', h, 0xFC0, FILETIME)
    return h
