"""Follows a step: looks again when something happened, and says when something is so that was not so before.

Events only say: look again. What is so is read from the engine each time, by one thread, one look after the other, so
that an older look can never replace a newer one. Beside the events there is a slow poll, for what makes none (a server
that comes up, a line in a log) and for events that got lost; the workspace's files and the store are looked at for
changes more often, which costs next to nothing.

No event is missed between the first look and the stream: the stream begins a second before the look, by the engine's
clock, with what the engine remembers. It is opened anew, in the same way, when it ends.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from enum import Enum, auto
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Self

import msgspec

from dockerlearn.checks.outcome import Status
from dockerlearn.checks.run import settling
from dockerlearn.course.names import declared
from dockerlearn.engine.snapshots import EventSnapshot
from dockerlearn.errors import BeingSetUp, DockerlearnError, EngineError, OtherEngine
from dockerlearn.world.workspace import traces

if TYPE_CHECKING:
    from dockerlearn.engine.api import EngineApi, EventStream
    from dockerlearn.progress.records import StepRecord
    from dockerlearn.session.session import Place, Session
    from dockerlearn.session.verdict import Verdict

OVERLAP = timedelta(seconds=1)
"""How long before now a stream begins: the engine's clock is known to the second, and told things twice do no harm."""

KINDS = frozenset({"container", "image", "network", "volume"})

SILENT = frozenset({"top", "archive-path", "exec_create", "exec_detach", "resize", "detach"})
"""What changes nothing, and what our own looks cause without an id by which they could be known."""


