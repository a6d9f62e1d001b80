"""Puts the parts together when a command needs them: the course, the store, the engine, a session.

Everything is made on first use, so that ``hint`` reads neither docker nor the network.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dockerlearn.errors import Declined, DockerlearnError
from dockerlearn.paths import Paths
from dockerlearn.text import one_line
from dockerlearn.ui.view import View

if TYPE_CHECKING:
    from dockerlearn.checks.run import Time
    from dockerlearn.course.library import Library
    from dockerlearn.course.packs import LoadedPack
    from dockerlearn.engine.api import EngineApi
    from dockerlearn.engine.endpoint import Endpoint
    from dockerlearn.progress.store import Store
    from dockerlearn.session.session import Session
    from dockerlearn.ui.tutor.worker import Connected, Worker

PACK = "DOCKERLEARN_PACK"
"""Names the folder of another pack than the course's own, for who writes one."""


class Wiring:
    """The parts of one command. ``engine`` and ``sleep`` are passed in by tests; ``yes`` answers all."""

    def __init__(
        self,
        view: View | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        engine: Callable[[], EngineApi] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.view = view or View.of_process(environ)
        self.environ = environ
        self.yes = False
        self.sleep = sleep
        self._given_engine = engine
        self._store: Store | None = None
        self._engine: EngineApi | None = None

    def use(self, *, json: bool = False, plain: bool = False, yes: bool = False) -> Wiring:
        """Take over what the options say; what one option of a command switched on, none switches off."""
        self.yes = self.yes or yes
        if plain:
            self.view.go_plain()
        if json:
            self.view.go_json()
        return self

    @cached_property
    def is_accompanied(self) -> bool:
        """Whether a tutor rides along in the shell that this runs in: it shows steps, and Enter goes on."""
        from dockerlearn.shell.known import riding

        return riding(self.environ)

    @cached_property
    def home(self) -> Path:
        """The learner's home folder."""
        try:
            return Path.home()
        except RuntimeError:
            raise DockerlearnError("Your home folder is not known.", "export HOME=FOLDER") from None

    @cached_property
    def paths(self) -> Paths:
        """Where files live."""
        if not (self.environ.get("DOCKERLEARN_HOME") and self.environ.get("DOCKERLEARN_WORKSPACE")):
            _ = self.home
        return Paths.from_environment(self.environ)

    @cached_property
    def pack(self) -> LoadedPack:
        """The course."""
        from dockerlearn.course.packs import open_pack

        folder = self.environ.get(PACK)
        return open_pack(Path(folder) if folder else None, self.paths.cache)

    @cached_property
    def library(self) -> Library:
        """The course, and the packs that were added."""
        from dockerlearn.course.library import Library

        return Library(self.pack, self.paths.packs, self.paths.cache)

    @property
    def store(self) -> Store:
        """The progress file."""
        if self._store is None:
            from dockerlearn.progress.store import Store

            self._store = Store.open(self.paths.progress)
        return self._store

    @cached_property
    def session(self) -> Session:
        """The learner's way through the course."""
        return self._make_session(waiting=self.view.waiting, notice=self.view.note)

    def _make_session(
        self, *, waiting: Callable[[str], None], notice: Callable[[str], None], passing: Time | None = None
    ) -> Session:
        from dockerlearn.session.session import Session

        return Session(
            self.pack, self.store, self.paths, self.engine,
            waiting=waiting, notice=notice, passing=passing,
            provide=self._provide, library=self.library, environ=self.environ,
        )  # fmt: skip

    def _provide(self, lesson: str) -> None:
        """Make the stand-ins of a lesson that is named as from anywhere."""
        pack, name = self.library.find(f"{lesson}/", None)
        self.make_stand_ins(pack, name.lesson)

    @contextmanager
    def open_session(self, worker: Worker) -> Iterator[Connected]:
        """Open a session for another thread, which has a store and an engine of its own."""
        from dockerlearn.checks.run import Time
        from dockerlearn.ui.tutor.worker import Connected

        other = Wiring(View(None, None), environ=self.environ, engine=self._given_engine)
        try:
            session = other._make_session(
                waiting=worker.waiting, notice=worker.notice, passing=Time(sleep=worker.sleep)
            )
            yield Connected(session, other.forget_engine)
        finally:
            other.close()

    def endpoint(self) -> Endpoint:
        """Find where the engine is, without connecting."""
        from dockerlearn.engine.endpoint import find

        user = os.getuid() if hasattr(os, "getuid") else None
        return find(self.environ, self.home, self.practice_address(), platform=sys.platform, user=user)

    def practice_address(self) -> str | None:
        """Return the practice engine's address when it was brought up; docker is not imported for it."""
        if not self.paths.practice.is_dir():
            return None
        from dockerlearn.engine.practice import address

        return address(self.paths.practice)

    def engine(self) -> EngineApi:
        """Connect to the engine, once. A remote one is used only after the learner agreed to it."""
        if self._engine is None:
            self._engine = self._given_engine() if self._given_engine else self._connect()
        return self._engine

    def forget_engine(self) -> None:
        """Look for the engine anew at the next use, as after the practice engine was started."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def make_stand_ins(self, pack: LoadedPack, lesson: str) -> None:
        """Make what a lesson uses and the practice engine could not pull; on another engine there is nothing to do."""
        address = self.practice_address()
        if address is None or self.engine().identity.address != address:
            return
        from dockerlearn.engine.practice import Practice

        practice = Practice(self.paths.practice, environ=self.environ)
        for reference in practice.unmade(pack.images_of(lesson)):
            with self.view.activity(f"Making a stand-in of {reference} (up to a minute, once)") as told:
                practice.make(reference, progress=told)

    def docker_host(self) -> str | None:
        """Return what ``DOCKER_HOST`` must be set to, if the docker client would not find the engine by itself."""
        if self._engine is not None:
            identity = self._engine.identity
            return identity.address if identity.export else None
        if self._given_engine:
            return None
        found = self.endpoint()
        return found.address if found.export else None

    def close(self) -> None:
        """Let go of everything."""
        self.forget_engine()
        if self._store is not None:
            self._store.close()
            self._store = None

    def agree(self, question: str, *, otherwise: str) -> None:
        """Ask, and go on only with a yes. ``otherwise`` is the command that says yes in advance.

        Raises ``Declined``.
        """
        if self.yes:
            return
        if not self.view.interactive:
            raise Declined("This needs your agreement, and there is nobody to ask.", otherwise)
        if not self.view.ask(question):
            raise Declined("Nothing was changed.")

    def _connect(self) -> EngineApi:
        endpoint = self.endpoint()
        agreed = None
        if endpoint.is_remote:
            from dockerlearn.cli.consent import Consents

            agreed = Consents(self.paths.home)
            if not agreed.knows_address(endpoint.address):
                self._agree_to(endpoint, "on another machine")
        from dockerlearn.engine.client import connect

        engine = connect(endpoint)
        if agreed is not None:
            try:
                if agreed.knows_address(endpoint.address) and not agreed.knows(endpoint.address, engine.identity.id):
                    self._agree_to(endpoint, "another one than the one you agreed to at this address")
                agreed.add(endpoint.address, engine.identity.id)
            except BaseException:
                engine.close()
                raise
        return engine

    def _agree_to(self, endpoint: Endpoint, what: str) -> None:
        self.view.note(
            f"The engine at {one_line(endpoint.address)} ({endpoint.source}) is {what}. "
            "The course makes and removes its own containers and images there."
        )
        self.agree("Use it?", otherwise="dockerlearn start --yes    # agrees to this engine, once")


def this_command(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return how to call this program in a shell, when ``dockerlearn`` on PATH is another one or none."""
    import shlex
    import shutil

    found = shutil.which("dockerlearn", path=environ.get("PATH"))
    # Not resolved: the python of a virtual environment is a link to one that knows no dockerlearn.
    if found and Path(found).absolute().parent == Path(sys.executable).absolute().parent:
        return None
    if found and Path(sys.argv[0]).absolute() == Path(found).absolute():
        return None
    return f"{shlex.quote(sys.executable)} -m dockerlearn"
