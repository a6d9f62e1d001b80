"""Each diagnosis is found from what the world shows, and none where it would be wrong; on an engine in memory."""

from __future__ import annotations

import os
import platform
import re
import socket
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.checks.base import Noun
from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.checks.run import look_once
from dockerlearn.checks.vocabulary import NOUNS, noun_of
from dockerlearn.course.models import Mistake, Step
from dockerlearn.diagnose import diagnosis
from dockerlearn.diagnose.explain import RULES, explain
from dockerlearn.diagnose.names import between
from dockerlearn.engine.snapshots import Binding, Health, Membership, Mount
from dockerlearn.errors import EngineRejected, EngineSilent
from dockerlearn.session.verdict import judge
from dockerlearn.world import host
from dockerlearn.world.http import HttpAnswer, HttpClient, HttpFailure
from dockerlearn.world.knock import Closed
from dockerlearn.world.listening import Listener, listeners
from dockerlearn.world.probes import HELPER
from dockerlearn.world.world import Scope, World
from tests.fake_engine import BEGINNING, HELPER_OF_ANOTHER, FakeEngine, make_id, make_image

LIVE = Path(__file__).parent / "live" / "test_diagnoses_live.py"
REACH = Path(__file__).parent / "test_reach.py"
IMAGES = {"busybox": "busybox:1.36", "nginx": "nginx:1.27"}
BUSYBOX = make_image("busybox:1.36", digests=("busybox@sha256:" + "1" * 64,))
OLDER = make_image("busybox:1.35", digests=("busybox@sha256:" + "5" * 64,))
TOOLS = make_image("dl-tools:latest")
NAME = "dl-app"

RUNNING: dict[str, Any] = {"container": NAME, "running": "true"}
PUBLISHED: dict[str, Any] = {"container": NAME, "published": {"80/tcp": "8080"}}
ANSWERS: dict[str, Any] = {"http": f"{NAME}:80", "status": "200"}
HEALTHY: dict[str, Any] = {"container": NAME, "health": "healthy"}

FAILED: dict[str, Any] = {"status": "created", "running": False, "started": None, "exit_code": 127}
SHORT: dict[str, Any] = {"status": "exited", "running": False, "finished": BEGINNING + timedelta(seconds=1)}
LONG: dict[str, Any] = {"status": "exited", "running": False, "finished": BEGINNING + timedelta(hours=1)}
BOUND = {"80/tcp": (Binding("0.0.0.0", 8080), Binding("::", 8080))}
TAKEN = (
    "driver failed programming external connectivity on endpoint x (3): "
    "Bind for 0.0.0.0:8080 failed: port is already allocated"
)
EXEC = 'OCI runtime create failed: runc create failed: unable to start container process: exec: "{}": {}: unknown'
NOT_FOUND = "executable file not found in $PATH"
BRIDGE = (Membership("bridge", make_id("network", "bridge"), "172.17.0.2", frozenset()),)
OWN = (Membership("dl-net", make_id("network", "dl-net"), "172.18.0.2", frozenset()),)
RESET = HttpFailure("reset", "the connection was closed without an answer", may_come=False)


# Listens as the program that an engine starts for a published port.
PROXY = """
import pathlib, socket, time
pathlib.Path("/proc/self/comm").write_text("docker-proxy")
with socket.socket() as door:
    door.bind(("127.0.0.1", 0))
    door.listen()
    print(door.getsockname()[1], flush=True)
    time.sleep(60)
"""


class StubHttp(HttpClient):
    def __init__(self, answer: HttpAnswer | HttpFailure) -> None:
        super().__init__()
        self.answer = answer

    def get(self, host: str, port: int, path: str) -> HttpAnswer | HttpFailure:
        return self.answer


@pytest.fixture
def engine() -> FakeEngine:
    made = FakeEngine(BUSYBOX, OLDER, TOOLS)
    # Of this machine, so that a look at the host is a look at the engine's host.
    made._identity = msgspec.structs.replace(made._identity, kernel=platform.release())
    return made


def check(**raw: Any) -> Noun:
    word = noun_of(raw)
    assert word is not None
    return msgspec.convert({"noun": word, **raw}, NOUNS[word], strict=False)


def told(
    engine: FakeEngine,
    *others: dict[str, Any],
    answer: HttpAnswer | HttpFailure = RESET,
    closed: Closed | None = None,
    folder: Path = Path("/nonexistent"),
    raw: dict[str, Any],
) -> Outcome:
    checks = [check(**raw), *(check(**other) for other in others)]
    scope = Scope(IMAGES, since=engine.clock - timedelta(seconds=5))
    world = World(engine, folder, scope, StubHttp(answer), knock=lambda _host, _port: closed)
    outcomes = look_once(checks, world)
    explained = explain(checks, outcomes, world)
    for before, after in zip(outcomes, explained, strict=True):
        # Nothing but the words may change.
        assert (before.status, before.check, before.subject, before.expected, before.wait) == (
            after.status, after.check, after.subject, after.expected, after.wait,
        )  # fmt: skip
        if after.diagnosis:
            assert after.status is Status.UNMET
            assert after.found
            assert after.next
    return explained[0]


