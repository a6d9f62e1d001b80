"""Tries to cheat the checks, and to be right in unusual ways, with the stock docker client on a real engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker as sdk
import msgspec
import pytest

from dockerlearn.checks.base import Noun
from dockerlearn.checks.container import FIRST_WORDS
from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.checks.run import look
from dockerlearn.checks.vocabulary import NOUNS, noun_of
from dockerlearn.diagnose.explain import explain
from dockerlearn.engine.client import DockerEngine
from dockerlearn.world.world import Scope, World
from tests.live.conftest import Docker
from tests.matrix import NEWEST
from tests.waiting import until

IMAGES = {"busybox": "busybox:1.36"}
NAME = "dl-first"
LOOP = ("sh", "-c", "while true; do date; sleep 1; done")


@pytest.fixture
def engine(connection: DockerEngine) -> DockerEngine:
    return connection


@pytest.fixture
def first(docker: Docker) -> Iterator[Docker]:
    """The docker client; what it makes under the usual names is taken away afterwards."""
    yield docker
    docker.try_("rm", "--force", NAME, "dl-web", "dl-other", "dl-fisrt")
    docker.try_("rmi", "dl-fake:v1", "dl-tools:v1")


def check(**raw: Any) -> Noun:
    word = noun_of(raw)
    assert word is not None
    return msgspec.convert({"noun": word, **raw}, NOUNS[word], strict=False)


def seen(engine: DockerEngine, tmp_path: Path, **raw: Any) -> Outcome:
    result = look([check(**raw)], lambda: World(engine, tmp_path, Scope(IMAGES)))
    return result.outcomes[0]


def explained(engine: DockerEngine, tmp_path: Path, **raw: Any) -> Outcome:
    checks = [check(**raw)]
    result = look(checks, lambda: World(engine, tmp_path, Scope(IMAGES)))
    return explain(checks, result.outcomes, result.world)[0]


RUNNING: dict[str, Any] = {"container": NAME, "running": "true", "image": "busybox"}

CHEATS: dict[str, tuple[list[list[str]], str]] = {
    "it ends at once": ([["run", "-d", "--name", NAME, "busybox:1.36", "true"]], "exit code 0"),
    "it crashes after half a second": (
        [["run", "-d", "--name", NAME, "busybox:1.36", "sh", "-c", "sleep 0.5; exit 3"]],
        "exit code 3",
    ),
    "it is paused": ([["run", "-d", "--name", NAME, "busybox:1.36", "sleep", "60"], ["pause", NAME]], "paused"),
    "it is only made": ([["create", "--name", NAME, "busybox:1.36", "sleep", "60"]], "never started"),
    "its command does not exist": ([["run", "-d", "--name", NAME, "busybox:1.36", "dat"]], "could not be started"),
    "it was stopped": (
        [["run", "-d", "--name", NAME, "busybox:1.36", "sleep", "60"], ["kill", NAME]],
        "exit code 137",
    ),
    "a restart loop": (
        [["run", "-d", "--name", NAME, "--restart", "always", "busybox:1.36", "sh", "-c", "sleep 0.3; exit 1"]],
        "restarted",
    ),
    "a slower restart loop": (
        [["run", "-d", "--name", NAME, "--restart", "always", "busybox:1.36", "sh", "-c", "sleep 1.5; exit 1"]],
        "restarted",
    ),
    "another name": (
        [["run", "-d", "--name", "dl-fisrt", "busybox:1.36", "sleep", "60"]],
        "there is one named dl-fisrt",
    ),
    "an image of one's own": (
        [
            ["run", "--name", NAME, "busybox:1.36", "touch", "/x"],
            ["commit", NAME, "dl-fake:v1"],
            ["rm", NAME],
            ["run", "-d", "--name", NAME, "dl-fake:v1", "sleep", "60"],
        ],
        "dl-fake:v1",
    ),
    "an image of one's own under the published name": (
        [
            ["run", "--name", NAME, "busybox:1.36", "touch", "/x"],
            ["commit", NAME, "dl-fake:v1"],
            ["rm", NAME],
            ["tag", "busybox:1.36", "dl-tools:v1"],
            ["tag", "dl-fake:v1", "busybox:1.36"],
            ["run", "-d", "--name", NAME, "busybox:1.36", "sleep", "60"],
        ],
        "another image here",
    ),
}


@pytest.mark.parametrize("name", CHEATS)
def test_cheats_do_not_pass_as_running(engine: DockerEngine, first: Docker, tmp_path: Path, name: str) -> None:
    commands, reason = CHEATS[name]
    for command in commands:
        first.try_(*command)
    try:
        if "loop" in name:
            time.sleep(2.5)  # until the engine has restarted it at least once
        for moment in range(3):
            outcome = explained(engine, tmp_path, **RUNNING)
            assert outcome.status is Status.UNMET, (moment, outcome)
            time.sleep(0.25)
        assert reason in outcome.found
        assert outcome.next
    finally:
        first.try_("rm", "--force", NAME)
        first.try_("tag", "dl-tools:v1", "busybox:1.36")  # where a cheat has moved the name away


@pytest.mark.also_on(*NEWEST)
def test_a_build_under_the_published_name_does_not_pass(engine: DockerEngine, first: Docker, tmp_path: Path) -> None:
    """Whatever the builder and the store: each keeps something else of where an image comes from."""
    first("tag", "busybox:1.36", "dl-tools:v1")
    first("build", "--quiet", "--tag", "busybox:1.36", "-", input="FROM busybox:1.36\nENV OURS=1\n")
    first("tag", "busybox:1.36", "dl-fake:v1")
    first("run", "-d", "--name", NAME, "busybox:1.36", *LOOP)
    for raw in (RUNNING, {"image": "busybox"}):
        outcome = seen(engine, tmp_path, **raw)
        assert outcome.status is Status.UNMET
        assert "another image here" in outcome.found
    first("rm", "--force", NAME)
    first("pull", "busybox:1.36")
    first("run", "-d", "--name", NAME, "busybox:1.36", *LOOP)
    for raw in (RUNNING, {"image": "busybox"}):
        assert seen(engine, tmp_path, **raw).met


RIGHT: dict[str, list[list[str]]] = {
    "other flags": [["container", "run", "--detach=true", f"--name={NAME}", "busybox:1.36", *LOOP]],
    "create and start": [["create", "--name", NAME, "busybox:1.36", *LOOP], ["start", NAME]],
    "a long image name": [["run", "-d", "--name", NAME, "docker.io/library/busybox:1.36", *LOOP]],
    "its own second name": [
        ["tag", "busybox:1.36", "dl-tools:v1"],
        ["run", "-d", "--name", NAME, "dl-tools:v1", *LOOP],
    ],
    "a terminal and limits": [
        ["run", "-dit", "--name", NAME, "--rm", "-m", "32m", "--cpus", "0.5", "--restart", "no", "busybox:1.36", *LOOP]
    ],
    "an entrypoint": [["run", "-d", "--name", NAME, "--entrypoint", "sleep", "busybox:1.36", "60"]],
    "another user and read-only": [["run", "-d", "--name", NAME, "-u", "1000", "--read-only", "busybox:1.36", *LOOP]],
    "renamed": [["run", "-d", "--name", "dl-other", "busybox:1.36", *LOOP], ["rename", "dl-other", NAME]],
    "paused and let go again": [
        ["run", "-d", "--name", NAME, "busybox:1.36", *LOOP],
        ["pause", NAME],
        ["unpause", NAME],
    ],
    "stopped and started again": [
        ["run", "-d", "--name", NAME, "busybox:1.36", *LOOP],
        ["kill", NAME],
        ["start", NAME],
    ],
    "without a network": [["run", "-d", "--name", NAME, "--network", "none", "busybox:1.36", *LOOP]],
    "on the host's network": [["run", "-d", "--name", NAME, "--network", "host", "busybox:1.36", *LOOP]],
}


@pytest.mark.parametrize("name", RIGHT)
def test_unusual_right_ways_pass(engine: DockerEngine, first: Docker, tmp_path: Path, name: str) -> None:
    for command in RIGHT[name]:
        first(*command)
    if name == "paused and let go again":
        # Seen once on a busy machine: for a moment after docker unpause, 20.10 still says that it is paused.
        until(lambda: seen(engine, tmp_path, **RUNNING).met)
    outcome = seen(engine, tmp_path, **RUNNING)
    assert outcome.status is Status.MET, outcome


@pytest.mark.also_on(*NEWEST)
def test_an_image_id_counts(engine: DockerEngine, first: Docker, tmp_path: Path) -> None:
    image = first("image", "inspect", "--format", "{{.Id}}", "busybox:1.36")
    first("run", "-d", "--name", NAME, image, "sleep", "60")
    assert seen(engine, tmp_path, **RUNNING).met
    first("rm", "-f", NAME)
    first("run", "-d", "--name", NAME, image.removeprefix("sha256:")[:8], "sleep", "60")
    assert seen(engine, tmp_path, **RUNNING).met


@pytest.mark.also_on(*NEWEST)
def test_a_container_of_a_build_before(engine: DockerEngine, first: Docker, tmp_path: Path) -> None:
    """The name moves; with the containerd store the old image is gone then, even if all came from the cache."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM busybox:1.36\nCOPY note /note\n")
    (folder / "note").write_text("one")
    first("build", "-t", "dl-tools:v1", str(folder))
    built = first("image", "inspect", "--format", "{{.Id}}", "dl-tools:v1")
    first("run", "-d", "--name", NAME, "dl-tools:v1", "sleep", "60")
    assert seen(engine, tmp_path, container=NAME, image="dl-tools:v1").met
    first("build", "-t", "dl-tools:v1", str(folder))
    assert seen(engine, tmp_path, container=NAME, image="dl-tools:v1").met
    (folder / "note").write_text("two")
    first("build", "-t", "dl-tools:v1", str(folder))
    assert seen(engine, tmp_path, container=NAME, image="dl-tools:v1").status is Status.UNMET
    first("rm", "-f", NAME)
    first.try_("rmi", built)


