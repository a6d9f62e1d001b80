"""Explaining: everything that is wrong, at once, each thing where it stands, and never an exception."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from dockerlearn.checks.vocabulary import NOUNS
from dockerlearn.course import explain, tree, variables
from dockerlearn.course.models import Lesson, Variable
from dockerlearn.course.packs import open_pack, pack_problems
from dockerlearn.course.problems import LIMIT, Problem
from dockerlearn.course.rules import Context
from dockerlearn.errors import LessonError

PACKS = Path(__file__).parent / "packs"
IMAGES = {"nginx": "nginx:1.27", "busybox": "busybox:1.36"}

# line, column, path, message, suggestion
FAULTS = [
    (2, 8, "level", "expected advanced, expert, foundation or intermediate, found 'beginer'", None),
    (3, 10, "summary", "this text is empty", "leave the key out, or say what belongs here"),
    (4, 10, "minutes", "expected a whole number from 1 to 600, found 'many'", None),
    (5, 12, "requires[0]", "there is no lesson fien", "did you mean fine?"),
    (7, 21, "vars.port.free_port", "is the first port to try, from 1024 to 65000", None),
    (8, 3, "vars.Bad-Name", "'Bad-Name' is not a name of a-z, 0-9 and _ that begins with a letter", None),
    (9, 1, "nonsense", "unknown key", None),
    (11, 5, "steps[0]", "the key solution is missing, which a step with something to do needs", None),
    (13, 16, "steps[0].task", "there is no variable prt", "did you mean @{port}?"),
    (13, 28, "steps[0].task", "there is no image ngnix", "did you mean @{image.nginx}?"),
    (14, 5, "steps[0].titel", "unknown key", "did you mean title?"),
    (15, 13, "steps[0].files[0]", "there is no file Dockerfile in the lesson's files/", None),
    (15, 25, "steps[0].files[1]", "'../secret' is not a path in the lesson's files/", None),
    (
        17,
        21,
        "steps[0].setup[0].container",
        "the course's containers begin with dl-, and 'web' does not",
        "call it dl-web",
    ),
    (
        18,
        10,
        "steps[0].setup[1].contaner",
        "this is not a thing to look at, which is container, file, network, volume or image",
        "did you mean container?",
    ),
    (18, 44, "steps[0].setup[1].comand", "unknown key", "did you mean command?"),
    (19, 9, "steps[0].setup[2]", "dl-x needs an image, or absent: true", None),
    (22, 9, "steps[0].check[0].runing", "unknown key", "did you mean running?"),
    (23, 18, "steps[0].check[0].running", "expected true or false, found 'perhaps'", None),
    (
        24,
        16,
        "steps[0].check[0].image",
        "'ngnix' is neither an image of pack.yaml nor a dl- name",
        "did you mean nginx?",
    ),
    (
        25,
        29,
        'steps[0].check[0].published["80/tcp"]',
        "expected text or a matcher such as {contains: …}, found a list",
        None,
    ),
    (26, 25, "steps[0].check[0].logs.matches", "not a regular expression RE2 knows: missing ): (", None),
    (27, 15, "steps[0].check[1].http", "'dl-web' is not CONTAINER:PORT, as in dl-web:80", None),
    (28, 17, "steps[0].check[1].within", "'soon' is not a time, as in 30s", None),
    (
        29,
        9,
        "steps[0].check[2]",
        f"it does not say what it is about: one of its keys is {', '.join(list(NOUNS)[:-2])} or image",
        None,
    ),
    (30, 20, "steps[0].hints[1]", "this text is empty", "leave the key out, or say what belongs here"),
    (32, 25, "steps[0].mistakes[0].when", "this list is empty", "leave the key out, or say what belongs here"),
    (33, 5, "steps[1]", "the key task is missing, which a step with something to do needs", None),
    (33, 9, "steps[1].id", "the step in line 11 has the same id", None),
    (35, 5, "steps[1].title", "this key was given before, in line 34", None),
    (38, 12, "steps[1].learn", "there is no variable nothing", None),
    (
        39,
        21,
        "steps[1].check[0].image",
        "'nginx:1.25' is neither an image of pack.yaml nor a dl- name",
        "the pack's is nginx:1.27-alpine-slim, called nginx",
    ),
    (40, 5, "steps[1].answer", "a step has only one of check and answer", None),
    (40, 13, "steps[1].answer", "an answer is either equals: TEXT or from: {…}", None),
    (41, 12, "steps[1].hints", "this list is empty", "leave the key out, or say what belongs here"),
    (42, 24, 'steps[1].solution.files["/etc/passwd"]', "'/etc/passwd' is not a path beneath the lesson's folder", None),
    (43, 9, "steps[2].id", "'Bad Id' is not a name of a-z, 0-9 and single -", None),
    (47, 16, "steps[2].predict.choices", "exactly one choice must have right: true, found none", None),
    (47, 32, "steps[2].predict.choices[0].say", "this text is empty", "leave the key out, or say what belongs here"),
    (47, 43, "steps[2].predict.choices[0].right", "expected true or false, found 'maybe'", None),
    (47, 51, "steps[2].predict.choices[1]", "the key say is missing", None),
    (48, 5, "steps[2].question", "a step has only one of answer and question", None),
    (48, 33, "steps[2].question.choices", "exactly one choice must have right: true, found 2", None),
    (
        49,
        45,
        "steps[2].answer.from.field",
        "is one of id, ip, hostname, image, status, exit_code, name or port:80/tcp",
        None,
    ),
    (53, 5, "steps[3]", "expected a mapping (key: value), found 'just text'", None),
]
PACK_FAULTS = [
    (1, 1, "", "the key title is missing", None),
    (1, 9, "format", "expected 1, found '2'", None),
    (2, 5, "id", "'Broken Pack' is not a name of a-z, 0-9 and single -", None),
    (3, 1, "titel", "unknown key", "did you mean title?"),
    (4, 11, "lessons[0]", "there is no first/lesson.yaml beside this file", None),
    (4, 18, "lessons[1]", "the lesson first is listed twice", None),
    (4, 25, "lessons[2]", "there is no lsted/lesson.yaml beside this file", "did you mean listed?"),
    (4, 32, "lessons[3]", "'Bad' is not a name of a-z, 0-9 and single -", None),
    (4, 37, "lessons[4]", "there is no missing/lesson.yaml beside this file", None),
    (6, 3, "images.dl-mine", "names that begin with dl- are for what lessons make", None),
    (7, 3, "images.Big", "'Big' is not a name of a-z, 0-9, ., _ and -", None),
    (8, 10, "images.empty", "this text is empty", "say which image is meant"),
    (9, 8, "images.odd", "'not a reference' is not the reference of an image", None),
    (10, 11, "images.kettle", "the key reference is missing", None),
]


def rows(found: tuple[Problem, ...]) -> list[tuple[int, int, str, str, str | None]]:
    return [(one.line, one.column, one.path, one.message, one.suggestion) for one in found]


def lesson(text: str, folder: Path | None = None) -> tuple[Problem, ...]:
    context = Context(file="x/lesson.yaml", folder=folder, references=IMAGES, lessons=("first",))
    return explain.lesson(tree.parse(text.encode(), context.file), context)


def test_every_fault_of_a_lesson_is_told_at_once() -> None:
    assert rows(open_pack(PACKS / "broken").problems("faults")) == FAULTS


def test_every_fault_of_a_pack_is_told_at_once() -> None:
    assert rows(pack_problems(PACKS / "broken-pack")) == PACK_FAULTS


def test_a_lesson_not_listed_is_told(tmp_path: Path) -> None:
    for name in ("a", "forgotten"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lesson.yaml").write_text("")
    (tmp_path / "pack.yaml").write_text("format: 1\nid: p\ntitle: P\nlessons: [a]\n")
    assert rows(pack_problems(tmp_path)) == [(4, 10, "lessons", "the lesson forgotten is not listed", "add forgotten")]


def test_a_problem_reads_as_one_line() -> None:
    problem = lesson(STEP.replace("running:", "runing:"))[0]
    assert str(problem) == "x/lesson.yaml:10:27: steps[0].check[0].runing: unknown key; did you mean running?"


def test_good_lessons_have_no_problems() -> None:
    pack = open_pack(PACKS / "good")
    assert [pack.problems(slug) for slug in pack.lessons] == [(), ()]
    assert open_pack(PACKS / "broken").problems("fine") == ()
    assert lesson(STEP) == ()


STEP = """\
title: T
level: expert
summary: S
minutes: 1
steps:
  - id: one
    title: One
    task: Do it.
    check:
      - {container: dl-a, running: true, image: nginx}
    hints: [Look.]
    solution: docker run
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("minutes: 1", "minutes: 0", (4, 10, "minutes", "expected a whole number from 1 to 600, found '0'")),
        ("minutes: 1", "minutes:", (4, 9, "minutes", "expected a whole number from 1 to 600, found nothing")),
        ("minutes: 1", "minutes: 1.5", (4, 10, "minutes", "expected a whole number from 1 to 600, found '1.5'")),
        (
            "running: true",
            "running: null",
            (10, 36, "steps[0].check[0].running", "expected true or false, found 'null'"),
        ),
        ("running: true", "within: long", (10, 35, "steps[0].check[0].within", "'long' is not a time, as in 30s")),
        (
            "running: true",
            "status: {}",
            (10, 35, "steps[0].check[0].status", "an empty matcher would accept everything"),
        ),
        (
            "running: true",
            "memory: {'>': lots}",
            (10, 41, "steps[0].check[0].memory.>", "'lots' is not a number with a known unit"),
        ),
        (
            "running: true",
            "memory: {between: [1m, x]}",
            (10, 50, "steps[0].check[0].memory.between[1]", "'x' is not a number with a known unit"),
        ),
        (
            "running: true",
            "memory: {between: [1m]}",
            (10, 45, "steps[0].check[0].memory.between", "expected 2 values, found 1"),
        ),
        ("running: true", "noun: container", (10, 27, "steps[0].check[0].noun", "unknown key")),
        ("dl-a", "dl-", (10, 21, "steps[0].check[0].container", "'dl-' is not a name for a container")),
        ("dl-a", "'dl-a b'", (10, 21, "steps[0].check[0].container", "'dl-a b' is not a name for a container")),
        ("dl-a", "''", (10, 21, "steps[0].check[0].container", "this text is empty")),
        (
            "image: nginx",
            "image: redis",
            (10, 49, "steps[0].check[0].image", "'redis' is neither an image of pack.yaml nor a dl- name"),
        ),
        ("solution: docker run", "solution: ' '", (12, 15, "steps[0].solution", "this text is empty")),
        ("solution: docker run", "solution: 'HEAD@{1'", (12, 20, "steps[0].solution", "@{ is never closed")),
        ("hints: [Look.]", "hints:", (11, 11, "steps[0].hints", "expected a list, found nothing")),
        (
            "title: One",
            "title: One\n    setup: [{image: nginx, absent: true}]",
            (8, 21, "steps[0].setup[0].image", "with absent the name must be the course's own"),
        ),
        (
            "title: One",
            "title: One\n    setup: [{container: dl-b, image: nginx, publish: {80/tcp: 80}}]",
            (8, 63, 'steps[0].setup[0].publish["80/tcp"]', "a port of the host is from 1024 to 65535"),
        ),
        (
            "title: One",
            "title: One\n    setup: [{container: dl-b, image: nginx, publish: {http: 8080}}]",
            (8, 55, "steps[0].setup[0].publish.http", "'http' is not a port, as in 80/tcp"),
        ),
        (
            "title: One",
            "title: One\n    setup: [{file: ../x, content: y}]",
            (8, 20, "steps[0].setup[0].file", "'../x' is not a path beneath the lesson's folder"),
        ),
    ],
)
def test_a_fault_is_told_in_its_place(old: str, new: str, expected: tuple[int, int, str, str]) -> None:
    assert old in STEP
    found = [(one.line, one.column, one.path, one.message) for one in lesson(STEP.replace(old, new, 1))]
    expected = (expected[0], expected[1], expected[2].replace(".>", '[">"]'), expected[3])
    assert found == [expected]


