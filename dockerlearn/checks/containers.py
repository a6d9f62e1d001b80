"""``containers``: how many containers of the course's are of one kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding, Mention, Noun
from dockerlearn.checks.container import STEADY, STEADY_AFTER_RESTART
from dockerlearn.checks.matchers import Match, Wanted, describe, fits
from dockerlearn.engine.snapshots import ContainerSnapshot
from dockerlearn.world.world import World


class Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which containers are counted: those of which all of this is so.

    ``host_port`` is a port of the host on which one of its own is published now.

    >>> Which(image="busybox", running=True).image
    'busybox'
    """

    name: Wanted | None = None
    image: str | None = None
    running: bool | None = None
    status: Wanted | None = None
    exit_code: Wanted | None = None
    host_port: Wanted | None = None
    labels: dict[str, Wanted] = {}


class Containers(Noun, frozen=True, kw_only=True, tag="containers"):
    """Counts the containers that match: those of the course, and those that were made since the step began.

    What was there before and is somebody else's never counts.

    >>> Containers(containers=Which(image="busybox", running=True), count="3").name
    'running from busybox'
    """

    word: ClassVar[str] = "containers"
    patience: ClassVar[float] = 12.0

    containers: Which
    count: Wanted = Match(greater="0")

    @property
    def name(self) -> str:
        """What is counted."""
        which = self.containers
        parts = [] if which.running is None else ["running" if which.running else "not running"]
        parts += [f"from {which.image}"] if which.image else []
        parts += [f"named {describe(which.name)}"] if which.name is not None else []
        parts += [f"with status {describe(which.status)}"] if which.status is not None else []
        parts += [f"ended with exit code {describe(which.exit_code)}"] if which.exit_code is not None else []
        parts += [f"at port {describe(which.host_port)} of the host"] if which.host_port is not None else []
        parts += [f"with the label {label}" for label in which.labels]
        return " ".join(parts) or "of any kind"

    def mentions(self) -> Iterator[Mention]:
        """The image that they are made from."""
        if self.containers.image is not None:
            yield "image", self.containers.image

    def findings(self, world: World) -> Iterator[Finding]:
        """Count those that match; one that started a moment ago is waited for."""
        matching: list[ContainerSnapshot] = []
        young: list[float] = []
        for there in world.own_containers():
            if not self._fits(world, there):
                continue
            needed = STEADY_AFTER_RESTART if there.restart_count else STEADY
            if self.containers.running and (up := world.uptime(there, needed)) < needed:
                young.append(needed - max(up, 0.0))
            else:
                matching.append(there)
        told = prose.count(tuple(one.name for one in matching))
        if not young and fits(self.count, len(matching)):
            yield Finding(ok=True, expected="", found=told)
            return
        number = "no" if self.count == "0" else describe(self.count)
        yield Finding(
            ok=False,
            expected=f"there should be {number} containers {self.name}",
            found=told,
            next="docker ps -a",
            wait=max(young) if young else None,
            waiting_for="the new containers; making sure they stay",
        )

    def _fits(self, world: World, there: ContainerSnapshot) -> bool:
        which = self.containers
        return (
            (which.name is None or fits(which.name, there.name))
            and (which.running is None or there.is_up == which.running)
            and (which.status is None or fits(which.status, there.status))
            and (which.exit_code is None or (there.status == "exited" and fits(which.exit_code, there.exit_code)))
            and (which.host_port is None or any(fits(which.host_port, port) for port in _host_ports(there)))
            and all(fits(wanted, there.labels.get(label)) for label, wanted in which.labels.items())
            and (which.image is None or bool(world.same_image(there, which.image)))
        )


def _host_ports(there: ContainerSnapshot) -> set[int]:
    bindings = [one for some in there.published.values() for one in some]
    return {one.host_port for one in bindings if one.host_port is not None}
