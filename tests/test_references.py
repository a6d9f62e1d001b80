"""Names of images."""

from __future__ import annotations

import doctest

import pytest

from dockerlearn.engine import references

DIGEST = "sha256:" + "3ab634bf" * 8


@pytest.mark.parametrize(
    ("typed", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        (" busybox:1.36\n", "docker.io/library/busybox:1.36"),
        ("library/busybox", "docker.io/library/busybox:latest"),
        ("docker.io/busybox", "docker.io/library/busybox:latest"),
        ("index.docker.io/busybox", "docker.io/library/busybox:latest"),
        ("team/app:v1", "docker.io/team/app:v1"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("localhost:5000/team/app:v2", "localhost:5000/team/app:v2"),
        ("ghcr.io/team/app", "ghcr.io/team/app:latest"),
        (f"busybox@{DIGEST}", f"docker.io/library/busybox@{DIGEST}"),
        # The engine goes by the digest and ignores a tag beside it.
        (f"busybox:1.36@{DIGEST}", f"docker.io/library/busybox@{DIGEST}"),
    ],
)
def test_normalise(typed: str, full: str) -> None:
    assert references.normalise(typed) == full
    assert references.normalise(full) == full


@pytest.mark.parametrize(
    ("typed", "repository"),
    [
        ("busybox:1.36", "docker.io/library/busybox"),
        ("localhost:5000/app", "localhost:5000/app"),
        (f"team/app@{DIGEST}", "docker.io/team/app"),
    ],
)
def test_repository(typed: str, repository: str) -> None:
    assert references.repository(typed) == repository


def test_names_that_differ_stay_different() -> None:
    names = ["busybox", "busybox:1.36", "team/busybox", "localhost/busybox", f"busybox@{DIGEST}"]
    assert len({references.normalise(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("reference", "short"),
    [
        ("docker.io/library/busybox:1.36", "busybox:1.36"),
        ("docker.io/team/app:v1", "team/app:v1"),
        ("localhost/app:v1", "localhost/app:v1"),
    ],
)
def test_short(reference: str, short: str) -> None:
    assert references.short(reference) == short


@pytest.mark.parametrize(
    ("text", "answer"),
    [(DIGEST, True), ("3ab634bf0748", True), ("3ab6", True), ("3ab", False), ("busybox", False), ("3ab6:1", False)],
)
def test_looks_like_id(text: str, answer: bool) -> None:
    assert references.looks_like_id(text) is answer


def test_examples_in_the_docstrings() -> None:
    outcome = doctest.testmod(references)
    assert outcome.attempted >= 5
    assert outcome.failed == 0
