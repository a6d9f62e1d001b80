"""What the engine's memory of events tells of things that lost their names before anybody looked.

An engine remembers 256 events, so that much is forgotten. Only what is certain from those that are left is told here;
nothing follows from an event that is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.snapshots import EventSnapshot, is_anonymous
from dockerlearn.errors import EngineRejected

_EVER = datetime.fromtimestamp(1, UTC)


class Volume(msgspec.Struct, frozen=True):
    """An anonymous volume that was made right before one container, and that no other one has had since.

    Usually it was made with that container; somebody who made it by itself and then named it to the container leaves
    the same traces. ``container`` is that one's name when it was made, ``image`` what it was made from as it was typed.
    """

    name: str
    container: str
    image: str


class Memory:
    """The events that an engine remembers, oldest first."""

    def __init__(self, events: Collection[EventSnapshot]) -> None:
        self._events = tuple(events)

    @classmethod
    def of(cls, engine: EngineApi) -> Memory:
        """Ask an engine; one that tells no events remembers none."""
        try:
            return cls(engine.events(_EVER))
        except EngineRejected:
            return cls(())

    def images_tagged(self, names: Collection[str], since: datetime) -> dict[str, str]:
        """The images that were given one of these names, in full form, since then: id to the last such name."""
        found = {}
        for event, name in self._tags():
            if name in names and event.time >= since:
                found[event.id] = name
        return found

    def had_only(self, image_id: str, names: Collection[str], came: datetime) -> bool:
        """Whether an image that came to the engine at ``came`` or later certainly never had other names than these."""
        if not self._events or self._events[0].time > came:
            return False  # something may have been forgotten
        if any(event.id == image_id and event.action in {"load", "pull"} for event in self._images()):
            return False  # it brought names of its own, which are not told
        return all(name in names for event, name in self._tags() if event.id == image_id)

    def had_others(self, image_id: str, names: Collection[str], now: Collection[str]) -> bool:
        """Whether an image that is called ``now`` had a name that is none of ``names``, as far as is remembered.

        It had when one was given to it, or when one was taken from it while it had none that is known. Which one is
        taken is not told; a name may be taken and given again. What was before the image was deleted is nothing of the
        one that came again, as from the builder's cache.
        """
        given: set[str] = set()
        held = 0
        loaded = had = False  # what is loaded has names that are not told
        for event in self._images():
            if event.id != image_id:
                continue
            if event.action == "delete":
                given, held, loaded, had = set(), 0, False, False
            elif event.action == "load":
                loaded = True
            elif event.action == "tag":
                given.add(references.normalise(event.name))
                held = min(held + 1, len(given))
            elif event.action == "untag":
                had = had or held == 0 or loaded
                held = max(held - 1, 0)
        return had or held < len(given & set(now)) or not given | set(now) <= set(names)

    def volumes(self, since: datetime) -> tuple[Volume, ...]:
        """The anonymous volumes that were made since then right before a container that was started."""
        users: dict[str, set[str]] = {}
        for event in self._events:
            if event.kind == "volume" and event.action == "mount":
                users.setdefault(event.id, set()).add(event.attributes.get("container", ""))
        found, waiting = [], list[str]()
        for event in self._events:
            if event.kind == "volume" and event.action == "create":
                waiting.append(event.id)
            elif event.kind == "container" and event.action == "create":
                # An engine makes a container's volumes right before it. Two at once may be taken for each other's:
                # only what this very container had, and no other one, is told.
                found += [
                    Volume(volume, event.name, event.attributes.get("image", ""))
                    for volume in waiting
                    if event.time >= since and users.get(volume) == {event.id} and is_anonymous(volume)
                ]
                waiting = []
        return tuple(found)

    def _images(self) -> Iterator[EventSnapshot]:
        return (event for event in self._events if event.kind == "image")

    def _tags(self) -> Iterator[tuple[EventSnapshot, str]]:
        for event in self._images():
            if event.action == "tag" and event.name and not references.looks_like_id(event.name):
                yield event, references.normalise(event.name)
