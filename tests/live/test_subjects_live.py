"""The fifteen subjects on an engine: a few in every run, all where much time is given (``tests.matrix``)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dockerlearn.author.prove import LEFT_OUT, Prover
from dockerlearn.course.packs import open_pack
from dockerlearn.engine.api import EngineApi
from tests import own_engine
from tests.live.conftest import Docker
from tests.live.lessons import not_held
from tests.subjects import COMPOSE, PACK, QUICK, SUBJECTS

THOROUGH = bool(os.environ.get(own_engine.THOROUGH))
OTHERS = tuple(lesson for lesson in SUBJECTS if lesson not in QUICK)


def prove(engine: Callable[[], EngineApi], docker: Docker, folder: Path, lesson: str) -> None:
    proved = Prover(open_pack(PACK), engine, docker.host, folder, cheat=THOROUGH).prove(lesson)
    assert not_held(proved) == []
    has_compose = docker.try_("compose", "version").returncode == 0
    left_out = lesson in COMPOSE and not has_compose
    assert [claim.claim for claim in proved if claim.held is None] == [LEFT_OUT] * left_out
    assert any(claim.claim.startswith("the solution passes") for claim in proved) != left_out


@pytest.mark.parametrize("lesson", QUICK)
def test_a_quick_subject_is_proven(
    engine: Callable[[], EngineApi], docker: Docker, tmp_path: Path, lesson: str
) -> None:
    prove(engine, docker, tmp_path, lesson)


if not os.environ.get(own_engine.PLUGINS):

    @pytest.mark.parametrize("lesson", COMPOSE)
    def test_a_subject_is_left_out_without_the_plugin(
        engine: Callable[[], EngineApi], docker: Docker, tmp_path: Path, lesson: str
    ) -> None:
        prove(engine, docker, tmp_path, lesson)


if THOROUGH:

    @pytest.mark.keeps_things  # what was pulled stays, as after a lesson
    @pytest.mark.usefixtures("nginx", "python")
    @pytest.mark.parametrize("lesson", OTHERS)
    def test_another_subject_is_proven(
        engine: Callable[[], EngineApi], docker: Docker, tmp_path: Path, lesson: str
    ) -> None:
        prove(engine, docker, tmp_path, lesson)
