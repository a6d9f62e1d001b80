"""Gathers the facts: everything that is looked at is looked at here, once.

What an engine, a registry or a folder answers is passed in or asked through what is passed in; nothing is changed but
that the progress file is made where there is none, and that what the learner made since is entered, as by ``clean``.
"""

from __future__ import annotations

import os
import platform
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

import dockerlearn
from dockerlearn.course.library import Library
from dockerlearn.course.names import declared
from dockerlearn.course.packs import LoadedPack
from dockerlearn.doctor.facts import (
    EngineFacts,
    Facts,
    Failure,
    Image,
    Place,
    Room,
    TakenName,
    TakenPort,
    Terminal,
)
from dockerlearn.doctor.place import ODD
from dockerlearn.engine import docker_program, endpoint, registry
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.endpoint import Endpoint, is_loopback
from dockerlearn.engine.registry import RegistrySaid
from dockerlearn.engine.system import System
from dockerlearn.errors import DockerlearnError, LessonError
from dockerlearn.paths import Paths
from dockerlearn.progress.store import Attempt, Store
from dockerlearn.session import observing
from dockerlearn.setup import ledger
from dockerlearn.world import host


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where facts come from. What is called may raise our errors; each then becomes a fact of its own.

    ``unmade`` tells which of some images the engine in use will make by itself. ``ask`` asks a registry for an image.
    """

    environ: Mapping[str, str]
    home: Path
    paths: Paths
    terminal: Terminal
    endpoint: Callable[[], Endpoint]
    connect: Callable[[], EngineApi]
    pack: Callable[[], LoadedPack]
    store: Callable[[], Store]
    practice: Callable[[], str | None]
    unmade: Callable[[tuple[str, ...]], tuple[str, ...]]
    system: System
    ask: Callable[[str, str], RegistrySaid] = registry.ask
    port_is_free: Callable[[int], bool] | None = None


def gather(sources: Sources) -> Facts:
    """Look at everything; seconds where a registry or an engine is silent, else a few tenths of one."""
    pack, course = _try(sources.pack)
    store, progress = _try(sources.store)
    engine, failure = _try(sources.connect)
    found, lost = _try(lambda: _engine(sources, engine)) if engine is not None else (None, None)
    facts = Facts(
        version=dockerlearn.__version__,
        python=platform.python_version(),
        system=sources.system,
        client=docker_program.look(sources.environ),
        context=_try(lambda: endpoint.context(sources.environ, sources.home))[0],
        host=sources.environ.get("DOCKER_HOST", ""),
        engine=found,
        failure=failure or lost,
        places=tuple(_places(sources.paths)),
        rooms=tuple(_rooms(sources.paths, found)),
        terminal=sources.terminal,
        variables={name: sources.environ[name] for name in ODD if sources.environ.get(name)},
        sudo_user=sources.environ.get("SUDO_USER", ""),
        home=str(sources.home),
        progress=progress,
        course=course,
    )
    if engine is None or found is None or pack is None:
        return facts
    seen, lost = _try(lambda: _seen(sources, facts, engine, found, pack=pack, store=store))
    if seen is None:
        return msgspec.structs.replace(facts, engine=None, failure=lost)
    return seen


T = TypeVar("T")


def _try(look: Callable[[], T]) -> tuple[T | None, Failure | None]:
    try:
        return look(), None
    except DockerlearnError as error:
        problems = error.problems if isinstance(error, LessonError) else ()
        message = "\n".join((error.message, *problems))
        return None, Failure(type(error).__name__, message, error.remedy)


def _engine(sources: Sources, engine: EngineApi) -> EngineFacts:
    identity, where = engine.identity, sources.endpoint()
    before = datetime.now(UTC)
    theirs = engine.precise_now()
    after = datetime.now(UTC)
    says = engine.condition()
    local = identity.address.startswith("unix://")
    return EngineFacts(
        address=identity.address,
        source=identity.source,
        version=identity.version,
        api=identity.api_version,
        export=identity.export,
        practice=identity.address == sources.practice(),
        remote=where.is_remote,
        # Another kernel is a virtual machine's; a folder that is not here is in one that shares the kernel (WSL2).
        here=local and identity.kernel == platform.release() and not says.in_desktop and os.path.lexists(says.root),
        clock=_ahead(theirs, before, after),
        says=says,
    )


def _ahead(theirs: datetime, before: datetime, after: datetime) -> float:
    """How many seconds an engine's clock is ahead, 0 when what it said lies between asking and hearing."""
    if theirs > after:
        return (theirs - after).total_seconds()
    # Some say only the second.
    return min((theirs - before).total_seconds() + (0 if theirs.microsecond else 1), 0.0)


