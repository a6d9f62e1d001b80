"""A store of images as files, made without any engine, which ``mirror`` serves.

Its folder has::

    blobs/sha256/HEX        layers, configurations and manifests, named by their content
    index.json              {"library/busybox": {"1.36": {"digest": "sha256:…", "type": MEDIA_TYPE}}}

Equal layers and settings give equal digests, on every machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar"

STAND_IN = "dockerlearn: "
"""What every step in the history of a stand-in begins with."""

_CREATED = "2024-01-01T00:00:00Z"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "ppc64le": "ppc64le",
                  "s390x": "s390x", "riscv64": "riscv64"}  # fmt: skip


class StandIn(NamedTuple):
    """An image in a store. ``digest`` is its manifest's, ``image_id`` its configuration's, ``size`` in bytes."""

    repository: str
    tags: tuple[str, ...]
    digest: str
    image_id: str
    size: int


class Layer(NamedTuple):
    """A layer's archive, and what the image's history says of it."""

    archive: bytes
    history: str


def write(
    store: Path, repository: str, tags: Sequence[str], layers: Sequence[Layer], settings: Mapping[str, object]
) -> StandIn:
    """Write an image into ``store``, beside what is there already. ``settings`` are those of its containers."""
    digests = [_digest(layer.archive) for layer in layers]
    config = _json(
        {
            "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
            "config": settings,
            "created": _CREATED,
            "history": [{"created": _CREATED, "created_by": f"{STAND_IN}{layer.history}"} for layer in layers],
            "os": "linux",
            "rootfs": {"diff_ids": digests, "type": "layers"},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": CONFIG_TYPE, "size": len(config), "digest": _digest(config)},
            "layers": [
                {"mediaType": LAYER_TYPE, "size": len(layer.archive), "digest": digest}
                for layer, digest in zip(layers, digests, strict=True)
            ],
        }
    )
    blobs = store / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for digest, blob in (
        *zip(digests, (layer.archive for layer in layers), strict=True),
        (_digest(config), config),
        (_digest(manifest), manifest),
    ):
        path = blobs / digest.removeprefix("sha256:")
        if not path.exists():
            _write(path, blob)
    with _index(store) as index:
        entry = index.setdefault(repository, {})
        for tag in tags:
            entry[tag] = {"digest": _digest(manifest), "type": MANIFEST_TYPE}
    size = sum(len(layer.archive) for layer in layers)
    return StandIn(repository, tuple(tags), _digest(manifest), _digest(config), size)


def has(store: Path, repository: str, tag: str) -> bool:
    """Whether an image is in the store."""
    try:
        return tag in json.loads((store / "index.json").read_bytes())[repository]
    except (OSError, ValueError, KeyError):
        return False


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
