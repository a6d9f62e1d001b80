"""A prompt as the shell wrote it, to be put back after something was said above it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

LONGEST = 32_768
"""Bytes; a prompt that is longer is not put back."""

_TOKEN = re.compile(
    r"\x1b\[(?P<given>[0-?]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|(?P<string>\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\))"
    r"|\x1b(?P<short>[ -/]*[0-~])"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f])"
    r"|(?P<text>[^\x00-\x1f\x7f]+)"
)
_ASKS = re.compile(
    rb"\x1b\[[>=?]?[\d;]*c|\x1b\[\??[\d;]*n|\x1b\[\??[\d;]*\$p|\x1b\[[>?][\d;]*[qu]|\x1b\[(?:1[1-9]|2[01])(?:;\d+)*t"
    rb"|\x1bP[+$]q[^\x1b]*\x1b\\|\x1b\][\d;]*;\?(?:\x07|\x1b\\)"
)
"""What makes a terminal answer: asked twice, it would answer twice."""

_STAYS = frozenset("mKJhlXPtcnqup")
"""Ends of control sequences that move no cursor, but for ``_NOT_FOLLOWED``."""

_SCREEN = re.compile(r"(?<!\d)(?:6|7|47|1047|1048|1049)(?!\d)")
"""Another screen, the cursor put back, origin, no breaking of lines."""

_NOT_FOLLOWED: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("h", lambda given: bool(_SCREEN.search(given))),
    ("l", lambda given: bool(_SCREEN.search(given))),
    ("J", lambda given: given not in {"", "0"}),
    ("u", lambda given: given == ""),
)


class Prompt:
    """What was written since the shell began its prompt, in a terminal of ``width`` columns."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._written = bytearray()
        self._stale = False

    def add(self, data: bytes) -> None:
        """Add what the shell wrote."""
        if len(self._written) + len(data) > LONGEST:
            self._stale = True
        if not self._stale:
            self._written += data

    def grow_stale(self) -> None:
        """Take note that the terminal's size changed: where the lines break now is not known."""
        self._stale = True

    @property
    def text(self) -> str:
        """What of it can be read, without control sequences."""
        return "".join(match["text"] or "" for match in _TOKEN.finditer(self._written.decode("utf-8", "replace")))

    def rows(self) -> int | None:
        """In which row the cursor is, counted from the one that the prompt began in; None when that is not known."""
        if self._stale:
            return None
        cursor = _Cursor(self.width)
        if not cursor.follow(self._written.decode("utf-8", "replace")) or cursor.lowest > cursor.row:
            return None
        return cursor.row

    def again(self) -> bytes:
        """Return what puts the prompt back on an empty line, without what makes a terminal answer."""
        return _ASKS.sub(b"", bytes(self._written))


class _Cursor:
    """Where the cursor is after what was written, in rows below the beginning; a line breaks as in xterm."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.row = self.column = self.lowest = 0

    def follow(self, text: str) -> bool:
        """Follow ``text``; False when it does something that is not followed here."""
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or not self._take(match):
                return False
            self.lowest = max(self.lowest, self.row)
            at = match.end()
        return True

    def _take(self, match: re.Match[str]) -> bool:
        if match["text"] is not None:
            for character in match["text"]:
                self._put(_cells(character))
            return True
        if match["control"] is not None:
            return self._control(match["control"])
        if match["final"] is not None:
            return self._sequence(match["given"], match["final"])
        # Strings (titles, hyperlinks) move nothing; of the short ones, these choose fonts and keypads.
        return match["string"] is not None or match["short"] in {"=", ">", "(B", "(0", ")B", ")0"}

    def _put(self, cells: int) -> None:
        if not cells:
            return
        if self.column + cells > self.width:
            self.row += 1
            self.column = 0
        self.column += cells

    def _control(self, character: str) -> bool:
        if character == "\r":
            self.column = 0
        elif character in "\n\v\f":
            self.row += 1
        elif character == "\b":
            self.column = max(min(self.column, self.width - 1) - 1, 0)
        elif character == "\t":
            self.column = min((self.column // 8 + 1) * 8, self.width - 1)
        return True

    def _sequence(self, given: str, final: str) -> bool:
        if final in _STAYS:
            return not any(final == end and refused(given) for end, refused in _NOT_FOLLOWED)
        if not given.isdigit() and given:
            return False
        count = max(int(given or 1), 1)
        at = min(self.column, self.width - 1)
        if final == "A":
            self.row -= count
        elif final == "B":
            self.row += count
        elif final == "C":
            self.column = min(at + count, self.width - 1)
        elif final == "D":
            self.column = max(at - count, 0)
        elif final == "G":
            self.column = min(count, self.width) - 1
        elif final != "@":
            return False
        return self.row >= 0


def _cells(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
