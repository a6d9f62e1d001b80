"""An engine that stops, comes back, hangs, or is another one: could not look is 3, says what to do, passes nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.engine import unix_http
from dockerlearn.engine.practice import Practice, read_record
from tests.live.conftest import Docker
from tests.live.lessons import DOCKERLEARN, Learner
from tests.own_engine import BASE_IMAGE, pull_base

LESSON = "first-run"
LOOP = ("sh", "-c", "while true; do date; sleep 1; done")
Done = subprocess.CompletedProcess[str]

# Every command that looks at the engine or changes it, in the step first-run/inside, with first-run/kernel open too.
LOOKING = (
    ["check", "--json"], ["check"], ["check", "step", "inside"], ["check", "lesson"], ["check", "course", "--json"],
    ["start", "--plain"], ["start", "--json"], ["start", f"{LESSON}/run", "--plain"], ["next"], ["next", "--json"],
    ["redo"], ["redo", "kernel", "--json"], ["answer", f"{LESSON}/kernel", os.uname().release],
    ["answer", f"{LESSON}/kernel", "1.2.3", "--json"], ["clean", "--yes"], ["clean", "--json"], ["engine"],
)  # fmt: skip
ANEW = (["start", LESSON, "--anew", "--plain"], ["start", f"{LESSON}/run", "--anew"])
VERBS = ("check", "start", "next", "redo", "answer", "clean", "engine")
# What belongs to the engine alone is done on any one, whose attempt ever is open.
OF_ANY_ENGINE = (["clean", "--yes"], ["clean", "--json"], ["engine"])
NOT_LOOKING = (
    ["task"], ["hint"], ["hint", "--json"], ["solution", "--plain"], ["lessons"], ["progress"],
    ["answer", "2"], ["progress", "export", "-"], ["--version"], ["start", "--help"], ["back"],
)  # fmt: skip


@pytest.fixture
def up_again(practice: Practice, docker_host: str) -> Iterator[Callable[[], None]]:
    """Bring the run's engine back to where it was; done after the test in any case, for those that follow."""

    def up() -> None:
        status = practice.up(stand_ins=True)
        assert (status.address, status.stand_ins) == (docker_host, True)

    yield up
    practice.down() if not practice.status().up else None
    up()


@pytest.fixture
def learner(up_again: Callable[[], None], docker: Docker, tmp_path: Path) -> Iterator[Learner]:
    """Somebody at first-run/inside, who has opened the step after it, too."""
    found = Learner(tmp_path, docker.host)
    for step in ("look", "kernel", "inside"):
        done = found("start", f"{LESSON}/{step}", "--plain")
        assert done.returncode == 0, done
    yield found
    up_again()
    found.environment["DOCKER_HOST"] = docker.host
    found("clean", "--yes")


def refused(done: Done, *words: str) -> None:
    """Hold that a command could not look: 3, one message with what to do, nothing passed on stdout."""
    assert done.returncode == 3, done
    lines = done.stderr.splitlines()
    message = " ".join(done.stderr.split())
    assert lines[0].startswith("dockerlearn: ")
    assert 2 <= len(lines) <= 6
    for word in words:
        assert word in message, done
    assert "Traceback" not in done.stderr
    assert "defect" not in done.stderr
    assert "✓" not in done.stdout
    if done.args[-1] != "--json" or done.stdout == "":
        return
    shape: Any = json.loads(done.stdout)
    verdict = shape.get("open", shape)
    if done.args[len(DOCKERLEARN)] == "check":
        assert (verdict["step"], verdict["status"], verdict["passed"]) == (f"{LESSON}/inside", "unknown", False)
        (outcome,) = verdict["outcomes"]
        assert (outcome["check"], outcome["status"]) == ("engine", "unknown")
        assert (
            outcome["found"].split() == message.removeprefix("dockerlearn: ").split()[: len(outcome["found"].split())]
        )
        assert outcome["next"] in done.stderr
        assert verdict["mistake"] is None


