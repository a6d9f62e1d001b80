"""Each field of each noun says yes, no, and what it saw; on an engine in memory, without waiting."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.checks.base import Noun
from dockerlearn.checks.outcome import Outcome, Status, overall
from dockerlearn.checks.run import Time, all_met, look, look_once
from dockerlearn.checks.vocabulary import NOUNS, noun_of
from dockerlearn.engine import condition
from dockerlearn.engine.api import PathInContainer
from dockerlearn.engine.snapshots import Binding, EventSnapshot, Health, Membership, Mount
from dockerlearn.errors import EngineSilent, OutOfReach
from dockerlearn.world.http import HttpAnswer, HttpClient, HttpFailure
from dockerlearn.world.world import Scope, World
from tests.fake_engine import BEGINNING, FakeEngine, make_id, make_image

IMAGES = {"busybox": "busybox:1.36", "nginx": "nginx:1.27-alpine-slim"}
BUSYBOX = make_image("busybox:1.36", digests=("busybox@sha256:" + "1" * 64,))
NGINX = make_image("nginx:1.27-alpine-slim", digests=("nginx@sha256:" + "2" * 64,))


class StubHttp(HttpClient):
    """Answers with what the test put in, and remembers what it was asked."""

    def __init__(self, *answers: HttpAnswer | HttpFailure) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[tuple[str, int, str]] = []

    def get(self, host: str, port: int, path: str) -> HttpAnswer | HttpFailure:
        self.asked.append((host, port, path))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(BUSYBOX, NGINX)


def check(**raw: Any) -> Noun:
    """A check as YAML gives it: every scalar is text."""
    word = noun_of(raw)
    assert word is not None
    return msgspec.convert({"noun": word, **raw}, NOUNS[word], strict=False)


def seen(
    engine: FakeEngine, workspace: Path = Path("/nonexistent"), client: HttpClient | None = None, /, **raw: Any
) -> Outcome:
    return check(**raw).look(World(engine, workspace, Scope(IMAGES), client))


BRIDGE = make_id("network", "bridge")
PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"
SHOP = {PROJECT: "dl-shop", SERVICE: "web"}
DATA = Mount("volume", "/volumes/dl-data", "/data", read_only=False, name="dl-data")
ANONYMOUS = Mount("volume", "/volumes/a", "/data", read_only=False, name="a" * 64, anonymous=True)
SITE = Mount("bind", "/nonexistent/site", "/data", read_only=True)
SCRATCH = Mount("tmpfs", "", "/scratch", read_only=False)

CONTAINER_FIELDS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # field as asked, a container that has it, one that has not
    ({"status": "exited"}, {"status": "exited", "running": False}, {}),
    ({"running": "false"}, {"status": "exited", "running": False, "finished": BEGINNING}, {}),
    (
        {"exit_code": "0"},
        {"status": "exited", "running": False},
        {"status": "exited", "running": False, "exit_code": 3},
    ),
    ({"exit_code": {"one_of": ["0", "137"]}}, {"status": "exited", "running": False, "exit_code": 137}, {}),
    (
        {"oom_killed": "true"},
        {"status": "exited", "running": False, "oom_killed": True},
        {"status": "exited", "running": False},
    ),
    ({"image": "busybox"}, {}, {"image_id": NGINX.id, "image_ref": "nginx:1.27-alpine-slim"}),
    ({"command": ["sleep", "60"]}, {"command": ("sleep", "60")}, {"command": ("sleep", "6")}),
    ({"command": "sleep 60"}, {"command": ("sleep", "60")}, {"command": ("sleep", "6 0")}),
    (
        {"command": ["sleep", "60"]},
        {"command": ("60",), "argv": ("sleep", "60")},
        {"command": ("60",), "argv": ("60",)},
    ),
    ({"command": {"contains": "date"}}, {"command": ("sh", "-c", "date")}, {"command": ("sh",)}),
    ({"entrypoint": ["/app"]}, {"entrypoint": ("/app",)}, {"entrypoint": ()}),
    ({"entrypoint": "none"}, {"entrypoint": ()}, {"entrypoint": ("/app",)}),
    ({"command": {"not": {"one_of": ["sh"]}}}, {"command": ("a",), "argv": ("a",)}, {}),
    ({"user": {"one_of": ["app", "1000"]}}, {"user": "1000"}, {"user": "0"}),
    ({"env": {"MODE": "dev"}}, {"env": {"MODE": "dev", "PATH": "/bin"}}, {"env": {"MODE": "prod"}}),
    ({"env": {"MODE": "none"}}, {"env": {}}, {"env": {"MODE": "dev"}}),
    ({"labels": {"team": "a"}}, {"labels": {"team": "a"}}, {"labels": {}}),
    ({"user": {"not": "root"}}, {"user": "app"}, {"user": "root"}),
    ({"workdir": "/srv"}, {"workdir": "/srv"}, {"workdir": "/"}),
    ({"hostname": "box"}, {"hostname": "box"}, {"hostname": "other"}),
    ({"network_mode": "bridge"}, {"network_mode": "default"}, {"network_mode": "host"}),
    ({"restart_policy": "always"}, {"restart_policy": "always"}, {"restart_policy": "no"}),
    ({"restart_count": {">": "1"}}, {"restart_count": 2}, {"restart_count": 1}),
    ({"memory": "64m"}, {"memory": 64 * 1024 * 1024}, {"memory": 0}),
    ({"memory": "none"}, {"memory": 0}, {"memory": 64 * 1024 * 1024}),
    ({"stop_signal": "SIGINT"}, {"stop_signal": "SIGINT"}, {"stop_signal": ""}),
    ({"read_only": "true"}, {"read_only": True}, {"read_only": False}),
    ({"privileged": "false"}, {"privileged": False}, {"privileged": True}),
    ({"init": "true"}, {"init": True}, {}),
    ({"tty": "true"}, {"tty": True}, {}),
    ({"auto_remove": "true"}, {"auto_remove": True}, {}),
    (
        {"health": "healthy"},
        {"health": Health("healthy", 0, "", 0, 30.0)},
        {"health": Health("unhealthy", 3, "no", 1, 30.0)},
    ),
    ({"health": "none"}, {"health": None}, {"health": Health("healthy", 0, "", 0, 30.0)}),
    (
        {"published": {"80/tcp": "8080"}},
        {"published": {"80/tcp": (Binding("0.0.0.0", 8080), Binding("::", 8080))}},
        {"published": {"80/tcp": (Binding("0.0.0.0", 8081),)}},
    ),
    ({"published": {"80": "any"}}, {"published": {"80/tcp": (Binding("127.0.0.1", 32768),)}}, {"published": {}}),
    (
        {"published": {"80/tcp": "8080"}},
        {"published": {"80/tcp": (Binding("::1", 8080),)}},
        {"published": {"80/udp": (Binding("0.0.0.0", 8080),)}},
    ),
    ({"published": {"80/tcp": "false"}}, {"published": {}}, {"published": {"80/tcp": (Binding("", 8080),)}}),
    (
        {"published": {"80/tcp": {"one_of": ["8080", "8081"]}}},
        {"published": {"80/tcp": (Binding("", 8081),)}},
        {"published": {"80/tcp": (Binding("", 8082),)}},
    ),
    ({"published": "none"}, {"published": {}}, {"published": {"80/tcp": (Binding("", 8080),)}}),
    ({"published": "any"}, {"published": {"80/tcp": (Binding("", 8080),)}}, {"published": {}}),
    (
        {"published_on": {"80/tcp": "loopback"}},
        {"published": {"80/tcp": (Binding("127.0.0.1", 8080), Binding("::1", 8080))}},
        {"published": {"80/tcp": (Binding("127.0.0.1", 8080), Binding("0.0.0.0", 8081))}},
    ),
    (
        {"published_on": {"80": "loopback"}},
        {"published": {"80/tcp": (Binding("127.0.0.1", 8080),)}},
        {"published": {"81/tcp": (Binding("127.0.0.1", 8080),)}},
    ),
    (
        {"published_on": {"80": "127.0.0.2"}},
        {"published": {"80/tcp": (Binding("127.0.0.2", 8080),)}},
        {"published": {"80/tcp": (Binding("127.0.0.1", 8080),)}},
    ),
    (
        {"published_on": {"80": "everywhere"}},
        {"published": {"80/tcp": (Binding("", 8080), Binding("::", 8080))}},
        {"published": {"80/tcp": (Binding("10.0.0.5", 8080),)}},
    ),
    (
        {"published_on": {"80": "10.0.0.5"}},
        {"published": {"80/tcp": (Binding("10.0.0.5", 8080),)}},
        {"published": {"80/tcp": (Binding("10.0.0.5", 8080),)}, "status": "exited", "running": False},
    ),
    (
        {"published_on": {"80": {"not": "loopback"}}},
        {"published": {"80/tcp": (Binding("localhost", 8080),)}},
        {"published": {"80/tcp": (Binding("10.0.0.5", 8080), Binding("::1", 8080))}},
    ),
    (
        {"asked_to_publish": {"8080/tcp": "any"}},
        {"asked": {"8080/tcp": (Binding("", 80),)}},
        {"asked": {"80/tcp": (Binding("", 8080),)}},
    ),
    ({"asked_to_publish": "none"}, {"asked": {}}, {"asked": {"80/tcp": (Binding("", None),)}}),
    ({"cpus": "0.5"}, {"cpus": 0.5}, {"cpus": 0.0}),
    ({"pids_limit": {"<": "101"}}, {"pids_limit": 100}, {"pids_limit": 200}),
    ({"pids_limit": "none"}, {"pids_limit": 0}, {"pids_limit": 100}),
    ({"open_stdin": "true"}, {"open_stdin": True}, {}),
    ({"attached": "false"}, {}, {"attached": True}),
    ({"capabilities": {"drop": ["all"]}}, {"cap_drop": frozenset({"ALL"})}, {}),
    (
        {"capabilities": {"add": ["CAP_CHOWN", "KILL"]}},
        {"cap_add": frozenset({"CHOWN", "KILL", "FOWNER"})},
        {"cap_add": frozenset({"CHOWN"})},
    ),
    ({"capabilities": {"add": "none"}}, {}, {"cap_add": frozenset({"CHOWN"})}),
    ({"compose": {"project": "dl-shop", "service": "web"}}, {"labels": SHOP}, {"labels": SHOP | {SERVICE: "db"}}),
    ({"compose": "any"}, {"labels": SHOP}, {}),
    ({"compose": "none"}, {}, {"labels": SHOP}),
    ({"networks": ["bridge"]}, {}, {"networks": ()}),
    ({"networks": "bridge"}, {}, {"networks": (Membership("bridge", make_id("gone"), None, frozenset()),)}),
    ({"networks": "none"}, {"networks": (Membership("none", "x", None, frozenset()),)}, {}),
    ({"networks": "any"}, {}, {"networks": (), "network_mode": "container:abc"}),
    ({"networks": {"bridge": "none"}}, {"networks": ()}, {}),
    ({"networks": {"bridge": "db"}}, {"networks": (Membership("bridge", BRIDGE, "1", frozenset({"db"})),)}, {}),
    ({"networks": {"bridge": {"not": "db"}}}, {}, {"networks": (Membership("bridge", BRIDGE, "", frozenset({"db"})),)}),
    ({"networks": {"bridge": "any"}}, {"networks": (Membership("bridge", "", None, frozenset()),)}, {"networks": ()}),
    ({"only_networks": ["bridge"]}, {}, {"networks": ()}),
    (
        {"only_networks": ["bridge"]},
        {"networks": (Membership("bridge", "", None, frozenset()),)},
        {"networks": (Membership("bridge", BRIDGE, "", frozenset()), Membership("x", "y", "", frozenset()))},
    ),
    ({"only_networks": ["bridge"]}, {}, {"networks": (Membership("host", "h", "", frozenset()),)}),
    ({"mounts": "none"}, {}, {"mounts": (DATA,)}),
    ({"mounts": "any"}, {"mounts": (SCRATCH,)}, {}),
    ({"mounts": {"/data": "dl-data"}}, {"mounts": (DATA,)}, {"mounts": (ANONYMOUS,)}),
    ({"mounts": {"/data/": "any"}}, {"mounts": (ANONYMOUS,)}, {"mounts": (SCRATCH,)}),
    ({"mounts": {"/scratch": "none"}}, {"mounts": (DATA,)}, {"mounts": (SCRATCH,)}),
    ({"mounts": {"/scratch": {"kind": "tmpfs"}}}, {"mounts": (SCRATCH,)}, {"mounts": (DATA,)}),
    ({"mounts": {"/data": {"anonymous": "true"}}}, {"mounts": (ANONYMOUS,)}, {"mounts": (DATA,)}),
    ({"mounts": {"/data": {"name": {"contains": "dl-"}}}}, {"mounts": (DATA,)}, {"mounts": (ANONYMOUS,)}),
    ({"mounts": {"/data": {"kind": {"not": "bind"}}}}, {"mounts": (DATA,)}, {"mounts": (SITE,)}),
    ({"mounts": {"/data": "./site"}}, {"mounts": (SITE,)}, {"mounts": (DATA,)}),
    (
        {"mounts": {"/data": {"source": "./site", "read_only": "true"}}},
        {"mounts": (SITE,)},
        {"mounts": (Mount("bind", "/nonexistent/site", "/data", read_only=False),)},
    ),
    (
        {"mounts": {"/data": {"source": "./site"}}},
        {"mounts": (Mount("bind", "/host_mnt/nonexistent/site", "/data", read_only=False),)},
        {"mounts": (Mount("bind", "/nonexistent/other/site", "/data", read_only=False),)},
    ),
]


@pytest.mark.parametrize(("asked", "good", "bad"), CONTAINER_FIELDS, ids=lambda value: str(value)[:40])
def test_each_field_of_a_container_says_yes_and_no(
    engine: FakeEngine, asked: dict[str, Any], good: dict[str, Any], bad: dict[str, Any]
) -> None:
    engine.add("dl-web", **good)
    outcome = seen(engine, container="dl-web", **asked)
    assert outcome.status is Status.MET, outcome
    engine.add("dl-web", **bad)
    outcome = seen(engine, container="dl-web", **asked)
    assert outcome.status is Status.UNMET, outcome
    assert outcome.expected
    assert outcome.found
    assert "dl-web" in outcome.expected


@pytest.mark.parametrize(
    ("says", "asked"),
    [
        ({"MemoryLimit": False}, {"memory": "64m"}),
        ({"CpuCfsQuota": False}, {"cpus": "0.5"}),
        ({"PidsLimit": False}, {"pids_limit": {"<": "100"}}),
    ],
    ids=["memory", "cpus", "pids_limit"],
)
@pytest.mark.parametrize("limited", [True, False])
def test_a_limit_that_the_engine_takes_and_ignores_is_unknown(
    engine: FakeEngine, says: dict[str, Any], asked: dict[str, Any], limited: bool
) -> None:
    """A rootless engine without control groups tells the limit as it was typed, and sets none."""
    limits: dict[str, Any] = {"memory": 64 * 1024 * 1024, "cpus": 0.5, "pids_limit": 50}
    engine.add("dl-web", **(limits if limited else {}))
    (field,) = asked
    assert seen(engine, container="dl-web", **asked).met is limited
    engine.says = condition.read(says, {})
    outcome = seen(engine, container="dl-web", **asked)
    assert outcome.status is Status.UNKNOWN
    assert outcome.found == "this engine has no control groups for that: it takes such a limit and ignores it"
    assert outcome.next == "dockerlearn doctor"
    # That there is none is so; and the other limits are none of this.
    assert seen(engine, container="dl-web", **{field: "none"}).status is (Status.UNMET if limited else Status.MET)
    for other in limits.keys() - {field}:
        assert seen(engine, container="dl-web", **{other: "any"}).met is limited


def test_where_a_port_is_open_is_told(engine: FakeEngine) -> None:
    engine.add("dl-web", published={"80/tcp": (Binding("0.0.0.0", 8080), Binding("10.0.0.5", 8081))})
    outcome = seen(engine, container="dl-web", published_on={"80": "loopback"})
    assert outcome.expected == "dl-web should publish its port 80 on loopback (127.0.0.1)"
    assert outcome.found == "it publishes it on every address of the host and on the address 10.0.0.5"
    engine.add("dl-web", published={"80/tcp": (Binding("127.0.0.1", 8080),)})
    outcome = seen(engine, container="dl-web", published_on={"80": "loopback"})
    assert outcome.found == "publishes its port 80 on loopback (127.0.0.1)"
    engine.add("dl-web", published={"81/tcp": (Binding("127.0.0.1", 8080),)})
    assert seen(engine, container="dl-web", published_on={"80": "loopback"}).found == "it publishes 8080->81/tcp"


def test_the_network_that_is_too_much_is_told(engine: FakeEngine) -> None:
    engine.add(
        "dl-web", networks=(Membership("bridge", BRIDGE, "", frozenset()), Membership("x", "y", "", frozenset()))
    )
    outcome = seen(engine, container="dl-web", only_networks=["bridge"])
    assert outcome.expected == "dl-web should be on bridge and on no other network"
    assert (outcome.found, outcome.next) == ("it is on bridge, x", "docker network disconnect x dl-web")
    engine.add("dl-web", networks=(Membership("host", "h", "", frozenset()),))
    assert (
        seen(engine, container="dl-web", only_networks=["bridge"]).expected == "dl-web should be on the network bridge"
    )


def test_whose_network_is_used_is_told_by_name(engine: FakeEngine) -> None:
    whose = engine.add("dl-db")
    engine.add("dl-web", network_mode=f"container:{whose.id}", networks=())
    assert seen(engine, container="dl-web", network_mode="container:dl-db").met
    outcome = seen(engine, container="dl-web", network_mode="container:dl-other")
    assert outcome.status is Status.UNMET
    assert "container:dl-db" in outcome.found
    engine.add("dl-web", network_mode=f"container:{make_id('gone')}", networks=())
    assert not seen(engine, container="dl-web", network_mode="container:dl-db").met


def test_every_field_of_container_has_a_case() -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(NOUNS["container"])}
    elsewhere = {"container", "within", "absent", "running", "files", "logs", "processes", "changed"}
    elsewhere |= {"same_as_at_start"}  # these are in test_nouns
    assert fields == elsewhere | {name for asked, _, _ in CONTAINER_FIELDS for name in asked}


@pytest.mark.parametrize("name", sorted(set(NOUNS) - {"containers"}))
def test_an_unknown_field_is_refused(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"noun": name, name: "dl-web:80", "runing": "true"}, NOUNS[name], strict=False)


class TestRunning:
    def test_long_enough(self, engine: FakeEngine) -> None:
        engine.add("dl-web")
        assert seen(engine, container="dl-web", running="true").met

    def test_not_before_a_second(self, engine: FakeEngine) -> None:
        engine.add("dl-web", started=engine.clock - timedelta(milliseconds=400))
        outcome = seen(engine, container="dl-web", running="true")
        assert outcome.status is Status.UNMET
        assert outcome.wait == pytest.approx(0.6)
        assert "making sure it stays" in outcome.waiting_for

    def test_after_a_restart_by_the_engine_not_before_ten(self, engine: FakeEngine) -> None:
        engine.add("dl-web", started=engine.clock - timedelta(seconds=4), restart_count=3)
        outcome = seen(engine, container="dl-web", running="true")
        assert outcome.status is Status.UNMET
        assert outcome.wait == pytest.approx(6)
        engine.add("dl-web", started=engine.clock - timedelta(seconds=11), restart_count=3)
        assert seen(engine, container="dl-web", running="true").met

    def test_a_clock_that_runs_ahead_cannot_make_it_steady_early(self, engine: FakeEngine) -> None:
        engine.add("dl-web", started=engine.clock + timedelta(seconds=5))
        outcome = seen(engine, container="dl-web", running="true")
        assert outcome.status is Status.UNMET
        assert outcome.wait == 1.0

    @pytest.mark.parametrize(
        ("meanwhile", "met"),
        [
            ({}, True),
            ({"status": "exited", "running": False, "exit_code": 1}, False),
            ({"status": "paused", "paused": True}, False),
            ({"started": BEGINNING}, False),
            (None, False),
        ],
        ids=["goes on", "ended", "paused", "started anew", "gone"],
    )
    def test_what_other_checks_take_their_time_for_does_not_make_it_steady(
        self, engine: FakeEngine, meanwhile: dict[str, Any] | None, met: bool
    ) -> None:
        """It was seen running when it was young; by the time its age is asked for it may have ended."""
        started = engine.clock - timedelta(milliseconds=300)
        there = engine.add("dl-web", started=started)
        world = World(engine, Path("/nonexistent"), Scope(IMAGES))
        assert world.container("dl-web") is not None
        engine.clock += timedelta(seconds=2)
        if meanwhile is None:
            del engine.by_name["dl-web"]
        else:
            engine.by_name["dl-web"] = msgspec.structs.replace(there, **meanwhile)
        outcome = check(container="dl-web", running="true").look(world)
        assert outcome.met is met
        assert met or outcome.wait is not None

    @pytest.mark.parametrize(
        ("state", "word", "way"),
        [
            ({"status": "paused", "paused": True}, "paused", "docker unpause dl-web"),
            (
                {"status": "restarting", "restarting": True, "exit_code": 3, "restart_count": 4},
                "keeps ending",
                "docker logs",
            ),
            ({"status": "created", "running": False, "started": None}, "never started", "docker start dl-web"),
            (
                {"status": "created", "running": False, "started": None, "exit_code": 127, "error": "no such file"},
                "could not be started: no such file",
                "docker rm dl-web",
            ),
            ({"status": "exited", "running": False, "finished": BEGINNING}, "nothing more to do", "docker logs dl-web"),
            (
                {"status": "exited", "running": False, "exit_code": 137, "finished": BEGINNING + timedelta(hours=1)},
                "killed",
                "docker start dl-web",
            ),
            ({"status": "exited", "running": False, "exit_code": 137, "oom_killed": True}, "more memory", "docker"),
            ({"status": "removing", "running": False}, "removing", "docker start"),
        ],
    )
    def test_anything_else_is_told_at_once(
        self, engine: FakeEngine, state: dict[str, Any], word: str, way: str
    ) -> None:
        engine.add("dl-web", **state)
        outcome = seen(engine, container="dl-web", running="true")
        assert outcome.status is Status.UNMET
        assert outcome.wait is None
        assert word in outcome.found
        assert outcome.next is not None
        assert way in outcome.next

    def test_the_last_words_are_told(self, engine: FakeEngine) -> None:
        there = engine.add("dl-web", status="exited", running=False, exit_code=1, finished=BEGINNING)
        engine.output[there.id] = "starting\n\x1b[31mcannot open \x1b]0;x\x07config\n\n"
        assert 'The last it said: "cannot open config"' in seen(engine, container="dl-web", running="true").found

    @pytest.mark.parametrize(
        "state", [{}, {"status": "paused", "paused": True}, {"status": "restarting", "restarting": True}]
    )
    def test_not_running_is_not_paused_or_between_restarts(self, engine: FakeEngine, state: dict[str, Any]) -> None:
        engine.add("dl-web", **state)
        assert seen(engine, container="dl-web", running="false").status is Status.UNMET


class TestWhatAnEngineDoesNotTell:
    """Podman keeps nothing of a start that failed, nor whether the output was attached."""

    @pytest.mark.parametrize(
        ("asked", "status"),
        [("127", Status.UNKNOWN), ({"not": "0"}, Status.UNKNOWN), ("0", Status.UNMET), ("3", Status.UNMET)],
    )
    def test_with_which_code_a_start_failed(self, engine: FakeEngine, asked: object, status: Status) -> None:
        engine.add("dl-web", status="created", running=False, started=None, exit_code=0, tells_error=False)
        outcome = seen(engine, container="dl-web", exit_code=asked)
        assert outcome.status is status
        engine.change("dl-web", status="exited", started=BEGINNING, exit_code=127)
        assert seen(engine, container="dl-web", exit_code="127").met

    def test_whether_it_was_attached(self, engine: FakeEngine) -> None:
        engine.add("dl-web", attached=None)
        outcome = seen(engine, container="dl-web", attached="true")
        assert outcome.status is Status.UNKNOWN
        assert "does not tell" in outcome.found


class TestAbsent:
    def test_gone(self, engine: FakeEngine) -> None:
        assert seen(engine, container="dl-web", absent="true").met

    @pytest.mark.parametrize(
        ("state", "way"),
        [
            ({}, "docker stop dl-web, then docker rm dl-web"),
            ({"status": "exited", "running": False}, "docker rm dl-web"),
        ],
    )
    def test_there(self, engine: FakeEngine, state: dict[str, Any], way: str) -> None:
        engine.add("dl-web", **state)
        outcome = seen(engine, container="dl-web", absent="true")
        assert outcome.status is Status.UNMET
        assert outcome.next == way

    def test_renamed_is_not_gone(self, engine: FakeEngine) -> None:
        there = engine.add("hidden")
        world = World(engine, Path("/"), Scope(baseline={"container dl-web": there.id}))
        outcome = check(container="dl-web", absent="true").look(world)
        assert outcome.status is Status.UNMET
        assert "renamed" in outcome.found
        assert "hidden" in outcome.found
        del engine.by_name["hidden"]
        assert check(container="dl-web", absent="true").look(World(engine, Path("/"), world.scope)).met


class TestMissing:
    def test_nothing_at_all(self, engine: FakeEngine) -> None:
        outcome = seen(engine, container="dl-web")
        assert outcome.status is Status.UNMET
        assert outcome.expected == "there should be a container named dl-web"
        assert outcome.found == "there is none"

    def test_nearly_right(self, engine: FakeEngine) -> None:
        engine.add("dl-wbe")
        outcome = seen(engine, container="dl-web", running="true")
        assert outcome.found == "there is none"  # what was meant is for ``diagnose`` to say

    def test_made_without_a_name(self, engine: FakeEngine) -> None:
        engine.add("eager_turing", created=engine.clock)
        world = World(engine, Path("/"), Scope(IMAGES, since=engine.clock - timedelta(seconds=5)))
        outcome = check(container="dl-web").look(world)
        assert outcome.found == "there is none"
        assert "containers" not in engine.calls

    def test_renamed(self, engine: FakeEngine) -> None:
        there = engine.add("other-name")
        world = World(engine, Path("/"), Scope(baseline={"container dl-web": there.id}))
        assert check(container="dl-web").look(world).next == "docker rename other-name dl-web"

    def test_an_id_is_not_a_name(self, engine: FakeEngine) -> None:
        there = engine.add("real")
        assert not seen(engine, container=there.id[:12]).met


class TestSameImage:
    """On one engine the same image is the same id; a name alone proves nothing."""

    def test_by_id_and_by_a_second_name(self, engine: FakeEngine) -> None:
        engine.add("dl-web", image_ref=BUSYBOX.id)
        assert seen(engine, container="dl-web", image="busybox").met
        engine.add("dl-web", image_ref="my-tools:v1")
        assert seen(engine, container="dl-web", image="busybox").met

    def test_the_tag_has_moved_since(self, engine: FakeEngine) -> None:
        old = make_image(id=f"sha256:{make_id('old')}", digests=("busybox@sha256:" + "3" * 64,), layers=("sha256:old",))
        engine.add_image(old)
        engine.add("dl-web", image_id=old.id, image_ref="busybox:1.36")
        assert seen(engine, container="dl-web", image="busybox").met

    def test_another_image_that_was_given_the_name(self, engine: FakeEngine) -> None:
        engine.images.clear()
        fake = make_image("busybox:1.36", "alpine:3", digests=("alpine@sha256:" + "4" * 64,))
        engine.add_image(fake)
        engine.add("dl-web", image_id=fake.id, image_ref="busybox:1.36")
        outcome = seen(engine, container="dl-web", image="busybox")
        assert outcome.status is Status.UNMET
        assert "another image here" in outcome.found
        assert not seen(engine, image="busybox").met

    def test_in_the_containerd_store_a_digest_is_no_origin(self, engine: FakeEngine) -> None:
        """Every image there has one under each of its names: its own id."""
        engine.add("dl-web")
        for parent, same in (("", True), (NGINX.id, False)):
            image = make_image("busybox:1.36", parent=parent)
            made = msgspec.structs.replace(image, digests=(f"busybox@{image.id}",))
            engine.add_image(made)
            engine.change("dl-web", image_id=made.id)
            assert seen(engine, container="dl-web", image="busybox").met is same

    @pytest.mark.parametrize("containerd", [True, False], ids=["containerd", "graph driver"])
    @pytest.mark.parametrize(
        ("told", "same"),
        [
            ("", True),
            ("pull ours", None),
            ("tag it ours", False),  # as a build with BuildKit does
            ("tag it ours, create it", False),  # as it does with a graph driver
            ("pull ours, tag it ours", False),
            ("tag it ours, pull ours", None),
            ("pull ours, untag it ours", True),  # its digest, which is a name, was taken from it
            ("pull ours, load it", True),
            ("tag it other", True),
            ("tag another ours", None),
            ("load it", True),
            ("load it, tag it ours", True),
            ("tag it other, untag it ours, tag it ours", True),  # the published one, put aside and given back
            ("tag it ours, untag it ours, tag it ours", False),
            ("tag it ours, pull another", False),
            ("tag another ours, tag it ours", True),  # it may have been taken from it
            ("tag another ours, create it, tag it ours", False),  # it was not there then
            ("create it, tag it other", True),
            ("tag it ours, tag another ours, tag it ours", False),
            ("pull ours, tag another ours, tag it ours", None),
            ("pull ours, load it, tag another ours, tag it ours", True),
            ("container it ours", True),
        ],
    )
    def test_without_an_origin_events_tell_who_gave_the_name(
        self, engine: FakeEngine, told: str, same: bool | None, containerd: bool
    ) -> None:
        """In the containerd store no image has one, with a graph driver what was loaded or built has none.

        With None it counts in the containerd store alone; with a graph driver it would have one, or be told of.
        """
        engine.images.clear()
        image = make_image("busybox:1.36")
        image = msgspec.structs.replace(image, digests=(f"busybox@{image.id}",) if containerd else ())
        engine.add_image(image)
        names = {"ours": "busybox:1.36", "other": "mine:v1", "another": "nginx:1.27"}
        for number, line in enumerate(told.split(", ") if told else ()):
            action, what, *named = line.split()
            kind, action = ("container", "tag") if action == "container" else ("image", action)
            identifier = names[what] if action == "pull" else image.id if what == "it" else NGINX.id
            name = names[named[0]] if named else ""
            engine.happened.append(EventSnapshot(number + 10**18, kind, action, identifier, name))
        same = containerd if same is None else same
        assert seen(engine, image="busybox").met is same
        engine.add("dl-web", image_id=image.id)
        assert seen(engine, container="dl-web", image="busybox").met is same

    def test_an_image_built_here_that_was_given_the_name(self, engine: FakeEngine) -> None:
        engine.images.clear()
        built = make_image("busybox:1.36", parent=NGINX.id)
        engine.add_image(built)
        engine.add("dl-web", image_id=built.id)
        assert seen(engine, container="dl-web", image="busybox").status is Status.UNMET

    def test_an_image_loaded_from_an_archive_counts(self, engine: FakeEngine) -> None:
        engine.images.clear()
        loaded = make_image("busybox:1.36")
        engine.add_image(loaded)
        engine.add("dl-web", image_id=loaded.id)
        assert seen(engine, container="dl-web", image="busybox").met

    def test_another_tag_of_the_same_repository(self, engine: FakeEngine) -> None:
        newer = make_image("busybox:1.37", digests=("busybox@sha256:" + "5" * 64,), layers=("sha256:newer",))
        engine.add_image(newer)
        engine.add("dl-web", image_id=newer.id, image_ref="busybox:1.37")
        outcome = seen(engine, container="dl-web", image="busybox")
        assert outcome.status is Status.UNMET
        assert "busybox:1.37" in outcome.found

    def test_an_image_that_is_gone_is_not_known(self, engine: FakeEngine) -> None:
        engine.add("dl-web", image_id="sha256:" + "9" * 64, image_ref="busybox:1.36")
        assert seen(engine, container="dl-web", image="busybox").status is Status.UNKNOWN
        engine.add("dl-web", image_id="sha256:" + "9" * 64, image_ref="alpine:3")
        assert seen(engine, container="dl-web", image="busybox").status is Status.UNMET

    def test_an_image_that_is_gone_is_told_by_its_manifest(self, engine: FakeEngine) -> None:
        """The containerd store: a build moves the tag, and what the container was made from is deleted."""
        tools = make_image("dl-tools:v1")
        engine.add_image(tools)
        was = {"image_id": "sha256:" + "9" * 64, "manifest": "sha256:" + "8" * 64}
        there = engine.add("dl-web", image_ref="dl-tools:v1", **was)
        assert seen(engine, container="dl-web", image="dl-tools:v1").status is Status.UNKNOWN
        engine.manifests_by_id = {tools.id: frozenset({"sha256:" + "7" * 64})}
        assert seen(engine, container="dl-web", image="dl-tools:v1").status is Status.UNMET
        engine.manifests_by_id = {tools.id: frozenset({"sha256:" + "7" * 64, there.manifest})}
        assert seen(engine, container="dl-web", image="dl-tools:v1").met

    def test_a_public_name_that_moved_is_not_known_by_its_manifest(self, engine: FakeEngine) -> None:
        """What was pulled under the name before counts, too; nobody knows whether it was."""
        gone = {"image_id": "sha256:" + "9" * 64, "manifest": "sha256:" + "8" * 64}
        there = engine.add("dl-web", image_ref="busybox:1.36", **gone)
        engine.manifests_by_id = {BUSYBOX.id: frozenset({"sha256:" + "7" * 64})}
        assert seen(engine, container="dl-web", image="busybox").status is Status.UNKNOWN
        engine.manifests_by_id = {BUSYBOX.id: frozenset({there.manifest})}
        assert seen(engine, container="dl-web", image="busybox").met

    def test_across_stores_by_content(self, engine: FakeEngine) -> None:
        rebuilt = msgspec.structs.replace(BUSYBOX, id=f"sha256:{make_id('rebuilt')}", tags=())
        engine.add_image(rebuilt)
        engine.add("dl-web", image_id=rebuilt.id, image_ref=rebuilt.id)
        assert seen(engine, container="dl-web", image="busybox").met


class TestFilesAndLogs:
    @pytest.mark.parametrize(
        ("wanted", "content", "status"),
        [
            ("token", b"token\n", Status.MET),
            ("token", b"token", Status.MET),
            ("token", b"tokens\n", Status.UNMET),
            ("token", None, Status.UNMET),
            ("any", b"", Status.MET),
            ("any", None, Status.UNMET),
            ("none", None, Status.MET),
            ("none", b"x", Status.UNMET),
            ("", b"", Status.MET),
            ({"contains": "b"}, b"abc", Status.MET),
            ({"matches": r"^\d+$"}, b"12\n", Status.MET),
            ({"one_of": ["a", "b"]}, b"b\n", Status.MET),
        ],
    )
    def test_files(self, engine: FakeEngine, wanted: Any, content: bytes | None, status: Status) -> None:
        there = engine.add("dl-web")
        if content is not None:
            engine.files[there.id] = {"/note": PathInContainer("file", 0o644, len(content), content)}
        assert seen(engine, container="dl-web", files={"/note": wanted}).status is status

    def test_a_folder_is_not_a_file(self, engine: FakeEngine) -> None:
        there = engine.add("dl-web")
        engine.files[there.id] = {"/note/x": PathInContainer("file", 0o644, 1, b"x")}
        outcome = seen(engine, container="dl-web", files={"/note": "x"})
        assert "it is a directory" in outcome.found

    def test_a_file_that_is_too_large(self, engine: FakeEngine) -> None:
        there = engine.add("dl-web")
        engine.files[there.id] = {"/note": PathInContainer("file", 0o644, 30_000_000, b"x" * 30_000_000)}
        outcome = seen(engine, container="dl-web", files={"/note": {"contains": "x"}})
        assert outcome.status is Status.UNMET
        assert "too large to look into (30.0 MB)" in outcome.found
        assert seen(engine, container="dl-web", files={"/note": "any"}).met

    def test_logs(self, engine: FakeEngine) -> None:
        there = engine.add("dl-web")
        engine.output[there.id] = "one\nready\n"
        assert seen(engine, container="dl-web", logs={"contains": "ready"}).met
        outcome = seen(engine, container="dl-web", logs={"contains": "done"})
        assert outcome.status is Status.UNMET
        assert outcome.wait is None
        assert '"ready"' in outcome.found
        engine.change("dl-web", started=engine.clock - timedelta(seconds=1))
        assert seen(engine, container="dl-web", logs={"contains": "done"}).wait is not None

    @pytest.mark.parametrize("action", ["kill", "exec_start"])
    def test_what_reacts_to_something_may_be_about_to_print(self, engine: FakeEngine, action: str) -> None:
        there, scope = engine.add("dl-web"), Scope(IMAGES, since=engine.clock - timedelta(seconds=60))

        def waits() -> bool:
            world = World(engine, Path("/nonexistent"), scope)
            return check(container="dl-web", logs={"contains": "done"}).look(world).wait is not None

        assert not waits()
        engine.happen(action, engine.add("dl-other"), "sh")
        assert not waits()
        engine.happen(action, there, "sh")
        assert waits()
        engine.clock += timedelta(seconds=2)
        assert not waits()

    def test_its_health_check_is_no_reason_to_wait(self, engine: FakeEngine) -> None:
        health = Health("healthy", 0, "", 0, 1.0, command="wget x")
        there, scope = engine.add("dl-web", health=health), Scope(IMAGES, since=engine.clock - timedelta(seconds=60))
        engine.happen("exec_start", there, "wget x")
        world = World(engine, Path("/nonexistent"), scope)
        assert check(container="dl-web", logs={"contains": "done"}).look(world).wait is None


class TestHealth:
    def test_starting_is_waited_for_by_its_interval(self, engine: FakeEngine) -> None:
        engine.add("dl-web", health=Health("starting", 0, "", None, 0.3))
        outcome = seen(engine, container="dl-web", health="healthy")
        assert outcome.wait == 0.3
        assert outcome.status is Status.UNMET

    def test_a_stopped_one_is_told_at_once(self, engine: FakeEngine) -> None:
        engine.add("dl-web", status="exited", running=False, health=Health("starting", 0, "", None, 0.3))
        assert seen(engine, container="dl-web", health="healthy").wait is None

    def test_the_probes_words_are_told(self, engine: FakeEngine) -> None:
        engine.add("dl-web", health=Health("unhealthy", 3, "connection refused\n", 1, 30.0))
        assert '"connection refused"' in seen(engine, container="dl-web", health="healthy").found
        engine.add("dl-web")
        assert "no health check" in seen(engine, container="dl-web", health="healthy").found


OK = HttpAnswer(200, (("Server", "x"),), "Welcome to nginx!\n")


class TestHttp:
    def web(self, engine: FakeEngine, *bindings: Binding) -> None:
        engine.add("dl-web", published={"80/tcp": bindings} if bindings else {})

    def test_an_answer(self, engine: FakeEngine, tmp_path: Path) -> None:
        self.web(engine, Binding("::", 8080), Binding("0.0.0.0", 8080))
        http = StubHttp(OK)
        raw: dict[str, Any] = {"http": "dl-web:80", "status": "200", "body": {"contains": "Welcome"}, "path": "/x"}
        assert seen(engine, tmp_path, http, **raw, headers={"server": "x"}).met
        assert http.asked == [("127.0.0.1", 8080, "/x")]

    @pytest.mark.parametrize(
        ("raw", "word"),
        [
            ({"status": "404"}, "status 200"),
            ({"body": {"contains": "Apache"}}, "Welcome to nginx!"),
            ({"body": "Welcome"}, "Welcome to nginx!"),
            ({"headers": {"X-None": "any"}}, "there is none"),
            ({"headers": {"Server": "y"}}, "x"),
        ],
    )
    def test_another_answer(self, engine: FakeEngine, tmp_path: Path, raw: dict[str, Any], word: str) -> None:
        self.web(engine, Binding("0.0.0.0", 8080))
        outcome = seen(engine, tmp_path, StubHttp(OK), http="dl-web:80", **raw)
        assert outcome.status is Status.UNMET
        assert outcome.wait is None
        assert word in outcome.found

    @pytest.mark.parametrize(
        ("binding", "address"),
        [
            (Binding("0.0.0.0", 8080), ("127.0.0.1", 8080, "/")),
            (Binding("::", 8080), ("::1", 8080, "/")),
            (Binding("127.0.0.1", 8080), ("127.0.0.1", 8080, "/")),
            (Binding("10.1.2.3", 8080), ("10.1.2.3", 8080, "/")),
            (Binding("", 8080), ("127.0.0.1", 8080, "/")),
        ],
    )
    def test_it_knocks_where_the_port_is_bound(
        self, engine: FakeEngine, tmp_path: Path, binding: Binding, address: tuple[str, int, str]
    ) -> None:
        self.web(engine, binding)
        http = StubHttp(OK)
        assert seen(engine, tmp_path, http, http="dl-web:80").met
        assert http.asked == [address]

    @pytest.mark.parametrize(
        ("bindings", "address"),
        [
            ((Binding("0.0.0.0", 8080),), "build.example"),
            ((Binding("::", 8080),), "build.example"),
            ((Binding("", 8080),), "build.example"),
            ((Binding("10.1.2.3", 8080),), "10.1.2.3"),
            ((Binding("127.0.0.1", 8080), Binding("10.1.2.3", 8080)), "10.1.2.3"),
        ],
    )
    def test_of_an_engine_elsewhere_it_knocks_there(
        self, engine: FakeEngine, tmp_path: Path, bindings: tuple[Binding, ...], address: str
    ) -> None:
        engine.move("ssh://me@build.example", "build.example")
        self.web(engine, *bindings)
        http = StubHttp(OK)
        assert seen(engine, tmp_path, http, http="dl-web:80").met
        assert http.asked == [(address, 8080, "/")]

    @pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
    def test_loopback_of_another_machine_is_not_asked_here(self, engine: FakeEngine, tmp_path: Path, ip: str) -> None:
        """Whoever has that port on this machine would answer for it."""
        engine.move("tcp://build.example:2375", "build.example")
        self.web(engine, Binding(ip, 8080))
        http = StubHttp(OK)
        with pytest.raises(OutOfReach, match=rf"published on {ip} of build\.example") as caught:
            seen(engine, tmp_path, http, http="dl-web:80")
        assert "-p 8080:80" in str(caught.value.remedy)
        assert http.asked == []
        (told,) = look_once([check(http="dl-web:80")], World(engine, tmp_path, Scope(IMAGES), http))
        assert told.status is Status.UNKNOWN

    def test_what_may_come_is_waited_for(self, engine: FakeEngine, tmp_path: Path) -> None:
        self.web(engine, Binding("0.0.0.0", 8080))
        refused = HttpFailure("refused", "the connection was refused", may_come=True)
        outcome = seen(engine, tmp_path, StubHttp(refused), http="dl-web:80")
        assert outcome.wait is not None
        garbage = HttpFailure("garbage", "what answered does not speak HTTP", may_come=False)
        assert seen(engine, tmp_path, StubHttp(garbage), http="dl-web:80").wait is None
        assert (
            seen(engine, tmp_path, StubHttp(HttpAnswer(503, (), "")), http="dl-web:80", status="200").wait is not None
        )

    def test_first_cause_first(self, engine: FakeEngine, tmp_path: Path) -> None:
        http = StubHttp(OK)
        assert "container named dl-web" in seen(engine, tmp_path, http, http="dl-web:80").expected
        engine.add("dl-web", status="paused", paused=True, published={"80/tcp": (Binding("", 8080),)})
        assert "paused" in seen(engine, tmp_path, http, http="dl-web:80").found
        engine.add("dl-web", published={"8080/tcp": (Binding("", 80),)})
        assert "it publishes 80->8080/tcp" in seen(engine, tmp_path, http, http="dl-web:80").found
        assert http.asked == []

    @pytest.mark.parametrize("bad", ["dl-web", ":80", "dl-web:", "dl-web:http", "dl-web:0", "dl-web:99999"])
    def test_what_is_no_address_is_refused(self, bad: str) -> None:
        with pytest.raises(msgspec.ValidationError):
            check(http=bad)

    @pytest.mark.parametrize("bad", ["x", "/a b", "/a\r\nHost: evil", ""])
    def test_what_is_no_path_is_refused(self, bad: str) -> None:
        with pytest.raises(msgspec.ValidationError):
            check(http="dl-web:80", path=bad)


class TestImage:
    @pytest.mark.parametrize(
        ("asked", "good", "bad"),
        [
            ({"size": {"<": "5MB"}}, {"size": 4_999_999}, {"size": 5_000_000}),
            ({"layers": "1"}, {}, {"layers": ("a", "b")}),
            ({"platform": "linux/amd64"}, {}, {"architecture": "arm64"}),
            ({"command": "sh"}, {}, {"command": ("ash",)}),
            ({"entrypoint": "none"}, {}, {"entrypoint": ("x",)}),
            ({"user": "app"}, {"user": "app"}, {}),
            ({"workdir": "/srv"}, {"workdir": "/srv"}, {}),
            ({"env": {"A": "1"}}, {"env": {"A": "1"}}, {"env": {"A": "2"}}),
            ({"labels": {"a": "any"}}, {"labels": {"a": "b"}}, {}),
            ({"exposed": "80/tcp"}, {"exposed": frozenset({"80/tcp"})}, {"exposed": frozenset({"8080/tcp"})}),
            ({"tags": "dl-app:v1"}, {}, {"tags": ("other",)}),
            ({"same_as": "busybox"}, {"id": BUSYBOX.id}, {"layers": ("sha256:x",)}),
            ({"not_same_as": "busybox"}, {"layers": ("sha256:x",)}, {"id": BUSYBOX.id}),
        ],
    )
    def test_each_field_says_yes_and_no(
        self, engine: FakeEngine, asked: dict[str, Any], good: dict[str, Any], bad: dict[str, Any]
    ) -> None:
        for fields, status in ((good, Status.MET), (bad, Status.UNMET)):
            engine.images.clear()
            engine.add_image(BUSYBOX)
            tags = fields.get("tags", ("dl-app:v1",))
            engine.add_image(make_image(*tags, **{k: v for k, v in fields.items() if k != "tags"}))
            name = "other" if tags == ("other",) else "dl-app:v1"
            if fields.get("id") == BUSYBOX.id:
                engine.images[BUSYBOX.id] = msgspec.structs.replace(BUSYBOX, tags=("busybox:1.36", "dl-app:v1"))
            assert seen(engine, image=name, **asked).status is status

    def test_absent(self, engine: FakeEngine) -> None:
        assert seen(engine, image="dl-app:v1", absent="true").met
        engine.add_image(make_image("dl-app:v1"))
        outcome = seen(engine, image="dl-app:v1", absent="true")
        assert outcome.status is Status.UNMET
        assert outcome.next == "docker rmi dl-app:v1"

    def test_missing(self, engine: FakeEngine) -> None:
        engine.add_image(make_image("dl-app:v2"))
        assert seen(engine, image="dl-app:v1").found == "it is not on the engine"

    def test_long_and_short_names_are_the_same(self, engine: FakeEngine) -> None:
        assert check(image="docker.io/library/busybox:1.36").look(World(engine, Path("/"), Scope())).status in set(
            Status
        )
        world = World(engine, Path("/"), Scope({"busybox": "busybox:1.36"}))
        assert world.image("busybox") == BUSYBOX


@pytest.mark.parametrize(
    ("wanted", "content", "found"),
    [
        ("a\nb\n", "a\nb\nc\n", "it goes on after line 2"),
        ("a\nb\nc", "a\nb", "it ends after line 2"),
        ("a\nb", "x\nb", 'its line 1 is "x"'),
        ("a", "b", 'it holds "b"'),
        ("a", "", "it is empty"),
        ({"contains": "z"}, "x\ny", 'its last line is "y"'),
    ],
)
def test_what_is_wrong_in_a_file_is_told_by_its_line(
    engine: FakeEngine, tmp_path: Path, wanted: Any, content: str, found: str
) -> None:
    (tmp_path / "f").write_text(content)
    assert seen(engine, tmp_path, file="f", content=wanted).found == found
    there = engine.add("dl-web")
    engine.files[there.id] = {"/f": PathInContainer("file", 0o644, len(content), content.encode())}
    assert seen(engine, container="dl-web", files={"/f": wanted}).found == found


class TestFile:
    def test_content_kind_and_mode(self, engine: FakeEngine, tmp_path: Path) -> None:
        (tmp_path / "app").mkdir()
        (tmp_path / "app" / "run.sh").write_text("echo hi\n")
        assert seen(engine, tmp_path, file="app/run.sh").met
        assert seen(engine, tmp_path, file="app/run.sh", content={"contains": "hi"}, executable="false").met
        assert seen(engine, tmp_path, file="app", kind="directory").met
        for raw in (
            {"content": "echo"},
            {"executable": "true"},
            {"kind": "directory"},
            {"absent": "true"},
        ):
            assert seen(engine, tmp_path, file="app/run.sh", **raw).status is Status.UNMET
        assert seen(engine, tmp_path, file="app", content="x").status is Status.UNMET
        assert seen(engine, tmp_path, file="nothing").status is Status.UNMET
        assert seen(engine, tmp_path, file="nothing", absent="true").met

    @pytest.mark.parametrize("bad", ["/etc/passwd", "../x", "a/../../x", "~/x", ""])
    def test_a_path_that_leads_out_is_refused(self, bad: str) -> None:
        with pytest.raises(msgspec.ValidationError):
            check(file=bad)

    def test_a_link_that_leads_out_is_unknown_never_met(self, engine: FakeEngine, tmp_path: Path) -> None:
        (tmp_path / "l").mkdir()
        (tmp_path / "l" / "x").symlink_to("/etc/passwd")
        outcome = look_once([check(file="x")], World(engine, tmp_path / "l", Scope()))[0]
        assert outcome.status is Status.UNKNOWN


class Clock:
    """A clock that goes on only by sleeping, and moves the engine's clock along."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.engine.clock += timedelta(seconds=seconds)


