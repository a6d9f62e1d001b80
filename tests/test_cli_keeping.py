"""What was done, taken elsewhere, and cleaned up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dockerlearn.errors import NoEngine
from tests.cli_support import Learner
from tests.fake_engine import FakeEngine, make_image


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    return Learner(tmp_path)


@pytest.fixture
def done(learner: Learner) -> Learner:
    learner("start", "one/cup", code=0)
    learner.make_cup()
    learner("check", code=0)
    return learner


def test_progress(learner: Learner) -> None:
    assert learner("progress", code=0).out == "Nothing yet. dockerlearn start begins the first lesson.\n"
    learner("start", "one/cup", code=0)
    learner.make_cup()
    learner("next", code=0)
    learner("skip", code=0)
    told = learner("progress", "--json", code=0).json
    assert set(told) == {"lessons", "history"}
    assert told["lessons"][0] == {"id": "one", "title": "The first lesson", "passed": 1, "of": 4}
    assert [set(mark) for mark in told["history"]] == [{"lesson", "step", "kind", "at"}] * 2
    assert [(mark["step"], mark["kind"]) for mark in told["history"]] == [("cup", "passed"), ("word", "skipped")]
    shown = learner("progress", code=0).out
    assert shown.startswith("one  The first lesson, 1 of 4 passed\n  ✓ cup   2")
    assert shown.endswith("  ▸ which  open\n")
    assert "The second lesson" not in shown


def test_progress_moves_to_another_machine(done: Learner, tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    assert "progress import" in done("progress", "export", str(file), code=0).err
    (tmp_path / "other").mkdir()
    other = Learner(tmp_path / "other")
    assert other("progress", "import", str(file), "--json", code=0).json == {"new": 1}
    assert other("progress", "import", str(file), code=0).out.startswith("Nothing new")
    assert other("lessons", "--json", code=0).json["lessons"][0]["steps"][1]["status"] == "passed"
    printed = done("progress", "export", "-", code=0).out
    assert json.loads(printed) == json.loads(file.read_text())
    assert [path.name for path in tmp_path.glob(".progress*")] == []


def test_an_export_overwrites_nothing_but_an_export(done: Learner, tmp_path: Path) -> None:
    file = tmp_path / "thesis.json"
    file.write_text("precious")
    assert "left alone" in done("progress", "export", str(file), code=2).err
    assert file.read_text() == "precious"
    done("progress", "export", str(tmp_path / "p"), code=0)
    done("progress", "export", str(tmp_path / "p"), code=0)
    assert "No such file" in done("progress", "export", str(tmp_path / "no" / "p"), code=3).told


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": "x", "marks": []}', "[" * 100_000])
def test_an_import_that_is_none(learner: Learner, tmp_path: Path, content: str) -> None:
    file = tmp_path / "p"
    file.write_text(content)
    ended = learner("progress", "import", str(file), code=2)
    assert "not an export" in ended.err
    assert "There is no file" in learner("progress", "import", str(tmp_path / "none"), code=2).err


def test_an_import_of_a_newer_version(learner: Learner, tmp_path: Path) -> None:
    file = tmp_path / "p"
    file.write_text('{"format": 99, "marks": []}')
    assert "newer" in learner("progress", "import", str(file), code=3).err


def test_clean_lists_asks_and_keeps_what_is_foreign(done: Learner) -> None:
    done.engine.add("dl-models")
    declined = done("clean", typed="\n", code=2)
    assert declined.out.startswith("remove    container dl-cup\n")
    assert "Remove this? [y/N]" in declined.err
    assert set(done.engine.by_name) == {"dl-cup", "dl-models"}
    assert done("clean", typed="y\n", code=0).out.endswith("removed   container dl-cup\n")
    assert set(done.engine.by_name) == {"dl-models"}
    assert "nothing of the course's" in done("clean", code=0).out


def test_clean_does_nothing_without_a_terminal(done: Learner) -> None:
    ended = done("clean", code=2)
    assert ended.err.endswith("  dockerlearn clean --yes\n")
    assert "dl-cup" in done.engine.by_name
    listed = done("clean", "--json", code=2).json
    assert set(listed) == {"items", "unnamed", "folders", "done"}
    assert listed["items"] == [
        {"kind": "container", "name": "dl-cup", "action": "remove", "reason": "", "remedy": None}
    ]
    assert listed["done"] is None
    removed = done("clean", "--json", "--yes", code=0).json
    assert removed["done"] == [{"kind": "container", "name": "dl-cup", "did": "removed", "reason": ""}]
    assert done("clean", "--json", code=0).json["items"] == []


def test_clean_finds_what_was_made_since_the_last_look(learner: Learner) -> None:
    learner("start", "one/cup", code=0)
    learner.make_cup()
    learner("clean", "--yes", code=0)
    assert "dl-cup" not in learner.engine.by_name


def test_clean_tells_what_was_made_without_a_name_and_leaves_it(done: Learner) -> None:
    there = done.engine.by_name["dl-cup"]
    done.engine.add("eager_turing", created=there.created, image_id=there.image_id, image_ref=there.image_ref)
    told = done("clean", "--yes", code=0).out
    assert "leave     container eager_turing: made from " in told
    assert "→ docker rm -f eager_turing\n" in told
    assert set(done.engine.by_name) == {"eager_turing"}
    (one,) = done("clean", "--json", code=0).json["unnamed"]
    assert (one["kind"], one["name"], one["remedy"]) == ("container", "eager_turing", "docker rm -f eager_turing")
    assert one["reason"]


class LosingEngine(FakeEngine):
    """Cannot be reached from the first removal of a container on."""

    def remove_container(self, container_id: str) -> bool:
        self.failure = NoEngine("No engine runs.", "dockerlearn engine up")
        return super().remove_container(container_id)


@pytest.mark.parametrize("way", ["text", "json"])
def test_clean_tells_that_the_engine_is_lost(learner: Learner, way: str) -> None:
    learner.engine = LosingEngine(make_image("busybox:1.36"))
    learner("start", "one/cup", code=0)
    learner.make_cup()
    learner("check", code=0)
    ended = learner("clean", "--yes", *(["--json"] if way == "json" else []), code=3)
    if way == "json":
        assert [one["did"] for one in ended.json["done"]] == ["left"]
    else:
        assert "left      container dl-cup: the engine could not be asked any more\n" in ended.out
    assert "No engine runs." in ended.err
    assert "dockerlearn engine up" in ended.err
    sound = FakeEngine(*learner.engine.images.values())
    sound.by_name = learner.engine.by_name
    learner.engine = sound
    assert learner("clean", "--yes", code=0).out.endswith("removed   container dl-cup\n")
