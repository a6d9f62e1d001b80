"""What a lesson must keep to beyond its types: its own names, the pack's images, solutions, hints, files that exist."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dockerlearn.checks.base import Noun
from dockerlearn.checks.container import Container
from dockerlearn.checks.containers import Containers
from dockerlearn.checks.event import Event
from dockerlearn.checks.exec import Exec
from dockerlearn.checks.http import Http
from dockerlearn.checks.image import Image
from dockerlearn.checks.matchers import quantity
from dockerlearn.checks.network import Network
from dockerlearn.checks.reach import Reach
from dockerlearn.checks.tcp import Tcp
from dockerlearn.checks.volume import Volume
from dockerlearn.course import models, variables
from dockerlearn.course.names import is_own_image, is_own_name
from dockerlearn.course.problems import Report, did_you_mean, key_path
from dockerlearn.course.tree import Mapping as Map
from dockerlearn.course.tree import Node, Scalar, Sequence
from dockerlearn.engine import references
from dockerlearn.engine.snapshots import BUILT_IN_NETWORKS
from dockerlearn.setup.spec import SetupContainer, SetupImage, SetupNetwork, SetupVolume

ID = re.compile(r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
"""What a pack, a lesson or a step may be called."""

MAX_SETUP = 100
"""Things that a step's set-up may state."""

MAX_NAMES = {"container": 40, "network": 20, "volume": 40, "image": 40}
"""Names of a kind in all set-ups of a lesson: more than any lesson needs, and what an engine bears."""

