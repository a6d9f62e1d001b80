"""``author``: for those who write lessons."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, Self

import typer

from dockerlearn.cli import completion
from dockerlearn.cli.options import Json, Plain, Yes
from dockerlearn.errors import DockerlearnError, UsageError
from dockerlearn.text import one_line
from dockerlearn.ui import shapes

if TYPE_CHECKING:
    from dockerlearn.author.prove import Proved
    from dockerlearn.author.report import LessonProof
    from dockerlearn.author.target import Target
    from dockerlearn.cli.wiring import Wiring
    from dockerlearn.course.packs import LoadedPack
    from dockerlearn.engine.api import EngineApi

TargetArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[PATH|LESSON]",
        help="The folder of a pack or a lesson, or LESSON[/STEP]. Default: where you are.",
        autocompletion=completion.targets,
        show_default=False,
    ),
]
StepOption = Annotated[str | None, typer.Option("--step", metavar="STEP", help="Only this step of the lesson.")]


def author(ctx: typer.Context) -> int:
    """Write lessons: a template, what is wrong with one, and a proof of it on an engine."""
    if ctx.invoked_subcommand is None:
        ctx.obj.view.verbatim(f"{ctx.get_help()}\n")
    return 0


def new(  # noqa: PLR0917 - typer passes all of them by name
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it: a-z, 0-9 and -.")],
    pack: Annotated[bool, typer.Option("--pack", help="Make a pack, also where there is one.")] = False,
    into: Annotated[
        Path | None,
        typer.Option("--in", metavar="FOLDER", help="Where. Default: the pack around here, else here."),
    ] = None,
    plain: Plain = False,
    json: Json = False,
) -> int:
    """Make a lesson in the pack that you are in; where there is none, a pack with a lesson.

    What is made passes lint and prove, and is there to be changed.
    """
    from dockerlearn.author import new as making

    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    folder = into if into is not None else Path.cwd()
    if not folder.is_dir():
        raise UsageError(f"There is no folder {one_line(str(folder))}.")
    around = next((one for one in (folder, folder.resolve().parent) if (one / "pack.yaml").is_file()), None)
    if around is not None and around is not folder and not (folder / "lesson.yaml").is_file():
        around = None
    made = making.new_pack(folder, name) if pack or around is None else making.new_lesson(around, name)
    if json:
        wiring.view.as_json(shapes.made_shape(made))
    else:
        wiring.view.made(made)
    return 0


def lint(
    ctx: typer.Context,
    path: TargetArgument = None,
    since: Annotated[
        Path | None,
        typer.Option("--since", metavar="FOLDER", help="An earlier version of the pack, whose ids must have stayed."),
    ] = None,
    plain: Plain = False,
    json: Json = False,
) -> int:
    """Tell everything that is wrong with a pack or a lesson, as far as it can be known without an engine.

    Ends with 2 when something is.
    """
    from dockerlearn.author import lint as linting

    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    if since is not None and not (since / "pack.yaml").is_file():
        raise UsageError(f"There is no pack.yaml in {one_line(str(since))}.")
    linted = linting.lint(_target(wiring, path), since)
    if json:
        wiring.view.as_json(shapes.lint_shape(linted))
    else:
        wiring.view.linted(linted)
    return 2 if linted.problems else 0


def prove(  # noqa: PLR0917 - typer passes all of them by name
    ctx: typer.Context,
    path: TargetArgument = None,
    step: StepOption = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Also write the result as JUnit's XML.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Fixes the values of the lesson's variables.", show_default=False)
    ] = None,
    mutate: Annotated[
        bool,
        typer.Option("--mutate", help="Also loosen each check in each way, and tell what nobody notices."),
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            min=1,
            max=32,
            help="Prove so many steps at a time, each on a practice engine of its own. As root on Linux.",
        ),
    ] = 1,
    practice: Annotated[
        bool, typer.Option("--practice", help="Use the practice engine, a private one; start it if it is down.")
    ] = False,
    yes: Yes = False,
    plain: Plain = False,
    json: Json = False,
) -> int:
    """Prove a pack, a lesson or a step on an engine: run every solution, right way and mistake.

    Ends with 0 when every claim holds, 1 when one does not, 3 when the engine could not be asked. A step that needs
    what is not here is told as left out, and is neither. With --mutate it ends with 1, too, when a check can be
    loosened unnoticed and the step's untested: does not say why.
    """
    import secrets

    wiring: Wiring = ctx.obj.use(json=json, plain=plain, yes=yes)
    target = _target(wiring, path)
    pack, lessons, steps = _chosen(target, step)
    drawn = secrets.randbelow(1_000_000) if seed is None else seed
    prove_all = _prove_here if jobs == 1 else _prove_together
    jobs = min(jobs, len(_steps(pack, lessons, steps)))
    proofs, seconds = prove_all(wiring, pack, lessons, steps, _How(drawn, mutate, jobs, practice))
    if junit is not None:
        _write_junit(wiring, junit, proofs)
    if json:
        wiring.view.as_json(shapes.proof_shape(proofs, drawn, elapsed=seconds, jobs=jobs))
    else:
        wiring.view.proofs(proofs, drawn, elapsed=seconds, jobs=jobs)
    return 0 if all(proof.held and not proof.unnoticed and not proof.needless for proof in proofs) else 1


class _How(NamedTuple):
    """How a proof was asked for."""

    seed: int
    mutate: bool
    jobs: int
    practice: bool


def _prove_here(
    wiring: Wiring, pack: LoadedPack, lessons: tuple[str, ...], steps: tuple[str, ...] | None, how: _How
) -> tuple[list[LessonProof], float]:
    """Prove one step after the other on one engine; the second value is how many seconds it took."""
    import time

    engine = _engine_to_prove_on(wiring, practice=how.practice)
    where = one_line(engine.identity.address)
    own = engine.identity.address == wiring.practice_address()
    _refuse_others(wiring, engine, pack)
    _agree_to_run(wiring, lessons, "the practice engine" if own else f"the engine at {where}")
    proofs: list[LessonProof] = []
    began = time.monotonic()
    with _own_folder(wiring) as folder, _Going(wiring, pack, lessons, steps) as going:
        from dockerlearn.author.prove import Prover
        from dockerlearn.author.report import LessonProof

        def provide(lesson: str) -> None:
            wiring.make_stand_ins(pack, lesson)

        for lesson in lessons:
            prover = Prover(
                pack, lambda: engine, engine.identity.address, Path(folder),
                told=going.told, begun=going.begun, seed=how.seed, provide=provide, mutate=how.mutate,
            )  # fmt: skip
            claims = prover.prove(lesson, steps)
            proofs.append(LessonProof(lesson, claims, tuple(prover.loosened), tuple(prover.needless)))
    return proofs, time.monotonic() - began


def _prove_together(
    wiring: Wiring, pack: LoadedPack, lessons: tuple[str, ...], steps: tuple[str, ...] | None, how: _How
) -> tuple[list[LessonProof], float]:
    """Prove several steps at a time, each on an engine of its own; the second value is how many seconds it took."""
    import time

    from dockerlearn.author import together
    from dockerlearn.author.worker import Order, Work
    from dockerlearn.cli import practising
    from dockerlearn.engine import apart
    from dockerlearn.engine.practice import Practice

    apart.require()
    orders = [Order(lesson, step) for lesson, step in _steps(pack, lessons, steps)]
    engines = f"{how.jobs} practice engines, which are" if how.jobs > 1 else "a practice engine, which is"
    _agree_to_run(wiring, lessons, f"{engines} started for this and taken away again")
    practising.install_programs(wiring)
    practice = Practice(wiring.paths.practice, environ=wiring.environ)
    references = dict.fromkeys(reference for lesson in lessons for reference in pack.images_of(lesson))
    stand_ins = together.stand_ins(references, practice, wiring.view.note)
    wiring.view.note(practising.STAND_INS_BESIDE)
    began = time.monotonic()
    with _own_folder(wiring) as folder, _Going(wiring, pack, lessons, steps) as going:
        work = Work(str(pack.folder), folder, str(stand_ins), how.seed, how.mutate)
        proofs = together.prove(work, orders, Path(folder), how.jobs, told=going.told, begun=going.begun)
    return list(proofs), time.monotonic() - began


def _steps(pack: LoadedPack, lessons: tuple[str, ...], steps: tuple[str, ...] | None) -> list[tuple[str, str]]:
    """Return lesson and step of all that is to be proven, in order."""
    return [
        (lesson, step.id)
        for lesson in lessons
        for step in pack.lesson(lesson).steps
        if steps is None or step.id in steps
    ]


class _Going:
    """Shows each claim that was looked at, and in a terminal what is looked at now and how far it is."""

    def __init__(
        self, wiring: Wiring, pack: LoadedPack, lessons: tuple[str, ...], steps: tuple[str, ...] | None
    ) -> None:
        import time

        self._view = wiring.view
        self._all = len(_steps(pack, lessons, steps))
        self._seen: set[str] = set()
        self._now: dict[str, str] = {}
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._view.gone()

    def begun(self, step: str, claim: str) -> None:
        """A claim is looked at."""
        import time

        self._seen.add(step)
        self._now[step] = claim
        self._view.proving(len(self._seen), self._all, self._now, time.monotonic() - self._began)

    def told(self, proved: Proved) -> None:
        """A claim was looked at."""
        self._now.pop(proved.step, None)
        if not self._view.json:
            self._view.claim(proved)


def preview(
    ctx: typer.Context, path: TargetArgument = None, step: StepOption = None, plain: Plain = False, json: Json = False
) -> int:
    """Show a lesson as a learner will see it, with its answers and mistakes, without an engine."""
    wiring: Wiring = ctx.obj.use(json=json, plain=plain)
    pack, lessons, steps = _chosen(_target(wiring, path), step)
    if json:
        wiring.view.as_json(shapes.preview_shape([(name, pack.lesson(name)) for name in lessons], steps))
        return 0
    for number, name in enumerate(lessons):
        if number:
            wiring.view.text("")
        wiring.view.preview(name, pack.lesson(name), only=steps[0] if steps else None)
    return 0


def schema(
    ctx: typer.Context,
    which: Annotated[Literal["lesson", "pack"], typer.Argument(help="Of which file.", show_default=True)] = "lesson",
    into: Annotated[
        Path | None, typer.Option("--into", metavar="FOLDER", help="Write both files into the folder of a pack.")
    ] = None,
) -> int:
    """Print the JSON Schema of lesson.yaml or pack.yaml, for editors."""
    from dockerlearn.course import schema as making

    wiring: Wiring = ctx.obj
    if into is None:
        wiring.view.verbatim(making.text(making.schemas()[f"{which}.schema.json"]))
        return 0
    if not into.is_dir():
        raise UsageError(f"There is no folder {one_line(str(into))}.")
    making.write(into)
    wiring.view.text(f"{', '.join(making.schemas())} are in {one_line(str(into))}.")
    return 0


def _target(wiring: Wiring, text: str | None) -> Target:
    from dockerlearn.author.target import Target, find
    from dockerlearn.cli.wiring import PACK
    from dockerlearn.course.packs import course_folder, parse_step

    head, colon, name = (text or "").partition(":")
    if head and colon and not Path(text or "").exists():
        pack = wiring.library.pack(head)
        named = parse_step(name) if name else None
        return Target(
            pack.folder, named.lesson if named is not None else None, named.step if named is not None else None
        )
    given = wiring.environ.get(PACK)
    # A name alone may be a lesson of the course; nothing at all never means the whole course by accident.
    return find(text, Path.cwd(), Path(given) if given else course_folder() if text is not None else None)


def _chosen(target: Target, step: str | None) -> tuple[LoadedPack, tuple[str, ...], tuple[str, ...] | None]:
    """Return the pack, which lessons of it, and which steps of the one lesson; None are all."""
    from dockerlearn.course.packs import open_pack

    pack = open_pack(target.folder)
    if target.lesson is None:
        if step is not None:
            raise UsageError("--step needs a lesson.", "Give LESSON or LESSON/STEP.")
        return pack, pack.lessons, None
    lesson = pack.find(f"{target.lesson}/").lesson
    wanted = step or target.step
    if wanted is None:
        return pack, (lesson,), None
    return pack, (lesson,), (str(pack.find(f"{lesson}/{wanted}").step),)


def _refuse_others(wiring: Wiring, engine: EngineApi, pack: LoadedPack) -> None:
    """Raise ``UsageError`` when a pack by others would be proven elsewhere than on the practice engine."""
    by_others = pack.folder.resolve().is_relative_to(wiring.paths.packs.resolve())
    if by_others and engine.identity.address != wiring.practice_address():
        raise UsageError(
            f"Proving runs the commands of {pack.id}, which others wrote: on the practice engine alone.",
            "dockerlearn author prove --practice …",
        )


def _engine_to_prove_on(wiring: Wiring, *, practice: bool) -> EngineApi:
    from dockerlearn.cli import practising

    otherwise = "dockerlearn author prove --practice"
    return practising.with_engine(wiring, wiring.engine, practice=practice, otherwise=otherwise)


def _agree_to_run(wiring: Wiring, lessons: tuple[str, ...], where: str) -> None:
    wiring.view.note(
        f"Proving {', '.join(lessons)} runs every solution, right way and mistake of the lesson in a shell on this "
        f"machine, as you and with a home folder of its own, and makes and removes things that begin with dl- on "
        f"{where}."
    )
    wiring.agree("Run them?", otherwise="dockerlearn author prove --yes")


def _own_folder(wiring: Wiring) -> AbstractContextManager[str]:
    import tempfile

    # Beneath the home of dockerlearn, not /tmp: engines in a virtual machine see the user's folders only.
    wiring.paths.home.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="prove-", dir=wiring.paths.home, ignore_cleanup_errors=True)


def _write_junit(wiring: Wiring, file: Path, proofs: list[LessonProof]) -> None:
    from dockerlearn.author.report import junit

    try:
        file.write_text(junit(proofs), encoding="utf-8")
    except OSError as error:
        raise DockerlearnError(f"{one_line(str(file))} cannot be written: {error.strerror or error}.") from None
    wiring.view.note(f"The JUnit file is {one_line(str(file))}.")
