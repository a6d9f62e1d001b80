"""What the tests of set-up, ledger and clean share: an engine that can die, and a lesson to bring into place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from dockerlearn.engine.api import Built, EngineApi
from dockerlearn.engine.snapshots import EventSnapshot
from dockerlearn.progress.store import Attempt, Store
from dockerlearn.setup import bring, ledger
from dockerlearn.setup.spec import Declared, Setup, SetupContainer, SetupFile, SetupImage
from tests.fake_engine import FakeEngine, make_image

WRITES = frozenset(
    {
        "create_container", "start_container", "stop_container", "pause_container", "unpause_container",
        "remove_container", "put_file", "pull", "build", "tag", "remove_image", "create_network", "connect_network",
        "remove_network", "create_volume", "remove_volume",
    }
)  # fmt: skip
IMAGES = {"busybox": "busybox:1.36", "nginx": "nginx:1.27"}


class Killed(BaseException):
    """Stands for kill -9: nothing may catch it."""


class MortalEngine(FakeEngine):
    """Dies with the ``dies_at``-th change, from 1; ``after`` says whether the change is made before that."""

    dies_at: int | None = None
    after = False

    def _change(self, name: str, *args: Any, **options: Any) -> Any:
        change: Callable[..., Any] = getattr(super(), name)
        number = sum(call in WRITES for call in self.calls) + 1
        if number == self.dies_at and not self.after:
            raise Killed
        result = change(*args, **options)
        if number == self.dies_at:
            raise Killed
        return result

    def create_container(self, *args: Any) -> str:
        return str(self._change("create_container", *args))

    def start_container(self, *args: Any) -> None:
        self._change("start_container", *args)

    def stop_container(self, *args: Any) -> None:
        self._change("stop_container", *args)

    def remove_container(self, *args: Any) -> bool:
        return bool(self._change("remove_container", *args))

    def create_network(self, *args: Any, **options: Any) -> str:
        return str(self._change("create_network", *args, **options))

    def connect_network(self, *args: Any) -> None:
        self._change("connect_network", *args)

    def remove_network(self, *args: Any) -> bool:
        return bool(self._change("remove_network", *args))

    def create_volume(self, *args: Any) -> None:
        self._change("create_volume", *args)

    def remove_volume(self, *args: Any) -> bool:
        return bool(self._change("remove_volume", *args))

    def put_file(self, *args: Any) -> None:
        self._change("put_file", *args)

    def build(self, *args: Any) -> Built:
        built: Built = self._change("build", *args)
        return built

    def tag(self, *args: Any) -> None:
        self._change("tag", *args)

    def remove_image(self, *args: Any) -> bool:
        return bool(self._change("remove_image", *args))


class Bench:
    """An engine with ``busybox:1.36`` and ``nginx:1.27``, a store, an open attempt and a context to bring in."""

    def __init__(self, folder: Path, engine: MortalEngine | None = None) -> None:
        self.engine = engine or MortalEngine(
            make_image("busybox:1.36", digests=("busybox@sha256:" + "1" * 64,)),
            make_image("nginx:1.27", digests=("nginx@sha256:" + "2" * 64,), command=("nginx",)),
        )
        self.folder = folder
        self.files = folder / "files"
        self.files.mkdir(exist_ok=True)
        self.workspace = folder / "workspace" / "images"
        self.store = Store.open(folder / "progress.sqlite3")
        self.attempt = self.begin("images")
        self.engine.calls.clear()

    def begin(self, lesson: str) -> Attempt:
        """Begin an attempt at a lesson as the session does."""
        images = self.engine.image_ids()
        return self.store.begin_attempt("docker", lesson, self.engine.identity.id, {}, self.engine.clock, images=images)

    def happen(self, kind: str, action: str, identifier: str, name: str = "", **attributes: str) -> None:
        """Put an event into the engine's memory, at its time now."""
        moment = self.engine.clock - datetime.fromtimestamp(0, UTC)
        at = (moment.days * 86_400 + moment.seconds) * 1_000_000_000
        self.engine.happened.append(EventSnapshot(at, kind, action, identifier, name, attributes=attributes))

    def context(self, **changes: Any) -> bring.Context:
        plain = bring.Context(
            engine=self.engine,
            store=self.store,
            attempt=self.attempt,
            images=IMAGES,
            files=self.files,
            workspace=self.workspace,
            variables={"port": "8080"},
            clock=Ticking(),
            sleep=lambda _: None,
        )
        return msgspec.structs.replace(plain, **changes)

    def bring(self, *items: Setup, **changes: Any) -> bring.SetupReport:
        return bring.bring(items, self.context(**changes))

    def observe(self, *containers: str, images: tuple[str, ...] = ()) -> None:
        ledger.observe(self.engine, self.store, self.attempt, declared(*containers, images=images))

    def writes(self) -> list[str]:
        """The changes since this was asked last."""
        made = [call for call in self.engine.calls if call in WRITES]
        self.engine.calls.clear()
        return made

    def known(self) -> set[str]:
        """Ids of what the ledger knows."""
        return {entry.object_id for entry in self.store.entries() if entry.object_id}

    def reopen(self) -> None:
        """A new process."""
        self.store.close()
        self.store = Store.open(self.folder / "progress.sqlite3")


class Ticking:
    """A clock that goes on by a second whenever it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def declared(*containers: str, images: tuple[str, ...] = ()) -> Declared:
    from dockerlearn.engine import references

    return Declared(frozenset(containers), frozenset(references.normalise(image) for image in images))


def container(name: str = "dl-web", image: str = "busybox", **fields: Any) -> SetupContainer:
    return SetupContainer(container=name, image=image, **fields)


def no_container(name: str = "dl-web") -> SetupContainer:
    return SetupContainer(container=name, absent=True)


def image(name: str, **fields: Any) -> SetupImage:
    return SetupImage(image=name, **fields)


def file(name: str, content: str | None = None, **fields: Any) -> SetupFile:
    return SetupFile(file=name, content=content, absent=content is None, **fields)


def picture(engine: EngineApi, containers: tuple[str, ...], images: tuple[str, ...]) -> list[object]:
    """All that can be seen of some things, to compare before and after."""
    return [*(engine.container(name) for name in containers), *(engine.image(name) for name in images)]
