"""What a container's events mean together: which stop a signal belonged to, and what was a start anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from dockerlearn.engine.snapshots import EventSnapshot

GRACE = timedelta(seconds=11)
"""How long ``docker stop`` waits for a container to end by itself, by default, and a second."""

TAIL = timedelta(seconds=1)
"""How long after a container's end the engine may still say what ended it."""

_KILL = "9"
_ENDING = frozenset({"2", "3", "6", _KILL, "15"})
"""Signals that a stop begins with, unless an image has chosen an odd one."""


class Kills(msgspec.Struct, frozen=True):
    """Signals that were sent on their own; ``undecided`` are those that may yet turn out to be part of a stop."""

    sent: tuple[EventSnapshot, ...]
    undecided: tuple[EventSnapshot, ...]


def kills(events: Sequence[EventSnapshot], at: datetime) -> Kills:
    """Find the signals of ``docker kill`` among one container's events, oldest first, as they were ``at`` a moment.

    A stop, and a restart of what runs, is told as the signals that it sends (the stop signal, and KILL when that did
    not end it), then ``die``, then ``stop``; a kill as the signal and perhaps ``die``. Podman tells the last two in the
    other order.
    """
    sent: list[EventSnapshot] = []
    undecided: list[EventSnapshot] = []
    run: list[EventSnapshot] = []  # the signals since the last start
    ended: datetime | None = None
    for event in events:
        if event.action == "kill":
            run.append(event)
        elif event.action == "die":
            ended = event.time
        elif event.action == "stop":
            _take_stop(run)
        elif event.action == "start":
            sent += run
            run, ended = [], None
    if ended is None:
        for event in run:
            open_ = event.attributes.get("signal", "") in _ENDING and at - event.time < GRACE
            (undecided if open_ else sent).append(event)
    else:
        (undecided if at - ended < TAIL else sent).extend(run)
    return Kills(tuple(sent), tuple(undecided))


def _take_stop(run: list[EventSnapshot]) -> None:
    """Take away the signals that a stop sent: the last one, and what went before a last KILL."""
    last = run.pop() if run else None
    if last is not None and run and last.attributes.get("signal") == _KILL:
        run.pop()


def stops(events: Sequence[EventSnapshot]) -> tuple[tuple[EventSnapshot, EventSnapshot | None], ...]:
    """Pair each stop among one container's events, oldest first, with the end that it led to; None: not told (yet).

    Docker tells the end and then the stop, Podman the other way round.
    """
    found: list[tuple[EventSnapshot, EventSnapshot | None]] = []
    ended: EventSnapshot | None = None
    open_ = False  # whether the end of the last stop may follow
    for event in events:
        if event.action == "start":
            ended, open_ = None, False
        elif event.action == "stop":
            found.append((event, ended))
            open_ = ended is None
        elif event.action == "die":
            ended = event
            if open_:
                found[-1] = (found[-1][0], event)
                open_ = False
    return tuple(found)


def restarts(events: Sequence[EventSnapshot]) -> tuple[EventSnapshot, ...]:
    """Find what was started anew by somebody among one container's events, oldest first.

    ``docker restart`` says so itself; ending it with a stop or a kill and starting it is the same. What ended by itself
    and was started again may be the engine's doing, by a restart policy, and does not count.
    """
    found: list[EventSnapshot] = []
    killed = ended = False
    for event in events:
        if event.action in {"kill", "stop"}:
            killed = True
        elif event.action == "die":
            ended = killed
        elif event.action == "start":
            if ended:
                found.append(event)
            killed = ended = False
        elif event.action == "restart" and not (found and event.time - found[-1].time < TAIL):
            found.append(event)
    return tuple(found)
