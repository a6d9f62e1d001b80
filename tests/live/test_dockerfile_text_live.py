"""What is read of a Dockerfile's text is what the builder of the engine makes of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockerlearn.world import dockerfile
from dockerlearn.world.dockerfile import Broken
from tests.dockerfile_samples import SAMPLES, build, differences
from tests.live.conftest import Docker

# The builder of engine 20.10 reads these otherwise than BuildKit, whose words are recorded for all samples.
LATER = {
    *("syntax directive twice", "instruction without anything", "run blank", "run empty list", "arg after env"),
    *("from stage in upper case", "from the last of two of a name", "arg before from, suffix taken off"),
    *("arg before from, replaced", "arg goes on in a child stage", "env default in place", "cmd list and more"),
    *("cmd without anything", "entrypoint without anything", "copy two into a file", "copy above the context"),
    *("copy from a stage to come", "heredoc", "heredoc that looks like instructions", "heredoc for a program"),
    *("heredoc with tabs", "heredoc to copy", "heredocs to copy"),
}
# Each costs a build; all of them were asked when they were written.
ASKED = [name for name in SAMPLES if name not in LATER][::6]


@pytest.fixture
def builder(docker: Docker) -> Iterator[Docker]:
    """The docker client; stages that a build leaves without a name are taken away afterwards."""
    before = set(docker("images", "-q", "--no-trunc", "--filter", "dangling=true").split())
    yield docker
    left = set(docker("images", "-q", "--no-trunc", "--filter", "dangling=true").split()) - before
    if left:
        docker("rmi", "-f", *left)


def test_the_builder_agrees(builder: Docker, tmp_path: Path) -> None:
    assert set(SAMPLES) >= LATER
    wrong, refused = {}, 0
    for name in ASKED:
        built = build(builder.try_, SAMPLES[name], Path(tempfile.mkdtemp(dir=tmp_path)))
        found = dockerfile.read(SAMPLES[name])
        refused += built is None
        if built is None or isinstance(found, Broken):
            if (built is None) != isinstance(found, Broken):
                wrong[name] = str(found)
        elif there := differences(found, built):
            wrong[name] = str(there)
    assert wrong == {}
    assert 3 < refused < len(ASKED) - 10
