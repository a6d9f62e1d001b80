"""``http``: what a published port of a container answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding, Noun
from dockerlearn.checks.matchers import Wanted, describe, fits
from dockerlearn.engine.snapshots import Binding
from dockerlearn.world.http import HttpAnswer, HttpFailure
from dockerlearn.world.world import World


class Http(Noun, frozen=True, kw_only=True, tag="http"):
    """``http: dl-web:80`` asks port 80 of dl-web from the host, through whatever port it is published on.

    Only a GET, only to a container, never through a proxy; a redirect is an answer like any other.
    """

    word: ClassVar[str] = "http"
    patience: ClassVar[float] = 8.0

    http: str
    path: str = "/"
    status: Wanted | None = None
    body: Wanted | None = None
    headers: dict[str, Wanted] = {}

    def __post_init__(self) -> None:
        name, _, port = self.http.rpartition(":")
        if not name or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
            raise ValueError(f"{self.http!r} is not CONTAINER:PORT, as in dl-web:80")
        if not self.path.startswith("/") or any(
            ord(character) <= 32 or ord(character) == 127 for character in self.path
        ):
            raise ValueError(f"{self.path!r} is not a path, as in /health")

    @property
    def container(self) -> str:
        """The container that is asked."""
        return self.http.rpartition(":")[0]

    @property
    def port(self) -> int:
        """The port inside the container."""
        return int(self.http.rpartition(":")[2])

    @property
    def subject(self) -> str:
        """An answer is about the container: if that is absent, nothing is said about its port."""
        return f"container {self.container}"

    def findings(self, world: World) -> Iterator[Finding]:
        """Look for the container, for its published port, and for an answer there."""
        name, key = self.container, f"{self.port}/tcp"
        there = world.container(name)
        expected = f"{name} should answer on its port {self.port}"
        if there is None:
            found, hint = prose.missing(world, name)
            yield Finding(ok=False, expected=f"there should be a container named {name}", found=found, next=hint)
            return
        if not there.is_up:
            yield Finding(ok=False, expected=expected, found=f"it {prose.state(there)}", next=prose.way_to_run(there))
            return
        bindings = there.published.get(key, ())
        if not bindings:
            told = prose.port_list(dict(there.published))
            yield Finding(
                ok=False,
                expected=expected,
                found=f"that port is not published; it publishes {told}",
                next=f"docker port {name}",
            )
            return
        host, number = _address(bindings, world.engine.identity.host)
        answer = world.get(host, number, self.path)
        if isinstance(answer, HttpFailure):
            yield Finding(
                ok=False,
                expected=expected,
                found=f"on port {number} of the host {answer.text}",
                next=f"docker logs {name}",
                wait=0.2 if answer.may_come else None,
                waiting_for=f"an answer of {name} on port {self.port}",
            )
            return
        yield Finding(ok=True, expected="", found=f"answers on port {number} with status {answer.status}")
        yield from self._answer(answer)

    def _answer(self, answer: HttpAnswer) -> Iterator[Finding]:
        where = f"{self.container}:{self.port}{self.path}"
        starting = 0.3 if answer.status in {502, 503, 504} else None
        if self.status is not None and not fits(self.status, answer.status):
            yield Finding(
                ok=False,
                expected=f"{where} should answer with status {describe(self.status)}",
                found=f"it answers with status {answer.status}",
                wait=starting,
                waiting_for=f"a good answer of {where}",
            )
        for header, wanted in self.headers.items():
            seen = next((text for key, text in answer.headers if key.lower() == header.lower()), None)
            if not fits(wanted, seen):
                yield Finding(
                    ok=False,
                    expected=f"the header {header} of {where} should be {describe(wanted)}",
                    found=f"it is {prose.excerpt(seen)}" if seen else "there is none",
                )
        if self.body is not None and not fits(self.body, answer.body) and not fits(self.body, answer.body.strip()):
            yield Finding(
                ok=False,
                expected=f"{where} should answer with {describe(self.body)}",
                found=f"it answers with {prose.excerpt(answer.body)}",
            )


def _address(bindings: tuple[Binding, ...], host: str) -> tuple[str, int]:
    """Where to knock: the engine's host, unless the port is bound to one address only."""
    first = min(bindings, key=lambda binding: ":" in binding.host_ip)  # IPv4 first: both exist almost everywhere
    everywhere = first.host_ip in {"", "0.0.0.0", "::"}  # noqa: S104 - read, not bound
    if everywhere:
        return ("::1" if first.host_ip == "::" and host == "127.0.0.1" else host), first.host_port or 0
    return first.host_ip, first.host_port or 0
