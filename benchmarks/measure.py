"""Measuring programs by turns, and what the numbers say; nothing in here knows what is measured."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Cost(NamedTuple):
    """What one run took, in seconds. ``cpu`` is user and system time, that of children included."""

    wall: float
    cpu: float


Costs = Sequence[Cost]


class Program(NamedTuple):
    """A program to run: its arguments, its whole environment, and the code it must end with.

    ``before`` is called before each run and not measured.
    """

    arguments: list[str]
    environment: Mapping[str, str]
    code: int = 0
    before: Callable[[], object] | None = None


class Spread(NamedTuple):
    """A median and the quartiles around it."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return that of ``values``, of which there is at least one."""
        if len(values) < 2:
            return cls(values[0], values[0], values[0])
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(low, middle, high)


class Figure(NamedTuple):
    """One line of the table: what ``ours`` costs in terms of ``base``; ``bound`` None is told and not judged."""

    name: str
    ours: Costs
    base: Costs
    bound: float | None

    @property
    def wall(self) -> Spread:
        """The ratios of the pairs, by the clock."""
        return ratios([cost.wall for cost in self.ours], [cost.wall for cost in self.base])

    @property
    def cpu(self) -> Spread:
        """The ratios of the pairs, by processor time."""
        return ratios([cost.cpu for cost in self.ours], [cost.cpu for cost in self.base])

    @property
    def holds(self) -> bool | None:
        """Whether the median by the clock is within the bound; None when there is none."""
        return None if self.bound is None else self.wall.middle <= self.bound


class Change(NamedTuple):
    """What became of a figure when something else changed: a ratio of two figures against the same base."""

    name: str
    before: Figure
    after: Figure
    bound: float

    @property
    def wall(self) -> float:
        """How much the median by the clock grew."""
        return self.after.wall.middle / self.before.wall.middle

    @property
    def cpu(self) -> float:
        """How much the median by processor time grew."""
        return self.after.cpu.middle / self.before.cpu.middle

    @property
    def holds(self) -> bool:
        """Whether it grew by no more than the bound, by the clock."""
        return self.wall <= self.bound


class Added(NamedTuple):
    """What ours takes more than the base, by the clock, in medians; ``bound`` in seconds."""

    name: str
    ours: Sequence[float]
    base: Sequence[float]
    bound: float

    @property
    def seconds(self) -> float:
        """The difference of the medians."""
        return statistics.median(self.ours) - statistics.median(self.base)

    @property
    def holds(self) -> bool:
        """Whether it is within the bound."""
        return self.seconds <= self.bound


class Delay(NamedTuple):
    """How long something takes by the clock; ``bound`` in seconds is for the median."""

    name: str
    seconds: Sequence[float]
    bound: float

    @property
    def middle(self) -> float:
        """The median."""
        return statistics.median(self.seconds)

    @property
    def holds(self) -> bool:
        """Whether it is within the bound."""
        return self.middle <= self.bound


class Plain(NamedTuple):
    """Something told and not judged, such as a time within a process."""

    name: str
    text: str


Row = Figure | Change | Added | Delay | Plain


def ratios(ours: Sequence[float], base: Sequence[float]) -> Spread:
    """Return the spread of the ratios of pairs.

    >>> ratios([2.0, 6.0, 4.0], [1.0, 2.0, 1.0])
    Spread(low=2.5, middle=3.0, high=3.5)
    """
    if len(ours) != len(base):
        raise ValueError(f"{len(ours)} of ours and {len(base)} of the base are no pairs")
    return Spread.of([one / other for one, other in zip(ours, base, strict=True)])


def run(program: Program) -> Cost:
    """Run a program once with its output thrown away. Raises ``RuntimeError`` when it ends with another code."""
    if program.before is not None:
        program.before()
    began = time.perf_counter()
    pid = os.posix_spawn(
        program.arguments[0],
        program.arguments,
        program.environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    if code != program.code:
        raise RuntimeError(f"{' '.join(program.arguments)} ended with {code}, not with {program.code}")
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def by_turns(programs: Sequence[Program], times: int) -> list[list[Cost]]:
    """Run programs by turns, each ``times`` times after once to get warm, every other round in the opposite order."""
    costs: list[list[Cost]] = [[] for _ in programs]
    for program in programs:
        run(program)
    for turn in range(times):
        numbers = range(len(programs))
        for number in numbers if turn % 2 == 0 else reversed(numbers):
            costs[number].append(run(programs[number]))
    return costs


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table, with medians in milliseconds and quartiles of the ratios."""
    head = ("figure", "ours", "base", "wall", "quartiles", "cpu", "quartiles", "bound", "")
    cells = [head, *(_cells(row) for row in rows if not isinstance(row, Plain))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if number in {0, len(head) - 1} else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    plain = [f"{row.name}: {row.text}" for row in rows if isinstance(row, Plain)]
    return "\n".join([*lines, *([""] if plain else []), *plain])


def broken(rows: Sequence[Row]) -> list[str]:
    """Return the names of the figures whose bound does not hold."""
    return [row.name for row in rows if not isinstance(row, Plain) and row.holds is False]


def milliseconds(seconds: float) -> str:
    """Return a time as it stands in the table.

    >>> milliseconds(0.0123), milliseconds(1.5)
    ('12.3 ms', '1500.0 ms')
    """
    return f"{seconds * 1000:.1f} ms"


def ninety_ninth(seconds: Sequence[float]) -> float:
    """The 99th percentile.

    >>> ninety_ninth(range(1, 101))
    99
    """
    return sorted(seconds)[max(round(len(seconds) * 0.99) - 1, 0)]


def _cells(row: Figure | Change | Added | Delay) -> tuple[str, ...]:
    if isinstance(row, Delay):
        rare = f"p99 {milliseconds(ninety_ninth(row.seconds))}"
        verdict = "holds" if row.holds else "BROKEN"
        return (row.name, milliseconds(row.middle), "", "", rare, "", "", milliseconds(row.bound), verdict)
    if isinstance(row, Added):
        ours, base, more, bound = (
            milliseconds(seconds)
            for seconds in (statistics.median(row.ours), statistics.median(row.base), row.seconds, row.bound)
        )
        rare = " to ".join(milliseconds(ninety_ninth(taken)) for taken in (row.ours, row.base))
        return (row.name, ours, base, f"+{more}", f"p99 {rare}", "", "", bound, "holds" if row.holds else "BROKEN")
    if isinstance(row, Change):
        verdict = "holds" if row.holds else "BROKEN"
        return (row.name, "", "", f"{row.wall:.2f}", "", f"{row.cpu:.2f}", "", f"{row.bound:.2f}", verdict)
    ours, base = (milliseconds(statistics.median(cost.wall for cost in costs)) for costs in (row.ours, row.base))
    verdict = {True: "holds", False: "BROKEN", None: ""}[row.holds]
    return (
        row.name,
        ours,
        base,
        f"{row.wall.middle:.2f}",
        f"{row.wall.low:.2f}–{row.wall.high:.2f}",
        f"{row.cpu.middle:.2f}",
        f"{row.cpu.low:.2f}–{row.cpu.high:.2f}",
        "" if row.bound is None else f"{row.bound:.2f}",
        verdict,
    )
