"""Line mode: the tutor reads a line, runs it in your shell or does what it says, and looks at the engine after it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dockerlearn.checks.outcome import Status
from dockerlearn.errors import DockerlearnError, UsageError
from dockerlearn.text import one_line
from dockerlearn.ui.steps import (
    advice_lines,
    asking_lines,
    doing_lines,
    finished_lines,
    opening_lines,
    told_lines,
    verdict_lines,
    without_way,
)
from dockerlearn.ui.view import View
from dockerlearn.ui.words import FAREWELL, GOES_ON
from dockerlearn.world.journal import Typed

if TYPE_CHECKING:
    from dockerlearn.session.session import Moved, Place, Session
    from dockerlearn.session.verdict import Verdict

Read = Callable[[str], str]
"""Shows a prompt and returns a line; raises ``EOFError`` at the end and ``KeyboardInterrupt`` for Ctrl-C."""

POSIX_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "mksh", "ash"})

HELP = """\
Type commands as in your shell; the tutor looks at the engine after each. Its own words:

  task       show the task again          check     verify now, and say what is missing
  hint       the next hint                solution  a solution
  answer X   answer with X                skip      leave the step for now
  redo       start the step afresh        back      the step before
  next       the next step                learn     the whole step again
  concept    the lesson in depth          lessons   what there is
  quit       leave; dockerlearn start comes back here

