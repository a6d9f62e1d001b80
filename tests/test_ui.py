"""Markdown, and values as lines of text."""

from __future__ import annotations

import ast
import io
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.course.models import Lesson, Step
from dockerlearn.errors import DockerlearnError, LessonError
from dockerlearn.progress.records import Mark
from dockerlearn.session.session import Hint, LessonRow, Moved, Place, StepRow, Told
from dockerlearn.session.verdict import Recognised, Verdict
from dockerlearn.setup.clean import CleanPlan, Item
from dockerlearn.text import cells
from dockerlearn.ui import steps
from dockerlearn.ui.cleaning import plan_lines
from dockerlearn.ui.markdown import fill, render, wrap
from dockerlearn.ui.steps import (
    finished_lines,
    header,
    hint_lines,
    outcome_lines,
    told_lines,
    verdict_lines,
    way,
)
from dockerlearn.ui.style import Style
from dockerlearn.ui.syllabus import history_lines, syllabus_lines
from dockerlearn.ui.view import View, columns

PLAIN = Style()
COLOUR = Style(colour=True)


def view(**options: object) -> tuple[View, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return View(out, err, **options), out, err  # type: ignore[arg-type]


def _literal_beginnings(node: ast.expr) -> list[str]:
    """The texts that an expression may begin with, those that begin with a value left out."""
    if isinstance(node, ast.IfExp):
        return [*_literal_beginnings(node.body), *_literal_beginnings(node.orelse)]
    if isinstance(node, ast.BinOp):
        return _literal_beginnings(node.left)
    first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
    text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
    return [text] if text.strip() and not text[0].isspace() else []


class TestMarkdown:
    @pytest.mark.parametrize(
        ("text", "lines"),
        [
            ("one\ntwo", ["one two"]),
            ("one\n\n\ntwo", ["one", "", "two"]),
            ("# Title #\ntext", ["Title", "", "text"]),
            ("- a\n- b", ["• a", "• b"]),
            ("text:\n- a", ["text:", "", "• a"]),
            ("1. a\n2. b", ["1. a", "2. b"]),
            ("- a\n\n- b", ["• a", "", "• b"]),
            ("- a\n  b", ["• a b"]),
            ("In 1995\n1996. was a year", ["In 1995 1996. was a year"]),
            ("```sh\n$ a  b\n\n  c\n```\nafter", ["    $ a  b", "", "      c", "", "after"]),
            (
                "text\n\n    docker ps   -a\n      x\n\nafter",
                ["text", "", "    docker ps   -a", "      x", "", "after"],
            ),
            ("```\nnever closed", ["    never closed"]),
            ("a **b c** d `e f`.", ["a b c d `e f`."]),
            ("2 * 3 ** 4 and *x*", ["2 * 3 ** 4 and *x*"]),
            ("`**not bold**` ``a`b``", ["`**not bold**` `a`b`"]),
            ("", []),
            ("[link](http://x) [bold] [/tmp]", ["[link](http://x) [bold] [/tmp]"]),
        ],
    )
    def test_what_becomes_of_it(self, text: str, lines: list[str]) -> None:
        assert render(text, 80, PLAIN) == lines

    def test_nothing_a_terminal_obeys_comes_through(self) -> None:
        for foreign in ("\x1b[31mred", "`\x1b]0;t\x07x`", "\u202e**x**", "    \x9b2Jx", "a\rb"):
            assert not any(char in "\x1b\x07\x9b\u202e\r" for line in render(foreign, 80, PLAIN) for char in line)

    @pytest.mark.parametrize("width", [20, 37, 80])
    def test_lines_keep_the_width_and_lose_nothing(self, width: int) -> None:
        text = "A **container** is a `process` with a view of its own. " * 5
        lines = render(text, width, PLAIN)
        assert max(map(cells, lines)) <= width
        assert " ".join(lines).replace("`", "").split() == text.replace("*", "").replace("`", "").split()
        coloured = render(text, width, COLOUR)
        assert all(line.count("\x1b[") % 2 == 0 for line in coloured)

    def test_long_words_and_code_are_not_broken(self) -> None:
        word = "x" * 200
        assert fill(f"a {word} b", 20) == ["a", word, "b"]
        assert render(f"    docker {word}", 20, PLAIN) == [f"    docker {word}"]

    def test_colours_stand_for_back_quotes(self) -> None:
        assert wrap("run `docker ps` **now**", 80, COLOUR) == ["run \x1b[1;36mdocker ps\x1b[0m \x1b[1mnow\x1b[0m"]


def outcome(status: Status = Status.UNMET, **fields: object) -> Outcome:
    told: dict[str, object] = {
        "check": "container dl-web", "subject": "container dl-web", "expected": "dl-web should be running",
        "found": "it is paused", "next": "docker unpause dl-web",
    }  # fmt: skip
    return Outcome(status=status, **{**told, **fields})  # type: ignore[arg-type]


class TestOutcomes:
    def test_each_status_has_its_words(self) -> None:
        assert outcome_lines(outcome(), PLAIN) == [
            "✗ dl-web should be running. It is paused.",
            "  → docker unpause dl-web",
        ]
        assert outcome_lines(outcome(Status.MET, found="running"), PLAIN) == ["✓ dl-web  running"]
        assert outcome_lines(outcome(Status.UNKNOWN, found="no answer", next=None), PLAIN) == [
            "? could not look: no answer"
        ]

    def test_a_name_keeps_its_case_and_a_sentence_gets_its_own(self) -> None:
        told = outcome(check="container web", expected="web should run", found="there is none!", next=None)
        assert outcome_lines(told, PLAIN) == ["✗ web should run. There is none!"]

    @pytest.mark.parametrize(
        ("expected", "found", "line"),
        [
            ("nslookup db in dl-x should end with exit code 0", "it ended with exit code 1",
             "✗ nslookup db in dl-x should end with exit code 0. It ended with exit code 1."),
            ("the network dl-net should be gone", "it is there, with shop on it",
             "✗ The network dl-net should be gone. It is there, with shop on it."),
            ("no container should be on it", "shop is on it", "✗ No container should be on it. shop is on it."),
            ("cat should print x", "in dl-x that name leads nowhere",
             "✗ cat should print x. In dl-x that name leads nowhere."),
        ],
    )  # fmt: skip
    def test_only_words_of_ours_are_capitalised(self, expected: str, found: str, line: str) -> None:
        told = outcome(check="exec dl-x", expected=expected, found=found, next=None)
        assert " ".join(outcome_lines(told, Style(width=200))) == line

    def test_every_sentence_of_ours_begins_with_a_word_that_is_known_as_such(self) -> None:
        code = Path(steps.__file__).parents[1]
        begun = {
            text.split()[0].rstrip(",:"): file.name
            for folder in ("checks", "diagnose")
            for file in (code / folder).glob("*.py")
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Call)
            # What a check that is met says is no sentence: "running, made since".
            and not any(word.arg == "ok" and ast.unparse(word.value) == "True" for word in node.keywords)
            for word in node.keywords
            if word.arg in {"expected", "found"}
            for text in _literal_beginnings(word.value)
        }
        assert len(begun) > 5
        assert {word: file for word, file in begun.items() if word not in steps._OPENERS} == {}

    def test_ascii_has_words_for_the_signs(self) -> None:
        ascii_only = Style(unicode=False)
        told = [ascii_only.symbols(line) for line in outcome_lines(outcome(), ascii_only)]
        assert told == ["no dl-web should be running. It is paused.", "  -> docker unpause dl-web"]

    def test_without_colours_nothing_is_lost(self) -> None:
        for status in Status:
            bare = outcome_lines(outcome(status), PLAIN)
            painted = "\n".join(outcome_lines(outcome(status), COLOUR))
            for code in ("\x1b[32m", "\x1b[31m", "\x1b[1m", "\x1b[1;36m", "\x1b[0m"):
                painted = painted.replace(code, "")
            assert painted == "\n".join(bare)

    def test_foreign_text_is_made_safe(self) -> None:
        lines = outcome_lines(outcome(found="it said \x1b[2J", next="docker rm \x1b[31mx"), PLAIN)
        assert "\x1b" not in "".join(lines)

    def test_what_only_has_to_be_waited_for_is_not_told_with_a_mistake(self) -> None:
        waits = outcome(check="container dl-db", expected="dl-db should be running and stay so", wait=1.0)
        shown = Recognised("paused", "It is frozen.", dead_end=True)
        with_mistake = Verdict(
            step="a/b", status=Status.UNMET, passed=False, outcomes=(waits, outcome()), mistake=shown
        )
        text = "\n".join(verdict_lines(with_mistake, PLAIN))
        assert "dl-db" not in text
        assert text.index("dl-web should be running") < text.index("It is frozen.")
        alone = Verdict(step="a/b", status=Status.UNMET, passed=False, outcomes=(waits,))
        assert "dl-db" in "\n".join(verdict_lines(alone, PLAIN))
        only = Verdict(step="a/b", status=Status.UNMET, passed=False, outcomes=(waits,), mistake=shown)
        assert "It is frozen." in "\n".join(verdict_lines(only, PLAIN))

    def test_the_mistake_stands_below_the_outcome_it_explains(self) -> None:
        verdict = Verdict(
            step="a/b", status=Status.UNMET, passed=False,
            outcomes=(outcome(Status.MET, found="there"), outcome(), outcome(check="image x", next=None)),
            mistake=Recognised("paused", "It is **frozen**.", dead_end=False),
        )  # fmt: skip
        lines = verdict_lines(verdict, PLAIN)
        assert lines[1:4] == [
            "✗ dl-web should be running. It is paused.", "  It is frozen.",
            "✗ dl-web should be running. It is paused.",
        ]  # fmt: skip

    def test_a_pass_that_is_no_longer_so(self) -> None:
        verdict = Verdict(step="a/b", status=Status.UNMET, passed=True, outcomes=(outcome(),))
        assert "You passed this step before; what it asks for is not so any more." in verdict_lines(verdict, PLAIN)

    def test_a_pass_tells_what_was_gained(self) -> None:
        verdict = Verdict(step="a/b", status=Status.MET, passed=True, result="You `can`.", insight="So it is.")
        assert verdict_lines(verdict, PLAIN) == [
            "✓ a/b  passed", "", "You `can`.", "", "So it is.", "", "Next: dockerlearn next",
        ]  # fmt: skip


