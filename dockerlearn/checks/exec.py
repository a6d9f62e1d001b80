"""``exec``: what a command inside a running container does."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import ClassVar

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding, Mention, Noun
from dockerlearn.checks.matchers import Wanted, describe, fits
from dockerlearn.text import one_line
from dockerlearn.world import probes
from dockerlearn.world.world import World

STARTING = 3.0
"""Seconds after a container's start in which a command may fail because the program is not ready yet."""


class Exec(Noun, frozen=True, kw_only=True, tag="exec"):
    """``exec: dl-db`` runs ``command`` inside dl-db, without a shell, a terminal or input.

    Without ``output`` and ``exit_code`` it should end with 0. It is our own look, never something the learner did, so
    choose a command that changes nothing.

    >>> Exec(exec="dl-db", command=["cat", "/etc/hostname"], output="box").words
    ('cat', '/etc/hostname')
    """

    word: ClassVar[str] = "exec"
    patience: ClassVar[float] = 8.0

    exec: str
    command: list[str] | str
    exit_code: Wanted | None = None
    output: Wanted | None = None

    def __post_init__(self) -> None:
        if not self.words:
            raise ValueError("command: says what to run")

    @property
    def words(self) -> tuple[str, ...]:
        """The command and its arguments; a text is split as a shell would, and nothing else is done with it."""
        return tuple(shlex.split(self.command) if isinstance(self.command, str) else self.command)

    @property
    def subject(self) -> str:
        """What runs in a container is about the container."""
        return f"container {self.exec}"

    def mentions(self) -> Iterator[Mention]:
        """The container that it runs in."""
        yield "container", self.exec

    def findings(self, world: World) -> Iterator[Finding]:
        """Look for the container, then run the command in it."""
        name, shown = self.exec, one_line(shlex.join(self.words), 80)
        there = world.container(name)
        if there is None:
            found, hint = prose.missing(world, name)
            yield Finding(ok=False, expected=f"there should be a container named {name}", found=found, next=hint)
            return
        expected = f"the command {shown} in {name} should end with exit code {describe(self._code)}"
        if not there.is_up:
            yield Finding(ok=False, expected=expected, found=f"it {prose.state(there)}", next=prose.way_to_run(there))
            return
        done = world.exec(there, self.words)
        again = 0.5 if world.uptime(there, STARTING) < STARTING else None
        waiting_for = f"{name} to be ready"
        look = f"docker exec {name} {shown}"
        if done.exit_code is None:
            found = f"it had not ended after {probes.EXEC_SECONDS:g} s"
            yield Finding(ok=False, expected=expected, found=found, next=look)
            return
        if (self.exit_code is not None or self.output is None) and not fits(self._code, done.exit_code):
            yield Finding(
                ok=False,
                expected=expected,
                found=prose.ended(done.exit_code, done.output),
                next=look,
                wait=again,
                waiting_for=waiting_for,
            )
            return
        if (
            self.output is not None
            and not fits(self.output, done.output)
            and not fits(self.output, done.output.strip())
        ):
            yield Finding(
                ok=False,
                expected=f"the command {shown} in {name} should print {describe(self.output)}",
                found=prose.ended(done.exit_code, done.output),
                next=look,
                wait=again,
                waiting_for=waiting_for,
            )
            return
        yield Finding(ok=True, expected="", found=f"{shown} does what it should")

    @property
    def _code(self) -> Wanted:
        return "0" if self.exit_code is None else self.exit_code
