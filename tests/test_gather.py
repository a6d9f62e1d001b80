"""Facts as they are gathered: from a fake engine, real folders, and registries that are stubs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from msgspec.structs import replace

from dockerlearn.course.packs import open_pack
from dockerlearn.doctor import gather as gathering
from dockerlearn.doctor.facts import Facts
from dockerlearn.doctor.gather import Sources, gather, look_at_terminal
from dockerlearn.engine.condition import read
from dockerlearn.engine.endpoint import Endpoint
from dockerlearn.engine.registry import RegistrySaid
from dockerlearn.engine.snapshots import Binding
from dockerlearn.engine.system import System
from dockerlearn.errors import EngineSilent, NoEngine, StoreDamaged
from dockerlearn.paths import Paths
from dockerlearn.progress.store import Store
from tests.fake_engine import FakeEngine, make_image

PACK = """format: 1
id: t
title: For these tests
lessons: [web]
images: {busybox: busybox:1.36, nginx: nginx:1.27}
"""
LESSON = """title: Web
level: foundation
summary: A lesson with a port.
minutes: 1
vars: {port: {free_port: 8080}}
steps:
  - id: up
    title: Up
    learn: x
    task: Run dl-web of @{image.nginx} at @{port}.
    check: [{container: dl-web, running: true}, {network: dl-net}]
    hints: [x]
    solution: docker run -d --name dl-web -p @{port}:80 @{image.nginx}
"""


@dataclass
class Bench:
    """A learner's machine."""

    folder: Path
    engine: FakeEngine = field(default_factory=lambda: FakeEngine(make_image("busybox:1.36")))
    changes: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    said: RegistrySaid = field(default_factory=lambda: RegistrySaid(address="r"))

    @property
    def paths(self) -> Paths:
        return Paths(home=self.folder / "data", workspace=self.folder / "work")

    def gather(self, **changes: Any) -> Facts:
        def ask(base: str, reference: str) -> RegistrySaid:
            self.asked.append((base, reference))
            return self.said

        store: list[Store] = []

        def open_store() -> Store:
            store.append(Store.open(self.paths.progress))
            return store[0]

        sources = Sources(
            environ={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            home=self.folder,
            paths=self.paths,
            terminal=look_at_terminal({}, is_terminal=False, encoding="utf-8", columns=None),
            endpoint=lambda: Endpoint("unix:///fake.sock", "the test"),
            connect=lambda: self.engine,
            pack=lambda: open_pack(self.folder / "pack"),
            store=open_store,
            practice=lambda: None,
            unmade=lambda _: (),
            system=System(),
            ask=ask,
            port_is_free=lambda _: True,
        )
        try:
            return gather(replace(sources, **changes))
        finally:
            for one in store:
                one.close()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "pack" / "web").mkdir(parents=True)
    (tmp_path / "pack" / "pack.yaml").write_text(PACK)
    (tmp_path / "pack" / "web" / "lesson.yaml").write_text(LESSON)
    found = Bench(tmp_path)
    found.engine.clock = datetime.now(UTC)
    return found


def begin(bench: Bench, port: str = "8081") -> None:
    with Store.open(bench.paths.progress) as store:
        store.begin_attempt("t", "web", bench.engine.identity.id, {"port": port}, bench.engine.clock, images=None)


def test_an_engine_that_answers(bench: Bench) -> None:
    found = bench.gather()
    assert found.failure is None
    assert found.engine is not None
    assert (found.engine.version, found.engine.remote, found.engine.practice) == ("20.10.24", False, False)
    assert found.progress is None
    assert found.course is None
    assert found.client.version is not None


def test_what_is_in_the_way_becomes_a_fact_and_the_rest_is_looked_at(bench: Bench) -> None:
    def gone() -> FakeEngine:
        raise NoEngine("Gone.", "start it")

    found = bench.gather(connect=gone)
    assert found.engine is None
    assert found.failure is not None
    assert (found.failure.kind, found.failure.message, found.failure.remedy) == ("NoEngine", "Gone.", "start it")
    assert found.places
    assert found.rooms
    assert bench.asked == []


