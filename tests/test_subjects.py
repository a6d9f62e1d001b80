"""Fifteen subjects of a comparable course in the format as it is: they load, pass lint, and use the nouns there are."""

from __future__ import annotations

from dockerlearn.author.lint import lint
from dockerlearn.author.target import Target
from dockerlearn.course.packs import open_pack
from tests.subjects import COMPOSE, PACK, QUICK, SUBJECTS

# The nouns of DESIGN 5.
NOUNS = {
    "container", "image", "network", "volume", "http", "tcp", "exec", "file", "dockerfile", "compose", "event",
    "command", "containers",
}  # fmt: skip


def test_each_is_a_lesson_to_which_nothing_is_to_be_objected() -> None:
    linted = lint(Target(PACK))
    assert linted.lessons == tuple(SUBJECTS)
    assert len(SUBJECTS) == 15
    assert linted.problems == ()


def test_each_is_said_without_a_new_noun() -> None:
    pack = open_pack(PACK)
    used: set[str] = set()
    for lesson in pack.lessons:
        (step,) = pack.lesson(lesson).steps
        assert step.kind in {"do", "answer"}
        assert step.solution
        assert step.mistakes or step.kind == "answer"
        used |= {check.word for check in step.check}
        used |= {check.word for mistake in step.mistakes for check in mistake.when}
    assert used <= NOUNS
    assert {"container", "image", "network", "volume", "http", "exec", "file", "dockerfile", "compose"} <= used


def test_all_of_them_can_be_proven() -> None:
    assert {*COMPOSE, *QUICK} <= set(SUBJECTS)
    assert not {*COMPOSE} & {*QUICK}
