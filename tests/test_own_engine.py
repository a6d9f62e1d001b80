"""How the files of tests are divided among runs that are made at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import own_engine

TAKING = """
import sys
from pathlib import Path
from tests.own_engine import take
print([name for name in sys.argv[1:] if take(Path(name)) and take(Path(name))])
"""


CONFTEST = """
import pytest
from tests import own_engine

def pytest_runtestloop(session):
    return own_engine.run_taken(session)

@pytest.fixture(scope="session")
def whole():
    yield

@pytest.fixture(scope="module")
def kept(whole):
    yield
"""

TESTS = """
def test_it(kept):
    pass
"""


def test_a_run_that_is_alone_does_everything() -> None:
    assert own_engine.take(Path("alone.py"))


def test_each_file_is_done_by_the_run_that_took_it_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(own_engine.TAKEN, str(tmp_path))
    took = [
        subprocess.run([sys.executable, "-c", TAKING, *names], capture_output=True, text=True, check=True).stdout
        for names in (["a.py", "b.py"], ["b.py", "c.py"], ["a.py", "c.py"])
    ]
    assert took == ["['a.py', 'b.py']\n", "['c.py']\n", "[]\n"]


def test_what_a_file_has_is_taken_down_though_another_run_takes_the_next_one(tmp_path: Path) -> None:
    """Folders and fixtures of a file are let go before a file elsewhere is begun; that once went wrong."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    for name in ("one/test_a.py", "one/test_b.py", "two/test_c.py"):
        (tmp_path / name).write_text(TESTS)
    taken = tmp_path / "taken"
    taken.mkdir()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-q",
        "--import-mode=importlib",
        "--setup-show",
    ]
    environment = {**os.environ, own_engine.TAKEN: str(taken)}
    subprocess.run(
        [*command, "one/test_b.py"], cwd=tmp_path, env=environment, check=True, capture_output=True
    )  # another run
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert done.stdout.count("TEARDOWN M kept") == 2
    assert done.stdout.count("SETUP    S whole") == 1
    third = subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
    assert "passed" not in third.stdout


def test_files_that_no_share_has_taken_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [Path("a.py"), Path("b.py")]
    alone = own_engine.shares(1, tmp_path / "alone")
    assert [dict(run.told) for run in alone] == [{}]
    runs = own_engine.shares(2, tmp_path / "taken")
    assert [run.told[own_engine.SHARE] for run in runs] == ["share-1", "share-2"]
    program = [sys.executable, "-c", TAKING, "b.py"]
    subprocess.run(program, env={**os.environ, **runs[0].told}, capture_output=True, check=True)
    assert own_engine.left_over(files, tmp_path / "taken") == [Path("a.py")]
