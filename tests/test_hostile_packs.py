"""Hostile packs, one by one: each is refused with a reason, by lint and when it is added, and nothing is made."""

from __future__ import annotations

import os
import shutil
import socket
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli_support import Learner

PACK = "format: 1\nid: shop\ntitle: A shop\nlessons: [desk]\nimages: {busybox: busybox:1.36}\n"
LESSON = """title: The desk
level: foundation
summary: A desk.
minutes: 5
steps:
  - id: open
    title: Open it
    setup:
      - {container: dl-desk, absent: true}
    task: Run `dl-desk` from busybox:1.36.
    check: [{container: dl-desk, running: true, image: busybox}]
    hints: [Look at docker run.]
    solution: docker run -d --name dl-desk busybox:1.36 sleep 600
"""
SETUP = "      - {container: dl-desk, absent: true}\n"
CHECK = "    check: [{container: dl-desk, running: true, image: busybox}]\n"


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    return Learner(tmp_path)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A pack that is in order."""
    folder = tmp_path / "shop"
    (folder / "desk").mkdir(parents=True)
    (folder / "pack.yaml").write_text(PACK)
    (folder / "desk" / "lesson.yaml").write_text(LESSON)
    return folder


def refused(learner: Learner, shop: Path, *words: str) -> str:
    """Hold that a pack is neither added nor left anywhere, and that what is told is harmless; return it."""
    began = time.process_time()
    ended = learner("packs", "add", str(shop), "--yes")
    assert time.process_time() - began < 20  # memory is traced meanwhile, which takes its time, too
    told = " ".join(ended.err.split())
    assert ended.code == 2, ended
    assert "defect" not in told
    assert "Traceback" not in told
    assert not {"\x1b", "\r", "\x07", "\u202e"} & set(ended.err + ended.out)
    for word in words:
        assert word in told
    home = Path(learner.environ["DOCKERLEARN_HOME"]) / "packs"
    assert not home.exists() or [path.name for path in home.iterdir() if path.name != ".lock"] == []
    assert learner("packs", "--json", code=0).json == {"packs": []}
    assert learner.engine.containers() == ()
    assert not Path(learner.environ["DOCKERLEARN_WORKSPACE"]).exists()
    return told


def test_the_pack_that_is_changed_here_is_in_order(learner: Learner, shop: Path) -> None:
    assert learner("author", "lint", str(shop)).code in {0, 2}  # rules of quality have more to say
    learner("packs", "add", str(shop), "--yes", code=0)


SETUPS = [
    # What a set-up cannot say at all.
    ("{container: dl-desk, image: busybox, privileged: true}", "unknown key"),
    ("{container: dl-desk, image: busybox, network_mode: host}", "unknown key"),
    ("{container: dl-desk, image: busybox, pid: host}", "unknown key"),
    ("{container: dl-desk, image: busybox, ipc: host}", "unknown key"),
    ("{container: dl-desk, image: busybox, userns_mode: host}", "unknown key"),
    ("{container: dl-desk, image: busybox, devices: [/dev/sda]}", "unknown key"),
    ("{container: dl-desk, image: busybox, cap_add: [SYS_ADMIN]}", "unknown key"),
    ("{container: dl-desk, image: busybox, sysctls: {kernel.x: 1}}", "unknown key"),
    ("{container: dl-desk, image: busybox, restart: always}", "unknown key"),
    ("{container: dl-desk, image: busybox, security_opt: [seccomp=unconfined]}", "unknown key"),
    ("{container: dl-desk, image: busybox, memory: 0}", "unknown key"),
    ("{container: dl-desk, image: busybox, pids_limit: -1}", "unknown key"),
    ("{volume: dl-data, driver_opts: {type: none, o: bind, device: /}}", "unknown key"),
    ("{volume: dl-data, driver: local}", "unknown key"),
    ("{network: dl-net, driver: macvlan}", "unknown key"),
    ("{network: dl-net, subnet: 10.0.0.0/8}", "unknown key"),
    ("{network: dl-net, driver_opts: {com.docker.network.bridge.name: docker0}}", "unknown key"),
    # What is not the lesson's own.
    ("{container: web, absent: true}", "begin with dl-"),
    ("{container: dl-desk, image: evil/miner}", "neither an image of pack.yaml nor a dl- name"),
    ("{image: 'busybox:1.36', absent: true}", "the name must be the course's own"),
    ("{image: 'busybox:1.36', build: app}", "the name must be the course's own"),
    ("{network: bridge, absent: true}", "begin with dl-"),
    ("{volume: data, absent: true}", "begin with dl-"),
    ("{container: dl-desk, image: busybox, networks: [host]}", "begin with dl-"),
    ("{container: dl-desk, image: busybox, mounts: {/data: data}}", "begin with dl-"),
    # Paths out of the lesson's folder.
    ("{container: dl-desk, image: busybox, mounts: {/host: /}}", "is a folder of the host"),
    ("{container: dl-desk, image: busybox, mounts: {/host: /var/run/docker.sock}}", "is a folder of the host"),
    ("{container: dl-desk, image: busybox, mounts: {/host: ./../..}}", "not a folder beneath the lesson's"),
    ("{container: dl-desk, image: busybox, mounts: {/host: ../..}}", "not a folder beneath the lesson's"),
    ("{container: dl-desk, image: busybox, mounts: {/host: {source: /etc}}}", "not a folder beneath the lesson's"),
    ("{file: ../../.bashrc, content: x}", "not a path beneath the lesson's folder"),
    ("{file: /etc/passwd, content: x}", "not a path beneath the lesson's folder"),
    ("{file: ~/.ssh/authorized_keys, content: x}", "not a path beneath the lesson's folder"),
    ("{file: b.tar, archive: {../x: y}}", "not the path of a file in an archive"),
    ("{image: 'dl-app:v1', build: ../../..}", "not a path in the lesson's files/"),
    # Ports of others, or for all the world.
    ("{container: dl-desk, image: busybox, publish: {80: 22}}", "from 1024 to 65535"),
    ("{container: dl-desk, image: busybox, publish: {80: '0.0.0.0:8080'}}", "expected a whole number"),
    ("{container: dl-desk, image: busybox, publish: {80/raw: 8080}}", "is not a port"),
]


@pytest.mark.parametrize(("item", "why"), SETUPS, ids=[item for item, _ in SETUPS])
def test_a_set_up_that_reaches_out(learner: Learner, shop: Path, item: str, why: str) -> None:
    (shop / "desk" / "lesson.yaml").write_text(LESSON.replace(SETUP, f"      - {item}\n"))
    refused(learner, shop, "desk/lesson.yaml:", why)
    assert why in learner("author", "lint", str(shop), code=2).out


def test_a_thousand_containers(learner: Learner, shop: Path) -> None:
    many = "".join(f"      - {{container: dl-c{n}, image: busybox}}\n" for n in range(1000))
    (shop / "desk" / "lesson.yaml").write_text(LESSON.replace(SETUP, many))
    refused(learner, shop, "a set-up states 100 things at most, and this one 1000", "40 containers at most")


def test_a_thousand_containers_step_by_step(learner: Learner, shop: Path) -> None:
    read = "  - {{id: s{0}, title: t, setup: [{{container: dl-c{0}, image: busybox}}]}}\n"
    (shop / "desk" / "lesson.yaml").write_text(LESSON + "".join(read.format(n) for n in range(1000)))
    refused(learner, shop, "a lesson's set-ups make 40 containers at most")


def bomb(shop: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (shop / "desk" / "lesson.yaml").write_text("\n".join(lines) + "\n" + LESSON)


def deep(shop: Path) -> None:
    (shop / "desk" / "lesson.yaml").write_text("a: " + "[" * 100_000 + "]" * 100_000)


def tagged(shop: Path) -> None:
    (shop / "desk" / "lesson.yaml").write_text(LESSON.replace("A desk.", "!!python/object/apply:os.system [id]"))


def parts(shop: Path) -> None:
    (shop / "desk" / "lesson.yaml").write_text(LESSON + "myths: [" + "a," * 60_000 + "]")


def huge(shop: Path) -> None:
    with (shop / "desk" / "lesson.yaml").open("ab") as file:
        file.truncate(1 << 30)


def huge_pack(shop: Path) -> None:
    with (shop / "pack.yaml").open("ab") as file:
        file.truncate(1 << 30)


def escapes(shop: Path) -> None:
    (shop / "desk" / "lesson.yaml").write_text(LESSON.replace("A desk.", r'"\e]0;owned\a\e[2J"'))


def written_out(shop: Path) -> None:
    (shop / "desk" / "lesson.yaml").write_text(LESSON.replace("A desk.", "A \x1b[31mdesk."))


def backwards(shop: Path) -> None:
    (shop / "desk" / "lesson.yaml").write_text(LESSON.replace("The desk", r'"The \u202eksed"'))


def over(shop: Path) -> None:
    (shop / "desk" / "lesson.yaml").write_text(LESSON.replace("The desk", r'"The desk\rrm -rf"'))


def in_the_title_of_the_pack(shop: Path) -> None:
    (shop / "pack.yaml").write_text(PACK.replace("A shop", r'"\e[2JA shop"'))


def backtracking(shop: Path) -> None:
    pattern = r"(a*)*\1b"
    (shop / "desk" / "lesson.yaml").write_text(LESSON.replace("running: true", f"logs: {{matches: '{pattern}'}}"))


def enormous(shop: Path) -> None:
    pattern = "((((a{1000}){1000}){1000}){1000})"
    (shop / "desk" / "lesson.yaml").write_text(LESSON.replace("running: true", f"logs: {{matches: '{pattern}'}}"))


def twice(shop: Path) -> None:
    (shop / "desk" / "lesson.yaml").write_text(LESSON + "title: Another\n")


def two_documents(shop: Path) -> None:
    (shop / "desk" / "lesson.yaml").write_text(f"{LESSON}---\n{LESSON}")


def up(shop: Path) -> None:
    (shop / "pack.yaml").write_text(PACK.replace("[desk]", "[desk, ../../x]"))


def long_name(shop: Path) -> None:
    (shop / "desk" / "files").mkdir()
    (shop / "desk" / "lesson.yaml").write_text(LESSON.replace("    task:", f"    files: [{'x' * 300}]\n    task:"))


def id_of_a_path(shop: Path) -> None:
    (shop / "pack.yaml").write_text(PACK.replace("id: shop", "id: ../../shop"))


def id_of_the_course(shop: Path) -> None:
    (shop / "pack.yaml").write_text(PACK.replace("id: shop", "id: docker"))


def image_of_ours(shop: Path) -> None:
    (shop / "pack.yaml").write_text(PACK.replace("busybox: busybox:1.36", "busybox: '--privileged'"))


FILES: list[tuple[Callable[[Path], None], str]] = [
    (bomb, "anchors and aliases are not part of the format"),
    (deep, "nested more than 40 deep"),
    (tagged, "is not part of the format"),
    (parts, "has more than 50000 parts"),
    (huge, "is larger than 512 KiB"),
    (huge_pack, "is larger than 512 KiB"),
    (escapes, "the control character U+001B may not be in a text"),
    (written_out, "the control character U+001B may not stand here"),
    (backwards, "the control character U+202E may not be in a text"),
    (over, "the control character U+000D may not be in a text"),
    (in_the_title_of_the_pack, "the control character U+001B may not be in a text"),
    (backtracking, "invalid escape sequence"),
    (enormous, "invalid repetition size"),
    (twice, "title"),
    (two_documents, "a second document begins here"),
    (up, "is not a name of a-z, 0-9 and single -"),
    (long_name, "is not a path in the lesson's files/"),
    (id_of_a_path, "is not a name of a-z, 0-9 and single -"),
    (id_of_the_course, "it needs an id of its own"),
    (image_of_ours, "is not the reference of an image"),
]


@pytest.mark.parametrize(("change", "why"), FILES, ids=[change.__name__ for change, _ in FILES])
def test_a_file_that_is_a_trap(learner: Learner, shop: Path, change: Callable[[Path], None], why: str) -> None:
    change(shop)
    tracemalloc.start()
    refused(learner, shop, why)
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


def test_a_pattern_that_would_backtrack_for_ever_does_not() -> None:
    """It is allowed, since RE2 takes a time that is in proportion to the text."""
    from dockerlearn.checks.matchers import Match, fits

    began = time.process_time()
    assert not fits(Match(matches="^(a+)+$"), "a" * 100_000 + "b")
    assert time.process_time() - began < 2


def in_files(name: str, content: str = "x") -> Callable[[Path], None]:
    def change(shop: Path) -> None:
        path = shop / "desk" / "files" / name
        path.parent.mkdir(parents=True)
        path.write_text(content)

    change.__name__ = name
    return change


def bare_repository(shop: Path) -> None:
    files = shop / "desk" / "files" / "app"
    for name in ("objects", "refs", "hooks"):
        (files / name).mkdir(parents=True)
    (files / "HEAD").write_text("ref: refs/heads/main\n")
    (files / "config").write_text("[core]\n\tfsmonitor = touch owned\n")


def link(shop: Path) -> None:
    (shop / "desk" / "files").mkdir()
    (shop / "desk" / "files" / "passwd").symlink_to("/etc/passwd")


def link_to_a_folder(shop: Path) -> None:
    (shop / "desk" / "files").mkdir()
    (shop / "desk" / "files" / "etc").symlink_to("/etc")


def files_is_a_link(shop: Path) -> None:
    (shop / "desk" / "files").symlink_to("/etc")


def lesson_file_is_a_link(shop: Path) -> None:
    (shop / "desk" / "lesson.yaml").unlink()
    (shop / "desk" / "lesson.yaml").symlink_to("/etc/passwd")


def lesson_is_a_link(shop: Path) -> None:
    (shop / "desk").rename(shop.parent / "elsewhere")
    (shop / "desk").symlink_to(shop.parent / "elsewhere")


def pack_is_a_link(shop: Path) -> None:
    (shop / "pack.yaml").rename(shop.parent / "elsewhere.yaml")
    (shop / "pack.yaml").symlink_to(shop.parent / "elsewhere.yaml")


def pipe(shop: Path) -> None:
    (shop / "desk" / "files").mkdir()
    os.mkfifo(shop / "desk" / "files" / "pipe")


def lesson_file_is_a_pipe(shop: Path) -> None:
    (shop / "desk" / "lesson.yaml").unlink()
    os.mkfifo(shop / "desk" / "lesson.yaml")


def a_socket(shop: Path) -> None:
    (shop / "desk" / "files").mkdir()
    here = Path.cwd()
    os.chdir(shop / "desk" / "files")
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind("s")
    finally:
        os.chdir(here)


def large(shop: Path) -> None:
    (shop / "desk" / "files").mkdir()
    with (shop / "desk" / "files" / "image.iso").open("wb") as file:
        file.truncate(1 << 34)


def many(shop: Path) -> None:
    (shop / "desk" / "files").mkdir()
    for number in range(1_100):
        (shop / "desk" / "files" / str(number)).touch()


def deep_folders(shop: Path) -> None:
    (shop / "desk" / "files" / Path(*"abcdefghijklmnop")).mkdir(parents=True)


MATERIALS: list[tuple[Callable[[Path], None], str]] = [
    (in_files(".bashrc"), "only .dockerignore and .env may be here"),
    (in_files(".git/config", "[core]\nfsmonitor = touch owned\n"), "only .dockerignore and .env may be here"),
    (in_files("app/.gitattributes", "* filter=evil"), "only .dockerignore and .env may be here"),
    (in_files(".envrc"), "only .dockerignore and .env may be here"),
    (bare_repository, "this looks like a git directory"),
    (link, "'desk/files/passwd' is a link"),
    (link_to_a_folder, "'desk/files/etc' is a link"),
    (files_is_a_link, "'desk/files' is a link"),
    (lesson_file_is_a_link, "'desk/lesson.yaml' is a link"),
    (lesson_is_a_link, "The lesson 'desk' is a link"),
    (pack_is_a_link, "pack.yaml is not a file"),
    (pipe, "'desk/files/pipe' is neither a file nor a folder"),
    (lesson_file_is_a_pipe, "'desk/lesson.yaml' is neither a file nor a folder"),
    (a_socket, "'desk/files/s' is neither a file nor a folder"),
    (large, "'desk/files/image.iso' is larger than 1024 KiB"),
    (many, "more than 1000 files"),
    (deep_folders, "12"),
]


@pytest.mark.parametrize(("change", "why"), MATERIALS, ids=[change.__name__ for change, _ in MATERIALS])
def test_what_may_not_lie_in_a_pack(learner: Learner, shop: Path, change: Callable[[Path], None], why: str) -> None:
    change(shop)
    refused(learner, shop, why)


@pytest.mark.parametrize(
    ("change", "why"),
    [(one, why) for one, why in MATERIALS if one not in {lesson_file_is_a_link, lesson_is_a_link, pack_is_a_link}],
    ids=[one.__name__ for one, _ in MATERIALS if one not in {lesson_file_is_a_link, lesson_is_a_link, pack_is_a_link}],
)
def test_lint_says_so_too(learner: Learner, shop: Path, change: Callable[[Path], None], why: str) -> None:
    """Of an author's own pack its files may be links: she knows where they lead."""
    assert why
    before = learner("author", "lint", str(shop)).out
    change(shop)
    after = learner("author", "lint", str(shop), code=2).out
    assert set(after.splitlines()) - set(before.splitlines())


