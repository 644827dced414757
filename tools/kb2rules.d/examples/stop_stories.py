"""What machines show that stop in the kernel."""

from reading import LIBRARIES, OFTEN, as_int, is_driver, plain_list, rows
from sharing import touching

CROWDED = {"win32k.sys", "ndis.sys", "tcpip.sys", "ntfs.sys", "scsiport.sys", "afd.sys", "netbt.sys",
           "rdr.sys", "srv.sys"}
PARTIAL_ENDS = {0xC000021A, 0xC0000221, 0xC0000143}


class StopStories:
    """Part of a scene: the stops."""

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
        common = LIBRARIES | {"ntoskrnl", "hal"}
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
        other = other or any(self.r.own(listed)[0][1] in left for listed in self.r.stacks())
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
            for values in plain_list(check.get("params")):
                for v in values if isinstance(values, list) else []:
                    if isinstance(v, dict) and v.get("kind") == "ntstatus" and as_int(v.get("value")) == value:
                        return value != 0xC0000005
        return False
