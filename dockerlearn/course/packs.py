"""Packs of lessons: where they are, what is in them, and a lesson ready to use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dockerlearn.course import variables
from dockerlearn.course.cache import Cache, Stamp, stamp
from dockerlearn.course.models import Lesson, Level, Pack, StepKind, Variable
from dockerlearn.course.problems import Problem
from dockerlearn.engine.abilities import Need
from dockerlearn.errors import LessonError, UnknownLesson, UnknownStep, UsageError
from dockerlearn.text import nearest, one_line

if TYPE_CHECKING:
    from dockerlearn.course.rules import Context


class StepOutline(msgspec.Struct, frozen=True):
    """A step in a list of steps."""

    id: str
    title: str
    kind: StepKind
    needs: list[Need] = []


class Outline(msgspec.Struct, frozen=True):
    """A lesson in a list of lessons."""

    id: str
    title: str
    level: Level
    minutes: int
    summary: str
    steps: list[StepOutline]


class StepName(msgspec.Struct, frozen=True):
    """What a person may call a step or a lesson: ``pack:lesson/step``; ``pack`` None is the current pack."""

    pack: str | None
    lesson: str
    step: str | None

    def __str__(self) -> str:
        return (f"{self.pack}:" if self.pack else "") + self.lesson + (f"/{self.step}" if self.step else "")


def parse_step(text: str, current_lesson: str | None = None) -> StepName:
    """Read ``pack:lesson/step``, ``lesson/step`` or a single word: a step of ``current_lesson``, else a lesson.

    ``lesson/`` is the lesson. Raises ``UsageError`` for what is none of these. Nothing is looked up.

    >>> parse_step("images/first"), parse_step("first", "images") == parse_step("images/first")
    (StepName(pack=None, lesson='images', step='first'), True)
    """
    head, colon, rest = text.strip().rpartition(":")
    lesson, slash, step = rest.partition("/")
    if (colon and not head) or ":" in head or not lesson or "/" in step or any(map(str.isspace, rest)):
        raise UsageError(f"'{one_line(text, 60)}' is not LESSON, LESSON/STEP or PACK:LESSON/STEP.")
    if current_lesson is not None and not colon and not slash:
        return StepName(None, current_lesson, lesson)
    return StepName(head or None, lesson, step or None)


def course_folder() -> Path:
    """Return where the course's own pack is: in the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "lessons"
    return inside if (inside / "pack.yaml").is_file() else package.parent / "lessons"


def open_pack(folder: Path | None = None, cache: Path | None = None, *, prefix: str = "") -> LoadedPack:
    """Open the pack in ``folder``, by default the course's own.

    ``cache`` is a folder that makes the next time quick; ``prefix`` is what its lessons are called with from outside,
    as in ``pack:lesson``. Raises ``LessonError`` when pack.yaml is missing or wrong.
    """
    return LoadedPack((folder or course_folder()).absolute(), Cache(cache), prefix)


