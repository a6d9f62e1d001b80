"""Looks that need something to be run or made on the engine: in containers, images and volumes.

Their rules: what is run has its time and its output is cut; helpers have no name and no label, no way to the network or
the host, and are removed with their volumes whatever happens; nothing of it counts as the learner's. One that asks on
behalf of a container shares its network, and ends and is removed by itself. A helper is known by its host name
(``HELPER``) or, where it has another's, by its ``MARK``; what runs in a container by ``DOCKERLEARN_PROBE`` in its
environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from dockerlearn.engine.api import ContainerRow, ContainerSpec, EngineApi, Executed, PathInContainer
from dockerlearn.engine.snapshots import ContainerSnapshot, ImageSnapshot
from dockerlearn.errors import EngineError, EngineRejected
from dockerlearn.world import asking
from dockerlearn.world.asking import Asked, Question
from dockerlearn.world.happened import Own, OwnHere

EXEC_SECONDS = 3.0
"""Seconds that a command in a container may take."""

RUN_SECONDS = 20.0
"""Seconds that a container of an image may take to print what it prints, its start included."""

OUTPUT = 65_536
"""Bytes of output that are looked at."""

HELPER = "dockerlearn-probe"
"""The host name of helpers, and what those that are never started would run."""

MARK = "/dockerlearn-probe"
"""Where a helper with another container's host name has an empty tmpfs, by which an engine finds it in one request."""

BESIDE_SECONDS = 20
"""Seconds after which a helper that shares a network ends by itself."""

_PLACE = "/dockerlearn-volume"

_MEMORY = 128 * 1024 * 1024
_PIDS = 64
_LOG = 1_048_576

# Whatever has our variable with this mark in its environment is ours: what we have started, and its children.
_END = r"""
for place in /proc/[0-9]*; do
  if tr '\0' '\n' < $place/environ 2>/dev/null | grep -q "^DOCKERLEARN_PROBE=$0$"; then
    kill -9 "${place#/proc/}" 2>/dev/null
  fi
done
"""


LEFT_AFTER = timedelta(minutes=1)
"""The age from which a helper is one that a killed tutor has left: none is needed for so long."""

_GONE_SECONDS = RUN_SECONDS + 5.0
"""Seconds that somebody else's helper is waited for: what it may take, and to be removed."""


class Ran(msgspec.Struct, frozen=True):
    """How a container of an image ended: ``exit_code`` None when it had not in time; or ``error``, why it could not."""

    exit_code: int | None
    output: str
    error: str = ""


