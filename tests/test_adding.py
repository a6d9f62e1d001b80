"""``packs``: adding, listing, updating, removing; names that reach into packs; folders and progress kept apart."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.course.library import Library, read_record
from dockerlearn.course.packs import open_pack
from dockerlearn.errors import UsageError
from dockerlearn.packs import source
from dockerlearn.packs.shelf import Shelf
from tests.cli_support import Learner
from tests.fake_engine import make_image

RECORD = {"id", "title", "version", "source", "revision", "checksum", "added", "updated"}
USES = {"images", "made", "containers", "networks", "volumes", "ports", "mounts"}


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    return Learner(tmp_path)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A pack that has a lesson of the same name as the course of the tests: the same lesson, with a step more."""
    folder = tmp_path / "other"
    make(folder)
    return folder


def make(
    folder: Path, *, pack: str = "other", version: str = "1.0", lessons: tuple[str, ...] = ("one", "extra")
) -> None:
    folder.mkdir(exist_ok=True)
    images = "{mug: busybox:1.36}"
    (folder / "pack.yaml").write_text(
        f"format: 1\nid: {pack}\ntitle: Another pack\nversion: '{version}'\nlessons: [{', '.join(lessons)}]\n"
        f"images: {images}\n"
    )
    for lesson in lessons:
        (folder / lesson / "files" / "site").mkdir(parents=True, exist_ok=True)
        (folder / lesson / "files" / "site" / "page").write_text("hello\n")
        (folder / lesson / "lesson.yaml").write_text(LESSON)


LESSON = """title: Another lesson
level: foundation
summary: A cup, and where it stands.
minutes: 5
vars: {port: {free_port: 8300}}
steps:
  - id: cup
    title: A cup
    setup:
      - {container: dl-mug, absent: true}
      - {network: dl-table}
      - {volume: dl-tea}
      - container: dl-saucer
        image: mug
        networks: [dl-table]
        publish: {80: 8400}
        mounts: {/site: ./site, /d: dl-tea}
    files: [site/]
    task: Run `dl-mug` from busybox:1.36.
    check: [{container: dl-mug, running: true, image: mug}]
    hints: [Look at docker run.]
    solution: docker run -d --name dl-mug busybox:1.36 sleep 600
  - id: last
    title: The last one
"""


def add(learner: Learner, folder: Path) -> Any:
    return learner("packs", "add", str(folder), "--yes", "--json", code=0).json


# Adding and listing


def test_what_a_pack_will_use_is_shown_before_it_is_asked(learner: Learner, other: Path) -> None:
    ended = learner("packs", "add", str(other), typed="n\n")
    assert ended.code == 2
    told = " ".join(ended.out.split())
    for words in (
        "Another pack (other 1.0), from", "lessons one, extra", "images busybox:1.36", "containers dl-mug, dl-saucer",
        "networks dl-table", "volumes dl-tea", "ports 8300 or a free one above, 8400",
        "folders extra: ./site, one: ./site", "Nothing of a pack is run on this machine.",
    ):  # fmt: skip
        assert words in told
    assert ended.err.startswith("Add it? [y/N]")
    assert "Nothing was changed" in ended.err
    assert learner("packs", "--json", code=0).json == {"packs": []}
    assert [path.name for path in (Path(learner.environ["DOCKERLEARN_HOME"]) / "packs").iterdir()] == []


def test_without_a_terminal_nothing_is_added_unasked(learner: Learner, other: Path) -> None:
    ended = learner("packs", "add", str(other), "--json", code=2)
    assert ended.json["done"] is False
    assert "dockerlearn packs add --yes SOURCE" in ended.err
    assert learner("packs", "list", "--json", code=0).json == {"packs": []}


