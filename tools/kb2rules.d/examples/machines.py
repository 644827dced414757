"""Machines as a dump shows them: what was loaded where, and how it is written as facts.

Nothing here knows rules.  Bases and link times are those of plausible installations: the kernel where
that system loads it, drivers above, everything linked shortly before the system was released.
"""

import calendar
import re

# family: (build, kernel base, hal base, win32k base, first driver, released)
SYSTEMS = {
    "nt3.1": (528, 0x80100000, 0x80400000, 0, 0xFC000000, (1993, 7, 27)),
    "nt3.5": (807, 0x80100000, 0x80400000, 0, 0xFB000000, (1994, 9, 21)),
    "nt3.51": (1057, 0x80100000, 0x80400000, 0, 0xFB000000, (1995, 5, 30)),
    "nt4": (1381, 0x80100000, 0x80010000, 0xA0000000, 0xF1000000, (1996, 7, 29)),
    "nt4tse": (1381, 0x80100000, 0x80010000, 0xA3000000, 0xF1000000, (1998, 6, 16)),
    "2000": (2195, 0x80400000, 0x80062000, 0xA0000000, 0xBE000000, (1999, 12, 15)),
    "xp": (2600, 0x804D7000, 0x806FF000, 0xBF800000, 0xF6000000, (2001, 8, 24)),
    "xp64": (3790, 0xFFFFF80001000000, 0xFFFFF80001400000, 0xFFFFF97FFF000000, 0xFFFFFADF90000000,
             (2005, 3, 24)),
    "ws2003": (3790, 0x80800000, 0x80A52000, 0xBF800000, 0xF6000000, (2003, 3, 24)),
    "vista": (6000, 0x81800000, 0x81BB0000, 0x94000000, 0x88000000, (2006, 11, 8)),
    "ws2008": (6001, 0x81800000, 0x81BB0000, 0x94000000, 0x88000000, (2008, 2, 4)),
    "win7": (7600, 0x82800000, 0x82C10000, 0x94000000, 0x88000000, (2009, 7, 13)),
    "ws2008r2": (7600, 0xFFFFF80002800000, 0xFFFFF80002DF0000, 0xFFFFF96000000000, 0xFFFFF88001000000,
                 (2009, 7, 13)),
    "win8": (9200, 0x81800000, 0x81D00000, 0x94000000, 0x88000000, (2012, 8, 1)),
    "ws2012": (9200, 0xFFFFF80002800000, 0xFFFFF80002DF0000, 0xFFFFF96000000000, 0xFFFFF88001000000,
               (2012, 8, 1)),
    "win8.1": (9600, 0x81800000, 0x81D00000, 0x94000000, 0x88000000, (2013, 8, 27)),
    "ws2012r2": (9600, 0xFFFFF80002800000, 0xFFFFF80002DF0000, 0xFFFFF96000000000,
                 0xFFFFF88001000000, (2013, 8, 27)),
}
WIDE = {"xp64", "ws2008r2", "ws2012", "ws2012r2"}
USUAL = ["ntfs.sys", "i8042prt.sys", "kbdclass.sys", "fs_rec.sys", "beep.sys", "null.sys",
         "msfs.sys", "videoprt.sys", "ksecdd.sys", "cdrom.sys"]
USUAL_OLD = ["fastfat.sys", "i8042prt.sys", "kbdclass.sys", "fs_rec.sys", "beep.sys", "null.sys",
             "msfs.sys", "videoprt.sys", "floppy.sys", "serial.sys"]
USER_BASES = {"ntdll.dll": 0x77F60000, "kernel32.dll": 0x77F00000, "user32.dll": 0x77E70000,
              "advapi32.dll": 0x77DC0000, "rpcrt4.dll": 0x77E10000, "gdi32.dll": 0x77ED0000,
              "msvcrt.dll": 0x78000000, "ole32.dll": 0x77B20000}


def seconds(year, month, day):
    return calendar.timegm((year, month, day, 12, 0, 0))


