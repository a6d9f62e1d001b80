"""Everything about a pack that can be known without an engine, all at once."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dockerlearn.author import listing, quality
from dockerlearn.author.target import Target
from dockerlearn.course import explain, tree
from dockerlearn.course.packs import lesson_context, lesson_problems, pack_problems, shown
from dockerlearn.course.problems import Problem, Report
from dockerlearn.errors import UnknownLesson
from dockerlearn.text import nearest, one_line


class Linted(msgspec.Struct, frozen=True):
    """What was looked at, and what is wrong with it, file by file."""

    lessons: tuple[str, ...]
    problems: tuple[Problem, ...]


def lint(target: Target, since: Path | None = None) -> Linted:
    """Look at a pack and all its lessons, or at one lesson; ``since`` is the folder of an earlier version of the pack.

    A pack.yaml that is wrong keeps nobody from hearing what else is: what can be read of it is used.
    Raises ``UnknownLesson`` where there is no such lesson.
    """
    folder = target.folder
    document = tree.read(folder / "pack.yaml", "")
    listed = listing.lessons(document.root)
    # Lessons may name an image whose reference cannot be read.
    references = {
        name.text: reference.text if reference is not None and reference.text else name.text
        for name, reference in listing.images(document.root)
    }
    present = tuple(sorted(path.parent.name for path in folder.glob("*/lesson.yaml")))
    # In the pack's order, and after them those that are not listed, which is a mistake of its own.
    there = tuple(slug for slug in listed if slug in present) + tuple(slug for slug in present if slug not in listed)
    if target.lesson is not None and target.lesson not in there:
        near = nearest(target.lesson, there)
        raise UnknownLesson(
            f"There is no lesson called {one_line(target.lesson, 60)}" + (f": did you mean {near}?" if near else ".")
        )
    wanted = there if target.lesson is None else (target.lesson,)
    found = _pack(folder, document.root, since) if target.lesson is None else ()
    for slug in wanted:
        found += _lesson(folder, slug, references, listed, since)
    return Linted(wanted, found)


def _pack(folder: Path, root: tree.Node | None, since: Path | None) -> tuple[Problem, ...]:
    report = Report(f"{shown(folder)}/pack.yaml")
    quality.pack(root, report)
    if since is not None:
        quality.same_lessons(root, listing.lessons(tree.read(since / "pack.yaml", "").root), report)
    return pack_problems(folder) + report.problems()


def _lesson(
    folder: Path, slug: str, references: dict[str, str], listed: tuple[str, ...], since: Path | None
) -> tuple[Problem, ...]:
    context = lesson_context(folder, slug, references, listed)
    root = explain.filled(tree.read(folder / slug / "lesson.yaml", context.file), context)
    report = Report(context.file)
    quality.lesson(root, report, context)
    if since is not None and (since / slug / "lesson.yaml").is_file():
        quality.same_ids(root, tree.read(since / slug / "lesson.yaml", "").root, report)
    return lesson_problems(folder, slug, references, listed) + report.problems()
