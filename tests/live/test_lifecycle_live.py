"""The lesson lifecycle: every claim of it, by its commands with the stock docker client, and what must not pass."""

from __future__ import annotations

import re
import shlex

import pytest

from dockerlearn.checks.exec import Exec
from dockerlearn.checks.matchers import fits
from dockerlearn.course.packs import open_pack
from tests.live.lessons import Learner, Proving, Tried, hands_on, has_what_a_lesson_must_have, holds, predicted
from tests.matrix import NEWEST_CONTAINERD

LESSON = "lifecycle"
STEPS = (
    "prepare", "first-process", "zombies", "reload", "refused", "restart", "gone", "where", "silent", "rotate",
    "heaviest", "urgent",
)  # fmt: skip
BROKEN = {"first-process", "zombies", "refused", "silent"}
VALUES = ("TOKEN", "PLACE")


def test_these_are_its_steps(learner: Learner) -> None:
    assert learner.steps(LESSON) == [f"{LESSON}/{step}" for step in STEPS]


def test_it_has_what_a_lesson_must_have() -> None:
    lesson = has_what_a_lesson_must_have(LESSON, BROKEN)
    assert len(hands_on(lesson)) == len(STEPS)
    assert sum(len(step.mistakes) for step in lesson.steps) >= 3 * len(STEPS)
    assert predicted(lesson.steps) == set(STEPS)


@pytest.mark.also_on(NEWEST_CONTAINERD)
@pytest.mark.parametrize("step", STEPS)
def test_every_claim_about_a_step_holds(proved: Proving, step: str) -> None:
    holds(proved(step))


D = "dl-depot:v1"
REPORT = """$(docker cp dl-report:/report - | tar -xOf - report | sed -n 's/^echo "\\(.*\\)"/\\1/p')"""

