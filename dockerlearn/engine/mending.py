"""The exact commands that mend things on one system: install, start, be let in, set the clock.

Names of packages are those of Debian 12 and 13, Ubuntu 24.04, Fedora 41, Arch and Alpine 3.20. Where a distribution has
no package, Docker's own are named with the page that tells how to get them.
"""

from __future__ import annotations

from typing import Literal

from dockerlearn.engine.system import System

OWN_ENGINE = "# or an engine of your own, without root; it says what is missing for that"
"""What is said behind the command that starts a practice engine, to an ordinary user."""

Part = Literal["client", "engine", "buildx", "compose", "ssh"]

_PAGES: dict[Part, str] = {
    "client": "https://docs.docker.com/engine/install/",
    "engine": "https://docs.docker.com/engine/install/",
    "buildx": "https://docs.docker.com/build/install-buildx/",
    "compose": "https://docs.docker.com/compose/install/linux/",
    "ssh": "https://www.openssh.com/",
}
_VENDOR: dict[Part, str] = {
    "client": "docker-ce-cli",
    "engine": "docker-ce docker-ce-cli containerd.io",
    "buildx": "docker-buildx-plugin",
    "compose": "docker-compose-plugin",
    "ssh": "openssh-clients",
}
_FEDORA: dict[Part, str] = {
    "client": "docker-cli",
    "engine": "moby-engine docker-cli",
    "buildx": "docker-buildx",
    "compose": "docker-compose",
    "ssh": "openssh-clients",
}
_ARCH: dict[Part, str] = {
    "client": "docker",
    "engine": "docker",
    "buildx": "docker-buildx",
    "compose": "docker-compose",
    "ssh": "openssh",
}
_ALPINE: dict[Part, str] = {
    "client": "docker-cli",
    "engine": "docker",
    "buildx": "docker-cli-buildx",
    "compose": "docker-cli-compose",
    "ssh": "openssh-client",
}
_BREW: dict[Part, str] = {
    "client": "brew install docker",
    "engine": "brew install colima docker && colima start",
    "buildx": "brew install docker-buildx",
    "compose": "brew install docker-compose",
    "ssh": "brew install openssh",
}
_MAC = "https://docs.docker.com/desktop/setup/install/mac-install/"
_WINDOWS = "winget install Docker.DockerDesktop"
WSL_SWITCH = "Docker Desktop on Windows: Settings, Resources, WSL integration: switch this distribution on"


def install(system: System, part: Part) -> str:
    """Return the command that installs a part of Docker; where there is none, the page that tells how.

    >>> install(System(distribution="debian", release="12"), "client")
    'sudo apt-get install --no-install-recommends docker.io'
    >>> install(System(distribution="alpine", root=True), "compose")
    'apk add docker-cli-compose'
    """
    if system.platform == "win32":
        return "winget install Microsoft.OpenSSH.Preview" if part == "ssh" else _WINDOWS
    if system.platform == "darwin":
        return _BREW[part] if system.brew else _MAC
    if system.distribution == "debian":
        names = _VENDOR[part] if system.vendor and part != "ssh" else _debian(system, part)
        return system.as_root(f"apt-get install --no-install-recommends {names}") if names else _PAGES[part]
    if system.distribution == "fedora":
        return system.as_root(f"dnf install {(_VENDOR if system.vendor else _FEDORA)[part]}")
    if system.distribution == "arch":
        return system.as_root(f"pacman -S {_ARCH[part]}")
    if system.distribution == "alpine":
        return system.as_root(f"apk add {_ALPINE[part]}")
    return system.as_root(f"dnf install {_VENDOR[part]}") if system.vendor else _PAGES[part]


def _debian(system: System, part: Part) -> str | None:
    """The package of Debian or Ubuntu; None where it has none."""
    ubuntu = "Ubuntu" in system.name
    older = not ubuntu and system.release.split(".")[0].isdigit() and int(system.release.split(".")[0]) < 13
    if part == "ssh":
        return "openssh-client"
    if part == "buildx":
        return None if older else "docker-buildx"
    if part == "compose":
        # Debian 12 has the first Compose only, which is no plugin.
        return "docker-compose-v2" if ubuntu else None if older else "docker-compose"
    if part == "client":
        # Before Debian 13 the client is part of the engine's package, as it is with Ubuntu.
        return "docker.io" if ubuntu or older else "docker-cli"
    return "docker.io" if ubuntu or older else "docker.io docker-cli"


def upgrade_engine(system: System) -> str:
    """Return the command that brings a newer engine."""
    if system.platform == "darwin":
        return "brew upgrade colima docker    # of Docker Desktop: its menu, Check for updates"
    if system.platform == "win32":
        return "winget upgrade Docker.DockerDesktop"
    package = "docker-ce" if system.vendor else {"fedora": "moby-engine", "debian": "docker.io"}.get(
        system.distribution, "docker"
    )  # fmt: skip
    commands = {
        "debian": f"apt-get install --only-upgrade {package}",
        "fedora": f"dnf upgrade {package}",
        "arch": "pacman -Syu docker",
        "alpine": "apk add --upgrade docker",
    }
    command = commands.get(system.distribution)
    return system.as_root(command) if command else _PAGES["engine"]


def start_service(system: System) -> str:
    """Return the command that starts the machine's own dockerd, on Linux.

    >>> start_service(System()), start_service(System(systemd=False, distribution="alpine", root=True))
    ('sudo systemctl start docker', 'rc-service docker start')
    """
    if system.systemd:
        return system.as_root("systemctl start docker")
    if system.distribution == "alpine":
        return system.as_root("rc-service docker start")
    if system.wsl:
        return system.as_root("service docker start")
    start = "dockerd > /tmp/dockerd.log 2>&1 &"
    if system.root or system.becomes_root == "su":
        return system.as_root(start)
    # Who asks for a password has to do so in the foreground.
    return system.as_root(f"sh -c '{start}'")


def join_group(system: System) -> str:
    """Return the command that lets the user in to the machine's own engine."""
    if system.member:
        # The group was given after this login.
        return "newgrp docker    # or log out and in again"
    if system.distribution == "alpine":
        return f"{system.as_root('addgroup $USER docker')}    # then log out and in again"
    give = 'usermod -aG docker "$USER"'
    if system.becomes_root == "su":
        give = "usermod -aG docker $USER"
        return f'su -c "{give}" && newgrp docker    # a later login has the group by itself'
    return f"{system.becomes_root} {give} && newgrp docker    # a later login has the group by itself"


def set_clock(system: System, *, in_vm: bool) -> str:
    """Return the command that sets a clock right: this machine's, or that of the engine's virtual machine."""
    if system.platform == "win32" or system.wsl:
        return "wsl --shutdown    # in PowerShell, when your work is saved; it starts again with Windows' time"
    if system.platform == "darwin":
        return (
            "colima restart    # or quit and start Docker Desktop: its virtual machine takes the Mac's time"
            if in_vm
            else "sudo sntp -sS time.apple.com"
        )
    if system.systemd:
        return system.as_root("timedatectl set-ntp true")
    if system.distribution == "alpine":
        return system.as_root("rc-service chronyd restart")
    return system.as_root('date -s "YYYY-MM-DD HH:MM:SS"')
