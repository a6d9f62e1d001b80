"""What an author is told of a lesson: problems, claims, what a proof came to, as lines of text."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dockerlearn.text import one_line, safe
from dockerlearn.ui.markdown import fill
from dockerlearn.ui.style import Style

if TYPE_CHECKING:
    from dockerlearn.author.lint import Linted
    from dockerlearn.author.new import Made
    from dockerlearn.author.prove import Proved
    from dockerlearn.author.report import LessonProof


_MARKS = {True: ("✓", "good"), False: ("✗", "bad"), None: ("–", "dim")}


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
    """Return a claim with how long it took; what was seen instead, or why nobody looked, stands below it."""
    mark, paint = _MARKS[proved.held]
    sign = style.symbols(mark)
    text = f"{one_line(proved.claim)} ({proved.seconds:.1f} s)"
    lines = fill(text, style.width, first=f"{sign} {one_line(proved.step)}  ", rest=" " * (len(sign) + 1))
    lines[0] = style.paint(paint, sign) + lines[0][len(sign) :]
    for part in safe(proved.why).strip().split("\n") if proved.held is not True else ():
        lines += fill(part, style.width, first="    ", rest="    ")
    return lines


def going_line(step: int, steps: int, now: Mapping[str, str], seconds: float) -> str:
    """Return what is looked at now, by step, and how far the proof is.

    >>> going_line(3, 8, {"first-run/stop": "mistake 'paused'"}, 75.2)
    "step 3 of 8, 1:15, first-run/stop: mistake 'paused'"
    """
    told = "; ".join(f"{one}: {claim}" for one, claim in now.items())
    return f"step {min(step, steps)} of {steps}, {int(seconds) // 60}:{int(seconds) % 60:02d}, {told}"


def proof_lines(
    proofs: Sequence[LessonProof], seed: int, style: Style, *, elapsed: float = 0.0, jobs: int = 1
) -> list[str]:
    """Return what was proven, how long each step took, and what to say to get the same values again.

    ``elapsed`` are the seconds that passed, which are fewer than those of the steps where ``jobs`` ran together.
    """
    lines = [""]
    for proof in proofs:
        steps = {step: claims for step, claims in proof.by_step().items() if step != proof.lesson}
        fallen, left_out = sum(claim.fell for claim in proof.claims), len(proof.left_out)
        how = "all hold" if not fallen else f"{fallen} {'does' if fallen == 1 else 'do'} not hold"
        how += f", and {_count(left_out, 'step')} left out" if left_out else ""
        looked = f"{_count(len(steps), 'step')}, {_count(len(proof.claims) - left_out, 'claim')}"
        text = f"{looked}: {how}. {proof.seconds:.0f} s"
        lines += [style.paint("bold", one_line(proof.lesson)), *fill(text, style.width, first="  ", rest="  ")]
        room = max((len(step) for step in steps), default=0)
        for step, claims in steps.items():
            wrong = sum(claim.fell for claim in claims)
            told = f"{sum(claim.seconds for claim in claims):6.1f} s" + (f"  {wrong} wrong" if wrong else "")
            told += "  left out" if any(claim.held is None for claim in claims) else ""
            lines.append(f"    {one_line(step).ljust(room)} {told}")
        lines += _loosened(proof, style)
    together = f"All of it took {elapsed:.0f} s with {jobs} jobs. " if jobs > 1 else ""
    return [*lines, *fill(f"{together}The same values again: --seed {seed}", style.width)]


def _loosened(proof: LessonProof, style: Style) -> list[str]:
    if not proof.loosened and not proof.needless:
        return []
    noticed = len(proof.loosened) - len(proof.unnoticed) - len(proof.untested)
    reasons = f", and of {len(proof.untested)} the lesson says why not" if proof.untested else ""
    text = f"{noticed} of {_count(len(proof.loosened), 'way')} to loosen a check are noticed{reasons}."
    lines = fill(text, style.width, first="  ", rest="  ")
    for one in proof.unnoticed:
        told = f"{one_line(one.check)}: {one_line(one.field) or 'all of it'} {one.change}, and nobody notices"
        lines += fill(told, style.width, first=f"    {one_line(one.step)}  ", rest="      ")
    for needless in proof.needless:
        told = f"{one_line(needless.where)} is said to be untested, and "
        told += (
            f"is noticed by {one_line(needless.noticed, 200)}" if needless.noticed else "nothing of it can be loosened"
        )
        lines += fill(told, style.width, first=f"    {one_line(needless.step)}  ", rest="      ")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
