"""The commands one learns with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dockerlearn.cli.options import Json, LessonArgument, PlaceArgument, Plain, StepArgument, Yes
from dockerlearn.errors import UsageError, WrongKind
from dockerlearn.ui import shapes

if TYPE_CHECKING:
    from dockerlearn.cli.wiring import Wiring
    from dockerlearn.session.session import LessonRow, Moved, Place


def alone(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> int:
    """Learn Docker by doing: a tutor that looks at your own engine.

    Without a command, starts the tutor where you left off.
    """
    wiring: Wiring = ctx.obj
    if version:
        from dockerlearn import __version__

        wiring.view.text(f"dockerlearn {__version__}")
        raise typer.Exit(0)
    if ctx.invoked_subcommand is not None:
        return 0
    if wiring.view.interactive:
        return _begin(wiring, None)
    wiring.view.verbatim(f"{ctx.get_help()}\n")
    return 0


def start(  # noqa: PLR0917 - typer passes all of them by name
    ctx: typer.Context,
    where: PlaceArgument = None,
    practice: Annotated[
        bool, typer.Option("--practice", help="Use the practice engine, a private one; start it if it is down.")
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Begin the lesson anew, with nothing passed; needed on another engine.")
    ] = False,
    yes: Yes = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Print the step and end: work anywhere, then check. No colours.")
    ] = False,
    json: Json = False,
) -> int:
    """Resume, or go to a lesson or a step and bring its world into place."""
    return _begin(ctx.obj.use(json=json, plain=plain, yes=yes), where, practice=practice, anew=anew)


def answer(
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(metavar="[STEP] ANSWER", help="Your answer; of choices, the number.", show_default=False),
    ],
    prediction: Annotated[
        bool, typer.Option("--prediction", help="Answer what the step asks before you go on.")
    ] = False,
    plain: Plain = False,
    json: Json = False,
) -> int:
    """Answer a question, or what you were to find out. Ends with 1 when it is not right."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    place, text = _answer_to(wiring, words)
    predicting = prediction or place.step.kind in {"do", "read"}
    told = (
        wiring.session.predict(place, text) if predicting and place.step.predict else wiring.session.answer(place, text)
    )
    if json:
        wiring.view.as_json(shapes.told_shape(told))
    else:
        wiring.view.told(told, way=not wiring.is_accompanied)
    # A prediction is done with having been made, right or not.
    return 0 if told.right or predicting else 1


def task(ctx: typer.Context, step: StepArgument = None, plain: Plain = False, json: Json = False) -> int:
    """Show the step again."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    _show(wiring, wiring.session.place(step))
    return 0


def help_(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Show the tutor's words, and how to get a terminal back that shows no prompt."""
    from dockerlearn.ui.tutor.holding import held

    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    found = held(wiring.paths.home)
    if json:
        wiring.view.as_json(shapes.help_shape(found))
    else:
        wiring.view.help(found)
    return 0


def hint(ctx: typer.Context, step: StepArgument = None, plain: Plain = False, json: Json = False) -> int:
    """Give the next hint."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    given = wiring.session.hint(wiring.session.place(step))
    if json:
        wiring.view.as_json(shapes.hint_shape(given))
    else:
        wiring.view.hint(given)
    return 0


def solution(
    ctx: typer.Context,
    step: StepArgument = None,
    plain: Annotated[bool, typer.Option("--plain", help="Print nothing but commands, as sh runs them.")] = False,
    json: Json = False,
) -> int:
    """Show a solution."""
    from dockerlearn.cli.wiring import this_command

    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    place = wiring.session.place(step)
    script = wiring.session.solution(place, docker_host=wiring.docker_host(), command=this_command(wiring.environ))
    if json:
        wiring.view.as_json(shapes.solution_shape(place.name, script))
    elif plain:
        wiring.view.verbatim(script)
    else:
        wiring.view.solution(place, script)
    return 0


def next_(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Go on to the next step, once this one is met."""
    from dockerlearn.cli.verifying import code_of

    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    moved = wiring.session.next()
    _show_move(wiring, moved)
    return code_of(moved.verdict.status) if moved.verdict is not None and not moved.verdict.passed else 0