def test_the_shapes(learner: Learner, other: Path) -> None:
    added = add(learner, other)
    assert set(added) == {"pack", "uses", "changes", "done"}
    assert set(added["pack"]) == RECORD | {"lessons"}
    assert set(added["uses"]) == USES
    assert added["changes"] is None
    assert added["done"] is True
    assert added["uses"]["ports"] == ["8300+", "8400"]
    assert added["uses"]["mounts"] == ["extra: ./site", "one: ./site"]
    (row,) = learner("packs", "list", "--json", code=0).json["packs"]
    assert row == {**added["pack"], "intact": True}
    assert (row["version"], row["source"], row["revision"]) == ("1.0", str(other), "")
    assert len(row["checksum"]) == 64
    assert datetime.fromisoformat(row["added"]).tzinfo is not None
    make(other, version="1.1")
    updated = learner("packs", "update", "other", "--yes", "--json", code=0).json
    assert set(updated["changes"]) == {"version", "added", "removed", "changed", "uses", "pack"}
    removed = learner("packs", "remove", "other", "--yes", "--json", code=0).json
    assert set(removed) == {"pack", "left", "done"}
    assert set(removed["pack"]) == RECORD
    assert removed["left"] == []
    assert removed["done"] is True


def test_the_list_in_words(learner: Learner, other: Path) -> None:
    assert learner("packs", code=0).out.startswith("No packs were added.")
    checksum = add(learner, other)["pack"]["checksum"]
    told = learner("packs", "list", code=0).out
    assert "other  Another pack 1.0, 2 lessons" in told
    assert checksum[:16] in told
    assert learner("packs", code=0).out == told


def test_a_pack_is_added_once(learner: Learner, other: Path) -> None:
    add(learner, other)
    ended = learner("packs", "add", str(other), "--yes", code=2)
    assert "The pack other is here already.\n  dockerlearn packs update other" in ended.err


def test_the_course_itself_cannot_be_replaced(learner: Learner, tmp_path: Path) -> None:
    for number, taken in enumerate(("docker", "cli")):
        make(tmp_path / f"p{number}", pack=taken)
        ended = learner("packs", "add", str(tmp_path / f"p{number}"), "--yes", code=2)
        assert "needs an id of its own" in " ".join(ended.err.split())


def test_every_problem_is_told_at_once_with_its_place(learner: Learner, other: Path) -> None:
    (other / "one" / "lesson.yaml").write_text(LESSON.replace("level: foundation", "level: easy"))
    (other / "extra" / "lesson.yaml").write_text(LESSON.replace("running: true", "runing: true"))
    ended = learner("packs", "add", str(other), "--yes", code=2)
    assert "The pack other cannot be used: 2 problems in 2 lessons." in ended.err
    assert "\n  one/lesson.yaml:2:8: level: " in ended.err
    assert "\n  extra/lesson.yaml:" in ended.err
    assert str(learner.folder / "data") not in ended.err


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("file:///etc", "not file"), ("git://h/x", "not git"), ("http://h/x", "not http"), ("ftp://h/x", "not ftp"),
        ("ext::sh -c touch% owned", "not ext"), ("fd::17", "not fd"), ("FILE:///x", "not file"),
        ("https://u:secret@h/x", "would be kept in a file"), ("https://-oProxyCommand=x/y", "not an address"),
        ("ssh://-oProxyCommand=touch owned/x", "not an address"), ("ssh://h/x y", "not an address"),
        ("https://h", "not an address"), ("https://h/x?token=1", "not an address"), ("https://h/\x1b[2Jx", "not an"),
        ("ssh://h/x#--upload-pack=touch", "not a branch or tag"), ("https://h/x#a..b", "not a branch or tag"),
        ("git@-oProxyCommand=x:y", "There is no"), ("-h@x:--upload-pack=y", "There is no"),
        ("nowhere", "There is no nowhere"),
        ("x\0y", "There is no"),
    ],
)  # fmt: skip
def test_a_source_that_is_none(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        source.read(text, tmp_path)
    assert word in caught.value.message
    assert "secret" not in caught.value.message
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "place", "ref"),
    [
        ("https://git.example/team/lessons.git", "https://git.example/team/lessons.git", ""),
        ("https://git.example:8443/lessons#v1.2", "https://git.example:8443/lessons", "v1.2"),
        ("ssh://git@git.example:2222/lessons.git#feature/x", "ssh://git@git.example:2222/lessons.git", "feature/x"),
        ("git@git.example:team/lessons.git", "git@git.example:team/lessons.git", ""),
    ],
)
def test_an_address_for_git(tmp_path: Path, text: str, place: str, ref: str) -> None:
    read = source.read(text, tmp_path)
    assert (read.kind, read.place, read.ref, read.text) == ("git", place, ref, text)
    assert source.read(read.text, Path("/")) == read


