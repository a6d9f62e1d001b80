"""A pack by others on an engine: added, taken to its end beside the course, proven, removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dockerlearn.author.prove import Prover
from dockerlearn.course.packs import open_pack
from dockerlearn.engine.api import EngineApi
from tests.live.conftest import Docker
from tests.live.lessons import Learner, all_held, not_held

PACK = Path(__file__).parent.parent / "packs" / "good" / "labels"


def test_a_pack_is_added_taken_and_removed(learner: Learner, docker: Docker) -> None:
    added = learner.json("packs", "add", str(PACK), "--yes")
    assert added["uses"]["images"] == ["busybox:1.36"]
    assert added["uses"]["made"] == ["dl-shelf:v1"]
    assert added["uses"]["containers"] == ["dl-one", "dl-three", "dl-tray", "dl-try", "dl-two"]
    assert learner.json("start", "labels:")["step"] == "labels:sorting/label"
    assert learner("check", "step", "labels:sorting/label").returncode == 1
    assert learner("answer", "labels:sorting/label", "2").returncode == 0
    assert learner.sh(learner("solution", "--plain").stdout).returncode == 0
    assert learner("check").returncode == 0
    assert learner.json("next")["place"]["step"] == "labels:sorting/find"
    assert learner("answer", "dl-one").returncode == 1
    assert learner.sh(learner("solution", "labels:sorting/find", "--plain").stdout).returncode == 0
    assert learner("check", "lesson", "labels:sorting").returncode == 0
    # The container of a pack is the course's as any other, and is told before its pack is removed.
    kept = learner("packs", "remove", "labels")
    assert kept.returncode == 2
    assert "container dl-tray" in kept.stdout
    assert learner("clean", "--yes").returncode == 0
    assert docker("ps", "-aq") == ""
    gone = learner.json("packs", "remove", "labels", "--yes")
    assert (gone["left"], gone["done"]) == ([], True)


def test_the_pack_is_proven(engine: Callable[[], EngineApi], docker: Docker, tmp_path: Path) -> None:
    proved = Prover(open_pack(PACK), engine, docker.host, tmp_path / "place", cheat=False).prove("sorting")
    all_held(proved)
    assert {claim.step for claim in proved} == {"sorting/label", "sorting/find", "sorting"}


PLANT = """title: A plant
level: foundation
summary: A container that leaves a link behind.
minutes: 5
steps:
  - id: pot
    title: A pot
    setup:
      - {file: site/page, content: hello}
      - {container: dl-plant, image: busybox, command: [sleep, "600"], mounts: {/site: ./site}}
    task: Nothing.
    check: [{container: dl-plant, running: false}]
    hints: [h]
    solution: docker stop dl-plant
  - id: grown
    title: Grown
    setup: [{file: site/conf/hostname, content: owned}]
  - id: mounted
    title: Mounted
    setup: [{container: dl-other, image: busybox, command: [sleep, "600"], mounts: {/conf: ./site/conf}}]
"""


def test_a_link_that_a_container_plants_in_the_learners_folder_is_not_followed(
    learner: Learner, docker: Docker, tmp_path: Path
) -> None:
    (tmp_path / "pack" / "plant").mkdir(parents=True)
    (tmp_path / "pack" / "pack.yaml").write_text(
        "format: 1\nid: garden\ntitle: A garden\nlessons: [plant]\nimages: {busybox: busybox:1.36}\n"
    )
    (tmp_path / "pack" / "plant" / "lesson.yaml").write_text(PLANT)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "hostname").write_text("mine")
    assert learner("packs", "add", str(tmp_path / "pack"), "--yes").returncode == 0
    assert learner("start", "garden:plant/pot", "--plain").returncode == 0
    docker("exec", "dl-plant", "ln", "-s", str(outside), "/site/conf")
    for step in ("grown", "mounted"):
        refused = learner("start", f"garden:plant/{step}", "--plain")
        assert refused.returncode == 3, refused
        assert "Links are not followed" in " ".join(refused.stderr.split())
    assert (outside / "hostname").read_text() == "mine"
    assert docker("ps", "-aq", "--filter", "name=dl-other") == ""
    assert learner("clean", "--yes").returncode == 0


REGISTRY = PACK.parent / "registry"
"""A pack on a subject that the course does not have, which was written from the guide alone."""


@pytest.mark.parametrize("step", ["push", "keep"])
def test_a_lesson_about_a_registry_is_proven(
    engine: Callable[[], EngineApi], docker: Docker, registry: str, tmp_path: Path, step: str
) -> None:
    """On the stand-in of registry: pushing, pulling, and what a volume keeps."""
    pack = open_pack(REGISTRY)
    docker("pull", "-q", registry)
    try:
        claims = Prover(pack, engine, docker.host, tmp_path, cheat=False).prove("own", (step,))
        assert not_held(claims) == []
        assert {claim.claim for claim in claims} >= {"it starts unmet", "the prediction is true"}
    finally:
        # A name by its digest stays of what was pushed, busybox among it.
        names = docker("images", "--digests", "--format", "{{.Repository}}@{{.Digest}}").split()
        for pushed in names:
            if "/dl-" in pushed:
                docker.try_("rmi", pushed)
        docker.try_("rmi", registry)
