"""The progress file: where the learner is, what was passed, and the ledger of what belongs to the course.

SQLite with a rollback journal. Every write is one ``begin immediate`` transaction that is on the disk when the method
returns, so that a pass that was told is never lost, and several processes can write at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec
from msgspec.json import decode

from dockerlearn.errors import StoreDamaged, StoreError, StoreNewer, UsageError
from dockerlearn.progress.records import Attempt, Entry, ImagesBefore, Kind, Mark, StepKey, StepRecord
from dockerlearn.progress.schema import APPLICATION_ID, MIGRATIONS

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Attempt", "Entry", "ImagesBefore", "Mark", "StepKey", "StepRecord", "Store"]

WAIT = 10.0
"""Seconds that a write waits for another process's."""

WHOLE_CHECK = 1_048_576
"""Bytes up to which the whole file is checked when it is opened; a course is far below. See benchmarks."""

LOOKS = 512
"""Execs and helpers of ours that are kept per engine: one of 256 events can remember no more than half of that."""

EXPORT_FORMAT = 1


class Store:
    """The progress file, open. Close it, or use it in a ``with``; each thread opens its own.

    Every method raises ``StoreError`` when the file cannot be read or written, and ``StoreDamaged`` when it turns out
    to be damaged: then it was renamed, and the next ``open`` begins a new one.
    """

    def __init__(self, database: sqlite3.Connection, path: Path, clock: Callable[[], datetime]) -> None:
        self._db = database
        self._path = path
        self._clock = clock

    @classmethod
    def open(cls, path: Path, *, wait: float = WAIT, clock: Callable[[], datetime] | None = None) -> Store:
        """Open the file, made when it is not there, and check it.

        ``wait`` in seconds for other processes; ``clock`` gives this machine's time. Raises ``StoreNewer`` when a newer
        dockerlearn wrote it.
        """
        import sqlite3

        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(
                f"Your progress cannot be kept in {path.parent}: {error.strerror or error}.", _REMEDY_HOME
            ) from None
        with _guarded(path, lambda: None):
            # Transactions are begun by hand: sqlite3's own begin is deferred, and a deferred one fails as busy at once.
            database = sqlite3.connect(path, timeout=wait, isolation_level=None)
        store = cls(database, path, clock or (lambda: datetime.now(UTC)))
        try:
            store._prepare()
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Where the learner is

    def current(self) -> StepKey | None:
        """The step the learner is at."""
        row = self._one("SELECT pack, lesson, step FROM place")
        return StepKey(*row) if row else None

    def set_current(self, pack: str, lesson: str, step: str) -> None:
        """Write down the step the learner is at."""
        with self._writing() as database:
            database.execute("INSERT OR REPLACE INTO place VALUES (1, ?, ?, ?)", (pack, lesson, step))

    # Attempts

    def attempt(self, pack: str, lesson: str) -> Attempt | None:
        """The open attempt at a lesson."""
        row = self._one(f"{_ATTEMPT} WHERE pack = ? AND lesson = ? AND ended IS NULL", (pack, lesson))
        return _attempt(row) if row else None

    def attempts(self, engine_id: str | None = None) -> tuple[Attempt, ...]:
        """Every open attempt, of all packs; those on one engine when ``engine_id`` is given."""
        rows = self._all(f"{_ATTEMPT} WHERE ended IS NULL AND (?1 IS NULL OR engine_id = ?1) ORDER BY id", (engine_id,))
        return tuple(_attempt(row) for row in rows)

    def attempts_of(self, pack: str, lesson: str) -> tuple[int, ...]:
        """The ids of all attempts at a lesson, ended ones too."""
        rows = self._all("SELECT id FROM attempts WHERE pack = ? AND lesson = ? ORDER BY id", (pack, lesson))
        return tuple(row[0] for row in rows)

    def attempts_in(self, pack: str) -> tuple[int, ...]:
        """The ids of all attempts at lessons of a pack, ended ones too."""
        return tuple(row[0] for row in self._all("SELECT id FROM attempts WHERE pack = ? ORDER BY id", (pack,)))

    def begin_attempt(
        self,
        pack: str,
        lesson: str,
        engine_id: str,
        variables: Mapping[str, str],
        began: datetime,
        *,
        images: Collection[str] | None = None,
    ) -> Attempt:
        """Begin an attempt, or return the open one on this engine, which another terminal may just have begun.

        ``images`` are the ids of those that are on the engine now, where that is known. An open attempt on another
        engine is ended.
        """
        with self._writing() as database:
            select = f"{_ATTEMPT} WHERE pack = ? AND lesson = ? AND ended IS NULL"
            row = database.execute(select, (pack, lesson)).fetchone()
            if row and row[3] == engine_id:
                return _attempt(row)
            if row:
                database.execute(_END, (self._now(), row[0]))
            before = ImagesBefore.of(images) if images is not None else None
            packed = before.packed if before is not None else None
            database.execute(
                "INSERT INTO attempts (pack, lesson, engine_id, variables, began, images_before)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (pack, lesson, engine_id, _json(dict(variables)), _stamp(began), packed),
            )
            return _attempt(database.execute(select, (pack, lesson)).fetchone())

    def end_attempt(self, attempt_id: int) -> None:
        """End an attempt; what it made stays in the ledger."""
        with self._writing() as database:
            database.execute(f"{_END} AND ended IS NULL", (self._now(), attempt_id))

    def images_before(self, attempt_id: int) -> ImagesBefore | None:
        """Which images were there when an open attempt began; None when that is not known."""
        row = self._one("SELECT images_before FROM attempts WHERE id = ?", (attempt_id,))
        return ImagesBefore(row[0]) if row and row[0] is not None else None

    def trust_image(self, attempt_id: int, reference: str, image_id: str) -> None:
        """Write down which image a pack's reference means on the engine of an attempt, if that is not known."""
        known = self._one("SELECT images FROM attempts WHERE id = ?", (attempt_id,))
        if known is None or decode(known[0]).get(reference) == image_id:
            return
        with self._writing() as database:
            row = database.execute("SELECT images FROM attempts WHERE id = ?", (attempt_id,)).fetchone()
            images = {**decode(row[0]), reference: image_id}
            database.execute("UPDATE attempts SET images = ? WHERE id = ?", (_json(images), attempt_id))

    def trusted_images(self, engine_id: str) -> Mapping[str, frozenset[str]]:
        """Image id to the packs' references that meant it in any attempt on an engine."""
        found: dict[str, set[str]] = {}
        for (images,) in self._all("SELECT images FROM attempts WHERE engine_id = ?", (engine_id,)):
            for reference, image_id in decode(images).items():
                found.setdefault(image_id, set()).add(reference)
        return {image_id: frozenset(references) for image_id, references in found.items()}

    # Steps

    def steps(self, attempt_id: int) -> dict[str, StepRecord]:
        """The steps that were opened in an attempt, by their ids."""
        rows = self._all(f"{_STEP} WHERE attempt_id = ?", (attempt_id,))
        return {row[0]: _step(row) for row in rows}

    def open_step(self, attempt_id: int, step: str, since: datetime, baseline: Mapping[str, str]) -> None:
        """Open a step, again if it was open, passed or skipped.

        What was predicted and shown stays, and that it was passed before.
        """
        with self._writing() as database:
            database.execute(
                "INSERT INTO steps (attempt_id, step, status, since, baseline) VALUES (?, ?, 'open', ?, ?)"
                " ON CONFLICT DO UPDATE SET status = 'open', since = excluded.since, baseline = excluded.baseline,"
                " passed_at = NULL, verified = '[]'",
                (attempt_id, step, _stamp(since), _json(dict(baseline))),
            )

    def pass_step(self, attempt_id: int, step: str, verified: Sequence[str], *, since: datetime | None = None) -> bool:
        """Write down that a step is passed, and by what; False when nothing changed.

        Nothing changes when it is passed already, was never opened, or, with ``since``, was opened again after the
        moment that was judged. The pass is on the disk when this returns.
        """
        return self._mark(attempt_id, step, "passed", verified, since)

    def skip_step(self, attempt_id: int, step: str) -> bool:
        """Write down that a step is left out for now; False when it is passed or skipped already, or not open."""
        return self._mark(attempt_id, step, "skipped", (), None)

    def record_choice(self, attempt_id: int, step: str, choice: int) -> bool:
        """Write down a prediction; the first one is kept, and False is returned for a later one."""
        return self._update(attempt_id, step, "choice = ? WHERE choice IS NULL AND", choice)

    def record_wrong(self, attempt_id: int, step: str) -> None:
        """Count a wrong answer."""
        self._update(attempt_id, step, "wrong_answers = wrong_answers + 1 WHERE")

    def record_solution_shown(self, attempt_id: int, step: str) -> None:
        """Write down that the solution was looked at."""
        self._update(attempt_id, step, "solution_shown = 1 WHERE")

    def record_hint(self, attempt_id: int, step: str) -> int:
        """Count one more hint and return its number, from 1."""
        with self._writing() as database:
            where = (attempt_id, step)
            database.execute("UPDATE steps SET hints_shown = hints_shown + 1 WHERE attempt_id = ? AND step = ?", where)
            row = database.execute("SELECT hints_shown FROM steps WHERE attempt_id = ? AND step = ?", where).fetchone()
            return int(row[0]) if row else 1

    def ever_passed(self, pack: str) -> set[tuple[str, str]]:
        """Lesson and step of everything that was ever passed, here or where progress was imported from."""
        rows = self._all("SELECT DISTINCT lesson, step FROM marks WHERE pack = ? AND kind = 'passed'", (pack,))
        return {(lesson, step) for lesson, step in rows}

    def history(self, pack: str | None = None) -> tuple[Mark, ...]:
        """Everything that was passed or skipped, oldest first."""
        rows = self._all(f"{_MARK} WHERE ?1 IS NULL OR pack = ?1 ORDER BY at, id", (pack,))
        return tuple(_mark(row) for row in rows)

    # Taking progress elsewhere

    def export(self) -> dict[str, Any]:
        """What ``import_`` takes, as JSON: everything that is not bound to one engine."""
        exported = _Export(format=EXPORT_FORMAT, current=self.current(), marks=list(self.history()))
        plain: dict[str, Any] = msgspec.to_builtins(exported)
        return plain

    def import_(self, exported: object) -> int:
        """Add what another machine exported and return how many marks were new; doing it again changes nothing.

        Raises ``UsageError`` when it is not an export, ``StoreNewer`` when a newer dockerlearn made it.
        """
        version = exported.get("format") if isinstance(exported, dict) else None
        if isinstance(version, int) and version > EXPORT_FORMAT:
            raise StoreNewer("This progress was exported by a newer dockerlearn.", _REMEDY_UPGRADE)
        try:
            taken = msgspec.convert(exported, _Export)
        except msgspec.ValidationError as error:
            raise UsageError(f"This is not an export of dockerlearn's progress: {error}.") from None
        if version != EXPORT_FORMAT:
            raise UsageError(f"This is not an export of dockerlearn's progress: its format is {version!r}.")
        if any(not 1970 <= mark.at.year < 9999 for mark in taken.marks):
            raise UsageError("This is not an export of dockerlearn's progress: a date in it is out of range.")
        try:
            msgspec.json.encode(taken)
        except UnicodeEncodeError:  # half of a character, which JSON can write as an escape
            raise UsageError("This is not an export of dockerlearn's progress: it has text that is none.") from None
        with self._writing() as database:
            new = 0
            for mark in taken.marks:
                added = database.execute(
                    "INSERT OR IGNORE INTO marks VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (mark.id, mark.pack, mark.lesson, mark.step, mark.kind, _stamp(mark.at), _json(mark.verified)),
                )
                new += added.rowcount
            if taken.current is not None:
                at = taken.current
                database.execute("INSERT OR IGNORE INTO place VALUES (1, ?, ?, ?)", (at.pack, at.lesson, at.step))
            return new

    # The ledger

    def intend(self, engine_id: str, kind: Kind, name: str, attempt_id: int, nonce: str) -> int:
        """Write down, before it is made, that an object of this name carrying ``nonce`` will be the course's."""
        with self._writing() as database:
            added = database.execute(
                "INSERT INTO ledger (engine_id, kind, name, attempt_id, nonce, made, entered)"
                " VALUES (?, ?, ?, ?, ?, 1, ?)",
                (engine_id, kind, name, attempt_id, nonce, self._now()),
            )
            return int(added.lastrowid or 0)

    def confirm(self, entry_id: int, object_id: str) -> bool:
        """Write down what an intent became; False when the intent is no longer known."""
        with self._writing() as database:
            row = database.execute("SELECT engine_id, kind, name FROM ledger WHERE id = ?", (entry_id,)).fetchone()
            if row is None:
                return False
            # Another terminal may have seen the object and entered it in between.
            database.execute(
                "DELETE FROM ledger WHERE engine_id = ? AND kind = ? AND object_id = ? AND id != ?"
                " AND (kind != 'image' OR name = ?)",
                (row[0], row[1], object_id, entry_id, row[2]),
            )
            database.execute("UPDATE ledger SET object_id = ? WHERE id = ?", (object_id, entry_id))
            return True

    def enter(
        self,
        engine_id: str,
        kind: Kind,
        object_id: str,
        name: str,
        attempt_id: int,
        *,
        made: bool = True,
    ) -> int:
        """Write down that an object belongs to the course and return the entry's id; once is enough.

        An image is known by its id and the name the course gave it, anything else by its id.
        """
        with self._writing() as database:
            select = (
                "SELECT id FROM ledger WHERE engine_id = ? AND kind = ? AND object_id = ?"
                " AND (kind != 'image' OR name = ?)"
            )
            row = database.execute(select, (engine_id, kind, object_id, name)).fetchone()
            if row:
                return int(row[0])
            added = database.execute(
                "INSERT INTO ledger (engine_id, kind, object_id, name, attempt_id, made, entered)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (engine_id, kind, object_id, name, attempt_id, made, self._now()),
            )
            return int(added.lastrowid or 0)

    def entries(self, engine_id: str | None = None) -> tuple[Entry, ...]:
        """The ledger, oldest first; that of one engine when it is named."""
        rows = self._all(f"{_ENTRY} WHERE ?1 IS NULL OR engine_id = ?1 ORDER BY id", (engine_id,))
        return tuple(_entry(row) for row in rows)

    def forget(self, entry_id: int) -> None:
        """Strike an entry out: the object is gone, or was never made."""
        with self._writing() as database:
            database.execute("DELETE FROM ledger WHERE id = ?", (entry_id,))

    # What others do

    def version(self) -> int:
        """A number that is another one once another process, or another ``Store``, has written something."""
        with self._guarded():
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    # What we did to look

    def note_look(self, engine_id: str, object_id: str) -> None:
        """Write down the id of an exec or a helper before it is started; the latest ``LOOKS`` of an engine are kept."""
        with self._writing() as database:
            database.execute("INSERT INTO looks (engine_id, object_id) VALUES (?, ?)", (engine_id, object_id))
            database.execute(
                "DELETE FROM looks WHERE engine_id = ?1 AND id <="
                " (SELECT id FROM looks WHERE engine_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                (engine_id, LOOKS),
            )

    def looks(self, engine_id: str) -> frozenset[str]:
        """The ids of the execs and helpers that the engine may still remember."""
        return frozenset(row[0] for row in self._all("SELECT object_id FROM looks WHERE engine_id = ?", (engine_id,)))

    # Inside

    def _prepare(self) -> None:
        """Check the file, and bring it to this version's schema."""
        with self._guarded():
            # FULL waits for the disk at every commit; a deleted journal is what makes a commit count.
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            # One look: between two, another process may make the tables, and half of an answer would look like damage.
            self._db.execute("BEGIN")
            ready = self._is_ready()
            self._db.execute("COMMIT")
            if ready:
                if self._path.stat().st_size <= WHOLE_CHECK:
                    found = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
                    if found != "ok":
                        raise _damaged(self._path, self.close, str(found))
                return
        with self._writing() as database:
            # Another process may have made the tables since; this is looked at under the lock.
            if not self._is_ready():
                begin = self._version()
                for statements in MIGRATIONS[begin:]:
                    for statement in statements.split(";"):
                        database.execute(statement)
                database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                database.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _is_ready(self) -> bool:
        """Whether the tables are there in this version. Raises when the file is not ours or newer."""
        version, owner = self._version(), self._db.execute("PRAGMA application_id").fetchone()[0]
        if owner != APPLICATION_ID and self._db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
            raise _damaged(self._path, self.close, "it is not a progress file of dockerlearn")
        if version > len(MIGRATIONS):
            raise StoreNewer(f"Your progress in {self._path} was written by a newer dockerlearn.", _REMEDY_UPGRADE)
        return version == len(MIGRATIONS)

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _mark(
        self,
        attempt_id: int,
        step: str,
        kind: Literal["passed", "skipped"],
        verified: Sequence[str],
        since: datetime | None,
    ) -> bool:
        with self._writing() as database:
            row = database.execute(
                "SELECT s.status, s.since, a.pack, a.lesson FROM steps s JOIN attempts a ON a.id = s.attempt_id"
                " WHERE s.attempt_id = ? AND s.step = ?",
                (attempt_id, step),
            ).fetchone()
            if row is None or row[0] in {kind, "passed"} or (since is not None and row[1] != _stamp(since)):
                return False
            now, proof = self._now(), _json(list(verified))
            if kind == "passed":
                database.execute(
                    "UPDATE steps SET status = 'passed', passed_at = ?1,"
                    " first_passed_at = coalesce(first_passed_at, ?1), verified = ?2"
                    " WHERE attempt_id = ?3 AND step = ?4",
                    (now, proof, attempt_id, step),
                )
            else:
                database.execute(
                    "UPDATE steps SET status = 'skipped' WHERE attempt_id = ? AND step = ?", (attempt_id, step)
                )
            identifier = os.urandom(16).hex()
            database.execute(
                "INSERT INTO marks VALUES (?, ?, ?, ?, ?, ?, ?)", (identifier, row[2], row[3], step, kind, now, proof)
            )
            return True

    def _update(self, attempt_id: int, step: str, change: str, *values: int) -> bool:
        """Run one update of a step; ``change`` is a fixed text of this module."""
        with self._writing() as database:
            statement = f"UPDATE steps SET {change} attempt_id = ? AND step = ?"  # noqa: S608 - no foreign text in it
            return database.execute(statement, (*values, attempt_id, step)).rowcount > 0

    def _now(self) -> str:
        return _stamp(self._clock())

    def _one(self, statement: str, values: tuple[object, ...] = ()) -> tuple[Any, ...] | None:
        with self._guarded():
            row: tuple[Any, ...] | None = self._db.execute(statement, values).fetchone()
            return row

    def _all(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with self._guarded():
            return self._db.execute(statement, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed when the block ends, undone when it raises."""
        with self._guarded():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        with _guarded(self._path, self.close):
            yield


class _Export(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    current: StepKey | None
    marks: list[Mark]


_END = "UPDATE attempts SET ended = ?, images_before = NULL WHERE id = ?"
_ATTEMPT = "SELECT id, pack, lesson, engine_id, variables, images, began FROM attempts"
_STEP = (
    "SELECT step, status, since, baseline, hints_shown, choice, wrong_answers, solution_shown, passed_at,"
    " first_passed_at, verified FROM steps"
)
_MARK = "SELECT id, pack, lesson, step, kind, at, verified FROM marks"
_ENTRY = "SELECT id, engine_id, kind, object_id, name, attempt_id, nonce, made, entered FROM ledger"

_REMEDY_HOME = "export DOCKERLEARN_HOME=FOLDER    # a folder you may write to"
_REMEDY_UPGRADE = "Install a newer dockerlearn, from where you got this one."


def _attempt(row: tuple[Any, ...]) -> Attempt:
    identifier, pack, lesson, engine_id, variables, images, began = row
    return Attempt(identifier, pack, lesson, engine_id, decode(variables), decode(images), _moment(began))


def _mark(row: tuple[Any, ...]) -> Mark:
    identifier, pack, lesson, step, kind, at, verified = row
    return Mark(identifier, pack, lesson, step, kind, _moment(at), tuple(decode(verified)))


def _entry(row: tuple[Any, ...]) -> Entry:
    identifier, engine_id, kind, object_id, name, attempt_id, nonce, made, entered = row
    return Entry(identifier, engine_id, kind, object_id, name, attempt_id, nonce, bool(made), _moment(entered))


def _step(row: tuple[Any, ...]) -> StepRecord:
    return StepRecord(
        step=row[0],
        status=row[1],
        since=_moment(row[2]),
        baseline=decode(row[3]),
        hints_shown=row[4],
        choice=row[5],
        wrong_answers=row[6],
        solution_shown=bool(row[7]),
        passed_at=_moment(row[8]) if row[8] else None,
        first_passed_at=_moment(row[9]) if row[9] else None,
        verified=tuple(decode(row[10])),
    )


def _json(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


def _stamp(moment: datetime) -> str:
    # All of one length and zone, so that they sort as texts.
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _moment(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


@contextmanager
def _guarded(path: Path, close: Callable[[], None]) -> Iterator[None]:
    """Raise our own error in place of SQLite's; a damaged file is closed and kept aside first."""
    import sqlite3

    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without it, the extended code's detail
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise _damaged(path, close, str(error)) from error
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise StoreError(
                f"Another dockerlearn has been writing to {path} all the time.", "ps -C dockerlearn -o pid,etime,args"
            ) from error
        if code == sqlite3.SQLITE_FULL:
            raise StoreError(
                f"The disk is full: your progress in {path} could not be written.", _REMEDY_HOME
            ) from error
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
            raise StoreError(f"Your progress in {path} may not be written to.", _REMEDY_HOME) from error
        if code == sqlite3.SQLITE_CANTOPEN:
            raise StoreError(f"Your progress in {path} cannot be opened.", _REMEDY_HOME) from error
        raise StoreError(f"Your progress in {path} cannot be used: {error}.", _REMEDY_HOME) from error


def _damaged(path: Path, close: Callable[[], None], reason: str) -> StoreError:
    """Rename a damaged file, with its journal, and return the error that tells so."""
    close()
    if _is_sound(path):
        # Another process met the same damage first: what stands there now is its new file.
        return StoreError(f"Your progress in {path} was damaged, and has just been set aside. Try again.")
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    kept = path.with_name(f"{path.name}.damaged-{stamp}-{os.getpid()}")
    told = f"Your progress in {path} is damaged ({reason})"
    try:
        # The journal first: left behind, it would be played into the new file.
        journal = path.with_name(f"{path.name}-journal")
        if journal.exists():
            journal.rename(kept.with_name(f"{kept.name}-journal"))
        path.rename(kept)
    except OSError as error:
        return StoreError(f"{told}, and it could not be set aside: {error.strerror or error}.", _REMEDY_HOME)
    return StoreDamaged(
        f"{told}. It was kept as {kept.name}, and a new one begins the next time.",
        "dockerlearn progress import FILE    # if you have exported it before",
    )


def _is_sound(path: Path) -> bool:
    import sqlite3
    from contextlib import closing

    try:
        with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as database:
            database.execute("BEGIN")
            owner = database.execute("PRAGMA application_id").fetchone()[0]
            empty = database.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None
            whole = database.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok"
            return bool(whole and (empty or owner == APPLICATION_ID))
    except sqlite3.Error:
        return False
