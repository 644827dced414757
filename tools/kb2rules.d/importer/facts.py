"""Facts files in their three forms, as one kind of record.

Forms are told by content: a list of articles (with `products`, or with `subject`), or a map with
`thresholds`.  Fields may be missing or odd: whatever cannot be understood is left out of the record,
never guessed.  What each field is worth: docs/catalogue.md.
"""

import re

# Names by which articles speak of an unnamed program; they name nothing.
PLACEHOLDERS = re.compile(
    r"^(module\d+|xxx|form|program|application|app|drwtsn32|drwatson|filename|driver)\.")
KERNEL = {"nt", "ntoskrnl", "ntkrnlmp", "ntkrnlpa", "ntkrpamp", "ntoskrl", "ntkrnl"}
EXTENSIONS = (".sys", ".exe", ".dll", ".drv", ".ocx", ".cpl", ".scr", ".com")

FAMILIES = {
    "NT 3.1": "nt3.1", "NT 3.5": "nt3.5", "NT 3.51": "nt3.51", "NT 4.0": "nt4", "NT 4.0TSE": "nt4",
    "2000": "2000", "XP": "xp", "XP x64": "xp64", "Server 2003": "ws2003",
    "Server 2003 R2": "ws2003", "Vista": "vista", "Server 2008": "ws2008", "7": "win7",
    "Server 2008 R2": "ws2008r2", "8": "win8", "Server 2012": "ws2012", "8.1": "win8.1",
    "Server 2012 R2": "ws2012r2", "10": "win10", "Server 2016": "ws2016+", "11": "win11",
}
# "NT" without a version, or no system at all (an application's article of that time).
UNNAMED_NT = ["nt3.1", "nt3.5", "nt3.51", "nt4"]
ARCHS = {"x86": "x86", "i386": "x86", "intel": "x86", "alpha": "alpha", "axp": "alpha",
         "x64": "x64", "amd64": "x64", "ia64": "ia64", "arm64": "arm64"}


def text(value):
    return value.strip() if isinstance(value, str) else ""


def items(value):
    """A list of whatever is there; one value counts as a list of it."""
    if isinstance(value, list):
        return value
    return [] if value is None or value == "" else [value]


def maps(value):
    return [x for x in items(value) if isinstance(x, dict)]


def number(value):
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value < 1 << 64 else None
    if isinstance(value, str):
        try:
            made = int(value, 16) if value.lower().startswith("0x") else int(value)
        except ValueError:
            return None
        return made if 0 <= made < 1 << 64 else None
    return None


def article_number(name):
    match = re.search(r"(\d{4,8})$", text(name))
    return match.group(1).lstrip("0") if match else ""


def module_name(name, with_extension=True):
    """Lower case base name; "nt" for every kernel image; "" for what is no file name."""
    name = re.split(r"[\\/]", text(name).lower())[-1]
    if not re.fullmatch(r"[a-z0-9_.$+\-]{2,40}", name) or PLACEHOLDERS.match(name):
        return ""
    stem = name.rsplit(".", 1)[0] if name.endswith(EXTENSIONS) else name
    if stem in KERNEL:
        return "nt"
    if with_extension and not name.endswith(EXTENSIONS):
        return ""
    return name


# Names whose first letter a printed stack lost.
CUT_NAMES = {n[1:]: n for n in ("ntoskrnl", "ntdll", "kernel32", "rpcrt4", "localspl", "user32",
                                "advapi32", "win32k", "ole32")}


def module_stem(name):
    name = module_name(name, with_extension=False)
    name = module_name(CUT_NAMES.get(name, name), with_extension=False)
    return name.rsplit(".", 1)[0] if name.endswith(EXTENSIONS) else name


def unique(values):
    return [v for i, v in enumerate(values) if v and v not in values[:i]]


class Parameter:
    """One value of a printed parameter set: `value` None = any, or printed for one machine only."""

    def __init__(self, raw):
        raw = raw if isinstance(raw, dict) else {"value": raw}
        self.value = number(raw.get("value"))
        kind = text(raw.get("kind"))
        # Values that depend on where things lay in memory: all addresses.
        self.moves = bool(raw.get("load_dependent")) or kind in ("kernel_address", "address")
        self.address = kind == "kernel_address"
        self.status = kind == "ntstatus"
        same = re.fullmatch(r"equals_param([1-4])", text(raw.get("pattern")))
        self.same_as = int(same.group(1)) if same else None


