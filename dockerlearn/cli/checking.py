"""``check``: looks at the engine and says what is so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dockerlearn.cli.options import Json, LessonArgument, Plain, StepArgument
from dockerlearn.cli.verifying import check_rows, check_step, watch_step
from dockerlearn.errors import UsageError

if TYPE_CHECKING:
    from dockerlearn.cli.wiring import Wiring

_WATCH = "dockerlearn.watch"
"""What ``check --watch step`` hands on."""


Watch = Annotated[
    bool, typer.Option("--watch", help="Keep following, and say what changes, until the step is met; Ctrl-C ends it.")
]


def check(ctx: typer.Context, watch: Watch = False, plain: Plain = False, json: Json = False) -> int:
    """Verify the current step on your engine; or one step, a lesson, the course.

    Ends with 0 when it is met, 1 when it is not, 3 when it could not be looked at.
    """
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    if ctx.invoked_subcommand is not None:
        if watch and ctx.invoked_subcommand != "step":
            raise UsageError("Only a step can be watched.", "dockerlearn check --watch")
        ctx.meta[_WATCH] = watch
        return 0
    return watch_step(wiring, None) if watch else check_step(wiring, None)


def step(
    ctx: typer.Context, step: StepArgument = None, watch: Watch = False, plain: Plain = False, json: Json = False
) -> int:
    """Verify one step."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    return watch_step(wiring, step) if watch or ctx.meta.get(_WATCH) else check_step(wiring, step)


def lesson(ctx: typer.Context, lesson: LessonArgument = None, plain: Plain = False, json: Json = False) -> int:
    """Say which steps of a lesson are passed, and verify the open one. Ends with 0 when all are passed."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    wanted = (
        wiring.session.place().lesson_name if lesson is None else wiring.session.lesson_row(lesson, asking="nobody").id
    )
    return check_rows(wiring, wanted)


def course(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Say which steps of the course are passed, and verify the open one. Ends with 0 when all are passed."""
    return check_rows(ctx.obj.use(json=json, plain=plain), None)
