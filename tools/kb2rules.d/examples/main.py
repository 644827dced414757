"""Examples beside the rules under OUT: main.py FACTS.json... OUT

A program of its own.  It reads the facts files with its own parser and decides by its own reading
what each machine should be told; it never asks the engine, nor the importer.
"""

import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from reading import Reading, plain_list, rows  # noqa: E402
from scene import Scene, example_text  # noqa: E402

MADE = "# Made by tools/kb2rules from published facts"


def by_number(name):
    return "".join(c for c in str(name) if c.isdigit()).lstrip("0")


def thresholds(data):
    made = {}
    for row in rows(data):
        for kb in plain_list(row.get("kbs")):
            entry = made.setdefault(by_number(kb), {"id": "KB" + by_number(kb), "kind": "threshold",
                                                    "fixed_files": [], "pool_tags": []})
            if row.get("file") and row.get("min_version"):
                entry["fixed_files"].append({"file": row["file"], "version": row["min_version"]})
            for tag in plain_list(row.get("pool_tags")):
                if tag not in entry["pool_tags"]:
                    entry["pool_tags"].append(tag)
    return list(made.values())


def read_file(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            data = json.load(file)
    except (OSError, ValueError, RecursionError):
        return "", []
    if isinstance(data, dict) and isinstance(data.get("thresholds"), list):
        return "thresholds", thresholds(data["thresholds"])
    if isinstance(data, dict):
        lists = [data[k] for k in ("articles", "facts", "kbs") if isinstance(data.get(k), list)]
        data = lists[0] if lists else [dict(v, id=v.get("id", k)) for k, v in data.items() if isinstance(v, dict)]
    data = rows(data)
    later = any("subject" in r or "inferred_modules" in r for r in data)
    return "modern" if later else "articles", data


def curated():
    """The facts that people added by hand (polish files)."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "polish")
    found = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if name.endswith(".json"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                for key, entry in json.load(file).items():
                    found.setdefault(by_number(key), {}).update(entry.get("facts", {}))
    return found


def all_readings(paths):
    raws, sorts = {}, {}
    for path in paths:
        sort, data = read_file(path)
        for raw in data:
            number = by_number(raw.get("id"))
            if number in raws:
                for key, value in raw.items():
                    if value and not raws[number].get(key):
                        raws[number][key] = value
            elif number:
                raws[number], sorts[number] = dict(raw), sort
    for number, facts in curated().items():
        if number in raws:
            raws[number].update(facts)
    return {number: Reading(raw, sorts[number]) for number, raw in raws.items() if readable(raw, sorts[number])}


def readable(raw, sort):
    try:
        Reading(raw, sort).printed_sets()
        return True
    except Exception:
        return False


def rules_under(out):
    for folder, _, names in sorted(os.walk(out)):
        for name in sorted(names):
            if name.endswith(".yaml") and not name.endswith(".examples.yaml"):
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    if file.readline().startswith(MADE):
                        yield name[:-len(".yaml")], path


def main():
    readings = all_readings(sys.argv[1:-1])
    rules = list(rules_under(sys.argv[-1]))
    world = [readings[by_number(rule)] for rule, _ in rules if by_number(rule) in readings]
    failed = 0
    for rule, path in rules:
        reading = readings.get(by_number(rule))
        try:
            text = example_text(rule, Scene(reading, world))
        except Exception as error:
            print(f"kb2rules: {rule}: no examples: {type(error).__name__}: {error}", file=sys.stderr)
            failed += 1
            continue
        with open(path[:-len(".yaml")] + ".examples.yaml", "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    print(f"{len(rules) - failed:5}  example files written")
    return 0


sys.exit(main())
