"""Brings images out of an archive onto an engine, and moves no tag that is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dockerlearn.engine import references
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.standins.store import ARCHITECTURES
from dockerlearn.errors import EngineRejected
from dockerlearn.images.archive import Archive, Image
from dockerlearn.images.outcome import Outcome, failed
from dockerlearn.text import one_line
from dockerlearn.world.world import same_content

Told = Callable[[str, int, int], None]
"""Is told of an image how many bytes of how many were handed over."""


def load(
    engine: EngineApi, archive: Archive, declared: Iterable[str], *, practice: bool, told: Told
) -> tuple[Outcome, ...]:
    """Load the images of an archive that was verified; of names that are not ``declared`` (references), none.

    ``practice`` says that this is the practice engine: only there may stand-ins have public names.
    """
    names = {references.normalise(reference) for reference in declared}
    machine = engine.condition().machine
    return tuple(
        _load(engine, archive, image, names, machine, practice=practice, told=told) for image in archive.images
    )


def _load(
    engine: EngineApi, archive: Archive, image: Image, names: set[str], machine: str, *, practice: bool, told: Told
) -> Outcome:
    name = one_line(references.short(image.reference))
    if image.reference not in names:
        return Outcome(name, "undeclared", "no lesson uses an image of this name, so it was left in the file")
    wanted = ARCHITECTURES.get(machine, machine)
    if image.snapshot.architecture != wanted:
        why = (
            f"it is made for {one_line(image.snapshot.architecture, 40)}, and the engine runs on {one_line(wanted, 40)}"
        )
        return Outcome(name, "unfit", why, "dockerlearn images save FILE    # on a machine of this kind")
    if image.stand_in and not practice:
        why = "it is a stand-in, and only on the practice engine may one have a public name"
        return Outcome(
            name, "unfit", why, "dockerlearn images pull    # or: dockerlearn start --practice", stand_in=True
        )
    there = engine.image(name)
    if there is not None:
        if same_content(there, image.snapshot):
            return Outcome(name, "present", size=image.size, stand_in=image.stand_in)
        why = f"another image has this name ({references.short_id(there.id)}), and keeps it"
        return Outcome(name, "taken", why, f"docker tag {name} NAME && docker rmi {name}    # gives it another name")
    try:
        engine.load_images(_counted(name, image.size, archive.stream(image), told))
    except EngineRejected as error:
        return failed(name, error)
    there = engine.image(name)
    if there is None or not same_content(there, image.snapshot):
        return Outcome(name, "failed", "the engine took it, and has it not as it is in the file")
    return Outcome(name, "loaded", size=image.size, stand_in=image.stand_in)


def _counted(name: str, total: int, pieces: Iterator[bytes], told: Told) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        done += len(piece)
        told(name, min(done, total), total)
        yield piece
