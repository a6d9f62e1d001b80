"""A thread that asks the engine and the store, so that the shell never waits for either.

It does one thing after the other: what it is told to, and in between it follows the step. So no look is ever replaced
by an older one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from dockerlearn.errors import DockerlearnError
from dockerlearn.session.follow import Change, Follower
from dockerlearn.session.session import Session

T = TypeVar("T")


class Connected(NamedTuple):
    """A session for one thread; ``forget`` lets go of the engine, so that it connects anew."""

    session: Session
    forget: Callable[[], None]


Opened = Callable[["Worker"], AbstractContextManager[Connected]]
"""Opens a session for the worker's thread; what it waits for and tells goes to ``Worker.waiting`` and ``notice``."""

_PATIENCE = 3.0
"""Seconds that the thread has to end in; it is not waited for longer, and ends with the program."""

_REST = 2.0
"""Seconds until it is tried again to follow a step that could not be followed."""


class Superseded(Exception):
    """A look was given up for something newer."""


class _Task(NamedTuple):
    act: Callable[[Session], Any]
    then: Callable[[Any], None]
    otherwise: Callable[[DockerlearnError], None] | None
    after: Callable[[Session], None] | None
    is_look: bool
    can_wait: bool


class Worker:
    """Does one task after the other; what comes of them is delivered where ``fd`` is watched.

    ``told`` gets what is waited for and noticed. ``changed`` is called in the thread with what following the step
    shows, and gives what is to be called where results are delivered; ``lost`` gets the error when that ends.
    """

    def __init__(
        self,
        session: Opened,
        *,
        told: Callable[[str, str], None],
        changed: Callable[[Session, Change], Callable[[], None]],
        lost: Callable[[DockerlearnError], None],
    ) -> None:
        self._session = session
        self._told = told
        self._changed = changed
        self._lost = lost
        self._follower: Follower | None = None
        self._rest = 0.0
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._results: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._newer = threading.Event()
        self._looking = False
        # How many tasks that cannot wait there were, were begun and have ended: one thread writes each.
        self._urgent = self._begun = self._ended = 0
        self.fd, self._wake = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._wake, False)
        self._thread = threading.Thread(target=self._run, name="dockerlearn-tutor", daemon=True)

    def start(self) -> None:
        """Begin; not before the shell was started, since a process is not to be copied with threads in it."""
        self._thread.start()

    def do(
        self,
        act: Callable[[Session], T],
        then: Callable[[T], None],
        otherwise: Callable[[DockerlearnError], None] | None = None,
        *,
        after: Callable[[Session], None] | None = None,
        is_look: bool = False,
        can_wait: bool = False,
    ) -> None:
        """Have ``act`` done in the thread, then ``then`` with what it gave where results are delivered.

        ``otherwise`` gets an error of ours; without it, errors are dropped. ``after`` is done once the result is on its
        way. A look that is waiting for something to
        settle is given up when anything newer is to be done that cannot wait, and nothing is called.
        """
        if not can_wait:
            self._urgent += 1
        self._tasks.put(_Task(act, then, otherwise, after, is_look, can_wait))
        if not can_wait:
            self._newer.set()
        self._interrupt()

    @property
    def is_busy(self) -> bool:
        """Whether something that cannot wait is being done, or is to be."""
        return self._ended < self._urgent

    @property
    def noticed(self) -> int:
        """A number that is another one when something happened on the engine that may make a difference."""
        follower = self._follower
        return follower.noticed if follower is not None else -1

    def deliver(self) -> None:
        """Call what is to be called; raises what was raised in the thread and is no error of ours."""
        with suppress(BlockingIOError):
            os.read(self.fd, 4096)
        with suppress(Empty):
            while True:
                self._results.get_nowait()()

    def close(self) -> None:
        """End the thread."""
        self._tasks.put(None)
        self._newer.set()
        self._interrupt()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE)

    # In the thread

    def waiting(self, text: str) -> None:
        """Tell what is waited for."""
        self._deliver(lambda: self._told("waiting", text))

    def notice(self, text: str) -> None:
        """Tell what the learner should know."""
        self._deliver(lambda: self._told("notice", text))

    def sleep(self, seconds: float) -> None:
        """Wait for something to settle. Raises ``Superseded`` in a look when there is something newer to do."""
        if self._newer.wait(seconds) and self._looking:
            raise Superseded

    def _run(self) -> None:
        try:
            with self._session(self) as connected:
                try:
                    while (task := self._next(connected)) is not None:
                        self._newer.clear()
                        if not task.can_wait:
                            self._begun += 1
                        if self._begun < self._urgent:
                            self._newer.set()
                        self._looking = task.is_look
                        self._do(task, connected.session)
                        if not task.can_wait:
                            self._ended += 1
                finally:
                    self._follow_no_more()
        except BaseException as error:  # noqa: BLE001 - raised again where the program can end with it
            self._deliver(_raising(error))

    def _do(self, task: _Task, session: Session) -> None:
        try:
            result = task.act(session)
        except Superseded:
            return
        except DockerlearnError as error:
            otherwise, told = task.otherwise, error
            if otherwise is not None:
                self._deliver(lambda: otherwise(told))
            return
        self._deliver(lambda: task.then(result))
        if task.after is not None:
            with suppress(DockerlearnError):  # the next look says so
                task.after(session)

    def _next(self, connected: Connected) -> _Task | None:
        """Follow the step until there is something to do."""
        while True:
            with suppress(Empty):
                return self._tasks.get(timeout=self._rest)
            self._rest = 0.0
            if self._follower is None:
                # Whoever puts a task sees it from now on; one that was put before is there.
                self._follower = Follower(connected.session, forget=connected.forget)
                continue
            self._follow(self._follower, connected.session)

    def _follow(self, follower: Follower, session: Session) -> None:
        self._looking = False
        try:
            change = follower.next()
            told = self._changed(session, change) if change is not None else None
        except DockerlearnError as error:
            lost = error
            self._follow_no_more()
            self._rest = _REST
            self._deliver(lambda: self._lost(lost))
            return
        if told is not None:
            self._deliver(told)

    def _follow_no_more(self) -> None:
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.close()

    def _interrupt(self) -> None:
        """Have the thread return from following."""
        if (follower := self._follower) is not None:
            follower.interrupt()

    def _deliver(self, result: Callable[[], None]) -> None:
        self._results.put(result)
        with suppress(BlockingIOError, OSError):
            os.write(self._wake, b"!")


def _raising(error: BaseException) -> Callable[[], None]:
    def raise_it() -> None:
        raise error

    return raise_it
