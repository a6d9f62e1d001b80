"""A real engine through ``docker system dial-stdio`` of a real client; in place of the network, a program named ssh."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockerlearn.engine import client, processes
from dockerlearn.engine.endpoint import Endpoint
from tests.engine_contract import EngineContract

FAKE = f"""#!{sys.executable}
import os, sys
words = sys.argv[sys.argv.index("--") + 1:]
os.environ["DOCKER_HOST"] = os.environ["DL_FAR_ENGINE"]
if "-G" in sys.argv:
    print("hostname 127.0.0.1")
    sys.exit(0)
assert words[:2] == ["far", "docker"], words
os.execvp("docker", words[1:])
"""


@pytest.fixture(scope="module")
def far(docker_host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("ssh")
    (folder / "ssh").write_text(FAKE)
    (folder / "ssh").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        patch.setenv("DL_FAR_ENGINE", docker_host)
        yield folder


@pytest.fixture(scope="module")
def over_ssh(far: Path) -> Iterator[client.DockerEngine]:
    opened = client.connect(Endpoint("ssh://far", "DOCKER_HOST"))
    yield opened
    opened.close()


class TestContract(EngineContract):
    """All that an engine promises, through ssh."""

    @pytest.fixture
    def engine(self, over_ssh: client.DockerEngine) -> client.DockerEngine:
        return over_ssh

    def test_it_says_which_engine_it_is(self, engine: client.DockerEngine) -> None:  # type: ignore[override]  # ours
        assert engine.identity.address == "ssh://far"
        assert engine.identity.host == "127.0.0.1"


def test_no_process_is_left(far: Path) -> None:
    before = _dialling()
    opened = client.connect(Endpoint("ssh://far", "DOCKER_HOST"))
    assert opened.identity.version
    mine = _dialling() - before
    assert mine
    opened.close()
    assert processes.wait_gone(list(mine), 10) == []


def _dialling() -> set[processes.Process]:
    found = [pid for pid in processes.every() if "dial-stdio" in processes.command_line(pid)]
    return {process for pid in found if (process := processes.look(pid)) is not None}
