"""A plain GET to a published port.

Deliberately less than an HTTP library: no proxy, no credentials, no redirect is followed, and the whole exchange has
one deadline, so that a server that sends a byte now and then cannot hold the tutor.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

import msgspec

if TYPE_CHECKING:
    import http.client
    import socket

LIMIT = 262_144
"""Bytes of a body that are looked at."""


class HttpAnswer(msgspec.Struct, frozen=True):
    """An answer; ``body`` cut at ``LIMIT`` bytes."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


class HttpFailure(msgspec.Struct, frozen=True):
    """No answer; ``kind`` is refused, reset, timeout, garbage or unreachable; ``may_come``: waiting may help."""

    kind: str
    text: str
    may_come: bool


_CLOSED = HttpFailure("reset", "the connection was closed without an answer", may_come=True)
_GARBAGE = HttpFailure("garbage", "what answered does not speak HTTP", may_come=False)


class HttpClient:
    """Sends GET requests; ``deadline`` in seconds for each, from connecting to the last byte."""

    def __init__(self, deadline: float = 3.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._deadline = deadline
        self._clock = clock

    def get(self, host: str, port: int, path: str) -> HttpAnswer | HttpFailure:
        """Send one request. Never raises: what goes wrong is an ``HttpFailure``."""
        import http.client
        import threading

        until = self._clock() + self._deadline
        connection = http.client.HTTPConnection(host, port, timeout=self._deadline)
        late = HttpFailure("timeout", f"there was no whole answer within {self._deadline:g} s", may_come=True)
        watchdog: threading.Timer | None = None
        try:
            connection.connect()
            # A socket's time-out starts again with every byte; only closing it from outside bounds the whole exchange.
            # The socket is kept here: the connection forgets it when the body ends with the connection.
            watchdog = threading.Timer(max(0.0, until - self._clock()), _shut, [connection.sock])
            watchdog.daemon = True
            watchdog.start()
            connection.request("GET", path, headers={"Host": f"{host}:{port}", "Connection": "close"})
            answer = _answer(connection.getresponse())
            return late if self._clock() >= until else answer
        except ConnectionRefusedError:
            return HttpFailure("refused", "the connection was refused", may_come=True)
        except TimeoutError:
            return late
        except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected, http.client.IncompleteRead):
            return late if self._clock() >= until else _CLOSED
        except (http.client.HTTPException, ValueError):
            return _GARBAGE
        except OSError as error:
            return HttpFailure("unreachable", error.strerror or str(error), may_come=True)
        finally:
            if watchdog is not None:
                watchdog.cancel()
            connection.close()


def read_answer(raw: BinaryIO) -> HttpAnswer | HttpFailure:
    r"""Read an answer to a GET from all the bytes that came. Never raises.

    >>> import io
    >>> read_answer(io.BytesIO(b"HTTP/1.0 302 Found\r\nLocation: http://elsewhere/\r\n\r\n")).status
    302
    """
    import http.client

    response = http.client.HTTPResponse(_Sent(raw), method="GET")  # type: ignore[arg-type]  # all it asks of a socket
    try:
        response.begin()
        return _answer(response)
    except (ConnectionResetError, http.client.RemoteDisconnected, http.client.IncompleteRead):
        return _CLOSED
    except (http.client.HTTPException, ValueError):
        return _GARBAGE


class _Sent:
    """Bytes that came, in the place of the socket they came from."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> BinaryIO:
        return self._raw


def _answer(response: http.client.HTTPResponse) -> HttpAnswer:
    body = bytearray()
    while len(body) < LIMIT and (part := response.read1(65_536)):
        body += part
    text = bytes(body[:LIMIT]).decode("utf-8", "replace")
    return HttpAnswer(response.status, tuple(response.getheaders()), text)


def _shut(sock: socket.socket) -> None:
    import contextlib
    import socket

    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
