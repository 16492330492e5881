"""The queries of docs/dashboards on reports that a real module has sent through a hub.

Arguments: docs/dashboards, the hub's file of upstream messages. Prints one {"event": "capability"} for
each thing tried and ends with 0 when the script came to its end, whatever the verdicts. Run by
`cargo xtask interop`.

What is expected is added up here from the messages, in a few lines of Python and without the queries.
"""

import collections
import datetime
import json
import pathlib
import sys
import traceback

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from database import Database
from stream import Job


def expect(holds, seen):
    if not holds:
        raise AssertionError(f"{seen}")


def same(found, wanted):
    if found != wanted:
        raise AssertionError(f"found {found}, expected {wanted}")


def moment(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=None)


def later(message, **by):
    shifted = moment(message["enqueuedAt"]) + datetime.timedelta(**by)
    return {**message, "enqueuedAt": f"{shifted.isoformat(timespec='milliseconds')}Z"}


def literal(when):
    return f"datetime({when.isoformat()})"


class Messages(list):
    """What a hub delivered, and what it adds up to."""

    def bodies(self):
        seen = {}
        for message in self:
            seen.setdefault(message["body"]["reportId"], message["body"])
        return list(seen.values())

    def cameras(self):
        for body in self.bodies():
            for camera, part in body["cameras"].items():
                yield body, camera, part

    def fruits(self, key):
        sums = collections.Counter()
        for body, camera, part in self.cameras():
            for label, fruits in part["counts"].items():
                sums[key(body, camera, label)] += fruits
        return dict(sums)

    def without(self, *left_out):
        return Messages(message for message in self if message["body"]["reportId"] not in left_out)

    def last(self):
        return max(moment(message["enqueuedAt"]) for message in self)


