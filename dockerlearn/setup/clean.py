"""Takes away what the course made, and nothing else: by id, never by force, told before it is done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.api import ContainerRow, EngineApi
from dockerlearn.engine.snapshots import (
    ContainerSnapshot,
    ImageSnapshot,
    NetworkSnapshot,
    VolumeSnapshot,
    is_anonymous,
)
from dockerlearn.errors import EngineError, EngineRejected
from dockerlearn.progress.records import Kind
from dockerlearn.progress.store import Entry, Store
from dockerlearn.setup import ledger
from dockerlearn.setup.ledger import Owned
from dockerlearn.setup.unnamed import Unnamed
from dockerlearn.setup.workspace import lesson_folders
from dockerlearn.text import one_line
from dockerlearn.world import probes


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing of the course's, and what is to be done with it.

    ``name`` is what it is called now; ``entered_as`` what it was called when it was made. An image with other names is
    only untagged. ``leave`` says in ``reason`` what depends on it, and in ``remedy`` what would free it. ``restore`` is
    the public name that an image gets back before the course's name, its last one, is taken from it.
    """

    kind: Kind
    object_id: str
    name: str
    entered_as: str
    entry_id: int
    action: Literal["remove", "untag", "leave"]
    reason: str = ""
    remedy: str | None = None
    restore: str | None = None

    @property
    def has_lost_its_name(self) -> bool:
        """Whether this is an image that is known by its id alone now."""
        return self.kind == "image" and references.looks_like_id(self.name)


class CleanPlan(msgspec.Struct, frozen=True):
    """What would be done on one engine; ``folders`` are the learner's, and stay unless the learner removes them.

    ``unnamed`` is what may be of a lesson and stays too; see ``unnamed.find``.
    """

    engine_id: str
    items: tuple[Item, ...]
    folders: tuple[Path, ...] = ()
    unnamed: tuple[Unnamed, ...] = ()


class Done(msgspec.Struct, frozen=True):
    """What became of an item; ``left`` and ``gone`` (it was not there any more) have a reason."""

    item: Item
    did: Literal["removed", "untagged", "left", "gone"]
    reason: str = ""


_MORE_TRIES = 2

_LOST = "the engine could not be asked any more"


class CleanReport(msgspec.Struct, frozen=True):
    """What became of each item, in order; ``lost`` says why the engine could not be asked any more, if so."""

    done: tuple[Done, ...]
    lost: EngineError | None = None


def plan(
    engine: EngineApi,
    store: Store,
    *,
    attempts: frozenset[int] | None = None,
    only: str | None = None,
    workspace: Path | None = None,
) -> CleanPlan:
    """Find what the course made on this engine and decide what to do with each thing.

    ``attempts`` limits it to what those made, ``only`` to one image name in full form. What is gone already is struck
    out of the ledger. Call ``ledger.observe`` for open attempts first, so that what was made last is known.
    """
    ledger.resolve(engine, store)
    engine_id = engine.identity.id
    owned = Owned(store, engine_id)
    wanted = [
        entry
        for entry in owned.all()
        if (attempts is None or entry.attempt_id in attempts)
        and (only is None or (entry.kind == "image" and entry.name == only))
    ]
    containers: list[tuple[Entry, ContainerSnapshot]] = []
    images: list[tuple[Entry, ImageSnapshot]] = []
    shared: list[tuple[Entry, NetworkSnapshot | VolumeSnapshot]] = []
    for entry in wanted:
        there = _look(engine, entry)
        if there is None:
            store.forget(entry.id)
        elif isinstance(there, ContainerSnapshot):
            containers.append((entry, there))
        elif isinstance(there, ImageSnapshot):
            images.append((entry, there))
        else:
            shared.append((entry, there))
    if not containers and not images and not shared:
        return CleanPlan(engine_id, (), lesson_folders(workspace) if workspace else ())
    rows = engine.containers()
    # Podman removes no container on which another one leans, and whatever leans on something is younger.
    leaning = [one for one in containers if one[1].leans_on]
    containers = sorted(leaning, key=lambda one: one[1].created, reverse=True) + [
        one for one in containers if not one[1].leans_on
    ]
    images.sort(key=_turn)
    users = _dependents(engine, rows, [container for _, container in containers], owned)
    for entry, image in images:
        if not entry.made and image.id not in owned.made_images and not image.has_tag(entry.name):
            store.forget(entry.id)  # the course only gave it a name, and that is gone
    items = [_container_item(entry, container, users) for entry, container in containers]
    going = {item.object_id for item in items if item.action == "remove"}
    staying = [row for row in rows if row.id not in going]
    trusted = store.trusted_images(engine_id)
    for entry, image in images:
        users_of_image = _made_from(engine, image, staying)
        lost = _lost_names(engine, trusted.get(image.id, frozenset()))
        if item := _image_item(entry, image, users_of_image, owned, lost):
            items.append(item)
    items += [_shared_item(entry, there, _users(engine, there), going) for entry, there in shared]
    return CleanPlan(engine_id, tuple(items), lesson_folders(workspace) if workspace else ())


