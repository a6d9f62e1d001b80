"""The docker client on this machine: where it is, what it says of itself, which plugins answer.

It is never asked anything about an engine, so that a dead one keeps nobody waiting.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

import msgspec

from dockerlearn.text import one_line

PLUGINS = ("buildx", "compose")
_SECONDS = 10.0
_NOWHERE = "unix:///nonexistent/dockerlearn"


class DockerProgram(msgspec.Struct, frozen=True, kw_only=True):
    """What ``docker`` on PATH is; ``path`` None when there is none.

    ``version`` is None when it does not say, then ``problem`` is what it said instead. ``api`` is the newest API that
    it speaks. ``plugins`` are those that answer, with their versions; ``podman`` is Podman under Docker's name.
    """

    path: str | None = None
    version: str | None = None
    api: str | None = None
    plugins: Mapping[str, str] = {}
    podman: bool = False
    problem: str = ""

    @property
    def is_snap(self) -> bool:
        """Whether it is Ubuntu's snap, which sees nothing outside of the home folder."""
        return self.path is not None and self.path.startswith("/snap/")


def look(environ: Mapping[str, str], *, plugins: Sequence[str] = PLUGINS, api: bool = True) -> DockerProgram:
    """Run the client once, and once more for each of ``plugins`` and for its ``api``.

    Each takes about 40 ms, at most ten seconds. What is not asked for is told as not there.
    """
    path = shutil.which("docker", path=environ.get("PATH"))
    if path is None:
        return DockerProgram()
    # An address where nobody is: else the client would ask the engine for its version first.
    quiet = {
        name: value for name, value in environ.items() if not name.startswith("DOCKER_") or name == "DOCKER_CONFIG"
    } | {"DOCKER_HOST": _NOWHERE}
    said, problem = _run([path, "--version"], quiet)
    found = re.search(r"\b(\d+\.\d+[\w.+~-]*)", said)
    podman = "podman" in said.lower()
    if found is None:
        return DockerProgram(path=path, podman=podman, problem=problem or one_line(said) or "it says nothing")
    answering = {}
    for name in () if podman else plugins:
        answer, _ = _run([path, name, "version"], quiet)
        if version := re.search(r"\bv?(\d+\.\d+[\w.+~-]*)", answer):
            answering[name] = version[1]
    spoken = _api(path, quiet) if api and not podman else None
    return DockerProgram(path=path, version=found[1], api=spoken, plugins=answering, podman=podman)


def _api(path: str, environ: Mapping[str, str]) -> str | None:
    said, _ = _run([path, "version", "--format", "{{json .Client}}"], environ, fails=True)
    try:
        told = json.loads(said)
    except ValueError:
        return None
    api = told.get("DefaultAPIVersion") or told.get("ApiVersion") if isinstance(told, dict) else None
    return api if isinstance(api, str) else None


def _run(command: list[str], environ: Mapping[str, str], *, fails: bool = False) -> tuple[str, str]:
    """Return what a program prints, "" when it failed, and then why; with ``fails`` its end does not matter."""
    try:
        done = subprocess.run(
            command, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            check=False, timeout=_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "", f"it does not end within {_SECONDS:.0f} s"
    except OSError as error:
        return "", error.strerror or str(error)
    if done.returncode != 0 and not fails:
        return "", one_line(done.stderr or done.stdout) or f"it ends with {done.returncode}"
    return done.stdout, ""
