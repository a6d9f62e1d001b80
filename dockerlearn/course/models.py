"""What a lesson is, field by field (format 1). The loader, the linter and the JSON Schema all read this one model."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from dockerlearn.checks.matchers import check_pattern
from dockerlearn.checks.vocabulary import Check, Symptom
from dockerlearn.engine.abilities import Need
from dockerlearn.setup.spec import Setup

FORMAT = 1

Level = Literal["foundation", "intermediate", "advanced", "expert"]
StepKind = Literal["do", "answer", "question", "read"]


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all parts of a lesson: no unknown keys, nothing changes after loading."""


class PackImage(Model, frozen=True, kw_only=True):
    """An image that lessons may use: its reference, and why."""

    reference: str
    why: str = ""


class Pack(Model, frozen=True, kw_only=True):
    """``pack.yaml``: which lessons there are, in which order, and which images they use.

    ``version`` is what its author calls this state of it; it is shown where the pack is listed.
    """

    format: Literal[1]
    id: str
    title: str
    version: str = ""
    lessons: list[str]
    images: dict[str, str | PackImage] = {}

    def references(self) -> dict[str, str]:
        """Short name to reference."""
        return {name: image if isinstance(image, str) else image.reference for name, image in self.images.items()}


class Variable(Model, frozen=True, kw_only=True):
    """A value fixed for one attempt: ``random`` letters and digits, a ``free_port`` from one on, or one ``of`` some.

    ``pip`` is a whole file, for ``files/``: what a build needs of this machine's pip, ``conf`` its settings, ``ca`` the
    authorities that it trusts.
    """

    random: int | None = None
    free_port: int | None = None
    of: list[str] | None = None
    pip: Literal["conf", "ca"] | None = None

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.random, self.free_port, self.of, self.pip)) != 1:
            raise ValueError("a variable is one of random: LENGTH, free_port: FIRST, of: [VALUES], pip: conf or ca")
        if self.random is not None and not 1 <= self.random <= 32:
            raise ValueError("random: is a length from 1 to 32")
        if self.free_port is not None and not 1024 <= self.free_port <= 65_000:
            raise ValueError("free_port: is the first port to try, from 1024 to 65000")
        if self.of is not None and not self.of:
            raise ValueError("of: needs at least one value")


MAP = "@map"
"""A line of a picture in place of which the learner's engine is drawn as it is then."""


class Concept(Model, frozen=True, kw_only=True):
    """The deep dive, readable at any time. A line of ``picture`` that is only ``@map`` is the live picture."""

    what: str
    why: str = ""
    where_it_fits: str = ""
    analogy: str = ""
    picture: str = ""
    under_the_hood: str = ""
    why_designed_this_way: str = ""
    when_not_to_use: str = ""
    in_production: str = ""
    connections: list[str] = []
    takeaways: list[str] = []

    @property
    def shows_the_engine(self) -> bool:
        """Whether the live picture is part of this one's."""
        return MAP in map(str.strip, self.picture.split("\n"))


class Myth(Model, frozen=True, kw_only=True):
    """Something widely believed that is not so; ``ask`` lets the learner notice."""

    ask: str
    belief: str
    reality: str
    matters: str


class Choice(Model, frozen=True, kw_only=True):
    """One choice; ``say`` is told when it is chosen."""

    text: str
    say: str
    right: bool = False


class Proof(Model, frozen=True, kw_only=True):
    """Shows on an engine that a prediction's right choice is right: after ``run``, ``check`` is met."""

    run: str = ""
    check: list[Check]


class Predict(Model, frozen=True, kw_only=True):
    """A question to commit to before the task; choices explain themselves when chosen."""

    ask: str
    choices: list[Choice]
    proof: Proof | None = None

    def __post_init__(self) -> None:
        _one_right(self.choices)


class Question(Model, frozen=True, kw_only=True):
    """A step that is a question."""

    ask: str
    choices: list[Choice]

    def __post_init__(self) -> None:
        _one_right(self.choices)


class AnswerSource(Model, frozen=True, kw_only=True):
    """Where the right answer is read on the live engine.

    ``{container: NAME, field: …}`` with field id, ip, hostname, image, status, exit_code, name or port:80/tcp,
    ``{image: NAME, field: …}`` with field id, or ``{engine: …}`` with kernel or version.
    """

    container: str | None = None
    image: str | None = None
    field: str | None = None
    engine: str | None = None

    def __post_init__(self) -> None:
        if sum(source is not None for source in (self.engine, self.container, self.image)) != 1:
            raise ValueError(
                "from: is one of {container: NAME, field: FIELD}, {image: NAME, field: id}, {engine: FIELD}"
            )
        if self.engine is not None and self.engine not in ENGINE_FIELDS:
            raise ValueError(f"engine: is one of {', '.join(ENGINE_FIELDS)}")
        if self.container is not None and self.field not in CONTAINER_FIELDS and not _port_field(self.field):
            raise ValueError(f"field: is one of {', '.join(CONTAINER_FIELDS)} or port:80/tcp")
        if self.image is not None and self.field not in IMAGE_FIELDS:
            raise ValueError(f"field: of an image is {', '.join(IMAGE_FIELDS)}")


