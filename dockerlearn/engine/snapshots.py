"""Frozen pictures of engine objects, made from the JSON of ``inspect``.

Pure: recorded JSON of any engine can be read. Differences between engines (ENGINE-NOTES has the table) end here, so
that nothing above needs to know which engine answered.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from signal import Signals
from typing import Any

import msgspec

from dockerlearn.engine import references

Json = Mapping[str, Any]

_FRACTION = re.compile(r"(\.\d{1,6})\d*")
_ANONYMOUS = re.compile(r"^[0-9a-f]{64}$")

BUILT_IN_NETWORKS = frozenset({"bridge", "host", "none", "podman"})
"""Networks that every engine has: nobody's, and none of them is meant by a name that is nearly theirs."""
NOT_OF_PODMAN: Mapping[str, Json] = {
    "host": {"Driver": "host", "Scope": "local"},
    "none": {"Driver": "null", "Scope": "local"},
}
"""Networks that Podman has as modes only: what Docker says of them."""
_MADE_UP = re.compile(r"[a-z]+_[a-z]+\d?")  # adjective_surname, with a digit when the pair is taken


class Binding(msgspec.Struct, frozen=True):
    """One host address and port of a published container port."""

    host_ip: str
    host_port: int | None


class Mount(msgspec.Struct, frozen=True):
    """A volume, a folder of the host or a tmpfs in a container.

    ``asked_for`` tells a volume that was asked for by its name, even one that an engine made up for another container;
    Podman says so of every volume.
    """

    kind: str
    source: str
    target: str
    read_only: bool
    name: str | None = None
    anonymous: bool = False
    asked_for: bool = False


class Membership(msgspec.Struct, frozen=True):
    """What a container has on one network; ``ip`` is its IPv4 address where it has one, ``ip6`` its IPv6 address."""

    network: str
    network_id: str
    ip: str | None
    names: frozenset[str]
    ip6: str | None = None


class Health(msgspec.Struct, frozen=True):
    """The state of a health check; ``interval`` in seconds, ``log`` the last probe's output.

    ``command`` is what each probe runs, as the engine's events tell it.
    """

    status: str
    failing_streak: int
    log: str
    exit_code: int | None
    interval: float
    command: str = ""


class ContainerSnapshot(msgspec.Struct, frozen=True):
    """A container at one moment.

    ``status`` is Docker's word: created, running, paused, restarting, removing, exited, dead. ``argv`` is what really
    runs (entrypoint and command put together). ``published`` maps ``80/tcp`` to what the engine has bound;
    ``asked`` maps it to what was asked for when the container was made. ``leans_on`` are the containers, by the name or
    id that was typed, whose namespaces, volumes or links it uses and without which it would break. ``attached`` is None
    where the engine does not tell, and without ``tells_error`` a start that failed has left no trace in it.
    ``manifest`` is the digest of the manifest that it was made from, where the engine tells it: with the containerd
    store, from API 1.48 on.
    """

    id: str
    name: str
    created: datetime
    status: str
    running: bool
    paused: bool
    restarting: bool
    exit_code: int
    oom_killed: bool
    error: str
    started: datetime | None
    finished: datetime | None
    restart_count: int
    image_id: str
    image_ref: str
    argv: tuple[str, ...]
    command: tuple[str, ...]
    entrypoint: tuple[str, ...]
    env: Mapping[str, str]
    user: str
    workdir: str
    hostname: str
    labels: Mapping[str, str]
    tty: bool
    open_stdin: bool
    attached: bool | None
    stop_signal: str
    exposed: frozenset[str]
    published: Mapping[str, tuple[Binding, ...]]
    asked: Mapping[str, tuple[Binding, ...]]
    publish_all: bool
    mounts: tuple[Mount, ...]
    networks: tuple[Membership, ...]
    network_mode: str
    restart_policy: str
    restart_max: int
    auto_remove: bool
    read_only: bool
    privileged: bool
    init: bool
    cap_add: frozenset[str]
    cap_drop: frozenset[str]
    memory: int
    pids_limit: int
    cpus: float
    health: Health | None
    leans_on: frozenset[str] = frozenset()
    tells_error: bool = True
    manifest: str = ""

    @property
    def is_up(self) -> bool:
        """Whether its process runs now: not paused, not between two restarts."""
        return self.status == "running" and self.running and not self.paused and not self.restarting

    @property
    def never_started(self) -> bool:
        """Whether it was made and its process never ran."""
        return self.started is None


