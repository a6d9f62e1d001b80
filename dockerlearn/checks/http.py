"""``http``: what a port of a container answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding
from dockerlearn.checks.matchers import Wanted, describe, fits
from dockerlearn.checks.published import AtPort, door
from dockerlearn.world.asking import Question
from dockerlearn.world.http import HttpAnswer, HttpFailure
from dockerlearn.world.world import World


class Http(AtPort, frozen=True, kw_only=True, tag="http"):
    """``http: dl-web:80`` asks port 80 of dl-web from the host, through whatever port it is published on.

    With ``from: dl-client`` it asks from inside dl-client, by the name dl-web or by ``by_name``.
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
        super().__post_init__()
        if not self.path.startswith("/") or any(
            ord(character) <= 32 or ord(character) == 127 for character in self.path
        ):
            raise ValueError(f"{self.path!r} is not a path, as in /health")

    @property
    def question(self) -> Question:
        """What is asked from inside."""
        return Question(self.written, self.port, self.path)

    def findings(self, world: World) -> Iterator[Finding]:
        """Look for the container, for its published port, and for an answer there."""
        name = self.container
        expected = f"{name} should answer on its port {self.port}"
        answer: HttpAnswer | HttpFailure
        if self.from_ is not None:
            expected = f"{self.asked} should answer {self.from_}"
            asked = yield from self.inside(world, expected)
            if asked is None:
                return
            here, met = f"asked from {self.from_},", self.from_
            answer = asked.reply
        else:
            address = yield from door(world, name, self.port, expected)
            if address is None:
                return
            here, met = f"on port {address[1]} of the host", f"on port {address[1]}"
            answer = world.get(*address, self.path)
        if isinstance(answer, HttpFailure):
            yield Finding(
                ok=False,
                expected=expected,
                found=f"{here} {answer.text}",
                next=f"docker logs {name}",
                wait=0.2 if answer.may_come else None,
                waiting_for=f"an answer of {name} on port {self.port}",
            )
            return
        yield Finding(ok=True, expected="", found=f"answers {met} with status {answer.status}")
        yield from self._answer(answer)

    def _answer(self, answer: HttpAnswer) -> Iterator[Finding]:
        where = f"{self.asked}{self.path}"
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
