"""The lesson networking: every claim of it, by its commands with the stock docker client, and what must not pass."""

from __future__ import annotations

import pytest

from tests.live.lessons import Learner, Proving, Tried, hands_on, has_what_a_lesson_must_have, holds, predicted
from tests.matrix import NEWEST_CONTAINERD

LESSON = "networking"
STEPS = (
    "publish", "only-here", "inside", "listening", "names", "alias", "apart", "internal", "none", "beside", "host",
    "choose",
)  # fmt: skip
BROKEN = {"listening", "names", "apart"}
VALUES = ("PORT", "PREVIEW", "KIOSK", "HOURS")


def test_these_are_its_steps(learner: Learner) -> None:
    assert learner.steps(LESSON) == [f"{LESSON}/{step}" for step in STEPS]


def test_it_has_what_a_lesson_must_have() -> None:
    lesson = has_what_a_lesson_must_have(LESSON, BROKEN)
    assert 10 <= len(lesson.steps) <= 12
    assert len(hands_on(lesson)) >= 9
    assert len(predicted(lesson.steps)) == len(hands_on(lesson))
    assert all(step.hints and step.result and step.insight for step in lesson.steps)


@pytest.mark.also_on(NEWEST_CONTAINERD)
def test_every_claim_about_it_holds(proved: Proving) -> None:
    # In one go, so that each step's world is made once less.
    claims = proved()
    holds(claims)
    proven = {claim.step for claim in claims if claim.claim == "the prediction is true"}
    assert proven == {f"{LESSON}/{step}" for step in STEPS} - {f"{LESSON}/choose"}


B = "busybox:1.36"
LAST = f"{B} sleep 600"
WEB = f"{B} httpd -f -h /etc"
ADDRESS = "$(docker inspect --format '{{{{range .NetworkSettings.Networks}}}}{{{{.IPAddress}}}}{{{{end}}}}' {})"
PASS_ON = "nc -ll -p 8000 -e nc 127.0.0.1 80"

# What looks like the goal and is not it: the step, what is done, and what is told. Names that the lesson does not know
# are dl-x. PORT and the like are the lesson's values.
CHEATS: dict[str, tuple[str, str, str]] = {
    "a door for this machine, and one for everybody": (
        "only-here",
        "docker rm -f dl-page\ndocker run -d --name dl-page -p 127.0.0.1:PREVIEW:80 -p 10099:80 dl-page:v1",
        "on every address of the host and on loopback (127.0.0.1)",
    ),
    "a second server beside it": (
        "listening",
        "docker exec -d dl-kiosk sh -c 'httpd -f -h /www -p \"$(hostname -i):80\"'",
        "netstat -ltn in dl-kiosk should print anything but",
    ),
    "a helper with the door": (
        "listening",
        (
            "docker rm -f dl-kiosk\n"
            f"docker run -d --name dl-x -p KIOSK:8000 {LAST}\n"
            "docker run -d --name dl-kiosk --network container:dl-x -e LISTEN=127.0.0.1:80 dl-page:v1\n"
            f"docker exec -d dl-x {PASS_ON}"
        ),
        "should publish its port 80",
    ),
    "a link": (
        "names",
        f"docker rm -f dl-desk\ndocker network create dl-foyer\ndocker run -d --name dl-desk --link dl-seats {LAST}",
        "is not on it: it is on bridge",
    ),
    "somebody else besides": (
        "alias",
        (
            "docker network disconnect dl-foyer dl-seats\ndocker network connect --alias seats dl-foyer dl-seats\n"
            f"docker run -d --name dl-x --network dl-foyer --network-alias seats {WEB}"
        ),
        "the name then leads to any of them",
    ),
    "written down by hand": (
        "alias",
        f'docker exec dl-desk sh -c "echo {ADDRESS.format("dl-seats")} seats >> /etc/hosts"',
        "cat /etc/hosts in dl-desk should print no line with the name seats",
    ),
    "a back door for the desk": (
        "apart",
        (
            "docker network create dl-back\ndocker network create dl-x\n"
            "docker network connect dl-back dl-members\ndocker network connect dl-back dl-seats\n"
            "docker network disconnect dl-foyer dl-members\n"
            "for name in dl-members dl-desk; do docker network connect dl-x $name; done"
        ),
        "dl-members should be on dl-back and on no other network",
    ),
    "a way out for the clerk": (
        "internal",
        (
            "for name in dl-films dl-clerk; do docker network disconnect dl-cellar $name; done\n"
            "docker network rm dl-cellar\ndocker network create --internal dl-cellar\ndocker network create dl-x\n"
            "for name in dl-films dl-clerk; do docker network connect dl-cellar $name; done\n"
            "docker network connect dl-x dl-clerk"
        ),
        "dl-clerk should be on dl-cellar and on no other network",
    ),
    "somebody else's nothing": (
        "none",
        (
            f"docker run -d --name dl-x --network none {LAST}\n"
            f"docker run -d --name dl-codes --network container:dl-x {LAST}"
        ),
        "container:dl-x",
    ),
    "the lamp copied": (
        "beside",
        f"docker run -d --name dl-gauge {B} sh -c 'echo lamp HOURS > /lamp; httpd -f -p 127.0.0.1:9000'",
        "should be container:dl-projector",
    ),
}

# Right ways that nobody would think of first. Names as above.
RIGHT: dict[str, tuple[str, str]] = {
    "another door besides, and the image by its id": (
        "publish",
        "docker run -d --name dl-page -p 10099:80 -p PORT:80 $(docker images -q dl-page:v1)",
    ),
    "a door on the other loopback too": (
        "only-here",
        "docker rm -f dl-page\ndocker run -d --name dl-page -p 127.0.0.1:PREVIEW:80 -p 127.0.0.1:10099:80 dl-page:v1",
    ),
    "any address, without saying one": (
        "listening",
        "docker rm -f dl-kiosk\ndocker run -d --name dl-kiosk -e LISTEN=80 -p KIOSK:80 dl-page:v1",
    ),
    "a network with addresses of the learner's own, joined by ids": (
        "names",
        (
            "docker network create --subnet 10.211.0.0/24 dl-foyer\n"
            "for id in $(docker ps -q --filter name=^dl-seats$ --filter name=^dl-desk$)\n"
            "do docker network connect $(docker network ls -q --filter name=^dl-foyer$) $id; done"
        ),
    ),
    "seats by another network, and two names": (
        "alias",
        (
            "docker network connect bridge dl-seats\ndocker network disconnect dl-foyer dl-seats\n"
            "docker network connect --alias chairs --alias seats dl-foyer dl-seats"
        ),
    ),
}


@pytest.mark.parametrize("step", dict.fromkeys(step for step, *_ in (*CHEATS.values(), *RIGHT.values())))
def test_what_only_looks_like_the_goal_does_not_pass_and_what_is_it_does(tried: Tried, step: str) -> None:
    for where, script, told in CHEATS.values():
        if where == step:
            tried.fails(step, script, told)
    for where, script in RIGHT.values():
        if where == step:
            tried.passes(step, script)
