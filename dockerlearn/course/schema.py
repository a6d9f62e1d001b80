"""The JSON Schemas of ``lesson.yaml`` and ``pack.yaml``, made from the model, for editors.

A lesson names its own with ``# yaml-language-server: $schema=../lesson.schema.json``. An editor reads YAML with YAML's
own types, the course does not: so wherever text is meant a number and a boolean pass too, and wherever a number or a
boolean is meant the text of one does, and ``@{…}``. ``python -m dockerlearn.course.schema`` writes the files anew.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import msgspec

from dockerlearn.checks.vocabulary import NOUNS
from dockerlearn.course import fields
from dockerlearn.course.models import Lesson, Model, Pack
from dockerlearn.course.names import PREFIX
from dockerlearn.setup.spec import SETUP_NOUNS

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TAG = "noun"
_VARIABLE = r"@\{[^{}]+\}"
_TEXT = ["string", "number", "boolean"]
_BOOLEAN = {
    "anyOf": [{"type": "boolean"}, {"type": "string", "pattern": f"^(?:[Tt]rue|[Ff]alse|TRUE|FALSE|{_VARIABLE})$"}]
}
_IDENTIFIER = "^[a-z0-9]+(?:-[a-z0-9]+)*$"


def schemas() -> dict[str, dict[str, Any]]:
    """Return both schemas by the name of their file."""
    return {"lesson.schema.json": _schema(Lesson, "A lesson"), "pack.schema.json": _schema(Pack, "A pack of lessons")}


def text(schema: dict[str, Any]) -> str:
    """Return a schema as it is kept in its file."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def write(folder: Path) -> None:
    """Write both files into the folder of a pack."""
    for name, schema in schemas().items():
        (folder / name).write_text(text(schema), encoding="utf-8")


def _schema(model: type[Model], title: str) -> dict[str, Any]:
    (root,), parts = msgspec.json.schema_components([model], ref_template="#/$defs/{name}")
    names = sorted(parts)
    definitions = {name: _definition(parts[name]) for name in names}
    for name, definition in definitions.items():
        _refine(name, definition["properties"])
    return {"$schema": _DRAFT, "title": title, **root, "$defs": definitions}


def _definition(part: dict[str, Any]) -> dict[str, Any]:
    properties = {name: _loose(value) for name, value in part["properties"].items() if name != _TAG}
    found: dict[str, Any] = {"type": "object", "description": _prose(part.get("description", ""))}
    found["properties"] = properties
    if required := [name for name in part.get("required", []) if name != _TAG]:
        found["required"] = required
    found["additionalProperties"] = False
    return found


def _refine(name: str, properties: dict[str, Any]) -> None:
    """Add what the rules know and the types do not, and what each key means."""
    if name in {"Step", "Pack"}:
        properties["id"] = {"type": "string", "pattern": _IDENTIFIER}
    words = {model.__name__: word for nouns in (NOUNS, SETUP_NOUNS) for word, model in nouns.items()}
    if words.get(name) in {"container", "http", "tcp", "exec", "volume"}:
        properties[words[name]] = {"type": "string", "pattern": f"^{PREFIX}"}
    part = next(one for one in fields.FIELDS if one.__name__ == name)
    for key, says, _ in fields.rows(part):
        properties[key] = {"description": _prose(says), **properties[key]}


def _loose(schema: Any) -> Any:
    """A schema that takes what YAML's types make of the texts that the course takes."""
    if not isinstance(schema, dict):
        return schema
    schema = {key: value for key, value in schema.items() if key not in {"discriminator", "default", "title"}}
    if "anyOf" in schema:
        # There is no null in a lesson: a key that is not given is left out.
        options = [_loose(option) for option in schema["anyOf"] if option != {"type": "null"}]
        return options[0] if len(options) == 1 else {**schema, "anyOf": options}
    kind = schema.get("type")
    if kind == "string":
        return {**schema, "type": _TEXT}
    if kind == "boolean":
        return _BOOLEAN
    if kind == "integer":
        return {"anyOf": [schema, {"type": "string", "pattern": rf"^(?:-?[0-9]+|{_VARIABLE})$"}]}
    for key in ("items", "additionalProperties"):
        if key in schema:
            schema[key] = _loose(schema[key])
    if "prefixItems" in schema:
        schema["prefixItems"] = [_loose(item) for item in schema["prefixItems"]]
    return schema


def _prose(docstring: str) -> str:
    """A docstring without its examples and marks."""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    kept = " ".join(" ".join(part.split()) for part in paragraphs if not part.lstrip().startswith(">>>"))
    return re.sub(r"`+", "", kept)


if __name__ == "__main__":
    write(Path(__file__).resolve().parents[2] / "lessons")
