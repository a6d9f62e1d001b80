"""The image that is asked for is not on the engine; what is there instead."""

from __future__ import annotations

from dockerlearn.checks.image import Image
from dockerlearn.diagnose.diagnosis import Case, Diagnosis
from dockerlearn.engine import references
from dockerlearn.text import nearest, one_line


def look(case: Case) -> Diagnosis | None:
    """Find another tag of it, or a name that is nearly right."""
    check, world = case.check, case.world
    if not isinstance(check, Image) or check.absent or world.image(check.image) is not None:
        return None
    reference = world.scope.reference(check.image)
    if references.looks_like_id(reference):
        return None
    shown = references.short(reference)
    public = check.image in world.scope.images
    others = [references.short(tag) for tag in world.image_tags()]
    meant = {references.short(world.scope.reference(name)) for name in case.asked_for}
    siblings = [name for name in others if references.repository(name) == references.repository(reference)]
    if siblings:
        there = one_line(", ".join(siblings[:3]) + (", …" if len(siblings) > 3 else ""))
        latest = next((name for name in siblings if name.endswith(":latest") and name not in meant), None)
        rule = "A name without a tag means :latest. " if latest else ""
        return Diagnosis(
            name="wrong tag",
            found=f"it is not on the engine; {there} {'is' if len(siblings) == 1 else 'are'}",
            why=f"{rule}Each tag is a name of its own.",
            next=f"docker pull {shown}" if public else _way(case, latest, shown),
        )
    close = nearest(shown, [name for name in others if name not in meant])
    if close is not None and not public:
        return Diagnosis(
            name="nearly right name of an image",
            found=f"it is not on the engine; {one_line(close)} is",
            why=f"If {shown} was meant by that: an image is known by exactly its name.",
            next=_way(case, close, shown),
        )
    return Diagnosis(
        name="image absent",
        found="it is not on the engine",
        why="Images come to an engine by docker pull, docker run, docker build or docker load.",
        next=f"docker pull {shown}" if public else _LOOK,
    )


_LOOK = "docker images shows what is there"


def _way(case: Case, close: str | None, shown: str) -> str:
    """A second name is proposed only for what was built in this step: an older image may be there for its own sake."""
    image = case.world.image(close) if close is not None else None
    if image is None or image.created is None or not case.made_in_this_step(image.created.timestamp()):
        return _LOOK
    return f"docker tag {one_line(close or '')} {shown}"