def skip(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Leave this step for now and go on."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    _show_move(wiring, wiring.session.skip())
    return 0


def back(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Go back to the step before, as it is."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    _show(wiring, wiring.session.back(), moved=True)
    return 0


def redo(ctx: typer.Context, step: StepArgument = None, plain: Plain = False, json: Json = False) -> int:
    """Start a step afresh: what the lesson made is taken away, and the step's world brought into place."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    _show(wiring, wiring.session.redo(step), moved=True)
    return 0


def edit(ctx: typer.Context, step: StepArgument = None) -> int:
    """Open the step's first file in $EDITOR."""
    import shlex
    import subprocess

    wiring: Wiring = ctx.obj
    place = wiring.session.place(step)
    file = _first_file(place)
    environ = wiring.environ
    editor = environ.get("VISUAL") or environ.get("EDITOR") or "vi"
    try:
        command = shlex.split(editor)
        ended = subprocess.run([*command, str(file)], check=False, cwd=place.folder, env=dict(environ)).returncode
    except (OSError, ValueError, IndexError):
        raise UsageError(
            f"The editor {editor!r} cannot be started.", "export EDITOR=nano    # or another one"
        ) from None
    return 0 if ended == 0 else 3


def concept(ctx: typer.Context, lesson: LessonArgument = None, plain: Plain = False, json: Json = False) -> int:
    """Show what a lesson is about in depth, and the myths around it."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    found = wiring.session.lesson(lesson)
    if json:
        wiring.view.as_json(shapes.concept_shape(found))
    else:
        wiring.view.concept(found, wiring.session)
    return 0


def lessons(ctx: typer.Context, lesson: LessonArgument = None, plain: Plain = False, json: Json = False) -> int:
    """List the lessons and their steps, with your marks."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    pack = wiring.library.whole(lesson) if lesson is not None else None
    if lesson is not None and pack is None:
        rows: tuple[LessonRow, ...] = (wiring.session.lesson_row(lesson),)
    else:
        packs = [pack] if pack is not None else wiring.library.packs()
        rows = tuple(row for one in packs for row in wiring.session.syllabus(one))
    if json:
        wiring.view.as_json(shapes.lessons_shape(rows))
    else:
        wiring.view.syllabus(rows)
    return 0


def _begin(wiring: Wiring, where: str | None, *, practice: bool = False, anew: bool = False) -> int:
    from dockerlearn.cli import practising

    inside = wiring.is_accompanied
    if inside and where is None and not wiring.view.json and wiring.view.interactive:
        raise UsageError("The tutor rides along in this shell already.", "dockerlearn task    # shows the step")
    place = practising.with_engine(wiring, lambda: wiring.session.start(where, anew=anew), practice=practice)
    host = wiring.docker_host()
    if wiring.view.interactive and inside:
        return 0
    if wiring.view.interactive:
        return _open_tutor(wiring, place, host)
    if wiring.view.json:
        wiring.view.as_json(shapes.step_shape(place, docker_host=host))
        return 0
    if host is not None:
        wiring.view.export(host)
    wiring.view.step(place)
    return 0


def _open_tutor(wiring: Wiring, place: Place, host: str | None) -> int:
    """Open the tutor in the learner's shell, or at a prompt of its own where that cannot be."""
    import gc

    from dockerlearn.shell.known import Unfit, recognise

    gc.enable()  # switched off for short commands; the tutor stays
    shell = recognise(wiring.environ) if wiring.view.has_terminal else Unfit("")
    if isinstance(shell, Unfit):
        from dockerlearn.ui import line

        if shell.why:
            wiring.view.note(shell.why)
        return line.run(wiring.session, place, wiring.view, docker_host=host, environ=wiring.environ)
    from dockerlearn.ui.tutor.run import run

    return run(
        shell,
        wiring.open_session,
        place,
        wiring.view,
        paths=wiring.paths,
        docker_host=host,
        environ=wiring.environ,
    )


def _show(wiring: Wiring, place: Place, *, moved: bool = False) -> None:
    if wiring.view.json:
        wiring.view.as_json(shapes.step_shape(place))
        return
    if moved and wiring.is_accompanied:
        # The tutor in this shell sees where the learner went, and shows it.
        return
    at = wiring.session.current()
    current = at is not None and (at.pack, at.lesson, at.step) == (place.pack, place.lesson_id, place.step.id)
    wiring.view.step(place, current=current, way=not wiring.is_accompanied)


def _show_move(wiring: Wiring, moved: Moved) -> None:
    if wiring.view.json:
        wiring.view.as_json(shapes.moved_shape(moved))
    elif wiring.is_accompanied:
        wiring.view.moved(moved, step=False)
    else:
        wiring.view.moved(moved)


def _answer_to(wiring: Wiring, words: list[str]) -> tuple[Place, str]:
    """Tell a step's name from an answer of several words."""
    session = wiring.session
    if len(words) > 1:
        head, _, rest = words[0].rpartition(":")
        lesson = rest.partition("/")[0] if "/" in rest else None
        try:
            return session.place(words[0]), " ".join(words[1:])
        except UsageError:
            pack = wiring.library.get(head) if head else session.pack
            if pack is not None and lesson in pack.lessons:
                raise
    text = " ".join(words)
    if not text.strip():
        raise UsageError("An answer is missing.", "dockerlearn answer ANSWER")
    return session.place(), text


def _first_file(place: Place) -> Path:
    for name in place.step.files:
        path = place.folder / name
        if path.is_file():
            return path
        for folder, folders, files in os.walk(path):
            folders.sort()
            if files:
                return Path(folder) / min(files)
    if place.step.files:
        raise UsageError(f"The files of {place.name} are not in {place.folder}.", f"dockerlearn redo {place.name}")
    raise WrongKind(f"{place.name} has no files.", "dockerlearn task")
