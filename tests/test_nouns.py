"""The nouns about networks, volumes, ports, commands, counts and insides say yes, no, and what they saw."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.checks.base import Noun
from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.checks.vocabulary import NOUNS, noun_of
from dockerlearn.engine.api import PathInContainer
from dockerlearn.engine.snapshots import (
    Binding,
    Membership,
    Mount,
    changes_from_diff,
    commands_from_top,
    container_from_inspect,
    network_from_inspect,
    volume_from_inspect,
)
from dockerlearn.world import probes
from dockerlearn.world.knock import Closed
from dockerlearn.world.probes import HELPER, sweep
from dockerlearn.world.world import Scope, World
from tests.fake_engine import BEGINNING, FakeEngine, make_id, make_image
from tests.test_snapshots import RECORDED, read

IMAGES = {"busybox": "busybox:1.36", "nginx": "nginx:1.27"}
BUSYBOX = make_image("busybox:1.36", digests=("busybox@sha256:" + "1" * 64,))
NGINX = make_image("nginx:1.27", digests=("nginx@sha256:" + "2" * 64,))
APP = make_image("dl-app:v1", layers=(*BUSYBOX.layers, "sha256:top"), size=3_000_000)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(BUSYBOX, NGINX, APP)


def check(**raw: Any) -> Noun:
    word = noun_of(raw)
    assert word is not None
    return msgspec.convert({"noun": word, **raw}, NOUNS[word], strict=False)


def seen(engine: FakeEngine, /, *, scope: Scope | None = None, knock: Closed | None = None, **raw: Any) -> Outcome:
    world = World(engine, Path("/nonexistent"), scope or Scope(IMAGES), knock=lambda _host, _port: knock)
    return check(**raw).look(world)


def no(outcome: Outcome, *words: str) -> None:
    assert outcome.status is Status.UNMET, outcome
    assert outcome.expected
    for word in words:
        assert word in f"{outcome.found} / {outcome.next}", outcome


def on(network: str, *names: str) -> Membership:
    return Membership(network, make_id("network", network), "172.18.0.2", frozenset(names))


def with_volume(name: str, target: str = "/data") -> tuple[Mount, ...]:
    return (Mount("volume", f"/volumes/{name}", target, read_only=False, name=name),)


def file(text: str) -> PathInContainer:
    return PathInContainer("file", 0o644, len(text), text.encode())


every_recorded = pytest.mark.parametrize(
    "recorded", ["docker-20.10", "docker-28.5", "docker-28.5-containerd", "podman-4.3"]
)


def there(engine: FakeEngine, recorded: str) -> None:
    """Put there what was recorded of an engine."""
    for name in ("net", "internal"):
        network = network_from_inspect(read(f"{recorded}.network-{name}"))
        engine.networks_by_name[network.name] = network
    for name in ("vol", "plain"):
        volume = volume_from_inspect(read(f"{recorded}.volume-{name}"))
        engine.volumes_by_name[volume.name] = volume
    for name in ("db", "joined", "alone"):
        found = container_from_inspect(read(f"{recorded}.container-{name}"), podman=recorded.startswith("podman"))
        engine.by_name[found.name] = found
    db = engine.by_name["dl-db"].id
    engine.processes[db] = commands_from_top(read(f"{recorded}.top"))
    engine.differences[db] = changes_from_diff(json.loads((RECORDED / f"{recorded}.changes.json").read_text()))


class TestNetwork:
    @pytest.mark.parametrize(
        ("asked", "good", "bad"),
        [
            ({}, {}, None),
            ({"driver": "bridge"}, {}, {"driver": "overlay"}),
            ({"internal": "true"}, {"internal": True}, {}),
            ({"internal": "false"}, {}, {"internal": True}),
            ({"labels": {"team": "a"}}, {"labels": {"team": "a"}}, {"labels": {"team": "b"}}),
            ({"labels": {"team": "none"}}, {}, {"labels": {"team": "b"}}),
        ],
    )
    def test_fields(
        self, engine: FakeEngine, asked: dict[str, Any], good: dict[str, Any], bad: dict[str, Any] | None
    ) -> None:
        engine.add_network("dl-net", **good)
        assert seen(engine, network="dl-net", **asked).met
        if bad is None:
            del engine.networks_by_name["dl-net"]
        else:
            engine.add_network("dl-net", **bad)
        outcome = seen(engine, network="dl-net", **asked)
        no(outcome)
        assert outcome.found
        assert "dl-net" in outcome.expected

    def test_missing_says_which_one_is_nearly_right(self, engine: FakeEngine) -> None:
        no(seen(engine, network="dl-net"), "there is none / docker network create dl-net")
        engine.add_network("dl-nte")
        no(seen(engine, network="dl-net"), "there is one named dl-nte")
        no(seen(engine, network="dl-bridge"), "there is none /")

    def test_absent(self, engine: FakeEngine) -> None:
        assert seen(engine, network="dl-net", absent="true").met
        engine.add_network("dl-net")
        engine.add("dl-web", networks=(on("dl-net"),))
        no(seen(engine, network="dl-net", absent="true"), "with dl-web on it", "docker network rm dl-net")

    def test_attached(self, engine: FakeEngine) -> None:
        engine.add_network("dl-net")
        engine.add("dl-web", networks=(on("bridge"), on("dl-net", "www")))
        engine.add("dl-db")
        assert seen(engine, network="dl-net", attached=["dl-web"]).met
        assert seen(engine, network="dl-net", attached="dl-web").met
        assert seen(engine, network="dl-net", attached="any").met
        assert seen(engine, network="dl-net", attached={"dl-web": "www", "dl-db": "none", "dl-none": "none"}).met
        assert seen(engine, network="dl-net", attached={"dl-web": "dl-web"}).met
        no(seen(engine, network="dl-net", attached=["dl-web", "dl-db"]), "on bridge", "network connect dl-net dl-db")
        no(seen(engine, network="dl-net", attached={"dl-web": "db"}), "it is called dl-web, www")
        no(seen(engine, network="dl-net", attached={"dl-web": "none"}), "network disconnect dl-net dl-web")
        no(seen(engine, network="dl-net", attached=["dl-wbe"]), "there is none")
        no(seen(engine, network="dl-net", attached="none"), "dl-web is on it")

    def test_one_of_the_same_name_before_does_not_count(self, engine: FakeEngine) -> None:
        engine.add_network("dl-net", id=make_id("newer"))
        engine.add("dl-web", networks=(on("dl-net"),))
        no(seen(engine, network="dl-net", attached=["dl-web"]))

    def test_names_of_the_default_bridge_do_not_count(self, engine: FakeEngine) -> None:
        engine.add("dl-web")
        no(seen(engine, network="bridge", attached={"dl-web": "dl-web"}), "it is called nothing")

    @every_recorded
    def test_recorded(self, engine: FakeEngine, recorded: str) -> None:
        there(engine, recorded)
        asked: dict[str, Any] = {"driver": "bridge", "internal": "false", "labels": {"course": "yes"}}
        assert seen(engine, network="dl-net", attached={"dl-db": "db", "dl-web": "www"}, **asked).met
        assert seen(engine, network="dl-net", attached=["dl-web", "dl-db"]).met
        assert seen(engine, network="dl-in", internal="true", attached={"dl-web": "dl-web", "dl-db": "none"}).met
        no(seen(engine, network="dl-net", internal="true"), "it is not")
        no(seen(engine, network="dl-net", labels={"course": "no"}), "it is yes")
        no(seen(engine, network="dl-net", attached={"dl-db": "www"}), "db")
        no(seen(engine, network="dl-in", attached=["dl-db"]), "it is on dl-net")
        no(seen(engine, network="dl-net", attached=["dl-alone"]), "it is on no network")

    @every_recorded
    def test_recorded_memberships(self, engine: FakeEngine, recorded: str) -> None:
        there(engine, recorded)
        assert seen(engine, container="dl-web", networks={"dl-net": "www", "dl-in": "any", "bridge": "none"}).met
        assert seen(engine, container="dl-alone", networks="none").met
        no(seen(engine, container="dl-web", networks=["bridge"]), "it is on dl-in, dl-net")
        no(seen(engine, container="dl-web", networks={"dl-in": "www"}), "dl-web")
        engine.add_network("dl-net", id=make_id("newer"))
        # Podman tells no id by which one that was there before could be told from one of the same name.
        assert seen(engine, container="dl-web", networks=["dl-net"]).met is (recorded == "podman-4.3")

    @every_recorded
    def test_recorded_addresses(self, engine: FakeEngine, recorded: str) -> None:
        there(engine, recorded)
        world = World(engine, Path("/"), Scope(IMAGES))
        web = engine.by_name["dl-web"]
        (inner,) = world.addresses(web, "dl-in")
        assert inner.startswith("10.213.129.")
        assert world.addresses(web) == world.addresses(web, "dl-net") | {inner}

    def test_what_is_asked_costs_the_same_with_many_others(self, engine: FakeEngine) -> None:
        engine.add_network("dl-net")
        engine.add("dl-web", networks=(on("dl-net"),))
        for number in range(50):
            engine.add(f"other-{number}")
        engine.calls.clear()
        assert seen(engine, network="dl-net", attached=["dl-web"]).met
        assert engine.calls == ["network", "container"]


class TestVolume:
    def test_fields(self, engine: FakeEngine) -> None:
        no(seen(engine, volume="dl-data"), "there is none / docker volume create dl-data")
        engine.add_volume("dl-dtaa")
        engine.add_volume("dl-data"[:-1] + "a" * 60)
        no(seen(engine, volume="dl-data"), "there is one named dl-dtaa")
        engine.add_volume("dl-data", labels={"team": "a"})
        assert seen(engine, volume="dl-data").met
        assert seen(engine, volume="dl-data", driver="local", labels={"team": "a", "x": "none"}).met
        no(seen(engine, volume="dl-data", driver="nfs"), "it is local")
        no(seen(engine, volume="dl-data", labels={"team": "b"}), "it is a")

    def test_absent(self, engine: FakeEngine) -> None:
        assert seen(engine, volume="dl-data", absent="true").met
        engine.add_volume("dl-data")
        no(seen(engine, volume="dl-data", absent="true"), "docker volume rm dl-data")
        engine.add("dl-db", mounts=with_volume("dl-data"))
        no(seen(engine, volume="dl-data", absent="true"), "dl-db has it", "docker rm dl-db, then docker volume rm")

    def test_used_by(self, engine: FakeEngine) -> None:
        engine.add_volume("dl-data")
        assert seen(engine, volume="dl-data", used_by="none").met
        no(seen(engine, volume="dl-data", used_by="any"), "none has it")
        engine.add("dl-db", mounts=with_volume("dl-data"), status="exited", running=False)
        engine.add("dl-web", mounts=with_volume("dl-other"))
        assert seen(engine, volume="dl-data", used_by=["dl-db"]).met
        assert seen(engine, volume="dl-data", used_by="any").met
        assert seen(engine, volume="dl-data", used_by={"dl-db": "any", "dl-web": "none", "dl-gone": "none"}).met
        no(seen(engine, volume="dl-data", used_by=["dl-db", "dl-web"]), "the volume dl-other is mounted at /data")
        no(seen(engine, volume="dl-data", used_by={"dl-db": "none"}), "the volume dl-data is mounted")
        no(seen(engine, volume="dl-data", used_by=["dl-gone"]), "there is none")
        no(seen(engine, volume="dl-data", used_by="none"), "dl-db has it")

    def test_one_mount_that_several_fields_are_about_is_told_once(self, engine: FakeEngine) -> None:
        engine.add("dl-db", mounts=with_volume("dl-data"))
        wanted = {"/data": {"kind": "volume", "name": "dl-data", "read_only": "false"}}
        assert seen(engine, container="dl-db", mounts=wanted).found == "the volume dl-data is mounted at /data"

    def test_what_is_missing_is_called_by_its_name(self, engine: FakeEngine) -> None:
        engine.add("dl-db")
        for wanted, told in (
            ({"name": "dl-data", "read_only": "false"}, "the volume dl-data"),
            ({"source": "./site", "read_only": "true"}, "the lesson's folder ./site"),
            ({"kind": "tmpfs"}, "a tmpfs"),
            ({"name": "any"}, "something"),
        ):
            outcome = seen(engine, container="dl-db", mounts={"/data": wanted})
            assert outcome.expected == f"dl-db should have {told} mounted at /data"

    def test_a_folder_of_the_same_name_is_no_volume(self, engine: FakeEngine) -> None:
        engine.add_volume("dl-data")
        engine.add("dl-db", mounts=(Mount("bind", "/srv/dl-data", "/data", read_only=False),))
        no(seen(engine, volume="dl-data", used_by=["dl-db"]), "the folder /srv/dl-data of the host")

    def test_files(self, engine: FakeEngine) -> None:
        engine.add_volume("dl-data")
        engine.volume_files["dl-data"] = {"/note": file("hello\n")}
        assert seen(engine, volume="dl-data", files={"/note": "hello", "/none": "none"}).met
        assert seen(engine, volume="dl-data", files={"note": "any"}).met
        no(seen(engine, volume="dl-data", files={"/note": "bye"}), 'it holds "hello"')
        no(seen(engine, volume="dl-data", files={"/other": "any"}), "it is not there")
        assert engine.by_name == {}
        assert engine.calls.count("create_container") == engine.calls.count("remove_container") == 4

    def test_files_without_an_image_to_look_with_are_unknown(self, engine: FakeEngine) -> None:
        engine.add_volume("dl-data")
        engine.images.clear()
        assert seen(engine, volume="dl-data", files={"/note": "any"}).status is Status.UNKNOWN

    @every_recorded
    def test_recorded(self, engine: FakeEngine, recorded: str) -> None:
        there(engine, recorded)
        assert seen(engine, volume="dl-data", driver="local", labels={"course": "yes"}, used_by=["dl-db"]).met
        assert seen(engine, volume="dl-plain", labels={"course": "none"}, used_by={"dl-web": "none"}).met
        no(seen(engine, volume="dl-data", labels={"course": "none"}), "it is yes")
        no(seen(engine, volume="dl-plain", driver="nfs"), "it is local")
        no(seen(engine, volume="dl-data", used_by=["dl-web"]), "nothing is mounted")

    @every_recorded
    def test_recorded_mounts(self, engine: FakeEngine, recorded: str) -> None:
        there(engine, recorded)
        asked: dict[str, Any] = {
            "/data": {"kind": "volume", "name": "dl-data", "read_only": "false"}, "/plain": {"read_only": "true"},
            "/anon": {"anonymous": "true"}, "/host": {"kind": "bind", "source": "/etc"}, "/scratch": {"kind": "tmpfs"},
        }  # fmt: skip
        assert seen(engine, container="dl-db", mounts=asked).met
        assert seen(engine, container="dl-web", mounts="none").met
        no(seen(engine, container="dl-db", mounts={"/data": "dl-plain"}), "the volume dl-data is mounted at /data")
        no(seen(engine, container="dl-db", mounts={"/data": {"read_only": "true"}}), "dl-data")
        no(seen(engine, container="dl-db", mounts={"/host": {"kind": "volume"}}), "the folder /etc of the host")
        no(seen(engine, container="dl-db", mounts={"/anon": {"anonymous": "false"}}), "without a name")

    @every_recorded
    def test_recorded_processes_and_changes(self, engine: FakeEngine, recorded: str) -> None:
        there(engine, recorded)
        assert seen(engine, container="dl-db", processes={"contains": "sleep 700"}).met
        no(seen(engine, container="dl-db", processes={"contains": "httpd"}), 'it runs "sleep 600", "sleep 700"')
        assert seen(engine, container="dl-db", changed={"/etc/new": "added", "/etc/group": "deleted"}).met
        assert seen(engine, container="dl-db", changed={"/data": "none", "/host": "none", "/scratch": "none"}).met
        no(seen(engine, container="dl-db", changed={"/etc/group": "added"}), "/etc/group is deleted")
        no(seen(engine, container="dl-db", changed={"/data": "any"}), "/data is as in the image")


class TestTcp:
    def test_yes_and_no(self, engine: FakeEngine) -> None:
        no(seen(engine, tcp="dl-db:6379"), "there is none")
        engine.add("dl-db", published={"80/tcp": (Binding("", 8080),)})
        no(seen(engine, tcp="dl-db:6379"), "not published; it publishes 8080->80/tcp")
        engine.add("dl-db", published={"6379/tcp": (Binding("127.0.0.1", 16379),)})
        assert seen(engine, tcp="dl-db:6379").met
        outcome = seen(engine, tcp="dl-db:6379", knock=Closed("the connection was closed at once", may_come=True))
        no(outcome, "on port 16379 of the host the connection was closed at once", "docker logs dl-db")
        assert outcome.wait is not None
        outcome = seen(engine, tcp="dl-db:6379", knock=Closed("no route to host", may_come=False))
        assert outcome.wait is None
        engine.add("dl-db", status="exited", running=False)
        no(seen(engine, tcp="dl-db:6379"), "has ended")

    @pytest.mark.parametrize("bad", ["dl-db", "dl-db:", ":80", "dl-db:0", "dl-db:65536", "dl-db:http"])
    def test_what_is_no_address_is_refused(self, bad: str) -> None:
        with pytest.raises(msgspec.ValidationError):
            check(tcp=bad)


class TestExec:
    def test_yes_and_no(self, engine: FakeEngine) -> None:
        no(seen(engine, exec="dl-db", command="true"), "there is none")
        engine.add("dl-db")
        engine.runs = {("true",): ("", 0), ("cat", "/a b"): ("hello\n", 0), ("grep", "x"): ("no such\n", 2)}
        assert seen(engine, exec="dl-db", command="true").met
        assert seen(engine, exec="dl-db", command=["cat", "/a b"], output="hello").met
        assert seen(engine, exec="dl-db", command="cat '/a b'", output={"contains": "ell"}).met
        assert seen(engine, exec="dl-db", command="grep x", exit_code="2", output="no such").met
        assert seen(engine, exec="dl-db", command="grep x", output="no such").met
        no(seen(engine, exec="dl-db", command="grep x"), 'it ended with exit code 2 and said "no such"')
        no(seen(engine, exec="dl-db", command="cat '/a b'", output="bye"), 'said "hello"')
        no(seen(engine, exec="dl-db", command="cat '/a b'", exit_code={"not": "0"}), "exit code 0")
        engine.add("dl-db", status="paused", paused=True)
        no(seen(engine, exec="dl-db", command="true"), "paused", "docker unpause")

    def test_the_words_are_passed_as_they_are(self, engine: FakeEngine) -> None:
        engine.add("dl-db")
        seen(engine, exec="dl-db", command=["echo", "$HOME; ls", "*"])
        assert engine.executed == [("dl-db", ("echo", "$HOME; ls", "*"))]

    def test_what_does_not_end_is_told_and_ended(self, engine: FakeEngine) -> None:
        engine.add("dl-db")
        engine.runs = {("cat",): ("", None)}
        outcome = seen(engine, exec="dl-db", command="cat")
        no(outcome, "it had not ended after 3 s")
        assert outcome.wait is None
        assert [command[0] for _, command in engine.executed] == ["cat", "sh"]

    def test_what_has_just_started_may_not_be_ready(self, engine: FakeEngine) -> None:
        engine.add("dl-db", started=engine.clock - timedelta(seconds=1))
        engine.runs = {("ready",): ("", 1)}
        assert seen(engine, exec="dl-db", command="ready").wait is not None
        engine.add("dl-db")
        assert seen(engine, exec="dl-db", command="ready").wait is None

    def test_one_look_runs_it_once(self, engine: FakeEngine) -> None:
        engine.add("dl-db")
        engine.runs = {("true",): ("", 0)}
        world = World(engine, Path("/"), Scope(IMAGES))
        for _ in range(2):
            assert check(exec="dl-db", command="true").look(world).met
        assert len(engine.executed) == 1

    def test_nothing_to_run_is_refused(self) -> None:
        with pytest.raises(msgspec.ValidationError):
            check(exec="dl-db", command="")


class TestContainers:
    def scope(self, engine: FakeEngine, *own: str) -> Scope:
        ids = frozenset(engine.by_name[name].id for name in own)
        return Scope(IMAGES, since=engine.clock - timedelta(seconds=30), own=ids)

    def test_only_own_ones_and_new_ones_count(self, engine: FakeEngine) -> None:
        engine.add("foreign")
        engine.add("dl-setup")
        engine.add("eager_turing", created=engine.clock - timedelta(seconds=5))
        engine.add("a-helper", created=engine.clock, hostname=HELPER)
        scope = self.scope(engine, "dl-setup")
        assert seen(engine, scope=scope, containers={"image": "busybox"}, count="2").met
        no(
            seen(engine, scope=scope, containers={"image": "busybox"}, count="3"),
            "there are 2 (dl-setup, eager_turing)",
        )
        assert seen(engine, scope=Scope(IMAGES), containers={}, count="0").met

    @pytest.mark.parametrize(
        ("asked", "good", "bad"),
        [
            ({"image": "nginx"}, {"image_id": NGINX.id, "image_ref": "nginx:1.27"}, {}),
            ({"running": "true"}, {}, {"status": "paused", "paused": True}),
            ({"running": "false"}, {"status": "exited", "running": False}, {}),
            ({"status": "exited"}, {"status": "exited", "running": False}, {}),
            ({"exit_code": "3"}, {"status": "exited", "running": False, "exit_code": 3}, {"exit_code": 3}),
            (
                {"host_port": "8080"},
                {"published": {"53/udp": (Binding("127.0.0.1", 53),), "80/tcp": (Binding("", 80), Binding("", 8080))}},
                {"published": {"8080/tcp": (Binding("", 80), Binding("", None)), "53/udp": ()}},
            ),
            ({"labels": {"team": "a"}}, {"labels": {"team": "a"}}, {}),
        ],
    )
    def test_fields(self, engine: FakeEngine, asked: dict[str, Any], good: dict[str, Any], bad: dict[str, Any]) -> None:
        engine.add("dl-job-1", **good)
        assert seen(engine, scope=self.scope(engine, "dl-job-1"), containers=asked, count="1").met
        engine.add("dl-job-1", **bad)
        no(seen(engine, scope=self.scope(engine, "dl-job-1"), containers=asked), "there is none")

    def test_by_name(self, engine: FakeEngine) -> None:
        for name in ("dl-job-1", "dl-job-2", "dl-job-x"):
            engine.add(name)
        scope = self.scope(engine, "dl-job-1", "dl-job-2", "dl-job-x")
        assert seen(engine, scope=scope, containers={"name": {"matches": "^dl-job-[0-9]$"}}, count="2").met

    def test_none_and_more(self, engine: FakeEngine) -> None:
        scope = Scope(IMAGES, since=engine.clock)
        assert seen(engine, scope=scope, containers={"running": "true"}, count="0").met
        no(seen(engine, scope=scope, containers={"running": "true"}), "docker ps -a")
        engine.add("dl-job", published={"80/tcp": (Binding("", 8080),)})
        found = seen(engine, scope=self.scope(engine, "dl-job"), containers={"host_port": "8080"}, count="0")
        assert found.expected == "there should be no containers at port 8080 of the host"
        assert found.status is Status.UNMET
        no(seen(engine, scope=scope, containers={"running": "true"}, count={">": "2"}), "there is none")

    def test_a_young_one_is_waited_for(self, engine: FakeEngine) -> None:
        for number in range(3):
            engine.add(f"dl-{number}", created=engine.clock, started=engine.clock - timedelta(milliseconds=400))
        scope = self.scope(engine)
        outcome = seen(engine, scope=scope, containers={"running": "true"}, count="3")
        no(outcome)
        assert outcome.wait == pytest.approx(0.6)
        engine.clock += timedelta(seconds=2)
        assert seen(engine, scope=scope, containers={"running": "true"}, count="3").met


class TestMoreOfContainer:
    def test_processes(self, engine: FakeEngine) -> None:
        there = engine.add("dl-web")
        engine.processes[there.id] = ("sh -c run", "httpd -f")
        assert seen(engine, container="dl-web", processes={"contains": "httpd"}).met
        no(seen(engine, container="dl-web", processes={"contains": "nginx"}), 'it runs "sh -c run", "httpd -f"')
        engine.add("dl-web", status="exited", running=False)
        no(seen(engine, container="dl-web", processes={"contains": "httpd"}), "has ended")
        assert seen(engine, container="dl-web", processes="none").met
        engine.add("dl-web", started=engine.clock)
        assert seen(engine, container="dl-web", processes={"contains": "nginx"}).wait is not None

    def test_changed(self, engine: FakeEngine) -> None:
        there = engine.add("dl-web")
        assert seen(engine, container="dl-web", changed="none").met
        no(seen(engine, container="dl-web", changed="any"), "nothing differs")
        engine.differences[there.id] = {"/etc": "changed", "/etc/new": "added", "/bin/vi": "deleted"}
        asked = {"/etc/new": "added", "/etc/": "any", "/bin/vi": "deleted", "/usr": "none"}
        assert seen(engine, container="dl-web", changed=asked).met
        assert seen(engine, container="dl-web", changed="any").met
        no(seen(engine, container="dl-web", changed="none"), "/etc is changed")
        no(seen(engine, container="dl-web", changed={"/bin/vi": "added"}), "/bin/vi is deleted")
        no(seen(engine, container="dl-web", changed={"/usr": "any"}), "/usr is as in the image", "docker diff dl-web")

    def test_same_as_at_start(self, engine: FakeEngine) -> None:
        there = engine.add("dl-web")
        before = Scope(IMAGES, baseline={"container dl-web": there.id})
        other = Scope(IMAGES, baseline={"container dl-web": make_id("other")})
        assert seen(engine, scope=before, container="dl-web", same_as_at_start="true").met
        no(seen(engine, scope=before, container="dl-web", same_as_at_start="false"), "when the step began")
        assert seen(engine, scope=other, container="dl-web", same_as_at_start="false").met
        no(seen(engine, scope=other, container="dl-web", same_as_at_start="true"), "another one carries the name")
        no(seen(engine, container="dl-web", same_as_at_start="true"), "there was none")

    @pytest.mark.parametrize("field", ["mounts", "changed", "compose"])
    def test_a_word_that_means_nothing_is_refused(self, field: str) -> None:
        with pytest.raises(msgspec.ValidationError):
            check(container="dl-web", **{field: "some"})

    def test_recorded(self, engine: FakeEngine) -> None:
        engine.by_name["h2-full"] = container_from_inspect(read("docker-20.10.container-full"))
        asked: dict[str, Any] = {
            "cpus": "0.5", "pids_limit": "50", "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            "mounts": {"/vol": {"kind": "volume", "name": "h2-vol", "read_only": "true"},
                       "/anon": {"anonymous": "true"}, "/run": {"kind": "tmpfs"}},
        }  # fmt: skip
        assert seen(engine, container="h2-full", **asked).met
        no(seen(engine, container="h2-full", mounts={"/vol": "dl-vol"}), "the volume h2-vol is mounted at /vol")


class TestHelpers:
    def test_those_of_a_killed_tutor_are_swept_away(self, engine: FakeEngine) -> None:
        engine.add_network("none")
        nowhere = (on("none"),)
        helper: dict[str, Any] = {
            "hostname": HELPER, "networks": nowhere, "network_mode": "none", "entrypoint": (HELPER,), "started": None,
        }  # fmt: skip
        engine.add("eager_turing", **helper)
        engine.add("sad_bell", **helper | {"entrypoint": (), "started": BEGINNING, "memory": 1 << 27, "pids_limit": 64})
        engine.add("at_work", **helper, created=engine.clock - timedelta(seconds=5))
        engine.add("theirs", **helper)
        engine.add("their_own", **helper | {"entrypoint": ("sh",)})
        engine.add("elsewhere")
        assert sweep(engine) == 2
        assert set(engine.by_name) == {"at_work", "theirs", "their_own", "elsewhere"}
        assert sweep(FakeEngine()) == 0

    def test_the_default_network_of_podman(self, engine: FakeEngine) -> None:
        del engine.networks_by_name["bridge"]
        engine.add_network("podman")
        engine.add("dl-web", networks=(on("podman"),))
        assert seen(engine, container="dl-web", networks=["bridge"]).met


class TestInsideImages:
    def test_size_beside_another(self, engine: FakeEngine) -> None:
        assert seen(engine, image="busybox", smaller_than="dl-app:v1").met
        assert seen(engine, image="dl-app:v1", larger_than="busybox").met
        no(seen(engine, image="dl-app:v1", smaller_than="busybox"), "it has 3.0 MB, busybox:1.36 has 2.0 MB")
        no(seen(engine, image="dl-app:v1", larger_than="dl-gone:v1"), "it is not")

    def test_layers_shared(self, engine: FakeEngine) -> None:
        assert seen(engine, image="dl-app:v1", layers_shared_with={"busybox": "1", "nginx": "none"}).met
        assert seen(engine, image="dl-app:v1", layers_shared_with={"busybox": "any", "dl-app:v1": "2"}).met
        no(seen(engine, image="dl-app:v1", layers_shared_with={"nginx": "any"}), "they share no layers")
        no(seen(engine, image="dl-app:v1", layers_shared_with={"busybox": {">": "1"}}), "they share 1 layer")

    def test_digest(self, engine: FakeEngine) -> None:
        assert seen(engine, image="busybox", digest="sha256:" + "1" * 64).met
        assert seen(engine, image="busybox", digest="busybox@sha256:" + "1" * 64).met
        assert seen(engine, image="dl-app:v1", digest="none").met
        no(seen(engine, image="busybox", digest="sha256:" + "2" * 64), "sha256:111")

    def test_files(self, engine: FakeEngine) -> None:
        engine.image_files[APP.id] = {"/app/main.py": file("print()\n")}
        assert seen(engine, image="dl-app:v1", files={"/app/main.py": "print()", "/app": "any", "/.git": "none"}).met
        no(seen(engine, image="dl-app:v1", files={"/app/main.py": "none"}), "it is there")
        no(seen(engine, image="dl-app:v1", files={"/app": "text"}), "it is a directory")
        assert engine.by_name == {}
        assert "start_container" not in engine.calls

    def test_files_beside_those_of_another(self, engine: FakeEngine) -> None:
        engine.image_files[APP.id] = {
            "/stamp": file("1"),
            "/code": file("new"),
            "/only": file("1"),
            "/dir/x": file("1"),
        }
        engine.image_files[BUSYBOX.id] = {"/stamp": file("1"), "/code": file("old"), "/dir/x": file("1")}

        def look(field: str, *paths: str, of: str = "busybox") -> Outcome:
            asked: dict[str, Any] = {field: {of: list(paths)}}
            return seen(engine, image="dl-app:v1", **asked)

        assert look("same_files_as", "/stamp").met
        assert look("other_files_than", "/code").met
        no(look("same_files_as", "/stamp", "/code"), "it holds something else")
        no(look("other_files_than", "/code", "/stamp"), "it holds the same")
        for field in ("same_files_as", "other_files_than"):
            no(look(field, "/only"), "busybox:1.36 has no /only")
            no(look(field, "/none"), "dl-app:v1 has no /none")
            no(look(field, "/dir"), "it is a directory")
            no(look(field, "/stamp", of="dl-gone:v1"), "it is not")

    def test_runs(self, engine: FakeEngine) -> None:
        engine.runs = {("sh",): ("hello\n", 0), ("fail",): ("broken\n", 3)}
        assert seen(engine, image="dl-app:v1", runs={"prints": "hello"}).met
        assert seen(engine, image="dl-app:v1", runs={}).met
        assert seen(engine, image="dl-app:v1", runs={"command": "fail", "exit_code": "3"}).met
        no(seen(engine, image="dl-app:v1", runs={"prints": "bye"}), 'it prints "hello"')
        no(seen(engine, image="dl-app:v1", runs={"command": ["fail"]}), 'exit code 3 and said "broken"')
        assert engine.by_name == {}

    def test_what_is_slow_is_not_called_silent(self, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(probes, "RUN_SECONDS", 0.1)
        engine.runs = {("slow",): ("", None)}
        outcome = seen(engine, image="dl-app:v1", runs={"command": ["slow"], "prints": "x"})
        no(outcome, "it had not ended after 0.1 s, and had printed nothing")

    def test_what_printed_nothing_is_run_once_more(self, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        """An engine without time loses what was printed; one that really prints nothing is not run for ever."""
        engine.runs = {("sh",): ("hello\n", 0), ("quiet",): ("", 0)}
        told, asked = engine.logs, []

        def forgetful(container_id: str, tail: int = 500, limit: int = 65_536) -> str:
            asked.append(container_id)
            return told(container_id, tail, limit) if len(asked) > 1 else ""

        monkeypatch.setattr(engine, "logs", forgetful)
        assert seen(engine, image="dl-app:v1", runs={"prints": "hello"}).met
        assert len(set(asked)) == 2
        asked.clear()
        no(seen(engine, image="dl-app:v1", runs={"command": "quiet", "prints": "hello"}), "it prints nothing")
        assert len(set(asked)) == 2
        asked.clear()
        assert seen(engine, image="dl-app:v1", runs={"command": "quiet"}).met

    def test_runs_with_a_program_in_place_of_the_images(self, engine: FakeEngine) -> None:
        engine.add_image(make_image("dl-served:v1", entrypoint=("serve",), command=("all",)))
        engine.runs = {("cat", "/a"): ("hello\n", 0), ("serve", "cat", "/a"): ("no\n", 2)}
        assert seen(engine, image="dl-served:v1", runs={"entrypoint": "cat", "command": ["/a"], "prints": "hello"}).met
        no(
            seen(engine, image="dl-served:v1", runs={"entrypoint": "cat", "command": ["/a"], "prints": "bye"}),
            'it prints "hello"',
            "docker run --rm --entrypoint cat dl-served:v1 /a",
        )
        no(seen(engine, image="dl-served:v1", runs={"command": ["cat", "/a"]}), 'exit code 2 and said "no"')

    def test_runs_the_health_check_alone(self, engine: FakeEngine) -> None:
        engine.add_image(make_image("dl-asked:v1", entrypoint=("serve",), probe=("ask", "/health")))
        engine.runs = {("ask", "/health"): ("nobody there\n", 7)}
        assert seen(engine, image="dl-asked:v1", runs={"healthcheck": True, "exit_code": {"not": "0"}}).met
        no(seen(engine, image="dl-asked:v1", runs={"healthcheck": True}), 'exit code 7 and said "nobody there"')
        no(seen(engine, image="dl-app:v1", runs={"healthcheck": True, "exit_code": "7"}), "it has none")
        with pytest.raises(msgspec.ValidationError, match="no command or entrypoint beside it"):
            check(image="dl-app:v1", runs={"healthcheck": True, "command": "ask"})

    def test_what_an_image_starts_is_its_entrypoint_and_its_command(self, engine: FakeEngine) -> None:
        engine.add_image(make_image("dl-served:v1", entrypoint=("serve",), command=("all",)))
        assert seen(engine, image="dl-served:v1", starts="serve all").met
        assert seen(engine, image="dl-served:v1", starts={"contains": "serve"}, command="all").met
        no(seen(engine, image="dl-served:v1", starts={"contains": "sleep"}), "it is serve all")

    def test_helpers_are_removed_when_looking_fails(self, engine: FakeEngine) -> None:
        def broken(*_: object) -> None:
            raise AssertionError("broken")

        engine.path = broken  # type: ignore[assignment,method-assign]
        with pytest.raises(AssertionError):
            seen(engine, image="dl-app:v1", files={"/a": "any"})
        assert engine.by_name == {}
        assert engine.clock > BEGINNING
