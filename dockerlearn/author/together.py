"""Proves the steps of lessons on several practice engines at the same time, each in namespaces of its own.

Steps are proven from a clean world, so it does not matter on which engine, nor after which other one. A step that is
long holds up none that is short: whoever is done takes the next.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec

from dockerlearn import errors
from dockerlearn.author.prove import CLEANING, Loosened, Needless, Proved
from dockerlearn.author.report import LessonProof
from dockerlearn.author.worker import LOG, Begun, Done, Failed, Order, Ready, Told, Word, Work
from dockerlearn.engine import apart
from dockerlearn.engine.practice import Practice
from dockerlearn.engine.standins import catalogue
from dockerlearn.errors import DockerlearnError, PracticeFailed
from dockerlearn.text import one_line, safe

_ENDS_SECONDS = 60.0
"""How long a program may take to take its engine down."""


class Outcome(msgspec.Struct):
    """What was told about the step of one order."""

    claims: list[Proved] = []
    loosened: tuple[Loosened, ...] = ()
    needless: tuple[Needless, ...] = ()


def stand_ins(references: Iterable[str], practice: Practice, say: Callable[[str], None]) -> Path:
    """Make all images that are needed, where packages can be had, and return the folder that they are in.

    Raises ``PracticeFailed`` for one that cannot be made: an engine apart has no way to a registry.
    """
    store = practice.folder / "store"
    store.mkdir(parents=True, exist_ok=True)
    catalogue.make_cheap(store)
    for reference in references:
        if catalogue.recipe(reference) is None:
            raise PracticeFailed(
                f"Engines beside each other cannot pull, and there is no stand-in for {one_line(reference)}.",
                "Prove this lesson without --jobs.",
            )
        if not catalogue.is_made(reference, store):
            say(f"Making a stand-in of {reference} (up to a minute, once)")
            practice.make(reference)
    return store


def prove(
    work: Work,
    orders: Sequence[Order],
    folder: Path,
    jobs: int,
    *,
    told: Callable[[Proved], None],
    begun: Callable[[str, str], None],
    program: Sequence[str] | None = None,
) -> tuple[LessonProof, ...]:
    """Prove all ``orders`` by so many programs; ``told`` and ``begun`` are called in this thread.

    ``program`` is what is run, by default a worker in namespaces of its own. Raises what one of them could not go on
    for; then nothing is known.
    """
    program = program or apart.command([sys.executable, "-P", "-m", "dockerlearn.author.worker"])
    left = deque(orders)
    outcomes = {order: Outcome() for order in orders}
    words: queue.Queue[tuple[Order | None, Word | None]] = queue.Queue()
    with ExitStack() as stack:
        workers = [_Worker(program, work, folder / f"job-{number}", left, words) for number in range(1, jobs + 1)]
        for worker in workers:
            stack.callback(worker.end)
        for worker in workers:
            worker.start()
        going = len(workers)
        while going:
            order, word = words.get()
            if word is None:
                going -= 1
            elif isinstance(word, Failed):
                raise _error(word)
            elif isinstance(word, Begun):
                begun(word.step, word.claim)
            elif isinstance(word, Told) and order is not None:
                outcomes[order].claims.append(word.proved)
                if word.proved.claim != CLEANING or not word.proved.held:
                    told(word.proved)
            elif isinstance(word, Done) and order is not None:
                outcomes[order].loosened, outcomes[order].needless = word.loosened, word.needless
    return _by_lesson(outcomes)


class _Worker:
    """One of the programs, and the thread that hands it orders and listens to it."""

    def __init__(
        self,
        program: Sequence[str],
        work: Work,
        folder: Path,
        left: deque[Order],
        words: queue.Queue[tuple[Order | None, Word | None]],
    ) -> None:
        folder.mkdir(parents=True)
        self._work = msgspec.structs.replace(work, folder=str(folder))
        self._log = folder / LOG
        self._left = left
        self._words = words
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                program,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True, env=_environment(),
            )  # fmt: skip
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Let it begin."""
        self._thread.start()

    def end(self) -> None:
        """Let it take its engine down; one that does not is ended by the kernel, with all that it has started."""
        self._left.clear()
        if self._process.stdin is not None:
            # What was not yet written need not be, to a program that has ended.
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(_ENDS_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._serve()
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            self._words.put((None, Failed("PracticeFailed", self._last_words(str(error)), None)))
        self._words.put((None, None))

    def _serve(self) -> None:
        assert self._process.stdin is not None  # noqa: S101  # it was given a pipe
        assert self._process.stdout is not None  # noqa: S101  # it was given a pipe
        self._send(self._work)
        order: Order | None = None
        for line in self._process.stdout:
            word = msgspec.json.decode(line, type=Word)
            self._words.put((order, word))
            if isinstance(word, Failed):
                return
            if isinstance(word, Ready | Done):
                try:
                    order = self._left.popleft()
                except IndexError:
                    return
                self._send(order)
        raise ValueError("it ended")

    def _send(self, what: Work | Order) -> None:
        assert self._process.stdin is not None  # noqa: S101  # it was given a pipe
        self._process.stdin.write(msgspec.json.encode(what) + b"\n")
        self._process.stdin.flush()

    def _last_words(self, error: str) -> str:
        said = self._log.read_text(errors="replace").strip().splitlines()[-8:]
        lines = "\n".join(f"  {safe(line)}" for line in said) or f"  {safe(error)}"
        return f"A program that proves steps beside this one ended. Its last words:\n{lines}"


def _environment() -> dict[str, str]:
    """The environment of the programs: none of what names another engine, and this very program's code."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    code = [str(Path(__file__).parents[2]), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(code)}


def _error(word: Failed) -> DockerlearnError:
    kind = getattr(errors, word.kind, DockerlearnError)
    is_ours = isinstance(kind, type) and issubclass(kind, DockerlearnError)
    made = kind if is_ours and kind.__init__ is DockerlearnError.__init__ else DockerlearnError
    return made(word.message, word.remedy)


def _by_lesson(outcomes: dict[Order, Outcome]) -> tuple[LessonProof, ...]:
    """A proof for each lesson, in the order of the steps; that cleaning leaves nothing is told once."""
    proofs = []
    for lesson in dict.fromkeys(order.lesson for order in outcomes):
        its = [outcome for order, outcome in outcomes.items() if order.lesson == lesson]
        claims = [claim for outcome in its for claim in outcome.claims]
        cleaned = [claim for claim in claims if claim.claim == CLEANING]
        whole = Proved(
            lesson, CLEANING, not any(claim.fell for claim in cleaned),
            "; ".join(dict.fromkeys(claim.why for claim in cleaned if claim.fell)),
            sum(claim.seconds for claim in cleaned),
        )  # fmt: skip
        proofs.append(
            LessonProof(
                lesson,
                (*(claim for claim in claims if claim.claim != CLEANING), whole),
                tuple(one for outcome in its for one in outcome.loosened),
                tuple(one for outcome in its for one in outcome.needless),
            )
        )
    return tuple(proofs)
