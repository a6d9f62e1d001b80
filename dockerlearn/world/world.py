"""One look at everything a check may ask about, lazy and frozen: what was read once does not change within a look."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.api import ContainerRow, EngineApi, PathInContainer
from dockerlearn.engine.snapshots import ContainerSnapshot, ImageSnapshot
from dockerlearn.world.http import HttpAnswer, HttpClient, HttpFailure
from dockerlearn.world.workspace import FileSnapshot, read_file


class Scope(msgspec.Struct, frozen=True):
    """What the lesson's words mean here.

    ``images`` maps the pack's short names to references. ``since`` is the engine's time when the step began.
    ``baseline`` maps ``container NAME`` to the id of the object that carried the name then, so that a renamed object
    does not count as gone.
    """

    images: Mapping[str, str] = {}
    baseline: Mapping[str, str] = {}
    since: datetime | None = None

    def reference(self, name: str) -> str:
        """The image reference that a lesson means by ``name``."""
        return self.images.get(name, name)


class World:
    """A look at one engine and one workspace. Make a new one to look again.

    A ``hasty`` look takes a process that runs now for one that stays: enough to tell whether a step would be met at
    its start, where a false yes only means that it is brought into place afresh.
    """

    def __init__(
        self, engine: EngineApi, workspace: Path, scope: Scope, http: HttpClient | None = None, *, hasty: bool = False
    ) -> None:
        self.engine = engine
        self.scope = scope
        self._hasty = hasty
        self._workspace = workspace
        self._http = http or HttpClient()
        self._containers: dict[str, ContainerSnapshot | None] = {}
        self._images: dict[str, ImageSnapshot | None] = {}
        self._logs: dict[str, str] = {}
        self._paths: dict[tuple[str, str], PathInContainer | None] = {}
        self._files: dict[str, FileSnapshot | None] = {}
        self._answers: dict[tuple[str, int, str], HttpAnswer | HttpFailure] = {}
        self._rows: tuple[ContainerRow, ...] | None = None

    def now(self) -> datetime:
        """The engine's clock, rounded down to the second."""
        return self.engine.now()

    def uptime(self, container: ContainerSnapshot, enough: float) -> float:
        """Seconds since its process started, by the engine's clock; asked precisely only near ``enough``."""
        if container.started is None:
            return 0.0
        if self._hasty:
            return math.inf
        rough = (self.now() - container.started).total_seconds()
        return rough if rough >= enough else (self.engine.precise_now() - container.started).total_seconds()

    def container(self, name: str) -> ContainerSnapshot | None:
        """The container of this very name, or None."""
        if name not in self._containers:
            found = self.engine.container(name)
            self._containers[name] = found if found and found.name == name else None
        return self._containers[name]

    def container_by_id(self, identifier: str) -> ContainerSnapshot | None:
        """The container of this id, whatever it is called now."""
        key = f"id {identifier}"
        if key not in self._containers:
            self._containers[key] = self.engine.container(identifier)
        return self._containers[key]

    def began_as(self, name: str) -> str | None:
        """The id of the container that carried ``name`` when the step began."""
        return self.scope.baseline.get(f"container {name}")

    def containers(self) -> tuple[ContainerRow, ...]:
        """A row for every container; only asked for when a name was not found, to say which one was nearly right."""
        if self._rows is None:
            self._rows = self.engine.containers()
        return self._rows

    def image(self, name: str) -> ImageSnapshot | None:
        """An image by the lesson's short name, a reference or an id."""
        reference = self.scope.reference(name)
        if reference not in self._images:
            self._images[reference] = self.engine.image(reference)
        return self._images[reference]

    def image_tags(self) -> tuple[str, ...]:
        """All tags on the engine."""
        return self.engine.image_tags()

    def logs(self, container: ContainerSnapshot) -> str:
        """The last lines that the container printed."""
        if container.id not in self._logs:
            self._logs[container.id] = self.engine.logs(container.id)
        return self._logs[container.id]

    def path(self, container: ContainerSnapshot, path: str) -> PathInContainer | None:
        """A path inside a container."""
        key = (container.id, path)
        if key not in self._paths:
            self._paths[key] = self.engine.path(container.id, path)
        return self._paths[key]

    def file(self, path: str) -> FileSnapshot | None:
        """A file of the learner's workspace for this lesson; None when it is absent."""
        if path not in self._files:
            self._files[path] = read_file(self._workspace, path)
        return self._files[path]

    def get(self, host: str, port: int, path: str) -> HttpAnswer | HttpFailure:
        """What a GET request to a published port is answered with."""
        key = (host, port, path)
        if key not in self._answers:
            self._answers[key] = self._http.get(host, port, path)
        return self._answers[key]

    def same_image(self, container: ContainerSnapshot, name: str) -> bool | None:
        """Whether a container was made from the image that a lesson calls ``name``; None when that is not known.

        On one engine, two references are the same image when their ids are. Tags move: a container whose image
        carried the name when it was made still counts when the engine remembers that the image was pulled under it.
        A foreign image that was only given the name does not count; see ``genuine``.
        """
        reference = self.scope.reference(name)
        wanted = self.image(name)
        own = self.image(container.image_id)
        if wanted is not None and (wanted.id == container.image_id or (own is not None and same_content(wanted, own))):
            # Only a public name can be on the wrong image; one of the lesson's own is on whatever it was given to.
            return name not in self.scope.images or self.genuine(wanted, reference)
        if own is None:
            # With the containerd store a tag that moves deletes the old image; only the name it was made by is left.
            return None if _names(container.image_ref, reference) else False
        return _names(container.image_ref, reference) and self._was_pulled_as(own, reference)

    def genuine(self, image: ImageSnapshot, reference: str) -> bool:
        """Whether an image that carries a public name is what its publisher made, as far as the engine can tell.

        The engine keeps, with an image that was pulled, the digest under the repository it came from. An image with
        digests of other repositories only was given the name here; so was one that was built here on another image.
        An image without any digest was loaded from an archive, which is an honest way to get it.
        """
        if self._was_pulled_as(image, reference):
            return True
        public = {name for name in image.digest_repositories if name.startswith("docker.io/")}
        return not public and not image.parent

    @staticmethod
    def _was_pulled_as(image: ImageSnapshot, reference: str) -> bool:
        return references.repository(reference) in image.digest_repositories


def _names(typed: str, reference: str) -> bool:
    return not references.looks_like_id(typed) and references.normalise(typed) == references.normalise(reference)


def same_content(one: ImageSnapshot, other: ImageSnapshot) -> bool:
    """Whether two images are the same: by id on one engine, else by layers and configuration."""
    if one.id == other.id:
        return True
    return bool(one.layers) and (one.layers, one.command, one.entrypoint, one.env) == (
        other.layers,
        other.command,
        other.entrypoint,
        other.env,
    )
