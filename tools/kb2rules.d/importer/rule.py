"""A rule on its way to YAML, and the words that its makers share."""

from . import areas, evidence, fix

ACCESS_VIOLATION = 0xC0000005


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


def any_of(conditions):
    return conditions[0] if len(conditions) == 1 else {"any": conditions}


def one_or_many(values):
    return values[0] if len(values) == 1 else values


def near_the_crash(modules):
    return {"any": [{"fault_in": one_or_many(modules)},
                    {"frame_module": {"module": one_or_many(modules), "within": 12,
                                      "on": "crashing_thread"}}]}


def listed_name(article, stem):
    """The file name that the article gives for the module of a frame."""
    for module in article.fault + article.cause + article.candidates:
        if areas.stem(module) == stem:
            return module
    return ""


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


def distinct(conditions):
    return [c for i, c in enumerate(conditions) if c not in conditions[:i]]


def named_place(parameter_set):
    return bool(parameter_set.place and parameter_set.place.module)


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
        if evidence.proves(frames):
            rule.confirm.append({"frame_sequence": {"frames": frames, "on": on}})
            rule.proofs.append(tuple(frames))
        else:
            rule.strong.append({"frame_sequence": {"frames": frames, "on": on}})
        own = own_functions(frames)
        rule.strong.append({"frame_function": {"function": own[0], "on": on}})
    for function in proof:
        rule.confirm.append({"top_of_stack": {"function": function, "on": "crashing_cpu"}})
        rule.proofs.append((function,))
    rule.strong += [{"frame_function": {"function": f, "on": on}} for f in proof + strong_functions]
    rule.weak += [{"frame_function": {"function": f, "on": on}} for f in shown[:6]]
    if sequences:
        rule.function = own_functions(sequences[0])[0]
    elif proof:
        rule.function = proof[0]


def own_functions(frames):
    return [f for f in frames if f.split("!")[0] not in areas.SHARED]


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
