"""``check``: looks at the engine and says what is so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from dockerlearn.cli.options import Json, LessonArgument, Plain, StepArgument
from dockerlearn.cli.verifying import check_rows, check_step

if TYPE_CHECKING:
    from dockerlearn.cli.wiring import Wiring


def check(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Verify the current step on your engine; or one step, a lesson, the course.

    Ends with 0 when it is met, 1 when it is not, 3 when it could not be looked at.
    """
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    return check_step(wiring, None) if ctx.invoked_subcommand is None else 0


def step(ctx: typer.Context, step: StepArgument = None, plain: Plain = False, json: Json = False) -> int:
    """Verify one step."""
    return check_step(ctx.obj.use(json=json, plain=plain), step)


def lesson(ctx: typer.Context, lesson: LessonArgument = None, plain: Plain = False, json: Json = False) -> int:
    """Say which steps of a lesson are passed, and verify the open one. Ends with 0 when all are passed."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    wanted = wiring.session.place().lesson_id if lesson is None else wiring.session.lesson_row(lesson).id
    return check_rows(wiring, wanted)


def course(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Say which steps of the course are passed, and verify the open one. Ends with 0 when all are passed."""
    return check_rows(ctx.obj.use(json=json, plain=plain), None)
