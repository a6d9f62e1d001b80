"""The author's guide: its lesson and the parts of lessons in it load and pass lint, its commands run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dockerlearn.author.lint import lint
from dockerlearn.author.target import Target
from dockerlearn.course import models
from tests.cli_support import Learner
from tests.guide import GUIDE, README, Block, blocks, marked, with_dockerlearn, write_pack

PACK = """format: 1
id: guide
title: Guide
lessons: [part]
images: {busybox: busybox:1.36, nginx: nginx:1.27-alpine-slim}
"""
LESSON: dict[str, Any] = {
    "title": "A part of a lesson",
    "level": "foundation",
    "summary": "What stands in the guide, put into a whole lesson.",
    "minutes": 5,
    "vars": {"port": {"free_port": 8080}, "word": {"random": 6}},
}
DO = """id: part
title: A part
setup: [{container: dl-other, absent: true}]
task: Run a container.
check: [{container: dl-web, running: true, image: nginx}]
hints: [What runs one?, There is a command for that.]
solution: docker run -d --name dl-web @{image.nginx}
mistakes:
  - name: another name
    when: [{container: dl-other, running: true}]
    say: It is called dl-other.
    try: docker run -d --name dl-other @{image.nginx}
"""
ANSWER = """id: part
title: A part
task: Find it out.
hints: [Who knows it?, The engine does.]
"""


def parts() -> list[Block]:
    """The blocks of YAML that are no whole file."""
    return [block for block in blocks(GUIDE) if block.language == "yaml" and not block.mark]


def test_the_guides_lesson_has_nothing_to_object_to(tmp_path: Path) -> None:
    linted = lint(Target(write_pack(tmp_path)))
    assert linted.lessons == ("read-only",)
    assert linted.problems == ()


@pytest.mark.parametrize("part", parts(), ids=lambda part: f"line-{part.line}")
def test_each_part_of_a_lesson_in_the_guide_fits_into_one(part: Block, tmp_path: Path) -> None:
    keys = yaml.load(part.text, yaml.CSafeLoader)
    assert set(keys) <= {*models.Lesson.__struct_fields__} | {*models.Step.__struct_fields__}, keys
    of_lesson = "vars" in keys
    step = yaml.load(ANSWER if "answer" in keys else DO, yaml.CSafeLoader)
    lesson = {**LESSON, **(keys if of_lesson else {}), "steps": [step if of_lesson else {**step, **keys}]}
    (tmp_path / "part").mkdir()
    (tmp_path / "pack.yaml").write_text(PACK)
    (tmp_path / "part" / "lesson.yaml").write_text(yaml.safe_dump(lesson, sort_keys=False))
    assert [str(problem) for problem in lint(Target(tmp_path)).problems] == []


def test_the_commands_at_its_beginning_run(tmp_path: Path) -> None:
    learner = Learner(tmp_path)
    environ = {**learner.environ, "PATH": with_dockerlearn(tmp_path / "bin", learner.environ["PATH"])}
    environ.pop("DOCKERLEARN_PACK")
    (script,) = marked(GUIDE, "run")
    done = subprocess.run(
        ["sh", "-e"], input=script, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done
    assert done.stderr.count("nothing to object to") == 2
    assert "Keep one running" in done.stdout
    assert (tmp_path / "shop" / "locked" / "lesson.yaml").is_file()


def test_no_command_of_the_guide_or_the_readme_is_forgotten() -> None:
    """Each block for a shell has a mark by which it is run: by tests here and in ``live``, the test command by CI.

    The main command alone is run by nobody: it installs what it needs from a registry.
    """
    marks = [(path.name, block.mark) for path in (GUIDE, README) for block in blocks(path) if block.language == "sh"]
    assert sorted(marks) == [
        ("README.md", "main command"),
        ("README.md", "test command"),
        ("README.md", "without the tutor"),
        ("authoring.md", "live"),
        ("authoring.md", "run"),
    ]
    assert all(block.language in {"sh", "yaml"} for block in blocks(GUIDE))


def test_it_speaks_of_what_there_is(tmp_path: Path) -> None:
    """Options of ``author``, keys of the format and links of the guide exist."""
    text = GUIDE.read_text()
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert (GUIDE.parent / target).exists(), target
    learner = Learner(tmp_path)
    for word, option in re.findall(r"author (\w+)[^`\n]*?(--[a-z]+)", text):
        assert option in learner.process("author", word, "--help").out, (word, option)
