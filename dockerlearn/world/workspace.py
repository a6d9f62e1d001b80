"""The learner's files for a lesson."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec

from dockerlearn.errors import WorkspaceError

LIMIT = 1_048_576
"""Bytes of a file that are looked at."""


class FileSnapshot(msgspec.Struct, frozen=True):
    """A path in the workspace; ``text`` of a regular file, bytes that are no UTF-8 replaced."""

    kind: str  # file, directory or other
    text: str
    size: int
    executable: bool


ENTRIES = 2_000
"""Files and folders beneath a workspace whose changes are noticed."""


def traces(workspace: Path) -> frozenset[tuple[str, int, int]]:
    """Path, size and time of the last change of what is beneath ``workspace``: two looks differ when a file changed.

    Links are not followed. What cannot be read is left out, and so is everything beyond ``ENTRIES``.
    """
    found: list[tuple[str, int, int]] = []
    folders = [workspace]
    while folders and len(found) < ENTRIES:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    try:
                        info = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue  # it went away meanwhile
                    found.append((entry.path, info.st_size, info.st_mtime_ns))
                    if stat.S_ISDIR(info.st_mode):
                        folders.append(Path(entry.path))
        except OSError:
            continue
    return frozenset(found[:ENTRIES])


def locate(workspace: Path, path: str) -> Path | None:
    """Where a regular file beneath ``workspace`` really is; None when ``read_file`` would not read one there."""
    there = read_file(workspace, path)
    return (workspace.resolve() / path).resolve() if there is not None and there.kind == "file" else None


def read_file(workspace: Path, path: str) -> FileSnapshot | None:
    """Look at ``path`` beneath ``workspace``; None when there is nothing.

    Links are followed only to what lies beneath the workspace too. Raises ``WorkspaceError`` when it cannot be read.
    """
    root = workspace.resolve()
    target = root / path
    try:
        real = target.resolve(strict=True)
        if real != root and root not in real.parents:
            raise WorkspaceError(f"{path} leads out of the lesson's folder {workspace}.")
        info = real.stat()
        if stat.S_ISDIR(info.st_mode):
            return FileSnapshot("directory", "", 0, executable=False)
        if not stat.S_ISREG(info.st_mode):
            return FileSnapshot("other", "", 0, executable=False)
        with real.open("rb") as file:
            data = file.read(LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RuntimeError) as error:
        raise WorkspaceError(f"{target} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    return FileSnapshot("file", data.decode("utf-8", "replace"), info.st_size, bool(info.st_mode & os.X_OK))
