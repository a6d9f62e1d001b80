"""What the store gives back: frozen pictures of its rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec

StepStatus = Literal["open", "passed", "skipped"]

Kind = Literal["container", "image", "network", "volume"]
"""What the ledger knows."""

# Bounds for what an imported file may bring; they are looked at when it is converted.
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class StepKey(msgspec.Struct, frozen=True):
    """A step of a lesson of a pack."""

    pack: Word
    lesson: Word
    step: Word


class Attempt(msgspec.Struct, frozen=True):
    """One go at a lesson, on one engine; ``began`` by the engine's clock.

    ``variables`` are fixed for all of it. ``images`` maps a pack's references to the ids of the images that carried
    them when the course last made sure of them.
    """

    id: int
    pack: str
    lesson: str
    engine_id: str
    variables: Mapping[str, str]
    images: Mapping[str, str]
    began: datetime


class ImagesBefore:
    """Which images were on an engine when an attempt began: of each id the first 8 bytes, which is enough to be right.

    Should two ids begin alike, one that is new counts as old, and is left alone.

    >>> "sha256:" + "ab" * 32 in ImagesBefore.of(["sha256:" + "ab" * 32])
    True
    """

    SIZE = 8
    MOST = 20_000
    """Images up to which they are noted; beyond, it is not known what was there."""

    def __init__(self, packed: bytes) -> None:
        self.packed = packed
        self._there = frozenset(packed[at : at + self.SIZE] for at in range(0, len(packed), self.SIZE))

    @classmethod
    def of(cls, ids: Collection[str]) -> ImagesBefore | None:
        """Note these ids; None when there are too many of them."""
        return cls(b"".join(sorted({_beginning(one) for one in ids}))) if len(ids) <= cls.MOST else None

    def __contains__(self, image_id: str) -> bool:
        return _beginning(image_id) in self._there


def _beginning(image_id: str) -> bytes:
    return bytes.fromhex(image_id.partition(":")[2][: 2 * ImagesBefore.SIZE])


class StepRecord(msgspec.Struct, frozen=True):
    """A step in an attempt.

    ``since`` and ``baseline`` say when, by the engine's clock, it was opened and what was there then. ``choice`` is the
    prediction that was made, from 0. ``first_passed_at`` stays when the step is opened again; both ``…_at`` are by this
    machine's clock.
    """

    step: str
    status: StepStatus
    since: datetime
    baseline: Mapping[str, str]
    hints_shown: int
    choice: int | None
    wrong_answers: int
    solution_shown: bool
    passed_at: datetime | None
    first_passed_at: datetime | None
    verified: tuple[str, ...]


class Mark(msgspec.Struct, frozen=True):
    """Something that was passed or skipped at one time; ``id`` is the same on every machine it is taken to."""

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    pack: Word
    lesson: Word
    step: Word
    kind: Literal["passed", "skipped"]
    at: datetime
    verified: tuple[Annotated[str, msgspec.Meta(max_length=10_000)], ...]


class Entry(msgspec.Struct, frozen=True):
    """A line of the ledger: an object on an engine that belongs to the course.

    ``object_id`` is the engine's id, for a volume its name and a digest of what it was made with. It is None for an
    intent: the object may have been made, and carries ``nonce`` if it was. For an image, ``name`` is the tag in full
    form. ``made`` is False for an image that only got a name from the course and was there before. ``entered`` is by
    this machine's clock.
    """

    id: int
    engine_id: str
    kind: Kind
    object_id: str | None
    name: str
    attempt_id: int
    nonce: str | None
    made: bool
    entered: datetime
