"""What an article's facts prove: places in code, parameter sets, frame sequences, functions."""

import re

from . import areas
from .facts import unique

# The parameter that is a code address, by stop code.
CODE_ADDRESS = {0x0A: 4, 0xD1: 4, 0x1E: 2, 0x8E: 2, 0x7E: 2, 0x50: 3, 0xC5: 4, 0x24: 4, 0x23: 4,
                0x22: 4, 0xD5: 3, 0xFC: 1}
# Statuses that say only "it crashed".
PLAIN_STATUS = {0xC0000005, 0x80000003, 0xC000001D, 0xC0000096}
# Stops in which the first parameter only names a trap or kind of fault that many bugs share.
KIND_FIRST = {0x7F, 0x7B, 0x77, 0x7A, 0x9C}

# Frames of the machinery around a crash, or at the bottom of every stack.
MACHINERY = re.compile(
    r"^(Ki(Trap|SystemService|SystemCall|IdleLoop|ThreadStartup|DispatchException|Exception|Modify|"
    r"InterruptDispatch|RetireDpcList|DeliverApc|UnlockDispatcher).*|KeBugCheck.*|DbgBreakPoint.*|"
    r"RtlpBreakWithStatusInstruction|PspSystemThreadStartup|ExpWorkerThread|BaseThreadStart.*|"
    r"BaseProcessStart.*|_?except_handler\d?|__?SEH.*|mainCRTStartup|main|WinMainCRTStartup|"
    r"KeUserModeCallback|MmAccessFault|RaiseException|RtlRaiseException|DebugBreakPoint|"
    r"NULL_IMPORT_DESCRIPTOR|operator|\$\$.*|ServiceMainFunction|IofCallDriver|Zw[A-Z].*|"
    r"MiDispatchFault|ThreadStartRoutine|RegisterServiceCtrlHandler.*|ScSvcctrlThread.*|"
    r"Halp(Hardware|Dispatch|EndSoftware)Interrupt.*|KfLowerIrql|NdisMDpc.*|ndisMDpc)$")
# Names of families of routines that many bugs go through.
COMMON_FUNCTION = re.compile(
    r"^(Ki|Ke|Rtl|Ex|Io|Zw|Nt|Mm|Mi|Ob|Ps|Hal|Ndis|ndis|Cc|wcs|str|mem|alloca|_)|Fsd|Dispatch"
    r"|Heap|Free$|Alloc$")
# A name this far away was the nearest that the debugger of that day could see.
FAR_OFFSET = 0x800


def function_pattern(name):
    """The name as rules write it, or "" when it names no function for certain."""
    name = name.strip()
    decorated = re.match(r"^\?(\w+)@(\w+)?@", name)
    if decorated:
        name = f"{decorated.group(2)}::{decorated.group(1)}" if decorated.group(2) else decorated.group(1)
    name = re.sub(r"^_?_?imp_+", "", name)
    name = re.sub(r"^[_@](\w+)@\d+$", r"\1", name)
    name = re.sub(r"_(\d{1,4}|[0-9a-f]{4})$", "*", name)  # "HMDestroyUnlockedObject_162": a label
    name = re.sub(r"^(\w+?)__(\w+)$", r"\1*\2", name)     # Class__Method of a flattened name
    name = re.sub(r"_+$", "*", name)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_:~*]*", name):
        return ""
    return name if len(name.replace("*", "")) >= 5 else ""


class Place:
    """A place in code by a parameter: module, page offset, or rva."""

    def __init__(self, number, module, value, rva):
        self.number, self.module, self.value, self.rva = number, module, value, rva

    def condition(self):
        where = {"in": self.module} if self.module else {}
        if self.rva is not None:
            where["rva"] = self.rva
        else:
            where["page_offset"] = self.value & 0xFFF
        return where


def module_at(article, number, value):
    """The module that an address lies in, as far as the article and the address say."""
    for address, rva, module, base in article.addresses:
        if address == value and module:
            return module, rva
    for params, rel, module in article.notes:
        if rel == "address_in_module" and number in params and module:
            return module, None
    old = article.form == "articles" and any(
        f in ("nt3.1", "nt3.5", "nt3.51", "nt4") for f, *_ in article.os)
    if old and 0x80100000 <= value < 0x801D0000:
        return "nt", None  # NT 3.x and 4.0 for x86 load the kernel at 0x80100000
    if old and (0xA0000000 <= value < 0xA0200000 or 0xA3000000 <= value < 0xA3200000):
        return "win32k.sys", None  # 0xA3000000 in Terminal Server Edition
    kernel = [m for m in article.fault if areas.in_kernel(m)]
    if len(kernel) == 1 and kernel[0] != "nt":
        return kernel[0], None
    return "", None


def place_of(article, code, values):
    number = CODE_ADDRESS.get(code & 0x0FFFFFFF if code >> 28 == 1 else code)
    if not number:
        return None
    value = values[number - 1]
    if value.value is None or not value.moves or value.value < 0x80000000:
        return None
    module, rva = module_at(article, number, value.value)
    return Place(number, module, value.value, rva)


def varies(article, number):
    return any(rel == "varies" and number in params for params, rel, _ in article.notes)


