"""The job for Stream Analytics, on DuckDB. There is no parser for its language that can be had
without Azure; so what is its own in the job is replaced, rule by rule, by what DuckDB has for it, and the
job is run with everything else as it stands. A rule that finds nothing is a failure, and so is a word of the
language that is left over.
"""

import json
import pathlib
import re

import duckdb

# The source and the alias of a SELECT.
FROM = r"FROM \"?(\w+)\"?(?: AS (\w+))?"
LEFT_OVER = r"TIMESTAMP BY|DURATION|GetRecordProperties|CROSS APPLY|System\.|TumblingWindow|DATEDIFF|\[|INTO"


def statements(job):
    """The steps, and each statement by the name of its output."""
    bare = "\n".join(line for line in job.splitlines() if not line.startswith("--"))
    steps, *selects = re.split(r"\n(?=SELECT)", bare)
    outputs = {}
    for select in selects:
        name = re.search(r"INTO \[([\w-]+)\]\n", select)
        outputs[name[1]] = select.replace(name[0], "")
    return steps, outputs


class Job:
    def __init__(self, file, messages):
        self.used = set()
        self.steps, self.outputs = statements(pathlib.Path(file).read_text())
        self.connection = duckdb.connect()
        self.connection.execute(
            'CREATE TABLE hub ("schema" VARCHAR, reportId VARCHAR, ledger VARCHAR, sequence BIGINT, windowStart '
            "TIMESTAMP, lot VARCHAR, cameras JSON, IoTHub STRUCT(ConnectionDeviceId VARCHAR), ts TIMESTAMP)"
        )
        for number, message in enumerate(sorted(messages, key=lambda message: message["enqueuedAt"])):
            body = message["body"]
            names = ["schema", "reportId", "ledger", "sequence", "windowStart", "lot"]
            values = [body.get(name) for name in names]
            values += [json.dumps(body["cameras"]), {"ConnectionDeviceId": message["deviceId"]}]
            # Events of one moment have an order all the same.
            values += [message["enqueuedAt"], number]
            self.connection.execute(
                "INSERT INTO hub VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?::TIMESTAMP + to_microseconds(?))", values
            )

    def replace(self, text, rule, pattern, by):
        text, times = re.subn(pattern, by, text, flags=re.S)
        if times:
            self.used.add(rule)
        return text

    def select(self, text):
        """One SELECT in DuckDB's words. `ts` carries the event's time, which the language keeps unseen."""
        text = self.replace(text, "TIMESTAMP BY", r" TIMESTAMP BY \w+\.EventEnqueuedUtcTime", "")
        text = self.replace(text, "brackets", r"\[([\w-]+)\]", r'"\1"')
        source, alias = re.search(FROM, text).groups()
        alias = alias or source
        text = self.replace(
            text,
            "LAG",
            r"LAG\(\w+\.(\w+)\) OVER \(PARTITION BY \w+\.(\w+) LIMIT DURATION\((\w+), (\d+)\)\)",
            rf"(SELECT max_by(earlier.\1, earlier.ts) FROM {source} AS earlier WHERE earlier.\2 = {alias}.\2 "
            rf"AND earlier.ts < {alias}.ts AND earlier.ts >= {alias}.ts - INTERVAL \4 \3)",
        )
        text = self.replace(
            text,
            "MAX",
            r"MAX\(\w+\.(\w+)\) OVER \(PARTITION BY \w+\.(\w+) LIMIT DURATION\((\w+), (\d+)\)\)",
            rf"(SELECT max(earlier.\1) FROM {source} AS earlier WHERE earlier.\2 = {alias}.\2 "
            rf"AND earlier.ts <= {alias}.ts AND earlier.ts >= {alias}.ts - INTERVAL \4 \3)",
        )
        text = self.replace(
            text,
            "GetRecordProperties",
            r"CROSS APPLY GetRecordProperties\(([\w.]+)\) AS (\w+)",
            r"CROSS JOIN LATERAL (SELECT key AS PropertyName, value AS PropertyValue FROM json_each(\1::JSON)) AS \2",
        )
        text = self.replace(text, "record", r"(\w+\.PropertyValue)\.(\w+)", r"(\1 ->> '$.\2')")
        text = self.replace(text, "DATEDIFF", r"DATEDIFF\(second, (\w+), (\w+)\)", r"date_diff('second', \1.ts, \2.ts)")
        minute = f"time_bucket(INTERVAL 1 minute, {alias}.ts)"
        text = self.replace(text, "TumblingWindow", r"TumblingWindow\(minute, 1\)", minute)
        text = self.replace(text, "System.Timestamp", r"System\.Timestamp\(\)", f"{minute} + INTERVAL 1 minute")
        return text, alias

    def step(self, found):
        text, alias = self.select(found[2])
        return f"{found[1]} AS ({text.replace('SELECT ', f'SELECT {alias}.ts, ', 1)}\n)"

    def output(self, name):
        """The rows that the job writes there, in the end."""
        # A step's own SELECT stands indented, its end is a bracket at the begin of a line.
        steps = re.sub(r"(\w+) AS \((.*?)\n\)", self.step, self.steps, flags=re.S)
        query = f"{steps}\n{self.select(self.outputs[name])[0]}"
        left = re.search(LEFT_OVER, query)
        if left:
            raise AssertionError(f"{left[0]} was not replaced in {query}")
        answer = self.connection.execute(query)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row)) for row in answer.fetchall()]
