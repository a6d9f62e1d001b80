"""The author's reference, ``docs/reference.md``: each noun and field of the format, made from the models.

What a part is comes from its docstring, what a key takes from its type, what it means and an example from ``fields``.
``python -m dockerlearn.course.reference`` writes the file anew; a test fails when it is not what the models make.
"""

from __future__ import annotations

import inspect as source
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import inspect

from dockerlearn.checks import compose, container, containers
from dockerlearn.checks.base import Noun
from dockerlearn.checks.inside_image import Runs
from dockerlearn.checks.instruction import InstructionWanted
from dockerlearn.checks.matchers import Match
from dockerlearn.checks.mounts import MountWanted
from dockerlearn.checks.reach import Reach
from dockerlearn.checks.vocabulary import NOUNS
from dockerlearn.course import fields, models
from dockerlearn.course.fields import Model
from dockerlearn.setup import spec

FILE = "reference.md"

CHAPTERS: dict[str, tuple[Model, ...]] = {
    "pack.yaml": (models.Pack, models.PackImage),
    "lesson.yaml": (models.Lesson, models.Variable, models.Concept, models.Myth),
    "Steps": (
        models.Step, models.Predict, models.Choice, models.Proof, models.Question, models.Answer, models.AnswerSource,
        models.WrongAnswer, models.FileSolution, models.Mistake, models.Trick, models.Untested,
    ),
    "Set-up": (*spec.SETUP_NOUNS.values(), spec.SetupMount),
    "Checks": (
        NOUNS["container"], container.Capabilities, container.ComposeLabels, MountWanted,
        NOUNS["containers"], containers.Which, NOUNS["image"], Runs, NOUNS["network"], Reach, NOUNS["volume"],
        NOUNS["http"], NOUNS["tcp"], NOUNS["exec"], NOUNS["file"], NOUNS["dockerfile"], InstructionWanted,
        NOUNS["compose"], compose.ServiceWanted, compose.DeclaredWanted, NOUNS["event"], NOUNS["command"],
    ),
    "Matchers": (Match,),
}  # fmt: skip
"""Every part of the format, in the order in which an author meets it."""

_TITLES: dict[Model, str] = {
    models.Pack: "A pack", models.PackImage: "An image of a pack", models.Lesson: "A lesson",
    models.Variable: "A variable", models.Concept: "The concept", models.Myth: "A myth", models.Step: "A step",
    models.Predict: "A prediction", models.Choice: "A choice", models.Proof: "A proof", models.Question: "A question",
    models.Answer: "An answer", models.AnswerSource: "Where an answer is read",
    models.WrongAnswer: "A wrong answer", models.Mistake: "A mistake",
    models.FileSolution: "A solution of files", models.Untested: "Something untested",
    models.Trick: "A cheat",
    spec.SetupMount: "A mount of the set-up", container.Capabilities: "Capabilities",
    container.ComposeLabels: "A service that a container is", MountWanted: "A mount",
    containers.Which: "Which containers",
    Runs: "What a container of an image does", Reach: "Who reaches whom", InstructionWanted: "An instruction",
    compose.ServiceWanted: "A service", compose.DeclaredWanted: "A network or volume of a Compose file",
    Match: "A matcher",
}  # fmt: skip


def text() -> str:
    """Return the whole reference."""
    return "\n".join(_lines()) + "\n"


def write(folder: Path) -> None:
    """Write it into a folder."""
    (folder / FILE).write_text(text(), encoding="utf-8")


def _lines() -> Iterator[str]:
    yield from _HEAD.splitlines()
    for chapter, parts in CHAPTERS.items():
        yield from ("", f"## {chapter}")
        if chapter in _LEADS:
            yield from ("", _LEADS[chapter])
        for model in parts:
            yield from _part(model)


def _part(model: Model) -> Iterator[str]:
    yield from ("", f"### {title(model)}", "")
    yield _prose(model)
    if model in fields.WHOLE:
        yield from ("", "```yaml", f"- {fields.WHOLE[model]}", "```")
    yield from ("", "| key | takes | means | example |", "| --- | --- | --- | --- |")
    types = {field.encode_name: field for field in _struct(model).fields}
    for name, says, example in fields.rows(model):
        needed = " (needed)" if types[name].required else ""
        yield f"| `{name}`{needed} | {_takes(types[name].type)} | {_cell(says)} | {_code(f'{key(name)}: {example}')} |"


