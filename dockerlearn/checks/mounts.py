"""What a container has mounted: volumes, folders of the host, tmpfs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding, Mention
from dockerlearn.checks.matchers import ANY, NONE, Wanted, describe, fits
from dockerlearn.engine.snapshots import ContainerSnapshot, Mount
from dockerlearn.world.world import World


class MountWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How something is mounted.

    ``kind`` is volume, bind or tmpfs; ``name`` the volume's; ``source`` the folder's, which begins with ``.`` when it
    is beneath the lesson's; ``anonymous`` says whether the engine made up the volume's name.

    >>> MountWanted(kind="bind", source="./site", read_only=True).source
    './site'
    """

    kind: Wanted | None = None
    name: Wanted | None = None
    source: Wanted | None = None
    read_only: bool | None = None
    anonymous: bool | None = None


Mounts = dict[str, MountWanted | str] | str
"""``{/data: dl-data, /site: {kind: bind, source: ./site}}``: what is mounted where; or ``any``, or ``none``.

A text is a volume's name, or a folder beneath the lesson's when it begins with ``.``, or ``any`` or ``none``.
"""


def mentions(wanted: Mounts | None) -> Iterator[Mention]:
    """The volumes that are named."""
    for how in wanted.values() if isinstance(wanted, dict) else ():
        name = how.name if isinstance(how, MountWanted) else how
        if isinstance(name, str) and name not in {ANY, NONE, "false"} and not name.startswith((".", "/")):
            yield "volume", name


def findings(world: World, there: ContainerSnapshot, wanted: Mounts) -> Iterator[Finding]:
    """Look at each path that is asked about."""
    name = there.name
    told = prose.mount_list(there.mounts)
    if isinstance(wanted, str):
        ok = bool(there.mounts) == (wanted != NONE)
        expected = f"{name} should have {'nothing' if wanted == NONE else 'something'} mounted"
        yield Finding(ok=ok, expected=expected, found=told)
        return
    for path, how in wanted.items():
        mount = next((one for one in there.mounts if _same_path(one.target, path)), None)
        if how in (NONE, "false"):
            expected = f"{name} should have nothing mounted at {path}"
            yield Finding(ok=mount is None, expected=expected, found=prose.mounted(mount) if mount else told)
        elif mount is None:
            expected = f"{name} should have {_asked(how)} mounted at {path}"
            yield Finding(ok=False, expected=expected, found=told, next=f"docker inspect {name}")
        elif isinstance(how, str):
            ok = how == ANY or _is_source(world, mount, how)
            expected = f"{name} should have {_asked(how)} mounted at {path}"
            yield Finding(ok=ok, expected=expected, found=prose.mounted(mount))
        else:
            yield from _as_wanted(world, name, mount, how)


def _as_wanted(world: World, name: str, mount: Mount, how: MountWanted) -> Iterator[Finding]:
    found = prose.mounted(mount)
    where = f"mounted at {mount.target} in {name}"
    if how.kind is not None:
        yield Finding(ok=fits(how.kind, mount.kind), expected=f"a {describe(how.kind)} should be {where}", found=found)
    if how.name is not None:
        expected = f"the volume {describe(how.name)} should be {where}"
        yield Finding(ok=fits(how.name, mount.name), expected=expected, found=found)
    if how.source is not None:
        ok = _is_source(world, mount, how.source) if isinstance(how.source, str) else fits(how.source, mount.source)
        yield Finding(ok=ok, expected=f"the folder {describe(how.source)} should be {where}", found=found)
    if how.anonymous is not None:
        expected = f"the volume {where} should {'not ' if how.anonymous else ''}have a name of its own"
        yield Finding(ok=how.anonymous == (mount.kind == "volume" and mount.anonymous), expected=expected, found=found)
    if how.read_only is not None:
        expected = f"what is {where} should be {'read-only' if how.read_only else 'writable'}"
        yield Finding(ok=how.read_only == mount.read_only, expected=expected, found=found)


def _is_source(world: World, mount: Mount, wanted: str) -> bool:
    if wanted.startswith((".", "/")):
        return mount.kind == "bind" and world.is_folder(mount.source, wanted)
    if wanted == ANY:
        return bool(mount.source)
    return mount.kind == "volume" and mount.name == wanted


def _asked(how: MountWanted | str) -> str:
    if isinstance(how, MountWanted):
        for text in (how.name, how.source):
            if isinstance(text, str) and text not in {ANY, NONE, "false"}:
                return _asked(text)
        return f"a {how.kind}" if isinstance(how.kind, str) and how.kind != ANY else "something"
    if how == ANY:
        return "something"
    return f"the lesson's folder {how}" if how.startswith(".") else f"the volume {how}"


def _same_path(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")
