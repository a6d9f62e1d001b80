"""Turns what docker, requests, urllib3 and the operating system raise into our own errors, in one place.

Each failure says what is so and gives the command that mends it on this system. ``translating`` is the only door:
nothing foreign leaves the engine package.
"""

from __future__ import annotations

import errno
import http.client
import json
import re
import shlex
import socket
import ssl
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker.errors
import requests.exceptions
import urllib3.exceptions

from dockerlearn.engine import mending
from dockerlearn.engine.endpoint import DEFAULT_SOURCE, PRACTICE_SOURCE, Endpoint
from dockerlearn.engine.ssh import SshEnded, Target, last_line, why
from dockerlearn.engine.system import System
from dockerlearn.errors import (
    ContextBroken,
    ContextMissing,
    DockerlearnError,
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
from dockerlearn.text import one_line

# What each foreign class means when nothing more precise (an errno, a TLS error, an HTTP status) is known. A class
# that is not here is found by its bases; a test fails when docker or requests has one that is not here by itself.
BY_CLASS: dict[type[BaseException], type[EngineError]] = {
    docker.errors.DockerException: NotAnEngine,
    docker.errors.APIError: EngineRejected,
    docker.errors.NotFound: EngineRejected,
    docker.errors.ImageNotFound: EngineRejected,
    docker.errors.InvalidVersion: EngineTooOld,
    docker.errors.InvalidRepository: EngineRejected,
    docker.errors.InvalidConfigFile: ContextBroken,
    docker.errors.InvalidArgument: EngineRejected,
    docker.errors.DeprecatedMethod: EngineRejected,
    docker.errors.TLSParameterError: EngineTls,
    docker.errors.NullResource: EngineRejected,
    docker.errors.ContainerError: EngineRejected,
    docker.errors.StreamParseError: NotAnEngine,
    docker.errors.BuildError: EngineRejected,
    docker.errors.ImageLoadError: EngineRejected,
    docker.errors.MissingContextParameter: ContextMissing,
    docker.errors.ContextAlreadyExists: ContextBroken,
    docker.errors.ContextException: ContextBroken,
    docker.errors.ContextNotFound: ContextMissing,
    requests.exceptions.RequestException: NotAnEngine,
    requests.exceptions.InvalidJSONError: NotAnEngine,
    requests.exceptions.JSONDecodeError: NotAnEngine,
    requests.exceptions.HTTPError: EngineRejected,
    requests.exceptions.ConnectionError: EngineRefused,
    requests.exceptions.ProxyError: EngineRefused,
    requests.exceptions.SSLError: EngineTls,
    requests.exceptions.Timeout: EngineSilent,
    requests.exceptions.ConnectTimeout: EngineSilent,
    requests.exceptions.ReadTimeout: EngineSilent,
    requests.exceptions.URLRequired: HostInvalid,
    requests.exceptions.TooManyRedirects: NotAnEngine,
    requests.exceptions.MissingSchema: HostInvalid,
    requests.exceptions.InvalidSchema: HostInvalid,
    requests.exceptions.InvalidURL: HostInvalid,
    requests.exceptions.InvalidHeader: NotAnEngine,
    requests.exceptions.InvalidProxyURL: HostInvalid,
    requests.exceptions.ChunkedEncodingError: EngineRefused,
    requests.exceptions.ContentDecodingError: NotAnEngine,
    requests.exceptions.StreamConsumedError: EngineRefused,
    requests.exceptions.RetryError: EngineRefused,
    requests.exceptions.UnrewindableBodyError: EngineRefused,
    urllib3.exceptions.HTTPError: NotAnEngine,
    urllib3.exceptions.TimeoutError: EngineSilent,
    urllib3.exceptions.ProtocolError: EngineRefused,
    urllib3.exceptions.SSLError: EngineTls,
    urllib3.exceptions.LocationValueError: HostInvalid,
    json.JSONDecodeError: NotAnEngine,
    tarfile.TarError: NotAnEngine,
    UnicodeError: HostInvalid,  # a host name that IDNA cannot take
    ssl.SSLError: EngineTls,
    TimeoutError: EngineSilent,
    OSError: EngineRefused,
}

_ROOTS = (docker.errors.DockerException, requests.exceptions.RequestException, urllib3.exceptions.HTTPError)

# An answer of another shape than Docker's surfaces inside the SDK or our reading of it as one of these.
_MISFIT = (KeyError, TypeError, AttributeError, ValueError, RecursionError, AssertionError)

_FOREIGN = (
    docker.errors.DockerException,
    docker.errors.StreamParseError,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    tarfile.TarError,
    OSError,
    *_MISFIT,
)


@contextmanager
def translating(endpoint: Endpoint, system: System | None, seconds: float) -> Iterator[None]:
    """Raise our own error in place of every foreign one; ours pass. ``seconds`` is the time-out that was set."""
    try:
        yield
    except DockerlearnError:
        raise
    except _FOREIGN as error:
        raise translate(error, endpoint, system or System.here(), seconds) from error


def translate(error: BaseException, endpoint: Endpoint, system: System, seconds: float) -> EngineError:
    """Return our error for a foreign one. The most precise of its causes decides."""
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, requests.exceptions.HTTPError) and cause.response is not None:
            return answered(cause.response, _body(cause), endpoint, system)
        if isinstance(cause, SshEnded):
            return _ssh_ended(cause, endpoint, system)
    # urllib3 puts a plain-port error of TLS and a time-out alike into ConnectionError: the inner ones come first.
    for cause in reversed(chain):
        if found := _precise(cause, endpoint, system, seconds):
            return found
    # The libraries' root classes say least: what they wrap comes before them.
    for cause in sorted(chain, key=lambda item: type(item) in _ROOTS):
        for base in type(cause).__mro__:
            if kind := BY_CLASS.get(base):
                return _general(kind, cause, endpoint, system, seconds)
    return _general(NotAnEngine, error, endpoint, system, seconds)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its causes and the errors that libraries carry in ``args`` or ``reason``, outermost first."""
    seen: set[int] = set()
    queue = [error]
    while queue:
        current = queue.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
        queue += [item for item in inner if isinstance(item, BaseException)]


def _precise(cause: BaseException, endpoint: Endpoint, system: System, seconds: float) -> EngineError | None:
    address, source = _shown(endpoint), endpoint.source
    if isinstance(cause, ssl.SSLCertVerificationError):
        return EngineTls(
            f"The engine at {address} shows a certificate that does not hold: {one_line(_reason(cause))} ({source}).",
            _remedy_tls(endpoint),
        )
    if isinstance(cause, ssl.SSLError):
        if "WRONG_VERSION_NUMBER" in str(cause) or "HTTP_REQUEST" in str(cause) or "RECORD_LAYER" in str(cause):
            return EngineTls(
                f"The engine at {address} does not speak TLS, and TLS is asked for ({source}).",
                "unset DOCKER_TLS_VERIFY DOCKER_TLS" if "DOCKER_HOST" in source else _remedy_other(endpoint),
            )
        return EngineTls(
            f"The TLS connection to the engine at {address} failed: {one_line(_reason(cause))} ({source}).",
            _remedy_tls(endpoint),
        )
    if isinstance(cause, socket.gaierror):
        return HostInvalid(
            f"The engine's host {endpoint.host} is not known by name: {one_line(_reason(cause))} ({source}).",
            _remedy_other(endpoint),
        )
    if isinstance(cause, TimeoutError):
        return _general(EngineSilent, cause, endpoint, system, seconds)
    if isinstance(cause, PermissionError) or getattr(cause, "errno", None) in (errno.EACCES, errno.EPERM):
        return EnginePermission(
            f"There is an engine at {address} ({source}), and you may not open its socket.",
            _remedy_permission(endpoint, system),
        )
    if isinstance(cause, FileNotFoundError | NotADirectoryError):
        return NoEngine(
            f"No Docker engine runs: there is no {address} ({source}).",
            remedy_start(endpoint, system),
        )
    if isinstance(cause, ConnectionRefusedError):
        where = "any more at the socket" if endpoint.socket_path else "at"
        return EngineRefused(
            f"Nobody listens {where} {address} ({source}): the engine is not running.", remedy_start(endpoint, system)
        )
    if isinstance(cause, OSError) and cause.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EHOSTDOWN):
        return NoEngine(
            f"The engine's host {endpoint.host} cannot be reached: {one_line(_reason(cause))} ({source}).",
            _remedy_other(endpoint),
        )
    if isinstance(cause, OSError) and "path too long" in str(cause):
        return HostInvalid(
            f"The path of the engine's socket is too long for the system: {address} ({source}).",
            _remedy_other(endpoint),
        )
    if isinstance(cause, ConnectionError | http.client.IncompleteRead | http.client.RemoteDisconnected):
        return _general(EngineRefused, cause, endpoint, system, seconds)
    if isinstance(cause, http.client.BadStatusLine | http.client.LineTooLong | http.client.UnknownProtocol):
        return _general(NotAnEngine, cause, endpoint, system, seconds)
    return None


def _ssh_ended(ended: SshEnded, endpoint: Endpoint, system: System) -> EngineError:
    """Return the error for an ``ssh`` that ended; the command to try by hand is part of each remedy."""
    target = Target.of(endpoint.address)
    by_hand, words = f"{target.typed} docker version", last_line(ended)
    kind, sentence, remedy = _SSH[why(ended)]
    remedies = {"install": mending.install(system, "ssh"), "other": _remedy_other(endpoint)}
    return kind(
        sentence.format(address=_shown(endpoint), host=target.host, words=words.rstrip(".")) + f" ({endpoint.source}).",
        remedy.format(by_hand=by_hand, typed=target.typed, to=target.typed.removeprefix("ssh "), **remedies),
    )


_SSH: dict[str, tuple[type[EngineError], str, str]] = {
    "no ssh": (
        HostInvalid,
        "The engine at {address} is reached by ssh, and there is no program ssh on your PATH",
        "{install}",
    ),
    "login": (
        EnginePermission,
        "{host} does not let you in by ssh without asking, and dockerlearn cannot be asked: {words}",
        "ssh-copy-id {to}    # puts your key there; ssh-add, if the key has a passphrase",
    ),
    "host key": (
        EnginePermission,
        "ssh does not know the key of {host}, or it has changed: {words}",
        "{by_hand}    # by hand, once: it shows the key and asks",
    ),
    "name": (HostInvalid, "The engine's host {host} is not known by name: {words}", "{other}"),
    "refused": (
        EngineRefused,
        "Nobody listens for ssh at {host}: {words}",
        "{by_hand}    # shows what ssh says\n{other}",
    ),
    "silent": (EngineSilent, "{host} does not answer to ssh: {words}", "{by_hand}    # shows what ssh says\n{other}"),
    "unreachable": (NoEngine, "The engine's host {host} cannot be reached: {words}", "{other}"),
    "no docker": (
        NoEngine,
        "On {host} there is no docker command of 18.09 or newer, which the way through ssh needs: {words}",
        "{by_hand}    # shows what is there",
    ),
    "no engine": (
        NoEngine,
        "No engine runs on {host}: {words}",
        "{typed} -t sudo systemctl start docker    # or as engines are started there",
    ),
    "engine closed": (
        EnginePermission,
        "There is an engine on {host}, and the user you log in as may not open its socket: {words}",
        "{typed} -t 'sudo usermod -aG docker \"$USER\"'    # the next login has the group",
    ),
    "other": (EngineRefused, "The way by ssh to {host} ended: {words}", "{by_hand}    # shows what ssh says"),
}


def _general(
    kind: type[EngineError], cause: BaseException, endpoint: Endpoint, system: System, seconds: float
) -> EngineError:
    address, source = _shown(endpoint), endpoint.source
    words = _words(cause)
    if kind is EngineSilent:
        return EngineSilent(
            f"The engine at {address} takes connections and did not answer within {seconds:g} s ({source}).",
            _remedy_restart(endpoint, system),
        )
    if kind is EngineRefused:
        return EngineRefused(
            f"The connection to the engine at {address} broke off ({source}): it stopped, or is being restarted.",
            remedy_start(endpoint, system),
        )
    if kind is EngineTls:
        return EngineTls(f"The TLS connection to {address} failed: {words} ({source}).", _remedy_tls(endpoint))
    if kind is HostInvalid:
        return HostInvalid(
            f"{address} is not an address that can be used: {words} ({source}).", _remedy_other(endpoint)
        )
    if kind is EngineTooOld:
        return too_old(endpoint, words, system)
    if kind is EngineRejected:
        return EngineRejected(f"The engine at {address} cannot do that: {words}.", 400)
    if kind is ContextMissing or kind is ContextBroken:
        return kind(f"Docker's configuration cannot be used: {words}.", "docker context ls")
    return NotAnEngine(f"What answers at {address} is not Docker's API: {words} ({source}).", _remedy_other(endpoint))


def answered(response: requests.Response, body: str, endpoint: Endpoint, system: System) -> EngineError:
    """Return the error for an answer with an HTTP error status; ``body`` is its text."""
    status, address = response.status_code, _shown(endpoint)
    words = one_line(_message(body) or str(response.reason or ""), 400)
    if "HTTP request to an HTTPS server" in words:
        return EngineTls(
            f"The engine at {address} wants TLS, and none is set up ({endpoint.source}).",
            "export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=FOLDER    # with ca.pem, cert.pem, key.pem",
        )
    if status == 400 and re.search(r"client version \S+ is too old", words):
        return too_new(endpoint, words)
    if status == 400 and re.search(r"client version \S+ is too new", words):
        return too_old(endpoint, words, system)
    # Docker's API never gives a web page, and all it gives carries its version.
    known = "Api-Version" in response.headers
    if not known and "html" in response.headers.get("Content-Type", "").lower():
        return not_an_engine(endpoint, f"a web page with status {status}")
    if status in (502, 503, 504) or (status >= 500 and not known):
        return EngineRefused(
            f"The engine at {address} is not ready: {words or status} ({endpoint.source}).",
            _remedy_restart(endpoint, system),
        )
    if not known:
        return not_an_engine(endpoint, f"status {status}, {words}")
    if status == 500 and "name" in words and "already in use" in words:
        status = 409  # what Docker says about a name that is taken; Podman says 500
    return EngineRejected(f"The engine refused: {words.rstrip('.') or f'status {status}'}.", status)


def too_old(endpoint: Endpoint, words: str, system: System) -> EngineTooOld:
    """Return the error for an engine older than we speak; ``words`` say how old."""
    return EngineTooOld(
        f"The engine at {_shown(endpoint)} is too old for dockerlearn, which needs Docker 20.10 (API 1.41): {words}.",
        mending.upgrade_engine(system),
    )


def too_new(endpoint: Endpoint, words: str) -> EngineTooNew:
    """Return the error for an engine that no longer speaks the newest API we know."""
    return EngineTooNew(
        f"The engine at {_shown(endpoint)} is newer than this dockerlearn understands: {one_line(words)}.",
        "Install a newer dockerlearn, from where you got this one.",
    )


def not_an_engine(endpoint: Endpoint, words: str) -> NotAnEngine:
    """Return the error for something else than an engine; ``words`` say what it was."""
    return NotAnEngine(
        f"What answers at {_shown(endpoint)} is not Docker's API: {one_line(words)} ({endpoint.source}).",
        _remedy_other(endpoint),
    )


def remedy_start(endpoint: Endpoint, system: System) -> str:
    """Return the command that starts the engine which should be at ``endpoint``."""
    if endpoint.source == PRACTICE_SOURCE:
        return "dockerlearn engine up"
    path = endpoint.socket_path or ""
    if profile := re.search(r"/\.?colima/([A-Za-z0-9_-]+)/docker\.sock$", path):
        return "colima start" if profile[1] == "default" else f"colima start {profile[1]}"
    for part, command in _STARTERS:
        if part in path or part in endpoint.address:
            return command
    if path.endswith(".docker/desktop/docker.sock"):
        return "systemctl --user start docker-desktop"
    if path.endswith(".docker/run/docker.sock") or system.platform == "darwin":
        return "open -a Docker"
    if system.platform == "win32":
        return 'Start-Process "$Env:ProgramFiles\\Docker\\Docker\\Docker Desktop.exe"'
    if re.search(r"/run/user/\d+/docker\.sock$", path):
        return "systemctl --user start docker"
    if not path or not re.fullmatch(r".*/(?:var/)?run/docker\.sock", path):
        return _remedy_other(endpoint)
    if not system.engine:
        # No engine is installed at all.
        return "dockerlearn start --practice"
    return mending.start_service(system)


_STARTERS = (
    ("/.orbstack/", "open -a OrbStack"),
    ("/.rd/", "rdctl start"),
    ("/.lima/docker/", "limactl start docker"),
    ("containers/podman/machine", "podman machine start"),
    ("podman-machine-default", "podman machine start"),
    ("/run/user/0/podman/podman.sock", "systemctl --user start podman.socket"),
    ("/podman/podman.sock", "systemctl --user start podman.socket"),
)


def _remedy_restart(endpoint: Endpoint, system: System) -> str:
    if endpoint.source == PRACTICE_SOURCE:
        return "dockerlearn engine down && dockerlearn engine up"
    start = remedy_start(endpoint, system)
    if "systemctl" in start:
        return start.replace(" start ", " restart ")
    if start.startswith("colima start"):
        return start.replace(" start", " restart")
    return start if start.startswith("open") else _remedy_other(endpoint, looking=True)


def _remedy_permission(endpoint: Endpoint, system: System) -> str:
    path = endpoint.socket_path or ""
    if system.platform in ("darwin", "win32") or not re.fullmatch(r".*/(?:var/)?run/docker\.sock", path):
        return f"ls -l {shlex.quote(one_line(path, 4096))}    # it belongs to somebody else; then: {_unset(endpoint)}"
    return mending.join_group(system)


def _remedy_tls(endpoint: Endpoint) -> str:
    if endpoint.tls and endpoint.tls.ca:
        folder = shlex.quote(one_line(str(Path(endpoint.tls.ca).parent), 4096))
        return f"ls -l {folder}    # ca.pem, cert.pem and key.pem must be those made for this engine"
    return "export DOCKER_CERT_PATH=FOLDER    # with this engine's ca.pem, cert.pem and key.pem"


def _remedy_other(endpoint: Endpoint, *, looking: bool = False) -> str:
    """Say how to leave an address that does not work, or how to look at it."""
    if looking and endpoint.source == DEFAULT_SOURCE:
        return "ps -C dockerd -o pid,etime,args    # then stop that process and start dockerd again"
    if endpoint.source == DEFAULT_SOURCE:
        return "dockerlearn start --practice"
    return _unset(endpoint)


def _unset(endpoint: Endpoint) -> str:
    source = endpoint.source
    if source.startswith("DOCKER_TLS_VERIFY"):
        return "unset DOCKER_TLS_VERIFY DOCKER_TLS"
    if source.startswith("DOCKER_HOST"):
        return "unset DOCKER_HOST    # then the engine of your docker context is used"
    if "DOCKER_CONTEXT" in source:
        return "unset DOCKER_CONTEXT    # or name one of: docker context ls"
    if "context" in source:
        return "docker context use default    # or another one of: docker context ls"
    return "dockerlearn start --practice"


def _shown(endpoint: Endpoint) -> str:
    return one_line(endpoint.address)


def _words(error: BaseException) -> str:
    try:
        text = str(error)
    except (AttributeError, TypeError):
        text = ""  # some classes of urllib3 can only be read when they were made in one certain way
    return one_line(text or type(error).__name__)


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message or str(error)
    return str(getattr(error, "strerror", None) or error)


def _body(error: requests.exceptions.HTTPError) -> str:
    if isinstance(error, docker.errors.APIError) and error.explanation:
        return str(error.explanation)
    try:
        return error.response.text
    except (RuntimeError, requests.exceptions.RequestException, urllib3.exceptions.HTTPError):
        return ""  # a stream that was closed or broke off


def _message(body: str) -> str:
    """Return what an error says: Docker's ``message``, else the text itself."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        return body
    return str(raw.get("message") or raw.get("cause") or body) if isinstance(raw, dict) else body
