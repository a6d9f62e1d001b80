"""What a step can need that not every engine and client has, and whether it is here.

What the client has is asked of the client, what the engine can of the engine, and each only when a step needs it. What
cannot be found out counts as there: a step is left out only where it is known that it cannot be done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dockerlearn.engine.api import EngineApi
    from dockerlearn.engine.condition import Condition
    from dockerlearn.engine.docker_program import DockerProgram

Need = Literal[
    "amd64",
    "arm64",
    "buildkit",
    "buildx",
    "cgroup",
    "compose",
    "dangling",
    "events",
    "grace",
    "owner",
    "ports",
    "rotation",
]

WORDS: Mapping[Need, str] = {
    "amd64": "an engine on amd64",
    "arm64": "an engine on arm64",
    "buildkit": "BuildKit",
    "buildx": "docker buildx",
    "cgroup": "control groups (to limit, pause and measure)",
    "compose": "docker compose",
    "dangling": "images that stay when they lose their name",
    "events": "docker events with an end",
    "grace": "a docker stop that gives time to end",
    "owner": "new volumes that are root's",
    "ports": "ports below 1024 for users who are not root",
    "rotation": "logs in more than one file",
}
"""What each is called in a sentence."""

PODMAN_LACKS: Mapping[Need, str] = {
    "events": "to which Podman answers nothing",
    "owner": "which Podman gives to the user of the first container",
    "ports": "which Podman leaves to root",
    "rotation": "of which Podman keeps the last one",
}
"""What no Podman has, with what it has or does instead."""

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
"""What engines call a machine that images call otherwise."""

_BUILDKIT_IS_DEFAULT = 23
"""The first version of the client whose ``docker build`` uses BuildKit wherever the plugin buildx is."""


def asks_for_buildkit(client: DockerProgram, variable: str) -> bool:
    """Whether ``docker build`` of this client wants BuildKit of the engine; ``variable`` is ``DOCKER_BUILDKIT``."""
    asked = variable.lower()
    if client.version is None or client.podman or asked in {"0", "false"}:
        return False
    # Older clients have BuildKit within, for those who ask for it.
    is_old = int(client.version.split(".")[0]) < _BUILDKIT_IS_DEFAULT
    return asked in {"1", "true"} if is_old else "buildx" in client.plugins


class Abilities:
    """What the engine and the client can do, as of when it is first asked.

    ``engine`` None asks no engine: what only an engine can tell is then not known. ``environ`` has the client's PATH.
    """

    def __init__(self, engine: Callable[[], EngineApi] | None, environ: Mapping[str, str]) -> None:
        self._engine = engine
        self._environ = environ
        self._lacks: dict[Need, str] = {}
        self._condition: Condition | None = None

    def lacking(self, needs: Sequence[Need]) -> str:
        """Say what of this is not here and why, as in "It needs …"; "" when all is here, or nothing is needed.

        Raises an ``EngineError`` when an engine has to be asked and cannot be.
        """
        return ", and ".join(filter(None, map(self._lack, needs)))

    def _lack(self, need: Need) -> str:
        if need not in self._lacks:
            why = self._why_not(need)
            self._lacks[need] = f"{WORDS[need]}, {why}" if why else ""
        return self._lacks[need]

    def _why_not(self, need: Need) -> str:
        if need in {"buildx", "compose"}:
            return "" if self._has_plugin(need) else "which is not installed here"
        if need == "buildkit":
            return "" if self._builds_with_buildkit() else "which docker build does not use here"
        says = self._ask_engine()
        if says is None:
            return ""
        if need == "cgroup":
            return "" if says.limits else "which this engine cannot use"
        if need == "dangling":
            return "which this engine's image store removes" if says.containerd_store else ""
        if need == "grace":
            return "" if says.grace else "which Podman has from 4.7"
        if need in PODMAN_LACKS:
            return PODMAN_LACKS[need] if says.podman else ""
        machine = _MACHINES.get(says.machine, says.machine)
        return f"and this one is on {machine}" if machine not in {need, ""} else ""

    def _has_plugin(self, name: str) -> bool:
        client = self._ask_client(name)
        if client.podman or (client.path is not None and client.version is None):
            return True  # of Podman's own it is not known, nor of a client that does not answer
        return name in client.plugins

    def _builds_with_buildkit(self) -> bool:
        client = self._ask_client("buildx")
        if client.path is not None and client.version is None:
            return True
        if not asks_for_buildkit(client, self._environ.get("DOCKER_BUILDKIT", "")):
            return False
        says = self._ask_engine()
        return says is None or not says.podman

    def _ask_client(self, plugin: str) -> DockerProgram:
        from dockerlearn.engine import docker_program  # starts programs

        return docker_program.look(self._environ, plugins=(plugin,), api=False)

    def _ask_engine(self) -> Condition | None:
        if self._condition is None and self._engine is not None:
            self._condition = self._engine().condition()
        return self._condition
