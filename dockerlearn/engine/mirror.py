"""A read-only registry, on loopback unless told otherwise, so that a stock ``docker pull`` works without another one.

It serves a shelf of images, such as a store that ``standins.store`` makes, in the part of the Distribution API v2 that
pulling uses: ``/v2/``, manifests by tag and by digest, blobs; GET and HEAD. Everything else is refused.

Why not Debian's ``docker-registry``: it is one more package to install, it takes anonymous uploads unless it is told
not to, and images get into it only by being pushed from an engine that already has them.

A name in a request never becomes a path: repositories and tags are looked up in the index, and a blob's file name is
the 64 hexadecimal digits of a digest that matched.

Run as a process of its own it is ``python -m dockerlearn.engine.mirror STORE --port PORT``.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import os
import re
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple, Protocol

_REPOSITORY = r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
_MANIFEST = re.compile(
    rf"/v2/({_REPOSITORY})/manifests/(?:sha256:([0-9a-f]{{64}})|([A-Za-z0-9_][A-Za-z0-9._-]{{0,127}}))"
)
_BLOB = re.compile(rf"/v2/({_REPOSITORY})/blobs/sha256:([0-9a-f]{{64}})")
_LONGEST_PATH = 1024
_PIECE = 1 << 20
LOOPBACK = "127.0.0.1"


class Content(NamedTuple):
    """What is served: ``pieces`` of it together have ``size`` bytes, and ``digest`` (64 hexadecimal digits)."""

    digest: str
    kind: str
    size: int
    pieces: Iterator[bytes]


class Shelf(Protocol):
    """Images to serve. What it is asked for is asked anew for each request."""

    def has(self, repository: str) -> bool:
        """Whether there is anything of this name, such as ``library/busybox``."""
        ...

    def manifest(self, repository: str, reference: str) -> Content | None:
        """A manifest by its tag, or by its digest (``sha256:…``)."""
        ...

    def blob(self, repository: str, digest: str) -> Content | None:
        """A configuration or a layer of a repository that there is, by the 64 digits of its digest."""
        ...


class Store:
    """The shelf that a folder is, as ``standins.store`` makes it; images can be added while it is served."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, repository: str) -> bool:
        """Whether there is anything of this name."""
        return repository in self._index()

    def manifest(self, repository: str, reference: str) -> Content | None:
        """A manifest by its tag, or by its digest."""
        for tag, entry in self._index().get(repository, {}).items():
            if reference in (tag, entry["digest"]):
                return self._file(entry["digest"].removeprefix("sha256:"), entry["type"])
        return None

    def blob(self, repository: str, digest: str) -> Content | None:  # noqa: ARG002  # a store keeps the blobs of all together
        """A configuration or a layer."""
        return self._file(digest, "application/octet-stream")

    def _index(self) -> dict[str, dict[str, dict[str, str]]]:
        try:
            index = json.loads((self._folder / "index.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return index if isinstance(index, dict) else {}

    def _file(self, digest: str, kind: str) -> Content | None:
        path = self._folder / "blobs" / "sha256" / digest
        try:
            return Content(digest, kind, path.stat().st_size, _pieces(path))
        except OSError:
            return None


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


class Mirror(http.server.ThreadingHTTPServer):
    """The server. Pass ``port`` (0: any free one), or ``listener``, a socket that listens already."""

    daemon_threads = True
    # A pull asks for several things at once; the default backlog is 5.
    request_queue_size = 64

    def __init__(
        self, shelf: Shelf, *, address: str = LOOPBACK, port: int = 0, listener: socket.socket | None = None
    ) -> None:
        self.shelf = shelf
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), _Handler, bind_and_activate=listener is None)
        if listener is not None:
            self.socket.close()
            self.socket = listener
            self.server_address = listener.getsockname()

    def server_bind(self) -> None:
        """Bind, and ask no name server for the machine's name, as http.server would: it may take long to answer."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent about clients that hang up in the middle; there is nobody to tell."""


