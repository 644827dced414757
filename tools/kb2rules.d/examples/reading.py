"""How the example writer reads an article: a witness of its own beside the importer.

It answers one question: which machine would this article be right about, and how sure could anybody
be on seeing it?  The two readings share docs/catalogue.md, and no code.
"""

import functools
import re

OS_WORDS = {"NT 3.1": "nt3.1", "NT 3.5": "nt3.5", "NT 3.51": "nt3.51", "NT 4.0": "nt4",
            "NT 4.0TSE": "nt4", "NT": "nt4", "2000": "2000", "XP": "xp", "XP x64": "xp64",
            "Server 2003": "ws2003", "Server 2003 x64": "ws2003", "Server 2003 x86": "ws2003",
            "Server 2003 ia64": "ws2003", "Server 2003 R2": "ws2003", "Vista": "vista",
            "Server 2008": "ws2008", "Server 2008 x64": "ws2008", "Server 2008 ia64": "ws2008",
            "7": "win7", "Server 2008 R2": "ws2008r2", "8": "win8", "Server 2012": "ws2012",
            "8.1": "win8.1", "Server 2012 R2": "ws2012r2"}
KERNEL_FILES = ("ntoskrnl", "ntkrnlmp", "ntkrnlpa", "ntkrpamp", "ntoskrl", "nt", "ntkrnl")
NOWHERE = re.compile(r"^(module\d+|xxx|form|program|application|app|drwtsn32|drwatson|filename|driver)\.")
LIBRARIES = {"ntdll", "kernel32", "kernelbase", "rpcrt4", "msvcrt", "msvcrt40", "user32", "advapi32",
             "ole32", "oleaut32", "gdi32", "ws2_32", "mfc40", "mfc42", "msvcirt"}
LOST_LETTER = {"ocalspl": "localspl", "pcrt4": "rpcrt4", "ernel32": "kernel32", "tdll": "ntdll",
               "toskrnl": "ntoskrnl", "dvapi32": "advapi32", "le32": "ole32", "ser32": "user32",
               "in32k": "win32k"}
# Bottom of every stack, trap handlers, breakpoints: no part of anybody's bug.
NOISE = re.compile(
    r"^(Ki(Trap|System(Service|Call)|IdleLoop|ThreadStartup|DispatchException|Exception|Modify|Interrupt"
    r"Dispatch|RetireDpcList|DeliverApc|UnlockDispatcher)|KeBugCheck|DbgBreakPoint|BaseThreadStart|"
    r"BaseProcessStart|Zw[A-Z]|RegisterServiceCtrlHandler|ScSvcctrlThread)|"
    r"^(RtlpBreakWithStatusInstruction|PspSystemThreadStartup|ExpWorkerThread|_?except_handler\d?|"
    r"mainCRTStartup|main|WinMainCRTStartup|KeUserModeCallback|MmAccessFault|RaiseException|operator|"
    r"RtlRaiseException|DebugBreakPoint|NULL_IMPORT_DESCRIPTOR|ServiceMainFunction|IofCallDriver|"
    r"MiDispatchFault|ThreadStartRoutine|KfLowerIrql|[Nn]disMDpc)$|"
    r"^(Halp(Hardware|Dispatch|EndSoftware)Interrupt|_?_?SEH|\$\$|NdisMDpc)")
OFTEN = re.compile(r"^(Ki|Ke|Rtl|Ex|Io|Zw|Nt|Mm|Mi|Ob|Ps|Hal|Ndis|ndis|Cc|wcs|str|mem|alloca|_)"
                   r"|Fsd|Dispatch|Heap|Free$|Alloc$")
IP_AT = {0xA: 4, 0xD1: 4, 0x1E: 2, 0x8E: 2, 0x7E: 2, 0x50: 3, 0xC5: 4, 0x24: 4, 0x23: 4, 0x22: 4,
         0xD5: 3, 0xFC: 1}
DULL = {0xC0000005, 0x80000003, 0xC000001D, 0xC0000096, 0xFF, 0xFFFFFFFF}


