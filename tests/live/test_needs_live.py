"""What a step can need, as it is found out, beside what this engine and this client do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from dockerlearn.engine.abilities import Abilities, Need
from dockerlearn.engine.api import EngineApi
from tests import own_engine
from tests.live.conftest import Docker
from tests.own_engine import BASE_IMAGE


@pytest.fixture
def is_here(engine: Callable[[], EngineApi], docker: Docker) -> Callable[[Need], bool]:
    abilities = Abilities(engine, docker.environment)
    return lambda need: not abilities.lacking([need])


@pytest.fixture
def name(docker: Docker) -> Iterator[str]:
    """The name of an image, which is removed afterwards with every image that carried it."""
    before = set(docker("images", "--quiet", "--no-trunc").split())
    yield "dl-needs:v1"
    docker.try_("rmi", "dl-needs:v1")
    for left in set(docker("images", "--quiet", "--no-trunc").split()) - before:
        docker.try_("rmi", "--force", left)


def build(docker: Docker, name: str, word: str) -> tuple[str, str]:
    """Build an image; return its id and what the builder said."""
    done = docker.try_("build", "--progress", "plain", "--tag", name, "-", input=f"FROM {BASE_IMAGE}\nENV A={word}\n")
    if "unknown flag" in done.stderr:
        done = docker.try_("build", "--tag", name, "-", input=f"FROM {BASE_IMAGE}\nENV A={word}\n")
    assert done.returncode == 0, done.stderr
    return docker("image", "inspect", "--format", "{{.Id}}", name), done.stdout + done.stderr


@pytest.mark.parametrize("plugin", ["compose", "buildx"])
def test_a_plugin(docker: Docker, is_here: Callable[[Need], bool], plugin: Need) -> None:
    assert is_here(plugin) == (docker.try_(plugin, "version").returncode == 0)


def test_the_builder(docker: Docker, is_here: Callable[[Need], bool], name: str) -> None:
    _, said = build(docker, name, "one")
    assert is_here("buildkit") == ("[internal] load build definition" in said), said


def test_an_image_whose_name_is_taken(docker: Docker, is_here: Callable[[Need], bool], name: str) -> None:
    first, _ = build(docker, name, "one")
    second, _ = build(docker, name, "two")
    assert first != second
    assert is_here("dangling") == (docker.try_("image", "inspect", first).returncode == 0)
    assert is_here("dangling") == (os.environ.get(own_engine.STORE) != "containerd")


def test_limits_and_the_machine(docker: Docker, is_here: Callable[[Need], bool]) -> None:
    said = docker("info", "--format", "{{.MemoryLimit}} {{.Architecture}}").split()
    assert is_here("cgroup") == (said[0] == "true")
    assert is_here("amd64") == (said[1] in {"x86_64", "amd64"})
    assert is_here("arm64") == (said[1] in {"aarch64", "arm64"})
