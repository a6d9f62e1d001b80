"""The map of contents names steps and mistakes that exist."""

from __future__ import annotations

import re
from pathlib import Path

from dockerlearn.course.packs import open_pack

ROOT = Path(__file__).parent.parent
MAP = (ROOT / "docs" / "content-map.md").read_text()


def test_every_step_and_mistake_that_the_map_names_is_there() -> None:
    pack = open_pack(ROOT / "lessons")
    there = {
        name: {step.id: {mistake.name for mistake in step.mistakes} for step in pack.lesson(name).steps}
        for name in pack.lessons
    }
    named = [(lesson, step) for lesson, step in re.findall(r"`([a-z-]+)/([a-z-]+)`", MAP) if lesson in there]
    assert named
    assert [f"{lesson}/{step}" for lesson, step in named if step not in there[lesson]] == []
    mistakes = re.findall(r"`([a-z-]+)/([a-z-]+)` \(mistake \"([^\"]+)\"", MAP)
    wrong = [word for lesson, step, word in mistakes if lesson in there and word not in there[lesson].get(step, ())]
    assert mistakes
    assert wrong == []


def test_no_lesson_that_is_there_is_called_missing() -> None:
    missing = {name for line in re.findall(r"not yet: ([a-z, -]+)", MAP) for name in re.split(r",\s*", line.strip())}
    assert missing
    assert missing & set(open_pack(ROOT / "lessons").lessons) == set()
