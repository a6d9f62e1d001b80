"""Runs the live tests on several engines, clients and builders, and writes what passes where to ``docs/engines.md``.

    sudo .venv/bin/python -m tests.matrix                # all cells, one after the other; about 20 minutes each
    sudo .venv/bin/python -m tests.matrix 28.5-containerd
    sudo .venv/bin/python -m tests.matrix 28.5 26.1 --only lifecycle,checks
    .venv/bin/python -m tests.matrix 20.10 --reports FOLDER    # runs nothing; what an ordinary run left there

The engines are unpacked into a cache folder, not installed (``tests.engines``). Each column of a cell is noted with the
commit and the engine that it was measured with; what was not run, or not run to its end, keeps what was noted before.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tests import engines, own_engine, podman_engine

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "engines.md"
README = ROOT / "README.md"
RESULTS = ROOT / "docs" / "engines.json"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dockerlearn-engines"


class Cell(msgspec.Struct, frozen=True):
    """An engine with a store, and a client with a builder; both from ``tests.engines`` or installed."""

    engine: str
    store: str
    client: str
    builder: str


PODMAN = "podman"
"""The cell of Podman's API, which is the distribution's; what is not for it ``tests.podman_engine`` says."""

CELLS = {
    "20.10": Cell("20.10", "overlay2", "20.10", "legacy"),
    "20.10-buildkit": Cell("20.10", "overlay2", "28.5", "BuildKit"),
    "26.1": Cell("26.1", "overlay2", "26.1", "BuildKit"),
    "28.5-legacy": Cell("28.5", "overlay2", "28.5", "legacy"),
    "28.5": Cell("28.5", "overlay2", "28.5", "BuildKit"),
    "28.5-containerd": Cell("28.5", "containerd", "28.5", "BuildKit"),
    PODMAN: Cell("Podman 4.3", "overlay", "28.5", "Podman's"),
}

NEWEST_GRAPH, NEWEST_CONTAINERD = NEWEST = ("28.5", "28.5-containerd")
"""The cells of the newest engine, on which the ordinary run of the tests goes through the course, too."""

HEAD = """\
What the live tests and the proofs of the lessons came to on each engine, by `python -m tests.matrix`, which is run by
hand. Every ordinary run of the tests has the live tests on the engine of the distribution (20.10 on Debian 12); on 28.5
with BuildKit a sample of the checks with both stores, with containerd's store the proof of every step of every lesson,
with the other one each lesson from its start to its end and the proof of a step of each that builds; and on Podman the
first lesson and the checks, less what is left out there (below).
""".splitlines()

INSTALLED = Path("/usr/bin")
"""Where the distribution's own client and engine are; ``dockerd`` is in the ``sbin`` that follows on PATH."""

GROUPS = {
    "checks": ("checks", "nouns", "subjects", "reach", "events", "watch", "stress"),
    "diagnoses, advice": ("diagnoses", "advice"),
    "engines, doctor": ("client", "offline", "ssh", "doctor"),
    "set-up, ledger, safety": ("setup", "ledger", "safety", "shared", "lessons"),
}
"""Columns beside the lessons, and the files of the tests in each."""


class Failed(msgspec.Struct, frozen=True):
    """A test that did not pass, and why, in a line."""

    test: str
    why: str


class Column(msgspec.Struct):
    """What a group of tests came to: how many passed, which did not; and when, on which commit and engine it was.

    ``thorough`` says that the proofs played the prover's own cheats, too.
    """

    on: str = ""
    commit: str = ""
    engine: str = ""
    thorough: bool = False
    passed: int = 0
    failed: list[Failed] = []


Rows = dict[str, dict[str, Column]]
"""What was measured, by cell and column."""


