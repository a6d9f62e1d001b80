"""What looks like a step's goal and is not it: cheats that need no author, made of what a solution has left behind.

Each is the same thing with one lie in it, so that only the check can tell: a container that crashes after a moment, is
paused, was only created, runs another command or comes from another image; a server beside it that answers in its
place; an image or a file that is empty or another one under the right name. A step that only begins with the solution
of the one before is looked at by the proof itself.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from dockerlearn.checks.base import Noun
from dockerlearn.checks.compose import Compose
from dockerlearn.checks.container import Container
from dockerlearn.checks.dockerfile import Dockerfile
from dockerlearn.checks.exec import Exec
from dockerlearn.checks.file import File
from dockerlearn.checks.http import Http
from dockerlearn.checks.image import Image
from dockerlearn.checks.matchers import NONE, Match
from dockerlearn.checks.tcp import Tcp
from dockerlearn.course.models import Step
from dockerlearn.engine import references
from dockerlearn.engine.snapshots import ContainerSnapshot, Mount

# Nobody has an image of this name: it is removed afterwards.
_REPOSITORY = f"dl-cheat-{secrets.token_hex(4)}"
OTHER_IMAGE = f"{_REPOSITORY}:other"
EMPTY_IMAGE = f"{_REPOSITORY}:empty"

KEPT = ".dl-cheat-kept"
"""Where a file is kept while another one has its name, and at home what was put into a container that is made anew."""


class Cheat(msgspec.Struct, frozen=True):
    """A cheat: what makes it, and what takes away what is in the way of the next one.

    ``ports`` are the host's ports at which somebody else has to answer meanwhile.
    """

    name: str
    script: str
    undo: str = ""
    ports: tuple[int, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """Cheats about one thing, one after the other. ``control`` makes it anew without a lie: that must pass.

    Where it does not, this thing cannot be imitated, and its cheats would prove nothing. An empty one needs no proof.
    """

    control: str
    cheats: tuple[Cheat, ...]


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """What a solution has left behind.

    ``up`` are the containers that run now and did not run before, ``made`` those of them that were not there at all;
    ``named`` are the lesson's image names that it put on images, with their ids, ``others`` the ids of other images
    that are there. ``images`` are the pack's. ``shells`` are the names of containers with a shell in them: in others no
    other command can be run. ``pausable``: an engine without control groups can pause none.
    """

    up: tuple[ContainerSnapshot, ...]
    made: tuple[ContainerSnapshot, ...]
    named: Mapping[str, str]
    others: tuple[str, ...]
    folder: Path
    images: Mapping[str, str]
    shells: frozenset[str]
    pausable: bool = True


def groups(step: Step, left: Left) -> Iterator[Group]:
    """Return the cheats for a step that was just solved."""
    for there in left.up if left.pausable else ():
        quoted = shlex.quote(there.name)
        yield Group("", (Cheat(f"{there.name} paused", f"docker pause {quoted}", f"docker unpause {quoted}"),))
    for there in left.made:
        yield _of_container(step, there, left)
    checked = [check for check in step.check if isinstance(check, Image) and not check.absent]
    wanted = {references.normalise(check.image) for check in checked}
    for name, image_id in left.named.items():
        if name in wanted:
            yield Group("", tuple(_of_image(name, image_id, left.others)))
    for check in step.check:
        file = _file_of(check)
        if file is not None and (left.folder / file).is_file() and (left.folder / file).stat().st_size:
            yield Group("", (_empty_file(file),))


def _of_container(step: Step, there: ContainerSnapshot, left: Left) -> Group:
    name = there.name
    quoted = shlex.quote(name)
    about = [check for check in step.check if _container_of(check) == name]
    remove = f"docker rm -f {quoted}"
    paths = _put_in(about, there)
    cheats = [Cheat(f"{name} only created", "\n".join((remove, _created(there), *_in(name, paths))))]
    if name in left.shells:
        cheats.append(Cheat(f"{name} crashes after a moment", _run(there, command=_CRASHES, paths=paths)))
        if _wants_behaviour(about) or _is_told(step, there):
            cheats.append(Cheat(f"{name} with another command", _run(there, command=_SOMETHING_ELSE)))
    if _wants_image(about, step, left.images):
        from_other = _run(there, image=OTHER_IMAGE, paths=paths)
        script = f"docker export {quoted} | docker import - {OTHER_IMAGE}\n{from_other}"
        cheats.append(Cheat(f"{name} from another image", script, f"{remove}\ndocker rmi {OTHER_IMAGE}"))
    ports = tuple(_host_ports(about, there))
    if ports:
        cheats.append(Cheat(f"a server beside {name}", _run(there, publish=False, paths=paths), ports=ports))
    return Group("\n".join((*_out(name, paths), _run(there, paths=paths))), tuple(cheats))


_CRASHES = ("/bin/sh", "-c", "sleep 0.5; exit 1")
_SOMETHING_ELSE = ("/bin/sh", "-c", "echo something else; exec sleep 3600")


def _of_image(name: str, image_id: str, others: Sequence[str]) -> Iterator[Cheat]:
    back = f"docker tag {image_id} {name}"
    empty = f"tar -c --files-from /dev/null | docker import - {EMPTY_IMAGE}\ndocker tag {EMPTY_IMAGE} {name}"
    shown = references.short(name)
    yield Cheat(f"an empty image called {shown}", empty, f"{back}\ndocker rmi {EMPTY_IMAGE}")
    if others:
        yield Cheat(f"another image called {shown}", f"docker tag {others[0]} {name}", back)


def _empty_file(name: str) -> Cheat:
    quoted = shlex.quote(name)
    return Cheat(f"{name} empty", f"mv {quoted} {KEPT}\n: > {quoted}", f"mv {KEPT} {quoted}")


# What a check is about


def _container_of(check: Noun) -> str | None:
    if isinstance(check, Container):
        return check.container
    if isinstance(check, Exec):
        return check.exec
    return check.container if isinstance(check, Http | Tcp) else None


def _wants_behaviour(about: Sequence[Noun]) -> bool:
    """Whether something is asked of what runs in it; a command run beside that (``exec``) asks about the place."""
    return any(
        isinstance(check, Http | Tcp)
        or (
            isinstance(check, Container)
            and any(wanted is not None for wanted in (check.logs, check.command, check.processes, check.health))
        )
        for check in about
    )


def _is_told(step: Step, there: ContainerSnapshot) -> bool:
    """Whether the task says what is to run in it."""
    return bool(there.argv) and len(there.argv[-1]) > 8 and there.argv[-1] in step.task


def _wants_image(about: Sequence[Noun], step: Step, packs: Mapping[str, str]) -> bool:
    return any(isinstance(check, Container) and check.image is not None for check in about) or any(
        reference in step.task for reference in packs.values()
    )


def _host_ports(about: Sequence[Noun], there: ContainerSnapshot) -> Iterator[int]:
    for check in about:
        if isinstance(check, Http | Tcp) and check.from_ is None:
            bindings = there.published.get(f"{check.port}/tcp", ())
            yield from sorted({binding.host_port for binding in bindings if binding.host_port})


def _file_of(check: Noun) -> str | None:
    if isinstance(check, Dockerfile):
        return None if check.absent else check.dockerfile
    if isinstance(check, Compose):
        return None if check.absent else check.compose
    if isinstance(check, File) and not check.absent and check != File(file=check.file):
        return check.file
    return None


# A container made anew


def _run(
    there: ContainerSnapshot,
    *,
    image: str | None = None,
    command: Sequence[str] | None = None,
    publish: bool = True,
    paths: Sequence[str] = (),
) -> str:
    quoted = shlex.quote(there.name)
    create = _created(there, image=image, command=command, publish=publish)
    more = [f"docker network connect {shlex.quote(member.network)} {quoted}" for member in there.networks[1:]]
    return "\n".join((f"docker rm -f {quoted}", create, *_in(there.name, paths), *more, f"docker start {quoted}"))


def _put_in(about: Sequence[Noun], there: ContainerSnapshot) -> list[str]:
    """The files among its own that are asked for: put there by hand, they do not come with its command.

    What is mounted is there anyway.
    """
    if there.read_only:
        return []
    asked = {
        path
        for check in about
        if isinstance(check, Container)
        for path, wanted in check.files.items()
        if wanted != NONE and not (isinstance(wanted, Match) and wanted.not_ is not None)
    }
    targets = [mount.target.rstrip("/") for mount in there.mounts]
    return sorted(path for path in asked if not any(f"{path}/".startswith(f"{target}/") for target in targets))


def _out(name: str, paths: Sequence[str]) -> Iterator[str]:
    for number, path in enumerate(paths):
        yield f'docker cp {shlex.quote(f"{name}:{path}")} - > "$HOME/{KEPT}-{number}"'


def _in(name: str, paths: Sequence[str]) -> Iterator[str]:
    for number, path in enumerate(paths):
        yield f'docker cp - {shlex.quote(f"{name}:{Path(path).parent}")} < "$HOME/{KEPT}-{number}"'


def _created(
    there: ContainerSnapshot, *, image: str | None = None, command: Sequence[str] | None = None, publish: bool = True
) -> str:
    """The command that creates a container as it was made, as far as a check looks at it."""
    argv = list(command or there.argv)
    words = ["docker", "create", "--name", there.name, *_options(there)]
    if publish:
        for port, bindings in there.asked.items():
            for binding in bindings or ():
                host = f"{binding.host_ip}:" if binding.host_ip else ""
                words += ["--publish", f"{host}{binding.host_port or ''}:{port}"]
    if argv:
        words += ["--entrypoint", argv[0]]
    return shlex.join([*words, image or there.image_id, *argv[1:]])


def _options(there: ContainerSnapshot) -> list[str]:
    words: list[str] = []
    if there.network_mode not in {"", "default", "bridge", "podman"}:
        words += ["--network", there.network_mode]
        for alias in sorted(next((member.names for member in there.networks), frozenset())):
            if alias not in {there.name, there.hostname, there.id[:12]}:
                words += ["--network-alias", alias]
    for mount in there.mounts:
        words += _mount(mount)
    words += [word for key, value in there.env.items() for word in ("--env", f"{key}={value}")]
    words += [word for key, value in there.labels.items() for word in ("--label", f"{key}={value}")]
    for option, value in (
        ("--user", there.user), ("--workdir", there.workdir), ("--stop-signal", there.stop_signal),
        ("--memory", there.memory), ("--cpus", there.cpus), ("--pids-limit", there.pids_limit),
    ):  # fmt: skip
        if value:
            words += [option, str(value)]
    if there.restart_policy not in {"", "no"}:
        times = f":{there.restart_max}" if there.restart_policy == "on-failure" and there.restart_max else ""
        words += ["--restart", f"{there.restart_policy}{times}"]
    for option, given in (
        ("--tty", there.tty), ("--interactive", there.open_stdin), ("--read-only", there.read_only),
        ("--init", there.init), ("--privileged", there.privileged), ("--rm", there.auto_remove),
    ):  # fmt: skip
        if given:
            words.append(option)
    words += [word for name in sorted(there.cap_add) for word in ("--cap-add", name)]
    return words + [word for name in sorted(there.cap_drop) for word in ("--cap-drop", name)]


def _mount(mount: Mount) -> list[str]:
    if mount.kind == "tmpfs":
        return ["--tmpfs", mount.target]
    source = mount.name if mount.kind == "volume" else mount.source
    mode = ":ro" if mount.read_only else ""
    return ["--volume", mount.target if mount.anonymous else f"{source}:{mount.target}{mode}"]
