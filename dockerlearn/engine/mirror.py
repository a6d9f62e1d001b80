"""A read-only registry on loopback, so that a stock ``docker pull`` works where no registry answers.

It serves a store as ``standins.store`` makes it, in the part of the Distribution API v2 that pulling uses: ``/v2/``,
manifests by tag and by digest, blobs; GET and HEAD. Everything else is refused.

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
import shutil
import socket
import threading
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path

_REPOSITORY = r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
_MANIFEST = re.compile(
    rf"/v2/({_REPOSITORY})/manifests/(?:sha256:([0-9a-f]{{64}})|([A-Za-z0-9_][A-Za-z0-9._-]{{0,127}}))"
)
_BLOB = re.compile(rf"/v2/({_REPOSITORY})/blobs/sha256:([0-9a-f]{{64}})")
_LONGEST_PATH = 1024
_LOOPBACK = "127.0.0.1"


class Mirror(http.server.ThreadingHTTPServer):
    """The server; ``store`` is read anew for each request, so that images can be added while it runs.

    Pass ``port`` (0: any free one), or ``listener``, a socket that listens already.
    """

    daemon_threads = True
    # A pull asks for several things at once; the default backlog is 5.
    request_queue_size = 64

    def __init__(self, store: Path, *, port: int = 0, listener: socket.socket | None = None) -> None:
        self.store = store
        super().__init__((_LOOPBACK, port), _Handler, bind_and_activate=listener is None)
        if listener is not None:
            self.socket.close()
            self.socket = listener
            self.server_address = listener.getsockname()

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent about clients that hang up in the middle; there is nobody to tell."""


@contextlib.contextmanager
def serving(store: Path, port: int = 0) -> Iterator[int]:
    """Serve ``store`` from a thread of this process; the value is the port on loopback."""
    with Mirror(store, port=port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def listen(port: int = 0) -> socket.socket:
    """A listening socket on loopback, to be handed to a mirror in another process."""
    return socket.create_server((_LOOPBACK, port), backlog=Mirror.request_queue_size)


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
            self._manifest(match[1], f"sha256:{match[2]}" if match[2] else None, match[3], body=body)
        elif match := _BLOB.fullmatch(path):
            # Docker asks for blobs by the repository of the manifest; one that is not served has none.
            if match[1] in self._index():
                self._file(match[2], "application/octet-stream", "BLOB_UNKNOWN", body=body)
            else:
                self._error(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "repository name not known to registry", body=body)
        else:
            self._error(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "no such thing", body=body)

    def _manifest(self, repository: str, digest: str | None, tag: str | None, *, body: bool) -> None:
        tags = self._index().get(repository)
        if tags is None:
            self._error(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "repository name not known to registry", body=body)
            return
        for name, entry in tags.items():
            if name == tag or entry["digest"] == digest:
                self._file(entry["digest"].removeprefix("sha256:"), entry["type"], "MANIFEST_UNKNOWN", body=body)
                return
        self._error(HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN", "manifest unknown", body=body)

    def _index(self) -> dict[str, dict[str, dict[str, str]]]:
        try:
            index = json.loads((self.server.store / "index.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return index if isinstance(index, dict) else {}

    def _file(self, hexadecimal: str, kind: str, unknown: str, *, body: bool) -> None:
        try:
            file = (self.server.store / "blobs" / "sha256" / hexadecimal).open("rb")
        except OSError:
            self._error(HTTPStatus.NOT_FOUND, unknown, unknown.replace("_", " ").lower(), body=body)
            return
        with file:
            digest = f"sha256:{hexadecimal}"
            self._head(HTTPStatus.OK, kind, os.fstat(file.fileno()).st_size, digest=digest)
            if body:
                shutil.copyfileobj(file, self.wfile, 1 << 20)

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
    options = parser.parse_args(arguments)
    listener = socket.socket(fileno=options.fd) if options.fd is not None else None
    with Mirror(options.store, port=options.port, listener=listener) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
