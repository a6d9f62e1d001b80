"""What makes an engine of an ordinary user's own: the pieces it needs, how it is started, how its files are removed.

RootlessKit makes a user namespace, in which the user is root, with a mount and a network namespace in it; dockerd runs
there. So no packet filter rule, link or mount of the machine is touched. slirp4netns is its way out. RootlessKit's port
driver listens on this machine for each published port. Flags are those of Docker's ``dockerd-rootless.sh``, which takes
no folder with a space in its name and is not part of every package.

Not with ``--pidns``, though it would end everything with its first process: where control groups are systemd's, runc
tells systemd the numbers of processes, and those of another process namespace name none there.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from dockerlearn.engine.processes import Process
from dockerlearn.errors import PracticeFailed

NAMES = ("rootlesskit", "docker-rootlesskit")
"""What RootlessKit is called: by itself, and in some packages of Docker's."""

PROGRAMS = (("rootlesskit", "rootlesskit"), ("slirp4netns", "slirp4netns"), ("newuidmap", "uidmap"))
"""Programs beyond those of any practice engine, with Debian's packages of them."""

_ENGINE_PROGRAMS = ("dockerd", "containerd", "iptables")
_VENDOR_EXTRAS = "docker-ce-rootless-extras"
_IDS = 65_536
_FIRST_ID = 100_000
_TUN = "/dev/net/tun"
_MTU = "65520"
# In the namespaces /run is a copy with links to what is outside; the engine makes its own of these.
_INSIDE = 'rm -f /run/docker /run/containerd /run/xtables.lock; exec "$@"'
# A name server that does not answer holds up each pull, from a mirror too: dockerd asks for the public registry's name.
_OFFLINE = "echo options timeout:1 attempts:1 >> /etc/resolv.conf; "
_REMOVE_SECONDS = 300


class Ground(msgspec.Struct, frozen=True):
    """The machine and the user; ``root`` is ``/`` outside of tests, ``path`` is where programs are looked for."""

    root: Path
    path: str
    user: int
    name: str

    @classmethod
    def here(cls, path: str) -> Ground:
        """Return this machine, and who this process runs as."""
        return cls(Path("/"), path, os.geteuid(), user_name())

    def text(self, path: str) -> str:
        """A file's content; "" where there is none."""
        try:
            return (self.root / path.lstrip("/")).read_text("utf-8", "replace")
        except OSError:
            return ""


class Lack(NamedTuple):
    """Something that is missing, and the command by which root brings it; "" where none can: then a whole sentence."""

    what: str
    command: str


def user_name() -> str:
    """The user's name, or the number where there is none."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def missing_programs(path: str) -> tuple[str, ...]:
    """The programs that are not there, and without which no engine starts."""
    wanted = (*_ENGINE_PROGRAMS, *(program for program, _ in PROGRAMS))
    return tuple(
        name for name in wanted if (kit(path) if name == "rootlesskit" else shutil.which(name, path=path)) is None
    )


def kit(path: str) -> str | None:
    """Where RootlessKit is."""
    return next((found for name in NAMES if (found := shutil.which(name, path=path))), None)


def is_ready(path: str) -> bool:
    """Whether an ordinary user's engine can be started as things are."""
    ground = Ground.here(path)
    return not missing_programs(path) and not any(lacks(ground))


def require(ground: Ground, packages: Callable[[], Sequence[str]], as_root: Callable[[str], str]) -> None:
    """Raise ``PracticeFailed`` when something is missing, with one command by which an administrator brings it all.

    ``packages`` are asked for when programs are missing: the commands that install them, empty where none is known.
    """
    programs = missing_programs(ground.path)
    found = list(lacks(ground))
    if not programs and not found:
        return
    if any(not lack.command for lack in found):
        raise PracticeFailed(" ".join(lack.what for lack in found if not lack.command))
    commands = [lack.command for lack in found]
    whats = [lack.what for lack in found]
    if programs:
        installs = packages()
        commands = [*installs, *commands]
        word = "program" if len(programs) == 1 else "programs"
        whats = [f"the {word} {_and(programs)}", *whats]
        if not installs:
            raise PracticeFailed(
                f"{_NOT_YET} {_and(whats)}. How your system gets these programs, that page says:", _PAGE
            )
    raise PracticeFailed(
        f"{_NOT_YET} {_and(whats)}. This one command brings {'it' if len(whats) == 1 else 'all of it'}:",
        as_root(" && ".join(commands)),
    )


_NOT_YET = (
    "You can have an engine of your own here without being root, once an administrator has prepared the machine "
    "for it. Missing:"
)
_PAGE = "https://docs.docker.com/engine/security/rootless/"


def lacks(ground: Ground) -> Iterator[Lack]:
    """What of the system is missing, programs aside."""
    if not any(line.split()[4:5] == ["/"] for line in ground.text("/proc/self/mountinfo").splitlines()):
        yield Lack("This is a chroot, in which the kernel lets nobody but root start an engine.", "")
        return
    files = [kind for kind in ("uid", "gid") if not _has_range(ground, kind)]
    if files:
        first = _free_ids(ground)
        ids = f"{first}-{first + _IDS - 1}"
        options = " ".join(f"--add-sub{kind}s {ids}" for kind in files)
        where = _and([f"/etc/sub{kind}" for kind in files])
        yield Lack(
            f"{_IDS:,} user ids for the users inside your containers ({where})",
            f"usermod {options} {shlex.quote(ground.name)}",
        )
    tun = ground.root / _TUN.lstrip("/")
    if not tun.exists():
        yield Lack(f"the device {_TUN}, the engine's way into the network", f"modprobe tun && chmod 0666 {_TUN}")
    elif not os.access(tun, os.R_OK | os.W_OK):
        yield Lack(f"access to the device {_TUN}, the engine's way into the network", f"chmod 0666 {_TUN}")
    if ground.text("/proc/sys/user/max_user_namespaces").strip() == "0":
        yield Lack("user namespaces, which are switched off here", "sysctl -w user.max_user_namespaces=28633")
    if ground.text("/proc/sys/kernel/unprivileged_userns_clone").strip() == "0":
        yield Lack("user namespaces, which only root may make here", "sysctl -w kernel.unprivileged_userns_clone=1")


