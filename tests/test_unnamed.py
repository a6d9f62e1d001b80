"""What clean lists beside the course's things, and never removes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.engine.snapshots import Mount
from dockerlearn.setup import clean, unnamed
from dockerlearn.world.probes import HELPER
from tests.fake_engine import BEGINNING, HELPER_OF_ANOTHER, make_id, make_image
from tests.setup_bench import IMAGES, Bench

HEX = "a" * 64
BASE = (f"sha256:{make_id('layer', 'busybox:1.36')}",)
HERS = make_image("theirs:v1")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def found(bench: Bench) -> list[tuple[str, str, str]]:
    listed = unnamed.find(bench.engine, bench.store, tuple(IMAGES.values()), {"dl-web"})
    assert all(one.reason for one in listed)
    return [(one.kind, one.name, one.remedy) for one in listed]


def run(bench: Bench, name: str = "eager_turing", **fields: Any) -> None:
    bench.engine.add(name, **{"created": bench.engine.clock, "status": "exited", "running": False} | fields)


def test_containers_that_were_given_no_name_are_listed_with_what_removes_them(bench: Bench) -> None:
    run(bench)
    run(bench, "lazy_hopper2", status="running", running=True)
    mount = Mount("volume", "", "/data", read_only=False, name=HEX, anonymous=True)
    run(bench, "old_bell", mounts=(mount,))
    assert sorted(found(bench)) == [
        ("container", "eager_turing", "docker rm eager_turing"),
        ("container", "lazy_hopper2", "docker rm -f lazy_hopper2"),
        ("container", "old_bell", "docker rm -v old_bell"),
    ]
    clean.carry_out(clean.plan(bench.engine, bench.store), bench.engine, bench.store)
    assert set(bench.engine.by_name) == {"eager_turing", "lazy_hopper2", "old_bell"}


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("eager_turing", {"created": BEGINNING}),
        ("eager_turing", {"image_id": HERS.id}),
        ("eager_turing", {"hostname": HELPER}),
        ("eager_turing", {"mounts": HELPER_OF_ANOTHER}),
        ("eager_turing", {"labels": {"com.docker.compose.project": "dl-models"}}),
        ("theirs", {}),
        ("dl-models", {}),
        ("dl-web", {}),
    ],
)
def test_what_is_somebody_elses_or_has_a_name_is_not(bench: Bench, name: str, fields: dict[str, Any]) -> None:
    run(bench, name, **fields)
    assert found(bench) == []


def test_a_container_of_the_courses_that_was_renamed_is_not_unnamed(bench: Bench) -> None:
    run(bench, "dl-web")
    bench.observe("dl-web")
    ours = bench.engine.by_name.pop("dl-web")
    run(bench, "eager_turing", id=ours.id)
    assert found(bench) == []


def test_without_an_open_attempt_nothing_is(bench: Bench) -> None:
    run(bench)
    bench.store.end_attempt(bench.attempt.id)
    bench.engine.calls.clear()
    assert found(bench) == []
    assert "containers" not in bench.engine.calls


def test_images_without_a_name_that_were_built_on_the_courses(bench: Bench) -> None:
    new = bench.engine.add_image(make_image(id="sha256:" + "5" * 64, layers=(*BASE, "sha256:more")))
    run(bench, image_id=new.id, image_ref=new.id)  # what a failed build leaves
    assert found(bench) == [
        ("container", "eager_turing", "docker rm eager_turing"),
        ("image", "555555555555", "docker rmi 555555555555"),
    ]


GONE = "sha256:" + "0" * 64


def add_steps(bench: Bench, *digits: str, on: str = GONE) -> None:
    """Images without a name that an old build has left, each built on the one before."""
    for digit in digits:
        image_id = f"sha256:{digit * 64}"
        bench.engine.add_image(make_image(id=image_id, layers=(*BASE, "sha256:more"), parent=on))
        on = image_id


def with_containerds_store(bench: Bench) -> None:
    bench.engine.says = msgspec.structs.replace(bench.engine.says, containerd_store=True)


def test_with_containerds_store_what_an_image_was_built_on_is_listed_with_it(bench: Bench) -> None:
    add_steps(bench, "5", "6", "7")
    assert found(bench) == [("image", "777777777777", "docker rmi 777777777777")]
    with_containerds_store(bench)
    assert found(bench) == [("image", "777777777777", "docker rmi 777777777777 666666666666 555555555555")]
    for digit in "765":
        assert bench.engine.remove_image(f"sha256:{digit * 64}")
    assert found(bench) == []


def test_what_the_engine_takes_along_is_not_named(bench: Bench) -> None:
    """Seen on 28.5: where all of the steps are there, down to the base, they go with the image."""
    with_containerds_store(bench)
    base = next(image for image in bench.engine.images.values() if image.has_tag("busybox:1.36"))
    add_steps(bench, "5", "6", on=base.id)
    assert found(bench) == [("image", "666666666666", "docker rmi 666666666666")]


def test_what_several_were_built_on_goes_with_the_last_of_them(bench: Bench) -> None:
    with_containerds_store(bench)
    add_steps(bench, "5", "6")
    add_steps(bench, "7", on="sha256:" + "5" * 64)
    assert found(bench) == [
        ("image", "666666666666", "docker rmi 666666666666"),
        ("image", "777777777777", "docker rmi 777777777777 555555555555"),
    ]


def test_what_a_named_image_was_built_on_too_stays(bench: Bench) -> None:
    with_containerds_store(bench)
    add_steps(bench, "5", "6")
    bench.engine.add_image(make_image("dl-x:v1", layers=(*BASE, "sha256:more"), parent="sha256:" + "5" * 64))
    assert found(bench) == [("image", "666666666666", "docker rmi 666666666666")]


def test_what_has_a_name_or_is_in_the_ledger_is_not_listed_with_it(bench: Bench) -> None:
    with_containerds_store(bench)
    on = bench.engine.add_image(make_image("dl-x:v1", layers=(*BASE, "sha256:more"), parent=GONE)).id
    add_steps(bench, "5", "6", on=on)
    assert found(bench) == [("image", "666666666666", "docker rmi 666666666666 555555555555")]
    bench.store.enter(
        bench.engine.identity.id, "image", f"sha256:{'5' * 64}", "docker.io/library/dl-y:v1", bench.attempt.id
    )
    assert found(bench) == [("image", "666666666666", "docker rmi 666666666666")]


def test_what_was_there_before_or_is_somebody_elses_is_not_listed_with_it(bench: Bench) -> None:
    with_containerds_store(bench)
    bench.engine.add_image(make_image(id="sha256:" + "4" * 64, layers=("sha256:other",), parent=GONE))
    add_steps(bench, "5", on="sha256:" + "4" * 64)
    assert found(bench) == [("image", "555555555555", "docker rmi 555555555555")]
    bench.store.end_attempt(bench.attempt.id)
    bench.attempt = bench.begin("images")
    add_steps(bench, "6", on="sha256:" + "5" * 64)
    assert found(bench) == [("image", "666666666666", "docker rmi 666666666666")]


@pytest.mark.parametrize(
    "fields",
    [
        {"layers": ("sha256:other", *BASE)},
        {"layers": (*BASE,), "tags": ("theirs:v1",)},
        {"layers": (*BASE,), "digests": ("theirs@sha256:" + "4" * 64,)},
    ],
)
def test_images_of_somebody_elses_are_not(bench: Bench, fields: dict[str, Any]) -> None:
    bench.engine.add_image(make_image(id="sha256:" + "5" * 64, **fields) if "tags" not in fields else
                           make_image(*fields["tags"], id="sha256:" + "5" * 64, layers=fields["layers"]))  # fmt: skip
    assert found(bench) == []


def test_images_that_were_there_before_are_not(bench: Bench) -> None:
    bench.engine.add_image(make_image(id="sha256:" + "5" * 64, layers=BASE))
    bench.store.end_attempt(bench.attempt.id)
    bench.attempt = bench.begin("images")
    assert found(bench) == []


def left(bench: Bench, container: str = "eager_turing", image: str = "busybox:1.36") -> None:
    bench.engine.clock += timedelta(seconds=1)
    bench.engine.add_volume(HEX)
    bench.happen("volume", "create", HEX)
    bench.happen("container", "create", "c1", container, image=image)
    bench.happen("volume", "mount", HEX, container="c1")


@pytest.mark.parametrize("container", ["eager_turing", "dl-web"])
def test_volumes_that_such_containers_left(bench: Bench, container: str) -> None:
    left(bench, container)
    assert found(bench) == [("volume", HEX, f"docker volume rm {HEX}")]


@pytest.mark.parametrize("container", ["theirs", "dl-models"])
def test_volumes_of_others_are_not(bench: Bench, container: str) -> None:
    left(bench, container)
    assert found(bench) == []


def test_volumes_of_other_images_that_are_used_or_gone_are_not(bench: Bench) -> None:
    left(bench, image="theirs:v1")
    assert found(bench) == []
    bench.engine.happened.clear()
    left(bench)
    mount = Mount("volume", "", "/data", read_only=False, name=HEX, anonymous=True)
    user = bench.engine.add("theirs", mounts=(mount,))
    assert found(bench) == []
    bench.engine.remove_container(user.id)
    bench.engine.remove_volume(HEX)
    assert found(bench) == []


def test_of_many_how_many_is_told_and_few_are_looked_at(bench: Bench) -> None:
    for number in range(500):
        word = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        run(bench, f"eager_{word}")
    bench.engine.calls.clear()
    listed = found(bench)
    assert len(listed) == unnamed.MOST + 1
    assert listed[-1][1] == "480 more"
    assert bench.engine.calls.count("container") == unnamed.MOST


def test_what_is_foreign_costs_no_look(bench: Bench) -> None:
    found(bench)
    bench.engine.calls.clear()
    found(bench)
    before = list(bench.engine.calls)
    for number in range(1000):
        bench.engine.add(f"foreign-{number}", created=bench.engine.clock)
        bench.engine.add(f"old_{'abcdefghij'[number % 10]}{'abcdefghij'[number // 10 % 10]}")
        bench.engine.add_image(make_image(f"foreign-{number}:v1"))
    bench.engine.calls.clear()
    assert found(bench) == []
    assert bench.engine.calls == before
