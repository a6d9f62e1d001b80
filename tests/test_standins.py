"""Stand-ins: what is in them, how they are made of packages, and that they are the same every time."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from dockerlearn.engine.standins import busybox, catalogue, hello_world, packages
from dockerlearn.engine.standins.elf import Elf
from dockerlearn.engine.standins.store import StandIn
from dockerlearn.engine.standins.tree import Tree
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


def package(*members: tuple[str, bytes, str]) -> io.BytesIO:
    """A package's tar stream: name, type, and content or target."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, text in members:
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.uid, member.mtime = kind, 0o4755, 1000, 99
            if kind == tarfile.REGTYPE:
                member.size = len(text)
            else:
                member.linkname = text
            tar.addfile(member, io.BytesIO(text.encode()))
    out.seek(0)
    return out


def test_files_of_a_package_go_where_the_system_has_them() -> None:
    tree = Tree()
    members = (
        ("./", tarfile.DIRTYPE, ""),
        ("./bin/", tarfile.DIRTYPE, ""),
        ("./bin/tool", tarfile.REGTYPE, "program"),
        ("./lib64/ld.so.2", tarfile.SYMTYPE, "/lib/x/ld.so"),
        ("./usr/bin/same", tarfile.LNKTYPE, "./bin/tool"),
        ("./usr/share/doc/text", tarfile.REGTYPE, "text"),
        ("./usr/../etc/up", tarfile.REGTYPE, "up"),
        ("./dev/null", tarfile.CHRTYPE, ""),
    )
    tree.unpack(package(*members), lambda path: "/doc/" not in path)
    assert list(tree) == ["usr/bin", "usr/bin/same", "usr/bin/tool", "usr/lib64/ld.so.2"]
    assert tree["usr/bin/tool"].content == b"program"
    assert tree["usr/bin/tool"].mode == 0o4755
    assert tree.resolve("usr/bin/same") == "usr/bin/tool"
    assert tree.resolve("usr/lib64/ld.so.2") is None
    tree.file("usr/lib/x/ld.so", "loader")
    assert tree.resolve("usr/lib64/ld.so.2") == "usr/lib/x/ld.so"
    tree.link("usr/round", "round")
    assert tree.resolve("usr/round") is None


def test_a_layer_has_folders_for_its_files_fixed_times_and_an_order_of_its_own() -> None:
    def made(names: tuple[str, ...]) -> bytes:
        tree = Tree()
        for name in names:
            tree.file(name, name, 0o600, owner=7)
        tree.folder("a", 0o711)
        return tree.layer()

    layer = made(("a/b/c", "a/Főtanúsítvány", "z"))
    assert layer == made(("z", "a/Főtanúsítvány", "a/b/c"))
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == ["a", "a/Főtanúsítvány", "a/b", "a/b/c", "z"]
    assert [oct(member.mode) for member in members] == ["0o711", "0o600", "0o755", "0o600", "0o600"]
    assert {member.mtime for member in members} == {1_704_067_200}
    assert [member.uid for member in members] == [0, 7, 0, 7, 7]


def test_what_a_program_needs_is_what_the_loader_says() -> None:
    """Read from a real program of this machine, and compared with what ldd lists directly."""
    program = Path("/bin/ls").resolve()
    found = Elf(program.read_bytes())
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    assert found.libraries
    assert all(f"{name} => " in listed for name in found.libraries)
    assert found.loader is not None
    assert found.loader in listed
    for wrong in (b"", b"\x7fELF", b"#!/bin/sh\n" + bytes(100)):
        with pytest.raises(ValueError, match="not an ELF file"):
            Elf(wrong)


def test_libraries_come_with_the_links_to_them_and_a_missing_one_is_named() -> None:
    tree = Tree()
    program = Path("/bin/ls").resolve()
    tree.file("usr/bin/ls", program.read_bytes())
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    paths = [word for line in listed.splitlines() for word in line.split() if word.startswith("/")]
    for path in paths:
        real = Path(path).resolve()
        tree.file(f"usr/lib/real/{real.name}.so", real.read_bytes())
        tree.link(f"usr/lib/{Path(path).name}", f"real/{real.name}.so")
    found = packages.libraries(["usr/bin/ls"], tree)
    assert {f"usr/lib/{Path(path).name}" for path in paths} <= found
    assert {f"usr/lib/real/{Path(path).resolve().name}.so" for path in paths} <= found
    assert "usr/bin/ls" not in found
    tree.remove(lambda path: path == "usr/lib/libc.so.6")
    with pytest.raises(PracticeFailed, match=r"needs libc\.so\.6, which none of the packages has"):
        packages.libraries(["usr/bin/ls"], tree)


def test_hello_world_is_a_program_that_greets_and_ends(tmp_path: Path) -> None:
    machine = platform.machine()
    if machine not in hello_world.MACHINES:
        with pytest.raises(PracticeFailed, match=f"for the processor {machine}"):
            hello_world.build(tmp_path)
        return
    file = tmp_path / "hello"
    file.write_bytes(hello_world.program(b"a few words\n", machine))
    file.chmod(0o755)
    done = subprocess.run([file], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"a few words\n", b"")
    assert file.stat().st_size < 300
    assert busybox.is_static(file)


def test_the_greeting_is_found_by_the_code_of_each_processor() -> None:
    """What cannot be run here is read: the address that the code loads is that of the text, and its length is right."""
    text = b"x" * 300
    one = hello_world.program(text, "x86_64")
    at = one.index(b"\x48\x8d\x35")
    assert at + 7 + int.from_bytes(one[at + 3 : at + 7], "little") == one.index(text)
    assert int.from_bytes(one[at + 8 : at + 12], "little") == len(text)
    other = hello_world.program(text, "aarch64")
    words = [int.from_bytes(other[place : place + 4], "little") for place in range(120, 152, 4)]
    assert words[1] & 0x9F00001F == 0x10000001  # adr x1
    assert 124 + (words[1] >> 5 & 0x7FFFF) * 4 == other.index(text)
    assert words[2] >> 5 & 0xFFFF == len(text)
    with pytest.raises(PracticeFailed, match="for the processor vax"):
        hello_world.program(text, "vax")


@pytest.mark.parametrize(
    ("reference", "there"),
    [
        ("busybox", True), ("busybox:1.36", True), ("docker.io/library/nginx:1.27-alpine-slim", True),
        ("hello-world", True), ("python:3.11-slim", True), ("registry:2", True), ("registry:3", False),
        ("nginx", False), ("nginx:1.27", False), ("python:3.12-slim", False),
        ("somebody/nginx:1.27-alpine-slim", False),
        ("localhost:5000/library/busybox:1.36", False), ("redis:7", False), ("busybox@sha256:" + "0" * 64, False),
    ],
)  # fmt: skip
def test_there_are_stand_ins_for_what_lessons_name_and_nothing_else(reference: str, there: bool) -> None:
    assert (catalogue.recipe(reference) is not None) is there


def test_what_is_made_is_known(tmp_path: Path, program: Path) -> None:
    assert not catalogue.is_made("busybox:1.36", tmp_path)
    busybox.build(program, tmp_path)
    assert catalogue.is_made("docker.io/library/busybox", tmp_path)
    assert not catalogue.is_made("hello-world", tmp_path)


def test_every_image_of_the_course_has_a_stand_in() -> None:
    from dockerlearn.course.packs import open_pack

    assert [reference for reference in open_pack().references.values() if catalogue.recipe(reference) is None] == []
