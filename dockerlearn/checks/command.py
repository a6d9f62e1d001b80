"""``command``: what was typed last, and how it ended. Only a mistake's ``when`` may ask: nobody is graded by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from dockerlearn.checks.base import Finding, Noun
from dockerlearn.checks.matchers import Match, Wanted, check_pattern, describe, fits
from dockerlearn.text import one_line
from dockerlearn.world.journal import Typed, split
from dockerlearn.world.world import World


class Command(Noun, frozen=True, kw_only=True, tag="command"):
    """The last command of its program that was typed since the step began; it begins with these words.

    ``words`` must all be among its words, which are told as a shell would, and ``matches`` is a pattern for the line as
    it was typed; ``exit_code`` is the line's. ``prints`` is for the beginning of what it printed, where the tutor
    sees that. Where commands are not typed into the tutor, this never matches.

    >>> Command(command="docker run", words=["-name"], exit_code="125").first
    ('docker', 'run')
    """

    word: ClassVar[str] = "command"
    patience: ClassVar[float] = 0.0

    command: str
    words: list[str] = []
    matches: str | None = None
    exit_code: Wanted | None = None
    prints: Wanted | None = None

    def __post_init__(self) -> None:
        if not self.first or len(split(self.command)) != 1:
            raise ValueError("command: is the words that one command begins with, as in docker run")
        if self.matches is not None:
            check_pattern(self.matches)

    @property
    def first(self) -> tuple[str, ...]:
        """The words that it begins with."""
        found = split(self.command)
        return found[0] if found else ()

    def findings(self, world: World) -> Iterator[Finding]:
        """Look at the last line that called the program."""
        expected = f"{self.command} should have been typed"
        last = world.journal.latest(self.first[0])
        if last is None:
            yield Finding(ok=False, expected=expected, found="nothing of the kind was typed here")
            return
        typed, calls = last
        shown = one_line(typed.text, 80)
        if not any(self._is_meant(words) for words in calls) or not self._fits_text(typed.text):
            yield Finding(ok=False, expected=expected, found=f"the last was {shown}")
            return
        if self.exit_code is not None and not fits(self.exit_code, typed.status):
            told = f"it should end with {describe(self.exit_code)}"
            yield Finding(ok=False, expected=told, found=f"it ended with {typed.status}")
            return
        if self.prints is not None and not self._fits_output(typed):
            yield Finding(ok=False, expected=f"it should print {describe(self.prints)}", found="it did not")
            return
        yield Finding(ok=True, expected="", found=shown)

    def _is_meant(self, words: tuple[str, ...]) -> bool:
        program, *rest = words
        begins = (program.rpartition("/")[2], *rest)[: len(self.first)] == self.first
        return begins and all(word in rest for word in self.words)

    def _fits_text(self, text: str) -> bool:
        return self.matches is None or fits(Match(matches=self.matches), text)

    def _fits_output(self, typed: Typed) -> bool:
        printed = typed.printed
        return (
            printed is not None
            and self.prints is not None
            and any(fits(self.prints, text) for text in (printed, printed.strip()))
        )
