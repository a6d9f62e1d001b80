"""Steps, verdicts, answers and hints as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.text import cells, one_line, safe
from dockerlearn.ui.markdown import fill, render, wrap
from dockerlearn.ui.style import Style
from dockerlearn.ui.words import GOES_ON

if TYPE_CHECKING:
    from dockerlearn.course.models import Choice
    from dockerlearn.diagnose.advice.slip import Advice
    from dockerlearn.session.session import Hint, Moved, Place, Told
    from dockerlearn.session.verdict import Verdict

MARKS = {Status.MET: ("✓", "good"), Status.UNMET: ("✗", "bad"), Status.UNKNOWN: ("?", "bold")}
_INDENT = "  "
_DOTS = {"passed": "●", "skipped": "◌"}


def step_lines(
    place: Place, style: Style, *, learn: bool = True, current: bool = True, way_on: bool = True
) -> list[str]:
    """Return a step for somebody who works in a shell of her own; commands name it when it is not the current one.

    Without ``way_on`` the commands that verify it and go on are left out: somebody does that for her.
    """
    step = place.step
    lines = opening_lines(place, style, learn=learn)[1:]
    if place.prediction_open and step.predict is not None:
        lines += predict_lines(place, style, current=current)
    if step.task.strip():
        lines += [style.paint("bold", "Task"), *_indented(step.task, style), ""]
    if step.question is not None:
        lines += [*render(step.question.ask, style.width, style), *choice_lines(step.question.choices, style), ""]
    if place.attempt is None or place.record is None:
        return [*lines, *way("It was not started yet", f"dockerlearn start {place.name}", style)]
    if current and not way_on and place.passed:
        return [*lines, *fill("You passed this step. Enter for the next one.", style.width)]
    if current and not way_on and place.step.kind == "do":
        return lines
    if place.passed and current:
        return [*lines, *way("You passed this step. Next", "dockerlearn next", style)]
    if place.passed:
        return [*lines, *fill("You passed this step.", style.width)]
    return [*lines, *_how_to_go_on(place, style, current=current)]


def opening_lines(place: Place, style: Style, *, learn: bool = True) -> list[str]:
    """Return how a step begins where the tutor stays: where one is, and what to know."""
    lines = ["", *header(place, style), ""]
    if learn and place.step.learn.strip():
        lines += [*render(place.step.learn, style.width, style), ""]
    return lines


def asking_lines(ask: str, choices: list[Choice], style: Style) -> list[str]:
    """Return what is asked before one goes on, and the choices."""
    return [*wrap(f"Before you go on: {ask.strip()}", style.width, style), *choice_lines(choices, style)]


def doing_lines(place: Place, style: Style) -> list[str]:
    """Return what is to be done where the tutor stays, and how to go on where nothing is."""
    lines: list[str] = []
    if place.step.task.strip():
        lines += [style.paint("bold", "Task"), *render(place.step.task, style.width, style)]
    if place.step.question is not None:
        lines += render(place.step.question.ask, style.width, style)
        lines += choice_lines(place.step.question.choices, style)
    lines.append("")
    if place.passed:
        lines += fill("You passed this step. Enter for the next one.", style.width)
    elif place.step.kind == "read":
        lines += fill(GOES_ON, style.width)
    return lines


def without_way(lines: list[str], style: Style) -> list[str]:
    """Leave out the command that goes on, if it stands at the end: it is not needed where Enter does."""
    way_on = _next(style)
    return lines[: -len(way_on)] if lines[-len(way_on) :] == way_on else lines


def header(place: Place, style: Style) -> list[str]:
    """Return where this step is: lesson, number, title."""
    where = f"{one_line(place.lesson.title)} ▸ step {place.number} of {len(place.lesson.steps)} ▸ "
    title = one_line(place.step.title)
    room = style.width - cells(where) - cells(title)
    if room < 0:
        return fill(where + title, style.width)
    dots = "".join(_DOTS.get(mark, "○") for mark in place.marks)
    shown = " " * (room - len(dots)) + style.paint("dim", dots) if room >= len(dots) + 2 else ""
    return [style.paint("dim", where) + style.paint("bold", title) + shown]


def predict_lines(place: Place, style: Style, *, current: bool = True) -> list[str]:
    """Return the prediction to make, and how to make it."""
    predict = place.step.predict
    if predict is None:
        return []
    lines = asking_lines(predict.ask, predict.choices, style)
    # In a step that asks something anyway, a plain answer would answer that.
    option = "" if place.step.kind in {"do", "read"} else "--prediction "
    step = "" if current else f"{place.name} "
    return [*lines, *way("Commit to an answer first", f"dockerlearn answer {option}{step}NUMBER", style), ""]


def choice_lines(choices: list[Choice], style: Style) -> list[str]:
    """Return numbered choices."""
    lines: list[str] = []
    for number, choice in enumerate(choices, 1):
        first = f"{_INDENT}{number}) "
        lines += wrap(choice.text.strip(), style.width, style, first=first, rest=" " * len(first))
    return lines


def way(what: str, command: str, style: Style) -> list[str]:
    """Return a command to go on with; it stands on a line of its own where the line would be too long.

    >>> way("Next", "dockerlearn next", Style())
    ['Next: dockerlearn next']
    """
    painted = style.paint("code", command)
    if cells(what) + 2 + cells(command) <= style.width:
        return [f"{what}: {painted}"]
    return [*fill(f"{what}:", style.width), f"{_INDENT}{painted}"]


def verdict_lines(verdict: Verdict, style: Style) -> list[str]:
    """Return what was found: a line for what is met, two for what is not, and the misunderstanding below it."""
    lines: list[str] = []
    mistake = verdict.mistake
    for outcome in verdict.outcomes:
        if mistake is not None and outcome.wait is not None:
            continue  # it may come right by waiting, and is not what the mistake explains
        # A mistake's own words say what to do; a general next move beside them would be one too many.
        lines += outcome_lines(outcome, style, way=mistake is None or outcome.met)
        if mistake is not None and not outcome.met:
            lines += _indented(mistake.say, style)
            mistake = None
    if mistake is not None:
        lines += _indented(mistake.say, style)
    if verdict.status is Status.MET:
        if not verdict.outcomes:
            lines += _hanging(Status.MET, "passed", style, lead=f"{one_line(verdict.step)}  ")
        lines += _gained(verdict.result, verdict.insight, style)
        return [*lines, *_next(style)]
    if verdict.passed and verdict.status is Status.UNMET:
        lines += ["", *fill("You passed this step before; what it asks for is not so any more.", style.width)]
        return [*lines, *way("Start it afresh", f"dockerlearn redo {one_line(verdict.step)}", style)]
    return lines


def outcome_lines(outcome: Outcome, style: Style, *, way: bool = True) -> list[str]:
    """Return one outcome; what was not found out is told apart from what is not so by its words, too."""
    name = one_line(outcome.check.partition(" ")[2] or outcome.check)
    if outcome.met:
        return _hanging(Status.MET, outcome.found, style, lead=f"{name}  ")
    found = safe(outcome.found).strip()
    if outcome.status is Status.UNKNOWN:
        # What was expected says nothing here: nobody knows whether it is so.
        text = f"could not look: {found or safe(outcome.expected)}"
    elif outcome.check in _OPEN:
        text = f"{_OPEN[outcome.check]}."
    else:
        text = " ".join(_sentence(part, name) for part in (safe(outcome.expected).strip(), found) if part)
    lines = _hanging(outcome.status, text, style)
    if outcome.next and way:
        lines.append(_move(outcome.next, style))
    return lines


def advice_lines(advice: Advice, style: Style) -> list[str]:
    """Return what a command line was probably meant to be."""
    lines = _hanging(Status.UNMET, advice.say, style)
    if advice.command is not None:
        lines.append(_move(advice.command, style))
    return lines


def _move(command: str, style: Style) -> str:
    """The line that says what to do next."""
    return f"{_INDENT}→ {style.paint('code', one_line(command, 2000))}"


def told_lines(told: Told, style: Style) -> list[str]:
    """Return how an answer was taken."""
    head = ("Right." if told.right else "Not quite.") if told.say.strip() != "That is not it." else ""
    mark = Status.MET if told.right else Status.UNMET
    lines = _hanging(mark, f"{head} {told.say.strip()}".strip(), style, markdown=True)
    lines += _gained(told.result, told.insight, style)
    return [*lines, *_next(style)] if told.passed and told.right else lines


def hint_lines(hint: Hint, style: Style) -> list[str]:
    """Return a hint with its number."""
    lines = [style.paint("bold", f"Hint {hint.number} of {hint.total}"), *_indented(hint.text, style)]
    if hint.number < hint.total:
        return lines
    return [*lines, *way("That was the last one. A solution", f"dockerlearn solution {hint.step}", style)]


def moved_lines(moved: Moved, style: Style, *, step: bool = True) -> list[str]:
    """Return where a move led; when it led nowhere, why."""
    lines: list[str] = []
    if moved.verdict is not None:
        lines += [*verdict_lines(moved.verdict, style)]
        if not moved.verdict.passed:
            return [*lines, "", *way("To leave it for now", "dockerlearn skip", style)]
        lines = [*lines[: -len(_next(style))], ""] if moved.verdict.status is Status.MET else [*lines, ""]
    lines += finished_lines(moved, style)
    if moved.place is None or not step:
        return lines
    return [*lines, *([""] if moved.finished is not None else []), *step_lines(moved.place, style)]


def finished_lines(moved: Moved, style: Style) -> list[str]:
    """Return that a lesson ended with a move, and whether it was the last one."""
    if moved.finished is None:
        return []
    last = " It was the last lesson, too." if moved.place is None else ""
    lines = fill(f"That was the last step of {one_line(moved.finished)}.{last}", style.width)
    if moved.takeaways:
        lines += [
            "",
            style.paint("bold", "To keep"),
            *render("\n".join(f"- {t}" for t in moved.takeaways), style.width, style),
        ]
    clean = way("To take away what the lesson made", "dockerlearn clean", style)
    return [*lines, "", *clean] if moved.place is None else lines


_OPEN = {
    "answer": "Your answer is still open",
    "question": "Your choice is still open",
    "read": "This step is to be read; going on passes it",
}


def _how_to_go_on(place: Place, style: Style, *, current: bool) -> list[str]:
    step = "" if current else f"{place.name} "
    if place.step.kind == "do":
        return way("Verify", "dockerlearn check" if current else f"dockerlearn check step {place.name}", style)
    if place.step.kind == "answer":
        return way("Answer", f"dockerlearn answer {step}YOUR-ANSWER", style)
    if place.step.kind == "question":
        return way("Answer", f"dockerlearn answer {step}NUMBER", style)
    return way("Go on", "dockerlearn next" if current else f"dockerlearn start {place.name}", style)


def _gained(result: str, insight: str, style: Style) -> list[str]:
    lines: list[str] = []
    for text in (result, insight):
        if text.strip():
            lines += ["", *render(text.strip(), style.width, style)]
    return lines


def _next(style: Style) -> list[str]:
    return ["", *way("Next", "dockerlearn next", style)]


def _indented(text: str, style: Style) -> list[str]:
    return [f"{_INDENT}{line}" if line else "" for line in render(text.strip("\n"), style.width - len(_INDENT), style)]


def _hanging(status: Status, text: str, style: Style, *, lead: str = "", markdown: bool = False) -> list[str]:
    """Wrap behind a mark. The mark is painted last: an escape sequence takes no room."""
    mark = style.symbols(MARKS[status][0])
    rest = " " * (len(mark) + 1)
    begin = f"{mark} {lead}"
    lines = (
        wrap(text, style.width, style, first=begin, rest=rest)
        if markdown
        else fill(text, style.width, first=begin, rest=rest)
    )
    return [style.paint(MARKS[status][1], mark) + lines[0][len(mark) :], *lines[1:]]


def _sentence(text: str, name: str) -> str:
    """Begin with a capital where a word of ours stands, not a name or a command, and end with a full stop."""
    word = text.split(maxsplit=1)[0]
    begun = text[0].upper() + text[1:] if word.rstrip(",:") in _OPENERS and word not in name.split() else text
    return begun if begun.endswith((".", "!", "?", ":")) else f"{begun}."


# What sentences of checks and diagnoses begin with. Anything else is a name, a command or a word from elsewhere.
_OPENERS = frozenset({
    "a", "all", "an", "another", "asked", "at", "between", "both", "each", "from", "in", "inside", "it", "its", "line",
    "made", "neither", "no", "nobody", "none", "not", "nothing", "on", "one", "only", "several", "some", "somebody",
    "that", "the", "there", "they", "this", "to", "two", "what", "without", "your",
})  # fmt: skip