CASES: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    # the diagnosis, what is asked for, the container as it is, what it printed, a word of what is told
    ("made, not started", RUNNING, FAILED | {"exit_code": 0}, "", "never started"),
    ("made, never ran", RUNNING, FAILED | {"exit_code": 0, "tells_error": False}, "", "its start failed"),
    (
        "port taken by a program",
        RUNNING,
        FAILED | {"error": TAKEN, "asked": BOUND},
        "",
        "port 8080 of the host is taken",
    ),
    ("no such command", RUNNING, FAILED | {"error": EXEC.format("slep", NOT_FOUND)}, "", '"slep"'),
    ("no such command", RUNNING, FAILED | {"error": EXEC.format("sleep 5", NOT_FOUND)}, "", "quotes"),
    ("no such command", RUNNING, FAILED | {"error": EXEC.format("-d", NOT_FOUND)}, "", "before the image"),
    (
        "no such command",
        RUNNING,
        FAILED | {"error": EXEC.format("/x", "stat /x: no such file or directory")},
        "",
        "holds its name",
    ),
    (
        "no such command",
        RUNNING,
        FAILED | {"error": "crun: executable file `slep` not found in $PATH: No such file or directory: OCI runtime"},
        "",
        '"slep"',
    ),
    (
        "not executable",
        RUNNING,
        FAILED | {"error": "crun: open executable `/etc/passwd`: Permission denied: OCI permission denied"},
        "",
        '"/etc/passwd"',
    ),
    ("no such command", ANSWERS, FAILED | {"error": EXEC.format("slep", NOT_FOUND)}, "", '"slep"'),
    ("not executable", RUNNING, FAILED | {"error": EXEC.format("/etc", "permission denied")}, "", "chmod"),
    ("not executable", RUNNING, FAILED | {"error": EXEC.format("/x", "exec format error")}, "", "another processor"),
    (
        "a mount hides the command",
        RUNNING,
        FAILED
        | {
            "error": EXEC.format("/app/run", "stat /app/run: no such file or directory"),
            "mounts": (Mount("bind", "/src", "/app", read_only=False),),
        },
        "",
        "mounted at /app",
    ),
    ("no such user", RUNNING, FAILED | {"error": "unable to find user bob: no matching entries"}, "", "no user bob"),
    (
        "bind source missing",
        RUNNING,
        FAILED | {"error": 'invalid mount config for type "bind": bind source path does not exist: /none'},
        "",
        "/none, which it is to mount",
    ),
    ("could not be started", RUNNING, FAILED | {"error": "something\x1b[31m else"}, "", "something else"),
    ("nothing to do", RUNNING, SHORT | {"argv": ("date",)}, "today\n", '"date" ran and ended'),
    ("a shell with nothing to read", RUNNING, SHORT, "", "-it"),
    ("ended 0", RUNNING, LONG, "", "without an error"),
    ("ended with an error", RUNNING, SHORT | {"exit_code": 1}, "a\nb\nc\nd\n", '"b / c / d"'),
    ("ended with an error", {"container": NAME, "exit_code": "0"}, SHORT | {"exit_code": 2}, "", "printed nothing"),
    ("ended 126", RUNNING, SHORT | {"exit_code": 126}, "", "may not be executed"),
    ("ended 127", RUNNING, SHORT | {"exit_code": 127}, "sh: x: not found\n", "sh: x: not found"),
    ("ended 137", RUNNING, LONG | {"exit_code": 137}, "", "probably by docker kill"),
    ("out of memory", RUNNING, LONG | {"exit_code": 137, "oom_killed": True, "memory": 2**24}, "", "16 MB"),
    ("ended 139", RUNNING, LONG | {"exit_code": 139}, "", "crashed"),
    ("ended 143", RUNNING, LONG | {"exit_code": 143}, "", "asked to end"),
    ("ended 125", RUNNING, LONG | {"exit_code": 125}, "", "could not start it"),
    (
        "port taken",
        RUNNING,
        FAILED
        | {"error": "port is already allocated", "asked": {"1/tcp": BOUND["80/tcp"], "2/tcp": (Binding("", 9),)}},
        "",
        "a port of the host that it asks for is taken",
    ),
    ("ended by a signal", RUNNING, LONG | {"exit_code": 134}, "", "aborted"),
    ("read-only", RUNNING, SHORT | {"exit_code": 1, "read_only": True}, "x: Read-only file system\n", "--read-only"),
    ("paused", RUNNING, {"status": "paused", "paused": True}, "", "frozen"),
    (
        "restart loop",
        RUNNING,
        {"status": "restarting", "restarting": True, "exit_code": 3, "restart_count": 4, "restart_policy": "always"},
        "no config\n",
        "restarted it 4 times so far (--restart always)",
    ),
    (
        "wrong tag",
        {"container": NAME, "image": "busybox"},
        {"image_id": OLDER.id, "image_ref": "busybox:1.35"},
        "",
        "1.35",
    ),
    (
        "same name, other image",
        {"container": NAME, "image": "busybox"},
        {"image_id": TOOLS.id, "image_ref": "dl-tools"},
        "",
        "made from dl-tools",
    ),
    ("not published", PUBLISHED, {}, "", "-p opens"),
    ("not published", ANSWERS, {}, "", "-p opens"),
    ("exposed, not published", PUBLISHED, {"exposed": frozenset({"80/tcp"})}, "", "only documents"),
    ("another port of the host", PUBLISHED, {"published": {"80/tcp": (Binding("", 8081),)}}, "", "as port 8081"),
    (
        "another port of the container",
        PUBLISHED,
        {"published": {"8000/tcp": (Binding("", 8080),)}},
        "",
        "not its port 80",
    ),
    ("published on another protocol", PUBLISHED, {"published": {"80/udp": (Binding("", 8080),)}}, "", "not for TCP"),
    ("ports swapped", PUBLISHED, {"published": {"8080/tcp": (Binding("", 80),)}}, "", "host:container"),
    ("ports swapped", ANSWERS, {"published": {"8080/tcp": (Binding("", 80),)}}, "", "Probably"),
    ("host network", PUBLISHED, {"network_mode": "host"}, "", "-p does nothing"),
    ("probably bound to its own loopback", ANSWERS, {"published": BOUND}, "", "Probably"),
    ("health failing", HEALTHY, {"health": Health("unhealthy", 3, "disk full\n", 1, 30.0)}, "", '"disk full"'),
    (
        "the probe is not in the image",
        HEALTHY,
        {"health": Health("unhealthy", 3, "/bin/sh: curl: not found\n", 127, 30.0)},
        "",
        "curl",
    ),
    (
        "an anonymous volume",
        {"container": NAME, "mounts": {"/data": "dl-data"}},
        {"mounts": (Mount("volume", "/v", "/data", read_only=False, name="a" * 64, anonymous=True),)},
        "",
        "has no name",
    ),
    (
        "a mount hides the image's files",
        {"container": NAME, "files": {"/app/run": "any"}},
        {"mounts": (Mount("bind", "/nonexistent", "/app", read_only=False),)},
        "",
        "Probably the image has that file",
    ),
]


