"""Serving an archive: exactly the lessons' images, to be read only."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.errors import ArchiveError, UsageError
from dockerlearn.images.archive import LIST_TYPE, MANIFEST_TYPE, Archive
from dockerlearn.images.serve import serving
from tests.exported import Example
from tests.test_cli_images import NGINX, PYTHON, saved

OTHER = Example("bystander:1")
ELSEWHERE = Example("localhost:5000/library/nginx:1.27")
DECLARED = ("nginx:1.27", "python:3.11-slim", "localhost:5000/library/nginx:1.27")
STAND_IN = Example("nginx:1.27", history=[{"created_by": "dockerlearn: x"}])


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(saved(tmp_path / "x", NGINX, PYTHON, OTHER, ELSEWHERE)) as opened:
        yield opened


@pytest.fixture
def port(archive: Archive) -> Iterator[int]:
    with serving(archive, DECLARED, address="127.0.0.1", port=0) as (served, _):
        yield int(served.url.rpartition(":")[2])


def ask(port: int, path: str, method: str = "GET") -> tuple[int, Any, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def test_a_pull_finds_all_that_it_asks_for(port: int) -> None:
    status, headers, body = ask(port, "/v2/library/nginx/manifests/1.27")
    assert (status, headers["Content-Type"]) == (200, LIST_TYPE)
    assert headers["Docker-Content-Digest"] == "sha256:" + hashlib.sha256(body).hexdigest()
    assert ask(port, f"/v2/library/nginx/manifests/{headers['Docker-Content-Digest']}")[2] == body
    (row,) = json.loads(body)["manifests"]
    assert row["platform"] == {"architecture": "amd64", "os": "linux"}
    status, headers, text = ask(port, f"/v2/library/nginx/manifests/{row['digest']}")
    assert (status, headers["Content-Type"], len(text)) == (200, MANIFEST_TYPE, row["size"])
    manifest = json.loads(text)
    blobs = [
        ask(port, f"/v2/library/nginx/blobs/{part['digest']}") for part in (manifest["config"], *manifest["layers"])
    ]
    assert [status for status, _, _ in blobs] == [200, 200]
    assert blobs[0][2] == NGINX.text
    assert gzip.decompress(blobs[1][2]) == NGINX.layers[0]
    head = ask(port, f"/v2/library/nginx/blobs/{manifest['config']['digest']}", "HEAD")
    assert (head[0], int(head[1]["Content-Length"]), head[2]) == (200, len(NGINX.text), b"")


def test_nothing_else_is_there(port: int, archive: Archive) -> None:
    images = {image.reference: image for image in archive.images}
    other = images["docker.io/library/bystander:1"]
    for path in (
        "/v2/library/bystander/manifests/1",
        f"/v2/library/bystander/blobs/sha256:{other.config.digest}",
        f"/v2/library/nginx/blobs/sha256:{other.config.digest}",
        f"/v2/library/nginx/manifests/sha256:{other.manifest.digest}",
        f"/v2/library/nginx/blobs/sha256:{images['docker.io/library/python:3.11-slim'].config.digest}",
        "/v2/library/nginx/manifests/latest",
        "/v2/_catalog",
        "/etc/passwd",
    ):
        assert ask(port, path)[0] == 404, path


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_uploaded(port: int, method: str) -> None:
    assert ask(port, "/v2/library/nginx/blobs/uploads/", method)[0] == 405
    assert ask(port, "/v2/library/nginx/manifests/1.27", method)[0] == 405


def test_what_is_served_and_what_not(archive: Archive) -> None:
    with serving(archive, DECLARED, address="localhost", port=0) as (served, _):
        assert [(outcome.reference, outcome.did) for outcome in served.outcomes] == [
            ("nginx:1.27", "served"),
            ("python:3.11-slim", "served"),
            ("bystander:1", "undeclared"),
            ("localhost:5000/library/nginx:1.27", "undeclared"),
        ]
        assert served.url.startswith("http://127.0.0.1:")
        assert served.option == f"--registry-mirror={served.url}"
        assert json.loads(served.daemon_json) == {"registry-mirrors": [served.url]}


def test_all_addresses(archive: Archive) -> None:
    with serving(archive, DECLARED, address="0.0.0.0", port=0) as (served, _):
        host, _, port = served.url.removeprefix("http://").rpartition(":")
        assert host != "0.0.0.0"
        assert ask(int(port), "/v2/")[0] == 200


def test_a_port_that_is_taken(archive: Archive) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(UsageError, match=f"Port {port} of 127.0.0.1 is taken"),
            serving(archive, DECLARED, address="127.0.0.1", port=port),
        ):
            pass


def test_stand_ins_do_not_leave_the_machine(tmp_path: Path) -> None:
    with Archive.open(saved(tmp_path / "x", STAND_IN)) as archive:
        with (
            pytest.raises(UsageError, match="stand-ins are served on this machine only"),
            serving(archive, DECLARED, address="0.0.0.0", port=0),
        ):
            pass
        with serving(archive, DECLARED, address="::1" if socket.has_ipv6 else "127.0.0.1", port=0) as (served, _):
            assert served.outcomes[0].stand_in


def test_nothing_of_the_lessons(archive: Archive) -> None:
    with pytest.raises(ArchiveError, match="nothing to serve"), serving(archive, ["x:1"], address="::1", port=0):
        pass


def test_as_a_command_it_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    from tests.cli_support import Learner

    learner = Learner(tmp_path)
    file = saved(tmp_path / "x", Example("busybox:1.36"))
    running = subprocess.Popen(
        [sys.executable, "-m", "dockerlearn", "images", "serve", str(file), "--port", "0", "--json"],
        env=learner.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        told = json.loads(running.stdout.readline())
        assert set(told) == {"url", "option", "daemon", "images"}
        assert told["images"][0]["did"] == "served"
        assert ask(int(told["url"].rpartition(":")[2]), "/v2/library/busybox/manifests/1.36")[0] == 200
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=20)
        assert (running.returncode, errors) == (130, "Verifying the file\n")
    finally:
        running.kill()
        running.wait()
