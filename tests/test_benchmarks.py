"""The benchmarks can be imported, and what they make of numbers is right. Nothing is measured here."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks import __main__, figures
from benchmarks.learner import LESSON, make_pack
from benchmarks.measure import Change, Cost, Figure, Plain, Program, Row, Spread, broken, by_turns, ratios, run, table
from dockerlearn.course.packs import open_pack


def costs(*walls: float, cpu: float = 0.5) -> list[Cost]:
    return [Cost(wall, wall * cpu) for wall in walls]


def test_the_spread() -> None:
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)
    assert Spread.of([5.0, 1.0, 3.0, 2.0, 4.0]) == Spread(2.0, 3.0, 4.0)


def test_ratios_are_those_of_pairs() -> None:
    """A machine that is slow for a while slows both of a pair."""
    assert ratios([2.0, 20.0, 200.0], [1.0, 10.0, 100.0]) == Spread(2.0, 2.0, 2.0)
    with pytest.raises(ValueError, match="no pairs"):
        ratios([1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("ours", "bound", "holds"), [(1.4, 1.4, True), (1.5, 1.4, False), (99.0, None, None), (0.1, 1.4, True)]
)
def test_a_bound(ours: float, bound: float | None, holds: bool | None) -> None:
    figure = Figure("x", costs(ours, ours, ours * 50), costs(1.0, 1.0, 1.0), bound)
    assert figure.holds is holds
    assert broken([figure]) == (["x"] if holds is False else [])


@pytest.mark.parametrize(("after", "holds"), [(2.1, True), (2.3, False)])
def test_a_change(after: float, holds: bool) -> None:
    base = costs(1.0, 1.0)
    change = Change("y", Figure("", costs(2.0, 2.0), base, None), Figure("", costs(after, after), base, None), 1.1)
    assert change.holds is holds
    assert broken([change]) == ([] if holds else ["y"])


def test_the_table() -> None:
    held = Figure("check step", costs(0.2, 0.3, 0.4), costs(0.1, 0.2, 0.2), 2.5)
    rows: list[Row] = [
        held,
        held._replace(name="hint", bound=1.0),
        Plain("open the store", "1.0 ms"),
        Change("flat", held, held, 1.1),
    ]
    lines = table(rows).splitlines()
    assert [line.split()[-1] for line in lines[1:4]] == ["holds", "BROKEN", "holds"]
    assert lines[1].split()[2:] == [
        "300.0",
        "ms",
        "200.0",
        "ms",
        "2.00",
        "1.75–2.00",
        "2.00",
        "1.75–2.00",
        "2.50",
        "holds",
    ]
    assert lines[3].split() == ["flat", "1.00", "1.00", "1.10", "holds"]
    assert lines[4:] == ["", "open the store: 1.0 ms"]
    assert broken(rows) == ["hint"]


def test_running_a_program_and_what_it_took() -> None:
    code = "import os, sys, time\nend = time.process_time() + 0.05\nwhile time.process_time() < end: pass\nsys.exit(3)"
    program = Program([sys.executable, "-c", code], dict(os.environ), 3)
    found = run(program)
    assert found.cpu > 0.04
    assert found.cpu < found.wall * 1.5
    with pytest.raises(RuntimeError, match="ended with 3, not with 0"):
        run(program._replace(code=0))


def test_by_turns(tmp_path: Path) -> None:
    """Once each to get warm, then pairs, each second one the other way round; what is done before is not measured."""
    told = tmp_path / "told"
    one, two = (
        Program(["/bin/sh", "-c", f"echo {word} >> {told}"], dict(os.environ), before=lambda: told.open("a").write("."))
        for word in "ab"
    )
    found = by_turns([one, two], 2)
    assert [len(costs) for costs in found] == [2, 2]
    assert told.read_text().split() == [".a", ".b", ".a", ".b", ".b", ".a"]


def test_a_pack_to_measure_with(tmp_path: Path) -> None:
    pack = open_pack(make_pack(tmp_path / "pack", 3))
    assert pack.lessons == (LESSON, "topic-0001", "topic-0002")
    assert len(pack.outlines()) == 3


def test_a_group_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        __main__.main(["--quick", "chekc"])
    assert caught.value.code == 2
    assert "no such group: chekc" in capsys.readouterr().err
    assert set(figures.GROUPS) >= {"check", "start-up", "lessons", "containers"}
