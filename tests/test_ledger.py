"""What belongs to the course, and what does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.engine.api import ContainerSpec
from dockerlearn.engine.snapshots import ContainerSnapshot, ImageSnapshot, Mount
from dockerlearn.errors import NameTaken, OtherEngine
from dockerlearn.setup import bring, clean, ledger
from tests.fake_engine import BEGINNING, make_image
from tests.setup_bench import Bench, container, declared


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def test_container_of_the_learner_in_the_attempt_is_entered_once(bench: Bench) -> None:
    made = bench.engine.create_container(ContainerSpec(name="dl-web", image="busybox:1.36"))
    new = ledger.observe(bench.engine, bench.store, bench.attempt, declared("dl-web"))
    assert [(entry.kind, entry.object_id, entry.name) for entry in new] == [("container", made, "dl-web")]
    assert ledger.observe(bench.engine, bench.store, bench.attempt, declared("dl-web")) == ()
    assert len(bench.store.entries()) == 1


def test_container_from_before_the_attempt_is_foreign(bench: Bench) -> None:
    foreign = bench.engine.add("dl-web", created=bench.attempt.began - timedelta(microseconds=1))
    bench.observe("dl-web")
    assert bench.known() == set()
    (taken,) = ledger.taken(bench.engine, bench.store, declared("dl-web"))
    assert (taken.name, taken.object_id, taken.remedy) == (
        "dl-web", foreign.id, "docker rename dl-web dl-web-mine",
    )  # fmt: skip


def test_undeclared_name_is_foreign_whatever_it_begins_with(bench: Bench) -> None:
    bench.engine.create_container(ContainerSpec(name="dl-models", image="busybox:1.36"))
    bench.observe("dl-web", images=("dl-tools:v1",))
    assert bench.known() == set()


def test_label_alone_proves_nothing(bench: Bench) -> None:
    bench.engine.add("dl-web", labels={ledger.NONCE_LABEL: "abc", "dockerlearn": "yes"})
    bench.observe("dl-web")
    assert bench.known() == set()
    with pytest.raises(NameTaken):
        ledger.refuse_taken(bench.engine, bench.store, bench.attempt, declared("dl-web"))


def test_name_taken_tells_all_and_the_way_out(bench: Bench) -> None:
    bench.engine.add("dl-web")
    bench.engine.add_image(make_image("dl-tools:v1"))
    with pytest.raises(NameTaken) as caught:
        ledger.refuse_taken(bench.engine, bench.store, None, declared("dl-web", images=("dl-tools:v1",)))
    assert "dl-web" in caught.value.message
    assert "dl-tools:v1" in caught.value.message
    assert caught.value.remedy == (
        "docker rename dl-web dl-web-mine && docker tag dl-tools:v1 dl-tools-mine:v1 && docker rmi dl-tools:v1"
    )


def test_own_things_are_not_taken_in_the_next_attempt(bench: Bench) -> None:
    bench.engine.create_container(ContainerSpec(name="dl-web", image="busybox:1.36"))
    bench.engine.tag("busybox:1.36", "dl-tools:v1")
    bench.observe("dl-web", images=("dl-tools:v1",))
    bench.store.end_attempt(bench.attempt.id)
    assert ledger.taken(bench.engine, bench.store, declared("dl-web", images=("dl-tools:v1",))) == ()


def test_another_container_under_the_same_name_is_foreign(bench: Bench) -> None:
    made = bench.engine.create_container(ContainerSpec(name="dl-web", image="busybox:1.36"))
    bench.observe("dl-web")
    bench.store.end_attempt(bench.attempt.id)
    bench.engine.remove_container(made)
    bench.engine.create_container(ContainerSpec(name="dl-web", image="busybox:1.36"))
    assert len(ledger.taken(bench.engine, bench.store, declared("dl-web"))) == 1


def test_tag_on_an_older_image_is_entered_as_a_name_only(bench: Bench) -> None:
    bench.engine.tag("busybox:1.36", "dl-tools:v1")
    bench.engine.add_image(make_image("dl-app:v1", created=bench.attempt.began + timedelta(seconds=1)))
    bench.observe(images=("dl-tools:v1", "dl-app:v1"))
    assert {entry.name: entry.made for entry in bench.store.entries()} == {
        "docker.io/library/dl-tools:v1": False,
        "docker.io/library/dl-app:v1": True,
    }


def test_name_that_is_gone_again_is_forgotten(bench: Bench) -> None:
    """Else whoever gives the same image the same name later finds it taken for the course's."""
    bench.engine.tag("busybox:1.36", "dl-tools:v1")
    bench.observe(images=("dl-tools:v1",))
    bench.engine.remove_image("dl-tools:v1")
    bench.observe(images=("dl-tools:v1",))
    assert bench.store.entries() == ()


