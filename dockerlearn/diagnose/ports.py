"""The container runs, and its port is not where it should be."""

from __future__ import annotations

import msgspec

from dockerlearn.checks import prose
from dockerlearn.checks.container import Container
from dockerlearn.checks.http import Http
from dockerlearn.checks.matchers import ANY, NONE
from dockerlearn.checks.tcp import Tcp
from dockerlearn.diagnose import inside
from dockerlearn.diagnose.diagnosis import Case, Diagnosis
from dockerlearn.engine.snapshots import ContainerSnapshot

_FIXED = "What is published is fixed when a container is made."


def look(case: Case) -> Diagnosis | None:
    """Compare the port that is asked for with those that are published."""
    there = case.there
    if there is None or not there.is_up:
        return None
    for key, number in _wanted(case):
        if (diagnosis := _missing(there, key, number)) is not None:
            return diagnosis
    return None


def _wanted(case: Case) -> list[tuple[str, int | None]]:
    """The ports that should be published, as 80/tcp, and the host's port where one is asked for."""
    check = case.check
    if isinstance(check, Http | Tcp):
        return [(f"{check.port}/tcp", None)] if check.from_ is None else []
    if not isinstance(check, Container) or case.field not in {"published", "asked_to_publish"}:
        return []
    asked = check.published if case.field == "published" else check.asked_to_publish
    if not isinstance(asked, dict):
        return [("", None)] if asked == ANY else []
    return [
        (key if "/" in key else f"{key}/tcp", int(value) if isinstance(value, str) and value.isdecimal() else None)
        for key, value in asked.items()
        if value not in (NONE, "false")  # a tuple: a matcher may hold a list, and then has no hash
    ]


def _missing(there: ContainerSnapshot, key: str, number: int | None) -> Diagnosis | None:
    published = {port: sorted({b.host_port or 0 for b in bindings}) for port, bindings in there.published.items()}
    if key in published and (number is None or number in published[key]):
        return None
    bare, _, protocol = key.partition("/")
    wish = f"-p {number or 'HOST-PORT'}:{bare or 'CONTAINER-PORT'}"
    wish = f"{wish}/udp" if protocol == "udp" else wish
    again = f"docker rm -f {there.name}, then run it again with {wish}, before the image"
    told = prose.port_list(dict(there.published))
    if there.network_mode == "host":
        return Diagnosis(
            name="host network",
            found="it uses the network of the host, where -p does nothing",
            why="Its ports are the host's ports already.",
            next=f"docker rm -f {there.name}, then run it again with -p and without --network host",
        )
    if key in published:
        here = ", ".join(map(str, published[key]))
        chosen = any(b.host_port is None for b in there.asked.get(key, ())) or there.publish_all
        rule = "Without a number before the colon the engine chooses one. " if chosen else ""
        return Diagnosis(
            name="another port of the host",
            found=f"its port {bare} is published, as port {here} of the host",
            why=f"{rule}{_FIXED}",
            next=again,
        )
    other = {"tcp": "udp", "udp": "tcp"}.get(protocol, "")
    if f"{bare}/{other}" in published:
        return Diagnosis(
            name="published on another protocol",
            found=f"its port {bare} is published for {other.upper()}, not for {protocol.upper()}: {told}",
            why="They are two sets of ports. Web servers speak TCP, which is meant when nothing is said.",
            next=again,
        )
    if bare and (swapped := _swapped(published, int(bare), number)) is not None:
        guess = "" if number else "Probably the two numbers are swapped: "
        order = "the order is host:container" if guess else "The order is host:container"
        return Diagnosis(
            name="ports swapped",
            found=f"it publishes {told}: port {bare} of the host leads to port {swapped} of the container",
            why=f"{guess}{order}. {_FIXED}",
            next=again if number else f"docker rm -f {there.name}, then run it again with -p {swapped}:{bare}",
        )
    if published:
        return Diagnosis(
            name="another port of the container",
            found=f"it publishes {told}, not its port {bare}" if bare else f"it publishes {told}",
            why=f"The number after the colon is the container's, where the program listens. {_FIXED}",
            next=again,
        )
    if key in there.exposed:
        return Diagnosis(
            name="exposed, not published",
            found=f"it runs, and its port {bare} is exposed, which only documents it; no port is published",
            why=f"-p opens a port to the host. {_FIXED}",
            next=again,
        )
    return Diagnosis(
        name="not published",
        found="it runs, and publishes no port: it can be reached only from networks inside the engine",
        why=f"-p opens a port to the host. {_FIXED}",
        next=again,
    )


