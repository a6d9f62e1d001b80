"""What depends on the course's things, or has its names, in the lesson first-run; see ``test_lessons_live``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.conftest import Docker
from tests.live.lessons import Learner
from tests.own_engine import BASE_IMAGE

LESSON = "first-run"
STEPS = ("run", "look", "inside", "kernel", "stop", "again", "broken", "remove")
SLEEP = ("sleep", "3600")


class Foreign:
    """Things of somebody else's on the engine, by kind: what they are now, and taken away at the end."""

    def __init__(self, docker: Docker) -> None:
        self.docker = docker
        self.containers: list[str] = []
        self.images: list[str] = []

    def run(self, name: str, *options: str, image: str = BASE_IMAGE, command: tuple[str, ...] = SLEEP) -> None:
        """Run a container of theirs."""
        self.containers.append(name)
        self.docker("run", "--detach", "--name", name, *options, image, *command)

    def image(self, name: str, *command: str) -> None:
        """Give a name of theirs to an image."""
        self.images.append(name)
        self.docker(*command, name)

    def state(self) -> Any:
        """All that the engine says about them, and what is in the volume."""
        networks, volumes = (
            self.docker(kind, "ls", "--quiet", "--filter", "name=dl-models").split() for kind in ("network", "volume")
        )
        seen: dict[str, Any] = {}
        for kind, names in (
            ("container", self.containers), ("image", self.images), ("network", networks), ("volume", volumes),
        ):  # fmt: skip
            found = json.loads(self.docker(kind, "inspect", *names)) if names else []
            seen |= dict(zip((f"{kind} {name}" for name in names), found, strict=True))
        for name in self.images:
            # What its other names are is the one thing about an image that somebody else may change.
            del seen[f"image {name}"]["RepoTags"]
        seen["weights"] = self.docker("cp", "dl-models-db-1:/data/weights", "-") if volumes else None
        return seen

    def take_away(self) -> None:
        """Leave nothing of them."""
        self.docker.try_("rm", "--force", "--volumes", *self.containers)
        self.docker.try_("rmi", *self.images)
        self.docker.try_("network", "rm", "dl-models_default")
        self.docker.try_("volume", "rm", "dl-models_data")


@pytest.fixture
def foreign(docker: Docker) -> Iterator[Foreign]:
    made = Foreign(docker)
    yield made
    made.take_away()


@pytest.fixture
def learner(docker: Docker, foreign: Foreign, tmp_path: Path) -> Iterator[Learner]:
    found = Learner(tmp_path, docker.host)
    yield found
    # What is foreign goes first, so that nothing depends on the course's.
    foreign.take_away()
    found("clean", "--yes")