def test_an_engine_that_falls_silent_on_the_way(bench: Bench) -> None:
    calls = bench.engine.condition
    bench.engine.says = replace(bench.engine.says, root="/")

    class Falling(FakeEngine):
        def image(self, reference: str) -> Any:
            raise EngineSilent("It fell silent.")

    falling = Falling()
    falling.clock = datetime.now(UTC)
    found = bench.gather(connect=lambda: falling)
    assert calls().root == "/"
    assert found.engine is None
    assert found.failure is not None
    assert found.failure.kind == "EngineSilent"


def test_progress_and_lessons_that_cannot_be_read(bench: Bench) -> None:
    def damaged() -> Store:
        raise StoreDamaged("It is damaged.", "import it")

    (bench.folder / "pack" / "pack.yaml").write_text("format: 1\n")
    found = bench.gather(store=damaged)
    assert found.progress is not None
    assert found.progress.kind == "StoreDamaged"
    assert found.course is not None
    assert found.course.kind == "LessonError"
    assert "pack.yaml" in found.course.message
    assert found.engine is not None


class TestImages:
    def test_which_are_there_and_who_uses_them(self, bench: Bench) -> None:
        found = bench.gather()
        assert [(one.reference, one.present, one.lessons) for one in found.images] == [
            ("busybox:1.36", True, ()),
            ("nginx:1.27", False, ("web",)),
        ]

    def test_the_engines_registry_is_asked_by_the_engines_word(self, bench: Bench) -> None:
        bench.engine.says = replace(bench.engine.says, index="https://index.example/v1/")
        assert bench.gather().registry == bench.said
        assert bench.asked == [("https://index.example", "busybox:1.36")]
        # It has answered, so the engine itself is not made to pull.
        assert "can_pull" not in bench.engine.calls

    def test_a_mirror_in_the_network_of_a_rootless_engine_is_not_asked(self, bench: Bench) -> None:
        bench.engine.says = replace(bench.engine.says, mirrors=("http://127.0.0.1:5/",), rootless=True)
        assert bench.gather().registry is None
        assert bench.asked == []
        bench.engine.says = replace(bench.engine.says, mirrors=("http://10.0.0.5:5/",), rootless=True)
        assert bench.gather().registry is not None

    def test_mirrors_are_asked_first(self, bench: Bench) -> None:
        bench.engine.says = replace(bench.engine.says, index="https://i.example/v1/", mirrors=("http://127.0.0.1:5/",))
        bench.gather()
        assert [base for base, _ in bench.asked] == ["http://127.0.0.1:5/"]
        bench.said = RegistrySaid(address="r", kind="refused", problem="nobody listens there")
        bench.asked.clear()
        bench.gather()
        assert [base for base, _ in bench.asked] == ["http://127.0.0.1:5/", "https://i.example"]

    def test_nobody_is_asked_where_the_engine_names_nobody(self, bench: Bench) -> None:
        assert bench.gather().registry is None
        assert bench.asked == []

    def test_the_engine_may_reach_what_this_machine_does_not(self, bench: Bench) -> None:
        bench.engine.says = replace(bench.engine.says, index="https://i.example/v1/")
        bench.said = RegistrySaid(address="r", kind="name", problem="x")
        assert bench.gather().engine_pulls is False
        bench.engine.registry["docker.io/library/busybox:1.36"] = make_image("busybox:1.36")
        assert bench.gather().engine_pulls is True
        # With all images there, it does not matter.
        bench.engine.add_image(make_image("nginx:1.27"))
        assert bench.gather().engine_pulls is None

    def test_what_the_practice_engine_makes_itself(self, bench: Bench) -> None:
        found = bench.gather(practice=lambda: "unix:///fake.sock", unmade=lambda missing: missing)
        assert found.engine is not None
        assert found.engine.practice
        assert [(one.reference, one.on_demand) for one in found.images] == [
            ("busybox:1.36", False),
            ("nginx:1.27", True),
        ]


