"""The container is there and was made from another image."""

from __future__ import annotations

from dockerlearn.checks import prose
from dockerlearn.checks.container import Container
from dockerlearn.diagnose.diagnosis import Case, Diagnosis
from dockerlearn.engine import references
from dockerlearn.text import one_line


def look(case: Case) -> Diagnosis | None:
    """Tell another tag from another image; a name that is on a foreign image is told by the check itself."""
    there = case.there
    if there is None or case.field != "image" or not isinstance(case.check, Container) or case.check.image is None:
        return None
    reference = case.world.scope.reference(case.check.image)
    wanted = case.world.image(case.check.image)
    if references.looks_like_id(reference) or (wanted is not None and wanted.id == there.image_id):
        return None
    own = case.world.image(there.image_id)
    by_id = references.looks_like_id(there.image_ref)
    names = list(own.tags) if own is not None and by_id else [] if by_id else [there.image_ref]
    if any(references.same(name, reference) for name in names):
        return None
    shown = references.short(reference)
    remake = f"docker rm -f {there.name}, then run it again from {shown}"
    sibling = next((name for name in names if references.repository(name) == references.repository(reference)), None)
    if sibling is not None:
        bare = ":" not in there.image_ref.rpartition("/")[2] and "@" not in there.image_ref
        rule = "Without a tag, :latest is meant. " if bare and sibling == there.image_ref else ""
        return Diagnosis(
            name="wrong tag",
            found=f"it is made from {one_line(references.short(sibling))}, which is another tag",
            why=f"{rule}Each tag names an image of its own, and a container keeps the one it was made from.",
            next=remake,
        )
    return Diagnosis(
        name="same name, other image",
        found=f"a container of this name is there, made from {prose.image_name(case.world, there)}",
        why="The image is chosen when a container is made. A name is free again when its container is removed.",
        next=remake,
    )
