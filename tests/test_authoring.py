"""``author``: what is meant by a path, lint, preview, schema, and a proof as the command line tells it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dockerlearn.author.prove import Proved, Prover
from dockerlearn.author.report import LessonProof, junit
from dockerlearn.author.target import Target, find
from dockerlearn.course import schema
from dockerlearn.course.packs import open_pack
from dockerlearn.errors import EngineSilent, UsageError
from tests.cli_support import PACK, Ended, Learner
from tests.fake_engine import FakeEngine, make_image

PACKS = PACK.parent
GOOD, BROKEN = PACKS / "good", PACKS / "broken"


MISTAKE = """    mistakes:
      - name: another word
        when: [{file: page.txt, content: {contains: bye}}]
        say: It says bye. It should say hello.
        try: echo bye > page.txt
"""


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    return Learner(tmp_path)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack with one lesson, which needs no container: what is to be done in it is a file."""
    folder = tmp_path / "pack"
    shutil.copytree(PACK / "two", folder / "two")
    file = folder / "two" / "lesson.yaml"
    file.write_text(file.read_text() + MISTAKE)
    (folder / "pack.yaml").write_text("format: 1\nid: files\ntitle: Files\nlessons: [two]\n")
    (folder / "two" / "files").mkdir(exist_ok=True)
    (folder / "two" / "files" / "page.txt").write_text("empty\n")
    return folder


# What is meant


def test_a_folder_or_file_is_a_pack_or_a_lesson_of_it(tmp_path: Path) -> None:
    assert find(str(GOOD), tmp_path, None) == Target(GOOD)
    assert find("good", PACKS, None) == Target(GOOD)
    assert find("pack.yaml", GOOD, None) == Target(GOOD)
    assert find(None, GOOD, None) == Target(GOOD)
    assert find("first", GOOD, None) == Target(GOOD, "first")
    assert find("first/lesson.yaml", GOOD, None) == Target(GOOD, "first")
    assert find(None, GOOD / "first", None) == Target(GOOD, "first")
    assert find(".", GOOD / "first", None) == Target(GOOD, "first")


def test_a_name_is_looked_for_in_the_pack_around_and_then_in_the_other(tmp_path: Path) -> None:
    assert find("first/boil", GOOD, PACK) == Target(GOOD, "first", "boil")
    assert find("second", GOOD / "first", PACK) == Target(GOOD, "second")
    assert find("one/cup", tmp_path, PACK) == Target(PACK, "one", "cup")
    assert find(None, tmp_path, PACK) == Target(PACK)


@pytest.mark.parametrize("text", [None, ".", "./nowhere", "/nonexistent", "lesson.yaml", "nowhere/"])
def test_what_is_neither_is_refused(tmp_path: Path, text: str | None) -> None:
    with pytest.raises(UsageError):
        find(text, tmp_path, None)


def test_a_lesson_without_a_pack_is_told_so(tmp_path: Path) -> None:
    shutil.copytree(GOOD / "first", tmp_path / "first")
    with pytest.raises(UsageError, match="belongs to no pack"):
        find("first", tmp_path, None)


# Lint


def test_lint_of_a_pack_in_order_ends_with_0(learner: Learner, pack: Path) -> None:
    ended = learner("author", "lint", str(pack), code=0)
    assert (ended.out, ended.err) == ("", "1 lesson: nothing to object to.\n")


def test_lint_tells_every_problem_with_its_place_and_ends_with_2(learner: Learner) -> None:
    ended = learner("author", "lint", str(BROKEN), code=2)
    lines = ended.out.splitlines()
    assert any(line.endswith("steps[0].check[0].runing: unknown key; did you mean running?") for line in lines)
    assert all("/broken/faults/lesson.yaml:" in line for line in lines)
    assert ended.err.startswith("2 lessons: ")
    told = learner("author", "lint", str(BROKEN), "--json", code=2).json
    assert set(told) == {"lessons", "problems"}
    assert told["lessons"] == ["faults", "fine"]
    assert len(told["problems"]) == len(lines)
    assert set(told["problems"][0]) == {"file", "line", "column", "path", "message", "suggestion", "rule"}


