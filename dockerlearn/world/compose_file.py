"""What a Compose file says, variables put in and short forms written out."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping

import msgspec

from dockerlearn.text import nearest, one_line
from dockerlearn.world.compose_yaml import Bad, Node, NotReadHere, parse
from dockerlearn.world.interpolation import CannotExpand, dotenv, expand

LIMIT = 256 * 1024
"""Characters of a Compose file that is looked at."""

_MOST_TEXT = 4 * 1024 * 1024

Files = Callable[[str], str | None]
"""Gives the text of a file beside the Compose file, or None."""


class Port(msgspec.Struct, frozen=True):
    """A published port; ``published`` is empty where the engine chooses, and may be a range."""

    target: str
    protocol: str
    published: str
    host: str


class Mounted(msgspec.Struct, frozen=True):
    """What a service has mounted; ``kind`` is volume, bind, tmpfs or another that Compose knows."""

    kind: str
    source: str
    target: str
    read_only: bool


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service. A command is None where none is given; ``environment`` has None for what comes from outside."""

    line: int
    image: str
    build: str | None
    target: str
    command: tuple[str, ...] | None
    entrypoint: tuple[str, ...] | None
    environment: Mapping[str, str | None]
    labels: Mapping[str, str | None]
    ports: tuple[Port, ...]
    expose: tuple[str, ...]
    volumes: tuple[Mounted, ...]
    networks: Mapping[str, tuple[str, ...]]
    network_mode: str
    depends_on: Mapping[str, str]
    healthcheck: tuple[str, ...]
    profiles: tuple[str, ...]
    settings: Mapping[str, str]
    """All that is one text: restart, user, container_name and others."""


class ComposeFile(msgspec.Struct, frozen=True):
    """A Compose file; ``networks`` and ``volumes`` are those declared at the top, with what is one text of them."""

    name: str
    services: Mapping[str, Service]
    networks: Mapping[str, Mapping[str, str]]
    volumes: Mapping[str, Mapping[str, str]]


class Broken(msgspec.Struct, frozen=True):
    """A file that Compose refuses."""

    line: int
    reason: str


class NotRead(msgspec.Struct, frozen=True):
    """A file with something that is not read here, so that nothing can be said about it."""

    line: int
    what: str


def read(text: str, files: Files) -> ComposeFile | Broken | NotRead:
    """Read a Compose file; never raises. ``files`` gives ``.env`` and what ``env_file`` names."""
    if len(text) > LIMIT:
        return Broken(1, f"it is larger than {LIMIT // 1024} KiB")
    try:
        root = parse(text)
        return _Reader(dotenv(files(".env") or ""), files).read(root)
    except NotReadHere as odd:
        return NotRead(odd.line, odd.reason)
    except Bad as bad:
        return Broken(bad.line, bad.reason)