def test_image_that_lost_its_name_to_a_rebuild_stays_known(bench: Bench) -> None:
    after = bench.attempt.began + timedelta(seconds=1)
    first = bench.engine.add_image(make_image("dl-app:v1", created=after))
    bench.observe(images=("dl-app:v1",))
    second = bench.engine.add_image(make_image("dl-app:v1", id="sha256:" + "5" * 64, created=after))
    bench.observe(images=("dl-app:v1",))
    assert bench.known() == {first.id, second.id}


def test_other_engine_is_not_written_down(bench: Bench, tmp_path: Path) -> None:
    other = type(bench.engine)(make_image("busybox:1.36"), engine_id="OTHER")
    other.create_container(ContainerSpec(name="dl-web", image="busybox:1.36"))
    with pytest.raises(OtherEngine):
        ledger.observe(other, bench.store, bench.attempt, declared("dl-web"))
    assert bench.store.entries() == ()


def test_intent_finds_its_object_by_the_nonce(bench: Bench) -> None:
    bench.store.intend(bench.attempt.engine_id, "container", "dl-web", bench.attempt.id, "abc")
    made = bench.engine.create_container(
        ContainerSpec(name="dl-web", image="busybox:1.36", labels={ledger.NONCE_LABEL: "abc"})
    )
    ledger.resolve(bench.engine, bench.store)
    assert bench.known() == {made}


def test_intent_does_not_claim_what_carries_another_nonce(bench: Bench) -> None:
    bench.store.intend(bench.attempt.engine_id, "container", "dl-web", bench.attempt.id, "abc")
    bench.engine.add("dl-web", labels={ledger.NONCE_LABEL: "other"})
    ledger.resolve(bench.engine, bench.store)
    assert bench.known() == set()


