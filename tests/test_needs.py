"""Steps that need what is not everywhere: left out where it is not here, and steps like any other where it is."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from dockerlearn.author.prove import LEFT_OUT
from dockerlearn.cli.wiring import Wiring
from dockerlearn.course.packs import open_pack
from dockerlearn.engine.abilities import Abilities, Need
from dockerlearn.engine.condition import Condition, read
from dockerlearn.errors import LessonError, NoEngine
from dockerlearn.ui.line import LineMode
from dockerlearn.ui.view import View
from tests.cli_support import Ended, Learner

COMPOSE = "It needs docker compose, which is not installed here."
LIMITS = "It needs control groups (to limit, pause and measure), which this engine cannot use."

CLIENT = """#!/bin/sh
echo "$*" >> "{log}"
case "$*" in
--version) echo "Docker version {version}, build 1";;
{plugins}
*) exit 1;;
esac
"""


@pytest.fixture
def learner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Learner:
    # The prover plays commands with the PATH of the process.
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    learner = Learner(tmp_path, tmp_path / "pack")
    install(tmp_path)
    return learner


def install(folder: Path, *plugins: str, version: str = "28.5.2") -> Path:
    """Put a docker client with these plugins into ``folder``'s ``bin``; return where it notes what it is asked."""
    (folder / "bin").mkdir(exist_ok=True)
    log, program = folder / "asked", folder / "bin" / "docker"
    log.write_text("")
    lines = "\n".join(f'"{name} version") echo "v2.40.3";;' for name in plugins)
    program.write_text(CLIENT.format(log=log, version=version, plugins=lines))
    program.chmod(0o755)
    return log


def write(learner: Learner, **lessons: dict[str, str]) -> None:
    """Write a pack: of each lesson the steps and what they need, "" for nothing. Each step is a file to make."""
    pack = Path(learner.environ["DOCKERLEARN_PACK"])
    pack.mkdir()
    (pack / "pack.yaml").write_text(f"format: 1\nid: n\ntitle: Needs\nlessons: [{', '.join(lessons)}]\n")
    for lesson, steps in lessons.items():
        (pack / lesson).mkdir()
        text = f"title: All of {lesson}\nlevel: foundation\nsummary: S.\nminutes: 5\nsteps:\n"
        for step, needs in steps.items():
            text += f"  - id: {step}\n    title: Do {step}\n    task: Write {step}.\n"
            text += f"    needs: [{needs}]\n" if needs else ""
            text += f"    setup: [{{file: {step}, absent: true}}]\n"
            text += f"    check: [{{file: {step}, content: {{contains: x}}}}]\n"
            text += f"    hints: [Do.]\n    solution: echo x > {step}\n"
        (pack / lesson / "lesson.yaml").write_text(text)


def do(learner: Learner, step: str) -> None:
    """Do what a step asks for."""
    lesson, _, name = step.partition("/")
    (Path(learner.environ["DOCKERLEARN_WORKSPACE"]) / lesson / name).write_text("x\n")


def go(learner: Learner, *words: str) -> tuple[str | None, str]:
    """Make a move; return the step that it leads to and what is said beside it."""
    ended = learner(*words, "--json", code=0)
    told = ended.json
    place = told.get("place", told)
    return (place["step"] if place else None), ended.told


def statuses(ended: Ended) -> list[str]:
    told = ended.json
    rows = told.get("lessons") or [told]
    return [step["status"] for row in rows for step in row["steps"]]


# What is here


def abilities(folder: Path, says: Condition | None = None, environ: dict[str, str] | None = None) -> Abilities:
    class Engine:
        def condition(self) -> Condition:
            assert says is not None
            return says

    given: Callable[[], Engine] | None = Engine if says is not None else None
    return Abilities(given, {"PATH": str(folder / "bin"), **(environ or {})})  # type: ignore[arg-type]  # asked nothing else


@pytest.mark.parametrize("need", ["compose", "buildx"])
def test_a_plugin_is_here_when_it_answers(tmp_path: Path, need: Need) -> None:
    install(tmp_path, need)
    assert abilities(tmp_path).lacking([need]) == ""
    install(tmp_path, "another")
    assert abilities(tmp_path).lacking([need]) == f"docker {need}, which is not installed here"
    (tmp_path / "bin" / "docker").unlink()
    assert abilities(tmp_path).lacking([need]) == f"docker {need}, which is not installed here"