def test_lint_of_one_lesson_leaves_the_others_out(learner: Learner) -> None:
    learner("author", "lint", str(BROKEN / "fine"), code=0)
    learner("author", "lint", str(BROKEN / "faults"), code=2)


def test_a_wrong_pack_does_not_hide_its_lessons(learner: Learner, pack: Path) -> None:
    (pack / "pack.yaml").write_text("format: 1\nid: Files\ntitle: Files\nlessons: [two, three]\n")
    shutil.copytree(pack / "two", pack / "four")
    for lesson in ("two", "four"):
        (pack / lesson / "lesson.yaml").write_text(
            "title: Two\nlevel: foundation\nsummary: s\nminutes: soon\nsteps: []\n"
        )
    told = learner("author", "lint", str(pack), "--json", code=2).json
    said = [f"{problem['file'].partition('/pack/')[2]} {problem['path']}" for problem in told["problems"]]
    assert told["lessons"] == ["two", "four"]
    assert {"pack.yaml id", "pack.yaml lessons[1]", "pack.yaml lessons"} <= set(said)
    assert {"two/lesson.yaml minutes", "four/lesson.yaml minutes"} <= set(said)


def test_a_lesson_that_is_not_there_is_wrong_usage(learner: Learner) -> None:
    learner.environ["DOCKERLEARN_PACK"] = str(GOOD)
    assert "did you mean first?" in learner("author", "lint", "frist", code=2).err
    assert learner("author", "lint", "first/nothing", code=0).code == 0  # a lesson is linted as a whole
    learner("author", "preview", "first/nothing", code=2)


# Preview


def test_preview_shows_what_a_learner_sees_and_what_is_behind_it(learner: Learner) -> None:
    ended = learner("author", "preview", str(GOOD / "first"), code=0)
    for told in (
        "Boil water", "A kettle is a container with a heater.", "step 2 of 5", "It boils (right)", "It does not.",
        "Run a kettle as `dl-kettle`, reachable at port 8080.", "Hint 2 of 2", "Also right",
        "docker run -d --name dl-kettle -p 8080:80 busybox:1.36 sleep 60", "Mistake: ports swapped",
        "Mistake: not published (told unasked)", "undone by:", "Answer", "read from the engine", "container dl-cup",
        "Which cup is hot?", "Water boils.",
    ):  # fmt: skip
        assert told in ended.out, told
    assert learner.engine.calls == []


def test_preview_of_a_step_shows_no_other(learner: Learner) -> None:
    ended = learner("author", "preview", str(GOOD / "first"), "--step", "which", code=0)
    assert "Which cup is hot?" in ended.out
    assert "Water boils." not in ended.out
    told = learner("author", "preview", str(GOOD / "first"), "--step", "which", "--json", code=0).json
    assert [(lesson["id"], [step["id"] for step in lesson["steps"]]) for lesson in told["lessons"]] == [
        ("first", ["which"])
    ]


def test_preview_of_a_lesson_that_is_wrong_says_why(learner: Learner) -> None:
    assert "unknown key" in learner("author", "preview", str(BROKEN / "faults"), code=2).err
    assert "needs a lesson" in learner("author", "preview", str(GOOD), "--step", "boil", code=2).err


# Schema


def test_schema_prints_one_or_writes_both(learner: Learner, tmp_path: Path) -> None:
    assert json.loads(learner("author", "schema", code=0).out) == schema.schemas()["lesson.schema.json"]
    assert json.loads(learner("author", "schema", "pack", code=0).out) == schema.schemas()["pack.schema.json"]
    learner("author", "schema", "--into", str(tmp_path), code=0)
    for name, made in schema.schemas().items():
        assert (tmp_path / name).read_text() == schema.text(made)
    learner("author", "schema", "--into", str(tmp_path / "nowhere"), code=2)
    learner("author", "schema", "lessons", code=2)


# Prove


def prove(learner: Learner, pack: Path, *more: str, code: int) -> Ended:
    return learner("author", "prove", str(pack), "--yes", *more, code=code)


def spoil(pack: Path, before: str, after: str) -> None:
    file = pack / "two" / "lesson.yaml"
    assert file.read_text().count(before) == 1
    file.write_text(file.read_text().replace(before, after))


