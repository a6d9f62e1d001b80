"""``kill -9`` during any command: no pass that was shown is lost, and the ledger knows all that is on the engine."""

from __future__ import annotations

import json
import os
import random
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dockerlearn.course.names import declared
from dockerlearn.course.packs import LoadedPack, open_pack
from dockerlearn.engine import unix_http
from dockerlearn.engine.client import DockerEngine, connect
from dockerlearn.engine.endpoint import Endpoint
from dockerlearn.progress.store import Entry, Store
from dockerlearn.setup import ledger
from tests.live.conftest import Docker, things
from tests.live.lessons import DOCKERLEARN, Learner
from tests.one_lesson import one_lesson
from tests.own_engine import BASE_IMAGE

LESSON = "first-run"
KILLS = 100
SEED = 20_240_229
BYSTANDERS = ("dl-models-1", "bystander")
AT_ONCE = 0.0
"""Instead of a moment: kill it as soon as it has said that a step is passed."""

# What is killed, and how often, roughly.
COMMANDS = (
    *(["start", "STEP", "--plain"],) * 5, ["start", "--plain"], ["start", LESSON, "--anew", "--plain"],
    *(["redo"],) * 3, ["redo", "STEP"], *(["next"],) * 2, ["check"], ["check", "--json"], ["skip"], ["skip"], ["back"],
    ["answer", "wrong"], ["hint"], ["solution", "--plain"], ["clean", "--yes"], ["clean", "--yes"],
)  # fmt: skip
# What is killed when the step is as good as passed, every fifth time.
PASSING = (["check"], ["check", "--json"], ["next"], ["next", "--json"])
REHEARSAL = (
    "start --plain", "check", "next", "redo", "skip", "back", "answer wrong", "hint", "solution", "clean --yes",
)  # fmt: skip


class Run(NamedTuple):
    """How a command went; ``code`` is None when it was killed."""

    code: int | None
    out: str
    err: str


