"""Checks the summary of `cargo xtask demo --json` against the promises.

    python3 .ci/check_demo.py SUMMARY.json LEAST_ACCURACY

Reads the summary as any script would and computes again what it claims.
Python's standard library only. Exits with 1 and a line for each broken promise.
"""

import json
import sys


def broken_promises(summary, least):
    """Yields a sentence for each promise that does not hold."""
    for name in ("lost", "doubled"):
        if summary[name] != 0:
            yield f"{name} is {summary[name]}"
    if summary["upstream"]["imageBytes"] != 0:
        yield f"{summary['upstream']['imageBytes']} bytes of pictures went upstream"
    if summary["upstream"]["messages"] == 0:
        yield "no report went upstream"

    sent, counted = summary["sent"], summary["counted"]
    if min(sent["ripe"], sent["unripe"]) == 0:
        yield f"one of the truths was never sent: {sent}"
    outcomes = sum(counted.values()) - counted["duplicate"]
    if outcomes != sum(sent.values()):
        yield f"{sum(sent.values())} frames were sent, but {outcomes} have an outcome"

    confusion = summary["confusion"]
    for label in sent:
        column = sum(row[label] for row in confusion.values())
        if column != counted[label]:
            yield f"the cameras counted {column} {label}, the whole says {counted[label]}"
    right = sum(row[truth] for truth, row in confusion.items())
    accuracy = right / max(sum(sent.values()), 1)
    if accuracy < least:
        yield f"{accuracy:.4f} of the labels are right, at least {least} was promised"

    # The model must be worth its bytes.
    baseline = summary["baseline"]
    if baseline is None:
        yield "there is no baseline to compare with"
    elif least >= 0.99 and accuracy - baseline["accuracy"] < 0.05:
        yield f"the threshold on the {baseline['feature']} reaches {baseline['accuracy']:.4f}"


def main():
    path, least = sys.argv[1], float(sys.argv[2])
    with open(path, encoding="utf-8") as file:
        summary = json.load(file)
    print(json.dumps(summary))
    broken = list(broken_promises(summary, least))
    for promise in broken:
        print(f"broken: {promise}")
    if broken:
        sys.exit(1)
    print("demo: every promise holds")


if __name__ == "__main__":
    main()
