"""A file of the lesson's folder that a noun reads: which path may be named, and whether a text is there."""

from __future__ import annotations

from collections.abc import Generator

from dockerlearn.checks.base import Finding
from dockerlearn.world.world import World


def beneath(path: str) -> None:
    """Raise ``ValueError`` when a path is not one beneath the lesson's folder."""
    if path.startswith(("/", "~")) or ".." in path.split("/") or not path:
        raise ValueError(f"{path!r} is not a path beneath the lesson's folder")


def text_of(world: World, path: str, what: str, *, absent: bool | None) -> Generator[Finding, None, str | None]:
    """Look for a file that should be ``what``, or ``absent``; return its text, None when there is none to read."""
    there = world.file(path)
    if absent:
        found = "it is there" if there else "not there"
        yield Finding(ok=there is None, expected=f"there should be no {path}", found=found)
        return None
    if there is None or there.kind != "file":
        found = "it is not there" if there is None else f"it is a {there.kind}, not a file"
        yield Finding(ok=False, expected=f"there should be {what} called {path}", found=found)
        return None
    return there.text
