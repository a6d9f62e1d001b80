"""What a field of a check may ask for: a value, or a matcher.

``{contains: …}``, ``{matches: …}`` (RE2, whose run time is bounded by the text's length), ``{one_of: […]}``,
``{not: …}``, ``{">": …}``, ``{"<": …}``, ``{between: [low, high]}``, ``{length: …}``; and the words ``any`` (there
is one) and ``none`` (there is none). Quantities take units: ``20MB``, ``512m``, ``30s``.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Union

import msgspec

from dockerlearn.text import in_quotes

ANY, NONE = "any", "none"

_QUANTITY = re.compile(r"^\s*([+-]?\d+(?:\.\d+)?)\s*([A-Za-zµ]*)\s*$")
# Docker reads 512m as mebibytes on the command line and prints MB as 10^6; both words mean what they mean there.
_UNITS = {
    "": 1.0,
    "b": 1.0,
    "k": 2.0**10,
    "kb": 1e3,
    "kib": 2.0**10,
    "m": 2.0**20,
    "mb": 1e6,
    "mib": 2.0**20,
    "g": 2.0**30,
    "gb": 1e9,
    "gib": 2.0**30,
    "ns": 1e-9,
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "min": 60.0,
    "h": 3600.0,
}


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A matcher; all that is given must hold.

    ``means`` says in words what fits, for the verdict of what does not; a pattern is for whoever writes it.
    """

    contains: str | list[str] | None = None
    matches: str | None = None
    one_of: list[str] | None = None
    not_: Union[str, Match, None] = msgspec.field(default=None, name="not")  # noqa: UP007 - the name is not yet bound
    greater: str | None = msgspec.field(default=None, name=">")
    less: str | None = msgspec.field(default=None, name="<")
    between: tuple[str, str] | None = None
    length: Union[str, Match, None] = None  # noqa: UP007 - the name is not yet bound
    means: str | None = None

    def __post_init__(self) -> None:
        if self.matches is not None:
            check_pattern(self.matches)
        for bound in (self.greater, self.less, *(self.between or ())):
            if bound is not None and quantity(bound) is None:
                raise ValueError(f"{bound!r} is not a number with a known unit")
        if all(getattr(self, name) is None for name in self.__struct_fields__ if name != "means"):
            raise ValueError("an empty matcher would accept everything")


Wanted = str | Match
"""The type of most fields: text that must be equal, or a matcher."""


def check_pattern(pattern: str) -> None:
    """Raise ``ValueError`` when ``pattern`` is not a regular expression that RE2 knows."""
    import re2

    try:
        re2.compile(pattern, _re2_options())
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else error.args[0]
        raise ValueError(f"not a regular expression RE2 knows: {reason}") from None


def quantity(text: str) -> float | None:
    """Read a number with a unit, in bytes or seconds; None when it is none.

    >>> quantity("20MB"), quantity("512m"), quantity("1.5s"), quantity("many")
    (20000000.0, 536870912.0, 1.5, None)
    """
    match = _QUANTITY.match(text)
    if not match or match.group(2).lower() not in _UNITS:
        return None
    return float(match.group(1)) * _UNITS[match.group(2).lower()]


def fits(wanted: Wanted, found: str | float | None) -> bool:
    """Whether one value is as wanted. ``found`` None means that there is none.

    >>> fits("8080", 8080), fits("none", None), fits(Match(contains="b"), "abc"), fits("any", "")
    (True, True, True, False)
    """
    present = found is not None and found != ""
    text = _text(found)
    if isinstance(wanted, Match):
        return _match(wanted, found, text, present)
    if wanted == ANY:
        return present
    if wanted == NONE:
        return not present
    if isinstance(found, int | float) and not isinstance(found, bool):
        number = quantity(wanted)
        return number is not None and number == found
    return (present and text == wanted) or (not present and wanted == "" and found == "")


def fits_some(wanted: Wanted, found: Collection[str]) -> bool:
    """Whether a collection holds what is wanted: one item fits; ``none`` wants it empty, ``any`` not empty.

    ``not`` wants that no item fits, and ``length`` counts the items.
    """
    if isinstance(wanted, Match):
        if wanted.length is not None:
            return fits(wanted.length, len(found))
        if wanted.not_ is not None:
            return not fits_some(wanted.not_, found)
    elif wanted == NONE:
        return not found
    elif wanted == ANY:
        return bool(found)
    return any(fits(wanted, item) for item in found)


def describe(wanted: Wanted) -> str:
    """Say what is wanted, as the end of a sentence.

    >>> describe(Match(contains="ready")), describe(Match(not_="root")), describe("none")
    ('text with "ready"', 'anything but root', 'none')
    >>> describe(Match(not_=Match(matches="^v[0-9]", means="a version")))
    'anything but a version'
    """
    if isinstance(wanted, str):
        return wanted if wanted else "nothing"
    if wanted.means is not None:
        return wanted.means
    parts: list[str] = []
    if wanted.contains is not None:
        items = [wanted.contains] if isinstance(wanted.contains, str) else wanted.contains
        parts.append("text with " + " and ".join(map(in_quotes, items)))
    if wanted.matches is not None:
        parts.append(f"text like /{wanted.matches}/")
    if wanted.one_of is not None:
        parts.append("one of " + ", ".join(wanted.one_of))
    if wanted.not_ is not None:
        parts.append(f"anything but {describe(wanted.not_)}")
    if wanted.greater is not None:
        parts.append(f"more than {wanted.greater}")
    if wanted.less is not None:
        parts.append(f"less than {wanted.less}")
    if wanted.between is not None:
        parts.append(f"{wanted.between[0]} to {wanted.between[1]}")
    if wanted.length is not None:
        parts.append(f"{describe(wanted.length)} of them")
    return ", ".join(parts)


def _text(found: str | float | None) -> str:
    return "" if found is None else str(found)


def _match(wanted: Match, found: str | float | None, text: str, present: bool) -> bool:
    number = found if isinstance(found, int | float) else quantity(text)
    contains = [wanted.contains] if isinstance(wanted.contains, str) else wanted.contains or []
    if (contains or wanted.matches is not None or wanted.one_of is not None) and not present:
        return False
    if any(item not in text for item in contains):
        return False
    if wanted.matches is not None and not _search(wanted.matches, text):
        return False
    if wanted.one_of is not None and not any(fits(item, found) for item in wanted.one_of):
        return False
    if wanted.not_ is not None and fits(wanted.not_, found):
        return False
    if wanted.greater is not None and (number is None or number <= _bound(wanted.greater)):
        return False
    if wanted.less is not None and (number is None or number >= _bound(wanted.less)):
        return False
    if wanted.between is not None:
        low, high = map(_bound, wanted.between)
        if number is None or not low <= number <= high:
            return False
    return wanted.length is None or fits(wanted.length, len(text))


def _bound(text: str) -> float:
    number = quantity(text)
    if number is None:  # __post_init__ let only quantities in
        raise ValueError(text)
    return number


def _search(pattern: str, text: str) -> bool:
    import re2

    return re2.compile(pattern, _re2_options()).search(text) is not None


def _re2_options() -> object:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.never_nl = False
    options.max_mem = 8 << 20
    return options
