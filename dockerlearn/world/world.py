"""One look at everything a check may ask about, lazy and frozen: what was read once does not change within a look."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.api import ContainerRow, EngineApi, Executed, PathInContainer
from dockerlearn.engine.condition import Condition
from dockerlearn.engine.snapshots import (
    ContainerSnapshot,
    EventSnapshot,
    ImageSnapshot,
    Membership,
    NetworkSnapshot,
    VolumeSnapshot,
)
from dockerlearn.errors import EngineError
from dockerlearn.world import host
from dockerlearn.world.archive import Archive, read_archive, read_members
from dockerlearn.world.asking import Asked, Question, plain
from dockerlearn.world.happened import ALWAYS, BASELINE, Happened, Own, OwnHere, since, without_health_checks
from dockerlearn.world.http import HttpAnswer, HttpClient, HttpFailure
from dockerlearn.world.image_memory import ImageMemory
from dockerlearn.world.journal import Journal
from dockerlearn.world.knock import Closed
from dockerlearn.world.knock import knock as knock_at
from dockerlearn.world.listening import Listener, listeners
from dockerlearn.world.origin import was_named_here
from dockerlearn.world.probes import Probes, Ran, is_helper
from dockerlearn.world.workspace import FileSnapshot, locate, read_file

_DESKTOP = "/run/desktop/mnt/host"


NEWEST = 50
"""Containers that are looked through for a name that was nearly right."""


_HELPERS = 3  # images that are tried as a helper's
_CHAIN = 4  # containers that use each other's network, one after the other


class Scope(msgspec.Struct, frozen=True):
    """What the lesson's words mean here.

    ``images`` maps the pack's short names to references. ``since`` is the engine's time when the step began.
    ``baseline`` maps ``container NAME`` and ``image REFERENCE`` to the id of the object that carried the name then, so
    that a renamed object does not count as gone. ``own`` are the ids of the attempt's containers.
    """

    images: Mapping[str, str] = {}
    baseline: Mapping[str, str] = {}
    since: datetime | None = None
    own: frozenset[str] = frozenset()

    def reference(self, name: str) -> str:
        """The image reference that a lesson means by ``name``."""
        return self.images.get(name, name)


class World:
    """A look at one engine and one workspace. Make a new one to look again.

    ``own`` is where the ids of what a look runs and makes are noted, ``journal`` what was typed, where that is known.

    A ``hasty`` look takes a process that runs now for one that stays: enough to tell whether a step would be met at
    its start, where a false yes only means that it is brought into place afresh. ``memory`` is shared by looks that
    follow each other.
    """

    def __init__(
        self,
        engine: EngineApi,
        workspace: Path,
        scope: Scope,
        http: HttpClient | None = None,
        *,
        knock: Callable[[str, int], Closed | None] | None = None,
        hasty: bool = False,
        memory: ImageMemory | None = None,
        own: Own | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.engine = engine
        self.scope = scope
        self._hasty = hasty
        self._workspace = workspace
        self._http = http or HttpClient()
        self._knock = knock or knock_at
        self._memory = memory or ImageMemory()
        self._own = own or OwnHere()
        self.journal = journal or Journal()
        self.probes = Probes(engine, own=self._own)
        self._memories: tuple[tuple[EventSnapshot, ...], datetime] | None = None
        self._happened: Happened | None = None
        self._containers: dict[str, ContainerSnapshot | None] = {}
        self._seen: dict[str, datetime] = {}
        self._images: dict[str, ImageSnapshot | None] = {}
        self._logs: dict[str, str] = {}
        self._paths: dict[tuple[str, str], PathInContainer | None] = {}
        self._files: dict[str, FileSnapshot | None] = {}
        self._archives: dict[str, Archive] = {}
        self._answers: dict[tuple[str, int, str], HttpAnswer | HttpFailure] = {}
        self._rows: tuple[ContainerRow, ...] | None = None
        self._newest: tuple[ContainerRow, ...] | None = None
        self._networks: dict[str, NetworkSnapshot | None] = {}
        self._volumes: dict[str, VolumeSnapshot | None] = {}
        self._volume_paths: dict[tuple[str, str], PathInContainer | None] = {}
        self._runs: dict[tuple[str, tuple[str, ...] | None, str | None], Ran] = {}
        self._execs: dict[tuple[str, tuple[str, ...]], Executed] = {}
        self._asked: dict[tuple[str, Question], Asked | None] = {}
        self._knocks: dict[tuple[str, int], Closed | None] = {}
        self._processes: dict[str, tuple[str, ...]] = {}
        self._changes: dict[str, Mapping[str, str]] = {}
        self._condition: Condition | None = None

    @property
    def condition(self) -> Condition:
        """What the engine says that it can do; asked once."""
        if self._condition is None:
            self._condition = self.engine.condition()
        return self._condition

    def now(self) -> datetime:
        """The engine's clock, rounded down to the second."""
        return self.engine.now()

    def uptime(self, container: ContainerSnapshot, enough: float) -> float:
        """Seconds that its process is known to have run, by the engine's clock; asked precisely only near ``enough``.

        The clock may be read long after the container was, when other things were looked at in between. So a container
        that was young then is looked at once more before it counts as up for ``enough``: it may have ended meanwhile.
        """
        if container.started is None:
            return 0.0
        if self._hasty:
            return math.inf
        rough = (self._seen.get(container.id, container.started) - container.started).total_seconds()
        if rough >= enough:
            return rough
        precise = (self.engine.precise_now() - container.started).total_seconds()
        if precise < enough:
            return precise
        again = self.engine.container(container.id)
        goes_on = again is not None and again.is_up and again.started == container.started
        return precise if goes_on else max(rough, 0.0)

    def happened(self) -> Happened:
        """What others did on the engine since the step began, as far as it remembers."""
        if self._happened is None:
            remembered, at = self._remembered()
            # Asked for last: what we have started until then is noted by then.
            own = self._own.ids()
            self._happened = since(remembered, self.scope.since or at, at, own, self.scope.baseline.get(BASELINE))
        return self._happened

    def stirred(self, container: ContainerSnapshot, seconds: float) -> bool:
        """Whether somebody sent it a signal or began to run something in it less than ``seconds`` ago.

        By the engine's clock, and as far as it remembers; the container's own health check is nobody.
        """
        if self._hasty:
            return False
        seen = self.happened()
        recent = tuple(
            event
            for event in seen.events
            if event.kind == "container"
            and event.id == container.id
            and event.action in {"kill", "exec_start"}
            and (seen.at - event.time).total_seconds() < seconds
        )
        return bool(self.without_health_checks(recent))

    def _remembered(self) -> tuple[tuple[EventSnapshot, ...], datetime]:
        """Everything that the engine remembers, and when it was asked."""
        if self._memories is None:
            at = self.engine.precise_now()
            self._memories = self.engine.events(ALWAYS, at), at
        return self._memories

    def without_health_checks(self, events: tuple[EventSnapshot, ...]) -> tuple[EventSnapshot, ...]:
        """Leave out the execs that are health checks of their containers."""

        def command_of(container_id: str) -> str | None:
            there = self.container_by_id(container_id)
            return None if there is None else there.health.command if there.health is not None else ""

        return without_health_checks(events, command_of)

    def container(self, name: str) -> ContainerSnapshot | None:
        """The container of this very name, or None."""
        if name not in self._containers:
            found = self._see(name)
            self._containers[name] = found if found and found.name == name else None
        return self._containers[name]

    def container_by_id(self, identifier: str) -> ContainerSnapshot | None:
        """The container of this id, whatever it is called now."""
        key = f"id {identifier}"
        if key not in self._containers:
            self._containers[key] = self._see(identifier)
        return self._containers[key]

    def _see(self, name_or_id: str) -> ContainerSnapshot | None:
        """Look at a container, and note when that was, by the engine's clock."""
        found = self.engine.container(name_or_id)
        if found is not None:
            self._seen.setdefault(found.id, self.now())
        return found

    def began_as(self, name: str) -> str | None:
        """The id of the container that carried ``name`` when the step began."""
        return self.scope.baseline.get(f"container {name}")

    def image_began_as(self, name: str) -> str | None:
        """The id of the image that carried ``name`` when the step began."""
        return self.scope.baseline.get(f"image {references.normalise(self.scope.reference(name))}")

    def containers(self) -> tuple[ContainerRow, ...]:
        """A row for every container; costs more the more there are."""
        if self._rows is None:
            self._rows = self.engine.containers()
        return self._rows

    def newest_containers(self) -> tuple[ContainerRow, ...]:
        """A row for the last ones that were made, to say which name was nearly right; costs the same on any engine."""
        if self._newest is None:
            self._newest = self._rows if self._rows is not None else self.engine.containers(NEWEST)
        return self._newest

    def image(self, name: str) -> ImageSnapshot | None:
        """An image by the lesson's short name, a reference or an id."""
        reference = self.scope.reference(name)
        if reference not in self._images:
            self._images[reference] = self.engine.image(reference)
        return self._images[reference]

    def image_tags(self) -> tuple[str, ...]:
        """All tags on the engine."""
        return self.engine.image_tags()

    def network(self, name: str) -> NetworkSnapshot | None:
        """The network of this very name, or None."""
        if name not in self._networks:
            found = self.engine.network(name)
            self._networks[name] = found if found and found.name == name else None
        return self._networks[name]

    def volume(self, name: str) -> VolumeSnapshot | None:
        """The volume of this name, or None."""
        if name not in self._volumes:
            self._volumes[name] = self.engine.volume(name)
        return self._volumes[name]

    def users_of_network(self, network: NetworkSnapshot) -> tuple[ContainerRow, ...]:
        """All containers on a network."""
        return self.engine.users_of_network(network)

    def users_of_volume(self, name: str) -> tuple[ContainerRow, ...]:
        """All containers that have a volume."""
        return self.engine.users_of_volume(name)

    def own_containers(self) -> tuple[ContainerSnapshot, ...]:
        """The containers of the attempt, and those that were made since the step began; oldest first."""
        since = self.scope.since
        found = [
            there
            for row in reversed(self.containers())
            if row.id in self.scope.own or (since is not None and row.created >= since.replace(microsecond=0))
            if (there := self.container_by_id(row.id)) is not None
        ]
        return tuple(
            there
            for there in found
            if (there.id in self.scope.own or (since is not None and there.created >= since)) and not is_helper(there)
        )

    def volume_paths(self, volume: VolumeSnapshot, paths: tuple[str, ...]) -> dict[str, PathInContainer | None] | None:
        """Paths inside a volume; None when there is no image of the pack to look with."""
        open_ones = [path for path in paths if (volume.name, path) not in self._volume_paths]
        if open_ones:
            image = next((image for name in self.scope.images if (image := self.image(name)) is not None), None)
            if image is None:
                return None
            seen = self.probes.volume_paths(volume.name, image.id, open_ones)
            self._volume_paths |= {(volume.name, path): found for path, found in seen.items()}
        return {path: self._volume_paths[volume.name, path] for path in paths}

    def image_paths(self, image: ImageSnapshot, paths: tuple[str, ...]) -> dict[str, PathInContainer | None]:
        """Paths inside an image; what the ``memory`` has is not looked at again."""
        return self._memory.paths(image, paths, self.probes.image_paths)

    def run(self, image: ImageSnapshot, command: tuple[str, ...] | None, entrypoint: str | None = None) -> Ran:
        """What a container of an image prints, and how it ends."""
        key = (image.id, command, entrypoint)
        if key not in self._runs:
            self._runs[key] = self.probes.run(image, command, entrypoint)
        return self._runs[key]

    def exec(self, container: ContainerSnapshot, command: tuple[str, ...]) -> Executed:
        """What a command does in a running container."""
        if (container.id, command) not in self._execs:
            self._execs[container.id, command] = self.probes.exec(container.id, command)
        return self._execs[container.id, command]

    def ask(self, asker: ContainerSnapshot, question: Question) -> Asked | None:
        """What is seen from inside a running container; None when neither it nor an image of the pack can ask."""
        if (asker.id, question) not in self._asked:
            found = [image for name in self.scope.images if (image := self.image(name)) is not None]
            # The smallest ones are made of what is needed here; of a large one nobody wants a container in between.
            images = sorted(found, key=lambda image: image.size)[:_HELPERS]
            self._asked[asker.id, question] = self.probes.ask(asker, question, images)
        return self._asked[asker.id, question]

    def knock(self, host: str, port: int) -> Closed | None:
        """Why a published port takes no connection; None when it does."""
        if (host, port) not in self._knocks:
            self._knocks[host, port] = self._knock(host, port)
        return self._knocks[host, port]

    def network_of(self, container: ContainerSnapshot) -> ContainerSnapshot:
        """The container whose network a container uses: its own, or that of ``--network container:OTHER``."""
        for _ in range(_CHAIN):
            mode = container.network_mode
            other = self.container_by_id(mode.removeprefix("container:")) if mode.startswith("container:") else None
            if other is None:
                break
            container = other
        return container

    def names_on(self, container: ContainerSnapshot, network: str) -> frozenset[str] | None:
        """What a container is called on a network of this name that is there now; None when it is not on it.

        On the default bridge there are no names.
        """
        member = self.member_of(container, network)
        if member is None:
            return None
        own = frozenset() if network == "bridge" else frozenset({container.name})
        return member.names | own

    def addresses(self, container: ContainerSnapshot, network: str | None = None) -> frozenset[str]:
        """The addresses of a container on a network of this name, or on all of its networks."""
        there = self.network_of(container)
        one = self.member_of(there, network) if network is not None else None
        members = there.networks if network is None else [one] if one is not None else []
        return frozenset(plain(found) for member in members for found in (member.ip, member.ip6) if found)

    def member_of(self, container: ContainerSnapshot, network: str) -> Membership | None:
        """What a container has on a network of this name that is there now; None when it is not on it.

        One that was on a network of the same name before is not on this one.
        """
        # Podman's default network has a name of its own; one network is meant.
        there = self.network(network) or (self.network("podman") if network == "bridge" else None)
        if there is None:
            return None
        for member in container.networks:
            # What never ran knows the networks by the words that were typed, and not yet by their ids.
            same = member.network_id == there.id if member.network_id else member.network in {there.name, there.id}
            if same or (len(member.network) >= 12 and there.id.startswith(member.network)):
                return member
        return None

    def processes(self, container: ContainerSnapshot) -> tuple[str, ...]:
        """The command lines of a container's processes."""
        if container.id not in self._processes:
            self._processes[container.id] = self.engine.top(container.id)
        return self._processes[container.id]

    def changes(self, container: ContainerSnapshot) -> Mapping[str, str]:
        """What differs in a container from its image; the folders that were made to mount something on do not."""
        if container.id not in self._changes:
            found = self.engine.changes(container.id)
            self._changes[container.id] = _without_mounts(found, [mount.target for mount in container.mounts])
        return self._changes[container.id]

    def is_folder(self, source: str, wanted: str) -> bool:
        """Whether a path of the host, as the engine tells it, is the one that a lesson means.

        ``wanted`` beginning with ``.`` is beneath the lesson's folder. Links count as what they lead to; the engines of
        Docker Desktop tell paths with a folder before them.
        """
        meant = (self._workspace / wanted).resolve()
        return any(Path(source.removeprefix(front)).resolve() == meant for front in ("", "/host_mnt", _DESKTOP))

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

    def archive(self, path: str) -> Archive:
        """What is in a file of the learner's workspace that may be an archive."""
        if path not in self._archives:
            there = locate(self._workspace, path)
            self._archives[path] = read_archive(there) if there is not None else Archive("other")
        return self._archives[path]

    def in_archive(self, path: str, name: str) -> tuple[PathInContainer, ...]:
        """What an archive of the learner's workspace has under a path, or one that ends with it."""
        there = locate(self._workspace, path)
        return read_members(there, name) if there is not None else ()

    def get(self, host: str, port: int, path: str) -> HttpAnswer | HttpFailure:
        """What a GET request to a published port is answered with."""
        key = (host, port, path)
        if key not in self._answers:
            self._answers[key] = self._http.get(host, port, path)
        return self._answers[key]

    def hung_up(self, container: ContainerSnapshot, port: int) -> str | None:
        """How a published port refused or broke off a connection that was made in this look; None when it did not."""
        numbers = {binding.host_port for binding in container.published.get(f"{port}/tcp", ())}
        for (_, number, _), answer in self._answers.items():
            if number in numbers and isinstance(answer, HttpFailure) and answer.kind in {"refused", "reset"}:
                return answer.text
        for (_, number), closed in self._knocks.items():
            if number in numbers and closed is not None and closed.hung_up:
                return closed.text
        return None

    def answered(self, container: ContainerSnapshot, port: int) -> bool:
        """Whether a published port answered a request that was made in this look, whatever it said."""
        numbers = {binding.host_port for binding in container.published.get(f"{port}/tcp", ())}
        return any(key[1] in numbers and isinstance(answer, HttpAnswer) for key, answer in self._answers.items())

    def listeners(self, container: ContainerSnapshot) -> frozenset[Listener] | None:
        """Where the processes of a running container listen; None where that cannot be told (an image without cat)."""
        try:
            seen = self.exec(container, ("cat", "/proc/net/tcp", "/proc/net/tcp6"))
        except EngineError:
            return None
        # Without IPv6 there is no tcp6, and cat complains; what it printed of the other one is good.
        return listeners(seen.output) if "local_address" in seen.output and not seen.cut else None

    @property
    def engine_is_here(self) -> bool:
        """Whether the engine's host is this machine: the same kernel, by a local socket. Docker Desktop's is not."""
        identity = self.engine.identity
        return identity.address.startswith("unix://") and identity.kernel == platform.release()

    def is_missing_here(self, path: str) -> bool:
        """Whether a path of the engine's host is certainly not there; False where that cannot be told."""
        return self.engine_is_here and host.is_missing(path)

    def empty_folder(self, path: str) -> datetime | None:
        """When an empty folder of the engine's host was last changed; None when it is not one, or cannot be told."""
        return host.empty_folder(path) if self.engine_is_here else None

    def program_at(self, port: int) -> host.Program | None:
        """The program of the engine's host that listens on a TCP port; None where that cannot be told."""
        return host.program_at(port) if self.engine_is_here else None

    def same_image(self, container: ContainerSnapshot, name: str) -> bool | None:
        """Whether a container was made from the image that a lesson calls ``name``; None when that is not known.

        On one engine, two references are the same image when their ids are. Tags move: a container whose image
        carried the name when it was made still counts when the engine remembers that the image was pulled under it.
        A foreign image that was only given the name does not count; see ``genuine``.
        """
        reference, is_public = self.scope.reference(name), name in self.scope.images
        wanted = self.image(name)
        own = self.image(container.image_id)
        if wanted is not None and (wanted.id == container.image_id or (own is not None and same_content(wanted, own))):
            # Only a public name can be on the wrong image; one of the lesson's own is on whatever it was given to.
            return not is_public or self.genuine(wanted, reference)
        if own is None:
            # With the containerd store a tag that moves deletes the old image; only the name it was made by is left,
            # and its manifest, which stays the same when all of a build comes from the cache.
            if not _names(container.image_ref, reference):
                return False
            if wanted is None or not container.manifest or not (manifests := self.engine.manifests(reference)):
                return None
            if container.manifest in manifests:
                return not is_public or self.genuine(wanted, reference)
            return None if is_public else False
        return _names(container.image_ref, reference) and self._was_pulled_as(own, reference)

    def names_image(self, typed: str, name: str) -> bool:
        """Whether what was typed for an image, or its id, means the one that a lesson calls ``name``."""
        wanted, meant = self.image(name), self.image(typed) if typed else None
        if wanted is not None and meant is not None:
            return same_content(wanted, meant)
        return bool(typed) and _names(typed, self.scope.reference(name))

    def genuine(self, image: ImageSnapshot, reference: str) -> bool:
        """Whether an image that carries a public name is what its publisher made, as far as the engine can tell.

        The engine keeps, with an image that was pulled, the digest under the repository it came from. An image with
        digests of other repositories only was given the name here; so was one that was built here on another image.
        An image without any digest was loaded from an archive, which is an honest way to get it, or was built by
        BuildKit, which notes no parent; and the containerd store keeps no origin of any image. In both cases the
        engine's events tell whether it got its name here, as long as they are remembered.
        """
        if not image.has_origin:
            # With containerd's store, and on Podman, every image has a digest of its own: it may have been pulled.
            events = self._remembered()[0]
            return not image.parent and not was_named_here(
                events, image.id, reference, was_not_pulled=not image.digests
            )
        if self._was_pulled_as(image, reference):
            return True
        public = {name for name in image.digest_repositories if name.startswith("docker.io/")}
        return not public and not image.parent

    @staticmethod
    def _was_pulled_as(image: ImageSnapshot, reference: str) -> bool:
        return references.repository(reference) in image.digest_repositories


