"""``file``: a file of the learner's in the lesson's folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding, Noun
from dockerlearn.checks.matchers import Wanted, describe, fits
from dockerlearn.world.world import World


class File(Noun, frozen=True, kw_only=True, tag="file"):
    """A path beneath the lesson's folder, relative to it."""

    word: ClassVar[str] = "file"

    file: str
    absent: bool | None = None
    content: Wanted | None = None
    executable: bool | None = None
    kind: Wanted | None = None

    def __post_init__(self) -> None:
        if self.file.startswith(("/", "~")) or ".." in self.file.split("/") or not self.file:
            raise ValueError(f"{self.file!r} is not a path beneath the lesson's folder")

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
                found = f"its last line is {prose.excerpt(there.text)}" if there.text.strip() else "it is empty"
                yield Finding(ok=False, expected=expected, found=found)
            else:
                yield Finding(ok=True, expected="", found="holds what it should")
        if self.executable is not None and there.executable != self.executable:
            yield Finding(
                ok=False,
                expected=f"{self.file} should {'' if self.executable else 'not '}be executable",
                found=f"it is {'not ' if self.executable else ''}executable",
                next=f"chmod {'+' if self.executable else '-'}x {self.file}",
            )
