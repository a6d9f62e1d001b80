"""Writes images of an engine into an archive."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from dockerlearn.engine.api import EngineApi
from dockerlearn.errors import ArchiveError, UsageError
from dockerlearn.images.archive import Archive, Image, Writer
from dockerlearn.images.export import pack
from dockerlearn.images.look import Seen
from dockerlearn.images.outcome import Outcome
from dockerlearn.text import one_line

Told = Callable[[str, int], None]
"""Is told of an image how many bytes of it have come."""


def save(engine: EngineApi, seen: Sequence[Seen], file: IO[bytes], told: Told) -> tuple[Outcome, ...]:
    """Write those that the engine has; what another image has the name of is left out.

    Raises ``ArchiveError`` when there is none, and when the engine gives one that cannot be read.
    """
    writer = Writer(file)
    saved: dict[str, Image] = {}
    for one in seen:
        if one.status == "present" and not _by_digest(one):
            counted = _counted(one.reference, engine.export_image(one.reference), told)
            saved[one.reference] = pack(writer, one.reference, counted)
    if not saved:
        raise ArchiveError("None of the lessons' images is on the engine.", "dockerlearn images pull")
    writer.finish()
    return tuple(_outcome(one, saved.get(one.reference)) for one in seen)


def _outcome(one: Seen, image: Image | None) -> Outcome:
    if image is not None:
        return Outcome(one.reference, "saved", size=image.size, stand_in=image.stand_in)
    if one.status == "present":
        return Outcome(one.reference, "unfit", "lessons name it by its digest, and a file carries names with tags only")
    if one.status == "another image":
        why = "what has this name on the engine was given it there, and is not what its publisher made"
        return Outcome(one.reference, "taken", why, f"docker image ls {one.reference}    # shows it")
    return Outcome(one.reference, "missing", "it is not on the engine", "dockerlearn images pull")


def _by_digest(one: Seen) -> bool:
    return "@" in one.reference


def _counted(reference: str, pieces: Iterator[bytes], told: Told) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        done += len(piece)
        told(reference, done)
        yield piece


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write; it comes into its place whole and flushed, or not at all.

    Raises ``UsageError`` when there is something else than an archive of ours in that place, which is left alone.
    """
    if os.path.lexists(path):
        try:
            Archive.open(path).close()
        except (ArchiveError, OSError):
            raise UsageError(
                f"{one_line(str(path))} is there and is no archive of dockerlearn's; it was left alone."
            ) from None
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def rough_size(seen: Sequence[Seen]) -> dict[str, int]:
    """About how many bytes the engine will give of each: what it says of their size."""
    return {one.reference: one.there.size for one in seen if one.there is not None}
