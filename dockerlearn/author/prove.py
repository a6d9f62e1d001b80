"""Proves a lesson on a real engine: that it can be passed, that it cannot be passed by mistake, that it explains.

For each step, from a clean world: it starts unmet; every mistake is recognised as that one and no other, and can be
recovered from; every right way passes, and is met with silence on the way; the next step can follow every right way;
starting it afresh brings back what it began with; wrong answers are refused; predictions are true; cheats do not pass.
At the end, cleaning leaves nothing. With ``mutate`` it also finds what of a check nobody would miss.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from dockerlearn.author import beginning, cheats
from dockerlearn.author.cheats import Cheat, Group
from dockerlearn.author.commands import ShellTimeout, play, split
from dockerlearn.author.decoy import Decoy
from dockerlearn.author.mutants import Mutant, mutants
from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.checks.run import all_met, look, look_once, settling
from dockerlearn.course.library import Library
from dockerlearn.course.models import FileSolution, Mistake, Step, Trick, Untested
from dockerlearn.course.names import declared, is_own_image
from dockerlearn.course.packs import LoadedPack
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.snapshots import ContainerSnapshot
from dockerlearn.errors import DockerlearnError, EnginePermission, EngineRefused, EngineSilent, NoEngine
from dockerlearn.paths import Paths
from dockerlearn.progress.store import Store
from dockerlearn.session import observing
from dockerlearn.session.script import solution_script
from dockerlearn.session.session import Place, Session
from dockerlearn.session.verdict import Verdict
from dockerlearn.setup import clean, ledger
from dockerlearn.setup.spec import SetupContainer
from dockerlearn.world.journal import Typed

Way = str | FileSolution

_CHEAT = "cheats do not pass"
"""What the claims about cheats begin with."""

CLEANING = "cleaning leaves nothing"
"""The claim about a lesson as a whole."""

LEFT_OUT = "it can be done here"
"""The claim about a step that is left out; it stands for all others."""

_AGAIN = f"{_CHEAT}, and the solution passes again"


class Proved(msgspec.Struct, frozen=True):
    """One claim about a step, and whether it held; ``why`` says what was seen instead. ``seconds`` it took.

    ``held`` is None where nobody looked, since the step is left out here; ``why`` says what it needs.
    """

    step: str
    claim: str
    held: bool | None
    why: str
    seconds: float

    @property
    def fell(self) -> bool:
        """Whether it was looked at and did not hold."""
        return self.held is False


class Loosened(msgspec.Struct, frozen=True):
    """A step's check made looser in one way, and what noticed: in that world it is met, and should not be.

    ``noticed`` None says that no mistake, no cheat and not the start makes a difference to it; ``untested`` is why the
    author says that this is all right, at ``where``.
    """

    step: str
    check: str
    field: str
    change: str
    noticed: str | None
    where: str = ""
    untested: str | None = None


class Needless(msgspec.Struct, frozen=True):
    """An author's word that something at ``where`` is untested, though ``noticed`` tells each way to loosen it."""

    step: str
    where: str
    noticed: str


CHEAT_SECONDS = 2.0
"""How long a cheat may take to be taken for the goal."""


