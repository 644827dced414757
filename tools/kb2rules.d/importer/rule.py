"""One article to one rule, by the class of its evidence (docs/catalogue.md has the table)."""

from . import areas, evidence, fix, words
from .facts import UNNAMED_NT, unique

# Stops that any damaged memory, any driver or any broken disk brings: alone they point nowhere.
GENERIC_CODES = {0x0A, 0x1E, 0x50, 0x7F, 0x24, 0x7B, 0x77, 0x7A, 0xD1, 0x8E, 0x7E, 0xC5, 0x19, 0x1A,
                 0x4E, 0x23, 0x2E, 0xC2, 0x3F, 0x41, 0x44, 0x6B, 0x9C, 0x9F, 0xC4, 0xC000021A,
                 0xC0000221, 0xC0000142, 0xC0000143, 0x51, 0x67, 0x69, 0x21, 0x2D, 0x4, 0x80, 0x9A,
                 0xF4, 0x9E, 0xFE, 0xFFFFFFFF, 0x35, 0x26, 0x74, 0x73, 0x79, 0x8B, 0xE, 0x40, 0x46,
                 0x7C, 0xDE, 0xE3, 0x18, 0xC000000D, 0xC000000A}
STATUS_STOPS = {0xC000021A, 0xC0000221, 0xC0000143}
ACCESS_VIOLATION = 0xC0000005
# What a bare "NT" or an application's article of those years may have run on.
THAT_TIME = ["nt3.5", "nt3.51", "nt4", "2000"]
LATER = ["2000", "xp", "xp64", "ws2003", "vista", "ws2008"]


class LeftOut(Exception):
    """Why an article makes no rule."""


class Rule:
    def __init__(self, article):
        self.article = article
        self.id, self.kb = article.key, fix.kb_word(article.id)
        self.kind = "stop"
        self.where, self.function = [], ""
        self.applies, self.refute, self.require = [], [], []
        self.confirm, self.strong, self.weak = [], [], []
        self.proofs = []  # parameter sets and frame sequences behind `confirm`, to compare rules
        self.ceiling = ""
        self.rivals, self.notes, self.caveats = [], [], []
        self.fix = {}
        self.title = self.about = self.workaround = ""
        self.evidence = ""

    def family(self):
        user = self.kind == "user"
        modules = self.where or self.article.candidates
        plain = [m + e for m in modules if "." not in m and m != "nt" for e in (".exe", ".dll")]
        return areas.area_of(modules + plain, self.article.codes, user)


def make_rule(article):
    """The rule, or LeftOut with the reason."""
    if not article.number:
        raise LeftOut("it has no article number")
    if article.nature in ("list", "reference") or article.kind in ("reference", "not_crash", "performance"):
        raise LeftOut("it is a reference, not a problem")
    rule = Rule(article)
    rule.applies = applies_of(article)
    makers = {"user_av": user_rule, "user_hang": hang_rule, "hang": hang_rule, "leak": leak_rule,
              "threshold": threshold_rule, "update": threshold_rule}
    if article.kind == "hang" and article.codes and article.fault:
        makers["hang"] = stop_rule
    # An unknown kind is judged by what there is.
    maker = makers.get(article.kind, stop_rule)
    if maker is stop_rule and article.tags and 0xAB not in article.codes:
        maker = leak_rule
    maker(rule, article)
    finish(rule, article)
    return rule


def applies_of(article):
    alternatives = []
    systems = article.os or [(f, None, "", []) for f in fix.families_of_fix(article) or (
        THAT_TIME if article.form == "articles" else LATER)]
    edition = edition_of(article)
    for family, terminal, arch, packs in systems:
        archs = [arch] if arch else list(article.archs) or row_archs(article)
        entry = {"family": family}
        if packs:
            entry["service_pack"] = packs
        if terminal and not any(f == family and not t for f, t, *_ in systems):
            entry["terminal_server"] = True
        if edition and family in UNNAMED_NT + ["2000"] and not terminal:
            entry["edition"] = edition
        if archs:
            entry["arch"] = archs
        alternatives.append(entry)
    return [{"os": one_or_many(merge_systems(alternatives))}]


def merge_systems(entries):
    """Families with the same other keys share one entry; an entry that another holds goes."""
    merged = []
    for entry in entries:
        rest = {k: v for k, v in entry.items() if k != "family"}
        for other in merged:
            if {k: v for k, v in other.items() if k != "family"} == rest:
                if entry["family"] not in other["family"]:
                    other["family"].append(entry["family"])
                break
        else:
            merged.append(dict(entry, family=[entry["family"]]))
    for entry in merged:
        entry["family"] = one_or_many(entry["family"])
    return merged


