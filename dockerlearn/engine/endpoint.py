"""Which engine the docker client on this machine would talk to, and why.

Pure but for looking at files: the environment, the home folder and the platform are passed in, docker is not imported.

The order is that of the docker client (``cli/command/cli.go`` of docker/cli), with two additions of our own:

1. ``DOCKER_HOST``, with ``DOCKER_TLS_VERIFY``, ``DOCKER_TLS`` and ``DOCKER_CERT_PATH``;
2. ``DOCKER_CONTEXT``;
3. the practice engine, when it is up (ours);
4. ``currentContext`` of ``config.json`` in ``DOCKER_CONFIG`` or ``~/.docker``;
5. the default socket or, on Windows, pipe;
6. when that does not exist, the sockets that rootless Docker, Docker Desktop, Colima and others make (ours).

Where the client only warns and goes on with another engine (a ``config.json`` it cannot read), we stop: a course that
works on the wrong engine is worse than one that says why it does not start.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import re
import socket
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from dockerlearn.errors import ContextBroken, ContextMissing, EngineTls, HostInvalid
from dockerlearn.text import one_line

DEFAULT_SOCKET = "var/run/docker.sock"
DEFAULT_PIPE = "npipe:////./pipe/docker_engine"
PRACTICE_SOURCE = "the practice engine"
DEFAULT_SOURCE = "the default socket"

_PORT = 2375
_TLS_PORT = 2376


class Tls(msgspec.Struct, frozen=True):
    """The files of a TLS connection, as absolute paths; ``skip_verify`` when the server's name is not checked."""

    ca: str | None
    cert: str | None
    key: str | None
    skip_verify: bool


class Endpoint(msgspec.Struct, frozen=True):
    """Where an engine is.

    ``address`` is what ``DOCKER_HOST`` would say, in full form; ``source`` says in words what named it. ``export`` is
    True when the docker client would not find this engine by itself.
    """

    address: str
    source: str
    tls: Tls | None = None
    export: bool = False

    @property
    def socket_path(self) -> str | None:
        """The path of a Unix socket; None for every other kind of address."""
        return self.address.removeprefix("unix://") if self.address.startswith("unix://") else None

    @property
    def host(self) -> str:
        """The host on which the engine's published ports are reached."""
        far = self.address.startswith(("tcp://", "ssh://"))
        return (urlsplit(self.address).hostname or "127.0.0.1") if far else "127.0.0.1"

    @property
    def is_remote(self) -> bool:
        """Whether the engine is on another machine, as far as the address tells."""
        return self.address.startswith(("tcp://", "ssh://")) and not is_loopback(self.host)

    @property
    def is_ssh(self) -> bool:
        """Whether the engine is reached by logging in to its machine."""
        return self.address.startswith("ssh://")


def find(
    environ: Mapping[str, str],
    home: Path,
    practice: str | None = None,
    *,
    platform: str = "linux",
    root: Path = Path("/"),
    user: int | None = None,
    accepts: Callable[[str], bool] | None = None,
    pipes: Callable[[], Collection[str]] | None = None,
) -> Endpoint:
    """Return the engine to use; whether it answers is not tried.

    ``practice`` is the address of the practice engine when it is up. ``platform`` is ``sys.platform``. ``root`` is
    where absolute paths that we make up ourselves start. ``user`` is the user's number, by which a folder is found that
    ``XDG_RUNTIME_DIR`` does not name after ``su``. ``accepts`` tells whether somebody listens on a socket: among
    several well-known ones, one that listens is preferred to one that was left behind. ``pipes`` are the names of
    Windows' pipes.

    Raises ``HostInvalid``, ``ContextMissing``, ``ContextBroken``, and ``EngineTls`` when a certificate is not there.
    """
    config = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    if host := environ.get("DOCKER_HOST"):
        return _from_host(host, environ, config, root)
    if name := environ.get("DOCKER_CONTEXT"):
        if name != "default":
            return _from_context(name, config, "DOCKER_CONTEXT", root)
        # Asked for by name: no other engine will do.
        return _default(environ, config, platform, root, pipes or _pipes)
    if practice:
        return Endpoint(address(practice), PRACTICE_SOURCE, export=True)
    name = _current_context(config)
    if name and name != "default":
        return _from_context(name, config, f"currentContext in {config / 'config.json'}", root)
    found = _default(environ, config, platform, root, pipes or _pipes)
    path = found.socket_path
    # A folder closed to us counts as a socket that is there: then the connection says that it is a matter of rights.
    if path is None or platform == "win32" or _is_socket(Path(path), when_closed=True):
        return found
    candidates = _candidates(environ, home, platform, root, user)
    return _well_known(candidates, root, accepts or _listens) or found


