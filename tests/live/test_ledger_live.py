"""What nobody saw being made, and what came without a name: the ledger and ``clean`` on a real engine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from dockerlearn.setup import ledger, unnamed
from dockerlearn.setup.spec import Declared
from tests import exported
from tests.live.conftest import Docker, things
from tests.live.lessons import Learner
from tests.live.live_bench import BUSYBOX, LiveBench
from tests.matrix import NEWEST_CONTAINERD
from tests.setup_bench import declared

NAMES = declared("dl-web", images=("dl-tools:v1", "dl-app:v1"))
OLD = "2020-01-01T00:00:00Z"


def observe(bench: LiveBench, names: Declared = NAMES, *, thorough: bool = True) -> None:
    ledger.observe(bench.engine, bench.store, bench.attempt, names, thorough=thorough)


def load(docker: Docker, folder: Path, name: str) -> str:
    """Load an image that was made long ago, as a build without a file, a pull or an import bring one; return its id."""
    layer = exported.tarred({name: b"content"})
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "created": OLD, "config": {"Cmd": ["true"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }).encode()  # fmt: skip
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    file = folder / "image.tar"
    file.write_bytes(exported.tarred({"config.json": config, "layer.tar": layer, "manifest.json": manifest}))
    docker("load", "--quiet", "--input", str(file))
    return docker("image", "inspect", "--format", "{{.Id}}", name)


def build(docker: Docker, name: str, *lines: str, well: bool = True) -> str:
    """Build an image on the course's; return its id, or that of what is left of a build that failed."""
    text = "\n".join([f"FROM {BUSYBOX}", *lines])
    done = docker.try_("build", "--quiet", "--tag", name, "-", input=text, env={"DOCKER_BUILDKIT": "0"})
    assert (done.returncode == 0) is well, done
    return done.stdout.strip()


def listed(bench: LiveBench) -> dict[str, str]:
    """What is listed beside the course's things: name to the command that removes it."""
    found = unnamed.find(bench.engine, bench.store, (BUSYBOX,), NAMES.containers)
    return {one.name: one.remedy for one in found}


def test_an_image_with_the_time_of_long_ago_was_made_in_the_attempt(bench: LiveBench, docker: Docker) -> None:
    image = load(docker, bench.folder, "dl-tools:v1")
    observe(bench)
    assert bench.known() == {image}
    assert bench.clean() == [("dl-tools:v1", "removed")]
    assert bench.engine.image(image) is None


def test_an_image_that_somebody_else_had_is_left(bench: LiveBench, docker: Docker) -> None:
    """Brought under another name, given the course's, its own name taken away: all before anybody looks."""
    image = load(docker, bench.folder, "theirs/tools:v1")
    docker("tag", "theirs/tools:v1", "dl-tools:v1")
    docker("rmi", "theirs/tools:v1")
    observe(bench)
    assert bench.clean() == [("dl-tools:v1", "left")]
    assert docker("image", "inspect", "--format", "{{.Id}}", "dl-tools:v1") == image
    docker("rmi", "dl-tools:v1")


def test_images_that_were_built_over_unseen_go(bench: LiveBench, docker: Docker) -> None:
    builds = [build(docker, "dl-app:v1", f"ENV N={number}") for number in range(3)]
    assert len(set(builds)) == 3
    observe(bench, thorough=False)  # as a check does; the last one is new to it
    assert bench.known() == set(builds)
    assert {did for _, did in bench.clean()} == {"removed"}
    assert all(bench.engine.image(image) is None for image in builds)


def test_what_is_left_when_the_name_is_gone_too_goes(bench: LiveBench, docker: Docker) -> None:
    builds = [build(docker, "dl-app:v1", f"ENV N={number}") for number in range(2)]
    docker("rmi", "dl-app:v1")
    observe(bench, thorough=False)
    assert bench.known() == set()
    observe(bench)
    assert bench.known() == {builds[0]}
    assert {did for _, did in bench.clean()} == {"removed"}


def test_an_image_that_was_theirs_when_it_was_built_over_is_left(bench: LiveBench, docker: Docker) -> None:
    first = build(docker, "theirs/app:v1", "ENV N=1")
    docker("tag", "theirs/app:v1", "dl-app:v1")
    build(docker, "theirs/app:v1", "ENV N=2")
    build(docker, "dl-app:v1", "ENV N=3")
    observe(bench)
    bench.clean()
    assert bench.engine.image(first) is not None
    assert listed(bench) == {first[7:19]: f"docker rmi {first[7:19]}"}
    docker("rmi", first, "theirs/app:v1")


