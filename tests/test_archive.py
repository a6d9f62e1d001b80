"""What is in an archive that the learner made, and the checks that ask for it."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.checks.file import File
from dockerlearn.checks.outcome import Status
from dockerlearn.world.archive import Archive, SavedImage, read_archive, read_members
from dockerlearn.world.world import Scope, World
from tests.fake_engine import FakeEngine, make_image

LAYER = "sha256:" + "5" * 64


def tar(files: dict[str, Any]) -> bytes:
    """A tar archive; what is no bytes is written as JSON."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def saved(names: list[str] | None, layers: list[str] | None = None) -> dict[str, Any]:
    """The files of an archive as ``docker save`` writes it, of 25 and newer."""
    return {
        "blobs/sha256/abc": {"rootfs": {"type": "layers", "diff_ids": layers or [LAYER]}},
        "layer.tar": b"\0" * 2048,
        "manifest.json": [{"Config": "blobs/sha256/abc", "RepoTags": names, "Layers": ["layer.tar"]}],
    }


@pytest.mark.parametrize(
    ("content", "archive"),
    [
        (
            tar(saved(["dl-cake:v2"])),
            Archive("image", (SavedImage(("docker.io/library/dl-cake:v2",), (LAYER,)),)),
        ),
        (
            gzip.compress(tar(saved(["dl-cake:v2"]))),
            Archive("image", (SavedImage(("docker.io/library/dl-cake:v2",), (LAYER,)),)),
        ),
        (tar(saved(None)), Archive("image", (SavedImage((), (LAYER,)),))),
        (tar({"etc/passwd": b"root", "bin/sh": b"\x7fELF"}), Archive("files")),
        (tar({"manifest.json": b"[{"}), Archive("files")),
        (tar({"manifest.json": []}), Archive("files")),
        (tar({"manifest.json": [{"Config": ["x"], "RepoTags": "x"}]}), Archive("image", (SavedImage((), ()),))),
        (tar({"manifest.json": b"[" * 100_000}), Archive("files")),
        (tar(saved(["dl-cake:v2"]))[:700], Archive("other")),
        (gzip.compress(tar(saved(["dl-cake:v2"])))[:80], Archive("other")),
        (b"", Archive("other")),
        (b'[{"RepoTags":["dl-cake:v2"]}]', Archive("other")),
    ],
)
def test_what_is_in_it(tmp_path: Path, content: bytes, archive: Archive) -> None:
    path = tmp_path / "some.tar"
    path.write_bytes(content)
    assert read_archive(path) == archive


def test_a_file_that_is_not_there_is_no_archive(tmp_path: Path) -> None:
    assert read_archive(tmp_path / "none.tar") == Archive("other")


def test_what_lies_in_it_and_is_no_file(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "some.tar", "w") as archive:
        for name, kind in (("note", tarfile.DIRTYPE), ("deep/note", tarfile.SYMTYPE), ("x/note", tarfile.FIFOTYPE)):
            member = tarfile.TarInfo(name)
            member.type = kind
            archive.addfile(member)
    assert [(one.kind, one.content) for one in read_members(tmp_path / "some.tar", "note")] == [
        ("directory", None), ("link", None), ("other", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "good", "bad"),
    [
        ({"archive": "image"}, tar(saved(["dl-cake:v2"])), tar({"etc/passwd": b"root"})),
        ({"archive": "files"}, tar({"etc/passwd": b"root"}), b"text"),
        ({"archive_names": "dl-cake:v2"}, tar(saved(["dl-cake:v2"])), tar(saved(["dl-cake:v1"]))),
        ({"archive_names": "none"}, tar(saved(None)), tar(saved(["dl-cake:v2"]))),
        ({"archive_of": "dl-cake:v2"}, tar(saved(["dl-cake:v2"])), tar(saved(["dl-cake:v2"], [LAYER, LAYER]))),
        ({"archive_of": "dl-cake:v2"}, tar(saved(["localhost/dl-cake:v2"])), tar(saved(None))),
        ({"archive_of": "dl-cake:v2"}, tar(saved(["a:1", "docker.io/library/dl-cake:v2"])), tar(saved(["a:1"]))),
        ({"archive_of": "dl-cake:v2"}, tar(saved(["dl-cake:v2"])), tar({"etc/passwd": b"root"})),
        ({"archive_files": {"note": "tea"}}, tar({"./note": b"tea\n"}), tar({"note": b"tee"})),
        ({"archive_files": {"note": "tea"}}, tar({"data/note": b"tea"}), tar({"keynote": b"tea"})),
        ({"archive_files": {"data/note": "tea"}}, tar({"data/note": b"tea"}), tar({"note": b"tea"})),
        ({"archive_files": {"note": "tea"}}, tar({"old/note": b"tee", "note": b"tea"}), tar({"other": b"tea"})),
        ({"archive_files": {"note": "any"}}, gzip.compress(tar({"note": b"tea"})), b"tea"),
        ({"archive_files": {"note": "any"}}, tar({"note": b""}), tar({"note": b"tea"})[:700]),
        ({"archive_files": {"note": "none"}}, tar({"other": b"tea"}), tar({"data/note": b"tea"})),
        ({"archive_files": {"note": "none"}}, tar({"other": b"tea"}), tar({"other": b"tea"})[:700]),
        ({"archive_files": {"note": {"not": "tea"}}}, tar({"note": b"tee"}), tar({"note": b"x" * 5_000_000})),
    ],
)
def test_each_field_says_yes_and_no(tmp_path: Path, asked: dict[str, Any], good: bytes, bad: bytes) -> None:
    engine = FakeEngine(make_image("dl-cake:v2", layers=(LAYER,)))
    for content, status in ((good, Status.MET), (bad, Status.UNMET)):
        (tmp_path / "cake.tar").write_bytes(content)
        outcome = msgspec.convert({"noun": "file", "file": "cake.tar", **asked}, File).look(
            World(engine, tmp_path, Scope())
        )
        assert outcome.status is status, outcome
        assert status is Status.MET or (outcome.expected and outcome.found)
