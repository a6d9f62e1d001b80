"""Images as engines give and take them: a tar archive, in the form that each engine has."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from dockerlearn.engine import references
from dockerlearn.engine.snapshots import ImageSnapshot, image_from_inspect

Form = Literal["20.10", "28.5", "containerd"]
FORMS: tuple[Form, ...] = ("20.10", "28.5", "containerd")


def tarred(files: Mapping[str, bytes]) -> bytes:
    """A tar archive of these files, as a layer is one and a saved image."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


class Example:
    """An image; ``more`` goes into its configuration."""

    def __init__(self, reference: str, layers: Iterable[bytes] | None = None, **more: Any) -> None:
        self.reference = reference
        self.layers = list(layers or [tarred({"etc/name": reference.encode()})])
        self.config: dict[str, Any] = {
            "architecture": "amd64",
            "os": "linux",
            "created": "2024-01-01T00:00:00Z",
            "config": {"Cmd": ["sh"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_hex(one)}" for one in self.layers]},
        } | more

    @property
    def text(self) -> bytes:
        return json.dumps(self.config).encode()

    def snapshot(self, **more: Any) -> ImageSnapshot:
        """What an engine says of it."""
        return _snapshot(f"sha256:{_hex(self.text)}", [self.reference], self.config, more)

    def export(self, form: Form = "20.10") -> bytes:
        """What ``docker save`` gives of it."""
        files: dict[str, bytes] = {}
        links: dict[str, str] = {}
        paths: list[str] = []
        for one in self.layers:
            if form == "20.10":
                path = f"{_hex(b'chain' + one + bytes([len(paths)]))}/layer.tar"
                same = next((paths[at] for at, other in enumerate(self.layers[: len(paths)]) if other == one), None)
                if same is not None:
                    links[path] = f"../{same}"
                else:
                    files |= {path: one, path.replace("layer.tar", "json"): b'{"id":"x"}'}
                files[path.replace("layer.tar", "VERSION")] = b"1.0"
            else:
                packed = gzip.compress(one, mtime=0) if form == "containerd" else one
                path = f"blobs/sha256/{_hex(packed)}"
                files[path] = packed
            paths.append(path)
        config = f"{_hex(self.text)}.json" if form == "20.10" else f"blobs/sha256/{_hex(self.text)}"
        files[config] = self.text
        row = {"Config": config, "RepoTags": [references.short(self.reference)], "Layers": paths}
        files["manifest.json"] = json.dumps([row]).encode()
        return archive(files, links)


def archive(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    """A tar archive of files and symbolic links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return out.getvalue()


def loaded(content: bytes) -> list[ImageSnapshot]:
    """What an engine has after it took this archive. Raises ``tarfile.TarError`` and ``KeyError``."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:

        def read(name: str) -> bytes:
            found = tar.extractfile(name)
            assert found is not None
            return found.read()

        found = []
        for row in json.loads(read("manifest.json")):
            text = read(row["Config"])
            config = json.loads(text)
            unpacked = [gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw for raw in map(read, row["Layers"])]
            assert [f"sha256:{_hex(one)}" for one in unpacked] == config["rootfs"]["diff_ids"]
            found.append(_snapshot(f"sha256:{_hex(text)}", row["RepoTags"], config, {}))
        return found


def _snapshot(identifier: str, tags: list[str], config: Mapping[str, Any], more: Mapping[str, Any]) -> ImageSnapshot:
    raw = {
        "Id": identifier,
        "RepoTags": tags,
        "Created": config["created"],
        "Size": 1000,
        "RootFS": {"Layers": config["rootfs"]["diff_ids"]},
        "Os": config["os"],
        "Architecture": config["architecture"],
        "Config": config["config"],
    }
    return image_from_inspect({**raw, **more})


def _hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
