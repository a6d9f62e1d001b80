"""Packs: lessons ready to use, quickly the second time, and names that people type."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dockerlearn.checks.container import Container
from dockerlearn.checks.matchers import Match
from dockerlearn.course.cache import Cache, Stamp
from dockerlearn.course.packs import LoadedPack, StepName, open_pack, parse_step
from dockerlearn.errors import LessonError, UnknownLesson, UnknownStep, UsageError

GOOD = Path(__file__).parent / "packs" / "good"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the good pack that was not written this very second."""
    copy = tmp_path / "pack"
    shutil.copytree(GOOD, copy)
    for path in copy.rglob("*.yaml"):
        old(path)
    return copy


def old(path: Path) -> None:
    os.utime(path, (path.stat().st_mtime - 3600, path.stat().st_mtime - 3600))


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    old(path)


def spoil(entry: Path, before: bytes, after: bytes) -> None:
    data = entry.read_bytes()
    assert before in data
    entry.write_bytes(data.replace(before, after))


def test_a_pack_knows_what_is_in_it() -> None:
    pack = open_pack(GOOD)
    assert (pack.id, pack.title, pack.lessons) == ("kitchen", "A kitchen in containers", ("first", "second"))
    assert pack.references == {"kettle": "busybox:1.36", "stove": "nginx:1.27-alpine-slim"}
    assert pack.files("second") == GOOD / "second" / "files"


def test_the_images_of_a_lesson_are_those_that_it_names(folder: Path) -> None:
    pack = open_pack(folder)
    assert pack.images_of("first") == ("busybox:1.36",)
    assert pack.images_of("second") == ("busybox:1.36", "nginx:1.27-alpine-slim")
    with pytest.raises(UnknownLesson):
        pack.images_of("third")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("FROM @{image.stove}\n", True), ("check: [{image: stove}]", True), ("  image: stove\n", True),
        ('tag_of: "stove"', True), ("docker run nginx:1.27-alpine-slim", True),
        ("FROM nginx:1.27-alpine-slim AS x", True),
        ("the stove is hot", False), ("image: stoves", False), ("@{image.stoves}", False), ("nginx:1.27", False),
        ("nginx:1.27-alpine-slim-perl", False), ("mine/nginx:1.27-alpine-slim", False), ("image: dl-stove", False),
    ],
)  # fmt: skip
def test_how_an_image_is_named(folder: Path, text: str, named: bool) -> None:
    """In a file that the lesson gives; its own words name no such image."""
    (folder / "first" / "files").mkdir()
    (folder / "first" / "files" / "Dockerfile").write_text(text)
    assert ("nginx:1.27-alpine-slim" in open_pack(folder).images_of("first")) is named


def test_an_image_without_a_tag_is_a_word_unless_a_command_names_it(folder: Path) -> None:
    edit(folder / "pack.yaml", "images:\n", "images:\n  hello: hello-world\n")
    file = folder / "first" / "files" / "notes"
    file.parent.mkdir()
    file.write_text("hello-world is where everybody begins")
    assert "hello-world" not in open_pack(folder).images_of("first")
    file.write_text("docker run --rm hello-world")
    assert "hello-world" in open_pack(folder).images_of("first")


def test_a_lesson_has_its_values_put_in_and_its_types_right() -> None:
    lesson = open_pack(GOOD).lesson("first", {"port": "9999", "token": "xyz", "tea": "white"})
    step = lesson.step("boil")
    assert step is not None
    assert step.solution == "docker run -d --name dl-kettle -p 9999:80 busybox:1.36 sleep 60"
    check = step.check[0]
    assert isinstance(check, Container)
    assert check.running is True
    assert check.published == {"80/tcp": "9999"}
    assert (check.user, check.hostname, check.exit_code) == ("no", "22:22", "0")
    assert check.env == {"SWITCH": "off", "VERSION": "3.10"}
    assert check.memory == Match(between=("1m", "20MB"))
    assert step.mistakes[0].try_ == "docker run -d --name dl-kettle -p 18080:9999 busybox:1.36 sleep 60"
    read = lesson.step("read-me")
    assert read is not None
    assert read.learn == "Nothing to do. ${HOME}, {{.ID}} and HEAD@{1} stay as they are.\n"


