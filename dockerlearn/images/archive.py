"""A file with images in it, for a stick: what is in it, how it is written, and how it is verified.

It is a tar archive, and every byte of it is accounted for::

    blobs/sha256/HEX   layers (compressed by gzip), configurations and manifests, named by their content
    manifest.json      what ``docker load`` of any engine reads
    index.json         the index, as an OCI image layout has it
    oci-layout
    SHA256SUMS         a line for each of the above, as ``sha256sum -c`` reads it

``docker load -i FILE`` takes it too. A reader takes nothing but these names, in this order, with headers that are the
same byte for byte as ours, padded with zeros: so there is no link, no path and no byte in it that was not looked at.
Checksums tell damage; who made a file they do not tell.

Layers are compressed one by one, so that one can be read without the others: a mirror serves them as they lie here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.snapshots import ImageSnapshot, image_from_inspect
from dockerlearn.engine.standins.store import STAND_IN
from dockerlearn.errors import ArchiveDamaged, ArchiveError
from dockerlearn.text import one_line

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
LIST_TYPE = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"

BLOBS = "blobs/sha256/"
ENDING = ("manifest.json", "index.json", "oci-layout", "SHA256SUMS")
PIECE = 1 << 20
"""Bytes that are read at once: what a layer takes in memory."""

LARGEST_TEXT = 4 << 20
"""Bytes of a manifest, a configuration or an index; those of public images have some thousands."""

LARGEST_LAYER = 8 << 30
"""Bytes of a layer when unpacked."""

_NAME = "io.containerd.image.name"
_MOST_IMAGES = 100
_MOST_FILES = 10_000
_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_BLOCK = 512
_END = bytes(2 * _BLOCK)
_LEVEL = 3  # half the time of 6 for a twentieth more bytes
_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'

Progress = Callable[[int, int], None]
"""Is told how many bytes are done, and of how many."""


class Blob(NamedTuple):
    """A content: ``digest`` are 64 hexadecimal digits, ``size`` in bytes as it lies in the archive."""

    digest: str
    size: int


class Packed(NamedTuple):
    """A layer in the archive; ``diff`` is the digest of what it is when unpacked."""

    blob: Blob
    diff: str


class Image(msgspec.Struct, frozen=True):
    """An image in an archive; ``reference`` is its full name. ``snapshot`` is what an engine would say of it.

    ``stand_in`` tells that it was made by ``engine.standins``, and is not its publisher's.
    """

    reference: str
    manifest: Blob
    config: Blob
    layers: tuple[Packed, ...]
    snapshot: ImageSnapshot
    variant: str = ""
    stand_in: bool = False

    @property
    def size(self) -> int:
        """Bytes that it takes in the archive."""
        return self.config.size + sum(layer.blob.size for layer in self.layers)

    @property
    def platform(self) -> dict[str, str]:
        """What it is made for, as manifests say it."""
        return {"architecture": self.snapshot.architecture, "os": self.snapshot.os} | (
            {"variant": self.variant} if self.variant else {}
        )


class Writer:
    """Writes an archive into a file that can be sought in. A content that is there already is not written again."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sums: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._images: list[Image] = []

    def content(self, content: bytes) -> Blob:
        """Put in a manifest or a configuration."""
        digest = hashlib.sha256(content).hexdigest()
        self._put(f"{BLOBS}{digest}", content, digest)
        return Blob(digest, len(content))

    def layer(self, pieces: Iterable[bytes]) -> Packed:
        """Put in a layer that is not compressed."""
        start, diff, digest = self._file.tell(), hashlib.sha256(), hashlib.sha256()
        self._file.write(bytes(_BLOCK))
        # 31: with gzip's header, which zlib writes without a time and a name, so that equal layers stay equal.
        compressor, size = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31), 0
        for piece in pieces:
            diff.update(piece)
            size += self._add(compressor.compress(piece), digest)
        size += self._add(compressor.flush(), digest)
        return Packed(self._close(start, digest.hexdigest(), size), diff.hexdigest())

    def packed_layer(self, pieces: Iterable[bytes]) -> Packed:
        """Put in a layer that gzip has compressed. Raises ``ArchiveError`` when it cannot be unpacked."""
        start, digest, size = self._file.tell(), hashlib.sha256(), 0
        self._file.write(bytes(_BLOCK))
        unpacked = Unpacked()
        for piece in pieces:
            unpacked.take(piece)
            size += self._add(piece, digest)
        return Packed(self._close(start, digest.hexdigest(), size), unpacked.digest())

    def image(self, reference: str, config: bytes, layers: Iterable[Packed]) -> Image:
        """Put in an image of layers that are there. Raises ``ArchiveError`` when they are not those of ``config``."""
        layers = tuple(layers)
        settings = self.content(config)
        manifest = self.content(_manifest(settings, layers))
        image = _image(reference, manifest, settings, config, layers)
        self._images.append(image)
        return image

    def finish(self) -> tuple[Image, ...]:
        """Write the index and the checksums. Nothing can be added after it."""
        self._put("manifest.json", manifest_json(self._images))
        self._put("index.json", index_json(self._images))
        self._put("oci-layout", _LAYOUT)
        self._put("SHA256SUMS", "".join(f"{digest}  {name}\n" for name, digest in self._sums.items()).encode())
        self._file.write(_END)
        return tuple(self._images)

    def _add(self, piece: bytes, digest: Any) -> int:
        digest.update(piece)
        return self._file.write(piece)

    def _close(self, start: int, digest: str, size: int) -> Blob:
        """End a content whose name and size were not known when its header was due."""
        name = f"{BLOBS}{digest}"
        self._file.seek(start)
        if name in self._sums:
            self._file.truncate()
            return Blob(digest, size)
        self._file.write(header(name, size))
        self._file.seek(0, os.SEEK_END)
        self._file.write(_padding(size))
        self._sums[name] = digest
        return Blob(digest, size)

    def _put(self, name: str, content: bytes, digest: str | None = None) -> None:
        if name not in self._sums:
            self._file.write(header(name, len(content)) + content + _padding(len(content)))
            self._sums[name] = digest or hashlib.sha256(content).hexdigest()


