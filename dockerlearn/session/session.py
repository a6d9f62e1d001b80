"""Moves a learner through a lesson."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from dockerlearn.checks.event import Event
from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.checks.run import Time, all_met
from dockerlearn.course.library import Library
from dockerlearn.course.models import Answer, Choice, Lesson, Step, StepKind, WrongAnswer
from dockerlearn.course.names import declared
from dockerlearn.course.packs import LoadedPack, Outline, StepOutline
from dockerlearn.course.variables import fix
from dockerlearn.engine.abilities import Abilities
from dockerlearn.errors import (
    BeingSetUp,
    DockerlearnError,
    NothingOpen,
    OtherEngine,
    SetupFailed,
    UnknownStep,
    UsageError,
    WrongKind,
)
from dockerlearn.progress.records import Attempt, StepKey, StepRecord
from dockerlearn.progress.store import Store
from dockerlearn.session import answers
from dockerlearn.session.script import solution_script
from dockerlearn.session.turns import LOOK_SECONDS, Turns
from dockerlearn.session.verdict import Verdict, judge
from dockerlearn.setup import bring, ledger
from dockerlearn.setup.spec import Declared, SetupContainer, SetupItem, SetupNetwork, SetupVolume
from dockerlearn.world import happened
from dockerlearn.world.host import free_ports
from dockerlearn.world.image_memory import ImageMemory
from dockerlearn.world.journal import Journal
from dockerlearn.world.world import Scope, World

if TYPE_CHECKING:
    from dockerlearn.diagnose.advice.slip import Advice
    from dockerlearn.engine.api import EngineApi
    from dockerlearn.paths import Paths
    from dockerlearn.setup.pip_settings import PipFiles


_LEFT_OUT = "Left out: {title}. It needs {lacking}."

GLANCE = 2.5
"""Seconds that a look after a command waits for what is on its way, at most: the prompt waits as long."""


class Place(msgspec.Struct, frozen=True):
    """A step as it stands for the learner; ``record`` is None while it was never opened in this attempt.

    ``marks`` are the states of all steps of the lesson: passed, skipped, open or new. ``pack`` is the id of the pack
    that it is in, ``prefix`` what its names begin with: nothing in the course.
    """

    lesson_id: str
    lesson: Lesson
    step: Step
    attempt: Attempt | None
    record: StepRecord | None
    folder: Path
    marks: tuple[str, ...] = ()
    pack: str = ""
    prefix: str = ""

    @property
    def name(self) -> str:
        """``lesson/step``, in a pack that was added ``pack:lesson/step``."""
        return f"{self.lesson_name}/{self.step.id}"

    @property
    def full_name(self) -> str:
        """``pack:lesson/step``, which means the same wherever the learner goes."""
        return f"{self.pack}:{self.lesson_id}/{self.step.id}" if self.pack else self.name

    @property
    def lesson_name(self) -> str:
        """``lesson``, of a pack that was added ``pack:lesson``."""
        return f"{self.prefix}{self.lesson_id}"

    @property
    def number(self) -> int:
        """Which step of the lesson it is, from 1."""
        return self.lesson.steps.index(self.step) + 1

    @property
    def passed(self) -> bool:
        """Whether it is passed in this attempt."""
        return self.record is not None and self.record.status == "passed"

    @property
    def prediction_open(self) -> bool:
        """Whether there is a prediction to make that was not made yet."""
        return self.step.predict is not None and not self.passed and (self.record is None or self.record.choice is None)


class Told(msgspec.Struct, frozen=True):
    """How an answer or a prediction was taken. ``say`` explains the choice."""

    step: str
    right: bool
    say: str
    passed: bool
    result: str = ""
    insight: str = ""


class Hint(msgspec.Struct, frozen=True):
    """A hint; ``number`` of ``total``."""

    step: str
    number: int
    total: int
    text: str


class Moved(msgspec.Struct, frozen=True):
    """Where a move led. ``place`` is None at the end of the course.

    ``finished`` names the lesson that the move ended, ``takeaways`` what to keep of it.
    """

    place: Place | None
    finished: str | None = None
    verdict: Verdict | None = None
    takeaways: tuple[str, ...] = ()


class StepRow(msgspec.Struct, frozen=True):
    """A step in the syllabus; status is passed, left out, skipped, open or new.

    A step is left out where it needs what is not here, unless it was ever passed.
    """

    id: str
    title: str
    kind: StepKind
    status: str


class LessonRow(msgspec.Struct, frozen=True):
    """A lesson in the syllabus; ``id`` is what it is called from anywhere: ``pack:lesson`` in a pack that was added."""

    id: str
    title: str
    level: str
    minutes: int
    steps: tuple[StepRow, ...]

    @property
    def left_out(self) -> bool:
        """Whether none of it can be done here."""
        return all(step.status == "left out" for step in self.steps)

    @property
    def passed(self) -> bool:
        """Whether all of it is passed that can be done here; what is left out whole is not."""
        return not self.left_out and all(step.status in {"passed", "left out"} for step in self.steps)


def all_passed(rows: Sequence[LessonRow]) -> bool:
    """Whether all is passed of these lessons that can be done here, and there is something."""
    return all(row.passed or row.left_out for row in rows) and any(row.passed for row in rows)


Asking = Literal["nobody", "client", "engine"]
"""Who is asked whether a step can be done here: nobody, the client on this machine, or the engine, too."""


class Looks:
    """Where the ids of what we ran and made to look are noted: in the store, for every process of ours."""

    def __init__(self, store: Store, engine_id: str) -> None:
        self._store = store
        self._engine_id = engine_id

    def note(self, identifier: str) -> None:
        """Take down an id."""
        self._store.note_look(self._engine_id, identifier)

    def ids(self) -> frozenset[str]:
        """Every id that the engine may still remember."""
        return self._store.looks(self._engine_id)


class Session:
    """A learner, a course, and the engine that both look at.

    ``pack`` is the course; ``library`` has it, and the packs that were added.

    The engine is only asked for when a move needs it: reading a task or a hint works without one. ``waiting`` is told
    what is waited for, ``notice`` what the learner should know beside the result. ``provide`` is told of a lesson
    before a step of it is opened: the images that it uses may have to be made first. ``environ`` is that of the
    commands that the learner types.
    """

    def __init__(
        self,
        pack: LoadedPack,
        store: Store,
        paths: Paths,
        engine: Callable[[], EngineApi],
        *,
        port_is_free: Callable[[int], bool] | None = None,
        waiting: Callable[[str], None] | None = None,
        notice: Callable[[str], None] | None = None,
        rng: random.Random | None = None,
        passing: Time | None = None,
        provide: Callable[[str], None] | None = None,
        library: Library | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.library = library or Library(pack)
        self.store = store
        self.paths = paths
        self._turns = Turns(paths.turns)
        self._engine = engine
        self._port_is_free = port_is_free
        self._waiting = waiting
        self._notice = notice or (lambda _: None)
        self._passing = passing or Time()
        self._environ = environ
        self.memory = ImageMemory()
        self._provide = provide or (lambda _: None)
        self.journal = Journal()
        self._rng = rng or random.Random()  # noqa: S311 - tokens of lessons are no secrets

    # Where the learner is

    def current(self) -> StepKey | None:
        """The step the learner is at, when it is one of a pack that is here."""
        key = self.store.current()
        pack = self.library.get(key.pack) if key is not None else None
        return key if key is not None and pack is not None and key.lesson in pack.lessons else None

    @property
    def pack(self) -> LoadedPack:
        """The pack that the learner is in."""
        return self._pack_of(self.current())

    def _pack_of(self, at: StepKey | Place | None) -> LoadedPack:
        return self.library.pack(at.pack) if at is not None else self.library.main

    def place(self, text: str | None = None) -> Place:
        """The step that ``text`` names, or the current one. Raises ``NothingOpen`` when there is none."""
        current = self.current()
        if text is None:
            if current is None:
                raise NothingOpen("No lesson was started yet.", "dockerlearn start")
            return self._at(self._pack_of(current), current.lesson, current.step)
        pack, name = self.library.find(text, current)
        if name.step is None:
            raise UnknownStep(
                f"{name.lesson} is a lesson; a step is meant.", f"dockerlearn lessons {pack.prefix}{name.lesson}"
            )
        return self._at(pack, name.lesson, name.step)

    def _at(self, pack: LoadedPack, lesson_id: str, step_id: str | None) -> Place:
        attempt = self.store.attempt(pack.id, lesson_id)
        lesson = pack.lesson(lesson_id, attempt.variables if attempt else None)
        records = self.store.steps(attempt.id) if attempt else {}
        if step_id is None:
            step_id = _first_open(lesson, records)
        step = lesson.step(step_id)
        if step is None:
            name = f"{pack.prefix}{lesson_id}"
            raise UnknownStep(f"{name} has no step {step_id} any more.", f"dockerlearn start {name}")
        marks = tuple(records[other.id].status if other.id in records else "new" for other in lesson.steps)
        folder = self.paths.lesson(lesson_id, pack.id if pack.prefix else None)
        prefix = self._prefix(pack, self.pack)(lesson_id)
        return Place(lesson_id, lesson, step, attempt, records.get(step.id), folder, marks, pack.id, prefix)

    @staticmethod
    def _prefix(pack: LoadedPack, here: LoadedPack) -> Callable[[str], str]:
        """What the name of a lesson begins with; the course's only when the pack that the learner is in has it too."""
        if pack.prefix or pack is here:
            return lambda _: pack.prefix
        return lambda slug: f"{pack.id}:" if slug in here.lessons else ""

    # Moves

    def start(self, text: str | None = None, *, anew: bool = False) -> Place:
        """Resume, or go to a pack (``pack:``), a lesson or a step and bring its world into place.

        ``anew`` begins a new attempt at the lesson: new variables, nothing passed; needed on another engine.
        Raises ``OtherEngine`` when the open attempt began elsewhere, ``SetupFailed`` and ``EngineError``.
        """
        current = self.current()
        name, step_id = None, None
        pack = self.library.whole(text) if text is not None else self._pack_to_go_on_with(current)
        if pack is None and text is not None:
            pack, name = self.library.find(text, current)
            step_id = name.step
        pack = pack or self.library.main
        here = current if current is not None and current.pack == pack.id else None
        abilities = self._abilities()
        lesson_id = name.lesson if name is not None else self._lesson_to_go_on_with(pack, here, abilities)
        if step_id is not None:
            place = self._at(pack, lesson_id, step_id)
            self._is_left_out(place.step, abilities)
            return self._open(place, unmet=True, anew=anew)
        if anew:
            steps = pack.outline(lesson_id).steps
            first = next((step for step in steps if not self._is_left_out(step, abilities)), steps[0])
            return self._open(self._at(pack, lesson_id, first.id), unmet=False, anew=True)
        place = self._at(pack, lesson_id, self._step_to_go_on_with(pack, lesson_id, here, abilities))
        if place.record is not None and place.record.status == "open":
            return self._resume(place)
        return self._open(place, unmet=False)

    def _pack_to_go_on_with(self, current: StepKey | None) -> LoadedPack:
        """The pack the learner is in, and the course again when all of that is passed."""
        pack = self._pack_of(current)
        return pack if self._first_unfinished(pack, self._abilities()) is not None else self.library.main

    def _first_unfinished(self, pack: LoadedPack, abilities: Abilities) -> str | None:
        passed = self.store.ever_passed(pack.id)

        def is_unfinished(row: Outline) -> bool:
            return any((row.id, step.id) not in passed and not abilities.lacking(step.needs) for step in row.steps)

        return next((row.id for row in pack.outlines() if is_unfinished(row)), None)

    def _lesson_to_go_on_with(self, pack: LoadedPack, current: StepKey | None, abilities: Abilities) -> str:
        if current is not None:
            attempt = self.store.attempt(pack.id, current.lesson)
            records = self.store.steps(attempt.id) if attempt else {}
            steps = pack.outline(current.lesson).steps
            if any(_is_open(step, records) and not abilities.lacking(step.needs) for step in steps):
                return current.lesson
        unfinished = self._first_unfinished(pack, abilities)
        return unfinished or (current.lesson if current is not None else pack.lessons[0])

    def _step_to_go_on_with(
        self, pack: LoadedPack, lesson_id: str, current: StepKey | None, abilities: Abilities
    ) -> str:
        """The current step while it is open, else the next open or new one after it, else the lesson's first such.

        Where there is none, the first that was skipped, or the first. What is left out is passed over, unless that is
        all of the lesson.
        """
        attempt = self.store.attempt(pack.id, lesson_id)
        records = self.store.steps(attempt.id) if attempt else {}
        steps = pack.outline(lesson_id).steps
        names = [step.id for step in steps]
        at_it = current is not None and current.lesson == lesson_id and current.step in names
        here = names.index(current.step) if current is not None and at_it else 0
        unfinished = [step for step in (*steps[here:], *steps[:here]) if _is_open(step, records)]
        skipped = [step for step in steps if step.id in records and records[step.id].status == "skipped"]
        done = [step for step in steps if step.id in records and records[step.id].status == "passed"]
        return next(
            (
                step.id
                for step in (*unfinished, *skipped, *done)
                if step in done or not self._is_left_out(step, abilities)
            ),
            names[0],
        )

    def _abilities(self, asking: Asking = "engine") -> Abilities:
        """What can be done here, found out anew: the learner may have installed it meanwhile."""
        return Abilities(self._engine if asking == "engine" else None, self._environ)

    def _is_left_out(self, step: Step | StepOutline, abilities: Abilities) -> bool:
        """Whether a step needs what is not here; if so, the learner is told."""
        lacking = abilities.lacking(step.needs)
        if lacking:
            self._notice(_LEFT_OUT.format(title=step.title, lacking=lacking))
        return bool(lacking)

    def lacking(self, step: Step) -> str:
        """Say what a step needs that is not here, and why; "" when it can be done. Raises ``EngineError``."""
        return self._abilities().lacking(step.needs)

    def following(self, place: Place) -> Step | None:
        """The step of the same lesson that ``next`` leads to; None where it leads out of the lesson."""
        abilities = self._abilities()
        records = self.store.steps(place.attempt.id) if place.attempt is not None else {}
        following = place.lesson.steps[place.number :]
        return next(
            (step for step in following if _is_passed(step, records) or not abilities.lacking(step.needs)), None
        )

    def next(self) -> Moved:
        """Go on when the current step is passed, verifying it first; a step to read is passed by going on."""
        place = self.place()
        verdict = None
        if place.step.kind == "read" and place.attempt is not None:
            self.store.pass_step(place.attempt.id, place.step.id, ["read"])
        elif not place.passed and not (place.record is not None and place.record.status == "skipped"):
            verdict = self.check(place)
            if not verdict.passed:
                return Moved(place, None, verdict)
        return self._after(place, verdict)

    def skip(self) -> Moved:
        """Leave the current step for now."""
        place = self.place()
        if not place.passed and place.attempt is not None:
            self.store.skip_step(place.attempt.id, place.step.id)
        return self._after(place, None)

    def back(self) -> Place:
        """Go to the step before, as it is: what was passed stays passed, the world stays as it is."""
        place = self.place()
        abilities = self._abilities()
        records = self.store.steps(place.attempt.id) if place.attempt is not None else {}
        earlier = reversed(place.lesson.steps[: place.number - 1])
        before = next(
            (step for step in earlier if _is_passed(step, records) or not self._is_left_out(step, abilities)), None
        )
        if before is None:
            first = "the first step of its lesson" + (" that can be done here" if place.number > 1 else "")
            raise UsageError(f"{place.name} is {first}.", f"dockerlearn start {place.lesson_name}")
        self.store.set_current(place.pack, place.lesson_id, before.id)
        there = self._at(self._pack_of(place), place.lesson_id, before.id)
        return there if there.record is not None else self._open(there, unmet=True)

    def redo(self, text: str | None = None) -> Place:
        """Start a step afresh: what the lesson made is taken away, and the step's world brought into place."""
        place = self.place(text)
        return self._open(place, unmet=True, afresh=True)

    def _after(self, place: Place, verdict: Verdict | None) -> Moved:
        pack = self._pack_of(place)
        abilities = self._abilities()
        for step in place.lesson.steps[place.number :]:
            there = self._at(pack, place.lesson_id, step.id)
            if not there.passed and self._is_left_out(there.step, abilities):
                continue
            if there.record is not None and there.record.status != "open":
                self.store.set_current(pack.id, place.lesson_id, there.step.id)
                return Moved(there, None, verdict)
            return Moved(self._open(there, unmet=False), None, verdict)
        begun = self._begin_after(pack, place.lesson_id, abilities)
        concept = place.lesson.concept
        return Moved(begun, place.lesson_name, verdict, tuple(concept.takeaways) if concept else ())

    def _begin_after(self, pack: LoadedPack, lesson_id: str, abilities: Abilities) -> Place | None:
        """Go to the next lesson of which anything can be done here."""
        for following in pack.lessons[pack.lessons.index(lesson_id) + 1 :]:
            outline = pack.outline(following)
            if all(abilities.lacking(step.needs) for step in outline.steps):
                lacking = dict.fromkeys(abilities.lacking(step.needs) for step in outline.steps)
                self._notice(_LEFT_OUT.format(title=outline.title, lacking=", and ".join(lacking)))
                continue
            step = self._step_to_go_on_with(pack, following, None, abilities)
            return self._open(self._at(pack, following, step), unmet=False)
        return None

    # Opening a step

    def _open(self, place: Place, *, unmet: bool, afresh: bool = False, anew: bool = False) -> Place:
        """Bring a step's world into place and make it the current one.

        ``unmet`` asks that the step is not already met then: if it is, what the lesson made is taken away first.
        """
        engine = self._engine()
        pack = self._pack_of(place)
        if place.attempt is None or anew:
            attempt = self._begin(pack, place.lesson_id, engine, place.attempt)
        else:
            attempt = place.attempt
        self._same_engine(attempt, engine, place)
        lesson = pack.lesson(place.lesson_id, attempt.variables)
        step = lesson.step(place.step.id) or place.step
        names = declared(lesson)
        self._provide(place.lesson_name)
        place = msgspec.structs.replace(place, lesson=lesson, step=step, attempt=attempt, marks=())
        ledger.observe(engine, self.store, attempt, names, thorough=True)
        ledger.refuse_taken(engine, self.store, attempt, names)
        context = self._bringing(engine, attempt, place)
        with self._turns.setting_up():
            if afresh or step.fresh:
                bring.take_away(context, step.setup)
            self._tell(bring.bring(step.setup, context))
            if unmet and not afresh and step.check and self._met_already(engine, place, names):
                bring.take_away(context, step.setup)
                self._tell(bring.bring(step.setup, context))
            self._tell(bring.place_files(step.files, context))
            # Precisely: what was done for the learner a moment ago is not her doing.
            since = engine.precise_now()
            self.store.open_step(attempt.id, step.id, since, _baseline(step, engine, names))
        self.journal.clear()
        self.store.set_current(pack.id, place.lesson_id, step.id)
        return self._at(pack, place.lesson_id, step.id)

    def _resume(self, place: Place) -> Place:
        """Come back to an open step. Half-done work stays; only what it begins with and is missing is brought."""
        engine = self._engine()
        if place.attempt is None:
            raise NothingOpen("No lesson was started yet.", "dockerlearn start")
        self._same_engine(place.attempt, engine, place)
        self._provide(place.lesson_name)
        names = declared(place.lesson)
        ledger.observe(engine, self.store, place.attempt, names)
        self.store.set_current(place.pack, place.lesson_id, place.step.id)
        if place.step.check and self._met_already(engine, place, names):
            return self._at(self._pack_of(place), place.lesson_id, place.step.id)
        stopped = [item for item in place.step.setup if _went_away(item, engine)]
        if stopped:
            with self._turns.setting_up():
                bring.bring(stopped, self._bringing(engine, place.attempt, place, keep_files=True))
                record = place.record
                baseline = {**(record.baseline if record else {}), **_baseline(place.step, engine, names)}
                # What was brought back has made events of its own, which are not the learner's.
                kept = record if record is not None and not _looks_at_events(place.step) else None
                since = kept.since if kept is not None else engine.precise_now()
                self.store.open_step(place.attempt.id, place.step.id, since, baseline)
        return self._at(self._pack_of(place), place.lesson_id, place.step.id)

    def _tell(self, report: bring.SetupReport) -> None:
        for kept in report.kept:
            self._notice(f"A file of yours was in the way; it is kept as {kept}.")

    def _begin(self, pack: LoadedPack, lesson_id: str, engine: EngineApi, before: Attempt | None) -> Attempt:
        """Begin an attempt. The one before ends only when nothing stands in the way of the new one.

        What was made last in it is entered into the ledger first, where its engine can be looked at.
        """
        identity = engine.identity
        if before is not None and before.engine_id == identity.id:
            names = declared(pack.lesson(lesson_id, before.variables))
            ledger.observe(engine, self.store, before, names, thorough=True)
        port_is_free = self._port_is_free or free_ports(engine)
        declares = pack.variables(lesson_id)
        variables = fix(declares, rng=self._rng, port_is_free=port_is_free, pip=_pip_of_this_machine)
        ledger.refuse_taken(engine, self.store, None, declared(pack.lesson(lesson_id, variables)))
        if before is not None:
            self.store.end_attempt(before.id)
        # In this order: what comes in between counts as there before, and is left alone.
        began, images = engine.precise_now(), engine.image_ids()
        return self.store.begin_attempt(pack.id, lesson_id, identity.id, variables, began, images=images)

    def _bringing(
        self, engine: EngineApi, attempt: Attempt, place: Place, *, keep_files: bool = False
    ) -> bring.Context:
        return bring.Context(
            engine=engine,
            store=self.store,
            attempt=attempt,
            images=self._pack_of(place).references,
            files=self._pack_of(place).files(place.lesson_id),
            workspace=place.folder,
            variables=attempt.variables,
            progress=self._waiting,
            keep_files=keep_files,
            clock=self._passing.clock,
            sleep=self._passing.sleep,
        )

    def _met_already(self, engine: EngineApi, place: Place, names: Declared) -> bool:
        own = ledger.own_containers(self.store, place.attempt) if place.attempt is not None else frozenset()
        references = self._pack_of(place).references
        scope = Scope(references, bring.baseline(engine, names), engine.precise_now(), own)
        return all_met(
            place.step.check,
            World(engine, place.folder, scope, hasty=True, own=self.looks(engine), memory=self.memory),
        )

    @staticmethod
    def _same_engine(attempt: Attempt, engine: EngineApi, place: Place) -> None:
        if engine.identity.id != attempt.engine_id:
            raise OtherEngine(
                f"This attempt at {place.lesson_name} began on another engine than the one at "
                f"{engine.identity.address} ({engine.identity.source}).",
                f"Use the first engine again, or begin anew on this one: dockerlearn start {place.lesson_name} --anew",
            )

    def engine(self) -> EngineApi:
        """The engine, connected to at the first use. Raises ``EngineError``."""
        return self._engine()

    def looks(self, engine: EngineApi) -> Looks:
        """Where the ids of what we run and make on an engine are noted."""
        return Looks(self.store, engine.identity.id)

    # Verifying

    def looking(self, place: Place) -> Callable[[], World]:
        """What makes a look at the world of a step that was started, again and again."""
        if place.attempt is None or place.record is None:
            raise NothingOpen(f"{place.name} was not started yet.", f"dockerlearn start {place.name}")
        engine = self._engine()
        own = ledger.own_containers(self.store, place.attempt)
        scope = Scope(self._pack_of(place).references, place.record.baseline, place.record.since, own)
        looks = self.looks(engine)
        return lambda: World(engine, place.folder, scope, own=looks, journal=self.journal, memory=self.memory)

    def check(self, place: Place, *, limit: float | None = None, explaining: bool = True) -> Verdict:
        """Verify a step on the engine; a pass is written down before this returns.

        Without ``explaining``, what is not met is not diagnosed, which takes a few more requests.
        Raises ``NothingOpen`` for a step that was never started: what was there before cannot be told from what was
        done. Errors of the engine are raised; a check that could not look makes the verdict ``unknown``.
        """
        verdict = self.verify(place, limit=limit, explaining=explaining)
        self.observe(place)
        return verdict

    def observe(self, place: Place) -> None:
        """Enter into the ledger what has appeared in the step's attempt; costs a request per name of the lesson."""
        if place.attempt is not None and place.step.kind == "do":
            ledger.observe(self._engine(), self.store, place.attempt, declared(place.lesson))

    def verify(self, place: Place, *, limit: float | None = None, explaining: bool = True) -> Verdict:
        """Do what ``check`` does without ``observe``, which has to follow: the verdict is what somebody waits for.

        Raises ``BeingSetUp`` when another process sets a step up, and goes on with it for longer than ``limit``.
        """
        began = time.monotonic()
        if place.attempt is None or place.record is None:
            raise NothingOpen(f"{place.name} was not started yet.", f"dockerlearn start {place.name}")
        if place.step.kind != "do":
            return self._verdict_without_looking(place)
        attempt = place.attempt
        self._same_engine(attempt, self._engine(), place)
        with self._turns.looking(LOOK_SECONDS if limit is None else limit):
            # It may have been started afresh meanwhile, elsewhere.
            record = self.store.steps(attempt.id).get(place.step.id, place.record)
            place = msgspec.structs.replace(place, record=record)
            status, outcomes, mistake = judge(
                place.step,
                self.looking(place),
                waiting=self._waiting,
                limit=limit,
                passing=self._passing,
                explaining=explaining,
            )
            if status is Status.MET and not place.passed:
                seen = [f"{outcome.check}: {outcome.found}" for outcome in outcomes]
                # Written down before anybody is told.
                self.store.pass_step(attempt.id, place.step.id, seen, since=record.since)
        met = status is Status.MET
        return Verdict(
            step=place.name,
            status=status,
            passed=met or place.passed,
            outcomes=outcomes,
            mistake=mistake,
            elapsed_ms=round((time.monotonic() - began) * 1000),
            result=place.step.result if met else "",
            insight=place.step.insight if met else "",
        )

    def glance(self, place: Place, *, failed: bool, observing: bool = True) -> Verdict | None:
        """Look after a command of the learner's, and return a verdict only when there is something to say.

        There is when the step is met; when the command ``failed`` and the step is not; or when a mistake is seen from
        which no right way leads on. Otherwise the learner is on the way, and silence is right. Without ``observing``,
        ``observe`` has to follow.
        """
        if place.step.kind != "do" or place.passed:
            return None
        try:
            verdict = self.verify(place, limit=GLANCE, explaining=failed)
        except BeingSetUp:
            return None
        if observing:
            self.observe(place)
        if verdict.status is Status.MET:
            return verdict
        if verdict.status is Status.UNMET and (failed or (verdict.mistake is not None and verdict.mistake.dead_end)):
            return verdict
        return None

    def advise(self, place: Place, typed: str, exit_code: int, printed: str = "") -> Advice | None:
        """Say what a command line was probably meant to be, from what was typed and what came of it.

        ``printed`` is what is known of its output, both streams. An engine that cannot be asked costs the names only.
        """
        from dockerlearn.diagnose.advice.advise import advise

        try:
            world = World(self._engine(), place.folder, Scope(self._pack_of(place).references))
        except DockerlearnError:
            world = None
        return advise(typed, exit_code, printed, world)

    @staticmethod
    def _verdict_without_looking(place: Place) -> Verdict:
        expected, way = {
            "answer": ("your answer", f"dockerlearn answer {place.name} YOUR-ANSWER"),
            "question": ("your choice", f"dockerlearn answer {place.name} NUMBER"),
            "read": ("this step to be read", "dockerlearn next"),
        }[place.step.kind]
        if place.passed:
            return Verdict(step=place.name, status=Status.MET, passed=True)
        outcome = Outcome(
            check=place.step.kind, subject=place.name, status=Status.UNMET, expected=expected, found="not given yet",
            next=way,
        )  # fmt: skip
        return Verdict(step=place.name, status=Status.UNMET, passed=False, outcomes=(outcome,))

    # Answers and predictions

    def predict(self, place: Place, text: str) -> Told:
        """Commit to a prediction. The first one is kept; later ones are only explained."""
        if place.step.predict is None:
            raise WrongKind(f"{place.name} asks for no prediction.")
        index = answers.choice_of(text, place.step.predict.choices)
        if place.attempt is None or place.record is None:
            raise NothingOpen(f"{place.name} was not started yet.", f"dockerlearn start {place.name}")
        if place.record.choice is None:
            self.store.record_choice(place.attempt.id, place.step.id, index)
        choice = place.step.predict.choices[index]
        return Told(place.name, choice.right, choice.say, place.passed)

    def answer(self, place: Place, text: str) -> Told:
        """Take an answer to a question or to what was to be found out; in other steps, a prediction."""
        if place.attempt is None or place.record is None:
            raise NothingOpen(f"{place.name} was not started yet.", f"dockerlearn start {place.name}")
        step = place.step
        if step.question is not None:
            choice: Choice = step.question.choices[answers.choice_of(text, step.question.choices)]
            right, say = choice.right, choice.say
        elif step.answer is not None:
            right = any(answers.same(text, wanted) for wanted in self._right_answers(place))
            say = "" if right else self._known_wrong(place, step.answer, text)
        elif step.predict is not None:
            return self.predict(place, text)
        else:
            raise WrongKind(f"{place.name} asks nothing; it is verified on the engine.", "dockerlearn check step")
        if right:
            self.store.pass_step(place.attempt.id, step.id, ["answered"])
            return Told(place.name, True, say, True, step.result, step.insight)
        self.store.record_wrong(place.attempt.id, step.id)
        return Told(place.name, False, say, place.passed)

    def _right_answers(self, place: Place) -> tuple[str, ...]:
        answer = place.step.answer
        if answer is None:
            raise WrongKind(f"{place.name} asks nothing.")
        return self.answers_of(place, answer)

    def answers_of(self, place: Place, answer: Answer | WrongAnswer) -> tuple[str, ...]:
        """The texts that an answer stands for now, which may have to be read from the engine; a pattern is none."""
        if answer.equals is not None:
            return (answer.equals,)
        if answer.from_ is None or place.attempt is None:
            return ()
        engine = self._engine()
        self._same_engine(place.attempt, engine, place)
        return answers.read_source(answer.from_, engine, self._pack_of(place).references)

    def _known_wrong(self, place: Place, answer: Answer, text: str) -> str:
        """What the lesson says of this wrong answer, if it knows it."""
        for wrong in answer.wrong:
            with suppress(SetupFailed):  # what it would be read from is not there
                meant = any(answers.same(text, one) for one in self.answers_of(place, wrong))
                if meant or answers.matches(text, wrong):
                    return wrong.say
        return "That is not it."

    # Help

    def hint(self, place: Place) -> Hint:
        """Give the next hint, or the last one again."""
        hints = place.step.hints
        if not hints:
            raise WrongKind(f"{place.name} has no hints.", "dockerlearn task")
        if place.attempt is None or place.record is None:
            return Hint(place.name, 1, len(hints), hints[0])
        number = min(self.store.record_hint(place.attempt.id, place.step.id), len(hints))
        return Hint(place.name, number, len(hints), hints[number - 1])

    def solution(self, place: Place, *, docker_host: str | None = None, command: str | None = None) -> str:
        """A solution as a script for ``sh``."""
        if place.step.solution is None and place.step.question is None:
            raise WrongKind(f"{place.name} has nothing to solve.", "dockerlearn next")
        if place.attempt is not None and place.record is not None:
            self.store.record_solution_shown(place.attempt.id, place.step.id)
        return solution_script(place.step, place.step.solution, place.folder, docker_host=docker_host, command=command)

    # The syllabus

    def syllabus(self, pack: LoadedPack | None = None, *, asking: Asking = "client") -> tuple[LessonRow, ...]:
        """Every lesson and step of a pack, by default the one that the learner is in, with her marks.

        Who is asked decides what is known to be left out; nobody is where no step needs anything. Raises
        ``EngineError`` when an engine is to be asked and cannot be.
        """
        abilities = None if asking == "nobody" else self._abilities(asking)
        pack = pack or self.pack
        passed = self.store.ever_passed(pack.id)
        prefix = self._prefix(pack, self.pack)
        rows: list[LessonRow] = []
        for outline in pack.outlines():
            attempt = self.store.attempt(pack.id, outline.id)
            records: Mapping[str, StepRecord] = self.store.steps(attempt.id) if attempt else {}
            steps = tuple(
                StepRow(
                    step.id,
                    step.title,
                    step.kind,
                    _status(step, records.get(step.id), (outline.id, step.id) in passed, abilities),
                )
                for step in outline.steps
            )
            rows.append(
                LessonRow(f"{prefix(outline.id)}{outline.id}", outline.title, outline.level, outline.minutes, steps)
            )
        return tuple(rows)

    def lesson(self, text: str | None = None) -> Lesson:
        """A lesson, by default the current one. Raises ``UnknownLesson`` and ``NothingOpen``."""
        if text is None:
            return self.place().lesson
        pack, name = self.library.find(text, self.current(), lessons=True)
        return self._at(pack, name.lesson, None).lesson

    def lesson_row(self, text: str, *, asking: Asking = "client") -> LessonRow:
        """One lesson of the syllabus. Raises ``UnknownLesson``."""
        pack, name = self.library.find(text, self.current(), lessons=True)
        return self.syllabus(pack, asking=asking)[pack.lessons.index(name.lesson)]


