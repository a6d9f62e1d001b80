"""Reading Dockerfiles, and the noun ``dockerfile``: each field says yes and no, however a thing is written."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.checks.dockerfile import Dockerfile
from dockerlearn.checks.instruction import InstructionWanted
from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.world import dockerfile
from dockerlearn.world.dockerfile import Broken
from dockerlearn.world.world import Scope, World
from tests.dockerfile_samples import SAMPLES, differences
from tests.fake_engine import FakeEngine

IMAGES = {"busybox": "busybox:1.36", "python": "python:3.12-slim"}


def seen(tmp_path: Path, text: str | bytes, /, **raw: Any) -> Outcome:
    path = tmp_path / "Dockerfile"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    check = msgspec.convert({"noun": "dockerfile", "dockerfile": "Dockerfile", **raw}, Dockerfile, strict=False)
    return check.look(World(FakeEngine(), tmp_path, Scope(IMAGES)))


def yes(outcome: Outcome) -> None:
    assert outcome.met, outcome


def no(outcome: Outcome, *words: str) -> None:
    assert outcome.status is Status.UNMET, outcome
    assert outcome.expected
    for word in words:
        assert word in outcome.found, outcome


ONE = "FROM busybox:1.36\n"

# what is asked of one instruction: ways to write it; and what it is not
INSTRUCTIONS: list[tuple[dict[str, Any], list[str], list[str]]] = [
    (
        {"run": {"contains": ["apt-get update", "apt-get install"]}},
        [
            "RUN apt-get update && apt-get install -y x",
            "run apt-get   update \\\n  && \\\n# why\n  apt-get install -y x",
            "RUN <<EOF\napt-get update\napt-get install x\nEOF",
            "RUN --network=host apt-get update; apt-get install x",
            'RUN ["sh", "-c", "apt-get update && apt-get install x"]',
        ],
        ["RUN apt-get update\nRUN apt-get install x", "# RUN apt-get update && apt-get install x", "RUN true"],
    ),
    (
        {"copy": "requirements.txt"},
        [
            "COPY requirements.txt .",
            "copy ./requirements.txt /app/",
            'COPY ["requirements.txt", "/app/"]',
            "COPY setup.cfg requirements.txt ./",
            "COPY requirements*.txt ./",
            "ADD requirements.txt .",
            "ARG F=requirements.txt\nCOPY --chown=1:1 $F ./",
        ],
        [
            "COPY . .",
            "COPY * ./",
            "COPY ./* .",
            "COPY app/requirements.txt .",
            "COPY <<E /requirements.txt\nCOPY requirements.txt .\nE",
            "RUN cp requirements.txt .",
            "COPY other /requirements.txt",
        ],
    ),
    (
        {"copy": "."},
        ["COPY . .", "COPY ./ /app", "ADD . /x", "COPY * .", 'COPY [".", "/a b"]'],
        ["COPY app .", "COPY *.py .", "COPY .dockerignore ."],
    ),
    (
        {"copy": "app"},
        ["COPY app /app", "COPY app/ /app/", "COPY ./app/ ."],
        ["COPY app/main.py .", "COPY . .", "COPY apps ."],
    ),
    (
        {"brings": "app/main.py"},
        [
            "COPY . .",
            "COPY app /app",
            "COPY app/*.py ./",
            "ADD ap* /x",
            "COPY app/main.py .",
            "RUN --mount=type=bind,target=/src pip install /src",
            "RUN --mount=source=app,target=/src pip install /src",
        ],
        [
            "COPY main.py .",
            "COPY app/other.py .",
            "COPY *.py .",
            "COPY --from=busybox:1.36 . .",
            "COPY --exclude=app . .",
            "RUN --mount=type=cache,target=/x true",
            "RUN --mount=type=bind,from=busybox:1.36,target=/x true",
            "RUN app/main.py",
        ],
    ),
    ({"add": "any"}, ["ADD x /", "add --checksum=sha256:0 http://a/b /"], ["COPY x /", "RUN ADD x"]),
    (
        {"copy": "any", "to": "/app"},
        [
            "COPY x /app",
            "COPY x /app/",
            "WORKDIR /app\nCOPY x .",
            "WORKDIR /app\nCOPY x ./",
            "WORKDIR /\nCOPY x app",
            "COPY x /app/x",
            "ENV D=/app\nCOPY x $D",
            "COPY <<E /app\nE",
        ],
        ["COPY x /", "WORKDIR /src\nCOPY x .", "COPY x /app/y", "COPY /app /x"],
    ),
    (
        {"copy": "any", "options": {"chown": "app:app"}},
        ["COPY --chown=app:app x /", "COPY --chmod=755 --chown=app:app x /", "ENV U=app\nCOPY --chown=$U:$U x /"],
        ["COPY x /", "COPY --chown=app x /", "RUN chown app:app x"],
    ),
    (
        {"workdir": "/app"},
        ["WORKDIR /app", "WORKDIR /app/", "WORKDIR /\nWORKDIR app", 'workdir "/app"'],
        ["RUN cd /app"],
    ),
    (
        {"workdir": "/app/src"},
        ["WORKDIR /app\nWORKDIR src", "ENV B=/app\nWORKDIR $B/src", "ARG B=/app\nWORKDIR ${B}/src"],
        ["WORKDIR /app", "WORKDIR src", "WORKDIR /app\nWORKDIR /src"],
    ),
    (
        {"env": {"A": "1", "B": "two words"}},
        [
            'ENV A=1 B="two words"',
            "ENV A 1\nENV B two words",
            "ENV A=0\nENV A=1 \\\n    B=two\\ words",
            "ARG X=1\nENV A=$X B='two words'",
            "ENV A=${NOT_SET_HERE:-0}\nENV A=1 B='two words'",
        ],
        ["ENV A=1", 'ENV A=1 B="two words"\nENV A=2', "RUN export A=1 B='two words'", "ARG A=1\nLABEL B='two words'"],
    ),
    ({"env": "A"}, ["ENV A=", "ENV A b"], ["ENV B=A", "ARG A"]),
    ({"env": "any"}, ["ENV A=1"], ["ARG A=1"]),
    ({"arg": "VERSION"}, ["ARG VERSION", "ARG VERSION=1", "ARG A VERSION"], ["ENV VERSION=1", "ARG A=VERSION"]),
    ({"arg": {"VERSION": "1"}}, ["ARG VERSION=1", 'ARG VERSION="1"'], ["ARG VERSION", "ARG VERSION=2"]),
    (
        {"label": {"a.b": "c d"}},
        ['LABEL a.b="c d"', "LABEL a.b c d", 'LABEL "a.b"="c d" e=f'],
        ["LABEL a.b=c", "ENV a.b=c"],
    ),
    (
        {"expose": "8000"},
        ["EXPOSE 8000", "EXPOSE 8000/tcp", "EXPOSE 80 8000/TCP", "ENV P=8000\nEXPOSE ${P}", "EXPOSE 7999-8001"],
        ["EXPOSE 80", "EXPOSE 8000/udp", "ENV PORT=8000"],
    ),
    ({"expose": "53/udp"}, ["EXPOSE 53/udp"], ["EXPOSE 53"]),
    (
        {"user": "app"},
        ["USER app", "USER app:app", "USER root\nUSER app", "ARG U=app\nUSER $U"],
        ["USER root", "USER app\nUSER root", "RUN su app", "USER apple"],
    ),
    ({"user": {"not": "root"}}, ["USER app", "USER 1000:0"], ["USER root", "USER root:root", "USER app\nUSER root"]),
    (
        {"cmd": ["python", "app.py"]},
        [
            'CMD ["python", "app.py"]',
            "CMD python app.py",
            "CMD python 'app.py'",
            'CMD ["a"]\nCMD [ "python","app.py" ]',
        ],
        ['CMD ["python app.py"]', "CMD python app.py\nCMD sh", 'ENTRYPOINT ["python", "app.py"]', "RUN python app.py"],
    ),
    (
        {"cmd": "any", "form": "exec"},
        ['CMD ["python", "app.py"]', 'cmd [ "sh" ]'],
        ["CMD python app.py", "CMD ['python', 'app.py']", 'CMD ["python" "app.py"]', 'CMD ["python"]\nCMD sh'],
    ),
    ({"cmd": "any", "form": "shell"}, ["CMD python app.py"], ['CMD ["python"]', 'ENTRYPOINT ["a"]']),
    ({"entrypoint": {"contains": "uvicorn"}}, ["ENTRYPOINT uvicorn a:b", 'ENTRYPOINT ["uvicorn"]'], ["CMD uvicorn"]),
    (
        {"healthcheck": {"contains": "wget"}, "options": {"interval": "5s"}},
        [
            "HEALTHCHECK --interval=5s CMD wget localhost",
            'HEALTHCHECK --retries=2 --interval=5s CMD ["wget", "x"]',
            "HEALTHCHECK NONE\nHEALTHCHECK --interval=5s cmd wget x",
        ],
        ["HEALTHCHECK CMD wget x", "HEALTHCHECK --interval=5s CMD wget x\nHEALTHCHECK NONE", "RUN wget x"],
    ),
    ({"healthcheck": "none"}, ["HEALTHCHECK NONE"], ["HEALTHCHECK CMD x"]),
    (
        {"volume": "/data"},
        ["VOLUME /data", 'VOLUME ["/x", "/data/"]', "VOLUME /x /data"],
        ["VOLUME /dat", "RUN mkdir /data"],
    ),
    ({"stopsignal": "SIGINT"}, ["STOPSIGNAL SIGINT", "STOPSIGNAL SIGTERM\nSTOPSIGNAL SIGINT"], ["STOPSIGNAL SIGTERM"]),
    ({"shell": ["/bin/sh", "-e"]}, ['SHELL ["/bin/sh", "-e"]'], ["RUN /bin/sh -e", 'SHELL ["/bin/sh"]']),
    ({"onbuild": {"contains": "COPY"}}, ["ONBUILD COPY . /x", "onbuild  COPY . /x"], ["COPY . /x"]),
]


@pytest.mark.parametrize(("asked", "good", "bad"), INSTRUCTIONS, ids=[str(case[0]) for case in INSTRUCTIONS])
def test_an_instruction_however_it_is_written(
    tmp_path: Path, asked: dict[str, Any], good: list[str], bad: list[str]
) -> None:
    for text in good:
        yes(seen(tmp_path, ONE + text + "\n", has=[asked]))
        if len(asked.get("env", "")) != 2:  # two values may come from two instructions, and has_not is about one
            no(seen(tmp_path, ONE + text + "\n", has_not=[asked]), "line ")
    for text in bad:
        no(seen(tmp_path, ONE + text + "\n", has=[asked]), "it has ")


def test_every_kind_of_instruction_has_a_case() -> None:
    asked = {key for case, _, _ in INSTRUCTIONS for key in case}
    fields = {field.encode_name for field in msgspec.structs.fields(InstructionWanted)}
    assert fields - asked == {"from"}  # see TestStages


def test_what_was_replaced_still_counts_as_being_there(tmp_path: Path) -> None:
    text = ONE + "ENV PASSWORD=x\nENV PASSWORD=\nADD a /\nUSER root\nUSER app\n"
    no(seen(tmp_path, text, has_not=[{"env": {"PASSWORD": "any"}}]), "line 2 (ENV PASSWORD=x)")
    no(seen(tmp_path, text, has_not=[{"user": "root"}]), "line 5")
    no(seen(tmp_path, text, has=[{"user": "root"}]), "line 5", "line 6")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"has": [{}]}, "does not say which instruction"),
        ({"has": [{"run": "a", "cmd": "b"}]}, "run and cmd are two"),
        ({"has": [{"run": "a", "to": "/b"}]}, "to: belongs to copy"),
        ({"has": [{"run": "a", "from": "b"}]}, "from: belongs to copy"),
        ({"has": [{"copy": "a", "form": "exec"}]}, "form: belongs to a command"),
        ({"has": [{"brings": "/a"}]}, "brings: names a file"),
        ({"has": [{"cmd": "a", "options": {"x": "y"}}]}, "options: CMD has no option 'x'"),
        ({"order": [{"run": "a"}]}, "at least two"),
        ({"dockerfile": "../x"}, "not a path beneath"),
        ({"has": [{"run": {"matches": "("}}]}, "RE2"),
        ({"had": []}, "had"),
    ],
)
def test_what_an_author_may_not_say(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert({"noun": "dockerfile", "dockerfile": "Dockerfile", **raw}, Dockerfile, strict=False)


class TestStages:
    TEXT = """
