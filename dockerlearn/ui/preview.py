"""A lesson as an author reads it: what a learner will see, and behind it what only the tutor knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlearn.engine.abilities import WORDS
from dockerlearn.text import one_line, safe
from dockerlearn.ui.concept import concept_lines
from dockerlearn.ui.markdown import fill, render, wrap
from dockerlearn.ui.style import Style

if TYPE_CHECKING:
    from dockerlearn.course.models import Choice, FileSolution, Lesson, Mistake, Step


def preview_lines(name: str, lesson: Lesson, style: Style, *, only: str | None = None) -> list[str]:
    """Return a lesson from its first word to its last, or ``only`` one step; ``name`` is the lesson's folder."""
    lines: list[str] = []
    if only is None:
        about = f"{lesson.level}, {lesson.minutes} min"
        lines += fill(f"{one_line(name)}: {about}", style.width)
        lines += ["", *concept_lines(lesson, style)]
    for number, step in enumerate(lesson.steps, 1):
        if only in {None, step.id}:
            lines += ["", *_step(f"{name}/{step.id}", number, lesson, step, style)]
    return lines


def _step(name: str, number: int, lesson: Lesson, step: Step, style: Style) -> list[str]:
    head = f"{one_line(lesson.title)} ▸ step {number} of {len(lesson.steps)} ▸ {one_line(step.title)}  ({name})"
    lines = [style.paint("bold", line) for line in fill(style.symbols(head), style.width)]
    if step.needs:
        lines += ["", *fill(f"Left out without {' and '.join(WORDS[one] for one in step.needs)}.", style.width)]
    lines += _text("", step.learn, style)
    if step.predict is not None:
        lines += _text("Before you go on", step.predict.ask, style) + _choices(step.predict.choices, style)
    lines += _text("Task", step.task, style)
    if step.question is not None:
        lines += _text("Question", step.question.ask, style) + _choices(step.question.choices, style)
    if step.answer is not None:
        source = step.answer.from_
        right = step.answer.equals if source is None else f"read from the engine when it is given: {_source(source)}"
        lines += _text("Answer", right or "", style)
        for wrong in step.answer.wrong:
            read = f"what the engine says: {_source(wrong.from_)}" if wrong.from_ is not None else ""
            lines += _text(f"Wrong answer: {one_line(wrong.equals or read or str(wrong.try_))}", wrong.say, style)
    for count, hint in enumerate(step.hints, 1):
        lines += _text(f"Hint {count} of {len(step.hints)}", hint, style)
    lines += _way("Solution", step.solution, style)
    for way in step.accepts:
        lines += _way("Also right", way, style)
    for mistake in step.mistakes:
        lines += _mistake(mistake, style)
    for cheat in step.cheats:
        lines += _way(f"Cheat, which must not pass: {one_line(cheat.name)}", cheat.try_, style)
    for one in step.untested:
        lines += _text(f"Untested: {one_line(one.field)}", one.why, style)
    lines += _text("When it is met", "\n\n".join(part.strip() for part in (step.result, step.insight) if part), style)
    return lines


def _text(title: str, text: str, style: Style) -> list[str]:
    if not text.strip():
        return []
    return ["", *([style.paint("bold", title)] if title else []), *render(text.strip("\n"), style.width, style)]


def _choices(choices: list[Choice], style: Style) -> list[str]:
    lines: list[str] = []
    for number, choice in enumerate(choices, 1):
        first = f"  {number}) "
        right = " (right)" if choice.right else ""
        lines += wrap(f"{choice.text.strip()}{right}", style.width, style, first=first, rest=" " * len(first))
        lines += wrap(choice.say.strip(), style.width, style, first=" " * 8, rest=" " * 8)
    return lines


def _way(title: str, way: str | FileSolution | None, style: Style) -> list[str]:
    if way is None:
        return []
    lines = ["", style.paint("bold", title)]
    if isinstance(way, str):
        return [*lines, *_code(way, style)]
    for name, content in way.files.items():
        lines += [f"  {one_line(name)}:", *_code(content, style)]
    return [*lines, *_code(way.run, style)] if way.run.strip() else lines


def _mistake(mistake: Mistake, style: Style) -> list[str]:
    told = "told unasked" if mistake.dead_end else "told after a failed command and at check"
    lines = _text(f"Mistake: {one_line(mistake.name)} ({told})", mistake.say, style)
    lines += ["", "  made by:", *_code(mistake.try_, style)]
    return [*lines, "  undone by:", *_code(mistake.fix, style)] if mistake.fix is not None else lines


def _code(text: str, style: Style) -> list[str]:
    return [style.paint("code", f"    {line}") if line else "" for line in safe(text).rstrip("\n").split("\n")]


def _source(source: object) -> str:
    import msgspec

    given = msgspec.to_builtins(source)
    return ", ".join(f"{key} {value}" for key, value in given.items())