def as_int(value):
    try:
        if isinstance(value, bool):
            return None
        made = value if isinstance(value, int) else int(str(value), 0)
    except ValueError:
        return None
    return made if 0 <= made < 1 << 64 else None


def plain_list(value):
    return value if isinstance(value, list) else []


def rows(value):
    return [v for v in plain_list(value) if isinstance(v, dict)]


def file_of(name):
    """A file name as machines list it, "" for anything else."""
    name = str(name or "").strip().lower().replace("/", "\\").split("\\")[-1]
    if NOWHERE.match(name) or not re.fullmatch(r"[\w.$+\-]{2,40}", name):
        return ""
    base, dot, extension = name.rpartition(".")
    known = dot and extension in ("sys", "exe", "dll", "drv", "ocx", "cpl", "scr", "com")
    if (base if known else name) in KERNEL_FILES:
        return "ntoskrnl.exe"
    return name if known else ""


def image_of(stem):
    """The module of a stack's frame: a stem such as "netbt"."""
    stem = str(stem or "").strip().lower()
    stem = LOST_LETTER.get(stem, stem)
    if not re.fullmatch(r"[\w.$+\-]{2,40}", stem):
        return ""
    stem = re.sub(r"\.(sys|exe|dll|drv|ocx|cpl|scr|com)$", "", stem)
    return "ntoskrnl" if stem in KERNEL_FILES else stem


def is_driver(file):
    return file.endswith(".sys") or bool(
        re.match(r"^(hal.*|ati|nm2200dp|rdpdd|atmfd|framebuf|s3.*|mga.*|8514.*)\.(dll|drv)$", file))


def symbol_of(name):
    """A name as a symbol file would bear it; "" when the article cut or decorated it beyond that."""
    name = str(name or "").strip()
    member = re.match(r"^\?(\w+)@(\w+)?@", name)
    if member:
        name = (member.group(2) + "::" if member.group(2) else "") + member.group(1)
    name = re.sub(r"^_?_?imp_+", "", name)
    name = re.sub(r"^[_@](\w+)@\d+$", r"\1", name)
    name = re.sub(r"_(\d{1,4}|[0-9a-f]{4})$", "", name)
    name = re.sub(r"^(\w+?)__(\w+)$", r"\1::\2", name)
    name = re.sub(r"_+$", "", name)
    ok = re.fullmatch(r"[A-Za-z_][\w:~]*", name)
    return name if ok and len(re.sub(r"::", "", name)) >= 5 else ""


