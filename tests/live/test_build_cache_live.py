"""The lesson build-cache: every claim of it, by its commands with the stock docker client, and what must not pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.live.lessons import Learner, Proving, Tried, hands_on, has_what_a_lesson_must_have, holds, predicted
from tests.matrix import NEWEST_CONTAINERD

LESSON = "build-cache"
STEPS = ("context", "ignore", "secret", "again", "order", "release", "log", "stale", "bust", "twice", "nameless")
BROKEN = {"context", "secret", "order", "release", "log", "stale", "twice"}
VALUES = ("TOKEN",)


def test_these_are_its_steps(learner: Learner) -> None:
    assert learner.steps(LESSON) == [f"{LESSON}/{step}" for step in STEPS]


def test_it_has_what_a_lesson_must_have() -> None:
    lesson = has_what_a_lesson_must_have(LESSON, BROKEN)
    assert len(hands_on(lesson)) == len(STEPS)
    assert predicted(lesson.steps) == set(STEPS)
    assert sum(len(step.mistakes) for step in lesson.steps) >= 3 * len(STEPS)


@pytest.mark.also_on(NEWEST_CONTAINERD)
@pytest.mark.parametrize("step", STEPS)
def test_every_claim_about_a_step_holds(nameless_come: Callable[[], set[str]], proved: Proving, step: str) -> None:
    holds(proved(step))


B = "busybox:1.36"
LIST, ADD = "sh /app/fetch.sh list", "sh /app/fetch.sh add"
INSTALL = f"RUN {LIST} && {ADD} $(cat /app/parts.txt)"
CMD = 'CMD ["sh", "/app/report.sh"]'
GOOD = f"FROM {B}\nCOPY fetch.sh parts.txt /app/\n{INSTALL}\nCOPY report.sh /app/\n{CMD}"


def writing(text: str, *more: str) -> str:
    """Write the Dockerfile of the folder weather, and do more."""
    return "\n".join(["cat > weather/Dockerfile <<'EOF'", text, "EOF", *more])


def building(*images: str, options: str = "") -> str:
    """Build the folder weather under some names."""
    return "\n".join(f"docker build -q {options} -t dl-weather:{image} weather" for image in images)


# What looks like the goal and is not it: the step, and what is done. Names that the lesson does not know are dl-x.
CHEATS: dict[str, tuple[str, str]] = {
    "a Dockerfile beside the program": ("context", "cp recipes/Dockerfile weather/\n" + building("v1")),
    "only the name": ("context", f"docker tag {B} dl-weather:v1"),
    "a folder without the archive": (
        "ignore",
        "cp -r weather x\nrm x/archive/19*\ndocker build -q -t dl-weather:v2 x",
    ),
    "copied by their names": (
        "ignore",
        writing(
            f"FROM {B}\nCOPY report.sh /app/\nCOPY archive/stations /app/archive/\n{CMD}",
            "echo 'archive/19*' > weather/.dockerignore",
            building("v2"),
        ),
    ),
    "left out for one build": (
        "ignore",
        "echo 'archive/19*' > weather/.dockerignore\n" + building("v2") + "\nrm weather/.dockerignore",
    ),
    "keys put away for one build": (
        "secret",
        "mkdir x\nmv weather/conf/door.key weather/conf/old x\n" + building("safe") + "\nmv x/* weather/conf",
    ),
    "keys named one by one": (
        "secret",
        "printf 'conf/door.key\\nconf/old/spare.key\\n' >> weather/.dockerignore\n" + building("safe"),
    ),
    "keys of four depths": (
        "secret",
        "printf '*/*.key\\n*/*/*.key\\n*/*/*/*.key\\n' >> weather/.dockerignore\n" + building("safe"),
    ),
    "keys at the top and in conf": (
        "secret",
        "echo 'conf/**/*.key' >> weather/.dockerignore\n" + building("safe"),
    ),
    "keys of some depths, from what is wanted": (
        "secret",
        (
            "printf '*\\n!*.sh\\n!conf\\n!archive/stations\\nconf/*.key\\nconf/*/*.key\\nconf/*/*/*.key\\n' "
            "> weather/.dockerignore\n" + building("safe")
        ),
    ),
    "parts that were written on top": (
        "again",
        (
            building("monday") + "\nprintf 'FROM dl-weather:monday\\nRUN for part in barometer rain-gauge; "
            "do echo $part, of list new > /parts/$part; done\\n' | docker build -q -t dl-weather:tuesday -"
        ),
    ),
    "a second name": ("again", building("monday") + "\ndocker tag dl-weather:monday dl-weather:tuesday"),
    "parts that nothing installs": (
        "order",
        writing(
            f"FROM {B}\nCOPY fetch.sh parts.txt /app/\n"
            "RUN mkdir /parts && for part in $(cat /app/parts.txt); do echo $part > /parts/$part; done\n"
            f"COPY . /app\n{CMD}",
            building("v3"),
            "echo 'echo done' >> weather/report.sh",
            building("v4"),
        ),
    ),
    "the same image twice, and a program that was changed later": (
        "order",
        writing(GOOD, building("v3", "v4"), "echo 'echo done' >> weather/report.sh"),
    ),
    "a label for the number": (
        "release",
        writing(
            f"{GOOD}\nLABEL RELEASE=1",
            building("r1"),
            "sed 's/=1/=2/' weather/Dockerfile > x\nmv x weather/Dockerfile",
            building("r2"),
        ),
    ),
    "the number on top of the other image": (
        "release",
        building("r1") + "\nprintf 'FROM dl-weather:r1\\nENV RELEASE=2\\n' | docker build -q -t dl-weather:r2 -",
    ),
    "a second name, and a line in the log": (
        "log",
        (
            "sh weather/build.sh dl-weather:first\ndocker tag dl-weather:first dl-weather:second\n"
            "echo dl-weather:second >> weather/build.log"
        ),
    ),
    "the order mended instead": (
        "log",
        writing(
            f"{GOOD}\nCOPY . /app",
            "echo build.log > weather/.dockerignore",
            "sh weather/build.sh dl-weather:first\nsh weather/build.sh dl-weather:second",
        ),
    ),
    "the log kept out, and the script not used": (
        "log",
        "echo build.log >> weather/.dockerignore\n" + building("first", "second"),
    ),
    "no log any more": (
        "log",
        (
            "grep -v build.log weather/build.sh > x\nmv x weather/build.sh\necho build.log >> weather/.dockerignore\n"
            "sh weather/build.sh dl-weather:first\nsh weather/build.sh dl-weather:second"
        ),
    ),
    "one RUN for show": (
        "stale",
        writing(
            f"FROM {B}\nCOPY fetch.sh /app/\nRUN {LIST}\nRUN {ADD} barometer rain-gauge # {LIST}\n"
            f"COPY report.sh /app/\n{CMD}",
            "sed 's/ rain-gauge.*//' weather/Dockerfile > x\ndocker build -q -t dl-weather:v5 -f x weather",
            building("v6"),
        ),
    ),
    "one RUN, and one more that only installs": (
        "stale",
        building("v5")
        + "\n"
        + writing(
            f"FROM {B}\nCOPY fetch.sh /app/\nRUN {LIST} && {ADD} barometer rain-gauge\nRUN {ADD} wind-vane\n"
            f"COPY report.sh /app/\n{CMD}",
            building("v6"),
        ),
    ),
    "a list of one's own": (
        "stale",
        building("v5")
        + "\n"
        + writing(
            f"FROM {B}\nCOPY fetch.sh /app/\nRUN echo mine > /list && {ADD} barometer rain-gauge\n"
            f"COPY report.sh /app/\n{CMD}",
            building("v6"),
        ),
    ),
    "a new week without the cache": (
        "bust",
        building("w20", "w20b") + "\n" + building("w21", options="--no-cache"),
    ),
    "an argument for show": (
        "bust",
        writing(f"{GOOD}\nARG WEEK", building("w20", "w20b"), building("w21", options="--no-cache")),
    ),
    "a map of nothing": (
        "twice",
        writing(
            f"FROM {B}\nRUN touch /map\nCOPY report.sh /app/\nRUN chown -R 1000 /map /app\nUSER 1000\n{CMD}",
            building("light"),
        ),
    ),
    "owned by the user, and run by root": (
        "twice",
        writing(
            f"FROM {B}\nRUN head -c 3000000 /dev/urandom > /map && chown 1000 /map\n"
            f"COPY --chown=1000 report.sh /app/\n{CMD}",
            building("light"),
        ),
    ),
    "a user with another number": (
        "twice",
        writing(
            f"FROM {B}\nRUN echo station:x:1001:1001::/:/bin/sh >> /etc/passwd\n"
            "RUN head -c 3000000 /dev/urandom > /map && chown 1000 /map\n"
            f"COPY --chown=1000 report.sh /app/\nUSER station\n{CMD}",
            building("light"),
        ),
    ),
    "root by another name": (
        "twice",
        writing(
            f"FROM {B}\nRUN echo station:x:0:0::/:/bin/sh >> /etc/passwd\n"
            "RUN head -c 3000000 /dev/urandom > /map && chown 1000 /map\n"
            f"COPY --chown=1000 report.sh /app/\nUSER station\n{CMD}",
            building("light"),
        ),
    ),
    "the limit raised": (
        "twice",
        (
            building("light") + f"\nprintf 'FROM {B}\\nRUN head -c 9000000 /dev/zero > /room\\n' | "
            "docker build -q -t dl-limit:v1 -"
        ),
    ),
    "the map without its owner, made small": (
        "twice",
        writing(
            f"FROM {B}\nRUN head -c 3000000 /dev/urandom > /map\nCOPY --chown=1000 report.sh /app/\nUSER 1000\n{CMD}",
            building("light"),
        ),
    ),
    "written into the container": (
        "nameless",
        "docker exec dl-mast sh -c 'echo sun TOKEN > /forecast'\necho sun TOKEN > live/forecast",
    ),
    "the image built anew, and the container patched": (
        "nameless",
        (
            "echo sun TOKEN > live/forecast\ndocker build -q -t dl-weather:live live\n"
            "docker exec dl-mast sh -c 'echo sun TOKEN > /forecast'"
        ),
    ),
    "the old one kept aside": (
        "nameless",
        (
            "docker tag dl-weather:live dl-x:v1\necho sun TOKEN > live/forecast\n"
            "docker build -q -t dl-weather:live live\ndocker rm -f dl-mast\n"
            "docker run -d --name dl-mast dl-weather:live"
        ),
    ),
    "the forecast from the folder": (
        "nameless",
        (
            "echo sun TOKEN > live/forecast\ndocker rm -f dl-mast\n"
            'docker run -d --name dl-mast -v "$PWD/live/forecast:/forecast" dl-weather:live'
        ),
    ),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_what_only_looks_like_the_goal_does_not_pass(
    nameless_come: Callable[[], set[str]], tried: Tried, cheat: str
) -> None:
    tried.fails(*CHEATS[cheat])
