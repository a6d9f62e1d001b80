"""What rides along in a shell: the tutor, as far as the shell's side of it is concerned."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Done(NamedTuple):
    """A command line that has ended.

    ``text`` is empty where the shell did not tell it; ``status`` is None when the shell lost track of it. ``head`` and
    ``tail`` are the first and the last of what it printed, as bytes.
    """

    text: str
    status: int | None
    seconds: float
    tail: bytes
    head: bytes = b""


class Rider(Protocol):
    """Is told what happens in the shell, always from the ride's own loop, and returns soon."""

    def began(self, text: str) -> None:
        """Hear of a command line that is about to be run."""

    def done(self, done: Done) -> None:
        """Hear of a command line that ended; the prompt can be held from here."""

    def prompt(self, *, empty: bool) -> None:
        """Hear that the prompt is about to be shown; ``empty`` when Enter was pressed on a line with nothing in it."""

    def unfinished(self) -> None:
        """Hear that the shell waits for the rest of a command line."""

    def lost(self, why: str) -> None:
        """Hear why the shell does not tell any more what happens in it."""
