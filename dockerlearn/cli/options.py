"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from dockerlearn.cli import completion

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Plain = Annotated[bool, typer.Option("--plain", help="No colours; ask nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.")]
StepArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[STEP]",
        help="A step of the current lesson, or [PACK:]LESSON/STEP. Default: the current step.",
        autocompletion=completion.steps,
        show_default=False,
    ),
]
PlaceArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[LESSON[/STEP]]",
        help="Where to go; PACK: is where you are in that pack. Default: where you are.",
        autocompletion=completion.places,
        show_default=False,
    ),
]
LessonArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[LESSON]",
        help="Default: the current lesson.",
        autocompletion=completion.lessons,
        show_default=False,
    ),
]
