"""Looks at steps and says what is so. Imports no typer: ``check`` is what is typed most, and its start-up counts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dockerlearn.checks.outcome import Status
from dockerlearn.errors import EngineError, NothingOpen
from dockerlearn.ui import shapes

if TYPE_CHECKING:
    from dockerlearn.cli.wiring import Wiring
    from dockerlearn.session.session import Place

_LISTENING = 1.0
"""Seconds after which is looked whether somebody still reads."""

_CODES = {Status.MET: 0, Status.UNMET: 1, Status.UNKNOWN: 3}


def code_of(status: Status) -> int:
    """Return the exit code of a status: could not look is not the same as not met."""
    return _CODES[status]


class Asked(NamedTuple):
    """A ``check`` of one step, as it was typed."""

    step: str | None
    json: bool
    plain: bool


def read_simple(arguments: Sequence[str]) -> Asked | None:
    """Read the simple forms of ``check`` and ``check step``; None leaves the rest, mistakes too, to typer.

    >>> read_simple(["check", "step", "run", "--json"]), read_simple(["check", "--jsn"])
    (Asked(step='run', json=True, plain=False), None)
    """
    if not arguments or arguments[0] != "check":
        return None
    flags = {word for word in arguments[1:] if word.startswith("-")}
    words = [word for word in arguments[1:] if not word.startswith("-")]
    if flags - {"--json", "--plain"} or len(words) > 2 or (words and words[0] != "step"):
        return None
    return Asked(words[1] if len(words) == 2 else None, "--json" in flags, "--plain" in flags)


def check_step(wiring: Wiring, text: str | None) -> int:
    """Verify one step, by default the current one, and return the exit code."""
    place = wiring.session.place(text)
    if wiring.view.json:
        shape, error = _verified(wiring, place)
        wiring.view.as_json(shape)
        if error is not None:
            raise error
        return code_of(Status(shape["status"]))
    verdict = wiring.session.check(place)
    wiring.view.verdict(verdict, way=not wiring.is_accompanied)
    return code_of(verdict.status)


def watch_step(wiring: Wiring, text: str | None) -> int:
    """Follow one step, by default whichever is the current one, until it is met; return the exit code.

    Ends with 0 when it is met. When nobody reads any more, it ends as ``check`` would have at the last look.
    """
    import gc

    from dockerlearn.session.follow import Follower
    from dockerlearn.ui import watch

    gc.enable()  # switched off for short commands
    place = wiring.session.place(text)
    if wiring.view.watched:
        wiring.view.note(f"Watching {place.name}. Ctrl-C ends it.")
    name = place.full_name if text is not None else None
    status = Status.UNKNOWN
    with Follower(wiring.session, name, forget=wiring.forget_engine) as follower:
        while wiring.view.is_read and status is not Status.MET:
            change = follower.next(_LISTENING)
            if change is not None:
                watch.show(change, wiring.view)
                status = change.verdict.status if change.verdict is not None else Status.UNKNOWN
    return code_of(status)


def _verified(wiring: Wiring, place: Place) -> tuple[dict[str, Any], EngineError | None]:
    """Return a step's verdict for programs; an engine that cannot be reached is a verdict, too: unknown."""
    began = time.monotonic()
    try:
        return shapes.check_shape(wiring.session.check(place)), None
    except EngineError as error:
        elapsed = round((time.monotonic() - began) * 1000)
        return shapes.could_not_look(place.name, error, passed=place.passed, elapsed_ms=elapsed), error


def check_rows(wiring: Wiring, lesson_id: str | None) -> int:
    """Verify the open step, then say what is passed in one lesson or all."""
    from dockerlearn.session.session import all_passed

    session = wiring.session
    pack = session.pack if lesson_id is None else wiring.library.find(f"{lesson_id}/", session.current())[0]
    place = _open_step(wiring, lesson_id)
    shape: dict[str, Any] | None = None
    verdict, error = None, None
    if place is not None and wiring.view.json:
        shape, error = _verified(wiring, place)
    elif place is not None:
        try:
            verdict = wiring.session.check(place)
        except EngineError as raised:
            error = raised
    try:
        whole = session.syllabus(pack, asking="engine")
    except EngineError as raised:
        # Whether a step is left out is not known then, nor whether all are passed.
        error, whole = error or raised, session.syllabus(pack)
    rows = [row for row in whole if lesson_id in {None, row.id}]
    if wiring.view.json:
        wiring.view.as_json(
            shapes.lesson_check_shape(rows[0], shape) if lesson_id else shapes.course_check_shape(rows, shape)
        )
    else:
        wiring.view.syllabus(rows)
        if place is not None and verdict is not None:
            wiring.view.text(f"\n{place.name}")
            wiring.view.verdict(verdict)
    if error is not None:
        raise error
    status = verdict.status if verdict is not None else Status(shape["status"]) if shape else Status.UNMET
    if all_passed(rows):
        return 0
    return 3 if status is Status.UNKNOWN else 1


def _open_step(wiring: Wiring, lesson_id: str | None) -> Place | None:
    """Return the current step, when it is one to verify and belongs here."""
    try:
        place = wiring.session.place()
    except NothingOpen:
        return None
    if lesson_id not in {None, place.lesson_name} or place.record is None or place.record.status != "open":
        return None
    return place if place.step.kind == "do" else None
