"""Every way in which an engine cannot be reached, provoked for real, and what is said about it.

No engine is needed: the ends of the connections are sockets of this file.
"""

from __future__ import annotations

import http.client
import inspect
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path
from tempfile import TemporaryDirectory

import docker.errors
import pytest
import requests.exceptions
import urllib3.exceptions

from dockerlearn import errors
from dockerlearn.engine import failures
from dockerlearn.engine.api import PullNews
from dockerlearn.engine.client import DockerEngine, connect, explain_pull
from dockerlearn.engine.endpoint import Endpoint, Tls
from dockerlearn.engine.failures import BY_CLASS, remedy_start, translate
from dockerlearn.engine.system import System
from dockerlearn.errors import (
    EngineError,
    EnginePermission,
    EngineRefused,
    EngineRejected,
    EngineSilent,
    EngineTls,
    EngineTooNew,
    EngineTooOld,
    HostInvalid,
    NoEngine,
    NotAnEngine,
)

SHORT = 0.4
LINUX = System()

# ---------------------------------------------------------------- the other end


def answer(body: bytes | str, status: str = "200 OK", kind: str = "application/json", **headers: str) -> bytes:
    body = body if isinstance(body, bytes) else body.encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def pong(version: str = "1.41", **headers: str) -> bytes:
    return answer("OK", kind="text/plain", Api_Version=version, **headers)


def refusal(status: str, message: str, version: str = "1.41") -> bytes:
    return answer(json.dumps({"message": message}), status, Api_Version=version)


Reply = Callable[[str], bytes | None]