@pytest.mark.parametrize(
    ("version", "plugins", "environ", "there"),
    [
        ("28.5.2", ["buildx"], {}, True),
        ("28.5.2", [], {}, False),
        ("28.5.2", ["buildx"], {"DOCKER_BUILDKIT": "0"}, False),
        ("28.5.2", [], {"DOCKER_BUILDKIT": "1"}, False),
        ("20.10.24", ["buildx"], {}, False),
        ("20.10.24", [], {"DOCKER_BUILDKIT": "1"}, True),
    ],
)
def test_buildkit_is_here_where_docker_build_uses_it(
    tmp_path: Path, version: str, plugins: list[str], environ: dict[str, str], *, there: bool
) -> None:
    install(tmp_path, *plugins, version=version)
    told = "" if there else "BuildKit, which docker build does not use here"
    assert abilities(tmp_path, None, environ).lacking(["buildkit"]) == told
    assert abilities(tmp_path, Condition(), environ).lacking(["buildkit"]) == told
    assert abilities(tmp_path, Condition(podman=True), environ).lacking(["buildkit"]) != ""


def test_of_podmans_client_and_one_that_says_nothing_plugins_are_not_known(tmp_path: Path) -> None:
    install(tmp_path)
    for answer in ("echo podman version 4.3.1", "exit 1"):
        (tmp_path / "bin" / "docker").write_text(f"#!/bin/sh\n{answer}\n")
        assert abilities(tmp_path).lacking(["compose", "buildx"]) == ""


