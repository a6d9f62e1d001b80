"""A stand-in for the ``busybox`` image, made as files on disk without any engine.

A store is a folder that ``mirror`` serves::

    blobs/sha256/HEX        layers, configurations and manifests, named by their content
    index.json              {"library/busybox": {"1.36": {"digest": "sha256:…", "type": MEDIA_TYPE}}}

The same binary always gives the same digests, on every machine: times are fixed, names sorted, and nothing is
compressed (a compressor's output changes with its version).

The contract, which is what lessons may rely on and what ``tests/test_standin.py`` and the live tests hold it to:

- the applets of ``APPLETS`` are on ``PATH``, ``/bin/sh`` among them;
- the command is ``sh``, there is no entrypoint, the user is root, the working directory is ``/``;
- ``/tmp`` can be written by everybody; ``/root``, ``/var/www`` and ``/etc/passwd`` with ``root`` and ``nobody`` exist.

Not in the contract: the size, the version that ``busybox`` prints, applets that are not named here, and ``wget -T``:
that of Debian 12 crashes at it (139). ``timeout 5 wget …`` does the same everywhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dockerlearn.errors import PracticeFailed

APPLETS = (
    "cat", "chmod", "cp", "date", "df", "echo", "env", "expr", "false", "find", "free", "grep", "head", "hostname",
    "httpd", "id", "ip", "kill", "ln", "ls", "mkdir", "mv", "nc", "netstat", "nslookup", "ping", "printf", "ps", "pwd",
    "rm", "sed", "seq", "sh", "sleep", "sort", "stat", "tail", "tar", "tee", "test", "timeout", "top", "touch", "tr",
    "true", "uname", "vi", "wc", "wget", "which", "whoami", "yes",
)  # fmt: skip
TAGS = ("1.36", "latest")

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Where ``install`` puts the binary when the package itself would push another one out.
UNPACKED = Path("/usr/local/lib/dockerlearn/busybox")

# The birth of every file in the image: 2024-01-01. Zero would be read as "not set" by some tools.
_BORN = 1_704_067_200
_CREATED = "2024-01-01T00:00:00Z"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "ppc64le": "ppc64le",
                  "s390x": "s390x", "riscv64": "riscv64"}  # fmt: skip
_FOLDERS = (
    ("bin", 0o755), ("dev", 0o755), ("etc", 0o755), ("home", 0o755), ("root", 0o700), ("sbin", 0o755), ("tmp", 0o1777),
    ("usr", 0o755), ("usr/bin", 0o755), ("usr/sbin", 0o755), ("var", 0o755), ("var/spool", 0o755), ("var/www", 0o755),
)  # fmt: skip
_FILES = {
    # Without this file the C library asks the name server before it looks into /etc/hosts.
    "etc/nsswitch.conf": "hosts: files dns\n",
    "etc/group": "root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n",
    "etc/passwd": (
        "root:x:0:0:root:/root:/bin/sh\n"
        "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
        "www-data:x:33:33:www-data:/var/www:/bin/false\n"
        "nobody:x:65534:65534:nobody:/home:/bin/false\n"
    ),
}


class StandIn(NamedTuple):
    """An image in a store. ``digest`` is its manifest's, ``image_id`` its configuration's, ``size`` in bytes."""

    repository: str
    tags: tuple[str, ...]
    digest: str
    image_id: str
    size: int


def find_busybox(search: str | None = None) -> Path:
    """Find a busybox that runs without libraries, on ``search`` (like ``PATH``) or where ``install`` unpacks it.

    Raises ``PracticeFailed`` when there is none: Debian's package ``busybox`` is linked with libraries and does not do.
    """
    where = search if search is not None else os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin:/usr/bin:/bin"
    candidates = [Path(folder) / "busybox" for folder in where.split(":") if folder]
    if search is None:
        candidates.append(UNPACKED)
    for candidate in candidates:
        if candidate.is_file() and is_static(candidate):
            return candidate
    raise PracticeFailed(
        "Stand-in images are made from a busybox that needs no libraries, and this machine has none.",
        "apt-get install --no-install-recommends busybox-static",
    )


def is_static(binary: Path) -> bool:
    """Whether an ELF program asks for no dynamic loader (it has no ``PT_INTERP`` program header)."""
    try:
        with binary.open("rb") as file:
            head = file.read(4096)
        if head[:4] != b"\x7fELF":
            return False
        wide, order = head[4] == 2, "little" if head[5] == 1 else "big"

        def number(at: int, width: int) -> int:
            return int.from_bytes(head[at : at + width], order)  # type: ignore[arg-type]

        start = number(32, 8) if wide else number(28, 4)
        size, count = (number(54, 2), number(56, 2)) if wide else (number(42, 2), number(44, 2))
        return all(number(start + index * size, 4) != 3 for index in range(count))
    except (OSError, IndexError):
        return False


def build_busybox(
    binary: Path, store: Path, *, repository: str = "library/busybox", tags: Sequence[str] = TAGS
) -> StandIn:
    """Make the image of ``binary`` in ``store`` under ``repository`` and ``tags``, beside what is there already.

    Raises ``PracticeFailed`` when the binary cannot run here or lacks an applet of the contract.
    """
    applets = _applets(binary)
    missing = [applet for applet in APPLETS if applet not in applets]
    if missing:
        raise PracticeFailed(f"{binary} cannot stand in for busybox: it has no {', '.join(missing)}.")
    layer = _layer(binary.read_bytes(), applets)
    layer_digest = _digest(layer)
    config = _json(
        {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "config": {"Cmd": ["sh"], "Env": [f"PATH={PATH}"]},
            "created": _CREATED,
            "history": [{"created": _CREATED, "created_by": "dockerlearn: stand-in for busybox"}],
            "os": "linux",
            "rootfs": {"diff_ids": [layer_digest], "type": "layers"},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": CONFIG_TYPE, "size": len(config), "digest": _digest(config)},
            "layers": [{"mediaType": LAYER_TYPE, "size": len(layer), "digest": layer_digest}],
        }
    )
    blobs = store / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for blob in (layer, config, manifest):
        _write(blobs / _digest(blob).removeprefix("sha256:"), blob)
    with _index(store) as index:
        entry = index.setdefault(repository, {})
        for tag in tags:
            entry[tag] = {"digest": _digest(manifest), "type": MANIFEST_TYPE}
    return StandIn(repository, tuple(tags), _digest(manifest), _digest(config), len(layer))


def _applets(binary: Path) -> tuple[str, ...]:
    try:
        listed = subprocess.run([str(binary), "--list"], capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError) as error:
        raise PracticeFailed(f"{binary} does not run here: {error}") from error
    return tuple(sorted({line.strip() for line in listed.stdout.splitlines()} - {"", "busybox"}))


def _layer(binary: bytes, applets: Sequence[str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, mode in _FOLDERS:
            tar.addfile(_member(name, tarfile.DIRTYPE, mode))
        program = _member("bin/busybox", tarfile.REGTYPE, 0o755)
        program.size = len(binary)
        tar.addfile(program, io.BytesIO(binary))
        for applet in applets:
            link = _member(f"bin/{applet}", tarfile.SYMTYPE, 0o777)
            link.linkname = "busybox"
            tar.addfile(link)
        for name, text in sorted(_FILES.items()):
            member = _member(name, tarfile.REGTYPE, 0o644)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.mtime = kind, mode, _BORN
    return member


def _digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=False).encode()


def _write(path: Path, content: bytes) -> None:
    """Write whole or not at all: the mirror may be serving this folder."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        shutil.move(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _index(store: Path) -> Iterator[dict[str, dict[str, dict[str, str]]]]:
    """The store's index, to be changed; nobody else changes it meanwhile."""
    path = store / "index.json"
    with (store / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        index = json.loads(path.read_text()) if path.exists() else {}
        yield index
        _write(path, json.dumps(index, indent=1, sort_keys=True).encode() + b"\n")