class Prover:
    """Proves the lessons of one pack on one engine, in a home and a workspace of its own beneath ``folder``.

    ``seed`` fixes the values of the lessons' variables, but for ports that are not free. ``provide`` is told of a
    lesson whose images may have to be made first. ``begun`` hears of each claim (step, claim) before it is looked at,
    ``told`` when it was. With ``mutate``,
    ``loosened`` says of each step proven what of its check could be left out unnoticed, and ``needless`` what was said
    to be so and is not. Without ``cheat``, the claims about cheats, which take about a third of the time, are left out.
    """

    def __init__(
        self,
        pack: LoadedPack,
        engine: Callable[[], EngineApi],
        address: str,
        folder: Path,
        *,
        told: Callable[[Proved], None] | None = None,
        begun: Callable[[str, str], None] | None = None,
        seed: int | None = None,
        provide: Callable[[str], None] | None = None,
        mutate: bool = False,
        cheat: bool = True,
    ) -> None:
        self._pack = pack
        self._make_engine = engine
        self._address = address
        self._paths = Paths(folder / "home", folder / "workspace")
        self._told = told or (lambda _: None)
        self._begun = begun or (lambda _step, _claim: None)
        self._seed = seed
        self._provide = provide
        self._mutate = mutate
        self._cheat = cheat
        self.loosened: list[Loosened] = []
        self.needless: list[Needless] = []
        self._environment = _environment(folder, self._paths, address, pack.folder)
        self._command = f"{sys.executable} -m dockerlearn"

    def prove(
        self, lesson_id: str, steps: tuple[str, ...] | None = None, *, only: str | None = None
    ) -> tuple[Proved, ...]:
        """Prove a lesson, or some ``steps`` of it, in the course's order; ``only`` the claims that begin so.

        An engine that cannot be asked any more is raised as it is: then nothing is known. Whatever happens, what was
        made is taken away, if that can be done.
        """
        engine = self._make_engine()
        results: list[Proved] = []
        self._paths.home.mkdir(parents=True, exist_ok=True)
        before = _inventory(engine)
        with Store.open(self._paths.progress) as store:
            # By lesson, so that a lesson's values do not depend on which others are proven with it.
            rng = random.Random(f"{self._seed}/{lesson_id}") if self._seed is not None else None  # noqa: S311 - no secrets
            session = Session(
                self._pack, store, self._paths, lambda: engine,
                rng=rng, provide=self._provide, environ=self._environment,
            )  # fmt: skip
            try:
                for claims in self._steps(session, engine, lesson_id, steps, only or ""):
                    for proved in claims:
                        self._told(proved)
                        results.append(proved)
            except BaseException:
                with suppress(DockerlearnError):
                    _clean(engine, store, self._pack)
                raise
            self._begun(lesson_id, CLEANING)
            proved = _timed(lesson_id, CLEANING, lambda: _cleaned(engine, store, self._pack, before))
            self._told(proved)
            results.append(proved)
        return tuple(results)

    def _steps(
        self, session: Session, engine: EngineApi, lesson_id: str, steps: tuple[str, ...] | None, only: str
    ) -> Iterator[Iterator[Proved]]:
        for step in self._pack.lesson(lesson_id).steps:
            if steps is None or step.id in steps:
                name = f"{lesson_id}/{step.id}"
                if lacking := session.lacking(step):
                    self._begun(name, LEFT_OUT)
                    yield iter([Proved(name, LEFT_OUT, None, f"Left out: it needs {lacking}.", 0.0)])
                    continue
                proof = _Step(self, session, name, engine, mutate=self._mutate, cheat=self._cheat)
                yield proof.prove(only)
                self.loosened += proof.loosened()
                self.needless += proof.needless()

    def begins(self, step: str, claim: str) -> None:
        """A claim is about to be looked at."""
        self._begun(step, claim)

    def script(self, place: Place, way: Way | None) -> str:
        """A way as a script."""
        return solution_script(place.step, way, place.folder, docker_host=None, command=self._command)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of the commands: nothing of the author's own but PATH."""
        return self._environment