def test_answers_and_hints() -> None:
    assert told_lines(Told("a/b", True, "It is.", True, "Gained."), PLAIN) == [
        "✓ Right. It is.", "", "Gained.", "", "Next: dockerlearn next",
    ]  # fmt: skip
    assert told_lines(Told("a/b", False, "It is not.", False), PLAIN) == ["✗ Not quite. It is not."]
    assert hint_lines(Hint("a/b", 1, 2, "Look."), PLAIN) == ["Hint 1 of 2", "  Look."]
    assert "dockerlearn solution a/b" in hint_lines(Hint("a/b", 2, 2, "Look."), PLAIN)[-1]


def test_a_command_that_does_not_fit_stands_alone() -> None:
    assert way("Next", "dockerlearn next", Style(width=10)) == ["Next:", "  dockerlearn next"]


ROWS = (
    LessonRow("one", "First", "foundation", 5, (
        StepRow("a", "Begin", "do", "passed"), StepRow("bcd", "Go on", "read", "open"),
        StepRow("e", "Leave", "do", "skipped"), StepRow("f", "New", "do", "new"),
    )),
)  # fmt: skip


def test_syllabus() -> None:
    assert syllabus_lines(ROWS, PLAIN) == [
        "one  First (foundation, 5 min), 1 of 4",
        "  ✓ a    Begin",
        "  ▸ bcd  Go on (open)",
        "  – e    Leave (skipped)",
        "    f    New",
    ]
    assert syllabus_lines((), PLAIN) == ["There are no lessons."]