def row_archs(article):
    rows = [fix.Row(article, raw) for raw in article.files]
    return unique([r.arch for r in rows if r.usable() and r.arch])


def edition_of(article):
    """"server" or "workstation" where every product line of Windows says the same."""
    lines = [p for p in article.products if "Windows NT" in p or "Windows 2000" in p]
    kinds = {"server" if "Server" in p else "workstation" if "Workstation" in p or "Professional" in p
             else "" for p in lines}
    return kinds.pop() if len(kinds) == 1 else ""


def any_of(conditions):
    return conditions[0] if len(conditions) == 1 else {"any": conditions}


def one_or_many(values):
    return values[0] if len(values) == 1 else values


def stop_rule(rule, article):
    rule.kind = "stop"
    codes = article.codes
    sets = evidence.parameter_sets(article)
    # "In the kernel", or in the HAL, says nothing: every bug may end there.
    kernel = [m for m in article.fault if areas.in_kernel(m) and m not in ("nt", "hal.dll")]
    start = {"bugcheck": one_or_many([Hex(c) for c in codes])} if codes else {"kernel_crash": True}
    if not codes and article.hang_too:
        start = {"any": [{"kernel_crash": True}, {"hang_dump": True}]}
    rule.require.append(start)
    sequences = evidence.sequences(article, user=False)
    proof, strong_functions, shown = evidence.single_functions(article, user=False)
    if 0xAB in codes and article.tags:
        rule.confirm.append({"session_leak": one_or_many(article.tags)})
        rule.where = kernel or ["win32k.sys"]
        rule.evidence = "session pool"
    elif set(codes) & STATUS_STOPS:
        status_stop(rule, article)
    elif kernel:
        fault_module(rule, article, kernel, sets, sequences)
    elif sequences or proof:
        modules = unique([f.split("!")[0] for f in sequences[0] if f.split("!")[0] not in ("nt", "hal")]
                         if sequences else [f.split("!")[0] for f in proof])
        rule.where = [with_extension(article, m) for m in modules]
        rule.require.append({"frame_module": {"module": one_or_many(rule.where), "on": "crashing_thread"}})
        rule.evidence = "frames"
    elif any(s.telling or named_place(s) for s in sets):
        parameters_only(rule, article, sets)
    elif article.candidates or article.cause:
        nearby_module(rule, article)
    elif codes and not set(codes) & GENERIC_CODES:
        rule.evidence = "code"
        rule.ceiling = "possible"
    else:
        raise LeftOut("only a stop code that many bugs share" if codes else
                      "neither code nor module nor function")
    add_proofs(rule, article, sets, sequences, proof, strong_functions, shown)
    add_context(rule, article)


def named_place(parameter_set):
    return bool(parameter_set.place and parameter_set.place.module)


def with_extension(article, stem):
    for module in article.fault + article.cause + article.candidates:
        if areas.stem(module) == stem:
            return module
    return stem if stem == "nt" else "hal.dll" if stem == "hal" else stem + ".sys"


def fault_module(rule, article, kernel, sets, sequences):
    """The article says in which module the fault lies."""
    rule.where = kernel
    rule.evidence = "fault module"
    # Unless its own figures say that the machine stops elsewhere, with the module on the stack.
    elsewhere = len(kernel) < len([m for m in article.fault if areas.in_kernel(m)])
    elsewhere |= any(named_place(s) and s.place.module not in kernel for s in sets)
    stems = [areas.stem(m) for m in kernel]
    elsewhere |= any(frames[0].split("!")[0] not in stems for frames in sequences)
    rule.require.append(near_the_crash(kernel) if elsewhere else {"fault_in": one_or_many(kernel)})


def near_the_crash(modules):
    return {"any": [{"fault_in": one_or_many(modules)},
                    {"frame_module": {"module": one_or_many(modules), "within": 12,
                                      "on": "crashing_thread"}}]}


def status_stop(rule, article):
    """Stops C000021A, C0000221, C0000143: the image and the status they name."""
    # C000021A is a program that ended; the others name an image that cannot be used.
    drivers_too = 0xC000021A not in article.codes
    images = [m for m in unique(article.fault + article.cause + article.candidates)
              if m != "nt" and (drivers_too or not areas.in_kernel(m))][:3]
    statuses = unique([v.value for code, values in article.sets if code in STATUS_STOPS
                       for v in values if v.status and v.value != ACCESS_VIOLATION])
    named = [m for m in images if m in article.fault] or images
    if named:
        rule.where = named
        rule.require.append(any_of([{"status_text": {"image": m}} for m in named]
                                   + [{"process": m} for m in named if m.endswith(".exe")]))
        rule.strong += [{"all": [{"status_text": {"status": Hex(s)}}, {"status_text": {"image": named[0]}}]}
                        for s in statuses]
    elif statuses:
        rule.require.append({"status_text": {"status": Hex(statuses[0])}})
    else:
        raise LeftOut("a stop that names an image, and no image to look for")
    rule.evidence = "status"


