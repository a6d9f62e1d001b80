"""The commands one learns with: what they do, print and end with."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dockerlearn.course.packs import course_folder
from dockerlearn.errors import NoEngine
from dockerlearn.ui.tutor.holding import Held, Holding
from tests.cli_support import PACK, Learner

STEP = {
    "step", "title", "kind", "lesson", "number", "of", "started", "passed", "learn", "predict", "task", "question",
    "hints", "folder", "docker_host",
}  # fmt: skip
CHECK = {"step", "status", "passed", "outcomes", "mistake", "elapsed_ms"}
OUTCOME = {"check", "status", "expected", "found", "next"}


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    return Learner(tmp_path)


def test_a_way_through_the_course(learner: Learner) -> None:
    assert "step 1 of 4" in learner("start", code=0).out
    assert "Verify: dockerlearn check" in learner("next", code=0).out
    missing = learner("check", code=1)
    assert missing.out.startswith("✗ There should be a container named dl-cup.")
    assert learner("next", code=1).out.endswith("To leave it for now: dockerlearn skip\n")
    learner.make_cup()
    met = learner("check", code=0)
    assert met.out.startswith("✓ dl-cup  running, made from busybox:1.36")
    assert "There is a cup." in met.out
    assert "It lives as long as its command." in met.out
    assert met.out.endswith("Next: dockerlearn next\n")
    assert "Which word is it?" in learner("next", code=0).out
    assert learner("answer", "wrong", code=1).out == "✗ That is not it.\n"
    assert learner("answer", "HUSH-hush", code=0).out.startswith("✓ Right.\n\nYou found it.")
    assert "1) This one" in learner("next", code=0).out
    assert learner("answer", "1", code=1).out == "✗ Not quite. It is not.\n"
    assert learner("answer", "that one", code=0).out.startswith("✓ Right. It is.")
    ended = learner("next", code=0)
    assert "That was the last step of one." in ended.out
    assert "The second lesson" in ended.out
    assert learner("check", "course", code=1).out.count("✓") == 4
    (Path(learner.environ["DOCKERLEARN_WORKSPACE"]) / "two" / "page.txt").write_text("hello\n")
    assert learner("check", "course", code=0).out.count("✓ page") == 2
    last = learner("next", code=0)
    assert last.out == (
        "That was the last step of two. It was the last lesson, too.\n\n"
        "To take away what the lesson made: dockerlearn clean\n"
    )


def test_an_unmet_step_says_the_mistake_in_place_of_a_general_next_move(learner: Learner) -> None:
    learner("start", "one/cup", code=0)
    learner.make_cup(status="exited", running=False, finished=learner.engine.now())
    out = learner("check", code=1).out
    assert "A container lives as long as its `command`" not in out
    assert "  A container lives as long as its command.\n" in out
    assert "→" not in out


def test_nothing_is_shown_of_an_answer_before_it_is_given(learner: Learner) -> None:
    learner("start", "one/word", code=0)
    for words in (["task"], ["hint"], ["check"], ["check", "lesson"], ["answer", "x"], ["lessons"], ["progress"]):
        for more in ([], ["--json"]):
            ended = learner(*words, *more)
            assert "hush" not in (ended.out + ended.err).casefold(), words


def test_predictions(learner: Learner) -> None:
    learner("start", "one/cup", code=0)
    assert "dockerlearn answer NUMBER" in learner("task", code=0).out
    assert learner("answer", "1", code=0).out == "✗ Not quite. It has nothing to wait for.\n"
    assert "Before you go on" not in learner("task", code=0).out
    learner("start", "one/word", code=0)
    assert "dockerlearn answer --prediction NUMBER" in learner("task", code=0).out
    assert learner("answer", "--prediction", "1", code=0).out == "✓ Right. It is.\n"
    assert learner("check", "--json", code=1).json["passed"] is False


def test_an_answer_can_name_its_step_and_be_of_several_words(learner: Learner) -> None:
    learner("start", "one/which", code=0)
    learner("start", "one/word", code=0)
    assert learner("answer", "which", "2", code=0).out.startswith("✓ Right. It is.")
    assert learner("answer", "one/which", "that", "one", code=0).out.startswith("✓ Right. It is.")
    assert "no step called whihc" in learner("answer", "one/whihc", "2", code=2).err
    assert learner("answer", "/bin/sh", "-c", code=2).err.endswith(
        "dockerlearn answer -- ANSWER    # for an answer that begins with a dash\n"
    )
    assert learner("answer", "/bin/sh", "two", code=1).out == "✗ That is not it.\n"
    assert "An answer is missing" in learner("answer", "  ", code=2).err


def test_hints_go_on_to_the_last_one(learner: Learner) -> None:
    learner("start", "one/cup", code=0)
    assert learner("hint", code=0).out == "Hint 1 of 2\n  Use docker run.\n"
    for _ in range(2):
        assert learner("hint", code=0).out.startswith("Hint 2 of 2\n  It wants a name.\nThat was the last one.")
    assert learner("hint", "--json", code=0).json == {
        "step": "one/cup", "number": 2, "of": 2, "text": "It wants a name.",
    }  # fmt: skip


def test_going_back_skipping_and_starting_afresh(learner: Learner) -> None:
    learner("start", code=0)
    assert "is the first step" in learner("back", code=2).err
    learner("skip", code=0)
    learner.make_cup()
    learner("check", code=0)
    learner("skip", code=0)
    assert learner("back", "--json", code=0).json["step"] == "one/cup"
    assert learner("redo", "--json", code=0).json["passed"] is False
    assert "dl-cup" not in learner.engine.by_name


def test_a_solution_runs_in_sh(learner: Learner, tmp_path: Path) -> None:
    learner.environ["DOCKERLEARN_WORKSPACE"] = str(tmp_path / "it's a $folder")
    learner("start", "two/page", code=0)
    learner("check", code=1)
    script = learner("solution", "--plain", code=0).out
    assert script.startswith("cd '")
    assert subprocess.run(["sh"], input=script, text=True, check=False, cwd="/").returncode == 0
    learner("check", code=0)
    assert learner("solution", "--json", code=0).json == {"step": "two/page", "script": script}
    shown = learner("solution", code=0).out
    assert all(f"    {line}\n" in shown for line in script.splitlines())


def test_a_step_that_is_not_the_current_one_is_named_in_what_to_type(learner: Learner) -> None:
    learner("start", "one/which", code=0)
    learner("start", "one/cup", code=0)
    assert learner("task", "which", code=0).out.endswith("Answer: dockerlearn answer one/which NUMBER\n")
    assert learner("task", "two/page", code=0).out.endswith("It was not started yet: dockerlearn start two/page\n")


def test_edit_opens_the_first_file(learner: Learner) -> None:
    assert "has no files" in learner("edit", "one/cup", code=2).err
    learner("start", "two", code=0)
    learner.environ["EDITOR"] = "sh -c 'echo hello >> \"$1\"' --"
    learner("edit", code=0)
    learner("check", code=0)
    learner.environ["EDITOR"] = "no-such-editor"
    assert "export EDITOR" in learner("edit", code=2).err
    learner.environ["EDITOR"] = "false"
    learner("edit", code=3)


def test_json_of_a_step(learner: Learner) -> None:
    started = learner("start", "one/cup", "--json", code=0).json
    assert set(started) == STEP
    assert started["step"] == "one/cup"
    assert started["kind"] == "do"
    assert started["lesson"] == {"id": "one", "title": "The first lesson"}
    assert (started["number"], started["of"], started["hints"]) == (2, 4, 2)
    assert started["predict"] == {"ask": "What does a cup do?", "choices": ["It waits", "It ends"], "chosen": None}
    assert started["question"] is None
    learner("answer", "2", code=0)
    assert learner("task", "--json", code=0).json == {**started, "predict": {**started["predict"], "chosen": 2}}
    assert set(learner("task", "one/which", "--json", code=0).json["question"]) == {"ask", "choices"}


def test_json_of_check(learner: Learner) -> None:
    learner("start", "one/cup", code=0)
    unmet = learner("check", "--json", code=1).json
    assert set(unmet) == CHECK
    assert (unmet["step"], unmet["status"], unmet["passed"], unmet["mistake"]) == ("one/cup", "unmet", False, None)
    assert [set(outcome) for outcome in unmet["outcomes"]] == [OUTCOME]
    assert isinstance(unmet["elapsed_ms"], int)
    learner.make_cup(status="exited", running=False, finished=learner.engine.now())
    mistake = learner("check", "step", "--json", code=1).json["mistake"]
    assert mistake == {"name": "it ended", "say": "A container lives as long as its **command**."}


def test_could_not_look_is_told_apart_from_not_met(learner: Learner) -> None:
    learner("start", "one/cup", code=0)
    learner.engine.failure = NoEngine("There is no engine.", "start one")
    told = learner("check", code=3)
    assert (told.out, told.err) == ("", "dockerlearn: There is no engine.\n  start one\n")
    for words in (["check"], ["check", "step", "one/cup"]):
        ended = learner(*words, "--json", code=3)
        assert set(ended.json) == CHECK
        assert (ended.json["status"], ended.json["passed"]) == ("unknown", False)
        assert [set(outcome) for outcome in ended.json["outcomes"]] == [OUTCOME]
        assert ended.json["outcomes"][0]["found"] == "There is no engine."
        assert ended.json["outcomes"][0]["next"] == "start one"
    lesson = learner("check", "lesson", "--json", code=3)
    assert lesson.json["open"]["status"] == "unknown"


def test_an_engine_that_fails_in_the_middle_is_unknown(learner: Learner) -> None:
    learner("start", "one/cup", code=0)
    learner.make_cup()
    image = learner.engine.image

    def failing(reference: str) -> object:
        if learner.engine.calls.count("container"):
            raise NoEngine("It went away.", None)
        return image(reference)

    learner.engine.calls.clear()
    learner.engine.image = failing  # type: ignore[assignment, method-assign]
    ended = learner("check", code=3)
    assert "? could not look: It went away.\n" in ended.out or "It went away." in ended.err


def test_another_engine(learner: Learner) -> None:
    learner("start", "one/cup", code=0)
    other = Learner(learner.folder)
    other.engine = type(other.engine)(*other.engine.images.values(), engine_id="OTHER")
    ended = other("check", code=3)
    assert "began on another engine" in ended.err
    assert "dockerlearn start one --anew" in ended.err
    assert other("start", "one", "--anew", "--json", code=0).json["started"] is True


@pytest.mark.parametrize("words", [["check"], ["check", "--json"], ["check", "step"], ["check", "step", "one/cup"],
                                   ["check", "step", "cup", "--json"], ["check", "--json", "step", "one/cup"],
                                   ["check", "--plain"], ["check", "step", "nonsense"],
                                   ["check", "step", ""]])  # fmt: skip
def test_the_quick_way_to_check_is_the_same_as_typers(
    learner: Learner, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dockerlearn.cli import verifying

    learner("start", "one/cup", code=0)
    assert verifying.read_simple(words) is not None
    quick = learner(*words)
    monkeypatch.setattr(verifying, "read_simple", lambda _: None)
    slow = learner(*words)

    def steady(text: str) -> str:
        return text.partition('"elapsed_ms"')[0]

    assert (quick.code, steady(quick.out), quick.err) == (slow.code, steady(slow.out), slow.err)


@pytest.mark.parametrize("words", [["check", "--watch"], ["check", "step", "a", "b"], ["check", "cup"],
                                   ["check", "lesson"], ["check", "--help"], ["hint"], []])  # fmt: skip
def test_everything_else_is_left_to_typer(words: list[str]) -> None:
    from dockerlearn.cli import verifying

    assert verifying.read_simple(words) is None


def test_lessons(learner: Learner) -> None:
    learner("start", "one/cup", code=0)
    learner("skip", code=0)
    rows = learner("lessons", "--json", code=0).json
    assert set(rows) == {"lessons"}
    assert [set(row) for row in rows["lessons"]] == [{"id", "title", "level", "minutes", "steps"}] * 2
    assert rows["lessons"][0]["steps"] == [
        {"id": "intro", "title": "Read this", "kind": "read", "status": "new"},
        {"id": "cup", "title": "Make a cup", "kind": "do", "status": "skipped"},
        {"id": "word", "title": "Find the word", "kind": "answer", "status": "open"},
        {"id": "which", "title": "Which one?", "kind": "question", "status": "new"},
    ]
    assert [row["id"] for row in learner("lessons", "two", "--json", code=0).json["lessons"]] == ["two"]
    shown = learner("lessons", code=0).out
    assert "one  The first lesson (foundation, 5 min), 0 of 4\n" in shown
    assert "  – cup    Make a cup (skipped)\n" in shown
    assert "  ▸ word   Find the word (open)\n" in shown
    assert "did you mean two?" in learner("lessons", "twoo", code=2).err


def test_json_of_moves_and_answers(learner: Learner) -> None:
    learner("start", "one/cup", code=0)
    stayed = learner("next", "--json", code=1).json
    assert set(stayed) == {"moved", "finished", "place", "verdict"}
    assert stayed["moved"] is False
    assert set(stayed["verdict"]) == CHECK
    assert set(stayed["place"]) == STEP
    skipped = learner("skip", "--json", code=0).json
    assert (skipped["moved"], skipped["finished"], skipped["verdict"]) == (True, None, None)
    assert skipped["place"]["step"] == "one/word"
    told = learner("answer", "hush-hush", "--json", code=0).json
    assert told == {"step": "one/word", "right": True, "say": "", "passed": True, "result": "You found it.",
                    "insight": ""}  # fmt: skip


def test_json_of_check_lesson_and_course(learner: Learner) -> None:
    learner("start", "one/cup", code=0)
    learner.make_cup()
    lesson = learner("check", "lesson", "--json", code=1).json
    assert set(lesson) == {"lesson", "passed", "steps", "open"}
    assert (lesson["lesson"], lesson["passed"], lesson["open"]["status"]) == ("one", False, "met")
    assert lesson["steps"][1]["status"] == "passed"
    course = learner("check", "course", "--json", code=1).json
    assert set(course) == {"passed", "lessons", "open"}
    assert [set(row) for row in course["lessons"]] == [{"lesson", "passed", "steps"}] * 2
    assert course["open"] is None


def test_a_lesson_in_depth_can_be_read_at_any_time(learner: Learner) -> None:
    learner.environ["DOCKERLEARN_PACK"] = str(course_folder())
    assert "dockerlearn start" in learner("concept", code=2).err
    shown = learner("concept", "first-run", code=0).out
    for title in ("What it is", "Picture", "Under the hood", "Myth: A container is a small virtual machine", "To keep"):
        assert title in shown
    assert "docker (client) --asks--> engine" in shown
    found = learner("concept", "first-run", "--json", code=0).json
    assert set(found) == {"title", "summary", "concept", "myths"}
    assert len(found["myths"]) == 3
    assert found["concept"]["takeaways"]
    assert "did you mean first-run" in learner("concept", "first-rum", code=2).err
    learner("start", "--plain", code=0)
    assert "Myth" in learner("concept", code=0).out


def test_the_engine_as_it_is_now_is_part_of_a_picture_that_wants_it(learner: Learner, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    shutil.copytree(PACK, pack)
    lesson = pack / "one" / "lesson.yaml"
    drawn = "concept:\n  what: Cups.\n  picture: |\n    a cup\n\n    @map\n\n    below\n"
    lesson.write_text(f"{lesson.read_text()}{drawn}")
    learner.environ["DOCKERLEARN_PACK"] = str(pack)
    learner("start", "one/cup", "--plain", code=0)
    learner.make_cup()
    learner("check", code=0)
    shown = learner("concept", code=0).out
    assert "└─ dl-cup  running" in shown[shown.index("  a cup") : shown.index("  below")]
    assert "@map" not in shown
    # As long as no engine answers, the rest can be read.
    learner.engine.failure = NoEngine("There is no engine.", "start one")
    shown = learner("concept", code=0).out
    assert "(Your engine cannot be drawn. There is no engine.)" in shown
    assert "  below" in shown
    assert "(here your engine is drawn" in learner("author", "preview", str(pack / "one"), code=0).out


def test_help_says_how_a_terminal_is_got_back(learner: Learner) -> None:
    told = learner("help", code=0).out
    assert "dl hint" in told
    assert "no prompt" not in told
    assert learner("help", "--json", code=0).json == {"held": []}
    note = Holding(Path(learner.environ["DOCKERLEARN_HOME"]), os.getpid())
    note.put(Held("docker run -it \x1b[31mx", "exit leaves"))
    told = learner("help", code=0).out
    assert told.startswith("A terminal of yours shows no prompt:\n  docker run -it x\n  There, exit leaves.\n")
    assert learner("help", "--json", code=0).json["held"][0]["press"] == "exit leaves"


def test_in_the_tutors_shell_no_command_says_how_to_go_on(learner: Learner) -> None:
    """The tutor there does: Enter goes on."""
    learner("start", code=0)
    learner.environ["DOCKERLEARN_RIDING"] = str(os.getpid())
    assert "to be read" in learner("check", code=1).out
    assert learner("next", code=0).out == ""
    assert "step 2 of 4" in learner("task", code=0).out
    assert "Verify:" not in learner("task", code=0).out
    learner.make_cup()
    met = learner("check", code=0).out
    assert "There is a cup." in met
    assert "Next:" not in met
    assert "Enter for the next one" in learner("task", code=0).out
    assert learner("next", code=0).out == ""