class Article:
    def __init__(self, raw, form):
        self.form = form
        self.id = text(raw.get("id"))
        self.number = article_number(self.id)
        self.kind = text(raw.get("kind"))
        self.nature = text(raw.get("nature")) or "problem"
        self.scope = text(raw.get("hang_scope"))
        self.classes = [text(c) for c in items(raw.get("cause_classes")) if text(c)]
        self.evidence_class = [text(c) for c in items(raw.get("evidence_class")) if text(c)]
        self.products = [text(p) for p in items(raw.get("products")) if text(p)]
        self.third_party = raw.get("third_party") in (True, "1", 1, "true")
        self.workaround = text(raw.get("workaround"))
        self.vendor_fix = text(raw.get("vendor_fix"))
        self.hang_too = bool(raw.get("also_hang")) or self.kind in ("hang", "user_hang")
        self.os, self.unknown_os = self.read_os(raw.get("os"))
        self.archs = unique([ARCHS.get(text(a).lower(), "") for a in items(raw.get("arch"))])
        self.read_modules(raw)
        self.read_evidence(raw)
        self.read_codes(raw.get("bugchecks"))
        self.read_fix(raw)

    def read_os(self, raw):
        """[(family, terminal_server or None, arch or "", [service packs])], words not understood."""
        systems, unknown = [], []
        for name, packs in (raw.items() if isinstance(raw, dict) else []):
            words = text(name)
            if words == "NT":
                systems += [(f, None, "", []) for f in UNNAMED_NT]
                continue
            arch = re.search(r" (x86|x64|ia64)$", words)
            plain = words[: arch.start()] if arch and words not in FAMILIES else words
            family = FAMILIES.get(plain)
            if not family:
                unknown.append(words)
                continue
            packs = [text(p) for p in items(packs)]
            whole = not packs or "RTM-or-any" in packs
            found = unique([p for p in packs if re.fullmatch(r"SP\d(a)?", p)])
            systems.append((family, True if words == "NT 4.0TSE" else None,
                            arch.group(1) if arch and plain != words else "",
                            [] if whole else found))
        return systems, unknown

    def read_modules(self, raw):
        names = lambda key: unique([module_name(m) for m in items(raw.get(key))])
        self.fault = names("fault_modules")
        self.cause = unique(names("cause_modules") + names("inferred_modules"))
        self.candidates = [m for m in names("candidate_modules")]
        process = module_name(raw.get("process"))
        self.process = process if process.endswith(".exe") else ""
        # Curated facts of the polish files (docs/catalogue.md).
        self.loaded = unique([module_name(m) for m in items(raw.get("needs_modules"))])
        self.driver_class = text(raw.get("driver_class"))
        self.irp = raw.get("irp") if isinstance(raw.get("irp"), dict) else None
        self.corruption = [text(c) for c in items(raw.get("corruption")) if text(c)]
        self.cpus = number(raw.get("cpus_at_least"))

    def read_evidence(self, raw):
        self.stacks = [
            [(module_stem(f.get("module")), text(f.get("function")), number(f.get("offset")))
             for f in maps(stack)] for stack in items(raw.get("stacks"))]
        self.functions = [(module_stem(f.get("module")), text(f.get("function")))
                          for f in maps(raw.get("functions"))]
        self.faulting = [(module_stem(f.get("module")), text(f.get("function")))
                         for f in maps(raw.get("drwatson")) if f.get("fault")]
        self.addresses = [(number(a.get("address")), number(a.get("rva")),
                           module_name(a.get("module")), number(a.get("base")))
                          for a in maps(raw.get("address_lines"))]
        self.notes = [([n for n in map(number, items(p.get("params"))) if n in (1, 2, 3, 4)],
                       text(p.get("rel")), module_name(p.get("module")))
                      for p in maps(raw.get("param_notes"))]
        self.tags = unique([t for t in items(raw.get("pool_tags"))
                            if isinstance(t, str) and re.fullmatch(r"[!-~ ]{1,4}", t)])
        self.linked = [(module_name(l.get("module")), text(l.get("link_time_local"))[:10])
                       for l in maps(raw.get("link_dates"))]

    def read_codes(self, raw):
        self.codes, self.sets = [], []
        for check in maps(raw):
            code = number(check.get("code"))
            if code is None or not 0 < code <= 0xFFFFFFFF:
                continue
            if code not in self.codes:
                self.codes.append(code)
            if check.get("params_positional") is False:
                continue
            for values in items(check.get("params")):
                if isinstance(values, list) and len(values) == 4:
                    self.sets.append((code, [Parameter(v) for v in values]))

    def read_fix(self, raw):
        self.files = maps(raw.get("fixed_files"))
        self.service_packs = [(text(f.get("product")), text(f.get("sp")))
                              for f in maps(raw.get("fixed_in_sp"))]
        self.hotfix = bool(self.files) or bool(maps(raw.get("hotfix_before_sp")))
        ids = lambda key: unique([text(a) for a in items(raw.get(key)) if article_number(a)])
        self.replaces, self.superseded = ids("replaces"), ids("superseded_by")
        self.needs_pack = text(raw.get("needs_sp"))

    @property
    def key(self):
        return re.sub(r"[^a-z0-9]", "", self.id.lower())


def recognise(data):
    """The articles of one facts file (raw maps) and its form; None where it is none of ours."""
    if isinstance(data, dict) and isinstance(data.get("thresholds"), list):
        return "thresholds", maps(data["thresholds"])
    if isinstance(data, dict):
        for key in ("articles", "facts", "kbs"):
            if isinstance(data.get(key), list):
                data = data[key]
                break
        else:
            data = [dict(v, id=v.get("id", k)) for k, v in data.items() if isinstance(v, dict)]
    if not isinstance(data, list):
        return None, []
    rows = maps(data)
    form = "modern" if any("subject" in r or "inferred_modules" in r for r in rows) else "articles"
    return form, rows


def threshold_articles(rows):
    """One record for each article of a table of thresholds: files with versions, pool tags."""
    made = {}
    for row in rows:
        for kb in items(row.get("kbs")):
            kb = article_number(str(kb))
            if not kb:
                continue
            raw = made.setdefault(kb, {"id": "KB" + kb, "kind": "threshold", "fixed_files": [],
                                       "pool_tags": [], "shared_table": 0})
            raw["shared_table"] = max(raw["shared_table"], len(items(row.get("kbs"))))
            if row.get("file") and row.get("min_version"):
                file = {"file": row["file"], "version": row["min_version"]}
                if file not in raw["fixed_files"]:
                    raw["fixed_files"].append(file)
            raw["pool_tags"] = unique(raw["pool_tags"] + [text(t) for t in items(row.get("pool_tags"))])
    return list(made.values())
