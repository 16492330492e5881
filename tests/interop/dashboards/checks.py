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
import re
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


def of_ledger(message, ledger):
    """The message as a module with another ledger would have sent it."""
    body = {**message["body"], "ledger": ledger, "reportId": f"{ledger}-{message['body']['sequence']}"}
    return {**message, "body": body}


def next_after(message, **by):
    """The report that the module sends next, with the same in it."""
    number = message["body"]["sequence"] + 1
    body = {**message["body"], "sequence": number, "reportId": f"{message['body']['ledger']}-{number}"}
    return later({**message, "body": body}, **by)


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
            until = {"until": literal(copied.last() + SECOND)} if file.stem == "boxes" else {}
            same(database.ask(file.stem, **until), right.ask(file.stem, **until))
    rows = database.ask("copies", until=literal(copied.last() + SECOND))
    same([(row["reportId"], row["copies"]) for row in rows], [(bench.victim["reportId"], 2)])

    # A day and more after the first, and seen by a board that shows the last day.
    late = Messages([*bench.all, later(copied[-1], hours=30)])
    since = {"since": literal(late.last() - datetime.timedelta(days=1)), "until": literal(late.last() + SECOND)}
    rows = bench.database(late).ask("copies", **since)
    same([(row["reportId"], row["copies"]) for row in rows], [(bench.victim["reportId"], 2)])
    return f"{bench.victim['reportId']} came twice, after 90 s and after 30 h"


def foreign_is_left_out(bench):
    """Another device of the same hub, whose messages have none of our fields."""
    foreign = {**bench.all[0], "deviceId": "thermometer", "body": {"temperature": 21}}
    messages = [*bench.all, *(later(foreign, seconds=number) for number in range(3))]
    database, right = bench.database(messages), bench.database(bench.all)
    until = {"until": literal(bench.all.last() + SECOND)}
    for file in sorted((bench.folder / "queries").glob("*.kql")):
        when = until if file.stem == "boxes" else {}
        same(database.ask(file.stem, **when), right.ask(file.stem, **when))
    return "3 messages of a thermometer"


def clones_show(bench):
    """A card that was copied after its first start: the same numbers, other counts, from another box."""
    same(bench.database(bench.copied()).ask("clones"), [])
    # Sent once more from the box that its volume went to.
    moved = {**bench.copied()[-1], "deviceId": "box-2"}
    same(bench.database([*bench.all, moved]).ask("clones"), [])
    clone = {**moved, "body": {**moved["body"], "counts": {"ripe": 1000}}}
    rows = bench.database([*bench.all, clone]).ask("clones")
    found = [(row["ledger"], {row["oneDevice"], row["otherDevice"]}, row["reports"]) for row in rows]
    same(found, [(bench.victim["ledger"], {bench.device, "box-2"}, 1)])
    return "another box with the same report"


def moved_ledger_is_one(bench):
    """A volume that went on in another box."""
    number = bench.victim["sequence"]
    messages = Messages(
        {**one, "deviceId": "box-2"} if one["body"]["sequence"] >= number else one for one in bench.all
    )
    database = bench.database(messages)
    totals = messages.bodies()[-1]["totals"]["counts"]
    wanted = {("box-2", label): (0, total, total, 0) for label, total in totals.items()}
    for box in ['"all"', '"box-2"']:
        rows = database.ask("totals", box=box)
        found = {(row["device"], row["label"]): tuple(row[key] for key in TOTALS) for row in rows}
        same(found, wanted)
        same(database.ask("gaps", box=box), [])
    return f"from sequence {number} on in another box"


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


def each_module_of_a_box_shows(bench):
    """Two counting modules on one box: that one lives does not hide that the other is silent. And a ledger
    that another one came after is no alarm."""
    ours, last = bench.all.bodies()[0]["ledger"], bench.all.last()
    two = lambda hours: Messages([*bench.all, *(later(of_ledger(one, "second"), hours=hours) for one in bench.all)])
    state = lambda messages, **by: {
        row["ledger"]: row["state"]
        for row in bench.database(messages).ask("boxes", until=literal(last + datetime.timedelta(**by)))
    }
    first = moment(bench.all[0]["enqueuedAt"])
    # The second began while the first still sent: beside it, and not in its place.
    beside = Messages([*two(0), next_after(of_ledger(bench.all[-1], "second"), hours=1)])
    same(state(beside, hours=1, seconds=1), {ours: "silent", "second": "heard"})
    same(state(two(1), hours=1, seconds=1), {ours: "replaced", "second": "heard"})
    # What a board of the past shows.
    same(state(two(1), minutes=1), {ours: "heard"})
    rows = bench.job(beside).output("silent")
    expect(ours in {row["ledger"] for row in rows}, rows)
    expect(first < last, "more than one report")
    return "silent beside another, and replaced by another"


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
    # A copy that is older than the job remembers, and the next report after it.
    copy, after = later(bench.copied()[-1], hours=30), next_after(bench.all[-1], hours=31)
    same(bench.job([*bench.all, copy, after]).output("gaps"), [])

    moved = [later(one, hours=1) if one["body"]["sequence"] >= number else one for one in bench.all]
    silent = bench.job(moved)
    last = bench.all.bodies()[-1]["sequence"]
    same({row["lastSequence"] for row in silent.output("silent")}, {number - 1, last})
    rules = sorted(job.used | silent.used)
    same(len(rules), 9)
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
    # What Grafana makes of a pattern, and the names that it has for columns of a long table.
    kept = 0
    for panel in board["panels"]:
        for change in panel.get("transformations", []):
            pattern = re.fullmatch(r"/(.*)/", change["options"]["include"]["pattern"])[1]
            columns = bench.database(bench.all).ask(panel["targets"][0]["refId"])[0].keys()
            named = {name: name if name == "windowStart" else f'{name} {{camera="c", device="d"}}' for name in columns}
            found = {name for name, shown in named.items() if re.search(pattern, shown)}
            same(found, {"windowStart", "unsurePercent", "rejectedPercent"})
            kept += 1
    same(kept, 1)
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


SECOND = datetime.timedelta(seconds=1)
TOTALS = ["before", "counted", "total", "lost"]

CHECKS = [
    ("sums", sums_are_right),
    ("copy counted once", copy_counts_once),
    ("foreign left out", foreign_is_left_out),
    ("clones shown", clones_show),
    ("moved ledger", moved_ledger_is_one),
    ("gap shown", gap_shows),
    ("beginning shown", beginning_shows),
    ("late and silent", late_and_silent_show),
    ("each module of a box", each_module_of_a_box_shows),
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
