"""The follower looks again when something happened, says what changed, and is not kept busy by what means nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from dockerlearn.checks.outcome import Status
from dockerlearn.course.packs import open_pack
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.snapshots import EventSnapshot, Health
from dockerlearn.errors import EngineSilent, NothingOpen, OtherEngine
from dockerlearn.paths import Paths
from dockerlearn.progress.store import Store
from dockerlearn.session.follow import Change, Follower, Rhythm
from dockerlearn.session.session import Place, Session
from dockerlearn.session.turns import Turns
from dockerlearn.session.verdict import Verdict
from tests.fake_engine import FakeEngine, make_id
from tests.test_session import BUSYBOX

PACK = Path(__file__).parent / "packs" / "follow"
LONG = 30.0
"""Seconds within which what must come has come, on any machine."""

NEVER = 3600.0
ONLY_EVENTS = Rhythm(tick=NEVER, poll=NEVER, slowest=NEVER, retry=0.01)
"""Nothing but events makes this one look."""


class Counting(Session):
    """Counts how often it looks."""

    looks_made = 0

    def verify(self, place: Place, *, limit: float | None = None, explaining: bool = True) -> Verdict:
        self.looks_made += 1
        return super().verify(place, limit=limit, explaining=explaining)


class Learner:
    """Somebody at the first step of a lesson, and an engine that can be exchanged."""

    def __init__(self, folder: Path, engine: FakeEngine) -> None:
        self.folder = folder
        self.engine = engine
        self.forgotten = 0
        self.store = Store.open(folder / "progress.sqlite")
        self.paths = Paths(folder, folder / "work")
        self.session = Counting(open_pack(PACK), self.store, self.paths, self.connect)

    def connect(self) -> EngineApi:
        if self.engine.failure is not None:
            raise self.engine.failure
        return self.engine

    def forget(self) -> None:
        self.forgotten += 1

    @contextmanager
    def follow(self, rhythm: Rhythm = ONLY_EVENTS, step: str | None = None) -> Iterator[Follower]:
        with Follower(self.session, step, forget=self.forget, rhythm=rhythm) as follower:
            yield follower

    def run(self, name: str = "dl-web") -> None:
        self.engine.clock += timedelta(seconds=30)
        now = self.engine.clock
        self.engine.add(
            name, id=make_id(name, now), created=now, started=now - timedelta(seconds=20), image_id=BUSYBOX.id,
        )  # fmt: skip
        self.engine.happen("start", name)


@pytest.fixture
def learner(tmp_path: Path) -> Iterator[Learner]:
    found = Learner(tmp_path, FakeEngine(BUSYBOX))
    found.session.start()
    yield found
    found.store.close()


def need(change: Change | None) -> Change:
    assert change is not None
    return change


def status(change: Change | None) -> Status:
    verdict = need(change).verdict
    assert verdict is not None
    return verdict.status


def test_the_state_at_the_beginning_comes_at_once_and_then_only_changes(learner: Learner) -> None:
    with learner.follow() as follower:
        first = need(follower.next(LONG))
        assert (status(first), first.aloud, first.moved, first.place.name) == (
            Status.UNMET, False, False, "following/run",
        )  # fmt: skip
        assert follower.next(0.05) is None
        learner.run()
        met = need(follower.next(LONG))
        assert (met.met, met.place.passed) == (True, False)
        assert learner.session.place().passed


def test_what_appeared_is_entered_into_the_ledger(learner: Learner) -> None:
    with learner.follow() as follower:
        need(follower.next(LONG))
        learner.run()
        assert need(follower.next(LONG)).met
    entries = learner.store.entries(learner.engine.identity.id)
    assert [entry.name for entry in entries] == ["dl-web"]


def test_what_is_so_in_the_middle_of_a_set_up_says_nothing(learner: Learner) -> None:
    """A redo in another terminal makes and takes away; for a moment the step may be met."""
    rhythm = Rhythm(tick=0.02, poll=0.02, slowest=0.02, retry=0.01)
    with learner.follow(rhythm) as follower:
        assert status(follower.next(LONG)) is Status.UNMET
        with Turns(learner.paths.turns).setting_up():
            learner.run()
            assert follower.next(0.3) is None
            assert not learner.session.place().passed
            learner.engine.remove_container("dl-web")
        assert follower.next(0.3) is None
        learner.run()
        assert need(follower.next(LONG)).met


def test_without_a_started_step_there_is_nothing_to_follow(tmp_path: Path) -> None:
    learner = Learner(tmp_path, FakeEngine(BUSYBOX))
    with learner.follow() as follower, pytest.raises(NothingOpen):
        follower.next(LONG)
    learner.store.close()


def test_what_happens_between_the_look_and_the_stream_is_not_missed(learner: Learner) -> None:
    """The engine's headers come before its subscription: the stream begins before the look."""
    real = learner.engine.follow

    def late(since: object) -> object:
        stream = real(since)  # type: ignore[arg-type]
        begin = stream.__iter__

        class Late:
            def __iter__(self) -> Iterator[EventSnapshot]:
                assert subscribed.wait(LONG)
                return begin()

            close = stream.close

        return Late()

    subscribed = threading.Event()
    learner.engine.follow = late  # type: ignore[method-assign,assignment]
    with learner.follow() as follower:
        assert status(follower.next(LONG)) is Status.UNMET
        learner.run()
        subscribed.set()
        assert need(follower.next(LONG)).met


