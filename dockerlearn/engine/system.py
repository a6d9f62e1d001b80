"""What the commands that mend things depend on: the platform, its distribution, how services start, who this is."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

Distribution = Literal["debian", "fedora", "arch", "alpine", "other"]


class System(msgspec.Struct, frozen=True):
    """The machine and its user, as far as remedies depend on them.

    ``engine`` tells whether a dockerd is installed; ``member`` whether the user is in the group docker by the
    user database, which a login from before does not know yet. ``distribution`` is that of Linux, with its kin
    (``debian`` is Ubuntu too); ``release`` its number, "" where it has none. ``wsl`` is Linux inside Windows.
    ``becomes_root`` is the program by which the user runs something as root. ``vendor`` tells whether Docker's own
    package source is set up; ``brew`` whether Homebrew is there.
    """

    platform: str = "linux"
    systemd: bool = True
    engine: bool = True
    root: bool = False
    member: bool = False
    distribution: Distribution = "other"
    release: str = ""
    name: str = ""
    wsl: bool = False
    becomes_root: Literal["sudo", "doas", "su"] = "sudo"
    vendor: bool = False
    brew: bool = False

    @classmethod
    def here(cls, environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> System:
        """Look at this machine; ``root`` is ``/`` outside of tests."""
        path = environ.get("PATH", os.defpath)
        if sys.platform == "win32":
            return cls(platform="win32", systemd=False, name="Windows")
        if sys.platform == "darwin":
            return cls(
                platform="darwin",
                systemd=False,
                engine=False,
                root=os.geteuid() == 0,
                name="macOS",
                brew=shutil.which("brew", path=path) is not None,
            )
        distribution, release, name = read_os_release(_text(root / "etc/os-release"))
        return cls(
            platform=sys.platform,
            systemd=(root / "run/systemd/system").is_dir(),
            engine=shutil.which("dockerd", path=f"{path}:/usr/sbin:/usr/local/sbin") is not None,
            root=os.geteuid() == 0,
            member=_in_docker_group(),
            distribution=distribution,
            release=release,
            name=name,
            wsl="microsoft" in _text(root / "proc/sys/kernel/osrelease").lower(),
            becomes_root=becomes_root(path),
            vendor=_has_vendor_packages(root),
        )

    def as_root(self, command: str) -> str:
        """Return a command line that runs another one as root.

        >>> System().as_root("systemctl start docker"), System(root=True).as_root("systemctl start docker")
        ('sudo systemctl start docker', 'systemctl start docker')
        >>> System(becomes_root="su").as_root("systemctl start docker")
        "su -c 'systemctl start docker'"
        """
        if self.root:
            return command
        if self.becomes_root == "su":
            return f"su -c {shlex.quote(command)}"
        return f"{self.becomes_root} {command}"

    def as_root_together(self, commands: str) -> str:
        """Return a command line that runs several, joined for a shell, as root.

        >>> System().as_root_together("modprobe tun && chmod 0666 /dev/net/tun")
        "sudo sh -c 'modprobe tun && chmod 0666 /dev/net/tun'"
        """
        if self.root or self.becomes_root == "su" or "&&" not in commands:
            return self.as_root(commands)
        return self.as_root(f"sh -c {shlex.quote(commands)}")


def becomes_root(path: str) -> Literal["sudo", "doas", "su"]:
    """Return the program of ``path`` by which a user becomes root."""
    for program in ("sudo", "doas"):
        if shutil.which(program, path=path):
            return "sudo" if program == "sudo" else "doas"
    return "su"


def read_os_release(text: str) -> tuple[Distribution, str, str]:
    r"""Return the distribution that an ``os-release`` file tells, its number, and what it calls itself.

    >>> read_os_release('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04 LTS"')
    ('debian', '24.04', 'Ubuntu 24.04 LTS')
    """
    pairs = (line.strip().split("=", 1) for line in text.splitlines() if "=" in line)
    fields = {pair[0]: pair[1].strip("\"'") for pair in pairs}
    words = {fields.get("ID", ""), *fields.get("ID_LIKE", "").split()}
    found: Distribution = "other"
    if words & {"debian", "ubuntu"}:
        found = "debian"
    elif "fedora" in words and not words & {"rhel", "centos"}:
        found = "fedora"  # its kin for companies have no engine among their own packages
    elif "arch" in words:
        found = "arch"
    elif "alpine" in words:
        found = "alpine"
    return found, fields.get("VERSION_ID", ""), fields.get("PRETTY_NAME") or fields.get("NAME", "")


def _has_vendor_packages(root: Path) -> bool:
    """Whether packages of Docker's own can be installed: by the name of its list, or by what a list says."""
    if (root / "etc/yum.repos.d/docker-ce.repo").is_file():
        return True
    folder = root / "etc/apt/sources.list.d"
    lists = [*folder.glob("*.list"), *folder.glob("*.sources"), root / "etc/apt/sources.list"]
    return any(re.search(r"^[^#\n]*\bdownload\.docker\.com\b", _text(file), re.MULTILINE) for file in lists)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _in_docker_group() -> bool:
    import grp
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name in grp.getgrnam("docker").gr_mem
    except KeyError:
        return False