def test_the_python_sdk_counts(engine: DockerEngine, first: Docker, tmp_path: Path) -> None:
    theirs = sdk.DockerClient(base_url=first.host)
    try:
        theirs.containers.run("busybox:1.36", list(LOOP), name=NAME, detach=True)
    finally:
        theirs.close()
    assert seen(engine, tmp_path, **RUNNING).met


@pytest.mark.also_on(*NEWEST)
def test_a_digest_counts(engine: DockerEngine, first: Docker, tmp_path: Path) -> None:
    digest = first("image", "inspect", "--format", "{{index .RepoDigests 0}}", "busybox:1.36")
    first("run", "-d", "--name", NAME, digest, "sleep", "60")
    assert seen(engine, tmp_path, **RUNNING).met


@pytest.mark.also_on(*NEWEST)
def test_removed_and_only_renamed(engine: DockerEngine, first: Docker, tmp_path: Path) -> None:
    identifier = first("run", "-d", "--name", NAME, "busybox:1.36", "sleep", "60")
    scope = Scope(IMAGES, baseline={f"container {NAME}": identifier})

    def gone() -> Outcome:
        return look([check(container=NAME, absent="true")], lambda: World(engine, tmp_path, scope)).outcomes[0]

    assert gone().status is Status.UNMET
    first("rename", NAME, "dl-other")
    assert "only renamed" in gone().found
    first("rm", "-f", "dl-other")
    assert gone().met


