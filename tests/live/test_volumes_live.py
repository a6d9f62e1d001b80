"""The lesson volumes: every claim of it, by its commands with the stock docker client, and what must not pass."""

from __future__ import annotations

import pytest

from tests.live.lessons import Learner, Proving, Tried, hands_on, has_what_a_lesson_must_have, holds, predicted
from tests.matrix import NEWEST_CONTAINERD

LESSON = "volumes"
STEPS = (
    "lasting", "replace", "rescue", "beneath", "bind", "share", "unnamed", "owner", "memory", "backup", "restore",
    "unused",
)  # fmt: skip
BROKEN = {"rescue", "beneath", "unnamed", "owner", "restore"}
VALUES = ("TOKEN", "KEY")


def test_these_are_its_steps(learner: Learner) -> None:
    assert learner.steps(LESSON) == [f"{LESSON}/{step}" for step in STEPS]


def test_it_has_what_a_lesson_must_have() -> None:
    lesson = has_what_a_lesson_must_have(LESSON, BROKEN)
    assert 10 <= len(lesson.steps) <= 12
    assert len(hands_on(lesson)) >= 9
    assert len(predicted(lesson.steps)) >= 10
    assert all(len(step.accepts) >= 2 for step in hands_on(lesson))


@pytest.mark.also_on(NEWEST_CONTAINERD)
@pytest.mark.parametrize("step", STEPS)
def test_every_claim_about_a_step_holds(proved: Proving, step: str) -> None:
    holds(proved(step), predicted=step != "rescue")


B = "busybox:1.36"
LAST = f"{B} sleep 600"
PLACE = "$(docker volume inspect --format '{{.Mountpoint}}' dl-orders)"

