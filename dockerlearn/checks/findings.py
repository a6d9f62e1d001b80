"""Looks at one value, which most fields are about."""

from __future__ import annotations

from collections.abc import Collection

from dockerlearn.checks.base import Finding
from dockerlearn.checks.matchers import Wanted, describe, fits, fits_some
from dockerlearn.text import one_line


def value(name: str, word: str, wanted: Wanted, seen: str | float | None, told: str | None = None) -> Finding:
    """Compare one value; ``told`` says in words what was seen, where its text alone would not.

    >>> value("dl-web", "user", "app", "root").found
    'it is root'
    """
    if fits(wanted, seen):
        return Finding(ok=True, expected="", found=f"{word} {one_line(str(seen))}")
    found = f"it {told}" if told else f"it is {one_line(str(seen))}" if seen not in {None, ""} else "there is none"
    return Finding(ok=False, expected=f"the {word} of {name} should be {describe(wanted)}", found=found)


def flag(name: str, words: str, wanted: bool, seen: bool) -> Finding:
    """Compare something that is so or not.

    >>> told = flag("dl-web", "be privileged", wanted=True, seen=False)
    >>> told.expected, told.found
    ('dl-web should be privileged', 'it is not')
    """
    if wanted == seen:
        return Finding(ok=True, expected="", found="" if not seen else words.removeprefix("have ").removeprefix("be "))
    verb = "has" if words.startswith("have been ") else "is" if words.startswith("be ") else "does"
    return Finding(
        ok=False,
        expected=f"{name} should {'' if wanted else 'not '}{words}",
        found=f"it {verb} not" if wanted else f"it {verb}",
    )


def several(name: str, word: str, wanted: list[str] | Wanted, seen: Collection[str]) -> Finding:
    """Compare a collection: a list wants each of its items to be in it, anything else is as for ``fits_some``.

    >>> several("dl-web", "capabilities", ["CHOWN"], {"CHOWN", "KILL"}).ok
    True
    """
    ok = all(item in seen for item in wanted) if isinstance(wanted, list) else fits_some(wanted, seen)
    text = ", ".join(sorted(one_line(item) for item in seen))
    if ok:
        return Finding(ok=True, expected="", found=f"{word} {text or 'none'}")
    asked = " and ".join(wanted) if isinstance(wanted, list) else describe(wanted)
    found = f"they are {text}" if text else "there are none"
    return Finding(ok=False, expected=f"the {word} of {name} should be {asked}", found=found)
