"""The docker client on PATH, by programs that answer as the real ones were seen to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dockerlearn.engine.docker_program import DockerProgram, look

# What Docker 28.2.2 says without an engine and without plugins; it fails at the last, and says its own part first.
BARE = r"""
[ "$DOCKER_HOST$DOCKER_CONTEXT" = unix:///nonexistent/dockerlearn ] || { echo "asked $DOCKER_HOST" >&2; exit 9; }
case "$*" in
--version) echo "Docker version 28.2.2, build e6534b4";;
"version --format"*)
  echo '{"Version":"28.2.2","ApiVersion":"1.50","DefaultAPIVersion":"1.50","Os":"linux","Context":"default"}'
  echo "Cannot connect to the Docker daemon at $DOCKER_HOST. Is the docker daemon running?" >&2; exit 1;;
*) echo "docker: unknown command: docker $1" >&2; exit 1;;
esac
"""
WITH_PLUGINS = r"""
case "$*" in
--version) echo "Docker version 20.10.24+dfsg1, build 297e128";;
"version --format"*) echo '{"Version":"20.10.24+dfsg1","ApiVersion":"1.41","DefaultAPIVersion":"1.41"}'; exit 1;;
"buildx version") echo "github.com/docker/buildx v0.11.2 9872040b6626fb7d87ef7296fd5b832e8cc2ad17";;
"compose version") echo "Docker Compose version 2.40.3-1";;
esac
"""
PODMAN = r"""
echo "Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg." >&2
echo "podman version 4.3.1"
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "bin").mkdir()
    return {"PATH": f"{tmp_path / 'bin'}", "DOCKER_HOST": "tcp://engine.invalid:1", "DOCKER_CONTEXT": "x"}


def put(environ: dict[str, str], script: str, *, first: str = "#!/bin/sh\n") -> str:
    path = Path(environ["PATH"].split(":")[0]) / "docker"
    path.write_text(first + script)
    path.chmod(0o755)
    return str(path)


def test_none(environ: dict[str, str]) -> None:
    assert look(environ) == DockerProgram()


def test_a_bare_one_is_not_let_near_an_engine(environ: dict[str, str]) -> None:
    path = put(environ, BARE)
    assert look(environ) == DockerProgram(path=path, version="28.2.2", api="1.50")


def test_with_plugins(environ: dict[str, str]) -> None:
    path = put(environ, WITH_PLUGINS)
    found = look(environ)
    assert found == DockerProgram(
        path=path, version="20.10.24+dfsg1", api="1.41", plugins={"buildx": "0.11.2", "compose": "2.40.3-1"}
    )


def test_podman(environ: dict[str, str]) -> None:
    found = look(environ | {"DOCKER_HOST": ""}) if put(environ, PODMAN) else None
    assert found is not None
    assert (found.version, found.podman, found.plugins) == ("4.3.1", True, {})


@pytest.mark.parametrize(
    ("first", "script", "says"),
    [
        ("#!/nonexistent/sh\n", "", "No such file"),
        ("#!/bin/sh\n", "echo broken >&2; exit 3", "broken"),
        ("#!/bin/sh\n", "exit 3", "it ends with 3"),
        ("#!/bin/sh\n", "echo hello", "hello"),
        ("#!/bin/sh\n", "printf 'a\\033[2Jb'", "ab"),
        ("#!/bin/sh\n", "", "it says nothing"),
    ],
)
def test_one_that_does_not_do_its_work(environ: dict[str, str], first: str, script: str, says: str) -> None:
    path = put(environ, script, first=first)
    found = look(environ)
    assert (found.path, found.version) == (path, None)
    assert says in found.problem


def test_a_snap_is_known_by_its_place() -> None:
    assert DockerProgram(path="/snap/bin/docker").is_snap
    assert not DockerProgram(path="/usr/bin/docker").is_snap
    assert not DockerProgram().is_snap


def test_the_one_on_this_machine(tmp_path: Path) -> None:
    """The tests' own machine has a client; it says what it is without an engine."""
    found = look({**os.environ, "DOCKER_CONFIG": str(tmp_path)})
    assert found.version
    assert found.api
    assert found.api.startswith("1.")
