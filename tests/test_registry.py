"""Asking a registry, by servers of this file and by our own mirror; nothing else is asked."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.engine import mirror, registry
from dockerlearn.engine.registry import RegistrySaid
from dockerlearn.engine.standins import catalogue

Answer = tuple[int, dict[str, str], bytes]
Serve = Callable[[Callable[[str, str, Any], Answer]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve on a port of loopback: method, path and headers to an answer."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[str, str, Any], Answer]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def _do(self) -> None:
                status, headers, body = answer(self.command, self.path, self.headers)
                self.send_response_only(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = _do  # noqa: N815
            do_HEAD = _do  # noqa: N815

            def log_message(self, *_: Any) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_an_open_one(serve: Serve) -> None:
    asked: list[tuple[str, str]] = []

    def answer(method: str, path: str, headers: Any) -> Answer:
        asked.append((method, path))
        assert "image.index" in headers["Accept"]
        return 200, {"Date": formatdate(time.time() + 3600, usegmt=True)}, b""

    said = registry.ask(serve(answer), "busybox:1.36")
    assert said.ok
    assert said.clock is not None
    assert 3590 < said.clock < 3610
    # By HEAD, which counts as no pull; by the full name that Docker makes of a short one.
    assert asked == [("HEAD", "/v2/library/busybox/manifests/1.36")]


def test_one_that_wants_a_token_and_tells_its_limit(serve: Serve) -> None:
    asked: list[str] = []

    def tokens(method: str, path: str, headers: Any) -> Answer:
        asked.append(path)
        return 200, {}, json.dumps({"token": "abc"}).encode()

    realm = serve(tokens) + "/token"

    def answer(method: str, path: str, headers: Any) -> Answer:
        if headers["Authorization"] != "Bearer abc":
            return 401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="the registry"'}, b""
        return 200, {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"}, b""

    said = registry.ask(serve(answer), "hello-world")
    assert (said.ok, said.limit, said.remaining, said.window) == (True, 100, 76, 21_600)
    assert asked == ["/token?service=the+registry&scope=repository%3Alibrary%2Fhello-world%3Apull"]


@pytest.mark.parametrize(
    ("status", "headers", "kind", "words"),
    [
        (429, {}, "limit", "no more pulls"),
        (404, {}, "missing", "it has no busybox:1.36"),
        (503, {}, "other", "status 503"),
        (302, {"Location": "http://127.0.0.1:1/"}, "other", "status 302"),
        (401, {}, "other", "status 401"),
        (401, {"WWW-Authenticate": "Basic realm=x"}, "other", "status 401"),
        (401, {"WWW-Authenticate": 'Bearer realm="file:///etc/passwd"'}, "other", "status 401"),
    ],
)
def test_one_that_does_not_give_it(serve: Serve, status: int, headers: dict[str, str], kind: str, words: str) -> None:
    said = registry.ask(serve(lambda *_: (status, headers, b"")), "busybox:1.36")
    assert (said.ok, said.kind) == (False, kind)
    assert words in said.problem


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"token": 7}', b'{"token": "a\\nb"}'])
def test_a_token_that_is_none(serve: Serve, body: bytes) -> None:
    realm = serve(lambda *_: (200, {}, body))
    challenge = {"WWW-Authenticate": f'Bearer realm="{realm}"'}
    assert registry.ask(serve(lambda *_: (401, challenge, b"")), "busybox:1.36").problem == "it answers with status 401"


@pytest.mark.parametrize("header", ["", "many", "-1", "1;w=", "9" * 30])
def test_a_limit_that_is_none(serve: Serve, header: str) -> None:
    said = registry.ask(serve(lambda *_: (200, {"RateLimit-Limit": header, "RateLimit-Remaining": header}, b"")), "x:1")
    assert (said.ok, said.limit, said.remaining) == (True, None, None)


def test_a_name_that_is_not_known() -> None:
    said = registry.ask("http://registry.invalid", "busybox:1.36")
    assert (said.address, said.kind, said.problem) == ("registry.invalid", "name", "its name is not known here")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert registry.ask(f"http://127.0.0.1:{port}", "busybox:1.36").kind == "refused"


def test_silence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = registry.ask(f"http://127.0.0.1:{server.getsockname()[1]}", "busybox:1.36", seconds=0.3)
    assert (said.kind, said.problem) == ("silent", "it does not answer within 0.3 s")


def test_no_http(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def shout() -> None:
            taken, _ = server.accept()
            with taken:
                taken.recv(4096)
                taken.sendall(b"SSH-2.0-x\r\n\r\n")

        threading.Thread(target=shout, daemon=True).start()
        assert registry.ask(f"http://127.0.0.1:{server.getsockname()[1]}", "busybox:1.36").kind == "other"


def test_a_certificate_that_does_not_hold(tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=x", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem", tmp_path / "key")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def shake() -> None:
            taken, _ = server.accept()
            try:
                context.wrap_socket(taken, server_side=True)
            except OSError:
                taken.close()

        threading.Thread(target=shake, daemon=True).start()
        said = registry.ask(f"https://127.0.0.1:{server.getsockname()[1]}", "busybox:1.36")
    assert said.kind == "certificate"
    assert "certificate does not hold" in said.problem


def test_a_proxy_of_the_environment_does_not_stand_before_this_machine(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert registry.ask(serve(lambda *_: (200, {}, b"")), "busybox:1.36").ok


def test_our_own_mirror(tmp_path: Path) -> None:
    """What the practice engine's mirror has it says it has, and nothing else."""
    catalogue.make_cheap(tmp_path)
    with mirror.listen() as listener:
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "dockerlearn.engine.mirror", str(tmp_path), "--fd", str(listener.fileno())],
            pass_fds=(listener.fileno(),),
        )
        try:
            base = f"http://127.0.0.1:{port}/"
            assert registry.ask(base, "busybox:1.36").ok
            assert registry.ask(base, "busybox:1.99").kind == "missing"
            assert registry.ask(base, "nobody/nothing:1").kind == "missing"
        finally:
            process.terminate()
            process.wait(10)


@pytest.mark.parametrize(
    ("index", "base"),
    [
        ("https://index.example/v1/", "https://index.example"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("", None),
        ("file:///etc/passwd", None),
        ("index.example", None),
    ],
)
def test_where_an_index_is(index: str, base: str | None) -> None:
    assert registry.base_of(index) == base


def test_nothing_is_asked_but_over_http() -> None:
    said = registry.ask("file:///etc", "busybox:1.36")
    assert not said.ok
    assert isinstance(said, RegistrySaid)