# Updating and removing


def test_an_update_shows_what_has_changed(learner: Learner, other: Path) -> None:
    before = add(learner, other)["pack"]
    assert learner("packs", "update", "other", code=0).out == "other is as it was.\n"
    make(other, version="2.0", lessons=("one", "new"))
    shutil.rmtree(other / "extra")
    (other / "one" / "lesson.yaml").write_text(LESSON.replace("8400", "8500").replace("dl-tea", "dl-coffee"))
    (other / "pack.yaml").write_text((other / "pack.yaml").read_text().replace("1.36}", "1.36, web: nginx:1.27}"))
    ended = learner("packs", "update", "other", typed="n\n")
    assert ended.code == 2
    told = " ".join(ended.out.split())
    for words in (
        "version 1.0 → 2.0", "new lessons new", "lessons gone extra", "changed one", "+ images: nginx:1.27",
        "+ ports: 8500", "+ volumes: dl-coffee", "- mounts: extra: ./site", "+ mounts: new: ./site",
    ):  # fmt: skip
        assert words in told
    (row,) = learner("packs", "--json", code=0).json["packs"]
    assert row["checksum"] == before["checksum"]
    learner("packs", "update", "--yes", code=0)
    (row,) = learner("packs", "--json", code=0).json["packs"]
    assert (row["version"], row["lessons"], row["intact"]) == ("2.0", ["one", "new"], True)
    assert row["added"] == before["added"]
    assert row["checksum"] != before["checksum"]


def test_an_update_that_is_another_pack_or_a_bad_one_changes_nothing(learner: Learner, other: Path) -> None:
    before = add(learner, other)["pack"]
    make(other, pack="stranger")
    told = learner("packs", "update", "other", "--yes", code=2).err
    assert "another pack, stranger, and not other" in " ".join(told.split())
    make(other)
    (other / "one" / "lesson.yaml").write_text("title: [")
    assert "cannot be used" in learner("packs", "update", "other", "--yes", code=2).err
    shutil.rmtree(other)
    assert "There is no" in learner("packs", "update", "other", "--yes", code=2).err
    (row,) = learner("packs", "--json", code=0).json["packs"]
    assert row == {**before, "intact": True}


def test_one_that_cannot_be_had_keeps_no_other_from_being_updated(learner: Learner, tmp_path: Path) -> None:
    for pack in ("aaa", "bbb", "ccc"):
        make(tmp_path / pack, pack=pack)
        add(learner, tmp_path / pack)
    shutil.rmtree(tmp_path / "aaa")
    make(tmp_path / "bbb", pack="bbb", version="2")
    shutil.rmtree(tmp_path / "ccc")
    ended = learner("packs", "update", "--yes", code=2)
    assert ended.err.count("There is no") == 2
    assert [row["version"] for row in learner("packs", "--json", code=0).json["packs"]] == ["1.0", "2", "1.0"]


def test_what_was_not_added_is_neither_updated_nor_removed(learner: Learner, other: Path) -> None:
    add(learner, other)
    for word in ("update", "remove"):
        ended = learner("packs", word, "othr", "--yes", code=2)
        assert "did you mean other?" in ended.err
    for odd in ("..", "../packs", ".", "/", "", "x" * 5_000, "\x1b[2J"):
        ended = learner("packs", "remove", "--yes", "--", odd, code=2)
        assert "\x1b" not in ended.err
    assert len(learner("packs", "--json", code=0).json["packs"]) == 1


