"""What a check found."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """``unknown`` means that we could not look; it is never mixed up with ``unmet``."""

    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "unknown"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One check's result, made of data; the words for it are made by ``prose``.

    ``subject`` is what was looked at (``container dl-web``); after a first unmet or unknown outcome nothing else is
    said about that subject. ``expected`` and ``found`` are short phrases, ``next`` one next move or None. ``wait`` is
    None when waiting cannot change the result, else seconds after which it is worth looking again; ``waiting_for``
    says what is waited for. ``diagnosis`` is the name of what explains an unmet one, where that is known.
    """

    check: str
    subject: str
    status: Status
    expected: str = ""
    found: str = ""
    next: str | None = None
    wait: float | None = None
    waiting_for: str = ""
    diagnosis: str = ""

    @property
    def met(self) -> bool:
        """Whether it is as it should be."""
        return self.status is Status.MET


def overall(outcomes: tuple[Outcome, ...] | list[Outcome]) -> Status:
    """Return unknown if anything is unknown, else unmet if anything is unmet, else met; nothing checked is unknown.

    >>> overall([])
    <Status.UNKNOWN: 'unknown'>
    """
    statuses = {outcome.status for outcome in outcomes}
    if not statuses or Status.UNKNOWN in statuses:
        return Status.UNKNOWN
    return Status.UNMET if Status.UNMET in statuses else Status.MET