class Probes:
    """Looks of one kind of cost each: the engine, how time passes, and where the ids of what is ours are noted."""

    def __init__(
        self,
        engine: EngineApi,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        own: Own | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._sleep = sleep
        self._own = own or OwnHere()

    def exec(
        self, container_id: str, command: Sequence[str], *, seconds: float | None = None, limit: int = OUTPUT
    ) -> Executed:
        """Run a command in a container. What does not end in time is ended, it and what it has started.

        An engine cannot do that. We can where we may see the engine's processes, else a shell in the container can; a
        container without one, of another user's engine, keeps the process until it stops.
        """
        mark = os.urandom(8).hex()
        note, lasting = self._own.note, seconds or EXEC_SECONDS
        done = self._engine.exec(container_id, command, seconds=lasting, limit=limit, mark=mark, made=note)
        if done.exit_code is None:
            _end_here(mark)
            with contextlib.suppress(EngineError):  # it was ours to try: a container without a shell cannot help
                self._engine.exec(container_id, ["sh", "-c", _END, mark], seconds=EXEC_SECONDS, made=note)
        return done

    def ask(self, asker: ContainerSnapshot, question: Question, images: Sequence[ImageSnapshot]) -> Asked | None:
        """Ask something from inside a container: with what it has, else beside it with what one of ``images`` has.

        None where neither can, or the container stopped meanwhile.
        """
        asked = self._ask_in(asker.id, question)
        for image in images:
            if asked is not None:
                break
            asked = self._ask_beside(asker, question, image)
        return asked

    def _ask_in(self, container_id: str, question: Question) -> Asked | None:
        try:
            done = self.exec(container_id, question.command, seconds=asking.SECONDS, limit=2 * asking.MOST)
        except EngineRejected:
            return None  # no shell; or it does not run any more
        return asking.read(question, done.raw, late=done.exit_code is None)

    def _ask_beside(self, asker: ContainerSnapshot, question: Question, image: ImageSnapshot) -> Asked | None:
        spec = ContainerSpec(
            name="",
            image=image.id,
            entrypoint=("sleep",),
            command=(str(BESIDE_SECONDS),),
            joins=asker.id,
            tmpfs=frozenset({MARK}),
            volumes=dict.fromkeys(image.volumes, ""),
            no_copy=True,
            auto_remove=True,
            memory=_MEMORY,
            pids=_PIDS,
            log_bytes=_LOG,
        )
        try:
            with self._helper(spec) as made:
                self._engine.start_container(made)
                return self._ask_in(made, question)
        except EngineRejected:
            return None  # this image has nothing to wait with; or the container does not run any more

    def image_paths(self, image: ImageSnapshot, paths: Sequence[str]) -> dict[str, PathInContainer | None]:
        """Look at paths inside an image, through a helper that is never started."""
        # Volumes that nobody looks into need not be filled.
        hidden = {
            volume: ""
            for volume in image.volumes
            if not any(path.rstrip("/").startswith(volume.rstrip("/")) for path in paths)
        }
        spec = ContainerSpec(
            name="", image=image.id, entrypoint=(HELPER,), hostname=HELPER, volumes=hidden, no_copy=True, network="none"
        )
        with self._helper(spec) as made:
            return {path: self._engine.path(made, path) for path in paths}

    def volume_paths(self, volume: str, image_id: str, paths: Sequence[str]) -> dict[str, PathInContainer | None]:
        """Look at paths inside a volume, through a helper of any image that is never started and copies nothing."""
        spec = ContainerSpec(
            name="",
            image=image_id,
            entrypoint=(HELPER,),
            hostname=HELPER,
            volumes={_PLACE: volume},
            read_only=frozenset({_PLACE}),
            no_copy=True,
            network="none",
        )
        with self._helper(spec) as made:
            return {path: self._engine.path(made, f"{_PLACE}/{path.lstrip('/')}") for path in paths}

    def run(self, image: ImageSnapshot, command: Sequence[str] | None, entrypoint: str | None = None) -> Ran:
        """Run a container of an image, without network, and return what it printed and how it ended.

        One that ends and has printed nothing is run once more: an engine that comes to nothing for two seconds lets go
        of what a container printed (moby, ``daemon/monitor.go``), and that is no answer.
        """
        spec = ContainerSpec(
            name="",
            image=image.id,
            command=None if command is None else tuple(command),
            entrypoint=None if entrypoint is None else (entrypoint,),
            hostname=HELPER,
            network="none",
            memory=_MEMORY,
            pids=_PIDS,
            log_bytes=_LOG,
        )
        try:
            ran = self._run(spec)
            return self._run(spec) if ran.exit_code is not None and not ran.output else ran
        except EngineRejected as error:
            return Ran(None, "", error.message)

    def _run(self, spec: ContainerSpec) -> Ran:
        until = self._clock() + RUN_SECONDS
        with self._helper(spec) as made:
            self._engine.start_container(made)
            pause = 0.01
            while True:
                there = self._engine.container(made)
                ended = there is None or there.status in {"exited", "dead"}
                if ended or self._clock() >= until:
                    output = self._engine.logs(made, 1000, OUTPUT) if there is not None else ""
                    return Ran(there.exit_code if ended and there is not None else None, output)
                self._sleep(pause)
                pause = min(pause * 1.5, 0.25)

    @contextlib.contextmanager
    def _helper(self, spec: ContainerSpec) -> Iterator[str]:
        made = self._engine.create_container(spec)
        try:
            self._own.note(made)
            yield made
        finally:
            self._engine.remove_container(made)


def _end_here(mark: str) -> None:
    """End the processes of this machine that have the mark in their environment; others' cannot be seen."""
    wanted = f"DOCKERLEARN_PROBE={mark}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)


def sweep(engine: EngineApi) -> int:
    """Remove helpers that a tutor which was killed has left behind, and return how many there were.

    Costs three requests, and a look at each container without a network, which helpers do not have, or with our mark.
    """
    nowhere = engine.network("none")
    rows = [*(engine.users_of_network(nowhere) if nowhere is not None else ()), *engine.users_of_volume(MARK)]
    removed = 0
    for row in rows:
        if engine.now() - row.created < LEFT_AFTER:
            continue
        there = engine.container(row.id)
        if there is not None and _is_certainly_ours(there):
            removed += engine.remove_container(there.id)
    return removed


def lasting(
    engine: EngineApi,
    rows: Iterable[ContainerRow],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[ContainerRow, ...]:
    """Return those of ``rows`` that are there to stay.

    A tutor in another terminal may have a look just now: its helpers are waited for, and the time they may take.
    """
    until = clock() + _GONE_SECONDS

    def stays(row: ContainerRow) -> bool:
        # The engine's own names have a line in them, and helpers have no others; the rest need no look.
        while "_" in row.name:
            there = engine.container(row.id)
            if there is None:
                return False
            if not is_helper(there) or clock() >= until:
                return True
            sleep(0.02)
        return True

    return tuple(filter(stays, rows))


def is_helper(there: ContainerSnapshot) -> bool:
    """Whether a container says that it is a helper: enough not to count it, too little to remove it."""
    return there.hostname == HELPER or any(mount.target == MARK for mount in there.mounts)


def _is_certainly_ours(there: ContainerSnapshot) -> bool:
    """Whether a container is as helpers are made in every respect; a host name alone proves nothing."""
    if "_" not in there.name:
        return False
    limited = (there.memory, there.pids_limit) == (_MEMORY, _PIDS)
    if there.network_mode.startswith("container:"):
        marked = any(mount.target == MARK and mount.kind == "tmpfs" for mount in there.mounts)
        waits = (there.entrypoint, there.command) == (("sleep",), (str(BESIDE_SECONDS),))
        return marked and waits and limited and there.auto_remove
    looks = there.never_started and there.entrypoint == (HELPER,)
    return there.hostname == HELPER and there.network_mode == "none" and (looks or limited)
