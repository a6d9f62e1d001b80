"""An archive of images: what is written is read again, and whatever else lies there is refused."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockerlearn.errors import ArchiveDamaged, ArchiveError
from dockerlearn.images import archive as archives
from dockerlearn.images.archive import Archive, Writer, header
from dockerlearn.images.export import pack
from tests.exported import FORMS, Example, Form, archive, loaded, tarred

BUSYBOX = Example("busybox:1.36", [tarred({"bin/sh": b"shell" * 500})])
TWICE = tarred({"etc/twice": b"x" * 3000})
NGINX = Example("nginx:1.27", [TWICE, tarred({"etc/nginx": b"y" * 2000}), TWICE])


def write(path: Path, *examples: Example, form: Form = "20.10") -> Path:
    with path.open("wb") as file:
        writer = Writer(file)
        for example in examples:
            pack(writer, example.reference, pieces(example.export(form)))
        writer.finish()
    return path


def pieces(content: bytes, size: int = 700) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return write(tmp_path / "saved.tar", BUSYBOX, NGINX)


@pytest.mark.parametrize("form", FORMS)
def test_what_an_engine_gave_is_what_another_one_gets(tmp_path: Path, form: Form) -> None:
    with Archive.open(write(tmp_path / "saved.tar", BUSYBOX, NGINX, form=form)) as opened:
        opened.verify()
        assert [image.reference for image in opened.images] == [
            "docker.io/library/busybox:1.36",
            "docker.io/library/nginx:1.27",
        ]
        for image, example in zip(opened.images, (BUSYBOX, NGINX), strict=True):
            (got,) = loaded(b"".join(opened.stream(image)))
            assert (got.id, got.tags, got.layers) == (
                example.snapshot().id,
                (example.reference,),
                example.snapshot().layers,
            )
            assert image.snapshot.layers == example.snapshot().layers


def test_an_engine_can_load_it_as_it_is(saved: Path) -> None:
    assert [image.tags for image in loaded(saved.read_bytes())] == [("busybox:1.36",), ("nginx:1.27",)]


def test_its_checksums_are_those_that_sha256sum_reads(saved: Path, tmp_path: Path) -> None:
    # The command, since the safe way of Python's own is not there before 3.11.4.
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "-xf", saved, "-C", tmp_path / "out"], check=True)
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=tmp_path / "out", capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == sum(path.is_file() for path in (tmp_path / "out").rglob("*")) - 1


def test_a_layer_that_two_images_share_is_in_it_once(tmp_path: Path) -> None:
    other = Example("nginx:1.28", [TWICE, tarred({"etc/other": b"z"})])
    path = write(tmp_path / "saved.tar", NGINX, other)
    with tarfile.open(path) as tar:
        names = tar.getnames()
    assert len(names) == len(set(names))
    with Archive.open(path) as opened:
        assert opened.images[0].layers[0] == opened.images[1].layers[0] == opened.images[0].layers[2]
        opened.verify()


def test_equal_images_make_equal_archives(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name, BUSYBOX, NGINX).read_bytes() for name in ("one", "two"))
    assert one == two


def test_the_type_of_layers_says_that_they_are_compressed(saved: Path) -> None:
    with Archive.open(saved) as opened:
        image = opened.images[0]
        assert b"".join(opened.pieces(image.layers[0].blob.digest))[:2] == b"\x1f\x8b"
        assert json.loads(archives.list_json(image))["manifests"][0]["platform"] == {
            "architecture": "amd64",
            "os": "linux",
        }


# What is refused


def test_what_changes_after_it_was_verified_is_not_handed_on(saved: Path) -> None:
    with Archive.open(saved) as opened:
        opened.verify()
        at, _ = opened._places[f"{archives.BLOBS}{opened.images[0].layers[0].blob.digest}"]
        with saved.open("r+b") as file:
            file.seek(at + 30)
            file.write(b"?")
        with pytest.raises(ArchiveDamaged):
            list(opened.stream(opened.images[0]))


def refused(path: Path) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught, Archive.open(path) as opened:
        opened.verify()
    return caught.value


def test_no_bit_can_be_flipped_unnoticed(saved: Path, tmp_path: Path) -> None:
    """Every byte of the headers, the padding and the texts, and some of the layers: one bit of each."""
    whole = saved.read_bytes()
    chance = random.Random(1)
    with tarfile.open(saved) as tar:
        layers = [(one.offset_data, one.size) for one in tar if one.size > 1000 and one.name.startswith("blobs")]
    at = [place for place in range(len(whole)) if place % 7 == 0 or place < 600 or place > len(whole) - 3000]
    at += [start + size - 1 for start, size in layers]
    broken = tmp_path / "broken.tar"
    broken.write_bytes(whole)
    unnoticed = []
    with broken.open("r+b", buffering=0) as file:
        for place in at:
            flipped = whole[place] ^ (1 << chance.randrange(8))
            os.pwrite(file.fileno(), bytes([flipped]), place)
            try:
                with Archive.open(broken) as opened:
                    opened.verify()
                unnoticed.append(place)
            except ArchiveError:
                pass
            os.pwrite(file.fileno(), whole[place : place + 1], place)
    assert unnoticed == []
    assert len(at) > 1000


@pytest.mark.parametrize("left", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_one_that_was_cut_off(saved: Path, left: float) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(len(whole) * left)])
    error = refused(saved)
    assert isinstance(error, ArchiveDamaged)
    assert "ends too early" in error.message
    assert "images save" in str(error.remedy)


def test_one_that_goes_on(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + bytes(512))
    assert "goes on after its end" in refused(saved).message


def test_it_is_said_where_it_is_damaged(saved: Path) -> None:
    whole = bytearray(saved.read_bytes())
    with tarfile.open(saved) as tar:
        first = next(iter(tar))
    whole[first.offset_data + 5] ^= 4
    saved.write_bytes(whole)
    assert f"damaged: {first.name[:25]}… is not what" in refused(saved).message


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "blobs/sha256/../../../etc/cron.d/x",
        "blobs/sha256/" + "0" * 63,
        "blobs/sha512/" + "0" * 64,
        "manifest.json",
        "repositories",
        "\x1b]0;title\x07",
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_file_that_does_not_belong(saved: Path, name: str, first: bool) -> None:
    whole = saved.read_bytes()
    with tarfile.open(saved) as tar:
        place = 0 if first else list(tar)[2].offset
    saved.write_bytes(whole[:place] + header(name, 4) + b"evil".ljust(512, b"\0") + whole[place:])
    error = refused(saved)
    assert "\x1b" not in error.message
    assert "Nothing of it was used" in error.message or "no archive" in error.message


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_what_is_no_plain_file(saved: Path, kind: bytes) -> None:
    """Python's tar puts a slash behind the name of a folder, which is refused as a name already."""
    member = tarfile.TarInfo("blobs/sha256/" + "0" * 64)
    member.type, member.linkname = kind, "/etc/passwd"
    saved.write_bytes(member.tobuf(tarfile.USTAR_FORMAT) + saved.read_bytes())
    assert isinstance(refused(saved), ArchiveDamaged) is (kind != tarfile.DIRTYPE)


