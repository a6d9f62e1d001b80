"""Which networks a container is on, and under which names it is known there."""

from __future__ import annotations

from collections.abc import Iterator

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding, Mention
from dockerlearn.checks.matchers import ANY, NONE, Wanted, describe, fits_some
from dockerlearn.engine.snapshots import ContainerSnapshot
from dockerlearn.text import one_line
from dockerlearn.world.world import World

Networks = list[str] | dict[str, Wanted] | str
"""``[dl-net]``; ``{dl-net: db, bridge: none}``: on dl-net with the name db, not on bridge; or ``any``, or ``none``."""


def mentions(wanted: Networks | None) -> Iterator[Mention]:
    """The networks that are named."""
    named = [] if wanted in (None, ANY, NONE) else [wanted] if isinstance(wanted, str) else list(wanted or ())
    yield from (("network", name) for name in named)


def findings(world: World, there: ContainerSnapshot, wanted: Networks) -> Iterator[Finding]:
    """Look at each network that is asked about."""
    name = there.name
    told = prose.network_list(there)
    if isinstance(wanted, str) and wanted not in (ANY, NONE):
        wanted = [wanted]
    if isinstance(wanted, str):
        ok = bool(prose.networks_of(there)) == (wanted == ANY)
        expected = f"{name} should be on {'a network' if wanted == ANY else 'no network'}"
        yield Finding(ok=ok, expected=expected, found=told)
        return
    for network, names in (dict.fromkeys(wanted, ANY) if isinstance(wanted, list) else wanted).items():
        yield one(world, there, network, names, told)


def only(world: World, there: ContainerSnapshot, wanted: list[str]) -> Iterator[Finding]:
    """Look whether a container is on each of these networks, and on no other."""
    told = prose.network_list(there)
    for network in wanted:
        yield one(world, there, network, ANY, told)
    meant = [world.member_of(there, network) for network in wanted]
    others = [member.network for member in there.networks if member.network != "none" and member not in meant]
    yield Finding(
        ok=not others,
        expected=f"{there.name} should be on {' and '.join(wanted)} and on no other network",
        found=told if others else "on no other network",
        next=f"docker network disconnect {one_line(others[0])} {there.name}" if others and others != ["host"] else None,
    )


def one(world: World, there: ContainerSnapshot, network: str, wanted: Wanted, told: str) -> Finding:
    """Look whether a container is on one network, and what it is called there; ``told`` says where else it is."""
    seen = world.names_on(there, network)
    if wanted in (NONE, "false"):
        if seen is None:
            return Finding(ok=True, expected="", found=f"not on {network}")
        return Finding(
            ok=False,
            expected=f"{there.name} should not be on the network {network}",
            found=told,
            next=f"docker network disconnect {network} {there.name}",
        )
    if seen is None:
        return Finding(
            ok=False,
            expected=f"{there.name} should be on the network {network}",
            found=told,
            next=f"docker network connect {network} {there.name}",
        )
    if wanted == ANY or fits_some(wanted, seen):
        return Finding(ok=True, expected="", found=f"on {network}")
    return Finding(
        ok=False,
        expected=f"{there.name} should be called {describe(wanted)} on the network {network}",
        found=f"there it is called {prose.names(seen)}",
        next=f"docker network disconnect {network} {there.name}, and connect it with --alias",
    )