def context(environ: Mapping[str, str], home: Path) -> str | None:
    """Return the docker context that is selected, whether it is used or not; None for the default one.

    Raises ``ContextBroken``.
    """
    name = environ.get("DOCKER_CONTEXT") or _current_context(Path(environ.get("DOCKER_CONFIG") or home / ".docker"))
    return None if name in {None, "", "default"} else name


def address(text: str, *, tls: bool = False, default: str = f"unix:///{DEFAULT_SOCKET}") -> str:
    """Return an engine's address in full form: scheme, and a port where there is one.

    Raises ``HostInvalid``.

    >>> address("tcp://build.example")
    'tcp://build.example:2375'
    >>> address("127.0.0.1:4243")
    'tcp://127.0.0.1:4243'
    """
    shown = one_line(re.sub(r":[^:@/]*@", ":…@", text))  # a password is not for a screen
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        scheme, rest = "tcp", scheme
    if scheme == "ssh":
        return _ssh(rest, shown)
    if scheme == "unix":
        return f"unix://{_absolute(rest)}" if rest else default
    if scheme == "npipe":
        return f"npipe://{rest}" if rest else DEFAULT_PIPE
    if scheme == "tcp":
        return _tcp(rest, shown, _TLS_PORT if tls else _PORT)
    raise HostInvalid(
        f"The engine's address is {shown}. An address begins with unix://, tcp://, ssh:// or npipe://.",
        "unset DOCKER_HOST",
    )


def _tcp(rest: str, shown: str, port: int) -> str:
    try:
        parts = urlsplit(f"tcp://{rest}")
        host, port = parts.hostname or "localhost", parts.port or port
    except ValueError:
        host = ""
    else:
        if parts.username or parts.query or parts.fragment:
            host = ""
    if not host or not re.fullmatch(r"[A-Za-z0-9._:%-]+", host):
        raise HostInvalid(
            f"The engine's address is {shown}, which is not a host and a port.",
            "export DOCKER_HOST=tcp://HOST:PORT    # or: unset DOCKER_HOST",
        )
    return f"tcp://{f'[{host}]' if ':' in host else host}:{port}{parts.path.rstrip('/')}"


def _ssh(rest: str, shown: str) -> str:
    """Check an address of ssh; what of it becomes a word for ``ssh`` or a shell is of plain characters only."""
    found = re.fullmatch(
        r"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9._@+-]*)@)?(?P<host>[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])"
        r"(?::(?P<port>\d{1,5}))?(?P<path>/[A-Za-z0-9._/@+-]*)?",
        rest,
    )
    port = found and found["port"]
    if found is None or (port and not 0 < int(port) < 65_536):
        raise HostInvalid(
            f"The engine's address is {shown}, which is not ssh://USER@HOST or ssh://USER@HOST:PORT.",
            "export DOCKER_HOST=ssh://USER@HOST    # or: unset DOCKER_HOST",
        )
    return f"ssh://{rest.rstrip('/')}"


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _default(
    environ: Mapping[str, str], config: Path, platform: str, root: Path, pipes: Callable[[], Collection[str]]
) -> Endpoint:
    tls = _tls_of_environment(environ, config)
    if tls is not None:
        # What the docker client does when TLS is asked for and no host is named.
        return Endpoint(f"tcp://localhost:{_TLS_PORT}", "DOCKER_TLS_VERIFY without DOCKER_HOST", tls)
    if platform == "win32":
        there = pipes()
        if "docker_engine" not in there:
            for name, what in _PIPES:
                if name in there:
                    return Endpoint(f"npipe:////./pipe/{name}", f"{what}'s pipe", export=True)
        return Endpoint(DEFAULT_PIPE, "the default pipe")
    return Endpoint(f"unix://{root / DEFAULT_SOCKET}", DEFAULT_SOURCE)


