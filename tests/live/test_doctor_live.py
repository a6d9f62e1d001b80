"""The doctor on a real engine: what it sees of it, of names and ports there, and what ``--fix`` does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from dockerlearn.engine.practice import Practice
from tests.cli_support import Ended, Learner
from tests.live.conftest import Docker

ROOT = Path(__file__).parents[2]


@pytest.fixture
def learner(tmp_path: Path, docker: Docker) -> Learner:
    found = Learner(tmp_path, ROOT / "lessons")
    found.environ |= {**docker.environment, "HOME": str(tmp_path / "home"), "SHELL": "/bin/sh", "TERM": "xterm"}
    return found


def of(ended: Ended, about: str) -> list[dict[str, Any]]:
    return [finding for finding in ended.json["findings"] if finding["about"] == about]


def test_where_all_is_well(learner: Learner, practice: Practice) -> None:
    learner.environ["DOCKERLEARN_HOME"] = str(practice.folder.parent)
    ended = learner.process("doctor", "--json")
    assert ended.code == 0, ended
    assert ended.json["can_run"] is True
    (engine,) = of(ended, "engine")
    assert learner.environ["DOCKER_HOST"] in engine["says"]
    assert [finding["level"] for finding in of(ended, "clock") + of(ended, "names")] == ["ok", "ok"]
    # Its data is on a file system of its own, in memory.
    assert any("the engine's data" in finding["says"] for finding in of(ended, "disk"))
    # The mirror was asked, and by nobody else's name.
    (registry,) = of(ended, "registry")
    assert registry["says"].startswith("127.0.0.1:")
    assert registry["says"].endswith(" answers")
    assert [finding["level"] for finding in of(ended, "client")] == ["ok"]


def test_a_name_that_somebody_elses_container_has(learner: Learner, docker: Docker) -> None:
    docker("create", "--name", "dl-first", "busybox:1.36")
    try:
        ended = learner.process("doctor", "--json")
        assert ended.code == 1
        (taken,) = of(ended, "names")
        assert (taken["level"], taken["remedy"]) == ("problem", ["docker rename dl-first dl-first-mine"])
        assert "first-run" in taken["means"]
        # The command that it gives mends it.
        subprocess.run(taken["remedy"][0].split(), env=learner.environ, check=True)
        assert [finding["level"] for finding in of(learner.process("doctor", "--json"), "names")] == ["ok"]
    finally:
        docker("rm", "-f", *docker("ps", "-aq", "--filter", "name=dl-first").split())


def test_fix_pulls_what_is_missing(learner: Learner, docker: Docker) -> None:
    docker("rmi", "-f", "busybox:1.36")
    before = learner.process("doctor", "--json")
    assert "docker pull busybox:1.36" in of(before, "images")[-1]["safe"]
    mended = learner.process("doctor", "--fix", "--yes", "--json")
    assert {"command": "docker pull busybox:1.36", "code": 0} in mended.json["mended"]
    assert docker("image", "inspect", "--format", "{{len .RepoTags}}", "busybox:1.36") == "1"
    for name in ("hello-world:latest", "nginx:1.27-alpine-slim", "python:3.11-slim"):
        docker.try_("rmi", name)


def test_a_full_disk(learner: Learner, tmp_path: Path) -> None:
    """The learner's files and progress on a disk of 4 MB, and then one that is full to the last byte."""
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)], check=True)
    try:
        learner.environ |= {"DOCKERLEARN_HOME": str(small / "data"), "DOCKERLEARN_WORKSPACE": str(small / "work")}
        ended = learner.process("doctor", "--json")
        assert ended.code == 1
        (full,) = [finding for finding in of(ended, "disk") if finding["level"] == "problem"]
        assert str(small) in full["says"]
        assert full["remedy"][0].startswith("du -xh")
        free = os.statvfs(small)
        (small / "ballast").write_bytes(bytes(free.f_bavail * free.f_frsize))
        ended = learner.process("doctor", "--json")
        assert ended.code == 1
        assert [finding["says"] for finding in of(ended, "disk") if "0 MB left" in finding["says"]]
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_as_a_user_who_may_not_open_the_socket(learner: Learner, tmp_path: Path) -> None:
    """In a process without root's rights, on a socket that only root may open, at the usual place."""
    usual = Path("/run/docker.sock")
    with _root_only(usual), TemporaryDirectory(prefix="dl-") as name:
        Path(name).chmod(0o555)  # hers to look at, not to write to
        folders = {what: f"{name}/{what}" for what in ("HOME", "DOCKERLEARN_HOME", "DOCKERLEARN_WORKSPACE")}
        environ = {**learner.environ, **folders, "DOCKER_HOST": f"unix://{usual}", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, learner.environ["DOCKER_HOST"], str(tmp_path)],
            env=environ, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert list(Path(name).iterdir()) == []
    ended = Ended(done.returncode, done.stdout, done.stderr)
    assert ended.code == 1, ended.err
    (engine,) = of(ended, "engine")
    assert "you may not open its socket" in engine["says"]
    assert "usermod -aG docker" in engine["remedy"][0]
    assert engine["safe"] == []
    assert [finding["level"] for finding in of(ended, "workspace") + of(ended, "progress")] == ["problem", "problem"]


_AS_NOBODY = """
import io, os, sys
from dockerlearn.cli.app import run
from dockerlearn.cli.wiring import Wiring
from dockerlearn.ui.view import View
# First as root, with an engine and without, so that all is read that only root may read, as the Python in its home.
for host in sys.argv[1], "unix:///nonexistent/socket":
    mine = {"DOCKER_HOST": host, "DOCKERLEARN_HOME": sys.argv[2], "DOCKERLEARN_WORKSPACE": sys.argv[2]}
    run(["doctor", "--json"], Wiring(View(io.StringIO(), io.StringIO()), environ={**os.environ, **mine}))
os.setgroups([]); os.setgid(65534); os.setuid(65534)
raise SystemExit(run(["doctor", "--json"]))
"""


@contextmanager
def _root_only(path: Path) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(0o600)
        try:
            yield
        finally:
            path.unlink()