def test_an_event_without_a_difference_says_nothing(learner: Learner) -> None:
    with learner.follow() as follower:
        need(follower.next(LONG))
        learner.engine.add("dl-other")
        learner.engine.happen("start", "dl-other")
        assert follower.next(0.3) is None


class TestRelevance:
    """What is not worth a look costs none."""

    @pytest.fixture
    def busy(self, learner: Learner) -> Iterator[tuple[Learner, Follower]]:
        learner.engine.add("dl-other", health=Health("healthy", 0, "", 0, 1.0, "/bin/sh -c true"))
        with learner.follow() as follower:
            need(follower.next(LONG))
            while follower.next(0.05) is not None:
                pass
            yield learner, follower

    def looked(self, busy: tuple[Learner, Follower]) -> bool:
        learner, follower = busy
        before = learner.session.looks_made
        assert follower.next(0.3) is None
        return learner.session.looks_made > before

    def test_ours_of_any_process(self, busy: tuple[Learner, Follower]) -> None:
        learner, _ = busy
        other = Store.open(learner.folder / "progress.sqlite")
        for identifier in ("ours", "helper"):
            other.note_look(learner.engine.identity.id, identifier)
        other.close()
        learner.engine.happen("exec_start", "dl-other", "ls", execID="ours")
        learner.engine.happen("exec_die", "dl-other", execID="ours")
        learner.engine.happen("start", "helper")
        learner.engine.happen("destroy", "helper")
        learner.engine.happen("mount", "dl-data", kind="volume", container="helper")
        assert not self.looked(busy)

    def test_health_checks(self, busy: tuple[Learner, Follower]) -> None:
        learner, _ = busy
        learner.engine.happen("exec_start", "dl-other", "/bin/sh -c true", execID="h")
        learner.engine.happen("exec_die", "dl-other", execID="h")
        assert not self.looked(busy)

    @pytest.mark.parametrize("action", ["top", "archive-path", "exec_create", "resize"])
    def test_looks(self, busy: tuple[Learner, Follower], action: str) -> None:
        busy[0].engine.happen(action, "dl-other")
        assert not self.looked(busy)

    def test_a_helper_that_is_not_noted_yet(self, busy: tuple[Learner, Follower]) -> None:
        busy[0].engine.happen("create", "eager_turing")
        assert not self.looked(busy)

    def test_other_kinds(self, busy: tuple[Learner, Follower]) -> None:
        busy[0].engine.happen("reload", "x", kind="daemon")
        assert not self.looked(busy)

    def test_twice_the_same(self, busy: tuple[Learner, Follower]) -> None:
        learner, _ = busy
        event = learner.engine.happen("start", "dl-other")
        assert self.looked(busy)
        with learner.engine.news:
            learner.engine.happened.append(event)
            learner.engine.news.notify_all()
        assert not self.looked(busy)

    @pytest.mark.parametrize(
        ("action", "name"),
        [("exec_start", "dl-other"), ("start", "eager_turing"), ("create", "dl-web"), ("destroy", "dl-other")],
    )
    def test_what_is_worth_one(self, busy: tuple[Learner, Follower], action: str, name: str) -> None:
        busy[0].engine.happen(action, name, "ls" if action == "exec_start" else "", execID="hers")
        assert self.looked(busy)


def test_a_burst_is_one_reason_to_look(learner: Learner) -> None:
    with learner.follow() as follower:
        need(follower.next(LONG))
        for number in range(2_000):
            learner.engine.happen("start", f"foreign-{number}")
        learner.run()
        before = learner.session.looks_made
        assert need(follower.next(LONG)).met
        assert learner.session.looks_made - before <= 10


