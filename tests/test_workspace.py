"""Files of the learner's, looked at without leaving the lesson's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockerlearn.errors import WorkspaceError
from dockerlearn.world.workspace import LIMIT, read_file


def test_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello\n")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "folder").mkdir()
    text = read_file(tmp_path, "a.txt")
    assert text is not None
    assert (text.kind, text.text, text.executable) == ("file", "hello\n", False)
    script = read_file(tmp_path, "run.sh")
    assert script is not None
    assert script.executable
    folder = read_file(tmp_path, "folder")
    assert folder is not None
    assert folder.kind == "directory"
    assert read_file(tmp_path, "b.txt") is None
    assert read_file(tmp_path, "a.txt/deeper") is None
    assert read_file(tmp_path / "no-workspace-yet", "a.txt") is None


def test_a_link_inside_is_followed_and_one_that_leads_out_is_not(tmp_path: Path) -> None:
    inside = tmp_path / "lesson"
    inside.mkdir()
    (tmp_path / "secret").write_text("secret")
    (inside / "real").write_text("mine")
    (inside / "good").symlink_to("real")
    (inside / "bad").symlink_to("../secret")
    (inside / "loop").symlink_to("loop")
    good = read_file(inside, "good")
    assert good is not None
    assert good.text == "mine"
    for name in ("bad", "loop"):
        with pytest.raises(WorkspaceError):
            read_file(inside, name)


def test_huge_and_binary_files_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"\xff" * (LIMIT + 10))
    big = read_file(tmp_path, "big")
    assert big is not None
    assert big.size == LIMIT + 10
    assert len(big.text) == LIMIT


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    pipe = read_file(tmp_path, "pipe")
    assert pipe is not None
    assert pipe.kind == "other"
