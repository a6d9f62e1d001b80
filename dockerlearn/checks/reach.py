"""Who reaches whom by name on a network."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dockerlearn.checks import inside, prose
from dockerlearn.checks.base import Finding, Mention
from dockerlearn.world.asking import Question, is_name
from dockerlearn.world.world import World


class Reach(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``{from: dl-web, to: dl-db}``: a program in dl-web that uses the name dl-db gets to dl-db, on the network.

    ``by_name`` is the name where it is another one, such as an alias; ``to`` may be several containers that share a
    name. A name that leads elsewhere too does not count. With ``port`` something has to accept connections there.
    ``reached: false`` wants the opposite; both containers still have to run.

    >>> Reach(from_="dl-web", to="dl-db", by_name="db", port=6379).wish
    'dl-web should reach dl-db as db:6379'
    """

    from_: str = msgspec.field(name="from")
    to: list[str] | str
    by_name: str | None = None
    port: int | None = None
    reached: bool = True

    def __post_init__(self) -> None:
        if not self.targets:
            raise ValueError("to: names a container")
        if self.by_name is None and len(self.targets) > 1:
            raise ValueError("several containers share a name only as by_name:")
        if not is_name(self.written):
            raise ValueError(f"{self.written!r} is not a name of a host")
        if self.port is not None and not 0 < self.port < 65536:
            raise ValueError(f"{self.port} is not a port")

    @property
    def targets(self) -> list[str]:
        """The containers that are to be reached."""
        return [self.to] if isinstance(self.to, str) else self.to

    @property
    def written(self) -> str:
        """The name that is looked up."""
        return self.by_name if self.by_name is not None else self.targets[0]

    @property
    def wish(self) -> str:
        """What is wanted, as a sentence; the network is told by whoever asks."""
        as_what = self.written if self.port is None else f"{self.written}:{self.port}"
        way = " by its name" if as_what == self.targets[0] else f" as {as_what}"
        return f"{self.from_} should {'' if self.reached else 'not '}reach {' and '.join(self.targets)}{way}"

    @property
    def question(self) -> Question:
        """What is asked from inside."""
        return Question(self.written, self.port)

    def expected(self, network: str) -> str:
        """What is wanted, with the network on which it is."""
        return f"{self.wish} on the network {network}"

    def mentions(self) -> Iterator[Mention]:
        """The containers."""
        yield from (("container", name) for name in (self.from_, *self.targets))

    def findings(self, world: World, network: str) -> Iterator[Finding]:
        """Look whether all run, whether they are on the network, then from inside."""
        expected = self.expected(network)
        there = yield from inside.running(world, (self.from_, *self.targets), expected)
        if not there:
            return
        for one in there:
            if world.member_of(world.network_of(one), network) is None:
                told = f"{one.name} is not on it: {prose.network_list(one)}"
                way = f"docker network connect {network} {one.name}" if self.reached else None
                yield Finding(ok=not self.reached, expected=expected, found=told, next=way)
                return
        view = yield from inside.view(world, there, self.question, expected, network=network)
        if view is None:
            return
        yield (self._reached if self.reached else self._not_reached)(view, expected)

    def _reached(self, view: inside.View, expected: str) -> Finding:
        if view.astray is not None:
            look = f"docker inspect {view.targets[0].name}"
            return Finding(ok=False, expected=expected, found=view.astray, next=look)
        closed = view.asked.closed
        if closed is not None:
            return Finding(
                ok=False,
                expected=expected,
                found=f"the name is known there, and on port {self.port} {closed.text}",
                next=f"docker logs {view.targets[0].name}",
                wait=0.2 if closed.may_come else None,
                waiting_for=f"{view.targets[0].name} to listen on port {self.port}",
            )
        return Finding(ok=True, expected="", found=f"{self.from_} reaches {' and '.join(self.targets)}")

    def _not_reached(self, view: inside.View, expected: str) -> Finding:
        if view.asked.silent and any(view.is_a_name_of(target) for target in view.targets):
            # The engine knows that name, and would have answered: a machine under load, and no proof of anything.
            told = f"no name server answered {self.from_} in time"
            return Finding(ok=None, expected=expected, found=told, next="dockerlearn check")
        some = next((target for target in view.targets if view.reaches(target)), None)
        if some is None or view.asked.closed is not None:
            return Finding(ok=True, expected="", found=f"{self.from_} does not reach {' or '.join(self.targets)}")
        network = view.network
        return Finding(
            ok=False,
            expected=expected,
            found=f"it does: in {self.from_} the name {self.written} leads to {some.name}",
            next=f"docker network disconnect {network} {self.from_}",
        )