def _look(
    engine: EngineApi, entry: Entry
) -> ContainerSnapshot | ImageSnapshot | NetworkSnapshot | VolumeSnapshot | None:
    """Look for what an entry is about: that very object."""
    identifier = str(entry.object_id)
    if entry.kind == "container":
        return engine.container(identifier)
    if entry.kind == "image":
        return engine.image(identifier)
    if entry.kind == "network":
        return engine.network(identifier)
    volume = engine.volume(entry.name)
    return volume if volume is not None and ledger.volume_id(volume) == identifier else None


def _turn(one: tuple[Entry, ImageSnapshot]) -> tuple[bool, float]:
    """When an image goes: what lost its name may be what others were built on, and goes after them, the oldest last."""
    entry, image = one
    if image.has_tag(entry.name):
        return False, 0.0
    return True, -image.created.timestamp() if image.created is not None else 0.0


def _users(engine: EngineApi, there: NetworkSnapshot | VolumeSnapshot) -> tuple[ContainerRow, ...]:
    if isinstance(there, NetworkSnapshot):
        return probes.lasting(engine, engine.users_of_network(there))
    return probes.lasting(engine, engine.users_of_volume(there.name))


def carry_out(plan: CleanPlan, engine: EngineApi, store: Store) -> CleanReport:
    """Do what a plan says; what changed since it was made is looked at again, and left where it is in doubt.

    Also removes what probes of a tutor that was killed have left, which is nobody's. An engine that is lost on the way
    leaves the rest in the ledger.
    """
    if plan.engine_id != engine.identity.id:
        raise ValueError("a plan is for the engine it was made on")
    done: list[Done] = []
    for item in plan.items:
        if item.action == "leave":
            done.append(Done(item, "left", item.reason))
            continue
        try:
            done.append(_remove(item, engine, store))
        except EngineRejected as error:
            done.append(Done(item, "left", one_line(error.message).rstrip(".")))
        except EngineError as error:
            rest = plan.items[len(done) :]
            return CleanReport((*done, *(Done(one, "left", one.reason or _LOST) for one in rest)), error)
    probes.sweep(engine)
    return CleanReport(tuple(done))


def _remove(item: Item, engine: EngineApi, store: Store) -> Done:
    """Remove one thing; a helper of another tutor may have come in between the look and the removal."""
    for _ in range(_MORE_TRIES):
        with suppress(EngineRejected):
            return _REMOVERS[item.kind](item, engine, store)
        probes.lasting(engine, engine.containers())
    return _REMOVERS[item.kind](item, engine, store)


def dependents(
    engine: EngineApi, store: Store, containers: Iterable[ContainerSnapshot]
) -> dict[str, tuple[ContainerSnapshot, ...]]:
    """Find foreign containers that would break without some of the course's: id to those that depend on it."""
    return _dependents(engine, engine.containers(), list(containers), Owned(store, engine.identity.id))


