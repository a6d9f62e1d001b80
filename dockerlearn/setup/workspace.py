"""Writes the learner's folder for a lesson: starter files, stated files, and nothing outside of it.

Paths are looked at component by component just before each use, and no link is followed. Files are written beside
their place and moved there, so that a link or a second name of the file elsewhere is never written through. What the
course itself wrote is noted in the marker file; anything else that stands in the way is the learner's, and is kept
under another name.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from dockerlearn.errors import SetupFailed, WorkspaceError
from dockerlearn.paths import OF_PACK

MARKER = ".dockerlearn"
"""The file by which a lesson's folder is recognised."""

_PACKED = 1_704_067_200
"""The time of files in an archive of ours: 2024-01-01."""

MAX_ENTRIES = 1_000
"""Files and folders of a lesson's ``files/``."""

MAX_DEPTH = 12
"""Folders within each other there."""

MAX_BYTES = 1_048_576
"""Bytes of one file there; what the checks look at of a learner's file."""

DOTFILES = frozenset({".dockerignore", ".env"})
"""The files there that may begin with a dot."""

_GIT = frozenset({"HEAD", "objects", "refs"})
# As in all texts of a lesson, ``@@{`` stands for the two characters themselves.
_VARIABLE = re.compile(r"@@\{|@\{([^{}\n]*)\}")


class Marker(msgspec.Struct):
    """The marker's content; ``placed`` maps a path to the SHA-256 of what the course last wrote there."""

    pack: str
    lesson: str
    placed: dict[str, str] = {}


class Source(msgspec.Struct, frozen=True):
    """A file of the lesson's ``files/``, its variables substituted."""

    content: bytes
    executable: bool


class Placed(msgspec.Struct, frozen=True):
    """What happened to a file; ``kept`` is where the learner's own version of it is now."""

    path: str
    did: Literal["written", "removed"]
    kept: str | None = None


