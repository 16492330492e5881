"""Holds what the program said in two places to each other.

    check_same.py HERE THERE

Both are lines of JSON, from `model inspect --json` or `classify --json`. Where a file lies and how long
something took may differ; a score by a thousandth, since processors round in their own order.
"""

import json
import sys
from pathlib import PurePath

SCORE = 0.001
largest = 0.0


def differences(here, there, place=""):
    """Yields a sentence for each."""
    global largest
    if isinstance(here, dict) and isinstance(there, dict) and here.keys() == there.keys():
        for name in here:
            if name == "file":
                yield from differences(PurePath(here[name]).name, PurePath(there[name]).name, f"{place}.{name}")
            elif name not in ("path", "milliseconds"):
                yield from differences(here[name], there[name], f"{place}.{name}")
    elif isinstance(here, list) and isinstance(there, list) and len(here) == len(there):
        for number, (one, other) in enumerate(zip(here, there)):
            yield from differences(one, other, f"{place}[{number}]")
    elif isinstance(here, float) and isinstance(there, float):
        largest = max(largest, abs(here - there))
        if abs(here - there) > SCORE:
            yield f"{place}: {here} here, {there} there"
    elif here != there:
        yield f"{place}: {here!r} here, {there!r} there"


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


here, there = map(read, sys.argv[1:])
found = list(differences(here, there))
if not here:
    found.append("nothing was said")
for difference in found:
    print(f"check_same: {difference}")
print(f"{len(here)} lines here and {len(there)} there; scores differ by at most {largest:.1e}")
sys.exit(1 if found else 0)
