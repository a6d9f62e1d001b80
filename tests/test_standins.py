"""Stand-ins: what is in them, how they are made of packages, and that they are the same every time."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.engine.standins import busybox
from dockerlearn.engine.standins.store import StandIn
from dockerlearn.errors import PracticeFailed

APPLETS = (*busybox.APPLETS, "ar", "zcat")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Something that lists applets as busybox does."""
    return fake_busybox(tmp_path, APPLETS)


def fake_busybox(folder: Path, applets: tuple[str, ...]) -> Path:
    binary = folder / "busybox"
    binary.write_text("#!/bin/sh\n" + "".join(f"echo {applet}\n" for applet in applets))
    binary.chmod(0o755)
    return binary


def blob(store: Path, digest: str) -> bytes:
    content = (store / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
    assert "sha256:" + hashlib.sha256(content).hexdigest() == digest
    return content


def parts(store: Path, image: StandIn) -> tuple[dict[str, Any], dict[str, Any], tarfile.TarFile]:
    manifest = json.loads(blob(store, image.digest))
    layer = blob(store, manifest["layers"][0]["digest"])
    assert manifest["layers"][0]["size"] == len(layer) == image.size
    config = blob(store, manifest["config"]["digest"])
    assert manifest["config"]["size"] == len(config)
    return manifest, json.loads(config), tarfile.open(fileobj=io.BytesIO(layer))


def test_the_image_is_whole_and_named(tmp_path: Path, program: Path) -> None:
    store = tmp_path / "store"
    image = busybox.build(program, store)
    manifest, config, _ = parts(store, image)
    assert manifest["schemaVersion"] == 2
    assert manifest["config"]["digest"] == image.image_id
    assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
    assert config["config"] == {"Cmd": ["sh"], "Env": [f"PATH={busybox.PATH}"]}
    assert config["os"] == "linux"
    index = json.loads((store / "index.json").read_text())
    assert set(index["library/busybox"]) == {"1.36", "latest"}
    assert {entry["digest"] for entry in index["library/busybox"].values()} == {image.digest}


def test_the_layer_keeps_the_contract(tmp_path: Path, program: Path) -> None:
    store = tmp_path / "store"
    _, _, layer = parts(store, busybox.build(program, store))
    names = layer.getnames()
    assert len(names) == len(set(names))
    for applet in busybox.APPLETS:
        assert layer.getmember(f"bin/{applet}").linkname == "busybox"
    inside = layer.extractfile("bin/busybox")
    assert inside is not None
    assert inside.read() == program.read_bytes()
    assert layer.getmember("tmp").mode == 0o1777
    assert layer.getmember("root").isdir()
    assert layer.getmember("var/www").isdir()
    passwd = layer.extractfile("etc/passwd")
    assert passwd is not None
    assert [line.split(":")[0] for line in passwd.read().decode().splitlines()] == [
        "root",
        "daemon",
        "www-data",
        "nobody",
    ]
    assert {(member.uid, member.gid) for member in layer} == {(0, 0)}


def test_it_is_the_same_every_time(tmp_path: Path, program: Path) -> None:
    first = busybox.build(program, tmp_path / "one")
    os.utime(program, (1, 1))
    assert busybox.build(program, tmp_path / "two") == first
    assert busybox.build(program, tmp_path / "two") == first


def test_another_image_joins_what_is_there(tmp_path: Path, program: Path) -> None:
    store = tmp_path / "store"
    busybox.build(program, store)
    busybox.build(program, store, repository="library/other", tags=("7",))
    index = json.loads((store / "index.json").read_text())
    assert {name: set(tags) for name, tags in index.items()} == {
        "library/busybox": {"1.36", "latest"},
        "library/other": {"7"},
    }
    assert not list(store.rglob(".new-*"))


def test_a_busybox_without_an_applet_of_the_contract_is_refused(tmp_path: Path) -> None:
    binary = fake_busybox(tmp_path, tuple(applet for applet in APPLETS if applet != "httpd"))
    with pytest.raises(PracticeFailed, match="has no httpd"):
        busybox.build(binary, tmp_path / "store")


def test_a_busybox_that_does_not_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PracticeFailed, match="does not run here"):
        busybox.build(tmp_path / "nothing", tmp_path / "store")


def elf(*program_headers: int) -> bytes:
    """The beginning of a 64-bit little-endian ELF file with program headers of these types."""
    head = bytearray(64)
    head[:6] = b"\x7fELF\x02\x01"
    head[32:40] = (64).to_bytes(8, "little")
    head[54:56] = (56).to_bytes(2, "little")
    head[56:58] = len(program_headers).to_bytes(2, "little")
    return bytes(head) + b"".join(kind.to_bytes(4, "little") + bytes(52) for kind in program_headers)


@pytest.mark.parametrize(("content", "static"), [(elf(1, 1), True), (elf(1, 3), False), (b"#!/bin/sh\n", False)])
def test_a_program_that_needs_a_loader_is_not_static(tmp_path: Path, content: bytes, static: bool) -> None:
    (tmp_path / "busybox").write_bytes(content)
    assert busybox.is_static(tmp_path / "busybox") is static
    if static:
        assert busybox.find_busybox(str(tmp_path)) == tmp_path / "busybox"
    else:
        with pytest.raises(PracticeFailed) as failed:
            busybox.find_busybox(str(tmp_path))
        assert "busybox-static" in str(failed.value.remedy)


def test_this_python_is_judged_right() -> None:
    """A real program: whether it is static can be asked of the loader."""
    import sys

    listed = subprocess.run(["ldd", sys.executable], capture_output=True, text=True, check=False)
    assert busybox.is_static(Path(sys.executable)) is (listed.returncode != 0)