class Unpacked:
    """The digest of what gzip has compressed, without keeping any of it."""

    def __init__(self, largest: int = LARGEST_LAYER) -> None:
        self._largest = largest
        self._digest = hashlib.sha256()
        self._stream = zlib.decompressobj(31)
        self._size = 0

    def take(self, piece: bytes) -> None:
        """Take the next piece. Raises ``ArchiveError``."""
        more = bool(piece)
        try:
            while more:
                if self._stream.eof:  # a gzip file may be several, one after the other
                    self._stream = zlib.decompressobj(31)
                unpacked = self._stream.decompress(piece, PIECE)
                self._size += len(unpacked)
                if self._size > self._largest:
                    raise ArchiveError(f"A layer is larger than {self._largest} bytes when it is unpacked.")
                self._digest.update(unpacked)
                piece = self._stream.unconsumed_tail or self._stream.unused_data
                # A full piece may have more behind it, although all that was given is taken.
                more = bool(piece) or (len(unpacked) == PIECE and not self._stream.eof)
        except zlib.error:
            raise ArchiveDamaged("A layer cannot be unpacked.") from None

    def digest(self) -> str:
        """Return its digits, at the end. Raises ``ArchiveError`` when that was not the end."""
        if not self._stream.eof:
            raise ArchiveDamaged("A layer cannot be unpacked.")
        return self._digest.hexdigest()