def test_progress_of_a_removed_pack_stays(learner: Learner, other: Path) -> None:
    add(learner, other)
    learner("start", "other:one/cup", code=0)
    learner.engine.add("dl-mug", created=learner.engine.now())
    learner("check", "step", "other:one/cup", code=0)
    learner("packs", "remove", "other", "--yes", code=0)
    assert "no pack called other" in learner("task", "other:one/cup", code=2).err
    assert "other" not in learner("lessons", code=0).out
    assert "one/cup" not in learner("progress", "--json", code=0).out
    learner("start", code=0)  # the course
    add(learner, other)
    lessons = {row["id"]: row for row in learner("lessons", "--json", code=0).json["lessons"]}
    assert lessons["other:one"]["steps"][0]["status"] == "passed"
    history = learner("progress", "--json", code=0).json["history"]
    assert [(mark["lesson"], mark["step"]) for mark in history] == [("other:one", "cup")]


def test_a_pack_with_things_on_the_engine_is_not_removed_without_saying_so(learner: Learner, other: Path) -> None:
    add(learner, other)
    learner("start", "other:one/cup", code=0)
    ended = learner("packs", "remove", "other", typed="n\n")
    assert ended.code == 2
    told = " ".join(ended.out.split())
    assert "still on your engine: container dl-saucer" in told
    assert "network dl-table" in told
    assert "volume dl-tea" in told
    assert "dockerlearn clean removes it" in told
    assert len(learner("packs", "--json", code=0).json["packs"]) == 1
    removed = learner("packs", "remove", "other", "--yes", "--json", code=0).json
    assert {"kind": "container", "name": "dl-saucer", "seen": True} in removed["left"]
    # What it left is still the course's, and goes with the rest.
    learner("clean", "--yes", code=0)
    assert learner.engine.containers() == ()


def test_without_an_engine_what_was_noted_is_told(learner: Learner, other: Path) -> None:
    from dockerlearn.errors import NoEngine

    add(learner, other)
    learner("start", "other:one/cup", code=0)
    learner.engine.failure = NoEngine("Gone.", None)
    told = " ".join(learner("packs", "remove", "other", typed="y\n", code=0).out.split())
    assert "made on an engine that was not looked at:" in told
    assert "container dl-saucer" in told


def test_two_that_add_the_same_pack_at_once(learner: Learner, other: Path) -> None:
    """Both have looked and asked before one of them writes."""
    folder = Path(learner.environ["DOCKERLEARN_HOME"]) / "packs"
    shelves = [Shelf(folder, taken=(), environ={}) for _ in range(2)]
    with shelves[0].fetched(source.read(str(other), other)) as first:
        with shelves[1].fetched(source.read(str(other), other)) as second:
            shelves[1].put(second)
        with pytest.raises(UsageError, match="just been changed by another"):
            shelves[0].put(first)
    (row,) = shelves[0].listed()
    assert row.intact


