"""Reading YAML: nothing surprises, everything has its place, nothing can blow up."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import pytest

from dockerlearn.course import tree
from dockerlearn.course.tree import Mapping, Scalar, Sequence, Tree


def problems(text: str | bytes) -> list[tuple[int, int, str]]:
    data = text.encode() if isinstance(text, str) else text
    return [(one.line, one.column, one.message) for one in tree.parse(data, "x.yaml").problems]


def value(text: str) -> Tree:
    document = tree.parse(text.encode(), "x.yaml")
    assert not document.problems
    assert document.root is not None
    return tree.plain(document.root)


SURPRISES = ["22:22", "no", "null", "~", "3.10", "0x1f", "0o17", "1e3", "2024-01-31", "yes", ".inf", "1_000", "="]


@pytest.mark.parametrize("text", SURPRISES)
def test_every_scalar_stays_what_was_written_as_value_and_as_key(text: str) -> None:
    assert value(f"a: {text}\n{text}: b\n") == {"a": text, text: "b"}


def test_an_empty_value_is_an_empty_text() -> None:
    assert value("a:\nb: ''\n") == {"a": "", "b": ""}


def test_a_merge_key_is_a_key_like_any_other() -> None:
    assert value("<<: {a: b}\n") == {"<<": {"a": "b"}}


def test_positions_count_lines_and_characters_from_one() -> None:
    root = tree.parse("ä: [ö, {ü: ß}]\nb:\n  - c\n".encode(), "x.yaml").root
    assert isinstance(root, Mapping)
    (first, flow), (second, block) = root.pairs
    assert isinstance(flow, Sequence)
    inner = flow.items[1]
    assert isinstance(inner, Mapping)
    assert isinstance(block, Sequence)
    assert (first.at, flow.at, flow.items[0].at, inner.at, inner.pairs[0][1].at) == (
        (1, 1),
        (1, 4),
        (1, 5),
        (1, 8),
        (1, 12),
    )
    assert (second.at, block.at, block.items[0].at) == ((2, 1), (3, 3), (3, 5))


def test_a_word_is_found_within_a_text_of_many_lines() -> None:
    document = tree.parse(b"a: |\n  first\n  then @{x} here\n", "x.yaml")
    assert isinstance(document.root, Mapping)
    scalar = document.root.pairs[0][1]
    assert isinstance(scalar, Scalar)
    assert document.find(scalar, "@{x}") == (3, 8)
    assert document.find(scalar, "@{y}") == scalar.at == (1, 4)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "the file is empty"),
        ("# only a comment\n", 1, 1, "the file is empty"),
        ("a:\n\tb: 1\n", 2, 1, "a tab stands here"),
        ("a: @{x}\n", 1, 4, "text may not begin with @ as it stands"),
        ("a: b: c\n", 1, 5, "a colon stands where no key can"),
        ("a: 1\nb: 'x\n", 2, 4, "a quote opens here and is never closed"),
        ("a: [1\nb: 2\n", 1, 4, "a [ opens here and is not closed"),
        ("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here; a file holds one"),
        ("a: {{ x }}\n", 1, 5, "a mapping stands where a key should"),
        ("a: &x 1\nb: *x\n", 1, 4, "&x: anchors and aliases are not part of the format"),
        (
            "a: !!python/object:os.x [x]\n",
            1,
            4,
            "the tag tag:yaml.org,2002:python/object:os.x is not part of the format",
        ),
        ("a: !!int 3\n", 1, 4, "the tag tag:yaml.org,2002:int is not part of the format"),
        ("a: x\x00y\n", 1, 5, "the control character U+0000 may not stand here"),
        ("a: b\nc: \u2028\n", 2, 4, "the control character U+2028 may not stand here"),
        ("\ufeffa: b\n", 1, 1, "the file begins with a byte order mark"),
    ],
)
def test_what_cannot_be_read_is_one_problem_in_its_place(text: str, line: int, column: int, message: str) -> None:
    assert problems(text) == [(line, column, message)]


def test_other_encodings_are_told() -> None:
    assert problems(b"a: b\nc: caf\xe9\n") == [(2, 7, "the byte 0xe9 is not UTF-8")]
    assert problems("a: b\n".encode("utf-16")) == [(1, 1, "the file is UTF-16")]


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "&a: anchors and aliases are not part of the format"),
        ("a: &a [*a, *a]\n", "&a: anchors and aliases are not part of the format"),
        ("&a [*a]", "&a: anchors and aliases are not part of the format"),
        ("[" * 200_000, "lists and mappings are nested more than 40 deep"),
        ("{a: " * 100_000, "lists and mappings are nested more than 40 deep"),
        ("- " * 200_000, "lists and mappings are nested more than 40 deep"),
        ("? " * 200_000, "a mapping stands where a key should"),
        ("[" + "a," * 200_000 + "]", "the file has more than 50000 parts"),
        ("a: " + "x" * 600_000, "the file is larger than 512 KiB"),
        ("\n".join(f"k{i}: {{" for i in range(20_000)), "lists and mappings are nested more than 40 deep"),
    ],
    ids=["bomb", "loop", "loop-root", "brackets", "braces", "dashes", "questions", "wide", "large", "open"],
)
def test_what_would_blow_up_is_one_problem_soon(text: str, message: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    assert [one[2] for one in problems(text)] == [message]
    # The slowest takes half a second on a slow machine; without the bounds it is minutes, or the end of the process.
    assert time.process_time() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_the_bounds_let_through_what_is_just_within() -> None:
    deep: Tree = value("[" * tree.MAX_DEPTH + "]" * tree.MAX_DEPTH)
    for _ in range(tree.MAX_DEPTH - 1):
        assert isinstance(deep, list)
        deep = deep[0]
    assert deep == []
    assert len(value("[" + ",".join(["a"] * (tree.MAX_NODES - 1)) + "]")) == tree.MAX_NODES - 1
    assert problems("[" + ",".join(["a"] * tree.MAX_NODES) + "]") != []


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert [one.message for one in tree.read(pipe, "p").problems] == ["this is not a regular file"]
    assert [one.message for one in tree.read(tmp_path, "p").problems] == ["this is not a regular file"]
    assert [one.message for one in tree.read(tmp_path / "none", "p").problems] == ["there is no such file"]


def test_a_list_at_the_top_is_read_as_one() -> None:
    assert value("- a\n- b\n") == ["a", "b"]
