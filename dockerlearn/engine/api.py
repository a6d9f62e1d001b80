"""What the rest of the program asks of an engine; the real one and the tests' one both answer to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from dockerlearn.engine.condition import Condition
from dockerlearn.engine.snapshots import (
    ContainerSnapshot,
    EventSnapshot,
    ImageSnapshot,
    NetworkSnapshot,
    VolumeSnapshot,
)

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

    ``image_id`` is what it was made from, whatever ``image`` calls that now; ``host_ports`` are the host's ports that
    lead to it, as ``8080/tcp``.
    """

    id: str
    name: str
    image: str
    created: datetime
    status: str
    image_id: str = ""
    host_ports: frozenset[str] = frozenset()


class PathInContainer(msgspec.Struct, frozen=True):
    """A path in a container's file system; ``content`` of a regular file up to the limit asked for.

    None of anything but a file, and of a file that is too large to be fetched whole.
    """

    kind: str  # file, directory, link or other
    mode: int
    size: int
    content: bytes | None


class NetworkRow(msgspec.Struct, frozen=True):
    """A network as a list shows it."""

    id: str
    name: str
    driver: str


class Executed(msgspec.Struct, frozen=True):
    """What became of a command in a container.

    ``raw`` are both streams in the order they came, cut at the limit asked for, ``output`` the same as text.
    ``exit_code`` is None when it had not ended in time; ``id`` is the engine's for this exec, by which its events are
    told from the learner's.
    """

    id: str
    exit_code: int | None
    raw: bytes
    cut: bool = False

    @property
    def output(self) -> str:
        """What it printed."""
        return self.raw.decode("utf-8", "replace")


class Built(msgspec.Struct, frozen=True):
    """What a build has made: the image's id, and those of ``stages`` that it left without a name beside it."""

    id: str
    stages: tuple[str, ...] = ()


class ContainerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A container to make. There is no field here for anything that reaches the host beyond mounts and ports.

    ``publish`` maps ``80/tcp`` to a port on loopback; ``binds`` maps a path in the container to an absolute, checked
    host path, ``volumes`` to the name of a volume (an empty one makes an anonymous volume); what is in ``read_only`` of
    these paths cannot be written to. With ``no_copy`` an empty volume is not filled with what the image has there.
    ``memory`` in bytes; of what it prints about ``log_bytes`` are kept, where that is given. An empty ``name`` lets the
    engine choose one. Only a helper of ours, never a lesson's container, shares the network of another one (``joins``,
    its id), has a ``tmpfs`` and is removed by the engine when it ends.
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
    read_only: frozenset[str] = frozenset()
    no_copy: bool = False
    network: str | None = None
    aliases: tuple[str, ...] = ()
    hostname: str | None = None
    log_bytes: int | None = None
    joins: str | None = None
    tmpfs: frozenset[str] = frozenset()
    auto_remove: bool = False
    memory: int = 256 * 1024 * 1024
    pids: int = 256


class PullNews(msgspec.Struct, frozen=True):
    """A piece of news from a pull: about which layer (or tag), what is done with it, and how many bytes of how many.

    ``total`` is 0 where the engine tells no number.
    """

    part: str
    status: str
    done: int = 0
    total: int = 0

    @property
    def line(self) -> str:
        """All of it as a line."""
        told = f"{self.part} {self.status}".strip()
        return f"{told} {self.done / 1e6:.1f} of {self.total / 1e6:.1f} MB" if self.total else told


class EventStream(Protocol):
    """What happens on an engine, as it happens; iterated in one thread, and closed from any.

    It ends when it is closed and when the engine stops or hangs up, which look the same. It has no time-out: where
    nothing happens it waits. Raises an ``EngineError`` when it could not be opened.
    """

    def __iter__(self) -> Iterator[EventSnapshot]:
        """Give what happens, in the order in which the engine tells it."""
        ...

    def close(self) -> None:
        """End it; a second time, or before it was begun, is all right."""
        ...


