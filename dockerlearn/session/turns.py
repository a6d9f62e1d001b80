"""Who may be at the world of a step just now: one who sets it up, or those who look at it.

In the middle of a set-up a step can be met for a moment, and whatever is taken away may be what a look has in its
hands. So terminals take turns, by a lock on a file: it is gone with the process that has it, however that ends.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dockerlearn.errors import BeingSetUp

try:
    import fcntl
except ImportError:  # Windows, where terminals do not take turns
    fcntl = None  # type: ignore[assignment]

LOOK_SECONDS = 60.0
"""Seconds for which a set-up is waited for that another process is at; one that pulls or builds can take longer."""

SET_UP_SECONDS = 20.0
"""Seconds for which a look is waited for; one that takes longer was stopped, and keeps nobody."""

_PAUSE = 0.02


class Turns:
    """The turns of all processes that use the same file."""

    def __init__(
        self, path: Path, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._path = path
        self._clock = clock
        self._sleep = sleep

    @contextmanager
    def looking(self, patience: float = LOOK_SECONDS) -> Iterator[None]:
        """Look while nobody sets up.

        Raises ``BeingSetUp`` when somebody does for longer than ``patience``, in seconds.
        """
        with self._turn(alone=False, patience=patience) as had:
            if not had:
                raise BeingSetUp(
                    "A step is just being set up in another terminal.", "Wait for that one, and try again."
                )
            yield

    @contextmanager
    def setting_up(self) -> Iterator[None]:
        """Set up while nobody looks."""
        with self._turn(alone=True, patience=SET_UP_SECONDS):
            yield

    @contextmanager
    def _turn(self, *, alone: bool, patience: float) -> Iterator[bool]:
        """Gives whether the turn was had in time."""
        if fcntl is None:
            yield True
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            until = self._clock() + patience
            while not (had := _locked(file, alone=alone)) and self._clock() < until:
                self._sleep(_PAUSE)
            yield had
        finally:
            os.close(file)


def _locked(file: int, *, alone: bool) -> bool:
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
