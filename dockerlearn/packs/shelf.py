"""Where packs by others are kept: each in a folder of its own, whole or not at all.

What is new is fetched and looked at in a folder beside the packs, put into its place under a name of its own, and then
named by the pack's record in one step; see ``course.library``.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from dockerlearn.course import materials, variables
from dockerlearn.course.library import RECORD, Record, read_record, records
from dockerlearn.course.packs import LoadedPack, open_pack
from dockerlearn.course.problems import Problem
from dockerlearn.errors import DockerlearnError, LessonError, PackRefused, SourceFailed, UnknownLesson, UsageError
from dockerlearn.packs import archive, git, take
from dockerlearn.packs import uses as using
from dockerlearn.packs.source import Source
from dockerlearn.text import nearest, one_line

_STAGING = ".staging-"
_ABANDONED = 86_400.0
"""Seconds after which what a killed run has left is thrown away."""


class Prepared(msgspec.Struct, frozen=True):
    """A pack that was fetched and found to be in order, not yet added; ``before`` is what is noted of it so far.

    ``changes`` is None when it is new.
    """

    pack: LoadedPack
    record: Record
    uses: using.Uses
    before: Record | None
    changes: using.Changes | None
    folder: Path


class Listed(msgspec.Struct, frozen=True):
    """A pack that was added; ``intact`` says whether its files are as they came, ``lessons`` are its lessons."""

    record: Record
    lessons: tuple[str, ...]
    intact: bool


class Shelf:
    """The packs beneath ``folder``. ``taken`` are the ids that no pack may have: the course's own."""

    def __init__(
        self,
        folder: Path,
        *,
        taken: Collection[str],
        environ: Mapping[str, str],
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self._folder = folder
        self._taken = taken
        self._environ = environ
        self._clock = clock or (lambda: datetime.now(UTC))

    def listed(self) -> tuple[Listed, ...]:
        """Every pack that was added, by name."""
        return tuple(self._listed(record) for record in records(self._folder))

    def record(self, pack_id: str) -> Record:
        """What is noted of a pack. Raises ``UnknownLesson`` when it was not added."""
        found = read_record(self._folder, pack_id)
        if found is None:
            near = nearest(pack_id, [record.id for record in records(self._folder)])
            raise UnknownLesson(
                f"No pack called {one_line(pack_id, 40)} was added" + (f": did you mean {near}?" if near else "."),
                "dockerlearn packs list",
            )
        return found

    @contextmanager
    def fetched(self, source: Source, update: Record | None = None) -> Iterator[Prepared]:
        """Fetch a pack and look at it; what was fetched is gone when the block ends, unless it was ``put``.

        ``update`` is the record of the pack that it must be. Raises ``PackRefused`` and ``LessonError`` with what is
        wrong with it, ``SourceFailed`` when it cannot be had.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._throw_away_abandoned()
            staging = self._folder / f"{_STAGING}{os.getpid()}-{os.urandom(4).hex()}"
            staging.mkdir(mode=0o700)
        except OSError as error:
            raise _failed(self._folder, error) from None
        try:
            yield self._prepare(source, staging, update)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def put(self, prepared: Prepared) -> Record:
        """Add it, or put it in the place of what was there. Raises ``UsageError`` when that has changed meanwhile."""
        record, before = prepared.record, prepared.before
        home = self._folder / record.id
        try:
            with self._alone():
                if read_record(self._folder, record.id) != before:
                    raise UsageError(
                        f"The pack {record.id} has just been changed by another dockerlearn.", "dockerlearn packs list"
                    )
                home.mkdir(exist_ok=True)
                prepared.folder.rename(home / record.folder)
                self._note(home, record)
                # The state before stays until the next one comes: a tutor may be in it.
                keep = {record.folder, RECORD, before.folder if before is not None else ""}
                for entry in home.iterdir():
                    if entry.name not in keep:
                        shutil.rmtree(entry, ignore_errors=True)
        except OSError as error:
            raise _failed(home, error) from None
        return record

    def remove(self, pack_id: str) -> Record:
        """Take a pack away; the learner's progress in it and her files are not touched."""
        record = self.record(pack_id)
        try:
            with self._alone():
                (self._folder / pack_id / RECORD).unlink(missing_ok=True)
                shutil.rmtree(self._folder / pack_id)
        except OSError as error:
            raise _failed(self._folder / pack_id, error) from None
        return record

    def _prepare(self, source: Source, staging: Path, update: Record | None) -> Prepared:
        revision = ""
        try:
            if source.kind == "folder":
                root = Path(source.place)
                if not (root / "pack.yaml").is_file():
                    raise PackRefused(
                        f"There is no pack.yaml in {one_line(source.place)}, so this is no pack of lessons."
                    )
            else:
                unpacked = staging / "unpacked"
                if source.kind == "archive":
                    archive.unpack(Path(source.place), unpacked)
                else:
                    (staging / "git").mkdir()
                    revision = git.fetch(source, staging / "git", unpacked, self._environ)
                root = take.root_of(unpacked)
            folder = staging / "pack"
            take.copy(root, folder)
            sums = take.checksums(folder)
        except OSError as error:
            raise _failed(Path(str(error.filename or source.place)), error) from None
        pack = looked_at(folder)
        before = self._known(pack.id, update)
        now = self._clock().isoformat(timespec="seconds")
        whole = take.checksum(sums)
        record = Record(
            id=pack.id,
            title=pack.title,
            version=pack.version,
            source=source.text,
            revision=revision,
            checksum=whole,
            folder=f"{whole[:16]}-{os.urandom(2).hex()}",
            added=before.added if before is not None else now,
            updated=now,
        )
        changes = None
        if before is not None:
            old = self._folder / before.id / before.folder
            changes = using.changes(_readable(old), take.checksums(old), pack, sums)
        return Prepared(pack, record, using.of(pack), before, changes, folder)

    def _known(self, pack_id: str, update: Record | None) -> Record | None:
        if update is not None:
            if pack_id != update.id:
                raise PackRefused(f"What is there now is another pack, {one_line(pack_id, 40)}, and not {update.id}.")
            return update
        if pack_id in self._taken:
            raise PackRefused(f"The pack is called {pack_id}, as the course is; it needs an id of its own.")
        if read_record(self._folder, pack_id) is not None:
            raise UsageError(f"The pack {pack_id} is here already.", f"dockerlearn packs update {pack_id}")
        return None

    def _listed(self, record: Record) -> Listed:
        folder = self._folder / record.id / record.folder
        pack = _opened(folder)
        intact = pack is not None and take.checksum(take.checksums(folder)) == record.checksum
        return Listed(record, pack.lessons if pack is not None else (), intact)

    @staticmethod
    def _note(home: Path, record: Record) -> None:
        """Write the record; the pack is added, or the newer one, from this moment on."""
        aside = home / f".{RECORD}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            with aside.open("xb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            aside.replace(home / RECORD)
        finally:
            aside.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from changing a pack meanwhile."""
        import fcntl

        with (self._folder / ".lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _throw_away_abandoned(self) -> None:
        for entry in self._folder.glob(f"{_STAGING}*"):
            with suppress(OSError):
                if time.time() - entry.lstat().st_mtime > _ABANDONED:
                    shutil.rmtree(entry, ignore_errors=True)


def looked_at(folder: Path) -> LoadedPack:
    """Open a pack whose every file is in order, of its lessons too. Raises ``LessonError`` with all that is wrong."""
    try:
        pack = open_pack(folder)
    except LessonError as error:
        from dockerlearn.course.packs import shown

        told = tuple(problem.removeprefix(f"{shown(folder)}/") for problem in error.problems)
        raise LessonError("The pack cannot be used: its pack.yaml is not in order.", told) from None
    bad = [slug for slug in pack.lessons if not _in_order(pack, slug)]
    if bad:
        wrong = [problem for slug in bad for problem in _problems(pack, slug)]
        lessons = len(bad)
        raise LessonError(
            f"The pack {pack.id} cannot be used: {len(wrong)} problem{'s' if len(wrong) > 1 else ''} in {lessons} "
            f"lesson{'s' if lessons > 1 else ''}.",
            tuple(map(str, wrong[:_TOLD])),
        )
    return pack


_TOLD = 50
"""Problems that are told of a pack; its author has ``author lint`` for the rest."""


def _in_order(pack: LoadedPack, slug: str) -> bool:
    """Whether a lesson is given out and its files may be there. What is read here is not read again by ``uses``."""
    try:
        pack.lesson(slug)
    except LessonError:
        return False
    known = variables.values(dict.fromkeys(pack.variables(slug), ""), pack.references)
    return not materials.problems(pack.files(slug), "", known)


def _problems(pack: LoadedPack, slug: str) -> list[Problem]:
    from dockerlearn.course.packs import shown

    where = f"{shown(pack.folder)}/"
    found = pack.problems(slug)
    return [msgspec.structs.replace(problem, file=problem.file.removeprefix(where)) for problem in found]


def _opened(folder: Path) -> LoadedPack | None:
    try:
        return open_pack(folder)
    except DockerlearnError:
        return None


def _readable(folder: Path) -> LoadedPack | None:
    """A pack whose lessons can be read, every one of them."""
    pack = _opened(folder)
    try:
        if pack is not None:
            using.of(pack)
    except DockerlearnError:
        return None
    return pack


def _failed(path: Path, error: OSError) -> SourceFailed:
    return SourceFailed(f"{one_line(str(path))} cannot be used: {error.strerror or error}.")
