"""The practice engine, used by commands that name none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dockerlearn.engine.practice import Practice
from tests.cli_support import Ended, Learner
from tests.live.conftest import Docker

LESSONS = Path(__file__).parent.parent.parent / "lessons"


@pytest.fixture
def learner(tmp_path: Path, docker: Docker) -> Learner:
    learner = Learner(tmp_path, LESSONS)
    learner.environ |= docker.environment
    learner.environ |= {"HOME": str(tmp_path / "home"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return learner


def sh(learner: Learner, script: str) -> Ended:
    done = subprocess.run(
        ["sh"], input=script, env=learner.environ, cwd="/", capture_output=True, text=True, check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def test_the_practice_engine_is_used_without_being_named(learner: Learner, practice: Practice) -> None:
    learner.environ["DOCKERLEARN_HOME"] = str(practice.folder.parent)
    host = learner.environ.pop("DOCKER_HOST")
    status = learner.process("engine", "--json").json
    assert (status["engine"]["source"], status["engine"]["export"]) == ("the practice engine", True)
    assert (status["practice"]["up"], status["practice"]["stand_ins"]) == (True, True)
    started = learner.process("start", "first-run/run", "--practice", "--plain")
    assert started.code == 0
    assert f"export DOCKER_HOST={host}\n" in started.out
    assert "stand-ins" in started.err
    assert learner.process("start", "first-run/run", "--json").json["docker_host"] == host
    script = learner.process("solution", "--plain").out
    assert f"export DOCKER_HOST={host}\n" in script
    assert sh(learner, script).code == 0
    assert learner.process("check").code == 0
    assert learner.process("clean", "--yes").code == 0
    # Once it is exported, there is nothing to tell.
    learner.environ["DOCKER_HOST"] = host
    again = learner.process("start", "first-run/run", "--practice", "--plain")
    assert again.code == 0
    assert "export" not in again.out