def environment(cell: Cell, folder: Path, say: Callable[[str], None]) -> dict[str, str]:
    """What tells the tests to use a cell's programs, fetched at the first use; ``folder`` is for links to them.

    Raises ``engines.NotFetched``.
    """
    programs = folder / "bin"
    programs.mkdir(parents=True)
    found = dict.fromkeys(engines.PROGRAMS, cell.engine) | {"docker": cell.client}
    for name, release in found.items():
        if release in engines.SUITES:
            (programs / name).symlink_to((engines.fetch(release, CACHE, say) / name).resolve())
        elif name == "docker":
            (programs / name).symlink_to(INSTALLED / name)
    told = {own_engine.PROGRAMS: str(programs), own_engine.STORE: cell.store}
    if cell.builder == "BuildKit":
        told[own_engine.PLUGINS] = str(CACHE / cell.client / engines.PLUGINS)
    if cell is CELLS[PODMAN]:
        told[own_engine.ENGINE] = PODMAN
    return told


def described(cell: Cell, told: Mapping[str, str]) -> str:
    """Say what a cell is, with the version of the engine that was found for it."""
    builder = "" if told.get(own_engine.ENGINE) == PODMAN else f", {cell.builder}"
    return f"engine {engine_of(told)}, {cell.store}, client {cell.client}{builder}"


def engine_of(told: Mapping[str, str]) -> str:
    """Return the version of the engine that was found for a cell."""
    if told.get(own_engine.ENGINE) == PODMAN:
        done = subprocess.run(["podman", "--version"], capture_output=True, text=True, check=False)
        return done.stdout.strip() or "Podman"
    programs = Path(told[own_engine.PROGRAMS])
    return engines.version(programs if (programs / "dockerd").exists() else INSTALLED.parent / "sbin")


