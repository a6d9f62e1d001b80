"""An archive as a shelf of images, which a mirror serves as they lie in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from dockerlearn.engine.mirror import Content
from dockerlearn.images.archive import CONFIG_TYPE, LAYER_TYPE, LIST_TYPE, MANIFEST_TYPE, Archive, Image, list_json

_HUB = "docker.io/"


class Shelf:
    """The images of the public registry in an archive, and of those the ones that are named; nothing else.

    A tag leads to a list of platforms, so that an engine of another one learns that there is nothing for it here, and
    asks the registry itself.
    """

    def __init__(self, archive: Archive, wanted: Iterable[str]) -> None:
        self._archive = archive
        names = set(wanted)
        self.images = tuple(
            image for image in archive.images if image.reference in names and image.reference.startswith(_HUB)
        )
        self._tags: dict[str, dict[str, Image]] = {}
        self._blobs: dict[str, dict[str, str]] = {}
        for image in self.images:
            repository, _, tag = image.reference.removeprefix(_HUB).rpartition(":")
            self._tags.setdefault(repository, {})[tag] = image
            blobs = self._blobs.setdefault(repository, {})
            blobs[image.config.digest] = CONFIG_TYPE
            blobs |= {layer.blob.digest: LAYER_TYPE for layer in image.layers}

    def has(self, repository: str) -> bool:
        """Whether there is anything of this name."""
        return repository in self._tags

    def manifest(self, repository: str, reference: str) -> Content | None:
        """A list of manifests by its tag or digest, or the one manifest in it by its digest."""
        for tag, image in self._tags.get(repository, {}).items():
            told = list_json(image)
            digest = hashlib.sha256(told).hexdigest()
            if reference in (tag, f"sha256:{digest}"):
                return Content(digest, LIST_TYPE, len(told), iter((told,)))
            if reference == f"sha256:{image.manifest.digest}":
                return self._content(image.manifest.digest, MANIFEST_TYPE)
        return None

    def blob(self, repository: str, digest: str) -> Content | None:
        """A configuration or a layer of this repository's images."""
        kind = self._blobs.get(repository, {}).get(digest)
        return None if kind is None else self._content(digest, kind)

    def _content(self, digest: str, kind: str) -> Content:
        return Content(digest, kind, self._archive.length(digest), self._archive.pieces(digest))
