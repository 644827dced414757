"""From a reading to whole machines: affected, fixed, and one fact beside it."""

import copy

from builds import fixed, good_builds, named_packs, older, pack_products
from machines import Machine, fact_text, frame, value_text
from other_stories import OtherStories
from reading import is_driver, rows
from sharing import shares
from stop_stories import PARTIAL_ENDS, StopStories

ORDER = ["no_match", "possible", "likely", "confirmed"]


class Scene(StopStories, OtherStories):
    """The machine of one article, and what may be concluded from it."""

    def __init__(self, reading, world):
        self.r, self.world = reading, world
        self.modules = self.pick_modules()
        self.builds = good_builds(reading, self.modules)
        self.machine = self.pick_machine()
        self.frames, self.extra, self.stop = [], [], None
        self.level, self.beside = "possible", None  # beside: (match fields, changed fields, level)
        self.tell()

    # --- which machine -----------------------------------------------------------------------
    def pick_modules(self):
        r = self.r
        if r.kind == "threshold":
            return []
        if r.user:
            return r.fault or [m for m in r.suspects + r.fixed_only if not is_driver(m)]
        if r.drivers:
            return r.drivers
        if PARTIAL_ENDS & set(r.codes):
            return [m for m in r.fault + r.suspects + r.fixed_only if m != "ntoskrnl.exe"
                    and not (0xC000021A in r.codes and is_driver(m))][:3]
        stack = r.stack()
        if stack:
            return self.files_of([i for i, _ in stack if i not in ("ntoskrnl", "hal")])
        if r.proving_function():
            return self.files_of([r.proving_function()[0]])
        places = [s.place[1] for s in r.printed_sets() if s.place and s.place[1]]
        if r.kind not in ("hang", "user_hang") and (places or any(s.special for s in r.printed_sets())):
            return [p for p in places if p != "ntoskrnl.exe"] or places[:1]
        near = [m for m in r.fixed_only + r.suspects if is_driver(m)]
        return [m for m in near if m not in ("ntoskrnl.exe",)] or r.fault

    def files_of(self, images):
        return [self.file_of_image(i) for i in dict.fromkeys(images)]

    def file_of_image(self, image):
        if image in ("ntoskrnl", "hal"):
            return image + (".exe" if image == "ntoskrnl" else ".dll")
        for file in self.r.fault + self.r.suspects + self.r.fixed_only:
            if file.rpartition(".")[0] == image:
                return file
        return image + (".dll" if self.r.about_programs() else ".sys")

    def pick_machine(self):
        r = self.r
        choices = r.systems()
        if not choices:
            families = sorted({f for b in self.builds for f in b.families if b.version})
            choices = [(*p, "", 0) for p in pack_products(r)] or [(f, False, "", 0) for f in families] or [
                ("nt4" if r.sort == "articles" else "ws2003", False, "", 0)]
        words = r.arch_words()
        best = None
        for family, terminal, arch, pack in choices:
            arch = arch if arch in ("x64", "ia64") else "x86" if "x86" in words or not words else words[0]
            if family in ("xp64", "ws2008r2", "ws2012", "ws2012r2") and "x86" in (arch,) and not words:
                arch = "x64"
            told = any(b.for_machine(family, terminal, arch) for b in self.builds)
            if best is None or (told and not best[0]):
                best = (told, family, terminal, arch, pack)
        self.told, family, terminal, arch, pack = best
        machine = Machine(family, terminal, arch, pack, r.server_only() or terminal)
        machine.cpus = 2
        self.good = [b for b in self.builds if b.for_machine(family, terminal, arch)]
        for build in self.good:
            module = machine.load(build.file if not build.file.startswith("ntkrn") else "ntoskrnl.exe")
            self.told = older(build, module) and self.told
        return machine

    def tellable(self):
        """Can a dump of this machine tell that the fix is missing, or is none published?"""
        if self.good:
            return self.told
        return not self.builds and not named_packs(self.r) and not rows(self.r.raw.get("fixed_files"))

    # --- what is seen --------------------------------------------------------------------------
    def tell(self):
        r = self.r
        if r.tags and r.kind not in ("user_av", "hang", "user_hang"):
            return self.pool_tags()
        if r.kind == "threshold" or r.kind == "update":
            return self.table_only()
        if r.kind == "user_hang" or (r.kind == "hang" and not (r.codes and r.fault)):
            return self.hang()
        if r.user:
            return self.program()
        return self.kernel_stop()

    def bugcheck(self, code, values=None):
        base = self.machine.modules["ntoskrnl.exe"]["base"]
        values = values or [base + 0x61A38, 0, base + 0x9D118, 0x6E0]
        self.stop = {"kind": "stop", "code": code,
                     "normalized": code & 0x0FFFFFFF if code >> 28 == 1 else code}
        self.stop.update({f"p{n}": v for n, v in enumerate(values, 1)})
        self.extra += [{"kind": "parameter", "number": n, "value": v, "page_offset": v & 0xFFF,
                        **self.module_at(v)} for n, v in enumerate(values, 1)]

    def module_at(self, value):
        for name, module in self.machine.modules.items():
            if module["base"] <= value < module["base"] + module["size"]:
                return {"module": name, "rva": value - module["base"]}
        return {}

    def fault(self, ip, address=0):
        at = self.module_at(ip)
        self.extra.append({"kind": "fault", "ip": ip, **at, "access": "read", "address": address})

    def code_at(self, file, offset=0x5A1C):
        return self.machine.load(file)["base"] + offset

    def push(self, file, function, offset=None, top=None):
        index = len(self.frames)
        module = self.machine.load(file)
        rva = offset if offset is not None else 0x6400 + 0x130 * index
        self.frames.append(frame(file, function, index, module["base"] + rva, rva,
                                 thread=self.thread_name(), cpu=None if self.r.user else 0,
                                 top=index == 0 if top is None else top))

    def thread_name(self):
        return "thread 1" if self.r.user else "cpu 0"

    def push_stack(self, stack):
        for image, name in stack:
            self.push(self.file_of_image(image), name)

    def raise_to(self, level):
        if ORDER.index(level) > ORDER.index(self.level):
            self.level = level

    def conclude_proof(self, kind, mine):
        """Proof that another article shows as well proves neither."""
        shared = any(other is not self.r and self.same_systems(other) and shares(kind, mine, other)
                     for other in self.world)
        self.raise_to("likely" if shared or not self.tellable() else "confirmed")

    def same_systems(self, other):
        a, b = {f for f, *_ in self.r.systems()}, {f for f, *_ in other.systems()}
        return not a or not b or bool(a & b)

    # --- on paper ------------------------------------------------------------------------------
    def facts(self):
        machine = self.machine
        self.decoys()
        thread = {"kind": "thread", "thread": self.thread_name(), "crashed": True,
                  "sure_frames": len(self.frames), "whole": True, "state": "running"}
        if not self.r.user:
            thread["cpu"] = 0
        process = getattr(self, "process", "")
        if process:
            thread["process_name"] = process
        facts = [self.stop] + machine.system_facts() + machine.module_facts()
        facts += [{"kind": "process", "process": "process 4", "name": process, "crashed": True}] if process else []
        if not self.r.user:
            facts += [{"kind": "cpu", "number": 0, "crashed": True}, {"kind": "cpu", "number": 1, "crashed": False}]
        return facts + [thread] + self.frames + self.extra

    def decoys(self):
        """Frames and modules of another article, where they prove nothing."""
        if getattr(self, "decoyed", False):
            return
        self.decoyed = True
        start = int(self.r.number or 0) % max(1, len(self.world))
        for other in self.world[start:] + self.world[:start]:
            stack = other.stack() if other is not self.r and other.user == self.r.user else []
            images = {i for i, _ in stack}
            if stack and not images & {f["module"].rpartition(".")[0] for f in self.frames
                                       if f["module"] not in ("ntoskrnl.exe", "ntdll.dll", "kernel32.dll")}:
                break
        else:
            return
        thread = "thread 2" if self.r.user else "cpu 1"
        scene = [("ntdll", "NtWaitForSingleObject")] if self.r.user else [("ntoskrnl", "KiIdleLoop")]
        suffix = ".dll" if self.r.user else ".sys"
        for index, (image, name) in enumerate(scene + stack[:2]):
            file = {"ntoskrnl": "ntoskrnl.exe", "hal": "hal.dll"}.get(image, image + suffix)
            base = self.machine.load(file)["base"]
            self.extra.append(frame(file, name, index, base + 0x3000 + 16 * index, 0x3000 + 16 * index,
                                    thread=thread, cpu=None if self.r.user else 1, crashed=False,
                                    top=index == 0 and not self.r.user))
        self.extra.append({"kind": "thread", "thread": thread, "crashed": False, "whole": True,
                           "sure_frames": 1 + len(stack[:2]), "state": "waiting" if self.r.user else "running",
                           **({} if self.r.user else {"cpu": 1})})

    def examples(self):
        """[(name, expect, facts or (like, match, changed))]"""
        made = [("affected", self.level, self.facts())]
        if self.beside:
            match, changed, level = self.beside
            made.append(("one fact beside it", level, (match, changed)))
        else:
            made.append(("another crash", "no_match", self.universal_miss()))
        repaired = copy.copy(self)
        repaired.machine = copy.deepcopy(self.machine)
        files = {}
        for build in self.good:
            name = "ntoskrnl.exe" if build.file.startswith("ntkrn") else build.file
            if not self.told or not fixed(build, repaired.machine.modules[name]):
                return made
            files[name] = repaired.machine.modules[name]
        # A table of versions asks for nothing but an old file.
        outcome = "no_match" if self.r.kind in ("threshold", "update") and not self.r.tags else "refuted"
        if len(files) == 1:
            (name, module), = files.items()
            changed = {k: module[k] for k in ("timestamp", "version", "version_from") if k in module}
            made.append(("fix installed", outcome, ({"kind": "module", "name": name}, changed)))
        elif files:
            made.append(("fix installed", outcome, repaired.facts()))
        return made

    def universal_miss(self):
        """Another crash of the same machine: (the fact, what changes)."""
        kind = self.stop.get("stop_kind", "bugcheck")
        if self.r.kind in ("threshold", "update") and not self.r.tags:
            return {"kind": "fault"}, {"module": "beep.sys"}
        if kind == "exception":
            return {"kind": "stop"}, {"exception_code": 0xC0000094, "code": 0xC0000094,
                                      "normalized": 0xC0000094}
        if kind == "hang":
            return {"kind": "stop"}, {"stop_kind": "bugcheck", "code": 0xE1, "normalized": 0xE1}
        if not self.r.codes:
            return {"kind": "stop"}, {"stop_kind": "exception", "code": 0xC0000094,
                                      "normalized": 0xC0000094}
        other = next(c for c in (0xE1, 0xE9) if c not in self.r.codes)
        return {"kind": "stop"}, {"code": other, "normalized": other}


def example_text(rule, scene):
    lines = ["# Made by tools/kb2rules (tools/kb2rules.d/examples): see docs/catalogue.md.",
             "schema: dumptriage.examples/1", f"rule: {rule}", "examples:"]
    for name, expect, content in scene.examples():
        lines += [f"  - name: {name}", f"    expect: {expect}"]
        if isinstance(content, tuple):
            match, changed = content
            lines.append("    like: affected")
            lines.append("    replace: {" + ", ".join(f"{k}: {value_text(k, v)}" for k, v in match.items()) + "}")
            changes = ", ".join(f"{k}: {value_text(k, v)}" for k, v in changed.items())
            lines.append(f"    with: {{{changes}}}" if changed else "    remove: true")
        else:
            lines.append("    facts:")
            for fact in content:
                lines += fact_text(fact)
    return "\n".join(lines) + "\n"
