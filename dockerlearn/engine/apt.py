"""apt: this machine's, how it is run and what it says.

``fetch`` needs no root and changes nothing of the machine but, when they are empty, apt's package lists.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from dockerlearn.errors import PracticeFailed
from dockerlearn.text import one_line

Progress = Callable[[str], None]

QUIET = ("-q", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120")

_SBIN = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"


class Machine(msgspec.Struct, frozen=True):
    """The machine to install on. ``path`` is where programs are looked for; ``root`` is ``/`` outside of tests."""

    root: Path
    path: str
    is_root: bool

    @classmethod
    def this(cls) -> Machine:
        """The one this runs on."""
        return cls(Path("/"), f"{os.environ.get('PATH', os.defpath)}:{_SBIN}", os.geteuid() == 0)

    def inside(self, path: Path) -> Path:
        """Where an absolute path is on this machine."""
        return self.root / path.relative_to("/")

    @property
    def has_apt(self) -> bool:
        """Whether this is Debian, Ubuntu or one of their kin."""
        try:
            text = self.inside(Path("/etc/os-release")).read_text()
        except OSError:
            return False
        fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        words = f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".replace('"', "").split()
        return bool({"debian", "ubuntu"} & set(words)) and shutil.which("apt-get", path=self.path) is not None

    @property
    def has_lists(self) -> bool:
        """Whether apt knows any package."""
        return any(self.inside(Path("/var/lib/apt/lists")).glob("*_Packages*"))


def fetch(packages: Sequence[str], folder: Path, say: Progress, *, machine: Machine | None = None) -> None:
    """Fetch packages and all that they depend on, as for a machine that has nothing yet, into ``folder``.

    Raises ``PracticeFailed`` on systems without apt, and with apt's reason when it cannot.
    """
    here = machine or Machine.this()
    if not here.has_apt:
        raise PracticeFailed(
            "Stand-in images are made from the packages of Debian and Ubuntu, and this is another system."
        )
    if not here.has_lists:
        update(here, say)
    # What is installed here is none of its business, nor is anything here to learn of this.
    options = [
        *("-o", "Dir::State::status=/dev/null"),
        *("-o", f"Dir::State::extended_states={folder / 'extended_states'}"),
        *("-o", f"Dir::Cache::archives={folder}"),
        *("-o", "Dir::Cache::pkgcache="),
        *("-o", "Dir::Cache::srcpkgcache="),
        *("-o", "Debug::NoLocking=1"),
    ]
    run(
        here,
        ["apt-get", *QUIET, *options, "install", "-y", "--download-only", "--no-install-recommends", *packages],
        say,
    )


def is_known(package: str, *, machine: Machine | None = None) -> bool:
    """Whether the distribution has a package of this name."""
    done = capture(machine or Machine.this(), ["apt-cache", "show", "--no-all-versions", package])
    return done.returncode == 0 and bool(done.stdout.strip())


def update(machine: Machine, say: Progress) -> None:
    """Have apt get its package lists. Raises ``PracticeFailed`` for who is not root, and when it fails."""
    if not machine.is_root:
        raise PracticeFailed("apt has no package lists yet, so it cannot say what it would do.", "sudo apt-get update")
    say("apt has no package lists yet: running apt-get update first.")
    run(machine, ["apt-get", *QUIET, "update"], say)


def _environment(machine: Machine) -> dict[str, str]:
    return {**os.environ, "PATH": machine.path, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}


def capture(machine: Machine, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program of apt and return what it prints. Raises ``PracticeFailed`` when it does not answer."""
    program = shutil.which(command[0], path=machine.path) or command[0]
    try:
        return subprocess.run(
            [program, *command[1:]],
            capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL,
            env=_environment(machine),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PracticeFailed(f"{command[0]} does not answer: {error}") from error


def run(machine: Machine, command: list[str], say: Progress, cwd: Path | None = None) -> None:
    """Run a program of apt and report its lines as they come. Raises ``PracticeFailed`` with its reason."""
    program = shutil.which(command[0], path=machine.path) or command[0]
    lines: list[str] = []
    with subprocess.Popen(
        [program, *command[1:]],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, errors="replace",
        env=_environment(machine), cwd=cwd,
    ) as running:  # fmt: skip
        assert running.stdout is not None  # noqa: S101  # asked for above
        for line in running.stdout:
            lines.append(line.rstrip())
            say(one_line(line))
    if running.returncode != 0:
        raise PracticeFailed(f"{' '.join(command[:1])} failed: {reason(lines)}")


def reason(lines: list[str]) -> str:
    """Why it failed, out of what it printed."""
    errors = [line for line in lines if line.startswith("E:")] or lines[-3:]
    return one_line(" ".join(errors), 400) or "it gave no reason"
