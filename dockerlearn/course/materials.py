"""A lesson's ``files/``: what may lie there, and the variables in it.

No dotfiles but ``.dockerignore`` and ``.env``, nothing that looks like a git directory (git runs programs that such a
folder names), no links, nothing but files and folders.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from dockerlearn.course import variables
from dockerlearn.course.problems import Problem, Report
from dockerlearn.course.tree import position
from dockerlearn.setup.workspace import DOTFILES, MAX_BYTES, MAX_DEPTH, MAX_ENTRIES, looks_like_git


def problems(folder: Path, shown: str, known: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return what is wrong beneath ``folder``, a lesson's ``files/`` (which may be missing).

    ``shown`` is how it is called in messages; ``known`` are the names that ``@{…}`` can use.
    """
    found: list[Problem] = []
    if folder.is_symlink():
        found.extend(_one(shown, "a lesson's files/ may not be a link"))
    elif folder.is_dir():
        _folder(folder, shown, known, found, 0)
    return tuple(found)


def _folder(folder: Path, shown: str, known: Mapping[str, str], found: list[Problem], depth: int) -> int:
    """Look at a folder; return how many entries it and those beneath hold."""
    entries = sorted(folder.iterdir())
    names = {entry.name for entry in entries}
    if depth >= MAX_DEPTH or len(entries) > MAX_ENTRIES:
        found.extend(_one(shown, f"more than {MAX_ENTRIES} files, or folders more than {MAX_DEPTH} deep"))
        return len(entries)
    if looks_like_git(names):
        found.extend(_one(shown, "this looks like a git directory"))
    count = len(entries)
    for entry in entries:
        name = f"{shown}/{entry.name}"
        mode = entry.lstat().st_mode
        if entry.name.startswith(".") and entry.name not in DOTFILES:
            found.extend(_one(name, "of the files that begin with a dot only .dockerignore and .env may be here"))
        elif stat.S_ISLNK(mode):
            found.extend(_one(name, "links may not be here"))
        elif stat.S_ISDIR(mode):
            count += _folder(entry, name, known, found, depth + 1)
        elif stat.S_ISREG(mode):
            found.extend(_file(entry, name, known))
        else:
            found.extend(_one(name, "only files and folders may be here"))
        if count > MAX_ENTRIES:
            found.extend(_one(shown, f"more than {MAX_ENTRIES} files"))
            break
    return count


def _file(path: Path, shown: str, known: Mapping[str, str]) -> tuple[Problem, ...]:
    if path.stat().st_size > MAX_BYTES:
        return _one(shown, f"this file is larger than {MAX_BYTES // 1024} KiB")
    report = Report(shown)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ()  # not text: it is copied as it is
    except OSError as error:
        return _one(shown, f"it cannot be read: {error.strerror or error}")
    for literal, message, suggestion in variables.unknown(text, known):
        report.add(position(text, text.find(literal)), "", message, suggestion)
    return report.problems()


def _one(shown: str, message: str) -> tuple[Problem, ...]:
    report = Report(shown)
    report.add((1, 1), "", message)
    return report.problems()
