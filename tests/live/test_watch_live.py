"""``check --watch`` beside a learner who works, on a real engine that also goes away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from dockerlearn.engine import client, endpoint
from dockerlearn.engine.practice import Practice, read_record
from tests.live.conftest import Docker
from tests.live.lessons import DOCKERLEARN, Learner

PACK = Path(__file__).parents[1] / "packs" / "follow"
LONG = 60.0


class Watch:
    """A ``check --watch --json`` in a second terminal, and what it has printed."""

    def __init__(self, learner: Learner, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*DOCKERLEARN, "check", *arguments, "--watch", "--json"],
            env=learner.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: SimpleQueue[str] = SimpleQueue()
        self.seen: list[Any] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def until(self, so: Callable[[Any], bool]) -> Any:
        """Read lines until one is so."""
        while True:
            try:
                line = json.loads(self._lines.get(timeout=LONG))
            except Empty:
                raise AssertionError(self.seen) from None
            self.seen.append(line)
            if so(line):
                return line

    def status(self, status: str) -> Any:
        return self.until(lambda line: line["status"] == status and line["waiting_for"] is None)

    def end(self) -> tuple[int, str]:
        code = self.process.wait(timeout=LONG)
        assert self.process.stderr is not None
        return code, self.process.stderr.read()


@pytest.fixture
def learner(docker: Docker, tmp_path: Path) -> Iterator[Learner]:
    found = Learner(tmp_path, docker.host)
    found.environment["DOCKERLEARN_PACK"] = str(PACK)
    assert found("start", "--plain").returncode == 0
    yield found
    found.environment["DOCKER_HOST"] = docker.host
    found("clean", "--yes")


@pytest.fixture
def watch(learner: Learner) -> Iterator[Callable[..., Watch]]:
    begun: list[Watch] = []

    def begin(*arguments: str) -> Watch:
        begun.append(Watch(learner, *arguments))
        return begun[-1]

    yield begin
    for one in begun:
        one.process.kill()
        one.process.wait()


RUN = ("run", "-d", "--name", "dl-web", "busybox:1.36", "sleep", "1000")


def test_it_ends_with_zero_when_the_step_is_met(docker: Docker, learner: Learner, watch: Callable[..., Watch]) -> None:
    watching = watch()
    first = watching.status("unmet")
    assert (first["step"], first["passed"], first["mistake"]) == ("following/run", False, None)
    docker("create", "--name", "dl-web", "busybox:1.36", "sleep", "1000")
    made = watching.until(lambda line: "never started" in line["outcomes"][-1]["found"])
    assert made["status"] == "unmet"
    docker("start", "dl-web")
    watching.until(lambda line: line["waiting_for"] is not None and "stays" in line["waiting_for"])
    watching.status("met")
    assert watching.end()[0] == 0
    assert learner.json("lessons")["lessons"][0]["steps"][0]["status"] == "passed"


def test_what_crashes_is_not_taken_for_running(docker: Docker, watch: Callable[..., Watch]) -> None:
    watching = watch()
    watching.status("unmet")
    docker("run", "-d", "--name", "dl-web", "busybox:1.36", "sh", "-c", "sleep 0.3; exit 1")
    ended = watching.until(lambda line: line["mistake"] is not None)
    assert (ended["status"], ended["mistake"]["name"]) == ("unmet", "ended")
    assert "met" not in {line["status"] for line in watching.seen}
    docker("rm", "dl-web")
    docker(*RUN)
    watching.status("met")
    assert watching.end()[0] == 0


def test_ctrl_c(watch: Callable[..., Watch]) -> None:
    watching = watch()
    watching.status("unmet")
    watching.process.send_signal(signal.SIGINT)
    code, errors = watching.end()
    assert code == 130
    assert "Traceback" not in errors


def test_a_reader_that_went_away_ends_it(learner: Learner) -> None:
    done = learner.sh(" ".join(DOCKERLEARN) + " check --watch --json | head -1", timeout=LONG)
    assert json.loads(done.stdout)["status"] == "unmet"
    assert "Traceback" not in done.stderr


def test_another_terminal_moves_on(docker: Docker, learner: Learner, watch: Callable[..., Watch]) -> None:
    watching = watch()
    watching.status("unmet")
    assert learner("skip").returncode == 0
    watching.until(lambda line: line["step"] == "following/write")
    (learner.folder / "work" / "following" / "note").write_text("hello\n")
    met = watching.status("met")
    assert met["step"] == "following/write"
    assert watching.end()[0] == 0


def test_an_answer_in_another_terminal(learner: Learner, watch: Callable[..., Watch]) -> None:
    learner("start", "following/say", "--plain")
    watching = watch("step", "say")
    watching.status("unmet")
    learner("answer", "say", "42")
    watching.status("met")
    assert watching.end()[0] == 0


def test_two_that_probe_leave_each_other_alone(
    docker: Docker, docker_host: str, learner: Learner, watch: Callable[..., Watch]
) -> None:
    learner("start", "following/probed", "--plain")
    engine = client.connect(endpoint.find({"DOCKER_HOST": docker_host}, Path("/nonexistent")))
    began = engine.precise_now()
    one, two = watch(), watch()
    one.status("unmet")
    two.status("unmet")
    docker("exec", "dl-web", "sh", "-c", "printf '#!/bin/sh\\n' > /bin/probe; chmod +x /bin/probe")
    one.status("met")
    two.status("met")
    execs = [event for event in engine.events(began) if event.action == "exec_start" and event.command == "probe"]
    engine.close()
    assert 4 <= len(execs) <= 20


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_the_engine_goes_away_and_comes_back(
    how: str, practice: Practice, docker: Docker, docker_host: str, learner: Learner, watch: Callable[..., Watch]
) -> None:
    watching = watch()
    watching.status("unmet")
    try:
        if how == "killed":
            record = read_record(practice.folder)
            assert record is not None
            assert record.dockerd is not None
            os.kill(record.dockerd.pid, signal.SIGKILL)
        practice.down()
        lost = watching.status("unknown")
        if lost["outcomes"][0]["check"] != "engine":
            # One that is just ending may still answer, and refuse what it is asked.
            lost = watching.status("unknown")
        assert lost["outcomes"][0]["check"] == "engine"
        assert lost["outcomes"][0]["next"]
    finally:
        status = practice.up(stand_ins=True)
    assert status.address == docker_host
    watching.status("unmet")
    docker(*RUN)
    watching.status("met")
    assert watching.end()[0] == 0
    assert "met" not in {line["status"] for line in watching.seen[:-1]}


def test_without_an_engine_it_does_not_begin(learner: Learner) -> None:
    learner.environment["DOCKER_HOST"] = "unix:///nonexistent/s"
    done = learner("check", "--watch", timeout=LONG)
    assert done.returncode == 3
    assert done.stdout == ""


def test_only_a_step_can_be_watched(learner: Learner) -> None:
    done = learner("check", "--watch", "lesson")
    assert done.returncode == 2
    assert "Only a step can be watched" in done.stderr
