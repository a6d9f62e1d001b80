"""What a field may ask for; each matcher says yes and no."""

from __future__ import annotations

import time

import msgspec
import pytest

from dockerlearn.checks.matchers import Match, Wanted, describe, fits, fits_some, quantity


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ("sh", "sh", True),
        ("sh", "bash", False),
        ("sh", "SH", False),
        ("sh", None, False),
        ("", "", True),
        ("", "x", False),
        ("any", "x", True),
        ("any", "", False),
        ("any", None, False),
        ("any", 0, True),
        ("none", None, True),
        ("none", "", True),
        ("none", "x", False),
        ("none", 0, False),
        ("0", 0, True),
        ("3", 0, False),
        ("8080", 8080, True),
        ("20MB", 20_000_000, True),
        ("512m", 512 * 1024 * 1024, True),
        ("512m", 512_000_000, False),
        ("many", 3, False),
        (Match(contains="dat"), "a date", True),
        (Match(contains="dat"), "a day", False),
        (Match(contains="dat"), None, False),
        (Match(contains=["out", "err"]), "out err", True),
        (Match(contains=["out", "err"]), "out", False),
        (Match(matches=r"^\d+$"), "123", True),
        (Match(matches=r"^\d+$"), "12a", False),
        (Match(matches="x*"), None, False),
        (Match(one_of=["0", "137"]), 137, True),
        (Match(one_of=["0", "137"]), 1, False),
        (Match(not_="root"), "app", True),
        (Match(not_="root"), "root", False),
        (Match(not_="root"), None, True),
        (Match(not_=Match(contains="x")), "axb", False),
        (Match(greater="20MB"), 20_000_001, True),
        (Match(greater="20MB"), 20_000_000, False),
        (Match(greater="3"), "many", False),
        (Match(greater="3"), None, False),
        (Match(less="30s"), "29", True),
        (Match(less="30s"), "30", False),
        (Match(between=("1", "3")), 3, True),
        (Match(between=("1", "3")), 4, False),
        (Match(length="3"), "abc", True),
        (Match(length="3"), "ab", False),
        (Match(length=Match(greater="2")), "abc", True),
        (Match(contains="a", not_="abc"), "abc", False),
    ],
)
def test_fits(wanted: Wanted, found: str | int | None, *, expected: bool) -> None:
    assert fits(wanted, found) is expected


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ("any", [], False),
        ("any", ["a"], True),
        ("none", [], True),
        ("none", ["a"], False),
        ("a", ["b", "a"], True),
        ("a", ["b"], False),
        (Match(not_="a"), ["b", "a"], False),
        (Match(not_="a"), ["b"], True),
        (Match(length="2"), ["a", "b"], True),
        (Match(length="2"), ["a"], False),
        (Match(contains="a"), ["xay"], True),
        (Match(contains="a"), [], False),
    ],
)
def test_fits_some(wanted: Wanted, found: list[str], *, expected: bool) -> None:
    assert fits_some(wanted, found) is expected


def test_a_hostile_pattern_cannot_hang() -> None:
    began = time.monotonic()
    assert not fits(Match(matches=r"^(a+)+$"), "a" * 50_000 + "!")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"matches": "("},
        {"matches": r"(?=x)"},
        {">": "many"},
        {"between": ["1", "z"]},
        {"like": "x"},
        {"means": "anything"},
        {"between": ["1"]},
    ],
)
def test_a_matcher_that_means_nothing_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(raw, Match, strict=False)


def test_quantities() -> None:
    assert quantity("1.5s") == 1.5
    assert quantity("250ms") == 0.25
    assert quantity("1GiB") == 2**30
    assert quantity("1gb") == 1e9
    assert quantity("") is None
    assert quantity("12 monkeys") is None


def test_what_is_wanted_is_said_in_words() -> None:
    assert describe(Match(contains=["a", "b"])) == 'text with "a" and "b"'
    assert describe(Match(one_of=["0", "137"])) == "one of 0, 137"
    assert describe(Match(greater="1", less="5")) == "more than 1, less than 5"
    assert describe(Match(between=("1", "2"))) == "1 to 2"
    assert describe(Match(length="2")) == "2 of them"
    assert describe("") == "nothing"
    assert describe(Match(matches=r"\d\d:\d\d")) == r"text like /\d\d:\d\d/"
    assert describe(Match(matches=r"\d\d:\d\d", means="a time of day")) == "a time of day"
    assert describe(Match(contains="a", not_=Match(matches="a.*a", means="two of them"))) == (
        'text with "a", anything but two of them'
    )


def test_words_for_a_pattern_want_nothing() -> None:
    assert fits(Match(matches="^a", means="b"), "a")
    assert not fits(Match(matches="^a", means="b"), "b")