def _names(typed: str, reference: str) -> bool:
    return not references.looks_like_id(typed) and references.same(typed, reference)


def _without_mounts(changes: Mapping[str, str], targets: Sequence[str]) -> Mapping[str, str]:
    """Leave out mount points, and the folders above them in which nothing else differs.

    >>> _without_mounts({"/srv": "changed", "/srv/data": "added", "/etc": "changed", "/etc/x": "added"}, ["/srv/data/"])
    {'/etc': 'changed', '/etc/x': 'added'}
    """
    points = {target.rstrip("/") for target in targets}
    above = {str(folder) for point in points for folder in PurePosixPath(point).parents}
    left = {path: kind for path, kind in changes.items() if path not in points}
    for path in sorted(above & set(left), key=len, reverse=True):
        if left[path] != "deleted" and not any(other.startswith(f"{path}/") for other in left):
            del left[path]
    return left


def same_content(one: ImageSnapshot, other: ImageSnapshot) -> bool:
    """Whether two images are the same: by id on one engine, else by layers and configuration."""
    if one.id == other.id:
        return True
    return bool(one.layers) and _content(one) == _content(other)


def _content(image: ImageSnapshot) -> tuple[object, ...]:
    return (
        image.layers,
        image.command,
        image.entrypoint,
        image.env,
        image.user,
        image.workdir,
        # What the set-up writes on its own builds, to find them again, is no content.
        {name: value for name, value in image.labels.items() if not name.startswith("dockerlearn.")},
        image.exposed,
    )
