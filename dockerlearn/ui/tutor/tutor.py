"""The tutor in the learner's shell: what it says there, and when.

It is silent while the learner is on the way. It speaks when the step is met, after a command that failed, and on a
mistake from which no right way leads on; never over a running program, and never into a line that is being typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dockerlearn.checks.outcome import Status
from dockerlearn.errors import DockerlearnError, UsageError
from dockerlearn.shell.rider import Done
from dockerlearn.text import one_line
from dockerlearn.ui.steps import (
    advice_lines,
    asking_lines,
    doing_lines,
    finished_lines,
    opening_lines,
    told_lines,
    verdict_lines,
    way,
    without_way,
)
from dockerlearn.ui.style import Style
from dockerlearn.ui.tutor.holding import Held, Holding
from dockerlearn.ui.tutor.keys import Typing
from dockerlearn.ui.tutor.look import Glance, Looked, followed, picture
from dockerlearn.ui.tutor.stuck import what_to_press
from dockerlearn.ui.tutor.worker import Opened, Worker
from dockerlearn.ui.view import NARROWEST, WIDEST, error_lines
from dockerlearn.ui.words import GOES_ON, SHORT

if TYPE_CHECKING:
    from dockerlearn.session.follow import Change
    from dockerlearn.session.session import Moved, Place, Session, Told
    from dockerlearn.session.verdict import Verdict
    from dockerlearn.shell.ride import Ride
    from dockerlearn.world.picture import Picture

HOLD = 0.15
"""Seconds that a prompt is held at most for what is being found out."""

BRIEFLY = 0.001
"""The same after a command about docker that succeeded, and of which the engine told nothing."""

TICK = 0.5
"""Seconds between two looks at whether another process wrote into the store."""

STUCK = 2.0
"""Seconds after which a program that holds the terminal gets a title."""

RARELY = 30.0
"""Seconds between two looks at what it is, at most."""

GETTING_READY = 120.0
"""Seconds that the next prompt waits at most for the world of a step."""

_TELLING = frozenset({"check", "answer", "next"})
"""Words that say by themselves that a step is passed."""

_INTERRUPTED = frozenset({130, 131, 148})
"""Statuses of what the learner ended or stopped herself: Ctrl-C is how one leaves docker logs -f."""


class Tutor:
    """Rides along in a shell; ``place`` is the step to begin with."""

    def __init__(
        self, ride: Ride, place: Place, open_session: Opened, style: Style, *, store_file: Path, holding: Holding
    ) -> None:
        self._ride = ride
        self._holding = holding
        self._place = place
        self._base_style = style
        self._worker = Worker(open_session, told=self._on_told, changed=self._changed, lost=self._tell_error)
        self._began = False
        self._said = ""
        self._error_said = ""
        self._look = 0
        self._waited_for: set[str] = set()
        self._goes_on = False
        self._moving = False
        self._typing: Typing | None = None
        self._predicting = False
        self._invitation = ""
        self._store_file = store_file
        self._store_version = _version(store_file)
        self._before: Picture | None = None
        self._running = 0
        self._noticed = -1
        self._held = False
        self._text = ""
        self._tells_itself = False
        ride.watch(self._worker.fd, self._worker.deliver)

    def close(self) -> None:
        """End what was begun."""
        self._worker.close()
        self._holding.clear()

    # What is heard from the shell

    def began(self, text: str) -> None:
        """Take note of what is run; what holds the terminal for long gets a title."""
        self._running += 1
        self._text = text
        self._tells_itself = _tells(text)
        self._noticed = self._worker.noticed
        if _is_about_docker(text):
            # It may show what a container prints.
            self._ride.guard()
        running = self._running
        self._ride.later(STUCK, lambda: self._on_stuck(running, STUCK))

    def done(self, done: Done) -> None:
        """Look at the engine; the prompt is held for a moment where something may have happened."""
        self._running += 1
        self._free()
        if self._moving:
            return
        # What could not be said while it ran is looked at anew.
        self._unsay()
        own = _is_own(done.text)
        about_docker = not own and _is_about_docker(done.text)
        if own or about_docker:
            quiet = about_docker and done.status == 0 and self._noticed == self._worker.noticed >= 0
            self._ride.hold(BRIEFLY if quiet else HOLD)
        self._glance(done, about_docker=about_docker, own=own)

    def prompt(self, *, empty: bool) -> None:
        """Begin at the first prompt, and go on at Enter on an empty line."""
        self._free()
        if not self._began:
            self._began = True
            self._begin()
            self._say(self._fill(WELCOME))
            self._enter(self._place)
        elif empty and self._goes_on and not self._moving:
            self._next()

    def unfinished(self) -> None:
        """Tell in the title what the shell's other prompt is."""
        self._hold("The shell waits for the rest of the line", "Ctrl-C begins it anew", "; ")

    def lost(self, why: str) -> None:
        """Say that the shell tells nothing any more."""
        if not self._began:
            self._began = True
            self._begin()
        self._say([*self._fill(f"{why} {LOST}"), ""])

    def _begin(self) -> None:
        self._worker.start()
        self._on_tick()

    def _on_tick(self) -> None:
        """Notice what other processes wrote into the store: an answer, a step further, one started afresh."""
        self._ride.later(TICK, self._on_tick)
        version = _version(self._store_file)
        if version != self._store_version and not self._moving:
            self._store_version = version
            self._worker.do(lambda session: session.place(), self._on_place, can_wait=True)

    def _on_place(self, place: Place) -> None:
        if self._moving:
            return
        if _key(place) != _key(self._place):
            self._unsay()
            self._enter(place)
        elif place.passed and not self._place.passed:
            if self._tells_itself:
                return
            # By whichever way it was passed, what was verified is shown.
            self._glance(Done("", 0, 0.0, b""), about_docker=False)
        else:
            self._is_predicted(place)

    def _is_predicted(self, place: Place) -> None:
        """Ask for a prediction no more, if it was made elsewhere."""
        if self._predicting and self._typing is not None and not place.prediction_open:
            self._place = place
            self._stop_asking()
            self._show_doing()

    # Looking

    def _glance(self, done: Done, *, about_docker: bool, own: bool = False) -> None:
        """Look; after a word of the tutor's own, which has told what it found, nothing is told again."""
        self._look += 1
        number = self._look
        failed = about_docker and done.status is not None and done.status != 0 and done.status not in _INTERRUPTED
        glance = Glance(self._place, done, failed, own)
        self._worker.do(
            glance.look,
            lambda looked: self._on_looked(number, looked, about_docker=about_docker, own=own),
            lambda error: self._on_could_not(number, error, aloud=about_docker, own=own),
            after=glance.observe,
            is_look=True,
        )

    def _on_looked(self, number: int, looked: Looked, *, about_docker: bool, own: bool) -> None:
        self._error_said = ""
        self._waited_for.clear()
        self._take(number, looked, about_docker=about_docker, own=own)
        self._heard(own=own)
        self._release()

    def _changed(self, session: Session, change: Change) -> Callable[[], None]:
        """In the worker's thread: take in what is so now, and was not before."""
        looked = followed(session, change)
        return lambda: self._on_changed(change, looked)

    def _on_changed(self, change: Change, looked: Looked) -> None:
        """Hear what following the step shows: something happened, here or elsewhere."""
        if change.error is not None:
            self._tell_error(change.error)
            return
        self._error_said = ""
        if change.waiting_for:
            self._on_told("waiting", change.waiting_for)
        if self._tells_itself if looked.place.passed else self._worker.is_busy:
            # A newer look is on its way, or will be when the tutor's own word has told what it found.
            return
        if not change.waiting_for:
            self._waited_for.clear()
        if not change.aloud:
            # What was wrong is over; if it comes again, that is news.
            self._said = ""
        self._take(self._look, looked, about_docker=False, own=False)

    def _take(self, number: int, looked: Looked, *, about_docker: bool, own: bool) -> None:
        """Take in a look: go where the learner went, and say what there is to say."""
        if self._moving:
            return
        if _key(looked.place) != _key(self._place):
            # Another process went to another step; what was to be said about this one is past.
            self._unsay()
            self._enter(looked.place)
            return
        was_passed, self._place = self._place.passed, looked.place
        self._is_predicted(looked.place)
        verdict = looked.verdict
        met = verdict if verdict is not None and verdict.status is Status.MET else None
        if was_passed and met is not None:
            # Two looks saw the same: one when it happened, one when the command had ended.
            return
        if met is not None:
            self._passed(
                [] if own and self._tells_itself else without_way(verdict_lines(met, self._style), self._style),
                looked.picture(self._before, self._style),
            )
            self._before = looked.now
        elif looked.place.passed and not was_passed:
            self._passed([] if own and self._tells_itself else self._fill("You passed this step."), [])
        elif own:
            if looked.place.prediction_open:
                self._predict()
        elif number == self._look:
            self._tell(looked, about_docker=about_docker)

    def _tell(self, looked: Looked, *, about_docker: bool) -> None:
        """Say what is not met, unless that was said and nothing was done about it."""
        if self._typing is not None:
            # First she answers; it is her turn after that.
            return
        lines: list[str] = []
        if looked.verdict is not None:
            lines = verdict_lines(looked.verdict, self._style)
        elif looked.advice is not None:
            lines = advice_lines(looked.advice, self._style)
        told = _signature(looked.verdict) or "\n".join(lines)
        if lines and (looked.failed or told != self._said):
            self._unsay()
            self._said = told
            self._say(lines, passing=True)
        elif not lines and about_docker:
            self._said = ""

    def _on_could_not(self, number: int, error: DockerlearnError, *, aloud: bool, own: bool) -> None:
        if aloud and number == self._look:
            self._tell_error(error)
        self._heard(own=own)
        self._release()

    def _heard(self, *, own: bool) -> None:
        """What one of the tutor's own words did has been taken in."""
        if own:
            self._tells_itself = False

    def _tell_error(self, error: DockerlearnError) -> None:
        """Say why nothing can be looked at, once until it can be."""
        if error.message != self._error_said:
            self._error_said = error.message
            self._say(error_lines(error, self._style.width))

    def _passed(self, lines: list[str], drawing: list[str]) -> None:
        self._unsay()
        self._said = ""
        self._goes_on = True
        self._say([*lines, *([""] if drawing else []), *drawing, "", self._style.paint("dim", GOES_ON)])
        if self._ride.phase == "running":
            self._hold(f"✓ {self._place.step.title} is done", f"{self._press()}.", ". ")

    # Going on

    def _next(self) -> None:
        self._moving = True
        self._ride.hold(GETTING_READY)
        self._worker.do(lambda session: session.next(), self._on_moved, self._on_not_moved)

    def _on_moved(self, moved: Moved) -> None:
        self._moving = False
        self._goes_on = False
        if moved.verdict is not None and not moved.verdict.passed:
            self._say(verdict_lines(moved.verdict, self._style))
        if moved.finished is not None:
            self._say(["", *finished_lines(moved, self._style)])
        if moved.place is not None and (moved.verdict is None or moved.verdict.passed):
            self._enter(moved.place)
        self._release()

    def _on_not_moved(self, error: DockerlearnError) -> None:
        self._moving = False
        self._say(error_lines(error, self._style.width))
        self._release()

    def _enter(self, place: Place) -> None:
        """Show a step from its beginning, and take its prediction."""
        changed = place.folder != self._place.folder
        self._place = place
        self._said = ""
        self._look += 1
        self._goes_on = place.passed or place.step.kind == "read"
        self._stop_asking()
        self._before = None
        self._worker.do(_begin_anew, self._on_picture, can_wait=True)
        self._say(opening_lines(place, self._style))
        if changed:
            # Before the question: what is said behind one has it asked again.
            self._say([*self._fill("The files of this lesson are in another folder:"), f"  cd {place.folder}", ""])
        if place.prediction_open:
            self._predict()
        else:
            self._show_doing()

    def _on_picture(self, found: Picture | None) -> None:
        self._before = found

    def _show_doing(self) -> None:
        self._say(self._doing())
        if self._place.step.question is not None and not self._place.passed:
            self._ask_question()

    def _doing(self) -> list[str]:
        lines = doing_lines(self._place, self._style)
        if self._place.step.kind == "answer" and not self._place.passed:
            lines += [*way("Answer", "dl answer YOUR-ANSWER", self._style), ""]
        return lines

    # Answers

    def _predict(self) -> None:
        predict = self._place.step.predict
        if predict is None:
            return
        self._predicting = True
        lines = asking_lines(predict.ask, predict.choices, self._style)
        self._ask(lines, len(predict.choices), lambda text: self._answer(text, prediction=True))

    def _ask_question(self, ahead: bytes = b"") -> None:
        question = self._place.step.question
        if question is not None:
            self._predicting = False
            self._ask([], len(question.choices), lambda text: self._answer(text, prediction=False), ahead)

    def _ask(self, lines: list[str], choices: int, answered: Callable[[str], None], ahead: bytes = b"") -> None:
        """Have the keyboard until it is answered; ``ahead`` was typed already."""
        if self._typing is not None:
            return
        invitation = self._style.symbols(f"your answer (1-{choices}) › ")
        typing = Typing(self._ride.show, answered, self._leave)
        self._typing = typing
        self._invitation = invitation

        def begin() -> None:
            self._ride.show(self._joined(lines) + invitation)
            typing.keys(ahead)

        self._ride.take_keyboard(begin, typing.keys)

    def _answer(self, text: str, *, prediction: bool) -> None:
        place = self._place
        if not text.strip():
            self._ask_again("Type the number of your choice, then Enter. Ctrl-D leaves the tutor.")
            return

        def take(session: Session) -> tuple[Told, Place]:
            told = session.predict(place, text) if prediction else session.answer(place, text)
            return told, session.place(place.full_name)

        typing = self._typing
        self._worker.do(
            take,
            lambda result: self._on_answered(typing, *result, prediction=prediction),
            lambda error: self._on_not_taken(typing, error),
        )

    def _on_answered(self, typing: Typing | None, told: Told, place: Place, *, prediction: bool) -> None:
        if typing is None or typing is not self._typing:
            return  # meanwhile another process went elsewhere
        self._place = place
        lines = without_way(told_lines(told, self._style), self._style)
        if not prediction and not told.right:
            self._ask_again(self._joined(lines))
            return
        self._ride.show(self._joined([*lines, ""]))
        if prediction:
            self._ride.show(self._joined(self._doing()))
        self._goes_on = place.passed or place.step.kind == "read"
        if self._goes_on and not prediction:
            self._ride.show(self._joined([self._style.paint("dim", GOES_ON)]))
        self._typing = None
        if prediction and place.step.question is not None and not place.passed:
            self._ask_question(typing.rest())
        else:
            self._ride.give_keyboard(typing.rest())

    def _on_not_taken(self, typing: Typing | None, error: DockerlearnError) -> None:
        if typing is None or typing is not self._typing:
            return
        if isinstance(error, UsageError):
            self._ask_again(self._joined([error.remedy or error.message]))
        else:
            self._ask_again(self._joined(error_lines(error, self._style.width)))

    def _ask_again(self, text: str) -> None:
        self._ride.show(text.rstrip("\n") + "\n" + self._invitation)
        if self._typing is not None:
            self._typing.again()

    def _stop_asking(self) -> None:
        """Ask no more: another process answered, or went elsewhere."""
        if self._typing is not None:
            self._typing = None
            if self._ride.has_keyboard:
                self._ride.show("\n")
            self._ride.give_keyboard()

    def _leave(self) -> None:
        self._ride.show("\n")
        self._ride.leave(0)

    # While something runs

    def _on_stuck(self, running: int, after: float) -> None:
        if running != self._running:
            return
        self._ride.later(min(2 * after, RARELY), lambda: self._on_stuck(running, min(2 * after, RARELY)))
        if self._ride.foreground and not self._place.passed:
            self._hold(self._place.step.title, self._press(), ": ")

    def _press(self) -> str:
        return what_to_press(self._text, self._ride.running(), full_screen=self._ride.full_screen)

    def _hold(self, what: str, press: str, sign: str) -> None:
        """Tell in the title what has the terminal and how to get it back, and write it down for other terminals."""
        self._ride.title(f"{what}{sign}{press}")
        command = one_line(self._text, 80) if self._ride.phase == "running" else what
        self._holding.put(Held(command or what, press.rstrip(".")))
        self._held = True

    def _free(self) -> None:
        """The prompt is back."""
        self._ride.title(None)
        if self._held:
            self._held = False
            self._holding.clear()

    def _on_told(self, kind: str, text: str) -> None:
        """Say what is waited for, once per look, where that disturbs nobody."""
        if kind == "notice":
            self._say(self._fill(text))
        elif text in self._waited_for:
            # That was said before; nobody has to wait for it twice.
            self._release()
        elif (self._ride.is_held or self._ride.untouched) and not self._moving and self._typing is None:
            self._waited_for.add(text)
            self._say([self._style.paint("dim", f"  … {one_line(text, self._style.width)}")], passing=True)

    # Speaking

    @property
    def _style(self) -> Style:
        return self._base_style._replace(width=min(max(self._ride.columns, NARROWEST), WIDEST))

    def _unsay(self) -> None:
        """Forget what could not be said yet; it was not said."""
        if self._ride.unsay():
            self._said = ""

    def _say(self, lines: list[str], *, passing: bool = False) -> None:
        if not lines:
            return
        if self._typing is not None and self._ride.has_keyboard:
            # Below what is asked; then it is asked again.
            self._ride.show(f"\n{self._joined(lines)}{self._invitation}{self._typing.typed}")
        else:
            self._ride.say(self._joined(lines), passing=passing)

    def _joined(self, lines: Iterable[str]) -> str:
        return self._style.symbols("".join(f"{line.rstrip()}\n" for line in lines))

    def _fill(self, text: str) -> list[str]:
        from dockerlearn.ui.markdown import fill

        return fill(text, self._style.width)

    def _release(self) -> None:
        if self._ride.is_held and not self._moving:
            self._ride.release()


