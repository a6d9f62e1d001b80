"""The tutor in a shell on a pty: how soon it says what happened on the engine, and what it adds to a prompt."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import docker
import pexpect

from benchmarks.riding import PROMPT, by_turns, environment

_PACK = "format: 1\nid: bench\ntitle: Bench\nlessons: [bench]\nimages: {{busybox: {image}}}\n"
_LESSON = """\
title: Bench
level: foundation
summary: A mistake that comes and goes.
minutes: 1
steps:
  - id: run
    title: Run
    setup: [{container: dl-bench, image: busybox, command: [sleep, "100000"], running: true}]
    task: Have dl-bench.
    check: [{container: dl-bench, command: [never]}]
    hints: [None.]
    solution: "true"
    mistakes:
      - name: paused
        dead_end: true
        when: [{container: dl-bench, status: paused}]
        say: It is paused.
        try: docker pause dl-bench
        fix: docker unpause dl-bench
"""
_SAID = "It is paused."


class Tutored:
    """A learner's bash with the tutor along, at an idle prompt, and the engine that it looks at."""

    def __init__(self, folder: Path, host: str, image: str) -> None:
        pack = folder / "pack"
        (pack / "bench").mkdir(parents=True)
        (pack / "pack.yaml").write_text(_PACK.format(image=image))
        (pack / "bench" / "lesson.yaml").write_text(_LESSON)
        (folder / ".bashrc").write_text(f"PS1='{PROMPT}'\n")
        self.environment = environment(folder) | {
            "SHELL": "/bin/bash",
            "DOCKER_HOST": host,
            "NO_COLOR": "1",
            "DOCKERLEARN_HOME": str(folder / "data"),
            "DOCKERLEARN_WORKSPACE": str(folder / "work"),
            "DOCKERLEARN_PACK": str(pack),
        }
        self.engine = docker.APIClient(host, version="auto")
        self._pauses = docker.APIClient(host, version="auto").events(decode=True, filters={"event": "pause"})
        self.shell = pexpect.spawn(
            sys.executable, ["-m", "dockerlearn", "start"], env=self.environment, cwd=str(folder), timeout=60,
            dimensions=(40, 100),
        )  # fmt: skip
        self.shell.delaybeforesend = None
        self.shell.expect_exact("Task")
        self.shell.expect_exact(PROMPT)

    def elsewhere(self, times: int) -> Sequence[float]:
        """Seconds from an event to the first line about it, caused by another client while nobody types."""
        taken: list[float] = []
        for _ in range(times):
            began = time.time()
            self.engine.pause("dl-bench")
            taken.append(self._from_event(began))
            self.shell.expect_exact(PROMPT)
            self.engine.unpause("dl-bench")
            # Both are noticed one after the other, or the second pause would be nothing new.
            time.sleep(0.1)
        return taken

    def typed(self, times: int) -> Sequence[float]:
        """The same for a command that is typed here."""
        taken: list[float] = []
        for _ in range(times):
            began = time.time()
            self.shell.send("docker pause dl-bench\r")
            taken.append(self._from_event(began))
            self.shell.expect_exact(PROMPT)
            self.shell.send("docker unpause dl-bench\r")
            self.shell.expect_exact(PROMPT)
            time.sleep(0.1)
        return taken

    def _from_event(self, began: float) -> float:
        self.shell.expect_exact(_SAID)
        seen = time.time()
        happened = (int(event["timeNano"]) / 1e9 for event in self._pauses)
        # One from before that was not said is not what was said now.
        return seen - next(at for at in happened if at > began)


@contextmanager
def tutored(folder: Path, host: str, image: str) -> Iterator[Tutored]:
    """Give a shell with the tutor along, and take away what it is about."""
    made = Tutored(folder, host, image)
    try:
        yield made
    finally:
        made.shell.close(force=True)
        made.engine.remove_container("dl-bench", force=True)
        made.engine.close()


def prompts(tutor: Tutored, line: str, times: int) -> tuple[Sequence[float], Sequence[float]]:
    """Seconds from Enter to the next prompt after a command that changes nothing, by turns with the tutor and bare."""
    bare_environment = {key: value for key, value in tutor.environment.items() if not key.startswith("DOCKERLEARN")}
    bare = pexpect.spawn("bash", ["-i"], env=bare_environment, cwd=bare_environment["HOME"], timeout=60)
    bare.delaybeforesend = None
    bare.expect_exact(PROMPT)
    try:
        return by_turns((tutor.shell, bare), line, times, echo=line)
    finally:
        bare.close(force=True)
