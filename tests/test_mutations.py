"""Lessons changed at random: refused or taken, never a traceback, a hang, or much memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.mutations import MEGABYTES, Good, good, mutants, write

COUNT = int(os.environ.get("DOCKERLEARN_MUTATIONS", "1000"))
"""How many; 10000 takes some minutes. Read here: a test has none of these variables."""


def test_the_good_lessons_are_taken_as_they_are(tmp_path: Path) -> None:
    """Otherwise nothing would be learnt from their mutants."""
    import yaml

    from tests.mutations import look_at

    whole = good()
    assert len(whole) > 50
    for number, one in enumerate(whole[:: len(whole) // 8]):
        text = yaml.safe_dump(one.lesson, sort_keys=False, allow_unicode=True)
        assert look_at(write(tmp_path / str(number), one, text)), one.lesson["steps"][0]["id"]


def test_the_same_numbers_give_the_same_lessons() -> None:
    def some(seed: int) -> list[tuple[Good, str]]:
        return list(mutants(20, seed))

    assert [text for _, text in some(3)] == [text for _, text in some(3)]
    assert [text for _, text in some(3)] != [text for _, text in some(4)]


def test_random_mutations_of_good_lessons() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutations", str(COUNT), "1"],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True, timeout=60 + COUNT,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["failures"] == []
    assert found["megabytes"] < MEGABYTES
    # Some change nothing that matters, most break something.
    assert 0.02 * COUNT < found["taken"] < 0.6 * COUNT
