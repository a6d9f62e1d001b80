"""The real engine: ``EngineApi`` over the Docker SDK's low-level client.

Importing this costs about 100 ms (the SDK and requests): import it inside the function that needs an engine.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import platform
import re
import shlex
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from time import monotonic, sleep
from typing import Any, cast

import docker
import docker.errors
import requests
import urllib3
from docker.tls import TLSConfig
from docker.types import CancellableStream, LogConfig, Mount
from docker.utils import parse_repository_tag
from docker.utils.config import find_config_file

from dockerlearn.engine import condition, failures, references, ssh
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
from dockerlearn.engine.endpoint import Endpoint
from dockerlearn.engine.snapshots import (
    NOT_OF_PODMAN,
    ContainerSnapshot,
    EventSnapshot,
    ImageSnapshot,
    NetworkSnapshot,
    VolumeSnapshot,
    changes_from_diff,
    commands_from_top,
    container_from_inspect,
    event_from_message,
    full_image_id,
    image_from_inspect,
    moment,
    network_from_inspect,
    status_word,
    volume_from_inspect,
)
from dockerlearn.engine.system import System
from dockerlearn.errors import ContextBroken, EngineRejected, EngineTls
from dockerlearn.text import one_line, safe

# Engine 20.10 (December 2020) speaks 1.41. Above 1.51 fields go that snapshots reads (ENGINE-NOTES, differences).
OLDEST_API = "1.41"
NEWEST_API = "1.51"

PROBE_VARIABLE = "DOCKERLEARN_PROBE"  # in the environment of every command that we run in a container

_ANY = "tcp://localhost:2375"

LOOK_SECONDS = 5.0  # to connect, and between two pieces of an answer, when looking
PODMAN_LOOK_SECONDS = 20.0  # the same with Podman, which starts programs to answer GET /info
WORK_SECONDS = 60.0  # the same for what changes something: a loaded machine may take that long to start a container
LONG_SECONDS = 600.0  # the same for pull and build, where one silent step may take minutes

_CLOCK_SECONDS = 60.0  # after which Podman's clock is asked for again, and not reckoned from ours

_EXPORT_PIECE = 65_536  # bytes of an image's archive that are handed on at once

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@+-]*|<none>:<none>")
_ID = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}")
_STEP_MADE = re.compile(r" ---> ([0-9a-f]{12})$")
"""What the engine's own builder says of each image that it makes on the way."""

_LINKS = 5
_LOG_CEILING = 64 * 1024 * 1024
# Headers of a file in an archive, long names and attributes included, and the padding at the end.
_TAR_EXTRA = 128 * 1024
# Go's os.FileMode, as the engine puts it into X-Docker-Container-Path-Stat.
_GO_DIRECTORY, _GO_LINK, _GO_SPECIAL = 1 << 31, 1 << 27, (1 << 26) | (1 << 25) | (1 << 24) | (1 << 21) | (1 << 19)
_GO_BITS = ((1 << 23, 0o4000), (1 << 22, 0o2000), (1 << 20, 0o1000))


class _Client(docker.APIClient):
    """The SDK's client, with a time-out on every request: the SDK pulls and builds without one."""

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        return super().request(method, url, *args, **kwargs)