def _dependents(
    engine: EngineApi, rows: Iterable[ContainerRow], ours: list[ContainerSnapshot], owned: Owned
) -> dict[str, tuple[ContainerSnapshot, ...]]:
    if not ours:
        return {}
    # What depends on a container is younger than it, so that older ones, however many, need no look.
    oldest = min(container.created for container in ours).replace(microsecond=0)
    younger = [row for row in rows if row.created >= oldest and row.id not in owned.containers]
    foreign = [there for row in probes.lasting(engine, younger) if (there := engine.container(row.id)) is not None]
    found: dict[str, tuple[ContainerSnapshot, ...]] = {}
    staying = list(foreign)
    while True:
        # One of ours that a foreign one depends on stays, and so does what it depends on itself.
        more = {
            container.id: users
            for container in ours
            if container.id not in found
            and (users := tuple(user for user in staying if user.id != container.id and _leans_on(user, container)))
        }
        if not more:
            return found
        found |= more
        staying += [container for container in ours if container.id in more]


def _leans_on(user: ContainerSnapshot, container: ContainerSnapshot) -> bool:
    # Docker keeps the id for a namespace, and what was typed for --volumes-from: a name, or the beginning of an id.
    return any(word == container.name or (word and container.id.startswith(word)) for word in user.leans_on)


def _container_item(
    entry: Entry, container: ContainerSnapshot, users: Mapping[str, tuple[ContainerSnapshot, ...]]
) -> Item:
    using = sorted(one_line(user.name) for user in users.get(container.id, ()))
    return Item(
        kind="container",
        object_id=container.id,
        name=container.name,
        entered_as=entry.name,
        entry_id=entry.id,
        action="leave" if using else "remove",
        reason=f"{', '.join(using)} {'use' if using[1:] else 'uses'} its network, processes, volumes or links"
        if using
        else "",
        remedy=f"docker rm -f {' '.join(using)}" if using else None,
    )


def _shared_item(
    entry: Entry, there: NetworkSnapshot | VolumeSnapshot, users: Iterable[ContainerRow], going: Collection[str]
) -> Item:
    """Decide about a network or volume: whoever stays and uses it keeps it."""
    names = sorted(one_line(row.name) for row in users if row.id not in going)
    on_it = isinstance(there, NetworkSnapshot)
    item = Item(
        kind=entry.kind,
        object_id=str(entry.object_id),
        name=there.name,
        entered_as=entry.name,
        entry_id=entry.id,
        action="leave" if names else "remove",
    )
    if not names:
        return item
    verb = ("is on it", "are on it") if on_it else ("has it", "have it")
    frees = (f"docker network disconnect {there.name} {name}" for name in names) if on_it else ()
    return msgspec.structs.replace(
        item,
        reason=f"{', '.join(names)} {verb[len(names) > 1]}",
        remedy=" && ".join(frees) or f"docker rm {' '.join(names)}",
    )


def _made_from(engine: EngineApi, image: ImageSnapshot, rows: Iterable[ContainerRow]) -> tuple[ContainerRow, ...]:
    return probes.lasting(engine, [row for row in rows if row.image_id == image.id])


def _lost_names(engine: EngineApi, names: frozenset[str]) -> list[str]:
    """The pack's names of an image that are on no image now."""
    return sorted(name for name in names if engine.image(name) is None)