def test_a_server_is_waited_for_and_a_wrong_port_is_told(engine: DockerEngine, first: Docker, tmp_path: Path) -> None:
    serve = "sleep 1; mkdir -p /www; echo hello > /www/index.html; httpd -f -p 80 -h /www"
    first("run", "-d", "--name", "dl-web", "-p", "127.0.0.1:18080:80", "busybox:1.36", "sh", "-c", serve)
    began = time.monotonic()
    outcome = seen(engine, tmp_path, http="dl-web:80", status="200", body={"contains": "hello"})
    assert outcome.met, outcome
    assert 0.3 < time.monotonic() - began < 6
    assert seen(engine, tmp_path, http="dl-web:80", body={"contains": "goodbye"}).status is Status.UNMET
    assert seen(engine, tmp_path, http="dl-web:80", path="/none", status="200").status is Status.UNMET
    assert "not published" in seen(engine, tmp_path, http="dl-web:81").found


@pytest.mark.also_on(*NEWEST)
def test_a_server_outside_the_container_does_not_count(engine: DockerEngine, first: Docker, tmp_path: Path) -> None:
    import http.server
    import threading

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        first("run", "-d", "--name", "dl-web", "busybox:1.36", "sleep", "60")
        assert seen(engine, tmp_path, http=f"dl-web:{server.server_port}").status is Status.UNMET
    finally:
        server.shutdown()
        server.server_close()


