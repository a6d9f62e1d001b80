"""``author`` on an engine: what ``author new`` makes is proven as it is, by the command line."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from tests.live.lessons import Learner


def test_a_new_lesson_is_proven(learner: Learner, tmp_path: Path) -> None:
    pack = tmp_path / "shop"
    assert learner("author", "new", "shop", "--in", str(tmp_path)).returncode == 0
    assert learner("author", "lint", str(pack)).returncode == 0
    done = learner("author", "prove", str(pack), "--yes", "--junit", str(tmp_path / "proof.xml"), "--seed", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all hold" in done.stdout
    cases = ElementTree.parse(tmp_path / "proof.xml").findall("./testsuite/testcase")
    claims = {(case.get("classname"), case.get("name")) for case in cases}
    assert {
        ("hello.run", "mistake 'it ended at once'"),
        ("hello.run", "the prediction is true"),
        ("hello.run", "starting it afresh brings back the start"),
        ("hello.said", "wrong answers are refused"),
        ("hello.which", "the solution passes, in silence until then"),
        ("hello", "cleaning leaves nothing"),
    } <= claims
