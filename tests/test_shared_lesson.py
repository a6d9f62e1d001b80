"""A learner's way through a lesson about networks and volumes, on an engine in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dockerlearn.checks.outcome import Status
from dockerlearn.checks.run import Time
from dockerlearn.course.packs import open_pack
from dockerlearn.engine.api import ContainerSpec
from dockerlearn.errors import NameTaken
from dockerlearn.paths import Paths
from dockerlearn.progress.store import Store
from dockerlearn.session.session import Session
from dockerlearn.setup import clean
from tests.fake_engine import FakeEngine, make_image

PACK = "format: 1\nid: docker\ntitle: T\nlessons: [shared]\nimages: {busybox: 'busybox:1.36'}\n"
LESSON = """\
title: Sharing
level: foundation
summary: Networks and volumes.
minutes: 5
steps:
  - id: join
    title: Join
    setup:
      - {network: dl-net}
      - {volume: dl-data, files: {note: hello}}
      - {container: dl-db, image: busybox, command: [sleep, '600'], networks: [dl-net], mounts: {/data: dl-data}}
    task: Run dl-web on the network of dl-db, and leave dl-db as it is.
    check:
      - {container: dl-db, same_as_at_start: true, running: true}
      - {network: dl-net, attached: [dl-db, dl-web]}
      - {volume: dl-data, used_by: [dl-db], files: {/note: hello}}
    hints: [a, b]
    solution: docker run -d --name dl-web --network dl-net @{image.busybox} sleep 600
  - id: count
    title: Count
    setup: [{volume: dl-more, absent: true}]
    task: Run two more, and make a volume dl-more.
    check:
      - {containers: {image: busybox, running: true}, count: 4}
      - {volume: dl-more}
    hints: [a, b]
    solution: |
      docker run -d @{image.busybox} sleep 600
      docker run -d @{image.busybox} sleep 600
      docker volume create dl-more
"""


class Learner:
    def __init__(self, folder: Path) -> None:
        pack = folder / "pack"
        (pack / "shared").mkdir(parents=True)
        (pack / "pack.yaml").write_text(PACK)
        (pack / "shared" / "lesson.yaml").write_text(LESSON)
        paths = Paths(folder / "home", folder / "workspace")
        self.engine = FakeEngine(make_image("busybox:1.36", digests=("busybox@sha256:" + "1" * 64,)))
        self.store = Store.open(paths.progress)
        time = Time(self.clock, self.sleep)
        self.session = Session(open_pack(pack), self.store, paths, lambda: self.engine, passing=time)

    def clock(self) -> float:
        return self.engine.clock.timestamp()

    def sleep(self, seconds: float) -> None:
        self.engine.clock += timedelta(seconds=seconds)

    def run(self, name: str = "", network: str | None = None) -> str:
        spec = ContainerSpec(name=name, image="busybox:1.36", command=("sleep", "600"), network=network)
        made = self.engine.create_container(spec)
        self.engine.start_container(made)
        self.sleep(30)
        return made

    def check(self) -> tuple[Status, str]:
        verdict = self.session.check(self.session.place())
        return verdict.status, " ".join(f"{one.found}" for one in verdict.outcomes if not one.met)


@pytest.fixture
def learner(tmp_path: Path) -> Iterator[Learner]:
    learner = Learner(tmp_path)
    yield learner
    learner.store.close()


def test_the_lesson_is_a_good_one(learner: Learner) -> None:
    assert learner.session.pack.problems("shared") == ()


def test_from_start_to_clean(learner: Learner) -> None:
    engine = learner.engine
    engine.add("foreign")
    learner.session.start("shared")
    learner.sleep(30)
    status, found = learner.check()
    assert (status, "there is none" in found) == (Status.UNMET, True)
    learner.run("dl-web")
    status, found = learner.check()
    assert (status, "it is on bridge" in found) == (Status.UNMET, True)
    engine.connect_network("dl-net", "dl-web")
    assert learner.check()[0] is Status.MET
    assert learner.session.next().place is not None
    learner.run()
    status, found = learner.check()
    assert status is Status.UNMET
    assert "there are 3" in found
    learner.run()
    engine.create_volume("dl-more")
    assert learner.check()[0] is Status.MET
    items = clean.plan(engine, learner.store).items
    assert {item.name for item in items} == {"dl-db", "dl-web", "dl-net", "dl-data", "dl-more"}
    report = clean.carry_out(clean.plan(engine, learner.store), engine, learner.store)
    assert {done.did for done in report.done} == {"removed"}
    assert engine.volumes_by_name == {}
    assert list(engine.networks_by_name) == ["bridge"]
    assert len(engine.by_name) == 3  # the foreign one, and two without a name of the lesson's


def test_a_new_container_under_the_name_is_not_the_same(learner: Learner) -> None:
    learner.session.start("shared")
    learner.run("dl-web", "dl-net")
    learner.engine.remove_container("dl-db")
    learner.run("dl-db", "dl-net")
    status, found = learner.check()
    assert status is Status.UNMET
    assert "another one carries the name now" in found


def test_redo_and_reboot(learner: Learner) -> None:
    engine = learner.engine
    learner.session.start("shared")
    first = engine.by_name["dl-db"].id
    learner.run("dl-web", "dl-net")
    learner.session.redo()
    assert "dl-web" not in engine.by_name
    assert engine.by_name["dl-db"].id != first
    assert engine.volume_files["dl-data"]["/note"].content == b"hello"
    engine.stop_container("dl-db")
    engine.calls.clear()
    learner.session.start()
    assert engine.by_name["dl-db"].is_up
    assert "create_network" not in engine.calls


@pytest.mark.parametrize("kind", ["network", "volume"])
def test_a_name_that_is_taken_is_told_before_anything_is_done(learner: Learner, kind: str) -> None:
    if kind == "network":
        learner.engine.add_network("dl-net")
    else:
        learner.engine.add_volume("dl-more")
    with pytest.raises(NameTaken):
        learner.session.start("shared")
    assert learner.engine.by_name == {}
    assert learner.store.entries() == ()
