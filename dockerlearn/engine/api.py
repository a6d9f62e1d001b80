"""What the rest of the program asks of an engine; the real one and the tests' one both answer to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from dockerlearn.engine.snapshots import ContainerSnapshot, ImageSnapshot

WHOLE = 1_048_576
"""Bytes of a file in a container that are fetched whole whatever the limit; see ``EngineApi.path``."""


class EngineIdentity(msgspec.Struct, frozen=True):
    """Which engine this is. ``id`` is what the engine calls itself and survives its restarts.

    ``address`` is what ``DOCKER_HOST`` would say; ``source`` says in words why this one was chosen; ``host`` is where
    its published ports are reached. ``export`` is True when the docker client would not find this engine by itself,
    so that it needs ``DOCKER_HOST`` set to ``address``.
    """

    id: str
    address: str
    source: str
    host: str
    version: str
    api_version: str
    kernel: str
    export: bool


class ContainerRow(msgspec.Struct, frozen=True):
    """A container as a list shows it; ``created`` to the second, ``status`` is Docker's word (running, exited, …).

    ``image_id`` is what it was made from, whatever ``image`` calls that now.
    """

    id: str
    name: str
    image: str
    created: datetime
    status: str
    image_id: str = ""


class PathInContainer(msgspec.Struct, frozen=True):
    """A path in a container's file system; ``content`` of a regular file up to the limit asked for.

    None of anything but a file, and of a file that is too large to be fetched whole.
    """

    kind: str  # file, directory, link or other
    mode: int
    size: int
    content: bytes | None


class ContainerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A container to make. There is no field here for anything that reaches the host beyond mounts and ports.

    ``publish`` maps ``80/tcp`` to a port on loopback; ``binds`` maps a path in the container to an absolute, checked
    host path; ``memory`` in bytes.
    """

    name: str
    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    env: Mapping[str, str] = {}
    user: str | None = None
    workdir: str | None = None
    labels: Mapping[str, str] = {}
    publish: Mapping[str, int] = {}
    binds: Mapping[str, str] = {}
    volumes: Mapping[str, str] = {}
    network: str | None = None
    memory: int = 256 * 1024 * 1024
    pids: int = 256


class EngineApi(Protocol):
    """An engine. Every method raises an ``EngineError`` when it cannot look; None means: it is not there."""

    @property
    def identity(self) -> EngineIdentity:
        """Which engine this is; asked once."""
        ...

    def now(self) -> datetime:
        """The engine's clock at its last answer, rounded down to the second (its ``Date`` header)."""
        ...

    def container(self, name_or_id: str) -> ContainerSnapshot | None:
        """Look at one container."""
        ...

    def precise_now(self) -> datetime:
        """The engine's clock asked now, to the microsecond; costs a request (``GET /info``)."""
        ...

    def containers(self) -> tuple[ContainerRow, ...]:
        """All containers, a row each, in one request."""
        ...

    def image(self, reference: str) -> ImageSnapshot | None:
        """Look at one image, by name or id."""
        ...

    def image_tags(self) -> tuple[str, ...]:
        """All tags of all images, in one request."""
        ...

    def logs(self, container_id: str, tail: int = 50, limit: int = 65_536) -> str:
        """The last lines of a container's output, at most ``limit`` bytes."""
        ...

    def path(self, container_id: str, path: str, limit: int = 1_048_576) -> PathInContainer | None:
        """Look at a path in a container, running or not, without running anything in it.

        ``content`` are the first ``limit`` bytes of a file that has at most ``WHOLE``, or at most ``limit``.
        """
        ...

    def create_container(self, spec: ContainerSpec) -> str:
        """Make a container and return its id."""
        ...

    def start_container(self, container_id: str) -> None:
        """Start it."""
        ...

    def stop_container(self, container_id: str, timeout: int = 1) -> None:
        """Stop it; ``timeout`` in seconds until it is killed."""
        ...

    def pause_container(self, container_id: str) -> None:
        """Freeze a running one; nothing happens when it is paused already."""
        ...

    def unpause_container(self, container_id: str) -> None:
        """Let a paused one go on."""
        ...

    def remove_container(self, container_id: str) -> bool:
        """Stop and remove it with its anonymous volumes; False when it was gone."""
        ...

    def put_file(self, container_id: str, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file into a container."""
        ...

    def pull(self, reference: str, progress: Callable[[str], None] | None = None) -> None:
        """Pull an image."""
        ...

    def build(self, folder: Path, tag: str, labels: Mapping[str, str]) -> str:
        """Build a folder's Dockerfile and return the image's id."""
        ...

    def tag(self, image_id: str, reference: str) -> None:
        """Give an image another name."""
        ...

    def remove_image(self, reference: str) -> bool:
        """Remove one name of an image, and the image with its last name; never forced. False when it was gone."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...
