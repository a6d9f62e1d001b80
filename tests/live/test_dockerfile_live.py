"""What is read of a Dockerfile's text is what the builder of the engine makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockerlearn.world import dockerfile
from dockerlearn.world.dockerfile import Broken
from tests.dockerfile_samples import SAMPLES, build, differences
from tests.live.conftest import Docker


@pytest.mark.parametrize("name", SAMPLES)
def test_the_builder_agrees(name: str, docker: Docker, tmp_path: Path) -> None:
    folder = tmp_path / "context"
    folder.mkdir()
    built = build(docker.try_, SAMPLES[name], folder)
    found = dockerfile.read(SAMPLES[name])
    assert isinstance(found, Broken) == (built is None), found
    if built is not None and not isinstance(found, Broken):
        assert differences(found, built) == {}
