"""How the tests are divided among runs that are made at the same time."""

from __future__ import annotations

from pathlib import Path

from tests.own_engine import divide

SECONDS = {Path(name): seconds for name, seconds in {"a": 5.0, "b": 90.0, "c": 60.0, "d": 40.0, "e": 5.0}.items()}


def test_shares_take_about_the_same_time() -> None:
    shares = divide(SECONDS, ("one", "two"))
    assert shares == {Path("b"): "one", Path("c"): "two", Path("d"): "two", Path("a"): "one", Path("e"): "one"}


def test_every_run_divides_alike_in_whatever_order_it_found_the_files() -> None:
    there_and_back = dict(reversed(SECONDS.items()))
    assert divide(there_and_back, ("one", "two")) == divide(SECONDS, ("one", "two"))
