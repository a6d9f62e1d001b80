"""Keeps from the terminal what output of a container has no business to ask of it."""

from __future__ import annotations

import re

_BEGIN = re.compile(rb"\x1b\](?:52|1337|7717);")
"""To set or read the clipboard; iTerm's own, which can do much; marks like ours."""
_MAYBE = re.compile(rb"\x1b(?:\]\d{0,4})?\Z")
_END = re.compile(rb"\x07|\x1b\\|[\x18\x1a]|(?=\x1b[^\\])")


class Guard:
    r"""Takes such commands out of a stream of bytes, however it is cut into pieces.

    >>> Guard().take(b"a\x1b]52;c;aGk=\x07b\x1b]0;title\x07")
    b'ab\x1b]0;title\x07'
    """

    def __init__(self) -> None:
        self._held = b""
        self._inside = False

    def take(self, data: bytes) -> bytes:
        """Return what may pass; what may be the beginning or the end of such a command is held back."""
        data, self._held = self._held + data, b""
        passed = b""
        while data:
            if self._inside:
                end = _END.search(data)
                if end is None:
                    self._held = data[-1:] if data.endswith(b"\x1b") else b""
                    return passed
                self._inside = False
                data = data[end.end() :]
                continue
            begin = _BEGIN.search(data)
            if begin is None:
                maybe = _MAYBE.search(data, max(len(data) - 8, 0))
                self._held = maybe[0] if maybe is not None else b""
                return passed + data[: len(data) - len(self._held)]
            passed += data[: begin.start()]
            data = data[begin.end() :]
            self._inside = True
        return passed

    def rest(self) -> bytes:
        """Return what is held back: the program has ended."""
        held, self._held = self._held, b""
        return b"" if self._inside else held