@pytest.mark.parametrize(
    "image", ["nginx", "nginx:1.27", "docker.io/library/nginx:1.27", "dl-own:v1", "localhost:5000/dl-own"]
)
def test_an_image_is_the_packs_by_any_name_or_the_courses_own(image: str) -> None:
    assert lesson(STEP.replace("image: nginx", f"image: '{image}'")) == ()


@pytest.mark.parametrize(
    ("check", "path", "message"),
    [
        ("{network: net}", "network", "the course's networks begin with dl-, and 'net' does not"),
        ("{network: dl-net, attached: [web]}", "attached[0]", "the course's containers begin with dl-"),
        (
            "{network: dl-net, reaches: [{from: web, to: dl-b}]}",
            "reaches[0].from",
            "the course's containers begin with dl-",
        ),
        (
            "{network: dl-net, reaches: [{from: dl-a, to: b}]}",
            "reaches[0].to",
            "the course's containers begin with dl-",
        ),
        (
            "{network: dl-net, reaches: [{from: dl-a, to: [dl-b, c], by_name: x}]}",
            "reaches[0].to[1]",
            "the course's containers begin with dl-",
        ),
        ("{network: dl-net, reaches: [{from: dl-a}]}", "reaches[0]", "the key to is missing"),
        ("{network: dl-net, reaches: [{from: dl-a, to: dl-b, frmo: x}]}", "reaches[0].frmo", "unknown key"),
        (
            "{network: dl-net, reaches: [{from: dl-a, to: dl-b, by_name: '-e'}]}",
            "reaches[0].by_name",
            "not a name of a host",
        ),
        ("{http: 'dl-a:80', from: web}", "from", "the course's containers begin with dl-"),
        ("{tcp: 'dl-a:80', from: web}", "from", "the course's containers begin with dl-"),
        ("{tcp: 'dl-a:80', by_name: web}", "by_name", "goes with from:"),
        ("{network: dl-net, attached: {web: any}}", "attached.web", "the course's containers begin with dl-"),
        ("{volume: data}", "volume", "the course's volumes begin with dl-, and 'data' does not"),
        ("{volume: dl-data, used_by: db}", "used_by", "the course's containers begin with dl-"),
        ("{tcp: 'db:80'}", "tcp", "the course's containers begin with dl-"),
        ("{tcp: dl-db}", "tcp", "'dl-db' is not CONTAINER:PORT, as in dl-web:80"),
        ("{exec: db, command: ls}", "exec", "the course's containers begin with dl-"),
        ("{exec: dl-db}", "", "the key command is missing"),
        ("{exec: dl-db, command: ''}", "command", "says what to run"),
        ("{containers: {image: httpd}}", "containers.image", "'httpd' is neither an image of pack.yaml nor a dl- name"),
        ("{container: dl-a, networks: [front]}", "networks[0]", "the course's networks begin with dl-"),
        ("{container: dl-a, only_networks: [front]}", "only_networks[0]", "the course's networks begin with dl-"),
        ("{container: dl-a, mounts: {data: dl-data}}", "mounts.data", "'data' is not a path in a container"),
        ("{container: dl-a, mounts: {/data: data}}", 'mounts["/data"]', "the course's volumes begin with dl-"),
        (
            "{container: dl-a, mounts: {/data: {name: v}}}",
            'mounts["/data"].name',
            "the course's volumes begin with dl-",
        ),
        ("{container: dl-a, mounts: {/data: {from: v}}}", 'mounts["/data"].from', "unknown key"),
        ("{container: dl-a, mounts: some}", "mounts", "is any, none, or a mapping"),
        ("{image: nginx, smaller_than: httpd}", "smaller_than", "'httpd' is neither"),
    ],
)
def test_names_within_a_check_are_looked_at(check: str, path: str, message: str) -> None:
    (found,) = lesson(STEP.replace("{container: dl-a, running: true, image: nginx}", check))
    assert found.path == f"steps[0].check[0].{path}".rstrip(".")
    assert message in found.message


