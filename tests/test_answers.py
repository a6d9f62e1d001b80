"""Answers are compared as a patient teacher would."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dockerlearn.course.models import AnswerSource, Choice, WrongAnswer
from dockerlearn.course.packs import open_pack
from dockerlearn.engine.snapshots import Binding, Membership
from dockerlearn.errors import SetupFailed, UsageError
from dockerlearn.session.answers import choice_of, matches, read_source, same
from tests.fake_engine import FakeEngine, make_image

ID = "3ab634bf0748" + "c" * 52


@pytest.mark.parametrize(
    ("given", "right", "expected"),
    [
        ("token", "token", True),
        ("  Token. ", "token", True),
        ("'token'", "token", True),
        ("`/etc/x.conf`", "/etc/x.conf", True),
        ("two  words", "two words", True),
        ("tokens", "token", False),
        ("", "token", False),
        ("  ", "token", False),
        ('""', "", False),
        ("3ab634bf0748", ID, True),
        ("3AB634BF0748", f"sha256:{ID}", True),
        (f"sha256:{ID}", ID, True),
        ("sha256:3ab634", ID, True),
        ("3ab634bf0748…", ID, True),
        ("3ab63", ID, False),
        ("3", ID, False),
        ("sha256:", ID, False),
        ("4ab634bf0748", ID, False),
        (ID + "0", ID, False),
        ("2 MB", "2000kB", True),
        ("8080", "8080", True),
        ("8081", "8080", False),
        ("1.0", "1", True),
    ],
)
def test_same(given: str, right: str, *, expected: bool) -> None:
    assert same(given, right) is expected


CHOICES = [Choice(text="The old one", say=""), Choice(text="the new one", say="", right=True)]


@pytest.mark.parametrize(("text", "index"), [("1", 0), (" 2 ", 1), ("b", 1), ("A", 0), ("The new one.", 1)])
def test_a_choice_is_meant_by_number_letter_or_text(text: str, index: int) -> None:
    assert choice_of(text, CHOICES) == index


@pytest.mark.parametrize("text", ["", "0", "3", "-1", "c", "one", "²", "1 2", "\x1b[31m1"])
def test_what_is_none_of_the_choices_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        choice_of(text, CHOICES)
    assert "from 1 to 2" in str(caught.value.remedy)
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("ip", ("172.17.0.2", "10.0.0.9")),
        ("hostname", ("box",)),
        ("name", ("dl-web",)),
        ("status", ("exited",)),
        ("exit_code", ("3",)),
        ("port:80/tcp", ("8080",)),
        ("port:80", ("8080",)),
        ("port:81", ()),
    ],
)
def test_fields_of_a_container(field: str, expected: tuple[str, ...]) -> None:
    engine = FakeEngine(make_image("busybox:1.36"))
    there = engine.add(
        "dl-web",
        hostname="box",
        status="exited",
        exit_code=3,
        published={"80/tcp": (Binding("", 8080),)},
        networks=(
            Membership("bridge", "b", "172.17.0.2", frozenset()),
            Membership("none", "n", None, frozenset()),
            Membership("own", "o", "10.0.0.9", frozenset()),
        ),
    )
    assert read_source(AnswerSource(container="dl-web", field=field), engine) == expected
    assert read_source(AnswerSource(container="dl-web", field="id"), engine) == (there.id,)
    assert "busybox:1.36" in read_source(AnswerSource(container="dl-web", field="image"), engine)


def test_fields_of_the_engine() -> None:
    engine = FakeEngine()
    assert read_source(AnswerSource(engine="kernel"), engine) == ("6.1.0",)
    assert read_source(AnswerSource(engine="version"), engine) == ("20.10.24",)


def test_the_id_is_read_from_an_image_by_the_packs_name_or_its_own() -> None:
    image = make_image("busybox:1.36", "dl-tools:v1")
    engine = FakeEngine(image)
    pack = {"busybox": "busybox:1.36"}
    assert read_source(AnswerSource(image="busybox", field="id"), engine, pack) == (image.id,)
    assert read_source(AnswerSource(image="dl-tools:v1", field="id"), engine, pack) == (image.id,)


@pytest.mark.parametrize(("name", "remedy"), [("busybox", "docker pull busybox:1.36"), ("dl-tools:v1", "redo")])
def test_an_image_that_is_not_there_cannot_be_asked_about(name: str, remedy: str) -> None:
    with pytest.raises(SetupFailed) as caught:
        read_source(AnswerSource(image=name, field="id"), FakeEngine(), {"busybox": "busybox:1.36"})
    assert remedy in str(caught.value.remedy)


def test_a_container_that_is_gone_cannot_be_asked_about() -> None:
    with pytest.raises(SetupFailed) as caught:
        read_source(AnswerSource(container="dl-web", field="id"), FakeEngine())
    assert "redo" in str(caught.value.remedy)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"equals": "a", "matches": "b", "try": "b"},
        {"equals": "a", "from": {"engine": "kernel"}},
        {"matches": "a"},
        {"equals": "a", "try": "a"},
        {"matches": "(", "try": "("},
    ],
)
def test_a_wrong_answer_that_means_nothing_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)):
        msgspec.convert({**raw, "say": "That is its name."}, WrongAnswer)


def test_a_wrong_answer_is_known_by_a_pattern() -> None:
    known = WrongAnswer(matches="^Linux [0-9]", try_="Linux 6", say="That is all of it.")
    assert matches("  Linux   6.1 ", known)
    assert not matches("6.1", known)
    assert not matches("", WrongAnswer(equals="", say="Nothing."))


def test_each_step_of_the_course_that_asks_knows_wrong_answers() -> None:
    pack = open_pack()
    asking = [step for lesson in pack.lessons for step in pack.lesson(lesson).steps if step.answer is not None]
    assert len(asking) >= 15
    assert [step.id for step in asking if step.answer is None or not step.answer.wrong] == []


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"container": "a"},
        {"container": "a", "field": "x"},
        {"engine": "cpu"},
        {"engine": "id", "container": "a"},
        {"image": "a"},
        {"image": "a", "field": "ip"},
        {"image": "a", "engine": "id"},
    ],
)
def test_a_source_that_means_nothing_is_refused(raw: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=":"):
        AnswerSource(**raw)
