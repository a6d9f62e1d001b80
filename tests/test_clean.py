"""Taking away what the course made, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.engine.api import ContainerSpec
from dockerlearn.engine.snapshots import Mount
from dockerlearn.errors import NoEngine
from dockerlearn.setup import bring, clean
from dockerlearn.setup.clean import CleanReport
from dockerlearn.setup.spec import SetupNetwork, SetupVolume
from tests.fake_engine import make_image
from tests.setup_bench import WRITES, Bench, MortalEngine, container, image, picture


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def plan(bench: Bench) -> list[tuple[str, str, str]]:
    return [(item.kind, item.name, item.action) for item in clean.plan(bench.engine, bench.store).items]


def carry_out(bench: Bench) -> CleanReport:
    return clean.carry_out(clean.plan(bench.engine, bench.store), bench.engine, bench.store)


def test_nothing_made_nothing_planned(bench: Bench) -> None:
    bench.engine.add("dl-models")
    bench.engine.calls.clear()
    assert plan(bench) == []
    assert "containers" not in bench.engine.calls


def test_planning_changes_nothing(bench: Bench) -> None:
    bench.bring(container(), image("dl-tools:v1", tag_of="busybox"))
    bench.writes()
    assert plan(bench) == [("container", "dl-web", "remove"), ("image", "dl-tools:v1", "untag")]
    assert bench.writes() == []


def test_everything_of_the_courses_goes_and_nothing_else(bench: Bench, tmp_path: Path) -> None:
    """The bystander test: things that look like the course's, and things that share with it."""
    (bench.files / "Dockerfile").write_text("FROM busybox:1.36\n")
    bench.engine.add("dl-models")
    bench.engine.add("dl-web-mine", labels={"dockerlearn.nonce": "abc"})
    bench.engine.add_image(make_image("dl-models:latest"))
    bench.engine.tag("busybox:1.36", "mine/tools:v1")
    bystanders = (("dl-models", "dl-web-mine"), ("dl-models:latest", "nginx:1.27", "mine/tools:v1", "busybox:1.36"))
    before = picture(bench.engine, *bystanders)
    bench.bring(container(), image("dl-tools:v1", tag_of="busybox"), image("dl-app:v1", build="."))
    bring.place_files([], bench.context())
    report = carry_out(bench)
    assert [(done.item.name, done.did) for done in report.done] == [
        ("dl-web", "removed"), ("dl-tools:v1", "untagged"), ("dl-app:v1", "removed"),
    ]  # fmt: skip
    assert picture(bench.engine, *bystanders) == before
    assert set(bench.engine.by_name) == set(bystanders[0])
    assert bench.store.entries() == ()
    assert clean.plan(bench.engine, bench.store, workspace=bench.workspace.parent).folders == (bench.workspace,)


def test_what_is_gone_already_is_forgotten(bench: Bench) -> None:
    bench.bring(container(), image("dl-tools:v1", tag_of="busybox"))
    bench.engine.remove_container(bench.engine.by_name["dl-web"].id)
    bench.engine.remove_image("dl-tools:v1")
    assert plan(bench) == []
    assert bench.store.entries() == ()


def test_another_object_under_the_name_is_foreign(bench: Bench) -> None:
    bench.bring(container())
    bench.engine.remove_container(bench.engine.by_name["dl-web"].id)
    foreign = bench.engine.add("dl-web")
    assert carry_out(bench).done == ()
    assert bench.engine.by_name == {"dl-web": foreign}


def test_renamed_container_is_still_the_courses(bench: Bench) -> None:
    bench.bring(container())
    ours = bench.engine.by_name.pop("dl-web")
    bench.engine.add("web", id=ours.id)
    (item,) = clean.plan(bench.engine, bench.store).items
    assert (item.name, item.entered_as, item.action) == ("web", "dl-web", "remove")


