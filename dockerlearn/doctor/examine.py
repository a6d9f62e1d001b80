"""All findings, in the order in which they are told: what others depend on comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dockerlearn.doctor import client, engine, place, room, wanted
from dockerlearn.doctor.facts import Facts
from dockerlearn.doctor.finding import Finding

LOOKS: tuple[Callable[[Facts], Iterable[Finding]], ...] = (
    engine.engine,
    client.context,
    client.client,
    client.finds,
    client.versions,
    client.plugins,
    engine.limits,
    engine.clock,
    room.room,
    wanted.images,
    wanted.registry,
    wanted.names,
    wanted.ports,
    place.folders,
    place.progress,
    place.mounts,
    place.person,
    place.terminal,
    place.shell,
    place.variables,
)


def examine(facts: Facts) -> tuple[Finding, ...]:
    """Make every finding."""
    return tuple(finding for look in LOOKS for finding in look(facts))