class Stub:
    """A server that gives one raw answer per connection; None hangs. ``asked`` are the request lines."""

    def __init__(self, listening: socket.socket, reply: Reply, context: ssl.SSLContext | None = None) -> None:
        self.asked: list[str] = []
        self._listening = listening
        self._reply = reply
        self._context = context
        self._held: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._listening.accept()
            except OSError:
                return
            with suppress(OSError):
                self._answer(taken)

    def _answer(self, taken: socket.socket) -> None:
        taken.settimeout(5)
        if self._context is not None:
            taken = self._shake(self._context, taken)
        request = b""
        while b"\r\n\r\n" not in request and (piece := taken.recv(4096)):
            request += piece
        line = request.split(b"\r\n", 1)[0].decode("latin-1")
        self.asked.append(line)
        reply = self._reply(line.split(" ")[1] if " " in line else "")
        if reply is None:
            self._held.append(taken)
            return
        taken.sendall(reply)
        taken.close()

    def _shake(self, context: ssl.SSLContext, taken: socket.socket) -> ssl.SSLSocket:
        wrapped = context.wrap_socket(taken, server_side=True, do_handshake_on_connect=False)
        try:
            wrapped.do_handshake()
        except OSError:
            # Closed at once, what was sent meanwhile would be answered with a reset, which outruns the refusal.
            wrapped.shutdown(socket.SHUT_WR)
            while socket.socket.recv(wrapped, 4096):
                pass
            raise
        return wrapped

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        # Before it is closed: a thread about to accept would accept at whatever gets the same number next.
        self._thread.join(10)
        self._listening.close()
        for taken in self._held:
            taken.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: that of a socket may have about 100 characters."""
    with TemporaryDirectory(prefix="dl-") as name:
        yield Path(name)


Serve = Callable[..., Endpoint]


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    """Serve on a Unix socket and return its endpoint."""
    stubs: list[Stub] = []

    def start(reply: Reply) -> Endpoint:
        path = folder / f"s{len(stubs)}"
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path))
        listening.listen(16)
        stubs.append(Stub(listening, reply))
        return Endpoint(f"unix://{path}", "DOCKER_HOST")

    yield start
    for stub in stubs:
        stub.close()


ServeTcp = Callable[..., tuple[Endpoint, Stub]]


@pytest.fixture
def serve_tcp() -> Iterator[ServeTcp]:
    """Serve on a port of loopback, with TLS when a context is given."""
    stubs: list[Stub] = []

    def start(reply: Reply, context: ssl.SSLContext | None = None, tls: Tls | None = None) -> tuple[Endpoint, Stub]:
        listening = socket.create_server(("127.0.0.1", 0))
        stub = Stub(listening, reply, context)
        stubs.append(stub)
        return Endpoint(f"tcp://127.0.0.1:{listening.getsockname()[1]}", "DOCKER_HOST", tls), stub

    yield start
    for stub in stubs:
        stub.close()


def failing(call: Callable[[], object], kind: type[EngineError], endpoint: Endpoint, *words: str) -> EngineError:
    """Expect exactly this class, with everything a learner needs in it."""
    with pytest.raises(EngineError) as caught:
        call()
    error = caught.value
    assert type(error) is kind, error.message
    assert endpoint.address in error.message
    assert error.remedy, error.message
    for word in words:
        assert word in error.message
    assert "Traceback" not in error.message
    assert "object at 0x" not in error.message
    assert "\n" not in error.message
    return error


def refused(endpoint: Endpoint, kind: type[EngineError], *words: str, system: System = LINUX) -> EngineError:
    return failing(lambda: connect(endpoint, look_seconds=SHORT, system=system), kind, endpoint, *words)


# ---------------------------------------------------------------- no connection


_AS_NOBODY = """
import os, sys
from dockerlearn.engine.client import connect
from dockerlearn.engine.endpoint import Endpoint
from dockerlearn.engine.system import System
from dockerlearn.errors import DockerlearnError
if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)
else: os.chmod(os.path.dirname(sys.argv[1].removeprefix("unix://")), 0)
try: connect(Endpoint(sys.argv[1], "DOCKER_HOST"), system=System())
except DockerlearnError as e: print(type(e).__name__, e.message, e.remedy, sep="\\n")
"""


class TestNoConnection:
    def test_no_socket(self, folder: Path) -> None:
        refused(Endpoint(f"unix://{folder}/none", "DOCKER_HOST"), NoEngine, "No Docker engine runs", "DOCKER_HOST")

    def test_no_folder(self, folder: Path) -> None:
        (folder / "file").write_text("")
        refused(Endpoint(f"unix://{folder}/file/none", "DOCKER_HOST"), NoEngine)

    def test_dead_socket(self, folder: Path) -> None:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(folder / "s"))
        refused(Endpoint(f"unix://{folder}/s", "DOCKER_HOST"), EngineRefused, "Nobody listens")

    def test_a_file_that_is_no_socket(self, folder: Path) -> None:
        (folder / "s").write_text("")
        refused(Endpoint(f"unix://{folder}/s", "DOCKER_HOST"), EngineRefused)

    def test_path_too_long(self, folder: Path) -> None:
        refused(Endpoint(f"unix://{folder}/{'x' * 120}", "DOCKER_HOST"), HostInvalid, "too long")

    def test_refused_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        refused(Endpoint(f"tcp://127.0.0.1:{port}", "DOCKER_HOST"), EngineRefused, "Nobody listens")

    def test_unknown_host(self) -> None:
        endpoint = Endpoint("tcp://no-such-host.invalid:2375", "DOCKER_HOST")
        with pytest.raises(HostInvalid, match=r"no-such-host\.invalid") as caught:
            connect(endpoint, look_seconds=SHORT)
        assert caught.value.remedy

    def test_no_permission(self, folder: Path) -> None:
        """In a process without root's rights, since root may open anything."""
        path = folder / "s"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
            server.listen()
            path.chmod(0o600)
            folder.chmod(0o755)
            done = subprocess.run(
                [sys.executable, "-c", _AS_NOBODY, f"unix://{path}"],
                capture_output=True, text=True, timeout=30, check=False,
            )  # fmt: skip
        assert done.stderr == ""
        kind, message, remedy = done.stdout.splitlines()
        assert kind == "EnginePermission"
        assert f"unix://{path}" in message
        assert "may not open" in message
        assert f"ls -l {path}" in remedy

    def test_a_folder_that_is_closed(self, folder: Path) -> None:
        """As the socket of another user's rootless engine: it may be there, and nobody else is told."""
        (folder / "closed").mkdir(mode=0o700)
        folder.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, f"unix://{folder}/closed/docker.sock"],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.stderr == ""
        assert done.stdout.splitlines()[0] == "EnginePermission"

    def test_permission_on_the_default_socket_is_a_matter_of_the_group(self) -> None:
        endpoint = Endpoint("unix:///var/run/docker.sock", "the default socket")
        first = translate(PermissionError(13, "Permission denied"), endpoint, System(), SHORT)
        later = translate(PermissionError(13, "Permission denied"), endpoint, System(member=True), SHORT)
        assert isinstance(first, EnginePermission)
        assert str(first.remedy).startswith('sudo usermod -aG docker "$USER"')
        assert str(later.remedy).startswith("newgrp docker")


# ---------------------------------------------------------------- no answer


