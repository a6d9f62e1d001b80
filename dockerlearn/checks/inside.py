"""Looks from inside one container at others: where a name leads there, and whether something answers."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import msgspec

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding
from dockerlearn.engine.snapshots import ContainerSnapshot
from dockerlearn.text import one_line
from dockerlearn.world.asking import Asked, Question, is_loopback
from dockerlearn.world.world import World


class View(msgspec.Struct, frozen=True):
    """What ``asker`` sees of ``targets`` by a name; on one ``network`` only, where one is given."""

    world: World
    asker: ContainerSnapshot
    targets: tuple[ContainerSnapshot, ...]
    name: str
    asked: Asked
    network: str | None = None

    def reaches(self, target: ContainerSnapshot) -> bool:
        """Whether the name leads to this target, perhaps among others."""
        return any(self._belongs(address, target) for address in self.asked.addresses)

    @property
    def others(self) -> list[str]:
        """The addresses that the name leads to and that are none of the targets'."""
        return [one for one in self.asked.addresses if not any(self._belongs(one, target) for target in self.targets)]

    @property
    def astray(self) -> str | None:
        """Where the name leads instead of to the targets, or besides them; None when it leads to just them."""
        inside = f"in {self.asker.name} that name"
        seen = self.asked.addresses
        if not seen:
            return f"{inside} leads nowhere"
        others = self.others
        if others:
            besides = ", too" if len(others) < len(seen) else ""
            names = " or ".join(target.name for target in self.targets)
            return f"{inside} leads to {' and '.join(others)}{besides}, which is not an address of {names} there"
        left_out = [target.name for target in self.targets if not self.reaches(target)]
        return f"{inside} does not lead to {' and '.join(left_out)}" if left_out else None

    def _belongs(self, address: str, target: ContainerSnapshot) -> bool:
        if is_loopback(address):
            # Its own 127.0.0.1 is the target's, too, where both use one network.
            return self.world.network_of(self.asker).id == self.world.network_of(target).id
        if address in self.world.addresses(target, self.network):
            return True
        if self.network is None or address not in self.world.addresses(target):
            return False
        # Where both share several networks the engine may answer with any of them, and the name is known on this one.
        return self.is_a_name_of(target)

    def is_a_name_of(self, target: ContainerSnapshot) -> bool:
        """Whether the engine knows a target by the name, on the network that is asked about."""
        there = self.world.network_of(target)
        return self.network is not None and self.name in (self.world.names_on(there, self.network) or ())


def running(
    world: World, names: Sequence[str], expected: str
) -> Generator[Finding, None, tuple[ContainerSnapshot, ...]]:
    """Return the containers of these names, all of them running; else say which is not, and return none.

    Whoever asks has to run, and a stopped container has no name and no address.
    """
    found = []
    for name in names:
        there = world.container(name)
        if there is None:
            told, hint = prose.missing(world, name)
            yield Finding(ok=False, expected=f"there should be a container named {name}", found=told, next=hint)
            return ()
        if not there.is_up:
            told = f"{one_line(name)} {prose.state(there)}"
            yield Finding(ok=False, expected=expected, found=told, next=prose.way_to_run(there))
            return ()
        found.append(there)
    return tuple(found)


def view(
    world: World, there: Sequence[ContainerSnapshot], question: Question, expected: str, *, network: str | None = None
) -> Generator[Finding, None, View | None]:
    """Return what the first of these containers sees of the others; else say that nobody could ask."""
    asker, *targets = there
    found = world.ask(asker, question)
    if found is None:
        told = f"neither {asker.name} nor an image of the course has what it takes to ask: a shell with busybox or bash"
        yield Finding(ok=None, expected=expected, found=told)
        return None
    return View(world, asker, tuple(targets), question.name, found, network)
