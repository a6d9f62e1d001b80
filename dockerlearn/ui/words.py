"""The tutor's words, for somebody who asks what there is, and how a terminal without a prompt is got back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dockerlearn.text import one_line
from dockerlearn.ui.markdown import fill
from dockerlearn.ui.style import Style

if TYPE_CHECKING:
    from dockerlearn.ui.tutor.holding import Held


def help_lines(held: Iterable[Held], style: Style) -> list[str]:
    """Return what holds a terminal first: whoever asks that cannot go on there."""
    lines: list[str] = []
    for one in held:
        lines += fill("A terminal of yours shows no prompt:", style.width)
        lines += [f"  {style.paint('code', one_line(one.what, style.width - 2))}"]
        lines += [*fill(f"There, {one_line(one.press)}.", style.width, first="  ", rest="  "), ""]
    lines += fill(WHERE, style.width)
    lines += ["", *(f"  {word:12}{does}" for word, does in WORDS.items()), ""]
    return [*lines, *fill(BEYOND, style.width)]


WORDS = {
    "task": "the step's task again",
    "hint": "the next hint",
    "check": "verify now, and say what is missing",
    "answer X": "answer with X",
    "solution": "a solution",
    "next": "the next step",
    "skip": "leave the step for now",
    "back": "the step before",
    "redo": "start the step afresh",
    "edit": "open the step's file",
    "concept": "the lesson in depth",
    "lessons": "what there is",
    "map": "your engine, drawn",
}

SHORT = tuple(word.split()[0] for word in WORDS)
"""The words alone, as they are typed."""

GOES_ON = "Enter for the next step."

FAREWELL = "Until next time: dockerlearn start comes back to this step."

WHERE = (
    "In the tutor's shell, put dl before these words (dl hint); in any other terminal, dockerlearn (dockerlearn hint). "
    "The tutor sees it either way."
)

BEYOND = "dockerlearn --help lists all commands."