class ImageSnapshot(msgspec.Struct, frozen=True):
    """An image at one moment; ``size`` in bytes. ``digest_repositories`` are the repositories it was pulled from.

    Without ``keeps_origin`` its digests say nothing of where it came from: it has one under each of its names.
    """

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    created: datetime | None
    size: int
    layers: tuple[str, ...]
    parent: str
    os: str
    architecture: str
    command: tuple[str, ...]
    entrypoint: tuple[str, ...]
    env: Mapping[str, str]
    user: str
    workdir: str
    labels: Mapping[str, str]
    exposed: frozenset[str]
    volumes: frozenset[str]
    stop_signal: str
    healthcheck: bool
    probe: tuple[str, ...] = ()
    keeps_origin: bool = True

    @property
    def digest_repositories(self) -> frozenset[str]:
        """Repositories whose digest the engine remembers for this image, in full form."""
        return frozenset(references.repository(digest) for digest in self.digests)

    @property
    def has_origin(self) -> bool:
        """Whether its digests tell where it came from.

        The containerd store gives every image a digest under each of its names, built ones too: its own id. So does
        Podman, with another digest than the id.
        """
        return self.keeps_origin and any(digest.rpartition("@")[2] != self.id for digest in self.digests)

    def has_tag(self, reference: str) -> bool:
        """Whether one of its tags is ``reference``."""
        wanted = references.normalise(reference)
        return any(references.normalise(tag) == wanted for tag in self.tags)


class NetworkSnapshot(msgspec.Struct, frozen=True):
    """A network at one moment. Which containers are on it is theirs to say: those that do not run are not listed here.

    ``members`` are the ids of the running ones.
    """

    id: str
    name: str
    created: datetime
    driver: str
    scope: str
    internal: bool
    labels: Mapping[str, str]
    options: Mapping[str, str]
    subnets: tuple[str, ...]
    members: frozenset[str]


class VolumeSnapshot(msgspec.Struct, frozen=True):
    """A volume at one moment.

    A volume has no id. ``created`` is not one either: engine 20.10 tells the time of the last change to its top folder.
    """

    name: str
    created: datetime | None
    driver: str
    labels: Mapping[str, str]
    options: Mapping[str, str]
    mountpoint: str

    @property
    def anonymous(self) -> bool:
        """Whether the engine made up its name."""
        return is_anonymous(self.name)


class EventSnapshot(msgspec.Struct, frozen=True):
    """Something that happened, as the engine told it.

    ``kind`` is container, image, network, volume or another of Docker's words; ``action`` one word, such as start,
    exec_create, pull or connect, and ``command`` what follows it where the engine says that (exec_create and
    exec_start). ``nanoseconds`` are since 1970, by the engine's clock. ``name`` is what the thing was called then.
    """

    nanoseconds: int
    kind: str
    action: str
    id: str
    name: str
    command: str = ""
    attributes: Mapping[str, str] = {}

    @property
    def time(self) -> datetime:
        """When it happened, to the microsecond."""
        return datetime.fromtimestamp(self.nanoseconds // 1_000_000_000, UTC) + timedelta(
            microseconds=self.nanoseconds % 1_000_000_000 // 1000
        )