class _Reader:
    def __init__(self, values: Mapping[str, str], files: Files) -> None:
        self._values = values
        self._files = files
        self._left = _MOST_TEXT

    def read(self, root: Node) -> ComposeFile:
        top = self._known(root, _TOP, "a Compose file")
        if "include" in top:
            raise NotReadHere(top["include"].line, "include")
        services = self._mapping(top.get("services"), "services")
        networks = {name: self._texts(node) for name, node in self._mapping(top.get("networks"), "networks").items()}
        volumes = {name: self._texts(node) for name, node in self._mapping(top.get("volumes"), "volumes").items()}
        if "services" not in top:
            raise Bad(root.line, "there are no services in it")
        name = self._text(top["name"]) if "name" in top else ""
        found = {key: self._service(key, node) for key, node in services.items()}
        for key, service in found.items():
            self._refers(key, service, frozenset(found), frozenset(networks) | {"default"}, frozenset(volumes))
        _no_circle(found)
        return ComposeFile(name, found, networks, volumes)

    def _refers(
        self, name: str, service: Service, services: frozenset[str], networks: frozenset[str], volumes: frozenset[str]
    ) -> None:
        """What a service speaks of has to be there."""
        for other in service.depends_on:
            if other not in services:
                raise Bad(service.line, f"{name} depends on {other}, which is no service of this file")
        for network in service.networks:
            if network not in networks:
                raise Bad(service.line, f"{name} is on the network {network}, which is not declared under networks:")
        for mount in service.volumes:
            if mount.kind == "volume" and mount.source and mount.source not in volumes:
                raise Bad(service.line, f"{name} has the volume {mount.source}, which is not declared under volumes:")

    def _service(self, name: str, node: Node) -> Service:
        fields = self._known(node, _SERVICE, f"the service {name}")
        if "extends" in fields:
            raise NotReadHere(fields["extends"].line, "extends")
        build = fields.get("build")
        details = self._mapping(build, "build") if build is not None and not build.text else {}
        context = None if build is None else self._text(build if build.text else details.get("context", _dot(build)))
        image = self._text(fields["image"]) if "image" in fields else ""
        if not image and context is None:
            raise Bad(node.line, f"the service {name} has neither image nor build")
        environment: dict[str, str | None] = dict(self._env_files(fields.get("env_file")))
        environment |= self._pairs(fields.get("environment"), outside=True)
        mode = self._text(fields["network_mode"]) if "network_mode" in fields else ""
        return Service(
            line=node.line,
            image=image,
            build=context,
            target=self._text(details["target"]) if "target" in details else "",
            command=self._command(fields.get("command")),
            entrypoint=self._command(fields.get("entrypoint")),
            environment=environment,
            labels=self._pairs(fields.get("labels")),
            ports=tuple(port for one in self._list(fields.get("ports")) for port in self._ports(one)),
            expose=tuple(self._text(one) for one in self._list(fields.get("expose"))),
            volumes=tuple(self._volumes(fields)),
            networks=self._networks(fields.get("networks"), mode),
            network_mode=mode,
            depends_on=self._depends(fields.get("depends_on")),
            healthcheck=self._healthcheck(fields.get("healthcheck")),
            profiles=tuple(self._text(one) for one in self._list(fields.get("profiles"))),
            settings=self._texts(node),
        )

    def _known(self, node: Node, keys: frozenset[str], what: str) -> dict[str, Node]:
        fields = self._mapping(node, what)
        for key, value in fields.items():
            if key not in keys and not key.startswith("x-"):
                near = nearest(key[:40], tuple(sorted(keys)))
                meant = f"; {near} was probably meant" if near else ""
                raise Bad(value.line, f"{what} has no key {one_line(key, 40)}{meant}")
        return fields

    def _text(self, node: Node) -> str:
        if isinstance(node.value, list | dict):
            raise Bad(node.line, "a text was expected here")
        try:
            found = expand(node.text, self._values)
        except CannotExpand as error:
            raise Bad(node.line, str(error)) from None
        self._left -= len(found)
        if self._left < 0:
            raise Bad(node.line, "its variables grow too large")
        return found

    def _mapping(self, node: Node | None, what: str) -> dict[str, Node]:
        if node is None or node.value is None:
            return {}
        if not isinstance(node.value, dict):
            raise Bad(node.line, f"{what} should be a mapping (key: value)")
        return node.value

    def _list(self, node: Node | None) -> list[Node]:
        if node is None or node.value is None:
            return []
        if not isinstance(node.value, list):
            raise Bad(node.line, "a list was expected here")
        return node.value

    def _texts(self, node: Node) -> dict[str, str]:
        return {key: self._text(one) for key, one in node.fields.items() if isinstance(one.value, str)}

    def _command(self, node: Node | None) -> tuple[str, ...] | None:
        if node is None or node.value is None:
            return None
        if node.items or isinstance(node.value, list):
            return tuple(self._text(one) for one in node.items)
        text = self._text(node)
        try:
            return tuple(shlex.split(text))
        except ValueError:
            raise Bad(node.line, "a quote is not closed here") from None

    def _pairs(self, node: Node | None, *, outside: bool = False) -> dict[str, str | None]:
        """A mapping, or a list of ``NAME=value``. ``outside`` takes what has no value from the variables."""
        found: dict[str, str | None] = {}
        if node is not None and isinstance(node.value, list):
            for one in node.value:
                name, equals, value = self._text(one).partition("=")
                found[name] = value if equals else self._values.get(name) if outside else ""
        else:
            for name, one in self._mapping(node, "this").items():
                empty = self._values.get(name) if outside else ""
                found[name] = empty if one.value is None else _number(self._text(one), plain=one.plain)
        return found

    def _env_files(self, node: Node | None) -> Iterator[tuple[str, str]]:
        if node is None or node.value is None:
            return
        for one in node.items or [node]:
            path = self._text(one.fields.get("path", Node("", one.line)) if one.fields else one)
            required = "required" not in one.fields or self._text(one.fields["required"]) != "false"
            text = self._files(path)
            if text is None and required:
                raise Bad(one.line, f"there is no file {path}")
            yield from dotenv(text or "").items()

    def _ports(self, node: Node) -> Iterator[Port]:
        if node.fields:
            said = self._texts(node)
            if "target" not in said:
                raise Bad(node.line, "a port needs a target")
            yield Port(said["target"], said.get("protocol", "tcp"), said.get("published", ""), said.get("host_ip", ""))
            return
        text, _, protocol = self._text(node).partition("/")
        rest, _, target = text.rpartition(":")
        host, _, published = rest.rpartition(":")
        targets, outside = _range(target), _range(published)
        if not targets or (published and not outside):
            raise Bad(node.line, f"{one_line(text, 60)} is not a port, as in 8080:80")
        together = len(targets) == len(outside)
        if outside and not together and len(targets) > 1:
            raise Bad(node.line, f"the ranges of {one_line(text, 60)} differ in length")
        for place, one in enumerate(targets):
            yield Port(one, protocol.lower() or "tcp", outside[place] if together else published, host.strip("[]"))

    def _volumes(self, fields: Mapping[str, Node]) -> Iterator[Mounted]:
        for node in self._list(fields.get("volumes")):
            if node.fields:
                said = self._texts(node)
                if "target" not in said:
                    raise Bad(node.line, "a volume needs a target")
                kind = said.get("type", "volume")
                yield Mounted(kind, said.get("source", ""), said["target"], said.get("read_only") == "true")
                continue
            first, colon, rest = self._text(node).partition(":")
            target, _, mode = rest.partition(":")
            if not colon:
                yield Mounted("volume", "", first, read_only=False)
            else:
                kind = "bind" if first.startswith((".", "/", "~")) else "volume"
                yield Mounted(kind, first, target, "ro" in mode.split(","))
        tmpfs = fields.get("tmpfs")
        if tmpfs is not None and tmpfs.value is not None:
            for one in tmpfs.items or [tmpfs]:
                yield Mounted("tmpfs", "", self._text(one).partition(":")[0], read_only=False)

    def _networks(self, node: Node | None, mode: str) -> dict[str, tuple[str, ...]]:
        if node is None or node.value is None:
            return {} if mode else {"default": ()}
        if isinstance(node.value, list):
            return {self._text(one): () for one in node.value}
        return {
            name: tuple(self._text(alias) for alias in self._list(how.fields.get("aliases")))
            for name, how in self._mapping(node, "networks").items()
        }

    def _depends(self, node: Node | None) -> dict[str, str]:
        if node is not None and isinstance(node.value, list):
            return {self._text(one): "service_started" for one in node.value}
        return {
            name: self._text(how.fields["condition"]) if "condition" in how.fields else "service_started"
            for name, how in self._mapping(node, "depends_on").items()
        }

    def _healthcheck(self, node: Node | None) -> tuple[str, ...]:
        fields = self._mapping(node, "healthcheck")
        if "disable" in fields and self._text(fields["disable"]) == "true":
            return ("NONE",)
        test = fields.get("test")
        if test is None or test.value is None:
            return ()
        if isinstance(test.value, list):
            return tuple(self._text(one) for one in test.value)
        return "CMD-SHELL", self._text(test)


