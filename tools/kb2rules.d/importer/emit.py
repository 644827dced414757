"""Rules as YAML for people: one condition a line, small maps in braces, long text folded."""

import re
import textwrap

from .rule import Hex

MARKER = "# Made by tools/kb2rules from published facts; see docs/catalogue.md."
WIDTH = 100
PLAIN = re.compile(r"^[A-Za-z0-9_./(<][A-Za-z0-9_./()!*%+<> \-;'=]*$")
LOOKS_LIKE = re.compile(r"^(true|false|yes|no|on|off|null|none|~)$", re.I)


def scalar(value, flow=False):
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, Hex):
        return f"0x{value:X}"
    if isinstance(value, int):
        return str(value)
    value = str(value)
    if not flow and re.fullmatch(r"[A-Za-z0-9_.(][^:#\"'\\{}\[\]&*!|>%@`]*", value) and not LOOKS_LIKE.match(value):
        return value
    if PLAIN.match(value) and not LOOKS_LIKE.match(value) and not value.endswith(" "):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def flow(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(v) for v in value) + "]"
    return scalar(value, flow=True)


def condition_lines(condition, indent):
    """`- name: ...`, with the lists of all, any and count one condition a line."""
    pad = " " * indent
    (name, argument), = condition.items()
    if name in ("all", "any"):
        lines = [f"{pad}- {name}:"]
        for part in argument:
            lines += condition_lines(part, indent + 4)
        return lines
    if name == "os" and isinstance(argument, list):
        return [f"{pad}- os:"] + [f"{pad}    - {flow(a)}" for a in argument]
    line = f"{pad}- {name}: {flow(argument)}"
    if len(line) <= WIDTH or name != "frame_sequence":
        return [line] if len(line) <= WIDTH else broken(line, indent + 4)
    lines = [f"{pad}- frame_sequence:", f"{pad}    frames:"]
    lines += [f"{pad}      - {scalar(f, flow=True)}" for f in argument["frames"]]
    return lines + [f"{pad}    {k}: {flow(v)}" for k, v in argument.items() if k != "frames"]


def broken(line, indent):
    """A long flow line, cut behind commas."""
    lines, pad = [], " " * indent
    while len(line) > WIDTH and ", " in line[:WIDTH]:
        cut = line.rfind(", ", 0, WIDTH - 1)
        if cut <= len(pad):
            break
        lines.append(line[: cut + 1])
        line = pad + line[cut + 2:]
    return lines + [line]


def section(name, conditions, indent=0):
    if not conditions:
        return []
    lines = ["", " " * indent + name + ":"] if indent == 0 else [" " * indent + name + ":"]
    for condition in conditions:
        lines += condition_lines(condition, indent + 2)
    return lines


def prose(name, text):
    """A text over several lines; YAML folds them into one."""
    if len(text) + len(name) + 2 <= WIDTH and not re.search(r"[:#]", text):
        return [f"{name}: {scalar(text)}"]
    return [f"{name}: >"] + ["  " + l for l in textwrap.wrap(text, WIDTH - 2, break_on_hyphens=False)]


def fix_lines(fix):
    if not fix:
        return []
    lines = ["", "fix:"]
    for key in ("hotfix", "unpublished", "service_packs", "vendor", "needs", "restart"):
        if key in fix:
            lines += broken(f"  {key}: {flow(fix[key]) if isinstance(fix[key], list) else scalar(fix[key])}", 4)
    if "files" in fix:
        lines.append("  files:")
        for entry in fix["files"]:
            lines += broken("    - " + flow(entry), 8)
    for key in ("replaces", "superseded_by"):
        if key in fix:
            lines += broken(f"  {key}: {flow(fix[key])}", 4)
    return lines


def rule_text(rule):
    lines = [MARKER, "schema: dumptriage.rule/1", f"id: {rule.id}", f"kb: {rule.kb}"]
    lines += prose("title", rule.title)
    lines += prose("about", rule.about)
    lines.append(f'references: ["https://support.microsoft.com/?kbid={rule.article.number}"]')
    lines += section("applies", rule.applies)
    lines += fix_lines(rule.fix)
    lines += section("refute", rule.refute)
    lines += section("require", rule.require)
    lines += section("confirm", rule.confirm)
    if rule.strong or rule.weak:
        lines += ["", "support:"]
        lines += section("strong", rule.strong, 2) + section("weak", rule.weak, 2)
    lines.append("")
    if rule.ceiling:
        lines.append(f"ceiling: {rule.ceiling}")
    if rule.rivals:
        lines += broken(f"rivals: {flow(rule.rivals)}", 2)
    for caveat in rule.caveats[:1]:
        lines.append("caveats:")
    lines += [f"  - {scalar(c)}" for c in rule.caveats]
    if rule.workaround:
        lines += prose("workaround", rule.workaround)
    if rule.notes:
        lines += prose("note", " ".join(rule.notes))
    while lines[-1] == "":
        lines.pop()
    return "\n".join(lines) + "\n"