def title(model: Model) -> str:
    """Return what a part is called: a noun by its word, the others in words.

    >>> title(models.Step), title(NOUNS["http"]), title(spec.SetupVolume)
    ('A step', '`http`', '`volume`, to be so')
    """
    if issubclass(model, Noun):
        return f"`{model.word}`"
    return f"`{model.word}`, to be so" if issubclass(model, spec.SetupItem) else _TITLES[model]


def _prose(model: Model) -> str:
    """A docstring without its examples."""
    paragraphs = source.cleandoc(model.__doc__ or "").split("\n\n")
    kept = [part for part in paragraphs if not part.lstrip().startswith(">>>")]
    return "\n\n".join(kept).replace("``", "`")


def _struct(model: Model) -> inspect.StructType:
    found = inspect.type_info(model)
    assert isinstance(found, inspect.StructType)  # noqa: S101  # every part is a struct
    return found


def _takes(kind: inspect.Type) -> str:
    return " or ".join(dict.fromkeys(_words(kind)))


def _words(kind: Any) -> Iterator[str]:
    if isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from _words(one)
    elif isinstance(kind, inspect.Metadata):
        yield from _words(kind.type)
    elif isinstance(kind, inspect.LiteralType):
        yield ", ".join(f"`{value}`" for value in kind.values)
    elif isinstance(kind, inspect.ListType):
        yield f"a list of {_many(kind.item_type)}"
    elif isinstance(kind, inspect.DictType):
        yield f"a mapping to {_many(kind.value_type)}"
    elif isinstance(kind, inspect.TupleType):
        yield "a list of two"
    elif isinstance(kind, inspect.StructType):
        yield _link(kind.cls)
    elif not isinstance(kind, inspect.NoneType):
        yield _PLAIN[type(kind)]


_PLAIN: dict[type, str] = {inspect.StrType: "text", inspect.BoolType: "true or false", inspect.IntType: "a number"}


def _many(kind: Any) -> str:
    """What a list or a mapping holds: a check is any of the nouns, which are too many to name."""
    structs = [one.cls for one in getattr(kind, "types", ()) if isinstance(one, inspect.StructType)]
    if any(issubclass(one, Noun) for one in structs):
        return "[checks](#checks)"
    if any(issubclass(one, spec.SetupItem) for one in structs):
        return "[things](#set-up)"
    return _takes(kind)


def _link(model: Model) -> str:
    words = title(model)
    anchor = words.lower().replace(" ", "-").replace("`", "").replace(",", "")
    return f"[{words[0].lower()}{words[1:]}](#{anchor})"


def key(name: str) -> str:
    """Return a key as it is written in YAML.

    >>> key(">"), key("matches")
    ('">"', 'matches')
    """
    return f'"{name}"' if name in {">", "<"} else name


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


def _code(words: str) -> str:
    mark = "``" if "`" in words else "`"
    return f"{mark}{_cell(words)}{mark}"


_HEAD = """\
# Reference of the lesson format

Made from the models by `python -m dockerlearn.course.reference`: change those, not this file. How to write a lesson is
in [authoring.md](authoring.md). Editors read the same from `lesson.schema.json`
(`dockerlearn author schema --into FOLDER`).

Everything in a lesson is text until its key takes something else: `22:22`, `no` and `3.10` stay what you wrote. A key
that is not here is an error, and lint says which was probably meant."""

_LEADS = {
    "Set-up": (
        "What a step begins with. Each item of `setup:` is brought to this state, whatever was there before; what a "
        "learner made in a right way is used as it is."
    ),
    "Checks": (
        "What is looked at, in `check:`, a mistake's `when:` and a proof. All that is given must be so. A check that "
        "names its thing and nothing else asks whether it is there."
    ),
    "Matchers": (
        "Where a key takes text or a matcher, a text must be equal, or be `any` (there is one) or `none` (there is "
        "none). Quantities have units: `20MB`, `512m`, `1.5s`."
    ),
}

if __name__ == "__main__":
    write(Path(__file__).resolve().parents[2] / "docs")