def test_an_app_that_listens_on_its_own_loopback_is_not_reached(
    engine: DockerEngine, first: Docker, tmp_path: Path
) -> None:
    serve = "mkdir -p /www; httpd -f -p 127.0.0.1:80 -h /www"
    first("run", "-d", "--name", "dl-web", "-p", "18081:80", "busybox:1.36", "sh", "-c", serve)
    outcome = seen(engine, tmp_path, http="dl-web:80", within="2s")
    assert outcome.status is Status.UNMET
    assert "on port 18081" in outcome.found


@pytest.mark.also_on(*NEWEST)
def test_what_prints_a_moment_after_a_signal_is_waited_for(engine: DockerEngine, first: Docker, tmp_path: Path) -> None:
    slow = "trap 'sleep 1; echo heard' HUP; while true; do sleep 1 & wait $!; done"
    first("run", "-d", "--name", NAME, "busybox:1.36", "sh", "-c", slow)
    time.sleep(FIRST_WORDS + 0.2)
    scope = Scope(IMAGES, since=engine.precise_now())

    def heard() -> Outcome:
        log = check(container=NAME, logs={"contains": "heard"})
        return look([log], lambda: World(engine, tmp_path, scope)).outcomes[0]

    began = time.monotonic()
    assert heard().status is Status.UNMET
    assert time.monotonic() - began < 1
    first("kill", "--signal", "HUP", NAME)
    assert heard().met


@pytest.mark.also_on(*NEWEST)
def test_files_in_a_stopped_container_without_a_shell_and_through_links(
    engine: DockerEngine, first: Docker, tmp_path: Path
) -> None:
    first("run", "--name", NAME, "busybox:1.36", "sh", "-c", "echo hi > /note; ln -s /note /link; mkdir /folder")
    assert seen(engine, tmp_path, container=NAME, files={"/note": "hi", "/link": "hi", "/none": "none"}).met
    assert seen(engine, tmp_path, container=NAME, files={"/folder": "hi"}).status is Status.UNMET
    assert seen(engine, tmp_path, container=NAME, files={"/note": "ho"}).status is Status.UNMET


@pytest.mark.also_on(*NEWEST)
def test_an_out_of_memory_kill_is_told_as_that(engine: DockerEngine, first: Docker, tmp_path: Path) -> None:
    eat = "x=a; while true; do x=$x$x; done"
    first.try_("run", "--name", NAME, "-m", "16m", "--memory-swap", "16m", "busybox:1.36", "sh", "-c", eat)
    there = engine.container(NAME)
    assert there is not None
    outcome = seen(engine, tmp_path, container=NAME, running="true")
    assert outcome.status is Status.UNMET
    assert ("more memory than it was allowed" in outcome.found) is there.oom_killed
    assert there.oom_killed
