"""HTTP over a unix socket, as an engine speaks it; for the few questions that need no SDK."""

from __future__ import annotations

import http.client
import json
import socket
from typing import NamedTuple


class Answer(NamedTuple):
    """What came back: the HTTP status and the whole body."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300

    def json(self) -> object:
        """The body as JSON; raises ``ValueError`` when it is none."""
        return json.loads(self.body)

    def fields(self) -> dict[str, object]:
        """The body as a JSON object; raises ``ValueError`` when it is none."""
        value = self.json()
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004  # one error for every body that cannot be used
        return value


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(socket_path: str, path: str, *, method: str = "GET", timeout: float = 5.0) -> Answer:
    """Make one request; ``timeout`` in seconds bounds each wait for bytes.

    Raises ``OSError`` when nothing listens or answers, and ``http.client.HTTPException`` when it is not HTTP.
    """
    connection = _UnixConnection(socket_path, timeout)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return Answer(response.status, response.read())
    finally:
        connection.close()


def pings(socket_path: str, timeout: float = 2.0) -> bool:
    """Whether an engine answers ``/_ping`` on this socket."""
    try:
        return ask(socket_path, "/_ping", timeout=timeout).ok
    except (OSError, http.client.HTTPException):
        return False
