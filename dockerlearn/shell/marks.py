"""The marks that our start-up files write between the shell's output, and how they are taken out of it again.

A mark is an operating system command of a number that no terminal uses, with the secret of this session:
``ESC ] 7717 ; SECRET ; KIND [; …] BEL``. What carries another secret is somebody else's and passes as it is.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

NUMBER = 7717

LONGEST = 20_000
"""Bytes of a mark; the start-up files cut command lines far below."""

COMMAND_LIMIT = 4096
"""Characters of a command line that are told."""


class PromptBegins(NamedTuple):
    """The shell is about to show its prompt."""


class CommandBegins(NamedTuple):
    """A command line was read and is about to be run.

    ``text`` is what was typed, as the shell's history has it. With ``sure`` False it is what the history has last: this
    line repeats that, or is kept out of the history.
    """

    text: str
    sure: bool = True


class CommandDone(NamedTuple):
    """A command line has ended with ``status``."""

    status: int


Mark = PromptBegins | CommandBegins | CommandDone


class MarkReader:
    r"""Takes the marks of one session out of a stream of bytes, however it is cut into pieces.

    >>> MarkReader("s").feed(b"a\x1b]7717;s;D;0\x07b")
    [b'a', CommandDone(status=0), b'b']
    """

    def __init__(self, secret: str) -> None:
        self._prefix = b"\x1b]%d;%s;" % (NUMBER, secret.encode())
        self._held = b""

    def feed(self, data: bytes) -> list[bytes | Mark]:
        """Return what ``data`` completes; what may be the beginning of a mark is held back."""
        if not self._held and b"\x1b" not in data:
            return [data] if data else []
        data = self._held + data
        self._held = b""
        found: list[bytes | Mark] = []
        at = 0
        while (begin := data.find(self._prefix, at)) >= 0:
            end = data.find(b"\x07", begin)
            if end < 0 and len(data) - begin <= LONGEST:
                self._held = data[begin:]
                break
            if begin > at:
                found.append(data[at:begin])
            if end < 0:
                # Nothing of ours is that long: the shell was stopped in the middle of a mark.
                at = begin + len(self._prefix)
                continue
            # A mark that was broken off and one that is whole may stand in a row.
            begin = data.rfind(self._prefix, begin, end)
            mark = _read(data[begin + len(self._prefix) : end])
            if mark is not None:
                found.append(mark)
            at = end + 1
        rest = data[at : len(data) - len(self._held)] if self._held else data[at:]
        if not self._held:
            self._held = self._beginning_at_the_end_of(rest)
            rest = rest[: len(rest) - len(self._held)]
        if rest:
            found.append(rest)
        return found

    @property
    def holds(self) -> int:
        """How many bytes are held back."""
        return len(self._held)

    @property
    def in_a_mark(self) -> bool:
        """Whether what is held back is a mark of ours for sure, and only its end is missing."""
        return len(self._held) >= len(self._prefix)

    def flush(self) -> bytes:
        """Give up on what is held back and return it; what is surely a mark of ours stays."""
        if self.in_a_mark:
            return b""
        held, self._held = self._held, b""
        return held

    def _beginning_at_the_end_of(self, data: bytes) -> bytes:
        begin = data.rfind(b"\x1b", -len(self._prefix))
        return data[begin:] if begin >= 0 and self._prefix.startswith(data[begin:]) else b""


def _read(body: bytes) -> Mark | None:
    """Return the mark that ``body`` describes, None where it is garbled."""
    kind, _, rest = body.partition(b";")
    if kind == b"A":
        return PromptBegins()
    if kind == b"D" and rest.isdigit() and len(rest) <= 3:
        return CommandDone(int(rest))
    if kind == b"C":
        sure, _, text = rest.partition(b";")
        return CommandBegins(unquote(text.decode("utf-8", "replace"))[:COMMAND_LIMIT], sure != b"0")
    return None
