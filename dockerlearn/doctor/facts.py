"""Everything that findings are made from. It is gathered once (``gather``) and never looked at again."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dockerlearn.engine.condition import Condition
from dockerlearn.engine.docker_program import DockerProgram
from dockerlearn.engine.registry import RegistrySaid
from dockerlearn.engine.system import System


class Failure(msgspec.Struct, frozen=True):
    """An error of ours: the name of its class, what it says, and its remedy."""

    kind: str
    message: str
    remedy: str | None = None


class EngineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An engine that answered.

    ``here`` tells whether it runs on this very machine, in no virtual one. ``clock`` is how many seconds its clock is
    ahead of this machine's. ``remote`` tells whether it is on another machine.
    """

    address: str
    source: str
    version: str
    api: str
    export: bool
    practice: bool
    remote: bool
    here: bool
    clock: float
    says: Condition


class Image(msgspec.Struct, frozen=True):
    """An image that lessons use, and whether the engine has it; ``lessons`` are those that name it.

    ``on_demand`` tells that the practice engine will make a stand-in of it when a lesson needs it.
    """

    reference: str
    present: bool
    on_demand: bool = False
    lessons: tuple[str, ...] = ()


class TakenName(msgspec.Struct, frozen=True):
    """A name that lessons make things under, and that something else carries; ``remedy`` frees it and keeps that."""

    kind: str
    name: str
    remedy: str
    lessons: tuple[str, ...]


class TakenPort(msgspec.Struct, frozen=True):
    """A port that a lesson wants and that somebody has; ``holder`` in words, "" where that cannot be seen.

    ``fixed`` tells that an attempt has begun with it; else the lesson will take the next free one.
    """

    port: int
    lesson: str
    holder: str
    fixed: bool


class Room(msgspec.Struct, frozen=True):
    """The disk below a folder: bytes and files that still fit; None where the file system does not count files."""

    what: str  # engine, workspace, progress
    path: str
    bytes: int
    files: int | None
    device: int


class Place(msgspec.Struct, frozen=True):
    """A folder that we write to. ``problem`` says why we cannot; of what is not there its nearest parent counts."""

    what: str  # workspace, progress
    path: str
    problem: str = ""
    owner: str = ""
    parent: str = ""


class Terminal(msgspec.Struct, frozen=True):
    """Where this was typed. ``columns`` None when it is no terminal; ``shell_there`` whether ``shell`` can be run."""

    term: str
    is_terminal: bool
    encoding: str
    columns: int | None
    shell: str
    shell_there: bool


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. ``failure`` says why there is no ``engine``; ``registry`` is None when nobody was asked.

    ``context`` is the docker context that is selected, None for the default one, and ``host`` what DOCKER_HOST says.
    """

    version: str
    python: str
    system: System
    client: DockerProgram
    context: str | None = None
    host: str = ""
    engine: EngineFacts | None = None
    failure: Failure | None = None
    images: tuple[Image, ...] = ()
    names: tuple[TakenName, ...] = ()
    ports: tuple[TakenPort, ...] = ()
    registry: RegistrySaid | None = None
    engine_pulls: bool | None = None
    rooms: tuple[Room, ...] = ()
    places: tuple[Place, ...] = ()
    terminal: Terminal
    variables: Mapping[str, str] = {}
    sudo_user: str = ""
    home: str = ""
    progress: Failure | None = None
    course: Failure | None = None
