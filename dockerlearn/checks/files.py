"""Looks at files of containers, images and volumes."""

from __future__ import annotations

from dockerlearn.checks import prose
from dockerlearn.checks.base import Finding
from dockerlearn.checks.matchers import ANY, NONE, Wanted, describe, fits
from dockerlearn.engine.api import PathInContainer


def content(inside: str, path: str, wanted: Wanted, seen: PathInContainer | None) -> Finding:
    """Compare a file with what it should hold; ``inside`` says what it is in.

    ``any`` asks whether there is something, ``none`` whether there is nothing.

    >>> content("dl-web", "/note", "any", None).expected
    'there should be a /note in dl-web'
    >>> content("the volume dl-data", "note", "hello", None).expected
    'the file note in the volume dl-data should hold hello'
    """
    # In a volume or an archive a path has no slash before it, and alone it would read as a word.
    path = path if path.startswith("/") else f"file {path}"
    the_path = path if path.startswith("/") else f"the {path}"
    if wanted in (NONE, "false"):
        if seen is None:
            return Finding(ok=True, expected="", found=f"no {path}")
        return Finding(ok=False, expected=f"there should be no {path} in {inside}", found="it is there")
    if wanted == ANY:
        expected = f"there should be a {path} in {inside}"
        if seen is not None:
            return Finding(ok=True, expected="", found=f"{the_path} is there")
        return Finding(ok=False, expected=expected, found="it is not there")
    expected = f"{the_path} in {inside} should hold {describe(wanted)}"
    if seen is None:
        return Finding(ok=False, expected=expected, found="there is no such file in it")
    if seen.content is None:
        large = f"it is too large to look into ({seen.size / 1e6:.1f} MB)"
        return Finding(ok=False, expected=expected, found=large if seen.kind == "file" else f"it is a {seen.kind}")
    text = seen.content.decode("utf-8", "replace")
    if fits(wanted, text) or fits(wanted, text.strip()):
        return Finding(ok=True, expected="", found=f"{the_path} holds what it should")
    return Finding(ok=False, expected=expected, found=prose.contents(wanted, text))
