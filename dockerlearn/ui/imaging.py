"""The lessons' images as lines of text, and bars that move while they are on their way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from dockerlearn.engine.references import short_id
from dockerlearn.text import one_line, safe
from dockerlearn.ui.map import size_words
from dockerlearn.ui.markdown import fill
from dockerlearn.ui.style import Style

if TYPE_CHECKING:
    from dockerlearn.images.look import Seen
    from dockerlearn.images.outcome import Outcome
    from dockerlearn.images.serve import Served
    from dockerlearn.ui.view import View

_MARKS = {"present": "✓", "made when needed": "○", "missing": "✗", "another image": "✗"}
_WORDS = {
    "present": "is there",
    "pulled": "pulled",
    "made": "made on this machine",
    "saved": "saved",
    "loaded": "loaded",
    "served": "served",
    "missing": "is missing",
    "taken": "left alone",
    "undeclared": "left out",
    "unfit": "left out",
    "failed": "failed",
}


def seen_lines(seen: Sequence[Seen], users: Mapping[str, Sequence[str]], style: Style) -> list[str]:
    """Return a line for each image: whether it is there, its id and size, and the lessons that use it."""
    lines: list[str] = []
    wide = max((len(one.reference) for one in seen), default=0)
    for one in seen:
        mark = style.symbols(_MARKS[one.status])
        told: str = one.status
        if one.there is not None and one.status == "present":
            told = f"{short_id(one.there.id)}  {size_words(one.there.size)}"
        elif one.there is not None:
            told = f"{one.status} has this name here: {short_id(one.there.id)}"
        lessons = ", ".join(users.get(one.reference, ()))
        first = f" {style.paint('good' if one.status == 'present' else 'dim', mark)} {one.reference:<{wide}}  "
        lines.append(f"{first}{told}")
        lines += fill(lessons, style.width, first=" " * (wide + 5), rest=" " * (wide + 5)) if lessons else []
    return lines


def outcome_lines(outcomes: Sequence[Outcome], style: Style) -> list[str]:
    """Return what became of each image, and why; what mends it is said once for all that need it."""
    lines: list[str] = []
    for one in outcomes:
        mark = style.paint("good" if one.ok else "bad", style.symbols("✓" if one.ok else "✗"))
        size = f"  {size_words(one.size)}" if one.size is not None and one.ok else ""
        kind = "  a stand-in" if one.stand_in and one.ok else ""
        lines.append(f" {mark} {one_line(one.reference, 80)}  {_WORDS[one.did]}{size}{kind}")
        if one.why:
            indent = " " * (2 + len(style.symbols("✓")) + 1)
            lines += fill(one_line(one.why, 500), style.width, first=indent, rest=indent)
    for remedy in dict.fromkeys(one.remedy for one in outcomes if one.remedy):
        # Not wrapped: it is there to be copied.
        lines += [f"   {style.symbols('→')} {style.paint('code', line)}" for line in safe(remedy).split("\n")]
    return lines


def served_lines(served: Served, style: Style) -> list[str]:
    """Return where images are served, and what an engine must be told to use it."""
    lines = fill(f"Served at {served.url}, to be read only:", style.width)
    for outcome in served.outcomes:
        lines += outcome_lines([outcome], style)
    lines += ["", *fill(f"For an engine to pull from it, in its {DAEMON_FILE}:", style.width)]
    lines += ["", f"    {style.paint('code', served.daemon_json)}", ""]
    lines += fill(
        f"or dockerd {served.option}. A running engine takes up the file by a reload (sudo systemctl reload docker); "
        "Docker Desktop has it in its settings, under Docker Engine. What is not here it goes on pulling from its "
        "registry.",
        style.width,
    )
    return [*lines, "", "Ctrl-C ends it."]


DAEMON_FILE = "/etc/docker/daemon.json"


class Bars(Protocol):
    """Shows how far something is."""

    def show(self, name: str, done: int, total: int, status: str = "") -> None:
        """Tell of ``name`` how much of it is done; a ``total`` of 0 is not known yet."""
        ...


class _Nothing:
    def show(self, name: str, done: int, total: int, status: str = "") -> None:
        """Show nothing."""


@contextmanager
def bars(view: View, title: str) -> Iterator[Bars]:
    """Show bars in a terminal, drawn by rich; elsewhere only the title."""
    if not view.watched or view.json or view.err is None or not view.err_style.colour:
        view.note(title)
        yield _Nothing()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

    # That this is a terminal with colours was found out before, and rich is not asked again.
    console = Console(file=view.err, width=view.err_style.width, highlight=False, markup=False, force_terminal=True)
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[status]}", markup=False),
        console=console,
        transient=True,
    )
    tasks: dict[str, TaskID] = {}

    class Drawn:
        def show(self, name: str, done: int, total: int, status: str = "") -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(one_line(name, 40), total=None, status="")
            progress.update(tasks[name], completed=done, total=total or None, status=one_line(status, 24))

    with progress:
        yield Drawn()
