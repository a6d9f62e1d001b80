"""One container does not find another one by its name."""

from __future__ import annotations

import re

import msgspec

from dockerlearn.checks.exec import Exec
from dockerlearn.diagnose.diagnosis import Case, Diagnosis
from dockerlearn.engine.snapshots import ContainerSnapshot
from dockerlearn.text import one_line

_NOT_FOUND = re.compile(
    r"bad address|could not resolve|name or service not known|name resolution|getaddrinfo|unknown host"
    r"|no such host|nxdomain|can't resolve|name does not resolve|no address associated|no servers could be reached",
    re.I,
)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LOOKUPS = 6

# Docker's own network, by Docker's and Podman's name; 20.10 calls it default in a container's mode.
_DEFAULT = frozenset({"bridge", "podman"})


def look(case: Case) -> Diagnosis | None:
    """Where a container's last words are that a name was not found, look whether it is that of another container."""
    there = case.there
    if there is None or case.wants_absent or there.never_started:
        return None
    if isinstance(case.check, Exec):
        if not there.is_up:
            return None
        text, words = case.world.exec(there, case.check.words).output, case.check.words
    elif case.field in {"running", "exit_code", "status", "health", "logs"}:
        if case.field != "logs" and there.exit_code == 0 and not there.is_up:
            return None
        text, words = case.world.logs(there), (*there.argv[1:], *there.env.values())
    else:
        return None
    lines = [line for line in text.splitlines()[-5:] if _NOT_FOUND.search(line)]
    if not lines:
        return None
    return _blocked(case, there, lines, words)


def _blocked(case: Case, there: ContainerSnapshot, lines: list[str], around: tuple[str, ...]) -> Diagnosis | None:
    """Find the container that was meant, among the words of the message and of the command."""
    words = _WORD.findall(" ".join([*lines, *around]))
    names = dict.fromkeys(word.strip(".-_") for word in words)
    candidates = [name for name in names if name in case.asked_for or name.startswith("dl-")]
    candidates += [name for name in _WORD.findall(" ".join(lines)) if name not in candidates]
    for name in candidates[:_LOOKUPS]:
        other = case.world.container(name)
        if other is not None and other.id != there.id:
            last = f'It said: "{one_line(lines[-1], 120)}".'
            diagnosis = between(there, other, last)
            if diagnosis is None or there.is_up:
                return diagnosis
            ended = f"it has ended with exit code {there.exit_code}, and did not find {other.name}"
            return msgspec.structs.replace(
                diagnosis,
                found=f"{ended}. {diagnosis.found}",
                next=f"{diagnosis.next}, then docker start {there.name}",
            )
    return None


def between(one: ContainerSnapshot, other: ContainerSnapshot, last: str = "") -> Diagnosis | None:
    """Say why ``one`` does not find ``other`` by its name; None when nothing speaks against it."""
    own = {membership.network for membership in one.networks}
    its = {membership.network for membership in other.networks}
    shared = own & its
    if shared - _DEFAULT or one.network_mode.startswith("container:"):
        return None
    if shared:
        return Diagnosis(
            name="the default bridge has no names",
            found=f"{one.name} and {other.name} share only the network {min(shared)}, where names are not looked up",
            why=f"Docker looks names up only on networks that were made with docker network create. {last}".strip(),
            next=_both(one, other),
        )
    target = min(its - _DEFAULT, default="")
    way = f"docker network connect {target} {one.name}" if target and own - {"none", "host"} else None
    return Diagnosis(
        name="not on the same network",
        found=f"{one.name} is on {_listed(own)}, {other.name} on {_listed(its)}: they share no network",
        why=f"Containers reach each other, by name or address, only within a network. {last}".strip(),
        next=way or _both(one, other),
    )


def _both(one: ContainerSnapshot, other: ContainerSnapshot) -> str:
    return f"docker network create NETWORK, then docker network connect NETWORK {one.name}, and {other.name} likewise"


def _listed(networks: set[str]) -> str:
    return " and ".join(sorted(networks)) or "no network"