def test_history_keeps_the_first_pass() -> None:
    def mark(step: str, kind: str, day: int) -> Mark:
        return Mark("0" * 32, "p", "one", step, kind, datetime(2026, 1, day, 12, tzinfo=UTC), ())  # type: ignore[arg-type]

    marks = [mark("a", "skipped", 1), mark("a", "passed", 2), mark("a", "passed", 3), mark("gone", "passed", 4)]
    lines = history_lines(ROWS, marks, PLAIN)
    assert lines[0] == "one  First, 1 of 4 passed"
    assert lines[1].startswith("  ✓ a  2026-01-0")
    assert "2026-01-03" not in lines[1]
    assert lines[2:] == ["  ▸ bcd  open"]


def test_clean_says_why_something_stays() -> None:
    item = Item(
        kind="container", object_id="1", name="dl-new", entered_as="dl-web", entry_id=1, action="leave",
        reason="other uses it", remedy="docker rm -f other",
    )  # fmt: skip
    assert plan_lines(CleanPlan("E", (item,), (Path("/w/one"),)), PLAIN) == [
        "leave     container dl-new (made as dl-web): other uses it",
        "          → docker rm -f other",
        "Your files in /w/one stay.",
    ]


class TestView:
    def test_errors_go_to_the_other_stream_with_the_remedy_on_its_own_line(self) -> None:
        shown, out, err = view()
        shown.error(DockerlearnError("It is \x1b[31mred.", "docker ps\ndocker images"))
        shown.error(LessonError("Two problems.", ("a.yaml:1:2 x", "a.yaml:3:4 \x1b]0;y\x07")))
        assert out.getvalue() == ""
        assert err.getvalue() == (
            "dockerlearn: It is red.\n  docker ps\n  docker images\n"
            "dockerlearn: Two problems.\n  a.yaml:1:2 x\n  a.yaml:3:4\n"
        )

    def test_a_remedy_is_not_broken(self) -> None:
        shown, _, err = view(style=Style(width=20))
        shown.error(DockerlearnError("A long message that is wrapped.", f"docker run {'x' * 50} -d"))
        assert err.getvalue().splitlines()[-1] == f"  docker run {'x' * 50} -d"

    @pytest.mark.parametrize(
        ("typed", "yes"),
        [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False), ("yeah\n", False)],
    )
    def test_only_a_yes_is_a_yes(self, typed: str, yes: bool) -> None:
        shown, out, err = view(stdin=io.StringIO(typed), interactive=True)
        assert shown.ask("Really?") is yes
        assert (out.getvalue(), err.getvalue()) == ("", "Really? [y/N] ")

    def test_nobody_is_asked_where_nobody_is(self) -> None:
        shown, _, err = view(stdin=io.StringIO("y\n"))
        assert shown.ask("Really?") is False
        assert err.getvalue() == ""

    def test_what_is_waited_for_is_told_to_who_looks(self) -> None:
        for watched, json, told in ((True, False, "  … making sure\n"), (False, False, ""), (True, True, "")):
            shown, out, err = view(watched=watched)
            shown.json = json
            shown.waiting("making sure")
            assert (out.getvalue(), err.getvalue()) == ("", told)

    def test_json_is_ascii(self) -> None:
        shown, out, _ = view()
        shown.as_json({"a": "✓\x1b\u202e"})
        assert out.getvalue() == '{"a": "\\u2713\\u001b\\u202e"}\n'

    def test_an_encoding_that_cannot(self) -> None:
        raw = io.BytesIO()
        shown = View(io.TextIOWrapper(raw, encoding="ascii"), None, style=Style(unicode=False))
        shown.lines(["✓ Grüße → x"])
        assert raw.getvalue() == b"ok Gr??e -> x\n"

    def test_width(self) -> None:
        assert [columns({"COLUMNS": text}, None) for text in ("5", "80", "500", "x", "")] == [20, 80, 100, 80, 80]


