"""What one container sees of another one: what the script prints is read, judged and explained."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.checks.base import Noun
from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.checks.run import look_once
from dockerlearn.checks.vocabulary import NOUNS, noun_of
from dockerlearn.diagnose.explain import explain
from dockerlearn.engine.api import PathInContainer
from dockerlearn.engine.snapshots import Membership
from dockerlearn.world import asking
from dockerlearn.world.asking import Asked, Question, read
from dockerlearn.world.http import LIMIT, HttpAnswer, HttpFailure
from dockerlearn.world.knock import Closed
from dockerlearn.world.probes import BESIDE_SECONDS, MARK, sweep
from dockerlearn.world.world import Scope, World
from tests.fake_engine import BEGINNING, FakeEngine, make_id, make_image

BUSYBOX = make_image("busybox:1.36", digests=("busybox@sha256:" + "1" * 64,))
SMALL = make_image("hello-world:latest", size=10_000)
IMAGES = {"busybox": "busybox:1.36", "hello": "hello-world:latest"}
CONNECTED = "asking\ndockerlearn: connected\n"
REFUSED = "asking\nnc: can't connect to remote host (172.18.0.3): Connection refused\n"
TABLE = "  sl  local_address\n  0: {}:0050 00000000:0000 0A 0\n"


@pytest.fixture
def engine() -> FakeEngine:
    """dl-a and dl-b on dl-net, dl-c on it, too, other on the bridge."""
    made = FakeEngine(BUSYBOX, SMALL)
    made.add_network("dl-net")
    for name, number in (("dl-a", 2), ("dl-b", 3), ("dl-c", 4)):
        made.add(name, networks=(on(f"172.18.0.{number}", "shared"),))
    made.add("other")
    return made


def on(ip: str, *names: str, network: str = "dl-net") -> Membership:
    return Membership(network, make_id("network", network), ip, frozenset(names))


def check(**raw: Any) -> Noun:
    word = noun_of(raw)
    assert word is not None
    return msgspec.convert({"noun": word, **raw}, NOUNS[word], strict=False)


def reaches(network: str = "dl-net", **raw: Any) -> Noun:
    return check(network=network, reaches=[{"from": "dl-a", "to": "dl-b", **raw}])


def says(engine: FakeEngine, output: str, name: str = "dl-b", code: int | None = 0, **question: Any) -> None:
    engine.runs[tuple(Question(name, **question).command)] = (output, code)


def leads(*addresses: str) -> str:
    rows = "".join(f"{address} STREAM x\n{address} DGRAM\n" for address in addresses)
    return f"first {addresses[0]}\n{rows}"


def seen(engine: FakeEngine, noun: Noun) -> Outcome:
    world = World(engine, Path("/nonexistent"), Scope(IMAGES))
    outcomes = look_once([noun], world)
    (outcome,) = explain([noun], outcomes, world)
    assert outcome.status is outcomes[0].status
    return outcome


def no(outcome: Outcome, words: str, diagnosis: str = "") -> None:
    assert outcome.status is Status.UNMET, outcome
    assert words in f"{outcome.found} / {outcome.next}", outcome
    assert outcome.diagnosis == diagnosis, outcome


class TestReaches:
    def test_by_its_name(self, engine: FakeEngine) -> None:
        says(engine, leads("172.18.0.3"))
        assert seen(engine, reaches()).met
        no(seen(engine, reaches(reached="false")), "it does: in dl-a the name dl-b leads to dl-b")
        assert engine.executed[0][0] == "dl-a"

    def test_only_where_it_leads_counts(self, engine: FakeEngine) -> None:
        says(engine, leads("172.18.0.4"))
        no(seen(engine, reaches()), "it is the name of dl-c", "another container has the name")
        assert seen(engine, reaches(reached="false")).met
        says(engine, leads("172.18.0.3", "172.18.0.4"))
        no(seen(engine, reaches()), "172.18.0.4, too", "another container has the name")
        no(seen(engine, reaches(reached="false")), "it does")
        says(engine, leads("10.9.8.7"))
        no(seen(engine, reaches()), "leads to 10.9.8.7, which is not an address of dl-b there")
        engine.files[engine.by_name["dl-a"].id] = {"/etc/hosts": PathInContainer("file", 0o644, 20, b"10.9.8.7 dl-b\n")}
        no(seen(engine, reaches()), "a line of /etc/hosts says that dl-b is 10.9.8.7", "a line in the hosts file")

    def test_several_with_one_name(self, engine: FakeEngine) -> None:
        both: dict[str, Any] = {"to": ["dl-b", "dl-c"], "by_name": "shared"}
        says(engine, leads("172.18.0.3", "172.18.0.4"), "shared")
        assert seen(engine, reaches(**both)).met
        says(engine, leads("172.18.0.4"), "shared")
        no(seen(engine, reaches(**both)), "does not lead to dl-b")

    def test_a_port(self, engine: FakeEngine) -> None:
        says(engine, leads("172.18.0.3") + CONNECTED, port=80)
        assert seen(engine, reaches(port="80")).met
        no(seen(engine, reaches(port="80", reached="false")), "it does")
        says(engine, leads("172.18.0.3") + REFUSED, code=1, port=80)
        assert seen(engine, reaches(port="80", reached="false")).met
        outcome = seen(engine, reaches(port="80"))
        no(outcome, "dl-a knows dl-b, and the connection was refused", "probably bound to its own loopback")
        assert outcome.wait is not None
        look = ("cat", "/proc/net/tcp", "/proc/net/tcp6")
        engine.runs[look] = (TABLE.format("0100007F"), 0)
        no(seen(engine, reaches(port="80")), "80 is open on 127.0.0.1 only", "bound to its own loopback")
        engine.runs[look] = (TABLE.format("00000000").replace("0050", "1F90"), 0)
        no(seen(engine, reaches(port="80")), "its program listens on 8080", "listens on another port")
        engine.runs[look] = ("  sl  local_address\n", 0)
        no(seen(engine, reaches(port="80")), "no program in dl-b listens", "nobody listens")

    def test_who_does_not_run(self, engine: FakeEngine) -> None:
        engine.change("dl-b", status="exited", running=False)
        no(seen(engine, reaches()), "only while it runs", "the other one does not run")
        no(seen(engine, reaches(reached="false")), "dl-b has ended")
        engine.change("dl-b", status="running", running=True)
        engine.change("dl-a", status="paused", paused=True)
        no(seen(engine, reaches()), "dl-a is paused")
        del engine.by_name["dl-a"]
        no(seen(engine, reaches()), "there is none")
        assert engine.executed == []

    def test_who_is_not_on_it(self, engine: FakeEngine) -> None:
        engine.change("dl-a", networks=(on("172.17.0.2", network="bridge"),))
        no(seen(engine, reaches()), "they share no network", "not on the same network")
        assert seen(engine, reaches(reached="false")).met
        engine.change("dl-a", networks=())
        assert "network connect" in str(seen(engine, reaches()).next)
        assert engine.executed == []

    def test_the_default_bridge(self, engine: FakeEngine) -> None:
        for name in ("dl-a", "dl-b"):
            engine.change(name, networks=(on("172.17.0.9", network="bridge"),))
        says(engine, "nowhere\n")
        no(seen(engine, reaches("bridge")), "share only the network bridge", "the default bridge has no names")
        says(engine, leads("172.17.0.9"), "db")  # a link
        assert seen(engine, reaches("bridge", by_name="db")).met

    def test_a_name_that_it_does_not_have(self, engine: FakeEngine) -> None:
        says(engine, "nowhere\n", "db")
        no(seen(engine, reaches(by_name="db")), "there dl-b is called dl-b, shared", "not a name of it")

    def test_a_silent_name_server_proves_nothing_of_a_name_that_the_engine_knows(self, engine: FakeEngine) -> None:
        says(engine, "silence\n")
        says(engine, "silence\n", "db")
        assert seen(engine, reaches(reached="false")).status is Status.UNKNOWN
        assert seen(engine, reaches(by_name="db", reached="false")).met
        no(seen(engine, reaches()), "leads nowhere")

    def test_networks_of_others(self, engine: FakeEngine) -> None:
        shared = f"container:{engine.by_name['dl-c'].id}"
        engine.change("dl-b", networks=(), network_mode=shared)
        says(engine, leads("172.18.0.4"), "dl-c")
        assert seen(engine, reaches(by_name="dl-c")).met
        says(engine, leads("127.0.0.1"), "localhost")
        no(seen(engine, reaches(by_name="localhost")), "to dl-a itself", "its own loopback")
        engine.change("dl-a", networks=(), network_mode=shared)
        assert seen(engine, reaches(by_name="localhost")).met

    def test_several_networks_between_them(self, engine: FakeEngine) -> None:
        engine.add_network("dl-net2")
        engine.change("dl-b", networks=(on("172.18.0.3"), on("172.19.0.3", "db", network="dl-net2")))
        says(engine, leads("172.19.0.3"))
        says(engine, leads("172.19.0.3"), "db")
        assert seen(engine, reaches()).met
        no(seen(engine, reaches(by_name="db")), "not an address of dl-b there")

    def test_ipv6(self, engine: FakeEngine) -> None:
        engine.change("dl-b", networks=(msgspec.structs.replace(on("172.18.0.3"), ip6="fd00::3"),))
        says(engine, leads("fd00:0:0::3", "::ffff:172.18.0.3"))
        assert seen(engine, reaches()).met

    @pytest.mark.parametrize(
        "raw",
        [{"to": []}, {"to": ["dl-b", "dl-c"]}, {"by_name": "-e"}, {"by_name": "a b"}, {"port": "0"}, {"port": "65536"},
         {"port": "http"}, {"who": "x"}],
    )  # fmt: skip
    def test_what_means_nothing_is_refused(self, raw: dict[str, Any]) -> None:
        with pytest.raises(msgspec.ValidationError):
            reaches(**raw)

    def test_its_names_are_mentioned(self) -> None:
        assert {name for _, name in reaches(to=["dl-b", "dl-c"], by_name="x").mentions()} == {
            "dl-net", "dl-a", "dl-b", "dl-c",
        }  # fmt: skip


class TestFrom:
    def http(self, **raw: Any) -> Noun:
        return check(**{"http": "dl-b:80", "from": "dl-a", **raw})

    def test_http(self, engine: FakeEngine) -> None:
        answer = f"{leads('172.18.0.3')}{CONNECTED}HTTP/1.1 200 OK\r\nX-Who: me\r\n\r\nhello\n"
        says(engine, answer, port=80, path="/")
        assert seen(engine, self.http(status="200", body="hello", headers={"x-who": "me"})).met
        no(seen(engine, self.http(status="404")), "it answers with status 200")
        no(seen(engine, self.http(body="bye")), 'it answers with "hello"')
        says(engine, leads("172.18.0.3") + REFUSED, port=80, path="/", code=1)
        no(
            seen(engine, self.http()),
            "dl-a knows dl-b, and the connection was refused",
            "probably bound to its own loopback",
        )
        says(engine, leads("172.18.0.4") + CONNECTED + "HTTP/1.1 200 OK\r\n\r\n", port=80, path="/")
        no(seen(engine, self.http()), "it is the name of dl-c", "another container has the name")
        says(engine, leads("172.18.0.3") + CONNECTED + "HTTP/1.1 302 Found\r\nLocation: http://dl-c/\r\n\r\n", "web",
             port=80, path="/x")  # fmt: skip
        assert seen(engine, self.http(by_name="web", path="/x", status="302")).met

    def test_tcp(self, engine: FakeEngine) -> None:
        says(engine, leads("172.18.0.3") + CONNECTED, port=80)
        assert seen(engine, check(**{"tcp": "dl-b:80", "from": "dl-a"})).met
        says(engine, leads("172.18.0.3") + "asking\n", port=80, code=None)
        no(seen(engine, check(**{"tcp": "dl-b:80", "from": "dl-a"})), "nothing answered in time",
           "probably bound to its own loopback")  # fmt: skip

    def test_without_a_published_port_the_host_does_not_get_in(self, engine: FakeEngine) -> None:
        no(seen(engine, check(http="dl-b:80")), "publishes no port", "not published")

    def test_who_asks_does_not_run(self, engine: FakeEngine) -> None:
        engine.change("dl-a", status="exited", running=False)
        no(seen(engine, self.http()), "dl-a has ended")

    def test_a_name_needs_somebody_who_asks(self) -> None:
        for raw in ({"http": "dl-b:80", "by_name": "x"}, {"tcp": "dl-b:80", "from": "dl-a", "by_name": "-e"}):
            with pytest.raises(msgspec.ValidationError):
                check(**raw)
        assert ("container", "dl-a") in list(self.http().mentions())


class TestHelper:
    def test_beside_a_container_that_cannot_ask(self, engine: FakeEngine) -> None:
        answer = leads("172.18.0.3")

        def exec_(container_id: str, command: Any, **_: Any) -> Any:
            there = engine.container(container_id)
            assert there is not None
            engine.runs[tuple(command)] = ("", 127) if there.name == "dl-a" else (answer, 0)
            return FakeEngine.exec(engine, container_id, command, seconds=1)

        made: list[Any] = []
        create = engine.create_container
        engine.create_container = lambda spec: made.append(spec) or create(spec)  # type: ignore[func-returns-value,method-assign]
        engine.exec = exec_  # type: ignore[method-assign]
        assert seen(engine, reaches()).met
        (spec,) = made
        assert (spec.image, spec.joins, spec.tmpfs) == (SMALL.id, engine.by_name["dl-a"].id, {MARK})
        assert (spec.name, spec.labels, spec.auto_remove) == ("", {}, True)
        assert set(engine.by_name) == {"dl-a", "dl-b", "dl-c", "other"}

    def test_nobody_can_ask(self, engine: FakeEngine) -> None:
        outcome = seen(engine, reaches())
        assert outcome.status is Status.UNKNOWN
        assert "has what it takes to ask" in outcome.found
        assert set(engine.by_name) == {"dl-a", "dl-b", "dl-c", "other"}
        assert engine.calls.count("create_container") == len(IMAGES)
        says(engine, "unable\n")
        assert seen(engine, reaches(reached="false")).status is Status.UNKNOWN

    def test_those_of_a_killed_tutor_are_swept_away(self, engine: FakeEngine) -> None:
        from dockerlearn.engine.snapshots import Mount

        helper: dict[str, Any] = {
            "entrypoint": ("sleep",), "command": (str(BESIDE_SECONDS),), "memory": 1 << 27, "pids_limit": 64,
            "network_mode": "container:x", "networks": (), "auto_remove": True,
            "mounts": (Mount("tmpfs", "", MARK, read_only=False, name=MARK),),
        }  # fmt: skip
        engine.add("eager_turing", **helper)
        engine.add("theirs", **helper)
        engine.add("their_own", **helper | {"command": ("600",)})
        engine.add("sad_bell", **helper | {"auto_remove": False})
        assert sweep(engine) == 1
        assert "eager_turing" not in engine.by_name
        scope = Scope(IMAGES, since=BEGINNING)
        counted = World(engine, Path("/"), scope).own_containers()
        assert {one.name for one in counted} == {"dl-a", "dl-b", "dl-c", "other"}


class TestReading:
    QUESTION = Question("dl-b", 80, "/")

    @pytest.mark.parametrize(
        ("output", "late", "expected"),
        [
            ("unable\n", False, None),
            ("", False, None),
            ("sh: not found\n", False, None),
            ("nowhere\n", False, Asked(())),
            ("", True, Asked((), silent=True)),
            ("silence\n", False, Asked((), silent=True)),
            ("first \nunable\n", False, None),
            (leads("10.0.0.1"), False, None),
            (leads("10.0.0.1") + "unable\n", False, None),
            (leads("10.0.0.1") + "asking\n", False, None),
            (leads("10.0.0.1") + "asking\n", True,
             Asked(("10.0.0.1",), Closed("nothing answered in time", may_come=True))),
            (leads("10.0.0.1") + "asking\nbash: connect: No route to host\n", False,
             Asked(("10.0.0.1",), Closed("there is no way to it", may_come=True))),
            ("first 10.0.0.1\nServer:\t127.0.0.11\nAddress:\t127.0.0.11:53\n\nName:\tdb\nAddress: 10.0.0.1\n"
             "Name:\tdb\nAddress: 10.0.0.2\n" + REFUSED, False,
             Asked(("10.0.0.1", "10.0.0.2"), Closed("the connection was refused", may_come=True, hung_up=True))),
            ("first 10.9.9.9\nServer: 127.0.0.11\nAddress 1: 127.0.0.11\n\nName: db\nAddress 1: 10.0.0.1 db\n"
             + REFUSED,
             False, Asked(("10.9.9.9",), Closed("the connection was refused", may_come=True, hung_up=True))),
            (leads("10.0.0.1") + CONNECTED, False,
             Asked(("10.0.0.1",), None, False,
                   HttpFailure("reset", "the connection was closed without an answer", may_come=True))),
            (leads("10.0.0.1") + CONNECTED + "\0\1 hello", False,
             Asked(("10.0.0.1",), None, False,
                   HttpFailure("garbage", "what answered does not speak HTTP", may_come=False))),
            (leads("10.0.0.1") + CONNECTED + "HTTP/1.0 200 OK\r\n\r\nhalf", True,
             Asked(("10.0.0.1",), None, False,
                   HttpFailure("timeout", "there was no whole answer within 6 s", may_come=True))),
            (leads("10.0.0.1") + CONNECTED + "HTTP/1.0 200 OK\r\nA: b\r\n\r\nall", False,
             Asked(("10.0.0.1",), None, False, HttpAnswer(200, (("A", "b"),), "all"))),
        ],
    )  # fmt: skip
    def test_what_the_script_prints(self, output: str, late: bool, expected: Asked | None) -> None:
        assert read(self.QUESTION, output.encode(), late=late) == expected

    def test_what_an_answer_says_cannot_speak_for_the_script(self) -> None:
        trick = (
            leads("10.0.0.1") + CONNECTED + "HTTP/1.0 200 OK\r\n\r\nunable\nfirst 10.0.0.2\ndockerlearn: connected\n"
        )
        asked = read(self.QUESTION, trick.encode(), late=False)
        assert asked is not None
        assert asked.addresses == ("10.0.0.1",)
        assert isinstance(asked.answer, HttpAnswer)

    def test_a_flood_is_cut(self) -> None:
        body = b"x" * asking.MOST
        asked = read(
            self.QUESTION, (leads("10.0.0.1") + CONNECTED).encode() + b"HTTP/1.0 200 OK\r\n\r\n" + body, late=False
        )
        assert asked is not None
        assert isinstance(asked.answer, HttpAnswer)
        assert len(asked.answer.body) == LIMIT


@contextlib.contextmanager
def server(answer: bytes) -> Iterator[int]:
    """Something that answers every connection with ``answer``."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with door.accept()[0] as connection:
                        connection.recv(4096)
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield door.getsockname()[1]
        door.shutdown(socket.SHUT_RDWR)


