"""The YAML of a Compose file as a tree of texts, lists and mappings that knows its lines.

Aliases and merge keys are put in; what they amount to is bounded before anything walks the tree. It is read event by
event, without recursion and without constructing anything. Scalars stay the text that was written.
"""

from __future__ import annotations

from typing import Any

import msgspec

from dockerlearn.text import one_line

MOST_NODES = 20_000
"""Texts, lists and mappings of a file, with those that aliases repeat."""

DEEPEST = 40
"""Lists and mappings within each other."""


class Node(msgspec.Struct):
    """``value`` is a text, a list of nodes, a mapping from text to nodes, or None for nothing."""

    value: str | list[Node] | dict[str, Node] | None
    line: int
    plain: bool = False
    size: int = 1

    @property
    def text(self) -> str:
        """The text; empty where there is none."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def items(self) -> list[Node]:
        """The items of a list; none where it is something else."""
        return self.value if isinstance(self.value, list) else []

    @property
    def fields(self) -> dict[str, Node]:
        """The fields of a mapping; none where it is something else."""
        return self.value if isinstance(self.value, dict) else {}


class Bad(Exception):
    """The file cannot be read: where, and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = one_line(reason)


class NotReadHere(Bad):
    """It may be right, and is something that is not read here."""


def parse(text: str) -> Node:
    """Read one document. Raises ``Bad``."""
    import yaml

    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Bad(mark.line + 1 if mark else 1, f"this is not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise Bad(1, f"this is not YAML: {error}") from None
    if builder.root is None:
        raise Bad(1, "the file is empty")
    return builder.root


def _known_tag(tag: str | None, line: int) -> None:
    """YAML's own tags change nothing here; Compose's, such as ``!reset``, do, and others mean nothing to it."""
    if tag is not None and tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
        raise NotReadHere(line, f"the tag {tag}")


_TAGS = frozenset({"!", "str", "int", "float", "bool", "null", "seq", "map"})


class _Builder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[tuple[Node, str | None]] = []
        self._keys: list[Node | None] = []
        self._merged: list[list[Node]] = []
        self._anchors: dict[str, Node | None] = {}
        self._count = 0

    def take(self, event: Any) -> None:
        import yaml

        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise NotReadHere(line, "a second document")
        if isinstance(event, yaml.AliasEvent):
            there = self._anchors.get(str(event.anchor))
            if there is None:
                raise Bad(line, f"*{event.anchor} is not defined above")
            self._add(there, line)
        elif isinstance(event, yaml.ScalarEvent):
            _known_tag(event.tag, line)
            plain = not event.style and event.tag is None
            nothing = plain and event.value in {"", "~", "null", "Null", "NULL"}
            node = Node(None if nothing else event.value, line, plain)
            if event.anchor is not None:
                self._anchors[event.anchor] = node
            self._add(node, line)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self._begin(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()

    def _begin(self, event: Any, line: int) -> None:
        import yaml

        if len(self._open) >= DEEPEST:
            raise Bad(line, f"lists and mappings are nested more than {DEEPEST} deep")
        _known_tag(event.tag, line)
        if event.anchor is not None:
            # Until it ends it cannot be put into itself.
            self._anchors[event.anchor] = None
        self._open.append((Node([] if isinstance(event, yaml.SequenceStartEvent) else {}, line), event.anchor))
        self._keys.append(None)
        self._merged.append([])

    def _end(self) -> None:
        node, anchor = self._open.pop()
        self._keys.pop()
        for other in self._merged.pop():
            for source in other.items or [other]:
                if not isinstance(source.value, dict):
                    raise Bad(node.line, "<< is followed by a mapping, or a list of mappings")
                node.fields.update({key: value for key, value in source.fields.items() if key not in node.fields})
        node.size = 1 + sum(one.size for one in (*node.items, *node.fields.values()))
        if node.size > MOST_NODES:
            raise Bad(node.line, "with its aliases put in, the file is too large to be looked at")
        if anchor is not None:
            self._anchors[anchor] = node
        self._put(node, node.line)

    def _add(self, node: Node, line: int) -> None:
        self._count += 1
        if self._count > MOST_NODES:
            raise Bad(line, "the file is too large to be looked at")
        self._put(node, line)

    def _put(self, node: Node, line: int) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1][0]
        key = self._keys[-1]
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif key is None:
            if not isinstance(node.value, str):
                raise Bad(line, "a text was expected as a key")
            if node.value in parent.fields:
                raise Bad(line, f"the key {node.value} was given before")
            self._keys[-1] = node
        else:
            self._keys[-1] = None
            if key.text == "<<" and key.plain:
                self._merged[-1].append(node)
            else:
                parent.fields[key.text] = node
