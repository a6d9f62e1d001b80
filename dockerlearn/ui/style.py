"""Colours and symbols, and what stands for them where a terminal cannot show them."""

from __future__ import annotations

from typing import NamedTuple

_ASCII = {
    "✓": "ok", "✗": "no", "→": "->", "▸": ">", "›": ">", "●": "*", "○": "o", "◌": "-", "…": "...", "–": "-", "—": "-",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{LEFT SINGLE QUOTATION MARK}": "'", "“": '"', "”": '"', "•": "-",
    "←": "<-", "├": "|", "└": "`", "─": "-", "│": "|", "\N{MULTIPLICATION SIGN}": "x",
}  # fmt: skip

_CODES = {"bold": "1", "dim": "2", "good": "32", "bad": "31", "code": "1;36"}


class Style(NamedTuple):
    """What the stream can show. With ``colour`` off nothing but text is written; ``width`` in columns."""

    colour: bool = False
    unicode: bool = True
    width: int = 80

    def paint(self, kind: str, text: str) -> str:
        r"""Return ``text`` as bold, dim, good, bad or code.

        >>> Style(colour=True).paint("bold", "a"), Style().paint("bold", "a")
        ('\x1b[1ma\x1b[0m', 'a')
        """
        code = _CODES.get(kind)
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code and text else text

    def symbols(self, text: str) -> str:
        """Return ``text`` with the symbols that the stream's encoding can carry.

        >>> Style(unicode=False).symbols("✓ done → next")
        'ok done -> next'
        """
        return text if self.unicode else text.translate(_TABLE)


_TABLE = str.maketrans(_ASCII)
