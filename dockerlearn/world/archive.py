"""What is in a tar archive, that of ``docker save`` or ``docker export`` too, read without unpacking it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.api import PathInContainer

if TYPE_CHECKING:
    import tarfile

MEMBERS = 20_000
"""Entries that are looked at: an image has a few, an exported file system some hundreds."""

LIMIT = 4_194_304
"""Bytes of a description in it that are read."""


class SavedImage(msgspec.Struct, frozen=True):
    """An image in an archive: the names it was saved with, in full form, and its layers as ``inspect`` has them."""

    names: tuple[str, ...]
    layers: tuple[str, ...]


class Archive(msgspec.Struct, frozen=True):
    """``kind`` is ``image`` for what ``docker load`` takes, ``files`` for any other tar archive, else ``other``."""

    kind: str
    images: tuple[SavedImage, ...] = ()


def read_archive(path: Path) -> Archive:
    """Look into a file, compressed or not. Whatever is wrong with it, it is then no archive."""
    try:
        with _opened(path) as archive:
            descriptions = _small_files(archive)
    except _NoArchive:
        return Archive("other")
    listed = _json(descriptions.get("manifest.json"))
    if not isinstance(listed, list):
        return Archive("files")
    images = tuple(_image(entry, descriptions) for entry in listed if isinstance(entry, dict))
    return Archive("image", images) if images else Archive("files")


def read_members(path: Path, name: str) -> tuple[PathInContainer, ...]:
    """What an archive has under the path ``name``, or a path that ends with it; as ``tar -t`` tells them, in order.

    An archive that is damaged anywhere has nothing: nobody could rely on it.
    """
    found: list[PathInContainer] = []
    wanted = f"/{name.strip('/')}"
    try:
        with _opened(path) as archive:
            for number, member in enumerate(archive):
                if number >= MEMBERS:
                    break
                if f"/{member.name.removeprefix('./')}".endswith(wanted):
                    found.append(_member(archive, member))
    except _NoArchive:
        return ()
    return tuple(found)


class _NoArchive(Exception):
    """A file is no tar archive, or a damaged one."""


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    """Open an archive; whatever is found wrong with it while it is open is ``_NoArchive``."""
    import tarfile  # 7 ms that every command would pay
    import zlib

    try:
        with tarfile.open(path) as archive:
            yield archive
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise _NoArchive from error


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> PathInContainer:
    kind = "file" if member.isfile() else "directory" if member.isdir() else "link" if member.issym() else "other"
    stream = archive.extractfile(member) if kind == "file" and member.size <= LIMIT else None
    return PathInContainer(kind, member.mode, member.size, stream.read() if stream is not None else None)


def _small_files(archive: tarfile.TarFile) -> dict[str, bytes]:
    """The archive's JSON descriptions: by name, whatever stands at their end, since configs have none."""
    found: dict[str, bytes] = {}
    total = 0
    for number, member in enumerate(archive):
        if number >= MEMBERS:
            break
        name = member.name.removeprefix("./")
        if not member.isfile() or member.size > LIMIT - total:
            continue
        stream = archive.extractfile(member)
        if stream is None or (first := stream.read(1)) not in {b"{", b"["}:
            continue
        found[name] = first + stream.read()
        total += member.size
    return found


def _image(entry: dict[str, Any], descriptions: dict[str, bytes]) -> SavedImage:
    config = _json(descriptions.get(str(entry.get("Config") or "").removeprefix("./")))
    root = config.get("rootfs") if isinstance(config, dict) else None
    layers = root.get("diff_ids") if isinstance(root, dict) else None
    names = entry.get("RepoTags")
    return SavedImage(
        tuple(references.normalise(str(name)) for name in names) if isinstance(names, list) else (),
        tuple(str(layer) for layer in layers) if isinstance(layers, list) else (),
    )


def _json(data: bytes | None) -> object:
    try:
        return msgspec.json.decode(data or b"null")
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