@pytest.mark.parametrize(
    ("name", "raw", "fields", "output", "word"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)]
)
def test_each_is_found(
    engine: FakeEngine, name: str, raw: dict[str, Any], fields: dict[str, Any], output: str, word: str
) -> None:
    there = engine.add(NAME, **fields)
    engine.output[there.id] = output
    outcome = told(engine, raw=raw)
    assert outcome.diagnosis == name, outcome
    assert word in outcome.found


SILENT: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    # what must not be said, what is asked for, the container as it is, what it printed; "" is anything at all
    ("", RUNNING, {}, ""),
    ("", {"container": NAME, "absent": "true"}, FAILED | {"error": TAKEN}, ""),
    ("", {"container": NAME, "absent": "true"}, SHORT | {"exit_code": 1}, "x\n"),
    ("", {"container": NAME, "running": "false"}, {}, ""),
    ("", {"container": NAME, "env": {"A": "1"}}, SHORT | {"exit_code": 1}, "x\n"),
    ("", {"container": NAME, "running": "true"}, {"status": "removing", "running": False}, ""),
    # A status that is neither a failed start nor an end says nothing of commands or ports.
    ("no such command", RUNNING, FAILED | {"error": EXEC.format("/etc", "permission denied")}, ""),
    ("port taken by a program", RUNNING, FAILED | {"error": EXEC.format("slep", NOT_FOUND), "asked": BOUND}, ""),
    ("a mount hides the command", RUNNING, FAILED | {
        "error": EXEC.format("/app/run", "stat /app/run: no such file or directory"),
        "mounts": (Mount("bind", "/src", "/apple", read_only=False),)}, ""),
    ("bind source missing", RUNNING, FAILED | {"mounts": (Mount("bind", "/", "/x", read_only=False),)}, ""),
    ("bind source missing", RUNNING, FAILED | {
        "mounts": (Mount("volume", "/no", "/x", read_only=False, name="v"),)}, ""),
    # A shell that was given something to do, or a terminal.
    ("a shell with nothing to read", RUNNING, SHORT | {"argv": ("sh", "-c", "date")}, ""),
    ("a shell with nothing to read", RUNNING, SHORT | {"open_stdin": True}, ""),
    ("nothing to do", RUNNING, LONG | {"argv": ("date",)}, ""),
    ("out of memory", RUNNING, LONG | {"exit_code": 137, "memory": 2**24}, ""),
    ("ended 137", RUNNING, LONG | {"exit_code": 137, "oom_killed": True}, ""),
    # Words in the log prove nothing where nothing is read-only, or where it ended well.
    ("read-only", RUNNING, SHORT | {"exit_code": 1}, "x: Read-only file system\n"),
    ("read-only", RUNNING, SHORT | {"read_only": True}, "x: Read-only file system\n"),
    ("restart loop", RUNNING, SHORT | {"exit_code": 3, "restart_policy": "on-failure"}, ""),
    # Another name of the same image; the published name on a foreign image is told by the check itself.
    ("", {"container": NAME, "image": "busybox"}, {"image_ref": "dl-tools:v9"}, ""),
    ("wrong tag", {"container": NAME, "image": "busybox"}, {"image_id": TOOLS.id, "image_ref": "dl-tools"}, ""),
    # Ports.
    ("", PUBLISHED, {"published": BOUND}, ""),
    ("", {"container": NAME, "published": {"80/tcp": "false"}}, {"published": BOUND}, ""),
    ("", {"container": NAME, "published": "none"}, {"published": BOUND}, ""),
    ("ports swapped", PUBLISHED, {"published": {"8081/tcp": (Binding("", 80),)}}, ""),
    ("ports swapped", PUBLISHED, {"published": {"80/tcp": (Binding("", 80),)}}, ""),
    ("exposed, not published", PUBLISHED, {"exposed": frozenset({"8080/tcp"})}, ""),
    ("published on another protocol", PUBLISHED, {"published": {"81/udp": (Binding("", 8080),)}}, ""),
    # Health that has not failed yet, or that is not asked for to be healthy.
    ("", HEALTHY, {"health": Health("starting", 0, "", None, 30.0)}, ""),
    ("", {"container": NAME, "health": "unhealthy"}, {"health": Health("healthy", 0, "", 0, 30.0)}, ""),
    ("the probe is not in the image", HEALTHY, {"health": Health("unhealthy", 3, "page not found\n", 1, 30.0)}, ""),
    # Mounts.
    ("an anonymous volume", {"container": NAME, "mounts": {"/data": "dl-data"}},
     {"mounts": (Mount("volume", "/v", "/data", read_only=False, name="dl-other"),)}, ""),
    ("", {"container": NAME, "files": {"/app/run": "any"}},
     {"mounts": (Mount("bind", "/nonexistent", "/ap", read_only=False),)}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "raw", "fields", "output"), SILENT, ids=[f"{c[0]}-{i}" for i, c in enumerate(SILENT)])
