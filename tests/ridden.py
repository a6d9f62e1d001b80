"""A real shell on a pty, with the rider of ``shell_rider`` along or bare, typed at as somebody would."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect

from tests import own_shells
from tests.waiting import PATIENCE, until

RC = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}

Event = dict[str, Any]


class Ridden:
    """Somebody at a terminal. ``kind`` is bash, zsh or fish, or old-bash for what is done in a bash before 5.1."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.kind = kind
        self.shell = "bash" if kind == "old-bash" else kind
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        own_shells.settle_in(self.home)
        self.log = folder / "log"
        self.output = b""
        self.size = (24, 80)
        kept = {k: v for k, v in os.environ.items() if k in {"PATH", "PYTHONPATH", "LANG"}}
        self.environment = {
            **kept, "HOME": str(self.home), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8",
            "RIDER_FOLDER": str(self.home),
        }  # fmt: skip
        self.environment.pop("PYTHONPATH", None)
        if kind == "old-bash":
            self.environment["RIDER_OLD_BASH"] = "1"
        self._process: pexpect.spawn[bytes] | None = None
        if self.shell == "zsh":
            # Without one, zsh asks a newcomer whether it should write one.
            self.rc("")

    def rc(self, text: str) -> None:
        """Write the start-up file."""
        path = self.home / RC[self.shell]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @property
    def process(self) -> pexpect.spawn[bytes]:
        assert self._process is not None
        return self._process

    def start(self, *, bare: bool = False, wrapped: str = "{}", says: str = "", prompt: bool = True) -> Ridden:
        """Start the shell; ``wrapped`` is a line of sh around it, ``says`` what the rider does at each event."""
        root = Path(__file__).parent.parent
        command = f"{sys.executable} -m tests.shell_rider {self.shell} {self.log}"
        if bare:
            command = f"{self.shell} -i"
        self._process = pexpect.spawn(
            "/bin/sh",
            ["-c", wrapped.format(command)],
            env={**self.environment, "PYTHONPATH": str(root), "RIDER_SAYS": says},
            dimensions=self.size,
            cwd=str(self.home),
            timeout=PATIENCE,
        )
        self._process.delaybeforesend = None
        self._process.delayafterclose = 0.0
        self._process.delayafterterminate = 0.02
        if prompt and not bare:
            self.wait("prompt")
        return self

    def read(self) -> bytes:
        """Read what there is and return all that the terminal got so far."""
        while True:
            try:
                self.output += self.process.read_nonblocking(65_536, timeout=0)
            except pexpect.TIMEOUT:
                return self.output
            except (pexpect.EOF, OSError):
                return self.output

    def sees(self, text: str | bytes, after: int = 0, *, pressing: str = "") -> int:
        """Wait until the terminal shows ``text``, and return where it ends; press that each second."""
        wanted = text.encode() if isinstance(text, str) else text
        due = time.monotonic()

        def found() -> bool:
            nonlocal due
            if pressing and time.monotonic() >= due:
                due += 1.0
                self.type(pressing)
            return wanted in self.read()[after:]

        until(found, f"{wanted!r} in {self.output[after:]!r}")
        return self.output.index(wanted, after) + len(wanted)

    def type(self, text: str | bytes) -> None:
        """Type, without waiting."""
        self.process.send(text)

    def line(self, text: str) -> Event:
        """Type a command line, wait for the next prompt, and return how the command ended, if one was run."""
        before = len(self.events())
        self.type(text + "\r")
        self.wait("prompt", before)
        ended = [event for event in self.events()[before:] if event["event"] == "done"]
        return ended[-1] if ended else {}

    def events(self, name: str = "") -> list[Event]:
        """What the rider heard so far."""
        self.read()
        # The last line may be half written.
        lines = self.log.read_text().split("\n")[:-1] if self.log.exists() else []
        found = [json.loads(line) for line in lines]
        return [event for event in found if not name or event["event"] == name]

    def wait(self, name: str, after: int = 0) -> Event:
        """Wait until the rider hears of something, and return it."""
        found = until(
            lambda: [event for event in self.events()[after:] if event["event"] == name],
            f"{name} after {after}: {self.output[-500:]!r}",
        )
        return dict(found[0])

    def end(self) -> int:
        """Wait for the end and return the exit status."""
        until(lambda: self.read() is not None and not self.process.isalive(), "the end")
        self.read()
        self.process.close()
        assert self.process.exitstatus is not None
        return int(self.process.exitstatus)

    @property
    def status(self) -> str:
        """How this shell writes the exit status."""
        return "$status" if self.shell == "fish" else "$?"


@contextmanager
def ridden(folder: Path, kind: str) -> Iterator[Ridden]:
    """Give a shell to ride in, and see to it that no mark ever came to its terminal."""
    shell = Ridden(folder, kind)
    try:
        yield shell
        assert not re.search(rb"7717;[0-9a-f]{32}", shell.output), shell.output
    finally:
        if shell._process is not None:
            shell._process.close(force=True)
