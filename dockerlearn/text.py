"""The one boundary that foreign text passes before it is shown.

Foreign is everything that this program did not write itself: logs, names, labels, error messages of an engine, lessons.
A terminal obeys control sequences wherever they come from, so they are taken out here.
"""

from __future__ import annotations

import re
from functools import cache


def safe(text: str) -> str:
    r"""Return ``text`` without anything a terminal could obey; tabs and new lines stay.

    >>> safe("a\x1b[31mred\x1b[0m\r\nb\u202e")
    'ared\nb'
    """
    # Nothing that a terminal obeys counts as printable; the patterns are compiled only for who meets one.
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    sequence, unsafe = _patterns()
    return unsafe.sub("", sequence.sub("", text))


def one_line(text: str, limit: int = 200) -> str:
    r"""Return ``text`` as one safe line of at most ``limit`` characters.

    >>> one_line("first\n  second")
    'first second'
    """
    flat = " ".join(safe(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def in_quotes(text: str) -> str:
    """Text in quotes that it does not hold itself, where there are such.

    >>> print(in_quotes("ready"), in_quotes('{"hut": "Ridge"}'))
    "ready" '{"hut": "Ridge"}'
    """
    mark = "'" if '"' in text and "'" not in text else '"'
    return f"{mark}{text}{mark}"


def cells(text: str) -> int:
    r"""Return how many columns ``text`` takes.

    >>> cells("abc"), cells("日本"), cells("e\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


_NAME = 100


def nearest(word: str, known: list[str] | tuple[str, ...]) -> str | None:
    """Return the word of ``known`` that ``word`` was probably meant to be.

    What is longer than a name is none: to compare two long texts takes the square of their length.

    >>> nearest("contaner", ["container", "image"])
    'container'
    """
    import difflib

    names = [name for name in known if len(name) <= _NAME] if len(word) <= _NAME else []
    found = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return found[0] if found else None


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what takes whole sequences out, and what takes out the single characters that are left."""
    # A whole escape sequence: OSC, DCS, APC, PM, SOS up to their end; CSI; two-character escapes.
    sequence = re.compile(
        "\x1b[\\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?|[\x9d\x90\x98\x9e\x9f][^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?"
        "|(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?"
    )
    # C0 except \t and \n, DEL, C1, the bidirectional controls, and line separators that terminals treat as new lines.
    unsafe = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
    return sequence, unsafe
