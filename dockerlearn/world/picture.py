"""The engine as a picture: what is there, how it hangs together, and what is different from a picture before."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.snapshots import BUILT_IN_NETWORKS, ContainerSnapshot, ImageSnapshot, is_anonymous
from dockerlearn.world.probes import is_helper

Kind = Literal["container", "image", "network", "volume"]
Change = Literal["new", "gone", "changed"]


class Place(msgspec.Struct, frozen=True):
    """A container's place on a network: its address while it runs, and the names it is found by there."""

    network: str
    ip: str | None = None
    names: tuple[str, ...] = ()


class MountPoint(msgspec.Struct, frozen=True):
    """What is mounted in a container. ``source`` is a volume's name or a path of the host; empty for a tmpfs."""

    kind: str
    source: str
    target: str
    read_only: bool = False


class Container(msgspec.Struct, frozen=True):
    """A container of the picture.

    ``state`` is Docker's word, with the exit code where it ended; ``ports`` are as ``8080 → 80/tcp``, with the address
    of the host before it unless it is all of them. ``image`` is the name it was made by.
    """

    id: str
    name: str
    state: str
    image: str
    image_id: str
    places: tuple[Place, ...] = ()
    ports: tuple[str, ...] = ()
    mounts: tuple[MountPoint, ...] = ()


class Image(msgspec.Struct, frozen=True):
    """An image: its names (none for a leftover), ``size`` in bytes, and its layers from the lowest up."""

    id: str
    names: tuple[str, ...]
    size: int
    layers: tuple[str, ...] = ()


class Network(msgspec.Struct, frozen=True):
    """A network."""

    id: str
    name: str
    driver: str
    internal: bool = False


class Volume(msgspec.Struct, frozen=True):
    """A volume, and the containers of the picture that have it."""

    name: str
    users: tuple[str, ...] = ()
    anonymous: bool = False


class Picture(msgspec.Struct, frozen=True):
    """What is the course's on an engine, and how much else there is, by kind, which is only counted."""

    engine_id: str
    containers: tuple[Container, ...] = ()
    images: tuple[Image, ...] = ()
    networks: tuple[Network, ...] = ()
    volumes: tuple[Volume, ...] = ()
    foreign: dict[Kind, int] = {}


class Subjects(msgspec.Struct, frozen=True):
    """What belongs into the picture: ids of containers, images and networks, and names of volumes and of images."""

    containers: Collection[str] = ()
    images: Collection[str] = ()
    networks: Collection[str] = ()
    volumes: Collection[str] = ()
    references: Collection[str] = ()


def take(engine: EngineApi, subjects: Subjects) -> Picture:
    """Look at the subjects and at what hangs on them: their networks, volumes and images.

    Costs a list per kind and a look per subject, whatever else there is.
    """
    rows = engine.containers()
    wanted = frozenset(subjects.containers)
    seen = [engine.container(row.id) for row in rows if row.id in wanted]
    containers = sorted(
        (_container(one) for one in seen if one is not None and not is_helper(one)), key=lambda one: one.name
    )
    names = {place.network for one in containers for place in one.places}
    own_networks, own_volumes = frozenset(subjects.networks), frozenset(subjects.volumes)
    network_rows = engine.networks()
    networks = [
        Network(found.id, found.name, found.driver, found.internal)
        for row in network_rows
        if (row.name in names or row.id in own_networks) and (found := engine.network(row.id)) is not None
    ]
    mounted = {point.source for one in containers for point in one.mounts if point.kind == "volume"}
    volume_names = engine.volumes()
    volumes = [
        Volume(name, _with_source(containers, name), is_anonymous(name))
        for name in volume_names
        if name in mounted or name in own_volumes
    ]
    images = _images(engine, subjects, containers)
    ours = {name for image in images for name in image.names}
    return Picture(
        engine_id=engine.identity.id,
        containers=tuple(containers),
        images=images,
        networks=tuple(networks),
        volumes=tuple(volumes),
        foreign={
            "container": len(rows) - len(seen),
            "image": sum(references.short(tag) not in ours for tag in engine.image_tags()),
            "network": len({row.name for row in network_rows} - {one.name for one in networks} - BUILT_IN_NETWORKS),
            "volume": len(volume_names) - len(volumes),
        },
    )


def _with_source(containers: Collection[Container], name: str) -> tuple[str, ...]:
    return tuple(one.name for one in containers if any(point.source == name for point in one.mounts))


def _container(one: ContainerSnapshot) -> Container:
    return Container(
        id=one.id,
        name=one.name,
        state=_state(one),
        image=references.short(one.image_ref) if not references.looks_like_id(one.image_ref) else one.image_ref[:12],
        image_id=one.image_id,
        places=tuple(
            Place(
                member.network,
                member.ip if one.running else None,
                tuple(sorted(name for name in member.names if not one.id.startswith(name) and name != one.name)),
            )
            for member in one.networks
        ),
        ports=tuple(_ports(one)),
        mounts=tuple(
            MountPoint(mount.kind, mount.name or mount.source, mount.target, mount.read_only) for mount in one.mounts
        ),
    )


def _state(one: ContainerSnapshot) -> str:
    if one.status in {"exited", "dead"}:
        return f"exited {one.exit_code}"
    health = f" {one.health.status}" if one.health is not None and one.running else ""
    return f"{one.status}{health}"