def _has_range(ground: Ground, kind: str) -> bool:
    """Whether the user has enough subordinate ids. Where another source than the files gives them, that is believed."""
    if re.search(r"^subid:(?!\s*files\s*$)", ground.text("/etc/nsswitch.conf"), re.MULTILINE):
        return True
    mine = {ground.name, str(ground.user)}
    return sum(count for owner, _, count in _ranges(ground, kind) if owner in mine) >= _IDS


def _ranges(ground: Ground, kind: str) -> Iterator[tuple[str, int, int]]:
    for line in ground.text(f"/etc/sub{kind}").splitlines():
        owner, _, numbers = line.strip().partition(":")
        first, _, count = numbers.partition(":")
        if first.isdigit() and count.isdigit():
            yield owner, int(first), int(count)


def _free_ids(ground: Ground) -> int:
    """The first of enough ids that are nobody's."""
    first = _FIRST_ID
    taken = sorted({(begin, count) for kind in ("uid", "gid") for _, begin, count in _ranges(ground, kind)})
    for begin, count in taken:
        if begin < first + _IDS and first < begin + count:
            first = begin + count
    return first


def _and(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + " and " * (len(words) > 1) + words[-1]


def packages_for(programs: Sequence[str], extras: Callable[[str], bool]) -> tuple[str, ...]:
    """Debian's packages of the missing ones among ``PROGRAMS``; ``extras`` tells whether apt knows a package.

    Beside Docker's own engine its own package is the right one: it and Debian's bring the same files.
    """
    names = dict(PROGRAMS)
    wanted = [names[program] for program in programs if program in names]
    if "rootlesskit" in wanted and extras(_VENDOR_EXTRAS):
        wanted[wanted.index("rootlesskit")] = _VENDOR_EXTRAS
    return tuple(dict.fromkeys(wanted))


# Starting.


def command(program: Sequence[str], state: Path, path: str, *, offline: bool = False) -> list[str]:
    """Return what to run to have ``program`` run in namespaces of its own; ``state`` is a folder that is made anew.

    ``offline`` tells that no name server will be reached.
    """
    return [
        str(kit(path)),
        f"--state-dir={state}",
        "--net=slirp4netns",
        f"--mtu={_MTU}",
        "--slirp4netns-sandbox=auto",
        "--slirp4netns-seccomp=auto",
        "--disable-host-loopback",
        "--port-driver=builtin",
        "--copy-up=/etc",
        "--copy-up=/run",
        "--propagation=rslave",
        "sh", "-c", (_OFFLINE if offline else "") + _INSIDE, "sh", *program,
    ]  # fmt: skip


def environment(given: Mapping[str, str], run: Path, config: Path) -> dict[str, str]:
    """What its environment has beyond ``given``: the way to the user's systemd, and folders in place of the user's."""
    more = {"XDG_RUNTIME_DIR": str(run), "XDG_CONFIG_HOME": str(config)}
    bus = _bus(given)
    if bus and not given.get("DBUS_SESSION_BUS_ADDRESS"):
        more["DBUS_SESSION_BUS_ADDRESS"] = bus
    kept = {key: value for key, value in given.items() if not key.startswith("ROOTLESSKIT")}
    return {**kept, **more}


def options(given: Mapping[str, str]) -> dict[str, object]:
    """What its configuration has to say of control groups: without a systemd of the user's, it can have none."""
    return {} if _bus(given) else {"exec-opts": ["native.cgroupdriver=cgroupfs"]}


def _bus(given: Mapping[str, str]) -> str:
    if address := given.get("DBUS_SESSION_BUS_ADDRESS"):
        return address
    folder = Path(given.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}")
    return f"unix:path={folder / 'bus'}" if (folder / "bus").is_socket() else ""


def joined(program: Sequence[str], process: Process) -> list[str]:
    """Return what to run to have ``program`` run in the network of an engine's process, with the rights of its root."""
    return [
        "nsenter", f"--target={process.pid}", "--user", "--preserve-credentials", "--net", "--", *program,
    ]  # fmt: skip


def remove(folders: Sequence[Path], path: str) -> None:
    """Remove folders of whose files some belong to the users inside of containers.

    Raises ``PracticeFailed`` when something stays.
    """
    import subprocess

    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    left = [str(folder) for folder in folders if folder.exists()]
    if not left:
        return
    program = kit(path)
    if program is None:
        raise PracticeFailed(
            f"{left[0]} holds files of users inside containers, and rootlesskit, which could remove them, is gone.",
            f"sudo rm -r {shlex.quote(left[0])}",
        )
    done = subprocess.run(
        [program, "rm", "-rf", "--one-file-system", "--", *left],
        capture_output=True, text=True, check=False, timeout=_REMOVE_SECONDS,
    )  # fmt: skip
    if done.returncode != 0 or any(os.path.lexists(folder) for folder in left):
        from dockerlearn.text import one_line

        raise PracticeFailed(
            f"{left[0]} could not be removed: {one_line(done.stderr, 300)}", f"sudo rm -r {shlex.quote(left[0])}"
        )
