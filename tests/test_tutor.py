"""The tutor in the shell: what it says and when, with a shell that tells what it should, and an engine in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from dockerlearn.checks.outcome import Status
from dockerlearn.errors import EngineSilent
from dockerlearn.paths import Paths
from dockerlearn.session.follow import Change
from dockerlearn.session.session import Place, Session
from dockerlearn.shell.rider import Done
from dockerlearn.ui.style import Style
from dockerlearn.ui.tutor.holding import Held, Holding, held
from dockerlearn.ui.tutor.look import Glance, followed
from dockerlearn.ui.tutor.stuck import what_to_press
from dockerlearn.ui.tutor.tutor import BRIEFLY, HOLD, Tutor
from dockerlearn.ui.tutor.worker import Connected, Worker
from tests.fake_engine import FakeEngine
from tests.one_lesson import one_lesson
from tests.test_session import BUSYBOX, Learner
from tests.waiting import until

EVENTS = Path(__file__).parent / "packs" / "events"


class Ride:
    """Stands in for the shell: keeps what is said, and lets the test say what happens."""

    columns = 90
    foreground = False
    full_screen = False
    is_lost = False

    def __init__(self) -> None:
        self.phase = "starting"
        self.said = ""
        self.waiting: list[tuple[str, bool]] = []
        self.titles: list[str | None] = []
        self.held: float | None = None
        self.keys: Callable[[bytes], None] | None = None
        self.rest = b""
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.left: int | None = None
        self.guarded = False
        self.untouched = False
        self.deliver: Callable[[], None] = lambda: None
        self._begin: tuple[Callable[[], None], Callable[[bytes], None]] | None = None

    @property
    def is_held(self) -> bool:
        return self.held is not None

    @property
    def has_keyboard(self) -> bool:
        return self.keys is not None

    def say(self, text: str, *, passing: bool = False) -> None:
        self.waiting.append((text, passing))
        if self.held is not None or self.keys is not None or self.untouched:
            self.let_out()

    def let_out(self) -> None:
        self.said += "".join(text for text, _ in self.waiting)
        self.waiting.clear()

    def unsay(self) -> bool:
        before = len(self.waiting)
        self.waiting = [(text, passing) for text, passing in self.waiting if not passing]
        return len(self.waiting) < before

    def hold(self, seconds: float) -> None:
        self.held = seconds

    def release(self) -> None:
        self.held = None

    def show(self, text: str) -> None:
        assert self.keys is not None
        self.said += text

    def take_keyboard(self, begin: Callable[[], None], keys: Callable[[bytes], None]) -> None:
        self._begin = (begin, keys)
        if self.held is not None or self.keys is not None or self.untouched:
            self.talk()

    def talk(self) -> None:
        self.let_out()
        if self._begin is not None:
            begin, self.keys = self._begin
            self._begin = None
            begin()

    def give_keyboard(self, rest: bytes = b"") -> None:
        self._begin = None
        self.keys = None
        self.rest += rest
        self.untouched = self.phase == "prompt"

    def title(self, text: str | None) -> None:
        self.titles.append(text)

    def watch(self, fd: int, act: Callable[[], None]) -> None:
        self.deliver = act

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self.timers.append((seconds, act))

    def guard(self) -> None:
        self.guarded = True

    def running(self) -> list[list[str]]:
        return []

    def leave(self, code: int = 0) -> None:
        self.left = code


class Shell:
    """A learner in a shell with the tutor along."""

    def __init__(self, tmp_path: Path, pack: Path | None = None) -> None:
        self.pack = pack
        self.learner = Learner(Paths(tmp_path / "home", tmp_path / "work"), FakeEngine(BUSYBOX), pack)
        self.ride = Ride()
        self.asked = 0
        self.tutor = Tutor(
            self.ride,  # type: ignore[arg-type]
            self.learner.session.start(),
            self.open_session,
            Style(width=90),
            store_file=self.learner.paths.progress,
            holding=Holding(self.learner.paths.home, os.getpid()),
        )

    @contextmanager
    def open_session(self, worker: Worker) -> Iterator[Connected]:
        other = Learner(self.learner.paths, self.learner.engine, self.pack)
        other.session._waiting = worker.waiting
        other.session._notice = worker.notice
        yield Connected(other.session, lambda: None)
        other.store.close()

    def settle(self) -> None:
        """Wait until the worker has nothing left to do, and deliver what came of it."""
        done: list[bool] = []
        self.tutor._worker.do(lambda _: True, done.append)
        until(lambda: self.ride.deliver() or done, "the worker")

    def prompt(self, *, empty: bool = False) -> None:
        """The shell is about to show its prompt."""
        self.ride.phase = "prompt"
        self.tutor.prompt(empty=empty)
        self.settle()
        self.ride.let_out()
        self.ride.talk()
        self.ride.release()
        self.ride.untouched = self.ride.keys is None

    def command(self, text: str, status: int = 0, act: Callable[[], Any] = lambda: None, tail: bytes = b"") -> str:
        """Run a command, come back to the prompt, and return what was said from its end on."""
        before = len(self.ride.said)
        self.ride.untouched = False
        self.ride.phase = "running"
        self.tutor.began(text)
        act()
        self.ride.phase = "done"
        self.tutor.done(Done(text, status, 0.1, tail))
        self.settle()
        self.prompt()
        return self.ride.said[before:]

    def until(self, what: Callable[[], Any], why: str = "") -> None:
        """Deliver what comes of the worker until something is so."""
        until(lambda: self.ride.deliver() or what(), why)

    def elsewhere(self, act: Callable[[], Any], action: str = "start", name: str = "dl-first") -> None:
        """Something happens on the engine, and nobody types anything here."""
        act()
        self.learner.engine.happen(action, name)

    def type(self, text: str) -> None:
        assert self.ride.keys is not None
        self.ride.keys(text.encode())
        self.settle()

    def tick(self) -> None:
        """Let all timers come to their time once."""
        due, self.ride.timers = self.ride.timers, []
        for _, act in due:
            act()
        self.settle()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    found = Shell(tmp_path)
    yield found
    found.tutor.close()
    found.learner.store.close()


@pytest.fixture
def begun(shell: Shell) -> Shell:
    """A shell in which the first prediction is made."""
    shell.prompt()
    shell.type("2\r")
    return shell


def test_the_step_and_its_prediction_come_first(shell: Shell) -> None:
    shell.prompt()
    said = shell.ride.said
    assert (
        said.index("This is your own shell")
        < said.index("step 1 of 8")
        < said.index("1) ")
        < said.index("your answer (1-3)")
    )
    assert "Task" not in said
    shell.type("\r")
    shell.type("9\r")
    shell.type("x\x7f2\r")
    assert "Type the number of your choice" in shell.ride.said
    assert "Answer with a number from 1 to 3." in shell.ride.said
    assert shell.ride.said.index("✓ Right.") < shell.ride.said.index("Task")
    assert shell.ride.keys is None
    assert not shell.learner.session.place().prediction_open


def test_what_is_waited_for_is_not_said_to_somebody_who_is_asked(shell: Shell) -> None:
    shell.prompt()
    shell.ride.untouched = True
    said = shell.ride.said
    shell.tutor._on_told("waiting", "dl-first runs; making sure that it stays")
    shell.elsewhere(lambda: shell.learner.run(status="exited", running=False, exit_code=0), "die")
    until(lambda: shell.tutor._worker.noticed > 0)
    shell.settle()
    assert shell.ride.said == said


def test_a_verdict_waits_until_she_has_answered(shell: Shell) -> None:
    shell.prompt()
    said = shell.ride.said
    shell.learner.run()
    shell.learner.end(code=0)
    shell.tutor.done(Done("docker run -d …", 1, 0.1, b""))
    shell.settle()
    assert shell.ride.said == said
    shell.type("2\r")
    assert "came to its end" in shell.command("docker ps", status=1)


def test_what_has_to_be_said_to_somebody_who_is_asked_stands_above_the_question_again(shell: Shell) -> None:
    shell.prompt()
    shell.type("2")
    before = len(shell.ride.said)
    shell.tutor._tell_error(EngineSilent("The engine does not answer.", "start it"))
    said = shell.ride.said[before:]
    assert said.startswith("\ndockerlearn: The engine does not answer.\n")
    assert said.endswith("\nyour answer (1-3) › 2")
    shell.type("\r")
    assert "✓ Right." in shell.ride.said[before:]


def test_what_was_typed_behind_the_answer_is_the_shells(shell: Shell) -> None:
    shell.prompt()
    shell.type("2\rls\r")
    assert shell.ride.rest == b"ls\r"


def test_ctrl_d_leaves_and_ctrl_c_clears(shell: Shell) -> None:
    shell.prompt()
    shell.type("9\x03\x15")
    assert shell.ride.left is None
    shell.type("\x04")
    assert shell.ride.left == 0


def test_a_pass_is_told_with_its_gain_and_goes_on_at_enter(begun: Shell) -> None:
    said = begun.command("docker run -d …", act=begun.learner.run)
    assert said.index("✓ dl-first") < said.index("A program of yours runs") < said.index("Enter for the next step.")
    assert "dockerlearn next" not in said
    assert "← new" in said
    assert said.count("Enter for the next step.") == 1
    before = len(begun.ride.said)
    begun.prompt(empty=True)
    assert "step 2 of 8" in begun.ride.said[before:]
    assert begun.learner.session.place().name == "first-run/look"


def test_a_long_picture_is_of_the_lesson_alone(shell: Shell) -> None:
    """What other lessons have left is counted, so that the verdict stays on the screen."""
    attempt = shell.learner.session.place().attempt
    assert attempt is not None
    for number in range(30):
        made = shell.learner.engine.add(f"dl-other-{number}")
        shell.learner.store.enter(attempt.engine_id, "container", made.id, made.name, attempt.id)
    shell.prompt()
    shell.type("2\r")
    said = shell.command("docker run -d …", act=shell.learner.run)
    assert "dl-first  running" in said
    assert "and 30 more of the course's: dl map" in said
    assert "dl-other-7" not in said


def test_enter_does_nothing_while_the_step_is_open(begun: Shell) -> None:
    before = begun.ride.said
    begun.prompt(empty=True)
    assert begun.ride.said == before
    assert begun.learner.session.place().name == "first-run/run"


def test_another_prompt_does_not_go_on(begun: Shell) -> None:
    begun.command("docker run -d …", act=begun.learner.run)
    begun.command("ls")
    begun.prompt(empty=False)
    assert begun.learner.session.place().name == "first-run/run"


def test_silence_on_the_way(begun: Shell) -> None:
    made = lambda: begun.learner.run(status="created", running=False)  # noqa: E731
    for line, act in (
        ("ls", lambda: None),
        ("docker create …", made),
        ("docker ps", lambda: None),
        ("false", lambda: None),
    ):
        assert begun.command(line, 0 if line != "false" else 1, act) == ""


def test_after_a_failed_docker_command_it_says_what_is_so(begun: Shell) -> None:
    assert "There should be a container named dl-first" in begun.command("docker start", 1)


def test_what_may_show_the_output_of_containers_is_guarded(begun: Shell) -> None:
    begun.command("vim note")
    assert not begun.ride.guarded
    begun.command("docker logs dl-first")
    assert begun.ride.guarded


@pytest.mark.parametrize("status", [130, 148])
def test_an_interrupt_is_no_failure(begun: Shell, status: int) -> None:
    assert begun.command("docker logs -f x", status) == ""


def test_advice_knows_what_was_printed(begun: Shell) -> None:
    printed = b"\x1b[1munknown shorthand flag: 'n' in -name\r\nSee 'docker run --help'.\r\n"
    said = begun.command("docker run -name dl-first busybox:1.36", 125, tail=printed)
    assert "→ docker run --name dl-first busybox:1.36" in said
    assert "There should be a container" not in said


def test_a_dead_end_is_told_unasked_and_once(begun: Shell) -> None:
    def ended() -> None:
        begun.learner.run()
        begun.learner.end(code=0)

    assert "came to its end" in begun.command("docker run -d …", act=ended)
    assert begun.command("ls") == ""
    assert begun.command("docker ps") == ""


def test_only_what_may_have_done_something_holds_the_prompt(begun: Shell) -> None:
    until(lambda: begun.tutor._worker.noticed == 0)
    for text, status, hold in (
        ("ls", 0, None), ("docker ps", 0, BRIEFLY), ("sudo docker ps", 0, BRIEFLY), ("docker ps", 1, HOLD),
        ("dl check", 0, HOLD), ("", 0, BRIEFLY), ("", None, HOLD),
    ):  # fmt: skip
        begun.tutor.began(text)
        begun.tutor.done(Done(text, status, 0.1, b""))
        assert begun.ride.held == hold, text
        begun.settle()
        assert begun.ride.held is None
    begun.tutor.began("docker create …")
    begun.elsewhere(lambda: begun.learner.run(status="created", running=False), "create")
    until(lambda: begun.tutor._worker.noticed > 0)
    begun.tutor.done(Done("docker create …", 0, 0.1, b""))
    assert begun.ride.held == HOLD


def test_its_own_words_are_not_told_again(begun: Shell) -> None:
    """dl check has said what it found."""

    def ended() -> None:
        begun.learner.run()
        begun.learner.end(code=0)

    assert begun.command("dl check", 1, ended) == ""
    assert begun.command("check", 1) == ""


def test_a_word_of_its_own_that_tells_nothing_of_the_step_does_not_hide_the_pass(begun: Shell) -> None:
    assert "✓ dl-first" in begun.command("dl edit", act=begun.learner.run)


def test_an_answer_by_word_goes_on_at_enter(begun: Shell) -> None:
    begun.command("docker run -d …", act=begun.learner.run)
    begun.prompt(empty=True)
    begun.type("2\r")
    assert "Answer: dl answer YOUR-ANSWER" in begun.ride.said
    place = begun.learner.session.place()

    def answer() -> None:
        begun.learner.session.answer(place, begun.learner.engine.by_name["dl-first"].id)

    said = begun.command("dl answer x", act=answer)
    assert said.strip() == "Enter for the next step."


def test_moves_of_other_processes_are_shown(begun: Shell) -> None:
    begun.tick()
    before = len(begun.ride.said)
    begun.learner.session.skip()
    begun.tick()
    begun.ride.talk()
    assert "step 2 of 8" in begun.ride.said[before:]
    assert "your answer" in begun.ride.said[before:]
    # While it asks, the learner goes back elsewhere: it asks no more.
    begun.learner.session.back()
    begun.tick()
    assert begun.ride.keys is None
    begun.ride.let_out()
    assert "step 1 of 8" in begun.ride.said[before:]


def test_where_the_files_of_another_lesson_are_is_said_before_its_question(tmp_path: Path) -> None:
    pack = one_lesson(tmp_path / "pack")
    shutil.copytree(pack / "first-run", pack / "second")
    listed = (pack / "pack.yaml").read_text()
    (pack / "pack.yaml").write_text(listed.replace("- first-run", "- first-run\n- second"))
    shell = Shell(tmp_path, pack)
    shell.prompt()
    shell.type("2\r")
    before = len(shell.ride.said)
    place = shell.learner.session.start("second")
    shell.tick()
    shell.ride.talk()
    said = shell.ride.said[before:]
    assert said.index("step 1 of") < said.index(f"cd {place.folder}") < said.index("your answer")
    assert said.count("your answer") == 1
    shell.tutor.close()
    shell.learner.store.close()


def test_a_prediction_made_elsewhere_is_not_asked_any_more(shell: Shell) -> None:
    shell.prompt()
    assert shell.ride.keys is not None
    shell.learner.session.predict(shell.learner.session.place(), "1")
    shell.tick()
    shell.ride.let_out()
    assert shell.ride.keys is None
    assert "Task" in shell.ride.said


def test_a_pass_elsewhere_is_shown_with_what_was_verified(begun: Shell) -> None:
    begun.tick()
    begun.ride.untouched = True
    begun.learner.run()
    assert begun.learner.session.check(begun.learner.session.place()).passed
    before = len(begun.ride.said)
    begun.tick()
    begun.settle()
    assert "✓ dl-first" in begun.ride.said[before:]
    assert "Enter for the next step." in begun.ride.said[before:]


def test_a_pass_elsewhere_is_shown_when_a_look_here_sees_it_first(begun: Shell) -> None:
    """Following the step notices what was written into the store sooner than the tick does."""
    begun.learner.run()
    assert begun.learner.session.check(begun.learner.session.place()).passed
    begun.until(lambda: "Enter for the next step." in begun.ride.said)
    assert begun.ride.said.count("✓ dl-first") == 1


class Meanwhile:
    """A session in which another process passes the step at the end of a look that does not see it."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._session = learner.session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def glance(self, place: Place, **_: bool) -> None:
        self._learner.run()
        assert self._session.check(place).passed


