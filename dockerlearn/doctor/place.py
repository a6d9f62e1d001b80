"""Findings about where one learns: folders, terminal, shell, environment, and as whom."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath

from dockerlearn.doctor.facts import Facts, Place
from dockerlearn.doctor.finding import Finding, advice, ok, problem
from dockerlearn.doctor.room import LEAST
from dockerlearn.text import one_line

NARROW = 60
"""Columns below which steps are hard to read and pictures do not fit."""

_VARIABLE = {"workspace": "DOCKERLEARN_WORKSPACE", "progress": "DOCKERLEARN_HOME"}
_HOLDS = {"workspace": "Your files of the lessons", "progress": "Your progress"}

ODD = {
    "DOCKER_API_VERSION": "The docker client speaks this version of the API only, whatever the engine can.",
    "DOCKER_BUILDKIT": "docker build is kept from the builder that the lessons are written for.",
    "DOCKER_CONTENT_TRUST": "docker pull and docker run refuse images that nobody signed, the lessons' among them.",
    "DOCKER_DEFAULT_PLATFORM": "Images of another processor are pulled, and may not run here.",
    "COMPOSE_FILE": "Docker Compose reads that file instead of the one in the lesson's folder.",
    "COMPOSE_PROJECT_NAME": "Docker Compose names everything after it, and not after the lesson's folder.",
}
"""Variables that change what docker commands do, so that right ones go wrong, with what they do."""


def folders(facts: Facts) -> Iterator[Finding]:
    """Whether the learner's files and progress can be written."""
    for place in facts.places:
        if not place.problem:
            full = any(one.what == place.what and one.bytes < LEAST[one.what] for one in facts.rooms)
            if full or (place.what == "progress" and facts.progress is not None):
                continue  # told as what it is
            yield ok(place.what, f"{_HOLDS[place.what]} can be written ({one_line(place.path)}).")
            continue
        yield problem(
            place.what,
            f"{_HOLDS[place.what]} cannot be written to {one_line(place.path)}: {one_line(place.problem)}.",
            "No lesson can begin." if place.what == "progress" else "Steps with files cannot be done.",
            *_writable(facts, place),
        )


def _writable(facts: Facts, place: Place) -> tuple[str, ...]:
    elsewhere = f"export {_VARIABLE[place.what]}=FOLDER    # a folder that you may write to"
    inside_home = facts.home and PurePosixPath(place.parent).is_relative_to(facts.home)
    if place.owner and inside_home and facts.system.platform != "win32":
        # As after sudo dockerlearn: what is in one's own home should be one's own.
        return (facts.system.as_root(f"chown -R $(id -u) {shlex.quote(place.parent)}"), elsewhere)
    return (elsewhere,)


def progress(facts: Facts) -> Iterator[Finding]:
    """Whether the progress file and the lessons can be read."""
    for about, failure in (("progress", facts.progress), ("lessons", facts.course)):
        told = about == "progress" and any(place.what == about and place.problem for place in facts.places)
        if failure is not None and not told:
            means = "What you passed cannot be kept." if about == "progress" else "No lesson can be given."
            yield problem(about, failure.message, means, *(failure.remedy or "").splitlines())


def mounts(facts: Facts) -> Iterator[Finding]:
    """Whether the engine sees the learner's folders, which lessons mount into containers."""
    if facts.engine is None:
        return
    workspace = next((place.path for place in facts.places if place.what == "workspace"), "")
    inside = bool(workspace and facts.home) and PurePosixPath(workspace).is_relative_to(facts.home)
    home = 'export DOCKERLEARN_WORKSPACE="$HOME/dockerlearn"'
    if facts.engine.remote:
        yield advice(
            "mounts",
            "The engine is on another machine, and cannot see the folders of this one.",
            "Steps that mount a folder of yours into a container find an empty one there.",
            "dockerlearn start --practice    # or another engine on this machine, for those steps",
        )
    elif facts.client.is_snap and not (inside and not _is_hidden(workspace, facts.home)):
        yield problem(
            "mounts",
            "Docker was installed as a snap, which sees only what is in your home folder and not hidden.",
            f"{one_line(workspace)} is not, so steps that mount a folder of yours cannot be met.",
            home,
        )
    elif not facts.engine.here and facts.system.platform == "darwin" and not inside:
        yield advice(
            "mounts",
            "The engine runs in a virtual machine, which sees your home folder and little else.",
            f"{one_line(workspace)} is outside of it, so steps that mount a folder of yours may find an empty one.",
            home,
        )