def test_nothing_is_run_without_a_yes(learner: Learner, pack: Path, tmp_path: Path) -> None:
    spoil(pack, 'solution: {files: {page.txt: "hello\\n"}}', f"solution: touch {tmp_path}/ran")
    for asked in (
        learner("author", "prove", str(pack), code=2),
        learner("author", "prove", str(pack), typed="n\n", code=2),
    ):
        assert "runs every solution" in asked.err
    assert "dockerlearn author prove --yes" in learner("author", "prove", str(pack), "--json", code=2).err
    assert not (tmp_path / "ran").exists()
    learner("author", "prove", str(pack), typed="y\n", code=1)
    assert (tmp_path / "ran").exists()


def test_a_lesson_that_is_in_order_is_proven(learner: Learner, pack: Path) -> None:
    ended = prove(learner, pack, "--seed", "7", code=0)
    assert "✓ two/page  it starts unmet" in ended.out
    assert "✓ two/page  the solution passes, in silence until then" in ended.out
    assert "✓ two  cleaning leaves nothing" in ended.out
    assert "1 step, " in ended.out
    assert "all hold" in ended.out
    assert "--seed 7" in ended.out
    assert "✗" not in ended.out


def test_what_does_not_hold_is_told_and_ends_with_1(learner: Learner, pack: Path) -> None:
    spoil(pack, 'page.txt: "hello\\n"', 'page.txt: "hallo\\n"')
    ended = prove(learner, pack, code=1)
    assert "✗ two/page  the solution passes" in ended.out
    assert "    it is unmet at the end" in ended.out
    told = prove(learner, pack, "--json", "--seed", "3", code=1).json
    assert set(told) == {"held", "seed", "jobs", "seconds", "elapsed", "lessons"}
    assert (told["held"], told["seed"]) == (False, 3)
    (lesson,) = told["lessons"]
    assert set(lesson) == {"lesson", "held", "seconds", "steps", "claims", "loosened", "needless"}
    assert set(lesson["claims"][0]) == {"step", "claim", "held", "why", "seconds"}
    fallen = [claim["claim"] for claim in lesson["claims"] if not claim["held"]]
    assert "the solution passes, in silence until then" in fallen
    assert all(bool(claim["why"]) is not claim["held"] for claim in lesson["claims"])


def test_what_nobody_would_miss_is_told_and_ends_with_1(learner: Learner, pack: Path) -> None:
    """A page that says bye is a mistake, and an empty one a cheat; that it is no link was never tried."""
    spoil(
        pack,
        "[{file: page.txt, content: {contains: hello}}]",
        "[{file: page.txt, content: {contains: hello}, kind: file}]",
    )
    told = prove(learner, pack, "--mutate", "--json", code=1).json
    assert told["held"] is True
    (lesson,) = told["lessons"]
    assert set(lesson["loosened"][0]) == {"step", "check", "field", "change", "noticed", "where", "untested"}
    noticed = {f"{one['field']} {one['change']}": one["noticed"] for one in lesson["loosened"]}
    assert noticed == {
        "content dropped": "the start",
        "content loosened to any": "the start",
        "kind dropped": None,
        "kind loosened to any": None,
    }
    ended = prove(learner, pack, "--mutate", code=1)
    assert "2 of 4 ways to loosen a check are noticed." in ended.out
    prove(learner, pack, "--mutate", "--junit", str(pack / "out.xml"), code=1)
    failed = [case.get("name") for case in ElementTree.parse(pack / "out.xml").iter("testcase") if len(case)]
    assert failed == ["check[0].kind dropped is noticed", "check[0].kind loosened to any is noticed"]
    assert "two/page  check[0] file page.txt: kind dropped, and nobody notices" in ended.out
    assert prove(learner, pack, "--json", code=0).json["lessons"][0]["loosened"] == []


def untested(pack: Path, *reasons: tuple[str, str]) -> None:
    """Give the lesson's step a check with a kind that nobody notices, and reasons for what is not tested of it."""
    spoil(
        pack,
        "[{file: page.txt, content: {contains: hello}}]",
        "[{file: page.txt, content: {contains: hello}, kind: file}]",
    )
    told = "".join(f"      - {{field: '{where}', why: {why}}}\n" for where, why in reasons)
    spoil(pack, "    mistakes:\n", f"    untested:\n{told}    mistakes:\n")


