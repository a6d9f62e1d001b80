"""What can be seen of the host itself, when the engine runs on this machine: never more than one path or one port."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.endpoint import is_loopback

_LISTENING = "0A"


class Program(msgspec.Struct, frozen=True):
    """A program of this machine."""

    pid: int
    name: str


def is_missing(path: str) -> bool:
    """Whether there is certainly nothing at an absolute ``path``."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


def empty_folder(path: str) -> datetime | None:
    """When the folder at ``path``, which holds nothing, was last changed; None when it is anything else."""
    try:
        with os.scandir(path) as entries:
            if next(entries, None) is not None:
                return None
        return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC)
    except (OSError, ValueError):
        return None


def program_at(port: int, proc: Path = Path("/proc")) -> Program | None:
    """The program that listens on a TCP port of this machine; None where that cannot be told (not Linux, no right)."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port, proc)}
    if not sockets:
        return None
    for process in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for handle in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(handle.readlink()) in sockets:
                        return Program(int(process.name), (process / "comm").read_text("utf-8", "replace").strip())
    return None


def port_is_free(port: int) -> bool:
    """Whether a TCP port of loopback can be listened on."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(engine: EngineApi) -> Callable[[int], bool]:
    """Return what tells whether a port of the engine's machine is free; of another machine by its containers alone."""
    if is_loopback(engine.identity.host):
        return port_is_free
    taken = {port for row in engine.containers() for port in row.host_ports}
    return lambda port: f"{port}/tcp" not in taken


def _inodes(port: int, proc: Path) -> set[str]:
    found = set()
    for table in ("net/tcp", "net/tcp6"):
        with contextlib.suppress(OSError):
            for line in (proc / table).read_text("ascii", "replace").splitlines()[1:]:
                fields = line.split()
                if len(fields) > 9 and fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(fields[9])
    return found
