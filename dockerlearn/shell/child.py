"""The shell's process on a pty of its own."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import sys
import termios
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dockerlearn.errors import DockerlearnError
from dockerlearn.shell.startup import Started

Attributes = list[int | list[bytes | int]]
"""Of a terminal, as ``termios`` has them."""

_CHUNK = 65_536
_KIN = 100
"""Processes that are looked at to find those that have the terminal."""


class Size(NamedTuple):
    """Of a terminal, in characters."""

    rows: int
    columns: int


class Child:
    """A process that has a pty as its terminal. ``fd`` is our side of it and never blocks."""

    def __init__(self, pid: int, fd: int, arguments: Sequence[str] = ()) -> None:
        self.pid = pid
        self.fd = fd
        self._status: int | None = None
        self._shape: bytes | None = b"".join(os.fsencode(argument) + b"\0" for argument in arguments)

    @classmethod
    def start(cls, started: Started, folder: Path, size: Size, attributes: Attributes | None = None) -> Child:
        """Start a program in ``folder``; ``attributes`` are those of the learner's own terminal.

        Raises ``DockerlearnError`` when there is no pty to be had. A program that cannot be started ends with 127.
        """
        try:
            ours, theirs = os.openpty()
        except OSError as error:
            raise DockerlearnError(f"There is no terminal to be had for your shell: {error.strerror}.") from None
        if attributes is not None:
            termios.tcsetattr(theirs, termios.TCSANOW, attributes)
        _resize(theirs, size)
        pid = os.fork()
        if pid == 0:
            _become(started, folder, ours, theirs)
        os.close(theirs)
        os.set_blocking(ours, False)
        os.set_inheritable(ours, False)
        return cls(pid, ours, started.arguments)

    def read(self) -> bytes | None:
        """Return what it wrote; empty when there is nothing, None when there will never be any more."""
        return read_now(self.fd)

    def write(self, data: bytes) -> int:
        """Write what was typed, as much as there is room for, and return how much that was."""
        try:
            return os.write(self.fd, data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            return len(data)

    def resize(self, size: Size) -> None:
        """Give the pty another size; its foreground processes are told."""
        with suppress(OSError):
            _resize(self.fd, size)

    def in_foreground(self) -> bool:
        """Whether the shell itself, and no command of it, has the terminal."""
        try:
            return os.tcgetpgrp(self.fd) == self.pid
        except OSError:
            return False

    def running(self) -> list[list[str]]:
        """Return the words of the commands that have the terminal, parents first; empty where that cannot be told."""
        try:
            group = os.tcgetpgrp(self.fd)
        except OSError:
            return []
        if group == self.pid:
            return []
        found: list[list[str]] = []
        look_at = [self.pid]
        for _ in range(_KIN):
            if not look_at:
                break
            pid = look_at.pop(0)
            # Linux alone has these files.
            with suppress(OSError, ValueError):
                proc = Path(f"/proc/{pid}")
                look_at += [int(child) for child in (proc / f"task/{pid}/children").read_text().split()]
                if int((proc / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                    words = (proc / "cmdline").read_bytes().split(b"\0")[:-1]
                    found.append([os.fsdecode(word) for word in words])
        return found

    def remember(self) -> None:
        """Take note of which program this is, to notice when another one takes its place."""
        self._shape = self._command_line()

    def replaced_by(self) -> str | None:
        """Return the name of the program that took the shell's place (``exec``); None when none did."""
        now = self._command_line()
        if now is None or self._shape is None or now == self._shape:
            return None
        return os.fsdecode(now.split(b"\0")[0]).rpartition("/")[2].lstrip("-")

    def ended(self) -> int | None:
        """Return the exit status once the process has ended: 128 and the signal's number when one ended it."""
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                self._status = 1
            else:
                if pid:
                    code = os.waitstatus_to_exitcode(status)
                    self._status = code if code >= 0 else 128 - code
        return self._status

    def hang_up(self, wait: Callable[[float], object], patience: float = 2.0) -> None:
        """Close the terminal as when a window is closed, and see to it that the process ends.

        ``wait`` sleeps for so many seconds.
        """
        with suppress(OSError):
            os.close(self.fd)
        for number in (signal.SIGHUP, signal.SIGKILL):
            if self.ended() is not None:
                return
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)
                # One that is stopped hears nothing else.
                os.kill(self.pid, signal.SIGCONT)
            left = patience
            while self.ended() is None and left > 0:
                wait(0.01)
                left -= 0.01

    def _command_line(self) -> bytes | None:
        if not sys.platform.startswith("linux"):
            return None
        try:
            return Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except OSError:
            return None


def read_now(fd: int) -> bytes | None:
    """Return what can be read without waiting; empty when there is nothing, None when there will never be any more."""
    try:
        return os.read(fd, _CHUNK) or None
    except (BlockingIOError, InterruptedError):
        return b""
    except OSError:
        # EIO: nobody has the other side open.
        return None


def _resize(fd: int, size: Size) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", size.rows, size.columns, 0, 0))


def _become(started: Started, folder: Path, ours: int, theirs: int) -> None:
    """Become the program; this is the child, in which nothing but this may run."""
    try:
        os.close(ours)
        os.login_tty(theirs)
        with suppress(OSError):
            os.chdir(folder)
        # Python ignores some signals, and a program would inherit that: yes | head would complain.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        if hasattr(signal, "SIGXFSZ"):
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execve(started.arguments[0], started.arguments, started.environment)  # noqa: S606 - a list, as elsewhere
    finally:
        # Whatever it was: a second tutor must not go on from here.
        os._exit(127)
