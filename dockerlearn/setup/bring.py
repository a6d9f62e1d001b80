"""Brings the world to the state that a step begins with, and takes the lesson's things away again.

Coming from the step before there is nothing to do, and nothing is written. Only what is not as stated is changed, and
only what the ledger knows as the course's is ever stopped, removed or renamed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, ParamSpec

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.api import ContainerSpec, EngineApi, PullNews
from dockerlearn.engine.snapshots import ContainerSnapshot, ImageSnapshot
from dockerlearn.errors import EngineRejected, SetupFailed
from dockerlearn.progress.store import Attempt, Store
from dockerlearn.setup import clean, ledger
from dockerlearn.setup.ledger import NONCE_LABEL, Owned
from dockerlearn.setup.shared import Shared
from dockerlearn.setup.spec import (
    Declared,
    Setup,
    SetupContainer,
    SetupFile,
    SetupImage,
    SetupMount,
    SetupNetwork,
    SetupVolume,
)
from dockerlearn.setup.workspace import LessonFolder, Source, archive_of, digest, gather, write_context
from dockerlearn.text import one_line
from dockerlearn.world.world import Scope, World

SOURCE_LABEL = "dockerlearn.source"
"""Carried by an image that the set-up built: the digest of the files it was built from."""

ENDS_WITHIN = 1.5
"""Seconds that the command of a container with ``running: false`` has to end by itself, before it is stopped."""

P = ParamSpec("P")

PREFIX = "dl-"
"""What every name that a lesson may make begins with."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a set-up works on.

    ``images`` maps the pack's short names to references, ``files`` is the lesson's own ``files/`` folder, ``workspace``
    the learner's folder for this lesson. ``progress`` gets lines while an image is pulled or built. With
    ``keep_files``, files that are there already stay as they are: half-done work of a step that is resumed.
    """

    engine: EngineApi
    store: Store
    attempt: Attempt
    images: Mapping[str, str]
    files: Path
    workspace: Path
    variables: Mapping[str, str] = {}
    progress: Callable[[str], None] | None = None
    keep_files: bool = False
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Action(msgspec.Struct, frozen=True):
    """One thing that was done: ``container dl-web`` was ``made``; ``note`` says more where there is more."""

    subject: str
    did: Literal["made", "started", "stopped", "paused", "unpaused", "removed", "pulled", "tagged", "untagged", "built",
                 "written"]  # fmt: skip
    note: str = ""


class SetupReport(msgspec.Struct, frozen=True):
    """Everything that was done, in order; empty when the world was as stated."""

    actions: tuple[Action, ...] = ()

    @property
    def kept(self) -> tuple[str, ...]:
        """Where the learner's own versions of files that were replaced are now."""
        return tuple(action.note for action in self.actions if action.subject.startswith("file ") and action.note)


def bring(items: Sequence[Setup], context: Context) -> SetupReport:
    """Bring the world to the stated state and report what was done.

    Raises ``SetupFailed`` with what could not be done and why, ``NameTaken`` when a name belongs to somebody else,
    ``WorkspaceError``, and ``EngineError`` when the engine cannot be reached.
    """
    _Bringing.check_names(items, context)
    ledger.observe(context.engine, context.store, context.attempt, _own_names(items, context))
    work = _Bringing(context)
    for item in items:
        if isinstance(item, SetupContainer):
            work.container(item)
        elif isinstance(item, SetupImage):
            work.image(item)
        elif isinstance(item, SetupNetwork):
            work.shared.network(item)
        elif isinstance(item, SetupVolume):
            work.shared.volume(item)
        else:
            work.file(item)
    return SetupReport(tuple(work.actions))


def place_files(names: Sequence[str], context: Context) -> SetupReport:
    """Put starter files of the lesson into the learner's folder; a folder's name brings all that is in it.

    Also makes the folder and its marker, when ``names`` is empty too.
    """
    folder = LessonFolder(context.workspace, context.attempt.pack, context.attempt.lesson)
    actions: list[Action] = []
    for path, source in gather(context.files, names, _values(context)).items() if names else ():
        placed = folder.write(path, source.content, executable=source.executable, keep=context.keep_files)
        if placed is not None:
            actions.append(Action(f"file {path}", placed.did, placed.kept or ""))
    return SetupReport(tuple(actions))


