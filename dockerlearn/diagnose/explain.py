"""Finds the diagnosis for what is not met, and puts it into words of the outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from dockerlearn.checks.base import Noun
from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.diagnose import ended, health, images, inside, mounts, names, naming, origin, ports, starting
from dockerlearn.diagnose.diagnosis import Case, Diagnosis, failing_field
from dockerlearn.errors import DockerlearnError
from dockerlearn.world.world import World

Rule = Callable[[Case], Diagnosis | None]

# Most basic first. Each says nothing unless the world shows its case, so that at most a few of them ask for anything.
RULES: tuple[Rule, ...] = (
    naming.look,
    origin.look,
    starting.look,
    names.look,
    inside.look,
    mounts.look,
    mounts.unused,
    ended.look,
    ports.look,
    ports.silent,
    health.look,
    images.look,
)


def explain(checks: Sequence[Noun], outcomes: Sequence[Outcome], world: World) -> tuple[Outcome, ...]:
    """Return the outcomes of ``checks``, those that are unmet with their diagnosis where there is one.

    Only ``found`` and ``next`` change, never what was decided. What cannot be looked at is not diagnosed.
    """
    asked_for = frozenset(name for check in checks for _, name in check.mentions())
    told: list[Outcome] = []
    for outcome in outcomes:
        diagnosis = None
        if outcome.status is Status.UNMET:
            diagnosis = _of(checks, outcome, world, asked_for)
        told.append(outcome if diagnosis is None else _with(outcome, diagnosis))
    return tuple(told)


def diagnose(check: Noun, outcome: Outcome, world: World, asked_for: frozenset[str] = frozenset()) -> Diagnosis | None:
    """Return why an unmet check is not met, as far as the world shows; None when nothing is recognised."""
    if outcome.status is not Status.UNMET:
        return None
    case = Case(
        check=check,
        outcome=outcome,
        world=world,
        field=failing_field(check, outcome, world),
        asked_for=asked_for | {check.name, check.subject.partition(" ")[2]},
    )
    return next((diagnosis for rule in RULES if (diagnosis := rule(case)) is not None), None)


def _of(checks: Sequence[Noun], outcome: Outcome, world: World, asked_for: frozenset[str]) -> Diagnosis | None:
    alike = [check for check in checks if f"{check.word} {check.name}" == outcome.check]
    try:
        if len(alike) > 1:  # two checks of one thing: the one that says this
            alike = [check for check in alike if check.look(world).expected == outcome.expected]
        return diagnose(alike[0], outcome, world, asked_for) if alike else None
    except DockerlearnError:
        # What the check itself found stands, and is shown without its reason.
        return None


def _with(outcome: Outcome, diagnosis: Diagnosis) -> Outcome:
    return msgspec.structs.replace(
        outcome, found=diagnosis.told, next=diagnosis.next or outcome.next, diagnosis=diagnosis.name
    )