class TestTogether:
    def world(self, engine: FakeEngine) -> World:
        return World(engine, Path("/"), Scope(IMAGES))

    def test_nothing_checked_is_not_met(self, engine: FakeEngine) -> None:
        assert overall([]) is Status.UNKNOWN
        assert not all_met([], self.world(engine))

    def test_after_the_first_cause_nothing_more_is_said_about_the_same_thing(self, engine: FakeEngine) -> None:
        checks = [
            check(container="dl-web", running="true"),
            check(container="dl-web", image="nginx"),
            check(http="dl-web:80"),
            check(container="dl-db"),
        ]
        outcomes = look_once(checks, self.world(engine))
        assert [outcome.check for outcome in outcomes] == ["container dl-web", "container dl-db"]

    def test_what_could_not_be_looked_at_is_unknown_and_never_unmet(self, engine: FakeEngine) -> None:
        engine.add("dl-web")
        engine.failure = EngineSilent("The engine did not answer.", "try again")
        outcomes = look_once([check(container="dl-web", absent="true"), check(image="busybox")], self.world(engine))
        assert {outcome.status for outcome in outcomes} == {Status.UNKNOWN}
        assert outcomes[0].next == "try again"
        assert overall(outcomes) is Status.UNKNOWN

    def test_one_look_reads_each_thing_once(self, engine: FakeEngine) -> None:
        engine.add("dl-web")
        look_once(
            [check(container="dl-web", running="true", image="busybox"), check(container="dl-web")], self.world(engine)
        )
        assert engine.calls.count("container") == 1
        assert "containers" not in engine.calls

    def test_it_waits_just_as_long_as_it_takes(self, engine: FakeEngine) -> None:
        engine.add("dl-web", started=engine.clock - timedelta(milliseconds=300))
        clock = Clock(engine)
        told: list[str] = []
        result = look(
            [check(container="dl-web", running="true")],
            lambda: self.world(engine),
            waiting=told.append,
            passing=Time(clock, clock.sleep),
        )
        assert result.status is Status.MET
        assert clock.now == pytest.approx(0.7, abs=0.01)
        assert told == ["dl-web is running; making sure it stays"]

    def test_a_crash_while_waiting_is_told(self, engine: FakeEngine) -> None:
        engine.add("dl-web", started=engine.clock)
        clock = Clock(engine)

        def sleep(seconds: float) -> None:
            clock.sleep(seconds)
            engine.change("dl-web", status="exited", running=False, exit_code=1, finished=engine.clock)

        result = look(
            [check(container="dl-web", running="true")], lambda: self.world(engine), passing=Time(clock, sleep)
        )
        assert result.status is Status.UNMET
        assert "exit code 1" in result.outcomes[0].found

    def test_patience_ends(self, engine: FakeEngine) -> None:
        engine.add("dl-web", health=Health("starting", 0, "", None, 30.0))
        clock = Clock(engine)
        slow = check(container="dl-web", health="healthy", within="5s")
        result = look([slow], lambda: self.world(engine), passing=Time(clock, clock.sleep))
        assert result.status is Status.UNMET
        assert clock.now == pytest.approx(5, abs=0.1)

    def test_patience_is_that_of_what_is_waited_for(self, engine: FakeEngine) -> None:
        engine.add("dl-web", published={"80/tcp": (Binding("", 8080),)})
        silent = StubHttp(HttpFailure("refused", "the connection was refused", may_come=True))
        clock = Clock(engine)
        # Both are about dl-web; that it runs is so, and nobody waits for it.
        checks = [check(container="dl-web", running="true", within="30s"), check(http="dl-web:80", within="3s")]
        result = look(checks, lambda: World(engine, Path("/"), Scope(IMAGES), silent), passing=Time(clock, clock.sleep))
        assert result.status is Status.UNMET
        assert clock.now == pytest.approx(3, abs=0.3)

    def test_no_waiting_when_something_cannot_come_right(self, engine: FakeEngine) -> None:
        engine.add("dl-web", started=engine.clock)
        clock = Clock(engine)
        checks = [check(container="dl-web", running="true"), check(image="dl-app:v1")]
        result = look(checks, lambda: self.world(engine), passing=Time(clock, clock.sleep))
        assert result.status is Status.UNMET
        assert clock.slept == []