def take_away(context: Context, stated: Sequence[Setup] = ()) -> SetupReport:
    """Remove everything on the engine that the lesson made, in this attempt or in one before.

    An image that is ``stated`` and is still the one that was built for it, of the same files, stays: it would be built
    alike, which with containerd's store takes seconds for each layer.

    Call ``ledger.observe`` with the lesson's names first. Raises ``SetupFailed`` when something foreign depends on it.
    """
    ledger.same_engine(context.engine, context.attempt)
    of_lesson = context.store.attempts_of(context.attempt.pack, context.attempt.lesson)
    plan = clean.plan(context.engine, context.store, attempts=frozenset(of_lesson))
    kept = _Bringing(context).as_built(stated)
    items = [item for item in plan.items if (item.object_id, item.entered_as) not in kept]
    if any(item.has_lost_its_name for item in items):
        # What a build of the learner's made of the old builder's cache may be what one that stays is built on. Its name
        # goes; the image cannot.
        beneath = _ancestors(context.engine, [image_id for image_id, _ in kept])
        items = [item for item in items if not (item.has_lost_its_name and item.object_id in beneath)]
    plan = msgspec.structs.replace(plan, items=tuple(items))
    if blocked := [item for item in plan.items if item.action == "leave"]:
        raise SetupFailed(
            "The step cannot be started afresh: "
            + "; ".join(f"{item.kind} {one_line(item.name)}: {item.reason}" for item in blocked)
            + ".",
            " && ".join(item.remedy for item in blocked if item.remedy) or None,
        )
    report = clean.carry_out(plan, context.engine, context.store)
    if report.lost is not None:
        raise report.lost
    if failed := [done for done in report.done if done.did == "left"]:
        raise SetupFailed(
            "Not everything could be taken away: "
            + "; ".join(f"{done.item.kind} {one_line(done.item.name)}: {done.reason}" for done in failed)
            + "."
        )
    return SetupReport(
        tuple(
            Action(f"{done.item.kind} {done.item.name}", "untagged" if done.did == "untagged" else "removed")
            for done in report.done
        )
    )


def _ancestors(engine: EngineApi, images: Sequence[str]) -> frozenset[str]:
    """The ids of the images on which these were built."""
    found: set[str] = set()
    open_ones = list(images)
    while open_ones:
        there = engine.image(open_ones.pop())
        if there is not None and there.parent and there.parent not in found:
            found.add(there.parent)
            open_ones.append(there.parent)
    return frozenset(found)


def baseline(engine: EngineApi, declared: Declared) -> dict[str, str]:
    """Return ``container NAME`` and ``image REFERENCE`` to id for what is declared and there now."""
    containers = {f"container {name}": ledger.look(engine, name) for name in sorted(declared.containers)}
    images = {f"image {name}": engine.image(name) for name in sorted(declared.images)}
    return {name: there.id for name, there in {**containers, **images}.items() if there is not None}