def constants(article, code, values):
    """[(number, condition, telling)] of the parameters that stay the same."""
    found = []
    for number, value in enumerate(values, 1):
        if value.same_as:
            found.append((number, {"same_as": f"p{value.same_as}"}, equal_address(values, number)))
            continue
        if value.value is None or value.moves or varies(article, number):
            continue
        found.append((number, value.value, telling(code, number, value)))
    for params, rel, _ in article.notes:
        if rel == "equal_to_each_other" and len(params) == 2 and not any(n == params[0] for n, *_ in found):
            found.append((params[0], {"same_as": f"p{params[1]}"}, equal_address(values, params[0])))
    return found


def equal_address(values, number):
    """Two zeros are equal in every other stop; two addresses are not."""
    value = values[number - 1].value
    return value is None or value >= 0x1000


def telling(code, number, value):
    """Does this value set the bug apart, or do most stops of the code have it?"""
    if value.value in PLAIN_STATUS or value.value <= 2 or value.value in (0xFF, 0xFFFFFFFF):
        return False
    if code in (0x0A, 0xD1) and number in (2, 3):
        return False  # IRQL and access
    if code in KIND_FIRST and number == 1:
        return False
    return not (code == 0x50 and number in (2, 4))


class ParameterSet:
    """One printed set, cut to what stays the same from machine to machine."""

    def __init__(self, article, code, values):
        self.code = code
        self.place = place_of(article, code, values)
        self.fixed = constants(article, code, values)
        self.telling = [c for c in self.fixed if c[2]]

    def condition(self, with_place=True):
        made = {f"p{n}": c for n, c, _ in self.fixed}
        if with_place and self.place:
            made[f"p{self.place.number}"] = self.place.condition()
        return {"parameters": dict(sorted(made.items()))}

    def proves(self):
        """Three or more values, a place in one driver's code and a telling value among them."""
        return bool(self.place and self.place.module and self.place.module not in ("nt", "hal.dll")
                    and len(self.fixed) >= 2 and self.telling)

    def key(self):
        return (self.code, tuple((n, str(c)) for n, c, _ in self.fixed),
                str(self.place.condition()) if self.place else "")

    def covers(self, other):
        """Whatever fits `other` fits this as well."""
        mine = {n: str(c) for n, c, _ in self.fixed}
        theirs = {n: str(c) for n, c, _ in other.fixed}
        if self.code != other.code or any(theirs.get(n) != c for n, c in mine.items()):
            return False
        if not self.place:
            return True
        return bool(other.place) and same_place(self.place, other.place)


def same_place(a, b):
    if a.number != b.number or (a.module and b.module and a.module != b.module):
        return False
    return a.value & 0xFFF == b.value & 0xFFF


def parameter_sets(article):
    sets = []
    for code, values in article.sets:
        made = ParameterSet(article, code, values)
        if (made.fixed or made.place) and made.key() not in [s.key() for s in sets]:
            sets.append(made)
    return sets


def sequences(article):
    """Frame sequences that tell this bug: up to four frames from the top, with a name of its own."""
    found = []
    for stack in article.stacks:
        frames = []
        for module, function, offset in stack:
            name = function_pattern(function)
            if not module or not name or MACHINERY.match(function) or (offset or 0) > FAR_OFFSET:
                continue
            frame = f"{module}!{name}"
            if not frames or frames[-1] != frame:
                frames.append(frame)
        frames = frames[:4] if own_frames(frames[:4]) else frames[:6]
        if len(frames) >= 2 and own_frames(frames) and len(set(frames)) >= 2:
            if frames not in found:
                found.append(frames)
    return found


def proves(frames):
    """Two frames in its own code, or the top one: anything can end in a shared library's routine."""
    own = [own_frames([f]) for f in frames]
    return own[0] or sum(own) >= 2


def own_frames(frames):
    """Is one of them in code that is no shared library, nor the kernel?"""
    return any(f.split("!")[0] not in areas.SHARED for f in frames)


def stack_modules(article):
    return unique([m for stack in article.stacks for m, f, _ in stack
                   if m and m not in areas.SHARED and not MACHINERY.match(f)])


def single_functions(article, user):
    """(proof, strong, shown): named with a module; module only likely; gone through by many bugs."""
    proof, strong, shown = [], [], []
    owners = owner_modules(article, user)
    for module, function in article.faulting + article.functions:
        name = function_pattern(function)
        if not name or MACHINERY.match(function):
            continue
        for owner in [module] if module else owners[:1]:
            own = owner not in areas.SHARED and not COMMON_FUNCTION.search(name)
            stems = [areas.stem(m) for m in article.fault if areas.in_kernel(m)]
            stems = [m for m in stems if m not in ("nt", "hal")]
            certain = bool(module) and own and not user and (not stems or module in stems)
            (proof if certain else strong if own else shown).append(f"{owner}!{name}")
    return (unique(proof), unique([s for s in strong if s not in proof]), unique(shown))


def owner_modules(article, user):
    modules = article.fault or article.cause or article.candidates
    return [areas.stem(m) for m in modules if user or areas.in_kernel(m)]
