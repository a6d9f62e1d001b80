"""Compares what a learner typed with what is right, as a patient teacher would."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from dockerlearn.checks.matchers import Match, fits, quantity
from dockerlearn.course.models import AnswerSource, Choice, WrongAnswer
from dockerlearn.engine import references
from dockerlearn.engine.api import EngineApi
from dockerlearn.errors import SetupFailed, UsageError
from dockerlearn.text import one_line

_HEX_ID = re.compile(r"^(?:sha256:)?[0-9a-f]{64}$")
_NO_IMAGES: Mapping[str, str] = MappingProxyType({})
_REDO = "dockerlearn redo brings the step back to its start"
_SHORTEST_ID = 6
"""Digits of an id that must be given: fewer are guessed too easily, the docker client shows twelve."""


def same(given: str, right: str) -> bool:
    """Whether an answer is right: case, spaces, quotes, units, and how much of an id is given do not matter.

    >>> same(' "3AB634bf0748" ', "sha256:3ab634bf0748" + "0" * 52), same("2048 kB", "2048kB"), same("3", "4")
    (True, True, False)
    """
    mine, wanted = _plain(given), _plain(right)
    if not mine:
        return False
    if mine == wanted:
        return True
    if _HEX_ID.match(wanted):
        digits = mine.removeprefix("sha256:").removesuffix("…").removesuffix("...")
        return len(digits) >= _SHORTEST_ID and wanted.removeprefix("sha256:").startswith(digits)
    one, other = quantity(mine), quantity(wanted)
    return one is not None and one == other


def matches(given: str, wrong: WrongAnswer) -> bool:
    """Whether a wrong answer has the pattern by which it is known; without one it has not."""
    return wrong.matches is not None and fits(Match(matches=wrong.matches), " ".join(given.split()))


def choice_of(text: str, choices: list[Choice]) -> int:
    """Return the index of the choice that is meant: its number from 1 on, its letter, or its text.

    Raises ``UsageError`` when none is meant.
    """
    plain = _plain(text)
    if plain.isascii() and plain.isdigit() and 1 <= int(plain) <= len(choices):
        return int(plain) - 1
    if len(plain) == 1 and plain.isascii() and plain.isalpha() and ord(plain) - ord("a") < len(choices):
        return ord(plain) - ord("a")
    meant = [index for index, choice in enumerate(choices) if _plain(choice.text) == plain]
    if len(meant) == 1:
        return meant[0]
    raise UsageError(
        f"{one_line(text, 60)!r} is none of the choices.", f"Answer with a number from 1 to {len(choices)}."
    )


def read_source(source: AnswerSource, engine: EngineApi, images: Mapping[str, str] = _NO_IMAGES) -> tuple[str, ...]:
    """Read the right answers off the engine; there can be several (a container on two networks has two addresses).

    ``images`` maps the pack's short names to references. Raises ``SetupFailed`` when what is asked about is not there.
    """
    if source.engine is not None:
        identity = engine.identity
        return ({"kernel": identity.kernel, "version": identity.version}[source.engine],)
    if source.image is not None:
        reference = images.get(source.image, source.image)
        image = engine.image(reference)
        if image is None:
            raise SetupFailed(
                f"The question is about the image {references.short(reference)}, and it is not on the engine.",
                f"docker pull {references.short(reference)}" if source.image in images else _REDO,
            )
        return (image.id,)
    name, field = str(source.container), str(source.field)
    there = engine.container(name)
    if there is None or there.name != name:
        raise SetupFailed(
            f"The question is about the container {name}, and it is not there.",
            _REDO,
        )
    if field.startswith("port:"):
        key = field.removeprefix("port:")
        bindings = there.published.get(key if "/" in key else f"{key}/tcp", ())
        return tuple(str(binding.host_port) for binding in bindings if binding.host_port)
    if field == "ip":
        return tuple(member.ip for member in there.networks if member.ip)
    if field == "image":
        return (there.image_ref, references.short(there.image_ref), there.image_id)
    return (str({"id": there.id, "hostname": there.hostname, "status": there.status, "name": there.name,
                 "exit_code": there.exit_code}[field]),)  # fmt: skip


def _plain(text: str) -> str:
    return " ".join(text.strip().strip("\"'`").split()).rstrip(".").casefold()