def test_a_pass_elsewhere_during_a_look_is_shown(begun: Shell) -> None:
    """This one was still waiting whether it stays, and the other one had seen that it does."""
    session = begun.learner.session
    place = session.place()
    unmet = session.verify(place, limit=0.0, explaining=False)
    looked = [
        Glance(place, Done("docker run -d …", 0, 0.1, b""), failed=False).look(cast(Session, Meanwhile(begun.learner))),
        followed(session, Change(place=place, verdict=unmet)),
    ]
    for one in looked:
        assert one.place.passed
        assert one.verdict is not None
        assert one.verdict.status is Status.MET


def test_what_is_passed_elsewhere_without_anything_to_show_is_told(begun: Shell) -> None:
    begun.command("docker run -d …", act=begun.learner.run)
    begun.prompt(empty=True)
    begun.type("2\r")
    begun.tick()
    before = len(begun.ride.said)
    session = begun.learner.session
    place = session.place()
    assert session.answer(place, begun.learner.engine.by_name["dl-first"].id).passed
    # Whichever of the two sees it first.
    assert followed(session, Change(place=place, verdict=session.verify(session.place()))).verdict is None
    begun.tick()
    begun.until(lambda: "Enter for the next step." in begun.ride.said[before:])
    assert begun.ride.said[before:].strip().startswith("You passed this step.")


