"""What every ``EngineApi`` promises; run on the fake one (``test_fake_engine``) and on a real one (``live``)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from uuid import uuid4

import pytest

from dockerlearn.engine.api import WHOLE, ContainerSpec, EngineApi
from dockerlearn.errors import EngineRejected

BUSYBOX = "busybox:1.36"
LASTING = ("sleep", "1000")


class Bench:
    """An engine, names that are nobody else's, and what was made with them."""

    def __init__(self, engine: EngineApi) -> None:
        self.engine = engine
        self.prefix = f"ct-{uuid4().hex[:8]}"
        self.tags: list[str] = []
        self.volumes: list[str] = []

    def name(self, word: str = "one") -> str:
        return f"{self.prefix}-{word}"

    def make(self, word: str = "one", command: tuple[str, ...] = LASTING, *, start: bool = False) -> str:
        made = self.engine.create_container(ContainerSpec(name=self.name(word), image=BUSYBOX, command=command))
        if start:
            self.engine.start_container(made)
        return made

    def tag(self, word: str = "tag") -> str:
        self.tags.append(f"{self.prefix}-{word}:v1")
        return self.tags[-1]

    def clean(self) -> None:
        for row in self.engine.containers():
            if row.name.startswith(self.prefix):
                self.engine.remove_container(row.id)
        for tag in self.tags:
            self.engine.remove_image(tag)
        for network in self.engine.networks():
            if network.name.startswith(self.prefix):
                self.engine.remove_network(network.id)
        for volume in self.volumes:
            self.engine.remove_volume(volume)


