"""The little of markdown that lessons use, as lines for a terminal.

Paragraphs, lists, ``code``, **bold**, headings, and code blocks, which stay as they are so that they can be copied.
``rich.markdown`` knows all of markdown and costs more than a whole ``dockerlearn task`` does (see benchmarks).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dockerlearn.text import cells, safe
from dockerlearn.ui.style import Style

_ITEM = re.compile(r"^(\s*)([-*+]|\d{1,3}[.)])\s+(.*)$")
_FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_INLINE = re.compile(r"``(.+?)``|`([^`]+)`|\*\*(\S(?:.*?\S)?)\*\*")

_Piece = tuple[str, str]  # a kind of paint, "" for none, and text


def render(text: str, width: int, style: Style) -> list[str]:
    r"""Return markdown as lines of at most ``width`` cells; code blocks are not broken.

    >>> render("Some `code`.\n\n- one\n- two", 40, Style())
    ['Some `code`.', '', '• one', '• two']
    """
    lines: list[str] = []
    for block in _blocks(safe(text).expandtabs(4).split("\n")):
        drawn = block.lines(width, style)
        if lines and not block.tight:
            lines.append("")
        lines.extend(drawn)
    return lines


def wrap(text: str, width: int, style: Style, *, first: str = "", rest: str | None = None) -> list[str]:
    """Return a paragraph with inline markdown as lines; ``first`` begins the first of them, ``rest`` the others.

    >>> wrap("one two three", 9, Style(), first="- ", rest="  ")
    ['- one two', '  three']
    """
    return _fill(_inline(safe(text)), width, style, first, first if rest is None else rest)


def fill(text: str, width: int, *, first: str = "", rest: str | None = None) -> list[str]:
    """Return plain text, in which no sign means anything, as lines."""
    return _fill([("", safe(text))], width, Style(), first, first if rest is None else rest)


class _Block:
    """A paragraph, heading, list item or code block; ``tight``: no empty line before it."""

    def __init__(self, kind: str, text: list[str], first: str = "", *, tight: bool = False) -> None:
        self.kind = kind
        self.text = text
        self.first = first
        self.tight = tight

    def lines(self, width: int, style: Style) -> list[str]:
        """Return it drawn."""
        if self.kind == "code":
            return [style.paint("code", f"{self.first}{line}") if line else "" for line in self.text]
        joined = " ".join(line.strip() for line in self.text)
        if self.kind == "heading":
            return [style.paint("bold", line) for line in fill(joined, width)]
        return wrap(joined, width, style, first=self.first, rest=" " * cells(self.first))


def _blocks(source: list[str]) -> Iterator[_Block]:
    open_block: _Block | None = None
    index = 0
    while index < len(source):
        line = source[index]
        fence = _FENCE.match(line)
        item = _ITEM.match(line)
        heading = _HEADING.match(line)
        inside_item = open_block is not None and open_block.kind == "item"
        if fence or (line.startswith("    ") and open_block is None):
            if open_block:
                yield open_block
                open_block = None
            index, code = _fenced(source, index, fence.group(1)) if fence else _indented(source, index)
            yield _Block("code", code, "    ")
            continue
        if not line.strip():
            if open_block:
                yield open_block
                open_block = None
        elif heading:
            if open_block:
                yield open_block
                open_block = None
            yield _Block("heading", [heading.group(1)])
        elif item and (open_block is None or inside_item or item.group(2) in "-*+" or item.group(2) in {"1.", "1)"}):
            if open_block:
                yield open_block
            bullet = "•" if item.group(2) in "-*+" else item.group(2)
            open_block = _Block("item", [item.group(3)], f"{item.group(1)}{bullet} ", tight=inside_item)
        elif open_block is None:
            open_block = _Block("paragraph", [line])
        else:
            open_block.text.append(line)
        index += 1
    if open_block:
        yield open_block


def _fenced(source: list[str], start: int, mark: str) -> tuple[int, list[str]]:
    end = start + 1
    while end < len(source) and not source[end].strip().startswith(mark):
        end += 1
    return end + 1, _without_margin(source[start + 1 : end])


def _indented(source: list[str], start: int) -> tuple[int, list[str]]:
    end = start
    while end < len(source) and (source[end].startswith("    ") or not source[end].strip()):
        end += 1
    code = source[start:end]
    while code and not code[-1].strip():
        code.pop()
    return end, _without_margin(code)


def _without_margin(code: list[str]) -> list[str]:
    margin = min((len(line) - len(line.lstrip(" ")) for line in code if line.strip()), default=0)
    return [line[margin:].rstrip() for line in code]


def _inline(text: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    at = 0
    for found in _INLINE.finditer(text):
        pieces.append(("", text[at : found.start()]))
        code = found.group(1) or found.group(2)
        pieces.append(("code", code) if code else ("bold", found.group(3)))
        at = found.end()
    return [piece for piece in [*pieces, ("", text[at:])] if piece[1]]


def _words(pieces: Iterable[_Piece], style: Style) -> Iterator[list[_Piece]]:
    """Cut at spaces; a word can be of several pieces, as in "`a`,"."""
    word: list[_Piece] = []
    for kind, text in pieces:
        # Without colour the back quotes stay: what is a command must be seen without it.
        shown = f"`{text}`" if kind == "code" and not style.colour else text
        for index, part in enumerate(re.split(r"[ \t\n]+", shown)):
            if index and word:
                yield word
                word = []
            if part:
                word.append((kind, part))
    if word:
        yield word


def _fill(pieces: list[_Piece], width: int, style: Style, first: str, rest: str) -> list[str]:
    lines: list[str] = []
    line: list[_Piece] = []
    begin, used, empty = first, cells(first), True
    for word in _words(pieces, style):
        size = sum(cells(text) for _, text in word)
        if not empty and used + 1 + size > width:
            lines.append(begin + _painted(line, style))
            begin, line, used, empty = rest, [], cells(rest), True
        if not empty:
            # A space inside one stretch of code or bold belongs to it.
            line.append((line[-1][0] if line[-1][0] == word[0][0] else "", " "))
            used += 1
        line.extend(word)
        used += size
        empty = False
    return [*lines, (begin + _painted(line, style)).rstrip()]


def _painted(line: list[_Piece], style: Style) -> str:
    out: list[str] = []
    index = 0
    while index < len(line):
        kind = line[index][0]
        end = index
        while end < len(line) and line[end][0] == kind:
            end += 1
        out.append(style.paint(kind, "".join(text for _, text in line[index:end])))
        index = end
    return "".join(out)
