"""Tests that run on other engines, too: once for each, by the run that is for it, or not at all and with the reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dockerlearn.course.packs import open_pack
from tests import conftest, engines, matrix, own_engine

NEWEST = "tests/live/test_newest_live.py"


def collected(file: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", file]
    # In a run of its own: the one that this is a test of may be for an engine itself.
    kept = {
        name: value for name, value in os.environ.items() if name not in own_engine.VARIABLES - {own_engine.PROGRAMS}
    }
    told = subprocess.run(command, cwd=matrix.ROOT, env=kept, capture_output=True, text=True, check=True).stdout
    return [line.partition("::")[2] for line in told.splitlines() if "::" in line]


def test_each_lesson_is_gone_through_on_the_newest_with_the_store_of_before() -> None:
    ids = collected(NEWEST)
    for lesson in open_pack().lessons:
        assert f"test_a_lesson_from_its_start_to_its_end[28.5-{lesson}]" in ids
    assert "test_every_claim_about_a_step_holds[28.5-build-cache]" in ids


@pytest.mark.parametrize("lesson", open_pack().lessons)
def test_each_step_is_proven_here_and_on_the_newest(lesson: str) -> None:
    ids = collected(f"tests/live/test_{lesson.replace('-', '_')}_live.py")
    for cell in ("here", "28.5-containerd"):
        steps = {f"test_every_claim_about_a_step_holds[{cell}-{step.id}]" for step in open_pack().lesson(lesson).steps}
        assert steps <= set(ids) or f"test_every_claim_about_it_holds[{cell}]" in ids


def test_what_is_marked_runs_here_too_and_in_the_matrix_as_if_it_were_not(monkeypatch: pytest.MonkeyPatch) -> None:
    file = "tests/live/test_events_live.py"
    name = "test_with_which_signal_and_code"
    assert {f"{name}[{cell}]" for cell in ("here", "28.5", "28.5-containerd")} <= set(collected(file))
    monkeypatch.setenv(own_engine.PROGRAMS, "/nonexistent")
    assert name in collected(file)


def test_the_checks_run_on_podman_too() -> None:
    ids = collected("tests/live/test_checks_live.py")
    here, podman = ({name for name in ids if f"[{cell}" in name} for cell in ("here", "podman"))
    assert len(here) == len(podman) > 20
    assert collected("tests/live/test_first_run_live.py").count("test_from_its_first_step_to_its_last[podman]") == 1


def item(cell: str | None, **more: Any) -> Any:
    path, name = conftest.LIVE / "test_x_live.py", "test_x"
    return SimpleNamespace(callspec=SimpleNamespace(params={"cell": cell, **more}), path=path, name=name)


def test_a_run_does_what_is_for_its_engine() -> None:
    plain, here, newest, other = SimpleNamespace(), item(None), item("28.5"), item("28.5-containerd", lesson="x")
    items: Any = [plain, here, newest, other]
    assert conftest.by_engine(items, None) == ([plain, here], [newest, other])
    assert conftest.by_engine(items, "28.5") == ([newest], [plain, here, other])


def test_there_is_a_run_for_each_engine_and_a_reason_where_one_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def environment(cell: matrix.Cell, folder: Path, say: object) -> dict[str, str]:
        if cell.store == "containerd":
            raise engines.NotFetched("no network")
        return {own_engine.PROGRAMS: str(folder / "bin"), own_engine.STORE: cell.store}

    monkeypatch.setattr(matrix, "environment", environment)
    monkeypatch.setattr(matrix, "engine_of", lambda _: "28.5.2")
    said: list[str] = []
    items = [item(cell) for cell in ("28.5-containerd", "28.5", "28.5-containerd")]
    runs, lacking = conftest.others(items, tmp_path, said.append)
    assert [run.name for run in runs] == ["28.5: engine 28.5.2, overlay2, client 28.5, BuildKit"]
    assert runs[0].told[own_engine.CELL] == "28.5"
    assert runs[0].told[own_engine.PROGRAMS] == str(tmp_path / "28.5" / "bin")
    assert lacking == ["FAILED: the tests on engine 28.5-containerd could not be run. no network"]
    assert lacking[0] in said


def test_much_on_another_engine_is_divided_and_what_nobody_did_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(cell: matrix.Cell, folder: Path, say: object) -> dict[str, str]:
        return {own_engine.STORE: cell.store}

    def proof(cell: str, file: str) -> Any:
        name = "test_every_claim_about_it_holds[x]"
        return SimpleNamespace(callspec=item(cell).callspec, path=conftest.LIVE / file, name=name)

    monkeypatch.setattr(matrix, "environment", told)
    monkeypatch.setattr(matrix, "described", lambda *_: "new")
    items = [proof("28.5-containerd", file) for file in ("a.py", "b.py")]
    runs, lacking = conftest.others(items, tmp_path, lambda _: None)
    assert ([run.name for run in runs], lacking) == (["28.5-containerd: new-1", "28.5-containerd: new-2"], [])
    assert [run.told[own_engine.SHARE] for run in runs] == ["engine-28.5-containerd-1", "engine-28.5-containerd-2"]
    assert {run.told[own_engine.CELL] for run in runs} == {"28.5-containerd"}
    (taken,) = {run.told[own_engine.TAKEN] for run in runs}
    assert conftest.not_done(items, runs) == ["a.py on 28.5-containerd", "b.py on 28.5-containerd"]
    monkeypatch.setenv(own_engine.TAKEN, taken)
    own_engine.take.cache_clear()
    assert own_engine.take(conftest.LIVE / "a.py")
    own_engine.take.cache_clear()
    assert conftest.not_done(items, runs) == ["b.py on 28.5-containerd"]
