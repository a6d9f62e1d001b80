"""Names of images, compared as the engine compares them."""

from __future__ import annotations

import re

_DIGEST = re.compile(r"^[a-z0-9+._-]+:[0-9a-f]{32,}$")
_HEX = re.compile(r"^(?:sha256:)?[0-9a-f]{4,64}$")


def normalise(reference: str) -> str:
    """Return the full form of an image reference: registry, repository and tag or digest.

    >>> normalise("busybox")
    'docker.io/library/busybox:latest'
    >>> normalise("docker.io/busybox:1.36")
    'docker.io/library/busybox:1.36'
    >>> normalise("localhost:5000/team/app@sha256:" + "0" * 64)[:27]
    'localhost:5000/team/app@sha'
    """
    name, digest = _split_digest(reference.strip())
    head, _, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    repository = full_repository(f"{head}/{last}" if head else last)
    if digest:
        return f"{repository}@{digest}"
    return f"{repository}:{tag or 'latest'}"


def same(one: str, other: str) -> bool:
    """Whether two references are the same one, written out or not.

    >>> same("busybox:1.36", "docker.io/library/busybox:1.36"), same("busybox", "busybox:1.36")
    (True, False)
    """
    return normalise(one) == normalise(other)


def repository(reference: str) -> str:
    """Return registry and repository of a reference, without tag and digest.

    >>> repository("nginx:1.27")
    'docker.io/library/nginx'
    """
    full = normalise(reference)
    return full.split("@", 1)[0] if "@" in full else full.rsplit(":", 1)[0]


def full_repository(name: str) -> str:
    """Return a repository with the registry and namespace that Docker adds when they are left out."""
    first, slash, _ = name.partition("/")
    # The rule of the distribution library: the part before the first slash is a registry when it looks like a host.
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        name = f"docker.io/{name}"
    if name.startswith("index.docker.io/"):
        name = name.removeprefix("index.")
    registry, _, path = name.partition("/")
    if registry == "docker.io" and "/" not in path:
        path = f"library/{path}"
    return f"{registry}/{path}"


def short(reference: str) -> str:
    """Return the form a person would type.

    >>> short("docker.io/library/busybox:1.36")
    'busybox:1.36'
    """
    return normalise(reference).removeprefix("docker.io/").removeprefix("library/")


def looks_like_id(text: str) -> bool:
    """Tell whether ``text`` can be an image id, whole or shortened."""
    return bool(_HEX.match(text))


def short_id(identifier: str) -> str:
    """Return the twelve digits that the docker client shows.

    >>> short_id("sha256:3ab634bf0748" + "0" * 52)
    '3ab634bf0748'
    """
    return identifier.removeprefix("sha256:")[:12]


def _split_digest(reference: str) -> tuple[str, str | None]:
    name, at, digest = reference.partition("@")
    if at and _DIGEST.match(digest):
        return name, digest
    return name, None
