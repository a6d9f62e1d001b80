"""The lesson first-run, by its commands, with the stock docker client; and the prover, which must be able to say no."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dockerlearn.author.prove import Proved, Prover
from dockerlearn.course.packs import course_folder, open_pack
from dockerlearn.engine.api import EngineApi
from tests.live.conftest import Docker
from tests.live.lessons import Learner, Proving, holds
from tests.matrix import NEWEST_CONTAINERD
from tests.one_lesson import one_lesson

LESSON = "first-run"
STEPS = ("run", "look", "inside", "kernel", "stop", "again", "broken", "remove")


@pytest.fixture
def learner(learner: Learner, tmp_path: Path) -> Learner:
    learner.environment["DOCKERLEARN_PACK"] = str(one_lesson(tmp_path / "pack"))
    return learner


def test_these_are_its_steps(learner: Learner) -> None:
    assert learner.steps(LESSON) == [f"{LESSON}/{step}" for step in STEPS]


def test_from_its_first_step_to_its_last(learner: Learner, docker: Docker) -> None:
    """As processes, which the other tests of lessons are without."""
    assert learner("start", "--plain").returncode == 0
    for step in STEPS:
        place = learner.json("task")
        assert place["step"] == f"{LESSON}/{step}"
        assert learner("check").returncode == 1
        assert learner.json("check")["status"] == "unmet"
        done = learner.sh("set -e\n" + learner("solution", "--plain").stdout)
        assert done.returncode == 0, done
        assert learner("check", "step", place["step"]).returncode == 0
        assert learner("next").returncode == 0
    assert learner("check", "lesson", LESSON).returncode == 0
    assert learner("check", "course").returncode == 0
    assert docker("ps", "-a", "--format", "{{.Names}}") == "dl-job"
    cleaned = learner("clean", "--yes")
    assert cleaned.returncode == 0
    assert "dl-job" in cleaned.stdout
    assert docker("ps", "-aq") == ""


@pytest.mark.also_on(NEWEST_CONTAINERD)
def test_every_claim_about_it_holds(proved: Proving) -> None:
    claims = proved(cheat=True)
    holds(claims)
    assert any(claim.claim.startswith("cheats do not pass: ") for claim in claims)
    assert len([claim for claim in claims if claim.claim == "the prediction is true"]) == len(STEPS)
    assert len([claim for claim in claims if claim.claim.startswith("mistake")]) >= 12
    assert len([claim for claim in claims if "right way" in claim.claim and "passes" in claim.claim]) >= 16


Change = tuple[str, str, str, str]

A_NEW_ONE = """      - name: a new container
        dead_end: true
        when:
          - {container: dl-first, running: true, files: """
"""How the mistake "a new container" begins, up to the files."""

# What is changed in the lesson, in which step, and which claim must fall.
SPOILED: dict[str, Change] = {
    "a solution that does nothing": (
        "    solution: docker start dl-first\n",
        "    solution: docker ps\n",
        "again",
        "the solution",
    ),
    "a right way that is none": (
        "      - docker restart dl-first\n",
        "      - docker stop dl-first\n",
        "again",
        "right way 1",
    ),
    "a step that is met when it begins": (
        "    check:\n      - container: dl-first\n        running: true\n        files: {/note: {contains",
        "    check:\n      - container: dl-first\n      - container: dl-first\n        files: {/note: {contains",
        "again",
        "it starts unmet",
    ),
    "a mistake that is another one": (
        f"{A_NEW_ONE}{{/note: none}}}}",
        A_NEW_ONE.replace("running: true, files: ", "absent: true}"),
        "again",
        "mistake 'a new container'",
    ),
    "a mistake that nobody sees": (
        f"{A_NEW_ONE}{{/note: none}}}}",
        f"{A_NEW_ONE}{{/note: other}}}}",
        "again",
        "mistake 'a new container'",
    ),
    "a mistake that right ways meet": (
        "      - name: stopped only\n        when:",
        "      - name: stopped only\n        dead_end: true\n        when:",
        "remove",
        "the solution",
    ),
    "a prediction that is false": (
        '            files: {/count: "once\\nonce"}',
        '            files: {/count: "once"}',
        "again",
        "the prediction is true",
    ),
    "a fix that does not mend": (
        "        fix: docker unpause dl-first",
        "        fix: docker rename dl-first dl-job",
        "stop",
        "mistake 'paused'",
    ),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_the_prover_says_no(engine: Callable[[], EngineApi], docker: Docker, tmp_path: Path, spoiled: str) -> None:
    good, bad, step, claim = SPOILED[spoiled]
    pack = tmp_path / "pack"
    shutil.copytree(course_folder(), pack)
    file = pack / LESSON / "lesson.yaml"
    text = file.read_text()
    assert text.count(good) == 1, spoiled
    file.write_text(text.replace(good, bad))
    told: list[Proved] = []
    Prover(open_pack(pack), engine, docker.host, tmp_path / "place", told=told.append).prove(
        LESSON, (step,), only=claim
    )
    fallen = [proved for proved in told if not proved.held]
    assert any(proved.claim.startswith(claim) for proved in fallen), [f"{p.claim}: {p.why}" for p in fallen]
    assert all(proved.why for proved in fallen)
    docker.try_("rm", "--force", "dl-first", "dl-job", "dl-try")


def test_every_solution_names_only_what_the_lesson_may_touch() -> None:
    text = (course_folder() / LESSON / "lesson.yaml").read_text()
    assert not re.search(r"\bprune\b|--privileged|\s-v\s", text)
