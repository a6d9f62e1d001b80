"""All nouns. A new one is a file beside this one and its name in ``Check``; in ``Symptom`` if only mistakes have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from dockerlearn.checks.base import Noun
from dockerlearn.checks.command import Command
from dockerlearn.checks.compose import Compose
from dockerlearn.checks.container import Container
from dockerlearn.checks.containers import Containers
from dockerlearn.checks.dockerfile import Dockerfile
from dockerlearn.checks.event import Event
from dockerlearn.checks.exec import Exec
from dockerlearn.checks.file import File
from dockerlearn.checks.http import Http
from dockerlearn.checks.image import Image
from dockerlearn.checks.network import Network
from dockerlearn.checks.tcp import Tcp
from dockerlearn.checks.volume import Volume

# The order says which noun a mapping is when two of its keys are nouns: ``container: dl-web`` has a field ``image``.
Check = Event | Container | Containers | Http | Tcp | Exec | File | Dockerfile | Compose | Network | Volume | Image

Symptom = (
    Event
    | Container
    | Containers
    | Http
    | Tcp
    | Exec
    | File
    | Dockerfile
    | Compose
    | Network
    | Volume
    | Image
    | Command
)
"""What a mistake may be recognised by: a check, or what was typed."""

NOUNS: Mapping[str, type[Noun]] = {noun.word: noun for noun in get_args(Symptom)}


def noun_of(keys: Mapping[str, Any] | list[str]) -> str | None:
    """Return the noun that a mapping with these keys is about, or None.

    >>> noun_of(["image", "container", "running"])
    'container'
    """
    return next((word for word in NOUNS if word in keys), None)
