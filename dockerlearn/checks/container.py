"""``container``: what a container is and does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import msgspec

from dockerlearn.checks import memberships, mounts, prose
from dockerlearn.checks.base import Finding, Mention, Noun
from dockerlearn.checks.files import content
from dockerlearn.checks.findings import flag, several, value
from dockerlearn.checks.matchers import ANY, NONE, Match, Wanted, describe, fits, fits_some
from dockerlearn.engine.snapshots import Binding, ContainerSnapshot
from dockerlearn.text import one_line
from dockerlearn.world.world import World

STEADY = 1.0
"""Seconds that a process must have been up to count as running: one that crashes at once runs for a moment too."""

STEADY_AFTER_RESTART = 10.0
"""The same when the engine has restarted it: Docker itself calls a start good after ten seconds."""

FIRST_WORDS = 3.0
"""Seconds after its start in which a program may still be about to print what is asked for."""

REACTION = 2.0
"""Seconds after a signal, or after something was run in it, in which a program may still be about to print."""

Ports = dict[str, Wanted] | str


class Capabilities(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was given to a container's processes beyond the usual, and taken from them.

    A list wants each of its names; with or without ``CAP_``.

    >>> Capabilities(drop=["ALL"], add=["NET_BIND_SERVICE"]).drop
    ['ALL']
    """

    add: list[str] | Wanted | None = None
    drop: list[str] | Wanted | None = None