@pytest.mark.parametrize(("word", "told"), [("dl check", 0), ("dl edit", 1), ("dockerlearn check | cat", 0)])
def test_what_a_word_of_the_tutors_told_is_not_told_again(begun: Shell, word: str, told: int) -> None:
    """Whoever sees it first: the look after the word, or one that follows the step while the word runs."""
    begun.tick()
    begun.ride.untouched, begun.ride.phase = False, "running"
    begun.tutor.began(word)
    begun.learner.run()
    assert begun.learner.session.check(begun.learner.session.place()).passed
    begun.tick()
    until(lambda: begun.tutor._worker.noticed > 0)
    begun.settle()
    begun.tutor.done(Done(word, 0, 0.1, b""))
    begun.settle()
    begun.prompt()
    assert begun.ride.said.count("✓ dl-first") == told
    assert begun.ride.said.count("Enter for the next step.") == 1


def test_redo_shows_the_step_again(begun: Shell) -> None:
    begun.learner.engine.clock += timedelta(seconds=2)
    said = begun.command("dl redo", act=begun.learner.session.redo)
    assert "step 1 of 8" in said


def test_while_a_program_holds_the_terminal_the_title_tells(begun: Shell) -> None:
    press = "exit or Ctrl-D leaves the container, Ctrl-P Ctrl-Q leaves it running"
    begun.ride.phase, begun.ride.foreground, begun.ride.untouched = "running", True, False
    begun.tutor.began("docker run -it --name dl-first busybox:1.36")
    begun.tick()
    assert begun.ride.titles[-1] == "Run a program in a container: " + press
    said = begun.ride.said
    home = begun.learner.paths.home
    assert held(home) == (Held("docker run -it --name dl-first busybox:1.36", press),)
    begun.elsewhere(begun.learner.run)
    done = f"✓ Run a program in a container is done. {press}."
    begun.until(lambda: begun.ride.titles[-1] == done)
    begun.tick()
    assert begun.ride.titles[-1] == done
    assert begun.ride.said == said
    begun.tutor.done(Done("docker run -it", 0, 9.0, b""))
    begun.settle()
    begun.prompt()
    assert begun.ride.titles[-1] is None
    assert held(home) == ()
    assert "✓ dl-first" in begun.ride.said


