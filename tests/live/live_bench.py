"""A lesson's attempt on a real engine, for tests of set-up, ledger and clean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from dockerlearn.engine.client import DockerEngine, connect
from dockerlearn.engine.endpoint import Endpoint
from dockerlearn.progress.store import Attempt, Store
from dockerlearn.setup import bring, clean
from dockerlearn.setup.spec import Setup

BUSYBOX = "busybox:1.36"


class LiveBench:
    """A lesson's attempt on a real engine; used as a context manager, it takes away what it made."""

    def __init__(self, socket: str, folder: Path) -> None:
        self.folder = folder
        self.engine: DockerEngine = connect(Endpoint(f"unix://{socket}", "the tests"))
        self.store = Store.open(folder / "progress.sqlite3")
        self.attempt: Attempt = self.store.attempt("docker", "setup") or self.store.begin_attempt(
            "docker", "setup", self.engine.identity.id, {}, self.engine.precise_now(), images=self.engine.image_ids()
        )
        self.files = folder / "files"
        self.files.mkdir(exist_ok=True)

    def begin_anew(self) -> None:
        """What is there now was there before the attempt."""
        self.store.end_attempt(self.attempt.id)
        self.attempt = self.store.begin_attempt(
            "docker", "setup", self.engine.identity.id, {}, self.engine.precise_now(), images=self.engine.image_ids()
        )

    def context(self, **changes: Any) -> bring.Context:
        plain = bring.Context(
            engine=self.engine,
            store=self.store,
            attempt=self.attempt,
            images={"busybox": BUSYBOX},
            files=self.files,
            workspace=self.folder / "workspace",
        )
        return msgspec.structs.replace(plain, **changes)

    def bring(self, *items: Setup) -> list[tuple[str, str]]:
        return [(action.subject, action.did) for action in bring.bring(items, self.context()).actions]

    def clean(self) -> list[tuple[str, str]]:
        report = clean.carry_out(clean.plan(self.engine, self.store), self.engine, self.store)
        return [(done.item.name, done.did) for done in report.done]

    def known(self) -> set[str]:
        return {entry.object_id for entry in self.store.entries() if entry.object_id}

    def close(self) -> None:
        self.store.close()
        self.engine.close()