class EngineContract:
    """Give it a fixture ``engine`` with ``busybox:1.36`` on it."""

    @pytest.fixture
    def bench(self, engine: EngineApi) -> Iterator[Bench]:
        bench = Bench(engine)
        yield bench
        bench.clean()

    def test_it_says_which_engine_it_is(self, engine: EngineApi) -> None:
        assert engine.identity.id
        assert engine.identity == engine.identity
        assert engine.identity.address.startswith("unix://")
        assert engine.identity.api_version.startswith("1.")
        assert engine.identity.version
        assert engine.identity.host == "127.0.0.1"

    def test_it_says_what_it_is_like(self, engine: EngineApi) -> None:
        found = engine.condition()
        assert found.newest_api.startswith("1.")
        assert found.oldest_api.startswith("1.")
        assert found.root.startswith("/")
        assert found.store
        assert found.os == "linux"

    def test_what_no_registry_has_cannot_be_pulled(self, engine: EngineApi) -> None:
        assert not engine.can_pull("dl-nobody-has-this:1")
        assert not engine.can_pull("../../x")

    def test_the_clock(self, bench: Bench) -> None:
        engine = bench.engine
        bench.make()
        before, precise, after = engine.now(), engine.precise_now(), engine.now()
        assert before.microsecond == 0
        assert before.tzinfo == UTC
        assert before <= precise
        assert before <= after <= precise + timedelta(seconds=1)

    def test_what_is_not_there_is_none(self, bench: Bench) -> None:
        engine, nobody = bench.engine, bench.name("nobody")
        assert engine.container(nobody) is None
        assert engine.container("f" * 64) is None
        assert engine.image(f"{nobody}:v1") is None
        assert engine.image("sha256:" + "f" * 64) is None
        assert engine.path(nobody, "/etc") is None
        assert engine.remove_container(nobody) is False
        assert engine.remove_image(f"{nobody}:v1") is False

    @pytest.mark.parametrize("name", ["", "a b", "../info", "a/b", "a?b=c", "é", "x\x00", "-", "a/../../info"])
    def test_what_cannot_be_a_name_is_not_there(self, bench: Bench, name: str) -> None:
        assert bench.engine.container(name) is None

    @pytest.mark.parametrize("name", ["", "a b", "../info", "..", "a?b=c", "x/../../../info", "é"])
    def test_what_cannot_be_a_reference_is_not_there(self, bench: Bench, name: str) -> None:
        assert bench.engine.image(name) is None
        assert bench.engine.remove_image(name) is False

    def test_a_new_container(self, bench: Bench) -> None:
        made = bench.make()
        seen = bench.engine.container(bench.name())
        assert seen is not None
        assert (seen.id, seen.name, seen.status, seen.never_started) == (made, bench.name(), "created", True)
        assert seen.image_ref == BUSYBOX
        assert seen.argv == LASTING
        assert seen.memory == 256 * 1024 * 1024
        assert seen.pids_limit == 256
        assert not seen.privileged
        image = bench.engine.image(BUSYBOX)
        assert image is not None
        assert seen.image_id == image.id

    def test_the_specification_is_kept(self, bench: Bench) -> None:
        spec = ContainerSpec(
            name=bench.name(),
            image=BUSYBOX,
            entrypoint=("sh", "-c"),
            command=("exit 0",),
            env={"TOKEN": "a=b"},
            user="1:2",
            workdir="/etc",
            labels={"course": "yes"},
            publish={"80/tcp": 28_999, "53/udp": 28_998},
            volumes={"/data": ""},
            memory=32 * 1024 * 1024,
            pids=20,
        )
        bench.engine.create_container(spec)
        seen = bench.engine.container(bench.name())
        assert seen is not None
        assert (seen.argv, seen.env["TOKEN"], seen.user, seen.workdir) == (("sh", "-c", "exit 0"), "a=b", "1:2", "/etc")
        assert seen.labels["course"] == "yes"
        assert {port: (one.host_ip, one.host_port) for port, (one,) in seen.asked.items()} == {
            "80/tcp": ("127.0.0.1", 28_999),
            "53/udp": ("127.0.0.1", 28_998),
        }
        assert (seen.memory, seen.pids_limit) == (32 * 1024 * 1024, 20)
        (mount,) = seen.mounts
        assert (mount.target, mount.kind, mount.anonymous) == ("/data", "volume", True)

    def test_it_is_found_by_name_and_by_id_and_by_nothing_else(self, bench: Bench) -> None:
        made = bench.make()
        for key in (bench.name(), f"/{bench.name()}", made, made[:12], made[:20]):
            seen = bench.engine.container(key)
            assert seen is not None
            assert seen.id == made
        # The engine would take these for the container's id.
        for key in (made[:4], made[:11], bench.name()[:-1]):
            assert bench.engine.container(key) is None

    def test_a_name_that_looks_like_another_ones_id(self, bench: Bench) -> None:
        """A container named like the first digits of another one's id is the one that is meant."""
        other = bench.make("other")
        bench.engine.create_container(ContainerSpec(name=other[:12], image=BUSYBOX, command=LASTING))
        try:
            seen = bench.engine.container(other[:12])
            assert seen is not None
            assert seen.name == other[:12]
        finally:
            assert seen is not None
            bench.engine.remove_container(seen.id)

    def test_rows(self, bench: Bench) -> None:
        first, second = bench.make("first"), bench.make("second", start=True)
        rows = {row.name: row for row in bench.engine.containers()}
        for word, made, status in (("first", first, "created"), ("second", second, "running")):
            row = rows[bench.name(word)]
            seen = bench.engine.container(made)
            assert seen is not None
            assert (row.id, row.image, row.image_id, row.status) == (made, BUSYBOX, seen.image_id, status)
            assert row.created == seen.created.replace(microsecond=0)

    def test_a_life(self, bench: Bench) -> None:
        engine, made = bench.engine, bench.make()

        def status() -> tuple[str, bool]:
            seen = engine.container(made)
            assert seen is not None
            return seen.status, seen.is_up

        engine.start_container(made)
        assert status() == ("running", True)
        engine.start_container(made)
        assert status() == ("running", True)
        engine.pause_container(made)
        assert status() == ("paused", False)
        engine.pause_container(made)
        assert status() == ("paused", False)
        engine.unpause_container(made)
        engine.unpause_container(made)
        assert status() == ("running", True)
        engine.stop_container(made, timeout=0)
        assert status() == ("exited", False)
        engine.stop_container(made)
        assert status() == ("exited", False)
        engine.start_container(made)
        assert status() == ("running", True)

    @pytest.mark.parametrize("state", ["created", "running", "paused", "exited"])
    def test_removing_works_in_any_state_and_once(self, bench: Bench, state: str) -> None:
        engine, made = bench.engine, bench.make(start=state != "created")
        if state == "paused":
            engine.pause_container(made)
        if state == "exited":
            engine.stop_container(made, timeout=0)
        assert engine.remove_container(made) is True
        assert engine.container(bench.name()) is None
        assert engine.remove_container(made) is False

    def test_a_name_that_is_taken(self, bench: Bench) -> None:
        bench.make()
        with pytest.raises(EngineRejected, match="already in use") as caught:
            bench.make()
        assert caught.value.status == 409

    def test_an_image_that_is_not_there(self, bench: Bench) -> None:
        with pytest.raises(EngineRejected, match=r"(?i)no such image") as caught:
            bench.engine.create_container(ContainerSpec(name=bench.name(), image=bench.name("image")))
        assert caught.value.status == 404

    def test_doing_something_to_nobody(self, bench: Bench) -> None:
        engine, nobody = bench.engine, bench.name("nobody")
        for call in (engine.start_container, engine.stop_container, engine.pause_container, engine.unpause_container):
            with pytest.raises(EngineRejected, match=r"(?i)no such container") as caught:
                call(nobody)
            assert caught.value.status == 404
        with pytest.raises(EngineRejected) as caught:
            engine.logs(nobody)
        assert caught.value.status == 404
        with pytest.raises(EngineRejected) as caught:
            engine.put_file(nobody, "/x", b"")
        assert caught.value.status == 404

    def test_pausing_what_does_not_run(self, bench: Bench) -> None:
        with pytest.raises(EngineRejected, match="not running"):
            bench.engine.pause_container(bench.make())

    @pytest.mark.parametrize("start", [False, True])
    def test_files(self, bench: Bench, start: bool) -> None:
        engine, made = bench.engine, bench.make(start=start)
        engine.put_file(made, "/hello world", b"0123456789", 0o750)
        seen = engine.path(made, "/hello world")
        assert seen is not None
        assert (seen.kind, seen.mode, seen.size, seen.content) == ("file", 0o750, 10, b"0123456789")
        part = engine.path(made, "/hello world", limit=4)
        assert part is not None
        assert (part.size, part.content) == (10, b"0123")
        engine.put_file(made, "/hello world", b"")
        empty = engine.path(made, "/hello world")
        assert empty is not None
        assert (empty.size, empty.content, empty.mode) == (0, b"", 0o644)
        engine.put_file(made, "/large", b"x" * (WHOLE + 1))
        for limit, length in ((10, None), (WHOLE, None), (WHOLE + 1, WHOLE + 1), (2 * WHOLE, WHOLE + 1)):
            large = engine.path(made, "/large", limit)
            assert large is not None
            content = None if large.content is None else len(large.content)
            assert (large.kind, large.size, content) == ("file", WHOLE + 1, length)
        root = engine.path(made, "/")
        assert root is not None
        assert (root.kind, root.content) == ("directory", None)
        assert engine.path(made, "/no/such/path") is None
        assert engine.path(made, "/hello world/below") is None

    def test_tags(self, bench: Bench) -> None:
        engine, tag = bench.engine, bench.tag()
        image = engine.image(BUSYBOX)
        assert image is not None
        assert tag not in engine.image_tags()
        engine.tag(image.id, tag)
        engine.tag(image.id, tag)
        assert tag in engine.image_tags()
        assert list(engine.image_tags()) == sorted(set(engine.image_tags()))
        for name in (tag, f"docker.io/library/{tag}", image.id, image.id.removeprefix("sha256:")[:12]):
            seen = engine.image(name)
            assert seen is not None
            assert seen.id == image.id
        assert engine.image(image.id.removeprefix("sha256:")[:8]) is None
        assert engine.remove_image(tag) is True
        assert engine.image(tag) is None
        assert engine.image(BUSYBOX) is not None
        assert engine.remove_image(tag) is False

    def test_ids_of_images_and_those_without_a_name(self, bench: Bench, tmp_path: Path) -> None:
        engine, tag = bench.engine, bench.tag("built")
        before = engine.image_ids()
        base = engine.image(BUSYBOX)
        assert base is not None
        assert base.id in before
        (tmp_path / "Dockerfile").write_text(f"FROM {BUSYBOX}\nCOPY Dockerfile /copied-{bench.prefix}\n")
        built = engine.build(tmp_path, tag, {}).id
        assert built in engine.image_ids()
        assert built not in before
        assert engine.image_parents()[built] == base.id
        assert engine.image_parents()[base.id] == ""
        assert built not in engine.untagged_images()
        engine.tag(base.id, tag)
        assert built in engine.untagged_images()
        assert built in engine.image_ids()
        assert base.id not in engine.untagged_images()
        engine.remove_image(built)
        assert built not in engine.image_ids()

    def test_an_image_is_given_and_taken(self, engine: EngineApi) -> None:
        before = engine.image(BUSYBOX)
        given = b"".join(engine.export_image(BUSYBOX))
        assert before is not None
        engine.load_images(iter((given[:1000], given[1000:])))
        after = engine.image(BUSYBOX)
        assert after is not None
        assert (after.id, after.layers) == (before.id, before.layers)
        with pytest.raises(EngineRejected):
            engine.load_images(iter((given[: len(given) // 2],)))
        assert engine.image(BUSYBOX) == after
        with pytest.raises(EngineRejected):
            list(engine.export_image("dl-nobody-has-this:1"))

    def test_tagging_nothing(self, bench: Bench) -> None:
        with pytest.raises(EngineRejected) as caught:
            bench.engine.tag("sha256:" + "f" * 64, bench.tag())
        assert caught.value.status == 404

    def test_build(self, bench: Bench, tmp_path: Path) -> None:
        engine, tag = bench.engine, bench.tag("built")
        (tmp_path / "Dockerfile").write_text(f"FROM {BUSYBOX}\nCOPY Dockerfile /copied\n")
        built = engine.build(tmp_path, tag, {"course": "yes"}).id
        image, base = engine.image(tag), engine.image(BUSYBOX)
        assert image is not None
        assert base is not None
        assert image.id == built
        assert image.labels["course"] == "yes"
        assert image.layers[: len(base.layers)] == base.layers
        assert len(image.layers) > len(base.layers)

    def test_a_build_tells_what_its_stages_have_left(self, bench: Bench, tmp_path: Path) -> None:
        engine, tag = bench.engine, bench.tag("staged")
        (tmp_path / "Dockerfile").write_text(
            f"FROM {BUSYBOX} AS first\nCOPY Dockerfile /{bench.prefix}\nFROM {BUSYBOX}\n"
            f"COPY --from=first /{bench.prefix} /copied\n"
        )
        before = engine.untagged_images()
        built = engine.build(tmp_path, tag, {})
        assert set(built.stages) == set(engine.untagged_images()) - set(before)
        assert len(built.stages) == 1
        assert engine.build(tmp_path, tag, {}).stages == ()
        assert engine.remove_image(tag)
        assert engine.remove_image(built.stages[0])

    def test_an_image_in_use_stays(self, bench: Bench, tmp_path: Path) -> None:
        engine, tag = bench.engine, bench.tag("used")
        (tmp_path / "Dockerfile").write_text(f"FROM {BUSYBOX}\nCOPY Dockerfile /{bench.prefix}\n")
        engine.build(tmp_path, tag, {})
        made = engine.create_container(ContainerSpec(name=bench.name(), image=tag))
        with pytest.raises(EngineRejected) as caught:
            engine.remove_image(tag)
        assert caught.value.status == 409
        assert engine.image(tag) is not None
        engine.remove_container(made)
        assert engine.remove_image(tag) is True

    def test_building_nothing(self, bench: Bench, tmp_path: Path) -> None:
        with pytest.raises(EngineRejected, match="no Dockerfile"):
            bench.engine.build(tmp_path, bench.tag(), {})

    def test_networks(self, bench: Bench) -> None:
        engine, name = bench.engine, bench.name("net")
        assert engine.network(name) is None
        made = engine.create_network(name, internal=True, labels={"course": "yes"})
        seen = engine.network(name)
        assert seen is not None
        assert (seen.id, seen.name, seen.driver, seen.internal) == (made, name, "bridge", True)
        assert seen.labels["course"] == "yes"
        assert engine.network(made) == seen
        assert engine.network(made[:12]) is None
        assert (made, "bridge") in {(row.id, row.driver) for row in engine.networks()}
        with pytest.raises(EngineRejected):
            engine.create_network(name)
        spec = ContainerSpec(name=bench.name(), image=BUSYBOX, command=LASTING, network=name, aliases=("db",))
        user = engine.create_container(spec)
        assert [row.id for row in engine.users_of_network(seen)] == [user]
        engine.start_container(user)
        there = engine.container(user)
        assert there is not None
        assert [(one.network, one.network_id, "db" in one.names) for one in there.networks] == [(name, made, True)]
        assert [row.id for row in engine.users_of_network(seen)] == [user]
        with pytest.raises(EngineRejected):
            engine.remove_network(made)
        other = bench.make("other", start=True)
        engine.connect_network(made, other, ["web"])
        joined = engine.container(other)
        assert joined is not None
        assert {one.network for one in joined.networks} == {"bridge", name}
        assert {row.id for row in engine.users_of_network(seen)} == {user, other}
        engine.remove_container(user)
        engine.remove_container(other)
        assert engine.remove_network(made) is True
        assert engine.remove_network(made) is False

    def test_volumes(self, bench: Bench) -> None:
        engine, name = bench.engine, bench.name("vol")
        bench.volumes.append(name)
        assert engine.volume(name) is None
        engine.create_volume(name, {"course": "yes"})
        engine.create_volume(name, {"course": "yes"})
        seen = engine.volume(name)
        assert seen is not None
        assert (seen.name, seen.driver, seen.options, seen.anonymous) == (name, "local", {}, False)
        assert seen.labels["course"] == "yes"
        assert name in engine.volumes()
        assert engine.users_of_volume(name) == ()
        spec = ContainerSpec(
            name=bench.name(), image=BUSYBOX, volumes={"/data": name}, read_only=frozenset({"/data"}), no_copy=True
        )
        user = engine.create_container(spec)
        there = engine.container(user)
        assert there is not None
        (mount,) = there.mounts
        assert (mount.kind, mount.name, mount.target, mount.read_only) == ("volume", name, "/data", True)
        assert [row.id for row in engine.users_of_volume(name)] == [user]
        with pytest.raises(EngineRejected):
            engine.remove_volume(name)
        engine.remove_container(user)
        assert engine.remove_volume(name) is True
        assert engine.remove_volume(name) is False

    @pytest.mark.parametrize("name", ["", "a b", "../info", "a/b", "a?b=c", "é", "x\x00", "-"])
    def test_what_cannot_be_the_name_of_a_network_or_volume_is_not_there(self, bench: Bench, name: str) -> None:
        assert bench.engine.network(name) is None
        assert bench.engine.volume(name) is None
        assert bench.engine.remove_volume(name) is False

    def test_a_container_without_a_name_gets_one(self, bench: Bench) -> None:
        engine = bench.engine
        made = engine.create_container(ContainerSpec(name="", image=BUSYBOX, hostname="probe"))
        try:
            there = engine.container(made)
            assert there is not None
            assert there.name
            assert there.hostname == "probe"
        finally:
            engine.remove_container(made)

    def test_the_newest_containers(self, bench: Bench) -> None:
        engine = bench.engine
        bench.make("one")
        second = bench.make("two")
        assert [row.id for row in engine.containers(newest=1)] == [second]
        assert {row.id for row in engine.containers()} >= {row.id for row in engine.containers(newest=2)}

    def test_processes(self, bench: Bench) -> None:
        engine = bench.engine
        made = bench.make()
        assert engine.top(made) == ()
        engine.start_container(made)
        seen = [engine.top(made)]
        # A loaded machine may still show the runtime that is about to become the command.
        end = monotonic() + 10
        while seen[-1] != ("sleep 1000",) and monotonic() < end:
            seen.append(engine.top(made))
        assert seen[-1] == ("sleep 1000",), seen
        assert all(len(one) <= 1 for one in seen), seen
        engine.stop_container(made, 0)
        assert engine.top(made) == ()

    def test_nothing_has_changed_in_a_new_container(self, bench: Bench) -> None:
        made = bench.make()
        assert bench.engine.changes(made) == {}
        with pytest.raises(EngineRejected):
            bench.engine.changes(bench.name("nobody"))

    def test_exec_needs_a_running_container(self, bench: Bench) -> None:
        made = bench.make()
        with pytest.raises(EngineRejected):
            bench.engine.exec(made, ["true"], seconds=3)
        bench.engine.start_container(made)
        assert bench.engine.exec(made, ["dl-no-such-command"], seconds=5).exit_code in {126, 127}

    def test_what_happens_is_told_as_it_happens(self, bench: Bench) -> None:
        engine = bench.engine
        made = bench.make()
        stream = engine.follow(engine.precise_now())
        told: SimpleQueue[str] = SimpleQueue()

        def listen() -> None:
            for event in stream:
                if event.id == made and event.action == "exec_start":
                    told.put(event.command)
            told.put("ended")

        thread = threading.Thread(target=listen)
        thread.start()
        engine.start_container(made)
        for word in ("one", "two"):
            engine.exec(made, ["echo", word], seconds=5)
            assert told.get(timeout=30) == f"echo {word}"
        stream.close()
        assert told.get(timeout=30) == "ended"
        thread.join(timeout=30)
        assert not thread.is_alive()
        stream.close()

    def test_what_happened_before_is_told_first(self, bench: Bench) -> None:
        engine = bench.engine
        made = bench.make(start=True)
        began = engine.precise_now()
        engine.exec(made, ["echo", "before"], seconds=5)
        stream = engine.follow(began)
        first = next(event for event in stream if event.action == "exec_start")
        assert (first.id, first.command) == (made, "echo before")
        stream.close()

    def test_a_stream_that_was_closed_before_it_was_begun_tells_nothing(self, bench: Bench) -> None:
        stream = bench.engine.follow(bench.engine.now())
        stream.close()
        assert list(stream) == []
