"""The shells and programs that the tests of the tutor's shell are run with, installed where they are missing.

Where they cannot be had the tests fail; they do not skip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

PROGRAMS = {"bash": "bash", "zsh": "zsh", "fish": "fish", "tmux": "tmux", "vim": "vim-tiny", "less": "less"}
"""Programs, and the packages of Debian that have them."""

_VIM_TINY = "vim.tiny"
_APT = ("apt-get", "-q", "-o", "Dpkg::Use-Pty=0")
_ENVIRONMENT = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def missing() -> list[str]:
    """Return the programs that are not there."""
    return [name for name in PROGRAMS if path(name) is None]


def path(name: str) -> str | None:
    """Return where a program is."""
    return shutil.which(name) or (shutil.which(_VIM_TINY) if name == "vim" else None)


def settle_in(home: Path) -> None:
    """Make a home one in which fish was before: in a new one it reads all manual pages, for minutes, behind us."""
    (home / ".local/share/fish/generated_completions").mkdir(parents=True, exist_ok=True)


def provide(say: Callable[[str], None]) -> str | None:
    """Install what is missing, after telling what apt would do; the value says why that cannot be, if so."""
    wanted = missing()
    if not wanted:
        return None
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return f"The tests of the tutor's shell need {', '.join(wanted)}. Install them, or run this as root on Debian."
    packages = [PROGRAMS[name] for name in wanted]
    install = [*_APT, "install", "-y", "--no-remove", "--no-install-recommends", *packages]
    say(f"The tests of the tutor's shell need {', '.join(wanted)}. {' '.join(install)}  would do this:")
    told = _run([*_APT, "install", "--simulate", "--no-remove", "--no-install-recommends", *packages])
    if told.returncode != 0:
        _run([*_APT, "update"])
        told = _run([*_APT, "install", "--simulate", "--no-remove", "--no-install-recommends", *packages])
    for line in told.stdout.splitlines():
        if line.startswith("Inst "):
            say(f"  {line}")
    done = _run(install) if told.returncode == 0 else told
    left = missing()
    return f"apt could not install {', '.join(left)}: {done.stderr.strip()[-500:]}" if left else None


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