class LessonFolder:
    """A learner's folder for a lesson, made when it is not there."""

    def __init__(self, path: Path, pack: str, lesson: str) -> None:
        self.path = path
        self._marker = self._claim(pack, lesson)

    def write(self, path: str, content: bytes, *, executable: bool = False, keep: bool = False) -> Placed | None:
        """Bring a file into place; None when it is so already, or, with ``keep``, when there is one.

        Raises ``WorkspaceError`` when a link is in the way of it, or the disk refuses.
        """
        target = self._locate(path, make=True)
        try:
            there = _kind(target)
            if there == "file" and (keep or self._is(target, content, executable=executable)):
                return None
            kept = self._keep_aside(target, path) if there is not None and not self._is_ours(target, path) else None
            # Noted before it is written: if only the note survives, the learner's file is kept once too often.
            self._note(path, _sha256(content))
            _write(target, content, 0o755 if executable else 0o644)
        except OSError as error:
            raise _failed(target, error) from None
        return Placed(path, "written", kept)

    def folder(self, path: str) -> Path:
        """Return where a folder beneath this one is, made when it is not there; for use at once.

        Raises ``WorkspaceError`` when a link or a file is in the way.
        """
        target = self._locate(f"{path.rstrip('/')}/.here", make=True)
        return target.parent

    def remove(self, path: str) -> Placed | None:
        """Take a path away; None when there is nothing. The learner's own file is moved aside instead."""
        target = self._locate(path, make=False)
        try:
            there = _kind(target)
            if there is None:
                return None
            kept = None
            if self._is_ours(target, path):
                target.unlink()
            elif there == "directory" and not any(target.iterdir()):
                target.rmdir()
            else:
                kept = self._keep_aside(target, path)
            self._note(path, None)
        except OSError as error:
            raise _failed(target, error) from None
        return Placed(path, "removed", kept)

    def _claim(self, pack: str, lesson: str) -> Marker:
        """Make the folder ours, unless it is somebody else's."""
        marker = self.path / MARKER
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path = self.path.resolve(strict=True)
            marker = self.path / MARKER
            there = _kind(marker)
            if there == "file":
                found = _read_marker(marker)
                if (found.pack, found.lesson) != (pack, lesson):
                    raise WorkspaceError(
                        f"{self.path} is the folder of the lesson {found.pack}:{found.lesson}, not of {pack}:{lesson}.",
                        _REMEDY_WORKSPACE,
                    )
                return found
            # A marker that was being written when we were killed does not count.
            unfinished = f".{MARKER}."
            if there is not None or any(not item.name.startswith(unfinished) for item in self.path.iterdir()):
                raise WorkspaceError(
                    f"{self.path} has files in it that are not this lesson's, so it is left alone.",
                    f"mv {self.path} {self.path}-mine    # or another place: {_REMEDY_WORKSPACE}",
                )
            made = Marker(pack, lesson)
            _write(marker, msgspec.json.encode(made), 0o644)
        except OSError as error:
            raise _failed(self.path, error) from None
        return made

    def _locate(self, path: str, *, make: bool) -> Path:
        """Return where ``path`` is, having looked at each folder on the way."""
        parts = _parts(path)
        if parts[-1] in {".", MARKER}:
            raise WorkspaceError(f"{path} is not a file that a lesson may write.")
        at = self.path
        for part in parts[:-1]:
            at /= part
            try:
                there = _kind(at)
                if there is None and make:
                    at.mkdir()
                    there = "directory"
            except OSError as error:
                raise _failed(at, error) from None
            if there not in {None, "directory"}:
                raise WorkspaceError(
                    f"{at} is a {there}, and a folder is needed there. Links are not followed.", f"mv {at} {at}-mine"
                )
        return at / parts[-1]

    def _is(self, target: Path, content: bytes, *, executable: bool) -> bool:
        info = target.lstat()
        same_mode = bool(info.st_mode & stat.S_IXUSR) == executable
        return same_mode and info.st_size == len(content) and _read(target) == content

    def _is_ours(self, target: Path, path: str) -> bool:
        """Whether a file is as the course last wrote it."""
        noted = self._marker.placed.get(path)
        return noted is not None and _kind(target) == "file" and _sha256(_read(target)) == noted

    def _keep_aside(self, target: Path, path: str) -> str:
        """Rename what is there to a name beside it that is free. A copy that is there already is enough."""
        content = _read(target) if _kind(target) == "file" else None
        number = 1
        while True:
            aside = target.with_name(f"{target.name}.yours-{number}")
            there = _kind(aside)
            if there is None:
                target.rename(aside)
                break
            if content is not None and there == "file" and _read(aside) == content:
                target.unlink()
                break
            number += 1
        return str(PurePosixPath(path).with_name(aside.name))

    def _note(self, path: str, digest: str | None) -> None:
        if digest is None:
            self._marker.placed.pop(path, None)
        else:
            self._marker.placed[path] = digest
        _write(self.path / MARKER, msgspec.json.encode(self._marker), 0o644)


def gather(folder: Path, names: Sequence[str], substitute: Mapping[str, str]) -> dict[str, Source]:
    """Read files, and folders whole, from a lesson's ``files/``: path to content with the ``@{…}`` substituted.

    Raises ``SetupFailed`` for what may not be in ``files/``: links, special files, dotfiles but .dockerignore and .env,
    what looks like a git directory, and too much of anything.
    """
    found: dict[str, Source] = {}
    seen = 0
    for name in names:
        parts = _parts(name.rstrip("/") or ".")
        top = folder
        for part in parts:
            if part != ".":
                top /= part
            _allowed(top, folder)
        todo = [top]
        while todo:
            at = todo.pop()
            seen += 1
            if seen > MAX_ENTRIES or len(at.relative_to(folder).parts) > MAX_DEPTH + 1:
                raise SetupFailed(f"The lesson's {folder} has too many files, or folders too deep.")
            if _allowed(at, folder) == "directory":
                entries = sorted(at.iterdir())
                if looks_like_git({entry.name for entry in entries}):
                    raise SetupFailed(f"The lesson's {at} may not be there: it looks like a git directory.")
                todo += entries
                continue
            try:
                content = _read(at, MAX_BYTES + 1)
                if len(content) > MAX_BYTES:
                    raise SetupFailed(f"The lesson's file {at} is larger than {MAX_BYTES // 1024} KiB.")
            except OSError as error:
                raise SetupFailed(f"The lesson's file {at} cannot be read: {error.strerror or error}.") from None
            executable = bool(at.lstat().st_mode & stat.S_IXUSR)
            found[at.relative_to(folder).as_posix()] = Source(_substituted(content, substitute), executable)
    return found


