"""What a pack.yaml lists, read from its tree, however wrong the rest of it is."""

from __future__ import annotations

from collections.abc import Iterator

from dockerlearn.course.tree import Mapping, Node, Scalar, Sequence


def lessons(pack: Node | None) -> tuple[str, ...]:
    """The names of its lessons, each once."""
    listed = pack.get("lessons") if isinstance(pack, Mapping) else None
    items = listed.items if isinstance(listed, Sequence) else []
    return tuple(dict.fromkeys(item.text for item in items if isinstance(item, Scalar)))


def images(pack: Node | None) -> Iterator[tuple[Scalar, Scalar | None]]:
    """What each of its images is called, and its reference where that can be read."""
    declared = pack.get("images") if isinstance(pack, Mapping) else None
    for key, value in declared.pairs if isinstance(declared, Mapping) else []:
        reference = value.get("reference") if isinstance(value, Mapping) else value
        yield key, reference if isinstance(reference, Scalar) else None
