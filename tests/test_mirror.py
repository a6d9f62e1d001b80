"""The registry mirror: what pulling asks, and that nothing else is answered."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockerlearn.engine import mirror
from dockerlearn.engine.standins import busybox
from dockerlearn.engine.standins import store as image_store
from tests.test_standins import APPLETS, fake_busybox

REPOSITORY = "/v2/library/busybox"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    store = tmp_path / "store"
    busybox.build(fake_busybox(tmp_path, APPLETS), store)
    (tmp_path / "secret").write_text("secret")
    return store


@pytest.fixture
def port(store: Path) -> Iterator[int]:
    with mirror.serving(store) as port:
        yield port


def ask(
    port: int, path: str, method: str = "GET", body: bytes | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def test_it_says_that_it_is_a_registry(port: int) -> None:
    status, headers, body = ask(port, "/v2/")
    assert (status, body) == (200, b"{}")
    assert headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_a_pull_finds_manifest_configuration_and_layers(port: int) -> None:
    status, headers, body = ask(port, f"{REPOSITORY}/manifests/1.36")
    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    assert status == 200
    assert headers["Content-Type"] == image_store.MANIFEST_TYPE == json.loads(body)["mediaType"]
    assert headers["Docker-Content-Digest"] == digest
    assert int(headers["Content-Length"]) == len(body)
    by_digest = ask(port, f"{REPOSITORY}/manifests/{digest}")
    assert by_digest[0] == 200
    assert by_digest[2] == body
    manifest = json.loads(body)
    for part in (manifest["config"], *manifest["layers"]):
        status, headers, blob = ask(port, f"{REPOSITORY}/blobs/{part['digest']}")
        assert status == 200
        assert len(blob) == part["size"] == int(headers["Content-Length"])
        assert "sha256:" + hashlib.sha256(blob).hexdigest() == part["digest"] == headers["Docker-Content-Digest"]


@pytest.mark.parametrize("path", ["manifests/1.36", "manifests/nothing", "blobs/sha256:" + 64 * "0"])
def test_head_is_get_without_its_body(port: int, path: str) -> None:
    got, asked = ask(port, f"{REPOSITORY}/{path}"), ask(port, f"{REPOSITORY}/{path}", "HEAD")
    assert asked[0] == got[0]
    assert asked[2] == b""
    assert [pair for pair in asked[1].items() if pair[0] != "Date"] == [
        pair for pair in got[1].items() if pair[0] != "Date"
    ]
    assert int(asked[1]["Content-Length"]) == len(got[2]) > 0


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{REPOSITORY}/manifests/9.9", "MANIFEST_UNKNOWN"),
        (f"{REPOSITORY}/manifests/sha256:{64 * '0'}", "MANIFEST_UNKNOWN"),
        (f"{REPOSITORY}/blobs/sha256:{64 * '0'}", "BLOB_UNKNOWN"),
        ("/v2/library/nginx/manifests/latest", "NAME_UNKNOWN"),
        (f"/v2/library/nginx/blobs/sha256:{64 * '0'}", "NAME_UNKNOWN"),
        ("/v2/library/busybox/tags/list", "NAME_UNKNOWN"),
        ("/", "NAME_UNKNOWN"),
    ],
)
def test_what_is_not_there_is_said_as_registries_do(port: int, path: str, code: str) -> None:
    status, headers, body = ask(port, path)
    assert status == 404
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body)["errors"][0]["code"] == code


def test_a_configuration_is_no_manifest(port: int) -> None:
    """A blob that is no manifest must not be had as one, whatever its digest."""
    manifest = json.loads(ask(port, f"{REPOSITORY}/manifests/1.36")[2])
    assert ask(port, f"{REPOSITORY}/manifests/{manifest['config']['digest']}")[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [f"{REPOSITORY}/manifests/1.36", f"{REPOSITORY}/blobs/uploads/", "/v2/"])
def test_nothing_can_be_written(port: int, store: Path, method: str, path: str) -> None:
    before = sorted(store.rglob("*"))
    status, headers, body = ask(port, path, method, b"anything")
    assert status == 405
    assert headers["Allow"] == "GET, HEAD"
    assert json.loads(body)["errors"][0]["code"] == "UNSUPPORTED"
    assert sorted(store.rglob("*")) == before


@pytest.mark.parametrize(
    "path",
    [
        "/v2/../../secret",
        "/../secret",
        "/v2/library/busybox/blobs/sha256:../../../secret",
        "/v2/library/busybox/blobs/sha256:%2e%2e%2f%2e%2e%2f%2e%2e%2fsecret",
        "/v2/library/busybox/manifests/../../../secret",
        "/v2/library/../library/busybox/manifests/1.36",
        "/v2/library/busybox/manifests/1.36%00",
        "/v2/" + "a" * 5000 + "/manifests/1",
        "/v2/" + "a-" * 500 + "/manifests/!",
    ],
)
def test_no_path_leads_out_of_the_store(port: int, path: str) -> None:
    begun = time.monotonic()
    status, _, body = ask(port, path)
    assert status == 404
    assert b"secret" not in body
    assert time.monotonic() - begun < 2


def test_an_image_added_later_is_served(port: int, store: Path, tmp_path: Path) -> None:
    assert ask(port, "/v2/library/new/manifests/1")[0] == 404
    busybox.build(tmp_path / "busybox", store, repository="library/new", tags=("1",))
    assert ask(port, "/v2/library/new/manifests/1")[0] == 200


def test_a_damaged_index_is_an_empty_one(port: int, store: Path) -> None:
    (store / "index.json").write_text("{")
    assert ask(port, f"{REPOSITORY}/manifests/1.36")[0] == 404


def test_several_clients_are_served_at_once(port: int) -> None:
    """A client that says nothing keeps nobody waiting."""
    with socket.create_connection(("127.0.0.1", port)) as silent:
        silent.sendall(b"GET /v2/ HTTP/1.1\r\n")
        assert ask(port, "/v2/")[0] == 200


def test_it_listens_on_loopback_only(store: Path) -> None:
    with mirror.Mirror(mirror.Store(store)) as server:
        assert server.socket.getsockname()[0] == "127.0.0.1"


def test_as_a_process_it_takes_over_a_listening_socket(store: Path) -> None:
    with mirror.listen() as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "dockerlearn.engine.mirror", str(store), "--fd", str(listener.fileno())]
        running = subprocess.Popen(command, pass_fds=[listener.fileno()], env=os.environ)
    try:
        # Asked before it serves: the socket listens already, so nobody is refused.
        assert ask(port, f"{REPOSITORY}/manifests/1.36")[0] == 200
    finally:
        running.terminate()
        running.wait(5)