class _Step:
    """The proof of one step."""

    def __init__(
        self, prover: Prover, session: Session, name: str, engine: EngineApi, *, mutate: bool, cheat: bool
    ) -> None:
        self._prover = prover
        self._plays_cheats = cheat
        self._mutate = mutate
        self._mutants: tuple[Mutant, ...] = ()
        self._untested: tuple[Untested, ...] = ()
        self._noticed: dict[int, str] = {}
        self._session = session
        self._name = name
        self._engine = engine
        self._start: dict[str, str] | None = None
        self._groups: tuple[Group, ...] | None = None
        self._before: Mapping[str, ContainerSnapshot] = {}
        self._tags_before: Mapping[str, str] = {}
        self._stands = False
        self._at_start: Place | None = None

    def prove(self, only: str) -> Iterator[Proved]:
        """Every claim about the step that begins with ``only``, one after the other."""
        for claim, work in self._claims(only):
            if claim.startswith(only):
                self._prover.begins(self._name, claim)
                yield _timed(self._name, claim, work)

    def loosened(self) -> Iterator[Loosened]:
        """What became of each way to loosen the step's check, as far as its claims were looked at."""
        reasons = {one.field: one.why for one in self._untested}
        for number, mutant in enumerate(self._mutants):
            noticed = self._noticed.get(number)
            why = reasons.get(mutant.where) if noticed is None else None
            yield Loosened(self._name, mutant.check, mutant.field, mutant.change, noticed, mutant.where, why)

    def needless(self) -> Iterator[Needless]:
        """What the step says is untested, and is not; or is nothing of the check."""
        if not self._mutate:
            return
        for one in self._untested:
            numbers = [number for number, mutant in enumerate(self._mutants) if mutant.where == one.field]
            told = [self._noticed.get(number) for number in numbers]
            if None not in told:
                yield Needless(self._name, one.field, ", ".join(dict.fromkeys(filter(None, told))))

    def _claims(self, only: str) -> Iterator[tuple[str, Callable[[], str | None]]]:
        place = self._place()
        if self._mutate and place.step.kind == "do":
            self._mutants = mutants(place.step.check)
        self._untested = tuple(place.step.untested)
        yield "it starts unmet", self._starts_unmet
        ways: list[Way | None] = [place.step.solution, *place.step.accepts]
        if place.step.kind != "read":
            for number, way in enumerate(ways):
                title = "the solution" if number == 0 else f"right way {number}"
                yield f"{title} passes, in silence until then", partial(self._right_way, way)
                yield f"the next step follows {title}", self._next_follows
            yield "starting it afresh brings back the start", self._brings_back
        for mistake in place.step.mistakes:
            yield f"mistake '{mistake.name}'", partial(self._mistake, mistake)
        if place.step.kind in {"answer", "question"}:
            yield "wrong answers are refused", self._wrong_answers
        if place.step.predict is not None and place.step.predict.proof is not None:
            yield "the prediction is true", self._prediction
        if self._plays_cheats and place.step.kind == "do" and (_CHEAT.startswith(only) or only.startswith(_CHEAT)):
            for trick in place.step.cheats:
                yield f"{_CHEAT}: {trick.name}", partial(self._trick, trick)
            yield from self._cheats()

    def _cheats(self) -> Iterator[tuple[str, Callable[[], str | None]]]:
        """Cheats that need no author; each group begins where the solution ends."""
        if self._groups == ():
            return  # the solution leaves nothing behind of which there could be one
        yield _AGAIN, self._solved
        for number in range(len(self._groups or ())):
            if not self._stands:
                again = _timed(self._name, _AGAIN, self._solved)
                if not again.held:
                    yield _AGAIN, partial(str, again.why)
                    return
            # Solved anew, it may have left other ids behind.
            for group in (self._groups or ())[number : number + 1]:
                self._stands = not group.control
                if not group.control or _timed(self._name, _CHEAT, partial(self._control, group.control)).held:
                    for cheat in group.cheats:
                        yield f"{_CHEAT}: {cheat.name}", partial(self._cheat, cheat)

    def _place(self) -> Place:
        if self._session.store.current() is None or self._session.store.attempt(*self._names()) is None:
            return self._session.start(self._name)
        return self._session.place(self._name)

    def _play(self, script: str, place: Place) -> Iterator[tuple[str, int, str]]:
        """Run a script command by command, each as if it were typed into the tutor."""
        self._at_start = None
        began = datetime.now(UTC)
        for command, status, printed in play(script, self._prover.environment, place.folder):
            ended = datetime.now(UTC)
            self._session.journal.add(Typed(command, began, ended, status, printed))
            yield command, status, printed
            began = datetime.now(UTC)

    def _afresh(self) -> Place:
        """Start the step afresh, unless that was done and nothing was run since."""
        if self._at_start is not None:
            return self._at_start
        place = self._session.redo(self._place().name)
        names = sorted(declared(place.lesson).containers)
        self._before = {name: one for name in names if (one := self._engine.container(name)) is not None}
        self._tags_before = self._tags(place)
        self._at_start = place
        return place

    def _names(self) -> tuple[str, str]:
        return self._session.pack.id, self._name.split("/")[0]

    def _starts_unmet(self) -> str | None:
        place = self._afresh()
        self._start = self._beginning(place)
        why = self._unmet(place)
        if why is None:
            self._watch("the start")
        return why

    def _beginning(self, place: Place) -> dict[str, str]:
        return beginning.of(self._engine, place, self._session.pack.files(place.lesson_id))

    def _unmet(self, place: Place) -> str | None:
        verdict = self._session.check(place)
        if verdict.status is not Status.UNMET:
            return f"it is {verdict.status} at the start: {_told(verdict.outcomes)}"
        if verdict.mistake is not None:
            return f"the mistake '{verdict.mistake.name}' is seen at the start"
        return None

    def _brings_back(self) -> str | None:
        """After a right way, whose world is there still, and what followed on it."""
        place = self._afresh()
        if self._start is None:
            return self._unmet(place)
        return beginning.difference(self._start, self._beginning(place)) or self._unmet(place)

    def _right_way(self, way: Way | None) -> str | None:
        place = self._afresh()
        script = self._prover.script(place, way)
        commands = len(split(script))
        printed_all = ""
        for number, (command, status, printed) in enumerate(self._play(script, place), 1):
            printed_all += printed
            if status != 0:
                return f"`{command}` ended with status {status}: {printed.strip()[-300:]}"
            if number < commands:
                verdict = self._session.glance(self._session.place(self._name), failed=False)
                if verdict is not None and verdict.status is not Status.MET:
                    return f"after `{command}` the tutor objects: {_objection(verdict)}"
        verdict = self._session.check(self._session.place(self._name))
        if verdict.status is not Status.MET:
            return f"it is {verdict.status} at the end: {_objection(verdict)}; printed: {printed_all.strip()[-300:]}"
        if way == place.step.solution:
            self._groups = self._left(place)
        return None

    def _next_follows(self) -> str | None:
        """Only after ``_right_way``, whose world it uses."""
        place = self._session.place(self._name)
        following = self._session.following(place)
        if following is None:
            return None
        self._at_start = None
        before = {name: self._engine.container(name) for name in _taken_over(following)}
        moved = self._session.next()
        if moved.place is None or moved.place.name == place.name:
            return "the tutor does not go on"
        # What the learner made in a right way is what the next step begins with: it must not be made anew, unless the
        # author says so.
        for name, there in before.items():
            now = self._engine.container(name)
            if there is not None and now is not None and there.id != now.id:
                told = f"{name} was made anew for {moved.place.name}, which states it otherwise than it was left"
                return f"{told}: state less of it there, call it otherwise, or say fresh: true where that is meant"
        verdict = self._session.check(moved.place)
        if verdict.status is not Status.UNMET:
            return f"{moved.place.name} is {verdict.status} when it begins: {_told(verdict.outcomes)}"
        return None

    def _mistake(self, mistake: Mistake) -> str | None:
        place = self._afresh()
        printed = _output(self._play(self._prover.script(place, mistake.try_), place))
        verdict = self._session.check(place)
        if verdict.status is not Status.UNMET:
            return f"after the mistake the step is {verdict.status}: {_told(verdict.outcomes)}; {printed}"
        if verdict.mistake is None or verdict.mistake.name != mistake.name:
            seen = verdict.mistake.name if verdict.mistake else "none"
            return f"the mistake seen is {seen}; {_told(verdict.outcomes)}; {printed}"
        world = self._session.looking(place)()
        self._watch(f"mistake '{mistake.name}'")
        others = [other.name for other in place.step.mistakes if other != mistake and all_met(other.when, world)]
        if others:
            return f"these match too: {', '.join(others)}"
        if mistake.dead_end and self._session.glance(place, failed=False) is None:
            return "it is a dead end, and the tutor does not say so unasked"
        if mistake.fix is None:
            place = self._afresh()
        else:
            printed = _output(self._play(self._prover.script(place, mistake.fix), place))
        printed += _output(self._play(self._prover.script(place, place.step.solution), place))
        after = self._session.check(self._session.place(self._name))
        if after.status is not Status.MET:
            return f"after the fix and the solution it is {after.status}: {_objection(after)}; {printed}"
        return None

    def _wrong_answers(self) -> str | None:
        place, self._at_start = self._afresh(), None  # refused answers are noted
        wrong = ["", "42", "dl-first", "no idea", "'; docker ps; '"]
        if place.step.question is not None:
            wrong = [str(n) for n, choice in enumerate(place.step.question.choices, 1) if not choice.right]
        for text in wrong:
            if self._session.answer(place, text).right:
                return f"{text!r} is taken as right"
        for known in place.step.answer.wrong if place.step.answer is not None else ():
            texts = self._session.answers_of(place, known) if known.try_ is None else (known.try_,)
            if not texts:
                return f"there is nothing to read for the wrong answer of which is said: {known.say}"
            for text in texts:
                told = self._session.answer(place, text)
                if told.right or told.say != known.say:
                    return f"the wrong answer {text!r} is {'taken as right' if told.right else f'told: {told.say}'}"
        return None

    def _prediction(self) -> str | None:
        place = self._afresh()
        predict = place.step.predict
        if predict is None or predict.proof is None:
            return "there is nothing to prove"
        script = f"set -e\n{predict.proof.run}"
        printed = ""
        for command, status, text in self._play(script, place):
            printed += text
            if status != 0:
                return f"`{command}` ended with status {status}: {text.strip()[-300:]}"
        result = look(predict.proof.check, self._session.looking(place))
        if place.attempt is not None:  # what the proof made is taken away with the rest, in a step of any kind
            ledger.observe(self._engine, self._session.store, place.attempt, declared(place.lesson))
        if result.status is not Status.MET:
            return f"it is {result.status}: {_told(result.outcomes)}; printed: {printed.strip()[-300:]}"
        return None

    def _solved(self) -> str | None:
        """Solve the step afresh, and find out which cheats there are then."""
        self._groups, self._stands = (), False
        place = self._afresh()
        printed = _output(self._play(self._prover.script(place, place.step.solution), place))
        verdict = self._session.check(place)
        if verdict.status is not Status.MET:
            return f"it is {verdict.status} at the end: {_objection(verdict)}; {printed}"
        self._groups, self._stands = self._left(place), True
        return None

    def _left(self, place: Place) -> tuple[Group, ...]:
        """The cheats that can be made of what a solution has left behind, played since the step was started afresh."""
        names, before = sorted(declared(place.lesson).containers), self._before
        there = [one for name in names if (one := self._engine.container(name)) is not None and one.is_up]
        new = [one for one in there if one.name not in before or before[one.name].id != one.id]
        raised = [one for one in there if one in new or not before[one.name].is_up]
        tags = self._tags(place)
        named = {tag: image_id for tag, image_id in tags.items() if self._tags_before.get(tag) != image_id}
        left = cheats.Left(
            up=tuple(raised),
            made=tuple(new),
            named=named,
            others=self._other_images(named),
            folder=place.folder,
            images=self._session.pack.references,
            shells=frozenset(one.name for one in new if self._engine.path(one.id, "/bin/sh") is not None),
            pausable=not raised or self._engine.condition().limits,
        )
        return tuple(cheats.groups(place.step, left))

    def _other_images(self, named: Mapping[str, str]) -> tuple[str, ...]:
        references = self._session.pack.references.values()
        found = [image.id for reference in references if (image := self._engine.image(reference)) is not None]
        return tuple(image_id for image_id in found if image_id not in named.values())

    def _tags(self, place: Place) -> dict[str, str]:
        images = {name: self._engine.image(name) for name in sorted(declared(place.lesson).images)}
        return {name: image.id for name, image in images.items() if image is not None}

    def _control(self, script: str) -> str | None:
        """Make anew, without a lie, what the cheats are made of: only if that passes do they prove anything."""
        place = self._session.place(self._name)
        for command, status, _ in self._play(script, place):
            if status:
                return f"`{command}` ended with status {status}"
        verdict = self._session.check(place, explaining=False)
        return None if verdict.status is Status.MET else _told(verdict.outcomes)

    def _cheat(self, cheat: Cheat) -> str | None:
        place = self._session.place(self._name)
        decoys = [Decoy(port) for port in cheat.ports]
        try:
            for command, status, printed in self._play(cheat.script, place):
                if status != 0:
                    return f"it could not be made: `{command}` ended with status {status}: {printed.strip()[-300:]}"
            for decoy in decoys:
                decoy.open()
            verdict = self._session.check(place, limit=CHEAT_SECONDS, explaining=False)
            if verdict.status is Status.MET:
                return f"the step passes: {_told(verdict.outcomes)}"
            self._watch(f"cheat: {cheat.name}")
            return None
        finally:
            for decoy in decoys:
                decoy.close()
            _output(play(cheat.undo, self._prover.environment, place.folder))

    def _trick(self, trick: Trick) -> str | None:
        """An author's own cheat, from the start of the step."""
        place = self._afresh()
        for command, status, printed in self._play(self._prover.script(place, trick.try_), place):
            if status != 0:
                return f"it could not be made: `{command}` ended with status {status}: {printed.strip()[-300:]}"
        verdict = self._session.check(place, explaining=False)
        if verdict.status is not Status.UNMET:
            return f"the step is {verdict.status}: {_told(verdict.outcomes)}"
        self._watch(f"cheat: {trick.name}")
        return None

    def _watch(self, where: str) -> None:
        """In a world in which the step is not met, find out which looser checks would be, or will be in a moment.

        What is on its way is waited for once, not once for each of them.
        """
        looking = self._session.looking(self._session.place(self._name))
        open_ones = [number for number in range(len(self._mutants)) if number not in self._noticed]
        until = time.monotonic() + CHEAT_SECONDS
        while open_ones:
            world, coming, pause = looking(), [], CHEAT_SECONDS
            for number in open_ones:
                checks = self._mutants[number].checks
                outcomes = look_once(checks, world)
                if all(outcome.met for outcome in outcomes):
                    self._noticed[number] = where
                elif (wait := settling(checks, outcomes)) is not None and wait.patience > 0:
                    coming.append(number)
                    pause = min(pause, wait.pause)
            left = until - time.monotonic()
            if not coming or left <= 0:
                return
            time.sleep(max(0.02, min(pause, left)))
            open_ones = coming


