"""``event``: that something happened since the step began."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import ClassVar

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding, Mention, Noun
from dockerlearn.checks.matchers import ANY, Match, Wanted, describe, fits
from dockerlearn.engine import references
from dockerlearn.engine.snapshots import EventSnapshot
from dockerlearn.text import one_line
from dockerlearn.world import runs
from dockerlearn.world.happened import Happened
from dockerlearn.world.world import World

CONTAINER = {
    "created": "create",
    "started": "start",
    "restarted": "restart",
    "stopped": "stop",
    "killed": "kill",
    "died": "die",
    "paused": "pause",
    "unpaused": "unpause",
    "renamed": "rename",
    "removed": "destroy",
    "attached": "attach",
    "exec": "exec_start",
    "committed": "commit",
    "exported": "export",
}
IMAGE = {"pulled": "pull", "tagged": "tag", "loaded": "load", "saved": "save"}
NETWORK = {"created": "create", "removed": "destroy", "connected": "connect", "disconnected": "disconnect"}
VOLUME = {"removed": "destroy", "mounted": "mount", "unmounted": "unmount"}
WORDS = tuple(dict.fromkeys([*CONTAINER, *IMAGE, *NETWORK, *VOLUME]))

YOUNG = timedelta(seconds=1)
"""The age until which what happened to something may still be followed by what comes after it."""

_COMES_AFTER = {"died": {"kill"}, "stopped": {"kill", "die"}, "removed": {"kill", "die", "stop"}}
"""What the engine tells some time after a command has returned, and what it told before."""

ONCE = Match(greater="0")

_ALSO = {"destroy": "remove"}
"""What Podman says for Docker's word."""

_OF_NOBODY = "exec"
"""What Podman says for ``exec_start``: without the command, and without the id by which our own would be known."""


