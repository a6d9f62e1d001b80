"""``author`` on an engine: what ``author new`` makes is proven as it is, and weak checks are found out by cheats."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dockerlearn.author.prove import Proved, Prover
from dockerlearn.course.packs import open_pack
from dockerlearn.engine import processes
from dockerlearn.engine.api import EngineApi
from tests.live.conftest import Docker
from tests.live.lessons import Learner


def test_a_new_lesson_is_proven_and_nothing_of_its_check_could_be_left_out(learner: Learner, tmp_path: Path) -> None:
    pack = tmp_path / "shop"
    assert learner("author", "new", "shop", "--in", str(tmp_path)).returncode == 0
    assert learner("author", "lint", str(pack)).returncode == 0
    done = learner(
        "author",
        "prove",
        str(pack),
        "--yes",
        "--junit",
        str(tmp_path / "proof.xml"),
        "--seed",
        "1",
        "--mutate",
        "--json",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = json.loads(done.stdout)["lessons"]
    loosened = {f"{one['field']} {one['change']}": one["noticed"] for one in told["loosened"]}
    assert set(loosened) == {"running dropped", "image dropped", "logs dropped", "logs loosened to any"}
    assert loosened["image dropped"] == "cheat: dl-hello from another image"
    assert loosened["logs dropped"] == "mistake 'it says nothing'"
    cases = ElementTree.parse(tmp_path / "proof.xml").findall("./testsuite/testcase")
    claims = {(case.get("classname"), case.get("name")) for case in cases}
    assert {
        ("hello.run", "mistake 'it ended at once'"),
        ("hello.run", "the prediction is true"),
        ("hello.run", "starting it afresh brings back the start"),
        ("hello.run", "cheats do not pass: dl-hello paused"),
        ("hello.said", "wrong answers are refused"),
        ("hello.which", "the solution passes, in silence until then"),
        ("hello", "cleaning leaves nothing"),
    } <= claims


WEAK = """title: Weak
level: foundation
summary: Checks that too much passes.
minutes: 5
steps:
  - id: loop
    title: A loop
    setup: [{container: dl-loop, absent: true}]
    task: Run `while true; do date; sleep 1; done` in a container dl-loop from busybox:1.36.
    check: [{container: dl-loop, user: ""}]
    hints: [h]
    solution: docker run -d --name dl-loop busybox:1.36 sh -c 'while true; do date; sleep 1; done'
  - id: page
    title: A page
    setup: [{container: dl-web, absent: true}]
    task: Serve something at port 18099.
    check: [{http: "dl-web:80"}, {container: dl-web, running: true, status: running}]
    hints: [h]
    solution: docker run -d --name dl-web -p 18099:80 busybox:1.36 httpd -f -h /etc
  - id: image
    title: An image
    setup: [{image: "dl-copy:v1", absent: true}, {file: note, content: ""}]
    task: Give busybox:1.36 a name, and write a note.
    check: [{image: "dl-copy:v1"}, {file: note, kind: file}, {file: note, content: any}]
    hints: [h]
    solution: |
      docker tag busybox:1.36 dl-copy:v1
      echo done > note
"""

FALLEN = {
    "weak/loop  cheats do not pass: dl-loop paused",
    "weak/loop  cheats do not pass: dl-loop only created",
    "weak/loop  cheats do not pass: dl-loop crashes after a moment",
    "weak/loop  cheats do not pass: dl-loop with another command",
    "weak/loop  cheats do not pass: dl-loop from another image",
    "weak/image  cheats do not pass: an empty image called dl-copy:v1",
}

HELD = {
    "weak/page  cheats do not pass: dl-web paused",
    "weak/page  cheats do not pass: dl-web only created",
    "weak/page  cheats do not pass: dl-web crashes after a moment",
    "weak/page  cheats do not pass: dl-web with another command",
    "weak/page  cheats do not pass: a server beside dl-web",
    "weak/image  cheats do not pass: note empty",
}


def pack_of(folder: Path, lesson: str, text: str) -> Path:
    """Write a pack of one lesson, which may use busybox."""
    pack = folder / "pack"
    (pack / lesson).mkdir(parents=True)
    (pack / lesson / "lesson.yaml").write_text(text)
    (pack / "pack.yaml").write_text(
        f"format: 1\nid: w\ntitle: W\nlessons: [{lesson}]\nimages: {{busybox: busybox:1.36}}\n"
    )
    return pack


def test_a_check_that_too_much_passes_is_found_out(
    engine: Callable[[], EngineApi], docker: Docker, tmp_path: Path
) -> None:
    pack = pack_of(tmp_path, "weak", WEAK)
    told: list[Proved] = []
    prover = Prover(open_pack(pack), engine, docker.host, tmp_path / "place", told=told.append, mutate=True)
    prover.prove("weak", only="cheats")
    cheats = {f"{one.step}  {one.claim}": one for one in told if "cheats do not pass:" in one.claim}
    assert {name for name, one in cheats.items() if not one.held} == FALLEN, told
    assert {name for name, one in cheats.items() if one.held} >= HELD
    assert all("the step passes" in one.why for one in cheats.values() if not one.held)
    # Of two fields that ask for the same, neither is missed; what a cheat shows is.
    noticed = {f"{one.step} {one.check}: {one.field}": one.noticed for one in prover.loosened}
    assert noticed["weak/page check[1] container dl-web: running"] is None
    assert noticed["weak/page check[1] container dl-web: status"] is None
    assert noticed["weak/page check[0] http dl-web:80: "] == "cheat: dl-web with another command"
    assert noticed["weak/image check[2] file note: content"] == "cheat: note empty"


HIDDEN = """title: Hidden
level: foundation
summary: One wrong answer hides another one, and one cannot be read.
minutes: 5
steps:
  - id: word
    title: A word
    task: Which colour has the sky?
    answer:
      equals: blue
      wrong: [{matches: ^b, try: brown, say: It begins so.}, {equals: black, say: At night.}]
    hints: [h]
    solution: dockerlearn answer blue
  - id: right
    title: Another word
    task: Which colour has the grass?
    answer: {equals: green, wrong: [{matches: ^gr, try: Green., say: It begins so.}]}
    hints: [h]
    solution: dockerlearn answer green
  - id: gone
    title: An address
    setup: [{container: dl-web, image: busybox, command: [sleep, "60"]}]
    task: What is its address?
    answer: {from: {container: dl-web, field: ip}, wrong: [{from: {container: dl-web, field: "port:80/tcp"}, say: No.}]}
    hints: [h]
    solution: dockerlearn answer "$(docker exec dl-web hostname -i)"