def _from_host(host: str, environ: Mapping[str, str], config: Path, root: Path) -> Endpoint:
    wants_tls = bool(environ.get("DOCKER_TLS_VERIFY") or environ.get("DOCKER_TLS"))
    full = address(host, tls=wants_tls, default=f"unix://{root / DEFAULT_SOCKET}")
    # Certificates say nothing on a local socket; a variable left over must not stand in the way there.
    tls = _tls_of_environment(environ, config) if full.startswith("tcp://") else None
    return Endpoint(full, "DOCKER_HOST", tls)


def _tls_of_environment(environ: Mapping[str, str], config: Path) -> Tls | None:
    """Read the TLS variables. Any text means on, even "0": the docker client only asks whether it is empty."""
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not verify and not environ.get("DOCKER_TLS"):
        return None
    folder = Path(environ.get("DOCKER_CERT_PATH") or config)
    return _tls_of_folder(folder, skip_verify=not verify, ca_required=verify, named_by="DOCKER_CERT_PATH")


def _tls_of_folder(folder: Path, *, skip_verify: bool, ca_required: bool, named_by: str) -> Tls:
    ca, cert, key = (folder / f"{name}.pem" for name in ("ca", "cert", "key"))
    if ca_required and not ca.is_file():
        raise EngineTls(
            f"The engine's certificate is to be checked against {one_line(str(ca))}, which is not there ({named_by}).",
            f"ls -l {_quoted(folder)}    # ca.pem, cert.pem and key.pem belong there",
        )
    pair = cert.is_file() and key.is_file()
    return Tls(
        ca=str(ca) if ca.is_file() else None,
        cert=str(cert) if pair else None,
        key=str(key) if pair else None,
        skip_verify=skip_verify,
    )


def _current_context(config: Path) -> str | None:
    raw = _json(config / "config.json")
    if raw is None:
        return None
    name = raw.get("currentContext")
    if name is not None and not isinstance(name, str):
        raise ContextBroken(
            f"currentContext in {one_line(str(config / 'config.json'))} is not a text.", "docker context use default"
        )
    return name


def _from_context(name: str, config: Path, named_by: str, root: Path) -> Endpoint:
    # The store names its folders by the hash, so that no name can lead out of them.
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    meta = config / "contexts" / "meta" / digest / "meta.json"
    raw = _json(meta)
    if raw is None:
        raise ContextMissing(
            f'The docker context "{one_line(name)}" does not exist ({one_line(named_by)} names it).',
            "unset DOCKER_CONTEXT    # or name one of: docker context ls"
            if named_by == "DOCKER_CONTEXT"
            else "docker context use default    # or another one of: docker context ls",
        )
    endpoints = raw.get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = endpoint.get("Host", "") if isinstance(endpoint, dict) else None
    if not isinstance(endpoint, dict) or not isinstance(host, str):
        raise ContextBroken(
            f'The docker context "{one_line(name)}" names no engine:'
            f" there is no Endpoints.docker.Host in {one_line(str(meta))}.",
            f"docker context update {_quoted(name)} --docker host=unix:///var/run/docker.sock",
        )
    skip = endpoint.get("SkipTLSVerify") is True
    folder = config / "contexts" / "tls" / digest / "docker"
    tls = None
    if skip or folder.is_dir():
        tls = _tls_of_folder(folder, skip_verify=skip, ca_required=False, named_by=f"context {name}")
    try:
        full = address(host or "unix://", tls=tls is not None, default=f"unix://{root / DEFAULT_SOCKET}")
    except HostInvalid as error:
        raise HostInvalid(
            f'{error.message} The docker context "{one_line(name)}" says so.', "docker context use default"
        ) from None
    return Endpoint(
        full, f'the docker context "{one_line(name)}" ({named_by})', tls if full.startswith("tcp://") else None
    )