def test_what_is_no_part_of_a_pack_is_left(learner: Learner, shop: Path) -> None:
    """A repository's own folder, a link beside the lessons, notes."""
    for name in (".git/config", ".github/workflows/x.yaml", "notes/secret", "desk/notes.md"):
        (shop / name).parent.mkdir(parents=True, exist_ok=True)
        (shop / name).write_text("x")
    (shop / "link").symlink_to("/etc")
    learner("packs", "add", str(shop), "--yes", code=0)
    kept = Path(learner.environ["DOCKERLEARN_HOME"]) / "packs" / "shop"
    files = sorted(path.name for path in kept.rglob("*") if path.is_file())
    assert files == ["added.json", "lesson.yaml", "pack.yaml"]


LESSON_WITH_FILES = LESSON.replace("    task:", "    files: [app/]\n    task:")


def planted_link(app: Path) -> None:
    (app / "passwd").symlink_to("/etc/passwd")


def planted_repository(app: Path) -> None:
    (app / "HEAD").touch()
    (app / "objects").mkdir()
    (app / "refs").mkdir()


def planted_dotfile(app: Path) -> None:
    (app / ".bashrc").touch()


def planted_large(app: Path) -> None:
    with (app / "large").open("wb") as file:
        file.truncate(1 << 33)


