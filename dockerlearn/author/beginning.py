"""What a step begins with, as far as the lesson says: to see whether starting it afresh brings the same back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from dockerlearn.course.names import declared
from dockerlearn.engine import references
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.snapshots import ContainerSnapshot, Mount
from dockerlearn.session.session import Place


def of(engine: EngineApi, place: Place, materials: Path) -> dict[str, str]:
    """Return the lesson's own things that are there, and the files that the step begins with, each with its state.

    ``materials`` is the lesson's folder of starter files; what a learner has put beside them is her own, and stays.

    Ids, addresses, times and names that the engine makes up are left out: they differ each time.
    """
    names = declared(place.lesson)
    found: dict[str, str] = {}
    for name in sorted(names.containers):
        container = engine.container(name)
        if container is not None and container.name == name:
            found[f"container {name}"] = _state(container)
    for tag in sorted(names.images):
        image = engine.image(tag)
        if image is not None:
            found[f"image {references.short(tag)}"] = f"of {len(image.layers)} layers"
    for name in sorted(names.networks & {row.name for row in engine.networks()}):
        found[f"network {name}"] = "there"
    for name in sorted(names.volumes & set(engine.volumes())):
        found[f"volume {name}"] = "there"
    found.update(_files(place, materials))
    return found


def difference(before: dict[str, str], after: dict[str, str]) -> str | None:
    """Say what is not as it was; None when all is."""
    told = [f"{name} was not there before" for name in sorted(after.keys() - before.keys())]
    told += [f"{name} is missing" for name in sorted(before.keys() - after.keys())]
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            told.append(f"{name} was {before[name]} and is {after[name]}")
    return "; ".join(told) or None


def _state(there: ContainerSnapshot) -> str:
    networks = ",".join(sorted(member.network for member in there.networks))
    mounts = ",".join(sorted(f"{mount.target}={_source(mount)}" for mount in there.mounts))
    command = " ".join(there.argv)
    return f"{there.status} from {there.image_ref}, command {command!r}, networks [{networks}], mounts [{mounts}]"


def _source(mount: Mount) -> str:
    # The engine makes a name up for each; what is asked for by such a name was made by it before.
    return "a volume without a name" if mount.anonymous else mount.name or mount.source


def _files(place: Place, materials: Path) -> Iterator[tuple[str, str]]:
    names = {item.name for item in place.step.setup if item.word == "file"}
    for given in place.step.files:
        root = materials / given
        inside = sorted(root.rglob("*")) if root.is_dir() else [root]
        names |= {path.relative_to(materials).as_posix() for path in inside}
    for name in sorted(names):
        path = place.folder / name
        if path.is_file():
            yield f"file {name}", f"with the checksum {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
