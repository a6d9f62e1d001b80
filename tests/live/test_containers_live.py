"""The lesson containers: every claim about it on the practice engine, its size, and its steps by the command line."""

from __future__ import annotations

import re

import pytest

from dockerlearn.course.packs import course_folder
from tests.live.lessons import Learner, Proving, Tried, hands_on, has_what_a_lesson_must_have, holds, predicted
from tests.matrix import NEWEST_CONTAINERD

LESSON = "containers"
STEPS = ("copies", "foreground", "variables", "recreate", "logs", "shell", "paused", "copy", "taken", "stop", "inspect",
         "which", "several")  # fmt: skip
BROKEN = {"recreate", "paused", "copy", "taken"}
VALUES = ("TOKEN",)


def test_these_are_its_steps(learner: Learner) -> None:
    assert learner.steps(LESSON) == [f"{LESSON}/{step}" for step in STEPS]


def test_it_has_what_a_lesson_must_have() -> None:
    lesson = has_what_a_lesson_must_have(LESSON, BROKEN)
    assert len(hands_on(lesson)) >= 9
    assert len(predicted(lesson.steps)) >= 5
    assert len(lesson.myths) >= 3


@pytest.mark.also_on(NEWEST_CONTAINERD)
def test_every_claim_about_it_holds(proved: Proving) -> None:
    claims = proved()
    holds(claims)
    assert len([claim for claim in claims if claim.claim == "the prediction is true"]) == len(STEPS)


# What reaches the letter of a step and not its goal, after the step was started afresh.
CHEATS = {
    "a copy made of the other's files": (
        "copies",
        (
            "docker run -d --name dl-red busybox:1.36 sh -c 'echo token TOKEN > /note; sleep 600'\n"
            "docker commit dl-red dl-x:v1 && docker run -d --name dl-blue dl-x:v1 sh -c 'rm /note; sleep 600'"
        ),
    ),
    "the exit code without an interrupt": (
        "foreground",
        "docker run --name dl-front busybox:1.36 sh -c 'date; exit 130' || true",
    ),
    "the value typed into the command": (
        "variables",
        "docker run -d --rm --name dl-greet -e WHO=TOKEN busybox:1.36 sh -c 'echo hello TOKEN; sleep 600'",
    ),
    "the mode typed into the command": (
        "recreate",
        (
            "docker rm -f dl-shop\n"
            "docker run -d --name dl-shop -e MODE=live busybox:1.36 sh -c 'echo shop runs in mode live; sleep 600'"
        ),
    ),
    "a new container that shows the text": (
        "shell",
        (
            "docker rm -f dl-sign\n"
            "docker run -d --name dl-sign busybox:1.36 "
            "sh -c 'echo open TOKEN > /sign; echo the sign says open TOKEN; sleep 600'"
        ),
    ),
    "a new clock with the old file": (
        "paused",
        (
            "docker cp dl-clock:/began began; docker rm -f dl-clock\n"
            "docker create --name dl-clock busybox:1.36 sleep 600\n"
            "docker cp began dl-clock:/began; docker start dl-clock"
        ),
    ),
    "a new menu with the old file": (
        "copy",
        (
            "docker cp dl-menu:/settings settings; docker rm dl-menu; number=$(sed -n s/NUMBER=//p settings)\n"
            'docker create --name dl-menu busybox:1.36 sh -c "echo menu in green, number $number; sleep 600"\n'
            "docker cp settings dl-menu:/settings; docker start dl-menu"
        ),
    ),
    "the file kept, the container not": (
        "taken",
        (
            "docker cp dl-report:/report report; docker rm dl-report\n"
            "docker create --name dl-report-old busybox:1.36 true\n"
            "docker cp report dl-report-old:/report; docker run -d --name dl-report busybox:1.36 sleep 600"
        ),
    ),
    "another container with the right exit code": (
        "stop",
        "docker stop dl-polite; docker rm -f dl-deaf; docker run --name dl-deaf busybox:1.36 sh -c 'exit 137' || true",
    ),
    "jobs that were only renamed": (
        "several",
        "for i in 1 2 3; do docker rename dl-job-$i dl-done-$i; done",
    ),
    "what was to stay made again": (
        "several",
        (
            "docker cp dl-keep:/accounts accounts; docker rm dl-job-1 dl-job-2 dl-job-3 dl-keep\n"
            "docker create --name dl-keep busybox:1.36 true; docker cp accounts dl-keep:/accounts"
        ),
    ),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_what_only_looks_right_does_not_pass(tried: Tried, cheat: str) -> None:
    tried.fails(*CHEATS[cheat])


def test_its_scripts_name_nothing_but_what_is_the_lessons() -> None:
    text = (course_folder() / LESSON / "lesson.yaml").read_text()
    commands = [line for line in text.splitlines() if re.match(r"^\s*(?:- |try: |fix: |solution: )?docker ", line)]
    assert commands
    assert not any(re.search(r"\bprune\b|--privileged|\s-v\s", command) for command in commands)