ARG VERSION=3.12
FROM --platform=$BUILDPLATFORM python:${VERSION}-slim AS Build
WORKDIR /src
ADD requirements.txt .
RUN pip wheel -r requirements.txt -w /wheels
USER builder
FROM busybox:1.36 AS unused
RUN echo unused
FROM build AS test
RUN pytest
FROM docker.io/library/busybox:1.36
COPY --from=build /wheels /wheels
COPY . .
"""

    def test_how_many_and_their_names(self, tmp_path: Path) -> None:
        yes(seen(tmp_path, self.TEXT, stages="4"))
        yes(seen(tmp_path, self.TEXT, stages={">": "1"}))
        yes(seen(tmp_path, self.TEXT, stages=["build", "TEST"]))
        no(seen(tmp_path, self.TEXT, stages="1"), "it has 4 stages (build, unused, test)")
        no(seen(tmp_path, self.TEXT, stages=["build", "run"]), "it has 4 stages")
        no(seen(tmp_path, ONE, stages="2"), "it has 1 stage")

    @pytest.mark.parametrize(
        ("text", "wanted", "good"),
        [
            ("FROM busybox:1.36", "busybox", True),
            ("from docker.io/library/busybox:1.36 as x", "busybox", True),
            ("FROM index.docker.io/busybox:1.36", "busybox:1.36", True),
            ("FROM busybox:1.36@sha256:" + "1" * 64, "busybox", True),
            ("FROM busybox@sha256:" + "1" * 64, "busybox@sha256:" + "1" * 64, True),
            ("FROM busybox@sha256:" + "1" * 64, "busybox", False),
            ("FROM busybox", "busybox", False),
            ("FROM busybox", "busybox:latest", True),
            ("FROM other/busybox:1.36", "busybox", False),
            ("FROM localhost/busybox:1.36", "busybox", False),
            ("ARG T=1.36\nFROM busybox:$T", "busybox", True),
            ("ARG T\nFROM busybox:${T:-1.36}", "busybox", True),
            ("ARG T\nFROM busybox:$T", "busybox", False),
            ("ARG I=busybox T=1.36\nFROM ${I}:${T}", "busybox", True),
            ("ARG T=1\nARG T=1.36\nFROM busybox:$T", "busybox", True),
            ('ARG T="1.36"\nFROM busybox:$T', "busybox", True),
            ("ARG T=1.36-x\nFROM busybox:${T%-x}", "busybox", True),
            ("FROM scratch", "scratch", True),
            ("FROM scratch", "busybox", False),
            ("FROM busybox:1.36", {"not": "python"}, True),
            ("FROM python:3.12-slim", {"not": "python"}, False),
            ("FROM python:3.13-slim", {"one_of": ["busybox", "python:3.13-slim"]}, True),
            ("FROM python:3.13", {"one_of": ["busybox", "python:3.13-slim"]}, False),
            ("FROM python:3.13-alpine", {"matches": "slim|alpine"}, True),
            ("FROM python:3.13", {"matches": "slim|alpine"}, False),
            ("FROM x", "any", True),
            ("FROM python:3.12-slim AS base\nFROM base", "python", True),
            ("FROM python:3.12-slim AS base\nFROM base AS B2\nFROM b2", "python", True),
            ("FROM python:3.12-slim AS base\nFROM busybox:1.36", "python", False),
            ("FROM busybox:1.36 AS python\nFROM python", "python", False),
        ],
    )
    def test_what_it_is_made_from(self, tmp_path: Path, text: str, wanted: Any, good: bool) -> None:
        outcome = seen(tmp_path, text + "\nRUN true\n", **{"from": wanted})
        if good:
            yes(outcome)
        else:
            no(outcome, "FROM ")

    def test_scratch_has_no_tag(self, tmp_path: Path) -> None:
        told = seen(tmp_path, "FROM busybox:1.36\n", **{"from": "scratch"}).expected
        assert told == "Dockerfile should be made from scratch"

    def test_one_stage(self, tmp_path: Path) -> None:
        yes(seen(tmp_path, self.TEXT, stage="build", **{"from": "python"}))
        yes(seen(tmp_path, self.TEXT, stage="0", **{"from": "python"}))
        yes(seen(tmp_path, self.TEXT, stage="test", has=[{"run": "pytest"}, {"run": {"contains": "wheel"}}]))
        yes(seen(tmp_path, self.TEXT, stage="last", has_not=[{"run": "any"}]))
        no(seen(tmp_path, self.TEXT, stage="last", has=[{"run": "any"}]), "it has no RUN")
        no(seen(tmp_path, self.TEXT, stage="test", has_not=[{"run": {"contains": "wheel"}}]), "line 6")
        no(seen(tmp_path, self.TEXT, stage="run"), "it has 4 stages")
        no(seen(tmp_path, self.TEXT, stage="9"), "it has 4 stages")

    def test_without_a_stage_those_that_the_last_one_needs(self, tmp_path: Path) -> None:
        yes(seen(tmp_path, self.TEXT, has=[{"run": {"contains": "pip wheel"}}]))
        no(seen(tmp_path, self.TEXT, has=[{"run": {"contains": "unused"}}]), "pip wheel")
        yes(seen(tmp_path, self.TEXT, stage="any", has=[{"run": {"contains": "unused"}}]))
        no(seen(tmp_path, self.TEXT, has_not=[{"add": "any"}]), "line 5")
        yes(seen(tmp_path, self.TEXT, has_not=[{"run": "pytest"}]))
        # How it is run is what the last stage says.
        no(seen(tmp_path, self.TEXT, has=[{"user": "any"}]), "it has no USER")
        yes(seen(tmp_path, self.TEXT, stage="build", has=[{"user": "builder"}]))
        yes(seen(tmp_path, "FROM a AS b\nUSER app\nFROM b\n", has=[{"user": "app"}]))
        yes(seen(tmp_path, "FROM a AS b\nRUN x\nFROM c\nRUN --mount=from=b,target=/x y\n", has=[{"run": "x"}]))

    @pytest.mark.parametrize(
        ("line", "wanted", "good"),
        [
            ("COPY --from=build /x /", "build", True),
            ("COPY --from=BUILD /x /", "build", True),
            ("COPY --from=0 /x /", "build", True),
            ("COPY --from=0 /x /", "0", True),
            ("COPY --from=0 /x /", "any", True),
            ("COPY --from=build /x /", "none", False),
            ("COPY /x /", "none", True),
            ("COPY /x /", "build", False),
            ("COPY --from=busybox:1.36 /x /", "build", False),
            ("COPY --from=docker.io/library/busybox:1.36 /x /", "busybox", True),
            ("COPY --from=busybox /x /", "busybox", False),
            ("COPY --from=busybox /x /", {"contains": "busy"}, True),
        ],
    )
    def test_from_where_it_copies(self, tmp_path: Path, line: str, wanted: Any, good: bool) -> None:
        text = f"FROM a AS build\nRUN x\nFROM b\n{line}\n"
        outcome = seen(tmp_path, text, has=[{"copy": "/x", "from": wanted}])
        if good:
            yes(outcome)
        else:
            no(outcome, "line 4")


class TestOrder:
    ORDER = [{"copy": "requirements.txt"}, {"run": {"contains": "pip install"}}, {"brings": "app.py"}]
    REQ, PIP, APP = "COPY requirements.txt .\n", "RUN pip install -r requirements.txt\n", "COPY . .\n"

    @pytest.mark.parametrize(
        "lines",
        [
            REQ + PIP + APP,
            "WORKDIR /app\n" + REQ + "ENV A=b\n" + PIP + "RUN true\n" + APP,
            REQ + PIP + "COPY app.py .\n" + PIP,
            "ADD requirements*.txt /x/\nRUN python -m pip install -r /x/requirements.txt\nADD app.py /\n",
        ],
    )
    def test_in_order(self, tmp_path: Path, lines: str) -> None:
        yes(seen(tmp_path, ONE + lines, order=self.ORDER))

    @pytest.mark.parametrize(
        ("lines", "words"),
        [
            (APP + PIP, "COPY . ."),
            (APP + REQ + PIP, "line 2 (COPY . .) stands above line 4"),
            (APP + REQ + PIP + APP, "line 2 (COPY . .) stands above line 4"),
            (PIP + REQ + APP, "line 2 (RUN pip install -r requirements.txt) stands above line 3"),
            ("COPY requirements.txt app.py ./\n" + PIP, "line 2 (COPY requirements.txt app.py ./) stands above line 3"),
            (REQ + APP, "it has no RUN"),
            ("COPY requirements.txt .\nRUN --mount=type=bind,target=/s pip install -r /s/r\n", "both are line 3"),
        ],
    )
    def test_not_in_order(self, tmp_path: Path, lines: str, words: str) -> None:
        no(seen(tmp_path, ONE + lines, order=self.ORDER), words)

    def test_a_stage_beside_it_proves_nothing(self, tmp_path: Path) -> None:
        right, wrong = self.REQ + self.PIP + self.APP, self.APP + self.REQ + self.PIP
        no(seen(tmp_path, f"FROM a AS decoy\n{right}FROM b\nRUN x\n", order=self.ORDER), "it has no")
        no(
            seen(tmp_path, f"FROM a AS decoy\n{right}FROM b\nCOPY --from=decoy /x /\n{wrong}", order=self.ORDER),
            "above",
        )
        yes(seen(tmp_path, f"FROM a AS build\n{right}FROM b\nCOPY --from=build /x /\n", order=self.ORDER))
        yes(seen(tmp_path, f"FROM a AS base\n{self.REQ}{self.PIP}FROM base\n{self.APP}", order=self.ORDER))


class TestDockerignore:
    """What is left out of the build context comes along with nothing."""

    WANTED = [{"brings": "app/secret.env"}]  # what is asked for

    @pytest.mark.parametrize(
        ("ignore", "left_out"),
        [
            ("app/secret.env\n", True),
            ("# app\n\n*.env\n", False),
            ("**/*.env\n", True),
            ("app\n", True),
            ("/app/\n", True),
            ("./app\n", True),
            ("*\n!/app/\n", False),
            ("*\n!app\n", False),
            ("*\n!app/main.py\n", True),
            ("[\n", False),
            ("", False),
        ],
    )
    def test_beside_the_dockerfile(self, tmp_path: Path, ignore: str, left_out: bool) -> None:
        (tmp_path / ".dockerignore").write_text(ignore)
        outcome = seen(tmp_path, ONE + "COPY . .\n", has_not=self.WANTED)
        if left_out:
            yes(outcome)
        else:
            no(outcome, "line 2")

    def test_one_of_its_own_goes_before(self, tmp_path: Path) -> None:
        (tmp_path / ".dockerignore").write_text("app\n")
        (tmp_path / "Dockerfile.dockerignore").write_text("x\n")
        no(seen(tmp_path, ONE + "COPY . .\n", has_not=self.WANTED), "line 2")


class TestBroken:
    @pytest.mark.parametrize(
        ("text", "line", "reason"),
        [
            ("", 1, "no FROM"),
            ("# only a comment\n", 1, "no FROM"),
            ("ARG A\n", 1, "no FROM"),
            ("\nRUN x\nFROM a\n", 2, "RUN stands before the first FROM"),
            ("FROM a\nFORM b\n", 2, "there is no instruction FORM; FROM was probably meant"),
            ("FROM a\n\n# x\nRUN a\npip install\n", 5, "there is no instruction pip"),
            ("FROM a b\n", 1, "FROM is followed by"),
            ("FROM Busybox\n", 1, "has no capitals"),
            ("FROM a AS b\nFROM B\n", 2, "has no capitals"),
            ("FROM a AS b\nCOPY --from=0 x y\n", 2, "not a stage above"),
            ("FROM a\nRUN []\n", 2, "RUN needs something"),
            ("FROM a\nONBUILD FROM b\n", 2, "may not stand after ONBUILD"),
            ("FROM a\nSTOPSIGNAL A B\n", 2, "one signal"),
            ("FROM a\nHEALTHCHECK NONE x\n", 2, "or by NONE"),
            ("FROM a AS 1x\n", 1, "not a name for a stage"),
            ('FROM "$(x)"\nRUN a\nFROM ""\n', 3, "the image after FROM is empty"),
            ("FROM a\nCOPY x\n", 2, "COPY needs a source and a target"),
            ("FROM a\nWORKDIR\n", 2, "WORKDIR needs something"),
            ("FROM a\nCOPY --form=b x y\n", 2, "no option --form; --from was probably meant"),
            ("FROM a\nCMD --x=1 y\n", 2, "CMD has no option --x"),
            ("FROM a\nCOPY --from x y z\n", 2, "--from needs a value"),
            ("FROM a\nENV A\n", 2, "ENV must have two arguments"),
            ("FROM a\nENV A=1 b\n", 2, "find = in"),
            ("FROM a\nENV =1\n", 2, "a value without a name"),
            ("FROM a\nHEALTHCHECK wget x\n", 2, "HEALTHCHECK is followed by CMD"),
            ("FROM a\nSHELL sh\n", 2, "SHELL is followed by a list"),
            ("FROM a\nRUN <<EOF\nx\n", 2, "unterminated heredoc"),
            ('FROM a\nWORKDIR "x\n', 2, "double-quote"),
            ("FROM a\nENV A=${B!x}\n", 2, "unsupported modifier"),
            ("# escape=x\nFROM a\n", 1, "escape"),
            ("FROM a\nRUN \x00\n", 2, "it is not text"),
            ("FROM a\nRUN " + "x" * 70_000 + "\n", 2, "the line is too long"),
            ("FROM a\n" + "RUN x\n" * 30_000, 1, "larger than 128 KiB"),
        ],
    )
    def test_is_told_with_line_and_reason(self, tmp_path: Path, text: str, line: int, reason: str) -> None:
        no(seen(tmp_path, text, stages="1"), f"line {line}: ", reason)

    def test_bytes_of_a_program(self, tmp_path: Path) -> None:
        no(seen(tmp_path, bytes(range(256)) * 40), "it is not text")

    def test_none_and_a_folder(self, tmp_path: Path) -> None:
        check = msgspec.convert({"noun": "dockerfile", "dockerfile": "Dockerfile"}, Dockerfile, strict=False)
        world = World(FakeEngine(), tmp_path, Scope())
        no(check.look(world), "it is not there")
        (tmp_path / "Dockerfile").mkdir()
        no(check.look(World(FakeEngine(), tmp_path, Scope())), "it is a directory")

    def test_absent(self, tmp_path: Path) -> None:
        no(seen(tmp_path, ONE, absent="true"), "it is there")
        check = msgspec.convert({"noun": "dockerfile", "dockerfile": "x", "absent": "true"}, Dockerfile, strict=False)
        yes(check.look(World(FakeEngine(), tmp_path, Scope())))

    @pytest.mark.parametrize(
        "text",
        [
            "#a=b" + " " * 60_000 + "c\n",
            "FROM a\nRUN " + "\\ " * 30_000 + "\n",
            "FROM a\nRUN " + "<<a " * 15_000 + "\n",
            "FROM a\nENV A=" + "${B:-" * 12_000 + "\n",
            "FROM a\nENV A=" + "x" * 4000 + "\n" + "ENV A=$A$A\n" * 60,
            "FROM a\nENV A=" + "a" * 4000 + "\nENV B=${A#" + "*a" * 60 + "b}\n",
            "FROM a\n" + "ENV A=" + "$A" * 30_000 + "\n",
            "FROM a\nCOPY " + "[" * 60_000 + "\n",
            "FROM a\nLABEL " + "a=b " * 15_000 + "\n",
            "FROM a0 AS s0\n" + "".join(f"FROM s{i} AS s{i + 1}\n" for i in range(3000)),
        ],
        ids=range(10),
    )
    def test_what_is_made_to_take_long_does_not(self, tmp_path: Path, text: str) -> None:
        """Each of these takes minutes, or gigabytes, where nothing bounds it."""
        assert seen(tmp_path, text, has=[{"run": "x"}]).status is Status.UNMET

    def test_reading_never_raises(self) -> None:
        chance = random.Random(3)
        pieces = ["FROM a\n", "FROM a AS b\n", "RUN", "COPY", " ", "\\", "\n", '"', "'", "$", "${", "}", "<<E", "E\n"]
        pieces += [
            "[",
            "]",
            "--from=",
            "#",
            "# escape=`\n",
            "`",
            "ENV A=",
            "=",
            ",",
            "\t",
            "\r\n",
            "é",
            "\x7f",
            "WORKDIR ",
        ]
        broken = 0
        for _ in range(4000):
            text = "FROM a\n" + "".join(chance.choice(pieces) for _ in range(chance.randrange(12)))
            found = dockerfile.read(text)
            broken += isinstance(found, Broken)
            if isinstance(found, Broken):
                assert 1 <= found.line <= text.count("\n") + 2
                assert found.reason
        assert 500 < broken < 3900


def test_what_a_text_says(tmp_path: Path) -> None:
    found = dockerfile.read("# escape=`\nfrom a\nrun dir c:\\ `\n  && x\nCOPY a` b c\n")
    assert not isinstance(found, Broken)
    assert [(one.word, one.line, one.text) for one in found.stages[0].instructions] == [
        ("RUN", 3, "dir c:\\ && x"),
        ("COPY", 5, "a b c"),
    ]


BUILDKIT = json.loads((Path(__file__).parent / "recorded" / "buildkit-0.29.dockerfiles.json").read_text())


def test_every_sample_was_recorded() -> None:
    assert list(BUILDKIT) == list(SAMPLES)
    refused = sum(built is None for built in BUILDKIT.values())
    assert 40 < refused < len(SAMPLES) - 80


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_read_is_what_buildkit_builds(name: str) -> None:
    """What BuildKit refuses is refused, and what it builds is what was read."""
    found = dockerfile.read(SAMPLES[name])
    assert isinstance(found, Broken) == (BUILDKIT[name] is None), found
    if not isinstance(found, Broken):
        assert differences(found, BUILDKIT[name]) == {}


def test_the_readers_are_imported_only_where_they_are_used() -> None:
    code = (
        "import sys, msgspec; from dockerlearn.checks.vocabulary import NOUNS;"
        "msgspec.convert({'noun': 'dockerfile', 'dockerfile': 'D', 'has': [{'run': 'x'}]}, NOUNS['dockerfile']);"
        "msgspec.convert({'noun': 'compose', 'compose': 'c', 'services': {'a': {'image': 'x'}}}, NOUNS['compose']);"
        "readers = {'e2b_dockerfile_utils', 'yaml', 'dockerlearn.world.dockerfile', 'dockerlearn.world.compose_file'};"
        "print(readers & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"
