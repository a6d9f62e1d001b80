"""Finds where a container's port is reached from the host."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding, Mention, Noun
from dockerlearn.engine.snapshots import Binding
from dockerlearn.world.world import World


def parse(text: str) -> tuple[str, int]:
    """Read ``CONTAINER:PORT``; anything else raises ``ValueError``.

    >>> parse("dl-web:80")
    ('dl-web', 80)
    """
    name, _, port = text.rpartition(":")
    if not name or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not CONTAINER:PORT, as in dl-web:80")
    return name, int(port)


class AtPort(Noun, frozen=True, kw_only=True):
    """A noun whose name is ``CONTAINER:PORT``: it asks at a port of a container, from the host."""

    def __post_init__(self) -> None:
        parse(self.name)

    @property
    def container(self) -> str:
        """The container that is asked."""
        return parse(self.name)[0]

    @property
    def port(self) -> int:
        """The port inside the container."""
        return parse(self.name)[1]

    @property
    def subject(self) -> str:
        """A port is about the container: if that is absent, nothing is said about its port."""
        return f"container {self.container}"

    def mentions(self) -> Iterator[Mention]:
        """The container that is asked."""
        yield "container", self.container


def door(world: World, name: str, port: int, expected: str) -> Generator[Finding, None, tuple[str, int] | None]:
    """Return the host's address and port at which a container's port is reached; else say why it is not."""
    there = world.container(name)
    if there is None:
        found, hint = prose.missing(world, name)
        yield Finding(ok=False, expected=f"there should be a container named {name}", found=found, next=hint)
        return None
    if not there.is_up:
        yield Finding(ok=False, expected=expected, found=f"it {prose.state(there)}", next=prose.way_to_run(there))
        return None
    bindings = there.published.get(f"{port}/tcp", ())
    if not bindings:
        told = prose.port_list(dict(there.published))
        found = f"that port is not published; it publishes {told}"
        yield Finding(ok=False, expected=expected, found=found, next=f"docker port {name}")
        return None
    return _address(bindings, world.engine.identity.host)


def _address(bindings: tuple[Binding, ...], host: str) -> tuple[str, int]:
    """Where to knock: the engine's host, unless the port is bound to one address only."""
    first = min(bindings, key=lambda binding: ":" in binding.host_ip)  # IPv4 first: both exist almost everywhere
    everywhere = first.host_ip in {"", "0.0.0.0", "::"}  # noqa: S104 - read, not bound
    if everywhere:
        return ("::1" if first.host_ip == "::" and host == "127.0.0.1" else host), first.host_port or 0
    return first.host_ip, first.host_port or 0
