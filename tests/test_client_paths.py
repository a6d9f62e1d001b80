"""What the client asks for when it looks at a path in a container: never an archive that it does not read to its end.

While an engine sends an archive it holds the container's lock, and it lets go of it before it says that this was all.
"""

from __future__ import annotations

import base64
import io
import json
import socketserver
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dockerlearn.engine.client import DockerEngine, connect
from dockerlearn.engine.endpoint import Endpoint
from dockerlearn.errors import EngineRejected

# More than a socket's buffer takes, so that whoever sends it notices when nobody reads on.
LARGE = 900_000
DIRECTORY, LINK, PIPE = 1 << 31, 1 << 27, 1 << 25


def archive(*members: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


class Archives(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An engine with one path: ``stat`` tells about it, ``body`` is its archive. ``sent`` are archives read or not.

    With a ``refusal`` it answers with that, as an error of its own.
    """

    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__(address, Handler)
        self.stat: dict[str, object] = {"mode": 0o644, "size": 0}
        self.body: bytes = b""
        self.refusal = ""
        self.heads = 0
        self.sent: list[str] = []

    def is_file(self, content: bytes) -> None:
        self.stat = {"mode": 0o644, "size": len(content)}
        self.body = archive(("x", content))


class Handler(BaseHTTPRequestHandler):
    server: Archives
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "a test"

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002  # as its parent calls it
        pass

    def do_HEAD(self) -> None:
        self.server.heads += 1
        if self.server.refusal:
            self.send_response(500)
            self.end_headers()
            return
        self.send_response(200)
        packed = base64.b64encode(json.dumps(self.server.stat).encode()).decode()
        self.send_header("X-Docker-Container-Path-Stat", packed)
        self.end_headers()

    def do_GET(self) -> None:
        if self.path == "/_ping":
            self.send_response(200)
            self.send_header("Api-Version", "1.41")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"OK")
            return
        if self.server.refusal:
            told = json.dumps({"message": self.server.refusal}).encode()
            self.send_response(500)
            self.send_header("Api-Version", "1.41")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for begin in range(0, len(self.server.body), 32_768):
                piece = self.server.body[begin : begin + 32_768]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            # Here the engine lets go of the container.
            self.server.sent.append("whole")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.server.sent.append("cut")
            self.close_connection = True


@pytest.fixture
def archives() -> Iterator[Archives]:
    # A short path: that of a socket may have about 100 characters.
    with TemporaryDirectory(prefix="dl-") as folder, Archives(str(Path(folder) / "s")) as served:
        threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield served
        served.shutdown()


@pytest.fixture
def engine(archives: Archives) -> Iterator[DockerEngine]:
    found = connect(Endpoint(f"unix://{archives.server_address!s}", "the tests"), look_seconds=3)
    yield found
    found.close()


@pytest.mark.parametrize("limit", [0, 10, LARGE - 1, LARGE, 10 * LARGE])
def test_what_is_asked_for_is_read_to_its_end(archives: Archives, engine: DockerEngine, limit: int) -> None:
    content = bytes(range(256)) * (LARGE // 256)
    archives.is_file(content)
    for _ in range(3):
        seen = engine.path("dl-web", "/x", limit)
        assert seen is not None
        assert (seen.kind, seen.size, seen.content) == ("file", len(content), content[:limit])
    assert archives.sent == ["whole"] * 3


@pytest.mark.parametrize(
    ("stat", "limit"),
    [
        ({"mode": 0o644, "size": 1_048_577}, 1_048_576),
        ({"mode": 0o644, "size": 1_048_577}, 10),
        ({"mode": 0o644, "size": 3_000_001}, 3_000_000),
        ({"mode": 0o644, "size": 1 << 50}, 10),
        ({"mode": 0o755 | DIRECTORY, "size": 10}, 100),
        ({"mode": 0o644 | PIPE, "size": 0}, 100),
        ({"mode": 0o777 | LINK, "size": 0, "linkTarget": ""}, 100),
    ],
)
def test_what_would_not_be_read_is_not_asked_for(
    archives: Archives, engine: DockerEngine, stat: dict[str, object], limit: int
) -> None:
    archives.stat, archives.body = stat, archive(("x", b"never"))
    seen = engine.path("dl-web", "/x", limit)
    assert seen is not None
    assert (seen.size, seen.content) == (stat["size"], None)
    assert archives.sent == []


def test_a_limit_above_a_mebibyte_is_kept(archives: Archives, engine: DockerEngine) -> None:
    content = b"y" * 3_000_000
    archives.is_file(content)
    seen = engine.path("dl-web", "/x", 3_000_000)
    assert seen is not None
    assert seen.content == content
    assert archives.sent == ["whole"]


def test_a_file_that_grew_meanwhile(archives: Archives, engine: DockerEngine) -> None:
    """A little is read all the same; without end nothing is, and then closing is all that is left."""
    archives.stat, archives.body = {"mode": 0o644, "size": 3}, archive(("x", b"z" * 50_000))
    seen = engine.path("dl-web", "/x", 40_000)
    assert seen is not None
    assert seen.content == b"z" * 40_000
    assert archives.sent == ["whole"]
    archives.body = archive(("x", b"z" * 30_000_000))
    seen = engine.path("dl-web", "/x", 10)
    assert seen is not None
    assert seen.content is None


def test_a_file_that_became_a_folder_meanwhile(archives: Archives, engine: DockerEngine) -> None:
    entry = tarfile.TarInfo("x")
    entry.type = tarfile.DIRTYPE
    archives.stat, archives.body = {"mode": 0o644, "size": 3}, entry.tobuf() + archive(("x/y", b"of the folder"))
    seen = engine.path("dl-web", "/x")
    assert seen is not None
    assert seen.content is None
    assert archives.sent == ["whole"]


def test_a_file_that_shrank_meanwhile(archives: Archives, engine: DockerEngine) -> None:
    """The engine's archive then ends before the size that it names."""
    archives.stat, archives.body = {"mode": 0o644, "size": 2000}, archive(("x", b"z" * 2000))[: 512 + 700]
    seen = engine.path("dl-web", "/x")
    assert seen is not None
    assert seen.content == b"z" * 700


def test_below_a_file_there_is_nothing(archives: Archives, engine: DockerEngine) -> None:
    archives.refusal = "lstat /var/lib/docker/overlay2/e5/merged/readings/monday: not a directory"
    assert engine.path("dl-web", "/readings/monday") is None


def test_another_refusal_is_told(archives: Archives, engine: DockerEngine) -> None:
    archives.refusal = "lstat /var/lib/docker/overlay2/e5/merged/readings: input/output error"
    with pytest.raises(EngineRejected, match="input/output error"):
        engine.path("dl-web", "/readings")
