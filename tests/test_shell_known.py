"""Which shells the tutor rides along in, and how they are started."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

import dockerlearn.shell
from dockerlearn.shell.known import Known, Unfit, recognise, riding
from dockerlearn.shell.startup import Setting, prepare


def shell(folder: Path, name: str, version: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{version}'\n")
    path.chmod(0o755)
    return str(path)


def setting(**fields: object) -> Setting:
    given = {
        "secret": "s" * 32, "program": ["/a b/python", "-m", "dockerlearn"], "words": ["hint"],
        "folder": Path("/it's here"), "pid": 42,
        "variables": {"DOCKER_HOST": "unix:///a b.sock", "DOCKER_CONTEXT": None}
    }  # fmt: skip
    return Setting(**{**given, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "told", "kind", "version"),
    [
        ("bash", "GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)", "bash", (5, 2)),
        ("bash", "GNU bash, Version 4.4.0(1)-release", "bash", (4, 4)),
        ("bash-5.2", "GNU bash, version 5.2.0", "bash", (5, 2)),
        ("zsh", "zsh 5.9 (x86_64-debian-linux-gnu)", "zsh", (5, 9)),
        ("zsh-5.9", "zsh 5.9", "zsh", (5, 9)),
        ("fish", "fish, version 3.6.0", "fish", (3, 6)),
        ("fish", "fish, version 4.0.2-dirty", "fish", (4, 0)),
    ],
)
def test_known(tmp_path: Path, name: str, told: str, kind: str, version: tuple[int, int]) -> None:
    path = shell(tmp_path, name, told)
    assert recognise({"SHELL": path}) == Known(path, kind, version)  # type: ignore[arg-type]
    chosen = {"SHELL": "/bin/dash", "DOCKERLEARN_SHELL": name, "PATH": str(tmp_path)}
    assert recognise(chosen) == Known(path, kind, version)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "told", "why"),
    [
        ("bash", "GNU bash, version 3.2.57(1)-release (arm64-apple-darwin23)", "bash 4.4 or newer, and .* is 3.2"),
        ("bash", "GNU bash, version 4.3.48", "is 4.3"),
        ("zsh", "zsh 4.3.17", "zsh 5.0 or newer"),
        ("fish", "fish, version 2.7.1", "fish 3.1 or newer"),
        ("dash", "x 9.9", "bash, zsh and fish, not in .*dash"),
        ("rbash", "GNU bash, version 5.2", "not in .*rbash"),
        ("bash", "", "did not tell its version"),
    ],
)
def test_unfit(tmp_path: Path, name: str, told: str, why: str) -> None:
    found = recognise({"SHELL": shell(tmp_path, name, told)})
    assert isinstance(found, Unfit)
    assert re.search(why, found.why), found.why
    assert found.why.endswith("reads your commands itself.")


def test_no_shell_another_one_and_line_mode() -> None:
    assert "is not there" in recognise({"SHELL": "/nonexistent/zsh"}).why  # type: ignore[union-attr]
    assert "names no shell" in recognise({}).why  # type: ignore[union-attr]
    assert recognise({"SHELL": "/bin/bash", "DOCKERLEARN_SHELL": "line"}) == Unfit("")


def test_inside_itself() -> None:
    assert riding({"DOCKERLEARN_RIDING": str(os.getpid())})
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert not riding({"DOCKERLEARN_RIDING": str(ended.pid)})
    for wrong in ("", "x", "-1", "0", "9" * 30, "²"):
        assert not riding({"DOCKERLEARN_RIDING": wrong})


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_the_start_up_file_is_the_learners_alone_and_tells_no_child(kind: str, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    started = prepare(Known(f"/bin/{kind}", kind, (5, 1)), setting(), {"HOME": "/h", "SHELL": "/bin/sh"}, scratch)  # type: ignore[arg-type]  # fmt: skip
    (file,) = scratch.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "s" * 32 in file.read_text()
    assert "s" * 32 not in str(started)
    assert started.environment["DOCKERLEARN_RIDING"] == "42"
    assert started.environment["SHELL"] == f"/bin/{kind}"


@pytest.mark.parametrize("word", ["reset", "a b", "$(x)", "", "A"])
def test_what_is_no_word(word: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no names"):
        prepare(Known("/bin/bash", "bash", (5, 2)), setting(words=[word]), {}, tmp_path)


def test_the_package_brings_its_scripts() -> None:
    scripts = Path(dockerlearn.shell.__file__).parent / "scripts"
    assert sorted(file.name for file in scripts.iterdir()) == ["bash.sh", "fish.fish", "zsh.sh"]
