"""Findings about room: the disks with the engine's data, the learner's files and her progress."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from dockerlearn.doctor.facts import Facts, Room
from dockerlearn.doctor.finding import Finding, advice, ok, problem
from dockerlearn.text import one_line

MEGABYTE = 1_000_000
LEAST = {"engine": 100 * MEGABYTE, "workspace": 5 * MEGABYTE, "progress": 5 * MEGABYTE}
"""Bytes below which lessons fail: an image of ten megabytes and what a container writes; files of the learner's."""

ENOUGH = {"engine": 1_000 * MEGABYTE, "workspace": 50 * MEGABYTE, "progress": 50 * MEGABYTE}
"""Bytes above which nothing of the course is short of room: all its images and what is built on them."""

FEWEST_FILES = 2_000
"""Files that an image of a small distribution and a few containers have."""

_HOLDS = {"engine": "the engine's data", "workspace": "your files of the lessons", "progress": "your progress"}


def room(facts: Facts) -> Iterator[Finding]:
    """Whether each disk that the course writes to has room."""
    for together in _disks(facts.rooms):
        yield _judge(together)


def _disks(rooms: tuple[Room, ...]) -> list[list[Room]]:
    disks: dict[int, list[Room]] = {}
    for one in rooms:
        disks.setdefault(one.device, []).append(one)
    return list(disks.values())


def _judge(together: list[Room]) -> Finding:
    first = together[0]
    *others, last = [_HOLDS[one.what] for one in together]
    holds = f"{', '.join(others)} and {last}" if others else last
    where = f"on the disk with {holds} ({one_line(first.path)})"
    left = min(one.bytes for one in together)
    files = min((one.files for one in together if one.files is not None), default=None)
    means = (
        "No image can be pulled or built, and no container can write."
        if any(one.what == "engine" for one in together)
        else "Neither your files nor what you passed can be written."
    )
    remedy = _remedy(together)
    if left < max(LEAST[one.what] for one in together):
        return problem("disk", f"There are {_size(left)} left {where}.", means, *remedy)
    if files is not None and files < FEWEST_FILES:
        found = f"There is room left for {files} files {where}, however small they are."
        return problem("disk", found, means, f"df -i {shlex.quote(first.path)}", *remedy)
    if left < max(ENOUGH[one.what] for one in together):
        return advice("disk", f"There are {_size(left)} left {where}.", "Larger images may not fit.", *remedy)
    return ok("disk", f"{_size(left)} left {where}")


def _remedy(together: list[Room]) -> tuple[str, ...]:
    lines = []
    for one in together:
        if one.what == "engine":
            lines.append("docker system df    # shows what takes the room")
            lines.append("docker builder prune    # removes what builds have kept, and nothing else")
        else:
            lines.append(f"du -xh --max-depth=1 {shlex.quote(one.path)} | sort -h    # the largest come last")
    return tuple(dict.fromkeys(lines))


def _size(count: int) -> str:
    """Say a size in words.

    >>> _size(0), _size(12_300_000), _size(5_250_000_000)
    ('0 MB', '12 MB', '5.2 GB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1_000 * MEGABYTE else f"{count // MEGABYTE} MB"
