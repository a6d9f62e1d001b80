"""The figures: what is measured against what, and what it may cost."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import docker
import docker.errors

from benchmarks.learner import LESSON, PING, STEP, TYPER, Learner, make_pack
from benchmarks.measure import Added, Change, Delay, Figure, Plain, Program, Row, by_turns, milliseconds, run
from tests.own_engine import BASE_IMAGE

MANY = 1000
"""Foreign containers, and lessons."""

CHECK, COMMAND, HELP, FLAT = 1.4, 1.6, 2.0, 1.1
THROUGH, PROMPT, FIRST_LINE = 1.3, 0.01, 0.05
"""The bounds. Flat means: what cannot be told from noise; ``PROMPT`` and ``FIRST_LINE`` are in seconds."""

TRIALS = 200
"""Of what the tutor says, and of prompts."""

_HEAVY = ("docker", "requests", "pydantic", "yaml", "rich", "typer")


class Bench:
    """Where figures are measured: a folder, an engine, and how often each pair is run."""

    def __init__(self, folder: Path, host: str, times: int, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.host = host
        self.times = times
        self.say = say
        self.engine = docker.APIClient(host, version="auto")
        self.learner = Learner(folder / "learner", host)
        self.begin(self.learner)

    def begin(self, *learners: Learner) -> None:
        """Have learners open the step that is checked, on an engine without its container, and do it once for all."""
        self.undo()
        for learner in learners:
            learner.do("start", STEP, "--plain")
        learners[0].solve()
        for learner in learners:
            learner.do("check", "step", STEP)

    def undo(self) -> None:
        """Remove what the step that is checked is about."""
        with suppress(docker.errors.NotFound):
            self.engine.remove_container("dl-first", force=True)

    def figure(self, name: str, words: tuple[str, ...], base: str, bound: float | None, code: int = 0) -> Figure:
        """Measure a command against a line of Python."""
        self.say(name)
        ours, other = by_turns([self.learner.program(*words, code=code), self.learner.python(base)], self.times)
        return Figure(name, ours, other, bound)


def check(bench: Bench) -> Iterator[Row]:
    """What is typed most, against the SDK's own start-up."""
    yield bench.figure("check step, met", ("check", "step", STEP), PING, CHECK)
    yield _imports(bench, "check", "step", STEP)


def start_up(bench: Bench) -> Iterator[Row]:
    """Commands that need no engine, against what a command line in Python costs."""
    for words in (("hint", STEP), ("task",), ("lessons",)):
        yield bench.figure(words[0], words, TYPER, COMMAND)
    yield bench.figure("--help", ("--help",), TYPER, HELP)
    for words in (("hint", STEP), ("task",), ("lessons",), ("--help",)):
        yield _imports(bench, *words)


def lessons(bench: Bench) -> Iterator[Row]:
    """A thousand lessons against one."""
    bench.say(f"making {MANY} lessons")
    one, many = (
        Learner(bench.folder / f"of-{number}", bench.host, make_pack(bench.folder / f"pack-{number}", number))
        for number in (1, MANY)
    )
    bench.begin(one, many)
    start = ("start", STEP, "--plain")
    for words, bound in (
        (("hint", STEP), FLAT),
        (("check", "step", STEP), FLAT),
        (start, FLAT),
        (("lessons",), None),
    ):
        name = f"{words[0]}, {MANY} lessons to 1"
        bench.say(name)
        ours, base = by_turns([many.program(*words), one.program(*words)], bench.times)
        yield Figure(name, ours, base, bound)
    folders = [bench.folder / f"pack-{number}" for number in (1, MANY)]
    yield _once(bench, f"lint, {MANY} lessons to 1", [one.program("author", "lint", str(at)) for at in folders])
    yield from _added(bench, folders)


def _once(bench: Bench, name: str, programs: Sequence[Program]) -> Plain:
    """Run what takes its time once, the one of a single lesson first."""
    bench.say(name)
    little, much = (run(program) for program in programs)
    return Plain(
        name, f"{much.wall:.1f} s ({much.cpu:.1f} s of a processor) to {little.wall:.1f} s ({little.cpu:.1f} s)"
    )


def _added(bench: Bench, folders: Sequence[Path]) -> Iterator[Row]:
    """The same lessons in a pack by others: adding it, and what the course's own commands cost with it there."""
    few, many = (Learner(bench.folder / f"with-{number}", bench.host) for number in (1, MANY))
    for at in folders:
        text = (at / "pack.yaml").read_text()
        (at / "pack.yaml").write_text(text.replace("id: docker", "id: others"))
    programs = [owner.program("packs", "add", str(at), "--yes") for owner, at in zip((few, many), folders, strict=True)]
    yield _once(bench, f"packs add, {MANY} lessons to 1", programs)
    bench.begin(few, many)
    for words, bound in (
        (("hint", STEP), FLAT),
        (("hint", f"others:{STEP}"), FLAT),
        (("check", "step", STEP), FLAT),
        (("packs",), None),
        (("lessons",), None),
    ):
        name = f"{' '.join(words[:2])}, beside a pack of {MANY} lessons to 1"
        bench.say(name)
        ours, base = by_turns([many.program(*words), few.program(*words)], bench.times)
        yield Figure(name, ours, base, bound)


