"""Set-up, ledger and clean on a real engine, among things of other people's."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.errors import NameTaken, SetupFailed
from dockerlearn.setup import bring, ledger
from dockerlearn.setup.spec import Setup
from tests.live.conftest import Docker
from tests.live.live_bench import BUSYBOX, LiveBench
from tests.setup_bench import container, declared, file, image, no_container
from tests.waiting import until

SLEEP = ["sleep", "1000"]
FORK = multiprocessing.get_context("fork")


def inspect(docker: Docker, *names: str) -> Any:
    return json.loads(docker("inspect", *names))


def test_made_as_stated_and_then_nothing_is_done(bench: LiveBench, docker: Docker) -> None:
    items: list[Setup] = [
        container("dl-web", command=SLEEP, env={"A": "b"}, publish={"80": 18_473}, files={"/etc/motd": "hello"}),
        container("dl-done", command=["sh", "-c", "exit 3"], running=False),
        container("dl-stopped", command=SLEEP, running=False),
        container("dl-new", command=SLEEP, status="created"),
        container("dl-cold", command=SLEEP, status="paused"),
        image("dl-tools:v1", tag_of="busybox"),
        no_container("dl-nothing"),
        file("Dockerfile", "FROM busybox:1.36\n"),
    ]
    assert bench.bring(*items)
    (web,) = inspect(docker, "dl-web")
    assert web["State"]["Running"]
    assert web["HostConfig"]["Memory"] == 256 * 1024 * 1024
    assert web["HostConfig"]["PidsLimit"] == 256
    assert web["HostConfig"]["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18473"}]}
    assert web["Config"]["Env"][0] == "A=b"
    assert docker("exec", "dl-web", "cat", "/etc/motd") == "hello"
    assert [item["State"]["Status"] for item in inspect(docker, "dl-done", "dl-stopped", "dl-new", "dl-cold")] == [
        "exited", "exited", "created", "paused",
    ]  # fmt: skip
    assert inspect(docker, "dl-done")[0]["State"]["ExitCode"] == 3
    assert bench.bring(*items) == []
    assert dict(bench.clean()) == {
        "dl-web": "removed", "dl-done": "removed", "dl-stopped": "removed", "dl-new": "removed", "dl-cold": "removed",
        "dl-tools:v1": "untagged",
    }  # fmt: skip


def test_what_the_learner_made_is_as_stated(bench: LiveBench, docker: Docker) -> None:
    docker("run", "-d", "--name", "dl-web", "-p", "18473:80", BUSYBOX, *SLEEP)
    docker("tag", BUSYBOX, "dl-tools:v1")
    assert (
        bench.bring(container("dl-web", command=SLEEP, publish={"80": 18_473}), image("dl-tools:v1", tag_of="busybox"))
        == []
    )
    assert len(bench.known()) == 2


def test_after_a_reboot_it_is_started(bench: LiveBench, docker: Docker) -> None:
    bench.bring(container("dl-web", command=SLEEP))
    (before,) = inspect(docker, "dl-web")
    docker("kill", "dl-web")
    assert bench.bring(container("dl-web", command=SLEEP)) == [("container dl-web", "started")]
    assert inspect(docker, "dl-web")[0]["Id"] == before["Id"]


def test_image_is_built_once_cleaned_up_and_used(bench: LiveBench, docker: Docker) -> None:
    app = bench.files / "app"
    app.mkdir()
    (app / "Dockerfile").write_text('FROM @{image.busybox}\nCOPY hello /hello\nCMD ["sleep", "1000"]\n')
    (app / "hello").write_text("hello")
    items: list[Setup] = [image("dl-app:v1", build="app"), container("dl-web", image="dl-app:v1")]
    assert bench.bring(*items) == [("image dl-app:v1", "built"), ("container dl-web", "made")]
    assert docker("exec", "dl-web", "cat", "/hello") == "hello"
    assert bench.bring(*items) == []
    assert bench.clean() == [("dl-web", "removed"), ("dl-app:v1", "removed")]


def test_rebuilt_image_leaves_nothing_behind(bench: LiveBench, docker: Docker, tmp_path: Path) -> None:
    for number in range(2):
        docker("build", "-t", "dl-app:v1", "-", input=f"FROM {BUSYBOX}\nENV N={number}\n", env={"DOCKER_BUILDKIT": "0"})
        ledger.observe(bench.engine, bench.store, bench.attempt, declared(images=("dl-app:v1",)))
    assert {did for _, did in bench.clean()} == {"removed"}


def test_port_that_is_taken_is_told_and_mended_later(bench: LiveBench, docker: Docker) -> None:
    bench.bring(container("dl-one", command=SLEEP, publish={"80": 18_473}))
    two = container("dl-two", command=SLEEP, publish={"80": 18_473})
    with pytest.raises(SetupFailed, match="start dl-two"):
        bench.bring(two)
    bench.bring(no_container("dl-one"), two)
    assert inspect(docker, "dl-two")[0]["State"]["Running"]


def test_redo_makes_everything_anew(bench: LiveBench, docker: Docker) -> None:
    bench.bring(container("dl-web", command=SLEEP))
    (before,) = inspect(docker, "dl-web")
    bring.take_away(bench.context())
    assert docker.try_("inspect", "dl-web").returncode != 0
    bench.bring(container("dl-web", command=SLEEP))
    assert inspect(docker, "dl-web")[0]["Id"] != before["Id"]


def test_redo_leaves_what_it_would_build_alike(
    bench: LiveBench, docker: Docker, nameless_come: Callable[[], set[str]]
) -> None:
    """Also when the learner has built the same files with the old builder, which gives her the image below ours.

    That one is away with her name in containerd's store, and what it was built on shows up there in the end.
    """
    (bench.files / "Dockerfile").write_text(f"FROM {BUSYBOX}\nCOPY Dockerfile /copied\nENV A=1\n")
    stated = image("dl-app:v1", build=".")
    bench.bring(stated)
    built = docker("image", "inspect", "--format", "{{.Id}}", "dl-app:v1")
    folder = str(bench.files)
    for _ in range(2):
        docker("build", "--tag", "dl-app:v2", folder, env={"DOCKER_BUILDKIT": "0"})
        ledger.observe(bench.engine, bench.store, bench.attempt, declared(images=("dl-app:v1", "dl-app:v2")))
        for _ in range(2):
            bring.take_away(bench.context(), [stated])
            assert bench.bring(stated) == []
        assert docker("image", "inspect", "--format", "{{.Id}}", "dl-app:v1") == built
        assert docker.try_("image", "inspect", "dl-app:v2").returncode != 0
    assert nameless_come() == set()
    assert {did for _, did in bench.clean()} <= {"removed", "gone"}
    assert docker.try_("image", "inspect", built).returncode != 0


def test_what_lost_its_name_is_cleaned_with_what_is_built_on_it(
    bench: LiveBench, docker: Docker, nameless_come: Callable[[], set[str]]
) -> None:
    for name, base in (("base", BUSYBOX), ("app", "dl-base:v1")):
        (bench.files / name).mkdir()
        (bench.files / name / "Dockerfile").write_text(f"FROM {base}\nCOPY Dockerfile /{name}\n")
    stated = image("dl-app:v1", build="app")
    bench.bring(image("dl-base:v1", build="base"), stated)
    built = docker("image", "inspect", "--format", "{{.Id}}", "dl-app:v1")
    for _ in range(2):
        bring.take_away(bench.context(), [stated])
        assert docker.try_("image", "inspect", "dl-base:v1").returncode != 0
        assert docker("image", "inspect", "--format", "{{.Id}}", "dl-app:v1") == built
    assert {did for _, did in bench.clean()} <= {"removed", "gone"}
    assert bench.known() == set()


def test_anonymous_volumes_go_too(bench: LiveBench, docker: Docker) -> None:
    before = docker("volume", "ls", "-q")
    docker("run", "-d", "--name", "dl-web", "-v", "/data", BUSYBOX, *SLEEP)
    ledger.observe(bench.engine, bench.store, bench.attempt, declared("dl-web"))
    bench.clean()
    assert docker("volume", "ls", "-q") == before


def test_bystanders(bench: LiveBench, docker: Docker) -> None:
    """Foreign things that look like the course's, or share with it, are the same after bring, redo and clean."""
    foreign = ["dl-models", "dl-mine", "friend", "reader"]
    try:
        docker("run", "-d", "--name", "dl-models", "--label", "dockerlearn.nonce=abc", BUSYBOX, *SLEEP)
        docker("tag", BUSYBOX, "dl-models:latest")
        docker("tag", BUSYBOX, "theirs/tools:v1")
        docker("create", "--name", "dl-mine", BUSYBOX)
        bench.begin_anew()
        with pytest.raises(NameTaken, match="dl-mine"):
            bench.bring(container("dl-mine"))
        bench.bring(
            container("dl-web", command=SLEEP), container("dl-data", command=SLEEP),
            container("dl-other", command=SLEEP), image("dl-tools:v1", tag_of="busybox"),
        )  # fmt: skip
        docker("run", "-d", "--name", "friend", "--network", "container:dl-web", BUSYBOX, *SLEEP)
        docker("run", "-d", "--name", "reader", "--volumes-from", "dl-data", BUSYBOX, *SLEEP)
        before = inspect(docker, *foreign)
        tags = set(docker("images", "--format", "{{.Repository}}:{{.Tag}}").split())
        for item in (container("dl-web", fresh=True), no_container("dl-data")):
            with pytest.raises(SetupFailed, match=r"friend|reader"):
                bench.bring(item)
        with pytest.raises(SetupFailed, match="friend"):
            bring.take_away(bench.context())
        assert dict(bench.clean()) == {
            "dl-web": "left", "dl-data": "left", "dl-other": "removed", "dl-tools:v1": "untagged",
        }  # fmt: skip
        assert inspect(docker, *foreign) == before
        assert set(docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()) == tags - {"dl-tools:v1"}
        docker("rm", "-f", "friend", "reader")
        assert dict(bench.clean()) == {"dl-web": "removed", "dl-data": "removed"}
    finally:
        docker("rm", "-f", *foreign)
        docker("rmi", "dl-models:latest", "theirs/tools:v1")


