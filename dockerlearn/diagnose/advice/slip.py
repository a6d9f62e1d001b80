"""What advice is made from, and what it is."""

from __future__ import annotations

import re

import msgspec

from dockerlearn.diagnose.advice.docker_line import DockerLine, Option
from dockerlearn.text import one_line
from dockerlearn.world.command_line import Command, Line, Word
from dockerlearn.world.world import World

REFUSED = 125
"""How ``docker run`` ends when it was docker that failed, and no program was tried."""

_OF_RUN = re.compile(
    r"^(?:docker: |\"docker (?:container )?run\" requires|the input device is not a TTY|WARNING: )", re.MULTILINE
)
_OF_EXEC = re.compile(
    r"\s*(?:docker: |\"docker (?:container )?exec\" requires|the input device is not a TTY|Error response from daemon|"
    r"Error: No such|OCI runtime exec failed|error during connect|Cannot connect to|(?:Got )?permission denied while|"
    r"unknown (?:shorthand )?flag|invalid argument|flag needs an argument|cannot attach)"
)


class Advice(msgspec.Struct, frozen=True):
    """What a command line was probably meant to be. ``name`` is for tests and records.

    ``say`` is one or two sentences, ``command`` the corrected command, made from what was typed, where there is one.
    """

    name: str
    say: str
    command: str | None = None


class Slip(msgspec.Struct, frozen=True):
    """A command that was typed, how it ended, the beginning and end of what it printed, and the engine if there is one.

    ``docker`` is the command of the line that is looked at, when it is one of the docker client.
    """

    line: Line
    command: Command
    docker: DockerLine | None
    exit_code: int
    printed: str
    world: World | None

    @property
    def failed(self) -> bool:
        """Whether the line ended with an error."""
        return self.exit_code != 0

    @property
    def action(self) -> str:
        """What docker was to do; empty when this is no command of docker's."""
        return self.docker.action if self.docker else ""

    @property
    def arguments(self) -> tuple[Word, ...]:
        """Docker's arguments."""
        return self.docker.arguments if self.docker else ()

    @property
    def typed(self) -> str:
        """The command as it was typed."""
        return self.line.of(self.command)

    @property
    def refused(self) -> str:
        """What the docker client itself printed, as far as that can be told from what a program in a container did.

        ``docker run`` and ``exec`` end with the program's own status and show its output; of a run the client's words
        begin their line, since it may have pulled before; of an exec they come first.
        """
        if self.action == "run" and self.exit_code != REFUSED:
            own = _OF_RUN.search(self.printed)
            return self.printed[own.start() :] if own else ""
        if self.action == "exec":
            return self.printed if _OF_EXEC.match(self.printed) else ""
        return self.printed

    def says(self, pattern: str) -> re.Match[str] | None:
        """Look for a pattern in what the docker client printed."""
        return re.search(pattern, self.refused, re.IGNORECASE)

    def shows(self, pattern: str) -> re.Match[str] | None:
        """Look for a pattern in all that was printed, a program's in a container too."""
        return re.search(pattern, self.printed, re.IGNORECASE)

    def option(self, *names: str) -> Option | None:
        """The last option with one of these names."""
        return self.docker.option(*names) if self.docker else None

    def changed(self, *edits: tuple[Word, str]) -> str:
        """The command with words replaced; a word replaced by nothing is taken out."""
        return self.line.changed(self.command, *((word.start, word.end, new) for word, new in edits))

    def again(self, corrected: str) -> str:
        """The corrected command, with the removal of what the failed one has left behind under its name before it."""
        named = self.option("--name")
        if self.world is None or named is None or not named.value or self.action not in {"run", "create"}:
            return corrected
        left = self.world.container(named.value)
        return f"docker rm {named.value} && {corrected}" if left is not None and left.never_started else corrected


def shown(text: str) -> str:
    """A foreign word within a sentence."""
    return one_line(text, 60)
