"""Each general diagnosis, provoked on a real engine with the stock docker client; and silence where it has no place."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.checks.base import Noun
from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.checks.run import look
from dockerlearn.checks.vocabulary import NOUNS, noun_of
from dockerlearn.diagnose.explain import explain
from dockerlearn.engine.client import DockerEngine
from dockerlearn.world.world import Scope, World
from tests.live.conftest import Docker

BOX = "busybox:1.36"
IMAGES = {"busybox": BOX}
NAME, OTHER = "dl-app", "dl-other"
PORT = 18090
RUNNING: dict[str, Any] = {"container": NAME, "running": "true"}
PUBLISHED: dict[str, Any] = {"container": NAME, "published": {"80/tcp": str(PORT)}}
ANSWERS: dict[str, Any] = {"http": f"{NAME}:80", "status": "200", "within": "300ms"}
EAT = "x=a; while true; do x=$x$x; done"
SERVE = ("httpd", "-f", "-p", "80", "-h", "/etc")


@pytest.fixture
def engine(connection: DockerEngine) -> DockerEngine:
    return connection


@pytest.fixture
def run(docker: Docker) -> Iterator[Docker]:
    """The docker client; what it makes under the usual names is taken away afterwards."""
    yield docker
    docker.try_("rm", "--force", "--volumes", NAME, OTHER, "dl-ap", "dl-appp")
    docker.try_("network", "rm", "dl-net")
    docker.try_("volume", "rm", "html", "dl-data")
    docker.try_("rmi", "dl-tools:v1", "dl-tools:latest", "dl-tols:v1")


class Look:
    """Looks with a step's eyes: since the engine's time at which the test began."""

    def __init__(self, engine: DockerEngine, workspace: Path) -> None:
        self.engine = engine
        self.workspace = workspace
        self.since = engine.precise_now()

    def __call__(self, *others: dict[str, Any], **raw: Any) -> Outcome:
        checks = [_check(raw), *(_check(other) for other in others)]
        scope = Scope(IMAGES, since=self.since)
        result = look(checks, lambda: World(self.engine, self.workspace, scope))
        told = explain(checks, result.outcomes, result.world)
        assert [outcome.status for outcome in told] == [outcome.status for outcome in result.outcomes]
        if log := os.environ.get("DIAGNOSES_LOG"):
            with Path(log).open("a") as file:
                file.write(f"[{told[0].diagnosis}] {told[0].expected}: {told[0].found}\n    → {told[0].next}\n")
        return told[0]


@pytest.fixture
def seen(engine: DockerEngine, tmp_path: Path) -> Look:
    workspace = tmp_path / "lesson"
    workspace.mkdir()
    return Look(engine, workspace)


def _check(raw: dict[str, Any]) -> Noun:
    word = noun_of(raw)
    assert word is not None
    return msgspec.convert({"noun": word, **raw}, NOUNS[word], strict=False)


def sh(script: str, *options: str, name: str = NAME) -> list[str]:
    return ["run", "-d", "--name", name, *options, BOX, "sh", "-c", script]


def sleeps(*options: str, name: str = NAME) -> list[str]:
    return ["run", "-d", "--name", name, *options, BOX, "sleep", "60"]


def serves(*options: str, name: str = NAME) -> list[str]:
    return ["run", "-d", "--name", name, *options, BOX, *SERVE]


CASES: dict[str, tuple[list[list[str]], dict[str, Any], str, tuple[str, ...], str]] = {
    # what is done, what is asked for, the diagnosis, words of what is told, the beginning of the next move
    "a slip in the name": (
        [sleeps(name="dl-ap")],
        RUNNING,
        "nearly right name",
        ("there is one named dl-ap", "Probably"),
        f"docker rename dl-ap {NAME}",
    ),
    "another image": (
        [["tag", BOX, "dl-tools:latest"], sleeps()],
        {"container": NAME, "image": "dl-tools:v1"},
        "same name, other image",
        ("made from busybox:1.36",),
        f"docker rm -f {NAME}",
    ),
    "only made": (
        [["create", "--name", NAME, BOX, "sleep", "60"]],
        RUNNING,
        "made, not started",
        ("never started",),
        f"docker start {NAME}",
    ),
    "a port that a container has": (
        [sleeps("-p", f"{PORT}:80", name=OTHER), sleeps("-p", f"{PORT}:80")],
        RUNNING,
        "port taken by a container",
        (f"port {PORT} of the host is taken by the container {OTHER}",),
        f"docker stop {OTHER}",
    ),
    "no such command": (
        [["run", "-d", "--name", NAME, BOX, "slep", "60"]],
        RUNNING,
        "no such command",
        ('no command "slep" was found', "holds its name"),
        f"docker rm {NAME}",
    ),
    "no such path": (
        [["run", "-d", "--name", NAME, BOX, "/bin/slep", "60"]],
        RUNNING,
        "no such command",
        ('no command "/bin/slep"',),
        f"docker rm {NAME}",
    ),
    "a command and its words in one": (
        [["run", "-d", "--name", NAME, BOX, "sleep 60"]],
        RUNNING,
        "no such command",
        ('"sleep 60"', "quotes"),
        f"docker rm {NAME}",
    ),
    "an option behind the image": (
        [["run", "-d", "--name", NAME, BOX, "-p", "80:80"]],
        RUNNING,
        "no such command",
        ('"-p"', "before the image"),
        f"docker rm {NAME}",
    ),
    "a folder as command": (
        [["run", "-d", "--name", NAME, BOX, "/etc"]],
        RUNNING,
        "not executable",
        ('"/etc" is there and cannot be executed',),
        f"docker rm {NAME}",
    ),
    "no such user": (
        [sleeps("-u", "nobodyy")],
        RUNNING,
        "no such user",
        ("knows no user nobodyy",),
        f"docker rm {NAME}",
    ),
    "another start that fails": (
        [["create", "--name", NAME, "--entrypoint", "", "-v", "/proc", BOX, "sleep", "9"], ["start", NAME]],
        RUNNING,
        "could not be started",
        ("could not be started", "holds its name"),
        f"docker rm {NAME}",
    ),
    "nothing to do": (
        [["run", "-d", "--name", NAME, BOX, "true"]],
        RUNNING,
        "nothing to do",
        ("exit code 0", '"true" ran and ended without an error'),
        f"docker rm {NAME}",
    ),
    "a shell without a terminal": (
        [["run", "-d", "--name", NAME, BOX]],
        RUNNING,
        "a shell with nothing to read",
        ("exit code 0", "-it"),
        f"docker rm {NAME}",
    ),
    "an error of its own": (
        [sh("echo starting; echo cannot open config; exit 1")],
        RUNNING,
        "ended with an error",
        ("exit code 1", '"starting / cannot open config"'),
        f"docker logs {NAME}",
    ),
    "126 in a shell": (
        [sh("/etc/passwd")],
        RUNNING,
        "ended 126",
        ("may not be executed", "ermission denied"),
        f"docker rm {NAME}",
    ),
    "127 in a shell": (
        [sh("slep 60")],
        RUNNING,
        "ended 127",
        ("was not found", "slep: not found"),
        f"docker rm {NAME}",
    ),
    "killed": (
        [sleeps(), ["kill", NAME]],
        RUNNING,
        "ended 137",
        ("killed (128 + signal 9)", "Not for its memory", "probably"),
        f"docker start {NAME}",
    ),
    "out of memory": (
        [
            ["create", "--name", NAME, "-m", "16m", "--memory-swap", "16m", BOX, "sh", "-c", EAT],
            ["start", "-a", NAME],
        ],
        RUNNING,
        "out of memory",
        ("more memory than it was allowed. It was allowed 16 MB",),
        f"docker rm {NAME}",
    ),
    "crashed": ([sh("echo working; exit 139")], RUNNING, "ended 139", ("it crashed", "working"), "docker logs"),
    "aborted": ([sh("exit 134")], RUNNING, "ended by a signal", ("aborted itself",), f"docker rm {NAME}"),
    "asked to end": (
        [
            sh("trap 'echo bye; exit 143' TERM; touch /set; while :; do sleep 0.1; done"),
            ["exec", NAME, "sh", "-c", "until [ -e /set ]; do sleep 0.1; done"],
            ["stop", NAME],
        ],
        RUNNING,
        "ended 143",
        ("asked to end and did", "bye"),
        f"docker start {NAME}",
    ),
    "a read-only file system": (
        [["run", "--name", NAME, "--read-only", BOX, "touch", "/data"]],
        RUNNING,
        "read-only",
        ("--read-only", "Read-only file system"),
        f"docker rm {NAME}",
    ),
    "a read-only volume": (
        [["run", "--name", NAME, "-v", "dl-data:/data:ro", BOX, "touch", "/data/x"]],
        RUNNING,
        "read-only",
        ("mounted at /data may not be written to (:ro)",),
        f"docker rm {NAME}",
    ),
    "paused": ([sleeps(), ["pause", NAME]], RUNNING, "paused", ("frozen",), f"docker unpause {NAME}"),
    "restarted again and again": (
        [sh("echo no config; exit 3", "--restart", "always"), ["wait", NAME]],
        RUNNING,
        "restart loop",
        ("--restart always", "no config"),
        f"docker logs {NAME}",
    ),
    "not published": (
        [sleeps()],
        PUBLISHED,
        "not published",
        ("publishes no port", "fixed when a container is made"),
        f"docker rm -f {NAME}, then run it again with -p {PORT}:80",
    ),
    "exposed, not published": (
        [sleeps("--expose", "80")],
        PUBLISHED,
        "exposed, not published",
        ("only documents",),
        f"docker rm -f {NAME}, then run it again with -p {PORT}:80",
    ),
    "another port of the host": (
        [sleeps("-p", "18091:80")],
        PUBLISHED,
        "another port of the host",
        ("as port 18091 of the host",),
        f"docker rm -f {NAME}, then run it again with -p {PORT}:80",
    ),
    "a port that the engine chose": (
        [sleeps("-p", "80")],
        PUBLISHED,
        "another port of the host",
        ("the engine chooses one",),
        f"docker rm -f {NAME}, then run it again with -p {PORT}:80",
    ),
    "another port of the container": (
        [sleeps("-p", f"{PORT}:8080")],
        PUBLISHED,
        "another port of the container",
        (f"{PORT}->8080/tcp, not its port 80",),
        f"docker rm -f {NAME}",
    ),
    "udp": (
        [sleeps("-p", f"{PORT}:80/udp")],
        PUBLISHED,
        "published on another protocol",
        ("for UDP, not for TCP",),
        f"docker rm -f {NAME}, then run it again with -p {PORT}:80",
    ),
    "ports swapped": (
        [sleeps("-p", f"80:{PORT}")],
        PUBLISHED,
        "ports swapped",
        (f"port 80 of the host leads to port {PORT}", "host:container"),
        f"docker rm -f {NAME}, then run it again with -p {PORT}:80",
    ),
    "the network of the host": (
        [["run", "-d", "--name", NAME, "--network", "host", BOX, "sleep", "60"]],
        PUBLISHED,
        "host network",
        ("-p does nothing",),
        f"docker rm -f {NAME}",
    ),
    "asked over http, not published": (
        [serves()],
        ANSWERS,
        "not published",
        ("publishes no port",),
        f"docker rm -f {NAME}, then run it again with -p HOST-PORT:80",
    ),
    "bound to 127.0.0.1 inside": (
        [["run", "-d", "--name", NAME, "-p", f"{PORT}:80", BOX, "httpd", "-f", "-p", "127.0.0.1:80"]],
        ANSWERS,
        "bound to its own loopback",
        ("80 is open on 127.0.0.1 only",),
        f"docker rm -f {NAME}",
    ),
    "listens on another port": (
        [["run", "-d", "--name", NAME, "-p", f"{PORT}:80", BOX, "httpd", "-f", "-p", "8080"]],
        ANSWERS,
        "listens on another port",
        ("its program listens on 8080",),
        f"docker rm -f {NAME}",
    ),
    "nobody listens": (
        [sleeps("-p", f"{PORT}:80")],
        ANSWERS,
        "nobody listens",
        ("no program in it listens",),
        f"docker logs {NAME}",
    ),
    "bound to 127.0.0.1 inside, asked over tcp": (
        [["run", "-d", "--name", NAME, "-p", f"{PORT}:80", BOX, "httpd", "-f", "-p", "127.0.0.1:80"]],
        {"tcp": f"{NAME}:80", "within": "300ms"},
        "bound to its own loopback",
        ("80 is open on 127.0.0.1 only",),
        f"docker rm -f {NAME}",
    ),
    "the default bridge has no names, asked by exec": (
        [sleeps(name=OTHER), sleeps()],
        {"exec": NAME, "command": f"nslookup -timeout=1 {OTHER} 127.0.0.1", "within": "0s"},
        "the default bridge has no names",
        (f"{NAME} and {OTHER} share only the network bridge",),
        "docker network create",
    ),
    "an anonymous volume instead of one": (
        [["volume", "create", "dl-data"], sleeps("-v", "/data")],
        {"volume": "dl-data", "used_by": [NAME]},
        "an anonymous volume",
        ("at /data has no name",),
        f"docker rm -f {NAME}, then run it again with -v dl-data:/data",
    ),
    "the default bridge has no names": (
        [
            sleeps(name=OTHER),
            ["run", "--name", NAME, BOX, "nslookup", "-timeout=1", OTHER, "127.0.0.1"],
        ],
        RUNNING,
        "the default bridge has no names",
        (f"{NAME} and {OTHER} share only the network bridge",),
        "docker network create",
    ),
    "not on the same network": (
        [
            ["network", "create", "dl-net"],
            sleeps("--network", "dl-net", name=OTHER),
            ["run", "--name", NAME, "--dns", "127.0.0.1", BOX, "wget", "-O-", f"http://{OTHER}/"],
        ],
        RUNNING,
        "not on the same network",
        (f"{NAME} is on bridge, {OTHER} on dl-net",),
        f"docker network connect dl-net {NAME}",
    ),
    "an anonymous volume": (
        [sleeps("-v", "/data")],
        {"container": NAME, "mounts": {"/data": "dl-data"}},
        "an anonymous volume",
        ("has no name, only an id",),
        f"docker rm -f {NAME}, then run it again with -v NAME:/data",
    ),
    "unhealthy": (
        [sleeps("--health-cmd", "echo disk full; exit 1", "--health-interval", "0.2s", "--health-retries", "1")],
        {"container": NAME, "health": "healthy", "within": "5s"},
        "health failing",
        ('"disk full" and ended with exit code 1',),
        f"docker logs {NAME}",
    ),
    "a probe that is not in the image": (
        [sleeps("--health-cmd", "curl -f localhost", "--health-interval", "0.2s", "--health-retries", "1")],
        {"container": NAME, "health": "healthy", "within": "5s"},
        "the probe is not in the image",
        ("its command is not in the image", "curl"),
        f"docker rm -f {NAME}",
    ),
    "an image without its tag": (
        [["create", "--name", OTHER, BOX], ["commit", OTHER, "dl-tools"]],
        {"image": "dl-tools:v1"},
        "wrong tag",
        ("dl-tools:latest is", ":latest"),
        "docker tag dl-tools:latest dl-tools:v1",
    ),
    "a slip in an image's name": (
        [["create", "--name", OTHER, BOX], ["commit", OTHER, "dl-tols:v1"]],
        {"image": "dl-tools:v1"},
        "nearly right name of an image",
        ("dl-tols:v1 is",),
        "docker tag dl-tols:v1 dl-tools:v1",
    ),
    "an older image of another tag": (
        [["tag", BOX, "dl-tools:latest"]],
        {"image": "dl-tools:v1"},
        "wrong tag",
        ("dl-tools:latest is",),
        "docker images",
    ),
    "no image": ([], {"image": "nginx"}, "image absent", ("it is not on the engine",), "docker images"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_diagnosed(seen: Look, run: Docker, case: str) -> None:
    commands, raw, name, words, way = CASES[case]
    for command in commands:
        run.try_(*command)
    outcome = seen(**raw)
    assert outcome.status is Status.UNMET, outcome
    assert outcome.diagnosis == name, outcome
    for word in words:
        assert word in outcome.found
    assert outcome.next is not None
    assert outcome.next.startswith(way)


def test_a_port_that_a_program_has(seen: Look, run: Docker) -> None:
    with socket.socket() as mine:
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the one before may be closing still
        mine.bind(("0.0.0.0", PORT))
        mine.listen()
        run.try_(*sleeps("-p", f"{PORT}:80"))
        outcome = seen(**RUNNING)
    assert outcome.diagnosis == "port taken by a program"
    assert f"process {os.getpid()}" in outcome.found
    assert f"docker start {NAME}" in str(outcome.next)
    # The way that is told is a way: with the port free, a start is enough.
    run("start", NAME)
    assert seen(**RUNNING).met


def test_the_way_out_of_a_taken_port_is_one(seen: Look, run: Docker) -> None:
    run(*sleeps("-p", f"{PORT}:80", "--stop-signal", "KILL", name=OTHER))
    run.try_(*sleeps("-p", f"{PORT}:80"))
    run("stop", OTHER)
    run("start", NAME)
    assert seen(**RUNNING).met


def test_a_container_without_a_name(seen: Look, run: Docker) -> None:
    identifier = run("run", "-d", BOX, "sleep", "60")
    try:
        made_up = run("inspect", "-f", "{{.Name}}", identifier).lstrip("/")
        outcome = seen(**RUNNING)
        assert outcome.diagnosis == "unnamed"
        assert made_up in outcome.found
        assert outcome.next == f"docker rename {made_up} {NAME}"
    finally:
        run("rm", "--force", identifier)


def test_a_source_that_is_gone(seen: Look, run: Docker) -> None:
    source = seen.workspace / "html"
    source.mkdir()
    run("create", "--name", NAME, "--mount", f"type=bind,source={source},target=/www", BOX, "sleep", "60")
    source.rmdir()
    assert run.try_("start", NAME).returncode
    outcome = seen(**RUNNING)
    assert outcome.diagnosis == "bind source missing"
    assert str(source) in outcome.found
    assert str(outcome.next).startswith(f"mkdir -p {source}")
    source.mkdir()
    run("start", NAME)
    assert seen(**RUNNING).met


def test_a_source_that_became_an_empty_folder(seen: Look, run: Docker) -> None:
    source = seen.workspace / "htlm"
    run("run", "-d", "--name", NAME, "-v", f"{source}:/www", "-p", f"{PORT}:80", BOX, "httpd", "-f", "-h", "/www")
    outcome = seen(**ANSWERS)
    assert outcome.diagnosis == "an empty folder is mounted"
    assert f"the folder {source}, mounted at /www, is empty" in outcome.found
    assert "Probably it was not there" in outcome.found
    assert "status 404" in outcome.found
    (source / "index.html").write_text("hello")
    outcome = seen(**ANSWERS, body="nothing")
    assert outcome.status is Status.UNMET
    assert outcome.diagnosis == ""


def test_a_mount_that_hides_a_file_of_the_image(seen: Look, run: Docker) -> None:
    folder = seen.workspace / "settings"
    folder.mkdir()
    (folder / "app.conf").write_text("")
    run(*sleeps("-v", f"{folder}:/etc"))
    outcome = seen(container=NAME, files={"/etc/passwd": {"contains": "root"}})
    assert outcome.diagnosis == "a mount hides the image's files"
    assert f"at /etc it sees the folder {folder}" in outcome.found
    # A file that is there is not hidden, whatever is in it.
    assert seen(container=NAME, files={"/etc/app.conf": "x"}).diagnosis == ""


def test_a_file_that_became_a_folder(seen: Look, run: Docker) -> None:
    source = seen.workspace / "app.conf"
    run.try_(*sleeps("-v", f"{source}:/etc/passwd"))
    outcome = seen(**RUNNING)
    assert outcome.diagnosis == "a folder where a file was meant"
    assert f"{source} is an empty folder, and /etc/passwd is a file" in outcome.found


def test_a_volume_where_a_folder_was_meant(seen: Look, run: Docker) -> None:
    (seen.workspace / "html").mkdir()
    run(*serves("-v", "html:/www", "-p", f"{PORT}:80"))
    outcome = seen(**ANSWERS)
    assert outcome.diagnosis == "a volume where a folder was meant"
    assert "Probably ./html was meant" in outcome.found


def test_a_mount_that_hides_the_command(seen: Look, run: Docker) -> None:
    folder = seen.workspace / "tools"
    folder.mkdir()
    (folder / "x").write_text("")
    run.try_(*sleeps("-v", f"{folder}:/bin"))
    outcome = seen(**RUNNING)
    assert outcome.diagnosis == "a mount hides the command"
    assert "mounted at /bin" in outcome.found


def test_another_tag_of_the_same_image(seen: Look, run: Docker) -> None:
    run("run", "--name", OTHER, BOX, "touch", "/x")
    run("commit", OTHER, "dl-tools:latest")
    run("tag", BOX, "dl-tools:v1")
    run(*["run", "-d", "--name", NAME, "dl-tools", "sleep", "60"])
    outcome = seen(container=NAME, image="dl-tools:v1")
    assert outcome.diagnosis == "wrong tag"
    assert "Without a tag, :latest is meant" in outcome.found


def test_what_is_right_or_on_its_way_is_not_diagnosed(seen: Look, run: Docker) -> None:
    run(*sleeps(name=OTHER))
    # Nothing there yet, and the other one is asked for, too: nobody was mistaken.
    assert seen({"container": OTHER, "running": "true"}, **RUNNING).diagnosis == ""
    run(*serves("-p", f"{PORT}:80"))
    for raw in (RUNNING, PUBLISHED, {"http": f"{NAME}:80", "path": "/passwd", "status": "200"}):
        outcome = seen(**raw)
        assert outcome.met, outcome
        assert outcome.diagnosis == ""
    assert seen(container=NAME, absent="true").diagnosis == ""


def test_a_container_without_cat_is_only_guessed_at(seen: Look, run: Docker, tmp_path: Path) -> None:
    busybox = tmp_path / "busybox"
    source = shutil.which("busybox")
    run("create", "--name", OTHER, BOX)
    run("cp", "--follow-link", f"{OTHER}:{'/bin/busybox' if source is None else '/bin/sh'}", str(busybox))
    folder = tmp_path / "image"
    folder.mkdir()
    shutil.copy(busybox, folder / "busybox")
    (folder / "Dockerfile").write_text('FROM scratch\nCOPY busybox /busybox\nCMD ["/busybox", "sleep", "60"]\n')
    run("build", "-t", "dl-tools:v1", str(folder))
    run("run", "-d", "--name", NAME, "-p", f"{PORT}:80", "dl-tools:v1")
    outcome = seen(**ANSWERS)
    assert outcome.diagnosis == "probably bound to its own loopback"
    assert "Probably" in outcome.found
