"""What is wrong in a lesson or pack file, and exactly where."""

from __future__ import annotations

import re

import msgspec

from dockerlearn.text import nearest, one_line

LIMIT = 200
"""Problems of one file that are collected; a file with more is another kind of file."""

_PLAIN_KEY = re.compile(r"^[A-Za-z_][\w-]*$")


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. ``line`` and ``column`` count from 1; ``path`` is empty for the file as a whole.

    ``rule`` names the rule of quality that it breaks; None is what does not fit the format.

    >>> str(Problem(file="a/lesson.yaml", line=12, column=7, path="steps[2].check[0].runing", message="unknown key",
    ...             suggestion="did you mean running?"))
    'a/lesson.yaml:12:7: steps[2].check[0].runing: unknown key; did you mean running?'
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    suggestion: str | None = None
    rule: str | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: " + (f"{self.path}: " if self.path else "")
        return where + self.message + (f"; {self.suggestion}" if self.suggestion else "")


class Report:
    """Collects the problems of one file, up to ``LIMIT``."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[Problem] = []

    def __len__(self) -> int:
        return len(self._found)

    @property
    def full(self) -> bool:
        """Whether looking further makes no sense."""
        return len(self._found) >= LIMIT

    def add(
        self, at: tuple[int, int], path: str, message: str, suggestion: str | None = None, *, rule: str | None = None
    ) -> None:
        """Note a problem at ``(line, column)``; what is quoted in it is made safe and short."""
        if not self.full:
            self._found.append(
                Problem(
                    file=self.file,
                    line=at[0],
                    column=at[1],
                    path=one_line(path),
                    message=one_line(message, 400),
                    suggestion=one_line(suggestion) if suggestion else None,
                    rule=rule,
                )
            )

    def problems(self) -> tuple[Problem, ...]:
        """Everything found, in the order of the file."""
        return tuple(sorted(set(self._found), key=lambda problem: (problem.line, problem.column, problem.path)))


def key_path(path: str, key: str) -> str:
    """Return the path of a key beneath ``path``.

    >>> key_path("steps[0]", "check"), key_path("", "title"), key_path("published", "80/tcp")
    ('steps[0].check', 'title', 'published["80/tcp"]')
    """
    if not _PLAIN_KEY.match(key):
        return f'{path}["{one_line(key, 40)}"]'
    return f"{path}.{key}" if path else key


def did_you_mean(word: str, known: list[str] | tuple[str, ...]) -> str | None:
    """Return ``did you mean …?`` when a known word is near.

    >>> did_you_mean("runing", ["running", "status"])
    'did you mean running?'
    """
    # Nobody misspells a word of a hundred letters, and comparing long words is slow.
    found = nearest(word, known) if len(word) <= 64 else None
    return f"did you mean {found}?" if found and found != word else None