class Archive:
    """An archive that was opened; what it says of itself is known to fit together, its contents only after ``verify``.

    It keeps its file open, so that all that is read is of one file, even where somebody puts another one in its place.
    """

    def __init__(self, file: IO[bytes], shown: str) -> None:
        self._file = file
        self._shown = one_line(shown)
        self._places: dict[str, tuple[int, int]] = {}
        self.size = os.fstat(file.fileno()).st_size
        self.images = self._read()

    @classmethod
    def open(cls, path: Path) -> Archive:
        """Open an archive. Raises ``ArchiveError`` and its children, ``OSError`` when there is no file."""
        # A pipe would be waited for before anybody could see what it is.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise ArchiveError(f"{one_line(str(path))} is no file.")
        file = os.fdopen(handle, "rb", buffering=0)
        try:
            return cls(file, str(path))
        except BaseException:
            file.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __contains__(self, digest: str) -> bool:
        return f"{BLOBS}{digest}" in self._places

    def pieces(self, digest: str) -> Iterator[bytes]:
        """The pieces of a content as it lies there. Raises ``ArchiveDamaged`` at the end when it is another one."""
        told, found = hashlib.sha256(), self._pieces(f"{BLOBS}{digest}")
        for piece in found:
            told.update(piece)
            yield piece
        if told.hexdigest() != digest:
            raise self._damaged(f"{BLOBS}{digest}")

    def length(self, digest: str) -> int:
        """How many bytes a content has."""
        return self._places[f"{BLOBS}{digest}"][1]

    def verify(self, progress: Progress | None = None, *, largest_layer: int = LARGEST_LAYER) -> None:
        """Read all of it, and hold every content to its checksum.

        Raises ``ArchiveDamaged`` that names the first, ``ArchiveError`` when a layer is larger when it is unpacked.
        """
        done = 0
        layers = {layer.blob.digest: layer for image in self.images for layer in image.layers}
        for name in self._places:
            digest = _BLOB.fullmatch(name)
            if digest is None:
                continue  # those at the end were held to theirs when the archive was opened
            unpacked = Unpacked(largest_layer) if digest[1] in layers else None
            try:
                for piece in self.pieces(digest[1]):
                    done += len(piece)
                    if unpacked is not None:
                        unpacked.take(piece)
                    if progress is not None:
                        progress(done, self.size)
                is_right = unpacked is None or unpacked.digest() == layers[digest[1]].diff
            except ArchiveDamaged:
                is_right = False
            if not is_right:
                raise self._damaged(name)

    def stream(self, image: Image) -> Iterator[bytes]:
        """Give one image as ``docker load`` takes it, made anew. Raises ``ArchiveDamaged`` where contents differ."""
        contents = (image.manifest, image.config, *(layer.blob for layer in image.layers))
        for blob in dict.fromkeys(contents):
            yield header(f"{BLOBS}{blob.digest}", blob.size)
            yield from self.pieces(blob.digest)
            yield _padding(blob.size)
        for name, text in (
            ("manifest.json", manifest_json([image])),
            ("index.json", index_json([image])),
            ("oci-layout", _LAYOUT),
        ):
            yield header(name, len(text)) + text + _padding(len(text))
        yield _END

    # Reading

    def _read(self) -> tuple[Image, ...]:
        self._walk()
        texts = {name: self._text(name) for name in ENDING}
        self._hold_to_sums(texts)
        images = tuple(self._images(texts["index.json"]))
        if texts["index.json"] != index_json(images) or texts["manifest.json"] != manifest_json(images):
            raise self._unfit()
        return images

    def _walk(self) -> None:
        """Find every file in it, and take nothing that a writer of ours would not have written."""
        at, ending = 0, list(ENDING)
        while ending:
            name, size = self._header(at)
            if _BLOB.fullmatch(name) and len(ending) == len(ENDING) and name not in self._places:
                pass
            elif name == ending[0]:
                ending.pop(0)
            else:
                raise ArchiveError(
                    f"{self._shown} has a file {one_line(name, 80)!r} where none of this name belongs. "
                    "Nothing of it was used.",
                    _ANEW,
                )
            at += _BLOCK
            self._places[name] = (at, size)
            if len(self._places) > _MOST_FILES:
                raise ArchiveError(f"{self._shown} has more than {_MOST_FILES} files in it.", _ANEW)
            at += size
            self._zeros(at, -size % _BLOCK)
            at += -size % _BLOCK
        self._zeros(at, len(_END))
        if at + len(_END) != self.size:
            raise ArchiveDamaged(f"{self._shown} goes on after its end. Nothing of it was used.", _ANEW)

    def _header(self, at: int) -> tuple[str, int]:
        block = self._exactly(at, _BLOCK)
        name = block[:100].rstrip(b"\0").decode("utf-8", "replace")
        size = re.fullmatch(rb"([0-7]{11})\0", block[124:136])
        if size is None or block[257:263] != b"ustar\0":
            if at == 0:
                raise ArchiveError(
                    f"{self._shown} is no archive that dockerlearn made.",
                    "dockerlearn images save FILE    # makes one, on a machine that has the images",
                )
            raise self._damaged_at(at)
        if _BLOB.fullmatch(name) or name in ENDING:
            if block != header(name, int(size[1], 8)):
                raise self._damaged_at(at)
            return name, int(size[1], 8)
        raise ArchiveError(
            f"{self._shown} is no archive that dockerlearn made: it has {one_line(name, 80)!r}. "
            "Nothing of it was used.",
            "docker load -i FILE    # if docker save made it, and you trust it" if at == 0 else _ANEW,
        )

    def _zeros(self, at: int, length: int) -> None:
        if self._exactly(at, length).strip(b"\0"):
            raise self._damaged_at(at)

    def _text(self, name: str) -> bytes:
        at, size = self._places[name]
        if size > LARGEST_TEXT:
            raise ArchiveError(f"{self._shown} has a {name} of {size >> 20} MB.", _ANEW)
        return self._exactly(at, size)

    def _hold_to_sums(self, texts: Mapping[str, bytes]) -> None:
        sums = dict(re.findall(r"([0-9a-f]{64})  (.+)\n", texts["SHA256SUMS"].decode("utf-8", "replace")))
        told = {name: digest for digest, name in sums.items()}
        names = [name for name in self._places if name != "SHA256SUMS"]
        whole = "".join(f"{told.get(name, '')}  {name}\n" for name in names).encode()
        if whole != texts["SHA256SUMS"]:
            raise self._damaged("SHA256SUMS")
        for name in names:
            match = _BLOB.fullmatch(name)
            digest = match[1] if match else hashlib.sha256(texts[name]).hexdigest()
            if told[name] != digest:
                raise self._damaged(name)

    def _images(self, index: bytes) -> Iterator[Image]:
        try:
            rows = msgspec.json.decode(index, type=_Index).manifests
            if len(rows) > _MOST_IMAGES:
                raise ArchiveError(f"{self._shown} has more than {_MOST_IMAGES} images in it.", _ANEW)
            names = [row.annotations[_NAME] for row in rows]
            if len(set(names)) != len(names):
                raise ArchiveError(f"{self._shown} has two images of one name.", _ANEW)
            for name, row in zip(names, rows, strict=True):
                described = self._checked(row)
                manifest = msgspec.json.decode(self._checked_text(described), type=_Manifest)
                config = self._checked(manifest.config)
                text = self._checked_text(config)
                diffs = msgspec.json.decode(text, type=_Config).rootfs.diff_ids
                layers = tuple(
                    Packed(self._checked(layer), _hexadecimal(diff))
                    for layer, diff in zip(manifest.layers, diffs, strict=True)
                )
                if self._checked_text(described) != _manifest(config, layers):
                    raise self._unfit()
                yield _image(name, described, config, text, layers)
        except (ValueError, KeyError, msgspec.MsgspecError, RecursionError):
            raise self._unfit() from None

    def _checked(self, row: _Descriptor) -> Blob:
        """Return a content that is there and of this size. Raises ``ValueError``."""
        digest = _hexadecimal(row.digest)
        if self._places.get(f"{BLOBS}{digest}", (0, -1))[1] != row.size:
            raise ValueError(digest)
        return Blob(digest, row.size)

    def _checked_text(self, blob: Blob) -> bytes:
        if blob.size > LARGEST_TEXT:
            raise ValueError(blob.digest)
        return b"".join(self.pieces(blob.digest))

    def _pieces(self, name: str) -> Iterator[bytes]:
        at, left = self._places[name]
        while left:
            piece = self._exactly(at, min(left, PIECE))
            yield piece
            at += len(piece)
            left -= len(piece)

    def _exactly(self, at: int, length: int) -> bytes:
        found = b""
        while len(found) < length:
            piece = os.pread(self._file.fileno(), length - len(found), at + len(found))
            if not piece:
                raise ArchiveDamaged(
                    f"{self._shown} ends too early: it was not copied whole. Nothing of it was used.", _ANEW
                )
            found += piece
        return found

    def _unfit(self) -> ArchiveError:
        return ArchiveError(f"{self._shown} has an index that does not fit what is in it.", _ANEW)

    def _damaged_at(self, at: int) -> ArchiveDamaged:
        return ArchiveDamaged(f"{self._shown} is damaged, at byte {at}. Nothing of it was used.", _ANEW)

    def _damaged(self, name: str) -> ArchiveDamaged:
        shown = name if name in ENDING else f"{name[: len(BLOBS) + 12]}…"
        return ArchiveDamaged(f"{self._shown} is damaged: {shown} is not what its checksum says.", _ANEW)


