"""What belongs to the course: the ledger's rules.

An object is the course's when the ledger has its id. It gets there when the tutor makes it, or when it appears in an
open attempt under a name that the lesson declares. A ``dl-`` name or a label alone proves nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.snapshots import ContainerSnapshot, ImageSnapshot, NetworkSnapshot, VolumeSnapshot
from dockerlearn.errors import NameTaken, OtherEngine
from dockerlearn.progress.records import Kind
from dockerlearn.progress.store import Attempt, Entry, Store
from dockerlearn.setup.spec import Declared
from dockerlearn.setup.traces import Memory

NONCE_LABEL = "dockerlearn.nonce"
"""Carried by what the tutor makes, so that after a crash an intent finds its object. It proves nothing else."""

INTENT_AGE = timedelta(hours=1)
"""How long a container's intent without an object is kept: another terminal may be about to make it."""


class Taken(msgspec.Struct, frozen=True):
    """A declared name that something else carries; ``remedy`` is the command that frees it and keeps the thing."""

    kind: Kind
    name: str
    object_id: str
    remedy: str


class Owned:
    """The course's objects on one engine, read from the ledger once."""

    def __init__(self, store: Store, engine_id: str) -> None:
        entries = store.entries(engine_id)
        self.intents = tuple(entry for entry in entries if entry.object_id is None)
        self.containers: Mapping[str, Entry] = {e.object_id: e for e in entries if e.object_id and e.kind == _CONTAINER}
        self.images: Mapping[tuple[str, str], Entry] = {
            (e.object_id, e.name): e for e in entries if e.object_id and e.kind == _IMAGE
        }
        self.networks: Mapping[str, Entry] = {e.object_id: e for e in entries if e.object_id and e.kind == _NETWORK}
        self.volumes: Mapping[str, Entry] = {e.object_id: e for e in entries if e.object_id and e.kind == _VOLUME}
        self.made_images = frozenset(image for (image, _), entry in self.images.items() if entry.made)

    def all(self) -> tuple[Entry, ...]:
        """Everything but intents: containers first, then what they may have been using."""
        return (
            *self.containers.values(),
            *self.images.values(),
            *self.networks.values(),
            *self.volumes.values(),
        )

    def has_container(self, container: ContainerSnapshot) -> bool:
        """Whether a container is the course's, whatever it is called now."""
        return container.id in self.containers

    def has_network(self, network: NetworkSnapshot) -> bool:
        """Whether a network is the course's."""
        return network.id in self.networks

    def has_volume(self, volume: VolumeSnapshot) -> bool:
        """Whether a volume is the course's."""
        return volume_id(volume) in self.volumes

    def has_tag(self, image: ImageSnapshot, reference: str) -> bool:
        """Whether the course, or the learner within it, gave this image this name."""
        return (image.id, references.normalise(reference)) in self.images


def observe(
    engine: EngineApi, store: Store, attempt: Attempt, declared: Declared, *, thorough: bool = False
) -> tuple[Entry, ...]:
    """Enter what appeared under the declared names in an open attempt, and return what was new.

    A container counts when it was made after the attempt began, by the engine's clock. ``attempt.began`` may be
    rounded down to the second: names that were taken then were refused before (``refuse_taken``), so that nothing
    foreign carries a declared name in the rest of that second. An image counts by that refusal alone, since a name is
    often given to an image that is older than the attempt; ``_is_made`` tells which are made in it. A volume has no id:
    it counts by that refusal, by its time, which engine 20.10 moves on with each change, and by what it was made with.
    Costs a look per declared name, whatever else there is.

    What came and lost its name again between two looks is found by the engine's memory (see ``traces``), which is asked
    when an image is new, and always when ``thorough``.

    Raises ``OtherEngine`` when the attempt belongs to another engine.
    """
    same_engine(engine, attempt)
    resolve(engine, store)
    owned = Owned(store, attempt.engine_id)
    known = {entry.id for entry in owned.all()}
    new: set[int] = set()
    began = attempt.began.replace(microsecond=0)  # a volume's time is told to the second
    memory: Memory | None = None
    for name in sorted(declared.containers):
        container = look(engine, name)
        if container and not owned.has_container(container) and container.created >= attempt.began:
            new.add(store.enter(attempt.engine_id, _CONTAINER, container.id, name, attempt.id))
            new |= _enter_volumes(engine, store, attempt, container)
    for name in sorted(declared.images):
        reference = references.normalise(name)
        image = engine.image(reference)
        _forget_lost_names(engine, store, owned, reference, image)
        if image and not owned.has_tag(image, reference):
            memory = memory or Memory.of(engine)
            made = image.id in owned.made_images or _is_made(image, store, attempt, declared, memory)
            new.add(store.enter(attempt.engine_id, _IMAGE, image.id, reference, attempt.id, made=made))
    for name in sorted(declared.networks):
        network = engine.network(name)
        if network and not owned.has_network(network) and network.created >= attempt.began:
            new.add(store.enter(attempt.engine_id, _NETWORK, network.id, name, attempt.id))
    for name in sorted(declared.volumes):
        volume = engine.volume(name)
        _forget_lost_volumes(store, owned, name, volume)
        if volume and not owned.has_volume(volume) and (volume.created is None or volume.created >= began):
            new.add(store.enter(attempt.engine_id, _VOLUME, volume_id(volume), name, attempt.id))
    if memory is not None or thorough:
        new |= _enter_traces(engine, store, attempt, declared, memory or Memory.of(engine))
    if not new:
        return ()
    return tuple(entry for entry in store.entries(attempt.engine_id) if entry.id in new - known)