class TestNoAnswer:
    def test_hangs(self, serve: Serve) -> None:
        endpoint = serve(lambda _: None)
        begin = time.monotonic()
        refused(endpoint, EngineSilent, "did not answer within 0.4 s")
        assert time.monotonic() - begin < 10 * SHORT

    def test_hangs_on_a_port(self, serve_tcp: ServeTcp) -> None:
        refused(serve_tcp(lambda _: None)[0], EngineSilent, "did not answer")

    def test_hangs_after_the_ping(self, serve: Serve) -> None:
        endpoint = serve(lambda path: pong() if path == "/_ping" else None)
        engine = connect(endpoint, look_seconds=SHORT, system=LINUX)
        failing(lambda: engine.identity, EngineSilent, endpoint, "did not answer")
        failing(lambda: engine.container("dl-web"), EngineSilent, endpoint, "did not answer")

    def test_hangs_in_the_middle_of_an_answer(self, serve: Serve) -> None:
        half = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"

        def hold(path: str) -> bytes:
            if path != "/_ping":
                time.sleep(3 * SHORT)
            return pong() if path == "/_ping" else half

        endpoint = serve(hold)
        engine = connect(endpoint, look_seconds=SHORT, system=LINUX)
        failing(lambda: engine.container("dl-web"), EngineSilent, endpoint)

    def test_closes_without_a_word(self, serve: Serve) -> None:
        refused(serve(lambda _: b""), EngineRefused, "broke off")

    def test_cut_in_the_middle_of_an_answer(self, serve: Serve) -> None:
        cut = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"Id": '
        endpoint = serve(lambda path: pong() if path == "/_ping" else cut)
        engine = connect(endpoint, look_seconds=SHORT, system=LINUX)
        failing(lambda: engine.container("dl-web"), EngineRefused, endpoint, "broke off")

    def test_cut_in_the_middle_of_a_chunk(self, serve: Serve) -> None:
        cut = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"Id"'
        endpoint = serve(lambda path: pong() if path == "/_ping" else cut)
        engine = connect(endpoint, look_seconds=SHORT, system=LINUX)
        failing(engine.containers, EngineRefused, endpoint, "broke off")
        failing(lambda: engine.logs("dl-web"), EngineRefused, endpoint, "broke off")

    def test_stops_between_two_questions(self, folder: Path) -> None:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(folder / "s"))
        listening.listen()
        stub = Stub(listening, lambda _: pong())
        endpoint = Endpoint(f"unix://{folder}/s", "DOCKER_HOST")
        engine = connect(endpoint, look_seconds=SHORT, system=LINUX)
        stub.close()
        failing(lambda: engine.container("dl-web"), EngineRefused, endpoint, "not running")
        (folder / "s").unlink()
        failing(lambda: engine.image("busybox"), NoEngine, endpoint, "No Docker engine runs")


# ---------------------------------------------------------------- something else answers


class TestSomethingElse:
    @pytest.mark.parametrize(
        "reply",
        [
            answer("<html>It works!</html>", kind="text/html"),
            answer("<html>no</html>", "404 Not Found", "text/html; charset=utf-8"),
            answer("<html>bad gateway</html>", "502 Bad Gateway", "text/html"),
            answer("404 page not found", "404 Not Found", "text/plain"),
            answer("", "302 Found", "text/html", Location="http://127.0.0.1:1/"),
            answer("OK", kind="text/plain"),
            answer("OK", kind="text/plain", Api_Version="evil\x1b[2J"),
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"\x00\x01\x02\x03\r\n\r\n",
        ],
    )
    def test_at_once(self, serve: Serve, reply: bytes) -> None:
        refused(serve(lambda _: reply), NotAnEngine, "not Docker's API")

    def test_a_server_that_never_stops_sending(self, serve_tcp: ServeTcp) -> None:
        endless = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 50_000_000
        endpoint, _ = serve_tcp(lambda _: endless)
        begin = time.monotonic()
        refused(endpoint, NotAnEngine)
        assert time.monotonic() - begin < 2

    @pytest.mark.parametrize(
        "body", ["<html>", "", "{", "null", '"text"', "7", '["x"]', "\x00", "[" * 50_000], ids=lambda body: body[:8]
    )
    def test_garbage_after_the_ping(self, serve: Serve, body: str) -> None:
        endpoint = serve(lambda path: pong() if path == "/_ping" else answer(body))
        engine = connect(endpoint, look_seconds=SHORT, system=LINUX)
        calls: list[Callable[[], object]] = [
            lambda: engine.identity,
            engine.containers,
            engine.image_tags,
            lambda: engine.container("dl-web"),
            lambda: engine.image("busybox"),
            lambda: engine.logs("dl-web"),
            engine.precise_now,
        ]
        for call in calls:
            failing(call, NotAnEngine, endpoint)

    @pytest.mark.parametrize(
        "raw",
        [
            {"State": 7},
            {"Config": {"Env": 7}, "RestartCount": "many"},
            {"Mounts": {"a": 1}},
            {"State": {"ExitCode": []}},
        ],
    )
    def test_an_object_of_another_shape(self, serve: Serve, raw: object) -> None:
        endpoint = serve(lambda path: pong() if path == "/_ping" else answer(json.dumps(raw)))
        engine = connect(endpoint, look_seconds=SHORT, system=LINUX)
        with suppress(NotAnEngine):
            assert engine.container("dl-web") is None  # read as far as it goes, and not the one asked for

    @pytest.mark.parametrize("body", ["[]", "7", "{}", "no json", ""])
    def test_an_error_without_a_message(self, serve: Serve, body: str) -> None:
        reply = answer(body, "500 Internal Server Error", Api_Version="1.41")
        endpoint = serve(lambda path: pong() if path == "/_ping" else reply)
        engine = connect(endpoint, look_seconds=SHORT, system=LINUX)
        with pytest.raises(EngineError) as caught:
            engine.container("dl-web")
        assert isinstance(caught.value, EngineRejected | NotAnEngine)

    def test_an_engine_that_is_not_ready(self, serve: Serve) -> None:
        reply = answer("Docker Desktop is manually paused.", "503 Service Unavailable", "text/plain")
        refused(serve(lambda _: reply), EngineRefused, "not ready", "manually paused")

    def test_an_archive_that_is_none(self, serve: Serve) -> None:
        stat = "eyJtb2RlIjogNDIwLCAic2l6ZSI6IDN9"  # {"mode": 420, "size": 3}
        reply = answer(b"no tar at all", X_Docker_Container_Path_Stat=stat)
        endpoint = serve(lambda path: pong() if path == "/_ping" else reply)
        engine = connect(endpoint, look_seconds=SHORT, system=LINUX)
        failing(lambda: engine.path("dl-web", "/x"), NotAnEngine, endpoint)


