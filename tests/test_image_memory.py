"""What is read inside images is read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dockerlearn.engine.api import PathInContainer
from dockerlearn.engine.snapshots import ImageSnapshot
from dockerlearn.world import image_memory
from dockerlearn.world.image_memory import ImageMemory
from dockerlearn.world.world import Scope, World
from tests.fake_engine import FakeEngine, make_image


class Looks:
    """Counts the looks; every path holds its own name."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, _: ImageSnapshot, paths: Sequence[str]) -> Mapping[str, PathInContainer | None]:
        self.asked.append(tuple(paths))
        return {path: None if "none" in path else PathInContainer("file", 0o644, 1, path.encode()) for path in paths}


def test_only_what_is_not_known_is_looked_at() -> None:
    memory, look, image = ImageMemory(), Looks(), make_image("a:1")
    assert memory.paths(image, ["/x", "/none"], look)["/none"] is None
    assert memory.paths(image, ["/none", "/x", "/y"], look).keys() == {"/none", "/x", "/y"}
    assert look.asked == [("/x", "/none"), ("/y",)]
    memory.paths(make_image("b:1"), ["/x"], look)
    assert look.asked[2:] == [("/x",)]


def test_it_is_bounded_and_still_answers() -> None:
    memory, look, image = ImageMemory(), Looks(), make_image("a:1")
    many = [f"/{number}" for number in range(image_memory.MOST + 5)]
    assert list(memory.paths(image, many, look)) == many
    memory.paths(image, ["/0", many[-1]], look)
    assert look.asked[1:] == [("/0",)]


def test_looks_that_share_a_memory_make_one_helper() -> None:
    engine = FakeEngine(make_image("busybox:1.36"))
    image = next(iter(engine.images.values()))
    engine.image_files[image.id] = {"/etc/x": PathInContainer("file", 0o644, 1, b"x")}
    memory = ImageMemory()
    for _ in range(3):
        seen = World(engine, Path("/"), Scope(), memory=memory).image_paths(image, ("/etc/x",))
        assert seen["/etc/x"] is not None
    assert engine.calls.count("create_container") == 1
    World(engine, Path("/"), Scope()).image_paths(image, ("/etc/x",))
    assert engine.calls.count("create_container") == 2
