"""``image``: what an image is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import ClassVar

from dockerlearn.checks import inside_image, prose
from dockerlearn.checks.base import Finding, Mention, Noun
from dockerlearn.checks.matchers import Wanted, describe, fits, fits_some
from dockerlearn.engine import references
from dockerlearn.engine.snapshots import ImageSnapshot
from dockerlearn.text import one_line
from dockerlearn.world.world import World, same_content


class Image(Noun, frozen=True, kw_only=True, tag="image"):
    """An image, by the pack's short name or a reference.

    ``absent`` is about the name, ``gone`` about the image: what carried the name when the step began is not on the
    engine, under no name at all; ``same_as_at_start`` wants that very image under the name, and ``replaced`` another
    one, with the first gone. ``size`` is in bytes and takes units; sizes differ between engines, so compare them
    generously, or with another image: ``smaller_than``, ``larger_than``. ``starts`` is its entrypoint and its command
    put together. ``digest`` is any of those under which it was
    pulled or pushed, whole or without the repository. ``layers_shared_with`` counts the layers that it has in common
    with another image from the bottom up. ``files`` are paths inside it, ``runs`` is what a container of it does.
    ``same_files_as`` and ``other_files_than`` are files that hold the same as in another image, or something else:
    where a build step writes a random number, this tells whether it was run again.

    >>> Image(image="dl-app:v1", layers_shared_with={"busybox": "any"}, files={"/app.py": "any"}).subject
    'image dl-app:v1'
    """

    word: ClassVar[str] = "image"

    image: str
    absent: bool | None = None
    gone: bool | None = None
    same_as: str | None = None
    not_same_as: str | None = None
    same_as_at_start: bool | None = None
    replaced: bool | None = None
    tags: Wanted | None = None
    size: Wanted | None = None
    smaller_than: str | None = None
    larger_than: str | None = None
    layers: Wanted | None = None
    layers_shared_with: dict[str, Wanted] = {}
    digest: Wanted | None = None
    platform: Wanted | None = None
    command: Wanted | None = None
    entrypoint: Wanted | None = None
    starts: Wanted | None = None
    env: dict[str, Wanted] = {}
    user: Wanted | None = None
    workdir: Wanted | None = None
    labels: dict[str, Wanted] = {}
    exposed: Wanted | None = None
    files: dict[str, Wanted] = {}
    same_files_as: dict[str, list[str]] = {}
    other_files_than: dict[str, list[str]] = {}
    runs: inside_image.Runs | None = None

    def mentions(self) -> Iterator[Mention]:
        """Itself, and the images that it is compared with."""
        for name in (self.image, self.same_as, self.not_same_as, self.smaller_than, self.larger_than):
            if name is not None:
                yield "image", name
        for names in (self.layers_shared_with, self.same_files_as, self.other_files_than):
            yield from (("image", name) for name in names)

    def findings(self, world: World) -> Iterator[Finding]:
        """Look whether it is there, then at what it is."""
        reference = world.scope.reference(self.image)
        shown = references.short(reference) if not references.looks_like_id(reference) else reference
        there = world.image(self.image)
        if self.absent or self.gone:
            if there is None and self.gone and (left := _under_another_name(world, self.image)) is not None:
                yield Finding(
                    ok=False,
                    expected=f"the image {shown} should be gone",
                    found=f"only its name is: the image is there as {left}",
                    next=f"docker rmi {left}",
                )
            elif there is None:
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
            yield Finding(
                ok=False,
                expected=f"{shown} should be on the engine",
                found="it is not on the engine",
            )
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
        if self.same_as_at_start:
            yield _unchanged(world, self.image, shown, there)
        if self.replaced:
            yield _replaced(world, self.image, shown, there)
        yield from self._values(shown, there)
        for word, other in (("smaller", self.smaller_than), ("larger", self.larger_than)):
            if other is not None:
                yield _beside(world, shown, there, other, word)
        for other, wanted in self.layers_shared_with.items():
            yield _shared(world, shown, there, other, wanted)
        yield from inside_image.files(world, shown, there, self.files)
        for compared, same in ((self.same_files_as, True), (self.other_files_than, False)):
            for other, paths in compared.items():
                yield from inside_image.beside(world, shown, there, other, tuple(paths), same=same)
        if self.runs is not None:
            yield inside_image.runs(world, shown, there, self.runs)

    def _values(self, shown: str, there: ImageSnapshot) -> Iterator[Finding]:
        import shlex

        values: tuple[tuple[str, Wanted | None, str | float | None], ...] = (
            ("size", self.size, there.size),
            ("number of layers", self.layers, len(there.layers)),
            ("platform", self.platform, f"{there.os}/{there.architecture}"),
            ("command", self.command, shlex.join(there.command)),
            ("entrypoint", self.entrypoint, shlex.join(there.entrypoint)),
            ("entrypoint and command", self.starts, shlex.join(there.entrypoint + there.command)),
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
            ("digests", self.digest, tuple(form for full in there.digests for form in (full, full.partition("@")[2]))),
            ("exposed ports", self.exposed, tuple(sorted(there.exposed))),
        ):
            if wanted is not None:
                yield _finding(shown, word, wanted, fits_some(wanted, items), ", ".join(items))


def _unchanged(world: World, name: str, shown: str, there: ImageSnapshot) -> Finding:
    began = world.image_began_as(name)
    expected = f"{shown} should be the image that it was when the step began"
    if began is None:
        return Finding(ok=None, expected=expected, found="it is not known what it was", next="dockerlearn redo")
    before = world.image(began)
    if there.id == began or (before is not None and same_content(there, before)):
        return Finding(ok=True, expected="", found="what it was when the step began")
    way = f"docker tag {references.short_id(began)} {shown}" if before is not None else "dockerlearn redo"
    found = f"the name is on another image now ({references.short_id(there.id)})"
    return Finding(ok=False, expected=expected, found=found, next=way)


def _replaced(world: World, name: str, shown: str, there: ImageSnapshot) -> Finding:
    began = world.image_began_as(name)
    expected = f"{shown} should be a new image, and the one that it was when the step began should be gone"
    if began is None:
        return Finding(ok=None, expected=expected, found="it is not known what it was", next="dockerlearn redo")
    before = world.image(began)
    if there.id == began or (before is not None and same_content(there, before)):
        return Finding(ok=False, expected=expected, found="it is what it was")
    left = _under_another_name(world, name)
    if left is None:
        return Finding(ok=True, expected="", found="a new image, and the old one is gone")
    return Finding(ok=False, expected=expected, found=f"the old one is there as {left}", next=f"docker rmi {left}")


def _under_another_name(world: World, name: str) -> str | None:
    began = world.image_began_as(name)
    there = world.image(began) if began is not None else None
    if there is None:
        return None
    return one_line(there.tags[0]) if there.tags else references.short_id(there.id)


def _beside(world: World, shown: str, there: ImageSnapshot, other: str, word: str) -> Finding:
    against = world.image(other)
    name = references.short(world.scope.reference(other))
    if against is None:
        return Finding(ok=False, expected=f"{name} should be on the engine", found="it is not")
    ok = there.size < against.size if word == "smaller" else there.size > against.size
    told = f"it has {there.size / 1e6:.1f} MB, {name} has {against.size / 1e6:.1f} MB"
    return Finding(ok=ok, expected=f"{shown} should be {word} than {name}", found=told)


def _shared(world: World, shown: str, there: ImageSnapshot, other: str, wanted: Wanted) -> Finding:
    against = world.image(other)
    name = references.short(world.scope.reference(other))
    if against is None:
        return Finding(ok=False, expected=f"{name} should be on the engine", found="it is not")
    pairs = zip(there.layers, against.layers, strict=False)
    count = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    expected = f"{shown} should share {prose.layers(wanted)} with {name}"
    return Finding(ok=fits(wanted, count or None), expected=expected, found=f"they share {prose.layers(str(count))}")


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
