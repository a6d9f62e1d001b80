"""Unpacks archives that nobody here has made: files and folders of bounded number and size, beneath one folder.

Nothing is left to ``extract``: each member is looked at and written by us, so that there is no link to follow, no mode,
owner or device to set, and an end when the bounds are reached, whatever an archive says of its own size.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol, Self

from dockerlearn.errors import PackRefused
from dockerlearn.text import one_line, safe

MAX_ARCHIVE = 64 * 1024 * 1024
"""Bytes of an archive as it lies there."""

MAX_BYTES = 64 * 1024 * 1024
"""Bytes of all its files."""

MAX_ENTRIES = 10_000
"""Files and folders."""

MAX_DEPTH = 16
"""Folders within each other."""

_HEADER = 64 * 1024
# A tar has a header and a filling per file, and two blocks at its end.
_TAR_BYTES = MAX_BYTES + MAX_ENTRIES * 2_048
_CHUNK = 64 * 1024
_DIRECTORY = 4 * 1024 * 1024


def unpack(file: Path, into: Path) -> None:
    """Unpack a ``.tar.gz`` or ``.zip``, told by its content, into a new folder.

    Raises ``PackRefused`` with the reason; what was written by then is to be thrown away.
    """
    with _named(file.name), file.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size > MAX_ARCHIVE:
            raise PackRefused(f"The archive is larger than {_mib(MAX_ARCHIVE)}.")
        start = stream.read(4)
        stream.seek(0)
        if start.startswith(b"\x1f\x8b"):
            import gzip

            with gzip.GzipFile(fileobj=stream) as plain:
                _untar(plain, into)
        elif start in {b"PK\x03\x04", b"PK\x05\x06"}:
            _unzip(stream, into)
        else:
            raise PackRefused(f"{one_line(file.name)} is neither a .tar.gz nor a .zip archive.")


def untar(stream: IO[bytes], into: Path, name: str) -> None:
    """Unpack a tar as it comes in. Raises ``PackRefused``."""
    with _named(name):
        _untar(stream, into)


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class _Counted:
    """Lets no more than ``_TAR_BYTES`` through: what is packed small may be large beyond all bounds."""

    def __init__(self, stream: _Readable) -> None:
        self._stream = stream
        self._left = _TAR_BYTES

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(min(size, _CHUNK) if size >= 0 else _CHUNK)
        self._left -= len(data)
        if self._left < 0:
            raise _too_large()
        return data


class _Member(tarfile.TarInfo):
    """A header; those that speak about other headers are read whole by ``tarfile``, and must be small."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        if member.size < 0 or (not member.isfile() and not member.isdir() and member.size > _HEADER):
            raise PackRefused("The archive has a header that no archive needs.")
        return member


def _untar(stream: _Readable, into: Path) -> None:
    place = _Place(into)
    counted: IO[bytes] = _Counted(stream)  # type: ignore[assignment]  # a stream is only read from
    with tarfile.open(fileobj=counted, mode="r|", tarinfo=_Member) as archive:
        for member in archive:
            if member.size < 0:
                raise PackRefused(f"{_quoted(member.name)} in the archive has a size that cannot be.")
            if member.isdir():
                place.folder(member.name)
                continue
            if not member.isfile() or member.issparse():
                raise _not_a_file(member.name, link=member.islnk() or member.issym())
            content = archive.extractfile(member)
            if content is None:
                raise _not_a_file(member.name, link=False)
            place.file(member.name, content, member.size, executable=bool(member.mode & stat.S_IXUSR))
            # It keeps what it has read for a look back that is not needed here.
            archive.members = []  # type: ignore[attr-defined]  # the documented way to forget them


def _unzip(stream: IO[bytes], into: Path) -> None:
    _look_at_directory(stream)
    place = _Place(into)
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            mode = member.external_attr >> 16
            if member.flag_bits & 1:
                raise PackRefused(f"{_quoted(member.filename)} in the archive is encrypted.")
            if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise PackRefused(f"{_quoted(member.filename)} is packed in a way that is not read here.")
            if member.is_dir():
                place.folder(member.filename)
                continue
            if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
                raise _not_a_file(member.filename, link=stat.S_ISLNK(mode))
            with archive.open(member) as content:
                place.file(member.filename, content, member.file_size, executable=bool(mode & stat.S_IXUSR))