def test_none_is_found_where_it_would_be_wrong(
    engine: FakeEngine, name: str, raw: dict[str, Any], fields: dict[str, Any], output: str
) -> None:
    there = engine.add(NAME, **fields)
    engine.output[there.id] = output
    outcome = told(engine, raw=raw)
    assert outcome.diagnosis == "" if name == "" else outcome.diagnosis != name, outcome


class TestNames:
    def test_a_slip_of_this_step(self, engine: FakeEngine) -> None:
        engine.add("dl-ap", created=engine.clock)
        outcome = told(engine, raw=RUNNING)
        assert outcome.diagnosis == "nearly right name"
        assert outcome.next == "docker rename dl-ap dl-app"

    def test_not_one_that_was_there_before(self, engine: FakeEngine) -> None:
        engine.add("dl-ap")
        assert told(engine, raw=RUNNING).diagnosis == ""

    def test_not_one_that_is_asked_for_itself(self, engine: FakeEngine) -> None:
        engine.add("dl-app2", created=engine.clock)
        assert told(engine, {"container": "dl-app2"}, raw=RUNNING).diagnosis == ""
        assert told(engine, {"http": "dl-app2:80"}, raw=RUNNING).diagnosis == ""

    def test_not_one_that_is_nearer_to_another_missing_name(self, engine: FakeEngine) -> None:
        engine.add("dl-api2", created=engine.clock)
        alone = told(engine, raw=RUNNING).diagnosis
        assert alone == "nearly right name"
        assert told(engine, {"container": "dl-api"}, raw=RUNNING).diagnosis == ""

    def test_not_one_that_could_not_be_started(self, engine: FakeEngine) -> None:
        engine.add("dl-ap", created=engine.clock, status="created", running=False, started=None, error="no such file")
        assert told(engine, raw=RUNNING).diagnosis == ""

    def test_not_one_that_is_quite_different(self, engine: FakeEngine) -> None:
        engine.add("dl-database", created=engine.clock)
        assert told(engine, raw=RUNNING).diagnosis == ""

    def test_one_without_a_name(self, engine: FakeEngine) -> None:
        engine.add("eager_turing", created=engine.clock)
        outcome = told(engine, raw=RUNNING)
        assert outcome.diagnosis == "unnamed"
        assert outcome.next == "docker rename eager_turing dl-app"

    def test_a_helper_of_the_tutors_own_is_not_meant(self, engine: FakeEngine) -> None:
        engine.add("lazy_hopper", created=engine.clock, hostname=HELPER)
        engine.add("sad_bell", created=engine.clock, mounts=HELPER_OF_ANOTHER)
        assert told(engine, raw=RUNNING).diagnosis == ""
        engine.add("eager_turing", created=engine.clock)
        assert told(engine, raw=RUNNING).next == "docker rename eager_turing dl-app"

    @pytest.mark.parametrize("names", [["eager_turing", "lazy_hopper"], ["my_own-name"], ["web"]])
    def test_not_when_it_is_not_clear_which(self, engine: FakeEngine, names: list[str]) -> None:
        for name in names:
            engine.add(name, created=engine.clock)
        assert told(engine, raw=RUNNING).diagnosis == ""

    def test_not_one_of_before(self, engine: FakeEngine) -> None:
        engine.add("eager_turing")
        assert told(engine, raw=RUNNING).diagnosis == ""

    def test_a_renamed_one_is_told_by_the_check(self, engine: FakeEngine) -> None:
        there = engine.add("dl-ap", created=engine.clock)
        world = World(engine, Path("/"), Scope(baseline={f"container {NAME}": there.id}, since=engine.clock))
        checks = [check(**RUNNING)]
        outcome = explain(checks, look_once(checks, world), world)[0]
        assert outcome.diagnosis == ""
        assert "is called dl-ap now" in outcome.found