class Event(Noun, frozen=True, kw_only=True, tag="event"):
    """Something that happened since the step began, in docker's own words; for what leaves no trace to look at.

    ``container`` can be ``any``: one that was made since the step began, with ``image`` one of that image. An image, a
    network or a volume is meant where no container is given, or beside one (``connected``). ``command`` and
    ``exit_code`` are of an ``exec``, ``exit_code`` also of what ``died`` or was ``stopped``, ``signal`` of what was
    ``killed``.

    ``stopped`` is docker stop (or restart), ``killed`` docker kill and not a stop, ``died`` any end. ``restarted`` is
    docker restart, or an end by stop or kill and a start. What the tutor and health checks do does not count. The
    engine remembers 256 events: where more has happened, it may be unknown whether this did, or how often.

    >>> Event(event="died", container="dl-job", exit_code="137").name
    'died dl-job'
    """

    word: ClassVar[str] = "event"

    event: str
    container: str | None = None
    image: str | None = None
    network: str | None = None
    volume: str | None = None
    command: Wanted | None = None
    exit_code: Wanted | None = None
    signal: str | None = None
    times: Wanted = ONCE

    def __post_init__(self) -> None:
        if sum(name is not None for name in (self.image, self.network, self.volume)) > 1 or not self._thing:
            raise ValueError("event: is about a container, an image, a network or a volume")
        if self.event not in self._words:
            raise ValueError(f"event: {self.event} is not told of a {self._kind}: {', '.join(self._words)} are")
        if self.container is not None and self._kind in {"network", "volume"} and self._action in {"create", "destroy"}:
            raise ValueError(f"container: has no part in what is {self.event} here")
        if self.command is not None and self.event != "exec":
            raise ValueError("command: is of event: exec")
        if self.exit_code is not None and self.event not in {"exec", "died", "stopped"}:
            raise ValueError("exit_code: is of event: died, event: stopped and event: exec")
        if isinstance(self.times, str) and not self.times.isdigit():
            raise ValueError("times: is a number, or a matcher such as {'>': 1}")
        if self.signal is not None and (self.event != "killed" or _signal(self.signal) is None):
            raise ValueError("signal: is of event: killed, a name such as TERM or a number")

    @property
    def name(self) -> str:
        """What happened, to what."""
        return f"{self.event} {self._thing}"

    @property
    def subject(self) -> str:
        """What happened to a thing is about the thing."""
        return f"{self._kind} {self._thing}"

    def mentions(self) -> Iterator[Mention]:
        """The things that it happened to."""
        if self.container is not None and self.container != ANY:
            yield "container", self.container
        if self.image is not None:
            yield "image", self.image
        if self.network is not None:
            yield "network", self.network
        if self.volume is not None:
            yield "volume", self.volume

    def findings(self, world: World) -> Iterator[Finding]:
        """Count what fits among what the engine remembers."""
        happened = world.happened()
        expected = f"{self._shown} should have been {self._told}"
        if self.event in {"died", "exec"}:
            expected = f"{self._shown} should have {self._told}"
        about = self._about(world, happened)
        if self.event == "exec" and any(event.action == _OF_NOBODY for event in about):
            yield Finding(
                ok=None,
                expected=expected,
                found="this engine tells that something was run in it, and neither what nor by whom: it may be a look",
            )
            return
        found, undecided = self._found(about, happened)
        count = len(found)
        if self._is_met(count, whole=happened.whole) and not (undecided and self.times != ONCE):
            yield Finding(ok=True, expected="", found=f"{self._told_short} {prose.times(count)}")
            return
        if not happened.whole and self._could_be_met_by(count):
            yield Finding(
                ok=None,
                expected=expected,
                found=f"the engine remembers only its last {len(happened.events)} events since the step began",
                next="do it again, then check; or begin the step afresh: dockerlearn redo",
            )
            return
        last = about[-1] if about else None
        coming = last and last.action in _COMES_AFTER.get(self.event, ()) and happened.at - last.time < YOUNG
        wait = 0.25 if undecided or coming else None
        yield Finding(
            ok=False,
            expected=f"{expected}{self._how_often}",
            found=_summary(about, count, self._told_short)
            if about
            else "nothing of the kind has happened since the step began",
            next=self._next(),
            wait=wait,
            waiting_for=f"the engine to say what has become of {self._shown}",
        )

    # What it is about

    @property
    def _kind(self) -> str:
        if self.network is not None:
            return "network"
        if self.volume is not None:
            return "volume"
        return "image" if self.container is None else "container"

    @property
    def _thing(self) -> str:
        return self.network or self.volume or self.container or self.image or ""

    @property
    def _words(self) -> dict[str, str]:
        return {"container": CONTAINER, "image": IMAGE, "network": NETWORK, "volume": VOLUME}[self._kind]

    @property
    def _action(self) -> str:
        return self._words[self.event]

    def _about(self, world: World, happened: Happened) -> tuple[EventSnapshot, ...]:
        """The events of the thing, whatever they say."""
        events = tuple(event for event in happened.events if event.kind == self._kind)
        if self._kind == "container":
            return world.without_health_checks(
                tuple(event for event in events if self._is_container(world, happened, event))
            )
        if self._kind == "image":
            return tuple(event for event in events if _is_image(world, str(self.image), event))
        if self._kind == "volume":
            there = tuple(event for event in events if event.id == self.volume)
        else:
            there = tuple(event for event in events if event.name == self.network)
        return tuple(event for event in there if self.container is None or self._took_part(world, happened, event))

    def _is_container(self, world: World, happened: Happened, event: EventSnapshot) -> bool:
        if self.container == ANY:
            made = {one.id for one in happened.events if one.kind == "container" and one.action == "create"}
            if event.id not in made | world.scope.own:
                return False
        elif event.name != self.container and not (
            event.action == "rename" and event.attributes.get("oldName", "").removeprefix("/") == self.container
        ):
            return False
        return self.image is None or world.names_image(event.attributes.get("image", ""), self.image)

    def _took_part(self, world: World, happened: Happened, event: EventSnapshot) -> bool:
        identifier = event.attributes.get("container", "")
        if self.container == ANY:
            return bool(identifier)
        names = {one.name for one in happened.events if one.kind == "container" and one.id == identifier}
        if not names and identifier:
            there = world.container_by_id(identifier)
            names = {there.name} if there is not None else set()
        return self.container in names

    # What fits

    def _found(
        self, about: Sequence[EventSnapshot], happened: Happened
    ) -> tuple[tuple[EventSnapshot, ...], tuple[EventSnapshot, ...]]:
        """Return what fits, and what may turn out to fit."""
        by_id: dict[str, list[EventSnapshot]] = {}
        for event in about:
            by_id.setdefault(event.id, []).append(event)
        if self.event == "restarted":
            return tuple(event for events in by_id.values() for event in runs.restarts(events)), ()
        if self.event == "killed":
            told = [runs.kills(events, happened.at) for events in by_id.values()]
            sent = tuple(event for one in told for event in one.sent if self._fits_signal(event))
            return sent, tuple(event for one in told for event in one.undecided if self._fits_signal(event))
        if self.event == "stopped" and self.exit_code is not None:
            stops = [pair for events in by_id.values() for pair in runs.stops(events)]
            return (
                tuple(stop for stop, end in stops if end is not None and fits(self.exit_code, _exit_code(end))),
                tuple(stop for stop, end in stops if end is None and happened.at - stop.time < runs.TAIL),
            )
        words = {self._action, _ALSO.get(self._action, self._action)}
        found = tuple(event for event in about if event.action in words)
        if self.event == "died" and self.exit_code is not None:
            found = tuple(event for event in found if fits(self.exit_code, _exit_code(event)))
        if self.event == "exec":
            return self._execs(found, happened)
        return found, ()

    def _execs(
        self, found: Sequence[EventSnapshot], happened: Happened
    ) -> tuple[tuple[EventSnapshot, ...], tuple[EventSnapshot, ...]]:
        fitting = [event for event in found if self.command is None or fits(_command(self.command), event.command)]
        if self.exit_code is None:
            return tuple(fitting), ()
        ends = {
            event.attributes.get("execID", event.id): event
            for event in happened.events
            if event.action in {"exec_die", "exec_died"}
        }
        ended = [(event, ends.get(event.attributes.get("execID", event.id))) for event in fitting]
        return (
            tuple(event for event, end in ended if end is not None and fits(self.exit_code, _exit_code(end))),
            tuple(event for event, end in ended if end is None),
        )

    def _fits_signal(self, event: EventSnapshot) -> bool:
        return self.signal is None or _signal(event.attributes.get("signal", "")) == _signal(self.signal)

    def _is_met(self, count: int, *, whole: bool) -> bool:
        # What was forgotten can only add to the count.
        return fits(self.times, count) and (whole or _only_grows(self.times))

    def _could_be_met_by(self, count: int) -> bool:
        """Whether events that were forgotten could change the answer."""
        return fits(self.times, count) or any(fits(self.times, more) for more in range(count, count + 1000))

    # Words

    @property
    def _shown(self) -> str:
        if self._kind == "container" and self.container == ANY:
            return f"a container of {self.image}" if self.image else "a container of yours"
        with_ = ""
        if self._kind in {"network", "volume"} and self.container is not None:
            with_ = " for a container" if self.container == ANY else f" for {self.container}"
        return f"{self._thing}{with_}"

    @property
    def _told_short(self) -> str:
        return {"exec": "ran a command by docker exec", "died": "ended"}.get(self.event, self.event)

    @property
    def _told(self) -> str:
        parts = [self._told_short]
        if self.command is not None:
            parts.append(f"({describe(self.command)})")
        if self.exit_code is not None:
            parts.append(f"with exit code {describe(self.exit_code)}")
        if self.signal is not None:
            parts.append(f"with signal {self.signal}")
        return " ".join(parts)

    @property
    def _how_often(self) -> str:
        return "" if self.times == ONCE else f", {describe(self.times)} times"

    def _next(self) -> str:
        if self._kind == "container" and self.container != ANY:
            return _MOVES[self.event].format(name=self.container)
        if self._kind == "container":
            return "docker run" if self.image is None else f"docker run {self.image}"
        return {
            "pulled": "docker pull {name}",
            "tagged": "docker tag",
            "loaded": "docker load",
            "saved": "docker save {name}",
            "created": "docker network create {name}",
            "removed": "docker " + self._kind + " rm {name}",
            "connected": "docker network connect {name}",
            "disconnected": "docker network disconnect {name}",
            "mounted": "docker run -v {name}:/data",
            "unmounted": "docker stop what has {name} mounted",
        }[self.event].format(name=self._thing)


