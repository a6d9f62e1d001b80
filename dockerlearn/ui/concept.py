"""A lesson's deep dive and its myths, as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlearn.text import one_line, safe
from dockerlearn.ui.markdown import render
from dockerlearn.ui.style import Style

if TYPE_CHECKING:
    from dockerlearn.course.models import Concept, Lesson

_PARTS = (
    ("what", "What it is"),
    ("why", "Why"),
    ("where_it_fits", "Where it fits"),
    ("analogy", "Like"),
    ("picture", "Picture"),
    ("under_the_hood", "Under the hood"),
    ("why_designed_this_way", "Why it was designed this way"),
    ("when_not_to_use", "When not to use it"),
    ("in_production", "In production"),
)


def concept_lines(lesson: Lesson, style: Style) -> list[str]:
    """Return what a lesson is about in depth: its concept part by part, its myths, and what to keep of it."""
    lines = [style.paint("bold", one_line(lesson.title)), "", *render(lesson.summary, style.width, style)]
    concept = lesson.concept
    if concept is not None:
        for field, title in _PARTS:
            text = str(getattr(concept, field))
            if text.strip():
                lines += ["", style.paint("bold", title), *_part(field, text, style)]
    for myth in lesson.myths:
        lines += ["", style.paint("bold", f"Myth: {one_line(myth.belief, 1000)}")]
        lines += render(myth.ask, style.width, style)
        lines += render(f"{myth.reality.strip()} {myth.matters.strip()}", style.width, style)
    if concept is not None:
        lines += _lists(concept, style)
    return lines


def _part(field: str, text: str, style: Style) -> list[str]:
    if field == "picture":
        # Drawn, not written: its lines stay as they are.
        return [f"  {line}" for line in safe(text.rstrip("\n")).split("\n")]
    return render(text, style.width, style)


def _lists(concept: Concept, style: Style) -> list[str]:
    lines: list[str] = []
    for title, items in (("To keep", concept.takeaways), ("Goes on in", concept.connections)):
        if items:
            shown = "\n".join(f"- {item.strip()}" for item in items)
            lines += ["", style.paint("bold", title), *render(shown, style.width, style)]
    return lines
