"""Which states of the terminal programs switched on, and what undoes them."""

from __future__ import annotations

import re

_CHANGE = re.compile(rb"\x1b\[\?([\d;]+)([hl])|\x1b\](?:0|2);([^\x07\x1b]{0,512})(?:\x07|\x1b\\)")
_BEGUN = re.compile(rb"\x1b(?:\[\??[\d;]{0,24}|\][02]?(?:;[^\x07\x1b]{0,512}\x1b?)?)?\Z")
_LONGEST = 600
_ALTERNATE = frozenset({b"47", b"1047", b"1049"})

_AS_USUAL = b"\x1b[?2004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?1l\x1b>\x1b[?25h\x1b[0m"
"""No bracketed paste, no mouse, no reports of focus, plain keys, the cursor shown, no colours."""


class Modes:
    """Follows what passes to the terminal, however it is cut into pieces."""

    def __init__(self) -> None:
        self.alternate_screen = False
        self.title: bytes | None = None
        self._rest = b""

    def add(self, data: bytes) -> None:
        """Take note of what ``data`` switches."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        elif b"\x1b" not in data:
            return
        end = 0
        for match in _CHANGE.finditer(data):
            end = match.end()
            if match[3] is not None:
                self.title = match[3]
            elif _ALTERNATE & set(match[1].split(b";")):
                self.alternate_screen = match[2] == b"h"
        begun = _BEGUN.search(data, max(end, len(data) - _LONGEST))
        if begun is not None:
            self._rest = begun[0]

    def undo(self) -> bytes:
        """Return what brings the terminal back to how a shell expects it."""
        leave = b"\x1b[?1049l" if self.alternate_screen else b""
        return leave + _AS_USUAL
