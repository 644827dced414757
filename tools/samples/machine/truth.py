"""truth.py - the truth file of a machine: the kernel's own notes, named by the linker's maps."""
import bisect, json, os, re


def read_notes(lines):
    notes = {}
    for line in lines:
        n = json.loads(line)
        notes.setdefault(n['is'], []).append(n)
    return notes


class Names:
    """Function names from the linker's .map files: `function+offset` of an address."""
    def __init__(self, modules, folder):
        self.modules, self.symbols = modules, {}
        for m in modules:
            rows = []
            for line in open(os.path.join(folder, m.name.rsplit('.', 1)[0] + '.map'), errors='replace'):
                if p := re.match(r'\s*([0-9a-f]{4}):[0-9a-f]{8}\s+(\S+)\s+([0-9a-f]{8,16})', line):
                    if p[1] == '0001' and '@@' not in p[2]:
                        rows.append((int(p[3], 16), p[2]))
                elif p := re.search(r'Preferred load address is ([0-9a-f]+)', line):
                    preferred = int(p[1], 16)
            self.symbols[m.name] = sorted((va - preferred, re.sub(r'^_|@\d+$', '', s) if not m.wide else s) for va, s in rows)

    def at(self, address):
        for m in self.modules:
            if m.base <= address < m.base + m.size:
                rows = self.symbols[m.name]
                i = bisect.bisect_right(rows, (address - m.base, '\x7f')) - 1
                if i >= 0:
                    return dict(module=m.name, function=rows[i][1], offset=address - m.base - rows[i][0])
                return dict(module=m.name)
        return {}


KINDS = {'0x0': 'call', '0x1': 'trap', '0x2': 'switch'}


def frames(note, names, count=None):
    """Inner first.  `slot` holds the return address; of a trap it is the interrupted stack pointer."""
    raw = note['frames'][:count] if count else note['frames']
    return [dict(kind=KINDS[f['kind']], pc=f['pc'], slot=f['slot'], **names.at(int(f['pc'], 16))) for f in reversed(raw)]


def write(path, notes, modules, folder, facts, header):
    names, stop = Names(modules, folder), notes['stop'][0]
    threads = {n['object']: n for n in notes['thread']}
    doc = dict(
        what=f'{facts["name"]}: what the kernel noted while it ran, the emulator and the linker know',
        kernel=facts['kernel'], build=header['build'], address_space=facts['kind'], options=facts['options'],
        directory=hex(header['directory']), runs=[[hex(b), n] for b, n in header['runs']], pages=header['pages'],
        stop=dict(code=stop['code'], parameters=[stop[f'p{i}'] for i in (1, 2, 3, 4)], cpu=int(stop['cpu'], 16), how=facts['stop']),
        kdbg=stop.get('kdbg'), lists=dict(modules=stop['module_list'], processes=stop['process_list'], resources=stop['resource_list']),
        modules=[dict(name=m.name, base=hex(m.base), size=hex(m.size), timestamp=hex(m.stamp), checksum=hex(m.checksum),
                      debug_id=m.debug_id) for m in modules],
        processes=[dict(object=n['a'], id=int(n['b'], 16), name=n['text'], directory=n['c'], idle=n['b'] == '0x0') for n in notes['process']],
        cpus=[cpu(n, stop, threads, names) for n in notes['cpu']],
        threads=[thread(n, names) for n in notes['thread']],
        stacks=[dict(what=n['text'], low=n['a'], high=n['b']) for n in notes.get('stack', [])],
        locks=[lock(n, notes['thread']) for n in notes.get('lock', [])],
        irps=[irp(n, notes['location'], names) for n in notes.get('irp', [])],
        pool=[dict(address=n['a'], tag=n['text'], state=n['text2']) for n in notes.get('block', [])],
        unloaded=[dict(name=n['text'], start=n['a'], end=n['b']) for n in notes.get('unloaded', [])],
        pages_planted=[dict(process=n['a'], address=n['b'], frame=n['c'], kind=n['text'], entry=n['d']) for n in notes.get('page', [])],
        translations=[dict(address=hex(v), physical=hex(p)) for v, p in sorted(facts['translated'].items())],
        large_page=dict(address=hex(facts['places']['large']), physical=hex(0x400000), size=hex(facts['large'])))
    with open(path, 'w') as f:                       # one item of a list a line
        parts = []
        for key, value in doc.items():
            text = json.dumps(value)
            if isinstance(value, list) and value and isinstance(value[0], dict):
                text = '[\n  ' + ',\n  '.join(json.dumps(v) for v in value) + ']'
            parts.append(f' {json.dumps(key)}: {text}')
        f.write('{\n' + ',\n'.join(parts) + '\n}\n')


def cpu(n, stop, threads, names):
    number = int(n['a'], 16)
    thread_note = threads[stop[f'thread{number}']]
    count = int(thread_note['captured'], 16)
    return dict(number=number, pcr=n['b'], prcb=n['c'], idle_thread=n['d'], thread=thread_note['object'], context=stop[f'context{number}'],
                crashed=number == int(stop['cpu'], 16), frames=frames(thread_note, names, count))


def thread(n, names):
    doc = dict(object=n['object'], id=int(n['id'], 16), name=n['name'], process=n['process'], cpu=int(n['cpu'], 16), state=n['state'])
    if n['state'] == 'waiting':
        doc.update(wait_reason=int(n['wait_reason'], 16), waits_on=[o['object'] for o in n['waits_on']])
        if n['wanted'] != '0x0':
            doc.update(wants=n['wanted'], wants_mode=n['wanted_mode'])
    if n['state'] != 'running':
        doc['frames'] = frames(n, names)
    return doc


def irp(n, locations, names):
    """Locations in the order in which the request travelled; a completion routine by its name."""
    way = [dict(device=l['b'], completion=l['c'], completion_name=names.at(int(l['c'], 16)).get('function', ''))
           for l in locations if l['a'] == n['a']]
    return dict(address=n['a'], thread=n['b'], locations=way)


def lock(n, threads):
    return dict(address=n['address'], kind=n['kind'], name=n['name'],
                owners=[dict(thread=o['thread'], mode=o['mode']) for o in n['owners']],
                waiters=[dict(thread=t['object'], mode=t['wanted_mode']) for t in threads
                         if t['wanted'] == n['address'] and t['state'] == 'waiting'])
