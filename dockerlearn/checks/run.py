"""Looks at several checks together, and waits where waiting can help."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from dockerlearn.checks.base import Noun
from dockerlearn.checks.matchers import quantity
from dockerlearn.checks.outcome import Outcome, Status, overall
from dockerlearn.errors import DockerlearnError
from dockerlearn.text import one_line
from dockerlearn.world.world import World


class Time(msgspec.Struct, frozen=True):
    """How time passes; tests bring one that needs none."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Result(msgspec.Struct, frozen=True):
    """What a run of checks found; ``world`` is the look that it is about."""

    outcomes: tuple[Outcome, ...]
    world: World

    @property
    def status(self) -> Status:
        """All together."""
        return overall(self.outcomes)


class Settling(msgspec.Struct, frozen=True):
    """What is on its way: seconds until it is worth looking again, seconds to wait at most, and for what."""

    pause: float
    patience: float
    waiting_for: tuple[str, ...]


def look_once(checks: Sequence[Noun], world: World) -> tuple[Outcome, ...]:
    """Look at every check in one world; after the first cause nothing more is said about the same subject."""
    outcomes: list[Outcome] = []
    settled: set[str] = set()
    for check in checks:
        if check.subject in settled:
            continue
        try:
            outcome = check.look(world)
        except DockerlearnError as error:
            outcome = Outcome(
                check=f"{check.word} {check.name}",
                subject=check.subject,
                status=Status.UNKNOWN,
                expected=f"a look at {check.name}",
                found=one_line(error.message, 400),
                next=error.remedy,
            )
        if not outcome.met:
            settled.add(check.subject)
        outcomes.append(outcome)
    return tuple(outcomes)


def all_met(checks: Sequence[Noun], world: World) -> bool:
    """Whether every check is met now, without waiting; nothing to check is not met."""
    return bool(checks) and all(outcome.met for outcome in look_once(checks, world))


def look(
    checks: Sequence[Noun],
    make_world: Callable[[], World],
    *,
    waiting: Callable[[str], None] | None = None,
    limit: float | None = None,
    passing: Time | None = None,
) -> Result:
    """Look, and look again while everything that is not met is on its way and its noun's patience lasts.

    ``waiting`` is told once per text what is waited for; ``limit`` in seconds bounds the waiting further. What cannot
    come right by waiting is returned at once.
    """
    passing = passing or Time()
    began = passing.clock()
    told: set[str] = set()
    while True:
        world = make_world()
        outcomes = look_once(checks, world)
        coming = settling(checks, outcomes)
        if coming is None:
            return Result(outcomes, world)
        left = began + (coming.patience if limit is None else min(coming.patience, limit)) - passing.clock()
        if left <= 0:
            return Result(outcomes, world)
        for text in coming.waiting_for:
            if waiting and text not in told:
                told.add(text)
                waiting(text)
        passing.sleep(max(0.02, min(coming.pause, left)))


def settling(checks: Sequence[Noun], outcomes: Sequence[Outcome]) -> Settling | None:
    """What is waited for, where everything that is not met is on its way; None where waiting cannot help."""
    open_ones = [outcome for outcome in outcomes if not outcome.met]
    pauses = [outcome.wait for outcome in open_ones if outcome.wait is not None]
    if not open_ones or len(pauses) < len(open_ones):
        return None
    waited_for = {outcome.check for outcome in open_ones}
    patience = max(_patience(check) for check in checks if f"{check.word} {check.name}" in waited_for)
    return Settling(min(pauses), patience, tuple(o.waiting_for for o in open_ones if o.waiting_for))


def _patience(check: Noun) -> float:
    given = quantity(check.within) if check.within is not None else None
    return check.patience if given is None else given
