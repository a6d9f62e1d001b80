"""An engine of the run's own, a docker client that uses it, and a guard against tests that leave things on it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.course.packs import open_pack
from dockerlearn.engine import client, endpoint, references, unix_http
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.practice import Practice, PracticeStatus
from dockerlearn.setup import pip_settings, workspace
from tests import own_engine, podman_engine
from tests.cli_support import Learner as Commands
from tests.conftest import NO_ENGINE
from tests.live.lessons import InOneGo, Learner, Proving, Tried, prove
from tests.live.live_bench import LiveBench
from tests.matrix import PODMAN


class Docker:
    """The stock docker client on PATH, told to use one engine, with a configuration of its own.

    Called, it gives what the client printed and raises when it failed; ``try_`` gives how it ended.
    """

    def __init__(self, host: str, home: Path) -> None:
        self.host = host
        self.home = home

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
        return {**kept, "DOCKER_HOST": self.host, "DOCKER_CONFIG": str(self.home), "HOME": str(self.home)}

    def try_(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002  # as subprocess calls it
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", *arguments],
            input=input, stdin=subprocess.DEVNULL if input is None else None, capture_output=True, text=True,
            check=False, timeout=timeout, cwd=cwd, env={**self.environment, **(env or {})},
        )  # fmt: skip

    def __call__(self, *arguments: str, **options: Any) -> str:
        done = self.try_(*arguments, **options)
        if done.returncode != 0:
            raise AssertionError(f"docker {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout.strip()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test that is marked ``also_on`` or ``only_on``, or is for Podman, once for each engine, named in its id.

    In a run of ``tests.matrix``, which is on another engine as a whole, it is as if it were not marked.
    """
    if own_engine.PROGRAMS in os.environ and own_engine.CELL not in os.environ:
        return
    also, only = ([*metafunc.definition.iter_markers(name)] for name in ("also_on", "only_on"))
    on_podman = [PODMAN] if podman_engine.is_ordinary(metafunc.definition.nodeid) else []
    cells: list[str | None] = [None] if (also or on_podman) and not only else []
    cells += [*(cell for marker in (*also, *only) for cell in marker.args), *on_podman]
    if cells:
        metafunc.parametrize("cell", cells, ids=[cell or "here" for cell in cells])


@pytest.fixture(autouse=True)
def cell() -> None:
    """The cell of ``tests.matrix`` that a test is for, where it is for one (see ``pytest_generate_tests``)."""


@pytest.fixture(scope="session", autouse=True)
def _in_own_namespaces(pytestconfig: pytest.Config) -> None:
    """Fail, never skip, where no engine can be had."""
    if not own_engine.is_inner():
        reason = pytestconfig.stash.get(NO_ENGINE, "The live tests were not started in namespaces of their own.")
        pytest.fail(reason, pytrace=False)


@pytest.fixture(scope="session")
def practice_engine(_in_own_namespaces: None) -> Iterator[tuple[Practice, PracticeStatus]]:
    with own_engine.own_engine() as found:
        yield found


@pytest.fixture(scope="session")
def practice(practice_engine: tuple[Practice, PracticeStatus]) -> Practice:
    """A practice engine with stand-ins, for the whole run."""
    return practice_engine[0]


@pytest.fixture(scope="session")
def docker_host(practice_engine: tuple[Practice, PracticeStatus]) -> str:
    """Its address, as ``DOCKER_HOST`` says it."""
    assert practice_engine[1].address is not None
    return practice_engine[1].address


@pytest.fixture(scope="session")
def engine_socket(docker_host: str) -> str:
    """The path of its socket."""
    return docker_host.removeprefix("unix://")


@pytest.fixture(scope="session")
def nginx(practice: Practice) -> str:
    """The reference of nginx's stand-in, which can be pulled from now on."""
    return own_engine.serve_stand_in("nginx", practice)


@pytest.fixture(scope="session")
def python(practice: Practice) -> str:
    """The reference of python's stand-in, which can be pulled from now on."""
    return own_engine.serve_stand_in("python", practice)


@pytest.fixture(scope="session")
def registry(practice: Practice) -> str:
    """The reference of registry's stand-in, which can be pulled from now on."""
    return own_engine.serve_stand_in("registry", practice)


