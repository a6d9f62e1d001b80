"""What events tell for certain, and what not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dockerlearn.engine.snapshots import EventSnapshot
from dockerlearn.errors import EngineRejected, EngineSilent
from dockerlearn.setup.traces import Memory, Volume
from tests.fake_engine import FakeEngine

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ONE, OTHER = "a" * 64, "b" * 64
NAME = "docker.io/library/dl-app:v1"


def event(
    kind: str, action: str, identifier: str, name: str = "", *, after: int = 1, **attributes: str
) -> EventSnapshot:
    return EventSnapshot(int((BEGAN + timedelta(seconds=after)).timestamp()) * 10**9, kind, action, identifier, name,
                         attributes=attributes)  # fmt: skip


FIRST = event("container", "die", "x", after=0)
DELETED = event("image", "delete", "i1", "i1")
TAGGED, UNTAGGED = event("image", "tag", "i1", "dl-app:v1"), event("image", "untag", "i1", "i1")


def test_images_by_the_names_they_were_given() -> None:
    memory = Memory([
        event("image", "tag", "i0", "dl-app:v1", after=-1),
        event("image", "tag", "i1", "dl-app:v1"),
        event("image", "tag", "i2", "docker.io/library/dl-app:v1"),
        event("image", "tag", "i3", "dl-app"),
        event("image", "untag", "i4", "dl-app:v1"),
        event("image", "pull", "dl-app:v1", "dl-app"),
        event("container", "tag", "i5", "dl-app:v1"),
    ])  # fmt: skip
    assert memory.images_tagged({NAME}, BEGAN) == {"i1": NAME, "i2": NAME}


def test_all_names_are_known_only_where_the_memory_reaches_back() -> None:
    tagged = event("image", "tag", "i1", "dl-app:v1")
    assert Memory([FIRST, tagged]).had_only("i1", {NAME}, BEGAN)
    assert not Memory([FIRST, tagged]).had_only("i1", {NAME}, BEGAN - timedelta(seconds=1))
    assert not Memory([]).had_only("i1", {NAME}, BEGAN)
    assert not Memory([FIRST, tagged, event("image", "tag", "i1", "theirs:v1")]).had_only("i1", {NAME}, BEGAN)
    assert not Memory([FIRST, tagged, event("image", "load", "i1", "i1")]).had_only("i1", {NAME}, BEGAN)
    assert Memory([FIRST, tagged, event("image", "load", "i2", "i2")]).had_only("i1", {NAME}, BEGAN)


@pytest.mark.parametrize(
    ("events", "others"),
    [
        ([], False),
        ([event("image", "tag", "i1", "dl-app:v1")], False),
        ([event("image", "tag", "i1", "theirs")], True),
        ([event("image", "tag", "i2", "theirs")], False),
        ([event("image", "untag", "i1", "i1")], True),
        ([event("image", "untag", "i2", "i2")], False),
        ([event("image", "tag", "i1", "dl-app:v2"), event("image", "untag", "i1", "i1")], False),
        ([event("image", "tag", "i1", "dl-app:v1"), event("image", "untag", "i1", "i1")], True),
        # Taken and given again, as by a build from the builder's cache.
        ([TAGGED, UNTAGGED, TAGGED], False),
        ([TAGGED, UNTAGGED, TAGGED, UNTAGGED, TAGGED], False),
        ([UNTAGGED, TAGGED], True),
        ([UNTAGGED, DELETED, TAGGED], False),  # what was is forgotten, and went
        ([event("image", "tag", "i1", "theirs"), UNTAGGED, DELETED, TAGGED], False),
        ([UNTAGGED, DELETED, TAGGED, UNTAGGED, UNTAGGED], True),
        ([UNTAGGED, event("image", "delete", "i2", "i2"), TAGGED], True),
        ([event("image", "load", "i1", "i1"), TAGGED, UNTAGGED, TAGGED], True),
        ([TAGGED, TAGGED, UNTAGGED, UNTAGGED, TAGGED], True),
        ([TAGGED, UNTAGGED, event("image", "tag", "i1", "theirs"), UNTAGGED, TAGGED], True),
    ],
)
def test_names_of_others(events: list[EventSnapshot], others: bool) -> None:
    assert Memory(events).had_others("i1", {NAME, NAME.replace("v1", "v2")}, {NAME}) is others


def volumes(*events: EventSnapshot) -> tuple[Volume, ...]:
    return Memory(events).volumes(BEGAN)


def test_volumes_are_made_right_before_their_container() -> None:
    made, user = event("volume", "create", ONE), event("container", "create", "c1", "dl-web", image="busybox")
    mounted = event("volume", "mount", ONE, container="c1")
    assert volumes(made, user, mounted) == (Volume(ONE, "dl-web", "busybox"),)
    assert volumes(made, user) == ()
    assert volumes(user, mounted) == ()
    assert volumes(user, made, mounted) == ()
    assert volumes(made, user, mounted, event("volume", "mount", ONE, container="c2")) == ()
    between = event("container", "create", "c2", "theirs")
    assert volumes(made, between, user, mounted) == ()
    assert volumes(event("volume", "create", "named"), user, event("volume", "mount", "named", container="c1")) == ()


def test_volumes_of_before_are_not_told() -> None:
    early = [event("volume", "create", ONE, after=-2), event("container", "create", "c1", "dl-web", after=-1),
             event("volume", "mount", ONE, container="c1")]  # fmt: skip
    assert volumes(*early) == ()


def test_an_engine_without_events_remembers_nothing_and_one_that_is_lost_is_told() -> None:
    engine = FakeEngine()
    engine.failure = EngineRejected("no events here", 501)
    assert Memory.of(engine).images_tagged({NAME}, BEGAN) == {}
    engine.failure = EngineSilent("gone")
    with pytest.raises(EngineSilent):
        Memory.of(engine)