class TestPorts:
    def test_taken_by_which_container(self, engine: FakeEngine) -> None:
        engine.add(NAME, **FAILED, error=TAKEN, asked=BOUND)
        engine.add("dl-other", published=BOUND)
        outcome = told(engine, raw=RUNNING)
        assert outcome.diagnosis == "port taken by a container"
        assert "by the container dl-other" in outcome.found
        assert outcome.next == "docker stop dl-other, if you can spare it, then docker start dl-app"

    @pytest.mark.parametrize(
        "error",
        [
            "driver failed: failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use",
            "failed to bind host port 0.0.0.0:8080/tcp: address already in use",
            "Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use",
            "Ports are not available: exposing port TCP 0.0.0.0:8080 -> 127.0.0.1:0: listen tcp 0.0.0.0:8080: bind: x",
            "rootlessport listen tcp 0.0.0.0:8080: bind: address already in use",
        ],
    )
    def test_taken_in_the_words_of_other_engines(self, engine: FakeEngine, error: str) -> None:
        engine.add(NAME, **FAILED, error=error, asked={**BOUND, "443/tcp": (Binding("", 443),)})
        engine.add("dl-other", published=BOUND)
        assert "port 8080 of the host is taken by the container dl-other" in told(engine, raw=RUNNING).found

    @pytest.mark.parametrize("published", [{"80/udp": BOUND["80/tcp"]}, {"8080/tcp": (Binding("", 80),)}])
    def test_not_by_one_on_another_port_or_protocol(self, engine: FakeEngine, published: Any) -> None:
        engine.add(NAME, **FAILED, error=TAKEN, asked=BOUND)
        engine.add("dl-other", published=published)
        assert told(engine, raw=RUNNING).diagnosis == "port taken by a program"

    def test_of_several_the_one_that_the_engine_names(self, engine: FakeEngine) -> None:
        asked = {**BOUND, "443/tcp": (Binding("", 8443),)}
        engine.add(NAME, **FAILED, error=TAKEN.replace("8080", "8443"), asked=asked)
        engine.add("dl-other", published=BOUND)
        assert "port 8443" in told(engine, raw=RUNNING).found

    def test_taken_by_which_program(self, engine: FakeEngine) -> None:
        with socket.socket() as mine:
            mine.bind(("127.0.0.1", 0))
            mine.listen()
            number = mine.getsockname()[1]
            error = TAKEN.replace("8080", str(number))
            engine.add(NAME, **FAILED, error=error, asked={"80/tcp": (Binding("", number),)})
            outcome = told(engine, raw=RUNNING)
            assert f"process {os.getpid()}" in outcome.found
            # Of an engine elsewhere, nothing of this machine is told.
            engine._identity = msgspec.structs.replace(engine._identity, address="tcp://10.0.0.1:2376")
            assert "process" not in told(engine, raw=RUNNING).found
        assert host.program_at(number) is None

    def test_taken_for_a_container_of_another_engine(self, engine: FakeEngine) -> None:
        with subprocess.Popen([sys.executable, "-c", PROXY], stdout=subprocess.PIPE, text=True) as proxy:
            assert proxy.stdout is not None
            number = int(proxy.stdout.readline())
            error = TAKEN.replace("8080", str(number))
            engine.add(NAME, **FAILED, error=error, asked={"80/tcp": (Binding("", number),)})
            outcome = told(engine, raw=RUNNING)
            proxy.kill()
        assert outcome.diagnosis == "port taken by another engine"
        assert "docker-proxy listens there" in outcome.found

    @pytest.mark.parametrize(
        ("table", "name"),
        [
            ("0100007F:0050", "bound to its own loopback"),
            ("00000000:1F90", "listens on another port"),
            ("0B00007F:A1B2", "nobody listens"),
            ("00000000:0050", ""),
        ],
    )
    def test_who_listens_inside(self, engine: FakeEngine, table: str, name: str) -> None:
        engine.add(NAME, published=BOUND)
        text = f"  sl  local_address rem_address   st\n   0: {table} 00000000:0000 0A 0:0 0:0 0 0 0 1\n"
        engine.runs[("cat", "/proc/net/tcp", "/proc/net/tcp6")] = (text, 0)
        assert told(engine, raw=ANSWERS).diagnosis == name

    @pytest.mark.parametrize(
        ("closed", "name"),
        [
            (Closed("the connection was closed at once", may_come=False, hung_up=True), "bound to its own loopback"),
            (Closed("nothing answered within 2 s", may_come=False), ""),
        ],
    )
    def test_who_listens_inside_of_tcp(self, engine: FakeEngine, closed: Closed, name: str) -> None:
        engine.add(NAME, published=BOUND)
        text = "  sl  local_address\n   0: 0100007F:0050 00000000:0000 0A 0:0 0:0 0 0 0 1\n"
        engine.runs[("cat", "/proc/net/tcp", "/proc/net/tcp6")] = (text, 0)
        assert told(engine, closed=closed, raw={"tcp": f"{NAME}:80"}).diagnosis == name
        assert told(engine, closed=closed, raw={"tcp": f"{NAME}:81"}).diagnosis == "another port of the container"

    def test_an_answer_is_not_explained_by_listening(self, engine: FakeEngine) -> None:
        engine.add(NAME, published=BOUND)
        assert told(engine, answer=HttpAnswer(500, (), "x"), raw=ANSWERS).diagnosis == ""
        late = HttpFailure("timeout", "there was no whole answer within 3 s", may_come=False)
        assert told(engine, answer=late, raw=ANSWERS).diagnosis == ""
        assert engine.executed == []


@pytest.mark.parametrize(
    ("address", "listener"),
    [
        ("00000000:0050", Listener(80, loopback=False)),
        ("0100007F:1F90", Listener(8080, loopback=True)),
        ("7F000001:1F90", Listener(8080, loopback=True)),
        ("020011AC:0050", Listener(80, loopback=False)),
        ("0" * 32 + ":0050", Listener(80, loopback=False)),
        ("0" * 24 + "01000000:0050", Listener(80, loopback=True)),
        ("0000000000000000FFFF00000100007F:0050", Listener(80, loopback=True)),
        ("0000000000000000FFFF0000020011AC:0050", Listener(80, loopback=False)),
    ],
)
def test_addresses_of_listeners(address: str, listener: Listener) -> None:
    assert listeners(f"  0: {address} {'0' * 8}:0000 0A 0") == {listener}
    assert listeners(f"  0: {address} {'0' * 8}:0000 01 0") == frozenset()
    assert listeners("  0: nonsense") == listeners("\x00: zz:zz x 0A") == frozenset()


