"""Which builds of a file have the fix, as the article's table or its service packs say."""

import datetime
import re

from machines import seconds
from reading import file_of, is_driver, rows

# Generally available on; what was built well after them has the pack's fixes.
PACKS = {("nt3.5", False): {3: (1995, 6, 21)},
         ("nt3.51", False): {1: (1995, 7, 1), 2: (1995, 9, 1), 3: (1995, 12, 1), 4: (1996, 2, 14),
                             5: (1996, 9, 19)},
         ("nt4", False): {1: (1996, 10, 16), 2: (1996, 12, 14), 3: (1997, 5, 15), 4: (1998, 10, 21),
                          5: (1999, 5, 4), 6: (1999, 11, 22)},
         ("nt4", True): {4: (1999, 2, 1), 5: (1999, 8, 1), 6: (2000, 3, 1)},
         ("2000", False): {1: (2000, 7, 31), 2: (2001, 5, 16), 3: (2002, 8, 1), 4: (2003, 6, 26)},
         ("ws2003", False): {1: (2005, 3, 30), 2: (2007, 3, 13)},
         ("xp", False): {1: (2002, 9, 9), 2: (2004, 8, 25), 3: (2008, 5, 6)}}
PRODUCT = {"NT 3.5": ("nt3.5", False), "NT 3.51": ("nt3.51", False), "NT 4.0": ("nt4", False),
           "NT 4.0TSE": ("nt4", True), "2000": ("2000", False), "XP": ("xp", False),
           "Server 2003": ("ws2003", False)}
BY_BUILD = {(4, 0, 1381): {"nt4"}, (5, 0, 2195): {"2000"}, (5, 1, 2600): {"xp"},
            (5, 2, 3790): {"ws2003", "xp64"}, (6, 0, 6000): {"vista"}, (6, 0, 6001): {"vista", "ws2008"},
            (6, 0, 6002): {"vista", "ws2008"}, (6, 1, 7600): {"win7", "ws2008r2"},
            (6, 1, 7601): {"win7", "ws2008r2"}, (6, 2, 9200): {"win8", "ws2012"},
            (6, 3, 9600): {"win8.1", "ws2012r2"}}


def numbers(version):
    parts = str(version or "").split(".")
    return tuple(map(int, parts)) if len(parts) == 4 and all(p.isdigit() and len(p) < 6 for p in parts) else None


class Build:
    """A file that has the fix, and for which machines it is."""

    def __init__(self, file, families, terminal, arch, version=None, day=None, pack=None):
        self.file, self.families, self.terminal, self.arch = file, families, terminal, arch
        self.version, self.day, self.pack = version, day, pack

    def for_machine(self, family, terminal, arch):
        return ((not self.families or family in self.families) and (self.arch in ("", arch))
                and (family != "nt4" or self.terminal is None or self.terminal == terminal))


def table(reading):
    """The rows that machines can have, of whatever file."""
    made = []
    families = {f for f, *_ in reading.systems()}
    terminals = {t for f, t, *_ in reading.systems() if f == "nt4"}
    for row in rows(reading.raw.get("fixed_files")):
        file = str(row.get("file") or "").lower()
        if not re.fullmatch(r"[\w\-$]{1,32}\.(sys|exe|dll|drv)", file) or "9x." in file:
            continue
        version = numbers(row.get("version"))
        try:
            day = datetime.date.fromisoformat(str(row.get("date")))
        except ValueError:
            day = None
        if not version and not day:
            continue
        platform = str(row.get("platform") or ("x86" if reading.sort == "articles" else "")).lower()
        arch = {"intel": "x86", "amd64": "x64"}.get(platform, platform)
        if arch not in ("", "x86", "alpha", "x64", "ia64"):
            continue
        if version and version[:3] in BY_BUILD:
            mine = BY_BUILD[version[:3]] & families or BY_BUILD[version[:3]]
            terminal = version[3] >= 0x8000 if version[2] == 1381 else None
        else:
            mine = {"nt4"} if "nt4" in families and day and day.year > 1997 else families
            terminal = terminals == {True}
            if not version and len(mine) != 1:
                continue  # nobody can say for which system it is
        made.append(Build(file, mine, terminal, arch, version, day))
    return made


def packs(reading, files):
    made, seen = [], {}
    for row in rows(reading.raw.get("fixed_in_sp")):
        product = PRODUCT.get(str(row.get("product")))
        pack = re.match(r"^(\d)a?$", str(row.get("sp") or ""))
        if product and pack and int(pack.group(1)) in PACKS.get(product, {}):
            seen[product] = min(seen.get(product, 9), int(pack.group(1)))
    if reading.about_programs():  # a stack of programs does not tell what the file is called
        files = [f for f in files if f in reading.fault + reading.suspects + reading.fixed_only]
    for file in files:
        for (family, terminal), pack in seen.items():
            made.append(Build(file, {family}, terminal, "", pack=pack))
    return made


def pack_products(reading):
    """[(family, terminal)] of the service packs that have the fix."""
    return [PRODUCT[r["product"]] for r in named_packs(reading) if r.get("product") in PRODUCT]


def named_packs(reading):
    return [r for r in rows(reading.raw.get("fixed_in_sp")) if re.match(r"^\d", str(r.get("sp") or ""))
            and r.get("product") in list(PRODUCT) + ["NT 3.1", "XP x64", "Vista", "Server 2008", "7",
                                                     "Server 2008 R2"]]


def good_builds(reading, modules):
    """The fixed files that matter for these modules; else all drivers (programs) of the table."""
    made = table(reading)
    wanted = [modules, reading.fault, reading.suspects]
    if not reading.user and reading.kind != "threshold":
        near = [b for b in made if is_driver(b.file) or file_of(b.file) == "ntoskrnl.exe"
                or file_of(b.file) in modules]
        made = near
    for group in wanted:
        chosen = [b for b in made if group and file_of(b.file) in group]
        if chosen:
            return chosen
    return made or packs(reading, modules)


def older(build, module):
    """Makes the module a build without the fix."""
    if build.version:
        floor = {3790: (3959, 1830, 1), 2600: (5512, 2180, 1106, 1)}.get(build.version[2], (20000, 16384, 1))
        base = next((f for f in floor if f <= build.version[3]), 0) if build.version[2] != 1381 else (
            0x8001 if build.version[3] >= 0x8000 else 1)
        last = max(base, build.version[3] - 7)
        if last == build.version[3]:
            return False
        module["version"] = ".".join(map(str, build.version[:3] + (last,)))
        module["version_from"] = "image"
    if build.day:
        module["timestamp"] = min(module["timestamp"], seconds(*build.day.timetuple()[:3]) - 60 * 86400)
    return True


def fixed(build, module):
    """Makes it the build with the fix; False where no single fact of a module tells that."""
    if build.version:
        module["version"] = ".".join(map(str, build.version))
        module["version_from"] = "image"
        if build.day:
            module["timestamp"] = seconds(*build.day.timetuple()[:3]) - 6 * 3600
        return True
    if build.day:
        module["timestamp"] = max(module["timestamp"], seconds(*build.day.timetuple()[:3]) + 6 * 3600)
        return True
    family = next(iter(build.families))
    released = PACKS[(family, bool(build.terminal))][build.pack]
    module["timestamp"] = seconds(*released) + 500 * 86400
    return family.startswith("nt")
