"""Enters into the ledger what the learner made last, in every open attempt at a lesson of a pack that is here."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dockerlearn.course.names import declared
from dockerlearn.errors import LessonError, UsageError
from dockerlearn.setup import ledger

if TYPE_CHECKING:
    from dockerlearn.course.library import Library
    from dockerlearn.engine.api import EngineApi
    from dockerlearn.progress.store import Store


def observe_all(engine: EngineApi, store: Store, library: Library, *, thorough: bool = False) -> set[str]:
    """Enter it, and return the names of containers that the lessons in work declare; ``thorough`` as in the ledger.

    A lesson that cannot be read any more does not keep the rest from being entered. Lessons share names: what appears
    under one is of the lesson that the learner is at, else of the one that she began last.
    """
    containers: set[str] = set()
    current = store.current()
    here = (current.pack, current.lesson) if current is not None else None
    attempts = sorted(store.attempts(engine.identity.id), key=lambda one: ((one.pack, one.lesson) == here, one.id))
    for attempt in reversed(attempts):
        pack = library.get(attempt.pack)
        if pack is not None:
            with suppress(LessonError, UsageError):
                names = declared(pack.lesson(attempt.lesson, attempt.variables))
                containers |= names.containers
                ledger.observe(engine, store, attempt, names, thorough=thorough)
    return containers