class TestNetworks:
    def test_read_from_what_a_command_says(self, engine: FakeEngine) -> None:
        engine.add(NAME)
        engine.add("dl-two", networks=OWN)
        raw = {"exec": NAME, "command": "wget -O- http://dl-two", "exit_code": "0"}
        engine.runs[("wget", "-O-", "http://dl-two")] = ("wget: bad address 'dl-two'\n", 1)
        outcome = told(engine, raw=raw)
        assert outcome.diagnosis == "not on the same network"
        assert "bad address 'dl-two'" in outcome.found
        engine.runs[("wget", "-O-", "http://dl-two")] = ("wget: connection refused\n", 1)
        assert told(engine, raw=raw).diagnosis == ""

    def test_the_default_bridge(self, engine: FakeEngine) -> None:
        one, other = engine.add("dl-one"), engine.add("dl-two")
        found = between(one, other)
        assert found is not None
        assert found.name == "the default bridge has no names"

    def test_two_networks(self, engine: FakeEngine) -> None:
        one, other = engine.add("dl-one"), engine.add("dl-two", networks=OWN)
        found = between(one, other)
        assert found is not None
        assert found.name == "not on the same network"
        assert found.next == "docker network connect dl-net dl-one"

    def test_one_network_of_their_own(self, engine: FakeEngine) -> None:
        one, other = engine.add("dl-one", networks=BRIDGE + OWN), engine.add("dl-two", networks=BRIDGE + OWN)
        assert between(one, other) is None

    def test_a_shared_namespace(self, engine: FakeEngine) -> None:
        one = engine.add("dl-one", network_mode="container:dl-two", networks=())
        assert between(one, engine.add("dl-two")) is None

    @pytest.mark.parametrize(
        "line",
        [
            "wget: bad address 'dl-two'",
            "curl: (6) Could not resolve host: dl-two",
            "ping: dl-two: Name or service not known",
        ],
    )
    def test_read_from_its_last_words(self, engine: FakeEngine, line: str) -> None:
        there = engine.add(NAME, **SHORT, exit_code=1)
        engine.add("dl-two")
        engine.output[there.id] = f"starting\n{line}\n"
        outcome = told(engine, raw=RUNNING)
        assert outcome.diagnosis == "the default bridge has no names"
        assert line in outcome.found
        assert "exit code 1" in outcome.found
        engine.output[there.id] = f"{line.replace('dl-two', 'example.org')}\n"
        assert told(engine, raw=RUNNING).diagnosis == "ended with an error"
        engine.output[there.id] = "dl-two is here\n"
        assert told(engine, raw=RUNNING).diagnosis == "ended with an error"


class TestVolumes:
    NAMELESS = Mount("volume", "/v", "/data", read_only=False, name="a" * 64, anonymous=True)

    def test_an_anonymous_one_instead(self, engine: FakeEngine) -> None:
        engine.add_volume("dl-data")
        engine.add(NAME, mounts=(self.NAMELESS,))
        raw = {"volume": "dl-data", "used_by": [NAME]}
        outcome = told(engine, raw=raw)
        assert outcome.diagnosis == "an anonymous volume"
        assert outcome.next == f"docker rm -f {NAME}, then run it again with -v dl-data:/data"
        engine.add(NAME, mounts=())
        assert told(engine, raw=raw).diagnosis == ""
        engine.add(NAME, mounts=(self.NAMELESS, msgspec.structs.replace(self.NAMELESS, target="/x")))
        assert told(engine, raw=raw).diagnosis == ""


