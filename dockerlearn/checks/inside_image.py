"""What is in an image, and what a container of it does."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import msgspec

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding
from dockerlearn.checks.files import content
from dockerlearn.checks.matchers import Wanted, describe, fits
from dockerlearn.engine import references
from dockerlearn.engine.snapshots import ImageSnapshot
from dockerlearn.text import one_line
from dockerlearn.world import probes
from dockerlearn.world.world import World


class Runs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a container of an image prints and ends with, run with ``command`` or with what the image says.

    ``entrypoint`` is a program that takes the place of the image's, as ``docker run --entrypoint`` does: what is looked
    at is then the same whether the image says CMD or ENTRYPOINT. ``healthcheck`` runs the image's health check, alone:
    one that asks a service fails where none runs.
    It has no network, little memory, and twenty seconds: a busy machine has taken ten to import a framework of Python.
    Without ``prints`` and ``exit_code`` it should end with 0.

    >>> Runs(command=["cat", "/etc/motd"], prints={"contains": "hello"}).command
    ['cat', '/etc/motd']
    """

    command: list[str] | str | None = None
    entrypoint: str | None = None
    healthcheck: bool | None = None
    prints: Wanted | None = None
    exit_code: Wanted | None = None

    def __post_init__(self) -> None:
        if self.healthcheck is not None and (self.command is not None or self.entrypoint is not None):
            raise ValueError("healthcheck: is what is run, so there is no command or entrypoint beside it")

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


def beside(
    world: World, shown: str, there: ImageSnapshot, other: str, paths: tuple[str, ...], *, same: bool
) -> Iterator[Finding]:
    """Compare what files hold in two images; a file that one of them has not is neither the same nor another."""
    against = world.image(other)
    name = references.short(world.scope.reference(other))
    if against is None:
        yield Finding(ok=False, expected=f"{name} should be on the engine", found="it is not")
        return
    here, over_there = world.image_paths(there, paths), world.image_paths(against, paths)
    for path in paths:
        held = "what it holds" if same else "something else than it does"
        expected = f"{path} in {shown} should hold {held} in {name}"
        pair = (here[path], over_there[path])
        lacking = next((who for who, one in zip((shown, name), pair, strict=True) if one is None), None)
        if lacking is not None:
            yield Finding(ok=False, expected=expected, found=f"{lacking} has no {path}")
        elif unread := next((one for one in pair if one is not None and one.content is None), None):
            told = f"it is too large to look into ({unread.size / 1e6:.1f} MB)"
            yield Finding(
                ok=False, expected=expected, found=told if unread.kind == "file" else f"it is a {unread.kind}"
            )
        else:
            alike = len({one.content for one in pair if one is not None}) == 1
            found = f"it holds {'the same' if alike else 'something else'}"
            yield Finding(ok=alike == same, expected=expected, found=found)


def runs(world: World, shown: str, there: ImageSnapshot, wanted: Runs) -> Finding:
    """Run a container of an image and look at what it prints and how it ends."""
    entrypoint, words = wanted.entrypoint, wanted.words
    if wanted.healthcheck:
        if not there.probe:
            return Finding(ok=False, expected=f"{shown} should have a health check", found="it has none")
        entrypoint, words = there.probe[0], there.probe[1:]
    shown_words = shlex.join((*([entrypoint] if entrypoint else []), *(words or ())))
    told = f"a container of {shown}" + (f" with {one_line(shown_words, 60)}" if shown_words else "")
    if wanted.healthcheck:
        told = f"the health check of {shown}, run without the service,"
    options = f"--rm --entrypoint {shlex.quote(entrypoint)}" if entrypoint else "--rm"
    look = f"docker run {options} {shown} {shlex.join(words or ())}".strip()
    done = world.run(there, words, entrypoint)
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
        if done.exit_code is None:
            found = f"it had not ended after {probes.RUN_SECONDS:g} s, and had printed {prose.excerpt(done.output)}"
        return Finding(ok=False, expected=f"{told} should print {describe(wanted.prints)}", found=found, next=look)
    return Finding(ok=True, expected="", found="runs as it should")
