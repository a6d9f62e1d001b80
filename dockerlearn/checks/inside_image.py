"""What is in an image, and what a container of it does."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import msgspec

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding
from dockerlearn.checks.files import content
from dockerlearn.checks.matchers import Wanted, describe, fits
from dockerlearn.engine.snapshots import ImageSnapshot
from dockerlearn.text import one_line
from dockerlearn.world import probes
from dockerlearn.world.world import World


class Runs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a container of an image prints and ends with, run with ``command`` or with what the image says.

    It has no network, little memory, and ten seconds. Without ``prints`` and ``exit_code`` it should end with 0.

    >>> Runs(command=["cat", "/etc/motd"], prints={"contains": "hello"}).command
    ['cat', '/etc/motd']
    """

    command: list[str] | str | None = None
    prints: Wanted | None = None
    exit_code: Wanted | None = None

    @property
    def words(self) -> tuple[str, ...] | None:
        """The command and its arguments; None is the image's own."""
        if self.command is None:
            return None
        return tuple(shlex.split(self.command) if isinstance(self.command, str) else self.command)


def files(world: World, shown: str, there: ImageSnapshot, wanted: dict[str, Wanted]) -> Iterator[Finding]:
    """Look at paths inside an image."""
    if wanted:
        seen = world.image_paths(there, tuple(wanted))
        for path, how in wanted.items():
            yield content(shown, path, how, seen[path])


def runs(world: World, shown: str, there: ImageSnapshot, wanted: Runs) -> Finding:
    """Run a container of an image and look at what it prints and how it ends."""
    words = wanted.words
    told = f"a container of {shown}" + (f" with {one_line(shlex.join(words), 60)}" if words is not None else "")
    look = f"docker run --rm {shown} {shlex.join(words or ())}".strip()
    done = world.run(there, words)
    code = "0" if wanted.exit_code is None else wanted.exit_code
    expected = f"{told} should end with exit code {describe(code)}"
    if done.error:
        return Finding(ok=False, expected=expected, found=one_line(done.error, 300), next=look)
    by_code = wanted.exit_code is not None or wanted.prints is None
    if by_code and done.exit_code is None:
        found = f"it had not ended after {probes.RUN_SECONDS:g} s"
        return Finding(ok=False, expected=expected, found=found, next=look)
    if by_code and done.exit_code is not None and not fits(code, done.exit_code):
        return Finding(ok=False, expected=expected, found=prose.ended(done.exit_code, done.output), next=look)
    if (
        wanted.prints is not None
        and not fits(wanted.prints, done.output)
        and not fits(wanted.prints, done.output.strip())
    ):
        found = f"it prints {prose.excerpt(done.output)}"
        return Finding(ok=False, expected=f"{told} should print {describe(wanted.prints)}", found=found, next=look)
    return Finding(ok=True, expected="", found="runs as it should")
