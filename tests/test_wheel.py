"""What is shipped: the wheel holds the package and the course, and the course is found in it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs, away from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_course_is_in_the_wheel_and_found_there(installed: Path) -> None:
    ask = "from dockerlearn.course.packs import course_folder, open_pack; print(course_folder(), *open_pack().lessons)"
    done = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=installed, env={"PYTHONPATH": str(installed)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    folder, *lessons = done.stdout.split()
    assert Path(folder) == installed / "dockerlearn" / "lessons"
    assert "first-run" in lessons
    for lesson in lessons:
        assert (installed / "dockerlearn" / "lessons" / lesson / "lesson.yaml").is_file()


def test_nothing_else_is(installed: Path) -> None:
    names = {path.name for path in installed.iterdir()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"dockerlearn"}
    (metadata,) = installed.glob("*.dist-info")
    assert "dockerlearn = dockerlearn.__main__:main" in (metadata / "entry_points.txt").read_text()


def test_in_a_checkout_the_course_is_the_folder_beside_the_package() -> None:
    from dockerlearn.course.packs import course_folder

    assert course_folder() == ROOT / "lessons"
