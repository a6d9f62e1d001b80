"""Explains a file: one walk along the model that collects everything that is wrong, each thing where it stands.

``msgspec.convert`` stops at the first problem and does not know about lines, so it only decides; this walk is what an
author reads. Types come from the model, the course's own rules from ``rules``; both are told in one pass.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as AnyMapping
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from dockerlearn.checks.base import Noun
from dockerlearn.checks.command import Command
from dockerlearn.checks.vocabulary import Check
from dockerlearn.course import rules, variables
from dockerlearn.course.models import Lesson, Model, Pack, Variable
from dockerlearn.course.problems import Problem, Report, did_you_mean, key_path
from dockerlearn.course.rules import Context
from dockerlearn.course.tree import Document, Mapping, Node, Scalar, Sequence, Tree, plain
from dockerlearn.setup.spec import SetupItem
from dockerlearn.text import nearest, one_line


def lesson(document: Document, context: Context, drawn: AnyMapping[str, str] | None = None) -> tuple[Problem, ...]:
    """Return everything that is wrong in a ``lesson.yaml``; ``drawn`` are the variables' values, else samples."""
    report = Report(context.file)
    root = document.root
    if root is not None:
        known = variables.values(_drawn(root) if drawn is None else drawn, context.references)
        _Walk(report, context).file(_substituted(root, document, report, known), Lesson)
    return _all(document, report)


def filled(document: Document, context: Context) -> Node | None:
    """Return a lesson's tree with sample values put in, however wrong it is: what a learner will read."""
    if document.root is None:
        return None
    known = variables.values(_drawn(document.root), context.references)
    return _substituted(document.root, document, Report(context.file), known)


def pack(document: Document, context: Context) -> tuple[Problem, ...]:
    """Return everything that is wrong in a ``pack.yaml``."""
    report = Report(context.file)
    if document.root is not None:
        _Walk(report, context).file(document.root, Pack)
    return _all(document, report)


def tagged(tree: Tree, model: type[msgspec.Struct]) -> Tree:
    """Return a tree with the tag ``noun`` in every check and every stated thing, which tells msgspec their type.

    A mapping without a known noun is left as it is. The tree is one that ``model`` fits, or nearly.
    """
    return _tagged(tree, _type(model))


def checks(node: Node) -> Tree:
    """Return the tree of a list of checks, tagged: for ``msgspec.convert`` to ``list[Check]``."""
    return _tagged(plain(node), _checks())


@cache
def _checks() -> inspect.Type:
    return inspect.type_info(list[Check])


@cache
def _type(model: type[msgspec.Struct]) -> inspect.Type:
    return inspect.type_info(model)


def _all(document: Document, report: Report) -> tuple[Problem, ...]:
    return tuple(sorted({*document.problems, *report.problems()}, key=lambda one: (one.line, one.column, one.path)))


def _drawn(root: Node) -> dict[str, str]:
    """Sample values for what is declared, however badly."""
    declared = root.get("vars") if isinstance(root, Mapping) else None
    good: dict[str, Variable] = {}
    names: list[str] = []
    for key, value in declared.pairs if isinstance(declared, Mapping) else []:
        names.append(key.text)
        try:
            good[key.text] = msgspec.convert(plain(value), Variable, strict=False)
        except msgspec.ValidationError:
            continue
    return {**dict.fromkeys(names, variables.PLACEHOLDER), **variables.sample(good)}


def _substituted(root: Node, document: Document, report: Report, known: AnyMapping[str, str]) -> Node:
    """Put the values in; what stands for nothing is told, and hides no other problem."""

    def one(scalar: Scalar, path: str) -> Scalar:
        if "@{" not in scalar.text:
            return scalar
        for literal, message, suggestion in variables.unknown(scalar.text, known):
            report.add(document.find(scalar, literal), path, message, suggestion)
        text = variables.substitute_anyway(scalar.text, known)
        return Scalar(text, scalar.at, scalar.start, scalar.end)

    def walk(node: Node, path: str) -> Node:
        if isinstance(node, Scalar):
            return one(node, path)
        if isinstance(node, Sequence):
            return Sequence(node.at, [walk(item, f"{path}[{index}]") for index, item in enumerate(node.items)])
        pairs: list[tuple[Scalar, Node]] = []
        for key, value in node.pairs:
            here = key_path(path, key.text)
            # The declarations say what the variables are; nothing is put into them.
            pairs.append((one(key, here), value if here == "vars" else walk(value, here)))
        return Mapping(node.at, pairs)

    return walk(root, "")


