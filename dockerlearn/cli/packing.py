"""``packs``: lessons by others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dockerlearn.cli import completion
from dockerlearn.cli.options import Json, Plain, Yes
from dockerlearn.errors import DockerlearnError
from dockerlearn.ui import shapes

if TYPE_CHECKING:
    from dockerlearn.cli.wiring import Wiring
    from dockerlearn.course.library import Record
    from dockerlearn.packs.shelf import Prepared, Shelf
    from dockerlearn.packs.source import Source

SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A folder, a .tar.gz or .zip, or an address for git (https, ssh); ADDRESS#REF for a branch or tag.",
    ),
]
PackArgument = Annotated[str, typer.Argument(metavar="ID", help="A pack.", autocompletion=completion.packs)]
OnePack = Annotated[
    str | None,
    typer.Argument(metavar="[ID]", help="A pack. Default: all.", autocompletion=completion.packs, show_default=False),
]


def packs(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Show the packs of lessons by others; add, update, remove them."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    return 0 if ctx.invoked_subcommand is not None else _list(wiring)


def list_(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """List the packs that were added, where they came from, and whether their files are as they came."""
    return _list(ctx.obj.use(json=json, plain=plain))


def add(ctx: typer.Context, source: SourceArgument, yes: Yes = False, plain: Plain = False, json: Json = False) -> int:
    """Add a pack: look at it, show what it will use, ask. Nothing of it is run."""
    from dockerlearn.packs.source import read

    wiring: Wiring = ctx.obj.use(json=json, plain=plain, yes=yes)
    shelf = _shelf(wiring)
    with _fetched(wiring, shelf, read(source, Path.cwd())) as prepared:
        return _put(wiring, shelf, prepared, "Add it?", "dockerlearn packs add --yes SOURCE")


def update(ctx: typer.Context, pack: OnePack = None, yes: Yes = False, plain: Plain = False, json: Json = False) -> int:
    """Fetch a pack again from where it came: show what has changed and what it will use, ask."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain, yes=yes)
    shelf = _shelf(wiring)
    if pack is not None:
        return _update(wiring, shelf, shelf.record(pack))
    wanted = [one.record for one in shelf.listed()]
    lost: DockerlearnError | None = None
    for record in wanted:
        try:
            _update(wiring, shelf, record)
        except DockerlearnError as error:
            # One that cannot be had keeps no other from being updated.
            if lost is not None:
                wiring.view.error(lost)
            lost = error
    if not wanted and not wiring.view.json:
        wiring.view.text("No packs were added.")
    if lost is not None:
        raise lost
    return 0


def remove(ctx: typer.Context, pack: PackArgument, yes: Yes = False, plain: Plain = False, json: Json = False) -> int:
    """Remove a pack. Your progress in it and your files stay; what its lessons left on the engine is told first."""
    from dockerlearn.session import left_behind

    wiring: Wiring = ctx.obj.use(json=json, plain=plain, yes=yes)
    shelf = _shelf(wiring)
    record = shelf.record(pack)
    left = left_behind.of_pack(wiring.store, record.id, wiring.engine)
    if not wiring.view.json:
        wiring.view.pack_left(record, left)
    elif not wiring.yes:
        wiring.view.as_json(shapes.pack_removed_shape(record, left, done=False))
    wiring.agree("Remove it?", otherwise=f"dockerlearn packs remove {record.id} --yes")
    shelf.remove(record.id)
    if wiring.view.json:
        wiring.view.as_json(shapes.pack_removed_shape(record, left, done=True))
    else:
        wiring.view.text(f"The pack {record.id} is removed. What you did in it is kept.")
    return 0


def _shelf(wiring: Wiring) -> Shelf:
    from dockerlearn.course.packs import open_pack
    from dockerlearn.packs.shelf import Shelf

    course = open_pack(None, wiring.paths.cache)
    return Shelf(wiring.paths.packs, taken={course.id, wiring.pack.id}, environ=wiring.environ)


@contextmanager
def _fetched(wiring: Wiring, shelf: Shelf, source: Source, update: Record | None = None) -> Iterator[Prepared]:
    """Fetch a pack; what takes its time is told, and is over before anything is asked."""
    with ExitStack() as stack:
        if source.kind == "git":
            with wiring.view.activity("Fetching the pack"):
                prepared = stack.enter_context(shelf.fetched(source, update))
        else:
            prepared = stack.enter_context(shelf.fetched(source, update))
        yield prepared


def _list(wiring: Wiring) -> int:
    found = _shelf(wiring).listed()
    if wiring.view.json:
        wiring.view.as_json(shapes.packs_shape(found))
    else:
        wiring.view.packs(found)
    return 0


def _update(wiring: Wiring, shelf: Shelf, record: Record) -> int:
    from dockerlearn.packs.source import read

    with _fetched(wiring, shelf, read(record.source, Path("/")), record) as found:
        if found.changes is not None and found.changes.none:
            if wiring.view.json:
                wiring.view.as_json(shapes.pack_shape(found, done=False))
            else:
                wiring.view.text(f"{record.id} is as it was.")
            return 0
        return _put(
            wiring,
            shelf,
            found,
            "Use it in the place of the one before?",
            f"dockerlearn packs update {record.id} --yes",
        )


def _put(wiring: Wiring, shelf: Shelf, prepared: Prepared, question: str, otherwise: str) -> int:
    if not wiring.view.json:
        wiring.view.pack(prepared)
    elif not wiring.yes:
        wiring.view.as_json(shapes.pack_shape(prepared, done=False))
    wiring.agree(question, otherwise=otherwise)
    record = shelf.put(prepared)
    if wiring.view.json:
        wiring.view.as_json(shapes.pack_shape(prepared, done=True))
    else:
        word = "added" if prepared.before is None else "updated"
        wiring.view.text(f"The pack {record.id} is {word}. dockerlearn start {record.id}: begins it.")
    return 0