def _image_item(
    entry: Entry, image: ImageSnapshot, users: Iterable[ContainerRow], owned: Owned, lost_names: list[str]
) -> Item | None:
    """Decide about one name of an image; None when there is nothing to do about it."""
    tags = {references.normalise(tag) for tag in image.tags}
    ours = {name for image_id, name in owned.images if image_id == image.id}
    repositories = {references.repository(name) for name in ours}
    pulled = {name for name in image.digest_repositories if name not in repositories}
    item = Item(
        kind="image",
        object_id=image.id,
        name=references.short(entry.name),
        entered_as=entry.name,
        entry_id=entry.id,
        action="remove",
    )
    if entry.name not in tags:
        # Another name by which it is listed, or the learner's own by now; or it only had a name from the course.
        if tags or pulled or image.id not in owned.made_images:
            return None
        item = msgspec.structs.replace(item, name=references.short_id(image.id))
    elif tags - ours or pulled:
        return msgspec.structs.replace(item, action="untag", reason="it has other names")
    elif image.id not in owned.made_images:
        if lost_names:
            back = references.short(lost_names[0])
            return msgspec.structs.replace(item, action="untag", reason=f"it gets back its name {back}", restore=back)
        return msgspec.structs.replace(
            item,
            action="leave",
            reason="it is the only name of an image that the course did not make",
            remedy=ledger.free_tag(entry.name),
        )
    if using := sorted(one_line(row.name) for row in users):
        return msgspec.structs.replace(
            item,
            action="leave",
            reason=f"{', '.join(using)} {'were' if using[1:] else 'was'} made from it",
            remedy=f"docker rm {' '.join(using)}",
        )
    return item


def _remove_container(item: Item, engine: EngineApi, store: Store) -> Done:
    there = engine.container(item.object_id)
    if there is not None and (users := dependents(engine, store, (there,))):
        return Done(item, "left", f"{one_line(users[there.id][0].name)} has come to depend on it")
    removed = engine.remove_container(item.object_id) if there is not None else False
    store.forget(item.entry_id)
    return Done(item, "removed") if removed else Done(item, "gone", "it was gone already")


def _remove_network(item: Item, engine: EngineApi, store: Store) -> Done:
    there = engine.network(item.object_id)
    if there is not None and (users := _users(engine, there)):
        return Done(item, "left", f"{one_line(users[0].name)} is on it")
    removed = engine.remove_network(item.object_id) if there is not None else False
    store.forget(item.entry_id)
    return Done(item, "removed") if removed else Done(item, "gone", "it was gone already")


def _remove_volume(item: Item, engine: EngineApi, store: Store) -> Done:
    there = engine.volume(item.name)
    if there is not None and ledger.volume_id(there) != item.object_id:
        return Done(item, "left", "another one carries the name now")
    if there is not None and (users := _users(engine, there)):
        return Done(item, "left", f"{one_line(users[0].name)} has it")
    removed = engine.remove_volume(item.name) if there is not None else False
    store.forget(item.entry_id)
    if there is None and is_anonymous(item.name):
        return Done(item, "removed", "with its container")
    return Done(item, "removed") if removed else Done(item, "gone", "it was gone already")


def _remove_image(item: Item, engine: EngineApi, store: Store) -> Done:
    unnamed = item.has_lost_its_name
    named = engine.image(item.object_id if unnamed else item.entered_as)
    if named is None:
        store.forget(item.entry_id)
        return Done(item, "gone", "it was gone already")
    if named.id != item.object_id:
        return Done(item, "left", "the name is on another image now")
    if item.action == "remove" and unnamed and named.tags:
        return Done(item, "left", "it has been given a name")
    if item.restore is not None and engine.image(item.restore) is None:
        engine.tag(item.object_id, item.restore)
    engine.remove_image(item.object_id if unnamed else item.name)
    left = engine.image(item.object_id)
    if left is None or left.tags or item.action == "untag":
        store.forget(item.entry_id)
    # An image that others were built on loses its name only; it stays in the ledger until they are gone.
    return Done(item, "removed") if left is None else Done(item, "untagged", item.reason)


_REMOVERS: Mapping[Kind, Callable[[Item, EngineApi, Store], Done]] = {
    "container": _remove_container,
    "image": _remove_image,
    "network": _remove_network,
    "volume": _remove_volume,
}