@pytest.mark.parametrize(
    ("item", "path", "message"),
    [
        ("{network: net}", "network", "the course's networks begin with dl-"),
        ("{network: bridge}", "network", "the course's networks begin with dl-"),
        ("{network: dl-net, driver: overlay}", "driver", "unknown key"),
        ("{network: dl-net, subnet: 10.0.0.0/8}", "subnet", "unknown key"),
        ("{volume: data}", "volume", "the course's volumes begin with dl-"),
        ("{volume: dl-data, driver: nfs}", "driver", "unknown key"),
        ("{volume: dl-data, files: {a/b: x}}", 'files["a/b"]', "is not the name of a file at the top of a volume"),
        ("{container: dl-a, image: nginx, networks: [host]}", "networks[0]", "the course's networks begin with dl-"),
        ("{container: dl-a, image: nginx, networks: {web: []}}", "networks.web", "the course's networks begin with"),
        ("{container: dl-a, image: nginx, mounts: {/a: v}}", 'mounts["/a"]', "the course's volumes begin with dl-"),
        ("{container: dl-a, image: nginx, mounts: {/a: {volume: v}}}", 'mounts["/a"].volume', "the course's volumes"),
        ("{container: dl-a, image: nginx, mounts: {/a: /etc}}", 'mounts["/a"]', "'/etc' is a folder of the host"),
        (
            "{container: dl-a, image: nginx, mounts: {/a: {volume: ~/a}}}",
            'mounts["/a"].volume',
            "is a folder of the host",
        ),
        ("{container: dl-a, image: nginx, mounts: {/a: {source: /etc}}}", 'mounts["/a"].source', "is not a folder"),
        ("{container: dl-a, image: nginx, mounts: {a: dl-v}}", "", "is not a path in a container"),
    ],
)
def test_names_within_what_is_stated_are_looked_at(item: str, path: str, message: str) -> None:
    (found,) = lesson(STEP.replace("    task:", f"    setup: [{item}]\n    task:"))
    assert message in found.message
    assert found.path in {f"steps[0].setup[0].{path}".rstrip("."), "steps[0].setup[0]"}


