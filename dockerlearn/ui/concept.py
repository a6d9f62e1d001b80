"""A lesson's deep dive and its myths, as lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dockerlearn.course.models import MAP
from dockerlearn.errors import EngineError
from dockerlearn.text import one_line, safe
from dockerlearn.ui.markdown import fill, render
from dockerlearn.ui.style import Style

if TYPE_CHECKING:
    from dockerlearn.course.models import Concept, Lesson
    from dockerlearn.session.session import Session

ENGINE = "  (here your engine is drawn, as dockerlearn map does it)"

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


def concept_lines(lesson: Lesson, style: Style, drawing: Sequence[str] = (ENGINE,)) -> list[str]:
    """Return what a lesson is about in depth: its concept part by part, its myths, and what to keep of it.

    ``drawing`` stands where the lesson's picture wants the learner's engine.
    """
    lines = [style.paint("bold", one_line(lesson.title)), "", *render(lesson.summary, style.width, style)]
    concept = lesson.concept
    if concept is not None:
        for field, title in _PARTS:
            text = str(getattr(concept, field))
            if text.strip():
                shown = _picture(text, drawing) if field == "picture" else render(text, style.width, style)
                lines += ["", style.paint("bold", title), *shown]
    for myth in lesson.myths:
        lines += ["", style.paint("bold", f"Myth: {one_line(myth.belief, 1000)}")]
        lines += render(myth.ask, style.width, style)
        lines += render(f"{myth.reality.strip()} {myth.matters.strip()}", style.width, style)
    if concept is not None:
        lines += _lists(concept, style)
    return lines


def engine_lines(session: Session, style: Style) -> list[str]:
    """Return the engine as it is, drawn; or why it cannot be."""
    from dockerlearn.session.picture import look
    from dockerlearn.ui.map import map_lines

    try:
        return map_lines(look(session.engine(), session.store, session.library), style)
    except EngineError as error:
        why = f"(Your engine cannot be drawn. {one_line(error.message, 1000)})"
        return [f"  {line}" for line in fill(why, style.width - 2)]


def _picture(text: str, drawing: Sequence[str]) -> list[str]:
    """Drawn, not written: its lines stay as they are."""
    lines: list[str] = []
    for line in safe(text.rstrip("\n")).split("\n"):
        lines += drawing if line.strip() == MAP else [f"  {line}"]
    return lines


def _lists(concept: Concept, style: Style) -> list[str]:
    lines: list[str] = []
    for title, items in (("To keep", concept.takeaways), ("Goes on in", concept.connections)):
        if items:
            shown = "\n".join(f"- {item.strip()}" for item in items)
            lines += ["", style.paint("bold", title), *render(shown, style.width, style)]
    return lines
