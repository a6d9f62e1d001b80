"""Runs dockerlearn for tests: in this process with a fake engine, or as a process of its own without one."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from dockerlearn.cli.app import run
from dockerlearn.cli.wiring import Wiring
from dockerlearn.engine.api import EngineApi
from dockerlearn.ui.style import Style
from dockerlearn.ui.view import View
from tests.fake_engine import FakeEngine, make_image

PACK = Path(__file__).parent / "packs" / "cli"
NOWHERE = "unix:///nonexistent/docker.sock"


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def told(self) -> str:
        """What it said on standard error, wherever lines were broken: that depends on how long a folder's path is."""
        return " ".join(self.err.split())


class Learner:
    """A learner with a home of her own, the course of the tests, and a fake engine; ``connect`` gives another one."""

    def __init__(self, folder: Path, pack: Path = PACK) -> None:
        self.folder = folder
        self.engine = FakeEngine(make_image("busybox:1.36"))
        self.connect: Callable[[], EngineApi] = lambda: self.engine
        self.sleep: Callable[[float], None] = time.sleep
        self.environ = {
            "HOME": str(folder / "home"),
            "DOCKERLEARN_HOME": str(folder / "data"),
            "DOCKERLEARN_WORKSPACE": str(folder / "work"),
            "DOCKERLEARN_PACK": str(pack),
            "DOCKER_HOST": NOWHERE,
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
        }
        # In a worktree whose dockerlearn is not the installed one.
        self.environ |= {name: value for name, value in os.environ.items() if name == "PYTHONPATH"}
        (folder / "home").mkdir(exist_ok=True)

    def __call__(
        self, *arguments: str, typed: str | None = None, style: Style | None = None, code: int | None = None
    ) -> Ended:
        """Run a command in this process; ``typed`` is what somebody at a terminal types."""
        out, err = io.StringIO(), io.StringIO()
        view = View(out, err, io.StringIO(typed or ""), style=style, interactive=typed is not None)
        ended = Ended(run(arguments, Wiring(view, environ=self.environ, engine=self.connect, sleep=self.sleep)), "", "")
        ended = Ended(ended.code, out.getvalue(), err.getvalue())
        assert code is None or ended.code == code, ended
        return ended

    def process(
        self,
        *arguments: str | bytes,
        env: dict[str, str | None] | None = None,
        stdin: str | None = None,
        command: list[str] | None = None,
        **options: Any,
    ) -> Ended:
        """Run a command as a process, by default ``python -m dockerlearn``; None in ``env`` takes a variable away."""
        told = {**self.environ, **(env or {})}
        done = subprocess.run(
            [*(command or [sys.executable, "-m", "dockerlearn"]), *arguments],
            env={key: value for key, value in told.items() if value is not None},
            input=(stdin or "").encode(),
            capture_output=True,
            check=False,
            timeout=60,
            cwd=options.pop("cwd", self.folder),
            **options,
        )
        return Ended(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))

    def make_cup(self, **fields: Any) -> None:
        """Do what the step one/cup asks for."""
        self.engine.add("dl-cup", **{"created": self.engine.now(), **fields})
