"""What all nouns share: how a noun's fields are looked at one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import msgspec

from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.world.world import World

Mention = tuple[Literal["container", "image", "network", "volume"], str]
"""What kind of thing, and its name."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one field of a check saw. ``ok`` None means that it could not be looked at."""

    ok: bool | None
    expected: str
    found: str = ""
    next: str | None = None
    wait: float | None = None
    waiting_for: str = ""


class Noun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="noun"):
    """A check: what it looks at, and what it wants to see there.

    A noun is a name (its first field, which carries the noun's own word in YAML), fields, and ``findings``, which
    looks at them in the order in which a person would: the first that is not as it should be is the cause, and the
    rest is not looked at.
    """

    word: ClassVar[str]
    patience: ClassVar[float] = 3.0

    within: str | None = None

    @property
    def name(self) -> str:
        """What is looked at."""
        return str(getattr(self, self.word))

    @property
    def subject(self) -> str:
        """The thing that an outcome is about, for "first cause first"."""
        return f"{self.word} {self.name}"

    def mentions(self) -> Iterator[Mention]:
        """The things that it speaks of by name; those that begin with ``dl-`` are the lesson's own."""
        return iter(())

    def findings(self, world: World) -> Iterator[Finding]:
        """Look at the fields, most basic first."""
        raise NotImplementedError

    def look(self, world: World) -> Outcome:
        """Look once. Errors of the engine pass through; whoever runs the checks makes them ``unknown``."""
        seen: list[str] = []
        for finding in self.findings(world):
            if finding.ok:
                seen.append(finding.found or finding.expected)
                continue
            return Outcome(
                check=f"{self.word} {self.name}",
                subject=self.subject,
                status=Status.UNKNOWN if finding.ok is None else Status.UNMET,
                expected=finding.expected,
                found=finding.found,
                next=finding.next,
                wait=finding.wait,
                waiting_for=finding.waiting_for,
            )
        # Several questions about one thing can have one answer, as about a mount; it is told once.
        told = ", ".join(dict.fromkeys(seen))
        return Outcome(check=f"{self.word} {self.name}", subject=self.subject, status=Status.MET, found=told)
