"""``dockerlearn images`` on an engine in memory: what it says, what it leaves alone, and how it ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dockerlearn.errors import EngineRejected
from dockerlearn.images.archive import Archive, Writer
from dockerlearn.images.export import pack
from dockerlearn.ui.style import Style
from tests.cli_support import PACK, Learner
from tests.exported import Example, tarred
from tests.fake_engine import FakeEngine, make_image

BUSYBOX, NGINX, PYTHON = (Example(name) for name in ("busybox:1.36", "nginx:1.27", "python:3.11-slim"))
EXAMPLES = (BUSYBOX, NGINX, PYTHON)


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    """Somebody whose course has three images, of which the engine has the first."""
    pack_folder = tmp_path / "pack"
    shutil.copytree(PACK, pack_folder)
    images = "{busybox: busybox:1.36, nginx: nginx:1.27, python: python:3.11-slim}"
    file = pack_folder / "pack.yaml"
    file.write_text(file.read_text().replace("{busybox: busybox:1.36}", images))
    learner = Learner(tmp_path, pack_folder)
    learner.engine = engine_with(BUSYBOX)
    return learner


def engine_with(*examples: Example) -> FakeEngine:
    engine = FakeEngine(*(example.snapshot() for example in examples))
    for example in EXAMPLES:
        full = f"docker.io/library/{example.reference}"
        engine.exports[full] = example.export()
        engine.registry[full] = example.snapshot()
    engine.says = engine.says.__class__(machine="x86_64")
    return engine


def did(told: object) -> dict[str, str]:
    assert isinstance(told, dict)
    return {image["reference"]: image["did"] for image in told["images"]}


def saved(path: Path, *examples: Example) -> Path:
    with path.open("wb") as file:
        writer = Writer(file)
        for example in examples:
            pack(writer, example.reference, iter((example.export(),)))
        writer.finish()
    return path


def make_practice(learner: Learner) -> None:
    """Let the engine be the learner's practice engine, which its record names; one that pulls from a registry."""
    record = learner.folder / "data" / "engine" / "engine.json"
    record.parent.mkdir(parents=True)
    fields = {"boot": "x", "network": "x", "run": "x", "bridge": "x", "subnet": "x", "before": {}}
    record.write_text(json.dumps({**fields, "address": learner.engine.identity.address}))


# What is there


def test_which_are_there(learner: Learner) -> None:
    ended = learner("images", code=0)
    assert ended.out.splitlines()[0].split() == ["✓", "busybox:1.36", BUSYBOX.snapshot().id[7:19], "1.0", "kB"]
    assert " ✗ nginx:1.27        missing" in ended.out
    assert learner("images", "list", code=0).out == ended.out


def test_which_are_there_for_programs(learner: Learner) -> None:
    told = learner("images", "list", "--json", code=0).json
    assert set(told) == {"engine", "images"}
    assert [(one["name"], one["reference"], one["status"]) for one in told["images"]] == [
        ("busybox", "busybox:1.36", "present"),
        ("nginx", "nginx:1.27", "missing"),
        ("python", "python:3.11-slim", "missing"),
    ]
    assert told["images"][0]["id"] == BUSYBOX.snapshot().id
    assert told["images"][0]["lessons"] == ["one"]
    assert (told["images"][1]["id"], told["images"][1]["size"], told["images"][1]["lessons"]) == (None, None, [])


def test_another_image_of_the_name_is_told(learner: Learner) -> None:
    learner.engine.add_image(make_image("nginx:1.27", digests=("docker.io/library/redis@sha256:" + "0" * 64,)))
    assert learner("images", "--json", code=0).json["images"][1]["status"] == "another image"
    assert "another image has this name here" in learner("images").out


# Pulling


def test_only_what_is_missing_is_pulled(learner: Learner) -> None:
    ended = learner("images", "pull", "--json", code=0)
    assert ended.json["done"] is True
    assert did(ended.json) == {"busybox:1.36": "present", "nginx:1.27": "pulled", "python:3.11-slim": "pulled"}
    assert learner.engine.calls.count("pull") == 2
    assert did(learner("images", "pull", "--json", code=0).json) == dict.fromkeys(did(ended.json), "present")
    assert learner.engine.calls.count("pull") == 2


