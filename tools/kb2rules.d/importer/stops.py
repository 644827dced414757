"""Rules for stops of the kernel."""

from . import areas, evidence
from .facts import unique
from .rule import (ACCESS_VIOLATION, Hex, LeftOut, add_context, add_proofs, any_of, hexed, listed_name,
                   named_place, near_the_crash, one_or_many)

# Stops that any damaged memory, any driver or any broken disk brings: alone they point nowhere.
GENERIC_CODES = {0x0A, 0x1E, 0x50, 0x7F, 0x24, 0x7B, 0x77, 0x7A, 0xD1, 0x8E, 0x7E, 0xC5, 0x19, 0x1A,
                 0x4E, 0x23, 0x2E, 0xC2, 0x3F, 0x41, 0x44, 0x6B, 0x9C, 0x9F, 0xC4, 0xC000021A,
                 0xC0000221, 0xC0000142, 0xC0000143, 0x51, 0x67, 0x69, 0x21, 0x2D, 0x4, 0x80, 0x9A,
                 0xF4, 0x9E, 0xFE, 0xFFFFFFFF, 0x35, 0x26, 0x74, 0x73, 0x79, 0x8B, 0xE, 0x40, 0x46,
                 0x7C, 0xDE, 0xE3, 0x18, 0xC000000D, 0xC000000A}
STATUS_STOPS = {0xC000021A, 0xC0000221, 0xC0000143}


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
    sequences = evidence.sequences(article)
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


def with_extension(article, stem):
    return listed_name(article, stem) or (stem if stem == "nt" else "hal.dll" if stem == "hal" else stem + ".sys")


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