@pytest.mark.parametrize("way", ["id", "name"])
def test_what_a_foreign_container_depends_on_stays(bench: Bench, way: str) -> None:
    bench.bring(container())
    ours = bench.engine.by_name["dl-web"]
    word = {"id": ours.id, "name": "dl-web"}[way]
    bench.engine.add("friend", created=ours.created, leans_on=frozenset({word}))
    (item,) = clean.plan(bench.engine, bench.store).items
    assert item.action == "leave"
    assert "friend" in item.reason
    assert [done.did for done in carry_out(bench).done] == ["left"]
    assert set(bench.engine.by_name) == {"dl-web", "friend"}
    assert bench.known() == {ours.id}


def test_what_stays_keeps_what_it_depends_on(bench: Bench) -> None:
    bench.bring(container("dl-a"), container("dl-b"), container("dl-c"))
    bench.engine.change("dl-b", leans_on=frozenset({bench.engine.by_name["dl-a"].id}))
    bench.engine.add("friend", created=bench.engine.clock, leans_on=frozenset({"dl-b"}))
    assert plan(bench) == [
        ("container", "dl-b", "leave"), ("container", "dl-a", "leave"), ("container", "dl-c", "remove"),
    ]  # fmt: skip


def test_what_depends_on_another_goes_first(bench: Bench) -> None:
    """Podman refuses to remove a container whose network another one uses."""
    bench.bring(container("dl-a"), container("dl-b"), container("dl-c"), container("dl-d"))
    for user, used in (("dl-b", "dl-a"), ("dl-d", "dl-b")):
        bench.engine.change(user, leans_on=frozenset({bench.engine.by_name[used].id}))
    assert [name for _, name, _ in plan(bench)] == ["dl-d", "dl-b", "dl-a", "dl-c"]


def test_dependence_that_came_after_the_plan_is_seen(bench: Bench) -> None:
    bench.bring(container())
    made = clean.plan(bench.engine, bench.store)
    bench.engine.add("friend", created=bench.engine.clock, leans_on=frozenset({"dl-web"}))
    report = clean.carry_out(made, bench.engine, bench.store)
    assert [(done.did, "friend" in done.reason) for done in report.done] == [("left", True)]
    assert "dl-web" in bench.engine.by_name


def test_older_foreign_containers_cost_no_look(bench: Bench) -> None:
    for number in range(300):
        bench.engine.add(f"foreign-{number}")
    bench.bring(container())
    bench.engine.calls.clear()
    plan(bench)
    assert bench.engine.calls.count("container") < 5


def test_only_name_of_a_foreign_image_stays(bench: Bench) -> None:
    """``docker tag`` on an image that had no name: taking the name away would take the image away."""
    theirs = bench.engine.add_image(make_image(id="sha256:" + "7" * 64))
    bench.attempt = bench.begin("later")
    bench.engine.tag(theirs.id, "dl-tools:v1")
    bench.observe(images=("dl-tools:v1",))
    (item,) = clean.plan(bench.engine, bench.store).items
    assert (item.action, item.remedy) == (
        "leave", "docker tag dl-tools:v1 dl-tools-mine:v1 && docker rmi dl-tools:v1",
    )  # fmt: skip
    carry_out(bench)
    assert theirs.id in bench.engine.images


def test_image_of_the_pack_gets_its_name_back(bench: Bench) -> None:
    bench.engine.add_image(make_image("busybox:1.36"))  # as from an archive: it has no digest
    before = bench.engine.image("busybox:1.36")
    bench.bring(image("busybox"))
    bench.engine.tag("busybox:1.36", "dl-tools:v1")
    bench.engine.remove_image("busybox:1.36")
    bench.observe(images=("dl-tools:v1",))
    assert plan(bench) == [("image", "dl-tools:v1", "untag")]
    carry_out(bench)
    assert bench.engine.image("busybox:1.36") == before
    assert bench.engine.image("dl-tools:v1") is None