class LoadedPack:
    """A pack whose pack.yaml was read; its lessons are read when they are asked for.

    A lesson is given out only if ``problems`` has nothing to say about its lesson.yaml. What was read before is known
    to be in order, and is only converted.
    """

    def __init__(self, folder: Path, cache: Cache, prefix: str = "") -> None:
        self.folder = folder
        self.prefix = prefix
        self._cache = cache
        self._pack = self._read_pack()
        self._trees: dict[str, dict[str, Any]] = {}
        self._outlines: dict[str, Outline] | None = None

    @property
    def id(self) -> str:
        """The pack's name in ``pack:lesson/step``."""
        return self._pack.id

    @property
    def title(self) -> str:
        """Its title."""
        return self._pack.title

    @property
    def version(self) -> str:
        """What its author calls this state of it; may be empty."""
        return self._pack.version

    @property
    def references(self) -> dict[str, str]:
        """The images that its lessons may use: short name to reference."""
        return self._pack.references()

    @property
    def lessons(self) -> tuple[str, ...]:
        """Its lessons in their order."""
        return tuple(self._pack.lessons)

    def files(self, slug: str) -> Path:
        """Where the lesson's starter files are; the folder need not exist."""
        return self.folder / self._known(slug) / "files"

    def images_of(self, slug: str) -> tuple[str, ...]:
        """The references of the pack's images that a lesson names: in its file, or in what it gives to the learner."""
        texts = [self._file(self._known(slug)), *filter(_is_small_file, self.files(slug).rglob("*"))]
        text = "\n".join(path.read_text(errors="replace") for path in texts)
        return tuple(reference for name, reference in self.references.items() if _names_image(text, name, reference))

    def lesson(self, slug: str, drawn: Mapping[str, str] | None = None) -> Lesson:
        """Return a lesson with the values of an attempt's variables put in; None is for looking only: sample values.

        Raises ``UnknownLesson``, and ``LessonError`` with every problem of its file.
        """
        self._tree(slug)
        try:
            return self._filled(slug, drawn)
        except (msgspec.ValidationError, LessonError):
            # Values that do not fit, or a cache from before the model changed: the file itself decides.
            self._keep(slug)
        try:
            return self._filled(slug, drawn)
        except (msgspec.ValidationError, LessonError) as error:
            raise _lesson_error(slug, self._explain(slug, drawn), str(error)) from None

    def variables(self, slug: str) -> dict[str, Variable]:
        """Return what the lesson declares under ``vars``, for ``variables.fix``."""
        try:
            return _variables(self._tree(slug))
        except msgspec.ValidationError:  # a cache from before the model changed
            return _variables(self._keep(slug))

    def outline(self, slug: str) -> Outline:
        """Return a lesson's row in the syllabus; of a lesson that is otherwise wrong too."""
        of = stamp(self._file(self._known(slug)), self._also())
        # One step is looked up without looking at all lessons.
        kept = self._trees.get(slug) or (self._cache.get(slug, of, _decode_tree) if of else None)
        try:
            return self._outline(slug, kept)
        except msgspec.ValidationError:  # a cache from before the model changed
            return self._outline(slug, None)

    def outlines(self) -> tuple[Outline, ...]:
        """Return the rows of all lessons, in their order."""
        known = self._all_outlines()
        return tuple(known[slug] for slug in self.lessons)

    def find(self, text: str, current_lesson: str | None = None) -> StepName:
        """Return what is meant by ``text``: a step of the current lesson, or a lesson, or a step of it.

        The pack's own name is left out of the result. Raises ``UnknownLesson``, ``UnknownStep`` with what was probably
        meant, and ``UsageError``.
        """
        named = parse_step(text, current_lesson)
        if named.pack not in {None, self.id}:
            raise UnknownLesson(f"There is no pack called {one_line(str(named.pack), 40)} here; this is {self.id}.")
        bare = ":" not in text and "/" not in text
        if bare and current_lesson is not None and named.step is not None:
            steps = [step.id for step in self.outline(current_lesson).steps]
            if named.step not in steps and named.step in self.lessons:
                return StepName(None, named.step, None)
            # A word that is nearly a lesson and no step at all was meant as one.
            if named.step not in steps and not nearest(named.step, steps) and nearest(named.step, self.lessons):
                self._known(named.step)
        lesson = self._known(named.lesson)
        if named.step is None:
            return StepName(None, lesson, None)
        steps = [step.id for step in self.outline(lesson).steps]
        if named.step not in steps:
            near = nearest(named.step, steps)
            raise UnknownStep(
                f"The lesson {lesson} has no step called {one_line(named.step, 60)}"
                + (f": did you mean {near}?" if near else "."),
                f"dockerlearn start {self.prefix}{lesson}/{near}" if near else None,
            )
        return StepName(None, lesson, named.step)

    def problems(self, slug: str) -> tuple[Problem, ...]:
        """Return everything that is wrong with a lesson, read afresh: its file and its ``files/``. For lint."""
        return lesson_problems(self.folder, slug, self.references, self.lessons)

    def _known(self, slug: str) -> str:
        if slug in self._pack.lessons:
            return slug
        near = nearest(slug, self.lessons)
        raise UnknownLesson(
            f"There is no lesson called {one_line(slug, 60)}" + (f": did you mean {near}?" if near else "."),
            f"dockerlearn start {self.prefix}{near}" if near else "dockerlearn lessons",
        )

    def _file(self, slug: str) -> Path:
        return self.folder / slug / "lesson.yaml"

    def _also(self) -> str:
        # A lesson that is in order with these images and lessons need not be with others.
        return repr((sorted(self.references.items()), self._pack.lessons))

    def _tree(self, slug: str) -> dict[str, Any]:
        """Return a lesson as it was written, known to be in order, with the nouns' tags."""
        if self._known(slug) in self._trees:
            return self._trees[slug]
        of = stamp(self._file(slug), self._also())
        found = self._cache.get(slug, of, _decode_tree) if of else None
        if found is None:
            return self._keep(slug)
        self._trees[slug] = found
        return found

    def _keep(self, slug: str) -> dict[str, Any]:
        """Read a lesson from its file, and keep it for the next time."""
        of = stamp(self._file(slug), self._also())
        self._trees[slug] = self._read(slug)
        if of:
            self._cache.put(slug, of, self._trees[slug])
        return self._trees[slug]

    def _filled(self, slug: str, drawn: Mapping[str, str] | None) -> Lesson:
        tree = self._tree(slug)
        values = variables.sample(_variables(tree)) if drawn is None else drawn
        known = variables.values(values, self.references)
        # The declarations say what the variables are; nothing is put into them.
        rest = {key: value for key, value in tree.items() if key != "vars"}
        whole = variables.substitute_tree(rest, known)
        return msgspec.convert({**_as_dict(whole), "vars": tree.get("vars", {})}, Lesson, strict=False)

    def _read(self, slug: str) -> dict[str, Any]:
        from dockerlearn.course import explain, tree

        document = tree.read(self._file(slug), self._shown_file(slug))
        wrong = explain.lesson(document, self._context(slug))
        if wrong or document.root is None:
            raise _lesson_error(slug, wrong)
        return _as_dict(explain.tagged(tree.plain(document.root), Lesson))

    def _explain(self, slug: str, values: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
        from dockerlearn.course import explain, tree

        document = tree.read(self._file(slug), self._shown_file(slug))
        return explain.lesson(document, self._context(slug), values)

    def _context(self, slug: str) -> Context:
        return lesson_context(self.folder, slug, self.references, self.lessons)

    def _shown_file(self, slug: str) -> str:
        return f"{shown(self.folder)}/{slug}/lesson.yaml"

    def _read_pack(self) -> Pack:
        path = self.folder / "pack.yaml"
        of = stamp(path)
        kept = self._cache.get("pack", of, _decode_tree) if of else None
        if kept is not None:
            try:
                return msgspec.convert(kept, Pack, strict=False)
            except msgspec.ValidationError:  # a cache from before the model changed
                pass
        from dockerlearn.course import tree

        document = tree.read(path, f"{shown(self.folder)}/pack.yaml")
        wrong = pack_problems(self.folder, document)
        if wrong or document.root is None:
            raise LessonError(
                f"The pack in {shown(self.folder)} cannot be used: {_count(wrong)}.", tuple(map(str, wrong))
            )
        found = _as_dict(tree.plain(document.root))
        if of:
            self._cache.put("pack", of, found)
        return msgspec.convert(found, Pack, strict=False)

    def _all_outlines(self) -> dict[str, Outline]:
        """One cache entry for the pack: a thousand lessons are a thousand stats and one read."""
        if self._outlines is not None:
            return self._outlines
        whole = stamp(self.folder / "pack.yaml", "outlines")
        before = (self._cache.get("outlines", whole, _decode_rows) if whole else None) or {}
        rows: dict[str, _Row] = {}
        for slug in self._pack.lessons:
            of = stamp(self._file(slug))
            old = before.get(slug)
            rows[slug] = old if old is not None and old.stamp == of else _Row(of, self._outline(slug, None))
        if whole and rows != before:
            self._cache.put("outlines", whole, rows)
        self._outlines = {slug: row.outline for slug, row in rows.items()}
        return self._outlines

    def _outline(self, slug: str, kept: dict[str, Any] | None) -> Outline:
        """Make a lesson's row from what was ``kept`` of it, else from its file."""
        if kept is not None:
            return self._row(slug, kept)
        from dockerlearn.course import tree

        document = tree.read(self._file(slug), self._shown_file(slug))
        if document.root is None or document.problems:
            raise _lesson_error(slug, self._explain(slug))
        try:
            return self._row(slug, _as_dict(tree.plain(document.root)))
        except (msgspec.ValidationError, LessonError) as error:
            raise _lesson_error(slug, self._explain(slug), str(error)) from None

    def _row(self, slug: str, plain: dict[str, Any]) -> Outline:
        known = variables.values(variables.sample(_variables(plain)), self.references)
        raw = msgspec.convert(plain, _RawLesson, strict=False)
        return Outline(
            id=slug,
            title=variables.substitute(raw.title, known),
            level=raw.level,
            minutes=raw.minutes,
            summary=variables.substitute(raw.summary, known),
            steps=[
                StepOutline(step.id, variables.substitute(step.title, known), step.kind, step.needs)
                for step in raw.steps
            ],
        )


def pack_problems(folder: Path, document: Any = None) -> tuple[Problem, ...]:
    """Return everything that is wrong with a pack.yaml. For lint; ``document`` is it when it was read already."""
    from dockerlearn.course import explain, tree
    from dockerlearn.course.rules import Context

    name = f"{shown(folder)}/pack.yaml"
    read = document if document is not None else tree.read(folder / "pack.yaml", name)
    present = tuple(sorted(path.parent.name for path in folder.glob("*/lesson.yaml")))
    return explain.pack(read, Context(file=name, folder=folder, present=present))


def lesson_context(folder: Path, slug: str, references: Mapping[str, str], lessons: tuple[str, ...]) -> Context:
    """Return what surrounds a lesson of the pack in ``folder``, for ``explain`` and ``rules``."""
    from dockerlearn.course.rules import Context

    return Context(
        file=f"{shown(folder)}/{slug}/lesson.yaml", folder=folder / slug, references=references, lessons=lessons
    )


def lesson_problems(
    folder: Path, slug: str, references: Mapping[str, str], lessons: tuple[str, ...]
) -> tuple[Problem, ...]:
    """Return everything that is wrong with a lesson's file and its ``files/``, whatever its pack.yaml is like."""
    from dockerlearn.course import explain, materials, tree

    context = lesson_context(folder, slug, references, lessons)
    document = tree.read(folder / slug / "lesson.yaml", context.file)
    declared = document.root.get("vars") if isinstance(document.root, tree.Mapping) else None
    names = declared.keys() if isinstance(declared, tree.Mapping) else []
    known = variables.values(dict.fromkeys(names, ""), references)
    files = materials.problems(folder / slug / "files", f"{shown(folder)}/{slug}/files", known)
    return explain.lesson(document, context) + files


def _as_dict(tree: object) -> dict[str, Any]:
    """Return ``tree`` when it is a mapping, else an empty one."""
    return tree if isinstance(tree, dict) else {}


def _variables(tree: Mapping[str, Any]) -> dict[str, Variable]:
    return msgspec.convert(tree.get("vars", {}), dict[str, Variable], strict=False)


class _RawStep(msgspec.Struct):
    """As much of a step as its row needs; other keys are not looked at."""

    id: str
    title: str
    needs: list[Need] = []
    check: Any = None
    answer: Any = None
    question: Any = None

    @property
    def kind(self) -> StepKind:
        if self.check:
            return "do"
        return "answer" if self.answer else "question" if self.question else "read"


class _RawLesson(msgspec.Struct):
    title: str
    level: Level
    minutes: int
    summary: str
    steps: list[_RawStep]


class _Row(msgspec.Struct, frozen=True, array_like=True):
    stamp: Stamp | None
    outline: Outline


def _is_small_file(path: Path) -> bool:
    """Whether it is a file that may be in ``files/``; what may not is refused where it is used."""
    import stat

    from dockerlearn.setup.workspace import MAX_BYTES

    info = path.lstat()
    return stat.S_ISREG(info.st_mode) and info.st_size <= MAX_BYTES


def _decode_tree(data: bytes) -> dict[str, Any]:
    return msgspec.json.decode(data, type=dict[str, Any])


def _decode_rows(data: bytes) -> dict[str, _Row]:
    return msgspec.json.decode(data, type=dict[str, _Row])


def _names_image(text: str, name: str, reference: str) -> bool:
    """Whether an image is named: as ``@{image.NAME}``, by its reference, or by its short name as a value of a key."""
    short, written = re.escape(name), re.escape(reference)
    # A reference without a tag, as hello-world, is a word like any other: it counts where a command or FROM names it.
    written = (
        re.escape(reference)
        if ":" in reference
        else rf"(?:docker (?:run|pull|create)[^\n]*|FROM) {re.escape(reference)}"
    )
    ways = (
        rf"@\{{image\.{short}\}}",
        rf"(?<![\w./-]){written}(?![\w./:-])",
        rf":[ ]*[\"']?{short}[\"']?[ ]*(?:[,}}#]|$)",
    )
    return any(re.search(way, text, re.MULTILINE) for way in ways)


def _lesson_error(slug: str, found: tuple[Problem, ...], otherwise: str = "it cannot be read") -> LessonError:
    said = _count(found) if found else otherwise
    return LessonError(f"The lesson {slug} cannot be used: {said}.", tuple(map(str, found)))


def _count(found: tuple[Problem, ...]) -> str:
    return "one problem" if len(found) == 1 else f"{len(found)} problems"


def shown(folder: Path) -> str:
    """Return a folder as an editor can open it from here."""
    try:
        return folder.absolute().relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return folder.as_posix()
