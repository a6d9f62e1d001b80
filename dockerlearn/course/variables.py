"""``@{name}`` in lessons: which names there are, what they stand for, and putting the values in.

``@{name}`` is one of the lesson's ``vars``, ``@{image.NAME}`` the reference of one of the pack's images. ``@@{`` is
the two characters ``@{`` themselves (as in git's ``HEAD@@{1}``). Everything else (``$``, ``${}``, ``{{ }}``) is left
alone, since shells, Dockerfiles, Compose and docker's own formats use it. What was put in is not looked at again, so a
value cannot bring in another variable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dockerlearn.course.models import Variable
from dockerlearn.errors import LessonError, SetupFailed
from dockerlearn.text import nearest

if TYPE_CHECKING:
    import random

    from dockerlearn.course.tree import Tree
    from dockerlearn.setup.pip_settings import PipFiles

NAME = re.compile(r"^[a-z][a-z0-9_]*$")
"""What a variable may be called."""

PLACEHOLDER = "1024"
"""Stands for a variable that has no value: it passes as text, as a number and within a name."""

_PLACE = re.compile(r"@@\{|@\{([^{}\n]*)(\}?)")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LAST_PORT = 65_535


def values(variables: Mapping[str, str], references: Mapping[str, str]) -> dict[str, str]:
    """Return all names that can be written in a lesson with what they stand for.

    >>> values({"port": "8080"}, {"nginx": "nginx:1.27"})
    {'image.nginx': 'nginx:1.27', 'port': '8080'}
    """
    return {**{f"image.{name}": reference for name, reference in references.items()}, **variables}


def substitute(text: str, known: Mapping[str, str]) -> str:
    """Put the values into one text. Raises ``LessonError`` for a name that is not ``known``.

    >>> substitute("-p @{port}:80 ${HOME} {{.ID}} @@{u}", {"port": "8080"})
    '-p 8080:80 ${HOME} {{.ID}} @{u}'
    """
    if "@{" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return "@{"
        found = known.get(match.group(1)) if match.group(2) else None
        if found is None:
            raise LessonError(f"{match.group()} stands for nothing in this lesson.")
        return found

    return _PLACE.sub(value, text)


def unknown(text: str, known: Mapping[str, str]) -> list[tuple[str, str, str | None]]:
    """Return what in ``text`` stands for nothing: as it is written, what is wrong, what was probably meant.

    >>> unknown("@{prt}", {"port": "8080"})
    [('@{prt}', 'there is no variable prt', 'did you mean @{port}?')]
    """
    found: list[tuple[str, str, str | None]] = []
    if "@{" not in text:
        return found
    for match in _PLACE.finditer(text):
        name = match.group(1)
        if name is None or (match.group(2) and name in known):
            continue
        if not match.group(2):
            found.append((match.group(), "@{ is never closed", "write @@{ for the two characters themselves"))
            continue
        what = (
            f"image {name.removeprefix('image.')}" if name.startswith("image.") else f"variable {name or '(no name)'}"
        )
        near = nearest(name, list(known)) if len(name) <= 64 else None
        suggestion = f"did you mean @{{{near}}}?" if near else None
        found.append((match.group(), f"there is no {what}", suggestion))
    return found


def substitute_anyway(text: str, known: Mapping[str, str]) -> str:
    """Put the values into one text, and something that fits most places where a name is unknown; for explanations.

    >>> substitute_anyway("dl-@{prt}", {})
    'dl-1024'
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return "@{"
        return known.get(name, "dl-unknown" if name.startswith("image.") else PLACEHOLDER)

    return _PLACE.sub(value, text) if "@{" in text else text


def substitute_tree(tree: Tree, known: Mapping[str, str]) -> Tree:
    """Put the values into all keys and values of a tree; it is not changed, a new one is returned."""
    if isinstance(tree, str):
        return substitute(tree, known)
    if isinstance(tree, list):
        return [substitute_tree(item, known) for item in tree]
    return {substitute(key, known): substitute_tree(value, known) for key, value in tree.items()}


def sample(declared: Mapping[str, Variable]) -> dict[str, str]:
    """Return a value for each variable that is as good as any, always the same; for lint and previews.

    >>> sample({"port": Variable(free_port=8080), "token": Variable(random=6), "word": Variable(of=["a", "b"])})
    {'port': '8080', 'token': 'abcdef', 'word': 'a'}
    """
    drawn: dict[str, str] = {}
    for name, variable in declared.items():
        if variable.random is not None:
            drawn[name] = (_LETTERS * 2)[: variable.random]
        elif variable.free_port is not None:
            drawn[name] = str(_free_port(variable.free_port, set(drawn.values()), lambda _: True))
        elif variable.pip is not None:
            drawn[name] = f"# {variable.pip}"
        else:
            drawn[name] = (variable.of or [""])[0]
    return drawn


def fix(
    declared: Mapping[str, Variable],
    *,
    rng: random.Random,
    port_is_free: Callable[[int], bool],
    pip: Callable[[], PipFiles],
) -> dict[str, str]:
    """Draw the values of one attempt, in the order in which the variables are declared.

    A ``random`` one is lowercase letters and digits and begins with a letter, so that it can be part of a name. A
    ``free_port`` is the first from its number on that is free and not another variable's. ``pip`` is only asked where
    a variable is of it. Raises ``SetupFailed`` when there is none, or a build could not use what pip is set to.
    """
    drawn: dict[str, str] = {}
    ports: set[str] = set()
    settings = pip() if any(variable.pip is not None for variable in declared.values()) else None
    for name, variable in declared.items():
        if variable.random is not None:
            rest = rng.choices(_LETTERS + "0123456789", k=variable.random - 1)
            drawn[name] = rng.choice(_LETTERS) + "".join(rest)
        elif variable.free_port is not None:
            drawn[name] = str(_free_port(variable.free_port, ports, port_is_free))
            ports.add(drawn[name])
        elif settings is not None and variable.pip is not None:
            drawn[name] = settings.conf if variable.pip == "conf" else settings.ca
        else:
            drawn[name] = rng.choice(variable.of or [""])
    return drawn


def _free_port(first: int, taken: set[str], is_free: Callable[[int], bool]) -> int:
    for port in range(first, _LAST_PORT + 1):
        if str(port) not in taken and is_free(port):
            return port
    raise SetupFailed(f"No port from {first} on is free.")
