"""Bad input from files, streams and the environment; what is typed is in ``test_cli_process``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli_support import NOWHERE, Ended, Learner

MARK = {"id": "0" * 32, "pack": "cli", "lesson": "one", "step": "cup", "kind": "passed", "verified": []}


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    return Learner(tmp_path)


def told(ended: Ended, code: int, *words: str) -> None:
    """Hold that a command ended with a message of ours, and no defect."""
    message = " ".join(ended.err.split())
    assert ended.code == code, ended
    assert "dockerlearn: " in message
    assert "Traceback" not in message
    assert "defect" not in message
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in message)
    for word in words:
        assert word in message


@pytest.fixture
def far_in_the_west() -> Iterator[None]:
    """A time zone in which the first moment of all is in no year."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "XXX12")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "broken link", "stdout"])
def test_an_export_goes_into_a_plain_file_or_nowhere(learner: Learner, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "there"
    if kind == "pipe":
        os.mkfifo(file)  # reading or writing it would wait for ever
    elif kind == "folder":
        file.mkdir()
    elif kind == "broken link":
        file.symlink_to(tmp_path / "nowhere")
    else:
        file = Path("/dev/full" if kind == "device" else "/dev/stdout")
    was = file.lstat().st_mode
    told(learner.process("progress", "export", str(file)), 2, "left alone")
    assert file.lstat().st_mode == was
    assert not (tmp_path / "nowhere").exists()


def test_an_export_that_cannot_be_written_names_what_was_asked_for(learner: Learner) -> None:
    told(learner.process("progress", "export", "/proc/mine"), 3, "/proc/mine cannot be written")
    told(learner.process("progress", "export", "no/such/folder"), 3, "no/such/folder cannot be written")


@pytest.mark.parametrize("kind", ["pipe", "loop", "bytes"])
def test_an_import_from_what_is_no_export(learner: Learner, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "there"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "loop":
        file.symlink_to(file)
    else:
        file.write_bytes(b"\xff\xfe\x00")
    told(learner.process("progress", "import", str(file)), 2, "no file" if kind != "bytes" else "not JSON")


@pytest.mark.parametrize(
    "change",
    [
        {"at": "0001-01-01T00:00:00+23:59"}, {"at": "0001-01-01T00:00:00Z"}, {"at": "9999-12-31T23:59:59-23:59"},
        {"at": "2024-02-30T00:00:00Z"}, {"at": 5}, {"step": "\ud800"}, {"step": "x" * 201}, {"kind": "won"},
        {"verified": ["\udfff"]}, {"id": "0" * 31}, {"lesson": ""},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.usefixtures("far_in_the_west")
def test_an_import_of_a_mark_that_cannot_be(learner: Learner, tmp_path: Path, change: dict[str, Any]) -> None:
    good = {**MARK, "at": "2024-01-01T00:00:00Z"}
    file = tmp_path / "p"
    file.write_text(json.dumps({"format": 1, "current": None, "marks": [good, {**good, "id": "1" * 32, **change}]}))
    told(learner("progress", "import", str(file)), 2, "not an export")
    assert learner("progress", code=0).out.startswith("Nothing yet")
    file.write_text(json.dumps({"format": 1, "current": None, "marks": [good]}))
    assert learner("progress", "import", str(file), "--json", code=0).json == {"new": 1}
    assert "2023-12-31 12:00" in learner("progress", code=0).out


def test_an_import_with_escape_sequences_is_harmless(learner: Learner, tmp_path: Path) -> None:
    file = tmp_path / "p"
    mark = {**MARK, "at": "2024-01-01T00:00:00Z", "lesson": "\x1b[31mone", "step": "\u202ecup"}
    current = {"pack": "cli", "lesson": "\x1b]0;x\x07", "step": "\r"}
    file.write_text(json.dumps({"format": 1, "current": current, "marks": [mark]}))
    learner("progress", "import", str(file), code=0)
    for words in (["progress"], ["progress", "--json"], ["lessons"], ["task"], ["check"], ["start"]):
        ended = learner(*words)
        assert "defect" not in ended.err
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(ended.out + ended.err)


@pytest.mark.parametrize(
    ("given", "code", "word"), [(None, 2, "closed"), (b"", 2, "not JSON"), (b"\xff\xfe{}", 2, "not JSON")]
)
def test_an_import_from_the_standard_input(learner: Learner, given: bytes | None, code: int, word: str) -> None:
    command = f'"$0" -m dockerlearn progress import - {"<&-" if given is None else ""}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], input=given or b"", env=learner.environ, capture_output=True, check=False
    )
    told(Ended(done.returncode, done.stdout.decode(), done.stderr.decode()), code, word)


@pytest.mark.parametrize(
    "host",
    [
        " ", "http://x", "fd://", "unix://relative", "unix:///", "unix:///" + "x" * 300, "unix:///etc/passwd",
        "unix:///dev/null", "tcp://[::1", "tcp://h:99999", "tcp://127.0.0.1:1", "\x1b]0;x\x07", "x" * 5_000,
        "ssh://-oProxyCommand=touch${IFS}owned",
    ],
    ids=lambda host: host[:24].encode("ascii", "replace").decode(),
)  # fmt: skip
def test_an_engine_that_cannot_be(learner: Learner, host: str) -> None:
    ended = learner.process("start", "--yes", "--plain", env={"DOCKER_HOST": host})
    told(ended, 3)
    assert ended.out == ""
    assert len(ended.err) < 1_500
    assert not (learner.folder / "owned").exists()


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop", "device"])
def test_a_progress_file_that_is_no_file(learner: Learner, kind: str) -> None:
    file = Path(learner.environ["DOCKERLEARN_HOME"]) / "progress.sqlite3"
    file.parent.mkdir()
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to(file if kind == "loop" else "/dev/zero")
    told(learner.process("progress"), 3, "export DOCKERLEARN_HOME=")
    assert [path.name for path in file.parent.iterdir() if path.name != "cache"] == [file.name]


def test_a_cache_of_nonsense_is_made_anew(learner: Learner) -> None:
    first = learner.process("lessons")
    cache = Path(learner.environ["DOCKERLEARN_HOME"]) / "cache"
    kept = [path for path in cache.rglob("*") if path.is_file()]
    for path in kept:
        path.write_bytes(b"\xff" * 100)
    assert learner.process("lessons") == first
    for path in kept:
        path.unlink()
        path.mkdir()
    assert learner.process("lessons") == first


@pytest.mark.parametrize("kind", ["bytes", "folder", "other JSON"])
def test_a_record_of_the_practice_engine_that_is_none(learner: Learner, kind: str) -> None:
    record = Path(learner.environ["DOCKERLEARN_HOME"]) / "engine" / "engine.json"
    record.parent.mkdir(parents=True)
    if kind == "folder":
        record.mkdir()
    else:
        record.write_bytes(b"\xff{" if kind == "bytes" else b'{"address": "unix:///x"}')
    ended = learner.process("engine", "--json")
    told(ended, 3, NOWHERE)
    assert ended.json["practice"]["up"] is False
    assert learner.process("lessons").code == 0


def test_a_folder_that_is_gone(learner: Learner, tmp_path: Path) -> None:
    for words, code in (("lessons", 0), ("task one/cup", 0), ("progress", 0), ("progress export p", 3), ("start", 3)):
        gone = tmp_path / "gone"
        gone.mkdir()
        script = f'cd "$1" && rmdir "$1" && exec "$0" -m dockerlearn {words}'
        ended = learner.process(command=["sh", "-c", script, sys.executable, str(gone)])
        assert ended.code == code, ended
        assert "defect" not in ended.err
        assert "Traceback" not in ended.err


@pytest.mark.parametrize("text", ["0", "99999999999999999999", "1.5", "\u0661", "\u00b2", "1 2", "%s", "1" * 4_000, ""])
def test_a_choice_that_is_none(learner: Learner, text: str) -> None:
    learner("start", "one/cup", code=0)
    told(learner("answer", "one/cup", "--", text), 2, "from 1 to 2")