def test_image_that_a_foreign_container_was_made_from_stays(bench: Bench) -> None:
    made = bench.engine.add_image(make_image("dl-app:v1", created=bench.attempt.began + timedelta(seconds=1)))
    bench.observe(images=("dl-app:v1",))
    bench.engine.create_container(ContainerSpec(name="theirs", image="dl-app:v1"))
    (item,) = clean.plan(bench.engine, bench.store).items
    assert item.action == "leave"
    assert "theirs" in item.reason
    carry_out(bench)
    assert made.id in bench.engine.images


def test_image_that_only_our_container_was_made_from_goes(bench: Bench) -> None:
    bench.engine.add_image(make_image("dl-app:v1", created=bench.attempt.began + timedelta(seconds=1)))
    bench.engine.create_container(ContainerSpec(name="dl-web", image="dl-app:v1"))
    bench.observe("dl-web", images=("dl-app:v1",))
    carry_out(bench)
    assert bench.engine.image("dl-app:v1") is None
    assert bench.engine.by_name == {}


def test_image_with_a_name_of_the_learners_is_untagged(bench: Bench) -> None:
    made = bench.engine.add_image(make_image("dl-app:v1", created=bench.attempt.began + timedelta(seconds=1)))
    bench.engine.tag(made.id, "keep/this:v1")
    bench.observe(images=("dl-app:v1",))
    assert plan(bench) == [("image", "dl-app:v1", "untag")]
    carry_out(bench)
    assert bench.engine.images[made.id].tags == ("keep/this:v1",)


def test_leftover_of_a_rebuild_goes_too(bench: Bench) -> None:
    after = bench.attempt.began + timedelta(seconds=1)
    first = bench.engine.add_image(make_image("dl-app:v1", created=after))
    bench.observe(images=("dl-app:v1",))
    second = bench.engine.add_image(make_image("dl-app:v1", id="sha256:" + "5" * 64, created=after))
    bench.observe(images=("dl-app:v1",))
    carry_out(bench)
    assert first.id not in bench.engine.images
    assert second.id not in bench.engine.images
    assert bench.store.entries() == ()


def test_moved_name_is_left_to_whoever_moved_it(bench: Bench) -> None:
    bench.bring(image("dl-tools:v1", tag_of="busybox"))
    made = clean.plan(bench.engine, bench.store)
    bench.engine.tag("nginx:1.27", "dl-tools:v1")
    report = clean.carry_out(made, bench.engine, bench.store)
    assert [done.did for done in report.done] == ["left"]
    assert "dl-tools:v1" in bench.engine.image_tags()


def test_plan_is_for_one_engine(bench: Bench) -> None:
    bench.bring(container())
    made = clean.plan(bench.engine, bench.store)
    other = type(bench.engine)(engine_id="OTHER")
    assert clean.plan(other, bench.store).items == ()
    with pytest.raises(ValueError, match="engine"):
        clean.carry_out(made, other, bench.store)
    assert len(bench.store.entries()) == 1


class LostEngine(MortalEngine):
    """Cannot be reached from the ``lost_at``-th change on, from 1; ``after`` says whether that one is still made."""

    lost_at: int | None = None

    def _change(self, name: str, *args: Any, **options: Any) -> Any:
        number = sum(call in WRITES for call in self.calls) + 1
        if number != self.lost_at:
            return super()._change(name, *args, **options)
        if self.after:
            super()._change(name, *args, **options)
        self.failure = NoEngine("No engine runs.", "dockerlearn engine up")
        raise self.failure


