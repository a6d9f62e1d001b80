"""Proving several steps at a time: who gets which, what comes of it, and what becomes of programs that fail."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from dockerlearn.author import together
from dockerlearn.author.prove import CLEANING, Proved
from dockerlearn.author.report import LessonProof
from dockerlearn.author.worker import Order, Work
from dockerlearn.engine.practice import Practice
from dockerlearn.errors import EngineSilent, PracticeFailed
from dockerlearn.ui.style import Style
from dockerlearn.ui.view import View
from tests.cli_support import PACK, Learner

ORDERS = [Order("one", step) for step in ("a", "b", "c")] + [Order("two", "d")]

BEGIN = """
import json, os, sys, time
from pathlib import Path
def say(word, **more):
    print(json.dumps({"type": word, **more}), flush=True)
def told(step, claim, held=True, why=""):
    say("Begun", step=step, claim=claim)
    say("Told", proved={"step": step, "claim": claim, "held": held, "why": why, "seconds": 0.5})
work = json.loads(sys.stdin.readline())
me = Path(work["folder"]).name
say("Ready")
for line in sys.stdin:
    order = json.loads(line)
    name = f"{order['lesson']}/{order['step']}"
"""
GOOD = """
    time.sleep(0.3 if order["step"] == "a" else 0.01)
    told(name, f"it starts unmet, by {me}")
    told(order["lesson"], "cleaning leaves nothing", order["step"] != "c", "" if order["step"] != "c" else "left: c")
    say("Done", loosened=[], needless=[{"step": name, "where": "check[0].x", "noticed": "y"}])
"""


def prove(folder: Path, body: str, jobs: int = 2) -> tuple[tuple[LessonProof, ...], list[Proved], list[str]]:
    """Prove ``ORDERS`` by programs that speak as a worker does, and say what ``body`` says."""
    script = folder / "worker.py"
    script.write_text(textwrap.dedent(BEGIN) + body)
    told: list[Proved] = []
    begun: list[str] = []
    proofs = together.prove(
        Work("pack", "", "stand-ins", 1, mutate=False), ORDERS, folder / "place", jobs,
        told=told.append, begun=lambda step, claim: begun.append(f"{step} {claim}"),
        program=[sys.executable, str(script)],
    )  # fmt: skip
    return proofs, told, begun


def test_each_step_is_proven_once_and_told_in_the_courses_order(tmp_path: Path) -> None:
    (one, two), told, begun = prove(tmp_path, GOOD)
    assert [(proof.lesson, list(proof.by_step())) for proof in (one, two)] == [
        ("one", ["one/a", "one/b", "one/c", "one"]),
        ("two", ["two/d", "two"]),
    ]
    by = {claim.step: claim.claim.rpartition(" ")[2] for claim in told if claim.claim != CLEANING}
    assert sorted(by) == ["one/a", "one/b", "one/c", "two/d"]
    # Whoever has the long one is not given the others.
    assert by["one/a"] not in {by["one/b"], by["one/c"], by["two/d"]}
    assert set(by.values()) == {"job-1", "job-2"}
    assert [one.step for one in one.needless] == ["one/a", "one/b", "one/c"]
    assert len([word for word in begun if "it starts unmet" in word]) == len(ORDERS)


def test_cleaning_is_one_claim_of_a_lesson_and_one_that_fails_is_told(tmp_path: Path) -> None:
    (one, two), told, _ = prove(tmp_path, GOOD)
    (cleaned,) = (claim for claim in one.claims if claim.claim == CLEANING)
    assert (cleaned.step, cleaned.held, cleaned.why, cleaned.seconds) == ("one", False, "left: c", 1.5)
    assert not one.held
    assert two.held
    assert [claim.why for claim in told if claim.claim == CLEANING] == ["left: c"]


def test_what_one_cannot_go_on_for_is_raised(tmp_path: Path) -> None:
    body = """
    if order["step"] == "b":
        say("Failed", kind="EngineSilent", message="It does not answer.", remedy="start it")
        break
    time.sleep(30 if order["step"] == "a" else 0)
    say("Done", loosened=[], needless=[])
"""
    script = body.replace("time.sleep(30", "import select; select.select([sys.stdin], [], [], 30) and sys.exit(); (30")
    began = time.monotonic()
    with pytest.raises(EngineSilent, match=r"It does not answer\.") as raised:
        prove(tmp_path, script)
    assert raised.value.remedy == "start it"
    assert time.monotonic() - began < 20


def test_one_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(PracticeFailed, match="Its last words:\n  no more of this"):
        prove(tmp_path, "\n    sys.stderr.write('no more of this'); sys.stderr.flush(); os._exit(3)\n")


def test_an_image_without_a_stand_in_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PracticeFailed, match="no stand-in for redis:7"):
        together.stand_ins(["busybox:1.36", "redis:7"], Practice(tmp_path), lambda _: None)


def test_orders_that_end_interrupt_what_is_done(tmp_path: Path) -> None:
    """A worker whose owner is gone stops in the middle of its work, and in order."""
    script = tmp_path / "waits.py"
    script.write_text(
        textwrap.dedent("""
        import sys, time
        from dockerlearn.author.worker import Orders
        for line in Orders(sys.stdin.buffer):
            print(line.decode().strip(), flush=True)
            if line == b"long\\n":
                try:
                    time.sleep(60)
                except KeyboardInterrupt:
                    print("interrupted", flush=True)
        print("ended", flush=True)
        """)
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    for typed, printed in (("short\n", "short ended"), ("short\nlong\n", "short long interrupted ended")):
        with subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(typed)
            process.stdin.flush()
            read = [process.stdout.readline().strip() for _ in typed.split()]
            time.sleep(0.3)  # until it waits again, or is at its long work
            process.stdin.close()
            assert " ".join([*read, *process.stdout.read().split()]) == printed
        assert process.returncode == 0 != -signal.SIGINT


def test_without_namespaces_there_is_no_second_engine(tmp_path: Path) -> None:
    learner = Learner(tmp_path)
    ended = learner.process("author", "prove", str(PACK), "--jobs", "2", "--yes", env={"PATH": str(tmp_path)})
    assert ended.code == 3
    assert "A second engine needs namespaces of its own" in " ".join(ended.err.split()) or "Only root" in ended.err
    assert learner("author", "prove", str(PACK), "--jobs", "0", code=2).err.count("--jobs") >= 1


def test_how_far_it_is_stands_in_one_line_that_goes_again() -> None:
    out, err = io.StringIO(), io.StringIO()
    view = View(out, err, style=Style(width=60), err_redraws=True)
    view.proving(1, 8, {"one/a": "it starts unmet"}, 3.0)
    view.proving(2, 8, {"one/b": "a claim of which there is much to say, more than fits into a line"}, 61.0)
    view.claim(Proved("one/a", "it starts unmet", True, "", 0.1))
    written = err.getvalue().split("\r\x1b[2K")
    assert written[0] == "step 1 of 8, 0:03, one/a: it starts unmet"
    assert written[1].startswith("step 2 of 8, 1:01, one/b: a claim")
    assert len(written[1]) < 60
    assert written[2:] == [""]
    view.gone()
    assert err.getvalue().count("\r\x1b[2K") == 2
    assert out.getvalue().startswith("✓ one/a")


def test_it_is_shown_to_nobody_who_does_not_look() -> None:
    err = io.StringIO()
    View(io.StringIO(), err).proving(1, 8, {"one/a": "it starts unmet"}, 3.0)
    assert err.getvalue() == ""
