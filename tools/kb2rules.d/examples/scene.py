"""From a reading to whole machines: affected, fixed, and one fact beside it."""

import copy
import functools

from builds import fixed, good_builds, named_packs, older, pack_products
from machines import Machine, fact_text, frame, value_text
from reading import LIBRARIES, OFTEN, as_int, is_driver, rows

SEEN_DAILY = {  # drivers of every machine: a lead from them needs more than that they are loaded
    "ntfs.sys", "fastfat.sys", "win32k.sys", "tcpip.sys", "netbt.sys", "afd.sys", "ndis.sys", "rdr.sys",
    "srv.sys", "npfs.sys", "msfs.sys", "mup.sys", "scsiport.sys"}
CROWDED = {"win32k.sys", "ndis.sys", "tcpip.sys", "ntfs.sys", "scsiport.sys", "afd.sys", "netbt.sys",
           "rdr.sys", "srv.sys"}
PARTIAL_ENDS = {0xC000021A, 0xC0000221, 0xC0000143}
ORDER = ["no_match", "possible", "likely", "confirmed"]


class Scene:
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
        if r.tags:
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

    def kernel_stop(self):
        r = self.r
        if PARTIAL_ENDS & set(r.codes) and self.status_stop():
            return
        stack, function = r.stack(), r.proving_function()
        sets = r.printed_sets()
        if isinstance(r.raw.get("irp"), dict):
            return self.request_twice(r.raw["irp"])
        if stack:
            return self.by_stack(stack)
        if function and (r.drivers or not sets or function):
            return self.by_function(function, "confirmed")
        if not r.drivers:
            telling = [s for s in sets if s.special or (s.place and s.place[1])]
            if telling:
                best = max(telling, key=lambda s: (bool(s.place and s.place[1]) + len(s.special)))
                return self.by_set(best, None)
        else:
            exact = [s for s in sets if s.exact() and s.place[1] in r.drivers]
            placed = [s for s in sets if s.place and s.place[1] and (
                s.special or s.place[1] not in ("ntoskrnl.exe", "hal.dll"))]
            special = [s for s in sets if s.special]
            for chosen in (exact, placed, special):
                if chosen:
                    return self.by_set(chosen[0], r.drivers[0])
        pointing = r.pointing_function()
        if pointing:
            return self.by_function(pointing, "likely")
        self.plain_stop()

    def request_twice(self, told):
        """A curated fact: the state of the request itself."""
        driver = told.get("driver") or told.get("completion_in")
        self.bugcheck(self.main_code())
        self.push("ntoskrnl.exe", "IopfCompleteRequest")
        self.push(driver, None)
        self.fault(self.frames[0]["pc"])
        request = 0x80D4E008
        self.extra += [
            {"kind": "irp", "address": request, "from": "lookaside list", "freed": bool(told.get("twice")),
             "twice": bool(told.get("twice")), "completed": True, "pending": False, "cancelled": False},
            {"kind": "irp_location", "irp": request, "number": 1, "current": True, "major": 14, "minor": 0,
             "driver": "\\Driver\\" + driver.rpartition(".")[0], "driver_module": driver,
             "completion_module": driver}]
        self.conclude_proof("irp", driver)
        self.beside = ({"kind": "irp", "address": request}, {"twice": False, "freed": False}, "possible")

    def main_code(self):
        return self.r.codes[0] if self.r.codes else 0x1E

    def by_stack(self, stack):
        self.bugcheck(self.main_code())
        self.push_stack(stack)
        self.fault(self.frames[0]["pc"])
        self.finish_stack(stack)

    def finish_stack(self, stack):
        common = LIBRARIES | {"ntoskrnl", "hal"} if self.r.about_programs() else {"ntoskrnl", "hal"}
        used = stack[:4] if any(i not in common for i, _ in stack[:4]) else stack[:6]
        at = next(n for n, (image, _) in enumerate(stack) if image not in common)
        # Anything may end in a shared routine: two frames of its own, or the top one.
        if used[0][0] not in common or sum(image not in common for image, _ in used) > 1:
            self.conclude_proof("stack", used)
        else:
            self.raise_to("likely")
        if self.r.drivers:
            for driver in self.r.drivers[:1]:
                if driver not in [f["module"] for f in self.frames[:12]]:
                    self.push(driver, None)
        left = [f["function"] for i, f in enumerate(self.frames) if i != at and "function" in f]
        other = any(n in left and image not in LIBRARIES | {"ntoskrnl", "hal"} and not OFTEN.search(n)
                    for image, n, _, _ in self.r.known_functions())
        proved = self.r.proving_function()
        if self.level != "confirmed" or (proved and proved[1] in left) or other:
            return
        self.beside = ({"kind": "frame", "thread": self.thread_name(), "index": at},
                       {"function": "NotThisRoutine"}, "possible")

    def by_function(self, function, level):
        image, name = function
        self.bugcheck(self.main_code())
        file = self.file_of_image(image)
        if self.r.drivers and file not in self.r.drivers:
            self.push(self.r.drivers[0], None)
        at = len(self.frames)
        self.push(file, name)
        self.push("ntoskrnl.exe", "KiSystemService")
        self.fault(self.frames[0]["pc"])
        if level == "confirmed":
            self.conclude_proof("function", function)
        else:
            self.raise_to("likely")
        self.beside = ({"kind": "frame", "thread": "cpu 0", "index": at},
                       {"function": "NotThisRoutine"}, "possible")

    def by_set(self, chosen, driver):
        values = [v if v is not None else 0 for v in chosen.values]
        ip = None
        if chosen.place:
            n, module, offset, rva = chosen.place
            file = module or driver or "netflx.sys"
            if rva is not None:
                self.machine.grow(file, rva)
            ip = self.code_at(file, rva if rva is not None else 0x5000 + offset)
            values[n - 1] = ip
        for n, other in chosen.equal.items():
            values[n - 1] = values[other - 1]
        self.bugcheck(chosen.code, values)
        if driver and (not chosen.place or chosen.place[1] != driver):
            if ip is None:
                ip = self.code_at(driver)
                self.push(driver, None, 0x5A1C)
            else:
                where = self.module_at(ip)
                self.push(where["module"], None, where["rva"])
                self.push(driver, None)
        elif ip is not None:
            where = self.module_at(ip)
            self.push(where["module"], None, where["rva"])
        else:
            ip = self.code_at("ntoskrnl.exe")
            self.push("ntoskrnl.exe", None, 0x5A1C)
        self.fault(ip)
        self.conclude_set(chosen, driver)

    def conclude_set(self, chosen, driver):
        placed = chosen.place and chosen.place[1]
        outside = placed and placed not in ("ntoskrnl.exe", "hal.dll")
        pointing = placed and (chosen.special or outside)
        if driver and chosen.exact() and placed in self.r.drivers:
            self.conclude_proof("set", chosen)
            n = min(chosen.special)
            if self.level == "confirmed" and n not in chosen.equal:
                value = chosen.values[n - 1] + 4
                self.beside = ({"kind": "parameter", "number": n},
                               {"value": value, "page_offset": value & 0xFFF}, "likely")
            return
        if pointing or len(chosen.special) >= 2 or (driver and chosen.special):
            self.raise_to("likely")
        if pointing and chosen.special and len(self.r.printed_sets()) == 1:
            n, _, offset, rva = chosen.place
            value = self.stop[f"p{n}"] + 0x24
            changed = {"value": value, "page_offset": value & 0xFFF}
            changed.update({"rva": value - self.machine.modules[placed]["base"]})
            self.beside = ({"kind": "parameter", "number": n}, changed, "possible")

    def plain_stop(self):
        self.bugcheck(self.main_code())
        modules = [m for m in self.modules if is_driver(m) and m != "hal.dll"]
        if modules:
            self.push(modules[0], None, 0x5A1C)
            self.push("ntoskrnl.exe", "KiSystemService")
            self.fault(self.frames[0]["pc"])
        else:
            self.push("ntoskrnl.exe", None, 0x5A1C)
            self.fault(self.frames[0]["pc"])
        self.alone()

    def alone(self):
        """One known bug of this driver and stop, and a build without its fix: likely."""
        r = self.r
        if len(r.drivers) != 1 or r.drivers[0] in CROWDED or not r.codes or not self.builds:
            return
        if any(o is not r and not o.user and o.kind not in ("hang", "user_hang", "threshold", "update")
               and set(o.codes) & set(r.codes) and r.drivers[0] in touching(o) for o in self.world):
            return
        if self.good and self.told and any(is_driver(b.file) for b in self.good):
            self.raise_to("likely")

    def status_stop(self):
        r = self.r
        ended = 0xC000021A in r.codes  # a program; the other two name any image
        images = [m for m in dict.fromkeys(r.fault + r.suspects + r.fixed_only)
                  if m != "ntoskrnl.exe" and not (ended and is_driver(m))][:3]
        named = [m for m in images if m in r.fault] or images
        statuses = [v for s in r.printed_sets() if s.code in PARTIAL_ENDS for n, v in enumerate(s.values, 1)
                    if self.is_status(s.code, n, v)]
        if not named and not statuses:
            return False
        code = next(c for c in r.codes if c in PARTIAL_ENDS)
        self.bugcheck(code)
        self.extra.append({"kind": "status_text", "image": named[0] if named else "smss.exe",
                           "text": "as the stop prints it",
                           "status": statuses[0] if statuses else 0xC0000005})
        self.push("ntoskrnl.exe", "NtRaiseHardError")
        if named and statuses:
            self.raise_to("likely")
        pointing = r.pointing_function()
        return True

    def is_status(self, code, n, value):
        for check in rows(self.r.raw.get("bugchecks")):
            for values in check.get("params") or []:
                for v in values if isinstance(values, list) else []:
                    if isinstance(v, dict) and v.get("kind") == "ntstatus" and as_int(v.get("value")) == value:
                        return value != 0xC0000005
        return False

    def pool_tags(self):
        r = self.r
        if 0xAB in r.codes:
            self.bugcheck(0xAB)
            self.push("ntoskrnl.exe", "MiSessionPoolCheck")
            self.extra.append({"kind": "session_leak", "tag": r.tags[0], "bytes": 4096, "blocks": 12})
            self.conclude_proof("tags", r.tags)
            self.beside = ({"kind": "session_leak", "tag": r.tags[0]}, {"tag": "Zzzz"}, "possible")
            return
        near = r.fault or [m for m in r.suspects if is_driver(m)][:2] or r.fixed_only
        for module in near:
            self.machine.load(module)
        if r.codes:
            self.bugcheck(r.codes[0])
        else:
            self.stop = {"kind": "stop", "stop_kind": "hang"}
        self.push("ntoskrnl.exe", "ExAllocatePoolWithTag")
        self.extra.append({"kind": "pool_usage", "tag": r.tags[0], "pool": "nonpaged", "bytes": 91226112,
                           "blocks": 712704, "share": 71})
        special = [m for m in near if m not in SEEN_DAILY and m not in (
            "ntoskrnl.exe", "hal.dll", "rdbss.sys", "mrxsmb.sys", "ksecdd.sys", "mountmgr.sys", "storport.sys",
            "usbport.sys", "volsnap.sys", "partmgr.sys", "pci.sys", "tdx.sys", "http.sys", "netio.sys")]
        if (self.good and self.told) or (special and not self.builds):
            self.raise_to("likely")
        self.beside = ({"kind": "pool_usage", "tag": r.tags[0]}, {"share": 3}, "no_match")

    def table_only(self):
        """A list of versions: the fault in the file, and the file older."""
        file = self.good[0].file if self.good else None
        self.bugcheck(0x1E) if file and is_driver(file) else self.exception()
        if file:
            self.push(file, None, 0x5A1C)
            self.fault(self.frames[0]["pc"])

    def exception(self):
        self.stop = {"kind": "stop", "stop_kind": "exception", "code": 0xC0000005,
                     "normalized": 0xC0000005, "exception_code": 0xC0000005}

    def program(self):
        r = self.r
        self.exception()
        process = r.raw.get("process") if str(r.raw.get("process") or "").endswith(".exe") else None
        programs = ([process] if process else []) + [m for m in r.fault if m.endswith(".exe")]
        libraries = [m for m in r.fault if not m.endswith((".exe", ".sys"))]
        suspects = [m for m in r.suspects + r.fixed_only if not is_driver(m) and m != "ntoskrnl.exe"
                    and m.rpartition(".")[0] not in LIBRARIES]
        self.process = programs[0] if programs else next((m for m in suspects if m.endswith(".exe")), "host.exe")
        self.machine.load(self.process)
        stack, function = r.stack(), r.pointing_function()
        if stack:
            self.push_stack(stack)
            for library in libraries[:1]:
                if library not in [f["module"] for f in self.frames]:
                    self.push(library, None)
            self.fault(self.frames[0]["pc"])
            return self.finish_stack(stack)
        lead = libraries or programs or suspects
        if function and function[0] in [m.rpartition(".")[0] for m in lead]:
            lead = [m for m in lead if m.rpartition(".")[0] == function[0]]
        if function and not libraries and not programs and not suspects:
            lead = [self.file_of_image(function[0])]
        if lead:
            self.push(lead[0], function[1] if function and lead[0].rpartition(".")[0] == function[0] else None)
        if function and lead and lead[0].rpartition(".")[0] != function[0]:
            self.push(self.file_of_image(function[0]), function[1])
        if not self.frames:
            self.push(self.process, None)
        self.fault(self.frames[0]["pc"])
        if function:
            self.raise_to("likely")
            at = next(i for i, f in enumerate(self.frames) if f.get("function") == function[1])
            self.beside = ({"kind": "frame", "thread": "thread 1", "index": at},
                           {"function": "NotThisRoutine"}, "possible")

    def hang(self):
        r = self.r
        self.stop = {"kind": "stop", "stop_kind": "hang"}
        drivers = [m for m in (r.fault + r.fixed_only or r.suspects) if is_driver(m)
                   and m not in ("ntoskrnl.exe", "hal.dll")]
        if not drivers and "deadlock" in r.classes:
            drivers = [m for m in r.suspects if is_driver(m)]
        cycle = [m for m in r.listed("cycle_modules")]
        stack = r.stack()
        self.push("ntoskrnl.exe", "KeBugCheckEx")
        if cycle:
            return self.wait_cycle(cycle)
        if stack:
            self.waiting("thread 11", [(self.file_of_image(i), n) for i, n in stack], None)
            if not drivers:
                return self.conclude_proof("stack", stack[:4])
        if not drivers:
            self.process = next((m for m in r.fault if m.endswith(".exe")), "")
            return
        if "infinite_loop" in r.classes:
            self.push(drivers[0], None)
        else:
            for number in (12, 13):
                self.waiting(f"thread {number}", [("ntoskrnl.exe", "KiSwapThread"), (drivers[0], None)],
                             0x8014E120)
        if stack:
            self.conclude_proof("stack", stack[:4])
        if not stack and "infinite_loop" not in r.classes:
            self.beside = ({"kind": "frame", "thread": "thread 13", "index": 1},
                           {"module": "netflx.sys"}, "no_match")

    def waiting(self, thread, frames, lock):
        for index, (file, function) in enumerate(frames):
            module = self.machine.load(file)
            rva = 0x7200 + 0x90 * index
            self.extra.append(frame(file, function, index, module["base"] + rva, rva, thread=thread,
                                    cpu=None, crashed=False))
        self.extra.append({"kind": "thread", "thread": thread, "crashed": False, "sure_frames": len(frames),
                           "whole": True, "state": "waiting", "wait_reason": "Executive",
                           "process_name": "System", **({"object": lock} if lock else {})})
        if lock:
            self.extra.append({"kind": "wait", "thread": thread, "object": lock, "object_kind": "resource",
                               "reason": "Executive", "alternative": False, "timeout": False, "trust": "dump"})

    def wait_cycle(self, modules):
        for module in modules:
            self.machine.load(module)
        names = ["thread 21", "thread 22"]
        locks = [0x8014E120, 0x8014E560]
        refs = []
        for at, name in enumerate(names):
            mine = [m for i, m in enumerate(modules) if i % 2 == at] or modules
            self.waiting(name, [("ntoskrnl.exe", "KiSwapThread")] + [(m, None) for m in mine], locks[at])
            self.extra.append({"kind": "hold", "thread": name, "object": locks[1 - at],
                               "object_kind": "resource", "mode": "exclusive", "trust": "dump"})
            refs += [f"thread:{name}", f"wait:{name}", f"hold:{name}"]
        for fact in self.extra:
            if fact["kind"] in ("thread", "wait", "hold") and fact["thread"] in names:
                fact["id"] = f"{fact['kind']}:{fact['thread']}"
        self.extra.append({"kind": "wait_cycle", "threads": 2, "trust": "dump", "timeout": False, "refs": refs})
        self.conclude_proof("cycle", sorted(modules))

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