def parameters_only(rule, article, sets):
    rule.evidence = "parameters"
    places = unique([s.place.module for s in sets if named_place(s)])
    rule.where = [p for p in places if p != "nt"] or places[:1]
    wanted = []
    for made in sets:
        telling = {f"p{n}": hexed(c) for n, c, t in made.fixed if t}
        if not telling and named_place(made):
            telling = {f"p{made.place.number}": hexed(made.place.condition())}
        if telling and {"parameters": telling} not in wanted:
            wanted.append({"parameters": telling})
    rule.require.append(any_of(wanted))


def nearby_module(rule, article):
    """Only a table of files, or the cause, names a module: it must stand on the stack."""
    modules = [m for m in article.candidates + article.cause if areas.in_kernel(m)] or article.cause
    modules = unique(modules)[:6]
    kernel = [m for m in modules if areas.in_kernel(m)]
    if not kernel:
        raise LeftOut("only programs are named beside a stop code that many bugs share")
    if not set(kernel) - {"nt", "hal.dll"}:
        raise LeftOut("only the kernel itself is named beside a stop code that many bugs share")
    rule.where = [m for m in kernel if m not in ("nt", "hal.dll")]
    rule.evidence = "module on the stack"
    rule.require.append(near_the_crash(rule.where))


def add_proofs(rule, article, sets, sequences, proof, strong_functions, shown):
    """Groups that confirm, and what lifts to "likely"."""
    codes = article.codes
    for made in sets:
        if not made.fixed and not named_place(made):
            continue
        group = hexed(made.condition())
        if len(codes) > 1:
            group = {"all": [{"bugcheck": Hex(made.code)}, group]}
        if made.proves() and rule.evidence == "fault module" and made.place.module in rule.where:
            rule.confirm.append(group)
            rule.proofs.append(made)
        elif made.place and made.place.module and (made.telling or made.place.module not in ("nt", "hal.dll")):
            rule.strong.append(group)
        elif len([1 for n, c, t in made.fixed if t]) >= 2:
            rule.strong.append(group)
        elif made.telling and rule.evidence == "fault module":
            rule.strong.append(hexed({"parameters": {f"p{n}": c for n, c, t in made.telling}}))
        if made.proves() and made.place:
            number = made.place.number
            rule.strong.append({"parameters": {f"p{number}": hexed(made.place.condition())}})
    on = "crashing_thread"
    for frames in sequences:
        if evidence.proves(frames, rule.kind == "user"):
            rule.confirm.append({"frame_sequence": {"frames": frames, "on": on}})
            rule.proofs.append(tuple(frames))
        else:
            rule.strong.append({"frame_sequence": {"frames": frames, "on": on}})
        own = own_functions(frames, rule.kind == "user")
        rule.strong.append({"frame_function": {"function": own[0], "on": on}})
    for function in proof:
        rule.confirm.append({"top_of_stack": {"function": function, "on": "crashing_cpu"}})
        rule.proofs.append((function,))
    rule.strong += [{"frame_function": {"function": f, "on": on}} for f in proof + strong_functions]
    rule.weak += [{"frame_function": {"function": f, "on": on}} for f in shown[:6]]
    if sequences:
        rule.function = own_functions(sequences[0], rule.kind == "user")[0]
    elif proof:
        rule.function = proof[0]


def own_functions(frames, user):
    shared = areas.SHARED if user else {"nt", "hal"}
    return [f for f in frames if f.split("!")[0] not in shared]