def planted_many(app: Path) -> None:
    for number in range(1_100):
        (app / str(number)).touch()


def planted_pipe(app: Path) -> None:
    os.mkfifo(app / "pipe")


PLANTED = [planted_link, planted_repository, planted_dotfile, planted_large, planted_many, planted_pipe]


@pytest.mark.parametrize("plant", PLANTED, ids=[plant.__name__ for plant in PLANTED])
def test_what_was_planted_after_it_was_added_is_refused_where_it_is_used(
    learner: Learner, shop: Path, plant: Callable[[Path], None]
) -> None:
    (shop / "desk" / "lesson.yaml").write_text(LESSON_WITH_FILES)
    (shop / "desk" / "files" / "app").mkdir(parents=True)
    (shop / "desk" / "files" / "app" / "page").write_text("x")
    learner("packs", "add", str(shop), "--yes", code=0)
    (app,) = Path(learner.environ["DOCKERLEARN_HOME"]).glob("packs/shop/*/desk/files/app")
    plant(app)
    ended = learner("start", "shop:desk/open")
    assert ended.code == 3, ended
    assert "defect" not in ended.err
    work = Path(learner.environ["DOCKERLEARN_WORKSPACE"])
    assert [path.name for path in work.rglob("*") if path.name not in {"shop.pack", "desk", ".dockerlearn"}] == []
    assert learner("packs", "--json", code=0).json["packs"][0]["intact"] is False
    assert "not as they came" in " ".join(learner("packs", code=0).out.split())


