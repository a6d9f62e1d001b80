"""The packs at hand: the course, and those that were added.

A pack that was added is a folder in ``DOCKERLEARN_HOME/packs``, called by the pack's id: ``added.json`` says which of
the folders beside it is the pack, so that one file decides, and a pack is there whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dockerlearn.course.packs import LoadedPack, StepName, open_pack
from dockerlearn.errors import DockerlearnError, LessonError, UnknownLesson, UnknownStep
from dockerlearn.text import nearest, one_line

if TYPE_CHECKING:
    from dockerlearn.progress.records import StepKey

RECORD = "added.json"
"""The file of a pack that was added; see ``Record``."""


class Record(msgspec.Struct, frozen=True):
    """What is noted of a pack that was added.

    ``source`` is where it came from and ``revision`` the commit there, of git. ``version`` is what its author calls it.
    ``checksum`` is a SHA-256 of all its files; ``folder`` the name of the folder that it is in. ``added`` and
    ``updated`` are ISO 8601.
    """

    id: str
    title: str
    version: str
    source: str
    revision: str
    checksum: str
    folder: str
    added: str
    updated: str


class Library:
    """The packs at hand. ``main`` is the course: its lessons need no name of a pack; ``added`` is where others are."""

    def __init__(self, main: LoadedPack, added: Path | None = None, cache: Path | None = None) -> None:
        self.main = main
        self._added = added
        self._cache = cache
        self._open: dict[str, LoadedPack] = {main.id: main}

    def ids(self) -> tuple[str, ...]:
        """The course, and the packs that were added, by name."""
        others = sorted({record.id for record in records(self._added)} - {self.main.id})
        return (self.main.id, *others)

    def get(self, pack_id: str) -> LoadedPack | None:
        """A pack that is here and whose pack.yaml can be read."""
        try:
            return self.pack(pack_id)
        except DockerlearnError:
            return None

    def pack(self, pack_id: str) -> LoadedPack:
        """Open a pack. Raises ``UnknownLesson`` when it is not here, ``LessonError`` when it cannot be read."""
        if pack_id in self._open:
            return self._open[pack_id]
        record = read_record(self._added, pack_id)
        if record is None or self._added is None:
            ids = self.ids()
            near = nearest(pack_id, ids[1:])
            here = f"this is {self.main.id}" if len(ids) == 1 else f"there are {', '.join(ids)}"
            raise UnknownLesson(
                f"There is no pack called {one_line(pack_id, 40)} here; {here}.",
                f"dockerlearn start {near}:" if near else None,
            )
        found = open_pack(self._added / record.id / record.folder, self._cache, prefix=f"{record.id}:")
        if found.id != record.id:
            raise LessonError(
                f"What was added as the pack {record.id} says that it is {one_line(found.id, 40)}; it is not used."
            )
        self._open[pack_id] = found
        return found

    def packs(self) -> Iterator[LoadedPack]:
        """Every pack that can be read, the course first."""
        for pack_id in self.ids():
            pack = self.get(pack_id)
            if pack is not None:
                yield pack

    def whole(self, text: str) -> LoadedPack | None:
        """The pack that ``pack:`` means; None for what names a lesson or a step. Raises as ``pack`` does."""
        head, colon, rest = text.strip().partition(":")
        return self.pack(head) if head and colon and not rest else None

    def find(self, text: str, current: StepKey | None, *, lessons: bool = False) -> tuple[LoadedPack, StepName]:
        """Return the pack and what of it is meant.

        Without a pack's name it is one of the pack that the learner is in, else of the course. ``current`` is the step
        that she is at; ``lessons``: only a lesson can be meant by a single word. Raises ``UnknownLesson`` and
        ``UnknownStep``, with what was probably meant, and ``UsageError``.
        """
        head, colon, _ = text.strip().rpartition(":")
        here = self.get(current.pack) if current is not None else None
        pack = self.pack(head) if head and colon else here or self.main
        lesson = current.lesson if current is not None and pack is here and not lessons else None
        try:
            return pack, pack.find(text, lesson)
        except (UnknownLesson, UnknownStep):
            elsewhere = None if colon else self._elsewhere(text.strip(), pack)
            if elsewhere is None:
                raise
            if elsewhere == self.main.id:
                return self.main, self.main.find(text)
            raise UnknownLesson(
                f"There is no lesson called {one_line(text, 60)} in {pack.id}, in which you are; {elsewhere} has one.",
                f"dockerlearn start {elsewhere}:{text.strip()}",
            ) from None

    def _elsewhere(self, text: str, pack: LoadedPack) -> str | None:
        """Another pack that has a lesson of this very name."""
        slug = text.partition("/")[0]
        return next((other.id for other in self.packs() if other is not pack and slug in other.lessons), None)


def records(added: Path | None) -> tuple[Record, ...]:
    """What is noted of the packs that were added, by name; a folder without a record that can be read is none."""
    try:
        names = sorted(folder.name for folder in added.iterdir()) if added is not None else []
    except OSError:
        return ()
    return tuple(record for name in names if (record := read_record(added, name)) is not None)


def read_record(added: Path | None, pack_id: str) -> Record | None:
    """What is noted of one pack; None when it was not added."""
    if added is None or not pack_id or not pack_id.replace("-", "").isalnum():
        return None
    try:
        record = msgspec.json.decode((added / pack_id / RECORD).read_bytes(), type=Record)
    except (OSError, ValueError):  # msgspec's errors are ValueErrors
        return None
    plain = record.folder and record.folder not in {".", ".."} and "/" not in record.folder
    return record if record.id == pack_id and plain else None