def test_killed_at_any_moment_a_pack_is_there_whole_or_not_at_all(learner: Learner, other: Path) -> None:
    command = [sys.executable, "-m", "dockerlearn", "packs", "add", str(other), "--yes"]
    home = Path(learner.environ["DOCKERLEARN_HOME"])
    for delay in (0.05, 0.3, 0.5, 0.7):
        started = subprocess.Popen(command, env=learner.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        started.send_signal(signal.SIGKILL)
        started.wait()
        rows = learner("packs", "--json", code=0).json["packs"]
        assert all(row["intact"] for row in rows)
        if rows:
            learner("packs", "remove", "other", "--yes", code=0)
    for left in home.glob("packs/.staging-*"):
        os.utime(left, (1e9, 1e9))
    add(learner, other)
    assert list(home.glob("packs/.staging-*")) == []


# Names that reach into packs


def test_a_pack_is_begun_by_its_name(learner: Learner, other: Path) -> None:
    add(learner, other)
    begun = learner("start", "other:", "--json", code=0).json
    assert begun["step"] == "other:one/cup"
    assert learner("task", "--json", code=0).json["step"] == "other:one/cup"
    assert learner("hint", "--json", code=0).json["step"] == "other:one/cup"
    assert learner("check", "--json", code=1).json["step"] == "other:one/cup"
    # Inside, names of the pack need no prefix; a name of the course's that the pack has not means the course's.
    assert learner("task", "extra/cup", "--json", code=0).json["step"] == "other:extra/cup"
    assert learner("task", "one/last", "--json", code=0).json["step"] == "other:one/last"
    assert learner("task", "two/page", "--json", code=0).json["step"] == "two/page"
    # A name that both have is the course's only with its prefix, and is told with it.
    assert learner("task", "cli:one/cup", "--json", code=0).json["step"] == "cli:one/cup"
    assert learner("start", "cli:one/cup", "--json", code=0).json["step"] == "one/cup"
    assert learner("task", "one/cup", "--json", code=0).json["step"] == "one/cup"


def test_a_lesson_of_a_pack_is_named_where_it_was_looked_for_elsewhere(learner: Learner, other: Path) -> None:
    add(learner, other)
    ended = learner("start", "extra", code=2)
    assert "other has one" in " ".join(ended.err.split())
    assert "dockerlearn start other:extra" in ended.err
    ended = learner("start", "othr:one", code=2)
    assert "there are cli, other" in " ".join(ended.err.split())


def test_every_command_takes_a_step_of_a_pack(learner: Learner, other: Path) -> None:
    add(learner, other)
    learner("start", "other:one/cup", code=0)
    learner("start", "cli:one/cup", code=0)
    step = "other:one/cup"
    for words, code in (
        (("check", "step", step), 1), (("check", "step", step, "--json"), 1), (("hint", step), 0), (("task", step), 0),
        (("solution", step), 0), (("redo", step), 0), (("check", "lesson", "other:one"), 1), (("lessons", "other:"), 0),
        (("lessons", "other:one"), 0), (("concept", "other:one"), 0), (("check", "course"), 1),
    ):  # fmt: skip
        ended = learner(*words)
        assert ended.code == code, (words, ended)
    folder = Path(learner.environ["DOCKERLEARN_WORKSPACE"]) / "other.pack" / "one"
    assert learner("solution", step, "--plain", code=0).out.startswith(f"cd {folder}\n")
    assert "is passed" not in learner("check", "step", "one/cup").err
    assert learner("answer", step, "x").code == 2


def test_two_lessons_of_one_name_do_not_get_into_each_others_way(learner: Learner, other: Path) -> None:
    add(learner, other)
    mine = learner("start", "one/cup", "--json", code=0).json
    learner.make_cup()
    learner("check", "step", "one/cup", code=0)
    theirs = learner("start", "other:one/cup", "--json", code=0).json
    work = Path(learner.environ["DOCKERLEARN_WORKSPACE"])
    assert (mine["folder"], theirs["folder"]) == (str(work / "one"), str(work / "other.pack" / "one"))
    assert (work / "other.pack" / "one" / "site" / "page").read_text() == "hello\n"
    assert not (work / "one" / "site").exists()
    lessons = {row["id"]: row for row in learner("lessons", "--json", code=0).json["lessons"]}
    # Inside the pack the course's lesson of the same name is told with its pack.
    assert {step["id"]: step["status"] for step in lessons["cli:one"]["steps"]}["cup"] == "passed"
    assert {step["id"]: step["status"] for step in lessons["other:one"]["steps"]} == {"cup": "open", "last": "new"}
    # What the other lesson made is not this one's to take away.
    learner("redo", "other:one/cup", code=0)
    assert learner.engine.container("dl-cup") is not None
    learner("skip", code=0)
    assert learner("task", "--json", code=0).json["step"] == "other:one/last"
    plan = learner("clean", "--json", code=2).json
    assert [Path(folder).relative_to(work).as_posix() for folder in plan["folders"]] == ["one", "other.pack/one"]


def test_a_lesson_may_be_called_as_a_pack_is(tmp_path: Path) -> None:
    from dockerlearn.paths import Paths

    paths = Paths(tmp_path / "home", tmp_path / "work")
    assert paths.lesson("other") not in {paths.lesson("one", "other"), paths.lesson("one", "other").parent}


def test_after_the_end_of_a_pack_the_course_goes_on(learner: Learner, tmp_path: Path) -> None:
    make(tmp_path / "small", pack="small", lessons=("one",))
    text = LESSON.split("steps:", maxsplit=1)[0] + "steps:\n  - {id: only, title: Read this, learn: Something.}\n"
    (tmp_path / "small" / "one" / "lesson.yaml").write_text(text)
    add(learner, tmp_path / "small")
    learner("start", "small:one/only", code=0)
    ended = learner("next", "--json", code=0).json
    assert (ended["finished"], ended["place"]) == ("small:one", None)
    assert ":" not in learner("start", "--json", code=0).json["step"]


def test_a_pack_whose_record_is_nonsense_is_none(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    outside = {"title": "", "version": "", "source": "", "revision": "", "checksum": "", "added": "", "updated": ""}
    outside |= {"id": "x", "folder": "../../etc"}
    for text in ("", "{}", "[", '{"id": "y"}', json.dumps(outside)):
        (tmp_path / "x" / "added.json").write_text(text)
        assert read_record(tmp_path, "x") is None
    assert Library(open_pack(), tmp_path).ids() == ("docker",)


def test_the_time_of_an_update_is_noted(learner: Learner, other: Path, tmp_path: Path) -> None:
    times = iter([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC)])
    shelf = Shelf(tmp_path / "shelf", taken=(), environ={}, clock=lambda: next(times))
    with shelf.fetched(source.read(str(other), other)) as prepared:
        shelf.put(prepared)
    make(other, version="2")
    with shelf.fetched(source.read(str(other), other), shelf.record("other")) as prepared:
        record = shelf.put(prepared)
    assert (record.added[:10], record.updated[:10]) == ("2026-01-01", "2026-02-02")
    # The state before stays for a tutor that is in it, and goes with the next one.
    assert len([path for path in (tmp_path / "shelf" / "other").iterdir() if path.is_dir()]) == 2


def test_a_pack_by_others_is_proven_on_the_practice_engine_alone(learner: Learner, other: Path) -> None:
    add(learner, other)
    ended = learner("author", "prove", "other:one", "--yes", code=2)
    assert "on the practice engine alone" in " ".join(ended.err.split())
    assert learner.engine.containers() == ()
    assert "Another lesson" in learner("author", "preview", "other:one", code=0).out


def test_lessons_of_packs_are_completed(learner: Learner, other: Path) -> None:
    add(learner, other)
    ended = learner.process(
        env={"_DOCKERLEARN_COMPLETE": "complete_bash", "COMP_WORDS": "dockerlearn start other", "COMP_CWORD": "2"}
    )
    assert "other:one/cup" in ended.out.split()
    ended = learner.process(
        env={"_DOCKERLEARN_COMPLETE": "complete_bash", "COMP_WORDS": "dockerlearn packs remove o", "COMP_CWORD": "3"}
    )
    assert ended.out.split() == ["other"]


def test_the_stand_ins_of_a_pack_are_asked_for_by_its_own_images(learner: Learner, other: Path) -> None:
    learner.engine = type(learner.engine)(make_image("busybox:1.36"))
    add(learner, other)
    library = Library(open_pack(), Path(learner.environ["DOCKERLEARN_HOME"]) / "packs")
    pack, name = library.find("other:one/", None)
    assert pack.images_of(name.lesson) == ("busybox:1.36",)
