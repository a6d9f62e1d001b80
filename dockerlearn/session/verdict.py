"""Decides about a step: is it done, and if not, which misunderstanding is it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.checks.run import Time, look, look_once
from dockerlearn.course.models import Mistake, Step
from dockerlearn.diagnose.explain import explain
from dockerlearn.world.world import World


class Recognised(msgspec.Struct, frozen=True):
    """A mistake of the lesson that the world shows; ``dead_end``: no right way leads on from here."""

    name: str
    say: str
    dead_end: bool


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is so about a step now. ``passed`` also holds when it was passed before and is not met any more."""

    step: str
    status: Status
    passed: bool
    outcomes: tuple[Outcome, ...] = ()
    mistake: Recognised | None = None
    elapsed_ms: int = 0
    result: str = ""
    insight: str = ""


def judge(
    step: Step,
    make_world: Callable[[], World],
    *,
    waiting: Callable[[str], None] | None = None,
    limit: float | None = None,
    passing: Time | None = None,
    explaining: bool = True,
) -> tuple[Status, tuple[Outcome, ...], Recognised | None]:
    """Look at a step's checks, and at its mistakes when they are not met.

    What is not met and is none of the author's mistakes gets a general diagnosis, if ``explaining``. ``limit`` in
    seconds bounds the waiting for what is on its way; None leaves it to the nouns.
    """
    result = look(step.check, make_world, waiting=waiting, limit=limit, passing=passing)
    if result.status is not Status.UNMET:
        return result.status, result.outcomes, None
    mistake = _recognise(step.mistakes, result.world, make_world, limit=limit, passing=passing)
    if mistake is not None:
        return result.status, result.outcomes, Recognised(mistake.name, mistake.say, mistake.dead_end)
    outcomes = explain(step.check, result.outcomes, result.world) if explaining else result.outcomes
    return result.status, outcomes, None


def _recognise(
    mistakes: Sequence[Mistake],
    world: World,
    make_world: Callable[[], World],
    *,
    limit: float | None,
    passing: Time | None,
) -> Mistake | None:
    """Find the mistake that the world shows.

    A process that must be seen to stay up is waited for, and what could not be looked at is looked at once more.
    """
    undecided: list[Mistake] = []
    for mistake in mistakes:
        # One look for both: a second one is later, and what was still to come in the first may be there in it.
        open_ones = [outcome for outcome in look_once(mistake.when, world) if not outcome.met]
        if mistake.when and not open_ones:
            return mistake
        if open_ones and all(one.wait is not None or one.status is Status.UNKNOWN for one in open_ones):
            undecided.append(mistake)
    for mistake in undecided:
        if look(mistake.when, make_world, limit=limit, passing=passing).status is Status.MET:
            return mistake
    return None