def test_what_nobody_would_miss_may_have_a_reason(learner: Learner, pack: Path) -> None:
    untested(pack, ("check[0].kind", "Nobody makes a link here."))
    learner("author", "lint", str(pack), code=0)
    told = prove(learner, pack, "--mutate", "--json", code=0).json
    (lesson,) = told["lessons"]
    assert {one["where"]: one["untested"] for one in lesson["loosened"]} == {
        "check[0].content": None,
        "check[0].kind": "Nobody makes a link here.",
    }
    assert lesson["needless"] == []
    ended = prove(learner, pack, "--mutate", code=0)
    assert "2 of 4 ways to loosen a check are noticed, and of 2 the lesson says why not." in " ".join(ended.out.split())
    assert "nobody notices" not in ended.out


def test_a_cheat_of_the_authors_must_not_pass_and_notices_what_it_shows(learner: Learner, pack: Path) -> None:
    spoil(pack, "content: {contains: hello}}]", "content: {contains: hello}, executable: false}]")
    cheat = "    cheats: [{name: a program, try: echo hello > page.txt; chmod +x page.txt}]\n"
    spoil(pack, "    mistakes:\n", f"{cheat}    mistakes:\n")
    learner("author", "lint", str(pack), code=0)
    assert "Cheat, which must not pass: a program" in learner("author", "preview", str(pack), code=0).out
    told = prove(learner, pack, "--mutate", "--json", code=0).json
    (lesson,) = told["lessons"]
    assert "cheats do not pass: a program" in {claim["claim"] for claim in lesson["claims"]}
    noticed = {f"{one['field']} {one['change']}": one["noticed"] for one in lesson["loosened"]}
    assert noticed["executable dropped"] == "cheat: a program"
    spoil(pack, ", executable: false", "")
    ended = prove(learner, pack, code=1)
    assert "✗ two/page  cheats do not pass: a program" in ended.out
    assert "the step is met" in ended.out
    spoil(pack, "chmod +x page.txt", "chmod +x page.html")
    assert "it could not be made" in prove(learner, pack, code=1).out


def test_a_reason_for_what_is_noticed_is_told_and_ends_with_1(learner: Learner, pack: Path) -> None:
    untested(pack, ("check[0].kind", "Nobody makes a link here."), ("check[0].content", "Nobody writes another."))
    told = prove(learner, pack, "--mutate", "--json", code=1).json
    (lesson,) = told["lessons"]
    assert lesson["needless"] == [{"step": "two/page", "where": "check[0].content", "noticed": "the start"}]
    assert {one["where"]: one["untested"] for one in lesson["loosened"]}["check[0].content"] is None
    ended = prove(learner, pack, "--mutate", code=1)
    assert "check[0].content is said to be untested, and is noticed by the start" in " ".join(ended.out.split())
    assert prove(learner, pack, "--json", code=0).json["lessons"][0]["needless"] == []
    prove(learner, pack, "--mutate", "--junit", str(pack / "out.xml"), code=1)
    failed = [case.get("name") for case in ElementTree.parse(pack / "out.xml").iter("testcase") if len(case)]
    assert failed == ["check[0].content is untested"]


def test_a_step_that_is_met_after_starting_it_afresh_is_found(learner: Learner, pack: Path) -> None:
    """The page is no file of the step's, so nothing takes it away."""
    spoil(pack, "    files: [page.txt]\n", "")
    ended = prove(learner, pack, code=1)
    assert "✓ two/page  it starts unmet" in ended.out
    assert "✗ two/page  starting it afresh brings back the start" in ended.out


def test_an_engine_that_is_lost_is_no_claim_that_fails(learner: Learner, pack: Path) -> None:
    learner.engine.failure = EngineSilent("It does not answer.", None)
    assert prove(learner, pack, code=3).err.endswith("dockerlearn: It does not answer.\n")


