"""``file``: a file of the learner's in the lesson's folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding, Noun
from dockerlearn.checks.files import content
from dockerlearn.checks.lesson_file import beneath
from dockerlearn.checks.matchers import Wanted, describe, fits, fits_some
from dockerlearn.engine import references
from dockerlearn.world.world import World


class File(Noun, frozen=True, kw_only=True, tag="file"):
    """A path beneath the lesson's folder, relative to it.

    ``archive`` is ``image`` for what ``docker save`` writes, ``files`` for another tar archive, else ``other``.
    ``archive_of`` names an image that is in it, with its name; ``archive_names`` are the names of images in it.
    ``archive_files`` maps paths in an archive, or their last parts, to what is kept there.

    >>> File(file="backup.tar", archive_files={"note": "hello"}).subject
    'file backup.tar'
    """

    word: ClassVar[str] = "file"

    file: str
    absent: bool | None = None
    content: Wanted | None = None
    executable: bool | None = None
    kind: Wanted | None = None
    archive: Wanted | None = None
    archive_of: str | None = None
    archive_names: Wanted | None = None
    archive_files: dict[str, Wanted] = {}

    def __post_init__(self) -> None:
        beneath(self.file)

    def findings(self, world: World) -> Iterator[Finding]:
        """Look whether it is there, then into it."""
        there = world.file(self.file)
        if self.absent:
            if there is None:
                yield Finding(ok=True, expected="", found="not there")
            else:
                yield Finding(ok=False, expected=f"there should be no {self.file}", found="it is there")
            return
        if there is None:
            yield Finding(ok=False, expected=f"there should be a file {self.file}", found="it is not there")
            return
        yield Finding(ok=True, expected="", found="there")
        if self.kind is not None and not fits(self.kind, there.kind):
            yield Finding(
                ok=False, expected=f"{self.file} should be a {describe(self.kind)}", found=f"it is a {there.kind}"
            )
        if self.content is not None:
            expected = f"{self.file} should hold {describe(self.content)}"
            if there.kind != "file":
                yield Finding(ok=False, expected=expected, found=f"it is a {there.kind}, not a file")
            elif not fits(self.content, there.text) and not fits(self.content, there.text.strip()):
                yield Finding(ok=False, expected=expected, found=prose.contents(self.content, there.text))
            else:
                yield Finding(ok=True, expected="", found="holds what it should")
        yield from self._archived(world)
        if self.executable is not None and there.executable != self.executable:
            yield Finding(
                ok=False,
                expected=f"{self.file} should {'' if self.executable else 'not '}be executable",
                found=f"it is {'not ' if self.executable else ''}executable",
                next=f"chmod {'+' if self.executable else '-'}x {self.file}",
            )

    def _archived(self, world: World) -> Iterator[Finding]:
        if (self.archive, self.archive_of, self.archive_names) == (None, None, None) and not self.archive_files:
            return
        there = world.archive(self.file)
        told = _KINDS[there.kind]
        if self.archive is not None and not fits(self.archive, there.kind):
            yield Finding(ok=False, expected=f"{self.file} should be {_kind(self.archive)}", found=f"it is {told}")
        names = tuple(references.short(name) for image in there.images for name in image.names)
        if self.archive_names is not None and not fits_some(self.archive_names, names):
            expected = f"the names of the images in {self.file} should be {describe(self.archive_names)}"
            yield Finding(ok=False, expected=expected, found=f"they are {', '.join(names)}" if names else "it has none")
        if self.archive_of is not None:
            yield self._archive_of(world, self.archive_of, names)
        if self.archive_files and there.kind == "other":
            expected = f"{self.file} should be an archive with {', '.join(self.archive_files)} in it"
            yield Finding(ok=False, expected=expected, found=f"it is {told}")
            return
        for path, wanted in self.archive_files.items():
            # How deep it lies depends on how it was packed: ./note, note and data/note are the same file.
            seen = [content(self.file, path, wanted, one) for one in world.in_archive(self.file, path)]
            fitting = next((one for one in seen if one.ok), seen[-1] if seen else None)
            yield fitting or content(self.file, path, wanted, None)

    def _archive_of(self, world: World, image: str, names: tuple[str, ...]) -> Finding:
        there = world.archive(self.file)
        shown = references.short(world.scope.reference(image))
        expected = f"{self.file} should be an archive of the image {shown}"
        if there.kind != "image":
            return Finding(ok=False, expected=expected, found=f"it is {_KINDS[there.kind]}")
        # Podman saves what has no registry as localhost/NAME.
        if shown not in {name.removeprefix("localhost/") for name in names}:
            found = f"the image in it is called {', '.join(names)}" if names else "the image in it has no name"
            return Finding(ok=False, expected=expected, found=found)
        on_engine = world.image(image)
        saved = [
            kept.layers
            for kept in there.images
            if any(references.short(n).removeprefix("localhost/") == shown for n in kept.names)
        ]
        if on_engine is not None and on_engine.layers not in saved:
            return Finding(
                ok=False, expected=expected, found=f"{shown} in it is another image than the one on the engine"
            )
        return Finding(ok=True, expected="", found=f"holds the image {shown}")


_KINDS = {
    "image": "an archive of an image",
    "files": "an archive of plain files, not of an image",
    "other": "no archive",
}


def _kind(wanted: Wanted) -> str:
    return _KINDS.get(wanted, wanted) if isinstance(wanted, str) else describe(wanted)
