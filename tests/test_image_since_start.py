"""Checks of an image against what carried its name when the step began."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockerlearn.checks.image import Image
from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.engine.snapshots import ImageSnapshot
from dockerlearn.world.world import Scope, World
from tests.fake_engine import FakeEngine, make_image

NAME = "dl-cake:v2"
BEGAN = make_image(NAME)
OTHER = make_image("dl-cake:v3")


def seen(*images: ImageSnapshot, began: ImageSnapshot | None = BEGAN, check: Image) -> Outcome:
    baseline = {f"image docker.io/library/{NAME}": began.id} if began is not None else {}
    return check.look(World(FakeEngine(*images), Path("/"), Scope(baseline=baseline)))


class TestGone:
    CHECK = Image(image=NAME, gone=True)

    def test_it_is(self) -> None:
        assert seen(OTHER, check=self.CHECK).met

    def test_its_name_was_not_there_when_the_step_began(self) -> None:
        assert seen(OTHER, began=None, check=self.CHECK).met

    def test_it_is_there(self) -> None:
        assert seen(BEGAN, check=self.CHECK).status is Status.UNMET

    @pytest.mark.parametrize(("tags", "told"), [(("dl-kept:v1",), "dl-kept:v1"), ((), BEGAN.id[7:19])])
    def test_only_its_name_is(self, tags: tuple[str, ...], told: str) -> None:
        kept = make_image(*tags, id=BEGAN.id)
        outcome = seen(kept, check=self.CHECK)
        assert outcome.status is Status.UNMET
        assert told in outcome.found
        assert outcome.next == f"docker rmi {told}"
        assert seen(kept, check=Image(image=NAME, absent=True)).met


class TestSameAsAtStart:
    CHECK = Image(image=NAME, same_as_at_start=True)

    def test_it_is(self) -> None:
        assert seen(BEGAN, check=self.CHECK).met

    def test_the_name_was_moved(self) -> None:
        outcome = seen(make_image(id=BEGAN.id), make_image(NAME, id=OTHER.id), check=self.CHECK)
        assert outcome.status is Status.UNMET
        assert outcome.next == f"docker tag {BEGAN.id[7:19]} {NAME}"

    def test_the_name_was_moved_and_the_image_is_gone(self) -> None:
        outcome = seen(make_image(NAME, id=OTHER.id), check=self.CHECK)
        assert (outcome.status, outcome.next) == (Status.UNMET, "dockerlearn redo")

    def test_it_is_not_known(self) -> None:
        assert seen(BEGAN, began=None, check=self.CHECK).status is Status.UNKNOWN


class TestReplaced:
    CHECK = Image(image=NAME, replaced=True)
    NEW = make_image(NAME, id=OTHER.id, layers=("sha256:new",))

    def test_it_is(self) -> None:
        assert seen(self.NEW, check=self.CHECK).met

    def test_it_is_what_it_was(self) -> None:
        assert seen(BEGAN, check=self.CHECK).found == "it is what it was"
        built_again = make_image(NAME, id=OTHER.id, layers=BEGAN.layers)
        assert (
            seen(built_again, make_image(id=BEGAN.id, layers=BEGAN.layers), check=self.CHECK).found
            == "it is what it was"
        )

    @pytest.mark.parametrize(("tags", "told"), [(("dl-kept:v1",), "dl-kept:v1"), ((), BEGAN.id[7:19])])
    def test_the_old_one_is_left(self, tags: tuple[str, ...], told: str) -> None:
        outcome = seen(self.NEW, make_image(*tags, id=BEGAN.id), check=self.CHECK)
        assert (outcome.status, outcome.next) == (Status.UNMET, f"docker rmi {told}")

    def test_there_is_none(self) -> None:
        assert seen(OTHER, check=self.CHECK).status is Status.UNMET

    def test_it_is_not_known(self) -> None:
        assert seen(self.NEW, began=None, check=self.CHECK).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({}, True),
        ({"labels": {"dockerlearn.nonce": "b"}}, True),
        ({"labels": {"approved": "yes"}}, False),
        ({"user": "app"}, False),
        ({"workdir": "/srv"}, False),
        ({"exposed": frozenset({"80/tcp"})}, False),
        ({"layers": ("sha256:other",)}, False),
    ],
)
def test_the_same_image_is_the_same_layers_and_configuration(fields: dict[str, object], same: bool) -> None:
    built_again = make_image("dl-cake:again", **{"layers": BEGAN.layers, **fields})
    outcome = seen(BEGAN, built_again, check=Image(image="dl-cake:again", same_as=NAME))
    assert outcome.met is same, outcome
