"""What stands in the author's guide and in the README between ``` marks, for the tests that run it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "authoring.md"
README = ROOT / "README.md"

_BLOCK = re.compile(r"(?:<!-- ([^\n]*?) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code: what the comment above it says, its language, its text, and the line that it begins in."""

    mark: str
    language: str
    text: str
    line: int


def blocks(path: Path) -> list[Block]:
    """Every block of a file."""
    text = path.read_text()
    return [
        Block(found[1] or "", found[2], found[3], text.count("\n", 0, found.start()) + 1)
        for found in _BLOCK.finditer(text)
    ]


def marked(path: Path, mark: str) -> list[str]:
    """The texts of the blocks with this mark."""
    return [block.text for block in blocks(path) if block.mark == mark]


def write_pack(folder: Path) -> Path:
    """Write the guide's pack, file by file as it stands there."""
    for block in blocks(GUIDE):
        if block.mark.startswith("file: "):
            path = folder / block.mark.removeprefix("file: ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
    return folder


def with_dockerlearn(folder: Path, path: str) -> str:
    """Return a PATH on which ``dockerlearn`` is this one."""
    folder.mkdir()
    program = folder / "dockerlearn"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dockerlearn "$@"\n')
    program.chmod(0o755)
    return f"{folder}:{path}"