class TestSettling:
    def test_what_is_on_its_way_is_said_first_and_the_rest_later(self, learner: Learner) -> None:
        with learner.follow() as follower:
            need(follower.next(LONG))
            learner.run()
            learner.engine.change("dl-web", started=learner.engine.clock)
            coming = need(follower.next(LONG))
            assert status(coming) is Status.UNMET
            assert "making sure it stays" in coming.waiting_for
            assert not coming.met
            learner.engine.clock += timedelta(seconds=5)
            assert need(follower.next(LONG)).met

    def test_what_crashes_meanwhile_is_not_met(self, learner: Learner) -> None:
        with learner.follow() as follower:
            need(follower.next(LONG))
            learner.run()
            learner.engine.change("dl-web", started=learner.engine.clock)
            assert need(follower.next(LONG)).waiting_for
            learner.engine.change("dl-web", status="exited", running=False, exit_code=1)
            learner.engine.happen("die", "dl-web", exitCode="1")
            ended = need(follower.next(LONG))
            assert (status(ended), ended.waiting_for) == (Status.UNMET, "")


class TestAloud:
    def test_only_a_dead_end(self, learner: Learner) -> None:
        with learner.follow() as follower:
            need(follower.next(LONG))
            learner.engine.add("dl-web", image_ref="other", image_id="sha256:" + "0" * 64)
            learner.engine.happen("create", "dl-web")
            quiet = need(follower.next(LONG))
            assert (status(quiet), quiet.aloud) == (Status.UNMET, False)
            learner.engine.change("dl-web", privileged=True)
            learner.engine.happen("update", "dl-web")
            loud = need(follower.next(LONG))
            assert loud.aloud
            assert loud.verdict is not None
            assert loud.verdict.mistake is not None
            assert loud.verdict.mistake.name == "privileged"


class TestOtherThings:
    """What makes no event on the engine."""

    RHYTHM = Rhythm(tick=0.01, poll=NEVER, slowest=NEVER)

    def test_a_file(self, learner: Learner) -> None:
        place = learner.session.start("following/write")
        with learner.follow(self.RHYTHM) as follower:
            assert status(follower.next(LONG)) is Status.UNMET
            (place.folder / "note").write_text("hello\n")
            assert need(follower.next(LONG)).met

    def test_a_file_in_a_folder_that_is_made(self, learner: Learner) -> None:
        place = learner.session.start("following/write")
        (place.folder / "note").write_text("no\n")
        with learner.follow(self.RHYTHM) as follower:
            assert status(follower.next(LONG)) is Status.UNMET
            (place.folder / "a" / "b").mkdir(parents=True)
            (place.folder / "a" / "b" / "c").write_text("x")
            assert follower.next(0.2) is None
            (place.folder / "note").write_text("hello\n")
            assert need(follower.next(LONG)).met

    def test_another_process_moves_on(self, learner: Learner) -> None:
        with learner.follow(self.RHYTHM) as follower:
            need(follower.next(LONG))
            other = Learner(learner.folder, learner.engine)
            other.session.skip()
            moved = need(follower.next(LONG))
            assert (moved.moved, moved.place.name) == (True, "following/write")
            other.store.close()

    def test_a_step_that_was_asked_for_is_stayed_at(self, learner: Learner) -> None:
        with learner.follow(self.RHYTHM, "following/run") as follower:
            need(follower.next(LONG))
            other = Learner(learner.folder, learner.engine)
            other.session.skip()
            assert follower.next(0.2) is None
            learner.run()
            change = need(follower.next(LONG))
            assert (change.place.name, change.met) == ("following/run", True)
            other.store.close()

    def test_a_hint_in_another_process_says_nothing(self, learner: Learner) -> None:
        with learner.follow(self.RHYTHM) as follower:
            place = need(follower.next(LONG)).place
            other = Learner(learner.folder, learner.engine)
            other.session.hint(place)
            other.store.note_look("engine", "x")
            other.store.close()
            assert follower.next(0.2) is None

    def test_an_answer_in_another_process(self, learner: Learner) -> None:
        place = learner.session.start("following/say")
        with learner.follow(self.RHYTHM) as follower:
            assert status(follower.next(LONG)) is Status.UNMET
            other = Learner(learner.folder, learner.engine)
            other.session.answer(place, "42")
            other.store.close()
            assert need(follower.next(LONG)).met

    def test_a_poll_finds_what_no_event_told(self, learner: Learner) -> None:
        with learner.follow(Rhythm(tick=NEVER, poll=0.01, slowest=0.02)) as follower:
            need(follower.next(LONG))
            happened = list(learner.engine.happened)
            learner.run()
            learner.engine.happened[:] = happened
            assert need(follower.next(LONG)).met

    def test_somebody_asks_for_a_look(self, learner: Learner) -> None:
        with learner.follow() as follower:
            need(follower.next(LONG))
            happened = list(learner.engine.happened)
            learner.run()
            learner.engine.happened[:] = happened
            follower.wake()
            assert need(follower.next(LONG)).met


