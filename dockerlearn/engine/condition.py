"""What an engine says of itself beyond its identity: where its data is, what it can limit, whom it pulls from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

_CONTAINERD = "io.containerd.snapshotter"
"""What an engine with containerd's image store says among the states of its driver."""

_PODMAN_WITH_GRACE = (4, 7)
"""The first Podman that gives containers made through Docker's API the time to end that Docker gives: before it (commit
d2ec127c13) the time written down for them was 0, and a stop that named no other killed them at once."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """Read from ``/info`` and ``/version``; what an engine does not tell is empty, None or True (nothing missing).

    ``root`` is the folder of its data, on its own machine. ``limits`` tells whether it can limit memory, ``cpus`` and
    ``pids`` whether processors and processes: without rights of root it takes such limits and may ignore them.
    ``containerd_store`` tells whether its images are in containerd's store. ``index`` is the address of the public
    registry's index as the engine names it, ``mirrors`` are asked before it, ``proxied`` tells that the engine reaches
    registries through a proxy. ``grace`` tells whether a stop that names no time waits before it kills.
    """

    oldest_api: str = ""
    newest_api: str = ""
    os: str = "linux"
    machine: str = ""
    product: str = ""
    root: str = ""
    store: str = ""
    containerd_store: bool = False
    rootless: bool = False
    limits: bool = True
    cpus: bool = True
    pids: bool = True
    index: str = ""
    mirrors: tuple[str, ...] = ()
    proxied: bool = False
    podman: bool = False
    grace: bool = True

    @property
    def in_desktop(self) -> bool:
        """Whether this is Docker Desktop's engine, which runs in a virtual machine."""
        return "docker desktop" in self.product.lower()


def read(info: Mapping[str, Any], version: Mapping[str, Any], *, podman: bool = False) -> Condition:
    """Read an engine's answers.

    >>> read({"OSType": "linux", "MemoryLimit": False, "Driver": "overlay2"}, {"MinAPIVersion": "1.12"}).limits
    False
    """
    registries = _object(info.get("RegistryConfig"))
    options = info.get("SecurityOptions")
    rootless = isinstance(options, list) and any("rootless" in str(option) for option in options)
    mirrors = registries.get("Mirrors")
    return Condition(
        oldest_api=_text(version.get("MinAPIVersion")),
        newest_api=_text(version.get("ApiVersion")),
        os=_text(info.get("OSType")) or "linux",
        machine=_text(info.get("Architecture")),
        product=_text(info.get("OperatingSystem")),
        root=_text(info.get("DockerRootDir")),
        store=_text(info.get("Driver")),
        containerd_store=_CONTAINERD in str(info.get("DriverStatus")),
        rootless=rootless,
        limits=info.get("MemoryLimit") is not False,
        cpus=info.get("CpuCfsQuota") is not False,
        pids=info.get("PidsLimit") is not False,
        index=_text(info.get("IndexServerAddress")),
        mirrors=tuple(map(str, mirrors)) if isinstance(mirrors, list) else (),
        proxied=bool(info.get("HttpsProxy") or info.get("HttpProxy")),
        podman=podman,
        grace=not podman or _numbers(_text(version.get("Version"))) >= _PODMAN_WITH_GRACE,
    )


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers at the start of a version; what has none is the newest.

    >>> _numbers("4.3.1"), _numbers("5.0.0-rc1") > _numbers("4.7"), _numbers("") > (99,)
    ((4, 3, 1), True, True)
    """
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found.group().split("."))) if found else (1_000_000,)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
