"""The names that belong to the course: all begin with ``dl-``, and a lesson declares its own by checking them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dockerlearn.checks.base import Noun
from dockerlearn.course.models import AnswerSource, Lesson, Step
from dockerlearn.engine import references
from dockerlearn.setup.spec import Declared, SetupItem

PREFIX = "dl-"

_NAME = re.compile(r"^dl-[a-zA-Z0-9_.-]+$")


def is_own_name(name: str) -> bool:
    """Whether a container, network or volume may be called so by a lesson.

    >>> is_own_name("dl-web"), is_own_name("web"), is_own_name("dl-")
    (True, False, False)
    """
    return bool(_NAME.match(name))


def is_own_image(reference: str) -> bool:
    """Whether an image reference is a name of the course's own: its last part begins with ``dl-``.

    >>> is_own_image("dl-tools:v1"), is_own_image("localhost:5000/dl-app"), is_own_image("nginx:dl-1")
    (True, True, False)
    """
    return is_own_name(references.repository(reference).rpartition("/")[2])


def declared(lesson: Lesson) -> Declared:
    """Return the names that a lesson's setup, checks, mistakes, answers and proofs say are its own.

    Only those that begin with ``dl-``: a lesson cannot claim what is somebody else's by naming it.
    """
    found: dict[str, set[str]] = {"container": set(), "image": set(), "network": set(), "volume": set()}
    for step in lesson.steps:
        for item in _parts(step):
            for kind, name in item.mentions():
                found[kind].add(name)
        for source in _sources(step):
            found["container"].update(_given(source.container))
            found["image"].update(_given(source.image))
    return Declared(
        containers=frozenset(filter(is_own_name, found["container"])),
        images=frozenset(references.normalise(image) for image in found["image"] if is_own_image(image)),
        networks=frozenset(filter(is_own_name, found["network"])),
        volumes=frozenset(filter(is_own_name, found["volume"])),
    )


def _parts(step: Step) -> Iterator[Noun | SetupItem]:
    yield from step.setup
    yield from step.check
    for mistake in step.mistakes:
        yield from mistake.when
    if step.predict is not None and step.predict.proof is not None:
        yield from step.predict.proof.check


def _sources(step: Step) -> Iterator[AnswerSource]:
    """Where its answer is read, and wrong ones that are known."""
    if step.answer is not None:
        found = (step.answer.from_, *(wrong.from_ for wrong in step.answer.wrong))
        yield from (source for source in found if source is not None)


def _given(*names: str | None) -> set[str]:
    return {name for name in names if name}
