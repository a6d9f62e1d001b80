"""The syllabus and what the learner did, as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dockerlearn.text import cells, one_line
from dockerlearn.ui.markdown import fill
from dockerlearn.ui.style import Style

if TYPE_CHECKING:
    from dockerlearn.progress.records import Mark
    from dockerlearn.session.session import LessonRow, StepRow

_MARKS = {
    "passed": ("✓", "good"),
    "skipped": ("–", "dim"),
    "open": ("▸", "bold"),
    "new": (" ", ""),
    "left out": ("–", "dim"),
}


def syllabus_lines(rows: Sequence[LessonRow], style: Style) -> list[str]:
    """Return every lesson and, below it, its steps; the status of a step is told by a sign and, but for ✓, a word."""
    lines: list[str] = []
    for row in rows:
        if lines:
            lines.append("")
        lines += lesson_lines(row, style)
    return lines or fill("There are no lessons.", style.width)


def lesson_lines(row: LessonRow, style: Style) -> list[str]:
    """Return one lesson."""
    passed = sum(step.status == "passed" for step in row.steps)
    about = f"{one_line(row.title)} ({row.level}, {row.minutes} min), {passed} of {len(row.steps)}"
    lead = f"{one_line(row.id)}  "
    drawn = fill(about, style.width, first=lead, rest=" " * cells(lead))
    drawn[0] = style.paint("bold", lead.rstrip()) + drawn[0][len(lead) - 2 :]
    room = max((cells(step.id) for step in row.steps), default=0)
    return [*drawn, *(line for step in row.steps for line in _step_lines(step, room, style))]


def history_lines(rows: Sequence[LessonRow], marks: Iterable[Mark], style: Style) -> list[str]:
    """Return what was passed and skipped, lesson by lesson, with the times; lessons not begun are left out."""
    latest: dict[tuple[str, str], Mark] = {}
    for mark in marks:
        key = (mark.lesson, mark.step)
        # A pass stays a pass: when it was first passed is what counts.
        if key not in latest or (mark.kind == "passed" and latest[key].kind != "passed"):
            latest[key] = mark
    lines: list[str] = []
    for row in rows:
        done = [(step, latest[row.id, step.id]) for step in row.steps if (row.id, step.id) in latest]
        going = any(step.status == "open" for step in row.steps)
        if not done and not going:
            continue
        if lines:
            lines.append("")
        passed = sum(step.status == "passed" for step in row.steps)
        lines.append(
            f"{style.paint('bold', one_line(row.id))}  {one_line(row.title)}, {passed} of {len(row.steps)} passed"
        )
        room = max((cells(step.id) for step, _ in done), default=0)
        for step, mark in done:
            sign, paint = _MARKS[mark.kind]
            when = mark.at.astimezone().strftime("%Y-%m-%d %H:%M")
            shown = style.paint(paint, style.symbols(sign))
            lines.append(f"  {shown} {one_line(step.id).ljust(room)}  {when}  {mark.kind}")
        lines += [f"  {style.symbols('▸')} {one_line(step.id)}  open" for step in row.steps if step.status == "open"]
    return lines or fill("Nothing yet. dockerlearn start begins the first lesson.", style.width)


def _step_lines(step: StepRow, room: int, style: Style) -> list[str]:
    sign, paint = _MARKS.get(step.status, (" ", ""))
    sign = style.symbols(sign)
    told = f" ({step.status})" if step.status in {"open", "skipped", "left out"} else ""
    first = f"  {sign} {one_line(step.id).ljust(room)}  "
    lines = fill(f"{one_line(step.title)}{told}", style.width, first=first, rest=" " * cells(first))
    if sign.strip():
        lines[0] = f"  {style.paint(paint, sign)}{lines[0][2 + len(sign) :]}"
    return lines