class _Bringing:
    """One run of ``bring``."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.engine = context.engine
        self.store = context.store
        self.engine_id = context.attempt.engine_id
        self.actions: list[Action] = []
        self._folder: LessonFolder | None = None
        self.shared = Shared(context.engine, context.store, context.attempt, self._any_image, self._did_shared)

    @staticmethod
    def check_names(items: Sequence[Setup], context: Context) -> None:
        """Refuse names that a lesson may not make, before anything is done."""
        for item in items:
            if isinstance(item, SetupContainer) and not item.name.startswith(PREFIX):
                raise SetupFailed(
                    f"The lesson's set-up names a container {item.name}, and may only use {PREFIX}… names."
                )
            for kind, name in item.mentions():
                if kind in {"network", "volume"} and not name.startswith(PREFIX):
                    raise SetupFailed(f"The lesson's set-up names a {kind} {name}, and may only use {PREFIX}… names.")
            if isinstance(item, SetupImage):
                of_pack = item.image in context.images
                if of_pack and (item.absent or item.tag_of or item.build):
                    raise SetupFailed(f"The lesson's set-up wants to change {item.image}, which is the pack's.")
                own = references.repository(item.image).rpartition("/")[2].startswith(PREFIX)
                if not of_pack and not own:
                    raise SetupFailed(
                        f"The lesson's set-up names an image {item.image}, which is neither the pack's nor {PREFIX}…."
                    )

    # Containers

    def container(self, item: SetupContainer) -> None:
        there = ledger.look(self.engine, item.container)
        if there is not None and not Owned(self.store, self.engine_id).has_container(there):
            taken = ledger.taken(self.engine, self.store, Declared(containers=frozenset({item.container})))
            if taken:
                raise ledger.name_taken(taken)
        if item.absent:
            if there is not None:
                self._remove(there)
            return
        if there is not None and (item.fresh or not self._is_made_as(item, there) or not self._settle(item, there)):
            self._remove(there)
            there = None
        if there is None:
            self._make(item)

    def _is_made_as(self, item: SetupContainer, there: ContainerSnapshot) -> bool:
        """Whether a container has all that is stated; what is not stated may be anything.

        The command of one that the learner made is not compared: it passed the steps before this one, where any command
        that reaches the goal is right. Where the command itself matters, the item says ``fresh``.
        """
        mine = NONCE_LABEL not in there.labels
        world = World(self.engine, self.context.workspace, Scope(images=self.context.images))
        stated = (
            mine or item.command is None or tuple(item.command) in (there.command, there.argv),
            mine or item.entrypoint is None or tuple(item.entrypoint) == there.entrypoint,
            all(there.env.get(name) == value for name, value in item.env.items()),
            item.user is None or item.user == there.user,
            item.workdir is None or item.workdir == there.workdir,
            all(
                any(binding.host_port == number for binding in there.asked.get(_port(port), ()))
                for port, number in item.publish.items()
            ),
            all(
                (seen := world.names_on(there, network)) is not None and seen >= set(names)
                for network, names in item.stated_networks.items()
            ),
            all(self._is_mounted(there, path, how) for path, how in item.stated_mounts.items()),
        )
        if not all(stated) or item.image is None:
            return False
        if item.image in self.context.images:
            same = world.same_image(there, item.image)
        else:
            # The course's own image has no publisher whose work it could be: what it is now is what is meant.
            own = self.engine.image(references.normalise(item.image))
            same = own is not None and own.id == there.image_id
        if not same:
            return False
        for path, content in item.files.items():
            found = self.engine.path(there.id, path)
            # A shell's echo ends with a new line that the lesson's text may lack; it means the same file.
            if found is None or found.content is None or found.content.strip() != content.encode().strip():
                return False
        return True

    def _is_mounted(self, there: ContainerSnapshot, path: str, how: SetupMount) -> bool:
        mount = next((mount for mount in there.mounts if mount.target.rstrip("/") == path), None)
        if mount is None or mount.read_only != how.read_only:
            return False
        if how.volume is not None:
            return mount.kind == "volume" and mount.name == how.volume
        world = World(self.engine, self.context.workspace, Scope(images=self.context.images))
        return mount.kind == "bind" and world.is_folder(mount.source, str(how.source))

    def _settle(self, item: SetupContainer, there: ContainerSnapshot) -> bool:
        """Bring a container that is made as stated to the stated status; False when only making it anew can."""
        wanted = item.status or ("running" if item.running else "exited")
        if wanted == "created":
            return there.never_started and there.status == "created"
        if there.status in {"removing", "dead", "restarting"}:
            return False
        if wanted == "exited":
            if there.status == "exited":
                return True
            if there.status == "created":
                self._start(there.id, item)
            self._end(there.id, item)
            return True
        if there.status == "paused" and wanted == "running":
            self._do(f"unpause {item.container}", self.engine.unpause_container, there.id)
            self._did(item, "unpaused")
            return True
        if not there.is_up and there.status != "paused":
            self._start(there.id, item)
            self._did(item, "started")
        if wanted == "paused" and there.status != "paused":
            self._do(f"pause {item.container}", self.engine.pause_container, there.id)
            self._did(item, "paused")
        return True

    def _make(self, item: SetupContainer) -> None:
        name = item.container
        reference = self._present(str(item.image))
        networks = {network: self.shared.own_network(network) for network in item.stated_networks}
        first = next(iter(networks), None)
        mounts = item.stated_mounts
        volumes = {path: self.shared.own_volume(how.volume).name for path, how in mounts.items() if how.volume}
        nonce = os.urandom(16).hex()
        spec = ContainerSpec(
            name=name,
            image=reference,
            volumes=volumes,
            # Looked for last, so that little time is left in which a link could take a folder's place.
            binds={path: str(self._lesson_folder().folder(how.source)) for path, how in mounts.items() if how.source},
            read_only=frozenset(path for path, how in mounts.items() if how.read_only),
            network=first,
            aliases=item.stated_networks[first] if first is not None else (),
            command=None if item.command is None else tuple(item.command),
            entrypoint=None if item.entrypoint is None else tuple(item.entrypoint),
            env=item.env,
            user=item.user,
            workdir=item.workdir,
            labels={NONCE_LABEL: nonce},
            publish={_port(port): number for port, number in item.publish.items()},
        )
        intent = self.store.intend(self.engine_id, "container", name, self.context.attempt.id, nonce)
        try:
            made = self.engine.create_container(spec)
        except EngineRejected as error:
            # Any other error leaves it open whether it was made; the intent then finds it by its nonce.
            self.store.forget(intent)
            if error.status == 409 and (taken := self._taken(name)):
                raise ledger.name_taken(taken) from error
            raise _failed(f"make {name} from {references.short(reference)}", error) from error
        self._confirm(intent, made, name)
        for network, there in list(networks.items())[1:]:
            names = item.stated_networks[network]
            self._do(f"put {name} on {network}", self.engine.connect_network, there.id, made, names)
        for path, content in item.files.items():
            self._do(f"write {path} into {name}", self.engine.put_file, made, path, content.encode())
        self._did(item, "made")
        if item.status == "created":
            return
        self._start(made, item)
        if item.status == "paused":
            self._do(f"pause {name}", self.engine.pause_container, made)
        elif not item.running:
            self._end(made, item)

    def _confirm(self, intent: int, made: str, name: str) -> None:
        if not self.store.confirm(intent, made):
            self.store.enter(self.engine_id, "container", made, name, self.context.attempt.id)

    def _taken(self, name: str) -> tuple[ledger.Taken, ...]:
        return ledger.taken(self.engine, self.store, Declared(containers=frozenset({name})))

    def _start(self, container_id: str, item: SetupContainer) -> None:
        """Start it and see that it runs, where it is to run."""
        self._do(f"start {item.container}", self.engine.start_container, container_id)
        if not item.running:
            return
        there = self.engine.container(container_id)
        if there is None or not there.is_up:
            said = one_line(self.engine.logs(container_id, 5)) if there is not None else ""
            raise SetupFailed(
                f"{item.container} was started and ended at once"
                + (f" with exit code {there.exit_code}" if there is not None else "")
                + (f'; it said "{said}".' if said else "."),
                f"docker logs {item.container}",
            )

    def _end(self, container_id: str, item: SetupContainer) -> None:
        """Let a container end by itself, or stop it."""
        until = self.context.clock() + ENDS_WITHIN
        fresh_start = True
        while fresh_start:
            there = self.engine.container(container_id)
            if there is None:
                raise SetupFailed(f"{item.container} was to end and stay, and somebody removed it.")
            if there.status == "exited":
                return
            if there.paused:
                # An engine cannot stop what is frozen: the signal would wait with it.
                self._do(f"unpause {item.container}", self.engine.unpause_container, container_id)
            started = there.started
            age = (self.engine.now() - started).total_seconds() if started is not None else 0.0
            # What has run for long does not end just now; only a new one is waited for.
            fresh_start = age < ENDS_WITHIN and self.context.clock() < until
            if fresh_start:
                self.context.sleep(0.05)
        self._do(f"stop {item.container}", self.engine.stop_container, container_id)
        self._did(item, "stopped")

    def _remove(self, there: ContainerSnapshot) -> None:
        """Remove a container of the course's, by its id; the ledger was asked before."""
        if users := clean.dependents(self.engine, self.store, (there,)):
            names = sorted(one_line(user.name) for user in users[there.id])
            raise SetupFailed(
                f"{there.name} must be made anew, and what is not the lesson's depends on it: {', '.join(names)}.",
                f"docker rm -f {' '.join(names)}    # only if you no longer need it",
            )
        self._do(f"remove {there.name}", self.engine.remove_container, there.id)
        entry = Owned(self.store, self.engine_id).containers.get(there.id)
        if entry is not None:
            self.store.forget(entry.id)
        self.actions.append(Action(f"container {there.name}", "removed"))

    # Images

    def image(self, item: SetupImage) -> None:
        if item.image in self.context.images:
            self._present(item.image)
            return
        reference = references.normalise(item.image)
        there = self.engine.image(reference)
        if there is not None and not Owned(self.store, self.engine_id).has_tag(there, reference):
            taken = ledger.taken(self.engine, self.store, Declared(images=frozenset({reference})))
            if taken:
                raise ledger.name_taken(taken)
        if item.absent:
            if there is not None:
                self._untag(reference)
        elif item.tag_of is not None:
            self._tag(reference, there, item.tag_of)
        elif item.build is not None:
            self._build(reference, there, item.build)
        elif there is None:
            raise SetupFailed(f"{item.image} should be there when the step begins, and the set-up does not say whence.")

    def _present(self, name: str) -> str:
        """Make sure of an image, pulled when it is the pack's and not there, and return its reference."""
        reference = self.context.images.get(name, name)
        image = self.engine.image(reference)
        if name not in self.context.images:
            if image is None:
                raise SetupFailed(f"The image {references.short(reference)} is not on the engine.")
            return reference
        if image is None:
            self._do(f"pull {reference}", self.engine.pull, reference, self._told)
            self.actions.append(Action(f"image {reference}", "pulled"))
            image = self.engine.image(reference)
            if image is None:
                raise SetupFailed(
                    f"{reference} was pulled, and the engine does not have it.", f"docker pull {reference}"
                )
        world = World(self.engine, self.context.workspace, Scope(images=self.context.images))
        if not world.genuine(image, reference):
            raise SetupFailed(
                f"{reference} is another image here ({references.short_id(image.id)}) than the published one. "
                "It is left alone.",
                ledger.free_tag(reference),
            )
        self.store.trust_image(self.context.attempt.id, reference, image.id)
        return reference

    def _untag(self, reference: str) -> None:
        plan = clean.plan(self.engine, self.store, only=reference)
        report = clean.carry_out(plan, self.engine, self.store)
        if report.lost is not None:
            raise report.lost
        for done in report.done:
            if done.did == "left" and self.engine.image(reference) is not None:
                raise SetupFailed(
                    f"{references.short(reference)} should be absent, and stays: {done.reason}.", done.item.remedy
                )
        self.actions.append(Action(f"image {references.short(reference)}", "untagged"))

    def _tag(self, reference: str, there: ImageSnapshot | None, of: str) -> None:
        source = self.engine.image(self._present(of))
        if source is None:
            raise SetupFailed(f"{of} is not on the engine.")
        if there is not None and there.id == source.id:
            return
        if there is not None:
            self._untag(reference)
        made = source.id in Owned(self.store, self.engine_id).made_images
        # Known before it is so, and once more after it: another terminal forgets names that are not there.
        attempt, short = self.context.attempt.id, references.short(reference)
        self.store.enter(self.engine_id, "image", source.id, reference, attempt, made=made)
        self._do(f"tag {of} as {short}", self.engine.tag, source.id, short)
        self.store.enter(self.engine_id, "image", source.id, reference, attempt, made=made)
        self.actions.append(Action(f"image {references.short(reference)}", "tagged"))

    def as_built(self, items: Sequence[Setup]) -> frozenset[tuple[str, str]]:
        """The images, by id and name, that are there as a set-up has built them, of the files of today."""
        owned = Owned(self.store, self.engine_id)
        found = set()
        for item in items:
            if not isinstance(item, SetupImage) or item.build is None:
                continue
            reference = references.normalise(item.image)
            there = self.engine.image(reference)
            entry = owned.images.get((there.id, reference)) if there is not None else None
            if there is None or entry is None or entry.nonce is None:
                continue
            made_of = digest(self._sources(item.build))
            if there.labels.get(NONCE_LABEL) == entry.nonce and there.labels.get(SOURCE_LABEL) == made_of:
                found.add((there.id, reference))
        return frozenset(found)

    def _sources(self, folder: str) -> Mapping[str, Source]:
        return gather(self.context.files, [folder], _values(self.context))

    def _build(self, reference: str, there: ImageSnapshot | None, folder: str) -> None:
        sources = self._sources(folder)
        made_of = digest(sources)
        # An image without the label was built by the learner, in a step before this one: what passed there is right.
        if there is not None and there.labels.get(SOURCE_LABEL, made_of) == made_of:
            return
        import tempfile

        # A build that was cut short has left layers without a name. With the same labels it goes on from them, so that
        # they go with the image when that is removed.
        open_ones = [entry for entry in Owned(self.store, self.engine_id).intents if entry.name == reference]
        nonce = open_ones[0].nonce if open_ones and open_ones[0].nonce else os.urandom(16).hex()
        intent = (
            open_ones[0].id
            if open_ones
            else self.store.intend(self.engine_id, "image", reference, self.context.attempt.id, nonce)
        )
        prefix = "" if folder in {".", "./"} else folder.rstrip("/") + "/"
        inner = {path.removeprefix(prefix): source for path, source in sources.items()}
        labels = {NONCE_LABEL: nonce, SOURCE_LABEL: made_of}
        with tempfile.TemporaryDirectory(prefix="dockerlearn-") as place:
            write_context(inner, Path(place))
            try:
                built = self.engine.build(Path(place), references.short(reference), labels)
            except EngineRejected as error:
                from dockerlearn.diagnose.advice.build_said import pip_said

                why = pip_said(error.message)
                if why is not None:
                    raise SetupFailed(f"Could not build {references.short(reference)}: {why.say}") from error
                raise _failed(f"build {references.short(reference)}", error) from error
        if not self.store.confirm(intent, built.id):
            self.store.enter(self.engine_id, "image", built.id, reference, self.context.attempt.id)
        for stage in built.stages:
            self.store.enter(self.engine_id, "image", stage, reference, self.context.attempt.id)
        self.actions.append(Action(f"image {references.short(reference)}", "built"))

    # Files

    def file(self, item: SetupFile) -> None:
        folder = self._lesson_folder()
        if item.absent:
            placed = None if self.context.keep_files else folder.remove(item.file)
        else:
            content = archive_of(item.archive) if item.archive else (item.content or "").encode()
            placed = folder.write(item.file, content, executable=item.executable, keep=self.context.keep_files)
        if placed is not None:
            self.actions.append(Action(f"file {item.file}", placed.did, placed.kept or ""))

    def _lesson_folder(self) -> LessonFolder:
        if self._folder is None:
            attempt = self.context.attempt
            self._folder = LessonFolder(self.context.workspace, attempt.pack, attempt.lesson)
        return self._folder

    # For networks and volumes

    def _any_image(self) -> str:
        """An image for a helper: one of the pack's that is there, or the first of them."""
        names = list(self.context.images)
        there = (name for name in names if self.engine.image(self.context.images[name]) is not None)
        return self._present(next(there, names[0]))

    def _did_shared(self, subject: str, made: bool) -> None:
        self.actions.append(Action(subject, "made" if made else "removed"))

    def _told(self, news: PullNews) -> None:
        if self.context.progress is not None:
            self.context.progress(news.line)

    @staticmethod
    def _do(what: str, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Ask the engine for a change; its refusal becomes a failed set-up that says what was to be done."""
        try:
            call(*args, **kwargs)
        except EngineRejected as error:
            raise _failed(what, error) from error

    def _did(self, item: SetupContainer, did: Literal["made", "started", "stopped", "paused", "unpaused"]) -> None:
        self.actions.append(Action(f"container {item.container}", did))


def _own_names(items: Sequence[Setup], context: Context) -> Declared:
    return Declared(
        containers=frozenset(item.container for item in items if isinstance(item, SetupContainer)),
        images=frozenset(
            references.normalise(item.image)
            for item in items
            if isinstance(item, SetupImage) and item.image not in context.images
        ),
        networks=frozenset(name for item in items for kind, name in item.mentions() if kind == "network"),
        volumes=frozenset(name for item in items for kind, name in item.mentions() if kind == "volume"),
    )


def _values(context: Context) -> dict[str, str]:
    return {**context.variables, **{f"image.{name}": reference for name, reference in context.images.items()}}


def _port(port: str) -> str:
    return port if "/" in port else f"{port}/tcp"


def _failed(what: str, error: EngineRejected) -> SetupFailed:
    return SetupFailed(f"Could not {what}: {error.message}", error.remedy)
