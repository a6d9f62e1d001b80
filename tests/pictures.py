"""Pictures of a terminal's screen, still or moving, as SVG files that load nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

_COLOURS = (
    "24292f cf222e 116329 4d2d00 0969da 8250df 1b7c83 6e7781 57606a a40e26 1a7f37 633c01 218bff a475f9 3192aa 8c959f"
)
_ANSI = [(red, green, blue) for red, green, blue in map(bytes.fromhex, _COLOURS.split())]
THEME = TerminalTheme((246, 248, 250), (31, 35, 40), _ANSI[:8], _ANSI[8:])
_CONSOLE = Console(force_terminal=True, color_system="truecolor")
FONT = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
EDGE = 14

_CHARACTER, _LINE = 12.0, 24.0
"""How wide and how high a character is, of a font of 20 pixels."""


class Shot(NamedTuple):
    """What a screen showed, with its colours as escape sequences, and when (in seconds)."""

    screen: str
    at: float = 0.0


def still(screen: str, columns: int) -> str:
    """Return one screen as a picture."""
    lines = screen.rstrip("\n").split("\n")
    return _svg(_group("still", screen, columns, len(lines)), columns, len(lines))


def moving(shots: Sequence[Shot], columns: int, rows: int, *, longest: float = 2.5, last: float = 6.0) -> str:
    """Return screens one after the other, as fast as they came, but none for more than ``longest`` seconds.

    The last one stays for ``last`` seconds; then it begins anew. Whoever wants nothing to move is shown the last one.
    """
    different = [next(same) for _, same in groupby(shots, key=lambda shot: shot.screen)]
    until = [after.at for after in different[1:]]
    stays = [min(end - shot.at, longest) for shot, end in zip(different, until, strict=False)] + [last]
    whole = sum(stays)
    groups, rules, begin = [], [], 0.0
    for number, (shot, seconds) in enumerate(zip(different, stays, strict=True)):
        name = f"s{number}"
        groups.append(_group(name, shot.screen, columns, rows))
        first, end = 100 * begin / whole, 100 * (begin + seconds) / whole
        begin += seconds
        rules.append(
            f"@keyframes k{number} {{ 0% {{ visibility: hidden }} {first:.3f}% {{ visibility: visible }} "
            f"{end:.3f}% {{ visibility: hidden }} }}\n"
            f".{name} {{ visibility: hidden; animation: k{number} {whole:.2f}s step-end infinite }}"
        )
    rules.append(
        "@media (prefers-reduced-motion) { g { animation: none !important } "
        f".s{len(different) - 1} {{ visibility: visible }} }}"
    )
    return _svg("<style>" + "\n".join(rules) + "</style>\n" + "\n".join(groups), columns, rows)


def _group(name: str, screen: str, columns: int, rows: int) -> str:
    drawn = []
    for row, line in enumerate(screen.rstrip("\n").split("\n")[:rows]):
        text, column = Text.from_ansi(line), 0
        text.truncate(columns)
        for part in text.render(_CONSOLE):
            if part.text.strip():
                before = cell_len(part.text) - cell_len(part.text.lstrip())
                drawn.append(_words(part.text.strip(), part.style or Style(), column + before, row))
            column += cell_len(part.text)
    return f'<g class="{name}">\n' + "\n".join(drawn) + "\n</g>"


def _words(text: str, style: Style, column: int, row: int) -> str:
    looks = []
    if style.color is not None and not style.color.is_default:
        looks.append(f'fill="{style.color.get_truecolor(THEME).hex}"')
    elif style.dim:
        looks.append('fill="#6e7781"')
    if style.bold:
        looks.append('font-weight="bold"')
    place = f'x="{EDGE + column * _CHARACTER:g}" y="{EDGE + (row + 0.75) * _LINE:g}"'
    return f'<text {" ".join([place, *looks])} textLength="{cell_len(text) * _CHARACTER:g}">{escape(text)}</text>'


def _svg(inside: str, columns: int, rows: int) -> str:
    width, height = columns * _CHARACTER + 2 * EDGE, rows * _LINE + 2 * EDGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width * 0.7:.0f}">\n'
        f"<style>text {{ font-size: 20px; font-family: {FONT}; white-space: pre }} "
        "text:not([fill]) { fill: #1f2328 }</style>\n"
        f'<rect width="100%" height="100%" rx="10" fill="#f6f8fa"/>\n{inside}\n</svg>\n'
    )