def test_good_networks_and_volumes_can_be_stated() -> None:
    good = (
        "{network: dl-net, internal: true}, {network: dl-old, absent: true}, {volume: dl-data, files: {note: hello}},"
        " {container: dl-a, image: nginx, networks: {dl-net: [db]}, mounts: {/a: dl-data, /b: ./site}}"
    )
    assert lesson(STEP.replace("    task:", f"    setup: [{good}]\n    task:")) == ()


@pytest.mark.parametrize(
    "check",
    [
        "{network: bridge, attached: none}",
        "{network: dl-net, reaches: [{from: dl-a, to: dl-b}, {from: dl-a, to: [dl-b, dl-c], by_name: x, port: 80}]}",
        "{http: 'dl-a:80', from: dl-b, by_name: web, path: /x}",
        "{tcp: 'dl-a:80', from: dl-b}",
        "{network: dl-net, attached: {dl-a: db, dl-b: none}}",
        "{volume: dl-data, used_by: any, files: {/note: hello}}",
        "{containers: {running: true, name: {matches: '^dl-'}}, count: 3}",
        "{container: dl-a, networks: {bridge: none}, mounts: {/data: {source: ./site, read_only: true}, /x: any}}",
        "{container: dl-a, capabilities: {drop: [ALL]}, compose: {service: web}, changed: {/etc/x: added}}",
        "{image: nginx, larger_than: dl-app, layers_shared_with: {dl-base: any}, runs: {command: [ls], prints: any}}",
    ],
)
def test_good_checks_of_each_kind(check: str) -> None:
    assert lesson(STEP.replace("{container: dl-a, running: true, image: nginx}", check)) == ()