@pytest.mark.parametrize("content", [b"", b"x", b"#!/bin/sh\n" * 200, b"\x1f\x8b" + bytes(2000), bytes(10_240)])
def test_another_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    refused(path)


def test_what_docker_save_wrote(tmp_path: Path) -> None:
    path = tmp_path / "other.tar"
    path.write_bytes(BUSYBOX.export("20.10"))
    error = refused(path)
    assert "no archive that dockerlearn made" in error.message
    assert error.remedy is not None
    assert error.remedy.startswith("docker load -i FILE")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is no file" in refused(tmp_path / "pipe").message
    assert "is no file" in refused(tmp_path).message


Change = Callable[[dict[str, bytes]], None]


def rewritten(saved: Path, change: Change) -> Path:
    """An archive with other contents whose checksums are right, as somebody would make it who wants to be believed."""
    with tarfile.open(saved) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    del files["SHA256SUMS"]
    change(files)
    ending = {name: files.pop(name) for name in ("manifest.json", "index.json", "oci-layout")}
    files |= ending
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    files["SHA256SUMS"] = sums.encode()
    out = io.BytesIO()
    for name, content in files.items():
        out.write(header(name, len(content)) + content + bytes(-len(content) % 512))
    saved.write_bytes(out.getvalue() + bytes(1024))
    return saved


def test_what_is_rewritten_without_a_change_is_taken(saved: Path) -> None:
    """What the tests after this one change is what they are refused for."""
    before = saved.read_bytes()
    assert rewritten(saved, lambda files: None).read_bytes() == before


def renamed(files: dict[str, bytes]) -> None:
    files["manifest.json"] = files["manifest.json"].replace(b"nginx:1.27", b"bystander:1")


def two_of_one_name(files: dict[str, bytes]) -> None:
    for name in ("manifest.json", "index.json"):
        files[name] = files[name].replace(b"library/nginx:1.27", b"library/busybox:1.36").replace(b"nginx:1.27", b"x:1")


