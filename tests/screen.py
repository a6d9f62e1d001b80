"""A terminal to look at: tmux, without a window, with what it shows as lines of text."""

from __future__ import annotations

import secrets
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.waiting import until


class Screen:
    """A tmux of its own with one window that runs ``command``; it ends with the command's end or with ``close``."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, size: tuple[int, int] = (24, 80)
    ) -> None:
        # Not the process's id: the next run, in process ids of its own, has the same ones.
        self._socket = f"dl-{secrets.token_hex(6)}"
        self.environment = {"TERM": "xterm-256color", **environment}
        self.environment.pop("TMUX", None)
        rows, columns = size
        line = f"{shlex.join(command)}; echo ended=$?; exec cat"
        place = ("-x", str(columns), "-y", str(rows), "-c", str(folder))
        options = ("-g", "history-limit", "20000"), ("-g", "status", "off"), ("-s", "set-clipboard", "on")
        # Before there is a window: it keeps the length of the history that it began with.
        before = [word for option in options for word in ("set-option", *option, ";")]
        start = ("new-session", "-d", *place, f"exec sh -c {shlex.quote(line)}")
        self._tmux("-f", "/dev/null", "start-server", ";", *before, *start)

    def type(self, text: str) -> None:
        """Type characters; a new line is Enter."""
        for number, part in enumerate(text.split("\n")):
            if number:
                self.press("Enter")
            if part:
                self._tmux("send-keys", "-l", "--", part)

    def press(self, *keys: str) -> None:
        """Press keys by their names in tmux: Enter, C-c, Up."""
        self._tmux("send-keys", *keys)

    def resize(self, rows: int, columns: int) -> None:
        """Give the window another size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def lines(self) -> list[str]:
        """What the screen shows now, without empty lines at its end."""
        shown = self._tmux("capture-pane", "-p").rstrip("\n").split("\n")
        return [line.rstrip() for line in shown]

    @property
    def coloured(self) -> str:
        """What the screen shows now, with its colours as escape sequences."""
        return self._tmux("capture-pane", "-p", "-e")

    @property
    def text(self) -> str:
        """All that was shown, with what has left the screen at the top; lines that were broken are whole."""
        shown = self._tmux("capture-pane", "-p", "-J", "-S", "-")
        return "\n".join(line.rstrip() for line in shown.rstrip("\n").split("\n"))

    @property
    def title(self) -> str:
        """The window's title."""
        return self._tmux("display-message", "-p", "#{pane_title}").rstrip("\n")

    @property
    def clipboard(self) -> str:
        """What programs put into the clipboard."""
        return self._tmux("show-buffer") if self._tmux("list-buffers") else ""

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column of the cursor, from 0."""
        row, column = self._tmux("display-message", "-p", "#{cursor_y} #{cursor_x}").split()
        return int(row), int(column)

    def shows(self, what: str | Callable[[], bool]) -> None:
        """Wait until the screen shows a text, or until something is so."""

        def found() -> bool:
            return what() if callable(what) else what in self.text

        try:
            until(found)
        except AssertionError:
            raise AssertionError(f"{what!r} is not shown:\n{self.text}\ntitle: {self.title}") from None

    def close(self) -> None:
        """End it, with all that runs in it."""
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], check=False, capture_output=True)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *arguments], env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise AssertionError(f"tmux {' '.join(arguments[:2])}: {done.stderr.strip()}")
        return done.stdout
