"""Takes out of a folder what a pack consists of, and nothing else, into a folder of our own.

A pack is its ``pack.yaml`` and, for each lesson, ``lesson.yaml`` and ``files/``. What else lies there, a repository's
own folder among it, is left. Links are not followed, and what is neither a file nor a folder is refused.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from dockerlearn.course.tree import MAX_BYTES as MAX_YAML
from dockerlearn.errors import PackRefused
from dockerlearn.packs.archive import MAX_BYTES, MAX_ENTRIES
from dockerlearn.setup.workspace import MAX_BYTES as MAX_MATERIAL
from dockerlearn.setup.workspace import MAX_DEPTH
from dockerlearn.text import one_line

MAX_LESSONS = 2_000


def root_of(folder: Path) -> Path:
    """Where in an unpacked archive the pack is: at its top, or in the one folder that is there.

    Raises ``PackRefused`` when there is none.
    """
    if (folder / "pack.yaml").is_file():
        return folder
    inside = [entry for entry in folder.iterdir() if _kind(entry) == "folder"]
    if len(inside) == 1 and (inside[0] / "pack.yaml").is_file():
        return inside[0]
    raise PackRefused(
        "There is no pack.yaml at the top of it, so this is no pack of lessons.",
        "dockerlearn author new NAME    # makes one",
    )


def copy(root: Path, into: Path) -> None:
    """Copy the pack in ``root`` into a new folder. Raises ``PackRefused`` for what may not be in a pack."""
    taking = _Taking(root)
    into.mkdir()
    if _kind(root / "pack.yaml") != "file":
        raise PackRefused("pack.yaml is not a file.")
    taking.file(root / "pack.yaml", into / "pack.yaml", MAX_YAML)
    lessons = [entry for entry in sorted(root.iterdir()) if _is_lesson(entry)]
    if len(lessons) > MAX_LESSONS:
        raise PackRefused(f"It has more than {MAX_LESSONS:,} lessons.")
    for lesson in lessons:
        if _kind(lesson) != "folder":
            raise PackRefused(f"The lesson '{one_line(lesson.name, 60)}' is a link, which may not be there.")
        (into / lesson.name).mkdir()
        taking.file(lesson / "lesson.yaml", into / lesson.name / "lesson.yaml", MAX_YAML)
        if _kind(lesson / "files") is not None:
            taking.folder(lesson / "files", into / lesson.name / "files", 0)


def checksums(folder: Path) -> dict[str, str]:
    """Return a SHA-256 per file of a pack, by its path; that it can be run counts."""
    found: dict[str, str] = {}
    for at, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(at) / name
            info = path.lstat()
            mark = b"x" if info.st_mode & stat.S_IXUSR else b"-"
            # What ``copy`` would not have let in is told by that alone.
            whole = stat.S_ISREG(info.st_mode) and info.st_size <= MAX_MATERIAL
            content = mark + path.read_bytes() if whole else b"?"
            found[path.relative_to(folder).as_posix()] = hashlib.sha256(content).hexdigest()
    return found


def checksum(of: dict[str, str]) -> str:
    """Return one SHA-256 for all files of a pack."""
    return hashlib.sha256("".join(f"{path}\0{one}\n" for path, one in sorted(of.items())).encode()).hexdigest()


class _Taking:
    """Copies within bounds."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._entries = 0
        self._left = MAX_BYTES

    def folder(self, source: Path, target: Path, depth: int) -> None:
        """Copy a folder with all that is in it."""
        self._count(source)
        if _kind(source) != "folder":
            raise self._refused(source, _kind(source))
        if depth > MAX_DEPTH:
            raise PackRefused(f"{self._shown(source)} is more than {MAX_DEPTH} folders deep.")
        target.mkdir()
        for entry in sorted(source.iterdir()):
            if _kind(entry) == "folder":
                self.folder(entry, target / entry.name, depth + 1)
            else:
                self.file(entry, target / entry.name, MAX_MATERIAL)

    def file(self, source: Path, target: Path, most: int) -> None:
        """Copy one file."""
        self._count(source)
        if _kind(source) != "file":
            raise self._refused(source, _kind(source))
        # It may have become something else since it was looked at.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(source, flags), "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise self._refused(source, "other")
            content = file.read(most + 1)
        if len(content) > most:
            raise PackRefused(f"{self._shown(source)} is larger than {most // 1024} KiB.")
        self._left -= len(content)
        if self._left < 0:
            raise PackRefused(f"All files together are larger than {MAX_BYTES // (1024 * 1024)} MiB.")
        target.write_bytes(content)
        target.chmod(0o755 if info.st_mode & stat.S_IXUSR else 0o644)

    def _count(self, source: Path) -> None:
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise PackRefused(f"It has more than {MAX_ENTRIES:,} files.")
        try:
            str(source.name).encode()
        except UnicodeEncodeError:
            raise PackRefused(f"A name in {self._shown(source.parent)} is not UTF-8.") from None

    def _refused(self, source: Path, kind: str | None) -> PackRefused:
        what = {"link": "a link", "folder": "a folder", "file": "a file"}.get(kind or "", "neither a file nor a folder")
        return PackRefused(f"{self._shown(source)} is {what}, which may not be there.")

    def _shown(self, path: Path) -> str:
        return f"'{one_line(path.relative_to(self._root).as_posix() if path != self._root else '.', 120)}'"


def _is_lesson(entry: Path) -> bool:
    # A link to a lesson counts, so that it is refused with a reason and not passed over.
    return _kind(entry) in {"folder", "link"} and os.path.lexists(entry / "lesson.yaml") and not _hidden(entry)


def _hidden(entry: Path) -> bool:
    return entry.name.startswith(".")


def _kind(path: Path) -> str | None:
    """What is there, links not followed; None when nothing is."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(mode):
        return "link"
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"
