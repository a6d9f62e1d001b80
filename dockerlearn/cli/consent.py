"""Which remote engines the learner agreed to: a file of lines ``ADDRESS ENGINE-ID``."""

from __future__ import annotations

import os
from pathlib import Path


class Consents:
    """The file ``remote-engines`` in the home of dockerlearn. It only ever grows, a line in one write."""

    def __init__(self, home: Path) -> None:
        self._file = home / "remote-engines"

    def knows_address(self, address: str) -> bool:
        """Whether any engine at this address was agreed to."""
        return any(known == address for known, _ in self._lines())

    def knows(self, address: str, engine_id: str) -> bool:
        """Whether this very engine was agreed to."""
        return (address, _plain(engine_id)) in self._lines()

    def add(self, address: str, engine_id: str) -> None:
        """Write down that the learner agreed; once is enough."""
        if self.knows(address, engine_id):
            return
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._file.open("ab", buffering=0) as file:
            file.write(f"{address} {_plain(engine_id)}\n".encode())
            os.fsync(file.fileno())

    def _lines(self) -> list[tuple[str, str]]:
        try:
            text = self._file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        pairs = (line.split(" ", 1) for line in text.splitlines())
        return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]


def _plain(engine_id: str) -> str:
    return "".join(engine_id.split())