# What looks like the goal and is not it: the step, and what is done. Names that the lesson does not know are dl-x.
CHEATS: dict[str, tuple[str, str]] = {
    "the words of the program, without it": (
        "prepare",
        (
            "city=$(cat route)\n"
            f'docker run -d --name dl-truck {D} sh -c "echo $city > /route; echo driving to $city; exec sleep 600"'
        ),
    ),
    "the program carried into another image": (
        "prepare",
        (
            f"docker create --name dl-x {D}\ndocker cp dl-x:/drive drive\n"
            "docker create --name dl-truck busybox:1.36 /drive\ndocker cp drive dl-truck:/drive\n"
            "docker cp route dl-truck:/route\ndocker start dl-truck"
        ),
    ),
    "a route to somewhere else": (
        "prepare",
        f"docker run -d --name dl-truck {D} sh -c 'echo nowhere > /route; exec /drive'",
    ),
    "under way, and gone": (
        "prepare",
        (
            "docker create --name dl-truck dl-depot:v1 /drive\ndocker cp route dl-truck:/route\n"
            "docker start dl-truck\nsleep 1\ndocker stop dl-truck"
        ),
    ),
    "its words in another one, after a stop of the old one": (
        "first-process",
        (
            "docker stop -t 0 dl-sort\ndocker rm dl-sort\n"
            f"docker run --name dl-sort {D} echo getting ready, last parcel put away\ndocker stop dl-sort"
        ),
    ),
    "a polite shell that tells nobody": (
        "first-process",
        (
            "docker rm -f dl-sort\n"
            f"""docker run -d --name dl-sort {D} sh -c "trap 'exit 0' TERM; echo getting ready; /sort & wait"\n"""
            "sleep 1\ndocker stop dl-sort"
        ),
    ),
    "the sorter alone on another name": (
        "first-process",
        f"docker run -d --name dl-x {D} sh -c 'echo getting ready; exec /sort'\nsleep 1\ndocker stop dl-x",
    ),
    "no helpers, no zombies": (
        "zombies",
        f"docker rm -f dl-scan\ndocker run -d --init --name dl-scan {D} sleep 36000",
    ),
    "an init for another one": ("zombies", f"docker run -d --init --name dl-x {D} /scan"),
    "zombies that stand still": ("zombies", "docker pause dl-scan"),
    "another board": (
        "reload",
        (
            f"docker rm -f dl-board\ndocker create --name dl-board {D} /board\necho open TOKEN > notice\n"
            "docker cp notice dl-board:/notice\ndocker start dl-board\nsleep 1\ndocker kill --signal HUP dl-board"
        ),
    ),
    "started anew, with the trace wiped": (
        "reload",
        (
            "docker exec dl-board sh -c 'echo open TOKEN > /notice'\ndocker restart -t 1 dl-board\nsleep 1\n"
            "docker exec dl-board sh -c 'echo begun > /begun'\ndocker kill --signal HUP dl-board"
        ),
    ),
    "read, and written back": (
        "reload",
        ("docker exec dl-board sh -c 'echo open TOKEN > /notice; kill -HUP 1; sleep 2; echo closed > /notice'\n"),
    ),
    "the report by echo": (
        "refused",
        f'line="{REPORT}"\ntest -n "$line"\ndocker rm dl-report\ndocker run --name dl-report {D} echo "$line"',
    ),
    "the report with more behind it, on a terminal": (
        "refused",
        (
            f'line="{REPORT}"\ntest -n "$line"\ndocker rm dl-report\n'
            f'docker run -t --name dl-report {D} sh -c "echo $line of yesterday; : /report"'
        ),
    ),
    "the report beside it": ("refused", f"docker run --name dl-x {D} sh /report"),
    "a program that says something else": (
        "refused",
        (
            "printf '#!/bin/sh\\necho all is well\\n' > report\nchmod +x report\n"
            "docker cp report dl-report:/report\ndocker start -a dl-report"
        ),
    ),
    "by hand, and the policy afterwards": (
        "restart",
        (
            f"docker run --name dl-fetch {D} /fetch || true\ndocker start -a dl-fetch || docker start -a dl-fetch\n"
            "docker update --restart on-failure dl-fetch"
        ),
    ),
    "given up, and then by hand": (
        "restart",
        (
            f"docker run -d --restart on-failure:1 --name dl-fetch {D} /fetch\n"
            "until docker ps -a --filter name=dl-fetch --filter status=exited | grep dl-fetch; do sleep 1; done\n"
            "docker update --restart on-failure:5 dl-fetch\ndocker start dl-fetch\ndocker wait dl-fetch"
        ),
    ),
    "a loop in place of the engine": (
        "restart",
        f"docker run --restart on-failure --name dl-fetch {D} sh -c 'until /fetch; do sleep 0; done'",
    ),
    "always, until it was enough": (
        "restart",
        (
            f"docker run -d --restart always --name dl-fetch {D} /fetch\n"
            "until docker logs dl-fetch 2>&1 | grep -c fetched | grep '[2-9]'; do sleep 1; done\n"
            "docker stop -t 1 dl-fetch\ndocker update --restart on-failure dl-fetch"
        ),
    ),
    "a policy for something that works at once": (
        "restart",
        f"docker run --restart on-failure --name dl-fetch {D} echo list fetched",
    ),
    "an empty paper": ("where", "touch paper"),
    "copied and removed": ("where", "docker cp dl-clerk:/srv/PLACE/paper paper\ndocker rm dl-clerk"),
    "copied and begun anew": (
        "where",
        "docker cp dl-clerk:/srv/PLACE/paper paper\ndocker start dl-clerk\ndocker wait dl-clerk",
    ),
    "another gate's goodbye": (
        "silent",
        (
            f"said=$(docker exec dl-gate head -n 1 /gate.log | sed s/opened/closed/)\ndocker stop dl-gate\n"
            f'docker rm dl-gate\ndocker run --name dl-gate {D} echo "$said"\ndocker stop dl-gate'
        ),
    ),
    "a link to nowhere": ("silent", "docker exec dl-gate ln -sf /dev/null /gate.log\ndocker stop dl-gate"),
    "linked, and killed": ("silent", "docker exec dl-gate ln -sf /dev/stdout /gate.log\ndocker kill dl-gate"),
    "linked, and still there": ("silent", "docker exec dl-gate ln -sf /dev/stdout /gate.log"),
    "only the end is printed": ("rotate", f"docker run --name dl-belt {D} sh -c '/belt | tail -n 15'"),
    "the belt in another image": (
        "rotate",
        (
            f"docker create --name dl-x {D}\ndocker cp dl-x:/belt belt\n"
            "docker create --log-opt max-size=10k --log-opt max-file=2 --name dl-belt busybox:1.36 /belt\n"
            "docker cp belt dl-belt:/belt\ndocker start -a dl-belt"
        ),
    ),
    **{
        f"not the last twenty kilobytes, by {options}": (
            "rotate",
            f"docker run --log-opt max-size={options} --name dl-belt {D} /belt",
        )
        for options in (
            "10k",
            "20k",
            "40k",
            "20k --log-opt max-file=2",
            "12k --log-opt max-file=2",
            "11k --log-opt max-file=2",
            "8k --log-opt max-file=2",
        )
    },
    "a limit that is far away": (
        "rotate",
        f"docker run --log-opt max-size=10m --log-opt max-file=2 --name dl-belt {D} /belt",
    ),
    "half of the boxes": ("urgent", "echo dl-box-2 > urgent"),
    "one too many": ("urgent", "printf 'dl-box-2\\ndl-box-3\\ndl-box-5\\n' > urgent"),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_what_only_looks_like_the_goal_does_not_pass(tried: Tried, cheat: str) -> None:
    tried.fails(*CHEATS[cheat])


def test_at_no_moment_a_container_without_init_looks_collected(learner: Learner) -> None:
    """Helpers take a while to end, and a shell as process 1 would collect what ends before it becomes the program."""
    learner.here("start", f"{LESSON}/zombies", "--plain")
    steps = {step.id: step for step in open_pack().lesson(LESSON).steps}
    (asked,) = [one for one in steps["zombies"].check if isinstance(one, Exec)]
    assert asked.output is not None
    listing = shlex.join(["docker", "exec", asked.exec, *asked.words])
    for _ in range(5):
        done = learner.sh(
            f"docker rm -f {asked.exec}\ndocker run -d --name {asked.exec} {D} /scan\nsleep 0.3\n{listing}"
        )
        assert len(re.findall("(?m)^Z", done.stdout)) == 5, done
        again = learner.sh(f"docker restart -t 0 {asked.exec}\n{listing}\n" + f"echo next\n{listing}\n" * 5)
        for seen in again.stdout.split("next\n"):
            assert not fits(asked.output, seen), again
