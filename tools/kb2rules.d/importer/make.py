"""One article to one rule, by the class of its evidence (docs/catalogue.md has the table)."""

from . import areas, fix, words
from .facts import UNNAMED_NT, unique
from .others import hang_rule, leak_rule, threshold_rule, user_rule
from .rule import LeftOut, Rule, distinct, one_or_many
from .stops import stop_rule

# What a bare "NT" or an application's article of those years may have run on.
THAT_TIME = ["nt3.5", "nt3.51", "nt4", "2000"]
LATER = ["2000", "xp", "xp64", "ws2003", "vista", "ws2008"]


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
    programs = article.fault and not any(areas.in_kernel(m) for m in article.fault)
    other = user_rule if programs and not article.codes and article.kind != "kernel_stop" else stop_rule
    maker = makers.get(article.kind, other)
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