def test_intent_without_object_is_kept_for_a_while_and_then_forgotten(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store.intend(bench.attempt.engine_id, "container", "dl-web", bench.attempt.id, "abc")
    ledger.resolve(bench.engine, bench.store)
    assert len(bench.store.entries()) == 1  # another terminal may be about to make it
    now = bench.store.entries()[0].entered
    bench.store._clock = lambda: now - ledger.INTENT_AGE - timedelta(minutes=1)
    bench.store.intend(bench.attempt.engine_id, "container", "dl-old", bench.attempt.id, "abc")
    ledger.resolve(bench.engine, bench.store)
    assert [entry.name for entry in bench.store.entries()] == ["dl-web"]
    bench.store.close()


def test_looking_costs_nothing_for_foreign_things(bench: Bench) -> None:
    bench.engine.calls.clear()
    bench.observe("dl-web", images=("dl-a:v1",))
    few = list(bench.engine.calls)
    for number in range(500):
        bench.engine.add(f"foreign-{number}")
    bench.engine.calls.clear()
    bench.observe("dl-web", images=("dl-a:v1",))
    assert bench.engine.calls == few


# Images of builds that add no file, of pulls and loads, have a time from before the attempt


OLD_TIME = BEGINNING - timedelta(days=700)
TOOLS = "docker.io/library/dl-tools:v1"


def entered(bench: Bench, *names: str) -> dict[str, bool]:
    bench.observe(images=names or ("dl-tools:v1",))
    return {str(entry.object_id): entry.made for entry in bench.store.entries()}


def test_image_that_was_not_there_and_has_only_declared_names_was_made(bench: Bench) -> None:
    new = bench.engine.add_image(make_image("dl-tools:v1", "dl-app:v1", created=OLD_TIME))
    bench.observe(images=("dl-tools:v1", "dl-app:v1"))
    assert {(entry.object_id, entry.made) for entry in bench.store.entries()} == {(new.id, True)}


def test_image_without_a_time_counts_likewise(bench: Bench) -> None:
    new = bench.engine.add_image(make_image("dl-tools:v1", created=None))
    assert entered(bench) == {new.id: True}


@pytest.mark.parametrize(
    "foreign",
    [
        make_image("theirs:v1", "dl-tools:v1", created=OLD_TIME),
        make_image("dl-tools:v1", created=OLD_TIME, digests=("theirs@sha256:" + "4" * 64,)),
        make_image("dl-tools:v1", "dl-models:v1", created=OLD_TIME),
        make_image("dl-tools:v1", "dl-tools:v2", created=OLD_TIME),
    ],
)
def test_image_of_somebody_else_who_pulled_it_meanwhile_was_not(bench: Bench, foreign: ImageSnapshot) -> None:
    bench.engine.add_image(foreign)
    assert entered(bench) == {foreign.id: False}
    for tag in foreign.tags:
        if tag != "dl-tools:v1":
            bench.engine.remove_image(tag)
    # Its last name is the course's by now; with it the image would go.
    (item,) = clean.plan(bench.engine, bench.store).items
    assert item.action != "remove"
    clean.carry_out(clean.plan(bench.engine, bench.store), bench.engine, bench.store)
    assert foreign.id in bench.engine.images


def test_image_that_was_there_was_not_made_whatever_its_time_says(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    theirs = bench.engine.add_image(make_image("theirs:v1", created=bench.engine.clock + timedelta(hours=1)))
    bench.store.end_attempt(bench.attempt.id)
    bench.attempt = bench.begin("images")
    bench.engine.tag(theirs.id, "dl-tools:v1")
    bench.engine.remove_image("theirs:v1")
    assert entered(bench) == {theirs.id: False}
    bench.store.close()


def test_without_knowing_what_was_there_only_the_time_counts(bench: Bench) -> None:
    bench.store.end_attempt(bench.attempt.id)
    bench.attempt = bench.store.begin_attempt("docker", "old", bench.attempt.engine_id, {}, bench.engine.clock)
    old = bench.engine.add_image(make_image("dl-tools:v1", created=OLD_TIME))
    new = bench.engine.add_image(make_image("dl-app:v1", created=bench.engine.clock))
    assert entered(bench, "dl-tools:v1", "dl-app:v1") == {old.id: False, new.id: True}


def test_image_that_lost_a_name_which_nobody_saw_was_not_made(bench: Bench) -> None:
    """Pulled, given the course's name, and its own taken away, all between two looks."""
    theirs = bench.engine.add_image(make_image("dl-tools:v1", created=OLD_TIME))
    bench.happen("image", "tag", theirs.id, "dl-tools:v1")
    bench.happen("image", "untag", theirs.id, theirs.id)
    assert entered(bench) == {theirs.id: False}


def test_image_that_had_a_name_of_somebody_elses_was_not_made(bench: Bench) -> None:
    theirs = bench.engine.add_image(make_image("dl-tools:v1", created=OLD_TIME))
    bench.happen("image", "tag", theirs.id, "theirs:v1")
    assert entered(bench) == {theirs.id: False}


def test_image_that_lost_a_name_of_the_lessons_was_made(bench: Bench) -> None:
    new = bench.engine.add_image(make_image("dl-tools:v1", created=OLD_TIME))
    for name in ("dl-tools:v1", "dl-app:v1"):
        bench.happen("image", "tag", new.id, name)
    bench.happen("image", "untag", new.id, new.id)
    assert entered(bench, "dl-tools:v1", "dl-app:v1") == {new.id: True}


# What lost its name between two looks


def built_over(bench: Bench, *, created: datetime | None = OLD_TIME, names: tuple[str, ...] = ("dl-tools:v1",)) -> str:
    """Two builds under one name: what is left of the first one has no name."""
    first = bench.engine.add_image(make_image(id="sha256:" + "5" * 64, created=created))
    for name in names:
        bench.happen("image", "tag", first.id, name)
    second = bench.engine.add_image(make_image("dl-tools:v1", created=created))
    bench.happen("image", "tag", second.id, "dl-tools:v1")
    return first.id


def test_image_that_was_built_over_before_anybody_looked_is_the_courses(bench: Bench) -> None:
    bench.happen("container", "die", "0" * 64)  # the memory reaches back to before the attempt
    first = built_over(bench)
    assert entered(bench)[first]
    clean.carry_out(clean.plan(bench.engine, bench.store), bench.engine, bench.store)
    assert first not in bench.engine.images
    assert bench.store.entries() == ()


def test_a_memory_that_begins_later_is_enough_for_an_image_that_was_made_later(bench: Bench) -> None:
    bench.engine.clock += timedelta(hours=1)
    bench.happen("container", "die", "0" * 64)
    bench.engine.clock += timedelta(hours=1)
    assert entered(bench) == {}
    first = built_over(bench, created=bench.engine.clock)
    assert entered(bench)[first]


@pytest.mark.parametrize("reason", ["forgotten", "other name", "loaded", "named", "pulled", "there before"])
def test_image_of_which_that_is_not_certain_is_left_alone(bench: Bench, reason: str) -> None:
    if reason == "forgotten":
        bench.engine.clock += timedelta(hours=1)
    bench.happen("container", "die", "0" * 64)
    first = built_over(bench, names=("dl-tools:v1", "theirs:v1") if reason == "other name" else ("dl-tools:v1",))
    there = bench.engine.images[first]
    if reason == "loaded":
        bench.happen("image", "load", first, first)
    elif reason == "named":
        bench.engine.tag(first, "theirs:v1")
    elif reason == "pulled":
        bench.engine.images[first] = msgspec.structs.replace(there, digests=("theirs@sha256:" + "4" * 64,))
    elif reason == "there before":
        bench.store.end_attempt(bench.attempt.id)
        bench.attempt = bench.begin("images")
    assert first not in entered(bench)
    clean.carry_out(clean.plan(bench.engine, bench.store), bench.engine, bench.store)
    assert first in bench.engine.images


def test_the_memory_is_asked_only_when_an_image_is_new(bench: Bench) -> None:
    bench.engine.add_image(make_image("dl-tools:v1", created=OLD_TIME))
    bench.observe("dl-web", images=("dl-tools:v1",))
    assert "events" in bench.engine.calls
    bench.engine.calls.clear()
    bench.observe("dl-web", images=("dl-tools:v1",))
    assert "events" not in bench.engine.calls
    ledger.observe(bench.engine, bench.store, bench.attempt, declared(images=("dl-tools:v1",)), thorough=True)
    assert "events" in bench.engine.calls


# Anonymous volumes


HEX = "a" * 64
ANONYMOUS = Mount("volume", f"/volumes/{HEX}", "/data", read_only=False, name=HEX, anonymous=True)


def with_volume(bench: Bench, mount: Mount = ANONYMOUS, **fields: Any) -> ContainerSnapshot:
    bench.engine.add_volume(HEX, created=bench.engine.clock)
    return bench.engine.add("dl-web", created=bench.engine.clock, mounts=(mount,), **fields)


def test_anonymous_volume_of_a_container_stays_the_courses_when_that_is_gone(bench: Bench) -> None:
    there = with_volume(bench)
    bench.observe("dl-web")
    bench.engine.remove_container(there.id)
    bench.observe("dl-web")
    carried = clean.carry_out(clean.plan(bench.engine, bench.store), bench.engine, bench.store)
    assert [(done.item.name, done.did) for done in carried.done] == [(HEX, "removed")]
    assert bench.engine.volumes() == ()


@pytest.mark.parametrize(
    ("mount", "leans_on"),
    [
        (msgspec.structs.replace(ANONYMOUS, asked_for=True), frozenset()),
        (msgspec.structs.replace(ANONYMOUS, anonymous=False), frozenset()),
        (ANONYMOUS, frozenset({"theirs"})),
    ],
)
def test_volume_that_came_from_elsewhere_is_not(bench: Bench, mount: Mount, leans_on: frozenset[str]) -> None:
    with_volume(bench, mount, leans_on=leans_on)
    bench.observe("dl-web")
    assert {entry.kind for entry in bench.store.entries()} == {"container"}


def test_volume_that_was_made_for_a_container_nobody_saw_is_not_entered(bench: Bench) -> None:
    """It may be theirs, made by itself and then given to the container by its name."""
    bench.engine.add_volume(HEX, created=bench.engine.clock)
    bench.happen("volume", "create", HEX)
    bench.happen("container", "create", "c1", "dl-web", image="busybox:1.36")
    bench.happen("volume", "mount", HEX, container="c1")
    ledger.observe(bench.engine, bench.store, bench.attempt, declared("dl-web"), thorough=True)
    assert bench.store.entries() == ()


# Two lessons


def test_two_lessons_that_share_a_name(bench: Bench) -> None:
    """What one lesson made under the name is not taken for somebody else's by the other one, and is removed once."""
    bench.bring(container("dl-shop"))
    first = bench.engine.by_name["dl-shop"]
    other = bench.begin("other")
    names = declared("dl-shop")
    ledger.observe(bench.engine, bench.store, other, names, thorough=True)
    ledger.refuse_taken(bench.engine, bench.store, other, names)
    bench.bring(container("dl-shop", image="nginx"), attempt=other)
    second = bench.engine.by_name["dl-shop"]
    assert first.id != second.id
    assert [(entry.object_id, entry.attempt_id) for entry in bench.store.entries()] == [(second.id, other.id)]
    # A redo of the first one leaves the other one's alone, until its own set-up asks for the name.
    ledger.observe(bench.engine, bench.store, bench.attempt, names, thorough=True)
    assert bring.take_away(bench.context()).actions == ()
    assert bench.engine.by_name["dl-shop"] == second
    bench.bring(container("dl-shop"))
    assert bench.engine.by_name["dl-shop"].image_ref == "busybox:1.36"
    report = clean.carry_out(clean.plan(bench.engine, bench.store), bench.engine, bench.store)
    assert [done.did for done in report.done] == ["removed"]
    assert bench.store.entries() == ()