def step_of(marks: tuple[str, ...]) -> Place:
    steps = [Step(id="a", title="A step")]
    lesson = Lesson(title="A lesson", level="foundation", summary="", minutes=1, steps=steps)
    return Place("a-lesson", lesson, steps[0], None, None, Path("/nowhere"), marks)


class TestHeader:
    def test_it_shows_where_one_is(self) -> None:
        place = step_of(marks=("passed", "skipped", "open", "new"))
        assert header(place, Style(width=60))[0].endswith("●◌○○")
        assert len(header(place, Style(width=60))[0]) == 60

    def test_where_there_is_no_room_the_dots_are_left_out(self) -> None:
        place = step_of(marks=("passed",) * 300)
        assert "●" not in header(place, Style(width=60))[0]


class TestFinished:
    def test_what_to_keep_is_told_at_the_end(self) -> None:
        moved = Moved(None, "one", None, ("A first thing.", "A second."))
        lines = finished_lines(moved, PLAIN)
        assert "To keep" in lines
        assert any("A second." in line for line in lines)
        assert lines[-1] == "To take away what the lesson made: dockerlearn clean"
        assert finished_lines(Moved(None), PLAIN) == []


class TestActivity:
    def test_where_nobody_looks_only_the_title_is_told(self) -> None:
        seen, out, err = view()
        with seen.activity("Installing") as told:
            told("a line")
        assert (out.getvalue(), err.getvalue()) == ("", "Installing\n")

    def test_in_a_terminal_the_line_changes_and_nothing_foreign_is_obeyed(self) -> None:
        seen, out, err = view(style=COLOUR, watched=True)
        with seen.activity("Installing") as told:
            told("Unpacking [bold]x[/] \x1b]0;title\x07")
            time.sleep(0.3)
        assert "Unpacking [bold]x[/]" in err.getvalue()
        assert "\x1b]0;" not in err.getvalue()
        assert out.getvalue() == ""

    def test_a_note_keeps_what_is_set_in(self) -> None:
        seen, _, err = view(style=Style(width=20))
        seen.note("It would run:\n  apt-get install a-long-name another")
        assert err.getvalue() == "It would run:\n  apt-get install\n  a-long-name\n  another\n"