A word of the tutor's that is also a program of yours: put dl before it for the tutor (dl task), or a backslash for
the program (\\task). cd holds from line to line; other changes to the shell (variables, aliases) do not.
"""


WELCOME = "Type commands at the prompt. hint helps, check says what is missing, help shows the tutor's other words."


class Leave(Exception):
    """The learner leaves."""


class LineMode:
    """A learner at a prompt. ``environment`` is what commands are run with."""

    def __init__(self, session: Session, view: View, environment: Mapping[str, str], read: Read | None = None) -> None:
        self._session = session
        self._view = view
        self._environment = dict(environment)
        self._read = read or _read_line
        self._said: str | None = None
        self._verbs: Mapping[str, Callable[[str], None]] = {
            "task": lambda _: self._show(learn=False),
            "learn": lambda _: self._show(learn=True),
            "check": lambda _: self._check(),
            "hint": lambda _: self._view.hint(self._session.hint(self._place)),
            "solution": lambda _: self._solution(),
            "answer": self._answer,
            "next": lambda _: self._next(),
            "skip": lambda _: self._go(self._session.skip()),
            "back": lambda _: self._enter(self._session.back()),
            "redo": lambda _: self._enter(self._session.redo(self._place.full_name)),
            "concept": lambda _: self._view.concept(self._place.lesson, self._session),
            "lessons": lambda _: self._view.syllabus(self._session.syllabus()),
            "help": lambda _: self._view.verbatim(HELP),
            "quit": lambda _: self._leave(),
            "exit": lambda _: self._leave(),
        }

    def run(self, place: Place) -> int:
        """Stay until the learner leaves; return the exit code."""
        self._place = place
        self._folder = place.folder
        try:
            self._enter(place)
            while True:
                self._turn()
        except (EOFError, Leave):
            self._view.note(FAREWELL)
            return 0

    def _turn(self) -> None:
        try:
            line = self._read(self._prompt()).strip()
        except KeyboardInterrupt:
            self._view.note("")
            return
        try:
            self._take(line)
        except DockerlearnError as error:
            self._view.error(error)

    def _take(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "dl":
            word, _, rest = rest.strip().partition(" ")
            if word not in self._verbs:
                raise UsageError(f"The tutor has no word {one_line(word, 40)!r}.", "help shows its words")
        if not line:
            if self._place.passed or self._place.step.kind == "read":
                self._next()
        elif word in self._verbs and (not rest or word == "answer"):
            self._verbs[word](rest.strip())
        elif self._is_answer(line):
            self._answer(line)
        else:
            self._command(line.removeprefix("\\"))

    # The tutor's words

    def _enter(self, place: Place) -> None:
        """Show a step from its beginning, and take its prediction."""
        if place.folder != self._place.folder:
            self._folder = place.folder
        self._place = place
        self._said = None
        self._show(learn=True)

    def _show(self, *, learn: bool) -> None:
        view, place = self._view, self._place
        view.lines(opening_lines(place, view.style, learn=learn))
        if place.prediction_open:
            self._predict()
        view.lines(doing_lines(self._place, view.style))

    def _predict(self) -> None:
        view, predict = self._view, self._place.step.predict
        if predict is None:
            return
        view.lines(asking_lines(predict.ask, predict.choices, view.style))
        while True:
            try:
                text = self._read(view.style.symbols(f"your answer (1-{len(predict.choices)}) › "))
                told = self._session.predict(self._place, text)
            except KeyboardInterrupt:
                view.note("")
            except UsageError as error:
                view.note(error.remedy or error.message)
            else:
                break
        view.lines([*told_lines(told, view.style), ""])
        self._place = self._session.place(self._place.full_name)

    def _answer(self, text: str) -> None:
        if self._place.step.kind in {"do", "read"}:
            raise UsageError("This step asks for no answer; the tutor looks at the engine.", "check")
        told = self._session.answer(self._place, text)
        self._place = self._session.place(self._place.full_name)
        self._view.lines(without_way(told_lines(told, self._view.style), self._view.style))
        if told.passed:
            self._passed()

    def _check(self) -> None:
        verdict = self._session.check(self._place)
        self._say(verdict)

    def _solution(self) -> None:
        place = self._place
        solution = self._session.solution(place)
        # The script begins with a cd into the folder where these commands are run anyway.
        self._view.verbatim("".join(f"  {line}\n" for line in solution.splitlines()[1:]))

    def _next(self) -> None:
        self._go(self._session.next())

    def _go(self, moved: Moved) -> None:
        view = self._view
        if moved.verdict is not None and not moved.verdict.passed:
            view.lines(verdict_lines(moved.verdict, view.style))
            view.text("To leave the step for now: skip")
            return
        if moved.finished is not None:
            view.lines(["", *finished_lines(moved, view.style)])
        if moved.place is None:
            raise Leave
        self._enter(moved.place)

    @staticmethod
    def _leave() -> None:
        raise Leave

    # The learner's commands

    def _command(self, line: str) -> None:
        began = datetime.now(UTC)
        status = self._run(line)
        self._session.journal.add(Typed(line, began, datetime.now(UTC), status))
        was_passed = self._place.passed
        self._place = self._session.place(self._place.full_name)
        if self._place.passed and not was_passed:
            # Another process did it: `dockerlearn answer …`, or check in a second terminal.
            self._passed()
            return
        about_docker = "docker" in line.replace("dockerlearn", "")
        # Ctrl-C is how one leaves docker logs -f; it is no failure.
        ended_badly = status not in {0, 130, -signal.SIGINT}
        # What it printed went to the terminal, so this is advice on what was typed alone.
        advice = self._session.advise(self._place, line, status) if ended_badly else None
        verdict = self._session.glance(self._place, failed=about_docker and ended_badly)
        # The lesson's own words on a mistake come before general ones.
        if advice is not None and (verdict is None or verdict.mistake is None):
            self._view.lines(advice_lines(advice, self._view.style))
            if verdict is not None and verdict.status is Status.UNMET:
                return
        if verdict is None:
            return
        told = f"{verdict.mistake.name if verdict.mistake else ''} {[o.found for o in verdict.outcomes]}"
        if verdict.status is Status.MET or about_docker or told != self._said:
            self._said = told
            self._say(verdict)

    def _say(self, verdict: Verdict) -> None:
        self._place = self._session.place(self._place.full_name)
        lines = verdict_lines(verdict, self._view.style)
        if verdict.status is Status.MET:
            self._view.lines(without_way(lines, self._view.style))
            self._passed()
        else:
            self._view.lines(lines)

    def _passed(self) -> None:
        self._view.lines(["", self._view.style.paint("dim", GOES_ON)])

    def _is_answer(self, line: str) -> bool:
        """Whether a line that names no program is meant as the answer that the step asks for."""
        step = self._place.step
        if self._place.passed or step.kind not in {"answer", "question"} or " " in line:
            return False
        if step.kind == "question":
            return line.isdigit() or len(line) == 1
        return shutil.which(line, path=self._environment.get("PATH")) is None and not line.startswith((".", "~", "\\"))

    def _run(self, line: str) -> int:
        """Run a line in the learner's shell and return its exit status; the folder it ends in is kept."""
        shell = self._environment.get("SHELL", "")
        if Path(shell).name not in POSIX_SHELLS or shutil.which(shell) is None:
            shell = "/bin/sh"
        if not self._folder.is_dir():
            self._folder = self._place.folder if self._place.folder.is_dir() else Path.home()
        with tempfile.TemporaryDirectory(prefix="dockerlearn-") as scratch:
            ended_in = Path(scratch) / "folder"
            try:
                with _interrupts_go_to_the_command():
                    status = subprocess.run(
                        [shell, "-c", 'eval "$1"; s=$?; pwd >|"$2"; exit $s', "dockerlearn", line, str(ended_in)],
                        cwd=self._folder,
                        env=self._environment,
                        check=False,
                    ).returncode
            except OSError as error:
                raise UsageError(f"{shell} could not be started: {error.strerror}.") from None
            # A line that ends the shell itself (exit, exec) leaves none.
            folder = ended_in.read_text(errors="surrogateescape").rstrip("\n") if ended_in.is_file() else ""
        if folder and Path(folder).is_dir():
            self._folder = Path(folder)
        return status

    def _prompt(self) -> str:
        home = str(Path.home())
        shown = str(self._folder)
        if shown == home or shown.startswith(f"{home}/"):
            shown = f"~{shown[len(home) :]}"
        return f"{one_line(shown)} $ "


def run(session: Session, place: Place, view: View, *, docker_host: str | None, environ: Mapping[str, str]) -> int:
    """Take the learner through lessons at a prompt; ``docker_host`` is set for commands when the client needs it."""
    environment: MutableMapping[str, str] = dict(environ)
    if docker_host is not None:
        environment["DOCKER_HOST"] = docker_host
        environment.pop("DOCKER_CONTEXT", None)
    path = environment.get("PATH", os.defpath)
    if shutil.which("dockerlearn", path=path) is None:
        environment["PATH"] = f"{path}{os.pathsep}{Path(sys.executable).parent}"
    view.note(WELCOME)
    return LineMode(session, view, environment).run(place)


@contextmanager
def _interrupts_go_to_the_command() -> Iterator[None]:
    """Ctrl-C reaches the command, which is in our process group, and leaves the tutor alone.

    A handler, not SIG_IGN: that would be inherited, and the command could not be interrupted either.
    """
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _read_line(prompt: str) -> str:
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - gives input() its line editing and history
    return input(prompt)
