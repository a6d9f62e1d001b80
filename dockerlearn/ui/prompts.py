"""Asks for a line."""

from __future__ import annotations

from typing import TextIO

_YES = frozenset({"y", "yes"})


def read_line(stdin: TextIO | None, stream: TextIO | None, prompt: str) -> str | None:
    """Show ``prompt`` and return the line that is typed, or None at the end of the input."""
    if stdin is None:
        return None
    if stream is not None:
        stream.write(prompt)
        stream.flush()
    try:
        line = stdin.readline()
    except UnicodeDecodeError:
        return ""
    return line.rstrip("\r\n") if line else None


def is_yes(answer: str | None) -> bool:
    """Whether an answer means yes; everything else, the end of the input too, means no.

    >>> is_yes(" Y "), is_yes(""), is_yes(None)
    (True, False, False)
    """
    return answer is not None and answer.strip().casefold() in _YES
