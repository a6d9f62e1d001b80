"""Variables as Compose knows them: ``.env`` files, and ``${NAME:-default}`` in a Compose file."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*[=:]\s*(.*)$")
_DEEPEST, LONGEST = 20, 16 * 1024
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$$"}


class CannotExpand(ValueError):
    """A text that Compose refuses: a bad ``${…}``, or a variable that must be set and is not."""


def expand(text: str, values: Mapping[str, str]) -> str:
    """Put the values in; what is not set is empty. Raises ``CannotExpand``.

    >>> expand("${A:-x} $B $$C ${D:+set}", {"B": "1", "D": "2"})
    'x 1 $C set'
    """
    found, end = _expand(text, 0, values, 0)
    if end != len(text):
        raise CannotExpand(f"{text[:80]} has a bad ${{…}}")
    return found


def dotenv(text: str) -> dict[str, str]:
    r"""Read a ``.env`` file; lines that are none of its kind are left out.

    >>> dotenv("A=1 # note\nexport B='$A'\nC=${A}2\n")
    {'A': '1', 'B': '$A', 'C': '12'}
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None or line.lstrip().startswith("#"):
            continue
        name, raw = match.groups()
        if raw[:1] == "'" and "'" in raw[1:]:
            found[name] = raw[1 : raw.index("'", 1)]
            continue
        if quoted := re.match(r'"((?:[^"\\]|\\.)*)"', raw):
            value = re.sub(r"\\(.)", lambda one: _ESCAPES.get(one[1], one[0]), quoted[1])
        else:
            value = re.split(r"\s+#", f" {raw}", maxsplit=1)[0].strip()
        try:
            found[name] = expand(value, found)
        except CannotExpand:
            found[name] = value
    return found


def _expand(text: str, at: int, values: Mapping[str, str], depth: int) -> tuple[str, int]:
    """Expand from ``at`` to the end, or within braces to the one that closes them; return where that is."""
    if depth > _DEEPEST:
        raise CannotExpand("${…} are nested too deeply")
    parts: list[str] = []
    length = 0
    while at < len(text):
        length += len(parts[-1]) if parts else 0
        if length > LONGEST:
            raise CannotExpand("a value is too long with its variables put in")
        sign = text[at]
        if depth and sign == "}":
            break
        if sign != "$":
            until = next(
                (i for i in range(at + 1, len(text)) if text[i] == "$" or (depth and text[i] == "}")), len(text)
            )
            parts.append(text[at:until])
            at = until
        elif text.startswith("$$", at):
            parts.append("$")
            at += 2
        elif text.startswith("${", at):
            value, at = _braced(text, at + 2, values, depth)
            parts.append(value)
        elif name := _NAME.match(text, at + 1):
            parts.append(values.get(name[0], ""))
            at = name.end()
        else:
            parts.append("$")
            at += 1
    return "".join(parts), at


def _braced(text: str, at: int, values: Mapping[str, str], depth: int) -> tuple[str, int]:
    name = _NAME.match(text, at)
    if name is None:
        raise CannotExpand(f"{text[:80]} has a ${{…}} without a name")
    value, at = values.get(name[0]), name.end()
    colon = text.startswith(":", at)
    sign = text[at + colon : at + colon + 1]
    other = None
    if sign in {"-", "+", "?"}:
        other, at = _expand(text, at + colon + 1, values, depth + 1)
    if not text.startswith("}", at):
        raise CannotExpand(f"{text[:80]} has a bad ${{…}}")
    there = bool(value) if colon else value is not None
    if sign == "?" and not there:
        raise CannotExpand(f"{name[0]} is not set: {other}" if other else f"{name[0]} is not set")
    if sign == "+":
        return (other or "") if there else "", at + 1
    return (value or "") if there or other is None else other, at + 1
