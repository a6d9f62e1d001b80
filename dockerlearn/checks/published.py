"""Finds where a container's port is reached: from the host, or from inside another container."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import msgspec

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding, Mention, Noun
from dockerlearn.checks.inside import running, view
from dockerlearn.engine.endpoint import is_loopback
from dockerlearn.engine.snapshots import Binding
from dockerlearn.errors import OutOfReach
from dockerlearn.world.asking import Asked, Question, is_name
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
    """A noun whose name is ``CONTAINER:PORT``: it asks at a port of a container.

    From the host, through the port that is published; or, with ``from``, from inside another container, by the name of
    the one that is asked or by ``by_name``, which has to lead there. Nothing needs to be published for that.
    """

    from_: str | None = msgspec.field(default=None, name="from")
    by_name: str | None = None

    def __post_init__(self) -> None:
        parse(self.name)
        if self.by_name is not None and self.from_ is None:
            raise ValueError("by_name: goes with from:, for names are known inside only")
        if not is_name(self.written):
            raise ValueError(f"{self.written!r} is not a name of a host")

    @property
    def container(self) -> str:
        """The container that is asked."""
        return parse(self.name)[0]

    @property
    def port(self) -> int:
        """The port inside the container."""
        return parse(self.name)[1]

    @property
    def written(self) -> str:
        """The name by which it is asked from inside."""
        return self.by_name if self.by_name is not None else self.container

    @property
    def asked(self) -> str:
        """What is asked, as ``dl-web:80``."""
        return self.name if self.from_ is None else f"{self.written}:{self.port}"

    @property
    def subject(self) -> str:
        """A port is about the container: if that is absent, nothing is said about its port."""
        return f"container {self.container}"

    def mentions(self) -> Iterator[Mention]:
        """The container that is asked, and the one that asks."""
        yield "container", self.container
        if self.from_ is not None:
            yield "container", self.from_

    @property
    def question(self) -> Question:
        """What is asked from inside."""
        return Question(self.written, self.port)

    def inside(self, world: World, expected: str) -> Generator[Finding, None, Asked | None]:
        """Return what is seen from inside the container that asks, once the name leads to the right one."""
        there = yield from running(world, (self.container, self.from_ or ""), expected)
        if not there:
            return None
        found = yield from view(world, there[::-1], self.question, expected)
        if found is None:
            return None
        if found.astray is not None:
            yield Finding(ok=False, expected=expected, found=found.astray, next=f"docker inspect {self.container}")
            return None
        return found.asked


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
    return _address(bindings, world.engine.identity.host, f"Port {port} of {name}")


def _address(bindings: tuple[Binding, ...], host: str, what: str) -> tuple[str, int]:
    """Where to knock: the engine's host, unless the port is bound to one address only.

    Raises ``OutOfReach`` for loopback of another machine: here it would be somebody else's port.
    """
    # IPv4 first: both exist almost everywhere. Of several, one that can be reached.
    far = not is_loopback(host)
    first = min(bindings, key=lambda binding: (far and is_loopback(binding.host_ip), ":" in binding.host_ip))
    if far and is_loopback(first.host_ip):
        raise OutOfReach(
            f"{what} is published on {first.host_ip} of {host}, where the engine runs: only that machine can ask it.",
            "Published without an address, as with -p 8080:80, it is reached from here, and by that machine's network.",
        )
    everywhere = first.host_ip in {"", "0.0.0.0", "::"}  # noqa: S104 - read, not bound
    if everywhere:
        return ("::1" if first.host_ip == "::" and host == "127.0.0.1" else host), first.host_port or 0
    return first.host_ip, first.host_port or 0
