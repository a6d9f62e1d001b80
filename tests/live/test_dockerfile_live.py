"""The lesson dockerfile: every claim of it, by its commands with the stock docker client, and what must not pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.live.lessons import Learner, Proving, Tried, hands_on, has_what_a_lesson_must_have, holds, predicted
from tests.matrix import NEWEST_CONTAINERD

LESSON = "dockerfile"
STEPS = (
    "serial", "workdir", "copy", "settings", "filled-in", "process-one", "entrypoint", "past-it", "user", "notes",
    "format", "elsewhere", "whole",
)  # fmt: skip
BROKEN = {"workdir", "settings", "filled-in", "process-one", "user", "format"}
WITHOUT_PREDICTION = {"elsewhere", "whole"}
VALUES = ("HUT",)


def test_these_are_its_steps(learner: Learner) -> None:
    assert learner.steps(LESSON) == [f"{LESSON}/{step}" for step in STEPS]


def test_it_has_what_a_lesson_must_have() -> None:
    lesson = has_what_a_lesson_must_have(LESSON, BROKEN)
    assert len(hands_on(lesson)) == 12
    assert sum(len(step.mistakes) for step in lesson.steps) >= 2.5 * len(hands_on(lesson))
    assert all(len(step.accepts) >= 2 for step in hands_on(lesson))
    assert predicted(lesson.steps) == set(STEPS) - WITHOUT_PREDICTION


@pytest.mark.also_on(NEWEST_CONTAINERD)
@pytest.mark.parametrize("step", STEPS)
def test_every_claim_about_a_step_holds(nameless_come: Callable[[], set[str]], proved: Proving, step: str) -> None:
    # The old builder leaves what it had made when an instruction failed.
    holds(proved(step), predicted=step not in WITHOUT_PREDICTION)


B = "busybox:1.36"


def building(folder: str, text: str, image: str, *more: str) -> str:
    """Write a Dockerfile and build it, then do more."""
    return "\n".join(
        [f"cat > {folder}/Dockerfile <<'EOF'", f"FROM {B}", text, "EOF", f"docker build -q -t {image} {folder}", *more]
    )


RUN_SIGN = "docker run --name dl-sign -e PLACE=HUT {}"
INFO = "WORKDIR /info\nCOPY . .\nRUN sh make.sh\nENV PLACE=valley\nEXPOSE 8080\n"
RUN_INFO = "docker run -d --name dl-info -e PLACE=HUT {}"
START_INFO = 'CMD ["sh", "info.sh"]'
BEACON = "WORKDIR /beacon\nCOPY beacon.sh .\n"
RUN_BEACON = "docker rm -f dl-beacon\ndocker run -d --name dl-beacon {}"
LIT = "until docker logs dl-beacon | grep -q on; do sleep 0.1; done"
SERVE = 'COPY www /www\nCMD ["httpd", "-f", "-p", "8000", "-h", "/www"]\n'
VERSION = "LABEL org.opencontainers.image.version=1.4"

# What looks like the goal and is not it: the step, and what is done.
CHEATS: dict[str, tuple[str, str]] = {
    "a number that was drawn outside": (
        "serial",
        "cat /proc/sys/kernel/random/uuid > stamp/serial\n"
        + building("stamp", "COPY serial /serial\nCMD cat /serial", "dl-serial:v1"),
    ),
    "a number in the image, and another one at each start": (
        "serial",
        building(
            "stamp",
            "RUN cat /proc/sys/kernel/random/uuid > /serial\nCMD cat /proc/sys/kernel/random/uuid",
            "dl-serial:v1",
        ),
    ),
    "the folder told at the start only": (
        "workdir",
        building(
            "station",
            'COPY . /station\nCMD ["sh", "report.sh"]',
            "dl-station:v1",
            "docker run --rm -w /station dl-station:v1",
        ),
    ),
    "a report without its readings": (
        "workdir",
        "readings=$(cat station/readings/today)\n"
        + building("station", "WORKDIR /station\nCOPY report.sh .\nCMD cat /station/said", "dl-x:v1")
        + '\ndocker create --name dl-x dl-x:v1\necho "$readings" > said\ndocker cp said dl-x:/station/said\n'
        "docker commit dl-x dl-station:v1\ndocker rm dl-x\ndocker rmi dl-x:v1",
    ),
    "in its folder, and at the top as well": (
        "workdir",
        building("station", 'COPY . /\nWORKDIR /station\nCOPY . .\nCMD ["sh", "report.sh"]', "dl-station:v1"),
    ),
    "put together by hand, in one layer": (
        "workdir",
        (
            "docker create --name dl-x busybox:1.36\ndocker cp station dl-x:/station\ndocker export dl-x | "
            "docker import --change 'WORKDIR /station' --change 'CMD [\"sh\", \"report.sh\"]' - dl-station:v1\n"
            "docker rm dl-x"
        ),
    ),
    "a handout with nothing in it": (
        "copy",
        building(
            "pack",
            "WORKDIR /pack\nCOPY charts charts/\nADD readings.tar readings/\n"
            "RUN tar -cf handout.tar -C readings monday",
            "dl-pack:v1",
        ),
    ),
    "one of the readings": (
        "copy",
        building(
            "pack",
            "WORKDIR /pack\nCOPY . .\nRUN mkdir readings && tar -xf readings.tar -C readings monday",
            "dl-pack:v1",
        ),
    ),
    "packed somewhere else": (
        "copy",
        building(
            "pack",
            "WORKDIR /other\nCOPY charts /pack/charts/\nADD readings.tar /pack/readings/\nCOPY handout.tar /pack/",
            "dl-pack:v1",
        ),
    ),
    "the name in the text of CMD": (
        "settings",
        building(
            "hut",
            'ARG PLACE=valley\nENV PLACE=$PLACE\nCMD echo "Snow report for HUT"',
            "dl-hut:v1",
            "docker run --rm -e PLACE=HUT dl-hut:v1",
        ),
    ),
    "the name as the value in the file": (
        "settings",
        building("hut", 'ARG PLACE=HUT\nENV PLACE=$PLACE\nCMD echo "Snow report for $PLACE"', "dl-hut:v1"),
    ),
    "an image that says nothing": (
        "settings",
        building(
            "hut", "ARG PLACE=valley\nENV PLACE=$PLACE\nCMD true", "dl-x:v1",
            "docker build -q --build-arg PLACE=HUT -t dl-hut:v1 hut\ndocker rmi dl-x:v1",
        ),
    ),
    "a welcome typed behind the image": (
        "filled-in",
        building(
            "sign", 'ENV PLACE=valley\nCMD echo "Welcome to $PLACE"', "dl-sign:v1",
            RUN_SIGN.format("dl-sign:v1 echo Welcome to HUT"),
        ),
    ),
    "an image for one hut": (
        "filled-in",
        building(
            "sign", 'ENV PLACE=HUT\nCMD echo "Welcome to $PLACE"', "dl-sign:v1", RUN_SIGN.format("dl-sign:v1")
        ),
    ),
    "a shell in the command only": (
        "filled-in",
        "docker build -q -t dl-sign:v1 sign\n" + RUN_SIGN.format("dl-sign:v1 sh -c 'echo \"Welcome to $PLACE\"'"),
    ),
    "a beacon that goes out by itself": (
        "process-one",
        building(
            "beacon", BEACON + 'CMD echo "light on"; echo "light out"', "dl-beacon:v2",
            RUN_BEACON.format("dl-beacon:v2"), "docker wait dl-beacon", "docker stop dl-beacon",
        ),
    ),
    "the old image with another command": (
        "process-one",
        "\n".join([
            "docker build -q -t dl-beacon:v2 beacon", RUN_BEACON.format("dl-beacon:v2 sh beacon.sh"), LIT,
            "docker stop -t 2 dl-beacon",
        ]),
    ),
    "a new image, and an old container": (
        "process-one",
        "\n".join([
            building("beacon", BEACON + 'CMD ["sh", "beacon.sh"]', "dl-beacon:v2"),
            RUN_BEACON.format("dl-beacon:v1 sh beacon.sh"), LIT, "docker stop -t 2 dl-beacon",
        ]),
    ),
    "a program called summit": (
        "entrypoint",
        building(
            "forecast",
            "COPY forecast.sh /forecast.sh\n"
            "RUN (echo '#!/bin/sh'; echo exec sh /forecast.sh summit) > /bin/summit && chmod +x /bin/summit\n"
            'CMD ["sh", "/forecast.sh", "valley"]',
            "dl-forecast:v1",
            "docker run --rm dl-forecast:v1 summit",
        ),
    ),
    "the default in the program": (
        "entrypoint",
        "sed 's/^if/set -- \"${1:-valley}\"; if/; s/For which place?//' forecast/forecast.sh > x\n"
        "mv x forecast/forecast.sh\n"
        + building(
            "forecast", 'COPY forecast.sh /forecast.sh\nENTRYPOINT ["sh", "/forecast.sh"]', "dl-forecast:v1"
        ),
    ),
    "the user told at the start only": (
        "user",
        building(
            "diary",
            'WORKDIR /diary\nCOPY keep.sh .\nRUN mkdir pages && chown 1000 pages\nCMD ["sh", "keep.sh"]',
            "dl-diary:v1",
            "docker run --rm --user 1000 dl-diary:v1",
        ),
    ),
    "a diary that only says who writes": (
        "user",
        "sed 's/$(id -u)/1000/; s/^set -e/# id -u/' diary/keep.sh > x\nmv x diary/keep.sh\n"
        + building("diary", 'WORKDIR /diary\nCOPY keep.sh .\nRUN mkdir pages\nCMD ["sh", "keep.sh"]', "dl-diary:v1"),
    ),
    "a root by another name": (
        "user",
        building(
            "diary",
            "RUN echo keeper:x:0:0::/:/bin/sh >> /etc/passwd\n"
            'WORKDIR /diary\nCOPY keep.sh .\nRUN mkdir pages\nUSER keeper\nCMD ["sh", "keep.sh"]',
            "dl-diary:v1",
        ),
    ),
    "exposed at the start only": (
        "notes",
        building("sky", SERVE + VERSION, "dl-sky:v1", "docker run -d -P --expose 8000 --name dl-sky dl-sky:v1"),
    ),
    "another version": (
        "notes",
        building(
            "sky", SERVE + "EXPOSE 8000\nLABEL org.opencontainers.image.version=1.40", "dl-sky:v1",
            "docker run -d -P --name dl-sky dl-sky:v1",
        ),
    ),
    "nobody at the port": (
        "notes",
        building(
            "sky", SERVE + f"EXPOSE 8000\n{VERSION}", "dl-sky:v1",
            "docker run -d -P --name dl-sky dl-sky:v1 sleep 600",
        ),
    ),
    "a command that hoots by itself": (
        "format",
        ("hoot=$(grep -o 'hoot \\w*' horn/horn)\n"
        f"printf 'FROM {B}\\nCOPY horn /usr/local/bin/horn\\nCMD echo %s; echo %s\\n' \"$hoot\" \"$hoot\""
        " > horn/Dockerfile\ndocker build -q -t dl-horn:v1 horn"),
    ),
    "a horn that always hoots three times": (
        "format",
        ("(echo '#!/bin/sh'; sed 's/^i=.*/i=3/' horn/horn) | cat > x\ncat x > horn/horn\n"
        "docker build -q -t dl-horn:v1 horn"),
    ),
    "root in the image, somebody else in the container": (
        "whole",
        building(
            "info", INFO + START_INFO, "dl-info:v1", RUN_INFO.format("--user 1000 dl-info:v1")
        ),
    ),
    "a container that starts elsewhere": (
        "whole",
        building(
            "info", "COPY . /info/\nRUN cd /info && sh make.sh\nENV PLACE=valley\nEXPOSE 8080\nUSER 1000\n"
            'CMD ["sh", "-c", "cd /info && exec sh info.sh"]', "dl-info:v1", RUN_INFO.format("dl-info:v1"),
        ),
    ),
    "an image for one place": (
        "whole",
        building(
            "info", INFO.replace("valley", "HUT") + f"USER 1000\n{START_INFO}", "dl-info:v1",
            RUN_INFO.format("dl-info:v1"),
        ),
    ),
    "nothing noted": (
        "whole",
        building(
            "info", INFO.replace("EXPOSE 8080\n", "") + f"USER 1000\n{START_INFO}", "dl-info:v1",
            RUN_INFO.format("--expose 8080 dl-info:v1"),
        ),
    ),
    "a page without anybody who shows it": (
        "whole",
        building(
            "info", INFO + f"USER 1000\n{START_INFO}", "dl-info:v1",
            RUN_INFO.format("dl-info:v1 sh -c 'echo Information for $PLACE; exec sleep 600'"),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("cheat", CHEATS)
def test_what_only_looks_like_the_goal_does_not_pass(tried: Tried, cheat: str) -> None:
    tried.fails(*CHEATS[cheat])
