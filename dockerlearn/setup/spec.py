"""What a step's ``setup`` may state: an allow-list by being the only fields there are.

Each item says how something of the lesson's own is to be when the step begins. Nothing here can name a host path, a
privilege, a device, a host namespace or a public port: images are those of pack.yaml or built from the lesson's own
``files/``, ports are opened on loopback only, and memory and process limits always hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, get_args

import msgspec

from dockerlearn.checks.base import Mention


class SetupItem(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="noun"
):
    """One stated thing."""

    word: ClassVar[str]

    @property
    def name(self) -> str:
        """The name of the thing."""
        return str(getattr(self, self.word))

    def mentions(self) -> Iterator[Mention]:
        """The things that it speaks of by name; those that begin with ``dl-`` are the lesson's own."""
        return iter(())


class SetupMount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A volume of the lesson, or a folder beneath the lesson's; ``source`` begins with ``./``.

    >>> SetupMount(source="./site", read_only=True).source
    './site'
    """

    volume: str | None = None
    source: str | None = None
    read_only: bool = False

    def __post_init__(self) -> None:
        if (self.volume is None) == (self.source is None):
            raise ValueError("a mount is either volume: NAME or source: ./FOLDER")
        if self.source is not None and (not self.source.startswith("./") or ".." in self.source.split("/")):
            raise ValueError(f"{self.source!r} is not a folder beneath the lesson's, as in ./site")


class SetupNetwork(SetupItem, frozen=True, kw_only=True, tag="network"):
    """A bridge network of the lesson: there, or ``absent``. ``fresh`` makes it anew, which nothing may be on.

    >>> SetupNetwork(network="dl-net", internal=True).name
    'dl-net'
    """

    word: ClassVar[str] = "network"

    network: str
    absent: bool = False
    internal: bool | None = None
    fresh: bool = False

    def mentions(self) -> Iterator[Mention]:
        """Itself."""
        yield "network", self.network


class SetupVolume(SetupItem, frozen=True, kw_only=True, tag="volume"):
    """A volume of the lesson: there, with these files at its top, or ``absent``. ``fresh`` makes it anew.

    >>> SetupVolume(volume="dl-data", files={"note": "hello"}).name
    'dl-data'
    """

    word: ClassVar[str] = "volume"

    volume: str
    absent: bool = False
    files: dict[str, str] = {}
    fresh: bool = False

    def __post_init__(self) -> None:
        for name in self.files:
            if not name or "/" in name or name in {".", ".."}:
                raise ValueError(f"{name!r} is not the name of a file at the top of a volume")

    def mentions(self) -> Iterator[Mention]:
        """Itself."""
        yield "volume", self.volume


class SetupContainer(SetupItem, frozen=True, kw_only=True, tag="container"):
    """A container of the lesson: ``absent``, or there as stated; ``running: false`` is one that was run and has ended.

    ``status`` is for the states between: ``created``, ``paused``. ``files`` are written into it. ``networks`` are the
    lesson's own, with what it is called there: ``[dl-net]`` or ``{dl-net: [db]}``; ``mounts`` maps paths in it to
    volumes of the lesson or folders beneath the lesson's. ``fresh`` makes it anew even when one as stated is there.

    >>> SetupContainer(container="dl-db", image="busybox", mounts={"/data": "dl-data"}).stated_mounts["/data"].volume
    'dl-data'
    """

    word: ClassVar[str] = "container"

    container: str
    absent: bool = False
    running: bool = True
    status: str | None = None
    image: str | None = None
    command: list[str] | None = None
    entrypoint: list[str] | None = None
    env: dict[str, str] = {}
    user: str | None = None
    workdir: str | None = None
    publish: dict[str, int] = {}
    networks: list[str] | dict[str, list[str]] = []
    mounts: dict[str, SetupMount | str] = {}
    files: dict[str, str] = {}
    fresh: bool = False

    @property
    def stated_networks(self) -> dict[str, tuple[str, ...]]:
        """Network to the names that it has there beside its own."""
        if isinstance(self.networks, list):
            return dict.fromkeys(self.networks, ())
        return {network: tuple(names) for network, names in self.networks.items()}

    @property
    def stated_mounts(self) -> dict[str, SetupMount]:
        """Path to what is mounted there; a text is a folder when it begins with ``./``, else a volume."""
        return {
            path.rstrip("/"): how
            if isinstance(how, SetupMount)
            else SetupMount(source=how)
            if how.startswith(".")
            else SetupMount(volume=how)
            for path, how in self.mounts.items()
        }

    def mentions(self) -> Iterator[Mention]:
        """Itself, its image, its networks and volumes."""
        yield "container", self.container
        if self.image is not None:
            yield "image", self.image
        yield from (("network", name) for name in self.networks)
        yield from (("volume", how.volume) for how in self.stated_mounts.values() if how.volume is not None)

    def __post_init__(self) -> None:
        for path in self.mounts:
            if not path.startswith("/") or path.strip("/") == "":
                raise ValueError(f"{path!r} is not a path in a container, as in /data")
        _ = self.stated_mounts  # a text that is no folder is refused here
        if not self.absent and self.image is None:
            raise ValueError(f"{self.container} needs an image, or absent: true")
        if self.status not in {None, "created", "paused"}:
            raise ValueError("status is created or paused; running: true or false says the rest")


class SetupImage(SetupItem, frozen=True, kw_only=True, tag="image"):
    """An image: present (pulled when it is one of the pack's), ``absent``, ``tag_of`` another, or built from a folder.

    ``absent`` takes away only a name of the lesson's own; a pack's image is never taken away.
    """

    word: ClassVar[str] = "image"

    image: str
    absent: bool = False
    tag_of: str | None = None
    build: str | None = None

    def mentions(self) -> Iterator[Mention]:
        """Itself, and the image that it is another name of."""
        yield "image", self.image
        if self.tag_of is not None:
            yield "image", self.tag_of


class SetupFile(SetupItem, frozen=True, kw_only=True, tag="file"):
    """A file in the lesson's folder: ``absent``, with this ``content``, or a tar ``archive`` of such files.

    >>> SetupFile(file="backup.tar", archive={"note": "hello"}).name
    'backup.tar'
    """

    word: ClassVar[str] = "file"

    file: str
    absent: bool = False
    content: str | None = None
    archive: dict[str, str] = {}
    executable: bool = False

    def __post_init__(self) -> None:
        if self.file.startswith(("/", "~")) or ".." in self.file.split("/") or not self.file:
            raise ValueError(f"{self.file!r} is not a path beneath the lesson's folder")
        for name in self.archive:
            if name.startswith("/") or any(part in {"", ".", ".."} for part in name.split("/")):
                raise ValueError(f"{name!r} is not the path of a file in an archive")
        if not self.absent and (self.content is None) == (not self.archive):
            raise ValueError(f"{self.file} needs either content or archive, or absent: true")


Setup = SetupContainer | SetupFile | SetupNetwork | SetupVolume | SetupImage

SETUP_NOUNS: Mapping[str, type[SetupItem]] = {item.word: item for item in get_args(Setup)}


def setup_noun_of(keys: Mapping[str, Any] | list[str]) -> str | None:
    """Return the noun that a mapping with these keys is about, or None."""
    return next((word for word in SETUP_NOUNS if word in keys), None)


class Declared(msgspec.Struct, frozen=True):
    """The names that a lesson says are its own: containers, image references in full form, networks, volumes."""

    containers: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()
