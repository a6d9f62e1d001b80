"""The course with one lesson only, so that a test of that lesson does not depend on which others there are."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from dockerlearn.course.packs import course_folder


def one_lesson(folder: Path, lesson: str = "first-run") -> Path:
    """Copy the course into ``folder`` with this lesson as its only one; return the folder. One that is there stays."""
    if folder.exists():
        return folder
    folder.mkdir()
    pack = yaml.safe_load((course_folder() / "pack.yaml").read_text())
    (folder / "pack.yaml").write_text(yaml.safe_dump({**pack, "lessons": [lesson]}, sort_keys=False))
    shutil.copytree(course_folder() / lesson, folder / lesson)
    return folder