# ---------------------------------------------------------------- versions


class TestVersions:
    @pytest.mark.parametrize("version", ["1.40", "1.24", "0.9"])
    def test_too_old(self, serve: Serve, version: str) -> None:
        refused(serve(lambda _: pong(version)), EngineTooOld, "too old", version, "1.41", "20.10")

    def test_too_new(self, serve: Serve) -> None:
        message = "client version 1.51 is too old. Minimum supported API version is 1.60, please upgrade your client"
        endpoint = serve(lambda path: pong("1.70") if path == "/_ping" else refusal("400 Bad Request", message, "1.70"))
        error = refused(endpoint, EngineTooNew, "newer", "1.60")
        assert "newer dockerlearn" in str(error.remedy)

    def test_exchanged_for_an_older_one_meanwhile(self, serve: Serve) -> None:
        message = "client version 1.51 is too new. Maximum supported API version is 1.41"
        endpoint = serve(lambda path: pong("1.51") if path == "/_ping" else refusal("400 Bad Request", message))
        engine = connect(endpoint, look_seconds=SHORT, system=LINUX)
        failing(engine.containers, EngineTooOld, endpoint, "1.41")

    @pytest.mark.parametrize(
        ("offered", "spoken"), [("1.41", "v1.41"), ("1.47", "v1.47"), ("1.51", "v1.51"), ("1.99", "v1.51")]
    )
    def test_the_version_is_capped(self, serve_tcp: ServeTcp, offered: str, spoken: str) -> None:
        endpoint, stub = serve_tcp(lambda path: pong(offered) if path.endswith("_ping") else answer("[]"))
        engine = connect(endpoint, look_seconds=SHORT, system=LINUX)
        engine.containers()
        assert f"/{spoken}/containers/json" in stub.asked[-1]

    def test_one_request_is_enough_to_connect(self, serve_tcp: ServeTcp) -> None:
        endpoint, stub = serve_tcp(lambda _: pong())
        connect(endpoint, look_seconds=SHORT, system=LINUX)
        assert stub.asked == ["GET /_ping HTTP/1.1"]


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and its own certificate for 127.0.0.1, and one that another key signed."""
    folder = tmp_path_factory.mktemp("tls")
    openssl = shutil.which("openssl")
    assert openssl, "these tests make their certificates with openssl"
    for name, subject in (
        ("server", "IP:127.0.0.1"),
        ("other", "IP:127.0.0.1"),
        ("elsewhere", "DNS:elsewhere.example"),
    ):
        subprocess.run(
            [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={subject}",
             "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")],
            check=True, capture_output=True,
        )  # fmt: skip
    _make_expired(openssl, folder)
    return folder


def _make_expired(openssl: str, folder: Path) -> None:
    """Of all that openssl can do, only ``ca`` makes a certificate for a time of the past."""
    (folder / "ca.conf").write_text(
        f"[ca]\ndefault_ca=it\n[it]\ndatabase={folder}/index\nserial={folder}/serial\nnew_certs_dir={folder}\n"
        "default_md=sha256\npolicy=any\nx509_extensions=names\n[any]\ncommonName=supplied\n"
        "[names]\nsubjectAltName=IP:127.0.0.1\n"
    )
    (folder / "index").touch()
    (folder / "serial").write_text("01\n")
    key, request = folder / "expired.key", folder / "expired.csr"
    for command in (
        ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=expired",
         "-keyout", str(key), "-out", str(request)],
        ["ca", "-batch", "-notext", "-selfsign", "-config", str(folder / "ca.conf"), "-keyfile", str(key),
         "-in", str(request), "-out", str(folder / "expired.pem"),
         "-startdate", "20200101000000Z", "-enddate", "20200201000000Z"],
    ):  # fmt: skip
        subprocess.run([openssl, *command], check=True, capture_output=True)


def tls_of(folder: Path, name: str, *, skip: bool = False) -> Tls:
    return Tls(ca=str(folder / f"{name}.pem"), cert=None, key=None, skip_verify=skip)


def server_context(folder: Path, name: str = "server") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


class TestTls:
    def test_it_works_at_all(self, serve_tcp: ServeTcp, certificates: Path) -> None:
        endpoint, _ = serve_tcp(lambda _: pong(), server_context(certificates), tls_of(certificates, "server"))
        assert isinstance(connect(endpoint, look_seconds=2, system=LINUX), DockerEngine)

    def test_skipped_verification(
        self, serve_tcp: ServeTcp, certificates: Path, recwarn: pytest.WarningsRecorder
    ) -> None:
        tls = tls_of(certificates, "other", skip=True)
        endpoint, _ = serve_tcp(lambda _: pong(), server_context(certificates), tls)
        assert isinstance(connect(endpoint, look_seconds=2, system=LINUX), DockerEngine)
        # Of urllib3's; a socket of an earlier test may be collected just now, with a warning of its own.
        assert not [warning for warning in recwarn.list if not issubclass(warning.category, ResourceWarning)]

    def test_wrong_authority(self, serve_tcp: ServeTcp, certificates: Path) -> None:
        endpoint, _ = serve_tcp(lambda _: pong(), server_context(certificates), tls_of(certificates, "other"))
        error = refused(endpoint, EngineTls, "certificate")
        assert str(certificates) in str(error.remedy)

    def test_wrong_name(self, serve_tcp: ServeTcp, certificates: Path) -> None:
        tls = tls_of(certificates, "elsewhere")
        endpoint, _ = serve_tcp(lambda _: pong(), server_context(certificates, "elsewhere"), tls)
        refused(endpoint, EngineTls, "certificate", "127.0.0.1")

    def test_tls_to_a_plain_port(self, certificates: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def bad_request() -> None:
                taken, _ = listening.accept()
                taken.recv(4096)
                taken.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request")
                taken.close()

            threading.Thread(target=bad_request, daemon=True).start()
            port = listening.getsockname()[1]
            endpoint = Endpoint(f"tcp://127.0.0.1:{port}", "DOCKER_HOST", tls_of(certificates, "server"))
            error = refused(endpoint, EngineTls, "does not speak TLS")
        assert "unset DOCKER_TLS_VERIFY" in str(error.remedy)

    def test_plain_to_a_tls_port(self, serve: Serve) -> None:
        reply = answer("Client sent an HTTP request to an HTTPS server.", "400 Bad Request", "text/plain")
        error = refused(serve(lambda _: reply), EngineTls, "wants TLS")
        assert "DOCKER_TLS_VERIFY=1" in str(error.remedy)

    def test_certificate_asked_for_and_none_there(self, serve_tcp: ServeTcp, certificates: Path) -> None:
        context = server_context(certificates)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates / "server.pem")
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # where the refusal comes within the handshake
        endpoint, _ = serve_tcp(lambda _: pong(), context, tls_of(certificates, "server"))
        refused(endpoint, EngineTls)

    def test_certificate_asked_for_after_the_handshake(self, serve_tcp: ServeTcp, certificates: Path) -> None:
        """With TLS 1.3 the refusal comes when the first answer is read."""
        context = server_context(certificates)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates / "server.pem")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        endpoint, _ = serve_tcp(lambda _: pong(), context, tls_of(certificates, "server"))
        error = refused(endpoint, EngineTls, "certificate")
        assert str(certificates) in str(error.remedy)

    def test_a_certificate_that_is_out_of_date(self, serve_tcp: ServeTcp, certificates: Path) -> None:
        tls = tls_of(certificates, "expired")
        endpoint, _ = serve_tcp(lambda _: pong(), server_context(certificates, "expired"), tls)
        refused(endpoint, EngineTls, "certificate", "expired")

    def test_nobody_vouches_for_it(self, serve_tcp: ServeTcp, certificates: Path) -> None:
        """Without an authority of one's own, those of the system are asked, and know nothing of it."""
        tls = Tls(ca=None, cert=None, key=None, skip_verify=False)
        endpoint, _ = serve_tcp(lambda _: pong(), server_context(certificates), tls)
        error = refused(endpoint, EngineTls, "certificate")
        assert "DOCKER_CERT_PATH" in str(error.remedy)

    def test_a_file_that_is_gone(self, folder: Path) -> None:
        tls = Tls(ca=str(folder / "ca.pem"), cert=None, key=None, skip_verify=False)
        refused(Endpoint("tcp://127.0.0.1:1", "DOCKER_HOST", tls), EngineTls, "ca.pem")

    def test_a_file_that_is_no_certificate(self, folder: Path, serve_tcp: ServeTcp, certificates: Path) -> None:
        (folder / "ca.pem").write_text("no certificate")
        tls = Tls(ca=str(folder / "ca.pem"), cert=None, key=None, skip_verify=False)
        endpoint, _ = serve_tcp(lambda _: pong(), server_context(certificates), tls)
        refused(endpoint, EngineTls)


