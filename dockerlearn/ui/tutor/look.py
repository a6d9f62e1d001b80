"""A look after a command of the learner's, or when something happened, in the worker's thread."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from dockerlearn.checks.outcome import Status
from dockerlearn.errors import BeingSetUp, DockerlearnError
from dockerlearn.shell.rider import Done
from dockerlearn.text import safe
from dockerlearn.ui.style import Style
from dockerlearn.world.journal import Typed

if TYPE_CHECKING:
    from dockerlearn.diagnose.advice.slip import Advice
    from dockerlearn.session.follow import Change
    from dockerlearn.session.session import Place, Session
    from dockerlearn.session.verdict import Verdict
    from dockerlearn.world.picture import Picture


LONG = 24
"""Lines from which on the picture is of the lesson alone, so that what was verified stays on the screen above it."""


class Looked(NamedTuple):
    """What was found: the step as it stands now, and what there is to say, if anything."""

    place: Place
    verdict: Verdict | None
    advice: Advice | None
    failed: bool
    now: Picture | None = None

    def picture(self, before: Picture | None, style: Style) -> list[str]:
        """The engine, with what is different from ``before`` marked; nothing when nothing is."""
        if self.now is None or before is None or self.now == before:
            return []
        from dockerlearn.course.names import declared
        from dockerlearn.ui.map import map_lines
        from dockerlearn.world.picture import Subjects, about

        style = style._replace(width=style.width - 2)
        lines = map_lines(self.now, style, before)
        if len(lines) > LONG:
            own = declared(self.place.lesson)
            names = Subjects(own.containers, own.images, own.networks, own.volumes)
            before, now, others = about(before, self.now, names)
            lines = map_lines(now, style, before)
            if others:
                lines.append(style.paint("dim", f"and {others} more of the course's: dl map"))
        return [f"  {line}" for line in lines]


class Glance(NamedTuple):
    """Looks at a step after a command line that ``failed`` or not; ``own``: it was a word of the tutor's."""

    place: Place
    done: Done
    failed: bool
    own: bool = False

    def look(self, session: Session) -> Looked:
        """Look. Raises what a session raises."""
        if self.done.text and not self.own:
            session.journal.add(self._typed())
        place = session.place()
        if place.passed and not self.place.passed and place.name == self.place.name:
            return _seen_elsewhere(session, place, failed=self.failed)
        if place.name != self.place.name or place.step.kind != "do":
            return Looked(place, None, self._advice(session, place), self.failed)
        verdict = session.glance(place, failed=self.failed, observing=False)
        now = session.place()
        if verdict is not None and verdict.status is Status.MET:
            return Looked(now, verdict, None, self.failed, picture(session))
        if now.passed and not place.passed and now.name == place.name:
            return _seen_elsewhere(session, now, failed=self.failed)
        if verdict is None:
            return Looked(now, None, None, self.failed)
        # A lesson's own mistake knows more than general advice.
        advice = None if verdict.mistake is not None else self._advice(session, place)
        return Looked(now, verdict if advice is None else None, advice, self.failed)

    @staticmethod
    def observe(session: Session) -> None:
        """Enter into the ledger what has appeared; once the learner has been told what was found."""
        session.observe(session.place())

    def _advice(self, session: Session, place: Place) -> Advice | None:
        if not self.failed:
            return None
        return session.advise(place, self.done.text, self.done.status or 0, _printed(self.done.tail))

    def _typed(self) -> Typed:
        ended = datetime.now(UTC)
        began = ended - timedelta(seconds=self.done.seconds)
        return Typed(self.done.text, began, ended, self.done.status, _printed(self.done.head))


def followed(session: Session, change: Change) -> Looked:
    """What following the step shows, as a look; it says something when the step is met, and at a dead end."""
    place = session.place()
    if place.name != change.place.name:
        return Looked(place, None, None, failed=False)
    if change.met:
        # Even if it was passed before this look: another process may have seen it first, and told nobody here. Of an
        # answer that was given there is nothing to show.
        verdict = change.verdict if place.step.kind == "do" else None
        return Looked(place, verdict, None, failed=False, now=picture(session))
    if place.passed and not change.place.passed:
        return _seen_elsewhere(session, place)
    aloud = change.aloud and not place.passed
    return Looked(place, change.verdict if aloud else None, None, failed=False)


def _seen_elsewhere(session: Session, place: Place, *, failed: bool = False) -> Looked:
    """A step that another process saw to be met: what was verified is still to be shown here, if it is so now."""
    verdict = None
    if place.step.kind == "do":
        with suppress(BeingSetUp):
            verdict = session.verify(place, limit=0.0)
    met = verdict is not None and verdict.status is Status.MET
    return Looked(place, verdict if met else None, None, failed, picture(session))


def picture(session: Session) -> Picture | None:
    """The engine as it is; None when it cannot be looked at."""
    from dockerlearn.session.picture import look

    try:
        return look(session.engine(), session.store, session.library)
    except DockerlearnError:
        return None


def _printed(output: bytes) -> str:
    return safe(output.decode("utf-8", "replace").replace("\r\n", "\n"))
