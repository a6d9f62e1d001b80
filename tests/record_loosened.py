"""Writes down what noticed each way to loosen the checks of the course's lessons, from proofs with ``--mutate``.

    dockerlearn author prove LESSON --mutate --json > proof.json     # or LESSON/STEP, on an engine
    python -m tests.record_loosened proof.json ...

Of the steps in the proofs, the lines in ``recorded/loosened`` are written anew. ``test_loosened`` holds them to the
lessons as they are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dockerlearn.author.mutants import mutants
from dockerlearn.course.packs import open_pack

FOLDER = Path(__file__).parent / "recorded" / "loosened"

UNTESTED = "untested"
"""Stands where nothing noticed it, and the lesson says why."""

NOTHING = "nothing"


def read(lesson: str) -> dict[tuple[str, str, str], str]:
    """What noticed each way, by the step, the place in its check and the change."""
    found = {}
    file = FOLDER / f"{lesson}.txt"
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        way, _, noticed = line.partition(": ")
        step, where, change = way.split(" ", 2)
        found[step, where, change] = noticed
    return found


def write(lesson: str, found: Mapping[tuple[str, str, str], str]) -> None:
    """Write them in the order of the lesson's steps."""
    order = {step.id: number for number, step in enumerate(open_pack().lesson(lesson).steps)}
    lines = [f"{' '.join(way)}: {noticed}" for way, noticed in sorted(found.items(), key=lambda one: order[one[0][0]])]
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{lesson}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def record(lesson: str, loosened: Iterable[Mapping[str, Any]]) -> None:
    """Write down those of a lesson's proof, in place of what there was of the same steps.

    A place may have a value of the lesson's in it, which was another one in the proof. So a step's ways are told by
    their order.
    """
    proven: dict[str, list[str]] = {}
    for one in loosened:
        noticed = one["noticed"] or (UNTESTED if one["untested"] else NOTHING)
        proven.setdefault(one["step"].partition("/")[2], []).append(noticed)
    now = {}
    for step in open_pack().lesson(lesson).steps:
        if step.id in proven:
            ways = mutants(step.check)
            if len(ways) != len(proven[step.id]):
                raise SystemExit(f"The check of {lesson}/{step.id} is not the one that was proven.")
            for way, noticed in zip(ways, proven[step.id], strict=True):
                now[step.id, way.where, way.change] = noticed
    steps = {step for step, *_ in now}
    write(lesson, {way: noticed for way, noticed in read(lesson).items() if way[0] not in steps} | now)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for proof in json.loads(Path(name).read_text(encoding="utf-8"))["lessons"]:
            record(proof["lesson"], proof["loosened"])