_MOVES = {
    "created": "docker create --name {name}",
    "started": "docker start {name}",
    "restarted": "docker restart {name}",
    "stopped": "docker stop {name}",
    "killed": "docker kill {name}",
    "died": "docker ps -a shows whether it still runs",
    "paused": "docker pause {name}",
    "unpaused": "docker unpause {name}",
    "renamed": "docker rename {name}",
    "removed": "docker rm {name}",
    "attached": "docker attach {name}",
    "exec": "docker exec {name}",
    "committed": "docker commit {name}",
    "exported": "docker export {name}",
}


def _is_image(world: World, name: str, event: EventSnapshot) -> bool:
    """Whether an event is about the image of this name: a pull and a tag by the name, the rest by the image's id."""
    if event.action == "pull":
        return references.same(event.id, world.scope.reference(name))
    if event.action == "tag":
        return references.same(event.name, world.scope.reference(name))
    there = world.image(name)
    return there is not None and event.id in {there.id, there.id.removeprefix("sha256:")}


def _summary(about: Sequence[EventSnapshot], count: int, told: str) -> str:
    """Say what has happened instead, or how often it did."""
    if count:
        return f"it was {told} {prose.times(count)}" if told not in {"ended"} else f"it ended {prose.times(count)}"
    words = [f"{event.action}{_detail(event)}" for event in about if event.action in _TELLING]
    shown = ", ".join(words[-5:])
    return f"what the engine told of it: {shown}" if shown else "nothing of the kind has happened since the step began"


_TELLING = frozenset({*CONTAINER.values(), *IMAGE.values(), *NETWORK.values(), *VOLUME.values()})


def _detail(event: EventSnapshot) -> str:
    code, number = _exit_code(event), event.attributes.get("signal")
    if event.command:
        return f" ({one_line(event.command, 60)})"
    if event.action == "die" and code is not None:
        return f" with {code}"
    return f" with signal {one_line(number, 20)}" if number else ""


def _exit_code(event: EventSnapshot) -> int | None:
    text = event.attributes.get("exitCode", event.attributes.get("containerExitCode", ""))
    return int(text) if text.isdigit() else None


def _signal(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    name = f"SIG{text.upper().removeprefix('SIG')}"
    return int(signal.Signals[name]) if name in signal.Signals.__members__ else None


def _command(wanted: Wanted) -> Wanted:
    """A command as the engine tells it: its words with blanks between them, without quotes."""
    if not isinstance(wanted, str) or wanted in {ANY, "none"}:
        return wanted
    return " ".join(shlex.split(wanted))


def _only_grows(wanted: Wanted) -> bool:
    """Whether a count that fits still does when it is larger."""
    return isinstance(wanted, Match) and wanted == Match(greater=wanted.greater)
