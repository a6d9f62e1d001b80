"""The real client on a real engine: the contract, and what only a real engine can show."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.types import LogConfig

from dockerlearn.engine.api import ContainerSpec, PullNews
from dockerlearn.engine.client import NEWEST_API, OLDEST_API, DockerEngine, connect
from dockerlearn.engine.endpoint import Endpoint
from dockerlearn.errors import EngineRejected
from tests.engine_contract import BUSYBOX, LASTING, Bench, EngineContract


@pytest.fixture
def engine(engine_socket: str) -> Iterator[DockerEngine]:
    engine = connect(Endpoint(f"unix://{engine_socket}", "the tests"))
    yield engine
    engine.close()


@pytest.fixture
def sdk(engine_socket: str) -> Iterator[docker.APIClient]:
    """The engine seen by somebody else."""
    client = docker.APIClient(f"unix://{engine_socket}", version=OLDEST_API)
    yield client
    client.close()


@pytest.fixture
def bench(engine: DockerEngine) -> Iterator[Bench]:
    bench = Bench(engine)
    yield bench
    bench.clean()


class TestDockerEngine(EngineContract):
    """All that every engine promises."""


def wait_until_ended(engine: DockerEngine, made: str) -> None:
    end = time.monotonic() + 10
    while (seen := engine.container(made)) is not None and seen.status != "exited":
        assert time.monotonic() < end, seen.status
        time.sleep(0.02)


def run(bench: Bench, script: str, word: str = "one") -> str:
    made = bench.make(word, ("sh", "-c", script), start=True)
    assert isinstance(bench.engine, DockerEngine)
    wait_until_ended(bench.engine, made)
    return made


def test_the_version_is_within_our_limits(engine: DockerEngine) -> None:
    spoken = tuple(map(int, engine.identity.api_version.split(".")))
    assert tuple(map(int, OLDEST_API.split("."))) <= spoken <= tuple(map(int, NEWEST_API.split(".")))


def test_another_connection_sees_the_same_engine(engine: DockerEngine, engine_socket: str) -> None:
    other = connect(Endpoint(f"unix://{engine_socket}", "the tests"))
    assert other.identity.id == engine.identity.id
    other.close()
    assert other.identity.id == engine.identity.id


class TestLogs:
    def test_both_streams(self, bench: Bench) -> None:
        made = run(bench, "echo out; sleep 0.1; echo err >&2; sleep 0.1; printf end")
        assert bench.engine.logs(made) == "out\nerr\nend"

    def test_a_terminal(self, bench: Bench, sdk: docker.APIClient) -> None:
        made = sdk.create_container(BUSYBOX, ["sh", "-c", "echo one; echo two"], name=bench.name(), tty=True)["Id"]
        bench.engine.start_container(made)
        assert isinstance(bench.engine, DockerEngine)
        wait_until_ended(bench.engine, made)
        assert bench.engine.logs(made) == "one\r\ntwo\r\n"

    def test_the_last_lines(self, bench: Bench) -> None:
        made = run(bench, "for i in 1 2 3 4 5; do echo $i; done")
        assert bench.engine.logs(made, tail=2) == "4\n5\n"
        assert bench.engine.logs(made, limit=3) == "\n5\n"

    def test_nothing(self, bench: Bench) -> None:
        assert bench.engine.logs(bench.make()) == ""

    def test_a_driver_that_keeps_nothing(self, bench: Bench, sdk: docker.APIClient) -> None:
        kept_nowhere = sdk.create_host_config(log_config=LogConfig(type="none"))
        made = sdk.create_container(BUSYBOX, ["echo", "one"], name=bench.name(), host_config=kept_nowhere)["Id"]
        bench.engine.start_container(made)
        assert isinstance(bench.engine, DockerEngine)
        wait_until_ended(bench.engine, made)
        assert bench.engine.logs(made) == ""

    def test_more_than_the_limit(self, bench: Bench) -> None:
        made = run(bench, "head -c 300000 /dev/zero | tr '\\0' x; echo; echo last")
        text = bench.engine.logs(made, limit=1000)
        assert len(text) == 1000
        assert text.endswith("x\nlast\n")

    def test_a_container_that_keeps_talking(self, bench: Bench) -> None:
        """The logs up to now, without waiting for more."""
        made = bench.make(command=("sh", "-c", "while true; do echo tick; done"), start=True)
        time.sleep(0.3)
        begin = time.monotonic()
        assert "tick\n" in bench.engine.logs(made)
        assert time.monotonic() - begin < 3

    def test_bytes_that_are_no_text(self, bench: Bench) -> None:
        made = run(bench, "printf '\\377\\376ok'")
        assert bench.engine.logs(made) == "\ufffd\ufffdok"


class TestPaths:
    @pytest.fixture
    def made(self, bench: Bench) -> str:
        script = (
            "mkdir -p /t/folder; echo text > /t/file; chmod 4711 /t/file; ln -s file /t/link; ln -s /t/link /t/second;"
            "ln -s folder /t/to-folder; ln -s nowhere /t/dangling; ln -s round /t/round; mkfifo /t/pipe; echo ready;"
            "sleep 1000"
        )
        made = bench.make(command=("sh", "-c", script), start=True)
        end = time.monotonic() + 10
        while "ready" not in bench.engine.logs(made):
            assert time.monotonic() < end
            time.sleep(0.02)
        return made

    @pytest.mark.parametrize(
        ("path", "kind", "content"),
        [
            ("/t/file", "file", b"text\n"),
            ("t/file", "file", b"text\n"),
            ("/t/link", "file", b"text\n"),
            ("/t/second", "file", b"text\n"),
            ("/t/to-folder", "directory", None),
            ("/t/folder/", "directory", None),
            ("/t/dangling", "link", None),
            ("/t/round", "link", None),
            ("/t/pipe", "other", None),
        ],
    )
    def test_kinds(self, bench: Bench, made: str, path: str, kind: str, content: bytes | None) -> None:
        seen = bench.engine.path(made, path)
        assert seen is not None
        assert (seen.kind, seen.content) == (kind, content)

    def test_mode(self, bench: Bench, made: str) -> None:
        seen = bench.engine.path(made, "/t/file")
        assert seen is not None
        assert oct(seen.mode) == "0o4711"

    def test_a_link_does_not_lead_out_of_the_container(self, bench: Bench, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("of the host")
        made = run(bench, f"ln -s {secret} /leak; ln -s ../../../../../../..{secret} /leak2")
        for name in ("/leak", "/leak2"):
            seen = bench.engine.path(made, name)
            assert seen is not None
            assert (seen.kind, seen.content) == ("link", None)

    def test_reading_leaves_the_container_free(self, bench: Bench, sdk: docker.APIClient) -> None:
        """While the engine sends an archive it holds the container's lock; what is not read is not asked for."""
        since = int(bench.engine.precise_now().timestamp())
        made = bench.make(command=LASTING, start=True)
        bench.engine.put_file(made, "/big", b"\0" * 30_000_000)
        bench.engine.put_file(made, "/small", b"small")
        for _ in range(5):
            for path, kind in (("/big", "file"), ("/", "directory")):
                seen = bench.engine.path(made, path, limit=10)
                assert seen is not None
                assert (seen.kind, seen.content) == (kind, None)
        seen = bench.engine.path(made, "/small")
        assert seen is not None
        assert seen.content == b"small"
        until = int(bench.engine.precise_now().timestamp()) + 1
        told = sdk.events(since=since, until=until, filters={"container": made, "event": "archive-path"}, decode=True)
        assert len(list(told)) == 1
        begin = time.monotonic()
        bench.engine.stop_container(made, timeout=0)
        assert bench.engine.remove_container(made) is True
        assert time.monotonic() - begin < 5

    def test_reading_at_full_tilt(self, bench: Bench, engine_socket: str) -> None:
        """Many look at once, on a busy machine, while others need the container's lock; nobody waits for long."""
        made = [bench.make(word, start=True) for word in ("one", "two")]
        for one in made:
            bench.engine.put_file(one, "/whole", bytes(1_000_000))
            bench.engine.put_file(one, "/big", bytes(20_000_000))
        end = time.monotonic() + 12
        longest: list[float] = []
        trouble: list[BaseException] = []

        def look(number: int) -> None:
            other = connect(Endpoint(f"unix://{engine_socket}", "the tests"), look_seconds=30)
            container = made[number % len(made)]
            worst = 0.0
            try:
                while time.monotonic() < end:
                    for path, limit, length in (("/whole", 10, 10), ("/big", 10, None), ("/", 10, None)):
                        begin = time.monotonic()
                        seen = other.path(container, path, limit)
                        assert seen is not None
                        assert (None if seen.content is None else len(seen.content)) == length
                        # Whoever inspects needs the lock.
                        assert other.container(container) is not None
                        worst = max(worst, time.monotonic() - begin)
                longest.append(worst)
            except BaseException as error:
                trouble.append(error)
                raise
            finally:
                other.close()

        burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
        try:
            threads = [threading.Thread(target=look, args=(number,), daemon=True) for number in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(40)
        finally:
            for process in burning:
                process.kill()
                process.wait()
        assert trouble == []
        assert len(longest) == len(threads)
        assert max(longest) < 10
        for one in made:
            assert bench.engine.remove_container(one) is True

    def test_no_folder_to_write_into(self, bench: Bench) -> None:
        made = bench.make()
        with pytest.raises(EngineRejected) as caught:
            bench.engine.put_file(made, "/no/such/folder/x", b"")
        assert caught.value.status == 404


class TestContainers:
    def test_ports_are_open_on_loopback_only(self, bench: Bench, sdk: docker.APIClient) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        spec = ContainerSpec(name=bench.name(), image=BUSYBOX, command=LASTING, publish={"80/tcp": port})
        made = bench.engine.create_container(spec)
        bench.engine.start_container(made)
        raw = sdk.inspect_container(made)
        assert raw["NetworkSettings"]["Ports"]["80/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": str(port)}]
        assert raw["HostConfig"]["Privileged"] is False

    def test_a_port_that_is_taken(self, bench: Bench) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        for word in ("first", "second"):
            spec = ContainerSpec(name=bench.name(word), image=BUSYBOX, command=LASTING, publish={"80/tcp": port})
            bench.engine.create_container(spec)
        bench.engine.start_container(bench.name("first"))
        with pytest.raises(EngineRejected, match="port is already allocated"):
            bench.engine.start_container(bench.name("second"))

    @pytest.mark.parametrize("network", ["host", "container:x", "ns:/proc/1/ns/net"])
    def test_networks_that_reach_out_are_refused(self, bench: Bench, network: str) -> None:
        spec = ContainerSpec(name=bench.name(), image=BUSYBOX, network=network)
        with pytest.raises(EngineRejected, match="may not use"):
            bench.engine.create_container(spec)

    def test_mounts(self, bench: Bench, sdk: docker.APIClient, tmp_path: Path) -> None:
        volume = f"{bench.prefix}-volume"
        spec = ContainerSpec(
            name=bench.name(),
            image=BUSYBOX,
            command=LASTING,
            binds={"/with:colon": str(tmp_path)},
            volumes={"/named": volume, "/nameless": ""},
        )
        made = bench.engine.create_container(spec)
        seen = bench.engine.container(made)
        assert seen is not None
        by_target = {mount.target: mount for mount in seen.mounts}
        assert by_target["/with:colon"].source == str(tmp_path)
        assert by_target["/named"].name == volume
        nameless = by_target["/nameless"].name
        bench.engine.remove_container(made)
        left = {item["Name"] for item in sdk.volumes()["Volumes"] or []}
        assert volume in left
        assert nameless not in left
        sdk.remove_volume(volume)

    def test_a_network(self, bench: Bench, sdk: docker.APIClient) -> None:
        network = f"{bench.prefix}-net"
        sdk.create_network(network)
        try:
            spec = ContainerSpec(name=bench.name(), image=BUSYBOX, command=LASTING, network=network)
            made = bench.engine.create_container(spec)
            seen = bench.engine.container(made)
            assert seen is not None
            assert [member.network for member in seen.networks] == [network]
            bench.engine.remove_container(made)
        finally:
            sdk.remove_network(network)

    def test_two_removals_at_once(self, bench: Bench, engine_socket: str) -> None:
        made = bench.make(start=True)
        others = [connect(Endpoint(f"unix://{engine_socket}", "the tests")) for _ in range(4)]
        outcomes: list[bool] = []
        threads = [
            threading.Thread(target=lambda one=one: outcomes.append(one.remove_container(made))) for one in others
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(outcomes) == 4
        assert True in outcomes
        assert bench.engine.container(made) is None
        for one in others:
            one.close()

    def test_names_through_links_are_no_names(self, bench: Bench, sdk: docker.APIClient) -> None:
        bench.make("db", start=True)
        host = sdk.create_host_config(links={bench.name("db"): "alias"})
        sdk.create_container(BUSYBOX, list(LASTING), name=bench.name("web"), host_config=host)
        sdk.start(bench.name("web"))
        names = [row.name for row in bench.engine.containers() if row.name.startswith(bench.prefix)]
        assert sorted(names) == [bench.name("db"), bench.name("web")]
        bench.engine.remove_container(bench.name("web"))

    def test_several_threads(self, bench: Bench) -> None:
        made = bench.make(start=True)
        seen: list[bool] = []

        def look() -> None:
            for _ in range(10):
                seen.append(bench.engine.container(made) is not None)
                bench.engine.logs(made)

        threads = [threading.Thread(target=look) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert seen == [True] * 60


class TestImages:
    def test_pulling_what_is_there(self, bench: Bench) -> None:
        heard: list[PullNews] = []
        bench.engine.pull(BUSYBOX, heard.append)
        assert heard
        assert not any("\n" in news.line for news in heard)
        assert bench.engine.image(BUSYBOX) is not None

    @pytest.mark.parametrize("reference", ["no-such-image-at-all:v1", "127.0.0.1:1/nothing:v1"])
    def test_pulling_what_is_not_there(self, bench: Bench, reference: str) -> None:
        with pytest.raises(EngineRejected) as caught:
            bench.engine.pull(reference)
        assert reference in caught.value.message

    def test_a_name_that_is_none(self, bench: Bench) -> None:
        with pytest.raises(EngineRejected, match="not a name"):
            bench.engine.pull("no name")

    def test_a_build_that_fails_says_why(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "Dockerfile").write_text(f"FROM {BUSYBOX}\nRUN echo the reason; exit 7\n")
        with pytest.raises(EngineRejected) as caught:
            bench.engine.build(tmp_path, bench.tag(), {})
        assert "the reason" in caught.value.message
        assert "7" in caught.value.message

    def test_a_build_that_cannot_be_read(self, bench: Bench, tmp_path: Path) -> None:
        (tmp_path / "Dockerfile").write_text("FROOM x\n")
        with pytest.raises(EngineRejected, match=r"(?i)frooM"):
            bench.engine.build(tmp_path, bench.tag(), {})

    def test_an_image_with_two_names_is_not_removed_by_id(self, bench: Bench) -> None:
        image = bench.engine.image(BUSYBOX)
        assert image is not None
        bench.engine.tag(image.id, bench.tag())
        with pytest.raises(EngineRejected) as caught:
            bench.engine.remove_image(image.id)
        assert caught.value.status == 409
        assert bench.engine.image(BUSYBOX) is not None


def test_what_happened_is_told_in_order(bench: Bench, engine: DockerEngine) -> None:
    before = engine.precise_now()
    made = bench.make("one", start=True)
    engine.exec(made, ["true"], seconds=5)
    between = engine.precise_now()
    engine.stop_container(made, 0)
    mine = [event for event in engine.events(before) if event.id == made]
    actions = [event.action for event in mine]
    assert actions[:2] == ["create", "start"]
    assert "die" in actions[2:]
    assert [event.command for event in mine if event.action == "exec_start"] == ["true"]
    assert [event.nanoseconds for event in mine] == sorted(event.nanoseconds for event in mine)
    assert "die" not in {event.action for event in engine.events(before, between) if event.id == made}
    assert engine.events(engine.precise_now()) == ()
