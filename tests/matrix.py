"""Runs the live tests on several engines, clients and builders, and writes what passes where to ``docs/engines.md``.

    sudo .venv/bin/python -m tests.matrix                # all cells, one after the other; about 20 minutes each
    sudo .venv/bin/python -m tests.matrix 28.5-containerd

The engines are unpacked into a cache folder, not installed (``tests.engines``). A cell that was not run keeps its row.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tests import engines, own_engine

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "engines.md"
RESULTS = ROOT / "docs" / "engines.json"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dockerlearn-engines"


class Cell(msgspec.Struct, frozen=True):
    """An engine with a store, and a client with a builder; both from ``tests.engines`` or installed."""

    engine: str
    store: str
    client: str
    builder: str


CELLS = {
    "20.10": Cell("20.10", "overlay2", "20.10", "legacy"),
    "20.10-buildkit": Cell("20.10", "overlay2", "28.5", "BuildKit"),
    "26.1": Cell("26.1", "overlay2", "26.1", "BuildKit"),
    "28.5-legacy": Cell("28.5", "overlay2", "28.5", "legacy"),
    "28.5": Cell("28.5", "overlay2", "28.5", "BuildKit"),
    "28.5-containerd": Cell("28.5", "containerd", "28.5", "BuildKit"),
}

INSTALLED = Path("/usr/bin")
"""Where the distribution's own client and engine are; ``dockerd`` is in the ``sbin`` that follows on PATH."""

GROUPS = {
    "checks": ("checks", "nouns", "reach", "events", "watch", "stress"),
    "diagnoses, advice": ("diagnoses", "advice"),
    "engines, doctor": ("client", "ssh", "doctor"),
    "set-up, ledger, safety": ("setup", "ledger", "safety", "shared", "lessons"),
}
"""Columns beside the lessons, and the files of the tests in each."""


class Column(msgspec.Struct):
    """What a group of tests came to: how many passed, and the names of those that did not."""

    passed: int = 0
    failed: list[str] = []


class Row(msgspec.Struct):
    """What a cell came to, when, and on which commit."""

    on: str
    commit: str
    columns: dict[str, Column]


def environment(cell: Cell, folder: Path) -> dict[str, str]:
    """What tells the tests to use a cell's programs; ``folder`` is for links to them."""
    programs = folder / "bin"
    programs.mkdir()
    found = dict.fromkeys(engines.PROGRAMS, cell.engine) | {"docker": cell.client}
    for name, release in found.items():
        if release in engines.SUITES:
            (programs / name).symlink_to((engines.fetch(release, CACHE, say) / name).resolve())
        elif name == "docker":
            (programs / name).symlink_to(INSTALLED / name)
    told = {own_engine.PROGRAMS: str(programs), own_engine.STORE: cell.store}
    if cell.builder == "BuildKit":
        told[own_engine.PLUGINS] = str(CACHE / cell.client / engines.PLUGINS)
    return told


def run(name: str, pytest: Sequence[str] = ()) -> Row:
    """Run a cell's tests."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        reports = folder / "reports"
        reports.mkdir()
        files = [f"tests/live/test_{file}_live.py" for file in (*sum(GROUPS.values(), ()), *lessons())]
        command = [sys.executable, "-m", "pytest", "-q", *(file for file in files if (ROOT / file).exists()), *pytest]
        told = environment(CELLS[name], folder) | {own_engine.REPORTS: str(reports), own_engine.THOROUGH: "1"}
        subprocess.run(command, cwd=ROOT, env={**os.environ, **told}, check=False)
        columns = read(reports)
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return Row(datetime.now(UTC).date().isoformat(), git.stdout.strip(), columns)


def read(reports: Path) -> dict[str, Column]:
    """Sum up the JUnit files of a folder, by column."""
    columns: dict[str, Column] = {}
    for report in sorted(reports.glob("*.xml")):
        for case in ElementTree.parse(report).iter("testcase"):
            column = columns.setdefault(column_of(case.get("classname", "")), Column())
            if case.find("failure") is None and case.find("error") is None:
                column.passed += 1
            else:
                column.failed.append(case.get("name", ""))
    return columns


def column_of(module: str) -> str:
    """Return the column of a test, by its module.

    >>> column_of("tests.live.test_multi_stage_live"), column_of("tests.live.test_ledger_live")
    ('multi-stage', 'set-up, ledger, safety')
    """
    found = re.search(r"test_(\w+)_live", module)
    word = found.group(1) if found else module
    return next((group for group, files in GROUPS.items() if word in files), word.replace("_", "-"))


def lessons() -> tuple[str, ...]:
    """The lessons of the pack, as their tests' files are called."""
    from dockerlearn.course.packs import open_pack

    return tuple(lesson.replace("-", "_") for lesson in open_pack().lessons)


def table(rows: Mapping[str, Row]) -> str:
    """Return the text of ``docs/engines.md``."""
    names = [*GROUPS, *(lesson.replace("_", "-") for lesson in lessons())]
    lines = [
        "# Engines",
        "",
        "What the live tests and the proofs of the lessons came to on each engine, by `python -m tests.matrix`.",
        "",
        "| engine | store | client | builder | " + " | ".join(names) + " |",
        "|---" * (4 + len(names)) + "|",
    ]
    notes: list[str] = []
    for name, cell in CELLS.items():
        row = rows.get(name)
        told = [cell.engine, cell.store, cell.client, cell.builder]
        for column in names:
            seen = row.columns.get(column) if row is not None else None
            if seen is None:
                told.append("not run")
            elif seen.failed:
                told.append(f"{len(seen.failed)} of {len(seen.failed) + seen.passed} fail")
                notes += [f"- {name}, {column}: `{failed}`" for failed in seen.failed]
            else:
                told.append(f"{seen.passed} pass")
        lines.append("| " + " | ".join(told) + " |")
    when = [f"- {name}: {row.on}, commit {row.commit}" for name, row in rows.items() if name in CELLS]
    lines += ["", "Run:", "", *when]
    if notes:
        lines += ["", "Failed:", "", *notes]
    return "\n".join(lines) + "\n"


def say(line: str) -> None:
    """Tell how far it is."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cells that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__.splitlines()[0])
    parser.add_argument("cells", nargs="*", metavar="CELL", help=", ".join(CELLS))
    parser.add_argument("-k", dest="chosen", help="only tests that pytest's -k chooses; nothing is written")
    parser.add_argument("--table", action="store_true", help="run nothing; write the table of what was measured anew")
    told = parser.parse_args(arguments)
    if unknown := [name for name in told.cells if name not in CELLS]:
        parser.error(f"there is no cell {', '.join(unknown)}")
    rows = msgspec.json.decode(RESULTS.read_bytes(), type=dict[str, Row]) if RESULTS.exists() else {}
    if told.table:
        TABLE.write_text(table(rows))
        return 0
    failed = False
    for name in told.cells or CELLS:
        say(f"=== {name}")
        row = run(name, ["-k", told.chosen] if told.chosen else [])
        failed = failed or any(column.failed for column in row.columns.values()) or not row.columns
        if told.chosen:
            continue
        rows[name] = row
        RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n")
        TABLE.write_text(table(rows))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
