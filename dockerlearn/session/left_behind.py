"""What of a pack's lessons is still on an engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from dockerlearn.errors import DockerlearnError
from dockerlearn.setup import clean

if TYPE_CHECKING:
    from dockerlearn.engine.api import EngineApi
    from dockerlearn.progress.store import Store


class Left(msgspec.Struct, frozen=True):
    """A thing that was made in a pack's lessons; ``seen`` is False where its engine could not be asked."""

    kind: str
    name: str
    seen: bool


def of_pack(store: Store, pack_id: str, engine: Callable[[], EngineApi]) -> tuple[Left, ...]:
    """Find what the ledger has of a pack, and leave out what is gone; the engine is only asked when there is any."""
    attempts = frozenset(store.attempts_in(pack_id))
    noted = [entry for entry in store.entries() if entry.attempt_id in attempts and entry.object_id is not None]
    if not noted:
        return ()
    found: list[Left] = []
    asked = ""
    try:
        asked = engine().identity.id
        if any(entry.engine_id == asked for entry in noted):
            plan = clean.plan(engine(), store, attempts=attempts)
            found = [Left(item.kind, item.name, True) for item in plan.items]
    except DockerlearnError:
        asked = ""
        found = []
    return (*found, *(Left(entry.kind, entry.name, False) for entry in noted if entry.engine_id != asked))
