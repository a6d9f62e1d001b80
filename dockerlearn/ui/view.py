"""What a command shows: results on one stream, everything else on the other."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from dockerlearn.errors import DockerlearnError, LessonError
from dockerlearn.text import one_line, safe
from dockerlearn.ui import prompts
from dockerlearn.ui.markdown import fill, render
from dockerlearn.ui.style import Style

if TYPE_CHECKING:
    from dockerlearn.author.lint import Linted
    from dockerlearn.author.new import Made
    from dockerlearn.author.prove import Proved
    from dockerlearn.author.report import LessonProof
    from dockerlearn.course.library import Record
    from dockerlearn.course.models import Lesson
    from dockerlearn.doctor.finding import Finding
    from dockerlearn.engine.api import EngineIdentity
    from dockerlearn.engine.practice import PracticeStatus
    from dockerlearn.images.look import Seen
    from dockerlearn.images.outcome import Outcome
    from dockerlearn.images.serve import Served
    from dockerlearn.packs.shelf import Listed, Prepared
    from dockerlearn.progress.records import Mark
    from dockerlearn.session.left_behind import Left
    from dockerlearn.session.session import Hint, LessonRow, Moved, Place, Session, Told
    from dockerlearn.session.verdict import Verdict
    from dockerlearn.setup.clean import CleanPlan, CleanReport
    from dockerlearn.ui.tutor.holding import Held

WIDEST = 100
"""Columns: longer lines are hard to read."""

WIDEST_PICTURE = 500
"""The same of what is looked at; no terminal is wider."""

NARROWEST = 20

_OVER = "\r\x1b[2K"
"""Takes away the line that the cursor is in."""


class View:
    """A learner's terminal, or whatever stands in for it.

    ``interactive`` says that somebody can be asked, ``redraws`` and ``err_redraws`` that a line of either stream can be
    taken back, ``wide`` how many columns a picture may have. Everything foreign passes ``text.safe`` on its way here or
    in here; a reader that went away (``| head -1``) is quietly written past: a command still does what it began.
    """

    def __init__(
        self,
        out: TextIO | None,
        err: TextIO | None,
        stdin: TextIO | None = None,
        *,
        style: Style | None = None,
        err_style: Style | None = None,
        interactive: bool = False,
        watched: bool = False,
        redraws: bool = False,
        err_redraws: bool = False,
        wide: int | None = None,
    ) -> None:
        self.out = out
        self.err = err
        self.stdin = stdin
        self.style = style or Style()
        self.err_style = err_style or self.style
        self.interactive = interactive
        self.watched = watched
        self.redraws = redraws
        self.err_redraws = err_redraws
        self.wide = wide or self.style.width
        self.json = False
        self._passing_line = False
        self._going_line = False

    @classmethod
    def of_process(cls, environ: Mapping[str, str] = os.environ) -> View:
        """Return the view of this process's own streams."""
        out, err, stdin = sys.stdout, sys.stderr, sys.stdin
        dumb = environ.get("TERM") == "dumb"
        width = columns(environ, out)
        coloured = not dumb and not environ.get("NO_COLOR")
        return cls(
            out,
            err,
            stdin,
            style=Style(coloured and _is_terminal(out), _carries_symbols(out), width),
            err_style=Style(coloured and _is_terminal(err), _carries_symbols(err), width),
            interactive=not dumb and _is_terminal(out) and _is_terminal(stdin),
            watched=_is_terminal(err),
            redraws=not dumb and _is_terminal(out),
            err_redraws=not dumb and _is_terminal(err),
            wide=columns(environ, out, WIDEST_PICTURE),
        )

    @property
    def has_terminal(self) -> bool:
        """Whether keys can be read from a terminal and shown on one."""
        return self.interactive and _is_terminal(self.stdin) and _is_terminal(self.out)

    def go_plain(self) -> None:
        """Use no colours and ask nothing from here on."""
        self.style = self.style._replace(colour=False)
        self.err_style = self.err_style._replace(colour=False)
        self.interactive = False
        self.redraws = self.err_redraws = False

    def go_json(self) -> None:
        """Show nothing but one JSON value, and ask nothing."""
        self.json = True
        self.interactive = False

    @property
    def on_terminal(self) -> bool:
        """Whether results are written to a terminal."""
        return _is_terminal(self.out)

    # Streams

    def lines(self, lines: Iterable[str]) -> None:
        """Write result lines, which are safe and wrapped already."""
        self.gone()
        over, self._passing_line = _OVER if self._passing_line else "", False
        self._write("out", self.out, over + "".join(f"{line.rstrip()}\n" for line in lines), self.style)

    def passing(self, text: str) -> None:
        """Write what is so for the moment: in a terminal one dim line, which the next output takes the place of."""
        if not self.redraws:
            self.text(text)
            return
        over = _OVER if self._passing_line else ""
        self._passing_line = True
        line = self.style.paint("dim", one_line(text, self.style.width - 1))
        self._write("out", self.out, over + line, self.style)

    def text(self, text: str) -> None:
        """Write a result as plain text, wrapped."""
        self.lines(line for part in safe(text).split("\n") for line in fill(part, self.style.width))

    def verbatim(self, text: str) -> None:
        """Write a result that will be run or copied, as it is but for what a terminal would obey."""
        self._write("out", self.out, safe(text), Style())

    def as_json(self, value: Mapping[str, Any]) -> None:
        """Write a result for programs: one line of JSON in ASCII, which every encoding carries."""
        import json

        self._write("out", self.out, json.dumps(value) + "\n", Style())

    def note(self, text: str) -> None:
        """Tell something beside the result; a line that is set in stays so."""
        width = self.err_style.width
        lines: list[str] = []
        for part in safe(text).split("\n"):
            indent = part[: len(part) - len(part.lstrip(" "))]
            lines += fill(part.strip(), width, first=indent, rest=indent)
        self._note(lines)

    @contextmanager
    def activity(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show that something takes its time, and the last line it told; what is given is what it tells lines to.

        In a terminal one line that changes, drawn by rich; elsewhere only the title.
        """
        if not self.watched or self.json or self.err is None or not self.err_style.colour:
            self.note(title)
            yield lambda _: None
            return
        from rich.console import Console
        from rich.text import Text

        # That this is a terminal with colours was found out before, and rich is not asked again.
        console = Console(file=self.err, width=self.err_style.width, highlight=False, markup=False, force_terminal=True)
        room = self.err_style.width - len(title) - 6
        with console.status(Text(title)) as status:
            yield lambda line: status.update(Text(f"{title}  {one_line(line, max(room, 10))}"))

    def waiting(self, text: str) -> None:
        """Tell what is waited for, if somebody is looking."""
        if self.watched and not self.json:
            self._note([self.err_style.paint("dim", f"  … {one_line(text, self.err_style.width)}")])

    def going(self, text: str) -> None:
        """Show how far something is, beside the result: in a terminal one dim line, which the next output replaces."""
        if not self.err_redraws:
            return
        over = _OVER if self._going_line else ""
        self._write("err", self.err, over + self.err_style.paint("dim", one_line(text, self.err_style.width - 1)),
                    self.err_style)  # fmt: skip
        self._going_line = True

    def gone(self) -> None:
        """Take the line of ``going`` away."""
        if self._going_line:
            self._going_line = False
            self._write("err", self.err, _OVER, self.err_style)

    def flush(self) -> None:
        """Let everything out; what cannot be written any more is dropped."""
        self.gone()
        if self._passing_line:
            self._passing_line = False
            self.lines([""])
        for name, stream in (("out", self.out), ("err", self.err)):
            self._write(name, stream, "", Style())

    @property
    def is_read(self) -> bool:
        """Whether results still reach somebody: the reader of a pipe can go away while nothing is written."""
        if self.out is None:
            return False
        import select

        try:
            poll = select.poll()
            poll.register(self.out.fileno(), 0)
            return not any(happened & (select.POLLERR | select.POLLNVAL) for _, happened in poll.poll(0))
        except (OSError, ValueError, AttributeError):
            return True  # no file, or a system without poll

    # Values

    def error(self, error: DockerlearnError) -> None:
        """Tell an error: its message, every problem of a lesson file, and the remedy on a line of its own."""
        self._note(error_lines(error, self.err_style.width))

    def step(self, place: Place, *, learn: bool = True, current: bool = True, way: bool = True) -> None:
        """Show a step: what to know, what to predict, what to do, and, with ``way``, how it is verified."""
        from dockerlearn.ui.steps import step_lines

        self.lines(step_lines(place, self.style, learn=learn, current=current, way_on=way))

    def verdict(self, verdict: Verdict, *, way: bool = True) -> None:
        """Show what was found; with ``way``, the command that goes on, too."""
        from dockerlearn.ui.steps import verdict_lines, without_way

        lines = verdict_lines(verdict, self.style)
        self.lines(lines if way else without_way(lines, self.style))

    def told(self, told: Told, *, way: bool = True) -> None:
        """Show how an answer was taken; with ``way``, the command that goes on, too."""
        from dockerlearn.ui.steps import told_lines, without_way

        lines = told_lines(told, self.style)
        self.lines(lines if way else without_way(lines, self.style))

    def help(self, held: Iterable[Held]) -> None:
        """Show the tutor's words, and what holds a terminal of hers."""
        from dockerlearn.ui.words import help_lines

        self.lines(help_lines(held, self.style))

    def hint(self, hint: Hint) -> None:
        """Show a hint."""
        from dockerlearn.ui.steps import hint_lines

        self.lines(hint_lines(hint, self.style))

    def solution(self, place: Place, script: str) -> None:
        """Show a solution to read, and to copy."""
        self.lines([*fill(f"One way to do {one_line(place.name)}:", self.style.width), ""])
        self.lines(self.style.paint("code", f"    {line}") if line else "" for line in safe(script).splitlines())

    def export(self, address: str) -> None:
        """Show what the docker client needs to find an engine that it does not find by itself."""
        import shlex

        self.text("The docker client does not find this engine by itself. First, in your shell:")
        self.lines(["", self.style.paint("code", f"    export DOCKER_HOST={shlex.quote(safe(address))}"), ""])

    def history(self, rows: Iterable[LessonRow], marks: Iterable[Mark]) -> None:
        """Show what was passed and skipped, and when."""
        from dockerlearn.ui.syllabus import history_lines

        self.lines(history_lines(tuple(rows), marks, self.style))

    def moved(self, moved: Moved, *, step: bool = True) -> None:
        """Show where a move led; without ``step`` somebody else shows the step itself."""
        from dockerlearn.ui.steps import moved_lines

        self.lines(moved_lines(moved, self.style, step=step))

    def syllabus(self, rows: Iterable[LessonRow]) -> None:
        """Show lessons and steps with the learner's marks."""
        from dockerlearn.ui.syllabus import syllabus_lines

        self.lines(syllabus_lines(tuple(rows), self.style))

    def engine(self, identity: EngineIdentity | None, practice: PracticeStatus) -> None:
        """Show which engine is used, and what the practice engine is like."""
        if identity is not None:
            self.text(f"Docker {identity.version} at {identity.address} ({identity.source})")
            if identity.export:
                self.export(identity.address)
        how = f"up, at {practice.address}" if practice.up else "not up"
        self.text(f"Practice engine: {how}{', with stand-in images' if practice.stand_ins else ''}")

    def images(self, seen: Sequence[Seen], users: Mapping[str, Sequence[str]]) -> None:
        """Show which of the lessons' images the engine has, and what uses them."""
        from dockerlearn.ui.imaging import seen_lines

        self.lines(seen_lines(seen, users, self.style))

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Show what became of each image."""
        from dockerlearn.ui.imaging import outcome_lines

        self.lines(outcome_lines(outcomes, self.style))

    def served(self, served: Served) -> None:
        """Show where images are served, and what an engine must be told."""
        from dockerlearn.ui.imaging import served_lines

        self.lines(served_lines(served, self.style))

    def concept(self, lesson: Lesson, session: Session) -> None:
        """Show what a lesson is about in depth; its engine is only asked where the lesson's picture wants it."""
        from dockerlearn.ui.concept import concept_lines, engine_lines

        drawn = lesson.concept is not None and lesson.concept.shows_the_engine
        self.lines(concept_lines(lesson, self.style, engine_lines(session, self.style) if drawn else ()))

    def findings(self, findings: Sequence[Finding], before: Sequence[Finding] = ()) -> None:
        """Show what the doctor found that was not so before, and whether lessons can run."""
        from dockerlearn.ui.checkup import finding_lines, verdict_line

        new = [finding for finding in findings if finding not in before]
        self.lines(finding_lines(new, self.style) or ["Nothing has changed."])
        self.text(f"\n{verdict_line(findings)}")

    def clean_plan(self, plan: CleanPlan) -> None:
        """Show what would be removed, what stays, and why."""
        from dockerlearn.ui.cleaning import plan_lines

        self.lines(plan_lines(plan, self.style))

    def clean_report(self, report: CleanReport) -> None:
        """Show what became of it."""
        from dockerlearn.ui.cleaning import report_lines

        self.lines(report_lines(report, self.style))

    def made(self, made: Made) -> None:
        """Show what was written for an author, and what to do with it."""
        from dockerlearn.ui.authoring import made_lines

        self.lines(made_lines(made, self.style))

    def linted(self, linted: Linted) -> None:
        """Show what is wrong with a pack, and how much was looked at."""
        from dockerlearn.ui.authoring import lint_summary, problem_lines

        self.lines(problem_lines(linted))
        self.note(lint_summary(linted))

    def pack(self, prepared: Prepared) -> None:
        """Show what a pack is and will use."""
        from dockerlearn.ui.packing import pack_lines

        self.lines(pack_lines(prepared, self.style))

    def packs(self, found: Sequence[Listed]) -> None:
        """Show the packs that were added."""
        from dockerlearn.ui.packing import list_lines

        self.lines(list_lines(found, self.style))

    def pack_left(self, record: Record, left: Sequence[Left]) -> None:
        """Show what of a pack is still on the engine."""
        from dockerlearn.ui.packing import left_lines

        self.lines(left_lines(record, left, self.style))

    def claim(self, proved: Proved) -> None:
        """Show a claim about a lesson and whether it holds."""
        from dockerlearn.ui.authoring import claim_lines

        self.lines(claim_lines(proved, self.style))

    def proving(self, step: int, steps: int, now: Mapping[str, str], seconds: float) -> None:
        """Show which claims are looked at now, and how far the proof is."""
        from dockerlearn.ui.authoring import going_line

        self.going(going_line(step, steps, now, seconds))

    def proofs(self, proofs: Sequence[LessonProof], seed: int, *, elapsed: float, jobs: int) -> None:
        """Show what a proof came to."""
        from dockerlearn.ui.authoring import proof_lines

        self.lines(proof_lines(proofs, seed, self.style, elapsed=elapsed, jobs=jobs))

    def preview(self, name: str, lesson: Lesson, *, only: str | None) -> None:
        """Show a lesson to its author."""
        from dockerlearn.ui.preview import preview_lines

        self.lines(preview_lines(name, lesson, self.style, only=only))

    def markdown(self, text: str) -> None:
        """Show markdown."""
        self.lines(render(text, self.style.width, self.style))

    # Questions

    def ask(self, question: str) -> bool:
        """Ask a yes or no question; no when nobody is there, and at the end of the input."""
        if not self.interactive:
            return False
        return prompts.is_yes(self.read(f"{question} [y/N] "))

    def read(self, prompt: str) -> str | None:
        """Read a line that somebody types; None at the end of the input."""
        shown = self.err_style.symbols(safe(prompt))
        return prompts.read_line(self.stdin, self.err, shown)

    # Writing

    def _note(self, lines: Iterable[str]) -> None:
        self.gone()
        self._write("err", self.err, "".join(f"{line.rstrip()}\n" for line in lines), self.err_style)

    def _write(self, name: str, stream: TextIO | None, text: str, style: Style) -> None:
        if stream is None:
            return
        try:
            stream.write(_encodable(style.symbols(text), stream))
            stream.flush()
        except (OSError, ValueError) as error:
            setattr(self, name, None)
            give_up(stream)
            # Nobody reads any more, or the stream is closed: that is nobody's fault. A full disk has to be told.
            if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
                raise


def error_lines(error: DockerlearnError, width: int) -> list[str]:
    """Return an error's message, every problem of a lesson file, and the remedy on a line of its own."""
    message = safe(error.message).strip() or type(error).__name__
    lines = fill(message, width, first="dockerlearn: ", rest="  ")
    if isinstance(error, LessonError):
        lines += [f"  {safe(problem)}" for problem in error.problems]
    if error.remedy:
        # Not wrapped: it is there to be copied.
        lines += [f"  {line}" for line in safe(error.remedy).split("\n")]
    return lines


def columns(environ: Mapping[str, str], stream: TextIO | None, widest: int = WIDEST) -> int:
    """Return how wide to write: ``COLUMNS``, else the terminal's width, else 80; never wider than is good to read.

    A picture is looked at, and may be wider.

    >>> columns({"COLUMNS": "60"}, None), columns({"COLUMNS": "wide"}, None), columns({"COLUMNS": "9999"}, None)
    (60, 80, 100)
    """
    given = environ.get("COLUMNS", "").strip()
    width = int(given) if given.isascii() and given.isdigit() and len(given) < 6 else 0
    if not width and _is_terminal(stream) and stream is not None:
        try:
            width = os.get_terminal_size(stream.fileno()).columns
        except (OSError, ValueError):
            width = 0
    return min(max(width or 80, NARROWEST), widest)


def give_up(stream: TextIO) -> None:
    """Point a stream that nobody reads at nothing, so that the interpreter's last flush says nothing either."""
    try:
        number = stream.fileno()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, number)
        os.close(nothing)
    except (OSError, ValueError):
        return


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def _carries_symbols(stream: TextIO | None) -> bool:
    try:
        "✓✗→▸…".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _encodable(text: str, stream: TextIO) -> str:
    """Replace what the stream's encoding has no character for."""
    if text.isascii():
        return text
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding, "replace")