def test_image_used_by_a_foreign_container_stays(bench: LiveBench, docker: Docker) -> None:
    docker("build", "-t", "dl-app:v1", "-", input=f"FROM {BUSYBOX}\nENV A=b\n", env={"DOCKER_BUILDKIT": "0"})
    ledger.observe(bench.engine, bench.store, bench.attempt, declared(images=("dl-app:v1",)))
    docker("create", "--name", "theirs", "dl-app:v1")
    try:
        assert bench.clean() == [("dl-app:v1", "left")]
    finally:
        docker("rm", "theirs")
    assert bench.clean() == [("dl-app:v1", "removed")]


def test_killed_at_any_moment_the_ledger_knows_everything(bench: LiveBench, engine_socket: str, docker: Docker) -> None:
    (bench.files / "Dockerfile").write_text(f"FROM {BUSYBOX}\nENV A=b\n")
    rng = random.Random(11)

    def there() -> set[str]:
        return set(docker("ps", "-aq", "--no-trunc", "--filter", "name=^dl-").split())

    seen: set[str] = set()
    for _ in range(12):
        child = FORK.Process(target=_set_up_for_ever, args=(engine_socket, bench.folder))
        child.start()
        # It makes and takes away in turns, so that any moment after the first thing is there is as good as another.
        until(there, "the first thing that the set-up makes")
        time.sleep(rng.uniform(0, 0.5))
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join(10)
        time.sleep(0.5)  # what the engine was asked for last may still be on its way
        ledger.resolve(bench.engine, bench.store)
        assert there() <= bench.known()
        seen |= there()
        if built := bench.engine.image("dl-app:v1"):
            assert built.id in bench.known()
    assert seen
    # Layers of a build that was cut short belong to the image as soon as it is built.
    bench.bring(image("dl-app:v1", build="."))
    bench.clean()
    assert docker("ps", "-aq", "--filter", "name=^dl-") == ""
    assert bench.engine.image("dl-app:v1") is None


def _set_up_for_ever(socket: str, folder: Path) -> None:
    bench = LiveBench(socket, folder)
    while True:
        bench.bring(
            container("dl-web", command=SLEEP, files={"/etc/motd": "hello"}),
            container("dl-done", command=["true"], running=False),
            image("dl-app:v1", build="."),
        )
        bring.take_away(bench.context())
