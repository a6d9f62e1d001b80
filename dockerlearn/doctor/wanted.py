"""Findings about what lessons want for themselves: names, ports, images, and a registry to pull from."""

from __future__ import annotations

from collections.abc import Iterator

from dockerlearn.doctor.facts import Facts
from dockerlearn.doctor.finding import Finding, advice, ok, problem
from dockerlearn.engine.registry import RegistrySaid
from dockerlearn.text import one_line

_A = {"container": "a container", "image": "an image", "network": "a network", "volume": "a volume"}


def names(facts: Facts) -> Iterator[Finding]:
    """Whether something that is not the course's has a name that lessons make things under."""
    if facts.engine is None:
        return
    for taken in facts.names:
        yield problem(
            "names",
            f"There is {_A[taken.kind]} {one_line(taken.name)} that is not the course's.",
            f"{_lessons(taken.lessons)} cannot run beside it, and will not touch it.",
            taken.remedy,
        )
    if not facts.names:
        yield ok("names", "No name that lessons use is taken.")


def ports(facts: Facts) -> Iterator[Finding]:
    """Whether the ports that lessons want are free."""
    for taken in facts.ports:
        by = f" by {one_line(taken.holder)}" if taken.holder else ""
        if taken.fixed:
            yield problem(
                "ports",
                f"Port {taken.port} is taken{by}.",
                f"The lesson {taken.lesson} began with that port, and cannot publish on it.",
                f"dockerlearn start {taken.lesson} --anew    # begins it with a port that is free",
            )
        else:
            yield ok("ports", f"Port {taken.port} is taken{by}: {taken.lesson} will take the next one that is free.")


def images(facts: Facts) -> Iterator[Finding]:
    """Whether the engine has the images that lessons use, and if not, whether they can be had."""
    if facts.engine is None or not facts.images:
        return
    missing = [one for one in facts.images if not one.present and not one.on_demand]
    if made := [one.reference for one in facts.images if one.on_demand]:
        yield ok("images", f"Made on this machine when a lesson needs them: {', '.join(made)}.")
    elif not missing:
        yield ok("images", f"The engine has all images of the lessons ({len(facts.images)}).")
    if not missing:
        return
    told = ", ".join(one.reference for one in missing)
    count = f"{len(missing)} of {len(facts.images)} images of the lessons are not on the engine: {told}."
    pulls = tuple(("docker", "pull", one.reference) for one in missing)
    if facts.registry is None or facts.registry.ok or facts.engine_pulls:
        yield advice("images", count, "A lesson pulls what it needs when it begins; this does it ahead.", safe=pulls)
    else:
        lessons = tuple(dict.fromkeys(lesson for one in missing for lesson in one.lessons))
        yield problem(
            "images",
            count,
            f"They cannot be pulled now, and {_lessons(lessons, begin=False)} need them.",
            *_offline(facts),
        )


def registry(facts: Facts) -> Iterator[Finding]:
    """Whether the registry answers, and how many pulls it still gives."""
    said = facts.registry
    if said is None or facts.engine is None:
        return
    missing = sum(not one.present and not one.on_demand for one in facts.images)
    means = "What is not on the engine cannot be pulled."
    if not said.ok and facts.engine_pulls:
        yield ok(
            "registry", f"The engine reaches the registry; this machine does not ({said.address}: {said.problem})."
        )
    elif said.kind == "limit" or (said.ok and said.remaining == 0):
        yield (problem if missing else advice)(
            "registry",
            f"The limit on pulls from this address is reached ({said.address}{_rate(said)}).",
            f"{means} The limit is that of your network's address, and moves on with time.",
            "docker login    # a free account has its own, higher limit",
        )
    elif not said.ok:
        yield advice("registry", f"{said.address} does not serve: {said.problem}.", means, *_reach(facts, said))
    elif said.remaining is not None and said.remaining < missing:
        yield advice(
            "registry",
            f"{said.address} gives {said.remaining} more pulls{_rate(said)}; {missing} images are missing.",
            "Not all of them can be pulled before the limit is reached.",
            "docker login    # a free account has its own, higher limit",
        )
    else:
        left = f": {said.remaining} pulls left without a login{_rate(said)}" if said.remaining is not None else ""
        yield ok("registry", f"{said.address} answers{left}")


def _rate(said: RegistrySaid) -> str:
    if said.limit is None:
        return ""
    return f", of {said.limit} in {said.window / 3600:g} hours" if said.window else f", of {said.limit}"


def _reach(facts: Facts, said: RegistrySaid) -> tuple[str, ...]:
    if said.kind == "certificate":
        return (
            "date    # a wrong clock makes every certificate invalid",
            "docker info    # look for a proxy and for mirrors that stand in between",
        )
    if said.kind == "name":
        host = said.address.partition(":")[0]
        look = {"win32": "nslookup", "darwin": "host"}.get(facts.system.platform, "getent hosts")
        return (f"{look} {host}    # nothing: this machine is offline, or has no name server",)
    return (
        "docker info    # look for a proxy and for mirrors; without the Internet, the practice engine has stand-ins",
    )


def _offline(facts: Facts) -> tuple[str, ...]:
    """What can be done without a registry."""
    assert facts.engine is not None  # noqa: S101  # asked by the caller
    if facts.engine.practice:
        return ("dockerlearn engine up --stand-ins    # makes them on this machine",)
    if facts.system.platform == "linux" and facts.system.root and facts.system.distribution == "debian":
        return ("the practice engine makes stand-ins of them: stop this engine, then dockerlearn start --practice",)
    return ("dockerlearn images save FILE    # on a machine that has them; then here: dockerlearn images load FILE",)


def _lessons(lessons: tuple[str, ...], *, begin: bool = True) -> str:
    """Name lessons.

    >>> _lessons(("images",)), _lessons(("a", "b", "c"), begin=False)
    ('The lesson images', 'the lessons a, b and c')
    """
    word = "The lesson" if begin else "the lesson"
    if not lessons:
        return f"{word}s that use them"
    if len(lessons) == 1:
        return f"{word} {lessons[0]}"
    return f"{word}s {', '.join(lessons[:-1])} and {lessons[-1]}"
