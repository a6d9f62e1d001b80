"""Enters into the ledger what the learner made last, in every open attempt at a lesson of a pack."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dockerlearn.course.names import declared
from dockerlearn.errors import LessonError, UsageError
from dockerlearn.setup import ledger

if TYPE_CHECKING:
    from dockerlearn.course.packs import LoadedPack
    from dockerlearn.engine.api import EngineApi
    from dockerlearn.progress.store import Store


def observe_all(engine: EngineApi, store: Store, pack: LoadedPack, *, thorough: bool = False) -> set[str]:
    """Enter it, and return the names of containers that the lessons in work declare; ``thorough`` as in the ledger.

    A lesson that cannot be read any more does not keep the rest from being entered.
    """
    containers: set[str] = set()
    for attempt in store.attempts(engine.identity.id):
        if attempt.pack == pack.id:
            with suppress(LessonError, UsageError):
                names = declared(pack.lesson(attempt.lesson, attempt.variables))
                containers |= names.containers
                ledger.observe(engine, store, attempt, names, thorough=thorough)
    return containers
