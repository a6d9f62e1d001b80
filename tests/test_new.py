"""``author new``: what it makes has nothing wrong with it, and what is there is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockerlearn.author.lint import lint
from dockerlearn.author.new import new_lesson, new_pack
from dockerlearn.author.target import Target
from dockerlearn.course.packs import course_folder, open_pack
from dockerlearn.errors import UsageError
from tests.cli_support import Learner


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    return Learner(tmp_path)


def pack(folder: Path, text: str) -> Path:
    """A pack whose one lesson is that of the template."""
    new_pack(folder, "shop")
    (folder / "shop" / "pack.yaml").write_text(text)
    return folder / "shop"


def test_a_new_pack_has_nothing_wrong_with_it(tmp_path: Path) -> None:
    made = new_pack(tmp_path, "tea-house")
    assert lint(Target(made.pack)).problems == ()
    opened = open_pack(made.pack)
    assert (opened.id, opened.title, opened.lessons) == ("tea-house", "Tea house", ("hello",))
    assert {path.name for path in made.files} == {
        "pack.yaml", "lesson.yaml", "lesson.schema.json", "pack.schema.json",
    }  # fmt: skip
    assert {step.kind for step in opened.lesson("hello").steps} == {"do", "answer", "question"}


PACKS = {
    "a list on one line": (
        "format: 1\nid: shop\ntitle: Shop  # mine\nlessons: [hello]   # all\nimages: {busybox: busybox:1.36}\n",
        "format: 1\nid: shop\ntitle: Shop  # mine\nlessons: [hello, bread]   # all\nimages: {busybox: busybox:1.36}\n",
    ),
    "a list of lines": (
        "format: 1\nid: shop\ntitle: Shop\nlessons:\n  - hello  # first\nimages:\n  busybox: busybox:1.36\n",
        "format: 1\nid: shop\ntitle: Shop\nlessons:\n  - hello\n  - bread  # first\nimages:\n  busybox: busybox:1.36\n",
    ),
    "a name in quotes": (
        "format: 1\nid: shop\ntitle: Shop\nlessons: ['hello']\nimages:\n  busybox: busybox:1.36\n",
        "format: 1\nid: shop\ntitle: Shop\nlessons: ['hello', bread]\nimages:\n  busybox: busybox:1.36\n",
    ),
    "an image by another name": (
        "format: 1\nid: shop\ntitle: Shop\nlessons: [hello]\nimages: {tools: docker.io/library/busybox:1.35}\n",
        "format: 1\nid: shop\ntitle: Shop\nlessons: [hello, bread]\nimages: {tools: docker.io/library/busybox:1.35}\n",
    ),
    "other images on lines": (
        "format: 1\nid: shop\ntitle: Shop\nlessons: [hello]\nimages:\n  # why\n  web: nginx:1.27\n",
        (
            "format: 1\nid: shop\ntitle: Shop\nlessons: [hello, bread]\n"
            "images:\n  # why\n  busybox: busybox:1.36\n  web: nginx:1.27\n"
        ),
    ),
    "other images on one line": (
        "format: 1\nid: shop\ntitle: Shop\nimages: {web: nginx:1.27}\nlessons: [hello]\n",
        "format: 1\nid: shop\ntitle: Shop\nimages: {busybox: busybox:1.36, web: nginx:1.27}\nlessons: [hello, bread]\n",
    ),
    "no images": (
        "format: 1\nid: shop\ntitle: Shop\nlessons: [hello]",
        "format: 1\nid: shop\ntitle: Shop\nlessons: [hello, bread]\nimages:\n  busybox: busybox:1.36\n",
    ),
}


@pytest.mark.parametrize("case", PACKS)
def test_a_new_lesson_is_listed_and_has_its_image(tmp_path: Path, case: str) -> None:
    before, after = PACKS[case]
    folder = pack(tmp_path, before)
    made = new_lesson(folder, "bread")
    assert (folder / "pack.yaml").read_text() == after
    assert lint(Target(folder, "bread")).problems == ()
    assert open_pack(folder).lessons == ("hello", "bread")
    assert made.files == (folder / "bread" / "lesson.yaml", folder / "pack.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "format: 1\nid: shop\ntitle: Shop\nlessons: hello\n",
        "format: 1\nid: shop\ntitle: Shop\nlessons: []\n",
        "format: 1\nid: shop\nlessons: [hello\n",
        "format: 1\nid: shop\ntitle: Shop\nlessons: [hello]\nimages: {}\n",
    ],
)
def test_a_pack_that_cannot_be_added_to_is_left_alone(tmp_path: Path, text: str) -> None:
    folder = pack(tmp_path, text)
    with pytest.raises(UsageError):
        new_lesson(folder, "bread")
    assert (folder / "pack.yaml").read_text() == text
    assert not (folder / "bread").exists()


@pytest.mark.parametrize("name", ["Bread", "bread roll", "../bread", "", "-", "lesson-2", "3"])
def test_what_is_no_name(tmp_path: Path, name: str) -> None:
    new_pack(tmp_path, "shop")
    with pytest.raises(UsageError):
        new_lesson(tmp_path / "shop", name)
    with pytest.raises(UsageError):
        new_pack(tmp_path, name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "shop"]


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    made = new_pack(tmp_path, "shop")
    before = {path: path.read_bytes() for path in made.files}
    with pytest.raises(UsageError):
        new_pack(tmp_path, "shop")
    with pytest.raises(UsageError):
        new_lesson(tmp_path / "shop", "hello")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError):
        new_pack(tmp_path, "link")
    assert {path: path.read_bytes() for path in made.files} == before


def test_the_command_makes_a_pack_and_then_lessons_in_it(learner: Learner, tmp_path: Path) -> None:
    told = learner("author", "new", "shop", "--in", str(tmp_path), "--json", code=0).json
    assert set(told) == {"pack", "lesson", "files"}
    assert (told["pack"], told["lesson"]) == (str(tmp_path / "shop"), "hello")
    shown = learner("author", "new", "bread", "--in", str(tmp_path / "shop"), code=0).out
    assert f"dockerlearn author prove {tmp_path / 'shop' / 'bread'}" in shown
    learner("author", "new", "milk", "--in", str(tmp_path / "shop" / "bread"), code=0)
    assert open_pack(tmp_path / "shop").lessons == ("hello", "bread", "milk")
    learner("author", "new", "inner", "--pack", "--in", str(tmp_path / "shop"), code=0)
    assert open_pack(tmp_path / "shop" / "inner").lessons == ("hello",)
    learner("author", "new", "bread", "--in", str(tmp_path / "shop"), code=2)
    learner("author", "new", "bread", "--in", str(tmp_path / "nowhere"), code=2)
    # A folder that only lies beside a pack.yaml is none of the pack's.
    (tmp_path / "shop" / "drafts").mkdir()
    learner("author", "new", "apart", "--in", str(tmp_path / "shop" / "drafts"), code=0)
    assert open_pack(tmp_path / "shop" / "drafts" / "apart").lessons == ("hello",)


def test_the_courses_own_pack_could_have_one_more(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text((course_folder() / "pack.yaml").read_text())
    for lesson in open_pack().lessons:
        (tmp_path / lesson).symlink_to(course_folder() / lesson)
    new_lesson(tmp_path, "bread")
    assert open_pack(tmp_path).lessons == (*open_pack().lessons, "bread")