class EngineApi(Protocol):
    """An engine. Every method raises an ``EngineError`` when it cannot look; None means: it is not there."""

    @property
    def identity(self) -> EngineIdentity:
        """Which engine this is; asked once."""
        ...

    def condition(self) -> Condition:
        """What the engine says of itself beyond its identity; two requests."""
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

    def containers(self, newest: int | None = None) -> tuple[ContainerRow, ...]:
        """All containers, or so many of the ``newest``, a row each, in one request; newest first."""
        ...

    def image(self, reference: str) -> ImageSnapshot | None:
        """Look at one image, by name or id."""
        ...

    def image_tags(self) -> tuple[str, ...]:
        """All tags of all images, in one request."""
        ...

    def image_ids(self) -> frozenset[str]:
        """The ids of all images, those without a name and the steps of old builds among them, in one request."""
        ...

    def image_parents(self) -> Mapping[str, str]:
        """The ids of all images, each with that of the image that it was built on; empty where none is known.

        One request. BuildKit notes no parent, and the public images have none.
        """
        ...

    def manifests(self, reference: str) -> frozenset[str]:
        """The digests of an image's manifests, one for each platform; none where the engine does not tell them.

        Engines with the containerd store tell them from API 1.48 on.
        """
        ...

    def untagged_images(self) -> tuple[str, ...]:
        """The ids of images that have no name and on which no other one was built, in one request."""
        ...

    def logs(self, container_id: str, tail: int = 500, limit: int = 65_536) -> str:
        """The last lines of a container's output, at most ``limit`` bytes; empty where its log driver keeps none."""
        ...

    def path(self, container_id: str, path: str, limit: int = 1_048_576) -> PathInContainer | None:
        """Look at a path in a container, running or not, without running anything in it.

        ``content`` are the first ``limit`` bytes of a file that has at most ``WHOLE``, or at most ``limit``.
        """
        ...

    def network(self, name_or_id: str) -> NetworkSnapshot | None:
        """Look at one network, by name or whole id."""
        ...

    def networks(self) -> tuple[NetworkRow, ...]:
        """All networks, a row each, in one request."""
        ...

    def volume(self, name: str) -> VolumeSnapshot | None:
        """Look at one volume."""
        ...

    def volumes(self) -> tuple[str, ...]:
        """The names of all volumes, in one request, sorted."""
        ...

    def users_of_network(self, network: NetworkSnapshot) -> tuple[ContainerRow, ...]:
        """All containers on a network, running or not, in one request."""
        ...

    def users_of_volume(self, name: str) -> tuple[ContainerRow, ...]:
        """All containers with this volume, running or not, in one request."""
        ...

    def top(self, container_id: str) -> tuple[str, ...]:
        """The command lines of a container's processes; none when it does not run."""
        ...

    def changes(self, container_id: str) -> Mapping[str, str]:
        """What differs from its image: path to added, changed or deleted."""
        ...

    def events(self, since: datetime, until: datetime | None = None) -> tuple[EventSnapshot, ...]:
        """What happened from ``since`` up to ``until`` or now, oldest first, as far as the engine remembers.

        An engine remembers its last 256 events, those of health checks among them.
        """
        ...

    def follow(self, since: datetime) -> EventStream:
        """Tell what happened from ``since`` on, as far as the engine remembers, then what happens, without a gap.

        Some of it may be told again by a later stream: an event is known by its time, id and action together.
        """
        ...

    def exec(
        self,
        container_id: str,
        command: Sequence[str],
        *,
        seconds: float,
        limit: int = 65_536,
        mark: str = "1",
        made: Callable[[str], None] | None = None,
    ) -> Executed:
        """Run a command in a running container, without a shell, a terminal or input, for at most ``seconds``.

        It has ``mark`` in its environment, as ``DOCKERLEARN_PROBE``. ``made`` is told the engine's id for it before it
        is started.
        """
        ...

    def create_network(self, name: str, *, internal: bool = False, labels: Mapping[str, str] | None = None) -> str:
        """Make a bridge network and return its id."""
        ...

    def connect_network(self, network_id: str, container_id: str, aliases: Sequence[str] = ()) -> None:
        """Put a container on one more network."""
        ...

    def remove_network(self, network_id: str) -> bool:
        """Remove a network that no running container is on; False when it was gone."""
        ...

    def create_volume(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """Make a volume of the local driver; nothing happens when there is one."""
        ...

    def remove_volume(self, name: str) -> bool:
        """Remove a volume that no container has; never forced. False when it was gone."""
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

    def pull(self, reference: str, progress: Callable[[PullNews], None] | None = None) -> None:
        """Pull an image."""
        ...

    def export_image(self, reference: str) -> Iterator[bytes]:
        """Give an image as ``docker save`` does, a tar archive in pieces. It is asked for with the first piece."""
        ...

    def load_images(self, archive: Iterator[bytes]) -> None:
        """Take images as ``docker load`` does: a name that another image has is taken from it."""
        ...

    def can_pull(self, reference: str) -> bool:
        """Whether the engine learns of an image from its registry; may count there as a pull. Silence is no."""
        ...

    def build(self, folder: Path, tag: str, labels: Mapping[str, str]) -> Built:
        """Build a folder's Dockerfile."""
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
