"""What ``check --watch`` shows, and how it ends."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.course.packs import open_pack
from dockerlearn.errors import EngineSilent
from dockerlearn.session.follow import Change
from dockerlearn.session.session import Place
from dockerlearn.session.verdict import Recognised, Verdict
from dockerlearn.ui import watch
from dockerlearn.ui.style import Style
from dockerlearn.ui.view import View

LESSON = open_pack(Path(__file__).parent / "packs" / "follow").lesson("following", {})
PLACE = Place("following", LESSON, LESSON.steps[0], None, None, Path("/nowhere"))
OPEN = Outcome(
    check="container dl-web",
    subject="container dl-web",
    status=Status.UNMET,
    expected="there should be a container named dl-web",
    found="there is none\x1b[31m",
)
MET = Outcome(check="container dl-web", subject="container dl-web", status=Status.MET, found="running")


def verdict(*outcomes: Outcome, status: Status = Status.UNMET, mistake: Recognised | None = None) -> Verdict:
    return Verdict(step=PLACE.name, status=status, passed=False, outcomes=outcomes, mistake=mistake)


UNMET = Change(place=PLACE, verdict=verdict(MET, OPEN))
COMING = Change(place=PLACE, verdict=verdict(OPEN), waiting_for="dl-web to stay up")
LOST = Change(place=PLACE, verdict=None, error=EngineSilent("The engine does not answer.", "start it"))
PASSED = Change(place=PLACE, verdict=verdict(MET, status=Status.MET))
DEAD_END = Change(place=PLACE, verdict=verdict(OPEN, mistake=Recognised("m", "It may do everything.", True)))
MISTAKE = Change(place=PLACE, verdict=verdict(OPEN, mistake=Recognised("m", "It may do everything.", False)))
UNKNOWN = Change(
    place=PLACE,
    verdict=verdict(
        Outcome(check="x", subject="x", status=Status.UNKNOWN, expected="a look at x", found="no answer"),
        status=Status.UNKNOWN,
    ),
)


def shown(*changes: Change, redraws: bool = False, as_json: bool = False) -> str:
    out = io.StringIO()
    view = View(out, io.StringIO(), style=Style(width=60), redraws=redraws)
    if as_json:
        view.go_json()
    for change in changes:
        watch.show(change, view)
    view.flush()
    return out.getvalue()


def test_on_the_way_it_is_quiet() -> None:
    text = shown(UNMET)
    assert " ".join(text.split()) == "○ There should be a container named dl-web. There is none."
    assert "✗" not in text


def test_what_is_on_its_way() -> None:
    assert shown(COMING) == "… dl-web to stay up\n"


def test_an_engine_that_is_lost() -> None:
    assert shown(LOST).startswith("? The engine does not answer.")
    assert "start it" in shown(LOST)


def test_what_could_not_be_looked_at_is_not_open() -> None:
    assert "could not look: no answer" in shown(UNKNOWN)


def test_only_a_dead_end_is_an_objection() -> None:
    assert "✗" in shown(DEAD_END)
    assert "It may do everything." in shown(DEAD_END)
    assert "✗" not in shown(MISTAKE)
    assert "It may do everything." not in shown(MISTAKE)
    coming = Change(place=PLACE, verdict=DEAD_END.verdict, waiting_for="it")
    assert "✗" not in shown(coming)


def test_a_pass_is_told_in_full() -> None:
    text = shown(PASSED)
    assert text.startswith("✓ dl-web  running")
    assert "dockerlearn next" in text


def test_another_step_has_its_name_above_it() -> None:
    moved = Change(place=PLACE, verdict=UNMET.verdict, moved=True)
    assert "following/run" in shown(moved)


def test_in_a_terminal_one_line_takes_the_place_of_the_last() -> None:
    text = shown(UNMET, COMING, PASSED, redraws=True)
    over = "\r\x1b[2K"
    first, second, third = text.split(over)
    assert "\n" not in first + second
    assert len(first) < 60
    assert third.startswith("✓")
    assert third.endswith("dockerlearn next\n")


def test_in_a_terminal_the_last_line_stays_at_the_end() -> None:
    assert shown(UNMET, redraws=True).endswith("\n")
    assert "\x1b[2K" not in shown(UNMET, redraws=True)


def test_for_programs_there_is_an_object_per_line() -> None:
    lines = [json.loads(line) for line in shown(UNMET, COMING, LOST, PASSED, as_json=True).splitlines()]
    assert [line["status"] for line in lines] == ["unmet", "unmet", "unknown", "met"]
    assert [line["waiting_for"] for line in lines] == [None, "dl-web to stay up", None, None]
    assert {line["step"] for line in lines} == {"following/run"}
    assert lines[2]["outcomes"][0]["next"] == "start it"
    assert {tuple(line) for line in lines} == {
        ("step", "status", "passed", "outcomes", "mistake", "elapsed_ms", "waiting_for")
    }


@pytest.mark.parametrize("change", [UNMET, LOST, UNKNOWN, DEAD_END])
def test_what_is_foreign_is_made_safe(change: Change) -> None:
    assert "\x1b" not in shown(change)