class Rhythm(msgspec.Struct, frozen=True):
    """How often is looked, in seconds.

    ``tick`` for files and the store; ``poll`` for the engine when nothing happens, doubled each time up to ``slowest``;
    ``retry`` for an engine that is lost, doubled up to ``poll``.
    """

    tick: float = 0.3
    poll: float = 2.0
    slowest: float = 10.0
    retry: float = 0.25


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is so now, and was not before.

    ``verdict`` is None while the engine cannot be looked at, and ``error`` says why. ``waiting_for`` says what is on
    its way, so that an unmet verdict is not the last word. ``moved``: it is another step than before. ``aloud``: the
    tutor may speak unasked, for no right way leads on from here.
    """

    place: Place
    verdict: Verdict | None
    error: DockerlearnError | None = None
    waiting_for: str = ""
    moved: bool = False

    @property
    def aloud(self) -> bool:
        """Whether this is a mistake from which no right way leads on."""
        verdict = self.verdict
        return (
            verdict is not None
            and verdict.status is Status.UNMET
            and not self.waiting_for
            and verdict.mistake is not None
            and verdict.mistake.dead_end
        )

    @property
    def met(self) -> bool:
        """Whether the step is met."""
        return self.verdict is not None and self.verdict.status is Status.MET


class _Call(Enum):
    """What another thread asks for."""

    LOOK = auto()
    RETURN = auto()


class Follower:
    """Follows one step, or with ``step`` None whichever is the current one.

    ``next`` and iterating belong to the thread whose ``session`` it is; ``wake``, ``interrupt`` and ``close`` may be
    called from any. ``noticed`` counts what may have made a difference, and may be read from any, too.
    ``forget`` lets go of the engine, so that the session connects anew: after a loss, another one may answer.
    """

    def __init__(
        self, session: Session, step: str | None = None, *, forget: Callable[[], None], rhythm: Rhythm | None = None
    ) -> None:
        self._session = session
        self._step = step
        self._forget = forget
        self._rhythm = rhythm or Rhythm()
        self._news: SimpleQueue[EventSnapshot | _Reader | _Call] = SimpleQueue()
        self._reader: _Reader | None = None
        self.noticed = 0
        self._closed = False
        self._interrupted = threading.Event()
        self._last: Change | None = None
        self._due = 0.0
        self._rest_until = 0.0
        self._poll = self._rhythm.poll
        self._retry = self._rhythm.retry
        self._settling_since: float | None = None
        self._tick_at = 0.0
        self._happened = True
        self._relevance: _Relevance | None = None
        self._files: frozenset[tuple[str, int, int]] = frozenset()
        self._store_version = -1
        self._seen: tuple[str, StepRecord | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._closed:
            self._observe()
        self.close()

    def __iter__(self) -> Iterator[Change]:
        """Give every change, the state at the beginning first, until it is closed."""
        while (change := self.next()) is not None:
            yield change

    def next(self, seconds: float | None = None) -> Change | None:
        """Wait for the next change; None after ``seconds`` without one, and when it was closed or interrupted.

        The first one comes at once. Raises ``EngineError`` when the engine cannot be reached at the very beginning, and
        ``NothingOpen`` and ``StoreError`` at any time.
        """
        until = None if seconds is None else time.monotonic() + seconds
        if self._is_interrupted():
            return None
        self._observe()  # what the last change was about; by now it has been told
        while not self._closed and not self._is_interrupted():
            now = time.monotonic()
            if now >= self._due:
                change = self._look()
                if change is not None:
                    return change
                self._observe()
                continue
            left = min(self._due - now, self._rhythm.tick)
            if until is not None:
                if now >= until:
                    return None
                left = min(left, until - now)
            self._gather(left)
        return None

    def wake(self) -> None:
        """Look now."""
        self._news.put(_Call.LOOK)

    def interrupt(self) -> None:
        """Have ``next`` give None, now or when it is called, once: its thread has something else to do."""
        self._interrupted.set()
        self._news.put(_Call.RETURN)

    def close(self) -> None:
        """End it; whoever waits in ``next`` gets None."""
        self._closed = True
        self._hang_up()
        self._news.put(_Call.RETURN)

    def _is_interrupted(self) -> bool:
        """Whether it was; once."""
        if not self._interrupted.is_set():
            return False
        self._interrupted.clear()
        return True

    # What happened

    def _gather(self, seconds: float) -> None:
        """Wait for news so long, then take all there are together: a hundred events are one reason to look."""
        news: list[EventSnapshot | _Reader | _Call] = []
        try:
            news.append(self._news.get(timeout=max(seconds, 0.0)))
            while True:
                news.append(self._news.get_nowait())
        except Empty:
            pass
        if _Call.LOOK in news or self._is_relevant([one for one in news if isinstance(one, EventSnapshot)]):
            self._soon()
        if self._reader is not None and self._reader in news:
            # It ended: the engine stopped, or hung up. Looking tells which.
            self._lose()
            self._due = min(self._due, time.monotonic() + self._retry)
        if time.monotonic() >= self._tick_at:
            self._tick_at = time.monotonic() + self._rhythm.tick
            if self._something_changed_here():
                self._soon()

    def _soon(self) -> None:
        """Something happened: look now, or when the last look has been over for as long as it took."""
        self.noticed += 1
        self._poll = self._rhythm.poll
        self._settling_since = None
        self._happened = True
        self._due = min(self._due, max(time.monotonic(), self._rest_until))

    def _is_relevant(self, events: list[EventSnapshot]) -> bool:
        return bool(events) and (self._relevance is None or self._relevance.of(events))

    def _something_changed_here(self) -> bool:
        """Whether another process moved on, or a file in the workspace changed."""
        version = self._session.store.version()
        if version != self._store_version:
            self._store_version = version
            # Most of what is written there changes nothing here: what another look ran, a hint that was counted.
            place = self._session.place(self._step)
            if self._seen != (place.name, place.record):
                return True
        if self._last is None:
            return False
        files = traces(self._last.place.folder)
        changed = files != self._files
        self._files = files
        return changed

    # Looking

    def _look(self) -> Change | None:
        """Look once, and return what is so if it is not what was so before."""
        began = time.monotonic()
        self._store_version = self._session.store.version()
        place = self._session.place(self._step)
        self._seen = place.name, place.record
        # Before the look: what changes during it is looked at again.
        self._files = traces(place.folder)
        verdict, error = None, None
        try:
            if place.step.kind == "do":
                self._connect(place)
            verdict = self._session.verify(place, limit=0.0, explaining=False)
            self._retry = self._rhythm.retry
        except BeingSetUp:
            # What is so in the middle of it says nothing. When it is over, the step was started anew.
            self._due = time.monotonic() + self._rhythm.tick
            return None
        except (EngineError, OtherEngine) as raised:
            if self._last is None:
                raise
            self._lose()
            error = raised
        ended = time.monotonic()
        self._rest_until = ended + (ended - began)
        waiting_for = self._plan(place, verdict, ended)
        moved = self._last is not None and self._last.place.name != place.name
        change = Change(place=place, verdict=verdict, error=error, waiting_for=waiting_for, moved=moved)
        if self._last is not None and _said(change) == _said(self._last):
            self._last = change
            return None
        self._last = change
        return change

    def _plan(self, place: Place, verdict: Verdict | None, now: float) -> str:
        """Say when to look next; return what is waited for."""
        if verdict is None or verdict.status is Status.UNKNOWN:
            self._due = now + self._retry
            self._retry = min(self._retry * 2, self._rhythm.poll)
            return ""
        coming = settling(place.step.check, verdict.outcomes) if verdict.status is Status.UNMET else None
        if coming is not None:
            since = self._settling_since if self._settling_since is not None else now
            self._settling_since = since
            if now - since < coming.patience:
                self._due = now + max(coming.pause, 0.02)
                return ", ".join(coming.waiting_for) or "what is on its way"
        else:
            self._settling_since = None
        self._due = now + self._poll
        self._poll = min(self._poll * 2, self._rhythm.slowest)
        return ""

    def _observe(self) -> None:
        """Enter what has appeared into the ledger, once after something happened."""
        if self._happened and self._last is not None and self._last.verdict is not None:
            self._happened = False
            with contextlib.suppress(EngineError, OtherEngine):  # the next look says so
                self._session.observe(self._last.place)

    def _connect(self, place: Place) -> None:
        """Follow the engine's events, if that is not done already."""
        engine = self._session.engine()
        if self._relevance is None or self._relevance.step != place.name:
            self._relevance = _Relevance(self._session, place, engine)
        if self._reader is None:
            _ = engine.identity  # an answer, so that the engine's clock is that of now
            self._reader = _Reader(engine.follow(engine.now() - OVERLAP), self._news)
            self._reader.start()

    def _lose(self) -> None:
        self._hang_up()
        self._relevance = None
        self._forget()

    def _hang_up(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.stream.close()


class _Reader(threading.Thread):
    """Reads a stream into a queue, and puts itself there at its end."""

    def __init__(self, stream: EventStream, news: SimpleQueue[EventSnapshot | _Reader | _Call]) -> None:
        super().__init__(name="dockerlearn-events", daemon=True)
        self.stream = stream
        self._news = news

    def run(self) -> None:
        """Read to the end."""
        try:
            for event in self.stream:
                self._news.put(event)
        except EngineError:
            pass  # whoever looks next finds out, and says it
        finally:
            self._news.put(self)


class _Relevance:
    """Tells what can make a difference from what cannot: what we did ourselves, health checks, and repetitions."""

    def __init__(self, session: Session, place: Place, engine: EngineApi) -> None:
        self.step = place.name
        self._engine = engine
        self._looks = session.looks(engine)
        self._names = declared(place.lesson).containers
        self._health: dict[str, str] = {}
        self._checks: set[str] = set()
        self._told: dict[tuple[int, str, str], None] = {}

    def of(self, events: Iterable[EventSnapshot]) -> bool:
        """Whether one of them is worth a look."""
        candidates = [event for event in events if self._may_matter(event)]
        if not candidates:
            return False
        # Asked for after they happened: by then the ids of what we have started are noted.
        own = self._looks.ids()
        return any(
            not own & {event.id, event.attributes.get("execID", ""), event.attributes.get("container", "")}
            and not self._is_health_check(event)
            for event in candidates
        )

    def _may_matter(self, event: EventSnapshot) -> bool:
        key = (event.nanoseconds, event.id, event.action)
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > 2_000:
            for old in list(self._told)[:1_000]:
                del self._told[old]
        if event.kind not in KINDS or event.action in SILENT:
            return False
        # A helper of ours is made before its id is known; one that nobody has named matters when it is started.
        return event.kind != "container" or event.action != "create" or event.name in self._names

    def _is_health_check(self, event: EventSnapshot) -> bool:
        if not event.action.startswith("exec_"):
            return False
        execution = event.attributes.get("execID", "")
        if event.action == "exec_die":
            return execution in self._checks
        if event.id not in self._health:
            try:
                there = self._engine.container(event.id)
            except EngineError:
                return False
            self._health[event.id] = there.health.command if there is not None and there.health is not None else ""
        command = self._health[event.id]
        if not command or command != event.command:
            return False
        self._checks.add(execution)
        return True


def _said(change: Change) -> tuple[object, ...]:
    """What of a change is shown: two that agree in it are one."""
    verdict = change.verdict
    return (
        change.place.name,
        change.place.passed,
        change.error.message if change.error is not None else "",
        change.waiting_for,
        None
        if verdict is None
        else (
            verdict.status,
            tuple((one.check, one.status, one.expected, one.found) for one in verdict.outcomes),
            verdict.mistake.name if verdict.mistake is not None else "",
        ),
    )