"""


def test_a_wrong_answer_that_is_never_told_as_meant_is_found_out(
    engine: Callable[[], EngineApi], docker: Docker, tmp_path: Path
) -> None:
    pack = pack_of(tmp_path, "hidden", HIDDEN)
    proved = Prover(open_pack(pack), engine, docker.host, tmp_path / "place").prove("hidden", only="wrong answers")
    assert {one.step: one.why for one in proved if one.fell} == {
        "hidden/word": "the wrong answer 'black' is told: It begins so.",
        "hidden/right": "the wrong answer 'Green.' is taken as right",
        "hidden/gone": "there is nothing to read for the wrong answer of which is said: No.",
    }


def test_steps_are_proven_at_the_same_time_on_engines_of_their_own(learner: Learner, tmp_path: Path) -> None:
    """And nothing of those engines stays: no process, no mount, nothing on the engine that was there."""
    assert learner("author", "new", "shop", "--in", str(tmp_path)).returncode == 0
    file = tmp_path / "shop" / "hello" / "lesson.yaml"
    # Two quick steps; that of the template with its mistakes and cheats takes long.
    text = file.read_text()
    file.write_text(text[: text.index("  - id: run\n")] + text[text.index("  - id: said\n") :])
    done = learner("author", "prove", str(tmp_path / "shop"), "--yes", "--jobs", "2", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert (told["held"], told["jobs"]) == (True, 2)
    assert [step["step"] for step in told["lessons"][0]["steps"]] == ["hello/said", "hello/which", "hello"]
    assert "on 2 practice engines" in " ".join(done.stderr.split())
    home = Path(learner.environment["DOCKERLEARN_HOME"])
    assert list(home.glob("prove-*")) == []
    assert processes.naming([home], ("dockerd", "containerd", "python", "python3")) == []
    assert str(home) not in Path("/proc/self/mountinfo").read_text()


BROKEN_NEXT = """title: Next
level: foundation
summary: What the next step does with what a way has left.
minutes: 5
steps:
  - id: run
    title: Run one
    setup: [{container: dl-job, absent: true}]
    task: Run a container dl-job from busybox:1.36 that keeps running.
    check: [{container: dl-job, running: true}]
    hints: [h]
    solution: docker run -d --name dl-job busybox:1.36 sleep 600
  - id: mend
    title: Mend it
STEP    setup: [{container: dl-job, image: "busybox:1.36", command: [sleep, "700"], user: nobody, ITEM}]
    task: Run dl-job as root.
    check: [{container: dl-job, running: true, user: {one_of: ["", root]}}]
    hints: [h]
    solution: docker rm -f dl-job && docker run -d --name dl-job busybox:1.36 sleep 600
"""


@pytest.mark.parametrize(
    ("step", "item", "held"), [("", "running: true", False), ("", "fresh: true", True), ("    fresh: true\n", "", True)]
)
def test_the_next_step_may_not_make_anew_what_a_way_left_unless_it_says_so(
    engine: Callable[[], EngineApi], docker: Docker, tmp_path: Path, step: str, item: str, *, held: bool
) -> None:
    pack = tmp_path / "pack"
    (pack / "next").mkdir(parents=True)
    text = BROKEN_NEXT.replace("STEP", step).replace(", ITEM", f", {item}" if item else "")
    (pack / "next" / "lesson.yaml").write_text(text)
    (pack / "pack.yaml").write_text("format: 1\nid: n\ntitle: N\nlessons: [next]\nimages: {busybox: busybox:1.36}\n")
    prover = Prover(open_pack(pack), engine, docker.host, tmp_path / "place", cheat=False)
    claims = {claim.claim: claim for claim in prover.prove("next", ("run",))}
    follows = claims["the next step follows the solution"]
    assert follows.held is held, follows
    assert ("say fresh: true" in follows.why) is not held
