"""Pulling several images at once: how far they are, and that one that fails does not stop the others."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from dockerlearn.engine.api import PullNews
from dockerlearn.errors import EngineRejected
from dockerlearn.images.outcome import Outcome
from dockerlearn.images.pull import Amount, pull
from tests.fake_engine import FakeEngine, make_image

NAMES = ("a:1", "b:1", "c:1", "d:1")


class Registry(FakeEngine):
    """An engine whose pulls do what ``does`` says."""

    def __init__(self, does: Callable[[str], None]) -> None:
        super().__init__()
        self.does = does

    def pull(self, reference: str, progress: Callable[[PullNews], None] | None = None) -> None:
        self.does(reference)
        if progress is not None:
            progress(PullNews("layer", "Downloading", 5, 10))


def pulled(engine: FakeEngine, *names: str) -> tuple[tuple[Outcome, ...], list[str], list[str]]:
    told: list[str] = []
    ended: list[str] = []
    outcomes = pull(
        engine, names, told=lambda name, _: told.append(name), ended=lambda outcome: ended.append(outcome.reference)
    )
    return outcomes, told, ended


def test_all_of_them() -> None:
    engine = FakeEngine()
    for name in NAMES:
        engine.registry[f"docker.io/library/{name}"] = make_image(name)
    outcomes, told, ended = pulled(engine, *NAMES)
    assert [outcome.reference for outcome in outcomes] == list(NAMES)
    assert all(outcome.did == "pulled" and outcome.ok for outcome in outcomes)
    assert sorted(told) == sorted(ended) == list(NAMES)
    assert set(engine.image_tags()) == set(NAMES)


def test_one_that_fails_does_not_stop_the_others() -> None:
    def does(name: str) -> None:
        if name in ("a:1", "c:1"):
            raise EngineRejected(f"{name} is not there.", 404, "look elsewhere")

    outcomes, _, ended = pulled(Registry(does), *NAMES)
    assert [(outcome.did, outcome.ok) for outcome in outcomes] == [
        ("failed", False),
        ("pulled", True),
        ("failed", False),
        ("pulled", True),
    ]
    assert (outcomes[0].why, outcomes[0].remedy) == ("a:1 is not there.", "look elsewhere")
    assert len(ended) == 4


def test_some_are_pulled_at_the_same_time_and_no_more() -> None:
    together = threading.Barrier(3, timeout=10)
    running, most, lock = 0, 0, threading.Lock()

    def does(name: str) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if name != "d:1":
            together.wait()  # breaks unless three are here at once
        with lock:
            running -= 1

    assert all(outcome.ok for outcome in pulled(Registry(does), *NAMES)[0])
    assert most == 3


def test_what_is_no_refusal_is_raised_where_it_was_asked_for() -> None:
    def does(name: str) -> None:
        raise ZeroDivisionError(name)

    with pytest.raises(ZeroDivisionError):
        pulled(Registry(does), "a:1")


def test_nothing_to_pull() -> None:
    assert pulled(FakeEngine()) == ((), [], [])


def test_how_far_a_pull_is() -> None:
    amount = Amount()
    for news in (
        PullNews("1.36", "Pulling from library/busybox"),
        PullNews("one", "Pulling fs layer"),
        PullNews("two", "Already exists"),
        PullNews("one", "Downloading", 30, 100),
        PullNews("three", "Downloading", 20, 50),
    ):
        amount.take(news)
    assert (amount.done, amount.total, amount.status) == (50, 150, "Downloading")
    amount.take(PullNews("one", "Verifying Checksum"))
    assert (amount.done, amount.total) == (120, 150)
    # How far it is unpacked is told in other numbers, which are none of what is fetched.
    amount.take(PullNews("one", "Extracting", 10, 100))
    amount.take(PullNews("three", "Downloading", 70, 50))
    assert (amount.done, amount.total, amount.status) == (150, 150, "Downloading")


def test_news_as_a_line() -> None:
    assert PullNews("one", "Downloading", 1_500_000, 3_000_000).line == "one Downloading 1.5 of 3.0 MB"
    assert PullNews("", "Status: Image is up to date").line == "Status: Image is up to date"
