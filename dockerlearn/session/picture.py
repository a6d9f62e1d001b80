"""The course's picture of an engine, and the one that was looked at before it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dockerlearn.session.observing import observe_all
from dockerlearn.setup import ledger
from dockerlearn.world.picture import Picture, Subjects, take

if TYPE_CHECKING:
    from dockerlearn.course.library import Library
    from dockerlearn.engine.api import EngineApi
    from dockerlearn.progress.store import Store


def look(engine: EngineApi, store: Store, library: Library) -> Picture:
    """Take the picture: what the ledger has on this engine, what the learner just made, and the packs' images."""
    observe_all(engine, store, library)
    owned = ledger.Owned(store, engine.identity.id)
    return take(
        engine,
        Subjects(
            containers=frozenset(owned.containers),
            images=frozenset(image for image, _ in owned.images),
            networks=frozenset(owned.networks),
            volumes=frozenset(entry.name for entry in owned.volumes.values()),
            references=frozenset(reference for pack in library.packs() for reference in pack.references.values()),
        ),
    )


class Album:
    """Keeps the last picture below ``home``; losing it costs nothing but the marks of what changed."""

    def __init__(self, home: Path) -> None:
        self._file = home / "map.json"

    def last(self, engine_id: str) -> Picture | None:
        """The last picture, if it was of this engine; None when there is none that can be read."""
        try:
            picture = msgspec.json.decode(self._file.read_bytes(), type=Picture)
        except (OSError, msgspec.DecodeError):
            return None
        return picture if picture.engine_id == engine_id else None

    def keep(self, picture: Picture) -> None:
        """Keep a picture in place of the one before it; a folder that cannot be written to keeps none."""
        whole = self._file.with_suffix(f".{os.getpid()}.new")
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            whole.write_bytes(msgspec.json.encode(picture))
            whole.replace(self._file)
