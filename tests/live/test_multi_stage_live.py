"""The lesson multi-stage: every claim of it, by its commands with the stock docker client, and what must not pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.live.lessons import Learner, Proving, Tried, hands_on, has_what_a_lesson_must_have, holds, predicted
from tests.matrix import NEWEST_CONTAINERD

LESSON = "multi-stage"
STEPS = ("weigh", "late", "stages", "needs", "shifted", "target", "scratch", "nobody", "silent")
BROKEN = {"late", "needs", "shifted", "nobody"}
PREDICTED = {"weigh", "stages", "shifted", "target", "scratch", "silent"}
VALUES = ("TOKEN", "PORT")


def test_these_are_its_steps(learner: Learner) -> None:
    assert learner.steps(LESSON) == [f"{LESSON}/{step}" for step in STEPS]


def test_it_has_what_a_lesson_must_have() -> None:
    lesson = has_what_a_lesson_must_have(LESSON, BROKEN)
    assert 9 <= len(lesson.steps) <= 11
    assert len(hands_on(lesson)) >= 8
    assert predicted(lesson.steps) == PREDICTED


@pytest.mark.also_on(NEWEST_CONTAINERD)
@pytest.mark.parametrize("step", STEPS)
def test_every_claim_about_a_step_holds(nameless_come: Callable[[], set[str]], proved: Proving, step: str) -> None:
    holds(proved(step), predicted=step in PREDICTED)


B = "busybox:1.36"
CMD = 'CMD ["httpd", "-f", "-h", "/www"]'
BUILDER = f"FROM {B} AS build\nCOPY . /src\nRUN sh /src/make.sh /www\n"
COLLECTED = f"FROM {B} AS build\nCOPY . /src\nRUN sh /src/make.sh /www && sh /src/collect.sh /out\n"
TINY = 'COPY --from=build /out /\nCOPY --from=build /www /www\nCMD ["/bin/busybox", "httpd", "-f", "-h", "/www"]\n'
RUN = "docker run -d --name dl-stop -p PORT:80 {}"


def building(text: str, image: str, *more: str) -> str:
    """Write a Dockerfile and build it, then do more."""
    lines = ["cat > board/Dockerfile <<'EOF'", text.rstrip("\n"), "EOF", f"docker build -q -t {image} board", *more]
    return "\n".join(lines)


BY_HAND = (
    "mkdir www\necho TOKEN > www/index.html\n"
    f"docker create --name dl-x {B} httpd -f -h /www\ndocker cp www dl-x:/www\n"
    "docker commit dl-x IMAGE\ndocker rm dl-x"
)

# What looks like the goal and is not it: the step, and what is done. Names that the lesson does not know are dl-x.
CHEATS: dict[str, tuple[str, str]] = {
    "a page by hand, committed": ("late", BY_HAND.replace("IMAGE", "dl-board:v2")),
    "flattened, with its command": (
        "late",
        building(
            f"FROM {B}\nCOPY . /src\nRUN sh /src/make.sh /www\n{CMD}",
            "dl-x:v1",
            "docker create --name dl-x dl-x:v1",
            f"docker export dl-x | docker import --change '{CMD}' - dl-board:v2",
            "docker rm dl-x",
        ),
    ),
    "the limit raised": (
        "late",
        building(
            f"FROM {B}\nCOPY . /src\nRUN sh /src/make.sh /www\nRUN cd /src && rm -r work\n{CMD}",
            "dl-board:v2",
            "printf 'FROM dl-board:v2\\nRUN head -c 100000 /dev/zero > /x\\n' | docker build -q -t dl-limit:v1 -",
        ),
    ),
    "all of the builder, deleted in a later layer": (
        "stages",
        building(
            f"{BUILDER}FROM {B}\nCOPY --from=build / /\nRUN rm -r /src\n{CMD}", "dl-board:v3", RUN.format("dl-board:v3")
        ),
    ),
    "one stage, and a COPY --from for show": (
        "stages",
        building(
            f"FROM {B}\nCOPY . /src\nRUN sh /src/make.sh /www && rm -r /src\nCOPY --from={B} /etc/group /x\n{CMD}",
            "dl-board:v3",
            RUN.format("dl-board:v3"),
        ),
    ),
    "a container of another image": (
        "stages",
        building(
            f"{BUILDER}FROM {B}\nCOPY --from=build /www /www\n{CMD}",
            "dl-board:v3",
            "mkdir www\necho TOKEN > www/index.html",
            f"docker create --name dl-stop -p PORT:80 {B} httpd -f -h /www",
            "docker cp www dl-stop:/www\ndocker start dl-stop",
        ),
    ),
    "an answer that is always the same": (
        "needs",
        building(
            f"{BUILDER}FROM {B}\nCOPY --from=build /www /www\n"
            "RUN printf '#!/bin/sh\\necho; echo 07:10 Harbour TOKEN\\n' > /www/cgi-bin/next\n" + CMD,
            "dl-board:v4",
            RUN.format("dl-board:v4"),
        ),
    ),
    "the builder shipped": (
        "needs",
        building(
            f"{BUILDER}FROM build\nCOPY --from=build /times /times\n{CMD}", "dl-board:v4", RUN.format("dl-board:v4")
        ),
    ),
    "the names of the stages swapped": (
        "shifted",
        (
            "sed 's/AS build/AS x/; s/AS night/AS build/; s/=0/=build/' board/Dockerfile > x\nmv x board/Dockerfile\n"
            "docker build -q -t dl-board:v5 board"
        ),
    ),
    "the right files put in by hand": (
        "shifted",
        "mkdir times\necho 07:10 Harbour TOKEN > times/4\n"
        + BY_HAND.replace("docker commit dl-x IMAGE", "docker cp times dl-x:/times\ndocker commit dl-x dl-board:v5"),
    ),
    "a shell deleted in a later layer": (
        "scratch",
        building(
            f"FROM {B} AS build\nCOPY . /src\nRUN sh /src/make.sh /www\n"
            f"FROM {B}\nCOPY --from=build /www /www\nRUN rm /bin/sh /etc/passwd\n"
            'CMD ["/bin/busybox", "httpd", "-f", "-h", "/www"]',
            "dl-board:tiny",
            RUN.format("dl-board:tiny"),
        ),
    ),
    "imported, and the Dockerfile as it was": (
        "scratch",
        "mkdir -p x/bin x/www\necho TOKEN > x/www/index.html\n"
        f"docker create --name dl-x {B}\ndocker cp dl-x:/bin/busybox x/bin/busybox\ndocker rm dl-x\n"
        "tar -c -C x . | docker import --change 'CMD [\"/bin/busybox\", \"httpd\", \"-f\", \"-h\", \"/www\"]'"
        " - dl-board:tiny\n" + RUN.format("dl-board:tiny"),
    ),
    "told the user at the start only": (
        "nobody",
        building(
            f"{COLLECTED}FROM scratch\n{TINY}",
            "dl-board:safe",
            RUN.format("dl-board:safe").replace("-d", "-d --user 65534"),
        ),
    ),
    "a nobody who is root": (
        "nobody",
        "echo nobody:x:0:0::/:/x > board/passwd\n"
        + building(
            f"{COLLECTED}FROM scratch\nCOPY passwd /etc/passwd\nUSER nobody\n{TINY}",
            "dl-board:safe",
            RUN.format("dl-board:safe"),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("cheat", CHEATS)
def test_what_only_looks_like_the_goal_does_not_pass(
    nameless_come: Callable[[], set[str]], tried: Tried, cheat: str
) -> None:
    step, script = CHEATS[cheat]
    tried.begin(step)
    assert nameless_come() == set()
    tried.fails(step, script)