def test_a_line_that_is_not_finished(begun: Shell) -> None:
    begun.tutor.unfinished()
    assert "Ctrl-C begins it anew" in str(begun.ride.titles[-1])
    assert held(begun.learner.paths.home)[0].press == "Ctrl-C begins it anew"
    begun.prompt()
    assert held(begun.learner.paths.home) == ()


@pytest.mark.parametrize(
    ("typed", "running", "press"),
    [
        ("docker run --name x busybox sleep 100", [], "Ctrl-C ends it, else docker stop x in another terminal"),
        ("docker run --rm -ti busybox", [], "exit or Ctrl-D leaves the container, Ctrl-P Ctrl-Q leaves it running"),
        ("docker container exec --interactive x sh", [], "exit or Ctrl-D leaves the container"),
        ("sudo docker attach x", [], "Ctrl-P Ctrl-Q detaches, Ctrl-C may end the container"),
        ("docker logs x | less", [], "q leaves"),
        ("EDITOR=x vim note", [], "Esc :q! Enter leaves"),
        ("echo 'open", [], "Ctrl-C ends it"),
        ("", [], "Ctrl-C ends it"),
        ("d run", [["/usr/bin/docker", "run", "-i", "busybox"]], "exit or Ctrl-D leaves the container"),
        ("git log", [["git", "log"], ["less", "-FRX"]], "q leaves"),
        ("docker logs x | less", [["docker", "logs", "x"], ["less"]], "q leaves"),
        ("dl edit", [["/usr/bin/python3", "-m", "dockerlearn", "edit"], ["vi", "f"]], "Esc :q! Enter leaves"),
        ("mystery", [["mystery"]], "Ctrl-C ends it"),
    ],
)
def test_what_to_press(typed: str, running: list[list[str]], press: str) -> None:
    assert what_to_press(typed, running) == press


