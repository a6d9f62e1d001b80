"""The JSON Schemas: kept in the repository as the model makes them, and an editor agrees with the loader."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from dockerlearn.course import schema

ROOT = Path(__file__).parent.parent
PACKS = ROOT / "tests" / "packs"
COMMAND = "python -m dockerlearn.course.schema"


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    made = schema.schemas()[f"{name}.schema.json"]
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


def as_an_editor_reads(path: Path) -> Any:
    """YAML with YAML's own types, as editors do."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", list(schema.schemas()))
def test_the_file_in_the_repository_is_what_the_model_makes(name: str) -> None:
    path = ROOT / "lessons" / name
    assert path.is_file(), f"run: {COMMAND}"
    assert path.read_text(encoding="utf-8") == schema.text(schema.schemas()[name]), f"run: {COMMAND}"


@pytest.mark.parametrize(
    "path", sorted([*PACKS.glob("good/*/lesson.yaml"), *PACKS.glob("broken/fine/lesson.yaml")]), ids=str
)
def test_good_lessons_are_good_to_an_editor(path: Path) -> None:
    assert [error.message for error in validator("lesson").iter_errors(as_an_editor_reads(path))] == []


def test_the_good_pack_is_good_and_the_broken_ones_are_not() -> None:
    pack = validator("pack")
    assert pack.is_valid(as_an_editor_reads(PACKS / "good/pack.yaml"))
    found = {error.json_path for error in pack.iter_errors(as_an_editor_reads(PACKS / "broken-pack/pack.yaml"))}
    assert {"$", "$.format", "$.id", "$.images.kettle"} <= found
    lesson = validator("lesson")
    wrong = {error.json_path for error in lesson.iter_errors(as_an_editor_reads(PACKS / "broken/faults/lesson.yaml"))}
    assert {"$", "$.level", "$.minutes", "$.steps[0].check[0]", "$.steps[0].setup[1]", "$.steps[3]"} <= wrong


def change(step: int, key: str, value: Any) -> Callable[[Any], None]:
    def apply(lesson: Any) -> None:
        lesson["steps"][step][key] = value

    return apply


@pytest.mark.parametrize(
    ("apply", "good"),
    [
        (change(1, "check", [{"container": "dl-a", "running": True}]), True),
        (change(1, "check", [{"container": "dl-a", "running": "true"}]), True),
        (change(1, "check", [{"container": "dl-a", "running": "@{x}"}]), True),
        (change(1, "check", [{"container": "dl-a", "published": {"80/tcp": 8080, "81/tcp": False}}]), True),
        (change(1, "check", [{"container": "dl-a", "memory": {">": "20MB"}, "env": {"A": {"not": "b"}}}]), True),
        (
            change(1, "check", [{"container": "dl-a", "networks": ["dl-net"], "mounts": {"/a": {"read_only": True}}}]),
            True,
        ),
        (change(1, "check", [{"container": "dl-a", "networks": {"dl-net": "db"}, "mounts": "none"}]), True),
        (change(1, "check", [{"network": "dl-net", "attached": {"dl-a": "any"}}, {"volume": "dl-v"}]), True),
        (change(1, "check", [{"containers": {"running": True}, "count": 3}, {"tcp": "dl-a:80"}]), True),
        (change(1, "check", [{"exec": "dl-a", "command": "ls", "output": {"contains": "x"}}]), True),
        (change(1, "check", [{"exec": "dl-a"}]), False),
        (change(1, "check", [{"volume": "data"}]), False),
        (change(1, "check", [{"container": "dl-a", "mounts": {"/a": {"from": "x"}}}]), False),
        (change(1, "setup", [{"network": "dl-net"}, {"volume": "dl-v", "files": {"a": 1}}]), True),
        (change(1, "setup", [{"network": "dl-net", "driver": "overlay"}]), False),
        (change(1, "check", [{"container": "dl-a", "running": "perhaps"}]), False),
        (change(1, "check", [{"container": "dl-a", "runing": True}]), False),
        (change(1, "check", [{"container": "dl-a", "noun": "container"}]), False),
        (change(1, "check", [{"container": "web"}]), False),
        (change(1, "check", [{"running": True}]), False),
        (change(1, "check", [{"container": "dl-a", "memory": {"above": 3}}]), False),
        (change(1, "setup", [{"container": "dl-a", "image": "kettle", "publish": {"80/tcp": "@{port}"}}]), True),
        (change(1, "setup", [{"container": "dl-a", "privileged": True}]), False),
        (change(1, "mistakes", [{"name": "a", "when": [{"image": "dl-a"}], "say": "b", "try": "c"}]), True),
        (change(1, "mistakes", [{"name": "a", "when": [{"image": "dl-a"}], "say": "b", "try_": "c"}]), False),
        (change(3, "answer", {"from": {"engine": "kernel"}}), True),
        (change(3, "answer", {"from_": {"engine": "kernel"}}), False),
        (change(0, "id", "Not An Id"), False),
    ],
)
def test_an_editor_knows_the_vocabulary(apply: Callable[[Any], None], good: bool) -> None:
    lesson = copy.deepcopy(as_an_editor_reads(PACKS / "good/first/lesson.yaml"))
    apply(lesson)
    assert validator("lesson").is_valid(lesson) == good


def test_the_inner_tag_is_not_part_of_the_format() -> None:
    made = json.dumps(schema.schemas())
    assert '"noun"' not in made
    assert "discriminator" not in made
    assert ">>>" not in made


def test_parts_are_described() -> None:
    parts = schema.schemas()["lesson.schema.json"]["$defs"]
    assert all(part["description"] for part in parts.values())
    assert parts["Container"]["description"].startswith("A container, by its name.")
    assert "``" not in json.dumps(parts)
