"""Processes on Linux, told apart by more than a number: numbers are used again."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

_PROC = Path("/proc")


class Process(msgspec.Struct, frozen=True):
    """A process: its number and the tick since boot at which it started, which together name it for good."""

    pid: int
    start: int


def _stat(pid: int) -> list[str] | None:
    """The fields of ``/proc/PID/stat`` from the third on; the second may hold spaces and brackets."""
    try:
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def look(pid: int) -> Process | None:
    """The process of this number, or None when there is none or it has ended (a zombie)."""
    fields = _stat(pid)
    if fields is None or fields[0] in "ZX":
        return None
    return Process(pid, int(fields[19]))


def is_alive(process: Process) -> bool:
    """Whether this very process still runs. Collects it first in case it was a child of ours that ended."""
    with contextlib.suppress(ChildProcessError, PermissionError):
        os.waitpid(process.pid, os.WNOHANG)
    return look(process.pid) == process


def command_line(pid: int) -> tuple[str, ...]:
    """Its program and arguments; empty when it is gone."""
    try:
        return tuple((_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1])
    except OSError:
        return ()


def every() -> list[int]:
    """The numbers of all processes that can be seen."""
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def naming(folders: Iterable[Path], programs: Iterable[str]) -> list[Process]:
    """Processes of one of ``programs`` (a name, or its beginning up to a dash) with an argument inside ``folders``."""
    inside = tuple(str(folder) for folder in folders)
    names = tuple(programs)
    found = []
    for pid in every():
        line = command_line(pid)
        if not line or not any(_base(line[0]) == name or _base(line[0]).startswith(f"{name}-") for name in names):
            continue
        if any(_is_inside(argument, folder) for argument in line[1:] for folder in inside):
            process = look(pid)
            if process is not None:
                found.append(process)
    return found


def _base(program: str) -> str:
    return program.rpartition("/")[2]


def _is_inside(argument: str, folder: str) -> bool:
    argument = argument.rpartition("=")[2]
    return argument == folder or argument.startswith(f"{folder}/")


def descendants(roots: Iterable[Process]) -> list[Process]:
    """The processes that descend from ``roots``, without these."""
    children: dict[int, list[Process]] = {}
    for pid in every():
        fields = _stat(pid)
        if fields is not None and fields[0] not in "ZX":
            children.setdefault(int(fields[1]), []).append(Process(pid, int(fields[19])))
    found: list[Process] = []
    waiting = list(roots)
    while waiting:
        below = children.pop(waiting.pop().pid, [])
        found += below
        waiting += below
    return found


def in_cgroups(names: Iterable[str]) -> list[Process]:
    """The processes in a control group of one of these names; an engine names a container's by its id."""
    wanted = frozenset(names)
    found = []
    for pid in every() if wanted else ():
        try:
            text = (_PROC / str(pid) / "cgroup").read_text()
        except OSError:
            continue
        # "9:memory:/docker/ID", or "0::/system.slice/docker-ID.scope" where systemd makes the groups.
        parts = {part.removeprefix("docker-").removesuffix(".scope") for part in text.replace("\n", "/").split("/")}
        if parts & wanted and (process := look(pid)) is not None:
            found.append(process)
    return found


def beside(pid: int) -> tuple[str, ...]:
    """The command lines of all in the process namespace of a process; empty where it is hidden, or is ours."""

    def namespace(of: int | str) -> str:
        try:
            return str((_PROC / str(of) / "ns" / "pid").readlink())
        except OSError:
            return ""

    wanted = namespace(pid)
    if pid == 0 or wanted in ("", namespace("self")):
        return ()
    lines = (command_line(other) for other in sorted(every()) if namespace(other) == wanted)
    return tuple(" ".join(line) for line in lines if line)


def with_mounts_of(containers: Iterable[str]) -> list[Process]:
    """The processes that have something mounted from the folder of a container of one of these ids (64 digits).

    Every container has: its names and name servers are such files. A container's id is nobody else's.
    """
    wanted = frozenset(containers)
    found = []
    for pid in every() if wanted else ():
        try:
            text = (_PROC / str(pid) / "mountinfo").read_text(errors="replace")
        except OSError:
            continue
        parts = {part for line in text.splitlines() if "/containers/" in line for part in line.split()[3].split("/")}
        if parts & wanted and (process := look(pid)) is not None:
            found.append(process)
    return found


def send(process: Process, number: signal.Signals) -> bool:
    """Send a signal to this very process and to no later one of its number; False when it is gone."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        # The handle holds on to whatever process has the number now; that it is the right one is checked after.
        if look(process.pid) != process:
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def wait_gone(gone: Iterable[Process], seconds: float) -> list[Process]:
    """Wait until none of the processes runs; the value is those that still do after ``seconds``."""
    left = [process for process in gone if is_alive(process)]
    deadline = time.monotonic() + seconds
    while left and time.monotonic() < deadline:
        time.sleep(0.01)
        left = [process for process in left if is_alive(process)]
    return left


def network_namespace(pid: int | None = None) -> str:
    """What names the network namespace of a process (default: the calling thread); empty when it cannot be seen."""
    try:
        return str((_PROC / (str(pid) if pid is not None else "thread-self") / "ns" / "net").readlink())
    except OSError:
        return ""


def boot_id() -> str:
    """What names the time since this machine was started."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def spawn(arguments: list[str], environment: dict[str, str], log: Path, keep: tuple[int, ...] = ()) -> Process:
    """Start a program that outlives this one: a session of its own, in ``/``, with no terminal; output goes to ``log``.

    ``keep`` are descriptors it inherits under their numbers. Raises ``OSError`` when it cannot be started.
    """
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in keep:
        os.set_inheritable(descriptor, True)
    try:
        pid = os.posix_spawn(
            "/bin/sh",
            # The shell is there for the change of folder only and becomes the program.
            ["sh", "-c", 'cd / && exec "$@"', "sh", *arguments],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGPIPE],
        )
    finally:
        os.close(output)
        for descriptor in keep:
            os.set_inheritable(descriptor, False)
    process = look(pid)
    if process is None:
        os.waitpid(pid, 0)
        raise OSError(f"{arguments[0]} ended at once")
    return process
