"""A way to an engine on another machine: its socket through ``ssh``, as the docker client goes there.

Each connection is an ``ssh`` of its own that runs ``docker system dial-stdio`` there, as ``connhelper`` of docker/cli;
the socket that we talk to is its standard input and output. It is never let ask for anything: a tutor that wants a
password at every look could not be used. Keys, agents and ``~/.ssh/config`` are the user's own.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests.adapters
import urllib3
import urllib3.connection

from dockerlearn.text import one_line

CONNECT_SECONDS = 10
"""What ``ssh`` has to connect."""

LOOK_SECONDS = 20.0
"""In place of the time-out of a look at an engine that is near: a login may take seconds."""

_LAST_WORDS = 4_000
_ENDING_SECONDS = 2.0


class Target(msgspec.Struct, frozen=True):
    """Where to log in, and whose socket to use there; ``path`` is "" for what docker uses there by itself."""

    host: str
    user: str = ""
    port: int | None = None
    path: str = ""

    @classmethod
    def of(cls, address: str) -> Target:
        """Read an address that ``endpoint`` has found to be in order.

        >>> Target.of("ssh://me@build.example:2222")
        Target(host='build.example', user='me', port=2222, path='')
        """
        parts = urlsplit(address)
        # Not ``hostname``, which is in small letters: what ssh's configuration calls a machine may have large ones.
        host = parts.netloc.rpartition("@")[2]
        host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        return cls(host, parts.username or "", parts.port, parts.path)

    def command(self, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        """Return the command line of an ``ssh`` that runs ``words`` there."""
        line = ["ssh", *options]
        line += ["-l", self.user] if self.user else []
        line += ["-p", str(self.port)] if self.port else []
        return [*line, "--", self.host, *words]

    @property
    def typed(self) -> str:
        """What a person types to run something there.

        >>> Target("build.example", "me", 2222).typed
        'ssh -p 2222 me@build.example'
        """
        port = f"-p {self.port} " if self.port else ""
        return f"ssh {port}{self.user}@{self.host}" if self.user else f"ssh {port}{self.host}"

    @property
    def dial(self) -> list[str]:
        """Return the command line that leads to the engine's socket."""
        where = ["--host", f"unix://{self.path}"] if self.path else []
        options = ("-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_SECONDS}")
        return self.command("docker", *where, "system", "dial-stdio", options=options)

    def real_host(self) -> str:
        """Return the host's real name, which ``ssh``'s configuration may tell; nothing is connected to."""
        try:
            done = subprocess.run(
                self.command(options=("-G",)), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                timeout=5,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return self.host
        found = re.search(r"^hostname (\S+)$", done.stdout, re.MULTILINE)
        return found[1] if found and done.returncode == 0 else self.host


class SshEnded(OSError):
    """The ``ssh`` of a connection has ended; ``code`` is its exit code, None when it could not be started at all."""

    def __init__(self, code: int | None, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


class Line:
    """One ``ssh``: ``socket`` leads to the engine. When the socket is closed it ends, and is collected."""

    def __init__(self, command: list[str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.PIPE,
                    start_new_session=True,  # Ctrl-C is for the program, not for its way to the engine
                )
            except OSError as error:
                ours.close()
                raise SshEnded(None, error.strerror or str(error)) from error
        self.socket = ours
        self._words = b""
        self._ended = threading.Event()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self) -> None:
        assert self._process.stderr is not None  # noqa: S101  # asked for above
        with contextlib.suppress(OSError, ValueError), self._process.stderr as stream:
            while piece := os.read(stream.fileno(), 1024):
                self._words = (self._words + piece)[-_LAST_WORDS:]
        self._process.wait()
        self._ended.set()

    def why_it_ended(self) -> SshEnded | None:
        """Return why nothing comes any more, after a moment in which ``ssh`` can end; None when it goes on."""
        if not self._ended.wait(_ENDING_SECONDS) or self._process.returncode == 0:
            return None
        return SshEnded(self._process.returncode, self._words.decode("utf-8", "replace"))


class SshAdapter(requests.adapters.HTTPAdapter):
    """Sends requests through lines to one target; to be mounted on a client in place of its own adapter."""

    def __init__(self, target: Target, open_line: Callable[[list[str]], Line] = Line) -> None:
        class Connection(urllib3.connection.HTTPConnection):
            line: Line

            def _new_conn(self) -> socket.socket:
                self.line = open_line(target.dial)
                timeout = self.timeout
                self.line.socket.settimeout(timeout if isinstance(timeout, int | float) else None)
                return self.line.socket

            def getresponse(self, *args: Any, **kwargs: Any) -> Any:
                try:
                    return super().getresponse(*args, **kwargs)
                except (ConnectionError, http.client.HTTPException) as error:
                    if ended := self.line.why_it_ended():
                        raise ended from error
                    raise

        class Pool(urllib3.HTTPConnectionPool):
            ConnectionCls = Connection

        self._pool = Pool
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Have every connection of this adapter's pools made by a line."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": self._pool}


def why(ended: SshEnded) -> str:
    """Sort why an ``ssh`` ended.

    >>> why(SshEnded(255, "me@h: Permission denied (publickey,password)."))
    'login'
    """
    if ended.code is None:
        return "no ssh"
    for kind, pattern in _WHY:
        if re.search(pattern, ended.words, re.IGNORECASE):
            return kind
    return "no docker" if ended.code == 127 else "other"


def last_line(ended: SshEnded) -> str:
    """Return what it said last."""
    lines = [line for line in ended.words.splitlines() if line.strip()]
    return one_line(lines[-1]) if lines else f"it ended with {ended.code}"


_WHY = (
    ("host key", r"host key verification failed|host identification has changed|no matching host key"),
    ("name", r"could not resolve hostname|name or service not known"),
    ("engine closed", r"permission denied while trying to connect|dial unix .*permission denied"),
    ("no engine", r"cannot connect to the docker daemon|dial unix .*(?:no such file|connection refused)"),
    ("login", r"permission denied|too many authentication failures|no supported authentication"),
    ("refused", r"port \d+: connection refused"),
    ("silent", r"timed out"),
    ("unreachable", r"no route to host|network is unreachable"),
    (
        "no docker",
        r"docker: (?:command )?not found|not found: docker|unknown command.*dial-stdio|is not a docker command",
    ),
)