class _Descriptor(msgspec.Struct):
    digest: str
    size: int
    annotations: dict[str, str] = {}


class _Index(msgspec.Struct):
    manifests: list[_Descriptor]


class _Manifest(msgspec.Struct):
    config: _Descriptor
    layers: list[_Descriptor]


class _Layers(msgspec.Struct):
    diff_ids: list[str]


class _Step(msgspec.Struct):
    created_by: str = ""


class _Config(msgspec.Struct):
    rootfs: _Layers
    architecture: str
    os: str
    variant: str = ""
    history: list[_Step] | None = None


def header(name: str, size: int) -> bytes:
    r"""Return the header of a plain file in a tar archive, the same from every Python.

    >>> len(header("oci-layout", 30)), header("oci-layout", 30)[124:136]
    (512, b'00000000036\x00')
    """
    fields = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"0" * 11 + b"\0"
    rest = b"0" + bytes(100) + b"ustar\0" + b"00"
    block = (fields + b" " * 8 + rest).ljust(_BLOCK, b"\0")
    return fields + b"%06o\0 " % sum(block) + block[156:]


def manifest_json(images: Iterable[Image]) -> bytes:
    """Return the ``manifest.json`` of images: what engines without a containerd store load by."""
    return _json(
        [
            {
                "Config": f"{BLOBS}{image.config.digest}",
                "RepoTags": [references.short(image.reference)],
                "Layers": [f"{BLOBS}{layer.blob.digest}" for layer in image.layers],
            }
            for image in images
        ]
    )