def run(name: str, columns: Sequence[str], *, thorough: bool, pytest: Sequence[str] = ()) -> dict[str, Column]:
    """Run some columns of a cell; return those of which every file was run to its end."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        reports = folder / "reports"
        reports.mkdir()
        files = {column: [file for file in files_of(column) if file.exists()] for column in columns}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            *(str(file) for some in files.values() for file in some),
            *pytest,
        ]
        told = environment(CELLS[name], folder, say) | {own_engine.REPORTS: str(reports)}
        if thorough:
            told[own_engine.THOROUGH] = "1"
        engine, on, commit = engine_of(told), datetime.now(UTC).date().isoformat(), _commit()
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, **told}, check=False).returncode
        if code not in {0, 1}:
            say(f"{name}: the tests were not run to their end (exit code {code}); nothing is noted")
            return {}
        found = whole(name, columns, reports)
    for summed in found.values():
        summed.on, summed.commit, summed.engine, summed.thorough = on, commit, engine, thorough
    return found


def ordinary(name: str, columns: Sequence[str], reports: Path) -> dict[str, Column]:
    """Return what an ordinary run of this checkout left in a folder (``own_engine.REPORTS``) of some columns of a cell.

    The cell is that of the engine and the client that were found on PATH then, which whoever calls this must know.
    """
    with tempfile.TemporaryDirectory() as scratch:
        engine = engine_of(environment(CELLS[name], Path(scratch), say))
    latest = max((report.stat().st_mtime for report in reports.glob("*.xml")), default=0.0)
    found = whole(name, columns, reports)
    for summed in found.values():
        summed.on, summed.commit, summed.engine = str(datetime.fromtimestamp(latest, UTC).date()), _commit(), engine
    return found


def whole(name: str, columns: Sequence[str], reports: Path) -> dict[str, Column]:
    """Sum up the reports by column, and return those columns of which every file was run."""
    found, seen = read(reports)
    files = {column: {file.stem for file in files_of(column) if file.exists()} for column in columns}
    complete = [column for column in columns if column in found and files[column] <= seen]
    for column in columns:
        if column not in complete:
            say(f"{name}, {column}: not all of it was run; not noted")
    return {column: found[column] for column in complete}


def read(reports: Path) -> tuple[dict[str, Column], set[str]]:
    """Sum up the JUnit files of a folder, by column; and tell which files of tests are in them.

    What an ordinary run did on other engines is left out: it is a part of those files.
    """
    columns: dict[str, Column] = {}
    seen: set[str] = set()
    for report in sorted(reports.glob("*.xml")):
        if report.name.startswith(own_engine.ON_OTHERS):
            continue
        for case in ElementTree.parse(report).iter("testcase"):
            module = case.get("classname", "")
            seen.update(part for part in module.split(".") if part.startswith("test_"))
            column = columns.setdefault(column_of(module), Column())
            wrong = next((found for kind in ("failure", "error") if (found := case.find(kind)) is not None), None)
            if wrong is None:
                column.passed += 1
            else:
                column.failed.append(Failed(case.get("name", ""), _line(wrong.get("message", ""))))
    return columns, seen


def _line(message: str, width: int = 300) -> str:
    """A failure's message in one line that a table's reader can take in."""
    words = " ".join(message.split())
    return words if len(words) <= width else f"{words[: width - 1]}…"


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "dockerlearn", "lessons", "tests")
    return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


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


def columns_of() -> list[str]:
    """The columns of the table."""
    return [*GROUPS, *(lesson.replace("_", "-") for lesson in lessons())]


def files_of(column: str) -> list[Path]:
    """The files of the tests in a column."""
    names = GROUPS.get(column, (column.replace("-", "_"),))
    return [ROOT / "tests" / "live" / f"test_{name}_live.py" for name in names]


def chosen(words: str) -> list[str]:
    """Return the columns that some words name, which are lessons, groups or files of a group.

    >>> chosen("lifecycle,doctor")
    ['engines, doctor', 'lifecycle']
    """
    wanted = [word.strip() for word in words.split(",")]
    named = {column: {*column.split(", "), *GROUPS.get(column, ())} for column in columns_of()}
    if unknown := [word for word in wanted if not any(word in names for names in named.values())]:
        raise ValueError(f"there is no column {', '.join(unknown)}; there are {'; '.join(named)}")
    return [column for column, names in named.items() if names & set(wanted)]


def table(rows: Rows) -> str:
    """Return the text of ``docs/engines.md``."""
    names = columns_of()
    lines = [
        "# Engines",
        "",
        *HEAD,
        "",
        "| engine | store | client | builder | " + " | ".join(names) + " |",
        "|---" * (4 + len(names)) + "|",
    ]
    failed: list[str] = []
    when: list[str] = []
    for name, cell in CELLS.items():
        row = rows.get(name, {})
        told = [cell.engine, cell.store, cell.client, cell.builder]
        runs: dict[str, list[str]] = {}
        for column in names:
            seen = row.get(column)
            if seen is None:
                told.append("not run")
                continue
            total = len(seen.failed) + seen.passed
            told.append(f"{len(seen.failed)} of {total} fail" if seen.failed else f"{seen.passed} pass")
            failed += [f"- {name}, {column}: {_told(one, of_podman=name == PODMAN)}" for one in seen.failed]
            cheats = ", with the prover's own cheats" if seen.thorough else ""
            runs.setdefault(f"engine {seen.engine}, {seen.on}, commit {seen.commit}{cheats}", []).append(column)
        lines.append("| " + " | ".join(told) + " |")
        when += [f"- {name}: {run}: {'; '.join(columns)}" for run, columns in runs.items()]
    lines += ["", "Run:", "", *(when or ["- nothing yet"])]
    if failed:
        lines += ["", "Failed:", "", *failed]
    lines += ["", "Left out on Podman, and why (`tests/podman_engine.py` says which tests):", ""]
    lines += [f"- {why}: {len(names)} test{'s' * (len(names) > 1)}" for why, names in podman_engine.EXCLUDED.items()]
    return "\n".join(lines) + "\n"


def _told(failed: Failed, *, of_podman: bool) -> str:
    """Say which test failed and why: what is known of Podman, or the message."""
    known = podman_engine.known(failed.test, failed.why) if of_podman else ""
    message = _escaped(failed.why)
    return f"`{failed.test}`: " + (f"{known}. ({message})" if known else message)


def summary(rows: Rows) -> str:
    """Return the table of ``README.md``: of each engine how many of its tests passed, and what of it was run."""
    names = columns_of()
    lines = ["| engine | store | client | builder | live tests | on |", "|---|---|---|---|---|---|"]
    for name, cell in CELLS.items():
        seen = [column for one in names if (column := rows.get(name, {}).get(one)) is not None]
        failed = sum(len(column.failed) for column in seen)
        total = failed + sum(column.passed for column in seen)
        told = [f"{total} passed" if not failed else f"{failed} of {total} failed"] if seen else []
        if len(seen) < len(names):
            told.append("not run" if not seen else f"{len(names) - len(seen)} of {len(names)} groups not run")
        on = max((column.on for column in seen), default="")
        lines.append("| " + " | ".join([*msgspec.structs.astuple(cell), ", ".join(told), on]) + " |")
    return "\n".join(lines) + "\n"


def in_readme(readme: str, rows: Rows) -> str:
    """Return the README with the summary of these rows in its place."""
    before, start, rest = readme.partition(_START)
    _, end, after = rest.partition(_END)
    if not end:
        raise ValueError(f"the README has no place for the table, {_START} to {_END}")
    return f"{before}{start}\n{summary(rows)}{end}{after}"


_START, _END = "<!-- engines -->", "<!-- /engines -->"


def write(rows: Rows) -> None:
    """Write down the tables of what was measured."""
    TABLE.write_text(table(rows))
    README.write_text(in_readme(README.read_text(), rows))


def _escaped(text: str) -> str:
    """Text as it is, in Markdown."""
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", text)


def say(line: str) -> None:
    """Tell how far it is."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cells that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__.splitlines()[0])
    parser.add_argument("cells", nargs="*", metavar="CELL", help=", ".join(CELLS))
    parser.add_argument("--only", metavar="COLUMN,…", help="only these columns: lessons, groups, or files of a group")
    parser.add_argument("--thorough", action="store_true", help="let the proofs play the prover's own cheats, too")
    parser.add_argument("-k", dest="some", help="only tests that pytest's -k chooses; nothing is written")
    parser.add_argument(
        "--reports", type=Path, metavar="FOLDER", help="run nothing; note what an ordinary run left there"
    )
    parser.add_argument("--table", action="store_true", help="run nothing; write the table of what was measured anew")
    told = parser.parse_args(arguments)
    if unknown := [name for name in told.cells if name not in CELLS]:
        parser.error(f"there is no cell {', '.join(unknown)}")
    try:
        columns = chosen(told.only) if told.only else columns_of()
    except ValueError as wrong:
        parser.error(str(wrong))
    if told.reports and len(told.cells) != 1:
        parser.error("--reports wants one cell: that of the engine and the client that the run found")
    if told.table:
        write(load())
        return 0
    failed = False
    for name in told.cells or CELLS:
        say(f"=== {name}")
        try:
            if told.reports:
                found = ordinary(name, columns, told.reports)
            else:
                found = run(name, columns, thorough=told.thorough, pytest=["-k", told.some] if told.some else [])
        except engines.NotFetched as reason:
            say(f"{name} could not be run: {reason}")
            failed = True
            continue
        failed = failed or len(found) < len(columns) or any(column.failed for column in found.values())
        if told.some or not found:
            continue
        rows = load()  # another run may have noted something meanwhile
        rows.setdefault(name, {}).update(found)
        RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(rows, order="sorted"), indent=1) + b"\n")
        write(rows)
    return int(failed)


def load() -> Rows:
    """Read what was measured."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=Rows) if RESULTS.exists() else {}


if __name__ == "__main__":
    sys.exit(main())
