"""``images``: the lessons' images ahead of time, on a stick, for others, or made here."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dockerlearn.cli.options import Json, Plain
from dockerlearn.errors import DockerlearnError, PracticeFailed, UsageError
from dockerlearn.ui import shapes

if TYPE_CHECKING:
    from dockerlearn.cli.wiring import Wiring
    from dockerlearn.engine.practice import Practice
    from dockerlearn.images.archive import Archive
    from dockerlearn.images.look import Seen
    from dockerlearn.images.outcome import Outcome

PORT = 5050
"""Unless another one is asked for: a registry's own 5000 is what a lesson or macOS may have taken."""

SaveFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")]
LoadFile = Annotated[Path, typer.Argument(metavar="FILE", help="A file that images save has written.")]
ServeFile = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="A file that images save has written. Default: the engine's images."),
]

Address = Annotated[
    str, typer.Option("--address", help="Which of this machine's addresses to listen at; 0.0.0.0 for all.")
]
Port = Annotated[int, typer.Option("--port", help="The port; 0 for any free one.", min=0, max=65_535)]


def images(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Say which of the lessons' images the engine has; pull, save, load, serve or make them."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    return _list(wiring) if ctx.invoked_subcommand is None else 0


def list_(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Say which of the lessons' images the engine has."""
    return _list(ctx.obj.use(json=json, plain=plain))


def pull(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Pull those that the engine does not have, several at once."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    return _end(wiring, _bring(wiring, _look(wiring)))


def save(ctx: typer.Context, file: SaveFile, plain: Plain = False, json: Json = False) -> int:
    """Write them into one file, for a machine without a registry."""
    from dockerlearn.images import save as saving
    from dockerlearn.ui.imaging import bars

    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    seen = _look(wiring)
    sizes = saving.rough_size(seen)
    with saving.new_file(file) as out, bars(wiring.view, "Saving the images") as shown:
        outcomes = saving.save(
            wiring.engine(), seen, out, lambda name, done: shown.show(name, done, max(sizes.get(name, 0), done))
        )
    size = file.stat().st_size
    if wiring.view.json:
        wiring.view.as_json({**shapes.images_done_shape(outcomes), "file": str(file), "size": size})
        return _code(outcomes)
    wiring.view.outcomes(outcomes)
    wiring.view.note(f"{file} has {size / 1e6:.1f} MB. On the other machine: dockerlearn images load FILE")
    return _code(outcomes)


def load(ctx: typer.Context, file: LoadFile, plain: Plain = False, json: Json = False) -> int:
    """Load them from such a file, once all of it is verified."""
    from dockerlearn.images.archive import Archive
    from dockerlearn.images.load import load as load_all
    from dockerlearn.ui.imaging import bars

    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    with Archive.open(file) as archive:
        _verify(wiring, archive)
        engine = wiring.engine()
        practice = engine.identity.address == wiring.practice_address()
        with bars(wiring.view, "Loading the images") as shown:
            outcomes = load_all(engine, archive, wiring.pack.references.values(), practice=practice, told=shown.show)
    return _end(wiring, outcomes)


def serve(  # noqa: PLR0917  # typer calls it by name
    ctx: typer.Context,
    file: ServeFile = None,
    address: Address = "127.0.0.1",
    port: Port = PORT,
    plain: Plain = False,
    json: Json = False,
) -> int:
    """Serve them to other engines, to be read only, until Ctrl-C."""
    from dockerlearn.images.archive import Archive
    from dockerlearn.images.serve import serving

    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    with Archive.open(file) if file is not None else _archive_of_engine(wiring) as archive:
        if file is not None:
            _verify(wiring, archive)
        declared = tuple(wiring.pack.references.values())
        with serving(archive, declared, address=address, port=port) as (served, wait):
            if wiring.view.json:
                wiring.view.as_json(shapes.served_shape(served))
            else:
                wiring.view.served(served)
            wiring.view.flush()
            wait()
    return 0


def build(ctx: typer.Context, plain: Plain = False, json: Json = False) -> int:
    """Make stand-ins of them, in the practice engine only."""
    from msgspec.structs import replace

    from dockerlearn.engine.standins import catalogue
    from dockerlearn.images.outcome import Outcome

    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    practice = _practice(wiring)
    if wiring.engine().identity.address != wiring.practice_address():
        raise UsageError(
            "Stand-ins carry public names and are not their publishers' images, so they are made only in the practice "
            "engine, and this is another one.",
            "dockerlearn engine up --stand-ins",
        )
    if not practice.status().stand_ins:
        raise UsageError(
            "The practice engine pulls from a registry and has no use for stand-ins.",
            "dockerlearn images pull    # or, to have them all the same: dockerlearn engine up --stand-ins",
        )
    seen = _look(wiring)
    unknown = {one.reference for one in seen if one.there is None and catalogue.recipe(one.reference) is None}
    brought = {one.reference: one for one in _bring(wiring, [one for one in seen if one.reference not in unknown])}
    why = "there is no stand-in of it"
    outcomes = [brought.get(one.reference) or Outcome(one.reference, "missing", why) for one in seen]
    return _end(wiring, [replace(one, did="made", stand_in=True) if one.did == "pulled" else one for one in outcomes])


def _list(wiring: Wiring) -> int:
    from dockerlearn.engine import references

    seen = _look(wiring)
    users: dict[str, list[str]] = {}
    for lesson in wiring.pack.lessons:
        for reference in wiring.pack.images_of(lesson):
            users.setdefault(references.short(reference), []).append(lesson)
    if wiring.view.json:
        wiring.view.as_json(shapes.images_shape(wiring.engine().identity.id, wiring.pack.references, seen, users))
    else:
        wiring.view.images(seen, users)
    return 0


def _look(wiring: Wiring) -> tuple[Seen, ...]:
    from dockerlearn.images.look import look

    engine = wiring.engine()

    def unmade(references: tuple[str, ...]) -> tuple[str, ...]:
        is_practice = engine.identity.address == wiring.practice_address()
        return _practice(wiring).unmade(references) if is_practice else ()

    return look(engine, wiring.pack.references, workspace=wiring.paths.workspace, unmade=unmade)


def _practice(wiring: Wiring) -> Practice:
    from dockerlearn.engine.practice import Practice

    return Practice(wiring.paths.practice, environ=wiring.environ)


def _bring(wiring: Wiring, seen: Sequence[Seen]) -> list[Outcome]:
    """Pull what is not there, after what can only be made was made; one that fails does not stop the others."""
    failed = _make(wiring, [one.reference for one in seen if one.status == "made when needed"])
    wanted = [one.reference for one in seen if one.there is None and one.reference not in failed]
    brought = failed | {one.reference: one for one in _pull(wiring, wanted)}
    return [brought.get(one.reference) or _found(one) for one in seen]


def _make(wiring: Wiring, wanted: Sequence[str]) -> dict[str, Outcome]:
    """Make stand-ins, so that they can be pulled; return those that failed."""
    from dockerlearn.images.outcome import failed

    outcomes = {}
    for reference in wanted:
        try:
            with wiring.view.activity(f"Making a stand-in of {reference} (up to a minute, once)") as told:
                _practice(wiring).make(reference, progress=told)
        except PracticeFailed as error:
            outcomes[reference] = failed(reference, error)
    return outcomes


def _pull(wiring: Wiring, wanted: Sequence[str]) -> tuple[Outcome, ...]:
    from dockerlearn.engine.api import PullNews
    from dockerlearn.images.pull import Amount
    from dockerlearn.images.pull import pull as pull_all
    from dockerlearn.ui.imaging import bars

    if not wanted:
        return ()
    amounts = {reference: Amount() for reference in wanted}
    with bars(wiring.view, f"Pulling {', '.join(wanted)}") as shown:

        def told(reference: str, news: PullNews) -> None:
            amount = amounts[reference]
            amount.take(news)
            shown.show(reference, amount.done, amount.total, amount.status)

        def ended(outcome: Outcome) -> None:
            amount = amounts[outcome.reference]
            shown.show(outcome.reference, amount.done, amount.total, "pulled" if outcome.ok else "failed")

        return pull_all(wiring.engine(), wanted, told=told, ended=ended)


def _archive_of_engine(wiring: Wiring) -> Archive:
    """Save the engine's images into a file that has no name, so that it goes with this process."""
    from dockerlearn.images import save as saving
    from dockerlearn.images.archive import Archive
    from dockerlearn.ui.imaging import bars

    seen = _look(wiring)
    sizes = saving.rough_size(seen)
    wiring.paths.home.mkdir(parents=True, exist_ok=True)
    file = tempfile.TemporaryFile(dir=wiring.paths.home)  # noqa: SIM115  # the archive closes it
    try:
        with bars(wiring.view, "Getting the images from the engine") as shown:
            outcomes = saving.save(
                wiring.engine(), seen, file, lambda name, done: shown.show(name, done, max(sizes.get(name, 0), done))
            )
        file.flush()
        if left := [outcome for outcome in outcomes if not outcome.ok]:
            wiring.view.note("Not served: " + "; ".join(f"{one.reference}: {one.why}" for one in left))
        return Archive(file, "The archive of the engine's images")
    except BaseException:
        file.close()
        raise


def _verify(wiring: Wiring, archive: Archive) -> None:
    from dockerlearn.ui.imaging import bars

    with bars(wiring.view, "Verifying the file") as shown:
        archive.verify(lambda done, total: shown.show("verified", done, total))


def _found(one: Seen) -> Outcome:
    from dockerlearn.images.outcome import Outcome

    if one.status == "another image":
        why = "what has this name here was given it on this engine, and is not what its publisher made"
        return Outcome(one.reference, "taken", why, f"docker image ls {one.reference}    # shows it")
    return Outcome(one.reference, "present")


def _end(wiring: Wiring, outcomes: Sequence[Outcome]) -> int:
    if wiring.view.json:
        wiring.view.as_json(shapes.images_done_shape(outcomes))
    else:
        wiring.view.outcomes(outcomes)
    return _code(outcomes)


def _code(outcomes: Sequence[Outcome]) -> int:
    return 0 if all(one.ok for one in outcomes) else DockerlearnError.exit_code
