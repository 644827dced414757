"""Rules for leaks, tables of versions, hangs and programs."""

from . import areas, evidence, fix
from .facts import unique
from .rule import (ACCESS_VIOLATION, Hex, LeftOut, add_context, add_proofs, any_of, has_remedy, listed_name,
                   near_the_crash, one_or_many)


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
    modules = unique(article.fault + article.candidates)
    modules = modules or (article.cause if "deadlock" in article.classes else [])
    kernel = [m for m in modules if areas.in_kernel(m) and m != "nt" and m != "hal.dll"]
    sequences = evidence.sequences(article)
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
        rule.require.append(any_of([{"module_loaded": m} for m in rule.where]))
    if kernel:
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
    sequences = evidence.sequences(article)
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
        libraries = [listed_name(article, s) or s for s in stems]
        rule.require.append({"frame_module": {"module": one_or_many(libraries), "on": "crashing_thread"}})
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
