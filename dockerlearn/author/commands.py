"""Plays the commands of a lesson in a shell, one by one, as a learner would type them."""

from __future__ import annotations

import os
import re
import secrets
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")


class ShellTimeout(Exception):
    """A command did not end in time."""


def split(script: str) -> tuple[str, ...]:
    r"""Split a script into the commands that would be typed: a line each, unless a line is not complete by itself.

    >>> split("docker pull x\nfor i in 1 2; do\n echo $i\ndone")
    ('docker pull x', 'for i in 1 2; do\n echo $i\ndone')
    """
    commands: list[str] = []
    open_lines: list[str] = []
    for line in script.splitlines():
        if not open_lines and (not line.strip() or line.lstrip().startswith("#")):
            continue
        open_lines.append(line)
        text = "\n".join(open_lines)
        if _complete(text):
            commands.append(text)
            open_lines = []
    if open_lines:
        commands.append("\n".join(open_lines))
    return tuple(commands)


def _complete(text: str) -> bool:
    if text.endswith("\\"):
        return False
    markers = [match.group(2) for match in _HEREDOC.finditer(text)]
    if any(marker not in [line.strip() for line in text.splitlines()[1:]] for marker in markers):
        return False
    return is_read_by_sh(text)


def is_read_by_sh(text: str) -> bool:
    """Whether ``sh`` can read a script; nothing of it is run. On a machine without ``sh`` nobody knows: yes."""
    try:
        done = subprocess.run(["sh", "-n"], input=text.encode(), capture_output=True, check=False, timeout=5)
    except FileNotFoundError:
        return True
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


class Shell:
    """A ``sh`` that is fed one command at a time; ``run`` returns how each ended and what it printed."""

    def __init__(self, environment: Mapping[str, str], folder: Path, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._process = subprocess.Popen(
            ["sh"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )

    def run(self, command: str) -> tuple[int, str]:
        """Run one command to its end. Raises ``ShellTimeout``."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise ShellTimeout(command)
        mark = f"__{secrets.token_hex(8)}"
        # The command gets no standard input of the shell's: it would eat the lines that follow.
        stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n{mark} %s\\n' $?\n".encode())
        stdin.flush()
        printed = b""
        until = time.monotonic() + self._seconds
        found: re.Match[bytes] | None = None
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while found is None:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise ShellTimeout(command)
                part = os.read(stdout.fileno(), 65_536)
                printed += part
                found = re.search(rb"\n" + mark.encode() + rb" (\d+)\n", printed)
                if not part and found is None:
                    return self._process.wait(), printed.decode("utf-8", "replace")
        return int(found.group(1)), printed[: found.start()].decode("utf-8", "replace")

    def close(self) -> None:
        """End the shell and whatever it left running."""
        import contextlib
        import signal

        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def play(script: str, environment: Mapping[str, str], folder: Path) -> Iterator[tuple[str, int, str]]:
    """Run a script command by command in one shell; give each command, its exit status and its output."""
    with Shell(environment, folder) as shell:
        for command in split(script):
            status, printed = shell.run(command)
            yield command, status, printed
