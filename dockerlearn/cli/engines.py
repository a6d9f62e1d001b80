"""``engine``: which engine is used, and the practice engine up and down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dockerlearn.cli import practising
from dockerlearn.cli.options import Json, Plain, Yes
from dockerlearn.errors import EngineError
from dockerlearn.ui import shapes

if TYPE_CHECKING:
    from dockerlearn.cli.wiring import Wiring


def engine(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Say which engine is used; bring the practice engine up or down."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    return _status(wiring) if ctx.invoked_subcommand is None else 0


def status(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Say which engine is used, and whether the practice engine is up."""
    return _status(ctx.obj.use(json=json, plain=plain))


def up(
    ctx: typer.Context,
    stand_ins: Annotated[
        bool, typer.Option("--stand-ins", help="Make the images here; without it, only where no registry answers.")
    ] = False,
    yes: Yes = False,
    plain: Plain = False,
    json: Json = False,
) -> int:
    """Start the practice engine, a private one for the course."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain, yes=yes)
    there = practising.use(wiring, stand_ins=True if stand_ins else None)
    if wiring.view.json:
        wiring.view.as_json(shapes.practice_shape(there))
        return 0
    wiring.view.text(f"The practice engine is up (Docker {there.version}).")
    host = wiring.docker_host()
    if host is not None:
        wiring.view.export(host)
    return 0


def down(
    ctx: typer.Context,
    purge: Annotated[bool, typer.Option("--purge", help="Also remove its images and containers.")] = False,
    yes: Yes = False,
    plain: Plain = False,
    json: Json = False,
) -> int:
    """Stop the practice engine; its images and containers are kept."""
    from dockerlearn.engine.practice import Practice

    wiring: Wiring = ctx.obj.use(json=json, plain=plain, yes=yes)
    practice = Practice(wiring.paths.practice, environ=wiring.environ)
    if purge:
        wiring.agree(
            "Remove the practice engine with all its images, containers and volumes?",
            otherwise="dockerlearn engine down --purge --yes",
        )
    there = practice.down(purge=purge)
    if wiring.view.json:
        wiring.view.as_json(shapes.practice_shape(there))
    else:
        wiring.view.text(f"The practice engine is down. Its images and containers are {'gone' if purge else 'kept'}.")
    return 0


def _status(wiring: Wiring) -> int:
    from dockerlearn.engine.practice import Practice

    practice = Practice(wiring.paths.practice, environ=wiring.environ).status()
    identity, error = None, None
    try:
        identity = wiring.engine().identity
    except EngineError as raised:
        error = raised
    if wiring.view.json:
        wiring.view.as_json(shapes.engine_status_shape(identity, practice))
    else:
        wiring.view.engine(identity, practice)
    if error is not None:
        raise error
    return 0
