"""Something in the container's file system is not as it should be, and something is mounted there."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec

from dockerlearn.checks.container import Container
from dockerlearn.checks.http import Http
from dockerlearn.checks.volume import Volume
from dockerlearn.diagnose.diagnosis import Case, Diagnosis
from dockerlearn.diagnose.ended import said
from dockerlearn.engine.snapshots import ContainerSnapshot, Mount
from dockerlearn.text import one_line

_NO_FILE = re.compile(r"no such file|not found|cannot open|can't open|cannot access", re.I)

_CLOCKS = timedelta(seconds=2)
"""By how much a file's time may come before the engine's: both are this machine's, and file systems round."""


def look(case: Case) -> Diagnosis | None:
    """Look at the mount that covers the path that is asked for; of a web server, at any."""
    there = case.there
    if there is None or case.wants_absent or there.never_started:
        return None
    if isinstance(case.check, Container) and case.field == "mounts":
        return _not_named(case, there)
    paths = _asked(case, there)
    for mount in there.mounts:
        if any(_covers(mount, path) for path in paths):
            diagnosis = _empty_source(case, there, mount) or _volume_for_a_folder(case, there, mount)
            if diagnosis is not None:
                return _with_the_end(case, there, diagnosis)
    if isinstance(case.check, Container) and case.field == "files":
        return next(
            (_hides(there, mount, path) for path in paths for mount in there.mounts if _covers(mount, path)), None
        )
    return None


def _asked(case: Case, there: ContainerSnapshot) -> list[str]:
    check = case.check
    if isinstance(check, Container) and case.field == "files":
        # Only what is asked for and not there can be hidden, or missing in an empty folder.
        return [
            path for path, wanted in check.files.items() if wanted != "none" and case.world.path(there, path) is None
        ]
    if isinstance(check, Http) and there.is_up and f"{check.port}/tcp" in there.published:
        # Something answers, and not what should: nothing is known of where it has that from.
        return [mount.target for mount in there.mounts] if case.world.answered(there, check.port) else []
    if there.exit_code and not there.is_up and (case.wants_it_up or case.field in {"exit_code", "logs"}):
        last = "\n".join(case.world.logs(there).splitlines()[-3:])
        if _NO_FILE.search(last):
            return [mount.target for mount in there.mounts if mount.target in last]
    return []


def _with_the_end(case: Case, there: ContainerSnapshot, diagnosis: Diagnosis) -> Diagnosis:
    """Say first what is seen of it: what is answered, or that the process has ended."""
    if isinstance(case.check, Http):
        return msgspec.structs.replace(diagnosis, found=f"{case.outcome.found}, and {diagnosis.found}")
    if there.is_up or (isinstance(case.check, Container) and case.field == "files"):
        return diagnosis
    return msgspec.structs.replace(
        diagnosis,
        found=f"it has ended with exit code {there.exit_code}, and {diagnosis.found}",
        why=f"{said(case, there)} {diagnosis.why}".strip(),
    )


def _covers(mount: Mount, path: str) -> bool:
    return path == mount.target or path.startswith(f"{mount.target.rstrip('/')}/")


def _empty_source(case: Case, there: ContainerSnapshot, mount: Mount) -> Diagnosis | None:
    if mount.kind != "bind":
        return None
    changed = case.world.empty_folder(mount.source)
    if changed is None:
        return None
    source, target = one_line(mount.source), one_line(mount.target)
    if changed >= there.created - _CLOCKS:
        why = (
            "Probably it was not there when the container was made: -v makes an empty folder of what it does not find."
        )
    else:
        why = "What is in a mounted folder is what the container sees there, and that is nothing."
    return Diagnosis(
        name="an empty folder is mounted",
        found=f"the folder {source}, mounted at {target}, is empty",
        why=why,
        next=f"docker rm -f {there.name}, then run it again with the folder you mean, or put the files there",
    )


def _volume_for_a_folder(case: Case, there: ContainerSnapshot, mount: Mount) -> Diagnosis | None:
    if mount.kind != "volume" or mount.anonymous or not mount.name or "/" in mount.name:
        return None
    folder = case.world.file(mount.name)
    if folder is None or folder.kind != "directory":
        return None
    name, target = one_line(mount.name), one_line(mount.target)
    return Diagnosis(
        name="a volume where a folder was meant",
        found=f"a volume named {name} is mounted at {target}, not your folder {name}",
        why=f"Probably ./{name} was meant: what -v takes for a folder has a slash in it, a volume's name has none.",
        next=f'docker rm -f {there.name}, then run it again with -v "$PWD/{name}:{target}"',
    )


def _hides(there: ContainerSnapshot, mount: Mount, path: str) -> Diagnosis:
    what = {"bind": f"the folder {one_line(mount.source)}", "tmpfs": "an empty file system in memory (tmpfs)"}.get(
        mount.kind, f"the volume {one_line(mount.name or '')[:20]}"
    )
    target = one_line(mount.target)
    return Diagnosis(
        name="a mount hides the image's files",
        found=f"there is no {one_line(path)}: at {target} it sees {what}",
        why=f"Probably the image has that file: a mount hides, as long as it is there, what the image has at {target}.",
        next=f"docker rm -f {there.name}, then run it again with the mount somewhere else",
    )


def unused(case: Case) -> Diagnosis | None:
    """Of a volume that a container should have, say that the container has one without a name."""
    check = case.check
    if not isinstance(check, Volume) or check.absent or not isinstance(check.used_by, list | dict):
        return None
    for name in check.used_by:
        there = case.world.container(name)
        if there is None or any(mount.name == check.volume for mount in there.mounts):
            continue
        nameless = [mount for mount in there.mounts if mount.anonymous]
        if len(nameless) == 1:
            return anonymous(there, nameless[0], check.volume)
    return None


def _not_named(case: Case, there: ContainerSnapshot) -> Diagnosis | None:
    wanted = case.check.mounts if isinstance(case.check, Container) else None
    targets = set(wanted) if isinstance(wanted, dict) else set()
    for mount in there.mounts:
        if mount.anonymous and mount.target in targets:
            return anonymous(there, mount)
    return None


def anonymous(there: ContainerSnapshot, mount: Mount, name: str = "NAME") -> Diagnosis:
    """Say that a volume has no name of its own, where one named ``name`` is asked for."""
    target = one_line(mount.target)
    return Diagnosis(
        name="an anonymous volume",
        found=f"the volume of {there.name} at {target} has no name, only an id ({one_line(mount.name or '')[:12]})",
        why="-v with nothing before the colon, and VOLUME of an image, make a new volume for each container.",
        next=f"docker rm -f {there.name}, then run it again with -v {name}:{target}",
    )
