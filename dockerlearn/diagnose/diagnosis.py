"""What a diagnosis is, and what it is made from."""

from __future__ import annotations

import msgspec

from dockerlearn.checks.base import Noun
from dockerlearn.checks.container import Container
from dockerlearn.checks.outcome import Outcome
from dockerlearn.engine.snapshots import ContainerSnapshot
from dockerlearn.world.world import World


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Why a check is not met. ``name`` is for tests and records; people read the rest.

    ``found`` is what is so, ``why`` why that usually is (with "probably" where it is a guess), ``next`` one move.
    """

    name: str
    found: str
    why: str = ""
    next: str | None = None

    @property
    def told(self) -> str:
        """What is so and why, as one text that begins within a sentence."""
        return f"{self.found}. {self.why}" if self.why else self.found


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """An unmet check, what it found, and the world it looked at.

    ``field`` is the field of a ``container`` check that was not as it should be. ``asked_for`` are the names of
    everything the step's checks ask for: what has one of them was meant to have it.
    """

    check: Noun
    outcome: Outcome
    world: World
    field: str = ""
    asked_for: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The container that the check is about; empty when it is about something else."""
        word, _, name = self.check.subject.partition(" ")
        return name if word == "container" else ""

    @property
    def there(self) -> ContainerSnapshot | None:
        """That container."""
        return self.world.container(self.name) if self.name else None

    @property
    def wants_absent(self) -> bool:
        """Whether it is to be gone."""
        return bool(getattr(self.check, "absent", None))

    @property
    def wants_it_up(self) -> bool:
        """Whether its process has to run for the check to be met."""
        if not isinstance(self.check, Container):
            return True  # http, tcp and exec ask something of a process
        if self.field == "running":
            return self.check.running is True
        return self.field in {"published", "health"} or (self.field == "status" and self.check.status == "running")

    def made_in_this_step(self, created_to_the_second: float) -> bool:
        """Whether something with this time stamp (seconds since 1970) was made since the step began."""
        since = self.world.scope.since
        return since is not None and created_to_the_second >= int(since.timestamp())


def failing_field(check: Noun, outcome: Outcome, world: World) -> str:
    """Return the field of a ``container`` check that an outcome is about; empty when it is about none of its own.

    Found by looking with one field after the other; the world remembers what it was asked, so this costs nothing.
    """
    if not isinstance(check, Container) or world.container(check.container) is None:
        return ""
    for field in msgspec.structs.fields(check):
        value = getattr(check, field.name)
        if field.name in {"container", "within", "absent"} or value in (None, {}):
            continue
        alone = Container(**{"container": check.container, field.name: value})
        if alone.look(world).expected == outcome.expected:
            return field.name
    return ""
