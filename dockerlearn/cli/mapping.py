"""The picture of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dockerlearn.cli.options import Json, Plain
from dockerlearn.errors import DockerlearnError
from dockerlearn.text import one_line

if TYPE_CHECKING:
    from dockerlearn.cli.wiring import Wiring
    from dockerlearn.world.picture import Picture

EVERY = 1.0
"""Seconds between two looks of ``--watch``."""

Watch = Annotated[bool, typer.Option("--watch", help="Draw again whenever something changes; Ctrl-C ends it.")]
SvgFile = Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Write the picture to a file.")]


def map_(
    ctx: typer.Context, watch: Watch = False, svg: SvgFile = None, plain: Plain = False, json: Json = False
) -> int:
    """Draw what the course has on your engine, with what changed since you last looked."""
    from dockerlearn.session import picture
    from dockerlearn.world.picture import comparable

    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    album = picture.Album(wiring.paths.home)
    before = None
    while True:
        now = picture.look(wiring.engine(), wiring.store, wiring.library)
        if before is None or now != before:
            last = comparable(wiring.engine(), before or album.last(now.engine_id), now)
            _show(wiring, now, last, svg)
            album.keep(now)
        if not watch:
            return 0
        before = now
        wiring.sleep(EVERY)


def _show(wiring: Wiring, now: Picture, before: Picture | None, svg: Path | None) -> None:
    from dockerlearn.ui import map as drawing
    from dockerlearn.ui import shapes

    view = wiring.view
    if svg is not None:
        try:
            svg.write_text(drawing.map_svg(now, before, view.wide), encoding="utf-8")
        except OSError as error:
            raise DockerlearnError(f"{one_line(str(svg))} cannot be written: {error.strerror or error}.") from None
        view.note(f"The picture is in {one_line(str(svg))}.")
    if view.json:
        view.as_json(shapes.map_shape(now, before))
    elif svg is None:
        view.lines(["", *drawing.map_lines(now, view.style._replace(width=view.wide), before)])
        view.flush()