@pytest.mark.parametrize(
    ("need", "has", "has_not", "told"),
    [
        (
            "cgroup",
            {"MemoryLimit": True},
            {"MemoryLimit": False},
            "control groups (to limit, pause and measure), which this engine cannot use",
        ),
        (
            "amd64",
            {"Architecture": "x86_64"},
            {"Architecture": "aarch64"},
            "an engine on amd64, and this one is on arm64",
        ),
        ("arm64", {"Architecture": "arm64"}, {"Architecture": "amd64"}, "an engine on arm64, and this one is on amd64"),
        (
            "dangling",
            {"DriverStatus": [["Backing Filesystem", "extfs"]]},
            {"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]},
            "images that stay when they lose their name, which this engine's image store removes",
        ),
    ],
)
def test_what_the_engine_can_is_told_by_its_info(
    tmp_path: Path, need: Need, has: dict[str, object], has_not: dict[str, object], told: str
) -> None:
    assert abilities(tmp_path, read(has, {})).lacking([need]) == ""
    assert abilities(tmp_path, read(has_not, {})).lacking([need]) == told
    # What it does not tell, and what nobody is there to ask for, is no reason to leave a step out.
    assert abilities(tmp_path, read({}, {})).lacking([need]) == ""
    assert abilities(tmp_path).lacking([need]) == ""


@pytest.mark.parametrize(
    ("need", "told"),
    [
        ("events", "docker events with an end, to which Podman answers nothing"),
        ("owner", "new volumes that are root's, which Podman gives to the user of the first container"),
        ("ports", "ports below 1024 for users who are not root, which Podman leaves to root"),
        ("rotation", "logs in more than one file, of which Podman keeps the last one"),
    ],
)
def test_what_podman_does_not_have(tmp_path: Path, need: Need, told: str) -> None:
    assert abilities(tmp_path, Condition()).lacking([need]) == ""
    assert abilities(tmp_path, Condition(podman=True)).lacking([need]) == told


def test_old_podmans_kill_at_once(tmp_path: Path) -> None:
    """Seen on 4.3.1; ``docker stop`` without ``-t`` of what came by Docker's API."""
    for version, told in (
        ("4.3.1", "a docker stop that gives time to end, which Podman has from 4.7"),
        ("4.7.0", ""),
        ("5.8.2-rc1", ""),
        ("", ""),
    ):
        assert abilities(tmp_path, read({}, {"Version": version}, podman=True)).lacking(["grace"]) == told
    assert abilities(tmp_path, read({}, {"Version": "1.13.1"})).lacking(["grace"]) == ""


def test_all_that_is_not_here_is_told(tmp_path: Path) -> None:
    install(tmp_path)
    found = abilities(tmp_path, Condition(limits=False))
    assert found.lacking(["compose", "cgroup", "dangling"]) == (
        "docker compose, which is not installed here, and control groups (to limit, pause and measure), which this "
        "engine cannot use"
    )


def test_nothing_is_asked_for_nothing(learner: Learner, tmp_path: Path) -> None:
    log = install(tmp_path)
    write(learner, one={"a": "", "b": ""}, two={"c": ""})
    go(learner, "start")
    do(learner, "one/a")
    go(learner, "next")
    go(learner, "back")
    learner("check", "lesson", code=1)
    learner("lessons", code=0)
    assert log.read_text() == ""
    assert "condition" not in learner.engine.calls


# The loader


def test_what_nobody_can_find_out_is_refused(learner: Learner) -> None:
    write(learner, one={"a": "compse"})
    with pytest.raises(LessonError) as raised:
        open_pack(Path(learner.environ["DOCKERLEARN_PACK"])).lesson("one")
    assert "steps[0].needs[0]" in raised.value.problems[0]
    assert "did you mean compose?" in raised.value.problems[0]


# Moves


def test_next_passes_over_it_and_back_too(learner: Learner) -> None:
    write(learner, one={"a": "", "b": "compose", "c": "cgroup", "d": ""})
    learner.engine.says = replace(learner.engine.says, limits=False)
    go(learner, "start")
    do(learner, "one/a")
    at, told = go(learner, "next")
    assert at == "one/d"
    assert f"Left out: Do b. {COMPOSE}" in told
    assert f"Left out: Do c. {LIMITS}" in told
    at, told = go(learner, "back")
    assert at == "one/a"
    assert COMPOSE in told


def test_nothing_is_passed_over_where_it_is_here(learner: Learner, tmp_path: Path) -> None:
    install(tmp_path, "compose")
    write(learner, one={"a": "", "b": "compose", "c": "cgroup"})
    go(learner, "start")
    do(learner, "one/a")
    assert go(learner, "next") == ("one/b", "")
    do(learner, "one/b")
    assert go(learner, "next") == ("one/c", "")
    assert go(learner, "back") == ("one/b", "")


def test_skip_passes_over_it(learner: Learner) -> None:
    write(learner, one={"a": "", "b": "compose", "c": ""})
    go(learner, "start")
    assert go(learner, "skip")[0] == "one/c"


def test_start_passes_over_it_at_the_beginning_and_anew(learner: Learner) -> None:
    write(learner, one={"a": "compose", "b": ""})
    at, told = go(learner, "start")
    assert at == "one/b"
    assert f"Left out: Do a. {COMPOSE}" in told
    assert go(learner, "start", "one")[0] == "one/b"
    assert go(learner, "start", "one", "--anew")[0] == "one/b"
    ended = learner("back", code=2)
    assert "one/b is the first step of its lesson that can be done here." in ended.told


def test_by_its_name_one_goes_there_anyway_and_is_told(learner: Learner) -> None:
    write(learner, one={"a": "", "b": "compose", "c": ""})
    at, told = go(learner, "start", "one/b")
    assert at == "one/b"
    assert f"Left out: Do b. {COMPOSE}" in told
    learner("check", code=1)
    # Coming back later, there is something better to do.
    at, told = go(learner, "start")
    assert at == "one/c"
    assert COMPOSE in told


def test_what_is_installed_meanwhile_is_seen(learner: Learner, tmp_path: Path) -> None:
    write(learner, one={"a": "", "b": "compose"}, two={"c": ""})
    go(learner, "start")
    do(learner, "one/a")
    assert go(learner, "next")[0] == "two/c"
    install(tmp_path, "compose")
    assert go(learner, "start", "one") == ("one/b", "")


def test_what_was_passed_is_not_left_out(learner: Learner, tmp_path: Path) -> None:
    install(tmp_path, "compose")
    write(learner, one={"a": "", "b": "compose", "c": "compose"})
    go(learner, "start")
    for step in ("one/a", "one/b"):
        do(learner, step)
        go(learner, "next")
    install(tmp_path)
    assert go(learner, "back") == ("one/b", "")
    assert go(learner, "back") == ("one/a", "")
    assert go(learner, "next") == ("one/b", "")
    assert statuses(learner("lessons", "--json")) == ["passed", "passed", "left out"]


def test_a_lesson_that_is_passed_begins_again_where_something_was_done(learner: Learner, tmp_path: Path) -> None:
    install(tmp_path, "compose")
    write(learner, one={"a": "compose", "b": "compose"})
    go(learner, "start")
    do(learner, "one/a")
    learner("check", code=0)
    install(tmp_path)
    at, told = go(learner, "start", "one")
    assert at == "one/a"
    assert "Left out: Do b." in told
    assert "Do a" not in told


def test_start_goes_on_with_the_next_lesson_where_the_rest_is_left_out(learner: Learner) -> None:
    write(learner, one={"a": "", "b": "compose"}, two={"c": "compose", "d": ""})
    go(learner, "start")
    do(learner, "one/a")
    learner("check", code=0)
    at, told = go(learner, "start")
    assert at == "two/d"
    assert f"Left out: Do c. {COMPOSE}" in told
    go(learner, "start", "one/a")
    do(learner, "one/a")
    assert go(learner, "next")[0] == "two/d"


def test_a_lesson_ends_with_what_is_left_out(learner: Learner) -> None:
    write(learner, one={"a": "", "b": "compose"}, two={"c": ""})
    go(learner, "start")
    do(learner, "one/a")
    ended = learner("next", "--json", code=0)
    assert ended.json["finished"] == "one"
    assert ended.json["place"]["step"] == "two/c"
    do(learner, "two/c")
    assert go(learner, "next")[0] is None
    # All is done that can be done: there is nothing to go on with but what was done.
    assert go(learner, "start")[0] == "two/c"


def test_a_lesson_of_which_nothing_can_be_done_is_passed_over_with_one_sentence(learner: Learner) -> None:
    write(learner, one={"a": ""}, two={"b": "compose", "c": "compose"}, three={"d": ""})
    go(learner, "start")
    do(learner, "one/a")
    at, told = go(learner, "next")
    assert at == "three/d"
    assert told.count("Left out: ") == 1
    assert f"Left out: All of two. {COMPOSE}" in told
    at, told = go(learner, "start", "two")
    assert at == "two/b"
    assert f"Left out: Do b. {COMPOSE}" in told


def test_at_a_prompt_it_is_said_before_the_step_that_comes_instead(learner: Learner) -> None:
    write(learner, one={"a": "", "b": "compose", "c": ""})
    shown = io.StringIO()
    wiring = Wiring(View(shown, shown), environ=learner.environ, engine=learner.connect)
    lines = iter(["echo x > a", "", "exit"])
    LineMode(wiring.session, wiring.view, learner.environ, lambda _: next(lines)).run(wiring.session.start())
    wiring.close()
    told = " ".join(shown.getvalue().split())
    assert told.index(f"Left out: Do b. {COMPOSE}") < told.index("Write c.")
    assert "Write b." not in told


# What is told of it


def test_check_lesson_and_course_do_not_count_it(learner: Learner) -> None:
    write(learner, one={"a": "", "b": "compose", "c": "cgroup"}, two={"d": "compose"})
    learner.engine.says = replace(learner.engine.says, limits=False)
    go(learner, "start")
    assert statuses(learner("check", "lesson", "one", "--json", code=1)) == ["open", "left out", "left out"]
    do(learner, "one/a")
    ended = learner("check", "lesson", "one", "--json", code=0)
    assert statuses(ended) == ["passed", "left out", "left out"]
    assert ended.json["passed"] is True
    ended = learner("check", "course", "--json", code=0)
    assert ended.json["passed"] is True
    assert [row["passed"] for row in ended.json["lessons"]] == [True, False]
    learner("check", "course", code=0)
    # Nothing of it was done, so it is not passed either.
    assert learner("check", "lesson", "two", "--json", code=1).json["passed"] is False


def test_check_lesson_counts_it_where_it_is_here(learner: Learner, tmp_path: Path) -> None:
    install(tmp_path, "compose")
    write(learner, one={"a": "", "b": "compose", "c": "cgroup"})
    go(learner, "start")
    do(learner, "one/a")
    ended = learner("check", "lesson", "one", "--json", code=1)
    assert statuses(ended) == ["passed", "new", "new"]
    assert ended.json["passed"] is False


def test_an_engine_that_cannot_be_asked_leaves_it_open(learner: Learner) -> None:
    write(learner, one={"a": "", "b": "cgroup"})
    go(learner, "start")
    do(learner, "one/a")
    learner("check", code=0)

    def gone() -> None:
        raise NoEngine("No engine.", "dockerlearn doctor")

    learner.connect = gone  # type: ignore[assignment]  # it never returns
    ended = learner("check", "lesson", "one", "--json", code=3)
    assert statuses(ended) == ["passed", "new"]


def test_lessons_asks_the_client_and_no_engine(learner: Learner, tmp_path: Path) -> None:
    write(learner, one={"a": "", "b": "compose", "c": "cgroup"})
    learner.engine.says = replace(learner.engine.says, limits=False)
    assert statuses(learner("lessons", "--json")) == ["new", "left out", "new"]
    assert "Do b (left out)" in learner("lessons").out
    assert statuses(learner("lessons", "one", "--json")) == ["new", "left out", "new"]
    log = install(tmp_path)
    learner("progress", code=0)
    assert log.read_text() == ""
    assert learner.engine.calls == []


# The prover


def prove(learner: Learner, *more: str, code: int) -> Ended:
    return learner("author", "prove", learner.environ["DOCKERLEARN_PACK"], "--yes", *more, code=code)


def test_the_proof_leaves_it_out_and_says_so(learner: Learner, tmp_path: Path) -> None:
    write(learner, one={"a": "", "b": "compose"}, two={"c": ""})
    told = prove(learner, "--json", "--junit", str(tmp_path / "out.xml"), code=0).json
    claims = [claim for row in told["lessons"] for claim in row["claims"] if claim["step"] == "one/b"]
    assert [(claim["claim"], claim["held"], claim["why"]) for claim in claims] == [
        (LEFT_OUT, None, "Left out: it needs docker compose, which is not installed here.")
    ]
    steps = {step["step"]: step["held"] for row in told["lessons"] for step in row["steps"]}
    assert steps == {"one/a": True, "one/b": None, "one": True, "two/c": True, "two": True}
    root = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert (root.get("skipped"), root.get("failures")) == ("1", "0")
    (case,) = [case for case in root.iter("testcase") if case.get("classname") == "one.b"]
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.get("message") == claims[0]["why"]


def test_the_proof_says_it_in_words(learner: Learner) -> None:
    write(learner, one={"a": "", "b": "compose"})
    ended = prove(learner, code=0)
    assert f"– one/b {LEFT_OUT}" in " ".join(ended.out.split())
    assert "Left out: it needs docker compose, which is not installed here." in ended.out
    assert "all hold, and 1 step left out" in ended.out


def test_the_proof_plays_it_where_it_is_here(learner: Learner, tmp_path: Path) -> None:
    install(tmp_path, "compose")
    write(learner, one={"a": "", "b": "compose"})
    told = prove(learner, "--json", code=0).json
    claims = [claim for claim in told["lessons"][0]["claims"] if claim["step"] == "one/b"]
    assert "the solution passes, in silence until then" in [claim["claim"] for claim in claims]
    assert all(claim["held"] is True for claim in claims)


def test_a_step_that_falls_is_not_hidden_by_one_left_out(learner: Learner) -> None:
    write(learner, one={"a": "", "b": "compose"})
    file = Path(learner.environ["DOCKERLEARN_PACK"]) / "one" / "lesson.yaml"
    file.write_text(file.read_text().replace("echo x > a", "echo x > z"))
    assert prove(learner, "--json", code=1).json["held"] is False
