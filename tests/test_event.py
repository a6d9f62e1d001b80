"""``event``: what happened since the step began, told apart from what we and the engine itself did."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.checks.event import Event
from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.checks.run import Time, look
from dockerlearn.engine.snapshots import Health
from dockerlearn.progress import store as store_module
from dockerlearn.progress.store import Store
from dockerlearn.session.session import Looks
from dockerlearn.world.happened import BASELINE, MEMORY, NONE, SOME, OwnHere
from dockerlearn.world.probes import Probes
from dockerlearn.world.world import Scope, World
from tests.fake_engine import FakeEngine, make_id
from tests.test_nouns import BUSYBOX, IMAGES, NGINX, check, no

WEB = "dl-web"


class Bench:
    """An engine on which something happened before the step began."""

    def __init__(self) -> None:
        self.engine = FakeEngine(BUSYBOX, NGINX)
        self.own = OwnHere()
        self.engine.add(WEB)
        self.engine.happen("start", WEB)
        self.engine.clock += timedelta(seconds=5)
        self.since = self.engine.clock
        self.baseline = {BASELINE: SOME}

    def happen(self, *actions: str, thing: str = WEB, **attributes: str) -> None:
        """Things happen to a container: ``kill 9``, ``die 137``, ``exec_start ls /``, or an action alone."""
        for action in actions:
            word, _, rest = action.partition(" ")
            if word == "kill":
                self.engine.happen(word, thing, signal=rest, **attributes)
            elif word in {"die", "exec_die"}:
                self.engine.happen(word, thing, exitCode=rest, **attributes)
            else:
                self.engine.happen(word, thing, rest, **attributes)

    def now(self) -> float:
        return self.engine.clock.timestamp()

    def later(self, seconds: float = 60) -> None:
        self.engine.clock += timedelta(seconds=seconds)

    def see(self, **raw: Any) -> Outcome:
        scope = Scope(IMAGES, self.baseline, self.since)
        return check(**raw).look(World(self.engine, Path("/nonexistent"), scope, own=self.own))


@pytest.fixture
def bench() -> Bench:
    return Bench()


STOP = ("kill 15", "die 0", "stop")
HARD_STOP = ("kill 15", "kill 9", "die 137", "stop")

# what is asked, what happened, whether that is it
SAID: dict[str, tuple[dict[str, Any], tuple[str, ...], bool]] = {
    "started": ({"event": "started"}, ("start",), True),
    "started: only made": ({"event": "started"}, ("create",), False),
    "stopped by docker stop": ({"event": "stopped"}, STOP, True),
    "stopped the hard way": ({"event": "stopped"}, HARD_STOP, True),
    "stopped: killed": ({"event": "stopped"}, ("kill 9", "die 137"), False),
    "stopped: by docker kill -s TERM": ({"event": "stopped"}, ("kill 15", "die 143"), False),
    "stopped: its own end": ({"event": "stopped"}, ("die 0",), False),
    "stopped with 0": ({"event": "stopped", "exit_code": "0"}, STOP, True),
    "stopped with 0: the hard way, and later its own end": (
        {"event": "stopped", "exit_code": "0"}, (*HARD_STOP, "start", "die 0"), False,
    ),
    "stopped with 0: its own end, and later the hard way": (
        {"event": "stopped", "exit_code": "0"}, ("die 0", "start", *HARD_STOP), False,
    ),
    "stopped with 0: restarted the hard way, then stopped": (
        {"event": "stopped", "exit_code": "0", "times": "1"}, (*HARD_STOP, "start", "restart", *STOP), True,
    ),
    "stopped with 0, told as Podman does": (
        {"event": "stopped", "exit_code": "0"}, ("kill 15", "stop", "die 0"), True,
    ),
    "stopped with 0: the hard way and then its own end, told as Podman does": (
        {"event": "stopped", "exit_code": "0"}, ("kill 9", "stop", "die 137", "start", "die 0"), False,
    ),
    "stopped with 0: an end that was never told": (
        {"event": "stopped", "exit_code": "0"}, ("kill 9", "stop", "start", "die 0"), False,
    ),
    "stopped, never with 0": ({"event": "stopped", "exit_code": "0", "times": "0"}, HARD_STOP, True),
    "killed": ({"event": "killed"}, ("kill 9", "die 137"), True),
    "killed with TERM": ({"event": "killed", "signal": "TERM"}, ("kill 15", "die 143"), True),
    "killed with SIGTERM": ({"event": "killed", "signal": "SIGTERM"}, ("kill 15",), True),
    "killed with 15": ({"event": "killed", "signal": "15"}, ("kill 15",), True),
    "killed: another signal": ({"event": "killed", "signal": "TERM"}, ("kill 9", "die 137"), False),
    "killed: stopped": ({"event": "killed"}, STOP, False),
    "killed: stopped the hard way": ({"event": "killed"}, HARD_STOP, False),
    "killed: stopped, told as Podman does": ({"event": "killed"}, ("kill 15", "stop", "die 0"), False),
    "killed: then stopped": ({"event": "killed", "signal": "HUP"}, ("kill 1", *STOP), True),
    "killed: in vain, then stopped": ({"event": "killed", "signal": "TERM"}, ("kill 15", *HARD_STOP), True),
    "killed: removed by force": ({"event": "killed"}, ("kill 9", "die 137", "destroy"), True),
    "killed: restarted": ({"event": "killed"}, (*STOP, "start", "restart"), False),
    "killed, and started again": ({"event": "killed"}, ("kill 9", "die 137", "start"), True),
    "died": ({"event": "died"}, ("die 3",), True),
    "died with 3": ({"event": "died", "exit_code": "3"}, ("die 3",), True),
    "died with another": ({"event": "died", "exit_code": "3"}, ("die 4",), False),
    "died: still there": ({"event": "died"}, ("pause",), False),
    "restarted": ({"event": "restarted"}, (*STOP, "start", "restart"), True),
    "restarted once": ({"event": "restarted", "times": "1"}, (*STOP, "start", "restart"), True),
    "restarted by stop and start": ({"event": "restarted", "times": "1"}, (*STOP, "start"), True),
    "restarted by kill and start": ({"event": "restarted"}, ("kill 9", "die 137", "start"), True),
    "restarted when it was down": ({"event": "restarted"}, ("start", "restart"), True),
    "restarted by its policy": ({"event": "restarted"}, ("die 1", "start", "die 1", "start"), False),
    "restarted: only started": ({"event": "restarted"}, ("start",), False),
    "restarted: only stopped": ({"event": "restarted"}, STOP, False),
    "restarted: a signal, and later a crash that the policy mended": (
        {"event": "restarted"}, ("die 1", "start", "kill 1"), False,
    ),
    "paused": ({"event": "paused"}, ("pause", "unpause"), True),
    "unpaused": ({"event": "unpaused"}, ("pause",), False),
    "renamed": ({"event": "renamed"}, ("start",), False),
    "removed": ({"event": "removed"}, ("destroy",), True),
    "removed, in Podman's word": ({"event": "removed"}, ("remove",), True),
    "exec": ({"event": "exec"}, ("exec_create ls", "exec_start ls"), True),
    "exec: made and not started": ({"event": "exec"}, ("exec_create ls",), False),
    "exec of this": ({"event": "exec", "command": "ls /etc"}, ("exec_start ls /etc",), True),
    "exec of this, quoted": ({"event": "exec", "command": "sh -c 'ls /etc'"}, ("exec_start sh -c ls /etc",), True),
    "exec of another": ({"event": "exec", "command": "ls /etc"}, ("exec_start ls /",), False),
    "exec like this": ({"event": "exec", "command": {"contains": "ls"}}, ("exec_start sh -c ls",), True),
    "twice": ({"event": "started", "times": "2"}, ("start", "start"), True),
    "not twice": ({"event": "started", "times": "2"}, ("start",), False),
    "more than twice": ({"event": "started", "times": {">": "2"}}, ("start", "start"), False),
    "never": ({"event": "killed", "times": "0"}, ("start",), True),
    "never, but it was": ({"event": "killed", "times": "0"}, ("kill 9", "die 137"), False),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_what_happened(bench: Bench, case: str) -> None:
    asked, happened, met = SAID[case]
    bench.happen(*happened)
    bench.later()
    outcome = bench.see(container=WEB, **asked)
    if met:
        assert outcome.met, outcome
    else:
        no(outcome)
        assert outcome.found
        assert outcome.next
        assert outcome.wait is None


def test_what_is_told(bench: Bench) -> None:
    bench.happen("kill 9", "die 137")
    bench.later()
    outcome = bench.see(event="stopped", container=WEB)
    assert outcome.expected == "dl-web should have been stopped"
    no(outcome, "kill with signal 9, die with 137", "docker stop dl-web")
    bench.happen("exec_start ls /")
    bench.later()
    no(bench.see(event="exec", container=WEB, command="ls /etc"), "exec_start (ls /)")
    no(bench.see(event="started", container=WEB), "what the engine told of it")
    no(bench.see(event="started", container="dl-other"), "nothing of the kind has happened", "docker start dl-other")


def test_what_was_before_the_step_does_not_count(bench: Bench) -> None:
    no(bench.see(event="started", container=WEB))


def test_another_of_the_same_name_counts_and_one_of_another_name_does_not(bench: Bench) -> None:
    bench.engine.add("dl-other")
    bench.happen("start", thing="dl-other")
    bench.later()
    no(bench.see(event="started", container=WEB))
    bench.engine.add(WEB, id=make_id("newer"))
    bench.happen("start")
    assert bench.see(event="started", container=WEB).met


def test_a_renamed_one_is_known_by_both_names(bench: Bench) -> None:
    bench.engine.happen("rename", "dl-new", oldName=f"/{WEB}")
    assert bench.see(event="renamed", container=WEB).met
    assert bench.see(event="renamed", container="dl-new").met


class TestOurOwn:
    def test_an_exec_of_this_process_does_not_count(self, bench: Bench) -> None:
        there = bench.engine.by_name[WEB]
        Probes(bench.engine, own=bench.own).exec(there.id, ["ls"])
        bench.later()
        assert [event.action for event in bench.engine.happened if event.time >= bench.since] == ["exec_start"]
        no(bench.see(event="exec", container=WEB))
        bench.engine.exec(there.id, ["ls"], seconds=1)
        assert bench.see(event="exec", container=WEB, times="1").met

    def test_one_of_another_process_does_not_count_either(self, bench: Bench, tmp_path: Path) -> None:
        there = bench.engine.by_name[WEB]
        with Store.open(tmp_path / "p") as one, Store.open(tmp_path / "p") as other:
            Probes(bench.engine, own=Looks(one, "E")).exec(there.id, ["ls"])
            bench.later()
            bench.own = Looks(other, "E")  # type: ignore[assignment]
            no(bench.see(event="exec", container=WEB))
            bench.own = Looks(other, "another engine")  # type: ignore[assignment]
            assert bench.see(event="exec", container=WEB).met

    def test_one_that_the_engine_tells_without_an_id_is_nobodys(self, bench: Bench) -> None:
        """Podman tells that something was run, and neither what nor whose it was."""
        bench.happen("exec")
        bench.later()
        outcome = bench.see(event="exec", container=WEB)
        assert outcome.status is Status.UNKNOWN
        assert "neither what nor by whom" in outcome.found
        no(bench.see(event="exec", container="dl-other"))

    def test_it_is_noted_before_it_runs(self, bench: Bench) -> None:
        """A tutor that is killed in the middle leaves no exec that could be taken for the learner's."""
        there = bench.engine.by_name[WEB]

        class Killed(Exception):
            pass

        class Own(OwnHere):
            def note(self, identifier: str) -> None:
                super().note(identifier)
                raise Killed

        with pytest.raises(Killed):
            Probes(bench.engine, own=Own()).exec(there.id, ["ls"])
        assert "exec_start" not in {event.action for event in bench.engine.happened}

    def test_a_helper_does_not_count(self, bench: Bench) -> None:
        bench.engine.add_volume("dl-data")
        helper = make_id("helper")
        bench.engine.happen("mount", "dl-data", kind="volume", container=helper)
        assert bench.see(event="mounted", volume="dl-data").met
        bench.own.note(helper)
        no(bench.see(event="mounted", volume="dl-data"))

    def test_the_store_keeps_as_many_as_an_engine_can_remember(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert store_module.LOOKS >= MEMORY
        monkeypatch.setattr(store_module, "LOOKS", 3)
        with Store.open(tmp_path / "p") as store:
            store.note_look("other", "x")
            for number in range(10):
                store.note_look("engine", str(number))
            assert store.looks("engine") == {"7", "8", "9"}
            assert store.looks("other") == {"x"}


class TestHealthChecks:
    def checked(self, bench: Bench, command: str = "/bin/sh -c true") -> None:
        bench.engine.change(WEB, health=Health("healthy", 0, "", 0, 30.0, command))

    def test_they_do_not_count(self, bench: Bench) -> None:
        self.checked(bench)
        bench.happen("exec_create /bin/sh -c true", "exec_start /bin/sh -c true")
        bench.later()
        no(bench.see(event="exec", container=WEB), "nothing of the kind")

    def test_others_do(self, bench: Bench) -> None:
        self.checked(bench)
        bench.happen("exec_start ls")
        assert bench.see(event="exec", container=WEB, times="1").met

    def test_of_a_container_that_is_gone_and_had_one_nothing_is_counted(self, bench: Bench) -> None:
        bench.happen("exec_start ls", "health_status healthy", "destroy")
        del bench.engine.by_name[WEB]
        bench.happen("exec_start ls", thing="dl-plain")
        for event in bench.engine.happened[-4:]:
            assert event.attributes.get("name")
        bench.later()
        assert bench.see(event="exec", container="dl-plain").met
        gone = [e for e in bench.engine.happened if e.name == WEB]
        assert gone
        no(bench.see(event="exec", container=WEB))


class TestMemory:
    def fill(self, bench: Bench, count: int = MEMORY) -> None:
        for _ in range(count):
            bench.engine.happen("top", "somebody")
        bench.later()

    def test_when_the_beginning_is_forgotten_nothing_is_known_to_be_missing(self, bench: Bench) -> None:
        self.fill(bench)
        outcome = bench.see(event="started", container=WEB)
        assert outcome.status is Status.UNKNOWN
        assert "remembers only" in outcome.found
        assert outcome.next is not None
        assert "do it again" in outcome.next
        assert bench.see(event="started", container=WEB, times="0").status is Status.UNKNOWN

    def test_what_is_remembered_counts(self, bench: Bench) -> None:
        self.fill(bench)
        bench.happen("start", "start")
        assert bench.see(event="started", container=WEB).met
        assert bench.see(event="started", container=WEB, times={">": "1"}).met
        assert bench.see(event="started", container=WEB, times="2").status is Status.UNKNOWN
        bench.later()
        no(bench.see(event="started", container=WEB, times="1"), "twice")

    def test_up_to_then_it_is_known(self, bench: Bench) -> None:
        self.fill(bench, MEMORY - 1)
        no(bench.see(event="started", container=WEB))

    def test_a_restarted_engine_has_forgotten_everything(self, bench: Bench) -> None:
        bench.engine.happened.clear()
        assert bench.see(event="started", container=WEB).status is Status.UNKNOWN
        bench.happen("stop")
        assert bench.see(event="started", container=WEB).status is Status.UNKNOWN

    def test_an_engine_on_which_nothing_had_happened_before(self, bench: Bench) -> None:
        bench.engine.happened.clear()
        bench.baseline = {BASELINE: NONE}
        no(bench.see(event="started", container=WEB))
        self.fill(bench)
        assert bench.see(event="started", container=WEB).status is Status.UNKNOWN


class TestOnItsWay:
    def test_a_kill_may_be_the_beginning_of_a_stop(self, bench: Bench) -> None:
        bench.happen("kill 15")
        outcome = bench.see(event="killed", container=WEB)
        no(outcome)
        assert outcome.wait is not None
        bench.later(8)
        assert bench.see(event="killed", container=WEB).wait is not None
        bench.later(4)
        assert bench.see(event="killed", container=WEB).met

    def test_a_signal_that_ends_nothing_counts_at_once(self, bench: Bench) -> None:
        bench.happen("kill 1")
        assert bench.see(event="killed", container=WEB, signal="HUP").met

    def test_an_end_that_podman_tells_after_the_stop_is_waited_for(self, bench: Bench) -> None:
        bench.happen("kill 15", "stop")
        outcome = bench.see(event="stopped", container=WEB, exit_code="0")
        no(outcome)
        assert outcome.wait is not None
        bench.happen("die 0")
        assert bench.see(event="stopped", container=WEB, exit_code="0").met

    def test_what_comes_late_is_waited_for(self, bench: Bench) -> None:
        bench.happen("kill 9")

        def sleep(seconds: float) -> None:
            bench.engine.clock += timedelta(seconds=seconds)
            if bench.engine.happened[-1].action == "kill":
                bench.happen("die 137")

        passing = Time(bench.now, sleep)
        scope = Scope(IMAGES, bench.baseline, bench.since)
        result = look(
            [check(event="died", container=WEB)], lambda: World(bench.engine, Path("/"), scope), passing=passing
        )
        assert result.status is Status.MET

    def test_an_exec_that_has_not_ended(self, bench: Bench) -> None:
        bench.happen("exec_start ls", execID="e1")
        assert bench.see(event="exec", container=WEB, exit_code="0").wait is not None
        bench.happen("exec_die 1", execID="e1")
        bench.later()
        no(bench.see(event="exec", container=WEB, exit_code="0"))
        assert bench.see(event="exec", container=WEB, exit_code="1").met


class TestAnyContainer:
    def test_one_that_left_nothing(self, bench: Bench) -> None:
        for action in ("create", "start", "die 0", "destroy"):
            word, _, code = action.partition(" ")
            bench.engine.happen(word, "eager_turing", image="busybox:1.36", **({"exitCode": code} if code else {}))
        assert bench.see(event="died", container="any", image="busybox", exit_code="0").met
        bench.later()
        no(bench.see(event="died", container="any", image="nginx"))
        no(bench.see(event="died", container="any", image="busybox", exit_code="1"), "die with 0", "docker run")

    def test_somebody_elses_does_not_count(self, bench: Bench) -> None:
        bench.engine.happen("start", "theirs", image="busybox:1.36")
        bench.later()
        no(bench.see(event="started", container="any", image="busybox"))

    def test_the_image_by_another_name_is_the_same(self, bench: Bench) -> None:
        bench.engine.add_image(msgspec.structs.replace(BUSYBOX, tags=("busybox:1.36", "dl-b:v1")))
        for typed in ("dl-b:v1", BUSYBOX.id, BUSYBOX.id[7:19]):
            bench.engine.happen("create", f"c{typed[-3:]}", image=typed)
        assert bench.see(event="created", container="any", image="busybox", times="3").met


class TestOtherThings:
    def test_images(self, bench: Bench) -> None:
        bench.engine.happen("pull", "busybox:1.36", kind="image")
        bench.engine.happen("tag", BUSYBOX.id, kind="image", name="dl-b:v1")
        bench.engine.happen("save", BUSYBOX.id, kind="image")
        bench.later()
        assert bench.see(event="pulled", image="busybox").met
        assert bench.see(event="tagged", image="dl-b:v1").met
        assert bench.see(event="saved", image="busybox").met
        no(bench.see(event="pulled", image="nginx"), "docker pull nginx")
        no(bench.see(event="tagged", image="dl-b:v2"))
        no(bench.see(event="saved", image="nginx"))
        no(bench.see(event="loaded", image="busybox"), "save")

    def test_networks(self, bench: Bench) -> None:
        there = bench.engine.by_name[WEB]
        net = {"kind": "network", "name": "dl-net"}
        bench.engine.happen("create", "id", **net)
        bench.engine.happen("connect", "id", container=there.id, **net)
        bench.later()
        assert bench.see(event="created", network="dl-net").met
        assert bench.see(event="connected", network="dl-net").met
        assert bench.see(event="connected", network="dl-net", container=WEB).met
        no(bench.see(event="connected", network="dl-net", container="dl-db"))
        no(bench.see(event="disconnected", network="dl-net", container=WEB), "connect", "network disconnect dl-net")
        no(bench.see(event="removed", network="dl-net"), "docker network rm dl-net")

    def test_volumes(self, bench: Bench) -> None:
        bench.engine.happen("destroy", "dl-data", kind="volume")
        bench.later()
        assert bench.see(event="removed", volume="dl-data").met
        no(bench.see(event="mounted", volume="dl-data"), "destroy")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"event": "started"}, "about a container, an image"),
        ({"event": "frobbed", "container": WEB}, "not told of a container: created, started"),
        ({"event": "started", "image": "busybox"}, "not told of a image"),
        ({"event": "created", "network": "dl-n", "container": WEB}, "has no part"),
        ({"event": "started", "container": WEB, "command": "ls"}, "of event: exec"),
        ({"event": "started", "container": WEB, "exit_code": "1"}, "of event: died"),
        ({"event": "killed", "container": WEB, "exit_code": "1"}, "event: stopped and event: exec"),
        ({"event": "stopped", "container": WEB, "signal": "TERM"}, "of event: killed"),
        ({"event": "killed", "container": WEB, "signal": "BANG"}, "a name such as TERM"),
        ({"event": "connected", "network": "dl-n", "volume": "dl-v"}, "about a container, an image"),
        ({"event": "started", "container": WEB, "times": "any"}, "times: is a number"),
        ({"event": "started", "container": WEB, "times": "often"}, "times: is a number"),
    ],
)
def test_what_cannot_be_asked(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        check(**raw)


def test_what_it_speaks_of() -> None:
    asked = check(event="connected", network="dl-net", container=WEB)
    assert set(asked.mentions()) == {("network", "dl-net"), ("container", WEB)}
    assert asked.subject == "network dl-net"
    assert set(check(event="died", container="any", image="dl-app:v1").mentions()) == {("image", "dl-app:v1")}
    assert isinstance(asked, Event)