def test_a_program_of_the_whole_screen_that_is_not_known() -> None:
    assert what_to_press("mystery", full_screen=True) == "q leaves, or Ctrl-C"


def test_a_note_of_a_tutor_that_was_killed_is_none(tmp_path: Path) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    note = Holding(tmp_path, process.pid)
    note.put(Held("vim", "Esc"))
    (tmp_path / "riding" / "half.json").write_text("{")
    (tmp_path / "riding" / f"{os.getpid()}.json").write_text("{")
    assert held(tmp_path) == ()
    assert not (tmp_path / "riding" / f"{process.pid}.json").exists()


def test_where_nothing_can_be_written_nothing_is_noted(tmp_path: Path) -> None:
    (tmp_path / "riding").write_text("a file")
    note = Holding(tmp_path, os.getpid())
    note.put(Held("vim", "Esc"))
    note.clear()
    assert held(tmp_path) == ()


def test_a_lost_shell_is_told_and_the_engine_looked_at(begun: Shell) -> None:
    begun.ride.is_lost = True
    begun.ride.phase = "running"
    begun.tutor.lost("Your shell was replaced by zsh.")
    begun.ride.let_out()
    begun.elsewhere(begun.learner.run)
    begun.until(lambda: "is done" in str(begun.ride.titles[-1]))
    assert "Your shell was replaced by zsh." in begun.ride.said