WELCOME = (
    "This is your own shell, and the tutor looks on. dl hint helps, dl check says what is missing, dl task shows the "
    "task again; exit leaves."
)

LOST = "It goes on looking at your engine. exit, then dockerlearn start, brings the two together again."


def _begin_anew(session: Session) -> Picture | None:
    """In the worker's thread: forget what was typed before this step, and look at the engine as it is now."""
    session.journal.clear()
    return picture(session)


def _version(file: Path) -> bytes:
    """What is different when a store was written to: SQLite counts that in the file's header, from byte 24 on.

    The time of the file would not do: two changes can be within one tick of its clock.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(28)[24:]
    except OSError:
        return b""


def _key(place: Place) -> tuple[object, ...]:
    """What is different when a step was left or started afresh."""
    record = place.record
    attempt = place.attempt.id if place.attempt is not None else None
    return (place.name, attempt, record.since if record is not None else None)


def _is_own(text: str) -> bool:
    """Whether a command line is one of the tutor's words, or may have one in it."""
    first = text.split(None, 1)[:1]
    return first != [] and (first[0] in {"dl", *SHORT} or "dockerlearn" in text)


def _tells(text: str) -> bool:
    """Whether a command line has a word of the tutor's that says by itself that the step is passed."""
    return _is_own(text) and not _TELLING.isdisjoint(text.split())


def _is_about_docker(text: str) -> bool:
    """Whether a command line may have done something with the engine; one that is not known may."""
    return not text or re.search(r"\b(?:docker|podman|compose)", text) is not None


def _signature(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    return f"{verdict.mistake.name if verdict.mistake else ''} {[outcome.found for outcome in verdict.outcomes]}"