@contextlib.contextmanager
def serving(store: Path, port: int = 0) -> Iterator[int]:
    """Serve ``store`` from a thread of this process; the value is the port on loopback."""
    with Mirror(Store(store), port=port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def listen(port: int = 0) -> socket.socket:
    """A listening socket on loopback, to be handed to a mirror in another process."""
    return socket.create_server((LOOPBACK, port), backlog=Mirror.request_queue_size)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Mirror
    protocol_version = "HTTP/1.1"
    server_version = "dockerlearn-mirror"
    sys_version = ""
    # A client that connects and says nothing must not hold its thread for ever.
    timeout = 60

    def do_GET(self) -> None:
        self._serve(body=True)

    def do_HEAD(self) -> None:
        self._serve(body=False)

    def _refuse(self) -> None:
        # The body, if there is one, is not read: so the connection cannot be used again.
        self.close_connection = True
        self._error(HTTPStatus.METHOD_NOT_ALLOWED, "UNSUPPORTED", "this registry is read-only", allow="GET, HEAD")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = _refuse  # noqa: N815 - names of http.server

    def _serve(self, *, body: bool) -> None:
        path = self.path.split("?", 1)[0]
        if len(path) > _LONGEST_PATH:
            self._error(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "no such thing", body=body)
        elif path in ("/v2/", "/v2"):
            self._bytes(b"{}", "application/json", body=body)
        elif match := _MANIFEST.fullmatch(path):
            reference = f"sha256:{match[2]}" if match[2] else match[3]
            self._content(match[1], self._shelf.manifest(match[1], reference), "MANIFEST_UNKNOWN", body=body)
        elif match := _BLOB.fullmatch(path):
            # Docker asks for blobs by the repository of the manifest; one that is not served has none.
            found = self._shelf.blob(match[1], match[2]) if self._shelf.has(match[1]) else None
            self._content(match[1], found, "BLOB_UNKNOWN", body=body)
        else:
            self._error(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "no such thing", body=body)

    @property
    def _shelf(self) -> Shelf:
        return self.server.shelf

    def _content(self, repository: str, content: Content | None, unknown: str, *, body: bool) -> None:
        if content is not None:
            self._head(HTTPStatus.OK, content.kind, content.size, digest=f"sha256:{content.digest}")
            if body:
                for piece in content.pieces:
                    self.wfile.write(piece)
        elif self._shelf.has(repository):
            self._error(HTTPStatus.NOT_FOUND, unknown, unknown.replace("_", " ").lower(), body=body)
        else:
            self._error(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "repository name not known to registry", body=body)

    def _bytes(self, content: bytes, kind: str, *, body: bool) -> None:
        self._head(HTTPStatus.OK, kind, len(content))
        if body:
            self.wfile.write(content)

    def _error(
        self, status: HTTPStatus, code: str, message: str, *, body: bool = True, allow: str | None = None
    ) -> None:
        content = json.dumps({"errors": [{"code": code, "message": message, "detail": None}]}).encode()
        self._head(status, "application/json", len(content), allow=allow)
        if body:
            self.wfile.write(content)

    def _head(
        self, status: HTTPStatus, kind: str, length: int, *, digest: str | None = None, allow: str | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if digest is not None:
            self.send_header("Docker-Content-Digest", digest)
            self.send_header("ETag", f'"{digest}"')
        if allow is not None:
            self.send_header("Allow", allow)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Keep no log."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve a store until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m dockerlearn.engine.mirror", description="A read-only registry.")
    parser.add_argument("store", type=Path, help="a folder made by dockerlearn.engine.standins")
    parser.add_argument("--port", type=int, default=0, help="on loopback; default: any free one")
    parser.add_argument("--fd", type=int, help="a listening socket inherited from the caller, instead of a port")
    parser.add_argument("--tell", type=int, help="a descriptor inherited from the caller, to write the port to")
    options = parser.parse_args(arguments)
    listener = socket.socket(fileno=options.fd) if options.fd is not None else None
    with Mirror(Store(options.store), port=options.port, listener=listener) as server:
        if options.tell is not None:
            os.write(options.tell, f"{server.server_address[1]}\n".encode())
            os.close(options.tell)
        server.serve_forever()


if __name__ == "__main__":
    main()