def _timed(step: str, claim: str, work: Callable[[], str | None]) -> Proved:
    began = time.monotonic()
    try:
        why = work()
    except (NoEngine, EngineRefused, EngineSilent, EnginePermission):
        raise  # nobody could look, which says nothing about the lesson
    except DockerlearnError as error:
        why = f"{type(error).__name__}: {error.message} {error.remedy or ''}".strip()
    except ShellTimeout as error:
        why = f"this command did not end: {error}"
    return Proved(step, claim, why is None, why or "", time.monotonic() - began)


def _clean(engine: EngineApi, store: Store, pack: LoadedPack) -> None:
    observing.observe_all(engine, store, Library(pack), thorough=True)
    clean.carry_out(clean.plan(engine, store), engine, store)


def _cleaned(engine: EngineApi, store: Store, pack: LoadedPack, before: frozenset[str]) -> str | None:
    _clean(engine, store, pack)
    left = _inventory(engine) - before
    return f"left behind: {', '.join(sorted(left))}" if left else None


def _inventory(engine: EngineApi) -> frozenset[str]:
    """What is there, but for images with names of others, which were pulled, and those without a name.

    Which builds the nameless ones are of, a stage left over or somebody else's, cannot be told; ``clean`` lists them.
    """
    return frozenset(
        [f"container {row.name}" for row in engine.containers()]
        + [f"network {row.name}" for row in engine.networks()]
        + [f"volume {name}" for name in engine.volumes()]
        + [f"image {tag}" for tag in engine.image_tags() if is_own_image(tag)]
    )


