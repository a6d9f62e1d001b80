"""Each lesson of the pack by its commands beside foreign things, which are the same before and after.

Each step: start, an unmet check, the solution in ``sh`` with the stock docker client, a met one,
redo; at the end, clean.
The commands run in this process, since to start Python for each would take most of the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.course.names import declared
from dockerlearn.course.packs import open_pack
from dockerlearn.engine import references
from dockerlearn.setup.spec import Declared, SetupImage
from tests.cli_support import Learner as Commands
from tests.live.bystanders import have_a_project, picture, run
from tests.live.conftest import Docker
from tests.live.lessons import Learner, possible
from tests.own_engine import BASE_IMAGE

PACK = open_pack()

REMEDY = re.compile("^  (docker .*)$", re.MULTILINE)
"""A command that an error tells."""


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


def solve(commands: Commands, learner: Learner, name: str) -> None:
    """Take a step from its start, where it is not met, to its pass by its solution."""
    commands("start", name, "--plain", code=0)
    before = commands("check", "--json", code=1)
    assert before.json["status"] == "unmet", (name, before)
    script = commands("solution", "--plain", code=0).out
    assert script.startswith("cd "), name
    # What reacts to no TERM would be waited for.
    done = learner.sh("set -e\n" + script.replace("docker stop ", "docker stop -t 1 "))
    assert done.returncode == 0, (name, done)
    after = commands("check", "step", name, "--json")
    assert (after.code, after.json["passed"]) == (0, True), (name, after)


def own(names: Declared) -> set[str]:
    """Declared names as a picture has them."""
    return {
        *(f"container {name}" for name in names.containers),
        *(f"tag {references.short(name)}" for name in names.images),
        *(f"network {name}" for name in names.networks),
        *(f"volume {name}" for name in names.volumes),
    }


def built(name: str) -> set[str]:
    """The images that a step begins with and that are built for it, as a picture has them."""
    lesson, _, step = name.partition("/")
    setup = next(one.setup for one in PACK.lesson(lesson).steps if one.id == step)
    return {f"tag {references.short(item.image)}" for item in setup if isinstance(item, SetupImage) and item.build}


def names_are_asked_about(commands: Commands, learner: Learner, engine: Engine, lesson: str, names: Declared) -> None:
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
    refused = commands("start", lesson, code=3).err
    assert engine.picture() == before
    assert commands("clean", "--json").json["items"] == []
    taken = own(names) & set(before)
    assert taken
    for thing in taken:
        assert f"{thing.partition(' ')[2]} (" in " ".join(refused.split())
    freed = learner.sh("\n".join(REMEDY.findall(refused)))
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
    ways = [
        ("friend", "--network", f"container:{running}"),
        ("reader", "--volumes-from", running),
        ("watcher", "--pid", f"container:{running}"),
    ]
    if "bridge" in there[f"container {running}"]["NetworkSettings"]["Networks"]:
        # Elsewhere a link is only a name more, and its container a guest on the network, as below.
        ways.append(("caller", "--link", f"{running}:other"))
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


@pytest.mark.parametrize("lesson", PACK.lessons)
def test_a_lesson_by_its_commands_changes_nothing_foreign(
    package_index: None, commands: Commands, learner: Learner, engine: Engine, lesson: str
) -> None:
    names = declared(PACK.lesson(lesson))
    names_are_asked_about(commands, learner, engine, lesson, names)
    before = engine.picture()
    assert {"container dl-models-db-1", "what is in the volume", "tag dl-trained:v1"} <= set(before)

    def unchanged(after: dict[str, Any], *, but: str) -> None:
        changed = {thing for thing in before if after.get(thing) != before[thing]}
        assert changed == set(), but

    best, most = "", -1
    for step in possible(PACK.lesson(lesson), engine.docker.host, learner.environment):
        name = f"{lesson}/{step.id}"
        if step.kind == "read":
            commands("start", name, "--plain", code=0)
            commands("next", code=0)
        else:
            solve(commands, learner, name)
        commands("redo", name, code=0)
        after = engine.picture()
        unchanged(after, but=name)
        there = own(names) & set(after)
        runs = any(after[thing]["State"]["Running"] for thing in there if thing.startswith("container "))
        if runs and len(there) > most:
            best, most = name, len(there)
    assert best, "no step of this lesson begins with a running container"
    commands("check", "lesson", lesson, code=0)

    commands("redo", best, code=0)
    stays = lean_on(engine, names)
    leaned_on = engine.picture()
    refused = commands("redo", best, code=3).err
    for thing, users in stays.items():  # an image that the step begins with need not go for it to begin afresh
        assert {user in refused for user in users} == {thing not in built(best)}, thing
    assert engine.picture() == leaned_on
    cleaned = commands("clean", "--yes", "--json").json
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
    for thing in stays:
        if thing.startswith("network "):
            # Those of the course that went are not on it any more.
            _, on_it = (seen[thing].pop("Containers") for seen in (leaned_on, after))
            on_it = {there["Name"] for there in on_it.values()}
            assert stays[thing] <= on_it <= stays[thing] | {name.partition(" ")[2] for name in stays}
    gone = {thing for thing in leaned_on if after.get(thing) != leaned_on[thing]}
    assert {thing for thing in gone if not thing.startswith("image ")} <= own(names) - set(stays)
    assert own(names) & set(after) == set(stays)

    # Without those who used them they go, and the engine is as it was, but for what is listed.
    for kind, *words in (("container", "rm", "--force"), ("tag", "rmi")):
        theirs = [thing for thing in after if thing not in before and thing not in stays and thing.startswith(kind)]
        engine.docker(*words, *(thing.partition(" ")[2] for thing in theirs if thing in leaned_on))
        dones = commands("clean", "--yes", "--json").json["done"] or ()
        assert {done["did"] for done in dones} <= {"removed", "untagged"}
    listed = commands("clean", "--json").json
    assert listed["items"] == []
    for one in listed["unnamed"]:
        freed = learner.sh(one["remedy"])
        assert freed.returncode == 0, freed
    assert engine.picture() == before
