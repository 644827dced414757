"""The fix of an article: files to compare with, service packs, words."""

import datetime
import re

from . import areas
from .facts import article_number, module_name, text, unique

PRODUCTS = {"NT 3.1": ("nt3.1", None), "NT 3.5": ("nt3.5", None), "NT 3.51": ("nt3.51", None),
            "NT 4.0": ("nt4", None), "NT 4.0TSE": ("nt4", True), "2000": ("2000", None),
            "XP": ("xp", None), "XP x64": ("xp64", None), "Server 2003": ("ws2003", None),
            "Vista": ("vista", None), "Server 2008": ("ws2008", None), "7": ("win7", None),
            "Server 2008 R2": ("ws2008r2", None)}
# The service packs whose dates the program knows (analyzer/rules/service_packs.def).
KNOWN_PACKS = {"nt3.1": 3, "nt3.5": 3, "nt3.51": 5, "nt4": 6, "2000": 4, "xp": 3, "ws2003": 2,
               "vista": 2, "win7": 1, "ws2008r2": 1}
FAMILY_OF_BUILD = {"4.0.1381": ["nt4"], "5.0.2195": ["2000"], "5.1.2600": ["xp"],
                   "5.2.3790": ["ws2003", "xp64"], "6.0.6000": ["vista"],
                   "6.0.6001": ["vista", "ws2008"], "6.0.6002": ["vista", "ws2008"],
                   "6.1.7600": ["win7", "ws2008r2"], "6.1.7601": ["win7", "ws2008r2"],
                   "6.2.9200": ["win8", "ws2012"], "6.3.9600": ["win8.1", "ws2012r2"]}


def version_of(row):
    version = text(row.get("version"))
    return version if re.fullmatch(r"\d{1,5}(\.\d{1,5}){3}", version) else ""


def build_of(version):
    return ".".join(str(int(n)) for n in version.split(".")[:3])


def date_of(row):
    try:
        day = datetime.date.fromisoformat(text(row.get("date")))
    except ValueError:
        return None
    return day if 1990 <= day.year <= 2030 else None


def service_pack_of(version):
    """The branch that the last number stands for, where the ranges are published."""
    build, last = build_of(version), int(version.split(".")[3])
    if build == "5.2.3790":
        return "2" if last >= 3959 else "1" if last >= 1830 else "none"
    if build == "5.1.2600":
        return "3" if last >= 5512 else "2" if last >= 2180 else "1" if last >= 1106 else "none"
    return ""


def file_name(row):
    name = re.split(r"[\\/]", text(row.get("file")).lower())[-1]
    if not re.fullmatch(r"[a-z0-9_\-$]{1,32}\.(sys|exe|dll|drv)", name) or re.search(r"9x\.", name):
        return ""
    return name


class Row:
    """One row of a file table, as far as it is understood."""

    def __init__(self, article, raw):
        self.file, self.version, self.date = file_name(raw), version_of(raw), date_of(raw)
        time = text(raw.get("time"))
        self.time = time if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", time) else ""
        size = raw.get("size")
        self.bytes = size if isinstance(size, int) and 0 < size < 1 << 31 else 0
        platform = text(raw.get("platform")).lower()
        old = article.form == "articles"
        self.arch = {"": "x86" if old else "", "x86": "x86", "intel": "x86", "alpha": "alpha",
                     "x64": "x64", "amd64": "x64", "ia64": "ia64"}.get(platform)
        self.family, self.terminal = self.branch(article)

    def branch(self, article):
        if self.version and build_of(self.version) in FAMILY_OF_BUILD:
            families = FAMILY_OF_BUILD[build_of(self.version)]
            named = [f for f in families if f in [o[0] for o in article.os]]
            terminal = build_of(self.version) == "4.0.1381" and int(self.version.split(".")[3]) >= 32768
            return (named or families)[0] if len(named or families) == 1 else "", terminal
        families = sorted({f for f, *_ in article.os})
        nt4 = [t for f, t, *_ in article.os if f == "nt4"]
        terminal = bool(nt4) and all(nt4)
        if "nt4" in families and len(families) > 1 and self.date and self.date.year >= 1998:
            families = ["nt4"]
        return families[0] if len(families) == 1 else "", terminal

    def usable(self):
        return bool(self.file and self.arch is not None and (self.version or self.date))


def choose_rows(article, wanted, user):
    """The rows of the modules that matter; other rows of the table are carried in words."""
    rows = [Row(article, raw) for raw in article.files]
    rows = [r for r in rows if r.usable()]
    if not user:
        rows = [r for r in rows if areas.in_kernel(module_name(r.file))
                or module_name(r.file) in wanted]
    for group in wanted_groups(article, wanted):
        chosen = [r for r in rows if module_name(r.file) in group]
        if chosen:
            return chosen, sorted({r.file for r in rows} - {r.file for r in chosen})
    return rows, []


def wanted_groups(article, wanted):
    return [g for g in (wanted, article.fault, article.cause) if g]


