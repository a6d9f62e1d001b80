"""``dockerlearn doctor`` as a command: what it prints, its shape, its exit code, and what ``--fix`` runs."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dockerlearn.cli.app import run
from dockerlearn.cli.wiring import Wiring
from dockerlearn.errors import EngineRefused
from dockerlearn.ui.checkup import finding_lines, verdict_line
from dockerlearn.ui.style import Style
from dockerlearn.ui.view import View
from tests.cli_support import Learner
from tests.fake_engine import make_image

CLIENT = """#!/bin/sh
case "$*" in
--version) echo "Docker version 28.2.2, build e6534b4";;
"version --format"*) echo '{"DefaultAPIVersion":"1.50"}';;
*" version") echo "v1.2.3";;
*) echo "$DOCKER_HOST $*" >> "$HOME/ran"; exit ${ENDS:-0};;
esac
"""


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    found = Learner(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text(CLIENT)
    (tmp_path / "bin/docker").chmod(0o755)
    found.environ |= {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "SHELL": "/bin/sh", "TERM": "xterm"}
    found.engine.clock = datetime.now(UTC)
    return found


def test_where_lessons_can_run(learner: Learner) -> None:
    ended = learner("doctor", code=0)
    assert " ✓ engine      Docker 20.10.24, API 1.41, at unix:///fake.sock (the test)\n" in ended.out
    assert ended.out.endswith("\nLessons can run.\n")
    assert "✗" not in ended.out


def test_where_they_cannot(learner: Learner) -> None:
    learner.engine.failure = EngineRefused("Nobody listens.", "sudo systemctl start docker")
    ended = learner("doctor", code=1)
    assert ended.out.startswith(" ✗ engine      Nobody listens.\n")
    assert "→ sudo systemctl start docker\n" in ended.out
    assert ended.out.endswith("\nLessons cannot run as they should yet: engine.\n")


def test_the_shape(learner: Learner) -> None:
    learner.engine.images.clear()
    told = learner("doctor", "--json", code=0).json
    assert set(told) == {"can_run", "findings", "mended", "system", "version", "python"}
    assert told["can_run"] is True
    assert told["mended"] is None
    assert set(told["system"]) == {"platform", "distribution", "release", "name", "wsl"}
    for finding in told["findings"]:
        assert set(finding) == {"about", "level", "says", "means", "remedy", "safe"}
    (images,) = [finding for finding in told["findings"] if finding["about"] == "images"]
    assert (images["level"], images["remedy"]) == ("advice", ["docker pull busybox:1.36"])
    assert images["safe"] == ["docker pull busybox:1.36"]
    learner.engine.failure = EngineRefused("Nobody listens.", None)
    assert learner("doctor", "--json", code=1).json["can_run"] is False


class TestFix:
    def test_it_shows_asks_runs_and_looks_again(self, learner: Learner) -> None:
        learner.engine.images.clear()
        ended = learner("doctor", "--fix", typed="y\n", code=0)
        assert "This can be run safely:\n  docker pull busybox:1.36\n" in ended.err
        # What was run used the engine that the environment names, and the learner's own home.
        assert (learner.folder / "home/ran").read_text() == "unix:///nonexistent/docker.sock pull busybox:1.36\n"
        # The program here has pulled nothing, so there is nothing new to tell.
        assert ended.out.count(" engine  ") == 1
        assert ended.out.endswith("\nLessons can run.\nNothing has changed.\n\nLessons can run.\n")

    def test_what_is_new_is_told(self, learner: Learner) -> None:
        learner.engine.images.clear()
        out = io.StringIO()

        class Pulling(io.StringIO):
            def readline(self, *_: int) -> str:  # type: ignore[override]  # the stub of io says bytes here
                learner.engine.add_image(make_image("busybox:1.36"))
                return "y\n"

        view = View(out, io.StringIO(), Pulling(), interactive=True)
        assert run(("doctor", "--fix"), Wiring(view, environ=learner.environ, engine=lambda: learner.engine)) == 0
        again = out.getvalue().partition("Lessons can run.\n")[2]
        assert again == " ✓ images      The engine has all images of the lessons (1).\n\nLessons can run.\n"

    def test_what_it_runs(self, learner: Learner) -> None:
        learner.engine.images.clear()
        told = learner("doctor", "--fix", "--yes", "--json", code=0).json
        assert told["mended"] == [{"command": "docker pull busybox:1.36", "code": 0}]

    def test_without_a_yes_nothing_is_run(self, learner: Learner) -> None:
        learner.engine.images.clear()
        assert "dockerlearn doctor --fix --yes" in learner("doctor", "--fix", code=2).err
        assert learner("doctor", "--fix", typed="n\n", code=2).out
        assert not (learner.folder / "home/ran").exists()

    def test_what_fails_is_told(self, learner: Learner) -> None:
        learner.engine.images.clear()
        learner.environ["ENDS"] = "7"
        told = learner("doctor", "--fix", "--yes", "--json").json
        assert told["mended"] == [{"command": "docker pull busybox:1.36", "code": 7}]

    def test_nothing_to_do(self, learner: Learner) -> None:
        assert "nothing here that can be mended" in learner("doctor", "--fix", code=0).err
        learner.engine.add_image(make_image("busybox:1.36"))
        assert learner("doctor", "--fix", "--json", code=0).json["mended"] is None


def test_without_an_engine_as_a_process(learner: Learner) -> None:
    ended = learner.process("doctor")
    assert ended.code == 1
    assert "✗ engine" in ended.out
    assert "there is no unix:///nonexistent/docker.sock" in " ".join(ended.out.split())
    assert "→ unset DOCKER_HOST" in ended.out
    assert ended.err == "Looking\n"


def test_a_remote_engine_is_not_looked_at_before_a_yes(learner: Learner) -> None:
    ended = learner.process("doctor", env={"DOCKER_HOST": "tcp://engine.invalid:2375"})
    assert ended.code == 1
    assert "you have not agreed to it yet" in " ".join(ended.out.split())


def test_a_plain_terminal_and_a_narrow_one(learner: Learner) -> None:
    ended = learner.process("doctor", "--plain", env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "COLUMNS": "40"})
    assert ended.out.isascii()
    assert " no engine" in ended.out
    assert "\x1b" not in ended.out
    remedies = [line for line in ended.out.splitlines() if "->" in line]

    # A path has no place to break at.
    rest = [line for line in ended.out.splitlines() if line not in remedies and "/" not in line]
    assert all(len(line) <= 40 for line in rest)
    assert " !  " in ended.out  # as wide as "no" and "ok"


def test_control_sequences_do_not_pass(learner: Learner) -> None:
    learner.engine.failure = EngineRefused("No\x1b[2Jbody \x9b31mlistens.", "x\x1b]0;y\x07z")
    out = learner("doctor", code=1).out
    assert "Nobody listens." in out
    assert "→ xz" in out


def test_nothing_is_told_by_colour_alone() -> None:
    from dockerlearn.doctor.examine import examine
    from dockerlearn.engine.docker_program import DockerProgram
    from tests.doctor_facts import WELL, facts

    findings = examine(facts(client=DockerProgram()))
    plain, coloured = finding_lines(findings, Style()), finding_lines(findings, Style(colour=True))
    assert plain != coloured
    assert [line.lstrip()[0] for line in plain if line[:2] != "  "] == [
        {"ok": "✓", "advice": "!", "problem": "✗"}[finding.level] for finding in findings
    ]
    assert verdict_line(findings) == "Lessons cannot run as they should yet: client."
    assert verdict_line(examine(WELL)) == "Lessons can run."