def _no_circle(services: Mapping[str, Service]) -> None:
    """Take away, again and again, who waits for nobody; who is left waits for itself in the end."""
    waiting = {name: set(service.depends_on) for name, service in services.items()}
    while free := {name for name, others in waiting.items() if not others}:
        waiting = {name: others - free for name, others in waiting.items() if name not in free}
    for name in waiting:
        raise Bad(services[name].line, f"{name} waits for itself by way of depends_on")


def _dot(node: Node) -> Node:
    return Node(".", node.line)


def _number(text: str, *, plain: bool) -> str:
    """A plain fraction is a number to Compose, which writes 1.10 as 1.1."""
    whole, dot, part = text.partition(".")
    if plain and dot and whole.isdigit() and part.isdigit() and len(text) < 16:
        return f"{float(text):g}" if len(text) < 7 else repr(float(text)).removesuffix(".0")
    return text


def _range(text: str) -> list[str]:
    first, dash, last = text.partition("-")
    if not (first.isascii() and first.isdigit() and len(first) < 6):
        return []
    if not dash:
        return [first]
    if not (last.isascii() and last.isdigit() and len(last) < 6 and int(first) <= int(last)):
        return []
    return [str(port) for port in range(int(first), int(last) + 1)]


_TOP = frozenset({"version", "name", "services", "networks", "volumes", "secrets", "configs", "include", "models"})
_SERVICE_KEYS = """
annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count
cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on
deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment expose
extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels
links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks
oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider
pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt shm_size stdin_open
stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes
volumes_from working_dir
"""
_SERVICE = frozenset(_SERVICE_KEYS.split())
