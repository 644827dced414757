"""What rules have to do with each other: rivals for one stop, and proof that two of them share."""

from .evidence import ParameterSet

MOST_RIVALS = 40


def settle(rules):
    share_proofs(rules)
    lift_alone(rules)
    for key, group in grouped(rules).items():
        for rule in group:
            others = [r.kb for r in group if r is not rule and overlap(r, rule)]
            rule.rivals = sorted(set(rule.rivals + others[:MOST_RIVALS]), key=by_number)[:MOST_RIVALS]


# Drivers that everything goes through: there one known bug is not the only one.
CROWDED = {"win32k.sys", "ndis.sys", "tcpip.sys", "ntfs.sys", "scsiport.sys", "afd.sys", "netbt.sys",
           "rdr.sys", "srv.sys"}


def lift_alone(rules):
    """The only article for a code and a module, and the module older than its fix: likely."""
    groups = grouped(rules)
    for rule in rules:
        if (rule.kind, rule.evidence, rule.ceiling) != ("stop", "fault module", "possible"):
            continue
        keys = [("stop", c, m) for c in rule.article.codes for m in rule.where]
        alone = keys and all(groups[k] == [rule] for k in keys)
        if alone and len(rule.where) == 1 and rule.where[0] not in CROWDED and "files" in rule.fix:
            rule.strong.append({"module_fix": "older"})
            rule.ceiling = "likely"


def by_number(kb):
    digits = "".join(c for c in kb if c.isdigit())
    return (len(digits), digits, kb)


def grouped(rules):
    """By kind, code and module: what two articles for one stop share."""
    groups = {}
    for rule in rules:
        codes = rule.article.codes or [0]
        for code in codes if rule.kind == "stop" else [0]:
            for module in rule.where[:4] or [""]:
                groups.setdefault((rule.kind, code, module), []).append(rule)
    return groups


def families(rule):
    return {(f, bool(t)) for f, t, *_ in rule.article.os} or {("", False)}


def overlap(a, b):
    mine, theirs = {f for f, _ in families(a)}, {f for f, _ in families(b)}
    return bool(mine & theirs) or "" in mine or "" in theirs


def same_proof(a, b):
    """Does what proves one of them also fit the other?"""
    if isinstance(a, ParameterSet) and isinstance(b, ParameterSet):
        return a.covers(b) or b.covers(a)
    if isinstance(a, tuple) and isinstance(b, tuple):
        short, long = sorted((a, b), key=len)
        rest = iter(long)
        return all(any(frame == other for other in rest) for frame in short)
    return False


def share_proofs(rules):
    """Two articles with one proof: it cannot tell between them, so for both it is support only."""
    proving = [r for r in rules if r.proofs]
    shared = set()
    for i, a in enumerate(proving):
        for b in proving[i + 1:]:
            if overlap(a, b) and any(same_proof(x, y) for x in a.proofs for y in b.proofs):
                shared |= {a.id, b.id}
                a.rivals.append(b.kb)
                b.rivals.append(a.kb)
    for rule in proving:
        if rule.id in shared:
            rule.strong = rule.confirm + [s for s in rule.strong if s not in rule.confirm]
            rule.confirm, rule.proofs = [], []
            rule.ceiling = "likely"
            rule.notes.append("The proof of this article is the proof of another one as well, "
                              "so it tells both only as likely.")
