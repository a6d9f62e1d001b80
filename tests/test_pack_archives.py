"""Packs in archives, among them those that were made to do harm: refused with a reason, and nothing is left."""

from __future__ import annotations

import gzip
import io
import random
import stat
import struct
import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from dockerlearn.errors import PackRefused
from dockerlearn.packs import archive
from tests.cli_support import Learner
from tests.test_hostile_packs import LESSON, PACK

FILES = {"pack.yaml": PACK, "desk/lesson.yaml": LESSON, "desk/files/run.sh": "#!/bin/sh\n", "README.md": "A shop.\n"}


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    return Learner(tmp_path)


def tar(*members: tuple[tarfile.TarInfo, bytes], top: str = "") -> bytes:
    """A .tar.gz of a pack that is in order, and of these members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as made:
        for name, text in FILES.items():
            made.addfile(*member(top + name, text.encode(), mode=0o755 if name.endswith(".sh") else 0o644))
        for info, content in members:
            made.addfile(info, io.BytesIO(content))
    return out.getvalue()


def member(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, io.BytesIO]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, io.BytesIO(content)


def zipped(*members: tuple[zipfile.ZipInfo | str, bytes], top: str = "", how: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as made:
        for name, text in FILES.items():
            made.writestr(top + name, text)
        for info, content in members:
            made.writestr(info, content)
    return out.getvalue()


def refuse(tmp_path: Path, data: bytes, *words: str) -> None:
    """Hold that unpacking is refused soon, within little memory, and that nothing is written outside."""
    place = tmp_path / f"place-{len(list(tmp_path.iterdir()))}"
    place.mkdir()
    file = place / "a"
    file.write_bytes(data)
    began = time.process_time()
    tracemalloc.start()
    with pytest.raises(PackRefused) as caught:
        archive.unpack(file, place / "into")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - began < 20
    assert peak < 100_000_000
    assert {path.name for path in place.iterdir()} <= {"a", "into"}
    assert not (tmp_path / "x").exists()
    for word in words:
        assert word in caught.value.message
    assert caught.value.message.isprintable()


# What is in order


@pytest.mark.parametrize("top", ["", "./", "shop-1.0/"])
@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_an_archive_is_added_and_updated(learner: Learner, tmp_path: Path, kind: str, top: str) -> None:
    file = tmp_path / f"shop.{kind}"
    make: Callable[..., bytes] = tar if kind == "tar.gz" else zipped
    file.write_bytes(make(top=top))
    added = learner("packs", "add", str(file), "--yes", "--json", code=0).json
    assert (added["pack"]["id"], added["pack"]["source"]) == ("shop", str(file))
    assert learner("packs", "update", "shop", code=0).out == "shop is as it was.\n"
    assert [path.name for path in (tmp_path / "data" / "packs").iterdir() if not path.name.startswith(".lock")] == [
        "shop"
    ]


def test_what_can_be_run_stays_so(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(tar())
    archive.unpack(tmp_path / "a", tmp_path / "into")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) & 0o111 for path in (tmp_path / "into").rglob("*.*")}
    assert modes["run.sh"]
    assert not modes["lesson.yaml"]


@pytest.mark.parametrize("data", [b"", b"x", b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\0" * 10_240])
def test_what_is_no_archive(learner: Learner, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.tar.gz").write_bytes(data)
    ended = learner("packs", "add", str(tmp_path / "x.tar.gz"), "--yes", code=2)
    assert "defect" not in ended.err
    assert [path.name for path in (tmp_path / "data" / "packs").iterdir()] == []


@pytest.mark.parametrize("what", ["shop", "nothing"])
def test_an_archive_without_a_pack(learner: Learner, tmp_path: Path, what: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as made:
        for name in ("a/readme", "b/pack.yaml") if what == "shop" else ():
            made.writestr(name, "x")
    assert "no pack.yaml" in " ".join(learner("packs", "add", str(tmp_path / "x.zip"), code=2).err.split())


# What was made to do harm

PATHS = [
    "/etc/cron.d/x", "//etc/x", "../x", "desk/../../x", "desk/files/../../../x", "..", "desk\\..\\x", "C:/x", "C:x",
    "desk/\x1b[2Jx", "desk/a\nb", "desk/" + "x" * 300, "/".join("d" * 20), "desk/\u202ex",
]  # fmt: skip


@pytest.mark.parametrize("name", PATHS, ids=ascii)
def test_paths_out_of_an_archive(tmp_path: Path, name: str) -> None:
    refuse(tmp_path, tar(member_(name)), "in the archive")
    if "\\" not in name:  # zipfile makes another path of it
        refuse(tmp_path, zipped((zipfile.ZipInfo(name), b"x")), "in the archive")


def member_(name: str, content: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, content, **fields)[0], content


KINDS = [
    (tarfile.SYMTYPE, "is a link"), (tarfile.LNKTYPE, "is a link"), (tarfile.CHRTYPE, "neither a file nor a folder"),
    (tarfile.BLKTYPE, "neither a file nor a folder"), (tarfile.FIFOTYPE, "neither a file nor a folder"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "why"), KINDS, ids=[why + str(kind) for kind, why in KINDS])
def test_links_and_devices_in_a_tar(tmp_path: Path, kind: bytes, why: str) -> None:
    refuse(tmp_path, tar(member_("desk/files/x", b"", type=kind, linkname="/etc/passwd")), "'desk/files/x'", why)


def test_a_file_written_through_a_link_of_the_archive(tmp_path: Path) -> None:
    through = [member_("out", b"", type=tarfile.SYMTYPE, linkname=str(tmp_path)), member_("out/owned", b"x")]
    refuse(tmp_path, tar(*through), "is a link")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices_in_a_zip(tmp_path: Path, mode: int) -> None:
    info = zipfile.ZipInfo("desk/files/x")
    info.external_attr = (mode | 0o777) << 16
    refuse(tmp_path, zipped((info, b"/etc/passwd")), "a link" if mode == stat.S_IFLNK else "neither a file")


@pytest.mark.parametrize("name", ["pack.yaml", "desk", "desk/lesson.yaml/x", "./pack.yaml", "desk//lesson.yaml"])
def test_the_same_place_twice(tmp_path: Path, name: str) -> None:
    refuse(tmp_path, tar(member_(name)), "in the archive")


def test_a_large_file_that_is_packed_small(tmp_path: Path) -> None:
    refuse(tmp_path, tar(member_("desk/files/zero", bytes(80 << 20))), "larger than 64 MiB")


def test_a_zip_bomb(tmp_path: Path) -> None:
    members = [(f"desk/files/{number}", bytes(8 << 20)) for number in range(10)]
    data = zipped(*members)
    assert len(data) < 200_000
    refuse(tmp_path, data, "larger than 64 MiB")


def test_a_zip_whose_files_are_one_and_the_same_place_in_it(tmp_path: Path) -> None:
    """Its directory names the same megabytes many times; what counts is what is written."""
    data = bytearray(zipped(("zero", bytes(8 << 20))))
    start = data.rfind(b"PK\x05\x06")
    size, at = struct.unpack("<II", data[start + 12 : start + 20])
    directory = bytes(data[at : at + size])
    last = directory[directory.rfind(b"PK\x01\x02") :]
    more = b"".join(last.replace(b"zero", b"z%03d" % number) for number in range(100))
    made = data[:at] + directory + more
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 105, 105, len(directory + more), at, 0)
    refuse(tmp_path, bytes(made + end))


def test_a_zip_that_says_less_than_there_is(tmp_path: Path) -> None:
    data = bytearray(zipped(("zero", bytes(70 << 20))))
    real = struct.pack("<I", 70 << 20)
    while (at := data.find(real)) >= 0:
        data[at : at + 4] = struct.pack("<I", 10)
    refuse(tmp_path, bytes(data))


@pytest.mark.parametrize("kind", ["gzip", "many", "long name", "long header", "names"])
def test_a_tar_bomb(tmp_path: Path, kind: str) -> None:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as packed:
        if kind == "gzip":  # empty blocks before the first header count, too
            info = tarfile.TarInfo("x")
            info.size = 4 << 30
            packed.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(120 << 20))
        elif kind == "many":
            for number in range(archive.MAX_ENTRIES + 10):
                packed.write(tarfile.TarInfo(f"d/{number}").tobuf())
        else:
            info = tarfile.TarInfo("././@LongLink" if kind == "long name" else "x")
            info.type = {"long name": tarfile.GNUTYPE_LONGNAME, "long header": tarfile.XHDTYPE}.get(
                kind, tarfile.XGLTYPE
            )
            info.size = 70 << 20
            packed.write(info.tobuf(tarfile.GNU_FORMAT) + b"a" * (70 << 20))
    refuse(tmp_path, out.getvalue())


@pytest.mark.parametrize("size", [-1, -512, -10_240, 1 << 62, 1 << 40])
def test_a_size_that_cannot_be(tmp_path: Path, size: int) -> None:
    """A negative one has sent ``tarfile`` round in circles."""
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    number = (size & ((1 << 88) - 1)).to_bytes(11, "big")
    header[124:136] = (b"\xff" if size < 0 else b"\x80") + number
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    refuse(tmp_path, gzip.compress(bytes(header) + bytes(1024)))
    record = f"size={size}\n"
    length = len(record) + 3
    record = f"{length} {record}"
    pax = tarfile.TarInfo("x")
    pax.type, pax.size = tarfile.XHDTYPE, len(record)
    plain = tarfile.TarInfo("y").tobuf(tarfile.USTAR_FORMAT)
    refuse(tmp_path, gzip.compress(pax.tobuf(tarfile.USTAR_FORMAT) + record.encode().ljust(512, b"\0") + plain))


def test_a_sparse_file(tmp_path: Path) -> None:
    """A few bytes that say that they are a gigabyte."""
    info = tarfile.TarInfo("x")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 30)}
    info.pax_headers["GNU.sparse.name"] = "x"
    content = b"1\n0\n1\n".ljust(512, b"\0") + bytes(512)
    info.size = len(content)
    refuse(tmp_path, tar((info, content)))


def test_a_zip_of_more_than_can_be_looked_at(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as made:
        for number in range(archive.MAX_ENTRIES + 1):
            made.writestr(zipfile.ZipInfo(str(number)), b"")
    refuse(tmp_path, out.getvalue(), "more than 10,000 files")


def test_a_zip64_and_one_that_is_encrypted_or_packed_otherwise(tmp_path: Path) -> None:
    locator = b"PK\x06\x07" + bytes(16)
    plain = zipped()
    end = plain.rfind(b"PK\x05\x06")
    refuse(tmp_path, plain[:end] + locator + plain[end:])
    for how in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
        refuse(tmp_path, zipped(how=how), "is packed in a way that is not read here")
    data = bytearray(plain)
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = data.find(mark)
        data[at + offset] |= 1
    refuse(tmp_path, bytes(data), "is encrypted")


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_damaged_archives_are_refused_or_whole(tmp_path: Path, kind: str) -> None:
    """Bytes changed, left out and doubled at random: never another error, never a hang, nothing outside."""
    rng = random.Random(7)
    good = gzip.decompress(tar()) if kind == "tar" else tar() if kind == "tar.gz" else zipped()
    for number in range(300):
        data = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            at, length = rng.randrange(len(data)), rng.randint(1, 40)
            change = rng.randrange(4)
            if change == 0:
                data[at : at + length] = rng.randbytes(length)
            elif change == 1:
                del data[at : at + length]
            elif change == 2:
                data[at:at] = data[at : at + length]
            else:
                data[at] ^= 1 << rng.randrange(8)
        place = tmp_path / str(number)
        place.mkdir()
        (place / "a").write_bytes(gzip.compress(data, 1) if kind == "tar" else bytes(data))
        began = time.process_time()
        with suppress(PackRefused):
            archive.unpack(place / "a", place / "into")
        assert time.process_time() - began < 2
        assert {path.name for path in place.iterdir()} <= {"a", "into"}
        assert not any(path.is_symlink() for path in place.rglob("*"))