class Bench:
    """A learner whose commands are killed, and a look at what they leave behind."""

    def __init__(self, learner: Learner, docker: Docker, seed: int) -> None:
        self.learner = learner
        self.rng = random.Random(seed)
        self.socket = docker.host.removeprefix("unix://")
        self.engine: DockerEngine = connect(Endpoint(docker.host, "the tests"))
        self.pack: LoadedPack = open_pack(one_lesson(learner.folder / "pack"))
        learner.environment["DOCKERLEARN_PACK"] = str(learner.folder / "pack")
        self.steps = [step.id for step in self.pack.lesson(LESSON, None).steps]
        self.usual: dict[str, float] = {}
        self.shown: set[str] = set()
        self.said = 0
        self.data = Path(learner.environment["DOCKERLEARN_HOME"])
        self.copy = learner.folder / "copy"

    def until(self, arguments: list[str], moment: float) -> Run:
        """Run a command and kill it, and all it started, after ``moment`` seconds, or ``AT_ONCE``."""
        with (self.learner.folder / "errors").open("w+") as errors:
            process = subprocess.Popen(
                [*DOCKERLEARN, *arguments], env=self.learner.environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=errors, cwd=self.learner.home, start_new_session=True,
            )  # fmt: skip
            assert process.stdout is not None
            end = time.monotonic() + (moment or 60)
            out, ended = b"", False
            while not ended and (left := end - time.monotonic()) > 0:
                if select.select([process.stdout], [], [], left)[0]:
                    more = os.read(process.stdout.fileno(), 65_536)
                    out, ended = out + more, not more
                    if moment == AT_ONCE and shown_passed("?", out.decode("utf-8", "replace")):
                        break
            code = process.wait(10) if ended else None
            if code is None:
                os.killpg(process.pid, signal.SIGKILL)
            out += process.stdout.read()
            process.stdout.close()
            code = None if process.wait(10) == -signal.SIGKILL else process.returncode
            errors.seek(0)
            return Run(code, out.decode(), errors.read())

    def rehearse(self) -> None:
        """Learn how long each command takes here."""
        for words in REHEARSAL:
            began = time.monotonic()
            self.finish(*words.split())
            self.usual[words.split()[0]] = time.monotonic() - began

    def killed(self, arguments: list[str], *, at_once: bool = False) -> bool:
        """Kill a command at some moment of its usual time and look at everything; False when it was too quick."""
        step, verb = self.current(), arguments[0]
        # The first third of a command is Python that starts: it is met less often, and still often enough.
        moment = AT_ONCE if at_once else max(0.001, self.usual[verb] * self.rng.random() ** 0.6)
        run = self.until(arguments, moment)
        if run.code is not None:
            self.is_well(arguments, run)
        passed = shown_passed(step, run.out)
        self.shown |= passed
        self.said += bool(passed) and run.code is None
        self.look()
        return run.code is None

    def finish(self, *arguments: str) -> Run:
        """Run a command to its end."""
        step = self.current()
        done = self.learner(*arguments)
        run = Run(done.returncode, done.stdout, done.stderr)
        self.is_well(list(arguments), run)
        self.shown |= shown_passed(step, run.out)
        return run

    @staticmethod
    def is_well(arguments: list[str], run: Run) -> None:
        """Whatever was cut short before, a command that was let finish does what it should."""
        assert run.code in {0, 1, 2}, (arguments, run)
        assert "Traceback" not in run.err
        assert "defect" not in run.err, (arguments, run)

    def solve(self, step: str) -> list[str]:
        """Do what a step asks, in ``sh``; the value is the command that passes it then."""
        assert self.finish("start", f"{LESSON}/{step}", "--plain").code == 0
        script = self.finish("solution", "--plain").out
        doing, answering, answer = script.partition("dockerlearn answer ")
        # The container reacts to no TERM, and stopping it takes ten seconds.
        doing = re.sub(
            r"docker stop( -t 1)?", "docker kill", doing.partition("dockerlearn() {")[0] if answering else doing
        )
        done = self.learner.sh(f"{doing}\nprintf '%s' {answer}" if answering else doing)
        assert done.returncode == 0, (script, done)
        return ["answer", done.stdout.splitlines()[-1]] if answering else list(self.rng.choice(PASSING))

    def current(self) -> str:
        """The step that a command without a step's name means."""
        if not (self.data / "progress.sqlite3").exists():
            return ""
        with self.progress() as store:
            at = store.current()
            return at.step if at else ""

    def progress(self) -> Store:
        """The progress file as it is on the disk now. It is copied: opening it must not mend what is being tested."""
        shutil.rmtree(self.copy, ignore_errors=True)
        self.copy.mkdir()
        for file in self.data.glob("progress.sqlite3*"):
            shutil.copy(file, self.copy)
        return Store.open(self.copy / "progress.sqlite3")

    def containers(self) -> list[Any]:
        """Every container on the engine but those of somebody else."""
        rows: Any = unix_http.ask(self.socket, "/containers/json?all=1", timeout=30).json()
        return [row for row in rows if row["Names"] and row["Names"][0].lstrip("/") not in BYSTANDERS]

    def look(self) -> None:
        """Hold everything that must be so after a kill."""
        rows = self.containers()
        if not (self.data / "progress.sqlite3").exists():
            assert not [row for row in rows if ledger.NONCE_LABEL in row["Labels"]]
            return
        assert not list(self.data.glob("*damaged*"))
        with self.progress() as store:
            assert {(LESSON, step) for step in self.shown} <= store.ever_passed(self.pack.id)
            entries = store.entries()
            ids, nonces = ids_of(entries), {entry.nonce for entry in entries if entry.object_id is None}
            # What the tutor made was in the ledger before it was made.
            for row in rows:
                nonce = row["Labels"].get(ledger.NONCE_LABEL)
                assert nonce is None or row["Id"] in ids or nonce in nonces, row
            # What the learner made is, or is entered by the next command that looks.
            names = declared(self.pack.lesson(LESSON, None))
            for attempt in store.attempts(self.engine.identity.id):
                ledger.observe(self.engine, store, attempt, names)
            ids = ids_of(store.entries())
            assert {row["Names"][0] for row in rows if row["Names"][0].lstrip("/") in names.containers} <= {
                row["Names"][0] for row in rows if row["Id"] in ids
            }
        assert not list(self.copy.glob("*damaged*"))
        with closing(sqlite3.connect(self.copy / "progress.sqlite3")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def ids_of(entries: tuple[Entry, ...]) -> set[str]:
    return {entry.object_id for entry in entries if entry.object_id}


def shown_passed(step: str, out: str) -> set[str]:
    """The steps that an output says are passed; ``step`` is the one that it is about when it names none.

    >>> shown_passed("run", '{"step": "first-run/run", "passed": true}'), shown_passed("run", "✗ dl-first is not …")
    ({'run'}, set())
    """
    if out.startswith("{"):
        try:
            shape = json.loads(out)
        except ValueError:
            return set()
        told = shape.get("verdict") or shape
        return {told["step"].rpartition("/")[2]} if told.get("passed") and "status" in told else set()
    lines = out.splitlines()
    met = any(line.startswith("✓") for line in lines) and not any(line.startswith(("✗", "?")) for line in lines)
    # A step that is met is followed by the way on, or, after next, by the next step.
    goes_on = any(line == "Next: dockerlearn next" or " ▸ step " in line or "last lesson" in line for line in lines)
    return {step} if met and goes_on else set()


@pytest.fixture
def bench(docker: Docker, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(Learner(tmp_path, docker.host), docker, SEED)
    yield made
    made.learner("clean", "--yes")
    made.engine.close()


@pytest.fixture
def bystanders(docker: Docker) -> Iterator[tuple[str, ...]]:
    """Containers of somebody else's: of a project called dl-models, and with a label such as ours."""
    for name, label in zip(
        BYSTANDERS, ("com.docker.compose.project=dl-models", f"{ledger.NONCE_LABEL}=copied"), strict=True
    ):
        docker("run", "--detach", "--name", name, "--label", label, BASE_IMAGE, "sleep", "3600")
    yield BYSTANDERS
    docker("rm", "--force", *BYSTANDERS)


def test_killed_a_hundred_times(bench: Bench, bystanders: tuple[str, ...], docker: Docker) -> None:
    before = json.loads(docker("inspect", *bystanders))
    there = things(docker.host)
    bench.rehearse()
    kills = rounds = 0
    while kills < KILLS:
        rounds += 1
        assert rounds < 2 * KILLS
        if kills % 5 == 4:
            passing = bench.solve(bench.steps[kills // 5 % len(bench.steps)])
            kills += bench.killed(passing, at_once=kills % 10 == 9)
        else:
            step = f"{LESSON}/{bench.rng.choice(bench.steps)}"
            kills += bench.killed([step if word == "STEP" else word for word in bench.rng.choice(COMMANDS)])
    # The test means little unless passes were shown, and shown by commands that were killed then.
    assert bench.said >= 8
    assert len(bench.shown) >= 4
    assert json.loads(docker("inspect", *bystanders)) == before
    time.sleep(0.5)  # what the engine was asked for last may still be on its way
    assert bench.finish("clean", "--yes").code == 0
    assert set(things(docker.host)) == set(there)
    assert json.loads(docker("inspect", *bystanders)) == before
    steps = bench.learner.json("lessons", LESSON)["lessons"][0]["steps"]
    assert bench.shown <= {step["id"] for step in steps if step["status"] == "passed"}
