"""Advice on the command line with the docker client of this machine: it is recognised, and what it proposes works.

What other clients print is in ``tests/recorded``; here it is the corrected commands that are proven.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockerlearn.diagnose.advice.advise import advise
from dockerlearn.engine.api import EngineApi
from dockerlearn.world.world import Scope, World
from tests.record_slips import Typist
from tests.slips import AGAIN, CLEAN, SLIPS, Typed

MENDED = [slip for slip in SLIPS if slip.command and slip.mends]


@pytest.fixture
def typist(docker_host: str, tmp_path: Path, engine: Callable[[], EngineApi]) -> Iterator[Typist]:
    client = shutil.which("docker")
    assert client is not None
    typist = Typist(Path(client).parent, docker_host, tmp_path / "typed")
    typist.folder.mkdir()
    before = {row.id for row in engine().containers()}
    typist.begin()
    yield typist
    typist(CLEAN)
    for row in engine().containers():
        if row.id not in before:
            engine().remove_container(row.id)


def test_what_is_proposed_works(typist: Typist, engine: Callable[[], EngineApi], tmp_path: Path) -> None:
    wrong: list[tuple[Typed, str]] = []
    for slip in MENDED:
        code, printed = typist(slip.line)
        advice = advise(slip.line, code, printed, World(engine(), tmp_path, Scope()))
        if advice is None or (advice.name, advice.command) != (slip.advice, slip.command):
            wrong.append((slip, f"{printed} {advice}"))
            continue
        code, printed = typist(advice.command or "")
        if code:
            wrong.append((slip, printed))
        if any(name in (advice.command or "") for name in ("dl-job", "dl-gone", "docker stop")):
            typist(AGAIN)
        elif "dl-x" in slip.line:
            typist("docker rm -f dl-x")
    assert wrong == []