def container_from_inspect(raw: Json, *, podman: bool = False) -> ContainerSnapshot:
    """Read the JSON of ``GET /containers/{id}/json``.

    Source: Docker Engine API 1.41 to 1.51, and Podman's compatible API.
    """
    state, config, host = _part(raw, "State"), _part(raw, "Config"), _part(raw, "HostConfig")
    settings = _part(raw, "NetworkSettings")
    policy = _part(host, "RestartPolicy")
    networks, mode = _memberships(settings.get("Networks")), str(host.get("NetworkMode") or "")
    added, dropped = _capabilities(host.get("CapAdd")), _capabilities(host.get("CapDrop"))
    if podman:
        networks, mode = _networks_of_podman(networks, mode)
        added, dropped = _capabilities_of_podman(added, dropped)
    return ContainerSnapshot(
        id=str(raw.get("Id") or ""),
        name=str(raw.get("Name") or "").removeprefix("/"),
        created=moment(raw.get("Created")) or datetime.fromtimestamp(0, UTC),
        status=status_word(str(state.get("Status") or "")),
        running=bool(state.get("Running")),
        paused=bool(state.get("Paused")),
        restarting=bool(state.get("Restarting")),
        exit_code=int(state.get("ExitCode") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        error=str(state.get("Error") or ""),
        started=moment(state.get("StartedAt")),
        finished=moment(state.get("FinishedAt")),
        restart_count=int(raw.get("RestartCount") or 0),
        image_id=full_image_id(str(raw.get("Image") or "")),
        image_ref=str(config.get("Image") or ""),
        argv=(str(raw.get("Path") or ""), *_texts(raw.get("Args"))),
        command=_texts(config.get("Cmd")),
        entrypoint=_texts(config.get("Entrypoint")),
        env=_environment(config.get("Env")),
        user=str(config.get("User") or ""),
        workdir=_folder(config.get("WorkingDir")),
        hostname=str(config.get("Hostname") or ""),
        labels=dict(config.get("Labels") or {}),
        tty=bool(config.get("Tty")),
        open_stdin=bool(config.get("OpenStdin")),
        attached=None if podman else bool(config.get("AttachStdout")),
        stop_signal=_signal(config.get("StopSignal")),
        exposed=frozenset(config.get("ExposedPorts") or {}),
        published=_ports(settings.get("Ports")),
        asked=_ports(host.get("PortBindings")),
        publish_all=bool(host.get("PublishAllPorts")),
        mounts=_mounts(raw, host),
        networks=networks,
        network_mode=mode,
        restart_policy=str(policy.get("Name") or "no"),
        restart_max=int(policy.get("MaximumRetryCount") or 0),
        auto_remove=bool(host.get("AutoRemove")),
        read_only=bool(host.get("ReadonlyRootfs")),
        privileged=bool(host.get("Privileged")),
        init=bool(host.get("Init")),
        cap_add=added,
        cap_drop=dropped,
        memory=int(host.get("Memory") or 0),
        pids_limit=max(0, int(host.get("PidsLimit") or 0)),
        cpus=_cpus(host),
        health=_health(state, config),
        leans_on=_leans_on(host),
        tells_error=not podman,
        manifest=str(_part(raw, "ImageManifestDescriptor").get("digest") or ""),
    )


def image_from_inspect(raw: Json, *, podman: bool = False) -> ImageSnapshot:
    """Read the JSON of ``GET /images/{name}/json``."""
    config = _part(raw, "Config")
    labels = dict(config.get("Labels") or {})
    # Podman calls parent what has the same first layers and history, of pulled images too; Buildah labels what it made.
    has_parent = not podman or _BUILDAH in labels
    return ImageSnapshot(
        id=full_image_id(str(raw.get("Id") or "")),
        tags=tuple(tag for tag in _texts(raw.get("RepoTags")) if tag != "<none>:<none>"),
        digests=tuple(digest for digest in _texts(raw.get("RepoDigests")) if not digest.startswith("<none>")),
        created=moment(raw.get("Created")),
        size=int(raw.get("Size") or 0),
        layers=_texts(_part(raw, "RootFS").get("Layers")),
        parent=full_image_id(str(raw.get("Parent") or "")) if has_parent else "",
        os=str(raw.get("Os") or ""),
        architecture=str(raw.get("Architecture") or ""),
        command=_texts(config.get("Cmd")),
        entrypoint=_texts(config.get("Entrypoint")),
        env=_environment(config.get("Env")),
        user=str(config.get("User") or ""),
        workdir=_folder(config.get("WorkingDir")),
        labels=labels,
        exposed=frozenset(config.get("ExposedPorts") or {}),
        volumes=frozenset(config.get("Volumes") or {}),
        stop_signal=_signal(config.get("StopSignal")),
        healthcheck=bool((config.get("Healthcheck") or {}).get("Test")),
        probe=_probe(config),
        keeps_origin=not podman,
    )


_BUILDAH = "io.buildah.version"


def network_from_inspect(raw: Json) -> NetworkSnapshot:
    """Read the JSON of ``GET /networks/{name}``."""
    configs = _part(raw, "IPAM").get("Config")
    return NetworkSnapshot(
        id=str(raw.get("Id") or ""),
        name=str(raw.get("Name") or ""),
        created=moment(raw.get("Created")) or datetime.fromtimestamp(0, UTC),
        driver=str(raw.get("Driver") or ""),
        scope=str(raw.get("Scope") or ""),
        internal=bool(raw.get("Internal")),
        labels=dict(raw.get("Labels") or {}),
        options=dict(raw.get("Options") or {}),
        subnets=tuple(str(item["Subnet"]) for item in configs or () if item.get("Subnet")),
        members=frozenset(raw.get("Containers") or {}),
    )


def volume_from_inspect(raw: Json) -> VolumeSnapshot:
    """Read the JSON of ``GET /volumes/{name}``."""
    return VolumeSnapshot(
        name=str(raw.get("Name") or ""),
        created=moment(raw.get("CreatedAt")),
        driver=str(raw.get("Driver") or ""),
        labels=dict(raw.get("Labels") or {}),
        options=dict(raw.get("Options") or {}),
        mountpoint=str(raw.get("Mountpoint") or ""),
    )


def event_from_message(raw: Json) -> EventSnapshot:
    """Read a message of ``GET /events``. Without ``id``, ``status`` and ``from``, which API 1.52 has no longer."""
    actor = _part(raw, "Actor")
    action, _, command = str(raw.get("Action") or "").partition(": ")
    nanoseconds = int(raw.get("timeNano") or int(raw.get("time") or 0) * 1_000_000_000)
    attributes = {str(name): str(value) for name, value in _part(actor, "Attributes").items()}
    kind, identifier, name = str(raw.get("Type") or ""), str(actor.get("ID") or ""), attributes.get("name", "")
    if kind == "volume":  # known by its name: Docker tells that as its id, Podman among the attributes
        identifier = name = identifier or name
    elif kind == "image":
        identifier, name, action = _image_event(identifier, name, action)
    return EventSnapshot(
        nanoseconds=nanoseconds,
        kind=kind,
        action=action,
        id=identifier,
        name=name,
        command=command.strip(),  # the engine ends it with a space
        attributes=attributes,
    )


def _image_event(identifier: str, name: str, action: str) -> tuple[str, str, str]:
    """Tell in Docker's words what Podman says has happened to an image.

    Docker has the reference for an id in a pull; Podman has it for a name, as it has the id of what was built. Its
    archives are files of its own, which nobody knows.
    """
    if action == "loadfromarchive":
        return "", "", "load"
    if action == "build" and _ANONYMOUS.match(name):
        return full_image_id(name), "", action
    if _ANONYMOUS.match(identifier):
        return full_image_id(identifier), name, action
    return identifier or name, name, action


def commands_from_top(raw: Json) -> tuple[str, ...]:
    """Read the JSON of ``GET /containers/{id}/top``: the command line of each process."""
    titles = _texts(raw.get("Titles"))
    rows = [_texts(row) for row in raw.get("Processes") or ()]
    if len(titles) == 1 and (together := titles[0].split())[1:]:
        # Podman asks the container's own ps where it can, and hands on its lines as they are.
        titles = tuple(together)
        rows = [tuple(row[0].split(None, len(titles) - 1)) for row in rows if row]
    column = next((place for place, title in enumerate(titles) if title in {"CMD", "COMMAND"}), len(titles) - 1)
    return tuple(row[column] for row in rows if len(row) > column >= 0)


def changes_from_diff(raw: object) -> dict[str, str]:
    """Read the JSON of ``GET /containers/{id}/changes``: path to changed, added or deleted.

    A folder counts as changed when something in it did.
    """
    words = {0: "changed", 1: "added", 2: "deleted"}
    items = raw if isinstance(raw, list) else []  # null when nothing changed
    return {str(item.get("Path")): words.get(int(item.get("Kind") or 0), "changed") for item in items}


def status_word(text: str) -> str:
    """Return Docker's word for a container's status.

    Podman says "configured" or "initialized" where Docker says "created", and "stopped" for "exited".
    """
    return {"configured": "created", "initialized": "created", "stopped": "exited"}.get(text, text)


def full_image_id(identifier: str) -> str:
    """Return an image's id with its algorithm, which Podman leaves out."""
    return f"sha256:{identifier}" if _ANONYMOUS.match(identifier) else identifier


def is_anonymous(volume: str) -> bool:
    """Whether a volume's name looks like one that the engine gives where none was asked for."""
    return bool(_ANONYMOUS.match(volume))


def is_made_up(name: str) -> bool:
    """Whether a container's name looks like one that the engine gives where none was asked for.

    >>> is_made_up("eager_turing"), is_made_up("eager_turing3"), is_made_up("dl-web")
    (True, True, False)
    """
    return bool(_MADE_UP.fullmatch(name))


def moment(value: object) -> datetime | None:
    """Read the engine's time stamp; its zero (year 1) is None.

    >>> moment("2026-11-24T03:29:46.826848648Z").microsecond
    826848
    """
    text = str(value or "")
    if not text or text.startswith(("0001-01-01", "1970-01-01T00:00:00")):
        return None
    text = _FRACTION.sub(lambda match: match.group(1).ljust(7, "0"), text)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _part(raw: Json, key: str) -> Json:
    value = raw.get(key)
    return value if isinstance(value, Mapping) else {}


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):  # Podman gives an entrypoint of one word as a string
        return (value,)
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()