def test_a_lesson_that_was_changed_after_it_was_added_is_looked_at_again(learner: Learner, shop: Path) -> None:
    learner("packs", "add", str(shop), "--yes", code=0)
    learner("hint", "shop:desk/open", code=0)
    (lesson,) = Path(learner.environ["DOCKERLEARN_HOME"]).glob("packs/shop/*/desk/lesson.yaml")
    lesson.write_text(LESSON.replace(SETUP, "      - {container: dl-desk, image: busybox, privileged: true}\n"))
    ended = learner("start", "shop:desk/open")
    assert ended.code == 2
    assert "unknown key" in ended.err
    assert learner.engine.containers() == ()


def test_a_link_that_a_container_planted_between_two_steps_is_not_followed(
    learner: Learner, shop: Path, tmp_path: Path
) -> None:
    """The learner's folder is mounted into containers: what they leave there is not to be trusted."""
    (shop / "desk" / "lesson.yaml").write_text(LESSON_WITH_FILES)
    (shop / "desk" / "files" / "app").mkdir(parents=True)
    (shop / "desk" / "files" / "app" / "page").write_text("x")
    learner("packs", "add", str(shop), "--yes", code=0)
    learner("start", "shop:desk/open", code=0)
    folder = Path(learner.environ["DOCKERLEARN_WORKSPACE"]) / "shop.pack" / "desk"
    assert (folder / "app" / "page").read_text() == "x"
    shutil.rmtree(folder / "app")
    (tmp_path / "outside").mkdir()
    (folder / "app").symlink_to(tmp_path / "outside")
    ended = learner("redo", "shop:desk/open", code=3)
    assert "Links are not followed" in " ".join(ended.err.split())
    assert list((tmp_path / "outside").iterdir()) == []