def containers(bench: Bench) -> Iterator[Row]:
    """A thousand containers of somebody else's: the same figures before and after."""
    before = _met_and_not(bench, "before")
    bench.say(f"making {MANY} containers")
    for number in range(MANY):
        bench.engine.create_container(BASE_IMAGE, name=f"foreign-{number:04}")
    for old, new in zip(before, _met_and_not(bench, "after"), strict=True):
        yield old
        yield new
        yield Change(f"{new.name} to before", old, new, FLAT)


def _met_and_not(bench: Bench, when: str) -> list[Figure]:
    words = ("check", "step", STEP)
    bench.begin(bench.learner)
    met = bench.figure(f"check step, met, {when} {MANY} containers", words, PING, None)
    bench.undo()
    return [met, bench.figure(f"check step, absent, {when} {MANY} containers", words, PING, None, code=1)]


def parts(bench: Bench) -> Iterator[Row]:
    """The parts that a start consists of; told, not judged."""
    bench.say("parts")
    hint = ("hint", STEP)
    uncached = bench.learner.program(*hint, before=bench.learner.forget_what_was_read)
    fresh, cached = (by_turns([program], bench.times)[0] for program in (uncached, bench.learner.program(*hint)))
    yield Figure("hint, nothing cached to cached", fresh, cached, None)

    from dockerlearn.course.packs import open_pack
    from dockerlearn.progress.store import Store

    cache, progress = bench.learner.folder / "data" / "cache", bench.learner.folder / "data" / "progress.sqlite3"
    yield _within("open the pack and a lesson, cached", lambda: open_pack(None, cache).lesson(LESSON, None))
    yield _within("open the pack and a lesson, not cached", lambda: open_pack(None, None).lesson(LESSON, None))
    yield _within("open the store", lambda: Store.open(progress).close())


def shell(bench: Bench) -> Iterator[Row]:
    """Riding along in a shell, against the same shell on a pty with nobody along."""
    from benchmarks import riding

    bench.say("the shell: passing 30 MB through")
    ours, base, least = riding.pass_through(bench.folder, bench.times)
    yield Figure("30 MB through the ride to a bare pty", ours, base, THROUGH)
    yield Figure("30 MB through script(1) to a bare pty", least, base, None)
    bench.say("the shell: prompts")
    for kind in riding.KINDS:
        with_rider, bare = riding.prompts(bench.folder, kind, TRIALS)
        yield Added(f"Enter to prompt in {kind}, nothing to say", with_rider, bare, PROMPT)


def tutor(bench: Bench) -> Iterator[Row]:
    """The tutor riding along: how soon it speaks, and what a prompt waits for it."""
    from benchmarks import tutoring

    bench.say("the tutor: from the engine's event to the first line")
    with tutoring.tutored(bench.folder / "tutored", bench.host, BASE_IMAGE) as tutored:
        yield Delay("from an event of another terminal to the first line", tutored.elsewhere(TRIALS), FIRST_LINE)
        yield Delay("from the event of a typed command to the first line", tutored.typed(TRIALS), FIRST_LINE)
        bench.say("the tutor: prompts")
        for line in ("true", "docker ps"):
            with_tutor, bare = tutoring.prompts(tutored, line, TRIALS)
            yield Added(f"Enter to prompt after {line}, nothing to say", with_tutor, bare, PROMPT)


def prove(bench: Bench) -> Iterator[Row]:
    """How long the prover takes with the first lesson."""
    from dockerlearn.author.prove import Prover
    from dockerlearn.course.packs import open_pack
    from dockerlearn.engine import client, endpoint

    bench.say("proving the first lesson")
    engine = client.connect(endpoint.find({"DOCKER_HOST": bench.host}, bench.folder))
    bench.undo()
    try:
        proved = Prover(open_pack(), lambda: engine, bench.host, bench.folder / "prover").prove(LESSON)
    finally:
        engine.close()
    for step in dict.fromkeys(claim.step for claim in proved):
        claims = [claim for claim in proved if claim.step == step]
        fallen = [claim.claim for claim in claims if claim.fell]
        seconds = sum(claim.seconds for claim in claims)
        told = f"{seconds:.1f} s, {len(claims)} claims" + (f", NOT HELD: {'; '.join(fallen)}" if fallen else "")
        yield Plain(f"prove {step}", told)


GROUPS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "check": check,
    "start-up": start_up,
    "lessons": lessons,
    "containers": containers,
    "parts": parts,
    "shell": shell,
    "tutor": tutor,
    "prove": prove,
}
"""In the order in which they are run; ``prove`` only when it is asked for."""


def _imports(bench: Bench, *words: str) -> Plain:
    found = bench.learner.imported(*words, of=_HEAVY)
    return Plain(f"imported by {' '.join(words)}", ", ".join(found) or "none of these: " + ", ".join(_HEAVY))


def _within(name: str, act: Callable[[], object], times: int = 30) -> Plain:
    """Measure something within this process."""
    act()
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    return Plain(name, milliseconds(statistics.median(seconds)))
