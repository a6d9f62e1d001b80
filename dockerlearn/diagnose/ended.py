"""The container's process has ended, or does not get on: which exit code, what it said last, and what that means."""

from __future__ import annotations

import re
from datetime import timedelta

from dockerlearn.checks import prose
from dockerlearn.diagnose.diagnosis import Case, Diagnosis
from dockerlearn.engine.snapshots import ContainerSnapshot
from dockerlearn.text import one_line

AT_ONCE = timedelta(seconds=5)
"""A run that was shorter ended at once: started again, it would end the same way."""

_LINES = 3
_READ_ONLY = re.compile(r"read-only file ?system", re.I)
_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh", "python", "python3", "node", "irb"})


def look(case: Case) -> Diagnosis | None:
    """Tell why nothing runs."""
    there = case.there
    if there is None or case.wants_absent or there.never_started:
        return None
    if not (case.wants_it_up or case.field in {"exit_code", "status", "logs"}):
        return None
    if there.paused:
        return _paused(there) if case.wants_it_up else None
    if there.restarting or (there.restart_count and case.wants_it_up and case.outcome.wait is not None):
        return _loop(case, there)
    if there.status != "exited":
        return None
    if case.field == "logs":
        return _read_only(case, there)
    return _read_only(case, there) or _ended(case, there)


def said(case: Case, there: ContainerSnapshot) -> str:
    """The last lines that it printed, as a sentence; empty when it printed nothing."""
    lines = [one_line(line, 120) for line in case.world.logs(there).splitlines()]
    lines = [line for line in lines if line][-_LINES:]
    return f'The last it said: "{" / ".join(lines)}".' if lines else ""


def _ended(case: Case, there: ContainerSnapshot) -> Diagnosis | None:
    span = prose.lasted(there)
    at_once = span is not None and span < AT_ONCE
    code = there.exit_code
    last = said(case, there)
    head = f"it has ended with exit code {code}"
    if code == 0 and not there.oom_killed:
        return _done(there, head, last, at_once=at_once)
    name, why, way = _MEANINGS.get(code, _BY_A_SIGNAL if 128 < code < 160 else _OWN_ERROR)
    if there.oom_killed:
        allowed = f"It was allowed {_megabytes(there.memory)}." if there.memory else ""
        name, why, way = "out of memory", allowed, f"{_AGAIN} with a higher -m, or give it less to do"
    if way is _LOGS and not last:
        way = _AGAIN
    return Diagnosis(
        name=name,
        found=f"{head}: {prose.exit_meaning(code, oom_killed=there.oom_killed)}",
        why=_joined(last or ("It printed nothing." if name == _OWN_ERROR[0] else ""), why),
        next=way.format(name=there.name),
    )


_AGAIN = "docker rm {name}, then run it again"
_LOGS = "docker logs {name} shows all it said; docker rm {name}, then run it again with that mended"
_START = "docker start {name}"

_OWN_ERROR = ("ended with an error", "", _LOGS)
_BY_A_SIGNAL = ("ended by a signal", "", _LOGS)
_MEANINGS = {
    # exit code: the diagnosis, why that usually is, what to do
    125: ("ended 125", "", _LOGS),
    126: (
        "ended 126",
        "Probably a file without the right to execute it (chmod +x), or a folder.",
        f"{_AGAIN} with that mended",
    ),
    127: (
        "ended 127",
        "Probably a typing error, or a program that this image does not have.",
        f"{_AGAIN} with a command that the image has",
    ),
    137: (
        "ended 137",
        "Not for its memory, as far as the engine knows: probably by docker kill, or by docker stop after its wait.",
        _START,
    ),
    139: ("ended 139", "Usually that is a fault in the program, or the image is for another processor.", _LOGS),
    143: ("ended 143", "docker stop asks a program to end, and so does a shutdown of the host.", _START),
}


def _done(there: ContainerSnapshot, head: str, last: str, *, at_once: bool) -> Diagnosis:
    if not at_once:
        return Diagnosis(
            name="ended 0",
            found=f"{head}, without an error",
            why=_joined(last, "Probably it had nothing more to do, or docker stop asked it to end."),
            next=f"docker start {there.name}",
        )
    program = there.argv[0].rpartition("/")[2] if there.argv else ""
    if len(there.argv) == 1 and program in _SHELLS and not there.open_stdin:
        return Diagnosis(
            name="a shell with nothing to read",
            found=f"{head}: its command is {program}, which reads commands, and nobody can give it any",
            why="With -it there would be a terminal; with another command, something else to do.",
            next=f"docker rm {there.name}, then run it again with -it, or with a command that keeps running",
        )
    return Diagnosis(
        name="nothing to do",
        found=f'{head}: its command "{one_line(" ".join(there.argv), 60)}" ran and ended without an error',
        why=_joined(
            last,
            "A container runs as long as its first process. Probably that was done, or went into the background.",
        ),
        next=f"docker rm {there.name}, then run it again with a command that keeps running",
    )


def _read_only(case: Case, there: ContainerSnapshot) -> Diagnosis | None:
    if not there.exit_code or not _READ_ONLY.search(case.world.logs(there)):
        return None
    mount = next((mount.target for mount in there.mounts if mount.read_only), None)
    if there.read_only:
        where = "its file system may not be written to (--read-only)"
        way = "with --tmpfs or a volume where it has to write"
    elif mount is not None:
        where = f"what is mounted at {one_line(mount)} may not be written to (:ro)"
        way = "without :ro there"
    else:
        return None
    return Diagnosis(
        name="read-only",
        found=f"it has ended with exit code {there.exit_code}: {where}",
        why=said(case, there),
        next=f"docker rm {there.name}, then run it again {way}",
    )


def _paused(there: ContainerSnapshot) -> Diagnosis:
    return Diagnosis(
        name="paused",
        found="it is paused: its processes are frozen and answer nobody",
        next=f"docker unpause {there.name}",
    )


def _loop(case: Case, there: ContainerSnapshot) -> Diagnosis:
    policy = f" (--restart {there.restart_policy})" if there.restart_policy not in {"", "no"} else ""
    ends = f"it keeps ending with exit code {there.exit_code}" if there.restarting else "it keeps ending"
    return Diagnosis(
        name="restart loop",
        found=f"{ends}, and Docker has restarted it {prose.times(there.restart_count)} so far{policy}",
        why=_joined(said(case, there), "Restarting does not mend what ends it."),
        next=f"docker logs {there.name}; when the cause is found, docker rm -f {there.name} and run it again",
    )


def _joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:g} MB"
