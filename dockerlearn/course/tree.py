"""YAML text to a tree of texts, lists and mappings that knows where everything stands.

Only the shape of YAML is used, none of its types: every scalar stays the text that was written, so ``22:22``, ``no``,
``null`` and ``3.10`` are what they look like. Tags, anchors and aliases are refused, and so is what is too large, too
deep or has too many parts; it is read event by event, without recursion, so that nothing has been built by then.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockerlearn.course.problems import Problem, Report
from dockerlearn.text import one_line

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 512 * 1024
"""Bytes of a file."""

MAX_DEPTH = 40
"""Lists and mappings within each other; the format itself needs about ten."""

MAX_NODES = 50_000
"""Texts, lists and mappings of a file."""

Tree = str | list["Tree"] | dict[str, "Tree"]
"""A tree without positions; what is kept in the cache and converted."""

# What YAML's c-printable leaves out; the byte order mark, which is invisible wherever it stands; and the rare line
# separators, at which YAML counts a line and editors do not.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
# The carriage return, with which a line is written over, and what turns the direction of text around.
_OBEYED = re.compile("[\r\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text. ``at`` is line and column from 1; ``start`` and ``end`` are its place in the source."""

    text: str
    at: tuple[int, int]
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    at: tuple[int, int]
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping, duplicate keys and all."""

    at: tuple[int, int]
    pairs: list[tuple[Scalar, Node]] = field(default_factory=list)

    def get(self, key: str) -> Node | None:
        """The value of the first such key."""
        return next((value for name, value in self.pairs if name.text == key), None)

    def keys(self) -> list[str]:
        """The keys in their order."""
        return [name.text for name, _ in self.pairs]


Node = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read: its tree, or None where a problem left none."""

    root: Node | None
    source: str
    problems: tuple[Problem, ...]

    def find(self, scalar: Scalar, literal: str) -> tuple[int, int]:
        """Return where ``literal`` stands within a scalar, which may be many lines; else where the scalar begins."""
        index = self.source.find(literal, scalar.start, scalar.end)
        return position(self.source, index) if index >= 0 else scalar.at


def position(text: str, index: int) -> tuple[int, int]:
    r"""Return line and column, from 1, of a character.

    >>> position("ab\ncd", 4)
    (2, 2)
    """
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def read(path: Path, shown: str) -> Document:
    """Read a file. Whatever is wrong with it, from missing to malformed, is a problem of the document."""
    report = Report(shown)
    try:
        # A pipe or a device could keep the reader waiting for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            report.add((1, 1), "", "this is not a regular file")
            return Document(None, "", report.problems())
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        report.add((1, 1), "", "there is no such file")
    except (OSError, ValueError) as error:
        report.add((1, 1), "", f"it cannot be read: {getattr(error, 'strerror', None) or error}")
    else:
        return parse(data, shown)
    return Document(None, "", report.problems())


def parse(data: bytes, shown: str) -> Document:
    """Read the bytes of a file called ``shown``."""
    report = Report(shown)
    text = _decode(data, report)
    root = None
    if text is not None:
        root = _Builder(text, report).build()
        if root is None and not len(report):
            report.add((1, 1), "", "the file is empty")
    return Document(root, text or "", report.problems())