class TestScript:
    """Run by real shells on this machine: with what Debian's images have, and with busybox only."""

    @pytest.fixture(params=["getent and bash", "busybox"])
    def path(self, request: pytest.FixtureRequest, tmp_path: Path) -> str:
        if request.param == "getent and bash":
            return os.environ["PATH"]
        busybox = shutil.which("busybox") or "/usr/local/lib/dockerlearn/busybox"
        assert Path(busybox).is_file(), "needs the package busybox-static"
        for applet in ("sh", "wget", "nc", "nslookup", "timeout", "head"):
            (tmp_path / applet).symlink_to(busybox)
        return str(tmp_path)

    def ask(self, path: str, question: Question) -> Asked | None:
        shell, *rest = question.command
        done = subprocess.run(
            [shutil.which(shell, path=path) or shell, *rest], env={"PATH": path}, capture_output=True, check=False
        )
        return read(question, done.stdout, late=False)

    def test_it_asks(self, path: str) -> None:
        with server(b"HTTP/1.0 302 Found\r\nLocation: http://elsewhere.invalid/\r\n\r\n\xff\xfe") as port:
            asked = self.ask(path, Question("localhost", port, "/x"))
            assert asked is not None
            assert "127.0.0.1" in asked.addresses
            assert isinstance(asked.answer, HttpAnswer)
            assert asked.answer.status == 302
            connected = self.ask(path, Question("localhost", port))
            assert connected is not None
            assert (connected.closed, connected.answer) == (None, None)
        refused = self.ask(path, Question("localhost", port))
        assert refused is not None
        assert refused.closed is not None
        assert refused.closed.hung_up

    def test_without_what_it_needs_it_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "only").mkdir()
        (tmp_path / "only" / "sh").symlink_to("/bin/sh")
        assert self.ask(str(tmp_path / "only"), Question("localhost")) is None
