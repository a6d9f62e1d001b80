"""``network``: what a network is, and who is on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from dockerlearn.checks import memberships, prose
from dockerlearn.checks.base import Finding, Mention, Noun
from dockerlearn.checks.findings import flag, value
from dockerlearn.checks.matchers import ANY, NONE, Wanted
from dockerlearn.checks.reach import Reach
from dockerlearn.engine import references
from dockerlearn.engine.snapshots import BUILT_IN_NETWORKS
from dockerlearn.text import one_line
from dockerlearn.world.world import World


class Network(Noun, frozen=True, kw_only=True, tag="network"):
    """A network, by its name.

    ``attached`` are containers that are on it, running or not: a list of names, or a mapping from the name to what the
    container is called there, ``any`` or ``none``; or ``any``, or ``none``.

    >>> Network(network="dl-net", driver="bridge", attached={"dl-db": "db", "dl-web": "any"}).subject
    'network dl-net'
    """

    word: ClassVar[str] = "network"
    patience: ClassVar[float] = 8.0

    network: str
    absent: bool | None = None
    driver: Wanted | None = None
    internal: bool | None = None
    labels: dict[str, Wanted] = {}
    attached: list[str] | dict[str, Wanted] | str | None = None
    reaches: list[Reach] = []

    def mentions(self) -> Iterator[Mention]:
        """Itself, and the containers on it."""
        yield "network", self.network
        asked = self.attached
        named = [] if asked in (None, ANY, NONE) else [asked] if isinstance(asked, str) else list(asked or ())
        yield from (("container", name) for name in named)
        for reach in self.reaches:
            yield from reach.mentions()

    def findings(self, world: World) -> Iterator[Finding]:
        """Look whether it is there, at what it was made of, then for those on it."""
        name = self.network
        there = world.network(name)
        if self.absent:
            yield self._gone(world)
            return
        if there is None:
            found = prose.missing_thing(name, (row.name for row in world.engine.networks()), but=BUILT_IN_NETWORKS)
            expected = f"there should be a network named {name}"
            yield Finding(ok=False, expected=expected, found=found, next=f"docker network create {name}")
            return
        yield Finding(ok=True, expected="", found=f"there ({references.short_id(there.id)})")
        if self.driver is not None:
            yield value(name, "driver", self.driver, there.driver)
        if self.internal is not None:
            yield flag(name, "be internal", self.internal, there.internal)
        for label, wanted in self.labels.items():
            yield value(name, f"label {label}", wanted, there.labels.get(label))
        if self.attached is not None:
            yield from self._attached(world)
        for reach in self.reaches:
            yield from reach.findings(world, name)

    def _gone(self, world: World) -> Finding:
        there = world.network(self.network)
        if there is None:
            return Finding(ok=True, expected="", found="gone")
        users = ", ".join(one_line(row.name) for row in world.users_of_network(there)[:4])
        return Finding(
            ok=False,
            expected=f"the network {self.network} should be gone",
            found="it is there" + (f", with {users} on it" if users else ""),
            next=f"docker network rm {self.network}",
        )

    def _attached(self, world: World) -> Iterator[Finding]:
        asked = self.attached
        if isinstance(asked, str) and asked in {ANY, NONE}:
            there = world.network(self.network)
            users = [one_line(row.name) for row in world.users_of_network(there)] if there else []
            expected = f"{'some' if asked == ANY else 'no'} container should be on the network {self.network}"
            found = f"{', '.join(users[:4])} {'is' if len(users) == 1 else 'are'} on it" if users else "none is"
            yield Finding(ok=bool(users) == (asked == ANY), expected=expected, found=found)
            return
        wanted = {asked: ANY} if isinstance(asked, str) else asked or {}
        for name, names in (dict.fromkeys(wanted, ANY) if isinstance(wanted, list) else wanted).items():
            container = world.container(name)
            if container is not None:
                yield memberships.one(world, container, self.network, names, prose.network_list(container))
            elif names not in (NONE, "false"):
                found, hint = prose.missing(world, name)
                yield Finding(ok=False, expected=f"there should be a container named {name}", found=found, next=hint)
