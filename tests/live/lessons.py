"""The command line of dockerlearn and a learner's shell, on the practice engine; and what tests of lessons share.

A lesson's own file has what is particular to it: its steps, its numbers, its cheats and its right ways.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dockerlearn.author.prove import Proved, Prover
from dockerlearn.cli.app import run
from dockerlearn.cli.wiring import Wiring
from dockerlearn.course.models import Lesson, Step
from dockerlearn.course.packs import open_pack
from dockerlearn.engine import client, endpoint, unix_http
from dockerlearn.engine.abilities import Abilities
from dockerlearn.engine.api import EngineApi
from dockerlearn.progress.store import Store
from dockerlearn.ui.view import View
from tests import own_engine

DOCKERLEARN = [sys.executable, "-m", "dockerlearn"]


class Learner:
    """Somebody with a home, a workspace, and an engine at ``host``.

    Called, it runs a command of dockerlearn's as a process; ``here`` runs one in this process, which finds the same
    engine in the same way: to start Python takes more than most commands do.
    """

    def __init__(self, folder: Path, host: str) -> None:
        self.folder = folder
        self.socket = host.removeprefix("unix://")
        self.home = folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DOCKER", "XDG"))}
        self.environment = {
            **kept,
            "HOME": str(self.home),
            "DOCKER_HOST": host,
            "DOCKERLEARN_HOME": str(folder / "data"),
            "DOCKERLEARN_WORKSPACE": str(folder / "work"),
            "NO_COLOR": "1",
        }

    def __call__(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command of dockerlearn's."""
        return subprocess.run(
            [*DOCKERLEARN, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=self.home,
        )

    def here(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of dockerlearn's in this process, for somebody who is not at a terminal."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.home):
            code = run(arguments, Wiring(View(out, err, io.StringIO()), environ=self.environment))
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command of dockerlearn's, to be killed."""
        return subprocess.Popen(
            [*DOCKERLEARN, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self.home,
            start_new_session=True,
        )

    def sh(self, script: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Pipe a script into sh, as ``dockerlearn solution --plain | sh`` does."""
        return subprocess.run(
            ["sh"],
            env=self.environment,
            input=script,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=self.home,
        )

    def json(self, *arguments: str) -> Any:
        """Run a command with ``--json`` and read what it prints."""
        done = self(*arguments, "--json")
        return json.loads(done.stdout)

    def steps(self, lesson: str) -> list[str]:
        """The steps of a lesson, as ``lesson/step``."""
        lessons = json.loads(self.here("lessons", "--json").stdout)["lessons"]
        return [f"{lesson}/{step['id']}" for row in lessons if row["id"] == lesson for step in row["steps"]]


class Tried:
    """Plays what looks like the goal of a step and is not it, and unheard-of right ways, by the learner's commands.

    ``values`` are the lesson's variables that scripts name, in capitals. Names that no lesson knows are ``dl-x``.
    """

    def __init__(self, learner: Learner, lesson: str, values: Sequence[str]) -> None:
        self.learner = learner
        self.lesson = lesson
        self.values = values
        self._begun: str | None = None

    def begin(self, step: str) -> None:
        """Start the step, or start it afresh, which ``fails`` and ``passes`` do otherwise."""
        word = "start" if self._variables() is None else "redo"
        self._without_strangers(lambda: self.learner.here(word, f"{self.lesson}/{step}", "--plain"))
        self._begun = step

    def forget(self) -> None:
        """Take away what was made."""
        self._without_strangers(lambda: self.learner.here("clean", "--yes"))

    def _without_strangers(self, work: Callable[[], subprocess.CompletedProcess[str]]) -> None:
        """Take away what has a name that no lesson knows: containers before the work, and the rest after it.

        Such a container may use what is the lesson's, and a container of the lesson's such an image, network or volume.
        """
        self._remove("containers/dl-x?force=1&v=1")
        done = work()
        assert done.returncode == 0, done.stderr
        self._remove("images/dl-x:v1", "networks/dl-x", "volumes/dl-x")

    def _remove(self, *paths: str) -> None:
        for path in paths:
            unix_http.ask(self.learner.socket, f"/{path}", method="DELETE", timeout=60)

    def fails(self, step: str, script: str, told: str = "") -> None:
        """From the start of the step, do as the script says: the step is not met, and ``told`` is part of why."""
        after = self._checked(step, script)
        assert after.returncode == 1, after.stdout + after.stderr
        assert told in " ".join(after.stdout.split()), after.stdout

    def passes(self, step: str, script: str) -> None:
        """The same, and the step is met."""
        after = self._checked(step, script)
        assert after.returncode == 0, after.stdout + after.stderr

    def _checked(self, step: str, script: str) -> subprocess.CompletedProcess[str]:
        name = f"{self.lesson}/{step}"
        if self._begun != step:
            self.begin(step)
        self._begun = None
        known = self._variables() or {}
        for value in self.values:
            script = re.sub(rf"\b{value}\b", known[value.lower()], script)
        folder = self.learner.here("solution", name, "--plain").stdout.partition("\n")[0]
        assert folder.startswith("cd "), folder
        done = self.learner.sh(f"set -e\n{folder}\n{script}", timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return self.learner.here("check", "step", name)

    def _variables(self) -> Mapping[str, str] | None:
        """The values of the lesson's variables; None before it was begun."""
        with Store.open(Path(self.learner.environment["DOCKERLEARN_HOME"]) / "progress.sqlite3") as store:
            attempt = store.attempt(open_pack().id, self.lesson)
            return attempt.variables if attempt is not None else None


Proving = Callable[..., tuple[Proved, ...]]
"""``prove`` with all but its steps and options."""


def prove(
    engine: Callable[[], EngineApi], host: str, folder: Path, lesson: str, *steps: str, cheat: bool | None = None
) -> tuple[Proved, ...]:
    """Prove a lesson of the course, or some steps of it, without the prover's own cheats unless much time is given.

    Each lesson's tests have cheats that were thought of for it.
    """
    cheat = bool(os.environ.get(own_engine.THOROUGH)) if cheat is None else cheat
    return Prover(open_pack(), engine, host, folder, cheat=cheat).prove(lesson, steps or None)


class InOneGo:
    """The proof of some steps of a lesson in one go, which is made when the first of them is asked for.

    So each step's world is made once less, and what a builder has kept of one step is there for the next. ``steps`` are
    those that are asked for.
    """

    def __init__(self, steps: Sequence[str]) -> None:
        self._steps = steps
        self._claims: tuple[Proved, ...] | None = None
        self._broke: BaseException | None = None

    def __call__(self, proved: Proving, step: str) -> list[Proved]:
        """The claims about a step, and those about the lesson. Raises ``Broken`` where the proof was not ended."""
        if self._broke is not None:
            raise Broken from self._broke
        if self._claims is None:
            try:
                self._claims = proved(*self._steps)
            except BaseException as broke:
                self._broke = broke
                raise
        return [claim for claim in self._claims if claim.step.partition("/")[2] in {"", step}]


class Broken(Exception):
    """What is asked for needs a proof that had not come to its end."""


def hands_on(lesson: Lesson) -> list[Step]:
    """The steps in which a learner does something on the engine."""
    return [step for step in lesson.steps if step.kind in {"do", "answer"}]


def possible(lesson: Lesson, host: str, environ: Mapping[str, str]) -> list[Step]:
    """The steps for which the engine at ``host`` and the client have what they need."""
    with contextlib.closing(client.connect(endpoint.find({"DOCKER_HOST": host}, Path("/nonexistent")))) as engine:
        abilities = Abilities(lambda: engine, environ)
        return [step for step in lesson.steps if not abilities.lacking(step.needs)]


def has_what_a_lesson_must_have(name: str, broken: set[str], *, myths: int = 3, hints: int = 3) -> Lesson:
    """Hold a lesson of the course to what is asked of each; ``broken`` are its steps that mend a world.

    ``myths`` it has at most, ``hints`` each of its steps at least.
    """
    lesson = open_pack().lesson(name)
    done = hands_on(lesson)
    assert {step.id for step in done} >= broken
    assert 2 <= len(lesson.myths) <= myths
    assert lesson.concept is not None
    assert all(getattr(lesson.concept, key) for key in lesson.concept.__struct_fields__)
    assert max(map(len, lesson.concept.picture.splitlines())) <= 76
    assert sum(len(step.mistakes) for step in lesson.steps) >= 2 * len(done)
    assert all(step.accepts for step in done)
    assert all(len(step.hints) >= hints and step.result and step.insight for step in done)
    return lesson


def predicted(steps: Iterable[Step]) -> set[str]:
    """Those of the steps that begin with a prediction which is proven."""
    return {step.id for step in steps if step.predict is not None and step.predict.proof is not None}


def holds(proved: Iterable[Proved], *, predicted: bool = True) -> None:
    """Every claim about a step held; that its prediction is true is among them, if it is ``predicted``."""
    proved = list(proved)
    all_held(proved)
    assert ("the prediction is true" in {claim.claim for claim in proved}) == predicted


def all_held(proved: Iterable[Proved]) -> None:
    """Every claim held; the others are told one on a line."""
    fell = not_held(proved)
    assert not fell, "\n".join(fell)


def not_held(proved: Iterable[Proved]) -> list[str]:
    """The claims that did not hold, each with what was seen instead."""
    return [f"{claim.step}: {claim.claim}: {claim.why}" for claim in proved if claim.fell]