def test_without_values_a_lesson_has_samples() -> None:
    pack = open_pack(GOOD)
    assert pack.lesson("first") == pack.lesson("first", {"port": "8080", "token": "abcdef", "tea": "green"})


def test_a_value_that_is_missing_or_does_not_fit_is_explained() -> None:
    pack = open_pack(GOOD)
    with pytest.raises(LessonError) as caught:
        pack.lesson("first", {"port": "1", "token": "x"})
    assert [problem.partition(": ")[2] for problem in caught.value.problems] == [
        "steps[1].check[1].headers.X-Tea.contains: there is no variable tea"
    ]


def test_variables_are_given_as_they_are_declared() -> None:
    declared = open_pack(GOOD).variables("first")
    assert list(declared) == ["port", "token", "tea"]
    assert (declared["port"].free_port, declared["token"].random, declared["tea"].of) == (8080, 6, ["green", "black"])


def test_outlines_are_the_rows_of_the_syllabus() -> None:
    rows = open_pack(GOOD).outlines()
    assert [(row.id, row.title, row.level, row.minutes) for row in rows] == [
        ("first", "Boil water", "foundation", 10),
        ("second", "A stove of your own", "intermediate", 20),
    ]
    assert [(step.id, step.kind) for step in rows[0].steps] == [
        ("read-me", "read"),
        ("boil", "do"),
        ("taste", "answer"),
        ("where", "answer"),
        ("which", "question"),
    ]


def test_the_kinds_of_outline_and_lesson_agree() -> None:
    pack = open_pack(GOOD)
    for slug in pack.lessons:
        assert [step.kind for step in pack.outline(slug).steps] == [step.kind for step in pack.lesson(slug).steps]


def test_a_broken_lesson_is_still_listed_and_cannot_be_used(folder: Path) -> None:
    edit(folder / "first/lesson.yaml", "running: true", "runing: true")
    pack = open_pack(folder)
    assert pack.outline("first").title == "Boil water"
    with pytest.raises(LessonError, match="The lesson first cannot be used"):
        pack.lesson("first")
    assert pack.lesson("second").title == "A stove of your own"


def test_a_pack_that_is_wrong_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(LessonError) as caught:
        open_pack(GOOD.parent / "broken-pack")
    assert len(caught.value.problems) == 14
    with pytest.raises(LessonError) as caught:
        open_pack(tmp_path)
    assert [problem.partition("1:1: ")[2] for problem in caught.value.problems] == ["there is no such file"]


# Names --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "current", "expected"),
    [
        ("boil", None, StepName(None, "boil", None)),
        ("boil", "first", StepName(None, "first", "boil")),
        ("first/boil", "second", StepName(None, "first", "boil")),
        ("first/", "second", StepName(None, "first", None)),
        ("kitchen:first/boil", None, StepName("kitchen", "first", "boil")),
        ("kitchen:first", "first", StepName("kitchen", "first", None)),
    ],
)
def test_names_are_read(text: str, current: str | None, expected: StepName) -> None:
    assert parse_step(text, current) == expected


@pytest.mark.parametrize("text", ["", "/", "/boil", ":first", "a:b:c", "a/b/c", "a b", "kitchen:"])
def test_what_is_no_name_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="is not LESSON"):
        parse_step(text)


@pytest.mark.parametrize(
    ("text", "current", "expected"),
    [
        ("boil", "first", "first/boil"),
        ("second", "first", "second"),
        ("second", None, "second"),
        ("kitchen:second/build", "first", "second/build"),
    ],
)
def test_names_are_found(text: str, current: str | None, expected: str) -> None:
    assert str(open_pack(GOOD).find(text, current)) == expected