def plain(node: Node) -> Tree:
    """Return the tree without positions."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key.text: plain(value) for key, value in node.pairs}


def _decode(data: bytes, report: Report) -> str | None:
    if len(data) > MAX_BYTES:
        report.add((1, 1), "", f"the file is larger than {MAX_BYTES // 1024} KiB")
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        report.add((1, 1), "", "the file is UTF-16", "save it as UTF-8")
        return None
    if data.startswith(b"\xef\xbb\xbf"):
        report.add((1, 1), "", "the file begins with a byte order mark", "save it as UTF-8 without one")
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        report.add(
            position(before, len(before)), "", f"the byte {data[error.start]:#04x} is not UTF-8", "save it as UTF-8"
        )
        return None
    if odd := _UNPRINTABLE.search(text):
        report.add(
            position(text, odd.start()), "", f"the control character U+{ord(odd.group()):04X} may not stand here"
        )
        return None
    return text


class _Stop(Exception):
    """Nothing more can be read."""


class _Builder:
    """Builds nodes from the parser's events with a stack of its own."""

    def __init__(self, text: str, report: Report) -> None:
        self._text = text
        self._report = report
        self._root: Node | None = None
        self._stack: list[Sequence | Mapping] = []
        # The key that waits for its value, per open mapping; None while a key is awaited.
        self._keys: list[Scalar | None] = []
        self._count = 0
        self._told_alias = False

    def build(self) -> Node | None:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            with closing(_events(self._text, loader)) as events:
                for event in events:
                    self._take(event)
        except _Stop:
            return None
        except yaml.MarkedYAMLError as error:
            self._syntax(error)
            return None
        except yaml.YAMLError as error:
            self._report.add((1, 1), "", f"this is not YAML: {error}")
            return None
        return self._root

    def _take(self, event: Any) -> None:
        import yaml

        at = (event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, yaml.DocumentStartEvent) and self._root is not None:
            self._report.add(at, "", "a second document begins here; a file holds one")
            raise _Stop
        if isinstance(event, yaml.CollectionEndEvent):
            self._stack.pop()
            self._keys.pop()
            return
        if not isinstance(event, yaml.NodeEvent):
            return
        self._count += 1
        if self._count > MAX_NODES:
            self._report.add(at, "", f"the file has more than {MAX_NODES} parts")
            raise _Stop
        node = self._node(event, at)
        self._put(node)
        if not isinstance(node, Scalar):
            if len(self._stack) >= MAX_DEPTH:
                self._report.add(at, "", _TOO_DEEP)
                raise _Stop
            self._stack.append(node)
            self._keys.append(None)

    def _node(self, event: Any, at: tuple[int, int]) -> Node:
        import yaml

        if event.anchor is not None and not self._told_alias:
            # Once is enough: a file with one has many.
            self._told_alias = True
            sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
            self._report.add(
                at,
                "",
                f"{sign}{one_line(str(event.anchor), 40)}: anchors and aliases are not part of the format",
                "write it out, or put text that begins with & or * in quotes",
            )
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._report.add(
                at,
                "",
                f"the tag {one_line(str(tag), 60)} is not part of the format",
                "put text that begins with ! in quotes",
            )
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, yaml.ScalarEvent):
            # Written as an escape it is as unwelcome as written out: a terminal would obey it.
            if (odd := _UNPRINTABLE.search(event.value) or _OBEYED.search(event.value)) is not None:
                self._report.add(at, "", f"the control character U+{ord(odd.group()):04X} may not be in a text")
            return Scalar(event.value, at, start, end)
        if isinstance(event, yaml.SequenceStartEvent):
            return Sequence(at)
        if isinstance(event, yaml.MappingStartEvent):
            return Mapping(at)
        return Scalar("", at)

    def _put(self, node: Node) -> None:
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        key = self._keys[-1]
        if key is not None:
            parent.pairs.append((key, node))
            self._keys[-1] = None
        elif isinstance(node, Scalar):
            self._keys[-1] = node
        else:
            what = "a list" if isinstance(node, Sequence) else "a mapping"
            self._report.add(
                node.at, "", f"{what} stands where a key should", "put text that begins with { or [ in quotes"
            )
            raise _Stop

    def _syntax(self, error: yaml.MarkedYAMLError) -> None:
        said = str(error.problem or error.context or "it cannot be read")
        # What was opened and not closed is found where it was opened, not at the end of the file.
        opened = said in _OPENED and error.context_mark is not None
        mark: Any = error.context_mark if opened else error.problem_mark or error.context_mark
        index = mark.index if mark is not None else 0
        at = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        character = self._text[index : index + 1]
        if "cannot start any token" in said and character == "\t":
            self._report.add(at, "", "a tab stands here", "indent with spaces")
        elif "cannot start any token" in said:
            self._report.add(at, "", f"text may not begin with {character} as it stands", "put it in quotes")
        else:
            message, suggestion = _SYNTAX.get(said, (f"this is not YAML: {said}", None))
            self._report.add(at, "", message, suggestion)


def _events(text: str, loader: Any) -> Generator[Any, None, None]:
    # A generator of our own, so that leaving early frees the parser at once.
    import yaml

    yield from yaml.parse(text, Loader=loader)


_TOO_DEEP = f"lists and mappings are nested more than {MAX_DEPTH} deep"

# What libyaml says, and what an author can do with it.
_SYNTAX = {
    # It scans a line ahead of its events, so that its own bound, which is far beyond ours, may come first.
    "exceeded maximum nesting depth": (_TOO_DEEP, None),
    "mapping values are not allowed in this context": (
        "a colon stands where no key can",
        "put text with a colon and a space in quotes, or look at the indentation",
    ),
    "did not find expected key": (
        "a key was expected here",
        "look at the indentation and the quotes just above",
    ),
    "could not find expected ':'": ("a key without its colon ends here", "look at the line above"),
    "did not find expected '-' indicator": (
        "another item of the list was expected here",
        "look at the indentation, which must be that of the other items",
    ),
    "found unexpected end of stream": ("a quote opens here and is never closed", None),
    "did not find expected ',' or ']'": ("a [ opens here and is not closed", "or a comma is missing"),
    "did not find expected ',' or '}'": ("a { opens here and is not closed", "or a comma is missing"),
}
_OPENED = {
    "found unexpected end of stream",
    "did not find expected ',' or ']'",
    "did not find expected ',' or '}'",
}