def _ports(one: ContainerSnapshot) -> Iterable[str]:
    for port, bindings in sorted(one.published.items()):
        # 0.0.0.0 and :: are one door for people.
        told = dict.fromkeys(
            f"{'' if b.host_ip in {'0.0.0.0', '::', ''} else b.host_ip + ':'}{b.host_port} → {port}"  # noqa: S104  # read, not bound to
            for b in bindings
            if b.host_port
        )
        yield from told


def _images(engine: EngineApi, subjects: Subjects, containers: list[Container]) -> tuple[Image, ...]:
    asked = {*subjects.images, *subjects.references, *(one.image_id for one in containers)}
    found: dict[str, ImageSnapshot] = {}
    for reference in sorted(asked):
        image = engine.image(reference)
        if image is not None:
            found[image.id] = image
    images = [
        Image(image.id, tuple(sorted(references.short(tag) for tag in image.tags)), image.size, image.layers)
        for image in found.values()
    ]
    return tuple(sorted(images, key=lambda image: (not image.names, image.names, image.id)))


def compare(before: Picture | None, now: Picture) -> dict[tuple[Kind, str], Change]:
    """What is different, by kind and key: the id of a container or network, the name of a volume or of an image.

    Without a picture before, or with one of another engine, nothing is.
    """
    if before is None or before.engine_id != now.engine_id:
        return {}
    changes: dict[tuple[Kind, str], Change] = {}
    for kind in KINDS:
        old, new = _things(before, kind), _things(now, kind)
        for key in old.keys() | new.keys():
            if key not in old:
                changes[kind, key] = "new"
            elif key not in new:
                changes[kind, key] = "gone"
            elif old[key] != new[key]:
                changes[kind, key] = "changed"
    return changes


KINDS: tuple[Kind, ...] = ("container", "image", "network", "volume")


def _things(picture: Picture, kind: Kind) -> dict[str, object]:
    if kind == "container":
        return {one.id: one for one in picture.containers}
    if kind == "network":
        # Those that every engine has do not come and go; a container of the course does.
        return {one.id: one for one in picture.networks if one.name not in BUILT_IN_NETWORKS}
    if kind == "volume":
        return {one.name: one for one in picture.volumes}
    return {name: image.id for image in picture.images for name in image.names or (image.id,)}


def comparable(engine: EngineApi, before: Picture | None, now: Picture) -> Picture | None:
    """The picture before, without what is still on the engine and only does not belong into the picture any more.

    Such is a network that none of the course's containers is on now. Costs a look at each thing that was drawn before.
    """
    if before is None or before.engine_id != now.engine_id:
        return None
    containers = {one.id for one in now.containers}
    networks = {one.id for one in now.networks}
    volumes = {one.name for one in now.volumes}
    images = {image.id for image in now.images}
    return msgspec.structs.replace(
        before,
        containers=tuple(o for o in before.containers if o.id in containers or engine.container(o.id) is None),
        networks=tuple(o for o in before.networks if o.id in networks or engine.network(o.id) is None),
        volumes=tuple(o for o in before.volumes if o.name in volumes or engine.volume(o.name) is None),
        images=tuple(image for image in before.images if image.id in images or engine.image(image.id) is None),
    )


def about(before: Picture, now: Picture, names: Subjects) -> tuple[Picture, Picture, int]:
    """Return both pictures with only what ``names`` names, what is different, and what these hang on.

    The third value is how much is left out. ``names`` has names throughout, of images in full form.
    """
    changes = compare(before, now)

    def kept(picture: Picture) -> Picture:
        containers = [
            one for one in picture.containers if one.name in names.containers or ("container", one.id) in changes
        ]
        on = {place.network for one in containers for place in one.places}
        made_from = {one.image_id for one in containers}
        mounted = {point.source for one in containers for point in one.mounts if point.kind == "volume"}
        return msgspec.structs.replace(
            picture,
            containers=tuple(containers),
            networks=tuple(
                one for one in picture.networks if one.name in {*names.networks, *on} or ("network", one.id) in changes
            ),
            volumes=tuple(
                one
                for one in picture.volumes
                if one.name in {*names.volumes, *mounted} or ("volume", one.name) in changes
            ),
            images=tuple(
                image
                for image in picture.images
                if image.id in made_from
                or any(references.normalise(name) in names.images for name in image.names)
                or any(("image", name) in changes for name in image.names or (image.id,))
            ),
        )

    shown = kept(now)
    return kept(before), shown, sum(len(_things(now, kind)) - len(_things(shown, kind)) for kind in KINDS)


def with_gone(before: Picture | None, now: Picture) -> Picture:
    """The picture with what was there before and is not any more, so that it can be drawn as gone."""
    if before is None or before.engine_id != now.engine_id:
        return now
    ids = {one.id for one in now.containers}
    networks = {one.id for one in now.networks}
    volumes = {one.name for one in now.volumes}
    named = {name for image in now.images for name in image.names}
    there = {image.id for image in now.images}
    lost = [
        msgspec.structs.replace(image, names=tuple(name for name in image.names if name not in named))
        for image in before.images
    ]
    return msgspec.structs.replace(
        now,
        containers=(*now.containers, *(one for one in before.containers if one.id not in ids)),
        networks=(*now.networks, *(one for one in before.networks if one.id not in networks)),
        volumes=(*now.volumes, *(one for one in before.volumes if one.name not in volumes)),
        images=(*now.images, *(image for image in lost if image.names or image.id not in there)),
    )
