"""``tcp``: whether a published port of a container takes a connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from dockerlearn.checks.base import Finding
from dockerlearn.checks.published import AtPort, door
from dockerlearn.world.world import World


class Tcp(AtPort, frozen=True, kw_only=True, tag="tcp"):
    """``tcp: dl-db:6379`` connects from the host to port 6379 of dl-db, through whatever port it is published on.

    Nothing is sent. A connection that is closed at once does not count: so the engine's own proxy does when nobody
    listens inside.

    >>> Tcp(tcp="dl-db:6379").container
    'dl-db'
    """

    word: ClassVar[str] = "tcp"
    patience: ClassVar[float] = 8.0

    tcp: str

    def findings(self, world: World) -> Iterator[Finding]:
        """Look for the container, for its published port, and knock there."""
        name, port = self.container, self.port
        expected = f"{name} should take connections on its port {port}"
        address = yield from door(world, name, port, expected)
        if address is None:
            return
        failure = world.knock(*address)
        if failure is None:
            yield Finding(ok=True, expected="", found=f"takes connections on port {address[1]}")
            return
        yield Finding(
            ok=False,
            expected=expected,
            found=f"on port {address[1]} of the host {failure.text}",
            next=f"docker logs {name}",
            wait=0.2 if failure.may_come else None,
            waiting_for=f"{name} to listen on port {port}",
        )
