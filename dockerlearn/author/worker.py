"""One of several programs that prove steps at the same time, each on a practice engine of its own.

It is run apart (``engine.apart``) by ``author.together``, takes orders from its standard input, a line of JSON each,
and tells on its standard output what becomes of them. When its input ends, it takes its engine down and ends.
"""

from __future__ import annotations

import os
import queue
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from dockerlearn.author.prove import Loosened, Needless, Proved, Prover
from dockerlearn.course.packs import open_pack
from dockerlearn.engine import bridge, client, endpoint
from dockerlearn.engine.practice import Practice
from dockerlearn.errors import DockerlearnError

LOG = "worker.log"
"""Where in its folder it writes what else there is to say."""


class Work(msgspec.Struct, frozen=True):
    """The first order: the pack, a folder of its own, the stand-ins to serve, and how to prove."""

    pack: str
    folder: str
    stand_ins: str
    seed: int
    mutate: bool


class Order(msgspec.Struct, frozen=True):
    """A step to prove."""

    lesson: str
    step: str


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The engine answers."""


class Begun(msgspec.Struct, frozen=True, tag=True):
    """A claim is looked at."""

    step: str
    claim: str


class Told(msgspec.Struct, frozen=True, tag=True):
    """A claim was looked at."""

    proved: Proved


class Done(msgspec.Struct, frozen=True, tag=True):
    """An order was carried out."""

    loosened: tuple[Loosened, ...]
    needless: tuple[Needless, ...]


class Failed(msgspec.Struct, frozen=True, tag=True):
    """It cannot go on: the kind of error, and what it says."""

    kind: str
    message: str
    remedy: str | None


Word = Ready | Begun | Told | Done | Failed


class Orders:
    """The lines of a stream, read while something else is done: its end interrupts that."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._is_waiting = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._is_waiting.set()
            line = self._lines.get()
            if line is None:
                return
            self._is_waiting.clear()
            yield line

    def _read(self) -> None:
        for line in self._stream:
            self._lines.put(line)
        if not self._is_waiting.is_set():
            os.kill(os.getpid(), signal.SIGINT)
        self._lines.put(None)


def serve(orders: Iterator[bytes], tell: Callable[[Word], None]) -> None:
    """Start an engine and carry out orders until there are no more."""
    work = msgspec.json.decode(next(orders), type=Work)
    bridge.loopback_up()
    folder = Path(work.folder)
    practice = Practice(folder / "engine")
    try:
        practice.folder.mkdir(mode=0o700)
        # What the mirror serves was made outside, where packages can be had.
        shutil.copytree(work.stand_ins, practice.folder / "store", copy_function=_link)
        status = practice.up(stand_ins=True)
        engine = client.connect(endpoint.find({"DOCKER_HOST": str(status.address)}, folder))
        tell(Ready())
        pack = open_pack(Path(work.pack))
        for line in orders:
            order = msgspec.json.decode(line, type=Order)
            prover = Prover(
                pack, lambda: engine, str(status.address), folder, seed=work.seed, mutate=work.mutate,
                told=lambda proved: tell(Told(proved)), begun=lambda step, claim: tell(Begun(step, claim)),
            )  # fmt: skip
            prover.prove(order.lesson, (order.step,))
            tell(Done(tuple(prover.loosened), tuple(prover.needless)))
        engine.close()
    except DockerlearnError as error:
        tell(Failed(type(error).__name__, error.message, error.remedy))
    finally:
        # An engine is taken down whole, whoever loses patience meanwhile.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        practice.down(purge=True)


def _link(source: str, target: str) -> None:
    """A file of the store is never written to, so one will do; on another file system it is copied."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def main() -> None:
    """Serve whoever started this program."""
    # What else is printed must not come between the words.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as words:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            serve(iter(Orders(sys.stdin.buffer)), lambda word: _say(words, word))
        except KeyboardInterrupt:
            sys.exit(130)


def _say(words: IO[bytes], word: Word) -> None:
    words.write(msgspec.json.encode(word) + b"\n")
    words.flush()


if __name__ == "__main__":
    main()