@functools.cache
def touching(other):
    """Modules under which another article's rule would be found for a stop."""
    if other.drivers:
        return other.drivers
    stack = other.stack()
    found = [f"{i}.sys" for i, _ in stack]
    found += [s.place[1] for s in other.printed_sets() if s.place and s.place[1]]
    if not found:
        found = [m for m in other.fixed_only + other.suspects if is_driver(m)]
    return found


def shares(kind, mine, other):
    if kind == "stack":
        theirs = other.stack()[:6]
        return bool(theirs) and not set(mine).isdisjoint(theirs) and (
            runs_through(mine, theirs) or runs_through(theirs[:4], mine))
    if kind == "irp":
        told = other.raw.get("irp")
        return isinstance(told, dict) and mine in (told.get("driver"), told.get("completion_in"))
    if kind == "function":
        return other.proving_function() == mine
    if kind == "set":
        return any(s.exact() and s.place[1] in other.drivers and (s.fits(mine) or mine.fits(s))
                   for s in other.printed_sets())
    return False


def runs_through(short, long):
    rest = iter(long)
    return all(any(f == g for g in rest) for f in short)


def example_text(rule, scene):
    lines = ["# Made by tools/kb2rules (tools/kb2rules.d/examples): see docs/catalogue.md.",
             "schema: dumptriage.examples/1", f"rule: {rule}", "examples:"]
    for name, expect, content in scene.examples():
        lines += [f"  - name: {name}", f"    expect: {expect}"]
        if isinstance(content, tuple):
            match, changed = content
            lines.append("    like: affected")
            lines.append("    replace: {" + ", ".join(f"{k}: {value_text(k, v)}" for k, v in match.items()) + "}")
            lines.append("    with: {" + ", ".join(f"{k}: {value_text(k, v)}" for k, v in changed.items()) + "}")
        else:
            lines.append("    facts:")
            for fact in content:
                lines += fact_text(fact)
    return "\n".join(lines) + "\n"
