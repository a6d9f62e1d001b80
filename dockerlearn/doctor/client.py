"""Findings about the docker client: is there one, does it fit the engine, does it find it, what else can it do."""

from __future__ import annotations

from collections.abc import Iterator

from dockerlearn.doctor.facts import Facts
from dockerlearn.doctor.finding import Finding, advice, ok, problem
from dockerlearn.engine import mending
from dockerlearn.engine.abilities import asks_for_buildkit
from dockerlearn.text import one_line

_PLUGIN_MEANS = {
    "buildx": "docker build uses the old builder: it builds, but without what BuildKit brings.",
    "compose": "What is done with Docker Compose cannot be done.",
}


def client(facts: Facts) -> Iterator[Finding]:
    """Whether there is a docker command that runs."""
    found = facts.client
    if found.path is None:
        yield problem(
            "client",
            "There is no docker command on your PATH.",
            "The tasks are done with it.",
            *([mending.WSL_SWITCH] if facts.system.wsl else []),
            mending.install(facts.system, "client"),
        )
    elif found.version is None:
        yield problem(
            "client",
            f"{one_line(found.path)} does not run: {one_line(found.problem)}.",
            "The tasks are done with it.",
            *([mending.WSL_SWITCH] if facts.system.wsl else []),
            mending.install(facts.system, "client"),
        )
    elif found.podman:
        yield advice(
            "client",
            f"{one_line(found.path)} is Podman {found.version} under Docker's name.",
            "Most of the course works with it; some of its words and outputs differ from those in the lessons.",
            mending.install(facts.system, "client"),
        )
    else:
        yield ok("client", f"docker {found.version} ({one_line(found.path)})")


def versions(facts: Facts) -> Iterator[Finding]:
    """Whether client and engine speak a common version of the API."""
    spoken, engine = facts.client.api, facts.engine
    if spoken is None or engine is None or not engine.says.oldest_api:
        return
    if _number(spoken) < _number(engine.says.oldest_api):
        yield problem(
            "client",
            f"The docker client speaks API {spoken} at most; the engine wants {engine.says.oldest_api} or newer.",
            "Every docker command will be refused as too old.",
            mending.install(facts.system, "client"),
        )


def plugins(facts: Facts) -> Iterator[Finding]:
    """Whether the plugins buildx and compose answer."""
    if facts.client.version is None or facts.client.podman:
        return
    engine = facts.engine
    if engine is not None and engine.says.podman:
        yield _building_on_podman(facts)
    for name in ("buildx", "compose"):
        if name == "buildx" and engine is not None and engine.says.podman:
            continue
        version = facts.client.plugins.get(name)
        if version:
            yield ok(name, f"docker {name} {version}")
        else:
            part: mending.Part = "buildx" if name == "buildx" else "compose"
            yield advice(
                name,
                f"The docker client has no plugin {name}.",
                _PLUGIN_MEANS[name],
                mending.install(facts.system, part),
            )


def _building_on_podman(facts: Facts) -> Finding:
    if not asks_for_buildkit(facts.client, facts.variables.get("DOCKER_BUILDKIT", "")):
        return ok("buildx", "docker build has Podman build; steps that need BuildKit are left out")
    return advice(
        "buildx",
        "docker build asks for BuildKit, which Podman does not have.",
        "buildx would start a builder of its own in a container, and what it builds is not among your images.",
        "export DOCKER_BUILDKIT=0",
    )


def finds(facts: Facts) -> Iterator[Finding]:
    """Whether the docker client would find the same engine by itself."""
    if facts.engine is not None and facts.engine.export:
        import shlex

        yield advice(
            "client",
            "The docker client does not find this engine by itself.",
            "At the tutor's prompt it does; in a shell of your own it has to be told first.",
            f"export DOCKER_HOST={shlex.quote(one_line(facts.engine.address, 4096))}",
        )


def context(facts: Facts) -> Iterator[Finding]:
    """Whether the docker context that was selected is the one that counts."""
    if facts.context is None:
        return
    name = one_line(facts.context, 60)
    if facts.host:
        yield advice(
            "context",
            f"The docker context {name} is selected, and DOCKER_HOST goes before it ({one_line(facts.host)}).",
            "docker context use changes nothing as long as DOCKER_HOST is set.",
            "unset DOCKER_HOST",
        )
    elif facts.engine is not None and facts.engine.practice:
        yield ok("context", f"The docker context {name} is left alone while the practice engine is up.")
    else:
        yield ok("context", name)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