@pytest.fixture(scope="session")
def served_packages(practice_engine: tuple[Practice, PracticeStatus]) -> Iterator[dict[str, str]]:
    """What the environment of a learner's pip says of the index in these namespaces, which containers reach."""
    with own_engine.index_for(str(practice_engine[1].address)) as settings:
        yield settings


@pytest.fixture(scope="module")
def fastapi_layers(
    docker_host: str, python: str, nginx: str, served_packages: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """What the lesson fastapi builds, installed once by pip in containers and kept in the builder's cache.

    Each way to write the installation is one of ``INSTALLATIONS``. The names are none of the lesson's, so that nothing
    of the lesson's takes the layers away.
    """
    folder = tmp_path_factory.mktemp("layers")
    (folder / "config").mkdir()
    docker = Docker(docker_host, folder / "config")
    listed = {"index-url": served_packages["PIP_INDEX_URL"], "trusted-host": served_packages["PIP_TRUSTED_HOST"]}
    settings = pip_settings.files(listed, {})
    values = {"image.python": python, "pip_conf": settings.conf, "pip_ca": settings.ca}
    for name in ("api", "first"):
        sources = workspace.gather(open_pack().files("fastapi"), [name], values)
        workspace.write_context({path.removeprefix(f"{name}/"): one for path, one in sources.items()}, folder / name)
    whole = (folder / "api/Dockerfile").read_text()
    before = set(things(docker_host))
    try:
        for reference in (python, nginx):
            docker("pull", "--quiet", reference)
        docker("build", "--quiet", "--tag", "theirs/layers:first", str(folder / "first"), timeout=600)
        for number, text in enumerate((whole, whole.replace("CMD", f"{_USER}CMD"), *INSTALLATIONS)):
            (folder / "api/Dockerfile").write_text(text.replace("{python}", python))
            docker("build", "--quiet", "--tag", f"theirs/layers:v{number}", str(folder / "api"), timeout=600)
        yield
    finally:
        for _ in range(2):  # what another one is built on goes after it
            for kind, name in things(docker_host):
                if kind == "image" and ("image", name) not in before:
                    docker.try_("rmi", "--force", name)


_USER = "RUN useradd --uid 10001 hut && mkdir /data && chown hut /data\nUSER hut\n"
_CODE_FIRST = "COPY pip /etc/\nWORKDIR /app\nCOPY main.py requirements.txt ./\n"
_CODE_LAST = "COPY pip /etc/\nWORKDIR /app\nCOPY requirements.txt ./\n"
_NO_CACHE = "install --no-cache-dir -r requirements.txt\n"
INSTALLATIONS = (
    f"FROM {{python}}\n{_CODE_FIRST}RUN pip install -r requirements.txt\n",
    f"FROM {{python}}\n{_CODE_FIRST}RUN pip {_NO_CACHE}",
    f"FROM {{python}}\n{_CODE_LAST}RUN pip {_NO_CACHE}COPY main.py ./\n",
)


@pytest.fixture
def bare_index(own_environment: None, served_packages: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's pip is set to that index, and to nothing else."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in served_packages.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def package_index(bare_index: None, fastapi_layers: None) -> None:
    """So it is, and what the lesson fastapi installs from there is in the builder's cache."""


@pytest.fixture
def docker(docker_host: str, tmp_path: Path) -> Docker:
    """The stock docker client, using the practice engine."""
    home = tmp_path / "docker-config"
    home.mkdir()
    return Docker(docker_host, home)


@pytest.fixture(scope="session")
def connection(docker_host: str) -> Iterator[client.DockerEngine]:
    """The practice engine as the product reaches it."""
    opened = client.connect(endpoint.find({"DOCKER_HOST": docker_host}, Path("/nonexistent")))
    yield opened
    opened.close()


@pytest.fixture
def engine(connection: client.DockerEngine) -> Callable[[], EngineApi]:
    """What gives the practice engine to a prover."""
    return lambda: connection


@pytest.fixture
def learner(docker: Docker, tmp_path: Path) -> Iterator[Learner]:
    """Somebody who uses the command line on the practice engine; what is made is cleaned up afterwards."""
    found = Learner(tmp_path, docker.host)
    yield found
    found.here("clean", "--yes")


@pytest.fixture
def tried(request: pytest.FixtureRequest, learner: Learner) -> Iterator[Tried]:
    """What plays cheats and right ways of the module's ``LESSON``, which name its variables ``VALUES``."""
    found = Tried(learner, request.module.LESSON, request.module.VALUES)
    yield found
    found.forget()


@pytest.fixture
def proved(
    request: pytest.FixtureRequest, engine: Callable[[], EngineApi], docker_host: str, tmp_path: Path
) -> Proving:
    """What proves steps of the module's ``LESSON``, or all; what it leaves behind is what ``_nothing_left`` sees."""
    return partial(prove, engine, docker_host, tmp_path, request.module.LESSON)


@pytest.fixture(scope="module")
def in_one_go(request: pytest.FixtureRequest) -> InOneGo:
    """The proof in one go of the steps for which tests of the module that ask for it were selected."""
    asking = [
        item
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path and "in_one_go" in item.fixturenames
    ]
    return InOneGo([str(item.callspec.params["step"]) for item in asking])


@pytest.fixture
def nameless_come(connection: client.DockerEngine) -> Iterator[Callable[[], set[str]]]:
    """The images without a name that have come, of builders and builds; they are taken away afterwards.

    Nothing tells for certain whose such an image is. ``clean`` lists them with the command that removes them.
    """
    before = set(connection.untagged_images())

    def come() -> set[str]:
        return set(connection.untagged_images()) - before

    yield come
    tried: set[str] = set()
    # With the containerd store an image of the old builder shows up when the one that was built on it is gone.
    while more := come() - tried:
        for image in more:
            unix_http.ask(connection.identity.address.removeprefix("unix://"), f"/images/{image}", method="DELETE")
        tried |= more


@pytest.fixture
def commands(learner: Learner, connection: client.DockerEngine, tmp_path: Path) -> Commands:
    """The learner's commands, run in this process: to start Python for each would take most of the time."""
    made = Commands(tmp_path)
    made.environ = learner.environment
    made.connect = lambda: connection
    return made


@pytest.fixture
def bench(engine_socket: str, tmp_path: Path) -> Iterator[LiveBench]:
    """A lesson's attempt; what is made in it is taken away."""
    made = LiveBench(engine_socket, tmp_path)
    yield made
    made.clean()
    made.close()


@pytest.fixture(autouse=True)
def _nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves something on the engine, and take it away, so that the next ones do not suffer."""
    if "practice_engine" not in request.fixturenames:
        yield
        return
    host: str = request.getfixturevalue("docker_host")
    before = things(host)
    yield
    after = things(host)
    if ("image", own_engine.BASE_IMAGE) not in after:
        own_engine.pull_base(host)
    left = {thing: path for thing, path in after.items() if thing not in before}
    if not left or request.node.get_closest_marker("keeps_things"):
        return
    for path in left.values():
        unix_http.ask(host.removeprefix("unix://"), path, method="DELETE", timeout=30)
    pytest.fail("left on the engine: " + ", ".join(f"{kind} {name}" for kind, name in sorted(left)), pytrace=False)


def things(host: str) -> dict[tuple[str, str], str]:
    """What is on an engine, by kind and name, each with the path by which it is removed; containers come first."""
    socket = host.removeprefix("unix://")

    def rows(path: str, key: str | None = None) -> list[dict[str, Any]]:
        answer: Any = unix_http.ask(socket, path, timeout=30).json()
        return (answer[key] if key else answer) or []

    found = {}
    for row in rows("/containers/json?all=1"):
        found["container", row["Names"][0].lstrip("/")] = f"/containers/{row['Id']}?force=1&v=1"
    for row in rows("/networks"):
        found["network", row["Name"]] = f"/networks/{row['Id']}"
    for row in rows("/volumes", "Volumes"):
        found["volume", row["Name"]] = f"/volumes/{row['Name']}?force=1"
    for row in rows("/images/json"):
        tags = [tag for tag in row.get("RepoTags") or () if tag != "<none>:<none>"]
        for name in map(references.short, tags) if tags else [row["Id"]]:  # Podman writes names out
            found["image", name] = f"/images/{name}?force=1"
    return found
