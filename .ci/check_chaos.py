"""Checks the result of `cargo xtask chaos --json` against the promises.

    python3 .ci/check_chaos.py RESULT.json FAULTS

Reads the result as any script would. Python's standard library only. Exits with 1 and a
line for each broken promise.
"""

import json
import sys


def broken_promises(result, faults):
    """Yields a sentence for each promise that does not hold."""
    for name in ("lost", "doubled", "rejected", "wrongLabels", "imageBytes", "leaks", "wrong"):
        if result[name] != 0:
            yield f"{name} is {result[name]}"
    if result["faults"] != faults or sum(result["kinds"].values()) != faults:
        yield f"{faults} faults were asked for, {result['faults']} struck"
    frames, duplicate = result["frames"], result["duplicate"]
    if frames == 0 or result["acknowledged"] != frames:
        yield f"{frames} pictures were sent, {result['acknowledged']} confirmed"
    if duplicate != result["repeatedDeliveries"]:
        yield f"{duplicate} duplicates of {result['repeatedDeliveries']} repeated deliveries"
    committed = result["handedAcknowledged"] + result["handedWitnessed"]
    if committed != frames + duplicate:
        yield f"{committed} deliveries were committed, {frames} pictures and {duplicate} duplicates counted"
    if result["secrets"] == 0 or result["searchedBytes"] == 0:
        yield "no log was searched for secrets"
    for kind in ("killModule", "killHub", "dropModule"):
        if result["kinds"].get(kind, 0) == 0:
            yield f"{kind} never struck"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        result = json.load(file)
    broken = list(broken_promises(result, int(sys.argv[2])))
    for promise in broken:
        print(f"check_chaos: {promise}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