class WrongAnswer(Model, frozen=True, kw_only=True):
    """A wrong answer that is often given, and what to say of it.

    It ``equals`` a text, is read ``from`` the engine, or ``matches`` a pattern; then ``try`` is one that does, for the
    prover.
    """

    equals: str | None = None
    from_: AnswerSource | None = msgspec.field(default=None, name="from")
    matches: str | None = None
    try_: str | None = msgspec.field(default=None, name="try")
    say: str

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.equals, self.from_, self.matches)) != 1:
            raise ValueError("a wrong answer is one of equals: TEXT, from: {…}, matches: PATTERN")
        if (self.matches is None) != (self.try_ is None):
            raise ValueError("matches: PATTERN goes with try:, an answer that it matches")
        if self.matches is not None:
            check_pattern(self.matches)


class Answer(Model, frozen=True, kw_only=True):
    """What the learner was to find out: a fixed text, or what the engine says at the moment.

    Of those that are not it the first of ``wrong`` that is meant is explained.
    """

    equals: str | None = None
    from_: AnswerSource | None = msgspec.field(default=None, name="from")
    wrong: list[WrongAnswer] = []

    def __post_init__(self) -> None:
        if (self.equals is None) == (self.from_ is None):
            raise ValueError("an answer is either equals: TEXT or from: {…}")


class FileSolution(Model, frozen=True, kw_only=True):
    """A solution that is files, and then perhaps commands."""

    files: dict[str, str]
    run: str = ""


class Mistake(Model, frozen=True, kw_only=True):
    """A misunderstanding that the step meets.

    ``when`` recognises it, ``try`` makes it (for the prover), ``fix`` undoes it so that the solution works again;
    without ``fix``, the step is started afresh. ``dead_end`` says that no right way leads on from here.
    """

    name: str
    when: list[Symptom]
    say: str
    try_: str = msgspec.field(name="try")
    fix: str | None = None
    dead_end: bool = False


class Trick(Model, frozen=True, kw_only=True):
    """A cheat that only this step has: after ``try`` it looks as if it were done, and must not pass.

    It is there for the proof; learners never hear of it. What they may believe themselves is a mistake.
    """

    name: str
    try_: str = msgspec.field(name="try")


class Untested(Model, frozen=True, kw_only=True):
    """Something of a step's check that no mistake and no cheat makes a difference to, and why that is all right.

    ``field`` is its place as ``author prove --mutate`` tells it: ``check[0].image``, or ``check[1]`` for a whole check.
    """

    field: str
    why: str


class Step(Model, frozen=True, kw_only=True):
    """One step of a lesson: to do, to find out, to answer, or to read."""

    id: str
    title: str
    learn: str = ""
    predict: Predict | None = None
    setup: list[Setup] = []
    fresh: bool = False
    needs: list[Need] = []
    files: list[str] = []
    task: str = ""
    check: list[Check] = []
    answer: Answer | None = None
    question: Question | None = None
    hints: list[str] = []
    solution: str | FileSolution | None = None
    accepts: list[str | FileSolution] = []
    mistakes: list[Mistake] = []
    cheats: list[Trick] = []
    untested: list[Untested] = []
    result: str = ""
    insight: str = ""

    @property
    def kind(self) -> StepKind:
        """What the learner does in it."""
        if self.check:
            return "do"
        if self.answer is not None:
            return "answer"
        return "question" if self.question is not None else "read"


class Lesson(Model, frozen=True, kw_only=True):
    """``lesson.yaml``."""

    title: str
    level: Level
    summary: str
    minutes: Annotated[int, msgspec.Meta(ge=1, le=600)]
    requires: list[str] = []
    vars: dict[str, Variable] = {}
    concept: Concept | None = None
    myths: list[Myth] = []
    steps: list[Step]

    def step(self, step_id: str) -> Step | None:
        """The step of this id."""
        return next((step for step in self.steps if step.id == step_id), None)


CONTAINER_FIELDS = ("id", "ip", "hostname", "image", "status", "exit_code", "name")
IMAGE_FIELDS = ("id",)
ENGINE_FIELDS = ("kernel", "version")


def _port_field(field: str | None) -> bool:
    return bool(field) and str(field).startswith("port:") and str(field)[5:].partition("/")[0].isdigit()


def _one_right(choices: list[Choice]) -> None:
    if len(choices) < 2:
        raise ValueError("there must be at least two choices")
    if sum(choice.right for choice in choices) != 1:
        raise ValueError("exactly one choice must have right: true")