def _signal(value: object) -> str:
    # Podman gives the number of a container's stop signal, Docker the text that was typed.
    text = str(value or "")
    try:
        return Signals(int(text)).name if text.isdecimal() else text
    except ValueError:
        return text


def _folder(path: Any) -> str:
    """A path in one spelling: the builder of 20.10 keeps the slash at the end of ``WORKDIR /app/``."""
    return posixpath.normpath(str(path)) if path else ""


def _environment(value: object) -> dict[str, str]:
    return {name: text for name, _, text in (item.partition("=") for item in _texts(value))}


def _ports(value: object) -> dict[str, tuple[Binding, ...]]:
    if not isinstance(value, Mapping):
        return {}
    return {
        str(port): tuple(sorted(map(_binding, bindings), key=lambda one: (one.host_ip, one.host_port or 0)))
        for port, bindings in value.items()
        if bindings
    }


def _binding(item: Json) -> Binding:
    return Binding(str(item.get("HostIp") or ""), int(item["HostPort"]) if item.get("HostPort") else None)


def _mounts(raw: Json, host: Json) -> tuple[Mount, ...]:
    asked_for = {bind.partition(":")[0] for bind in _texts(host.get("Binds"))}
    asked_for |= {str(item.get("Source") or "") for item in host.get("Mounts") or ()}
    found = [
        Mount(
            kind=str(item.get("Type") or ""),
            source=str(item.get("Source") or ""),
            target=str(item.get("Destination") or ""),
            read_only=not item.get("RW", True),
            name=item.get("Name") or None,
            anonymous=is_anonymous(str(item.get("Name") or "")),
            asked_for=str(item.get("Name") or "") in asked_for,
        )
        for item in raw.get("Mounts") or []
    ]
    # `--tmpfs` stands in HostConfig only; `--mount type=tmpfs` stands in both.
    known = {mount.target for mount in found}
    found += [Mount("tmpfs", "", str(path), read_only=False) for path in host.get("Tmpfs") or {} if path not in known]
    return tuple(sorted(found, key=lambda mount: mount.target))


