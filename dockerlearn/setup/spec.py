"""What a step's ``setup`` may state: an allow-list by being the only fields there are.

Each item says how something of the lesson's own is to be when the step begins. Nothing here can name a host path, a
privilege, a device, a host namespace or a public port: images are those of pack.yaml or built from the lesson's own
``files/``, ports are opened on loopback only, and memory and process limits always hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, get_args

import msgspec


class SetupItem(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="noun"
):
    """One stated thing."""

    word: ClassVar[str]

    @property
    def name(self) -> str:
        """The name of the thing."""
        return str(getattr(self, self.word))


class SetupContainer(SetupItem, frozen=True, kw_only=True, tag="container"):
    """A container of the lesson: ``absent``, or there as stated; ``running: false`` is one that was run and has ended.

    ``status`` is for the states between: ``created``, ``paused``. ``files`` are written into it. ``fresh`` makes it
    anew even when one as stated is there.
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
    files: dict[str, str] = {}
    fresh: bool = False

    def __post_init__(self) -> None:
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


class SetupFile(SetupItem, frozen=True, kw_only=True, tag="file"):
    """A file in the lesson's folder: ``absent``, or with this ``content``."""

    word: ClassVar[str] = "file"

    file: str
    absent: bool = False
    content: str | None = None
    executable: bool = False

    def __post_init__(self) -> None:
        if self.file.startswith(("/", "~")) or ".." in self.file.split("/") or not self.file:
            raise ValueError(f"{self.file!r} is not a path beneath the lesson's folder")
        if not self.absent and self.content is None:
            raise ValueError(f"{self.file} needs content, or absent: true")


Setup = SetupContainer | SetupFile | SetupImage

SETUP_NOUNS: Mapping[str, type[SetupItem]] = {item.word: item for item in get_args(Setup)}


def setup_noun_of(keys: Mapping[str, Any] | list[str]) -> str | None:
    """Return the noun that a mapping with these keys is about, or None."""
    return next((word for word in SETUP_NOUNS if word in keys), None)


class Declared(msgspec.Struct, frozen=True):
    """The names that a lesson says are its own: containers, and image references in full form."""

    containers: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