class TestMounts:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        made = tmp_path / "lesson"
        made.mkdir()
        return made

    def served(self, engine: FakeEngine, mount: Mount, **fields: Any) -> None:
        engine.add(NAME, published=BOUND, mounts=(mount,), **fields)

    def test_a_folder_that_the_engine_made(self, engine: FakeEngine, folder: Path) -> None:
        self.served(engine, Mount("bind", str(folder), "/www", read_only=False))
        none = HttpAnswer(404, (), "")
        outcome = told(engine, answer=none, raw=ANSWERS)
        assert outcome.diagnosis == "an empty folder is mounted"
        assert "Probably it was not there" in outcome.found
        assert "status 404" in outcome.found
        later = engine.clock.now(engine.clock.tzinfo) + timedelta(hours=1)
        self.served(engine, Mount("bind", str(folder), "/www", read_only=False), created=later)
        assert "Probably" not in told(engine, answer=none, raw=ANSWERS).found

    def test_not_one_that_holds_something(self, engine: FakeEngine, folder: Path) -> None:
        (folder / "x").touch()
        self.served(engine, Mount("bind", str(folder), "/www", read_only=False))
        assert told(engine, answer=HttpAnswer(404, (), ""), raw=ANSWERS).diagnosis == ""

    def test_not_of_an_engine_elsewhere(self, engine: FakeEngine, folder: Path) -> None:
        engine._identity = msgspec.structs.replace(engine._identity, kernel="another")
        self.served(engine, Mount("bind", str(folder), "/www", read_only=False))
        assert told(engine, answer=HttpAnswer(404, (), ""), raw=ANSWERS).diagnosis == ""

    def test_a_volume_named_like_a_folder(self, engine: FakeEngine, folder: Path) -> None:
        self.served(engine, Mount("volume", "/v", "/www", read_only=False, name="html"))
        none = HttpAnswer(404, (), "")
        assert told(engine, answer=none, folder=folder, raw=ANSWERS).diagnosis == ""
        (folder / "html").mkdir()
        outcome = told(engine, answer=none, folder=folder, raw=ANSWERS)
        assert outcome.diagnosis == "a volume where a folder was meant"
        assert outcome.next is not None
        assert '-v "$PWD/html:/www"' in outcome.next

    def test_a_program_that_ended_for_want_of_a_file(self, engine: FakeEngine, folder: Path) -> None:
        mount = Mount("bind", str(folder), "/app", read_only=False)
        there = engine.add(NAME, **SHORT, exit_code=2, mounts=(mount,))
        engine.output[there.id] = "can't open '/app/main.py': No such file or directory\n"
        outcome = told(engine, raw=RUNNING)
        assert outcome.diagnosis == "an empty folder is mounted"
        assert "exit code 2" in outcome.found
        engine.output[there.id] = "division by zero\n"
        assert told(engine, raw=RUNNING).diagnosis == "ended with an error"

    def test_a_folder_onto_a_file(self, engine: FakeEngine, folder: Path) -> None:
        error = f'error mounting "{folder}" to rootfs at "/etc/app.conf": not a directory: are you trying to'
        mount = Mount("bind", str(folder), "/etc/app.conf", read_only=False)
        engine.add(NAME, **FAILED, error=error, mounts=(mount,))
        assert told(engine, raw=RUNNING).diagnosis == "a folder where a file was meant"
        engine.add(NAME, **FAILED, error=error, mounts=())
        assert told(engine, raw=RUNNING).diagnosis == "could not be started"

    def test_a_source_that_is_gone(self, engine: FakeEngine, folder: Path) -> None:
        mount = Mount("bind", str(folder / "none"), "/x", read_only=False)
        engine.add(NAME, **FAILED, mounts=(mount,))
        assert told(engine, raw=RUNNING).diagnosis == "bind source missing"
        engine._identity = msgspec.structs.replace(engine._identity, kernel="another")
        assert told(engine, raw=RUNNING).diagnosis == "made, not started"


class TestImages:
    @pytest.mark.parametrize(
        ("image", "name", "next_"),
        [
            ("dl-tools:v1", "wrong tag", "docker images shows what is there"),
            ("dl-tols:latest", "nearly right name of an image", "docker images shows what is there"),
            ("dl-build:v1", "wrong tag", "docker tag dl-build:latest dl-build:v1"),
            ("dl-biuld:latest", "nearly right name of an image", "docker tag dl-build:latest dl-biuld:latest"),
            ("nginx", "image absent", "docker pull nginx:1.27"),
            ("dl-quite-another:v1", "image absent", "docker images shows what is there"),
        ],
    )
    def test_what_is_there_instead(self, engine: FakeEngine, image: str, name: str, next_: str) -> None:
        engine.add_image(make_image("dl-build:latest", created=engine.clock))
        outcome = told(engine, raw={"image": image})
        assert outcome.diagnosis == name
        assert outcome.next == next_

    def test_a_published_image_is_pulled_not_made_of_another_tag(self, engine: FakeEngine) -> None:
        engine.add_image(make_image("nginx:latest"))
        outcome = told(engine, raw={"image": "nginx"})
        assert outcome.diagnosis == "wrong tag"
        assert outcome.next == "docker pull nginx:1.27"

    def test_not_one_that_is_asked_for_itself(self, engine: FakeEngine) -> None:
        engine.add_image(make_image("dl-build:latest", created=engine.clock))
        outcome = told(engine, {"image": "dl-build:latest"}, raw={"image": "dl-build:v1"})
        assert "docker tag" not in str(outcome.next)

    def test_not_when_it_is_to_be_absent_or_is_there(self, engine: FakeEngine) -> None:
        assert told(engine, raw={"image": "dl-tools:latest", "absent": "true"}).diagnosis == ""
        assert told(engine, raw={"image": "dl-tools:latest", "user": "app"}).diagnosis == ""


