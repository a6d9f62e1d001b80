"""What an ELF program says it needs: its dynamic loader and its shared libraries. Source: elf(5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

_LOAD, _DYNAMIC, _INTERP = 1, 2, 3  # types of program headers
_NEEDED, _STRTAB = 1, 5  # tags of dynamic entries


class Elf:
    """A program or library, by its content; what is cut short is read as far as it goes. Raises ``ValueError``."""

    def __init__(self, content: bytes) -> None:
        if content[:4] != b"\x7fELF" or len(content) < 64:
            raise ValueError("not an ELF file")
        self._content = content
        self._wide = content[4] == 2
        self._order: Literal["little", "big"] = "little" if content[5] == 1 else "big"

    @property
    def loader(self) -> str | None:
        """The dynamic loader's path; None for a program that needs none, and for a library."""
        found = next((segment for segment in self._segments() if segment["type"] == _INTERP), None)
        return None if found is None else self._text(found["offset"])

    @property
    def libraries(self) -> tuple[str, ...]:
        """The names of the shared libraries that it is linked with, as ``libc.so.6``."""
        found = next((segment for segment in self._segments() if segment["type"] == _DYNAMIC), None)
        if found is None:
            return ()
        width = 8 if self._wide else 4
        places = range(found["offset"], found["offset"] + found["size"], 2 * width)
        entries = [(self._number(place, width), self._number(place + width, width)) for place in places]
        strings = next((self._offset(value) for tag, value in entries if tag == _STRTAB), None)
        return () if strings is None else tuple(self._text(strings + value) for tag, value in entries if tag == _NEEDED)

    def _segments(self) -> Iterator[Mapping[str, int]]:
        width = 8 if self._wide else 4
        start = self._number(32, 8) if self._wide else self._number(28, 4)
        size, count = (54, 56) if self._wide else (42, 44)
        # Where type, offset in the file, address, and size in the file stand in a program header.
        places = {"offset": 8, "address": 16, "size": 32} if self._wide else {"offset": 4, "address": 8, "size": 16}
        for index in range(self._number(count, 2)):
            at = start + index * self._number(size, 2)
            yield {"type": self._number(at, 4), **{key: self._number(at + add, width) for key, add in places.items()}}

    def _offset(self, address: int) -> int | None:
        """Where in the file an address of the running program is."""
        for segment in self._segments():
            if segment["type"] == _LOAD and 0 <= address - segment["address"] < segment["size"]:
                return segment["offset"] + address - segment["address"]
        return None

    def _number(self, at: int, width: int) -> int:
        return int.from_bytes(self._content[at : at + width], self._order)

    def _text(self, at: int) -> str:
        return self._content[at : self._content.find(b"\0", at)].decode("ascii", "replace")