def test_without_a_terminal_there_are_lines(learner: Learner) -> None:
    ended = learner("images", "pull", code=0)
    assert ended.err == "Pulling nginx:1.27, python:3.11-slim\n"
    assert ended.out.splitlines() == [
        " ✓ busybox:1.36  is there",
        " ✓ nginx:1.27  pulled",
        " ✓ python:3.11-slim  pulled",
    ]


def test_a_pull_that_fails_is_told_and_the_others_are_pulled(learner: Learner) -> None:
    del learner.engine.registry["docker.io/library/nginx:1.27"]
    ended = learner("images", "pull", code=3)
    assert " ✗ nginx:1.27  failed\n    nginx:1.27 is not there: the registry has no such image or tag." in ended.out
    assert " ✓ python:3.11-slim  pulled" in ended.out
    told = learner("images", "pull", "--json", code=3).json
    assert told["done"] is False
    assert did(told) == {"busybox:1.36": "present", "nginx:1.27": "failed", "python:3.11-slim": "present"}


def test_what_an_engine_says_of_a_failure_is_made_safe(learner: Learner) -> None:
    class Evil(FakeEngine):
        def pull(self, *_: object) -> None:
            raise EngineRejected("a\x1b]0;b\x07\x1b[31m\u202ec", 500, "d\x1b[2J")

    learner.engine = Evil()
    ended = learner("images", "pull", code=3)
    assert not {"\x1b", "\x07", "\u202e"} & set(ended.out + ended.err)
    assert "ac" in ended.out


def test_another_image_of_the_name_is_not_pulled_over(learner: Learner) -> None:
    other = learner.engine.add_image(make_image("nginx:1.27", digests=("docker.io/library/redis@sha256:" + "0" * 64,)))
    assert did(learner("images", "pull", "--json", code=3).json)["nginx:1.27"] == "taken"
    assert learner.engine.image("nginx:1.27") == other


def test_bars_in_a_terminal(learner: Learner) -> None:
    from io import StringIO

    from dockerlearn.cli.app import run
    from dockerlearn.cli.wiring import Wiring
    from dockerlearn.ui.view import View

    out, err = StringIO(), StringIO()
    view = View(out, err, style=Style(colour=True, width=90), watched=True, redraws=True)
    code = run(["images", "pull"], Wiring(view, environ=learner.environ, engine=lambda: learner.engine))
    assert code == 0
    assert "nginx:1.27" in err.getvalue()
    assert "━" in err.getvalue()
    assert "pulled" in out.getvalue()


# Saving


def test_save(learner: Learner, tmp_path: Path) -> None:
    learner.engine = engine_with(*EXAMPLES)
    file = tmp_path / "stick" / "images.tar"
    file.parent.mkdir()
    told = learner("images", "save", str(file), "--json", code=0).json
    assert told["done"] is True
    assert did(told) == {example.reference: "saved" for example in EXAMPLES}
    assert (told["file"], told["size"]) == (str(file), file.stat().st_size)
    with Archive.open(file) as archive:
        archive.verify()
        assert len(archive.images) == 3
    assert list(file.parent.iterdir()) == [file]


def test_what_is_missing_is_left_out_and_said(learner: Learner, tmp_path: Path) -> None:
    ended = learner("images", "save", str(tmp_path / "x"), code=3)
    assert " ✓ busybox:1.36  saved" in ended.out
    assert " ✗ nginx:1.27  is missing" in ended.out
    assert ended.out.count("→ dockerlearn images pull") == 1
    with Archive.open(tmp_path / "x") as archive:
        assert len(archive.images) == 1


def test_another_image_of_the_name_is_not_saved(learner: Learner, tmp_path: Path) -> None:
    learner.engine.add_image(make_image("nginx:1.27", digests=("docker.io/library/redis@sha256:" + "0" * 64,)))
    assert did(learner("images", "save", str(tmp_path / "x"), "--json", code=3).json)["nginx:1.27"] == "taken"