def index_json(images: Iterable[Image]) -> bytes:
    """Return the ``index.json`` of images: what engines with a containerd store load by."""
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": [
                {
                    **_described(image.manifest, MANIFEST_TYPE),
                    "platform": image.platform,
                    "annotations": {
                        _NAME: image.reference,
                        "org.opencontainers.image.ref.name": image.reference.rpartition(":")[2],
                    },
                }
                for image in images
            ],
        }
    )


def list_json(image: Image) -> bytes:
    """Return the list that a registry gives for a tag: who is of another platform learns that there is nothing."""
    row = {**_described(image.manifest, MANIFEST_TYPE), "platform": image.platform}
    return _json({"schemaVersion": 2, "mediaType": LIST_TYPE, "manifests": [row]})


def _manifest(config: Blob, layers: Iterable[Packed]) -> bytes:
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _described(config, CONFIG_TYPE),
            "layers": [_described(layer.blob, LAYER_TYPE) for layer in layers],
        }
    )


def _image(reference: str, manifest: Blob, config: Blob, text: bytes, layers: tuple[Packed, ...]) -> Image:
    """Return an image, by its configuration. Raises ``ArchiveError`` when the layers are not those that it names."""
    try:
        told = msgspec.json.decode(text, type=_Config)
        raw = msgspec.json.decode(text)
        diffs = [_hexadecimal(diff) for diff in told.rootfs.diff_ids]
        snapshot = image_from_inspect(
            {
                "Id": f"sha256:{config.digest}",
                "RepoTags": [references.short(reference)],
                "Created": raw.get("created"),
                "RootFS": {"Layers": told.rootfs.diff_ids},
                "Os": told.os,
                "Architecture": told.architecture,
                "Config": raw.get("config"),
            }
        )
    except (ValueError, TypeError, AttributeError, msgspec.MsgspecError, RecursionError):
        raise ArchiveError(
            f"{one_line(references.short(reference))} has a configuration that cannot be read."
        ) from None
    if diffs != [layer.diff for layer in layers]:
        raise ArchiveError(f"{one_line(references.short(reference))} has other layers than its configuration names.")
    stand_in = any(step.created_by.startswith(STAND_IN) for step in told.history or ())
    return Image(reference, manifest, config, layers, snapshot, told.variant, stand_in)


def _described(blob: Blob, kind: str) -> dict[str, Any]:
    return {"mediaType": kind, "digest": f"sha256:{blob.digest}", "size": blob.size}


def _hexadecimal(digest: str) -> str:
    match = _DIGEST.fullmatch(digest)
    if match is None:
        raise ValueError(digest)
    return match[1]


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


_ANEW = "copy it anew, or make it anew: dockerlearn images save FILE"