class _Walk:
    """Walks nodes and types side by side. A node is in order when walking it adds nothing to the report."""

    def __init__(self, report: Report, context: Context) -> None:
        self._report = report
        self._context = context

    def file(self, root: Node, model: type[Model]) -> None:
        """Walk the whole file; in the end ``convert`` has the last word."""
        before = len(self._report)
        self._walk(root, _type(model), "")
        if len(self._report) == before:
            try:
                msgspec.convert(tagged(plain(root), model), model, strict=False)
            except (msgspec.ValidationError, RecursionError) as error:
                self._report.add(root.at, "", f"this does not fit the format: {error}")

    def _walk(self, node: Node, kind: inspect.Type, path: str, *, filled: bool = False) -> None:
        """Compare ``node`` with ``kind``; ``filled`` refuses empty texts and lists."""
        if self._report.full:
            return
        kinds = _kinds(kind)
        if isinstance(node, Mapping):
            self._mapping(node, kinds, path)
        elif isinstance(node, Sequence):
            self._sequence(node, kinds, path, filled=filled)
        else:
            self._scalar(node, kinds, path, filled=filled)

    def _mapping(self, node: Mapping, kinds: tuple[inspect.Type, ...], path: str) -> None:
        structs = [kind for kind in kinds if isinstance(kind, inspect.StructType)]
        mapping = next((kind for kind in kinds if isinstance(kind, inspect.DictType)), None)
        if structs and structs[0].tag_field:
            self._noun(node, structs, path)
        elif structs:
            self._struct(node, structs[0], path)
        elif mapping is not None:
            self._duplicates(node, path)
            for key, value in node.pairs:
                self._walk(value, mapping.value_type, key_path(path, key.text))
        else:
            self._wrong(node, kinds, path)

    def _sequence(self, node: Sequence, kinds: tuple[inspect.Type, ...], path: str, *, filled: bool) -> None:
        kind = next((kind for kind in kinds if isinstance(kind, inspect.ListType | inspect.TupleType)), None)
        if isinstance(kind, inspect.ListType):
            if filled and not node.items:
                self._report.add(node.at, path, "this list is empty", "leave the key out, or say what belongs here")
            for index, item in enumerate(node.items):
                self._walk(item, kind.item_type, f"{path}[{index}]", filled=filled)
        elif isinstance(kind, inspect.TupleType):
            if len(node.items) != len(kind.item_types):
                count = len(kind.item_types)
                self._report.add(node.at, path, f"expected {count} values, found {len(node.items)}")
            for index, (item, item_type) in enumerate(zip(node.items, kind.item_types, strict=False)):
                self._walk(item, item_type, f"{path}[{index}]")
        else:
            self._wrong(node, kinds, path)

    def _scalar(self, node: Scalar, kinds: tuple[inspect.Type, ...], path: str, *, filled: bool) -> None:
        for kind in kinds:
            if isinstance(kind, inspect.StrType):
                if filled and not node.text.strip():
                    self._report.add(node.at, path, "this text is empty", "leave the key out, or say what belongs here")
                return
            if isinstance(kind, inspect.LiteralType):
                words = [str(value) for value in kind.values]
                if node.text not in words:
                    near = did_you_mean(node.text, words)
                    self._report.add(node.at, path, f"expected {_expected(kinds)}, found {_found(node)}", near)
                return
            if _converts(node.text, kind):
                return
        self._wrong(node, kinds, path)

    def _noun(self, node: Mapping, structs: list[inspect.StructType], path: str) -> None:
        """The noun is found by its key, in the order of the vocabulary."""
        nouns = {str(kind.tag): kind for kind in structs}
        keys = node.keys()
        word = next((word for word in nouns if word in keys), None)
        misspelt = self._misspelt(node, nouns, word)
        if misspelt is not None:
            key, word = misspelt
            message = f"this is not a thing to look at, which is {_one_of(list(nouns))}"
            self._report.add(key.at, key_path(path, key.text), message, f"did you mean {word}?")
            # Read on as it was meant: the rest of the mapping can be wrong too.
            node = Mapping(node.at, [(Scalar(word, k.at) if k is key else k, value) for k, value in node.pairs])
        if word is None and (typed := next((key for key, _ in node.pairs if key.text == Command.word), None)):
            message = "what was typed is looked at in a mistake's when only; ask for what it does"
            self._report.add(typed.at, key_path(path, typed.text), message)
        elif word is None:
            message = f"it does not say what it is about: one of its keys is {_one_of(list(nouns))}"
            self._report.add(node.at, path, message)
        else:
            self._struct(node, nouns[word], path)

    @staticmethod
    def _misspelt(node: Mapping, nouns: dict[str, inspect.StructType], word: str | None) -> tuple[Scalar, str] | None:
        """Find a key that was meant as a noun which goes before ``word``: ``contaner: dl-a, image: nginx``."""
        before = list(nouns)[: list(nouns).index(word)] if word is not None else list(nouns)
        fields = [field.encode_name for field in nouns[word].fields] if word is not None else []
        # Where there is a noun, only the first key was meant to be another: ``image`` may have a ``files`` some day.
        for key, _ in node.pairs[:1] if word is not None else node.pairs:
            if key.text not in fields and len(key.text) <= 64 and (near := nearest(key.text, before)):
                return key, near
        return None

    def _struct(self, node: Mapping, kind: inspect.StructType, path: str) -> None:
        fields = {field.encode_name: field for field in kind.fields}
        # Empty texts are refused in what people read; in checks and files an empty text is something to want.
        prose = issubclass(kind.cls, Model)
        self._duplicates(node, path)
        for key, value in node.pairs:
            field = fields.get(key.text)
            here = key_path(path, key.text)
            if field is None:
                self._report.add(key.at, here, "unknown key", did_you_mean(key.text, list(fields)))
            else:
                self._walk(value, field.type, here, filled=prose or key.text == kind.tag)
        for name, field in fields.items():
            if field.required and node.get(name) is None:
                self._report.add(node.at, path, f"the key {name} is missing")
        rules.look(kind.cls, node, path, self._report, self._context)
        if hasattr(kind.cls, "__post_init__") and kind.cls not in rules.WHOLE:
            self._construct(node, kind, path)

    def _construct(self, node: Mapping, kind: inspect.StructType, path: str) -> None:
        """Let the type itself object to what its fields say together; the fields were looked at before."""
        known = {field.encode_name for field in kind.fields}
        shape = Mapping(node.at, [pair for pair in node.pairs if pair[0].text in known])
        tree = _tagged(plain(shape), kind)
        try:
            msgspec.convert(tree, kind.cls, strict=False)
        except msgspec.ValidationError as error:
            # Only its own objection has a cause and no place within it; the rest was told already.
            if isinstance(error.__cause__, ValueError) and not _BREADCRUMB.search(str(error)):
                at, where, message = _pinpoint(node, path, str(error))
                self._report.add(at, where, message)

    def _duplicates(self, node: Mapping, path: str) -> None:
        seen: dict[str, Scalar] = {}
        for key, _ in node.pairs:
            first = seen.setdefault(key.text, key)
            if first is not key:
                message = f"this key was given before, in line {first.at[0]}"
                self._report.add(key.at, key_path(path, key.text), message)

    def _wrong(self, node: Node, kinds: tuple[inspect.Type, ...], path: str) -> None:
        self._report.add(node.at, path, f"expected {_expected(kinds)}, found {_found(node)}")


