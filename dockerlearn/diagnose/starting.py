"""The container was made and does not start."""

from __future__ import annotations

import re
import shlex

from dockerlearn.diagnose.diagnosis import Case, Diagnosis
from dockerlearn.engine.snapshots import ContainerSnapshot, Mount
from dockerlearn.text import one_line

# Wording of engines 20.10 to 28 (runc) and of Podman 4 (crun); matched in parts, since it differs in between.
_TAKEN = re.compile(
    r"port is already allocated|address already in use|ports are not available|failed to bind (?:host )?port", re.I
)
_PORT = re.compile(r"(?:[\d.]+|\[?[0-9a-f:]*\]?):(\d{1,5})(?:/(tcp|udp))?(?:[: ]|$)")
_EXEC = re.compile(r'exec: "([^"]*)"|executable file `([^`]*)`|open executable `([^`]*)`')
_NO_COMMAND = re.compile(
    r"executable file not found in|stat [^:]+: no such file or directory|executable file .* not", re.I
)
_NOT_ALLOWED = re.compile(
    r"exec: \"[^\"]*\":.*permission denied|open executable.*permission denied"
    r"|is a directory: unknown|exec format error",
    re.I,
)
_ONTO = re.compile(r"mount a directory onto a file|not a directory", re.I)
_NO_SOURCE = re.compile(r"bind source path does not exist: (\S+)|statfs (\S+): no such file")
_NO_USER = re.compile(r"unable to find (user|group) ([^:]+):")

# Programs that listen for containers, on behalf of an engine.
_FORWARDERS = frozenset({"docker-proxy", "rootlesskit", "rootlessport", "conmon", "com.docker.backend"})

_PROGRAM_FOLDERS = ("/bin", "/sbin", "/usr", "/usr/bin", "/usr/sbin", "/usr/local", "/usr/local/bin", "/lib")


def look(case: Case) -> Diagnosis | None:
    """Read the engine's reason; without one, look for a mount whose source is not there."""
    there = case.there
    if (
        there is None
        or not there.never_started
        or case.wants_absent
        or not (case.wants_it_up or case.field == "status")
    ):
        return None
    if not there.error:
        return _source_missing(case, there) or _only_made(there)
    for rule in (_port_taken, _source_missing, _folder_onto_file, _hidden_command, _no_command, _not_executable):
        if (diagnosis := rule(case, there)) is not None:
            return diagnosis
    return _no_user(there) or Diagnosis(
        name="could not be started",
        found=f"it was made and could not be started: {one_line(there.error, 300)}",
        why=_HOLDS_ITS_NAME,
        next=_again(there),
    )


_HOLDS_ITS_NAME = "It still holds its name until it is removed."


def _again(there: ContainerSnapshot, how: str = "") -> str:
    return f"docker rm {there.name}, then run it again{f' {how}' if how else ''}"


def _only_made(there: ContainerSnapshot) -> Diagnosis:
    if not there.tells_error:
        return Diagnosis(
            name="made, never ran",
            found="it was made and never started",
            why="Either docker create only made it, or its start failed, of which this engine keeps nothing.",
            next=f"docker start {there.name}, which says what is in the way",
        )
    return Diagnosis(
        name="made, not started",
        found="it was made and never started",
        why="docker create only makes a container; docker run makes and starts one.",
        next=f"docker start {there.name}",
    )


def _port_taken(case: Case, there: ContainerSnapshot) -> Diagnosis | None:
    if not _TAKEN.search(there.error):
        return None
    asked = {
        (binding.host_port, port.rpartition("/")[2])
        for port, bindings in there.asked.items()
        for binding in bindings
        if binding.host_port
    }
    named = {int(match[1]) for match in _PORT.finditer(there.error)}
    taken = sorted({port for port in asked if port[0] in named} or (asked if len(asked) == 1 else set()))
    if not taken:
        return Diagnosis(
            name="port taken",
            found="it was made and could not be started: a port of the host that it asks for is taken",
            why=f"One port of the host leads to one place. {_HOLDS_ITS_NAME}",
            next=f"docker ps shows who publishes which port; docker rm {there.name} frees the name",
        )
    number, protocol = taken[0]
    found = f"it was made and could not be started: port {number} of the host is taken"
    key = f"{number}/{protocol}"
    holder = next((row for row in case.world.containers() if key in row.host_ports and row.id != there.id), None)
    if holder is not None:
        return Diagnosis(
            name="port taken by a container",
            found=f"{found} by the container {holder.name}",
            why=(
                "One port of the host leads to one place. "
                f"When {holder.name} is stopped it gives the port back; {there.name} is made already and only has to "
                "be started."
            ),
            next=f"docker stop {holder.name}, if you can spare it, then docker start {there.name}",
        )
    program = case.world.program_at(number) if protocol == "tcp" else None
    if program is not None and program.name in _FORWARDERS:
        return Diagnosis(
            name="port taken by another engine",
            found=f"{found}, and no container of this engine publishes it",
            why=f"Probably one of another engine on this machine does: {one_line(program.name, 40)} listens there.",
            next=f"docker context ls shows the engines; when that container is stopped, docker start {there.name}",
        )
    if program is not None:
        return Diagnosis(
            name="port taken by a program",
            found=f"{found} by the program {one_line(program.name, 40)} (process {program.pid}), which is no container",
            why="One port of the host leads to one place.",
            next=f"end that program, then docker start {there.name}",
        )
    return Diagnosis(
        name="port taken by a program",
        found=f"{found}, and no container here publishes it",
        why="Probably a program outside Docker listens there.",
        next=(
            f"ss -ltnp 'sport = :{number}' (on a Mac: lsof -i :{number}) shows which; when it has ended, "
            f"docker start {there.name}"
        ),
    )


