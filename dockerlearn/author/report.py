"""What a proof came to: by lesson and step, and as a JUnit file for CI."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dockerlearn.author.prove import Loosened, Proved
from dockerlearn.text import safe


class LessonProof(msgspec.Struct, frozen=True):
    """The claims about one lesson, in the order in which they were looked at; ``loosened`` with mutation mode only."""

    lesson: str
    claims: tuple[Proved, ...]
    loosened: tuple[Loosened, ...] = ()

    @property
    def unnoticed(self) -> tuple[Loosened, ...]:
        """What could be left out of a check, and nobody would notice."""
        return tuple(one for one in self.loosened if one.noticed is None)

    @property
    def held(self) -> bool:
        """Whether every claim holds; no claim at all is none that holds."""
        return bool(self.claims) and all(claim.held for claim in self.claims)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return sum(claim.seconds for claim in self.claims)

    def by_step(self) -> dict[str, tuple[Proved, ...]]:
        """The claims about each step, in order; those about the lesson as a whole are under the lesson's name."""
        found: dict[str, list[Proved]] = {}
        for claim in self.claims:
            found.setdefault(claim.step, []).append(claim)
        return {step: tuple(claims) for step, claims in found.items()}


def junit(proofs: Sequence[LessonProof]) -> str:
    """Return the proofs as JUnit's XML: a suite per lesson, a case per claim."""
    from xml.etree import ElementTree

    root = ElementTree.Element("testsuites", _counts([claim for proof in proofs for claim in proof.claims]))
    for proof in proofs:
        suite = ElementTree.SubElement(root, "testsuite", {"name": proof.lesson, **_counts(proof.claims)})
        for claim in proof.claims:
            named = {"classname": claim.step.replace("/", "."), "name": safe(claim.claim), "time": _time(claim.seconds)}
            case = ElementTree.SubElement(suite, "testcase", named)
            if not claim.held:
                # XML has no place for control characters, which logs are full of.
                why = safe(claim.why)
                ElementTree.SubElement(case, "failure", {"message": why.split("\n", 1)[0]}).text = why
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _counts(claims: Sequence[Proved]) -> dict[str, str]:
    return {
        "tests": str(len(claims)),
        "failures": str(sum(not claim.held for claim in claims)),
        "errors": "0",
        "time": _time(sum(claim.seconds for claim in claims)),
    }


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"