# ---------------------------------------------------------------- all together


def test_each_failure_has_words_of_its_own(serve: Serve, serve_tcp: ServeTcp, certificates: Path, folder: Path) -> None:
    """Whoever reads one knows which it is; and none sends anybody to another's remedy by the same sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refusing = Endpoint(f"tcp://127.0.0.1:{taken.getsockname()[1]}", "DOCKER_HOST")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "dead"))
    old = "client version 1.51 is too old. Minimum supported API version is 1.60, please upgrade your client"
    newer = answer(json.dumps({"message": old}), "400 Bad Request", Api_Version="1.70")
    shown = server_context(certificates), tls_of(certificates, "other")
    ends = {
        "no socket": Endpoint(f"unix://{folder}/none", "DOCKER_HOST"),
        "dead socket": Endpoint(f"unix://{folder}/dead", "DOCKER_HOST"),
        "refused": refusing,
        "path too long": Endpoint(f"unix://{folder}/{'x' * 120}", "DOCKER_HOST"),
        "no such host": Endpoint("tcp://no-such-host.invalid:2375", "DOCKER_HOST"),
        "hangs": serve(lambda _: None),
        "says nothing": serve(lambda _: b""),
        "wrong authority": serve_tcp(lambda _: pong(), *shown)[0],
        "wants TLS": serve(
            lambda _: answer("Client sent an HTTP request to an HTTPS server.", "400 Bad Request", "text/plain")
        ),
        "web server": serve(lambda _: answer("<html>It works!</html>", kind="text/html")),
        "not ready": serve(lambda _: answer("paused", "503 Service Unavailable", "text/plain")),
        "too old": serve(lambda _: pong("1.24")),
        "too new": serve(lambda path: pong("1.70") if path == "/_ping" else newer),
    }
    told: dict[str, str] = {}
    for name, endpoint in ends.items():
        with pytest.raises(EngineError) as caught:
            connect(endpoint, look_seconds=SHORT, system=LINUX)
        assert caught.value.remedy, name
        sentence = caught.value.message.replace(endpoint.address, "IT")
        assert sentence not in told, (name, told.get(sentence))
        told[sentence] = name


# ---------------------------------------------------------------- what the environment must not change


def test_proxies_and_bundles_of_the_environment_have_no_say(
    serve_tcp: ServeTcp, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "other.pem"))
    monkeypatch.setenv("NO_PROXY", "")
    endpoint, _ = serve_tcp(lambda _: pong(), server_context(certificates), tls_of(certificates, "server"))
    assert connect(endpoint, look_seconds=2, system=LINUX)
    plain, _ = serve_tcp(lambda _: pong())
    assert connect(plain, look_seconds=2, system=LINUX)


@pytest.mark.parametrize("text", ["{broken", "{}", '{"currentContext": "gone"}'])
def test_a_broken_docker_configuration_stops_nothing(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """It is not needed here: whether it names the engine was decided before."""
    (folder / "config.json").write_text(text)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    connect(serve(lambda _: pong()), look_seconds=SHORT, system=LINUX)


@pytest.mark.parametrize("text", ["[]", '"x"', '{"proxies": []}', '{"auths": 7}', '{"auths": {"x": 7}}'])
def test_a_docker_configuration_that_the_sdk_cannot_stand(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (folder / "config.json").write_text(text)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    with pytest.raises(errors.ContextBroken) as caught:
        connect(serve(lambda _: pong()), look_seconds=SHORT, system=LINUX)
    assert str(folder / "config.json") in caught.value.message
    assert str(caught.value.remedy).startswith("mv ")


# ---------------------------------------------------------------- the clock


def test_now_is_the_engines_clock(serve: Serve) -> None:
    dates = iter([formatdate(1_000_000_000, usegmt=True), formatdate(1_000_000_060, usegmt=True)])
    endpoint = serve(lambda path: pong(Date=next(dates)) if path == "/_ping" else answer("[]", Date=next(dates)))
    engine = connect(endpoint, look_seconds=SHORT, system=LINUX)
    assert engine.now().timestamp() == 1_000_000_000
    engine.containers()
    assert engine.now().timestamp() == 1_000_000_060


def test_a_date_that_is_none_is_passed_over(serve: Serve) -> None:
    engine = connect(serve(lambda _: pong(Date="yesterday")), look_seconds=SHORT, system=LINUX)
    assert abs(engine.now().timestamp() - time.time()) < 5


# ---------------------------------------------------------------- every foreign class


def classes_of(module: object) -> list[type[BaseException]]:
    found = [value for _, value in inspect.getmembers(module, inspect.isclass) if issubclass(value, BaseException)]
    return [
        value
        for value in found
        if value.__module__ == getattr(module, "__name__", "") and not issubclass(value, Warning)
    ]


@pytest.mark.parametrize(
    "kind", [*classes_of(docker.errors), *classes_of(requests.exceptions)], ids=lambda k: k.__name__
)
def test_every_foreign_class_is_in_the_table(kind: type[BaseException]) -> None:
    """A new version of docker or requests with a new class fails here, and then somebody decides what it means."""
    assert kind in BY_CLASS
    bare = kind.__new__(kind)
    bare.args = ("words",)
    if issubclass(kind, docker.errors.DockerException | requests.exceptions.RequestException):
        for name in ("msg", "param", "name", "explanation", "response"):
            setattr(bare, name, None)
    try:
        str(bare)
    except TypeError:
        bare = kind.__new__(kind, "words")
        setattr(bare, "msg", "words")  # noqa: B010 -- made without __init__, which each class has in its own form
    endpoint = Endpoint("unix:///x", "DOCKER_HOST")
    with pytest.raises(EngineError) as caught, failures.translating(endpoint, LINUX, SHORT):
        raise bare
    assert type(caught.value) is BY_CLASS[kind]


@pytest.mark.parametrize("kind", classes_of(urllib3.exceptions), ids=lambda k: k.__name__)
def test_every_class_of_urllib3_is_caught(kind: type[BaseException]) -> None:
    bare = kind.__new__(kind)
    with pytest.raises(EngineError), failures.translating(Endpoint("unix:///x", "x"), LINUX, SHORT):
        raise bare


@pytest.mark.parametrize(
    ("foreign", "kind"),
    [
        (http.client.RemoteDisconnected("x"), EngineRefused),
        (http.client.IncompleteRead(b"x"), EngineRefused),
        (http.client.BadStatusLine("x"), NotAnEngine),
        (BrokenPipeError(32, "x"), EngineRefused),
        (OSError(113, "No route to host"), NoEngine),
        (OSError(5, "x"), EngineRefused),
        (TimeoutError("x"), EngineSilent),
        (socket.gaierror(-2, "x"), HostInvalid),
        (ssl.SSLError("x"), EngineTls),
        (KeyError("Id"), NotAnEngine),
    ],
)
def test_what_the_system_raises(foreign: Exception, kind: type[EngineError]) -> None:
    wrapped = docker.errors.DockerException("Error while fetching server API version")
    wrapped.__cause__ = foreign
    for error in (
        foreign,
        wrapped,
        requests.exceptions.ConnectionError(urllib3.exceptions.ProtocolError("x", foreign)),
    ):
        if isinstance(error, requests.exceptions.ConnectionError) and isinstance(foreign, KeyError):
            continue
        assert type(translate(error, Endpoint("tcp://h:1", "DOCKER_HOST"), LINUX, SHORT)) is kind


def test_our_own_errors_and_interrupts_pass() -> None:
    endpoint = Endpoint("unix:///x", "x")
    for own in (errors.NameTaken("taken"), KeyboardInterrupt()):
        with pytest.raises(type(own)) as caught, failures.translating(endpoint, LINUX, SHORT):
            raise own
        assert caught.value is own


def test_control_sequences_of_an_engine_do_not_pass(serve: Serve) -> None:
    reply = refusal("500 Internal Server Error", "no\x1b[2J\x1b]0;title\x07 way\u202e")
    engine = connect(serve(lambda path: pong() if path == "/_ping" else reply), look_seconds=SHORT, system=LINUX)
    with pytest.raises(EngineRejected) as caught:
        engine.container("dl-web")
    assert caught.value.message == "The engine refused: no way."
    assert caught.value.status == 500


# ---------------------------------------------------------------- remedies


@pytest.mark.parametrize(
    ("address", "source", "system", "command"),
    [
        ("/var/run/docker.sock", "the default socket", System(), "sudo systemctl start docker"),
        ("/var/run/docker.sock", "the default socket", System(root=True), "systemctl start docker"),
        ("/var/run/docker.sock", "the default socket", System(systemd=False),
         "sudo sh -c 'dockerd > /tmp/dockerd.log 2>&1 &'"),
        ("/var/run/docker.sock", "the default socket", System(engine=False), "dockerlearn start --practice"),
        ("/var/run/docker.sock", "the default socket", System(platform="darwin"), "open -a Docker"),
        ("/p/s", "the practice engine", System(), "dockerlearn engine up"),
        ("/home/a/.colima/default/docker.sock", "x", System(), "colima start"),
        ("/Users/a/.orbstack/run/docker.sock", "x", System(platform="darwin"), "open -a OrbStack"),
        ("/home/a/.docker/desktop/docker.sock", "x", System(), "systemctl --user start docker-desktop"),
        ("/run/user/1000/docker.sock", "x", System(), "systemctl --user start docker"),
        ("/run/user/1000/podman/podman.sock", "x", System(), "systemctl --user start podman.socket"),
        ("/Users/a/.config/colima/default/docker.sock", "x", System(platform="darwin"), "colima start"),
        ("/Users/a/.colima/work/docker.sock", "x", System(platform="darwin"), "colima start work"),
        ("/Users/a/.lima/docker/sock/docker.sock", "x", System(platform="darwin"), "limactl start docker"),
        ("/Users/a/.rd/docker.sock", "x", System(platform="darwin"), "rdctl start"),
        ("/T/podman/podman-machine-default-api.sock", "x", System(platform="darwin"), "podman machine start"),
        ("/var/run/docker.sock", "the default socket", System(systemd=False, distribution="alpine", root=True),
         "rc-service docker start"),
        ("/var/run/docker.sock", "the default socket", System(systemd=False, wsl=True), "sudo service docker start"),
    ],
)  # fmt: skip
def test_how_to_start_it(address: str, source: str, system: System, command: str) -> None:
    assert remedy_start(Endpoint(f"unix://{address}", source), system) == command


@pytest.mark.parametrize(
    ("pipe", "command"),
    [
        ("docker_engine", "Start-Process"),
        ("dockerDesktopLinuxEngine", "Start-Process"),
        ("podman-machine-default", "podman machine start"),
    ],
)
def test_how_to_start_it_on_windows(pipe: str, command: str) -> None:
    endpoint = Endpoint(f"npipe:////./pipe/{pipe}", "x")
    assert remedy_start(endpoint, System(platform="win32", systemd=False)).startswith(command)


@pytest.mark.parametrize(
    ("source", "begins"),
    [
        ("DOCKER_HOST", "unset DOCKER_HOST"),
        ('the docker context "x" (DOCKER_CONTEXT)', "unset DOCKER_CONTEXT"),
        ('the docker context "x" (currentContext in config.json)', "docker context use default"),
    ],
)
def test_how_to_leave_it(source: str, begins: str) -> None:
    assert remedy_start(Endpoint("tcp://10.0.0.1:1", source), System()).startswith(begins)


@pytest.mark.parametrize(
    ("words", "says", "remedy"),
    [
        ("toomanyrequests: You have reached your pull rate limit.", "limit", "docker login"),
        ("received unexpected HTTP status: 429 Too Many Requests", "too many requests; it does so", "wait"),
        ("toomanyrequests: retry-after: 1.2ms, allowed: 44000/minute", "too many requests; it does so", "wait"),
        (
            "429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.",
            "limit",
            "log",
        ),
        (
            "unexpected status from HEAD request to https://r/v2/x/manifests/1: 429 Too Many",
            "does not hear which",
            "wait",
        ),
        ("manifest for busybox:nope not found: manifest unknown", "no such image or tag", None),
        ("pull access denied for nope, repository does not exist", "no such image or tag", None),
        ("dial tcp: lookup r.invalid on 10.0.0.1:53: no such host", "does not reach the registry", "images load"),
        ("dial tcp 10.0.0.1:443: i/o timeout", "does not reach the registry", "images load"),
        ("tls: failed to verify certificate: x509: unknown authority", "certificate", "docker info"),
        ("no matching manifest for linux/arm64/v8", "processor", None),
        ("write /x: no space left on device", "full", "docker system df"),
        ("quite another thing", "quite another thing", "docker pull busybox:1.36"),
    ],
)
def test_why_a_pull_failed(words: str, says: str, remedy: str | None) -> None:
    error = explain_pull("busybox:1.36", words, 500)
    assert says in error.message
    assert "busybox:1.36" in error.message
    assert (remedy is None and error.remedy is None) or str(remedy) in str(error.remedy)


def test_an_error_inside_the_stream_of_a_pull(serve: Serve) -> None:
    lines = [
        {"status": "Pulling from library/busybox", "id": "1.36"},
        {"error": "You have reached your pull rate limit"},
    ]
    body = "\r\n".join(json.dumps(line) for line in lines).encode()
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    engine = connect(serve(lambda path: pong() if path == "/_ping" else chunked), look_seconds=SHORT, system=LINUX)
    heard: list[PullNews] = []
    with pytest.raises(EngineRejected, match="limit"):
        engine.pull("busybox:1.36", heard.append)
    assert heard == [PullNews("1.36", "Pulling from library/busybox")]


def test_this_machine_can_be_looked_at() -> None:
    assert System.here().root is (os.geteuid() == 0)
