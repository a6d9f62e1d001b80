"""What was done, taken elsewhere, and cleaned up."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dockerlearn.cli.options import Json, Plain, Yes
from dockerlearn.errors import DockerlearnError, UsageError
from dockerlearn.text import one_line
from dockerlearn.ui import shapes

if TYPE_CHECKING:
    from dockerlearn.cli.wiring import Wiring
    from dockerlearn.progress.records import Mark
    from dockerlearn.session.session import LessonRow

LARGEST = 50_000_000
"""Bytes of a file that is imported: a course of a thousand lessons stays far below."""

ExportFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; - for standard output.")]
ImportFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file to read; - for standard input.")]


def progress(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Show what you did and when; export it, import it."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    if ctx.invoked_subcommand is not None:
        return 0
    from msgspec.structs import replace

    rows: list[LessonRow] = []
    marks: list[Mark] = []
    for pack in wiring.library.packs():
        rows += wiring.session.syllabus(pack, asking="nobody")
        found = wiring.store.history(pack.id)
        marks += [replace(mark, lesson=f"{pack.prefix}{mark.lesson}") for mark in found] if pack.prefix else found
    marks.sort(key=lambda mark: mark.at)
    if wiring.view.json:
        wiring.view.as_json(shapes.progress_shape(rows, marks))
    else:
        wiring.view.history(rows, marks)
    return 0


def export(ctx: typer.Context, file: ExportFile) -> int:
    """Write your progress to a file that another machine can import."""
    import json

    wiring: Wiring = ctx.obj
    exported = json.dumps(wiring.store.export(), indent=1) + "\n"
    if str(file) == "-":
        wiring.view.verbatim(exported)
        return 0
    # What is no plain file, a pipe or a device, is not even read: that could wait for ever.
    if os.path.lexists(file) and not (file.is_file() and _is_export(file)):
        raise UsageError(f"{one_line(str(file))} is there and is no export of dockerlearn's; it was left alone.")
    _write(file, exported)
    wiring.view.note(f"Your progress is in {file}. On the other machine: dockerlearn progress import FILE")
    return 0


def import_(ctx: typer.Context, file: ImportFile, json: Json = False) -> int:
    """Add the progress that another machine exported; what you have stays."""
    wiring: Wiring = ctx.obj.use(json=json)
    new = wiring.store.import_(_read(wiring, file))
    if wiring.view.json:
        wiring.view.as_json({"new": new})
    else:
        wiring.view.text(f"{new} new." if new else "Nothing new: all of it was here already.")
    return 0


def clean(ctx: typer.Context, yes: Yes = False, plain: Plain = False, json: Json = False) -> int:
    """List what the course made, ask, and remove it. What is not the course's stays."""
    from msgspec.structs import replace

    from dockerlearn.session import observing
    from dockerlearn.setup import clean as cleaning
    from dockerlearn.setup import unnamed

    wiring: Wiring = ctx.obj.use(json=json, plain=plain, yes=yes)
    view, engine = wiring.view, wiring.engine()
    names = observing.observe_all(engine, wiring.store, wiring.library, thorough=True)
    plan = cleaning.plan(engine, wiring.store, workspace=wiring.paths.workspace)
    images = tuple(reference for pack in wiring.library.packs() for reference in pack.references.values())
    plan = replace(plan, unnamed=unnamed.find(engine, wiring.store, images, names))
    to_do = any(item.action != "leave" for item in plan.items)
    if not view.json:
        view.clean_plan(plan)
    elif not (to_do and wiring.yes):
        view.as_json(shapes.clean_shape(plan, None))
    if not to_do:
        return 0
    wiring.agree("Remove this?", otherwise="dockerlearn clean --yes")
    report = cleaning.carry_out(plan, engine, wiring.store)
    if view.json:
        view.as_json(shapes.clean_shape(plan, report))
    else:
        view.clean_report(report)
    if report.lost is not None:
        raise report.lost
    return 0


def _read(wiring: Wiring, file: Path) -> Any:
    import json

    try:
        if str(file) == "-":
            stream = wiring.view.stdin or sys.stdin
            if stream is None:
                raise UsageError("Standard input is closed, so there is nothing to import.")
            text = stream.read(LARGEST)
        elif not file.is_file():
            raise UsageError(f"There is no file {one_line(str(file))}.")
        else:
            if file.stat().st_size > LARGEST:
                raise UsageError(f"{one_line(str(file))} is far too large to be an export of dockerlearn's progress.")
            text = file.read_text(encoding="utf-8")
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"{one_line(str(file))} is not an export of dockerlearn's progress: it is not JSON.") from None


def _is_export(file: Path) -> bool:
    import json

    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file.stat().st_size <= LARGEST else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "format" in found and "marks" in found


def _write(file: Path, text: str) -> None:
    """Write beside it and rename, so that an export is whole or not there."""
    import tempfile

    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    except OSError as error:
        # Named by what was asked for, not by what was tried.
        raise DockerlearnError(f"{one_line(str(file))} cannot be written: {error.strerror or error}.") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