def add_context(rule, article):
    """Curated facts of the polish files, and what is shown without weighing."""
    if article.irp:
        rule.confirm.append({"irp": dict(article.irp)})
        rule.proofs.append(("irp", *sorted(f"{k}={v}" for k, v in article.irp.items())))
    if article.corruption:
        rule.strong.append({"corruption": {"what": article.corruption}})
    if article.driver_class:
        rule.weak.append({"driver_class": article.driver_class})
    if article.loaded:
        rule.require.append({"module_loaded": one_or_many(article.loaded)})
    if article.cpus:
        rule.require.append({"cpus": {"at_least": article.cpus}})
    elif "race" in article.classes and rule.kind == "stop":
        rule.weak.append({"cpus": {"at_least": 2}})
    for module, day in article.linked:
        if module and len(day) == 10:
            rule.weak.append({"module_linked": {"module": module, "on": day, "within_days": 3}})
    shown = [m for m in article.cause if m not in rule.where and m != "nt"][:8]
    if rule.kind != "user" and shown:
        for module in shown:
            if areas.in_kernel(module):
                common = areas.is_common(module)
                rule.weak.append({"frame_module": {"module": module, "on": "crashing_thread"}}
                                 if common else {"module_loaded": module})
    if "stack_overflow" in article.classes and rule.kind == "stop":
        rule.weak.append({"stack_exhausted": True})


def leak_rule(rule, article):
    if not article.tags:
        raise LeftOut("a leak without a pool tag")
    rule.kind = "hang" if not article.codes else "stop"
    rule.evidence = "pool tag"
    rule.where = article.fault or [m for m in article.cause if areas.in_kernel(m)][:2] or article.candidates
    special = [m for m in rule.where if not areas.is_common(m)]
    if special:
        rule.require.append({"module_loaded": one_or_many(special)})
    rule.require.append({"any": [{"kernel_crash": True}, {"hang_dump": True}]})
    usage = [{"pool_usage": {"tag": t, "at_least": "25%"}} for t in article.tags]
    rule.require.append(any_of(usage))
    if any(fix.Row(article, raw).usable() for raw in article.files):
        rule.strong.append({"module_fix": "older"})
    elif special:
        rule.strong += [{"pool_usage": {"tag": t, "at_least": "50%"}} for t in article.tags]
    rule.ceiling = "likely"
    add_context(rule, article)


def threshold_rule(rule, article):
    """A table says from which version on a file is good, and nothing of what it looks like."""
    files = unique([fix.file_name(raw) for raw in article.files])
    if not files:
        raise LeftOut("a list of thresholds without a file")
    if getattr(article, "shared_table", 0) > 4 and not article.tags:
        raise LeftOut("one list of files for many articles")
    if article.tags:
        return leak_rule(rule, article)
    modules = unique([fix.module_name(f) for f in files])
    rule.where = modules[:6]
    kernel = [m for m in modules if areas.in_kernel(m)]
    rule.kind = "stop" if kernel else "user"
    rule.evidence = "file version"
    rule.ceiling = "possible"
    rule.require.append({"fault_in": one_or_many(rule.where)})
    rule.require.append({"module_fix": "older"})


def hang_rule(rule, article):
    rule.kind = "hang"
    user = article.kind == "user_hang" or article.scope.startswith("process")
    modules = article.cycle or unique(article.fault + article.candidates)
    modules = modules or (article.cause if "deadlock" in article.classes else [])
    kernel = [m for m in modules if areas.in_kernel(m) and m != "nt" and m != "hal.dll"]
    sequences = evidence.sequences(article, user)
    if not kernel and not sequences:
        programs = [m for m in article.fault if m.endswith(".exe")]
        if user and programs and has_remedy(article):
            return program_hang(rule, article, programs)
        raise LeftOut("a hang without a driver")
    rule.require.append({"hang_dump": True})
    rule.ceiling = "possible"
    rule.evidence = "blocked threads"
    if kernel:
        rule.where = kernel[:4]
        loaded = [{"module_loaded": m} for m in rule.where]
        rule.require += loaded if article.cycle else [any_of(loaded)]
    if article.cycle:
        rule.confirm.append({"wait_cycle": {"modules": rule.where, "at_least": 2}})
        rule.ceiling = ""
        rule.evidence = "wait cycle"
    elif kernel:
        busy = "infinite_loop" in article.classes
        seen = [{"frame_module": {"module": one_or_many(rule.where), "on": "any_cpu"}}] if busy else [
            {"blocked_threads": blocked(m)} for m in rule.where]
        rule.require.append(any_of(seen))
        if "deadlock" in article.classes:
            rule.strong += [{"wait_cycle": {"modules": [m]}} for m in rule.where]
            rule.ceiling = "likely"
    for frames in sequences:
        rule.confirm.append({"frame_sequence": {"frames": frames, "on": "any_thread"}})
        rule.proofs.append(tuple(frames))
        rule.ceiling = ""
        rule.evidence = "frames"
    if sequences and not kernel:
        rule.where = unique([f.split("!")[0] for f in sequences[0]])
    add_context(rule, article)


