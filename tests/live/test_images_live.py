"""The lesson images: every claim of it, by its commands with the stock docker client, and what must not pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.live.lessons import Learner, Proving, Tried, hands_on, has_what_a_lesson_must_have, holds, predicted
from tests.matrix import NEWEST_CONTAINERD

LESSON = "images"
STEPS = (
    "look", "instances", "name", "untag", "history", "build", "beside", "recreate", "moved", "in-use", "save",
)  # fmt: skip
BROKEN = {"recreate", "moved", "in-use"}
VALUES = ()


def test_these_are_its_steps(learner: Learner) -> None:
    assert learner.steps(LESSON) == [f"{LESSON}/{step}" for step in STEPS]


def test_it_has_what_a_lesson_must_have() -> None:
    lesson = has_what_a_lesson_must_have(LESSON, BROKEN, myths=4, hints=2)
    assert len(hands_on(lesson)) >= 9
    assert len(predicted(lesson.steps)) >= 5
    assert len(lesson.myths) >= 3
    assert sum(len(step.mistakes) for step in lesson.steps) >= 2 * len(lesson.steps)
    assert all(step.accepts and len(step.hints) >= 2 and step.result and step.insight for step in lesson.steps)


@pytest.mark.also_on(NEWEST_CONTAINERD)
@pytest.mark.parametrize("step", STEPS)
def test_every_claim_about_a_step_holds(nameless_come: Callable[[], set[str]], proved: Proving, step: str) -> None:
    holds(proved(step))


FOREIGN = "printf 'FROM busybox:1.36\\n{}\\n' | docker build -q -t {} - > /dev/null 2>&1\n"

# What looks like the goal and is not it: the step, and what is done. Names that the lesson does not know are dl-x….
CHEATS: dict[str, tuple[str, str]] = {
    "a foreign image under the name": ("name", FOREIGN.format("LABEL note=x", "dl-tools:v1")),
    "a commit under the name": (
        "name",
        "docker create --name dl-x busybox:1.36 true\ndocker commit dl-x dl-tools:v1\ndocker rm dl-x",
    ),
    "an empty image under the name": ("name", "tar -c --files-from /dev/null | docker import - dl-tools:v1"),
    "the other way round": ("untag", "docker tag dl-tools:v1 dl-x:v1\ndocker rmi dl-tools:v1\ndocker rmi dl-x:v1"),
    "a foreign image under the name that stays": (
        "untag",
        "docker rmi dl-tools:old dl-tools:v1\n" + FOREIGN.format("LABEL note=x", "dl-tools:v1"),
    ),
    "the file only in the container": (
        "build",
        FOREIGN.format("WORKDIR /menu", "dl-menu:v1")
        + "docker run -d --name dl-shop dl-menu:v1 httpd -f -h /menu\ndocker cp menu/today dl-shop:/menu/today",
    ),
    "another program in the container": (
        "build",
        "docker build -q -t dl-menu:v1 menu\ndocker run -d --name dl-shop dl-menu:v1 sleep 600",
    ),
    "the container of another image": (
        "build",
        (
            "docker build -q -t dl-menu:v1 menu\ndocker run -d --name dl-shop busybox:1.36 httpd -f -h /\n"
            "docker cp menu dl-shop:/menu"
        ),
    ),
    "salad by hand": (
        "beside",
        (
            "docker build -q -t dl-menu:v2 menu\ndocker run -d --name dl-tomorrow dl-menu:v2\n"
            "docker exec dl-tomorrow sed -i s/soup/salad/ /menu/today"
        ),
    ),
    "the shop's container sacrificed": (
        "beside",
        (
            "sed -i s/soup/salad/ menu/today\ndocker build -q -t dl-menu:v2 menu\ndocker rm -f dl-shop\n"
            "docker run -d --name dl-tomorrow dl-menu:v2"
        ),
    ),
    "restarted": ("recreate", "docker restart -t 0 dl-shop"),
    "the new name put on the old image": (
        "recreate",
        "docker exec dl-shop sed -i s/soup/salad/ /menu/today\ndocker tag dl-menu:v1 dl-menu:v2",
    ),
    "the name put on a commit of it": (
        "recreate",
        (
            "docker exec dl-shop sed -i s/soup/salad/ /menu/today\ndocker commit dl-shop dl-menu:v2\n"
            "docker rm -f dl-shop\ndocker run -d --name dl-shop dl-menu:v2"
        ),
    ),
    "a label of one's own, on both": (
        "moved",
        (
            "printf 'FROM dl-cake:v3\\nLABEL approved=yes\\n' | docker build -q -t dl-cake:stable -\n"
            "docker tag dl-cake:stable dl-cake:v2"
        ),
    ),
    "stable moved to where v2 was moved to": (
        "moved",
        "docker tag dl-cake:v3 dl-cake:v2\ndocker tag dl-cake:v2 dl-cake:stable",
    ),
    "the container only renamed": ("in-use", "docker rename dl-tasting dl-x\ndocker rmi -f dl-draft:v1"),
    "the image only renamed": (
        "in-use",
        "docker rm dl-tasting\ndocker tag dl-draft:v1 dl-x:v1\ndocker rmi dl-draft:v1",
    ),
    "a file that only says so": ("save", """echo '[{"RepoTags":["dl-cake:v2"]}]' > cake.tar"""),
    "an archive that only says so": (
        "save",
        """echo '[{"RepoTags":["dl-cake:v2"],"Layers":[]}]' > manifest.json
tar -cf cake.tar manifest.json
rm manifest.json""",
    ),
    "another image saved under the name": (
        "save",
        (
            "id=$(docker images -q dl-cake:v2)\ndocker tag busybox:1.36 dl-cake:v2\n"
            "docker save -o cake.tar dl-cake:v2\n"
            "docker tag $id dl-cake:v2"
        ),
    ),
    "another image, and its name": (
        "save",
        "docker tag dl-cake:v2 dl-x:v1\ndocker save -o cake.tar dl-x:v1\ndocker rmi dl-x:v1",
    ),
    "an export": ("save", "docker create --name dl-x dl-cake:v2\ndocker export -o cake.tar dl-x\ndocker rm dl-x"),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_what_only_looks_like_the_goal_does_not_pass(tried: Tried, cheat: str) -> None:
    tried.fails(*CHEATS[cheat])
