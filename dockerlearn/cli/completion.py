"""Names of lessons and steps for the shell's completion. It must be quick, and silent when something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from dockerlearn.cli.wiring import Wiring
from dockerlearn.text import safe


def lessons(ctx: typer.Context, incomplete: str) -> list[str]:
    """Lessons that begin with what was typed."""
    return _matching(_wiring(ctx), incomplete, steps=False, lessons=True)


def steps(ctx: typer.Context, incomplete: str) -> list[str]:
    """Steps of the current lesson by themselves, those of the others as LESSON/STEP."""
    return _matching(_wiring(ctx), incomplete, steps=True, lessons=False)


def places(ctx: typer.Context, incomplete: str) -> list[str]:
    """Lessons and steps."""
    return _matching(_wiring(ctx), incomplete, steps=True, lessons=True)


def packs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Packs that were added."""
    wiring = _wiring(ctx)
    try:
        return [name for name in wiring.library.ids()[1:] if name.startswith(incomplete)]
    except Exception:  # noqa: BLE001 - as below
        return []
    finally:
        wiring.close()


def targets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Lessons and steps, and the folders of packs and lessons where one is."""
    named = _matching(_wiring(ctx), incomplete, steps=True, lessons=True)
    return list(dict.fromkeys(_folders(incomplete) + named))


def _folders(incomplete: str) -> list[str]:
    try:
        folders = [path.parent for name in ("pack.yaml", "lesson.yaml") for path in Path().glob(f"*/{name}")]
        return [name for name in sorted({safe(folder.name) for folder in folders}) if name.startswith(incomplete)]
    except OSError:
        return []


def _matching(wiring: Wiring, incomplete: str, *, steps: bool, lessons: bool) -> list[str]:
    try:
        names = [safe(name) for name in _names(wiring, steps=steps, lessons=lessons)]
        return [name for name in names if name.startswith(incomplete)]
    except Exception:  # noqa: BLE001 - a broken lesson must not spill over somebody's command line
        return []
    finally:
        wiring.close()


def _names(wiring: Wiring, *, steps: bool, lessons: bool) -> Iterator[str]:
    current = None
    # Completion makes no progress file where there is none.
    if steps and wiring.paths.progress.is_file():
        current = wiring.store.current()
    for pack in wiring.library.packs():
        for row in pack.outlines():
            if lessons:
                yield f"{pack.prefix}{row.id}"
            if steps:
                if current is not None and (pack.id, row.id) == (current.pack, current.lesson):
                    yield from (step.id for step in row.steps)
                yield from (f"{pack.prefix}{row.id}/{step.id}" for step in row.steps)


def _wiring(ctx: typer.Context) -> Wiring:
    return ctx.obj if isinstance(ctx.obj, Wiring) else Wiring()
