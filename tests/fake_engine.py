"""An engine in memory for tests of what is above the engine. It keeps the contract of ``tests/engine_contract.py``."""

from __future__ import annotations

import hashlib
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.api import (
    WHOLE,
    Built,
    ContainerRow,
    ContainerSpec,
    EngineIdentity,
    Executed,
    NetworkRow,
    PathInContainer,
    PullNews,
)
from dockerlearn.engine.condition import Condition
from dockerlearn.engine.snapshots import (
    Binding,
    ContainerSnapshot,
    EventSnapshot,
    ImageSnapshot,
    Membership,
    Mount,
    NetworkSnapshot,
    VolumeSnapshot,
)
from dockerlearn.errors import EngineError, EngineRejected
from dockerlearn.world.probes import MARK
from tests import exported

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def make_id(*parts: object) -> str:
    """Return 64 hexadecimal digits that depend on nothing but ``parts``."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


def make_image(*tags: str, **fields: Any) -> ImageSnapshot:
    """Return an image with these tags; its content is told apart by ``id`` or, without one, by the first tag."""
    seed = tags[0] if tags else "untagged"
    plain: dict[str, Any] = {
        "id": f"sha256:{make_id('image', seed)}",
        "tags": tags,
        "digests": (),
        "created": BEGINNING,
        "size": 2_000_000,
        "layers": (f"sha256:{make_id('layer', seed)}",),
        "parent": "",
        "os": "linux",
        "architecture": "amd64",
        "command": ("sh",),
        "entrypoint": (),
        "env": {"PATH": "/bin"},
        "user": "",
        "workdir": "",
        "labels": {},
        "exposed": frozenset(),
        "volumes": frozenset(),
        "stop_signal": "",
        "healthcheck": False,
    }
    return ImageSnapshot(**(plain | fields))


def make_container(name: str, **fields: Any) -> ContainerSnapshot:
    """Return a container that runs for an hour already; ``fields`` say what is different."""
    plain: dict[str, Any] = {
        "id": make_id("container", name),
        "name": name,
        "created": BEGINNING,
        "status": "running",
        "running": True,
        "paused": False,
        "restarting": False,
        "exit_code": 0,
        "oom_killed": False,
        "error": "",
        "started": BEGINNING,
        "finished": None,
        "restart_count": 0,
        "image_id": f"sha256:{make_id('image', 'busybox:1.36')}",
        "image_ref": "busybox:1.36",
        "argv": ("sh",),
        "command": ("sh",),
        "entrypoint": (),
        "env": {"PATH": "/bin"},
        "user": "",
        "workdir": "",
        "hostname": make_id("container", name)[:12],
        "labels": {},
        "tty": False,
        "open_stdin": False,
        "attached": False,
        "stop_signal": "",
        "exposed": frozenset(),
        "published": {},
        "asked": {},
        "publish_all": False,
        "mounts": (),
        "networks": (Membership("bridge", make_id("network", "bridge"), "172.17.0.2", frozenset()),),
        "network_mode": "bridge",
        "restart_policy": "no",
        "restart_max": 0,
        "auto_remove": False,
        "read_only": False,
        "privileged": False,
        "init": False,
        "cap_add": frozenset(),
        "cap_drop": frozenset(),
        "memory": 0,
        "pids_limit": 0,
        "cpus": 0.0,
        "health": None,
    }
    return ContainerSnapshot(**(plain | fields))


HELPER_OF_ANOTHER: Any = (Mount("tmpfs", "", MARK, read_only=False, name=MARK),)
"""The mounts of a helper that shares a container's network, by which it is known: its host name is not its own."""


def make_network(name: str, **fields: Any) -> NetworkSnapshot:
    """Return a bridge network."""
    plain: dict[str, Any] = {
        "id": make_id("network", name),
        "name": name,
        "created": BEGINNING,
        "driver": "bridge",
        "scope": "local",
        "internal": False,
        "labels": {},
        "options": {},
        "subnets": ("172.18.0.0/16",),
        "members": frozenset(),
    }
    return NetworkSnapshot(**(plain | fields))


