"""The bystander test: what is foreign is the same before and after each whole lesson, redo of each step, and clean.

In it are all lessons of the pack. The steps are brought, checked and done again in this process, since to start Python
for each would take most of the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.course.names import declared
from dockerlearn.course.packs import open_pack
from dockerlearn.engine import client, endpoint, references
from dockerlearn.errors import NameTaken, SetupFailed
from dockerlearn.paths import Paths
from dockerlearn.progress.store import Store
from dockerlearn.session.session import Session
from dockerlearn.setup.spec import Declared
from tests.live.bystanders import have_a_project, picture, run
from tests.live.conftest import Docker
from tests.live.lessons import DOCKERLEARN, Learner
from tests.own_engine import BASE_IMAGE

LESSONS = open_pack().lessons


class Engine:
    """The engine with a foreign project on it, and a picture of what was there before the test."""

    def __init__(self, docker: Docker) -> None:
        self.docker = docker
        self.empty = self.picture()
        have_a_project(docker)

    def picture(self) -> dict[str, Any]:
        return picture(self.docker.host)

    def new(self, before: dict[str, Any]) -> list[str]:
        """What has come since a picture was taken: containers first, then tags, images and the rest."""
        return [thing for thing in self.picture() if thing not in before]

    def take_away(self, before: dict[str, Any]) -> None:
        """Remove what has come since a picture was taken."""
        for thing in self.new(before):
            kind, _, name = thing.partition(" ")
            words = {"container": ("rm", "--force", "--volumes"), "tag": ("rmi",), "image": ("rmi",)}
            if kind in {"container", "tag", "image", "network", "volume"}:
                self.docker.try_(*words.get(kind, (kind, "rm")), name)


@pytest.fixture
def engine(docker: Docker) -> Iterator[Engine]:
    made = Engine(docker)
    yield made
    made.take_away(made.empty)


@pytest.fixture
def learner(docker: Docker, engine: Engine, tmp_path: Path) -> Learner:
    """Somebody who uses the command line; what is made is taken away with all that is foreign."""
    assert engine.docker is docker
    return Learner(tmp_path, docker.host)


@pytest.fixture
def session(learner: Learner, docker: Docker) -> Iterator[Session]:
    """The session of that learner, on the same store."""
    opened = client.connect(endpoint.find({"DOCKER_HOST": docker.host}, Path("/nonexistent")))
    paths = Paths(Path(learner.environment["DOCKERLEARN_HOME"]), Path(learner.environment["DOCKERLEARN_WORKSPACE"]))
    paths.home.mkdir(parents=True)
    with Store.open(paths.progress) as store:
        yield Session(open_pack(), store, paths, lambda: opened)
    opened.close()


def solve(session: Session, learner: Learner, step: str) -> None:
    """Do what a step asks by its solution, and hold that it is passed."""
    place = session.place(step)
    if place.step.kind == "read":
        return
    # What reacts to no TERM would be waited for.
    script = session.solution(place, command=" ".join(DOCKERLEARN)).replace("docker stop ", "docker stop -t 1 ")
    done = learner.sh(script)
    assert done.returncode == 0, (step, done)
    if place.step.kind == "do":
        verdict = session.check(place)
        assert verdict.passed, (step, verdict.outcomes)
    assert session.place(step).passed


def own(names: Declared) -> set[str]:
    """Declared names as a picture has them."""
    return {
        *(f"container {name}" for name in names.containers),
        *(f"tag {references.short(name)}" for name in names.images),
        *(f"network {name}" for name in names.networks),
        *(f"volume {name}" for name in names.volumes),
    }


def names_are_asked_about(session: Session, learner: Learner, engine: Engine, lesson: str, names: Declared) -> None:
    """One name of each kind is taken: it is told and asked about, nothing is done; freed as told, the thing is kept."""
    docker = engine.docker
    kept = {}
    for name in sorted(names.containers)[:1]:
        run(docker, name)
        kept[f"container {name}-mine"] = docker("inspect", "--format", "{{.Id}}", name)
    for name in sorted(map(references.short, names.images))[:1]:
        docker("tag", "theirs/tools:v1", name)
        repository, _, tag = name.rpartition(":")
        kept[f"tag {repository}-mine:{tag}"] = docker("image", "inspect", "--format", "{{.Id}}", name)
    for name in sorted(names.networks)[:1]:
        docker("network", "create", name)
    for name in sorted(names.volumes)[:1]:
        docker("run", "--rm", "--volume", f"{name}:/data", BASE_IMAGE, "sh", "-c", "echo hers > /data/file")
        docker("tag", BASE_IMAGE, "busybox:latest")  # the command that keeps what is in the volume uses it
    before = engine.picture()
    with pytest.raises(NameTaken) as caught:
        session.start(lesson)
    assert engine.picture() == before
    assert session.store.attempts() == ()
    taken = own(names) & set(before)
    assert taken
    for thing in taken:
        assert f"{thing.partition(' ')[2]} (" in caught.value.message
    assert caught.value.remedy is not None
    freed = learner.sh(caught.value.remedy)
    assert freed.returncode == 0, freed
    after = engine.picture()
    assert own(names) & set(after) == set()
    for thing, identifier in kept.items():
        assert identifier in str(after[thing])
    for name in sorted(names.volumes)[:1]:
        said = docker("run", "--rm", "--volume", f"{name}-mine:/data", BASE_IMAGE, "cat", "/data/file")
        assert said == "hers"


def lean_on(engine: Engine, names: Declared) -> dict[str, set[str]]:
    """Let foreign things use each thing of the course's: what has to stay, and by whom it is used."""
    docker, there = engine.docker, engine.picture()
    stays: dict[str, set[str]] = {}
    running = next(
        name for name in sorted(names.containers)
        if f"container {name}" in there and there[f"container {name}"]["State"]["Running"]
    )  # fmt: skip
    ways = (
        ("friend", "--network", f"container:{running}"),
        ("reader", "--volumes-from", running),
        ("watcher", "--pid", f"container:{running}"),
        ("caller", "--link", f"{running}:other"),
    )
    for name, *options in ways:
        run(docker, name, *options)
    stays[f"container {running}"] = {name for name, *_ in ways}
    # An engine of today lets nobody in here, unless the container was made to be shared.
    if docker.try_("run", "--name", "sharer", "--ipc", f"container:{running}", BASE_IMAGE, "true").returncode:
        docker("rm", "--force", "sharer")
    else:
        stays[f"container {running}"].add("sharer")
    # An image takes over the labels of the container, ours among them, and a container those of its image.
    docker("commit", "--pause=false", running, "theirs/snapshot:v1")
    run(docker, "copy", image="theirs/snapshot:v1")
    tags = [name for name in sorted(map(references.short, names.images)) if f"tag {name}" in there]
    for number, name in enumerate(tags):
        docker("build", "--quiet", "--tag", f"theirs/built:v{number}", "-", input=f"FROM {name}\nENV THEIRS={number}\n",
               env={"DOCKER_BUILDKIT": "0"})  # fmt: skip
        run(docker, f"guest-{number}", image=name, command=("sleep", "600"))
        if number == 0:
            docker("tag", name, "theirs/kept:v1")
        elif there[f"tag {name}"] != there[f"tag {tags[0]}"]:
            stays[f"tag {name}"] = {f"guest-{number}"}
    for name in sorted(names.networks):
        if f"network {name}" in there:
            run(docker, f"on-{name}", "--network", name)
            stays[f"network {name}"] = {f"on-{name}"}
    for name in sorted(names.volumes):
        if f"volume {name}" in there:
            run(docker, f"with-{name}", "--volume", f"{name}:/data")
            stays[f"volume {name}"] = {f"with-{name}"}
    return stays


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_changes_nothing_foreign(session: Session, learner: Learner, engine: Engine, lesson: str) -> None:
    names = declared(session.pack.lesson(lesson))
    names_are_asked_about(session, learner, engine, lesson, names)
    before = engine.picture()
    assert {"container dl-models-db-1", "what is in the volume", "tag dl-trained:v1"} <= set(before)

    def unchanged(after: dict[str, Any], *, but: str) -> None:
        changed = {thing for thing in before if after.get(thing) != before[thing]}
        assert changed == set(), but

    best, most = "", -1
    for step in [f"{lesson}/{step.id}" for step in session.pack.lesson(lesson).steps]:
        session.start(step)
        solve(session, learner, step)
        session.redo(step)
        after = engine.picture()
        unchanged(after, but=step)
        there = own(names) & set(after)
        runs = any(after[thing]["State"]["Running"] for thing in there if thing.startswith("container "))
        if runs and len(there) > most:
            best, most = step, len(there)
    assert best, "no step of this lesson begins with a running container"

    session.redo(best)
    stays = lean_on(engine, names)
    leaned_on = engine.picture()
    with pytest.raises(SetupFailed) as caught:
        session.redo(best)
    assert all(user in caught.value.message for users in stays.values() for user in users)
    assert engine.picture() == leaned_on
    cleaned = learner.json("clean", "--yes")
    left = {
        f"{'tag' if done['kind'] == 'image' else done['kind']} {done['name']}": done["reason"]
        for done in cleaned["done"]
        if done["did"] == "left"
    }
    assert set(left) == set(stays)
    for thing, users in stays.items():
        assert all(user in left[thing] for user in users), (thing, left[thing])
    after = engine.picture()
    unchanged(after, but="clean")
    gone = {thing for thing in leaned_on if after.get(thing) != leaned_on[thing]}
    assert {thing for thing in gone if not thing.startswith("image ")} <= own(names) - set(stays)
    assert own(names) & set(after) == set(stays)

    # Without those who used them they go, and the engine is as it was, but for what is listed.
    for kind, *words in (("container", "rm", "--force"), ("tag", "rmi")):
        theirs = [thing for thing in after if thing not in before and thing not in stays and thing.startswith(kind)]
        engine.docker(*words, *(thing.partition(" ")[2] for thing in theirs if thing in leaned_on))
        dones = learner.json("clean", "--yes")["done"] or ()
        assert {done["did"] for done in dones} <= {"removed", "untagged"}
    listed = learner.json("clean")
    assert listed["items"] == []
    for one in listed["unnamed"]:
        freed = learner.sh(one["remedy"])
        assert freed.returncode == 0, freed
    assert engine.picture() == before