class DockerEngine:
    """An engine reached through the Docker SDK; made by ``connect``. May be used by several threads."""

    def __init__(
        self,
        endpoint: Endpoint,
        opener: _Opener,
        *,
        version: str,
        podman: bool,
        system: System | None,
        look_seconds: float,
    ) -> None:
        self.endpoint = endpoint
        self._version = version
        self._podman = podman
        self._system = system
        self._look_seconds = look_seconds
        self._opener = opener
        self._clients: dict[float, _Client] = {}
        self._lock = threading.Lock()
        self._identity: EngineIdentity | None = None
        self._ahead: timedelta | None = None
        self._heard = 0.0

    @property
    def identity(self) -> EngineIdentity:
        """Which engine this is; asked once (``GET /info``, about 4 ms)."""
        if self._identity is None:
            with self._translating():
                info = self._object(self._looking().info())
            self._identity = EngineIdentity(
                id=self._engine_id(info),
                address=self.endpoint.address,
                source=self.endpoint.source,
                host=ssh.Target.of(self.endpoint.address).real_host() if self.endpoint.is_ssh else self.endpoint.host,
                version=str(info.get("ServerVersion") or ""),
                api_version=self._version,
                kernel=str(info.get("KernelVersion") or ""),
                export=self.endpoint.export,
            )
        return self._identity

    def condition(self) -> Condition:
        """What the engine says of itself beyond its identity; two requests (8 to 20 ms)."""
        client = self._looking()
        with self._translating():
            return condition.read(self._object(client.info()), self._object(client.version()), podman=self._podman)

    def now(self) -> datetime:
        """The engine's clock at its last answer, rounded down to the second (its ``Date`` header)."""
        return self._opener.now

    def precise_now(self) -> datetime:
        """The engine's clock asked now, to the microsecond; costs a request (``GET /info``, 4 to 15 ms).

        Podman takes a second for that on a busy machine, since it starts programs: it is asked once a minute.
        """
        if self._podman and self._ahead is not None and monotonic() - self._heard < _CLOCK_SECONDS:
            return datetime.now(UTC) + self._ahead
        with self._translating():
            said = moment(self._object(self._looking().info()).get("SystemTime"))
        if said is not None:
            self._ahead, self._heard = said - datetime.now(UTC), monotonic()
        return said or self.now()

    def container(self, name_or_id: str) -> ContainerSnapshot | None:
        """Look at one container, by name or by an id of at least twelve digits.

        The engine would also take a shorter piece of an id. Here it would be a trap: a container that is looked for by
        the name ``beef`` must not be found because another one's id begins with it.
        """
        name = name_or_id.removeprefix("/")
        if not _NAME.fullmatch(name):
            return None
        with self._translating():
            try:
                raw = self._object(self._looking().inspect_container(name))
            except docker.errors.NotFound:
                return None
            found = container_from_inspect(raw, podman=self._podman)
        if found.name == name or (_ID.fullmatch(name) and found.id.startswith(name)):
            return found
        return None

    def containers(self, newest: int | None = None) -> tuple[ContainerRow, ...]:
        """All containers, or so many of the ``newest``, a row each, in one request; newest first."""
        return self._rows(newest or -1)

    def _rows(self, limit: int = -1, **filters: list[str]) -> tuple[ContainerRow, ...]:
        with self._translating():
            asked = -1 if self._podman else limit
            listed = self._looking().containers(all=True, limit=asked, filters=filters or None)
            rows = tuple(
                ContainerRow(
                    id=str(item["Id"]),
                    # "/web/db" is what a container is called through a link of another one, not its name.
                    name=next((bare for name in item.get("Names") or [] if "/" not in (bare := name[1:])), ""),
                    image=str(item.get("Image") or ""),
                    created=datetime.fromtimestamp(int(item.get("Created") or 0), UTC),
                    status=status_word(str(item.get("State") or "")),
                    image_id=full_image_id(str(item.get("ImageID") or "")),
                    host_ports=frozenset(
                        f"{port['PublicPort']}/{port.get('Type') or 'tcp'}"
                        for port in item.get("Ports") or []
                        if port.get("PublicPort")
                    ),
                )
                for item in self._list(listed)
            )
        if self._podman:  # in no order, and of these a limit takes any
            rows = tuple(sorted(rows, key=lambda row: row.created, reverse=True))
        return rows[:limit] if limit > 0 else rows

    def image(self, reference: str) -> ImageSnapshot | None:
        """Look at one image, by name or by an id of at least twelve digits (see ``container``)."""
        if not _is_reference(reference):
            return None
        with self._translating():
            try:
                raw = self._object(self._looking().inspect_image(reference))  # type: ignore[no-untyped-call]  # stub
            except docker.errors.NotFound:
                return None
            found = image_from_inspect(raw, podman=self._podman)
        digits = reference.removeprefix("sha256:")
        if (
            not _ID.fullmatch(reference)
            and found.id.removeprefix("sha256:").startswith(digits)
            and not found.has_tag(reference)
        ):
            return None
        return found

    def image_tags(self) -> tuple[str, ...]:
        """All tags of all images, in one request, sorted."""
        with self._translating():
            listed = self._looking().images()
            tags = {str(tag) for item in self._list(listed) for tag in item.get("RepoTags") or []}
        return tuple(sorted(tags - {"<none>:<none>"}))

    def image_ids(self) -> frozenset[str]:
        """The ids of all images, those without a name and the steps of old builds among them, in one request."""
        return frozenset(self.image_parents())

    def image_parents(self) -> Mapping[str, str]:
        """The ids of all images, each with that of the image that it was built on; empty where none is known."""
        with self._translating():
            listed = self._looking().images(all=True)
            told = [(str(item.get("Id") or ""), str(item.get("ParentId") or "")) for item in self._list(listed)]
            return {full_image_id(one): full_image_id(parent) if parent else "" for one, parent in told}

    def manifests(self, reference: str) -> frozenset[str]:
        """The digests of an image's manifests, those of platforms; none of an image that is not there."""
        if not _is_reference(reference):
            return frozenset()
        with self._translating():
            # The SDK does not know this parameter.
            response = self._looking().get(self._url(f"/images/{reference}/json"), params={"manifests": "1"})
            if response.status_code == 404:
                return frozenset()
            self._raise_for_status(response)
            told = self._object(response.json()).get("Manifests") or []
            return frozenset(str(one.get("ID") or "") for one in self._list(told) if one.get("Kind") == "image")

    def untagged_images(self) -> tuple[str, ...]:
        """The ids of images that have no name and on which no other one was built, in one request."""
        with self._translating():
            listed = self._looking().images(filters={"dangling": ["true"]})
            return tuple(full_image_id(str(item.get("Id") or "")) for item in self._list(listed))

    def logs(self, container_id: str, tail: int = 500, limit: int = 65_536) -> str:
        """The last lines of a container's output, both streams in the order they came.

        At most ``limit`` bytes, and of those the last. As the container wrote it: control sequences are still in it.
        Empty, too, where its log driver keeps nothing that can be read, as ``none`` does.
        """
        client = self._looking()
        parameters: dict[str, str | int] = {"stdout": 1, "stderr": 1, "tail": tail}
        with (
            self._translating(),
            client.get(
                self._url(f"/containers/{_plain(container_id)}/logs"), params=parameters, stream=True
            ) as response,
        ):
            if response.status_code == 501:  # "configured logging driver does not support reading"
                return ""
            self._raise_for_status(response)
            # From API 1.42 the type tells; before it, only the container does.
            framed = "multiplexed" in response.headers.get("Content-Type", "") or not self._has_tty(container_id)
            kept = b""
            for piece in _frames(response.raw) if framed else _pieces(response.raw):
                kept = (kept + piece)[-limit:] if limit else b""
        return kept.decode("utf-8", "replace")

    def path(self, container_id: str, path: str, limit: int = 1_048_576) -> PathInContainer | None:
        """Look at a path in a container, running or not, without running anything in it.

        A symbolic link at the end is followed inside the container, up to five times, so that a link to a file is told
        as that file; a link whose target is not there is told as ``link``. ``content`` are the first ``limit`` bytes of
        a file that has at most ``WHOLE``, or at most ``limit``; of a larger one it is None. An archive is asked for
        only to be read to its end: while the engine sends one it holds the container's lock, and only the end says
        that it has let go.

        None when there is no such path, or no such container. Engines before 23 cannot see into a tmpfs.
        """
        current = _absolute(path)
        with self._translating():
            for _ in range(_LINKS + 1):
                found = self._stat(container_id, current)
                if found is None or not int(found.get("mode") or 0) & _GO_LINK:
                    break
                link = found
                target = str(found.get("linkTarget") or "")
                following = str(PurePosixPath(current).parent / target) if target else current
                if following == current:
                    break
                current = following
            else:
                found = link
            if found is None:
                return None if current == _absolute(path) else _described(link, None)
            go_mode = int(found.get("mode") or 0)
            most = max(limit, WHOLE)
            if go_mode & (_GO_DIRECTORY | _GO_LINK | _GO_SPECIAL) or int(found.get("size") or 0) > most:
                return _described(found, None)
            try:
                content = self._content(container_id, current, most)
            except docker.errors.NotFound:
                return None
            return _described(found, content if content is None else content[:limit])

    def network(self, name_or_id: str) -> NetworkSnapshot | None:
        """Look at one network, by name or whole id: the engine would also take the beginning of an id."""
        if not _NAME.fullmatch(name_or_id):
            return None
        with self._translating():
            try:
                found = network_from_inspect(self._object(self._looking().inspect_network(name_or_id)))
            except docker.errors.NotFound:
                if self._podman and name_or_id in NOT_OF_PODMAN:
                    return network_from_inspect({"Name": name_or_id, "Id": name_or_id, **NOT_OF_PODMAN[name_or_id]})
                return None
        return found if name_or_id in {found.name, found.id} else None

    def networks(self) -> tuple[NetworkRow, ...]:
        """All networks, a row each, in one request, sorted by name."""
        with self._translating():
            rows = [
                NetworkRow(str(item.get("Id") or ""), str(item.get("Name") or ""), str(item.get("Driver") or ""))
                for item in self._list(self._looking().networks())
            ]
        return tuple(sorted(rows, key=lambda row: row.name))

    def volume(self, name: str) -> VolumeSnapshot | None:
        """Look at one volume."""
        if not _NAME.fullmatch(name):
            return None
        with self._translating():
            try:
                found = volume_from_inspect(self._object(self._looking().inspect_volume(name)))
            except docker.errors.NotFound:
                return None
        return found if found.name == name else None

    def volumes(self) -> tuple[str, ...]:
        """The names of all volumes, in one request, sorted."""
        with self._translating():
            listed = self._object(self._looking().volumes()).get("Volumes") or []
            return tuple(sorted(str(item.get("Name") or "") for item in self._list(listed)))

    def users_of_network(self, network: NetworkSnapshot) -> tuple[ContainerRow, ...]:
        """All containers on a network, running or not, in one request.

        By name and by id: what never ran knows its networks by the word that was typed. Of Podman's host and none these
        are all that are on no other network.
        """
        if self._podman and network.id in NOT_OF_PODMAN:
            with self._translating():
                listed = self._list(self._looking().containers(all=True))
                there = {str(item["Id"]) for item in listed if not (item.get("NetworkSettings") or {}).get("Networks")}
            return tuple(row for row in self._rows() if row.id in there)
        return self._rows(network=[network.name, network.id])

    def users_of_volume(self, name: str) -> tuple[ContainerRow, ...]:
        """All containers with this volume, running or not, in one request."""
        return self._rows(volume=[name])

    def top(self, container_id: str) -> tuple[str, ...]:
        """The command lines of a container's processes; none when it does not run."""
        with self._translating():
            try:
                return commands_from_top(self._object(self._looking().top(_plain(container_id))))
            except docker.errors.APIError as error:
                # 20.10 answers 409 for one that does not run, and 500 for one that has just ended.
                there = self.container(container_id)
                if there is not None and not there.running:
                    return ()
                if error.status_code == 404:
                    return ()
                if seen := self._seen_here(container_id):
                    return seen
                raise

    def _seen_here(self, container_id: str) -> tuple[str, ...]:
        """The command lines of a container's processes by its process namespace; none where they cannot be seen.

        An engine without control groups cannot list them: a rootless one, where systemd gives it none.
        """
        from dockerlearn.engine import processes

        state = self._object(self._object(self._looking().inspect_container(_plain(container_id))).get("State"))
        if not self.endpoint.socket_path or self.identity.kernel != platform.release():
            return ()  # its numbers of processes are those of another machine
        return processes.beside(int(state.get("Pid") or 0))

    def events(self, since: datetime, until: datetime | None = None) -> tuple[EventSnapshot, ...]:
        """What happened from ``since`` up to ``until`` or now, oldest first, as far as the engine remembers.

        The engine sends the past and ends the answer, because ``until`` is not in the future. Podman 4.3 sends nothing
        at all then; it ends the answer when it is told not to stream, of which Docker knows nothing.
        """
        last = until or self.precise_now()
        parameters = {"since": f"{since.timestamp():.6f}", "until": f"{last.timestamp():.6f}"}
        if self._podman:
            parameters = {"since": parameters["since"], "stream": "false"}
        client = self._looking()
        with (
            self._translating(),
            client.get(self._url("/events"), params=parameters, stream=True) as response,
        ):
            self._raise_for_status(response)
            found = [event_from_message(json.loads(line)) for line in response.iter_lines() if line]
        return tuple(sorted((event for event in found if event.time <= last), key=lambda event: event.nanoseconds))

    def follow(self, since: datetime) -> Following:
        """Tell what happened from ``since`` on, then what happens; see ``EngineApi.follow``.

        The engine subscribes and reads its memory in one, so that nothing is lost between the two. It sends its headers
        before that: that the stream is open says nothing yet.
        """
        return Following(self._open_events, since, self._translating)

    def _open_events(self, since: datetime) -> requests.Response:
        client = self._looking()
        response = client.get(
            self._url("/events"),
            params={"since": f"{since.timestamp():.6f}"},
            stream=True,
            timeout=(self._look_seconds, None),
        )
        try:
            self._raise_for_status(response)
        except BaseException:
            response.close()
            raise
        return response

    def changes(self, container_id: str) -> Mapping[str, str]:
        """What differs from its image: path to added, changed or deleted. No such container is an error."""
        with self._translating():
            return changes_from_diff(self._looking().diff(_plain(container_id)))

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

        ``made`` is told the engine's id for it before it is started. What is printed beyond ``limit`` bytes is read and
        let go. A command that has not ended in time goes on without us: an engine has no way to end one. Raises
        ``EngineRejected`` when the container does not run.
        """
        client = self._looking()
        identifier = _plain(container_id)
        late = threading.Event()
        with self._translating():
            answer = client.exec_create(
                identifier, list(command), stdout=True, stderr=True, environment={PROBE_VARIABLE: mark}
            )
            started = str(self._object(answer)["Id"])
            if made is not None:
                made(started)
            kept, cut = b"", False
            # Not the SDK's exec_start: its time-out begins again with every byte, and it may lose the first ones.
            with client.post(
                self._url(f"/exec/{started}/start"),
                json={"Detach": False, "Tty": False},
                stream=True,
                timeout=max(seconds, self._look_seconds),
            ) as response:
                self._raise_for_status(response)
                watchdog = threading.Timer(seconds, _hang_up, [response.raw, late])
                watchdog.daemon = True
                watchdog.start()
                try:
                    for piece in _frames(response.raw, ceiling=None):
                        cut = cut or len(kept) + len(piece) > limit
                        kept += piece[: limit - len(kept)]
                        if late.is_set():
                            break
                except urllib3.exceptions.ReadTimeoutError:
                    late.set()
                except (OSError, urllib3.exceptions.HTTPError):
                    if not late.is_set():
                        raise
                finally:
                    watchdog.cancel()
            state = self._object(client.exec_inspect(started))
            code = None if state.get("Running") or late.is_set() else state.get("ExitCode")
        return Executed(started, code, kept, cut)

    def create_network(self, name: str, *, internal: bool = False, labels: Mapping[str, str] | None = None) -> str:
        """Make a bridge network and return its id. Raises ``EngineRejected`` with 409 when the name is taken."""
        with self._translating(WORK_SECONDS):
            made = self._client(WORK_SECONDS).create_network(
                name, driver="bridge", internal=internal, labels=dict(labels or {}), check_duplicate=True
            )
            return str(self._object(made)["Id"])

    def connect_network(self, network_id: str, container_id: str, aliases: Sequence[str] = ()) -> None:
        """Put a container on one more network."""
        with self._translating(WORK_SECONDS):
            self._client(WORK_SECONDS).connect_container_to_network(
                container_id, network_id, aliases=list(aliases) or None
            )

    def remove_network(self, network_id: str) -> bool:
        """Remove a network that no running container is on; False when it was gone."""
        with self._translating(WORK_SECONDS):
            try:
                self._client(WORK_SECONDS).remove_network(network_id)
            except docker.errors.NotFound:
                return False
        return True

    def create_volume(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """Make a volume of the local driver; nothing happens when there is one."""
        with self._translating(WORK_SECONDS):
            self._client(WORK_SECONDS).create_volume(name, driver="local", labels=dict(labels or {}))

    def remove_volume(self, name: str) -> bool:
        """Remove a volume that no container has; never forced. False when it was gone."""
        if not _NAME.fullmatch(name):
            return False
        with self._translating(WORK_SECONDS):
            try:
                self._client(WORK_SECONDS).remove_volume(name)
            except docker.errors.NotFound:
                return False
        return True

    def create_container(self, spec: ContainerSpec) -> str:
        """Make a container and return its id. Ports are published on loopback; it is never privileged."""
        if spec.network in ("host",) or (spec.network or "").startswith(("container:", "ns:")):
            raise EngineRejected(
                f"A container of the course may not use the network {one_line(spec.network or '')}.", 400
            )
        client = self._client(WORK_SECONDS)
        mounts = [
            Mount(target, source, type="bind", read_only=target in spec.read_only)
            for target, source in spec.binds.items()
        ]
        mounts += [
            Mount(target, name or None, type="volume", read_only=target in spec.read_only, no_copy=spec.no_copy)
            for target, name in spec.volumes.items()
        ]
        mounts += [Mount(target, None, type="tmpfs") for target in sorted(spec.tmpfs)]
        with self._translating(WORK_SECONDS):
            host = client.create_host_config(
                port_bindings={port: ("127.0.0.1", number) for port, number in spec.publish.items()},
                mounts=mounts,
                mem_limit=spec.memory or None,
                pids_limit=spec.pids or None,
                network_mode=spec.network if spec.joins is None else f"container:{_plain(spec.joins)}",
                auto_remove=spec.auto_remove,
                privileged=False,
                log_config=None if spec.log_bytes is None else _log_config(spec.log_bytes),
            )
            networking = None
            if spec.network and spec.aliases:
                endpoint = client.create_endpoint_config(aliases=list(spec.aliases))
                # The stub says EndpointConfig; the SDK takes a mapping of them by network.
                networking = client.create_networking_config({spec.network: endpoint})  # type: ignore[arg-type]  # stub
            made = client.create_container(
                image=spec.image,
                command=None if spec.command is None else list(spec.command),
                entrypoint=None if spec.entrypoint is None else list(spec.entrypoint),
                name=spec.name or None,
                hostname=spec.hostname,
                networking_config=networking,
                environment=dict(spec.env),
                user=spec.user,
                working_dir=spec.workdir,
                labels=dict(spec.labels),
                ports=[_port(port) for port in spec.publish],
                host_config=host,
            )
            return str(self._object(made)["Id"])

    def start_container(self, container_id: str) -> None:
        """Start it; nothing happens when it runs."""
        with self._translating(WORK_SECONDS):
            self._client(WORK_SECONDS).start(container_id)

    def stop_container(self, container_id: str, timeout: int = 1) -> None:
        """Stop it; ``timeout`` in seconds until it is killed."""
        with self._translating(WORK_SECONDS + timeout):
            self._client(WORK_SECONDS).stop(container_id, timeout=timeout)

    def pause_container(self, container_id: str) -> None:
        """Freeze a running one; nothing happens when it is paused already."""
        self._set_paused(container_id, paused=True)

    def unpause_container(self, container_id: str) -> None:
        """Let a paused one go on; nothing happens when it is not paused."""
        self._set_paused(container_id, paused=False)

    def remove_container(self, container_id: str) -> bool:
        """Kill and remove it with its anonymous volumes; False when it was gone.

        Forced, so that it works in any state: callers pass ids of the course's own containers only. When somebody else
        is already removing it (``--rm``), this waits until it is gone.
        """
        client = self._client(WORK_SECONDS)
        end = monotonic() + WORK_SECONDS
        with self._translating(WORK_SECONDS):
            if self._podman:  # forced, too, Podman 4.3 asks it to stop first, and waits ten seconds
                with contextlib.suppress(docker.errors.APIError):
                    client.kill(container_id)
            while True:
                try:
                    client.remove_container(container_id, v=True, force=True)
                except docker.errors.NotFound:
                    return False
                except docker.errors.APIError as error:
                    if error.status_code != 409 or "already in progress" not in str(error) or monotonic() > end:
                        raise
                    if self._is_gone_within(container_id, min(5.0, end - monotonic())):
                        return True
                else:
                    return True

    def put_file(self, container_id: str, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file into a container, owned by root. Its folder must be there."""
        target = PurePosixPath(_absolute(path))
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo(target.name)
            entry.size, entry.mode, entry.mtime = len(content), mode, int(self.now().timestamp())
            archive.addfile(entry, io.BytesIO(content))
        with self._translating(WORK_SECONDS):
            self._client(WORK_SECONDS).put_archive(container_id, str(target.parent), packed.getvalue())

    def pull(self, reference: str, progress: Callable[[PullNews], None] | None = None) -> None:
        """Pull an image; ``progress`` gets each piece of news. A missing tag means ``latest``.

        Raises ``EngineRejected`` that says why: the pull limit, no such image, no way to the registry.
        """
        if not _is_reference(reference):
            raise EngineRejected(f"{one_line(reference)} is not a name an image can have.", 400)
        # With the tag written out: without one the engine would pull every tag there is.
        repository, tag = parse_repository_tag(references.normalise(reference))
        with self._translating(LONG_SECONDS):
            try:
                for item in self._client(LONG_SECONDS).pull(repository, tag=tag, stream=True, decode=True):
                    news = self._object(item)
                    if problem := _problem(news):
                        raise explain_pull(reference, problem, 500)
                    if progress is not None and news.get("status"):
                        progress(_pull_news(news))
            except docker.errors.APIError as error:
                raise explain_pull(reference, str(error.explanation or error), error.status_code or 500) from error

    def export_image(self, reference: str) -> Iterator[bytes]:
        """Give an image as ``docker save`` does, a tar archive in pieces. It is asked for with the first piece."""
        if not _is_reference(reference):
            raise EngineRejected(f"{one_line(reference)} is not a name an image can have.", 400)
        with self._translating(LONG_SECONDS):
            url = self._url("/images/get")
            asked = self._client(LONG_SECONDS).get(url, params={"names": references.short(reference)}, stream=True)
            with asked as response:
                self._raise_for_status(response)
                yield from response.iter_content(_EXPORT_PIECE)

    def load_images(self, archive: Iterator[bytes]) -> None:
        """Take images as ``docker load`` does: a name that another image has is taken from it.

        Raises ``EngineRejected`` with the engine's reason, and whatever ``archive`` raises, which ends the request.
        """
        with self._translating(LONG_SECONDS):
            url = self._url("/images/load")
            headers = {"Content-Type": "application/x-tar"}
            with self._client(LONG_SECONDS).post(
                url, data=archive, params={"quiet": "1"}, headers=headers, stream=True
            ) as response:
                self._raise_for_status(response)
                for line in response.iter_lines():
                    if line and (problem := _problem(self._object(json.loads(line)))):
                        raise EngineRejected(f"The engine could not load it: {one_line(problem, 300)}.", 500)

    def can_pull(self, reference: str) -> bool:
        """Whether the engine learns of an image from its registry; may count there as a pull. Silence is no."""
        if not _is_reference(reference):
            return False
        with self._translating():
            try:
                return self._looking().get(self._url(f"/distribution/{reference}/json")).ok
            except requests.exceptions.Timeout:
                return False

    def build(self, folder: Path, tag: str, labels: Mapping[str, str]) -> Built:
        """Build a folder's Dockerfile with the engine's own builder.

        Raises ``EngineRejected`` with the last lines of the output.
        """
        file = folder / "Dockerfile"
        if not file.is_file():
            raise EngineRejected(f"There is no Dockerfile in {one_line(str(folder))}.", 400)
        has_stages = len(re.findall(r"(?im)^\s*FROM\s", file.read_text("utf-8", "replace"))) > 1
        unnamed = set(self.untagged_images()) if has_stages else set()
        output: list[str] = []
        built = ""
        with self._translating(LONG_SECONDS):
            stream = self._client(LONG_SECONDS).build(
                path=str(folder), tag=tag, labels=dict(labels), rm=True, forcerm=True, decode=True
            )
            for item in stream:
                news = self._object(item)
                output += safe(str(news.get("stream") or "")).splitlines()
                if problem := _problem(news):
                    last = "\n".join([line for line in output if line.strip()][-8:])
                    raise EngineRejected(f"{one_line(tag)} could not be built: {one_line(problem, 400)}.\n{last}", 500)
                aux = news.get("aux")
                built = str(aux["ID"]) if isinstance(aux, dict) and aux.get("ID") else built
        found = self.image(built or tag)
        if found is None:
            raise EngineRejected(f"{one_line(tag)} was built, and the engine does not have it.", 500)
        # Somebody else may build meanwhile: of what came, what this build has told is of it.
        told = {said[1] for line in output if (said := _STEP_MADE.match(line))}
        came = [one for one in self.untagged_images() if one not in unnamed] if has_stages else []
        return Built(found.id, tuple(one for one in came if references.short_id(one) in told))

    def tag(self, image_id: str, reference: str) -> None:
        """Give an image another name; a missing tag means ``latest``."""
        repository, tag = parse_repository_tag(reference)
        with self._translating(WORK_SECONDS):
            self._client(WORK_SECONDS).tag(image_id, repository, tag or "latest")

    def remove_image(self, reference: str) -> bool:
        """Remove one name of an image, and the image with its last name; never forced. False when it was gone.

        Raises ``EngineRejected`` with status 409 when a container uses it.
        """
        if not _is_reference(reference):
            return False
        with self._translating(WORK_SECONDS):
            try:
                self._client(WORK_SECONDS).remove_image(reference, force=False)
            except docker.errors.NotFound:
                return False
        return True

    def close(self) -> None:
        """Let go of the connections. The next call would open new ones."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    def _looking(self) -> _Client:
        return self._client(self._look_seconds)

    def _client(self, seconds: float) -> _Client:
        # One per time-out: the SDK's calls take none of their own.
        with self._lock:
            if seconds not in self._clients:
                self._clients[seconds] = self._opener.open(self._version, seconds)
            return self._clients[seconds]

    def _translating(self, seconds: float | None = None) -> AbstractContextManager[None]:
        return failures.translating(self.endpoint, self._system, seconds or self._look_seconds)

    def _engine_id(self, info: Mapping[str, Any]) -> str:
        given = str(info.get("ID") or "")
        if self._podman or not given:
            # Podman makes a new id for every answer. Where its images are, on which host, is what stays.
            return f"{info.get('Name') or ''}:{info.get('DockerRootDir') or ''}"
        # Before Docker 23 all engines of a machine share one id, which is kept in /etc/docker.
        return f"{given}:{info.get('DockerRootDir') or ''}"

    def _url(self, path: str) -> str:
        return f"{self._looking().base_url}/v{self._version}{path}"

    def _object(self, value: object) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise failures.not_an_engine(self.endpoint, f"it gave {one_line(repr(value), 60)} for an object")
        return value

    def _list(self, value: object) -> list[Mapping[str, Any]]:
        if not isinstance(value, list):
            raise failures.not_an_engine(self.endpoint, f"it gave {one_line(repr(value), 60)} for a list")
        return [self._object(item) for item in value]

    def _raise_for_status(self, response: requests.Response) -> None:
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            docker.errors.create_api_error_from_http_exception(error)

    def _has_tty(self, container_id: str) -> bool:
        config = self._object(self._looking().inspect_container(container_id)).get("Config") or {}
        return bool(config.get("Tty"))

    def _is_gone_within(self, container_id: str, seconds: float) -> bool:
        end = monotonic() + max(seconds, 0.1)
        while monotonic() < end:
            try:
                self._looking().inspect_container(container_id)
            except docker.errors.NotFound:
                return True
            sleep(0.05)
        return False

    def _set_paused(self, container_id: str, *, paused: bool) -> None:
        client = self._client(WORK_SECONDS)
        with self._translating(WORK_SECONDS):
            try:
                (client.pause if paused else client.unpause)(container_id)
            except docker.errors.NotFound:
                raise
            except docker.errors.APIError:
                # Engines differ in how they refuse what is so already; whether it is so is what counts.
                state = self._object(client.inspect_container(container_id)).get("State") or {}
                if bool(state.get("Paused")) is not paused:
                    raise

    def _stat(self, container_id: str, path: str) -> Mapping[str, Any] | None:
        client = self._looking()
        with client.head(self._archive(container_id), params={"path": path}) as response:
            if response.status_code == 404:
                return None
            if response.status_code >= 400:
                return self._why_no_stat(container_id, path)
            header = response.headers.get("X-Docker-Container-Path-Stat", "")
        return self._object(json.loads(base64.b64decode(header)))

    def _why_no_stat(self, container_id: str, path: str) -> Mapping[str, Any] | None:
        # The answer to HEAD has no text: only GET says what is wrong.
        with self._looking().get(self._archive(container_id), params={"path": path}, stream=True) as response:
            try:
                self._raise_for_status(response)
            except docker.errors.APIError as error:
                if "not a directory" in str(error):
                    return None  # a part of the path is a file, so there is nothing below it
                if "too many links" not in str(error) and "too many levels" not in str(error):
                    raise
        return {"mode": _GO_LINK | 0o777, "size": 0, "linkTarget": ""}  # links that lead to each other

    def _content(self, container_id: str, path: str, most: int) -> bytes | None:
        """Return the content of a file; None of what has become something else, or larger than ``most``, meanwhile."""
        client = self._looking()
        # Not compressed: the engine would, for whoever takes it, and the time is worth more than the bytes.
        plain = {"Accept-Encoding": "identity"}
        with client.get(self._archive(container_id), params={"path": path}, headers=plain, stream=True) as response:
            self._raise_for_status(response)
            packed = bytearray()
            while piece := response.raw.read(65_536):
                packed += piece
                if len(packed) > most + _TAR_EXTRA:
                    return None  # closing is all that is left
        # Nothing is ever unpacked to disk.
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
            member = archive.next()
        if member is None or not member.isfile() or member.size > most:
            return None
        return bytes(packed[member.offset_data : member.offset_data + member.size])

    def _archive(self, container_id: str) -> str:
        return self._url(f"/containers/{_plain(container_id)}/archive")


class Following:
    """The engine's events as they happen, opened when it is iterated; see ``EventStream``."""

    def __init__(
        self,
        open_: Callable[[datetime], requests.Response],
        since: datetime,
        translating: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._open = open_
        self._since = since
        self._translating = translating
        self._lock = threading.Lock()
        self._closed = False
        self._response: requests.Response | None = None

    def __iter__(self) -> Iterator[EventSnapshot]:
        """Open it and give what happens until it ends."""
        if self._closed:
            return
        with self._translating():
            response = self._open(self._since)
        with self._lock:
            self._response = response
            if self._closed:  # while it was being opened
                response.close()
                return
        try:
            # Not iter_lines: it keeps the last whole line back until more has come.
            for line in _lines(response.raw):
                yield event_from_message(json.loads(line))
        except (OSError, ValueError, AttributeError, urllib3.exceptions.HTTPError):
            return  # hung up, by us or by the engine; half of a message is none
        finally:
            response.close()

    def close(self) -> None:
        """End it, and a read that another thread waits in."""
        with self._lock:
            self._closed = True
            response = self._response
        if response is not None:
            # The SDK knows where each kind of connection has its socket; over ssh it has none, and the engine's next
            # event is the last one.
            with contextlib.suppress(OSError, ValueError, AttributeError, docker.errors.DockerException):
                CancellableStream(iter(()), response).close()


class _Opener:
    """Opens clients for one endpoint and keeps the engine's clock, which all of them hear."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.now = datetime.now(UTC).replace(microsecond=0)

    def open(self, version: str, seconds: float) -> _Client:
        # The stub says int; the SDK hands it on to sockets, which take a fraction too.
        tls = _tls(self._endpoint)
        # Of an engine behind ssh the SDK needs to know no address: the adapter makes its connections.
        address = _ANY if self._endpoint.is_ssh else self._endpoint.address
        try:
            client = _Client(base_url=address, version=version, timeout=cast("int", seconds), tls=tls)
        except (AttributeError, TypeError, docker.errors.InvalidConfigFile) as error:
            # The SDK reads config.json for logins and proxies, and takes it for granted that its parts are objects.
            file = str(find_config_file() or "config.json")
            raise ContextBroken(
                f"{one_line(file)} is not what docker writes there: {one_line(str(error))}.",
                f"mv {shlex.quote(file)} {shlex.quote(f'{file}.broken')}",
            ) from error
        # Neither proxies nor REQUESTS_CA_BUNDLE nor ~/.netrc have a say in how an engine is reached.
        client.trust_env = False
        if self._endpoint.is_ssh:
            client.mount("http://", ssh.SshAdapter(ssh.Target.of(self._endpoint.address)))
        client.hooks["response"].append(self._hear)
        return client

    def _hear(self, response: requests.Response, *_: object, **__: object) -> None:
        try:
            said = parsedate_to_datetime(response.headers["Date"])
        except (KeyError, ValueError):
            return
        self.now = said if said.tzinfo else said.replace(tzinfo=UTC)


def connect(endpoint: Endpoint, *, look_seconds: float | None = None, system: System | None = None) -> DockerEngine:
    """Reach an engine and agree on an API version with it: one request, or two with an engine newer than we know.

    ``system`` is what the remedies are for, by default this machine, looked at when one is needed. ``look_seconds`` is
    the time-out to connect and between two pieces of an answer, when looking; by default 5, and 20 through ssh or with
    Podman. Raises an ``EngineError`` that says what is in the way and which command mends it.
    """
    given = look_seconds
    look_seconds = look_seconds or (ssh.LOOK_SECONDS if endpoint.is_ssh else LOOK_SECONDS)
    opener = _Opener(endpoint)
    with failures.translating(endpoint, system, look_seconds):
        client = opener.open(OLDEST_API, look_seconds)
        try:
            offered, podman = _ping(client, endpoint, system)
            if _number(offered) < _number(OLDEST_API):
                raise failures.too_old(endpoint, f"its newest API is {offered}", system or System.here())
            version = min(offered, NEWEST_API, key=_number)
            if version != offered:
                # It may have dropped what we speak; the ping without a version does not tell.
                _get(client, f"/v{version}/_ping", endpoint, system)
        finally:
            client.close()
    if podman and given is None:
        look_seconds = PODMAN_LOOK_SECONDS
    return DockerEngine(endpoint, opener, version=version, podman=podman, system=system, look_seconds=look_seconds)


def explain_pull(reference: str, problem: str, status: int) -> EngineRejected:
    """Return the error for a pull that failed; ``problem`` is the engine's own text."""
    name, words, low = one_line(references.short(reference)), one_line(problem, 300), problem.lower()
    for pattern, sentence, remedy in _PULL_PROBLEMS:
        if re.search(pattern, low):
            return EngineRejected(sentence.format(name=name, words=words), status, remedy)
    return EngineRejected(f"{name} could not be pulled: {words}.", status, f"docker pull {name}")


_PULL_PROBLEMS = (
    (
        r"pull rate limit",
        "{name} could not be pulled: the registry's limit on pulls from this address is reached ({words}).",
        "docker login    # a free account has its own, higher limit; or: dockerlearn images load FILE",
    ),
    (
        # The containerd store asks by HEAD first, whose answer carries no words of the registry's.
        r"head request.*\b429\b",
        (
            "{name} could not be pulled: the registry answers too many requests. That is its limit on pulls from this "
            "address or, for a minute or two, its guard against too many at once; this engine does not hear which "
            "({words})."
        ),
        "wait two minutes and do it again; if it stays so: docker login; or: dockerlearn images load FILE",
    ),
    (
        r"\b429\b|too many requests|toomanyrequests",
        "{name} could not be pulled: the registry answers too many requests; it does so for a minute or two ({words}).",
        "wait two minutes and do it again; or: dockerlearn images load FILE",
    ),
    (
        r"no space left",
        "{name} could not be pulled: the disk with the engine's data is full ({words}).",
        "docker system df    # shows what takes the room",
    ),
    (
        r"no matching manifest|does not match the specified platform",
        "{name} is not made for this machine's processor ({words}).",
        None,
    ),
    (
        r"dial tcp|no such host|unreachable|no route to host|connection re(?:fused|set)|timeout|exceeded|misbehaving",
        "{name} could not be pulled: the engine does not reach the registry ({words}).",
        "dockerlearn images load FILE    # images from a stick; or: dockerlearn images build",
    ),
    (
        r"x509|certificate|tls:",
        "{name} could not be pulled: the registry's certificate does not hold ({words}).",
        "docker info    # look for a proxy and for mirrors that stand in between",
    ),
    (
        r"unauthorized|authentication required|incorrect username",
        "{name} could not be pulled: the registry wants another login ({words}).",
        "docker logout && docker login",
    ),
    (
        r"manifest unknown|not found|does not exist|pull access denied|manifest for .* unknown|name unknown",
        "{name} is not there: the registry has no such image or tag, or it is private ({words}).",
        None,
    ),
)


def _ping(client: _Client, endpoint: Endpoint, system: System | None) -> tuple[str, bool]:
    """Return the newest API version the engine offers, and whether it is Podman."""
    headers = _get(client, "/_ping", endpoint, system)
    offered = headers.get("Api-Version", "")
    if not re.fullmatch(r"\d{1,3}\.\d{1,3}", offered):
        raise failures.not_an_engine(endpoint, "its answer to /_ping names no API version")
    return offered, "Libpod-Api-Version" in headers


def _get(client: _Client, path: str, endpoint: Endpoint, system: System | None) -> Mapping[str, str]:
    """Return the headers of an answer, or raise what its error status means."""
    # Streamed: of something that is no engine and sends without end only the beginning is read.
    with client.get(f"{client.base_url}{path}", stream=True, allow_redirects=False) as response:
        if response.status_code >= 400:
            body = response.raw.read(4096, decode_content=True).decode("utf-8", "replace")
            raise failures.answered(response, body, endpoint, system or System.here())
        return response.headers


def _tls(endpoint: Endpoint) -> TLSConfig | bool:
    if endpoint.tls is None:
        return False
    tls = endpoint.tls
    for file in (tls.ca, tls.cert, tls.key):
        if file is not None and not Path(file).is_file():
            raise EngineTls(
                f"The file {one_line(file)}, which the TLS connection to {one_line(endpoint.address)} needs, is gone.",
                f"ls -l {one_line(str(Path(file).parent))}",
            )
    if tls.skip_verify:
        # Whoever set this up knows; a line on stderr at every request helps nobody.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    pair = (tls.cert, tls.key) if tls.cert and tls.key else None
    return TLSConfig(client_cert=pair, ca_cert=tls.ca, verify=not tls.skip_verify)


def _number(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)


def _plain(container_id: str) -> str:
    """Return an id or name that can stand in a URL's path; anything else is nobody's."""
    if not _NAME.fullmatch(container_id):
        raise EngineRejected(f"{one_line(container_id)} is not a container's name or id.", 400)
    return container_id


def _is_reference(reference: str) -> bool:
    # What is put into a URL's path must not lead to another resource of the API.
    return bool(_REFERENCE.fullmatch(reference)) and not {".", ".."} & set(reference.split("/"))


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def _log_config(size: int) -> LogConfig:
    return LogConfig(type=LogConfig.types.JSON, config={"max-size": str(size)})


def _port(port: str) -> tuple[str, str]:
    number, _, protocol = port.partition("/")
    return number, protocol or "tcp"


def _pull_news(news: Mapping[str, Any]) -> PullNews:
    detail = news.get("progressDetail")
    numbers = [detail.get(key) if isinstance(detail, dict) else None for key in ("current", "total")]
    done, total = (max(number, 0) if isinstance(number, int) else 0 for number in numbers)
    return PullNews(one_line(str(news.get("id") or "")), one_line(str(news["status"])), done, total)


def _problem(news: Mapping[str, Any]) -> str:
    detail = news.get("errorDetail")
    return str(news.get("error") or (detail.get("message") if isinstance(detail, dict) else "") or "")


def _described(found: Mapping[str, Any], content: bytes | None) -> PathInContainer:
    go_mode = int(found.get("mode") or 0)
    mode = go_mode & 0o777
    for bit, unix in _GO_BITS:
        mode |= unix if go_mode & bit else 0
    if go_mode & _GO_DIRECTORY:
        kind = "directory"
    elif go_mode & _GO_LINK:
        kind = "link"
    else:
        kind = "other" if go_mode & _GO_SPECIAL else "file"
    return PathInContainer(kind, mode, int(found.get("size") or 0), content)


def _pieces(stream: Any) -> Iterator[bytes]:
    total = 0
    while total < _LOG_CEILING and (piece := stream.read(65_536)):
        total += len(piece)
        yield piece


def _lines(stream: Any) -> Iterator[bytes]:
    """Yield lines as they come."""
    left = b""
    while piece := stream.read1(65_536) if hasattr(stream, "read1") else stream.readline():
        *lines, left = (left + piece).split(b"\n")
        yield from (line for line in lines if line.strip())


def _hang_up(stream: Any, late: threading.Event) -> None:
    """End a read that another thread waits in. Where urllib3 cannot (before 2.3), the socket's own time-out does."""
    late.set()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        stream.shutdown()


def _frames(stream: Any, ceiling: int | None = _LOG_CEILING) -> Iterator[bytes]:
    """Yield the payloads of the engine's multiplexed stream: 1 byte stream, 3 unused, 4 length, big-endian."""
    total = 0
    while ceiling is None or total < ceiling:
        head = stream.read(8)
        if len(head) < 8:
            return
        left = int.from_bytes(head[4:], "big")
        while left > 0:
            piece = stream.read(min(left, 65_536))
            if not piece:
                return
            left -= len(piece)
            total += len(piece)
            yield piece
