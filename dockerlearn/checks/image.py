"""``image``: what an image is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from dockerlearn.checks.base import Finding, Noun
from dockerlearn.checks.matchers import Wanted, describe, fits, fits_some
from dockerlearn.engine import references
from dockerlearn.engine.snapshots import ImageSnapshot
from dockerlearn.text import nearest, one_line
from dockerlearn.world.world import World, same_content


class Image(Noun, frozen=True, kw_only=True, tag="image"):
    """An image, by the pack's short name or a reference.

    ``size`` is in bytes and takes units; sizes differ between engines, so compare them generously.
    """

    word: ClassVar[str] = "image"

    image: str
    absent: bool | None = None
    same_as: str | None = None
    not_same_as: str | None = None
    tags: Wanted | None = None
    size: Wanted | None = None
    layers: Wanted | None = None
    platform: Wanted | None = None
    command: Wanted | None = None
    entrypoint: Wanted | None = None
    env: dict[str, Wanted] = {}
    user: Wanted | None = None
    workdir: Wanted | None = None
    labels: dict[str, Wanted] = {}
    exposed: Wanted | None = None

    def findings(self, world: World) -> Iterator[Finding]:
        """Look whether it is there, then at what it is."""
        reference = world.scope.reference(self.image)
        shown = references.short(reference) if not references.looks_like_id(reference) else reference
        there = world.image(self.image)
        if self.absent:
            if there is None:
                yield Finding(ok=True, expected="", found="not on the engine")
            else:
                yield Finding(
                    ok=False,
                    expected=f"{shown} should not be on the engine",
                    found=f"it is there ({references.short_id(there.id)})",
                    next=f"docker rmi {shown}",
                )
            return
        if there is None:
            yield _missing(world, reference, shown)
            return
        if self.image in world.scope.images and not world.genuine(there, reference):
            others = ", ".join(tag for tag in there.tags + there.digests if references.short(tag) != shown)
            yield Finding(
                ok=False,
                expected=f"{shown} should be the published image",
                found=f"the name is on another image here{f' ({one_line(others)})' if others else ''}",
                next=f"docker rmi {shown}, then docker pull {shown}",
            )
            return
        yield Finding(ok=True, expected="", found=f"there ({references.short_id(there.id)})")
        if self.same_as is not None:
            yield _same(world, shown, there, self.same_as, wanted=True)
        if self.not_same_as is not None:
            yield _same(world, shown, there, self.not_same_as, wanted=False)
        yield from self._values(shown, there)

    def _values(self, shown: str, there: ImageSnapshot) -> Iterator[Finding]:
        import shlex

        values: tuple[tuple[str, Wanted | None, str | float | None], ...] = (
            ("size", self.size, there.size),
            ("number of layers", self.layers, len(there.layers)),
            ("platform", self.platform, f"{there.os}/{there.architecture}"),
            ("command", self.command, shlex.join(there.command)),
            ("entrypoint", self.entrypoint, shlex.join(there.entrypoint)),
            ("user", self.user, there.user),
            ("working directory", self.workdir, there.workdir),
            *((f"environment variable {name}", value, there.env.get(name)) for name, value in self.env.items()),
            *((f"label {name}", value, there.labels.get(name)) for name, value in self.labels.items()),
        )
        for word, wanted, seen in values:
            if wanted is not None:
                yield _finding(shown, word, wanted, fits(wanted, seen), str(seen) if seen is not None else "")
        for word, wanted, items in (
            ("tags", self.tags, there.tags),
            ("exposed ports", self.exposed, tuple(sorted(there.exposed))),
        ):
            if wanted is not None:
                yield _finding(shown, word, wanted, fits_some(wanted, items), ", ".join(items))


def _missing(world: World, reference: str, shown: str) -> Finding:
    tags = world.image_tags()
    repository = references.repository(reference)
    siblings = [references.short(tag) for tag in tags if references.repository(tag) == repository]
    close = siblings[0] if siblings else nearest(shown, [references.short(tag) for tag in tags])
    found = "it is not on the engine" + (f"; {one_line(close)} is" if close else "")
    return Finding(ok=False, expected=f"{shown} should be on the engine", found=found)


def _same(world: World, shown: str, there: ImageSnapshot, other: str, *, wanted: bool) -> Finding:
    against = world.image(other)
    name = references.short(world.scope.reference(other))
    if against is None:
        return Finding(ok=False, expected=f"{name} should be on the engine", found="it is not")
    same = same_content(there, against)
    told = f"{'the same image as' if same else 'another image than'} {name}"
    if same == wanted:
        return Finding(ok=True, expected="", found=told)
    return Finding(
        ok=False,
        expected=f"{shown} should be {'the same image as' if wanted else 'another image than'} {name}",
        found=f"it is {told}",
    )


def _finding(shown: str, word: str, wanted: Wanted, ok: bool, seen: str) -> Finding:
    if ok:
        return Finding(ok=True, expected="", found=f"{word} {seen}")
    return Finding(
        ok=False,
        expected=f"the {word} of {shown} should be {describe(wanted)}",
        found=f"it is {one_line(seen)}" if seen else "there is none",
    )