class Bench:
    def __init__(self, folder, file):
        self.folder = pathlib.Path(folder)
        lines = pathlib.Path(file).read_text().splitlines()
        self.all = Messages(json.loads(line) for line in lines)
        self.device = self.all[0]["deviceId"]
        bodies = self.all.bodies()
        # It must have some of all that the queries tell apart.
        expect(len(bodies) == bodies[-1]["sequence"] >= 5, [body["sequence"] for body in bodies])
        expect({"lot" in body for body in bodies} == {True, False}, "a lot from a moment on")
        expect(any(body["frames"]["rejected"] for body in bodies), "a rejected picture")
        expect(any(body["frames"]["unsure"] for body in bodies), "an unsure picture")
        expect(any(not body["cameras"] for body in bodies), "a heartbeat")
        with_pictures = [body for body in bodies[2:-1] if body["counts"]]
        self.victim = with_pictures[len(with_pictures) // 2]

    def database(self, messages):
        return Database(self.folder, messages)

    def job(self, messages):
        return Job(self.folder / "stream-analytics.asaql", messages)

    def copied(self):
        """The victim again, a while later, as an upstream that lost an acknowledgement sends it."""
        message = next(one for one in self.all if one["body"]["reportId"] == self.victim["reportId"])
        return Messages([*self.all, later(message, seconds=90)])


def hour(body):
    return moment(body["windowStart"]).replace(minute=0, second=0, microsecond=0)


def check_counts(rows, messages):
    found = {(row["windowStart"], row["camera"], row["label"]): row["fruits"] for row in rows}
    same(found, messages.fruits(lambda body, camera, label: (hour(body), camera, label)))


def sums_are_right(bench):
    database, messages = bench.database(bench.all), bench.all
    rows = database.ask("counts")
    check_counts(rows, messages)
    same({(row["camera"], row["cameraName"]) for row in rows}, {("cam-01", "Gate"), ("cam-02", "cam-02")})

    wanted = collections.Counter()
    reasons = collections.Counter()
    for body, camera, part in messages.cameras():
        frames = part["frames"]
        rejected = sum(frames["rejected"].values())
        for name, number in [("pictures", frames["received"]), ("unsure", frames["unsure"]), ("rejected", rejected)]:
            wanted[hour(body), camera, name] += number
        for reason, number in frames["rejected"].items():
            reasons[camera, reason] += number
    rows = database.ask("outcomes")
    names = ["pictures", "unsure", "rejected"]
    same({(row["windowStart"], row["camera"], name): row[name] for row in rows for name in names}, dict(wanted))
    for row in rows:
        same(round(row["unsurePercent"], 6), round(100 * row["unsure"] / row["pictures"], 6))
        same(round(row["rejectedPercent"], 6), round(100 * row["rejected"] / row["pictures"], 6))
    same({(row["camera"], row["reason"]): row["pictures"] for row in database.ask("rejected")}, dict(reasons))

    by_lot = messages.fruits(lambda body, camera, label: (body.get("lot", "(none)"), label))
    same({(row["lot"], row["label"]): row["fruits"] for row in database.ask("lots")}, by_lot)
    model = messages[0]["body"]["model"]
    received = sum(body["frames"]["received"] for body in messages.bodies())
    found = [(row["modelName"], row["modelVersion"], row["sha256"], row["pictures"]) for row in database.ask("models")]
    same(found, [(model["name"], model["version"], model["sha256"], received)])
    totals = messages.bodies()[-1]["totals"]["counts"]
    found = {row["label"]: (row["before"], row["counted"], row["total"], row["lost"]) for row in database.ask("totals")}
    same(found, {label: (0, total, total, 0) for label, total in totals.items()})
    for name in ["gaps", "copies", "late"]:
        same(database.ask(name), [])
    return f"{len(messages)} reports, {received} pictures, {sum(totals.values())} fruits"


def copy_counts_once(bench):
    copied = bench.copied()
    right, database = bench.database(bench.all), bench.database(copied)
    for file in sorted((bench.folder / "queries").glob("*.kql")):
        if file.stem != "copies":
            until = {"until": literal(copied.last())} if file.stem == "boxes" else {}
            same(database.ask(file.stem, **until), right.ask(file.stem, **until))
    rows = database.ask("copies", until=literal(copied.last() + datetime.timedelta(seconds=1)))
    same([(row["reportId"], row["copies"]) for row in rows], [(bench.victim["reportId"], 2)])
    return f"{bench.victim['reportId']} came twice"


def gap_shows(bench):
    victim = bench.victim
    database = bench.database(bench.all.without(victim["reportId"]))
    rows = database.ask("gaps")
    names = ["device", "ledger", "firstMissing", "lastMissing", "missingReports", "missingPictures", "what"]
    number = victim["sequence"]
    gap = [bench.device, victim["ledger"], number, number, 1, victim["frames"]["received"], "between two reports"]
    same([[row[name] for name in names] for row in rows], [gap])
    lost = {row["label"]: row["lost"] for row in database.ask("totals")}
    totals = bench.all.bodies()[-1]["totals"]["counts"]
    same(lost, {label: victim["counts"].get(label, 0) for label in totals})
    return f"sequence {number}: {victim['frames']['received']} pictures, {sum(victim['counts'].values())} fruits"


def beginning_shows(bench):
    bodies = bench.all.bodies()
    gone = next(index for index, body in enumerate(bodies) if body["counts"]) + 1
    database = bench.database(bench.all.without(*(body["reportId"] for body in bodies[:gone])))
    rows = database.ask("gaps")
    before = bodies[gone - 1]["totals"]
    found = [(row["firstMissing"], row["lastMissing"], row["missingPictures"], row["what"]) for row in rows]
    same(found, [(1, gone, before["frames"]["received"], "before the first report here")])
    found = {row["label"]: (row["before"], row["lost"]) for row in database.ask("totals")}
    same(found, {label: (before["counts"].get(label, 0), 0) for label in bodies[-1]["totals"]["counts"]})
    return f"reports 1 to {gone} before the connection"


def late_and_silent_show(bench):
    """From the victim on an hour late, as after an outage of the internet."""
    number = bench.victim["sequence"]
    messages = [later(one, hours=1) if one["body"]["sequence"] >= number else one for one in bench.all]
    database = bench.database(Messages(messages))
    rows = database.ask("late", grace="30m")
    wanted = collections.Counter()
    for message in messages:
        if message["body"]["sequence"] >= number:
            wanted[moment(message["body"]["windowStart"])] += message["body"]["frames"]["received"]
    found = collections.Counter()
    for row in rows:
        found[row["windowStart"]] += row["latePictures"]
    same(dict(found), dict(wanted))
    expect(all(row["minutesLate"] >= 59 for row in rows), rows)
    last = Messages(messages).last()
    state = lambda minutes: [
        (row["device"], row["state"], row["minutes"] >= minutes)
        for row in database.ask("boxes", until=literal(last + datetime.timedelta(minutes=minutes)))
    ]
    same(state(39), [(bench.device, "heard", True)])
    same(state(41), [(bench.device, "silent", True)])
    return f"{len(rows)} windows an hour late; silent after 40 minutes, not after 39"


def job_is_right(bench):
    victim = bench.victim
    job = bench.job(bench.copied())
    rows = job.output("fruits")
    same(
        {(row["reportId"], row["camera"], row["label"]): row["fruits"] for row in rows},
        bench.all.fruits(lambda body, camera, label: (body["reportId"], camera, label)),
    )
    expect({row["lot"] for row in rows} == {None, "north 7"}, {row["lot"] for row in rows})
    per_minute = collections.Counter()
    for row in job.output("per-minute"):
        per_minute[row["camera"], row["label"]] += row["fruits"]
    same(dict(per_minute), bench.all.fruits(lambda body, camera, label: (camera, label)))
    same(job.output("gaps"), [])
    gap = bench.job(bench.all.without(victim["reportId"])).output("gaps")
    number = victim["sequence"]
    same([(row["firstMissing"], row["lastMissing"]) for row in gap], [(number, number)])

    moved = [later(one, hours=1) if one["body"]["sequence"] >= number else one for one in bench.all]
    silent = bench.job(moved)
    last = bench.all.bodies()[-1]["sequence"]
    same({row["lastSequence"] for row in silent.output("silent")}, {number - 1, last})
    rules = sorted(job.used | silent.used)
    same(len(rules), 8)
    return f"4 outputs; of the language replaced: {', '.join(rules)}"


def board_is_a_board(bench):
    """Grafana's own model reads it, and gives all of it back: a key that it does not know would be gone."""
    register_default_plugins()
    board = json.loads((bench.folder / "board.json").read_text())
    read = lambda board: json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
    same(missing_in(read(board), board), [])
    spoilt = json.loads(json.dumps(board))
    spoilt["panels"][0]["gridPosition"] = spoilt["panels"][0].pop("gridPos")
    same(missing_in(read(spoilt), spoilt), ["/panels/0/gridPosition"])
    return f"{len(board['panels'])} panels"


def missing_in(found, wanted, place=""):
    """Where `found` lacks what `wanted` has; more may be in it."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        gone = [f"{place}/{key}" for key in wanted if key not in found]
        both = [key for key in wanted if key in found]
        return gone + [one for key in both for one in missing_in(found[key], wanted[key], f"{place}/{key}")]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(found, wanted))
        return [one for index, (left, right) in pairs for one in missing_in(left, right, f"{place}/{index}")]
    return [] if found == wanted else [place]


CHECKS = [
    ("sums", sums_are_right),
    ("copy counted once", copy_counts_once),
    ("gap shown", gap_shows),
    ("beginning shown", beginning_shows),
    ("late and silent", late_and_silent_show),
    ("stream analytics", job_is_right),
    ("board", board_is_a_board),
]


def main(folder, file):
    bench = Bench(folder, file)
    for name, check in CHECKS:
        try:
            verdict = {"ok": True, "detail": check(bench)}
        except Exception as error:
            traceback.print_exc()
            verdict = {"ok": False, "detail": f"{type(error).__name__}: {error}"[:2000]}
        print(json.dumps({"event": "capability", "name": name, **verdict}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
