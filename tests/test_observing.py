"""What the learner made last is entered for every open attempt of the pack, and for no other's."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from dockerlearn.course.library import Library
from dockerlearn.course.packs import open_pack
from dockerlearn.course.variables import fix
from dockerlearn.progress.store import Store
from dockerlearn.session.observing import observe_all
from tests.cli_support import PACK, Learner
from tests.one_lesson import one_lesson


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    return Learner(tmp_path)


def entered(learner: Learner) -> tuple[set[str], set[str]]:
    """What ``observe_all`` returns, and the names in the ledger after it."""
    with Store.open(Path(learner.environ["DOCKERLEARN_HOME"]) / "progress.sqlite3") as store:
        names = observe_all(learner.engine, store, Library(open_pack(PACK)))
        return names, {entry.name for entry in store.entries()}


def test_what_was_made_in_an_open_attempt_is_entered(learner: Learner) -> None:
    learner("start", "one/cup", code=0)
    learner.make_cup()
    names, known = entered(learner)
    assert "dl-cup" in names
    assert "dl-cup" in known


def test_an_attempt_at_another_pack_is_left_alone(learner: Learner) -> None:
    home = Path(learner.environ["DOCKERLEARN_HOME"])
    home.mkdir(parents=True)
    with Store.open(home / "progress.sqlite3") as store:
        drawn = fix(open_pack(PACK).variables("one"), rng=Random(1), port_is_free=lambda _: True, pip=pytest.fail)
        store.begin_attempt("another", "one", learner.engine.identity.id, drawn, learner.engine.clock)
    learner.make_cup()
    assert entered(learner) == (set(), set())


def test_a_lesson_that_is_gone_does_not_keep_the_rest(learner: Learner) -> None:
    learner("start", "one/cup", code=0)
    learner.make_cup()
    with Store.open(Path(learner.environ["DOCKERLEARN_HOME"]) / "progress.sqlite3") as store:
        pack = open_pack(PACK).id
        store.begin_attempt(pack, "aaa-no-such-lesson", learner.engine.identity.id, {}, learner.engine.clock)
    assert "dl-cup" in entered(learner)[1]


@pytest.mark.parametrize("here", ["first-run", "second"])
def test_under_a_name_that_two_lessons_have_it_is_of_the_one_that_she_is_at(tmp_path: Path, here: str) -> None:
    folder = one_lesson(tmp_path / "pack")
    shutil.copytree(folder / "first-run", folder / "second")
    listed = (folder / "pack.yaml").read_text()
    (folder / "pack.yaml").write_text(listed.replace("- first-run", "- first-run\n- second"))
    learner = Learner(tmp_path, folder)
    for lesson in ("first-run", "second", here):
        learner("start", lesson, code=0)
    learner.engine.add("dl-first", created=learner.engine.clock)
    with Store.open(Path(learner.environ["DOCKERLEARN_HOME"]) / "progress.sqlite3") as store:
        observe_all(learner.engine, store, Library(open_pack(folder)))
        made = next(entry for entry in store.entries() if entry.name == "dl-first")
        attempts = {attempt.id: attempt.lesson for attempt in store.attempts()}
    assert attempts[made.attempt_id] == here