def file_entries(rows):
    groups = {}
    for row in rows:
        groups.setdefault((row.file, row.family, row.terminal, row.arch), []).append(row)
    kernels = {r.file for r in rows if module_name(r.file) == "nt"}
    entries = []
    for (file, family, terminal, arch), same in groups.items():
        if not family and not any(r.version for r in same):
            continue  # its system is not told
        head = {"file": file, "family": family, "terminal_server": True if terminal else None,
                "arch": arch}
        versions = {r.version for r in same if r.version}
        dated = [r for r in same if r.date and not r.version]
        builds = [build_of(v) for v in versions]
        for row in same:
            known = row.version and build_of(row.version) in FAMILY_OF_BUILD
            if known or row.version and builds.count(build_of(row.version)) == 1:
                add(entries, dict(head, service_pack=service_pack_of(row.version),
                                  version=row.version, **built(row, kernels)))
        if versions:
            continue
        if len({(r.date, r.time) for r in dated}) == 1:
            add(entries, dict(head, **built(dated[0], kernels)))
        elif dated:
            # Several builds, and not told which edition each is for: what lies between is open.
            first = min(r.date for r in dated) - datetime.timedelta(days=3)
            add(entries, dict(head, older_before=first.isoformat(),
                              fixed_from=max(r.date for r in dated).isoformat()))
    return entries


def built(row, kernels):
    made = {}
    if row.date:
        made["built"] = row.date.isoformat() + (f" {row.time}" if row.time else "")
    # A machine has one of several kernels, whose sizes differ.
    if row.bytes and not (row.file in kernels and len(kernels) > 1):
        made["bytes"] = row.bytes
    return made


def add(entries, entry):
    entry = {k: v for k, v in entry.items() if v not in (None, "", 0)}
    if entry not in entries:
        entries.append(entry)


def pack_words(article):
    """["nt4 SP4", ...] of what the facts say, and those that can be judged by dates."""
    words, known = [], []
    for product, pack in article.service_packs:
        family, terminal = PRODUCTS.get(product, ("", None))
        match = re.fullmatch(r"(\d)(a)?", pack)
        if not family or not match:
            continue
        word = f"{family} {'Terminal Server ' if terminal else ''}SP{pack}"
        if word not in words:
            words.append(word)
            if int(match.group(1)) <= KNOWN_PACKS.get(family, 0) and not (
                    terminal and int(match.group(1)) < 4):
                known.append((family, terminal, f"{family} SP{pack}", int(match.group(1))))
    return words, known


def service_pack_entries(article, modules):
    """One entry for each module and branch that a service pack fixed; the first pack counts."""
    entries = []
    _, known = pack_words(article)
    first = {}
    for family, terminal, word, pack in known:
        if (family, terminal) not in first or pack < first[(family, terminal)][1]:
            first[(family, terminal)] = (word, pack)
    for module in modules:
        file = "ntoskrnl.exe" if module == "nt" else module
        for (family, terminal), (word, _) in first.items():
            entry = {"file": file, "family": family}
            if terminal:
                entry["terminal_server"] = True
            entry["fixed_in"] = word
            entries.append(entry)
    return entries


def fix_of(article, modules, user, unpublished):
    """The `fix` section; `modules` are those whose state tells whether the fix is in."""
    fix, note = {}, ""
    words, _ = pack_words(article)
    if article.hotfix:
        fix["hotfix"] = True
    if words:
        fix["service_packs"] = words
    if article.third_party and not words and not article.hotfix:
        fix["vendor"] = article.vendor_fix or "a newer version from the vendor of the component"
    rows, others = choose_rows(article, modules, user)
    entries = file_entries(rows)
    if not entries:
        entries = service_pack_entries(article, modules)
    if entries:
        fix["files"] = entries[:60]
    elif unpublished and not words and not article.files:
        fix["unpublished"] = True
    if others:
        note = "The fix also carries " + ", ".join(others[:12]) + "."
    if article.replaces:
        fix["replaces"] = [kb_word(a) for a in article.replaces]
    if article.superseded:
        fix["superseded_by"] = [kb_word(a) for a in article.superseded]
    if article.needs_pack and article.os:
        pack = re.fullmatch(r"SP\d(a)?", article.needs_pack)
        if pack:
            fix["needs"] = [f"{article.os[0][0]} {article.needs_pack}"]
    return fix, note


def families_of_fix(article):
    """The systems that the service packs, or else the versions of the files, belong to."""
    found = unique([PRODUCTS.get(product, ("", None))[0] for product, pack in article.service_packs
                    if re.match(r"\d", pack)])
    if found:
        return found
    for raw in article.files:
        version = version_of(raw)
        for family in FAMILY_OF_BUILD.get(build_of(version), []) if version else []:
            if family not in found:
                found.append(family)
    return found


def kb_word(name):
    return ("Q" if name.upper().startswith("Q") else "KB") + article_number(name)
