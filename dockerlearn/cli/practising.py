"""Gets a learner to the practice engine: shows what would be installed, asks, starts it, says what is special."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from dockerlearn.errors import DockerlearnError, UsageError
from dockerlearn.text import one_line

if TYPE_CHECKING:
    from dockerlearn.cli.wiring import Wiring
    from dockerlearn.engine.install import InstallPlan
    from dockerlearn.engine.practice import PracticeStatus


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
            _install(wiring)
        # Who may not start one is told so by this, before being asked to install anything.
        with wiring.view.activity("Starting the practice engine") as told:
            status = practice.up(progress=told, stand_ins=stand_ins)
    _refuse_other(wiring, status.address)
    wiring.forget_engine()
    if status.stand_ins:
        wiring.view.note(STAND_INS)
    return status


def offer(wiring: Wiring, error: DockerlearnError, *, otherwise: str = "dockerlearn start --practice") -> None:
    """Offer the practice engine to who has none, and bring it up; otherwise raise ``error``.

    ``otherwise`` is the command that says yes in advance.
    """
    if not _may_offer(wiring):
        raise error
    if not wiring.yes and not wiring.view.interactive:
        remedy = f"{otherwise}    # starts a private engine for the course"
        raise type(error)(error.message, f"{error.remedy}\n{remedy}" if error.remedy else remedy) from None
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


def _may_offer(wiring: Wiring) -> bool:
    if not sys.platform.startswith("linux") or not _is_root():
        return False
    # Who names an engine wants that one, and is to hear why it does not answer.
    return not _named(wiring) and not wiring.endpoint().source.startswith("the docker context")


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


def _install(wiring: Wiring) -> None:
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