@pytest.mark.parametrize(
    ("text", "current", "error", "message"),
    [
        ("frist", None, UnknownLesson, "There is no lesson called frist: did you mean first?"),
        ("secnd", "first", UnknownLesson, "There is no lesson called secnd: did you mean second?"),
        ("xyzzy", None, UnknownLesson, "There is no lesson called xyzzy."),
        ("bol", "first", UnknownStep, "The lesson first has no step called bol: did you mean boil?"),
        ("second/bild", None, UnknownStep, "The lesson second has no step called bild: did you mean build?"),
        ("other:first", None, UnknownLesson, "There is no pack called other here; this is kitchen."),
    ],
)
def test_unknown_names_are_told_with_what_was_meant(
    text: str, current: str | None, error: type[UsageError], message: str
) -> None:
    with pytest.raises(error) as caught:
        open_pack(GOOD).find(text, current)
    assert caught.value.message == message


def test_every_way_to_a_lesson_tells_an_unknown_one() -> None:
    pack = open_pack(GOOD)
    for ask in (pack.lesson, pack.variables, pack.outline, pack.files):
        with pytest.raises(UnknownLesson, match="did you mean first"):
            ask("frist")


# The cache ----------------------------------------------------------------------------------------------------------

QUICK = """
import sys
from pathlib import Path
from dockerlearn.course.packs import open_pack
pack = open_pack(Path(sys.argv[1]), Path(sys.argv[2]))
lesson = pack.lesson("second")
assert pack.outlines() and pack.variables("second") and pack.find("second/build")
print(*sorted({"yaml", "docker", "requests", "typer", "rich", "difflib", "re2"} & set(sys.modules)))
"""


def loaded(folder: Path, cache: Path) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", QUICK, str(folder), str(cache)], capture_output=True, text=True, check=True
    )
    return ran.stdout.split()


