"""A GET with one deadline, against servers that misbehave."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from dockerlearn.world.http import LIMIT, HttpAnswer, HttpClient, HttpFailure


@contextmanager
def server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept connections on loopback and let ``talk`` answer each."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    talk(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        # Closing alone does not wake who waits for a connection: the port would stay open, and be somebody else's next.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=10)


def request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(4096)
        if not part:
            break
        data += part
    return data


def test_an_answer() -> None:
    seen: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        seen.append(request(connection))
        connection.sendall(b"HTTP/1.1 201 Created\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello")

    with server(talk) as port:
        answer = HttpClient().get("127.0.0.1", port, "/health?x=1")
    assert isinstance(answer, HttpAnswer)
    assert (answer.status, answer.body) == (201, "hello")
    assert ("X-A", "b") in answer.headers
    assert seen[0].startswith(b"GET /health?x=1 HTTP/1.1\r\n")
    assert b"Authorization" not in seen[0]


def test_no_redirect_is_followed_and_no_proxy_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    def talk(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")

    with server(talk) as port:
        answer = HttpClient().get("127.0.0.1", port, "/")
    assert isinstance(answer, HttpAnswer)
    assert answer.status == 302


def test_a_body_is_cut() -> None:
    def talk(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (LIMIT * 3))

    with server(talk) as port:
        answer = HttpClient().get("127.0.0.1", port, "/")
    assert isinstance(answer, HttpAnswer)
    assert len(answer.body) == LIMIT


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(b"", "reset"), (b"SSH-2.0-OpenSSH_9\r\n\r\n", "garbage"), (b"HTTP/1.1 two hundred\r\n\r\n", "garbage")],
)
def test_what_is_no_answer_is_named(reply: bytes, kind: str) -> None:
    def talk(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(reply)

    with server(talk) as port:
        answer = HttpClient().get("127.0.0.1", port, "/")
    assert isinstance(answer, HttpFailure)
    assert answer.kind == kind


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    answer = HttpClient().get("127.0.0.1", port, "/")
    assert isinstance(answer, HttpFailure)
    assert answer.kind == "refused"
    assert answer.may_come


def slow_headers(connection: socket.socket) -> None:
    request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(40):
        connection.sendall(b"X-%d: y\r\n" % number)
        time.sleep(0.1)


def slow_body(connection: socket.socket) -> None:
    request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(40):
        connection.sendall(b"x")
        time.sleep(0.1)


def silence(connection: socket.socket) -> None:
    request(connection)
    time.sleep(4)


@pytest.mark.parametrize("talk", [slow_headers, slow_body, silence])
def test_the_whole_exchange_has_one_deadline(talk: Callable[[socket.socket], None]) -> None:
    with server(talk) as port:
        began = time.monotonic()
        answer = HttpClient(deadline=0.5).get("127.0.0.1", port, "/")
        took = time.monotonic() - began
    assert isinstance(answer, HttpFailure)
    assert answer.kind == "timeout"
    assert took < 2