def _json(path: Path) -> dict[str, Any] | None:
    """Read a JSON object; None when there is no such file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            # A pipe would be waited for without end.
            raise ContextBroken(f"{one_line(str(path))} cannot be read: it is not a file.", f"ls -l {_quoted(path)}")
        raw = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ContextBroken(
            f"{one_line(str(path))} cannot be read: {error.strerror or error}.", f"ls -l {_quoted(path)}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ContextBroken(
            f"{one_line(str(path))} is not valid JSON: {one_line(str(error))}.",
            f"${{EDITOR:-vi}} {_quoted(path)}    # or move it away: mv {_quoted(path)} {_quoted(f'{path}.broken')}",
        ) from error
    if not isinstance(raw, dict):
        raise ContextBroken(
            f"{one_line(str(path))} is not a JSON object.",
            f"mv {_quoted(path)} {_quoted(f'{path}.broken')}",
        )
    return raw


def _quoted(path: Path | str) -> str:
    import shlex

    return shlex.quote(one_line(str(path), 4096))


_PIPES = (
    ("dockerDesktopLinuxEngine", "Docker Desktop"),
    ("docker_engine_linux", "Docker Desktop"),  # before 4.30
    ("podman-machine-default", "Podman machine"),
)


def _pipes() -> Collection[str]:
    """The names of all pipes. They are listed: to look at one by its name would take a turn at it from somebody."""
    try:
        return os.listdir(r"\\.\pipe\\")  # noqa: PTH208  # no folder that pathlib knows of
    except OSError:
        return ()


def _well_known(candidates: Iterable[tuple[Path, str]], root: Path, accepts: Callable[[str], bool]) -> Endpoint | None:
    present = [(path, what) for path, what in candidates if _is_socket(path, when_closed=False)]
    if not present:
        return None
    path, what = next(((path, what) for path, what in present if accepts(str(path))), present[0])
    return Endpoint(f"unix://{path}", f"{what}'s socket, as there is no {root / DEFAULT_SOCKET}", export=True)


def _candidates(
    environ: Mapping[str, str], home: Path, platform: str, root: Path, user: int | None
) -> Iterator[tuple[Path, str]]:
    named = environ.get("XDG_RUNTIME_DIR")
    runtimes = [Path(named)] if named else []
    if platform != "darwin" and user is not None:
        runtimes.append(root / "run" / "user" / str(user))
    if platform == "darwin":
        yield home / ".docker" / "run" / "docker.sock", "Docker Desktop"
        yield home / ".orbstack" / "run" / "docker.sock", "OrbStack"
    for runtime in runtimes:
        yield runtime / "docker.sock", "rootless Docker"
    if platform != "darwin":
        yield home / ".docker" / "run" / "docker.sock", "rootless Docker"  # where there is no folder for the runtime
        yield home / ".docker" / "desktop" / "docker.sock", "Docker Desktop"
    yield home / ".rd" / "docker.sock", "Rancher Desktop"
    yield from ((path, "Colima") for path in _colima(environ, home))
    yield home / ".lima" / "docker" / "sock" / "docker.sock", "Lima"
    machine = home / ".local" / "share" / "containers" / "podman" / "machine"
    yield machine / "podman.sock", "Podman machine"
    yield machine / "qemu" / "podman.sock", "Podman machine"  # before 5.0
    if temporary := environ.get("TMPDIR"):
        yield Path(temporary) / "podman" / "podman-machine-default-api.sock", "Podman machine"
    for runtime in runtimes:
        yield runtime / "podman" / "podman.sock", "Podman"
    yield root / "run" / "podman" / "podman.sock", "Podman"


def _colima(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    """The sockets of Colima's profiles, the default one's first."""
    moved = environ.get("COLIMA_HOME")
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    for folder in [Path(moved)] if moved else [home / ".colima", config / "colima"]:
        yield folder / "default" / "docker.sock"
        try:
            others = sorted(folder.glob("*/docker.sock"))
        except OSError:
            continue
        yield from (path for path in others if path.parent.name != "default")


def _is_socket(path: Path, *, when_closed: bool) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except PermissionError:
        return when_closed
    except OSError:
        return False


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(path)
        except OSError:
            return False
        return True
