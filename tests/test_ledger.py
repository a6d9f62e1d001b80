"""What belongs to the course, and what does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dockerlearn.engine.api import ContainerSpec
from dockerlearn.errors import NameTaken, OtherEngine
from dockerlearn.setup import ledger
from tests.fake_engine import make_image
from tests.setup_bench import Bench, declared


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
