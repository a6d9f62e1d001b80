"""The container that is asked for is not there; perhaps it is, by another name."""

from __future__ import annotations

from dockerlearn.diagnose.diagnosis import Case, Diagnosis
from dockerlearn.engine.api import ContainerRow
from dockerlearn.engine.snapshots import is_made_up
from dockerlearn.text import nearest
from dockerlearn.world.probes import is_helper


def look(case: Case) -> Diagnosis | None:
    """Find the container that was probably meant; nothing is said of one that another check asks for."""
    began = case.world.began_as(case.name)
    if not case.name or case.wants_absent or case.there is not None:
        return None
    if began is not None and case.world.container_by_id(began) is not None:
        return None  # it was renamed, and the check says so
    rows = [
        row
        for row in case.world.newest_containers()
        if row.name not in case.asked_for and f"container {row.name}" not in case.world.scope.baseline
    ]
    return _nearly_right(case, rows) or _unnamed(case, rows)


def _nearly_right(case: Case, rows: list[ContainerRow]) -> Diagnosis | None:
    names = [row.name for row in rows if abs(len(row.name) - len(case.name)) <= 2]
    close = nearest(case.name, names)
    if close is None:
        return None
    missing = [name for name in case.asked_for if case.world.container(name) is None]
    there = case.world.container(close)
    if nearest(close, missing) != case.name or there is None or there.error:
        # It is nearer to another name that is asked for; or it never started, and another name would not mend that.
        return None
    row = next(row for row in rows if row.name == close)
    if case.world.scope.since is not None and not case.made_in_this_step(row.created.timestamp()):
        # Older than this step: it may be anybody's, and to rename it is not ours to propose.
        return None
    return Diagnosis(
        name="nearly right name",
        found=f"there is none; there is one named {close}",
        why=f"Probably {case.name} was meant: a container is known by exactly the name it has.",
        next=f"docker rename {close} {case.name}",
    )


def _unnamed(case: Case, rows: list[ContainerRow]) -> Diagnosis | None:
    fresh = [row for row in rows if case.made_in_this_step(row.created.timestamp()) and is_made_up(row.name)]
    # Our own helpers have no name either, and another terminal may be looking with one right now.
    fresh = [row for row in fresh if (there := case.world.container_by_id(row.id)) and not is_helper(there)]
    if len(fresh) != 1:
        return None
    return Diagnosis(
        name="unnamed",
        found=f"there is none; one made since this step began is named {fresh[0].name}",
        why=(
            "Probably by the engine: it makes up a name where --name gives none. "
            "docker rename gives it the right one; --name, before the image, gives it from the start."
        ),
        next=f"docker rename {fresh[0].name} {case.name}",
    )