class ComposeLabels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which service of which Compose project a container is.

    >>> ComposeLabels(project="dl-shop", service="web").service
    'web'
    """

    project: Wanted | None = None
    service: Wanted | None = None


class Container(Noun, frozen=True, kw_only=True, tag="container"):
    """A container, by its name.

    ``published_on`` maps a port to where on the host it is open, ``loopback``, ``everywhere`` or an address; all of its
    addresses have to fit. ``network_mode`` calls the container whose network is used by its name: ``container:dl-db``.
    It is on each of ``only_networks`` and on no other. ``attached`` is whether it was made with its output attached, as
    ``docker run`` without ``-d`` and ``docker create`` do. ``processes`` are the command lines that ``docker top``
    shows, ``changed`` maps paths to added, changed or deleted, as ``docker diff`` tells. ``same_as_at_start`` compares
    with what carried the name when the step began.

    >>> Container(container="dl-web", running="true").subject
    'container dl-web'
    >>> Container(container="dl-web", networks={"dl-net": "web"}, mounts={"/data": "dl-data"}).mounts
    {'/data': 'dl-data'}
    """

    word: ClassVar[str] = "container"
    patience: ClassVar[float] = 12.0

    container: str
    absent: bool | None = None
    running: bool | None = None
    status: Wanted | None = None
    exit_code: Wanted | None = None
    oom_killed: bool | None = None
    image: str | None = None
    command: list[str] | Wanted | None = None
    entrypoint: list[str] | Wanted | None = None
    env: dict[str, Wanted] = {}
    user: Wanted | None = None
    workdir: Wanted | None = None
    hostname: Wanted | None = None
    labels: dict[str, Wanted] = {}
    published: Ports | None = None
    published_on: dict[str, Wanted] = {}
    asked_to_publish: Ports | None = None
    mounts: mounts.Mounts | None = None
    networks: memberships.Networks | None = None
    only_networks: list[str] | None = None
    network_mode: Wanted | None = None
    restart_policy: Wanted | None = None
    restart_count: Wanted | None = None
    health: Wanted | None = None
    memory: Wanted | None = None
    cpus: Wanted | None = None
    pids_limit: Wanted | None = None
    capabilities: Capabilities | None = None
    read_only: bool | None = None
    privileged: bool | None = None
    init: bool | None = None
    tty: bool | None = None
    open_stdin: bool | None = None
    attached: bool | None = None
    auto_remove: bool | None = None
    stop_signal: Wanted | None = None
    compose: ComposeLabels | str | None = None
    same_as_at_start: bool | None = None
    processes: Wanted | None = None
    changed: dict[str, Wanted] | str | None = None
    files: dict[str, Wanted] = {}
    logs: Wanted | None = None

    def __post_init__(self) -> None:
        for field in ("mounts", "changed", "compose"):
            asked = getattr(self, field)
            if isinstance(asked, str) and asked not in {ANY, NONE}:
                raise ValueError(f"{field}: is {ANY}, {NONE}, or a mapping")

    def mentions(self) -> Iterator[Mention]:
        """Itself, its image, the networks and volumes that it should have or not."""
        yield "container", self.container
        if self.image is not None:
            yield "image", self.image
        yield from memberships.mentions(self.networks)
        yield from memberships.mentions(self.only_networks)
        yield from mounts.mentions(self.mounts)

    def findings(self, world: World) -> Iterator[Finding]:
        """Look at what is there first, then at its state, then at what it was made of."""
        name = self.container
        there = world.container(name)
        if self.absent:
            yield _gone(world, name, there)
            return
        if there is None:
            found, hint = prose.missing(world, name)
            # An author who asks for no field asks whether it exists.
            yield Finding(ok=False, expected=f"there should be a container named {name}", found=found, next=hint)
            return
        if self.same_as_at_start is not None:
            yield _same(world, there, self.same_as_at_start)
        if self.absent is False or self == Container(container=name):
            yield Finding(ok=True, expected="", found="there")
        if self.running is not None:
            yield _running(world, there) if self.running else _stopped(there)
        if self.status is not None:
            yield value(name, "status", self.status, there.status, prose.state(there))
        if self.exit_code is not None:
            yield _exit_code(there, self.exit_code)
        if self.oom_killed is not None:
            yield flag(name, "have been killed for using too much memory", self.oom_killed, there.oom_killed)
        if self.image is not None:
            yield _image(world, there, self.image)
        yield from self._made_of(world, there)
        if self.mounts is not None:
            yield from mounts.findings(world, there, self.mounts)
        if self.networks is not None:
            yield from memberships.findings(world, there, self.networks)
        if self.only_networks is not None:
            yield from memberships.only(world, there, self.only_networks)
        if self.health is not None:
            yield _health(there, self.health)
        if self.published is not None:
            yield _published(there, self.published)
        for port, where in self.published_on.items():
            yield _published_on(there, port, where)
        if self.processes is not None:
            yield _processes(world, there, self.processes)
        if self.changed is not None:
            yield from _changed(world, there, self.changed)
        for path, wanted in self.files.items():
            yield content(there.name, path, wanted, world.path(there, path))
        if self.logs is not None:
            yield _logs(world, there, self.logs)

    def _made_of(self, world: World, there: ContainerSnapshot) -> Iterator[Finding]:
        name = self.container
        if self.command is not None:
            yield _argv(name, "command", self.command, (there.command, there.argv))
        if self.entrypoint is not None:
            yield _argv(name, "entrypoint", self.entrypoint, (there.entrypoint,))
        for variable, text in self.env.items():
            yield value(name, f"environment variable {variable}", text, there.env.get(variable))
        for label, text in self.labels.items():
            yield value(name, f"label {label}", text, there.labels.get(label))
        if self.asked_to_publish is not None:
            yield _ports(name, ("ask to publish", "asks to publish"), self.asked_to_publish, there.asked)
        for word, wanted, seen in (
            ("user", self.user, there.user),
            ("working directory", self.workdir, there.workdir),
            ("hostname", self.hostname, there.hostname),
            ("network mode", self.network_mode, _mode(world, there.network_mode)),
            ("restart policy", self.restart_policy, there.restart_policy),
            ("number of restarts", self.restart_count, there.restart_count),
            ("stop signal", self.stop_signal, there.stop_signal),
        ):
            if wanted is not None:
                yield value(name, word, wanted, seen)
        yield from self._limits(world, there)
        for words, asked, is_so in (
            ("have a read-only root file system", self.read_only, there.read_only),
            ("be privileged", self.privileged, there.privileged),
            ("have an init process", self.init, there.init),
            ("have a terminal (-t)", self.tty, there.tty),
            ("keep its input open (-i)", self.open_stdin, there.open_stdin),
            ("be removed when it ends (--rm)", self.auto_remove, there.auto_remove),
        ):
            if asked is not None:
                yield flag(name, words, asked, is_so)
        if self.attached is not None:
            words = "have been made with its output attached"
            if there.attached is None:
                yield Finding(
                    ok=None, expected=f"{name} should {words}", found="this engine does not tell whether it was"
                )
            else:
                yield flag(name, words, self.attached, there.attached)
        if self.capabilities is not None:
            for word, names, seen_names in (
                ("added capabilities", self.capabilities.add, there.cap_add),
                ("dropped capabilities", self.capabilities.drop, there.cap_drop),
            ):
                if names is not None:
                    yield several(name, word, _bare(names), seen_names)
        if self.compose is not None:
            yield from _compose(there, self.compose)

    def _limits(self, world: World, there: ContainerSnapshot) -> Iterator[Finding]:
        """Compare limits. Where the engine takes them and ignores them, what was asked for is not what is so."""
        for word, can, wanted, seen in (
            ("memory limit", "limits", self.memory, there.memory),
            ("limit of processors", "cpus", self.cpus, there.cpus),
            ("limit of processes", "pids", self.pids_limit, there.pids_limit),
        ):
            if wanted is None:
                continue
            if fits(wanted, None) or getattr(world.condition, can):
                yield value(self.container, word, wanted, seen or None)
                continue
            yield Finding(
                ok=None,
                expected=f"the {word} of {self.container} should be {describe(wanted)}",
                found="this engine has no control groups for that: it takes such a limit and ignores it",
                next="dockerlearn doctor",
            )


def _gone(world: World, name: str, there: ContainerSnapshot | None) -> Finding:
    expected = f"{name} should be gone"
    if there is not None:
        way = f"docker rm {name}" if not there.running else f"docker stop {name}, then docker rm {name}"
        return Finding(ok=False, expected=expected, found=f"it is there and {prose.state(there)}", next=way)
    began = world.began_as(name)
    renamed = world.container_by_id(began) if began else None
    if renamed is not None:
        return Finding(
            ok=False,
            expected=expected,
            found=f"it was only renamed: it is called {renamed.name} now",
            next=f"docker rm {renamed.name}",
        )
    return Finding(ok=True, expected="", found="gone")


def _running(world: World, there: ContainerSnapshot) -> Finding:
    expected = f"{there.name} should be running"
    if not there.is_up:
        found = f"it {prose.state(there)}"
        if there.status == "exited" and (said := prose.excerpt(world.logs(there))) != "nothing":
            found += f". The last it said: {said}"
        return Finding(ok=False, expected=expected, found=found, next=prose.way_to_run(there))
    needed = STEADY_AFTER_RESTART if there.restart_count else STEADY
    up = world.uptime(there, needed)
    if up >= needed:
        return Finding(ok=True, expected="", found="running")
    found = "it started a moment ago, and it is not yet known whether it stays"
    if there.restart_count:
        found = f"it has been restarted {prose.times(there.restart_count)} and started again a moment ago"
    return Finding(
        ok=False,
        expected=f"{expected} and stay so",
        found=found,
        next=f"docker ps -a --filter name={there.name}",
        wait=needed - max(up, 0.0),
        waiting_for=f"{there.name} is running; making sure it stays",
    )


def _stopped(there: ContainerSnapshot) -> Finding:
    expected = f"{there.name} should not be running"
    if there.running or there.paused or there.restarting or there.status == "running":
        return Finding(ok=False, expected=expected, found=f"it {prose.state(there)}", next=f"docker stop {there.name}")
    return Finding(ok=True, expected="", found="not running")


def _exit_code(there: ContainerSnapshot, wanted: Wanted) -> Finding:
    expected = f"{there.name} should have ended with exit code {describe(wanted)}"
    # A failed start leaves the container created, with the code of the failure.
    if there.never_started and not there.tells_error and any(fits(wanted, code) for code in _START_FAILED):
        return Finding(ok=None, expected=expected, found=_UNTOLD, next=f"docker start {there.name}")
    if there.running or (there.never_started and not there.error):
        return Finding(ok=False, expected=expected, found=f"it {prose.state(there)}")
    if fits(wanted, there.exit_code):
        return Finding(ok=True, expected="", found=f"ended with exit code {there.exit_code}")
    return Finding(ok=False, expected=expected, found=f"it {prose.state(there)}")


_START_FAILED = (125, 126, 127, 128)
_UNTOLD = "it never ran, and this engine does not keep whether a start of it failed, nor with which code"


def _image(world: World, there: ContainerSnapshot, name: str) -> Finding:
    reference = world.scope.reference(name)
    same = world.same_image(there, name)
    own = prose.image_name(world, there)
    if same:
        return Finding(ok=True, expected="", found=f"made from {own}")
    expected = f"{there.name} should be made from {reference}"
    remake = f"docker rm -f {there.name}, then make it again from {reference}"
    if same is None:
        # The image is gone from the engine, and the name alone proves little.
        return Finding(ok=None, expected=expected, found=f"its image {own} is no longer on the engine", next=remake)
    found = f"it is made from {own}"
    if (image := world.image(name)) is not None and image.id == there.image_id:
        found = f"the name {reference} is on another image here ({', '.join(image.tags + image.digests)})"
        remake = f"docker rmi {reference}, docker pull {reference}, and make {there.name} again"
    elif own.startswith(reference):
        found += ", which carries that name and is another image"
    return Finding(ok=False, expected=expected, found=found, next=remake)


# Below, words are looked up in tuples: a matcher may hold a list, and then has no hash.


def _argv(name: str, word: str, wanted: list[str] | Wanted, seen: tuple[tuple[str, ...], ...]) -> Finding:
    import shlex

    if isinstance(wanted, Match):
        ok = any(fits(wanted, shlex.join(words)) for words in seen)
        text = describe(wanted)
    elif wanted in (ANY, NONE):
        ok = bool(seen[0]) == (wanted == ANY)
        text = str(wanted)
    else:
        words = tuple(shlex.split(wanted) if isinstance(wanted, str) else wanted)
        ok = words in seen
        text = shlex.join(words)
    found = one_line(shlex.join(seen[0])) or "none"
    if ok:
        return Finding(ok=True, expected="", found=f"{word} {found}")
    return Finding(ok=False, expected=f"the {word} of {name} should be {text}", found=f"it is {found}")


def _bare(names: list[str] | Wanted) -> list[str] | Wanted:
    if isinstance(names, list):
        return [name.upper().removeprefix("CAP_") for name in names]
    if isinstance(names, str) and names not in {ANY, NONE}:
        return names.upper().removeprefix("CAP_")
    return names


def _compose(there: ContainerSnapshot, wanted: ComposeLabels | str) -> Iterator[Finding]:
    project = there.labels.get("com.docker.compose.project")
    service = there.labels.get("com.docker.compose.service")
    if isinstance(wanted, str):
        expected = f"{there.name} should {'' if wanted == ANY else 'not '}belong to a Compose project"
        found = f"it belongs to {one_line(project)}" if project else "it belongs to none"
        yield Finding(ok=bool(project) == (wanted == ANY), expected=expected, found=found)
        return
    for word, asked, seen in (
        ("Compose project", wanted.project, project),
        ("Compose service", wanted.service, service),
    ):
        if asked is not None:
            yield value(there.name, word, asked, seen)


def _same(world: World, there: ContainerSnapshot, wanted: bool) -> Finding:
    began = world.began_as(there.name)
    if (began == there.id) == wanted:
        return Finding(ok=True, expected="", found="the one from before" if wanted else "a new one")
    if not wanted:
        return Finding(
            ok=False,
            expected=f"{there.name} should be a new container",
            found="it is the one that was there when the step began",
            next=f"docker rm -f {there.name}, then make it again",
        )
    found = "another one carries the name now" if began else "there was none when the step began"
    return Finding(ok=False, expected=f"{there.name} should be the container that the step began with", found=found)


def _processes(world: World, there: ContainerSnapshot, wanted: Wanted) -> Finding:
    expected = f"{there.name} should run {prose.process(wanted)}"
    if not there.is_up:
        if wanted == NONE:
            return Finding(ok=True, expected="", found="no process")
        return Finding(ok=False, expected=expected, found=f"it {prose.state(there)}", next=prose.way_to_run(there))
    seen = world.processes(there)
    if fits_some(wanted, seen):
        return Finding(ok=True, expected="", found=f"runs {prose.process(wanted)}")
    return Finding(
        ok=False,
        expected=expected,
        found=f"it runs {prose.quoted(seen)}",
        next=f"docker top {there.name}",
        wait=0.2 if world.uptime(there, FIRST_WORDS) < FIRST_WORDS else None,
        waiting_for=f"the processes of {there.name}",
    )


def _changed(world: World, there: ContainerSnapshot, wanted: dict[str, Wanted] | str) -> Iterator[Finding]:
    seen = world.changes(there)
    look = f"docker diff {there.name}"
    if isinstance(wanted, str):
        ok = bool(seen) == (wanted == ANY)
        expected = f"{'something' if wanted == ANY else 'nothing'} in {there.name} should differ from its image"
        yield Finding(ok=ok, expected=expected, found=prose.changes(seen), next=look)
        return
    for path, how in wanted.items():
        kind = seen.get(path.rstrip("/") or "/")
        ok = fits(how, kind)
        told = f"{path} is {kind}" if kind else f"{path} is as in the image"
        expected = f"{path} in {there.name} should be {'as in the image' if how == NONE else describe(how)}"
        yield Finding(ok=ok, expected=expected, found=told, next=look)


def _health(there: ContainerSnapshot, wanted: Wanted) -> Finding:
    expected = f"{there.name} should be {describe(wanted)}, by its health check"
    health = there.health
    if fits(wanted, health.status if health else None):
        return Finding(ok=True, expected="", found=health.status if health else "no health check")
    if health is None:
        return Finding(ok=False, expected=expected, found="it has no health check")
    if not there.is_up:
        return Finding(ok=False, expected=expected, found=f"it {prose.state(there)}", next=prose.way_to_run(there))
    if health.status == "starting":
        return Finding(
            ok=False,
            expected=expected,
            found=f"its health check runs every {health.interval:g} s and has not decided yet",
            wait=min(health.interval, 1.0),
            waiting_for=f"the health check of {there.name}",
        )
    said = f"; the probe said {prose.excerpt(health.log)}" if health.log.strip() else ""
    return Finding(ok=False, expected=expected, found=f"it is {health.status}{said}")


def _published(there: ContainerSnapshot, wanted: Ports) -> Finding:
    unwanted = wanted == NONE or (
        isinstance(wanted, dict) and all(value in (NONE, "false") for value in wanted.values())
    )
    if not there.is_up and not unwanted:
        return Finding(
            ok=False,
            expected=f"{there.name} should be reachable from outside",
            found=f"it {prose.state(there)}, and a port is open only while it runs",
            next=prose.way_to_run(there),
        )
    return _ports(there.name, ("publish", "publishes"), wanted, there.published)


def _ports(name: str, verbs: tuple[str, str], wanted: Ports, seen: Mapping[str, tuple[Binding, ...]]) -> Finding:
    verb, does = verbs
    told = f"{does} {prose.port_list(dict(seen))}"
    if isinstance(wanted, str):
        ok = bool(seen) if wanted == ANY else not seen
        expected = f"{name} should {verb} {'a port' if wanted == ANY else 'no port'}"
        if ok:
            return Finding(ok=True, expected="", found=told)
        return Finding(ok=False, expected=expected, found=f"it {told}")
    for port, host_port in wanted.items():
        key = port if "/" in port else f"{port}/tcp"
        bindings = seen.get(key, ())
        unwanted = host_port in (NONE, "false")
        numbers = [str(binding.host_port or "") for binding in bindings]
        ok = not bindings if unwanted else bool(bindings) and (host_port == ANY or fits_some(host_port, numbers))
        if ok:
            continue
        outside = "" if unwanted or host_port == ANY else f" as port {describe(host_port)}"
        expected = f"{name} should {'not ' if unwanted else ''}{verb} its port {key.removesuffix('/tcp')}{outside}"
        return Finding(ok=False, expected=expected, found=f"it {told}", next=f"docker port {name}")
    return Finding(ok=True, expected="", found=told)


def _published_on(there: ContainerSnapshot, port: str, wanted: Wanted) -> Finding:
    bare = port.removesuffix("/tcp")
    expected = f"{there.name} should publish its port {bare} {prose.place(describe(wanted))}"
    if not there.is_up:
        found = f"it {prose.state(there)}, and a port is open only while it runs"
        return Finding(ok=False, expected=expected, found=found, next=prose.way_to_run(there))
    bindings = there.published.get(port if "/" in port else f"{port}/tcp", ())
    places = dict.fromkeys(_place(binding.host_ip) for binding in bindings)
    told = " and ".join(prose.place(place) for place in places)
    if places and all(fits(wanted, place) for place in places):
        return Finding(ok=True, expected="", found=f"publishes its port {bare} {told}")
    found = f"it publishes it {told}" if told else f"it publishes {prose.port_list(dict(there.published))}"
    return Finding(ok=False, expected=expected, found=found, next=f"docker port {there.name}")


def _place(address: str) -> str:
    """Say in the lesson's words where on the host an address is."""
    import ipaddress

    try:
        found = ipaddress.ip_address(address or "0.0.0.0")  # noqa: S104 - read, not bound
    except ValueError:
        return address
    # The rest of 127.0.0.0/8 leads to this machine too, but not by the name localhost.
    return "everywhere" if found.is_unspecified else "loopback" if address in {"127.0.0.1", "::1"} else address


def _logs(world: World, there: ContainerSnapshot, wanted: Wanted) -> Finding:
    text = world.logs(there)
    if fits(wanted, text):
        return Finding(ok=True, expected="", found=f"printed {prose.excerpt(text)}")
    return Finding(
        ok=False,
        expected=f"the log of {there.name} should hold {describe(wanted)}",
        found=f"its last line is {prose.excerpt(text)}" if text.strip() else "its log is empty",
        next=f"docker logs {there.name}",
        wait=0.2 if there.is_up and _may_still_print(world, there) else None,
        waiting_for=f"the output of {there.name}",
    )


def _may_still_print(world: World, there: ContainerSnapshot) -> bool:
    """Whether it has just begun, or has something to react to that was done to it a moment ago."""
    return world.uptime(there, FIRST_WORDS) < FIRST_WORDS or world.stirred(there, REACTION)


def _mode(world: World, mode: str) -> str:
    if mode.startswith("container:"):
        # The engine writes down the id of the container whose network is used.
        whose = world.container_by_id(mode.removeprefix("container:"))
        return f"container:{whose.name}" if whose is not None else mode
    # 20.10 says default where 28 says bridge and Podman podman; one network is meant.
    return "bridge" if mode in {"default", "bridge", "podman"} else mode
