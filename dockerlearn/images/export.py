"""An engine's own export of an image, put into an archive as it comes: nothing of it is kept in memory or on a disk.

Engines say it in different ways. 20.10 gives ``ID/layer.tar`` for each layer, and a link where two are the same; newer
ones ``blobs/sha256/HEX``; with the containerd store layers are as they were pulled, compressed. All of them give a
``manifest.json``, and after the layers.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Iterator
from typing import IO, cast

import msgspec

from dockerlearn.engine import references
from dockerlearn.errors import ArchiveError
from dockerlearn.images.archive import LARGEST_TEXT, PIECE, Image, Packed, Writer
from dockerlearn.text import one_line

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class _Row(msgspec.Struct, rename="pascal"):
    """A row of ``manifest.json``."""

    config: str
    layers: list[str]
    repo_tags: list[str] | None = None


def pack(writer: Writer, reference: str, export: Iterator[bytes]) -> Image:
    """Put an image into an archive, out of what ``EngineApi.export_image`` gives. Raises ``ArchiveError``."""
    reading = _Reading(writer, one_line(references.short(reference)))
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", _Stream(export)), mode="r|", bufsize=1 << 18) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                reading.take(member, content)
    except tarfile.TarError as error:
        raise ArchiveError(f"The engine's export of {reading.name} cannot be read: {one_line(str(error))}.") from None
    return reading.image(reference)


class _Reading:
    """What has come of an export so far."""

    def __init__(self, writer: Writer, name: str) -> None:
        self.name = name
        self._writer = writer
        self._texts: dict[str, bytes] = {}
        self._layers: dict[str, Packed] = {}
        self._links: dict[str, str] = {}

    def take(self, member: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        """Take the next file."""
        path = posixpath.normpath(member.name)
        if member.issym():
            self._links[path] = posixpath.normpath(posixpath.join(posixpath.dirname(path), member.linkname))
        elif content is not None:
            self._content(path, member.size, content)

    def image(self, reference: str) -> Image:
        """Put the image together, at the end."""
        try:
            rows = msgspec.json.decode(self._texts["manifest.json"], type=list[_Row])
            row = next(row for row in rows if len(rows) == 1 or _is(row, reference))
            config = self._texts[_end(row.config, self._links)]
            packed = [self._layers[_end(path, self._links)] for path in row.layers]
        except (KeyError, StopIteration, msgspec.MsgspecError):
            raise ArchiveError(f"The engine's export of {self.name} is not whole, or of an unknown form.") from None
        return self._writer.image(references.normalise(reference), config, packed)

    def _content(self, path: str, size: int, content: IO[bytes]) -> None:
        begins = content.read(512)
        if begins[:1] in (b"{", b"[") and begins[257:262] != b"ustar":
            if size > LARGEST_TEXT:
                raise ArchiveError(f"The engine's export of {self.name} has a text of {size >> 20} MB.")
            self._texts[path] = begins + content.read()
        elif begins[:4] == _ZSTD:
            raise ArchiveError(f"{self.name} has layers that are compressed by zstd, which older engines cannot load.")
        elif begins[:2] == _GZIP:
            self._layers[path] = self._writer.packed_layer(_pieces(begins, content))
        elif size and posixpath.basename(path) != "VERSION":
            self._layers[path] = self._writer.layer(_pieces(begins, content))


def _pieces(begins: bytes, content: IO[bytes]) -> Iterator[bytes]:
    yield begins
    while piece := content.read(PIECE):
        yield piece


def _is(row: _Row, reference: str) -> bool:
    return any(references.same(tag, reference) for tag in row.repo_tags or ())


def _end(path: str, links: dict[str, str]) -> str:
    """Where a path leads through links.

    >>> _end("a/layer.tar", {"a/layer.tar": "b/layer.tar"}), _end("a", {"a": "a"})
    ('b/layer.tar', 'a')
    """
    for _ in range(20):
        if path not in links:
            break
        path = links[path]
    return path


class _Stream:
    """Pieces as a file to read from, for tarfile."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, size: int) -> bytes:
        found = [self._left]
        length = len(self._left)
        while length < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            found.append(piece)
            length += len(piece)
        whole = b"".join(found)
        self._left = whole[size:]
        return whole[:size]
