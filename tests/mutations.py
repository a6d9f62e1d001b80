"""Changes good lessons at random, and does with each what is done with a lesson by others before anybody runs it.

``python -m tests.mutations [COUNT [SEED]]`` prints what came of it as JSON; the same numbers give the same lessons. A
mutant is a step of a good lesson, so that there are many of them: it is linted, loaded, asked what it will use, and
shown to its author. It may be refused; it may not raise what is no error of ours, take 2 seconds, or 200 MB.
"""

from __future__ import annotations

import copy
import io
import json
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from dockerlearn.author.lint import lint
from dockerlearn.author.target import Target
from dockerlearn.course.packs import open_pack
from dockerlearn.errors import DockerlearnError
from dockerlearn.packs import uses
from dockerlearn.ui.view import View

ROOT = Path(__file__).parent.parent
SECONDS, MEGABYTES = 2.0, 200

PACK = "format: 1\nid: mutant\ntitle: A mutant\nlessons: [one]\nimages: {images}\n"

ODD: list[Any] = [
    "", " ", None, True, False, 0, -1, 1 << 70, 1e308, float("nan"), "@{", "@{}", "@{x", "@{@{x}}", "@@{", "@{image.}",
    "../../etc/passwd", "/", "/var/run/docker.sock", "./..", "~", "dl-", "dl-" + "x" * 300, "dl-x", "a:b:c", ":", "::",
    "22:22", "no", "null", "3.10", "x" * 10_000, "é" * 200, "日本語", "\u202e", "\x1b[2J", "\r\n", "\0", "\ud800",
    "\ufeff",
    "(a+)+$", "(?<=x)", "((((a{9}){9}){9}){9})", "[", "*", "&x", "!!python/none", "{{.ID}}", "$(id)", "`id`", "'", '"',
    [], {}, [[]], [None], {"": ""}, [{}], {"not": {"not": {"not": "x"}}}, {"matches": "("}, {"contains": []},
    {"between": [1]}, {">": "x"}, {"one_of": []}, {"any": None}, "any", "none", "80/tcp", "99999/tcp", "0", "1" * 400,
]  # fmt: skip


class Good(NamedTuple):
    """A good lesson of one step, the images of its pack, and its files."""

    lesson: dict[str, Any]
    images: dict[str, Any]
    files: Path


def good() -> list[Good]:
    """Every step of the course and of the good packs."""
    found: list[Good] = []
    for pack in (ROOT / "lessons" / "pack.yaml", *sorted((ROOT / "tests" / "packs" / "good").glob("**/pack.yaml"))):
        plain = yaml.safe_load(pack.read_text())
        for slug in plain["lessons"]:
            lesson = yaml.safe_load((pack.parent / slug / "lesson.yaml").read_text())
            lesson.pop("requires", None)
            steps = lesson["steps"]
            found += [Good({**lesson, "steps": [one]}, plain["images"], pack.parent / slug / "files") for one in steps]
    return found


def mutants(count: int, seed: int) -> Iterator[tuple[Good, str]]:
    """Good lessons, and the text that was made of each."""
    lessons = good()
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")
        one = rng.choice(lessons)
        tree = copy.deepcopy(one.lesson)
        if rng.random() < 0.6:
            for _ in range(rng.randint(1, 3)):
                _change_tree(tree, rng)
            yield one, _dump(tree, rng)
        else:
            text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=100)
            for _ in range(rng.randint(1, 3)):
                text = rng.choice(_TEXTS)(text, rng)
            yield one, text


def _dump(tree: Any, rng: random.Random) -> str:
    try:
        return yaml.safe_dump(tree, sort_keys=False, allow_unicode=rng.random() < 0.5, width=100)
    except (yaml.YAMLError, UnicodeEncodeError):
        return json.dumps(tree)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    todo = [tree]
    while todo:
        at = todo.pop()
        keys = list(at) if isinstance(at, dict) else range(len(at))
        for key in keys:
            found.append((at, key))
            if isinstance(at[key], dict | list):
                todo.append(at[key])
    return found