def _is_made(image: ImageSnapshot, store: Store, attempt: Attempt, declared: Declared, memory: Memory) -> bool:
    """Whether an image that carries a declared name came to be in an attempt, so that it may go with its last name.

    One that was there when the attempt began did not, whatever its time says. One that was made since did. Without a
    file of its own a build keeps the time of its base, as do builds from the cache and what is pulled, loaded or
    imported: such a one counts when it has no name but declared ones, and is not known to have had others.
    """
    before = store.images_before(attempt.id)
    if before is not None and image.id in before:
        return False
    if image.created is not None and image.created >= attempt.began:
        return True
    names = {references.normalise(tag) for tag in image.tags}
    repositories = {references.repository(name) for name in declared.images}
    return (
        before is not None
        and image.digest_repositories <= repositories
        and not memory.had_others(image.id, declared.images, names)
    )


def _enter_volumes(engine: EngineApi, store: Store, attempt: Attempt, container: ContainerSnapshot) -> set[int]:
    """Enter the anonymous volumes that were made with a container: they stay when it is removed without them."""
    if container.leans_on:
        return set()  # with --volumes-from they are another one's
    names = [mount.name for mount in container.mounts if mount.anonymous and mount.name and not mount.asked_for]
    there = [volume for name in names if (volume := engine.volume(name)) is not None]
    return {store.enter(attempt.engine_id, _VOLUME, volume_id(one), one.name, attempt.id) for one in there}


def _enter_traces(engine: EngineApi, store: Store, attempt: Attempt, declared: Declared, memory: Memory) -> set[int]:
    """Enter images that certainly had a declared name in the attempt and were built over, although nobody looked.

    Volumes of containers that nobody saw are not told from volumes that were there for them; see ``unnamed``.
    """
    owned = Owned(store, attempt.engine_id)
    before = store.images_before(attempt.id)
    known = {image for image, _ in owned.images}
    new = set()
    for image_id, name in memory.images_tagged(declared.images, attempt.began).items():
        image = engine.image(image_id) if image_id not in known else None
        if image is None or image.tags or image.digests or (before is not None and image_id in before):
            continue
        created = image.created if image.created is not None and image.created >= attempt.began else None
        if (before is None and created is None) or not memory.had_only(
            image_id, declared.images, created or attempt.began
        ):
            continue
        new.add(store.enter(attempt.engine_id, _IMAGE, image_id, name, attempt.id))
    return new


def taken(engine: EngineApi, store: Store, declared: Declared) -> tuple[Taken, ...]:
    """Find declared names that are there and do not belong to the course. Call ``observe`` first in an open attempt."""
    resolve(engine, store)
    owned = Owned(store, engine.identity.id)
    found: list[Taken] = []
    for name in sorted(declared.containers):
        container = look(engine, name)
        if container and not owned.has_container(container):
            found.append(Taken(_CONTAINER, name, container.id, f"docker rename {name} {name}-mine"))
    for name in sorted(declared.images):
        image = engine.image(references.normalise(name))
        if image and not owned.has_tag(image, name):
            found.append(Taken(_IMAGE, references.short(name), image.id, free_tag(name)))
    for name in sorted(declared.networks):
        network = engine.network(name)
        if network and not owned.has_network(network):
            found.append(Taken(_NETWORK, name, network.id, f"docker network rm {name}"))
    for name in sorted(declared.volumes):
        volume = engine.volume(name)
        if volume and not owned.has_volume(volume):
            found.append(Taken(_VOLUME, name, volume_id(volume), free_volume(name)))
    return tuple(found)


def own_containers(store: Store, attempt: Attempt) -> frozenset[str]:
    """The ids of an attempt's containers."""
    entries = store.entries(attempt.engine_id)
    return frozenset(
        entry.object_id
        for entry in entries
        if entry.object_id and entry.kind == _CONTAINER and entry.attempt_id == attempt.id
    )