def _taken_over(step: Step) -> list[str]:
    """The containers with which a step begins, and which it does not say are to be fresh."""
    stated = [] if step.fresh else step.setup
    containers = [item for item in stated if isinstance(item, SetupContainer)]
    return [item.name for item in containers if not item.absent and not item.fresh]


def _output(played: Iterator[tuple[str, int, str]]) -> str:
    return " | ".join(f"`{command}` {status} {printed.strip()[-200:]}" for command, status, printed in played)


def _told(outcomes: tuple[Outcome, ...]) -> str:
    return "; ".join(f"{outcome.expected or outcome.check}: {outcome.found}" for outcome in outcomes)


def _objection(verdict: Verdict) -> str:
    mistake = f"mistake '{verdict.mistake.name}'; " if verdict.mistake else ""
    return mistake + _told(verdict.outcomes)


def _environment(folder: Path, paths: Paths, address: str, pack: Path) -> dict[str, str]:
    home = folder / "user"
    home.mkdir(parents=True, exist_ok=True)
    # What a command answers with must be this very program, also where it is not installed.
    code = {"PYTHONPATH": os.environ["PYTHONPATH"]} if os.environ.get("PYTHONPATH") else {}
    return {
        **code,
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "DOCKER_HOST": address,
        "DOCKERLEARN_PACK": str(pack),
        "DOCKERLEARN_HOME": str(paths.home),
        "DOCKERLEARN_WORKSPACE": str(paths.workspace),
    }