def _look_at_directory(stream: IO[bytes]) -> None:
    """Refuse a zip whose directory is large: ``zipfile`` reads all of it before anything can be looked at."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - 65_535 - 22))
    end = stream.read()
    stream.seek(0)
    plain = end[-22:-18] == b"PK\x05\x06" and end[-2:] == b"\0\0"
    at = len(end) - 22 if plain else end.rfind(b"PK\x05\x06")
    if at < 0 or len(end) - at < 22:
        raise PackRefused("The archive is damaged: it has no end.")
    entries, length = struct.unpack("<HL", end[at + 10 : at + 16])
    if entries > MAX_ENTRIES or length > _DIRECTORY or b"PK\x06\x07" in end[max(0, at - 20) : at]:
        raise PackRefused(f"The archive has more than {MAX_ENTRIES:,} files.")


class _Place:
    """Writes what an archive has beneath a folder, and counts."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._entries = 0
        self._left = MAX_BYTES
        root.mkdir()

    def folder(self, name: str) -> None:
        """Make a folder."""
        parts = self._parts(name)
        if parts:
            self._make(self._root.joinpath(*parts), name)

    def file(self, name: str, content: IO[bytes], size: int, *, executable: bool) -> None:
        """Write a file; ``size`` is what the archive says."""
        parts = self._parts(name)
        if not parts:
            raise PackRefused("The archive has a file without a name.")
        if size > self._left:
            raise _too_large()
        target = self._root.joinpath(*parts)
        self._make(target.parent, name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        try:
            descriptor = os.open(target, flags, 0o755 if executable else 0o644)
        except FileExistsError:
            raise PackRefused(f"{_quoted(name)} is twice in the archive.") from None
        with os.fdopen(descriptor, "wb") as file:
            while chunk := content.read(_CHUNK):
                self._left -= len(chunk)
                if self._left < 0:
                    raise _too_large()
                file.write(chunk)

    def _make(self, folder: Path, name: str) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise PackRefused(f"{_quoted(name)} is in the archive as a file and as a folder.") from None

    def _parts(self, name: str) -> list[str]:
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise PackRefused(f"The archive has more than {MAX_ENTRIES:,} files.")
        parts = [part for part in name.split("/") if part not in {"", "."}]
        odd = any(char in name for char in ("\\", "\0", ":", "\n", "\t")) or safe(name) != name
        if name.startswith("/") or ".." in parts or odd:
            raise PackRefused(f"{_quoted(name)} in the archive is not a path beneath its top.")
        if len(parts) > MAX_DEPTH or any(len(part.encode("utf-8", "replace")) > 255 for part in parts):
            raise PackRefused(f"{_quoted(name)} in the archive is too deep or too long.")
        return parts


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Raise our own error in place of what reading a damaged archive may raise."""
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError) as error:
        raise PackRefused(f"{one_line(name)} is damaged: {one_line(str(error), 100) or 'it ends too early'}.") from None
    except (ValueError, OverflowError, RuntimeError, IndexError, KeyError) as error:
        # The libraries trust some of what an archive says of itself.
        raise PackRefused(f"{one_line(name)} is damaged ({type(error).__name__}).") from None
    except OSError as error:
        if error.errno not in {None, errno.EINVAL}:  # the disk's; a place that no file has is the archive's
            raise
        raise PackRefused(f"{one_line(name)} is damaged: {one_line(str(error), 100)}.") from None


def _not_a_file(name: str, *, link: bool) -> PackRefused:
    what = "a link" if link else "neither a file nor a folder"
    return PackRefused(f"{_quoted(name)} in the archive is {what}; a pack has only files and folders.")


def _too_large() -> PackRefused:
    return PackRefused(f"What is in the archive is larger than {_mib(MAX_BYTES)}.")


def _mib(size: int) -> str:
    return f"{size // (1024 * 1024)} MiB"


def _quoted(name: str) -> str:
    return f"'{one_line(name, 80)}'"