def _source_missing(case: Case, there: ContainerSnapshot) -> Diagnosis | None:
    told = _NO_SOURCE.search(there.error)
    source = (told[1] or told[2]) if told else None
    if source is None and not there.error:
        source = next(
            (m.source for m in there.mounts if m.kind == "bind" and case.world.is_missing_here(m.source)), None
        )
    if source is None:
        return None
    return Diagnosis(
        name="bind source missing",
        found=f"it was made and cannot be started: {one_line(source)}, which it is to mount, is not on the host",
        why="--mount takes only what is there; -v would make an empty folder of that name.",
        next=f"mkdir -p {shlex.quote(one_line(source))}, then docker start {there.name}",
    )


def _folder_onto_file(case: Case, there: ContainerSnapshot) -> Diagnosis | None:
    if not _ONTO.search(there.error):
        return None
    mount = next((m for m in there.mounts if m.kind == "bind" and m.target in there.error), None)
    if mount is None:
        return None
    made = case.world.empty_folder(mount.source) is not None
    source, target = one_line(mount.source), one_line(mount.target)
    if made:
        return Diagnosis(
            name="a folder where a file was meant",
            found=f"it was made and could not be started: {source} is an empty folder, and {target} is a file",
            why=f"Probably {source} was not there, and -v made a folder of that name.",
            next=f"docker rm {there.name}, rmdir {shlex.quote(source)}, then run it with a file that is there",
        )
    return Diagnosis(
        name="a folder where a file was meant",
        found=f"it was made and could not be started: of {source} and {target} one is a folder and the other a file",
        why="A folder can only be mounted over a folder, a file over a file.",
        next=_again(there),
    )


def _program(there: ContainerSnapshot) -> str | None:
    """The program that the engine could not execute."""
    told = _EXEC.search(there.error)
    return next((word for word in told.groups() if word), "") if told else None


def _hidden_command(_case: Case, there: ContainerSnapshot) -> Diagnosis | None:
    program = _program(there)
    if program is None or not _NO_COMMAND.search(there.error):
        return None
    word = program
    mount = next((m for m in there.mounts if _hides(m, word)), None)
    if mount is None or " " in word:
        return None
    guess = "" if "/" in word else "Probably "
    return Diagnosis(
        name="a mount hides the command",
        found=(
            f'it was made and could not be started: there is no command "{one_line(word, 60)}", '
            f"and something is mounted at {one_line(mount.target)}"
        ),
        why=f"{guess or 'A'}{'a' if guess else ''} mount hides what the image has at that place; "
        "nothing of the image is lost.",
        next=_again(there, "with the mount at a place of its own"),
    )


def _hides(mount: Mount, word: str) -> bool:
    if "/" in word:
        return word.startswith(f"{mount.target.rstrip('/')}/")
    return mount.target.rstrip("/") in _PROGRAM_FOLDERS


def _no_command(_case: Case, there: ContainerSnapshot) -> Diagnosis | None:
    program = _program(there)
    if program is None or not _NO_COMMAND.search(there.error):
        return None
    word = one_line(program, 60)
    how = "with a command that the image has"
    if word.startswith("-"):
        how = f"with {word} before the image"
        why = "Options of docker run stand before the image; what comes after it is the command."
    elif " " in word:
        how = f"with {word} without quotes"
        why = f"All of it was taken as the name of one program: probably the quotes around {word} are too many."
    else:
        why = "Probably a typing error, or a program that this image does not have."
    return Diagnosis(
        name="no such command",
        found=f'it was made and could not be started: no command "{word}" was found in it',
        why=f"{why} {_HOLDS_ITS_NAME}",
        next=_again(there, how),
    )


def _not_executable(_case: Case, there: ContainerSnapshot) -> Diagnosis | None:
    program = _program(there)
    if program is None or not _NOT_ALLOWED.search(there.error):
        return None
    word = one_line(program, 60)
    if "exec format error" in there.error:
        why = "It is for another processor, or a script without its first line #!/bin/sh."
    else:
        why = (
            "It is a folder, or a file without the right to execute it (chmod +x gives that, before an image is built)."
        )
    return Diagnosis(
        name="not executable",
        found=f'it was made and could not be started: "{word}" is there and cannot be executed',
        why=f"{why} {_HOLDS_ITS_NAME}",
        next=_again(there, "with a program as its command"),
    )


def _no_user(there: ContainerSnapshot) -> Diagnosis | None:
    told = _NO_USER.search(there.error)
    if told is None:
        return None
    who = f"{told[1]} {one_line(told[2], 40)}"
    return Diagnosis(
        name="no such user",
        found=f"it was made and could not be started: its image knows no {who}",
        why=f"A name is looked up in the image's own /etc/passwd; a number always works. {_HOLDS_ITS_NAME}",
        next=_again(there, "as a user that the image has, or by number"),
    )
