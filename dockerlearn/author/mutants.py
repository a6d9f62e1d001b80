"""A step's check made looser, one thing at a time: what nobody notices then, nobody has tried.

A field that no mistake and no cheat makes a difference to may be wrong, or not needed, and a proof would never tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from dockerlearn.checks.base import Noun
from dockerlearn.checks.containers import Containers
from dockerlearn.checks.exec import Exec
from dockerlearn.checks.inside_image import Runs
from dockerlearn.checks.matchers import ANY, NONE, Match
from dockerlearn.course.problems import key_path


class Mutant(msgspec.Struct, frozen=True):
    """A step's ``checks`` with one thing looser: in which check, which field (empty is all of it), and how."""

    check: str
    field: str
    change: str
    checks: tuple[Noun, ...]
    where: str
    """Its place in the step, as an author writes it under ``untested``."""

    @property
    def told(self) -> str:
        """What was done, in words."""
        return f"{self.check}: {self.field or 'all of it'} {self.change}"


def mutants(checks: Sequence[Noun]) -> tuple[Mutant, ...]:
    """Return each way in which checks can be made looser by one thing; no check at all is none of them.

    >>> from dockerlearn.checks.container import Container
    >>> [one.told for one in mutants([Container(container="dl-a", logs="ready")])]
    ['check[0] container dl-a: logs dropped', 'check[0] container dl-a: logs loosened to any']
    """
    found: list[Mutant] = []
    seen = {_key(checks)}
    for place, check in enumerate(checks):
        ways: list[_Way] = [("", "dropped", None)] if len(checks) > 1 else []
        ways += _fields(check, "", (_KEPT | {check.word}) - _WANTED.get(check.word, frozenset()))
        for field, change, looser in ways:
            instead = [] if looser is None else [looser]
            mutated = (*checks[:place], *instead, *checks[place + 1 :])
            if (key := _key(mutated)) not in seen:
                seen.add(key)
                where = f"check[{place}]" + (f".{field}" if field else "")
                found.append(Mutant(f"check[{place}] {check.word} {check.name}", field, change, mutated, where))
    return tuple(found)


_Way = tuple[str, str, Any]
"""Where, how, and what stands there instead."""

_KEPT = frozenset({"within", "absent", "path", "from_", "by_name", "stage"})
"""Fields that say what is looked at, or how; and ``absent``: without it, what is gone would have to be there."""

_WANTED: dict[str, frozenset[str]] = {"dockerfile": frozenset({"from_"})}
"""Of those the ones that are wanted of a noun all the same: what a stage is made from."""

_WHAT_IS_RUN = frozenset({"command", "entrypoint", "healthcheck"})
"""Without it something else is run, of which the same is wanted."""

_EACH = frozenset({"contains", "networks", "attached", "used_by", "add", "drop", "services", "volumes"})
"""Fields in which each item of a list of texts is wanted; other lists are one value, as a command."""

_AS_THEY_ARE = frozenset({"has_not", "order"})
"""Lists whose items are left out and not loosened: what must not be would be more, what comes first another one."""

_WORDS = frozenset({ANY, NONE, "", "false"})


def _key(checks: Sequence[Noun]) -> bytes:
    return msgspec.json.encode(checks)


def _fields(part: msgspec.Struct, path: str, kept: frozenset[str] = frozenset()) -> Iterator[_Way]:
    """Each field of a part of a check: dropped, and looser in itself."""
    for field in msgspec.structs.fields(part):
        value = getattr(part, field.name)
        if value == _default(field) or (field.name in kept and not isinstance(value, msgspec.Struct)):
            continue
        if isinstance(part, Runs) and field.name in _WHAT_IS_RUN:
            continue
        if isinstance(part, Match) and field.name == "means":
            continue  # says it, and wants nothing
        if field.name == "exit_code" and _goes_without_saying(part):
            continue
        if isinstance(part, Containers) and part.count == "0" and field.name == "containers":
            continue  # where none is wanted, less said of them is more of them, and wants more
        here = key_path(path, field.encode_name)
        if not field.required and (without := _with(part, field.name, _default(field))) is not None:
            yield here, "dropped", without
        if isinstance(part, Match) and field.name in {"not_", "length"}:
            continue  # what is not wanted gets larger, not smaller
        if field.name in _AS_THEY_ARE:
            for place in range(len(value) if len(value) > 1 else 0):
                if (instead := _with(part, field.name, value[:place] + value[place + 1 :])) is not None:
                    yield f"{here}[{place}]", "dropped", instead
            continue
        for where, change, looser in _value(value, field.type, here, each=field.name in _EACH):
            if (instead := _with(part, field.name, looser)) is not None:
                yield where, change, instead


def _value(value: Any, kind: Any, path: str, *, each: bool) -> Iterator[_Way]:
    """The ways in which what a field wants can be less."""
    kinds = _kinds(kind)
    if Match in kinds and _is_something(value):
        yield path, f"loosened to {ANY}", ANY
    if isinstance(value, msgspec.Struct):
        yield from _fields(value, path)
    elif isinstance(value, dict):
        inner = next((get_args(one)[1] for one in kinds if get_origin(one) is dict), str)
        for key, item in value.items():
            here = key_path(path, key)
            if len(value) > 1:
                yield here, "dropped", {name: other for name, other in value.items() if name != key}
            for where, change, looser in _value(item, inner, here, each=False):
                yield where, change, {**value, key: looser}
    elif isinstance(value, list):
        inner = next((get_args(one)[0] for one in kinds if get_origin(one) is list), str)
        for place, item in enumerate(value):
            here = f"{path}[{place}]"
            if len(value) > 1 and (each or isinstance(item, msgspec.Struct)):
                yield here, "dropped", value[:place] + value[place + 1 :]
            if isinstance(item, msgspec.Struct):
                for where, change, looser in _value(item, inner, here, each=False):
                    yield where, change, [*value[:place], looser, *value[place + 1 :]]


def _goes_without_saying(part: msgspec.Struct) -> bool:
    """Whether a command has to end with 0 without a word about that, so that saying it asks for nothing more."""
    asks_nothing_else = (isinstance(part, Exec) and part.output is None) or (
        isinstance(part, Runs) and part.prints is None
    )
    return asks_nothing_else and getattr(part, "exit_code", None) == "0"


def _is_something(value: Any) -> bool:
    """Whether something is wanted, so that ``any`` asks for less; ``any`` instead of ``none`` would ask for more."""
    if isinstance(value, Match):
        return value.not_ is None
    return isinstance(value, list) or (isinstance(value, str) and value not in _WORDS)


def _kinds(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) in {Union, UnionType}:
        return tuple(one for part in get_args(kind) for one in _kinds(part))
    return (kind,)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _with(part: msgspec.Struct, name: str, value: Any) -> Any:
    """The part with another value in a field; None where the part itself objects, as a matcher that wants nothing."""
    values = {field: getattr(part, field) for field in part.__struct_fields__}
    try:
        return type(part)(**{**values, name: value})
    except ValueError:
        return None
