"""What holds a tutor's terminal, written down for a learner who asks in another one."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from dockerlearn.shell.known import is_there


class Held(msgspec.Struct, frozen=True):
    """A terminal that shows no prompt: ``what`` has it, and ``press`` gets it back."""

    what: str
    press: str


class Holding:
    """One tutor's own note, a file below ``home`` that is there only while something holds its terminal."""

    def __init__(self, home: Path, pid: int) -> None:
        self._file = home / "riding" / f"{pid}.json"

    def put(self, held: Held) -> None:
        """Write it down; a folder that cannot be written to costs the learner this help only."""
        whole = self._file.with_suffix(".new")
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            whole.write_bytes(msgspec.json.encode(held))
            whole.replace(self._file)

    def clear(self) -> None:
        """The prompt is back."""
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)


def held(home: Path) -> tuple[Held, ...]:
    """What holds the terminals of the tutors that are still there."""
    found: list[Held] = []
    for file in sorted((home / "riding").glob("*.json")):
        try:
            if is_there(int(file.stem)):
                found.append(msgspec.json.decode(file.read_bytes(), type=Held))
            else:
                # Its tutor was killed.
                file.unlink(missing_ok=True)
        except (OSError, ValueError, msgspec.DecodeError):
            continue
    return tuple(found)