_IMAGE_NAME = re.compile(r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$")
# The grammar of references, loosely: what gets past it is refused by the engine in its own words.
_REFERENCE = re.compile(r"^[a-z0-9][a-zA-Z0-9._:/-]*(?:@sha256:[0-9a-f]{64})?$")


@dataclass(frozen=True)
class Context:
    """What surrounds a file: how it is called in messages, its folder, the pack's images and lessons."""

    file: str
    folder: Path | None = None
    references: Mapping[str, str] = field(default_factory=dict)
    lessons: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    """The folders beneath a pack that hold a lesson."""

    @property
    def materials(self) -> Path | None:
        """The lesson's folder of starter files."""
        return self.folder / "files" if self.folder is not None else None


Rule = Callable[[Map, str, Report, Context], None]


def look(model: type, node: Map, path: str, report: Report, context: Context) -> None:
    """Apply the rules for a part of a lesson or pack to the mapping that describes it."""
    within = node.get("within") if issubclass(model, Noun) else None
    if isinstance(within, Scalar) and quantity(within.text) is None:
        report.add(within.at, key_path(path, "within"), f"'{within.text}' is not a time, as in 30s")
    rule = _RULES.get(model)
    if rule is not None:
        rule(node, path, report, context)


def _pack(node: Map, path: str, report: Report, context: Context) -> None:
    _identifier(node, "id", path, report)
    listed: set[str] = set()
    for item, here in _texts(node, "lessons", path):
        if not ID.match(item.text):
            report.add(item.at, here, f"'{item.text}' is not a name of a-z, 0-9 and single -")
        elif item.text in listed:
            report.add(item.at, here, f"the lesson {item.text} is listed twice")
        elif item.text not in context.present:
            near = did_you_mean(item.text, context.present)
            report.add(item.at, here, f"there is no {item.text}/lesson.yaml beside this file", near)
        listed.add(item.text)
    lessons = node.get("lessons")
    for name in sorted(set(context.present) - listed):
        if lessons is not None and not any(did_you_mean(item, (name,)) for item in listed - set(context.present)):
            report.add(lessons.at, key_path(path, "lessons"), f"the lesson {name} is not listed", f"add {name}")
    images = node.get("images")
    for key, value in images.pairs if isinstance(images, Map) else []:
        here = key_path(key_path(path, "images"), key.text)
        if not _IMAGE_NAME.match(key.text):
            report.add(key.at, here, f"'{key.text}' is not a name of a-z, 0-9, ., _ and -")
        elif key.text.startswith("dl-"):
            report.add(key.at, here, "names that begin with dl- are for what lessons make")
        reference = value.get("reference") if isinstance(value, Map) else value
        if isinstance(reference, Scalar) and reference.text.strip() and not _REFERENCE.match(reference.text):
            report.add(reference.at, here, f"'{reference.text}' is not the reference of an image")
        elif isinstance(reference, Scalar) and not reference.text.strip() and not isinstance(value, Map):
            report.add(reference.at, here, "this text is empty", "say which image is meant")


def _lesson(node: Map, path: str, report: Report, context: Context) -> None:
    seen: dict[str, Scalar] = {}
    for step, here in _maps(node, "steps", path):
        identifier = step.get("id")
        if isinstance(identifier, Scalar):
            first = seen.setdefault(identifier.text, identifier)
            if first is not identifier:
                report.add(identifier.at, f"{here}.id", f"the step in line {first.at[0]} has the same id")
    for item, here in _texts(node, "requires", path):
        if ":" not in item.text and item.text not in context.lessons:
            report.add(item.at, here, f"there is no lesson {item.text}", did_you_mean(item.text, context.lessons))
    for noun, most in MAX_NAMES.items():
        names: set[str] = set()
        stated = [
            (item.get(noun), f"{there}.{noun}")
            for one, here in _maps(node, "steps", path)
            for item, there in _maps(one, "setup", here)
        ]
        for name, there in stated:
            if isinstance(name, Scalar) and name.text not in names and len(names) == most:
                report.add(name.at, there, f"a lesson's set-ups make {most} {noun}s at most")
                break
            if isinstance(name, Scalar):
                names.add(name.text)
    declared = node.get("vars")
    for key, _ in declared.pairs if isinstance(declared, Map) else []:
        if not variables.NAME.match(key.text):
            here = key_path(key_path(path, "vars"), key.text)
            report.add(key.at, here, f"'{key.text}' is not a name of a-z, 0-9 and _ that begins with a letter")


def _step(node: Map, path: str, report: Report, context: Context) -> None:
    _identifier(node, "id", path, report)
    kinds = [key for key in ("check", "answer", "question") if node.get(key) is not None]
    if len(kinds) > 1:
        second = next(key for key, _ in node.pairs if key.text in kinds[1:])
        report.add(second.at, key_path(path, second.text), f"a step has only one of {' and '.join(kinds)}")
    if "check" in kinds or "answer" in kinds:
        for key in ("task", "hints", "solution"):
            if node.get(key) is None:
                report.add(node.at, path, f"the key {key} is missing, which a step with something to do needs")
    for item, here in _texts(node, "files", path):
        _material(item, here, report, context, folder=None)
    setup = node.get("setup")
    if isinstance(setup, Sequence) and len(setup.items) > MAX_SETUP:
        message = f"a set-up states {MAX_SETUP} things at most, and this one {len(setup.items)}"
        report.add(setup.at, key_path(path, "setup"), message)


def _choices(node: Map, path: str, report: Report, _context: Context) -> None:
    choices = node.get("choices")
    if not isinstance(choices, Sequence):
        return
    here = key_path(path, "choices")
    if len(choices.items) < 2:
        report.add(choices.at, here, "there must be at least two choices")
    right = [item.get("right") for item in choices.items if isinstance(item, Map)]
    count = sum(isinstance(value, Scalar) and value.text.lower() in {"true", "1"} for value in right)
    if count != 1:
        report.add(choices.at, here, f"exactly one choice must have right: true, found {count or 'none'}")


def _answer_source(node: Map, path: str, report: Report, context: Context) -> None:
    _container_name(node, "container", path, report)
    _image(node, "image", path, report, context)


def _container(node: Map, path: str, report: Report, context: Context) -> None:
    _container_name(node, "container", path, report)
    _image(node, "image", path, report, context)
    _keys(node, "networks", path, report, _network)
    _keys(node, "only_networks", path, report, _network)
    mounts = node.get("mounts")
    for key, how in mounts.pairs if isinstance(mounts, Map) else []:
        here = key_path(key_path(path, "mounts"), key.text)
        if not key.text.startswith("/"):
            report.add(key.at, here, f"'{key.text}' is not a path in a container, as in /data")
        name = how.get("name") if isinstance(how, Map) else how
        if isinstance(name, Scalar) and name.text and not name.text.startswith((".", "/")):
            _volume(name, here if name is how else f"{here}.name", report)


def _containers(node: Map, path: str, report: Report, context: Context) -> None:
    which = node.get("containers")
    if isinstance(which, Map):
        _image(which, "image", key_path(path, "containers"), report, context)


def _event(node: Map, path: str, report: Report, context: Context) -> None:
    for key, rule in (("container", _one_container), ("network", _network), ("volume", _volume)):
        _keys(node, key, path, report, rule)
    _image(node, "image", path, report, context)


def _exec(node: Map, path: str, report: Report, _context: Context) -> None:
    _container_name(node, "exec", path, report)


def _network_check(node: Map, path: str, report: Report, _context: Context) -> None:
    name = node.get("network")
    if isinstance(name, Scalar):
        _network(name, key_path(path, "network"), report)
    _keys(node, "attached", path, report, _one_container)


def _volume_check(node: Map, path: str, report: Report, _context: Context) -> None:
    name = node.get("volume")
    if isinstance(name, Scalar):
        _volume(name, key_path(path, "volume"), report)
    _keys(node, "used_by", path, report, _one_container)


def _keys(node: Map, key: str, path: str, report: Report, rule: Callable[[Scalar, str, Report], None]) -> None:
    """Apply a rule to each name of a list of names, a mapping by name, or one name."""
    value = node.get(key)
    here = key_path(path, key)
    if isinstance(value, Scalar):
        rule(value, here, report)
    elif isinstance(value, Map):
        for name, _ in value.pairs:
            rule(name, key_path(here, name.text), report)
    else:
        for item, place in _texts(node, key, path):
            rule(item, place, report)


def _network(name: Scalar, path: str, report: Report) -> None:
    if name.text not in BUILT_IN_NETWORKS | _WORDS:
        _own(name, name.text, path, report, "networks")


def _volume(name: Scalar, path: str, report: Report) -> None:
    if name.text not in _WORDS:
        _own(name, name.text, path, report, "volumes")


def _one_container(name: Scalar, path: str, report: Report) -> None:
    if name.text not in _WORDS:
        _own(name, name.text, path, report)


_WORDS = {"any", "none", "false", ""}


def _port_check(node: Map, path: str, report: Report, _context: Context) -> None:
    for key in ("http", "tcp"):
        address = node.get(key)
        if isinstance(address, Scalar) and ":" in address.text:
            _own(address, address.text.rpartition(":")[0], key_path(path, key), report)
    _container_name(node, "from", path, report)


def _reach(node: Map, path: str, report: Report, _context: Context) -> None:
    _container_name(node, "from", path, report)
    _keys(node, "to", path, report, lambda name, here, told: _own(name, name.text, here, told))


def _image_check(node: Map, path: str, report: Report, context: Context) -> None:
    for key in ("image", "same_as", "not_same_as", "smaller_than", "larger_than"):
        _image(node, key, path, report, context)


def _setup_network(node: Map, path: str, report: Report, _context: Context) -> None:
    name = node.get("network")
    if isinstance(name, Scalar):
        _own(name, name.text, key_path(path, "network"), report, "networks")


def _setup_volume(node: Map, path: str, report: Report, _context: Context) -> None:
    name = node.get("volume")
    if isinstance(name, Scalar):
        _own(name, name.text, key_path(path, "volume"), report, "volumes")


def _setup_container(node: Map, path: str, report: Report, context: Context) -> None:
    _container_name(node, "container", path, report)
    _image(node, "image", path, report, context)
    _keys(node, "networks", path, report, lambda name, here, told: _own(name, name.text, here, told, "networks"))
    mounts = node.get("mounts")
    for key, how in mounts.pairs if isinstance(mounts, Map) else []:
        here = key_path(key_path(path, "mounts"), key.text)
        name = how.get("volume") if isinstance(how, Map) else how
        if isinstance(name, Scalar) and name.text.startswith(("/", "~")):
            told = f"'{name.text}' is a folder of the host, which setup mounts none of"
            report.add(name.at, here if name is how else f"{here}.volume", told, "./FOLDER is one of the lesson's own")
        elif isinstance(name, Scalar) and not name.text.startswith("."):
            _own(name, name.text, here if name is how else f"{here}.volume", report, "volumes")
    published = node.get("publish")
    for key, value in published.pairs if isinstance(published, Map) else []:
        here = key_path(key_path(path, "publish"), key.text)
        number = key.text.partition("/")[0]
        if not number.isdigit() or not 0 < int(number[:6]) < 65_536 or key.text.partition("/")[2] not in _PROTOCOLS:
            report.add(key.at, here, f"'{key.text}' is not a port, as in 80/tcp")
        if isinstance(value, Scalar) and value.text.isdigit() and not 1024 <= int(value.text[:6]) < 65_536:
            report.add(value.at, here, "a port of the host is from 1024 to 65535")


_PROTOCOLS = {"", "tcp", "udp"}


def _setup_image(node: Map, path: str, report: Report, context: Context) -> None:
    _image(node, "image", path, report, context)
    _image(node, "tag_of", path, report, context)
    name = node.get("image")
    changes = next((key for key in ("absent", "tag_of", "build") if node.get(key) is not None), None)
    if isinstance(name, Scalar) and changes and name.text.strip() and not is_own_image(name.text):
        report.add(name.at, key_path(path, "image"), f"with {changes} the name must be the course's own", _OWN)
    build = node.get("build")
    if isinstance(build, Scalar):
        _material(build, key_path(path, "build"), report, context, folder=True)


def _file_solution(node: Map, path: str, report: Report, _context: Context) -> None:
    files = node.get("files")
    for key, _ in files.pairs if isinstance(files, Map) else []:
        if not _beneath(key.text):
            report.add(key.at, key_path(key_path(path, "files"), key.text), f"'{key.text}' {_OUTSIDE}")


_RULES: dict[type, Rule] = {
    models.Pack: _pack,
    models.Lesson: _lesson,
    models.Step: _step,
    models.Predict: _choices,
    models.Question: _choices,
    models.AnswerSource: _answer_source,
    models.FileSolution: _file_solution,
    Container: _container,
    Containers: _containers,
    Event: _event,
    Exec: _exec,
    Http: _port_check,
    Tcp: _port_check,
    Network: _network_check,
    Reach: _reach,
    Volume: _volume_check,
    Image: _image_check,
    SetupContainer: _setup_container,
    SetupImage: _setup_image,
    SetupNetwork: _setup_network,
    SetupVolume: _setup_volume,
}

WHOLE = frozenset({models.Predict, models.Question})
"""Types whose own objections are all made here, and made of choices that are wrong otherwise too."""

_OWN = "begin it with dl-"
_OUTSIDE = "is not a path beneath the lesson's folder"


def _identifier(node: Map, key: str, path: str, report: Report) -> None:
    value = node.get(key)
    if isinstance(value, Scalar) and value.text.strip() and not ID.match(value.text):
        report.add(value.at, key_path(path, key), f"'{value.text}' is not a name of a-z, 0-9 and single -")


def _container_name(node: Map, key: str, path: str, report: Report) -> None:
    value = node.get(key)
    if isinstance(value, Scalar) and value.text.strip():
        _own(value, value.text, key_path(path, key), report)


def _own(value: Scalar, name: str, path: str, report: Report, kind: str = "containers") -> None:
    if name and not is_own_name(name):
        if name.startswith("dl-"):
            report.add(value.at, path, f"'{name}' is not a name for a {kind.removesuffix('s')}")
        else:
            report.add(
                value.at, path, f"the course's {kind} begin with dl-, and '{name}' does not", f"call it dl-{name}"
            )


def _image(node: Map, key: str, path: str, report: Report, context: Context) -> None:
    """An image is one of the pack's, by short name or reference, or a name of the course's own."""
    value = node.get(key)
    if not isinstance(value, Scalar) or not value.text.strip():
        return
    name = value.text
    if name in context.references or is_own_image(name):
        return
    known = {references.normalise(reference): short for short, reference in context.references.items()}
    if references.normalise(name) in known:
        return
    repository = references.repository(name)
    same = [short for full, short in known.items() if references.repository(full) == repository]
    if same:
        suggestion: str | None = f"the pack's is {context.references[same[0]]}, called {same[0]}"
    else:
        suggestion = did_you_mean(name, list(context.references))
    report.add(value.at, key_path(path, key), f"'{name}' is neither an image of pack.yaml nor a dl- name", suggestion)


def _material(item: Scalar, path: str, report: Report, context: Context, *, folder: bool | None) -> None:
    """A path in the lesson's files/; ``folder`` says whether it must be one."""
    root = context.materials
    if not item.text.strip() or root is None:
        return
    if not _beneath(item.text):
        report.add(item.at, path, f"'{item.text}' is not a path in the lesson's files/")
        return
    target = root / item.text
    if target.is_dir() if folder or item.text.endswith("/") else target.exists():
        return
    near = did_you_mean(item.text, [entry.name for entry in root.iterdir()]) if root.is_dir() else None
    what = "folder" if folder or item.text.endswith("/") else "file"
    report.add(item.at, path, f"there is no {what} {item.text} in the lesson's files/", near)


def _beneath(path: str) -> bool:
    parts = path.split("/")
    # Longer names no file can have, and to ask for one is an error.
    short = len(path) <= 1_000 and all(len(part.encode("utf-8", "replace")) <= 255 for part in parts)
    return bool(path) and not path.startswith(("/", "~")) and ".." not in parts and "\x00" not in path and short


def _texts(node: Map, key: str, path: str) -> list[tuple[Scalar, str]]:
    return [(item, here) for item, here in _items(node, key, path) if isinstance(item, Scalar) and item.text.strip()]


def _maps(node: Map, key: str, path: str) -> list[tuple[Map, str]]:
    return [(item, here) for item, here in _items(node, key, path) if isinstance(item, Map)]


def _items(node: Map, key: str, path: str) -> list[tuple[Node, str]]:
    value = node.get(key)
    here = key_path(path, key)
    return [(item, f"{here}[{index}]") for index, item in enumerate(value.items if isinstance(value, Sequence) else [])]
