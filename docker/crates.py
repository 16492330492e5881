"""Reads which crates are linked into the program, as docker/made_of.sh has left them."""

from typing import NamedTuple


class Crate(NamedTuple):
    name: str
    version: str
    # An SPDX expression, or nothing.
    licence: str
    # A crate of this repository, and of no registry.
    is_ours: bool


def linked(made_of):
    """Each once, in cargo's order: the program comes first. A line is `bytes v1.0.0|MIT`; our own crates
    have their folder before the bar."""
    crates = {}
    for line in (made_of / "crates.txt").read_text().splitlines():
        # Cargo marks what it listed before.
        package, _, licence = line.removesuffix(" (*)").partition("|")
        name, version, *folder = package.split()
        # Old crates write `MIT/Apache-2.0`, which is not an expression.
        crate = Crate(name, version.removeprefix("v"), licence.replace("/", " OR "), bool(folder))
        crates.setdefault((crate.name, crate.version), crate)
    return list(crates.values())
