"""Terminals take turns at a step's world, and nobody is kept for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dockerlearn.errors import BeingSetUp
from dockerlearn.session import turns
from dockerlearn.session.turns import Turns
from tests.waiting import until

HOLDS = """
import pathlib, sys, time
from dockerlearn.session.turns import Turns
with Turns(pathlib.Path(sys.argv[1])).setting_up():
    print("set up", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "turns.lock"


def test_many_look_at_the_same_time(path: Path) -> None:
    with Turns(path).looking(0.0), Turns(path).looking(0.0):
        pass


def test_nobody_looks_while_somebody_sets_up(path: Path) -> None:
    with Turns(path).setting_up():
        with pytest.raises(BeingSetUp), Turns(path).looking(0.0):
            pytest.fail("it looked")
        waits: list[float] = []
        with pytest.raises(BeingSetUp), Turns(path, clock=lambda: len(waits), sleep=waits.append).looking(3.0):
            pytest.fail("it looked")
        assert len(waits) == 3
    with Turns(path).looking(0.0):
        pass


def test_a_set_up_waits_for_who_looks(path: Path) -> None:
    order: list[str] = []

    def set_up() -> None:
        with Turns(path).setting_up():
            order.append("set up")

    with Turns(path).looking():
        thread = threading.Thread(target=set_up)
        thread.start()
        thread.join(0.2)
        order.append("looked")
    thread.join()
    assert order == ["looked", "set up"]


def test_who_looks_for_ever_keeps_nobody(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SET_UP_SECONDS", 0.1)
    with Turns(path).looking(), Turns(path).setting_up():
        pass


def test_the_turn_of_a_killed_process_is_over(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"set up\n"
        with pytest.raises(BeingSetUp), Turns(path).looking(0.0):
            pytest.fail("it looked")
        os.kill(holder.pid, signal.SIGKILL)
    until(lambda: _looks(path))


def _looks(path: Path) -> bool:
    try:
        with Turns(path).looking(0.0):
            return True
    except BeingSetUp:
        return False


def test_where_there_are_no_locks_nobody_waits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "fcntl", None)
    with Turns(path).setting_up(), Turns(path).looking(0.0):
        pass
    assert not path.exists()
