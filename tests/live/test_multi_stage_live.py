"""The lesson multi-stage: every claim of it, by its commands with the stock docker client, and what must not pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockerlearn.course.packs import open_pack
from dockerlearn.engine.api import EngineApi
from tests.live.conftest import Docker
from tests.live.lessons import Learner, hands_on, has_what_a_lesson_must_have, prove

LESSON = "multi-stage"
STEPS = ("weigh", "late", "stages", "needs", "shifted", "target", "scratch", "nobody", "silent")
BROKEN = {"late", "needs", "shifted", "nobody"}
PREDICTED = {"weigh", "stages", "shifted", "target", "scratch", "silent"}


@pytest.fixture
def stages_left(docker: Docker) -> Iterator[Callable[[], list[str]]]:
    """The images of builders, which the legacy builder leaves without a name; they are taken away afterwards.

    Nothing tells for certain whose such an image is. ``clean`` lists them with the command that removes them.
    """

    def left() -> list[str]:
        return docker("images", "--quiet", "--no-trunc", "--filter", "dangling=true").split()

    before = left()
    yield lambda: [image for image in left() if image not in before]
    for image in left():
        if image not in before:
            docker.try_("rmi", image)


def test_these_are_its_steps(learner: Learner) -> None:
    assert learner.steps(LESSON) == [f"{LESSON}/{step}" for step in STEPS]


def test_it_has_what_a_lesson_must_have() -> None:
    lesson = open_pack().lesson(LESSON)
    has_what_a_lesson_must_have(lesson, BROKEN)
    assert 9 <= len(lesson.steps) <= 11
    assert len(hands_on(lesson)) >= 8
    assert {step.id for step in lesson.steps if step.predict and step.predict.proof} == PREDICTED


@pytest.mark.parametrize("step", STEPS)
def test_every_claim_about_a_step_holds(
    engine: Callable[[], EngineApi],
    docker_host: str,
    tmp_path: Path,
    stages_left: Callable[[], list[str]],
    step: str,
) -> None:
    # What else is left behind is what the guard of the live tests looks for.
    proved = prove(engine, docker_host, tmp_path, LESSON, step)
    failed = [f"{claim.step}: {claim.claim}: {claim.why}" for claim in proved if not claim.held]
    assert failed == []
    assert ("the prediction is true" in {claim.claim for claim in proved}) == (step in PREDICTED)
    assert stages_left is not None


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
    learner: Learner, docker: Docker, stages_left: Callable[[], list[str]], cheat: str
) -> None:
    step, script = CHEATS[cheat]
    name = f"{LESSON}/{step}"
    began = learner("start", name, "--plain")
    assert began.returncode == 0
    assert stages_left() == []
    folder = learner.folder / "work" / LESSON
    token = re.search(r"Harbour (\w+)", (folder / "board/lines/4").read_text())
    port = re.search(r"\bport\s+(\d{4,5})\b", began.stdout)
    assert token is not None
    script = script.replace("TOKEN", token.group(1)).replace("PORT", port.group(1) if port else "PORT")
    try:
        done = learner.sh(f"set -e\ncd '{folder}'\n{script}")
        assert done.returncode == 0, done.stdout + done.stderr
        after = learner("check", "step", name)
        assert after.returncode == 1, after.stdout + after.stderr
    finally:
        docker.try_("rm", "--force", "dl-x")
        docker.try_("rmi", "dl-x:v1")
