"""One container is to be reached from inside another one, and is not: between the two, why."""

from __future__ import annotations

import msgspec

from dockerlearn.checks import prose
from dockerlearn.checks.inside import View
from dockerlearn.checks.network import Network
from dockerlearn.checks.published import AtPort
from dockerlearn.diagnose import names
from dockerlearn.diagnose.diagnosis import Case, Diagnosis
from dockerlearn.engine.snapshots import ContainerSnapshot
from dockerlearn.text import one_line
from dockerlearn.world.asking import Question, is_loopback
from dockerlearn.world.world import World

_HOSTS = "/etc/hosts"


class Sight(msgspec.Struct, frozen=True):
    """Who was to reach whom, by which name, and on which network where one was given."""

    world: World
    asker: ContainerSnapshot
    target: ContainerSnapshot
    question: Question
    targets: tuple[ContainerSnapshot, ...]
    network: str | None = None

    @property
    def both_run(self) -> bool:
        """Whether the one that asks and the one that is asked run."""
        return self.asker.is_up and all(target.is_up for target in self.targets)

    @property
    def view(self) -> View | None:
        """What was seen from inside; the world remembers it."""
        asked = self.world.ask(self.asker, self.question)
        return (
            None
            if asked is None
            else View(self.world, self.asker, self.targets, self.question.name, asked, self.network)
        )


def of(case: Case) -> Sight | None:
    """Return whom a check wanted to be reached from inside; None when it is about something else."""
    check, world = case.check, case.world
    if isinstance(check, Network):
        reach = next((one for one in check.reaches if one.expected(check.network) == case.outcome.expected), None)
        if reach is None or not reach.reached:
            return None
        asker, targets, question, network = reach.from_, reach.targets, reach.question, check.network
    elif isinstance(check, AtPort) and check.from_ is not None:
        asker, targets, question, network = check.from_, [check.container], check.question, None
    else:
        return None
    there = [world.container(name) for name in (asker, *targets)]
    found = tuple(one for one in there if one is not None)
    if len(found) < len(there):
        return None
    return Sight(world, found[0], found[1], question, found[1:], network)


def look(case: Case) -> Diagnosis | None:
    """Say why a name does not lead from one container to another one."""
    sight = of(case)
    if sight is None:
        return None
    if not sight.both_run:
        return _stopped(case, sight)
    if sight.network is not None and any(_off(sight, one) for one in (sight.asker, *sight.targets)):
        return _between(sight)
    view = sight.view
    if view is None or view.astray is None:
        return None
    if view.asked.addresses:
        return _elsewhere(sight, view)
    return _between(sight) or _no_such_name(sight)


def _stopped(case: Case, sight: Sight) -> Diagnosis | None:
    target = next((one for one in sight.targets if not one.is_up), None)
    if target is None or case.there is not None:  # what is said of a container by itself says why it does not run
        return None
    return Diagnosis(
        name="the other one does not run",
        found=f"{target.name} {prose.state(target)}",
        why="A container has its address and its name on a network only while it runs.",
        next=prose.way_to_run(target),
    )


def _off(sight: Sight, one: ContainerSnapshot) -> bool:
    return sight.network is not None and sight.world.member_of(sight.world.network_of(one), sight.network) is None


def _between(sight: Sight) -> Diagnosis | None:
    """Whose network somebody uses is what counts."""
    asker, target = (
        msgspec.structs.replace(one, networks=own.networks, network_mode=own.network_mode)
        for one in (sight.asker, sight.target)
        for own in (sight.world.network_of(one),)
    )
    return names.between(asker, target)


def _no_such_name(sight: Sight) -> Diagnosis | None:
    own = sight.world.network_of(sight.target)
    shared = [member.network for member in own.networks if not _misses(sight, member.network)]
    known = {name for network in shared for name in sight.world.names_on(own, network) or ()}
    if sight.network is not None:
        known = set(sight.world.names_on(own, sight.network) or ())
    if not known or sight.question.name in known:
        return None
    return Diagnosis(
        name="not a name of it",
        found=f"in {sight.asker.name} the name {sight.question.name} leads nowhere; there {own.name} is called "
        f"{prose.names(known)}",
        why="A container is found by its own name, and by the aliases it was given on that network.",
        next=f"docker network disconnect {sight.network or min(shared)} {own.name}, "
        f"and connect it with --alias {sight.question.name}",
    )


def _misses(sight: Sight, network: str) -> bool:
    return sight.world.member_of(sight.world.network_of(sight.asker), network) is None


def _elsewhere(sight: Sight, view: View) -> Diagnosis | None:
    """Find whose address it is that a name leads to."""
    others = view.others
    besides = ", too" if len(others) < len(view.asked.addresses) else ""
    name = sight.question.name
    if not others:
        return None
    if is_loopback(others[0]):
        return Diagnosis(
            name="its own loopback",
            found=f"in {sight.asker.name} the name {name} leads to {others[0]}: to {sight.asker.name} itself",
            why="Each container has a 127.0.0.1, and a localhost, of its own. Another one is found by its name.",
            next=f"use the name {sight.target.name} there",
        )
    for member in sight.world.network_of(sight.asker).networks:
        network = sight.world.network(member.network)
        for row in sight.world.users_of_network(network) if network is not None else ():
            other = sight.world.container_by_id(row.id)
            if other is None or other.id in {target.id for target in sight.targets}:
                continue
            if sight.world.addresses(other, member.network) & set(others):
                return Diagnosis(
                    name="another container has the name",
                    found=f"in {sight.asker.name} the name {name} leads to {others[0]}{besides}: "
                    f"on {member.network} it is the name of {one_line(other.name)}",
                    why="Several containers may have one name on a network; the name then leads to any of them.",
                    next=f"docker inspect {one_line(other.name)}",
                )
    file = sight.world.path(sight.asker, _HOSTS)
    lines = (file.content or b"").decode("utf-8", "replace").splitlines() if file is not None else []
    if any(name in line.split()[1:] and line.split()[0] in others for line in lines):
        return Diagnosis(
            name="a line in the hosts file",
            found=f"in {sight.asker.name} a line of /etc/hosts says that {name} is {others[0]}",
            why="What stands in that file goes before the names of a network. --add-host writes such lines.",
            next=f"docker rm -f {sight.asker.name}, then run it again without --add-host",
        )
    return None
