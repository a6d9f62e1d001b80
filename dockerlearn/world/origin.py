"""Where an image has its name from, by what the engine remembers to have done."""

from __future__ import annotations

from collections.abc import Iterable

from dockerlearn.engine import references
from dockerlearn.engine.snapshots import EventSnapshot


def was_named_here(events: Iterable[EventSnapshot], image_id: str, reference: str) -> bool:
    """Whether an image was given a public name on this engine, by a tag or a build, and not by a pull.

    ``events`` are oldest first. An image that carried the name before anything here gave it that may be given it back.
    What the engine has forgotten is not held against an image.
    """
    given = carried = False
    for event in events:
        if event.kind != "image":
            continue
        if event.action == "pull" and _is(event.id, reference):
            given = False
        elif event.action == "load" and event.id == image_id:
            given, carried = False, True
        elif event.action == "tag" and event.id == image_id and _is(event.name, reference):
            given = not carried
        elif event.action == "untag" and event.id == image_id and _is(event.name, reference):
            carried = carried or not given
    return given


def _is(name: str, reference: str) -> bool:
    return bool(name) and references.normalise(name) == references.normalise(reference)
