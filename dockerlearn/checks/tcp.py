"""``tcp``: whether a port of a container takes a connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from dockerlearn.checks.base import Finding
from dockerlearn.checks.published import AtPort, door
from dockerlearn.world.world import World


class Tcp(AtPort, frozen=True, kw_only=True, tag="tcp"):
    """``tcp: dl-db:6379`` connects from the host to port 6379 of dl-db, through whatever port it is published on.

    With ``from: dl-web`` it connects from inside dl-web, by the name dl-db or by ``by_name``.
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
        if self.from_ is not None:
            expected = f"{self.asked} should take connections from {self.from_}"
            asked = yield from self.inside(world, expected)
            if asked is None:
                return
            failure, here, met = asked.closed, f"asked from {self.from_},", f"from {self.from_}"
        else:
            address = yield from door(world, name, port, expected)
            if address is None:
                return
            number = address[1]
            failure, here, met = world.knock(*address), f"on port {number} of the host", f"on port {number}"
        if failure is None:
            yield Finding(ok=True, expected="", found=f"takes connections {met}")
            return
        yield Finding(
            ok=False,
            expected=expected,
            found=f"{here} {failure.text}",
            next=f"docker logs {name}",
            wait=0.2 if failure.may_come else None,
            waiting_for=f"{name} to listen on port {port}",
        )