class Reading:
    def __init__(self, raw, sort):
        self.raw, self.sort = raw, sort
        self.number = re.sub(r"\D", "", str(raw.get("id") or "")).lstrip("0")
        self.kind = str(raw.get("kind") or "")
        names = lambda key: [f for f in (file_of(m) for m in self.listed(key)) if f]
        self.fault = names("fault_modules")
        self.suspects = names("cause_modules") + names("inferred_modules")
        self.fixed_only = names("candidate_modules")
        self.drivers = [m for m in self.fault if is_driver(m) and m != "hal.dll"]
        self.codes = []
        for check in rows(raw.get("bugchecks")):
            code = as_int(check.get("code"))
            if code and code <= 0xFFFFFFFF and code not in self.codes:
                self.codes.append(code)
        self.tags = [t for t in self.listed("pool_tags") if isinstance(t, str) and 0 < len(t) <= 4]
        self.classes = [str(c) for c in self.listed("cause_classes")]
        known = ("kernel_stop", "user_av", "hang", "user_hang", "leak", "threshold", "update")
        if self.kind not in known and self.fault and not self.codes and not any(
                is_driver(m) or m == "ntoskrnl.exe" for m in self.fault):
            self.kind = "user_av"  # what else can be said of programs
        self.user = self.kind == "user_av"

    def listed(self, key):
        value = self.raw.get(key)
        return value if isinstance(value, list) else [] if value in (None, "") else [value]

    # --- the machine -------------------------------------------------------------------------
    @functools.cache
    def systems(self):
        """[(family, terminal, arch, service pack)] that the article names."""
        found = []
        named = self.raw.get("os") if isinstance(self.raw.get("os"), dict) else {}
        for word, packs in named.items():
            family = OS_WORDS.get(word)
            if not family:
                continue
            packs = [p for p in (packs if isinstance(packs, list) else [packs]) if isinstance(p, str)]
            numbers = [int(m.group(1)) for m in (re.match(r"^SP(\d)a?$", p) for p in packs) if m]
            pack = 0 if not numbers or "RTM-or-any" in packs else max(numbers)
            found.append((family, word == "NT 4.0TSE", word.split()[-1], pack))
        return found

    def arch_words(self):
        words = [str(a).lower() for a in self.listed("arch")]
        words += [str(f.get("platform")).lower() for f in rows(self.raw.get("fixed_files")) if f.get("platform")]
        return [w for w in words if w in ("x86", "alpha", "x64", "ia64")]

    def server_only(self):
        lines = [p for p in self.listed("products") if isinstance(p, str) and re.search("Windows (NT|2000)", p)]
        return not lines or any("Server" in p for p in lines)

    # --- parameters ---------------------------------------------------------------------------
    def notes(self, relation):
        return [[as_int(p) for p in plain_list(n.get("params"))] + [file_of(n.get("module"))]
                for n in rows(self.raw.get("param_notes")) if n.get("rel") == relation]

    @functools.cache
    def printed_sets(self):
        """[(code, [value or None]*4, {number of what moves}, code place or None)]"""
        made = []
        for check in rows(self.raw.get("bugchecks")):
            code = as_int(check.get("code"))
            if not code or check.get("params_positional") is False:
                continue
            for values in plain_list(check.get("params")):
                if isinstance(values, list) and len(values) == 4:
                    made.append(Printed(self, code, [v if isinstance(v, dict) else {"value": v} for v in values]))
        return [p for p in made if p.stays or p.place]

    # --- stacks -------------------------------------------------------------------------------
    @functools.cache
    def stacks(self):
        """The stacks that tell something: [(image, function)], newest first."""
        found = []
        for listing in plain_list(self.raw.get("stacks")):
            frames = []
            for row in rows(listing):
                image, name = image_of(row.get("module")), symbol_of(row.get("function"))
                near = (as_int(row.get("offset")) or 0) <= 0x800
                if image and name and near and not NOISE.search(str(row.get("function")).strip()):
                    if not frames or frames[-1] != (image, name):
                        frames.append((image, name))
            part = frames[:4] if self.own(frames[:4]) else frames[:6]
            if len(set(part)) >= 2 and self.own(part):
                found.append(frames[:10])
        return found

    def stack(self):
        return self.stacks()[0] if self.stacks() else []

    def own(self, frames):
        """Those in code that is neither the kernel's nor a library's."""
        return [f for f in frames if f[0] not in LIBRARIES | {"ntoskrnl", "hal"}]

    def about_programs(self):
        return self.kind in ("user_av", "user_hang") or (
            self.kind == "hang" and str(self.raw.get("hang_scope") or "").startswith("process"))

    @functools.cache
    def known_functions(self):
        """[(image, function, whose module is printed, faulting)]; images guessed from the modules."""
        likely = [m.rpartition(".")[0] for m in (self.fault or self.suspects or self.fixed_only)
                  if self.user or is_driver(m) or m == "ntoskrnl.exe"]
        found = []
        for source, faulting in (("drwatson", True), ("functions", False)):
            for row in rows(self.raw.get(source)):
                if faulting and not row.get("fault"):
                    continue
                name = symbol_of(row.get("function"))
                image = image_of(row.get("module"))
                if name and not NOISE.search(str(row.get("function")).strip()) and (image or likely):
                    found.append((image or likely[0], name, bool(image), faulting))
        return found

    @functools.cache
    def proving_function(self):
        for image, name, printed, faulting in self.known_functions():
            own = image not in LIBRARIES | {"ntoskrnl", "hal"} and not OFTEN.search(name)
            stems = [m.rpartition(".")[0] for m in self.drivers]
            if printed and own and not self.user and (not stems or image in stems):
                return image, name
        return None

    @functools.cache
    def pointing_function(self):
        for image, name, printed, faulting in self.known_functions():
            if image not in LIBRARIES | {"ntoskrnl", "hal"} and not OFTEN.search(name):
                return image, name
        return None


