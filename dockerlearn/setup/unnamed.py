"""Finds what was made beside a lesson and is not certainly the course's: ``clean`` lists it, and nothing removes it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.snapshots import ContainerSnapshot, ImageSnapshot, is_made_up
from dockerlearn.progress.records import Attempt, Kind
from dockerlearn.progress.store import Store
from dockerlearn.setup.ledger import Owned, volume_id
from dockerlearn.setup.traces import Memory
from dockerlearn.text import one_line
from dockerlearn.world.probes import is_helper

MOST = 20
"""Things of one kind that are looked at and listed; of more, how many there are is told."""

_COMPOSE = "com.docker.compose.project"


class Unnamed(msgspec.Struct, frozen=True):
    """A thing that may be the learner's own doing in a lesson: why it is listed, and the command that removes it."""

    kind: Kind
    name: str
    reason: str
    remedy: str


def find(
    engine: EngineApi, store: Store, images: Collection[str], containers: Collection[str] = ()
) -> tuple[Unnamed, ...]:
    """List what was made in open attempts on this engine from the course's images, and has no name of a lesson's.

    ``images`` are the pack's references, ``containers`` the names that its lessons in work declare. Containers with a
    name that the engine made up, images without a name, and anonymous volumes that were left by such containers or,
    when nobody looked meanwhile, by the lesson's. Costs four requests, and a look at each of what is listed and at each
    of the course's images, whatever else there is; and for images of an old build three requests more.
    """
    attempts = store.attempts(engine.identity.id)
    if not attempts:
        return ()
    look = _Look(engine, store, attempts, images)
    untagged = tuple(look.images())
    return (*look.containers({image.id for image in untagged}), *look.told_images(untagged), *look.volumes(containers))


class _Look:
    """One look at an engine for the things of its open attempts."""

    def __init__(self, engine: EngineApi, store: Store, attempts: tuple[Attempt, ...], images: Collection[str]) -> None:
        self._engine = engine
        self._attempts = attempts
        self._since = min(attempt.began for attempt in attempts)
        self._before = [before for one in attempts if (before := store.images_before(one.id)) is not None]
        self._owned = Owned(store, engine.identity.id)
        self._names = {references.normalise(name) for name in images} | {name for _, name in self._owned.images}
        known = {image for image, _ in self._owned.images}.union(*(one.images.values() for one in attempts))
        there = [engine.image(word) for word in sorted(known | set(images))]
        self._course = {image.id: image for image in there if image is not None}

    def images(self) -> Iterator[ImageSnapshot]:
        """Images without a name that came in an attempt and were built on one of the course's."""
        known = {image for image, _ in self._owned.images}
        new = [one for one in self._engine.untagged_images() if one not in known and self._is_new(one)]
        for image_id in new[:MOST]:
            image = self._engine.image(image_id)
            if image is not None and not image.tags and not image.digests and self._is_built_on_ours(image):
                yield image

    def containers(self, untagged: Collection[str]) -> Iterator[Unnamed]:
        """Containers that the engine gave their names."""
        since = self._since.replace(microsecond=0)
        rows = [
            row
            for row in self._engine.containers()
            if row.created >= since
            and row.id not in self._owned.containers
            and is_made_up(row.name)
            and (row.image_id in self._course or row.image_id in untagged)
        ]
        for row in rows[:MOST]:
            there = self._engine.container(row.id)
            if there is None or there.created < self._since or is_helper(there) or _COMPOSE in there.labels:
                continue
            made_from = "an unfinished build" if row.image_id in untagged else one_line(row.image)
            reason = f"made from {made_from} in a lesson, without a name; whether it is still wanted is yours to say"
            yield Unnamed("container", there.name, reason, _removing(there))
        if rows[MOST:]:
            yield Unnamed("container", f"{len(rows) - MOST} more", "made in a lesson, without names", "docker ps --all")

    def told_images(self, images: Collection[ImageSnapshot]) -> Iterator[Unnamed]:
        """Say of images why they are listed."""
        beneath = self._beneath(images)
        for image in images:
            ids = [references.short_id(one) for one in (image.id, *beneath.get(image.id, ()))]
            reason = "built in a lesson and without a name now; nothing tells for certain whose it is"
            if ids[1:]:
                reason += "; what it was built on goes with it"
            yield Unnamed("image", ids[0], reason, f"docker rmi {' '.join(ids)}")

    def volumes(self, containers: Collection[str]) -> Iterator[Unnamed]:
        """Anonymous volumes that containers have left behind when they were removed."""
        for made in Memory.of(self._engine).volumes(self._since)[:MOST]:
            of_lesson = made.container in containers or is_made_up(made.container)
            if not of_lesson or references.normalise(made.image) not in self._names:
                continue
            there = self._engine.volume(made.name)
            if there is None or volume_id(there) in self._owned.volumes or self._engine.users_of_volume(made.name):
                continue
            reason = f"left by {one_line(made.container)}, which was made from {one_line(made.image)} in a lesson"
            yield Unnamed("volume", made.name, reason, f"docker volume rm {made.name}")

    def _beneath(self, images: Collection[ImageSnapshot]) -> dict[str, list[str]]:
        """What would show up without a name when these images go one after the other, by the image that goes.

        An engine removes the steps of an old build with the image; with containerd's store it leaves each of them.
        """
        if not any(image.parent for image in images) or not self._engine.condition().containerd_store:
            return {}
        parents = self._engine.image_parents()
        built_on: dict[str, set[str]] = {}
        for child, parent in parents.items():
            built_on.setdefault(parent, set()).add(child)
        known = {image for image, _ in self._owned.images}
        found: dict[str, list[str]] = {}
        going: set[str] = set()
        for image in images:
            below = found.setdefault(image.id, [])
            going.add(image.id)
            parent = image.parent
            while parent and built_on.get(parent, set()) <= going and parent not in known and self._is_new(parent):
                there = self._engine.image(parent)
                if there is None or there.tags or there.digests or not self._is_built_on_ours(there):
                    break
                below.append(parent)
                going.add(parent)
                parent = there.parent
        return found

    def _is_new(self, image_id: str) -> bool:
        return any(image_id not in before for before in self._before)

    def _is_built_on_ours(self, image: ImageSnapshot) -> bool:
        return any(base.layers and image.layers[: len(base.layers)] == base.layers for base in self._course.values())


def _removing(there: ContainerSnapshot) -> str:
    force = "" if there.status in {"created", "exited", "dead"} else "-f "
    volumes = "-v " if any(mount.anonymous for mount in there.mounts) else ""
    return f"docker rm {force}{volumes}{there.name}"