def test_nothing_is_put_into_the_declarations_of_variables() -> None:
    assert lesson(STEP + 'vars: {word: {of: ["@{other}"]}}\n') == ()


def test_what_is_not_a_mapping_at_the_top_is_one_problem() -> None:
    expected = [(1, 1, "", "expected a mapping (key: value), found a list", None)]
    assert rows(lesson("- a\n- b\n")) == expected


def test_two_steps_in_one_line_are_told_apart() -> None:
    text = STEP.partition("steps:")[0] + "steps: [{id: a, title: A}, {id: a, title: B}]\n"
    assert rows(lesson(text)) == [(5, 33, "steps[1].id", "the step in line 5 has the same id", None)]


def test_foreign_text_in_a_message_is_made_safe() -> None:
    problem = lesson(STEP.replace("level: expert", 'level: "\\e]0;x\\a\\u202e"'))[0]
    assert problem.message.isprintable()


def test_a_file_full_of_problems_is_left_early() -> None:
    text = STEP + "".join(f"key{number}: x\n" for number in range(20_000))
    assert len(lesson(text)) == LIMIT


@pytest.mark.parametrize("where", ["key", "level", "container"])
def test_a_huge_word_is_not_compared_with_anything(where: str) -> None:
    word = "steps" * 50_000
    old, new = {
        "key": ("title: T", f"? {word}\n: x"),
        "level": ("expert", word),
        "container": ("container: dl-a", f"? {word}\n: x"),
    }[where]
    assert lesson(STEP.replace(old, new, 1))


