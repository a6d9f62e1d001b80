"""What was read inside images. An image never changes, so one look is enough for as long as the tutor runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dockerlearn.engine.api import PathInContainer
from dockerlearn.engine.snapshots import ImageSnapshot

MOST = 512
"""Paths that are remembered; the oldest are forgotten first."""

Look = Callable[[ImageSnapshot, Sequence[str]], Mapping[str, PathInContainer | None]]


class ImageMemory:
    """Paths inside images, by the image's id, which is a digest of its content."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], PathInContainer | None] = {}

    def paths(self, image: ImageSnapshot, paths: Sequence[str], look: Look) -> dict[str, PathInContainer | None]:
        """Return what is at ``paths``; only what is not remembered is looked at."""
        unknown = [path for path in paths if (image.id, path) not in self._seen]
        if unknown:
            self._seen |= {(image.id, path): found for path, found in look(image, unknown).items()}
        found = {path: self._seen[image.id, path] for path in paths}
        while len(self._seen) > MOST:
            del self._seen[next(iter(self._seen))]
        return found
