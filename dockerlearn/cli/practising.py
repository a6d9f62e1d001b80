"""Gets a learner to the practice engine: shows what would be installed, asks, starts it, says what is special."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from dockerlearn.errors import DockerlearnError, EnginePermission, EngineRefused, NoEngine, UsageError
from dockerlearn.text import one_line

if TYPE_CHECKING:
    from dockerlearn.cli.wiring import Wiring
    from dockerlearn.engine.install import InstallPlan
    from dockerlearn.engine.practice import PracticeStatus

T = TypeVar("T")

_START = "dockerlearn start --practice"


def with_engine(wiring: Wiring, work: Callable[[], T], *, practice: bool, otherwise: str = _START) -> T:
    """Do what needs an engine: on the practice engine with ``practice``, or where who has none agrees to it."""
    if practice:
        use(wiring)
    try:
        return work()
    except (NoEngine, EnginePermission, EngineRefused) as error:
        offer(wiring, error, otherwise=otherwise)
        return work()


def use(wiring: Wiring, *, stand_ins: bool | None = None) -> PracticeStatus:
    """Bring the practice engine up, asking before anything is installed, and use it from here on.

    Raises ``UsageError`` when the environment names another engine, ``Declined`` and ``PracticeFailed``.
    """
    from dockerlearn.engine.practice import Practice

    practice = Practice(wiring.paths.practice, environ=wiring.environ)
    status = practice.status()
    if not status.up or stand_ins:
        _refuse_other(wiring, status.address)
        if _is_root():
            install_programs(wiring)
        # Who may not start one is told so by this, before being asked to install anything.
        with wiring.view.activity("Starting the practice engine") as told:
            status = practice.up(progress=told, stand_ins=stand_ins)
    _refuse_other(wiring, status.address)
    wiring.forget_engine()
    if status.stand_ins:
        wiring.view.note(STAND_INS)
    return status


def offer(wiring: Wiring, error: DockerlearnError, *, otherwise: str = _START) -> None:
    """Offer the practice engine to who has none, and bring it up; otherwise raise ``error``.

    ``otherwise`` is the command that says yes in advance.
    """
    from dockerlearn.engine import mending
    from dockerlearn.engine.practice import can_start

    if _has_chosen(wiring):
        raise error
    if not can_start():
        raise _with(error, f"{otherwise}    {mending.OWN_ENGINE}")
    if not wiring.yes and not wiring.view.interactive:
        raise _with(error, f"{otherwise}    # starts a private engine for the course")
    wiring.view.note(f"{error.message}\n{OFFER}")
    wiring.agree("Use the practice engine?", otherwise=otherwise)
    use(wiring)


OFFER = (
    "The course can bring an engine of its own: the practice engine, a private one. "
    "It can be removed again: dockerlearn engine down --purge"
)

STAND_INS = (
    "No registry can be reached from here, or none is wanted: the images are stand-ins that were made on this machine. "
    "They do what the lessons need; their ids, sizes and versions differ from those of the real ones."
)


STAND_INS_BESIDE = (
    "Engines beside each other reach no registry: the images are stand-ins that were made on this machine. "
    "Without --jobs the engine of this machine is used, and the real images where it can pull them."
)


def _has_chosen(wiring: Wiring) -> bool:
    """Whether no practice engine is to be offered: there is none, or another engine is named, whose error counts."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(_named(wiring)) or wiring.endpoint().source.startswith("the docker context")


def _with(error: DockerlearnError, remedy: str) -> DockerlearnError:
    lines = (error.remedy or "").splitlines()
    command = remedy.split("    #", maxsplit=1)[0]
    if any(line.split("    #")[0] == command for line in lines):
        return error
    return type(error)(error.message, "\n".join((*lines, remedy)))


def _named(wiring: Wiring) -> str | None:
    """Return the variable that names an engine other than the practice engine."""
    from dockerlearn.engine.practice import address

    host = wiring.environ.get("DOCKER_HOST")
    if host:
        return None if host == address(wiring.paths.practice) else "DOCKER_HOST"
    return "DOCKER_CONTEXT" if wiring.environ.get("DOCKER_CONTEXT") else None


def _refuse_other(wiring: Wiring, address: str | None) -> None:
    host = wiring.environ.get("DOCKER_HOST")
    named = "DOCKER_HOST" if host and host != address else None
    named = named or ("DOCKER_CONTEXT" if not host and wiring.environ.get("DOCKER_CONTEXT") else None)
    if named is not None:
        raise UsageError(
            f"{named} names another engine ({one_line(wiring.environ[named])}), which goes before the practice engine.",
            f"unset {named}",
        )


def install_programs(wiring: Wiring) -> None:
    """Install what a practice engine needs and is not here, after asking."""
    from dockerlearn.engine import install

    plan = install.plan(progress=wiring.view.note)
    if plan.nothing_to_do:
        return
    wiring.view.note(_told(plan))
    wiring.agree("Install this?", otherwise="dockerlearn engine up --yes    # installs it without asking")
    with wiring.view.activity("Installing") as told:
        install.install(plan, progress=told)


def _told(plan: InstallPlan) -> str:
    lines = [f"The practice engine needs what is not here yet: {', '.join(plan.missing)}."]
    if plan.command:
        lines += ["This would be run:", f"  {' '.join(plan.command)}"]
        lines.append(f"It installs {len(plan.installs)} packages and removes none: {', '.join(plan.installs)}.")
    if plan.unpacks:
        lines.append(f"Of {', '.join(plan.unpacks)}, one program is taken out without installing the package.")
    return "\n".join(lines)


def _is_root() -> bool:
    return not hasattr(os, "geteuid") or os.geteuid() == 0