def test_the_second_time_neither_yaml_nor_docker_is_loaded(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert "yaml" in loaded(folder, cache)
    assert loaded(folder, cache) == []


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lessons whose YAML was read."""
    seen: list[str] = []
    real = LoadedPack._read

    def read(self: LoadedPack, slug: str) -> dict[str, object]:
        seen.append(slug)
        return real(self, slug)

    monkeypatch.setattr(LoadedPack, "_read", read)
    return seen


def test_what_was_read_is_the_same_from_the_cache(folder: Path, tmp_path: Path, reads: list[str]) -> None:
    cache = tmp_path / "cache"
    first = [open_pack(folder, cache).lesson(slug) for slug in ("first", "second")]
    again = [open_pack(folder, cache).lesson(slug) for slug in ("first", "second")]
    assert first == again
    assert open_pack(folder, cache).outlines() == open_pack(folder).outlines()
    assert reads == ["first", "second"]


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: edit(folder / "first/lesson.yaml", "title: Boil water", "title: Heat water"),
        lambda folder: edit(folder / "pack.yaml", "busybox:1.36", "busybox:1.37"),
    ],
    ids=["the lesson", "an image of the pack"],
)
def test_a_change_is_seen(change: Callable[[Path], None], folder: Path, tmp_path: Path, reads: list[str]) -> None:
    cache = tmp_path / "cache"
    before = open_pack(folder, cache).lesson("first")
    change(folder)
    assert open_pack(folder, cache).lesson("first") != before
    assert reads == ["first", "first"]


def test_a_step_is_looked_up_without_looking_at_all_lessons(folder: Path, tmp_path: Path) -> None:
    edit(folder / "second/lesson.yaml", "title: A stove of your own", "title: [")
    cache = tmp_path / "cache"
    for _ in range(2):
        pack = open_pack(folder, cache)
        pack.lesson("first")
        assert str(pack.find("boil", "first")) == "first/boil"
    with pytest.raises(LessonError, match="The lesson second cannot be used: one problem"):
        open_pack(folder, cache).outlines()


def test_a_changed_title_is_seen_in_the_outline(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    open_pack(folder, cache).outlines()
    edit(folder / "first/lesson.yaml", "title: Boil water", "title: Heat water")
    assert open_pack(folder, cache).outline("first").title == "Heat water"


def test_a_file_written_this_moment_is_not_kept(folder: Path, tmp_path: Path) -> None:
    (folder / "first/lesson.yaml").touch()
    cache = tmp_path / "cache"
    open_pack(folder, cache).lesson("first")
    assert [path.name.partition("-")[0] for path in cache.iterdir()] == ["pack"]


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\x00", b"[" * 100_000, b"null", b'["1 0.1.0",["x",1,1,1],{}]'])
def test_a_damaged_cache_costs_time_only(damage: bytes, folder: Path, tmp_path: Path, reads: list[str]) -> None:
    cache = tmp_path / "cache"
    before = (open_pack(folder, cache).lesson("first"), open_pack(folder, cache).outlines())
    for path in cache.iterdir():
        path.write_bytes(damage)
    assert (open_pack(folder, cache).lesson("first"), open_pack(folder, cache).outlines()) == before
    assert reads == ["first", "first"]
    # It was mended on the way.
    open_pack(folder, cache).lesson("first")
    assert reads == ["first", "first"]


def test_an_entry_of_another_shape_is_explained_from_the_file_or_read_anew(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    open_pack(folder, cache).lesson("first")
    entry = next(cache.glob("first-*"))
    spoil(entry, b'"title":"Boil water"', b'"titel":"Boil water"')
    assert open_pack(folder, cache).lesson("first").title == "Boil water"
    spoil(entry, b'"random":"6"', b'"randum":"6"')
    assert list(open_pack(folder, cache).variables("first")) == ["port", "token", "tea"]
    entry = next(cache.glob("pack-*"))
    spoil(entry, b'"id":"kitchen"', b'"di":"kitchen"')
    assert open_pack(folder, cache).id == "kitchen"


def test_a_cache_that_cannot_be_written_costs_time_only(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert open_pack(folder, tmp_path / "file").lesson("first").title == "Boil water"
    assert (tmp_path / "file").read_text() == "in the way"


def test_another_version_does_not_use_the_cache(
    folder: Path, tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    open_pack(folder, cache).lesson("first")
    monkeypatch.setattr("dockerlearn.course.cache._SCHEME", "another")
    open_pack(folder, cache).lesson("first")
    assert reads == ["first", "first"]


def test_no_half_written_entry_is_left(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    open_pack(folder, cache).lesson("first")
    assert [path for path in cache.iterdir() if path.name.startswith(".")] == []
    assert Cache(None).get("x", Stamp("x", 1, 1, 1), bytes) is None


# files/ -------------------------------------------------------------------------------------------------------------


def materials(folder: Path) -> list[str]:
    shown = [str(problem) for problem in open_pack(folder).problems("second")]
    return [line.partition("/second/")[2] for line in shown]


def test_files_may_not_hold_what_could_do_harm(folder: Path) -> None:
    files = folder / "second/files"
    (files / ".bashrc").write_text("")
    (files / ".dockerignore").write_text("")
    (files / ".env").write_text("")
    (files / "link").symlink_to("/etc/passwd")
    os.mkfifo(files / "pipe")
    for name in ("objects", "refs"):
        (files / "bare" / name).mkdir(parents=True)
    (files / "bare/HEAD").write_text("")
    (files / "big").write_bytes(b"x" * 1_100_000)
    (files / "text").write_text("one\nand @{marc} and @@{this}\n")
    (files / "picture").write_bytes(b"\xff\xd8@{nothing}")
    only = "of the files that begin with a dot only .dockerignore and .env may be here"
    assert materials(folder) == [
        f"files/.bashrc:1:1: {only}",
        "files/bare:1:1: this looks like a git directory",
        "files/big:1:1: this file is larger than 1024 KiB",
        "files/link:1:1: links may not be here",
        "files/pipe:1:1: only files and folders may be here",
        "files/text:2:5: there is no variable marc; did you mean @{mark}?",
    ]


def test_files_may_not_be_a_link_or_endless(folder: Path, tmp_path: Path) -> None:
    deep = folder / "second/files" / "/".join("d" * 20)
    deep.mkdir(parents=True)
    assert ["folders more than 12 deep" in line for line in materials(folder)] == [True]
    shutil.rmtree(folder / "second/files")
    shutil.copytree(GOOD / "second/files", tmp_path / "elsewhere")
    (folder / "second/files").symlink_to(tmp_path / "elsewhere")
    assert materials(folder) == ["files:1:1: a lesson's files/ may not be a link"]
