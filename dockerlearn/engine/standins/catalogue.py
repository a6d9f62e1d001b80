"""Which images there are stand-ins for, and how each is made."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from dockerlearn.engine import references
from dockerlearn.engine.standins import busybox, hello_world, nginx, packages, python, registry, store
from dockerlearn.engine.standins.store import StandIn

_HUB = "docker.io/"


class Recipe(NamedTuple):
    """``build`` gets a store and whom to tell; ``cheap`` ones take no time and need no packages."""

    build: Callable[[Path, packages.Say], StandIn]
    tags: tuple[str, ...]
    cheap: bool = False


RECIPES: Mapping[str, Recipe] = {
    "library/busybox": Recipe(lambda at, _: busybox.build(busybox.find_busybox(), at), busybox.TAGS, cheap=True),
    hello_world.REPOSITORY: Recipe(lambda at, _: hello_world.build(at), hello_world.TAGS, cheap=True),
    nginx.REPOSITORY: Recipe(lambda at, say: nginx.build(busybox.find_busybox(), at, say), nginx.TAGS),
    python.REPOSITORY: Recipe(python.build, python.TAGS),
    registry.REPOSITORY: Recipe(lambda at, say: registry.build(busybox.find_busybox(), at, say), registry.TAGS),
}


def recipe(reference: str) -> Recipe | None:
    """How to make a stand-in for a public image, if there is a way: only for the tags that lessons name."""
    name, _, tag = references.normalise(reference).rpartition(":")
    found = RECIPES.get(name.removeprefix(_HUB)) if name.startswith(_HUB) else None
    return found if found is not None and tag in found.tags else None


def is_made(reference: str, at: Path) -> bool:
    """Whether the store at ``at`` has it."""
    name, _, tag = references.normalise(reference).rpartition(":")
    return store.has(at, name.removeprefix(_HUB), tag)


def make_cheap(at: Path) -> None:
    """Make those that take no time, for this machine. Raises ``PracticeFailed``."""
    for repository, way in RECIPES.items():
        if way.cheap and (repository != hello_world.REPOSITORY or platform.machine() in hello_world.MACHINES):
            way.build(at, lambda _: None)
