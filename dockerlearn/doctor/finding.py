"""One thing that was looked at: how it is, what that means, and what mends it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Literal

import msgspec

Level = Literal["ok", "advice", "problem"]


class Finding(msgspec.Struct, frozen=True):
    """How one thing is.

    With a ``problem`` lessons cannot run, all of them or the one that ``means`` names; with ``advice`` they can.
    ``remedy`` are lines to be typed or done, exact for this system. ``safe`` are commands that ``--fix`` may run: they
    need no rights, remove nothing and change nothing of the learner's.
    """

    about: str
    level: Level
    says: str
    means: str = ""
    remedy: tuple[str, ...] = ()
    safe: tuple[tuple[str, ...], ...] = ()


def ok(about: str, says: str) -> Finding:
    """Return that a thing is as it should be."""
    return Finding(about, "ok", says)


def advice(about: str, says: str, means: str, *remedy: str, safe: tuple[tuple[str, ...], ...] = ()) -> Finding:
    """Return what could be better, and does not stop lessons."""
    return Finding(about, "advice", says, means, remedy or tuple(map(shlex.join, safe)), safe)


def problem(about: str, says: str, means: str, *remedy: str, safe: tuple[tuple[str, ...], ...] = ()) -> Finding:
    """Return what stops lessons."""
    return Finding(about, "problem", says, means, remedy or tuple(map(shlex.join, safe)), safe)


def can_run(findings: Iterable[Finding]) -> bool:
    """Whether nothing stops lessons."""
    return all(finding.level != "problem" for finding in findings)