def _memberships(value: object) -> tuple[Membership, ...]:
    if not isinstance(value, Mapping):
        return ()
    return tuple(
        Membership(
            network=str(name),
            # Podman puts the network's name there.
            network_id=identifier if _ANONYMOUS.match(identifier := str(item.get("NetworkID") or "")) else "",
            ip=item.get("IPAddress") or item.get("GlobalIPv6Address") or None,
            names=frozenset(_texts(item.get("Aliases")) + _texts(item.get("DNSNames"))),
            ip6=item.get("GlobalIPv6Address") or None,
        )
        for name, item in sorted(value.items())
        if isinstance(item, Mapping)
    )


def _networks_of_podman(networks: tuple[Membership, ...], mode: str) -> tuple[tuple[Membership, ...], str]:
    """Tell a container's networks, and the mode it was made with, in Docker's words.

    Podman calls the network podman here that it lists as bridge, tells nothing of host and none, has one mode for all
    of a container's networks, and says of one that uses another one's network that it is on it, too.
    """
    if mode.startswith("container:"):
        return (), mode
    named = (msgspec.structs.replace(one, network="bridge") if one.network == "podman" else one for one in networks)
    told = tuple(sorted(named, key=lambda one: one.network))
    if not told and mode in {"host", "none"}:
        return (Membership(mode, "", None, frozenset()),), mode
    if mode == "bridge" and told and all(one.network != "bridge" for one in told):
        return told, told[0].network
    return told, mode


