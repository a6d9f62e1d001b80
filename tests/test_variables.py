"""``@{name}``: what is put in, what is left alone, and the values of an attempt."""

from __future__ import annotations

import random
import re

import pytest

from dockerlearn.course import variables
from dockerlearn.course.models import Variable
from dockerlearn.course.tree import Tree
from dockerlearn.errors import LessonError, SetupFailed
from dockerlearn.setup.pip_settings import PipFiles

KNOWN = {"port": "8080", "image.nginx": "nginx:1.27", "sly": "@{port}"}


@pytest.mark.parametrize(
    "text",
    [
        "$HOME ${HOME} $$ ${A:-b}",
        "{{.ID}} {{ json . }}",
        "a@b.example user@{ ".rstrip("{ "),
        "$(id -u) `id` %{x} #{y} {port}",
        "@ {port} @port",
    ],
)
def test_what_others_use_is_left_alone(text: str) -> None:
    assert variables.substitute(text, KNOWN) == text
    assert variables.unknown(text, KNOWN) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-p @{port}:80", "-p 8080:80"),
        ("@{port}@{port}", "80808080"),
        ("run @{image.nginx}", "run nginx:1.27"),
        ("git show HEAD@@{1}", "git show HEAD@{1}"),
        ("@@{port}", "@{port}"),
        ("@@@{port}", "@@{port}"),
        ("$@{port}", "$8080"),
        ("@{sly}", "@{port}"),
    ],
)
def test_values_are_put_in_once(text: str, expected: str) -> None:
    assert variables.substitute(text, KNOWN) == expected


@pytest.mark.parametrize(
    ("text", "literal", "message", "suggestion"),
    [
        ("@{prt}", "@{prt}", "there is no variable prt", "did you mean @{port}?"),
        ("@{image.ngnix}", "@{image.ngnix}", "there is no image ngnix", "did you mean @{image.nginx}?"),
        ("@{}", "@{}", "there is no variable (no name)", None),
        ("@{ port }", "@{ port }", "there is no variable  port ", "did you mean @{port}?"),
        ("@{port", "@{port", "@{ is never closed", "write @@{ for the two characters themselves"),
        ("@{a\n}", "@{a", "@{ is never closed", "write @@{ for the two characters themselves"),
    ],
)
def test_a_name_that_stands_for_nothing_is_an_error(
    text: str, literal: str, message: str, suggestion: str | None
) -> None:
    assert variables.unknown(text, KNOWN) == [(literal, message, suggestion)]
    with pytest.raises(LessonError, match=re.escape(literal)):
        variables.substitute(text, KNOWN)


def test_keys_and_values_of_a_tree_are_filled_and_the_tree_is_kept() -> None:
    before: Tree = {"a": [{"@{port}/tcp": "@{port}"}], "b": "c"}
    assert variables.substitute_tree(before, KNOWN) == {"a": [{"8080/tcp": "8080"}], "b": "c"}
    assert before == {"a": [{"@{port}/tcp": "@{port}"}], "b": "c"}


def no_pip() -> PipFiles:
    raise AssertionError("pip is asked where no variable is of it")


DECLARED = {
    "port": Variable(free_port=8080),
    "other": Variable(free_port=8080),
    "token": Variable(random=12),
    "short": Variable(random=1),
    "word": Variable(of=["red", "green"]),
}


def test_an_attempts_values_are_drawn_once_and_can_be_drawn_again_from_the_same_seed() -> None:
    first = variables.fix(DECLARED, rng=random.Random(7), port_is_free=lambda _: True, pip=no_pip)
    again = variables.fix(DECLARED, rng=random.Random(7), port_is_free=lambda _: True, pip=no_pip)
    assert first == again
    assert first != variables.fix(DECLARED, rng=random.Random(8), port_is_free=lambda _: True, pip=no_pip)


def test_random_values_can_be_part_of_a_name() -> None:
    for seed in range(200):
        drawn = variables.fix(DECLARED, rng=random.Random(seed), port_is_free=lambda _: True, pip=no_pip)
        assert re.fullmatch(r"[a-z][a-z0-9]{11}", drawn["token"])
        assert re.fullmatch(r"[a-z]", drawn["short"])
        assert drawn["word"] in {"red", "green"}


def test_a_port_is_the_first_that_is_free_and_nobody_elses() -> None:
    drawn = variables.fix(
        DECLARED, rng=random.Random(1), port_is_free=lambda port: port not in {8080, 8082}, pip=no_pip
    )
    assert (drawn["port"], drawn["other"]) == ("8081", "8083")


def test_no_free_port_is_told() -> None:
    with pytest.raises(SetupFailed, match="No port from 65000 on is free"):
        variables.fix({"p": Variable(free_port=65_000)}, rng=random.Random(1), port_is_free=lambda _: False, pip=no_pip)


def test_samples_are_always_the_same() -> None:
    assert variables.sample(DECLARED) == {
        "port": "8080",
        "other": "8081",
        "token": "abcdefghijkl",
        "short": "a",
        "word": "red",
    }


def test_what_a_build_needs_of_pip_is_asked_once_and_taken_whole() -> None:
    asked: list[PipFiles] = []

    def pip() -> PipFiles:
        asked.append(PipFiles("[global]\nindex-url = http://index/simple", "# none"))
        return asked[-1]

    declared = {"settings": Variable(pip="conf"), "trusted": Variable(pip="ca")}
    drawn = variables.fix(declared, rng=random.Random(1), port_is_free=lambda _: True, pip=pip)
    assert drawn == {"settings": "[global]\nindex-url = http://index/simple", "trusted": "# none"}
    assert len(asked) == 1
    assert variables.sample(declared) == {"settings": "# conf", "trusted": "# ca"}
