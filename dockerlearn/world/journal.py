"""What was typed since the step began, and how it ended; kept by whatever runs the learner's commands."""

from __future__ import annotations

from collections import deque
from datetime import datetime

import msgspec

from dockerlearn.world import command_line

KEPT = 100
"""Commands that are kept."""

TEXT = 4096
"""Characters of a command, and of what it printed, that are kept: the first ones."""

_BEFORE = frozenset({"sudo", "command", "exec", "time", "nohup", "env", "!", "then", "do", "else", "{"})
"""What may stand before a program and is not the program that is meant."""


class Typed(msgspec.Struct, frozen=True):
    """A command line. ``began`` and ``ended`` are by this machine's clock; ``status`` is None while it runs.

    ``printed`` is None where that was not seen, as in line mode, which leaves the terminal to the command.
    """

    text: str
    began: datetime
    ended: datetime | None = None
    status: int | None = None
    printed: str | None = None

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """The words of each command in the line."""
        return split(self.text)


class Journal:
    """The last commands that were typed in one tutor, oldest first; empty where nobody types into a tutor."""

    def __init__(self) -> None:
        self._typed: deque[Typed] = deque(maxlen=KEPT)

    def add(self, typed: Typed) -> None:
        """Take down a command that has ended."""
        printed = None if typed.printed is None else typed.printed[:TEXT]
        self._typed.append(msgspec.structs.replace(typed, text=typed.text[:TEXT], printed=printed))

    def clear(self) -> None:
        """Forget everything: another step begins."""
        self._typed.clear()

    def latest(self, program: str) -> tuple[Typed, tuple[tuple[str, ...], ...]] | None:
        """The last line that called a program, and the words of each of its calls."""
        for typed in reversed(self._typed):
            calls = tuple(words for words in typed.commands if words[0].rpartition("/")[2] == program)
            if calls:
                return typed, calls
        return None


def split(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the words of each command in a line, without what only stands before a program.

    >>> split("cd app && X=1 sudo docker run -d 'my image' | cat")
    (('cd', 'app'), ('docker', 'run', '-d', 'my image'), ('cat',))
    >>> split("docker run 'open")
    (('docker', 'run', "'open"),)
    """
    line = command_line.read(text)
    commands = [[word.text for word in command.words] for command in line.commands]
    if line.open_quote is not None:  # the shell would refuse it, and the words are still told
        commands = [text.split()]
    return tuple(found for command in commands if (found := _without_front(command)))


def _without_front(words: list[str]) -> tuple[str, ...]:
    for place, word in enumerate(words):
        name, sign, _ = word.partition("=")
        if word not in _BEFORE and not (sign and name.isidentifier()):
            return tuple(words[place:])
    return ()
