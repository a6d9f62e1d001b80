"""Packs of lessons by others, as lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dockerlearn.text import one_line
from dockerlearn.ui.markdown import fill
from dockerlearn.ui.style import Style

if TYPE_CHECKING:
    from dockerlearn.course.library import Record
    from dockerlearn.packs.shelf import Listed, Prepared
    from dockerlearn.packs.uses import Changes, Uses
    from dockerlearn.session.left_behind import Left

_MOST = 40
"""Names of a kind that are told; a pack with more is told by their number."""


def pack_lines(prepared: Prepared, style: Style) -> list[str]:
    """Return what a pack is and will use, and what is different from the one before, before it is asked about."""
    record = prepared.record
    of = f"{record.id} {one_line(record.version, 40)}".rstrip()
    lines = fill(f"{one_line(record.title)} ({of}), from {one_line(record.source)}", style.width)
    lines += _named("commit", [record.revision[:12]] if record.revision else [], style)
    lines += _named("checksum", [record.checksum[:16]], style)
    lines += _named("lessons", prepared.pack.lessons, style)
    if prepared.changes is not None:
        lines += ["", "What has changed:", *_changes_lines(prepared.changes, style)]
    return [*lines, "", "What its lessons use:", *_uses_lines(prepared.uses, style), "", *fill(_SAFE, style.width), ""]


def list_lines(found: Sequence[Listed], style: Style) -> list[str]:
    """Return the packs that were added."""
    lines: list[str] = []
    for one in found:
        record = one.record
        of = f"{one_line(record.title)} {one_line(record.version, 40)}".rstrip()
        lines += fill(f"{of}, {_count(len(one.lessons), 'lesson')}", style.width, first=f"{record.id}  ", rest="    ")
        commit = f", commit {record.revision[:12]}" if record.revision else ""
        lines += fill(f"from {one_line(record.source)}{commit}", style.width, first="    ", rest="    ")
        lines += fill(f"{record.checksum[:16]}, {record.updated[:10]}", style.width, first="    ", rest="    ")
        if not one.intact:
            told = f"Its files are not as they came. dockerlearn packs remove {record.id}, then add it again."
            lines += fill(told, style.width, first="    ", rest="    ")
    return lines or fill("No packs were added. dockerlearn packs add SOURCE adds one.", style.width)


def left_lines(record: Record, left: Sequence[Left], style: Style) -> list[str]:
    """Return what of a pack is still on the engine."""
    lines = fill(f"{one_line(record.title)} ({record.id}), from {one_line(record.source)}", style.width)
    seen = [f"{one.kind} {one_line(one.name)}" for one in left if one.seen]
    noted = [f"{one.kind} {one_line(one.name)}" for one in left if not one.seen]
    if seen:
        lines += ["", *fill("Of its lessons this is still on your engine:", style.width), *_items(seen, style)]
    if noted:
        lines += ["", *fill("Of its lessons this was made on an engine that was not looked at:", style.width)]
        lines += _items(noted, style)
    if left:
        lines += fill("dockerlearn clean removes it, before or after the pack.", style.width)
    return [*lines, ""]


def _uses_lines(uses: Uses, style: Style) -> list[str]:
    lines = _named("images", uses.images, style)
    lines += _named("made images", uses.made, style)
    lines += _named("containers", uses.containers, style)
    lines += _named("networks", uses.networks, style)
    lines += _named("volumes", uses.volumes, style)
    ports = [f"{port[:-1]} or a free one above" if port.endswith("+") else port for port in uses.ports]
    lines += _named("ports", ports, style)
    lines += _named("folders", uses.mounts, style)
    return lines or ["  nothing"]


def _changes_lines(changes: Changes, style: Style) -> list[str]:
    lines: list[str] = []
    if changes.version is not None:
        was, is_ = (one_line(version, 40) or "none" for version in changes.version)
        lines += _named("version", [f"{was} → {is_}"], style)
    lines += _named("new lessons", changes.added, style)
    lines += _named("lessons gone", changes.removed, style)
    lines += _named("changed", changes.changed, style)
    lines += [f"  {one_line(line)}" for line in changes.uses[:_MOST]]
    return lines or ["  pack.yaml" if changes.pack else "  nothing"]


def _named(what: str, names: Sequence[str], style: Style) -> list[str]:
    if not names:
        return []
    shown = ", ".join(one_line(name, 100) for name in names[:_MOST])
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return fill(shown + more, style.width, first=f"  {what:<12} ", rest=" " * 15)


def _items(names: Sequence[str], style: Style) -> list[str]:
    more = [f"  and {len(names) - _MOST} more"] if len(names) > _MOST else []
    return [line for name in names[:_MOST] for line in fill(name, style.width, first="  ", rest="    ")] + more


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


_SAFE = (
    "Nothing of a pack is run on this machine. Its lessons make containers with bounded memory, on ports of this "
    "machine alone, and touch what they have made and their own folder. Images are programs of whoever made them."
)