def test_an_engine_that_goes_away_is_told_once_and_followed_when_it_is_back(begun: Shell) -> None:
    engine = begun.learner.engine
    until(lambda: engine.streams, "that it follows")
    engine.failure = EngineSilent("The engine does not answer.", "start it")
    engine.hang_up()
    begun.until(lambda: "The engine does not answer." in begun.ride.said)
    assert begun.command("ls") == ""
    engine.failure = None
    begun.learner.run()
    begun.until(lambda: "✓ dl-first" in begun.ride.said)
    assert begun.ride.said.count("The engine does not answer.") == 1


def test_a_lost_engine_is_told_once(begun: Shell) -> None:
    engine = begun.learner.engine

    def lost() -> None:
        engine.failure = EngineSilent("The engine does not answer.", "start it")

    said = begun.command("docker ps", 1, lost)
    assert "The engine does not answer." in said
    assert "start it" in said
    assert begun.command("docker ps", 1) == ""
    engine.failure = None
    assert "✓ dl-first" in begun.command("docker run -d …", act=begun.learner.run)


def test_what_happens_elsewhere_is_told_at_an_idle_prompt(begun: Shell) -> None:
    """In another terminal, or in a container that does something late."""
    before = len(begun.ride.said)
    begun.elsewhere(lambda: begun.learner.run(status="exited", running=False, exit_code=0), "die")
    begun.until(lambda: "came to its end" in begun.ride.said[before:])
    assert begun.ride.said.count("came to its end") == 1
    # It is so still, and was said.
    assert begun.command("docker ps") == ""
    # It is over, and comes again.
    before = len(begun.ride.said)
    begun.elsewhere(lambda: begun.learner.engine.by_name.pop("dl-first"), "destroy")
    begun.until(lambda: begun.tutor._said == "")
    begun.elsewhere(lambda: begun.learner.run(status="exited", running=False, exit_code=0), "die")
    begun.until(lambda: "came to its end" in begun.ride.said[before:])
    begun.elsewhere(begun.learner.run)
    begun.until(lambda: "Enter for the next step." in begun.ride.said[before:])
    assert begun.ride.said.count("✓ dl-first") == 1
    begun.prompt(empty=True)
    assert begun.learner.session.place().name == "first-run/look"