def passed(learner: Learner) -> list[str]:
    """The steps that the syllabus shows as passed."""
    (lesson,) = learner.json("lessons", LESSON)["lessons"]
    return [step["id"] for step in lesson["steps"] if step["status"] == "passed"]


def each(learner: Learner, commands: Sequence[list[str]]) -> list[Done]:
    """Run commands at the same time."""
    started = [
        subprocess.Popen(
            [*DOCKERLEARN, *words], env=learner.environment, cwd=learner.home, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for words in commands
    ]  # fmt: skip
    return [Done(process.args, process.wait(60), *process.communicate()) for process in started]


def write_note(learner: Learner, docker: Docker) -> None:
    """Do what first-run/inside asks."""
    done = learner.sh(learner("solution", f"{LESSON}/inside", "--plain").stdout)
    assert done.returncode == 0, done
    assert "token" in docker("exec", "dl-first", "cat", "/note")


def test_the_engine_stops_and_comes_back(
    learner: Learner, practice: Practice, docker: Docker, up_again: Callable[[], None]
) -> None:
    write_note(learner, docker)
    before = json.loads(docker("inspect", "dl-first"))[0]
    practice.down()
    for words in (*ANEW, *LOOKING):
        refused(learner(*words), f"No Docker engine runs: there is no {docker.host}", "unset DOCKER_HOST")
    for words in NOT_LOOKING:
        done = learner(*words)
        assert (done.returncode, done.stderr.count("dockerlearn: ")) == (0, 0), done
    assert passed(learner) == []
    up_again()
    stopped = json.loads(docker("inspect", "dl-first"))[0]
    assert (stopped["Id"], stopped["State"]["Running"]) == (before["Id"], False)
    # The lesson goes on.
    assert learner("start", f"{LESSON}/inside").returncode == 0
    assert learner("check").returncode == 1


def test_after_a_reboot_half_done_work_is_still_there(
    learner: Learner, practice: Practice, docker: Docker, up_again: Callable[[], None]
) -> None:
    write_note(learner, docker)
    before = json.loads(docker("inspect", "dl-first"))[0]
    practice.down()
    up_again()
    assert learner("check").returncode == 1
    started = learner("start", "--json")
    assert json.loads(started.stdout)["step"] == f"{LESSON}/inside"
    after = json.loads(docker("inspect", "dl-first"))[0]
    assert (after["Id"], after["State"]["Running"]) == (before["Id"], True)
    time.sleep(1)
    done = learner("check")
    assert done.returncode == 0, done
    assert learner("next").returncode == 0
    assert passed(learner) == ["inside"]


def test_the_practice_engine_dies_and_is_started_as_told(learner: Learner, practice: Practice, docker: Docker) -> None:
    """Found by the home of dockerlearn instead of by its name, it is mended by the command that the message gives."""
    assert learner("clean", "--yes").returncode == 0
    home = practice.folder.parent
    learner.environment["DOCKERLEARN_HOME"] = str(home)
    del learner.environment["DOCKER_HOST"]
    try:
        assert learner("start", f"{LESSON}/inside", "--plain").returncode == 0
        record = read_record(practice.folder)
        assert record is not None
        assert record.dockerd is not None
        os.kill(record.dockerd.pid, signal.SIGKILL)
        while practice.status().up:
            time.sleep(0.02)
        for words in (["check"], ["check", "--json"], ["start", "--plain"], ["next"], ["clean", "--yes"], ["engine"]):
            refused(learner(*words), "the practice engine", "dockerlearn engine up")
        remedy = learner("check").stderr.splitlines()[-1].split()
        assert remedy[0] == "dockerlearn"
        again = learner(*remedy[1:])
        assert again.returncode == 0, again
        assert learner("start", "--plain").returncode == 0
        assert docker("inspect", "--format", "{{.State.Running}}", "dl-first") == "true"
        assert learner("check").returncode == 1
        assert learner("clean", "--yes").returncode == 0
    finally:
        for file in home.glob("progress.sqlite3*"):
            file.unlink()
        learner.environment["DOCKERLEARN_HOME"] = str(learner.folder / "data")


def test_another_engine_under_the_same_name(
    learner: Learner, practice: Practice, docker: Docker, up_again: Callable[[], None]
) -> None:
    name = learner.folder / "s"
    name.symlink_to(docker.host.removeprefix("unix://"))
    learner.environment["DOCKER_HOST"] = f"unix://{name}"
    assert learner("check").returncode == 1
    practice.down()
    folder = Path(tempfile.mkdtemp(prefix="dl-other-"))
    other = Practice(folder / "engine")
    try:
        there = other.up(stand_ins=True).address
        assert there is not None
        pull_base(there)
        name.unlink()
        name.symlink_to(there.removeprefix("unix://"))
        # There, all that the step asks for is so: by somebody else's doing.
        foreign = Docker(there, docker.home)
        foreign("run", "--detach", "--name", "dl-first", BASE_IMAGE, *LOOP)
        write_note(learner, foreign)
        before = json.loads(foreign("inspect", "dl-first"))
        for words in LOOKING:
            done = learner(*words)
            if words in OF_ANY_ENGINE:
                assert (done.returncode, "dl-first" in done.stdout) == (0, False), done
            else:
                refused(done, "began on another engine", f"unix://{name}", f"dockerlearn start {LESSON} --anew")
        for words in NOT_LOOKING:
            assert learner(*words).returncode == 0, words
        assert passed(learner) == []
        assert json.loads(foreign("inspect", "dl-first")) == before
        begin_anew_on_the_other(learner, foreign)
        name.unlink()
        other.down(purge=True)
        name.symlink_to(docker.host.removeprefix("unix://"))
        up_again()
        # The first engine is the other one now, and what was left on it is known still.
        refused(learner("check"), "began on another engine")
        cleaned = learner("clean", "--yes")
        assert (cleaned.returncode, "removed container dl-first" in " ".join(cleaned.stdout.split())) == (0, True)
        assert passed(learner) == ["run"]
    finally:
        other.down(purge=True)
        shutil.rmtree(folder, ignore_errors=True)


def begin_anew_on_the_other(learner: Learner, foreign: Docker) -> None:
    """Do as the messages say: free the name, begin anew; the lesson goes on there."""
    taken = learner("start", LESSON, "--anew", "--plain")
    refused(taken, "dl-first (container ", "docker rename dl-first dl-first-mine")
    assert learner.sh(taken.stderr.splitlines()[-1]).returncode == 0
    started = learner("start", LESSON, "--anew", "--plain")
    assert started.returncode == 0, started
    assert "step 1 of " in started.stdout
    assert learner("check").returncode == 1
    assert learner.sh(learner("solution", "--plain").stdout).returncode == 0
    assert learner("check").returncode == 0
    assert passed(learner) == ["run"]
    assert learner("clean", "--yes").returncode == 0
    assert foreign("ps", "--all", "--format", "{{.Names}}") == "dl-first-mine"


def test_an_engine_that_hangs(learner: Learner, practice: Practice, docker: Docker) -> None:
    write_note(learner, docker)
    record = read_record(practice.folder)
    assert record is not None
    assert record.dockerd is not None
    began = time.monotonic()
    os.kill(record.dockerd.pid, signal.SIGSTOP)
    try:
        # One of each kind: they run at the same time, and every one has to start Python first.
        ended = each(learner, [next(words for words in (*ANEW, *LOOKING) if words[0] == verb) for verb in VERBS])
        took = time.monotonic() - began
        for done in ended:
            refused(done, "takes connections and did not answer within 5 s", "unset DOCKER_HOST")
        assert learner("hint").returncode == 0
    finally:
        os.kill(record.dockerd.pid, signal.SIGCONT)
    assert took < 30  # ours is 5 s, and starting so many Pythons; the SDK's own patience is 60 s
    assert unix_http.pings(record.socket, 10)
    assert passed(learner) == []
    assert learner("check").returncode == 0
    assert passed(learner) == ["inside"]
