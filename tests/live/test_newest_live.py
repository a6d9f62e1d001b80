"""The course on the newest engine with the store of before: each lesson from its start to its end, and some proofs.

Every step is proven on this machine's engine and on the newest with its own store (``also_on`` in the lessons' tests).
Whole proofs on every engine are made by hand (``tests.matrix``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dockerlearn.course.packs import open_pack
from dockerlearn.engine.api import EngineApi
from tests import own_engine
from tests.cli_support import Learner as Commands
from tests.live.lessons import Learner, all_held, prove
from tests.matrix import NEWEST_GRAPH

PACK = open_pack()

PROVEN = {
    "images": "build",
    "dockerfile": "copy",
    "build-cache": "twice",
    "multi-stage": "late",
    "fastapi": "slim",
}
"""Of each lesson that builds, the step that is proven with this store: one that compares sizes, if there is."""


@pytest.fixture(scope="session")
def pulled(docker_host: str, nginx: str, python: str) -> None:
    """What lessons pull and leave is there before, so that the guard of the live tests knows it."""
    for reference in (nginx, python):
        own_engine.pull(docker_host, reference)


@pytest.mark.only_on(NEWEST_GRAPH)
@pytest.mark.parametrize("lesson", PACK.lessons)
def test_a_lesson_from_its_start_to_its_end(
    pulled: None, bare_index: None, commands: Commands, learner: Learner, lesson: str
) -> None:
    """By the commands, each step after the one before it: unmet, its solution in ``sh`` with the client, met."""
    commands("start", lesson, "--plain", code=0)
    for step in PACK.lesson(lesson).steps:
        name = f"{lesson}/{step.id}"
        if step.kind != "read":
            before = commands("check", "--json", code=1).json
            assert (before["step"], before["status"]) == (name, "unmet"), before
            script = commands("solution", "--plain", code=0).out
            # What reacts to no TERM would be waited for.
            done = learner.sh("set -e\n" + script.replace("docker stop ", "docker stop -t 1 "))
            assert done.returncode == 0, (name, done)
            after = commands("check", "step", name, "--json")
            assert (after.code, after.json["passed"]) == (0, True), (name, after)
        commands("next", code=0)
    commands("check", "lesson", lesson, code=0)
    commands("clean", "--yes", code=0)
    for one in commands("clean", "--json").json["unnamed"]:
        assert learner.sh(one["remedy"]).returncode == 0, one


@pytest.mark.only_on(NEWEST_GRAPH)
@pytest.mark.parametrize("lesson", PROVEN)
def test_every_claim_about_a_step_holds(
    pulled: None,
    bare_index: None,
    engine: Callable[[], EngineApi],
    docker_host: str,
    tmp_path: Path,
    lesson: str,
) -> None:
    all_held(prove(engine, docker_host, tmp_path, lesson, PROVEN[lesson]))