_BREADCRUMB = re.compile(r" - at `[^`]*`$")
_ABOUT = re.compile(r"^([a-z_]+): ")


def _pinpoint(node: Mapping, path: str, message: str) -> tuple[tuple[int, int], str, str]:
    """Find the value that a type's own message is about: it begins with the key, or quotes the value."""
    about = _ABOUT.match(message)
    name = about.group(1) if about else "matches" if "regular expression" in message else ""
    value = node.get(name)
    if value is not None:
        return value.at, key_path(path, name), message[about.end() :] if about else message
    for key, child in node.pairs:
        here = key_path(path, key.text)
        if isinstance(child, Scalar) and child.text and repr(child.text) in message:
            return child.at, here, message
        for index, item in enumerate(child.items if isinstance(child, Sequence) else []):
            if isinstance(item, Scalar) and repr(item.text) in message:
                return item.at, f"{here}[{index}]", message
    return node.at, path, message


def _kinds(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    """The types that may stand here; ``null`` is none of them, since in a lesson it is a text like any other."""
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return tuple(one.type if isinstance(one, inspect.Metadata) else one for one in kinds if not _is_none(one))


def _is_none(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.NoneType)


def _converts(text: str, kind: inspect.Type) -> bool:
    # Only what msgspec.convert(strict=False) takes on the run path is right here.
    try:
        if isinstance(kind, inspect.BoolType):
            msgspec.convert(text, bool, strict=False)
            return True
        if isinstance(kind, inspect.IntType):
            number = msgspec.convert(text, int, strict=False)
            return (kind.ge is None or number >= kind.ge) and (kind.le is None or number <= kind.le)
    except msgspec.ValidationError:
        pass
    return False


def _expected(kinds: tuple[inspect.Type, ...]) -> str:
    words: list[str] = []
    for kind in kinds:
        word = _word(kind)
        if word not in words:
            words.append(word)
    return " or ".join(words)


def _word(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.IntType):
        bounds = f" from {kind.ge} to {kind.le}" if kind.ge is not None and kind.le is not None else ""
        return f"a whole number{bounds}"
    if isinstance(kind, inspect.LiteralType):
        return _one_of([str(value) for value in kind.values])
    if isinstance(kind, inspect.StructType) and kind.cls.__name__ == "Match":
        return "a matcher such as {contains: …}"
    if isinstance(kind, inspect.StructType) and issubclass(kind.cls, Noun | SetupItem):
        return f"a mapping with the key {kind.tag}"
    return next((word for one, word in _WORDS.items() if isinstance(kind, one)), "something else")


_WORDS: dict[Any, str] = {
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.ListType: "a list",
    inspect.TupleType: "a list of two",
    inspect.DictType: "a mapping (key: value)",
    inspect.StructType: "a mapping (key: value)",
}


def _one_of(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" or {words[-1]}"


def _found(node: Node) -> str:
    if isinstance(node, Mapping):
        return "a mapping (key: value)"
    if isinstance(node, Sequence):
        return "a list"
    return f"'{one_line(node.text, 40)}'" if node.text else "nothing"


def _tagged(tree: Tree, kind: inspect.Type) -> Tree:
    kinds = _kinds(kind)
    if isinstance(tree, list):
        item = next((one.item_type for one in kinds if isinstance(one, inspect.ListType)), None)
        return [_tagged(one, item) for one in tree] if item is not None else tree
    if not isinstance(tree, dict):
        return tree
    structs = [one for one in kinds if isinstance(one, inspect.StructType)]
    chosen = structs[0] if structs else None
    if chosen is not None and chosen.tag_field:
        chosen = next((one for one in structs if str(one.tag) in tree), None)
    if chosen is None:
        value = next((one.value_type for one in kinds if isinstance(one, inspect.DictType)), None)
        return {key: _tagged(one, value) for key, one in tree.items()} if value is not None else tree
    types = {field.encode_name: field.type for field in chosen.fields}
    found = {key: _tagged(one, types[key]) if key in types else one for key, one in tree.items()}
    return {**found, chosen.tag_field: str(chosen.tag)} if chosen.tag_field else found
