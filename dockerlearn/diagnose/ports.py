"""The container runs, and its port is not where it should be."""

from __future__ import annotations

from dockerlearn.checks import prose
from dockerlearn.checks.container import Container
from dockerlearn.checks.http import Http
from dockerlearn.checks.matchers import ANY, NONE
from dockerlearn.checks.tcp import Tcp
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
        return [(f"{check.port}/tcp", None)]
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


def silent(case: Case) -> Diagnosis | None:
    """Look who listens inside where a port is published and nobody answers."""
    check, there = case.check, case.there
    if not isinstance(check, Http | Tcp) or there is None or not there.is_up:
        return None
    failure = case.world.hung_up(there, check.port)
    if failure is None:
        return None
    listeners = case.world.listeners(there)
    if listeners is None:
        return _unseen(there, check, failure)
    outside = min(binding.host_port or 0 for binding in there.published[f"{check.port}/tcp"])
    here = [listener for listener in listeners if listener.port == check.port]
    if any(not listener.loopback for listener in here):
        return None
    if here:
        return Diagnosis(
            name="bound to its own loopback",
            found=f"nobody answers on port {outside} of the host: inside, {check.port} is open on 127.0.0.1 only",
            why="Only the container itself can come in there: each container has a 127.0.0.1 of its own.",
            next=f"docker rm -f {there.name}, then run it again with a program that listens on 0.0.0.0",
        )
    others = ", ".join(str(port) for port in sorted({listener.port for listener in listeners}))
    if others:
        return Diagnosis(
            name="listens on another port",
            found=f"its port {check.port} is published, and nobody listens on it; its program listens on {others}",
            why=f"The number after the colon is the port where the program listens. {_FIXED}",
            next=f"docker rm -f {there.name}, then run it again with that port after the colon",
        )
    return Diagnosis(
        name="nobody listens",
        found=f"its port {check.port} is published, and no program in it listens on any port",
        why=f"The last it said: {prose.excerpt(case.world.logs(there))}." if case.world.logs(there).strip() else "",
        next=f"docker logs {there.name}",
    )


def _unseen(there: ContainerSnapshot, check: Http | Tcp, failure: str) -> Diagnosis:
    return Diagnosis(
        name="probably bound to its own loopback",
        found=f"its port {check.port} is published, and {failure}",
        why=(
            f"Probably its program does not listen on port {check.port}, or only on 127.0.0.1, which inside a "
            "container is the container itself."
        ),
        next=f"docker logs {there.name}",
    )
