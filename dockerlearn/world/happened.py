"""What happened since a step began, as far as the engine remembers, without what we did ourselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from dockerlearn.engine.snapshots import EventSnapshot

MEMORY = 256
"""Events that an engine remembers."""

BASELINE = "events"
"""The key of a step's baseline that says whether the engine remembered ``SOME`` event when it began, or ``NONE``."""

SOME, NONE = "some", "none"

ALWAYS = datetime(1970, 1, 2, tzinfo=UTC)
"""Before anything that an engine can remember."""


class Own(Protocol):
    """The ids of what we ran and made on an engine to look: execs and helpers. All our processes know of each other's.

    An id is noted before what it is of is started, so that nothing of ours ever runs without its id being known.
    """

    def note(self, identifier: str) -> None:
        """Take down an id."""
        ...

    def ids(self) -> frozenset[str]:
        """Every id that an engine may still remember."""
        ...


class OwnHere:
    """The ids of this process only, where there is no store."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def note(self, identifier: str) -> None:
        """Take down an id."""
        self._ids.add(identifier)

    def ids(self) -> frozenset[str]:
        """Every id."""
        return frozenset(self._ids)


class Happened(msgspec.Struct, frozen=True):
    """The events of others since a step began, oldest first, looked at ``at``, by the engine's clock.

    With ``whole`` they are all that there were; else the engine has forgotten some of them.
    """

    events: tuple[EventSnapshot, ...]
    whole: bool
    at: datetime


def since(
    remembered: Iterable[EventSnapshot], began: datetime, at: datetime, own: frozenset[str], baseline: str | None
) -> Happened:
    """Choose from everything that the engine remembers.

    The engine forgets its oldest events first, and all of them when it is restarted. So its memory reaches back to the
    beginning when it holds an event from before; or when there was none then (``baseline``) and it is not full.
    """
    remembered = tuple(remembered)
    reaches = any(event.time < began for event in remembered)
    never_any = baseline == NONE and len(remembered) < MEMORY
    events = tuple(event for event in remembered if event.time >= began and not _ours(event, own))
    return Happened(events, reaches or never_any, at)


def _ours(event: EventSnapshot, own: frozenset[str]) -> bool:
    return bool(own & {event.id, event.attributes.get("execID", ""), event.attributes.get("container", "")})


def without_health_checks(
    events: Iterable[EventSnapshot], command_of: Callable[[str], str | None]
) -> tuple[EventSnapshot, ...]:
    """Leave out the execs that are health checks: in the events only their command tells them from anybody's.

    ``command_of`` gives the command of a container's health check, an empty text when it has none, None when the
    container is gone. Of one that is gone and had a health check, no exec can be told from it.
    """
    events = tuple(events)
    checked = {event.id for event in events if event.action == "health_status"}
    commands: dict[str, str | None] = {}
    kept: list[EventSnapshot] = []
    for event in events:
        if event.action.startswith("exec_"):
            if event.id not in commands:
                commands[event.id] = command_of(event.id)
            command = commands[event.id]
            if (command is None and event.id in checked) or (command and command == event.command):
                continue
        kept.append(event)
    return tuple(kept)