def _seen(
    sources: Sources, facts: Facts, engine: EngineApi, found: EngineFacts, *, pack: LoadedPack, store: Store | None
) -> Facts:
    attempts: dict[str, Attempt] = {}
    if store is not None:
        attempts = {one.lesson: one for one in store.attempts(engine.identity.id) if one.pack == pack.id}
        observing.observe_all(engine, store, Library(pack))
    references = tuple(pack.references.values())
    missing = tuple(reference for reference in references if engine.image(reference) is None)
    unmade = sources.unmade(missing) if found.practice else ()
    users = {slug: pack.images_of(slug) for slug in pack.lessons}
    said = _registry(sources, found, references)
    return msgspec.structs.replace(
        facts,
        images=tuple(
            Image(
                reference,
                reference not in missing,
                reference in unmade,
                tuple(slug for slug, used in users.items() if reference in used),
            )
            for reference in references
        ),
        names=_names(engine, store, pack, attempts) if store is not None else (),
        ports=tuple(_ports(sources, engine, store, pack, attempts)),
        registry=said,
        engine_pulls=engine.can_pull(references[0]) if said is not None and not said.ok and missing else None,
    )


def _registry(sources: Sources, found: EngineFacts, references: tuple[str, ...]) -> RegistrySaid | None:
    """Ask whom the engine would ask: its mirrors first. None where it names nobody, or only its own machine knows."""
    if not references:
        return None
    said: RegistrySaid | None = None
    mirrors = () if found.remote else found.says.mirrors
    if found.says.rootless and any(is_loopback(urlsplit(mirror).hostname or "") for mirror in mirrors):
        return None  # the loopback of its own network, which cannot be asked from here
    for base in filter(None, (*mirrors, registry.base_of(found.says.index))):
        said = sources.ask(base, references[0])
        if said.ok:
            break
    return said


def _names(engine: EngineApi, store: Store, pack: LoadedPack, attempts: Mapping[str, Attempt]) -> tuple[TakenName, ...]:
    found: dict[tuple[str, str], TakenName] = {}
    for slug in pack.lessons:
        attempt = attempts.get(slug)
        try:
            names = declared(pack.lesson(slug, attempt.variables if attempt else None))
        except LessonError:
            continue  # told by whoever wants to take it
        for taken in ledger.taken(engine, store, names):
            there = found.get((taken.kind, taken.name))
            lessons = (*there.lessons, slug) if there else (slug,)
            found[taken.kind, taken.name] = TakenName(taken.kind, taken.name, taken.remedy, lessons)
    return tuple(found.values())


def _ports(
    sources: Sources, engine: EngineApi, store: Store | None, pack: LoadedPack, attempts: Mapping[str, Attempt]
) -> Iterator[TakenPort]:
    remote = not is_loopback(engine.identity.host)
    is_free = sources.port_is_free or host.free_ports(engine)
    for slug in pack.lessons:
        attempt = attempts.get(slug)
        for name, variable in pack.variables(slug).items():
            if variable.free_port is None:
                continue
            fixed = attempt is not None and attempt.variables.get(name, "").isdigit()
            port = int(attempt.variables[name]) if attempt is not None and fixed else variable.free_port
            if is_free(port):
                continue
            row = next((row for row in engine.containers() if f"{port}/tcp" in row.host_ports), None)
            if row is not None and store is not None and row.id in ledger.Owned(store, engine.identity.id).containers:
                continue
            program = host.program_at(port) if row is None and not remote else None
            holder = f"the container {row.name}" if row else f"{program.name}, process {program.pid}" if program else ""
            yield TakenPort(port, slug, holder, fixed)


def _places(paths: Paths) -> Iterator[Place]:
    for what, path in (("workspace", paths.workspace), ("progress", paths.home)):
        parent, problem, owner = _nearest(path), "", ""
        try:
            there = parent.stat()
            if not stat.S_ISDIR(there.st_mode):
                problem = f"{parent} is not a folder"
            elif not os.access(parent, os.W_OK | os.X_OK):
                problem = f"you may not write to {parent}"
                owner = "" if there.st_uid == _user() else str(there.st_uid)
        except OSError as error:
            problem = error.strerror or str(error)
        if hasattr(os, "statvfs") and not problem and os.statvfs(parent).f_flag & os.ST_RDONLY:
            problem = "its disk is read-only"
        yield Place(what, str(path), problem, owner, str(parent))


def _rooms(paths: Paths, engine: EngineFacts | None) -> Iterator[Room]:
    looked = [("workspace", paths.workspace), ("progress", paths.home)]
    if not hasattr(os, "statvfs"):
        return
    if engine is not None and engine.here:
        looked.insert(0, ("engine", Path(engine.says.root)))
    for what, path in looked:
        parent = _nearest(path)
        try:
            disk, device = os.statvfs(parent), parent.stat().st_dev
        except OSError:
            continue  # told by ``_places``, or the engine's and closed to us
        files = disk.f_favail if disk.f_files else None
        yield Room(what, str(path), disk.f_bavail * disk.f_frsize, files, device)


def _nearest(path: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    for one in (path, *path.parents):
        if os.path.lexists(one):
            return one
    return Path(path.anchor)


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0


def look_at_terminal(environ: Mapping[str, str], *, is_terminal: bool, encoding: str, columns: int | None) -> Terminal:
    """Return what a terminal is, by its stream and the environment."""
    shell = environ.get("SHELL", "")
    return Terminal(
        term=environ.get("TERM", ""),
        is_terminal=is_terminal,
        encoding=encoding,
        columns=columns,
        shell=shell,
        shell_there=bool(shell) and shutil.which(shell, path=environ.get("PATH")) is not None,
    )