# Every way to spoil a good lesson -----------------------------------------------------------------------------------


def spoilt(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    """All single changes: which, where, and the value that takes its place (or none, for a dropped key)."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        here = (*path, key)
        for name, value in (
            ("text", "@{no"),
            ("empty", ""),
            ("list", [["\x1b[31m"]]),
            ("mapping", {"a": {"b": "c"}}),
        ):
            yield name, here, value
        yield "drop", here, None
        if isinstance(node, dict):
            yield "misspell", here, None
        yield from spoilt(child, here)


def apply(root: Any, name: str, path: tuple[Any, ...], value: Any) -> Any:
    root = copy.deepcopy(root)
    node = root
    for key in path[:-1]:
        node = node[key]
    last = path[-1]
    if name == "drop":
        del node[last]
    elif name == "misspell":
        node[last[:-1] + "zz"] = node.pop(last)
    else:
        node[last] = value
    return root


@pytest.mark.parametrize("slug", ["first", "second"])
def test_every_spoilt_lesson_is_valid_or_explained_within_its_file(slug: str) -> None:
    pack = open_pack(PACKS / "good")
    folder = PACKS / "good" / slug
    whole = yaml.load((folder / "lesson.yaml").read_text(), yaml.CBaseLoader)
    context = Context(file="x", folder=folder, references=pack.references, lessons=pack.lessons)
    explained = 0
    # Every fifth of the many, which is every kind of change since there are six.
    cases = list(spoilt(whole))[:: 5 if slug == "first" else 1]
    for name, path, value in cases:
        text = yaml.dump(apply(whole, name, path, value), Dumper=yaml.CSafeDumper, allow_unicode=True)
        document = tree.parse(text.encode(), "x")
        found = explain.lesson(document, context)
        lines = text.split("\n")
        for one in found:
            assert 1 <= one.line <= len(lines), (name, path, one)
            assert 1 <= one.column <= len(lines[one.line - 1]) + 1, (name, path, one)
            assert "msgspec" not in one.message, one
            assert "Expected `" not in one.message, one
        if name == "misspell" and not is_free(path):
            assert found, (name, path)
        explained += bool(found)
        if not found:
            # What lint accepts must run: the one model decides for both.
            assert document.root is not None
            convert(document.root, pack.references)
    assert len(cases) > 150
    assert explained > len(cases) / 2


def is_free(path: tuple[Any, ...]) -> bool:
    """Keys that an author makes up, or that may be left out together with what they name."""
    ports = {"published", "published_on", "asked_to_publish", "publish"}
    return len(path) > 1 and path[-2] in ports | {"env", "headers", "files", "vars"}


def convert(root: tree.Node, references: dict[str, str]) -> None:
    plain = explain.tagged(tree.plain(root), Lesson)
    assert isinstance(plain, dict)
    declared = msgspec.convert(plain.pop("vars", {}), dict[str, Variable], strict=False)
    known = variables.values(variables.sample(declared), references)
    msgspec.convert(variables.substitute_tree(plain, known), Lesson, strict=False)


def test_running_and_lint_agree_on_a_broken_lesson() -> None:
    pack = open_pack(PACKS / "broken")
    with pytest.raises(LessonError) as caught:
        pack.lesson("faults")
    assert caught.value.problems == tuple(map(str, pack.problems("faults")))
    assert caught.value.message == f"The lesson faults cannot be used: {len(FAULTS)} problems."


CHECK = "{container: dl-a, running: true, image: nginx}"


@pytest.mark.parametrize(
    ("check", "column", "path", "message"),
    [
        ("{dockerfile: a, stages: {}}", 33, "stages", "an empty matcher"),
        ("{dockerfile: /a}", 22, "dockerfile", "'/a' is not a path beneath"),
        ("{dockerfile: a, has: {run: x}}", 30, "has", "expected a list, found a mapping"),
        ("{dockerfile: a, has: [{copy: x, to: [a]}]}", 45, "has[0].to", "expected text or a matcher"),
        ("{dockerfile: a, has: [{cmd: x, form: exce}]}", 46, "has[0].form", "expected exec or shell"),
        ("{dockerfile: a, has_not: [{run: x, cmd: y}]}", 35, "has_not[0]", "run and cmd are two"),
        ("{dockerfile: a, has: [{run: x, options: {mont: y}}]}", 49, "has[0].options", "RUN has no option 'mont'"),
        ("{dockerfile: a, order: [{run: x}]}", 32, "order", "names at least two instructions"),
        ("{compose: ../a}", 19, "compose", "'../a' is not a path beneath"),
        ("{compose: a, services: {web: {imag: x}}}", 39, "services.web.imag", "unknown key"),
        ("{compose: a, services: {web: nginx}}", 32, "services", "a text here is any or none"),
        ("{compose: a, services: {web: {ports: [80]}}}", 46, "services.web.ports", "expected a mapping"),
        ("{compose: a, services: {web: {volumes: x}}}", 48, "services.web.volumes", "a text here is any or none"),
        ("{compose: a, networks: {b: {internal: maybe}}}", 47, "networks.b.internal", "expected true or false"),
    ],
)
def test_what_is_wrong_in_a_check_of_a_file(check: str, column: int, path: str, message: str) -> None:
    (found,) = lesson(STEP.replace(CHECK, check))
    assert (found.line, found.column, found.path) == (10, column, f"steps[0].check[0].{path}")
    assert found.message.startswith(message)