class Printed:
    """One printed parameter set."""

    def __init__(self, reading, code, values):
        self.code = code
        self.values = [as_int(v.get("value")) for v in values]
        moves = [bool(v.get("load_dependent")) or v.get("kind") in ("kernel_address", "address") for v in values]
        varied = {n for note in reading.notes("varies") for n in note[:-1]}
        self.equal = {}
        for n, v in enumerate(values, 1):
            match = re.match(r"^equals_param([1-4])$", str(v.get("pattern") or ""))
            if match:
                self.equal[n] = int(match.group(1))
        for note in reading.notes("equal_to_each_other"):
            if len(note) == 3:
                self.equal.setdefault(note[0], note[1])
        self.stays = {n for n in (1, 2, 3, 4) if n in self.equal or (
            self.values[n - 1] is not None and not moves[n - 1] and n not in varied)}
        self.place = self.find_place(reading, moves)
        # Two zeros are equal by chance; two addresses are not.
        self.special = {n for n in self.stays if (
            (self.values[n - 1] is None or self.values[n - 1] > 0xFFF) if n in self.equal
            else self.unusual(n))}

    def unusual(self, n):
        value = self.values[n - 1]
        if value <= 2 or value in DULL:
            return False
        if self.code in (0xA, 0xD1) and n in (2, 3):
            return False
        if self.code in (0x7F, 0x7B, 0x77, 0x7A, 0x9C) and n == 1:
            return False
        return not (self.code == 0x50 and n in (2, 4))

    def find_place(self, reading, moves):
        """(parameter, module or "", page offset, rva or None)"""
        n = IP_AT.get(self.code & 0x0FFFFFFF if self.code >> 28 == 1 else self.code)
        if not n or self.values[n - 1] is None or not moves[n - 1] or self.values[n - 1] < 1 << 31:
            return None
        value = self.values[n - 1]
        for row in rows(reading.raw.get("address_lines")):
            if as_int(row.get("address")) == value and file_of(row.get("module")):
                return n, file_of(row.get("module")), value & 0xFFF, as_int(row.get("rva"))
        for note in reading.notes("address_in_module"):
            if n in note[:-1] and note[-1]:
                return n, note[-1], value & 0xFFF, None
        early = reading.sort == "articles" and any(
            f in ("nt3.1", "nt3.5", "nt3.51", "nt4") for f, *_ in reading.systems())
        if early and 0x801 <= value >> 20 and value < 0x801D0000:
            return n, "ntoskrnl.exe", value & 0xFFF, None
        if early and (value >> 21) in (0xA0000000 >> 21, 0xA3000000 >> 21):
            return n, "win32k.sys", value & 0xFFF, None
        drivers = [m for m in reading.fault if is_driver(m) or m == "ntoskrnl.exe"]
        if len(drivers) == 1 and drivers[0] != "ntoskrnl.exe":
            return n, drivers[0], value & 0xFFF, None
        return n, "", value & 0xFFF, None

    def exact(self):
        """Would this set, seen again, name the bug?  Only with its place in one driver's code."""
        return bool(self.place and self.place[1] not in ("", "ntoskrnl.exe", "hal.dll")
                    and self.special and len(self.stays) >= 2)

    def signature(self):
        stays = tuple(sorted((n, self.equal.get(n), self.values[n - 1]) for n in self.stays))
        return self.code, stays, self.place[0] if self.place else 0, self.place[2] if self.place else 0

    def fits(self, other):
        """Would a machine of `other` show this set as well?"""
        if self.code != other.code or (self.place and not other.place):
            return False
        if self.place and (self.place[0] != other.place[0] or self.place[2] != other.place[2]):
            return False
        return all(n in other.stays and self.values[n - 1] == other.values[n - 1] for n in self.stays)
