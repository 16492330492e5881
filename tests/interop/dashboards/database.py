"""A database as setup.kql makes it, on DuckDB: the table, filled through the ingestion mapping from
what an IoT Hub delivers, the view and the functions. The Kusto texts are translated by duckdb-kql as
they stand; nothing is written a second time here.
"""

import json
import pathlib
import re

import duckdb_kql

TYPES = {"string": "VARCHAR", "long": "BIGINT", "datetime": "TIMESTAMP", "dynamic": "JSON"}


def commands(script):
    """Each begins with a dot at the begin of a line."""
    bare = "\n".join(line for line in script.splitlines() if not line.startswith("//"))
    return [command.strip() for command in re.split(r"\n(?=\.)", bare) if command.strip()]


def the_one(commands, pattern):
    found = [match for match in (re.search(pattern, text, re.S) for text in commands) if match]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} commands of setup.kql match {pattern}")
    return found[0]


def delivered(message):
    """The record that a data connection of an IoT Hub ingests: the body and system properties."""
    return {
        **message["body"],
        "iothub-enqueuedtime": message["enqueuedAt"],
        "iothub-connection-device-id": message["deviceId"],
    }


def at(record, path):
    """What `$.name` or `$['name']` leads to."""
    name = re.fullmatch(r"\$(?:\.(\w+)|\['([\w-]+)'\])", path)
    if not name:
        raise AssertionError(f"the path {path} is not read here")
    return record.get(name[1] or name[2])


class Database:
    def __init__(self, folder, messages):
        self.folder = pathlib.Path(folder)
        all_commands = commands((self.folder / "setup.kql").read_text())
        self.connection = duckdb_kql.connect()
        self.fill(all_commands, messages)
        view = the_one(all_commands, r"^\.create-or-alter materialized-view .*?\) (\w+) on table \w+\n\{(.*)\}$")
        duckdb_kql.kql(self.connection, f".set-or-replace {view[1]} <| {view[2]}")
        duckdb_kql.set_functions([text for text in all_commands if text.startswith(".create-or-alter function")])

    def fill(self, all_commands, messages):
        table = the_one(all_commands, r"^\.create-merge table (\w+) \((.*)\)$")
        columns = dict(column.split(": ") for column in table[2].split(", "))
        declared = ", ".join(f'"{name}" {TYPES[kind]}' for name, kind in columns.items())
        self.connection.execute(f'CREATE TABLE "{table[1]}" ({declared})')
        mapping = the_one(all_commands, rf"^\.create-or-alter table {table[1]} ingestion json mapping .*?```(.*)```")
        paths = {entry["column"]: entry["Properties"]["Path"] for entry in json.loads(mapping[1])}
        if paths.keys() != columns.keys():
            raise AssertionError(f"the mapping has {sorted(paths)}, the table {sorted(columns)}")
        rows = [
            [value(kind, at(delivered(message), paths[name])) for name, kind in columns.items()]
            for message in messages
        ]
        places = ", ".join("?" * len(columns))
        self.connection.executemany(f'INSERT INTO "{table[1]}" VALUES ({places})', rows)

    def ask(self, name, **changes):
        """Runs a file of queries/, with other values for its `let` lines; its rows."""
        text = (self.folder / "queries" / f"{name}.kql").read_text()
        for key, other in changes.items():
            text, times = re.subn(rf"(?m)^let {key} = .*;$", f"let {key} = {other};", text)
            if times != 1:
                raise AssertionError(f"{name}.kql has {times} lines `let {key}`")
        answer = duckdb_kql.query(self.connection, text)
        return [dict(zip(answer.columns, row)) for row in answer.fetchall()]


def value(kind, found):
    if kind == "dynamic":
        return json.dumps(found)
    # Kusto has no null among strings.
    return "" if kind == "string" and found is None else found