def well(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Hold how a command ended, and return what it said; a refusal is one message that says what to do."""
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    assert "defect" not in done.stderr
    if code:
        first, *_, remedy = done.stderr.splitlines()
        assert first.startswith("dockerlearn: ")
        assert remedy.startswith("  docker ")
    return " ".join((done.stdout + done.stderr).split())


def solve(learner: Learner, step: str) -> None:
    """Do what a step asks; the loop in dl-first reacts to no TERM, and stopping it takes ten seconds."""
    script = learner("solution", f"{LESSON}/{step}", "--plain").stdout
    done = learner.sh(script.replace("docker stop dl-first", "docker kill dl-first"))
    assert done.returncode == 0, done


def test_what_depends_on_the_course_is_left_and_told(learner: Learner, foreign: Foreign) -> None:
    docker = foreign.docker
    well(learner("start", f"{LESSON}/broken", "--plain"), 0)
    foreign.run("friend", "--network", "container:dl-first")
    foreign.run("reader", "--volumes-from", "dl-first")
    foreign.run("cousin", "--volumes-from", "dl-job")
    # An image takes over the labels of the container, ours among them, and a container those of its image.
    foreign.image("theirs/snapshot:v1", "commit", "--pause=false", "dl-first")
    foreign.run("copy", image="theirs/snapshot:v1")
    ours = json.loads(docker("inspect", "dl-first", "dl-job"))
    before = foreign.state()
    assert "dockerlearn.nonce" in before["container copy"]["Config"]["Labels"]
    for step in STEPS:
        told = well(learner("redo", f"{LESSON}/{step}"), 3)
        assert "container dl-first: friend, reader use its network, processes, volumes or links" in told, step
        assert "container dl-job: cousin uses its" in told, step
        assert foreign.state() == before, step
    for step in ("run", "broken"):
        # These steps want dl-first absent, and dl-job made anew.
        told = well(learner("start", f"{LESSON}/{step}", "--plain"), 3)
        assert "what is not the lesson's depends on it: " in told
    assert json.loads(docker("inspect", "dl-first", "dl-job")) == ours
    left = sorted(learner.json("clean")["items"], key=lambda item: str(item["name"]))
    assert [(item["name"], item["action"], item["remedy"]) for item in left] == [
        ("dl-first", "leave", "docker rm -f friend reader"), ("dl-job", "leave", "docker rm -f cousin"),
    ]  # fmt: skip
    told = well(learner("clean", "--yes"), 0)
    assert "leave container dl-first: friend, reader use its network" in told
    assert json.loads(docker("inspect", "dl-first", "dl-job")) == ours
    assert foreign.state() == before
    # One is freed as was told, and goes; the other one stays.
    assert learner.sh(left[1]["remedy"]).returncode == 0
    foreign.containers.remove("cousin")
    before.pop("container cousin")
    assert "removed container dl-job" in well(learner("clean", "--yes"), 0)
    docker("rm", "--force", "friend", "reader")
    for name in ("friend", "reader"):
        foreign.containers.remove(name)
        before.pop(f"container {name}")
    assert "removed container dl-first" in well(learner("clean", "--yes"), 0)
    assert foreign.state() == before
    assert docker("ps", "--all", "--format", "{{.Names}}") == "copy"


def without_names_there(container: dict[str, Any]) -> dict[str, Any]:
    """An inspect without the names on networks, which newer engines bring up to date when a container is renamed."""
    for network in container["NetworkSettings"]["Networks"].values():
        network.pop("DNSNames", None)
    return container


def test_names_that_are_taken_are_refused_and_freed_as_told(learner: Learner, foreign: Foreign) -> None:
    foreign.run("dl-first")
    foreign.run("dl-job", command=("true",))
    foreign.docker("wait", "dl-job")
    before = foreign.state()
    for words in (["start"], ["start", f"{LESSON}/stop"], ["start", LESSON, "--anew"]):
        refused = learner(*words, "--plain")
        told = well(refused, 3)
        assert "dl-first (container " in told
        assert "dl-job (container " in told
        assert "It is left alone." in told
        assert refused.stdout == ""
    assert learner.json("clean")["items"] == []
    assert foreign.state() == before
    assert learner("check").returncode == 2  # nothing was begun
    freed = learner.sh(refused.stderr.splitlines()[-1])
    assert freed.returncode == 0, freed
    well(learner("start", "--plain"), 0)
    solve(learner, "run")
    well(learner("check"), 0)
    well(learner("clean", "--yes"), 0)
    foreign.containers = ["dl-first-mine", "dl-job-mine"]
    for name, was in zip(foreign.containers, ("dl-first", "dl-job"), strict=True):
        renamed = {**before[f"container {was}"], "Name": f"/{name}"}
        assert without_names_there(foreign.state()[f"container {name}"]) == without_names_there(renamed)
    assert foreign.docker("ps", "--all", "--format", "{{.Names}}").split() == ["dl-job-mine", "dl-first-mine"]


def test_a_name_taken_on_the_way_is_refused_too(learner: Learner, foreign: Foreign) -> None:
    """Theirs is older than the attempt, and came to the name by a renaming after it began."""
    foreign.run("theirs")
    well(learner("start", "--plain"), 0)
    foreign.docker("rename", "theirs", "dl-job")
    foreign.containers = ["dl-job"]
    before = foreign.state()
    solve(learner, "run")
    well(learner("check"), 0)
    assert "dl-job (container " in well(learner("start", f"{LESSON}/broken", "--plain"), 3)
    well(learner("redo", f"{LESSON}/run"), 3)
    assert "dl-job" not in well(learner("clean", "--yes"), 0)
    assert foreign.state() == before
