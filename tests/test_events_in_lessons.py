"""Steps that ask what happened, and mistakes that ask what was typed: in sessions, in line mode, and for the loader."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dockerlearn.checks.outcome import Status
from dockerlearn.checks.run import Time
from dockerlearn.course.packs import open_pack
from dockerlearn.paths import Paths
from dockerlearn.progress.store import Store
from dockerlearn.session.session import Place, Session
from dockerlearn.ui.line import LineMode
from dockerlearn.ui.style import Style
from dockerlearn.ui.view import View
from tests.fake_engine import FakeEngine
from tests.test_session import BUSYBOX

PACK = Path(__file__).parent / "packs" / "events"


class Learner:
    """A session on an engine that others can share."""

    def __init__(self, folder: Path, engine: FakeEngine) -> None:
        self.engine = engine
        self.paths = Paths(folder / "home", folder / "work")
        self.store = Store.open(self.paths.progress)
        passing = Time(self._now, self._sleep)
        self.session = Session(open_pack(PACK), self.store, self.paths, lambda: engine, passing=passing)

    def _now(self) -> float:
        return self.engine.clock.timestamp()

    def _sleep(self, seconds: float) -> None:
        self.engine.clock += timedelta(seconds=seconds)

    def status(self, place: Place | None = None) -> Status:
        self.engine.clock += timedelta(seconds=30)
        return self.session.check(place or self.session.place()).status

    def restart(self) -> None:
        for action in ("kill", "die", "stop", "start", "restart"):
            self.engine.happen(action, "dl-web", **({"signal": "15"} if action == "kill" else {}))


@pytest.fixture
def engine() -> FakeEngine:
    found = FakeEngine(BUSYBOX)
    found.happen("pull", "busybox:1.36", kind="image")
    return found


@pytest.fixture
def learner(tmp_path: Path, engine: FakeEngine) -> Iterator[Learner]:
    found = Learner(tmp_path, engine)
    yield found
    found.store.close()


def test_what_is_done_after_the_step_began_counts(learner: Learner) -> None:
    learner.session.start()
    assert learner.status() is Status.UNMET
    learner.restart()
    assert learner.status() is Status.MET


def test_what_set_up_did_does_not(learner: Learner, engine: FakeEngine) -> None:
    learner.session.start()
    learner.restart()
    learner.session.redo()
    assert learner.status() is Status.UNMET
    assert engine.clock.microsecond, "the moment that the step began must not be rounded down"


def test_what_is_brought_back_when_coming_back_does_not(learner: Learner, engine: FakeEngine) -> None:
    place = learner.session.start()
    engine.happen("kill", "dl-web", signal="15")
    engine.happen("die", "dl-web")
    engine.stop_container(engine.by_name["dl-web"].id)
    start = engine.start_container

    def start_and_tell(container_id: str) -> None:
        start(container_id)
        engine.happen("start", "dl-web")

    engine.start_container = start_and_tell  # type: ignore[method-assign]
    assert learner.session.start().name == place.name
    assert engine.by_name["dl-web"].running
    assert engine.happened[-1].action == "start"
    assert learner.status() is Status.UNMET


def test_what_another_process_looked_at_does_not(learner: Learner, engine: FakeEngine, tmp_path: Path) -> None:
    engine.runs["ls", "/"] = ("bin\n", 0)
    learner.session.start("lifecycle/look-inside")
    assert learner.status() is Status.UNMET
    other = Learner(tmp_path, engine)
    for one in (other, learner, other):
        assert one.status() is Status.UNMET
    assert [event.action for event in engine.happened].count("exec_start") == 5
    engine.happen("exec_start", "dl-web", "ls /", execID="hers")
    engine.happen("exec_die", "dl-web", execID="hers", exitCode="0")
    assert other.status() is Status.MET
    other.store.close()


def test_a_step_that_is_met_at_its_start_is_never_met_by_the_past(learner: Learner, engine: FakeEngine) -> None:
    engine.add("theirs")
    for action in ("create", "die", "destroy"):
        engine.happen(action, "eager", image="busybox:1.36", exitCode="1")
    learner.session.start("lifecycle/gone")
    assert learner.status() is Status.UNMET


def test_an_engine_that_was_restarted_meanwhile_is_not_taken_for_one_where_nothing_happened(
    learner: Learner, engine: FakeEngine
) -> None:
    learner.session.start()
    learner.restart()
    engine.happened.clear()
    assert learner.status() is Status.UNKNOWN
    learner.restart()
    assert learner.status() is Status.MET


class TestTyped:
    def type(self, learner: Learner, tmp_path: Path, *lines: str) -> str:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "docker").write_text('#!/bin/sh\ncase "$*" in *-time*) exit 125;; esac\n')
        (tmp_path / "bin" / "docker").chmod(0o755)
        left = iter(lines)

        def read(_: str) -> str:
            try:
                return next(left)
            except StopIteration:
                raise EOFError from None

        out = io.StringIO()
        environment = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "SHELL": "/bin/sh", "HOME": str(tmp_path)}
        mode = LineMode(learner.session, View(out, out, style=Style(width=90)), environment, read)
        assert mode.run(learner.session.start()) == 0
        return out.getvalue()

    def test_line_mode_tells_a_mistake_by_what_was_typed(self, learner: Learner, tmp_path: Path) -> None:
        screen = self.type(learner, tmp_path, "docker restart -time 0 dl-web")
        assert screen.count("Long options have two dashes.") == 1
        typed = learner.session.journal.latest("docker")
        assert typed is not None
        assert (typed[0].status, typed[0].printed) == (125, None)

    def test_and_not_when_another_command_came_after_it(self, learner: Learner, tmp_path: Path) -> None:
        screen = self.type(learner, tmp_path, "docker restart -time 0 dl-web", "docker ps", "check")
        assert screen.count("Long options have two dashes.") == 1
        assert screen.count("should have been restarted") == 2

    def test_and_not_in_another_process(self, learner: Learner, engine: FakeEngine, tmp_path: Path) -> None:
        self.type(learner, tmp_path, "docker restart -time 0 dl-web")
        assert learner.session.check(learner.session.place()).mistake is not None
        other = Learner(tmp_path, engine)
        assert other.session.check(other.session.place()).mistake is None
        other.store.close()

    def test_and_not_in_the_next_step(self, learner: Learner, tmp_path: Path) -> None:
        self.type(learner, tmp_path, "docker restart -time 0 dl-web", "redo")
        assert learner.session.check(learner.session.place()).mistake is None


LESSON = """\
title: T
level: foundation
summary: S
minutes: 5
steps:
  - id: one
    title: One
    learn: L
    task: T
    hints: [H]
    solution: "true"
