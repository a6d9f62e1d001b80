"""A learner's way through the first lesson, on an engine in memory."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.checks.outcome import Status
from dockerlearn.checks.run import Time
from dockerlearn.course.packs import open_pack
from dockerlearn.engine.snapshots import Binding
from dockerlearn.errors import (
    BeingSetUp,
    EngineSilent,
    NameTaken,
    NothingOpen,
    OtherEngine,
    PracticeFailed,
    UnknownLesson,
    UnknownStep,
    UsageError,
    WrongKind,
)
from dockerlearn.paths import Paths
from dockerlearn.progress.store import Store
from dockerlearn.session import session
from dockerlearn.session.session import Place, Session
from dockerlearn.session.turns import Turns
from dockerlearn.setup import bring
from dockerlearn.setup.spec import Setup
from dockerlearn.world.host import free_ports
from tests.fake_engine import FakeEngine, make_image
from tests.one_lesson import one_lesson

BUSYBOX = make_image("busybox:1.36", digests=("busybox@sha256:" + "1" * 64,))
LOOP = ("sh", "-c", "while true; do date; sleep 1; done")


class Learner:
    """A session, and what a learner does on the engine beside it."""

    def __init__(self, paths: Paths, engine: FakeEngine, pack: Path | None = None) -> None:
        self.paths = paths
        self.engine = engine
        self.store = Store.open(paths.progress)
        self.asked = 0
        self.provided: list[str] = []
        self.session = Session(
            open_pack(pack or one_lesson(paths.home.parent / "pack")),
            self.store,
            paths,
            self._engine,
            port_is_free=lambda _: True,
            passing=Time(self._clock, self._sleep),
            provide=self.provided.append,
        )

    def _clock(self) -> float:
        return self.engine.clock.timestamp()

    def _sleep(self, seconds: float) -> None:
        self.engine.clock += timedelta(seconds=seconds)

    def _engine(self) -> FakeEngine:
        self.asked += 1
        return self.engine

    def run(self, name: str = "dl-first", **fields: Any) -> None:
        """Run a container that has been up for a while and prints the time."""
        self.engine.clock += timedelta(seconds=30)
        number = len(self.engine.calls)
        there = self.engine.add(
            name,
            id=f"{number:064x}",
            created=self.engine.clock - timedelta(seconds=20),
            started=self.engine.clock - timedelta(seconds=20),
            command=LOOP,
            image_id=BUSYBOX.id,
            **fields,
        )
        self.engine.output[there.id] = "Tue Nov 24 10:00:00 UTC 2026\n"

    def end(self, name: str = "dl-first", code: int = 137) -> None:
        self.engine.change(name, status="exited", running=False, exit_code=code, finished=self.engine.clock)

    def place(self) -> Place:
        return self.session.place()

    def pass_first(self) -> Place:
        self.session.start()
        self.run()
        moved = self.session.next()
        assert moved.place is not None
        return moved.place


@pytest.fixture
def learner(tmp_path: Path) -> Iterator[Learner]:
    found = Learner(Paths(tmp_path / "home", tmp_path / "work"), FakeEngine(BUSYBOX))
    yield found
    found.store.close()


def again(learner: Learner) -> Learner:
    """The same learner in another process."""
    return Learner(learner.paths, learner.engine)


class TestStart:
    def test_it_begins_with_the_first_step_and_comes_back_to_it(self, learner: Learner) -> None:
        assert learner.session.start().name == "first-run/run"
        assert again(learner).session.place().name == "first-run/run"
        assert learner.session.start().name == "first-run/run"
        assert (learner.paths.workspace / "first-run").is_dir()

    def test_the_images_are_provided_before_anything_is_brought_into_place(self, learner: Learner) -> None:
        def refuse(_: str) -> None:
            raise PracticeFailed("no packages")

        engine = learner.engine
        session = Session(
            learner.session.pack,
            learner.store,
            learner.paths,
            lambda: engine,
            port_is_free=lambda _: True,
            provide=refuse,
        )
        with pytest.raises(PracticeFailed):
            session.start("first-run/stop")
        assert "dl-first" not in engine.by_name
        assert learner.provided == []
        learner.session.start()
        learner.session.start()
        assert learner.provided == ["first-run", "first-run"]

    def test_before_that_there_is_no_place(self, learner: Learner) -> None:
        with pytest.raises(NothingOpen):
            learner.session.place()
        with pytest.raises(NothingOpen):
            learner.session.check(learner.session.place("first-run/run"))

    @pytest.mark.parametrize(
        ("text", "error", "word"),
        [
            ("first-rum", UnknownLesson, "first-run"),
            ("first-run/rum", UnknownStep, "run"),
            ("zebra", UnknownLesson, "zebra"),
            ("a/b/c", UsageError, "a/b/c"),
            ("", UsageError, "LESSON"),
        ],
    )
    def test_what_there_is_not_is_named(self, learner: Learner, text: str, error: type[Exception], word: str) -> None:
        with pytest.raises(error) as caught:
            learner.session.start(text)
        assert word in str(caught.value)

    def test_jumping_into_a_step_brings_its_world_into_place(self, learner: Learner) -> None:
        place = learner.session.start("first-run/stop")
        there = learner.engine.by_name["dl-first"]
        assert there.running
        assert there.memory
        assert there.pids_limit
        token = place.attempt.variables["token"] if place.attempt else ""
        assert learner.engine.files[there.id]["/note"].content == f"token {token}\n".encode()
        assert learner.session.check(place).status is Status.UNMET

    def test_jumping_into_a_step_that_is_met_already_brings_it_back_to_its_start(self, learner: Learner) -> None:
        place = learner.session.start("first-run/again")
        learner.engine.start_container("dl-first")
        learner.engine.clock += timedelta(seconds=5)
        assert learner.session.check(place).status is Status.MET
        place = learner.session.start("first-run/again")
        assert not learner.engine.by_name["dl-first"].running
        assert learner.session.check(place).status is Status.UNMET

    def test_coming_from_the_step_before_nothing_is_made_anew(self, learner: Learner) -> None:
        learner.session.start()
        learner.run()
        before = learner.engine.by_name["dl-first"].id
        del learner.engine.calls[:]
        moved = learner.session.next()
        assert moved.place is not None
        assert moved.place.name == "first-run/look"
        assert learner.engine.by_name["dl-first"].id == before
        writes = {
            "create_container",
            "start_container",
            "stop_container",
            "remove_container",
            "put_file",
            "pull",
            "tag",
        }
        assert not writes & set(learner.engine.calls)

    def test_a_taken_name_is_told_and_left_alone(self, learner: Learner) -> None:
        theirs = learner.engine.add("dl-first")
        with pytest.raises(NameTaken) as caught:
            learner.session.start()
        assert "docker rename dl-first" in str(caught.value.remedy)
        assert learner.engine.by_name["dl-first"] == theirs
        assert learner.store.attempt("docker", "first-run") is None

    def test_resuming_leaves_half_done_work_and_starts_what_was_stopped(self, learner: Learner) -> None:
        learner.session.start("first-run/inside")
        made = learner.engine.by_name["dl-first"]
        learner.end()  # as after a reboot
        again(learner).session.start()
        assert learner.engine.by_name["dl-first"].id == made.id
        assert learner.engine.by_name["dl-first"].running
        learner.session.start("first-run/run")
        learner.engine.clock += timedelta(seconds=1)
        learner.run(status="created", running=False)
        half_done = learner.engine.by_name["dl-first"].id
        learner.session.start()
        assert learner.engine.by_name["dl-first"].id == half_done

    def test_on_another_engine_it_does_not_go_on_until_told(self, learner: Learner) -> None:
        place = learner.session.start()
        other = Learner(learner.paths, FakeEngine(BUSYBOX, engine_id="ANOTHER"))
        other.run()
        with pytest.raises(OtherEngine) as caught:
            other.session.check(place)
        assert "--anew" in str(caught.value.remedy)
        with pytest.raises(OtherEngine):
            other.session.start()
        assert not other.session.place().passed
        del other.engine.by_name["dl-first"]
        fresh = other.session.start("first-run", anew=True)
        assert fresh.attempt is not None
        assert place.attempt is not None
        assert fresh.attempt.engine_id == "ANOTHER"
        assert fresh.attempt.id != place.attempt.id


class TestCheck:
    def test_unmet_then_met_and_written_down(self, learner: Learner) -> None:
        place = learner.session.start()
        verdict = learner.session.check(place)
        assert (verdict.status, verdict.passed, verdict.mistake) == (Status.UNMET, False, None)
        learner.run()
        verdict = learner.session.check(place)
        assert (verdict.status, verdict.passed) == (Status.MET, True)
        assert verdict.result
        assert again(learner).session.place().passed
        record = learner.session.place().record
        assert record is not None
        assert record.verified[0].startswith("container dl-first: running")

    def test_a_mistake_is_recognised(self, learner: Learner) -> None:
        place = learner.session.start()
        learner.run()
        learner.end(code=0)
        verdict = learner.session.check(place)
        assert verdict.mistake is not None
        assert verdict.mistake.name == "nothing to keep it running"
        assert verdict.mistake.dead_end

    def test_passed_once_stays_passed_and_says_what_is_so_now(self, learner: Learner) -> None:
        learner.session.start()
        learner.run()
        learner.session.check(learner.place())
        learner.end()
        verdict = learner.session.check(learner.place())
        assert (verdict.status, verdict.passed) == (Status.UNMET, True)

    def test_could_not_look_is_unknown_and_never_a_pass(self, learner: Learner) -> None:
        place = learner.session.start()
        learner.run()
        identity = learner.engine.identity
        learner.engine.failure = EngineSilent("The engine does not answer.")
        with pytest.raises(EngineSilent):
            learner.session.check(place)
        assert not learner.session.place().passed
        learner.engine.failure = None
        assert identity == learner.engine.identity
        assert learner.session.check(place).passed

    def test_silence_on_the_way_and_words_when_there_is_something_to_say(self, learner: Learner) -> None:
        place = learner.session.start()
        assert learner.session.glance(place, failed=False) is None
        failed = learner.session.glance(place, failed=True)
        assert failed is not None
        assert failed.status is Status.UNMET
        learner.run(status="created", running=False)
        assert learner.session.glance(place, failed=False) is None
        learner.end(code=0)
        dead_end = learner.session.glance(place, failed=False)
        assert dead_end is not None
        assert dead_end.mistake is not None
        del learner.engine.by_name["dl-first"]
        learner.run()
        met = learner.session.glance(place, failed=False)
        assert met is not None
        assert met.passed
        assert learner.session.glance(learner.place(), failed=True) is None

    def test_steps_that_ask_are_not_verified_on_the_engine(self, learner: Learner) -> None:
        place = learner.pass_first()
        verdict = learner.session.check(place)
        assert verdict.status is Status.UNMET
        assert "dockerlearn answer" in str(verdict.outcomes[0].next)


class TestAnswers:
    def test_right_and_wrong(self, learner: Learner) -> None:
        place = learner.pass_first()
        right = learner.engine.by_name["dl-first"].id
        wrong = learner.session.answer(place, "dl-first")
        assert (wrong.right, wrong.passed) == (False, False)
        assert right not in wrong.say
        assert right[:12] not in wrong.say
        record = learner.place().record
        assert record is not None
        assert record.wrong_answers == 1
        told = learner.session.answer(place, right[:12].upper())
        assert (told.right, told.passed) == (True, True)
        assert told.insight

    def test_a_wrong_answer_that_the_lesson_knows_is_explained(self, learner: Learner) -> None:
        place = learner.pass_first()

        def told(text: str) -> str:
            return learner.session.answer(place, text).say

        assert told('"DL-first"').startswith("That is the name of the container.")
        assert told(BUSYBOX.id.removeprefix("sha256:")[:12]).startswith("That is the id of the image.")
        assert "at least six" in told("0a1b")
        assert told("no idea") == "That is not it."
        assert told("") == "That is not it."
        del learner.engine.images[BUSYBOX.id]
        assert told(BUSYBOX.id[7:19]) == "That is not it."
        learner.engine.failure = EngineSilent("The engine does not answer.")
        with pytest.raises(EngineSilent):
            learner.session.answer(place, "no idea")

    def test_a_prediction_is_kept_once_and_explains_itself(self, learner: Learner) -> None:
        place = learner.session.start()
        assert place.prediction_open
        wrong = learner.session.answer(place, "1")
        assert not wrong.right
        assert wrong.say
        assert not wrong.passed
        assert not learner.place().prediction_open
        assert learner.session.predict(learner.place(), "2").right
        record = learner.place().record
        assert record is not None
        assert record.choice == 0

    def test_in_a_step_to_find_out_an_answer_is_no_prediction(self, learner: Learner) -> None:
        place = learner.pass_first()
        assert not learner.session.answer(place, "2").passed
        assert learner.place().prediction_open
        assert learner.session.predict(place, "3").right

    def test_the_answer_is_not_in_the_hints_or_the_step(self, learner: Learner) -> None:
        place = learner.session.start("first-run/broken")
        assert place.attempt is not None
        token = place.attempt.variables["token"]
        for text in (place.step.task, place.step.learn, *place.step.hints, str(learner.session.solution(place))):
            assert token not in text

    def test_where_nothing_is_asked(self, learner: Learner) -> None:
        place = learner.session.start("first-run/run")
        with pytest.raises(UsageError):
            learner.session.answer(place, "7")


class TestMoves:
    def test_next_waits_until_the_step_is_met(self, learner: Learner) -> None:
        learner.session.start()
        moved = learner.session.next()
        assert moved.verdict is not None
        assert not moved.verdict.passed
        assert learner.place().name == "first-run/run"
        learner.run()
        assert learner.session.next().place is not None
        assert learner.place().name == "first-run/look"

    def test_skip_goes_on_and_is_remembered(self, learner: Learner) -> None:
        learner.session.start()
        moved = learner.session.skip()
        assert moved.place is not None
        assert moved.place.name == "first-run/look"
        assert learner.engine.by_name["dl-first"].running
        statuses = [step.status for step in learner.session.syllabus()[0].steps]
        assert statuses[:3] == ["skipped", "open", "new"]

    def test_back_leaves_the_world_as_it_is(self, learner: Learner) -> None:
        learner.pass_first()
        before = dict(learner.engine.by_name)
        place = learner.session.back()
        assert place.name == "first-run/run"
        assert place.passed
        assert learner.engine.by_name == before
        with pytest.raises(UsageError):
            learner.session.back()
        assert learner.session.next().place is not None
        assert learner.place().name == "first-run/look"

    def test_redo_takes_away_what_the_lesson_made_and_nothing_else(self, learner: Learner) -> None:
        theirs = learner.engine.add("other")
        place = learner.session.start("first-run/inside")
        made = learner.engine.by_name["dl-first"].id
        learner.engine.put_file(made, "/note", b"x")
        place = learner.session.redo()
        assert place.name == "first-run/inside"
        there = learner.engine.by_name["dl-first"]
        assert there.id != made
        assert "/note" not in learner.engine.files.get(there.id, {})
        assert learner.engine.by_name["other"] == theirs
        assert learner.session.redo("run").name == "first-run/run"
        assert "dl-first" not in learner.engine.by_name

    def test_to_the_end_of_the_course(self, learner: Learner) -> None:
        learner.session.start()
        for _ in range(7):
            assert learner.session.skip().finished is None
        end = learner.session.skip()
        assert end.place is None
        assert end.finished == "first-run"


class TestHelp:
    def test_hints_come_one_by_one_and_the_last_one_stays(self, learner: Learner) -> None:
        place = learner.session.start()
        numbers = [learner.session.hint(place).number for _ in range(5)]
        assert numbers == [1, 2, 3, 3, 3]
        assert learner.session.hint(place).total == 3

    def test_reading_needs_no_engine(self, learner: Learner) -> None:
        place = learner.session.start()
        asked = learner.asked
        learner.session.hint(place)
        learner.session.solution(place)
        learner.session.place("first-run/stop")
        learner.session.syllabus()
        assert learner.asked == asked

    def test_no_prediction_where_there_is_none(self, learner: Learner) -> None:
        place = learner.session.start()
        import msgspec

        bare = msgspec.structs.replace(place, step=msgspec.structs.replace(place.step, predict=None, hints=[]))
        with pytest.raises(WrongKind):
            learner.session.predict(bare, "1")
        with pytest.raises(WrongKind):
            learner.session.hint(bare)


def test_a_refused_new_attempt_leaves_the_old_one_open(learner: Learner) -> None:
    place = learner.session.start()
    other = Learner(learner.paths, FakeEngine(BUSYBOX, engine_id="ANOTHER"))
    other.engine.add("dl-first")
    with pytest.raises(NameTaken):
        other.session.start("first-run", anew=True)
    other.store.close()
    assert place.attempt is not None
    attempt = learner.store.attempt("docker", "first-run")
    assert attempt is not None
    assert attempt.id == place.attempt.id
    learner.run()
    assert learner.session.check(learner.place()).passed


def test_a_new_attempt_on_the_same_engine_keeps_what_was_made_in_the_ledger(learner: Learner) -> None:
    learner.session.start()
    learner.run()
    place = learner.session.start("first-run", anew=True)
    assert place.name == "first-run/run"
    assert not place.passed
    assert "dl-first" not in learner.engine.by_name


def test_an_attempt_knows_which_images_were_there(learner: Learner) -> None:
    old = learner.engine.add_image(make_image("theirs:v1"))
    learner.session.start()
    new = learner.engine.add_image(make_image("later:v1"))
    attempt = learner.store.attempt("docker", "first-run")
    assert attempt is not None
    before = learner.store.images_before(attempt.id)
    assert before is not None
    assert (old.id in before, new.id in before) == (True, False)
    learner.session.start("first-run", anew=True)
    again = learner.store.attempt("docker", "first-run")
    assert again is not None
    noted = learner.store.images_before(again.id)
    assert noted is not None
    assert new.id in noted


def test_the_memory_of_the_engine_is_asked_when_a_step_begins_and_not_at_each_look(learner: Learner) -> None:
    place = learner.session.start()
    assert "events" in learner.engine.calls
    learner.run()
    learner.engine.calls.clear()
    learner.session.check(place)
    assert "events" not in learner.engine.calls
    assert "image_ids" not in learner.engine.calls


def test_a_free_port_is_one_of_the_engines_machine() -> None:
    engine = FakeEngine()
    engine.add("blog", published={"80/tcp": (Binding("0.0.0.0", 8080),), "53/udp": (Binding("0.0.0.0", 53),)})
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert not free_ports(engine)(taken)
        engine.move("ssh://build.example", "build.example")
        far = free_ports(engine)
        # What is taken on this machine says nothing of that one, whose containers are all that can be seen.
        assert [far(port) for port in (taken, 8080, 53)] == [True, False, True]


def test_a_check_waits_for_a_set_up_and_is_about_what_it_left(learner: Learner) -> None:
    """The step was started afresh meanwhile, in another terminal: what was so before is not what is judged."""
    learner.session.start()
    learner.run()
    place = learner.session.place()
    begun, over = threading.Event(), threading.Event()

    def redo() -> None:
        with Turns(learner.paths.turns).setting_up():
            begun.set()
            over.wait(30)
            learner.engine.remove_container("dl-first")

    thread = threading.Thread(target=redo)
    thread.start()
    begun.wait(30)
    timer = threading.Timer(0.3, over.set)
    timer.start()
    verdict = learner.session.check(place)
    thread.join()
    timer.join()
    assert verdict.status is Status.UNMET


def test_a_pass_counts_for_the_step_as_it_was_started_last(learner: Learner) -> None:
    place = learner.session.start()
    learner.engine.clock += timedelta(seconds=5)
    learner.session.redo()
    learner.run()
    assert learner.session.check(place).passed
    assert learner.session.place().passed


def test_a_glance_in_the_middle_of_a_set_up_is_silent(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "GLANCE", 0.05)
    place = learner.session.start()
    learner.run()
    with Turns(learner.paths.turns).setting_up():
        assert learner.session.glance(place, failed=True) is None
    assert not learner.session.place().passed


def test_nobody_looks_while_a_step_is_started_afresh(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    learner.session.start()
    take_away, tried = bring.take_away, []

    def taking_away(context: bring.Context, stated: Sequence[Setup]) -> bring.SetupReport:
        with pytest.raises(BeingSetUp), Turns(learner.paths.turns).looking(0.0):
            pytest.fail("somebody looked")
        tried.append(context)
        return take_away(context, stated)

    monkeypatch.setattr(bring, "take_away", taking_away)
    learner.session.redo()
    assert tried
