"""Line mode, with a reader that types and an engine in memory."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockerlearn.errors import EngineSilent
from dockerlearn.paths import Paths
from dockerlearn.ui.line import LineMode, run
from dockerlearn.ui.style import Style
from dockerlearn.ui.view import View
from tests.fake_engine import FakeEngine
from tests.test_session import BUSYBOX, Learner

Typed = str | Callable[[], str] | type[BaseException]


class Terminal:
    """What is typed, and what the screen shows."""

    def __init__(self, learner: Learner, tmp_path: Path) -> None:
        self.learner = learner
        self.out = io.StringIO()
        self.view = View(self.out, self.out, style=Style(width=90))
        self.bin = tmp_path / "bin"
        self.bin.mkdir()
        self.environment = {"PATH": f"{self.bin}:{os.environ['PATH']}", "SHELL": "/bin/sh", "HOME": str(tmp_path)}
        self.prompts: list[str] = []

    def stub(self, name: str, script: str) -> None:
        """Put a program on PATH."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def type(self, *lines: Typed) -> str:
        """Type lines, then end the input; return what the screen shows."""
        left = iter(lines)

        def read(prompt: str) -> str:
            self.prompts.append(prompt)
            line = next(left, None)
            if line is None:
                raise EOFError
            if isinstance(line, type):
                raise line
            text = line if isinstance(line, str) else line()
            self.out.write(f"{prompt}{text}\n")
            return text

        place = self.learner.session.start()
        self.out.truncate(0)
        self.out.seek(0)
        code = LineMode(self.learner.session, self.view, self.environment, read).run(place)
        assert code == 0
        return self.out.getvalue()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    learner = Learner(Paths(tmp_path / "home", tmp_path / "work"), FakeEngine(BUSYBOX))
    yield Terminal(learner, tmp_path)
    learner.store.close()


def test_a_prediction_is_asked_until_it_is_answered(terminal: Terminal) -> None:
    screen = terminal.type("", "9", KeyboardInterrupt, "2")
    assert [prompt for prompt in terminal.prompts if prompt.startswith("your answer (1-3)")] == terminal.prompts[:4]
    assert "Right." in screen
    assert screen.index("Right.") < screen.index("Task")
    assert "Until next time" in screen


def test_a_met_step_is_told_after_the_command_and_waits_for_enter(terminal: Terminal) -> None:
    terminal.stub("docker", "exit 0")

    def run_it() -> str:
        terminal.learner.run()
        return "docker run"

    screen = terminal.type("2", run_it, "", "1")
    assert "✓ dl-first" in screen
    assert "Enter for the next step." in screen
    assert "step 2 of 8" in screen
    assert terminal.learner.place().name == "first-run/look"


def test_on_the_way_it_is_silent(terminal: Terminal) -> None:
    terminal.stub("docker", "exit 0")

    def made() -> str:
        terminal.learner.run(status="created", running=False)
        return "docker create"

    screen = terminal.type("2", "ls", made, "docker ps", "true")
    assert "✗" not in screen
    assert "✓ dl-first" not in screen


def test_after_a_docker_command_that_failed_it_says_what_is_so(terminal: Terminal) -> None:
    terminal.stub("docker", "echo no such image >&2; exit 125")
    screen = terminal.type("2", "docker run x", "false")
    assert screen.count("There should be a container named dl-first") == 1


def test_a_slip_on_the_command_line_is_told_instead(terminal: Terminal) -> None:
    terminal.stub("docker", "exit 125")
    screen = terminal.type("2", "docker run -name dl-first busybox:1.36", "$ docker ps", "docker run -d x")
    assert "✗ A long option has two dashes" in screen
    assert "→ docker run --name dl-first busybox:1.36" in screen
    assert "→ docker ps" in screen
    assert screen.count("There should be a container named dl-first") == 1  # after what is no slip


def test_a_command_of_the_tutors_own_is_no_docker_command(terminal: Terminal) -> None:
    terminal.stub("docker", "exit 0")
    terminal.stub("dockerlearn", "exit 1")

    def ended() -> str:
        terminal.learner.run()
        terminal.learner.end(code=0)
        return "docker run -d"

    screen = terminal.type("2", ended, "dockerlearn map", "dockerlearn map")
    assert screen.count("came to its end") == 1


def test_a_slip_that_went_well_is_not_told(terminal: Terminal) -> None:
    terminal.stub("docker", "exit 0")
    assert "✗" not in terminal.type("2", "docker run -d -p 8080 x", "docker ps -all")


def test_ctrl_c_is_no_failure(terminal: Terminal) -> None:
    terminal.stub("docker", "exit 130")
    assert "✗" not in terminal.type("2", "docker logs -f x")


def test_a_dead_end_is_told_unasked_and_once(terminal: Terminal) -> None:
    terminal.stub("docker", "exit 0")

    def ended() -> str:
        terminal.learner.run()
        terminal.learner.end(code=0)
        return "docker run -d"

    screen = terminal.type("2", ended, "ls", "pwd")
    assert screen.count("came to its end") == 1


