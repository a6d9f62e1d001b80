"""Which shells the tutor can ride along in, and why not in the others."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from dockerlearn.text import one_line

CHOICE = "DOCKERLEARN_SHELL"
"""Names a shell to use instead of ``$SHELL``; ``line`` chooses line mode."""

RIDING = "DOCKERLEARN_RIDING"
"""Set in the tutor's shell to the process id of the tutor."""

LINE_MODE = "line"

Kind = Literal["bash", "zsh", "fish"]

_OLDEST: Mapping[Kind, tuple[int, int]] = {"bash": (4, 4), "zsh": (5, 0), "fish": (3, 1)}
_VERSION = re.compile(r"(\d+)\.(\d+)")


class Known(NamedTuple):
    """A shell that the tutor can ride along in: the program's path, what it is, its version."""

    path: str
    kind: Kind
    version: tuple[int, int]


class Unfit(NamedTuple):
    """Why the tutor cannot ride along; ``why`` is empty where that was asked for."""

    why: str


def recognise(environ: Mapping[str, str]) -> Known | Unfit:
    """Look at the shell that the environment names.

    A shell is told by its program's name, since that is how shells themselves decide how to behave, and asked for its
    version.
    """
    import shutil

    wanted = environ.get(CHOICE) or environ.get("SHELL") or ""
    if wanted == LINE_MODE:
        return Unfit("")
    if not wanted:
        return Unfit("SHELL names no shell, so the tutor reads your commands itself.")
    path = shutil.which(wanted, path=environ.get("PATH"))
    shown = one_line(wanted, 60)
    if path is None:
        return Unfit(f"Your shell {shown} is not there, so the tutor reads your commands itself.")
    kind = _kind(path)
    if kind is None:
        return Unfit(f"The tutor rides along in bash, zsh and fish, not in {shown}; it reads your commands itself.")
    version = _version(path, environ)
    if version is None:
        return Unfit(f"{shown} did not tell its version, so the tutor reads your commands itself.")
    if version < _OLDEST[kind]:
        needed = ".".join(map(str, _OLDEST[kind]))
        told = ".".join(map(str, version))
        return Unfit(
            f"The tutor rides along in {kind} {needed} or newer, and {shown} is {told}; it reads your commands itself."
        )
    return Known(path, kind, version)


def riding(environ: Mapping[str, str]) -> bool:
    """Whether this runs inside of a tutor's shell, and that tutor is still there."""
    pid = environ.get(RIDING, "")
    return pid.isascii() and pid.isdigit() and 0 < int(pid) < 2**31 and is_there(int(pid))


def is_there(pid: int) -> bool:
    """Whether there is a process of this id, whosever it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _kind(path: str) -> Kind | None:
    for name in (Path(path).name, Path(path).resolve().name):
        for kind in _OLDEST:
            if re.fullmatch(rf"{kind}(?:-?[\d.]+)?(?:\.exe)?", name):
                return kind
    return None


def _version(path: str, environ: Mapping[str, str]) -> tuple[int, int] | None:
    import subprocess

    try:
        done = subprocess.run(
            [path, "--version"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(done.stdout.decode("utf-8", "replace").partition("\n")[0])
    return (int(found[1]), int(found[2])) if found else None
