"""Reads a line from keys that come as bytes, as a terminal in its usual mode would."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|[^\[O])")
_BEGUN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?\Z")
_LONGEST = 500


class Typing:
    """A line being typed. ``show`` gets its echo, ``line`` a line that Enter ends.

    ``left`` is called for Ctrl-D on an empty line. What was typed behind an Enter stays until ``again``.
    """

    def __init__(self, show: Callable[[str], None], line: Callable[[str], None], left: Callable[[], None]) -> None:
        self._show = show
        self._line = line
        self._left = left
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._text = ""
        self._ahead = ""
        self._waiting = False

    def keys(self, data: bytes) -> None:
        """Take keys."""
        self._ahead += self._decode(data)
        self._go_on()

    @property
    def typed(self) -> str:
        """What stands on the line so far."""
        return self._text

    def again(self) -> None:
        """Read one more line."""
        self._waiting = False
        self._text = ""
        self._go_on()

    def rest(self) -> bytes:
        """Return what was typed behind the last Enter."""
        rest, self._ahead = self._ahead.encode(), ""
        return rest

    def _go_on(self) -> None:
        # Arrow keys and the like move nothing here.
        self._ahead = _SEQUENCE.sub("", self._ahead)
        begun = _BEGUN.search(self._ahead)
        end = begun[0] if begun is not None else ""
        while self._ahead != end and not self._waiting:
            key, self._ahead = self._ahead[0], self._ahead[1:]
            self._take(key)

    def _take(self, key: str) -> None:
        if key in "\r\n":
            self._show("\n")
            self._waiting = True
            self._line(self._text)
        elif key in "\x7f\b":
            if self._text:
                self._text = self._text[:-1]
                self._show("\b \b")
        elif key in "\x15\x03":
            self._show("\b \b" * len(self._text))
            self._text = ""
        elif key == "\x04":
            if not self._text:
                self._waiting = True
                self._left()
        elif key.isprintable() and len(self._text) < _LONGEST:
            self._text += key
            self._show(key)