def _swapped(published: dict[str, list[int]], bare: int, number: int | None) -> int | None:
    for port, host_ports in published.items():
        inside = int(port.partition("/")[0])
        if bare in host_ports and inside != bare and number in {None, inside}:
            return inside
    return None


class _Silence(msgspec.Struct, frozen=True):
    """A port at which nobody answers: whose, who found that, and how; ``outside`` is the port of the host."""

    there: ContainerSnapshot
    port: int
    failure: str
    asker: str = ""
    outside: int | None = None

    @property
    def led(self) -> str:
        """What is in order: the way that leads to the port."""
        return (
            f"its port {self.port} is published"
            if self.outside is not None
            else f"{self.asker} knows {self.there.name}"
        )

    @property
    def knocked(self) -> str:
        """Where nobody answers."""
        return (
            f"on port {self.outside} of the host" if self.outside is not None else f"{self.asker} on port {self.port}"
        )


def silent(case: Case) -> Diagnosis | None:
    """Look who listens inside where a way leads to a port and nobody answers."""
    silence = _silence(case)
    if silence is None:
        return None
    there, port = silence.there, silence.port
    listeners = case.world.listeners(there)
    if listeners is None:
        return _unseen(silence)
    here = [listener for listener in listeners if listener.port == port]
    if any(not listener.loopback for listener in here):
        return None
    if here:
        return Diagnosis(
            name="bound to its own loopback",
            found=f"nobody answers {silence.knocked}: inside, {port} is open on 127.0.0.1 only",
            why="Only the container itself can come in there: each container has a 127.0.0.1 of its own.",
            next=f"docker rm -f {there.name}, then run it again with a program that listens on 0.0.0.0",
        )
    others = ", ".join(str(port) for port in sorted({listener.port for listener in listeners}))
    if others:
        inside = silence.outside is None
        return Diagnosis(
            name="listens on another port",
            found=f"{silence.led}, and nobody listens on {port if inside else 'it'}; its program listens on {others}",
            why=_OWN_PORTS if inside else f"The number after the colon is the port where the program listens. {_FIXED}",
            next=f"docker rm -f {there.name}, then run it again with {_WAY[inside]}",
        )
    said = case.world.logs(there)
    return Diagnosis(
        name="nobody listens",
        found=f"{silence.led}, and no program in {there.name if silence.outside is None else 'it'} listens on any port",
        why=f"The last it said: {prose.excerpt(said)}." if said.strip() else "",
        next=f"docker logs {there.name}",
    )


_OWN_PORTS = "Between containers a port is the one where the program listens: what -p publishes is for the host only."
_WAY = {True: "a program that listens on that port", False: "that port after the colon"}


def _silence(case: Case) -> _Silence | None:
    check, there = case.check, case.there
    if isinstance(check, Http | Tcp) and check.from_ is None:
        if there is None or not there.is_up:
            return None
        failure = case.world.hung_up(there, check.port)
        if failure is None:
            return None
        outside = min(binding.host_port or 0 for binding in there.published[f"{check.port}/tcp"])
        return _Silence(there, check.port, failure, outside=outside)
    sight = inside.of(case)
    if sight is None or not sight.both_run or sight.view is None or sight.view.astray is not None:
        return None
    closed = sight.view.asked.closed
    if sight.question.port is None or closed is None:
        return None
    return _Silence(sight.target, sight.question.port, closed.text, asker=sight.asker.name)


def _unseen(silence: _Silence) -> Diagnosis:
    return Diagnosis(
        name="probably bound to its own loopback",
        found=f"{silence.led}, and {silence.failure}",
        why=(
            f"Probably its program does not listen on port {silence.port}, or only on 127.0.0.1, which inside a "
            "container is the container itself."
        ),
        next=f"docker logs {silence.there.name}",
    )