class TestLoss:
    def lose(self, learner: Learner) -> None:
        learner.engine.failure = EngineSilent("The engine does not answer.", "start it")
        learner.engine.hang_up()

    def test_at_the_very_beginning_it_is_an_error(self, learner: Learner) -> None:
        learner.engine.failure = EngineSilent("The engine does not answer.")
        with learner.follow() as follower, pytest.raises(EngineSilent):
            follower.next(LONG)

    def test_a_lost_engine_is_said_once_and_followed_when_it_is_back(self, learner: Learner) -> None:
        with learner.follow() as follower:
            need(follower.next(LONG))
            self.lose(learner)
            lost = need(follower.next(LONG))
            assert lost.verdict is None
            assert isinstance(lost.error, EngineSilent)
            assert not lost.met
            assert follower.next(0.3) is None
            assert learner.forgotten
            learner.run()
            learner.engine.failure = None
            assert need(follower.next(LONG)).met

    def test_events_are_followed_again_afterwards(self, learner: Learner) -> None:
        with learner.follow() as follower:
            need(follower.next(LONG))
            self.lose(learner)
            need(follower.next(LONG))
            learner.engine.failure = None
            assert status(follower.next(LONG)) is Status.UNMET
            learner.run()
            assert need(follower.next(LONG)).met

    def test_a_stream_that_only_ends_is_opened_anew_in_silence(self, learner: Learner) -> None:
        with learner.follow() as follower:
            need(follower.next(LONG))
            learner.engine.hang_up()
            assert follower.next(0.3) is None
            learner.run()
            assert need(follower.next(LONG)).met

    def test_another_engine_in_its_place_is_never_met(self, learner: Learner) -> None:
        with learner.follow() as follower:
            need(follower.next(LONG))
            first = learner.engine
            learner.engine = FakeEngine(BUSYBOX, engine_id="ANOTHER")
            learner.run()
            first.hang_up()
            change = need(follower.next(LONG))
            assert isinstance(change.error, OtherEngine)
            learner.engine = first
            learner.run()
            assert need(follower.next(LONG)).met


class TestClosing:
    def test_from_another_thread(self, learner: Learner) -> None:
        with learner.follow() as follower:
            need(follower.next(LONG))
            closer = threading.Timer(0.05, follower.close)
            closer.start()
            assert follower.next() is None
            assert list(follower) == []
            closer.join()

    def test_an_interruption_is_one_and_is_never_lost(self, learner: Learner) -> None:
        """Whoever waits for a change comes back to do something else, and goes on waiting after that."""
        with learner.follow() as follower:
            need(follower.next(LONG))
            follower.interrupt()
            assert follower.next() is None
            assert follower.next(0.05) is None
            caller = threading.Timer(0.1, follower.interrupt)
            caller.start()
            assert follower.next() is None
            learner.run()
            assert need(follower.next(LONG)).met

    def test_no_thread_is_left(self, learner: Learner) -> None:
        with learner.follow() as follower:
            need(follower.next(LONG))
            reader = follower._reader
            assert reader is not None
        reader.join(LONG)
        assert not reader.is_alive()


def test_an_older_look_does_not_replace_a_newer_one(learner: Learner) -> None:
    """What happens during a look is looked at again after it: the last word is the newest."""
    with learner.follow() as follower:
        need(follower.next(LONG))
        assert follower.next(0.05) is None
        learner.run()
        real, engine = learner.engine.container, learner.engine
        removed = threading.Event()

        def slow(name: str) -> object:
            found = real(name)
            if name == "dl-web" and not removed.is_set():
                removed.set()
                engine.by_name.pop("dl-web", None)
                engine.happen("destroy", "dl-web-x")
                with engine.news:
                    engine.happened[-1] = msgspec.structs.replace(engine.happened[-1], name="dl-web")
            return found

        engine.container = slow  # type: ignore[method-assign,assignment]
        seen = [follower.next(LONG)]
        while (more := follower.next(0.5)) is not None:
            seen.append(more)
        assert need(seen[0]).met
        assert status(seen[-1]) is Status.UNMET


def test_two_that_probe_do_not_keep_each_other_busy(learner: Learner) -> None:
    """Each one's probes are events for the other, and notes in the store that both watch."""
    learner.engine.runs["probe",] = ("", 1)
    learner.run()
    learner.session.start("following/probed")
    other = Learner(learner.folder, learner.engine)
    rhythm = Rhythm(tick=0.01, poll=NEVER, slowest=NEVER)
    with learner.follow(rhythm) as one, other.follow(rhythm) as two:
        assert status(one.next(LONG)) is Status.UNMET
        assert status(two.next(LONG)) is Status.UNMET
        for _ in range(5):
            assert one.next(0.05) is None
            assert two.next(0.05) is None
        assert learner.session.looks_made + other.session.looks_made <= 4
        learner.engine.runs["probe",] = ("", 0)
        learner.engine.happen("exec_start", "dl-web", "repair", execID="hers")
        assert need(one.next(LONG)).met
        assert need(two.next(LONG)).met
    other.store.close()