def test_a_pass_is_told_once_whoever_saw_it_first(begun: Shell) -> None:
    """The engine tells of it while the command still runs; a look after the command was asked for before that."""
    begun.ride.untouched = False
    begun.ride.phase = "running"
    begun.tutor.began("docker run -d …")
    begun.elsewhere(begun.learner.run)
    until(lambda: begun.learner.session.place().passed)
    before = len(begun.ride.said)
    begun.tutor.done(Done("docker run -d …", 0, 0.1, b""))
    begun.settle()
    begun.prompt()
    assert begun.ride.said[before:].count("✓ dl-first") == 1


def test_on_the_way_nothing_is_said_of_what_happens_elsewhere(begun: Shell) -> None:
    before = begun.ride.said
    begun.elsewhere(lambda: begun.learner.run(status="created", running=False), "create")
    begun.settle()
    begun.elsewhere(lambda: None, "rename")
    begun.settle()
    assert begun.ride.said == before


def test_what_could_not_be_said_is_not_taken_for_said(begun: Shell) -> None:
    """Somebody types while it is found out; after the next command it is so still."""
    begun.ride.untouched = False
    begun.elsewhere(lambda: begun.learner.run(status="exited", running=False, exit_code=0), "die")
    begun.until(lambda: begun.ride.waiting)
    said = begun.command("ls")
    assert said.count("came to its end") == 1
    assert begun.command("ls") == ""


def test_a_step_is_shown_even_if_something_was_being_typed(begun: Shell) -> None:
    begun.tick()
    begun.ride.untouched = False
    begun.learner.session.skip()
    begun.tick()
    assert "step 2 of 8" in begun.command("ls")


def test_what_is_waited_for_is_told_once_and_holds_the_prompt_once(begun: Shell) -> None:
    begun.ride.hold(HOLD)
    begun.tutor._on_told("waiting", "dl-first runs; making sure that it stays")
    assert begun.ride.said.count("making sure") == 1
    assert begun.ride.is_held
    begun.tutor._on_told("waiting", "dl-first runs; making sure that it stays")
    assert begun.ride.said.count("making sure") == 1
    assert not begun.ride.is_held


def test_what_was_typed_is_there_for_mistakes(tmp_path: Path) -> None:
    shell = Shell(tmp_path, EVENTS)
    shell.learner.engine.happen("create", "x")
    shell.prompt()
    wrong = "docker restart -time 0 dl-web"
    said = shell.command(wrong, 125, tail=b"unknown shorthand flag: 't' in -time\r\n")
    assert "Long options have two dashes." in said
    # A word of the tutor's is no command of hers, and another one is: the last one counts.
    assert "Long options have two dashes." in shell.command("docker restart -time 0 dl-web", 125)
    assert "Long options have two dashes." not in shell.command("docker restart nosuch", 1)
    # What was typed before the step began again was typed in another one.
    shell.command(wrong, 125)
    shell.learner.engine.clock += timedelta(seconds=2)
    shell.command("dl redo", act=shell.learner.session.redo)
    assert "Long options have two dashes." not in shell.command("false; docker-x", 1)
    shell.tutor.close()
    shell.learner.store.close()


def test_a_defect_in_the_thread_ends_the_ride(begun: Shell) -> None:
    begun.tutor._worker.do(lambda _: 1 / 0, print)
    with pytest.raises(ZeroDivisionError):
        until(lambda: begun.ride.deliver() or False, "the defect")


def test_a_newer_look_ends_one_that_waits(begun: Shell) -> None:
    """Whoever waits for something to settle does not keep the next command waiting."""
    worker = begun.tutor._worker
    told: list[str] = []

    def wait(session: Session) -> str:
        for _ in range(600):
            worker.sleep(0.1)
        return "waited"

    worker.do(wait, told.append, is_look=True)
    worker.do(lambda _: "newer", told.append)
    begun.settle()
    assert told == ["newer"]


def test_what_can_wait_does_not_end_a_look(begun: Shell) -> None:
    worker = begun.tutor._worker
    told: list[str] = []

    def wait(session: Session) -> str:
        worker.sleep(0.1)
        worker.do(lambda _: "place", told.append, can_wait=True)
        worker.sleep(0.1)
        return "looked"

    worker.do(wait, told.append, is_look=True)
    until(lambda: begun.ride.deliver() or len(told) == 2, "both")
    assert told == ["looked", "place"]