class Machine:
    """Modules by name, in load order; facts are added by the scene."""

    def __init__(self, family, terminal=False, arch="x86", service_pack=0, server=True):
        self.family, self.terminal, self.arch = family, terminal, arch
        self.service_pack, self.server = service_pack, server
        key = "nt4tse" if family == "nt4" and terminal else family
        (self.build, kernel, hal, win32k, self.next, released) = SYSTEMS[key]
        self.released = seconds(*released)
        if arch == "alpha":
            kernel, hal, self.next = 0x80080000, 0x80600000, 0xFE000000
        self.modules, self.facts = {}, []
        self.user_next = 0x00400000
        self.load("ntoskrnl.exe", kernel, 0xD6000)
        self.load("hal.dll", hal, 0x10000)
        for name in USUAL_OLD if family in ("nt3.1", "nt3.5", "nt3.51") else USUAL:
            self.load(name)
        if win32k:
            self.load("win32k.sys", win32k, 0x140000)

    def wide(self):
        return self.arch in ("x64", "ia64") or self.family in WIDE

    def load(self, name, base=None, size=0x20000):
        if name in self.modules:
            return self.modules[name]
        if base is None and re.search(r"\.(exe|dll|drv|ocx|cpl)$", name) and name not in ("ntoskrnl.exe", "hal.dll"):
            base = USER_BASES.get(name)
            if base is None:
                base, self.user_next = self.user_next, self.user_next + 0x200000
        elif base is None:
            base, self.next = self.next, self.next + size + 0x40000
        # Days before the release, by name, so that no two modules are of one minute.
        age = 20 + sum(name.encode()) % 15
        self.modules[name] = {"kind": "module", "name": name, "base": base, "size": size,
                              "timestamp": self.released - age * 86400 + sum(name.encode()) % 3600}
        return self.modules[name]

    def grow(self, name, rva):
        module = self.load(name)
        if module["size"] <= rva:
            module["size"] = (rva + 0x2000) & ~0xFFF
            if module["base"] + module["size"] > self.next > module["base"]:
                self.next = module["base"] + module["size"] + 0x40000

    def system_facts(self, hang_or_user=False):
        family = self.family
        return [{"kind": "os", "family": family, "build": self.build,
                 "service_pack": self.service_pack, "service_pack_proved": True,
                 "product_type": 3 if self.server else 1, "suite_mask": 0x10 if self.terminal else 0,
                 "terminal_server": self.terminal, "arch": self.arch, "cpus": 2}]

    def module_facts(self):
        return list(self.modules.values())


def frame(module, function, index, pc, rva, thread="cpu 0", cpu=0, crashed=True, top=False):
    made = {"kind": "frame", "thread": thread}
    if cpu is not None:
        made["cpu"] = cpu
    made.update({"crashed_thread": crashed, "index": index, "pc": pc, "module": module})
    if function:
        made.update({"function": function, "offset": 0x1C})
    made.update({"rva": rva, "trust": "context" if index == 0 else "unwind_data", "sure": True,
                 "origin": "image"})
    if function:
        made.update({"name_source": "pdb_public", "name_exact": True, "name_far": False,
                     "name_bounded": True, "name_origin": "image"})
    made["top"] = top
    return made


ADDRESSES = {"base", "irp", "pc", "ip", "address", "value", "p1", "p2", "p3", "p4", "object", "current_thread"}
HEXADECIMAL = ADDRESSES | {"code", "normalized", "size", "timestamp", "rva", "page_offset", "offset",
                           "exception_code", "status", "suite_mask"}


def value_text(key, value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"0x{value:X}" if key in HEXADECIMAL else str(value)
    if isinstance(value, list):
        return "[" + ", ".join(value_text(key, v) for v in value) + "]"
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.! \-]*", str(value))
    if plain and str(value).lower() not in ("true", "false", "yes", "no", "on", "off", "null"):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def fact_text(fact):
    line = "{" + ", ".join(f"{k}: {value_text(k, v)}" for k, v in fact.items()) + "}"
    lines, first = [], "        - "
    while len(first + line) > 100 and ", " in line[:100 - len(first)]:
        cut = line.rfind(", ", 0, 99 - len(first))
        if cut < 0:
            break
        lines.append(first + line[: cut + 1])
        first, line = "           ", line[cut + 2:]
    return lines + [first + line]