def test_what_was_made_without_a_name_is_listed_and_left(bench: LiveBench, docker: Docker) -> None:
    docker("run", "--volume", "/data", BUSYBOX, "true")
    docker("run", "--detach", BUSYBOX, "sleep", "600")
    docker("run", "--name", "theirs", BUSYBOX, "true")
    docker("rm", "theirs")
    build(docker, "dl-app:v1", "RUN touch /made", "RUN false", well=False)
    observe(bench)
    there = things(docker.host)
    remedies = listed(bench)
    assert sorted(word for remedy in remedies.values() for word in remedy.split() if word.startswith("-")) == [
        "-f", "-v",
    ]  # fmt: skip
    assert len(remedies) == 4  # two containers, and a container and an image of the build
    assert bench.clean() == []
    assert things(docker.host) == there
    for remedy in remedies.values():
        docker(*remedy.split()[1:])
    assert listed(bench) == {}


@pytest.mark.also_on(NEWEST_CONTAINERD)
def test_one_command_removes_an_image_without_a_name_and_its_steps(bench: LiveBench, docker: Docker) -> None:
    """With containerd's store the first of two takes steps along that the other one was built on, too."""
    steps = ("RUN touch /made", "ENV A=1")
    first, second = (
        build(docker, "theirs/app:v1", *steps, f"ENV B={number}", "ENV C=3", "ENV D=4") for number in range(2)
    )
    assert listed(bench) == {first[7:19]: f"docker rmi {first[7:19]}"}
    docker("rmi", first)
    docker("rmi", "theirs/app:v1")
    for remedy in listed(bench).values():
        docker(*remedy.split()[1:])
    assert listed(bench) == {}
    assert bench.engine.image(second) is None


def test_volumes_that_were_left(bench: LiveBench, docker: Docker) -> None:
    """Those of the course's containers go, those of unnamed ones and of those that nobody saw are listed."""
    docker("run", "--name", "dl-web", "--volume", "/data", BUSYBOX, "true")
    observe(bench)
    docker("rm", "dl-web")
    (ours,) = {entry.name for entry in bench.store.entries() if entry.kind == "volume"}
    docker("run", "--name", "dl-web", "--volume", "/data", BUSYBOX, "true")
    docker("rm", "dl-web")
    docker("rm", docker("run", "--detach", "--volume", "/data", BUSYBOX, "sleep", "600"), "--force")
    docker("run", "--name", "theirs", "--volume", "/data", BUSYBOX, "true")
    docker("rm", "theirs")
    docker("volume", "create")
    observe(bench)
    assert bench.clean() == [(ours, "removed")]
    left = set(docker("volume", "ls", "--quiet").split())
    assert len(left) == 4
    remedies = listed(bench)
    assert len(remedies) == 2
    for remedy in remedies.values():
        docker(*remedy.split()[1:])
    assert listed(bench) == {}
    docker("volume", "rm", *(left - set(remedies)))


def test_a_volume_that_theirs_uses_by_its_made_up_name_stays(bench: LiveBench, docker: Docker) -> None:
    docker("run", "--detach", "--name", "dl-web", "--volume", "/data", BUSYBOX, "sleep", "600")
    observe(bench)
    (volume,) = {entry.name for entry in bench.store.entries() if entry.kind == "volume"}
    docker("run", "--detach", "--name", "theirs", "--volume", f"{volume}:/data", BUSYBOX, "sleep", "600")
    assert bench.clean() == [("dl-web", "removed"), (volume, "left")]
    assert volume in docker("volume", "ls", "--quiet")
    docker("rm", "--force", "theirs")
    assert bench.clean() == [(volume, "removed")]


def test_a_volume_of_theirs_that_the_learner_mounted_by_its_made_up_name_stays(
    bench: LiveBench, docker: Docker
) -> None:
    theirs = docker("volume", "create")
    docker("run", "--name", "dl-web", "--volume", f"{theirs}:/data", BUSYBOX, "true")
    observe(bench)
    docker("rm", "dl-web")
    observe(bench)
    assert bench.clean() == []
    assert docker("volume", "ls", "--quiet", "--filter", f"name={theirs}") == theirs
    docker("volume", "rm", theirs)


def test_clean_while_another_terminal_is_in_the_middle_of_a_step(learner: Learner, docker: Docker) -> None:
    """Whichever comes first, both end well or say why, and in the end nothing is left."""
    assert learner("start", "containers/several", "--plain").returncode == 0
    for _ in range(2):
        starting = learner.popen("redo", "containers/several")
        while starting.poll() is None:
            done = learner("clean", "--yes")
            assert done.returncode == 0, done
            assert "Traceback" not in done.stderr
        assert starting.communicate()[0] is not None
        assert starting.returncode in {0, 3}
        checked = learner("check", "step", "containers/several")
        assert checked.returncode == 1, checked
    assert learner("clean", "--yes").returncode == 0
    assert docker("ps", "--all", "--quiet") == ""
    assert learner.json("clean")["items"] == []
