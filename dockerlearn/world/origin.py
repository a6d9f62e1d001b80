"""Where an image has its name from, by what the engine remembers to have done."""

from __future__ import annotations

from collections.abc import Iterable

from dockerlearn.engine import references
from dockerlearn.engine.snapshots import EventSnapshot


def was_named_here(
    events: Iterable[EventSnapshot], image_id: str, reference: str, *, was_not_pulled: bool = False
) -> bool:
    """Whether an image that has a public name was given it on this engine, by a tag or a build, and not by a pull.

    ``events`` are oldest first. An image that carried the name before anything here gave it that may be given it back.
    What the engine has forgotten is not held against an image. With ``was_not_pulled`` this one certainly was not
    pulled: when it has the name that was on another image, and nothing tells how it came to that, a build with BuildKit
    gave it, of which engine 20.10 tells nothing.
    """
    given = carried = unaccounted = False
    holder = ""
    for event in events:
        if event.kind != "image":
            continue
        name = event.id if event.action == "pull" else event.name
        ours = bool(name) and references.same(name, reference)
        if event.action == "load" and event.id == image_id:
            given, carried, unaccounted = False, True, False
        elif event.action == "create" and event.id == image_id:
            # A build: what the name was taken from until then was another one. BuildKit tells of its tag before.
            given, carried = holder == image_id, False
        elif event.action == "build" and event.id == image_id:
            # Podman tells of no tag then, and every name that it has was given here.
            given, carried = True, False
        elif event.action == "untag" and event.id == image_id:
            # Which name was taken is not always told: it may have been the digest that it was pulled by.
            unaccounted = False
            carried = carried or (ours and not given)
        elif not ours:
            continue
        elif event.action == "pull":
            # Of what is pulled, the engine does not tell the id: it may be this one, or is certainly another one.
            given, holder, unaccounted = False, event.id if was_not_pulled else "", True
        elif event.action == "tag":
            unaccounted = event.id != image_id
            if event.id == image_id:
                given = not carried
            elif not holder:
                # Nothing tells what the name was taken from: it may have been this image.
                carried = True
            holder = event.id
    return given or (unaccounted and was_not_pulled)