def _capabilities(value: object) -> frozenset[str]:
    return frozenset(name.upper().removeprefix("CAP_") for name in _texts(value))


_USUAL = frozenset({
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID",
    "SYS_CHROOT",
})  # fmt: skip
_USUAL_ONCE = frozenset({"AUDIT_WRITE", "MKNOD", "NET_RAW"})
"""What Podman's containers have by default; the latter up to version 4 only, or as a distribution sets it."""


def _capabilities_of_podman(added: frozenset[str], dropped: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Tell ``--cap-drop ALL`` as Docker does: Podman writes out what that takes away, less what was added again."""
    if len(dropped & _USUAL) <= len(_USUAL) / 2:
        return added, dropped
    usual = _USUAL | (_USUAL_ONCE if dropped & _USUAL_ONCE else frozenset())
    return added | (usual - dropped), frozenset({"ALL"})


def _cpus(host: Json) -> float:
    if host.get("NanoCpus"):
        return float(host["NanoCpus"]) / 1e9
    if host.get("CpuQuota") and int(host["CpuQuota"]) > 0:
        return float(host["CpuQuota"]) / float(host.get("CpuPeriod") or 100_000)
    return 0.0


def _leans_on(host: Json) -> frozenset[str]:
    shared = (str(host.get(mode) or "") for mode in ("NetworkMode", "PidMode", "IpcMode"))
    named = [mode.removeprefix("container:") for mode in shared if mode.startswith("container:")]
    named += [item.partition(":")[0] for item in _texts(host.get("VolumesFrom"))]  # NAME or NAME:ro
    named += [item.partition(":")[0].removeprefix("/") for item in _texts(host.get("Links"))]  # /NAME:/OWN/ALIAS
    return frozenset(named)


def _health(state: Json, config: Json) -> Health | None:
    raw = state.get("Health") or state.get("Healthcheck")
    if not isinstance(raw, Mapping) or not raw.get("Status") or raw.get("Status") == "none":
        return None
    last = (raw.get("Log") or [{}])[-1]
    asked = config.get("Healthcheck") or {}
    interval = asked.get("Interval") or 30_000_000_000
    return Health(
        status=str(raw["Status"]),
        failing_streak=int(raw.get("FailingStreak") or 0),
        log=str(last.get("Output") or ""),
        exit_code=last.get("ExitCode"),
        interval=timedelta(microseconds=int(interval) / 1000).total_seconds(),
        command=" ".join(_probe(config)).strip(),
    )


def _probe(config: Json) -> tuple[str, ...]:
    """What a health check runs; nothing where there is none, or where it was taken away (``NONE``)."""
    kind, *words = _texts((config.get("Healthcheck") or {}).get("Test")) or ("",)
    shell = _texts(config.get("Shell")) or ("/bin/sh", "-c")
    return (*shell, *words) if kind == "CMD-SHELL" else tuple(words)