@pytest.mark.parametrize("at", range(1, 6))
@pytest.mark.parametrize("after", [False, True])
def test_an_engine_that_is_lost_in_the_middle(tmp_path: Path, at: int, after: bool) -> None:
    """It is told what was done and why the rest was not; the rest is known still, and goes the next time."""
    engine = LostEngine(make_image("busybox:1.36"))
    bench = Bench(tmp_path, engine)
    (bench.files / "Dockerfile").write_text("FROM busybox:1.36\nCOPY Dockerfile /\n")
    bench.bring(container("dl-a"), container("dl-b"), SetupNetwork(network="dl-net"), SetupVolume(volume="dl-data"))
    bench.bring(image("dl-app:v1", build="."))
    made = clean.plan(engine, bench.store)
    assert [item.name for item in made.items] == ["dl-a", "dl-b", "dl-app:v1", "dl-net", "dl-data"]
    engine.calls.clear()
    engine.lost_at, engine.after = at, after
    report = clean.carry_out(made, engine, bench.store)
    assert report.lost is engine.failure
    assert [done.did for done in report.done] == ["removed"] * (at - 1) + ["left"] * (6 - at)
    assert {done.reason for done in report.done if done.did == "left"} == {"the engine could not be asked any more"}
    assert len(bench.store.entries()) == 6 - at
    engine.failure, engine.lost_at = None, None
    again = carry_out(bench)
    assert again.lost is None
    assert len(again.done) == (5 - at if after else 6 - at)
    assert bench.store.entries() == ()
    assert (engine.by_name, engine.volumes_by_name, engine.image_tags()) == ({}, {}, ("busybox:1.36",))
    bench.store.close()


def test_a_redo_on_an_engine_that_is_lost_is_told(tmp_path: Path) -> None:
    engine = LostEngine(make_image("busybox:1.36"))
    bench = Bench(tmp_path, engine)
    bench.bring(container("dl-a"), image("dl-tools:v1", tag_of="busybox"))
    engine.calls.clear()
    engine.lost_at = 2
    with pytest.raises(NoEngine):
        bring.take_away(bench.context())
    engine.failure, engine.lost_at = None, 1
    engine.calls.clear()
    with pytest.raises(NoEngine):
        bench.bring(image("dl-tools:v1", absent=True))
    assert [entry.name for entry in bench.store.entries()] == ["docker.io/library/dl-tools:v1"]
    bench.store.close()


def test_twice(bench: Bench) -> None:
    bench.bring(container(), image("dl-tools:v1", tag_of="busybox"))
    carry_out(bench)
    bench.writes()
    assert carry_out(bench).done == ()
    assert bench.writes() == []


def test_two_at_once(bench: Bench) -> None:
    """What another terminal has removed since the plan was made is gone, and that is no failure."""
    bench.bring(container(), image("dl-tools:v1", tag_of="busybox"), SetupVolume(volume="dl-data"))
    made = clean.plan(bench.engine, bench.store)
    carry_out(bench)
    report = clean.carry_out(made, bench.engine, bench.store)
    assert {done.did for done in report.done} == {"gone"}


def test_a_thousand_foreign_things_cost_no_look(bench: Bench) -> None:
    bench.bring(container(), image("dl-tools:v1", tag_of="busybox"), SetupVolume(volume="dl-data"))
    bench.engine.calls.clear()
    carry_out(bench)
    alone = list(bench.engine.calls)
    bench.bring(container(), image("dl-tools:v1", tag_of="busybox"), SetupVolume(volume="dl-data"))
    for number in range(1000):
        bench.engine.add(f"foreign-{number}")
        bench.engine.add_image(make_image(f"foreign-{number}:v1"))
        bench.engine.add_network(f"foreign-{number}")
        bench.engine.add_volume(f"foreign-{number}")
    bench.engine.calls.clear()
    carry_out(bench)
    assert bench.engine.calls == alone


def test_an_anonymous_volume_goes_with_its_container(bench: Bench) -> None:
    name = "a" * 64
    bench.engine.add_volume(name, created=bench.engine.clock)
    mount = Mount("volume", "", "/data", read_only=False, name=name, anonymous=True)
    bench.engine.add("dl-web", created=bench.engine.clock, mounts=(mount,))
    bench.observe("dl-web")
    made = clean.plan(bench.engine, bench.store)
    bench.engine.remove_container(bench.engine.by_name["dl-web"].id)
    bench.engine.remove_volume(name)
    report = clean.carry_out(made, bench.engine, bench.store)
    assert [(done.did, done.reason) for done in report.done] == [
        ("gone", "it was gone already"), ("removed", "with its container"),
    ]  # fmt: skip
    assert bench.store.entries() == ()
