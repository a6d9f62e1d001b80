"""What a step begins with: what is compared, and what is left out because it is the learner's or differs each time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dockerlearn.author import beginning
from dockerlearn.checks.container import Container
from dockerlearn.checks.image import Image
from dockerlearn.checks.volume import Volume
from dockerlearn.course.models import Lesson, Step
from dockerlearn.engine.snapshots import Mount
from dockerlearn.session.session import Place
from dockerlearn.setup.spec import SetupFile
from tests.fake_engine import FakeEngine, make_image


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(make_image("busybox:1.36"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    step = Step(
        id="s", title="S", files=["site/", "Dockerfile"], setup=[SetupFile(file="note", content="x")],
        check=[Container(container="dl-a"), Image(image="dl-app:v1"), Volume(volume="dl-v")],
    )  # fmt: skip
    lesson = Lesson(title="L", level="foundation", summary="s", minutes=1, steps=[step])
    for name in (
        "materials/site/index.html",
        "materials/Dockerfile",
        "work/site/index.html",
        "work/Dockerfile",
        "work/note",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as given")
    return Place("l", lesson, step, None, None, tmp_path / "work")


def compare(engine: FakeEngine, place: Place, change: object) -> str | None:
    """Say what is different after ``change``, a function or nothing."""
    materials = place.folder.parent / "materials"
    before = beginning.of(engine, place, materials)
    if callable(change):
        change()
    return beginning.difference(before, beginning.of(engine, place, materials))


def test_the_same_is_the_same(engine: FakeEngine, place: Place) -> None:
    engine.add("dl-a")
    assert compare(engine, place, None) is None


def test_a_container_made_anew_alike_is_the_same(engine: FakeEngine, place: Place) -> None:
    engine.add("dl-a", id="1" * 64)
    assert compare(engine, place, lambda: engine.add("dl-a", id="2" * 64, created=datetime.now(UTC))) is None


def test_a_volume_without_a_name_is_another_one_each_time(engine: FakeEngine, place: Place) -> None:
    def mounted(name: str, *, anonymous: bool) -> tuple[Mount, ...]:
        return (Mount("volume", f"/var/lib/{name}", "/data", False, name=name, anonymous=anonymous),)

    engine.add("dl-a", mounts=mounted("1" * 64, anonymous=True))
    assert compare(engine, place, lambda: engine.change("dl-a", mounts=mounted("2" * 64, anonymous=True))) is None
    assert compare(engine, place, lambda: engine.change("dl-a", mounts=mounted("dl-v", anonymous=False))) is not None


def test_what_is_not_as_it_was_is_told(engine: FakeEngine, place: Place) -> None:
    engine.add("dl-a")
    assert "container dl-a was running" in str(compare(engine, place, lambda: engine.change("dl-a", status="exited")))
    assert "command" in str(compare(engine, place, lambda: engine.change("dl-a", argv=("other",))))
    assert compare(engine, place, engine.by_name.clear) == "container dl-a is missing"
    told = compare(engine, place, lambda: engine.add_image(make_image("dl-app:v1")))
    assert told == "image dl-app:v1 was not there before"
    assert compare(engine, place, lambda: engine.add_volume("dl-v")) == "volume dl-v was not there before"


def test_files_that_are_given_count_and_the_learners_own_do_not(engine: FakeEngine, place: Place) -> None:
    def write(name: str) -> None:
        (place.folder / name).write_text("another")

    assert compare(engine, place, lambda: write("site/index.html.yours-1")) is None
    assert compare(engine, place, lambda: write("mine")) is None
    for name in ("site/index.html", "Dockerfile", "note"):
        assert f"file {name} was" in str(compare(engine, place, lambda name=name: write(name)))
    assert compare(engine, place, (place.folder / "note").unlink) == "file note is missing"


def test_what_others_have_does_not_count(engine: FakeEngine, place: Place) -> None:
    assert compare(engine, place, lambda: engine.add("dl-other")) is None
