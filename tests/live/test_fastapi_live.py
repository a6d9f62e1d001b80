"""The lesson fastapi: every claim of it, by its commands with the stock docker client, and what must not pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dockerlearn.author.prove import LEFT_OUT
from dockerlearn.checks.dockerfile import Dockerfile
from dockerlearn.course.packs import open_pack
from dockerlearn.world.world import Scope, World
from tests.fake_engine import FakeEngine
from tests.live.conftest import Docker
from tests.live.lessons import (
    InOneGo,
    Learner,
    Proving,
    Tried,
    hands_on,
    has_what_a_lesson_must_have,
    holds,
    predicted,
)
from tests.matrix import NEWEST_CONTAINERD

LESSON = "fastapi"
STEPS = (
    "first", "slim", "order", "stages", "data", "user", "health", "stop", "settings", "log", "door", "release",
    "written", "page",
)  # fmt: skip
BROKEN = {"slim", "order", "stages", "data", "user", "health", "stop", "door", "release"}
FILES = open_pack().files(LESSON)
VALUES = ("PORT", "INN_PORT", "TOKEN")


def test_these_are_its_steps(learner: Learner) -> None:
    assert learner.steps(LESSON) == [f"{LESSON}/{step}" for step in STEPS]


def test_it_has_what_a_lesson_must_have() -> None:
    lesson = has_what_a_lesson_must_have(LESSON, BROKEN)
    assert 11 <= len(hands_on(lesson)) <= 14
    assert predicted(lesson.steps) >= {step.id for step in hands_on(lesson)}
    assert sum(len(step.mistakes) for step in lesson.steps) >= 2.5 * len(hands_on(lesson))


def test_the_first_image_is_built_of_the_same_files_as_the_later_ones() -> None:
    for path in sorted((FILES / "api").rglob("*")):
        if path.is_file() and path.name != "Dockerfile":
            assert (FILES / "first" / path.relative_to(FILES / "api")).read_bytes() == path.read_bytes()


@pytest.mark.also_on(NEWEST_CONTAINERD)
@pytest.mark.parametrize("step", STEPS)
def test_every_claim_about_a_step_holds(
    package_index: None,
    nameless_come: Callable[[], set[str]],
    docker: Docker,
    proved: Proving,
    in_one_go: InOneGo,
    step: str,
) -> None:
    claims = in_one_go(proved, step)
    is_possible = step != "page" or docker.try_("compose", "version").returncode == 0
    holds(claims, predicted=is_possible)
    assert [claim.claim for claim in claims if claim.held is None] == [LEFT_OUT] * (not is_possible)


P = "python:3.11-slim"
SERVE = 'CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]'
INSTALL = "COPY requirements.txt ./\nRUN pip install --no-cache-dir -r requirements.txt"
VENV = (
    "COPY pip /etc/\nRUN python -m venv --without-pip /venv\nCOPY requirements.txt ./\n"
    "RUN pip --python /venv/bin/python install --no-cache-dir -r requirements.txt"
)
COMPILERS = "COPY compilers.sh /\nRUN sh /compilers.sh\n"
FULL = (
    f"FROM {P} AS build\n{COMPILERS}{VENV}\nFROM {P}\nCOPY --from=build /venv /venv\n"
    "ENV PATH=/venv/bin:$PATH\nWORKDIR /app\n"
)
USER = "RUN useradd --uid 10001 hut && mkdir /data && chown hut /data\nUSER hut\n"
ITS_NAME = "NAME=$(docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' dl-hut | grep HUT_NAME)\n"
OPEN = 'printf \'{"status": "open"}\' > health'


def building(text: str, image: str, *more: str) -> str:
    """Write a Dockerfile and build it, then do more."""
    lines = ["cat > api/Dockerfile <<'EOF'", text.rstrip("\n"), "EOF", f"docker build -q -t {image} api", *more]
    return "\n".join(lines)


# What looks like the goal and is not it: the step, and what is done. Names that the lesson does not know are dl-x.
# PORT and the like are the lesson's values.
CHEATS: dict[str, tuple[str, str]] = {
    "a file for an answer": (
        "first",
        building(
            f"FROM {P}\n{COMPILERS}COPY pip /etc/\nWORKDIR /app\nCOPY main.py ./\nRUN pip --version && {OPEN}\n"
            'CMD ["python", "-m", "http.server", "8000"]',
            "dl-hut:v1",
            "docker run -d --name dl-hut -p PORT:8000 dl-hut:v1",
        ),
    ),
    "a page for an answer": (
        "first",
        building(
            f"FROM {P}\n{COMPILERS}COPY pip /etc/\nWORKDIR /app\nCOPY main.py ./\nRUN pip --version && "
            'mkdir health && printf \'{"status": "open"}\' > health/index.html\n'
            'CMD ["python", "-m", "http.server", "8000"]',
            "dl-hut:v1",
            "docker run -d --name dl-hut -p PORT:8000 dl-hut:v1",
        ),
    ),
    "a container of the base": (
        "first",
        building(
            f"FROM {P}\nCOPY pip /etc/\nWORKDIR /app\n{INSTALL}\nCOPY main.py ./\n{SERVE}",
            "dl-x:v1",
            f"printf 'FROM {P}\\nCOPY compilers.sh main.py /app/\\nRUN sh /app/compilers.sh\\n' > x",
            "docker build -q -t dl-hut:v1 -f x api",
            "docker run -d --name dl-hut -p PORT:8000 dl-x:v1",
        ),
    ),
    "the text mended, and another image": (
        "slim",
        ("docker build -q -t dl-x:v1 api\n"
        "printf 'FROM dl-x:v1\\nRUN rm -r /usr/lib/compilers /root/.cache /app/tests\\n' > x\n"
        "docker build -q -t dl-hut:v2 - < x\n"
        f"sed -i -e 's/^FROM.*/FROM {P}/' -e 's/install -r/install --no-cache-dir -r/' -e '/tests/d' api/Dockerfile"),
    ),
    "nothing but the base": (
        "slim",
        building(f"FROM {P}\nWORKDIR /app\nCOPY main.py requirements.txt ./\n{SERVE}", "dl-hut:v2"),
    ),
    "what it starts is the base's": (
        "slim",
        building(
            f"FROM {P}\nCOPY pip /etc/\nWORKDIR /app\nCOPY main.py requirements.txt ./\n"
            "RUN pip install --no-cache-dir -r requirements.txt",
            "dl-hut:v2",
        ),
    ),
    "pip first, and the rest as it was": (
        "order",
        building(
            f"FROM {P}\nCOPY pip /etc/\nRUN pip install --root-user-action=ignore --no-index pip\nWORKDIR /app\n"
            f"COPY main.py requirements.txt ./\nRUN pip install --no-cache-dir -r requirements.txt\n{SERVE}",
            "dl-hut:v3",
            "sed -i 's/\"open\"/\"open all day\"/' api/main.py\ndocker build -q -t dl-hut:v3 api",
        ),
    ),
    "in order for show": (
        "order",
        building(
            f"FROM {P}\nCOPY pip /etc/\nWORKDIR /app\nCOPY main.py requirements.txt ./\n"
            f"RUN pip install --no-cache-dir -r requirements.txt\nCOPY main.py ./\n{SERVE}",
            "dl-hut:v3",
            "sed -i 's/\"open\"/\"open all day\"/' api/main.py\nprintf 'FROM dl-hut:v3\\nCOPY main.py ./\\n' > x",
            "docker build -q -t dl-hut:v3 -f x api",
        ),
    ),
    "changed in a container, committed": (
        "order",
        building(
            f"FROM {P}\nCOPY pip /etc/\nWORKDIR /app\n{INSTALL}\nCOPY main.py ./\n{SERVE}",
            "dl-hut:v3",
            "docker run --name dl-x dl-hut:v3 sed -i 's/return .*open.*/return {}  # open all day/' main.py",
            f"docker commit --change '{SERVE}' dl-x dl-hut:v3\ndocker rm dl-x",
        ),
    ),
    "installed in the last stage, too": (
        "stages",
        building(
            f"FROM {P} AS build\n{COMPILERS}{VENV}\nFROM {P}\nCOPY pip /etc/\nWORKDIR /app\n{INSTALL}\n"
            f"COPY --from=build /venv/pyvenv.cfg /venv/\nCOPY main.py ./\n{SERVE}",
            "dl-hut:v4",
            "docker run -d --name dl-hut -p PORT:8000 dl-hut:v4",
        ),
    ),
    "a book by hand, and one from the layer": (
        "data",
        ("docker run --rm -v dl-book:/data busybox:1.36 sh -c 'echo 1 > /data/visits'\n"
        "docker run -d --name dl-hut -v dl-book:/data -p PORT:8000 dl-hut:v4\ndocker rm -f dl-summer"),
    ),
    "the summer only renamed": (
        "data",
        ("docker cp dl-summer:/data/visits visits\n"
        "docker create --name dl-hut -v dl-book:/data -p PORT:8000 dl-hut:v4\n"
        "docker cp visits dl-hut:/data/visits\ndocker start dl-hut\ndocker rename dl-summer dl-x"),
    ),
    "a user hut who is root": (
        "user",
        building(
            f"{FULL}COPY main.py ./\nRUN useradd --non-unique --uid 0 hut\nUSER hut\n{SERVE}",
            "dl-hut:v5",
            "docker run -d --name dl-hut -v dl-book:/data -p PORT:8000 dl-hut:v5",
        ),
    ),
    "root for this one": (
        "user",
        building(
            f"{FULL}COPY main.py ./\n{USER}{SERVE}",
            "dl-hut:v5",
            "docker run -d --name dl-hut --user root -v dl-book:/data -p PORT:8000 dl-hut:v5",
        ),
    ),
    "always well": (
        "health",
        building(
            f"{FULL}COPY main.py ./\n{USER}HEALTHCHECK --interval=1s CMD true\n{SERVE}",
            "dl-hut:v6",
            "docker run -d --name dl-hut -p PORT:8000 dl-hut:v6",
        ),
    ),
    "a check that names the address": (
        "health",
        building(
            f"{FULL}COPY main.py ./\n{USER}HEALTHCHECK --interval=1s CMD echo /health\n{SERVE}",
            "dl-hut:v6",
            "docker run -d --name dl-hut -p PORT:8000 dl-hut:v6",
        ),
    ),
    "asked by hand, and a check that asks nobody": (
        "health",
        building(
            f"{FULL}COPY main.py ./\n{USER}HEALTHCHECK --interval=1s CMD echo /health\n{SERVE}",
            "dl-hut:v6",
            "docker run -d --name dl-hut -p PORT:8000 dl-hut:v6",
            'until docker exec dl-hut python -c "from urllib.request import urlopen; '
            "urlopen('http://localhost:8000/health')\" 2> said; do sleep 0.3; done",
        ),
    ),
    "a check that asks elsewhere": (
        "health",
        building(
            f"{FULL}COPY main.py ./\n{USER}HEALTHCHECK --interval=1s CMD python -c \"from urllib.request "
            f"import urlopen; urlopen('http://localhost:8000/visits?not=/health')\"\n{SERVE}",
            "dl-hut:v6",
            "docker run -d --name dl-hut -p PORT:8000 dl-hut:v6",
        ),
    ),
    "another check at the start": (
        "health",
        building(
            f"{FULL}COPY main.py ./\n{USER}{SERVE}",
            "dl-hut:v6",
            "docker run -d --name dl-hut --health-cmd true --health-interval 1s -p PORT:8000 dl-hut:v6",
        ),
    ),
    "told by hand, and killed": (
        "stop",
        ("docker build -q -t dl-hut:v7 api\ndocker run -d --name dl-hut -p PORT:8000 dl-hut:v7\n"
        "until docker logs dl-hut 2>&1 | grep -q 'running on'; do sleep 0.2; done\ndocker stop -t 0 dl-hut"),
    ),
    "ended by itself": (
        "stop",
        ("printf '#!/bin/sh\\necho good morning\\necho Finished server process\\n' > api/start.sh\n"
        "docker build -q -t dl-hut:v7 api\ndocker run --name dl-hut dl-hut:v7"),
    ),
    "one answers for two": (
        "settings",
        ("docker run -d --name dl-hut -e HUT_NAME='Ridge TOKEN' -p PORT:8000 dl-hut:ready\n"
        "docker run -d --name dl-inn -e HUT_NAME='Ridge TOKEN' -p INN_PORT:8000 dl-hut:ready"),
    ),
    "the hut beside the door": (
        "door",
        (f"{ITS_NAME}sed -i 's/localhost/dl-x/' door/hut.conf\necho '# dl-hut:8000' >> door/hut.conf\n"
        "docker run -d --name dl-x --network dl-alps -e \"$NAME\" dl-hut:ready\n"
        "docker run -d --name dl-door --network dl-alps -p PORT:80 "
        '-v "$PWD/door/hut.conf:/etc/nginx/conf.d/default.conf:ro" nginx:1.27-alpine-slim'),
    ),
    "a name that is set, and another that is asked": (
        "door",
        (f"{ITS_NAME}docker run -d --name dl-x --network dl-alps -e \"$NAME\" dl-hut:ready\n"
        "printf 'server {\\n listen 80;\\n location / {\\n set $hut dl-hut;\\n "
        "proxy_pass http://dl-x:8000;\\n }\\n}\\n' > door/hut.conf\n"
        "docker run -d --name dl-door --network dl-alps -p PORT:80 "
        '-v "$PWD/door/hut.conf:/etc/nginx/conf.d/default.conf:ro" nginx:1.27-alpine-slim'),
    ),
    "an answer of the door's own": (
        "door",
        ("printf 'server {\\n listen 80;\\n location = / { return 200 \"Ridge TOKEN\"; }\\n "
        "location / { proxy_pass http://dl-hut:8000; }\\n}\\n' > door/hut.conf\n"
        "docker run -d --name dl-door --network dl-alps -p PORT:80 "
        '-v "$PWD/door/hut.conf:/etc/nginx/conf.d/default.conf:ro" nginx:1.27-alpine-slim'),
    ),
    "a door of another image": (
        "door",
        ("sed -i 's/localhost/dl-hut/' door/hut.conf\ndocker create --name dl-x nginx:1.27-alpine-slim\n"
        "docker export dl-x | docker import - dl-x:v1\ndocker rm dl-x\n"
        "docker run -d --name dl-door --network dl-alps -p PORT:80 --entrypoint nginx "
        "-v \"$PWD/door/hut.conf:/etc/nginx/conf.d/default.conf:ro\" dl-x:v1 -g 'daemon off;'"),
    ),
    "no door at all": (
        "door",
        (f"{ITS_NAME}docker run -d --name dl-door --network dl-alps -e \"$NAME\" -p PORT:80 dl-hut:ready "
        "python -m http.server 80"),
    ),
    "the new version once more": (
        "release",
        ("docker tag dl-hut:1.0.0 dl-hut:stable\ndocker rm dl-ridge\n"
        "docker run -d --name dl-ridge --network dl-alps -v dl-book:/data -p PORT:8000 dl-hut:1.1.0 "
        "uvicorn main:app --host 0.0.0.0"),
    ),
    "a page with another book": (
        "written",
        ("cat > compose.yaml <<'EOF'\nservices:\n  dl-hut:\n    image: dl-hut:1.0.0\n"
        "    environment: {HUT_NAME: Ridge TOKEN}\n    volumes: ['/data']\n"
        "  dl-door:\n    image: nginx:1.27-alpine-slim\n    ports: ['PORT:80']\n"
        "    volumes: ['./door/hut.conf:/etc/nginx/conf.d/default.conf:ro']\n"
        "    depends_on: {dl-hut: {condition: service_healthy}}\nvolumes: {dl-book: {}}\nEOF"),
    ),
}  # fmt: skip


MOUNTED = (
    "RUN --mount=type=cache,target=/root/.cache/pip \\\n"
    "    --mount=type=bind,source=requirements.txt,target=requirements.txt \\\n"
    "    python -m pip install -r requirements.txt\n"
)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (f"{MOUNTED}COPY . .", True),  # as docker init writes it, for BuildKit
        (f"COPY . .\n{MOUNTED}", False),
        (
            "COPY requirements.txt ./\nRUN pip install --upgrade pip && pip3 install -qr requirements.txt\nCOPY . .",
            True,
        ),
        (
            "RUN pip install pip\nCOPY requirements.txt ./\nRUN pip install --requirement requirements.txt\nCOPY . .",
            True,
        ),
        ("RUN pip install --root-user-action=ignore -U pip\nCOPY . .\nRUN pip install -r requirements.txt", False),
        ("RUN --mount=type=bind,target=/from pip install -r /from/requirements.txt\nCOPY . .", False),
        ("RUN pip install fastapi uvicorn\nCOPY main.py ./", False),
    ],
)
def test_the_order_of_a_dockerfile_is_read_in_each_way_to_write_it(tmp_path: Path, text: str, right: bool) -> None:
    assert is_right(tmp_path, "order", f"FROM {P}\nWORKDIR /app\n{text}\n{SERVE}\n") == right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("RUN pip install --no-cache-dir -r requirements.txt", True),
        ("RUN pip install -r requirements.txt && rm -rf /root/.cache", True),
        ("RUN pip install -r requirements.txt\nRUN rm -rf /root/.cache", False),
        ("RUN pip install -r requirements.txt\nRUN cd /root && rm -rf .cache", False),
        ("RUN pip install -r requirements.txt\nRUN set -e; rm -rf /root/.cache", False),
    ],
)
def test_what_a_later_line_deletes_has_got_into_the_image(tmp_path: Path, text: str, right: bool) -> None:
    assert is_right(tmp_path, "slim", f"FROM {P}\nCOPY pip /etc/\nWORKDIR /app\n{text}\n{SERVE}\n") == right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("", True),
        ("RUN pip --version && pip uninstall -y pip", True),
        ("RUN pip install -r requirements.txt", False),
        ("RUN pip3 install -qr requirements.txt", False),
        ("RUN pip --python /venv/bin/python install --requirement requirements.txt", False),
        ("RUN python -m pip install --no-cache-dir fastapi uvicorn", False),
        ("RUN rm -r /root/.cache", False),
    ],
)
def test_nothing_is_installed_or_deleted_in_the_last_stage(tmp_path: Path, text: str, right: bool) -> None:
    assert is_right(tmp_path, "stages", f"{FULL}COPY main.py ./\n{text}\n{SERVE}\n") == right


def is_right(folder: Path, name: str, text: str) -> bool:
    """Whether a step's checks of ``api/Dockerfile`` are met by a text."""
    (folder / "api").mkdir()
    (folder / "api/Dockerfile").write_text(text)
    step = next(step for step in open_pack().lesson(LESSON).steps if step.id == name)
    world = World(FakeEngine(), folder, Scope({"python": P}))
    return all(check.look(world).met for check in step.check if isinstance(check, Dockerfile))


@pytest.mark.parametrize("cheat", CHEATS)
def test_what_only_looks_like_the_goal_does_not_pass(
    package_index: None, nameless_come: Callable[[], set[str]], tried: Tried, cheat: str
) -> None:
    tried.fails(*CHEATS[cheat])


def test_a_build_that_finds_no_way_to_an_index_is_explained(
    package_index: None, nameless_come: Callable[[], set[str]], learner: Learner
) -> None:
    learner.environment["PIP_INDEX_URL"] = f"http://{learner.environment['PIP_TRUSTED_HOST']}:1/simple"
    refused = learner("start", f"{LESSON}/slim", "--plain", timeout=300)
    assert refused.returncode == 3
    assert "pip found no way from the build to an index of packages." in " ".join(refused.stderr.split())
    learner.environment["PIP_INDEX_URL"] = "http://127.0.0.1:3141/simple"
    refused = learner("start", f"{LESSON}/slim", "--anew", "--plain")
    assert refused.returncode == 3
    assert "in a container, 127.0.0.1 is the container itself" in " ".join(refused.stderr.split())
    learner("clean", "--yes")
