"""What an author is told of a lesson: problems, claims, what a proof came to, as lines of text."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dockerlearn.text import one_line, safe
from dockerlearn.ui.markdown import fill
from dockerlearn.ui.style import Style

if TYPE_CHECKING:
    from dockerlearn.author.lint import Linted
    from dockerlearn.author.new import Made
    from dockerlearn.author.prove import Proved
    from dockerlearn.author.report import LessonProof


def made_lines(made: Made, style: Style) -> list[str]:
    """Return which files were written, and the commands to go on with."""
    lines = [f"  {one_line(str(path), 1000)}" for path in made.files]
    lesson = shlex.quote(str(made.pack / made.lesson))
    commands = [f"dockerlearn author {word} {lesson}" for word in ("lint", "preview", "prove")]
    return ["Written:", *lines, "", "Next:", *(f"  {style.paint('code', safe(command))}" for command in commands)]


def problem_lines(linted: Linted) -> list[str]:
    """Return a line for each problem, never wrapped: editors find the place by its beginning."""
    return [
        one_line(str(problem) + (f" [{problem.rule}]" if problem.rule else ""), 2000) for problem in linted.problems
    ]


def lint_summary(linted: Linted) -> str:
    """Return how much was looked at, and how much is wrong."""
    looked = _count(len(linted.lessons), "lesson")
    if not linted.problems:
        return f"{looked}: nothing to object to."
    files = len({problem.file for problem in linted.problems})
    return f"{looked}: {_count(len(linted.problems), 'problem')} in {_count(files, 'file')}."


def claim_lines(proved: Proved, style: Style) -> list[str]:
    """Return a claim with how long it took; what was seen instead stands below it."""
    mark, paint = ("✓", "good") if proved.held else ("✗", "bad")
    sign = style.symbols(mark)
    text = f"{one_line(proved.claim)} ({proved.seconds:.1f} s)"
    lines = fill(text, style.width, first=f"{sign} {one_line(proved.step)}  ", rest=" " * (len(sign) + 1))
    lines[0] = style.paint(paint, sign) + lines[0][len(sign) :]
    for part in safe(proved.why).strip().split("\n") if not proved.held else ():
        lines += fill(part, style.width, first="    ", rest="    ")
    return lines


def proof_lines(proofs: Sequence[LessonProof], seed: int, style: Style) -> list[str]:
    """Return what was proven, how long each step took, and what to say to get the same values again."""
    lines = [""]
    for proof in proofs:
        steps = {step: claims for step, claims in proof.by_step().items() if step != proof.lesson}
        fallen = sum(not claim.held for claim in proof.claims)
        how = "all hold" if not fallen else f"{fallen} {'does' if fallen == 1 else 'do'} not hold"
        text = f"{_count(len(steps), 'step')}, {_count(len(proof.claims), 'claim')}: {how}. {proof.seconds:.0f} s"
        lines += [style.paint("bold", one_line(proof.lesson)), *fill(text, style.width, first="  ", rest="  ")]
        room = max((len(step) for step in steps), default=0)
        for step, claims in steps.items():
            wrong = sum(not claim.held for claim in claims)
            told = f"{sum(claim.seconds for claim in claims):6.1f} s" + (f"  {wrong} wrong" if wrong else "")
            lines.append(f"    {one_line(step).ljust(room)} {told}")
        lines += _loosened(proof, style)
    return [*lines, *fill(f"The same values again: --seed {seed}", style.width)]


def _loosened(proof: LessonProof, style: Style) -> list[str]:
    if not proof.loosened:
        return []
    noticed = len(proof.loosened) - len(proof.unnoticed)
    text = f"{noticed} of {_count(len(proof.loosened), 'way')} to loosen a check are noticed."
    lines = fill(text, style.width, first="  ", rest="  ")
    for one in proof.unnoticed:
        told = f"{one_line(one.check)}: {one_line(one.field) or 'all of it'} {one.change}, and nobody notices"
        lines += fill(told, style.width, first=f"    {one_line(one.step)}  ", rest="      ")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