class TestTaken:
    def test_names(self, bench: Bench) -> None:
        bench.engine.add("dl-web")
        bench.engine.add("dl-other")
        bench.engine.add_network("dl-net")
        found = bench.gather()
        assert [(one.kind, one.name, one.lessons) for one in found.names] == [
            ("container", "dl-web", ("web",)),
            ("network", "dl-net", ("web",)),
        ]
        assert found.names[0].remedy == "docker rename dl-web dl-web-mine"
        assert bench.engine.by_name.keys() == {"dl-web", "dl-other"}

    def test_the_courses_own_are_not_taken(self, bench: Bench) -> None:
        begin(bench)
        bench.engine.add("dl-web", created=bench.engine.clock + timedelta(seconds=1))
        assert bench.gather().names == ()

    def test_a_port_before_an_attempt(self, bench: Bench) -> None:
        found = bench.gather(port_is_free=lambda port: port != 8080)
        assert [(one.port, one.lesson, one.fixed) for one in found.ports] == [(8080, "web", False)]
        assert bench.gather().ports == ()

    def test_a_port_of_an_attempt(self, bench: Bench) -> None:
        begin(bench, "8081")
        found = bench.gather(port_is_free=lambda port: port != 8081)
        assert [(one.port, one.fixed) for one in found.ports] == [(8081, True)]
        assert bench.gather(port_is_free=lambda port: port != 8080).ports == ()

    def test_who_has_it(self, bench: Bench) -> None:
        bench.engine.add("blog", published={"80/tcp": (Binding("0.0.0.0", 8080),)})
        found = bench.gather(port_is_free=lambda _: False)
        assert [one.holder for one in found.ports] == ["the container blog"]

    def test_the_courses_own_container_may_have_it(self, bench: Bench) -> None:
        begin(bench, "8081")
        later = bench.engine.clock + timedelta(seconds=1)
        bench.engine.add("dl-web", created=later, published={"80/tcp": (Binding("0.0.0.0", 8081),)})
        assert bench.gather(port_is_free=lambda _: False).ports == ()

    def test_a_program_of_this_machine(self, bench: Bench) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            begin(bench, str(port))
            found = bench.gather(port_is_free=lambda one: one != port)
        assert f"process {os.getpid()}" in found.ports[0].holder

    def test_of_a_remote_engine_its_own_containers_tell(self, bench: Bench) -> None:
        """A port that is taken here says nothing of one that is there."""
        bench.engine.move("ssh://build.example", "build.example")
        with socket.create_server(("127.0.0.1", 0)) as server:
            begin(bench, str(server.getsockname()[1]))
            remote = {"endpoint": lambda: Endpoint("ssh://build.example", "the test"), "port_is_free": None}
            assert bench.gather(**remote).ports == ()
            bench.engine.add("blog", published={"80/tcp": (Binding("0.0.0.0", server.getsockname()[1]),)})
            found = bench.gather(**remote)
        assert [one.holder for one in found.ports] == ["the container blog"]
        assert found.engine is not None
        assert found.engine.remote


class TestClock:
    @pytest.mark.parametrize("ahead", [3600, -3600])
    def test_that_goes_wrong(self, bench: Bench, ahead: int) -> None:
        bench.engine.clock = datetime.now(UTC) + timedelta(seconds=ahead)
        found = bench.gather().engine
        assert found is not None
        assert abs(found.clock - ahead) < 30

    def test_that_agrees(self) -> None:
        now = datetime(2026, 1, 1, 12, 0, 5, 500_000, tzinfo=UTC)
        later = now + timedelta(milliseconds=20)
        assert gathering._ahead(now + timedelta(milliseconds=10), now, later) == 0
        # Said to the second only, rounded down.
        assert gathering._ahead(now.replace(microsecond=0), now, later) == 0
        assert gathering._ahead(now - timedelta(seconds=10), now, later) == -10
        assert gathering._ahead(later + timedelta(seconds=10), now, later) == 10