def refuse_taken(engine: EngineApi, store: Store, attempt: Attempt | None, declared: Declared) -> None:
    """Raise ``NameTaken`` when a declared name belongs to somebody else; it is never reused."""
    if attempt is not None:
        same_engine(engine, attempt)
    found = taken(engine, store, declared)
    if found:
        raise name_taken(found)


def name_taken(found: tuple[Taken, ...]) -> NameTaken:
    """The error that tells which names are taken, and how to free them."""
    names = ", ".join(
        f"{item.name} ({item.kind}{'' if item.kind == _VOLUME else f' {references.short_id(item.object_id)}'})"
        for item in found
    )
    are = "is a name" if len(found) == 1 else "are names"
    return NameTaken(
        f"{names} {are} that this lesson needs, and the course did not make what carries it. It is left alone.",
        " && ".join(item.remedy for item in found),
    )


def resolve(engine: EngineApi, store: Store) -> None:
    """Settle intents that a crash left open: what carries the noted nonce is the course's, the rest was never made."""
    for intent in store.entries(engine.identity.id):
        if intent.object_id is not None:
            continue
        there: ContainerSnapshot | ImageSnapshot | NetworkSnapshot | VolumeSnapshot | None
        if intent.kind == _CONTAINER:
            there = look(engine, intent.name)
        elif intent.kind == _IMAGE:
            there = engine.image(intent.name)
        else:
            there = (engine.network if intent.kind == _NETWORK else engine.volume)(intent.name)
        if there is not None and intent.nonce and there.labels.get(NONCE_LABEL) == intent.nonce:
            store.confirm(intent.id, volume_id(there) if isinstance(there, VolumeSnapshot) else there.id)
        elif intent.kind != _IMAGE and datetime.now(UTC) - intent.entered > INTENT_AGE:
            # That of a build stays: the build goes on from what is left of it when it is asked for again.
            store.forget(intent.id)


def look(engine: EngineApi, name: str) -> ContainerSnapshot | None:
    """The container of this very name; an engine also answers to the beginning of an id."""
    found = engine.container(name)
    return found if found and found.name == name else None


def same_engine(engine: EngineApi, attempt: Attempt) -> None:
    """Raise ``OtherEngine`` when an attempt began on another engine."""
    if engine.identity.id != attempt.engine_id:
        raise OtherEngine(
            f"This attempt at {attempt.lesson} began on another engine than the one at {engine.identity.address}.",
            f"dockerlearn start {attempt.lesson} --anew",
        )


_CONTAINER: Literal["container"] = "container"
_IMAGE: Literal["image"] = "image"
_NETWORK: Literal["network"] = "network"
_VOLUME: Literal["volume"] = "volume"


def volume_id(volume: VolumeSnapshot) -> str:
    """What a volume is known by: its name, and a digest of what it was made with.

    Engines give volumes no id, and 20.10 no time of making that stays. One that was removed and made again with the
    same options cannot be told from it; those that the tutor makes carry a nonce as a label, and can.
    """
    made_with = (volume.driver, sorted(volume.labels.items()), sorted(volume.options.items()), volume.mountpoint)
    return f"{volume.name}@{hashlib.sha256(repr(made_with).encode()).hexdigest()[:32]}"


def _forget_lost_volumes(store: Store, owned: Owned, name: str, now_there: VolumeSnapshot | None) -> None:
    """Strike out a volume that is gone: somebody who makes one of that name later must not find it the course's."""
    for identifier, entry in owned.volumes.items():
        if entry.name == name and (now_there is None or volume_id(now_there) != identifier):
            store.forget(entry.id)


def _forget_lost_names(
    engine: EngineApi, store: Store, owned: Owned, reference: str, now_there: ImageSnapshot | None
) -> None:
    """Strike out names that were given to an image in the course and that it has no longer.

    Otherwise somebody who gives the same name to the same image later would find it taken for the course's. An image
    that was made in the course stays in the ledger without its name: it is a leftover to clean.
    """
    for (image_id, name), entry in owned.images.items():
        if name != reference or (now_there is not None and now_there.id == image_id):
            continue
        if not entry.made or engine.image(image_id) is None:
            store.forget(entry.id)


def free_volume(name: str) -> str:
    """Return the command that frees a volume's name and keeps what is in it."""
    copy = f"docker run --rm -v {name}:/from -v {name}-mine:/to busybox cp -a /from/. /to"
    return f"{copy} && docker volume rm {name}"


def free_tag(name: str) -> str:
    """Return the command that moves an image's name out of the way and keeps the image.

    >>> free_tag("dl-app:v1")
    'docker tag dl-app:v1 dl-app-mine:v1 && docker rmi dl-app:v1'
    """
    short = references.short(name)
    repository, _, tag = short.rpartition(":")
    return f"docker tag {short} {repository}-mine:{tag} && docker rmi {short}"
