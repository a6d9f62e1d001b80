"""What of this machine an engine could change, and a network of a test's own to see it in."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dockerlearn.engine import bridge, packet_filter, processes

_NEW_NETWORK = 0x40000000


@contextmanager
def own_network() -> Iterator[None]:
    """A network namespace for this thread: a second dockerd must not be beside that of the whole run."""
    libc = ctypes.CDLL(None, use_errno=True)
    outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    if libc.unshare(_NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    try:
        # Off, so that dockerd has to turn it on.
        Path("/proc/sys/net/ipv4/ip_forward").write_text("0")
        bridge.loopback_up()
        yield
    finally:
        if libc.setns(outside, _NEW_NETWORK) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(outside)


def machine() -> dict[str, Any]:
    """What of this machine an engine could change."""
    return {
        "mounts": sorted(line.split(" - ")[0].split()[4] for line in _lines("/proc/self/mountinfo")),
        "links": sorted(bridge.links()),
        "routes": sorted(map(str, bridge.routed())),
        "rules": {family: packet_filter.significant(text) for family, text in packet_filter.save().items()},
        "forwarding": _lines("/proc/sys/net/ipv4/ip_forward"),
        "processes": sorted(
            line
            for pid in processes.every()
            if processes.look(pid) is not None and (line := processes.command_line(pid)) and "sleep" not in line[0]
        ),
        # Empty folders in /run are shared by all engines.
        "sockets": sorted(str(path) for path in Path("/run").rglob("*") if not path.is_dir()),
        "listening": sorted(
            line.split()[1] for line in _lines("/proc/thread-self/net/tcp")[1:] if line.split()[3] == "0A"
        ),
    }


def at_rest() -> dict[str, Any]:
    """What is there once nothing comes and goes: an engine that has just made something runs helpers for a moment."""
    deadline = time.monotonic() + 20
    seen = machine()
    while time.monotonic() < deadline:
        time.sleep(0.3)
        again = machine()
        if again == seen:
            break
        seen = again
    return seen


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def unchanged(before: dict[str, Any]) -> None:
    """Fail where the machine has something that it had not."""
    now = machine()
    for key, was in before.items():
        if isinstance(was, list):
            assert [thing for thing in now[key] if thing not in was] == [], key
        # Mounts of other engines, copied into our namespace when it was made, go when these remove their folders.
        if key != "mounts":
            assert now[key] == was, (key, now[key], was)
