"""kb2rules: facts files in, rule files and their examples out.  docs/catalogue.md says how."""

import argparse
import collections
import json
import os
import subprocess
import sys

from . import emit, facts, rivals
from .make import make_rule
from .rule import LeftOut

HERE = os.path.dirname(os.path.abspath(__file__))
POLISH = os.path.join(HERE, "..", "polish")


def say(text):
    print(f"kb2rules: {text}", file=sys.stderr)


def load_json(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return json.load(file)


def load_polish(folder):
    """Our own words and curated facts, by article number."""
    polish = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if name.endswith(".json"):
            for key, entry in load_json(os.path.join(folder, name)).items():
                polish.setdefault(facts.article_number(key), {}).update(entry)
    return polish


def gather(paths, polish):
    """Raw records of all files by article number; a later file only fills what is missing."""
    records, forms, broken = {}, {}, 0
    for path in paths:
        try:
            form, rows = facts.recognise(load_json(path))
        except (OSError, ValueError, RecursionError) as error:
            say(f"{path}: left out: {error}")
            broken += 1
            continue
        if form is None:
            say(f"{path}: left out: none of the three forms of facts files")
            broken += 1
            continue
        if form == "thresholds":
            rows = facts.threshold_articles(rows)
        say(f"{path}: {len(rows)} records, form '{form}'")
        for position, raw in enumerate(rows, 1):
            number = facts.article_number(raw.get("id"))
            if not number:
                say(f"{path}: record {position}: left out: it has no article number")
                continue
            if number in records:
                merge(records[number], raw)
            else:
                records[number], forms[number] = dict(raw), form
    for number, entry in polish.items():
        if number in records:
            records[number].update(entry.get("facts", {}))
    return records, forms, broken


def merge(record, raw):
    for key, value in raw.items():
        if value and not record.get(key):
            record[key] = value


def make_rules(records, forms, polish):
    rules, left_out = [], collections.Counter()
    for number in sorted(records, key=lambda n: (len(n), n)):
        name = facts.text(records[number].get("id"))
        try:
            article = facts.Article(records[number], forms[number])
            article.shared_table = records[number].get("shared_table", 0)
            if polish.get(number, {}).get("drop"):
                raise LeftOut("the polish files leave it out")
            rule = make_rule(article)
            apply_polish(rule, polish.get(number, {}))
            rules.append(rule)
        except LeftOut as why:
            say(f"{name}: left out: {why}")
            left_out[str(why)] += 1
        except Exception as error:  # an odd record costs that record only
            say(f"{name}: left out: not understood: {type(error).__name__}: {error}")
            left_out["not understood"] += 1
    return rules, left_out


def apply_polish(rule, entry):
    for key in ("title", "about", "workaround"):
        if key in entry:
            setattr(rule, key, entry[key])
    rule.caveats += entry.get("caveats", [])
    rule.notes += [entry["note"]] if "note" in entry else []
    rule.rivals += entry.get("rivals", [])
    if "restart" in entry:
        rule.fix["restart"] = entry["restart"]


def foreign_rules(out):
    """Ids whose file under OUT was not made by us: they are left alone."""
    kept = set()
    for folder, _, names in os.walk(out):
        for name in names:
            if name.endswith(".yaml") and not name.endswith(".examples.yaml"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    if not file.readline().startswith(emit.MARKER):
                        kept.add(name[: -len(".yaml")])
    return kept


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def prune(out, written):
    """Takes away rules that an earlier run made and this one did not."""
    for folder, _, names in os.walk(out):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not name.endswith(".yaml") or name.endswith(".examples.yaml") or path in written:
                continue
            with open(path, encoding="utf-8") as file:
                ours = file.readline().startswith(emit.MARKER)
            if ours:
                os.remove(path)
                examples = path[: -len(".yaml")] + ".examples.yaml"
                if os.path.exists(examples):
                    os.remove(examples)


def write_rules(rules, out):
    kept, written, classes = foreign_rules(out), [], collections.Counter()
    for rule in rules:
        if rule.id in kept:
            say(f"{rule.kb}: left out: {rule.id}.yaml was written by hand")
            continue
        path = os.path.join(out, rule.family(), rule.id + ".yaml")
        write(path, emit.rule_text(rule))
        written.append(path)
        best = rule.ceiling or "confirmed"
        classes[(rule.kind, rule.evidence, best)] += 1
    prune(out, set(written))
    return written, classes


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="kb2rules", description="Turns facts files into rule files and their examples.")
    parser.add_argument("facts", nargs="+", metavar="FACTS.json")
    parser.add_argument("out", metavar="OUT", help="folder; rules that were written by hand stay")
    options = parser.parse_args(arguments)
    polish = load_polish(POLISH)
    records, forms, broken = gather(options.facts, polish)
    rules, left_out = make_rules(records, forms, polish)
    rivals.settle(rules)
    written, classes = write_rules(rules, options.out)
    listing = os.path.join(HERE, "..", "examples", "main.py")
    # A program of its own: examples must not follow the importer's reading of the facts.
    examples = subprocess.run([sys.executable, listing, *options.facts, options.out])
    for (kind, evidence, best), count in sorted(classes.items()):
        print(f"{count:5}  {kind:5} {evidence:22} at best {best}")
    print(f"{len(written):5}  rules written")
    for why, count in sorted(left_out.items(), key=lambda i: (-i[1], i[0])):
        print(f"{count:5}  left out: {why}")
    return 0 if written and examples.returncode == 0 else 1
