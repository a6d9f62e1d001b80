"""Finds what was made beside a lesson and is not certainly the course's: ``clean`` lists it, and nothing removes it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

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
        self._entered = {image for image, _ in self._owned.images}
        known = self._entered.union(*(one.images.values() for one in attempts))
        there = [engine.image(word) for word in sorted(known | set(images))]
        self._course = {image.id: image for image in there if image is not None}

    def images(self) -> Iterator[ImageSnapshot]:
        """Images without a name that came in an attempt and were built on one of the course's."""
        new = [one for one in self._engine.untagged_images() if self._is_new(one)]
        for image_id in new[:MOST]:
            if (image := self._nameless(image_id)) is not None:
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

        An engine removes the steps of an old build with the image. With containerd's store 28.5 does not, where the one
        at which they begin is gone: it takes that along with another image that was built on it, too.
        """
        if not any(image.parent for image in images) or not self._engine.condition().containerd_store:
            return {}
        parents = self._engine.image_parents()
        built_on: dict[str, set[str]] = {}
        for child, parent in parents.items():
            built_on.setdefault(parent, set()).add(child)
        found: dict[str, list[str]] = {}
        going: set[str] = set()
        for image in images:
            found[image.id] = []
            going.add(image.id)
            parent = image.parent if _is_cut_off(image.id, parents) else ""
            while parent and built_on.get(parent, set()) <= going and self._is_new(parent):
                step = self._nameless(parent)
                if step is None:
                    break
                found[image.id].append(parent)
                going.add(parent)
                parent = step.parent
        return found

    def _is_new(self, image_id: str) -> bool:
        """Whether an image came in an attempt and is not in the ledger."""
        return image_id not in self._entered and any(image_id not in before for before in self._before)

    def _nameless(self, image_id: str) -> ImageSnapshot | None:
        """An image, if it has no name and was built on one of the course's."""
        image = self._engine.image(image_id)
        if image is None or image.tags or image.digests:
            return None
        layers = (base.layers for base in self._course.values() if base.layers)
        return image if any(image.layers[: len(base)] == base for base in layers) else None


def _is_cut_off(image_id: str, parents: Mapping[str, str]) -> bool:
    """Whether something that an image was built on, however far down, is gone."""
    while image_id in parents:
        image_id = parents[image_id]
    return bool(image_id)


def _removing(there: ContainerSnapshot) -> str:
    force = "" if there.status in {"created", "exited", "dead"} else "-f "
    volumes = "-v " if any(mount.anonymous for mount in there.mounts) else ""
    return f"docker rm {force}{volumes}{there.name}"