def _is_hidden(path: str, home: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(path).relative_to(home).parts)


def person(facts: Facts) -> Iterator[Finding]:
    """As whom this runs, and how that one becomes root."""
    system = facts.system
    if system.platform == "win32":
        return
    if system.root and facts.sudo_user:
        yield advice(
            "sudo",
            f"This runs as root by sudo; you are {one_line(facts.sudo_user)}.",
            "What you write and pass as root is root's: you would have to use sudo every time.",
            f"usermod -aG docker {shlex.quote(one_line(facts.sudo_user))}    # then log in again, and leave sudo out",
        )
    elif system.root:
        yield ok("sudo", "You are root: nothing needs sudo.")
    elif system.becomes_root == "su":
        yield ok("sudo", "There is no sudo here: commands for root are given with su, which asks for root's password.")
    else:
        yield ok("sudo", f"Commands for root are given with {system.becomes_root}.")


def terminal(facts: Facts) -> Iterator[Finding]:
    """Whether the terminal can show a lesson."""
    found = facts.terminal
    good = True
    if found.is_terminal and found.term in {"", "dumb"}:
        good = False
        yield advice(
            "terminal",
            f"TERM is {found.term or 'not set'}: this terminal counts as one that can do nothing.",
            "Steps are printed without colours, and nothing can be asked: use start --plain and check.",
            "export TERM=xterm-256color    # if it is a usual terminal after all",
        )
    if found.encoding and found.encoding.lower().replace("-", "").replace("_", "") != "utf8":
        good = False
        locale = "en_US.UTF-8" if facts.system.platform == "darwin" else "C.UTF-8"
        yield advice(
            "terminal",
            f"The terminal's encoding is {one_line(found.encoding)}, not UTF-8.",
            "Symbols and names in other scripts are shown as question marks.",
            "chcp 65001" if facts.system.platform == "win32" else f"export LC_ALL={locale}",
        )
    if found.columns is not None and found.columns < NARROW:
        good = False
        yield advice(
            "terminal",
            f"The terminal has {found.columns} columns.",
            f"Below {NARROW}, texts are cut into short lines, and the picture of the engine does not fit.",
            "make the window wider, or its letters smaller",
        )
    if good:
        yield ok("terminal", f"{found.term or 'no TERM'}, {found.encoding or 'no encoding'}")


def shell(facts: Facts) -> Iterator[Finding]:
    """Whether the learner's shell is there."""
    found = facts.terminal
    if facts.system.platform == "win32":
        return
    if not found.shell_there:
        yield advice(
            "shell",
            f"SHELL is {one_line(found.shell) or 'not set'}, which is no program here.",
            "Commands at the tutor's prompt are run by /bin/sh.",
            "export SHELL=$(command -v bash || command -v sh)",
        )
    else:
        yield ok("shell", one_line(found.shell))


def variables(facts: Facts) -> Iterator[Finding]:
    """Whether the environment changes what docker commands do."""
    is_podman = facts.engine is not None and facts.engine.says.podman
    for name, does in ODD.items():
        value = facts.variables.get(name, "")
        if name == "DOCKER_BUILDKIT" and is_podman:
            continue  # it has no BuildKit; what docker build does there is told with the client
        if not value or (name == "DOCKER_BUILDKIT" and value.lower() not in {"0", "false"}):
            continue
        if name == "DOCKER_CONTENT_TRUST" and value.lower() in {"0", "false"}:
            continue
        yield advice("environment", f"{name} is set to {one_line(value, 80)}.", does, f"unset {name}")
