"""The learner's own terminal while the tutor passes bytes through it: raw, and restored whatever happens."""

from __future__ import annotations

import os
import select
import termios
import time
import tty
from contextlib import suppress

from dockerlearn.shell.child import Attributes, Size, read_now
from dockerlearn.shell.modes import Modes

_CHUNK = 65_536
_LAST_WORDS = 2.0
"""Seconds that a terminal gets to take what is left for it."""


class Terminal:
    """The terminal at ``fd``. It is opened once more, so that not blocking on it concerns nobody else."""

    def __init__(self, fd: int) -> None:
        self._given = fd
        self.attributes: Attributes = termios.tcgetattr(fd)
        self.fd, self._own = _open_again(fd)
        self.modes = Modes()
        self._left = bytearray()
        self._titled = self._is_ours = False
        self._raw = False

    def __enter__(self) -> Terminal:
        self.go_raw()
        return self

    def __exit__(self, *_: object) -> None:
        self.restore()
        if self._own:
            with suppress(OSError):
                os.close(self.fd)

    def go_raw(self) -> None:
        """Pass every key as it is."""
        tty.setraw(self._given, termios.TCSADRAIN)
        self._raw = True

    def restore(self) -> None:
        """Give the terminal back as it was, with no mode left on that a program switched on."""
        if not self._raw:
            return
        self._raw = False
        with suppress(OSError, termios.error):
            self._left += self.modes.undo()
            if self._titled:
                self._left += b"\x1b[23;2t"
            until = time.monotonic() + _LAST_WORDS
            while self._left and (left := until - time.monotonic()) > 0:
                select.select([], [self.fd], [], left)
                self.flush()
        with suppress(OSError, termios.error):
            termios.tcsetattr(self._given, termios.TCSANOW, self.attributes)

    def size(self) -> Size:
        """How large it is; 24 by 80 where it does not tell."""
        try:
            found = os.get_terminal_size(self._given)
        except OSError:
            return Size(24, 80)
        return Size(found.lines or 24, found.columns or 80)

    def read(self) -> bytes | None:
        """Return what was typed; empty when nothing was, None when the terminal is gone."""
        return read_now(self.fd)

    def write(self, data: bytes) -> None:
        """Write, now or when there is room."""
        if self._left:
            self._left += data
            return
        written = self._write(data)
        if written < len(data):
            self._left += data[written:]

    def flush(self) -> None:
        """Write what is left, as far as there is room."""
        if self._left:
            del self._left[: self._write(bytes(self._left[:_CHUNK]))]

    @property
    def left(self) -> int:
        """Bytes that still have to be written."""
        return len(self._left)

    def title(self, text: str | None) -> None:
        """Show ``text`` as the window's title; None brings back the one that was there."""
        if text is None and not self._is_ours:
            return
        self._is_ours = text is not None
        if text is None:
            if self.modes.title is not None:
                self.write(b"\x1b]2;" + self.modes.title + b"\x07")
            elif self._titled:
                self.write(b"\x1b[23;2t\x1b[22;2t")
            return
        if not self._titled:
            self._titled = True
            self.write(b"\x1b[22;2t")
        self.write(b"\x1b]2;" + text.encode() + b"\x07")

    def _write(self, data: bytes) -> int:
        if not self._own and not select.select([], [self.fd], [], 0)[1]:
            return 0
        try:
            return os.write(self.fd, data if self._own else data[:1024])
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            # It is gone; reading from it says so.
            return len(data)


def _open_again(fd: int) -> tuple[int, bool]:
    """Open the same terminal once more without blocking; where that cannot be, the given one is used as it is."""
    try:
        return os.open(os.ttyname(fd), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC), True
    except OSError:
        return fd, False
