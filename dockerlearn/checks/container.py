"""``container``: what a container is and does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding, Noun
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

Ports = dict[str, Wanted] | str


class Container(Noun, frozen=True, kw_only=True, tag="container"):
    """A container, by its name.

    >>> Container(container="dl-web", running="true").subject
    'container dl-web'
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
    asked_to_publish: Ports | None = None
    network_mode: Wanted | None = None
    restart_policy: Wanted | None = None
    restart_count: Wanted | None = None
    health: Wanted | None = None
    memory: Wanted | None = None
    read_only: bool | None = None
    privileged: bool | None = None
    init: bool | None = None
    tty: bool | None = None
    auto_remove: bool | None = None
    stop_signal: Wanted | None = None
    files: dict[str, Wanted] = {}
    logs: Wanted | None = None

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
        if self.absent is False or self == Container(container=name):
            yield Finding(ok=True, expected="", found="there")
        if self.running is not None:
            yield _running(world, there) if self.running else _stopped(there)
        if self.status is not None:
            yield _value(name, "status", self.status, there.status, prose.state(there))
        if self.exit_code is not None:
            yield _exit_code(there, self.exit_code)
        if self.oom_killed is not None:
            yield _flag(name, "have been killed for using too much memory", self.oom_killed, there.oom_killed)
        if self.image is not None:
            yield _image(world, there, self.image)
        yield from self._made_of(there)
        if self.health is not None:
            yield _health(there, self.health)
        if self.published is not None:
            yield _published(there, self.published)
        for path, wanted in self.files.items():
            yield _file(world, there, path, wanted)
        if self.logs is not None:
            yield _logs(world, there, self.logs)

    def _made_of(self, there: ContainerSnapshot) -> Iterator[Finding]:
        name = self.container
        if self.command is not None:
            yield _argv(name, "command", self.command, (there.command, there.argv))
        if self.entrypoint is not None:
            yield _argv(name, "entrypoint", self.entrypoint, (there.entrypoint,))
        for variable, wanted in self.env.items():
            yield _value(name, f"environment variable {variable}", wanted, there.env.get(variable))
        for label, wanted in self.labels.items():
            yield _value(name, f"label {label}", wanted, there.labels.get(label))
        if self.asked_to_publish is not None:
            yield _ports(name, "ask to publish", self.asked_to_publish, there.asked)
        for word, value, seen in (
            ("user", self.user, there.user),
            ("working directory", self.workdir, there.workdir),
            ("hostname", self.hostname, there.hostname),
            ("network mode", self.network_mode, _mode(there.network_mode)),
            ("restart policy", self.restart_policy, there.restart_policy),
            ("number of restarts", self.restart_count, there.restart_count),
            ("memory limit", self.memory, there.memory or None),
            ("stop signal", self.stop_signal, there.stop_signal),
        ):
            if value is not None:
                yield _value(name, word, value, seen)
        for words, flag, is_so in (
            ("have a read-only root file system", self.read_only, there.read_only),
            ("be privileged", self.privileged, there.privileged),
            ("have an init process", self.init, there.init),
            ("have a terminal (-t)", self.tty, there.tty),
            ("be removed when it ends (--rm)", self.auto_remove, there.auto_remove),
        ):
            if flag is not None:
                yield _flag(name, words, flag, is_so)


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
    # A failed start leaves the container created, with the code of the failure (0 on Podman).
    if there.running or (there.never_started and not there.error):
        return Finding(ok=False, expected=expected, found=f"it {prose.state(there)}")
    if fits(wanted, there.exit_code):
        return Finding(ok=True, expected="", found=f"ended with exit code {there.exit_code}")
    return Finding(ok=False, expected=expected, found=f"it {prose.state(there)}")


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


def _value(name: str, word: str, wanted: Wanted, seen: str | int | None, told: str | None = None) -> Finding:
    if fits(wanted, seen):
        return Finding(ok=True, expected="", found=f"{word} {seen}")
    found = f"it {told}" if told else f"it is {one_line(str(seen))}" if seen not in {None, ""} else "there is none"
    return Finding(ok=False, expected=f"the {word} of {name} should be {describe(wanted)}", found=found)


def _flag(name: str, words: str, wanted: bool, seen: bool) -> Finding:
    if wanted == seen:
        return Finding(ok=True, expected="", found="" if not seen else words.removeprefix("have ").removeprefix("be "))
    return Finding(
        ok=False,
        expected=f"{name} should {'' if wanted else 'not '}{words}",
        found="it does not" if wanted else "it does",
    )


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
    return _ports(there.name, "publish", wanted, there.published)


def _ports(name: str, verb: str, wanted: Ports, seen: Mapping[str, tuple[Binding, ...]]) -> Finding:
    told = prose.port_list(dict(seen))
    if isinstance(wanted, str):
        ok = bool(seen) if wanted == ANY else not seen
        expected = f"{name} should {verb} {'a port' if wanted == ANY else 'no port'}"
        if ok:
            return Finding(ok=True, expected="", found=f"publishes {told}")
        return Finding(ok=False, expected=expected, found=f"it publishes {told}")
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
        return Finding(ok=False, expected=expected, found=f"it publishes {told}", next=f"docker port {name}")
    return Finding(ok=True, expected="", found=f"publishes {told}")


def _file(world: World, there: ContainerSnapshot, path: str, wanted: Wanted) -> Finding:
    seen = world.path(there, path)
    if wanted in (NONE, "false"):
        if seen is None:
            return Finding(ok=True, expected="", found=f"no {path}")
        return Finding(ok=False, expected=f"there should be no {path} in {there.name}", found="it is there")
    if wanted == ANY:
        expected = f"there should be a {path} in {there.name}"
        if seen is not None:
            return Finding(ok=True, expected="", found=f"{path} is there")
        return Finding(ok=False, expected=expected, found="it is not there")
    expected = f"{path} in {there.name} should hold {describe(wanted)}"
    if seen is None:
        return Finding(ok=False, expected=expected, found="there is no such file in it")
    if seen.content is None:
        other = f"it is a {seen.kind}, not a file"
        large = f"it is too large to look into ({seen.size / 1e6:.1f} MB)"
        return Finding(ok=False, expected=expected, found=large if seen.kind == "file" else other)
    text = seen.content.decode("utf-8", "replace")
    if fits(wanted, text) or fits(wanted, text.strip()):
        return Finding(ok=True, expected="", found=f"{path} holds what it should")
    return Finding(ok=False, expected=expected, found=f"it holds {prose.excerpt(text)}")


def _logs(world: World, there: ContainerSnapshot, wanted: Wanted) -> Finding:
    text = world.logs(there)
    if fits(wanted, text):
        return Finding(ok=True, expected="", found=f"printed {prose.excerpt(text)}")
    return Finding(
        ok=False,
        expected=f"the log of {there.name} should hold {describe(wanted)}",
        found=f"its last line is {prose.excerpt(text)}" if text.strip() else "it has printed nothing",
        next=f"docker logs {there.name}",
        wait=0.2 if there.is_up and world.uptime(there, FIRST_WORDS) < FIRST_WORDS else None,
        waiting_for=f"the output of {there.name}",
    )


def _mode(mode: str) -> str:
    # 20.10 says default where 28 says bridge and Podman podman; one network is meant.
    return "bridge" if mode in {"default", "bridge", "podman"} else mode
