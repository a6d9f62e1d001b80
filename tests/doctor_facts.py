"""Facts about machines as the doctor gathers them: one where all is well, and what is different on others."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from dockerlearn.doctor.facts import EngineFacts, Facts, Image, Place, Room, Terminal
from dockerlearn.engine.condition import Condition
from dockerlearn.engine.docker_program import DockerProgram
from dockerlearn.engine.registry import RegistrySaid
from dockerlearn.engine.system import System, read_os_release

OS_RELEASE = {
    "debian-12": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n',
    "debian-13": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nNAME="Debian GNU/Linux"\nVERSION_ID="13"\nID=debian\n',
    "ubuntu": 'PRETTY_NAME="Ubuntu 24.04.1 LTS"\nNAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n',
    "fedora": 'NAME="Fedora Linux"\nVERSION_ID=41\nID=fedora\nPRETTY_NAME="Fedora Linux 41 (Workstation Edition)"\n',
    "arch": 'NAME="Arch Linux"\nPRETTY_NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling\n',
    "manjaro": 'NAME="Manjaro Linux"\nPRETTY_NAME="Manjaro Linux"\nID=manjaro\nID_LIKE=arch\n',
    "alpine": 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME="Alpine Linux v3.20"\n',
    "rocky": 'NAME="Rocky Linux"\nVERSION_ID="9.4"\nID="rocky"\nID_LIKE="rhel centos fedora"\n',
}
"""What ``/etc/os-release`` says, as far as it is read: Debian 12's as it was seen, the others' written down from what
these systems are known to say."""


def linux(name: str, **fields: Any) -> System:
    """A Linux of this name, with systemd and sudo unless ``fields`` say otherwise."""
    distribution, release, told = read_os_release(OS_RELEASE[name])
    return System(**({"distribution": distribution, "release": release, "name": told} | fields))


SYSTEMS: dict[str, System] = {
    "debian-12": linux("debian-12"),
    "debian-13": linux("debian-13"),
    "ubuntu": linux("ubuntu"),
    "fedora": linux("fedora"),
    "arch": linux("arch"),
    "alpine": linux("alpine", systemd=False, becomes_root="doas"),
    "wsl": linux("ubuntu", wsl=True, systemd=False),
    "macos": System(platform="darwin", systemd=False, engine=False, name="macOS", brew=True),
    "windows": System(platform="win32", systemd=False, engine=False, name="Windows"),
}

WELL = Facts(
    version="0.1.0",
    python="3.11.7",
    system=SYSTEMS["debian-12"],
    client=DockerProgram(
        path="/usr/bin/docker", version="28.2.2", api="1.50", plugins={"buildx": "0.29.1", "compose": "2.40.3"}
    ),
    engine=EngineFacts(
        address="unix:///var/run/docker.sock",
        source="the default socket",
        version="28.2.2",
        api="1.50",
        export=False,
        practice=False,
        remote=False,
        here=True,
        clock=0.0,
        says=Condition(oldest_api="1.24", newest_api="1.50", root="/var/lib/docker", store="overlay2"),
    ),
    images=(Image("busybox:1.36", present=True, lessons=("first-run", "containers")),),
    registry=RegistrySaid(address="registry.example", limit=100, remaining=90, window=21_600, clock=0.4),
    rooms=(
        Room("engine", "/var/lib/docker", 20_000_000_000, 1_000_000, 1),
        Room("workspace", "/home/ada/dockerlearn", 20_000_000_000, 1_000_000, 2),
        Room("progress", "/home/ada/.local/share/dockerlearn", 20_000_000_000, 1_000_000, 2),
    ),
    places=(
        Place("workspace", "/home/ada/dockerlearn", parent="/home/ada"),
        Place("progress", "/home/ada/.local/share/dockerlearn", parent="/home/ada/.local/share"),
    ),
    terminal=Terminal("xterm-256color", True, "utf-8", 100, "/bin/bash", True),
    home="/home/ada",
)
"""Nothing is amiss."""


def facts(**changes: Any) -> Facts:
    """``WELL`` with other facts."""
    return replace(WELL, **changes)


def engine(**changes: Any) -> EngineFacts:
    """The engine of ``WELL`` with other facts; those of its condition by their names too."""
    assert WELL.engine is not None
    of_condition = {name: changes.pop(name) for name in list(changes) if name in Condition.__struct_fields__}
    return replace(WELL.engine, says=replace(WELL.engine.says, **of_condition), **changes)
