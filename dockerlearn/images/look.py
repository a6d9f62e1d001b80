"""Which of the lessons' images an engine has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.snapshots import ImageSnapshot
from dockerlearn.world.world import Scope, World

Status = Literal["present", "missing", "made when needed", "another image"]


class Seen(msgspec.Struct, frozen=True):
    """One of the lessons' images; ``reference`` as a person types it, ``there`` is the image that has this name.

    ``made when needed``: the practice engine's stand-in of it is made before the first lesson that uses it.
    ``another image``: what carries the name was given it on this engine, and is not what its publisher made.
    """

    reference: str
    status: Status
    there: ImageSnapshot | None = None


def look(
    engine: EngineApi,
    images: Mapping[str, str],
    *,
    workspace: Path,
    unmade: Callable[[tuple[str, ...]], tuple[str, ...]],
) -> tuple[Seen, ...]:
    """Look for ``images`` (short name to reference); ``unmade`` says of which a stand-in could be made."""
    world = World(engine, workspace, Scope(images=images))
    found = {reference: engine.image(reference) for reference in images.values()}
    later = set(unmade(tuple(reference for reference, there in found.items() if there is None)))
    return tuple(
        Seen(references.short(reference), _status(world, reference, there, later=reference in later), there)
        for reference, there in found.items()
    )


def _status(world: World, reference: str, there: ImageSnapshot | None, *, later: bool) -> Status:
    if there is None:
        return "made when needed" if later else "missing"
    return "present" if world.genuine(there, reference) else "another image"