"""


CHOICES = "choices: [{text: a, say: b, right: true}, {text: c, say: d}]"


@pytest.mark.parametrize(
    ("part", "path", "line", "message"),
    [
        ("    check: [{command: docker run}]", "steps[0].check[0].command", 12, "in a mistake's when only"),
        ("    setup: [{command: docker run}]\n    check: [{file: x}]", "steps[0].setup[0].command", 12, "when only"),
        (
            f"    check: [{{file: x}}]\n    predict: {{ask: A, {CHOICES}, proof: {{check: [{{command: docker}}]}}}}",
            "steps[0].predict.proof.check[0].command", 13, "in a mistake's when only",
        ),
        ("    check: [{event: started, container: web}]", "steps[0].check[0].container", 12, "begin with dl-"),
        ("    check: [{event: started, container: any}]", None, 0, ""),
        ("    check: [{event: frobbed, container: dl-a}]", "steps[0].check[0].event", 12, "is not told of a"),
        ("    check: [{event: pulled, image: ngnix}]", "steps[0].check[0].image", 12, "neither an image of pack.yaml"),
        ("    check: [{event: created, network: net}]", "steps[0].check[0].network", 12, "begin with dl-"),
        ("    check: [{event: removed, volume: data}]", "steps[0].check[0].volume", 12, "begin with dl-"),
        (
            "    check: [{file: x}]\n    mistakes: [{name: N, say: S, try: t, when: [{command: docker run}]}]",
            None, 0, "",
        ),
        (
            "    check: [{file: x}]\n    mistakes: [{name: N, say: S, try: t, when: [{command: docker; ls}]}]",
            "steps[0].mistakes[0].when[0].command", 13, "the words that one command begins with",
        ),
    ],
)  # fmt: skip
def test_the_loader(tmp_path: Path, part: str, path: str | None, line: int, message: str) -> None:
    (tmp_path / "pack.yaml").write_text("format: 1\nid: p\ntitle: P\nlessons: [l]\nimages: {busybox: busybox:1.36}\n")
    (tmp_path / "l").mkdir()
    (tmp_path / "l" / "lesson.yaml").write_text(f"{LESSON}{part}\n")
    problems = open_pack(tmp_path).problems("l")
    if path is None:
        assert problems == ()
        return
    (problem,) = problems
    assert (problem.path, problem.line) == (path, line), problem
    assert message in problem.message
