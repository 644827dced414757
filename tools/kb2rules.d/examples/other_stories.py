"""What machines show that leak, hang, or whose programs end."""

from machines import frame
from reading import LIBRARIES, is_driver

SEEN_DAILY = {  # drivers of every machine: a lead from them needs more than that they are loaded
    "ntfs.sys", "fastfat.sys", "win32k.sys", "tcpip.sys", "netbt.sys", "afd.sys", "ndis.sys", "rdr.sys",
    "srv.sys", "npfs.sys", "msfs.sys", "mup.sys", "scsiport.sys"}


class OtherStories:
    """Part of a scene: leaks, tables of versions, programs, hangs."""

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
        listed = any(b.version or b.day for b in self.builds)  # files, not only a service pack
        if (self.good and self.told) if listed else special:
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
        stack = r.stack()
        self.push("ntoskrnl.exe", "KeBugCheckEx")
        if drivers and "deadlock" in r.classes and not stack and "infinite_loop" not in r.classes:
            return self.wait_cycle(drivers[:1])
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
        names = ["thread 21", "thread 22"]
        locks = [0x8014E120, 0x8014E560]
        refs = []
        for at, name in enumerate(names):
            self.waiting(name, [("ntoskrnl.exe", "KiSwapThread")] + [(m, None) for m in modules], locks[at])
            self.extra.append({"kind": "hold", "thread": name, "object": locks[1 - at],
                               "object_kind": "resource", "mode": "exclusive", "trust": "dump"})
            refs += [f"thread:{name}", f"wait:{name}", f"hold:{name}"]
        for fact in self.extra:
            if fact["kind"] in ("thread", "wait", "hold") and fact["thread"] in names:
                fact["id"] = f"{fact['kind']}:{fact['thread']}"
        self.extra.append({"kind": "wait_cycle", "threads": 2, "trust": "dump", "timeout": False, "refs": refs})
        # Another deadlock of this driver would look the same.
        self.raise_to("likely")
        self.beside = ({"kind": "wait_cycle"}, {}, "possible")