def _change_tree(tree: dict[str, Any], rng: random.Random) -> None:
    places = _places(tree)
    if not places:
        return
    at, key = rng.choice(places)
    how = rng.randrange(8)
    if how == 0:
        del at[key]
    elif how == 1 and isinstance(at, dict):
        at[rng.choice([f"{key}x", str(key)[:-1], "", "not", "name", "container", "image", "x" * 500])] = at.pop(key)
    elif how == 2 and isinstance(at, list):
        at.extend([copy.deepcopy(at[key]) for _ in range(rng.choice([1, 3, 300]))])
    elif how == 3:
        other, name = rng.choice(places)
        at[key] = copy.deepcopy(other[name])
    elif how == 4:
        for _ in range(rng.choice([1, 5, 60])):
            at[key] = [at[key]] if rng.random() < 0.5 else {rng.choice(["not", "x", "contains", "any"]): at[key]}
    elif how == 5 and isinstance(at[key], str):
        text, where = at[key], rng.randint(0, len(at[key]))
        at[key] = text[:where] + str(rng.choice(ODD)) + text[where:]
    elif how == 6 and isinstance(at, dict):
        at[str(rng.choice(ODD))[:2_000]] = copy.deepcopy(rng.choice(ODD))
    else:
        at[key] = copy.deepcopy(rng.choice(ODD))


def _lines(text: str, rng: random.Random, change: Callable[[list[str], int], None]) -> str:
    lines = text.split("\n")
    change(lines, rng.randrange(len(lines)))
    return "\n".join(lines)


def _insert(text: str, rng: random.Random) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + str(rng.choice(ODD)) + text[at:]


def _cut(text: str, rng: random.Random) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + text[at + rng.randint(1, 60) :]


def _repeat(text: str, rng: random.Random) -> str:
    at, length = rng.randint(0, len(text)), rng.randint(1, 200)
    return text[:at] + text[at : at + length] * rng.choice([2, 2, 2, 500]) + text[at + length :]


def _swap(text: str, rng: random.Random) -> str:
    other = rng.random()

    def change(lines: list[str], at: int) -> None:
        to = int(other * len(lines))
        lines[at], lines[to] = lines[to], lines[at]

    return _lines(text, rng, change)


def _drop(text: str, rng: random.Random) -> str:
    return _lines(text, rng, lambda lines, at: lines.__delitem__(at))


def _twice(text: str, rng: random.Random) -> str:
    return _lines(text, rng, lambda lines, at: lines.insert(at, lines[at]))


def _indent(text: str, rng: random.Random) -> str:
    by = rng.choice(["  ", " ", "\t", "- ", "# ", "? ", "&a ", "*a "])
    return _lines(text, rng, lambda lines, at: lines.__setitem__(at, by + lines[at]))


def _character(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text)) if text else 0
    return text[:at] + rng.choice("{}[]:,#&*!|>'\"%@`-? \t\n\x00\x1b\u2028") + text[at + 1 :]


_TEXTS = [_insert, _cut, _repeat, _swap, _drop, _twice, _indent, _character]


def look_at(folder: Path) -> bool:
    """Do with a pack what is done before anybody runs it; whether it is taken."""
    linted = lint(Target(folder))
    view = View(io.StringIO(), io.StringIO())
    view.linted(linted)
    fits = all(problem.rule is not None for problem in linted.problems)
    try:
        pack = open_pack(folder)
        pack.outlines()
        for slug in pack.lessons:
            view.preview(slug, pack.lesson(slug), only=None)
        uses.of(pack)
    except DockerlearnError as error:
        view.error(error)
        if fits:
            raise RuntimeError("Lint has nothing to say, and it is refused.") from error
        return False
    return fits


def write(place: Path, one: Good, text: str) -> Path:
    """Write a lesson as the only one of a pack, with the files of the good one; the folder of the pack."""
    folder = place / one.files.parent.name
    if not folder.exists():
        (folder / "one").mkdir(parents=True)
        (folder / "pack.yaml").write_text(PACK.replace("{images}", json.dumps(one.images)))
        if one.files.is_dir():
            shutil.copytree(one.files, folder / "one" / "files")
    (folder / "one" / "lesson.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    return folder


def main(count: int, seed: int) -> dict[str, Any]:
    """Look at ``count`` mutants; what came of them."""
    taken, slowest, failures = 0, 0.0, []
    with tempfile.TemporaryDirectory(prefix="dl-mutant-") as name:
        began = _megabytes()
        for number, (one, text) in enumerate(mutants(count, seed)):
            folder = write(Path(name), one, text)
            before = time.process_time()
            try:
                taken += look_at(folder)
            except Exception:  # noqa: BLE001 - what is looked for
                failures.append({"number": number, "error": traceback.format_exc()[-1_500:], "lesson": text[-3_000:]})
            took = time.process_time() - before
            slowest = max(slowest, took)
            if took > SECONDS:
                failures.append({"number": number, "error": f"it took {took:.1f} s", "lesson": text[:3_000]})
    grown = _megabytes() - began
    return {"count": count, "seed": seed, "taken": taken, "slowest": slowest, "megabytes": grown, "failures": failures}


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    sys.stdout.write(json.dumps(main(*given, *(1_000, 1)[len(given) :]), indent=1) + "\n")
