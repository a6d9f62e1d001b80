"""A learner to measure: a home and a workspace of her own, an engine, and a pack of as many lessons as are wanted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Program
from dockerlearn.course.packs import course_folder

LESSON = "first-run"
STEP = f"{LESSON}/run"

PING = "import docker; docker.from_env().ping()"
TYPER = "import typer, rich.console"


class Learner:
    """Somebody with the folder ``folder`` and the engine at ``host``; ``pack`` None is the course's own."""

    def __init__(self, folder: Path, host: str, pack: Path | None = None) -> None:
        self.folder = folder
        (folder / "home").mkdir(parents=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DOCKER", "XDG", "PYTHON"))}
        script = Path(sys.executable).with_name("dockerlearn")
        self.command = [str(script)] if script.exists() else [sys.executable, "-m", "dockerlearn"]
        self.environment = {
            **kept,
            "HOME": str(folder / "home"),
            "DOCKER_HOST": host,
            "DOCKERLEARN_HOME": str(folder / "data"),
            "DOCKERLEARN_WORKSPACE": str(folder / "work"),
        }
        if pack is not None:
            self.environment["DOCKERLEARN_PACK"] = str(pack)

    def program(self, *words: str, code: int = 0, before: Callable[[], object] | None = None) -> Program:
        """A command of dockerlearn's, to be measured."""
        return Program([*self.command, *words], self.environment, code, before)

    def python(self, code: str) -> Program:
        """The same interpreter in the same environment, to measure against."""
        return Program([sys.executable, "-c", code], self.environment)

    def do(self, *words: str) -> str:
        """Run a command of dockerlearn's and return what it printed. Raises ``RuntimeError`` when it failed."""
        return self._run([*self.command, *words])

    def solve(self, step: str = STEP) -> None:
        """Do what the solution of a step says."""
        self._run(["sh", "-e"], self.do("solution", step, "--plain"))

    def imported(self, *words: str, of: tuple[str, ...]) -> list[str]:
        """Return which of the modules ``of`` a command imports."""
        code = (
            "import sys; from dockerlearn.cli.app import run; run(sys.argv[1:]); "
            f"print('', *sorted({set(of)!r} & set(sys.modules)))"
        )
        return self._run([sys.executable, "-c", code, *words]).splitlines()[-1].split()

    def forget_what_was_read(self) -> None:
        """Empty the cache."""
        shutil.rmtree(self.folder / "data" / "cache", ignore_errors=True)

    def _run(self, arguments: list[str], given: str = "") -> str:
        done = subprocess.run(
            arguments, env=self.environment, input=given, capture_output=True, text=True, check=False, cwd=self.folder
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout


def make_pack(folder: Path, lessons: int) -> Path:
    """Make a pack that begins with the course's first lesson and has ``lessons`` in all."""
    slugs = [LESSON, *(f"topic-{number:04}" for number in range(1, lessons))]
    original = (course_folder() / LESSON / "lesson.yaml").read_text()
    pack = (course_folder() / "pack.yaml").read_text().splitlines()
    pack = [f"lessons: [{', '.join(slugs)}]" if line.startswith("lessons:") else line for line in pack]
    for slug in slugs:
        (folder / slug).mkdir(parents=True)
        (folder / slug / "lesson.yaml").write_text(original)
        # What was changed a moment ago is not cached yet.
        os.utime(folder / slug / "lesson.yaml", (1e9, 1e9))
    (folder / "pack.yaml").write_text("\n".join(pack) + "\n")
    os.utime(folder / "pack.yaml", (1e9, 1e9))
    return folder
