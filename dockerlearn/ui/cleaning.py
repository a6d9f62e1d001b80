"""What ``clean`` would do and did, as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlearn.text import one_line
from dockerlearn.ui.markdown import fill
from dockerlearn.ui.style import Style

if TYPE_CHECKING:
    from dockerlearn.setup.clean import CleanPlan, CleanReport, Item


def plan_lines(plan: CleanPlan, style: Style) -> list[str]:
    """Return each thing with what is to be done with it, why it stays, and what would free it."""
    lines: list[str] = []
    if not plan.items:
        lines += fill("There is nothing of the course's on this engine.", style.width)
    for item in plan.items:
        lines += _line(item.action, item, item.reason, style)
        if item.action == "leave" and item.remedy:
            lines.append(_remedy(item.remedy, style))
    for one in plan.unnamed:
        text = f"{one.kind} {one_line(one.name)}: {one.reason}"
        lines += fill(text, style.width, first=f"{'leave':<9} ", rest=" " * 10)
        lines.append(_remedy(one.remedy, style))
    for folder in plan.folders:
        lines += fill(f"Your files in {folder} stay.", style.width)
    return lines


def _remedy(command: str, style: Style) -> str:
    return f"          → {style.paint('code', one_line(command, 400))}"


def report_lines(report: CleanReport, style: Style) -> list[str]:
    """Return what became of each thing."""
    return [line for done in report.done for line in _line(done.did, done.item, done.reason, style)]


def _line(word: str, item: Item, reason: str, style: Style) -> list[str]:
    was = "" if item.kind == "image" or item.name == item.entered_as else f" (made as {one_line(item.entered_as)})"
    why = f": {reason}" if reason else ""
    return fill(f"{item.kind} {one_line(item.name)}{was}{why}", style.width, first=f"{word:<9} ", rest=" " * 10)