def test_what_is_named_by_its_digest_is_not_saved(learner: Learner, tmp_path: Path) -> None:
    digest = "nginx@sha256:" + "0" * 64
    file = learner.folder / "pack" / "pack.yaml"
    file.write_text(file.read_text().replace("nginx: nginx:1.27", f"nginx: {digest}"))
    learner.engine.add_image(make_image(digest, digests=(f"docker.io/library/{digest}",)))
    told = learner("images", "save", str(tmp_path / "x"), "--json", code=3).json
    assert did(told)[digest] == "unfit"


def test_an_archive_is_replaced_and_nothing_else(learner: Learner, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("a letter")
    ended = learner("images", "save", str(file), code=2)
    assert "is no archive of dockerlearn's; it was left alone" in " ".join(ended.err.split())
    assert file.read_text() == "a letter"
    file.unlink()
    learner("images", "save", str(file), code=3)
    before = file.stat().st_ino
    learner("images", "save", str(file), code=3)
    assert file.stat().st_ino != before


@pytest.mark.parametrize("engine", [FakeEngine(), FakeEngine(make_image("busybox:1.36"))])
def test_a_save_that_fails_leaves_nothing(learner: Learner, tmp_path: Path, engine: FakeEngine) -> None:
    learner.engine = engine
    (tmp_path / "stick").mkdir()
    learner("images", "save", str(tmp_path / "stick" / "x"), code=3)
    assert list((tmp_path / "stick").iterdir()) == []


def test_a_folder_that_is_not_there(learner: Learner, tmp_path: Path) -> None:
    ended = learner("images", "save", str(tmp_path / "nowhere" / "x"), code=3)
    assert "No such file or directory" in ended.err


# Loading


def test_load(learner: Learner, tmp_path: Path) -> None:
    file = saved(tmp_path / "x", *EXAMPLES)
    told = learner("images", "load", str(file), "--json", code=0).json
    assert did(told) == {"busybox:1.36": "present", "nginx:1.27": "loaded", "python:3.11-slim": "loaded"}
    assert {tag: learner.engine.image(tag).id for tag in learner.engine.image_tags()} == {  # type: ignore[union-attr]
        example.reference: example.snapshot().id for example in EXAMPLES
    }
    assert learner.engine.calls.count("load_images") == 2


def test_a_name_that_another_image_has_stays_where_it_is(learner: Learner, tmp_path: Path) -> None:
    other = learner.engine.add_image(make_image("nginx:1.27"))
    ended = learner("images", "load", str(saved(tmp_path / "x", *EXAMPLES)), code=3)
    assert " ✗ nginx:1.27  left alone\n" in ended.out
    assert "docker tag nginx:1.27 NAME && docker rmi nginx:1.27    # gives it another name" in ended.out
    assert learner.engine.image("nginx:1.27") == other
    assert learner.engine.image("python:3.11-slim") == PYTHON.snapshot()


def test_a_name_that_no_lesson_uses_is_not_loaded(learner: Learner, tmp_path: Path) -> None:
    others = [Example(name) for name in ("bystander:1", "nginx:1.28", "localhost:5000/library/busybox:1.36")]
    told = learner("images", "load", str(saved(tmp_path / "x", *others, PYTHON)), "--json", code=3).json
    assert did(told) == {other.reference: "undeclared" for other in others} | {"python:3.11-slim": "loaded"}
    assert learner.engine.image_tags() == ("busybox:1.36", "python:3.11-slim")


def test_what_a_file_says_is_made_safe(learner: Learner, tmp_path: Path) -> None:
    file = saved(
        tmp_path / "x", Example("e\x1b[31mv\u202eil:1\x1b]0;x\x07"), Example("nginx:1.27", architecture="\x1b[2Jz")
    )
    ended = learner("images", "load", str(file), code=3)
    assert " ✗ evil:1  left out" in ended.out
    assert "it is made for z, and" in ended.out
    assert not {"\x1b", "\x07", "\u202e"} & set(ended.out + ended.err)


def test_an_image_for_another_processor_is_not_loaded(learner: Learner, tmp_path: Path) -> None:
    file = saved(tmp_path / "x", Example("nginx:1.27", architecture="arm64"))
    ended = learner("images", "load", str(file), code=3)
    assert "it is made for arm64, and the engine runs on amd64" in ended.out
    assert "load_images" not in learner.engine.calls


def test_a_stand_in_is_not_loaded_where_it_would_pass_for_the_real_one(learner: Learner, tmp_path: Path) -> None:
    history = [{"created_by": "dockerlearn: stand-in for nginx"}]
    file = saved(tmp_path / "x", Example("nginx:1.27", history=history))
    told = learner("images", "load", str(file), "--json", code=3).json
    assert (did(told), told["images"][0]["stand_in"]) == ({"nginx:1.27": "unfit"}, True)
    assert "load_images" not in learner.engine.calls
    make_practice(learner)
    assert did(learner("images", "load", str(file), "--json", code=0).json) == {"nginx:1.27": "loaded"}


def test_all_of_it_is_verified_before_anything_is_loaded(learner: Learner, tmp_path: Path) -> None:
    file = saved(tmp_path / "x", NGINX, Example("python:3.11-slim", [tarred({"last": b"x" * 5000})]))
    content = bytearray(file.read_bytes())
    with Archive.open(file) as archive:
        at = content.rindex(b"\x1f\x8b")
        assert at > archive.length(archive.images[0].layers[0].blob.digest)
    content[at + 40] ^= 1
    file.write_bytes(content)
    ended = learner("images", "load", str(file), code=3)
    assert "is damaged" in " ".join(ended.err.split())
    assert "load_images" not in learner.engine.calls


def test_an_engine_that_keeps_something_else_is_no_success(learner: Learner, tmp_path: Path) -> None:
    class Other(FakeEngine):
        def load_images(self, archive: object) -> None:
            self.add_image(make_image("nginx:1.27"))

    learner.engine = Other()
    learner.engine.says = engine_with().says
    assert did(learner("images", "load", str(saved(tmp_path / "x", NGINX)), "--json", code=3).json) == {
        "nginx:1.27": "failed"
    }


def test_a_file_that_is_not_there(learner: Learner, tmp_path: Path) -> None:
    ended = learner("images", "load", str(tmp_path / "x"), code=3)
    assert "No such file or directory" in " ".join(ended.err.split())


# Serving and making


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--address", "example.org"], "is no address of this machine"),
        (["--address", "192.0.2.77"], "192.0.2.77 is no address of this machine."),
    ],
)
def test_where_it_cannot_be_served(learner: Learner, tmp_path: Path, options: list[str], says: str) -> None:
    ended = learner("images", "serve", str(saved(tmp_path / "x", NGINX)), "--port", "0", *options, code=2)
    assert says in " ".join(ended.err.split())


def test_nothing_to_serve(learner: Learner, tmp_path: Path) -> None:
    file = saved(tmp_path / "x", Example("bystander:1"))
    assert "nothing to serve" in " ".join(learner("images", "serve", str(file), code=3).err.split())
    learner.engine = FakeEngine()
    assert "None of the lessons' images" in learner("images", "serve", code=3).err


def test_stand_ins_are_made_in_the_practice_engine_only(learner: Learner) -> None:
    ended = learner("images", "build", code=2)
    assert "only in the practice engine, and this is another one" in " ".join(ended.err.split())
    assert "dockerlearn engine up --stand-ins" in ended.err
    assert learner.engine.calls.count("pull") == 0


def test_a_practice_engine_that_pulls_from_a_registry_needs_no_stand_ins(learner: Learner) -> None:
    make_practice(learner)
    ended = learner("images", "build", code=2)
    assert "pulls from a registry and has no use for stand-ins" in " ".join(ended.err.split())
    assert learner.engine.calls.count("pull") == 0