# What looks like the goal and is not it: the step, and what is done. Names that the lesson does not know are dl-x.
CHEATS: dict[str, tuple[str, str]] = {
    "a file in the volume, another one in the container": (
        "lasting",
        (
            f"docker run --rm -v dl-orders:/data {B} sh -c 'echo coffee TOKEN > /data/orders'\n"
            f"docker run -d --name dl-till -w /data {LAST}\n"
            "docker exec dl-till sh -c 'echo coffee TOKEN > /data/orders'"
        ),
    ),
    "a volume of another name": (
        "lasting",
        (
            f"docker volume create dl-orders\ndocker run -d --name dl-till -v dl-x:/data {LAST}\n"
            "docker exec dl-till sh -c 'echo coffee TOKEN > /data/orders'"
        ),
    ),
    "the volume's folder as a bind": (
        "lasting",
        (
            f'docker volume create dl-orders\ndocker run -d --name dl-till -v "{PLACE}:/data" {LAST}\n'
            "docker exec dl-till sh -c 'echo coffee TOKEN > /data/orders'"
        ),
    ),
    "the orders carried into another volume": (
        "replace",
        (
            f"docker run --rm --volumes-from dl-till -v dl-x:/to {B} cp /data/orders /to\n"
            f"docker rm -f dl-till\ndocker run -d --name dl-till -e TABLES=12 -v dl-x:/data {LAST}"
        ),
    ),
    "the orders in the next layer": (
        "rescue",
        (
            "docker cp dl-bar:/data/orders bar-orders\ndocker rm -f dl-bar\n"
            f"docker run -d --name dl-bar -w /data -v dl-bar-orders:/var/orders {LAST}\n"
            "docker cp bar-orders dl-bar:/data/orders"
        ),
    ),
    "the special copied into the container": (
        "beneath",
        (
            "docker cp dl-board:/board/special special\ndocker rm -f dl-board\n"
            "docker run -d --name dl-board -w /board/specials dl-board:v1\n"
            "docker cp special dl-board:/board/specials/special"
        ),
    ),
    "both in the volume": (
        "beneath",
        (
            "docker run --rm -v dl-specials:/to dl-board:v1 "
            "sh -c 'mkdir /to/specials; cp /board/menu /to; cp /to/special /to/specials'"
        ),
    ),
    "a copy of the folder": (
        "bind",
        (
            "echo 'Today: cake TOKEN' >> dl-site/index.html\ncp -r dl-site copy\n"
            f'docker run -d --name dl-web -v "$PWD/copy:/www:ro" {B} httpd -f -h /www'
        ),
    ),
    "the page of another folder served": (
        "bind",
        (
            "echo 'Today: cake TOKEN' >> dl-site/index.html\n"
            f'docker run -d --name dl-web -v "$PWD/dl-site:/www:ro" {B} httpd -f -h /tmp'
        ),
    ),
    "a kitchen with a copy": (
        "share",
        (
            "docker exec dl-till sh -c 'echo tea TOKEN >> /data/orders'\n"
            f"docker run --rm -v dl-orders:/data -v dl-x:/to {B} cp /data/orders /to\n"
            f"docker run -d --name dl-kitchen -v dl-x:/data:ro {LAST}"
        ),
    ),
    "a book of another image": (
        "unnamed",
        (
            f"docker run --rm --volumes-from dl-book -v dl-guests:/to {B} cp -a /book/. /to\ndocker rm -f -v dl-book\n"
            f"docker run -d --name dl-book -v dl-guests:/book {LAST}"
        ),
    ),
    "everybody, and user 1000": (
        "owner",
        "docker exec --user root dl-report chown 1000 /reports\ndocker exec --user root dl-report chmod 777 /reports",
    ),
    "a volume that is somebody else's": (
        "owner",
        (
            f"docker rm -f dl-report\ndocker run --rm -v dl-x:/reports {B} chown 1000 /reports\n"
            f"docker run -d --name dl-report --user 1000 -v dl-x:/reports {LAST}"
        ),
    ),
    "a key below the memory": (
        "memory",
        f"docker run -d --name dl-cards --tmpfs /keys {LAST}\necho KEY > today\ndocker cp today dl-cards:/keys/today",
    ),
    "memory at another path": (
        "memory",
        (
            f"docker run -d --name dl-cards -w /keys --tmpfs /run/keys {LAST}\n"
            "docker exec dl-cards sh -c 'echo KEY > /run/keys/today; ln -s /run/keys/today /keys/today'"
        ),
    ),
    "an archive of an empty file": ("backup", "mkdir x\ntouch x/orders\ntar -cf orders.tar -C x orders"),
    "an archive of the first order": (
        "backup",
        "docker exec dl-till head -n 1 /data/orders > orders\ntar -cf orders.tar orders",
    ),
    "half an archive": ("backup", "docker cp dl-till:/data - | head -c 1100 > orders.tar"),
    "the till on a restored layer": (
        "restore",
        (
            f"docker run --rm -i -v dl-restored:/to {B} tar -x -C /to < last-night.tar\ndocker rm -f dl-till\n"
            f"docker run -d --name dl-till -w /data {LAST}\ndocker cp - dl-till:/data < last-night.tar"
        ),
    ),
    "the damage tidied away": (
        "restore",
        (
            f"docker run --rm -i -v dl-restored:/to {B} tar -x -C /to < last-night.tar\n"
            "docker rm -f dl-till dl-kitchen\n"
            f"docker run -d --name dl-till -v dl-restored:/data {LAST}\ndocker volume rm dl-orders"
        ),
    ),
    "the kitchen only renamed": ("unused", "docker rename dl-kitchen dl-x"),
    "a till made anew, to be sure": (
        "unused",
        (
            "docker rm -f dl-kitchen dl-till\ndocker volume rm dl-orders\n"
            f"docker run -d --name dl-till -v dl-restored:/data {LAST}"
        ),
    ),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_what_only_looks_like_the_goal_does_not_pass(tried: Tried, cheat: str) -> None:
    tried.fails(*CHEATS[cheat])