class TestTogether:
    def test_an_engine_that_fails_meanwhile_leaves_what_was_found(self, engine: FakeEngine) -> None:
        engine.add(NAME, **SHORT, exit_code=1)
        checks = [check(**RUNNING)]
        world = World(engine, Path("/"), Scope(IMAGES))
        outcomes = look_once(checks, world)
        engine.failure = EngineSilent("The engine did not answer.")
        late = World(engine, Path("/"), Scope(IMAGES))
        assert explain(checks, outcomes, late) == outcomes

    def test_what_could_not_be_looked_at_is_not_diagnosed(self, engine: FakeEngine) -> None:
        engine.failure = EngineSilent("The engine did not answer.")
        assert told(engine, raw=RUNNING).status is Status.UNKNOWN
        assert told(engine, raw=RUNNING).diagnosis == ""

    @pytest.mark.parametrize(("name", "raw", "fields"), [(c[0], c[1], c[2]) for c in CASES], ids=range(len(CASES)))
    def test_it_costs_a_few_requests_however_much_is_there(
        self, engine: FakeEngine, name: str, raw: dict[str, Any], fields: dict[str, Any]
    ) -> None:
        engine.add(NAME, **fields)
        told(engine, raw=raw)
        few = list(engine.calls)
        for number in range(50):
            engine.add(f"foreign-{number}", created=engine.clock)
            engine.add_image(make_image(f"foreign:{number}"))
        engine.calls.clear()
        told(engine, raw=raw)
        assert engine.calls == few
        assert engine.calls.count("containers") <= 1
        assert len([call for call in engine.calls if call != "identity"]) <= 8

    def test_two_checks_of_one_thing_are_told_apart(self, engine: FakeEngine) -> None:
        engine.add(NAME, published={"8080/tcp": (Binding("", 80),)})
        checks = [check(**RUNNING), check(**PUBLISHED)]
        world = World(engine, Path("/"), Scope(IMAGES))
        first, second = explain(checks, look_once(checks, world), world)
        assert first.met
        assert second.diagnosis == "ports swapped"

    def test_the_authors_mistake_goes_first(self, engine: FakeEngine) -> None:
        engine.add(NAME, published={"8080/tcp": (Binding("", 80),)})
        mistake = {
            "name": "ports swapped",
            "when": [{"noun": "container", "container": NAME}],
            "say": "Turn.",
            "try": "x",
        }
        raw = {"id": "a", "title": "A", "check": [{"noun": "container", **PUBLISHED}], "solution": "x"}
        plain = msgspec.convert(raw, Step, strict=False)
        known = msgspec.structs.replace(plain, mistakes=[msgspec.convert(mistake, Mistake, strict=False)])

        def world() -> World:
            return World(engine, Path("/"), Scope(IMAGES))

        status, outcomes, recognised = judge(known, world)
        assert status is Status.UNMET
        assert recognised is not None
        assert outcomes[0].diagnosis == ""
        status, outcomes, recognised = judge(plain, world)
        assert status is Status.UNMET
        assert recognised is None
        assert outcomes[0].diagnosis == "ports swapped"
        assert judge(plain, world, explaining=False)[1][0].diagnosis == ""

    def test_a_mistake_that_comes_true_between_two_looks_is_recognised(self) -> None:
        class LateEngine(FakeEngine):
            """An engine whose clock goes on a little with each question about it."""

            def precise_now(self) -> datetime:
                now = super().precise_now()
                self.clock += timedelta(milliseconds=100)
                return now

        engine = LateEngine()
        engine.add(NAME, started=engine.clock - timedelta(milliseconds=950))
        when = [{"noun": "container", "container": NAME, "running": "true"}]
        mistake = {"name": "left running", "when": when, "say": "Stop it.", "try": "x"}
        check = [{"noun": "container", "container": "dl-other", "absent": "false"}]
        raw = {"id": "a", "title": "A", "check": check, "solution": "x", "mistakes": [mistake]}

        def world() -> World:
            return World(engine, Path("/"), Scope(IMAGES))

        _, _, recognised = judge(msgspec.convert(raw, Step, strict=False), world)
        assert recognised is not None
        assert recognised.name == "left running"

    @pytest.mark.parametrize(("failures", "recognised"), [(1, True), (2, False)])
    def test_a_look_for_a_mistake_that_fails_is_made_once_more(self, failures: int, recognised: bool) -> None:
        class HalfDeafEngine(FakeEngine):
            """An engine that does not answer what a container has printed, the first times."""

            deaf = failures

            def logs(self, container_id: str, tail: int = 500, limit: int = 65_536) -> str:
                self.deaf -= 1
                if self.deaf >= 0:
                    raise EngineRejected("The engine refused: not now.", 500)
                return super().logs(container_id, tail, limit)

        engine = HalfDeafEngine()
        engine.output[engine.add(NAME).id] = "lost\n"
        when = [{"noun": "container", "container": NAME, "logs": {"contains": "lost"}}]
        mistake = {"name": "lost", "when": when, "say": "Find it.", "try": "x"}
        check = [{"noun": "container", "container": "dl-other", "absent": "false"}]
        raw = {"id": "a", "title": "A", "check": check, "solution": "x", "mistakes": [mistake]}
        status, _, found = judge(
            msgspec.convert(raw, Step, strict=False), lambda: World(engine, Path("/"), Scope(IMAGES))
        )
        assert status is Status.UNMET
        assert (found is not None) == recognised

    def test_foreign_text_is_made_safe(self, engine: FakeEngine) -> None:
        there = engine.add(NAME, **SHORT, exit_code=1)
        engine.output[there.id] = "\x1b]0;evil\x07 \x9b31mred\u202e\n"
        outcome = told(engine, raw=RUNNING)
        assert outcome.diagnosis == "ended with an error"
        assert not any(character in outcome.found for character in "\x1b\x07\x9b\u202e")

    def test_every_diagnosis_is_tried_here_and_on_a_real_engine(self) -> None:
        code = "".join(path.read_text() for path in Path(diagnosis.__file__).parent.glob("*.py"))
        names = set(re.findall(r'name="([^"]+)"', code)) | set(re.findall(r'\(\s*"(ended [^"]+)"', code))
        assert len(names) > 45
        here = Path(__file__).read_text() + REACH.read_text()
        live = LIVE.read_text() + (LIVE.parent / "test_reach_live.py").read_text()
        assert {name for name in names if f'"{name}"' not in here} == set()
        assert {name for name in names if f'"{name}"' not in live} == {
            "ended 0",  # after more than five seconds
            "ended 125",  # of a docker run inside a container
            "made, never ran",  # on Podman, of the same containers as "made, not started" and "no such command"
            "port taken",  # in words of an engine that does not say which of several
            "port taken by another engine",  # two engines in one network namespace spoil each other's rules
        }

    def test_every_rule_is_silent_about_a_file(self, engine: FakeEngine, tmp_path: Path) -> None:
        assert told(engine, folder=tmp_path, raw={"file": "none"}).diagnosis == ""
        assert len(RULES) == len(set(RULES))
