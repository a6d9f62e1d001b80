"""An engine of the run's own, a docker client that uses it, and a guard against tests that leave things on it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.engine import client, endpoint, unix_http
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.practice import Practice, PracticeStatus
from tests import own_engine
from tests.conftest import NO_ENGINE
from tests.live.lessons import Learner
from tests.live.live_bench import LiveBench


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
    found("clean", "--yes")


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
        for name in tags or [row["Id"]]:
            found["image", name] = f"/images/{name}?force=1"
    return found
