"""Each way to loosen a check of the course is noticed, or the lesson says why not; as it was recorded on an engine.

A check that is changed has ways that nobody has recorded: prove its step with ``--mutate``, and see
``tests/record_loosened.py``.
"""

from __future__ import annotations

import re

import pytest

from dockerlearn.author.mutants import mutants
from dockerlearn.course.models import Step
from dockerlearn.course.packs import open_pack
from tests.record_loosened import UNTESTED, read

_OWN = re.compile(
    r"cheat: (\S+ (paused|only created|crashes after a moment|with another command|from another image|empty)"
    r"|a server beside \S+|(an empty|another) image called \S+)"
)
"""The prover's own cheats."""


def names(step: Step) -> set[str]:
    """What may have noticed something in a step."""
    return {
        "the start",
        UNTESTED,
        *(f"mistake '{mistake.name}'" for mistake in step.mistakes),
        *(f"cheat: {trick.name}" for trick in step.cheats),
    }


@pytest.mark.parametrize("lesson", open_pack().lessons)
def test_each_way_to_loosen_a_check_is_noticed_or_the_lesson_says_why(lesson: str) -> None:
    recorded = read(lesson)
    ways = set()
    for step in open_pack().lesson(lesson).steps:
        reasons = {one.field for one in step.untested}
        needed = set()
        for one in mutants(step.check) if step.kind == "do" else ():
            way = (step.id, one.where, one.change)
            ways.add(way)
            noticed = recorded.get(way)
            assert noticed is not None, f"nobody has recorded what notices {' '.join(way)}"
            assert noticed in names(step) or _OWN.fullmatch(noticed), f"{' '.join(way)}: there is no {noticed}"
            if noticed == UNTESTED:
                assert one.where in reasons, f"nothing notices {' '.join(way)}, and the lesson gives no reason"
                needed.add(one.where)
        assert reasons == needed, f"{lesson}/{step.id} gives reasons for what is noticed"
    assert set(recorded) == ways, "what is recorded is not in the lesson any more"