def looks_like_git(names: set[str]) -> bool:
    """Whether a folder of these names is one that git would run programs from."""
    return names >= _GIT


def archive_of(files: Mapping[str, str]) -> bytes:
    """Return a tar archive of these files, the same bytes each time: it is compared with what is there."""
    import io
    import tarfile

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            member.mtime = _PACKED
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def digest(sources: Mapping[str, Source]) -> str:
    """Return one SHA-256 for a set of files: their paths, contents and whether they can be run."""
    lines = [f"{path}\0{_sha256(source.content)}\0{source.executable}\n" for path, source in sorted(sources.items())]
    return _sha256("".join(lines).encode())


def _sha256(content: bytes) -> str:
    import hashlib  # loads OpenSSL

    return hashlib.sha256(content).hexdigest()


def write_context(sources: Mapping[str, Source], folder: Path) -> None:
    """Write files into a new, empty folder of our own, to build from."""
    for path, source in sources.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.content)
        target.chmod(0o755 if source.executable else 0o644)


def lesson_folders(workspace: Path) -> tuple[Path, ...]:
    """The folders beneath the workspace that are lessons' by their marker, those of packs that were added too."""
    try:
        there = sorted(folder for folder in workspace.iterdir() if _kind(folder) == "directory")
    except OSError:
        return ()
    found = tuple(folder for folder in there if _kind(folder / MARKER) == "file")
    return found + tuple(one for folder in there if folder.name.endswith(OF_PACK) for one in lesson_folders(folder))


_REMEDY_WORKSPACE = "export DOCKERLEARN_WORKSPACE=FOLDER"


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    if path.startswith(("/", "~")) or any(part in {"", ".."} or "\0" in part or "\\" in part for part in parts):
        raise WorkspaceError(f"{path!r} is not a path beneath the lesson's folder.")
    return parts


def _kind(path: Path) -> str | None:
    """What is at a path, links not followed: file, directory, link, special file, or None."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "special file"


def _allowed(path: Path, folder: Path) -> str:
    kind = _kind(path)
    if kind not in {"file", "directory"}:
        raise SetupFailed(f"The lesson's {path} is {f'a {kind}' if kind else 'missing'}.")
    if path != folder and path.name.startswith(".") and path.name not in DOTFILES:
        raise SetupFailed(f"The lesson's {path} may not be there: dotfiles are not allowed in files/.")
    return str(kind)


def _read(path: Path, most: int = -1) -> bytes:
    # A file may have become a link since it was looked at.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)


def _write(target: Path, content: bytes, mode: int) -> None:
    aside = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(aside, flags, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        aside.chmod(mode)
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _substituted(content: bytes, values: Mapping[str, str]) -> bytes:
    if b"@{" not in content:
        return content
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content

    def value(match: re.Match[str]) -> str:
        name: str | None = match.group(1)
        return "@{" if name is None else values.get(name, match.group())

    return _VARIABLE.sub(value, text).encode()


def _read_marker(path: Path) -> Marker:
    try:
        return msgspec.json.decode(_read(path), type=Marker)
    except msgspec.DecodeError as error:
        raise WorkspaceError(
            f"{path} is not a marker of dockerlearn: {error}.", f"rm {path}    # if the folder is empty otherwise"
        ) from None


def _failed(path: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(f"{path} cannot be used: {error.strerror or error}.", _REMEDY_WORKSPACE)