def more_in_the_index(files: dict[str, bytes]) -> None:
    files["index.json"] = files["index.json"].replace(b'{"schemaVersion":2,', b'{"schemaVersion":2,"annotations":{},')


def no_index(files: dict[str, bytes]) -> None:
    files["index.json"] = b"[" * 100_000


def a_manifest_of_another_image(files: dict[str, bytes]) -> None:
    rows = json.loads(files["manifest.json"])
    rows[0]["Layers"], rows[1]["Layers"] = rows[1]["Layers"], rows[0]["Layers"]
    files["manifest.json"] = json.dumps(rows, separators=(",", ":")).encode()


def a_missing_layer(files: dict[str, bytes]) -> None:
    name = json.loads(files["manifest.json"])[0]["Layers"][0]
    del files[name]


@pytest.mark.parametrize(
    "change", [renamed, two_of_one_name, more_in_the_index, no_index, a_manifest_of_another_image, a_missing_layer]
)
def test_an_index_that_does_not_fit(saved: Path, change: Change) -> None:
    assert "Nothing" in (error := refused(rewritten(saved, change))).message or "index" in error.message


def test_a_layer_that_is_not_the_one_of_the_configuration(tmp_path: Path) -> None:
    """Its checksum is right, and the image's configuration names another content."""
    lying = Example("busybox:1.36", [tarred({"a": b"1"})])
    lying.layers = [tarred({"a": b"2"})]
    with (tmp_path / "x").open("wb") as file, pytest.raises(ArchiveError, match="other layers"):
        pack(Writer(file), lying.reference, pieces(lying.export()))


def test_a_layer_that_swells(saved: Path) -> None:
    with Archive.open(saved) as opened, pytest.raises(ArchiveError, match="larger than 1000 bytes"):
        opened.verify(largest_layer=1000)


# Exports that cannot be taken


@pytest.mark.parametrize(
    "export",
    [
        b"",
        b"no archive",
        archive({}),
        archive({"manifest.json": b"[]"}),
        archive({"manifest.json": b"{"}),
        archive({"manifest.json": b'[{"Config": "x", "Layers": []}]'}),
        archive({"manifest.json": b'[{"Config": "x", "Layers": ["y"]}]', "x": b"{}"}),
        BUSYBOX.export()[:3000],
    ],
)
def test_an_export_that_is_none(tmp_path: Path, export: bytes) -> None:
    with (tmp_path / "x").open("wb") as file, pytest.raises(ArchiveError, match=r"busybox:1\.36"):
        pack(Writer(file), "busybox:1.36", pieces(export))


def test_links_that_lead_in_a_circle(tmp_path: Path) -> None:
    row = {"Config": "c", "RepoTags": ["busybox:1.36"], "Layers": ["a/layer.tar"]}
    export = archive(
        {"manifest.json": json.dumps([row]).encode(), "c": BUSYBOX.text},
        {"a/layer.tar": "../b/layer.tar", "b/layer.tar": "../a/layer.tar"},
    )
    with (tmp_path / "x").open("wb") as file, pytest.raises(ArchiveError, match="not whole"):
        pack(Writer(file), "busybox:1.36", pieces(export))


def test_memory_stays_flat(tmp_path: Path) -> None:
    """What writing and verifying 300 MB takes more than 3 MB do, in a process of its own."""
    script = """
import hashlib, json, resource, sys
from pathlib import Path
from dockerlearn.images.archive import Archive, Writer

def layer(size):
    block = bytes(1 << 16)
    yield b"a file".ljust(512, b"\\0")
    for _ in range(size >> 16):
        yield block

size, path = int(sys.argv[1]), Path(sys.argv[2])
with path.open("wb") as file:
    writer = Writer(file)
    packed = writer.layer(layer(size))
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"diff_ids": [f"sha256:{packed.diff}"]}}
    writer.image("docker.io/library/busybox:1.36", json.dumps(config).encode(), [packed])
    writer.finish()
with Archive.open(path) as opened:
    opened.verify()
    assert sum(len(piece) for piece in opened.stream(opened.images[0])) > 1000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

    def takes(size: int) -> int:
        done = subprocess.run(
            [sys.executable, "-c", script, str(size), str(tmp_path / "x")], capture_output=True, text=True, check=True
        )
        return int(done.stdout) * (1 if sys.platform == "darwin" else 1024)

    assert takes(300_000_000) - takes(3_000_000) < 8_000_000
