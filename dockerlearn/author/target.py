"""What an author means by a path or a name: a pack, a lesson of it, a step of that."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from dockerlearn.course.packs import parse_step
from dockerlearn.errors import UsageError
from dockerlearn.text import one_line


class Target(msgspec.Struct, frozen=True):
    """A pack by its folder; with ``lesson`` only that lesson, with ``step`` only that step of it."""

    folder: Path
    lesson: str | None = None
    step: str | None = None


def find(text: str | None, here: Path, pack: Path | None) -> Target:
    """Return what ``text`` means in the folder ``here``: a folder or file of a pack or lesson, or LESSON[/STEP].

    A name is looked for in the pack around ``here``, else in ``pack``; without a text, it is what is around ``here``.
    Whether a lesson is there is not looked up. Raises ``UsageError`` when it is neither.
    """
    if text is None:
        around = _in_folder(here)
        if around is not None:
            return around
        if pack is None:
            raise UsageError("Neither pack.yaml nor lesson.yaml is here. Say which pack or lesson is meant.", _SAY)
        return Target(pack.absolute())
    path = here / text
    folder = path.parent if path.name in {"pack.yaml", "lesson.yaml"} and path.is_file() else path
    if folder.is_dir():
        found = _in_folder(folder)
        if found is None:
            raise UsageError(f"There is neither pack.yaml nor lesson.yaml in {one_line(text)}.", _SAY)
        return found
    if text.startswith((".", "~", os.sep)) or text.endswith((".yaml", ".yml", os.sep)):
        raise UsageError(f"There is no {one_line(text)} here.", _SAY)
    named = parse_step(text)
    around = _in_folder(here)
    inside = around.folder if around is not None else pack
    if inside is None:
        raise UsageError(
            f"There is no {one_line(text)} here, and no pack in which a lesson could have that name.", _SAY
        )
    return Target(inside.absolute(), named.lesson, named.step)


def _in_folder(folder: Path) -> Target | None:
    folder = folder.absolute()
    if (folder / "pack.yaml").is_file():
        return Target(folder)
    if not (folder / "lesson.yaml").is_file():
        return None
    folder = folder.resolve()
    if not (folder.parent / "pack.yaml").is_file():
        raise UsageError(
            f"The lesson {one_line(folder.name)} belongs to no pack: there is no pack.yaml beside its folder.",
            "dockerlearn author new NAME    # makes a pack with a lesson in it",
        )
    return Target(folder.parent, folder.name)


_SAY = "Give the folder of a pack or of a lesson, or LESSON, or LESSON/STEP."
