"""The author's guide and the README on an engine: the guide's lesson is proven, the commands do what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dockerlearn.author.prove import Prover
from dockerlearn.author.report import LessonProof
from dockerlearn.course.packs import open_pack
from dockerlearn.engine.api import EngineApi
from tests.guide import GUIDE, README, marked, with_dockerlearn, write_pack
from tests.live.conftest import Docker
from tests.live.lessons import Learner, not_held


def test_the_guides_lesson_is_proven_and_nothing_of_it_is_untested_without_a_reason(
    engine: Callable[[], EngineApi], docker: Docker, tmp_path: Path
) -> None:
    pack = open_pack(write_pack(tmp_path / "pack"))
    prover = Prover(pack, engine, docker.host, tmp_path / "place", mutate=True)
    proof = LessonProof("read-only", prover.prove("read-only"), tuple(prover.loosened), tuple(prover.needless))
    assert not_held(proof.claims) == []
    assert proof.unnoticed == ()
    assert proof.needless == ()
    assert [one.where for one in proof.untested] == ["check[0].running"]
    # The words that the guide quotes from such a report.
    (output,) = (one for one in proof.loosened if one.field == "output" and one.change == "dropped")
    assert (output.step, output.check) == ("read-only/lock", "check[1] exec dl-clerk")


def test_the_guides_commands_that_need_an_engine(learner: Learner, tmp_path: Path) -> None:
    learner.environment["PATH"] = with_dockerlearn(tmp_path / "bin", learner.environment["PATH"])
    assert learner("author", "new", "shop", "--in", str(learner.home)).returncode == 0
    (script,) = marked(GUIDE, "live")
    done = learner.sh(f"set -e\ncd shop\n{script}")
    assert done.returncode == 0, done
    assert "1 step, 6 claims: all hold." in done.stdout, done.stdout


def test_the_readmes_way_without_the_tutor(learner: Learner, tmp_path: Path) -> None:
    learner.environment["PATH"] = with_dockerlearn(tmp_path / "bin", learner.environment["PATH"])
    (script,) = marked(README, "without the tutor")
    done = learner.sh(script)
    assert learner.json("check", "step", "first-run/run")["status"] == "met", done
    assert learner.json("task")["step"] == "first-run/look"
