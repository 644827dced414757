#!/usr/bin/env python3
"""machine.py NAME FOLDER OUT - boots the images in FOLDER as the machine NAME (a line of machines.txt),
writes OUT/NAME.dmp (a full dump) and OUT/NAME.truth.json."""
import os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dump, emulator, image, truth

HERE = os.path.dirname(os.path.abspath(__file__))
STOPS = ['', 'fault', 'call', 'second-cpu', 'dpc', 'double-fault', 'exception', 'pool', 'trap-frame']


def main():
    name, folder, out = sys.argv[1:4]
    for line in open(os.path.join(HERE, 'machines.txt')):
        words = line.split()
        if words and words[0] == name:
            break
    else:
        raise SystemExit(f'machine.py: no machine {name} in machines.txt')
    _, kernel, kind, stop, *options = words
    scenario = [STOPS.index(stop), int('deadlocks' in options), int('damage' in options), int('idle' in options)]
    places = {'x64_7601': 'x64', 'x64_19041': 'w10', 'x86_3790': 'x86', 'x86_1381': 'nt4'}[kernel]
    memory, modules, facts = image.build(folder, kind, places, scenario)
    at = facts['places']
    wanted = [m.base for m in modules] + [m.base + 0x1000 for m in modules] + [at['loader'], at['boot_stack'] - 8]
    raw, lines, registers, translated = emulator.run('x86_64' if kind == 'x64' else 'i386', os.path.join(folder, 'boot.elf'), bytes(memory.mem),
                                                     image.LOW, image.LARGE_END, wanted)
    notes = truth.read_notes(lines)
    facts.update(name=name, kernel=kernel, kind=kind, stop=stop, options=options, translated=translated)
    header = dump.write(os.path.join(out, name + '.dmp'), raw, memory, notes, facts)
    truth.write(os.path.join(out, name + '.truth.json'), notes, modules, folder, facts, header)
    s = notes['stop'][0]
    print(f'{name}: stop {s["code"]} ({s["p1"]}, {s["p2"]}, {s["p3"]}, {s["p4"]}) on CPU {s["cpu"]}, '
          f'{header["pages"]} pages in {len(header["runs"])} runs')


main()