def blocked(module):
    """Threads idle in many drivers of every machine; there only a lock counts."""
    waiting = {"at_least": 2, "module": module}
    return dict(waiting, wait=["resource", "mutant", "fast_mutex"]) if areas.is_common(module) else waiting


def program_hang(rule, article, programs):
    rule.require += [{"hang_dump": True}, {"process": one_or_many(programs[:2])}]
    rule.where = programs[:2]
    rule.ceiling = "possible"
    rule.evidence = "program"


def user_rule(rule, article):
    rule.kind = "user"
    programs = [m for m in article.fault if m.endswith(".exe") and m != "nt"]
    if article.process and article.process not in programs:
        programs.insert(0, article.process)
    libraries = [m for m in article.fault if not m.endswith((".exe", ".sys")) and m != "nt"]
    sequences = evidence.sequences(article, user=True)
    proof, strong_functions, shown = evidence.single_functions(article, user=True)
    rule.require += [{"exception": {"code": Hex(ACCESS_VIOLATION)}}, {"not": {"kernel_crash": True}}]
    if programs and not libraries:
        rule.require.append({"any": [{"process": one_or_many(programs)}, {"fault_in": one_or_many(programs)}]})
    elif libraries:
        rule.require.append(near_the_crash(libraries) if sequences or proof else
                            {"fault_in": one_or_many(libraries)})
        rule.weak += [{"process": p} for p in programs]
    elif sequences or proof:
        stems = unique([f.split("!")[0] for f in (sequences[0] if sequences else proof)])
        stems = [s for s in stems if s not in areas.SHARED] or stems
        rule.require.append({"frame_module": {"module": one_or_many(stems), "on": "crashing_thread"}})
        libraries = stems
    else:
        suspects = [m for m in article.cause + article.candidates if m != "nt" and not areas.in_kernel(m)]
        suspects = unique([m for m in suspects if areas.stem(m) not in areas.SHARED])[:4]
        if not suspects or not (has_remedy(article) or strong_functions):
            raise LeftOut("a program's exception without a module of its own")
        near = [{"frame_module": {"module": one_or_many(suspects), "within": 12, "on": "crashing_thread"}}]
        near += [{"process": m} for m in suspects if m.endswith(".exe")]
        rule.require.append(any_of(near))
        libraries = suspects
    rule.where = unique(libraries + programs)
    rule.evidence = "frames" if sequences or proof else "function" if strong_functions else "program"
    add_proofs(rule, article, [], sequences, proof, strong_functions, shown)
    if not rule.confirm and not rule.strong and not has_remedy(article):
        raise LeftOut("a program's exception with neither function nor fix")


def has_remedy(article):
    return bool(article.files or article.service_packs or article.hotfix or article.superseded
                or article.workaround or article.third_party)


class Hex(int):
    """A number that is written in hexadecimal."""


def hexed(value):
    if isinstance(value, dict):
        return {k: v if k in ("at_least", "within") else hexed(v) for k, v in value.items()}
    if isinstance(value, list):
        return [hexed(v) for v in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return Hex(value)
    return value


def finish(rule, article):
    rule.confirm, rule.strong, rule.weak = (distinct(s) for s in (rule.confirm, rule.strong, rule.weak))
    rule.strong = [s for s in rule.strong if s not in rule.confirm]
    modules = [m for m in rule.where if "." in m or m == "nt"]
    user = rule.kind == "user"
    rule.fix, note = fix.fix_of(article, modules, user, unpublished=True)
    if note:
        rule.notes.append(note)
    if rule.evidence in ("pool tag", "file version") and "files" not in rule.fix:
        if any(c == {"module_fix": "older"} for c in rule.require):
            raise LeftOut("no file of the table can be compared")
    rule.workaround = words.workaround(article, "hotfix" in rule.fix or "service_packs" in rule.fix)
    set_ceiling(rule)
    rule.title = words.title(article, rule)
    rule.about = words.about(article, rule)


def set_ceiling(rule):
    """A rule without proof needs a ceiling; a rule whose fix nothing tells cannot be confirmed."""
    tellable = "files" in rule.fix or "unpublished" in rule.fix
    if rule.confirm and tellable:
        return
    best = "likely" if rule.strong or rule.confirm else "possible"
    if rule.ceiling != "possible":
        rule.ceiling = best
    if not rule.confirm:
        return
    # Proof whose fix state nothing tells stays "likely" by the order of judgement.
    rule.strong = rule.confirm + [s for s in rule.strong if s not in rule.confirm]
    rule.confirm, rule.proofs = [], []


def distinct(conditions):
    return [c for i, c in enumerate(conditions) if c not in conditions[:i]]
