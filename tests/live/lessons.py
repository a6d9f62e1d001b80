"""The command line of dockerlearn and a learner's shell, on the practice engine; and what tests of lessons share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dockerlearn.author.prove import Proved, Prover
from dockerlearn.course.models import Lesson, Step
from dockerlearn.course.packs import open_pack
from dockerlearn.engine.api import EngineApi
from tests import own_engine

DOCKERLEARN = [sys.executable, "-m", "dockerlearn"]


class Learner:
    """Somebody with a home, a workspace, and an engine at ``host``."""

    def __init__(self, folder: Path, host: str) -> None:
        self.folder = folder
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
        lessons = self.json("lessons")["lessons"]
        return [f"{lesson}/{step['id']}" for row in lessons if row["id"] == lesson for step in row["steps"]]


def prove(
    engine: Callable[[], EngineApi], host: str, folder: Path, lesson: str, *steps: str, cheat: bool | None = None
) -> tuple[Proved, ...]:
    """Prove a lesson of the course, or some steps of it, without the prover's own cheats unless much time is given.

    Each lesson's tests have cheats that were thought of for it.
    """
    cheat = bool(os.environ.get(own_engine.THOROUGH)) if cheat is None else cheat
    return Prover(open_pack(), engine, host, folder, cheat=cheat).prove(lesson, steps or None)


def hands_on(lesson: Lesson) -> list[Step]:
    """The steps in which a learner does something on the engine."""
    return [step for step in lesson.steps if step.kind in {"do", "answer"}]


def has_what_a_lesson_must_have(lesson: Lesson, broken: set[str]) -> None:
    """Hold a lesson to what is asked of each; ``broken`` are its steps that mend a world."""
    done = hands_on(lesson)
    assert {step.id for step in done} >= broken
    assert 2 <= len(lesson.myths) <= 3
    assert lesson.concept is not None
    assert all(getattr(lesson.concept, key) for key in lesson.concept.__struct_fields__)
    assert max(map(len, lesson.concept.picture.splitlines())) <= 76
    assert sum(len(step.mistakes) for step in lesson.steps) >= 2 * len(done)
    assert all(step.accepts for step in done)
    assert all(len(step.hints) >= 3 and step.result and step.insight for step in done)


def not_held(proved: Iterable[Proved]) -> list[str]:
    """The claims that did not hold, each with what was seen instead."""
    return [f"{claim.step}: {claim.claim}: {claim.why}" for claim in proved if not claim.held]