def test_verbs(terminal: Terminal) -> None:
    screen = terminal.type(
        "2",
        "task",
        "hint",
        "hint",
        "check",
        "solution",
        "lessons",
        "help",
        "answer 1",
        "dl hint",
        "dl nonsense",
        "quit",
    )
    assert "Hint 1 of 3" in screen
    assert "Hint 3 of 3" in screen
    assert "There should be a container named dl-first" in screen
    assert "  docker run -d --name dl-first" in screen
    assert "cd '" not in screen.split("solution")[1].split("lessons")[0]
    assert "This step asks for no answer" in screen
    assert "no word 'nonsense'" in screen
    assert "Until next time" in screen


def test_next_does_not_leave_an_open_step_and_skip_does(terminal: Terminal) -> None:
    screen = terminal.type("2", "next", "skip", "2", "back", "redo")
    assert "To leave the step for now: skip" in screen
    assert "step 2 of 8" in screen
    assert terminal.learner.place().name == "first-run/run"


def test_a_verb_with_words_behind_it_is_a_command(terminal: Terminal) -> None:
    terminal.stub("next", 'echo "program next: $*"')
    screen = terminal.type("2", "next of kin > out.txt", "\\next door > out2.txt")
    folder = terminal.learner.paths.workspace / "first-run"
    assert (folder / "out.txt").read_text() == "program next: of kin\n"
    assert (folder / "out2.txt").read_text() == "program next: door\n"
    assert "To leave the step" not in screen


def test_an_answer_without_a_verb(terminal: Terminal) -> None:
    terminal.learner.pass_first()
    right = terminal.learner.engine.by_name["dl-first"].id[:12]
    screen = terminal.type("2", "nosuchword", right)
    assert screen.count("That is not it.") == 1
    assert "✓ Right." in screen
    assert terminal.learner.place().passed


def test_programs_are_run_while_an_answer_is_open(terminal: Terminal) -> None:
    terminal.learner.pass_first()
    terminal.stub("whatisit", "touch ran")
    screen = terminal.type("2", "whatisit")
    assert "That is not it" not in screen
    assert (terminal.learner.paths.workspace / "first-run" / "ran").exists()


def test_a_pass_in_another_process_is_noticed(terminal: Terminal) -> None:
    place = terminal.learner.pass_first()

    def elsewhere() -> str:
        other = Learner(terminal.learner.paths, terminal.learner.engine)
        other.session.answer(place, terminal.learner.engine.by_name["dl-first"].id)
        other.store.close()
        return "true"

    assert "Enter for the next step." in terminal.type("2", elsewhere)


def test_cd_holds_and_the_prompt_shows_it(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "it's here").mkdir()
    terminal.type(
        "2", f"cd '{tmp_path}/it'\"'\"'s here'", "touch made", "exit 3", "cd /nonexistent 2>/dev/null", "pwd > pwd.txt"
    )
    assert (tmp_path / "it's here" / "made").exists()
    assert (tmp_path / "it's here" / "pwd.txt").read_text().strip() == str(tmp_path / "it's here")
    assert terminal.prompts[-1].endswith("it's here $ ")


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash", "/usr/bin/fish", "/nonexistent", ""])
def test_any_shell(terminal: Terminal, shell: str) -> None:
    terminal.environment["SHELL"] = shell
    terminal.type("2", 'x="a b"; echo "$x" > out.txt')
    assert (terminal.learner.paths.workspace / "first-run" / "out.txt").read_text() == "a b\n"


@pytest.mark.parametrize("line", ["echo 'unfinished", "if true", ")", "echo $(", "\x1b[31m", "a" * 20_000, "\udcff"])
def test_any_line_is_survived(terminal: Terminal, line: str) -> None:
    screen = terminal.type("2", line, "task")
    assert screen.count("Task") == 2


def test_a_lost_engine_is_told_and_the_lesson_goes_on(terminal: Terminal) -> None:
    terminal.stub("docker", "exit 0")
    engine = terminal.learner.engine

    def lost() -> str:
        engine.failure = EngineSilent("The engine does not answer.", "start it")
        return "docker ps"

    def back() -> str:
        engine.failure = None
        terminal.learner.run()
        return "docker ps"

    screen = terminal.type("2", lost, back)
    assert "The engine does not answer." in screen
    assert "✓ dl-first" in screen


def test_the_client_is_told_of_an_engine_it_would_not_find(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["2", 'echo "$DOCKER_HOST|$DOCKER_CONTEXT|" > host.txt'])

    def read(_: str) -> str:
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", read)
    place = terminal.learner.session.start()
    environ = {**terminal.environment, "DOCKER_CONTEXT": "other"}
    run(terminal.learner.session, place, terminal.view, docker_host="unix:///x.sock", environ=environ)
    assert (place.folder / "host.txt").read_text() == "unix:///x.sock||\n"