class TestFolders:
    def test_their_nearest_parent_counts(self, bench: Bench) -> None:
        found = {one.what: one for one in bench.gather().places}
        assert found["workspace"].parent == str(bench.folder)
        assert found["workspace"].problem == ""

    def test_a_file_in_the_way(self, bench: Bench) -> None:
        (bench.folder / "work").write_text("")
        assert "is not a folder" in next(one for one in bench.gather().places if one.what == "workspace").problem

    def test_a_link_to_nowhere(self, bench: Bench) -> None:
        (bench.folder / "work").symlink_to("nowhere")
        assert "No such file" in next(one for one in bench.gather().places if one.what == "workspace").problem

    def test_one_that_may_not_be_written_to(self) -> None:
        """In a process without root's rights, since root may write anywhere."""
        script = (
            "import os, sys\n"
            "from pathlib import Path\n"
            "from dockerlearn.doctor.gather import _places\n"
            "from dockerlearn.paths import Paths\n"
            "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            "closed = Path(sys.argv[1])\n"
            "for one in _places(Paths(home=closed / 'a' / 'b', workspace=closed)): print(one.problem, one.owner)\n"
        )
        with TemporaryDirectory(prefix="dl-") as name:
            closed = Path(name) / "closed"
            closed.mkdir(mode=0o555)
            Path(name).chmod(0o755)
            done = subprocess.run(
                [sys.executable, "-c", script, str(closed)], capture_output=True, text=True, timeout=60, check=False
            )
        assert done.stderr == ""
        owner = "0" if os.geteuid() == 0 else ""
        assert done.stdout.splitlines() == [f"you may not write to {closed} {owner}"] * 2

    def test_room(self, bench: Bench) -> None:
        found = {one.what: one for one in bench.gather().rooms}
        free = shutil.disk_usage(bench.folder).free
        assert abs(found["workspace"].bytes - free) < 0.2 * free
        assert found["workspace"].device == found["progress"].device == bench.folder.stat().st_dev
        assert "engine" not in found  # the fake one has another kernel


def test_the_terminal() -> None:
    environ = {"TERM": "xterm", "SHELL": "/bin/sh", "PATH": os.environ["PATH"]}
    found = look_at_terminal(environ, is_terminal=True, encoding="utf-8", columns=80)
    assert (found.term, found.shell, found.shell_there, found.columns) == ("xterm", "/bin/sh", True, 80)
    assert not look_at_terminal({"SHELL": "/bin/none"}, is_terminal=True, encoding="", columns=1).shell_there
    assert not look_at_terminal({}, is_terminal=True, encoding="", columns=1).shell_there


def test_the_context(bench: Bench) -> None:
    path = os.environ["PATH"]
    assert bench.gather().context is None
    assert bench.gather(environ={"PATH": path, "DOCKER_CONTEXT": "far"}).context == "far"
    config = bench.folder / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text('{"currentContext": "work"}')
    found = bench.gather(environ={"PATH": path, "DOCKER_HOST": "unix:///x"})
    assert (found.context, found.host) == ("work", "unix:///x")
    assert bench.gather(environ={"PATH": path, "DOCKER_CONTEXT": "default"}).context is None
    config.write_text("{broken")
    assert bench.gather().context is None  # told by whoever looks for the engine


def test_only_odd_variables_are_kept(bench: Bench) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "DOCKER_API_VERSION": "1.41",
        "SECRET": "x",
        "COMPOSE_FILE": "",
        "SUDO_USER": "a",
    }
    found = bench.gather(environ=environ)
    assert found.variables == {"DOCKER_API_VERSION": "1.41"}
    assert found.sudo_user == "a"


def test_what_an_engine_says_of_itself() -> None:
    """As Docker 20.10 said it here, in part; and answers of other shapes."""
    info = {
        "OSType": "linux", "Architecture": "x86_64", "OperatingSystem": "Docker Desktop", "Driver": "overlay2",
        "DockerRootDir": "/var/lib/docker", "MemoryLimit": False, "SecurityOptions": ["name=seccomp", "name=rootless"],
        "IndexServerAddress": "https://index.example/v1/", "HttpsProxy": "http://proxy.example:3128",
        "RegistryConfig": {"Mirrors": ["http://127.0.0.1:5000/"]},
    }  # fmt: skip
    found = read(info, {"ApiVersion": "1.41", "MinAPIVersion": "1.12"})
    assert (found.oldest_api, found.newest_api, found.machine) == ("1.12", "1.41", "x86_64")
    assert (found.rootless, found.limits, found.in_desktop, found.proxied) == (True, False, True, True)
    assert (found.root, found.index, found.mirrors) == (
        "/var/lib/docker", "https://index.example/v1/", ("http://127.0.0.1:5000/",),
    )  # fmt: skip
    odd = read({"RegistryConfig": [], "SecurityOptions": 7, "OSType": 1}, {})
    assert (odd.limits, odd.mirrors, odd.os, odd.rootless) == (True, (), "linux", False)
