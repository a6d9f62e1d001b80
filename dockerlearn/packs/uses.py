"""What a pack will use on an engine and on this machine, told before it is added."""

from __future__ import annotations

import msgspec

from dockerlearn.course.models import Lesson
from dockerlearn.course.names import declared
from dockerlearn.course.packs import LoadedPack
from dockerlearn.engine import references
from dockerlearn.setup.spec import SetupContainer


class Uses(msgspec.Struct, frozen=True):
    """``images`` are pulled, ``made`` are names of images that are made; ``ports`` are opened on this machine.

    ``mounts`` are folders beneath a lesson's that a set-up mounts into a container, as ``lesson: ./folder``. A port
    with ``+`` is the first of those that may be chosen. All are sorted.
    """

    images: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()


def of(pack: LoadedPack) -> Uses:
    """Read it from all lessons of a pack. Raises ``LessonError`` for a lesson that cannot be read."""
    found: dict[str, set[str]] = {field: set() for field in Uses.__struct_fields__}
    # Of pack.yaml, so that what only a solution names is told too.
    found["images"].update(pack.references.values())
    for slug in pack.lessons:
        lesson = pack.lesson(slug)
        names = declared(lesson)
        found["containers"] |= names.containers
        found["networks"] |= names.networks
        found["volumes"] |= names.volumes
        found["made"] |= {references.short(name) for name in names.images}
        chosen = {str(one.free_port) for one in pack.variables(slug).values() if one.free_port is not None}
        found["ports"] |= {f"{port}+" for port in chosen}
        for port, mount in _of_setup(lesson):
            if port and port not in chosen:
                found["ports"].add(port)
            if mount:
                found["mounts"].add(f"{slug}: {mount}")
    return Uses(**{field: tuple(sorted(names)) for field, names in found.items()})


def _of_setup(lesson: Lesson) -> list[tuple[str, str]]:
    """The ports that a set-up opens, and the folders that it mounts."""
    found: list[tuple[str, str]] = []
    for step in lesson.steps:
        for item in step.setup:
            if isinstance(item, SetupContainer):
                found += [(str(port), "") for port in item.publish.values() if port]
                found += [("", how.source) for how in item.stated_mounts.values() if how.source is not None]
    return found


class Changes(msgspec.Struct, frozen=True):
    """What is different in a newer state of a pack; ``uses`` are lines with ``+`` and ``-``."""

    version: tuple[str, str] | None
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    uses: tuple[str, ...]
    pack: bool

    @property
    def none(self) -> bool:
        """Whether nothing is."""
        return not self.pack and not (self.version or self.added or self.removed or self.changed or self.uses)


def changes(before: LoadedPack | None, sums_before: dict[str, str], after: LoadedPack, sums: dict[str, str]) -> Changes:
    """Compare two states of a pack by the checksums of their files; ``before`` None can no longer be read."""
    old, new = _by_lesson(sums_before), _by_lesson(sums)
    then, now = (of(before) if before is not None else Uses()), of(after)
    lines = []
    for field in Uses.__struct_fields__:
        was, is_ = set(getattr(then, field)), set(getattr(now, field))
        lines += [f"+ {field}: {name}" for name in sorted(is_ - was)] + [
            f"- {field}: {name}" for name in sorted(was - is_)
        ]
    version = before.version if before is not None else ""
    return Changes(
        version=(version, after.version) if version != after.version else None,
        added=tuple(sorted(set(new) - set(old))),
        removed=tuple(sorted(set(old) - set(new))),
        changed=tuple(sorted(name for name in set(new) & set(old) if new[name] != old[name])),
        uses=tuple(lines),
        pack=sums_before.get("pack.yaml") != sums.get("pack.yaml"),
    )


def _by_lesson(sums: dict[str, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for path, one in sums.items():
        lesson, slash, rest = path.partition("/")
        if slash:
            found.setdefault(lesson, {})[rest] = one
    return found
