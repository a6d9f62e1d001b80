"""The author's reference: as the models make it, with every part and field, each with an example that loads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dockerlearn.checks.base import Noun
from dockerlearn.checks.command import Command
from dockerlearn.checks.matchers import Match
from dockerlearn.course import explain, fields, models, reference, tree, variables
from dockerlearn.course.fields import Model
from dockerlearn.course.packs import lesson_problems
from dockerlearn.setup.spec import SetupItem

ROOT = Path(__file__).parent.parent
COMMAND = "python -m dockerlearn.course.reference"
PARTS = tuple(part for parts in reference.CHAPTERS.values() for part in parts)
IMAGES = {"busybox": "busybox:1.36", "nginx": "nginx:1.27-alpine-slim"}
KNOWN = {"image.busybox": "busybox:1.36", "port": "8080", "word": "a1b2c3"}

LESSON = """title: Example
level: foundation
summary: An example.
minutes: 5
vars: {port: {free_port: 8080}, word: {random: 6}}
steps:
  - id: example
    title: Example
    setup:
      -   SETUP
    task: Do it.
    check:
      -   CHECK
    hints: [Do it., By hand.]
    solution: "true"
    mistakes:
      - name: other
        say: It is not so.
        try: docker create --name dl-other busybox:1.36
        when:
        - WHEN
"""
PLACES = {"SETUP": "{container: dl-a, absent: true}", "CHECK": "{container: dl-a}", "WHEN": "{container: dl-other}"}


def test_the_file_in_the_repository_is_what_the_models_make() -> None:
    path = ROOT / "docs" / reference.FILE
    assert path.is_file(), f"run: {COMMAND}"
    assert path.read_text(encoding="utf-8") == reference.text(), f"run: {COMMAND}"


def structs(model: Model) -> Iterator[Model]:
    """Every model that is within another one, and that one."""
    yield from _within(msgspec.inspect.type_info(model), set())


def _within(kind: Any, seen: set[Model]) -> Iterator[Model]:
    if isinstance(kind, msgspec.inspect.StructType) and kind.cls not in seen:
        seen.add(kind.cls)
        yield kind.cls
        for field in kind.fields:
            yield from _within(field.type, seen)
    for name in ("types", "item_types"):
        for inner in getattr(kind, name, ()):
            yield from _within(inner, seen)
    for name in ("type", "item_type", "value_type"):
        if (inner := getattr(kind, name, None)) is not None:
            yield from _within(inner, seen)


def test_every_part_of_the_format_is_in_it() -> None:
    assert set(PARTS) == {*structs(models.Lesson), *structs(models.Pack)}
    assert len(set(PARTS)) == len(PARTS)


def test_every_field_has_its_row_and_no_row_is_about_what_is_gone() -> None:
    for part in PARTS:
        names = [field.encode_name for field in msgspec.structs.fields(part)]
        assert sorted(name for name, _, _ in fields.rows(part)) == sorted(names), part
    for model, rows in fields.FIELDS.items():
        known = {field.encode_name for field in msgspec.structs.fields(model)}
        assert set(rows) <= known, model
        assert all(says.endswith(".") for says, _ in rows.values()), model
    for model, name in fields.WITH:
        assert name in {row for row, _, _ in fields.rows(model)}, (model, name)


def test_links_lead_to_what_is_there() -> None:
    import re

    text = reference.text()
    there = {
        re.sub(r"[`,.]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines() if line.startswith("#")
    }  # fmt: skip
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= there


def example(model: Model, name: str, value: str) -> str:
    """A field's example with what it needs beside it, as YAML."""
    given = {**fields.WITH.get((model, name), {}), name: value}
    for field in msgspec.structs.fields(model):
        if field.required and field.encode_name not in given:
            given[field.encode_name] = fields.row(model, field.encode_name)[1]
    return "\n".join(f"{reference.key(key)}: {text}" for key, text in given.items())


EXAMPLES = [(model, name, text) for model in PARTS for name, _, text in fields.rows(model)]


@pytest.mark.parametrize("model", PARTS, ids=lambda model: model.__name__)
def test_every_example_is_taken(model: Model) -> None:
    """As the type and what it objects to say."""
    found = [(name, example(model, name, text)) for one, name, text in EXAMPLES if one is model]
    found += [("", fields.WHOLE[model])] if model in fields.WHOLE else []
    for name, text in found:
        document = tree.parse(text.encode(), "example")
        assert document.root is not None, (name, document.problems)
        assert not document.problems, (name, document.problems)
        plain = variables.substitute_tree(tree.plain(document.root), KNOWN)
        made = msgspec.convert(explain.tagged(plain, model), model, strict=False)
        if name:
            field = next(one for one in msgspec.structs.fields(model) if one.encode_name == name)
            assert field.required or getattr(made, field.name) != reference_default(field), (name, text)


def reference_default(field: msgspec.structs.FieldInfo) -> Any:
    """What a field is when it is not given."""
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def in_a_lesson() -> Iterator[tuple[str, str]]:
    """Every example of a noun and of a stated thing, with where in a lesson it belongs."""
    for model in PARTS:
        if issubclass(model, Noun | SetupItem):
            place = "WHEN" if model is Command else "CHECK" if issubclass(model, Noun) else "SETUP"
            yield from ((place, example(model, name, text)) for one, name, text in EXAMPLES if one is model)
            yield place, fields.WHOLE[model]


def indented(text: str) -> str:
    """As the item of a list, ten columns in."""
    return text.replace("\n", "\n          ")


def test_every_noun_has_a_whole_example_and_all_load(tmp_path: Path) -> None:
    (tmp_path / "first" / "files" / "app").mkdir(parents=True)
    for place, text in in_a_lesson():
        lesson = LESSON
        for name, other in PLACES.items():
            lesson = lesson.replace(name, indented(text) if name == place else other)
        (tmp_path / "first" / "lesson.yaml").write_text(lesson)
        told = [str(problem) for problem in lesson_problems(tmp_path, "first", IMAGES, ("first",))]
        assert told == [], text


def test_a_matcher_is_shown_in_use() -> None:
    """All examples of fields together use every kind of matcher."""
    told = " ".join(text for model, _, text in EXAMPLES if model is not Match)
    wanted = {"contains:", "matches:", "one_of:", "not:", "'>':", "'<':"}
    assert {word for word in wanted if word not in told} == set()
