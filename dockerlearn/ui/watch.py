"""What ``check --watch`` shows of a change: one quiet line on the way, all of it when there is something to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlearn.checks.outcome import Status
from dockerlearn.text import one_line
from dockerlearn.ui import shapes
from dockerlearn.ui.steps import verdict_lines
from dockerlearn.ui.style import Style

if TYPE_CHECKING:
    from dockerlearn.session.follow import Change
    from dockerlearn.session.verdict import Verdict
    from dockerlearn.ui.view import View


def show(change: Change, view: View) -> None:
    """Show one change."""
    if view.json:
        view.as_json(shapes.watch_shape(change))
        return
    if change.moved:
        view.lines(["", view.style.paint("bold", one_line(change.place.name))])
    if change.verdict is not None and (change.met or change.aloud):
        view.lines(verdict_lines(change.verdict, view.style))
    else:
        view.passing(passing_line(change, view.style))


def passing_line(change: Change, style: Style) -> str:
    """Return what is so for the moment, in one line: what is on its way, what could not be looked at, or what is open.

    It has no ✗: an open step is no mistake.
    """
    if change.error is not None:
        remedy = f" → {change.error.remedy}" if change.error.remedy else ""
        return f"? {one_line(change.error.message, 300)}{one_line(remedy, 200)}"
    if change.waiting_for:
        return f"… {one_line(change.waiting_for, 200)}"
    return f"{style.symbols('○')} {_open(change.verdict)}" if change.verdict is not None else ""


def _open(verdict: Verdict) -> str:
    """The first cause, in a sentence or two."""
    first = next((outcome for outcome in verdict.outcomes if not outcome.met), None)
    if first is None:
        return str(verdict.status)
    if first.status is Status.UNKNOWN:
        return f"could not look: {one_line(first.found or first.expected, 300)}"
    parts = [one_line(part, 300).rstrip(".") for part in (first.expected, first.found) if part]
    return ". ".join(f"{part[:1].upper()}{part[1:]}" if part[:3] != "dl-" else part for part in parts) + "."
