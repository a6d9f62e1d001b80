"""Findings about the engine: does it answer, is it one for this course, do its clock and ours agree."""

from __future__ import annotations

from collections.abc import Iterator

from dockerlearn.doctor.facts import Facts, Failure
from dockerlearn.doctor.finding import Finding, advice, ok, problem
from dockerlearn.engine import mending
from dockerlearn.text import one_line

CLOCK = 5.0
"""Seconds that the clocks of engine and machine may differ: the engine's is read to the second on some."""

WALL_CLOCK = 60.0
"""Seconds that this machine's clock may differ from a registry's."""

_STARTS = frozenset(
    {
        "systemctl start docker",
        "systemctl --user start docker",
        "systemctl --user start docker-desktop",
        "systemctl --user start podman.socket",
        "rc-service docker start",
        "service docker start",
        "colima start",
        "open -a Docker",
        "open -a OrbStack",
        "rdctl start",
        "podman machine start",
        "dockerlearn engine up",
    }
)
"""What starts an engine that is here already: nothing is lost by it, and it needs no rights."""


def engine(facts: Facts) -> Iterator[Finding]:
    """Whether an engine answers, which one, and why that one."""
    found = facts.engine
    if found is None:
        failure = facts.failure or Failure("NoEngine", "No Docker engine was found.")
        yield _lost(facts, failure)
        return
    if found.says.os != "linux":
        yield problem(
            "engine",
            f"The engine runs {found.says.os} containers.",
            "The lessons use Linux containers.",
            '& "$Env:ProgramFiles\\Docker\\Docker\\DockerCli.exe" -SwitchLinuxEngine    # in PowerShell',
        )
        return
    name = "Podman" if found.says.podman else "Docker"
    how = ", rootless" if found.says.rootless else ""
    yield ok("engine", f"{name} {found.version}, API {found.api}{how}, at {one_line(found.address)} ({found.source})")


def _lost(facts: Facts, failure: Failure) -> Finding:
    means = "No lesson can look at anything without an engine."
    remedy = tuple((failure.remedy or "").splitlines())
    if failure.kind == "Declined":
        found = "The engine is on another machine, and you have not agreed to it yet."
        return problem(
            "engine", found, means, *(remedy or ("dockerlearn start --yes    # agrees to this engine, once",))
        )
    absent = failure.kind in {"NoEngine", "EngineRefused"} and not facts.system.engine
    if absent and facts.system.platform == "linux" and remedy[:1] == ("dockerlearn start --practice",):
        # For root a practice engine is the shorter way; anybody else usually needs an administrator for either.
        own = mending.install(facts.system, "engine")
        wsl = (mending.WSL_SWITCH,) if facts.system.wsl else ()
        remedy = (*wsl, *remedy, own) if facts.system.root else (*wsl, own, _OWN)
    elif absent and facts.system.platform != "linux" and remedy[:1] != ("colima start",):
        remedy = (*remedy, f"{mending.install(facts.system, 'engine')}    # if none is installed")
    elif remedy[:1] == (mending.start_service(facts.system),) and facts.system.root:
        remedy = (*remedy, "dockerlearn start --practice    # or a private engine for the course")
    elif _is_for_administrators(facts, failure, remedy):
        remedy = (*remedy, _OWN)
    safe = tuple(tuple(line.split()) for line in remedy[:1] if line in _STARTS)
    return problem("engine", failure.message, means, *remedy, safe=safe)


_OWN = f"dockerlearn start --practice    {mending.OWN_ENGINE}"


def _is_for_administrators(facts: Facts, failure: Failure, remedy: tuple[str, ...]) -> bool:
    """Whether the machine's own engine is there, and this user cannot use or start it without one."""
    if facts.system.root or facts.system.platform != "linux" or facts.system.member:
        return False
    return failure.kind == "EnginePermission" or remedy[:1] == (mending.start_service(facts.system),)


def limits(facts: Facts) -> Iterator[Finding]:
    """Whether the engine can limit a container's memory."""
    if facts.engine is not None and not facts.engine.says.limits:
        remedy = "https://docs.docker.com/engine/security/rootless/tips/#limiting-resources"
        if not facts.engine.says.rootless:
            remedy = "add cgroup_enable=memory to the kernel's command line, and restart the machine"
        yield advice(
            "limits",
            "The engine cannot limit the memory of containers: it takes -m and ignores it.",
            "Steps that are about limits cannot be met here; containers can take all memory there is.",
            remedy,
        )


def clock(facts: Facts) -> Iterator[Finding]:
    """Whether the clocks of the engine, of this machine and of the registry agree."""
    found, said = facts.engine, facts.registry
    good = True
    here = said.clock if said is not None and said.clock is not None and abs(said.clock) > WALL_CLOCK else None
    # Where engine and registry agree, it is this machine's clock that goes wrong.
    alone = here is not None and found is not None and abs(found.clock - here) < WALL_CLOCK
    if found is not None and abs(found.clock) > CLOCK and not alone:
        good = False
        yield advice(
            "clock",
            f"The engine's clock is {_span(found.clock)} this machine's.",
            "Times in docker ps, docker logs and the lessons will look odd, and certificates may count as expired.",
            mending.set_clock(facts.system, in_vm=True),
        )
    if said is not None and here is not None:
        good = False
        yield advice(
            "clock",
            f"This machine's clock is {_span(-here)} that of {said.address}.",
            "Registries' certificates may count as expired or not valid yet; then nothing can be pulled.",
            mending.set_clock(facts.system, in_vm=False),
        )
    if good and found is not None:
        yield ok("clock", "The engine's clock and this machine's agree.")


def _span(seconds: float) -> str:
    """Say how far a clock is ahead.

    >>> _span(7200), _span(-65), _span(-200_000)
    ('2 hours ahead of', '65 seconds behind', '2 days behind')
    """
    size = abs(seconds)
    for unit, word in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if round(size / unit) >= 2:
            return f"{size / unit:.0f} {word} {'ahead of' if seconds > 0 else 'behind'}"
    return f"{size:.0f} seconds {'ahead of' if seconds > 0 else 'behind'}"
