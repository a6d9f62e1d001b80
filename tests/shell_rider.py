"""``python -m tests.shell_rider SHELL LOG``: a rider for tests, which writes down what it hears and does as it is told.

What it is told stands in ``$RIDER_SAYS`` as lines of Python, run with ``ride``, ``rider`` and ``event`` at each event.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from dockerlearn.shell.begin import ride
from dockerlearn.shell.known import Known, recognise
from dockerlearn.shell.ride import Ride
from dockerlearn.shell.rider import Done


class Recorder:
    """Writes a line of JSON for each thing it hears of."""

    def __init__(self, ride: Ride, log: Path) -> None:
        self.ride = ride
        self.log = log.open("a", buffering=1)
        self.told = os.environ.get("RIDER_SAYS", "")
        self.memory: dict[str, Any] = {}
        if fifo := os.environ.get("RIDER_FIFO"):
            fd = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
            self.fifo = fd
            ride.watch(fd, self._poked)
        self._hear("made")

    def _poked(self) -> None:
        self._hear("poked", text=os.read(self.fifo, 4096).decode())

    def _hear(self, name: str, **what: Any) -> None:
        event = {"event": name, **what}
        self.log.write(json.dumps({**event, "at": time.time()}) + "\n")
        if self.told:
            exec(self.told, {"ride": self.ride, "rider": self, "event": event, "memory": self.memory})

    def began(self, text: str) -> None:
        self._hear("began", text=text)

    def done(self, done: Done) -> None:
        head, tail = done.head.decode("latin-1"), done.tail.decode("latin-1")
        self._hear("done", text=done.text, status=done.status, seconds=done.seconds, head=head, tail=tail)

    def prompt(self, *, empty: bool) -> None:
        self._hear("prompt", empty=empty)

    def unfinished(self) -> None:
        self._hear("unfinished")

    def lost(self, why: str) -> None:
        self._hear("lost", why=why)


def main() -> int:
    shell, log = sys.argv[1], Path(sys.argv[2])
    found = recognise({**os.environ, "SHELL": shell})
    assert isinstance(found, Known), found
    if os.environ.get("RIDER_OLD_BASH"):
        found = found._replace(version=(4, 4))
    return ride(
        found,
        lambda ride: Recorder(ride, log),
        program=[sys.executable, "-c", "import sys; print('tutor:', *sys.argv[1:])"],
        words=["hint", "task", "check"],
        folder=Path(os.environ.get("RIDER_FOLDER", os.environ["HOME"])),
        variables={"DOCKER_HOST": "unix:///of/the/tutor.sock", "DOCKER_CONTEXT": None},
        environ=os.environ,
    )


if __name__ == "__main__":
    raise SystemExit(main())