def _pip_of_this_machine() -> PipFiles:
    from dockerlearn.setup import pip_settings  # starts programs, for the one lesson that asks

    return pip_settings.of_this_machine()


def _first_open(lesson: Lesson, records: Mapping[str, StepRecord]) -> str:
    for step in lesson.steps:
        if step.id not in records or records[step.id].status == "open":
            return step.id
    skipped = [step.id for step in lesson.steps if records[step.id].status == "skipped"]
    return skipped[0] if skipped else lesson.steps[0].id


def _is_open(step: StepOutline, records: Mapping[str, StepRecord]) -> bool:
    return step.id not in records or records[step.id].status == "open"


def _is_passed(step: Step, records: Mapping[str, StepRecord]) -> bool:
    return step.id in records and records[step.id].status == "passed"


def _status(step: StepOutline, record: StepRecord | None, ever: bool, abilities: Abilities | None) -> str:
    if ever:
        return "passed"
    if abilities is not None and abilities.lacking(step.needs):
        return "left out"
    return record.status if record else "new"


def _looks_at_events(step: Step) -> bool:
    """Whether a step, one of its mistakes or its prediction asks what happened since it began."""
    asked = [*step.check, *(check for mistake in step.mistakes for check in mistake.when)]
    asked += step.predict.proof.check if step.predict is not None and step.predict.proof is not None else []
    return any(isinstance(check, Event) for check in asked)


def _baseline(step: Step, engine: EngineApi, names: Declared) -> dict[str, str]:
    """What is there when a step begins, and whether the engine remembers anything, where that will be asked for."""
    found = bring.baseline(engine, names)
    if _looks_at_events(step):
        found[happened.BASELINE] = happened.SOME if engine.events(happened.ALWAYS) else happened.NONE
    return found


def _went_away(item: SetupItem, engine: EngineApi) -> bool:
    """Whether something that a step begins with is not there any more, or was stopped, as after a reboot."""
    if isinstance(item, SetupNetwork):
        return not item.absent and engine.network(item.network) is None
    if isinstance(item, SetupVolume):
        return not item.absent and engine.volume(item.volume) is None
    if not isinstance(item, SetupContainer) or item.absent:
        return False
    there = engine.container(item.container)
    return there is None or (item.running and item.status is None and there.status == "exited")
