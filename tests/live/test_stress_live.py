"""Servers that misbehave and containers that are stopped while we look: in time, cut, and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.engine.client import DockerEngine
from dockerlearn.world import asking, probes
from dockerlearn.world.asking import Question
from dockerlearn.world.http import LIMIT, HttpAnswer, HttpClient
from dockerlearn.world.probes import MARK, Probes
from dockerlearn.world.world import Scope, World
from tests.live.conftest import Docker, things
from tests.live.test_checks_live import check
from tests.waiting import until

BOX = "busybox:1.36"
IMAGES = {"busybox": BOX}
PORT = 18240
HEAD = r"printf 'HTTP/1.0 200 OK\r\n\r\n'"
ENOUGH = 60.0
"""Seconds after which something that should have happened has not."""

SERVERS = {
    "drips": f"{HEAD}; while :; do printf x || exit; sleep 0.1; done",
    "floods": f"{HEAD}; exec cat /dev/zero",
    "floods with headers": r"printf 'HTTP/1.0 200 OK\r\n'; while :; do echo 'A: b' || exit; done",
    "redirects away": r"printf 'HTTP/1.0 302 Found\r\nLocation: http://dl-c/secret\r\n\r\n'",
    "hangs": "exec sleep 600",
    "closes at once": "exit 0",
    "talks garbage": r"printf '\000\001\377 hello\n'",
}
FOUND = {
    "drips": "there was no whole answer within",
    "hangs": "there was no whole answer within",
    "closes at once": "the connection was closed without an answer",
    "talks garbage": "does not speak HTTP",
    "floods with headers": "does not speak HTTP",
}


@pytest.fixture
def engine(connection: DockerEngine) -> DockerEngine:
    return connection


@pytest.fixture
def hands(docker: Docker) -> Iterator[Docker]:
    """The docker client, dl-a that asks and dl-c that keeps what it is asked; all is taken away afterwards."""
    docker("network", "create", "dl-net")
    docker("run", "-d", "--name", "dl-a", "--init", "--network", "dl-net", BOX, "sleep", "600")
    yield docker
    docker.try_("rm", "--force", "--volumes", "dl-a", "dl-b", "dl-c")
    docker.try_("network", "rm", "dl-net")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SECONDS", 2.0)


def serve(hands: Docker, script: str, name: str = "dl-b", *options: str) -> None:
    """Run a server that answers each connection with what ``script`` prints."""
    hands("run", "-d", "--name", name, "--network", "dl-net", *options, BOX,
          "nc", "-ll", "-p", "80", "-e", "sh", "-c", script)  # fmt: skip
    until(lambda: "0050" in hands("exec", name, "cat", "/proc/net/tcp", "/proc/net/tcp6"))


def without_shell(hands: Docker) -> None:
    hands("exec", "dl-a", "rm", "/bin/sh", "/bin/ash")


def helpers(engine: DockerEngine, *states: str) -> int:
    return len([row for row in engine.users_of_volume(MARK) if not states or row.status in states])


@pytest.mark.parametrize("shell", [True, False], ids=["with a shell", "without a shell"])
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_misbehaves_asked_from_inside(
    engine: DockerEngine, hands: Docker, impatient: None, tmp_path: Path, name: str, shell: bool
) -> None:
    serve(hands, SERVERS[name])
    serve(hands, "echo asked >> /asked", "dl-c")
    if not shell:
        without_shell(hands)
    before, beside = things(hands.host), engine.top("dl-a")
    world = World(engine, tmp_path, Scope(IMAGES))
    outcome = check(**{"http": "dl-b:80", "from": "dl-a", "status": {"one_of": ["200", "302"]}}).look(world)
    judged(outcome, name)
    asker = engine.container("dl-a")
    assert asker is not None
    asked = world.ask(asker, Question("dl-b", 80, "/"))
    assert asked is not None
    assert not isinstance(asked.answer, HttpAnswer) or len(asked.answer.body) <= LIMIT
    assert not engine.path("dl-c", "/asked")
    assert things(hands.host) == before
    until(lambda: engine.top("dl-a") == beside)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_misbehaves_asked_from_the_host(
    engine: DockerEngine, hands: Docker, tmp_path: Path, name: str
) -> None:
    serve(hands, SERVERS[name], "dl-b", "-p", f"{PORT}:80")
    serve(hands, "echo asked >> /asked", "dl-c")
    world = World(engine, tmp_path, Scope(IMAGES), HttpClient(1.0))
    judged(check(http="dl-b:80", status={"one_of": ["200", "302"]}).look(world), name)
    answer = world.get("127.0.0.1", PORT, "/")
    assert not isinstance(answer, HttpAnswer) or len(answer.body) <= LIMIT
    assert not engine.path("dl-c", "/asked")


def judged(outcome: Outcome, name: str) -> None:
    if name in FOUND:
        assert outcome.status is Status.UNMET, outcome
        assert FOUND[name] in outcome.found, outcome
    else:
        assert outcome.met, outcome
        assert ("302" if name == "redirects away" else "200") in outcome.found


@pytest.mark.parametrize("shell", [True, False], ids=["with a shell", "without a shell"])
def test_a_stop_does_not_wait_for_us(
    engine: DockerEngine, hands: Docker, monkeypatch: pytest.MonkeyPatch, shell: bool
) -> None:
    """While something is asked that takes longer than all of the test, the container ends by the signal it is sent."""
    monkeypatch.setattr(asking, "SECONDS", ENOUGH)
    serve(hands, SERVERS["hangs"])
    if not shell:
        without_shell(hands)
    asker, image = engine.container("dl-a"), engine.image(BOX)
    assert asker is not None
    assert image is not None
    before = things(hands.host)
    answers: list[object] = []
    thread = threading.Thread(
        target=lambda: answers.append(Probes(engine).ask(asker, Question("dl-b", 80, "/"), [image]))
    )
    thread.start()
    until(lambda: "sleep 600" in engine.top("dl-b"))  # it was accepted: the server hangs by now
    hands("stop", "-t", "30", "dl-a")
    stopped = engine.container("dl-a")
    assert stopped is not None
    assert stopped.exit_code == 143  # by TERM; 137 would mean that the engine had to wait for the end of its patience
    if not shell:
        assert thread.is_alive()  # the helper goes on without it, and holds nobody up
        hands("kill", "dl-b")
    thread.join(ENOUGH)
    assert not thread.is_alive()
    until(lambda: helpers(engine) == 0)
    assert things(hands.host) == before


def test_what_a_killed_tutor_was_asking_ends_by_itself(engine: DockerEngine, hands: Docker, tmp_path: Path) -> None:
    serve(hands, SERVERS["hangs"])
    beside = engine.top("dl-a")
    kill_while_it_asks(hands, lambda: "sleep 600" in engine.top("dl-b"))
    assert len(engine.top("dl-a")) > len(beside)
    until(lambda: engine.top("dl-a") == beside)


def test_a_helper_of_a_killed_tutor_is_swept_away_or_goes_by_itself(
    engine: DockerEngine, hands: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(hands, SERVERS["hangs"])
    without_shell(hands)
    before = things(hands.host)
    kill_while_it_asks(hands, lambda: helpers(engine) == 1)
    assert probes.sweep(engine) == 0  # it could be another tutor's, at work
    monkeypatch.setattr(probes, "LEFT_AFTER", timedelta(0))
    assert probes.sweep(engine) == 1
    assert things(hands.host) == before
    monkeypatch.setattr(probes, "BESIDE_SECONDS", 1)
    kill_while_it_asks(hands, lambda: helpers(engine, "running") == 1, "probes.BESIDE_SECONDS = 1")
    until(lambda: helpers(engine) == 0)
    assert things(hands.host) == before


def test_a_helper_that_was_made_and_not_started_is_swept_away(
    engine: DockerEngine, hands: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker, image = engine.container("dl-a"), engine.image(BOX)
    assert asker is not None
    assert image is not None
    without_shell(hands)
    before = things(hands.host)
    with monkeypatch.context() as patched:
        patched.setattr(engine, "start_container", lambda _: None)
        patched.setattr(engine, "remove_container", lambda _: True)
        assert Probes(engine).ask(asker, Question("dl-b"), [image]) is None
    assert helpers(engine) == 1
    monkeypatch.setattr(probes, "LEFT_AFTER", timedelta(0))
    assert probes.sweep(engine) == 1
    assert things(hands.host) == before


_TUTOR = """
import sys
from pathlib import Path
from dockerlearn.engine import client, endpoint
from dockerlearn.world import asking, probes
asking.SECONDS = 3.0
{change}
engine = client.connect(endpoint.find({{"DOCKER_HOST": {host!r}}}, Path("/nonexistent")))
asker, image = engine.container("dl-a"), engine.image({box!r})
probes.Probes(engine).ask(asker, asking.Question("dl-b", 80, "/"), [image])
"""


def kill_while_it_asks(hands: Docker, at_work: Callable[[], bool], change: str = "") -> None:
    code = _TUTOR.format(host=hands.host, box=BOX, change=change)
    with subprocess.Popen([sys.executable, "-c", code]) as tutor:
        until(lambda: at_work() or tutor.poll() is not None)
        assert tutor.poll() is None, "it ended before it was killed"
        os.kill(tutor.pid, signal.SIGKILL)