def make_volume(name: str, **fields: Any) -> VolumeSnapshot:
    """Return a local volume."""
    plain: dict[str, Any] = {
        "name": name,
        "created": BEGINNING,
        "driver": "local",
        "labels": {},
        "options": {},
        "mountpoint": f"/volumes/{name}/_data",
    }
    return VolumeSnapshot(**(plain | fields))


class FakeStream:
    """What happens on a ``FakeEngine``."""

    def __init__(self, engine: FakeEngine, since: datetime) -> None:
        self._engine = engine
        self._since = since
        self._closed = False

    def __iter__(self) -> Iterator[EventSnapshot]:
        told = 0
        while True:
            with self._engine.news:
                while not self._closed and len(self._engine.happened) <= told:
                    self._engine.news.wait()
                if self._closed:
                    return
                event = self._engine.happened[told]
                told += 1
            if event.time >= self._since:
                yield event

    def close(self) -> None:
        with self._engine.news:
            self._closed = True
            self._engine.news.notify_all()


class FakeEngine:
    """An engine in memory.

    Put things into ``by_name`` (containers), ``images`` (by id), ``files``, ``output``, ``processes`` and
    ``differences`` (by container id), ``image_files`` (by image id; a new container has them), ``networks_by_name``,
    ``volumes_by_name``, ``volume_files`` (by volume name), ``registry`` (what can be pulled, by full reference) and
    ``exports`` (what ``docker save`` gives, by full reference, of those that are there) and ``manifests_by_id`` (by
    image id; none is as on an engine that does not tell them); ``add`` and ``add_image`` do it in one line. ``runs``
    says what a command does, in a container or as one: command line to its output and exit code, None when it does not
    end. ``happened`` are the events. ``clock`` is the engine's time, and goes on by a second with each change. With
    ``failure`` set, every call raises it. ``calls`` are the names of the methods that were called.
    """

    def __init__(self, *images: ImageSnapshot, engine_id: str = "FAKE:ENGINE") -> None:
        self.by_name: dict[str, ContainerSnapshot] = {}
        self.images: dict[str, ImageSnapshot] = {}
        self.files: dict[str, dict[str, PathInContainer]] = {}
        self.output: dict[str, str] = {}
        self.processes: dict[str, tuple[str, ...]] = {}
        self.differences: dict[str, dict[str, str]] = {}
        self.runs: dict[tuple[str, ...], tuple[str, int | None]] = {}
        self.executed: list[tuple[str, tuple[str, ...]]] = []
        self.image_files: dict[str, dict[str, PathInContainer]] = {}
        self.networks_by_name = {"bridge": make_network("bridge")}
        self.volumes_by_name: dict[str, VolumeSnapshot] = {}
        self.volume_files: dict[str, dict[str, PathInContainer]] = {}
        self.registry: dict[str, ImageSnapshot] = {}
        self.exports: dict[str, bytes] = {}
        self.manifests_by_id: dict[str, frozenset[str]] = {}
        self.clock = BEGINNING + timedelta(hours=1)
        self.failure: EngineError | None = None
        self.calls: list[str] = []
        self.happened: list[EventSnapshot] = []
        self.news = threading.Condition()
        self.streams: list[FakeStream] = []
        self.closed = False
        self.says = Condition(oldest_api="1.12", newest_api="1.41", root="/var/lib/docker", store="overlay2")
        self._made = 0
        self._identity = EngineIdentity(
            id=engine_id,
            address="unix:///fake.sock",
            source="the test",
            host="127.0.0.1",
            version="20.10.24",
            api_version="1.41",
            kernel="6.1.0",
            export=False,
        )
        for image in images:
            self.add_image(image)

    # What tests use to prepare and look.

    def move(self, address: str, host: str) -> None:
        """Put the engine on another machine."""
        self._identity = msgspec.structs.replace(self._identity, address=address, host=host)

    def add(self, name: str, **fields: Any) -> ContainerSnapshot:
        """Put a running container there, made by somebody else."""
        container = make_container(name, **fields)
        self.by_name[name] = container
        return container

    def add_image(self, image: ImageSnapshot) -> ImageSnapshot:
        """Put an image there; its tags leave the images that had them."""
        for tag in image.tags:
            self._untag(tag)
        self.images[image.id] = image
        return image

    def add_network(self, name: str, **fields: Any) -> NetworkSnapshot:
        """Put a network there, made by somebody else."""
        self.networks_by_name[name] = make_network(name, **fields)
        return self.networks_by_name[name]

    def add_volume(self, name: str, **fields: Any) -> VolumeSnapshot:
        """Put a volume there, made by somebody else."""
        self.volumes_by_name[name] = make_volume(name, **fields)
        return self.volumes_by_name[name]

    def change(self, name: str, **fields: Any) -> ContainerSnapshot:
        """Change fields of a container."""
        self.by_name[name] = msgspec.structs.replace(self.by_name[name], **fields)
        return self.by_name[name]

    def happen(
        self,
        action: str,
        thing: ContainerSnapshot | str,
        command: str = "",
        *,
        kind: str = "container",
        **attributes: str,
    ) -> EventSnapshot:
        """Let something have happened just now; a millisecond passes."""
        self.clock += timedelta(milliseconds=1)
        container = thing if isinstance(thing, ContainerSnapshot) else self.by_name.get(thing)
        identifier, name = (container.id, container.name) if container is not None else (str(thing), str(thing))
        event = EventSnapshot(
            int(self.clock.timestamp() * 1_000_000) * 1000,
            kind,
            action,
            identifier,
            attributes.get("name", name),
            command.strip(),
            {"name": name, **({"image": container.image_ref} if container is not None else {}), **attributes},
        )
        with self.news:
            self.happened.append(event)
            self.news.notify_all()
        return event

    # EngineApi

    @property
    def identity(self) -> EngineIdentity:
        self._called("identity")
        return self._identity

    def condition(self) -> Condition:
        self._called("condition")
        return self.says

    def now(self) -> datetime:
        return self.clock.replace(microsecond=0)

    def precise_now(self) -> datetime:
        self._called("precise_now")
        return self.clock

    def container(self, name_or_id: str) -> ContainerSnapshot | None:
        self._called("container")
        return self._find(name_or_id)

    def containers(self, newest: int | None = None) -> tuple[ContainerRow, ...]:
        self._called("containers")
        return self._rows(self.by_name.values())[:newest]

    @staticmethod
    def _rows(containers: Iterable[ContainerSnapshot]) -> tuple[ContainerRow, ...]:
        newest_first = sorted(containers, key=lambda item: item.created, reverse=True)
        return tuple(
            ContainerRow(
                item.id,
                item.name,
                item.image_ref,
                item.created.replace(microsecond=0),
                item.status,
                item.image_id,
                frozenset(
                    f"{binding.host_port}/{port.rpartition('/')[2]}"
                    for port, bindings in item.published.items()
                    for binding in bindings
                ),
            )
            for item in newest_first
        )

    def image(self, reference: str) -> ImageSnapshot | None:
        self._called("image")
        return self._image(reference)

    def image_tags(self) -> tuple[str, ...]:
        self._called("image_tags")
        return tuple(sorted({tag for image in self.images.values() for tag in image.tags}))

    def image_ids(self) -> frozenset[str]:
        self._called("image_ids")
        return frozenset(self.images)

    def image_parents(self) -> Mapping[str, str]:
        self._called("image_parents")
        return {image.id: image.parent for image in self.images.values()}

    def manifests(self, reference: str) -> frozenset[str]:
        self._called("manifests")
        image = self._image(reference)
        return frozenset() if image is None else self.manifests_by_id.get(image.id, frozenset())

    def untagged_images(self) -> tuple[str, ...]:
        self._called("untagged_images")
        parents = {image.parent for image in self.images.values()}
        return tuple(image.id for image in self.images.values() if not image.tags and image.id not in parents)

    def logs(self, container_id: str, tail: int = 500, limit: int = 65_536) -> str:
        self._called("logs")
        text = self.output.get(self._need(container_id).id, "")
        last = "".join(text.splitlines(keepends=True)[-tail:]) if tail else ""
        return last.encode()[-limit:].decode("utf-8", "replace") if limit else ""

    def path(self, container_id: str, path: str, limit: int = 1_048_576) -> PathInContainer | None:
        self._called("path")
        container = self._find(container_id)
        if container is None:
            return None
        files = dict(self.files.get(container.id, {}))
        for mount in container.mounts:
            inner = self.volume_files.get(mount.name or "", {})
            files |= {f"{mount.target.rstrip('/')}{name}": file for name, file in inner.items()}
        wanted = "/" + path.strip("/")
        if found := files.get(wanted):
            large = found.size > max(limit, WHOLE)
            content = None if found.content is None or large else found.content[:limit]
            return msgspec.structs.replace(found, content=content)
        if wanted == "/" or any(name.startswith(f"{wanted}/") for name in files):
            return PathInContainer("directory", 0o755, 4096, None)
        return None

    def network(self, name_or_id: str) -> NetworkSnapshot | None:
        self._called("network")
        return self._network(name_or_id)

    def networks(self) -> tuple[NetworkRow, ...]:
        self._called("networks")
        return tuple(NetworkRow(item.id, item.name, item.driver) for _, item in sorted(self.networks_by_name.items()))

    def volume(self, name: str) -> VolumeSnapshot | None:
        self._called("volume")
        return self.volumes_by_name.get(name)

    def volumes(self) -> tuple[str, ...]:
        self._called("volumes")
        return tuple(sorted(self.volumes_by_name))

    def users_of_network(self, network: NetworkSnapshot) -> tuple[ContainerRow, ...]:
        self._called("users_of_network")
        return self._rows(
            item for item in self.by_name.values() if any(network.name == one.network for one in item.networks)
        )

    def users_of_volume(self, name: str) -> tuple[ContainerRow, ...]:
        self._called("users_of_volume")
        return self._rows(item for item in self.by_name.values() if any(name == one.name for one in item.mounts))

    def top(self, container_id: str) -> tuple[str, ...]:
        self._called("top")
        there = self._find(container_id)
        if there is None or not there.running:
            return ()
        return self.processes.get(there.id, (" ".join(there.argv),))

    def events(self, since: datetime, until: datetime | None = None) -> tuple[EventSnapshot, ...]:
        self._called("events")
        last = until or self.clock
        return tuple(event for event in self.happened[-256:] if since <= event.time <= last)

    def follow(self, since: datetime) -> FakeStream:
        self._called("follow")
        stream = FakeStream(self, since)
        self.streams.append(stream)
        return stream

    def hang_up(self) -> None:
        """End every stream, as an engine that stops does."""
        for stream in self.streams:
            stream.close()

    def changes(self, container_id: str) -> Mapping[str, str]:
        self._called("changes")
        return self.differences.get(self._need(container_id).id, {})

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
        self._called("exec")
        there = self._need(container_id)
        if not there.is_up:
            raise EngineRejected(f"The engine refused: Container {there.id} is not running.", 409)
        identifier = make_id("exec", len(self.executed))
        if made is not None:
            made(identifier)
        self.executed.append((there.name, tuple(command)))
        self.happen("exec_start", there, f" {' '.join(command)}", execID=identifier)
        output, code = self.runs.get(tuple(command), (f"{command[0]}: not found\n", 127))
        return Executed(identifier, code, output.encode()[:limit], len(output) > limit)

    def create_network(self, name: str, *, internal: bool = False, labels: Mapping[str, str] | None = None) -> str:
        self._called("create_network")
        if name in self.networks_by_name:
            raise EngineRejected(f"The engine refused: network with name {name} already exists.", 409)
        self._made += 1
        self._tick()
        identifier = make_id("made network", self._made, name)
        made = make_network(name, id=identifier, created=self.clock, internal=internal, labels=dict(labels or {}))
        self.networks_by_name[name] = made
        return made.id

    def connect_network(self, network_id: str, container_id: str, aliases: Sequence[str] = ()) -> None:
        self._called("connect_network")
        network, there = self._network(network_id), self._need(container_id)
        if network is None:
            raise EngineRejected(f"The engine refused: network {network_id} not found.", 404)
        self._tick()
        member = Membership(network.name, network.id, "172.18.0.2", frozenset(aliases))
        self.change(there.name, networks=(*there.networks, member))

    def remove_network(self, network_id: str) -> bool:
        self._called("remove_network")
        network = self._network(network_id)
        if network is None:
            return False
        for item in self.by_name.values():
            if item.running and any(one.network == network.name for one in item.networks):
                raise EngineRejected(f"The engine refused: network {network.name} has active endpoints.", 403)
        self._tick()
        del self.networks_by_name[network.name]
        return True

    def create_volume(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        self._called("create_volume")
        if name not in self.volumes_by_name:
            self._tick()
            self.volumes_by_name[name] = make_volume(name, created=self.clock, labels=dict(labels or {}))

    def remove_volume(self, name: str) -> bool:
        self._called("remove_volume")
        if name not in self.volumes_by_name:
            return False
        if any(one.name == name for item in self.by_name.values() for one in item.mounts):
            raise EngineRejected(f"The engine refused: remove {name}: volume is in use.", 409)
        self._tick()
        del self.volumes_by_name[name]
        self.volume_files.pop(name, None)
        return True

    def create_container(self, spec: ContainerSpec) -> str:
        self._called("create_container")
        image = self._image(spec.image)
        if image is None:
            raise EngineRejected(f"The engine refused: No such image: {spec.image}.", 404)
        if spec.name in self.by_name:
            raise EngineRejected(f'The engine refused: The container name "/{spec.name}" is already in use.', 409)
        self._made += 1
        self._tick()
        if not spec.name:
            spec = msgspec.structs.replace(spec, name=f"eager_turing{self._made}")
        for volume in filter(None, spec.volumes.values()):
            self.volumes_by_name.setdefault(volume, make_volume(volume, created=self.clock))
        entrypoint = image.entrypoint if spec.entrypoint is None else spec.entrypoint
        command = (() if spec.entrypoint is not None else image.command) if spec.command is None else spec.command
        asked = {port: (Binding("127.0.0.1", number),) for port, number in spec.publish.items()}
        network = spec.network or "bridge"
        identifier = make_id("made", self._made, spec.name)
        locked = spec.read_only
        mounts = [Mount("bind", source, target, target in locked) for target, source in spec.binds.items()]
        mounts += [
            Mount("volume", f"/volumes/{name}", target, target in locked, name or make_id(target), not name)
            for target, name in spec.volumes.items()
        ]
        mounts += [Mount("tmpfs", "", target, read_only=False, name=target) for target in spec.tmpfs]
        there = self._network(network)
        self.by_name[spec.name] = make_container(
            spec.name,
            id=identifier,
            created=self.clock,
            status="created",
            running=False,
            started=None,
            image_id=image.id,
            image_ref=spec.image,
            argv=entrypoint + command,
            command=command,
            entrypoint=entrypoint,
            env=dict(image.env) | dict(spec.env),
            user=spec.user or image.user,
            workdir=spec.workdir or image.workdir,
            hostname=spec.hostname or identifier[:12],
            labels=dict(image.labels) | dict(spec.labels),
            exposed=image.exposed | frozenset(spec.publish),
            asked=asked,
            mounts=tuple(sorted(mounts, key=lambda mount: mount.target)),
            networks=()
            if spec.joins
            else (
                Membership(network, there.id if there else make_id("network", network), None, frozenset(spec.aliases)),
            ),
            network_mode=f"container:{spec.joins}" if spec.joins else network,
            auto_remove=spec.auto_remove,
            memory=spec.memory,
            pids_limit=spec.pids,
        )
        if image.id in self.image_files:
            self.files[identifier] = dict(self.image_files[image.id])
        return identifier

    def start_container(self, container_id: str) -> None:
        self._called("start_container")
        container = self._need(container_id)
        if container.argv in self.runs and self.runs[container.argv][1] is not None:
            self._tick()
            self.output[container.id], code = self.runs[container.argv]
            self.change(
                container.name, status="exited", started=self.clock, finished=self.clock, exit_code=code, running=False
            )
        elif not container.running:
            self._tick()
            self.output.setdefault(container.id, self.runs.get(container.argv, ("", None))[0])
            self.change(
                container.name,
                status="running",
                running=True,
                started=self.clock,
                exit_code=0,
                published=dict(container.asked),
            )

    def stop_container(self, container_id: str, timeout: int = 1) -> None:
        self._called("stop_container")
        container = self._need(container_id)
        if container.running:
            self._tick()
            self.change(
                container.name,
                status="exited",
                running=False,
                paused=False,
                finished=self.clock,
                exit_code=137,
                published={},
            )

    def pause_container(self, container_id: str) -> None:
        self._called("pause_container")
        container = self._need(container_id)
        if not container.running:
            raise EngineRejected(f"The engine refused: Container {container.id} is not running.", 409)
        self._tick()
        self.change(container.name, status="paused", paused=True)

    def unpause_container(self, container_id: str) -> None:
        self._called("unpause_container")
        container = self._need(container_id)
        if container.paused:
            self._tick()
            self.change(container.name, status="running", paused=False)

    def remove_container(self, container_id: str) -> bool:
        self._called("remove_container")
        container = self._find(container_id)
        if container is None:
            return False
        self._tick()
        del self.by_name[container.name]
        self.files.pop(container.id, None)
        self.output.pop(container.id, None)
        return True

    def put_file(self, container_id: str, path: str, content: bytes, mode: int = 0o644) -> None:
        self._called("put_file")
        container = self._need(container_id)
        self._tick()
        target = "/" + path.strip("/")
        for mount in container.mounts:
            if mount.name and target.startswith(f"{mount.target.rstrip('/')}/"):
                inner = target.removeprefix(mount.target.rstrip("/"))
                file = PathInContainer("file", mode, len(content), content)
                self.volume_files.setdefault(mount.name, {})[inner] = file
                return
        self.files.setdefault(container.id, {})[target] = PathInContainer("file", mode, len(content), content)

    def pull(self, reference: str, progress: Callable[[PullNews], None] | None = None) -> None:
        self._called("pull")
        full = references.normalise(reference)
        there = self.registry.get(full)
        if there is None:
            raise EngineRejected(
                f"{references.short(reference)} is not there: the registry has no such image or tag.", 404
            )
        if progress is not None:
            progress(PullNews(full.rpartition(":")[2], f"Pulling from {references.repository(full)}"))
        self._tick()
        self.add_image(there)

    def export_image(self, reference: str) -> Iterator[bytes]:
        self._called("export_image")
        given = self.exports.get(references.normalise(reference)) if self._image(reference) else None
        if given is None:
            raise EngineRejected(f"The engine refused: reference does not exist: {reference}.", 404)
        yield from (given[at : at + 10_000] for at in range(0, len(given), 10_000))

    def load_images(self, archive: Iterator[bytes]) -> None:
        self._called("load_images")
        try:
            found = exported.loaded(b"".join(archive))
        except (tarfile.TarError, KeyError) as error:
            raise EngineRejected(f"The engine could not load it: {error}.", 500) from None
        self._tick()
        for image in found:
            self.add_image(image)

    def can_pull(self, reference: str) -> bool:
        self._called("can_pull")
        return references.normalise(reference) in self.registry

    def build(self, folder: Path, tag: str, labels: Mapping[str, str]) -> Built:
        """Make an image of what the first ``FROM`` names with one more layer, which depends on the Dockerfile's text.

        For each further ``FROM`` an image without a name is left, as of a stage.
        """
        self._called("build")
        file = folder / "Dockerfile"
        if not file.is_file():
            raise EngineRejected(f"There is no Dockerfile in {folder}.", 400)
        text = file.read_text()
        name = next((line.split()[1] for line in text.splitlines() if line.upper().startswith("FROM ")), "")
        base = self._image(name)
        if base is None:
            raise EngineRejected(f"{tag} could not be built: No such image: {name}.", 500)
        self._tick()
        content = make_id("built", text, sorted(labels.items()))
        built = msgspec.structs.replace(
            base,
            id=f"sha256:{content}",
            tags=(tag,),
            digests=(),
            layers=(*base.layers, f"sha256:{content}"),
            parent=base.id,
            created=self.clock,
            labels=dict(base.labels) | dict(labels),
        )
        self.add_image(built)
        froms = [line for line in text.splitlines() if line.upper().startswith("FROM ")]
        stages = [f"sha256:{make_id('stage', text, number)}" for number, _ in enumerate(froms[1:])]
        new = [one for one in stages if one not in self.images]
        for one in new:
            self.add_image(msgspec.structs.replace(built, id=one, tags=(), labels={}, layers=(*base.layers, one)))
        return Built(built.id, tuple(new))

    def tag(self, image_id: str, reference: str) -> None:
        self._called("tag")
        image = self._image(image_id)
        if image is None:
            raise EngineRejected(f"The engine refused: No such image: {image_id}.", 404)
        self._tick()
        name = references.short(reference)
        self._untag(name)
        image = self.images[image.id]
        self.images[image.id] = msgspec.structs.replace(image, tags=(*image.tags, name))

    def remove_image(self, reference: str) -> bool:
        self._called("remove_image")
        image = self._image(reference)
        if image is None:
            return False
        by_tag = image.has_tag(reference)
        # A digest of another repository holds an image as a name does.
        held = image.digest_repositories - {references.repository(tag) for tag in image.tags}
        if (len(image.tags) <= 1 and not held) or not by_tag:
            if any(item.image_id == image.id for item in self.by_name.values()):
                raise EngineRejected("The engine refused: conflict: a container is using the image.", 409)
            if not by_tag and len(image.tags) > 1:
                raise EngineRejected("The engine refused: conflict: image is referenced in several repositories.", 409)
            has_children = any(other.parent == image.id for other in self.images.values())
            if has_children and not by_tag:
                raise EngineRejected("The engine refused: conflict: image has dependent child images.", 409)
            self._tick()
            if has_children:
                self._untag(reference)
                return True
            del self.images[image.id]
            return True
        self._tick()
        self._untag(reference)
        return True

    def close(self) -> None:
        self.closed = True

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.failure is not None:
            raise self.failure

    def _tick(self) -> None:
        self.clock += timedelta(seconds=1)

    def _find(self, name_or_id: str) -> ContainerSnapshot | None:
        name = name_or_id.removeprefix("/")
        if found := self.by_name.get(name):
            return found
        if len(name) < 12:
            return None
        return next((item for item in self.by_name.values() if item.id.startswith(name)), None)

    def _network(self, name_or_id: str) -> NetworkSnapshot | None:
        return next((item for item in self.networks_by_name.values() if name_or_id in {item.name, item.id}), None)

    def _need(self, container_id: str) -> ContainerSnapshot:
        container = self._find(container_id)
        if container is None:
            raise EngineRejected(f"The engine refused: No such container: {container_id}.", 404)
        return container

    def _image(self, reference: str) -> ImageSnapshot | None:
        for image in self.images.values():
            if image.has_tag(reference):
                return image
        digits = reference.removeprefix("sha256:")
        if len(digits) < 12 or not references.looks_like_id(reference):
            return None
        return next((image for image in self.images.values() if image.id.startswith(f"sha256:{digits}")), None)

    def _untag(self, reference: str) -> None:
        wanted = references.normalise(reference)
        for image in list(self.images.values()):
            left = tuple(tag for tag in image.tags if references.normalise(tag) != wanted)
            if left != image.tags:
                self.images[image.id] = msgspec.structs.replace(image, tags=left)
