"""Files that were read before and found to be in order, in a form that is quick to read again.

An entry is valid for one file at one moment (path, size, times) and one version of the program. A cache that is
damaged, of another user or on a full disk costs time and nothing else.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from dockerlearn import __version__

_SCHEME = f"2 {__version__}"
# A file written within the clock's grain of its own change could change again and look the same.
_GRAIN_NS = 1_000_000_000


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """A file at one moment; ``also`` stands for what else the entry was made from."""

    path: str
    size: int
    modified_ns: int
    changed_ns: int
    also: str = ""


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    scheme: str
    stamp: Stamp
    value: msgspec.Raw


T = TypeVar("T")


def stamp(path: Path, also: str = "") -> Stamp | None:
    """Return what tells this state of a file from another; None when there is no file."""
    try:
        info = path.stat()
    except (OSError, ValueError):
        return None
    return Stamp(str(path), info.st_size, info.st_mtime_ns, info.st_ctime_ns, also)


class Cache:
    """A folder of entries; ``folder`` None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, key: str, of: Stamp, kind: Callable[[bytes], T]) -> T | None:
        """Return the entry ``key`` if it is of exactly this state; ``kind`` decodes it."""
        path = self._path(key, of)
        if path is None:
            return None
        try:
            entry = msgspec.json.decode(path.read_bytes(), type=_Entry)
            return kind(bytes(entry.value)) if entry.scheme == _SCHEME and entry.stamp == of else None
        except (OSError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
            return None

    def put(self, key: str, of: Stamp, value: Any) -> None:
        """Keep an entry, whole or not at all; a file that changed a moment ago is not kept yet."""
        path = self._path(key, of)
        if path is None or self._folder is None or time.time_ns() - of.modified_ns < _GRAIN_NS:
            return
        data = msgspec.json.encode(_Entry(_SCHEME, of, msgspec.Raw(msgspec.json.encode(value))))
        import tempfile

        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(name).replace(path)
            except OSError:
                Path(name).unlink(missing_ok=True)

    def _path(self, key: str, of: Stamp) -> Path | None:
        if self._folder is None:
            return None
        # The stamp inside decides; the name only keeps packs of the same lesson names apart.
        return self._folder / f"{key}-{zlib.crc32(of.path.encode('utf-8', 'surrogateescape')):08x}.json"