def test_a_proof_that_is_stopped_leaves_nothing(pack: Path, tmp_path: Path) -> None:
    file = pack / "two" / "lesson.yaml"
    file.write_text(file.read_text().replace("    task:", "    setup: [{container: dl-x, image: busybox}]\n    task:"))
    text = (pack / "pack.yaml").read_text()
    (pack / "pack.yaml").write_text(f"{text}images: {{busybox: busybox:1.36}}\n")
    engine = FakeEngine(make_image("busybox:1.36"))
    there: list[bool] = []

    def stop(_: Proved) -> None:
        there.append("dl-x" in engine.by_name)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Prover(open_pack(pack), lambda: engine, "unix:///fake.sock", tmp_path / "place", told=stop).prove("two")
    assert there == [True]
    assert engine.by_name == {}


def test_a_seed_gives_the_same_values_again(pack: Path, tmp_path: Path) -> None:
    file = pack / "two" / "lesson.yaml"
    text = file.read_text().replace("minutes: 7", "minutes: 7\nvars: {word: {random: 8}}")
    file.write_text(text.replace('page.txt: "hello\\n"', 'page.txt: "hallo @{word}\\n"'))

    def drawn(name: str, seed: int) -> str:
        engine = FakeEngine(make_image("busybox:1.36"))
        folder = tmp_path / name
        Prover(open_pack(pack), lambda: engine, "unix:///fake.sock", folder, seed=seed).prove("two")
        return (folder / "workspace" / "two" / "page.txt").read_text()

    assert drawn("a", 1) == drawn("b", 1) != drawn("c", 2)


def test_a_step_of_its_own_and_what_is_none(learner: Learner, pack: Path) -> None:
    assert "two/page" in prove(learner, pack / "two", "--step", "page", code=0).out
    assert "did you mean page?" in prove(learner, pack / "two", "--step", "pge", code=2).err
    prove(learner, pack, "--step", "page", code=2)


def test_a_lesson_that_is_wrong_is_not_proven(learner: Learner) -> None:
    assert "unknown key" in prove(learner, BROKEN / "faults", code=2).err
    assert learner.engine.calls == [] or learner.engine.by_name == {}


def test_nothing_of_a_proof_stays(learner: Learner, pack: Path) -> None:
    prove(learner, pack, code=0)
    assert list(Path(learner.environ["DOCKERLEARN_HOME"]).glob("prove-*")) == []
    assert not Path(learner.environ["DOCKERLEARN_WORKSPACE"]).exists()


def test_the_junit_file_has_a_case_for_each_claim(learner: Learner, pack: Path, tmp_path: Path) -> None:
    spoil(pack, 'page.txt: "hello\\n"', 'page.txt: "hallo\\n"')
    told = prove(learner, pack, "--json", "--junit", str(tmp_path / "out.xml"), code=1).json
    root = ElementTree.parse(tmp_path / "out.xml").getroot()
    claims = told["lessons"][0]["claims"]
    cases = root.findall("./testsuite/testcase")
    assert [case.get("name") for case in cases] == [claim["claim"] for claim in claims]
    # A suite per step tells how long each took.
    assert [suite.get("name") for suite in root.findall("./testsuite")] == ["two/page", "two"]
    seconds = {step["step"]: step["seconds"] for step in told["lessons"][0]["steps"]}
    assert {suite.get("name"): float(suite.get("time", "")) for suite in root.findall("./testsuite")} == seconds
    assert cases[0].get("classname") == "two.page"
    assert sum(case.find("failure") is not None for case in cases) == sum(not claim["held"] for claim in claims) > 0
    assert root.get("tests") == str(len(claims))
    assert (
        prove(learner, pack, "--junit", str(tmp_path / "no" / "out.xml"), code=3).told.count("cannot be written") == 1
    )


def test_what_xml_cannot_carry_is_left_out() -> None:
    proved = Proved("one/cup", "mistake 'a <b>'", False, "said \x1b[31mred\x00\nand & more", 0.25)
    root = ElementTree.fromstring(junit([LessonProof("one", (proved,))]))
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.text == "said red\nand & more"
    assert failure.get("message") == "said red"


def test_no_claim_is_no_proof() -> None:
    assert LessonProof("one", ()).held is False
